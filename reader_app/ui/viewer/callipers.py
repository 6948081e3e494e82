"""Distances that the reader draws: each belongs to the picture (image, slice, frame) it was drawn on and is shown only there."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable

from reader_app.ui.viewer.camera import Pair
from reader_app.ui.viewer.pane import Pane

Distance = tuple[Pair, Pair, str]  # both ends (index) and the words


def words(start: Pair, end: Pair, pixel: Pair, has_mm: bool) -> str:
    """Return a distance as written at its end: in mm, or in pixels where no scale is known."""
    dy, dx = ((b - a) * p for a, b, p in zip(start, end, pixel, strict=True))
    return f"{math.hypot(dy, dx):.1f} {'mm' if has_mm else 'px'}"


class Callipers:
    """The distances of one view.

    Parameters
    ----------
    picture : callable (Pane)
        Names the picture in a pane.
    measure : callable (Pane, start, end)
        The distance between two indices (row, column) of that picture, in words.
    """

    def __init__(self, picture: Callable[[Pane], Hashable], measure: Callable[[Pane, Pair, Pair], str]) -> None:
        self._picture, self._measure = picture, measure
        self._lines: dict[Hashable, tuple[Distance, ...]] = {}
        self._from: tuple[Pane, Pair, tuple[Distance, ...]] | None = None

    def forget(self) -> None:
        """Take all distances away."""
        self._lines, self._from = {}, None

    def of(self, pane: Pane) -> tuple[Distance, ...]:
        """Return the distances of the picture in a pane."""
        return self._lines.get(self._picture(pane), ())

    def begin(self, pane: Pane, at: Pair | None) -> None:
        """Set the first end."""
        self._from = None if at is None else (pane, at, self.of(pane))

    def drag(self, pane: Pane, at: Pair | None) -> None:
        """Move the second end."""
        if self._from is not None and at is not None and self._from[0] is pane and pane.picture is not None:
            start, before = self._from[1:]
            self._lines[self._picture(pane)] = (*before, (start, at, self._measure(pane, start, at)))

    def end(self, pane: Pane, dragged: bool) -> None:
        """Leave the distance on the screen; a click without a drag takes the last one away."""
        self._from = None
        if not dragged:
            self._lines[self._picture(pane)] = self.of(pane)[:-1]
