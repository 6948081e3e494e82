"""torchvision through the one door: our operators against independent references."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reader_app.networks import vision


def _brute_nms(boxes: np.ndarray, scores: np.ndarray, limit: float) -> list[int]:
    order, keep = list(np.argsort(-scores, kind="stable")), []
    while order:
        i = order.pop(0)
        keep.append(int(i))
        rest = []
        for j in order:
            w = max(0.0, min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0]))
            h = max(0.0, min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1]))
            union = np.prod(boxes[i, 2:] - boxes[i, :2]) + np.prod(boxes[j, 2:] - boxes[j, :2]) - w * h
            if w * h <= limit * union:
                rest.append(j)
        order = rest
    return keep


@pytest.mark.parametrize("limit", [0.3, 0.5, 0.7])
def test_nms_is_the_greedy_one(limit: float) -> None:
    g = torch.Generator().manual_seed(3)
    corner = torch.rand(200, 2, generator=g) * 100
    boxes = torch.cat([corner, corner + torch.rand(200, 2, generator=g) * 40 + 2], 1)
    scores = torch.rand(200, generator=g)
    expected = _brute_nms(boxes.double().numpy(), scores.numpy(), limit)
    assert vision.nms(boxes, scores, limit).tolist() == expected
    ops = vision.torchvision("ops")
    assert ops.nms(boxes, scores, limit).tolist() == expected
    assert vision.nms(boxes[:0], scores[:0], limit).tolist() == []


def _slow_roi_align(feature: np.ndarray, roi: np.ndarray, scale: float, bins: int, samples: int, aligned: bool) -> np.ndarray:
    """RoIAlign written out sample by sample after the definition (He et al. 2017; zero outside the map)."""
    channels, height, width = feature.shape
    shift = 0.5 if aligned else 0.0
    x1, y1, x2, y2 = roi[1:] * scale - shift
    w, h = (x2 - x1, y2 - y1) if aligned else (max(x2 - x1, 1.0), max(y2 - y1, 1.0))
    out = np.zeros((channels, bins, bins))
    for i in range(bins):
        for j in range(bins):
            for a in range(samples):
                for b in range(samples):
                    y = y1 + (i + (a + 0.5) / samples) * h / bins
                    x = x1 + (j + (b + 0.5) / samples) * w / bins
                    if y < -1 or y > height or x < -1 or x > width:
                        continue
                    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
                    r, c = int(y), int(x)
                    r2, c2 = min(r + 1, height - 1), min(c + 1, width - 1)
                    fr, fc = y - r, x - c
                    out[:, i, j] += (
                        feature[:, r, c] * (1 - fr) * (1 - fc)
                        + feature[:, r, c2] * (1 - fr) * fc
                        + feature[:, r2, c] * fr * (1 - fc)
                        + feature[:, r2, c2] * fr * fc
                    )
    return out / samples**2


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("samples", [1, 2])
def test_roi_align_against_the_definition(aligned: bool, samples: int) -> None:
    g = torch.Generator().manual_seed(5)
    feature = torch.randn(2, 3, 13, 17, dtype=torch.float64, generator=g)
    corner = torch.rand(12, 2, dtype=torch.float64, generator=g) * 120 - 20
    size = torch.rand(12, 2, dtype=torch.float64, generator=g) * 90
    rois = torch.cat([torch.randint(0, 2, (12, 1), generator=g).double(), corner, corner + size], 1)
    got = vision.roi_align(feature, rois, 1 / 8, 5, 5, samples, aligned).numpy()
    for k, roi in enumerate(rois.numpy()):
        expected = _slow_roi_align(feature[int(roi[0])].numpy(), roi, 1 / 8, 5, samples, aligned)
        assert np.abs(got[k] - expected).max() < 1e-10
    ops = vision.torchvision("ops")
    through = ops.roi_align(feature, rois, (5, 5), 1 / 8, samples, aligned).numpy()
    assert np.abs(through - got).max() < 1e-10


def test_roi_align_adaptive_empty_and_gradient() -> None:
    feature = torch.randn(1, 2, 9, 9, dtype=torch.float64, requires_grad=True)
    rois = torch.tensor([[0, 1.0, 1.0, 7.0, 6.0]], dtype=torch.float64)
    assert vision.roi_align(feature, rois[:0], 1.0, 3, 3, 2, False).shape == (0, 2, 3, 3)
    adaptive = vision.roi_align(feature, rois, 1.0, 3, 3, -1, False)
    assert torch.equal(adaptive, vision.roi_align(feature, rois, 1.0, 3, 3, 2, False))
    assert torch.autograd.gradcheck(lambda x: vision.roi_align(x, rois, 1.0, 3, 3, 2, True), (feature,))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device to compare with the native operators")
def test_native_operators_agree() -> None:
    assert vision.install() == "native"
    ops = vision.torchvision("ops")
    feature, rois = torch.randn(1, 4, 20, 20), torch.tensor([[0, 3.0, 4.0, 90.0, 100.0]])
    ours = vision.roi_align(feature, rois, 0.125, 7, 7, 2, True)
    native = ops.roi_align(feature.cuda(), rois.cuda(), (7, 7), 0.125, 2, True).cpu()
    assert (ours - native).abs().max() < 1e-4
