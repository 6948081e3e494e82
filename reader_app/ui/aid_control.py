"""The reader's dealings with the aid: on and off, the look of its map, the word on its findings, and which slices were seen.

Every step goes through the log first: a map is drawn at a threshold only when the log says so. While a slider is dragged the log
gets at most a dozen values a second, and each of them is what was on the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from reader_app.study import commands as ask
from reader_app.study.events import SliceSeen
from reader_app.study.session import Phase, due_case, legal_commands
from reader_app.ui.language import tr
from reader_app.ui.panels import wording
from reader_app.ui.panels.aid_controls import ACCEPTED, REJECTED, AidFinding

if TYPE_CHECKING:
    from reader_app.imaging.overlay import Box
    from reader_app.ui.panels.assessment_panel import AssessmentPanel
    from reader_app.ui.reading_flow import ReadingFlow

#: Values of a dragged slider are taken over at most this often.
PACE_MS = 80
STEP = 0.05
#: By command: what it adds to threshold and opacity.
LOOKS = {"aid.more": (-STEP, 0.0), "aid.less": (STEP, 0.0), "aid.stronger": (0.0, STEP), "aid.fainter": (0.0, -STEP)}


class AidControl(QObject):
    """Acts on the aid of a flow.

    Parameters
    ----------
    flow : ReadingFlow
    """

    def __init__(self, flow: ReadingFlow) -> None:
        super().__init__()
        self._flow = flow
        self._unsaid: tuple[SliceSeen, ...] = ()  # seen of a case whose display is still being written
        self._wanted: tuple[float, float] | None = None  # asked for, not yet in the log
        self._shown: tuple[float, float] | None = None  # what the images were last told
        self._pace = QTimer(self)
        self._pace.setSingleShot(True)
        self._pace.setInterval(PACE_MS)
        self._pace.timeout.connect(self._send_look)
        viewer = flow.window.viewer
        viewer.aid_seen.connect(self._seen)
        viewer.finding_chosen.connect(lambda _: self._show_chosen())

    def connect_panel(self, panel: AssessmentPanel) -> None:
        """Listen to the panel of the plan."""
        panel.aid.look.changed.connect(self._want_look)
        panel.aid.findings.chosen.connect(self._go_to)
        panel.aid.findings.judged.connect(self._judge)

    def run(self, command_id: str) -> None:
        """Carry out one of the aid's commands of the keymap."""
        if command_id == "aid.toggle":
            self._toggle()
        elif command_id in LOOKS and self._flow.state.aid is not None:
            aid = self._flow.state.aid
            threshold, opacity = self._wanted or (aid.threshold, aid.opacity)
            more, stronger = LOOKS[command_id]
            self._want_look(round(threshold + more, 2), round(opacity + stronger, 2))
        elif command_id in ("aid.accept", "aid.reject"):
            self._judge_chosen(ACCEPTED if command_id == "aid.accept" else REJECTED)

    # --- showing ------------------------------------------------------------------------------------------------------------

    def begin_case(self) -> None:
        """Another case is coming: nothing asked for the last one counts."""
        self._pace.stop()
        self._wanted = self._shown = None
        self._unsaid = ()

    def show(self) -> None:
        """Bring images and panel in line with the state, while a case is in view."""
        flow, state = self._flow, self._flow.state
        viewer, panel = flow.window.viewer, flow.window.panel
        if flow.plan is None or panel is None:
            return
        viewer.set_aid_visible(state.aid_visible)
        if state.aid_visible:
            self._say()
        legal = legal_commands(flow.plan, state)
        in_view = state.aid_visible and state.aid is not None and state.aid.status == "ok"
        if state.aid is not None and state.aid_visible:
            look = (state.aid.threshold, state.aid.opacity)
            if look != self._shown:
                self._shown = look
                viewer.set_overlay(*look)
        has_map = in_view and flow.loaded is not None and flow.loaded.aid is not None and bool(flow.loaded.aid.heatmaps)
        panel.aid.look.setVisible(bool(ask.AdjustAid in legal and has_map))
        if state.aid is not None:
            panel.aid.look.show_look(*(self._wanted or (state.aid.threshold, state.aid.opacity)))
        judged = flow.plan.display.reader_judges_findings and in_view
        keys = flow.window.keys
        said = tr(
            "{next} next finding · {agree} agree · {dismiss} dismiss · again takes it back",
            next=keys.shown("view.next_finding"),
            agree=keys.shown("aid.accept"),
            dismiss=keys.shown("aid.reject"),
        )
        panel.aid.findings.show_findings(self._findings() if judged else (), said)
        panel.aid.findings.show_verdicts(state.verdicts, ask.JudgeAidFinding in legal)
        boxes = viewer.findings()
        viewer.set_verdicts({number: state.verdicts.get(self._name(box), "") for number, box in enumerate(boxes)})
        self._show_chosen()

    def _findings(self) -> tuple[AidFinding, ...]:
        found = []
        for box in self._flow.window.viewer.findings():
            name = self._name(box)
            what = f"{wording.call(box.label)} {box.score:.2f}".strip()
            found.append(AidFinding(name, f"{name} · {box.image_id.replace('_', ' ')} · {what}"))
        return tuple(found)

    def _name(self, box: Box) -> str:
        """Return the name of a finding in the log: its place among the boxes of the prediction, from 1."""
        aid = None if self._flow.loaded is None else self._flow.loaded.aid
        return "" if aid is None else str(1 + next(number for number, own in enumerate(aid.boxes) if own is box))

    def _chosen(self) -> str:
        """Return the name of the finding in view; empty for none."""
        viewer = self._flow.window.viewer
        boxes, number = viewer.findings(), viewer.finding_index()
        return self._name(boxes[number]) if 0 <= number < len(boxes) else ""

    def _show_chosen(self) -> None:
        panel = self._flow.window.panel
        if panel is not None:
            panel.aid.findings.choose(self._chosen())

    # --- acting -------------------------------------------------------------------------------------------------------------

    def _toggle(self) -> None:
        flow, case_id = self._flow, due_case(self._flow.state)
        if case_id is None:
            return
        if flow.state.aid_visible:
            self.say_seen()
            flow.do(ask.HideAid(case_id, flow.state.revision))
        elif flow.state.aid is not None:
            flow.do(ask.ShowAid(case_id, flow.state.revision, flow.state.aid))

    def _want_look(self, threshold: float, opacity: float) -> None:
        if not self._flow.window.actions_.is_enabled("aid.more"):
            return
        self._wanted = (min(1.0, max(0.0, threshold)), min(1.0, max(0.0, opacity)))
        if not self._pace.isActive():
            self._pace.start()

    def _send_look(self) -> None:
        flow, case_id, wanted = self._flow, due_case(self._flow.state), self._wanted
        self._wanted = None
        aid = flow.state.aid
        if wanted is not None and case_id is not None and aid is not None and wanted != (aid.threshold, aid.opacity):
            flow.do(ask.AdjustAid(case_id, flow.state.revision, *wanted))

    def _go_to(self, name: str) -> None:
        viewer = self._flow.window.viewer
        for number, box in enumerate(viewer.findings()):
            if self._name(box) == name:
                viewer.go_to(number)

    def _judge_chosen(self, verdict: str) -> None:
        """Judge the finding in view, or lead to the first one; then go on to the next that has no verdict."""
        viewer, name = self._flow.window.viewer, self._chosen()
        if not name:
            viewer.next_finding()
            name = self._chosen()
            if len(viewer.findings()) != 1:
                return  # which one was meant is not known: it is in view now
        taken = self._judge(name, verdict)
        if taken:
            names = [self._name(box) for box in viewer.findings()]
            waiting = [n for n, own in enumerate(names) if own != name and not self._verdict(own)]
            if waiting:
                here = viewer.finding_index()
                viewer.go_to(next((n for n in waiting if n > here), waiting[0]))

    def _verdict(self, name: str) -> str:
        return self._flow.state.verdicts.get(name, "")

    def _judge(self, name: str, verdict: str) -> bool:
        """Ask for a verdict, or take it back if it stands already; return whether one was given."""
        flow, case_id = self._flow, due_case(self._flow.state)
        if not name or case_id is None or not flow.window.actions_.is_enabled("aid.accept"):
            self.show()  # a button that was pressed stands as before
            return False
        wanted = "" if self._verdict(name) == verdict else verdict
        before = self._verdict(name)
        flow.answers.can_undo(ask.JudgeAidFinding(case_id, flow.state.revision, name, before))
        flow.do(ask.JudgeAidFinding(case_id, flow.state.revision, name, wanted))
        return bool(wanted)

    # --- what was seen ------------------------------------------------------------------------------------------------------

    def say_seen(self) -> None:
        """Have the slices that were seen under the aid written down before something ends it."""
        self._flow.window.viewer.say_aid_seen()

    def _seen(self, slices: object) -> None:
        """Write down what was seen; of a case that is on the screen and not yet in the log, once it is."""
        seen = tuple(SliceSeen(s.image_id, s.plane, s.index, s.first, s.last, s.pane) for s in slices)  # type: ignore[attr-defined]
        flow = self._flow
        if flow.state.phase is Phase.READING and flow.state.aid_visible:
            self._unsaid += seen
            self._say()
        elif flow.stage.is_presenting:
            self._unsaid += seen

    def _say(self) -> None:
        case_id, seen, self._unsaid = due_case(self._flow.state), self._unsaid, ()
        if case_id is not None and seen:
            self._flow.do(ask.SeeAid(case_id, self._flow.state.revision, seen), self._flow.clock.now())
