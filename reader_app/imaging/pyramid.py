"""Reduced and reordered copies of pixels, so that a viewer never skips a pixel and never strides through a volume."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

LEVELS = 3


def halve(array: NDArray[Any], padding: tuple[int, int] | None = None) -> NDArray[Any]:
    """Return the 2 x 2 area means of an image, rounded; odd edges are continued by one pixel.

    Every source pixel counts in exactly one mean, so a speck of 2 x 2 pixels keeps at least a quarter of its contrast per
    level at its worst phase and is never skipped. Pixels within ``padding`` do not count unless all four are padding: the
    border of the breast stays crisp and the background exact.
    """
    rows, columns = array.shape[:2]
    if rows % 2 or columns % 2:
        array = cv2.copyMakeBorder(np.ascontiguousarray(array), 0, rows % 2, 0, columns % 2, cv2.BORDER_REPLICATE)
        rows, columns = array.shape[:2]
    size = (columns // 2, rows // 2)
    mean: NDArray[Any] = cv2.resize(np.ascontiguousarray(array), size, interpolation=cv2.INTER_AREA)
    if padding is None or array.ndim == 3:
        return mean
    low, high = min(padding), max(padding)
    image = ((array < low) | (array > high)).astype(np.uint8)
    share = cv2.resize(image * 4, size, interpolation=cv2.INTER_AREA)  # 0 .. 4 image pixels in each block
    mixed = (share > 0) & (share < 4)
    if not mixed.any():
        return mean
    at_row, at_column = np.nonzero(mixed)
    total = np.zeros(len(at_row), np.int64)
    for dr in (0, 1):
        for dc in (0, 1):
            r, c = at_row * 2 + dr, at_column * 2 + dc
            total += array[r, c].astype(np.int64) * image[r, c]
    count = share[mixed].astype(np.int64)
    mean[mixed] = ((2 * total + count) // (2 * count)).astype(array.dtype)
    return mean


def pyramid(array: NDArray[Any], padding: tuple[int, int] | None = None, levels: int = LEVELS) -> list[NDArray[Any]]:
    """Return up to ``levels`` halved copies of an image; fewer when a side would fall below 2 pixels."""
    result: list[NDArray[Any]] = []
    for _ in range(levels):
        if min(array.shape[:2]) < 4:
            break
        array = halve(array, padding)
        result.append(array)
    return result


def column_major(volume: NDArray[Any]) -> NDArray[Any]:
    """Return the volume with axes (column, slice, row) in C order."""
    slices, rows, columns = volume.shape
    result = np.empty((columns, slices, rows), volume.dtype)
    for index in range(slices):
        result[:, index, :] = cv2.transpose(np.ascontiguousarray(volume[index]))
    return result
