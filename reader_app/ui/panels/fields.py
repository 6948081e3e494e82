"""The painted answer fields: BI-RADS category and suspicion 0-100.

They show what the session state says and emit what the reader asks for; they keep nothing but what is being typed or dragged.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QBrush, QFocusEvent, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr

#: A slider moved by keys is taken over when no key has come for this long.
SETTLE_MS = 450


class AnswerField(QWidget):
    """A question with its keyboard focus; keys are left to the window, which asks the panel.

    Signals
    -------
    activated : the field got the focus.
    """

    activated = Signal()

    def __init__(self, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.unit = unit
        self.answered_now = False  # asked for in this moment; the panel moves on when it is durable
        self._active = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def set_active(self, active: bool) -> None:
        """Show that the next digits go here."""
        if active != self._active:
            self._active = active
            self.update()

    def is_active(self) -> bool:
        """Return whether digits go here."""
        return self._active

    def leave(self) -> None:
        """Finish what is half typed when the focus goes elsewhere."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.activated.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()


class CategoryField(AnswerField):
    """The BI-RADS categories of one unit as a row of cells.

    Signals
    -------
    chosen(str) : a category was asked for.
    """

    chosen = Signal(str)

    def __init__(self, unit: str, categories: tuple[str, ...], parent: QWidget | None = None) -> None:
        super().__init__(unit, parent)
        self._categories = categories
        self._value = ""
        self._earlier = ""
        self._pending_four = False
        self._hover = -1
        self.setFixedHeight(theme.px(44))
        self.setAccessibleName(tr("BI-RADS category"))

    def categories(self) -> tuple[str, ...]:
        """Return the categories on offer."""
        return self._categories

    def show_value(self, value: str, earlier: str = "") -> None:
        """Show the category on record ("" for none) and the earlier answer's, where it may be seen."""
        if (value, earlier) != (self._value, self._earlier):
            self._value, self._earlier = value, earlier
            self.setAccessibleDescription(value or tr("not answered"))
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme.px(300), theme.px(44))

    def pending(self) -> bool:
        """Return whether a 4 was typed and its letter is awaited."""
        return self._pending_four

    def type_key(self, key: str) -> str:
        """Take a digit, or a letter after 4; return the category that is now asked for, or ""."""
        if self._pending_four:
            self._pending_four = False
            self.update()
            if key in ("A", "B", "C") and f"4{key}" in self._categories:
                return f"4{key}"
            if key in ("4", "Return") and "4" in self._categories:
                return "4"
            if key in ("A", "B", "C", "Return"):
                return ""
        if key == "4" and any(name.startswith("4") and name != "4" for name in self._categories):
            self._pending_four = True
            self.update()
            return ""
        return key if key in self._categories else ""

    def leave(self) -> None:
        self._pending_four = False
        self.update()

    def cell(self, category: str) -> QRectF:
        """Return the rectangle of a category in this widget."""
        return self._cells()[self._categories.index(category)]

    def _cells(self) -> list[QRectF]:
        count, gap = len(self._categories), theme.px(4)
        width = (self.width() - gap * (count - 1)) / count
        return [QRectF(index * (width + gap), 1.0, width, self.height() - theme.px(6)) for index in range(count)]

    def _at(self, point: QPointF) -> int:
        return next((index for index, cell in enumerate(self._cells()) if cell.contains(point)), -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        hover = self._at(event.position())
        if hover != self._hover:
            self._hover = hover
            self.update()

    def leaveEvent(self, event: object) -> None:
        self._hover = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and index >= 0 and self.isEnabled():
            self._pending_four = False
            self.chosen.emit(self._categories[index])

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("text", QFont.Weight.DemiBold))
        for index, (name, cell) in enumerate(zip(self._categories, self._cells(), strict=True)):
            self._paint_cell(painter, index, name, cell)

    def _paint_cell(self, painter: QPainter, index: int, name: str, cell: QRectF) -> None:
        chosen = name == self._value
        awaited = self._pending_four and name.startswith("4")
        back = theme.colour("action" if chosen else "field_hover" if index == self._hover and self.isEnabled() else "field")
        edge = theme.colour("chosen" if chosen or awaited else "line_strong" if self._active else "line")
        if awaited and not chosen:
            back = theme.colour("chosen_back")
        painter.setPen(QPen(edge, 1.0))
        painter.setBrush(QBrush(back))
        inner = cell.adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(inner, theme.px(5), theme.px(5))
        text = "on_action" if chosen else "normal" if self.isEnabled() else "dim"
        painter.setPen(theme.colour(text))
        painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, name)
        if name == self._earlier and not chosen:  # a small bar marks the earlier answer
            bar = QRectF(cell.center().x() - theme.px(7), cell.bottom() - theme.px(6), theme.px(14), theme.px(2))
            painter.fillRect(bar, theme.colour("attention"))
        if self._active and index == 0:
            _paint_focus(painter, self)


class ScoreField(AnswerField):
    """Suspicion 0 to 100: a bar, a number, digits, arrows, mouse.

    Signals
    -------
    given(int) : a score was asked for.
    """

    given = Signal(int)

    def __init__(self, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(unit, parent)
        self._value: int | None = None
        self._moving: int | None = None  # dragged or stepped, not yet asked for
        self._typed = ""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.leave)
        self._compact = False
        self.setFixedHeight(theme.px(50))
        self.setAccessibleName(tr("Suspicion of malignancy, 0 to 100"))

    def sizeHint(self) -> QSize:
        return QSize(theme.px(300), self.minimumHeight())

    def set_compact(self, compact: bool) -> None:
        """In a low window the number stands beside the bar instead of below it."""
        if compact != self._compact:
            self._compact = compact
            self.setFixedHeight(theme.px(28 if compact else 50))
            self.update()

    def show_value(self, value: int | None) -> None:
        """Show the score on record (None for none)."""
        if self._moving == value:
            self._moving = None
        if value != self._value:
            self._value = value
            self.setAccessibleDescription(tr("not answered") if value is None else str(value))
        self.update()

    def reset(self) -> None:
        """Forget what was half typed or dragged (another case)."""
        self._settle.stop()
        self._moving, self._typed = None, ""
        self.update()

    def is_typing(self) -> bool:
        """Return whether digits have been typed and not taken over."""
        return bool(self._typed)

    def type_digit(self, digit: str) -> bool:
        """Take a digit; return whether the number is complete (two digits that cannot become 100, or 100)."""
        self._settle.stop()
        self._moving = None
        if int(self._typed + digit) > 100:
            self._typed = ""
        self._typed += digit
        self.update()
        if len(self._typed) == 3 or (len(self._typed) == 2 and self._typed != "10"):
            return self.accept()
        return False

    def erase(self) -> bool:
        """Take back the last typed digit; return whether there was one."""
        had = bool(self._typed)
        self._typed = self._typed[:-1]
        self.update()
        return had

    def drop(self) -> bool:
        """Forget the typed digits; return whether there were any."""
        had = bool(self._typed)
        self._typed = ""
        self.update()
        return had

    def accept(self) -> bool:
        """Ask for what has been typed; return whether there was anything."""
        if not self._typed:
            return False
        value, self._typed = int(self._typed), ""
        self._moving = value
        self.given.emit(value)
        self.update()
        return True

    def step(self, by: int) -> None:
        """Move by arrow keys; asked for when the keys rest."""
        self._typed = ""
        start = self._moving if self._moving is not None else self._value if self._value is not None else 50
        self._moving = max(0, min(100, start + by))
        self._settle.start()
        self.update()

    def leave(self) -> None:
        self._settle.stop()
        self._typed = ""
        if self._moving is not None and self._moving != self._value:
            self.given.emit(self._moving)
        self.update()

    def _track(self) -> QRectF:
        side, right = theme.px(8), theme.px(104 if self._compact else 8)
        return QRectF(side, theme.px(11), self.width() - side - right, theme.px(5))

    def point(self, score: int) -> QPointF:
        """Return where a score lies on the bar, in this widget."""
        track = self._track()
        return QPointF(track.left() + track.width() * score / 100, track.center().y())

    def _score_at(self, x: float) -> int:
        track = self._track()
        return max(0, min(100, round(100 * (x - track.left()) / track.width())))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.isEnabled():
            self._settle.stop()
            self._typed = ""
            self._moving = self._score_at(event.position().x())
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._moving is not None:
            self._moving = self._score_at(event.position().x())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._moving is not None:
            value = self._moving
            if value == self._value:
                self._moving = None
            self.given.emit(value)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track, radius = self._track(), theme.px(2.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("track"))
        painter.drawRoundedRect(track, radius, radius)
        value = self._moving if self._moving is not None else self._value
        if value is not None and not self._typed:
            knob = self.point(value)
            filled = QRectF(track)
            filled.setRight(knob.x())
            painter.setBrush(theme.colour("chosen"))
            painter.drawRoundedRect(filled, radius, radius)
            painter.setBrush(theme.colour("strong"))
            painter.drawEllipse(knob, theme.px(7), theme.px(7))
        if self._compact:
            self._paint_number(painter, QRectF(track.right() + theme.px(8), 0, theme.px(96), theme.px(26)), value)
        else:
            below = QRectF(0, theme.px(23), self.width(), theme.px(22))
            painter.setFont(theme.font("tiny"))
            painter.setPen(theme.colour("dim"))
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "0")
            painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "100")
            self._paint_number(painter, below, value)
        if self._active:
            _paint_focus(painter, self)

    def _paint_number(self, painter: QPainter, where: QRectF, value: int | None) -> None:
        painter.setFont(theme.font("text", QFont.Weight.DemiBold))
        if self._typed:
            painter.setPen(theme.colour("mark"))
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, f"{self._typed}_")
        elif value is not None:
            painter.setPen(theme.colour("strong"))
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, str(value))
        else:
            painter.setFont(theme.font("small"))
            painter.setPen(theme.colour("dim"))
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, tr("not given yet"))


def _paint_focus(painter: QPainter, field: AnswerField) -> None:
    """Paint the blue bar in the margin that shows where digits go."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.fillRect(QRectF(0, field.height() - theme.px(2), field.width(), theme.px(2)), theme.colour("chosen"))
