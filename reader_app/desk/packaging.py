"""One package for each reader of a frozen study, in one folder."""

from __future__ import annotations

from pathlib import Path

from reader_app.desk.progress import Cancelled, Progress, never, silent
from reader_app.export.package import write_package
from reader_app.store.studyfolder import StudyFolder


def write_packages(study: Path, out: Path, progress: Progress = silent, cancelled: Cancelled = never) -> list[Path]:
    """Write what the workstation of each reader gets, for the first round that the reader has not finished.

    Parameters
    ----------
    study : Path
        The coordinator's frozen study folder.
    out : Path
        Folder for the packages, each named after the study and the reader; an older one is replaced by a whole new one.

    Returns
    -------
    list of Path
        The packages, in the order of the readers' list.

    Raises
    ------
    StudyFileError, InputFaults, EnvironmentFault
        As :func:`reader_app.export.package.write_package`; packages that were written before stay.
    """
    folder = StudyFolder.load(study)
    written: list[Path] = []
    for number, reader in enumerate(folder.readers):
        if cancelled():
            break
        progress(number, len(folder.readers), reader.reader_id)
        name = f"{folder.definition.study_id}-{reader.reader_id}.zip"
        written.append(write_package(study, reader.reader_id, out / name))
    return written
