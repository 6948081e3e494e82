"""The report's tables made from marks: lesions hit and figures of merit, of all types together or by type."""

from __future__ import annotations

from collections.abc import Sequence

from reader_app.export import words
from reader_app.export.layout import Column, Kind, Table, Value
from reader_app.export.reportresults import interval, plain
from reader_app.export.resultrows import CONDITION, READER, SCOPE, Results, Row, number


def rule(results: Results) -> str:
    """Return in words when a mark hits a lesion."""
    options = results.document.get("input", {}).get("options", {})
    if options.get("match") == "iou":
        when = f"A mark hits the lesion whose box it overlaps most, if intersection over union reaches {options.get('overlap')}"
    else:
        when = "A mark hits the nearest lesion within whose radius its centre lies"
    return (
        f"{when}; where the table of marks names the lesions itself, the one it names. Several marks of one finding, or on one "
        "lesion, count once with the highest rating; marks that hit nothing are false."
    )


def _typed(rows: Sequence[Row], by_type: bool) -> list[Row]:
    """Return the rows about single lesion types, or those about all."""
    return [row for row in plain(rows) if (row.get("lesion_type") is not None) == by_type]


def localisation(results: Results, by_type: bool = False) -> Table:
    """Return lesions hit, of all types or by type."""
    columns = (
        *(
            READER,
            CONDITION,
            *SCOPE,
            Column("Lesions hit", "Of all."),
            Column("Lesion sensitivity", "With interval.", Kind.PERCENT),
        ),
        Column("Marks per case", "", Kind.NUMBER),
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), results.condition(row), *results.scope(row), f"{row.get('hit')} of {row.get('lesions')}"),
            *(interval(row.get("sensitivity"), percent=True), number(row.get("marks_per_case"))),
        )
        for row in _typed(results.rows("localization"), by_type)
    ]
    return Table("localisation", "", columns, rows)


def merit(results: Results, by_type: bool = False) -> Table:
    """Return FROC figures of merit, of lesions of all types or by type."""
    columns = (*(READER, CONDITION, *SCOPE), Column("Figure of merit", ""), Column("Value", "With interval.", Kind.NUMBER))
    rows: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), results.condition(row), *results.scope(row)),
            *(words.endpoint(row.get("fom")), interval(row.get("value"))),
        )
        for row in _typed(results.rows("froc"), by_type)
    ]
    return Table("merit", "", columns, rows)
