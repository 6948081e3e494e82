"""Scan conversion: the planes of a curved ABUS probe from scan lines side by side to their true shape.

GE Invenia stores each plane as scan lines side by side: column i is the i-th line of a concave probe of radius R, row j a sample
along it. Lines meet towards the chest wall, so that at 5 cm depth and R = 442 mm a width taken from such an array is 11 per cent
too large. With dx the distance of lines at the probe, dz that of samples and i0 the middle line::

    r = R - j dz        a = (i - i0) dx / R        lateral = r sin a        depth = R - r cos a

(lateral from the middle line, depth below the crown of the probe, mm). The formula is that of 3D Slicer's import of these files,
the only public reading of them; as there, only a straight sweep (track radius 0) is converted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging import limits

#: Radii that a breast scanner's probe can have, mm; anything else in the header is no radius.
_RADII_MM = (60.0, 5000.0)


@dataclass(frozen=True, slots=True)
class Fan:
    """Where the scan lines of a plane lie, and the upright grid they are drawn on.

    Attributes
    ----------
    radius_mm : float
        Of the probe's surface.
    sample_mm, line_mm : float
        Distance of samples along a line and of lines at the probe; also the row and column distance of the upright grid.
    samples, lines : int
        Size of a plane as acquired (rows, columns).
    rows, columns : int
        Size of the upright grid.
    """

    radius_mm: float
    sample_mm: float
    line_mm: float
    samples: int
    lines: int
    rows: int
    columns: int

    def to_upright(self, sample: float, line: float) -> tuple[float, float]:
        """Map (sample, line) of the acquired plane to (row, column) of the upright grid."""
        radius = self.radius_mm - sample * self.sample_mm
        angle = (line - (self.lines - 1) / 2) * self.line_mm / self.radius_mm
        return (
            (self.radius_mm - radius * math.cos(angle)) / self.sample_mm,
            radius * math.sin(angle) / self.line_mm + (self.columns - 1) / 2,
        )

    def to_acquired(self, row: float, column: float) -> tuple[float, float]:
        """Map (row, column) of the upright grid to (sample, line) of the acquired plane."""
        across = (column - (self.columns - 1) / 2) * self.line_mm
        down = self.radius_mm - row * self.sample_mm
        sample = (self.radius_mm - math.hypot(across, down)) / self.sample_mm
        return sample, math.atan2(across, down) * self.radius_mm / self.line_mm + (self.lines - 1) / 2

    def skin_row(self, column: float) -> float:
        """Return the row of the probe's surface (the skin) in a column, beyond the fan's edge the row of its corner."""
        across = (column - (self.columns - 1) / 2) * self.line_mm
        edge = self.radius_mm * math.sin(self._half_angle)
        across = min(max(across, -edge), edge)
        return (self.radius_mm - math.sqrt(self.radius_mm**2 - across**2)) / self.sample_mm

    def to_json(self) -> dict[str, float]:
        """Return the numbers by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Fan:
        """Return the fan that `to_json` described."""
        whole = {k: int(record[k]) for k in ("samples", "lines", "rows", "columns")}
        return cls(float(record["radius_mm"]), float(record["sample_mm"]), float(record["line_mm"]), **whole)

    @property
    def _half_angle(self) -> float:
        return (self.lines - 1) / 2 * self.line_mm / self.radius_mm


def fan_of(probe: Mapping[str, float] | None, spacing_mm: tuple[float, float, float], shape: tuple[int, ...]) -> Fan | None:
    """Return the fan of a volume (slice, row, column), or None where its header states no curved probe on a straight track.

    Parameters
    ----------
    probe : mapping or None
        From `abvs.probe_geometry`.
    spacing_mm, shape : tuple
        Along (slice, row, column) as acquired: row along the scan lines, column across them.
    """
    radius = float((probe or {}).get("radius_mm", 0.0))
    if not _RADII_MM[0] <= radius <= _RADII_MM[1] or (probe or {}).get("track_radius_mm", 0.0) != 0.0:
        return None
    _, sample, line = spacing_mm
    _, samples, lines = shape
    half = (lines - 1) / 2 * line / radius
    deepest = radius - (samples - 1) * sample
    if half >= math.pi / 3 or deepest <= radius / 4:
        return None  # no breast scanner is curved so strongly: the radius is in other units or belongs to another probe
    height = radius - deepest * math.cos(half)
    rows, columns = math.ceil(height / sample) + 1, 2 * math.ceil(radius * math.sin(half) / line) + 1
    return Fan(radius, sample, line, samples, lines, rows, columns)


def convert(
    array: NDArray[Any], fan: Fan, target: Path, padding: tuple[int, int] | None, name: str
) -> tuple[NDArray[Any], tuple[int, int]]:
    """Draw every plane upright, one after the other into a file, so that memory stays that of one plane.

    Parameters
    ----------
    array : ndarray of uint8 or uint16, shape (slices, samples, lines)
        As acquired.
    target : Path
        A ``.npy`` file to be written.
    padding : tuple of int or None
        Stored values that are no image. Without one, 0 becomes it and image values of 0 become 1.
    name : str
        For the message.

    Returns
    -------
    array : ndarray, shape (slices, rows, columns)
        Read-only map of the file; linear between samples.
    padding : tuple of int
        The values outside the fan lie in it.

    Raises
    ------
    ImageError
        If the upright volume would be larger than a volume may be.
    """
    import cv2

    shape = (array.shape[0], fan.rows, fan.columns)
    if math.prod(shape) * array.dtype.itemsize > limits.PIXEL_BYTES:
        raise ImageError(f"{name}: is too large to be drawn in its true shape; import it with --as-acquired")
    line, sample, outside = _lookup(fan)
    nothing = padding[0] if padding is not None else 0
    result = np.lib.format.open_memmap(target, mode="w+", dtype=array.dtype, shape=shape)
    for index in range(shape[0]):
        plane = cv2.remap(np.ascontiguousarray(array[index]), line, sample, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if padding is None:
            np.maximum(plane, 1, out=plane)
        plane[outside] = nothing
        result[index] = plane
    result.flush()
    del result
    return np.load(target, mmap_mode="r", allow_pickle=False), padding if padding is not None else (0, 0)


def convert_map(values: NDArray[np.float32], fan: Fan) -> NDArray[np.float32]:
    """Draw a map made on the acquired planes, (slices, samples, lines), upright; 0 outside the fan."""
    import cv2

    line, sample, outside = _lookup(fan)
    result = np.empty((values.shape[0], fan.rows, fan.columns), np.float32)
    for index in range(values.shape[0]):
        plane = np.ascontiguousarray(values[index], np.float32)
        result[index] = cv2.remap(plane, line, sample, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    result[:, outside] = 0
    return result


def _lookup(fan: Fan) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return for every pixel of the upright grid its line and sample, and whether it lies outside the fan."""
    across = ((np.arange(fan.columns) - (fan.columns - 1) / 2) * fan.line_mm)[None, :]
    down = (fan.radius_mm - np.arange(fan.rows) * fan.sample_mm)[:, None]
    sample = ((fan.radius_mm - np.hypot(across, down)) / fan.sample_mm).astype(np.float32)
    line = (np.arctan2(across, down) * (fan.radius_mm / fan.line_mm) + (fan.lines - 1) / 2).astype(np.float32)
    outside = (sample < -0.5) | (sample > fan.samples - 0.5) | (line < -0.5) | (line > fan.lines - 0.5)
    return line, sample, outside
