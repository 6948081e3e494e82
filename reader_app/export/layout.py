"""A sheet as data: columns, tables, charts. Built once, written as a workbook, as CSV and as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

#: What a cell may hold. None is an empty cell; a number is always finite.
Value = str | int | float | datetime | None


class Kind(StrEnum):
    """How the values of a column are shown and aligned."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"  # three decimals shown, full precision stored
    FINE = "fine"  # six decimals shown: variances
    PERCENT = "percent"  # a share 0..1, shown as a percentage
    SECONDS = "seconds"
    P = "p"
    TIME = "time"  # a moment in UTC


#: Shown where something was asked for and cannot be estimated; the reason stands on the sheet "Read me".
NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes
    ----------
    title : str
        Words, with the unit in brackets.
    meaning : str
        One sentence for the data dictionary.
    kind : Kind
        Format of the values.
    width : float
        Width in characters.
    key : str
        Machine name for the CSV export; derived from the title when empty.
    only_if_used : bool
        Leave the column out when no row has a value in it.
    """

    title: str
    meaning: str
    kind: Kind = Kind.TEXT
    width: float = 12.0
    key: str = ""
    only_if_used: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a header row.

    Attributes
    ----------
    name : str
        Machine name: letters and underscores, unique in the workbook; also the name of its CSV file.
    title : str
        Heading above the table; empty when the sheet has only this one.
    columns, rows
        Every row has one value per column.
    note : str
        One or two sentences under the heading.
    shade : tuple of int or None
        Column indices from .. to (exclusive) whose numbers get a colour scale (matrices).
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Value]]
    note: str = ""
    shade: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a chart: a name, and the rows and columns of a table that hold it (zero-based, ``stop`` exclusive)."""

    name: str
    x: int
    y: int
    start: int
    stop: int
    color: str = "2F5FB3"
    heavy: bool = False
    named: bool = True  # in the legend
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A native chart over a table of the same sheet, drawn above the tables; ``kind`` is "line_xy", "columns" or "stacked"."""

    kind: str
    title: str
    table: str
    series: tuple[Series, ...]
    x_title: str
    y_title: str
    unit_square: bool = False  # both axes 0..1
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of the workbook."""

    title: str
    intro: str
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...] = field(default=())
    absent: str = ""  # why there is nothing, said below the first header where no table has a row


def used(table: Table) -> list[int]:
    """Return the places of the columns to be shown: all but those marked ``only_if_used`` that no row uses."""
    return [
        place
        for place, column in enumerate(table.columns)
        if not column.only_if_used or any(row[place] not in (None, "") for row in table.rows)
    ]


def unique(names: Sequence[str], limit: int = 250) -> list[str]:
    """Return headings that a table can have: one line, printable, not too long, none twice (case does not count)."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        plain = "".join(character if character.isprintable() else " " for character in name)
        base = " ".join(plain.split())[:limit] or "Column"
        own, number = base, 1
        while own.casefold() in taken:
            number += 1
            own = f"{base} [{number}]"
        taken.add(own.casefold())
        found.append(own)
    return found


def utc(text: str) -> datetime | None:
    """Return the moment that an ISO 8601 label names, naive and in UTC as spreadsheets want it; None when empty."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=None) if text else None


def key_value(name: str, title: str, rows: Sequence[tuple[str, Value]], note: str = "", width: float = 90) -> Table:
    """Return a two-column table of item and text."""
    columns = (Column("Item", "What is stated.", width=34), Column("Value", "What holds for it.", width=width))
    return Table(name, title, columns, [(item, value) for item, value in rows if value not in (None, "")], note)


def get(row: Mapping[str, object], *path: str) -> Value:
    """Return a nested plain value of a JSON object, None where any part of the path is absent."""
    found: object = row
    for part in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    if isinstance(found, bool):
        return "yes" if found else "no"
    return found if isinstance(found, (str, int, float)) else None
