"""What readers are told after a training case: the training key. It holds nothing about any other case.

``training_key.csv`` is the only file of a reading machine that states a reference, and only for cases of training rounds, which
no other round shows and no analysis counts. One row per lesion: ``case_id`` (required), ``category``, ``outcome``, ``text``, and
where the lesion lies: ``image_id``, ``slice`` (volumes), ``row``, ``column``, ``radius``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from reader_app.errors import Fault, StudyFileError
from reader_app.study.caselist import CaseEntry
from reader_app.study.protocol import StudyDefinition

COLUMNS: tuple[str, ...] = ("case_id", "category", "outcome", "text", "image_id", "slice", "row", "column", "radius")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lesion of a training case lies.

    Attributes
    ----------
    index : tuple of float
        ``(row, column)`` of an image or ``(slice, row, column)`` of a volume, zero-based centres.
    radius : float
        In pixels of the last axis; 0 where only the centre is known.
    text : str
        What is said about this place.
    """

    image_id: str
    index: tuple[float, ...]
    radius: float = 0.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a reader is told about one training case."""

    category: str = ""
    outcome: str = ""
    text: str = ""
    places: tuple[Place, ...] = ()


def parse_training_key(rows: Sequence[Mapping[str, str]], file: str = "training_key.csv") -> dict[str, Feedback]:
    """Return the feedback by case.

    Raises
    ------
    StudyFileError
        With every fault: an unknown column, an id missing, a place that is none.
    """
    faults = [
        Fault(f"{file}, column {name}", "this column is not known", f"use {', '.join(COLUMNS)}")
        for name in (rows[0] if rows else ())
        if name not in COLUMNS
    ]
    found: dict[str, Feedback] = {}
    for number, row in enumerate(rows, 2):
        cells = {name: (text or "").strip() for name, text in row.items() if isinstance(name, str)}
        case_id = cells.get("case_id", "")
        if not case_id:
            faults.append(Fault(f"{file}, row {number}, column case_id", "it is empty", "name the training case"))
            continue
        known = found.get(case_id, Feedback())
        place = _place(cells, f"{file}, row {number}", faults)
        texts = [text for text in (known.text, cells.get("text", "")) if text]
        found[case_id] = replace(
            known,
            category=known.category or cells.get("category", ""),
            outcome=known.outcome or cells.get("outcome", ""),
            text=known.text if place is not None and known.places else "\n".join(texts),
            places=known.places if place is None else (*known.places, place),
        )
    faults += [
        Fault(f"{file}, case {case_id}", "it says nothing about the case", "fill in category, outcome, text or a place")
        for case_id, own in found.items()
        if own == Feedback()
    ]
    if faults:
        raise StudyFileError(faults)
    return found


def _place(cells: Mapping[str, str], where: str, faults: list[Fault]) -> Place | None:
    image_id = cells.get("image_id", "")
    told = {name: cells.get(name, "") for name in ("slice", "row", "column", "radius")}
    if not image_id and not any(told.values()):
        return None
    try:
        index = tuple(float(told[name]) for name in ("slice", "row", "column") if told[name] or name != "slice")
        radius = float(told["radius"] or 0)
    except ValueError:
        index, radius = (), -1.0
    if not image_id or not index or radius < 0 or not all(isfinite(own) and own >= 0 for own in (*index, radius)):
        remedy = "fill in image_id, row, column (and slice for a volume) with numbers from 0"
        faults.append(Fault(where, "it does not say a place in an image", remedy))
        return None
    return Place(image_id, index, radius, cells.get("text", ""))


def training_cases(definition: StudyDefinition, cases: Sequence[CaseEntry], feedback: bool = False) -> tuple[str, ...]:
    """Return the cases of training rounds, or of those of them that give feedback."""
    rounds = [entry for entry in definition.rounds if entry.training and (entry.feedback or not feedback)]
    strata = {name for entry in rounds for name in entry.cases.values}
    return tuple(case.case_id for case in cases if case.stratum in strata)


def key_faults(
    definition: StudyDefinition, cases: Sequence[CaseEntry], feedback: Mapping[str, Feedback], file: str = "training_key.csv"
) -> list[Fault]:
    """Return what is wrong between a training key and the study: a case that is no training case, a training case without one."""
    allowed = training_cases(definition, cases)
    faults = [
        Fault(f"{file}, case {case_id}", "it is no case of a training round, so nothing may be said about it here", "take it out")
        for case_id in feedback
        if case_id not in allowed
    ]
    lacking = [case_id for case_id in training_cases(definition, cases, feedback=True) if case_id not in feedback]
    if lacking:
        named = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
        faults.append(Fault(file, f"a training round gives feedback, but nothing is said about {named}", "add a row for each"))
    return faults
