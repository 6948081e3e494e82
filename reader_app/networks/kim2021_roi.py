"""kim2021's fully supervised counterparts: the same networks on a square crop around the lesion, drawn or found by a U-Net.

The crop is the lesion's box made square with a margin of 30 image pixels, its intensities divided by their maximum, resized to
the network's input. With the drawn region (models ``..._roi``) a case of a study says where the lesion is in a clinical column
``roi`` ("top,left,bottom,right" in image pixels, or of several images "US1:top,left,bottom,right; US2:..."); with the U-Net's
(models ``..._unet``) nothing is needed: the largest region it finds is taken, the whole image where it finds none. The U-Net
belongs to the bundle and is trained on the same training cases. Where the paper is silent we chose: U-Net of four levels on the
whole image resized to 256 pixels (small: 96), Dice and cross-entropy, best Dice on the held-out cases kept.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from reader_app.errors import Fault, TableError
from reader_app.imaging import phantoms
from reader_app.imaging.container import NewImage
from reader_app.networks import backbones, image_samples, preprocess, training
from reader_app.networks.classifier import Float
from reader_app.networks.image_samples import MARGIN
from reader_app.networks.kim2021 import GapCamNetwork
from reader_app.networks.phantom_samples import LESION, Samples
from reader_app.networks.preprocess import Plane, Working
from reader_app.networks.training import Progress, Settings

Grey = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Region = tuple[int, int, int, int]


def _pair(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n in (inputs, outputs):
        layers += [nn.Conv2d(n, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """A plain U-Net of four levels: grey images (N, 1, S, S), S a multiple of 8, to one logit a pixel (N, S, S)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        n = [width, 2 * width, 4 * width, 8 * width]
        self.down = nn.ModuleList([_pair(1, n[0]), *(_pair(a, b) for a, b in itertools.pairwise(n))])
        self.up = nn.ModuleList([_pair(b + a, a) for a, b in itertools.pairwise(n)])
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        kept = []
        for k, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if k else x)
            kept.append(x)
        for level in (2, 1, 0):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = self.up[level](torch.cat([x, kept[level]], 1))
        out: Tensor = self.last(x)[:, 0]
        return out


def box_of(mask: NDArray[np.generic]) -> Region | None:
    """Return (top, left, bottom, right), stop exclusive, of the largest region of a mask; None of an empty one."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(mask, np.uint8))
    if count < 2:
        return None
    x, y, w, h = (int(v) for v in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), :4])
    return y, x, y + h, x + w


def crop(image_id: str, number: int | None, grey: NDArray[np.generic], box: Region | None, window: int) -> Plane:
    """Return the square around a region as a plane: margin of 30 pixels, intensities by their maximum, resized."""
    rows, columns = grey.shape
    top, left, bottom, right = box or (0, 0, rows, columns)
    if box is None:
        start, part = (0, 0), grey
    else:
        side = max(bottom - top, right - left) + 2 * MARGIN
        start = (
            int(np.clip((top + bottom - side) / 2, 0, max(0, rows - side))),
            int(np.clip((left + right - side) / 2, 0, max(0, columns - side))),
        )
        part = grey[start[0] : start[0] + side, start[1] : start[1] + side]
    small = preprocess.whole_image(part, window)
    pixels = preprocess.ultrasound_grey(small * np.float32(255 / max(float(small.max()), 1.0)))
    return Plane(image_id, number, pixels, (part.shape[0] / window, part.shape[1] / window), None, start)


def read_regions(text: str) -> dict[str, Region]:
    """Return the regions of a clinical column ``roi`` by image id; "" stands for an image that is not named.

    Raises
    ------
    ValueError
        If it is neither "top,left,bottom,right" nor "ID:top,left,bottom,right; ID:...".
    """
    found = {}
    for part in filter(None, (p.strip() for p in text.split(";"))):
        image_id, _, numbers = part.rpartition(":")
        top, left, bottom, right = (round(float(v)) for v in re.split(r"[\s,]+", numbers.strip()))
        if not (0 <= top < bottom and 0 <= left < right):
            raise ValueError("the region is empty")
        found[image_id.strip()] = (top, left, bottom, right)
    return found


class RoiNetwork(GapCamNetwork):
    """The classifier on crops, with its U-Net or with drawn regions.

    Parameters
    ----------
    backbone : str
        As of :class:`GapCamNetwork`.
    automatic : bool
        True: the U-Net finds the region.
    """

    def __init__(self, backbone: str, automatic: bool) -> None:
        super().__init__(backbone)
        small = backbones.is_small(backbone)
        self.automatic, self.side = automatic, 96 if small else 256
        self.unet = UNet(8 if small else 64) if automatic else None
        self._drawn: dict[str, Region] = {}

    def prepare(self, clinical: Mapping[str, str]) -> str:
        """Take the drawn regions of a case; return why it cannot be judged, else ""."""
        if self.automatic:
            return ""
        try:
            self._drawn = read_regions(clinical.get("roi", ""))
        except ValueError:
            return "The column 'roi' does not read 'top,left,bottom,right' or 'US1:top,left,bottom,right; US2:...'."
        return "" if self._drawn else "The model judges the crop around a drawn lesion, and the case has no column 'roi'."

    def planes(self, image: NewImage, modality: str, working: Working) -> Iterator[Plane]:
        """Yield the crop of each picture of an image; of an image without a drawn region none."""
        for number, grey in preprocess.ultrasound_pictures(image):
            if self.automatic:
                yield crop(image.id, number, grey, self.found(grey), working.window)
            elif (region := self._drawn.get(image.id) or self._drawn.get("")) is not None:
                yield crop(image.id, number, grey, region, working.window)

    @torch.no_grad()
    def found(self, grey: NDArray[np.generic]) -> Region | None:
        """Return the region the U-Net finds in a picture (rows, columns), in its pixels."""
        assert self.unet is not None
        self.unet.eval()
        where = next(self.parameters()).device
        x = preprocess.ultrasound_grey(preprocess.whole_image(grey, self.side))
        logit = self.unet(torch.from_numpy(x)[None, None].to(where))[0].float().cpu().numpy()
        box = box_of(logit > 0)
        if box is None:
            return None
        factor = (grey.shape[0] / self.side, grey.shape[1] / self.side) * 2
        top, left, bottom, right = (round(v * f) for v, f in zip(box, factor, strict=True))
        return top, left, max(bottom, top + 1), max(right, left + 1)


@dataclass(frozen=True, eq=False)
class Outlined:
    """Pictures with a drawn lesion each.

    Attributes
    ----------
    greys, masks : tuple of array
        Pictures and masks, each (rows, columns).
    samples : Samples
        Labels, ages and groups; its pixels are empty.
    identity, source : str
        SHA-256 over everything, and what it is in words.
    """

    greys: tuple[Grey, ...]
    masks: tuple[Bool, ...]
    samples: Samples
    identity: str
    source: str


@functools.lru_cache(maxsize=1)
def from_phantoms(seeds: range, source: str, progress: Progress | None = None) -> Outlined:
    """Make one picture a phantom woman; the last are kept for the next model."""
    greys, masks, rows = [], [], []
    for number, seed in enumerate(seeds):
        case = phantoms.ultrasound_case(seed, frames=1, doppler=False)
        greys.append(np.asarray(case.images[0].array, np.uint8))
        masks.append(np.asarray(case.masks["US1"], np.bool_))
        rows.append((case.truth, case.category not in ("2", "3"), float(case.clinical["age"]), seed))
        if progress is not None:
            progress(number + 1, len(seeds), "phantoms (ultrasound)")
    return _outlined(greys, masks, rows, source)


def from_folder(folder: Path) -> Outlined:
    """Read the pictures of a folder to learn from (:mod:`reader_app.networks.image_samples`); each must have a mask.

    Raises
    ------
    TableError
        Listing every picture without a mask.
    """
    listed = [p for p in image_samples.listed(folder) if p.cohort == image_samples.TRAINING]
    faults = [Fault(str(p.path), "has no mask of its lesion", "add it") for p in listed if p.mask is None or not p.mask.is_file()]
    if faults:
        raise TableError(faults)
    greys = [image_samples._read(p.path) for p in listed]
    masks = []
    for grey, picture in zip(greys, listed, strict=True):
        assert picture.mask is not None
        mask = image_samples._read(picture.mask)
        if mask.shape != grey.shape:
            mask = np.asarray(cv2.resize(mask, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_NEAREST), np.uint8)
        masks.append(image_samples.lesion_of(mask))
    hashes = np.stack([image_samples.perceptual_hash(g) for g in greys])
    groups = image_samples.groups_of(hashes, [p.patient for p in listed])
    order = np.random.default_rng(0).permutation(groups.max() + 1)
    ages = np.array([p.age for p in listed])
    mean = float(np.nanmean(ages)) if np.isfinite(ages).any() else 50.0
    rows = [
        (p.malignant, p.high, float(a) if np.isfinite(a) else mean, int(order[g]))
        for p, a, g in zip(listed, ages, groups, strict=True)
    ]
    name = folder.resolve().name
    return _outlined(greys, masks, rows, f"trained on {len(rows)} outlined pictures of {name} in {groups.max() + 1} groups")


def _outlined(greys: list[Grey], masks: list[Bool], rows: list[tuple[bool, bool, float, int]], source: str) -> Outlined:
    digest = hashlib.sha256()
    for grey, mask, row in zip(greys, masks, rows, strict=True):
        digest.update(grey.tobytes() + mask.tobytes() + repr(row).encode())
    n = len(rows)
    samples = Samples(
        "ultrasound",
        np.zeros((n, 0, 0), np.float16),
        np.array([r[0] for r in rows], np.uint8),
        np.array([r[1] for r in rows], np.uint8),
        np.full(n, LESION, np.uint8),
        np.array([r[2] for r in rows], np.float32),
        np.array([r[3] for r in rows], np.int64),
    )
    return Outlined(tuple(greys), tuple(masks), samples, digest.hexdigest(), source)


class UNetTask:
    """Pictures and masks of one fold as batches, loss and validation for :func:`reader_app.networks.training.fit`."""

    def __init__(self, data: Outlined, held: Bool, side: int, batch: int, where: torch.device) -> None:
        self.where, self.batch = where, batch
        x = [preprocess.ultrasound_grey(preprocess.whole_image(g, side)) for g in data.greys]
        y = [preprocess.whole_image(m.astype(np.float32), side) for m in data.masks]
        self.x, self.y = torch.from_numpy(np.stack(x))[:, None], torch.from_numpy(np.stack(y))
        self.train, self.held = np.flatnonzero(~held), np.flatnonzero(held)

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return len(self.train) // self.batch

    def batches(self, rng: np.random.Generator) -> Iterable[NDArray[np.int64]]:
        """Yield rows in a drawn order."""
        order = rng.permutation(self.train)
        for step in range(self.steps):
            yield order[step * self.batch : (step + 1) * self.batch]

    def loss(self, network: nn.Module, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        """Return cross-entropy and soft Dice of pictures, flipped left to right at random."""
        x, y = self.x[rows].to(self.where), self.y[rows].to(self.where)
        if rng.random() < 0.5:
            x, y = x.flip(3), y.flip(2)
        logit = network(x).float()
        p = logit.sigmoid()
        dice = (2 * (p * y).sum((1, 2)) + 1) / (p.sum((1, 2)) + y.sum((1, 2)) + 1)
        total: Tensor = functional.binary_cross_entropy_with_logits(logit, y) + 1 - dice.mean()
        return total

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the mean Dice of the held-out pictures."""
        values = []
        for start in range(0, len(self.held), 16):
            rows = self.held[start : start + 16]
            found = network(self.x[rows].to(self.where)).cpu() > 0
            true = self.y[rows] > 0.5
            both = (found & true).sum((1, 2)).float()
            values += (2 * both / (found.sum((1, 2)) + true.sum((1, 2))).clamp(min=1)).tolist()
        return {"dice": float(np.mean(values)) if values else 0.0}


def crops_of_fold(
    network: RoiNetwork,
    data: Outlined,
    window: int,
    fold: int,
    folds: int,
    settings: Settings,
    stage: str,
    where: torch.device,
    store: Path,
    progress: Progress | None,
) -> Samples:
    """Return the crops of all pictures for one fold; the network's U-Net is trained first, on that fold's training cases only."""
    if network.unet is not None:
        task = UNetTask(data, data.samples.group % max(folds, 5) == fold, network.side, settings.batch, where)
        training.fit(
            network.unet,
            stage=f"{stage}-unet",
            batches=task.batches,
            steps_per_epoch=task.steps,
            loss=task.loss,
            validate=task.validate,
            settings=settings,
            device=where,
            store=store,
            watch="dice",
            progress=progress,
        )
        network.unet.requires_grad_(False)
    network.to(where)
    boxes = [network.found(g) if network.automatic else box_of(m) for g, m in zip(data.greys, data.masks, strict=True)]
    pixels = [crop("", None, g, b, window).pixels for g, b in zip(data.greys, boxes, strict=True)]
    plain: Float = np.stack(pixels)
    return Samples(**{**vars(data.samples), "pixels": plain.astype(np.float16)})
