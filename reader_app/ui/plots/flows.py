"""How BI-RADS categories flow from one condition into another: a Sankey chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem, QGraphicsRectItem

from reader_app.export import words
from reader_app.export.palette import CATEGORY_COLORS
from reader_app.export.resultrows import of_all_types
from reader_app.ui.plots.amounts import pairs
from reader_app.ui.plots.drawing import Drawing, chart, ink, write

#: Width of the two columns of categories, as a share of the chart.
COLUMN = 0.05


def change_pairs(results: Mapping[str, Any]) -> list[str]:
    """Return the changes of condition of which a flow can be drawn."""
    return pairs(results, of_all_types(results["transitions"]), "condition_a", "condition_b")


def sankey(results: Mapping[str, Any], titles: Mapping[str, str], pair: str) -> Drawing | None:
    """Return the flow of all readers' categories; higher suspicion stands above, bands are as wide as the number of answers."""
    before, _, after = pair.partition(" → ")
    rows = [row for row in of_all_types(results["transitions"]) if (row["condition_a"], row["condition_b"]) == (before, after)]
    everybody = [row for row in rows if row["reader_id"] is None] or rows
    if not everybody:
        return None
    categories: list[str] = everybody[0]["categories"]
    counts = {
        (a, b): sum(row[truth][i][j] for row in everybody for truth in ("benign", "malignant"))
        for i, a in enumerate(categories)
        for j, b in enumerate(categories)
    }
    plot = chart(key=False)
    for side in ("bottom", "left"):
        plot.hideAxis(side)
    total = sum(counts.values())
    if not total:
        return None
    at = [_columns(plot, counts, categories, side) for side in (0, 1)]
    for a in categories:
        for b in categories:
            count = counts[a, b]
            if count:
                _band(plot, at[0][a], at[1][b], count, f"#{CATEGORY_COLORS.get(a, '8b919a')}", moved=a != b)
                at[0][a] += count
                at[1][b] += count
    write(plot, words.condition(before), 0.0, -0.02 * total, anchor=(0, 0), color=ink("dim"))
    write(plot, words.condition(after), 1.0, -0.02 * total, anchor=(1, 0), color=ink("dim"))
    gap = 0.025 * total * len(categories)
    plot.setRange(xRange=(-0.1, 1.1), yRange=(-0.1 * total, total + gap), padding=0.02)
    rows_out = [(a, b, count) for (a, b), count in counts.items() if count]
    title = f"BI-RADS, {words.condition(before).lower()} to {words.condition(after).lower()}"
    return Drawing(title, plot, ("Before", "After", "Answers"), rows_out)


def _columns(plot: pg.PlotWidget, counts: Mapping[tuple[str, str], int], categories: list[str], side: int) -> dict[str, float]:
    """Draw the categories of one side; return where each begins."""
    total, at, begins = sum(counts.values()), 0.0, {}
    for name in categories:
        size = sum(count for pair, count in counts.items() if pair[side] == name)
        begins[name] = at
        if not size:
            continue
        block = QGraphicsRectItem(QRectF(0.0 if side == 0 else 1.0 - COLUMN, at, COLUMN, size))
        block.setBrush(QColor(f"#{CATEGORY_COLORS.get(name, '8b919a')}"))
        block.setPen(pg.mkPen(ink("raised")))
        plot.addItem(block)
        where, anchor = (-0.01, (1, 0.5)) if side == 0 else (1.01, (0, 0.5))
        write(plot, f"{name}   {size}", where, at + size / 2, anchor=anchor)
        at += size + 0.025 * total
    return begins


def _band(plot: pg.PlotWidget, left: float, right: float, size: float, color: str, *, moved: bool) -> None:
    path = QPainterPath()
    path.moveTo(COLUMN, left)
    path.cubicTo(0.5, left, 0.5, right, 1 - COLUMN, right)
    path.lineTo(1 - COLUMN, right + size)
    path.cubicTo(0.5, right + size, 0.5, left + size, COLUMN, left + size)
    path.closeSubpath()
    item = QGraphicsPathItem(path)
    fill = QColor(color)
    fill.setAlphaF(0.75 if moved else 0.3)
    item.setBrush(fill)
    item.setPen(pg.mkPen(None))
    item.setZValue(1 if moved else 0)
    plot.addItem(item)
