"""StudyDefinition: the protocol as data, from a parsed ``study.toml``. Unknown keys are refused, all faults listed at once.

The keys are declared in :mod:`reader_app.study.studykeys`; here they become values, and what no single key can say is checked:

* rounds are numbered 1, 2, 3 ... in reading order; conditions by arm name the same arms in every round;
* a round with an aid names a declared model, an unaided one names none; a staged round says which earlier round it refines;
* a round refines an earlier one that covers its cases; "left_at" looks at an earlier round and at categories of the study;
* training rounds come before all others and have cases by stratum, which no other round shares (checked with the case list);
* category 4 stands alone: it cannot be offered beside 4A, 4B or 4C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from reader_app.errors import Fault, StudyFileError
from reader_app.study.caselist import wrong_name
from reader_app.study.questionfile import parse_questions
from reader_app.study.questions import Question
from reader_app.study.studykeys import CONDITIONS, read_table


class Condition(StrEnum):
    """What the reader has in a round."""

    UNAIDED = "unaided"
    AIDED_CONCURRENT = "aided_concurrent"  # the aid is there from the first paint
    AIDED_SEQUENTIAL = "aided_sequential"  # unaided answer sealed, then the aid revealed, then the final answer
    AIDED_STAGED = "aided_staged"  # a later round refines the earlier answer with the next stage's aid (lu2025)


@dataclass(frozen=True, slots=True)
class AssessmentSpec:
    """What a reader must answer for each unit of a case."""

    categories: tuple[str, ...] = ("0", "1", "2", "3", "4A", "4B", "4C", "5")
    positive_from: str = "4A"
    level: str = "case"  # "case" or "breast"
    score_required: bool = True  # 0-100
    score_kind: str = "percent"  # "percent", or "none" where no score is asked
    note_allowed: bool = True
    marks_allowed: bool = True


@dataclass(frozen=True, slots=True)
class DisplaySpec:
    """Conditions of the experiment that govern the aid's look."""

    aid_threshold: float = 0.35
    aid_opacity: float = 0.55
    reader_may_hide_aid: bool = True
    reader_may_adjust_aid: bool = False
    reader_judges_findings: bool = False  # accept or reject each finding of the aid


@dataclass(frozen=True, slots=True)
class TimingSpec:
    """Timing rules."""

    idle_pause_s: int = 120
    min_display_ms: int = 300  # a read cannot be validated sooner after its display
    session_max_min: int = 0  # no new case after this many minutes of a sitting; 0 for no limit
    break_after_min: int = 0  # a break is proposed after this many minutes without one; 0 for never


@dataclass(frozen=True, slots=True)
class CaseRule:
    """Which cases a round covers.

    Attributes
    ----------
    kind : str
        "all"; "stratum" (``values`` are strata); "sample" (``count`` cases of the strata ``values``, or of all when there are
        none, drawn once for all readers); "left_at" (``values`` are the categories at which this reader left the case, for any
        unit, in round ``of_round``).
    """

    kind: str = "all"
    values: tuple[str, ...] = ()
    of_round: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One pass of a reader over the case order."""

    number: int
    title: str
    condition: Mapping[str, Condition]  # by arm; the key "" holds for every arm
    aid: str | None = None  # model id; None in an unaided round
    refines: int | None = None  # number of the earlier round whose answers this one starts from
    show_earlier_answer: bool = True  # only with ``refines``
    cases: CaseRule = CaseRule()
    order: str = "shuffled"  # "shuffled" (per reader and round) or "as_listed"
    min_washout_days: int = 0  # since the reader finished the previous round
    planes: tuple[str, ...] = ()  # planes of ABVS volumes that are shown; () for all
    training: bool = False  # apart from the data


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model whose stored predictions serve as aids."""

    model_id: str
    title: str
    explanation: str = ""  # one plain sentence for the reader


@dataclass(frozen=True, slots=True)
class StudyDefinition:
    """A whole protocol."""

    study_id: str
    title: str
    rounds: tuple[Round, ...]
    seed: int
    assessment: AssessmentSpec = AssessmentSpec()
    display: DisplaySpec = DisplaySpec()
    timing: TimingSpec = TimingSpec()
    models: tuple[ModelSpec, ...] = ()
    description: str = ""
    notice: str = ""  # shown to readers at log-in, e.g. that a model was trained on phantoms
    options: Mapping[str, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()


def parse(
    document: Mapping[str, Any], file: str = "study.toml", lexicons: Mapping[str, Sequence[str]] | None = None
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
    rounds = _rounds(top["rounds"] or [], file, faults)
    if not rounds and top["rounds"] is not None:
        faults.append(Fault(f"{file}, key rounds", "the study has no round", "add [[rounds]]"))
    _check_rounds(rounds, assessment, {model.model_id for model in models}, file, faults)
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
        ),
        timing=TimingSpec(**timing),
        models=models,
        description=top["description"],
        notice=top["notice"],
        questions=questions,
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
        models.append(ModelSpec(values["id"], values["title"] or values["id"], values["explanation"]))
    return tuple(models)


def _rounds(given: list[Mapping[str, Any]], file: str, faults: list[Fault]) -> tuple[Round, ...]:
    rounds: list[Round] = []
    for position, table in enumerate(given, 1):
        place = f"{file}, round {table.get('number', position)}"
        values = read_table("rounds", table, place, faults)
        rounds.append(
            Round(
                number=values["number"] or position,
                title=values["title"] or f"Round {values['number']}",
                condition=_condition(values["condition"], f"{place}.condition", faults),
                aid=values["aid"],
                refines=values["refines"],
                show_earlier_answer=values["show_earlier_answer"],
                cases=_case_rule(values["cases"], f"{place}.cases", faults),
                order=values["order"],
                min_washout_days=values["min_washout_days"],
                planes=tuple(values["planes"] or ()),
                training=values["training"],
            )
        )
    return tuple(rounds)


def _condition(given: str | Mapping[str, Any] | None, place: str, faults: list[Fault]) -> dict[str, Condition]:
    by_arm = given if isinstance(given, Mapping) else {"": given}
    conditions: dict[str, Condition] = {}
    for arm, text in by_arm.items():
        if text in CONDITIONS:
            conditions[arm] = Condition(text)
        elif given is not None:
            faults.append(Fault(place, f"{text!r} of arm {arm!r} is not one of {', '.join(CONDITIONS)}"))
    if given == {}:
        faults.append(Fault(place, "the table names no arm", 'write a text, or { A = "unaided", B = "aided_concurrent" }'))
    return conditions


def _case_rule(given: str | Mapping[str, Any], place: str, faults: list[Fault]) -> CaseRule:
    if isinstance(given, str):
        return CaseRule()
    values = read_table("rounds.cases", given, place, faults)
    derived = values["left_at"] is not None
    drawn = values["stratum"] is not None or values["sample"] is not None
    if derived == drawn or derived != (values["of_round"] is not None):
        remedy = 'write "all", { stratum = ["retest"] }, { sample = 20 } or { left_at = ["4A"], of_round = 2 }'
        if not any(str(fault).startswith(place) for fault in faults):
            faults.append(Fault(place, "it does not say which cases", remedy))
        return CaseRule()
    if values["sample"] is not None:
        return CaseRule("sample", tuple(values["stratum"] or ()), count=values["sample"])
    if values["stratum"] is not None:
        return CaseRule("stratum", tuple(values["stratum"]))
    return CaseRule("left_at", tuple(values["left_at"]), values["of_round"])


def _check_rounds(
    rounds: tuple[Round, ...], assessment: AssessmentSpec, models: set[str], file: str, faults: list[Fault]
) -> None:
    by_number = {entry.number: entry for entry in rounds}
    for position, entry in enumerate(rounds, 1):
        place = f"{file}, round {entry.number}"
        if entry.number != position:
            faults.append(
                Fault(f"{place}.number", f"it stands at place {position}", "number the rounds 1, 2, 3 ... in reading order")
            )
        if entry.condition and rounds[0].condition and set(entry.condition) != set(rounds[0].condition):
            arms = ", ".join(rounds[0].condition) or "no arm"
            faults.append(Fault(f"{place}.condition", "it names other arms than the first round", f"name {arms}"))
        conditions = set(entry.condition.values())
        if conditions == {Condition.UNAIDED} and entry.aid is not None:
            faults.append(Fault(f"{place}.aid", "an unaided round has no aid", "take it out"))
        if conditions - {Condition.UNAIDED} and entry.aid not in models:
            known = ", ".join(sorted(models)) or "none is declared; add [[models]]"
            what = "the aid is missing" if entry.aid is None else f"{entry.aid!r} is not a declared model"
            faults.append(Fault(f"{place}.aid", what, f"declared models: {known}"))
        if Condition.AIDED_STAGED in conditions and entry.refines is None:
            faults.append(Fault(f"{place}.refines", "a staged round refines an earlier one", "add the number of that round"))
        if entry.refines is not None and not _covers(by_number, entry, position):
            what = f"round {entry.refines} does not come earlier or does not cover the cases of this one"
            faults.append(Fault(f"{place}.refines", what, "name an earlier round over the same cases"))
        if entry.training and (entry.cases.kind != "stratum" or any(not earlier.training for earlier in rounds[:position])):
            what = "a training round comes first and takes its cases from a stratum of their own"
            faults.append(Fault(f"{place}.training", what, 'move it up and write cases = { stratum = ["training"] }'))
        if entry.cases.kind == "left_at":
            if entry.cases.of_round not in {earlier.number for earlier in rounds[: position - 1]}:
                faults.append(Fault(f"{place}.cases.of_round", f"round {entry.cases.of_round} does not come earlier"))
            strange = sorted(set(entry.cases.values) - set(assessment.categories))
            if strange:
                faults.append(Fault(f"{place}.cases.left_at", f"{', '.join(strange)} is not a category of this study"))


def _covers(by_number: Mapping[int, Round], entry: Round, position: int) -> bool:
    """Return whether every case of a round has been read in the round that it refines."""
    earlier = by_number.get(entry.refines or 0)
    if earlier is None or earlier.number >= position:
        return False
    return earlier.cases.kind == "all" or earlier.cases == entry.cases or entry.cases.of_round == earlier.number
