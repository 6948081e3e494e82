"""What a model adds to a pane: the heatmap as a premultiplied picture at the screen's resolution, and boxes with their score.

The heatmap is interpolated at the true position of every device pixel (cell centres at ``offset + scale * i``), so it lies within
half an image pixel of where the model put it. It is rebuilt only when zoom, threshold or colours change, or when a pan leaves the
part that was built; opacity is applied while painting and costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import cv2
import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from reader_app.imaging.overlay import Box, Heatmap, color_table
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.viewer import readout, strokes
from reader_app.ui.viewer.camera import Camera, Pair

RED = theme.COMMON["malignant"]
GREEN = theme.COMMON["benign"]
HALO = 0x6E000000  # beside the lines of a box
_LATTICE = 8  # device pixels between the places where a coarse heatmap is interpolated exactly, at most
_MARGIN = 0.35  # of the pane, built beyond its edges so that small pans need no rebuilding


class Aid(Protocol):
    """What the viewer needs of a prediction."""

    @property
    def boxes(self) -> Sequence[Box]:
        """Boxes found."""

    @property
    def heatmaps(self) -> Sequence[Heatmap]:
        """Heatmaps."""

    @property
    def positive(self) -> bool:
        """Whether the model's call is positive."""

    @property
    def status(self) -> str:
        """One of ok, no_finding, not_applicable, failed."""


def colour_of(box: Box, positive: bool) -> str:
    """Return the colour of a box: by its own word, else by the model's call for the case."""
    word = box.label.lower()
    if any(w in word for w in ("malignant", "high", "suspicious")):
        return RED
    if any(w in word for w in ("benign", "low", "normal")):
        return GREEN
    return RED if positive else GREEN


def status_words(aid: Aid | None, image_id: str) -> str:
    """Return what must be said in words where a model shows nothing on an image; empty where it shows something."""
    if aid is None:
        return ""
    none, absent = tr("aid: no finding"), tr("aid: not available")
    words = {"no_finding": none, "not_applicable": tr("aid: not applicable"), "failed": absent, "withheld": absent}
    if aid.status in words:
        return words[aid.status]
    maps = [h for h in aid.heatmaps if h.image_id == image_id]
    if maps and not any(h.evidence for h in maps) and not any(b.image_id == image_id for b in aid.boxes):
        return tr("aid: no evidence")
    return ""


@dataclass(frozen=True, eq=False)
class Grid:
    """A 2-D heatmap of one plane: uint8 levels and where their cells lie in the plane's index space."""

    levels: np.ndarray
    scale: Pair
    offset: Pair
    tables: Heatmap

    @staticmethod
    def of_image(heatmap: Heatmap) -> Grid:
        """Return the grid of an image's heatmap."""
        (sy, sx), (oy, ox) = heatmap.scale, heatmap.offset
        return Grid(heatmap.grid, (sy, sx), (oy, ox), heatmap)

    @staticmethod
    def of_plane(heatmap: Heatmap, axis: int, position: float, half: float = 0.0) -> Grid | None:
        """Return the grid where a plane cuts a volume's heatmap, or None where it lies beyond the grid.

        Parameters
        ----------
        axis : int
            Axis of the volume that stands still: 0 transverse, 1 coronal, 2 sagittal (transposed to (row, slice)).
        position : float
            Index of the plane along it.
        half : float
            Half the thickness of a slab in index units; the strongest level within the slab counts.
        """
        n = heatmap.grid.shape[axis]
        low, high = ((position + d - heatmap.offset[axis]) / heatmap.scale[axis] for d in (-half, half))
        if high <= -0.5 or low >= n - 0.5:
            return None
        layers = np.moveaxis(heatmap.grid, axis, 0)
        edges = [min(max(v, 0.0), n - 1.0) for v in ((low, high) if half else (low,))]
        planes = []
        for value in edges:
            i, part = int(value), value - int(value)
            planes.append(layers[i] if not part else cv2.addWeighted(layers[i], 1 - part, layers[min(i + 1, n - 1)], part, 0))
        planes += [layers[i] for i in range(math.ceil(edges[0]), math.floor(edges[-1]) + 1)]
        levels = planes[0]
        for plane in planes[1:]:
            levels = cv2.max(np.ascontiguousarray(levels), np.ascontiguousarray(plane))
        kept = [a for a in range(3) if a != axis]
        if axis == 2:
            kept.reverse()
            levels = cv2.transpose(np.ascontiguousarray(levels))
        scale, offset = ((t[kept[0]], t[kept[1]]) for t in (heatmap.scale, heatmap.offset))
        return Grid(np.ascontiguousarray(levels), scale, offset, heatmap)


class HeatLayer:
    """The coloured picture of one heatmap for one pane; kept until something that matters changes."""

    def __init__(self) -> None:
        self.image: QImage | None = None
        self.corner = (0, 0)  # device pixels from the image's outer corner to the picture's first pixel
        self.builds = 0
        self._key: tuple[Any, ...] = ()
        self._grid: Grid | None = None
        self._bounds = (0, 0, 0, 0)
        self._whole = False
        self._buffer: np.ndarray | None = None

    def update(self, grid: Grid, camera: Camera, threshold: float, colours: str) -> None:
        """Make the picture fit the camera; cheap when nothing but a small pan or the opacity changed."""
        oy, ox = camera.origin
        h, w = camera.viewport
        view = (-oy, -ox, h - oy, w - ox)
        key = (camera.scale, camera.pixel, threshold, colours)
        inside = all(a <= v for a, v in zip(self._bounds[:2], view[:2], strict=True)) and all(
            a >= v for a, v in zip(self._bounds[2:], view[2:], strict=True)
        )
        if grid is self._grid and key == self._key and (self._whole or inside):
            return
        my, mx = int(h * _MARGIN), int(w * _MARGIN)
        self._bounds = (view[0] - my, view[1] - mx, view[2] + my, view[3] + mx)
        self._key, self._grid = key, grid
        self._build(grid, camera, threshold, colours)
        self.builds += 1

    def _build(self, grid: Grid, camera: Camera, threshold: float, colours: str) -> None:
        self.image = None
        lowest = max(1, grid.tables.level(threshold))
        x, y, w, h = cv2.boundingRect((grid.levels >= lowest).view(np.uint8))
        self._whole = w == 0
        if self._whole or not grid.tables.evidence:
            return
        zoom = camera.zoom
        first, last = (y - 1, x - 1), (y + h, x + w)
        start, stop, complete = [], [], True
        for a in range(2):
            size = math.ceil(camera.shape[a] * zoom[a])
            low = math.floor((grid.offset[a] + first[a] * grid.scale[a] + 0.5) * zoom[a])
            high = math.ceil((grid.offset[a] + last[a] * grid.scale[a] + 0.5) * zoom[a])
            if first[a] < 0:
                low = min(low, 0)
            if last[a] >= grid.levels.shape[a]:
                high = max(high, size)
            low, high = max(low, 0), min(high, size)
            complete &= self._bounds[a] <= low and high <= self._bounds[a + 2]
            start.append(max(low, self._bounds[a]))
            stop.append(min(high, self._bounds[a + 2]))
        self._whole = complete
        if start[0] >= stop[0] or start[1] >= stop[1]:
            return
        levels = interpolated(grid, zoom, (start[0], start[1]), (stop[0], stop[1]))
        self._buffer = cv2.LUT(levels, _premultiplied(colours, lowest))
        h, w = self._buffer.shape
        self.image = QImage(self._buffer.data, w, h, 4 * w, QImage.Format.Format_ARGB32_Premultiplied)
        self.corner = (start[0], start[1])

    def paint(self, painter: QPainter, camera: Camera, opacity: float) -> None:
        """Draw the picture; the painter's unit is the device pixel."""
        if self.image is None or opacity <= 0:
            return
        painter.setOpacity(min(1.0, opacity))
        painter.drawImage(camera.origin[1] + self.corner[1], camera.origin[0] + self.corner[0], self.image)
        painter.setOpacity(1.0)


def interpolated(grid: Grid, zoom: Pair, start: tuple[int, int], stop: tuple[int, int]) -> np.ndarray:
    """Return the heatmap's levels at device pixels ``start`` to ``stop``, counted from the image's outer corner.

    Linear between cell centres; beyond the outermost centres the nearest cell. Computed exactly on a lattice of every few device
    pixels, at least eight to a cell, and linearly between those.
    """
    values = grid.levels.astype(np.float32)
    steps, base = [], []
    for a in range(2):
        step = max(1, min(_LATTICE, int(zoom[a] * grid.scale[a] / 8)))
        # The lattice hangs on the image, not on the part asked for, so that a pan does not change the picture; it begins one
        # place early and ends one late, which the enlargement needs at its borders.
        first = start[a] // step * step - step
        count = -(-(stop[a] - first) // step) + 1
        low, high, part = _neighbours(first, step, count, zoom[a], grid.scale[a], grid.offset[a], values.shape[a])
        lower, upper = values.take(low, axis=a), values.take(high, axis=a)
        upper -= lower
        upper *= part[:, None] if a == 0 else part
        lower += upper
        values = lower
        steps.append(step)
        base.append(first)
    levels = np.asarray(np.rint(values), dtype=np.uint8)
    if steps != [1, 1]:
        levels = np.asarray(cv2.resize(levels, None, fx=steps[1], fy=steps[0], interpolation=cv2.INTER_LINEAR))
    (y, x), (h, w) = ((start[a] - base[a] for a in range(2)), (stop[a] - start[a] for a in range(2)))
    return levels[y : y + h, x : x + w]


@lru_cache(maxsize=32)
def _neighbours(
    base: int, step: int, count: int, zoom: float, scale: float, offset: float, cells: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for places of the lattice along one axis the cell before, the cell after, and the share of the latter."""
    places = base + step * (np.arange(count) + 0.5)
    at = np.clip(((places / zoom - 0.5) - offset) / scale, 0, cells - 1)
    low = at.astype(np.int64)
    return low, np.minimum(low + 1, cells - 1), (at - low).astype(np.float32)


@lru_cache(maxsize=64)
def _premultiplied(colours: str, lowest: int) -> np.ndarray:
    """Return 256 colours as Qt's premultiplied 0xAARRGGBB, a table for ``cv2.LUT``; levels below ``lowest`` are clear.

    Alpha rises from the threshold to the strongest level, so that weak evidence veils the tissue less than strong evidence and
    the threshold makes no edge that looks like anatomy.
    """
    rgba = color_table(colours).astype(np.float64)
    rise = np.clip((np.arange(256) - lowest + 1) / max(1, 256 - lowest), 0.0, 1.0)
    alpha = rgba[:, 3] / 255.0 * (0.08 + 0.92 * rise**0.7)
    alpha[:lowest] = 0.0
    rgb = np.rint(rgba[:, :3] * alpha[:, None]).astype(np.uint32)
    a = np.rint(alpha * 255).astype(np.uint32)
    packed = np.asarray((a << 24) | (rgb[:, 0] << 16) | (rgb[:, 1] << 8) | rgb[:, 2], dtype=np.uint32)
    return packed.view(np.int32).reshape(1, -1)


@lru_cache(maxsize=16)
def legend_bar(colours: str, lowest: int, height: int, width: int) -> QImage:
    """Return the colour bar from level ``lowest`` (the threshold) at the bottom to 255 at the top, framed by one dark pixel."""
    levels = np.rint(np.linspace(255, min(lowest, 255), height)).astype(np.uint8)
    rgba = np.full((height + 2, width + 2, 4), (0, 0, 0, 170), np.uint8)
    rgba[1:-1, 1:-1] = color_table(colours)[levels][:, None]
    image = QImage(rgba.data, width + 2, height + 2, 4 * (width + 2), QImage.Format.Format_RGBA8888)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


@dataclass(frozen=True, slots=True)
class FlatBox:
    """A box as it appears in one pane: edges in the image's edge coordinates, colour and text.

    ``verdict`` is the reader's: "accepted", "rejected" or "".
    """

    top: float
    left: float
    bottom: float
    right: float
    colour: str
    text: str
    verdict: str = ""


def flat_box(
    box: Box, colour: str, axis: int | None = None, position: float = 0.0, half: float = 0.0, verdict: str = ""
) -> FlatBox | None:
    """Return a box as cut by a plane (``axis`` None: an image), or None where the plane (slab) misses it."""
    start, stop = box.start, box.stop
    if axis is not None:
        if position + 0.5 + half <= start[axis] or position + 0.5 - half >= stop[axis]:
            return None
        kept = [a for a in range(3) if a != axis]
        if axis == 2:
            kept.reverse()
        start, stop = tuple(start[a] for a in kept), tuple(stop[a] for a in kept)
    text = f"{box.score:.2f}" if not box.label else f"{box.label} {box.score:.2f}"
    return FlatBox(start[0], start[1], stop[0], stop[1], colour, text, verdict)


@lru_cache(maxsize=16)
def _rgba(name: str) -> int:
    return QColor(name).rgba()


def paint_box(
    painter: QPainter, camera: Camera, box: FlatBox, unit: float, current: bool = False, taken: list[QRectF] | None = None
) -> QRectF:
    """Draw one box and its label; return the box's rectangle in device pixels.

    One that the reader dismissed is dashed and without its colour; one that was taken up has a tick beside its score.

    Parameters
    ----------
    unit : float
        Device pixels per logical pixel (line width and text size follow the screen's scale).
    current : bool
        The finding the reader stepped to: a stronger line.
    taken : list of QRectF, optional
        Where labels stand already, in device pixels; this one is put beside them and added.
    """
    (oy, ox), (zy, zx), (h, w) = camera.origin, camera.zoom, camera.viewport
    left, top, right, bottom = ox + box.left * zx, oy + box.top * zy, ox + box.right * zx, oy + box.bottom * zy
    rect = QRectF(left, top, right - left, bottom - top)
    width = (3.0 if current else 2.0) * unit
    if left - width >= w or top - width >= h or right + width <= 0 or bottom + width <= 0:
        return rect
    colour = readout.DIM if box.verdict == "rejected" else box.colour
    if box.verdict == "rejected":
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colour), width, Qt.PenStyle.DashLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.MiterJoin))
        painter.drawRect(rect.adjusted(-width / 2, -width / 2, width / 2, width / 2))
    else:
        strokes.frame(painter, (top, left, bottom, right), (_rgba(colour), width), (HALO, 0.75 * unit), (h, w))
    stamp = readout.chip(f"✓ {box.text}" if box.verdict == "accepted" else box.text, colour, unit)
    x = min(max(0.0, left - width), max(0.0, w - stamp.width()))
    taken = [] if taken is None else taken
    places = [top - width - stamp.height(), *sorted((other.top() - stamp.height() for other in taken), reverse=True)]
    places += [bottom + width, *(other.bottom() for other in taken)]
    y = _free_place(x, places, stamp.width(), stamp.height(), h, taken)
    taken.append(QRectF(x, y, stamp.width(), stamp.height()))
    painter.drawImage(round(x), round(y), stamp)
    return rect


def _free_place(x: float, places: list[float], width: int, height: int, bottom: float, taken: list[QRectF]) -> float:
    """Return the first of some upper edges at which a label is whole and on no other label; else the first that is whole."""
    whole = [y for y in places if 0 <= y <= bottom - height] or [min(max(0.0, places[0]), max(0.0, bottom - height))]
    for y in whole:
        if not any(QRectF(x, y, width, height).intersects(other) for other in taken):
            return y
    return whole[0]
