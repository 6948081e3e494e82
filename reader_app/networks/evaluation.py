"""Held-out phantoms judged by a system's bundles, as rows for the tables of its paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.ai import variants
from reader_app.ai.bundle import Bundle
from reader_app.ai.results import Prediction
from reader_app.errors import BundleError
from reader_app.imaging import container, phantoms
from reader_app.networks import device, registry
from reader_app.networks.classifier_measure import clinical_of
from reader_app.networks.training import Progress

#: First seed of the phantoms; no training, calibration or test of a shipped bundle drew one of these, nor does a demo.
FIRST_SEED = 1_300_000_000

#: What a system's paper is about, and so what its bundles are evaluated on.
MODALITY = {
    "lu2025": "ultrasound",
    "kim2021": "ultrasound",
    "bong2023": "ultrasound",
    "zhou2023": "mammography",
    "liu2025": "abvs",
}


def shipped(system: str) -> list[Path]:
    """Return the folders of the bundles of a system that come with the program."""
    found = []
    for folder in sorted(paths.resource("bundles").iterdir()):
        if (folder / bundles.MANIFEST).exists() and bundles.load(folder).system == system:
            found.append(folder)
    return found


def phantom_rows(
    system: str,
    count: int,
    chosen: Sequence[Path] = (),
    seed: int = 1,
    wish: str = "auto",
    progress: Progress | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """Judge held-out phantoms with the bundles of a system.

    Parameters
    ----------
    system : str
        One of the five.
    count : int
        Phantoms.
    chosen : sequence of Path
        Bundles; by default those that come with the program.
    seed : int
        Draws other phantoms.
    wish : str
        Device.
    progress : callable, optional
        Told (done, total, text).

    Returns
    -------
    list of dict
        "case_id", "cohort" (""), "variant", "truth", "score", "call", "localised" (kim2021: whether the map's region overlaps the
        lesion's mask; else None).
    list of dict
        "model_id", "cases", "threshold", "training_data" of each model.
    str
        What the cases are, in words.

    Raises
    ------
    BundleError
        If there is no bundle of the system.
    """
    if system not in MODALITY:
        raise BundleError(f"The system {system!r} is not known; use one of {', '.join(MODALITY)}.")
    if count < 2:
        raise BundleError(f"--phantoms {count} is too few to evaluate; give at least 2.")
    loaded = [bundles.load(p) for p in (chosen or shipped(system))]
    if not loaded or any(b.system != system for b in loaded):
        raise BundleError(
            f"There is no bundle of {system} to evaluate; train one (reader-app ai train) and name it with --bundle."
        )
    where = device.choose(wish)
    device.settle(0)
    predict = {b.model_id: registry.load(b, where) for b in loaded}
    modality = MODALITY[system]
    rows: list[dict[str, Any]] = []
    judged = dict.fromkeys(predict, 0)
    bad = 0
    for number in range(count):
        case = one_case(modality, FIRST_SEED + seed * 100_000 + number)
        bad += case.truth
        images = tuple(container.CaseImage(**vars(i)) for i in case.images)
        opened = container.OpenCase(Path(), f"P{number + 1:04}", modality, images, "0")
        for bundle in loaded:
            own = predict[bundle.model_id](opened, clinical_of(case))
            if own.status in ("ok", "no_finding"):
                judged[bundle.model_id] += 1
                rows += _rows(own, case, bundle)
        if progress is not None:
            progress(number + 1, count, "phantoms")
    told = [
        {
            "model_id": b.model_id,
            "cases": judged[b.model_id],
            "threshold": _threshold(b, modality),
            "training_data": b.training_data,
        }
        for b in loaded
    ]
    return rows, told, f"{count} held-out {modality} phantoms ({phantoms.VERSION}, seed {seed}), {bad} malignant"


def one_case(modality: str, seed: int) -> phantoms.PhantomCase:
    """Make a phantom of a system's modality: one ultrasound image a woman, four views at 0.3 mm, a volume of the demo's kind."""
    if modality == "ultrasound":
        return phantoms.ultrasound_case(seed, frames=1, doppler=False)
    if modality == "mammography":
        kinds = ("mass", "mass", "calcification", "asymmetry", "distortion")
        return phantoms.mammogram_exam(seed, pixel_mm=0.30, kinds=kinds)
    return phantoms.demo_case(modality, seed)


def _threshold(bundle: Bundle, modality: str) -> float | None:
    points = bundle.manifest["operating_points"]
    point = points.get(modality) or points.get("image") or next(iter(points.values()))
    return float(point["threshold"]) if "threshold" in point else None


def _rows(own: Prediction, case: phantoms.PhantomCase, bundle: Bundle) -> list[dict[str, Any]]:
    where = None
    if bundle.system == "kim2021":
        found = [variants.localised(own, image_id, np.asarray(mask, np.bool_)) for image_id, mask in case.masks.items()]
        where = any(f.overlaps for f in found if f is not None)
    high = case.category not in ("2", "3")
    out: list[dict[str, Any]] = []
    for said in variants.said(own):
        truth = case.truth
        if said.lesion_type:
            truth = any(lesion.kind == said.lesion_type for lesion in case.lesions)
        elif own.model_id == "DLR_LH":
            truth = high
        answer = {"score": said.score, "call": said.call, "localised": where}
        names = [said.variant]
        if bundle.system == "liu2025":
            names.append(f"{said.variant}@{bundle.manifest.get('backbone', '')}")
        if own.model_id == "DLR_BM" and case.category == "4A":
            names.append("DLR_BM@4A")
        out += [{"case_id": own.case_id, "cohort": "", "variant": name, "truth": bool(truth), **answer} for name in names]
    return out
