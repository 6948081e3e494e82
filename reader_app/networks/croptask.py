"""Crops as a training task: batches, loss, validation, embeddings; and what distinguishes one model of one system."""

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
from reader_app.networks import preprocess, training
from reader_app.networks.classifier import WindowClassifier
from reader_app.networks.lu2025 import DlrNetwork
from reader_app.networks.phantom_samples import Samples
from reader_app.networks.preprocess import Working
from reader_app.networks.training import Settings

Batch = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What distinguishes one model of one system.

    Attributes
    ----------
    system, model_id, title, citation : str
        Identity.
    labels : tuple of str
        Negative and positive call.
    target : str
        "malignant" or "high" (BI-RADS 4/5 against 2/3).
    make : callable
        Backbone name -> network.
    modalities : tuple of str
        What the demo bundle judges.
    whole : bool
        Whole images instead of windows of stated size.
    output : mapping
        Further entries of the manifest's "output".
    region : str
        "" or, for kim2021's fully supervised counterparts, how the crop is found: "drawn" or "unet".
    """

    system: str
    model_id: str
    title: str
    citation: str
    labels: tuple[str, str]
    target: str
    make: Callable[[str], WindowClassifier]
    modalities: tuple[str, ...]
    whole: bool
    output: Mapping[str, Any]
    region: str = ""

    def windows(self, backbone: str) -> dict[str, Working]:
        """Return how planes are made for a backbone."""
        sized = preprocess.working_for(backbone)
        if self.whole:
            # one pixel more: cells of stride 2^n then lie symmetrically in the image, and so does what its border does to the map
            sized = {m: Working(0.0, w.window + 1, w.slice_mm) for m, w in sized.items()}
        return {m: sized[m] for m in self.modalities}

    def truth(self, case: phantoms.PhantomCase) -> bool:
        """Return the label of a phantom."""
        return case.truth if self.target == "malignant" else case.category not in ("2", "3")


class CropTask:
    """Crops of several modalities as batches, loss and validation for :func:`reader_app.networks.training.fit`.

    Every batch mixes the modalities: batch normalisation then sees in training what it uses in inference. With ``vary`` (real
    pictures, of which there are few) every crop is also resized by up to 15 %, turned by up to 8 degrees and shifted by up to 8 %
    of its side.
    """

    def __init__(
        self,
        data: Sequence[Samples],
        target: str,
        fold: int,
        folds: int,
        batch: int,
        where: torch.device,
        vary: bool = False,
    ) -> None:
        self.where, self.batch, self.vary = where, batch, vary
        self.pixels = {s.modality: torch.from_numpy(s.pixels.astype(np.float32))[:, None] for s in data}
        self.label = {s.modality: torch.from_numpy(getattr(s, target).astype(np.int64)) for s in data}
        self.age = {s.modality: torch.from_numpy(s.age) for s in data}
        held = {s.modality: s.group % max(folds, 5) == fold for s in data}
        self.train = {m: np.flatnonzero(~h) for m, h in held.items()}
        self.held = {m: np.flatnonzero(h) for m, h in held.items()}
        self._all = [(m, int(row)) for m, rows in self.train.items() for row in rows]

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return len(self._all) // self.batch

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        """Yield batches in a drawn order."""
        order = rng.permutation(len(self._all))
        for start in range(0, len(order) - self.batch + 1, self.batch):
            yield [self._all[k] for k in order[start : start + self.batch]]

    def loss(self, network: nn.Module, batch: Batch, rng: np.random.Generator) -> Tensor:
        """Cross-entropy of flipped (left-right only, never in depth) and brightness-varied crops."""
        x = torch.stack([self.pixels[m][row].flip(2) if rng.random() < 0.5 else self.pixels[m][row] for m, row in batch])
        y = torch.stack([self.label[m][row] for m, row in batch])
        n = len(batch)
        gain = torch.from_numpy(rng.uniform(0.85, 1.15, (n, 1, 1, 1)).astype(np.float32))
        shift = torch.from_numpy(rng.uniform(-0.25, 0.25, (n, 1, 1, 1)).astype(np.float32))
        x = (x * gain + shift).to(self.where)
        logits, _ = network(_moved(x, rng) if self.vary else x)
        return functional.cross_entropy(logits.float(), y.to(self.where), label_smoothing=0.02)

    def embed(self, network: nn.Module, rows: Mapping[str, NDArray[np.int64]]) -> dict[str, tuple[Tensor, Tensor]]:
        """Return (logit difference, embedding) of crops, by modality."""
        network.eval()
        out = {}
        with torch.no_grad():
            for modality, chosen in rows.items():
                parts = [network(self.pixels[modality][chosen[i : i + 64]].to(self.where)) for i in range(0, len(chosen), 64)]
                logits = torch.cat([p[0] for p in parts]).float().cpu()
                out[modality] = (logits[:, 1] - logits[:, 0], torch.cat([p[1] for p in parts]).float().cpu())
        return out

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the AUC of each modality's held-out crops, and their mean as "auc"."""
        found = self.embed(network, self.held)
        values = {f"auc_{m}": training.auc(self.label[m][self.held[m]].numpy(), z.numpy()) for m, (z, _) in found.items()}
        known = [v for v in values.values() if np.isfinite(v)] or [0.5]
        return {"auc": float(np.mean(known)), **{k: v for k, v in values.items() if np.isfinite(v)}}


def _moved(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Return crops (N, 1, H, W) each resized by up to 15 %, turned by up to 8 degrees, shifted by up to 8 %, edges continued."""
    n = len(x)
    theta = np.zeros((n, 2, 3), np.float32)
    size, turn = rng.uniform(0.85, 1.15, n), np.deg2rad(rng.uniform(-8, 8, n))
    theta[:, 0, 0] = theta[:, 1, 1] = size * np.cos(turn)
    theta[:, 1, 0] = size * np.sin(turn)
    theta[:, 0, 1] = -theta[:, 1, 0]
    theta[:, :, 2] = rng.uniform(-0.16, 0.16, (n, 2))
    grid = functional.affine_grid(torch.from_numpy(theta).to(x.device), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def settle_embedding(network: WindowClassifier, task: CropTask) -> None:
    """Store the mean and deviation of the training embeddings in the network (distance from what it knows)."""
    x = torch.cat([e for _, e in task.embed(network, task.train).values()])
    network.embedding_mean.copy_(x.mean(0))
    network.embedding_std.copy_(x.std(0).clamp(min=1e-3))


def fit_perceptron(network: DlrNetwork, task: CropTask, settings: Settings) -> dict[str, float]:
    """Train the perceptron on frozen embeddings and ages; return held-out AUCs."""
    network.cpu()
    where, task.where = task.where, torch.device("cpu")
    train, held = task.embed(network, task.train), task.embed(network, task.held)
    x = torch.cat([e for _, e in train.values()])
    y = torch.cat([task.label[m][rows] for m, rows in task.train.items()])
    age = torch.cat([task.age[m][rows] for m, rows in task.train.items()])
    network.age_mean_std.copy_(torch.stack([age.mean(), age.std().clamp(min=1.0)]))
    torch.manual_seed(settings.seed)
    optimiser = torch.optim.Adam(network.clinical.parameters(), 1e-3, weight_decay=1e-3)
    rng = training.generator(settings.seed, "perceptron", 0)
    for _ in range(15):
        order = rng.permutation(len(x))
        for i in range(0, len(order), 64):
            rows = order[i : i + 64]
            score = network.judge(x[rows], age[rows])
            value = functional.binary_cross_entropy_with_logits(score, y[rows].float() * 0.96 + 0.02)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    task.where = where
    values = {}
    with torch.no_grad():
        for modality, (_, embedding) in held.items():
            rows = task.held[modality]
            score = network.judge(embedding, task.age[modality][rows])
            values[modality] = training.auc(task.label[modality][rows].numpy(), score.numpy())
    return values
