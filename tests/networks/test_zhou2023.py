"""zhou2023: four views laid over each other, fusion picks the like place, matching, training, boxes in the right view."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reader_app.ai import bundle as bundles
from reader_app.ai import results
from reader_app.errors import BundleError, ImageError, TableError
from reader_app.imaging import phantoms
from reader_app.imaging.container import open_case
from reader_app.networks import (
    checkpoint,
    detection,
    detection_merge,
    registry,
    worker,
    zhou2023,
    zhou2023_matching,
    zhou2023_samples,
)
from reader_app.networks.detection import Detection, FourViewDetector
from reader_app.networks.detection_parts import ViewFusion
from reader_app.networks.zhou2023_views import PLACES, VIEWS, FourViews, place_of, stack

CPU = torch.device("cpu")
SEED = 6


@pytest.fixture(scope="module")
def exam() -> phantoms.PhantomCase:
    return phantoms.mammogram_exam(SEED, True, pixel_mm=0.6, kinds=("mass",))


@pytest.fixture(scope="module")
def views(exam: phantoms.PhantomCase) -> FourViews:
    return stack({image.id: image for image in exam.images}, 0.6)


def _finding(view: int, x: float, y: float, **changes: Any) -> Detection:
    made = Detection(view, (x - 10, y - 10, x + 10, y + 10), 1, 0.8, 0.5, (1.0,), (1.0, *[0.0] * 8), 0.5)
    return replace(made, **changes)


def _spot(exam: phantoms.PhantomCase, name: str, row: int, column: int) -> phantoms.PhantomCase:
    image = exam.image(name)
    pixels = image.array.copy()
    pixels[row - 2 : row + 3, column - 2 : column + 3] = 4095
    return replace(exam, images=tuple(replace(i, array=pixels) if i is image else i for i in exam.images))


def test_stack_faces_one_way_with_grey_levels_of_the_paper(exam: phantoms.PhantomCase, views: FourViews) -> None:
    assert views.pixels.shape[0] == 4 and all(n % 32 == 0 for n in views.pixels.shape[1:])
    for number, name in enumerate(VIEWS):
        placed = views.placed[number]
        assert placed is not None and placed.image_id == name and placed.mirrored == name.startswith("R")
        plane = views.pixels[number]
        inside = plane[plane != 0]
        assert abs(np.mean(inside < 0) - 0.05) < 0.01 and abs(np.mean(inside > 1) - 0.05) < 0.01
        r0, c0, r1, c1 = placed.breast
        assert not plane[:, c1:].any() and not plane[:r0].any() and not plane[r1:].any()  # cropped to the breast
        assert (plane[:, c0 + 2] != 0).mean() > 0.4  # the chest wall lies at the left of every view
        # the nipple is the farthest place of the breast from the chest wall, and in one place of the stack
        reach = np.max(np.flatnonzero((plane != 0).any(0)))
        assert abs(reach - views.nipple[1]) <= 2
        assert abs(np.flatnonzero(plane[:, reach - 1]).mean() - views.nipple[0]) <= 8


def test_boxes_go_to_the_stack_and_back(exam: phantoms.PhantomCase, views: FourViews) -> None:
    assert exam.lesions
    columns = []
    for lesion in exam.lesions:
        view = VIEWS.index(lesion.image_id)
        placed = views.placed[view]
        assert placed is not None
        box = placed.to_stack(lesion.start, lesion.stop)
        start, stop = placed.to_image(box)
        assert np.allclose(start, lesion.start, atol=1e-3) and np.allclose(stop, lesion.stop, atol=1e-3)
        columns.append((box[0] + box[2]) / 2)
        place, depth = place_of(views, view, (box[1] + box[3]) / 2, columns[-1])
        assert 0 < depth < 1 and (place < 4) == lesion.image_id.endswith("CC") and PLACES[place]
    assert abs(columns[0] - columns[1]) * views.mm < 6  # one distance from the nipple in CC and MLO


@pytest.mark.parametrize("name", ["RCC", "LMLO"])
def test_a_bright_place_is_found_again_where_it_was(exam: phantoms.PhantomCase, name: str) -> None:
    row, column = 200, 210 if name == "RCC" else 90
    marked = _spot(exam, name, row, column)
    made = stack({image.id: image for image in marked.images}, 0.6)
    view = VIEWS.index(name)
    placed = made.placed[view]
    assert placed is not None
    y, x = np.unravel_index(int(np.argmax(made.pixels[view])), made.pixels.shape[1:])
    start, stop = placed.to_image((float(x), float(y), float(x) + 1, float(y) + 1))
    assert start[0] - 3 <= row <= stop[0] + 3 and start[1] - 3 <= column <= stop[1] + 3
    # the same place as a cell of a map
    cells = np.zeros((made.pixels.shape[1] // 4, made.pixels.shape[2] // 4), np.float32)
    cells[round(y / 4), round(x / 4)] = 1
    grid, scale, offset = placed.cells(cells, 4)
    r, c = np.argwhere(grid > 0)[0]
    assert abs(offset[0] + scale[0] * r - row) <= 5 and abs(offset[1] + scale[1] * c - column) <= 5


def test_an_empty_exam_is_refused(exam: phantoms.PhantomCase) -> None:
    image = exam.image("RCC")
    with pytest.raises(ImageError, match="none of the four views"):
        stack({"RCC": replace(image, array=np.zeros_like(image.array))}, 0.6)


def test_fusion_sees_the_mirrored_place_and_the_like_depth() -> None:
    torch.manual_seed(0)
    fusion = ViewFusion(8)
    for layer in (fusion.side_own, fusion.side_other, fusion.view_own, fusion.view_other):
        torch.nn.init.constant_(layer.weight, 0.1)
    x = torch.rand(4, 8, 12, 10).requires_grad_(True)
    present = torch.ones(4, dtype=torch.bool)
    fused = fusion(x, present)
    assert fused.shape == x.shape
    (given,) = torch.autograd.grad(fused[1, :, 5, 7].sum(), x)  # what LCC at row 5, column 7 depends on
    reach = given.abs().sum(1) > 0
    own, mirrored, other_view = reach[1], reach[0], reach[3]
    assert own[5, 7] and own.sum() == 1
    assert mirrored[5, 7] and mirrored.sum() == 9 and mirrored[4:7, 6:9].all()  # the mirrored place and its neighbours
    assert other_view[:, 7].all() and not other_view[:, :7].any() and not other_view[:, 8:].any()  # a column of LMLO
    # a missing view adds nothing and stays empty
    gone = fusion(x, torch.tensor([False, True, True, True]))
    changed = x.detach().clone()
    changed[0] += 5
    assert torch.equal(gone, fusion(changed, torch.tensor([False, True, True, True])))
    assert not gone[0].any() and not torch.equal(fused, fusion(changed, present))


def test_mirrored_place_holds_from_hung_pixels_on(exam: phantoms.PhantomCase) -> None:
    """Right and left views are hung as mirror images: the like place of RCC column c is LCC column (width - 1 - c)."""
    pair = {name: exam.image(name) for name in ("RCC", "LCC")}
    mirror = replace(pair["LCC"], array=np.ascontiguousarray(pair["RCC"].array[:, ::-1]))
    made = stack({"RCC": pair["RCC"], "LCC": mirror}, 0.6)
    assert np.array_equal(made.pixels[0], made.pixels[1]) and list(made.present) == [True, True, False, False]
    unmirrored = stack({"RCC": pair["RCC"], "LCC": replace(mirror, array=pair["RCC"].array)}, 0.6)
    assert not np.array_equal(unmirrored.pixels[0], unmirrored.pixels[1])


def test_greedy_takes_the_best_pair_first() -> None:
    matrix = np.array([[0.9, 0.8], [0.85, 0.2]])
    assert zhou2023_matching.greedy(matrix, 0.5) == [(0, 0)]  # (1, 1) lies below the limit and stays single
    assert zhou2023_matching.greedy(matrix, 0.1) == [(0, 0), (1, 1)]
    assert zhou2023_matching.greedy(np.zeros((0, 3))) == []


def test_trees_in_json_equal_scikit_learn() -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, len(zhou2023_matching.FEATURES)))
    same = x[:, 0] + 0.5 * x[:, 2] > 0.3
    document = json.loads(json.dumps(zhou2023_matching.grow(x, same, 4)))
    model = GradientBoostingClassifier(n_estimators=60, max_depth=3, learning_rate=0.1, min_samples_leaf=2, random_state=4)
    weight = np.where(same, 0.5 / same.mean(), 0.5 / (1 - same.mean()))  # both kinds weigh alike
    expected = model.fit(x.astype(np.float32), same.astype(int), weight).predict_proba(x.astype(np.float32))[:, 1]
    assert np.allclose([zhou2023_matching.probability(document, row) for row in x], expected, atol=1e-9)
    nothing = zhou2023_matching.grow(x[:4], np.array([True, False, False, False]), 4)
    assert nothing["trees"] == [] and zhou2023_matching.probability(nothing, x[0]) < 0.01


def test_lesions_are_joined_within_a_breast() -> None:
    rng = np.random.default_rng(1)
    apart = np.concatenate([rng.uniform(0, 6, 60), rng.uniform(15, 60, 60)])
    features = np.stack([zhou2023_matching.pair_features(_finding(0, 0, 0), _finding(2, d, 0), 1.0) for d in apart])
    trees = zhou2023_matching.grow(features, apart < 10, 1)
    found = [_finding(0, 50, 40), _finding(0, 120, 40), _finding(2, 52, 90), _finding(3, 121, 90)]
    lesions = zhou2023_matching.match(trees, found, 1.0)
    assert sorted(lesions) == [(0, 2), (1,), (3,)]  # 120 of RCC is not joined with 121 of the other breast


def test_merge_averages_passes_and_keeps_one_box_a_place() -> None:
    nested = _finding(0, 0, 0, box=(52.0, 52.0, 56.0, 56.0), score=0.7)
    first = [_finding(0, 50, 50), nested, _finding(0, 51, 50, kind=2, score=0.3), _finding(1, 50, 50, score=0.4)]
    second = [detection_merge.unflip(_finding(0, 200 - 52, 50, score=0.6), 200)]
    merged = detection_merge.merge([first, second])
    assert [(d.view, d.kind) for d in merged] == [(0, 1), (1, 1)]
    assert merged[0].score == pytest.approx(0.7) and 40 < merged[0].box[0] < 42
    assert merged[1].score == pytest.approx(0.2)  # the mirrored pass did not see it


def test_heat_of_a_finding_lies_on_true_cells() -> None:
    coarse = torch.zeros(1, 1, 6, 6)
    coarse[0, 0, 2, 3] = 1
    fine = detection._finer(coarse, 4, 24, 24)[0, 0]
    assert divmod(int(fine.argmax()), 24) == (8, 12) and float(fine[8, 12]) == pytest.approx(1, abs=1e-5)


def test_evidence_stays_at_its_finding() -> None:
    torch.manual_seed(1)
    network = FourViewDetector("small").eval()
    with torch.no_grad():
        levels = network.features(torch.rand(4, 128, 96), torch.ones(4, dtype=torch.bool))
    found = _finding(2, 60, 40)
    heat = network.evidence(levels, found, (128, 96))
    step = network.size.finest
    assert heat.shape == (128 // step, 96 // step) and heat.max() > 0
    rows, columns = np.nonzero(heat)
    assert step * rows.min() >= 40 - 10 - 2 * step and step * rows.max() <= 40 + 10 + 2 * step
    assert step * columns.min() >= 60 - 10 - 2 * step and step * columns.max() <= 60 + 10 + 2 * step


@pytest.mark.parametrize("backbone", ["small", "resnet50"])
def test_every_backbone_fuses_all_levels(backbone: str) -> None:
    torch.manual_seed(0)
    network = FourViewDetector(backbone).eval()
    with torch.no_grad():
        levels = network.features(torch.rand(4, 64, 64), torch.ones(4, dtype=torch.bool))
    sizes = [tuple(v.shape[2:]) for v in levels.values()]
    assert sizes == [(16, 16), (8, 8), (4, 4), (2, 2), (1, 1)][network.size.first :]
    assert 64 // sizes[0][0] == network.size.finest and len(network.size.anchors) == len(sizes)
    assert not any("Frozen" in type(m).__name__ for m in network.modules())


def test_unknown_backbone_is_one_sentence() -> None:
    with pytest.raises(BundleError, match="not known for four views"):
        FourViewDetector("vgg16")


def test_froc_by_hand() -> None:
    marks = [(0.9, True), (0.8, False), (0.7, True), (0.6, False), (0.5, False)]
    assert zhou2023_samples.froc(marks, 4, 2) == [0.25, 0.5, 0.5, 0.5]
    assert zhou2023_samples.froc([], 0, 2) == [0.0] * 4


class _Killed(Exception):
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[bundles.Bundle, list[str]]:
    """A bundle of two steps, killed after the first and continued."""
    out = tmp_path_factory.mktemp("zhou") / "zhou2023"
    told: list[str] = []

    def train(stop: bool, count: int = 2) -> Any:
        def progress(done: int, total: int, text: str) -> None:
            told.append(text)
            if stop and "epoch 1" in text:
                raise _Killed

        options: dict[str, Any] = {"epochs": 2, "seed": 3, "device": "cpu", "calibrate": 2, "test": 1}
        return registry.train("zhou2023", phantoms=count, out=out, backbone="small", progress=progress, **options)

    with pytest.raises(_Killed):
        train(True)
    assert not out.exists()
    told.append("continued")
    report = train(False)
    assert "phantoms" in str(report) and "mammography" in str(report)
    return bundles.load(out), told


def test_training_goes_on_after_a_kill(trained: tuple[bundles.Bundle, list[str]]) -> None:
    bundle, told = trained
    assert bundle.model_id == bundle.system == "zhou2023" and bundle.phantom_trained
    after = told[told.index("continued") :]
    assert not any("epoch 1" in t for t in after) and any("epoch 2" in t for t in after)
    settings = bundle.manifest["settings"]
    assert (settings["optimiser"], settings["rate"]) == ("adam", 1e-3)
    assert bundle.manifest["output"]["types"] == ["mass", "calcification", "asymmetry", "distortion"]
    history = json.loads((bundle.path / "metrics.json").read_text())["history"]
    assert [h["epoch"] for h in history] == [1, 2] and all(np.isfinite(h["loss"]) for h in history)


def test_resumed_weights_equal_uninterrupted_ones(trained: tuple[bundles.Bundle, list[str]], tmp_path: Path) -> None:
    work = trained[0].path.parent / "zhou2023.work"
    files = sorted(work.glob("exams-*/*.safetensors"))
    state, note = checkpoint.read(next(work.glob("zhou2023-small-*.safetensors")))
    task = zhou2023_samples.ExamTask(files, CPU)
    from reader_app.networks import training

    torch.manual_seed(3)
    network = FourViewDetector("small", 4)
    settings = training.Settings(**note["settings"])
    training.fit(
        network,
        stage=next(work.glob("zhou2023-small-*.safetensors")).stem,
        batches=task.batches,
        steps_per_epoch=len(task.train),
        loss=task.loss,
        validate=task.validate,
        settings=settings,
        device=CPU,
        store=tmp_path,
        watch="overall",
    )
    whole, _ = checkpoint.read(next(tmp_path.glob("*.safetensors")))
    assert all(torch.equal(state[k], whole[k]) for k in state)


def test_predictions_lie_in_their_views(
    trained: tuple[bundles.Bundle, list[str]], cases: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict, _ = worker.load_model(trained[0], "cpu")
    model: zhou2023.FourViewModel = predict.__self__  # type: ignore[attr-defined]
    case = open_case(cases["M1"])
    images = {i.id: i for i in case.images}
    views = stack(images, 0.6)
    truth = phantoms.mammogram_exam(2, True, pixel_mm=0.6).lesions
    assert truth

    def exact(pixels: torch.Tensor, present: torch.Tensor) -> tuple[list[Detection], Any]:
        """A detector that marks the true lesions; on the mirrored stack it sees nothing."""
        if not torch.equal(pixels, torch.from_numpy(views.pixels)):
            return [], {}
        found = []
        for lesion in truth:
            view = VIEWS.index(lesion.image_id)
            placed = views.placed[view]
            assert placed is not None
            box = placed.to_stack(lesion.start, lesion.stop)
            found.append(Detection(view, box, 1, 0.9, 0.9, (1.0, *[0.0] * 12)))
        return found, model.network.features(pixels, present)

    real = predict(case, {})
    assert 0 <= real.probability <= 1 and real.positive == (real.probability >= real.threshold)
    for box in real.boxes:
        shape = images[box.image_id].array.shape
        assert all(0 <= a < b <= n for a, b, n in zip(box.start, box.stop, shape, strict=True))
        assert box.label == ("malignant" if box.score >= real.threshold else "benign")
    if real.boxes:
        assert real.boxes[0].score == pytest.approx(real.probability)
    monkeypatch.setattr(model.network, "detect", exact)
    monkeypatch.setattr(model, "threshold", 1e-6)
    monkeypatch.setattr(model, "slope", 1.0)
    made = predict(case, {})
    assert {b.image_id for b in made.boxes} == {t.image_id for t in truth}
    for lesion in truth:
        (box,) = made.boxes_of(lesion.image_id)
        assert np.allclose(box.start, lesion.start, atol=0.01) and np.allclose(box.stop, lesion.stop, atol=0.01)
        assert box.label == "malignant"
        heat = made.heatmap(lesion.image_id)
        assert heat is not None
        if heat.evidence:
            peak = heat.index_of(tuple(float(v) for v in np.unravel_index(int(np.argmax(heat.grid)), heat.grid.shape)))
            assert all(a - 40 <= v <= b + 40 for v, a, b in zip(peak, lesion.start, lesion.stop, strict=True))
    others = [h for h in made.heatmaps if h.image_id not in {t.image_id for t in truth}]
    assert others and not any(h.evidence for h in others)
    assert {row["type"] for row in made.provenance["lesions"]} == {"mass"} and made.call == "malignant"
    results.save(tmp_path, made)
    assert results.load(tmp_path, case.case_id).boxes == made.boxes
    assert predict(open_case(cases["U1"]), {}).status == "not_applicable"


def test_faulty_orders_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"lesions\.csv"):
        registry.train("zhou2023", data=tmp_path, out=tmp_path / "m", backbone="small")
    with pytest.raises(BundleError, match="split"):
        registry.train("zhou2023", phantoms=2, folds=5, out=tmp_path / "m")
    with pytest.raises(BundleError, match="two exams"):
        registry.train("zhou2023", phantoms=1, out=tmp_path / "m")
    assert os.listdir(tmp_path) == []
