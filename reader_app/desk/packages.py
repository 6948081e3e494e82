"""Packages of a study: written for all readers, opened on a workstation; and the amendment that asks for new ones."""

from __future__ import annotations

from pathlib import Path

from reader_app import paths
from reader_app.clock import SystemClock
from reader_app.desk.progress import Cancelled, Progress, never, silent
from reader_app.errors import Fault, InputFaults
from reader_app.export import package
from reader_app.store import decisions
from reader_app.store.lock import load_lock
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
        written.append(package.write_package(study, reader.reader_id, out / name))
    return written


def unpack(file: Path, into: Path | None = None) -> Path:
    """Open a package; a later one of the same reader brings its study up to date, and the log stays.

    Parameters
    ----------
    file : Path
        The package, on a USB stick or elsewhere.
    into : Path, optional
        The study folder on this computer; by default one for this study and reader in the user's data folder.

    Returns
    -------
    Path
        The study folder, ready to be read.

    Raises
    ------
    InputFaults, StudyFileError, LogFault, EnvironmentFault
        As :func:`reader_app.export.package.open_package`; nothing is changed.
    """
    held = package.contents(file)
    folder = into or paths.data_dir() / "stations" / f"{held.study_id}-{held.reader_id}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    return package.open_package(file, folder)


def amend(study: Path, reason: str, who: str) -> decisions.Decisions:
    """Freeze an edited study as a new version and put the decision on record; logs go on under it at their readers' next log-in.

    Raises
    ------
    StudyFileError
        As :meth:`StudyFolder.amend`.
    InputFaults
        If the reason is none; then nothing is frozen.
    """
    before = load_lock(study)
    if sum(letter.isalnum() for letter in reason) < decisions.MIN_REASON:
        remedy = f"say why in at least {decisions.MIN_REASON} letters"
        raise InputFaults([Fault("--reason", "the reason is missing or too short", remedy)])
    after = StudyFolder.amend(study).lock
    assert before is not None and after is not None
    about = {"from_study_hash": before.study_hash, "to_study_hash": after.study_hash}
    return decisions.decide(study, "protocol_amended", about, reason, who, SystemClock().now().wall_utc)
