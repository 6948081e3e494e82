"""A form of questions that belongs to no case (a questionnaire): filled in by keys alone or by mouse, handed in whole."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from reader_app.study.assessment import CASE_UNIT
from reader_app.study.questionnaires import Questionnaire, missing_answers, open_questions
from reader_app.study.questions import key, wrong_answer
from reader_app.ui.panels.questions_panel import QuestionField, QuestionsPanel
from reader_app.ui.panels.score_field import ScoreField
from reader_app.ui.widgets import column

Answers = dict[str, tuple[str, ...]]


class QuestionForm(QWidget):
    """The questions of a questionnaire, with what has been answered so far.

    Parameters
    ----------
    questionnaire : Questionnaire
    answers : mapping
        What was answered before (the page was written again).

    Signals
    -------
    changed : an answer came or went.
    activated(object) : a field got the keyboard.
    """

    changed = Signal()
    activated = Signal(object)

    def __init__(self, questionnaire: Questionnaire, answers: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self._questionnaire = questionnaire
        self._answers: Answers = dict(answers)
        self._active: QuestionField | None = None
        self._number_open = False
        self.questions = QuestionsPanel(roomy=True)
        self.questions.answered.connect(self._answered)
        self.questions.activated.connect(self._activate)
        self.questions.finished.connect(self.go_on)
        self.questions.left.connect(self.go_on)
        column(self).addWidget(self.questions)
        self._show()

    def answers(self) -> Answers:
        """Return the answers to the questions that are asked as things stand."""
        asked = {key(own.question_id, CASE_UNIT) for own in open_questions(self._questionnaire, self._answers)}
        return {name: values for name, values in self._answers.items() if name in asked and values}

    def is_complete(self) -> bool:
        """Return whether the form can be handed in."""
        return not missing_answers(self._questionnaire, self._answers)

    def has_active(self) -> bool:
        """Return whether a question has the keyboard."""
        return self._active is not None

    def go_on(self) -> None:
        """Bring the keyboard to the first question still open; to none when the form is complete."""
        self._activate(self.questions.first_open())
        if self._active is not None:
            self._active.setFocus()
        else:
            self.setFocus()
            self.changed.emit()

    def take_key(self, typed: str) -> bool:
        """Take a key; return whether it meant something here."""
        number_open, self._number_open = self._number_open, False
        if number_open and typed == "Return":  # it ends the number that was complete already
            return True
        if self._active is None or not self._active.take(typed):
            return False
        self._number_open = isinstance(self._active, ScoreField) and self._active.completed
        return True

    def _answered(self, question: str, unit: str, values: tuple[str, ...]) -> None:
        asked = next(own for own in self._questionnaire.questions if own.question_id == question)
        if wrong_answer(asked, values):
            return
        self._answers[key(question, unit)] = values
        field = next((own for own in self.questions.fields() if own.question.question_id == question), None)
        moves_on = field is not None and field.answered_now
        self._show()
        if field is not None:
            field.answered_now = False
        if moves_on:
            self.go_on()
        self.changed.emit()

    def _show(self) -> None:
        asked = [(own, CASE_UNIT) for own in open_questions(self._questionnaire, self._answers)]
        self.questions.show_answers(asked, self._answers, several_units=False)

    def _activate(self, field: QuestionField | None) -> None:
        if self._active is not None and self._active is not field:
            self._active.leave()
            self._active.set_active(False)
        self._active = field
        if field is not None:
            field.set_active(True)
            self.activated.emit(field)
