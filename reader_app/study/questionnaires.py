"""Questionnaires between blocks of cases (workload, confidence in the aid ...): what they ask, and whether an answer is whole.

Rules
-----
* "after_cases" is due after every so many validated cases of a round while the round goes on; "round_end" when a round in which
  something was read is over; "session_end" when the reader wants to leave a sitting in which something was read.
* What is due comes before the next case, the next round and the end of the sitting; it is asked once for each occasion.
* Each question is asked once ("case"); it may depend on the answer to one before it. Answers stand under ``"<question>:case"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reader_app.study.assessment import CASE_UNIT
from reader_app.study.questions import Question, asked, key, wrong_answer

OCCASIONS: tuple[str, ...] = ("after_cases", "round_end", "session_end")

Answers = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A set of questions that belongs to no case.

    Attributes
    ----------
    when : str
        One of :data:`OCCASIONS`.
    every : int
        With "after_cases": after every so many cases; else 0.
    rounds : tuple of int
        Only in these rounds; () for all but training rounds. Without meaning at the end of a sitting.
    """

    questionnaire_id: str
    title: str
    when: str
    questions: tuple[Question, ...]
    text: str = ""
    every: int = 0
    rounds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Asking:
    """A questionnaire that is due.

    Attributes
    ----------
    round_no : int
        The round it is about; 0 at the end of a sitting.
    count : int
        How many cases of the round had been validated; 0 at its end; at the end of a sitting the number of the sitting.
    """

    questionnaire: Questionnaire
    round_no: int
    count: int

    @property
    def occasion(self) -> tuple[str, int, int]:
        """What tells this asking from every other one."""
        return (self.questionnaire.questionnaire_id, self.round_no, self.count)


def open_questions(questionnaire: Questionnaire, answers: Answers) -> tuple[Question, ...]:
    """Return the questions that are asked, given the answers so far."""
    return tuple(question for question, _ in asked(questionnaire.questions, "", (CASE_UNIT,), {}, answers, ()))


def missing_answers(questionnaire: Questionnaire, answers: Answers) -> tuple[str, ...]:
    """Return the ids of the questions that still need an answer, in the order of the form."""
    asks = open_questions(questionnaire, answers)
    return tuple(own.question_id for own in asks if own.required and not answers.get(key(own.question_id, CASE_UNIT)))


def wrong_answers(questionnaire: Questionnaire, answers: Answers) -> str:
    """Return why a filled questionnaire cannot be taken, or an empty text."""
    asks = {key(own.question_id, CASE_UNIT): own for own in open_questions(questionnaire, answers)}
    strange = sorted(set(answers) - set(asks))
    if strange:
        return f"{strange[0]} is not asked in {questionnaire.questionnaire_id}"
    for name, values in answers.items():
        wrong = wrong_answer(asks[name], values)
        if wrong:
            return wrong
    lacking = missing_answers(questionnaire, answers)
    return f"{', '.join(lacking)} must be answered" if lacking else ""
