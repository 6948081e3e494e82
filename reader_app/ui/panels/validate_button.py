"""The button that locks an answer."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from reader_app.ui import theme


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
        self._ready = self._armed = self._hover = False
        self.setFixedHeight(theme.px(66))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def show_state(self, title: str, subtitle: str, *, ready: bool, armed: bool) -> None:
        """Show the two lines; ``ready``: the answer is complete; ``armed``: the next press locks it."""
        self._lines, self._ready, self._armed = (title, subtitle), ready, armed
        self.setAccessibleName(title)
        self.setAccessibleDescription(subtitle)
        self.update()

    def lines(self) -> tuple[str, str]:
        """Return the words on the button."""
        return self._lines

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
        half = frame.height() / 2
        upper = QRectF(frame.left(), frame.top() + theme.px(5), frame.width(), half)
        lower = QRectF(
            frame.left() + theme.px(8), frame.top() + half - theme.px(1), frame.width() - theme.px(16), half - theme.px(6)
        )
        painter.setPen(title)
        painter.setFont(theme.font("text", QFont.Weight.DemiBold))
        painter.drawText(upper, Qt.AlignmentFlag.AlignCenter, self._lines[0])
        painter.setPen(subtitle)
        painter.setFont(theme.font("tiny"))
        words = painter.fontMetrics().elidedText(self._lines[1], Qt.TextElideMode.ElideRight, int(lower.width()))
        painter.drawText(lower, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, words)
