"""What the tests of the store share: a log in a temporary folder and events to put into it."""

from __future__ import annotations

from pathlib import Path

from reader_app.clock import FrozenClock, Instant
from reader_app.store.readlog import ReadLog
from reader_app.store.runinfo import RunInfo, describe_run
from reader_app.study.events import Assessed, CaseDisplayed, Event, Noted, ReadSubmitted, SessionOpened
from reader_app.study.finding import Mark

READER = "R01"
PLAN = "ab" * 32
AT = Instant(5_000_000_000, "2027-01-15T08:00:05.000Z")


def run_info() -> RunInfo:
    return describe_run(FrozenClock(), host="test bench")


def opened(path: Path, reader_id: str = READER, plan_hash: str = PLAN) -> ReadLog:
    return ReadLog.open(path, reader_id, plan_hash, run_info())


def some_events() -> list[Event]:
    """Return events with every kind of value: nested marks, text beyond ASCII, empty mappings."""
    mark = Mark("1", "F1", "RCC", (12.5, 40.0), "box", (3.0, 4.25), 62)
    return [
        SessionOpened(READER, PLAN, "2027-01-15T08:00:00.000Z"),
        CaseDisplayed(1, "case-07", "0" * 64, ("RCC", "LCC"), None),
        Assessed("case-07", "case", "4A"),
        Noted("case-07", 'Verdichtung, "spikuliert"\n左乳\u2028 ok'),
        ReadSubmitted(1, "case-07", {"case": "4A"}, {"case": 62}, "", (mark,)),
    ]


def filled(path: Path) -> list[Event]:
    """Write a log of two runs and return its events."""
    events = some_events()
    log = opened(path)
    for event in events[:3]:
        log.append([event], AT)
    log.close()
    log = opened(path)
    log.append(events[3:], AT)
    log.close()
    return events
