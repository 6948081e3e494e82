"""A graph made elsewhere: its score, map and boxes come up at the right place; what could harm or mislead is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reader_app.ai import bundle as bundles
from reader_app.ai.client import Worker
from reader_app.errors import BundleError
from reader_app.imaging import container
from reader_app.imaging.container import NewImage
from reader_app.imaging.window import GreyScale, Preset

onnx = pytest.importorskip("onnx", reason="the preparation station's libraries are not installed")
torch = pytest.importorskip("torch", reason="the preparation station's libraries are not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

GREY = GreyScale(bits=8, presets=(Preset("all", "identity", 0, 0),))
SIZE = 64
STRIDE = 4


def _graph(domain: str = "", external: bool = False) -> Any:
    """Mean of 4 x 4 pixels as the map, its maximum as the probability, and one box around the brightest 8 columns and rows."""
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["map"], kernel_shape=[STRIDE, STRIDE], strides=[STRIDE, STRIDE]),
        helper.make_node("GlobalMaxPool", ["map"], ["peak"]),
        helper.make_node("Reshape", ["peak", "one"], ["score"]),
        helper.make_node("Identity", ["corners"], ["boxes"], domain=domain),
        helper.make_node("Identity", ["score"], ["scores"]),
    ]
    one = numpy_helper.from_array(np.array([1], np.int64), "one")
    corners = numpy_helper.from_array(np.array([[8, 16, 24, 40]], np.float32), "corners")
    if external:
        corners.data_location = TensorProto.EXTERNAL
        entry = corners.external_data.add()
        entry.key, entry.value = "location", "../../secret.bin"
        corners.ClearField("raw_data")
    names = {"map": [1, 1, SIZE // STRIDE, SIZE // STRIDE], "score": [1], "boxes": [1, 4], "scores": [1]}
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 1, SIZE, SIZE])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in names.items()],
        [one, corners],
    )
    imports = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=imports, ir_version=9)


def _manifest(**changes: Any) -> dict[str, Any]:
    return {
        "system": "onnx",
        "model_id": "brightness",
        "version": "1",
        "title": "Brightness",
        "licence": "MIT",
        "intended_use": "tests",
        "training_data": "none",
        "input": {
            "name": "pixels",
            "modalities": ["mammography", "abvs", "ultrasound"],
            "size": [SIZE, SIZE],
            "spacing_mm": None,
            "channels": 1,
            "values": "display",
            "normalise": {"scale": 1 / 255, "mean": [0.0], "std": [1.0]},
            "fit": "pad",
            "mirror": "none",
            **changes.pop("input", {}),
        },
        "output": {
            "labels": ["benign", "malignant"],
            "aggregate": "max",
            "score": {"name": "score", "activation": "none"},
            "map": {"name": "map", "stride": STRIDE, "offset": (STRIDE - 1) / 2, "floor": 0.2, "ceiling": 1.0},
            **changes.pop("output", {}),
        },
        "operating_points": {m: {"threshold": 0.5} for m in ("mammography", "abvs", "ultrasound")},
        "self_test": {"input": "self_test.npy", "expected": 0.75, "atol": 0.001},
        **changes,
    }


def _bundle(folder: Path, graph: Any = None, **changes: Any) -> bundles.Bundle:
    import io

    probe = np.zeros((1, 1, SIZE, SIZE), np.float32)
    probe[0, 0, 4:8, 4:8] = 0.75
    array = io.BytesIO()
    np.save(array, probe)
    files = {"model.onnx": (graph or _graph()).SerializeToString(), "self_test.npy": array.getvalue()}
    return bundles.write(folder, _manifest(**changes), files)


def _load(bundle: bundles.Bundle) -> Any:
    from reader_app.networks import registry

    return registry.load(bundle, torch.device("cpu"))


def _case(root: Path, image: NewImage, modality: str) -> container.OpenCase:
    container.write(root / "C1", "C1", modality, [image], {"kinds": [], "notes": []})
    return container.open_case(root / "C1")


def _bright(shape: tuple[int, ...], *place: slice) -> np.ndarray[Any, Any]:
    pixels = np.full(shape, 20, np.uint8)
    pixels[place] = 250
    return pixels


def test_score_and_map_of_an_image_come_up_at_the_bright_place(tmp_path: Path) -> None:
    pixels = _bright((200, 100), slice(120, 140), slice(10, 30))
    predict = _load(_bundle(tmp_path / "b"))
    found = predict(_case(tmp_path, NewImage("US1", pixels, view="US", grey=GREY), "ultrasound"), {})
    assert found.positive and found.call == "malignant" and 0.9 < found.probability <= 1
    heat = found.heatmap("US1")
    cell = np.unravel_index(int(np.argmax(heat.grid)), heat.grid.shape)
    row, column = heat.index_of(tuple(float(c) for c in cell))
    assert 120 <= row < 140 and 10 <= column < 30
    weighted = heat.grid.astype(float) * (heat.grid > 128)
    centre = [
        float((weighted.sum(axis=1 - a) * (heat.offset[a] + heat.scale[a] * np.arange(heat.grid.shape[a]))).sum()) for a in (0, 1)
    ]
    assert np.array(centre) / weighted.sum() == pytest.approx([129.5, 19.5], abs=7)
    assert found.provenance["providers"] == ["CPUExecutionProvider"] and found.provenance["bundle_id"] == "brightness"


@pytest.mark.parametrize(
    ("mirror", "chest"), [("chest_wall_left", "left"), ("chest_wall_left", "right"), ("chest_wall_right", "left")]
)
def test_a_mirrored_input_gives_the_map_back_unmirrored(tmp_path: Path, mirror: str, chest: str) -> None:
    pixels = _bright((128, 96), slice(32, 48), slice(8, 24))
    side = "L" if chest == "left" else "R"
    image = NewImage(f"{side}CC", pixels, laterality=side, view="CC", grey=GREY, spacing_mm=(1.0, 1.0), chest_wall=chest)
    predict = _load(_bundle(tmp_path / "b", input={"mirror": mirror, "spacing_mm": [2.0, 2.0]}))
    heat = predict(_case(tmp_path, image, "mammography"), {}).heatmap(f"{side}CC")
    row, column = (float(v[0]) for v in np.where(heat.grid == heat.grid.max()))
    place = heat.index_of((row, column))
    assert 32 <= place[0] < 48 and 8 <= place[1] < 24


def test_boxes_are_mapped_to_the_image_edges(tmp_path: Path) -> None:
    """Input pixels 8..24 across and 16..40 down of a 64 x 64 input that shows 128 x 128 pixels, mirrored or not."""
    pixels = _bright((128, 128), slice(0, 128), slice(0, 128))
    output = {"boxes": {"name": "boxes", "scores": "scores"}}
    for mirror, wanted in (("none", (16, 48)), ("chest_wall_left", (80, 112))):
        image = NewImage("RCC", pixels, laterality="R", view="CC", grey=GREY, chest_wall="right")
        predict = _load(_bundle(tmp_path / mirror, input={"mirror": mirror}, output=output))
        (box,) = predict(_case(tmp_path / f"c{mirror}", image, "mammography"), {}).boxes
        assert (box.start, box.stop) == ((32, wanted[0]), (80, wanted[1])) and box.label == "malignant"


def test_a_volume_is_judged_slice_by_slice(tmp_path: Path) -> None:
    pixels = _bright((20, 64, 64), slice(8, 12), slice(20, 28), slice(40, 48))
    affine = np.eye(4)
    image = NewImage("L_AP", pixels, kind="volume", view="AP", grey=GREY, spacing_mm=(1.0, 0.5, 0.5), affine=affine)
    predict = _load(_bundle(tmp_path / "b", input={"slice_mm": 2.0}))
    heat = predict(_case(tmp_path, image, "abvs"), {}).heatmap("L_AP")
    cell = np.unravel_index(int(np.argmax(heat.grid)), heat.grid.shape)
    place = heat.index_of(tuple(float(c) for c in cell))
    assert heat.grid.shape[0] == 10 and 8 <= place[0] < 12 and 20 <= place[1] < 28 and 40 <= place[2] < 48


def test_a_dark_image_has_no_evidence(tmp_path: Path) -> None:
    image = NewImage("US1", np.full((64, 64), 20, np.uint8), view="US", grey=GREY)
    found = _load(_bundle(tmp_path / "b"))(_case(tmp_path, image, "ultrasound"), {})
    assert not found.positive and found.call == "benign" and not found.heatmap("US1").evidence
    assert found.heatmap("US1").grid.max() == 0


def test_what_it_was_not_made_for_is_not_applicable(tmp_path: Path) -> None:
    image = NewImage("US1", np.full((64, 64), 20, np.uint8), view="US", grey=GREY)
    case = _case(tmp_path, image, "ultrasound")
    other = _load(_bundle(tmp_path / "a", input={"modalities": ["mammography"]}))(case, {})
    assert other.status == "not_applicable" and "not made for ultrasound" in other.reason
    scale = _load(_bundle(tmp_path / "b", input={"spacing_mm": [0.5, 0.5]}))(case, {})
    assert scale.status == "not_applicable" and "pixel size" in scale.reason
    views = _load(_bundle(tmp_path / "c", input={"views": ["CC"]}))(case, {})
    assert views.status == "not_applicable" and "CC" in views.reason


def test_it_runs_in_the_worker_and_is_not_computed_again(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path / "b")
    _case(tmp_path, NewImage("US1", _bright((64, 64), slice(8, 16), slice(8, 16)), view="US", grey=GREY), "ultrasound")
    with Worker() as worker:
        first = worker.run(bundle, [("C1", tmp_path / "C1")], tmp_path / "aids", device="cpu")
        again = worker.run(bundle, [("C1", tmp_path / "C1")], tmp_path / "aids", device="cpu")
    assert first.done == again.done == ("C1",) and first.reused == () and again.reused == ("C1",)


def test_a_failed_self_test_refuses_the_bundle(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path / "b", self_test={"input": "self_test.npy", "expected": 0.7, "atol": 0.001})
    with pytest.raises(BundleError, match=r"self-test .*0\.75"):
        _load(bundle)


@pytest.mark.parametrize(
    ("graph", "word"),
    [(lambda: _graph(external=True), "other files"), (lambda: _graph(domain="evil.ops"), "evil.ops")],
)
def test_graphs_that_reach_outside_themselves_are_refused(tmp_path: Path, graph: Any, word: str) -> None:
    with pytest.raises(BundleError, match=word):
        _load(_bundle(tmp_path / "b", graph()))


def test_damaged_and_mislabelled_graphs_are_refused(tmp_path: Path) -> None:
    bundle = _bundle(tmp_path / "b")
    path = bundle.path / "model.onnx"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BundleError, match="was changed"):
        bundles.load(bundle.path)

    class Cut:
        @staticmethod
        def SerializeToString() -> bytes:
            return b"\x08\x09nonsense"

    with pytest.raises(BundleError, match=r"model\.onnx"):
        _load(_bundle(tmp_path / "c", Cut()))
    with pytest.raises(BundleError, match="no output 'logits'"):
        _load(_bundle(tmp_path / "d", output={"score": {"name": "logits", "activation": "softmax"}}))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"licence": ""}, "licence"),
        ({"input": {"normalise": {"scale": 1, "mean": [0]}}}, "normalise"),
        ({"input": {"channels": 2}}, "channels"),
        ({"output": {"labels": ["one"]}}, "labels"),
        ({"operating_points": {}}, "operating_points"),
        ({"self_test": None}, "self_test"),
        ({"input": {"script": "run me"}}, "script"),
    ],
)
def test_an_incomplete_manifest_is_refused_by_the_name_of_its_entry(tmp_path: Path, change: Any, word: str) -> None:
    with pytest.raises(BundleError, match=word):
        _bundle(tmp_path / "b", **change)


def test_shipped_bundles_follow_the_schema() -> None:
    from reader_app import paths

    shipped = [p for p in paths.resource("bundles").iterdir() if p.is_dir()]
    assert shipped
    for path in shipped:
        bundles.load(path)
    document = json.loads((shipped[0] / "manifest.json").read_text())
    assert document["schema"] == 1
