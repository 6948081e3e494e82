"""The further questions of a study (recall, composition, descriptors ...): they come and go with the answers they depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from reader_app.study.questions import Question, key
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels import wording
from reader_app.ui.panels.choice_field import ChoiceField
from reader_app.ui.panels.line_field import LineField
from reader_app.ui.panels.score_field import ScaleField
from reader_app.ui.widgets import clear, column, label, row, section

Asked = Sequence[tuple[Question, str]]
QuestionField = ChoiceField | LineField | ScaleField


def make_field(question: Question, unit: str) -> QuestionField:
    """Return the field for a kind of question."""
    if question.kind in ("choice", "yes_no"):
        return ChoiceField(question, unit)
    return ScaleField(question, unit) if question.kind == "scale" else LineField(question, unit)


class QuestionsPanel(QWidget):
    """All questions that are asked now.

    Parameters
    ----------
    roomy : bool
        On a page of its own: whole questions in plain text, with room between them.

    Signals
    -------
    answered(str question, str unit, object values)
    activated(object) : a field got the keyboard.
    finished : the reader is done with a question and wants the next.
    left : Esc in a line: the keyboard goes back to the images and the button.
    """

    answered = Signal(str, str, object)
    activated = Signal(object)
    finished = Signal()
    left = Signal()

    def __init__(self, parent: QWidget | None = None, roomy: bool = False) -> None:
        super().__init__(parent)
        self._roomy = roomy
        self._list = column(self, spacing=6)
        self._asked: tuple[tuple[str, str], ...] = ()
        self._fields: dict[tuple[str, str], QuestionField] = {}
        self.hide()

    def fields(self) -> list[QuestionField]:
        """Return the fields in the order of the form."""
        return list(self._fields.values())

    def first_open(self) -> QuestionField | None:
        """Return the first question that still needs an answer."""
        return next((own for own in self._fields.values() if own.question.required and not own.values()), None)

    def show_answers(self, asked: Asked, answers: Mapping[str, tuple[str, ...]], several_units: bool) -> bool:
        """Show the questions and their answers; return whether other questions are asked than before."""
        wanted = tuple((question.question_id, unit) for question, unit in asked)
        changed = wanted != self._asked
        if changed:
            self._asked = wanted
            self._lay_out(asked, several_units)
        for place, field in self._fields.items():
            field.show_values(answers.get(key(*place), ()))
        self.setVisible(bool(wanted))
        return changed

    def set_answering(self, possible: bool) -> None:
        """Let the questions be answered, or not."""
        for field in self._fields.values():
            field.setEnabled(possible)

    def _lay_out(self, asked: Asked, several_units: bool) -> None:
        """Lay out the questions anew; fields that stay keep the focus and what is being typed."""
        kept = {place: field for place, field in self._fields.items() if place in self._asked}
        for field in kept.values():
            self._list.removeWidget(field)  # it stays where it is, with its focus, until it is put in again
        clear(self._list)
        self._fields = {}
        for question, unit in asked:
            place = (question.question_id, unit)
            where = f"{wording.unit_name(unit)} · " if unit.startswith("#") or (several_units and unit != "case") else ""
            head = row(spacing=8)
            heading = label(question.text, "bright") if self._roomy else section(where + question.text)
            heading.setWordWrap(True)
            head.addWidget(heading, 1)
            if self._roomy and self._fields:
                self._list.addSpacing(theme.px(14))
            if not question.required:
                head.addWidget(label(tr("optional"), "small"))
            self._list.addLayout(head)
            field = kept.get(place) or self._make(question, unit)
            self._list.addWidget(field)
            field.show()
            self._fields[place] = field

    def _make(self, question: Question, unit: str) -> QuestionField:
        field = make_field(question, unit)
        field.answered.connect(partial(self.answered.emit, question.question_id, unit))
        field.activated.connect(partial(self.activated.emit, field))
        field.finished.connect(self.finished)
        if isinstance(field, LineField):
            field.left.connect(self.left)
        return field
