"""What benchmarks.phantom_accuracy measures of lu2025, kim2021 and bong2023: areas, calls, lesions found, on held-out ultrasound.

``python -m benchmarks.phantom_accuracy_classifiers [--phantoms 300] [--elsewhere 100] [--json]`` measures all shipped bundles of
the three on the same phantoms; bars: classifiers AUC >= 0.93, detectors sensitivity >= 0.80 at one false positive an image. All
three papers are about hand-held ultrasound. The bundles of lu2025 also judge the demonstration's mammograms and volume scans,
which no paper did; their areas there are told, on ``--elsewhere`` phantoms of each, without a bar. ``--stated`` judges
nothing and tells what the manifests say was measured on held-out phantoms when the bundles were made.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Result, arguments, show

AREA, FOUND = 0.93, 0.80


def measure(
    bundle: Any,
    seeds: Sequence[int],
    progress: Callable[[int, int, str], None] | None = None,
    modality: str = "ultrasound",
) -> dict[str, Any]:
    """Judge phantoms with one bundle; return area (DeLong interval), calls at its operating point, lesions found.

    A lesion is found by a box whose middle lies in the lesion's own box; a box on nothing is a false positive. Sensitivity at one
    false positive an image counts all malignant and benign lesions (kim2021 and lu2025 draw a box only where they call malignant,
    so for them it is told among malignant lesions of positive cases).
    """
    import numpy as np
    import torch

    from reader_app.analysis import accuracy, roc
    from reader_app.imaging import container
    from reader_app.networks import classifier_measure, registry

    predict = registry.load(bundle, torch.device("cpu"))
    truth, score, call, boxes = [], [], [], []
    lesions = 0
    for number, seed in enumerate(seeds):
        case = made(modality, seed)
        images = tuple(container.CaseImage(**vars(i)) for i in case.images)
        opened = container.OpenCase(Path(), f"P{number}", modality, images, "0")
        found = predict(opened, classifier_measure.clinical_of(case))
        high = case.category not in ("2", "3") if bundle.model_id == "DLR_LH" else case.truth
        truth.append(bool(high))
        score.append(found.probability)
        call.append(float(found.positive))
        seek = case.lesions if bundle.system == "bong2023" else (case.lesions if high and found.positive else ())
        lesions += len(seek)
        taken: set[int] = set()
        for box in found.boxes:
            hit = [k for k, lesion in enumerate(case.lesions) if _on(box, lesion)]
            new = bool(hit) and hit[0] not in taken and bool(seek)
            taken |= set(hit)
            if not hit or new:
                boxes.append((box.score, new))
        if progress is not None:
            progress(number + 1, len(seeds), bundle.model_id)
    y = np.array(truth)
    area = roc.auc(np.array(score), y)
    shares = accuracy.accuracy(accuracy.count(np.array(call), y))
    out: dict[str, Any] = {"model_id": bundle.model_id, "n": len(y), "malignant": int(y.sum())}
    out |= {"auc": area.estimate, "auc_ci95": [area.lower, area.upper]}
    for name in ("sensitivity", "specificity"):
        value = getattr(shares, name)
        out |= {name: value.estimate, f"{name}_ci95": [value.lower, value.upper]}
    out["found_at_one_false_positive"] = at_one(boxes, lesions, len(y))
    out["false_positives_an_image"] = sum(not hit for _, hit in boxes) / len(y)
    out["training_data"] = bundle.training_data
    return out


@functools.lru_cache(maxsize=400)
def made(modality: str, seed: int) -> Any:
    """Return a phantom; kept, as every bundle judges the same ones."""
    from reader_app.networks import classifier_measure, evaluation

    return evaluation.one_case(modality, seed) if modality == "ultrasound" else classifier_measure.whole_case(modality, seed)


def at_one(boxes: Sequence[tuple[float, bool]], lesions: int, images: int) -> float | None:
    """Return the share of lesions found at the score where false positives reach one an image (all boxes if they never do)."""
    hits = false = 0
    for _, hit in sorted(boxes, key=lambda b: -b[0]):
        if not hit and false == images:
            break
        hits, false = hits + hit, false + (not hit)
    return hits / lesions if lesions else None


def _on(box: Any, lesion: Any) -> bool:
    middle = [(a + b) / 2 for a, b in zip(box.start, box.stop, strict=True)][-2:]
    inside = all(a <= m <= b for m, a, b in zip(middle, lesion.start[-2:], lesion.stop[-2:], strict=True))
    return box.image_id == lesion.image_id and inside


def stated(bundle: Any) -> list[Result]:
    """Return what a bundle's manifest says was measured on held-out phantoms when it was made."""
    out = []
    for part, row in bundle.manifest["measured"].items():
        if not isinstance(row, Mapping) or "auc" not in row:
            continue
        paper = part in ("ultrasound", "image", "logistic", "tree")
        name = f"{bundle.model_id}, {row['n']} held-out phantoms when it was made ({part}): AUC"
        bar = f">= {AREA}" if paper else "told, no bar"
        more = {**row, "command": bundle.manifest["command"], "bundle_sha256": bundle.sha256}
        out.append(Result(name, row["auc"], "", bar, not paper or row["auc"] >= AREA, more=more))
    return out


MEASURES: Mapping[str, Callable[..., dict[str, Any]]] = {"lu2025": measure, "kim2021": measure, "bong2023": measure}


def main(given: Sequence[str] | None = None) -> int:
    """Measure all shipped bundles and print."""
    parser = arguments(__doc__)
    parser.add_argument("--phantoms", type=int, default=300)
    parser.add_argument("--elsewhere", type=int, default=100, help="mammograms and volume scans for lu2025; 0 leaves them out")
    parser.add_argument("--stated", action="store_true", help="what the manifests state, nothing is judged")
    parser.add_argument("--only", action="append", choices=tuple(MEASURES), help="only this system (may be repeated)")
    asked = parser.parse_args(given)
    import torch

    from reader_app.ai import bundle as bundles
    from reader_app.networks import device, evaluation

    torch.set_num_threads(int(os.environ.get("READER_APP_THREADS", "1")))
    device.settle(0)
    seeds = range(evaluation.FIRST_SEED, evaluation.FIRST_SEED + asked.phantoms)
    results = []
    for system in asked.only or MEASURES:
        for folder in evaluation.shipped(system):
            if asked.stated:
                results += stated(bundles.load(folder))
                continue
            found = measure(bundles.load(folder), seeds)
            name = f"{found['model_id']}, {asked.phantoms} held-out ultrasound phantoms"
            results.append(Result(f"{name}: AUC", found["auc"], "", f">= {AREA}", found["auc"] >= AREA, more=found))
            if system == "bong2023":
                share = found["found_at_one_false_positive"]
                results.append(Result(f"{name}: lesions found at one false positive", share, "", f">= {FOUND}", share >= FOUND))
            sys.stderr.write(f"{name}: AUC {found['auc']:.3f}, found {found['found_at_one_false_positive']}\n")
            for modality in ("mammography", "abvs") if system == "lu2025" and asked.elsewhere else ():
                found = measure(bundles.load(folder), seeds[: asked.elsewhere], modality=modality)
                name = f"{found['model_id']}, {asked.elsewhere} held-out {modality} phantoms (demonstration only)"
                results.append(Result(f"{name}: AUC", found["auc"], "", "told, no bar", True, more=found))
                sys.stderr.write(f"{name}: AUC {found['auc']:.3f}\n")
    return show(results, asked.json)


if __name__ == "__main__":
    sys.exit(main())
