"""Workbook, interchange files and report of a study, each read back and compared before it is called written."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reader_app import __version__
from reader_app.ai import results as predictions
from reader_app.analysis.options import Options
from reader_app.clock import SystemClock
from reader_app.desk.importing import REFERENCE
from reader_app.desk.progress import Progress, silent
from reader_app.desk.results import FORMATS, Analysed, aid_kinds, analyse
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.export.content import PredictionSummary, WorkbookContent


def export(
    study: Path,
    formats: Sequence[str],
    out: Path,
    options: Options | None = None,
    interim: bool = False,
    names: Mapping[str, str] | None = None,
    progress: Progress = silent,
    refused: list[Fault] | None = None,
) -> list[Path]:
    """Analyse a study and write it in the wanted formats.

    Parameters
    ----------
    formats : sequence of str
        Any of xlsx, csv, imrmc, rjafroc, ordbm, redcap, sr, report.
    out : Path
        Folder for the files; made when absent.
    names : mapping, optional
        File name by format, where another than the usual is wanted.
    refused : list of Fault, optional
        As in `write_formats`.

    Returns
    -------
    list of Path
        What was written.
    """
    check_formats(formats)
    analysed = analyse(study, options, interim)
    name = analysed.gathered.folder.definition.study_id
    material = Material(name, content(analysed), analysed.reads, analysed.reference, analysed.marks)
    return write_formats(material, formats, out, names, progress, refused)


def check_formats(formats: Sequence[str]) -> None:
    """Refuse a format that does not exist, before anything is computed."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputFaults([Fault("--to", f"there is no format '{unknown[0]}'", f"choose among {', '.join(FORMATS)}")])


@dataclass(frozen=True, slots=True)
class Material:
    """What files are written from: a study's or that of plain tables.

    Attributes
    ----------
    name : str
        Begins the names of files.
    reads, reference, marks : DataFrame
        Tables of the outer interface of ``analyze``; marks may be None.
    """

    name: str
    content: WorkbookContent
    reads: Any
    reference: Any
    marks: Any = None


def write_formats(
    material: Material,
    formats: Sequence[str],
    out: Path,
    names: Mapping[str, str] | None = None,
    progress: Progress = silent,
    refused: list[Fault] | None = None,
) -> list[Path]:
    """Write the wanted formats and return every file.

    Parameters
    ----------
    refused : list of Fault, optional
        Takes the reasons of formats that cannot say this study; without it the first reason is raised.
    """
    check_formats(formats)
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for position, name in enumerate(formats):
        progress(position, len(formats), name)
        try:
            written += _write(name, material, out, (names or {}).get(name))
        except InputFaults as fault:
            if refused is None:
                raise
            refused += [Fault(f"--to {name}", str(own), "") for own in fault.faults]
    progress(len(formats), len(formats), "")
    return written


def _write(name: str, material: Material, out: Path, file_name: str | None) -> list[Path]:
    if name == "xlsx":
        from reader_app.export.workbook import write_workbook

        path = out / (file_name or f"{material.name}.xlsx")
        write_workbook(path, material.content)
        return [path]
    if name == "csv":
        from reader_app.export.plain import write_csv

        folder = out if material.content.given is None else out / f"{material.name}-csv"
        folder.mkdir(exist_ok=True)
        return list(write_csv(folder, material.content, material.reads, material.reference))
    if name == "report":
        from reader_app.export.report import write_report

        return write_report(out / (file_name or f"{material.name}-report.html"), material.content)
    from reader_app.export import interchange

    own = (material.reads, material.reference, material.content, material.marks)
    return list(interchange.write(name, out, material.name, *own))


def content(analysed: Analysed) -> WorkbookContent:
    """Return everything that a workbook or a report shows, as plain values."""
    gathered = analysed.gathered
    folder = gathered.folder
    notes = []
    if folder.definition.notice:
        notes.append(folder.definition.notice)
    if any(run.clock_kind != "system" for log in gathered.logs.values() for run in log.runs):
        notes.append(
            "Simulated readers: their answers and times were written beforehand by the program; no person read these cases."
        )
    for case_id, reason in gathered.decisions.withdrawn_cases().items():
        notes.append(f"Case {case_id} was withdrawn and is left out: {reason}")
    for (reader_id, round_no, case_id), reason in gathered.decisions.voided_reads().items():
        notes.append(f"The read of case {case_id} by {reader_id} in round {round_no} was voided and is left out: {reason}")
    return WorkbookContent(
        study=folder.definition,
        cases=folder.cases,
        readers=folder.readers,
        reads=gathered.reads,
        reference=[{str(k): str(v) for k, v in row.items()} for row in analysed.reference.astype(str).to_dict("records")],
        deviations=gathered.deviations,
        analysis=analysed.results,
        predictions=_predictions(analysed),
        versions=versions(),
        hashes=_hashes(analysed),
        heads={reader_id: log.head for reader_id, log in gathered.logs.items()},
        interim=analysed.interim,
        notes=tuple(notes),
        questionnaires=gathered.questionnaires,
        aid_kinds={key: kind for key, kind in aid_kinds(gathered).items() if kind != "true"},
        written_utc=SystemClock().now().wall_utc,
    )


def versions() -> dict[str, str]:
    """Return the versions of the program and of what it computes with."""
    found = {"reader-app": __version__, "Python": platform.python_version()}
    for name in ("numpy", "scipy", "statsmodels", "pandas", "scikit-learn", "openpyxl"):
        found[name] = importlib.metadata.version(name)
    return found


def _hashes(analysed: Analysed) -> dict[str, str]:
    lock = analysed.gathered.folder.lock
    found = {} if lock is None else {"study": lock.study_hash, **lock.files}
    if lock is not None:
        found |= {f"plan of {reader_id}": value for reader_id, value in lock.plans.items()}
    path = analysed.gathered.folder.path / REFERENCE
    found[REFERENCE] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _predictions(analysed: Analysed) -> list[PredictionSummary]:
    """Return the stored predictions without their pictures."""
    folder = analysed.gathered.folder
    found = []
    for model in folder.definition.models:
        for case in folder.cases:
            try:
                own = predictions.load(folder.aid_dir(model.model_id), case.case_id)
            except (ReaderAppError, FileNotFoundError):
                continue
            origin = own.provenance
            found.append(
                PredictionSummary(
                    model_id=own.model_id,
                    case_id=own.case_id,
                    probability=own.probability,
                    threshold=own.threshold,
                    call=own.call,
                    positive=own.positive,
                    status=own.status,
                    sha256=own.sha256,
                    bundle=" ".join(str(origin.get(f"bundle_{part}", "")) for part in ("id", "version", "sha256")).strip(),
                    training_data=str(origin.get("training_data", "")),
                )
            )
    return found
