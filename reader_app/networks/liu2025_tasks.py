"""liu2025's two trainings: slices of a plane for a U-Net, frames of lesions for the classifier; batches, loss, validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from reader_app.networks import preprocess, training
from reader_app.networks.liu2025 import PLANES
from reader_app.networks.liu2025_samples import VolumeSamples

#: Which axis of a plane's pictures (1: rows, 2: columns) a mirroring turns round: left-right, then head-feet.
MIRRORED: tuple[Mapping[str, int], ...] = ({"transverse": 2, "coronal": 2}, {"sagittal": 2, "coronal": 1})

#: Axes of a U-Net's pictures (batch, neighbours, rows, columns) along which left-right or head-feet runs, not depth.
FLIPS: Mapping[str, tuple[int, int]] = {"transverse": (3, 1), "sagittal": (3, 1), "coronal": (3, 2)}


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
        self.flips = FLIPS[plane]
        rows, columns = samples.pictures[plane].shape[2:]
        pad = (0, -columns % multiple, 0, -rows % multiple)
        self.pictures = functional.pad(torch.from_numpy(samples.pictures[plane]), pad)
        self.masks = functional.pad(torch.from_numpy(samples.masks[plane]), pad)

    def loss(self, network: nn.Module, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Cross-entropy plus one minus Dice, of pictures mirrored left-right and head-feet at times (never in depth)."""
        x, y = self.pictures[rows].float(), self.masks[rows].float()[:, None]
        for axis in self.flips:
            if rng.random() < 0.5:
                x, y = x.flip(axis), y if axis == 1 else y.flip(axis)
        logits = network(_varied(x, rng).to(self.where).contiguous(memory_format=torch.channels_last)).float()
        y = y.to(self.where)
        chance = torch.sigmoid(logits)
        dice = (2 * (chance * y).sum() + 1) / (chance.sum() + y.sum() + 1)
        return functional.binary_cross_entropy_with_logits(logits, y) + 1 - dice

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the Dice overlap over all held-out slices."""
        both = total = 0.0
        for first in range(0, len(self.held), 32):
            rows = self.held[first : first + 32]
            marked = network(self.pictures[rows].float().to(self.where)).float().cpu()[:, 0] > 0
            truth = self.masks[rows] > 0
            both += float((marked & truth).sum())
            total += float(marked.sum() + truth.sum())
        return {"dice": 2 * both / max(total, 1.0)}


class JudgeTask(_Task):
    """Frames of lesions as batches, loss and validation."""

    def __init__(self, samples: VolumeSamples, planes: Sequence[str], batch: int, where: torch.device) -> None:
        super().__init__(samples.frame_case, batch, where)
        self.planes = tuple(planes)
        self.crops = torch.from_numpy(samples.crops)
        self.label = torch.from_numpy(samples.malignant.astype(np.int64))
        self.case = samples.frame_case

    def _pixels(self, rows: NDArray[np.int64]) -> Tensor:
        chosen = self.crops[rows][:, [PLANES.index(p) for p in self.planes]]
        grey = preprocess.ultrasound_grey(chosen.numpy().astype(np.float32))
        return torch.from_numpy(grey)

    def loss(self, network: nn.Module, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Cross-entropy of frames whose three crops are mirrored together, left-right and head-feet, never in depth."""
        x = self._pixels(rows)
        for along in MIRRORED:
            if rng.random() < 0.5:
                x = torch.stack([x[:, k].flip(along[p]) if p in along else x[:, k] for k, p in enumerate(self.planes)], 1)
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
