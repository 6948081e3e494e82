"""Convolutional trunks by name, each with the true centre of its feature cells.

A trunk maps (N, 1, H, W) to features (N, channels, h, w). Feature cell i is centred at input pixel ``offset + stride * i``. For
trunks built from odd kernels with symmetric padding (ResNet, the small trunk) the centre of cell i is pixel ``stride * i``, not
the middle of a stride x stride tile; resizing a map instead would shift it by almost half a stride (measured: 15.5 of 224 px).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reader_app.errors import BundleError
from reader_app.networks import vision


@dataclass(frozen=True, slots=True)
class CellGeometry:
    """Where feature cells lie: cell i is centred at input pixel ``offset + stride * i`` (both axes)."""

    stride: float
    offset: float


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.skip(x))


class SmallTrunk(nn.Sequential):
    """A residual trunk of about 300 thousand parameters and stride 8, for CPUs, tests and the demo."""

    def __init__(self, width: int = 16) -> None:
        super().__init__(
            nn.Conv2d(1, width, 5, 2, 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _Residual(width, 2 * width, 2),
            _Residual(2 * width, 4 * width, 2),
            _Residual(4 * width, 6 * width, 1),
        )


def _plain(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a convolution with batch normalisation and ReLU."""
    layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU())


class _Inception(nn.Module):
    """Four branches side by side: 1 x 1; 1 x 1 and 3 x 3; 1 x 1 and two 3 x 3; pooling and 1 x 1."""

    def __init__(self, inputs: int, one: int, three: int, five: int, pool: int) -> None:
        super().__init__()
        self.one = _plain(inputs, one, 1)
        self.three = nn.Sequential(_plain(inputs, three // 2, 1), _plain(three // 2, three))
        self.five = nn.Sequential(_plain(inputs, five // 2, 1), _plain(five // 2, five), _plain(five, five))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), _plain(inputs, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], 1)


class _Grey(nn.Module):
    """Repeats the one grey channel for trunks made for three."""

    def forward(self, x: Tensor) -> Tensor:
        return x.expand(-1, 3, -1, -1)


class Trunk(nn.Module):
    """A named trunk with its number of channels and cell geometry.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`.
    body : Sequential
        Its layers.
    channels : int
        Of its features.
    cells : CellGeometry
        Where its feature cells lie.
    split, split_cells : int and CellGeometry
        Number of layers before the finer map that explanations may use, and where that map's cells lie; by default the last.
    """

    def __init__(
        self,
        name: str,
        body: nn.Sequential,
        channels: int,
        cells: CellGeometry,
        split: int | None = None,
        split_cells: CellGeometry | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.body = body
        self.channels = channels
        self.cells = cells
        self.split = len(body) if split is None else split
        self.split_cells = split_cells or cells

    def early(self, x: Tensor) -> Tensor:
        """Return the finer map of explanations."""
        for layer in list(self.body)[: self.split]:
            x = layer(x)
        return x

    def late(self, x: Tensor) -> Tensor:
        """Return the features of a finer map."""
        for layer in list(self.body)[self.split :]:
            x = layer(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, channels, h, w)."""
        features: Tensor = self.body(x)
        return features


def _resnet(name: str) -> Trunk:
    model = getattr(vision.torchvision("models"), name)(weights=None)
    channels = int(model.fc.in_features)
    body = nn.Sequential(_Grey(), *list(model.children())[:-2])
    return Trunk(name, body, channels, CellGeometry(32, 0.0), len(body) - 1, CellGeometry(16, 0.0))


def _vgg(name: str) -> Trunk:
    model = getattr(vision.torchvision("models"), name)(weights=None)
    body = nn.Sequential(_Grey(), *list(model.features.children())[:-1])
    return Trunk(name, body, 512, CellGeometry(16, 7.5))


def _densenet161() -> Trunk:
    model = vision.torchvision("models").densenet161(weights=None)
    body = nn.Sequential(_Grey(), model.features, nn.ReLU())
    return Trunk("densenet161", body, int(model.classifier.in_features), CellGeometry(32, 15.5))


def _googlenet() -> Trunk:
    model = vision.torchvision("models").googlenet(weights=None, aux_logits=False, init_weights=False)
    body = nn.Sequential(_Grey(), *list(model.children())[:-3])
    # its pooling has no padding on the left: cell i of the four poolings is centred at 4i + 2, 8i + 6, 16i + 14, 32i + 22
    return Trunk("googlenet", body, 1024, CellGeometry(32, 22.0))


def _small() -> Trunk:
    return Trunk("small", SmallTrunk(), 96, CellGeometry(8, 0.0), 4, CellGeometry(4, 0.0))


def _small_vgg() -> Trunk:
    """Plain pairs of convolutions and 2 x 2 pooling, as VGG16; with batch normalisation, as it starts from random weights."""
    body = nn.Sequential(
        nn.Sequential(_plain(1, 12), nn.MaxPool2d(2)),
        nn.Sequential(_plain(12, 24), _plain(24, 24), nn.MaxPool2d(2)),
        nn.Sequential(_plain(24, 48), _plain(48, 48)),
        nn.Sequential(nn.MaxPool2d(2), _plain(48, 96), _plain(96, 96)),
    )
    return Trunk("small_vgg16", body, 96, CellGeometry(8, 3.5), 3, CellGeometry(4, 1.5))


def _small_googlenet() -> Trunk:
    """A stem and three inception blocks, as GoogLeNet."""
    body = nn.Sequential(
        _plain(1, 16, 5, 2),
        nn.MaxPool2d(3, 2, 1),
        _Inception(16, 16, 24, 8, 8),
        nn.Sequential(nn.MaxPool2d(3, 2, 1), _Inception(56, 24, 32, 16, 16)),
        _Inception(88, 32, 40, 16, 16),
    )
    return Trunk("small_googlenet", body, 104, CellGeometry(8, 0.0), 3, CellGeometry(4, 0.0))


_MAKERS: dict[str, Callable[[], Trunk]] = {
    "small": _small,
    "small_vgg16": _small_vgg,
    "small_googlenet": _small_googlenet,
    "resnet18": lambda: _resnet("resnet18"),
    "resnet34": lambda: _resnet("resnet34"),
    "resnet50": lambda: _resnet("resnet50"),
    "resnet101": lambda: _resnet("resnet101"),
    "vgg16": lambda: _vgg("vgg16"),
    "vgg19": lambda: _vgg("vgg19"),
    "densenet161": _densenet161,
    "googlenet": _googlenet,
}

#: Trunks that can be asked for by name.
NAMES: tuple[str, ...] = tuple(_MAKERS)


def is_small(name: str) -> bool:
    """Return whether a trunk is one for CPUs, tests and the demo; it takes windows of 96 pixels instead of the paper's 224."""
    return name.startswith("small")


def build(name: str) -> Trunk:
    """Return a trunk with random weights (nothing is ever downloaded).

    Raises
    ------
    BundleError
        If the name is not in :data:`NAMES`.
    """
    if name not in _MAKERS:
        raise BundleError(f"The backbone {name!r} is not known; use one of {', '.join(NAMES)}.")
    return _MAKERS[name]()
