"""RoIAlign and NMS in plain torch against the C++ operators of ONNX Runtime, gradients against differences, and native ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from reader_app.networks import vision

onnx = pytest.importorskip("onnx", reason="the graphs of the comparison are written with onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is what the operators are compared with")


def _session(node: Any, inputs: list[Any], outputs: list[Any], constants: list[Any] | None = None) -> Any:
    graph = onnx.helper.make_graph([node], "operator", inputs, outputs, constants or [])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 16)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _value(name: str, kind: int, rank: int) -> Any:
    return onnx.helper.make_tensor_value_info(name, kind, [None] * rank)


def _roi_align(feature: np.ndarray, rois: np.ndarray, scale: float, bins: tuple[int, int], samples: int, aligned: bool) -> Any:
    real, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    node = onnx.helper.make_node(
        "RoiAlign",
        ["x", "rois", "batch"],
        ["y"],
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
        mode="avg",
        output_height=bins[0],
        output_width=bins[1],
        sampling_ratio=samples,
        spatial_scale=scale,
    )
    session = _session(node, [_value("x", real, 4), _value("rois", real, 2), _value("batch", whole, 1)], [_value("y", real, 4)])
    feed = {"x": feature, "rois": np.ascontiguousarray(rois[:, 1:]), "batch": rois[:, 0].astype(np.int64)}
    return session.run(None, feed)[0]


def _some_rois(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Features (2, 5, 21, 34) and regions at 8 pixels a cell: within, across the edges, tiny and of no size."""
    rng = np.random.default_rng(seed)
    feature = rng.normal(size=(2, 5, 21, 34)).astype(np.float32)
    corner = rng.uniform(-30, (34 * 8, 21 * 8), (count, 2))
    size = np.concatenate([rng.uniform(2, 120, (count - 10, 2)), rng.uniform(0, 2, (5, 2)), np.zeros((5, 2))])
    return feature, np.concatenate([rng.integers(0, 2, (count, 1)), corner, corner + size], 1).astype(np.float32)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize(("bins", "samples"), [((7, 7), 2), ((3, 5), 1), ((14, 14), 2)])
def test_roi_align_equals_onnx_runtime(aligned: bool, bins: tuple[int, int], samples: int) -> None:
    feature, rois = _some_rois(3)
    expected = _roi_align(feature, rois, 1 / 8, bins, samples, aligned)
    got = vision.roi_align(torch.from_numpy(feature), torch.from_numpy(rois), 1 / 8, *bins, samples, aligned).numpy()
    assert got.shape == expected.shape and np.abs(got - expected).max() < 2e-5
    through = vision.torchvision("ops").roi_align(
        torch.from_numpy(feature), torch.from_numpy(rois), bins, 1 / 8, samples, aligned
    )
    assert np.abs(through.numpy() - expected).max() < 2e-5
    # the comparison would see half a pixel
    other = vision.roi_align(torch.from_numpy(feature), torch.from_numpy(rois), 1 / 8, *bins, samples, not aligned).numpy()
    assert np.abs(other - expected).max() > 0.01


def test_adaptive_sampling_equals_onnx_runtime() -> None:
    feature, rois = _some_rois(5, 30)
    expected = _roi_align(feature, rois[:20], 1 / 8, (5, 5), 0, True)
    got = vision.roi_align(torch.from_numpy(feature), torch.from_numpy(rois[:20]), 1 / 8, 5, 5, 0, True).numpy()
    assert got.shape == expected.shape
    # both choose ceil(size / bins) samples; where each axis has the same number they agree
    sizes = np.ceil(np.maximum((rois[:20, 3:] - rois[:20, 1:3]) / 8 / 5, 1e-6))
    square = sizes[:, 0] == sizes[:, 1]
    assert square.sum() >= 4 and np.abs(got[square] - expected[square]).max() < 2e-5


@pytest.mark.parametrize("limit", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("count", [1, 40, 700])
def test_nms_equals_onnx_runtime(limit: float, count: int) -> None:
    rng = np.random.default_rng(count)
    corner = rng.uniform(0, 150, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(2, 60, (count, 2))], 1).astype(np.float32)
    scores = rng.permutation(np.linspace(0.01, 0.99, count)).astype(np.float32)
    real, whole = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    node = onnx.helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "limit"], ["kept"], center_point_box=0)
    constants = [
        onnx.helper.make_tensor("most", whole, [1], [count]),
        onnx.helper.make_tensor("limit", real, [1], [limit]),
    ]
    session = _session(node, [_value("boxes", real, 3), _value("scores", real, 3)], [_value("kept", whole, 2)], constants)
    # ONNX names corners y1, x1, y2, x2
    swapped = np.ascontiguousarray(boxes[None][..., [1, 0, 3, 2]])
    expected = session.run(None, {"boxes": swapped, "scores": scores[None, None]})[0][:, 2].tolist()
    assert vision.nms(torch.from_numpy(boxes), torch.from_numpy(scores), limit).tolist() == expected
    if count == 700:
        assert len(expected) < count  # something was dropped: the comparison is not empty


def test_gradients_of_roi_align_equal_differences() -> None:
    generator = torch.Generator().manual_seed(2)
    feature = torch.randn(1, 2, 6, 7, dtype=torch.float64, generator=generator, requires_grad=True)
    rois = torch.tensor([[0, 3.1, 4.2, 30.0, 25.0], [0, -6.0, 2.0, 20.0, 60.0]], dtype=torch.float64)
    for aligned in (False, True):
        assert torch.autograd.gradcheck(lambda x, a=aligned: vision.roi_align(x, rois, 0.2, 3, 2, 2, a), (feature,))
    pooled = vision.roi_align(feature, rois, 0.2, 3, 2, 2, True)
    (given,) = torch.autograd.grad(pooled.sum(), feature)
    assert given.abs().sum() > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device to compare with the native operators")
def test_native_operators_equal_ours() -> None:
    assert vision.install() == "native"
    ops = vision.torchvision("ops")
    feature, rois = (torch.from_numpy(v) for v in _some_rois(7))
    for aligned in (False, True):
        native = ops.roi_align(feature.cuda(), rois.cuda(), (7, 7), 1 / 8, 2, aligned).cpu()
        assert (vision.roi_align(feature, rois, 1 / 8, 7, 7, 2, aligned) - native).abs().max() < 1e-4
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 150, (400, 2))
    boxes = torch.from_numpy(np.concatenate([corner, corner + rng.uniform(2, 60, (400, 2))], 1).astype(np.float32))
    scores = torch.from_numpy(rng.permutation(np.linspace(0.01, 0.99, 400)).astype(np.float32))
    for limit in (0.3, 0.7):
        assert ops.nms(boxes.cuda(), scores.cuda(), limit).cpu().tolist() == vision.nms(boxes, scores, limit).tolist()
