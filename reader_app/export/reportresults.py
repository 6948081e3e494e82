"""The tables of results in the report: what the workbook says at length, here as a paper would print it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reader_app.export import words
from reader_app.export.htmlpage import p_value
from reader_app.export.layout import NOT_ESTIMABLE, Column, Kind, Table, Value
from reader_app.export.resultrows import (
    CONDITION,
    HOLM,
    READER,
    SCOPE,
    Results,
    Row,
    method_word,
    methods,
    number,
    score_word,
    weights_word,
)
from reader_app.export.sheets_mrmc import noninferiority


def interval(value: Any, percent: bool = False, digits: int = 3) -> str:
    """Return an estimate with its limits as journals print it: ``0.912 (0.851–0.973)`` or ``84.1 % (77.0–89.3)``."""
    if not isinstance(value, Mapping):
        return ""
    estimate, lower, upper = (number(value.get(name)) for name in ("estimate", "lower", "upper"))
    if not isinstance(estimate, (int, float)):
        return NOT_ESTIMABLE
    factor, places, sign = (100, 1, " %") if percent else (1, digits, "")
    text = f"{factor * estimate:.{places}f}{sign}"
    if isinstance(lower, (int, float)) and isinstance(upper, (int, float)):
        between = " to " if lower < 0 else "–"
        text += f" ({factor * lower:.{places}f}{between}{factor * upper:.{places}f})"
    return text


def plain(rows: Sequence[Row]) -> list[Row]:
    """Return the rows about all lesion types first, then the others; in each those of single groups last."""

    def key(row: Row) -> tuple[bool, bool]:
        return row.get("lesion_type") is not None, row.get("group") is not None and row.get("reader_id") is None

    return sorted(rows, key=key)


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows made from the finest scale that was used (suspicion, else BI-RADS, else the call), and the others."""
    kinds = [row.get("score") for row in rows]
    main = next((kind for kind in ("score", "assessment", "call") if kind in kinds), None)
    return [row for row in rows if row.get("score") == main], [row for row in rows if row.get("score") != main]


def accuracy(results: Results) -> Table:
    """Return counts, sensitivity, specificity, predictive values, accuracy and F1 of each reader and condition."""
    shares = (
        ("sensitivity", "Sensitivity"),
        ("specificity", "Specificity"),
        ("ppv", "PPV"),
        ("npv", "NPV"),
        ("accuracy", "Accuracy"),
    )
    columns = (
        *(READER, CONDITION, *SCOPE, Column("TP / FP / TN / FN", "Counts.")),
        *(Column(title, "Share with interval.", Kind.PERCENT) for _, title in shares),
        Column("F1", "With interval.", Kind.NUMBER),
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), results.condition(row), *results.scope(row)),
            " / ".join(str(row.get(name)) for name in ("tp", "fp", "tn", "fn")),
            *(interval(row.get(name), percent=True) for name, _ in shares),
            interval(row.get("f1")),
        )
        for row in plain(results.rows("accuracy"))
    ]
    return Table("accuracy", "", columns, rows)


def areas(results: Results, rows: Sequence[Row]) -> Table:
    """Return the areas under the ROC curves of ``rows``."""
    columns = (
        *(READER, CONDITION, *SCOPE, Column("Curve from", "Score.")),
        Column("AUC", "With interval.", Kind.NUMBER),
        Column("Method", "Of the interval."),
        Column("AUC (Hanley–McNeil)", "With that interval.", Kind.NUMBER, only_if_used=True),
    )
    found: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), results.condition(row), *results.scope(row), score_word(row)),
            *(interval(row.get("auc")), methods(row, ["auc"])),
            "" if row.get("reader_id") is None else interval(row.get("auc_hanley_mcneil")),
        )
        for row in plain(rows)
    ]
    return Table("areas", "", columns, found)


def differences(results: Results, rows: Sequence[Row]) -> Table:
    """Return the AUC differences between conditions by reader of ``rows``."""
    columns = (
        *(READER, *SCOPE, Column("Comparison", "First minus second."), Column("Curve from", "Score.")),
        *(Column("Difference of AUC", "With interval.", Kind.NUMBER), Column("p", "Two-sided.", Kind.P), HOLM),
    )
    found: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), *results.scope(row), _pair(results, row), score_word(row)),
            *(interval(row.get("difference")), _p(row.get("p")), _holm(row)),
        )
        for row in plain(rows)
    ]
    return Table("differences", "", columns, found)


def mcnemar(results: Results) -> Table:
    """Return McNemar's tests."""
    columns = (
        *(READER, *SCOPE, Column("Comparison", "Conditions."), Column("Measure", "What changed.")),
        *(
            Column("Right only first", "b", Kind.INTEGER),
            Column("Right only second", "c", Kind.INTEGER),
            Column("p, exact", "", Kind.P),
            HOLM,
        ),
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), *results.scope(row), _pair(results, row), str(row.get("measure"))),
            *(number(row.get("b")), number(row.get("c")), _p(row.get("p")), _holm(row)),
        )
        for row in plain(results.rows("mcnemar"))
    ]
    return Table("mcnemar", "", columns, rows)


def mrmc_rows(results: Results) -> tuple[list[Row], list[Row]]:
    """Return the primary multi-reader analyses (Obuchowski–Rockette, else Gallas, from the finest scale), and the others."""
    main, others = split(results.rows("mrmc"))
    kinds = {row.get("analysis") for row in main}
    first = "or" if "or" in kinds else "gallas"
    return [row for row in main if row.get("analysis") == first], [r for r in main if r.get("analysis") != first] + others


def mrmc(results: Results, rows: Sequence[Row]) -> Table:
    """Return the multi-reader differences of ``rows`` with test and degrees of freedom."""
    columns = (
        Column("Analysis", "Method and covariance."),
        Column("Endpoint", "Figure of merit."),
        Column("Generalises to", "What is random."),
        *(*SCOPE, Column("Comparison", "First minus second."), Column("Difference", "With interval.", Kind.NUMBER)),
        *(
            Column("df", "Degrees of freedom.", Kind.NUMBER),
            Column("p", "Two-sided.", Kind.P),
            Column("p, Holm", "Adjusted.", Kind.P),
        ),
        *(Column(title, "One-sided p, with the margin.", Kind.P, only_if_used=True) for title in _NONINFERIOR),
    )
    found: list[tuple[Value, ...]] = []
    for row in plain(rows):
        for entry in row.get("differences") or ():
            df = number(entry.get("df"))
            found.append(
                (
                    f"{words.ANALYSES.get(str(row.get('analysis')), '')}, {method_word(row.get('covariance'))} covariance",
                    f"{words.endpoint(row.get('endpoint'))}, {score_word(row)}".rstrip(", "),
                    str(row.get("generalise")).replace("_", " "),
                    *(*results.scope(row), _pair(results, entry), interval(entry.get("difference"))),
                    "" if df is None else f"{df:.1f}",
                    *(_p(entry.get("p")), _holm(entry), *_noninferior(entry)),
                )
            )
    return Table("mrmc", "", columns, found)


def agreement(results: Results) -> Table:
    """Return all coefficients of agreement."""
    columns = (
        *(
            Column("Between", "Whom."),
            CONDITION,
            *SCOPE,
            Column("Coefficient", "Name and weights."),
            Column("Cases", "n", Kind.INTEGER),
        ),
        *(Column("Value", "With interval.", Kind.NUMBER), Column("In words", "Landis and Koch.", only_if_used=True)),
    )
    rows: list[tuple[Value, ...]] = []
    for row in plain(results.rows("agreement", "cohen")):
        who = f"{words.reader(row.get('a'), results.titles)} – {words.reader(row.get('b'), results.titles)}"
        rows.append((who, *_agreed(results, row, "Cohen’s kappa", "kappa"), str(row.get("words") or "")))
    for section, name, key in (
        *(
            ("fleiss", "Fleiss’ kappa", "kappa"),
            ("gwet", "Gwet’s AC", "coefficient"),
            ("krippendorff", "Krippendorff’s alpha", "alpha"),
        ),
        ("intra_reader", "Same reader twice, kappa", "kappa"),
    ):
        for row in plain(results.rows("agreement", section)):
            who = results.reader(row) if section == "intra_reader" else f"{row.get('raters')} readers"
            rows.append((who, *_agreed(results, row, name, key), ""))
    return Table("agreement", "", columns, rows)


def _agreed(results: Results, row: Row, name: str, key: str) -> tuple[Value, ...]:
    weights = weights_word(row)
    full = name if weights in ("none", "None") else f"{name}, {weights} weights"
    return (results.condition(row), *results.scope(row), full, number(row.get("n")), interval(row.get(key)))


def times(results: Results) -> Table:
    """Return reading times by reader and condition."""
    columns = (
        *(READER, CONDITION, *SCOPE, Column("Reads", "n", Kind.INTEGER), Column("Median (quartiles), s", "", Kind.SECONDS)),
        *(Column("Mean ± SD, s", "", Kind.SECONDS), Column("Range, s", "", Kind.SECONDS)),
    )
    rows: list[tuple[Value, ...]] = []
    for row in plain(results.rows("time", "by_reader")):
        found = {name: number(row.get(name)) for name in ("median", "q1", "q3", "mean", "sd", "min", "max")}
        shown = {name: "–" if value is None else f"{value:.1f}" for name, value in found.items()}
        rows.append(
            (
                *(results.reader(row), results.condition(row), *results.scope(row), number(row.get("n"))),
                f"{shown['median']} ({shown['q1']}–{shown['q3']})",
                *(f"{shown['mean']} ± {shown['sd']}", f"{shown['min']}–{shown['max']}"),
            )
        )
    return Table("times", "", columns, rows)


def forward(results: Results, rows: Sequence[Row]) -> list[Row]:
    """Return the rows that go from an earlier condition to a later one; the way back stands in the workbook."""
    order = list(dict.fromkeys([*(results.sequence or ()), *results.conditions(rows), "model"]))
    place = {name: order.index(name) for name in order}
    return [row for row in rows if place.get(str(row.get("condition_from")), 0) < place.get(str(row.get("condition_to")), 99)]


def restratification(results: Results, rows: Sequence[Row]) -> Table:
    """Return what became of the cases left at one category, of ``rows``."""
    ways = ("down", "unchanged", "up")
    columns = (
        *(
            READER,
            *SCOPE,
            Column("From → to", "Conditions."),
            Column("Category", "Of the earlier answer."),
            Column("n", "", Kind.INTEGER),
        ),
        *(Column(f"{way.capitalize()} (benign / malignant)", "", Kind.INTEGER) for way in ways),
        Column("False positive rate", "Before → after.", Kind.PERCENT),
        Column("Malignancy rate", "Before → after.", Kind.PERCENT),
        *(Column("Biopsies avoided", "", Kind.INTEGER), Column("Cancers missed", "", Kind.INTEGER)),
    )
    found: list[tuple[Value, ...]] = []
    for row in plain(rows):
        pair = f"{results.condition(row, 'condition_from')} → {results.condition(row, 'condition_to').lower()}"
        found.append(
            (
                *(results.reader(row), *results.scope(row), pair, str(row.get("from")), number(row.get("n"))),
                *(_two(row.get(way)) for way in ways),
                *(_before_after(row, "false_positive_rate"), _before_after(row, "malignancy_rate")),
                *(number(row.get("biopsies_avoided")), number(row.get("cancers_missed"))),
            )
        )
    return Table("restratification", "", columns, found)


def _two(found: Any) -> str:
    known = found if isinstance(found, Mapping) else {}
    benign, malignant = (int(known.get(name) or 0) for name in ("benign", "malignant"))
    return f"{benign + malignant} ({benign} / {malignant})"


def _before_after(row: Row, name: str) -> str:
    found = [number(row.get(f"{name}_{when}")) for when in ("before", "after")]
    return " → ".join("n. e." if value is None else f"{100 * value:.1f} %" for value in found)  # type: ignore[operator]


def cohorts(results: Results) -> Table:
    """Return area and accuracy of each model in each cohort."""
    names = (("sensitivity", "Sensitivity"), ("specificity", "Specificity"), ("accuracy", "Accuracy"))
    columns = (
        *(Column("Model", ""), Column("Cohort", ""), Column("Cases (malignant)", ""), Column("AUC", "", Kind.NUMBER)),
        *(Column(title, "", Kind.PERCENT) for _, title in names),
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(
                results.model(row),
                str(row.get("cohort")),
                f"{row.get('cases')} ({row.get('malignant')})",
                interval(row.get("auc")),
            ),
            *(interval(row.get(name), percent=True) for name, _ in names),
        )
        for row in results.rows("cohorts")
    ]
    return Table("cohorts", "Models by cohort", columns, rows)


def aid_use(results: Results) -> Table:
    """Return how readers used the advice; counts of a right and of a wrong aid stand in the workbook."""
    shares = (
        *(("followed", "Followed"), ("rescued", "Rescued"), ("automation_bias", "Automation bias")),
        *(("correct_before", "Right before"), ("correct_after", "Right after")),
    )
    columns = (
        *(READER, CONDITION, *SCOPE, Column("Kind of aid", "", only_if_used=True)),
        Column("Answers (aid wrong)", "", Kind.INTEGER),
        *(Column(title, "", Kind.PERCENT) for _, title in shares),
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), results.condition(row), *results.scope(row), row.get("aid_kind")),
            f"{row.get('n')} ({row.get('aid_wrong')})",
            *(interval(row.get(name), percent=True) for name, _ in shares),
        )
        for row in plain(results.rows("aid_use"))
    ]
    return Table("aid_use", "", columns, rows)


def time_tests(results: Results) -> Table:
    """Return the paired tests of reading times."""
    columns = (
        *(READER, *SCOPE, Column("Comparison", "First minus second."), Column("Test", ""), Column("Pairs", "", Kind.INTEGER)),
        *(Column("Difference, s", "With interval.", Kind.SECONDS), Column("p", "Two-sided.", Kind.P), HOLM),
    )
    names = {"paired_t": "paired t", "wilcoxon": "Wilcoxon signed-rank"}
    rows: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), *results.scope(row), _pair(results, row)),
            *(names.get(str(row.get("test")), str(row.get("test"))), number(row.get("n"))),
            *(interval(row.get("difference"), digits=1), _p(row.get("p")), _holm(row)),
        )
        for row in plain(results.rows("time", "paired"))
    ]
    return Table("time_tests", "", columns, rows)


def _pair(results: Results, row: Row) -> str:
    second = results.model(row) if row.get("model_id") is not None else results.condition(row, "condition_b").lower()
    return f"{results.condition(row, 'condition_a')} − {second}"


_NONINFERIOR = ("First not inferior", "Second not inferior")


def _noninferior(entry: Row) -> tuple[str, str]:
    """Return both one-sided tests as text with their margin; empty where no margin was stated."""
    margin, *found = noninferiority(entry)
    first, second = ("" if margin is None else f"p {_p(value)} (margin {margin:g})" for value in found)
    return first, second


def _holm(row: Row) -> str:
    return "" if row.get("p_holm") is None else _p(row.get("p_holm"))


def _p(value: Any) -> str:
    found = number(value)
    return p_value(float(found)) if isinstance(found, (int, float)) else NOT_ESTIMABLE
