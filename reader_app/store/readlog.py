"""The read log: append-only, chained, durable before anybody is told so. One SQLite file per reader and study.

What it promises
----------------
* :meth:`ReadLog.append` returns after the events are on the disk, all of one call or none.
* Nothing in it is ever changed: triggers abort UPDATE, DELETE, replacement, gaps and forks; a correction is an event.
* Every row is in a chain of hashes, so that accidents and casual edits show. Whoever owns the file can still rebuild the chain,
  or cut its tail: the head code on the receipt, and the signed seals, are there for that.
* One program at a time: the file is locked from :meth:`ReadLog.open` to :meth:`ReadLog.close`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reader_app.clock import Instant
from reader_app.errors import Fault, LogBug, LogFault, LogUnavailable
from reader_app.store import chain, logfile
from reader_app.store.canonical import canonical_json
from reader_app.store.logcheck import EventRow, Rows, RunRow, Seal, verified_rows
from reader_app.store.runinfo import RunInfo, from_detail
from reader_app.store.signing import SigningKey
from reader_app.store.upcast import decoded
from reader_app.study.eventcodec import to_payload
from reader_app.study.events import Event, Logged

SUFFIX = ".readlog"


@dataclass(frozen=True, slots=True)
class LogContents:
    """A log as read, verified.

    Attributes
    ----------
    head : (int, str)
        Number and hash of the last event; (0, genesis) of a log without events.
    """

    reader_id: str
    plan_hash: str
    runs: tuple[RunInfo, ...]
    logged: tuple[Logged, ...]
    seals: tuple[Seal, ...]
    head: tuple[int, str]

    @property
    def head_code(self) -> str:
        """The code of the head as on the receipt."""
        return chain.head_code(self.head[1])


class ReadLog:
    """An open log, locked for this process. Safe to use from several threads; appends happen one after the other."""

    def __init__(self, db: sqlite3.Connection, path: Path, rows: Rows, run: RunRow, logged: Sequence[Logged]) -> None:
        self._db = db
        self._path = path
        self._genesis = rows.genesis
        self._run = run
        self._logged = list(logged)
        self._head = rows.head
        self._seals = list(rows.seals)
        self._doubtful = False
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, reader_id: str, plan_hash: str, run: RunInfo, earlier_plans: Collection[str] = ()) -> ReadLog:
        """Open the log of a reader, or begin it; verify all of it; note this run.

        Parameters
        ----------
        path : Path
            The file; its folder must exist.
        reader_id, plan_hash : str
            Whose log it must be, under which frozen plan.
        run : RunInfo
            This start of the program.
        earlier_plans : collection of str
            Plan hashes of versions that were amended since: a log begun under one of them goes on.

        Raises
        ------
        LogUnavailable
            Held by another program, disk full, read-only, on a network share, or written by a newer program.
        LogBug
            Broken chain, foreign file, of another reader or plan.
        """
        logfile.refuse_network(path)
        with logfile.explained(path):
            if not path.exists():
                logfile.create(path, reader_id, plan_hash, run.started_utc)
            db = logfile.connect(path, write=True)
            with contextlib.ExitStack() as undo:
                undo.callback(db.close)
                db.execute("BEGIN EXCLUSIVE")
                logfile.check_schema(db, path)
                rows = verified_rows(db, path)
                _check_owner(path, rows, reader_id, plan_hash, earlier_plans)
                logged = decoded(rows.events)
                noted = _note_run(db, rows, replace(run, plan_hash=plan_hash))
                db.execute("COMMIT")
                undo.pop_all()
        logfile.note_holder(path, run.started_utc)
        return cls(db, path, rows, noted, logged)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def run_id(self) -> str:
        """The run under which events are appended."""
        return self._run.run_id

    def append(self, events: Sequence[Event], at: Instant) -> tuple[Logged, ...]:
        """Write events as one transaction; when this returns they are on the disk.

        Parameters
        ----------
        events : sequence of Event
            What happened; may be empty.
        at : Instant
            When it happened.

        Returns
        -------
        tuple of Logged
            The events with their numbers.

        Raises
        ------
        LogUnavailable, LogBug
            Nothing of this call was written. The same call may be made again after the cause is removed.
        """
        made: list[EventRow] = []
        logged: list[Logged] = []
        with self._lock:
            seq, head = self._head
            for event in events:
                kind, plain = to_payload(event)
                payload = canonical_json(plain)
                prev, seq = head, seq + 1
                head = chain.event_hash(prev, seq, self._run.hash, at.mono_ns, at.wall_utc, kind, payload)
                made.append((seq, self._run.run_id, at.mono_ns, at.wall_utc, kind, payload, head))
                logged.append(Logged(seq, self._run.run_id, at.mono_ns, at.wall_utc, event))
            if made:
                with self._transaction():
                    self._write_events(made)
                self._head = (seq, head)
                self._logged += logged
        return tuple(logged)

    def _write_events(self, made: Sequence[EventRow]) -> None:
        prev = self._head[1]
        for seq, run_id, mono_ns, wall_utc, kind, payload, own in made:
            self._db.execute(
                "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (seq, run_id, mono_ns, wall_utc, kind, payload, prev, own)
            )
            prev = own

    def seal(self, meaning: str, signer: str, key: SigningKey, wall_utc: str) -> Seal:
        """Sign everything up to the last event; durable on return.

        Parameters
        ----------
        meaning : str
            What the signer states ("session ended", "round 1 finished").
        signer : str
            Who signs.
        key : SigningKey
            The signer's key.
        wall_utc : str
            When.

        Raises
        ------
        LogUnavailable, LogBug
            Nothing was written.
        """
        with self._lock:
            seq, head = self._head
            number, prev = len(self._seals) + 1, self._seals[-1].hash if self._seals else self._genesis
            statement = chain.seal_statement(self._genesis, seq, head, meaning, signer, wall_utc)
            public, signature = key.public, key.sign(statement)
            own = chain.seal_hash(prev, number, statement, public, signature)
            made = Seal(number, seq, head, meaning, signer, wall_utc, public, signature, own)
            fields = (number, seq, head, meaning, signer, wall_utc, public, signature, prev, own)
            with self._transaction():
                self._db.execute("INSERT INTO seal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", fields)
            self._seals.append(made)
            return made

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Commit what the block writes, or leave the log as it was.

        After a failure the next call looks first whether the file still ends where it should: an error at the very end of a
        commit does not say whether the commit took place.
        """
        try:
            with logfile.explained(self._path):
                if self._doubtful:
                    self._check_end()
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
        except BaseException:
            self._doubtful = True
            with contextlib.suppress(sqlite3.Error):
                self._db.rollback()
            raise
        self._doubtful = False

    def _check_end(self) -> None:
        last = self._db.execute("SELECT hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        seals = self._db.execute("SELECT count(*) FROM seal").fetchone()[0]
        if (last[0] if last else self._genesis) != self._head[1] or seals != len(self._seals):
            raise LogBug(
                f"{self._path}: the failed write reached the disk after all; start the program again, it will continue from there"
            )

    def logged(self) -> tuple[Logged, ...]:
        """Return all events, those of earlier runs included."""
        with self._lock:
            return tuple(self._logged)

    def seals(self) -> tuple[Seal, ...]:
        """Return all signatures."""
        with self._lock:
            return tuple(self._seals)

    def head(self) -> tuple[int, str]:
        """Return number and hash of the last event; (0, genesis) if there is none."""
        with self._lock:
            return self._head

    @property
    def genesis(self) -> str:
        """The first hash of every chain of this log."""
        return self._genesis

    def hash_of(self, seq: int) -> str | None:
        """Return the hash of an event, or None where there is no such event yet."""
        with self._lock:
            found = self._db.execute("SELECT hash FROM event WHERE seq = ?", (seq,)).fetchone()
        return str(found[0]) if found else None

    def copy_to(self, path: Path) -> None:
        """Write a complete copy of the log, as it stands, over ``path``; the old copy stays if this fails.

        Raises
        ------
        LogUnavailable
            If the copy cannot be written; the log itself is not concerned.
        """
        with self._lock:
            logfile.copy_database(self._db, path)

    def close(self) -> None:
        """Close the file and give up the lock. May be called twice."""
        with self._lock:
            self._db.close()
        logfile.forget_holder(self._path)


def read(path: Path) -> LogContents:
    """Return the contents of a log that no program has open, verified.

    Raises
    ------
    LogUnavailable, LogBug
        As :meth:`ReadLog.open`.
    """
    rows = read_rows(path)
    runs = tuple(from_detail(run.run_id, json.loads(run.detail)) for run in rows.runs)
    return LogContents(rows.reader_id, rows.plan_hash, runs, decoded(rows.events), rows.seals, rows.head)


def read_rows(path: Path) -> Rows:
    """Return the verified rows of a log that no program has open.

    Raises
    ------
    LogUnavailable, LogBug
        As :meth:`ReadLog.open`.
    """
    with readable(path) as db:
        return verified_rows(db, path)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a log for reading: of sound structure and pages, its rows not verified yet.

    A log whose program was cut off has a journal beside it; then a private copy of both is brought in order and read, and the
    original is left as it is.

    Raises
    ------
    LogUnavailable, LogBug
        As :meth:`ReadLog.open`.
    """
    if not path.is_file():
        raise LogUnavailable(f"{path}: there is no such log; check the path")
    with contextlib.ExitStack() as stack:
        stack.enter_context(logfile.explained(path))
        db = stack.enter_context(contextlib.closing(logfile.connect(path, write=False)))
        try:
            logfile.check_schema(db, path)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="readlog-")))
            copy = folder / path.name
            shutil.copyfile(path, copy)
            shutil.copyfile(_journal(path), _journal(copy))
            db = stack.enter_context(contextlib.closing(logfile.connect(copy, write=True)))
            logfile.check_schema(db, path)
        damage = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if damage != "ok":
            raise LogBug(f"{path}: the file is damaged ({damage}); keep it and bring back the last copy")
        yield db


def verify(path: Path) -> list[Fault]:
    """Return what is wrong with a log; an empty list if it is as it was written.

    Structure, pages, chains, signatures and every event are checked.
    """
    try:
        read(path)
    except LogFault as fault:
        return [as_fault(path, fault)]
    return []


def as_fault(path: Path, fault: LogFault) -> Fault:
    """Return what is wrong with a log as one fault among others: its place, what, and the remedy apart."""
    what, _, remedy = str(fault).removeprefix(f"{path}: ").partition("; ")
    return Fault(str(path), what, remedy)


def _check_owner(path: Path, rows: Rows, reader_id: str, plan_hash: str, earlier_plans: Collection[str]) -> None:
    if rows.reader_id != reader_id:
        raise LogBug(f"{path}: this is the log of reader {rows.reader_id}, not of {reader_id}; log in with the right reader code")
    if rows.plan_hash != plan_hash and rows.plan_hash not in earlier_plans:
        raise LogBug(
            f"{path}: this log was begun under another study plan (log {rows.plan_hash[:12]}, study {plan_hash[:12]}); "
            "open it with the study folder it was begun with"
        )


def _note_run(db: sqlite3.Connection, rows: Rows, run: RunInfo) -> RunRow:
    number, prev = len(rows.runs) + 1, rows.runs[-1].hash if rows.runs else rows.genesis
    (seq, head), seal, detail = rows.head, rows.last_seal, run.detail()
    own = chain.run_hash(prev, number, run.run_id, seq, head, seal, detail)
    db.execute("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (number, run.run_id, seq, head, seal, detail, prev, own))
    return RunRow(number, run.run_id, seq, head, seal, detail, own)


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")
