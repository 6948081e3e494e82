"""Boxes, ellipses and outlines drawn by hand: from the corners of a stroke to a mark; moving and resizing a mark. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from reader_app.study.finding import Mark
from reader_app.ui.viewer.camera import Pair

#: What can be marked, in the order in which a key goes through it.
SHAPES: tuple[str, ...] = ("point", "box", "ellipse", "outline")
SMALLEST = 2.0  # image pixels along each side; less is no shape but a slip of the hand
MOST_CORNERS = 200  # of an outline


def mark_of(kind: str, stroke: Sequence[Pair], image_id: str, solid: Callable[[Pair], tuple[float, ...]]) -> Mark | None:
    """Return the mark that a stroke draws, without ids; None where it is too small to be one.

    Parameters
    ----------
    kind : str
        "box", "ellipse" or "outline".
    stroke : sequence of (row, column)
        Where the hand was, in the pane's own indices, first to last.
    image_id : str
    solid : callable
        From an index of the pane to one of the image (in a volume three axes).
    """
    if not stroke:
        return None
    points = np.asarray(stroke, np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    if (high - low).max() < SMALLEST or (kind != "outline" and (high - low).min() < SMALLEST):
        return None
    if kind == "outline":
        corners = simplified(points)
        if len(corners) < 3:
            return None
        return Mark("", "", image_id, solid(inner_point(corners)), kind, outline=tuple(solid(at) for at in corners))
    start, stop = solid((float(low[0]), float(low[1]))), solid((float(high[0]), float(high[1])))
    middle = solid((float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2))
    return Mark("", "", image_id, middle, kind, tuple(abs(b - a) for a, b in zip(start, stop, strict=True)))


def simplified(points: np.ndarray) -> list[Pair]:
    """Return the corners of a closed stroke without those that add nothing (half a pixel, or more on a very long one)."""
    tolerance = 0.5
    while True:
        corners = cv2.approxPolyDP(points.reshape(-1, 1, 2), tolerance, closed=True).reshape(-1, 2)
        if len(corners) <= MOST_CORNERS:
            return [(float(row), float(column)) for row, column in corners]
        tolerance *= 2


def inner_point(corners: Sequence[Pair]) -> Pair:
    """Return a point inside an outline: the middle of its widest stretch on the row of its centre."""
    row = sum(at[0] for at in corners) / len(corners)
    crossings = []
    for (r0, c0), (r1, c1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if (r0 <= row) != (r1 <= row):
            crossings.append(c0 + (row - r0) / (r1 - r0) * (c1 - c0))
    crossings.sort()
    stretches = [(b - a, (a + b) / 2) for a, b in zip(crossings[::2], crossings[1::2], strict=False)]
    return (row, max(stretches)[1]) if stretches else corners[0]


def moved(mark: Mark, index: tuple[float, ...]) -> Mark:
    """Return a mark that was taken to another place, its outline with it."""
    way = tuple(b - a for a, b in zip(mark.index, index, strict=True))
    outline = tuple(tuple(a + d for a, d in zip(at, way, strict=True)) for at in mark.outline)
    return replace(mark, index=index, outline=outline)


def resized(mark: Mark, axes: tuple[int, int], sides: tuple[int, int], at: Pair) -> Mark:
    """Return a drawn mark, the same one by its ids, with one or two of its edges taken to another place.

    Parameters
    ----------
    mark : Mark
        A box, an ellipse or an outline.
    axes : tuple of int
        The axes of the mark's index along which rows and columns of the pane run.
    sides : tuple of int
        Along rows and columns: -1 the lower edge is held, 1 the upper one, 0 neither.
    at : tuple of float
        Where the hand is, in the pane's indices. Beyond the opposite edge the mark lies on the other side of it.
    """
    corners = mark.outline or (
        tuple(a - size / 2 for a, size in zip(mark.index, mark.extent, strict=True)),
        tuple(a + size / 2 for a, size in zip(mark.index, mark.extent, strict=True)),
    )
    low, high = [min(own) for own in zip(*corners, strict=True)], [max(own) for own in zip(*corners, strict=True)]
    new_low, new_high = list(low), list(high)
    for axis, side, place in zip(axes, sides, at, strict=True):
        fixed = low[axis] if side > 0 else high[axis]
        edge = fixed + side * SMALLEST if abs(place - fixed) < SMALLEST else place
        if side:
            new_low[axis], new_high[axis] = min(fixed, edge), max(fixed, edge)
    if not mark.outline:
        middle = tuple((a + b) / 2 for a, b in zip(new_low, new_high, strict=True))
        return replace(mark, index=middle, extent=tuple(b - a for a, b in zip(new_low, new_high, strict=True)))

    def follow(point: tuple[float, ...]) -> tuple[float, ...]:
        spans = zip(point, low, high, new_low, new_high, strict=True)
        return tuple(c + (v - a) * (d - c) / (b - a) if b > a else v for v, a, b, c, d in spans)

    return replace(mark, index=follow(mark.index), outline=tuple(follow(corner) for corner in mark.outline))
