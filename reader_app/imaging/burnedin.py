"""Writing inside pixels: found by its look, shown to the coordinator, blacked out where the case table says so.

A banner of a hospital, a patient's name, an examination date: nothing in a header tells of them. Letters differ from tissue:
bright strokes of even brightness on an even ground, of one height, side by side on a line. The heuristic would rather report a
scale than miss a name; a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.imaging.pyramid import halve

#: Letters in a line that count as writing: view markers such as "RMLO" stay below.
MIN_LETTERS = 6
_HEIGHTS = (5, 60)


@dataclass(frozen=True, slots=True)
class Writing:
    """One line of writing: rows and columns of its box (end exclusive, wider than its strokes) and its letter-like marks."""

    row: int
    column: int
    row_end: int
    column_end: int
    letters: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row, column, row end, column end), as the case table's column black_out takes it."""
        return self.row, self.column, self.row_end, self.column_end


def find_writing(array: NDArray[Any]) -> list[Writing]:
    """Return lines of writing in an image, top to bottom.

    Parameters
    ----------
    array : ndarray, shape (rows, columns) or (rows, columns, 3)
        Stored values; of a cine or a volume give one frame.
    """
    grey = _to_uint8(array)
    marks: list[tuple[int, int, int, int]] = []
    for picture in (grey, 255 - grey):  # white on black, black on white
        marks += _letters(picture)
    rows, columns = grey.shape
    return [replace(w, row_end=min(w.row_end, rows), column_end=min(w.column_end, columns)) for w in _lines(marks)]


def _to_uint8(array: NDArray[Any]) -> NDArray[np.uint8]:
    flat = array.max(axis=-1) if array.ndim == 3 else array
    if flat.dtype == np.uint8:
        return np.ascontiguousarray(flat)
    low, high = float(flat.min()), float(flat.max())
    return np.ascontiguousarray((flat.astype(np.float32) - low) * (255.0 / max(high - low, 1.0)), dtype=np.uint8)


def _letters(grey: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Return boxes (row, column, height, width) of marks that look like letters on an even dark ground."""
    strokes = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, cv2.getStructuringElement(cv2.MORPH_RECT, (13, 13)))
    mask = (strokes > 60).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count > 60_000:  # noise all over; no letter could be told apart
        return []
    found = []
    for column, row, width, height, area in stats[1:]:
        if not _HEIGHTS[0] <= height <= _HEIGHTS[1] or width > 4 * height or not 0.12 <= area / (width * height) <= 0.98:
            continue
        top, left = max(0, row - 2), max(0, column - 2)
        patch = grey[top : row + height + 2, left : column + width + 2]
        ink = mask[top : row + height + 2, left : column + width + 2] > 0
        edge = np.ones(patch.shape, bool)
        edge[1:-1, 1:-1] = False
        ground = patch[edge & ~ink]
        if len(ground) < 4:
            continue
        bright = patch[ink]
        even = float(ground.std()) < 14 and float(np.percentile(bright, 75)) - float(ground.mean()) > 80
        if even and float(bright.max()) - float(np.percentile(bright, 75)) < 60:
            found.append((int(row), int(column), int(height), int(width)))
    return found


def _lines(marks: list[tuple[int, int, int, int]]) -> list[Writing]:
    """Join marks of like height that stand side by side on one line."""
    left = sorted(marks, key=lambda m: m[1])
    lines: list[list[tuple[int, int, int, int]]] = []
    for mark in left:
        row, column, height, _ = mark
        for line in lines:
            last = line[-1]
            tall = max(last[2], height)
            level = abs((row + height) - (last[0] + last[2])) <= 0.35 * tall or abs(row - last[0]) <= 0.35 * tall
            close = -2 <= column - (last[1] + last[3]) <= 2.6 * tall
            if level and close and tall <= 2.2 * min(last[2], height):
                line.append(mark)
                break
        else:
            lines.append([mark])
    result = []
    for line in lines:
        letters = sum(max(1, round(m[3] / (0.9 * m[2]))) for m in line)  # letters that touch are one mark
        if letters >= MIN_LETTERS and len(line) >= 3:
            top, bottom = min(m[0] for m in line), max(m[0] + m[2] for m in line)
            # the soft rim of the strokes, and a short word at either end that was not seen, lie in the box as well
            beside, above = 3 * (bottom - top), max(3, (bottom - top) // 3)
            left_end, right_end = min(m[1] for m in line) - beside, max(m[1] + m[3] for m in line) + beside
            result.append(Writing(max(0, top - above), max(0, left_end), bottom + above, right_end, letters))
    return sorted(result, key=lambda w: (w.row, w.column))


def in_frames(array: NDArray[Any]) -> list[list[int]]:
    """Return boxes of writing (row, column, row end, column end) in the first and the middle frame, without repeats.

    Parameters
    ----------
    array : ndarray, shape (frames, rows, columns) or (frames, rows, columns, 3)
        Stored values, all frames.
    """
    found: list[list[int]] = []
    for index in sorted({0, len(array) // 2}):
        frame = array[index]
        factor = 2 if frame.shape[0] * frame.shape[1] > 4_000_000 else 1  # letters on a mammogram are tall enough for half size
        thin = halve(frame) if factor == 2 else frame
        boxes = [[v * factor for v in w.box] for w in find_writing(thin)]
        found += [b for b in boxes if b not in found]
    return found[:50]


def black_out(array: NDArray[Any], boxes: Sequence[tuple[int, ...]], invert: bool = False) -> NDArray[Any]:
    """Return a copy with the boxes overwritten by the value that is shown blackest (0 in colour images).

    Parameters
    ----------
    array : ndarray, shape (frames, rows, columns) or (frames, rows, columns, 3)
        Stored values, all frames.
    boxes : sequence of (row, column, row end, column end)
        In stored pixels; parts outside the image do not matter.
    invert : bool
        The image is MONOCHROME1: its highest value is shown blackest.
    """
    result = np.array(array)
    black = 0 if array.ndim == 4 else array.max() if invert else array.min()
    for row, column, row_end, column_end in boxes:
        result[:, max(0, row) : max(0, row_end), max(0, column) : max(0, column_end)] = black
    return result
