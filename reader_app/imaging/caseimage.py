"""What a case consists of in memory: images to be stored, images as opened, and the rules both must keep."""

from __future__ import annotations

import itertools
import math
import mmap
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging.scanconvert import Fan
from reader_app.imaging.window import FUNCTIONS, GreyScale

MODALITIES: tuple[str, ...] = ("mammography", "abvs", "ultrasound")
KINDS: tuple[str, ...] = ("image", "volume", "cine")
DTYPES: tuple[str, ...] = ("uint8", "uint16", "int16")
CHUNK = 1 << 20
_MADV_POPULATE_READ = 22  # of Linux; Python has no name for it yet

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


def safe_name(name: str) -> bool:
    """Return whether a case id, image id or file name can be a file name on every system (and never leaves its folder)."""
    return bool(_SAFE.fullmatch(name)) and not name.endswith(".") and not _RESERVED.fullmatch(name)


@dataclass(frozen=True)
class Region:
    """A part of an ultrasound frame with its own meaning and scale.

    Attributes
    ----------
    start, stop : tuple of int
        (row, column) of the first pixel and the exclusive edge.
    kind : str
        "tissue", "colour" or "other".
    spacing_mm : tuple of float or None
        Distance between rows and between columns inside the region.
    """

    start: tuple[int, int]
    stop: tuple[int, int]
    kind: str = "tissue"
    spacing_mm: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class NewImage:
    """One image, volume or cine to be stored, already hung.

    Attributes
    ----------
    id : str
        "RCC", "LMLO", "L_AP", "US1" ...; unique within the case.
    array : ndarray of uint8, uint16 or int16
        Image (rows, columns), volume (slices, rows, columns), cine (frames, rows, columns); colour images and cines have
        a last axis of 3 (red, green, blue).
    kind : str
        "image", "volume" or "cine".
    laterality, view, role : str
        "R", "L" or ""; "CC", "MLO", "AP", "LAT", "US", "DOPPLER" ...; "current" or "prior".
    grid : bool
        False for an extra view that is offered in the strip only.
    spacing_mm : tuple of float or None
        Per array axis (a cine's first axis has 0.0 when unknown); None when the image has no scale in mm.
    spacing_source : str
        Where the spacing comes from, in words for the reader ("detector", "corrected for magnification 1.8" ...).
    affine : ndarray (4, 4) or None
        (slice, row, column, 1) -> LPS mm, volumes only.
    grey : GreyScale or None
        None for colour.
    nipple_index : tuple of float or None
        (slice, row, column).
    chest_wall : str or None
        "left" or "right": the edge at which the chest wall lies.
    padding : tuple of int or None
        Stored values (inclusive) that are no image.
    title : str
        What distinguishes an extra view, in words ("spot compression").
    exam_days : int or None
        Days from the current exam (0) to this one, negative for priors; None when unknown. Never a date.
    frame_time_ms : float or None
        Of a cine.
    regions : tuple of Region
        Ultrasound regions.
    probe : mapping or None
        Geometry of a curved ABUS probe: "radius_mm", "track_radius_mm", "line_density", "depth_cm".
    source_axes : tuple of int
        For each array axis the axis of the file's own array (frame, row, column; counted from 1), negative when reversed.
        Empty when the array was never in a file. See `to_source` and `from_source`.
    fan : Fan or None
        Of a volume drawn upright from the scan lines of a curved probe; `to_source` and `from_source` then lead to the lines.
    """

    id: str
    array: NDArray[Any]
    kind: str = "image"
    laterality: str = ""
    view: str = ""
    role: str = "current"
    grid: bool = True
    spacing_mm: tuple[float, ...] | None = None
    spacing_source: str = ""
    affine: NDArray[np.float64] | None = None
    grey: GreyScale | None = None
    nipple_index: tuple[float, float, float] | None = None
    chest_wall: str | None = None
    padding: tuple[int, int] | None = None
    title: str = ""
    exam_days: int | None = None
    frame_time_ms: float | None = None
    regions: tuple[Region, ...] = ()
    probe: Mapping[str, float] | None = None
    source_axes: tuple[int, ...] = ()
    fan: Fan | None = None

    @property
    def is_resampled(self) -> bool:
        """Whether the pixels are not the file's own in another order, but drawn anew from them."""
        return self.fan is not None

    def from_source(self, index: Sequence[float]) -> tuple[float, ...]:
        """Map an index of the file's array to this (hung, reordered, upright) array, e.g. for marks made elsewhere."""
        if not self.source_axes:
            return tuple(index)
        extent = self._acquired_shape()
        own = tuple(index[axis - 1] if axis > 0 else extent[i] - 1 - index[-axis - 1] for i, axis in enumerate(self.source_axes))
        return own if self.fan is None else (own[0], *self.fan.to_upright(own[1], own[2]))

    def to_source(self, index: Sequence[float]) -> tuple[float, ...]:
        """Map an index of this array to the file's array."""
        if not self.source_axes:
            return tuple(index)
        own = tuple(index) if self.fan is None else (index[0], *self.fan.to_acquired(index[1], index[2]))
        extent = self._acquired_shape()
        result = [0.0] * len(self.source_axes)
        for i, axis in enumerate(self.source_axes):
            result[abs(axis) - 1] = own[i] if axis > 0 else extent[i] - 1 - own[i]
        return tuple(result)

    def box_from_source(self, start: Sequence[float], stop: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Map a box of the file's array (``stop`` exclusive) to the smallest box of this array that holds it."""
        last = [v - 1 for v in stop]
        places = [self.from_source(corner) for corner in itertools.product(*zip(start, last, strict=True))]
        if self.fan is not None:  # the line nearest the middle bulges beyond the corners
            axis = abs(self.source_axes[2]) - 1
            middle = min(max((self.fan.lines - 1) / 2, start[axis]), last[axis])
            for corner in itertools.product(*zip(start, last, strict=True)):
                places.append(self.from_source([middle if i == axis else v for i, v in enumerate(corner)]))
        low, high = (tuple(f(p[i] for p in places) for i in range(len(places[0]))) for f in (min, max))
        return low, tuple(v + 1 for v in high)

    def skin_row(self, column: float) -> float:
        """Return the row at which the skin lies in a column of a volume: -0.5, the upper edge, or on the probe's arch."""
        return -0.5 if self.fan is None else self.fan.skin_row(column) - 0.5

    def depth_mm(self, index: Sequence[float]) -> float | None:
        """Return how deep a place (slice, row, column) of a volume lies along its scan line, mm; None without a scale."""
        if self.spacing_mm is None:
            return None
        row = index[1] if self.fan is None else self.fan.to_acquired(index[1], index[2])[0]
        return (row + 0.5) * self.spacing_mm[1]

    def row_at_depth(self, depth_mm: float, column: float) -> float:
        """Return the row of a volume with spacing that lies at a depth in a column; the inverse of `depth_mm`."""
        assert self.spacing_mm is not None
        sample = depth_mm / self.spacing_mm[1] - 0.5
        if self.fan is None:
            return sample
        radius = self.fan.radius_mm - sample * self.fan.sample_mm
        across = (column - (self.fan.columns - 1) / 2) * self.fan.line_mm
        return (self.fan.radius_mm - math.sqrt(max(radius**2 - across**2, 0.0))) / self.fan.sample_mm

    def _acquired_shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.array.shape
        return shape if self.fan is None else (shape[0], self.fan.samples, self.fan.lines)


@dataclass(frozen=True, eq=False)
class CaseImage(NewImage):
    """One image of an open case. ``array``, ``pyramid`` and ``column_major`` are read-only memory maps.

    Attributes
    ----------
    pyramid : tuple of ndarray
        Halved copies (2 x 2 area means): pixel i of level k covers full-resolution pixels ``i * 2**k`` to
        ``(i + 1) * 2**k - 1``. Empty for volumes and cines.
    column_major : ndarray or None
        The volume again with axes (column, slice, row), so that sagittal planes are contiguous.
    channels : int
        1 or 3.
    skin : ndarray or None
        Of a volume with air: the row at which tissue begins, for blocks of columns; see `air.find_skin`.
    files : tuple of str
        Names of the array files inside the container, in the order of `arrays`.
    """

    pyramid: tuple[NDArray[Any], ...] = ()
    column_major: NDArray[Any] | None = None
    channels: int = 1
    skin: NDArray[np.uint16] | None = None
    files: tuple[str, ...] = ()

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return every array of this image."""
        extra = () if self.column_major is None else (self.column_major,)
        return (self.array, *self.pyramid, *extra)


@dataclass(frozen=True, eq=False)
class OpenCase:
    """A case opened for display. Cheap to make: JSON and memory maps, nothing verified and no pixel read.

    Attributes
    ----------
    manifest : mapping
        File name -> {"sha256", "bytes"}, as written at import; for checking the files while they are brought into memory.
    fingerprint : str
        Identity of the pixels as the manifest states it.
    """

    directory: Path
    case_id: str
    modality: str
    images: tuple[CaseImage, ...]
    fingerprint: str
    source: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def image(self, image_id: str) -> CaseImage:
        """Return one image by its id; KeyError when there is none."""
        for image in self.images:
            if image.id == image_id:
                return image
        raise KeyError(image_id)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays together."""
        return sum(int(a.nbytes) for image in self.images for a in image.arrays())

    def touch(self, cancelled: Callable[[], bool] | None = None) -> int:
        """Bring every page into memory in pieces of at most 1 MB and return the bytes touched.

        The file is read first (the interpreter lock is free meanwhile), then the pages are mapped, so that no page fault is
        left for the first paint. ``cancelled`` is asked before each piece.
        """
        done = 0
        buffer = memoryview(bytearray(CHUNK))
        for image in self.images:
            for array in image.arrays():
                name = getattr(array, "filename", None)
                if name is not None:
                    with open(name, "rb", buffering=0) as stream:
                        while stream.readinto(buffer):
                            if cancelled is not None and cancelled():
                                return done
                for count in mapped_in(array):
                    done += count
                    if cancelled is not None and cancelled():
                        return done
        return done


def mapped_in(array: NDArray[Any]) -> Iterator[int]:
    """Map the pages of an array, in pieces of at most 1 MB; yield the bytes of each.

    Where the system can (Linux 5.14), one call a piece does it; else each page is looked at.
    """
    flat = array.reshape(-1).view(np.uint8)
    pages = getattr(array, "_mmap", None)
    if pages is not None and sys.platform == "linux":
        try:
            for start in range(0, len(pages), CHUNK):
                pages.madvise(_MADV_POPULATE_READ, start, min(CHUNK, len(pages) - start))
                yield max(0, min(CHUNK, flat.size - start))
            return
        except OSError:  # an older kernel
            pass
    for start in range(0, flat.size, CHUNK):
        flat[start : start + CHUNK : mmap.PAGESIZE].max()
        yield min(CHUNK, flat.size - start)


def check(case_id: str, modality: str, images: Sequence[NewImage]) -> None:
    """Raise ImageError, in one sentence, unless the images form a sound case."""

    def refuse(text: str) -> ImageError:
        return ImageError(f"case {case_id}: {text}")

    if not safe_name(case_id):
        raise ImageError(
            f"case id {case_id!r} must be 1 to 100 letters, digits, '.', '_' or '-', beginning with a letter or digit"
        )
    if modality not in MODALITIES:
        raise refuse(f"modality {modality!r} is not one of {', '.join(MODALITIES)}")
    if not images:
        raise refuse("there is no image in it")
    folded = [i.id.casefold() for i in images]
    for image in images:
        array, name = image.array, image.id
        if not safe_name(name) or folded.count(name.casefold()) > 1:
            raise refuse(f"image id {name!r} is not a plain name or occurs twice")
        if image.kind not in KINDS or array.dtype.name not in DTYPES:
            raise refuse(f"{name}: kind {image.kind!r} or pixel type {array.dtype} cannot be stored")
        flat = 2 if image.kind == "image" else 3
        colour = array.ndim == flat + 1 and array.shape[-1] == 3 and image.kind != "volume"
        if not (array.ndim == flat or colour) or min(array.shape) < 1:
            raise refuse(f"{name}: an array of shape {tuple(array.shape)} is no {image.kind}")
        if (image.grey is None) != colour or (colour and array.dtype != np.uint8):
            raise refuse(f"{name}: grey images need a grey-scale, colour images have none and are 8-bit")
        if image.spacing_mm is not None and (
            len(image.spacing_mm) != flat or not all(np.isfinite(image.spacing_mm)) or min(image.spacing_mm[-2:]) <= 0
        ):
            raise refuse(f"{name}: spacing {image.spacing_mm} does not fit {flat} axes")
        if image.laterality not in ("R", "L", "") or image.role not in ("current", "prior"):
            raise refuse(f"{name}: laterality {image.laterality!r} or role {image.role!r} is unknown")
        if image.chest_wall not in (None, "left", "right"):
            raise refuse(f"{name}: chest wall {image.chest_wall!r} is unknown")
        wanted = {"R": "right", "L": "left"}.get(image.laterality)
        if modality == "mammography" and image.chest_wall and wanted and image.chest_wall != wanted:
            raise refuse(f"{name}: the chest wall of this breast must lie at the {wanted} edge")
        if image.affine is not None and (image.affine.shape != (4, 4) or not np.isfinite(image.affine).all()):
            raise refuse(f"{name}: its affine is not a finite 4 x 4 matrix")
        if image.grey is not None and (not image.grey.presets or any(p.function not in FUNCTIONS for p in image.grey.presets)):
            raise refuse(f"{name}: its grey-scale has no preset or an unknown function")
