"""How fast this reader goes, for the estimate of the time left. Nothing else is made of it, and no one is shown another's."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from statistics import median

from reader_app.study.events import CaseDisplayed, Logged, ReadInterrupted, ReadPaused, ReadResumed, ReadSubmitted

#: The estimate looks at the last reads only, and begins with the third.
LAST, FEWEST = 15, 3


class Pace:
    """Net seconds of the last reads, from the events of this run."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=LAST)
        self._since: int | None = None
        self._spent = 0

    def note(self, logged: Iterable[Logged]) -> None:
        """Take in new events."""
        for entry in logged:
            match entry.event:
                case CaseDisplayed():
                    self._since, self._spent = entry.mono_ns, 0
                case ReadPaused() | ReadInterrupted() if self._since is not None:
                    self._spent, self._since = self._spent + entry.mono_ns - self._since, None
                case ReadResumed():
                    self._since = entry.mono_ns
                case ReadSubmitted() if self._since is not None:
                    self._seconds.append((self._spent + entry.mono_ns - self._since) / 1e9)
                    self._since = None

    def left(self, cases: int) -> float | None:
        """Return the seconds that ``cases`` more reads will take; None while too little is known."""
        return median(self._seconds) * cases if len(self._seconds) >= FEWEST else None
