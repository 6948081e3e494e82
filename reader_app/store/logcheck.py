"""Reading a log's rows and proving that nothing in them was changed."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reader_app.errors import LogBug
from reader_app.store import chain
from reader_app.store.signing import signature_holds


@dataclass(frozen=True, slots=True)
class RunRow:
    """One row of the table ``run``; ``detail`` is canonical JSON."""

    number: int
    run_id: str
    after_seq: int
    after_hash: str
    after_seal: str
    detail: str
    hash: str


@dataclass(frozen=True, slots=True)
class Seal:
    """A signature over everything up to event ``seq``.

    Attributes
    ----------
    meaning : str
        What the signer states, e.g. "round 1 finished".
    signer : str
        Reader id (or the coordinator's).
    key, signature : str
        Ed25519 public key (64 hexadecimal digits) and signature (128).
    """

    number: int
    seq: int
    head: str
    meaning: str
    signer: str
    wall_utc: str
    key: str
    signature: str
    hash: str


#: One row of the table ``event``: seq, run_id, mono_ns, wall_utc, kind, payload (as stored), hash.
EventRow = tuple[int, str, int, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a log, verified.

    Attributes
    ----------
    genesis : str
        The first hash of every chain of this log.
    """

    reader_id: str
    plan_hash: str
    created_utc: str
    genesis: str
    runs: tuple[RunRow, ...]
    events: tuple[EventRow, ...]
    seals: tuple[Seal, ...]

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last event; (0, genesis) of a log without events."""
        return (self.events[-1][0], self.events[-1][6]) if self.events else (0, self.genesis)

    @property
    def last_seal(self) -> str:
        """Hash of the last seal; the genesis if there is none."""
        return self.seals[-1].hash if self.seals else self.genesis

    def is_prefix_of(self, other: Rows) -> bool:
        """Return whether ``other`` holds every row of this log, in the same chains, and perhaps more."""
        return (
            self.genesis == other.genesis
            and [run.hash for run in self.runs] == [run.hash for run in other.runs[: len(self.runs)]]
            and len(self.events) <= len(other.events)
            and (not self.events or other.events[len(self.events) - 1][6] == self.events[-1][6])
            and [seal.hash for seal in self.seals] == [seal.hash for seal in other.seals[: len(self.seals)]]
        )


@contextlib.contextmanager
def _asked(db: sqlite3.Connection, query: str) -> Iterator[Iterator[tuple[int, tuple[Any, ...]]]]:
    """Ask for rows, counted from 1. The question is ended with the block: one left open would keep the file locked."""
    with contextlib.closing(db.execute(query)) as cursor:
        yield enumerate(cursor, start=1)


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Let the garbage collector rest while very many plain rows are made: it would look through all of them in vain."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def verified_rows(db: sqlite3.Connection, path: Path) -> Rows:
    """Return all rows of an open log after rebuilding every chain and checking every signature.

    Raises
    ------
    LogBug
        If a row was changed, is missing, or was added from outside; it names the row.
    sqlite3.Error
        If the file is damaged below the rows.
    """
    try:
        return _verified(db, path)
    except (TypeError, ValueError) as error:  # a damaged file can hold bytes or nothing where a text belongs
        raise _broken(path, f"a value in it is not of its type ({error})") from error


def _verified(db: sqlite3.Connection, path: Path) -> Rows:
    logs = db.execute("SELECT reader_id, plan_hash, created_utc, nonce, hash FROM log").fetchall()
    if len(logs) != 1:
        raise _broken(path, "its first row is missing")
    reader_id, plan_hash, created_utc, nonce, genesis = logs[0]
    if genesis != chain.genesis(reader_id, plan_hash, created_utc, nonce):
        raise _broken(path, "its first row does not match its hash")
    runs = _runs(db, path, genesis)
    with no_collection():
        events = _events(db, path, genesis, {run.run_id: run.hash for run in runs})
    seals = _seals(db, path, genesis, events)
    _check_anchors(path, genesis, runs, events, seals)
    return Rows(reader_id, plan_hash, created_utc, genesis, runs, events, seals)


def _runs(db: sqlite3.Connection, path: Path, genesis: str) -> tuple[RunRow, ...]:
    rows, prev = [], genesis
    query = "SELECT number, run_id, after_seq, after_hash, after_seal, detail, prev_hash, hash FROM run ORDER BY number"
    with _asked(db, query) as found:
        for expected, (number, run_id, after_seq, after_hash, after_seal, detail, prev_hash, own) in found:
            if number != expected:
                raise _broken(path, f"run {expected} is missing")
            if prev_hash != prev or own != chain.run_hash(prev, number, run_id, after_seq, after_hash, after_seal, detail):
                raise _broken(path, f"run {number} does not match its hash")
            rows.append(RunRow(number, run_id, after_seq, after_hash, after_seal, detail, own))
            prev = own
    return tuple(rows)


def _events(db: sqlite3.Connection, path: Path, genesis: str, run_hashes: dict[str, str]) -> tuple[EventRow, ...]:
    rows: list[EventRow] = []
    prev = genesis
    query = "SELECT seq, run_id, mono_ns, wall_utc, kind, payload, prev_hash, hash FROM event ORDER BY seq"
    with _asked(db, query) as found:
        for expected, (seq, run_id, mono_ns, wall_utc, kind, payload, prev_hash, own) in found:
            if seq != expected:
                raise _broken(path, f"event {expected} is missing")
            run = run_hashes.get(run_id)
            if run is None or prev_hash != prev or own != chain.event_hash(prev, seq, run, mono_ns, wall_utc, kind, payload):
                raise _broken(path, f"event {seq} does not match its hash")
            rows.append((seq, run_id, mono_ns, wall_utc, kind, payload, own))
            prev = own
    return tuple(rows)


def _seals(db: sqlite3.Connection, path: Path, genesis: str, events: tuple[EventRow, ...]) -> tuple[Seal, ...]:
    rows, prev = [], genesis
    query = "SELECT number, seq, head, meaning, signer, wall_utc, key, signature, prev_hash, hash FROM seal ORDER BY number"
    with _asked(db, query) as found:
        for expected, (number, seq, head, meaning, signer, wall_utc, key, signature, prev_hash, own) in found:
            if number != expected:
                raise _broken(path, f"seal {expected} is missing")
            statement = chain.seal_statement(genesis, seq, head, meaning, signer, wall_utc)
            if prev_hash != prev or own != chain.seal_hash(prev, number, statement, key, signature):
                raise _broken(path, f"seal {number} does not match its hash")
            if head != _hash_after(seq, genesis, events):
                raise _broken(path, f"seal {number} covers events that this log does not hold")
            if not signature_holds(key, signature, statement):
                raise _broken(path, f"the signature of seal {number} does not hold")
            rows.append(Seal(number, seq, head, meaning, signer, wall_utc, key, signature, own))
            prev = own
    return tuple(rows)


def _check_anchors(
    path: Path, genesis: str, runs: tuple[RunRow, ...], events: tuple[EventRow, ...], seals: tuple[Seal, ...]
) -> None:
    """Check that each run began after the events and the seals it names, and that the events up to the next run are its own."""
    known_seals = {genesis, *(seal.hash for seal in seals)}
    ends = [run.after_seq for run in runs[1:]] + [len(events)]
    for run, end in zip(runs, ends, strict=False):
        if run.after_hash != _hash_after(run.after_seq, genesis, events) or (run.number == 1 and run.after_seq != 0):
            raise _broken(path, f"run {run.number} began after events that this log does not hold")
        if run.after_seal not in known_seals:
            raise _broken(path, f"run {run.number} began after a signature that this log does not hold")
        if any(event[1] != run.run_id for event in events[run.after_seq : end]):
            raise _broken(path, f"events after the start of run {run.number} are not its own")


def _hash_after(seq: int, genesis: str, events: tuple[EventRow, ...]) -> str | None:
    """Return the hash of event ``seq``, the genesis for 0, None where there is no such event."""
    if seq == 0:
        return genesis
    return events[seq - 1][6] if 0 < seq <= len(events) else None


def _broken(path: Path, what: str) -> LogBug:
    return LogBug(
        f"{path}: {what}, so the log was changed or damaged after it was written; keep this file and bring back the last copy"
    )
