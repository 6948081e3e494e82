"""The questions of ``study.toml`` as values; what no single key can say is checked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reader_app.errors import Fault
from reader_app.study.questions import Question, When
from reader_app.study.studykeys import read_table


def parse_questions(
    given: Sequence[Mapping[str, Any]],
    categories: Sequence[str],
    lexicons: Mapping[str, Sequence[str]],
    file: str,
    faults: list[Fault],
) -> tuple[Question, ...]:
    """Return the questions; what is wrong goes to ``faults``.

    Parameters
    ----------
    given : sequence of mapping
        The tables ``[[questions]]``.
    categories : sequence of str
        The categories of the study.
    lexicons : mapping of str to sequence of str
        Lists of terms by name.
    file : str
        Name of the file, for messages.
    faults : list of Fault
        Extended in place.
    """
    questions: list[Question] = []
    for position, table in enumerate(given, 1):
        place = f"{file}, question {table.get('id', position)}"
        values = read_table("questions", table, place, faults)
        choices = _choices(values, lexicons, place, faults)
        if values["id"] is None or values["text"] is None:
            continue
        if not values["id"].replace("_", "").replace("-", "").isalnum():
            faults.append(Fault(f"{place}.id", f"{values['id']!r} holds other signs than letters, digits, - and _"))
        if values["id"] in {question.question_id for question in questions}:
            faults.append(Fault(f"{place}.id", f"{values['id']!r} is declared twice"))
        _check_range(values, place, faults)
        questions.append(
            Question(
                question_id=values["id"],
                text=values["text"],
                kind=values["kind"],
                choices=choices,
                many=values["many"],
                level=values["level"],
                required=values["required"],
                modalities=tuple(values["modalities"] or ()),
                when=_when(values["when"], values["level"], questions, categories, f"{place}.when", faults),
                low=None if values["low"] is None else float(values["low"]),
                high=None if values["high"] is None else float(values["high"]),
                low_text=values["low_text"],
                high_text=values["high_text"],
            )
        )
    return tuple(questions)


def _check_range(values: Mapping[str, Any], place: str, faults: list[Fault]) -> None:
    low, high = values["low"], values["high"]
    if values["kind"] == "scale":
        whole = all(number is not None and number == int(number) and number >= 0 for number in (low, high))
        if not whole or low >= high:
            faults.append(Fault(place, "a scale goes from a whole number to a higher one", "add low = 0 and high = 100"))
        return
    if (low is not None or high is not None) and values["kind"] != "number":
        faults.append(Fault(place, "only a number or a scale has low and high", "take them out"))
    if values["low_text"] or values["high_text"]:
        faults.append(Fault(place, "only a scale has words at its ends", 'take them out, or write kind = "scale"'))


def _choices(
    values: Mapping[str, Any], lexicons: Mapping[str, Sequence[str]], place: str, faults: list[Fault]
) -> tuple[str, ...]:
    own, name = values["choices"], values["lexicon"]
    if values["kind"] != "choice":
        if own is not None or name is not None or values["many"]:
            faults.append(Fault(place, f"a question of kind {values['kind']} has no choices", "take them out"))
        return ()
    if (own is None) == (name is None):
        faults.append(Fault(place, "it does not say the choices", 'write choices = [...] or lexicon = "name"'))
        return ()
    if own is not None:
        return tuple(own)
    if name not in lexicons:
        known = ", ".join(sorted(lexicons)) or "none is at hand"
        faults.append(Fault(f"{place}.lexicon", f"{name!r} is not the name of a list of terms", f"known: {known}"))
        return ()
    return tuple(lexicons[name])


def _when(
    given: Mapping[str, Any], level: str, earlier: Sequence[Question], categories: Sequence[str], place: str, faults: list[Fault]
) -> When:
    values = read_table("questions.when", given, place, faults)
    told = [name for name in ("category", "question", "marks") if values[name] is not None]
    if len(told) > 1 or (values["question"] is None) != (values["is"] is None):
        remedy = 'write one of { category = ["0"] }, { question = "mass", is = ["yes"] }, { marks = "none" }'
        faults.append(Fault(place, "it does not state one condition", remedy))
        return When()
    strange = sorted(set(values["category"] or ()) - set(categories))
    if strange:
        faults.append(Fault(f"{place}.category", f"{', '.join(strange)} is not a category of this study"))
    if values["question"] is not None:
        asked = {question.question_id: question for question in earlier}.get(values["question"])
        if asked is None:
            faults.append(Fault(f"{place}.question", f"{values['question']!r} is not a question declared before"))
        else:
            possible = asked.choices if asked.kind == "choice" else ("yes", "no")
            unknown = sorted(set(values["is"]) - set(possible))
            if asked.level == "finding" and level == "unit":
                faults.append(Fault(f"{place}.question", f"{asked.question_id} is asked for findings, not for the unit"))
            if asked.kind not in ("choice", "yes_no") or unknown:
                faults.append(Fault(f"{place}.is", f"{', '.join(values['is'])} cannot be the answer to {asked.question_id}"))
    return When(tuple(values["category"] or ()), values["question"] or "", tuple(values["is"] or ()), values["marks"] or "")
