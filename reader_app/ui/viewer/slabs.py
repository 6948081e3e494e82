"""Slabs: several neighbouring planes of a volume shown as one. A mean is made from the one before it where they overlap."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

_MOST = 257  # byte planes whose sum fits into 16 bits


def slab(planes: np.ndarray, mode: str) -> np.ndarray:
    """Return the minimum, mean (rounded half up) or maximum over the first axis, of the planes' own type."""
    return Slabs().of(planes, 0, len(planes) - 1, mode)


class Slabs:
    """Makes slabs of a volume and keeps the sum of the last one: whole numbers, so the result never drifts."""

    def __init__(self) -> None:
        self._planes: np.ndarray | None = None  # held, so that its memory cannot become that of another volume
        self._low, self._high = 0, -1
        self._sum = np.zeros(0)

    def of(self, planes: np.ndarray, low: int, high: int, mode: str) -> np.ndarray:
        """Return the slab of planes ``low`` to ``high`` (both inclusive) along the first axis.

        Parameters
        ----------
        mode : str
            "min", "mean" or "max".
        """
        if mode == "max":
            return np.asarray(planes[low : high + 1].max(axis=0))
        if mode == "min":
            return np.asarray(planes[low : high + 1].min(axis=0))
        total = self._summed(planes, low, high)
        count = high - low + 1
        if total.dtype == np.uint16:
            return cv2.LUT(total, _division(count))
        return np.asarray((total + count // 2) // count, dtype=planes.dtype)

    def _summed(self, planes: np.ndarray, low: int, high: int) -> np.ndarray:
        kind = np.dtype(np.uint16 if planes.dtype == np.uint8 and high - low < _MOST else np.int64)
        overlap = min(high, self._high) - max(low, self._low) + 1
        changed = (high - low + 1) + (self._high - self._low + 1) - 2 * overlap
        if not self._same(planes) or self._sum.dtype != kind or changed >= high - low + 1:
            self._planes, self._sum = planes, planes[low : high + 1].sum(axis=0, dtype=kind)
        else:
            for first, last in ((low, self._low - 1), (self._high + 1, high)):
                _add(np.add, self._sum, planes, first, last)
            for first, last in ((self._low, low - 1), (high + 1, self._high)):
                _add(np.subtract, self._sum, planes, first, last)
        self._low, self._high = low, high
        return self._sum

    def _same(self, planes: np.ndarray) -> bool:
        """Return whether these are the planes of the last slab: another view of the same memory will do."""
        old = self._planes
        if old is None or (old.shape, old.strides, old.dtype) != (planes.shape, planes.strides, planes.dtype):
            return False
        return bool(old.__array_interface__["data"] == planes.__array_interface__["data"])


def _add(how: np.ufunc, total: np.ndarray, planes: np.ndarray, first: int, last: int) -> None:
    """Add or subtract planes ``first`` to ``last``; sums of bytes may wrap meanwhile, the end is right."""
    if first == last:
        how(total, planes[first], out=total)
    elif first < last:
        how(total, planes[first : last + 1].sum(axis=0, dtype=total.dtype), out=total)


@lru_cache(maxsize=8)
def _division(count: int) -> np.ndarray:
    """Return the rounded mean for each sum of ``count`` bytes, as a table."""
    table = np.minimum((np.arange(65536) + count // 2) // count, 255).astype(np.uint8)
    return table.reshape(1, -1)
