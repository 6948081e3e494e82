"""Pausing: the images are covered at once and uncovered in one repaint, whoever or whatever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

from reader_app.clock import Instant
from reader_app.reading.heartbeat import SUSPEND, Heartbeat
from reader_app.study import commands as ask
from reader_app.study.session import Phase, due_case
from reader_app.ui.language import tr
from reader_app.ui.moments import IdleWatch
from reader_app.ui.panels.pause_cover import pause_reason

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


class PauseControl(QObject):
    """Covers and uncovers the images of a flow.

    Parameters
    ----------
    flow : ReadingFlow
    """

    def __init__(self, flow: ReadingFlow) -> None:
        super().__init__()
        self._flow = flow
        self._uncovering = False
        self._idle: IdleWatch | None = None
        self._heart = Heartbeat(flow.clock)
        self._beat = QTimer(self)
        self._beat.setInterval(1000)
        self._beat.timeout.connect(self.beat)
        flow.window.cover.chosen.connect(self._button)
        flow.window.viewer.uncovered.connect(self._uncovered)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication) and flow.clock.kind == "system":
            application.applicationStateChanged.connect(self._application_state)

    def watch(self, idle_s: int) -> None:
        """Begin to watch for a reader who has gone, in reads."""
        flow = self._flow
        self._idle = IdleWatch(flow.clock, flow.window.times, idle_s, lambda: self.pause("idle", flow.clock.now()))

    def beat(self) -> None:
        """Once a second in an open session: a machine that slept had no reader before it."""
        found = self._heart.beat()
        if found is None or self._flow.state.phase is Phase.CLOSED:
            return
        if found.kind == SUSPEND:
            self.pause("system", found.since)
        self._flow.do(ask.ReportDisturbance(found.kind, found.mono_gap_ms, found.wall_step_ms), self._flow.clock.now())

    def follow(self, phase: Phase) -> None:
        """Watch only while a case is on the screen."""
        if self._flow.clock.kind == "system":
            if phase is Phase.CLOSED:
                self._beat.stop()
            elif not self._beat.isActive():
                self._heart = Heartbeat(self._flow.clock)  # the time between is nobody's
                self._beat.start()
        if self._idle is None:
            return
        if phase is Phase.READING:
            self._idle.start()
        else:
            self._idle.stop()

    def check_idle(self) -> None:
        """Look whether the reader has gone; a timer does this each second on a real clock."""
        if self._idle is not None:
            self._idle.check()

    @property
    def is_uncovering(self) -> bool:
        """Whether the images are being painted again and the log does not know yet."""
        return self._uncovering

    def pause(self, reason: str, at: Instant) -> None:
        """Cover the images now, then log it."""
        flow = self._flow
        case_id = due_case(flow.state)
        if flow.state.phase is not Phase.READING or case_id is None or flow.window.panel is None:
            return
        flow.window.panel.note.flush()
        self.cover(pause_reason(reason))
        flow.do(ask.Pause(case_id, reason), at)

    def cover(self, text: str = "") -> None:
        """Cover the images and say how to go on."""
        buttons = (("resume", tr("Continue  Enter")), ("end", tr("End the session")))
        self._flow.window.cover.show_words(tr("Paused"), text or pause_reason("reader"), buttons)
        self._flow.window.show_cover()

    def resume(self) -> None:
        """Paint the images again; the clock goes on from that paint."""
        flow = self._flow
        if flow.state.phase is Phase.PAUSED and not self._uncovering and not flow.stopped:
            self._uncovering = True
            flow.window.show_images()

    def give_up_uncovering(self) -> None:
        """The images could not be uncovered after all."""
        self._uncovering = False

    def _uncovered(self, panes: object) -> None:
        case_id = due_case(self._flow.state)
        if self._uncovering and case_id is not None:
            self._uncovering = False
            self._flow.do(ask.Resume(case_id), self._flow.clock.now())

    def _button(self, name: str) -> None:
        if name == "end":
            self._flow.end_session()
        else:
            self.resume()

    def _application_state(self, state: Qt.ApplicationState) -> None:
        if state in (Qt.ApplicationState.ApplicationInactive, Qt.ApplicationState.ApplicationHidden):
            self.pause("hidden", self._flow.clock.now())
