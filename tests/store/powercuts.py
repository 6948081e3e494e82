"""Power cuts on the real schema and the real engine, with what they cost. Shared by the test and by ``benchmarks.log``."""

from __future__ import annotations

import math
import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from store.logs import AT, READER, opened
from store.vfs import Disk, after_power_cut, watched_disk

from reader_app.errors import LogFault
from reader_app.store import readlog
from reader_app.store.signing import SigningKey
from reader_app.study.events import Assessed, Noted


@dataclass
class CutReport:
    """What a series of power cuts found.

    Attributes
    ----------
    lost : int
        Cuts after which an acknowledged event was missing.
    corrupt : int
        Cuts after which the log could not be read.
    worst : int
        Most events missing after one cut.
    """

    cuts: int = 0
    lost: int = 0
    corrupt: int = 0
    worst: int = 0


def power_cuts(folder: Path, cuts: int, unsynced: bool = False, seed: int = 1, seconds: float = math.inf) -> CutReport:
    """Record sessions on a log, cut the power at random moments, start again from what lies on the disk then.

    Parameters
    ----------
    folder : Path
    cuts : int
    unsynced : bool
        True: the negative control, a build with ``synchronous=OFF``.
    seconds : float
        The series ends after so long, also with fewer cuts.
    """
    chance = random.Random(seed)
    report = CutReport()
    session = 0
    end = time.monotonic() + seconds
    while report.cuts < cuts and time.monotonic() < end:
        session += 1
        own = folder / f"session{session}"
        own.mkdir()
        path = own / f"{READER}.readlog"
        opened(path).close()
        start = {path.name: path.read_bytes()}
        disk = _recorded(path, chance, unsynced)
        for _ in range(min(50, cuts - report.cuts)):
            cut = chance.randrange(len(disk.operations) + 1)
            _examine(own / "after", after_power_cut(start, disk.operations, cut, chance), disk, cut, report)
        shutil.rmtree(own)
    return report


def _recorded(path: Path, chance: random.Random, unsynced: bool) -> Disk:
    """Write a session through a watched disk: single events, groups, signatures, long notes that spill over pages."""
    with watched_disk(Disk()) as disk:
        log = opened(path)
        if unsynced:
            log._db.execute("PRAGMA synchronous=OFF")
        key = SigningKey(bytes(range(32)))
        for number in range(chance.randrange(5, 25)):
            events = [Noted("case-07", "x" * chance.choice((3, 200, 3000, 9000)))] * chance.choice((1, 1, 2, 5))
            disk.told(log.append([*events, Assessed("case-07", "case", "3")], AT)[-1].seq)
            if number % 7 == 6:
                log.seal("session ended", READER, key, AT.wall_utc)
        log.close()
    return disk


def _examine(folder: Path, files: dict[str, bytes], disk: Disk, cut: int, report: CutReport) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    told = max((operation.offset for operation in disk.operations[:cut] if operation.kind == "told"), default=0)
    report.cuts += 1
    try:
        path = folder / f"{READER}.readlog"
        kept = readlog.read(path).head[0]
        log = opened(path)
        assert log.head()[0] == kept
        log.append([Assessed("case-08", "case", "2")], AT)
        log.close()
        faults = readlog.verify(path)
    except LogFault:
        report.corrupt += 1
        return
    report.corrupt += bool(faults)
    report.lost += kept < told
    report.worst = max(report.worst, told - kept)
