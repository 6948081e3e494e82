"""What the auditor knows while it walks through a log, and its own idea of time."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import lru_cache

from reader_app.study import events as ev
from reader_app.study.assignment import Plan, RoundPlan
from reader_app.study.events import Logged
from reader_app.study.finding import Mark

#: Every kind of deviation and what it means.
CODES: dict[str, str] = {
    "sequence": "events are missing, repeated or out of order",
    "plan": "the sitting belongs to another plan or reader",
    "sitting": "something happened outside an open sitting, or a sitting was opened or closed at the wrong moment",
    "round-order": "a round was started, finished or left at the wrong moment",
    "round-cases": "a round was started with other cases or in another order than planned",
    "washout": "a round was started before its washout had passed",
    "case-order": "a case was shown or answered out of its turn",
    "images": "other images than those of the frozen study were shown",
    "covered": "a case was answered while it was not on the screen",
    "aid-unaided": "an aid was on the screen where none is allowed",
    "aid-missing": "the aid was not on the screen where it belongs",
    "aid-wrong": "the aid was another one, or looked otherwise, than the study states",
    "aid-switched": "the aid was switched off or on where the study does not let the reader",
    "sealed": "the unaided answer of a sequential read was not sealed, not complete or not what had been answered",
    "answer": "an answer is outside what the study allows",
    "incomplete": "a case was validated without a required answer",
    "altered": "the validated answer is not what had been answered",
    "read-twice": "a case was validated twice in a round",
    "too-soon": "a case was validated sooner after its display than the study allows",
    "feedback": "the reference of a training case was not told in its turn, or told where none was due",
    "questionnaire": "a questionnaire was passed over, not complete, or answered where it was not due",
    "pause": "a read was paused or continued at the wrong moment",
    "suspend": "the machine slept during a sitting",
    "stall": "the program did not answer for a while",
    "session-length": "a case was begun after the longest time of a sitting",
    "override": "a coordinator's override has no name or reason, or does not fit",
    "clock": "the clocks disagree: the machine slept, or its clock was set",
}

#: Both clocks may differ by this much between two events of one run.
CLOCK_TOLERANCE_MS = 1000

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Deviation:
    """One deviation from the protocol.

    Attributes
    ----------
    code : str
        One of :data:`CODES`.
    seq : int
        The event that shows it; 0 for none in particular.
    text : str
        One sentence.
    """

    code: str
    seq: int
    text: str


@dataclass(slots=True)
class Answers:
    """What has been answered for the case in turn, and what was on the screen."""

    categories: dict[str, str] = field(default_factory=dict)
    scores: dict[str, int] = field(default_factory=dict)
    note: str = ""
    marks: dict[str, Mark] = field(default_factory=dict)
    replies: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)  # (question, unit) -> values
    sealed: bool = False
    revealed: bool = False
    prediction: tuple[str, str, str, int] | None = None  # what tells the aid of this read from another one
    verdicts: dict[str, str] = field(default_factory=dict)  # by finding of the aid
    shown: bool = False

    def equal(self, event: ev.InitialSealed | ev.ReadSubmitted, counted: dict[str, tuple[str, ...]]) -> bool:
        """Return whether a locked answer is exactly what had been answered."""
        stated = (dict(event.categories), dict(event.scores), event.note, event.marks, dict(event.answers))
        return stated == (self.categories, self.scores, self.note, tuple(self.marks.values()), counted)


class Ledger:
    """The auditor's memory; :mod:`reader_app.study.audit_reads` and :mod:`reader_app.study.audit` add the rules."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.found: list[Deviation] = []
        self.seq = 0
        self.before: Logged | None = None
        self.open = False
        self.round: RoundPlan | None = None
        self.waiting: list[str] = []  # cases of the round that are not validated
        self.rounds_left = list(plan.rounds)
        self.finish_walls: list[str] = []
        self.left_at: dict[tuple[int, str], frozenset[str]] = {}
        self.on_screen = False
        self.covered = False
        self.aid_on = False
        self.displayed_ns = 0
        self.answers = Answers()
        self.under = ""  # the plan hash under which the log stands
        self.unlocked: set[int] = set()
        self.voided: set[tuple[int, str, int]] = set()
        self.withdrawn: set[str] = set()
        self.retired = False
        self.unresumed = False
        self.opened_wall = ""
        self.to_tell = ""  # the training case whose reference comes next
        self.read_times: dict[tuple[int, str], int] = {}  # how often a case was validated in a round
        self.read_in_round = 0
        self.last_read_round = 0
        self.sittings = 0
        self.read_in_sitting = 0
        self.filled: set[tuple[str, int, int]] = set()

    def say(self, code: str, text: str) -> None:
        """Note a deviation at the present event."""
        self.found.append(Deviation(code, self.seq, text))

    def fork(self) -> Ledger:
        """Return a copy that can be fed events of which it is not known whether they will happen."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, list | dict | set):
                setattr(twin, name, copy.copy(value))
        twin.answers = copy.deepcopy(self.answers)
        return twin

    def turn(self, case_id: str) -> None:
        """Check that a case is the one in turn."""
        if not self.waiting or self.waiting[0] != case_id:
            due = self.waiting[0] if self.waiting else "no case"
            self.say("case-order", f"Case {case_id} was handled while {due} was in turn.")

    def in_view(self, case_id: str) -> None:
        """Check that a case is in turn and in view."""
        self.turn(case_id)
        if not self.on_screen or self.covered:
            self.say("covered", f"Case {case_id} was answered while it was not in view.")


@lru_cache(maxsize=64)
def _day_number(date: str) -> int:
    """Return the number of days from 0001-01-01 to ``YYYY-MM-DD``, counted year by year and month by month."""
    year, month, day = int(date[0:4]), int(date[5:7]), int(date[8:10])
    lengths = [31, 29 if _is_leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400
    return (year - 1) * 365 + leaps + sum(lengths[: month - 1]) + day - 1


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@lru_cache(maxsize=16)  # the same moment is asked for three times: as the event's, as the log's, as that before the next
def milliseconds(wall: str) -> int | None:
    """Return milliseconds since 0001-01-01 of ``YYYY-MM-DDTHH:MM:SS[.fff]Z``, or None if it is none."""
    if len(wall) < 20 or wall[-1] != "Z" or wall[10] != "T":
        return None
    try:
        seconds = int(wall[11:13]) * 3600 + int(wall[14:16]) * 60 + int(wall[17:19])
        fraction = int((wall[20:-1] + "000")[:3])
        return (_day_number(wall[:10]) * 86400 + seconds) * 1000 + fraction
    except (ValueError, IndexError):
        return None
