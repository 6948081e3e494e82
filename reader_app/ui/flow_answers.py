"""From the panel and the images to study commands: answers, marks, validation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from reader_app.study import commands as ask
from reader_app.study.finding import Mark
from reader_app.study.questions import key
from reader_app.study.session import SessionState, due_case, earlier_answer
from reader_app.ui.language import tr
from reader_app.ui.panels.assessment_panel import AssessmentPanel
from reader_app.ui.panels.shape_buttons import SHAPES, shape_name
from reader_app.ui.viewer.drawing import moved

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


class AnswerCommands(QObject):
    """Makes a command of each wish of the reader about the case on the screen; the revision seen goes with it.

    Parameters
    ----------
    flow : ReadingFlow
    """

    def __init__(self, flow: ReadingFlow) -> None:
        super().__init__()
        self._flow = flow
        self._panel: AssessmentPanel | None = None
        self._link = False
        self._undo: list[ask.Command] = []
        viewer = flow.window.viewer
        viewer.mark_placed.connect(self._mark_placed)
        viewer.mark_drawn.connect(self._mark_drawn)
        viewer.mark_shape_changed.connect(self._show_shape)
        viewer.mark_moved.connect(self._mark_moved)
        viewer.mark_resized.connect(self._mark_resized)
        viewer.mark_removed.connect(self._remove_mark)
        viewer.mark_selected.connect(self._mark_selected)

    def connect_panel(self, panel: AssessmentPanel) -> None:
        """Listen to the panel of the plan."""
        self._panel = panel
        panel.categorised.connect(self._categorised)
        panel.scored.connect(self._scored)
        panel.noted.connect(self._noted)
        panel.answered.connect(self._answered)
        panel.validate_requested.connect(self._submit)
        panel.reveal_requested.connect(self._reveal)
        panel.marks.removed.connect(self._remove_mark)
        panel.marks.chosen.connect(self._choose_mark)
        panel.marks.scored.connect(self._mark_scored)
        panel.marks.shapes.chosen.connect(self._flow.window.viewer.set_mark_shape)

    @property
    def _state(self) -> SessionState:
        return self._flow.state

    def _seen(self) -> tuple[str, int] | None:
        case_id = due_case(self._state)
        return None if case_id is None else (case_id, self._state.revision)

    def run(self, command_id: str) -> None:
        """Carry out one of the answer commands of the keymap."""
        if self._panel is None:
            return
        if command_id == "answer.score":
            self._panel.focus_score()
        elif command_id == "answer.note":
            self._panel.note.setFocus()
        elif command_id == "answer.copy":
            self._copy()
        elif command_id in ("answer.validate", "aid.reveal"):
            self._panel.press_validate()
        elif command_id == "answer.next":
            self._panel.focusNextChild()
        elif command_id == "answer.previous":
            self._panel.focusPreviousChild()
        elif command_id == "mark.link":
            self._link = True
            if not self._flow.window.viewer.mark_at_cursor():
                self._link = False
        elif command_id == "mark.shape":
            viewer = self._flow.window.viewer
            viewer.set_mark_shape(SHAPES[(SHAPES.index(viewer.mark_shape()) + 1) % len(SHAPES)])
        elif command_id == "mark.score":
            self._score_finding()
        elif command_id == "answer.undo" and self._undo:
            self._flow.do(self._undo.pop())
        elif command_id == "mark.remove" and self._state.draft.marks:
            self._remove_mark(self._panel.marks.chosen_mark() or self._state.draft.marks[-1].mark_id)

    # --- taking back --------------------------------------------------------------------------------------------------------

    def begin_case(self) -> None:
        """Another case is coming: nothing of the last one can be taken back."""
        self._undo.clear()

    def can_undo(self, command: ask.Command) -> None:
        """Remember what takes the step back that is about to be taken."""
        self._undo.append(command)

    # --- answers ------------------------------------------------------------------------------------------------------------

    def _categorised(self, unit: str, category: str) -> None:
        seen = self._seen()
        if seen is not None:
            self._flow.do(ask.Assess(*seen, unit, category))

    def _scored(self, unit: str, score: int) -> None:
        seen = self._seen()
        if seen is not None:
            self._flow.do(ask.GiveScore(*seen, unit, score))

    def _noted(self, text: str) -> None:
        seen = self._seen()
        if seen is not None:
            self._flow.do(ask.WriteNote(*seen, text))

    def _answered(self, question: str, unit: str, values: tuple[str, ...]) -> None:
        seen = self._seen()
        if seen is not None and self._state.draft.answers.get(key(question, unit), ()) != values:
            self._flow.do(ask.AnswerQuestion(*seen, unit, question, values))

    def _copy(self) -> None:
        """Take over the earlier answer, question by question, as if it had been given by hand."""
        seen, plan = self._seen(), self._flow.plan
        if seen is None or plan is None or self._panel is None:
            return
        earlier = earlier_answer(plan, self._state, seen[0])
        if earlier is None:
            return
        for unit in plan.units[seen[0]]:
            if unit in earlier.categories:
                self._categorised(unit, earlier.categories[unit])
            if unit in earlier.scores and plan.assessment.score_kind != "none":
                self._scored(unit, earlier.scores[unit])
        self._panel.go_to_open()

    def _submit(self) -> None:
        seen, at = self._seen(), self._flow.window.times.instant()
        if seen is not None:
            self._flow.aids.say_seen()
            self._flow.do(ask.SubmitRead(*seen, at.wall_utc), at)

    def _reveal(self) -> None:
        seen, aid = self._seen(), self._flow.stage.aid_shown()
        if seen is not None and aid is not None:
            self._flow.do(ask.RevealAid(*seen, aid))

    # --- marks --------------------------------------------------------------------------------------------------------------

    def _mark_placed(self, image_id: str, index: object) -> None:
        linked, self._link = self._link, False
        place = tuple(float(value) for value in index)  # type: ignore[attr-defined]
        self._place(Mark("", "", image_id, place), linked)

    def _mark_drawn(self, mark: object, linked: bool) -> None:
        if isinstance(mark, Mark):
            self._place(mark, linked)

    def _place(self, mark: Mark, linked: bool) -> None:
        """Place a new mark: a finding of its own, or the chosen one in another image."""
        seen, marks = self._seen(), self._state.draft.marks
        if seen is None or self._panel is None or not self._flow.window.actions_.is_enabled("mark.place"):
            return
        number = str(1 + max((int(own.mark_id) for own in marks if own.mark_id.isdigit()), default=0))
        chosen = next((own for own in marks if own.mark_id == self._panel.marks.chosen_mark()), None)
        finding, score = str(1 + max((int(own.finding_id) for own in marks if own.finding_id.isdigit()), default=0)), None
        if linked and marks:
            finding, score = (chosen or marks[-1]).finding_id, (chosen or marks[-1]).score
        self._panel.marks.choose(number)
        self._flow.window.viewer.choose_mark(number)
        self.can_undo(ask.RemoveMark(*seen, number))
        self._flow.do(ask.PlaceMark(*seen, replace(mark, mark_id=number, finding_id=finding, score=score)))

    def _mark_moved(self, mark_id: str, index: object) -> None:
        seen = self._seen()
        mark = next((own for own in self._state.draft.marks if own.mark_id == mark_id), None)
        if seen is not None and mark is not None:
            place = tuple(float(value) for value in index)  # type: ignore[attr-defined]
            self.can_undo(ask.PlaceMark(*seen, mark))
            self._flow.do(ask.PlaceMark(*seen, moved(mark, place)))

    def _mark_resized(self, mark: object) -> None:
        seen = self._seen()
        before = next((own for own in self._state.draft.marks if isinstance(mark, Mark) and own.mark_id == mark.mark_id), None)
        if seen is not None and before is not None and isinstance(mark, Mark):
            self.can_undo(ask.PlaceMark(*seen, before))
            self._flow.do(ask.PlaceMark(*seen, mark))

    def _show_shape(self, shape: str) -> None:
        if self._panel is not None:
            self._panel.marks.shapes.show_shape(shape)
        if shape != "point":
            said = tr("Draw with the left button: {shape} (Shift: the chosen finding, here too)", shape=shape_name(shape))
            self._flow.window.key_bar.say(said)

    def _score_finding(self) -> None:
        """Bring the digits to the suspicion of the chosen finding, or of the last one."""
        if self._panel is None or not self._state.draft.marks:
            return
        if not self._panel.marks.chosen_mark():
            self._panel.marks.choose(self._state.draft.marks[-1].mark_id)
        self._panel.focus_finding_score()

    def _mark_scored(self, score: int) -> None:
        """Give the finding its own suspicion: every one of its marks carries it."""
        seen = self._seen()
        if seen is None or self._panel is None:
            return
        chosen = next((mark for mark in self._state.draft.marks if mark.mark_id == self._panel.marks.chosen_mark()), None)
        if chosen is None:
            return
        self._panel.marks.score.answered_now = True
        for mark in self._state.draft.marks:
            if mark.finding_id == chosen.finding_id and mark.score != score:
                self._flow.do(ask.PlaceMark(*seen, replace(mark, score=score)))

    def _remove_mark(self, mark_id: str) -> None:
        seen = self._seen()
        mark = next((own for own in self._state.draft.marks if own.mark_id == mark_id), None)
        if seen is not None and mark is not None:
            self.can_undo(ask.PlaceMark(*seen, mark))
            self._flow.do(ask.RemoveMark(*seen, mark_id))

    def _choose_mark(self, mark_id: str) -> None:
        """A line of the list was clicked: lead to the mark in the images."""
        self._flow.window.viewer.select_mark(mark_id)
        self._mark_selected(mark_id)

    def _mark_selected(self, mark_id: str) -> None:
        if self._panel is not None:
            self._panel.marks.choose(mark_id)
