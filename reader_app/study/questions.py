"""Questions of the answer form beyond category and score: recall, composition, descriptors, Adler grade, "nothing seen" ...

Rules
-----
* A question is asked for each unit that is judged, once for the case (the patient), or for each finding that was marked; only
  for some modalities where it says so.
* It may depend on the category of its unit (for the case and for a finding: of any unit), on the answer to a question declared
  before it, or on whether anything has been marked. Where its condition does not hold it is not asked, and an answer given
  earlier does not count.
* An answer is a tuple of texts: one of the choices (several where ``many``), "yes" or "no", a number as written, a whole number
  on a scale, or free text. The empty tuple takes an answer back.
* Answers are kept under ``"<question>:<unit>"``; the unit of a question for the case is "case", for a finding "#" and its id.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reader_app.study.assessment import CASE_UNIT

KINDS: tuple[str, ...] = ("choice", "yes_no", "number", "scale", "text")
#: Stands before the id of a finding where it is the unit of a question.
FINDING_SIGN = "#"

#: Longest free text of an answer, in characters.
MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class When:
    """The condition under which a question is asked; at most one of the three is set.

    Attributes
    ----------
    categories : tuple of str
        The category must be one of these.
    question, answers : str, tuple of str
        The answer to that question must hold one of these.
    marks : str
        "none" or "some".
    """

    categories: tuple[str, ...] = ()
    question: str = ""
    answers: tuple[str, ...] = ()
    marks: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the form; ``choices`` holds the terms of a lexicon where the study file names one."""

    question_id: str
    text: str
    kind: str = "choice"
    choices: tuple[str, ...] = ()
    many: bool = False
    level: str = "unit"  # "unit", "case" or "finding"
    required: bool = True
    modalities: tuple[str, ...] = ()  # () for all
    when: When = When()
    low: float | None = None
    high: float | None = None
    low_text: str = ""  # what stands at the ends of a scale
    high_text: str = ""


def key(question_id: str, unit: str) -> str:
    """Return the key under which the answer for a unit is kept."""
    return f"{question_id}:{unit}"


def asked(
    questions: Sequence[Question],
    modality: str,
    units: Sequence[str],
    categories: Mapping[str, str],
    answers: Mapping[str, tuple[str, ...]],
    findings: Sequence[str],
) -> Iterator[tuple[Question, str]]:
    """Yield the questions that are asked with the unit of each, given the answers so far; in the order of the form.

    ``findings`` are the ids of the findings marked so far, each once.
    """
    counted: dict[str, tuple[str, ...]] = {}
    places = {"unit": tuple(units), "case": (CASE_UNIT,), "finding": tuple(f"{FINDING_SIGN}{name}" for name in findings)}
    for question in questions:
        if question.modalities and modality not in question.modalities:
            continue
        for unit in places[question.level]:
            if _holds(question.when, unit, question.level, categories, counted, bool(findings)):
                counted[key(question.question_id, unit)] = answers.get(key(question.question_id, unit), ())
                yield question, unit


def _holds(
    when: When, unit: str, level: str, categories: Mapping[str, str], counted: Mapping[str, tuple[str, ...]], is_marked: bool
) -> bool:
    if when.categories:
        given = {categories.get(unit, "")} if level == "unit" else set(categories.values())
        return bool(given & set(when.categories))
    if when.question:
        told = {own.partition(":")[2]: texts for own, texts in counted.items() if own.partition(":")[0] == when.question}
        if level == "unit":
            told = {place: texts for place, texts in told.items() if place in (unit, CASE_UNIT)}
        if level == "finding":
            told = {place: texts for place, texts in told.items() if place == unit or not place.startswith(FINDING_SIGN)}
        return any(set(texts) & set(when.answers) for texts in told.values())
    return not when.marks or is_marked == (when.marks == "some")


def wrong_answer(question: Question, values: tuple[str, ...]) -> str:
    """Return why an answer does not fit a question, or an empty text; the empty answer always fits."""
    if not values:
        return ""
    if len(values) > 1 and not (question.kind == "choice" and question.many):
        return f"{question.question_id} takes one answer"
    if question.kind in ("choice", "yes_no"):
        choices = question.choices if question.kind == "choice" else ("yes", "no")
        strange = [text for text in values if text not in choices]
        if strange or len(set(values)) < len(values):
            return f"{question.question_id} is answered by {', '.join(choices)}"
        return ""
    if question.kind in ("number", "scale"):
        return _wrong_number(question, values[0])
    if len(values[0]) > MAX_TEXT or any("\ud800" <= letter <= "\udfff" for letter in values[0]):
        return f"{question.question_id} is answered by at most {MAX_TEXT} characters"
    return ""


def _wrong_number(question: Question, text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    low = -math.inf if question.low is None else question.low
    high = math.inf if question.high is None else question.high
    whole = question.kind == "number" or text.isdecimal()
    if math.isfinite(number) and low <= number <= high and whole:
        return ""
    what = "a number" if question.kind == "number" else "a whole number"
    return f"{question.question_id} is answered by {what} from {low:g} to {high:g}"
