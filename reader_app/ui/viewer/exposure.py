"""Which images and slices were on the screen while the aid lay over them: said when the eye rests, never in a flood."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QTimer

REST_MS = 300  # a slice that stands this long was looked at
LONGEST_S = 10.0  # of unbroken movement before it is said all the same


@dataclass(frozen=True, slots=True)
class Seen:
    """One pane with the aid over it.

    Attributes
    ----------
    pane, image_id : str
        Pane as named in ``fully_painted``, and the image of the container.
    plane : str
        "coronal", "transverse" or "sagittal" of a volume, "frame" of a cine, "" for a still image.
    index : int
        Slice or frame that stands there now, zero-based; 0 for a still image.
    first, last : int
        Lowest and highest slice shown since the report before this one, ``index`` among them.
    """

    pane: str
    image_id: str
    plane: str
    index: int
    first: int
    last: int

    @property
    def place(self) -> tuple[str, str, str]:
        """What stays the same while slices pass."""
        return self.pane, self.image_id, self.plane


def still(pane: str, image_id: str, plane: str = "", index: int = 0) -> Seen:
    """Return a slice that nothing else was shown beside."""
    return Seen(pane, image_id, plane, index, index, index)


class AidWatch(QObject):
    """Follows what is shown beneath the aid and reports it once it rests.

    Parameters
    ----------
    in_sight : callable
        Returns what the aid lies over now; nothing while there is no aid, it is hidden, or the images are covered.
    report : callable
        Called with a tuple of `Seen`: when nothing has changed for 300 ms, after 10 s of unbroken movement, and at once before
        the aid goes out of sight.
    """

    def __init__(
        self, in_sight: Callable[[], tuple[Seen, ...]], report: Callable[[tuple[Seen, ...]], None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._in_sight, self._report = in_sight, report
        self._seen: tuple[Seen, ...] = ()
        self._unsaid = False
        self._since = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self.say)

    def look(self) -> None:
        """Something may have changed on the screen."""
        now = self._in_sight()
        if [s.place for s in now] != [s.place for s in self._seen]:
            self.say()
            self._seen = ()
        if not now or [s.index for s in now] == [s.index for s in self._seen]:
            return
        if self._seen:
            now = tuple(
                replace(s, first=min(s.index, old.first), last=max(s.index, old.last))
                for s, old in zip(now, self._seen, strict=True)
            )
        self._seen = now
        if not self._unsaid:
            self._unsaid, self._since = True, time.monotonic()
        if time.monotonic() - self._since < LONGEST_S or not self._timer.isActive():
            self._timer.start()

    def say(self) -> None:
        """Report what was seen and not yet said."""
        self._timer.stop()
        if self._unsaid:
            self._unsaid = False
            seen = self._seen
            self._seen = tuple(still(*s.place, s.index) for s in seen)
            self._report(seen)

    def stop(self) -> None:
        """The aid goes out of sight now: report the rest, and forget it."""
        self.say()
        self._seen = ()
