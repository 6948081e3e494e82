"""The BI-RADS categories of one unit, as a painted row of cells."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QFont, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels.fields import AnswerField, paint_focus


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
            paint_focus(painter, self)
