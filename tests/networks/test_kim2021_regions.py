"""kim2021's counterparts on crops: where a crop lies, drawn regions of the table, a U-Net that learns, nothing leaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load

from reader_app.ai import bundle as bundles
from reader_app.errors import TableError
from reader_app.imaging import container, phantoms
from reader_app.networks import checkpoint, classifier_measure, kim2021, kim2021_roi, registry, training
from reader_app.networks.kim2021 import GapCamNetwork
from reader_app.networks.kim2021_roi import RoiNetwork, UNetTask
from reader_app.networks.preprocess import Working
from reader_app.networks.training import Settings

CPU = torch.device("cpu")


def _opened(case: phantoms.PhantomCase) -> container.OpenCase:
    images = tuple(container.CaseImage(**vars(i)) for i in case.images)
    return container.OpenCase(Path(), "c", "ultrasound", images, "f")


def test_a_crop_knows_where_it_was() -> None:
    grey = np.zeros((200, 300), np.float32)
    grey[100:110, 150:160] = 60
    plane = kim2021_roi.crop("US1", None, grey, (100, 150, 110, 160), 97)
    assert plane.origin == (70, 120) and plane.factor == (70 / 97, 70 / 97)
    peak = np.argwhere(plane.pixels == plane.pixels.max())
    low, high = plane.to_image(*peak.min(0)), plane.to_image(*peak.max(0))
    assert low == pytest.approx((100, 150), abs=1) and high == pytest.approx((109, 159), abs=1)
    assert plane.pixels.max() == pytest.approx((1 - 0.45) / 0.2)  # intensities by their maximum
    edge = kim2021_roi.crop("US1", None, grey, (0, 0, 10, 10), 97)
    assert edge.origin == (0, 0) and edge.to_image(0, 0)[0] >= -0.5
    assert kim2021_roi.crop("US1", None, grey, None, 97).factor == (200 / 97, 300 / 97)


def test_regions_of_the_table() -> None:
    assert kim2021_roi.read_regions("US1:1,2,30,40; US2:5,6,7,8") == {"US1": (1, 2, 30, 40), "US2": (5, 6, 7, 8)}
    assert kim2021_roi.read_regions("") == {}
    for text in ("US1", "US1:1,2,3", "US1:5,5,4,9"):
        with pytest.raises(ValueError):
            kim2021_roi.read_regions(text)
    network = RoiNetwork("small", automatic=False)
    assert "no column 'roi'" in network.prepare({}) and "does not read" in network.prepare({"roi": "here"})
    assert network.prepare({"roi": "US1:1,2,30,40"}) == ""


def test_a_region_without_an_image_stands_for_the_only_one() -> None:
    assert kim2021_roi.read_regions("10, 20, 30, 40") == kim2021_roi.read_regions("10 20 30 40") == {"": (10, 20, 30, 40)}
    case = phantoms.ultrasound_case(300_000_301, True, frames=1, doppler=False)
    network = RoiNetwork("small", False)
    planes = []
    for text in ("100,120,200,260", "US1:100,120,200,260", "US2:100,120,200,260"):
        assert network.prepare({"roi": text}) == ""
        planes.append(list(network.planes(case.images[0], "ultrasound", Working(0.0, 97))))
    assert len(planes[0]) == 1 and np.array_equal(planes[0][0].pixels, planes[1][0].pixels) and planes[2] == []


def test_largest_region_of_a_mask() -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[2:4, 2:4] = mask[10:20, 30:45] = 1
    assert kim2021_roi.box_of(mask) == (10, 30, 20, 45)
    assert kim2021_roi.box_of(np.zeros((9, 9))) is None


def test_the_u_net_learns_a_bright_disc_and_finds_it_in_image_pixels() -> None:
    rng = np.random.default_rng(0)
    greys, masks, rows = [], [], []
    for k in range(20):
        y, x = rng.uniform(60, 130), rng.uniform(60, 200)
        mask = np.hypot(*np.ogrid[-y : 192 - y, -x : 256 - x]) < 30
        greys.append(np.clip(rng.normal(70, 15, mask.shape) + 120 * mask, 0, 255).astype(np.uint8))
        masks.append(mask)
        rows.append((k % 2 == 0, False, 50.0, k))
    data = kim2021_roi._outlined(greys, masks, rows, "discs")
    torch.manual_seed(0)  # the same first weights whatever ran before
    network = RoiNetwork("small", automatic=True)
    assert network.unet is not None
    task = UNetTask(data, data.samples.group % 5 == 0, network.side, 4, CPU)
    assert not set(task.train) & set(task.held) and len(task.held) == 4
    history = training.fit(
        network.unet,
        stage="u",
        batches=task.batches,
        steps_per_epoch=task.steps,
        loss=task.loss,
        validate=task.validate,
        settings=Settings(rate=5e-3, epochs=10, batch=4, warmup=2, seed=1),
        device=CPU,
        watch="dice",
    )
    assert max(h["dice"] for h in history) > 0.8
    held = int(task.held[0])
    truth, found = kim2021_roi.box_of(masks[held]), network.found(greys[held])
    assert truth is not None and found is not None
    assert max(abs(a - b) for a, b in zip(truth, found, strict=True)) <= 8


@pytest.mark.parametrize("model", ["kim2021_roi", "kim2021_unet"])
def test_a_counterpart_is_trained_and_judges_a_case(model: str, tmp_path: Path) -> None:
    report = registry.train(
        "kim2021", model=model, phantoms=10, out=tmp_path / model, backbone="small", epochs=1, folds=1, device="cpu",
        calibrate=3, test=3,
    )  # fmt: skip
    found = bundles.load(tmp_path / model)
    assert "outlined phantoms" in str(report) and found.phantom_trained
    predict = registry.load(found, CPU)
    case = phantoms.ultrasound_case(300_000_301, True, frames=1, doppler=False)
    said = predict(_opened(case), case.clinical)
    if model == "kim2021_roi":
        assert said.status == "not_applicable" and "drawn lesion" in said.reason
        said = predict(_opened(case), classifier_measure.clinical_of(case))
    assert said.status == "ok" and 0 <= said.probability <= 1 and len(said.heatmaps) == 1


def test_one_command_trains_all_models_of_a_system(tmp_path: Path) -> None:
    found = registry.train(
        "kim2021", model="all", phantoms=10, out=tmp_path / "all", backbone="small", epochs=1, folds=1, device="cpu",
        calibrate=2, test=2,
    )  # fmt: skip
    models = set(kim2021.MODELS)
    assert {p.name for p in (tmp_path / "all").iterdir()} == models and all(m in str(found) for m in models)
    alone = registry.train(
        "kim2021", model="kim2021_unet", phantoms=10, out=tmp_path / "one", backbone="small", epochs=1, folds=1, device="cpu",
        calibrate=2, test=2,
    )  # fmt: skip
    assert bundles.load(tmp_path / "all" / "kim2021_unet").sha256 == alone.sha256  # type: ignore[attr-defined]


def test_small_bundles_hold_exactly_the_measured_weights_at_half_the_size() -> None:
    network = GapCamNetwork("small")
    names = checkpoint.round_to_half(network)
    state = network.state_dict()
    packed = checkpoint.pack(state, half=names)
    assert len(packed) < 0.6 * len(checkpoint.pack(state))
    read = load(packed)
    assert all(torch.equal(read[k].float(), v.float()) for k, v in state.items())
    assert read["head.weight"].dtype == torch.float16 and read["trunk.body.1.running_var"].dtype == torch.float32


def test_models_by_network_and_region() -> None:
    assert kim2021.trunk_of("kim2021_vgg16_unet", "small") == "small_vgg16"
    assert kim2021.trunk_of("kim2021_googlenet", None) == "googlenet" and kim2021.trunk_of("kim2021_roi", "vgg16") == "vgg16"
    assert [kim2021.region_of(m) for m in ("kim2021", "kim2021_roi", "kim2021_vgg16_unet")] == ["", "drawn", "unet"]
    models = next(s for s in registry.systems() if s.system == "kim2021").models
    assert set(models) == set(kim2021.MODELS) == set(kim2021.TITLES) and models[-1] == "kim2021"


def test_pictures_without_a_mask_are_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("benign", "malignant"):
        (tmp_path / name).mkdir()
        for k in range(2):
            cv2.imwrite(str(tmp_path / name / f"{name} ({k}).png"), rng.integers(0, 255, (60, 80)).astype(np.uint8))
            if (name, k) != ("benign", 1):
                mask = np.zeros((60, 80), np.uint8)
                mask[20:30, 30:50] = 255
                cv2.imwrite(str(tmp_path / name / f"{name} ({k})_mask.png"), mask)
    with pytest.raises(TableError, match=r"benign \(1\).*no mask"):
        kim2021_roi.from_folder(tmp_path)
    (tmp_path / "benign" / "benign (1).png").unlink()
    found = kim2021_roi.from_folder(tmp_path)
    assert len(found.greys) == 3 and found.samples.malignant.tolist() == [0, 1, 1] and "3 outlined" in found.source
    other = replace(found, masks=found.masks[::-1])
    assert other.samples is found.samples
