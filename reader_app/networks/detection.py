"""A two-stage detector of four views together: trunk -> feature pyramid -> fusion of views -> Faster R-CNN with more heads.

Where the paper is silent we chose: features are fused on every level of the pyramid; the other breast's map (mirrored, so that
like places meet) is averaged over 3 x 3 cells, because breasts never lie quite alike, then joined by 1 x 1 convolutions;
the other projection's map is pooled along its height (largest value and mean), because both projections share only the distance
from the nipple, and joined in the same way. A missing view adds nothing. The paper's trunk keeps batch normalisation (published
weights fit); the smaller ones use group normalisation, since a step sees one exam only. Frozen normalisation is never used: from
random weights activations would explode.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from reader_app.errors import BundleError
from reader_app.networks import vision

Float = NDArray[np.float32]

#: The other breast in the same projection, and the other projection of the same breast, of views RCC, LCC, RMLO, LMLO.
OTHER_SIDE, OTHER_VIEW = [1, 0, 3, 2], [2, 3, 0, 1]

#: Stack pixels between cells of the finest level; its cell i is centred at pixel 4 i.
FINEST = 4


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
    """

    mm: float
    pyramid: int
    hidden: int
    proposals: tuple[int, int, int, int]
    sampled: tuple[int, int]


SIZES: Mapping[str, Size] = {
    "resnet50": Size(0.15, 256, 1024, (2000, 1000, 1000, 300), (256, 256)),
    "resnet18": Size(0.3, 128, 512, (1000, 400, 500, 100), (128, 128)),
    "small": Size(0.6, 48, 128, (300, 120, 150, 40), (64, 48)),
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
    """Maps (N, 1, H, W) to four levels of features, 4, 8, 16 and 32 pixels a cell."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        if backbone == "small":
            self.channels = [24, 48, 64, 96]
            self.stem: nn.Module = nn.Sequential(nn.Conv2d(1, 16, 5, 2, 2, bias=False), nn.GroupNorm(8, 16), nn.ReLU())
            stages: list[nn.Module] = [_Block(a, b) for a, b in zip([16, *self.channels], self.channels, strict=False)]
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
        self.grey = 3 if backbone != "small" else 1
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """Return the levels by name, finest first."""
        x = self.stem(x.expand(-1, self.grey, -1, -1))
        levels: OrderedDict[str, Tensor] = OrderedDict()
        for number, layer in enumerate((self.layer1, self.layer2, self.layer3, self.layer4)):
            x = layer(x)
            levels[str(number)] = x
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


@dataclass(frozen=True, slots=True)
class Detection:
    """One finding in one view of the stack.

    Attributes
    ----------
    view : int
        Index of the view.
    box : tuple of float
        x1, y1, x2, y2 in stack pixels.
    kind : int
        1..: lesion type.
    score : float
        Probability that the lesion is there and of this type.
    malignant : float
        Probability of malignancy, given that it is a lesion.
    places : tuple of float
        Probabilities of the places of this view's projection; the others are 0.
    depth : float
        Nipple 0, chest wall 1.
    """

    view: int
    box: tuple[float, float, float, float]
    kind: int
    score: float
    malignant: float
    places: tuple[float, ...]
    depth: float


class FourViewDetector(nn.Module):
    """Faster R-CNN over four fused views with heads for malignancy, place and depth.

    Parameters
    ----------
    backbone : str
        "resnet50" (the paper's), "resnet18" or "small".
    kinds : int
        Lesion types.
    places : tuple of int
        Number of places in CC and in MLO.
    """

    def __init__(self, backbone: str, kinds: int = 4, places: tuple[int, int] = (4, 5)) -> None:
        super().__init__()
        if backbone not in SIZES:
            raise BundleError(f"The backbone {backbone!r} is not known for four views; use one of {', '.join(SIZES)}.")
        size = self.size = SIZES[backbone]
        self.places = places
        ops, parts = vision.torchvision("ops"), vision.torchvision("models.detection")
        self.image_list = vision.torchvision("models.detection.image_list").ImageList
        rcnn, rpn = parts.faster_rcnn, vision.torchvision("models.detection.rpn")
        self.box_loss = vision.torchvision("models.detection.roi_heads").fastrcnn_loss
        self.trunk = PyramidTrunk(backbone)
        pool = vision.torchvision("ops.feature_pyramid_network").LastLevelMaxPool()
        self.pyramid = ops.FeaturePyramidNetwork(self.trunk.channels, size.pyramid, extra_blocks=pool)
        self.fusion = nn.ModuleList([ViewFusion(size.pyramid) for _ in range(5)])
        sides = tuple((round(4.8 * 2**level / size.mm),) for level in range(5))  # 4.8 to 77 mm
        anchors = rpn.AnchorGenerator(sides, ((0.5, 1.0, 2.0),) * 5)
        a, b, c, d = size.proposals
        before, after = {"training": a, "testing": c}, {"training": b, "testing": d}
        head = rpn.RPNHead(size.pyramid, anchors.num_anchors_per_location()[0])
        self.rpn = rpn.RegionProposalNetwork(anchors, head, 0.7, 0.3, size.sampled[0], 0.5, before, after, 0.7)
        scale = round(224 * 0.15 / size.mm)
        align = ops.MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2, canonical_scale=scale)
        box_head = rcnn.TwoMLPHead(size.pyramid * 49, size.hidden)
        predictor = rcnn.FastRCNNPredictor(size.hidden, kinds + 1)
        self.heads = vision.torchvision("models.detection.roi_heads").RoIHeads(
            align, box_head, predictor, 0.5, 0.5, size.sampled[1], 0.25, None, 0.02, 0.3, 8
        )
        self.malignancy = nn.Linear(size.hidden, 1)
        self.place = nn.Linear(size.hidden, sum(places))
        self.depth = nn.Linear(size.hidden, 1)

    def features(self, pixels: Tensor, present: Tensor) -> OrderedDict[str, Tensor]:
        """Return the fused levels of (4, H, W) pixels in 0..1."""
        levels = self.pyramid(self.trunk((pixels[:, None] - 0.5) / 0.25))
        return OrderedDict(
            (name, fusion(level, present).float()) for fusion, (name, level) in zip(self.fusion, levels.items(), strict=True)
        )

    def _list(self, pixels: Tensor) -> Any:
        side = (int(pixels.shape[1]), int(pixels.shape[2]))
        return self.image_list(pixels[:, None], [side] * len(pixels))

    def _pooled(self, levels: Mapping[str, Tensor], boxes: Sequence[Tensor], side: Sequence[int]) -> Tensor:
        shapes = [(int(side[0]), int(side[1]))] * len(boxes)
        pooled: Tensor = self.heads.box_head(self.heads.box_roi_pool(levels, list(boxes), shapes))
        return pooled

    def loss(self, pixels: Tensor, present: Tensor, targets: Sequence[Mapping[str, Tensor]]) -> Tensor:
        """Return the sum of the losses of one exam.

        Parameters
        ----------
        pixels : Tensor, (4, H, W)
            The stack.
        present : Tensor, (4,)
            Which views there are.
        targets : sequence of mappings
            Of each view: "boxes" (n, 4), "labels" (n,) from 1, "malignant" (n,) 0 or 1, "place" (n,), "depth" (n,).
        """
        levels = self.features(pixels, present)
        with torch.autocast(pixels.device.type, enabled=False):
            images = self._list(pixels)
            proposals, first = self.rpn(images, levels, list(targets))
            proposals, matched, labels, wanted = self.heads.select_training_samples(proposals, list(targets))
            pooled = self._pooled(levels, proposals, pixels.shape[1:])
            logits, offsets = self.heads.box_predictor(pooled)
            kind, place_error = self.box_loss(logits, offsets, labels, wanted)
            total: Tensor = sum(first.values(), kind + place_error)
            lesion = torch.cat(labels) > 0
            if bool(lesion.any()):
                truth = {
                    key: torch.cat(
                        [t[key][m] if len(t[key]) else t[key].new_zeros(len(m)) for t, m in zip(targets, matched, strict=True)]
                    )
                    for key in ("malignant", "place", "depth")
                }
                seen = pooled[lesion]
                total = total + functional.binary_cross_entropy_with_logits(
                    self.malignancy(seen)[:, 0], truth["malignant"][lesion].float() * 0.96 + 0.02
                )
                view = torch.cat([torch.full((len(m),), v, device=lesion.device) for v, m in enumerate(matched)])[lesion]
                total = total + 0.3 * functional.cross_entropy(self._places(seen, view), truth["place"][lesion].long())
                total = total + functional.smooth_l1_loss(torch.sigmoid(self.depth(seen)[:, 0]), truth["depth"][lesion].float())
        return total

    def _places(self, pooled: Tensor, view: Tensor) -> Tensor:
        """Return place logits (n, places); those of the other projection cannot be."""
        logits: Tensor = self.place(pooled)
        is_mlo = torch.arange(sum(self.places), device=view.device) >= self.places[0]
        return logits.masked_fill(is_mlo[None] != (view >= 2)[:, None], -1e4)

    @torch.no_grad()
    def detect(self, pixels: Tensor, present: Tensor) -> tuple[list[Detection], OrderedDict[str, Tensor]]:
        """Return the findings of one stack as it is, best first, and the fused levels."""
        levels = self.features(pixels, present)
        images = self._list(pixels)
        proposals, _ = self.rpn(images, levels)
        pooled = self._pooled(levels, proposals, pixels.shape[1:])
        logits, offsets = self.heads.box_predictor(pooled)
        boxes, scores, labels = self.heads.postprocess_detections(logits, offsets, proposals, images.image_sizes)
        rows = []
        for view, (b, s, k) in enumerate(zip(boxes, scores, labels, strict=True)):
            if bool(present[view]):
                rows += [(view, b[n], int(k[n]), float(s[n])) for n in range(len(b))]
        return self.judge(levels, rows, pixels.shape[1:]), levels

    @torch.no_grad()
    def judge(
        self, levels: Mapping[str, Tensor], rows: Sequence[tuple[int, Tensor, int, float]], side: Sequence[int]
    ) -> list[Detection]:
        """Return findings for given (view, box, type, score): malignancy, place and depth of each box; best score first."""
        if not rows:
            return []
        rows = sorted(rows, key=lambda r: r[0])
        some = rows[0][1]
        by_view = [torch.stack([r[1] for r in rows if r[0] == v] or [some])[: sum(r[0] == v for r in rows)] for v in range(4)]
        pooled = self._pooled(levels, by_view, side)
        view = torch.tensor([r[0] for r in rows], device=pooled.device)
        malignant = torch.sigmoid(self.malignancy(pooled)[:, 0]).tolist()
        places = torch.softmax(self._places(pooled, view), 1).tolist()
        depth = torch.sigmoid(self.depth(pooled)[:, 0]).tolist()
        out = []
        for n, (v, box, kind, score) in enumerate(rows):
            x1, y1, x2, y2 = (float(e) for e in box)
            out.append(Detection(v, (x1, y1, x2, y2), kind, score, malignant[n], tuple(places[n]), depth[n]))
        return sorted(out, key=lambda d: -d.score)

    def evidence(self, levels: Mapping[str, Tensor], found: Detection, side: Sequence[int]) -> Float:
        """Return what raised a finding's type over background in its view (HiResCAM), (h, w) of the finest level.

        The maps are leaves, only this box is pooled again; positive evidence of all levels is added at true cell centres.
        """
        with torch.enable_grad():
            leaves = OrderedDict((k, v.detach()[found.view : found.view + 1].requires_grad_(True)) for k, v in levels.items())
            box = torch.tensor([found.box], device=next(iter(leaves.values())).device)
            logits = self.heads.box_predictor(self._pooled(leaves, [box], side))[0]
            given = torch.autograd.grad(logits[0, found.kind] - logits[0, 0], list(leaves.values()), allow_unused=True)
        rows, columns = levels["0"].shape[2:]
        total = torch.zeros((1, 1, rows, columns), device=box.device)
        for number, (leaf, gradient) in enumerate(zip(leaves.values(), given, strict=True)):
            if gradient is not None:
                cells = (gradient * leaf.detach()).sum(1, keepdim=True).clamp(min=0)
                total = total + _finer(cells, 2**number, rows, columns)
        return np.asarray(total[0, 0].cpu().numpy(), np.float32)


def _finer(cells: Tensor, step: int, rows: int, columns: int) -> Tensor:
    """Return a map read at cells 0, 1/step, 2/step ... (cell i of the coarse one lies on cell step * i of the fine one)."""
    if step == 1:
        return cells
    h, w = cells.shape[2:]
    y = torch.arange(rows, device=cells.device) / step * (2 / max(h - 1, 1)) - 1
    x = torch.arange(columns, device=cells.device) / step * (2 / max(w - 1, 1)) - 1
    at = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None].to(cells.dtype)
    return functional.grid_sample(cells, at, mode="bilinear", padding_mode="border", align_corners=True)


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return intersection over union of two boxes x1, y1, x2, y2."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def unflip(found: Detection, columns: int) -> Detection:
    """Return a finding of the left-right flipped stack in the coordinates of the stack."""
    x1, y1, x2, y2 = found.box
    return replace(found, box=(columns - x2, y1, columns - x1, y2))


def merge(passes: Sequence[Sequence[Detection]], least: float = 0.4) -> list[Detection]:
    """Return the findings of several passes over one stack as one list, best first.

    Findings of one type that overlap by ``least`` are averaged (boxes weighted by score); a pass that lacks one counts as 0. Then
    of findings of a view, whatever their types, that overlap or whose middle lies in a better one, the best stays.
    """
    groups: list[list[Detection]] = []
    for number, found in enumerate(passes):
        open_groups = [g for g in groups if len(g) <= number]
        for item in sorted(found, key=lambda d: -d.score):
            fit = [g for g in open_groups if (g[0].view, g[0].kind) == (item.view, item.kind)]
            near = max(fit, key=lambda g: overlap(g[0].box, item.box), default=None)
            if near is not None and overlap(near[0].box, item.box) >= least:
                near.append(item)
                open_groups = [g for g in open_groups if g is not near]
            else:
                groups.append([item])
    merged = sorted((_mean(g, len(passes)) for g in groups), key=lambda d: -d.score)
    kept: list[Detection] = []
    for item in merged:
        middle = ((item.box[0] + item.box[2]) / 2, (item.box[1] + item.box[3]) / 2)
        better = [k.box for k in kept if k.view == item.view]
        within = any(b[0] <= middle[0] <= b[2] and b[1] <= middle[1] <= b[3] for b in better)
        if not within and all(overlap(b, item.box) < least for b in better):
            kept.append(item)
    return kept


def _mean(group: Sequence[Detection], passes: int) -> Detection:
    weight = np.array([d.score for d in group])
    share = weight / weight.sum()
    x1, y1, x2, y2 = (float(v) for v in share @ np.array([d.box for d in group]))
    places = tuple(float(v) for v in share @ np.array([d.places for d in group]))
    malignant, depth = (float(share @ np.array([getattr(d, key) for d in group])) for key in ("malignant", "depth"))
    return replace(
        group[0], box=(x1, y1, x2, y2), score=float(weight.sum() / passes), malignant=malignant, places=places, depth=depth
    )
