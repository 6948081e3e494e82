"""Before a round begins: everything that could stop it or spoil it on this workstation, found at once."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from reader_app.clock import Clock, SystemClock
from reader_app.errors import EnvironmentFault, Fault, ImageError, ReaderAppError, StudyFileError
from reader_app.imaging import container, hanging
from reader_app.reading.casefeed import load_aid, shown_model
from reader_app.store import readlog
from reader_app.store.disk import network_filesystem
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.assignment import Plan
from reader_app.study.caselist import CaseEntry
from reader_app.study.events import Logged

#: Free disk space that a reading workstation must have.
FREE_BYTES = 1_000_000_000


def preflight(
    folder: StudyFolder,
    reader_id: str,
    round_no: int,
    *,
    log: readlog.ReadLog | None = None,
    clock: Clock | None = None,
    thorough: bool = False,
) -> list[Fault]:
    """Return what stands in the way of a round.

    Checked: the study is frozen and unchanged; every case of the round opens, is the frozen one, of the stated modality, and can
    be hung; its aid is there, the frozen one and made on these images, if (and only if) the round shows it; the log is sound and
    its folder can be written safely; the clock of the computer is not behind.

    Parameters
    ----------
    folder : StudyFolder
    reader_id : str
    round_no : int
    log : ReadLog, optional
        The reader's log where this program has it open already; otherwise the file is verified.
    clock : Clock, optional
        The session's clock; the system's if absent.
    thorough : bool
        Also hash every image file now. The case feed does so before it shows a case in any event.
    """
    try:
        plan = folder.plan(reader_id)
        entry = plan.round(round_no)
    except StudyFileError as fault:
        return list(fault.faults)
    except KeyError:
        return [Fault(str(folder.path / "study.toml"), f"there is no round {round_no}", "check the number")]
    faults: list[Fault] = []
    entries = {case.case_id: case for case in folder.cases}
    for case_id in dict.fromkeys(entry.order):
        faults += _case_faults(folder, plan, round_no, entries[case_id], thorough)
    faults += disk_faults(folder.log_path(reader_id))
    last = log.logged()[-1:] if log is not None else _last_logged(folder.log_path(reader_id), faults)
    faults += _clock_faults(folder, last, clock or SystemClock())
    return faults


def _case_faults(folder: StudyFolder, plan: Plan, round_no: int, case: CaseEntry, thorough: bool) -> list[Fault]:
    directory = folder.container(case.case_id)
    try:
        images = container.open_case(directory)
    except ImageError as error:
        return [Fault(str(directory), f"case {case.case_id} cannot be opened ({error})", "bring back the frozen container")]
    faults = container.verify(directory) if thorough else []
    if images.case_id != case.case_id or images.fingerprint != case.fingerprint:
        what = f"these are not the frozen images of case {case.case_id}"
        faults.append(Fault(str(directory), what, "bring back the frozen container"))
    if images.modality != case.modality:
        what = f"the images of case {case.case_id} are {images.modality}, the case list says {case.modality}"
        faults.append(Fault(str(directory), what, "tell the coordinator"))
    shown = {image.laterality for image in images.images if image.laterality}
    lacking = [breast for breast in case.breasts if shown and breast not in shown]
    if lacking:
        what = f"case {case.case_id} has no image of breast {', '.join(lacking)}"
        faults.append(Fault(str(directory), what, "tell the coordinator"))
    for problem in hanging.for_study(images.modality, folder.path).problems(images.images):
        faults.append(Fault(str(directory), f"case {case.case_id} cannot be hung: {problem}", "tell the coordinator"))
    model_id = shown_model(plan, round_no)
    if model_id is not None:
        try:
            load_aid(folder, model_id, case.case_id, images.fingerprint)
        except (ReaderAppError, OSError) as error:
            where = str(folder.aid_dir(model_id) / f"{case.case_id}.json")
            faults.append(
                Fault(where, f"the aid of case {case.case_id} cannot be shown ({error})", "bring the package of this round")
            )
    return faults


def disk_faults(log_path: Path) -> list[Fault]:
    """Return why a log cannot be kept safely at ``log_path``: network share, no space, no right to write."""
    directory = log_path.parent
    kind = network_filesystem(directory)
    if kind is not None:
        what = f"the study lies on a network share ({kind}), where a log is not safe"
        return [Fault(str(directory), what, "copy the study to a local disk")]
    faults = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(directory).free
        if free < FREE_BYTES:
            what = f"only {free // 1_000_000} MB are free on this disk, {FREE_BYTES // 1_000_000} MB are needed"
            faults.append(Fault(str(directory), what, "free some space"))
        probe_write(directory)
        if log_path.exists() and not os.access(log_path, os.W_OK):
            faults.append(Fault(str(log_path), "the log is read-only", "give write access to it"))
    except (OSError, EnvironmentFault) as error:
        faults.append(Fault(str(directory), f"nothing can be written here ({error})", "give write access to the folder"))
    return faults


def probe_write(directory: Path) -> None:
    """Write, sync, read back and remove a small file.

    Raises
    ------
    EnvironmentFault
        If what is read is not what was written.
    OSError
        If it cannot be written.
    """
    sample = os.urandom(4096)
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".probe-") as file:
        file.write(sample)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        if file.read() != sample:
            raise EnvironmentFault(f"{directory}: the disk gives back other bytes than were written; use another disk")


def _last_logged(path: Path, faults: list[Fault]) -> tuple[Logged, ...]:
    if not path.exists():
        return ()
    found = readlog.verify(path)
    if found:
        faults += found
        return ()
    return readlog.read(path).logged[-1:]


def _clock_faults(folder: StudyFolder, last: tuple[Logged, ...], clock: Clock) -> list[Fault]:
    """Return a fault when the wall clock lies before something that has happened already (ISO texts compare as dates do)."""
    now = clock.now().wall_utc
    known = {}
    if folder.lock is not None and clock.kind == "system":  # a simulated clock starts at a date of its own
        known["the study was frozen"] = folder.lock.frozen_utc
    if last:
        known["the last event was logged"] = last[0].wall_utc
    return [
        Fault("clock of this computer", f"it shows {now}, but {what} at {then}", "set date and time")
        for what, then in known.items()
        if now < then
    ]
