"""An independent judge of a log: reads the protocol a second time, without the session machine, and lists every deviation.

It shares with :mod:`reader_app.study.session` nothing but the events and the plan (and keeps its own idea of dates), so that a
fault in one of the two shows as a disagreement. It never stops at a deviation: all of them are listed, each with the sequence
number of the event that shows it. :data:`CODES` says what is looked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    "pause": "a read was paused or continued at the wrong moment",
    "clock": "the clocks disagree: the machine slept, or its clock was set",
}

#: Both clocks may differ by this much between two events of one run.
CLOCK_TOLERANCE_MS = 1000

_DAY_MS = 86_400_000


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


def audit(plan: Plan, logged: Sequence[Logged]) -> list[Deviation]:
    """Return every deviation of one reader's log from the plan; an unfinished study is none."""
    judge = _Judge(plan)
    for entry in logged:
        judge.take(entry)
    return judge.found


@dataclass(slots=True)
class _Answers:
    """What has been answered for the case in turn, and what was on the screen."""

    categories: dict[str, str] = field(default_factory=dict)
    scores: dict[str, int] = field(default_factory=dict)
    note: str = ""
    marks: dict[str, Mark] = field(default_factory=dict)
    sealed: bool = False
    revealed: bool = False
    prediction: str = ""

    def equal(self, event: ev.InitialSealed | ev.ReadSubmitted) -> bool:
        stated = (dict(event.categories), dict(event.scores), event.note, event.marks)
        return stated == (self.categories, self.scores, self.note, tuple(self.marks.values()))


class _Judge:
    """Walks through a log once."""

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
        self.answers = _Answers()

    def say(self, code: str, text: str) -> None:
        self.found.append(Deviation(code, self.seq, text))

    def take(self, entry: Logged) -> None:
        self.seq = entry.seq
        self._clocks(entry)
        event = entry.event
        if not self.open and not isinstance(event, ev.SessionOpened):
            self.say("sitting", f"{type(event).__name__} happened while no sitting was open.")
        if self.round is not None and not self.waiting and not isinstance(event, ev.RoundFinished):
            self.say("round-order", f"Round {self.round.number} was not finished after its last case.")
        match event:
            case ev.SessionOpened() | ev.SessionResumed() | ev.SessionClosed():
                self._sitting(event)
            case ev.RoundStarted() | ev.RoundFinished():
                self._round(event)
            case ev.CaseDisplayed():
                self._displayed(entry, event)
            case ev.ReadInterrupted():
                self._turn(event.case_id)
                if not self.on_screen:
                    self.say("covered", "A read was interrupted that was not under way.")
                self.on_screen = self.covered = self.aid_on = False
            case ev.ReadPaused() | ev.ReadResumed():
                self._pause(event)
            case ev.AidRevealed() | ev.AidHidden() | ev.AidShownAgain() | ev.InitialSealed():
                self._in_view(event.case_id)
                self._aid_event(event)
            case ev.ReadSubmitted():
                self._in_view(event.case_id)
                self._submitted(entry, event)
            case _:
                self._in_view(event.case_id)
                self._answer(event)
        self.before = entry

    # --- sequence and clocks ---

    def _clocks(self, entry: Logged) -> None:
        before = self.before
        if entry.seq != (before.seq + 1 if before else 1):
            self.say("sequence", f"Event {entry.seq} follows event {before.seq if before else 0}.")
        own_wall = getattr(entry.event, "wall_utc", entry.wall_utc)
        now, own = _milliseconds(entry.wall_utc), _milliseconds(own_wall)
        if now is None or own is None:
            self.say("clock", f"{entry.wall_utc!r} or {own_wall!r} is not a time in UTC.")
            return
        if abs(now - own) > CLOCK_TOLERANCE_MS:
            self.say("clock", f"The event says {own_wall}, the log {entry.wall_utc}.")
        then = _milliseconds(before.wall_utc) if before else None
        if before is None or then is None:
            return
        if entry.run_id != before.run_id:
            if not isinstance(entry.event, ev.SessionOpened | ev.SessionResumed):
                self.say("sitting", "The program was started again without opening or resuming the sitting.")
            if now < then - CLOCK_TOLERANCE_MS:
                self.say("clock", f"The clock went back from {before.wall_utc} to {entry.wall_utc} between two starts.")
            return
        passed = (entry.mono_ns - before.mono_ns) // 1_000_000
        if passed < 0:
            self.say("sequence", "An event happened before the one that stands ahead of it.")
        if abs(now - then - passed) > CLOCK_TOLERANCE_MS:
            self.say("clock", f"{passed / 1000:.1f} s passed, but the time of day moved by {(now - then) / 1000:.1f} s.")

    # --- sittings and rounds ---

    def _sitting(self, event: ev.SessionOpened | ev.SessionResumed | ev.SessionClosed) -> None:
        if isinstance(event, ev.SessionClosed):
            if self.on_screen:
                self.say("sitting", "The sitting was closed while a case was on the screen.")
            self.open = self.on_screen = self.covered = self.aid_on = False
            return
        if event.plan_hash != self.plan.plan_hash:
            self.say("plan", f"The sitting was held under plan {event.plan_hash[:12]}, not {self.plan.plan_hash[:12]}.")
        if isinstance(event, ev.SessionOpened):
            if event.reader_id != self.plan.reader_id:
                self.say("plan", f"The sitting is that of reader {event.reader_id}, not {self.plan.reader_id}.")
            if self.open:
                self.say("sitting", "A sitting was opened while another was open.")
        self.open = True
        self.on_screen = self.covered = self.aid_on = False

    def _round(self, event: ev.RoundStarted | ev.RoundFinished) -> None:
        if isinstance(event, ev.RoundFinished):
            if self.round is None or event.round_no != self.round.number:
                self.say("round-order", f"Round {event.round_no} was finished without having been started.")
            elif self.waiting:
                self.say("round-order", f"Round {event.round_no} was finished with {len(self.waiting)} cases unread.")
            self.finish_walls.append(event.wall_utc)
            self.round, self.waiting = None, []
            return
        if self.round is not None:
            self.say("round-order", f"Round {event.round_no} was started while round {self.round.number} was under way.")
        if not self.rounds_left or self.rounds_left[0].number != event.round_no:
            self.say("round-order", f"Round {event.round_no} was not the next one.")
        known = [candidate for candidate in self.plan.rounds if candidate.number == event.round_no]
        self.rounds_left = [candidate for candidate in self.rounds_left if candidate.number != event.round_no]
        if not known:
            return
        self.round = known[0]
        planned = self._planned(self.round)
        if list(event.cases) != planned:
            self.say(
                "round-cases",
                f"Round {event.round_no} began with {len(event.cases)} cases; the plan gives {len(planned)} others.",
            )
        self.waiting = list(event.cases)
        self.answers = _Answers()
        self._washout(event, self.round)

    def _washout(self, event: ev.RoundStarted, entry: RoundPlan) -> None:
        start = _milliseconds(event.wall_utc)
        end = _milliseconds(self.finish_walls[-1]) if self.finish_walls else None
        if start is None or end is None or not event.cases:
            return
        days = start // _DAY_MS - end // _DAY_MS
        if days < entry.min_washout_days:
            self.say("washout", f"Round {entry.number} began after {days} days; the study asks {entry.min_washout_days}.")

    def _planned(self, entry: RoundPlan) -> list[str]:
        if entry.cases.kind != "left_at":
            return list(entry.order)
        return [
            case
            for case in entry.order
            if self.left_at.get((entry.cases.of_round or 0, case), frozenset()) & set(entry.cases.values)
        ]

    # --- what is on the screen ---

    def _turn(self, case_id: str) -> None:
        if not self.waiting or self.waiting[0] != case_id:
            due = self.waiting[0] if self.waiting else "no case"
            self.say("case-order", f"Case {case_id} was handled while {due} was in turn.")

    def _in_view(self, case_id: str) -> None:
        self._turn(case_id)
        if not self.on_screen or self.covered:
            self.say("covered", f"Case {case_id} was answered while it was not in view.")

    def _displayed(self, entry: Logged, event: ev.CaseDisplayed) -> None:
        self._turn(event.case_id)
        if self.round is None or event.round_no != self.round.number:
            self.say("round-order", f"Case {event.case_id} was shown in round {event.round_no}, which is not under way.")
        if self.on_screen:
            self.say("case-order", f"Case {event.case_id} was shown over a case that was on the screen.")
        if self.plan.fingerprints.get(event.case_id, event.fingerprint) != event.fingerprint:
            self.say("images", f"Case {event.case_id} was shown with other images than the frozen ones.")
        if not event.panes:
            self.say("images", f"Case {event.case_id} was shown in no pane.")
        self.on_screen, self.covered = True, False
        self.displayed_ns = entry.mono_ns
        self.aid_on = event.aid is not None
        if event.aid is None:
            if self._aid_belongs():
                self.say("aid-missing", f"Case {event.case_id} was shown without the aid of its round.")
        else:
            self._aid_look(event.aid)

    def _pause(self, event: ev.ReadPaused | ev.ReadResumed) -> None:
        self._turn(event.case_id)
        pausing = isinstance(event, ev.ReadPaused)
        if not self.on_screen or self.covered == pausing:
            self.say("pause", f"Case {event.case_id} was {'paused' if pausing else 'continued'} at the wrong moment.")
        self.covered = pausing

    # --- aids ---

    def _aid_belongs(self) -> bool:
        condition = self.round.condition.value if self.round else "unaided"
        return condition in ("aided_concurrent", "aided_staged") or (condition == "aided_sequential" and self.answers.sealed)

    def _aid_look(self, aid: ev.AidShown) -> None:
        if not self._aid_belongs():
            self.say("aid-unaided", f"The aid {aid.model_id} was on the screen where none is allowed.")
            return
        display = self.plan.display
        if self.round and aid.model_id != self.round.aid:
            self.say("aid-wrong", f"The aid was {aid.model_id}, not {self.round.aid}.")
        if not aid.prediction_sha256 or self.answers.prediction not in ("", aid.prediction_sha256):
            self.say("aid-wrong", "The aid changed to another prediction within a read, or names none.")
        if aid.status not in ("ok", "no_finding", "not_applicable", "failed"):
            self.say("aid-wrong", f"The aid had the unknown status {aid.status!r}.")
        if aid.threshold != display.aid_threshold or aid.opacity != display.aid_opacity:
            self.say("aid-wrong", f"The aid was shown at threshold {aid.threshold:g} and opacity {aid.opacity:g}.")
        self.answers.prediction = aid.prediction_sha256

    def _aid_event(self, event: ev.AidRevealed | ev.AidHidden | ev.AidShownAgain | ev.InitialSealed) -> None:
        match event:
            case ev.InitialSealed():
                if self.answers.sealed or not self.round or self.round.condition.value != "aided_sequential":
                    self.say("sealed", "An answer was sealed in a round without sealing, or a second time.")
                if not self.answers.equal(event):
                    self.say("sealed", "The sealed answer is not what had been answered.")
                self._complete(event.case_id, event.categories, event.scores, "sealed")
                self.answers.sealed = True
            case ev.AidRevealed(aid=aid):
                if not self.answers.sealed or self.answers.revealed:
                    self.say("sealed", "The aid was revealed before the answer was sealed, or a second time.")
                self._aid_look(aid)
                self.answers.revealed = self.aid_on = True
            case _:
                hiding = isinstance(event, ev.AidHidden)
                if not self.plan.display.reader_may_hide_aid or self.aid_on != hiding:
                    self.say("aid-switched", f"The aid was switched {'off' if hiding else 'on'} against the rules.")
                if isinstance(event, ev.AidShownAgain):
                    self._aid_look(event.aid)
                self.aid_on = not hiding

    # --- answers ---

    def _answer(self, event: ev.Assessed | ev.Scored | ev.Noted | ev.MarkPlaced | ev.MarkRemoved) -> None:
        rules, answers = self.plan.assessment, self.answers
        match event:
            case ev.Assessed(unit=unit, category=category):
                self._value(event.case_id, unit, category in rules.categories, f"category {category}")
                answers.categories[unit] = category
            case ev.Scored(unit=unit, score=score):
                self._value(event.case_id, unit, 0 <= score <= 100 and rules.score_kind != "none", f"score {score}")
                answers.scores[unit] = score
            case ev.Noted(text=text):
                if not rules.note_allowed:
                    self.say("answer", "A note was written where the study allows none.")
                answers.note = text
            case ev.MarkPlaced(mark=mark):
                if not rules.marks_allowed or not (mark.score is None or 0 <= mark.score <= 100) or len(mark.index) not in (2, 3):
                    self.say("answer", f"Mark {mark.mark_id} is not one that the study allows.")
                answers.marks[mark.mark_id] = mark
            case _:
                mark_id = event.mark_id
                if answers.marks.pop(mark_id, None) is None:
                    self.say("answer", f"Mark {mark_id} was taken back without having been placed.")

    def _value(self, case_id: str, unit: str, allowed: bool, what: str) -> None:
        if not allowed or unit not in self.plan.units.get(case_id, ()):
            self.say("answer", f"The {what} for {unit} of case {case_id} is not one that the study allows.")

    def _complete(self, case_id: str, categories: Mapping[str, str], scores: Mapping[str, int], code: str) -> None:
        units = set(self.plan.units.get(case_id, ()))
        rules = self.plan.assessment
        asked = rules.score_required and rules.score_kind != "none"
        if units - set(categories) or (asked and units - set(scores)):
            self.say(code, f"Case {case_id} was locked without every required answer.")

    def _submitted(self, entry: Logged, event: ev.ReadSubmitted) -> None:
        if self.round is None or event.round_no != self.round.number:
            self.say("round-order", f"Case {event.case_id} was validated in round {event.round_no}, which is not under way.")
        key = (event.round_no, event.case_id)
        if key in self.left_at:
            self.say("read-twice", f"Case {event.case_id} was validated twice in round {event.round_no}.")
        self._complete(event.case_id, event.categories, event.scores, "incomplete")
        if not self.answers.equal(event):
            self.say("altered", f"The validated answer to case {event.case_id} is not what had been answered.")
        if self.round and self.round.condition.value == "aided_sequential" and not self.answers.revealed:
            self.say("sealed", f"Case {event.case_id} was validated before its aid was revealed.")
        if entry.mono_ns - self.displayed_ns < self.plan.timing.min_display_ms * 1_000_000:
            self.say(
                "too-soon",
                f"Case {event.case_id} was validated {(entry.mono_ns - self.displayed_ns) / 1e6:.0f} ms after its display.",
            )
        self.left_at[key] = frozenset(event.categories.values())
        if event.case_id in self.waiting:
            self.waiting.remove(event.case_id)
        self.answers = _Answers()
        self.on_screen = self.covered = self.aid_on = False


def _day_number(wall: str) -> int:
    """Return the number of days since 0001-01-01, counted year by year and month by month."""
    year, month, day = int(wall[0:4]), int(wall[5:7]), int(wall[8:10])
    lengths = [31, 29 if _is_leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    leaps = sum(1 for earlier in range(4, year, 4) if _is_leap(earlier))
    return (year - 1) * 365 + leaps + sum(lengths[: month - 1]) + day - 1


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _milliseconds(wall: str) -> int | None:
    """Return milliseconds since 0001-01-01 of ``YYYY-MM-DDTHH:MM:SS[.fff]Z``, or None if it is none."""
    if len(wall) < 20 or wall[-1] != "Z" or wall[10] != "T":
        return None
    try:
        seconds = int(wall[11:13]) * 3600 + int(wall[14:16]) * 60 + int(wall[17:19])
        fraction = int((wall[20:-1] + "000")[:3])
        return (_day_number(wall) * 86400 + seconds) * 1000 + fraction
    except (ValueError, IndexError):
        return None
