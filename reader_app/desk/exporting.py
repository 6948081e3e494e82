"""Workbook, interchange files and report of a study, each read back and compared before it is called written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reader_app import __version__
from reader_app.ai import results as predictions
from reader_app.analysis.analyze import Options
from reader_app.desk.progress import Progress, silent
from reader_app.desk.results import FORMATS, Analysed, analyse
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.export.workbook import WorkbookContent


def export(
    study: Path,
    formats: Sequence[str],
    out: Path,
    options: Options | None = None,
    interim: bool = False,
    names: Mapping[str, str] | None = None,
    progress: Progress = silent,
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

    Returns
    -------
    list of Path
        What was written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputFaults([Fault("--to", f"there is no format '{unknown[0]}'", f"choose among {', '.join(FORMATS)}")])
    analysed = analyse(study, options, interim)
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for position, name in enumerate(formats):
        progress(position, len(formats), name)
        written += _write(name, analysed, out, (names or {}).get(name))
    progress(len(formats), len(formats), "")
    return written


def _write(name: str, analysed: Analysed, out: Path, file_name: str | None) -> list[Path]:
    study_id = analysed.gathered.folder.definition.study_id
    if name == "xlsx":
        from reader_app.export.workbook import write_workbook

        path = out / (file_name or f"{study_id}.xlsx")
        write_workbook(path, content(analysed))
        return [path]
    if name == "csv":
        from reader_app.export.plain import write_csv

        return list(write_csv(out, content(analysed), analysed.reads, analysed.reference))
    if name == "report":
        from reader_app.export.report import write_report

        path = out / (file_name or f"{study_id}-report.html")
        write_report(path, content(analysed))
        return [path]
    from reader_app.export import interchange

    return list(interchange.write(name, out, study_id, analysed.reads, analysed.reference, content(analysed)))


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
    return WorkbookContent(
        definition=folder.definition,
        cases=folder.cases,
        readers=folder.readers,
        reads=gathered.reads,
        deviations=gathered.deviations,
        results=analysed.results,
        reference=analysed.reference,
        heads={reader_id: log.head for reader_id, log in gathered.logs.items()},
        hashes=_hashes(analysed),
        predictions=_predictions(analysed),
        interim=analysed.interim,
        notes=tuple(notes),
        program_version=__version__,
    )


def _hashes(analysed: Analysed) -> dict[str, str]:
    lock = analysed.gathered.folder.lock or {}
    return {name: value for name, value in lock.items() if isinstance(value, str) and len(value) == 64}


def _predictions(analysed: Analysed) -> dict[tuple[str, str], predictions.Prediction]:
    """Return the stored predictions by (model id, case id)."""
    folder = analysed.gathered.folder
    found = {}
    for model in folder.definition.models:
        for case in folder.cases:
            try:
                found[model.model_id, case.case_id] = predictions.load(folder.aid_dir(model.model_id), case.case_id)
            except (ReaderAppError, FileNotFoundError):
                continue
    return found
