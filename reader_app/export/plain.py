"""Plain tidy CSV: the tables of the workbook and of the analysis, one file each, for any program.

UTF-8 with byte order mark (so that spreadsheets see Chinese and Korean), comma, header row, machine names as headers, numbers at
full precision, moments in ISO 8601 UTC, empty for absent. Text that a spreadsheet might take for a formula has one apostrophe in
front, and so has text that begins with an apostrophe: take away exactly one leading apostrophe to have the text
(:func:`reader_app.export.cells.unguard_csv`). Numbers are untouched. The file ``csv_read_me.txt`` says so to the user.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reader_app.export import words
from reader_app.export.atomic import refuse, write_checked
from reader_app.export.cells import guard_csv, unguard_csv
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Column, Table, Value, unique
from reader_app.export.workbook import all_sheets

if TYPE_CHECKING:
    import pandas as pd

_READ_ME = f"""{words.NOTICE}

These CSV files are UTF-8 with a byte order mark; one header row; comma; numbers at full precision; moments in UTC (ISO 8601).
A text that a spreadsheet program might take for a formula has one apostrophe (') in front, and so has every text that itself
begins with an apostrophe: take away exactly one leading apostrophe to get the text. Numbers are never changed.
data_dictionary.csv says what each column means. analysis_reads.csv and analysis_reference.csv are the tables that the statistics
were computed from; "reader-app analyze --reads analysis_reads.csv --reference analysis_reference.csv" computes them again.
"""


_INTERIM = "INTERIM: do not report"


def column_name(column: Column) -> str:
    """Return the machine name of a column."""
    return column.key or re.sub(r"[^a-z0-9]+", "_", column.title.lower()).strip("_")


def as_text(value: Value) -> str:
    """Return a value as it stands in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    return guard_csv(value) if isinstance(value, str) else repr(value)


def write_table(path: Path, header: Sequence[str], rows: Sequence[Sequence[Value]]) -> Path:
    """Write one CSV file, read it back, compare, and put it in place.

    Raises
    ------
    EnvironmentFault
        If it cannot be written: one sentence, an older file untouched.
    """

    def write(target: Path) -> None:
        with target.open("w", encoding="utf-8-sig", newline="", errors="surrogatepass") as file:
            writer = csv.writer(file)
            writer.writerow([guard_csv(name) for name in header])
            writer.writerows([as_text(value) for value in row] for row in rows)

    def check(target: Path) -> str:
        found = read_table(target)
        meant = [list(header), *([unguard_csv(as_text(value)) for value in row] for row in rows)]
        differences = [f"line {line}" for line, (a, b) in enumerate(zip(found, meant, strict=False), start=1) if a != b]
        refuse(path, [*differences, *(["number of lines"] if len(found) != len(meant) else [])])
        return f"{len(meant):,} rows"

    return write_checked(path, write, check).path


def read_table(path: Path) -> list[list[str]]:
    """Read a CSV file written by :func:`write_table`; the guard is taken off, the header comes first."""
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="", errors="surrogatepass") as file:
        rows = list(csv.reader(file))
    return [[unguard_csv(value) for value in row] for row in rows]


def write_csv(
    out: Path, content: WorkbookContent, reads: pd.DataFrame | None = None, reference: pd.DataFrame | None = None
) -> list[Path]:
    """Write every table of the workbook as CSV, and the tables of the analysis as they were analysed.

    Parameters
    ----------
    out : Path
        Existing folder.
    reads, reference : DataFrame, optional
        The analysis's own input tables (outer interface of ``analyze``).

    Returns
    -------
    list of Path
        The files, each read back and compared.
    """
    written: list[Path] = []
    for sheet in all_sheets(content):
        for table in sheet.tables:
            written.append(_write(out / f"{table.name}.csv", table, content.interim))
    for name, frame in (("analysis_reads", reads), ("analysis_reference", reference)):
        if frame is not None:
            header = [str(column) for column in frame.columns] + (["interim"] if content.interim else [])
            marked = [_INTERIM] if content.interim else []
            rows = [[*(_plain(value) for value in row), *marked] for row in frame.itertuples(index=False, name=None)]
            written.append(write_table(out / f"{name}.csv", header, rows))
    note = out / "csv_read_me.txt"
    status = "INTERIM: some rounds are not finished; do not report these figures.\n\n" if content.interim else ""
    text = status + _READ_ME

    def same(target: Path) -> str:
        refuse(note, [] if target.read_text(encoding="utf-8") == text else ["text"])
        return "text"

    written.append(write_checked(note, lambda target: _save(target, text), same).path)
    return written


def _save(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _write(path: Path, table: Table, interim: bool) -> Path:
    """Write one table; of an interim analysis every row says so in a last column ``interim``."""
    header = unique([column_name(column) for column in table.columns])
    if not interim:
        return write_table(path, header, table.rows)
    return write_table(path, [*header, "interim"], [(*row, _INTERIM) for row in table.rows])


def _plain(value: object) -> Value:
    """Return a cell of a data frame as a plain value; booleans become 1 and 0, whole floats whole numbers."""
    if value is None or value != value:  # NaN and NaT differ from themselves
        return None
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (int, float)) else str(value)
