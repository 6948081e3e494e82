"""What made a network say so: HiResCAM and Grad-CAM over feature maps, raw values kept, an absolute floor below which is nothing.

For a trunk followed by global average pooling and linear layers the map is an exact decomposition: its mean over the window is
the window's logit difference (HiResCAM = Grad-CAM = CAM). Cost: one forward pass plus the head's graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reader_app.imaging.overlay import Heatmap, quantise

Float = NDArray[np.float32]


def class_map(features: Tensor, score: Callable[[Tensor], Tensor], method: str = "hirescam") -> Tensor:
    """Return the class activation map of a scalar score of features.

    Parameters
    ----------
    features : Tensor, (N, C, h, w)
        Output of a trunk; no graph is needed below it.
    score : callable
        Maps features to one number per sample, shape (N,), e.g. the malignant logit minus the benign one.
    method : str
        "hirescam": sum over channels of gradient times feature, cell by cell (faithful to the score). "gradcam": gradients are
        averaged over the map first.

    Returns
    -------
    Tensor, (N, h, w)
        Signed; scaled so that its mean over the map is the score (less the bias) when the score is linear in pooled features.
    """
    leaf = features.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(score(leaf).sum(), leaf)
    if method == "gradcam":
        gradient = gradient.mean((2, 3), keepdim=True).expand_as(gradient)
    elif method != "hirescam":
        raise ValueError(f"unknown method {method!r}")
    cells = features.shape[2] * features.shape[3]
    return (gradient * leaf.detach()).sum(1) * cells


def heatmap(
    image_id: str,
    evidence: Float,
    scale: Sequence[float],
    offset: Sequence[float],
    floor: float,
    ceiling: float,
    least: float,
) -> tuple[Heatmap, Float]:
    """Return a heatmap in the unit 0..1 of evidence, and its exact values.

    Parameters
    ----------
    image_id : str
        Image of the container.
    evidence : float array
        Signed map on its own grid.
    scale, offset : sequence of float
        Image index along axis a of cell i = offset[a] + scale[a] * i, of the true cell centres.
    floor, ceiling : float
        Absolute evidence that becomes 0 and 1; they belong to the model (fixed on calibration cases), never to the image, so that
        noise is not stretched to full colour.
    least : float
        Value (0..1) that at least one cell must reach; otherwise the map says "no evidence".
    """
    value = np.asarray((evidence - floor) / (ceiling - floor), np.float32)
    shown = bool(value.max(initial=-np.inf) >= least)
    grid = quantise(value, 1e-6, 1.0) if shown else np.zeros(value.shape, np.uint8)
    return Heatmap(image_id, grid, tuple(scale), tuple(offset), 0.0, 1.0, shown), value


def smooth(grid: Float) -> Float:
    """Return a map averaged over 3 x 3 cells with weights 1-2-1 (edges continued): single-cell specks do not lead."""
    padded = np.pad(grid, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4, np.float32)


def region_box(grid: Float, peak: tuple[int, int], share: float = 0.45) -> tuple[float, float, float, float]:
    """Return the box, in cells, of the connected region around a peak that keeps a share of its height.

    The map is enlarged four times (linear between true centres) so that the box is finer than a cell.

    Returns
    -------
    tuple of float
        (row start, column start, row stop, column stop) as positions on the cell axis, where cell i is centred at i.
    """
    import cv2

    rows, columns = grid.shape
    fine = 4
    r = np.linspace(0, rows - 1, (rows - 1) * fine + 1, dtype=np.float32)
    c = np.linspace(0, columns - 1, (columns - 1) * fine + 1, dtype=np.float32)
    map_c, map_r = np.meshgrid(c, r)
    large = cv2.remap(np.ascontiguousarray(grid, np.float32), map_c, map_r, cv2.INTER_LINEAR)
    at = (min(peak[0] * fine, large.shape[0] - 1), min(peak[1] * fine, large.shape[1] - 1))
    mask = (large >= share * float(large[at])).astype(np.uint8)
    mask[at] = 1
    _, labels = cv2.connectedComponents(mask, connectivity=8)
    where = np.argwhere(labels == labels[at])
    low, high = where.min(0) / fine, where.max(0) / fine
    half = 0.5 / fine
    return float(low[0] - half), float(low[1] - half), float(high[0] + half), float(high[1] + half)
