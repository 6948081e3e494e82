"""Training of zhou2023: detector, matching trees, calibration, a test on further exams.

The paper's settings are the defaults of its backbone: SGD with momentum, learning rate 0.005, weight decay 1e-4, 25,000 steps of
one exam after 500 steps of warm-up (here the rate then falls as a cosine), scale x 0.8 to 1.2 and left-right flips of all four
views together. The small backbone, which starts from nothing and trains briefly, sees coarser pixels and takes Adam. A part of
the exams chooses the best epoch. Every stage leaves its state in ``<out>.work``; the same command given again after a kill goes
on there.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import reader_app
from reader_app.ai import bundle as bundles
from reader_app.errors import BundleError
from reader_app.imaging import phantoms
from reader_app.networks import checkpoint, device, training, zhou2023_matching, zhou2023_measure
from reader_app.networks.classifier_train import CALIBRATION_SEED, TEST_SEED, TRAIN_SEED
from reader_app.networks.detection import FourViewDetector
from reader_app.networks.detection_parts import SIZES
from reader_app.networks.report import Report
from reader_app.networks.training import Progress, Settings
from reader_app.networks.zhou2023 import CITATION, KINDS, LABELS, LOOKS, MODEL, TITLE, examine
from reader_app.networks.zhou2023_measure import Exam
from reader_app.networks.zhou2023_samples import ExamTask, phantom, sample
from reader_app.networks.zhou2023_views import VERSION

#: The paper's number of steps; epochs follow from it where none are asked for.
STEPS: Mapping[str, int] = {"resnet50": 25_000, "resnet18": 25_000, "small": 2_400}


def settings_for(backbone: str, steps: int, epochs: int | None, seed: int) -> Settings:
    """Return how the detector is trained, with so many steps an epoch."""
    many = epochs or max(1, -(-STEPS[backbone] // max(steps, 1)))
    if backbone == "small":
        return Settings(rate=1e-3, decay=1e-5, warmup=100, batch=1, epochs=many, seed=seed)
    return Settings("sgd", rate=0.005, decay=1e-4, warmup=500, batch=1, epochs=many, seed=seed)


@dataclass(frozen=True, eq=False)
class Cohorts:
    """Exams to train on, to calibrate on and to test on.

    Attributes
    ----------
    files : list of Path
        Stored training exams.
    held : list of bool or None
        Which of them choose the best epoch; None: the task decides.
    calibration, test : callable
        Yield exams, each time anew.
    calibrations, tests : int
        How many they yield.
    source, given, cohort : str
        What the model was trained on in words, the options of the command that say so, and what the test exams are.
    """

    files: list[Path]
    held: list[bool] | None
    calibration: Callable[[], Iterator[Exam]]
    test: Callable[[], Iterator[Exam]]
    calibrations: int
    tests: int
    source: str
    given: str
    cohort: str


def phantom_exams(seeds: Sequence[int], mm: float) -> Iterator[Exam]:
    """Yield phantom exams."""
    for seed in seeds:
        case, views = phantom(seed, mm)
        yield sample(case.lesions, float(case.truth), views), views


def phantom_cohorts(
    folder: Path, count: int, mm: float, seed: int, calibration: int | None, test: int | None, progress: Progress | None
) -> Cohorts:
    """Return cohorts of phantoms; the training exams are made once and kept in ``folder``."""
    if count < 2:
        raise BundleError("Training needs at least two exams, one of them to choose the best epoch; give --phantoms 2 or more.")
    files = []
    for done, number in enumerate(seeds_of(TRAIN_SEED, seed, count)):
        file = folder / f"exams-{mm:g}-{seed}" / f"{number}.safetensors"
        if not file.exists():
            case, views = phantom(number, mm)
            checkpoint.write(file, sample(case.lesions, float(case.truth), views), {})
        files.append(file)
        if progress is not None:
            progress(done + 1, count, "phantoms (mammography)")
    held = calibration or int(np.clip(count // 6, 10, 60))
    tested = test or int(np.clip(count // 5, 10, 80))
    return Cohorts(
        files,
        None,
        lambda: phantom_exams(seeds_of(CALIBRATION_SEED, seed, held), mm),
        lambda: phantom_exams(seeds_of(TEST_SEED, seed, tested), mm),
        held,
        tested,
        f"trained on phantoms: {phantoms.VERSION}, {count} four-view exams, seed {seed}",
        f"--phantoms {count} --calibrate {held} --test {tested}",
        "held-out phantoms",
    )


def train(
    out: Path,
    count: int | None = None,
    backbone: str = "resnet50",
    weights: Path | None = None,
    epochs: int | None = None,
    seed: int = 1,
    wish: str = "auto",
    progress: Progress | None = None,
    calibration: int | None = None,
    test: int | None = None,
    data: Path | None = None,
) -> Report:
    """Train on phantom exams, or on a folder with a table, and write the bundle.

    Parameters
    ----------
    out : Path
        Folder of the bundle.
    count, data : int or Path
        Training phantoms (at least 2), or a folder as in :mod:`reader_app.networks.zhou2023_data`.
    backbone, weights : str, Path or None
        "resnet50", "resnet18" or "small"; safetensors to start from.
    epochs, seed, wish
        Optimisation and device.
    progress : callable, optional
        Told (done, total, text).
    calibration, test : int or None
        Further phantoms for the operating point (and the matching trees) and for the figures of the manifest.
    """
    where = device.choose(wish)
    device.settle(seed)
    folder = out.parent / f"{out.name}.work"
    torch.manual_seed(seed)
    network = FourViewDetector(backbone, len(KINDS))
    mm = SIZES[backbone].mm
    if data is not None:
        from reader_app.networks import zhou2023_data

        cohorts = zhou2023_data.cohorts(data, folder, mm, seed, progress)
    else:
        cohorts = phantom_cohorts(folder, count or 0, mm, seed, calibration, test, progress)
    task = ExamTask(cohorts.files, where, cohorts.held)
    settings = settings_for(backbone, len(task.train), epochs, seed)
    if weights is not None:
        _start_from(network, weights)
    identity = zlib.crc32(cohorts.source.encode())
    history = training.fit(
        network,
        stage=f"{MODEL}-{backbone}-{identity:08x}" + (f"-{bundles.file_hash(weights)[:8]}" if weights else ""),
        batches=task.batches,
        steps_per_epoch=len(task.train),
        loss=task.loss,
        validate=task.validate,
        settings=settings,
        device=where,
        store=folder,
        watch="overall",
        progress=progress,
    )
    return finish(network, history, settings, cohorts, out, seed, progress)


def finish(
    network: FourViewDetector,
    history: list[dict[str, Any]],
    settings: Settings,
    cohorts: Cohorts,
    out: Path,
    seed: int,
    progress: Progress | None,
) -> Report:
    """Grow the matching trees, calibrate, test, and write the bundle of a trained detector.

    The small one's weights are kept in half precision; everything after the training sees them as they are kept.
    """
    where = next(network.parameters()).device
    kept = network.state_dict()
    if network.trunk.name == "small":
        kept = {k: v.half() if v.is_floating_point() else v for k, v in kept.items()}
        network.load_state_dict(kept)
    pairs, same, exams = zhou2023_measure.pairs(network, cohorts.calibration(), cohorts.calibrations, where, progress)
    trees = zhou2023_matching.grow(pairs, same, seed)
    known = [(examine(network, v, trees, where).score, bool(e["truth"] > 0)) for e, v in exams if float(e["truth"]) >= 0]
    slope, intercept = _calibrated([s for s, _ in known], [t for _, t in known])

    def probability(score: float) -> float:
        return float(1 / (1 + np.exp(-np.clip(slope * score + intercept, -30, 30))))

    point: dict[str, Any] = {"threshold": 0.5, "n": len(known)}  # of one class alone no operating point can be chosen
    if len({t for _, t in known}) == 2:
        point = training.youden([probability(s) for s, _ in known], [t for _, t in known], seed)
    measured = zhou2023_measure.measure(
        network, trees, cohorts.test(), cohorts.tests, probability, point["threshold"], where, progress
    )
    metrics = {"model_id": MODEL, "cohort": cohorts.cohort, "history": history, "test": {"mammography": measured}}
    backbone = network.trunk.name
    manifest = {
        "system": MODEL,
        "model_id": MODEL,
        "version": "1.0.0",
        "title": TITLE,
        "licence": "MIT",
        "intended_use": "reading studies; not for diagnosis",
        "citation": CITATION,
        "training_data": cohorts.source,
        "command": (
            f"reader-app ai train {MODEL} {cohorts.given} --backbone {backbone} "
            f"--epochs {settings.epochs} --seed {seed} --out {out.name}"
        ),
        "code_version": reader_app.__version__,
        "backbone": backbone,
        "settings": asdict(settings),
        "input": {"modalities": {"mammography": {"mm": network.size.mm}}, "preprocessing": VERSION, "clinical": []},
        "output": {
            "labels": list(LABELS),
            "types": list(KINDS),
            "descriptors": {k: list(v) for k, v in LOOKS.items()},
            "matching": trees,
        },
        "calibration": {"mammography": {"type": "platt", "platt": [slope, intercept], "n": len(known)}},
        "operating_points": {
            "mammography": {"name": "youden", "source": cohorts.cohort.replace("held-out", "calibration"), **point}
        },
        "measured": {"cohort": cohorts.cohort, "mammography": measured},
    }
    content = json.dumps(metrics, indent=1, sort_keys=True).encode() + b"\n"
    final = bundles.write(out, manifest, {bundles.WEIGHTS: checkpoint.pack(kept), "metrics.json": content})
    return Report(out, final.sha256, metrics, cohorts.source)


def _calibrated(scores: Sequence[float], truth: Sequence[bool]) -> tuple[float, float]:
    """Return Platt's slope and intercept; a slope that would turn the order of cases round (too few of them) is refused."""
    slope, intercept = training.platt(scores, truth)
    return (slope, intercept) if slope > 0.01 else (1.0, 0.0)


def seeds_of(first: int, seed: int, count: int) -> range:
    """Return the phantoms of a cohort."""
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
