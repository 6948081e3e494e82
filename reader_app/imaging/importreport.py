"""What became of every case and every file of an import."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
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

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write ``import_report.csv`` (one line a file and a case), ``.json`` and ``blinding_report.csv`` into the study folder.

        The report names source files and belongs to the coordinator; it is never part of what a reading station gets.
        """
        table, document = directory / "import_report.csv", directory / "import_report.json"
        document.write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        with table.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["kind", "case_id", "path", "result", "reason"])
            for case in self.cases:
                writer.writerow(["case", case.case_id, "", case.status, _text("; ".join([*case.faults, *case.notes]))])
            for file in self.files:
                writer.writerow(
                    ["file", file.case_id, _text(file.path), "accepted" if file.accepted else "refused", _text(file.reason)]
                )
        self._write_blinding(directory / "blinding_report.csv")
        return table, document

    def _write_blinding(self, path: Path) -> None:
        """Write one line a case: where an identifier was found, never the identifier."""
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(BLINDING_COLUMNS)
            for case in self.cases:
                found = case.blinding
                decisions = [w.get("decision", "open") for w in found.get("writing", [])]
                counts = [decisions.count(d) for d in ("open", "black_out", "keep")]
                tags = found.get("tags", [])
                names = [found.get(key, 0) for key in ("names", "truth_in_names", "stated")]
                writer.writerow([case.case_id, len(tags), " ".join(tags), *names, *counts])


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
