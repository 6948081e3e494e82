"""The n-th operation on the disk fails, for every n: a session ends well or in words, and what was acknowledged is there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from store.logs import AT, READER, opened
from store.vfs import Disk, watched_disk

from reader_app.errors import LogBug, LogFault, LogUnavailable
from reader_app.store import readlog
from reader_app.store.readlog import ReadLog
from reader_app.store.signing import SigningKey
from reader_app.study.events import Assessed, Noted


@dataclass
class FaultReport:
    """What a sweep found.

    Attributes
    ----------
    points : int
        Operations that were made to fail.
    refused : int
        Sessions in which the program said so.
    bad : list of str
        Whatever must not be: an acknowledged event missing, a log that is not sound afterwards, an error that is none of ours.
    """

    points: int = 0
    refused: int = 0
    bad: list[str] = field(default_factory=list)


def sweep(folder: Path, lasting: bool, begun: bool, step: int = 1, full: bool = False, careless: bool = False) -> FaultReport:
    """Fail each operation of a session in turn.

    Parameters
    ----------
    folder : Path
    lasting : bool
        Whether the disk stays broken after the first failure.
    begun : bool
        Whether the log exists already (else its beginning is part of the session).
    step : int
        Only each ``step``-th operation.
    full : bool
        The disk is full from the n-th write on, until the program has been refused once; then there is room again.
    careless : bool
        True: the negative control, a program that takes a refused event for saved.
    """
    report = FaultReport()
    number = 1
    while True:
        own = folder / f"{'lasting' if lasting else 'once'}-{number}"
        own.mkdir()
        path = own / f"{READER}.readlog"
        if begun:
            log = opened(path)
            log.append([Noted("case-07", "x" * 5000)], AT)
            log.close()
        told = 1 if begun else 0
        with watched_disk(Disk(fail_at=number, lasting=lasting, full=full)) as disk:
            told = _session(path, told, report, disk, careless)
        if disk.count < number:
            return report
        report.points += 1
        _examine(path, told, number, report)
        shutil.rmtree(own)
        number += step


def _session(path: Path, told: int, report: FaultReport, disk: Disk, careless: bool) -> int:
    """Write a session, each step again once when it is refused; return the last event that was acknowledged."""
    log: ReadLog | None = None
    try:
        try:
            log = opened(path)
        except LogFault:
            _make_room(disk)
            log = opened(path)
        for text in ("a", "b" * 9000, "c"):
            events = [Noted("case-07", text), Assessed("case-07", "case", "3")]
            try:
                told = log.append(events, AT)[-1].seq
            except LogUnavailable:
                if careless:
                    told += len(events)
                    continue
                _make_room(disk)
                told = log.append(events, AT)[-1].seq
        log.seal("session ended", READER, SigningKey(bytes(range(32))), AT.wall_utc)
    except (LogUnavailable, LogBug):
        report.refused += 1
    finally:
        if log is not None:
            log.close()
    return told


def _make_room(disk: Disk) -> None:
    if disk.full:
        disk.lasting = False


def _examine(path: Path, told: int, number: int, report: FaultReport) -> None:
    """With a sound disk again: everything acknowledged is there, and the log goes on."""
    try:
        log = opened(path)
        kept = log.head()[0]
        log.append([Assessed("case-08", "case", "2")], AT)
        log.close()
        faults = readlog.verify(path)
    except LogFault as fault:
        report.bad.append(f"operation {number}: {fault}")
        return
    if kept < told:
        report.bad.append(f"operation {number}: {told - kept} acknowledged events are missing")
    report.bad += [f"operation {number}: {fault}" for fault in faults]
