"""The questionnaires of ``study.toml`` as values; what no single key can say is checked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reader_app.errors import Fault
from reader_app.study.questionfile import parse_questions
from reader_app.study.questionnaires import Questionnaire
from reader_app.study.questions import Question
from reader_app.study.studykeys import read_table


def parse_questionnaires(
    given: Sequence[Mapping[str, Any]],
    rounds: Sequence[int],
    lexicons: Mapping[str, Sequence[str]],
    templates: Mapping[str, Sequence[Mapping[str, Any]]],
    file: str,
    faults: list[Fault],
) -> tuple[Questionnaire, ...]:
    """Return the questionnaires; what is wrong goes to ``faults``.

    Parameters
    ----------
    given : sequence of mapping
        The tables ``[[questionnaires]]``.
    rounds : sequence of int
        The numbers of the study's rounds.
    lexicons, templates : mapping
        Lists of terms, and ready lists of questions, by name.
    file : str
        Name of the file, for messages.
    faults : list of Fault
        Extended in place.
    """
    found: list[Questionnaire] = []
    for position, table in enumerate(given, 1):
        place = f"{file}, questionnaire {table.get('id', position)}"
        values = read_table("questionnaires", table, place, faults)
        questions = _questions(values, lexicons, templates, place, faults)
        if values["id"] is None or values["when"] is None:
            continue
        if not values["id"].replace("_", "").replace("-", "").isalnum():
            faults.append(Fault(f"{place}.id", f"{values['id']!r} holds other signs than letters, digits, - and _"))
        if values["id"] in {own.questionnaire_id for own in found}:
            faults.append(Fault(f"{place}.id", f"{values['id']!r} is declared twice"))
        if (values["when"] == "after_cases") != (values["every"] is not None):
            faults.append(
                Fault(f"{place}.every", "it belongs to after_cases and to nothing else", "add every = 20, or take it out")
            )
        strange = sorted(set(values["rounds"] or ()) - set(rounds))
        if strange or (values["rounds"] and values["when"] == "session_end"):
            what = f"there is no round {strange[0]}" if strange else "the end of a session belongs to no round"
            faults.append(Fault(f"{place}.rounds", what, "correct it or take it out"))
        found.append(
            Questionnaire(
                questionnaire_id=values["id"],
                title=values["title"] or values["id"],
                when=values["when"],
                questions=questions,
                text=values["text"],
                every=values["every"] or 0,
                rounds=tuple(values["rounds"] or ()),
            )
        )
    return tuple(found)


def _questions(
    values: Mapping[str, Any],
    lexicons: Mapping[str, Sequence[str]],
    templates: Mapping[str, Sequence[Mapping[str, Any]]],
    place: str,
    faults: list[Fault],
) -> tuple[Question, ...]:
    name, own = values["template"], values["questions"]
    if (name is None) == (not own):
        faults.append(
            Fault(place, "it does not say the questions", 'write [[questionnaires.questions]], or template = "nasa_tlx"')
        )
        return ()
    if name is not None and name not in templates:
        known = ", ".join(sorted(templates)) or "none is at hand"
        faults.append(Fault(f"{place}.template", f"{name!r} is not the name of a ready list of questions", f"known: {known}"))
        return ()
    tables = own if name is None else templates[name]
    for table in tables:
        tied = [key for key in ("level", "modalities") if key in table]
        tied += [key for key in ("category", "marks") if key in (table.get("when") or {})]
        if tied:
            faults.append(Fault(place, f"{tied[0]} belongs to a case, not to a questionnaire", "take it out"))
    return tuple(replace(question, level="case") for question in parse_questions(tables, (), lexicons, place, faults))
