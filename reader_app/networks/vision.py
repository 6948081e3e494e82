"""The one door to torchvision (and to timm and segmentation_models_pytorch, which import it).

The registry's Linux wheel of torchvision is a CUDA build: beside a CPU build of torch its C++ operators do not load, the schema
``torchvision::nms`` is missing and the import dies. :func:`install` loads the native operators where they work; where they do
not, it defines ``nms`` and ``roi_align`` in plain torch (exact, differentiable) before torchvision is imported. Every module of
this package imports torchvision through :func:`torchvision`, never directly. No weights are ever fetched from a network.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

#: Boxes that are compared with all others at once in :func:`nms`.
_BLOCK = 128

_library: Any = None
_mode = ""


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Greedy non-maximum suppression, exact.

    Parameters
    ----------
    boxes : Tensor, (N, 4)
        x1, y1, x2, y2.
    scores : Tensor, (N,)
        Higher first; ties keep their order.
    iou_threshold : float
        Boxes that overlap a kept one by more are dropped.

    Returns
    -------
    Tensor of int64
        Indices of the kept boxes, best first.
    """
    if boxes.numel() == 0:
        return boxes.new_empty(0, dtype=torch.long)
    order = torch.sort(scores, descending=True, stable=True).indices
    corner = boxes.detach().float()[order].cpu().numpy()
    x1, y1, x2, y2 = (np.ascontiguousarray(c) for c in corner.T)
    area = (x2 - x1) * (y2 - y1)
    dropped = np.zeros(len(corner), bool)
    keep: list[int] = []
    for first in range(0, len(corner), _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, len(corner)))
        rows = rows[~dropped[rows]]
        part = slice(first, None)
        width = np.minimum(x2[rows, None], x2[part]) - np.maximum(x1[rows, None], x1[part])
        height = np.minimum(y2[rows, None], y2[part]) - np.maximum(y1[rows, None], y1[part])
        overlap = np.maximum(width, 0) * np.maximum(height, 0)
        covers = overlap > iou_threshold * (area[rows, None] + area[part] - overlap)
        for i, covered in zip(rows, covers, strict=True):
            if not dropped[i]:
                keep.append(int(i))
                dropped[i + 1 :] |= covered[i + 1 - first :]
    return order[torch.as_tensor(keep, device=order.device)]


def roi_align(
    feature: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """RoIAlign as one weighted gather: each bin is a weighted sum of 4 * s * s feature vectors (``F.embedding_bag``).

    Same meaning of the arguments as ``torchvision.ops.roi_align``; ``rois`` is (K, 5) with the batch index first. Samples
    outside the map count as zero, as in the C++ operators of torchvision and ONNX Runtime.
    """
    if sampling_ratio <= 0:
        return _roi_align_adaptive(feature, rois, spatial_scale, pooled_height, pooled_width, aligned)
    batch, channels, height, width = feature.shape
    count, s = rois.shape[0], sampling_ratio
    if count == 0:
        return feature.new_zeros((0, channels, pooled_height, pooled_width))
    shift = 0.5 if aligned else 0.0
    x1, y1 = rois[:, 1] * spatial_scale - shift, rois[:, 2] * spatial_scale - shift
    wide = rois[:, 3] * spatial_scale - shift - x1
    high = rois[:, 4] * spatial_scale - shift - y1
    if not aligned:
        wide, high = wide.clamp(min=1.0), high.clamp(min=1.0)

    def axis(low: Tensor, extent: Tensor, bins: int, size: int) -> tuple[Tensor, Tensor]:
        step = (torch.arange(bins * s, device=feature.device, dtype=rois.dtype) + 0.5) / (bins * s)
        at = low[:, None] + step[None] * extent[:, None]
        seen = ((at >= -1) & (at <= size)).to(at.dtype)
        at = at.clamp(0, size - 1)
        first = at.floor().long()
        second = (first + 1).clamp(max=size - 1)
        part = at - first
        index = torch.stack((first, second), -1)
        weight = torch.stack((1 - part, part), -1) * seen[..., None] / s
        return index.view(count, bins, s * 2), weight.view(count, bins, s * 2)

    ix, wx = axis(x1, wide, pooled_width, width)
    iy, wy = axis(y1, high, pooled_height, height)
    base = rois[:, 0].long() * (height * width)
    index = base[:, None, None, None, None] + iy[:, :, None, :, None] * width + ix[:, None, :, None, :]
    weight = wy[:, :, None, :, None] * wx[:, None, :, None, :]
    terms = 4 * s * s
    table = feature.permute(0, 2, 3, 1).reshape(batch * height * width, channels)
    pooled = functional.embedding_bag(
        index.reshape(-1, terms), table, mode="sum", per_sample_weights=weight.reshape(-1, terms).to(feature.dtype)
    )
    return pooled.view(count, pooled_height, pooled_width, channels).permute(0, 3, 1, 2)


def _roi_align_adaptive(feature: Tensor, rois: Tensor, scale: float, height: int, width: int, aligned: bool) -> Tensor:
    parts = []
    for roi in rois:
        h, w = float((roi[4] - roi[2]) * scale), float((roi[3] - roi[1]) * scale)
        if not aligned:
            h, w = max(h, 1.0), max(w, 1.0)
        samples = max(int(np.ceil(h / height)), int(np.ceil(w / width)), 1)
        parts.append(roi_align(feature, roi[None], scale, height, width, samples, aligned))
    return torch.cat(parts) if parts else feature.new_zeros((0, feature.shape[1], height, width))


def _nothing() -> None:
    return None


def _true() -> bool:
    return True


def install() -> str:
    """Make torchvision importable; return "native" (its own operators) or "plain" (ours).

    Raises
    ------
    ImportError
        If torchvision is not installed.
    """
    global _library, _mode
    if _mode:
        return _mode
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("torchvision is not installed; install the program's 'networks' extra")
    if "torchvision" in sys.modules:
        _mode = "native"
        return _mode
    folder = Path(spec.submodule_search_locations[0])
    for binary in sorted([*folder.glob("_C*.so"), *folder.glob("_C*.pyd"), *folder.glob("_C*.dll")]):
        try:
            torch.ops.load_library(str(binary))  # type: ignore[no-untyped-call]
            importlib.import_module("torchvision")
            _mode = "native"
            return _mode
        except OSError:
            continue
    _library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    _library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.define(
        "roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, "
        "int sampling_ratio, bool aligned) -> Tensor"
    )
    _library.impl("nms", nms, "CPU")
    _library.impl("roi_align", roi_align, "CompositeImplicitAutograd")
    importlib.import_module("torchvision")
    for name in ("torchvision.ops.boxes", "torchvision.ops.roi_align"):
        sys.modules[name]._assert_has_ops = _nothing  # type: ignore[attr-defined]
    sys.modules["torchvision.ops.roi_align"]._has_ops = _true  # type: ignore[attr-defined]
    _mode = "plain"
    return _mode


def torchvision(part: str = "") -> ModuleType:
    """Return torchvision, or one of its submodules (``torchvision("models")``)."""
    install()
    return importlib.import_module(f"torchvision.{part}" if part else "torchvision")


def segmentation_models() -> ModuleType:
    """Return segmentation_models_pytorch."""
    install()
    return importlib.import_module("segmentation_models_pytorch")
