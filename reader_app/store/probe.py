"""What the disk of a workstation does to a log: measured with a real log in a folder of its own, then removed."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reader_app.clock import SystemClock
from reader_app.errors import LogFault
from reader_app.store import readlog
from reader_app.store.disk import network_filesystem
from reader_app.store.readlog import ReadLog
from reader_app.store.runinfo import describe_run
from reader_app.study.events import Noted

#: Commits that are timed.
COMMITS = 40
#: Slower than this (median) a reader would notice the wait.
SLOW_MS = 200.0
#: Faster than this no disk can be: the sync stops in a cache, and a power cut may lose what was acknowledged.
TOO_FAST_MS = 0.02
#: SQLite versions from here on are free of the fault that could corrupt files in WAL mode (which is not used here).
SQLITE_GOOD = (3, 51, 3)


@dataclass(frozen=True, slots=True)
class Durability:
    """How a folder keeps a log.

    Attributes
    ----------
    median_ms, slowest_ms : float
        From the call to durable, one event each.
    network : str
        Kind of network share; empty on a local disk.
    fault : str
        Why a log cannot be kept there; empty if it can.
    """

    median_ms: float
    slowest_ms: float
    network: str
    fault: str

    def rows(self) -> dict[str, str]:
        """Return the findings as text by name, for ``doctor``."""
        found = {"log engine": _engine()}
        if self.fault:
            return {**found, "log": f"cannot be kept here: {self.fault}"}
        speed = f"one event durable in {self.median_ms:.1f} ms (median), {self.slowest_ms:.1f} ms (slowest of {COMMITS})"
        if self.median_ms > SLOW_MS:
            speed += "; slow: a virus scanner or a worn disk may be the cause"
        if self.median_ms < TOO_FAST_MS:
            speed += "; faster than a disk can be: check that this is no memory disk and its write cache is safe"
        return {**found, "log": speed}


def durability(folder: Path, now_ns: Callable[[], int] = time.perf_counter_ns) -> Durability:
    """Keep a small log in ``folder`` as a session would, time it, verify it, remove it.

    Parameters
    ----------
    folder : Path
        Where studies lie; must exist.
    now_ns : callable
        The clock of the measurement.
    """
    network = network_filesystem(folder) or ""
    if network:
        return Durability(0.0, 0.0, network, f"the folder lies on a network share ({network}); use a local disk")
    taken = []
    try:
        with tempfile.TemporaryDirectory(prefix=".probe-", dir=folder) as name:
            path = Path(name) / "probe.readlog"
            clock = SystemClock()
            log = ReadLog.open(path, "probe", "0" * 64, describe_run(clock))
            for number in range(COMMITS):
                start = now_ns()
                log.append([Noted("probe", str(number))], clock.now())
                taken.append((now_ns() - start) / 1e6)
            log.close()
            kept = len(readlog.read(path).logged)
    except (LogFault, OSError) as error:
        return Durability(0.0, 0.0, network, str(error))
    if kept != COMMITS:
        return Durability(0.0, 0.0, network, f"the disk kept {kept} of {COMMITS} events; use another disk")
    taken.sort()
    return Durability(taken[len(taken) // 2], taken[-1], network, "")


def _engine() -> str:
    text = f"SQLite {sqlite3.sqlite_version}, rollback journal, synchronous EXTRA"
    if sqlite3.sqlite_version_info < SQLITE_GOOD:
        text += " (older than 3.51.3: its known fault concerns WAL mode and memory maps, which are not used)"
    return text
