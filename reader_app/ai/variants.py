"""What one prediction says for each row of its paper's tables, and where a map's region lies; no torch.

A row of a table is a variant: bong2023's image, regression and tree models come from one prediction, zhou2023's lesion types and
lu2025's classifiers without the age too; all others are a model each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.ai.results import Prediction

Float = NDArray[np.float32]
Bool = NDArray[np.bool_]

#: Share of the min-max scaled activation that belongs to the region (kim2021).
REGION = 0.3

#: Lesion types that are judged one by one, by system.
TYPES = ("mass", "calcification", "asymmetry", "distortion")


@dataclass(frozen=True, slots=True)
class Said:
    """A variant's answer about a case.

    Attributes
    ----------
    variant : str
        Row of the table.
    score : float
        Higher is more suspicious.
    call : bool
        At the variant's own operating point.
    lesion_type : str
        Type whose presence is told; "" where malignancy is.
    """

    variant: str
    score: float
    call: bool
    lesion_type: str = ""


def said(prediction: Prediction) -> Iterator[Said]:
    """Yield the answers of a prediction, one a variant."""
    more = prediction.provenance
    system = str(more.get("system", ""))
    if system == "bong2023":
        calls = more.get("calls") or {}
        scores = {"image": more.get("image_score", 0.0), "logistic": more.get("logistic", 0.0), "tree": more.get("tree", 0.0)}
        for name, score in scores.items():
            yield Said(name, float(score), bool(calls.get(name, False)))
    elif system == "zhou2023":
        yield Said(prediction.model_id, prediction.probability, prediction.positive)
        lesions = more.get("lesions") or []
        for kind in TYPES:
            own = [float(row["score"]) for row in lesions if row.get("type") == kind]
            yield Said(f"type:{kind}", max(own, default=0.0), bool(own), kind)
    else:
        yield Said(prediction.model_id, prediction.probability, prediction.positive)
        if system == "lu2025" and "head_score" in more:
            yield Said(f"{prediction.model_id}/embedding", float(more["head_score"]), float(more["head_score"]) >= 0)


def on_image(grid: Float, scale: tuple[float, float], offset: tuple[float, float], shape: tuple[int, int]) -> Float:
    """Return a map at every pixel of an image of a shape (rows, columns), linear between true cell centres.

    Parameters
    ----------
    grid : float32 array, (h, w)
        Cell i of an axis is centred at image index ``offset + scale * i``.
    scale, offset : tuple of float
        By axis, (row, column).
    shape : tuple of int
        Of the image.
    """
    at = [((np.arange(n) - o) / s).astype(np.float32) for n, s, o in zip(shape, scale, offset, strict=True)]
    columns, rows = np.meshgrid(at[1], at[0])
    return np.asarray(cv2.remap(grid, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def region(activation: Float) -> Bool:
    """Return where the min-max scaled activation is at least 0.3 (nowhere on a flat map)."""
    low, high = float(activation.min()), float(activation.max())
    if high <= low:
        return np.zeros(activation.shape, np.bool_)
    return np.asarray((activation - low) / (high - low) >= REGION, np.bool_)


@dataclass(frozen=True, slots=True)
class Localised:
    """How the region of a map lies to the drawn lesion.

    Attributes
    ----------
    overlaps : bool
        The paper's rule: the region shares at least one pixel with the lesion.
    peak_inside : bool
        The highest pixel of the map lies in the lesion.
    iou : float
        Intersection over union of region and lesion.
    share : float
        Part of the image that the region covers; a region of everything would always overlap.
    """

    overlaps: bool
    peak_inside: bool
    iou: float
    share: float


def localise(activation: Float, lesion: Bool) -> Localised:
    """Compare the region of a map with a drawn lesion, both (rows, columns) at image pixels."""
    found = region(activation)
    both, either = int((found & lesion).sum()), int((found | lesion).sum())
    peak = np.unravel_index(int(np.argmax(activation)), activation.shape)
    return Localised(both > 0, bool(lesion[peak]), both / max(1, either), float(found.mean()))


def localised(prediction: Prediction, image_id: str, lesion: Bool) -> Localised | None:
    """Compare the stored map of one image of a case with its drawn lesion; None where no flat map was stored.

    The map of a case called negative is that of the negative class: its least value is where most speaks for it.
    """
    for heat, raw in zip(prediction.heatmaps, prediction.raw, strict=True):
        if heat.image_id == image_id and raw is not None and raw.ndim == 2:
            grid = np.asarray(raw if prediction.positive else -raw, np.float32)
            scale, offset = (heat.scale[0], heat.scale[1]), (heat.offset[0], heat.offset[1])
            return localise(on_image(grid, scale, offset, (lesion.shape[0], lesion.shape[1])), lesion)
    return None
