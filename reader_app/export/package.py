"""What one reading workstation gets: a plain zip with the frozen study, its images, and no aid before its round.

The package of a reader holds ``study.toml``, ``cases.csv``, ``readers.csv``, the lock, every case's images, and the stored
predictions of the rounds up to the one it is made for, and what the coordinator has decided about this reader (``orders.json``).
It holds neither the reference standard nor anybody's log, and no file of a later round's aid: what is not on the workstation
cannot be seen there. When the next round opens, a later package brings its aids; after an amendment it brings the new version,
and the log that lies there goes on under it.

Form: a zip, stored (not compressed), entries in a fixed order with a fixed date, so that the same study gives the same bytes;
first ``package.json``, which names every other entry with size and SHA-256. :func:`open_package` believes nothing: it unpacks
only what the manifest and the fixed pattern of names allow, beside the target, checks every byte, loads the study as a program
would, and only then moves it into place.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from reader_app.errors import EnvironmentFault, Fault, InputFaults, LogFault, ReaderAppError
from reader_app.export.atomic import refuse, sentence, sha256_of, write_checked
from reader_app.export.packagefile import (
    CHUNK,
    MANIFEST,
    Manifest,
    copy_entry,
    entry,
    manifest_bytes,
    name_faults,
    opened,
    read_manifest,
    refuse_faults,
    verify,
)
from reader_app.store import decisions, orders, readlog, station
from reader_app.store.disk import sync_directory, sync_file, write_atomically
from reader_app.store.lock import LOCK, frozen_names, load_lock
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.events import RoundFinished

__all__ = ["open_package", "verify", "write_package"]


def write_package(study: Path, reader_id: str, out: Path, round_no: int | None = None) -> Path:
    """Write what one reader's workstation gets.

    Parameters
    ----------
    study : Path
        The coordinator's frozen study folder.
    out : Path
        The zip to be written; an older one is replaced only by a whole new one.
    round_no : int, optional
        The round it is for. Absent: the first round that this reader has not finished, by the logs that came home.

    Raises
    ------
    StudyFileError, InputFaults
        If the study is not frozen, the reader is not in it, the round is not open for this reader (an earlier one is not
        finished in the logs that came home), or a file differs from the lock.
    EnvironmentFault
        If the package cannot be written.
    """
    folder = StudyFolder.load(study)
    plan = folder.plan(reader_id)
    numbers = [entry.number for entry in plan.rounds]
    first_open = _first_open(folder, reader_id, numbers)
    wanted = first_open if round_no is None else round_no
    if wanted not in numbers:
        remedy = f"the rounds are {', '.join(map(str, numbers))}"
        raise InputFaults([Fault("--round", f"the study has no round {wanted}", remedy)])
    if wanted > first_open:
        what = f"round {wanted} is not open for {reader_id}: round {first_open} is not finished in the logs that came home"
        raise InputFaults([Fault(str(study / "logs"), what, "merge this reader's log first: reader-app merge DIR FILE")])
    models = {entry.aid for entry in plan.rounds if entry.aid and entry.number <= wanted}
    sources: dict[str, Path | bytes] = dict(_sources(folder, sorted(models)))
    decided = orders.of_reader(decisions.load(study).taken, reader_id)
    if decided:
        sources[orders.FILE] = orders.as_bytes(decided)
    listed = {name: _size(source) for name, source in sources.items()}
    assert folder.lock is not None
    manifest = Manifest(folder.definition.study_id, folder.lock.study_hash, reader_id, plan.plan_hash, wanted, listed)
    refuse_faults(name_faults(out, list(listed)))

    def write(target: Path) -> None:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            with archive.open(entry(MANIFEST), "w") as into:
                into.write(manifest_bytes(manifest))
            for name, source in sources.items():
                with archive.open(entry(name), "w", force_zip64=True) as into:
                    if isinstance(source, bytes):
                        into.write(source)
                        continue
                    with source.open("rb") as file:
                        shutil.copyfileobj(file, into, CHUNK)

    def check(target: Path) -> str:
        refuse(out, [str(fault) for fault in verify(target)])
        return f"{len(listed):,} files"

    return write_checked(out, write, check).path


def _size(source: Path | bytes) -> tuple[str, int]:
    """Return SHA-256 and bytes of an entry."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest(), len(source)
    return sha256_of(source), source.stat().st_size


def _first_open(folder: StudyFolder, reader_id: str, numbers: list[int]) -> int:
    """Return the first round that the reader has not finished, or the last one."""
    path = folder.log_path(reader_id)
    finished: set[int] = set()
    if path.exists():
        try:
            logged = readlog.read(path).logged
        except LogFault as fault:
            raise InputFaults([Fault(str(path), str(fault), "bring the log from the workstation again")]) from fault
        finished = {entry.event.round_no for entry in logged if isinstance(entry.event, RoundFinished)}
    return next((number for number in numbers if number not in finished), numbers[-1])


def _sources(folder: StudyFolder, models: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield (entry name, file) in the order of the package."""
    for name in (*frozen_names(folder.path), LOCK):
        if (folder.path / name).is_file():
            yield name, folder.path / name
    for case in folder.cases:
        for path in sorted(folder.container(case.case_id).iterdir()):
            if path.is_file():
                yield f"images/{case.case_id}/{path.name}", path
    for model in models:
        refuse_faults(folder.aid_faults(model))
        for case in folder.cases:
            for suffix in ("json", "npz"):
                path = folder.aid_dir(model) / f"{case.case_id}.{suffix}"
                if path.is_file():
                    yield f"aids/{model}/{path.name}", path


# --- opening ------------------------------------------------------------------------------------------------------------------


def open_package(file: Path, directory: Path) -> Path:
    """Unpack a package to ``directory``, or bring the study that lies there already up to date: aids, decisions, a new version.

    Parameters
    ----------
    file : Path
        The package.
    directory : Path
        The study folder on the workstation; made when absent. Its parent must exist.

    Returns
    -------
    Path
        ``directory``, a study folder that loads.

    Raises
    ------
    InputFaults, StudyFileError
        If the package is not sound, or another study (or another reader's) lies there already; nothing is changed.
    LogFault
        If the log that would go on under an amended version is damaged or open in another program; nothing is changed.
    EnvironmentFault
        If the disk is too small, full or read-only; nothing is changed.
    """
    with opened(file) as archive:
        manifest = read_manifest(file, archive)
        if not (directory / LOCK).exists():
            _unpack_new(file, archive, manifest, directory)
        elif _is_amended(directory, manifest):
            _unpack_amended(file, archive, manifest, directory)
        else:
            _add_aids(file, archive, manifest, directory)
    return directory


def contents(file: Path) -> Manifest:
    """Return what a package says it is; its entries are not compared.

    Raises
    ------
    InputFaults
        If it is none.
    """
    with opened(file) as archive:
        return read_manifest(file, archive)


def _unpack_new(file: Path, archive: zipfile.ZipFile, manifest: Manifest, directory: Path) -> None:
    if directory.exists() and any(directory.iterdir()):
        raise InputFaults([Fault(str(directory), "the folder is not empty and holds no study", "choose another folder")])
    work = directory.with_name(f".{directory.name[:40]}.{uuid4().hex[:8]}.part")
    try:
        _room(directory.parent, manifest)
        work.mkdir()
        _extract(file, archive, manifest, list(manifest.files), work)
        _agrees(file, StudyFolder.load(work), manifest)
        station.note(work, manifest.reader_id)
        if directory.exists():
            directory.rmdir()
        work.rename(directory)
        sync_directory(directory.parent)
    except OSError as error:
        raise EnvironmentFault(sentence(directory, error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _is_amended(directory: Path, manifest: Manifest) -> bool:
    """Return whether a package holds another version of the study than the folder, for the reader who reads in it."""
    lock = load_lock(directory)
    other = lock is not None and lock.study_hash != manifest.study_hash and lock.study_id == manifest.study_id
    return other and station.reader_of(directory) in (None, manifest.reader_id)


def _unpack_amended(file: Path, archive: zipfile.ZipFile, manifest: Manifest, directory: Path) -> None:
    """Put the amended version in place of the one that lies there, which must be one of those it amends; the log stays."""
    held = StudyFolder.load(directory)
    before = held.plan(manifest.reader_id).plan_hash
    work = directory.with_name(f".{directory.name[:40]}.{uuid4().hex[:8]}.part")
    old = directory.with_name(f".{directory.name[:40]}.{uuid4().hex[:8]}.old")
    try:
        _one_reader(file, held, manifest)
        work.mkdir()
        _extract(file, archive, manifest, [LOCK], work)
        lock = load_lock(work)
        if lock is None or before not in lock.earlier_plans.get(manifest.reader_id, ()):
            what = f"it belongs to another study, or to a version that does not amend the one in {directory}"
            raise InputFaults([Fault(str(file), what, "choose an empty folder, or ask the coordinator")])
        _room(directory.parent, manifest)
        _extract(file, archive, manifest, [name for name in manifest.files if name != LOCK], work)
        fresh = StudyFolder.load(work)
        _agrees(file, fresh, manifest)
        log = held.log_path(manifest.reader_id)
        if log.exists():
            readlog.read_rows(log)  # sound, and no program has it open
            fresh.log_path(manifest.reader_id).parent.mkdir()
            shutil.copyfile(log, fresh.log_path(manifest.reader_id))
            sync_file(fresh.log_path(manifest.reader_id))
            sync_directory(fresh.log_path(manifest.reader_id).parent)
        station.note(work, manifest.reader_id)
        sync_directory(work)  # the log is durable in its new place before the old one goes
        directory.rename(old)
        try:
            work.rename(directory)
        except OSError:
            old.rename(directory)
            raise
        sync_directory(directory.parent)
    except OSError as error:
        raise EnvironmentFault(sentence(directory, error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if directory.exists():
            shutil.rmtree(old, ignore_errors=True)


def _add_aids(file: Path, archive: zipfile.ZipFile, manifest: Manifest, directory: Path) -> None:
    folder = StudyFolder.load(directory)
    _agrees(file, folder, manifest)
    aids = [name for name in manifest.files if name.startswith("aids/") and not (directory / name).exists()]
    work = directory / f".aids.{uuid4().hex[:8]}.part"
    try:
        work.mkdir()
        _extract(file, archive, manifest, aids, work)
        for source in sorted((work / "aids").glob("*")):
            folder.install_aids(source, source.name)
        if orders.FILE in manifest.files:
            _extract(file, archive, manifest, [orders.FILE], work)
            write_atomically(directory / orders.FILE, (work / orders.FILE).read_bytes())
        station.note(directory, manifest.reader_id)
    except OSError as error:
        raise EnvironmentFault(sentence(directory, error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _agrees(file: Path, folder: StudyFolder, manifest: Manifest) -> None:
    """Refuse a package whose study, reader or plan are not those of the folder."""
    found = folder.lock.study_hash if folder.lock is not None else "not frozen"
    if found != manifest.study_hash:
        what = f"it belongs to another study (package {manifest.study_hash[:12]}, folder {found[:12]})"
        raise InputFaults([Fault(str(file), what, "choose an empty folder")])
    try:
        plan_hash = folder.plan(manifest.reader_id).plan_hash
    except ReaderAppError as error:
        raise InputFaults([Fault(str(file), str(error))]) from error
    if plan_hash != manifest.plan_hash:
        raise InputFaults([Fault(str(file), f"the plan of {manifest.reader_id} is not the frozen one", "ask the coordinator")])
    _one_reader(file, folder, manifest)


def _one_reader(file: Path, folder: StudyFolder, manifest: Manifest) -> None:
    """Refuse a package in whose folder somebody else reads."""
    others = [path.stem for path in (folder.path / "logs").glob(f"*{readlog.SUFFIX}") if path.stem != manifest.reader_id]
    named = station.reader_of(folder.path)
    others += [named] if named not in (None, manifest.reader_id) else []
    if others:
        what = f"the package is for {manifest.reader_id}, but {others[0]} reads in this folder"
        raise InputFaults([Fault(str(folder.path), what, "choose another folder")])


def _room(parent: Path, manifest: Manifest) -> None:
    needed = sum(size for _, size in manifest.files.values()) + (64 << 20)
    free = shutil.disk_usage(parent).free
    if free < needed:
        short = f"{needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free"
        raise EnvironmentFault(f"{parent} is too small for this package: {short}; free some space or choose another folder.")


def _extract(file: Path, archive: zipfile.ZipFile, manifest: Manifest, names: list[str], into: Path) -> None:
    """Unpack entries whose names have been checked; every byte is compared with the manifest."""
    root = into.resolve()
    for name in names:
        target = root.joinpath(*name.split("/"))
        if root not in target.resolve().parents:  # cannot happen with the checked names; a second lock on the same door
            raise InputFaults([Fault(f"{file}, {name!r}", "it would lie outside the folder", "do not use this file")])
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(name) as source, target.open("xb") as out:
                found = copy_entry(source, out)
        except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
            raise InputFaults([Fault(f"{file}, {name}", f"it cannot be read ({error})", "copy the package again")]) from error
        if found != manifest.files[name]:
            what = "its bytes are not those that the package names"
            raise InputFaults([Fault(f"{file}, {name}", what, "copy the package again")])
        sync_file(target)
