"""Training of the window classifiers (lu2025, kim2021): five-fold, the fold of the best AUC kept, then calibration and a test.

On phantoms, calibration and test use further phantoms, judged whole as in a study. On pictures (a folder with a table), both use
the held-out folds. Weights of small trunks are rounded to half precision before that, and stored so.

Every stage leaves its state in ``<out>.work``; the same command given again after a kill goes on there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import reader_app
from reader_app.ai import bundle as bundles
from reader_app.errors import BundleError
from reader_app.imaging import phantoms
from reader_app.networks import (
    backbones,
    checkpoint,
    classifier_predict,
    device,
    image_samples,
    kim2021_roi,
    phantom_samples,
    preprocess,
    training,
)
from reader_app.networks.classifier import WindowClassifier
from reader_app.networks.classifier_measure import calibrate, cross_validated, held_out, measure_cases, score_cases
from reader_app.networks.croptask import CropTask, Recipe, fit_perceptron, settle_embedding
from reader_app.networks.lu2025 import DlrNetwork
from reader_app.networks.phantom_samples import Samples
from reader_app.networks.preprocess import Working
from reader_app.networks.report import Report
from reader_app.networks.training import Progress, Settings

#: First seed of the phantoms of training, calibration and test; far from the seeds of demos.
TRAIN_SEED, CALIBRATION_SEED, TEST_SEED = 500_000_000, 700_000_000, 900_000_000

#: Epochs of a small trunk where none are asked for; otherwise the paper's 100.
SMALL_EPOCHS = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained.

    Attributes
    ----------
    recipe : Recipe
        The model.
    backbone : str
        Trunk; the paper's is "resnet50".
    phantoms : int
        Training phantoms of each modality.
    calibration, test : int
        Further phantoms of each modality for the operating point and for the figures in the manifest.
    folds : int
        Cross-validation folds; 1 trains once and validates on a fifth.
    settings : Settings
        Optimisation.
    """

    recipe: Recipe
    backbone: str
    phantoms: int
    calibration: int
    test: int
    folds: int
    settings: Settings


def samples(plan: Plan, work: Path, progress: Progress | None) -> list[Samples]:
    """Return the training crops, made once and kept in ``work``."""
    made = []
    windows = plan.recipe.windows(plan.backbone)
    for modality in plan.recipe.modalities:
        kind = f"{windows[modality].window}{'w' if plan.recipe.whole else ''}"
        path = work / f"samples-{modality}-{plan.phantoms}-{plan.settings.seed}-{kind}.safetensors"
        if path.exists():
            tensors, _ = checkpoint.read(path)
            arrays = {k: v.numpy() for k, v in tensors.items()}
            made.append(Samples(modality, **arrays))
            continue
        first = TRAIN_SEED + plan.settings.seed * 100_000
        tell = training.step(progress, f"phantoms ({modality})")
        found = phantom_samples.make(modality, range(first, first + plan.phantoms), windows[modality], tell)
        arrays = {k: v for k, v in vars(found).items() if k != "modality"}
        checkpoint.write(path, {k: torch.from_numpy(v) for k, v in arrays.items()}, {})
        made.append(found)
    return made


def train(
    recipe: Recipe,
    out: Path,
    phantoms_each: int | None = None,
    data: Path | None = None,
    backbone: str = "small",
    weights: Path | None = None,
    epochs: int | None = None,
    folds: int = 5,
    seed: int = 1,
    wish: str = "auto",
    progress: Progress | None = None,
    work: Path | None = None,
    calibration: int | None = None,
    test: int | None = None,
) -> Report:
    """Train one model on phantoms or on pictures and write its bundle.

    Parameters
    ----------
    recipe : Recipe
        The model.
    out : Path
        Folder of the bundle.
    phantoms_each, data : int or Path
        Training phantoms of each modality, or a folder of ultrasound pictures (:mod:`reader_app.networks.image_samples`).
    backbone, weights : str, Path or None
        Trunk, and what to start from (transfer, e.g. from BUSI): safetensors, or the folder of a bundle of the same trunk.
    epochs, folds, seed, wish
        Optimisation and device.
    progress : callable, optional
        Told (done, total, text).
    work : Path or None
        Where stages are kept; ``<out>.work`` by default.
    calibration, test : int or None
        Further phantoms of each modality for the operating point and for the figures of the manifest; by default a sixth and a
        fifth of the training phantoms, at least 10 and at most 60 and 80.
    """
    if (phantoms_each is None) == (data is None):
        raise BundleError("Training needs either a number of phantoms or a folder of pictures; give one of the two.")
    if folds < 1:
        raise BundleError("Training needs at least one fold; give --folds 5.")
    where = device.choose(wish)
    device.settle(seed)
    small = backbones.is_small(backbone)
    settings = Settings(seed=seed, epochs=epochs or (SMALL_EPOCHS if small else 100), rate=1e-3 if small else 1e-4, decay=1e-4)
    each = phantoms_each or 0
    for_points = calibration or int(np.clip(each // 6, 10, 60))
    for_test = test or int(np.clip(each // 5, 10, 80))
    plan = Plan(recipe, backbone, each, for_points, for_test, folds, settings)
    folder = work or out.parent / f"{out.name}.work"
    windows = recipe.windows(backbone)
    outlined: kim2021_roi.Outlined | None = None
    cohorts: Mapping[str, Samples] = {}
    if recipe.region:
        if data is not None:
            outlined, windows = kim2021_roi.from_folder(data), {"ultrasound": Working(0.0, windows["ultrasound"].window)}
        else:
            first = TRAIN_SEED + seed * 100_000
            source = f"trained on outlined phantoms: {phantoms.VERSION}, {each} of each modality, seed {seed}"
            outlined = kim2021_roi.from_phantoms(range(first, first + each), source, progress)
        crops, source, identity = [outlined.samples], outlined.source, outlined.identity
    elif data is not None:
        window = windows["ultrasound"].window
        pictures = image_samples.load(data, window, cropped=not recipe.whole)
        crops, source, identity = [pictures.samples], pictures.describe(), pictures.identity
        cohorts = pictures.cohorts
        windows = {"ultrasound": Working(0.0, window)}
    else:
        crops, identity = samples(plan, folder, progress), ""
        source = f"trained on phantoms: {phantoms.VERSION}, {each} of each modality, seed {seed}"
    tag = f"{recipe.model_id}-{backbone}" + (f"-{identity[:8]}" if identity else "")
    runs: list[tuple[float, WindowClassifier, CropTask, list[dict[str, Any]]]] = []
    for fold in range(folds):
        torch.manual_seed(seed * 1000 + fold)
        network = _fresh(recipe, backbone, weights)
        stage = f"{tag}-fold{fold + 1}of{folds}"
        if outlined is not None:
            assert isinstance(network, kim2021_roi.RoiNetwork)
            window = windows["ultrasound"].window
            crops = [kim2021_roi.crops_of_fold(network, outlined, window, fold, folds, settings, stage, where, folder, progress)]
        task = CropTask(crops, recipe.target, fold, folds, settings.batch, where, vary=data is not None)
        history = training.fit(
            network,
            stage=stage,
            batches=task.batches,
            steps_per_epoch=task.steps,
            loss=task.loss,
            validate=task.validate,
            settings=settings,
            device=where,
            store=folder,
            progress=progress,
        )
        runs.append((max(h["auc"] for h in history), network, task, history))
    chosen = int(np.argmax([r[0] for r in runs]))
    _, network, task, _ = runs[chosen]
    metrics: dict[str, Any] = {
        "model_id": recipe.model_id,
        "chosen_fold": chosen + 1,
        "fold_auc": [r[0] for r in runs],
        "history": [r[3] for r in runs],
    }
    half = checkpoint.round_to_half(network) if small else ()
    settle_embedding(network, task)
    if isinstance(network, DlrNetwork):
        metrics["perceptron_auc"] = fit_perceptron(network, task, settings)
        half = checkpoint.round_to_half(network) if small else ()
    network.to(where).eval()
    if data is not None:
        found = {"ultrasound": calibrate(held_out([(r[1], r[2]) for r in runs], chosen))}
        pooled = held_out([(r[1], r[2]) for r in runs])
        metrics["test"] = {"ultrasound": cross_validated(pooled, found["ultrasound"])}
        metrics["cohort"] = "held-out folds"
        for name, own in cohorts.items():
            last = CropTask([own], recipe.target, -1, folds, settings.batch, where)
            last.train, last.held = last.held, last.train
            metrics["test"][name] = cross_validated(held_out([(network, last)], 0), found["ultrasound"])
        if cohorts:
            metrics["cohort"] += f", and of the cohorts {', '.join(cohorts)}"
    else:
        found = {}
        for m in recipe.modalities:
            seeds = _seeds(CALIBRATION_SEED, seed, for_points)
            found[m] = calibrate(score_cases(network, m, seeds, recipe, windows[m], progress, f"calibrate ({m})"))
    manifest = _manifest(plan, windows, network, found, source, data)
    if weights is not None:
        manifest["command"] += f" --weights {weights.name}"
    packed = checkpoint.pack(network.state_dict(), half=half)
    if data is None:
        draft = bundles.write(folder / f"draft-{recipe.model_id}", manifest, {bundles.WEIGHTS: packed})
        model = classifier_predict.ClassifierModel(draft, recipe.make(backbone), where)
        seeds = _seeds(TEST_SEED, seed, for_test)
        metrics["test"] = {m: measure_cases(model, m, seeds, recipe, progress) for m in recipe.modalities}
        metrics["cohort"] = "held-out phantoms"
    manifest["measured"] = {"cohort": metrics["cohort"], **metrics["test"]}
    content = json.dumps(metrics, indent=1, sort_keys=True).encode() + b"\n"
    final = bundles.write(out, manifest, {bundles.WEIGHTS: packed, "metrics.json": content})
    return Report(out, final.sha256, metrics, source)


def _fresh(recipe: Recipe, backbone: str, weights: Path | None) -> WindowClassifier:
    network = recipe.make(backbone)
    network.trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if weights is not None:
        weights = weights / bundles.WEIGHTS if weights.is_dir() else weights
        tensors, _ = checkpoint.read(weights)
        own = network.state_dict()
        fitting = {k: v for k, v in tensors.items() if k in own and own[k].shape == v.shape}
        if not fitting:
            raise BundleError(f"{weights}: none of its tensors fits the backbone {backbone}; choose other weights.")
        network.load_state_dict(fitting, strict=False)
    return network


def _seeds(first: int, seed: int, count: int) -> range:
    return range(first + seed * 100_000, first + seed * 100_000 + count)


def _manifest(
    plan: Plan,
    windows: Mapping[str, Working],
    network: WindowClassifier,
    found: Mapping[str, Any],
    source: str,
    data: Path | None,
) -> dict[str, Any]:
    s, recipe = plan.settings, plan.recipe
    held = f"--calibrate {plan.calibration} --test {plan.test}"
    given = f"--phantoms {plan.phantoms} {held}" if data is None else f"--data {data.name}"
    command = (
        f"reader-app ai train {recipe.system} --model {recipe.model_id} {given} --backbone {plan.backbone} "
        f"--epochs {s.epochs} --folds {plan.folds} --seed {s.seed} --out {recipe.model_id}"
    )
    clinical = []
    if isinstance(network, DlrNetwork):
        mean, spread = (float(v) for v in network.age_mean_std)
        clinical = [{"name": "age", "unit": "years", "mean": mean, "std": spread, "missing": "mean"}]
    phantom = "phantoms" if data is None else "pictures"
    return {
        "system": recipe.system,
        "model_id": recipe.model_id,
        "version": "1.0.0",
        "title": recipe.title,
        "licence": "MIT" if data is None else "that of the pictures it was trained on",
        "intended_use": f"reading studies on {phantom}; not for diagnosis",
        "citation": recipe.citation,
        "training_data": source,
        "command": command,
        "code_version": reader_app.__version__,
        "backbone": plan.backbone,
        "settings": asdict(s),
        "input": {
            "modalities": {m: asdict(w) for m, w in windows.items()},
            "preprocessing": preprocess.VERSION,
            "clinical": clinical,
            "embedding_limit": 1.5 * max(f["distance"] for f in found.values()),
        },
        "output": {
            "labels": list(recipe.labels),
            "cells": asdict(network.trunk.cells),
            "evidence": {m: f["evidence"] for m, f in found.items()},
            **recipe.output,
        },
        "calibration": {m: {"type": "platt", "platt": f["platt"], "n": f["point"]["n"]} for m, f in found.items()},
        "operating_points": {m: {"name": "youden", "source": f"calibration {phantom}", **f["point"]} for m, f in found.items()},
    }
