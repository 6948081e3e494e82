"""Reading times as boxes, agreement as a matrix, one category's cases as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtGui import QColor

from reader_app.export import words
from reader_app.export.resultrows import of_all_types, of_first_kind
from reader_app.ui.plots.drawing import Cell, Drawing, chart, ink, pen, shades, write

Results = Mapping[str, Any]
Titles = Mapping[str, str]

#: Colours of the truth, those of the report's maps, lighter for the dark desk.
TRUTHS = {"benign": QColor("#0072B2").lighter(140), "malignant": QColor("#D55E00").lighter(115)}


def times(results: Results, titles: Titles, _choice: str = "") -> Drawing | None:
    """Return reading times by reader and condition: whiskers from least to most, box of the quartiles, line at the median."""
    rows = [row for row in of_all_types(results["time"]["by_reader"]) if row.get("median") is not None]
    if not rows:
        return None
    who = list(dict.fromkeys(row["reader_id"] for row in rows))
    conditions = [name for name in results["input"]["conditions"] if any(row["condition"] == name for row in rows)]
    look = shades(results["input"]["conditions"])
    plot = chart("", "Reading time a case, seconds")
    step = 0.76 / len(conditions)
    table: list[tuple[Cell, ...]] = []
    for number, condition in enumerate(conditions):
        own = [row for row in rows if row["condition"] == condition]
        place = [who.index(row["reader_id"]) + (number - (len(conditions) - 1) / 2) * step for row in own]
        color, half = look[condition], step * 0.38
        fill = QColor(color)
        fill.setAlphaF(0.25)
        box = pg.BarGraphItem(
            x=place, width=2 * half, y0=[row["q1"] for row in own], y1=[row["q3"] for row in own], brush=fill, pen=pen(color)
        )
        plot.addItem(box)
        for x, row in zip(place, own, strict=True):
            plot.plot([x, x], [row["min"], row["q1"]], pen=pen(color))
            plot.plot([x, x], [row["q3"], row["max"]], pen=pen(color))
            plot.plot([x - half, x + half], [row["median"], row["median"]], pen=pen(color, 2.5))
            name = words.reader(row["reader_id"], dict(titles))
            table.append((name, words.condition(condition), *(row[k] for k in ("n", "min", "q1", "median", "q3", "max"))))
        plot.plot([], [], pen=pen(color, 4), name=words.condition(condition))
    ticks = [(place, words.reader(reader, dict(titles))) for place, reader in enumerate(who)]
    plot.getAxis("bottom").setTicks([ticks])
    top = max(row["max"] for row in rows)
    plot.setRange(xRange=(-0.6, len(who) - 0.4), yRange=(0, 1.25 * top), padding=0)  # room for the key above the boxes
    columns = ("Reader", "Condition", "Reads", "Least", "First quartile", "Median", "Third quartile", "Most")
    return Drawing("Reading times", plot, columns, table)


def kappa_conditions(results: Results) -> list[str]:
    """Return the conditions in which agreement was estimated."""
    return list(dict.fromkeys(str(row["condition"]) for row in _kappas(results)))


def _kappas(results: Results) -> list[Any]:
    rows = [row for row in of_all_types(results["agreement"]["cohen"]) if row.get("on") in (None, "assessment")]
    return list(of_first_kind(rows, "weights", ("quadratic", "linear", "none")))


def agreement(results: Results, titles: Titles, condition: str) -> Drawing | None:
    """Return the matrix of kappa between all readers and models in one condition."""
    rows = [row for row in _kappas(results) if row["condition"] == condition]
    if not rows:
        return None
    people = list(dict.fromkeys(str(name) for row in rows for name in (row["a"], row["b"])))
    plot = chart(key=False)
    plot.setAspectLocked(True)
    plot.invertY(True)
    shade, table = ink("chosen"), []
    for row in rows:
        value = (row["kappa"] or {}).get("estimate")
        fill = QColor(shade)
        fill.setAlphaF(0.08 if value is None else 0.08 + 0.8 * min(1.0, max(0.0, value)))
        a, b = people.index(str(row["a"])), people.index(str(row["b"]))
        for x, y in ((a, b), (b, a)):
            plot.addItem(pg.BarGraphItem(x=[x], width=0.94, y0=[y - 0.47], y1=[y + 0.47], brush=fill, pen=pg.mkPen(None)))
            shown = "not estimable" if value is None else f"{value:.2f}"
            write(plot, shown, x, y, anchor=(0.5, 0.5), color=ink("strong"))
        table.append((titles.get(row["a"], row["a"]), titles.get(row["b"], row["b"]), value, str(row["weights"])))
    ticks = [(place, titles.get(name, name)) for place, name in enumerate(people)]
    for side in ("bottom", "left"):
        plot.getAxis(side).setTicks([ticks])
    plot.setRange(xRange=(-0.5, len(people) - 0.5), yRange=(-0.5, len(people) - 0.5), padding=0.02)
    title = f"Cohen’s kappa, {rows[0]['weights']} weights, {words.condition(condition).lower()}"
    return Drawing(title, plot, ("A", "B", "Kappa", "Weights"), table)


def stratum_pairs(results: Results) -> list[str]:
    """Return the changes of condition for which the cases of one category were followed."""
    return pairs(results, of_all_types(results["reclassification"]), "condition_from", "condition_to")


def pairs(results: Results, rows: Sequence[Any], a: str, b: str) -> list[str]:
    """Return the pairs of conditions of rows as words, only those in the order of the study."""
    order = {name: place for place, name in enumerate(results["input"]["conditions"])}
    found = dict.fromkeys((str(row[a]), str(row[b])) for row in rows)
    return [f"{x} → {y}" for x, y in found if order.get(x, 0) < order.get(y, len(order))]


def stratum(results: Results, titles: Titles, pair: str) -> Drawing | None:
    """Return where the cases of one category (4A as a rule) went with the aid: down, kept or up; benign beside malignant."""
    before, _, after = pair.partition(" → ")
    rows = [
        row
        for row in of_all_types(results["reclassification"])
        if (row["condition_from"], row["condition_to"]) == (before, after)
    ]
    if not rows:
        return None
    plot = chart("", f"Answers at {rows[0]['from']} before")
    table, ticks, most = [], [], 0
    for place, row in enumerate(sorted(rows, key=lambda own: own["reader_id"] is None)):
        who = words.reader(row["reader_id"], dict(titles))
        for part, (name, label) in enumerate((("down", "down"), ("unchanged", "kept"), ("up", "up"))):
            x, base = place * 4 + part, 0
            for truth, shade in TRUTHS.items():
                count = row[name][truth]
                plot.addItem(
                    pg.BarGraphItem(x=[x], width=0.8, y0=[base], y1=[base + count], brush=shade, pen=pg.mkPen(ink("raised")))
                )
                base += count
            table.append((who, row["from"], label, row[name]["benign"], row[name]["malignant"]))
            most = max(most, base)
            ticks.append((x, label if part != 1 else f"{label}\n{who}"))
    for truth, shade in TRUTHS.items():
        plot.addItem(pg.BarGraphItem(x=[], height=[], width=1, brush=shade, pen=pg.mkPen(None), name=truth))
    plot.getAxis("bottom").setTicks([ticks])
    plot.getAxis("bottom").setHeight(plot.fontMetrics().height() * 3)
    plot.setRange(xRange=(-0.8, 4 * len(rows) - 1.2), yRange=(0, most * 1.2 + 0.5), padding=0)
    title = f"{rows[0]['from']} cases, {words.condition(before).lower()} to {words.condition(after).lower()}"
    return Drawing(title, plot, ("Reader", "Category before", "Change", "Benign", "Malignant"), table)
