"""bong2023: training goes on after a kill, the combined models only upgrade, masks and boxes lie in image index."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.ai import results
from reader_app.cli import ai_commands
from reader_app.errors import BundleError, TableError
from reader_app.imaging import phantoms
from reader_app.imaging.container import CaseImage, OpenCase
from reader_app.networks import bong2023, bong2023_combine, bong2023_data, bong2023_search, bong2023_train, registry
from reader_app.networks.bong2023 import Found, ImageNetwork
from reader_app.networks.bong2023_data import ImageTask
from reader_app.networks.bong2023_predict import BongModel, paste

CPU = torch.device("cpu")


def _scores(n: int = 60) -> tuple[Any, Any]:
    rng = np.random.default_rng(4)
    truth = rng.random(n) < 0.5
    image = np.clip(rng.normal(0.35 + 0.35 * truth, 0.22), 0, 1)
    clinical = np.clip(rng.normal(0.4 + 0.25 * truth, 0.2), 0, 1)
    return np.stack([image, clinical], 1), truth


@pytest.fixture(scope="module")
def cohort() -> bong2023_data.Cohort:
    return bong2023_data.from_phantoms(range(60, 62), 256)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    """Two steps of training, by the door that the command line uses."""
    out = tmp_path_factory.mktemp("bong") / "bong2023"
    registry.train(
        "bong2023", phantoms=8, out=out, backbone="small", epochs=1, seed=2, device="cpu", calibrate=4, test=4, folds=None
    )
    return bundles.load(out)


def test_pictures_of_another_kind_are_not_judged(bundle: bundles.Bundle) -> None:
    model = BongModel(bundle, CPU)
    opened, made = _case()
    assert model.predict(opened, made.clinical).status in ("ok", "no_finding")
    for pixels, word in (
        (np.full((240, 360), 250, np.uint8), "mean grey value"),
        (np.kron([[0, 255, 0], [255, 0, 255]], np.ones((120, 120))).astype(np.uint8), "spread of the grey values"),
        (np.asarray(made.images[0].array)[:40, :90], "too small"),
    ):
        image = CaseImage(**{**vars(made.images[0]), "array": pixels})
        found = model.predict(OpenCase(Path(), "c", "ultrasound", (image,), "f" * 64), {})
        assert found.status == "not_applicable" and word in found.reason


def test_the_search_begins_with_the_papers_layers_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    made = bong2023_data.from_phantoms(range(80, 104), 64)
    task = bong2023_data.ClinicalTask(made[np.arange(14)], made[np.arange(14, 24)], 7, CPU)

    class Killed(Exception):
        pass

    def kill(done: int, total: int, text: str) -> None:
        if done == 2:
            raise Killed

    def once(store: Path, progress: Callable[[int, int, str], None] | None = None) -> Any:
        return bong2023_search.search(task, 4, 3, (50.0, 12.0), store, progress)

    best, trials = once(tmp_path / "whole")
    assert trials[0]["hidden"] == [30, 60, 120, 60, 30] and len(trials) == 4
    assert max(t["auc"] for t in trials) == next(t["auc"] for t in trials if tuple(t["hidden"]) == best)
    assert all(3 <= len(t["hidden"]) <= 5 and set(t["hidden"]) <= {15, 30, 60, 120} for t in trials)
    with pytest.raises(Killed):
        once(tmp_path / "killed", kill)
    (kept,) = (tmp_path / "killed").glob("clinical-search-*.json")
    assert len(json.loads(kept.read_text())) == 2
    assert once(tmp_path / "killed") == (best, trials)
    with pytest.raises(BundleError, match="has none"):
        registry.train("kim2021", phantoms=8, out=tmp_path / "k", search=3)


def _case(seed: int = 5, modality: str = "ultrasound") -> tuple[OpenCase, phantoms.PhantomCase]:
    made = phantoms.ultrasound_case(seed, True, shape=(240, 360), pixel_mm=0.16, frames=1)
    return OpenCase(Path(), "c", modality, tuple(CaseImage(**vars(i)) for i in made.images), "f" * 64), made


def test_trained_bundle_is_complete_and_the_command_makes_it_again(bundle: bundles.Bundle) -> None:
    manifest = bundle.manifest
    assert bundle.system == bundle.model_id == "bong2023" and bundle.phantom_trained
    assert "--phantoms 8 --calibrate 4 --test 4 --backbone small --epochs 1 --seed 2" in manifest["command"]
    assert set(manifest["output"]["models"]) == {"logistic", "tree"} and manifest["output"]["combine"] == "logistic"
    for point in manifest["operating_points"].values():
        assert point["ci95"][0] <= point["ci95"][1] and point["name"] == "youden"
    assert {"mcnemar_sensitivity_p", "accuracy_ci95", "auc_ci95"} <= set(manifest["measured"]["tree"])
    stages = {p.name.split("-")[1] for p in (bundle.path.parent / "bong2023.work").glob("bong2023-*.json")}
    assert stages == {"small", "clinical"}
    again = bong2023_train.train(bundle.path, 8, backbone="small", epochs=1, seed=2, wish="cpu", calibration=4, test=4)
    assert again.sha256 == bundle.sha256  # every stage was finished: nothing is trained again


def test_resumed_training_equals_an_uninterrupted_one(cohort: bong2023_data.Cohort, tmp_path: Path) -> None:
    from reader_app.networks import training

    short = cohort[np.arange(2)]
    task = ImageTask(short, short, 2, CPU)
    settings = training.Settings("adam", batch=2, epochs=2, warmup=2, seed=3)

    class Killed(Exception):
        pass

    def kill(done: int, total: int, text: str) -> None:
        raise Killed

    def run(store: Path | None, progress: Callable[[int, int, str], None] | None = None) -> dict[str, torch.Tensor]:
        torch.manual_seed(7)
        network = ImageNetwork("small")
        training.fit(
            network,
            stage="s",
            batches=task.batches,
            steps_per_epoch=1,
            loss=task.loss,
            validate=lambda n: {"quality": 1.0},
            settings=settings,
            device=CPU,
            store=store,
            watch="quality",
            progress=progress,
        )
        return network.state_dict()

    whole = run(None)
    with pytest.raises(Killed):
        run(tmp_path, kill)
    resumed = run(tmp_path)
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_json_of_the_combined_models_equals_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.tree import DecisionTreeClassifier

    x, y = _scores()
    new = np.random.default_rng(9).random((500, 2))
    regression = LogisticRegression(C=10.0, max_iter=1000).fit(x, y)
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=5, random_state=1).fit(x, y)
    kept = {"logistic": bong2023_combine.fit_logistic(x, y), "tree": bong2023_combine.fit_tree(x, y)}
    assert np.allclose(bong2023_combine.probability(kept["logistic"], new), regression.predict_proba(new)[:, 1], atol=1e-12)
    thresholds = tree.tree_.threshold[tree.tree_.feature >= 0]
    edges = np.array([[t, u] for t in thresholds for u in thresholds])  # also exactly on the splits
    for points in (new, edges):
        assert np.array_equal(bong2023_combine.probability(kept["tree"], points), tree.predict_proba(points)[:, 1])
    assert not np.array_equal(bong2023_combine.probability(kept["tree"], new), regression.predict_proba(new)[:, 1])


@pytest.fixture(scope="module")
def settled() -> dict[str, Any]:
    return bong2023_combine.settle(*_scores(), 1)


@pytest.mark.parametrize("kind", bong2023_combine.KINDS)
def test_the_combined_model_upgrades_only(settled: dict[str, Any], kind: str) -> None:
    x, y = _scores()
    cut, at = settled["image"]["point"]["threshold"], settled[kind]["point"]["threshold"]
    p = bong2023_combine.final(settled[kind]["model"], x, cut, at)
    image, final = x[:, 0] >= cut, p >= at
    assert final[image].all()
    alone = bong2023_combine.probability(settled[kind]["model"], x)
    assert np.array_equal(final[~image], (alone >= at)[~image])
    if kind == "logistic":  # the rule matters: by itself the regression would lower some calls
        low = [[cut, 0.0]]
        assert bong2023_combine.probability(settled[kind]["model"], low)[0] < at
        assert bong2023_combine.final(settled[kind]["model"], low, cut, at)[0] >= at
    table = bong2023_train.measure(settled, x, y)
    assert table[kind]["sensitivity"] >= table["image"]["sensitivity"]
    assert table[kind]["specificity"] <= table["image"]["specificity"]
    point = settled[kind]["point"]
    assert table[kind]["sensitivity"] == pytest.approx(point["sensitivity"])


def test_masks_boxes_and_heat_lie_in_image_index(bundle: bundles.Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    case, made = _case()
    model = BongModel(bundle, CPU)
    truth = made.masks["US1"]
    square, lies = bong2023_data.fit(np.asarray(case.images[0].array), 256)
    assert square.shape == (256, 256) and lies.used == (171, 256) and not square[171:].any()
    inside = bong2023_data.fit(truth.astype(np.uint8), 256, nearest=True)[0]
    x1, y1, x2, y2 = (float(v) for v in bong2023_data.target(inside, True, CPU)["boxes"][0])
    part = inside[int(y1) : int(y2), int(x1) : int(x2)].astype(np.float32)
    small = cv2.resize(part, (28, 28), interpolation=cv2.INTER_AREA)
    rows, columns = np.mgrid[:64, :64] * 4.0
    middle = ((y1 + y2) / 2, (x1 + x2) / 2)
    heat = np.exp(-((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2) / 200).astype(np.float32)
    found = Found((y1, x1, y2, x2), 0.999, 0.0005, small, 1e6 * heat)
    pasted = paste(found, lies, truth.shape)
    overlap = (pasted & truth).sum() / (pasted | truth).sum()
    assert overlap > 0.93
    moved = np.roll(pasted, 6, 1)
    assert (moved & truth).sum() / (moved | truth).sum() < 0.93  # such a shift would be noticed
    monkeypatch.setattr(model.image, "find", lambda pixels, explain=True: [found])
    monkeypatch.setattr(model, "points", {k: {"threshold": 0.5} for k in ("image", "logistic", "tree")})
    prediction = model.predict(case, {"age": "61", "family_history": "yes", "brca": "negative", "density": "c"})
    lesion = made.lesions[0]
    (box,) = prediction.boxes
    assert box.label == "malignant" and box.image_id == "US1" and prediction.positive and prediction.call == "malignant"
    assert np.allclose([*box.start, *box.stop], [*lesion.start, *lesion.stop], atol=2.0)
    (grid,) = prediction.heatmaps
    values = prediction.raw[0]
    assert values is not None and grid.evidence
    peak = tuple(int(v) for v in np.unravel_index(values.argmax(), values.shape))
    assert grid.index_of(peak) == pytest.approx(lesion.centre, abs=6.0)
    entry = prediction.provenance["lesions"][0]
    line = np.array(entry["outline"][0])
    assert np.all(line.min(0) >= np.array(lesion.start) - 2) and np.all(line.max(0) <= np.array(lesion.stop) + 2)
    assert prediction.provenance["notes"] == [] and prediction.provenance["upgraded"] is False


def test_a_benign_image_score_is_upgraded_and_never_lowered(bundle: bundles.Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    case, _ = _case()
    model = BongModel(bundle, CPU)
    blank = np.ones((28, 28), np.float32)
    steep = {"kind": "logistic", "inputs": ["image_score", "clinical_score"], "coefficients": [0.0, 20.0], "intercept": -10.0}
    monkeypatch.setattr(model, "combined", {"logistic": steep, "tree": steep})
    monkeypatch.setattr(model, "points", {k: {"threshold": 0.5} for k in ("image", "logistic", "tree")})
    for cancer, clinical, positive, upgraded in ((0.1, 0.9, True, True), (0.1, 0.1, False, False), (0.9, 0.1, True, False)):
        found = Found((40.0, 60.0, 90.0, 130.0), cancer, 1 - cancer, blank, np.zeros((64, 64), np.float32))
        monkeypatch.setattr(model.image, "find", lambda pixels, explain=True, found=found: [found])
        monkeypatch.setattr(model.clinical, "score", lambda x, value=clinical: np.array([value], np.float32))
        made = model.predict(case, {})
        assert (made.positive, made.provenance["upgraded"]) == (positive, upgraded)
        assert made.boxes[0].label == ("malignant" if positive else "benign") and made.positive == (made.probability >= 0.5)


def test_predictions_of_a_real_forward_pass_can_be_stored(
    bundle: bundles.Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, made = _case()
    predict = registry.load(bundle, CPU)
    monkeypatch.setattr(bong2023, "LEAST", 2.0)
    nothing = predict(case, made.clinical)
    assert nothing.status == "no_finding" and nothing.call == "benign" and nothing.probability == 0 and not nothing.boxes
    monkeypatch.setattr(bong2023, "LEAST", 0.0)  # two steps of training find nothing sure
    found = predict(case, {})
    results.save(tmp_path, found)
    again = results.load(tmp_path, "c")
    assert again.status == "ok" and again.provenance["bundle_sha256"] == bundle.sha256 and len(again.boxes) >= 1
    assert len([n for n in again.provenance["notes"] if "missing" in n]) == 4
    assert {b.image_id for b in again.boxes} == {"US1"}  # not the colour Doppler frame
    assert all(0 <= a < b <= n for box in again.boxes for a, b, n in zip(box.start, box.stop, (240, 360), strict=True))
    other, _ = _case(modality="mammography")
    assert predict(other, {}).status == "not_applicable"


def test_heat_of_a_box_is_the_box_heads_own(cohort: bong2023_data.Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = ImageNetwork("small")
    monkeypatch.setattr(bong2023, "LEAST", 0.0)
    found = network.find(bong2023_data.to_tensor(cohort.pixels[0], CPU))
    assert found and all(f.evidence.shape == (64, 64) and (f.evidence >= 0).all() for f in found)
    whole = [f for f in found if f.evidence.max() > 0]
    for one in whole:  # nothing far from the box that was pooled (an interpolation and a coarse cell of reach)
        rows, columns = np.nonzero(one.evidence)
        reach = 40
        assert rows.min() * 4 >= one.box[0] - reach and rows.max() * 4 <= one.box[2] + reach
        assert columns.min() * 4 >= one.box[1] - reach and columns.max() * 4 <= one.box[3] + reach
    assert whole


def test_coarse_cells_keep_their_true_centres() -> None:
    coarse = torch.zeros(16, 16)
    coarse[5, 9] = 1.0
    fine = bong2023._on_finest(coarse, 64)
    assert tuple(np.unravel_index(int(fine.argmax()), fine.shape)) == (20, 36)  # 16 * 5 = 4 * 20
    assert float(fine.sum()) == pytest.approx(1.0)


def test_clinical_factors() -> None:
    row, notes = bong2023.encode({"age": "47", "family_history": "Yes", "brca": "not tested", "density": "C"}, 50.0)
    assert row.tolist() == [47, 1, 0, 0, 0, 1, 0] and notes == []
    row, notes = bong2023.encode({"brca": "positive"}, 51.0)
    assert row.tolist() == [51, 0, 1, 0, 0, 0, 0] and len(notes) == 3
    network = bong2023.ClinicalNetwork()
    sizes = [m.out_features for m in network.layers if isinstance(m, torch.nn.Linear)]
    assert sizes == [30, 60, 120, 60, 30, 2] and sum(isinstance(m, torch.nn.BatchNorm1d) for m in network.layers) == 4


def test_the_clinical_network_learns_from_the_papers_number_of_women() -> None:
    women = bong2023_data.women_of_phantoms(range(60, 66))
    made = bong2023_data.from_phantoms(range(60, 66), 64)
    assert np.array_equal(women.factors, made.factors) and np.array_equal(women.malignant, made.malignant)
    many = bong2023_data.women_of_phantoms(range(bong2023_train.WOMEN))
    density = many.factors[:, 3:].mean(0)
    by_class = [many.factors[many.malignant == k, 6].mean() for k in (0, 1)]
    assert (
        len(many) == 801 and density[2] > density[0] and by_class[0] > by_class[1] + 0.1
    )  # density d: benign 35 %, malignant 16 %


def test_folder_with_masks(tmp_path: Path) -> None:
    rows = ["file,mask,malignant,patient_id,age,family_history,brca,density"]
    for k in range(18):
        rng = np.random.default_rng(k)
        grey = cv2.resize(rng.uniform(0, 255, (8, 8)).astype(np.float32), (120, 90), interpolation=cv2.INTER_CUBIC)
        mask = np.zeros((90, 120), np.uint8)
        mask[30:60, 40:80] = 255
        cv2.imwrite(str(tmp_path / f"p{k}.png"), np.clip(grey, 0, 255).astype(np.uint8))
        cv2.imwrite(str(tmp_path / f"m{k}.png"), mask)
        rows.append(f"p{k}.png,m{k}.png,{k % 2},P{k // 2 if k < 4 else k},{40 + k if k else ''},yes,no,b")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    learn, held, last, source = bong2023_data.from_folder(tmp_path, 64, 1)
    assert len(learn) + len(held) + len(last) == 18 and "18 pictures" in source
    assert all(set(np.unique(p.malignant)) == {0, 1} for p in (learn, held, last))
    assert learn.factors[0, 1] == 1 and learn.masks.max() == 1
    repeated = bong2023_data.from_folder(tmp_path, 64, 1)[0]
    assert repeated.identity == learn.identity
    (tmp_path / "m3.png").unlink()
    cv2.imwrite(str(tmp_path / "m5.png"), np.zeros((90, 120), np.uint8))
    with pytest.raises(TableError) as caught:
        bong2023_data.from_folder(tmp_path, 64, 1)
    assert "p3.png" in str(caught.value) and "m5.png" in str(caught.value)


def test_what_is_refused(bundle: bundles.Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="one split"):
        registry.train("bong2023", phantoms=4, out=tmp_path / "x", folds=5)
    with pytest.raises(BundleError, match="--test 0"):
        registry.train("bong2023", phantoms=4, out=tmp_path / "x", test=0)
    document = {k: v for k, v in bundle.manifest.items() if k not in ("schema", "files")}
    weights = bundle.weights.read_bytes()
    wrong = bundles.write(tmp_path / "wrong", {**document, "backbone": "vgg"}, {bundles.WEIGHTS: weights})
    with pytest.raises(BundleError, match="vgg"):
        registry.load(wrong, CPU)
    other = {**document, "output": {**document["output"], "combine": "forest"}}
    with pytest.raises(BundleError, match="forest"):
        registry.load(bundles.write(tmp_path / "other", other, {bundles.WEIGHTS: weights}), CPU)


def test_listed_among_the_systems() -> None:
    (found,) = [s for s in registry.systems() if s.system == "bong2023"]
    assert found.backbones == ("resnet101", "small") and found.modalities == ("ultrasound",)


def test_commands_of_shipped_bundles_state_what_calibrated_and_tested_them() -> None:
    parser = argparse.ArgumentParser()
    ai_commands.add_to(parser.add_subparsers())
    for folder in sorted(p.parent for p in paths.resource("bundles").glob("*/manifest.json")):
        found = bundles.load(folder).manifest
        given = parser.parse_args(found["command"].split()[1:])
        assert (given.model or given.system) == found["model_id"] and given.backbone == found["backbone"]
        held = {"calibrate": given.calibrate or min(60, max(10, given.phantoms // 6))}
        held["test"] = given.test or min(80, max(10, given.phantoms // 5))
        tested = {row["n"] for name, row in found["measured"].items() if name != "cohort"}
        if found["system"] in ("lu2025", "kim2021"):
            assert {p["n"] for p in found["operating_points"].values()} == {held["calibrate"]}
            assert tested == {held["test"]}
            assert given.seed == found["settings"]["seed"] and given.epochs == found["settings"]["epochs"]
