"""Instants: a monotonic clock for durations and a wall clock for labels, read together."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment on both clocks.

    Attributes
    ----------
    mono_ns : int
        ``time.perf_counter_ns``; comparable only within one run of the program. Durations come from it alone.
    wall_utc : str
        ISO 8601, UTC, milliseconds, with ``Z``. A label, never a measure.
    """

    mono_ns: int
    wall_utc: str


def iso_utc(moment: datetime) -> str:
    """Format an aware datetime as ``2027-01-15T09:30:00.123Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock(Protocol):
    """Whatever tells the present instant. ``kind`` is recorded with each run ("system" or "simulated")."""

    kind: str

    def now(self) -> Instant:
        """Return the present instant."""
        ...


class SystemClock:
    """The real clock."""

    kind = "system"

    def now(self) -> Instant:
        """Return the present instant; both clocks are read back to back."""
        return Instant(time.perf_counter_ns(), iso_utc(datetime.now(UTC)))


class FrozenClock:
    """A clock that moves only when told: for tests and for simulated readers. Thread-safe.

    Parameters
    ----------
    start : str
        Wall time at the start, ISO 8601 with ``Z``.
    mono_ns : int
        Monotonic start in nanoseconds.
    """

    kind = "simulated"

    def __init__(self, start: str = "2027-01-15T08:00:00.000Z", mono_ns: int = 0) -> None:
        self._lock = threading.Lock()
        self._wall = datetime.fromisoformat(start.replace("Z", "+00:00"))
        self._mono_ns = mono_ns

    def now(self) -> Instant:
        """Return the present instant of this clock."""
        with self._lock:
            return Instant(self._mono_ns, iso_utc(self._wall))

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by ``seconds`` (>= 0)."""
        nanoseconds = round(seconds * 1e9)
        if nanoseconds < 0:
            raise ValueError("a clock only moves forward")
        with self._lock:
            self._mono_ns += nanoseconds
            self._wall += timedelta(microseconds=nanoseconds / 1000)
