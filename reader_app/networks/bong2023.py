"""bong2023: Mask R-CNN on ultrasound, a perceptron on clinical data, and both combined; the networks.

The image network is a two-stage detector with masks on a ResNet-101 with feature pyramid, whole images fitted into 1024 x 1024
(aspect kept, rest filled), classes background / benign / cancer. The paper starts from a trained ResNet-101; here nothing is
downloaded, so training starts from random weights or from a file the user gives, and normalisation is by groups (statistics of a
batch of one or two images train badly, frozen ones from random weights not at all). A lesion's image score is its class score of
cancer. The "small" trunk at 256 x 256 is for CPUs, tests and phantoms.

The clinical network has hidden layers of 30-60-120-60-30 with ReLU, batch normalisation between them, and two outputs. The paper
found these sizes by a Bayesian search and prints three inputs for four factors; its sizes are the default, ``ai train bong2023
--search N`` searches anew (:mod:`reader_app.networks.bong2023_search`), and there is one input per encoded factor: age, family
history, BRCA, density a, b, c and d.

Everything after the trunk runs in single precision: box coordinates do not survive half precision.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from reader_app.errors import BundleError
from reader_app.networks import vision
from reader_app.networks.backbones import _Residual

Float = NDArray[np.float32]

MODEL = "bong2023"
TITLE = "Masses on ultrasound: Mask R-CNN with clinical data"
LABELS = ("benign", "malignant")
BACKBONES: tuple[str, ...] = ("resnet101", "small")

#: Pixels a side of the input, by backbone.
SIZES: Mapping[str, int] = {"resnet101": 1024, "small": 256}

#: Class numbers of the detector.
BENIGN, CANCER = 1, 2

HIDDEN: tuple[int, ...] = (30, 60, 120, 60, 30)
FACTORS: tuple[str, ...] = ("age", "family_history", "brca", "density_a", "density_b", "density_c", "density_d")

#: Largest number of lesions an image may have, least score of a lesion of either class, and overlap that makes two boxes one.
MOST, LEAST, OVERLAP = 5, 0.3, 0.3


def _groups(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(min(32, channels // 4), channels)


class _SmallStages(nn.Module):
    """Three stages of strides 4, 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Conv2d(3, 16, 5, 2, 2, bias=False)
        self.one = nn.Sequential(stem, _groups(16), nn.ReLU(), _grouped(_Residual(16, 32, 2)))
        self.two = _grouped(_Residual(32, 64, 2))
        self.three = _grouped(_Residual(64, 96, 2))

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        one = self.one(x)
        two = self.two(one)
        return OrderedDict([("0", one), ("1", two), ("2", self.three(two))])


def _grouped(block: _Residual) -> _Residual:
    block.bn1 = _groups(block.conv1.out_channels)  # type: ignore[assignment]
    block.bn2 = _groups(block.conv2.out_channels)  # type: ignore[assignment]
    return block


class _SmallPyramid(nn.Module):
    """The small stages with a feature pyramid of 48 channels."""

    out_channels = 48

    def __init__(self) -> None:
        super().__init__()
        self.body = _SmallStages()
        self.fpn = vision.torchvision("ops").FeaturePyramidNetwork([32, 64, 96], self.out_channels)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        out: OrderedDict[str, Tensor] = self.fpn(self.body(x))
        return out


def _detector(backbone: str) -> nn.Module:
    """Return torchvision's Mask R-CNN for a backbone, with random weights."""
    parts = vision.torchvision("models.detection")
    size = SIZES[backbone]
    common: dict[str, Any] = {
        "min_size": size,
        "max_size": size,
        "image_mean": [0.45] * 3,
        "image_std": [0.2] * 3,
        "_skip_resize": True,
        "rpn_nms_thresh": 0.7,
    }
    if backbone == "resnet101":
        body = parts.backbone_utils.resnet_fpn_backbone(
            backbone_name="resnet101", weights=None, trainable_layers=5, norm_layer=_groups
        )
        model: nn.Module = parts.MaskRCNN(body, 3, **common)
        return model
    rpn, faster, mask = parts.rpn, parts.faster_rcnn, parts.mask_rcnn
    pool = vision.torchvision("ops").MultiScaleRoIAlign
    levels, width = ["0", "1", "2"], _SmallPyramid.out_channels
    sides = (((16, 24),), ((40, 64),), ((96, 144),))
    anchors = rpn.AnchorGenerator(tuple(s[0] for s in sides), ((0.5, 1.0, 2.0),) * 3)
    model = parts.MaskRCNN(
        _SmallPyramid(),
        rpn_anchor_generator=anchors,
        rpn_head=rpn.RPNHead(width, anchors.num_anchors_per_location()[0]),
        rpn_pre_nms_top_n_train=300,
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_train=100,
        rpn_post_nms_top_n_test=40,
        rpn_batch_size_per_image=64,
        box_batch_size_per_image=32,
        box_roi_pool=pool(levels, 7, 2),
        box_head=faster.TwoMLPHead(width * 49, 96),
        box_predictor=faster.FastRCNNPredictor(96, 3),
        mask_roi_pool=pool(levels, 14, 2),
        mask_head=mask.MaskRCNNHeads(width, (48, 48), 1),
        mask_predictor=mask.MaskRCNNPredictor(48, 48, 3),
        **common,
    )
    return model


@contextlib.contextmanager
def _fast_pooling() -> Iterator[None]:
    """Let torchvision use its own RoIAlign on CUDA; where repeatable kernels are asked for it falls back to a very slow one."""
    asked = torch.are_deterministic_algorithms_enabled()
    warn = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(asked and not torch.cuda.is_available(), warn_only=warn)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(asked, warn_only=warn)


@dataclass(frozen=True, eq=False)
class Found:
    """A lesion in the square input of the network.

    Attributes
    ----------
    box : tuple of float
        (row start, column start, row stop, column stop) in input pixels, edges (pixel i covers i to i + 1).
    cancer, benign : float
        Class scores, 0 to 1; with the background's they sum to 1.
    mask : float32 array, (28, 28)
        Probability of belonging to the lesion, on an even grid over the box.
    evidence : float32 array, (rows, columns)
        Grad-CAM of this box's cancer logit against the background's; cell i of each axis is centred at input pixel 4 * i.
    """

    box: tuple[float, float, float, float]
    cancer: float
    benign: float
    mask: Float
    evidence: Float


class ImageNetwork(nn.Module):
    """The detector with masks.

    Parameters
    ----------
    backbone : str
        One of :data:`BACKBONES`.
    """

    def __init__(self, backbone: str = "resnet101") -> None:
        super().__init__()
        if backbone not in BACKBONES:
            raise BundleError(f"The backbone {backbone!r} is not known to bong2023; use one of {', '.join(BACKBONES)}.")
        self.backbone, self.size = backbone, SIZES[backbone]
        self.model: Any = _detector(backbone)

    def _features(self, pixels: Tensor) -> tuple[Any, OrderedDict[str, Tensor]]:
        """Return the normalised images and the pyramid of grey images (N, 1, S, S), 0 to 1."""
        images, _ = self.model.transform(list(pixels.expand(-1, 3, -1, -1)))
        features = self.model.backbone(images.tensors)
        return images, OrderedDict((k, v.float()) for k, v in features.items())

    def loss(self, pixels: Tensor, targets: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """Return the sum of the detector's five losses.

        Parameters
        ----------
        pixels : Tensor, (N, 1, S, S)
            Grey values 0 to 1.
        targets : sequence of mapping
            For each image "boxes" (K, 4; x1, y1, x2, y2), "labels" (K,), "masks" (K, S, S; uint8).
        """
        images, features = self._features(pixels)
        with torch.autocast(pixels.device.type, enabled=False), _fast_pooling():
            proposals, first = self.model.rpn(images, features, list(targets))
            _, second = self.model.roi_heads(features, proposals, images.image_sizes, list(targets))
            total: Tensor = torch.stack([*first.values(), *second.values()]).sum()
        return total

    def find(self, pixels: Tensor, explain: bool = True) -> list[Found]:
        """Return the lesions of one grey image (1, S, S), highest score of cancer first.

        A lesion has one box with the scores of both classes: the box of its likelier class, kept when background is unlikely, and
        boxes that overlap are one lesion whatever their class.
        """
        self.eval()
        heads = self.model.roi_heads
        with torch.no_grad(), _fast_pooling():
            images, features = self._features(pixels[None])
            proposals, _ = self.model.rpn(images, features)
            logits, offsets = heads.box_predictor(heads.box_head(heads.box_roi_pool(features, proposals, images.image_sizes)))
            chance = functional.softmax(logits, -1)
            label = chance[:, 1:].argmax(1) + 1
            boxes = heads.box_coder.decode(offsets, proposals)[torch.arange(len(label), device=label.device), label]
            boxes = boxes.clamp(0, self.size)
            lesion = 1 - chance[:, 0]
            whole = ((boxes[:, 2:] - boxes[:, :2]).min(1).values >= 2) & (lesion >= LEAST)
            boxes, chance, label, lesion = boxes[whole], chance[whole], label[whole], lesion[whole]
            keep = vision.nms(boxes, lesion, OVERLAP)[:MOST]
            boxes, chance, label = boxes[keep], chance[keep], label[keep]
            if not len(boxes):
                return []
            pooled = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(features, [boxes], images.image_sizes)))
            masks = pooled[torch.arange(len(label), device=label.device), label].sigmoid().float().cpu().numpy()
        out = []
        for k in range(len(boxes)):
            evidence = self._evidence(features, boxes[k : k + 1], images.image_sizes) if explain else np.zeros((0, 0), np.float32)
            x1, y1, x2, y2 = (float(v) for v in boxes[k])
            scores = float(chance[k, CANCER]), float(chance[k, BENIGN])
            out.append(Found((y1, x1, y2, x2), *scores, np.asarray(masks[k], np.float32), evidence))
        return sorted(out, key=lambda f: -f.cancer)

    def _evidence(self, features: Mapping[str, Tensor], box: Tensor, sizes: Any) -> Float:
        """Return the HiResCAM of one box's cancer logit less background's: only this box is pooled again, no hooks."""
        heads = self.model.roi_heads
        leaves = OrderedDict((k, v.detach().requires_grad_(True)) for k, v in features.items())
        with torch.enable_grad(), _fast_pooling():
            logits, _ = heads.box_predictor(heads.box_head(heads.box_roi_pool(leaves, [box], sizes)))
            score = logits[0, CANCER] - logits[0, 0]
            gradients = torch.autograd.grad(score, list(leaves.values()), allow_unused=True)
        finest = next(iter(leaves.values()))
        total = torch.zeros(finest.shape[2:], device=finest.device)
        for leaf, gradient in zip(leaves.values(), gradients, strict=True):
            if gradient is not None:
                total += _on_finest((gradient * leaf.detach()).sum(1)[0].clamp(min=0), finest.shape[2])
        return np.asarray(total.float().cpu().numpy(), np.float32)


def _on_finest(grid: Tensor, size: int) -> Tensor:
    """Return a square map on the finest level's cells: cell i of a level of stride s is centred at input pixel s * i."""
    ratio = size / grid.shape[0]
    at = (torch.arange(size, device=grid.device) / ratio).clamp(max=grid.shape[0] - 1)
    low = at.floor().long()
    high = (low + 1).clamp(max=grid.shape[0] - 1)
    part = at - low
    rows = grid[low] * (1 - part)[:, None] + grid[high] * part[:, None]
    found: Tensor = (rows[:, low] * (1 - part) + rows[:, high] * part) / ratio**2
    return found


class ClinicalNetwork(nn.Module):
    """The perceptron on clinical factors (N, 7) -> two logits; age arrives in years and is standardised here."""

    age_mean_std: Tensor

    def __init__(self, hidden: Sequence[int] = HIDDEN) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = len(FACTORS)
        for number, size in enumerate(hidden):
            layers += [nn.Linear(width, size), nn.ReLU()]
            if number < len(hidden) - 1:
                layers.append(nn.BatchNorm1d(size))
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, 2))
        self.register_buffer("age_mean_std", torch.tensor([50.0, 12.0]))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 2)."""
        age = (x[:, :1] - self.age_mean_std[0]) / self.age_mean_std[1]
        logits: Tensor = self.layers(torch.cat([age, x[:, 1:]], 1))
        return logits

    def score(self, x: Float) -> Float:
        """Return the probability of cancer (N,) of encoded factors (N, 7)."""
        self.eval()
        with torch.no_grad():
            out = self(torch.from_numpy(x).to(self.age_mean_std.device)).softmax(1)[:, 1]
        return np.asarray(out.float().cpu().numpy(), np.float32)


def encode(clinical: Mapping[str, str], mean_age: float) -> tuple[Float, list[str]]:
    """Return the factors (7,) of one woman and a note for each that is missing.

    A missing age counts as the mean; a missing family history or BRCA test as none; a missing density sets none of its inputs.
    """
    from reader_app.networks.preprocess import clinical_age

    notes = []
    age = clinical_age(clinical)
    if age is None:
        age = mean_age
        notes.append(f"age missing: {mean_age:.0f} years assumed")
    family, brca, density = (str(clinical.get(k, "")).strip().lower() for k in ("family_history", "brca", "density"))
    for name, word in (("family history", family), ("BRCA", brca)):
        if word not in {*_YES, *_NO}:
            notes.append(f"{name} missing: taken as negative")
    density = density.removeprefix("acr").strip()
    if density not in ("a", "b", "c", "d"):
        notes.append("density missing")
    row = [age, float(family in _YES), float(brca in _YES), *(float(density == k) for k in "abcd")]
    return np.array(row, np.float32), notes


_YES = ("yes", "y", "1", "true", "positive", "brca1", "brca2")
_NO = ("no", "n", "0", "false", "negative", "none", "not tested")
