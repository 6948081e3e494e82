"""Phantoms judged by a system's bundles, as rows for the tables of its paper, in the cohorts that the papers have.

"internal": held-out phantoms of the kind that the bundle learnt from. Of ultrasound also "external": a third as many from another
make of machine (coarser pixels, another shape of picture, brighter tissue); and "training": as many of the phantoms that the
bundle learnt from. lu2025's co-decision is about lesions at 4A, which are few: a third as many more are sought for it ("4A").
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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


#: First seed of the phantoms that all bundles learn from; a bundle's own seed counts in hundred thousands.
TRAIN_SEED = 500_000_000


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Judged phantoms.

    Attributes
    ----------
    rows : list of dict
        "case_id", "cohort", "variant", "truth", "score", "call", "localised" (kim2021: whether the map's region overlaps the
        lesion's mask; else None).
    models : list of dict
        "model_id", "cases", "threshold", "training_data" of each model.
    source : str
        What the cases are, in words.
    embeddings : dict
        Model -> case -> (embedding, truth) of the internal cases, where a model has embeddings.
    """

    rows: list[dict[str, Any]]
    models: list[dict[str, Any]]
    source: str
    embeddings: dict[str, dict[str, tuple[Any, bool]]] = field(default_factory=dict)


def phantom_rows(
    system: str,
    count: int,
    chosen: Sequence[Path] = (),
    seed: int = 1,
    wish: str = "auto",
    progress: Progress | None = None,
) -> Evaluated:
    """Judge phantoms with the bundles of a system.

    Parameters
    ----------
    system : str
        One of the five.
    count : int
        Held-out phantoms.
    chosen : sequence of Path
        Bundles; by default those that come with the program.
    seed : int
        Draws other phantoms.
    wish : str
        Device.
    progress : callable, optional
        Told (done, total, text).

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
    found = Evaluated([], [], "")
    judged = dict.fromkeys(predict, 0)
    bad = {"internal": 0, "4A": 0, "external": 0, "training": 0}
    cases = list(_cases(modality, count, seed, loaded))
    for number, (cohort, case_id, own_seed, mine) in enumerate(cases):
        case = one_case(modality, own_seed, elsewhere=cohort == "external")
        bad[cohort] += case.truth
        images = tuple(container.CaseImage(**vars(i)) for i in case.images)
        opened = container.OpenCase(Path(), case_id, modality, images, "0")
        for bundle in mine:
            own = predict[bundle.model_id](opened, clinical_of(case))
            if own.status not in ("ok", "no_finding"):
                continue
            judged[bundle.model_id] += 1
            rows = _rows(own, case, bundle, cohort)
            found.rows.extend(rows)
            if own.embedding is not None and cohort == "internal":
                found.embeddings.setdefault(bundle.model_id, {})[case_id] = (own.embedding, bool(rows[0]["truth"]))
        if progress is not None:
            progress(number + 1, len(cases), "phantoms")
    for b in loaded:
        threshold = _threshold(b, modality)
        told = {"model_id": b.model_id, "cases": judged[b.model_id], "threshold": threshold, "training_data": b.training_data}
        found.models.append(told)
    counts = {c: len({case_id for cohort, case_id, _, _ in cases if cohort == c}) for c in bad}
    parts = [f"{counts[c]} {'more at 4A' if c == '4A' else c} ({bad[c]} malignant)" for c in bad if counts[c]]
    return replace(found, source=f"{modality} phantoms ({phantoms.VERSION}, seed {seed}): {', '.join(parts)}")


def _cases(modality: str, count: int, seed: int, loaded: Sequence[Bundle]) -> Iterator[tuple[str, str, int, Sequence[Bundle]]]:
    """Yield (cohort, case id, seed, bundles that judge it)."""
    first = FIRST_SEED + seed * 100_000
    for number in range(count):
        yield "internal", f"P{number + 1:04}", first + number, loaded
    if modality != "ultrasound":
        return
    if any(b.system == "lu2025" for b in loaded):
        sought = (s for s in itertools.count(first + 20_000) if phantoms.ultrasound_category(s) == "4A")
        for number, own_seed in enumerate(itertools.islice(sought, max(2, count // 3))):
            yield "4A", f"A{number + 1:04}", own_seed, loaded
    for number in range(max(2, count // 3)):
        yield "external", f"X{number + 1:04}", first + 50_000 + number, loaded
    for own in sorted({_seed(b.manifest) for b in loaded if b.phantom_trained} - {None}, key=str):
        mine = [b for b in loaded if b.phantom_trained and _seed(b.manifest) == own]
        learnt = [int(n) for b in mine for n in re.findall(r"--phantoms (\d+)", str(b.manifest.get("command", "")))]
        for number in range(min([max(2, count // 3), *learnt])):
            yield "training", f"T{own}-{number + 1:04}", TRAIN_SEED + int(own or 0) * 100_000 + number, mine


def _seed(manifest: Mapping[str, Any]) -> int | None:
    settings = manifest.get("settings") or {}
    found = settings.get("seed", (settings.get("image") or {}).get("seed"))
    return None if found is None else int(found)


def one_case(modality: str, seed: int, elsewhere: bool = False) -> phantoms.PhantomCase:
    """Make a phantom of a system's modality: one ultrasound image a woman, four views at 0.3 mm, a volume of the demo's kind.

    ``elsewhere``: an ultrasound image as another make of machine would show it.
    """
    if modality == "ultrasound" and elsewhere:
        case = phantoms.ultrasound_case(seed, shape=(400, 520), pixel_mm=0.1, frames=1, doppler=False)
        bright = [replace(i, array=(255 * (np.asarray(i.array) / 255.0) ** 0.8).astype(np.uint8)) for i in case.images]
        return replace(case, images=tuple(bright))
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


def _rows(own: Prediction, case: phantoms.PhantomCase, bundle: Bundle, cohort: str) -> list[dict[str, Any]]:
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
        if said.variant == "DLR_BM" and case.category == "4A" and cohort in ("internal", "4A"):
            out.append({"case_id": own.case_id, "cohort": "internal", "variant": "DLR_BM@4A", "truth": bool(truth), **answer})
        out += [{"case_id": own.case_id, "cohort": cohort, "variant": name, "truth": bool(truth), **answer} for name in names]
    return out
