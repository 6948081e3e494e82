"""A study folder on disk: loaded with every fault at once, frozen by hash, verified ever after. One loader for all.

Loading opens neither an aid nor the reference standard: a reading program that loads its study has not seen them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reader_app.clock import Clock, SystemClock
from reader_app.errors import Fault, StudyFileError
from reader_app.store import aidfiles, freezing, lexicons, station
from reader_app.store.lock import (
    FROZEN_FILES,
    LOCK,
    TRAINING_KEY,
    VERSIONS,
    StudyLock,
    changed_containers,
    changed_files,
    load_lock,
)
from reader_app.store.readlog import SUFFIX, ReadLog
from reader_app.store.runinfo import RunInfo
from reader_app.store.studyfiles import (
    read_cases,
    read_definition,
    read_document,
    read_readers,
    read_table,
    read_training_key,
)
from reader_app.study import assignment
from reader_app.study.assignment import Plan
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import StudyDefinition
from reader_app.study.training import Feedback, key_faults

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
    feedback : mapping of str to Feedback
        What is told after training cases, by case; nothing about any other case.
    """

    path: Path
    definition: StudyDefinition
    cases: tuple[CaseEntry, ...]
    readers: tuple[Reader, ...]
    lock: StudyLock | None
    feedback: Mapping[str, Feedback] = field(default_factory=dict)

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
        for read in (read_definition, read_cases, read_readers, read_training_key):
            try:
                found.append(read(path))
            except StudyFileError as fault:
                faults += fault.faults
        if faults:
            raise StudyFileError(faults)
        protocol, cases, readers, feedback = found
        if cases:
            wrong = key_faults(protocol, cases, feedback, str(path / TRAINING_KEY))
            if wrong:
                raise StudyFileError(wrong)
        readers = assignment.allocate(protocol, readers)
        if lock is not None:
            cases = tuple(replace(case, fingerprint=lock.cases[case.case_id].fingerprint) for case in cases)
        return cls(path, protocol, cases, readers, lock, feedback)

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

    @property
    def station_reader(self) -> str | None:
        """The only reader who reads in this folder, where it came from a package; None at the coordinator's desk."""
        return station.reader_of(self.path)

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
        lexicons.bring_in(self.path, read_document(self.path))
        freezing.write_lock(StudyFolder._read(self.path, None), None, faults, clock or SystemClock())
        return StudyFolder.load(self.path)

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
        lexicons.bring_in(path, read_document(path))
        freezing.write_lock(fresh, old, faults, clock or SystemClock())
        return cls.load(path)

    def aided_models(self) -> tuple[str, ...]:
        """Return the models whose predictions some round shows."""
        return tuple(sorted({model for entry in self.definition.rounds for model in entry.models}))

    def missing_aids(self, model_id: str) -> tuple[str, ...]:
        """Return the cases of whose frozen predictions of a model the files are not here (a closed round's, in a package)."""
        return aidfiles.missing(self, model_id)

    def aid_faults(self, model_id: str, case_ids: Iterable[str] | None = None) -> list[Fault]:
        """Compare a model's stored predictions with the lock: :func:`reader_app.store.aidfiles.faults`."""
        return aidfiles.faults(self, model_id, case_ids)

    def install_aids(self, source: Path, model_id: str) -> int:
        """Take over a model's predictions when its round opens: :func:`reader_app.store.aidfiles.install`."""
        return aidfiles.install(self, source, model_id)


__all__ = ["FROZEN_FILES", "LOCK", "StudyFolder", "read_table"]
