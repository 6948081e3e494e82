"""Sets of aids of which some are withheld or changed on purpose, prepared before the freeze (automation-bias designs).

A set is a model of ``study.toml`` with ``of`` and ``changes``. Every aid of it is written anew under the set's id, changed or
not, without what could tell the two apart (raw maps, features), and frozen like any other prediction. Packages hold the set and
not the model behind it, so a reading machine can neither tell a changed aid nor reach the true one. What was done stands in
``aid_kinds.json``, which stays with the coordinator.

* withheld: no score, no box, no map; the reader is told that the aid is not available;
* inverted: the opposite score and call; boxes are left out where the call becomes negative;
* swapped: score, boxes and maps of another case of the same kind, preferably of the opposite call, fitted to the images.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from pathlib import Path

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.errors import Fault, InputFaults
from reader_app.imaging import container
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.store import aidkinds
from reader_app.store.aidkinds import AidKind, AidKinds
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.assignment import CounterGenerator
from reader_app.study.caselist import CaseEntry
from reader_app.study.definition import AidChange, ModelSpec
from reader_app.study.training import training_cases

_OPPOSITE = {"malignant": "benign", "benign": "malignant", "high": "low", "low": "high"}

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class PreparedSet:
    """What was prepared: how many aids of each kind."""

    model_id: str
    of: str
    counts: Mapping[str, int]


def prepare(study: Path, model_id: str | None = None, seed: str | None = None) -> tuple[PreparedSet, ...]:
    """Prepare the sets of aids of a study that is not frozen; what was drawn before stays drawn.

    Parameters
    ----------
    study : Path
        The coordinator's study folder, with the predictions of the models behind the sets.
    model_id : str, optional
        Only this set.
    seed : str, optional
        Of the draw; random if absent (and kept in ``aid_kinds.json``).

    Raises
    ------
    InputFaults
        If the study is frozen, has no such set, a prediction is missing, or no other case can lend its aid.
    """
    folder = StudyFolder.load(study)
    if folder.is_frozen:
        raise InputFaults([Fault(str(study), "the study is frozen, its aids can no longer change", "amend it if it must be")])
    wanted = [own for own in folder.definition.models if own.of and model_id in (None, own.model_id)]
    if not wanted:
        remedy = 'declare it in study.toml: [[models]] with of = "MODEL" and [[models.changes]]'
        raise InputFaults([Fault(str(study / "study.toml"), f"there is no set of aids {model_id or ''}".rstrip(), remedy)])
    known = aidkinds.load(study)
    drawn = seed or (known.seed if known is not None else secrets.token_hex(16))
    sets = dict(known.sets) if known is not None else {}
    prepared = []
    for model in wanted:
        sets[model.model_id] = _prepare(folder, model, drawn)
        kinds = [own.kind for own in sets[model.model_id].values()]
        prepared.append(PreparedSet(model.model_id, model.of, {kind: kinds.count(kind) for kind in aidkinds.KINDS}))
    aidkinds.save(study, AidKinds(drawn, sets))
    return tuple(prepared)


def _prepare(folder: StudyFolder, model: ModelSpec, seed: str) -> dict[str, AidKind]:
    true = {case.case_id: results.load(folder.aid_dir(model.of), case.case_id) for case in folder.cases}
    apart = training_cases(folder.definition, folder.cases)
    counting = [case for case in folder.cases if case.case_id not in apart]
    kinds = draw(model.changes, counting, f"{seed}|{folder.definition.study_id}|{model.model_id}")
    shapes = {case_id: _shapes(folder, case_id) for case_id in true} if "swapped" in kinds.values() else {}
    modality = {case.case_id: case.modality for case in folder.cases}
    made: dict[str, AidKind] = {}
    for case_id, own in true.items():
        kind, source = kinds.get(case_id, "true"), case_id
        shown = own
        if kind == "withheld":
            shown = replace(own, probability=0.0, positive=False, call="", status="withheld", reason="", boxes=(), heatmaps=())
        if kind == "inverted":
            shown = inverted(own)
        if kind == "swapped":
            lenders = [other for other in true if other != case_id and modality[other] == modality[case_id]]
            source = _lender(own, lenders, true, shapes, f"{seed}|{model.model_id}|{case_id}")
            shown = fitted(own, true[source], shapes[source], shapes[case_id])
        shown = replace(shown, model_id=model.model_id, raw=(), embedding=None)
        made[case_id] = AidKind(kind, source, results.save(folder.aid_dir(model.model_id), shown))
    return made


def draw(changes: Sequence[AidChange], cases: Sequence[CaseEntry], material: str) -> dict[str, str]:
    """Return the kind of change by case; each case is changed once, by the first change that takes it."""
    kinds: dict[str, str] = {}
    for number, change in enumerate(changes):
        fitting = sorted(case.case_id for case in cases if not change.strata or case.stratum in change.strata)
        count = change.sample or (floor(change.share * len(fitting) + 0.5) if change.share else len(fitting))
        free = [case_id for case_id in fitting if case_id not in kinds]
        for case_id in CounterGenerator(f"{material}|{number}").shuffled(free)[:count]:
            kinds[case_id] = change.kind
    return kinds


def inverted(own: Prediction) -> Prediction:
    """Return the opposite of a prediction: its score mirrored, on the other side of the operating point."""
    mirrored = 1 - own.probability
    if (mirrored >= own.threshold) == own.positive:  # an operating point far from one half: go just beyond it
        mirrored = max(0.0, own.threshold * 0.5) if own.positive else min(1.0, (1 + own.threshold) / 2)
    positive = mirrored >= own.threshold
    boxes = own.boxes if positive else ()
    status = "no_finding" if own.boxes and not boxes else "ok" if own.status == "no_finding" else own.status
    call = _OPPOSITE.get(own.call, own.call)
    return replace(own, probability=mirrored, positive=positive, call=call, boxes=boxes, status=status, reason="")


def fitted(own: Prediction, lent: Prediction, source: Shapes, target: Shapes) -> Prediction:
    """Return what another case's prediction says, with boxes and maps fitted to the images of this case."""
    ratios = {
        name: tuple(new / old for new, old in zip(target[name], source[name], strict=True))
        for name in target
        if name in source and len(target[name]) == len(source[name])
    }
    boxes = tuple(_box(box, ratios[box.image_id]) for box in lent.boxes if box.image_id in ratios)
    heatmaps = tuple(_heatmap(own_map, ratios[own_map.image_id]) for own_map in lent.heatmaps if own_map.image_id in ratios)
    told = (lent.probability, lent.positive, lent.call, lent.status, lent.reason)
    probability, positive, call, status, reason = told
    return replace(
        own, probability=probability, positive=positive, call=call, status=status, reason=reason, boxes=boxes, heatmaps=heatmaps
    )


def _box(box: Box, ratio: tuple[float, ...]) -> Box:
    start = tuple(at * r for at, r in zip(box.start, ratio[: len(box.start)], strict=True))
    return replace(box, start=start, stop=tuple(at * r for at, r in zip(box.stop, ratio[: len(box.stop)], strict=True)))


def _heatmap(heatmap: Heatmap, ratio: tuple[float, ...]) -> Heatmap:
    axes = ratio[: len(heatmap.scale)]
    scale = tuple(own * r for own, r in zip(heatmap.scale, axes, strict=True))
    offset = tuple((own + 0.5) * r - 0.5 for own, r in zip(heatmap.offset, axes, strict=True))
    return replace(heatmap, scale=scale, offset=offset)


def _lender(
    own: Prediction, lenders: Sequence[str], true: Mapping[str, Prediction], shapes: Mapping[str, Shapes], material: str
) -> str:
    """Return the case whose aid is shown: one with the same images and the opposite call where there is one."""
    told = [name for name in lenders if true[name].status in ("ok", "no_finding")]
    usable = [name for name in told if set(shapes[name]) & set(shapes[own.case_id])]
    if not usable:
        what = f"no other case of its kind can lend its aid to case {own.case_id}"
        raise InputFaults([Fault(f"set of aids over {own.model_id}", what, "change fewer cases, or invert instead of swapping")])
    order = CounterGenerator(material).shuffled(sorted(usable))
    same = {name: set(shapes[name]) == set(shapes[own.case_id]) for name in order}
    return max(order, key=lambda name: (true[name].positive != own.positive, same[name], -order.index(name)))


def _shapes(folder: StudyFolder, case_id: str) -> dict[str, tuple[int, ...]]:
    """Return the size of each image of a case, along the axes of an index."""
    images = container.open_case(folder.container(case_id)).images
    return {image.id: tuple(image.array.shape[: 3 if image.kind != "image" else 2]) for image in images}
