"""Training of lu2025: five-fold, the fold of the best AUC kept, the perceptron, then calibration and a test on others.

Every stage leaves its state in ``<out>.work`` and is not repeated when the same command is given again after a kill.
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
from reader_app.networks import checkpoint, device, lu2025, lu2025_predict, phantom_samples, preprocess, training
from reader_app.networks.lu2025 import DlrNetwork
from reader_app.networks.phantom_samples import Samples
from reader_app.networks.preprocess import Working
from reader_app.networks.training import Progress, Settings

Crop = tuple[str, NDArray[np.int64]]

#: First seed of the phantoms of training, calibration and test; far from the seeds of demos.
TRAIN_SEED, CALIBRATION_SEED, TEST_SEED = 500_000_000, 700_000_000, 900_000_000

#: Longest training by backbone where none is asked for: the paper's for its own, less for the small one.
EPOCHS: Mapping[str, int] = {"small": 10}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained.

    Attributes
    ----------
    model_id : str
        "DLR_LH" or "DLR_BM".
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
    modalities : tuple of str
        What the model is to judge.
    """

    model_id: str
    backbone: str
    phantoms: int
    calibration: int
    test: int
    folds: int
    settings: Settings
    modalities: tuple[str, ...]


def samples(plan: Plan, work: Path, progress: Progress | None) -> list[Samples]:
    """Return the training crops, made once and kept in ``work``."""
    made = []
    windows = preprocess.working_for(plan.backbone)
    for modality in plan.modalities:
        path = work / f"samples-{modality}-{plan.phantoms}-{plan.settings.seed}-{windows[modality].window}.safetensors"
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
    """Crops of several modalities as batches, loss and validation for :func:`reader_app.networks.training.fit`."""

    def __init__(self, data: Sequence[Samples], model_id: str, fold: int, folds: int, batch: int, where: torch.device) -> None:
        self.where, self.batch = where, batch
        name = "high" if model_id == "DLR_LH" else "malignant"
        self.pixels = {s.modality: torch.from_numpy(s.pixels.astype(np.float32))[:, None] for s in data}
        self.label = {s.modality: torch.from_numpy(getattr(s, name).astype(np.int64)) for s in data}
        self.age = {s.modality: torch.from_numpy(s.age) for s in data}
        held = {s.modality: s.group % max(folds, 5) == fold for s in data}
        self.train = {m: np.flatnonzero(~h) for m, h in held.items()}
        self.held = {m: np.flatnonzero(h) for m, h in held.items()}

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return sum(len(v) // self.batch for v in self.train.values())

    def batches(self, rng: np.random.Generator) -> Iterable[Crop]:
        """Yield batches of one modality each, in a drawn order."""
        jobs: list[Crop] = []
        for modality, rows in self.train.items():
            order = rng.permutation(rows)
            jobs += [(modality, order[i : i + self.batch]) for i in range(0, len(order) - self.batch + 1, self.batch)]
        for k in rng.permutation(len(jobs)):
            yield jobs[k]

    def loss(self, network: nn.Module, batch: Crop, rng: np.random.Generator) -> Tensor:
        """Cross-entropy of flipped (left-right only, never in depth) and brightness-varied crops."""
        modality, rows = batch
        x = self.pixels[modality][rows]
        if rng.random() < 0.5:
            x = x.flip(3)
        n = len(rows)
        gain = torch.from_numpy(rng.uniform(0.9, 1.1, (n, 1, 1, 1)).astype(np.float32))
        shift = torch.from_numpy(rng.uniform(-0.2, 0.2, (n, 1, 1, 1)).astype(np.float32))
        logits, _ = network((x * gain + shift).to(self.where))
        return functional.cross_entropy(logits.float(), self.label[modality][rows].to(self.where), label_smoothing=0.02)

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


def fit_perceptron(network: DlrNetwork, task: CropTask, settings: Settings) -> dict[str, float]:
    """Train the perceptron on frozen embeddings and ages; return held-out AUCs."""
    network.cpu()
    where, task.where = task.where, torch.device("cpu")
    train, held = task.embed(network, task.train), task.embed(network, task.held)
    x = torch.cat([e for _, e in train.values()])
    y = torch.cat([task.label[m][rows] for m, rows in task.train.items()])
    age = torch.cat([task.age[m][rows] for m, rows in task.train.items()])
    network.embedding_mean.copy_(x.mean(0))
    network.embedding_std.copy_(x.std(0).clamp(min=1e-3))
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
    cells: NDArray[np.float32]
    distance: float


def score_cases(
    network: DlrNetwork,
    modality: str,
    seeds: Sequence[int],
    model_id: str,
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
        peaks, cells = [], []
        for image in (i for i in case.images if i.view != "DOPPLER"):
            score, judged, planes = lu2025_predict.assess(network, image, modality, working, float(case.clinical["age"]), where)
            evidence = lu2025_predict.evidence_volume(planes, image)
            peaks.append(float(evidence.max()))
            cells.append(np.asarray(evidence, np.float32).ravel())
            away = float(network.standardise(torch.from_numpy(judged.embedding).to(where)).square().mean().sqrt())
            if best is None or score > best[0]:
                best = (score, away)
        truth = case.truth if model_id == "DLR_BM" else case.category not in ("2", "3")
        score, away = best or (0.0, 0.0)
        out.append(CaseScore(truth, score, np.array(peaks, np.float32), np.concatenate(cells), away))
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
    quiet = np.concatenate([s.cells for s in scores if not s.truth])
    loud = np.array([s.peaks.max() for s in scores if s.truth])
    floor = float(max(0.0, np.quantile(quiet, 0.99)))
    ceiling = float(max(np.quantile(loud, 0.9), floor + 1e-3))
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

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.metrics['model_id']}, trained on phantoms (research use only)"]
        for modality, row in self.metrics["test"].items():
            figures = f"AUC {row['auc']:.3f}, sensitivity {row['sensitivity']:.2f}, specificity {row['specificity']:.2f}"
            lines.append(f"  {modality:12} {figures}, box on the lesion in {row['box_on_lesion']:.2f} of the true positives")
        return "\n".join(lines)


def train(
    model_id: str,
    phantoms_each: int,
    out: Path,
    backbone: str = "resnet50",
    weights: Path | None = None,
    epochs: int | None = None,
    folds: int = 5,
    seed: int = 1,
    wish: str = "auto",
    progress: Progress | None = None,
    work: Path | None = None,
    calibration: int = 60,
    test: int = 80,
    modalities: tuple[str, ...] = container.MODALITIES,
) -> Report:
    """Train one model of lu2025 on phantoms and write its bundle.

    Parameters
    ----------
    model_id : str
        "DLR_LH" or "DLR_BM".
    phantoms_each : int
        Training phantoms of each modality.
    out : Path
        Folder of the bundle.
    backbone, weights : str, Path or None
        Trunk, and safetensors to start from (transfer).
    epochs, folds, seed, wish
        Optimisation and device.
    progress : callable, optional
        Told (done, total, text).
    work : Path or None
        Where stages are kept; ``<out>.work`` by default.
    calibration, test : int
        Further phantoms of each modality for the operating point and for the figures of the manifest.
    modalities : tuple of str
        What the model is to judge.
    """
    if model_id not in lu2025.MODELS:
        raise BundleError(f"lu2025 has no model {model_id!r}; use one of {', '.join(lu2025.MODELS)}.")
    where = device.choose(wish)
    device.settle(seed)
    settings = Settings(seed=seed, epochs=epochs or EPOCHS.get(backbone, 100), rate=1e-3 if backbone == "small" else 1e-4)
    plan = Plan(model_id, backbone, phantoms_each, calibration, test, folds, settings, modalities)
    folder = work or out.parent / f"{out.name}.work"
    data = samples(plan, folder, progress)
    best: tuple[float, int, DlrNetwork, CropTask] | None = None
    curves = []
    for fold in range(folds):
        task = CropTask(data, model_id, fold, folds, settings.batch, where)
        torch.manual_seed(seed * 1000 + fold)
        network = _fresh(backbone, weights)
        history = training.fit(
            network,
            stage=f"{model_id}-{backbone}-fold{fold + 1}of{folds}",
            batches=task.batches,
            steps_per_epoch=task.steps,
            loss=task.loss,
            validate=task.validate,
            settings=settings,
            device=where,
            store=folder,
            progress=progress,
        )
        value = max(h["auc"] for h in history)
        curves.append(history)
        if best is None or value > best[0]:
            best = (value, fold, network, task)
    if best is None:
        raise BundleError("Training needs at least one fold.")
    _, chosen, network, task = best
    perceptron = fit_perceptron(network, task, settings)
    network.to(where).eval()
    windows = preprocess.working_for(backbone)
    found = {
        m: calibrate(
            score_cases(
                network, m, _seeds(CALIBRATION_SEED, seed, plan.calibration), model_id, windows[m], progress, f"calibrate ({m})"
            )
        )
        for m in plan.modalities
    }
    manifest = _manifest(plan, windows, network, found)
    tensors = dict(network.state_dict())
    draft = bundles.write(folder / f"draft-{model_id}", manifest, {bundles.WEIGHTS: checkpoint.pack(tensors)})
    model = lu2025_predict.Lu2025Model(draft, where)
    tested = {m: measure_cases(model, m, _seeds(TEST_SEED, seed, plan.test), progress) for m in plan.modalities}
    metrics = {
        "model_id": model_id,
        "chosen_fold": chosen + 1,
        "fold_auc": [max(h["auc"] for h in c) for c in curves],
        "perceptron_auc": perceptron,
        "test": tested,
        "history": curves,
    }
    manifest["measured"] = {"cohort": "held-out phantoms", **tested}
    content = json.dumps(metrics, indent=1).encode() + b"\n"
    final = bundles.write(out, manifest, {bundles.WEIGHTS: checkpoint.pack(tensors), "metrics.json": content})
    return Report(out, final.sha256, metrics)


def _fresh(backbone: str, weights: Path | None) -> DlrNetwork:
    network = DlrNetwork(backbone)
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


def _manifest(plan: Plan, windows: Mapping[str, Working], network: DlrNetwork, found: Mapping[str, Any]) -> dict[str, Any]:
    s = plan.settings
    command = (
        f"reader-app ai train lu2025 --model {plan.model_id} --phantoms {plan.phantoms} --backbone {plan.backbone} "
        f"--epochs {s.epochs} --folds {plan.folds} --seed {s.seed} --out {plan.model_id}"
    )
    mean, spread = (float(v) for v in network.age_mean_std)
    modalities = {m: {k: v for k, v in asdict(windows[m]).items() if v} for m in plan.modalities}
    return {
        "system": "lu2025",
        "model_id": plan.model_id,
        "version": "1.0.0",
        "title": lu2025.TITLES[plan.model_id],
        "licence": "MIT",
        "intended_use": "reading studies on phantoms; not for diagnosis",
        "citation": "lu2025: two deep-learning radiomics models with two-stage reading",
        "training_data": f"trained on phantoms: {phantoms.VERSION}, {plan.phantoms} of each modality, seed {s.seed}",
        "command": command,
        "code_version": reader_app.__version__,
        "backbone": plan.backbone,
        "settings": asdict(s),
        "input": {
            "modalities": modalities,
            "preprocessing": preprocess.VERSION,
            "clinical": [{"name": "age", "unit": "years", "mean": mean, "std": spread, "missing": "mean"}],
            "embedding_limit": 1.5 * max(f["distance"] for f in found.values()),
        },
        "output": {
            "labels": list(lu2025.MODELS[plan.model_id]),
            "cells": asdict(network.trunk.cells),
            "evidence": {m: f["evidence"] for m, f in found.items()},
        },
        "calibration": {m: {"type": "platt", "platt": f["platt"], "n": plan.calibration} for m, f in found.items()},
        "operating_points": {m: {"name": "youden", "source": "calibration phantoms", **f["point"]} for m, f in found.items()},
    }


def measure_cases(
    model: lu2025_predict.Lu2025Model, modality: str, seeds: Sequence[int], progress: Progress | None
) -> dict[str, float]:
    """Return AUC, sensitivity, specificity and the share of positive malignant cases with a box on the lesion."""
    truth, score, called, hits = [], [], [], []
    for number, seed in enumerate(seeds):
        case = whole_case(modality, seed)
        opened = container.OpenCase(Path(), "c", modality, tuple(_as_open(i) for i in case.images), "0")
        found = model.predict(opened, case.clinical)
        high = case.truth if model.bundle.model_id == "DLR_BM" else case.category not in ("2", "3")
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
