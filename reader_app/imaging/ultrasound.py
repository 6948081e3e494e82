"""Hand-held ultrasound: regions and their scale, colour or grey, cine timing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging.caseimage import Region
from reader_app.imaging.geometry import SPACING_LIMITS_MM, check_spacing

TISSUE, COLOUR_FLOW = 1, 2
_CENTIMETRES = 3
#: Spread between the channels of a pixel above which it counts as coloured, and the share of such pixels that makes Doppler.
_SPREAD, _DOPPLER_SHARE = 40, 0.002


def regions(facts: Mapping[str, Any], rows: int, columns: int, name: str) -> tuple[list[Region], list[str]]:
    """Return the regions of a frame, clipped to the image, and notes.

    Cropped exports keep the boxes of the uncropped image: their deltas still hold, their corners are clipped, and boxes that
    lie outside are dropped.

    Raises
    ------
    ImageError
        If a region states an impossible pixel distance.
    """
    result: list[Region] = []
    notes: list[str] = []
    for number, item in enumerate(facts.get("regions", []), start=1):
        corners = [_whole(item.get(k)) for k in ("y0", "x0", "y1", "x1")]
        if None in corners:
            continue
        y0, x0, y1, x1 = (int(v) for v in corners if v is not None)
        start = (max(0, y0), max(0, x0))
        stop = (min(rows, y1 + 1), min(columns, x1 + 1))
        if (y1 + 1, x1 + 1) != stop or (y0, x0) != start:
            notes.append(f"region {number} reaches beyond the image (a cropped export) and was clipped")
        if stop[0] - start[0] < 2 or stop[1] - start[1] < 2:
            continue
        kind = {TISSUE: "tissue", COLOUR_FLOW: "colour"}.get(_whole(item.get("type")) or 0, "other")
        result.append(Region(start, stop, kind, _scale(item, number, name)))
    return result, notes


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _scale(item: Mapping[str, Any], number: int, name: str) -> tuple[float, float] | None:
    if (_whole(item.get("unit_x")), _whole(item.get("unit_y"))) != (_CENTIMETRES, _CENTIMETRES):
        return None
    if _whole(item.get("format")) not in (1, None):  # only a 2-D region has the same meaning along both axes
        return None
    try:
        dy, dx = (abs(float(item[k])) * 10.0 for k in ("dy", "dx"))
    except (KeyError, TypeError, ValueError):
        return None
    low, high = SPACING_LIMITS_MM
    if not (low <= dy <= high and low <= dx <= high):
        raise ImageError(f"{name}: region {number} states a pixel of {dy:g} x {dx:g} mm (PhysicalDelta), which is impossible")
    return dy, dx


def spacing(facts: Mapping[str, Any], found: list[Region], name: str) -> tuple[tuple[float, float] | None, str]:
    """Return (row, column) spacing in mm and its origin: the largest scaled region, then PixelSpacing, else none."""
    scaled = [r for r in found if r.spacing_mm is not None]
    if scaled:
        tissue = [r for r in scaled if r.kind == "tissue"] or scaled
        largest = max(tissue, key=lambda r: (r.stop[0] - r.start[0]) * (r.stop[1] - r.start[1]))
        differ = any(not _alike(r.spacing_mm, largest.spacing_mm) for r in scaled)
        return largest.spacing_mm, "ultrasound region" + (" (the largest; others differ)" if differ else "")
    if facts.get("PixelSpacing"):
        values = facts["PixelSpacing"]
        if not isinstance(values, list) or len(values) != 2:
            raise ImageError(f"{name}: PixelSpacing has not 2 values; correct the header or the export")
        row, column = check_spacing(values, "PixelSpacing", name)
        return (row, column), "PixelSpacing"
    return None, "not stated"


def scale_between(
    found: Sequence[Region], spacing_mm: tuple[float, float] | None, start: tuple[float, float], end: tuple[float, float]
) -> tuple[float, float] | None:
    """Return the (row, column) spacing for a distance between two indices (row, column), or None where there is no one scale.

    Where the scaled regions of an image (a dual image) differ, both ends must lie in the same one. Else the image's spacing
    holds everywhere: cropped exports keep stale boxes, so that where a region lies says nothing then.
    """
    scaled = [r for r in found if r.spacing_mm is not None]
    if all(_alike(r.spacing_mm, scaled[0].spacing_mm) for r in scaled):
        return spacing_mm
    return next((r.spacing_mm for r in scaled if _inside(r, start) and _inside(r, end)), None)


def depth_mm(
    found: Sequence[Region], spacing_mm: Sequence[float] | None, shape: Sequence[int], at: tuple[float, float]
) -> float | None:
    """Return how deep an index (row, column) lies below the upper edge of its region, or of the image, in mm.

    None without a scale, and above or beside the regions of an image. A box that was clipped at the image's lower right corner
    is that of an uncropped image: then the image's upper edge counts.
    """
    corner = (int(shape[0]), int(shape[1]))
    tissue = [r for r in found if r.spacing_mm is not None and r.kind == "tissue" and r.stop != corner]
    if not tissue:
        return None if spacing_mm is None else (at[0] + 0.5) * float(spacing_mm[-2])
    own = next((r for r in tissue if _inside(r, at)), None)
    return None if own is None or own.spacing_mm is None else (at[0] + 0.5 - own.start[0]) * own.spacing_mm[0]


def _inside(region: Region, at: tuple[float, float]) -> bool:
    return all(a - 0.5 <= v <= b - 0.5 for a, v, b in zip(region.start, at, region.stop, strict=True))


def _alike(a: tuple[float, float] | None, b: tuple[float, float] | None) -> bool:
    return a is not None and b is not None and all(math.isclose(x, y, rel_tol=0.02) for x, y in zip(a, b, strict=True))


def frame_time_ms(facts: Mapping[str, Any]) -> float | None:
    """Return the time between frames of a cine in ms, or None when nothing believable is stated."""
    vector = facts.get("FrameTimeVector")
    numbers = [_float(v) for v in vector] if isinstance(vector, list) else []
    steps = [v for v in numbers if v is not None and v > 0]
    rates = [_float(facts.get(k)) for k in ("CineRate", "RecommendedDisplayFrameRate")]
    candidates = [_float(facts.get("FrameTime")), float(np.mean(steps)) if steps else None]
    candidates += [1000.0 / r for r in rates if r]
    for value in candidates:
        if value is not None and 1.0 <= value <= 5000.0:
            return value
    return None


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def colour_share(array: NDArray[Any]) -> float:
    """Return the share of clearly coloured pixels of an RGB array, shape (..., 3)."""
    thin = array[::7] if array.ndim == 4 else array
    low, high = thin.min(axis=-1), thin.max(axis=-1)
    return float((high.astype(np.int16) - low > _SPREAD).mean())


def without_colour(array: NDArray[Any]) -> NDArray[Any] | None:
    """Return the grey image inside an RGB array whose channels agree everywhere, else None.

    A few levels of difference come from lossy compression; one coloured scale bar or flow box is enough to keep the colour.
    """
    low, high = array.min(axis=-1), array.max(axis=-1)
    if int((high.astype(np.int16) - low).max()) > 8:
        return None
    return np.ascontiguousarray(array[..., 1])


def is_doppler(facts: Mapping[str, Any], found: list[Region], share: float) -> bool:
    """Return whether the image shows colour flow: it says so, or a visible part of it is coloured."""
    return any(r.kind == "colour" for r in found) or share > _DOPPLER_SHARE
