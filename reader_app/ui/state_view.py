"""What bars and panel show of the session's state while a case is due, and what can be done now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reader_app.study.session import Phase, aid_due, current_round, due_case, earlier_answer, legal_commands
from reader_app.ui.aid_words import aid_view
from reader_app.ui.panels import wording
from reader_app.ui.panels.aid_panel import AidView

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


class StateView:
    """Shows the state of a flow.

    Parameters
    ----------
    flow : ReadingFlow
    """

    def __init__(self, flow: ReadingFlow) -> None:
        self._flow = flow

    def allow(self) -> None:
        """Enable what the protocol allows, and nothing that would have no effect."""
        flow, state = self._flow, self._flow.state
        if flow.plan is None:
            return
        steps = flow.window.viewer.has_steps()
        findings = state.aid_visible and bool(flow.window.viewer.findings())
        also = {
            "answer.copy": earlier_answer(flow.plan, state, due_case(state) or "") is not None,
            "view.next_step": steps,
            "view.previous_step": steps,
            "view.next_finding": findings,
            "view.previous_finding": findings,
            "aid.accept": findings,
            "aid.reject": findings,
            "session.settings": state.phase is not Phase.READING,
        }
        flow.window.allow(legal_commands(flow.plan, state), also)
        can_pause = state.phase in (Phase.READING, Phase.PAUSED)
        flow.window.banner.show_pause(can_pause, flow.window.keys.shown("session.pause"))

    def show_place(self) -> None:
        """Show study, round, reader, case n of N and the time left."""
        flow, state, banner = self._flow, self._flow.state, self._flow.window.banner
        if flow.plan is None:
            return
        entry = current_round(flow.plan, state)
        chip = "" if entry is None else flow.pages.round_chip(entry)
        banner.show_place(flow.folder.definition.title, chip, flow.plan.reader_id)
        if due_case(state) is None:
            banner.show_progress(None, 0, "")
            return
        total = len(state.case_order)
        left = flow.pace.left(total - state.index)
        banner.show_progress(state.index + 1, total, wording.minutes(left) if left is not None else "")
        banner.show_break(flow.advice() == "break")

    def show_answers(self) -> None:
        """Show the draft, and what the aid says where the round has one."""
        flow, state = self._flow, self._flow.state
        panel, keys, case_id = flow.window.panel, flow.window.keys, due_case(self._flow.state)
        if flow.plan is None or panel is None or case_id is None:
            return
        panel.show_state(state, earlier_answer(flow.plan, state, case_id), (keys.shown("mark.place"), keys.shown("mark.score")))
        panel.aid.show_aid(self._aid(), keys.shown("aid.toggle"), keys.shown("aid.reveal"))
        if state.phase is Phase.READING:
            flow.aids.show()

    def _aid(self) -> AidView | None:
        flow, state = self._flow, self._flow.state
        entry = None if flow.plan is None else current_round(flow.plan, state)
        if entry is None or entry.aid is None or flow.loaded is None or flow.loaded.aid is None:
            return None
        return aid_view(flow.folder.definition, entry, flow.loaded.aid, state, aid_due(entry, state))
