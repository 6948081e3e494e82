"""Training of liu2025: three U-Nets, then the classifier, then calibration and a test on whole cases.

Every stage leaves its state in ``<out>.work``; the same command given again after a kill goes on there.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import reader_app
from reader_app.ai import bundle as bundles
from reader_app.errors import BundleError
from reader_app.imaging import phantoms
from reader_app.networks import checkpoint, device, liu2025, liu2025_measure, training
from reader_app.networks.classifier_train import CALIBRATION_SEED, TEST_SEED, TRAIN_SEED
from reader_app.networks.liu2025 import PLANES, Liu2025Network
from reader_app.networks.liu2025_predict import VERSION, Working, working_for
from reader_app.networks.liu2025_samples import Exam, VolumeSamples, of_exams, phantom_exams, training_phantoms
from reader_app.networks.liu2025_tasks import FindTask, JudgeTask
from reader_app.networks.report import Report
from reader_app.networks.training import Progress, Settings


def settings_for(backbone: str, epochs: int | None, seed: int) -> tuple[Settings, Settings]:
    """Return how the U-Nets and the classifier are trained.

    The classifier's are the paper's: stochastic gradient descent with momentum, rate 0.001, batch 64. The small backbone, which
    starts from nothing and trains briefly, takes Adam. For the U-Nets the paper is silent: Adam, rate 0.001, batch 16.
    """
    if backbone == "small":
        find = Settings(rate=1e-2, warmup=10, batch=16, epochs=epochs or 4, seed=seed)
        return find, Settings(rate=2e-3, decay=1e-4, warmup=20, batch=32, epochs=epochs or 8, seed=seed)
    find = Settings(rate=1e-3, batch=16, epochs=epochs or 30, seed=seed)
    return find, Settings("sgd", rate=1e-3, decay=1e-4, batch=64, epochs=epochs or 100, seed=seed)


@dataclass(frozen=True, eq=False)
class Cohorts:
    """What to train on, to calibrate on and to test on.

    Attributes
    ----------
    samples : VolumeSamples
        Training material; one patient in five is held back to choose the best epoch.
    calibration, test : callable
        Yield whole cases, each time anew.
    calibrations, tests : int
        How many they yield.
    source, given, cohort : str
        What the model is trained on in words, the options of the command that say so, and what the test cases are.
    """

    samples: VolumeSamples
    calibration: Callable[[], Iterator[Exam]]
    test: Callable[[], Iterator[Exam]]
    calibrations: int
    tests: int
    source: str
    given: str
    cohort: str


def phantom_cohorts(
    folder: Path, count: int, working: Working, seed: int, calibration: int | None, test: int | None, progress: Progress | None
) -> Cohorts:
    """Return cohorts of phantoms; the training material is made once and kept in ``folder``."""
    if count < 2:
        raise BundleError("Training liu2025 needs at least two phantoms; give --phantoms 200.")
    share = int(np.clip(count // 10, 6, 40))
    held, tested = calibration or share, test or share
    path = folder / f"liu2025-samples-{count}-{seed}-{working.mm}-{working.window}-{working.beside}.safetensors"
    if path.exists():
        samples = VolumeSamples.of_tensors(checkpoint.read(path)[0])
    else:
        tell = None if progress is None else lambda done, total: progress(done, total, "phantoms (abvs)")
        seeds = seeds_of(TRAIN_SEED, seed, count)
        samples = of_exams(training_phantoms(seeds), seeds, working, progress=tell)
        checkpoint.write(path, samples.tensors(), {})
    return Cohorts(
        samples,
        lambda: phantom_exams(seeds_of(CALIBRATION_SEED, seed, held)),
        lambda: phantom_exams(seeds_of(TEST_SEED, seed, tested)),
        held,
        tested,
        f"trained on phantoms: {phantoms.VERSION}, {count} abvs volumes, seed {seed}",
        f"--phantoms {count} --calibrate {held} --test {tested}",
        "held-out phantoms",
    )


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
    fusion: str | None = None,
) -> Report:
    """Train one model and write its bundle; one phantom or patient in five is held back to choose the best epoch.

    Parameters
    ----------
    model_id : str
        One of :data:`reader_app.networks.liu2025.MODELS`.
    out : Path
        Folder of the bundle.
    phantoms_each, data : int or Path
        Training phantoms, or a folder as in :mod:`reader_app.networks.liu2025_data`.
    backbone, weights : str, Path or None
        Of the classifier's branches, and safetensors to start from.
    epochs, seed, wish
        Optimisation and device; epochs count for the U-Nets and for the classifier.
    progress : callable, optional
        Told (done, total, text).
    calibration, test : int or None
        Further phantoms for calibration and for the figures of the manifest; by default a tenth of the training phantoms, at
        least 6 and at most 40.
    fusion : str or None
        One of :data:`reader_app.networks.liu2025.FUSIONS`; the paper's by default.

    Raises
    ------
    BundleError
        If there is too little to train on or the weights do not fit.
    """
    where = device.choose(wish)
    device.settle(seed)
    folder = out.parent / f"{out.name}.work"
    working = working_for(backbone)
    if data is not None:
        from reader_app.networks import liu2025_data

        cohorts = liu2025_data.cohorts(data, folder, working, seed, progress)
    else:
        cohorts = phantom_cohorts(folder, phantoms_each or 0, working, seed, calibration, test, progress)
    planes = liu2025.MODELS[model_id]
    find, decide = settings_for(backbone, epochs, seed)
    torch.manual_seed(seed * 1000)
    joined = fusion or liu2025.FUSIONS[0]
    network = Liu2025Network(backbone, planes, joined, working.beside)
    if weights is not None:
        _start_from(network, weights)
    metrics: dict[str, Any] = {"model_id": model_id, "cohort": cohorts.cohort, "history": {}}
    tag = f"{model_id}-{backbone}-{zlib.crc32(cohorts.source.encode()):08x}"
    for plane in PLANES:
        task = FindTask(cohorts.samples, plane, network.multiple, find.batch, where)
        stage = f"{tag}-find-{plane}"
        metrics["history"][plane] = _fit(network.finders[plane], task, stage, find, "dice", where, folder, progress)
    judge_task = JudgeTask(cohorts.samples, planes, decide.batch, where)
    stage = f"{tag}-judge-{joined}"
    metrics["history"]["judge"] = _fit(network.classifier, judge_task, stage, decide, "auc", where, folder, progress)
    network.to(where).eval()
    working = liu2025_measure.choose_threshold(network, working, cohorts.calibration(), cohorts.calibrations, where, progress)
    calibrated = liu2025_measure.calibrate(network, working, cohorts.calibration(), cohorts.calibrations, where, progress)
    command = f"reader-app ai train liu2025 --model {model_id} {cohorts.given} --backbone {backbone}"
    command += f" --fusion {joined}" if joined != liu2025.FUSIONS[0] else ""
    command += f" --epochs {epochs}" if epochs else ""
    command += f" --seed {seed} --out {model_id}"
    manifest = _manifest(model_id, backbone, joined, working, (find, decide), calibrated, cohorts.source, command)
    packed = checkpoint.pack(network.state_dict())
    draft = bundles.write(folder / f"draft-{model_id}", manifest, {bundles.WEIGHTS: packed})
    metrics["test"] = {"abvs": liu2025_measure.measure(draft, where, cohorts.test(), cohorts.tests, progress)}
    manifest["measured"] = {"cohort": metrics["cohort"], **metrics["test"]}
    content = json.dumps(metrics, indent=1, sort_keys=True).encode() + b"\n"
    final = bundles.write(out, manifest, {bundles.WEIGHTS: packed, "metrics.json": content})
    return Report(out, final.sha256, metrics, cohorts.source)


def seeds_of(first: int, seed: int, count: int) -> range:
    """Return the phantoms of a cohort."""
    return range(first + seed * 100_000, first + seed * 100_000 + count)


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


def _manifest(
    model_id: str,
    backbone: str,
    fusion: str,
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
        "intended_use": "reading studies; not for diagnosis",
        "citation": "liu2025: localisation and three-plane classification of lesions in automated breast volume scans",
        "training_data": source,
        "command": command,
        "code_version": reader_app.__version__,
        "backbone": backbone,
        "fusion": fusion,
        "settings": {"find": asdict(settings[0]), "judge": asdict(settings[1])},
        "input": {
            "modalities": {"abvs": asdict(working)},
            "known": calibrated["known"],
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
