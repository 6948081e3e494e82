"""Classifiers that judge windows of planes: trunk -> global average -> features of the window -> two logits.

The trunk runs once over a whole plane and the average slides, so every window is judged at the cost of about one forward pass,
and the class activation map of the plane comes with it. Systems differ in what stands between the pooled features and the logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from reader_app.networks import backbones
from reader_app.networks.backbones import Trunk
from reader_app.networks.preprocess import Plane

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
    embedding : float32 array, (128,)
        Of that window.
    evidence : float32 array, (rows, columns)
        Evidence of every cell over the whole plane.
    """

    plane: Plane
    score: float
    window: tuple[int, int, int, int]
    embedding: Float
    evidence: Float


@torch.no_grad()
def judge_planes(
    network: WindowClassifier, planes: Sequence[Plane], window: int, device: torch.device, batch: int = 8
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
            features = network.trunk(x)
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
                pooled = features[n, :, r : r + high, c : c + wide].mean((1, 2))
                out[k] = Judged(
                    planes[k],
                    float(scores[n, r, c]),
                    (r, c, r + high, c + wide),
                    network.embed(pooled).float().cpu().numpy(),
                    np.asarray(evidence[n].float().cpu().numpy(), np.float32),
                )
    return [j for j in out if j is not None]


def _window_has_tissue(inside: NDArray[np.bool_], high: int, wide: int, stride: int, shape: tuple[int, ...]) -> Tensor:
    """Return which windows hold at least a quarter of tissue (all of them when none does)."""
    small = inside[::stride, ::stride].astype(np.float32)
    small = np.pad(small, ((0, max(0, shape[0] + high - 1 - small.shape[0])), (0, max(0, shape[1] + wide - 1 - small.shape[1]))))
    share = functional.avg_pool2d(torch.from_numpy(small)[None, None], (high, wide), stride=1)[0, 0][: shape[0], : shape[1]]
    enough = share >= 0.25
    return enough if bool(enough.any()) else torch.ones_like(enough)
