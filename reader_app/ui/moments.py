"""When something happened: the true time of a key or click, and the watch over a reader who has gone.

An input event carries the time at which the window system took it, which stays right when the program was busy. On X11 (and
where the platform uses the same base) it counts the milliseconds of the clock behind ``time.perf_counter_ns``. It is believed
only where that makes sense: not in the future, not more than five seconds ago; otherwise the time of handling counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QInputEvent

from reader_app.clock import Clock, Instant, iso_utc

#: An event time further back than this is taken for another clock's.
BELIEVED_NS = 5_000_000_000
#: Event times have a grain of a millisecond, so that they may lie this much ahead.
GRAIN_NS = 2_000_000
_INPUT = {
    QEvent.Type.KeyPress,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonRelease,
    QEvent.Type.MouseMove,
    QEvent.Type.Wheel,
    QEvent.Type.TouchBegin,
    QEvent.Type.TabletPress,
}


def event_instant(clock: Clock, timestamp_ms: int) -> Instant:
    """Return the instant of an input event.

    Parameters
    ----------
    clock : Clock
        A simulated clock is always asked itself: events made by a script carry no true time.
    timestamp_ms : int
        ``QInputEvent.timestamp()``; 0 where unknown.
    """
    now = clock.now()
    behind = now.mono_ns - timestamp_ms * 1_000_000
    if clock.kind != "system" or timestamp_ms <= 0 or not -GRAIN_NS <= behind <= BELIEVED_NS:
        return now
    behind = max(0, behind)
    wall = datetime.fromisoformat(now.wall_utc.replace("Z", "+00:00")) - timedelta(microseconds=behind / 1000)
    return Instant(now.mono_ns - behind, iso_utc(wall))


class InputTimes(QObject):
    """Notes the time of the last input to a window; installed on its ``QWindow``, where each input passes once.

    Parameters
    ----------
    clock : Clock
    """

    def __init__(self, clock: Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock = clock
        self._timestamp = 0
        self.last_input = clock.now()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _INPUT and isinstance(event, QInputEvent):
            self.note(event)
        return False

    def note(self, event: QInputEvent) -> None:
        """Note an input event."""
        self._timestamp = event.timestamp()
        self.last_input = self._clock.now()

    def instant(self) -> Instant:
        """Return the true time of the input that is being handled now."""
        if self._clock.now().mono_ns - self.last_input.mono_ns > BELIEVED_NS:
            return self._clock.now()
        return event_instant(self._clock, self._timestamp)


class IdleWatch(QObject):
    """Calls back when nothing has been done for a while.

    With a simulated clock it does nothing by itself (a script jumps ahead); :meth:`check` can still be called.

    Parameters
    ----------
    clock : Clock
    times : InputTimes
        Knows the last input.
    seconds : int
        How long; 0 switches the watch off.
    on_idle : callable
        Called without arguments, at most once for each :meth:`start`.
    """

    def __init__(self, clock: Clock, times: InputTimes, seconds: int, on_idle: Callable[[], None]) -> None:
        super().__init__()
        self._clock, self._times, self._seconds, self._on_idle = clock, times, seconds, on_idle
        self._since = clock.now()
        self._running = False
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self.check)

    def start(self) -> None:
        """Begin to watch from now on."""
        self._since = self._clock.now()
        self._running = self._seconds > 0
        if self._running and self._clock.kind == "system":
            self._timer.start()

    def stop(self) -> None:
        """Stop watching."""
        self._running = False
        self._timer.stop()

    def check(self) -> None:
        """Compare the clock with the last input."""
        if not self._running:
            return
        last = max(self._since.mono_ns, self._times.last_input.mono_ns)
        if self._clock.now().mono_ns - last >= self._seconds * 1_000_000_000:
            self.stop()
            self._on_idle()
