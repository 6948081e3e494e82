"""Automated breast ultrasound: which scan a volume is, its axes and millimetres, and the one array order used everywhere.

Canonical order: slices from head to feet (the planes as acquired, along the sweep), rows from the skin to the chest wall, columns
from the patient's right to the left. A coronal plane then shows the head at the top.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging.geometry import CANONICAL_DIRECTIONS, affine, check_spacing, to_index
from reader_app.imaging.names import SCANS, NameWords, read_name
from reader_app.imaging.scanconvert import Fan, fan_of

ENHANCED_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"
MULTI_FRAME = ("1.2.840.10008.5.1.4.1.1.3.1", "1.2.840.10008.5.1.4.1.1.7.2", "1.2.840.10008.5.1.4.1.1.7.3", ENHANCED_VOLUME)

#: TDSC-ABUS volumes carry a placeholder spacing; these are the published ones, (depth, lateral, sweep) = the file's axes.
TDSC_SPACING_MM: tuple[float, float, float] = (0.073, 0.200, 0.475674)
_TDSC_NAME = re.compile(r"(?i)^(data|mask)_\d{3}\.nrrd$")

#: Where a file does not state its orientation: first frame at the feet, as GE's scanners store it.
_UNSTATED = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
_AXIS_WORDS = {"sweep": 0, "slice": 0, "elevation": 0, "depth": 1, "row": 1, "lateral": 2, "column": 2}


@dataclass(frozen=True)
class Placement:
    """How a stored array becomes a canonical volume.

    Attributes
    ----------
    axes : tuple of int
        For each canonical axis the stored axis, counted from 1, negative when reversed.
    affine : ndarray (4, 4)
        (slice, row, column, 1) of the canonical array -> LPS mm.
    spacing_mm : tuple of float
        Along the canonical axes.
    source : str
        Where the spacing comes from.
    notes : tuple of str
        What was assumed.
    """

    axes: tuple[int, int, int]
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, float, float]
    source: str
    notes: tuple[str, ...] = ()

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a view of the stored array in canonical order."""
        result = np.transpose(array, [abs(a) - 1 for a in self.axes])
        return result[tuple(slice(None, None, -1) if a < 0 else slice(None) for a in self.axes)]

    def to_canonical(self, stored: Sequence[float], shape: Sequence[int]) -> tuple[float, float, float] | None:
        """Return the canonical index of an index of the stored array of that shape, or None when it lies outside."""
        if any(not -0.5 <= v <= n - 0.5 for v, n in zip(stored, shape, strict=True)):
            return None
        a, b, c = (stored[abs(x) - 1] if x > 0 else shape[abs(x) - 1] - 1 - stored[abs(x) - 1] for x in self.axes)
        return a, b, c


def looks_like_abvs(facts: Mapping[str, Any]) -> bool:
    """Return whether a DICOM ultrasound object is a volume of an automated breast scanner rather than a cine or an image."""
    if facts.get("abus") or facts.get("SOPClassUID") == ENHANCED_VOLUME:
        return True
    model = " ".join(str(facts.get(k, "")) for k in ("ManufacturerModelName", "StudyDescription", "SeriesDescription")).upper()
    if any(word in model for word in ("INVENIA", "ABVS", "ABUS", "SOMO", "SOFIA")):
        return _frames(facts) > 1 or bool(facts.get("ImagePositionPatient")) or read_name(model).is_scan
    scan = read_name(str(facts.get("SeriesDescription", "")))
    return scan.is_scan and _frames(facts) >= 20


def _frames(facts: Mapping[str, Any]) -> int:
    try:
        return int(facts.get("NumberOfFrames", 1))
    except (TypeError, ValueError):
        return 1


def scan_of(facts: Mapping[str, Any], hint: NameWords, name: str) -> tuple[str, str]:
    """Return (laterality, scan position) of a volume; the position is "" where nothing states it.

    Raises
    ------
    ImageError
        If header, description and table contradict each other about the side.
    """
    described = read_name(" ".join(str(facts.get(k, "")) for k in ("SeriesDescription", "ProtocolName")))
    said = {
        "ImageLaterality": str(facts.get("ImageLaterality", "")).upper(),
        "Laterality": str(facts.get("Laterality", "")).upper(),
        "the series description": described.laterality,
        "the table or file name": hint.laterality,
    }
    stated = {k: v for k, v in said.items() if v in ("R", "L")}
    if len(set(stated.values())) > 1:
        words = " but ".join(f"{k} says {v}" for k, v in stated.items())
        raise ImageError(f"{name}: {words}; find out which is right and correct it")
    scans = {k: v for k, v in (("series description", described.view), ("table or file name", hint.view)) if v in SCANS}
    if len(set(scans.values())) > 1:
        words = " but ".join(f"the {k} says {v}" for k, v in scans.items())
        raise ImageError(f"{name}: {words}; find out which is right and correct it")
    return next(iter(stated.values()), ""), next(iter(scans.values()), "")


def canonical(matrix: NDArray[np.float64], shape: Sequence[int]) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Return the axis order that turns an array of known geometry into canonical order, and the new affine.

    Raises
    ------
    ImageError
        If two axes point the same way (a flat or sheared grid).
    """
    directions = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    wanted = np.asarray(CANONICAL_DIRECTIONS)
    strength = np.abs(wanted @ directions)  # canonical axis x stored axis
    order = [int(np.argmax(strength[axis])) for axis in range(3)]
    if sorted(order) != [0, 1, 2]:
        raise ImageError("the axes of the volume cannot be matched to head-feet, skin-chest wall and right-left")
    signs = [1 if float(wanted[axis] @ directions[:, order[axis]]) > 0 else -1 for axis in range(3)]
    result = np.eye(4)
    origin = np.asarray(matrix[:3, 3], np.float64)
    for axis in range(3):
        column = matrix[:3, order[axis]]
        result[:3, axis] = signs[axis] * column
        if signs[axis] < 0:
            origin = origin + column * (shape[order[axis]] - 1)
    result[:3, 3] = origin
    a, b, c = (signs[axis] * (order[axis] + 1) for axis in range(3))
    return (a, b, c), result


def place_dicom(
    facts: Mapping[str, Any], shape: Sequence[int], name: str, positions: Sequence[Sequence[float]] = ()
) -> Placement:
    """Place a stack of frames (frame, row, column) by its header.

    Parameters
    ----------
    facts : mapping
        Header of the multi-frame object, or of the first file of a stack.
    shape : sequence of int
        (frames, rows, columns) as decoded.
    name : str
        For messages.
    positions : sequence of (x, y, z), optional
        ImagePositionPatient of each frame of a stack, in frame order; the gap between them must be even.
    """
    pixel = facts.get("PixelSpacing")
    notes: list[str] = []
    if isinstance(pixel, list) and len(pixel) == 2:
        row, column = check_spacing(pixel, "PixelSpacing", name)
        source = "PixelSpacing"
    else:
        row, column = _from_regions(facts, name)
        source = "ultrasound region"
    gap, origin = _slice_gap(facts, positions, name, notes)
    orientation = facts.get("ImageOrientationPatient")
    if isinstance(orientation, list) and len(orientation) == 6 and len(positions) > 1:
        along_row, along_column = (np.asarray([float(v) for v in orientation[i : i + 3]]) for i in (0, 3))
        step = np.asarray(positions[-1], float) - np.asarray(positions[0], float)
        directions: Any = (step / np.linalg.norm(step), along_column, along_row)
        source += ", orientation as stated"
    else:
        directions, origin = _UNSTATED, None
        notes.append(
            "orientation is not stated; first frame taken as the one nearest the feet, left of the picture as the patient's right"
        )
    matrix = affine((gap, row, column), directions, origin if origin is not None else (0.0, 0.0, 0.0))
    return _placed(matrix, shape, source, notes)


def _placed(matrix: NDArray[np.float64], shape: Sequence[int], source: str, notes: Sequence[str]) -> Placement:
    axes, result = canonical(matrix, shape)
    a, b, c = (float(np.linalg.norm(result[:3, axis])) for axis in range(3))
    return Placement(axes, result, (a, b, c), source, tuple(notes))


def _from_regions(facts: Mapping[str, Any], name: str) -> tuple[float, float]:
    for item in facts.get("regions", []):
        if str(item.get("unit_x")) == "3" and str(item.get("unit_y")) == "3":
            dy, dx = (abs(float(item[k])) * 10.0 for k in ("dy", "dx"))
            row, column = check_spacing((dy, dx), "PhysicalDelta", name)
            return row, column
    raise ImageError(
        f"{name}: states no pixel spacing, so its planes would be shown out of proportion; give spacing_mm in the case table"
    )


def _slice_gap(
    facts: Mapping[str, Any], positions: Sequence[Sequence[float]], name: str, notes: list[str]
) -> tuple[float, tuple[float, float, float] | None]:
    places = list(positions) or facts.get("planes") or []
    if len(places) > 1:
        points = np.asarray(places, np.float64)
        if not np.isfinite(points).all():
            raise ImageError(f"{name}: the position of a slice is not a number; correct the header or the export")
        gaps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        middle = float(np.median(gaps))
        if middle <= 0 or float(np.abs(gaps - middle).max()) > 0.05 * middle:
            raise ImageError(
                f"{name}: its slices are not evenly spaced (gaps of {gaps.min():.3f} to {gaps.max():.3f} mm); "
                "a slice may be missing"
            )
        x, y, z = (float(v) for v in points[0])
        return check_spacing((middle,), "distance of slices", name)[0], (x, y, z)
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        if facts.get(keyword) not in (None, ""):
            if keyword == "SliceThickness":
                notes.append("distance of slices taken from SliceThickness")
            return check_spacing((facts[keyword],), keyword, name)[0], None
    raise ImageError(f"{name}: states no distance between slices; give spacing_mm in the case table")


def place_file(
    matrix: Sequence[Sequence[float]],
    shape: Sequence[int],
    stated: bool,
    name: str,
    given_mm: Sequence[float] | None = None,
    axes: str = "",
) -> Placement:
    """Place a NRRD, NIfTI or MHA volume.

    Parameters
    ----------
    matrix : 4 x 4
        From `sitkfile.read`, for the array as read (slowest axis first).
    shape : sequence of int
        Of that array.
    stated : bool
        False when the header's spacing is a placeholder.
    name : str
        File name; the naming of the TDSC-ABUS challenge is recognised.
    given_mm : sequence of 3 floats, optional
        Spacing from the case table along the array as read; replaces the header's.
    axes : str
        From the case table: what the array axes are, slowest first, e.g. "sweep lateral depth".
    """
    geometry = np.asarray(matrix, np.float64)
    tdsc = bool(_TDSC_NAME.match(name)) and not axes
    spacing = [float(np.linalg.norm(geometry[:3, axis])) for axis in range(3)]
    notes: list[str] = []
    source = "the file"
    if given_mm is not None:
        spacing, source = list(check_spacing(given_mm, "spacing_mm", "case table")), "the case table"
    elif not stated and tdsc:
        spacing, source = [TDSC_SPACING_MM[2], TDSC_SPACING_MM[1], TDSC_SPACING_MM[0]], "published for TDSC-ABUS"
    elif not stated:
        raise ImageError(f"{name}: states no spacing (only a placeholder of 1 mm); give spacing_mm in the case table")
    like_tdsc = all(math.isclose(a, b, rel_tol=0.02) for a, b in zip(spacing, reversed(TDSC_SPACING_MM), strict=True))
    words = axes or ("sweep lateral depth" if tdsc or like_tdsc else "")
    if not words:
        directions = (geometry[:3, :3] / np.linalg.norm(geometry[:3, :3], axis=0)).T
        geometry = affine(spacing, directions, geometry[:3, 3])
        return _placed(geometry, shape, source, notes)
    order = [_AXIS_WORDS.get(word, -1) for word in re.split(r"[\s,;/]+", words.strip().lower())]
    if sorted(order) != [0, 1, 2]:
        raise ImageError(f"{name}: axes {words!r} must name sweep, depth and lateral once each, slowest axis first")
    notes.append("orientation is not stated; first plane of the sweep taken as the one nearest the feet")
    return _placed(affine(spacing, [_UNSTATED[o] for o in order]), shape, source, notes)


def nipple_index(facts: Mapping[str, Any], placement: Placement, shape: Sequence[int]) -> tuple[float, float, float] | None:
    """Return the nipple mark (slice, row, column) of a GE Invenia volume as acquired, or None.

    The private element (0021,xx20) is taken as zero-based indices of the stored array: (scan line, slice), or (scan line, depth,
    slice); without a depth the mark lies at the skin. Zeros mean "not marked"; a place outside the volume is dropped. That the
    element holds the nipple is stated by GE's conformance statement and by 3D Slicer's import, which reads it but does not use
    it; the unit and order of its values are stated in no public source, so the import report asks the coordinator to look at
    the mark, and the case table's column ``nipple`` replaces it. ``shape`` is that of the stored array (frames, rows, columns).
    """
    value = facts.get("abus", {}).get("nipple")
    numbers = [float(v) for v in value] if isinstance(value, list) and all(isinstance(v, (int, float)) for v in value) else []
    if len(numbers) not in (2, 3) or not any(numbers):
        return None
    line, depth, frame = (numbers[0], 0.0, numbers[1]) if len(numbers) == 2 else (numbers[0], numbers[1], numbers[2])
    return placement.to_canonical((frame, depth, line), shape)


def probe_geometry(facts: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the geometry of a curved GE probe as its private elements state it; None when they do not."""
    abus = facts.get("abus") or {}
    names = {
        "probe_radius": "radius_mm",
        "track_radius": "track_radius_mm",
        "line_density": "line_density",
        "depth_cm": "depth_cm",
    }
    found = {new: float(abus[old]) for old, new in names.items() if isinstance(abus.get(old), (int, float))}
    return found or None


CURVED_TRACK = (
    "swept along a curved track (radius {:g} mm) and left as acquired: its planes stand side by side and its lines are not "
    "fanned out, so that distances away from the skin are approximate"
)


def track_radius_mm(facts: Mapping[str, Any]) -> float:
    """Return the radius of the track on which the probe was swept; 0 for a straight one, or where none is stated."""
    return abs((probe_geometry(facts) or {}).get("track_radius_mm", 0.0))


def curved(facts: Mapping[str, Any], placement: Placement, shape: Sequence[int]) -> Fan | None:
    """Return the fan of a curved probe's scan lines in a volume as placed; None without one, or where lines do not run down."""
    if placement.axes[1] != 2 or abs(placement.axes[2]) != 3:
        return None
    extent = tuple(int(shape[abs(axis) - 1]) for axis in placement.axes)
    return fan_of(probe_geometry(facts), placement.spacing_mm, extent)


def upright(placement: Placement, fan: Fan) -> Placement:
    """Return the placement of the volume once it is drawn upright: the crown of the probe stays where it was."""
    matrix = placement.affine.copy()
    matrix[:3, 3] += matrix[:3, 2] * ((fan.lines - fan.columns) / 2)
    return replace(placement, affine=matrix, source=f"{placement.source}, scan-converted")


def canonical_index(placement: Placement, position_mm: Sequence[float]) -> tuple[float, float, float]:
    """Return the canonical index of an LPS position."""
    a, b, c = (float(v) for v in to_index(placement.affine, position_mm))
    return a, b, c
