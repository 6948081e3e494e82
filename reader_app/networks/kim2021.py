"""kim2021: weakly supervised classification of ultrasound images with class activation maps.

VGG16, ResNet34 or GoogLeNet whose classifier is replaced by global average pooling and one linear layer, trained with image
labels alone on whole images resized to a square. Probability of malignancy (POM) = softmax of the malignant class. The region is
where the class activation map, min-max scaled within the image, is at least 0.3. On screen our map keeps an absolute scale and
says "no evidence" where there is none: min-max scaling would paint a map of any image, also of one without a lesion.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reader_app.networks.classifier import Float, WindowClassifier

MODELS: Mapping[str, tuple[str, str]] = {"kim2021": ("benign", "malignant")}
TITLES: Mapping[str, str] = {"kim2021": "Class activation map of an image-level classifier"}

#: The paper's threshold on the min-max scaled map.
REGION = 0.3


class GapCamNetwork(WindowClassifier):
    """Trunk -> global average pooling -> one linear layer.

    Parameters
    ----------
    backbone : str
        "vgg16", "resnet34", "googlenet" (the paper's) or "small".
    """

    def __init__(self, backbone: str = "resnet34") -> None:
        super().__init__(backbone, 0)


def region(evidence: Float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return the paper's region: cells whose min-max scaled activation is at least 0.3 (none where the map is flat)."""
    low, high = float(evidence.min()), float(evidence.max())
    if high <= low:
        return np.zeros(evidence.shape, np.bool_)
    return np.asarray((evidence - low) / (high - low) >= REGION, np.bool_)
