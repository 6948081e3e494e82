"""A study folder on disk: loaded with every fault at once, frozen by hash, verified ever after. One loader for all.

Loading opens neither an aid nor the reference standard: a reading program that loads its study has not seen them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reader_app import __version__
from reader_app.clock import Clock, SystemClock
from reader_app.errors import Fault, StudyFileError
from reader_app.store.canonical import sha256_file
from reader_app.store.disk import write_atomically
from reader_app.store.lock import (
    FROZEN_FILES,
    LOCK,
    MANIFEST,
    VERSIONS,
    LockedCase,
    StudyLock,
    changed_containers,
    changed_files,
    file_hashes,
    keep_version,
    load_lock,
    study_hash,
    with_plans_of,
)
from reader_app.store.readlog import SUFFIX, ReadLog
from reader_app.store.runinfo import RunInfo
from reader_app.store.studyfiles import read_cases, read_definition, read_readers, read_table
from reader_app.study import assignment
from reader_app.study.assignment import Plan
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import StudyDefinition

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """One study on disk.

    Attributes
    ----------
    path : Path
        The folder.
    definition : StudyDefinition
    cases : tuple of CaseEntry
        Empty before the first import. Once frozen every case has its fingerprint.
    readers : tuple of Reader
    lock : StudyLock or None
        None until the study is frozen.
    """

    path: Path
    definition: StudyDefinition
    cases: tuple[CaseEntry, ...]
    readers: tuple[Reader, ...]
    lock: StudyLock | None

    @classmethod
    def load(cls, path: Path) -> StudyFolder:
        """Load a study folder; a frozen one is compared with its lock.

        Raises
        ------
        StudyFileError
            With every fault of ``study.toml``, ``cases.csv``, ``readers.csv``; for a frozen study, with the name and both
            hashes of whatever has changed.
        """
        if not path.is_dir():
            raise StudyFileError([Fault(str(path), "there is no such folder", "check the path")])
        lock = load_lock(path)
        if lock is not None:
            faults = [*changed_files(path, lock), *changed_containers(path, lock)]
            if faults:
                raise StudyFileError(faults)
        return cls._read(path, lock)

    @classmethod
    def _read(cls, path: Path, lock: StudyLock | None) -> StudyFolder:
        faults: list[Fault] = []
        found: list[Any] = []
        for read in (read_definition, read_cases, read_readers):
            try:
                found.append(read(path))
            except StudyFileError as fault:
                faults += fault.faults
        if faults:
            raise StudyFileError(faults)
        protocol, cases, readers = found
        readers = assignment.allocate(protocol, readers)
        if lock is not None:
            cases = tuple(replace(case, fingerprint=lock.cases[case.case_id].fingerprint) for case in cases)
        return cls(path, protocol, cases, readers, lock)

    @property
    def is_frozen(self) -> bool:
        """Whether the study is frozen, so that it can be read."""
        return self.lock is not None

    def container(self, case_id: str) -> Path:
        """Return the folder of a case's images."""
        return self.path / "images" / case_id

    def aid_dir(self, model_id: str) -> Path:
        """Return the folder of a model's predictions."""
        return self.path / "aids" / model_id

    def log_path(self, reader_id: str) -> Path:
        """Return where a reader's log lies."""
        return self.path / "logs" / f"{reader_id}{SUFFIX}"

    def case(self, case_id: str) -> CaseEntry:
        """Return a case of the list.

        Raises
        ------
        StudyFileError
            If it is not in the list.
        """
        for case in self.cases:
            if case.case_id == case_id:
                return case
        raise StudyFileError([Fault(str(self.path / "cases.csv"), f"there is no case {case_id}", "check the case id")])

    def reader(self, reader_id: str) -> Reader:
        """Return a reader of the study.

        Raises
        ------
        StudyFileError
            If it is not in the list; the text names those who are.
        """
        for reader in self.readers:
            if reader.reader_id == reader_id:
                return reader
        known = ", ".join(reader.reader_id for reader in self.readers) or "nobody"
        where = str(self.path / "readers.csv")
        raise StudyFileError([Fault(where, f"there is no reader {reader_id}", f"the readers are: {known}")])

    def plan(self, reader_id: str) -> Plan:
        """Return what a reader does in the frozen study.

        Raises
        ------
        StudyFileError
            If the study is not frozen, the reader is not in it, or this program makes another plan than the one frozen.
        """
        if self.lock is None:
            raise StudyFileError([Fault(str(self.path), "the study is not frozen yet", "freeze it: reader-app freeze DIR")])
        made = assignment.plan(self.definition, self.cases, self.reader(reader_id), self.lock.study_hash)
        frozen = self.lock.plans.get(reader_id)
        if made.plan_hash != frozen:
            what = f"this program makes another plan for {reader_id} than was frozen (frozen {frozen}, now {made.plan_hash})"
            remedy = f"use the version of the program that froze it ({self.lock.program})"
            raise StudyFileError([Fault(str(self.path / LOCK), what, remedy)])
        return made

    def open_log(self, reader_id: str, run: RunInfo) -> ReadLog:
        """Open (or begin) a reader's log under the reader's frozen plan.

        Raises
        ------
        StudyFileError
            As :meth:`plan`.
        LogUnavailable, LogBug
            As :meth:`ReadLog.open`.
        """
        plan = self.plan(reader_id)
        path = self.log_path(reader_id)
        path.parent.mkdir(exist_ok=True)
        return ReadLog.open(path, reader_id, plan.plan_hash, run, self.plan_hashes(reader_id))

    def plan_hashes(self, reader_id: str) -> tuple[str, ...]:
        """Return the hashes of all plans a reader's log may have been begun under: earlier versions first, today's last."""
        earlier = self.lock.earlier_plans.get(reader_id, ()) if self.lock is not None else ()
        return (*earlier, self.plan(reader_id).plan_hash)

    def earlier_plans(self, reader_id: str) -> tuple[Plan, ...]:
        """Return a reader's plans of the versions that were amended since, oldest first (the coordinator's folder keeps them).

        Raises
        ------
        StudyFileError
            If a kept version is missing or was changed.
        """
        plans = []
        wanted = self.lock.earlier_plans.get(reader_id, ()) if self.lock is not None else ()
        for number, plan_hash in enumerate(wanted, start=1 + self._versions() - len(wanted)):
            kept = self.path / VERSIONS / str(number)
            lock = load_lock(kept)
            if lock is None or lock.plans.get(reader_id) != plan_hash or changed_files(kept, lock):
                what = "this earlier version of the study is missing or was changed"
                raise StudyFileError([Fault(str(kept), what, "bring back the folder as it was")])
            plans.append(StudyFolder._read(kept, lock).plan(reader_id))
        return tuple(plans)

    def _versions(self) -> int:
        """Return how many earlier versions there are."""
        earlier = self.lock.earlier_plans.values() if self.lock is not None else ()
        return max((len(own) for own in earlier), default=0)

    def freeze(self, clock: Clock | None = None) -> StudyFolder:
        """Freeze the study: write ``assignment.lock.json``. A study that is frozen already stays as it is.

        Parameters
        ----------
        clock : Clock, optional
            Tells the date that is noted; the system's clock if absent.

        Returns
        -------
        StudyFolder
            The frozen study, as loaded again from the disk.

        Raises
        ------
        StudyFileError
            With every reason why it cannot be frozen: no case, no reader, a case without images, an aid missing, reads
            begun under a lock that has gone.
        """
        if self.lock is not None:
            return self
        faults: list[Fault] = []
        if any((self.path / "logs").glob(f"*{SUFFIX}")):
            remedy = f"bring back {LOCK}, or move the logs away to begin anew"
            faults.append(Fault(str(self.path / "logs"), "there are logs, but the lock they were made under is gone", remedy))
        return self._write_lock(None, faults, clock or SystemClock())

    @classmethod
    def amend(cls, path: Path, clock: Clock | None = None) -> StudyFolder:
        """Freeze a study anew after its files were changed on purpose: a new version, beside which the old one is kept.

        Reads made so far keep the version they were made under; each reader's log goes on only after the coordinator's
        amendment, with its reason, stands in it.

        Parameters
        ----------
        path : Path
            The coordinator's study folder, its files edited.
        clock : Clock, optional
            As :meth:`freeze`.

        Raises
        ------
        StudyFileError
            If it was never frozen, nothing was changed, its id is another one, or it cannot be frozen.
        """
        old = load_lock(path)
        if old is None:
            raise StudyFileError([Fault(str(path), "the study was never frozen, so there is nothing to amend", "freeze it")])
        fresh = cls._read(path, None)
        faults = []
        if not changed_files(path, old) and not changed_containers(path, old):
            faults.append(
                Fault(str(path), "nothing was changed since the study was frozen", "edit study.toml or cases.csv first")
            )
        if fresh.definition.study_id != old.study_id:
            what = f"the id is {fresh.definition.study_id} now, it was {old.study_id}"
            faults.append(Fault(str(path / "study.toml"), what, "an amended study keeps its id"))
        return fresh._write_lock(old, faults, clock or SystemClock())

    def _write_lock(self, old: StudyLock | None, faults: list[Fault], clock: Clock) -> StudyFolder:
        cases = self._cases_to_freeze(faults)
        aids = {model_id: self._aids_to_freeze(model_id, faults) for model_id in self.aided_models()}
        if not self.cases:
            faults.append(Fault(str(self.path / "cases.csv"), "it lists no case", "import images: reader-app import DIR SOURCE"))
        if not self.readers:
            faults.append(Fault(str(self.path / "readers.csv"), "it lists no reader", "add one row per reader"))
        if faults:
            raise StudyFileError(faults)
        files = file_hashes(self.path)
        amends, earlier = ("", {}) if old is None else (old.study_hash, with_plans_of(old))
        whole = study_hash(self.definition.study_id, files, cases, aids, amends, earlier)
        listed = tuple(replace(case, fingerprint=cases[case.case_id].fingerprint) for case in self.cases)
        plans = {r.reader_id: assignment.plan(self.definition, listed, r, whole).plan_hash for r in self.readers}
        frozen_utc = clock.now().wall_utc
        lock = StudyLock(self.definition.study_id, __version__, frozen_utc, files, cases, aids, plans, whole, amends, earlier)
        keep_version(self.path, lock)
        write_atomically(self.path / LOCK, lock.as_bytes())
        return StudyFolder.load(self.path)

    def aided_models(self) -> tuple[str, ...]:
        """Return the models whose predictions some round shows."""
        return tuple(sorted({entry.aid for entry in self.definition.rounds if entry.aid}))

    def missing_aids(self, model_id: str) -> tuple[str, ...]:
        """Return the cases of whose frozen predictions of a model the files are not here (a closed round's, in a package)."""
        directory = self.aid_dir(model_id)
        listed = self.lock.aids.get(model_id, {}) if self.lock is not None else {case.case_id: "" for case in self.cases}
        return tuple(case_id for case_id in listed if not (directory / f"{case_id}.json").is_file())

    def aid_faults(self, model_id: str, case_ids: Iterable[str] | None = None) -> list[Fault]:
        """Compare a model's stored predictions with the lock.

        This opens the aids: a reading program calls it only for a round that shows them.

        Parameters
        ----------
        model_id : str
        case_ids : iterable of str, optional
            Only these cases; all that the lock names if absent.
        """
        locked = self.lock.aids.get(model_id, {}) if self.lock is not None else {}
        faults = []
        for case_id in locked if case_ids is None else case_ids:
            path = self.aid_dir(model_id) / f"{case_id}.json"
            if case_id not in locked:
                faults.append(Fault(str(path), "no prediction was frozen for this case", "ask the coordinator"))
            elif not path.is_file():
                faults.append(Fault(str(path), "the stored prediction is missing", "bring the package of this round"))
            elif (now := sha256_file(path)) != locked[case_id]:
                what = f"the prediction was changed after the study was frozen: frozen {locked[case_id]}, now {now}"
                faults.append(Fault(str(path), what, "bring back the frozen file"))
        return faults

    def install_aids(self, source: Path, model_id: str) -> int:
        """Take over a model's predictions, when its round opens, from another folder that holds this study.

        Parameters
        ----------
        source : Path
            Folder with ``<case_id>.json`` and ``<case_id>.npz`` files.
        model_id : str

        Returns
        -------
        int
            How many were new here.

        Raises
        ------
        StudyFileError
            If one is not the frozen prediction; then none is taken over.
        """
        locked = self.lock.aids.get(model_id, {}) if self.lock is not None else {}
        wanted = [case_id for case_id in self.missing_aids(model_id) if (source / f"{case_id}.json").is_file()]
        faults = []
        for case_id in wanted:
            given = source / f"{case_id}.json"
            now = sha256_file(given)
            if now != locked.get(case_id):
                what = f"this is not the frozen prediction: frozen {locked.get(case_id)}, here {now}"
                faults.append(Fault(str(given), what, "ask the coordinator for the package of this study"))
            elif not _arrays_sound(given):
                faults.append(
                    Fault(str(given.with_suffix(".npz")), "its arrays are missing or damaged", "copy the package again")
                )
        if faults:
            raise StudyFileError(faults)
        target = self.aid_dir(model_id)
        target.mkdir(parents=True, exist_ok=True)
        for case_id in wanted:
            write_atomically(target / f"{case_id}.npz", (source / f"{case_id}.npz").read_bytes())
            write_atomically(target / f"{case_id}.json", (source / f"{case_id}.json").read_bytes())
        return len(wanted)

    def _cases_to_freeze(self, faults: list[Fault]) -> dict[str, LockedCase]:
        cases: dict[str, LockedCase] = {}
        for case in self.cases:
            path = self.container(case.case_id) / MANIFEST
            try:
                fingerprint = str(json.loads(path.read_text(encoding="utf-8"))["fingerprint"])
            except (OSError, ValueError, KeyError, TypeError):
                faults.append(Fault(str(path), f"case {case.case_id} has no sound container", "import its images"))
                continue
            if case.fingerprint and case.fingerprint != fingerprint:
                what = f"the images are not those that cases.csv names ({fingerprint} instead of {case.fingerprint})"
                faults.append(Fault(str(path), what, "import the case again"))
            cases[case.case_id] = LockedCase(sha256_file(path), fingerprint)
        return cases

    def _aids_to_freeze(self, model_id: str, faults: list[Fault]) -> dict[str, str]:
        directory = self.aid_dir(model_id)
        lacking = self.missing_aids(model_id)
        if lacking:
            named = ", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else "")
            what = f"no prediction of model {model_id} for {named}"
            faults.append(Fault(str(directory), what, f"run it: reader-app ai run DIR --model {model_id}"))
        there = (case.case_id for case in self.cases if case.case_id not in lacking)
        return {case_id: sha256_file(directory / f"{case_id}.json") for case_id in there}


def _arrays_sound(prediction: Path) -> bool:
    """Return whether the arrays beside a prediction's JSON file are those it names."""
    try:
        expected = json.loads(prediction.read_text(encoding="utf-8"))["arrays"]["sha256"]
        return bool(sha256_file(prediction.with_suffix(".npz")) == expected)
    except (OSError, ValueError, KeyError, TypeError):
        return False


__all__ = ["FROZEN_FILES", "LOCK", "StudyFolder", "read_table"]
