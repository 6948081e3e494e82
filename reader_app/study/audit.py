"""An independent judge of a log: reads the protocol a second time, without the session machine, and lists every deviation.

It shares with :mod:`reader_app.study.session` nothing but the events and the plan (and keeps its own idea of dates), so that a
fault in one of the two shows as a disagreement. It never stops at a deviation: all of them are listed, each with the sequence
number of the event that shows it. :data:`CODES` says what is looked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from reader_app.study import events as ev
from reader_app.study.assignment import Plan, RoundPlan
from reader_app.study.audit_blocks import BlockJudge
from reader_app.study.audit_ledger import CLOCK_TOLERANCE_MS, CODES, DAY_MS, Answers, Deviation, milliseconds
from reader_app.study.events import Logged

__all__ = ["CODES", "Deviation", "Judge", "audit"]


def audit(plan: Plan, logged: Sequence[Logged], earlier: Sequence[Plan] = ()) -> list[Deviation]:
    """Return every deviation of one reader's log from the plan; an unfinished study is none.

    Parameters
    ----------
    plan : Plan
        The plan in force.
    logged : sequence of Logged
        The whole log.
    earlier : sequence of Plan
        Plans that were amended: what was read under one of them is judged by it.
    """
    judge = Judge(plan, earlier)
    for entry in logged:
        judge.take(entry)
    judge.close()
    return judge.found


_OVERRIDES = ev.RoundUnlocked | ev.ReadVoided | ev.CaseWithdrawn | ev.PlanAmended | ev.ReaderRetired
_BEFORE_A_RESUMPTION = ev.RoundFinished | ev.ReadInterrupted | _OVERRIDES
_OUTSIDE_A_SITTING = ev.SessionOpened | ev.RoundFinished | _OVERRIDES


class Judge(BlockJudge):
    """Walks through a log once; feed it with :meth:`take`, its list is ``found``."""

    def __init__(self, plan: Plan, earlier: Sequence[Plan] = ()) -> None:
        super().__init__(plan)
        self.final = plan
        self.plans = {own.plan_hash: own for own in (*earlier, plan)}

    def close(self) -> None:
        """Judge what only the end of the log shows."""
        if self.under not in ("", self.final.plan_hash):
            self.say("plan", f"The log stands under plan {self.under[:12]}, not {self.final.plan_hash[:12]}.")

    def take(self, entry: Logged) -> None:
        """Judge the next event of the log."""
        self.seq = entry.seq
        self._clocks(entry)
        event = entry.event
        self._restarted(entry)
        if self.retired:
            self.say("override", f"{type(event).__name__} happened after the reader had left the study.")
        if not self.open and not isinstance(event, _OUTSIDE_A_SITTING) and getattr(event, "cases", None) != ():
            self.say("sitting", f"{type(event).__name__} happened while no sitting was open.")
        self.between(event)
        if self.round is not None and not (self.waiting or self.to_tell) and not isinstance(event, ev.RoundFinished):
            self.say("round-order", f"Round {self.round.number} was not finished after its last case.")
        match event:  # the frequent ones first: a log may hold a million events
            case ev.Assessed() | ev.Scored() | ev.Answered() | ev.Noted() | ev.MarkPlaced() | ev.MarkRemoved():
                self.in_view(event.case_id)
                self.answered(event)
            case ev.SessionOpened() | ev.SessionResumed() | ev.SessionClosed():
                self._sitting(event)
            case ev.RoundStarted() | ev.RoundFinished():
                self._round(event)
            case ev.RoundUnlocked() | ev.ReadVoided() | ev.CaseWithdrawn() | ev.PlanAmended() | ev.ReaderRetired():
                self._override(event)
            case ev.CaseDisplayed():
                self.displayed(entry, event)
            case ev.ReadInterrupted():
                self.turn(event.case_id)
                if not self.on_screen:
                    self.say("covered", "A read was interrupted that was not under way.")
                self.on_screen = self.covered = self.aid_on = False
            case ev.ReadPaused() | ev.ReadResumed():
                self.pause(event)
            case ev.Disturbed():
                what = f"{event.mono_gap_ms / 1000:.1f} s between two beats, wall clock off by {event.wall_step_ms / 1000:.1f} s"
                self.say("clock" if event.kind == "clock_step" else event.kind, f"{event.kind.capitalize()}: {what}.")
            case ev.AidAdjusted() | ev.AidFindingJudged() | ev.AidSeen():
                self.in_view(event.case_id)
                self.aid_used(event)
            case ev.AidRevealed() | ev.AidHidden() | ev.AidShownAgain() | ev.InitialSealed():
                self.in_view(event.case_id)
                self.aid_event(event)
            case ev.ReadSubmitted():
                self.in_view(event.case_id)
                self.submitted(entry, event)
            case ev.FeedbackSeen():
                self.told(event)
            case ev.QuestionnaireAnswered():
                self.filled_in(event)
        self.before = entry

    # --- sequence and clocks ---

    def _clocks(self, entry: Logged) -> None:
        before = self.before
        if entry.seq != (before.seq + 1 if before else 1):
            self.say("sequence", f"Event {entry.seq} follows event {before.seq if before else 0}.")
        own_wall = getattr(entry.event, "wall_utc", entry.wall_utc)
        now, own = milliseconds(entry.wall_utc), milliseconds(own_wall)
        if now is None or own is None:
            self.say("clock", f"{entry.wall_utc!r} or {own_wall!r} is not a time in UTC.")
            return
        if abs(now - own) > CLOCK_TOLERANCE_MS:
            self.say("clock", f"The event says {own_wall}, the log {entry.wall_utc}.")
        then = milliseconds(before.wall_utc) if before else None
        if before is None or then is None:
            return
        if entry.run_id != before.run_id:
            if now < then - CLOCK_TOLERANCE_MS:
                self.say("clock", f"The clock went back from {before.wall_utc} to {entry.wall_utc} between two starts.")
            return
        passed = (entry.mono_ns - before.mono_ns) // 1_000_000
        if passed < 0:
            self.say("sequence", "An event happened before the one that stands ahead of it.")
        if abs(now - then - passed) > CLOCK_TOLERANCE_MS:
            self.say("clock", f"{passed / 1000:.1f} s passed, but the time of day moved by {(now - then) / 1000:.1f} s.")

    # --- sittings and rounds ---

    def _restarted(self, entry: Logged) -> None:
        """After a new start nothing is read before the sitting is opened or resumed; overrides may come first."""
        event = entry.event
        if self.before is not None and entry.run_id != self.before.run_id:
            self.unresumed = True
        if isinstance(event, ev.SessionOpened | ev.SessionResumed):
            self.unresumed = False
        elif self.unresumed and not isinstance(event, _BEFORE_A_RESUMPTION) and getattr(event, "cases", None) != ():
            self.say("sitting", "The program was started again without opening or resuming the sitting.")
            self.unresumed = False

    def _sitting(self, event: ev.SessionOpened | ev.SessionResumed | ev.SessionClosed) -> None:
        if isinstance(event, ev.SessionClosed):
            if self.on_screen:
                self.say("sitting", "The sitting was closed while a case was on the screen.")
            self.open = self.on_screen = self.covered = self.aid_on = False
            return
        if event.plan_hash != (self.under or event.plan_hash):
            self.say("plan", f"The sitting was held under plan {event.plan_hash[:12]}, the log stood under {self.under[:12]}.")
        self.under = event.plan_hash
        self.plan = self.plans.get(self.under, self.plan)
        if isinstance(event, ev.SessionOpened):
            if event.reader_id != self.plan.reader_id:
                self.say("plan", f"The sitting is that of reader {event.reader_id}, not {self.plan.reader_id}.")
            self.opened_wall = event.wall_utc
            self.sittings += 1
            self.read_in_sitting = 0
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
            if self.round is not None and self.read_in_round:
                self.last_read_round = self.round.number
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
        self.read_in_round = 0
        self.answers = Answers()
        self._washout(event, self.round)

    def _override(self, event: ev.RoundUnlocked | ev.ReadVoided | ev.CaseWithdrawn | ev.PlanAmended | ev.ReaderRetired) -> None:
        kind = type(event).__name__
        if self.on_screen:
            self.say("override", f"{kind} happened while a case was on the screen.")
        if not event.coordinator.strip() or len([sign for sign in event.reason if sign.isalnum()]) < 10:
            self.say("override", f"{kind} names no coordinator or no sufficient reason.")
        match event:
            case ev.RoundUnlocked():
                self.unlocked.add(event.round_no)
            case ev.ReadVoided():
                key = (event.round_no, event.case_id, event.occurrence)
                if not 1 <= event.occurrence <= self.read_times.get(key[:2], 0) or key in self.voided:
                    self.say("override", f"There was no read of case {event.case_id} in round {event.round_no} to declare void.")
                self.voided.add(key)
            case ev.CaseWithdrawn():
                if event.case_id not in self.plan.units or event.case_id in self.withdrawn:
                    self.say("override", f"There was no case {event.case_id} to withdraw.")
                self.withdrawn.add(event.case_id)
                self.to_tell = "" if self.to_tell == event.case_id else self.to_tell
                if self.waiting and self.waiting[0] == event.case_id:
                    self.answers = Answers()
                self.waiting = [case for case in self.waiting if case != event.case_id]
            case ev.PlanAmended():
                if event.old_plan_hash != self.under or event.new_plan_hash == self.under:
                    self.say("override", "The amendment does not start from the plan under which the log stood.")
                self.under = event.new_plan_hash
                self.plan = self.plans.get(self.under, self.plan)
            case _:
                self.retired = True
                self.open = False

    def _washout(self, event: ev.RoundStarted, entry: RoundPlan) -> None:
        start = milliseconds(event.wall_utc)
        end = milliseconds(self.finish_walls[-1]) if self.finish_walls else None
        if start is None or end is None or not event.cases:
            return
        days = start // DAY_MS - end // DAY_MS
        if days < entry.min_washout_days and entry.number not in self.unlocked:
            self.say("washout", f"Round {entry.number} began after {days} days; the study asks {entry.min_washout_days}.")

    def _planned(self, entry: RoundPlan) -> list[str]:
        cases = [case for case in entry.order if case not in self.withdrawn]
        if entry.cases.kind != "left_at":
            return cases
        left = {case: at for (number, case), at in self.left_at.items() if number == entry.cases.of_round}
        left = {case: at for case, at in left.items() if (entry.cases.of_round or 0, case, 1) not in self.voided}
        return [case for case in cases if left.get(case, frozenset()) & set(entry.cases.values)]
