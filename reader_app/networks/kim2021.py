"""kim2021: weakly supervised classification of ultrasound images with class activation maps.

VGG16 (model ``kim2021_vgg16``), ResNet34 (``kim2021``) or GoogLeNet (``kim2021_googlenet``) whose classifier is replaced by
global average pooling and one linear layer, trained with image labels alone on whole images resized to a square. Probability of
malignancy (POM) = softmax of the malignant class. The region is where the class activation map, min-max scaled within the image,
is at least 0.3. On screen our map keeps an absolute scale and says "no evidence" where there is none: min-max scaling would paint
a map of any image, also of one without a lesion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from reader_app.networks.backbones import CellGeometry
from reader_app.networks.classifier import Float, WindowClassifier

LABELS = ("benign", "malignant")

#: The paper's network of each model; "small" stands for its small counterpart.
NETWORKS: Mapping[str, str] = {"kim2021": "resnet34", "kim2021_vgg16": "vgg16", "kim2021_googlenet": "googlenet"}
SMALL: Mapping[str, str] = {"resnet34": "small", "vgg16": "small_vgg16", "googlenet": "small_googlenet"}
MODELS: Mapping[str, tuple[str, str]] = dict.fromkeys(NETWORKS, LABELS)
_TITLE = "Class activation map of an image-level classifier"
TITLES: Mapping[str, str] = {
    "kim2021": _TITLE,
    "kim2021_vgg16": f"{_TITLE} (VGG16)",
    "kim2021_googlenet": f"{_TITLE} (GoogLeNet)",
}

#: The paper's threshold on the min-max scaled map.
REGION = 0.3


def trunk_of(model_id: str, backbone: str | None) -> str:
    """Return the trunk of a model: its paper's by default; "small" is the small counterpart of that; any other as named."""
    own = NETWORKS[model_id]
    if backbone is None:
        return own
    return SMALL[own] if backbone == "small" else backbone


class GapCamNetwork(WindowClassifier):
    """Trunk -> global average pooling -> one linear layer.

    Parameters
    ----------
    backbone : str
        "vgg16", "resnet34", "googlenet" (the paper's) or their small counterparts "small_vgg16", "small", "small_googlenet".
    """

    def __init__(self, backbone: str = "resnet34") -> None:
        super().__init__(backbone, 0)


def on_image(evidence: Float, cells: CellGeometry, factor: tuple[float, float], shape: tuple[int, int]) -> Float:
    """Return a map of cells at every pixel of an image of a shape (rows, columns), linear between true cell centres.

    Parameters
    ----------
    evidence : float32 array, (h, w)
        Cell i is centred at input pixel ``cells.offset + cells.stride * i``.
    cells : CellGeometry
        Of the trunk.
    factor : tuple of float
        Image pixels per input pixel, (row, column).
    shape : tuple of int
        Of the image.
    """
    at = []
    for n, f in zip(shape, factor, strict=True):
        at.append((((np.arange(n) + 0.5) / f - 0.5 - cells.offset) / cells.stride).astype(np.float32))
    columns, rows = np.meshgrid(at[1], at[0])
    return np.asarray(cv2.remap(evidence, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


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


def localise(activation: Float, lesion: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Localised:
    """Compare the region of a map with a drawn lesion, both (rows, columns) at image pixels."""
    found = region(activation)
    both, either = int((found & lesion).sum()), int((found | lesion).sum())
    peak = np.unravel_index(int(np.argmax(activation)), activation.shape)
    return Localised(both > 0, bool(lesion[peak]), both / max(1, either), float(found.mean()))


def region(evidence: Float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return the paper's region: cells whose min-max scaled activation is at least 0.3 (none where the map is flat)."""
    low, high = float(evidence.min()), float(evidence.max())
    if high <= low:
        return np.zeros(evidence.shape, np.bool_)
    return np.asarray((evidence - low) / (high - low) >= REGION, np.bool_)
