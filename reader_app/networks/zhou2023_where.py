"""zhou2023: place (quadrant) and depth of a lesion from the whole view and the lesion's mask, as two channels of one picture.

As in the paper, a classification network gives the place (CC: outer, middle, inner, areola; MLO: upper, middle, lower, axillary
tail, areola) and a regression network the depth (nipple 0, pectoralis 1). Where it is silent we chose: both share one small
trunk; pictures have cells of 2.4 mm, in which the mask is the share of the cell that the box covers; a linear layer over all
cells follows, because a place is a place in the whole view.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

#: Size of a cell, and rows and columns of a picture: 288 x 173 mm.
CELL_MM, ROWS, COLUMNS = 2.4, 120, 72


class WhereNet(nn.Module):
    """Place and depth of boxes in a stack whose chest walls lie at its left.

    Parameters
    ----------
    mm : float
        Pixel size of the stack.
    places : tuple of int
        Number of places in CC and in MLO.
    """

    def __init__(self, mm: float, places: tuple[int, int] = (4, 5)) -> None:
        super().__init__()
        self.step = max(1, round(CELL_MM / mm))
        self.places = places
        width = (2, 12, 24, 32)
        layers: list[nn.Module] = []
        for a, b in pairwise(width):
            layers += [nn.Conv2d(a, b, 3, 2, 1), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * (ROWS // 8) * (COLUMNS // 8), 64), nn.ReLU())
        self.place = nn.Linear(64, sum(places))
        self.depth = nn.Linear(64, 1)

    def pictures(self, pixels: Tensor, view: Tensor, boxes: Tensor) -> Tensor:
        """Return (n, 2, rows, columns): each box's view and its mask.

        Parameters
        ----------
        pixels : Tensor, (4, H, W)
            The stack.
        view, boxes : Tensor, (n,) and (n, 4)
            Of each box: its view, and x1, y1, x2, y2 in stack pixels.
        """
        step = self.step
        grey = functional.avg_pool2d(pixels[:, None], step, ceil_mode=True)[:, 0, :ROWS, :COLUMNS]
        grey = functional.pad(grey, (0, COLUMNS - grey.shape[2], 0, ROWS - grey.shape[1]))
        edge = boxes / step

        def covered(low: Tensor, high: Tensor, count: int) -> Tensor:
            cell = torch.arange(count, device=boxes.device)
            share: Tensor = (torch.minimum(high[:, None], cell + 1) - torch.maximum(low[:, None], cell)).clamp(0, 1)
            return share

        mask = covered(edge[:, 1], edge[:, 3], ROWS)[:, :, None] * covered(edge[:, 0], edge[:, 2], COLUMNS)[:, None, :]
        return torch.stack([grey[view], mask], 1)

    def forward(self, pixels: Tensor, view: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return place logits (n, places), those of the other projection impossible, and depths (n,) in 0..1."""
        seen = self.body(self.pictures(pixels, view, boxes))
        logits: Tensor = self.place(seen)
        is_mlo = torch.arange(sum(self.places), device=view.device) >= self.places[0]
        logits = logits.masked_fill(is_mlo[None] != (view >= 2)[:, None], -1e4)
        return logits, torch.sigmoid(self.depth(seen)[:, 0])

    def loss(self, pixels: Tensor, view: Tensor, boxes: Tensor, place: Tensor, depth: Tensor) -> Tensor:
        """Return cross-entropy of the place plus absolute error of the depth; -1 stands for unknown."""
        logits, found = self(pixels, view, boxes)
        total: Tensor = logits.sum() * 0
        if bool((place >= 0).any()):
            total = total + functional.cross_entropy(logits[place >= 0], place[place >= 0].long())
        if bool((depth >= 0).any()):
            total = total + 4 * functional.l1_loss(found[depth >= 0], depth[depth >= 0])
        return total
