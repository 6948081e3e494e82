"""A beat each second that notices when time did not pass as it should: the machine slept, hung, or its clock was set.

Durations come from the monotonic clock alone, so none of these spoils a reading time by itself. But a machine that slept in the
middle of a read had a reader who was not reading: the read is paused from the last beat before the sleep, and what happened is
noted. A stall (the program did not answer for some seconds) is noted and not subtracted: the images were on the screen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reader_app.clock import Clock, Instant

#: A gap between beats longer than this is a stall.
STALL_MS = 3_000
#: Without a clock that counts sleep (Windows: the performance counter runs on in it), a gap longer than this counts as sleep.
SLEEP_GAP_MS = 10_000
#: Time asleep beyond which the machine counts as having slept.
ASLEEP_MS = 500
#: The wall clock may part from the elapsed time by this much between two beats.
STEP_MS = 1_000

_SLEEP_CLOCKS = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}
SUSPEND, CLOCK_STEP, STALL = "suspend", "clock_step", "stall"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that happened to time between two beats.

    Attributes
    ----------
    kind : str
        "suspend", "clock_step" or "stall".
    since : Instant
        The last beat before it: from there on nobody can say what the reader saw.
    mono_gap_ms : int
        Time between the beats on the monotonic clock.
    wall_step_ms : int
        How much further than the time that really passed the wall clock moved; negative when it was set back.
    asleep_ms : int
        Time asleep, where the machine can tell; else 0.
    """

    kind: str
    since: Instant
    mono_gap_ms: int
    wall_step_ms: int
    asleep_ms: int = 0


def elapsed_ns() -> int | None:
    """Return a clock that counts sleep too, or None where there is none (Windows: the monotonic one counts it itself)."""
    name = _SLEEP_CLOCKS.get(sys.platform)
    return None if name is None else time.clock_gettime_ns(getattr(time, name))


class Heartbeat:
    """Compares the clocks from beat to beat. With a simulated clock it finds nothing.

    Parameters
    ----------
    clock : Clock
        The session's clock.
    elapsed : callable
        A clock in nanoseconds that runs on while the machine sleeps, or returns None.
    """

    def __init__(self, clock: Clock, elapsed: Callable[[], int | None] = elapsed_ns) -> None:
        self._clock = clock
        self._elapsed = elapsed
        self._last: tuple[Instant, int | None] | None = None

    def beat(self) -> Disturbance | None:
        """Call once a second; return what has happened since the last beat, or None."""
        if self._clock.kind != "system":
            return None
        now, elapsed = self._clock.now(), self._elapsed()
        before, self._last = self._last, (now, elapsed)
        if before is None:
            return None
        then, elapsed_then = before
        gap = (now.mono_ns - then.mono_ns) // 1_000_000
        passed = gap if elapsed is None or elapsed_then is None else (elapsed - elapsed_then) // 1_000_000
        asleep = max(0, passed - gap)
        step = wall_ms(now.wall_utc) - wall_ms(then.wall_utc) - passed
        if asleep > ASLEEP_MS or (elapsed is None and gap > SLEEP_GAP_MS):
            kind = SUSPEND
        elif abs(step) > STEP_MS:
            kind = CLOCK_STEP
        elif gap > STALL_MS:
            kind = STALL
        else:
            return None
        return Disturbance(kind, then, gap, step, asleep)


def wall_ms(wall_utc: str) -> int:
    """Return an ISO 8601 time with ``Z`` as milliseconds since 1970."""
    return round(datetime.fromisoformat(wall_utc.replace("Z", "+00:00")).timestamp() * 1000)
