"""The rounds of ``study.toml`` as values; what no single key can say is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reader_app.errors import Fault
from reader_app.study.protocol import AssessmentSpec, CaseRule, Condition, Round, arms_of
from reader_app.study.repeats import RepeatRule
from reader_app.study.studykeys import CONDITIONS, read_table


def parse_rounds(given: list[Mapping[str, Any]], file: str, faults: list[Fault]) -> tuple[Round, ...]:
    """Return the rounds; what is wrong with one by itself goes to ``faults``."""
    rounds: list[Round] = []
    for position, table in enumerate(given, 1):
        place = f"{file}, round {table.get('number', position)}"
        values = read_table("rounds", table, place, faults)
        rounds.append(
            Round(
                number=values["number"] or position,
                title=values["title"] or f"Round {values['number']}",
                condition=_condition(values["condition"], f"{place}.condition", faults),
                aid=_aid(values["aid"], f"{place}.aid", faults),
                refines=values["refines"],
                show_earlier_answer=values["show_earlier_answer"],
                cases=_case_rule(values["cases"], f"{place}.cases", faults),
                order=values["order"],
                min_washout_days=values["min_washout_days"],
                planes=tuple(values["planes"] or ()),
                training=values["training"],
                feedback=values["feedback"],
                repeat=_repeat(values["repeat"], f"{place}.repeat", faults),
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


def _aid(given: str | Mapping[str, Any] | None, place: str, faults: list[Fault]) -> dict[str, str]:
    by_arm = given if isinstance(given, Mapping) else {} if given is None else {"": given}
    if given == {} or not all(isinstance(model, str) for model in by_arm.values()):
        faults.append(Fault(place, "the table does not name a model for each arm", 'write a text, or { A = "one", B = "other" }'))
    return {arm: model for arm, model in by_arm.items() if isinstance(model, str)}


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


def _repeat(given: Mapping[str, Any], place: str, faults: list[Fault]) -> RepeatRule | None:
    if not given:
        return None
    values = read_table("rounds.repeat", given, place, faults)
    told = [name for name in ("share", "sample", "cases") if values[name] is not None]
    if len(told) != 1 or values["share"] == 0:
        faults.append(
            Fault(place, "it does not say which cases", "write one of { share = 0.1 }, { sample = 10 }, { cases = [...] }")
        )
        return None
    return RepeatRule(float(values["share"] or 0), values["sample"] or 0, tuple(values["cases"] or ()), values["min_gap"])


def check_rounds(rounds: tuple[Round, ...], assessment: AssessmentSpec, models: set[str], file: str, faults: list[Fault]) -> None:
    """Add what is wrong with the rounds together: numbers, arms, aids, what they refine, training, repeats."""
    by_number = {entry.number: entry for entry in rounds}
    arms = arms_of(rounds)
    for position, entry in enumerate(rounds, 1):
        place = f"{file}, round {entry.number}"
        if entry.number != position:
            faults.append(
                Fault(f"{place}.number", f"it stands at place {position}", "number the rounds 1, 2, 3 ... in reading order")
            )
        conditions = set(entry.condition.values())
        _check_arms(entry, arms, place, faults)
        _check_aid(entry, arms, models, f"{place}.aid", faults)
        if Condition.AIDED_STAGED in conditions and entry.refines is None:
            faults.append(Fault(f"{place}.refines", "a staged round refines an earlier one", "add the number of that round"))
        if entry.refines is not None and not _covers(by_number, entry, position):
            what = f"round {entry.refines} does not come earlier or does not cover the cases of this one"
            faults.append(Fault(f"{place}.refines", what, "name an earlier round over the same cases"))
        if entry.training and (entry.cases.kind != "stratum" or any(not earlier.training for earlier in rounds[:position])):
            what = "a training round comes first and takes its cases from a stratum of their own"
            faults.append(Fault(f"{place}.training", what, 'move it up and write cases = { stratum = ["training"] }'))
        if entry.feedback and not entry.training:
            faults.append(Fault(f"{place}.feedback", "only training has feedback", "take it out, or add training = true"))
        if entry.repeat and (entry.order != "shuffled" or entry.cases.kind == "left_at" or entry.refines or entry.training):
            what = "cases are repeated only in a shuffled round of its own: not in training, in a derived or in a refining one"
            faults.append(Fault(f"{place}.repeat", what, "take it out"))
        if entry.cases.kind == "left_at":
            if entry.cases.of_round not in {earlier.number for earlier in rounds[: position - 1]}:
                faults.append(Fault(f"{place}.cases.of_round", f"round {entry.cases.of_round} does not come earlier"))
            strange = sorted(set(entry.cases.values) - set(assessment.categories))
            if strange:
                faults.append(Fault(f"{place}.cases.left_at", f"{', '.join(strange)} is not a category of this study"))


def _check_arms(entry: Round, arms: tuple[str, ...], place: str, faults: list[Fault]) -> None:
    """A table by arm speaks of every arm that the study has, and a study has no single arm."""
    named = [arm for arm in (*entry.condition, *entry.aid) if arm]
    if named and len(arms) == 1:
        remedy = "write a text instead of the table, or name every arm"
        faults.append(Fault(f"{place}.condition", f"{arms[0]} is the only arm of the study", remedy))
    lacking = [arm for arm in arms if entry.condition and arm not in entry.condition and "" not in entry.condition]
    if lacking:
        faults.append(Fault(f"{place}.condition", f"it leaves out arm {', '.join(lacking)}", f"name {', '.join(arms)}"))


def _check_aid(entry: Round, arms: tuple[str, ...], models: set[str], place: str, faults: list[Fault]) -> None:
    """Whoever reads with an aid is shown a declared model, whoever reads without one is shown none."""
    if set(entry.condition.values()) == {Condition.UNAIDED} and entry.aid:
        faults.append(Fault(place, "an unaided round has no aid", "take it out"))
        return
    known = ", ".join(sorted(models)) or "none is declared; add [[models]]"
    for model in entry.models:
        if model not in models:
            faults.append(Fault(place, f"{model!r} is not a declared model", f"declared models: {known}"))
    for arm in arms or ("",):
        condition = entry.condition.get(arm, entry.condition.get(""))
        whose = f" of arm {arm}" if arm and entry.aid else ""
        if condition is Condition.UNAIDED and arm in entry.aid:
            faults.append(Fault(place, f"arm {arm} reads without an aid", "take it out of the table"))
        elif condition not in (None, Condition.UNAIDED) and not {arm, ""} & set(entry.aid):
            faults.append(Fault(place, f"the aid{whose} is missing", f"declared models: {known}"))
            if not entry.aid:
                return


def _covers(by_number: Mapping[int, Round], entry: Round, position: int) -> bool:
    """Return whether every case of a round has been read in the round that it refines."""
    earlier = by_number.get(entry.refines or 0)
    if earlier is None or earlier.number >= position:
        return False
    return earlier.cases.kind == "all" or earlier.cases == entry.cases or entry.cases.of_round == earlier.number
