"""zhou2023: from four hung mammograms to one stack of views that face the same way, and the way back to image index.

Each view is resampled (0.15 mm in the paper), the breast is told from the background by the triangle threshold, the view is
cropped to it, and grey levels are mapped so that the 5th and 95th percentile of the breast become 0 and 1 (values outside are
kept within -0.43..1.85; background is 0).

Where the paper is silent we chose: right breasts are mirrored, so that the chest wall lies at the left of every view and the
mirrored place of the other breast is the same place of the stack; the four views are laid over each other at the nipple (the
farthest point of the breast from the chest wall), so that one column holds one distance from the nipple in CC and in MLO.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging.container import NewImage
from reader_app.networks.preprocess import Working, planes_of_image

Float = NDArray[np.float32]
Edges = tuple[float, float, float, float]

#: The order of the views in the stack.
VIEWS: tuple[str, ...] = ("RCC", "LCC", "RMLO", "LMLO")

#: Sides of the stack are multiples of this, the coarsest step of the feature pyramid but one.
STEP = 32

#: Changes whenever the same container would give another stack.
VERSION = "zhou2023 views 1"


@dataclass(frozen=True, slots=True)
class Placed:
    """Where one view lies in the stack.

    Attributes
    ----------
    image_id : str
        Image of the container.
    mirrored : bool
        Whether columns were reversed.
    factor : tuple of float
        Image pixels per plane pixel, (row, column).
    plane : tuple of int
        Rows and columns of the whole resampled view.
    shift : tuple of int
        Stack index = index in the resampled, mirrored view + shift, (row, column).
    breast : tuple of int
        First and exclusive last (row, column) of the breast in the stack: (row start, column start, row stop, column stop).
    """

    image_id: str
    mirrored: bool
    factor: tuple[float, float]
    plane: tuple[int, int]
    shift: tuple[int, int]
    breast: tuple[int, int, int, int]

    def to_image(self, box: Sequence[float]) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return (start, stop) in image index (row, column), within the image, of a stack box (x1, y1, x2, y2)."""
        x1, y1, x2, y2 = box
        low, high = x1 - self.shift[1], x2 - self.shift[1]
        if self.mirrored:
            low, high = self.plane[1] - high, self.plane[1] - low
        rows = [float(np.clip(v - self.shift[0], 0, self.plane[0]) * self.factor[0]) for v in (y1, y2)]
        columns = [float(np.clip(v, 0, self.plane[1]) * self.factor[1]) for v in (low, high)]
        return (rows[0], columns[0]), (rows[1], columns[1])

    def to_stack(self, start: Sequence[float], stop: Sequence[float]) -> Edges:
        """Return the stack box (x1, y1, x2, y2) of a box in image index, stop exclusive."""
        low, high = float(start[1]) / self.factor[1], float(stop[1]) / self.factor[1]
        if self.mirrored:
            low, high = self.plane[1] - high, self.plane[1] - low
        y1, y2 = (float(v) / self.factor[0] + self.shift[0] for v in (start[0], stop[0]))
        return (low + self.shift[1], y1, high + self.shift[1], y2)

    def cells(self, grid: Float, stride: float) -> tuple[Float, tuple[float, float], tuple[float, float]]:
        """Return (grid, scale, offset) of a map in image index; cell i of the given grid is centred at stack pixel stride * i."""
        scale = (stride * self.factor[0], stride * self.factor[1])
        first = -self.shift[1]
        if self.mirrored:
            grid = np.ascontiguousarray(grid[:, ::-1])
            first = round(self.plane[1] - 1 - (stride * (grid.shape[1] - 1) - self.shift[1]))
        row = (-self.shift[0] + 0.5) * self.factor[0] - 0.5
        return grid, scale, (row, (first + 0.5) * self.factor[1] - 0.5)


@dataclass(frozen=True, eq=False)
class FourViews:
    """The stack of one exam.

    Attributes
    ----------
    pixels : float32 array, (4, rows, columns)
        In the order of :data:`VIEWS`; a missing view is 0.
    placed : tuple
        One :class:`Placed` a view, None where it is missing.
    nipple : tuple of int
        (row, column) of the nipple, the same in all views.
    mm : float
        Pixel size.
    """

    pixels: Float
    placed: tuple[Placed | None, ...]
    nipple: tuple[int, int]
    mm: float

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which views there are."""
        return np.array([p is not None for p in self.placed])


def nipple_of(inside: NDArray[np.bool_], mm: float) -> tuple[int, int]:
    """Return (row, column) of the point farthest from the chest wall (column 0), averaged over 5 mm of height."""
    columns = np.arange(1, inside.shape[1] + 1)
    reach = (inside * columns).max(1).astype(float)
    width = max(1, round(5 / mm)) | 1
    smooth = np.convolve(np.pad(reach, width // 2, mode="edge"), np.ones(width) / width, mode="valid")
    row = int(np.argmax(smooth))
    return row, int(reach[row]) - 1


def stack(images: Mapping[str, NewImage], mm: float) -> FourViews:
    """Lay the views of an exam over each other.

    Parameters
    ----------
    images : mapping
        View name ("RCC", "LCC", "RMLO", "LMLO") -> image with a pixel size; others are left out.
    mm : float
        Pixel size of the stack.

    Raises
    ------
    ImageError
        If no view shows a breast.
    """
    found = {}
    for name in VIEWS:
        if name not in images:
            continue
        image = images[name]
        plane = next(iter(planes_of_image(image, "mammography", Working(mm, 0))))
        if plane.inside is None or not plane.inside.any():
            continue
        mirrored = (image.chest_wall or ("right" if image.laterality == "R" else "left")) == "right"
        grey = np.where(plane.inside, plane.pixels * 0.35 + 0.45, 0).astype(np.float32)
        inside = plane.inside
        if mirrored:
            grey, inside = grey[:, ::-1], inside[:, ::-1]
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        box = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
        found[name] = (image.id, mirrored, plane.factor, grey, box, nipple_of(inside, mm))
    if not found:
        raise ImageError("none of the four views shows a breast that can be told from the background")
    up = max(n[0] - b[0] for *_, b, n in found.values())
    back = max(n[1] - b[1] for *_, b, n in found.values())
    down = max(b[2] - n[0] for *_, b, n in found.values())
    front = max(b[3] - n[1] for *_, b, n in found.values())
    size = (-(-(up + down) // STEP) * STEP, -(-(back + front) // STEP) * STEP)
    pixels = np.zeros((len(VIEWS), *size), np.float32)
    placed: list[Placed | None] = [None] * len(VIEWS)
    for number, name in enumerate(VIEWS):
        if name not in found:
            continue
        image_id, mirrored, factor, grey, (r0, c0, r1, c1), nipple = found[name]
        shift = (up - nipple[0], back - nipple[1])
        breast = (r0 + shift[0], c0 + shift[1], r1 + shift[0], c1 + shift[1])
        pixels[number, breast[0] : breast[2], breast[1] : breast[3]] = grey[r0:r1, c0:c1]
        placed[number] = Placed(image_id, mirrored, factor, (grey.shape[0], grey.shape[1]), shift, breast)
    return FourViews(pixels, tuple(placed), (up, back), mm)


#: Places of the CC view, then of the MLO view.
PLACES: tuple[str, ...] = (
    "outer", "middle", "inner", "areola",
    "upper", "middle", "lower", "axillary tail", "areola",
)  # fmt: skip


def place_of(views: FourViews, view: int, row: float, column: float) -> tuple[int, float]:
    """Return (index into :data:`PLACES`, depth) of a place by geometry; these are the training labels on phantoms.

    Areola: within 20 mm of the nipple. Middle: within 12 mm of its height. Axillary tail: more than 70 mm above it in the deeper
    half. Depth: nipple 0, edge of the view at the chest wall 1 (on phantoms and without a drawn pectoralis that edge stands for
    it).
    """
    placed = views.placed[view]
    if placed is None:
        raise ImageError(f"the view {VIEWS[view]} is missing")
    return place_at(view, row, column, views.nipple, placed.breast[1], views.mm)


def place_at(view: int, row: float, column: float, nipple: Sequence[float], chest: float, mm: float) -> tuple[int, float]:
    """Return what :func:`place_of` does from the nipple (row, column), the column of the chest wall, and the pixel size."""
    above = (nipple[0] - row) * mm
    behind = (nipple[1] - column) * mm
    depth = float(np.clip(behind / max((nipple[1] - chest) * mm, 1.0), 0, 1))
    near, middle = bool(np.hypot(above, behind) < 20), abs(above) <= 12
    if VIEWS[view].endswith("CC"):
        return (3 if near else 1 if middle else 0 if above > 0 else 2), depth
    if above > 70 and depth > 0.5:
        return 7, depth
    return (8 if near else 5 if middle else 4 if above > 0 else 6), depth
