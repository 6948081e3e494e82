"""Plays an answer script through conductor, log and case feed rules, without a window: minutes of reading in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reader_app.ai import results
from reader_app.clock import FrozenClock
from reader_app.reading.conductor import Conductor
from reader_app.reading.tasks import InlineExecutor, InlineMainThread
from reader_app.store.runinfo import describe_run
from reader_app.store.signing import SigningKey
from reader_app.store.studyfolder import StudyFolder
from reader_app.study import session
from reader_app.study.commands import (
    AcknowledgeFeedback,
    AnswerQuestion,
    AnswerQuestionnaire,
    Assess,
    CloseSession,
    Command,
    DisplayCase,
    GiveScore,
    JudgeAidFinding,
    PlaceMark,
    RevealAid,
    SeeAid,
    StartRound,
    SubmitRead,
)
from reader_app.study.events import AidShown, SliceSeen
from reader_app.study.finding import Mark
from reader_app.study.questionnaires import open_questions
from reader_app.study.session import Phase


class Windowless:
    """One simulated reader."""

    def __init__(self, folder: StudyFolder, script: Path) -> None:
        self.folder = folder
        self.script: dict[str, Any] = json.loads(script.read_text(encoding="utf-8"))
        self.reads = {(own["round"], own["case_id"], own.get("occurrence", 1)): own for own in self.script["reads"]}
        self.reader_id = str(self.script["reader_id"])
        self.clock = FrozenClock("2027-01-15T08:00:00.000Z")
        self.log = folder.open_log(self.reader_id, describe_run(self.clock, host="test bench"))
        self.plan = folder.plan(self.reader_id)
        self.conductor = Conductor(
            self.plan, self.log, self.clock, InlineExecutor(), InlineMainThread(), key=SigningKey(bytes(32))
        )
        self.conductor.on_refused = self._refused
        self.filled: list[str] = []

    def _refused(self, violation: Exception) -> None:
        raise AssertionError(str(violation))

    def do(self, *commands: Command) -> None:
        """Carry out commands; a refusal or a fault of the log fails the test."""
        for command in commands:
            self.conductor.do(command)
            assert self.conductor.fault is None

    @property
    def wall(self) -> str:
        """Wall time now."""
        return self.clock.now().wall_utc

    def play(self) -> None:
        """Read everything, one sitting a round."""
        self.conductor.begin()
        while self.conductor.state.phase is not Phase.DONE or session.due_questionnaire(self.plan, self.conductor.state):
            self._next()
        self._close()
        self.log.close()

    def _next(self) -> None:
        state = self.conductor.state
        asking = session.due_questionnaire(self.plan, state)
        following = session.next_round(self.plan, state)
        if state.feedback is not None:
            self.clock.advance(4)
            self.do(AcknowledgeFeedback(state.feedback, 4000, self.wall))
        elif asking is not None:
            self._fill_in(asking)
        elif following is not None:
            self._until(session.round_opens(self.plan, state, following.number))
            self.do(StartRound(following.number, self.wall))
        else:
            self._read()

    def _until(self, day: str | None) -> None:
        if day is None or self.wall[:10] >= day:
            return
        self._close()
        while self.wall[:10] < day:
            self.clock.advance(12 * 3600)
        self.conductor.begin()

    def _close(self) -> None:
        asking = session.closing_questionnaire(self.plan, self.conductor.state)
        if asking is not None:
            self._fill_in(asking)
        self.do(CloseSession(self.wall))

    def _fill_in(self, asking: Any) -> None:
        name = asking.questionnaire.questionnaire_id
        given = self.script["questionnaires"][name][self.filled.count(name) % 12]
        self.filled.append(name)
        answers: dict[str, tuple[str, ...]] = {}
        for question in asking.questionnaire.questions:
            if question in open_questions(asking.questionnaire, answers):
                answers[f"{question.question_id}:case"] = tuple(given[f"{question.question_id}:case"])
        self.clock.advance(30)
        self.do(AnswerQuestionnaire(*asking.occasion, answers, 30_000, self.wall))

    def _aid(self, model: str, case_id: str) -> AidShown:
        own = results.load(self.folder.aid_dir(model), case_id)
        look = self.plan.display
        findings = len(own.boxes) if own.status == "ok" else 0
        return AidShown(model, own.sha256, look.aid_threshold, look.aid_opacity, own.status, findings=findings)

    def _read(self) -> None:
        state, plan = self.conductor.state, self.plan
        case_id, number = session.due_case(state) or "", state.round_no or 0
        entry, own = plan.round(number), self.reads[number, case_id, session.due_occurrence(state)]
        aid = self._aid(entry.aid, case_id) if entry.aid else None
        shown = aid if session.aid_due(entry, state) else None
        panes = entry.planes or ("A", "B")
        self.clock.advance(1)
        self.do(DisplayCase(case_id, plan.fingerprints[case_id], panes, shown))
        revision = self.conductor.state.revision
        for mark in own.get("marks", []):
            place = (mark["mark_id"], mark["finding_id"], mark["image_id"], tuple(mark["index"]))
            self.do(PlaceMark(case_id, revision, Mark(*place, score=mark["score"])))
        for unit, category in own["categories"].items():
            self.do(Assess(case_id, revision, unit, category))
        for unit, score in own["scores"].items():
            self.do(GiveScore(case_id, revision, unit, score))
        self._form(case_id, revision, own.get("answers", {}))
        self.clock.advance(own["reading_time_s"] / 2)
        if session.missing(plan, self.conductor.state) == ("aid",):
            assert aid is not None
            self.do(RevealAid(case_id, revision, aid))
        if self.conductor.state.aid_visible:
            self.do(SeeAid(case_id, revision, (SliceSeen(panes[0], "", 0, 0, 0, panes[0]),)))
        for need in session.missing(plan, self.conductor.state):
            finding = need.removeprefix("finding:")
            self.do(JudgeAidFinding(case_id, revision, finding, own["verdicts"][int(finding) - 1]))
        self.clock.advance(own["reading_time_s"] / 2)
        self.do(SubmitRead(case_id, revision, self.wall))

    def _form(self, case_id: str, revision: int, answers: dict[str, list[str]]) -> None:
        given: set[str] = set()
        while True:
            asked = [(own.question_id, unit) for own, unit in session.questions_asked(self.plan, self.conductor.state)]
            waiting = [(name, unit) for name, unit in asked if f"{name}:{unit}" not in given]
            if not waiting:
                return
            name, unit = waiting[0]
            given.add(f"{name}:{unit}")
            self.do(AnswerQuestion(case_id, revision, unit, name, tuple(answers[f"{name}:{unit}"])))
