"""What liu2025 learns from: slices of three planes with lesion masks, and lesions' frames as crops of three planes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reader_app.errors import BundleError
from reader_app.imaging import phantoms
from reader_app.imaging.container import CaseImage, OpenCase
from reader_app.imaging.phantom_abvs import LesionMask
from reader_app.networks import liu2025_volume as geometry
from reader_app.networks.liu2025 import PLANES
from reader_app.networks.liu2025_predict import Working

#: Size of a training phantom: like the demo's, at a cost that is less.
SHAPE = (96, 128, 160)

#: Slices of a plane with and without lesion, and frames of a lesion, that one phantom gives.
WITH, WITHOUT, FRAMES = 4, 4, 6


@dataclass(frozen=True, eq=False)
class VolumeSamples:
    """Training material of many volumes of one size.

    Attributes
    ----------
    pictures : mapping of str to float16 array, (n, neighbours, rows, columns)
        Standardised slices of each plane, each in the middle of its neighbours.
    masks : mapping of str to uint8 array, (n, rows, columns)
        Where the lesion is.
    crops : uint8 array, (m, 3, window, window)
        Frames: the crops of the three planes.
    malignant : uint8 array, (m,)
        Label of each frame.
    case, frame_case : int64 arrays
        Number of the volume of each slice and of each frame.
    """

    pictures: Mapping[str, NDArray[np.float16]]
    masks: Mapping[str, NDArray[np.uint8]]
    crops: NDArray[np.uint8]
    malignant: NDArray[np.uint8]
    case: NDArray[np.int64]
    frame_case: NDArray[np.int64]

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors, for storing."""
        named: dict[str, NDArray[Any]] = {f"pictures.{p}": v for p, v in self.pictures.items()}
        named |= {f"masks.{p}": v for p, v in self.masks.items()}
        named |= {"crops": self.crops, "malignant": self.malignant, "case": self.case, "frame_case": self.frame_case}
        return {k: torch.from_numpy(v) for k, v in named.items()}

    @staticmethod
    def of_tensors(tensors: Mapping[str, Tensor]) -> VolumeSamples:
        """Return what :meth:`tensors` stored."""
        array = {k: v.numpy() for k, v in tensors.items()}
        return VolumeSamples(
            {p: array[f"pictures.{p}"] for p in PLANES},
            {p: array[f"masks.{p}"] for p in PLANES},
            array["crops"],
            array["malignant"],
            array["case"],
            array["frame_case"],
        )


def mask(shape: Sequence[int], factor: Sequence[float], start: Sequence[float], stop: Sequence[float]) -> NDArray[np.uint8]:
    """Return the ellipsoid that fills a box, on cubes: box edges in image index, ``factor`` image voxels per cube."""
    distance = np.zeros(tuple(shape), np.float32)
    for axis, (n, f, a, b) in enumerate(zip(shape, factor, start, stop, strict=True)):
        centre, half = (a + b) / 2, max((b - a) / 2, f / 2)
        place = ((np.arange(n) + 0.5) * f - centre) / half
        distance += (place**2).reshape([-1 if k == axis else 1 for k in range(3)]).astype(np.float32)
    return np.asarray(distance <= 1, np.uint8)


@dataclass(frozen=True, eq=False)
class Outlined:
    """A lesion of a volume.

    Attributes
    ----------
    start, stop : sequence of float
        Its box in image index edges (slice, row, column).
    mask : LesionMask or None
        Which voxels it is; without one the ellipsoid that fills the box stands for it.
    malignant : int
        1, 0, or -1 for unknown.
    """

    start: Sequence[float]
    stop: Sequence[float]
    mask: LesionMask | None = None
    malignant: int = -1

    def on_cubes(self, shape: Sequence[int], factor: Sequence[float]) -> NDArray[np.uint8]:
        """Return where the lesion fills at least half a cube, (slice, row, column) of the cubes."""
        if self.mask is None:
            return mask(shape, factor, self.start, self.stop)
        share = self.mask.mask.astype(np.float32)
        for axis, (n, f, first) in enumerate(zip(shape, factor, self.mask.origin, strict=True)):
            voxel, cube = first + np.arange(share.shape[axis]), np.arange(n)[:, None] * f
            part = np.clip(np.minimum(cube + f, voxel + 1) - np.maximum(cube, voxel), 0, None) / f
            share = np.moveaxis(np.tensordot(part.astype(np.float32), share, (1, axis)), 0, axis)
        return np.asarray(share >= 0.5, np.uint8)


def of_volume(
    rng: np.random.Generator,
    volume: NDArray[np.uint8],
    spacing: Sequence[float],
    lesions: Sequence[Outlined],
    working: Working,
) -> tuple[dict[str, tuple[NDArray[np.float16], NDArray[np.uint8]]], list[NDArray[np.uint8]]]:
    """Return a volume's slices with masks by plane, and the frames (n, 3, window, window) of each of its lesions.

    Parameters
    ----------
    rng : Generator
        Chooses slices, and moves and scales the boxes a little, as found boxes differ from true ones.
    volume, spacing : uint8 array and sequence
        The scan.
    lesions : sequence of Outlined
        Its lesions.
    working : Working
        Sizes.
    """
    grid, factor = geometry.resample(volume, spacing, working.mm)
    marked = np.zeros(grid.shape, np.uint8)
    for lesion in lesions:
        marked |= lesion.on_cubes(grid.shape, factor)
    out = {}
    for plane in PLANES:
        pictures, outlines = geometry.slices(grid, plane), geometry.slices(marked, plane)
        has = outlines.any((1, 2))
        with_lesion, without = np.flatnonzero(has), np.flatnonzero(~has)
        chosen = [rng.choice(w, n, replace=len(w) < n) for w, n in ((with_lesion, WITH), (without, WITHOUT)) if len(w)]
        rows = np.concatenate(chosen)
        seen = geometry.neighbours(pictures, rows, working.beside).astype(np.float16)
        out[plane] = (seen, np.ascontiguousarray(outlines[rows]))
    frames = []
    for lesion in lesions:
        extent = np.subtract(lesion.stop, lesion.start)
        middle = np.add(lesion.start, lesion.stop) / 2 + rng.uniform(-0.12, 0.12, 3) * extent
        half = extent / 2 * rng.uniform(0.75, 1.3)
        cut = geometry.frames(list(middle - half), list(middle + half), spacing, volume.shape, working.window, FRAMES)
        frames.append(np.stack([np.stack([geometry.cut(volume, frame[plane]) for plane in PLANES]) for frame in cut]))
    return out, frames


@dataclass(frozen=True, eq=False)
class Exam:
    """A case with its lesions.

    Attributes
    ----------
    case : OpenCase
        Its scans.
    lesions : mapping of str to tuple of Outlined
        Image id -> its lesions.
    truth : int
        1: malignant, 0: not, -1: unknown.
    """

    case: OpenCase
    lesions: Mapping[str, tuple[Outlined, ...]]
    truth: int


def phantom_exam(case: phantoms.PhantomCase) -> Exam:
    """Return a phantom as an exam."""
    lesions = {}
    for image in case.images:
        own = [lesion for lesion in case.lesions if lesion.image_id == image.id]
        masks = case.volume_masks[image.id]
        lesions[image.id] = tuple(Outlined(o.start, o.stop, m, int(o.malignant)) for o, m in zip(own, masks, strict=True))
    images = tuple(CaseImage(**vars(i)) for i in case.images)
    return Exam(OpenCase(Path(), f"{case.seed}", "abvs", images, f"{case.seed}"), lesions, int(case.truth))


def phantom_exams(seeds: Sequence[int]) -> Iterator[Exam]:
    """Yield phantom exams of the demo's kind, some with two scans."""
    for seed in seeds:
        yield phantom_exam(phantoms.demo_case("abvs", seed))


def training_phantoms(seeds: Sequence[int]) -> Iterator[Exam]:
    """Yield training phantoms: one scan, of a size that costs less."""
    for seed in seeds:
        yield phantom_exam(phantoms.abvs_volume(seed, shape=SHAPE))


def of_exams(
    exams: Iterable[Exam],
    keys: Sequence[int],
    working: Working,
    patients: Sequence[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> VolumeSamples:
    """Return the training material of exams; frames of lesions of unknown class are left out.

    Parameters
    ----------
    exams, keys : iterable and sequence of int
        Exams, and a number for each that chooses slices and moves boxes.
    working : Working
        Sizes.
    patients : sequence of int, optional
        Number of the patient of each exam, which splits keep together; by default each exam is one.
    progress : callable, optional
        Told (done, total).
    """
    pictures: dict[str, list[NDArray[np.float16]]] = {p: [] for p in PLANES}
    masks: dict[str, list[NDArray[np.uint8]]] = {p: [] for p in PLANES}
    crops: list[NDArray[np.uint8]] = []
    malignant: list[int] = []
    case: list[int] = []
    frame_case: list[int] = []
    for number, exam in enumerate(exams):
        patient = number if patients is None else patients[number]
        for image in exam.case.images:
            if image.kind != "volume" or image.spacing_mm is None:
                continue
            lesions = exam.lesions.get(image.id, ())
            rng = np.random.default_rng([keys[number], 37])
            found, frames = of_volume(rng, np.asarray(image.array), image.spacing_mm, lesions, working)
            for plane, (grey, outline) in found.items():
                pictures[plane].append(grey)
                masks[plane].append(outline)
            case += [patient] * len(found[PLANES[0]][0])
            for lesion, cut in zip(lesions, frames, strict=True):
                if lesion.malignant >= 0:
                    crops.append(cut)
                    malignant += [lesion.malignant] * len(cut)
                    frame_case += [patient] * len(cut)
        if progress is not None:
            progress(number + 1, len(keys))
    if not crops:
        raise BundleError("No lesion of the training volumes is known to be benign or malignant; fill the column malignant.")
    return VolumeSamples(
        {p: _joined(v) for p, v in pictures.items()},
        {p: _joined(v) for p, v in masks.items()},
        np.concatenate(crops),
        np.array(malignant, np.uint8),
        np.array(case, np.int64),
        np.array(frame_case, np.int64),
    )


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return stacks of pictures as one; smaller ones are filled up with 0 (mean tissue, no lesion)."""
    high, wide = (max(p.shape[axis] for p in parts) for axis in (-2, -1))
    none = ((0, 0),) * (parts[0].ndim - 2)
    filled = [np.pad(p, (*none, (0, high - p.shape[-2]), (0, wide - p.shape[-1]))) for p in parts]
    return np.concatenate(filled)
