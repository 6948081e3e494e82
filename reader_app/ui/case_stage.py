"""Putting the due case on the screen: all of it in one paint, and the read begins with that paint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from reader_app.errors import ReaderAppError
from reader_app.reading.casefeed import LoadedCase
from reader_app.study import commands as ask
from reader_app.study.caselist import CaseEntry
from reader_app.study.events import AidShown
from reader_app.study.session import Phase, aid_due, current_round, due_case
from reader_app.study.studykeys import PLANES
from reader_app.ui.language import tr

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow

#: A case that is not in memory after this long is announced; normally it is there at once.
PATIENCE_MS = 400


class CaseStage(QObject):
    """Shows the cases of a flow as they become due.

    Parameters
    ----------
    flow : ReadingFlow

    Attributes
    ----------
    loaded : LoadedCase or None
        The case that came from the feed last.
    """

    def __init__(self, flow: ReadingFlow) -> None:
        super().__init__()
        self._flow = flow
        self.loaded: LoadedCase | None = None
        self._presenting: tuple[int, str, int] | None = None
        self._awaited = False  # the due case shall be shown as soon as it is there
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._say_loading)
        flow.window.viewer.fully_painted.connect(self._painted)

    def take(self, loaded: LoadedCase) -> None:
        """The due case is in memory."""
        self.loaded = loaded
        if self._awaited:
            self._present()

    def forget(self) -> None:
        """Nothing is being put on the screen any more."""
        self._presenting, self._awaited = None, False
        self._patience.stop()

    @property
    def is_presenting(self) -> bool:
        """Whether a case is being painted and the log does not know yet."""
        return self._presenting is not None

    def await_case(self) -> None:
        """Cover what was there and show the due case as soon as it is in memory, normally at once."""
        if self._presenting is None:
            self._awaited = True
            self._flow.window.cover.show_words("")
            self._flow.window.show_cover()
            self._patience.start()
            self._present()

    def aid_shown(self) -> AidShown | None:
        """Return the aid of the loaded case as it stands on the screen."""
        plan = self._flow.plan
        entry = None if plan is None else current_round(plan, self._flow.state)
        if plan is None or self.loaded is None or self.loaded.aid is None or entry is None or entry.aid is None:
            return None
        display, aid = plan.display, self.loaded.aid
        return AidShown(
            entry.aid,
            aid.sha256,
            display.aid_threshold,
            display.aid_opacity,
            aid.status,
            model_sha256=str(aid.provenance.get("bundle_sha256", "")),
            findings=len(aid.boxes),
        )

    def _present(self) -> None:
        """Put the due case on the screen if it is in memory and the reader is there; all of it in one paint."""
        flow, loaded = self._flow, self.loaded
        state, plan, panel = flow.state, flow.plan, flow.window.panel
        if plan is None or loaded is None or panel is None or not flow.may_read or flow.stopped:
            return
        entry, case_id = current_round(plan, state), due_case(state)
        if state.phase is not Phase.BETWEEN or entry is None or case_id is None:
            return
        wanted = (entry.number, case_id, state.revision)
        if (loaded.round_no, loaded.case.case_id) != wanted[:2] or self._presenting == wanted:
            return
        self._presenting = wanted
        self._patience.stop()
        aid = loaded.aid if aid_due(entry, state) else None
        flow.window.key_bar.show_place("")
        flow.answers.begin_case()
        flow.aids.begin_case()
        panel.begin_case(case_id, loaded.case.clinical)
        flow.view.show_place()
        flow.view.show_answers()
        flow.window.show_panel(True)
        flow.window.viewer.show_case(
            loaded.images,
            aid,
            threshold=plan.display.aid_threshold,
            opacity=plan.display.aid_opacity,
            marks=state.draft.marks,
            planes=entry.planes or PLANES,
            show_priors=plan.display.show_priors,
            hanging=loaded.hanging,
        )
        flow.window.show_images()

    def _painted(self, panes: object) -> None:
        """All panes stand on the screen: this is when the read begins."""
        flow = self._flow
        at = flow.clock.now()
        if self._presenting is None or self.loaded is None or flow.plan is None or flow.state.phase is not Phase.BETWEEN:
            return
        entry = current_round(flow.plan, flow.state)
        aid = self.aid_shown() if entry is not None and aid_due(entry, flow.state) else None
        images = self.loaded.images
        flow.do(ask.DisplayCase(self.loaded.case.case_id, images.fingerprint, tuple(panes), aid), at)  # type: ignore[arg-type]
        if flow.window.panel is not None:
            flow.window.panel.focus_default()

    def _say_loading(self) -> None:
        if self._flow.state.phase is Phase.BETWEEN and self._presenting is None:
            self._flow.window.cover.show_words("", tr("The next case is being read from the disk."))

    def give_up(self, case: CaseEntry, fault: ReaderAppError) -> None:
        """The due case cannot be loaded."""
        self._flow.exit_status = 1
        self._flow.stopped = True
        self._flow.pages.stop(tr("Case {name} cannot be shown", name=case.case_id), str(fault), retry="reload")
