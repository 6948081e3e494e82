"""Four small buttons: what is marked, a point or a shape that is drawn with the left button."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QToolTip, QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr

SHAPES: tuple[str, ...] = ("point", "box", "ellipse", "outline")


def shape_name(shape: str) -> str:
    """Return the name of a shape."""
    return {"point": tr("point"), "box": tr("box"), "ellipse": tr("ellipse"), "outline": tr("outline")}[shape]


class ShapeButtons(QWidget):
    """The shapes as small pictures; the one in force is lit.

    Signals
    -------
    chosen(str) : a shape was clicked.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape = "point"
        self.setFixedSize(self.sizeHint())
        self.setMouseTracking(True)
        self.setAccessibleName(tr("Shape to mark"))

    def sizeHint(self) -> QSize:
        return QSize(theme.px(28 * len(SHAPES)), theme.px(24))

    def show_shape(self, shape: str) -> None:
        """Show which shape is in force."""
        self._shape = shape
        self.setAccessibleDescription(shape_name(shape))
        self.update()

    def cell(self, shape: str) -> QRectF:
        """Return the rectangle of a button in this widget."""
        return QRectF(theme.px(28) * SHAPES.index(shape) + 1, 1, theme.px(26), self.height() - 2)

    def _at(self, point: QPointF) -> str:
        return next((shape for shape in SHAPES if self.cell(shape).contains(point)), "")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        shape = self._at(event.position())
        if shape:
            QToolTip.showText(event.globalPosition().toPoint(), shape_name(shape), self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        shape = self._at(event.position())
        if shape and event.button() == Qt.MouseButton.LeftButton and self.isEnabled():
            self.chosen.emit(shape)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for shape in SHAPES:
            cell, chosen = self.cell(shape), shape == self._shape
            painter.setPen(QPen(theme.colour("chosen" if chosen else "line"), 1.0))
            painter.setBrush(theme.colour("chosen_back" if chosen else "field"))
            painter.drawRoundedRect(cell, theme.px(4), theme.px(4))
            painter.setPen(QPen(theme.colour("mark" if chosen else "normal"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            middle, unit = cell.center(), theme.px(1)
            if shape == "point":
                painter.drawEllipse(middle, 4 * unit, 4 * unit)
            elif shape == "box":
                painter.drawRect(QRectF(middle.x() - 7 * unit, middle.y() - 5 * unit, 14 * unit, 10 * unit))
            elif shape == "ellipse":
                painter.drawEllipse(middle, 8 * unit, 5 * unit)
            else:
                corners = ((-7, 2), (-4, -5), (1, -3), (6, -5), (7, 3), (0, 5))
                painter.drawPolygon(QPolygonF([middle + QPointF(x * unit, y * unit) for x, y in corners]))
