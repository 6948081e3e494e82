"""What a model adds to an image: heatmaps on their own grid, boxes, and the colours they are shown in. No Qt here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A map of suspicion on a grid of its own.

    Attributes
    ----------
    image_id : str
        The image or volume of the container it belongs to.
    grid : ndarray of uint8, shape (rows, columns) or (slices, rows, columns)
        0 = nothing; 1..255 = linear in the raw value between ``floor`` and ``ceiling``. Made read-only.
    scale, offset : tuple of float
        Along axis a, cell i lies at image index ``offset[a] + scale[a] * i`` (centre to centre).
    floor, ceiling : float
        Raw values of grid levels 1 and 255.
    evidence : bool
        False: the model found nothing to show; a viewer then writes "no evidence" and paints no colour.
    """

    image_id: str
    grid: NDArray[np.uint8]
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    floor: float
    ceiling: float
    evidence: bool = True

    def __post_init__(self) -> None:
        axes = self.grid.ndim
        if self.grid.dtype != np.uint8 or axes not in (2, 3):
            raise ImageError(
                f"heatmap of {self.image_id}: expected a uint8 grid of 2 or 3 axes, found {self.grid.dtype} of {axes}"
            )
        if len(self.scale) != axes or len(self.offset) != axes:
            raise ImageError(f"heatmap of {self.image_id}: scale and offset need {axes} numbers each")
        numbers = (*self.scale, *self.offset, self.floor, self.ceiling)
        if not all(math.isfinite(v) for v in numbers) or min(self.scale) <= 0:
            raise ImageError(f"heatmap of {self.image_id}: scale, offset, floor and ceiling must be finite and scale positive")
        if self.grid.flags.writeable:
            own = self.grid.view()
            own.flags.writeable = False
            object.__setattr__(self, "grid", own)

    def raw(self, level: float) -> float:
        """Return the raw value of a grid level 1..255."""
        return self.floor + (level - 1.0) / 254.0 * (self.ceiling - self.floor)

    def level(self, raw: float) -> int:
        """Return the lowest grid level whose raw value is at least ``raw`` (for a threshold); 256 when none is."""
        if self.ceiling <= self.floor:
            return 1 if raw <= self.floor else 256
        return min(256, max(1, math.ceil((raw - self.floor) / (self.ceiling - self.floor) * 254.0 + 1.0 - 1e-9)))

    def index_of(self, cell: tuple[float, ...]) -> tuple[float, ...]:
        """Return the image index of a grid cell."""
        return tuple(o + s * c for o, s, c in zip(self.offset, self.scale, cell, strict=True))


@dataclass(frozen=True, slots=True)
class Box:
    """A box found by a model.

    Attributes
    ----------
    image_id : str
        The image or volume it lies in.
    start, stop : tuple of float
        Corners in index order, (row, column) or (slice, row, column). Pixel i covers i to i + 1 here: ``start`` is the first
        pixel, ``stop`` the exclusive edge, so the box holds ``stop - start`` pixels along each axis.
    score : float
        The model's value for this box, 0 to 1.
    label : str
        Short word shown beside it, e.g. "malignant".
    """

    image_id: str
    start: tuple[float, ...]
    stop: tuple[float, ...]
    score: float
    label: str = ""


def quantise(values: NDArray[Any], floor: float, ceiling: float) -> NDArray[np.uint8]:
    """Turn raw values into a heatmap grid.

    Parameters
    ----------
    values : ndarray of float
        Raw map; values below ``floor`` become 0 (nothing), ``floor`` becomes 1 and everything from ``ceiling`` up 255.
    floor, ceiling : float
        Ends of the scale, ``floor < ceiling``.

    Raises
    ------
    ImageError
        If the map holds NaN or infinite values or the scale is empty.
    """
    raw = np.asarray(values, dtype=np.float64)
    if not np.isfinite(raw).all():
        raise ImageError("a heatmap holds values that are not numbers; the model's output cannot be shown")
    if not floor < ceiling:
        raise ImageError(f"a heatmap's floor {floor:g} must lie below its ceiling {ceiling:g}")
    level = np.rint((raw - floor) / (ceiling - floor) * 254.0) + 1.0
    return np.where(raw < floor, 0.0, np.clip(level, 1.0, 255.0)).astype(np.uint8)


# Anchors of the tables: (place 0..1, red, green, blue). "inferno" follows the perceptually uniform map of that name, which
# stays readable in all common kinds of colour blindness; it starts above black so that weak evidence shows on dark tissue.
_ANCHORS: dict[str, tuple[tuple[float, int, int, int], ...]] = {
    "inferno": (
        (0.0, 66, 10, 104),
        (0.15, 106, 23, 110),
        (0.3, 147, 38, 103),
        (0.45, 188, 55, 84),
        (0.6, 221, 81, 58),
        (0.75, 243, 120, 25),
        (0.88, 252, 165, 10),
        (0.96, 246, 215, 70),
        (1.0, 252, 255, 164),
    ),
    "hot": ((0.0, 90, 0, 0), (0.36, 255, 0, 0), (0.75, 255, 255, 0), (1.0, 255, 255, 255)),
    "viridis": (
        (0.0, 68, 1, 84),
        (0.13, 71, 44, 122),
        (0.25, 59, 81, 139),
        (0.38, 44, 113, 142),
        (0.5, 33, 144, 141),
        (0.63, 39, 173, 129),
        (0.75, 92, 200, 99),
        (0.88, 170, 220, 50),
        (1.0, 253, 231, 37),
    ),
    "grey": ((0.0, 60, 60, 60), (1.0, 255, 255, 255)),
}

COLOR_TABLES: tuple[str, ...] = tuple(_ANCHORS)


def color_table(name: str = "inferno") -> NDArray[np.uint8]:
    """Return the RGBA colours of the 256 grid levels, shape (256, 4), not premultiplied.

    Level 0 (nothing) is fully transparent, every other level opaque: opacity and threshold belong to the study's display
    settings and are applied by the viewer.
    """
    if name not in _ANCHORS:
        raise ValueError(f"unknown colour table {name!r}; known: {', '.join(COLOR_TABLES)}")
    anchors = np.asarray(_ANCHORS[name])
    place = np.linspace(0.0, 1.0, 255)
    table = np.zeros((256, 4), np.uint8)
    for channel in range(3):
        table[1:, channel] = np.rint(np.interp(place, anchors[:, 0], anchors[:, 1 + channel]))
    table[1:, 3] = 255
    return table


@dataclass(frozen=True, slots=True)
class Legend:
    """What stands beside a heatmap so that its colours can be read.

    Attributes
    ----------
    ticks : tuple of (float, str)
        Place on the bar from 0 (lowest colour) to 1 (highest) and the text there.
    threshold : float or None
        Place of the study's threshold on the bar; colours below it are not painted.
    """

    ticks: tuple[tuple[float, str], ...]
    threshold: float | None = None


def legend(floor: float, ceiling: float, threshold: float | None = None, count: int = 5) -> Legend:
    """Return evenly spaced tick texts between floor and ceiling, and where the threshold lies.

    Parameters
    ----------
    floor, ceiling : float
        Raw values at the ends of the bar.
    threshold : float or None
        Raw value below which nothing is painted.
    count : int
        Number of ticks, at least 2.
    """
    span = ceiling - floor
    decimals = 0 if span >= 50 else 1 if span >= 5 else 2
    ticks = tuple((i / (count - 1), f"{floor + span * i / (count - 1):.{decimals}f}") for i in range(count))
    place = None if threshold is None or span <= 0 else min(1.0, max(0.0, (threshold - floor) / span))
    return Legend(ticks, place)


def legend_strip(name: str, height: int, width: int) -> NDArray[np.uint8]:
    """Return the colour bar itself, shape (height, width, 4) RGBA, highest value at the top."""
    levels = np.rint(np.linspace(255, 1, height)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(color_table(name)[levels][:, None, :], (height, width, 4)))
