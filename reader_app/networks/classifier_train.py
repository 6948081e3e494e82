"""Training of the window classifiers (lu2025, kim2021): five-fold, the fold of the best AUC kept, then calibration and a test.

On phantoms, calibration and test use further phantoms, judged whole as in a study. On pictures (a folder with a table), both use
the held-out folds. Every stage leaves its state in ``<out>.work``; the same command given again after a kill goes on there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

import reader_app
from reader_app.ai import bundle as bundles
from reader_app.errors import BundleError
from reader_app.imaging import container, phantoms
from reader_app.networks import checkpoint, classifier_predict, device, image_samples, phantom_samples, preprocess, training
from reader_app.networks.classifier import WindowClassifier
from reader_app.networks.lu2025 import DlrNetwork
from reader_app.networks.phantom_samples import Samples
from reader_app.networks.preprocess import Working
from reader_app.networks.training import Progress, Settings

Batch = list[tuple[str, int]]

#: First seed of the phantoms of training, calibration and test; far from the seeds of demos.
TRAIN_SEED, CALIBRATION_SEED, TEST_SEED = 500_000_000, 700_000_000, 900_000_000

#: Longest training by backbone where none is asked for: the paper's for its own, less for the small one.
EPOCHS: Mapping[str, int] = {"small": 10}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What distinguishes one model of one system.

    Attributes
    ----------
    system, model_id, title, citation : str
        Identity.
    labels : tuple of str
        Negative and positive call.
    target : str
        "malignant" or "high" (BI-RADS 4/5 against 2/3).
    make : callable
        Backbone name -> network.
    modalities : tuple of str
        What the demo bundle judges.
    whole : bool
        Whole images instead of windows of stated size.
    output : mapping
        Further entries of the manifest's "output".
    """

    system: str
    model_id: str
    title: str
    citation: str
    labels: tuple[str, str]
    target: str
    make: Callable[[str], WindowClassifier]
    modalities: tuple[str, ...]
    whole: bool
    output: Mapping[str, Any]

    def windows(self, backbone: str) -> dict[str, Working]:
        """Return how planes are made for a backbone."""
        sized = preprocess.working_for(backbone)
        if self.whole:
            sized = {m: Working(0.0, 96 if backbone == "small" else 224, w.slice_mm) for m, w in sized.items()}
        return {m: sized[m] for m in self.modalities}

    def truth(self, case: phantoms.PhantomCase) -> bool:
        """Return the label of a phantom."""
        return case.truth if self.target == "malignant" else case.category not in ("2", "3")


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
        tell = _stage(progress, f"phantoms ({modality})")
        found = phantom_samples.make(modality, range(first, first + plan.phantoms), windows[modality], tell)
        arrays = {k: v for k, v in vars(found).items() if k != "modality"}
        checkpoint.write(path, {k: torch.from_numpy(v) for k, v in arrays.items()}, {})
        made.append(found)
    return made


def _stage(progress: Progress | None, text: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(done, total, text)


class CropTask:
    """Crops of several modalities as batches, loss and validation for :func:`reader_app.networks.training.fit`.

    Every batch mixes the modalities: batch normalisation then sees in training what it uses in inference.
    """

    def __init__(self, data: Sequence[Samples], target: str, fold: int, folds: int, batch: int, where: torch.device) -> None:
        self.where, self.batch = where, batch
        self.pixels = {s.modality: torch.from_numpy(s.pixels.astype(np.float32))[:, None] for s in data}
        self.label = {s.modality: torch.from_numpy(getattr(s, target).astype(np.int64)) for s in data}
        self.age = {s.modality: torch.from_numpy(s.age) for s in data}
        held = {s.modality: s.group % max(folds, 5) == fold for s in data}
        self.train = {m: np.flatnonzero(~h) for m, h in held.items()}
        self.held = {m: np.flatnonzero(h) for m, h in held.items()}
        self._all = [(m, int(row)) for m, rows in self.train.items() for row in rows]

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return len(self._all) // self.batch

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        """Yield batches in a drawn order."""
        order = rng.permutation(len(self._all))
        for start in range(0, len(order) - self.batch + 1, self.batch):
            yield [self._all[k] for k in order[start : start + self.batch]]

    def loss(self, network: nn.Module, batch: Batch, rng: np.random.Generator) -> Tensor:
        """Cross-entropy of flipped (left-right only, never in depth) and brightness-varied crops."""
        x = torch.stack([self.pixels[m][row].flip(2) if rng.random() < 0.5 else self.pixels[m][row] for m, row in batch])
        y = torch.stack([self.label[m][row] for m, row in batch])
        n = len(batch)
        gain = torch.from_numpy(rng.uniform(0.85, 1.15, (n, 1, 1, 1)).astype(np.float32))
        shift = torch.from_numpy(rng.uniform(-0.25, 0.25, (n, 1, 1, 1)).astype(np.float32))
        logits, _ = network((x * gain + shift).to(self.where))
        return functional.cross_entropy(logits.float(), y.to(self.where), label_smoothing=0.02)

    def embed(self, network: nn.Module, rows: Mapping[str, NDArray[np.int64]]) -> dict[str, tuple[Tensor, Tensor]]:
        """Return (logit difference, embedding) of crops, by modality."""
        network.eval()
        out = {}
        with torch.no_grad():
            for modality, chosen in rows.items():
                parts = [network(self.pixels[modality][chosen[i : i + 64]].to(self.where)) for i in range(0, len(chosen), 64)]
                logits = torch.cat([p[0] for p in parts]).float().cpu()
                out[modality] = (logits[:, 1] - logits[:, 0], torch.cat([p[1] for p in parts]).float().cpu())
        return out

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return the AUC of each modality's held-out crops, and their mean as "auc"."""
        found = self.embed(network, self.held)
        values = {f"auc_{m}": training.auc(self.label[m][self.held[m]].numpy(), z.numpy()) for m, (z, _) in found.items()}
        known = [v for v in values.values() if np.isfinite(v)] or [0.5]
        return {"auc": float(np.mean(known)), **{k: v for k, v in values.items() if np.isfinite(v)}}


def settle_embedding(network: WindowClassifier, task: CropTask) -> None:
    """Store the mean and deviation of the training embeddings in the network (distance from what it knows)."""
    x = torch.cat([e for _, e in task.embed(network, task.train).values()])
    network.embedding_mean.copy_(x.mean(0))
    network.embedding_std.copy_(x.std(0).clamp(min=1e-3))


def fit_perceptron(network: DlrNetwork, task: CropTask, settings: Settings) -> dict[str, float]:
    """Train the perceptron on frozen embeddings and ages; return held-out AUCs."""
    network.cpu()
    where, task.where = task.where, torch.device("cpu")
    train, held = task.embed(network, task.train), task.embed(network, task.held)
    x = torch.cat([e for _, e in train.values()])
    y = torch.cat([task.label[m][rows] for m, rows in task.train.items()])
    age = torch.cat([task.age[m][rows] for m, rows in task.train.items()])
    network.age_mean_std.copy_(torch.stack([age.mean(), age.std().clamp(min=1.0)]))
    torch.manual_seed(settings.seed)
    optimiser = torch.optim.Adam(network.clinical.parameters(), 1e-3, weight_decay=1e-3)
    rng = training.generator(settings.seed, "perceptron", 0)
    for _ in range(15):
        order = rng.permutation(len(x))
        for i in range(0, len(order), 64):
            rows = order[i : i + 64]
            score = network.judge(x[rows], age[rows])
            value = functional.binary_cross_entropy_with_logits(score, y[rows].float() * 0.96 + 0.02)
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    task.where = where
    values = {}
    with torch.no_grad():
        for modality, (_, embedding) in held.items():
            rows = task.held[modality]
            score = network.judge(embedding, task.age[modality][rows])
            values[modality] = training.auc(task.label[modality][rows].numpy(), score.numpy())
    return values


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


def whole_case(modality: str, seed: int) -> phantoms.PhantomCase:
    """Make a phantom of the demo's kind at a size that costs less."""
    if modality == "mammography":
        return phantoms.mammogram_exam(seed, pixel_mm=0.30)
    if modality == "ultrasound":
        return phantoms.ultrasound_case(seed, doppler=False)
    return phantoms.demo_case(modality, seed)


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


@dataclass(frozen=True, slots=True)
class Report:
    """What came out."""

    path: Path
    sha256: str
    metrics: Mapping[str, Any]
    source: str

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.metrics['model_id']}, {self.source} (research use only); on {self.metrics['cohort']}:"]
        for modality, row in self.metrics["test"].items():
            figures = f"AUC {row['auc']:.3f}, sensitivity {row['sensitivity']:.2f}, specificity {row['specificity']:.2f}"
            place = f", box on the lesion in {row['box_on_lesion']:.2f} of the true positives" if "box_on_lesion" in row else ""
            lines.append(f"  {modality:12} {figures}{place}")
        return "\n".join(lines)


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
        Trunk, and safetensors to start from (transfer).
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
    settings = Settings(
        seed=seed, epochs=epochs or EPOCHS.get(backbone, 100), rate=1e-3 if backbone == "small" else 1e-4, decay=1e-4
    )
    each = phantoms_each or 0
    for_points = calibration or int(np.clip(each // 6, 10, 60))
    for_test = test or int(np.clip(each // 5, 10, 80))
    plan = Plan(recipe, backbone, each, for_points, for_test, folds, settings)
    folder = work or out.parent / f"{out.name}.work"
    windows = recipe.windows(backbone)
    if data is not None:
        window = 96 if backbone == "small" else 224
        pictures = image_samples.load(data, window, cropped=not recipe.whole)
        crops, source = [pictures.samples], pictures.describe()
        windows = {"ultrasound": Working(0.0, window)}
    else:
        crops = samples(plan, folder, progress)
        source = f"trained on phantoms: {phantoms.VERSION}, {each} of each modality, seed {seed}"
    tag = f"{recipe.model_id}-{backbone}" + (f"-{pictures.identity[:8]}" if data is not None else "")
    runs: list[tuple[float, WindowClassifier, CropTask, list[dict[str, Any]]]] = []
    for fold in range(folds):
        task = CropTask(crops, recipe.target, fold, folds, settings.batch, where)
        torch.manual_seed(seed * 1000 + fold)
        network = _fresh(recipe, backbone, weights)
        history = training.fit(
            network,
            stage=f"{tag}-fold{fold + 1}of{folds}",
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
    settle_embedding(network, task)
    if isinstance(network, DlrNetwork):
        metrics["perceptron_auc"] = fit_perceptron(network, task, settings)
    network.to(where).eval()
    if data is not None:
        found = {"ultrasound": calibrate(_held_out([(r[1], r[2]) for r in runs], chosen))}
        pooled = _held_out([(r[1], r[2]) for r in runs])
        metrics["test"] = {"ultrasound": cross_validated(pooled, found["ultrasound"])}
        metrics["cohort"] = "held-out folds"
    else:
        found = {}
        for m in recipe.modalities:
            seeds = _seeds(CALIBRATION_SEED, seed, for_points)
            found[m] = calibrate(score_cases(network, m, seeds, recipe, windows[m], progress, f"calibrate ({m})"))
    manifest = _manifest(plan, windows, network, found, source, data)
    packed = checkpoint.pack(network.state_dict())
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


def _held_out(runs: Sequence[tuple[WindowClassifier, CropTask]], only: int | None = None) -> list[CaseScore]:
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


def _fresh(recipe: Recipe, backbone: str, weights: Path | None) -> WindowClassifier:
    network = recipe.make(backbone)
    network.trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if weights is not None:
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
    given = f"--phantoms {plan.phantoms}" if data is None else f"--data {data.name}"
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


def measure_cases(
    model: classifier_predict.ClassifierModel, modality: str, seeds: Sequence[int], recipe: Recipe, progress: Progress | None
) -> dict[str, float]:
    """Return AUC, sensitivity, specificity and the share of positive malignant cases with a box on the lesion."""
    truth, score, called, hits = [], [], [], []
    for number, seed in enumerate(seeds):
        case = whole_case(modality, seed)
        opened = container.OpenCase(Path(), "c", modality, tuple(_as_open(i) for i in case.images), "0")
        found = model.predict(opened, case.clinical)
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
