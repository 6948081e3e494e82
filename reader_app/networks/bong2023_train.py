"""Training of bong2023: image network, clinical network, then both combined models and all operating points on validation cases.

Three parts as in the paper: training, validation (best epoch, operating points, regression and tree), test (figures only). One
image a woman, as in the paper. Of phantoms the clinical network learns from as many women as the paper's did (801), of whom only
the first have images; so few as images are made on a CPU would teach it the ages of the women at hand.

Every stage leaves its state in ``<out>.work``; the same command given again after a kill goes on.
On CUDA the pooling of regions adds in any order, so only runs on one CPU thread repeat bit for bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

import reader_app
from reader_app.ai import bundle as bundles
from reader_app.analysis import accuracy, mcnemar, roc
from reader_app.errors import BundleError
from reader_app.imaging import phantoms
from reader_app.networks import (
    bong2023,
    bong2023_combine,
    bong2023_data,
    bong2023_search,
    checkpoint,
    device,
    preprocess,
    training,
)
from reader_app.networks.bong2023 import ClinicalNetwork, Float, ImageNetwork
from reader_app.networks.bong2023_data import ClinicalTask, Cohort, ImageTask
from reader_app.networks.report import Report
from reader_app.networks.training import Progress, Settings

#: First seed of the phantoms of each part; far from the seeds of demos.
SEEDS: Mapping[str, int] = {"train": 500_000_000, "validation": 700_000_000, "test": 900_000_000}

#: The paper is silent on how it optimised; these are the usual settings of two-stage detectors, and ours for the small trunk.
IMAGE: Mapping[str, Settings] = {
    "resnet101": Settings("sgd", rate=5e-3, decay=1e-4, warmup=500, batch=2, epochs=100, patience=20),
    "small": Settings("adam", rate=1e-3, decay=1e-4, warmup=50, batch=4, epochs=12, patience=0),
}
#: Women of the paper's training set; of phantoms the clinical network learns from so many.
WOMEN = 801

CLINICAL = Settings("adam", rate=1e-3, decay=1e-3, warmup=20, batch=32, epochs=60, patience=15)


def _seeds(part: str, seed: int, count: int) -> range:
    first = SEEDS[part] + seed * 100_000
    return range(first, first + count)


def _parts(
    phantoms_each: int | None,
    data: Path | None,
    size: int,
    seed: int,
    counts: tuple[int, int],
    work: Path,
    progress: Progress | None,
) -> tuple[Cohort, Cohort, Cohort, str]:
    if data is not None:
        return bong2023_data.from_folder(data, size, seed)
    each = phantoms_each or 0
    made = []
    for name, count in zip(SEEDS, (each, *counts), strict=True):
        tell = training.step(progress, f"phantoms ({name})")
        store = work / f"bong2023-{name}-{count}-{seed}-{size}.safetensors"
        made.append(bong2023_data.from_phantoms(_seeds(name, seed, count), size, store, tell))
    if any(len(np.unique(part.malignant)) < 2 for part in made):
        raise BundleError("One part of the phantoms is all benign or all malignant; ask for more phantoms.")
    return made[0], made[1], made[2], f"trained on phantoms: {phantoms.VERSION}, {each} ultrasound images, seed {seed}"


def train(
    out: Path,
    phantoms_each: int | None = None,
    data: Path | None = None,
    backbone: str = "resnet101",
    weights: Path | None = None,
    epochs: int | None = None,
    seed: int = 1,
    wish: str = "auto",
    progress: Progress | None = None,
    calibration: int | None = None,
    test: int | None = None,
    search: int | None = None,
) -> Report:
    """Train on phantoms or on a folder of pictures with masks and write the bundle.

    Parameters
    ----------
    out : Path
        Folder of the bundle.
    phantoms_each, data : int or Path
        Training phantoms, or a folder (:mod:`reader_app.networks.bong2023_data`).
    backbone, weights : str, Path or None
        "resnet101" or "small"; safetensors to start from (tensors that fit by name and shape are taken).
    epochs, seed, wish
        Of the image network; of everything; device.
    progress : callable, optional
        Told (done, total, text).
    calibration, test : int or None
        Validation and test phantoms; by default a sixth and a fifth of the training phantoms, at least 10, at most 60 and 80.
    search : int or None
        Look for the clinical network's layers in so many trials (:mod:`reader_app.networks.bong2023_search`); None takes the
        paper's.
    """
    if (phantoms_each is None) == (data is None):
        raise BundleError("Training needs either a number of phantoms or a folder of pictures; give one of the two.")
    where = device.choose(wish)
    device.settle(seed)
    settings = Settings(**{**asdict(IMAGE[backbone]), "seed": seed, "epochs": epochs or IMAGE[backbone].epochs})
    work = out.parent / f"{out.name}.work"
    each = phantoms_each or 0
    counts = (calibration or int(np.clip(each // 6, 10, 60)), test or int(np.clip(each // 5, 10, 80)))
    size = bong2023.SIZES[backbone]
    learn, held, last, source = _parts(phantoms_each, data, size, seed, counts, work, progress)
    mean_age, spread = _fill_ages(learn, held, last)
    torch.manual_seed(seed)
    image = _fresh(backbone, weights)
    tag = learn.identity[:8]
    task = ImageTask(learn, held, settings.batch, where)
    image_history = training.fit(
        image,
        stage=f"bong2023-{backbone}-{tag}",
        batches=task.batches,
        steps_per_epoch=task.steps,
        loss=task.loss,
        validate=task.validate,
        settings=settings,
        device=where,
        store=work,
        watch="quality",
        progress=progress,
    )
    plain = Settings(**{**asdict(CLINICAL), "seed": seed})
    clinic = learn if data is not None else bong2023_data.women_of_phantoms(_seeds("train", seed, max(WOMEN, each)))
    women = ClinicalTask(clinic, held, plain.batch, where)
    hidden: tuple[int, ...] = bong2023.HIDDEN
    trials: list[dict[str, Any]] = []
    if search:
        hidden, trials = bong2023_search.search(women, search, seed, (mean_age, spread), work, progress)
    torch.manual_seed(seed + 1)
    clinical = ClinicalNetwork(hidden)
    clinical.age_mean_std.copy_(torch.tensor([mean_age, spread]))
    clinical_history = training.fit(
        clinical,
        stage=f"bong2023-clinical-{clinic.identity[:8]}"
        + ("" if hidden == bong2023.HIDDEN else "-" + "-".join(map(str, hidden))),
        batches=women.batches,
        steps_per_epoch=women.steps,
        loss=women.loss,
        validate=women.validate,
        settings=plain,
        device=where,
        store=work,
        progress=progress,
    )
    half: tuple[str, ...] = ()
    if backbone == "small":
        half = tuple(f"image.{n}" for n in checkpoint.round_to_half(image))
    image.eval(), clinical.eval()
    scores, peaks = _scores(image, clinical, held, where, progress)
    seen = scores[:, 0] > 0
    # a barely trained network finds lesions of one class or none; its bundle is then worth nothing, and the report says so
    used = seen if len(np.unique(held.malignant[seen])) == 2 else np.ones(len(held), np.bool_)
    settled = bong2023_combine.settle(scores[used], held.malignant[used], seed)
    settled["image"]["point"] = training.youden(scores[:, 0], held.malignant, seed)
    loud = peaks[(held.malignant == 1) & seen]
    ceiling = float(max(np.quantile(loud, 0.75), 1e-3)) if len(loud) else 1.0
    test_scores, _ = _scores(image, clinical, last, where, None)
    figures = measure(settled, test_scores, last.malignant)
    cohort = "held-out pictures" if data is not None else "held-out phantoms"
    manifest = _manifest(backbone, settings, plain, settled, ceiling, source, data, each, counts, (mean_age, spread))
    manifest["measured"] = {"cohort": cohort, **figures}
    manifest["input"]["hidden"] = list(hidden)
    manifest["input"]["grey"] = preprocess.grey_range(learn.pixels)
    if search:
        manifest["command"] += f" --search {search}"
    metrics = {
        "model_id": bong2023.MODEL,
        "cohort": cohort,
        "history": {"image": image_history, "clinical": clinical_history},
        **({"search": trials} if search else {}),
        "lesions_found": float((test_scores[:, 0] > 0).mean()),
        "test": figures,
    }
    tensors = {f"image.{k}": v for k, v in image.state_dict().items()}
    packed = checkpoint.pack(tensors | {f"clinical.{k}": v for k, v in clinical.state_dict().items()}, half=half)
    content = json.dumps(metrics, indent=1, sort_keys=True).encode() + b"\n"
    final = bundles.write(out, manifest, {bundles.WEIGHTS: packed, "metrics.json": content})
    return Report(out, final.sha256, metrics, source)


def _fill_ages(learn: Cohort, *others: Cohort) -> tuple[float, float]:
    """Put the training women's mean age where none is stated; return mean and deviation."""
    known = learn.factors[:, 0][np.isfinite(learn.factors[:, 0])]
    mean, spread = (float(known.mean()), float(max(known.std(), 1.0))) if len(known) else (50.0, 12.0)
    for part in (learn, *others):
        part.factors[~np.isfinite(part.factors[:, 0]), 0] = mean
    return mean, spread


def _fresh(backbone: str, weights: Path | None) -> ImageNetwork:
    network = ImageNetwork(backbone)
    if weights is not None:
        tensors, _ = checkpoint.read(weights)
        own = network.state_dict()
        fitting = {}
        for name, value in tensors.items():
            for key in (name, name.removeprefix("image."), f"model.{name}", f"model.backbone.body.{name}"):
                if key in own and own[key].shape == value.shape:
                    fitting[key] = value
        if not fitting:
            raise BundleError(f"{weights}: none of its tensors fits the backbone {backbone}; choose other weights.")
        network.load_state_dict(fitting, strict=False)
    return network


def _scores(
    image: ImageNetwork, clinical: ClinicalNetwork, cohort: Cohort, where: torch.device, progress: Progress | None
) -> tuple[NDArray[np.float64], Float]:
    """Return (image score, clinical score) (N, 2) and the highest evidence (N,); image score 0 where no lesion was found."""
    scores, peaks = np.zeros((len(cohort), 2)), np.zeros(len(cohort), np.float32)
    scores[:, 1] = clinical.score(cohort.factors)
    for k in range(len(cohort)):
        found = image.find(bong2023_data.to_tensor(cohort.pixels[k], where), explain=progress is not None)
        if found:
            scores[k, 0] = found[0].cancer
            peaks[k] = found[0].evidence.max(initial=0.0)
        if progress is not None:
            progress(k + 1, len(cohort), "validate")
    return scores, peaks


def measure(settled: Mapping[str, Any], scores: ArrayLike, truth: ArrayLike) -> dict[str, Any]:
    """Return the paper's table of the image model and both combined models on test cases, and the clinical model's area.

    AUC with its DeLong interval; sensitivity, specificity and accuracy with Wilson's; exact McNemar against the image model among
    malignant and among benign cases. A case without a found lesion is called benign by all.

    Parameters
    ----------
    settled : mapping
        From :func:`reader_app.networks.bong2023_combine.settle`.
    scores : array, (N, 2)
        Image score (0: no lesion found) and clinical score.
    truth : array, (N,)
        Malignant or not.
    """
    x, y = np.asarray(scores, float), np.asarray(truth, bool)
    seen = x[:, 0] > 0
    cut = float(settled["image"]["point"]["threshold"])
    value = {"image": (x[:, 0], cut)}
    for kind in bong2023_combine.KINDS:
        threshold = float(settled[kind]["point"]["threshold"])
        p = bong2023_combine.final(settled[kind]["model"], x, cut, threshold)
        value[kind] = (np.where(seen, p, 0.0), threshold)
    right = {k: (((p >= t) & seen) == y).astype(float) for k, (p, t) in value.items()}
    alone = roc.auc(x[:, 1], y)
    out: dict[str, Any] = {"clinical": {"n": len(y), "auc": alone.estimate, "auc_ci95": [alone.lower, alone.upper]}}
    for kind, (p, t) in value.items():
        found = accuracy.accuracy(accuracy.count(((p >= t) & seen).astype(float), y))
        area = roc.auc(p, y)
        row: dict[str, Any] = {"n": len(y), "auc": area.estimate, "auc_ci95": [area.lower, area.upper]}
        for name in ("sensitivity", "specificity", "accuracy"):
            one = getattr(found, name)
            row |= {name: one.estimate, f"{name}_ci95": [one.lower, one.upper]}
        if kind != "image":
            row["mcnemar_sensitivity_p"] = mcnemar.paired(right["image"][y], right[kind][y]).p
            row["mcnemar_specificity_p"] = mcnemar.paired(right["image"][~y], right[kind][~y]).p
        out[kind] = row
    return out


def _manifest(
    backbone: str,
    settings: Settings,
    plain: Settings,
    settled: Mapping[str, Any],
    ceiling: float,
    source: str,
    data: Path | None,
    each: int,
    counts: tuple[int, int],
    age: tuple[float, float],
) -> dict[str, Any]:
    given = f"--data {data.name}" if data is not None else f"--phantoms {each} --calibrate {counts[0]} --test {counts[1]}"
    kind = "phantoms" if data is None else "pictures"
    size = bong2023.SIZES[backbone]
    clinical = [{"name": name, "missing": "0"} for name in bong2023.FACTORS]
    clinical[0] = {"name": "age", "unit": "years", "mean": age[0], "std": age[1], "missing": "mean"}  # type: ignore[dict-item]
    points = {k: {"name": "youden", "source": f"validation {kind}", **settled[k]["point"]} for k in settled}
    return {
        "system": bong2023.MODEL,
        "model_id": bong2023.MODEL,
        "version": "1.0.0",
        "title": bong2023.TITLE,
        "licence": "MIT" if data is None else "that of the pictures it was trained on",
        "intended_use": f"reading studies on {kind}; not for diagnosis",
        "citation": "bong2023: deep learning with clinical data for breast masses under one centimetre on ultrasound",
        "training_data": source,
        "command": f"reader-app ai train bong2023 {given} --backbone {backbone} --epochs {settings.epochs} "
        f"--seed {settings.seed} --out {bong2023.MODEL}",
        "code_version": reader_app.__version__,
        "backbone": backbone,
        "settings": {"image": asdict(settings), "clinical": asdict(plain)},
        "input": {
            "modalities": {"ultrasound": {"size": size, "fit": "aspect kept, top left, rest 0"}},
            "preprocessing": preprocess.VERSION,
            "clinical": clinical,
            "hidden": list(bong2023.HIDDEN),
        },
        "output": {
            "labels": list(bong2023.LABELS),
            "combine": "logistic",
            "models": {name: settled[name]["model"] for name in bong2023_combine.KINDS},
            "evidence": {"ultrasound": {"floor": 0.1 * ceiling, "ceiling": ceiling}},
        },
        "operating_points": points,
    }
