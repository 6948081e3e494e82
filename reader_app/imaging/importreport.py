"""What became of every case and every file of an import."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Of ``blinding_report.csv``: nothing named there is in a container, except writing that was kept or is still undecided.
BLINDING_COLUMNS: tuple[str, ...] = (
    "case_id", "identifying_elements", "which", "file_names_with_identifier", "file_names_with_truth", "files_stating_writing",
    "writing_undecided", "writing_blacked_out", "writing_kept",
)  # fmt: skip

STATUSES: tuple[str, ...] = ("complete", "incomplete", "refused")


@dataclass
class CaseReport:
    """One case: ``status`` is complete, incomplete or refused; ``faults`` say why, ``notes`` what was assumed or chosen.

    ``kept`` is true when a verified container of the same files was already there; ``blinding`` is what `blinding.examine` found.
    """

    case_id: str
    modality: str
    status: str = "complete"
    files: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: bool = False
    blinding: dict[str, Any] = field(default_factory=dict)


@dataclass
class FileReport:
    """One file: accepted into a case, or the reason why not."""

    path: str
    accepted: bool
    case_id: str = ""
    reason: str = ""


@dataclass
class ImportReport:
    """The outcome of an import.

    Attributes
    ----------
    cases, files : list
        In order of case id and path.
    case_rows : list of dict
        One row for ``cases.csv`` for each complete case: case_id, modality, breasts, stratum, fingerprint, clinical columns.
    incomplete_rows : list of dict
        The same for incomplete cases whose container was written (a coordinator may decide to use them).
    reference_rows : list of dict
        For the reference standard; never written into a container or beside one.
    notes : list of str
        About the case table as a whole.
    cancelled : bool
        The import was stopped; run it again to go on.
    """

    cases: list[CaseReport] = field(default_factory=list)
    files: list[FileReport] = field(default_factory=list)
    case_rows: list[dict[str, str]] = field(default_factory=list)
    incomplete_rows: list[dict[str, str]] = field(default_factory=list)
    reference_rows: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cancelled: bool = False

    @property
    def complete(self) -> bool:
        """Whether every case is complete and the import ran to its end."""
        return not self.cancelled and bool(self.cases) and all(c.status == "complete" for c in self.cases)

    def case(self, case_id: str) -> CaseReport:
        """Return one case's report; KeyError when there is none."""
        for case in self.cases:
            if case.case_id == case_id:
                return case
        raise KeyError(case_id)

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``reader-app import --json``."""
        return {
            "schema": 1,
            "cases": [
                {
                    "case_id": c.case_id,
                    "modality": c.modality,
                    "status": c.status,
                    "files": c.files,
                    "faults": c.faults,
                    "notes": c.notes,
                    "kept": c.kept,
                    "blinding": c.blinding,
                }
                for c in self.cases
            ],
            "files": [{"path": f.path, "accepted": f.accepted, "case_id": f.case_id, "reason": f.reason} for f in self.files],
            "notes": self.notes,
            "cancelled": self.cancelled,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ImportReport:
        """Return the report that `to_json` described (without the rows for tables)."""
        own = cls(notes=list(document["notes"]), cancelled=bool(document["cancelled"]))
        own.cases = [CaseReport(**case) for case in document["cases"]]
        own.files = [FileReport(**file) for file in document["files"]]
        return own

    def after(self, earlier: ImportReport) -> ImportReport:
        """Return this report together with what earlier imports said of other cases and other files."""
        cases, files = {c.case_id for c in self.cases}, {f.path for f in self.files}
        kept = [c for c in earlier.cases if c.case_id not in cases]
        ids = {c.case_id for c in kept}
        told = [f for f in earlier.files if f.case_id in ids or (not f.case_id and f.path not in files)]
        notes = list(dict.fromkeys([*earlier.notes, *self.notes]))
        return ImportReport(
            sorted([*kept, *self.cases], key=lambda c: c.case_id),
            sorted([*told, *self.files], key=lambda f: (f.path, f.case_id)),
            notes=notes,
            cancelled=self.cancelled,
        )

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write ``import_report.csv`` (one line a file and a case), ``.json`` and ``blinding_report.csv`` into the study folder.

        Each is written whole or not at all. The report names source files and belongs to the coordinator; it is never part of
        what a reading station gets.
        """
        table, document = directory / "import_report.csv", directory / "import_report.json"
        lines = [["kind", "case_id", "path", "result", "reason"]]
        lines += [["case", c.case_id, "", c.status, _text("; ".join([*c.faults, *c.notes]))] for c in self.cases]
        lines += [
            ["file", f.case_id, _text(f.path), "accepted" if f.accepted else "refused", _text(f.reason)] for f in self.files
        ]
        _put(document, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")
        _put(table, _sheet(lines))
        _put(directory / "blinding_report.csv", _sheet([list(BLINDING_COLUMNS), *map(_blinding_line, self.cases)]))
        return table, document


def _blinding_line(case: CaseReport) -> list[Any]:
    """Return where an identifier was found, never the identifier."""
    found = case.blinding
    decisions = [w.get("decision", "open") for w in found.get("writing", [])]
    counts = [decisions.count(d) for d in ("open", "black_out", "keep")]
    tags = found.get("tags", [])
    names = [found.get(key, 0) for key in ("names", "truth_in_names", "stated")]
    return [case.case_id, len(tags), " ".join(tags), *names, *counts]


def _sheet(lines: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return "\ufeff" + text.getvalue()


def _put(path: Path, text: str) -> None:
    """Write a file beside its place and rename it: whoever looks sees the old one or the new one, never half."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _text(value: str) -> str:
    """Keep a spreadsheet from taking text for a formula."""
    return "'" + value if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def row_of(case_id: str, modality: str, breasts: str, fingerprint: str, clinical: Mapping[str, str]) -> dict[str, str]:
    """Return one row for ``cases.csv``."""
    visible = {k: v for k, v in clinical.items() if k != "stratum"}
    return {
        "case_id": case_id,
        "modality": modality,
        "breasts": breasts,
        "stratum": clinical.get("stratum", ""),
        "fingerprint": fingerprint,
        **visible,
    }
