"""Geometry: index space, LPS millimetres, orientation letters and positions about the nipple.

Index is ``(slice, row, column)`` for volumes and ``(row, column)`` for images, zero-based, integers at pixel centres.
Millimetres are DICOM patient coordinates (LPS: x to the patient's left, y to the back, z to the head). An ``affine`` is the
4 x 4 matrix with ``(x, y, z, 1) = affine @ (slice, row, column, 1)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reader_app.errors import ImageError

Matrix = NDArray[np.float64]

#: Directions of the canonical ABVS array where the file does not state its own: slices run from head to feet, rows from the
#: skin to the chest wall, columns from the patient's right to the left. A coronal plane then shows the head at the top and
#: the patient's right at the left without any flip.
CANONICAL_DIRECTIONS: tuple[tuple[float, float, float], ...] = ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))

#: Limits of a believable pixel or slice distance in breast imaging, mm.
SPACING_LIMITS_MM: tuple[float, float] = (0.005, 20.0)


def affine(
    spacing_mm: Sequence[float],
    directions: ArrayLike = CANONICAL_DIRECTIONS,
    origin_mm: ArrayLike = (0.0, 0.0, 0.0),
) -> Matrix:
    """Build the 4 x 4 affine from spacing, unit directions and origin.

    Parameters
    ----------
    spacing_mm : sequence of 3 floats
        Distance between neighbours along (slice, row, column).
    directions : sequence of 3 sequences of 3 floats
        LPS unit vector of each array axis, in the order (slice, row, column).
    origin_mm : sequence of 3 floats
        LPS position of the centre of voxel (0, 0, 0).

    Returns
    -------
    ndarray, shape (4, 4), float64
    """
    result = np.eye(4)
    units = np.asarray(directions, dtype=np.float64)
    for axis in range(3):
        result[:3, axis] = units[axis] * float(spacing_mm[axis])
    result[:3, 3] = origin_mm
    return result


def to_mm(matrix: Matrix, index: ArrayLike) -> NDArray[np.float64]:
    """Map index positions, shape (..., 3), to LPS millimetres of the same shape."""
    point = np.asarray(index, dtype=np.float64)
    return point @ matrix[:3, :3].T + matrix[:3, 3]


def to_index(matrix: Matrix, position_mm: ArrayLike) -> NDArray[np.float64]:
    """Map LPS millimetres, shape (..., 3), to index positions of the same shape (fractions allowed)."""
    point = np.asarray(position_mm, dtype=np.float64)
    return np.asarray((point - matrix[:3, 3]) @ np.linalg.inv(matrix[:3, :3]).T)


def spacing_of(matrix: Matrix) -> tuple[float, float, float]:
    """Return the spacing in mm along (slice, row, column)."""
    a, b, c = (float(np.linalg.norm(matrix[:3, axis])) for axis in range(3))
    return a, b, c


def distance_mm(a: Sequence[float], b: Sequence[float], spacing_mm: Sequence[float]) -> float:
    """Return the distance in mm between two index positions of an orthogonal grid (2 or 3 axes)."""
    return math.sqrt(sum(((q - p) * s) ** 2 for p, q, s in zip(a, b, spacing_mm, strict=True)))


def check_spacing(values: Sequence[Any], what: str, file: str) -> tuple[float, ...]:
    """Return the spacing as floats, or refuse it in words.

    A wrong millimetre ruler is worse than a refusal: NaN, infinite, zero, negative and absurd values are all refused.

    Parameters
    ----------
    values : sequence
        Numbers or numeric text, mm.
    what : str
        Name of the header field, for the message.
    file : str
        Name of the file, for the message.

    Raises
    ------
    ImageError
        If any value cannot be a distance between pixels.
    """
    result = []
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise ImageError(f"{file}: {what} is {value!r}, which is not a number; correct the header or the export") from error
        low, high = SPACING_LIMITS_MM
        if not low <= number <= high:  # also false for NaN
            raise ImageError(
                f"{file}: {what} is {number:g} mm, expected {low:g} to {high:g} mm; correct the header or the export"
            )
        result.append(number)
    return tuple(result)


def orientation_letter(direction: ArrayLike) -> str:
    """Return the letter (L, R, P, A, H or F) nearest to an LPS direction; empty for a zero or undecided direction."""
    vector = np.asarray(direction, dtype=np.float64)
    axis = int(np.argmax(np.abs(vector)))
    size = float(np.linalg.norm(vector))
    if size == 0 or abs(vector[axis]) / size < 0.6:
        return ""
    return ("LR", "PA", "HF")[axis][0 if vector[axis] > 0 else 1]


def axis_letters(matrix: Matrix) -> tuple[tuple[str, str], ...]:
    """Return for each array axis the letters at its low and high end, e.g. ``(("H", "F"), ("A", "P"), ("R", "L"))``."""
    letters = []
    for axis in range(3):
        direction = matrix[:3, axis]
        letters.append((orientation_letter(-direction), orientation_letter(direction)))
    return tuple(letters)


def clock_position(offset_mm: Sequence[float]) -> int:
    """Return the clock hour of a place about the nipple, as seen by a viewer who faces the patient.

    Parameters
    ----------
    offset_mm : sequence of 2 or 3 floats
        (to the patient's left, to the head) or an LPS difference (x, y, z) from the nipple, mm. The patient's left is at the
        viewer's right, so a lateral place is at 9 in the right breast and at 3 in the left one.

    Returns
    -------
    int
        1 to 12; 12 is up. A place at the nipple itself has no hour and gives 12.
    """
    right_of_view = float(offset_mm[0])
    up = float(offset_mm[2] if len(offset_mm) == 3 else offset_mm[1])
    degrees = (90.0 - math.degrees(math.atan2(up, right_of_view))) % 360.0 if (right_of_view or up) else 0.0
    return math.floor(degrees / 30.0 + 0.5) % 12 or 12


def nipple_distance_mm(offset_mm: Sequence[float]) -> float:
    """Return the distance from the nipple in the coronal plane (depth left out), mm; same argument as `clock_position`."""
    up = float(offset_mm[2] if len(offset_mm) == 3 else offset_mm[1])
    return math.hypot(float(offset_mm[0]), up)


def carry_over(
    index: ArrayLike, matrix: Matrix, nipple: ArrayLike, other_matrix: Matrix, other_nipple: ArrayLike
) -> NDArray[np.float64]:
    """Return the place in another scan of the same breast that lies equally far from its nipple mark.

    Used to keep the place while switching between the AP, LAT and MED volumes: breast tissue moves between the scans, the offset
    from the nipple in patient millimetres is what they share. The result may lie outside the other volume.
    """
    offset = to_mm(matrix, index) - to_mm(matrix, nipple)
    return to_index(other_matrix, to_mm(other_matrix, other_nipple) + offset)


def depth_third(depth_mm: float, thickness_mm: float) -> str:
    """Return "anterior", "middle" or "posterior" for a depth below the skin within a breast of the given thickness."""
    part = depth_mm / thickness_mm if thickness_mm > 0 else 0.0
    return "anterior" if part < 1 / 3 else "middle" if part < 2 / 3 else "posterior"
