"""Parts of the four-view detector: its sizes, the trunk that gives several levels, and the fusion of views.

Where the paper is silent we chose: features are fused on every level of the pyramid; the other breast's map (mirrored, so that
like places meet) is averaged over 3 x 3 cells, because breasts never lie quite alike, then joined by 1 x 1 convolutions;
the other projection's map is pooled along its height (largest value and mean), because both projections share only the distance
from the nipple, and joined in the same way. A missing view adds nothing. The paper's trunk keeps batch normalisation (published
weights fit); the smaller ones use group normalisation, since a step sees one exam only. Frozen normalisation is never used: from
random weights activations would explode.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from reader_app.errors import BundleError
from reader_app.networks import vision

#: The other breast in the same projection, and the other projection of the same breast, of views RCC, LCC, RMLO, LMLO.
OTHER_SIDE, OTHER_VIEW = [1, 0, 3, 2], [2, 3, 0, 1]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a detector is.

    Attributes
    ----------
    mm : float
        Pixel size of the views.
    pyramid, hidden : int
        Channels of the feature pyramid and of the box head.
    proposals : tuple of int
        Of a view: before and after suppression in training, before and after in use.
    sampled : tuple of int
        Anchors and proposals of a view that enter the loss.
    first : int
        The finest stage of the trunk that enters the pyramid: 0 has 4 pixels a cell, 1 has 8.
    steps : tuple of float
        Sides of the anchors of a level, over its least one.
    ratios : tuple of float
        Height over width of the anchors.
    match : float
        Least overlap (intersection over union) of an anchor with the lesion it is for.
    """

    mm: float
    pyramid: int
    hidden: int
    proposals: tuple[int, int, int, int]
    sampled: tuple[int, int]
    first: int = 0
    steps: tuple[float, ...] = (1.0,)
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    match: float = 0.7

    @property
    def finest(self) -> int:
        """Stack pixels between cells of the finest level of the pyramid; its cell i is centred at pixel ``finest * i``."""
        return int(4 * 2**self.first)

    @property
    def anchors(self) -> tuple[tuple[int, ...], ...]:
        """Sides of the anchors of each level in pixels, from 4.8 mm (where the pyramid begins at 4 pixels) to 77 or 108 mm."""
        return tuple(tuple(round(4.8 * 2**level * step / self.mm) for step in self.steps) for level in range(self.first, 5))


SIZES: Mapping[str, Size] = {
    "resnet50": Size(0.15, 256, 1024, (2000, 1000, 1000, 300), (256, 256)),
    "resnet18": Size(0.3, 128, 512, (1000, 400, 500, 100), (128, 128)),
    "small": Size(0.6, 32, 128, (150, 60, 150, 40), (64, 32), 1, (1.0, 1.41), (1.0,), 0.5),
}


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False)
        self.norm1 = nn.GroupNorm(8, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.GroupNorm(8, outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.skip(x))


class PyramidTrunk(nn.Module):
    """Maps (N, 1, H, W) to levels of features, 4 (left out by the small one), 8, 16 and 32 pixels a cell."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        if backbone == "small":
            self.channels = [24, 48, 64, 96]
            self.stem: nn.Module = nn.Sequential(nn.Conv2d(1, 16, 5, 2, 2, bias=False), nn.GroupNorm(8, 16), nn.ReLU())
            stages: list[nn.Module] = [_Block(a, b) for a, b in zip([16, *self.channels[:3]], self.channels, strict=True)]
        elif backbone in SIZES:
            models = vision.torchvision("models")
            norm: Any = nn.BatchNorm2d if backbone == "resnet50" else lambda channels: nn.GroupNorm(8, channels)
            body = getattr(models, backbone)(weights=None, norm_layer=norm)
            stages = [body.layer1, body.layer2, body.layer3, body.layer4]
            width = int(body.fc.in_features)
            self.channels = [width // 8, width // 4, width // 2, width]
            self.stem = nn.Sequential(OrderedDict(conv1=body.conv1, bn1=body.bn1, relu=body.relu, maxpool=body.maxpool))
        else:
            raise BundleError(f"The backbone {backbone!r} is not known for four views; use one of {', '.join(SIZES)}.")
        self.name = backbone
        self.first = SIZES[backbone].first
        self.channels = self.channels[self.first :]
        self.grey = 3 if backbone != "small" else 1
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """Return the levels by name, finest first."""
        x = self.stem(x.expand(-1, self.grey, -1, -1))
        levels: OrderedDict[str, Tensor] = OrderedDict()
        for number, layer in enumerate((self.layer1, self.layer2, self.layer3, self.layer4)):
            x = layer(x)
            if number >= self.first:
                levels[str(number - self.first)] = x
        return levels


class ViewFusion(nn.Module):
    """Adds to each view what the other breast and the other projection show at the like place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.side_own, self.side_other = nn.Conv2d(channels, channels, 1), nn.Conv2d(channels, channels, 1, bias=False)
        self.view_own, self.view_other = nn.Conv2d(channels, channels, 1), nn.Conv2d(2 * channels, channels, 1, bias=False)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Return fused maps (4, C, h, w); ``present`` (4,) tells which views there are."""
        keep = present.to(x.dtype).view(-1, 1, 1, 1)
        x = x * keep
        other = functional.avg_pool2d(x[OTHER_SIDE], 3, 1, 1)
        x = (x + torch.relu(self.side_own(x) + self.side_other(other))) * keep
        column = torch.cat([x.amax(2, keepdim=True), x.mean(2, keepdim=True)], 1)[OTHER_VIEW]
        fused: Tensor = (x + torch.relu(self.view_own(x) + self.view_other(column))) * keep
        return fused
