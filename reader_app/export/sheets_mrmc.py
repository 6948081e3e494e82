"""The sheet ``MRMC``: tests, differences with non-inferiority, means, bootstrap intervals, variance components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reader_app.export import words
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Column, Kind, Sheet, Table, Value
from reader_app.export.resultrows import (
    CONDITION,
    FROM_TO,
    METHOD,
    SCOPE,
    P,
    Results,
    Row,
    asked,
    estimate,
    methods,
    number,
    score_word,
    text,
)

_WHICH = (
    Column("Analysis", "Obuchowski–Rockette, Dorfman–Berbaum–Metz or Gallas.", width=24, key="analysis"),
    Column("Covariance", "How the error covariance was estimated.", width=13, key="covariance"),
    Column("Endpoint", "Figure of merit.", width=13, key="endpoint"),
    Column("Made from", "What the endpoint was made from.", width=16, key="score"),
    Column("Generalises to", "What the result holds for; the rest is fixed.", width=20, key="generalise"),
)
_NONINFERIORITY = (
    Column("Non-inferiority margin", "Largest loss that would be accepted, decided beforehand.", Kind.NUMBER, 11, "margin", True),
    Column("p, A not inferior to B", "One-sided: A is worse than B by less than the margin.", Kind.P, 11, "p_a_to_b", True),
    Column("p, B not inferior to A", "One-sided: B is worse than A by less than the margin.", Kind.P, 11, "p_b_to_a", True),
)


def mrmc_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet."""
    results = Results(content)
    rows = results.rows("mrmc")
    tests = Table(
        "mrmc_tests",
        "Is there any difference between the conditions?",
        (
            *(*_WHICH, *SCOPE, Column("F", "Test statistic; for a chi-square test X2 / df1.", Kind.NUMBER, 10, "f")),
            Column("df 1", "Numerator degrees of freedom.", Kind.NUMBER, 9, "df1"),
            *(Column("df 2", "Denominator degrees of freedom; empty: chi-square.", Kind.NUMBER, 10, "df2"), P),
        ),
        [
            (*_lead(results, row), asked(row.get("f")), number(row.get("df1")), number(row.get("df2")), asked(row.get("p")))
            for row in rows
        ],
    )
    means = Table(
        "mrmc_means",
        "Means",
        (*_WHICH, *SCOPE, CONDITION, *results.estimate_columns("Mean", "Mean over readers.", "mean", se=True), METHOD),
        [
            (*_lead(results, row), results.condition(entry), *estimate(entry.get("mean"), se=True), methods(entry, ["mean"]))
            for row in rows
            for entry in row.get("conditions") or ()
        ],
    )
    return Sheet(
        "MRMC",
        "Multi-reader multi-case analysis: do the findings hold for other readers and other cases?",
        (tests, _differences(results), means, *_bootstrap(results), components_table(results)),
    )


def _lead(results: Results, row: Row) -> tuple[Value, ...]:
    return (
        *(words.ANALYSES.get(str(row.get("analysis")), text(row.get("analysis"))), text(row.get("covariance"))),
        *(words.endpoint(row.get("endpoint")), score_word(row)),
        *(words.GENERALISE.get(str(row.get("generalise")), text(row.get("generalise"))), *results.scope(row)),
    )


def _differences(results: Results) -> Table:
    columns = (
        *(*_WHICH, *SCOPE, *FROM_TO),
        *results.estimate_columns("Difference", "A minus B, mean over readers.", "difference", se=True),
        Column("df", "Degrees of freedom.", Kind.NUMBER, 9, "df"),
        *(Column("t", "Difference / standard error.", Kind.NUMBER, 9, "t"), P),
        *(Column("p, Holm", "Adjusted over the pairs of conditions.", Kind.P, 10, "p_holm"), *_NONINFERIORITY, METHOD),
    )
    found: list[tuple[Value, ...]] = []
    for row in results.rows("mrmc"):
        for entry in row.get("differences") or ():
            found.append(
                (
                    *(*_lead(results, row), results.condition(entry, "condition_a"), results.condition(entry, "condition_b")),
                    *(*estimate(entry.get("difference"), se=True), number(entry.get("df")), asked(entry.get("t"))),
                    *(asked(entry.get("p")), number(entry.get("p_holm")), *noninferiority(entry)),
                    methods(entry, ["difference"]),
                )
            )
    return Table("mrmc_differences", "Differences", columns, found)


def noninferiority(entry: Mapping[str, Any]) -> tuple[Value, Value, Value]:
    """Return margin and both one-sided p-values of a difference; all empty where no margin was stated."""
    if entry.get("margin") is None:
        return None, None, None
    stated = entry.get("noninferiority") or {}
    ways = (stated.get(name) or {} for name in ("a_to_b", "b_to_a"))
    first, second = (asked(way.get("p")) for way in ways)
    return number(entry["margin"]), first, second


_RESAMPLED = {
    "cases": "cases (percentile)",
    "cases_bca": "cases (BCa)",
    "readers_and_cases": "readers and cases (percentile)",
}


def _bootstrap(results: Results) -> tuple[Table, ...]:
    """Return the bootstrap intervals, where they were asked for (--covariance bootstrap)."""
    rows = [
        (
            *(score_word(row), *results.scope(row), results.condition(row, "condition_a"), results.condition(row, "condition_b")),
            *(_RESAMPLED.get(str(row.get("resample")), text(row.get("resample"))), *estimate(row.get("difference"), se=True)),
            methods(row, ["difference"]),
        )
        for row in results.rows("bootstrap")
    ]
    columns = (
        Column("Made from", "What the areas were made from.", width=16, key="score"),
        *(*SCOPE, *FROM_TO, Column("Resampled", "What was drawn anew; the interval in brackets.", width=24, key="resample")),
        *results.estimate_columns("Difference of mean AUC", "A minus B, mean over readers.", "difference", se=True),
        METHOD,
    )
    note = "Sensitivity analysis; intervals over readers are too narrow with five readers or fewer."
    return (Table("bootstrap", "Bootstrap intervals", columns, rows, note),) if rows else ()


def components_table(results: Results) -> Table:
    """Return the variance components of every analysis in words; each analysis once, not once for each way to generalise."""
    found: dict[tuple[Value, ...], None] = {}
    for row in results.rows("mrmc"):
        conditions = [results.condition(entry) for entry in row.get("conditions") or ()]
        lead = _lead(results, row)
        for name, value in (row.get("components") or {}).items():
            found[(*lead[:4], *lead[5:], words.component(name, conditions), number(value))] = None
    columns = (
        *(*_WHICH[:4], *SCOPE),
        Column("Component", "What varies, with its symbol; a negative estimate is reported as it is.", width=44, key="component"),
        Column("Value", "Variance, covariance or correlation.", Kind.FINE, 14, "value"),
    )
    note = "Of Dorfman–Berbaum–Metz: of pseudovalues, one for each case; of the others: of the figure of merit itself."
    return Table("mrmc_components", "Variance components", columns, list(found), note)
