"""Native charts of the workbook: quiet axes, one colour per condition, titles that do not cover the plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from openpyxl.chart import BarChart, Reference, ScatterChart
from openpyxl.chart import Series as make_series
from openpyxl.chart.legend import LegendEntry
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties

from reader_app.export.layout import Chart, Series

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

#: Size of every chart in centimetres, and in rows of the sheet (15 points each).
WIDTH_CM, HEIGHT_CM, HEIGHT_ROWS = 22.0, 11.0, 20
_GREY = "6B7280"
_EMU_PER_POINT = 12_700


ColumnOf = Callable[[int], int]


def add_chart(sheet: Worksheet, chart: Chart, header_row: int, column_of: ColumnOf, anchor: str) -> None:
    """Draw ``chart`` at ``anchor`` over the table whose header stands in ``header_row``.

    ``column_of`` gives the sheet column (1-based) of a column of the table (0-based).
    """
    plot = ScatterChart() if chart.kind == "line_xy" else BarChart()
    plot.width, plot.height = WIDTH_CM, HEIGHT_CM
    if chart.unit_square:
        plot.width, plot.height = HEIGHT_CM * 1.6, HEIGHT_CM
    plot.title = chart.title
    plot.title.tx.rich.p[0].pPr = ParagraphProperties(defRPr=CharacterProperties(sz=1200, b=True, solidFill="1F2937"))
    plot.title.overlay = False
    plot.legend.position = "r"
    plot.legend.overlay = False
    _axis(plot.x_axis, chart.x_title)
    _axis(plot.y_axis, chart.y_title)
    if chart.kind == "line_xy":
        _lines(plot, chart, sheet, header_row, column_of)
    else:
        _bars(plot, chart, sheet, header_row, column_of)
    sheet.add_chart(plot, anchor)


def _reference(sheet: Worksheet, header_row: int, column_of: ColumnOf, series: Series, column: int) -> Reference:
    place = column_of(column)
    return Reference(sheet, min_col=place, min_row=header_row + 1 + series.start, max_row=header_row + series.stop)


def _lines(plot: Any, chart: Chart, sheet: Worksheet, header_row: int, column_of: ColumnOf) -> None:
    plot.style = 2
    plot.scatterStyle = "lineMarker"
    for series in chart.series:
        x = _reference(sheet, header_row, column_of, series, series.x)
        y = _reference(sheet, header_row, column_of, series, series.y)
        drawn = make_series(y, x, title=series.name)
        drawn.marker.symbol = "none"
        drawn.smooth = False
        width = int((2.5 if series.heavy else 1.25) * _EMU_PER_POINT)
        drawn.graphicalProperties = GraphicalProperties(
            ln=LineProperties(solidFill=series.color, w=width, prstDash="dash" if series.dashed else None)
        )
        plot.series.append(drawn)
    plot.legend.legendEntry = [LegendEntry(idx=n, delete=True) for n, series in enumerate(chart.series) if not series.named]
    if chart.y_range is not None:
        plot.x_axis.scaling.min, plot.x_axis.scaling.max = 0, 1
        plot.y_axis.scaling.min, plot.y_axis.scaling.max = chart.y_range
    if chart.unit_square:
        for axis in (plot.x_axis, plot.y_axis):
            axis.scaling.min, axis.scaling.max = 0, 1
            axis.majorUnit = 0.2
    for axis in (plot.x_axis, plot.y_axis):
        axis.number_format = "0.0" if chart.unit_square else "0.00"
    plot.x_axis.crosses = "min"
    plot.y_axis.crosses = "min"


def _bars(plot: Any, chart: Chart, sheet: Worksheet, header_row: int, column_of: ColumnOf) -> None:
    plot.type = "col"
    plot.grouping = "stacked" if chart.kind == "stacked" else "clustered"
    plot.overlap = 100 if chart.kind == "stacked" else -5
    plot.gapWidth = 60
    for series in chart.series:
        drawn = make_series(_reference(sheet, header_row, column_of, series, series.y), title=series.name)
        drawn.graphicalProperties = GraphicalProperties(solidFill=series.color, ln=LineProperties(noFill=True))
        drawn.invertIfNegative = False
        plot.series.append(drawn)
    plot.set_categories(_reference(sheet, header_row, column_of, chart.series[0], chart.series[0].x))
    plot.y_axis.scaling.min = 0
    plot.y_axis.number_format = "0"


def _axis(axis: Any, title: str) -> None:
    axis.delete = False
    axis.title = title
    axis.title.tx.rich.p[0].pPr = ParagraphProperties(defRPr=CharacterProperties(sz=1000, b=False, solidFill=_GREY))
    axis.title.overlay = False
    small = ParagraphProperties(defRPr=CharacterProperties(sz=900, solidFill=_GREY))
    axis.txPr = RichText(p=[Paragraph(pPr=small, endParaRPr=CharacterProperties())])
    axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill="9CA3AF", w=9525))
    axis.majorTickMark = "out"
    if axis.majorGridlines is not None:
        axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill="E5E7EB", w=6350))
