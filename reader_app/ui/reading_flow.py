"""One reader's sitting, from log-in to receipt: what the window shows follows the session state, and only that.

Order of things in a read: the case is in memory -> all panes are painted in one go -> ``DisplayCase`` with the instant of that
paint -> answers, each shown as given once it is durable -> ``SubmitRead`` with the time of the second Enter -> the next case.
Pausing covers the images at once, before the log knows; uncovering them is stamped with their repaint.

What leads from one state to the next stands here; putting a case on the screen, answers, pages, pausing and identity have modules
of their own.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from reader_app.clock import Clock, Instant
from reader_app.errors import LogFault, ProtocolViolation, StudyFileError
from reader_app.reading.casefeed import CaseFeed, LoadedCase
from reader_app.reading.conductor import Conductor
from reader_app.reading.tasks import Executor
from reader_app.store import orders
from reader_app.store.readlog import ReadLog
from reader_app.store.studyfolder import StudyFolder
from reader_app.study import commands as ask
from reader_app.study import pacing
from reader_app.study.assignment import Plan
from reader_app.study.events import AidRevealed, FeedbackSeen, Logged, QuestionnaireAnswered, RoundFinished, SessionClosed
from reader_app.study.session import Phase, SessionState, due_case, next_round
from reader_app.ui import flow_pages, opening, workstation
from reader_app.ui.aid_control import AidControl
from reader_app.ui.case_stage import CaseStage
from reader_app.ui.display_watch import DisplayWatch
from reader_app.ui.feedback_steps import FeedbackSteps
from reader_app.ui.flow_answers import AnswerCommands
from reader_app.ui.identity_steps import IdentitySteps
from reader_app.ui.language import tr
from reader_app.ui.log_copy import LogCopy
from reader_app.ui.mainthread import QtMainThread
from reader_app.ui.pace import Pace
from reader_app.ui.pause_control import PauseControl
from reader_app.ui.questionnaire_steps import QuestionnaireSteps
from reader_app.ui.reader_window import ReaderWindow
from reader_app.ui.state_view import StateView


class ReadingFlow(QObject):
    """Conducts one window through one sitting.

    Parameters
    ----------
    window : ReaderWindow
    folder : StudyFolder
    clock : Clock
    main_thread : QtMainThread
    log_thread, loader_thread : Executor
    echo : callable, optional
        Called with the number of the last durable entry whenever it is shown as saved.

    Signals
    -------
    finished(int) : the window may close; exit status.
    state_changed : the window shows a new state (for scripts).
    """

    finished = Signal(int)
    state_changed = Signal()

    def __init__(
        self,
        window: ReaderWindow,
        folder: StudyFolder,
        clock: Clock,
        main_thread: QtMainThread,
        log_thread: Executor,
        loader_thread: Executor,
        echo: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__()
        self.window, self.folder, self.clock = window, folder, clock
        self.main_thread, self.log_thread, self.loader_thread = main_thread, log_thread, loader_thread
        self.echo = echo
        self.plan: Plan | None = None
        self.log: ReadLog | None = None
        self.conductor: Conductor | None = None
        self.feed: CaseFeed | None = None
        self.pace = Pace()
        self.exit_status = 0
        self.stopped = False
        self.may_read = False  # the reader has begun (or continued) the round in this sitting
        self._closed = self._failed = False
        self._break_proposed = False
        self._starting = 0  # the round that was last asked for
        self._finished: list[int] = []  # rounds that are over and have not been said to be
        self._run_id = ""
        self.stage = CaseStage(self)
        self.view = StateView(self)
        self.answers = AnswerCommands(self)
        self.aids = AidControl(self)
        self.pauses = PauseControl(self)
        self.pages = flow_pages.FlowPages(self)
        self.identity = IdentitySteps(self)
        self.display = DisplayWatch(self)
        self.log_copy = LogCopy(self)
        self.questionnaires = QuestionnaireSteps(self)
        self.feedback = FeedbackSteps(self)
        window.flow = self
        window.page.chosen.connect(self.pages.choose)
        window.page.pin_given.connect(self.identity.given)

    # --- log-in -------------------------------------------------------------------------------------------------------------

    def start(self, reader_id: str | None) -> None:
        """Show the log-in, or log the reader in."""
        opening.start(self, reader_id)

    def log_in(self, reader_id: str) -> None:
        """Ask a person for the PIN; a simulated reader has none."""
        if opening.is_other(self, reader_id):
            return
        if self.clock.kind == "system":
            self.identity.ask(reader_id)
        else:
            self.open_log(reader_id)

    def open_log(self, reader_id: str) -> None:
        """Open the reader's log and take up the session where it stands."""
        self.stopped = False
        if self.log is not None:  # it was open, but no sitting could be
            self.log.close()
        try:
            self.plan = self.folder.plan(reader_id)
            given = orders.load(self.folder.path, reader_id)
            info = workstation.run_info(self.clock, self.window.preferences, self.identity.failures)
            self._run_id = info.run_id
            self.log = self.folder.open_log(reader_id, info)
        except StudyFileError as fault:
            self.exit_status = 1
            self.pages.faults(tr("This study cannot be read yet"), fault.faults, reader_id)
            return
        except LogFault as fault:
            self.exit_status = 3
            self.pages.stop(tr("The reading log cannot be opened"), str(fault), retry=f"reader:{reader_id}")
            return
        self.exit_status = 0
        self.conductor = Conductor(self.plan, self.log, self.clock, self.log_thread, self.main_thread, key=self.identity.key)
        self.conductor.on_state, self.conductor.on_refused = self._on_state, self._on_refused
        self.conductor.on_fault = self._on_fault
        self.feed = CaseFeed(self.folder, self.plan, self.loader_thread, self.main_thread)
        self.feed.on_loaded, self.feed.on_failed = self.stage.take, self.stage.give_up
        panel = self.window.make_panel(self.plan)
        self.answers.connect_panel(panel)
        self.aids.connect_panel(panel)
        panel.feedback_read.connect(self.feedback.go_on)
        self.pauses.watch(self.plan.timing.idle_pause_s)
        for command in opening.decided(self, given):
            self.conductor.do(command)
        self.conductor.begin()
        self.display.report()
        self.log_copy.begin()

    @property
    def loaded(self) -> LoadedCase | None:
        """The case that was loaded last; the due one, once it is displayed."""
        return self.stage.loaded

    @property
    def state(self) -> SessionState:
        """Where the session stands, as far as it is durable; the closed state before log-in."""
        return self.conductor.state if self.conductor is not None else SessionState()

    def advice(self) -> str:
        """Return whether the protocol proposes a "break" or, between cases, a "stop" of the sitting; "" for neither."""
        timing = None if self.plan is None else self.plan.timing
        if self.plan is None or self.log is None or not timing or not (timing.break_after_min or timing.session_max_min):
            return ""
        return pacing.advice(self.plan, pacing.pace(self.log.logged(), self._run_id, self.clock.now().mono_ns))

    def is_idle(self) -> bool:
        """Return whether nothing is being written or awaited (for scripts)."""
        return self.conductor is None or not self.conductor.is_busy

    # --- commands -----------------------------------------------------------------------------------------------------------

    def do(self, command: ask.Command, at: Instant | None = None) -> None:
        """Hand a command to the conductor; the mark in the corner says that it is being saved."""
        if self.conductor is None or self.stopped:
            return
        self.conductor.do(command, at or self.window.times.instant())
        if self.conductor is not None and self.conductor.is_busy:
            self.window.key_bar.show_saved(False, True)

    def run(self, command_id: str) -> None:
        """Carry out a command of the keymap."""
        if command_id == "session.pause" and self.state.phase is Phase.PAUSED:
            self.resume_requested()
        elif command_id == "session.pause":
            self.pauses.pause("reader", self.window.times.instant())
        elif command_id == "session.end":
            self.window.close()
        elif command_id == "session.keys":
            self.pages.edit_keys()
        elif command_id == "session.settings":
            self.pages.settings()
        elif command_id.startswith("aid.") and command_id != "aid.reveal":
            self.aids.run(command_id)
        else:
            self.answers.run(command_id)

    def resume_requested(self) -> None:
        """Go on after a pause."""
        self.pauses.resume()

    # --- a round and its cases ----------------------------------------------------------------------------------------------

    def begin_round(self) -> None:
        """The reader has seen what the round is and wants to begin or go on."""
        self.may_read = True
        entry = None if self.plan is None else next_round(self.plan, self.state)
        if entry is not None and self._starting != entry.number:  # not by a second Enter while the first is being written
            self._starting = entry.number
            at = self.window.times.instant()
            self.do(ask.StartRound(entry.number, at.wall_utc), at)
        else:
            self.refresh()

    # --- what the conductor says --------------------------------------------------------------------------------------------

    def _on_state(self, state: SessionState, logged: tuple[Logged, ...]) -> None:
        self.pace.note(logged)
        if self._failed:  # what is still written after a fault of the program brings nothing back to the screen
            return
        if self.stopped:  # the log could be written again
            self.stopped, self.exit_status = False, 0
            if state.phase is Phase.READING:
                self.pauses.pause("system", self.clock.now())
        kinds = {type(entry.event) for entry in logged}
        if state.phase is not Phase.BETWEEN:
            self.stage.forget()
        if AidRevealed in kinds and self.loaded is not None:
            self.window.viewer.set_aid(self.loaded.aid, True)
            if self.window.panel is not None:
                self.window.panel.show_top()
        self._finished += [entry.event.round_no for entry in logged if isinstance(entry.event, RoundFinished)]
        if FeedbackSeen in kinds:
            self.feedback.over()
        if self.feed is not None:
            self.feed.follow(state)
        if SessionClosed in kinds:
            self.pages.receipt()
        elif QuestionnaireAnswered in kinds and self.questionnaires.handed_in():
            self.end_session()
        else:
            self.refresh()
        self._show_saved(logged[-1].seq if logged else 0)
        self.state_changed.emit()

    def _between_cases(self) -> bool:
        """Show what comes before anything else: feedback, a questionnaire, the end of a round; return whether something does."""
        case_id = self.feedback.due()
        if case_id is not None:
            self.feedback.show(case_id)
            return True
        if self.questionnaires.ask_due():
            self.view.allow()
            return True
        if not self._finished:
            return False
        numbers, self._finished, self.may_read = self._finished, [], False
        self.view.show_place()
        self.pages.round_finished(numbers)
        return True

    def _show_saved(self, seq: int) -> None:
        busy = self.conductor is not None and self.conductor.is_busy
        self.window.key_bar.show_saved(not busy, True)
        if self.echo is not None and seq:
            self.echo(seq)

    def _on_refused(self, violation: ProtocolViolation) -> None:
        self._starting = 0
        if self.stopped:
            return
        if self.conductor is not None and isinstance(self.conductor.refused, ask.OpenSession) and self.plan is not None:
            self.stopped, self.exit_status = True, 1
            self.pages.stop(tr("No sitting can be opened"), str(violation), retry=f"reader:{self.plan.reader_id}")
            return
        self.window.key_bar.say(str(violation))
        self.pauses.give_up_uncovering()
        self._show_saved(0)
        self.refresh()

    def _on_fault(self, fault: LogFault) -> None:
        """The log failed: nothing of the case stays on the screen, and nothing more is taken."""
        self.stopped, self.exit_status = True, 3
        self.pauses.follow(Phase.CLOSED)
        self.window.show_cover()
        self.window.allow(frozenset())
        self.window.key_bar.show_saved(False, True)
        self.pages.stop(tr("Reading has stopped"), str(fault), retry="retry-log")
        self.state_changed.emit()

    # --- showing the state --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring the window in line with the state."""
        state, window = self.state, self.window
        if self.plan is None or self.stopped:
            return
        self.pauses.follow(state.phase)
        if self._between_cases():
            return
        self.view.show_place()
        if state.phase is Phase.READING:
            window.viewer.set_marks(state.draft.marks)
            self.view.show_answers()
            if not window.is_showing_images():
                window.show_images()
        else:
            if state.phase is Phase.PAUSED:
                self.view.show_answers()
                if not self.pauses.is_uncovering and window.stack.currentWidget() is not window.cover:
                    self.pauses.cover()
            elif state.phase is Phase.BETWEEN and due_case(state) is not None and self.may_read:
                self._next_case(self.advice())
            else:
                self.pages.between()
        self.view.allow()

    def _next_case(self, advice: str) -> None:
        """Go on to the due case, unless the sitting has lasted long enough; a break that is due is proposed once."""
        proposed, self._break_proposed = self._break_proposed, advice == "break"
        if advice == "stop":
            self.may_read = False
            self.pages.enough()
        elif advice == "break" and not proposed and not self.stage.is_presenting:
            self.pages.rest()
        else:
            self.stage.await_case()

    def refresh_between(self) -> None:
        """Show what comes next."""
        self.view.show_place()
        self.pages.between()
        self.view.allow()

    # --- the end ------------------------------------------------------------------------------------------------------------

    def end_session(self) -> None:
        """End the sitting; a case on the screen is interrupted and will be shown again."""
        case_id, at = due_case(self.state), self.window.times.instant()
        if self.state.phase is Phase.READING and case_id is not None:
            self.pauses.pause("reader", at)
        if self.state.phase is Phase.CLOSED or self.stopped:
            self.leave()
        elif self.plan is not None and self.plan.questionnaires and not self.is_idle():  # the pause is being written: once more
            QTimer.singleShot(20, self, self.end_session)
        elif not self.questionnaires.ask_closing():
            self.do(ask.CloseSession(at.wall_utc), at)

    def close_requested(self) -> bool:
        """Asked by the window's close button: a session that is open is ended first, with its receipt."""
        over = self.conductor is None or self.stopped or self.state.phase is Phase.CLOSED
        if self._closed or over or self.questionnaires.is_closing():  # a last questionnaire unfilled: the sitting stays open
            self.leave()
            return True
        if self.state.phase is Phase.READING:
            self.pauses.pause("reader", self.window.times.instant())
        elif self.state.phase is not Phase.PAUSED:
            self.end_session()
        return False

    def failed(self, what: str) -> None:
        """The program itself is at fault: cover the images, note the interruption if that is still possible, and stop."""
        case_id = due_case(self.state)
        self.window.show_cover()
        if case_id is not None and self.state.phase in (Phase.READING, Phase.PAUSED):
            self.do(ask.Interrupt(case_id, what[:200]), self.clock.now())
        self.stopped, self._failed, self.exit_status = True, True, 3
        sentence = tr("The program met a fault of its own and has noted it: {what}. Close it and start it again.", what=what)
        self.pages.stop(tr("Reading has stopped"), sentence, retry="")

    def leave(self) -> None:
        """Close the log and let the window go."""
        if self._closed:
            return
        self._closed = True
        self.pauses.follow(Phase.CLOSED)
        self.stage.forget()
        if self.feed is not None:
            self.feed.close()
        self.window.viewer.clear()
        self.log_thread.shutdown(wait=True)
        self.loader_thread.shutdown(wait=False, cancel_futures=True)
        if self.log is not None:
            self.log.close()
        self.main_thread.close()
        self.finished.emit(self.exit_status)
