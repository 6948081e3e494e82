"""StudyDefinition: the protocol as data, from a parsed ``study.toml``. Unknown keys are refused, all faults listed at once.

The keys are declared in :mod:`reader_app.study.studykeys`; here they become values, and what no single key can say is checked:

* rounds are numbered 1, 2, 3 ... in reading order; conditions by arm name the same arms in every round;
* a round with an aid names a declared model, an unaided one names none; a staged round says which earlier round it refines;
* a round refines an earlier one that covers its cases; "left_at" looks at an earlier round and at categories of the study;
* training rounds come before all others and have cases by stratum, which no other round shares (checked with the case list);
* cases are repeated in shuffled rounds over a fixed list; feedback belongs to training;
* a set of aids is prepared from a model that is declared, and only such a set is changed;
* category 4 stands alone: it cannot be offered beside 4A, 4B or 4C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reader_app.errors import Fault, StudyFileError
from reader_app.study.caselist import wrong_name
from reader_app.study.protocol import (
    AidChange,
    AnalysisSpec,
    AssessmentSpec,
    CaseRule,
    Condition,
    DisplaySpec,
    ModelSpec,
    Round,
    StudyDefinition,
    TimingSpec,
)
from reader_app.study.questionfile import parse_questions
from reader_app.study.questionnairefile import parse_questionnaires
from reader_app.study.roundfile import check_rounds, parse_rounds
from reader_app.study.studykeys import read_table

__all__ = [
    "AidChange", "AnalysisSpec", "AssessmentSpec", "CaseRule", "Condition", "DisplaySpec", "ModelSpec", "Round",
    "StudyDefinition", "TimingSpec", "parse",
]  # fmt: skip


def parse(
    document: Mapping[str, Any],
    file: str = "study.toml",
    lexicons: Mapping[str, Sequence[str]] | None = None,
    templates: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> StudyDefinition:
    """Return the protocol that a parsed ``study.toml`` states.

    Parameters
    ----------
    document : mapping
        As ``tomllib`` returns it.
    file : str
        Name of the file, for messages.
    lexicons : mapping of str to sequence of str
        Lists of terms by name, for questions that name one.
    templates : mapping of str to sequence of mapping
        Ready lists of questions by name, for questionnaires that name one.

    Raises
    ------
    StudyFileError
        With every fault found: each names the file, the key and what was expected.
    """
    faults: list[Fault] = []
    top = read_table("", document, file, faults)
    seed: dict[str, Any] = {}
    if top["randomisation"] is not None:
        seed = read_table("randomisation", top["randomisation"], f"{file}, [randomisation]", faults)
    if top["id"] is not None and wrong_name(top["id"]):
        faults.append(Fault(f"{file}, key id", wrong_name(top["id"])))
    assessment = _assessment(top["assessment"], f"{file}, [assessment]", faults)
    display = read_table("display", top["display"], f"{file}, [display]", faults)
    timing = read_table("timing", top["timing"], f"{file}, [timing]", faults)
    models = _models(top["models"], file, faults)
    questions = parse_questions(top["questions"], assessment.categories, lexicons or {}, file, faults)
    rounds = parse_rounds(top["rounds"] or [], file, faults)
    if not rounds and top["rounds"] is not None:
        faults.append(Fault(f"{file}, key rounds", "the study has no round", "add [[rounds]]"))
    check_rounds(rounds, assessment, {model.model_id for model in models}, file, faults)
    numbers = [entry.number for entry in rounds]
    asking = parse_questionnaires(top["questionnaires"], numbers, lexicons or {}, templates or {}, file, faults)
    decided = _analysis(top["analysis"], f"{file}, [analysis]", faults)
    if display["findings_must_be_judged"] and not display["reader_judges_findings"]:
        what = "findings must be judged, but the reader cannot judge them"
        faults.append(Fault(f"{file}, [display].findings_must_be_judged", what, "add reader_judges_findings = true"))
    if faults:
        raise StudyFileError(faults)
    return StudyDefinition(
        study_id=top["id"],
        title=top["title"],
        rounds=rounds,
        seed=int(seed["seed"]),
        assessment=assessment,
        display=DisplaySpec(
            float(display["aid_threshold"]),
            float(display["aid_opacity"]),
            display["reader_may_hide_aid"],
            display["reader_may_adjust_aid"],
            display["reader_judges_findings"],
            display["findings_must_be_judged"],
            display["show_priors"],
        ),
        timing=TimingSpec(**timing),
        models=models,
        description=top["description"],
        notice=top["notice"],
        questions=questions,
        questionnaires=asking,
        analysis=decided,
    )


def _assessment(given: Mapping[str, Any], place: str, faults: list[Fault]) -> AssessmentSpec:
    values = read_table("assessment", given, place, faults)
    score = read_table("assessment.score", values["score"], f"{place}.score", faults)
    categories = tuple(values["categories"])
    if "4" in categories and {"4A", "4B", "4C"} & set(categories):
        faults.append(Fault(f"{place}.categories", "4 is offered beside its subdivisions", "take out 4, or 4A, 4B and 4C"))
    return AssessmentSpec(
        categories=categories,
        positive_from=values["positive_from"],
        level=values["level"],
        score_required=score["required"] and score["kind"] != "none",
        score_kind=score["kind"],
        note_allowed=values["note"],
        marks_allowed=values["marks"],
    )


def _models(given: list[Mapping[str, Any]], file: str, faults: list[Fault]) -> tuple[ModelSpec, ...]:
    models: list[ModelSpec] = []
    for position, table in enumerate(given, 1):
        place = f"{file}, model {position}"
        values = read_table("models", table, place, faults)
        if values["id"] is None:
            continue
        if wrong_name(values["id"]):
            faults.append(Fault(f"{place}.id", wrong_name(values["id"])))
        if values["id"].casefold() in {model.model_id.casefold() for model in models}:
            faults.append(Fault(f"{place}.id", f"{values['id']!r} is declared twice"))
        changes = tuple(_aid_change(own, f"{place}.changes", faults) for own in values["changes"])
        if changes and not values["of"]:
            faults.append(Fault(f"{place}.of", "it does not say from which model these aids are prepared", "add its id"))
        models.append(ModelSpec(values["id"], values["title"], values["explanation"], values["of"] or "", changes))
    real = {model.model_id for model in models if not model.of}
    faults += [
        Fault(
            f"{file}, model {model.model_id}.of", f"{model.of!r} is not a declared model", "declare it as [[models]] of its own"
        )
        for model in models
        if model.of and model.of not in real
    ]
    titles = {model.model_id: model.title or model.model_id for model in models if not model.of}
    words = {model.model_id: model.explanation for model in models}
    return tuple(  # a prepared set looks to readers like the model behind it
        replace(
            model,
            title=model.title or titles.get(model.of or model.model_id, model.model_id),
            explanation=model.explanation or words.get(model.of, ""),
        )
        for model in models
    )


def _aid_change(given: Mapping[str, Any], place: str, faults: list[Fault]) -> AidChange:
    values = read_table("models.changes", given, place, faults)
    if values["share"] is not None and values["sample"] is not None:
        faults.append(Fault(place, "it says both a share and a number of cases", "take one out"))
    if values["share"] == 0 or all(values[name] is None for name in ("share", "sample", "stratum")):
        remedy = 'write stratum = ["lure"], share = 0.1 or sample = 5'
        faults.append(Fault(place, "it does not say which cases", remedy))
    return AidChange(values["kind"] or "", tuple(values["stratum"] or ()), float(values["share"] or 0), values["sample"] or 0)


def _analysis(given: Mapping[str, Any], place: str, faults: list[Fault]) -> AnalysisSpec:
    values = read_table("analysis", given, place, faults)
    compared = tuple(values["comparison"] or ())
    if compared and len(compared) != 2:
        faults.append(Fault(f"{place}.comparison", "it does not name two conditions", 'write ["unaided", "aided"]'))
    if (values["margin"] is not None) != (values["hypothesis"] in ("non-inferiority", "equivalence")):
        faults.append(Fault(f"{place}.margin", "a margin belongs to non-inferiority or equivalence", "add it or take it out"))
    margin = None if values["margin"] is None else float(values["margin"])
    return AnalysisSpec(
        primary_endpoint=values["primary_endpoint"],
        comparison=compared,
        hypothesis=values["hypothesis"],
        margin=margin,
        alpha=float(values["alpha"]),
        plan=values["plan"],
        endpoint=values["endpoint"],
        match=values["match"],
        overlap=float(values["overlap"]),
    )
