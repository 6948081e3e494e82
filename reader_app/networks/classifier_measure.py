"""Calibration and figures of window classifiers: whole phantoms judged as a study would, or held-out folds of pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reader_app.imaging import container, phantoms
from reader_app.networks import classifier_predict, training
from reader_app.networks.classifier import WindowClassifier
from reader_app.networks.croptask import CropTask, Recipe
from reader_app.networks.preprocess import Working
from reader_app.networks.training import Progress


@dataclass(frozen=True, eq=False)
class CaseScore:
    """One phantom judged whole."""

    truth: bool
    score: float
    peaks: NDArray[np.float32]
    distance: float


def score_cases(
    network: WindowClassifier,
    modality: str,
    seeds: Sequence[int],
    recipe: Recipe,
    working: Working,
    progress: Progress | None,
    text: str,
) -> list[CaseScore]:
    """Judge whole phantoms as a study would."""
    where = next(network.parameters()).device
    out = []
    for number, seed in enumerate(seeds):
        case = whole_case(modality, seed)
        best: tuple[float, float] | None = None
        peaks: list[float] = []
        images = [i for i in case.images if i.view != "DOPPLER"]
        age = float(case.clinical["age"])
        network.prepare(clinical_of(case))
        for found in classifier_predict.assess_case(network, images, modality, working, age, where):
            finer = recipe.output.get("explain") == "window"
            peaks.append(float(classifier_predict.evidence_map(network, found, finer, where).max()))
            away = float(network.standardise(torch.from_numpy(found.best.embedding).to(where)).square().mean().sqrt())
            if best is None or found.score > best[0]:
                best = (found.score, away)
        score, away = best or (0.0, 0.0)
        out.append(CaseScore(recipe.truth(case), score, np.array(peaks, np.float32), away))
        if progress is not None:
            progress(number + 1, len(seeds), text)
    return out


_kept: dict[tuple[str, int], phantoms.PhantomCase] | None = None


@contextlib.contextmanager
def keeping_phantoms() -> Iterator[None]:
    """Keep every phantom made by :func:`whole_case` meanwhile (1 MB an ultrasound case), for models measured on the same."""
    global _kept
    _kept = {}
    try:
        yield
    finally:
        _kept = None


def whole_case(modality: str, seed: int) -> phantoms.PhantomCase:
    """Make a phantom of the demo's kind at a size that costs less."""
    if _kept is None or modality != "ultrasound":
        return _whole_case(modality, seed)
    if (modality, seed) not in _kept:
        _kept[modality, seed] = _whole_case(modality, seed)
    return _kept[modality, seed]


def _whole_case(modality: str, seed: int) -> phantoms.PhantomCase:
    if modality == "mammography":
        return phantoms.mammogram_exam(seed, pixel_mm=0.30)
    if modality == "ultrasound":
        return phantoms.ultrasound_case(seed, doppler=False)
    return phantoms.demo_case(modality, seed)


def clinical_of(case: phantoms.PhantomCase) -> dict[str, str]:
    """Return a phantom's clinical variables with the drawn region of each masked image, as a study's column ``roi`` says it."""
    regions = []
    for image_id, mask in case.masks.items():
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if len(rows):
            regions.append(f"{image_id}:{rows[0]},{columns[0]},{rows[-1] + 1},{columns[-1] + 1}")
    return {**case.clinical, "roi": "; ".join(regions)}


def calibrate(scores: Sequence[CaseScore]) -> dict[str, Any]:
    """Return Platt's numbers, the operating point and the ends of the evidence scale from calibration cases."""
    z, y = np.array([s.score for s in scores]), np.array([s.truth for s in scores])
    slope, intercept = training.platt(z, y)
    probability = 1 / (1 + np.exp(-np.clip(slope * z + intercept, -30, 30)))
    # an absolute scale of the model's own: full colour at what clear positives reach, nothing below a tenth of it
    loud = np.array([s.peaks.max() for s in scores if s.truth])
    ceiling = float(max(np.quantile(loud, 0.75), 1e-3)) if len(loud) else 1.0
    floor = 0.1 * ceiling
    return {
        "platt": [slope, intercept],
        "point": training.youden(probability, y),
        "evidence": {"floor": floor, "ceiling": ceiling},
        "distance": float(max(s.distance for s in scores)),
    }


def held_out(runs: Sequence[tuple[WindowClassifier, CropTask]], only: int | None = None) -> list[CaseScore]:
    """Return the held-out crops of every fold (or of one), each judged by the network that did not see it."""
    out: list[CaseScore] = []
    for number, (network, task) in enumerate(runs):
        if only is not None and number != only:
            continue
        network.eval()
        with torch.no_grad():
            for modality, rows in task.held.items():
                for row in rows:
                    features = network.trunk(task.pixels[modality][row : row + 1].to(next(network.parameters()).device))
                    evidence = network.cell_evidence(features)[0].float().cpu().numpy()
                    embedding = network.embed(features.mean((2, 3)))
                    age = task.age[modality][row : row + 1].to(embedding.device)
                    # folds without a perceptron of their own are judged by the head
                    judged = network.judge(embedding, age) if number == only else network.pooled_score(features)
                    away = float(network.standardise(embedding).square().mean().sqrt()) if number == only else 0.0
                    peak = np.array([evidence.max()], np.float32)
                    label = bool(task.label[modality][row])
                    out.append(CaseScore(label, float(judged), peak, away))
    return out


def cross_validated(scores: Sequence[CaseScore], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return AUC (bootstrap interval), sensitivity and specificity at the operating point, over all held-out pictures."""
    z, y = np.array([s.score for s in scores]), np.array([s.truth for s in scores])
    slope, intercept = found["platt"]
    called = 1 / (1 + np.exp(-np.clip(slope * z + intercept, -30, 30))) >= found["point"]["threshold"]
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(1000):
        pick = rng.integers(len(y), size=len(y))
        drawn.append(training.auc(y[pick], z[pick]))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return {
        "n": len(y),
        "auc": training.auc(y, z),
        "auc_ci95": [float(low), float(high)],
        "sensitivity": float(called[y].mean()),
        "specificity": float((~called[~y]).mean()),
    }


def measure_cases(
    model: classifier_predict.ClassifierModel, modality: str, seeds: Sequence[int], recipe: Recipe, progress: Progress | None
) -> dict[str, float]:
    """Return AUC, sensitivity, specificity and the share of positive malignant cases with a box on the lesion."""
    truth, score, called, hits = [], [], [], []
    for number, seed in enumerate(seeds):
        case = whole_case(modality, seed)
        opened = container.OpenCase(Path(), "c", modality, tuple(_as_open(i) for i in case.images), "0")
        found = model.predict(opened, clinical_of(case))
        high = recipe.truth(case)
        truth.append(high)
        score.append(found.probability)
        called.append(found.positive)
        if high and found.positive:
            hits.append(float(any(_on(b, t) for b in found.boxes[:1] for t in case.lesions)))
        if progress is not None:
            progress(number + 1, len(seeds), f"test ({modality})")
    y, c = np.array(truth), np.array(called)
    return {
        "n": len(y),
        "auc": training.auc(y, score),
        "sensitivity": float(c[y].mean()),
        "specificity": float((~c[~y]).mean()),
        "box_on_lesion": float(np.mean(hits)) if hits else float("nan"),
    }


def _as_open(image: container.NewImage) -> container.CaseImage:
    return container.CaseImage(**vars(image))


def _on(box: Any, lesion: phantoms.LesionTruth) -> bool:
    """Return whether the middle of a box lies in the lesion's box (enlarged by a fifth)."""
    if box.image_id != lesion.image_id:
        return False
    middle = [(a + b) / 2 for a, b in zip(box.start, box.stop, strict=True)]
    return all(a - 0.1 * (b - a) <= m <= b + 0.1 * (b - a) for m, a, b in zip(middle, lesion.start, lesion.stop, strict=True))
