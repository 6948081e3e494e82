"""Training: resumed equals uninterrupted, the best epoch is kept, a patient stays in one fold, numbers by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reader_app.ai import bundle as bundles
from reader_app.networks import classifier_train, croptask, phantom_samples, registry, training
from reader_app.networks.lu2025 import DlrNetwork
from reader_app.networks.preprocess import Working
from reader_app.networks.training import Settings

CPU = torch.device("cpu")
WORKING = Working(1.2, 32, 6.0)


@pytest.fixture(scope="module")
def crops() -> phantom_samples.Samples:
    return phantom_samples.make("ultrasound", range(40, 64), WORKING)


def _task(crops: phantom_samples.Samples) -> croptask.CropTask:
    return croptask.CropTask([crops], "malignant", 0, 5, 4, CPU)


def _run(crops: phantom_samples.Samples, settings: Settings, store: Path | None, stop_after: int | None = None) -> DlrNetwork:
    torch.manual_seed(7)
    network = DlrNetwork("small")
    task = _task(crops)

    class Killed(Exception):
        pass

    def progress(done: int, total: int, text: str) -> None:
        if stop_after is not None and done >= stop_after:
            raise Killed

    with contextlib.suppress(Killed):
        training.fit(
            network,
            stage="s",
            batches=task.batches,
            steps_per_epoch=task.steps,
            loss=task.loss,
            validate=task.validate,
            settings=settings,
            device=CPU,
            store=store,
            progress=progress,
        )
    return network


def test_resumed_run_equals_an_uninterrupted_one(crops: phantom_samples.Samples, tmp_path: Path) -> None:
    settings = Settings(epochs=4, batch=4, warmup=2, seed=3)
    whole = _run(crops, settings, None).state_dict()
    _run(crops, settings, tmp_path, stop_after=2)
    assert (tmp_path / "s.safetensors").exists()
    resumed = _run(crops, settings, tmp_path).state_dict()
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)
    other = _run(crops, replace(settings, seed=4), None).state_dict()
    assert any(not torch.equal(whole[k], other[k]) for k in whole)


def test_other_settings_do_not_continue_an_old_run(crops: phantom_samples.Samples, tmp_path: Path) -> None:
    _run(crops, Settings(epochs=1, batch=4, seed=3), tmp_path)
    fresh = _run(crops, Settings(epochs=1, batch=4, seed=5), None).state_dict()
    again = _run(crops, Settings(epochs=1, batch=4, seed=5), tmp_path).state_dict()
    assert all(torch.equal(fresh[k], again[k]) for k in fresh)


def test_folds_keep_a_case_together_and_cover_everything(crops: phantom_samples.Samples) -> None:
    seen: list[int] = []
    for fold in range(5):
        task = croptask.CropTask([crops], "malignant", fold, 5, 4, CPU)
        train, held = (set(crops.group[rows["ultrasound"]]) for rows in (task.train, task.held))
        assert not train & held
        seen += sorted(held)
    assert sorted(seen) == sorted(set(crops.group))


def test_best_epoch_is_kept(tmp_path: Path) -> None:
    network = torch.nn.Linear(1, 1)
    values = iter([0.5, 0.9, 0.7, 0.6])
    weights: list[float] = []

    def validate(net: torch.nn.Module) -> dict[str, float]:
        weights.append(float(net.weight.detach()))
        return {"auc": next(values)}

    history = training.fit(
        network,
        stage="b",
        batches=lambda rng: [torch.ones(2, 1)],
        steps_per_epoch=1,
        loss=lambda net, x, rng: net(x).sum(),
        validate=validate,
        settings=Settings(epochs=10, patience=2, warmup=1, rate=0.1),
        device=CPU,
        store=tmp_path,
    )
    assert len(history) == 4  # two epochs without a better value end it
    assert float(network.weight.detach()) == weights[1]


def test_auc_against_pair_counting() -> None:
    rng = np.random.default_rng(0)
    truth, score = rng.random(60) < 0.4, rng.integers(0, 8, 60)
    pairs = [(a > b) + 0.5 * (a == b) for a in score[truth] for b in score[~truth]]
    assert training.auc(truth, score) == pytest.approx(np.mean(pairs))
    assert np.isnan(training.auc([1, 1], [0.1, 0.2]))


def test_platt_and_youden() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(0, 2, 4000)
    y = rng.random(4000) < 1 / (1 + np.exp(-(0.7 * z - 0.4)))
    slope, intercept = training.platt(z, y)
    assert slope == pytest.approx(0.7, abs=0.06) and intercept == pytest.approx(-0.4, abs=0.1)
    point = training.youden([0.1, 0.2, 0.6, 0.4, 0.8, 0.9], [0, 0, 0, 1, 1, 1])
    assert point["threshold"] == pytest.approx(0.3) or point["threshold"] == pytest.approx(0.7)
    assert point["sensitivity"] + point["specificity"] == pytest.approx(1 + 2 / 3)
    perfect = training.youden([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert perfect["threshold"] == pytest.approx(0.5) and perfect["ci95"][0] <= 0.5 <= perfect["ci95"][1]


@pytest.mark.slow
def test_two_step_training_makes_a_bundle(tmp_path: Path) -> None:
    told: list[str] = []

    def once(progress: Callable[[int, int, str], None] | None = None) -> classifier_train.Report:
        recipe = replace(registry._recipe("lu2025", "DLR_LH"), modalities=("ultrasound",))
        return classifier_train.train(
            recipe,
            tmp_path / "m",
            phantoms_each=15,
            backbone="small",
            epochs=2,
            folds=1,
            seed=3,
            wish="cpu",
            progress=progress,
            calibration=6,
            test=6,
        )

    report = once(lambda d, n, t: told.append(t))
    found = bundles.load(tmp_path / "m")
    assert found.sha256 == report.sha256 and found.model_id == "DLR_LH" and found.phantom_trained
    assert "phantoms" in str(report) and any("epoch 2" in t for t in told)
    assert found.manifest["output"]["labels"] == ["low", "high"]
    assert once().sha256 == report.sha256  # nothing is trained twice, and the same command gives the same model
