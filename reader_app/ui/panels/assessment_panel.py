"""The panel beside the images, in the order of the reader's thought: aid, clinical data, category, suspicion, findings, lock.

It shows a session state and emits what the reader asks for. Which field the digits go to (the *active* field) is its only own
state; it is always visible as a blue line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from reader_app.study import commands as ask
from reader_app.study.assignment import Plan
from reader_app.study.session import Answer, SessionState, legal_commands, missing, questions_asked
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels import wording
from reader_app.ui.panels.aid_panel import AidPanel
from reader_app.ui.panels.category_field import CategoryField
from reader_app.ui.panels.clinical_panel import ClinicalPanel
from reader_app.ui.panels.feedback_card import FeedbackCard
from reader_app.ui.panels.fields import AnswerField
from reader_app.ui.panels.marks_panel import MarksPanel
from reader_app.ui.panels.note_edit import NoteEdit
from reader_app.ui.panels.questions_panel import QuestionField, QuestionsPanel
from reader_app.ui.panels.score_field import ScoreField
from reader_app.ui.panels.unit_fields import UnitFields, summary
from reader_app.ui.panels.validate_button import ValidateButton
from reader_app.ui.widgets import QuietScrollArea, clear, column

Field = AnswerField | QuestionField


class AssessmentPanel(QWidget):
    """The whole panel.

    Signals
    -------
    categorised(str unit, str category), scored(str unit, int score), noted(str)
    answered(str question, str unit, object values)
    validate_requested : the confirmed wish to lock the answer.
    feedback_read : the reader goes on after the feedback of a training case.
    reveal_requested : sequential reading: the confirmed wish to seal the answer and see the aid.
    """

    categorised = Signal(str, str)
    scored = Signal(str, int)
    noted = Signal(str)
    answered = Signal(str, str, object)
    feedback_read = Signal()
    validate_requested = Signal()
    reveal_requested = Signal()

    def __init__(self, plan: Plan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(theme.px(400))
        self._plan = plan
        self._units: dict[str, UnitFields] = {}
        self._order: list[AnswerField] = []
        self._active: Field | None = None
        self._armed = False
        self._number_open = False  # two digits were just typed: an Enter now ends the number and arms nothing
        self._state: SessionState | None = None
        self._ready = False
        outer = column(self, spacing=0)
        self.feedback = FeedbackCard()
        self.aid = AidPanel()
        self.clinical = ClinicalPanel()
        self.marks = MarksPanel()
        self.note = NoteEdit()
        self.questions = QuestionsPanel()
        self.questions.answered.connect(self._ask_question)
        self.questions.activated.connect(self._activate)
        self.questions.finished.connect(self.focus_default)
        self.validate = ValidateButton()
        self.questions.left.connect(self.validate.setFocus)
        self._build(outer)
        self.note.written.connect(self.noted)
        self.note.entered.connect(self.disarm)
        self.note.left.connect(self.focus_default)
        self.marks.score.activated.connect(lambda: self._activate(self.marks.score))
        self.validate.pressed.connect(self.press_validate)
        self.validate.activated.connect(lambda: self._activate(None))

    def _build(self, outer: QVBoxLayout) -> None:
        content = QWidget()
        self._content = column(content, spacing=16)
        self._content.setContentsMargins(theme.px(20), theme.px(16), theme.px(20), theme.px(8))
        self._content.addWidget(self.feedback)
        self._content.addWidget(self.aid)
        self._content.addWidget(self.clinical)
        self._fields = column(spacing=16)
        self._content.addLayout(self._fields)
        self._content.addWidget(self.marks)
        self._content.addWidget(self.questions)
        self._content.addWidget(self.note)
        self._content.addStretch(1)
        self._scroll = QuietScrollArea(content)
        self.show_top = self._scroll.show_top  # what stands first: feedback, or the aid
        outer.addWidget(self._scroll, 1)
        foot = column()
        foot.setContentsMargins(theme.px(20), theme.px(8), theme.px(20), theme.px(16))
        foot.addWidget(self.validate)
        outer.addLayout(foot)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Close up in a low window, so that two breasts and an aid stand on it without scrolling."""
        low = self.height() < theme.px(860) and len(self._units) > 1
        for own in self._units.values():
            own.set_compact(low)
        self._content.setSpacing(theme.px(10 if low else 16))
        self._fields.setSpacing(theme.px(10 if low else 16))
        self.note.set_low(low)

    # --- a case -------------------------------------------------------------------------------------------------------------

    def begin_case(self, case_id: str, clinical: Mapping[str, str]) -> None:
        """Lay out the questions of a case and clear everything that was typed for the one before."""
        rules = self._plan.assessment
        units = self._plan.units[case_id]
        if tuple(self._units) != units:
            self._lay_out(units)
            self._fit()
        self._armed = self._number_open = False
        self.clinical.show_case(clinical)
        self.marks.setVisible(rules.marks_allowed)
        self.note.setVisible(rules.note_allowed)
        self.note.begin()
        for own in self._units.values():
            own.begin()
        self.marks.score.reset()
        self._activate(self._order[0])
        self._scroll.verticalScrollBar().setValue(0)

    def _lay_out(self, units: tuple[str, ...]) -> None:
        clear(self._fields)
        self._units, self._order = {}, []
        for unit in units:
            own = UnitFields(unit, self._plan.assessment)
            own.category.chosen.connect(partial(self._ask_category, unit))
            if own.score is not None:
                own.score.given.connect(partial(self._ask_score, unit))
            self._fields.addLayout(own.layout)
            self._order += own.fields()
            self._units[unit] = own
        for field in self._order:
            field.activated.connect(lambda own=field: self._activate(own))
        self._chain()

    def _chain(self) -> None:
        """Put all questions into the order of the Tab key."""
        chain: list[QWidget] = [*self._order, self.marks.score, *self.questions.fields(), self.note, self.validate]
        for before, after in pairwise(chain):
            QWidget.setTabOrder(before, after)
        if self._active is not None and self._active not in self._fields_now():
            self._active = None

    def _fields_now(self) -> tuple[Field, ...]:
        return (*self._order, *self.questions.fields(), self.marks.score)

    def show_state(self, state: SessionState, earlier: Answer | None, keys: tuple[str, str]) -> None:
        """Show the draft, what is missing, and what locking would lock; everything comes from the state.

        ``keys`` are those that place a mark and that bring the digits to the suspicion of a finding.
        """
        self._state = state
        legal = legal_commands(self._plan, state)
        answering = ask.Assess in legal
        for own in self._units.values():
            own.show_draft(state.draft, earlier, categories=answering, scores=ask.GiveScore in legal)
        self.note.setEnabled(ask.WriteNote in legal)
        self.note.show_note(state.draft.note)
        self.marks.show_marks(state.draft.marks, removable=ask.RemoveMark in legal, key=keys[0], score_key=keys[1])
        several, before = len(self._units) > 1, self._active
        if self.questions.show_answers(questions_asked(self._plan, state), state.draft.answers, several):
            self._chain()
            if (before is None or before not in self._fields_now()) and not self.note.hasFocus():
                self.focus_default()  # the question that had the keyboard is no longer asked, or there are new ones
        self.questions.set_answering(ask.AnswerQuestion in legal)
        self._ready = bool({ask.SubmitRead, ask.RevealAid} & legal)
        if not self._ready:
            self._armed = False
        self._advance(state)
        self._show_button(state)

    def _show_button(self, state: SessionState) -> None:
        needs = missing(self._plan, state)
        if self._armed:
            title = tr("Press Enter again to seal") if needs == ("aid",) else tr("Press Enter again to lock")
            subtitle = f"{summary(self._units, state.draft)} · {tr('Esc goes back')}"
        elif needs == ("aid",):
            title, subtitle = tr("Seal and show the aid"), tr("Enter twice · locks your answer without aid")
        elif self._ready:
            title, subtitle = tr("Validate and next"), tr("Enter twice · locks this case for round {n}", n=state.round_no or 0)
        else:
            title = tr("Seal and show the aid") if needs[-1:] == ("aid",) else tr("Validate and next")
            asked = {own.question_id: own.text for own in self._plan.questions}
            own = tuple(need for need in needs if need != "aid")
            return self.validate.show_missing(title, wording.missing(own, tuple(self._units), asked))
        self.validate.show_state(title, subtitle, ready=self._ready, armed=self._armed)

    def show_feedback(self, facts: Sequence[tuple[str, str]], text: str) -> None:
        """Training: the answer is locked; show what is known, and lead on with the button."""
        self.feedback.show_facts(facts, text)
        self.disarm()
        for own in self._units.values():
            own.lock()
        self.questions.set_answering(False)
        self.note.setEnabled(False)
        self._ready = False
        self._activate(None)
        self.validate.setFocus()
        self.validate.show_state(tr("Next"), tr("Enter · this case was training and counts for nothing"), ready=True, armed=False)
        self._scroll.show_top()

    def end_feedback(self) -> None:
        """Take the feedback away."""
        self.feedback.hide()

    # --- the active field ---------------------------------------------------------------------------------------------------

    def _activate(self, field: Field | None) -> None:
        if self._active is not None and self._active is not field:
            self._active.leave()
            self._active.set_active(False)
        self._active = field
        if field is not None:
            field.set_active(True)
            self._scroll.show_later(field)

    def active_field(self) -> Field | None:
        """Return the field that digits go to; None when that is the button."""
        return self._active

    def focus_default(self) -> None:
        """Bring the keyboard to the first question that is still open, else to the button."""
        field = self._first_open()
        (field or self.validate).setFocus()
        self._activate(field)

    def go_to_open(self) -> None:
        """Once the answers asked for are on record, go to the first question still open, else to the button."""
        self._activate(self._order[-1])
        self._order[-1].answered_now = True

    def focus_unit(self, unit: str) -> None:
        """Bring the digits to the category of a unit."""
        field = self._units[unit].category
        field.setFocus()
        self._activate(field)

    def focus_score(self) -> None:
        """Bring the digits to the suspicion of the active unit."""
        first = next(iter(self._units))
        own = self._units.get(self._active.unit if self._active else first, self._units[first])
        if own is not None and own.score is not None:
            own.score.setFocus()
            self._activate(own.score)

    def focus_finding_score(self) -> None:
        """Bring the digits to the suspicion of the chosen finding."""
        if self.marks.score.isVisible():
            self.marks.score.setFocus()
            self._activate(self.marks.score)

    def _first_open(self) -> Field | None:
        if self._state is None:
            return self._order[0]
        draft, required = self._state.draft, self._plan.assessment.score_required
        for field in self._order:
            answered = draft.categories if isinstance(field, CategoryField) else draft.scores
            if field.unit not in answered and (isinstance(field, CategoryField) or required):
                return field
        return self.questions.first_open()

    def _advance(self, state: SessionState) -> None:
        """Move on when the active question has just been answered."""
        field = self._active
        if field is None or not field.answered_now:
            return
        if field in self.questions.fields():
            if field.values():
                field.answered_now = False
                self.focus_default()
            return
        answered = state.draft.categories if isinstance(field, CategoryField) else state.draft.scores
        if field is not self.marks.score and field.unit not in answered:
            return
        field.answered_now = False
        target = self._first_open()
        if self.note.hasFocus():
            return
        (target or self.validate).setFocus()
        self._activate(target)

    # --- keys and mouse -----------------------------------------------------------------------------------------------------

    def take_key(self, key: str) -> bool:
        """Take a key that gives an answer; return whether it was one.

        Digits, letters after 4, Enter, Esc, Backspace in a half-typed score, and the arrows on a score.
        """
        field, number_open = self._active, self._number_open
        self._number_open = False
        if number_open and key == "Return":
            return True
        if field is not None and field.take(key):
            self._number_open = isinstance(field, ScoreField) and field.completed
            self.disarm()
            return True
        if isinstance(field, CategoryField) and field.pending():
            return self._take_category_key(field, key)
        if len(key) == 1 and key.isdigit():
            field = self._category_for_digit()
            return field is None or self._take_category_key(field, key)
        if key == "Return":
            self.press_validate()
            return True
        if key == "Esc":
            return self.disarm()
        return False

    def _category_for_digit(self) -> CategoryField | None:
        """Return the category that a digit is meant for; None when all is answered and it could be meant for several things."""
        field = self._active if isinstance(self._active, CategoryField) else self._first_open()
        if isinstance(field, CategoryField):
            return field
        if field is None and (len(self._units) > 1 or self.questions.fields()):
            return None
        unit = field.unit if field is not None and field.unit in self._units else next(iter(self._units))
        return self._units[unit].category

    def _take_category_key(self, field: CategoryField, key: str) -> bool:
        if key == "Esc":
            field.leave()
            return True
        if field is not self._active:
            field.setFocus()
            self._activate(field)
        asked = field.type_key(key)
        if asked:
            self._ask_category(field.unit, asked)
            return True
        return field.pending() or (len(key) == 1 and key in "ABC0123456789")

    def _ask_category(self, unit: str, category: str) -> None:
        self.disarm()
        own = self._units[unit].category
        self._activate(own)
        own.answered_now = True
        self.categorised.emit(unit, category)

    def _ask_question(self, question: str, unit: str, values: object) -> None:
        self.disarm()
        self.answered.emit(question, unit, values)

    def _ask_score(self, unit: str, value: int) -> None:
        self.disarm()
        own = self._units[unit].score
        if own is not None and own is self._active:
            own.answered_now = True
        self.scored.emit(unit, value)

    def press_validate(self) -> None:
        """Arm at the first press, ask for the lock at the second."""
        if self.feedback.isVisible():
            self.feedback_read.emit()
            return
        self.note.flush()
        if not self._ready:
            return
        armed, self._armed = self._armed, not self._armed
        if armed:
            sealing = self._state is not None and missing(self._plan, self._state) == ("aid",)
            (self.reveal_requested if sealing else self.validate_requested).emit()
        if self._state is not None:
            self._show_button(self._state)

    def is_armed(self) -> bool:
        """Return whether the next Enter locks the answer."""
        return self._armed

    def disarm(self) -> bool:
        """Take back the first press; return whether there was one."""
        had, self._armed = self._armed, False
        if had and self._state is not None:
            self._show_button(self._state)
        return had
