"""The case table of an import: which files make up which case, what readers may see of it, and, kept apart, the truth."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from reader_app.errors import Fault, TableError
from reader_app.imaging.caseimage import MODALITIES, safe_name

FILE_COLUMNS: tuple[str, ...] = (
    "case_id", "file", "modality", "view", "laterality", "exam_date", "role", "stratum", "spacing_mm", "axes", "black_out",
    "nipple", "geometry",
)  # fmt: skip
#: ``roi`` is a drawn lesion (top,left,bottom,right in image pixels) for models that judge a crop; readers never see it.
CLINICAL_COLUMNS: tuple[str, ...] = ("age", "family_history", "brca", "density", "symptom", "roi")
REFERENCE_COLUMNS: tuple[str, ...] = (
    "malignant", "lesion_id", "lesion_type", "image_id", "x_mm", "y_mm", "z_mm", "radius_mm", "patient_id", "pathology",
    "birads", "cohort",
)  # fmt: skip
#: Columns that name a person; they are never taken over.
IDENTITY_COLUMNS = re.compile(
    r"(?i)(patient|first|last|full|sur)?[ _]?(name|vorname|nachname)|mrn|birth.*|dob|address|phone|ssn|accession.*"
)

MAX_ROWS, MAX_COLUMNS, MAX_UNPACKED = 200_000, 500, 200 * (1 << 20)
_ROLES = {"": "current", "current": "current", "prior": "prior", "previous": "prior"}
_SIDES = {"": "", "r": "R", "right": "R", "l": "L", "left": "L"}


@dataclass(frozen=True)
class Row:
    """One line of the table, checked.

    Attributes
    ----------
    line : int
        Line in the file, the header being 1.
    case_id, file, modality, view, laterality, role : str
        As in the outer interface; ``file`` may be empty for a row that only adds a lesion.
    exam_date : date or None
        Only used to order exams; never stored.
    spacing_mm : tuple of float or None
        For volumes whose file has none.
    axes : str
        For volumes: what the array axes are.
    black_out : tuple of (row, column, row end, column end)
        Parts of the picture to overwrite, in the file's own pixels.
    nipple : tuple of float
        For volumes: index of the nipple in the file's own array (slice, row, column); empty when not stated.
    geometry : str
        "acquired": leave the volume of a curved probe as scan lines side by side; "" draws it in its true shape.
    """

    line: int
    case_id: str
    file: str
    modality: str = ""
    view: str = ""
    laterality: str = ""
    role: str = "current"
    exam_date: date | None = None
    spacing_mm: tuple[float, ...] | None = None
    axes: str = ""
    black_out: tuple[tuple[int, int, int, int], ...] = ()
    nipple: tuple[float, ...] = ()
    geometry: str = ""


@dataclass
class CaseTable:
    """The whole table.

    Attributes
    ----------
    path : Path
        Where it lies; files are relative to its folder.
    rows : list of Row
        With a file.
    clinical : dict
        case_id -> what readers may see (clinical variables) and the stratum under the key "stratum".
    reference : list of dict
        Rows for the reference standard; empty when the table has no such column.
    notes : list of str
        Ignored columns and the like.
    """

    path: Path
    rows: list[Row] = field(default_factory=list)
    clinical: dict[str, dict[str, str]] = field(default_factory=dict)
    reference: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(
    path: Path, columns: Mapping[str, str] | None = None, sheet: Callable[[Path], list[list[str]]] | None = None
) -> CaseTable:
    """Read and check a case table.

    Parameters
    ----------
    path : Path
        ``.csv`` (UTF-8; comma, semicolon or tab) or ``.xlsx`` (first sheet).
    columns : mapping, optional
        Column in the file -> name of ours, for tables with other headings; "" leaves a column out.
    sheet : callable, optional
        Reads a workbook to text cells; the import passes a worker's, so that a hostile workbook cannot hurt the program.

    Raises
    ------
    TableError
        Listing every fault with its line and column.
    """
    if not path.is_file():
        raise TableError([Fault(str(path), "there is no such table", "check the path")])
    cells = cells_of(path, sheet)
    strange = [c for c in columns or {} if c not in {v.strip() for row in cells[:1] for v in row}]
    if strange:
        raise TableError([Fault(f"{path}, column {c!r}", "is not in the table", "check its spelling") for c in strange])
    header, body = _header(path, cells, columns or {})
    return _check(path, header, body)


def cells_of(path: Path, sheet: Callable[[Path], list[list[str]]] | None = None) -> list[list[str]]:
    """Return all cells of a csv or xlsx table as text; ``sheet`` reads a workbook."""
    return _read_csv(path) if path.suffix.lower() in (".csv", ".tsv", ".txt") else (sheet or read_workbook)(path)


def _read_csv(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError([Fault(str(path), "is not UTF-8 text", "save it as 'CSV UTF-8'")]) from error
    if "\0" in text:
        raise TableError([Fault(str(path), "is not a text file", "save it as 'CSV UTF-8'")])
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[: MAX_ROWS + 1]
    except csv.Error as error:
        raise TableError([Fault(str(path), f"cannot be read as CSV ({error})", "save it as 'CSV UTF-8'")]) from error


def read_workbook(path: Path) -> list[list[str]]:
    """Return the cells of the first sheet as text, with limits on what the file may unpack to.

    Raises
    ------
    TableError
        If it is no workbook or would unpack to far more than a case table.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > 2000 or sum(e.file_size for e in entries) > MAX_UNPACKED:
                raise TableError([Fault(str(path), "unpacks to far more than a case table", "save only the case table")])
    except (zipfile.BadZipFile, OSError) as error:
        raise TableError([Fault(str(path), "is no xlsx workbook", "save it as .xlsx or as 'CSV UTF-8'")]) from error
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    try:
        sheet = book.worksheets[0]
        rows = sheet.iter_rows(max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS, values_only=True)
        return [[_cell(value) for value in row] for row in rows]
    finally:
        book.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _header(path: Path, cells: list[list[str]], columns: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    if not cells or not any(c.strip() for c in cells[0]):
        raise TableError([Fault(str(path), "has no header row", "name the columns in the first row")])
    names = [columns.get(c.strip(), c.strip()) for c in cells[0]]
    names = [n if n in columns.values() else re.sub(r"[\s-]+", "_", n.lower()) for n in names]
    faults = [
        Fault(f"{path}, column {n!r}", "occurs twice", "rename one")
        for n in sorted({n for n in names if n and names.count(n) > 1})
    ]
    faults += [Fault(str(path), f"the column {n!r} is missing", "add it") for n in ("case_id", "file") if n not in names]
    if len(cells) > MAX_ROWS:
        faults.append(Fault(str(path), f"has more than {MAX_ROWS} rows", "split it"))
    if faults:
        raise TableError(faults)
    return names, cells[1:]


def _check(path: Path, header: Sequence[str], body: Sequence[Sequence[str]]) -> CaseTable:
    table = CaseTable(path)
    faults: list[Fault] = []
    clinical = {name: _clinical_name(name) for name in header if _clinical_name(name)}
    reference = [name for name in header if name in REFERENCE_COLUMNS]
    known = {*FILE_COLUMNS, *clinical, *reference}
    for name in header:
        if name and name not in known:
            why = "names a person and was not taken over" if IDENTITY_COLUMNS.fullmatch(name) else "is unknown and was ignored"
            table.notes.append(f"column {name!r} {why}")
    folded: dict[str, str] = {}
    for line, values in enumerate(body, start=2):
        record = {name: (values[i].strip() if i < len(values) else "") for i, name in enumerate(header) if name}
        if not any(record.values()):
            continue
        place = f"{path}, line {line}"
        row = _row(record, line, place, faults)
        if row is None:
            continue
        twin = folded.setdefault(row.case_id.casefold(), row.case_id)
        if twin != row.case_id:
            faults.append(
                Fault(place, f"case_id {row.case_id!r} differs from {twin!r} only in upper and lower case", "use one spelling")
            )
        if row.file:
            table.rows.append(row)
        _note_clinical(
            table, row, {clinical[n]: record[n] for n in clinical} | {"stratum": record.get("stratum", "")}, place, faults
        )
        if reference:
            _note_reference(table, row, record, reference, place, faults)
    _check_malignant(table, path, faults)
    if not table.rows and not faults:
        faults.append(Fault(str(path), "has no row with a file", "add the rows"))
    if faults:
        raise TableError(faults)
    return table


def _clinical_name(name: str) -> str:
    if name in CLINICAL_COLUMNS:
        return name
    return name.removeprefix("clinical_") if name.startswith("clinical_") and len(name) > 9 else ""


def _row(record: Mapping[str, str], line: int, place: str, faults: list[Fault]) -> Row | None:
    case_id = record.get("case_id", "")
    if not safe_name(case_id):
        faults.append(Fault(place, f"case_id {case_id!r} is not a plain name", "use letters, digits, '.', '_' and '-'"))
        return None
    modality = record.get("modality", "").lower()
    side, role = record.get("laterality", "").lower(), record.get("role", "").lower()
    before = len(faults)
    if modality and modality not in MODALITIES:
        faults.append(Fault(place, f"modality {modality!r} is unknown", f"use one of {', '.join(MODALITIES)}"))
    if side not in _SIDES:
        faults.append(Fault(place, f"laterality {side!r} is unknown", "use L or R"))
    if role not in _ROLES:
        faults.append(Fault(place, f"role {role!r} is unknown", "use current or prior"))
    day = _date(record.get("exam_date", ""), place, faults)
    spacing: tuple[float, ...] | None = None
    if record.get("spacing_mm"):
        try:
            spacing = tuple(float(v) for v in re.split(r"[\s;xX]+", record["spacing_mm"].strip()))
        except ValueError:
            spacing = ()
        if len(spacing) not in (2, 3):
            faults.append(Fault(place, f"spacing_mm {record['spacing_mm']!r} is not 2 or 3 numbers", "write e.g. 0.5 0.073 0.2"))
    boxes = _boxes(record.get("black_out", ""), place, faults)
    nipple = _nipple(record.get("nipple", ""), place, faults)
    geometry = record.get("geometry", "").lower()
    if geometry not in ("", "acquired", "true"):
        faults.append(Fault(place, f"geometry {geometry!r} is unknown", "write acquired, or leave it empty for the true shape"))
    if len(faults) > before:
        return None
    view = record.get("view", "").upper()
    return Row(
        line,
        case_id,
        record.get("file", ""),
        modality,
        view,
        _SIDES[side],
        _ROLES[role],
        day,
        spacing,
        record.get("axes", ""),
        boxes,
        nipple,
        geometry,
    )


def _boxes(text: str, place: str, faults: list[Fault]) -> tuple[tuple[int, int, int, int], ...]:
    result = []
    for part in text.split(";"):
        numbers = re.findall(r"\d+", part)
        if not part.strip():
            continue
        if len(numbers) != 4 or int(numbers[2]) <= int(numbers[0]) or int(numbers[3]) <= int(numbers[1]):
            faults.append(
                Fault(place, f"black_out {part.strip()!r} is no box", "write: first row, first column, row end, column end")
            )
            continue
        a, b, c, d = (int(n) for n in numbers)
        result.append((a, b, c, d))
    return tuple(result)


def _nipple(text: str, place: str, faults: list[Fault]) -> tuple[float, ...]:
    if not text:
        return ()
    try:
        numbers = tuple(float(v) for v in re.split(r"[\s;]+", text.strip()))
    except ValueError:
        numbers = ()
    if len(numbers) != 3 or not all(math.isfinite(v) for v in numbers):
        faults.append(Fault(place, f"nipple {text!r} is not three numbers", "write slice row column, counted from 0"))
    return numbers


def _date(text: str, place: str, faults: list[Fault]) -> date | None:
    if not text:
        return None
    for pattern in ("%Y-%m-%d", "%Y%m%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text[:10], pattern).date()
        except ValueError:
            continue
    faults.append(Fault(place, f"exam_date {text!r} is not a date", "write it as 2026-03-31"))
    return None


def _note_clinical(table: CaseTable, row: Row, values: Mapping[str, str], place: str, faults: list[Fault]) -> None:
    known = table.clinical.setdefault(row.case_id, {})
    for name, value in values.items():
        if not value or row.role == "prior":
            continue
        if known.setdefault(name, value) != value:
            faults.append(
                Fault(
                    place,
                    f"{name} is {value!r} here and {known[name]!r} on another line of case {row.case_id}",
                    "make them equal",
                )
            )


def _note_reference(
    table: CaseTable, row: Row, record: Mapping[str, str], reference: Sequence[str], place: str, faults: list[Fault]
) -> None:
    if not any(record[name] for name in reference if name not in ("birads", "cohort")):
        return
    if record.get("malignant", "") not in ("", "0", "1"):
        faults.append(Fault(place, f"malignant is {record['malignant']!r}", "write 0 or 1"))
    for name in ("x_mm", "y_mm", "z_mm", "radius_mm"):
        try:
            float(record.get(name) or 0)
        except ValueError:
            faults.append(Fault(place, f"{name} is {record[name]!r}", "write a number"))
    entry = {"case_id": row.case_id, "laterality": row.laterality, **{name: record[name] for name in reference}}
    if record.get("lesion_id"):
        entry["view"] = row.view
    if entry not in table.reference:
        table.reference.append(entry)


def _check_malignant(table: CaseTable, path: Path, faults: list[Fault]) -> None:
    """Settle what a truth without lesions belongs to.

    The same value on all rows of a case is the truth of the case; values that differ between its breasts are the truth of each
    breast; values that differ within a breast (or within a lesion) are a fault.
    """
    by_case: dict[str, list[dict[str, str]]] = {}
    for entry in table.reference:
        by_case.setdefault(entry["case_id"], []).append(entry)
    settled: list[dict[str, str]] = []
    for case_id, entries in by_case.items():
        whole = [e for e in entries if not e.get("lesion_id")]
        if len({e.get("malignant", "") for e in whole}) <= 1:
            whole = [{**e, "laterality": ""} for e in whole]
        values: dict[tuple[str, str], str] = {}
        for entry in (*whole, *(e for e in entries if e.get("lesion_id"))):
            value = entry.get("malignant", "")
            if value and values.setdefault((entry["laterality"], entry.get("lesion_id", "")), value) != value:
                faults.append(Fault(str(path), f"case {case_id} is both malignant and not malignant", "correct the table"))
                break
            if entry not in settled:
                settled.append(entry)
    table.reference[:] = settled
