"""The questionnaires that a reader answered, one row a question, for the workbook and the analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reader_app.study import events as ev
from reader_app.study.assignment import Plan
from reader_app.study.events import Logged


@dataclass(frozen=True, slots=True)
class Filled:
    """One answered question of one questionnaire.

    Attributes
    ----------
    round_no : int
        The round it is about; 0 at the end of a sitting.
    condition : str
        What the reader had in that round; empty at the end of a sitting.
    count : int
        Validated cases of the round when it was asked; 0 at its end; at the end of a sitting the number of the sitting.
    question, text : str
        Name of the question, and the question as the reader saw it.
    values : tuple of str
        Empty where an optional question was left open.
    shown_s : float
        How long the whole questionnaire was on the screen.
    """

    reader_id: str
    questionnaire: str
    title: str
    when: str
    round_no: int
    condition: str
    count: int
    question: str
    text: str
    values: tuple[str, ...]
    shown_s: float
    wall_utc: str


def questionnaires(plan: Plan, logged: Sequence[Logged]) -> list[Filled]:
    """Return the answers to questionnaires in the order in which they were given.

    What was answered under an earlier version of the study and is not asked any more stands with its names for texts.
    """
    known = {own.questionnaire_id: own for own in plan.questionnaires}
    conditions = {entry.number: entry.condition.value for entry in plan.rounds}
    rows: list[Filled] = []
    for entry in logged:
        event = entry.event
        if not isinstance(event, ev.QuestionnaireAnswered):
            continue
        own = known.get(event.questionnaire)
        texts = {question.question_id: question.text for question in own.questions} if own is not None else {}
        given = {name.rpartition(":")[0]: values for name, values in event.answers.items()}
        for question in dict.fromkeys([*texts, *given]):
            rows.append(
                Filled(
                    reader_id=plan.reader_id,
                    questionnaire=event.questionnaire,
                    title=own.title if own is not None else event.questionnaire,
                    when=own.when if own is not None else "",
                    round_no=event.round_no,
                    condition=conditions.get(event.round_no, ""),
                    count=event.count,
                    question=question,
                    text=texts.get(question, question),
                    values=given.get(question, ()),
                    shown_s=event.shown_ms / 1000,
                    wall_utc=event.wall_utc,
                )
            )
    return rows
