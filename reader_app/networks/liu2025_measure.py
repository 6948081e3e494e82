"""liu2025 measured: calibration from the lesions found in whole cases, and every figure of both parts on further cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from reader_app.ai.bundle import Bundle
from reader_app.networks import liu2025_known, training
from reader_app.networks import liu2025_volume as geometry
from reader_app.networks.liu2025 import PLANES, Liu2025Network
from reader_app.networks.liu2025_predict import Liu2025Model, Searched, Working, heat_volume, judge, marked, search
from reader_app.networks.liu2025_samples import Exam, Outlined
from reader_app.networks.liu2025_volume import Float
from reader_app.networks.training import Progress

#: What :func:`choose_threshold` chooses from.
THRESHOLDS: tuple[float, ...] = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


def on_lesion(start: Sequence[float], stop: Sequence[float], lesion: Outlined) -> bool:
    """Return whether the middle of a box lies in the lesion's box, enlarged by a fifth."""
    middle = [(a + b) / 2 for a, b in zip(start, stop, strict=True)]
    return all(a - 0.1 * (b - a) <= m <= b + 0.1 * (b - a) for m, a, b in zip(middle, lesion.start, lesion.stop, strict=True))


def choose_threshold(
    network: Liu2025Network, working: Working, exams: Iterable[Exam], count: int, where: torch.device, progress: Progress | None
) -> Working:
    """Return ``working`` with the threshold of the U-Nets' mean probability that overlaps best with the drawn lesions.

    One of :data:`THRESHOLDS`, by the Dice overlap over all voxels of the calibration scans; the given one where nothing is drawn.
    """
    overlaps = {t: Overlap() for t in THRESHOLDS}
    drawn_any = False
    for number, exam in enumerate(exams):
        for image in exam.case.images:
            assert image.spacing_mm is not None
            grid, factor = geometry.resample(image.array, image.spacing_mm, working.mm)
            chance, _ = geometry.probability(dict(network.finders.items()), grid, network.multiple, where, network.beside)
            drawn = _drawn(grid.shape, factor, exam.lesions.get(image.id, ()))
            drawn_any |= bool(drawn.any())
            chance = geometry.settled(chance)
            for threshold, overlap in overlaps.items():
                overlap.add(chance >= threshold, drawn)
        if progress is not None:
            progress(number + 1, count, "threshold (abvs)")
    best = max(overlaps, key=lambda t: overlaps[t].pooled)
    return replace(working, threshold=best) if drawn_any else working


def _drawn(shape: Sequence[int], factor: Sequence[float], lesions: Iterable[Outlined]) -> np.ndarray[Any, Any]:
    marked_as = np.zeros(tuple(shape), np.bool_)
    for lesion in lesions:
        marked_as |= lesion.on_cubes(shape, factor) > 0
    return marked_as


def calibrate(
    network: Liu2025Network, working: Working, exams: Iterable[Exam], count: int, where: torch.device, progress: Progress | None
) -> dict[str, Any]:
    """Return Platt's numbers, the ends of the evidence scale and what is known, from the lesions found in whole cases.

    What is found beside a lesion counts as benign; on a lesion of unknown class it is left out. Full colour is what clear
    malignant lesions reach; a tenth of it is nothing.
    """
    score: list[float] = []
    truth: list[bool] = []
    loud: list[float] = []
    grey: list[tuple[float, float]] = []
    embeddings: list[Float] = []
    for number, exam in enumerate(exams):
        for image in exam.case.images:
            found = search(network, image, working, where)
            grey.append(liu2025_known.grey_of(found.grid))
            for lesion in found.lesions:
                judged = judge(network.classifier, image.array, found.spacing, lesion, working.window, where)
                own = [o for o in exam.lesions.get(image.id, ()) if on_lesion(lesion.start, lesion.stop, o)]
                if own and own[0].malignant < 0:
                    continue
                score.append(float(judged.scores.mean()))
                truth.append(bool(own and own[0].malignant > 0))
                embeddings.append(judged.embedding)
                if truth[-1]:
                    volume = heat_volume(network.classifier, image.array.shape, found.spacing, [judged])
                    loud.append(float(volume.fused().max()))
        if progress is not None:
            progress(number + 1, count, "calibrate (abvs)")
    both = len(set(truth)) == 2
    slope, intercept = training.platt(score, truth) if both else (1.0, 0.0)
    ceiling = max(float(np.quantile(loud, 0.75)), 1e-3) if loud else 1.0
    return {
        "platt": [slope, intercept],
        "n": len(score),
        "evidence": {"floor": 0.1 * ceiling, "ceiling": ceiling},
        "known": liu2025_known.learnt(grey, embeddings),
    }


@dataclass
class Overlap:
    """Dice overlap of what is marked with what is drawn, voxel by voxel on the model's cubes.

    Attributes
    ----------
    both, sizes : float
        Summed over all cases.
    each : list of float
        Of every scan with a lesion.
    """

    both: float = 0.0
    sizes: float = 0.0

    def __post_init__(self) -> None:
        self.each: list[float] = []

    def add(self, marked: np.ndarray[Any, Any], drawn: np.ndarray[Any, Any]) -> None:
        """Take in a scan."""
        both, sizes = float((marked & drawn).sum()), float(marked.sum() + drawn.sum())
        self.both, self.sizes = self.both + both, self.sizes + sizes
        if drawn.any():
            self.each.append(2 * both / sizes)

    @property
    def pooled(self) -> float:
        """Of all voxels together."""
        return 2 * self.both / max(self.sizes, 1.0)


def dice(model: Liu2025Model, exam: Exam, overlaps: Mapping[str, Overlap]) -> dict[str, Searched]:
    """Add a case's overlaps: of each plane's U-Net, and of their mean ("mean") as it is used; return what was found by it."""
    working = model.working
    found = {}
    for image in exam.case.images:
        assert image.spacing_mm is not None
        grid, factor = geometry.resample(image.array, image.spacing_mm, working.mm)
        drawn = _drawn(grid.shape, factor, exam.lesions.get(image.id, ()))
        total = np.zeros(grid.shape, np.float32)
        slices = 0
        for plane in PLANES:
            chance, judged = geometry.probability(
                {plane: model.network.finders[plane]}, grid, model.network.multiple, model.where, model.network.beside
            )
            overlaps[plane].add(chance >= 0.5, drawn)
            total += chance / len(PLANES)
            slices += judged
        total = geometry.settled(total)
        overlaps["mean"].add(total >= working.threshold, drawn)
        found[image.id] = marked(image, working, grid, factor, total, slices)
    return found


def of_case(model: Liu2025Model, exam: Exam) -> dict[str, Any]:
    """Return what a bundle says of one whole case beside what is so, as plain JSON values; :func:`figures` needs many of them."""
    overlaps = {name: Overlap() for name in ("mean", *PLANES)}
    found = model.predict(exam.case, given=dice(model, exam, overlaps))
    own = [[o for o in exam.lesions.get(b.image_id, ()) if on_lesion(b.start, b.stop, o)] for b in found.boxes]
    return {
        "truth": exam.truth,
        "score": found.probability,
        "called": found.positive,
        "drawn": any(exam.lesions.values()),
        "hits": [bool(o) for o in own],
        "lesions": [[o[0].malignant, b.score] for b, o in zip(found.boxes, own, strict=True) if o and o[0].malignant >= 0],
        "overlaps": {name: [o.both, o.sizes, o.each] for name, o in overlaps.items()},
    }


def figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return every figure of what :func:`of_case` told.

    Of cases: area under the curve, sensitivity and specificity at the operating point. Of lesions: how many are framed, false
    frames a case, area among the framed ones. Of the U-Nets: Dice overlap over whole scans (every voxel of every scan on the
    model's cubes, not only slices with a lesion), of their mean as it is used and of each plane alone; pooled over voxels, and
    the mean over scans, in which a lesion that was not found counts 0.
    """
    known = [r for r in rows if r["truth"] >= 0]
    y = np.array([r["truth"] > 0 for r in known], bool)
    c = np.array([r["called"] for r in known], bool)
    lesions = [lesion for r in rows for lesion in r["lesions"]]
    bad = [m > 0 for m, _ in lesions]
    pooled = {
        name: 2 * sum(r["overlaps"][name][0] for r in rows) / max(sum(r["overlaps"][name][1] for r in rows), 1.0)
        for name in ("mean", *PLANES)
    }
    return {
        "n": len(rows),
        "auc": training.auc(y, [r["score"] for r in known]) if y.any() and not y.all() else None,
        "sensitivity": float(c[y].mean()) if y.any() else None,
        "specificity": float((~c[~y]).mean()) if len(y) and not y.all() else None,
        "box_on_lesion": _mean([r["hits"][0] for r in rows if r["truth"] > 0 and r["called"]]),
        "lesion_found": _mean([any(r["hits"]) for r in rows if r["drawn"]]),
        "false_boxes_per_case": _mean([len(r["hits"]) - sum(r["hits"]) for r in rows]),
        "lesion_auc": training.auc(bad, [score for _, score in lesions]) if len(set(bad)) == 2 else None,
        "dice": pooled["mean"],
        "dice_mean_of_scans": _mean([v for r in rows for v in r["overlaps"]["mean"][2]]),
        "dice_of_planes": {plane: pooled[plane] for plane in PLANES},
    }


def measure(bundle: Bundle, where: torch.device, exams: Iterable[Exam], count: int, progress: Progress | None) -> dict[str, Any]:
    """Return every figure of a bundle on whole cases judged as a study would, one case in memory at a time."""
    model = Liu2025Model(bundle, where)
    rows = []
    for number, exam in enumerate(exams):
        rows.append(of_case(model, exam))
        if progress is not None:
            progress(number + 1, count, "test (abvs)")
    return figures(rows)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
