"""Read and check the tables that an analysis takes: every fault names its row and column.

The form is fixed (UTF-8 CSV or XLSX, header row, every cell text). A table may also be given as a pandas DataFrame. Rows are
counted as a spreadsheet shows them: the header is row 1.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reader_app.analysis.columns import ColumnReader, TextTable, refuse
from reader_app.errors import Fault, TableError

#: What may be given as a table.
TableSource = str | Path | pd.DataFrame

READ_COLUMNS = (
    "reader_id", "condition", "case_id", "round", "group", "lesion_id", "laterality", "lesion_type",
    "score", "assessment", "call", "reading_time_s", "recall",
)  # fmt: skip
#: Columns that :func:`reader_app.analysis.fromlog.from_reads` adds.
EXTRA_READ_COLUMNS = ("aid_model_id", "aid_kind", "position", "occurrence", "stage", "interim")
MARK_COLUMNS = (
    "reader_id", "condition", "case_id", "round", "group", "rating", "lesion_id", "image_id", "finding_id",
    "x_mm", "y_mm", "z_mm", "width_mm", "height_mm", "depth_mm",
)  # fmt: skip
PREDICTION_COLUMNS = (
    "model_id", "case_id", "lesion_id", "laterality", "lesion_type", "image_id", "probability", "call", "cohort",
)  # fmt: skip


def cell_text(value: object) -> str:
    """Return a cell as text: blanks and NaN are empty, whole floats lose their ``.0``, spaces around are dropped."""
    if type(value) is str:
        return value.strip()
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return ""
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return str(value).strip()


def load_table(source: TableSource, name: str) -> TextTable:
    """Read a CSV or XLSX file, or take a DataFrame.

    Parameters
    ----------
    source
        Path ending in ``.csv`` or ``.xlsx``, or a DataFrame.
    name
        What to call a DataFrame in messages ("reads", "reference" ...).

    Raises
    ------
    TableError
        If the file cannot be read, is not UTF-8, has no header, a doubled column name, or a row with too many cells.
    """
    if isinstance(source, pd.DataFrame):
        frame = pd.DataFrame({str(c): [cell_text(v) for v in source[c].tolist()] for c in source.columns}, dtype=object)
        frame.index = pd.RangeIndex(2, len(frame) + 2)
        if len(set(frame.columns)) != len(source.columns):
            raise TableError([Fault(f"{name}, row 1", "a column name stands twice", "give every column a name of its own")])
        digest = hashlib.sha256(frame.to_csv(index=False, lineterminator="\n").encode()).hexdigest()
        return TextTable(name, frame, digest)
    path = Path(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TableError([Fault(str(path), f"cannot be read ({error.strerror})", "check the path")]) from error
    rows = _xlsx_rows(path, content) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv_rows(path, content)
    return TextTable(path.name, _frame_of(path.name, rows), hashlib.sha256(content).hexdigest())


def _csv_rows(path: Path, content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TableError([Fault(f"{path.name}, row {line}", "is not UTF-8 text", "save the table as UTF-8 CSV")]) from error
    if "\x00" in text:
        raise TableError([Fault(path.name, "holds zero bytes and is no CSV table", "save the table as UTF-8 CSV or XLSX")])
    header = text.split("\n", 1)[0]
    delimiter = next((d for d in (",", ";", "\t") if d in header), ",")
    try:
        return [[cell_text(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error as error:
        raise TableError([Fault(path.name, f"is no well-formed CSV table ({error})", "save it again as UTF-8 CSV")]) from error


def _xlsx_rows(path: Path, content: bytes) -> list[list[str]]:
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = [[cell_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
        book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, IndexError, OSError) as error:
        raise TableError([Fault(path.name, f"cannot be read as XLSX ({error})", "save it again as XLSX or UTF-8 CSV")]) from error
    return rows


def _frame_of(name: str, rows: list[list[str]]) -> pd.DataFrame:
    if not rows or not any(rows[0]):
        raise TableError([Fault(f"{name}, row 1", "there is no header row", "put the column names into the first row")])
    header = rows[0]
    while header and not header[-1]:
        header = header[:-1]
    faults = [
        Fault(f"{name}, row 1, column {i + 1}", "has no name", "name it or delete it") for i, h in enumerate(header) if not h
    ]
    doubled = sorted({h for h in header if h and header.count(h) > 1})
    faults += [Fault(f"{name}, row 1", f"column {h!r} stands twice", "keep one") for h in doubled]
    body: list[list[str]] = []
    numbers: list[int] = []
    width = len(header)
    for number, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue
        if any(row[width:]):
            faults.append(
                Fault(f"{name}, row {number}", f"has more cells than the {width} columns", "check its commas and quotes")
            )
        body.append((row + [""] * width)[:width])
        numbers.append(number)
    refuse(faults)
    return pd.DataFrame(body, columns=header, index=pd.Index(numbers), dtype=object)


@dataclass(frozen=True)
class Checked:
    """A checked table: typed columns, what it was made from, and lines of warning."""

    frame: pd.DataFrame
    name: str
    sha256: str
    warnings: tuple[str, ...] = ()


def round_ranks(rounds: pd.Series) -> NDArray[np.int64]:
    """Return the order of the rounds: by number where all are numbers, else by text; 0 for the lowest."""
    names = [str(n) for n in pd.unique(rounds)]

    def numeric(name: str) -> float:
        try:
            return float(name) if name else -math.inf
        except ValueError:
            return math.nan

    values = {n: numeric(n) for n in names}
    plain = not any(math.isnan(v) for v in values.values())
    ordered = sorted(names, key=lambda n: (values[n], n)) if plain else sorted(names)
    place = {n: i for i, n in enumerate(ordered)}
    return np.asarray(rounds.map(place), dtype=np.int64)


def read_reads(source: TableSource, name: str = "reads") -> Checked:
    """Read and check a table of reads.

    Raises
    ------
    TableError
        Listing every fault with its row and column.
    """
    table = load_table(source, name)
    check = ColumnReader(table)
    check.require(("reader_id", "condition", "case_id"))
    if not any(check.has(c) for c in ("score", "assessment", "call", "recall")):
        raise TableError([Fault(f"{table.name}, row 1", "there is neither score nor assessment nor call", "add one of them")])
    frame = pd.DataFrame(
        {
            "reader_id": check.text("reader_id", needed=True),
            "condition": check.text("condition", needed=True),
            "case_id": check.text("case_id", needed=True),
            "round": check.text("round"),
            "group": check.text("group"),
            "lesion_id": check.text("lesion_id"),
            "laterality": check.side(),
            "lesion_type": check.text("lesion_type"),
            "score": check.number("score"),
            "assessment": check.category(),
            "call": check.binary("call"),
            "reading_time_s": check.number("reading_time_s", low=0, open_low=True),
            "recall": check.binary("recall"),
            "aid_model_id": check.text("aid_model_id"),
            "aid_kind": check.text("aid_kind"),
            "position": check.number("position"),
            "occurrence": check.number("occurrence", low=1).fillna(1.0),
        }
    )
    empty = frame["score"].isna() & (frame["assessment"] == "") & frame["call"].isna() & frame["recall"].isna()
    answered = next(c for c in ("assessment", "score", "call", "recall") if check.has(c))
    for row in frame.index[empty.to_numpy()]:
        check.fault(int(row), answered, "the read has no answer", "fill it in or delete the row")
    keys = ("reader_id", "condition", "round", "case_id", "laterality", "lesion_id", "lesion_type")
    check.unique((*keys, "occurrence") if (frame["occurrence"] > 1).any() else keys, frame, "this read")
    groups = frame.loc[frame["group"] != "", ["reader_id", "group"]].drop_duplicates()
    for reader in groups["reader_id"][groups["reader_id"].duplicated()]:
        row = int(frame.index[(frame["reader_id"] == reader).to_numpy()][-1])
        check.fault(row, "group", f"reader {reader} is in several groups", "give each reader one group")
    if len(frame) == 0:
        check.faults.append(Fault(table.name, "holds no reads", "give at least one row"))
    check.finish()
    frame["round_rank"] = round_ranks(frame["round"])
    line = check.unknown((*READ_COLUMNS, *EXTRA_READ_COLUMNS))
    return Checked(frame, table.name, table.sha256, (line,) if line else ())


def read_marks(source: TableSource, name: str = "marks") -> Checked:
    """Read and check a table of marks: positions, or a column ``lesion_id`` (blank = no lesion) when already matched.

    ``width_mm``, ``height_mm`` and ``depth_mm`` are the full size along x, y and z of a mark that is a box.

    Raises
    ------
    TableError
        Listing every fault with its row and column.
    """
    table = load_table(source, name)
    check = ColumnReader(table)
    check.require(("reader_id", "condition", "case_id", "rating"))
    matched = check.has("lesion_id")
    if not matched:
        check.require(("x_mm", "y_mm"))
    positioned = check.has("x_mm") and check.has("y_mm") and not matched
    frame = pd.DataFrame(
        {
            "reader_id": check.text("reader_id", needed=True),
            "condition": check.text("condition", needed=True),
            "case_id": check.text("case_id", needed=True),
            "round": check.text("round"),
            "rating": check.number("rating", needed=True),
            "lesion_id": check.text("lesion_id"),
            "image_id": check.text("image_id"),
            "finding_id": check.text("finding_id"),
            "x_mm": check.number("x_mm", needed=positioned),
            "y_mm": check.number("y_mm", needed=positioned),
            "z_mm": check.number("z_mm"),
            **{name: check.number(name, low=0, open_low=True) for name in ("width_mm", "height_mm", "depth_mm")},
        }
    )
    check.finish()
    frame["round_rank"] = round_ranks(frame["round"])
    frame.attrs["matched"] = matched
    line = check.unknown(MARK_COLUMNS)
    return Checked(frame, table.name, table.sha256, (line,) if line else ())


def read_predictions(source: TableSource, name: str = "predictions") -> Checked:
    """Read and check a table of model predictions.

    Raises
    ------
    TableError
        Listing every fault with its row and column.
    """
    table = load_table(source, name)
    check = ColumnReader(table)
    check.require(("model_id", "case_id", "probability"))
    frame = pd.DataFrame(
        {
            "model_id": check.text("model_id", needed=True),
            "case_id": check.text("case_id", needed=True),
            "lesion_id": check.text("lesion_id"),
            "laterality": check.side(),
            "lesion_type": check.text("lesion_type"),
            "image_id": check.text("image_id"),
            "probability": check.number("probability", needed=True),
            "call": check.binary("call"),
            "cohort": check.text("cohort"),
        }
    )
    check.unique(("model_id", "case_id", "lesion_id", "laterality", "lesion_type", "image_id"), frame, "this prediction")
    check.finish()
    line = check.unknown(PREDICTION_COLUMNS)
    return Checked(frame, table.name, table.sha256, (line,) if line else ())
