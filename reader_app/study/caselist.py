"""The cases and readers of a study. No truth in it, by type: there is no field that could hold it.

Rows are given as a CSV reader returns them: one mapping per row from column to text. Row 1 is the header, so the first case
stands in row 2. Ids become names of files and folders: they must be safe on every system and differ by more than case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reader_app.errors import Fault, StudyFileError

#: Columns of ``cases.csv`` with a meaning of their own; every other column is a clinical variable shown to readers.
OWN_COLUMNS: tuple[str, ...] = ("case_id", "modality", "breasts", "stratum", "fingerprint")

#: Columns that would unblind a reader; their presence in ``cases.csv`` is refused.
FORBIDDEN_COLUMNS: frozenset[str] = frozenset(
    {
        "malignant", "lesion_id", "lesion_type", "pathology", "truth", "reference", "label", "x_mm", "y_mm", "z_mm", "radius_mm",
        "patient_id",
    }
)  # fmt: skip

MODALITIES: tuple[str, ...] = ("mammography", "abvs", "ultrasound")


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """One case as a reader meets it.

    Attributes
    ----------
    case_id : str
        Pseudonym; also the folder name of its container.
    modality : str
        One of :data:`MODALITIES`.
    breasts : tuple of str
        The breasts shown: ("R",), ("L",) or ("R", "L"); empty when unknown.
    stratum : str
        For subsets of a round; never shown to a reader.
    fingerprint : str
        SHA-256 of the container's pixels, as its manifest states it; empty before import.
    clinical : mapping of str to str
        Clinical variables shown beside the images (age, family_history, ...), as text.
    """

    case_id: str
    modality: str
    breasts: tuple[str, ...] = ()
    stratum: str = ""
    fingerprint: str = ""
    clinical: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reader:
    """One radiologist of the study, by pseudonym."""

    reader_id: str
    group: str = ""
    arm: str = ""


READER_COLUMNS: tuple[str, ...] = ("reader_id", "group", "arm")

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{digit}" for digit in range(1, 10)), *(f"lpt{digit}" for digit in range(1, 10))}
)


def wrong_name(text: str) -> str:
    """Return why a text cannot name a file or folder on every system, or an empty text when it can."""
    if not text:
        return "it is empty"
    if len(text) > 100:
        return "it is longer than 100 characters"
    bad = sorted({letter for letter in text if letter in '<>:"/\\|?*' or not letter.isprintable()})
    if bad:
        return f"{text!r} holds {bad[0]!r}, which cannot stand in a file name"
    if text[0] in " ." or text[-1] in " .":
        return f"{text!r} begins or ends with a space or a full stop"
    if text.split(".")[0].casefold() in _RESERVED:
        return f"{text!r} is a reserved name on Windows"
    return ""


def parse_cases(rows: Sequence[Mapping[str, str]], file: str = "cases.csv") -> tuple[CaseEntry, ...]:
    """Return the case list.

    Columns: ``case_id``, ``modality`` (required), ``breasts`` (R, L or R+L), ``stratum``, ``fingerprint``; any other column is a
    clinical variable shown to readers.

    Raises
    ------
    StudyFileError
        With every fault: a missing or forbidden column, a bad or repeated id, an unknown modality or breast.
    """
    columns = _columns(rows)
    faults = [
        Fault(f"{file}, column {name}", "this column is missing", "add it")
        for name in ("case_id", "modality")
        if name not in columns
    ]
    for name in columns:
        if name.strip().casefold() in FORBIDDEN_COLUMNS:
            faults.append(Fault(f"{file}, column {name}", "it would unblind the readers", "move it to reference_standard.csv"))
    if not rows:
        faults = [Fault(file, "it lists no case", "add one row per case")]
    if faults:
        raise StudyFileError(faults)
    cases = []
    for number, row in enumerate(rows, 2):
        place = f"{file}, row {number}"
        cells = _cells(row, place, faults)
        modality = cells["modality"].casefold()
        if modality not in MODALITIES:
            faults.append(Fault(f"{place}, column modality", f"{cells['modality']!r} is not one of {', '.join(MODALITIES)}"))
        fingerprint = cells.get("fingerprint", "").casefold()
        if fingerprint and (len(fingerprint) != 64 or set(fingerprint) - set("0123456789abcdef")):
            faults.append(Fault(f"{place}, column fingerprint", "it is not a SHA-256 (64 hexadecimal digits)"))
        cases.append(
            CaseEntry(
                case_id=cells["case_id"],
                modality=modality,
                breasts=_breasts(cells.get("breasts", ""), f"{place}, column breasts", faults),
                stratum=cells.get("stratum", ""),
                fingerprint=fingerprint,
                clinical={name: text for name, text in cells.items() if name not in OWN_COLUMNS},
            )
        )
    _check_ids([case.case_id for case in cases], file, "case_id", faults)
    if faults:
        raise StudyFileError(faults)
    return tuple(cases)


def parse_readers(rows: Sequence[Mapping[str, str]], file: str = "readers.csv") -> tuple[Reader, ...]:
    """Return the readers. Columns: ``reader_id`` (required), ``group``, ``arm``; names of people do not belong here.

    Raises
    ------
    StudyFileError
        With every fault: a missing or unknown column, a bad or repeated id.
    """
    columns = _columns(rows)
    faults = [
        Fault(f"{file}, column {name}", "this column is not known", f"use {', '.join(READER_COLUMNS)}; no names of people")
        for name in columns
        if name not in READER_COLUMNS
    ]
    if rows and "reader_id" not in columns:
        faults.append(Fault(f"{file}, column reader_id", "this column is missing", "add it"))
    if not rows:
        faults.append(Fault(file, "it lists no reader", "add one row per reader"))
    if faults:
        raise StudyFileError(faults)
    all_cells = [_cells(row, f"{file}, row {number}", faults) for number, row in enumerate(rows, 2)]
    readers = tuple(Reader(cells["reader_id"], cells.get("group", ""), cells.get("arm", "")) for cells in all_cells)
    _check_ids([reader.reader_id for reader in readers], file, "reader_id", faults)
    if faults:
        raise StudyFileError(faults)
    return readers


def _columns(rows: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(name for name in (rows[0] if rows else ()) if isinstance(name, str))


def _cells(row: Mapping[str, str], place: str, faults: list[Fault]) -> dict[str, str]:
    """Return the cells without surrounding blanks; a row longer or shorter than the header is a fault."""
    if any(not isinstance(name, str) or not isinstance(text, str) for name, text in row.items()):
        faults.append(Fault(place, "it has more or fewer cells than the header", "check for a comma without quotation marks"))
    return {name: text.strip() if isinstance(text, str) else "" for name, text in row.items() if isinstance(name, str)}


def _breasts(text: str, place: str, faults: list[Fault]) -> tuple[str, ...]:
    letters = [letter for letter in text.upper() if letter not in "+,;/ "]
    if set(letters) - {"R", "L"} or len(set(letters)) < len(letters):
        faults.append(Fault(place, f"{text!r} is not R, L or R+L"))
        return ()
    return tuple(letter for letter in ("R", "L") if letter in letters)


def _check_ids(ids: Iterable[str], file: str, column: str, faults: list[Fault]) -> None:
    first: dict[str, int] = {}
    for number, own in enumerate(ids, 2):
        place = f"{file}, row {number}, column {column}"
        wrong = wrong_name(own)
        if wrong:
            faults.append(Fault(place, wrong))
        folded = unicodedata.normalize("NFC", own).casefold()
        if folded in first:
            faults.append(Fault(place, f"{own!r} stands already in row {first[folded]}"))
        first.setdefault(folded, number)
