"""Classifiers that judge windows of planes: trunk -> global average -> features of the window -> two logits.

The trunk runs once over a whole plane and the average slides, so every window is judged at the cost of about one forward pass,
and the class activation map of the plane comes with it. Systems differ in what stands between the pooled features and the logits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from reader_app.imaging.container import NewImage
from reader_app.networks import backbones, preprocess
from reader_app.networks import device as device_words
from reader_app.networks.backbones import Trunk
from reader_app.networks.preprocess import Plane, Working

Float = NDArray[np.float32]


class WindowClassifier(nn.Module):
    """A trunk with a linear embedding and a linear head on its pooled features.

    Both layers are linear, so the class activation map is an exact decomposition of a window's logit difference.

    Parameters
    ----------
    backbone : str
        Name of the trunk.
    embedding : int
        Numbers of the embedding; 0: the pooled features themselves.
    """

    embedding_mean: Tensor
    embedding_std: Tensor

    def __init__(self, backbone: str, embedding: int) -> None:
        super().__init__()
        self.trunk: Trunk = backbones.build(backbone)
        width = embedding or self.trunk.channels
        self.embed: nn.Module = nn.Linear(self.trunk.channels, width) if embedding else nn.Identity()
        self.head = nn.Linear(width, 2)
        self.register_buffer("embedding_mean", torch.zeros(width))
        self.register_buffer("embedding_std", torch.ones(width))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return (logits (N, 2), embedding (N, E)) of crops (N, 1, H, W)."""
        embedding: Tensor = self.embed(self.trunk(x).mean((2, 3)))
        return self.head(embedding), embedding

    def prepare(self, clinical: Mapping[str, str]) -> str:
        """Take what a case's clinical variables say of where to look; return why the case cannot be judged, else ""."""
        return ""

    def planes(self, image: NewImage, modality: str, working: Working) -> Iterator[Plane]:
        """Yield the planes to judge of an image."""
        yield from preprocess.planes_of_image(image, modality, working)

    def pooled_score(self, features: Tensor) -> Tensor:
        """Return the second logit minus the first for whole feature maps, shape (N,)."""
        logits: Tensor = self.head(self.embed(features.mean((2, 3))))
        return logits[:, 1] - logits[:, 0]

    def cell_evidence(self, features: Tensor) -> Tensor:
        """Return the logit difference each cell alone would give, (N, h, w); its mean over a window is the window's score."""
        by_channel = features.permute(0, 2, 3, 1)
        logits: Tensor = self.head(self.embed(by_channel))
        return logits[..., 1] - logits[..., 0]

    def standardise(self, embedding: Tensor) -> Tensor:
        """Return embeddings in units of the training set's mean and deviation."""
        return (embedding - self.embedding_mean) / self.embedding_std

    def judge(self, embedding: Tensor, age: Tensor) -> Tensor:
        """Return the final logit difference (N,) of embeddings (N, E) and ages in years (N,); here the head's own."""
        logits: Tensor = self.head(embedding)
        return logits[:, 1] - logits[:, 0] + 0 * age


@dataclass(frozen=True, eq=False)
class Judged:
    """What the network says of one plane.

    Attributes
    ----------
    plane : Plane
        The plane.
    score : float
        Logit difference (embedding head) of its most suspicious window.
    window : tuple of int
        First cell and exclusive last cell of that window: (row start, column start, row stop, column stop).
    embedding : float32 array, (E,)
        Of that window.
    scores : float32 array
        Score of every window by its first cell; -inf where there is too little tissue.
    features : Tensor or None
        Feature map, kept where another window may be chosen later.
    evidence : float32 array, (rows, columns)
        Evidence of every cell over the whole plane.
    """

    plane: Plane
    score: float
    window: tuple[int, int, int, int]
    embedding: Float
    scores: Float
    evidence: Float
    features: Tensor | None = None


@torch.no_grad()
def judge_planes(
    network: WindowClassifier,
    planes: Sequence[Plane],
    window: int,
    device: torch.device,
    batch: int = 8,
    keep_features: bool = False,
) -> list[Judged]:
    """Judge planes: the trunk runs once over each, pooling slides over windows of ``window`` pixels.

    Planes of one size are run together. A plane smaller than the window is padded with 0 (mean tissue).
    """
    network.eval()
    stride = int(network.trunk.cells.stride)
    cells = max(1, window // stride)
    out: list[Judged | None] = [None] * len(planes)
    sizes: dict[tuple[int, int], list[int]] = {}
    for k, plane in enumerate(planes):
        sizes.setdefault((plane.pixels.shape[0], plane.pixels.shape[1]), []).append(k)
    for (rows, columns), members in sizes.items():
        pad = (0, max(0, window - columns), 0, max(0, window - rows))
        for start in range(0, len(members), batch):
            chunk = members[start : start + batch]
            x = torch.from_numpy(np.stack([planes[k].pixels for k in chunk]))[:, None].to(device)
            x = functional.pad(x, pad).to(memory_format=torch.channels_last)
            features = _features(network, x)
            high, wide = min(cells, features.shape[2]), min(cells, features.shape[3])
            evidence = network.cell_evidence(features)
            scores = functional.avg_pool2d(evidence[:, None], (high, wide), stride=1)[:, 0]
            for n, k in enumerate(chunk):
                score = scores[n].clone()
                inside = planes[k].inside
                if inside is not None:
                    score[~_window_has_tissue(inside, high, wide, stride, tuple(score.shape))] = -torch.inf
                best = int(torch.argmax(score))
                r, c = divmod(best, score.shape[1])
                made = Judged(
                    planes[k],
                    float(scores[n, r, c]),
                    (r, c, r + high, c + wide),
                    np.zeros(0, np.float32),
                    np.asarray(score.float().cpu().numpy(), np.float32),
                    np.asarray(evidence[n].float().cpu().numpy(), np.float32),
                    features[n],
                )
                out[k] = at_window(network, made, r, c, keep_features)
    return [j for j in out if j is not None]


def _features(network: WindowClassifier, x: Tensor) -> Tensor:
    """Return the trunk's features; where memory does not do for all planes at once, half of them at a time."""
    try:
        found: Tensor = network.trunk(x)
        return found
    except Exception as error:
        if len(x) == 1 or not device_words.lacks_memory(error):
            raise
    half = len(x) // 2
    return torch.cat([_features(network, x[:half]), _features(network, x[half:])])


@torch.no_grad()
def at_window(network: WindowClassifier, judged: Judged, row: int, column: int, keep_features: bool = False) -> Judged:
    """Return a plane's judgement with another window chosen, by its first cell."""
    if judged.features is None:
        raise ValueError("the features of this plane were not kept")
    high, wide = judged.window[2] - judged.window[0], judged.window[3] - judged.window[1]
    pooled = judged.features[:, row : row + high, column : column + wide].mean((1, 2))
    return replace(
        judged,
        score=float(judged.scores[row, column]),
        window=(row, column, row + high, column + wide),
        embedding=np.asarray(network.embed(pooled).float().cpu().numpy(), np.float32),
        features=judged.features if keep_features else None,
    )


def window_evidence(network: WindowClassifier, judged: Judged, where: torch.device, margin: int = 32) -> Float:
    """Return what in the chosen window raised its score, on the trunk's finer map over the whole plane, 0 elsewhere.

    HiResCAM of the window's score: gradient times feature, summed over channels, positive part, blurred over 10 pixels. The finer
    map is used because cells of the last layer see far around themselves and answer beside the lesion as readily as on it
    (measured on phantoms: peaks inside the lesion 5 of 18 with the last map, 18 of 18 with the finer one).

    Parameters
    ----------
    network : WindowClassifier
        The network that judged the plane.
    judged : Judged
        Plane and window.
    where : torch.device
        Where to run.
    margin : int
        Pixels of context around the window.

    Returns
    -------
    float32 array
        On cells of ``trunk.split_cells``.
    """
    trunk = network.trunk
    coarse, fine = int(trunk.cells.stride), int(trunk.split_cells.stride)
    pixels = judged.plane.pixels
    r0, c0, r1, c1 = judged.window
    need = (r1 * coarse, c1 * coarse)
    full = np.pad(pixels, ((0, max(0, need[0] - pixels.shape[0])), (0, max(0, need[1] - pixels.shape[1]))))
    margin = -(-margin // coarse) * coarse
    top, left = max(0, r0 * coarse - margin), max(0, c0 * coarse - margin)
    part = full[top : r1 * coarse + margin, left : c1 * coarse + margin]
    with torch.no_grad():
        early = network.trunk.early(torch.from_numpy(np.ascontiguousarray(part))[None, None].to(where))
    leaf = early.detach().requires_grad_(True)
    evidence = network.cell_evidence(trunk.late(leaf))[0]
    dr, dc = r0 - top // coarse, c0 - left // coarse
    score = evidence[dr : dr + r1 - r0, dc : dc + c1 - c0].mean()
    (gradient,) = torch.autograd.grad(score, leaf)
    cells = (r1 - r0) * (c1 - c0) * (coarse // fine) ** 2
    found = np.maximum((gradient * leaf.detach()).sum(1)[0].float().cpu().numpy() * cells, 0)
    found = cv2.GaussianBlur(np.asarray(found, np.float32), (0, 0), 10.0 / fine)
    shape = tuple(-(-n // fine) for n in full.shape)
    out = np.zeros(shape, np.float32)
    a, b = top // fine, left // fine
    target = out[a : a + found.shape[0], b : b + found.shape[1]]
    target[...] = found[: target.shape[0], : target.shape[1]]
    rows, columns = (-(-n // fine) for n in pixels.shape)
    return np.asarray(out[:rows, :columns], np.float32)


def link_views(network: WindowClassifier, one: Judged, other: Judged, tolerance_mm: float, mm: float) -> tuple[Judged, Judged]:
    """Choose the windows of two views of a breast together: the best sum of scores at like distances from the chest wall.

    Hung views of one side have the chest wall at the same edge, so like distances are like columns.

    Parameters
    ----------
    network : WindowClassifier
        The network that judged both.
    one, other : Judged
        CC and MLO of one side, judged with ``keep_features``.
    tolerance_mm, mm : float
        Largest difference of the distances; pixel size of the planes.
    """
    a, b = one.scores.max(0), other.scores.max(0)
    reach = tolerance_mm / (mm * network.trunk.cells.stride)
    far = np.abs(np.arange(len(a))[:, None] - np.arange(len(b))[None]) > reach
    total = np.where(far, -np.inf, a[:, None] + b[None])
    if not np.isfinite(total).any():
        return at_window(network, one, *one.window[:2]), at_window(network, other, *other.window[:2])
    i, j = (int(v) for v in np.unravel_index(int(np.argmax(total)), total.shape))
    return (
        at_window(network, one, int(np.argmax(one.scores[:, i])), i),
        at_window(network, other, int(np.argmax(other.scores[:, j])), j),
    )


def _window_has_tissue(inside: NDArray[np.bool_], high: int, wide: int, stride: int, shape: tuple[int, ...]) -> Tensor:
    """Return which windows hold at least a quarter of tissue (all of them when none does)."""
    small = inside[::stride, ::stride].astype(np.float32)
    small = np.pad(small, ((0, max(0, shape[0] + high - 1 - small.shape[0])), (0, max(0, shape[1] + wide - 1 - small.shape[1]))))
    share = functional.avg_pool2d(torch.from_numpy(small)[None, None], (high, wide), stride=1)[0, 0][: shape[0], : shape[1]]
    enough = share >= 0.25
    return enough if bool(enough.any()) else torch.ones_like(enough)
