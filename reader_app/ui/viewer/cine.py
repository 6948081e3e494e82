"""Playing through planes or frames at an even pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer

from reader_app.ui.viewer.pane import Pane

LEAST_MS = 10.0  # between two steps, whatever the speed


class Cine(QObject):
    """One pane at a time plays.

    Parameters
    ----------
    speeds : sequence of float
        Steps in ``base_ms``, rising; the third is chosen at first.
    tick : callable
        Called for each step with the pane that plays.
    """

    def __init__(self, speeds: Sequence[float], tick: Callable[[Pane], None], parent: QObject) -> None:
        super().__init__(parent)
        self.pane: Pane | None = None
        self._speeds, self._chosen, self._base = tuple(speeds), 2, 1000.0
        self._tick = tick
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)

    @property
    def per_second(self) -> float:
        """Steps a second while it plays."""
        return 1000.0 / self._interval

    @property
    def _interval(self) -> float:
        return max(LEAST_MS, self._base / self._speeds[self._chosen])

    def start(self, pane: Pane, base_ms: float) -> None:
        """Play in a pane; ``base_ms`` is the time that the speeds are counted in."""
        self.pane, self._base = pane, base_ms
        self._timer.start(round(self._interval))

    def stop(self) -> None:
        """Stand still."""
        self.pane = None
        self._timer.stop()

    def change_speed(self, by: int) -> None:
        """Play faster (positive) or slower; also chosen while it stands still."""
        self._chosen = min(max(self._chosen + by, 0), len(self._speeds) - 1)
        if self.pane is not None:
            self._timer.start(round(self._interval))

    def _step(self) -> None:
        if self.pane is not None:
            self._tick(self.pane)
