"""The place the reader looks at in a volume, shared by its three planes; and where it lies in the breast. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from reader_app.imaging import geometry
from reader_app.ui.language import tr
from reader_app.ui.viewer.camera import Pair
from reader_app.ui.viewer.slabs import Slabs

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Plane:
    """One of the three planes: the axis that stands still, and the axes painted downwards and across."""

    name: str
    axis: int
    down: int
    across: int

    def flat(self, index: Triple) -> Pair:
        """Return a volume index as (row, column) of this plane."""
        return index[self.down], index[self.across]

    def solid(self, at: Pair, through: Triple) -> Triple:
        """Return the volume index of a place in this plane, the plane lying through ``through``."""
        result = list(through)
        result[self.down], result[self.across] = at
        return result[0], result[1], result[2]

    def pixel(self, spacing_mm: Sequence[float]) -> Pair:
        """Return the extent of a plane pixel (downwards, across) in mm."""
        return spacing_mm[self.down], spacing_mm[self.across]

    def cut(self, image: Any, at: int, half: int = 0, mode: str = "mean", slabs: Slabs | None = None) -> np.ndarray:
        """Return the plane's pixels (downwards, across), or a slab of ``2 * half + 1`` planes.

        Parameters
        ----------
        image : CaseImage
            A volume; its copy in order (column, slice, row) serves sagittal planes where there is one.
        mode : str
            "min", "mean" or "max" over the slab.
        slabs : Slabs, optional
            What is kept from one slab for the next.
        """
        from_columns = self.axis == 2 and image.column_major is not None
        array = np.asarray(image.column_major if from_columns else image.array)  # no memory map: its views cost more
        if not from_columns and self.axis:
            array = array.transpose((1, 0, 2) if self.axis == 1 else (2, 0, 1))
        low, high = max(0, at - half), min(len(array) - 1, at + half)
        plane = np.ascontiguousarray(array[at]) if low == high else (slabs or Slabs()).of(array, low, high, mode)
        return cv2.transpose(plane) if self.axis == 2 else plane


CORONAL = Plane("coronal", 1, 0, 2)
TRANSVERSE = Plane("transverse", 0, 1, 2)
SAGITTAL = Plane("sagittal", 2, 1, 0)
PLANES = (CORONAL, TRANSVERSE, SAGITTAL)


def clipped(index: Sequence[float], shape: Sequence[int]) -> Triple:
    """Return the nearest index inside a volume."""
    a, b, c = (min(max(float(v), 0.0), n - 1.0) for v, n in zip(index, shape, strict=True))
    return a, b, c


def nearest(index: Triple) -> tuple[int, int, int]:
    """Return the voxel an index lies in."""
    a, b, c = (math.floor(v + 0.5) for v in index)
    return a, b, c


def patient_offset(image: Any, index: Triple) -> tuple[float, float] | None:
    """Return (to the patient's left, to the head) in mm from the nipple, or None without a nipple or a scale."""
    if image.nipple_index is None or image.spacing_mm is None:
        return None
    if image.affine is not None:
        x, _, z = geometry.to_mm(image.affine, index) - geometry.to_mm(image.affine, image.nipple_index)
        return float(x), float(z)
    s, _, c = (i - n for i, n in zip(index, image.nipple_index, strict=True))
    return c * image.spacing_mm[2], -s * image.spacing_mm[0]


def depth_mm(image: Any, index: Triple) -> float | None:
    """Return the depth below the skin line (row 0, or the arch of a curved probe) in mm, or None without a scale."""
    depth: float | None = image.depth_mm(index)
    return depth


def position_words(image: Any, index: Triple) -> str:
    """Return where a place lies, as a report says it: side, clock, distance from the nipple, depth from the skin."""
    words = [image.laterality] if image.laterality else []
    offset = patient_offset(image, index)
    if offset is not None:
        distance = geometry.nipple_distance_mm(offset)
        if distance < 2.0:
            words.append(tr("at the nipple"))
        else:
            words.append(tr("{hour} o'clock", hour=geometry.clock_position(offset)))
            words.append(tr("{distance} mm from nipple", distance=f"{distance:.0f}"))
    depth = depth_mm(image, index)
    if depth is not None:
        words.append(tr("depth {depth} mm from skin", depth=f"{depth:.0f}"))
    return " · ".join(words)


def same_place(source: Any, index: Triple, target: Any) -> Triple | None:
    """Return the index in another scan of the same breast at the same offset from the nipple and depth, or None.

    Scans of one breast (AP, LAT, MED) share no frame of reference; the nipple is what they have in common.
    """
    if source.laterality != target.laterality:
        return None
    offset, depth = patient_offset(source, index), depth_mm(source, index)
    if offset is None or depth is None or target.nipple_index is None or target.spacing_mm is None:
        return None
    ns, _, nc = target.nipple_index
    if target.affine is not None:
        # Solve within the coronal plane: the two array axes that lie in it carry the offset.
        matrix = np.array([[target.affine[0, 0], target.affine[0, 2]], [target.affine[2, 0], target.affine[2, 2]]])
        if abs(np.linalg.det(matrix)) < 1e-9:
            return None
        ds, dc = np.linalg.solve(matrix, np.array(offset))
    else:
        ds, dc = -offset[1] / target.spacing_mm[0], offset[0] / target.spacing_mm[2]
    row = target.row_at_depth(depth, nc + float(dc))
    return clipped((ns + float(ds), row, nc + float(dc)), target.array.shape)


def plane_words(name: str) -> str:
    """Return a plane's name as written on its pane."""
    return {"coronal": tr("CORONAL"), "transverse": tr("TRANSVERSE"), "sagittal": tr("SAGITTAL")}[name]


def slab_words(mode: str) -> str:
    """Return what a slab shows of its planes."""
    return {"min": tr("minimum"), "mean": tr("mean"), "max": tr("maximum")}[mode]


def scan_words(image: Any) -> str:
    """Return a scan's name as on its tab: "L LAT"."""
    return f"{image.laterality} {image.view}".strip() or str(image.id)
