"""From stored pixels to the pixels of a pane, without Qt: pyramid level, crop, resize, then in bands through the look-up table.

Minification always starts from 2 x 2 area means, so no speck falls between two samples; the rest of the way (a factor
between 1/2 and 1) and any magnification is linear. At zoom 1 the stored pixels are copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from reader_app.ui.viewer.camera import Camera

Array = np.ndarray
_BAND = 80_000  # device pixels that are looked up at a time
_CANDIDATES = 16  # places tried for the start of a crop: see _Axis


def halved(array: Array, axis: int) -> Array:
    """Return the means of pairs along one axis; an odd last line is left out."""
    n = array.shape[axis] // 2 * 2
    if axis == 0:
        even, odd = array[0:n:2], array[1:n:2]
    else:
        even, odd = np.ascontiguousarray(array[:, 0:n:2]), np.ascontiguousarray(array[:, 1:n:2])
    # Not cv2.resize: its area mean of 1 x 2 pixels takes fifteen times as long.
    return np.asarray(cv2.addWeighted(even, 0.5, odd, 0.5, 0.0))


class Source:
    """An image or plane and its reductions by powers of two along each axis.

    Parameters
    ----------
    levels : sequence of array
        (rows, columns) or (rows, columns, 3); the full size first, then the stored 2 x 2 area means. Further reductions are made
        when asked for and kept.
    """

    def __init__(self, levels: Sequence[Array]) -> None:
        self._kept: dict[tuple[int, int], Array] = {(k, k): np.asarray(a) for k, a in enumerate(levels)}
        first = self._kept[0, 0]
        self.shape: tuple[int, int] = (first.shape[0], first.shape[1])
        self.colour = first.ndim == 3
        self.dtype = first.dtype
        self._deepest = tuple(max(0, int(math.log2(max(1, n))) - 1) for n in self.shape)

    def levels_for(self, zoom: tuple[float, float]) -> tuple[int, int]:
        """Return the powers of two by which to reduce along each axis: as far as the screen still has fewer pixels."""
        y, x = (
            min(deep, max(0, math.floor(-math.log2(z) + 1e-9))) if z < 1 else 0
            for z, deep in zip(zoom, self._deepest, strict=True)
        )
        return y, x

    def level(self, ky: int, kx: int) -> Array:
        """Return the array reduced ``2**ky`` times along rows and ``2**kx`` times along columns."""
        found = self._kept.get((ky, kx))
        if found is None:
            if ky > kx:
                found = halved(self.level(ky - 1, kx), 0)
            elif kx > ky:
                found = halved(self.level(ky, kx - 1), 1)
            else:
                found = halved(halved(self.level(ky - 1, kx - 1), 0), 1)
            self._kept[ky, kx] = found
        return found

    def smallest(self, side: int) -> tuple[Array, int]:
        """Return the smallest reduction at hand, thinned to sides of at most ``side``, and its scale: for a rough look."""
        k = max(ky for ky, kx in self._kept if ky == kx)
        array = self._kept[k, k]
        step = -(-max(array.shape[:2]) // side)
        return np.ascontiguousarray(array[::step, ::step]), step * 2**k


class _Axis:
    """How device pixels ``start`` to ``stop`` of one axis are taken from a level: crop, scale, and how many lines to drop.

    ``cv2.resize`` maps the crop's outer edge to a whole output pixel. So the crop begins where that edge falls (nearly) on one:
    the best of a few places, which leaves 1/32 of a device pixel at most; exact at 1:1, at whole factors and at the image's edge.
    """

    __slots__ = ("crop_start", "crop_stop", "drop", "zoom")

    def __init__(self, zoom: float, length: int, origin: int, start: int, stop: int) -> None:
        first = (start - origin + 0.5) / zoom - 0.5
        last = (stop - 1 - origin + 0.5) / zoom - 0.5
        low = min(max(0, math.floor(first) - 1), length - 1)
        places = range(low, max(-1, low - _CANDIDATES), -1)
        best = low if low == 0 or zoom == 1 else min(places, key=lambda i: abs(i * zoom - round(i * zoom)))
        self.crop_start = best
        self.crop_stop = min(length, math.floor(last) + 3)
        self.drop = start - origin - round(best * zoom)
        self.zoom = zoom


def resample(source: Source, camera: Camera, start: tuple[int, int], stop: tuple[int, int], out: Array) -> None:
    """Write device pixels ``start`` to ``stop`` (vertical, horizontal; all on the image) of a pane into ``out``.

    Parameters
    ----------
    out : array
        Of the source's type, shape ``stop - start`` (and 3 for colour).
    """
    zoom = camera.zoom
    ky, kx = source.levels_for(zoom)
    level = source.level(ky, kx)
    y = _Axis(zoom[0] * 2**ky, level.shape[0], camera.origin[0], start[0], stop[0])
    x = _Axis(zoom[1] * 2**kx, level.shape[1], camera.origin[1], start[1], stop[1])
    part = level[y.crop_start : y.crop_stop, x.crop_start : x.crop_stop]
    if y.zoom != 1 or x.zoom != 1:
        part = cv2.resize(part, None, fx=x.zoom, fy=y.zoom, interpolation=cv2.INTER_LINEAR)
    part = part[y.drop :, x.drop :][: out.shape[0], : out.shape[1]]
    h, w = part.shape[:2]
    out[:h, :w] = part
    # Rounding may leave the crop one line short at the image's far edge: the last line stands for it.
    if h < out.shape[0]:
        out[h:, :w] = out[h - 1, :w]
    if w < out.shape[1]:
        out[:, w:] = out[:, w - 1 : w]


def covered(camera: Camera) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the device pixels (start, stop) whose centres lie on the image, clipped to the pane; empty where start >= stop."""
    start, stop = [], []
    for origin, size, pane in zip(camera.origin, camera.size, camera.viewport, strict=True):
        start.append(max(0, origin))
        stop.append(min(pane, origin + math.ceil(size - 0.5 - 1e-6)))
    return (start[0], start[1]), (stop[0], stop[1])


class Raster:
    """The picture of one pane: stored values at the screen's resolution, kept until the picture moves."""

    def __init__(self) -> None:
        self._values: Array = np.zeros((1, 1), np.uint16)
        self._spare: Array = self._values
        self._source: Source | None = None
        self._camera: Camera | None = None
        self._covered = (0, 0, 0, 0)
        self._within: Array | None = None
        self._within_key: tuple[object, ...] = ()

    def update(self, source: Source, camera: Camera) -> bool:
        """Bring the picture up to date; return whether anything changed."""
        if source is self._source and camera == self._camera:
            return False
        self._resample(source, camera)
        self._source, self._camera = source, camera
        return True

    @property
    def covered(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right of the device pixels that lie on the image; an empty rectangle where none does."""
        return self._covered

    def bands(self, table: Array | None, top: int, left: int, bottom: int, right: int) -> Iterator[tuple[int, int, Array]]:
        """Yield the pixels within a rectangle of the pane, as far as they lie on the image: row, column, and the band itself.

        A band is small enough to stay in the processor's cache until it has been painted; it is only good until the next one.

        Parameters
        ----------
        table : array or None
            256 or 65536 entries (index = the stored value's bit pattern): bytes, or 32-bit pixels; None gives colours as stored.
        """
        y0, x0, y1, x1 = self._covered
        top, left, bottom, right = max(top, y0), max(left, x0), min(bottom, y1), min(right, x1)
        if top >= bottom or left >= right:
            return
        depth = self._values.shape[2:]
        rows = max(1, _BAND // (right - left))
        for first in range(top, bottom, rows):
            part = self._values[first : min(first + rows, bottom), left:right]
            if table is None:
                yield first, left, np.ascontiguousarray(part)
                continue
            if part.dtype == np.int16:
                part = part.view(np.uint16)
            yield first, left, cv2.LUT(part, table.reshape(1, -1), dst=_band_buffer(table.dtype, (*part.shape[:2], *depth)))

    def pixels(self, table: Array | None, black: int = 0) -> Array:
        """Return the whole pane; ``black`` is painted where there is no image, also when the table is inverted."""
        height, width = self._values.shape[:2]
        whole = np.full(self._values.shape, black, np.uint8 if table is None else table.dtype)
        for row, column, band in self.bands(table, 0, 0, height, width):
            whole[row : row + band.shape[0], column : column + band.shape[1]] = band
        return whole

    def within(self, low: int, high: int) -> Array | None:
        """Return where stored values lie in ``low`` to ``high``: uint8 (height, width), 255 there, 0 elsewhere and off the image.

        None for colour. Kept until the picture moves.
        """
        if self._source is None or self._camera is None or self._source.colour or self._values.dtype not in (np.uint8, np.uint16):
            return None
        key = (self._source, self._camera, low, high)
        if self._within is None or key != self._within_key:
            table = np.zeros(256 if self._values.dtype == np.uint8 else 65536, np.uint8)
            table[max(0, low) : high + 1] = 255
            found = np.zeros(self._values.shape, np.uint8)
            (y0, x0), (y1, x1) = covered(self._camera)
            if y0 < y1 and x0 < x1:
                found[y0:y1, x0:x1] = cv2.LUT(self._values[y0:y1, x0:x1], table.reshape(1, -1))
            self._within, self._within_key = found, key
        return self._within

    def _resample(self, source: Source, camera: Camera) -> None:
        shape = (*camera.viewport, 3) if source.colour else camera.viewport
        if self._values.shape != shape or self._values.dtype != source.dtype:
            self._values = np.empty(shape, source.dtype)
            self._spare = np.empty(shape, source.dtype)
            self._source = None
        (y0, x0), (y1, x1) = covered(camera)
        self._covered = (y0, x0, y1, x1) if y0 < y1 and x0 < x1 else (0, 0, 0, 0)
        if self._covered == (0, 0, 0, 0):
            return
        old = self._camera
        if old is None or source is not self._source or old.scale != camera.scale or old.pixel != camera.pixel:
            resample(source, camera, (y0, x0), (y1, x1), self._values[y0:y1, x0:x1])
            return
        self._shift(source, old, camera, (y0, x0), (y1, x1))

    def _shift(self, source: Source, old: Camera, new: Camera, start: tuple[int, int], stop: tuple[int, int]) -> None:
        """Pan: keep what is still in sight, resample only the strips that came into it."""
        dy, dx = new.origin[0] - old.origin[0], new.origin[1] - old.origin[1]
        (oy0, ox0), (oy1, ox1) = covered(old)
        y0, y1 = max(start[0], oy0 + dy), min(stop[0], oy1 + dy)
        x0, x1 = max(start[1], ox0 + dx), min(stop[1], ox1 + dx)
        if y0 >= y1 or x0 >= x1:
            resample(source, new, start, stop, self._values[start[0] : stop[0], start[1] : stop[1]])
            return
        self._values, self._spare = self._spare, self._values
        np.copyto(self._values[y0:y1, x0:x1], self._spare[y0 - dy : y1 - dy, x0 - dx : x1 - dx])
        strips = (
            (start[0], start[1], y0, stop[1]),
            (y1, start[1], stop[0], stop[1]),
            (y0, start[1], y1, x0),
            (y0, x1, y1, stop[1]),
        )
        for top, left, bottom, right in strips:
            if top < bottom and left < right:
                resample(source, new, (top, left), (bottom, right), self._values[top:bottom, left:right])


_buffers: dict[np.dtype, Array] = {}


def _band_buffer(kind: np.dtype, shape: tuple[int, ...]) -> Array:
    """Return memory for one band; there is one piece of it for all panes, which are painted one after the other."""
    count = math.prod(shape)
    found = _buffers.get(kind)
    if found is None or found.size < count:
        found = _buffers[kind] = np.empty(max(count, 3 * _BAND), kind)
    return found[:count].reshape(shape)
