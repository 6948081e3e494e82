"""A two-stage detector of four views together: trunk -> feature pyramid -> fusion of views -> Faster R-CNN with more heads.

The parts are in :mod:`reader_app.networks.detection_parts`. One network does several tasks: the box head also says whether a
lesion is malignant, and its shape, margin and distribution. Its place (quadrant) and depth come from a small network of their
own, as in the paper, which sees the whole view and the mask of the lesion
(:class:`reader_app.networks.zhou2023_where.WhereNet`).
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
from reader_app.networks.detection_parts import SIZES, PyramidTrunk, ViewFusion
from reader_app.networks.zhou2023_where import WhereNet

Float = NDArray[np.float32]

#: Weight of the descriptors in the loss.
LOOKS = 0.2


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
    looks : tuple of float
        Probabilities of the descriptors, group after group (shape, margin, distribution), each group adding up to 1.
    places : tuple of float
        Probabilities of the places of this view's projection; the others are 0. Empty before :meth:`FourViewDetector.locate`.
    depth : float
        Nipple 0, chest wall 1.
    """

    view: int
    box: tuple[float, float, float, float]
    kind: int
    score: float
    malignant: float
    looks: tuple[float, ...] = ()
    places: tuple[float, ...] = ()
    depth: float = 0.5


class FourViewDetector(nn.Module):
    """Faster R-CNN over four fused views with heads for malignancy and descriptors, and a network for place and depth.

    Parameters
    ----------
    backbone : str
        "resnet50" (the paper's), "resnet18" or "small".
    kinds : int
        Lesion types.
    places : tuple of int
        Number of places in CC and in MLO.
    looks : tuple of int
        Number of words of each group of descriptors.
    """

    def __init__(
        self, backbone: str, kinds: int = 4, places: tuple[int, int] = (4, 5), looks: tuple[int, ...] = (3, 5, 5)
    ) -> None:
        super().__init__()
        if backbone not in SIZES:
            raise BundleError(f"The backbone {backbone!r} is not known for four views; use one of {', '.join(SIZES)}.")
        size = self.size = SIZES[backbone]
        self.groups = looks
        ops, parts = vision.torchvision("ops"), vision.torchvision("models.detection")
        self.image_list = vision.torchvision("models.detection.image_list").ImageList
        rcnn, rpn = parts.faster_rcnn, vision.torchvision("models.detection.rpn")
        self.box_loss = vision.torchvision("models.detection.roi_heads").fastrcnn_loss
        self.trunk = PyramidTrunk(backbone)
        pool = vision.torchvision("ops.feature_pyramid_network").LastLevelMaxPool()
        self.pyramid = ops.FeaturePyramidNetwork(self.trunk.channels, size.pyramid, extra_blocks=pool)
        self.fusion = nn.ModuleList([ViewFusion(size.pyramid) for _ in size.anchors])
        anchors = rpn.AnchorGenerator(size.anchors, (size.ratios,) * len(size.anchors))
        a, b, c, d = size.proposals
        before, after = {"training": a, "testing": c}, {"training": b, "testing": d}
        head = rpn.RPNHead(size.pyramid, anchors.num_anchors_per_location()[0])
        self.rpn = rpn.RegionProposalNetwork(anchors, head, size.match, 0.3, size.sampled[0], 0.5, before, after, 0.7)
        scale = round(224 * 0.15 / size.mm)
        align = ops.MultiScaleRoIAlign([str(k) for k in range(len(self.trunk.channels))], 7, 2, canonical_scale=scale)
        box_head = rcnn.TwoMLPHead(size.pyramid * 49, size.hidden)
        predictor = rcnn.FastRCNNPredictor(size.hidden, kinds + 1)
        self.heads = vision.torchvision("models.detection.roi_heads").RoIHeads(
            align, box_head, predictor, 0.5, 0.5, size.sampled[1], 0.25, None, 0.02, 0.3, 8
        )
        self.malignancy = nn.Linear(size.hidden, 1)
        self.looks = nn.Linear(size.hidden, sum(looks))
        self.where = WhereNet(size.mm, places)

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
        """Return the sum of the losses of one exam's findings (place and depth are learnt apart).

        Parameters
        ----------
        pixels : Tensor, (4, H, W)
            The stack.
        present : Tensor, (4,)
            Which views there are.
        targets : sequence of mappings
            Of each view: "boxes" (n, 4), "labels" (n,) from 1, "malignant" (n,) 0 or 1, "looks" (n, groups) numbers of words;
            -1 where unknown.
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
                        [t[key][m] if len(t[key]) else t[key].new_full((len(m), *t[key].shape[1:]), -1)
                         for t, m in zip(targets, matched, strict=True)]
                    )[lesion]
                    for key in ("malignant", "looks")
                }  # fmt: skip
                total = total + self._more(pooled[lesion], truth["malignant"], truth["looks"])
        return total

    def _more(self, pooled: Tensor, malignant: Tensor, looks: Tensor) -> Tensor:
        """Return the loss of malignancy and descriptors of pooled lesions; what is unknown (-1) adds nothing."""
        total = pooled.sum() * 0
        known = malignant >= 0
        if bool(known.any()):
            wanted = malignant[known].float() * 0.96 + 0.02
            total = total + functional.binary_cross_entropy_with_logits(self.malignancy(pooled[known])[:, 0], wanted)
        for group, logits in enumerate(self.looks(pooled).split(self.groups, 1)):
            known = looks[:, group] >= 0
            if bool(known.any()):
                total = total + LOOKS * functional.cross_entropy(logits[known], looks[known, group].long())
        return total

    @torch.no_grad()
    def detect(self, pixels: Tensor, present: Tensor) -> tuple[list[Detection], OrderedDict[str, Tensor]]:
        """Return the findings of one stack as it is, best first, and the fused levels; places are still to be asked for."""
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
        """Return findings for given (view, box, type, score): malignancy and descriptors of each box; best score first."""
        if not rows:
            return []
        rows = sorted(rows, key=lambda r: r[0])
        some = rows[0][1]
        by_view = [torch.stack([r[1] for r in rows if r[0] == v] or [some])[: sum(r[0] == v for r in rows)] for v in range(4)]
        pooled = self._pooled(levels, by_view, side)
        malignant = torch.sigmoid(self.malignancy(pooled)[:, 0]).tolist()
        looks = torch.cat([torch.softmax(g, 1) for g in self.looks(pooled).split(self.groups, 1)], 1).tolist()
        out = []
        for n, (v, box, kind, score) in enumerate(rows):
            x1, y1, x2, y2 = (float(e) for e in box)
            out.append(Detection(v, (x1, y1, x2, y2), kind, score, malignant[n], tuple(looks[n])))
        return sorted(out, key=lambda d: -d.score)

    @torch.no_grad()
    def locate(self, pixels: Tensor, found: Sequence[Detection]) -> list[Detection]:
        """Return findings of a stack (chest walls at its left) with their places and depths."""
        if not found:
            return []
        boxes = torch.tensor([d.box for d in found], device=pixels.device)
        view = torch.tensor([d.view for d in found], device=pixels.device)
        places, depth = self.where(pixels, view, boxes)
        chances = torch.softmax(places, 1).tolist()
        return [replace(d, places=tuple(p), depth=float(z)) for d, p, z in zip(found, chances, depth, strict=True)]

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
