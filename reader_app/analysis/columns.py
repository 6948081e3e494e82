"""Checks of a text table, column by column: every fault names its row and column, all faults are gathered before refusing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reader_app.errors import Fault, TableError
from reader_app.study.assessment import CATEGORIES

#: At most so many faults are listed one by one.
MAX_FAULTS = 50

_SIDES = {"": "", "R": "R", "L": "L", "RIGHT": "R", "LEFT": "L"}


@dataclass(frozen=True)
class TextTable:
    """A table of text cells.

    Attributes
    ----------
    name : str
        File name, or the name of the argument for a DataFrame.
    frame : DataFrame
        Text cells; its index holds the row numbers as a spreadsheet shows them.
    sha256 : str
        Of the file's bytes, or of the CSV form of a DataFrame.
    """

    name: str
    frame: pd.DataFrame
    sha256: str


def refuse(faults: Sequence[Fault]) -> None:
    """Raise the faults, if any, listing at most :data:`MAX_FAULTS`."""
    if faults:
        shown = list(faults[:MAX_FAULTS])
        if len(faults) > MAX_FAULTS:
            shown.append(Fault("and so on", f"{len(faults) - MAX_FAULTS} more faults of this table are not listed"))
        raise TableError(shown)


class ColumnReader:
    """Checks a text table column by column and gathers all its faults before refusing it."""

    def __init__(self, table: TextTable) -> None:
        self.table = table
        self.faults: list[Fault] = []
        self.columns: dict[str, pd.Series] = {}

    def fault(self, row: int, column: str, what: str, remedy: str = "") -> None:
        """Note a fault at a row (as a spreadsheet counts) and column."""
        self.faults.append(Fault(f"{self.table.name}, row {row}, column {column}", what, remedy))

    def has(self, column: str) -> bool:
        """Whether the table has the column."""
        return column in self.table.frame.columns

    def require(self, columns: Sequence[str]) -> None:
        """Refuse the table at once if it lacks a column."""
        missing = [c for c in columns if not self.has(c)]
        self.faults += [Fault(f"{self.table.name}, row 1", f"column {c} is missing", "add it") for c in missing]
        if missing:
            refuse(self.faults)

    def text(self, column: str, *, needed: bool = False) -> pd.Series:
        """Return a text column ("" where absent); with ``needed`` a blank cell is a fault."""
        index = self.table.frame.index
        series = self.table.frame[column] if self.has(column) else pd.Series("", index=index, dtype=object)
        if needed:
            for row in series.index[series == ""]:
                self.fault(int(row), column, "is blank", "fill it in")
        return series

    def side(self, column: str = "laterality") -> pd.Series:
        """Return laterality as "R", "L" or ""."""
        return self._mapped(column, lambda cell: _SIDES.get(cell.upper()), "is no laterality", "write R or L")

    def category(self, column: str = "assessment") -> pd.Series:
        """Return BI-RADS categories, "" where blank."""
        known = {c: c for c in CATEGORIES} | {"": ""}
        return self._mapped(
            column, lambda cell: known.get(cell.upper()), "is no BI-RADS category", f"write one of {' '.join(CATEGORIES)}"
        )

    def _mapped(self, column: str, function: Callable[[str], str | None], what: str, remedy: str) -> pd.Series:
        series = self.text(column)
        table: Mapping[str, str | None] = {cell: function(cell) for cell in pd.unique(series)}
        for cell, value in table.items():
            if value is None:
                for row in series.index[series == cell]:
                    self.fault(int(row), column, f"{cell!r} {what}", remedy)
        return series.map(table)

    def number(
        self, column: str, *, needed: bool = False, low: float = -math.inf, high: float = math.inf, open_low: bool = False
    ) -> pd.Series:
        """Return a column of finite numbers within limits, NaN where blank."""
        series = self.text(column, needed=needed)
        values = pd.to_numeric(series.where(series != ""), errors="coerce").astype(float)
        array = values.to_numpy()
        bad = (series != "").to_numpy() & ~np.isfinite(array)
        for row in series.index[bad]:
            self.fault(int(row), column, f"{series[row]!r} is no number", "write digits with a decimal point")
        with np.errstate(invalid="ignore"):
            outside = np.isfinite(array) & ((array < low) | (array > high) | (open_low & (array == low)))
        for row in series.index[outside]:
            limits = f"{'above' if open_low else 'from'} {low:g}" + (f" to {high:g}" if math.isfinite(high) else "")
            self.fault(int(row), column, f"{series[row]} is outside its range", f"it must be {limits}")
        return values.where(np.isfinite(array))

    def binary(self, column: str, *, needed: bool = False) -> pd.Series:
        """Return a 0/1 column as floats, NaN where blank."""
        values = self.number(column, needed=needed)
        array = values.to_numpy()
        for row in values.index[np.isfinite(array) & (array != 0) & (array != 1)]:
            self.fault(int(row), column, f"{self.table.frame.at[row, column]!r} is neither 0 nor 1", "write 0 or 1")
        return values

    def unique(self, keys: Sequence[str], frame: pd.DataFrame, what: str) -> None:
        """Note every row whose key stands in an earlier row."""
        doubled = frame.duplicated(list(keys), keep="first").to_numpy()
        if not doubled.any():
            return
        first: dict[tuple[str, ...], int] = {}
        for row, key in zip(frame.index, frame[list(keys)].itertuples(index=False, name=None), strict=True):
            if key in first:
                shown = ", ".join(f"{k} {v}" for k, v in zip(keys, key, strict=True) if v != "")
                self.fault(int(row), keys[0], f"{what} ({shown}) stands already in row {first[key]}", "keep one of them")
            else:
                first[key] = int(row)

    def unknown(self, known: Sequence[str]) -> str:
        """Return one line naming the columns that the analysis ignores, or ""."""
        extra = [c for c in self.table.frame.columns if c not in known]
        return f"{self.table.name}: columns not known to the analysis are ignored: {', '.join(extra)}" if extra else ""

    def finish(self) -> None:
        """Raise all gathered faults.

        Raises
        ------
        TableError
            If there are any.
        """
        refuse(self.faults)
