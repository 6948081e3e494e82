"""Training of zhou2023 on phantoms: detector, matching trees, calibration, a test on further phantoms.

The paper's settings are the defaults of its backbone: SGD with momentum, learning rate 0.005, weight decay 1e-4, 25,000 steps of
one exam after 500 steps of warm-up (here the rate then falls as a cosine), scale x 0.8 to 1.2 and left-right flips of all four
views together. The small backbone sees coarser pixels and fewer steps. A fifth of the exams chooses the best epoch. Every stage
leaves its state in ``<out>.work``; the same command given again after a kill goes on there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

import reader_app
from reader_app.ai import bundle as bundles
from reader_app.errors import BundleError
from reader_app.imaging import phantoms
from reader_app.networks import checkpoint, detection, device, training, zhou2023_matching
from reader_app.networks.classifier_train import CALIBRATION_SEED, TEST_SEED, TRAIN_SEED, Report
from reader_app.networks.detection import Detection, FourViewDetector
from reader_app.networks.training import Progress, Settings
from reader_app.networks.zhou2023 import CITATION, KINDS, LABELS, MODEL, TITLE, Examined, examine, find
from reader_app.networks.zhou2023_views import VERSION, VIEWS, FourViews, place_of, stack

#: The paper's number of steps; epochs follow from it where none are asked for.
STEPS: Mapping[str, int] = {"resnet50": 25_000, "resnet18": 25_000, "small": 4_000}

#: Allowed false marks per image at which sensitivity is averaged to choose the best epoch.
FALSE_MARKS = (0.25, 0.5, 1.0, 2.0)

Sample = dict[str, Tensor]


def phantom(seed: int, mm: float) -> tuple[phantoms.PhantomCase, FourViews]:
    """Return a phantom exam (malignant for odd seeds; pixels half as large as the stack's) and its stack."""
    case = phantoms.mammogram_exam(seed, bool(seed % 2), pixel_mm=max(mm / 2, 0.15), kinds=("mass", *KINDS), normal=0.4)
    return case, stack({image.id: image for image in case.images}, mm)


def sample(case: phantoms.PhantomCase, views: FourViews) -> Sample:
    """Return an exam as tensors: half-precision pixels, and one row a lesion and view."""
    rows = []
    for lesion in case.lesions:
        view = VIEWS.index(lesion.image_id)
        placed = views.placed[view]
        if placed is None:
            continue
        box = placed.to_stack(lesion.start, lesion.stop)
        place, depth = place_of(views, view, (box[1] + box[3]) / 2, (box[0] + box[2]) / 2)
        rows.append((*box, view, KINDS.index(lesion.kind) + 1, float(lesion.malignant), place, depth, float(lesion.lesion_id)))
    return {
        "pixels": torch.from_numpy(views.pixels).half(),
        "present": torch.from_numpy(views.present),
        "rows": torch.tensor(rows, dtype=torch.float32).reshape(-1, 10),
        "truth": torch.tensor(float(case.truth)),
    }


def targets(rows: Tensor) -> list[dict[str, Tensor]]:
    """Return the targets of each view."""
    out = []
    for view in range(len(VIEWS)):
        r = rows[rows[:, 4] == view]
        out.append({"boxes": r[:, :4], "labels": r[:, 5].long(), "malignant": r[:, 6], "place": r[:, 7].long(), "depth": r[:, 8]})
    return out


class ExamTask:
    """Exams one by one as batches, loss and validation for :func:`reader_app.networks.training.fit`.

    Parameters
    ----------
    files : sequence of Path
        One stored exam each.
    where : torch.device
        Where the network runs.
    """

    def __init__(self, files: Sequence[Path], where: torch.device) -> None:
        self.where = where
        every = min(5, len(files))
        self.held = [f for k, f in enumerate(files) if k % every == every - 1]
        self.train = [f for f in files if f not in self.held]

    def batches(self, rng: np.random.Generator) -> Iterable[Sample]:
        """Yield exams in a drawn order."""
        for k in rng.permutation(len(self.train)):
            yield checkpoint.read(self.train[int(k)])[0]

    def loss(self, network: nn.Module, batch: Sample, rng: np.random.Generator) -> Tensor:
        """Return the loss of an exam, scaled, flipped and varied in brightness at random, all views alike."""
        assert isinstance(network, FourViewDetector)
        pixels, rows = batch["pixels"].float(), batch["rows"].clone()
        old = pixels.shape[1:]
        new = [max(64, round(n * rng.uniform(0.8, 1.2) / 32) * 32) for n in old[:1]]
        factor = new[0] / old[0]
        new.append(max(64, round(old[1] * factor / 32) * 32))
        pixels = functional.interpolate(pixels[:, None], new, mode="bilinear", align_corners=False)[:, 0]
        rows[:, [0, 2]] *= new[1] / old[1]
        rows[:, [1, 3]] *= factor
        if rng.random() < 0.5:
            pixels = pixels.flip(2)
            rows[:, [0, 2]] = new[1] - rows[:, [2, 0]]
        inside = pixels != 0
        pixels = torch.where(inside, pixels * rng.uniform(0.9, 1.1) + rng.uniform(-0.08, 0.08), pixels)
        wanted = targets(rows.to(self.where))
        return network.loss(pixels.float().to(self.where), batch["present"].to(self.where), wanted)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return "sensitivity": of held-out lesions found, averaged over :data:`FALSE_MARKS`."""
        assert isinstance(network, FourViewDetector)
        marks: list[tuple[float, bool]] = []
        lesions = 0
        for file in self.held:
            tensors, _ = checkpoint.read(file)
            found, _ = network.detect(tensors["pixels"].float().to(self.where), tensors["present"].to(self.where))
            hits, false = hit(found, tensors["rows"])
            marks += [(s, True) for s in hits] + [(s, False) for s in false]
            lesions += len(tensors["rows"])
        return {"sensitivity": float(np.mean(froc(marks, lesions, len(self.held) * len(VIEWS))))}


def hit(found: Sequence[Detection], rows: Tensor) -> tuple[list[float], list[float]]:
    """Return the scores of the best finding of each lesion that was found, and of findings on no lesion.

    A lesion is found when the middle of a box lies in its box.
    """
    best: dict[int, float] = {}
    false: list[float] = []
    for item in found:
        x, y = (item.box[0] + item.box[2]) / 2, (item.box[1] + item.box[3]) / 2
        on = [k for k, r in enumerate(rows.tolist()) if r[4] == item.view and r[0] <= x <= r[2] and r[1] <= y <= r[3]]
        for k in on:
            best[k] = max(best.get(k, 0.0), item.score)
        if not on:
            false.append(item.score)
    return list(best.values()), false


def froc(marks: Sequence[tuple[float, bool]], lesions: int, images: int) -> list[float]:
    """Return the share of lesions found at each number of :data:`FALSE_MARKS` per image (0 where there are no lesions)."""
    order = sorted(marks, key=lambda m: (-m[0], m[1]))
    right = np.cumsum([m[1] for m in order]) if order else np.zeros(0)
    wrong = np.cumsum([not m[1] for m in order]) if order else np.zeros(0)
    return [float(right[wrong <= limit * images].max(initial=0)) / max(lesions, 1) for limit in FALSE_MARKS]


def train(
    out: Path,
    count: int,
    backbone: str = "resnet50",
    weights: Path | None = None,
    epochs: int | None = None,
    seed: int = 1,
    wish: str = "auto",
    progress: Progress | None = None,
    calibration: int | None = None,
    test: int | None = None,
) -> Report:
    """Train on phantom exams and write the bundle.

    Parameters
    ----------
    out : Path
        Folder of the bundle.
    count : int
        Training exams, at least 2.
    backbone, weights : str, Path or None
        "resnet50", "resnet18" or "small"; safetensors to start from.
    epochs, seed, wish
        Optimisation and device.
    progress : callable, optional
        Told (done, total, text).
    calibration, test : int or None
        Further exams for the operating point (and the matching trees) and for the figures of the manifest.
    """
    if count < 2:
        raise BundleError("Training needs at least two exams, one of them to choose the best epoch; give --phantoms 2 or more.")
    where = device.choose(wish)
    device.settle(seed)
    folder = out.parent / f"{out.name}.work"
    mm = detection.SIZES[backbone].mm if backbone in detection.SIZES else 0.15
    files = _exams(folder, count, mm, seed, progress)
    task = ExamTask(files, where)
    steps = len(task.train)
    settings = Settings(
        optimiser="sgd",
        rate=0.005,
        decay=1e-4,
        warmup=500 if backbone != "small" else 50,
        batch=1,
        epochs=epochs or max(1, -(-STEPS[backbone] // steps)),
        seed=seed,
    )
    torch.manual_seed(seed)
    network = FourViewDetector(backbone, len(KINDS))
    if weights is not None:
        _start_from(network, weights)
    history = training.fit(
        network,
        stage=f"{MODEL}-{backbone}-{count}" + (f"-{bundles.file_hash(weights)[:8]}" if weights else ""),
        batches=task.batches,
        steps_per_epoch=steps,
        loss=task.loss,
        validate=task.validate,
        settings=settings,
        device=where,
        store=folder,
        watch="sensitivity",
        progress=progress,
    )
    held = calibration or int(np.clip(count // 6, 10, 60))
    tested = test or int(np.clip(count // 5, 10, 80))
    pairs, same, exams = _pairs(network, _seeds(CALIBRATION_SEED, seed, held), where, progress)
    trees = zhou2023_matching.grow(pairs, same, seed)
    scores = [(examine(network, views, trees, where).score, bool(rows["truth"])) for rows, views in exams]
    platt = _calibrated([s for s, _ in scores], [t for _, t in scores])
    point = training.youden([1 / (1 + np.exp(-(platt[0] * s + platt[1]))) for s, _ in scores], [t for _, t in scores], seed)
    measured = _measure(network, trees, _seeds(TEST_SEED, seed, tested), platt, point["threshold"], where, progress)
    metrics = {"model_id": MODEL, "cohort": "held-out phantoms", "history": history, "test": {"mammography": measured}}
    source = f"trained on phantoms: {phantoms.VERSION}, {count} four-view exams, seed {seed}"
    manifest = {
        "system": MODEL,
        "model_id": MODEL,
        "version": "1.0.0",
        "title": TITLE,
        "licence": "MIT",
        "intended_use": "reading studies on phantoms; not for diagnosis",
        "citation": CITATION,
        "training_data": source,
        "command": (
            f"reader-app ai train {MODEL} --phantoms {count} --calibrate {held} --test {tested} --backbone {backbone} "
            f"--epochs {settings.epochs} --seed {seed} --out {out.name}"
        ),
        "code_version": reader_app.__version__,
        "backbone": backbone,
        "settings": asdict(settings),
        "input": {"modalities": {"mammography": {"mm": mm}}, "preprocessing": VERSION, "clinical": []},
        "output": {"labels": list(LABELS), "types": list(KINDS), "matching": trees},
        "calibration": {"mammography": {"type": "platt", "platt": list(platt), "n": held}},
        "operating_points": {"mammography": {"name": "youden", "source": "calibration phantoms", **point}},
        "measured": {"cohort": metrics["cohort"], "mammography": measured},
    }
    content = json.dumps(metrics, indent=1, sort_keys=True).encode() + b"\n"
    final = bundles.write(out, manifest, {bundles.WEIGHTS: checkpoint.pack(network.state_dict()), "metrics.json": content})
    return Report(out, final.sha256, metrics, source)


def _calibrated(scores: Sequence[float], truth: Sequence[bool]) -> tuple[float, float]:
    """Return Platt's slope and intercept; a slope that would turn the order of cases round (too few of them) is refused."""
    slope, intercept = training.platt(scores, truth)
    return (slope, intercept) if slope > 0.01 else (1.0, 0.0)


def _exams(folder: Path, count: int, mm: float, seed: int, progress: Progress | None) -> list[Path]:
    """Return the files of the training exams, each made once."""
    files = []
    for done, number in enumerate(_seeds(TRAIN_SEED, seed, count)):
        file = folder / f"exams-{mm:g}-{seed}" / f"{number}.safetensors"
        if not file.exists():
            checkpoint.write(file, sample(*phantom(number, mm)), {})
        files.append(file)
        if progress is not None:
            progress(done + 1, count, "phantoms (mammography)")
    return files


def _seeds(first: int, seed: int, count: int) -> range:
    return range(first + seed * 100_000, first + seed * 100_000 + count)


def _start_from(network: FourViewDetector, weights: Path) -> None:
    """Load what fits of a file: tensors of this detector, or of a torchvision trunk under its usual names."""
    tensors, _ = checkpoint.read(weights)
    own = network.state_dict()
    renamed = {("trunk.stem." if k.startswith(("conv1.", "bn1.")) else "trunk.") + k: v for k, v in tensors.items()}
    fitting = {k: v for k, v in (renamed | tensors).items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise BundleError(f"{weights}: none of its tensors fits the backbone; choose other weights.")
    network.load_state_dict(fitting, strict=False)


Exams = list[tuple[Sample, FourViews]]


def _pairs(
    network: FourViewDetector, seeds: Sequence[int], where: torch.device, progress: Progress | None
) -> tuple[zhou2023_matching.Array, np.ndarray[tuple[int, ...], np.dtype[np.bool_]], Exams]:
    """Return pairs of findings of CC and MLO, which of them are one lesion, and the exams.

    Findings are the detector's own and the true boxes as it judges them; true boxes of two women are never one lesion.
    """
    mm = network.size.mm
    rows: list[zhou2023_matching.Array] = []
    same: list[bool] = []
    exams: Exams = []
    true: list[tuple[int, Detection]] = []
    for done, seed in enumerate(seeds):
        case, views = phantom(seed, mm)
        exam = sample(case, views)
        exams.append((exam, views))
        found, _ = find(network, views, where)
        with torch.no_grad():
            levels = network.features(torch.from_numpy(views.pixels).to(where), torch.from_numpy(views.present).to(where))
        given = [(int(r[4]), r[:4].to(where), int(r[5]), 0.9) for r in exam["rows"]]
        own = network.judge(levels, given, views.pixels.shape[1:])
        true += [(seed, d) for d in own]
        both = [*found, *own]
        lesion = [_lesion_of(d, exam["rows"]) for d in both]
        for a, cc in enumerate(both):
            for b, mlo in enumerate(both):
                if mlo.view == cc.view + 2:
                    rows.append(zhou2023_matching.pair_features(cc, mlo, mm))
                    same.append(lesion[a] >= 0 and lesion[a] == lesion[b])
        if progress is not None:
            progress(done + 1, len(seeds), "calibrate (mammography)")
    for seed, cc in true:
        for other, mlo in true:
            if cc.view < 2 <= mlo.view and seed != other:
                rows.append(zhou2023_matching.pair_features(cc, mlo, mm))
                same.append(False)
    features = np.stack(rows) if rows else np.zeros((0, len(zhou2023_matching.FEATURES)))
    return features, np.array(same, bool), exams


def _lesion_of(found: Detection, rows: Tensor) -> int:
    x, y = (found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2
    for r in rows.tolist():
        if r[4] == found.view and r[0] <= x <= r[2] and r[1] <= y <= r[3]:
            return int(r[9])
    return -1


def _measure(
    network: FourViewDetector,
    trees: Mapping[str, Any],
    seeds: Sequence[int],
    platt: tuple[float, float],
    threshold: float,
    where: torch.device,
    progress: Progress | None,
) -> dict[str, Any]:
    """Return the figures of the manifest on further phantoms."""
    scores: list[float] = []
    truth: list[bool] = []
    marks: list[tuple[float, bool]] = []
    lesions = matched = matchable = 0
    for done, seed in enumerate(seeds):
        case, views = phantom(seed, network.size.mm)
        rows = sample(case, views)["rows"]
        seen: Examined = examine(network, views, trees, where)
        scores.append(float(1 / (1 + np.exp(-(platt[0] * seen.score + platt[1])))))
        truth.append(case.truth)
        hits, false = hit(seen.found, rows)
        marks += [(s, True) for s in hits] + [(s, False) for s in false]
        lesions += len(rows)
        number = [_lesion_of(d, rows) for d in seen.found]
        both = {n for k, n in enumerate(number) if n >= 0 and seen.found[k].view < 2}
        both &= {n for k, n in enumerate(number) if n >= 0 and seen.found[k].view >= 2}
        joined = {number[pair[0]] for pair in seen.lesions if len(pair) == 2 and number[pair[0]] == number[pair[1]] >= 0}
        matchable, matched = matchable + len(both), matched + len(both & joined)
        if progress is not None:
            progress(done + 1, len(seeds), "test (mammography)")
    p, y = np.array(scores), np.array(truth)
    return {
        "n": len(y),
        "auc": training.auc(y, p),
        "sensitivity": float((p[y] >= threshold).mean()) if y.any() else 0.0,
        "specificity": float((p[~y] < threshold).mean()) if (~y).any() else 0.0,
        "froc": dict(zip(map(str, FALSE_MARKS), froc(marks, lesions, len(seeds) * len(VIEWS)), strict=True)),
        "lesions_seen_in_both_views": matchable,
        "of_these_matched": matched,
    }
