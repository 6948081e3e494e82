"""Changes made to a log by somebody with a database tool, thousands of them, of eight kinds; each must be seen."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from store.logs import AT, READER, opened, some_events

from reader_app.errors import LogBug
from reader_app.store import chain, readlog
from reader_app.store.logcheck import verified_rows
from reader_app.store.receipt import receipt_fault
from reader_app.store.signing import SigningKey
from reader_app.study.events import Assessed, Noted

EVENTS = 40
_COLUMNS = "seq, run_id, mono_ns, wall_utc, kind, payload, prev_hash, hash"


@dataclass
class TamperReport:
    """What was seen.

    Attributes
    ----------
    unseen : Counter
        By kind of change.
    false_alarms : int
        Sound logs that were called changed.
    """

    tried: int = 0
    clean: int = 0
    false_alarms: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)


def _written(path: Path) -> sqlite3.Connection:
    """Write a log and return it as a database in memory, its triggers removed."""
    for part in range(2):
        log = opened(path)
        log.append(some_events(), AT)
        for number in range(EVENTS // 2 - 5):
            log.append([Assessed(f"case-{number:02d}", "case", "3") if number % 2 else Noted("case-07", f"note {number} ü")], AT)
        log.seal(f"session {part + 1} ended", READER, SigningKey(bytes(range(32))), AT.wall_utc)
        log.close()
    with readlog.readable(path) as source:
        db = sqlite3.connect(":memory:", isolation_level=None)
        source.backup(db)
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    db.execute("PRAGMA ignore_check_constraints=ON")
    return db


def _any_seq(chance: random.Random) -> int:
    return chance.randrange(1, EVENTS + 1)


def _flip(db: sqlite3.Connection, chance: random.Random, _: sqlite3.Connection) -> None:
    table, column = chance.choice(
        [("event", "payload"), ("event", "kind"), ("event", "wall_utc"), ("run", "detail"), ("seal", "meaning")]
    )
    rows = db.execute(f"SELECT rowid, {column} FROM {table}").fetchall()
    rowid, text = chance.choice(rows)
    position = chance.randrange(len(text))
    other = chr(ord(text[position]) ^ (1 << chance.randrange(5)))
    db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (text[:position] + other + text[position + 1 :], rowid))


def _time(db: sqlite3.Connection, chance: random.Random, _: sqlite3.Connection) -> None:
    db.execute("UPDATE event SET mono_ns = mono_ns + ? WHERE seq = ?", (chance.choice((-1, 1, 10**9)), _any_seq(chance)))


def _drop(db: sqlite3.Connection, chance: random.Random, _: sqlite3.Connection) -> None:
    table, last = chance.choice([("event", EVENTS), ("run", 2), ("seal", 2)])
    column = "seq" if table == "event" else "number"
    db.execute(f"DELETE FROM {table} WHERE {column} = ?", (chance.randrange(1, last),))


def _swap(db: sqlite3.Connection, chance: random.Random, _: sqlite3.Connection) -> None:
    one, two = chance.sample(range(1, EVENTS + 1), 2)
    first = db.execute("SELECT payload, kind, mono_ns, hash FROM event WHERE seq = ?", (one,)).fetchone()
    second = db.execute("SELECT payload, kind, mono_ns, hash FROM event WHERE seq = ?", (two,)).fetchone()
    for seq, values in ((one, second), (two, first)):
        db.execute("UPDATE event SET payload = ?, kind = ?, mono_ns = ?, hash = ? WHERE seq = ?", (*values, seq))


def _insert(db: sqlite3.Connection, chance: random.Random, _: sqlite3.Connection) -> None:
    """A row in the middle, rightly hashed, all later ones moved on by one."""
    at = chance.randrange(1, EVENTS)
    row = list(db.execute(f"SELECT {_COLUMNS} FROM event WHERE seq = ?", (at,)).fetchone())
    db.execute("UPDATE event SET seq = -seq WHERE seq > ?", (at,))
    db.execute("UPDATE event SET seq = 1 - seq WHERE seq < 0")
    run = db.execute("SELECT hash FROM run WHERE run_id = ?", (row[1],)).fetchone()[0]
    row[0], row[6] = at + 1, row[7]
    row[7] = chain.event_hash(row[6], at + 1, run, row[2], row[3], row[4], row[5])
    db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def _cut(db: sqlite3.Connection, chance: random.Random, _: sqlite3.Connection) -> None:
    """The tail cut off clean, runs and signatures included: only the receipt knows."""
    keep = chance.randrange(1, EVENTS)
    db.execute("DELETE FROM event WHERE seq > ?", (keep,))
    db.execute("DELETE FROM seal WHERE seq > ?", (keep,))
    db.execute("DELETE FROM run WHERE after_seq > ?", (keep,))


def _replay(db: sqlite3.Connection, chance: random.Random, other: sqlite3.Connection) -> None:
    """A row of another study's log in the place of one of this."""
    seq = _any_seq(chance)
    row = other.execute(f"SELECT {_COLUMNS} FROM event WHERE seq = ?", (_any_seq(chance),)).fetchone()
    db.execute(
        "UPDATE event SET payload = ?, kind = ?, prev_hash = ?, hash = ? WHERE seq = ?", (row[5], row[4], row[6], row[7], seq)
    )


def _rehash(db: sqlite3.Connection, chance: random.Random, _: sqlite3.Connection) -> None:
    """An answer changed and every later event hashed anew, by somebody who knows the chain but forgets what holds it."""
    seq = chance.randrange(1, EVENTS)
    rows = db.execute(f"SELECT {_COLUMNS} FROM event ORDER BY seq").fetchall()
    runs = dict(db.execute("SELECT run_id, hash FROM run").fetchall())
    prev = rows[seq - 1][6]
    for number, run_id, mono_ns, wall_utc, kind, payload, _prev, _own in rows[seq - 1 :]:
        mono = mono_ns + 1 if number == seq else mono_ns
        own = chain.event_hash(prev, number, runs[run_id], mono, wall_utc, kind, payload)
        db.execute("UPDATE event SET mono_ns = ?, prev_hash = ?, hash = ? WHERE seq = ?", (mono, prev, own, number))
        prev = own


KINDS: dict[str, Callable[[sqlite3.Connection, random.Random, sqlite3.Connection], None]] = {
    "flip": _flip, "time": _time, "drop": _drop, "swap": _swap, "insert": _insert, "cut": _cut, "replay": _replay,
    "rehash": _rehash,
}  # fmt: skip


def tamper(folder: Path, changes: int, seed: int = 1, with_receipt: bool = True) -> TamperReport:
    """Change a log ``changes`` times, each time from its sound state, and look whether it is seen.

    Parameters
    ----------
    folder : Path
    changes : int
    with_receipt : bool
        False: the negative control. Without the receipt a tail cut off clean cannot be seen.
    """
    chance = random.Random(seed)
    report = TamperReport()
    path = folder / f"{READER}.readlog"
    db, other = _written(path), _written(folder / "other.readlog")
    sound = verified_rows(db, path)
    events, code = sound.head[0], chain.head_code(sound.head[1])
    for _ in range(changes):
        kind = chance.choice(list(KINDS))
        report.clean += 1
        report.false_alarms += not _is_sound(db, path, events, code, with_receipt)
        db.execute("BEGIN")
        KINDS[kind](db, chance, other)
        report.tried += 1
        report.kinds[kind] += 1
        report.unseen[kind] += _is_sound(db, path, events, code, with_receipt)
        db.execute("ROLLBACK")
    return report


def _is_sound(db: sqlite3.Connection, path: Path, events: int, code: str, with_receipt: bool) -> bool:
    try:
        rows = verified_rows(db, path)
    except (LogBug, sqlite3.Error):
        return False
    return not with_receipt or receipt_fault(rows, events, code, path.name) is None
