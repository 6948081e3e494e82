"""The sheet ``ROC``."""

from __future__ import annotations

from collections.abc import Sequence

from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Chart, Column, Kind, Series, Sheet, Table, Value
from reader_app.export.palette import MODEL_COLOR, colors
from reader_app.export.resultrows import (
    CONDITION,
    FROM_TO,
    HOLM,
    METHOD,
    MODEL,
    READER,
    SCOPE,
    P,
    Results,
    Row,
    asked,
    estimate,
    methods,
    number,
    score_word,
)


def roc_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``ROC``: areas, paired tests, points of the curves and their chart."""
    results = Results(content)
    curves = results.rows("roc")
    score = Column("Curve from", "What the curve was made from.", width=16, key="score")
    areas = Table(
        "roc",
        "Area under the curve",
        (
            *(READER, CONDITION, *SCOPE, score),
            *results.estimate_columns("AUC", "Empirical area under the ROC curve.", "auc", se=True),
            *results.estimate_columns("AUC (Hanley–McNeil)", "The same area, interval of Hanley and McNeil.", "auc_hm", se=True),
            Column(
                "Best threshold",
                "Threshold of the highest Youden index; positive at or above it.",
                width=10,
                key="youden_threshold",
            ),
            Column("Sensitivity there", "Sensitivity at that threshold.", Kind.PERCENT, 11, "youden_sensitivity"),
            Column("Specificity there", "Specificity at that threshold.", Kind.PERCENT, 11, "youden_specificity"),
            Column("Youden index", "Sensitivity + specificity - 1 there.", Kind.NUMBER, 9, "youden_j"),
            METHOD,
        ),
        [
            (
                *(results.reader(row), results.condition(row), *results.scope(row), score_word(row)),
                *(*estimate(row.get("auc"), se=True), *estimate(row.get("auc_hanley_mcneil"), se=True), *_youden(row)),
                methods(row, ["auc"]),
            )
            for row in curves
        ],
    )
    paired = Table(
        "roc_paired",
        "Differences between conditions (same cases)",
        (
            *(READER, *SCOPE, score, *FROM_TO, MODEL),
            *results.estimate_columns("Difference of AUC", "A minus B.", "difference", se=True),
            *(Column("z", "Difference / standard error.", Kind.NUMBER, 9, "z"), P, HOLM, METHOD),
        ),
        [
            (
                *(results.reader(row), *results.scope(row), score_word(row)),
                *(results.condition(row, "condition_a"), results.condition(row, "condition_b"), results.model(row)),
                *(
                    *estimate(row.get("difference"), se=True),
                    asked(row.get("z")),
                    asked(row.get("p")),
                    number(row.get("p_holm")),
                    methods(row, ["difference"]),
                ),
            )
            for row in results.rows("roc_paired")
        ],
    )
    points: list[tuple[Value, ...]] = []
    series: list[Series] = []
    chosen = _chart_score(curves)
    averaged = any(row.get("reader_id") is None for row in curves)
    shades = colors(results.conditions(curves))
    for row in curves:
        start = len(points)
        for false_positive, true_positive, threshold in row.get("points") or ():
            cut = threshold if isinstance(threshold, str) else number(threshold)
            lead = (results.reader(row), results.condition(row), *results.scope(row), score_word(row))
            points.append((*lead, number(false_positive), number(true_positive), cut))
        pooled = row.get("reader_id") is None
        if row.get("score") == chosen and row.get("lesion_type") is None and row.get("group") is None and len(points) > start:
            name = f"{results.reader(row)}, {results.condition(row).lower()}"
            color = shades.get(str(row.get("condition")), MODEL_COLOR)
            model = row.get("condition") == "model"
            named = pooled or model or not averaged
            series.append(Series(name, 6, 7, start, len(points), color, heavy=pooled, dashed=model, named=named))
    curve_points = Table(
        "roc_points",
        "Points of the curves",
        (
            *(READER, CONDITION, *SCOPE, score),
            Column("1 - specificity", "False positive fraction.", Kind.NUMBER, 11, "fpr"),
            Column("Sensitivity", "True positive fraction.", Kind.NUMBER, 11, "tpr"),
            Column("Threshold", "Positive at or above it; empty at the corners.", width=10, key="threshold"),
        ),
        points,
    )
    charts = (
        (Chart("line_xy", "ROC curves", "roc_points", tuple(series), "1 - specificity", "Sensitivity", True),) if series else ()
    )
    return Sheet("ROC", "Receiver operating characteristic of each reader and condition.", (areas, paired, curve_points), charts)


def _youden(row: Row) -> tuple[Value, ...]:
    found = row.get("youden") or {}
    threshold = found.get("threshold")
    cut: Value = threshold if isinstance(threshold, str) else number(threshold)
    return (cut, number(found.get("sensitivity")), number(found.get("specificity")), number(found.get("j")))


def _chart_score(curves: Sequence[Row]) -> object:
    kinds = {row.get("score") for row in curves}
    return next((kind for kind in ("score", "assessment", "call") if kind in kinds), None)
