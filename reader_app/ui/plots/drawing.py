"""A chart on the desk and the numbers behind it: one look for all, saved as a vector, a picture or a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QImageWriter, QPaintDevice, QPainter
from PySide6.QtSvg import QSvgGenerator

from reader_app.export.cells import guard_csv
from reader_app.export.palette import CONDITION_COLORS
from reader_app.ui import theme

Cell = str | int | float | None

#: Line styles of models in their order; readers' lines are solid.
DASHES = (Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine, Qt.PenStyle.DashDotDotLine)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with the table of what it shows.

    Attributes
    ----------
    title : str
        What is drawn; the name of a saved file is made from it.
    plot : pyqtgraph.PlotWidget
        The chart.
    columns, rows : sequence
        The numbers that are drawn, for a table beside the picture.
    """

    title: str
    plot: pg.PlotWidget
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]

    def marked(self, word: str) -> Drawing:
        """Return the same with a word over the picture and in every row of the table."""
        self.plot.setTitle(word, color=ink("attention").name(), size=f"{theme.px(theme.SIZES['small'])}px")
        rows = [(*cells, word) for cells in self.rows]
        return Drawing(f"{self.title}, {word.lower()}", self.plot, (*self.columns, "State"), rows)

    def svg(self) -> bytes:
        """Return the chart as a vector picture."""
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(self.plot.size())
        generator.setViewBox(self.plot.rect())
        generator.setTitle(self.title)
        self._paint(generator, 1.0)
        return bytes(buffer.data().data())

    def png(self, width: int = 2000) -> bytes:
        """Return the chart as a picture, ``width`` pixels wide."""
        factor = width / self.plot.width()
        image = QImage(self.plot.size() * factor, QImage.Format.Format_RGB32)
        self._paint(image, factor)
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        QImageWriter(buffer, QByteArray(b"png")).write(image)
        return bytes(buffer.data().data())

    def _paint(self, device: QPaintDevice, factor: float) -> None:
        painter = QPainter(device)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(factor, factor)
        painter.fillRect(self.plot.rect(), ink("raised"))
        self.plot.render(painter, QRectF(self.plot.rect()), self.plot.rect())
        painter.end()

    def csv(self) -> bytes:
        """Return the table as UTF-8 text whose cells no spreadsheet takes for formulas."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([guard_csv(cell) if isinstance(cell, str) else cell for cell in row] for row in self.rows)
        return text.getvalue().encode("utf-8-sig")


def ink(token: str) -> QColor:
    """Return a colour of the desk."""
    return theme.colour(token, "desk")


def shades(conditions: Sequence[str]) -> dict[str, QColor]:
    """Return a colour for each condition, the report's own made lighter for the dark desk; models are white."""
    own = [name for name in conditions if name != "model"]
    found = {name: QColor(f"#{CONDITION_COLORS[place % len(CONDITION_COLORS)]}").lighter(135) for place, name in enumerate(own)}
    return found | {"model": ink("strong")}


def pen(color: QColor, width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine, alpha: float = 1.0) -> Any:
    """Return a pen that keeps its width while the chart is zoomed."""
    shade = QColor(color)
    shade.setAlphaF(alpha)
    return pg.mkPen(shade, width=theme.px(10) * width / 10, style=style)


def chart(x_title: str = "", y_title: str = "", *, square: bool = False, key: bool = True) -> pg.PlotWidget:
    """Return an empty chart in the colours and letters of the desk.

    Parameters
    ----------
    square : bool
        Both axes run from 0 to 1 at the same scale.
    key : bool
        Show what the lines mean at the right of the chart.
    """
    own = pg.PlotWidget(background=ink("raised"))
    own.setAntialiasing(True)
    item = own.plotItem
    item.hideButtons()
    small = theme.font("tiny")
    for side, text in (("bottom", x_title), ("left", y_title)):
        axis = item.getAxis(side)
        axis.setPen(pg.mkPen(ink("line_strong")))
        axis.setTextPen(pg.mkPen(ink("normal")))
        axis.setStyle(tickFont=small, tickTextOffset=theme.px(6))
        axis.enableAutoSIPrefix(False)
        axis.label.setFont(theme.font("small"))
        if text:
            axis.setLabel(text, color=ink("normal").name())
    if square:
        own.setAspectLocked(True)
        own.setLimits(xMin=-0.03, yMin=-0.03, yMax=1.03)  # spare width lies on the right, where the key stands
        own.setRange(xRange=(0, 1), yRange=(0, 1), padding=0.03)
        for side in ("bottom", "left"):
            item.getAxis(side).setTicks([[(part / 4, f"{part / 4:g}") for part in range(5)]])
    if key:
        legend = item.addLegend(offset=(-1, 1) if not square else (-12, -12), labelTextColor=ink("normal"))
        legend.setLabelTextSize(f"{theme.px(theme.SIZES['tiny'])}px")
        legend.setBrush(pg.mkBrush(ink("raised")))
    own.setMinimumHeight(theme.px(420))
    own.setAccessibleName(f"{y_title} against {x_title}" if x_title else "chart")
    return own


def write(plot: pg.PlotWidget, text: str, x: float, y: float, *, anchor: tuple[float, float], color: QColor | None = None,
          strong: bool = False) -> None:  # fmt: skip
    """Write a text at a place of the chart."""
    item = pg.TextItem(text, color=color or ink("normal"), anchor=anchor)
    item.setFont(theme.font("small", QFont.Weight.DemiBold if strong else QFont.Weight.Normal))
    plot.addItem(item)
    item.setPos(x, y)
