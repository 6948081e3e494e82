"""What bong2023 learns from: ultrasound images in the network's square input, with lesion masks and clinical factors.

From phantoms, or from a folder as in :mod:`reader_app.networks.image_samples` whose pictures all have a mask; the table may have
the columns ``age``, ``family_history``, ``brca`` and ``density`` (a to d).
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reader_app.errors import Fault, TableError
from reader_app.imaging import phantoms
from reader_app.networks import bong2023, checkpoint, image_samples, training
from reader_app.networks.bong2023 import ClinicalNetwork, Float, ImageNetwork

Grey = NDArray[np.uint8]

#: Smallest part of a mask that counts as a lesion, in pixels of the input.
LEAST_PIXELS = 12

#: Ages of training women with none stated; replaced by the cohort's mean.
UNKNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class Fit:
    """How an image lies in the square input: shrunk or enlarged with its aspect kept, top left, the rest filled with 0.

    Attributes
    ----------
    factor : tuple of float
        Image pixels per input pixel, (row, column).
    used : tuple of int
        Rows and columns of the input that hold the image.
    """

    factor: tuple[float, float]
    used: tuple[int, int]

    def edge_to_image(self, row: float, column: float) -> tuple[float, float]:
        """Return the image edge of an input edge (pixel i covers i to i + 1)."""
        return row * self.factor[0], column * self.factor[1]

    def centre_to_image(self, row: float, column: float) -> tuple[float, float]:
        """Return the image index of an input pixel (pixel i is centred at i)."""
        return (row + 0.5) * self.factor[0] - 0.5, (column + 0.5) * self.factor[1] - 0.5


def fit(pixels: NDArray[Any], size: int, nearest: bool = False) -> tuple[Grey, Fit]:
    """Return an image (rows, columns) of uint8 in a square of ``size`` pixels, and how it lies there."""
    rows, columns = pixels.shape
    scale = size / max(rows, columns)
    used = (max(1, round(rows * scale)), max(1, round(columns * scale)))
    how = cv2.INTER_NEAREST if nearest else cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out = np.zeros((size, size), np.uint8)
    out[: used[0], : used[1]] = cv2.resize(np.ascontiguousarray(pixels), (used[1], used[0]), interpolation=how)
    return out, Fit((rows / used[0], columns / used[1]), used)


@dataclass(frozen=True, eq=False)
class Cohort:
    """Cases of one part of the data.

    Attributes
    ----------
    pixels : uint8 array, (n, S, S)
        Images in the input.
    masks : uint8 array, (n, S, S)
        0 outside, else the number of the lesion (1, 2 ...).
    malignant : uint8 array, (n,)
        Class of the image's lesions.
    factors : float32 array, (n, 7)
        Encoded clinical factors, NaN for an unknown age.
    """

    pixels: Grey
    masks: Grey
    malignant: NDArray[np.uint8]
    factors: Float

    def __len__(self) -> int:
        return len(self.malignant)

    def __getitem__(self, rows: NDArray[Any]) -> Cohort:
        return Cohort(self.pixels[rows], self.masks[rows], self.malignant[rows], self.factors[rows])

    @property
    def identity(self) -> str:
        """SHA-256 over everything in it."""
        digest = hashlib.sha256()
        for array in (self.pixels, self.masks, self.malignant, self.factors):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def _cohort(rows: Iterable[tuple[Grey, Grey, bool, Mapping[str, str]]], size: int) -> Cohort:
    pixels, masks, malignant, factors = [], [], [], []
    for grey, mask, bad, clinical in rows:
        pixels.append(fit(grey, size)[0])
        masks.append(fit(_numbered(mask), size, nearest=True)[0])
        malignant.append(bad)
        factors.append(bong2023.encode(clinical, UNKNOWN)[0])
    return Cohort(np.stack(pixels), np.stack(masks), np.array(malignant, np.uint8), np.stack(factors))


def _numbered(mask: NDArray[Any]) -> Grey:
    _, labels = cv2.connectedComponents((mask > 0).astype(np.uint8))
    return np.asarray(np.minimum(labels, 255), np.uint8)


def from_phantoms(
    seeds: Sequence[int], size: int, store: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> Cohort:
    """Make one image a phantom woman; kept in ``store`` (a safetensors file) and read from there the next time."""
    if store is not None and store.exists():
        tensors, _ = checkpoint.read(store)
        return Cohort(**{k: v.numpy() for k, v in tensors.items()})

    def rows() -> Iterator[tuple[Grey, Grey, bool, Mapping[str, str]]]:
        for number, seed in enumerate(seeds):
            case = phantoms.ultrasound_case(seed, frames=1, doppler=False)
            yield np.asarray(case.images[0].array, np.uint8), case.masks["US1"].astype(np.uint8), case.truth, case.clinical
            if progress is not None:
                progress(number + 1, len(seeds))

    made = _cohort(rows(), size)
    if store is not None:
        checkpoint.write(store, {k: torch.from_numpy(v) for k, v in vars(made).items()}, {})
    return made


def women_of_phantoms(seeds: Sequence[int]) -> Cohort:
    """Return phantom women without their images: what the clinical network learns from costs next to nothing."""
    known = [phantoms.ultrasound_woman(seed) for seed in seeds]
    factors = np.stack([bong2023.encode(clinical, UNKNOWN)[0] for _, clinical in known])
    empty = np.zeros((len(known), 0, 0), np.uint8)
    return Cohort(empty, empty, np.array([bad for bad, _ in known], np.uint8), factors)


def from_folder(folder: Path, size: int, seed: int) -> tuple[Cohort, Cohort, Cohort, str]:
    """Return training, validation and test cases of a folder (77, 11.5 and 11.5 % of the groups, drawn) and its name in words.

    Pictures of one patient, and near-duplicates, stay in one part.

    Raises
    ------
    TableError
        Listing every picture without a mask or with an empty one.
    """
    listed = [p for p in image_samples.listed(folder) if p.cohort == image_samples.TRAINING]
    clinical = _clinical(folder)
    faults, rows, hashes = [], [], []
    for picture in listed:
        grey = image_samples._read(picture.path)
        hashes.append(image_samples.perceptual_hash(grey))
        if picture.mask is None or not picture.mask.is_file():
            faults.append(Fault(str(picture.path), "has no mask of its lesion, which this system needs", "add the mask"))
            continue
        mask = image_samples._read(picture.mask)
        if mask.shape != grey.shape:
            mask = np.asarray(cv2.resize(mask, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_NEAREST), np.uint8)
        if not mask.any():
            faults.append(Fault(str(picture.mask), "is empty", "outline the lesion in it"))
            continue
        rows.append(
            (grey, image_samples.lesion_of(mask).astype(np.uint8), picture.malignant, clinical.get(picture.path.name, {}))
        )
    if faults:
        raise TableError(faults)
    whole = _cohort(rows, size)
    groups = image_samples.groups_of(np.stack(hashes), [p.patient for p in listed])
    parts = _split(groups, whole.malignant, seed)
    if any(len(np.unique(whole.malignant[part])) < 2 for part in parts):
        text = "holds too few benign or malignant patients for training, validation and test"
        raise TableError([Fault(str(folder), text, "add pictures of both")])
    name = folder.resolve().name
    source = f"trained on {len(parts[0])} of {len(whole)} pictures of {name} (sha256 {whole.identity[:12]}), seed {seed}"
    return whole[parts[0]], whole[parts[1]], whole[parts[2]], source


def _split(groups: NDArray[np.int64], malignant: NDArray[np.uint8], seed: int) -> list[NDArray[np.int64]]:
    """Return the rows of training, validation and test; groups stay whole, both classes are shared out alike."""
    rng = np.random.default_rng([seed, 41])
    part = np.zeros(groups.max() + 1, np.int64)
    bad = np.array([malignant[groups == g].max() for g in range(groups.max() + 1)])
    for value in (0, 1):
        order = rng.permutation(np.flatnonzero(bad == value))
        held = max(1, round(0.115 * len(order)))
        part[order[:held]], part[order[held : 2 * held]] = 1, 2
    return [np.flatnonzero(part[groups] == k) for k in range(3)]


def _clinical(folder: Path) -> dict[str, dict[str, str]]:
    table = folder if folder.is_file() else folder / "table.csv"
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    names = ("age", "family_history", "brca", "density")
    return {Path(r["file"]).name: {k: r.get(k) or "" for k in names} for r in rows if r.get("file")}


Batch = list[int]


@dataclass(frozen=True, eq=False)
class ImageTask:
    """Batches, loss and validation of the image network for :func:`reader_app.networks.training.fit`."""

    train: Cohort
    held: Cohort
    batch: int
    where: torch.device

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(1, len(self.train) // self.batch)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield rows in a drawn order."""
        order = rng.permutation(len(self.train))
        for step in range(self.steps):
            yield [int(k) for k in order[step * self.batch : (step + 1) * self.batch]]

    def loss(self, network: nn.Module, batch: Batch, rng: np.random.Generator) -> Tensor:
        """Return the detector's loss of images flipped left to right (never in depth) and varied in brightness."""
        assert isinstance(network, ImageNetwork)
        pixels, targets = [], []
        for k in batch:
            grey, mask = self.train.pixels[k], self.train.masks[k]
            if rng.random() < 0.5:
                grey, mask = grey[:, ::-1], mask[:, ::-1]
            varied = grey.astype(np.float32) / 255 * rng.uniform(0.85, 1.15) + rng.uniform(-0.05, 0.05)
            pixels.append(np.clip(varied, 0, 1).astype(np.float32))
            targets.append(target(mask, bool(self.train.malignant[k]), self.where))
        return network.loss(torch.from_numpy(np.stack(pixels))[:, None].to(self.where), targets)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the AUC of the image score, the share of lesions found, and their sum as "quality"."""
        assert isinstance(network, ImageNetwork)
        scores, hits = score_images(network, self.held, self.where)
        area = training.auc(self.held.malignant, scores)
        found = float(np.mean(hits))
        area = area if np.isfinite(area) else 0.5
        return {"auc": area, "found": found, "quality": area + found}


def target(mask: Grey, malignant: bool, where: torch.device) -> dict[str, Tensor]:
    """Return boxes (x1, y1, x2, y2), labels and masks of the lesions of one numbered mask."""
    parts = [mask == k for k in np.unique(mask[mask > 0])]
    parts = [p for p in parts if p.sum() >= LEAST_PIXELS]
    boxes = []
    for part in parts:
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    label = bong2023.CANCER if malignant else bong2023.BENIGN
    return {
        "boxes": torch.tensor(np.array(boxes, np.float32).reshape(-1, 4), device=where),
        "labels": torch.full((len(parts),), label, dtype=torch.int64, device=where),
        "masks": torch.from_numpy(np.array(parts, np.uint8).reshape(-1, *mask.shape)).to(where),
    }


def to_tensor(grey: Grey, where: torch.device) -> Tensor:
    """Return one image of the input as (1, S, S), 0 to 1."""
    return torch.from_numpy(grey.astype(np.float32) / 255)[None].to(where)


def score_images(network: ImageNetwork, cohort: Cohort, where: torch.device) -> tuple[Float, NDArray[np.bool_]]:
    """Return each image's highest score of cancer (0 where no lesion was found), and whether that box lies on a lesion."""
    scores, hits = np.zeros(len(cohort), np.float32), np.zeros(len(cohort), np.bool_)
    for k in range(len(cohort)):
        found = network.find(to_tensor(cohort.pixels[k], where), explain=False)
        if found:
            scores[k] = found[0].cancer
            r, c = ((found[0].box[a] + found[0].box[a + 2]) / 2 for a in (0, 1))
            hits[k] = cohort.masks[k][min(int(r), network.size - 1), min(int(c), network.size - 1)] > 0
    return scores, hits


@dataclass(frozen=True, eq=False)
class ClinicalTask:
    """Batches, loss and validation of the clinical network."""

    train: Cohort
    held: Cohort
    batch: int
    where: torch.device

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(1, len(self.train) // self.batch)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield rows in a drawn order; batches of at least two, as batch normalisation needs."""
        order = rng.permutation(len(self.train))
        for step in range(self.steps):
            yield [int(k) for k in order[step * self.batch : (step + 1) * self.batch]]

    def loss(self, network: nn.Module, batch: Batch, rng: np.random.Generator) -> Tensor:
        """Return the cross-entropy."""
        x = torch.from_numpy(self.train.factors[batch]).to(self.where)
        y = torch.from_numpy(self.train.malignant[batch].astype(np.int64)).to(self.where)
        return nn.functional.cross_entropy(network(x).float(), y, label_smoothing=0.02)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the AUC on the held-out women."""
        assert isinstance(network, ClinicalNetwork)
        area = training.auc(self.held.malignant, network.score(self.held.factors))
        return {"auc": area if np.isfinite(area) else 0.5}
