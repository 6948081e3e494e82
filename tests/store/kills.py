"""Kill a program that writes a log, at a random moment, again and again. Shared by the test and by ``benchmarks.log``.

The child tells the parent the number of each event after ``append`` has returned. The parent kills it with SIGKILL and then asks
the file: is everything there that was acknowledged, does the chain hold, do the pages hold? A broken build of the child
(``late``: it acknowledges before the commit) is the negative control: the same loop must catch it.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from reader_app.clock import SystemClock
from reader_app.errors import LogFault
from reader_app.store import readlog
from reader_app.store.readlog import ReadLog
from reader_app.store.runinfo import describe_run
from reader_app.study.events import Assessed, Noted

READER, PLAN = "R01", "ab" * 32


@dataclass
class KillReport:
    """What a loop of kills found."""

    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)


def child(path: Path, build: str) -> None:
    """Write events for ever, acknowledging each on standard output."""
    clock = SystemClock()
    log = ReadLog.open(path, READER, PLAN, describe_run(clock, host="kills"))
    if build == "late":
        log._transaction = lambda: _kept_open(log._db)  # type: ignore[method-assign,assignment]
    seq = log.head()[0]
    while True:
        events = [Noted("case-07", f"{seq} " + "x" * random.randrange(600)) for _ in range(random.choice((1, 1, 1, 2, 3)))]
        logged = log.append([*events, Assessed("case-07", "case", "3")], clock.now())
        seq = logged[-1].seq
        os.write(1, f"{seq}\n".encode())


@contextlib.contextmanager
def _kept_open(db: sqlite3.Connection):  # type: ignore[no-untyped-def]
    """A faulty transaction: the rows are committed only now and then, long after they were acknowledged."""
    if not db.in_transaction:
        db.execute("BEGIN IMMEDIATE")
    yield
    if random.random() < 0.02:
        db.execute("COMMIT")


def kill_loop(
    folder: Path, kills: int, build: str = "sound", longest_s: float = 0.25, seed: int = 1, seconds: float = math.inf
) -> KillReport:
    """Start, kill and examine ``kills`` times.

    Parameters
    ----------
    folder : Path
        For the log; a new log is begun every ten kills.
    kills : int
    build : str
        "sound" or "late".
    longest_s : float
        The child is killed at a random moment up to this long after its first acknowledgement, or, one time in five, at a
        random moment of its start.
    seconds : float
        The loop ends after so long, also with fewer kills.
    """
    chance = random.Random(seed)
    report = KillReport()
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from store.kills import child; child(Path(sys.argv[1]), sys.argv[2])",
    ]
    end = time.monotonic() + seconds
    while report.kills < kills and time.monotonic() < end:
        path = folder / f"{build}-{report.kills // 10}.readlog"
        with subprocess.Popen([*command, str(path), build], env=environment, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            if chance.random() < 0.2 and path.exists():
                time.sleep(chance.uniform(0.05, 0.5))
                told = b""
            else:
                told = process.stdout.readline()
                assert told, "the child ended by itself"
                time.sleep(chance.uniform(0, longest_s))
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read()
        report.kills += 1
        numbers = [int(line) for line in (told + rest).split(b"\n")[:-1]]
        _examine(path, numbers[-1] if numbers else 0, len(numbers), report)
    return report


def _examine(path: Path, last: int, acknowledged: int, report: KillReport) -> None:
    report.acknowledged += acknowledged
    try:
        contents = readlog.read(path)
        again = ReadLog.open(path, READER, PLAN, describe_run(SystemClock(), host="kills"))
        kept = again.head()[0]
        again.close()
    except LogFault as fault:
        report.broken.append(str(fault))
        return
    if contents.head[0] != kept:
        report.broken.append(f"{path}: read {contents.head[0]} events, opened with {kept}")
    report.lost += max(0, last - kept)
