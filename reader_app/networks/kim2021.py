"""kim2021: weakly supervised classification of ultrasound images with class activation maps.

VGG16 (model ``kim2021_vgg16``), ResNet34 (``kim2021``) or GoogLeNet (``kim2021_googlenet``) whose classifier is replaced by
global average pooling and one linear layer, trained with image labels alone on whole images resized to a square. Probability of
malignancy (POM) = softmax of the malignant class. The region is where the class activation map, min-max scaled within the image,
is at least 0.3. On screen our map keeps an absolute scale and says "no evidence" where there is none: min-max scaling would paint
a map of any image, also of one without a lesion.
"""

from __future__ import annotations

from collections.abc import Mapping

from reader_app.ai import variants
from reader_app.networks.backbones import CellGeometry
from reader_app.networks.classifier import Float, WindowClassifier

LABELS = ("benign", "malignant")

#: The paper's network of each model; "small" stands for its small counterpart.
NETWORKS: Mapping[str, str] = {"kim2021": "resnet34", "kim2021_vgg16": "vgg16", "kim2021_googlenet": "googlenet"}
SMALL: Mapping[str, str] = {"resnet34": "small", "vgg16": "small_vgg16", "googlenet": "small_googlenet"}

#: Fully supervised counterparts: on the crop around the drawn lesion, or around what a U-Net finds.
REGIONS: Mapping[str, str] = {"": "", "_roi": "drawn", "_unet": "unet"}
MODELS: Mapping[str, tuple[str, str]] = {f"{name}{end}": LABELS for end in REGIONS for name in NETWORKS}
_NAMES: Mapping[str, str] = {"kim2021": "", "kim2021_vgg16": " (VGG16)", "kim2021_googlenet": " (GoogLeNet)"}
_TITLES: Mapping[str, str] = {
    "": "Class activation map of an image-level classifier",
    "_roi": "Classifier of the crop around a drawn lesion",
    "_unet": "Classifier of the crop around the lesion a U-Net finds",
}
TITLES: Mapping[str, str] = {f"{name}{end}": f"{_TITLES[end]}{_NAMES[name]}" for end in REGIONS for name in NETWORKS}

#: The paper's threshold on the min-max scaled map.
REGION = variants.REGION


def without_region(model_id: str) -> str:
    """Return the weakly supervised model of the same network."""
    return model_id.removesuffix("_roi").removesuffix("_unet")


def region_of(model_id: str) -> str:
    """Return how a model's crop is found: "" (whole image), "drawn" or "unet"."""
    return REGIONS[model_id.removeprefix(without_region(model_id))]


def trunk_of(model_id: str, backbone: str | None) -> str:
    """Return the trunk of a model: its paper's by default; "small" is the small counterpart of that; any other as named."""
    own = NETWORKS[without_region(model_id)]
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
    scale = (cells.stride * factor[0], cells.stride * factor[1])
    offset = ((cells.offset + 0.5) * factor[0] - 0.5, (cells.offset + 0.5) * factor[1] - 0.5)
    return variants.on_image(evidence, scale, offset, shape)


#: Region and localisation are the same for stored predictions.
region, localise = variants.region, variants.localise
