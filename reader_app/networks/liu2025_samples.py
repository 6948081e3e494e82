"""What liu2025 learns from: slices of three planes with lesion masks, and lesions' frames as crops of three planes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from reader_app.imaging import phantoms
from reader_app.imaging.phantom_abvs import LesionMask
from reader_app.networks import liu2025_volume as geometry
from reader_app.networks import preprocess, training
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
    pictures, masks : mapping of str to array, (n, rows, columns)
        Slices of each plane (float16, standardised) and where the lesion is (uint8).
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
    """

    start: Sequence[float]
    stop: Sequence[float]
    mask: LesionMask | None = None

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
) -> tuple[dict[str, tuple[NDArray[np.float16], NDArray[np.uint8]]], NDArray[np.uint8]]:
    """Return a volume's slices with masks by plane, and its lesions' frames (n, 3, window, window).

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
        out[plane] = (pictures[rows].astype(np.float16), np.ascontiguousarray(outlines[rows]))
    crops = []
    for lesion in lesions:
        extent = np.subtract(lesion.stop, lesion.start)
        middle = np.add(lesion.start, lesion.stop) / 2 + rng.uniform(-0.12, 0.12, 3) * extent
        half = extent / 2 * rng.uniform(0.75, 1.3)
        for frame in geometry.frames(list(middle - half), list(middle + half), spacing, volume.shape, working.window, FRAMES):
            crops.append(np.stack([geometry.cut(volume, frame[plane]) for plane in PLANES]))
    return out, np.stack(crops)


def outlined(case: phantoms.PhantomCase) -> list[Outlined]:
    """Return the lesions of a phantom's first scan."""
    first = case.images[0].id
    own = [lesion for lesion in case.lesions if lesion.image_id == first]
    return [Outlined(o.start, o.stop, m) for o, m in zip(own, case.volume_masks[first], strict=True)]


def of_phantoms(seeds: Sequence[int], working: Working, progress: Callable[[int, int], None] | None = None) -> VolumeSamples:
    """Return the training material of phantoms, one volume a seed."""
    pictures: dict[str, list[NDArray[np.float16]]] = {p: [] for p in PLANES}
    masks: dict[str, list[NDArray[np.uint8]]] = {p: [] for p in PLANES}
    crops, malignant, case, frame_case = [], [], [], []
    for number, seed in enumerate(seeds):
        made = phantoms.abvs_volume(seed, shape=SHAPE)
        image = made.images[0]
        spacing = image.spacing_mm
        assert spacing is not None
        found, cut = of_volume(np.random.default_rng([seed, 37]), image.array, spacing, outlined(made), working)
        for plane, (grey, outline) in found.items():
            pictures[plane].append(grey)
            masks[plane].append(outline)
        crops.append(cut)
        malignant += [int(made.truth)] * len(cut)
        frame_case += [number] * len(cut)
        case += [number] * len(found[PLANES[0]][0])
        if progress is not None:
            progress(number + 1, len(seeds))
    return VolumeSamples(
        {p: np.concatenate(v) for p, v in pictures.items()},
        {p: np.concatenate(v) for p, v in masks.items()},
        np.concatenate(crops),
        np.array(malignant, np.uint8),
        np.array(case, np.int64),
        np.array(frame_case, np.int64),
    )


def _varied(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Return pictures (N, ...) with another gain and brightness each."""
    shape = (len(x), *[1] * (x.ndim - 1))
    gain = torch.from_numpy(rng.uniform(0.85, 1.15, shape).astype(np.float32))
    shift = torch.from_numpy(rng.uniform(-0.25, 0.25, shape).astype(np.float32))
    return x * gain + shift


class _Task:
    """Rows in batches of a drawn order; one volume in five is held back."""

    def __init__(self, case: NDArray[np.int64], batch: int, where: torch.device) -> None:
        self.where = where
        held = case % 5 == 4 if case.max(initial=0) >= 4 else case == case.max(initial=0)
        self.train, self.held = np.flatnonzero(~held), np.flatnonzero(held)
        self.batch = max(1, min(batch, len(self.train)))

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return len(self.train) // self.batch

    def batches(self, rng: np.random.Generator) -> Iterable[NDArray[np.int64]]:
        """Yield batches of rows."""
        order = rng.permutation(self.train)
        for first in range(0, self.steps * self.batch, self.batch):
            yield order[first : first + self.batch]


class FindTask(_Task):
    """Slices of one plane and their masks as batches, loss and validation."""

    def __init__(self, samples: VolumeSamples, plane: str, multiple: int, batch: int, where: torch.device) -> None:
        super().__init__(samples.case, batch, where)
        rows, columns = samples.pictures[plane].shape[1:]
        pad = (0, -columns % multiple, 0, -rows % multiple)
        self.pictures = functional.pad(torch.from_numpy(samples.pictures[plane]), pad)
        self.masks = functional.pad(torch.from_numpy(samples.masks[plane]), pad)

    def loss(self, network: nn.Module, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Cross-entropy plus one minus Dice, of pictures flipped along their columns at times (never in depth)."""
        x, y = self.pictures[rows].float()[:, None], self.masks[rows].float()[:, None]
        if rng.random() < 0.5:
            x, y = x.flip(3), y.flip(3)
        logits = network(_varied(x, rng).to(self.where)).float()
        y = y.to(self.where)
        chance = torch.sigmoid(logits)
        dice = (2 * (chance * y).sum() + 1) / (chance.sum() + y.sum() + 1)
        return functional.binary_cross_entropy_with_logits(logits, y) + 1 - dice

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the Dice overlap over all held-out slices."""
        both = total = 0.0
        for first in range(0, len(self.held), 32):
            rows = self.held[first : first + 32]
            marked = network(self.pictures[rows].float()[:, None].to(self.where)).float().cpu()[:, 0] > 0
            truth = self.masks[rows] > 0
            both += float((marked & truth).sum())
            total += float(marked.sum() + truth.sum())
        return {"dice": 2 * both / max(total, 1.0)}


class JudgeTask(_Task):
    """Frames of lesions as batches, loss and validation."""

    def __init__(self, samples: VolumeSamples, planes: int, batch: int, where: torch.device) -> None:
        super().__init__(samples.frame_case, batch, where)
        self.planes = planes
        self.crops = torch.from_numpy(samples.crops)
        self.label = torch.from_numpy(samples.malignant.astype(np.int64))
        self.case = samples.frame_case

    def _pixels(self, rows: NDArray[np.int64]) -> Tensor:
        grey = preprocess.ultrasound_grey(self.crops[rows][:, : self.planes].numpy().astype(np.float32))
        return torch.from_numpy(grey)

    def loss(self, network: nn.Module, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Cross-entropy of frames whose three crops are mirrored together, left-right and head-feet, never in depth."""
        x = self._pixels(rows)
        if rng.random() < 0.5:
            x = torch.cat([x[:, :1].flip(3), x[:, 1:2], x[:, 2:].flip(3)], 1)
        if rng.random() < 0.5:
            x = torch.cat([x[:, :1], x[:, 1:2].flip(3), x[:, 2:].flip(2)], 1)
        logits: Tensor = network(_varied(x, rng).to(self.where))
        return functional.cross_entropy(logits.float(), self.label[rows].to(self.where), label_smoothing=0.02)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the AUC over held-out lesions, each judged by the mean of its frames; 0.5 when a class is missing."""
        chance = []
        for first in range(0, len(self.held), 64):
            logits = network(self._pixels(self.held[first : first + 64]).to(self.where)).float().cpu()
            chance.append(torch.softmax(logits, 1)[:, 1].numpy())
        mean = np.concatenate(chance)
        cases = np.unique(self.case[self.held])
        own = [self.case[self.held] == c for c in cases]
        truth = [bool(self.label[self.held[o]][0]) for o in own]
        found = training.auc(truth, [float(mean[o].mean()) for o in own])
        return {"auc": found if np.isfinite(found) else 0.5}
