"""What a simulated reader marks and answers beyond category and score: findings, questions, questionnaires, verdicts on the aid.

A reader marks a true lesion the more surely the more suspicious the case looks to him, in every view in which it can be seen, a
little beside its centre; and now and then something that is not there. Everything is drawn from named streams of one seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from reader_app.study.assessment import CASE_UNIT, CATEGORIES
from reader_app.study.assignment import Plan
from reader_app.study.questionnaires import Questionnaire
from reader_app.study.questions import FINDING_SIGN, Question

#: Most findings of an aid for which a verdict is written.
MOST_FINDINGS = 40


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a lesion lies in one image: centre and radius along each axis of the image's index."""

    image_id: str
    index: tuple[float, ...]
    radius: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lesion of a case; ``laterality`` is "R", "L" or "" when unknown."""

    laterality: str
    malignant: bool
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What can be marked in a case: its lesions, and its images with their shapes along the axes of an index."""

    lesions: tuple[Lesion, ...] = ()
    images: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator of a named stream; adding a reader or a round changes no other stream."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *name.encode()])))


def marks(scene: Scene, latent: Mapping[str, float], false_marks: float, draw: np.random.Generator) -> list[dict[str, Any]]:
    """Return the marks of one read.

    Parameters
    ----------
    scene : Scene
    latent : mapping of str to float
        The reader's suspicion by unit, on the scale of the answers (0 is even odds).
    false_marks : float
        Mean number of marks where there is nothing.
    draw : Generator
    """
    found: list[dict[str, Any]] = []
    number = 0
    for lesion in scene.lesions:
        own = latent.get(lesion.laterality, max(latent.values()))
        if draw.random() > special.ndtr(own + 0.6):
            continue
        number += 1
        rating = int(np.clip(round(100 * float(special.ndtr(own + draw.normal(0, 0.2)))), 1, 100))
        for spot in lesion.spots:
            beside = draw.normal(0, 0.25, len(spot.index))
            at = [centre + shift * size for centre, shift, size in zip(spot.index, beside, spot.radius, strict=True)]
            found.append(_mark(len(found) + 1, number, spot.image_id, _inside(at, scene.images.get(spot.image_id)), rating))
    for _ in range(int(draw.poisson(false_marks)) if scene.images else 0):
        number += 1
        name = sorted(scene.images)[int(draw.integers(len(scene.images)))]
        at = [size * (0.25 + 0.5 * draw.random()) for size in scene.images[name]]
        found.append(_mark(len(found) + 1, number, name, at, int(draw.integers(5, 55))))
    return found


def _mark(mark: int, finding: int, image_id: str, index: Sequence[float], rating: int) -> dict[str, Any]:
    place = [round(float(at), 1) for at in index]
    return {"mark_id": str(mark), "finding_id": str(finding), "image_id": image_id, "index": place, "score": rating}


def _inside(index: Sequence[float], shape: tuple[int, ...] | None) -> list[float]:
    if shape is None:
        return list(index)
    return [min(max(at, 0.0), size - 1.0) for at, size in zip(index, shape, strict=True)]


def form(
    plan: Plan, case_id: str, latent: Mapping[str, float], placed: Sequence[Mapping[str, Any]], draw: np.random.Generator
) -> dict[str, list[str]]:
    """Return an answer to every question of the form that could be asked of a case, by ``"<question>:<unit>"``."""
    worst = max(latent.values())
    findings = {str(own["finding_id"]): special.ndtri(min(max(int(own["score"]) / 100, 0.01), 0.99)) for own in placed}
    answers = {}
    for question in plan.questions:
        units = {"unit": latent, "case": {CASE_UNIT: worst}, "finding": {f"{FINDING_SIGN}{n}": v for n, v in findings.items()}}
        for unit, own in units[question.level].items():
            answers[f"{question.question_id}:{unit}"] = answer(question, float(own), draw)
    return answers


def answer(question: Question, latent: float, draw: np.random.Generator) -> list[str]:
    """Return one possible answer; a category, recall or number follows the suspicion, everything else is drawn."""
    if question.kind == "yes_no":
        follows = "recall" in question.question_id or "biopsy" in question.question_id
        sure = {"nothing_seen": True}.get(question.question_id)
        yes = sure if sure is not None else latent > 0 if follows else draw.random() < 0.5
        return ["yes" if yes else "no"]
    if question.kind in ("number", "scale"):
        low, high = question.low or 0.0, 100.0 if question.high is None else question.high
        value = low + (high - low) * float(special.ndtr(latent + draw.normal(0, 0.3)))
        return [str(round(value))]
    if question.kind == "text":
        return ["simulated"]
    if set(question.choices) <= set(CATEGORIES) or question.choices == ("no recall", "recall"):
        from reader_app.analysis.simulate import category

        scale = set(question.choices) <= set(CATEGORIES)
        return [category(latent, question.choices) if scale else question.choices[int(latent > 0)]]
    return [question.choices[int(draw.integers(len(question.choices)))]]


def questionnaire(own: Questionnaire, draw: np.random.Generator) -> dict[str, list[str]]:
    """Return an answer to every question of a questionnaire, by ``"<question>:case"``."""
    return {f"{question.question_id}:{CASE_UNIT}": answer(question, draw.normal(0, 0.7), draw) for question in own.questions}


def verdicts(latent: float, draw: np.random.Generator) -> list[str]:
    """Return what the reader makes of the findings of an aid, first to last: taken up the sooner the more suspicious the case."""
    return ["accepted" if draw.random() < special.ndtr(latent) else "rejected" for _ in range(MOST_FINDINGS)]
