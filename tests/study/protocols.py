"""Example protocols and a bench that conducts a session on a clock of its own, for the tests of the study package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reader_app.clock import FrozenClock
from reader_app.study import session
from reader_app.study.assignment import Plan, plan
from reader_app.study.caselist import CaseEntry, Reader
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
    OpenSession,
    RevealAid,
    ShowAid,
    StartRound,
    SubmitRead,
)
from reader_app.study.definition import StudyDefinition, parse
from reader_app.study.eventcodec import from_payload, to_payload
from reader_app.study.events import AidShown, Event, Logged
from reader_app.study.questionnaires import missing_answers
from reader_app.study.state import SessionState

LU2025 = {
    "format": 1,
    "id": "lu",
    "title": "Three rounds, two stages",
    "models": [{"id": "LH"}, {"id": "BM"}],
    "rounds": [
        {"number": 1, "condition": "unaided"},
        {"number": 2, "condition": "aided_staged", "aid": "LH", "refines": 1},
        {
            "number": 3,
            "condition": "aided_staged",
            "aid": "BM",
            "refines": 2,
            "cases": {"left_at": ["4A"], "of_round": 2},
            "min_washout_days": 2,
        },
    ],
    "randomisation": {"seed": 1},
}
SEQUENTIAL = {
    "format": 1,
    "id": "seq",
    "title": "Second look, per breast",
    "assessment": {"level": "breast", "score": {"kind": "percent", "required": False}, "note": False},
    "display": {"reader_may_hide_aid": False},
    "models": [{"id": "M"}],
    "rounds": [{"number": 1, "condition": "aided_sequential", "aid": "M"}],
    "randomisation": {"seed": 2},
}
SEQUENTIAL_HIDING = {
    "format": 1,
    "id": "seqhide",
    "title": "Second look, aid may be hidden, then a repeat",
    "models": [{"id": "M"}],
    "rounds": [
        {"number": 1, "condition": "aided_sequential", "aid": "M"},
        {"number": 2, "condition": "unaided", "cases": {"stratum": ["odd"]}, "min_washout_days": 28},
    ],
    "randomisation": {"seed": 3},
}
CROSSOVER = {
    "format": 1,
    "id": "cross",
    "title": "Crossover",
    "assessment": {"categories": ["1", "2", "3", "4", "5"], "score": {"kind": "none"}, "marks": False},
    "models": [{"id": "M"}],
    "rounds": [
        {"number": 1, "condition": {"A": "unaided", "B": "aided_concurrent"}, "aid": "M", "order": "as_listed"},
        {"number": 2, "condition": {"A": "aided_concurrent", "B": "unaided"}, "aid": "M", "min_washout_days": 28},
    ],
    "randomisation": {"seed": 4},
}
FORM = {
    "format": 1,
    "id": "form",
    "title": "A form with conditions, per breast, with a second look",
    "assessment": {"level": "breast", "categories": ["0", "1", "2", "4A", "5"], "score": {"kind": "none"}},
    "questions": [
        {
            "id": "composition",
            "text": "Composition?",
            "choices": ["a", "b", "c", "d"],
            "level": "case",
            "modalities": ["mammography"],
        },
        {"id": "recall", "text": "Recall?", "kind": "yes_no"},
        {"id": "forced", "text": "If you had to decide?", "choices": ["1", "2", "4A", "5"], "when": {"category": ["0"]}},
        {"id": "why", "text": "Why?", "kind": "text", "required": False, "when": {"question": "forced", "is": ["4A", "5"]}},
        {"id": "nothing_seen", "text": "Nothing seen?", "kind": "yes_no", "level": "case", "when": {"marks": "none"}},
        {"id": "terms", "text": "Terms?", "choices": ["oval", "round"], "many": True, "when": {"marks": "some"}},
        {
            "id": "sure",
            "text": "Certainty",
            "kind": "number",
            "low": 0,
            "high": 10,
            "level": "case",
            "when": {"question": "recall", "is": ["yes"]},
        },
    ],
    "display": {"reader_may_adjust_aid": True, "reader_judges_findings": True},
    "models": [{"id": "M"}],
    "rounds": [{"number": 1, "condition": "aided_sequential", "aid": "M"}, {"number": 2, "condition": "unaided"}],
    "randomisation": {"seed": 5},
}
BLOCKS = {
    "format": 1,
    "id": "blocks",
    "title": "Training with feedback, repeats, questionnaires, findings with questions of their own",
    "display": {"reader_judges_findings": True, "findings_must_be_judged": True},
    "questions": [
        {"id": "shape", "text": "Shape?", "choices": ["oval", "irregular"], "level": "finding"},
        {"id": "why", "text": "Why?", "kind": "yes_no", "level": "finding", "when": {"question": "shape", "is": ["irregular"]}},
        {"id": "sure", "text": "Sure?", "kind": "scale", "low": 0, "high": 10, "level": "case"},
        {"id": "biopsy", "text": "Biopsy?", "kind": "yes_no", "level": "case", "when": {"question": "shape", "is": ["oval"]}},
    ],
    "questionnaires": [
        {"id": "tired", "when": "after_cases", "every": 2, "questions": [{"id": "tired", "text": "Tired?", "kind": "yes_no"}]},
        {
            "id": "load",
            "when": "round_end",
            "rounds": [1, 2],
            "questions": [
                {"id": "mental", "text": "Demand?", "kind": "scale", "low": 0, "high": 100},
                {"id": "changed", "text": "Changed?", "kind": "yes_no"},
                {"id": "how", "text": "How?", "kind": "text", "when": {"question": "changed", "is": ["yes"]}},
            ],
        },
        {
            "id": "leave",
            "when": "session_end",
            "questions": [{"id": "note", "text": "Anything?", "kind": "text", "required": False}],
        },
    ],
    "models": [{"id": "M"}],
    "rounds": [
        {"number": 1, "condition": "unaided", "training": True, "feedback": True, "cases": {"stratum": ["even"]}},
        {"number": 2, "condition": "aided_concurrent", "aid": "M", "repeat": {"sample": 1, "min_gap": 2}},
        {"number": 3, "condition": "unaided", "cases": {"left_at": ["4A"], "of_round": 2}},
    ],
    "randomisation": {"seed": 6},
}
PROTOCOLS = {
    "lu2025": LU2025,
    "sequential": SEQUENTIAL,
    "sequential_hiding": SEQUENTIAL_HIDING,
    "crossover": CROSSOVER,
    "form": FORM,
    "blocks": BLOCKS,
}

#: Fewest cases with which a protocol makes sense.
FEWEST = {"blocks": 4}

START = "2027-02-27T09:00:00.000Z"


def case_list(count: int) -> list[CaseEntry]:
    """Return cases of both strata; every other one with a fingerprint."""
    return [
        CaseEntry(
            f"c{number}",
            "mammography" if number % 3 else "ultrasound",
            breasts=() if number % 3 else ("L",),
            stratum="odd" if number % 2 else "even",
            fingerprint=f"{number:064x}" if number % 2 else "",
        )
        for number in range(1, count + 1)
    ]


def definition_of(name: str) -> StudyDefinition:
    return parse(PROTOCOLS[name])


def plan_of(name: str, count: int = 3, reader: str = "r1") -> Plan:
    """Return the plan of one reader (arm B where the protocol has arms)."""
    arm = "B" if name == "crossover" else ""
    return plan(definition_of(name), case_list(max(count, FEWEST.get(name, 1))), Reader(reader, "junior", arm), "study-hash")


def first_answer(settled: Plan, name: str) -> tuple[str, ...]:
    """Return the first possible answer to a question."""
    question = next(own for own in settled.questions if own.question_id == name)
    return (question.choices or {"yes_no": ("yes",), "number": ("5",), "scale": ("5",), "text": ("seen",)}[question.kind])[:1]


@dataclass
class Bench:
    """Conducts one reader's session: decide, log, evolve. ``active_s`` counts reading time by itself."""

    plan: Plan
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(START, 5_000_000_000))
    log: list[Logged] = field(default_factory=list)
    run: int = 1
    state: SessionState = field(default_factory=SessionState)

    def do(self, *commands: Command) -> tuple[Event, ...]:
        """Conduct commands and return the events of the last."""
        events: tuple[Event, ...] = ()
        for command in commands:
            events = session.decide(self.plan, self.state, command)
            now = self.clock.now()
            for event in events:
                stored = from_payload(*to_payload(event))
                assert stored == event
                self.log.append(Logged(len(self.log) + 1, f"run{self.run}", now.mono_ns, now.wall_utc, stored))
                self.state = session.evolve(self.plan, self.state, stored)
        return events

    @property
    def wall(self) -> str:
        return self.clock.now().wall_utc

    @property
    def case(self) -> str:
        due = session.due_case(self.state)
        assert due is not None
        return due

    def restart(self, seconds: float = 30.0) -> None:
        """Let the program die and start again on a new monotonic clock; the state comes from the log alone."""
        self.clock.advance(seconds)
        self.clock = FrozenClock(self.wall, 7 * self.run)
        self.run += 1
        self.state = session.replay(self.plan, [entry.event for entry in self.log])

    def aid(self, **changes: object) -> AidShown:
        """Return the right aid for the due case."""
        entry = session.current_round(self.plan, self.state)
        assert entry is not None and entry.aid is not None
        display = self.plan.display
        fields = {
            "model_id": entry.aid,
            "prediction_sha256": f"{entry.aid}-{self.case}",
            "threshold": display.aid_threshold,
            "opacity": display.aid_opacity,
            "status": "no_finding" if self.case.endswith("2") else "ok",
            "model_sha256": "7" * 64,
            "findings": 2 if display.findings_must_be_judged and not self.case.endswith("2") else 0,
        }
        return AidShown(**(fields | changes))  # type: ignore[arg-type]

    def open(self) -> None:
        self.do(OpenSession(self.wall))

    def start_round(self) -> None:
        """Start the next round on its first possible day."""
        entry = session.next_round(self.plan, self.state)
        assert entry is not None
        opens = session.round_opens(self.plan, self.state, entry.number)
        if opens is not None and self.wall[:10] < opens:
            self.clock = FrozenClock(f"{opens}T00:00:00.000Z", self.clock.now().mono_ns)
            self.run += 1
            self.state = session.replay(self.plan, [entry.event for entry in self.log])
            self.open()
        self.do(StartRound(entry.number, self.wall))

    def display_command(self) -> DisplayCase:
        entry = session.current_round(self.plan, self.state)
        assert entry is not None
        aid = self.aid() if session.aid_due(entry, self.state) else None
        return DisplayCase(self.case, self.plan.fingerprints.get(self.case, "any"), ("RCC", "LCC"), aid)

    def answer(self, category: str = "2", score: int = 10) -> None:
        """Answer everything that is asked; questions by their first possible answer."""
        for unit in self.plan.units[self.case]:
            self.do(Assess(self.case, self.state.revision, unit, category))
            if self.plan.assessment.score_kind != "none":
                self.do(GiveScore(self.case, self.state.revision, unit, score))
        self.answer_questions()

    def judge_findings(self) -> None:
        """Accept every finding of the aid that must be judged."""
        for need in session.missing(self.plan, self.state):
            if need.startswith("finding:"):
                if not self.state.aid_visible:  # hidden since: only what is in sight can be judged
                    self.do(ShowAid(self.case, self.state.revision, self.aid()))
                self.do(JudgeAidFinding(self.case, self.state.revision, need.partition(":")[2], "accepted"))

    def questionnaire_command(self) -> AnswerQuestionnaire:
        """Return a whole answer to the questionnaire that is due, or asked at the end of the sitting."""
        asking = session.due_questionnaire(self.plan, self.state) or session.closing_questionnaire(self.plan, self.state)
        assert asking is not None
        answers: dict[str, tuple[str, ...]] = {}
        while lacking := missing_answers(asking.questionnaire, answers):
            question = next(own for own in asking.questionnaire.questions if own.question_id == lacking[0])
            values = {"yes_no": "yes", "scale": "55", "text": "seen"}
            answers[f"{question.question_id}:case"] = (values[question.kind],)
        return AnswerQuestionnaire(*asking.occasion, answers, 12_000, self.wall)

    def clear_way(self) -> None:
        """Do what comes before the next case: take note of a reference, answer a questionnaire."""
        if self.state.feedback is not None:
            self.do(AcknowledgeFeedback(self.state.feedback, 2_000, self.wall))
        if session.due_questionnaire(self.plan, self.state) is not None:
            self.do(self.questionnaire_command())

    def answer_questions(self) -> None:
        """Answer every required question that is still open, until none appears any more."""
        while wanted := [need for need in session.missing(self.plan, self.state) if need.startswith("question:")]:
            _, name, unit = wanted[0].split(":", 2)
            self.do(AnswerQuestion(self.case, self.state.revision, unit, name, first_answer(self.plan, name)))

    def read(self, category: str = "2", score: int = 10, seconds: float = 20.0) -> None:
        """Read the due case from display to validation, revealing the aid half-way where there is one to reveal."""
        if not self.state.displayed:
            self.do(self.display_command())
        self.clock.advance(seconds / 2)
        self.answer(category, score)
        self.judge_findings()
        if session.missing(self.plan, self.state) == ("aid",):
            self.do(RevealAid(self.case, self.state.revision, self.aid()))
        self.clock.advance(seconds / 2)
        self.do(SubmitRead(self.case, self.state.revision, self.wall))
        self.clear_way()

    def read_round(self, categories: Sequence[str] = ("2", "4A", "3"), seconds: float = 20.0) -> None:
        """Start the next round and read all its cases; categories by the number in the case id."""
        self.start_round()
        while session.due_case(self.state) is not None:
            self.read(categories[int(self.case[1:]) % len(categories)], seconds=seconds)

    def close(self) -> None:
        if session.closing_questionnaire(self.plan, self.state) is not None:
            self.do(self.questionnaire_command())
        self.do(CloseSession(self.wall))
