"""Questionnaires between blocks of cases, after a round and before the end of a sitting: each comes when the protocol says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reader_app.study import commands as ask
from reader_app.study.questionnaires import Asking
from reader_app.study.session import closing_questionnaire, due_questionnaire
from reader_app.ui.panels.form import QuestionForm

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


class QuestionnaireSteps:
    """Asks the questionnaires of a flow's protocol.

    Parameters
    ----------
    flow : ReadingFlow
    """

    def __init__(self, flow: ReadingFlow) -> None:
        self._flow = flow
        self._asking: Asking | None = None
        self._form: QuestionForm | None = None
        self._since_ns = 0
        self._closes = False

    def ask_due(self) -> bool:
        """Show the questionnaire that must come before anything else; return whether there is one."""
        plan = self._flow.plan
        asking = None if plan is None else due_questionnaire(plan, self._flow.state)
        return asking is not None and self._show(asking, closes=False)

    def ask_closing(self) -> bool:
        """Show the questionnaire that must come before the end of the sitting; return whether there is one."""
        plan = self._flow.plan
        asking = None if plan is None else closing_questionnaire(plan, self._flow.state)
        return asking is not None and self._show(asking, closes=True)

    def is_closing(self) -> bool:
        """Return whether the sitting ends once the questionnaire on the screen is handed in."""
        return self._closes and self._asking is not None

    def handed_in(self) -> bool:
        """The log holds the answers; return whether the sitting was to end with them."""
        closes, self._asking, self._form, self._closes = self._closes, None, None, False
        return closes

    def hand_in(self) -> None:
        """Hand the form in, if it is complete."""
        if self._asking is None or self._form is None or not self._form.is_complete():
            return
        asking, at = self._asking, self._flow.window.times.instant()
        shown_ms = max(0, (at.mono_ns - self._since_ns) // 1_000_000)
        self._flow.do(
            ask.AnswerQuestionnaire(
                asking.questionnaire.questionnaire_id,
                asking.round_no,
                asking.count,
                self._form.answers(),
                shown_ms,
                at.wall_utc,
            ),
            at,
        )

    def _show(self, asking: Asking, closes: bool) -> bool:
        flow, page = self._flow, self._flow.window.page
        self._closes = closes
        if self._asking is None or self._asking.occasion != asking.occasion or page.name != "questionnaire":
            answers = self._form.answers() if self._form is not None and self._asking == asking else {}
            self._asking, self._since_ns = asking, flow.clock.now().mono_ns
            self._form = QuestionForm(asking.questionnaire, answers)
            page.show_questionnaire(asking.questionnaire.title, asking.questionnaire.text, self._form)
        flow.window.banner.show_progress(None, 0, "")
        flow.window.show_page()
        return True
