"""What a rehearsal lacks is stood in for: phantoms for cases, and predictions of stated skill for a model that is not there yet.

Stand-ins are made only in the copy of a study that is rehearsed, never in the study itself, and say of themselves what they are:
in the provenance of every prediction, and in the notice that readers see at log-in.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.analysis import reference
from reader_app.analysis.simulated_forms import Lesion, Scene, Spot, stream
from reader_app.desk import aidsets, importing, tables
from reader_app.desk.aids import find_bundle, run_model
from reader_app.desk.importing import REFERENCE
from reader_app.desk.progress import Progress, silent
from reader_app.errors import BundleError
from reader_app.imaging import container, geometry, phantoms
from reader_app.imaging.overlay import Box
from reader_app.store.lock import TRAINING_KEY
from reader_app.store.studyfiles import read_definition
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.definition import StudyDefinition

#: What a stand-in prediction says of its origin.
ORIGIN = "SIMULATED for a rehearsal from the reference standard; no model was run"
NOTICE = "REHEARSAL. The aids of {} are simulated, no model was run."

#: Area under the curve of a simulated model.
MODEL_AUC = 0.88
#: Mean number of boxes in a case where there is nothing.
FALSE_BOXES = 0.2

_KINDS = ("mammography", "abvs", "ultrasound")
_KIND_OF: dict[str, str] = {"zhou2023": "mammography", "liu2025": "abvs"} | dict.fromkeys(
    ("bong2023", "kim2021", "kim2021_vgg16", "kim2021_googlenet", "DLR_LH", "DLR_BM"), "ultrasound"
)
#: Phantoms for each stratum that a round or a change of aids asks for.
_OF_A_STRATUM = 3


def kinds_of(definition: StudyDefinition) -> tuple[str, ...]:
    """Return the kinds of images that a protocol is about, by its models; all of them where they do not say."""
    own = {_KIND_OF[model] for model in (m.of or m.model_id for m in definition.models) if model in _KIND_OF}
    return tuple(kind for kind in _KINDS if kind in own) if own and definition.study_id != "demo" else _KINDS


def add_phantoms(study: Path, count: int, seed: int = 1, progress: Progress = silent) -> None:
    """Fill a study without cases with phantoms, every other one malignant, with what is told after training cases.

    Parameters
    ----------
    study : Path
        A study folder without cases, not frozen.
    count : int
        How many cases, besides those of the strata that the protocol names.
    """
    definition = read_definition(study)
    kinds = kinds_of(definition)
    training = [name for entry in definition.rounds if entry.training for name in entry.cases.values]
    rules = [entry.cases for entry in definition.rounds if entry.cases.kind in ("stratum", "sample")]
    named = [name for rule in rules for name in rule.values]
    named += [name for model in definition.models for change in model.changes for name in change.strata]
    strata = [name for name in dict.fromkeys(named) for _ in range(_OF_A_STRATUM)] + [""] * count
    cases, truth, told = [], [], []
    for number, stratum in enumerate(strata):
        case_id = f"P{number + 1:03d}"
        progress(number, len(strata), f"phantom {case_id}")
        malignant = number % 2 == 1
        phantom = phantoms.demo_case(kinds[number % len(kinds)], seed=seed * 100_000 + 700 + number, malignant=malignant)
        fingerprint = phantoms.write_container(phantom, study / "images" / case_id, case_id)
        own = {"case_id": case_id, "modality": kinds[number % len(kinds)], "breasts": "".join(phantom.breasts)}
        cases.append({**own, "stratum": stratum, "fingerprint": fingerprint, **phantom.clinical})
        truth += phantom.reference_rows(case_id)
        if stratum in training:
            words = ("5", "malignant", "phantom with a malignant lesion") if malignant else ("2", "benign", "nothing suspicious")
            told.append({"case_id": case_id, **dict(zip(("category", "outcome", "text"), words, strict=True))})
    progress(len(strata), len(strata), "")
    importing.enter_cases(study, cases)
    importing.enter_reference(study, truth)
    if told:
        tables.write_rows(study / TRAINING_KEY, list(told[0]), told)


def fill_aids(study: Path, seed: int = 1, simulated: bool = False, progress: Progress = silent) -> tuple[str, ...]:
    """Give a study that is not frozen the predictions it lacks: by the model where a bundle ships, else simulated.

    Parameters
    ----------
    simulated : bool
        Simulate also what a bundle could predict (quicker).

    Returns
    -------
    tuple of str
        The models whose predictions are simulated; the study's notice names them.
    """
    folder = StudyFolder.load(study)
    made = []
    for model in (own.model_id for own in folder.definition.models if not own.of):
        if not folder.missing_aids(model):
            continue
        if not simulated and _has_bundle(model):
            run_model(study, model, progress=progress)
            continue
        simulate_predictions(folder, model, seed)
        made.append(model)
    if made:
        _say_so(study, made)
    if any(own.of for own in folder.definition.models):
        aidsets.prepare(study, seed=f"rehearsal {seed}")
    return tuple(made)


def _has_bundle(model: str) -> bool:
    try:
        find_bundle(model)
    except BundleError:
        return False
    return True


def _say_so(study: Path, models: Sequence[str]) -> None:
    """Put the warning before the notice that readers see at log-in."""
    file = study / "study.toml"
    text = file.read_text(encoding="utf-8")
    said = NOTICE.format(", ".join(models))
    if re.search(r"(?m)^notice *= *\"", text):
        text = re.sub(r'(?m)^(notice *= *")', lambda found: f"{found[1]}{said} ", text, count=1)
    else:
        text = re.sub(r"(?m)^(title *=.*)$", lambda found: f'{found[1]}\nnotice = "{said}"', text, count=1)
    file.write_text(text, encoding="utf-8")


def simulate_predictions(folder: StudyFolder, model: str, seed: int = 1, auc: float = MODEL_AUC) -> None:
    """Store predictions of stated skill for every case that has none; each says that it is simulated."""
    malignant = reference.load(folder.path / REFERENCE).cases()
    seen = scenes(folder)
    shift = 2**0.5 * float(special.ndtri(auc))
    words = ("low", "high") if model == "DLR_LH" else ("benign", "malignant")
    for case_id in folder.missing_aids(model):
        draw = stream(seed, f"model {model} case {case_id}")
        latent = (shift if bool(malignant.get(case_id, False)) else 0.0) - shift / 2 + draw.normal()
        score = round(float(special.ndtr(latent)), 4)
        boxes = _boxes(seen[case_id], latent, draw)
        positive = score >= 0.5
        own = Prediction(
            model_id=model,
            case_id=case_id,
            fingerprint=container.open_case(folder.container(case_id)).fingerprint,
            probability=score,
            threshold=0.5,
            call=words[positive],
            positive=positive,
            status="ok" if positive or boxes else "no_finding",
            reason="" if positive or boxes else "nothing above the operating point",
            boxes=boxes,
            provenance={"bundle_id": "simulated", "bundle_sha256": "", "training_data": ORIGIN, "simulated": True, "auc": auc},
        )
        results.save(folder.aid_dir(model), own)


def _boxes(scene: Scene, latent: float, draw: np.random.Generator) -> tuple[Box, ...]:
    found = []
    for lesion in scene.lesions:
        if draw.random() > special.ndtr(latent + 0.5):
            continue
        rating = round(float(special.ndtr(latent + draw.normal(0, 0.2))), 3)
        for spot in lesion.spots:
            start = tuple(max(0.0, at - 1.2 * size) for at, size in zip(spot.index, spot.radius, strict=True))
            stop = tuple(at + 1.2 * size for at, size in zip(spot.index, spot.radius, strict=True))
            found.append(Box(spot.image_id, start, stop, rating, "mass"))
    for _ in range(int(draw.poisson(FALSE_BOXES)) if scene.images else 0):
        name = sorted(scene.images)[int(draw.integers(len(scene.images)))]
        centre = [size * (0.25 + 0.5 * draw.random()) for size in scene.images[name]]
        half = [max(1.0, size / 20) for size in scene.images[name]]
        start = tuple(round(max(0.0, at - own), 1) for at, own in zip(centre, half, strict=True))
        stop = tuple(round(at + own, 1) for at, own in zip(centre, half, strict=True))
        found.append(Box(name, start, stop, round(0.1 + 0.4 * draw.random(), 3), "mass"))
    return tuple(found)


def scenes(folder: StudyFolder) -> dict[str, Scene]:
    """Return what can be marked in each case: its lesions in index space, and its images."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    with (folder.path / REFERENCE).open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(str(row["case_id"]), []).append(row)
    return {case.case_id: _scene(folder.container(case.case_id), rows.get(case.case_id, [])) for case in folder.cases}


def _scene(directory: Path, rows: Sequence[Mapping[str, Any]]) -> Scene:
    images = {image.id: image for image in container.open_case(directory).images}
    shapes = {name: tuple(image.array.shape[: 2 if image.kind == "image" else 3]) for name, image in images.items()}
    lesions: dict[str, list[tuple[Mapping[str, Any], Spot]]] = {}
    for row in rows:
        image = images.get(row.get("image_id") or "")
        if image is None or not row.get("x_mm") or not row.get("y_mm"):
            continue
        spacing = image.spacing_mm or (1.0,) * len(shapes[image.id])
        radius = float(row.get("radius_mm") or 5.0)
        if image.affine is not None and row.get("z_mm"):
            at = geometry.to_index(image.affine, [float(row[name]) for name in ("x_mm", "y_mm", "z_mm")])
            index = tuple(float(own) for own in at)
        else:
            index = (float(row["y_mm"]) / spacing[-2], float(row["x_mm"]) / spacing[-1])
        sizes = tuple(radius / own for own in spacing[-len(index) :])
        lesions.setdefault(str(row.get("lesion_id") or len(lesions)), []).append((row, Spot(image.id, index, sizes)))
    return Scene(
        tuple(
            Lesion(str(own[0][0].get("laterality") or ""), str(own[0][0]["malignant"]) == "1", tuple(spot for _, spot in own))
            for own in lesions.values()
        ),
        shapes,
    )
