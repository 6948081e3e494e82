"""Import into a study: images to verified containers, case table to ``cases.csv``, truth apart to the reference standard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from reader_app.desk import tables
from reader_app.desk.progress import Cancelled, Progress, never, silent
from reader_app.errors import Fault, StudyFileError
from reader_app.imaging import hanging, headings
from reader_app.imaging.importer import ImportReport, import_sources
from reader_app.store.studyfolder import StudyFolder

#: Name of the reference standard in a study folder; only the desk and the analysis know it.
REFERENCE = "reference_standard.csv"

_FIRST_COLUMNS = ("case_id", "modality", "breasts", "stratum", "fingerprint")


def import_into(
    study: Path,
    sources: Sequence[Path],
    table: Path | None = None,
    as_: str | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
    cancelled: Cancelled = never,
    as_acquired: bool = False,
    columns: Mapping[str, str] | None = None,
) -> ImportReport:
    """Find exams in files and folders, make verified containers, and enter the complete cases into the study.

    Parameters
    ----------
    study : Path
        The study folder; a frozen study takes no more cases.
    sources : sequence of Path
        Files and folders.
    table : Path, optional
        Case table (csv or xlsx).
    as_ : str, optional
        "mammography", "abvs" or "ultrasound": what everything is taken for.
    dry_run : bool
        Only report what would happen.
    as_acquired : bool
        Leave ABVS volumes of a curved probe as scan lines side by side.
    columns : mapping, optional
        Column of the case table -> name of ours, for tables with other headings.

    Returns
    -------
    ImportReport
        What became of every case and every file; also written to ``import_report.csv`` and ``.json``.

    Raises
    ------
    StudyFileError
        If the study folder has faults or is frozen.
    """
    if columns and table is not None:
        headings.check(columns, str(table))
    folder = StudyFolder.load(study)
    if folder.is_frozen:
        raise StudyFileError([Fault(str(study), "the study is frozen", "make a new study to add cases")])
    missing = [path for path in sources if not path.exists()]
    if missing:
        raise StudyFileError([Fault(str(path), "there is no such file or folder", "check the path") for path in missing])
    report = import_sources(
        list(sources),
        study / "images",
        table=table,
        as_=as_,
        dry_run=dry_run,
        progress=progress,
        cancelled=cancelled,
        as_acquired=as_acquired,
        columns=columns,
        required=hanging.for_study("mammography", study).requires,
    )
    if not dry_run:
        entered = {row["case_id"] for row in report.case_rows}
        truth = [row for row in report.reference_rows if row["case_id"] in entered]
        if truth:
            enter_reference(study, truth)
        if entered:
            enter_cases(study, report.case_rows)
        report.after(earlier_report(study)).write(study)
    return report


def earlier_report(study: Path) -> ImportReport:
    """Return what the imports so far said; nothing where there was none, or where its file was spoilt by hand."""
    path = study / "import_report.json"
    try:
        return ImportReport.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return ImportReport()


def enter_cases(study: Path, rows: Sequence[dict[str, str]]) -> None:
    """Add or update rows of ``cases.csv``; columns of clinical variables come after the program's own."""
    path = study / "cases.csv"
    old = tables.read_rows(path)
    merged = tables.merge_rows(old, rows, "case_id")
    columns = list(dict.fromkeys([*_FIRST_COLUMNS, *tables.header(path), *(key for row in merged for key in row)]))
    tables.write_rows(path, columns, merged)


def enter_reference(study: Path, rows: Sequence[dict[str, str]]) -> None:
    """Replace the reference rows of the cases named in ``rows`` in ``reference_standard.csv`` (coordinator's machine only)."""
    path = study / REFERENCE
    named = {row["case_id"] for row in rows}
    merged = [*(row for row in tables.read_rows(path) if row["case_id"] not in named), *rows]
    columns = list(dict.fromkeys(["case_id", "malignant", *(key for row in merged for key in row)]))
    tables.write_rows(path, columns, merged)
