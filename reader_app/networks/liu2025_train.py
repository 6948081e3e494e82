"""Training of liu2025 on phantoms: three U-Nets, then the classifier, then calibration and a test on whole phantoms.

Every stage leaves its state in ``<out>.work``; the same command given again after a kill goes on there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import reader_app
from reader_app.ai import bundle as bundles
from reader_app.ai.bundle import Bundle
from reader_app.errors import BundleError
from reader_app.imaging import container, phantoms
from reader_app.networks import checkpoint, device, liu2025, training
from reader_app.networks.classifier_measure import whole_case
from reader_app.networks.classifier_train import CALIBRATION_SEED, TEST_SEED, TRAIN_SEED
from reader_app.networks.liu2025 import PLANES, Liu2025Network
from reader_app.networks.liu2025_predict import VERSION, Liu2025Model, Working, heat_volume, judge, search, working_for
from reader_app.networks.liu2025_samples import FindTask, JudgeTask, VolumeSamples, of_phantoms
from reader_app.networks.report import Report
from reader_app.networks.training import Progress, Settings


def settings_for(backbone: str, epochs: int | None, seed: int) -> tuple[Settings, Settings]:
    """Return how the U-Nets and the classifier are trained.

    The classifier's are the paper's: stochastic gradient descent with momentum, rate 0.001, batch 64. The small backbone, which
    starts from nothing and trains briefly, takes Adam. For the U-Nets the paper is silent: Adam, rate 0.001, batch 16.
    """
    if backbone == "small":
        find = Settings(rate=1e-2, warmup=10, batch=16, epochs=epochs or 3, seed=seed)
        return find, Settings(rate=2e-3, decay=1e-4, warmup=20, batch=32, epochs=epochs or 12, seed=seed)
    find = Settings(rate=1e-3, batch=16, epochs=epochs or 30, seed=seed)
    return find, Settings("sgd", rate=1e-3, decay=1e-4, batch=64, epochs=epochs or 100, seed=seed)


def train(
    model_id: str,
    out: Path,
    phantoms_each: int | None = None,
    data: Path | None = None,
    backbone: str = "small",
    weights: Path | None = None,
    epochs: int | None = None,
    seed: int = 1,
    wish: str = "auto",
    progress: Progress | None = None,
    calibration: int | None = None,
    test: int | None = None,
) -> Report:
    """Train one model and write its bundle; one phantom in five is held back to choose the best epoch.

    Parameters
    ----------
    model_id : str
        One of :data:`reader_app.networks.liu2025.MODELS`.
    out : Path
        Folder of the bundle.
    phantoms_each, data : int or Path
        Training phantoms; a folder of pictures is refused, for pictures hold no volumes.
    backbone, weights : str, Path or None
        Of the classifier's branches, and safetensors to start from.
    epochs, seed, wish
        Optimisation and device; epochs count for the U-Nets and for the classifier.
    progress : callable, optional
        Told (done, total, text).
    calibration, test : int or None
        Further phantoms for calibration and for the figures of the manifest; by default a tenth of the training phantoms, at
        least 6 and at most 40.

    Raises
    ------
    BundleError
        If there are no phantoms to train on or the weights do not fit.
    """
    if data is not None:
        raise BundleError("liu2025 learns from volumes with outlined lesions, which a folder of pictures lacks; use --phantoms.")
    if phantoms_each is None or phantoms_each < 2:
        raise BundleError("Training liu2025 needs at least two phantoms; give --phantoms 200.")
    where = device.choose(wish)
    device.settle(seed)
    folder = out.parent / f"{out.name}.work"
    working = working_for(backbone)
    samples = _samples(phantoms_each, seed, working, folder, progress)
    planes = liu2025.MODELS[model_id]
    find, decide = settings_for(backbone, epochs, seed)
    torch.manual_seed(seed * 1000)
    network = Liu2025Network(backbone, planes)
    if weights is not None:
        _start_from(network, weights)
    metrics: dict[str, Any] = {"model_id": model_id, "cohort": "held-out phantoms", "history": {}}
    tag = f"{model_id}-{backbone}-{phantoms_each}"
    for plane in PLANES:
        task = FindTask(samples, plane, network.multiple, find.batch, where)
        stage = f"{tag}-find-{plane}"
        metrics["history"][plane] = _fit(network.finders[plane], task, stage, find, "dice", where, folder, progress)
    judge_task = JudgeTask(samples, len(planes), decide.batch, where)
    stage = f"{tag}-judge"
    metrics["history"]["judge"] = _fit(network.classifier, judge_task, stage, decide, "auc", where, folder, progress)
    network.to(where).eval()
    share = int(np.clip(phantoms_each // 10, 6, 40))
    seeds = _seeds(CALIBRATION_SEED, seed, calibration or share)
    calibrated = _calibrate(network, working, seeds, where, progress)
    source = f"trained on phantoms: {phantoms.VERSION}, {phantoms_each} abvs volumes, seed {seed}"
    command = f"reader-app ai train liu2025 --model {model_id} --phantoms {phantoms_each} --backbone {backbone}"
    for option, value in (("--epochs", epochs), ("--calibrate", calibration), ("--test", test)):
        command += f" {option} {value}" if value else ""
    command += f" --seed {seed} --out {model_id}"
    manifest = _manifest(model_id, backbone, working, (find, decide), calibrated, source, command)
    packed = checkpoint.pack(network.state_dict())
    draft = bundles.write(folder / f"draft-{model_id}", manifest, {bundles.WEIGHTS: packed})
    metrics["test"] = {"abvs": measure(draft, where, _seeds(TEST_SEED, seed, test or share), progress)}
    manifest["measured"] = {"cohort": metrics["cohort"], **metrics["test"]}
    content = json.dumps(metrics, indent=1, sort_keys=True).encode() + b"\n"
    final = bundles.write(out, manifest, {bundles.WEIGHTS: packed, "metrics.json": content})
    return Report(out, final.sha256, metrics, source)


def _seeds(first: int, seed: int, count: int) -> range:
    return range(first + seed * 100_000, first + seed * 100_000 + count)


def _samples(count: int, seed: int, working: Working, folder: Path, progress: Progress | None) -> VolumeSamples:
    path = folder / f"liu2025-samples-{count}-{seed}-{working.mm}-{working.window}.safetensors"
    if path.exists():
        return VolumeSamples.of_tensors(checkpoint.read(path)[0])
    tell = None if progress is None else lambda done, total: progress(done, total, "phantoms (abvs)")
    made = of_phantoms(_seeds(TRAIN_SEED, seed, count), working, tell)
    checkpoint.write(path, made.tensors(), {})
    return made


def _start_from(network: nn.Module, weights: Path) -> None:
    tensors, _ = checkpoint.read(weights)
    own = network.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise BundleError(f"{weights}: none of its tensors fits this model; choose other weights.")
    network.load_state_dict(fitting, strict=False)


def _fit(
    network: nn.Module,
    task: FindTask | JudgeTask,
    stage: str,
    settings: Settings,
    watch: str,
    where: torch.device,
    store: Path,
    progress: Progress | None,
) -> list[dict[str, Any]]:
    return training.fit(
        network,
        stage=stage,
        batches=task.batches,
        steps_per_epoch=task.steps,
        loss=task.loss,
        validate=task.validate,
        settings=settings,
        device=where,
        store=store,
        watch=watch,
        progress=progress,
    )


def _overlaps(start: Sequence[float], stop: Sequence[float], lesion: phantoms.LesionTruth) -> bool:
    """Return whether the middle of a box lies in the lesion's box, enlarged by a fifth."""
    middle = [(a + b) / 2 for a, b in zip(start, stop, strict=True)]
    return all(a - 0.1 * (b - a) <= m <= b + 0.1 * (b - a) for m, a, b in zip(middle, lesion.start, lesion.stop, strict=True))


def _calibrate(
    network: Liu2025Network, working: Working, seeds: Sequence[int], where: torch.device, progress: Progress | None
) -> dict[str, Any]:
    """Return Platt's numbers and the ends of the evidence scale, from the lesions found in whole phantoms.

    What is found beside a lesion counts as benign. Full colour is what clear malignant lesions reach; a tenth of it is nothing.
    """
    score, truth, loud = [], [], []
    for number, seed in enumerate(seeds):
        case = whole_case("abvs", seed)
        for image in case.images:
            found, _, spacing = search(network, image, working, where)
            for lesion in found:
                judged = judge(network.classifier, image.array, spacing, lesion, working.window, where)
                hit = any(_overlaps(lesion.start, lesion.stop, t) for t in case.lesions if t.image_id == image.id)
                score.append(float(judged.scores.mean()))
                truth.append(hit and case.truth)
                if truth[-1]:
                    loud.append(float(heat_volume(network.classifier, image.array.shape, spacing, [judged]).fused().max()))
        if progress is not None:
            progress(number + 1, len(seeds), "calibrate (abvs)")
    known = len(set(truth)) == 2
    slope, intercept = training.platt(score, truth) if known else (1.0, 0.0)
    ceiling = max(float(np.quantile(loud, 0.75)), 1e-3) if loud else 1.0
    return {"platt": [slope, intercept], "n": len(score), "evidence": {"floor": 0.1 * ceiling, "ceiling": ceiling}}


def measure(bundle: Bundle, where: torch.device, seeds: Sequence[int], progress: Progress | None) -> dict[str, float]:
    """Return case figures and how well lesions are found, on whole phantoms judged as a study would."""
    model = Liu2025Model(bundle, where)
    truth, score, called, seen, beside = [], [], [], [], []
    on_lesion = []
    for number, seed in enumerate(seeds):
        case = whole_case("abvs", seed)
        images = tuple(container.CaseImage(**vars(i)) for i in case.images)
        found = model.predict(container.OpenCase(Path(), "c", "abvs", images, "0"))
        hits = [any(b.image_id == t.image_id and _overlaps(b.start, b.stop, t) for t in case.lesions) for b in found.boxes]
        truth.append(case.truth)
        score.append(found.probability)
        called.append(found.positive)
        seen.append(any(hits))
        beside.append(len(hits) - sum(hits))
        if case.truth and found.positive:
            on_lesion.append(hits[0])
        if progress is not None:
            progress(number + 1, len(seeds), "test (abvs)")
    y, c = np.array(truth, bool), np.array(called, bool)
    both = bool(y.any() and not y.all())
    return {
        "n": len(y),
        "auc": training.auc(y, score) if both else 0.5,
        "sensitivity": float(c[y].mean()) if y.any() else 0.0,
        "specificity": float((~c[~y]).mean()) if not y.all() else 0.0,
        "box_on_lesion": float(np.mean(on_lesion)) if on_lesion else 0.0,
        "lesion_found": float(np.mean(seen)),
        "false_boxes_per_case": float(np.mean(beside)),
    }


def _manifest(
    model_id: str,
    backbone: str,
    working: Working,
    settings: tuple[Settings, Settings],
    calibrated: dict[str, Any],
    source: str,
    command: str,
) -> dict[str, Any]:
    cells = liu2025.branch(backbone).split_cells
    return {
        "system": "liu2025",
        "model_id": model_id,
        "version": "1.0.0",
        "title": liu2025.TITLES[model_id],
        "licence": "MIT",
        "intended_use": "reading studies on phantoms; not for diagnosis",
        "citation": "liu2025: localisation and three-plane classification of lesions in automated breast volume scans",
        "training_data": source,
        "command": command,
        "code_version": reader_app.__version__,
        "backbone": backbone,
        "settings": {"find": asdict(settings[0]), "judge": asdict(settings[1])},
        "input": {
            "modalities": {"abvs": asdict(working)},
            "planes": list(liu2025.MODELS[model_id]),
            "preprocessing": VERSION,
            "clinical": [],
        },
        "output": {
            "labels": list(liu2025.LABELS),
            "cells": asdict(cells),
            "explain": "gradcam of each plane, fused in the volume",
            "evidence": {"abvs": calibrated["evidence"]},
            "aggregate": {"frames": "mean_prob", "case": "highest lesion"},
        },
        "calibration": {"abvs": {"type": "platt", "platt": calibrated["platt"], "n": calibrated["n"]}},
        "operating_points": {"abvs": {"name": "paper", "source": "liu2025", "threshold": liu2025.THRESHOLD}},
    }
