"""Training: after the answer is locked the reader is told what is known of the case, beside its images; Enter goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reader_app.study import commands as ask
from reader_app.study.finding import Mark
from reader_app.study.session import Answer, due_feedback
from reader_app.study.training import Feedback
from reader_app.ui.language import tr
from reader_app.ui.panels import wording

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


class FeedbackSteps:
    """Gives the feedback of training rounds; in no other round is there anything to give.

    Parameters
    ----------
    flow : ReadingFlow
    """

    def __init__(self, flow: ReadingFlow) -> None:
        self._flow = flow
        self._case = ""
        self._since_ns = 0

    def due(self) -> str | None:
        """Return the case of which the reader is to be told, or None."""
        plan = self._flow.plan
        return None if plan is None else due_feedback(plan, self._flow.state)

    def show(self, case_id: str) -> None:
        """Tell what is known of a case: beside its images where they are still on the screen, else on a page."""
        flow, window = self._flow, self._flow.window
        feedback = flow.folder.feedback.get(case_id, Feedback())
        answer = self._answer(case_id)
        lines = [
            (tr("Known"), " · ".join(own for own in (feedback.outcome, feedback.category) if own)),
            (tr("Your answer"), "" if answer is None else wording.answer(answer)),
        ]
        lines += [
            (tr("known {n}", n=number), own.text) for number, own in enumerate(feedback.places, 1) if own.text != feedback.text
        ]
        facts = [(name, text) for name, text in lines if text]
        if self._case != case_id:
            self._case, self._since_ns = case_id, flow.clock.now().mono_ns
        beside = flow.loaded is not None and flow.loaded.case.case_id == case_id and window.is_showing_images()
        if beside and window.panel is not None:
            marks = () if answer is None else answer.marks
            window.viewer.set_marks((*marks, *_places(feedback)))
            window.panel.show_feedback(facts, feedback.text)
        else:
            window.page.show_feedback(facts, feedback.text)
            window.show_page()
        flow.view.allow()

    def go_on(self) -> None:
        """The reader has seen it."""
        case_id, at = self.due(), self._flow.window.times.instant()
        if case_id is None:
            return
        shown_ms = max(0, (at.mono_ns - self._since_ns) // 1_000_000)
        self._flow.do(ask.AcknowledgeFeedback(case_id, shown_ms, at.wall_utc), at)

    def over(self) -> None:
        """The log knows that it was seen."""
        self._case = ""
        if self._flow.window.panel is not None:
            self._flow.window.panel.end_feedback()

    def _answer(self, case_id: str) -> Answer | None:
        answers = self._flow.state.answers
        numbers = [number for number, own in answers if own == case_id]
        return answers[(max(numbers), case_id)] if numbers else None


def _places(feedback: Feedback) -> tuple[Mark, ...]:
    """Return the places of the lesions as marks that say so."""
    marks = []
    for number, place in enumerate(feedback.places, 1):
        size = 2 * place.radius
        extent = ((0.0, size, size) if len(place.index) == 3 else (size, size)) if size else ()
        marks.append(
            Mark(
                f"known-{number}", tr("known {n}", n=number), place.image_id, place.index, "ellipse" if size else "point", extent
            )
        )
    return tuple(marks)
