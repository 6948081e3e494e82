"""Geometry of liu2025: volumes to slices of three planes, marked voxels to boxes, boxes to crops, plane maps back to the volume.

Volume index = (slice, row, column), voxel centres at integers. Box edges follow :class:`reader_app.imaging.overlay.Box`: voxel i
covers i to i + 1. Every step between the two grids is one scale and one offset an axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import nn

from reader_app.networks.backbones import CellGeometry
from reader_app.networks.preprocess import ultrasound_grey

Float = NDArray[np.float32]
Triple = tuple[float, float, float]

#: The axis across each plane and the two axes (rows, columns) of its pictures: depth runs down, head to feet runs down (coronal).
NORMAL: Mapping[str, int] = {"transverse": 0, "sagittal": 2, "coronal": 1}
AXES: Mapping[str, tuple[int, int]] = {"transverse": (1, 2), "sagittal": (1, 0), "coronal": (0, 2)}

#: Side of a lesion's crops by the longest side of its box, and the least side in millimetres.
CONTEXT, LEAST_SIDE_MM = 1.6, 16.0

#: Distance of a lesion's frames and cells of the heat volume.
FRAME_MM, CELL_MM = 1.2, 2.0

#: Deviation, in cubes, of the average over neighbouring cubes.
SETTLE = 0.5

#: Most frames of one lesion.
MOST_FRAMES = 40


@dataclass(frozen=True, slots=True)
class Found:
    """A lesion found in a volume.

    Attributes
    ----------
    start, stop : tuple of float
        Its box in image index edges (slice, row, column).
    weight : float
        Sum of the U-Nets' mean probability over its voxels, in cubic millimetres; larger is surer.
    """

    start: Triple
    stop: Triple
    weight: float


@dataclass(frozen=True, slots=True)
class Crop:
    """Where a crop was taken: pixel p of its axis a lies at image index ``origin[a] + (p + 0.5) * size[a] / window - 0.5``.

    Attributes
    ----------
    plane : str
        One of the three.
    index : int
        Slice across the plane's normal.
    origin, size : tuple of int
        First voxel and number of voxels along the plane's rows and columns; may reach beyond the volume.
    window : int
        Pixels a side.
    """

    plane: str
    index: int
    origin: tuple[int, int]
    size: tuple[int, int]
    window: int


def _resized(pixels: Float, rows: int, columns: int) -> Float:
    """Resize by area means where an axis shrinks, else linearly."""
    for size, shrinks in (((pixels.shape[1], rows), rows < pixels.shape[0]), ((columns, rows), columns < pixels.shape[1])):
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.float32)
    return pixels


def resample(volume: NDArray[Any], spacing: Sequence[float], mm: float) -> tuple[Float, Triple]:
    """Return a volume of standardised grey values on cubes of about ``mm``, and image voxels per cube along each axis.

    Cube i of an axis covers image edges ``i * factor`` to ``(i + 1) * factor``.
    """
    count = [max(4, round(n * d / mm)) for n, d in zip(volume.shape, spacing, strict=True)]
    flat = np.stack([_resized(np.asarray(piece, np.float32), count[1], count[2]) for piece in volume])
    grid = np.empty(count, np.float32)
    for row in range(count[1]):
        grid[:, row] = _resized(np.ascontiguousarray(flat[:, row]), count[0], count[2])
    factor = [n / m for n, m in zip(volume.shape, count, strict=True)]
    return ultrasound_grey(grid), (factor[0], factor[1], factor[2])


def slices(grid: NDArray[Any], plane: str) -> NDArray[Any]:
    """Return a view of a volume as the pictures of a plane, (slices, rows, columns)."""
    return grid.transpose(NORMAL[plane], *AXES[plane])


def neighbours(pictures: NDArray[Any], rows: NDArray[Any], beside: int) -> NDArray[Any]:
    """Return slices, each in the middle of ``beside`` neighbours on either side, (n, 2 * beside + 1, rows, columns).

    At its ends a scan's last slice is repeated.
    """
    near = rows[:, None] + np.arange(-beside, beside + 1)
    return np.ascontiguousarray(pictures[np.clip(near, 0, len(pictures) - 1)])


@torch.no_grad()
def probability(
    finders: Mapping[str, nn.Module], grid: Float, multiple: int, where: torch.device, beside: int = 0, batch: int = 16
) -> tuple[Float, int]:
    """Return the mean probability of lesion of the planes' U-Nets over a volume, and how many slices were judged.

    Every slice of every plane is judged, in batches; sides are padded with 0 (mean tissue) to a multiple.
    """
    total = np.zeros(grid.shape, np.float32)
    judged = 0
    for plane, finder in finders.items():
        finder.eval()
        pictures, out = slices(grid, plane), slices(total, plane)
        count, rows, columns = pictures.shape
        pad = (0, -columns % multiple, 0, -rows % multiple)
        for first in range(0, count, batch):
            rows_now = np.arange(first, min(first + batch, count))
            x = torch.from_numpy(neighbours(pictures, rows_now, beside)).to(where)
            x = functional.pad(x, pad).to(memory_format=torch.channels_last)
            marked = torch.sigmoid(finder(x).float())[:, 0, :rows, :columns].cpu().numpy()
            out[first : first + batch] += marked / len(finders)
        judged += count
    return total, judged


def settled(chance: Float) -> Float:
    """Return the U-Nets' mean probability averaged over neighbouring cubes (Gaussian, :data:`SETTLE` cubes), before it is cut.

    Slices are judged with few neighbours, so that single ones stand out. On 30 calibration phantoms the Dice overlap was 0.873
    without, 0.875 with 0.5 cubes, 0.868 with 1 cube, which takes small lesions' edges away.
    """
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(chance, SETTLE), np.float32)


def components(chance: Float, factor: Triple, mm: float, threshold: float, least_mm3: float, most: int) -> list[Found]:
    """Return the connected regions (26 neighbours) above a threshold as boxes, heaviest first.

    Parameters
    ----------
    chance : float32 array, (slice, row, column)
        Mean probability on cubes.
    factor, mm : tuple of float and float
        Image voxels per cube, and the side of a cube.
    threshold, least_mm3, most : float, float, int
        What counts as marked, the smallest region, and how many are kept at most.
    """
    from scipy import ndimage

    labels, _ = ndimage.label(chance >= threshold, np.ones((3, 3, 3), np.uint8))
    found = []
    for number, part in enumerate(ndimage.find_objects(labels), 1):
        own = labels[part] == number
        if own.sum() * mm**3 < least_mm3:
            continue
        start = tuple(s.start * f for s, f in zip(part, factor, strict=True))
        stop = tuple(min(s.stop * f, round(n * f)) for s, f, n in zip(part, factor, chance.shape, strict=True))
        found.append(Found((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]), float(chance[part][own].sum() * mm**3)))
    return sorted(found, key=lambda f: -f.weight)[:most]


def frames(
    start: Sequence[float],
    stop: Sequence[float],
    spacing: Sequence[float],
    shape: Sequence[int],
    window: int,
    count: int | None = None,
) -> list[dict[str, Crop]]:
    """Return the crops of a lesion's frames, one dictionary (plane -> crop) a frame.

    Parameters
    ----------
    start, stop : sequence of float
        Box edges in the volume.
    spacing, shape : sequence
        Of the volume.
    window : int
        Pixels a side of a crop.
    count : int, optional
        Number of frames; by default so many that frames lie at most 1.2 mm apart along the longest side of the box.
    """
    extent = [(b - a) * d for a, b, d in zip(start, stop, spacing, strict=True)]
    side = max(LEAST_SIDE_MM, CONTEXT * max(extent))
    number = count or int(np.clip(np.ceil(max(extent) / FRAME_MM), 3, MOST_FRAMES))
    size = [max(4, round(side / d)) for d in spacing]
    origin = [round((a + b) / 2 - n / 2) for a, b, n in zip(start, stop, size, strict=True)]
    out = []
    for k in range(number):
        place = [a + (b - a) * (k + 0.5) / number for a, b in zip(start, stop, strict=True)]
        index = [int(np.clip(np.floor(p), 0, n - 1)) for p, n in zip(place, shape, strict=True)]
        out.append(
            {
                plane: Crop(plane, index[NORMAL[plane]], (origin[a], origin[b]), (size[a], size[b]), window)
                for plane, (a, b) in AXES.items()
            }
        )
    return out


def cut(volume: NDArray[Any], crop: Crop) -> NDArray[np.uint8]:
    """Return the pixels of a crop, (window, window); beyond the volume its edge is repeated."""
    picture = slices(volume, crop.plane)[crop.index]
    part = [np.clip(np.arange(o, o + n), 0, m - 1) for o, n, m in zip(crop.origin, crop.size, picture.shape, strict=True)]
    pixels = np.asarray(picture[part[0][:, None], part[1][None]], np.float32)
    return np.asarray(np.clip(np.rint(_resized(pixels, crop.window, crop.window)), 0, 255), np.uint8)


class HeatVolume:
    """Collects maps of plane crops in coarse accumulators over a volume, one for each plane.

    Parameters
    ----------
    shape, spacing : sequence
        Of the volume.
    cell_mm : float
        Side of a cell; cell g of axis a is centred at image index ``offset[a] + scale[a] * g``.
    """

    def __init__(self, shape: Sequence[int], spacing: Sequence[float], cell_mm: float = CELL_MM) -> None:
        self.scale = tuple(max(1.0, cell_mm / d) for d in spacing)
        self.offset = tuple(0.5 * k - 0.5 for k in self.scale)
        self.cells = tuple(max(1, int(np.ceil(n / k))) for n, k in zip(shape, self.scale, strict=True))
        self._shape = tuple(shape)
        self._sum: dict[str, Float] = {}
        self._seen: dict[str, Float] = {}

    def add(self, crop: Crop, evidence: Float, cells: CellGeometry) -> None:
        """Add a map of a crop, (rows, columns), whose cell i is centred at crop pixel ``offset + stride * i``.

        The map is sampled linearly between the true centres of its cells, finer than the cells of the volume, and every sample is
        shared between the cells beside it, so that a peak between two cells stays there.
        """
        total = self._sum.setdefault(crop.plane, np.zeros(self.cells, np.float32))
        seen = self._seen.setdefault(crop.plane, np.zeros(self.cells, np.float32))
        axes, normal = AXES[crop.plane], NORMAL[crop.plane]
        at_cell, share = [], []
        for size, origin, count, axis in zip(crop.size, crop.origin, evidence.shape, axes, strict=True):
            fine = max(4 * count, int(np.ceil(4 * size / self.scale[axis])))
            pixel = (np.arange(fine) + 0.5) / fine * crop.window - 0.5
            at_cell.append(np.clip((pixel - cells.offset) / cells.stride, 0, count - 1).astype(np.float32))
            share.append(self._shares(axis, origin + (pixel + 0.5) * size / crop.window - 0.5))
        columns, rows = np.meshgrid(at_cell[1], at_cell[0])
        values = cv2.remap(np.ascontiguousarray(evidence, np.float32), columns, rows, cv2.INTER_LINEAR)
        plane = share[0] @ values @ share[1].T
        weight = share[0].sum(1)[:, None] * share[1].sum(1)[None]
        across = self._shares(normal, np.array([crop.index], float))[:, 0]
        for cell in np.flatnonzero(across):
            np.moveaxis(total, normal, 0)[cell] += across[cell] * (plane if axes == tuple(sorted(axes)) else plane.T)
            np.moveaxis(seen, normal, 0)[cell] += across[cell] * (weight if axes == tuple(sorted(axes)) else weight.T)

    def _shares(self, axis: int, index: NDArray[Any]) -> Float:
        """Return how samples at image indices fall to the cells of an axis, (cells, samples); linear, 0 beyond the volume."""
        at = (index - self.offset[axis]) / self.scale[axis]
        near = np.clip(1 - np.abs(np.arange(self.cells[axis])[:, None] - at[None]), 0, 1)
        inside = (index >= -0.5) & (index < self._shape[axis] - 0.5)
        return np.asarray(near * inside, np.float32)

    def means(self) -> Iterator[tuple[Float, NDArray[np.bool_]]]:
        """Yield each plane's mean map and where it saw anything."""
        for plane, total in self._sum.items():
            seen = self._seen[plane]
            yield np.asarray(total / np.maximum(seen, 1e-6), np.float32), seen > 1e-3

    def fused(self) -> Float:
        """Return the geometric mean of the planes' positive maps where all planes saw, 0 elsewhere."""
        logs, everywhere = np.zeros(self.cells, np.float32), np.ones(self.cells, np.bool_)
        for mean, seen in self.means():
            logs += np.log(np.maximum(mean, 0) + 1e-4)
            everywhere &= seen
        if not self._sum:
            return np.zeros(self.cells, np.float32)
        return np.asarray(np.where(everywhere, np.maximum(np.exp(logs / len(self._sum)) - 1e-4, 0), 0), np.float32)
