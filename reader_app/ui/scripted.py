"""A simulated reader at the real window: presses real keys, waits for what the window shows, moves a simulated clock.

The script holds answers only; it was written where the truth is and tells nothing of it. Reading times are played exactly: the
clock stands still but for this script, so the interval from the paint to the second Enter is the time that the script states.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QEventLoop, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from reader_app.clock import Clock, FrozenClock
from reader_app.errors import EnvironmentFault, Fault, InputFaults
from reader_app.store.lock import load_lock
from reader_app.store.readlog import read as read_log
from reader_app.study.commands import (
    AcknowledgeFeedback,
    AnswerQuestion,
    AnswerQuestionnaire,
    JudgeAidFinding,
    PlaceMark,
)
from reader_app.study.questionnaires import Asking, open_questions
from reader_app.study.session import (
    Phase,
    closing_questionnaire,
    due_case,
    due_feedback,
    due_occurrence,
    due_questionnaire,
    missing,
    questions_asked,
    round_opens,
)
from reader_app.ui.reading_session import ReadingSession
from reader_app.ui.scriptfile import Script, ScriptedRead, load_script

__all__ = ["ScriptedReader", "load_script", "script_clock"]

#: How long a script waits for the window, in milliseconds of real time.
PATIENCE_MS = 60_000
#: How long a simulated reader looks at a reference and at a questionnaire, in seconds.
FEEDBACK_S, QUESTIONNAIRE_S = 4.0, 30.0
#: Size of the window in which scripts read.
WIDTH, HEIGHT = 1920, 1080
#: Digits and letters to keys.
_KEYS = {**{str(n): getattr(Qt.Key, f"Key_{n}") for n in range(10)}, **{c: getattr(Qt.Key, f"Key_{c}") for c in "ABC"}}


def script_clock(folder: Path, script: Script) -> FrozenClock:
    """Return a simulated clock that starts after everything the reader's log holds already."""
    start = "2027-01-15T08:00:00.000Z"
    lock = load_lock(folder)
    log = folder / "logs" / f"{script.reader_id}.readlog"
    if lock is not None and log.exists():
        logged = read_log(log).logged
        start = max(start, logged[-1].wall_utc if logged else start)
    clock = FrozenClock(start)
    clock.advance(60)
    return clock


class ScriptedReader:
    """Plays a script in a reading session.

    Parameters
    ----------
    app : QApplication
    session : ReadingSession
    script : Script
    screenshots : Path or None
        Folder for one picture of each kind of screen.
    rounds : sequence of int, optional
        Stop when these are finished; all if absent.
    """

    def __init__(
        self, app: QApplication, session: ReadingSession, script: Script, screenshots: Path | None, rounds: Sequence[int] | None
    ) -> None:
        self._app, self._session, self._script, self._shots = app, session, script, screenshots
        self._rounds = None if rounds is None else set(rounds)
        self._clock: Clock = session.clock
        self._taken: set[str] = set()
        self._filled: list[str] = []

    def play(self, reader_id: str) -> int:
        """Read everything; return the exit status."""
        session, window = self._session, self._session.window
        window.resize(WIDTH, HEIGHT)
        window.show()
        flow = session.flow
        if flow is None:
            return self._give_up("This study cannot be opened", [str(fault) for fault in session.faults])
        flow.start(None)
        self._picture("login")
        flow.log_in(reader_id)
        while True:
            self._settle()
            page = window.page.name if window.stack.currentWidget() is window.page else ""
            if page in ("faults", "stopped"):
                self._picture(page)
                return self._give_up(window.page.said[0], window.page.said[1:])
            if page == "receipt":
                self._picture(page)
                self._press(Qt.Key.Key_Return)
                self._wait(lambda: not window.isVisible(), "the window to close")
                return session.exit_status
            if self._between(page):
                continue
            if page:
                self._leave_page(page)
            elif flow.state.phase is Phase.READING:
                self._read()
            else:
                raise EnvironmentFault(f"the reading window stands still in phase {flow.state.phase}; see the log of the program")

    def _give_up(self, title: str, sentences: Sequence[str]) -> int:
        """Say on standard error why nothing more can be read; return the exit status."""
        sys.stderr.write("\n".join([f"{title}.", *sentences]) + "\n")
        flow = self._session.flow
        return (self._session.exit_status if flow is None else flow.exit_status) or 1

    def _leave_page(self, page: str) -> None:
        flow = self._session.flow
        if flow is None or flow.plan is None:
            return
        state = flow.state
        self._picture(page if page != "round" else f"round-{self._next_round()}")
        open_rounds = [own.number for own in flow.plan.rounds if own.number not in state.finished]
        done = not open_rounds or (self._rounds is not None and not self._rounds & set(open_rounds))
        if done:
            asking = closing_questionnaire(flow.plan, state)
            if asking is not None:
                self._fill_in(asking)
                return
            flow.end_session()
        elif page == "washout":
            self._sleep_until(str(round_opens(flow.plan, state, open_rounds[0])))
            flow.refresh_between()
        else:
            self._press(Qt.Key.Key_Return)
        self._settle()

    def _between(self, page: str) -> bool:
        """Do what comes before the next case: take note of a reference, fill in a questionnaire; return whether there was any."""
        flow = self._session.flow
        if flow is None or flow.plan is None:
            return False
        state = flow.state
        case_id = due_feedback(flow.plan, state)
        if case_id is not None:
            self._picture(page or "feedback")
            self._advance(FEEDBACK_S)
            flow.do(AcknowledgeFeedback(case_id, round(FEEDBACK_S * 1000), self._clock.now().wall_utc))
            self._settle()
            return True
        asking = due_questionnaire(flow.plan, state)
        if asking is not None:
            self._picture(page or "questionnaire")
            self._fill_in(asking)
        return asking is not None

    def _fill_in(self, asking: Asking) -> None:
        flow = self._session.flow
        if flow is None:
            return
        name = asking.questionnaire.questionnaire_id
        filled = self._script.questionnaires.get(name) or ({},)
        given = filled[self._filled.count(name) % len(filled)]
        self._filled.append(name)
        answers: dict[str, tuple[str, ...]] = {}
        for question in asking.questionnaire.questions:  # a later one may hang on an earlier answer
            key = f"{question.question_id}:case"
            if question in open_questions(asking.questionnaire, answers) and key in given:
                answers[key] = given[key]
        self._advance(QUESTIONNAIRE_S)
        shown_ms, wall = round(QUESTIONNAIRE_S * 1000), self._clock.now().wall_utc
        flow.do(AnswerQuestionnaire(name, asking.round_no, asking.count, answers, shown_ms, wall))
        self._settle()

    def _next_round(self) -> int:
        flow = self._session.flow
        if flow is None or flow.plan is None:
            return 0
        state = flow.state
        return state.round_no or next((own.number for own in flow.plan.rounds if own.number not in state.finished), 0)

    def _sleep_until(self, day: str) -> None:
        if not isinstance(self._clock, FrozenClock):
            raise EnvironmentFault(f"the next round opens on {day}; come back then")
        while self._clock.now().wall_utc[:10] < day:
            self._clock.advance(12 * 3600)

    # --- one case -----------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        flow = self._session.flow
        if flow is None or flow.plan is None:
            return
        state, plan = flow.state, flow.plan
        case_id, number = due_case(state) or "", state.round_no or 0
        answer = self._script.reads.get((number, case_id, due_occurrence(state)))
        if answer is None:
            raise InputFaults(
                [Fault("script", f"round {number}, case {case_id} has no answer", "write the script for this study")]
            )
        modality = flow.folder.case(case_id).modality
        self._picture(f"round-{number}-{modality}")
        looking = round(answer.reading_time_s * 0.6, 3)
        self._advance(looking)
        revision = state.revision
        for mark in answer.marks:
            flow.do(PlaceMark(case_id, revision, mark))
        self._settle()
        for unit in plan.units[case_id]:
            self._answer(unit, answer)
        self._answer_form(case_id, revision, answer)
        if answer.note:
            self._press(Qt.Key.Key_T)
            QTest.keyClicks(self._focus(), answer.note)
            self._press(Qt.Key.Key_Escape)
            self._settle()
        if missing(plan, flow.state) == ("aid",):
            self._press_twice()
            self._settle()
            self._picture(f"round-{number}-revealed")
        for need in missing(plan, flow.state):
            kind, _, name = need.partition(":")
            if kind == "finding" and name.isdecimal() and int(name) <= len(answer.verdicts):
                flow.do(JudgeAidFinding(case_id, revision, name, answer.verdicts[int(name) - 1]))
        self._settle()
        if missing(plan, flow.state):
            raise EnvironmentFault(
                f"case {case_id} of round {number} could not be answered: {missing(plan, flow.state)} is missing"
            )
        self._picture(f"round-{number}-answered")
        self._rehearse_pause(number)
        self._advance(round(answer.reading_time_s - looking, 3))
        self._press(Qt.Key.Key_Return)
        self._picture("armed")
        self._press(Qt.Key.Key_Return)
        self._wait(lambda: flow.stopped or due_case(flow.state) != case_id or flow.state.revision != revision, "the next case")

    def _answer(self, unit: str, answer: ScriptedRead) -> None:
        """Type one unit's answers into the field that the panel has moved to, as a reader does."""
        panel = self._session.window.panel
        if panel is None:
            return
        panel.focus_unit(unit)
        for character in answer.categories[unit]:
            self._press(_KEYS[character])
        self._settle()
        if unit in answer.scores:
            panel.focus_score()
            for character in f"{answer.scores[unit]:02d}":
                self._press(_KEYS[character])
            self._press(Qt.Key.Key_Return)  # ends the number
            self._settle()

    def _answer_form(self, case_id: str, revision: int, answer: ScriptedRead) -> None:
        """Answer the questions that are asked; one may bring others up."""
        flow = self._session.flow
        if flow is None or flow.plan is None:
            return
        given: set[str] = set()
        while True:
            open_ones = [
                (question.question_id, unit, f"{question.question_id}:{unit}")
                for question, unit in questions_asked(flow.plan, flow.state)
                if f"{question.question_id}:{unit}" in answer.answers and f"{question.question_id}:{unit}" not in given
            ]
            if not open_ones:
                return
            for name, unit, key in open_ones:
                flow.do(AnswerQuestion(case_id, revision, unit, name, answer.answers[key]))
                given.add(key)
            self._settle()

    def _rehearse_pause(self, number: int) -> None:
        """Pause once, so that a picture of the cover exists; on the simulated clock it takes no time."""
        if self._shots is None or number != 1 or "paused" in self._taken:
            return
        flow = self._session.flow
        self._press(Qt.Key.Key_P)
        self._wait(lambda: flow is not None and flow.state.phase is Phase.PAUSED, "the pause")
        self._settle()
        self._picture("paused")
        self._press(Qt.Key.Key_Return)
        self._wait(lambda: flow is not None and flow.state.phase is Phase.READING, "the end of the pause")

    # --- keys, clock, waiting -----------------------------------------------------------------------------------------------

    def _focus(self) -> QWidget:
        window = self._session.window
        return window.focusWidget() or window

    def _press(self, key: Qt.Key) -> None:
        QTest.keyClick(self._focus(), key)

    def _press_twice(self) -> None:
        self._press(Qt.Key.Key_Return)
        self._press(Qt.Key.Key_Return)

    def _advance(self, seconds: float) -> None:
        if isinstance(self._clock, FrozenClock):
            self._clock.advance(seconds)

    def _settle(self) -> None:
        """Wait until nothing is being written, loaded or checked."""
        flow = self._session.flow

        def settled() -> bool:
            if flow is None or flow.stopped:
                return True
            told = flow.feedback.due() is not None
            waiting = flow.state.phase is Phase.BETWEEN and not self._session.window.page.isVisible() and not told
            return flow.is_idle() and not waiting and not flow.pages.is_checking()

        self._wait(settled, "the window to settle")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        timer = QElapsedTimer()
        timer.start()
        self._app.processEvents()
        while not condition():
            self._app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents | QEventLoop.ProcessEventsFlag.AllEvents, 20)
            if timer.elapsed() > PATIENCE_MS:
                raise EnvironmentFault(f"the reading window did not answer within a minute while waiting for {what}")
        self._app.processEvents()

    def _picture(self, name: str) -> None:
        if self._shots is None or name in self._taken:
            return
        self._taken.add(name)
        self._shots.mkdir(parents=True, exist_ok=True)
        self._session.window.grab().save(str(self._shots / f"{self._script.reader_id}-{name}.png"))
