"""The button that locks an answer."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFont, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr

_BELOW = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap


class ValidateButton(QWidget):
    """The button that locks an answer: its two lines say what is missing, what will be locked, or how to confirm.

    Signals
    -------
    pressed : asked for by mouse; two presses validate.
    """

    pressed = Signal()
    activated = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = ("", "")
        self._pieces: tuple[str, ...] = ()  # of what is missing
        self._ready = self._armed = self._hover = False
        self.setFixedHeight(theme.px(66))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def show_state(self, title: str, subtitle: str, *, ready: bool, armed: bool) -> None:
        """Show the two lines; ``ready``: the answer is complete; ``armed``: the next press locks it."""
        self._lines, self._ready, self._armed, self._pieces = (title, subtitle), ready, armed, ()
        self.setAccessibleName(title)
        self.setAccessibleDescription(subtitle)
        self.setToolTip("")
        self.update()

    def show_missing(self, title: str, pieces: Sequence[str]) -> None:
        """Show what is still missing: as many of the pieces as fit in two lines, and how many more there are."""
        whole = tr("missing: {what}", what="".join(pieces)) if pieces else ""
        self.show_state(title, whole, ready=False, armed=False)
        self._pieces = tuple(pieces)
        self.setToolTip(whole)

    def lines(self) -> tuple[str, str]:
        """Return the words on the button."""
        return self._lines

    def subtitle(self, width: int) -> str:
        """Return the lower words as they fit in two lines of a width."""
        metrics = QFontMetrics(theme.font("tiny"))
        for left_out in range(max(1, len(self._pieces))):
            shown = "".join(self._pieces[: len(self._pieces) - left_out])
            text = tr("missing: {what} and {n} more", what=shown, n=left_out) if left_out else self._lines[1]
            if metrics.boundingRect(QRect(0, 0, width, 10_000), _BELOW, text).height() < 2.5 * metrics.lineSpacing():
                return text
        return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)

    def is_ready(self) -> bool:
        """Return whether pressing does anything."""
        return self._ready

    def is_armed(self) -> bool:
        """Return whether the next press locks the answer."""
        return self._armed

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.activated.emit()
        self.update()

    def enterEvent(self, event: object) -> None:
        self._hover = True
        self.update()

    def leaveEvent(self, event: object) -> None:
        self._hover = False
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._ready and self.rect().contains(event.position().toPoint()):
            self.pressed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        back, edge = theme.colour("field"), theme.colour("line")
        title, subtitle = theme.colour("dim"), theme.colour("attention")
        if self._ready:
            back = theme.colour("action_hover" if self._hover else "action")
            edge, title, subtitle = back, theme.colour("on_action"), QColor(225, 233, 247)
        if self._armed:
            back, edge = theme.colour("attention_back"), theme.colour("attention")
            title, subtitle = theme.colour("strong"), theme.colour("normal")
        elif self.hasFocus() and self._ready:
            edge = QColor("#9dbcf0")
        painter.setPen(QPen(edge, 1.5))
        painter.setBrush(back)
        painter.drawRoundedRect(frame, theme.px(6), theme.px(6))
        inside = self.rect().adjusted(theme.px(8), 0, -theme.px(8), 0)
        words = self.subtitle(inside.width())
        large, small = QFontMetrics(theme.font("text", QFont.Weight.DemiBold)), QFontMetrics(theme.font("tiny"))
        low = small.boundingRect(QRect(0, 0, inside.width(), 10_000), _BELOW, words).height() if words else 0
        top = inside.top() + (inside.height() - large.height() - low) // 2
        painter.setPen(title)
        painter.setFont(theme.font("text", QFont.Weight.DemiBold))
        painter.drawText(QRect(inside.left(), top, inside.width(), large.height()), Qt.AlignmentFlag.AlignCenter, self._lines[0])
        painter.setPen(subtitle)
        painter.setFont(theme.font("tiny"))
        painter.drawText(QRect(inside.left(), top + large.height(), inside.width(), inside.height()), _BELOW, words)
