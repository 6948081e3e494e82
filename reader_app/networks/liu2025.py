"""liu2025: automated breast volume scans; a U-Net finds lesions on three planes, a three-branch classifier judges them.

A U-Net with an EfficientNet-b0 encoder, one for each of the transverse, sagittal and coronal planes, marks lesions on every
slice; what it marks becomes boxes in the volume (:mod:`reader_app.networks.liu2025_volume`). A lesion's crops of the three planes
go through one branch each: transverse and sagittal features are ADDED, the sum is CONCATENATED with the coronal features, a fully
connected layer halves the result, two outputs follow. A lesion's probability is the mean over its frames; malignant above 0.5.
The one-plane variants (transverse, sagittal, coronal) and the two-plane one (transverse + sagittal, added) are models of their
own. The paper gives formulas for addition and for concatenation and takes both ("hybrid"); either alone can be asked for.

Where the paper is silent we chose: a ReLU follows the halving layer; frame k of a lesion is the k-th of evenly spaced transverse
slices through its box together with the k-th sagittal and coronal ones; a U-Net sees a slice with its neighbours as further
channels (two on either side, one with the paper's encoder, whose published weights take three channels), which shows it what is
speckle; the U-Nets' outputs are averaged in the volume, over the planes and over neighbouring cubes, and cut where that overlaps
best with the drawn lesions of calibration scans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from reader_app.errors import BundleError
from reader_app.networks import backbones, vision
from reader_app.networks.backbones import CellGeometry, SmallTrunk, Trunk

#: Planes in the order of the paper.
PLANES: tuple[str, str, str] = ("transverse", "sagittal", "coronal")

#: Planes of each model.
MODELS: Mapping[str, tuple[str, ...]] = {
    "liu2025_T": PLANES[:1],
    "liu2025_S": PLANES[1:2],
    "liu2025_C": PLANES[2:],
    "liu2025_TS": PLANES[:2],
    "liu2025": PLANES,
}
TITLES: Mapping[str, str] = {
    "liu2025_T": "Lesions of a breast volume scan: benign against malignant, transverse plane",
    "liu2025_S": "Lesions of a breast volume scan: benign against malignant, sagittal plane",
    "liu2025_C": "Lesions of a breast volume scan: benign against malignant, coronal plane",
    "liu2025_TS": "Lesions of a breast volume scan: benign against malignant, two planes",
    "liu2025": "Lesions of a breast volume scan: benign against malignant, three planes",
}
LABELS: tuple[str, str] = ("benign", "malignant")

#: How features of several planes are joined: transverse and sagittal added, the sum concatenated with coronal (the paper's);
#: all added; or all concatenated.
FUSIONS: tuple[str, ...] = ("hybrid", "add", "concatenate")

#: The paper's operating point.
THRESHOLD = 0.5

#: Of the encoder's batch normalisation. The library's 0.01 leaves the running means far behind in short trainings (measured on
#: phantoms: Dice 0.001 after five epochs instead of 0.87).
MOMENTUM = 0.1

#: Log odds of lesion that a U-Net begins with: most of a slice is none. Begun with even odds, the small one of the coronal plane
#: marked nothing after six epochs.
PRIOR = -3.0

#: Slices are padded to a multiple of this for a U-Net.
MULTIPLE: Mapping[str, int] = {"small": 4}


def _block(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for source, spread in ((inputs, 1), (outputs, dilation)):
        layers += [nn.Conv2d(source, outputs, 3, padding=spread, dilation=spread, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class SmallUnet(nn.Module):
    """A U-Net of three levels and about 70 thousand parameters, for CPUs, tests and the demo.

    On 30 phantoms (200 to train on, transverse plane, four epochs, five slices) its Dice was 0.84; begun at half the resolution,
    at a third of the cost, 0.81, and that with the slice alone 0.79.
    """

    def __init__(self, channels: int = 1, width: int = 12) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.top = _block(width, width)
        self.middle = _block(width, 2 * width)
        self.bottom = _block(2 * width, 4 * width, 2)
        self.up_middle = _block(6 * width, 2 * width)
        self.up_top = _block(3 * width, width)
        self.out = nn.Conv2d(width, 1, 3, padding=1)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, PRIOR)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 1, H, W); H and W are multiples of 4."""
        top = self.top(self.stem(x))
        middle = self.middle(nn.functional.max_pool2d(top, 2))
        y = self.bottom(nn.functional.max_pool2d(middle, 2))
        y = self.up_middle(torch.cat([nn.functional.interpolate(y, scale_factor=2.0), middle], 1))
        y = self.up_top(torch.cat([nn.functional.interpolate(y, scale_factor=2.0), top], 1))
        logits: Tensor = self.out(y)
        return logits


def unet(backbone: str, beside: int = 0) -> nn.Module:
    """Return the U-Net that goes with a classifier's backbone: the small one, else EfficientNet-b0 (random weights).

    It takes (N, 2 * beside + 1, H, W): a slice in the middle of so many neighbours on either side.
    """
    channels = 2 * beside + 1
    if backbone == "small":
        return SmallUnet(channels)
    library = vision.segmentation_models()
    network: nn.Module = library.Unet("efficientnet-b0", encoder_weights=None, in_channels=channels, classes=1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = MOMENTUM
    last = [m for m in network.modules() if isinstance(m, nn.Conv2d)][-1]
    assert last.bias is not None
    nn.init.constant_(last.bias, PRIOR)
    return network


def branch(backbone: str) -> Trunk:
    """Return the trunk of one plane; "small" is half as wide as the other systems' because there are three of it."""
    if backbone == "small":
        return Trunk("small", SmallTrunk(8), 48, CellGeometry(8, 0.0), 4, CellGeometry(4, 0.0))
    return backbones.build(backbone)


class PlaneFusion(nn.Module):
    """The classifier: one branch a plane, transverse and sagittal added, then concatenated with coronal, halved, two outputs.

    Parameters
    ----------
    backbone : str
        Of every branch; the paper compares "vgg19", "densenet161", "resnet101" and "resnet50".
    planes : sequence of str
        One of :data:`MODELS`.
    fusion : str
        One of :data:`FUSIONS`.
    """

    def __init__(self, backbone: str = "resnet50", planes: Sequence[str] = PLANES, fusion: str = FUSIONS[0]) -> None:
        super().__init__()
        if tuple(planes) not in MODELS.values():
            raise ValueError(f"planes {tuple(planes)} are not one of {', '.join(map(str, MODELS.values()))}")
        if fusion not in FUSIONS:
            raise BundleError(f"The fusion {fusion!r} is not known; use one of {', '.join(FUSIONS)}.")
        self.planes = tuple(planes)
        self.fusion = fusion
        self.branches = nn.ModuleList(branch(backbone) for _ in self.planes)
        joined = {"hybrid": 1 + (len(self.planes) == 3), "add": 1, "concatenate": len(self.planes)}[fusion]
        self.fused = joined * self.trunk(0).channels
        self.halve = nn.Linear(self.fused, self.fused // 2)
        self.head = nn.Linear(self.fused // 2, 2)

    def trunk(self, number: int) -> Trunk:
        """Return the branch of a plane by its place in ``planes``."""
        found = self.branches[number]
        assert isinstance(found, Trunk)
        return found

    def fuse(self, pooled: Sequence[Tensor]) -> Tensor:
        """Return the fused features (N, fused) of the pooled features (N, channels) of every plane."""
        if self.fusion == "concatenate":
            return torch.cat(list(pooled), 1)
        added = pooled if self.fusion == "add" else pooled[:2]
        across = torch.stack(list(added)).sum(0)
        return across if len(added) == len(pooled) else torch.cat([across, pooled[2]], 1)

    def embed(self, features: Sequence[Tensor]) -> Tensor:
        """Return the halved features (N, fused / 2) of the feature maps (N, channels, h, w) of every plane."""
        return torch.relu(self.halve(self.fuse([f.mean((2, 3)) for f in features])))

    def score(self, features: Sequence[Tensor]) -> Tensor:
        """Return the malignant logit minus the benign one, (N,)."""
        logits: Tensor = self.head(self.embed(features))
        return logits[:, 1] - logits[:, 0]

    def forward(self, crops: Tensor) -> Tensor:
        """Return logits (N, 2) of crops (N, planes, H, W)."""
        features = [self.trunk(k)(crops[:, k : k + 1]) for k in range(len(self.planes))]
        logits: Tensor = self.head(self.embed(features))
        return logits


class Liu2025Network(nn.Module):
    """Both parts: a U-Net for each plane and the classifier.

    Parameters
    ----------
    backbone : str
        Of the classifier's branches; "small" also takes the small U-Nets.
    planes, fusion : sequence of str and str
        Planes the classifier sees, and how it joins them; lesions are always looked for on all three.
    beside : int
        Neighbouring slices on either side that a U-Net sees.
    """

    def __init__(
        self, backbone: str = "resnet50", planes: Sequence[str] = PLANES, fusion: str = FUSIONS[0], beside: int = 0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.beside = beside
        self.finders = nn.ModuleDict({plane: unet(backbone, beside) for plane in PLANES})
        self.classifier = PlaneFusion(backbone, planes, fusion)

    @property
    def multiple(self) -> int:
        """What the sides of a slice must be a multiple of."""
        return MULTIPLE.get(self.backbone, 32)
