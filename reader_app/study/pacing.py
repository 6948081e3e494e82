"""How long a reader has been at it: when to propose a break, when to end a sitting.

Rules
-----
* A sitting lasts from its opening. Time while the program was down does not count.
* A break is any stretch of five minutes or more in which no case was in view (between cases, or paused).
* "break" is due ``break_after_min`` minutes after the last break or the opening; "stop" once the sitting has lasted
  ``session_max_min`` minutes. Both apply between cases only: a case that was begun is finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reader_app.study import events as ev
from reader_app.study.assignment import Plan
from reader_app.study.events import Logged

#: Shortest stretch without a case in view that counts as a break, in nanoseconds.
BREAK_NS = 300_000_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the present sitting has lasted, and since when without a break, in seconds; and the cases validated in it."""

    sitting_s: float = 0.0
    since_break_s: float = 0.0
    cases: int = 0


def pace(logged: Sequence[Logged], run_id: str, mono_ns: int) -> Pace:
    """Return the pace of the present sitting.

    Parameters
    ----------
    logged : sequence of Logged
        The whole log.
    run_id, mono_ns : str, int
        The present run of the program and its monotonic clock now.
    """
    sitting = since_break = resting = cases = 0
    in_view = is_open = False
    before: Logged | None = None
    for entry in logged:
        if is_open and before is not None and before.run_id == entry.run_id:
            passed = entry.mono_ns - before.mono_ns
            sitting, since_break = sitting + passed, since_break + passed
            resting = 0 if in_view else resting + passed
            since_break = 0 if resting >= BREAK_NS else since_break
        match entry.event:
            case ev.SessionOpened():
                sitting = since_break = resting = cases = 0
                is_open, in_view = True, False
            case ev.SessionClosed():
                is_open = in_view = False
            case ev.CaseDisplayed() | ev.ReadResumed():
                in_view, resting = True, 0
            case ev.ReadPaused() | ev.ReadInterrupted() | ev.SessionResumed():
                in_view = False
            case ev.ReadSubmitted():
                in_view, cases = False, cases + 1
        before = entry
    if is_open and before is not None and before.run_id == run_id:
        passed = mono_ns - before.mono_ns
        sitting, since_break = sitting + passed, since_break + passed
        since_break = 0 if not in_view and resting + passed >= BREAK_NS else since_break
    return Pace(sitting / 1e9, since_break / 1e9, cases) if is_open else Pace()


def advice(plan: Plan, now: Pace) -> str:
    """Return "stop", "break" or an empty text for the moment between two cases."""
    timing = plan.timing
    if timing.session_max_min and now.sitting_s >= timing.session_max_min * 60:
        return "stop"
    return "break" if timing.break_after_min and now.since_break_s >= timing.break_after_min * 60 else ""
