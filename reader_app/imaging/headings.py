"""What the headings of somebody's case table mean: ours by name, others by a guess that the coordinator confirms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from reader_app.errors import Fault, TableError
from reader_app.imaging.casetable import CLINICAL_COLUMNS, FILE_COLUMNS, REFERENCE_COLUMNS, cells_of

#: Every heading that means something; "clinical_..." makes further clinical variables.
KNOWN: tuple[str, ...] = (*FILE_COLUMNS, *CLINICAL_COLUMNS, *REFERENCE_COLUMNS)

#: Other words for our columns that tables are seen to use.
_LIKE = {
    "case": "case_id", "caseid": "case_id", "study_id": "case_id", "id": "case_id", "filename": "file", "file_name": "file",
    "path": "file", "image": "file", "side": "laterality", "breast": "laterality", "position": "view", "view_position": "view",
    "scan": "view", "date": "exam_date", "study_date": "exam_date", "patient_age": "age", "cancer": "malignant",
    "malignancy": "malignant", "histology": "pathology", "lesion": "lesion_id", "group": "stratum", "stratum_id": "stratum",
    "spacing": "spacing_mm", "breast_density": "density", "type": "lesion_type",
}  # fmt: skip


def of_table(path: Path, sheet: Callable[[Path], list[list[str]]] | None = None) -> list[str]:
    """Return the headings of a table as they are written.

    Raises
    ------
    TableError
        If the file is no table.
    """
    cells = cells_of(path, sheet)
    return [c.strip() for c in cells[0] if c.strip()] if cells else []


def guess(heading: str) -> str:
    """Return which of our columns a heading most likely means, or "" (it is then left out)."""
    plain = re.sub(r"[^a-z0-9]+", "_", heading.lower()).strip("_")
    if plain in KNOWN or (plain.startswith("clinical_") and len(plain) > 9):
        return plain
    return _LIKE.get(plain, "")


def check(columns: Mapping[str, str], file: str) -> None:
    """Raise TableError for a meaning that is none of ours or is given twice; "" leaves a column out."""
    faults = [
        Fault(f"{file}, column {theirs!r}", f"{ours!r} is no column of ours", f"use one of {', '.join(KNOWN)}, or clinical_...")
        for theirs, ours in columns.items()
        if ours and ours not in KNOWN and not ours.startswith("clinical_")
    ]
    for ours in sorted({o for o in columns.values() if o and list(columns.values()).count(o) > 1}):
        faults.append(Fault(file, f"two columns are said to be {ours}", "choose one of them"))
    if faults:
        raise TableError(faults)
