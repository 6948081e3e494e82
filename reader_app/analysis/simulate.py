"""Simulated readers: answer scripts for rehearsals, end-to-end tests and power, with known answers.

Each reader sees a latent suspicion of every case, as Roe and Metz have it (Acad Radiol 1997;4:298): a shift between benign and
malignant cases that gives the stated AUC, a part that all readers share for a case, and a part of the reader's own. An aid pulls
the latent suspicion towards the model's (``aid_weight``) and changes the reading time (``aid_speed``). Times are log-normal.
Marks, forms and questionnaires are made in :mod:`reader_app.analysis.simulated_forms`.

This runs in the coordinator's process: it knows the reference standard. The reading process gets only the scripts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from reader_app.analysis import simulated_forms
from reader_app.analysis.reference import load
from reader_app.analysis.simulated_forms import Scene
from reader_app.analysis.tables import TableSource
from reader_app.study.assessment import BREAST_UNITS, CASE_UNIT, rank
from reader_app.study.assignment import Plan, RoundPlan
from reader_app.study.definition import Condition

FloatArray = NDArray[np.float64]

#: Upper limits of the probability of malignancy at which a simulated reader chooses a category, as the manual states them;
#: benign cases below 2 % are split over 1, 2 and 3.
_LIMITS: tuple[tuple[str, float], ...] = (
    ("1", 0.02), ("2", 0.08), ("3", 0.25), ("4A", 0.50), ("4B", 0.70), ("4C", 0.88), ("5", 1.01),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Skill:
    """What a simulated reader can do.

    Attributes
    ----------
    auc : float
        Area under the curve of the unaided latent suspicion.
    seconds : float
        Median reading time of an unaided read.
    spread : float
        Standard deviation of the log reading time.
    shared : float
        Share of the latent variance that is common to all readers for a case (0..1).
    aid_weight : float
        How far an aid pulls the reader's suspicion to the model's (0 ignores it, 1 follows it).
    aid_speed : float
        Factor on the median time when an aid is shown; rounds that refine an earlier answer take half of it.
    wobble : float
        Standard deviation of the latent suspicion from one reading of a case to the next.
    false_marks : float
        Mean number of marks in a case where there is nothing.
    """

    auc: float = 0.85
    seconds: float = 40.0
    spread: float = 0.35
    shared: float = 0.4
    aid_weight: float = 0.45
    aid_speed: float = 0.75
    wobble: float = 0.15
    false_marks: float = 0.3

    def __post_init__(self) -> None:
        if not 0.5 <= self.auc < 1 or self.seconds <= 0 or self.spread < 0 or not 0 <= self.shared <= 1:
            raise ValueError("a skill needs 0.5 <= auc < 1, seconds > 0, spread >= 0 and 0 <= shared <= 1")
        if not 0 <= self.aid_weight <= 1 or self.aid_speed <= 0 or self.wobble < 0:
            raise ValueError("a skill needs 0 <= aid_weight <= 1, aid_speed > 0 and wobble >= 0")


def scripts(
    plans: Sequence[Plan],
    reference: TableSource,
    predictions: Mapping[str, Mapping[str, float]] | None = None,
    skills: Mapping[str, Skill] | Skill | None = None,
    seed: int = 1,
    scenes: Mapping[str, Scene] | None = None,
) -> dict[str, dict[str, Any]]:
    """Write the answers of simulated readers to every round of their plans, derived rounds included.

    Parameters
    ----------
    plans
        One plan a reader.
    reference
        Reference standard (path or DataFrame).
    predictions
        Probability of every model for every case, on [0, 1]. A case without one is read as if unaided.
    skills
        One for all readers, or by reader id; defaults vary a little from reader to reader.
    seed
        Equal seeds give equal scripts on every machine.
    scenes
        What can be marked, by case; nothing is marked in a case without one.

    Returns
    -------
    dict
        By reader id: ``{"schema": 1, "reader_id", "seed", "reads": [...]}`` with one entry a round and case, in reading order.
    """
    truth = load(reference)
    by_case, by_breast = truth.cases(), truth.breasts() if any(_breasts(p) for p in plans) else {}
    units = sorted({(case, unit) for plan in plans for case, judged in plan.units.items() for unit in judged})
    common = _normals(seed, "cases", len(units))
    result = {}
    for plan in plans:
        skill = _skill_of(plan.reader_id, skills, seed)
        malignant = np.array(
            [by_breast[(c, u)] if u in BREAST_UNITS and by_breast else bool(by_case.get(c, False)) for c, u in units], dtype=float
        )
        shift = math.sqrt(2) * float(special.ndtri(skill.auc))
        own = _normals(seed, f"reader {plan.reader_id}", len(units))
        latent = malignant * shift + math.sqrt(skill.shared) * common + math.sqrt(1 - skill.shared) * own
        suspicion = dict(zip(units, (latent - shift / 2).tolist(), strict=True))
        result[plan.reader_id] = {
            "schema": 1,
            "reader_id": plan.reader_id,
            "seed": seed,
            "reads": _reads(plan, skill, suspicion, predictions or {}, seed, scenes or {}),
            "questionnaires": _questionnaires(plan, seed),
        }
    return result


def _breasts(plan: Plan) -> bool:
    return any(unit in BREAST_UNITS for judged in plan.units.values() for unit in judged)


def _normals(seed: int, name: str, size: int) -> FloatArray:
    """Return standard normals of a named stream; adding a reader changes no other reader's numbers."""
    key = [seed, *name.encode()]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key))).standard_normal(size)


def _skill_of(reader_id: str, skills: Mapping[str, Skill] | Skill | None, seed: int) -> Skill:
    if isinstance(skills, Skill):
        return skills
    if skills is not None and reader_id in skills:
        return skills[reader_id]
    a, b = _normals(seed, f"skill {reader_id}", 2).tolist()
    return Skill(auc=float(np.clip(0.85 + 0.04 * a, 0.6, 0.97)), seconds=40.0 * math.exp(0.2 * b))


def round_cases(entry: RoundPlan, answers: Mapping[tuple[int, str], Mapping[str, str]]) -> tuple[str, ...]:
    """Return the cases of a round in reading order, given the categories this reader gave before.

    ``answers`` maps (round number, case id) to categories by unit. The rule "left_at" keeps the cases of which any unit was left
    at one of its categories in the round that it names.
    """
    if entry.cases.kind != "left_at":
        return entry.order
    earlier = entry.cases.of_round
    if earlier is None:
        raise ValueError(f"round {entry.number} does not say of which round its cases are left")
    wanted = set(entry.cases.values)
    return tuple(c for c in entry.order if wanted & set(answers.get((earlier, c), {}).values()))


def _reads(
    plan: Plan,
    skill: Skill,
    suspicion: Mapping[tuple[str, str], float],
    predictions: Mapping[str, Mapping[str, float]],
    seed: int,
    scenes: Mapping[str, Scene],
) -> list[dict[str, Any]]:
    answers: dict[tuple[int, str], Mapping[str, str]] = {}
    carried = dict(suspicion)
    reads = []
    for entry in plan.rounds:
        cases = round_cases(entry, answers)
        noise = _normals(
            seed, f"reader {plan.reader_id} round {entry.number}", 2 * sum(len(plan.units[c]) for c in cases) + len(cases)
        )
        draw = iter(noise.tolist())
        beyond = simulated_forms.stream(seed, f"reader {plan.reader_id} round {entry.number} forms")
        seen: list[str] = []
        for case in cases:
            seen.append(case)
            model = predictions.get(entry.aid or "", {}).get(case)
            latent = {}
            for unit in plan.units[case]:
                base = carried[(case, unit)] if entry.refines is not None else suspicion[(case, unit)] + skill.wobble * next(draw)
                latent[unit] = base if model is None else (1 - skill.aid_weight) * base + skill.aid_weight * _of_model(model)
                carried[(case, unit)] = latent[unit]
            seconds = skill.seconds * (skill.aid_speed if model is not None else 1.0)
            seconds *= 0.5 if entry.refines is not None else 1.0
            answer = {unit: category(value, plan.assessment.categories) for unit, value in latent.items()}
            answers.setdefault((entry.number, case), answer)
            read: dict[str, Any] = {
                "round": entry.number,
                "case_id": case,
                "categories": answer,
                "scores": {unit: score(value) for unit, value in latent.items()} if plan.assessment.score_required else {},
                "note": "",
                "reading_time_s": round(max(1.0, seconds * math.exp(skill.spread * next(draw))), 3),
            }
            if seen.count(case) > 1:
                read["occurrence"] = seen.count(case)
            if plan.assessment.marks_allowed and case in scenes:
                read["marks"] = simulated_forms.marks(scenes[case], latent, skill.false_marks, beyond)
            if plan.questions:
                read["answers"] = simulated_forms.form(plan, case, latent, read.get("marks", []), beyond)
            if plan.display.reader_judges_findings and entry.aid:
                read["verdicts"] = simulated_forms.verdicts(max(latent.values()), beyond)
            if entry.condition is Condition.AIDED_SEQUENTIAL:
                read["initial"] = _initial(plan, {unit: suspicion[(case, unit)] for unit in plan.units[case]})
            reads.append(read)
    return reads


def _questionnaires(plan: Plan, seed: int) -> dict[str, list[dict[str, list[str]]]]:
    """Return answers to every questionnaire, enough for every occasion on which it may be asked (then from the first again)."""
    draw = simulated_forms.stream(seed, f"reader {plan.reader_id} questionnaires")
    return {own.questionnaire_id: [simulated_forms.questionnaire(own, draw) for _ in range(12)] for own in plan.questionnaires}


def _initial(plan: Plan, latent: Mapping[str, float]) -> dict[str, Any]:
    """Return the sealed answer of a sequential read, given without the aid."""
    return {
        "categories": {unit: category(value, plan.assessment.categories) for unit, value in latent.items()},
        "scores": {unit: score(value) for unit, value in latent.items()} if plan.assessment.score_required else {},
    }


def _of_model(probability: float) -> float:
    """Return a model's probability on the readers' latent scale."""
    return float(special.ndtri(min(max(probability, 0.005), 0.995)))


def score(latent: float) -> int:
    """Return the suspicion 0-100 of a latent value (its normal probability in percent)."""
    return round(100 * float(special.ndtr(latent)))


def category(latent: float, categories: Sequence[str]) -> str:
    """Return the study's category for a latent value; where the study lacks the one chosen, the nearest on the scale."""
    probability = float(special.ndtr(latent))
    chosen = next(name for name, limit in _LIMITS if probability < limit)
    usable = [c for c in categories if c not in ("0", "6") and rank(c) is not None]
    if not usable:
        raise ValueError("the study's scale has no category that a simulated reader could use")
    if chosen in usable:
        return chosen
    wanted = rank(chosen) or 0
    return min(usable, key=lambda c: (abs((rank(c) or 0) - wanted), -(rank(c) or 0)))


def expected_tables(written: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return what the exported workbook must contain, one row a read and unit, in the readers' reading order.

    Returns
    -------
    DataFrame
        Columns ``reader_id, round, position, case_id, unit, assessment, score, reading_time_s``; ``position`` counts from 1
        within a round.
    """
    rows = []
    for reader_id, script in written.items():
        place: dict[int, int] = {}
        for read in script["reads"]:
            place[read["round"]] = place.get(read["round"], 0) + 1
            for unit, chosen in read["categories"].items():
                rows.append(
                    {
                        "reader_id": reader_id,
                        "round": read["round"],
                        "position": place[read["round"]],
                        "case_id": read["case_id"],
                        "unit": unit,
                        "assessment": chosen,
                        "score": read["scores"].get(unit),
                        "reading_time_s": read["reading_time_s"],
                    }
                )
    columns = ["reader_id", "round", "position", "case_id", "unit", "assessment", "score", "reading_time_s"]
    return pd.DataFrame(rows, columns=columns)


def reads_table(written: Mapping[str, Mapping[str, Any]], plans: Sequence[Plan]) -> pd.DataFrame:
    """Return the scripts as the reads table of an analysis (without going through a log), under the logs' condition names."""
    from reader_app.analysis.fromlog import labels_by_reader

    labels = labels_by_reader({p.reader_id: p.rounds for p in plans})
    frame = expected_tables(written)
    frame["condition"] = [labels[r][n][0] for r, n in zip(frame["reader_id"], frame["round"], strict=True)]
    frame["laterality"] = ["" if u == CASE_UNIT else u for u in frame["unit"]]
    return frame.drop(columns=["unit"])
