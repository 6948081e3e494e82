"""ROC and FROC curves with every reader thin, the mean of the readers thick, models dashed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt

from reader_app.export import words
from reader_app.export.resultrows import of_all_types, of_first_kind
from reader_app.ui.plots.drawing import DASHES, Drawing, chart, ink, pen, shades

Results = Mapping[str, Any]
Titles = Mapping[str, str]


def roc(results: Results, titles: Titles, _choice: str = "") -> Drawing | None:
    """Return the ROC curves of all readers, conditions and models, with their areas."""
    rows = [
        row for row in of_first_kind(of_all_types(results["roc"]), "score", ("score", "assessment", "call")) if row.get("points")
    ]
    return _curves(results, titles, rows, "ROC curves", ("1 − specificity", "Sensitivity"), "auc", "AUC", square=True)


def froc(results: Results, titles: Titles, _choice: str = "") -> Drawing | None:
    """Return the FROC curves: the share of lesions hit against the false marks a case."""
    rows = [row for row in of_first_kind(of_all_types(results["froc"]), "fom", ("froc", "wafroc", "afroc")) if row.get("points")]
    across = "False marks a case" if rows and rows[0]["fom"] == "froc" else "False-positive fraction"
    return _curves(results, titles, rows, "FROC curves", (across, "Share of lesions hit"), "value", "FOM")


def _curves(results: Results, titles: Titles, rows: list[Any], title: str, axes: tuple[str, str], merit: str, short: str,
            square: bool = False) -> Drawing | None:  # fmt: skip
    if not rows:
        return None
    plot = chart(*axes, square=square)
    look = shades(results["input"]["conditions"])
    table = []
    models = list(dict.fromkeys(row["reader_id"] for row in rows if row["condition"] == "model"))
    pooled = {row["condition"] for row in rows if row["reader_id"] is None}
    if square:
        plot.plot([0, 1], [0, 1], pen=pen(ink("line_strong")))
    for row in sorted(rows, key=lambda own: own["reader_id"] is None):
        who, condition = words.reader(row["reader_id"], dict(titles)), row["condition"]
        model, mean = condition == "model", row["reader_id"] is None
        alone = model or condition not in pooled
        area = (row.get(merit) or {}).get("estimate")
        name = f"{who}, {words.condition(condition).lower()}" + ("" if area is None else f"  {short} {area:.3f}")
        style = DASHES[models.index(row["reader_id"]) % len(DASHES)] if model else Qt.PenStyle.SolidLine
        line = pen(look.get(condition, ink("dim")), 3.0 if mean else 1.8 if alone else 1.0, style, 1.0 if mean or alone else 0.55)
        x, y = [point[0] for point in row["points"]], [point[1] for point in row["points"]]
        plot.plot(x, y, pen=line, name=name if mean or alone else None)
        table += [(who, words.condition(condition), px, py) for px, py in zip(x, y, strict=True)]
    if not square:
        plot.setLimits(xMin=0, yMin=0, yMax=1.05)
        plot.setYRange(0, 1)
    return Drawing(title, plot, ("Reader", "Condition", *axes), table)
