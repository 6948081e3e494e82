"""Folds a log into Reads, one for each validated case of a reader in a round, with the intervals from which times are derived.

Rules
-----
* A read begins when all panes have been painted and ends when it is validated. Between them every stretch is "active" (images in
  view) or "paused" (covered). Time while the program was down, or between an interruption and the next display, is in neither.
* A stretch that was cut off (crash, power cut) ends at the last event that its run logged; the read's ``interrupted`` counts it.
* "aid" stretches lie over the active ones: the aid was in view. So do "idle" ones: the time without any input before a pause for
  idleness. "load" stretches come before: from when the case fell due, in the same run, until it was painted.
* Monotonic times compare within one run only, so no stretch spans two runs.
* Training reads, void reads and reads of withdrawn cases are no data: :func:`reads` leaves them out unless asked for them.
* Durations are not stored: :func:`active_seconds` and its like derive them, so their definition can change after the study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from reader_app.errors import LogBug
from reader_app.study import events as ev
from reader_app.study.assignment import Plan
from reader_app.study.definition import Condition
from reader_app.study.events import AidShown, Logged, SliceSeen
from reader_app.study.finding import Mark


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of one run on its monotonic clock; ``kind``: "load", "active", "idle", "paused" or "aid"."""

    kind: str
    start_ns: int
    stop_ns: int
    run_id: str


@dataclass(frozen=True, slots=True)
class Initial:
    """The sealed unaided answer of a sequential read."""

    categories: Mapping[str, str]
    scores: Mapping[str, int]
    note: str
    marks: tuple[Mark, ...]
    sealed_utc: str
    active_ns: int  # reading time until the seal
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """One reader's complete judgement of one case in one round.

    Attributes
    ----------
    initial : Initial or None
        Sequential reading: the answer before the aid.
    intervals : tuple of Interval
        In the order of their ends.
    displayed_utc, submitted_utc : str
        Wall time of the first display and of the validation.
    position : int
        Place in the order of the round, from 1.
    aid : AidShown or None
        The aid that was shown.
    interrupted : int
        How often the read was cut off (crash, interruption, end of the sitting) and shown again.
    run_ids : tuple of str
        The program starts over which the read extends, in order.
    training : bool
        Whether it belongs to a training round.
    void : str
        Why the read counts for nothing (declared void, or its case withdrawn); empty for a valid read.
    plan_hash : str
        The version of the plan under which it was validated.
    answers : mapping of str to tuple of str
        Answers to the questions of the form, by ``"<question>:<unit>"``.
    verdicts : mapping of str to str
        By finding of the aid: "accepted" or "rejected".
    disturbances : tuple of str
        "suspend", "clock_step", "stall": what happened to time during the read.
    occurrence : int
        1, or 2 where the case came again in the round.
    seen : tuple of SliceSeen
        The stretches of slices on which the aid was in view, in the order of their reports.
    """

    reader_id: str
    round_no: int
    condition: Condition
    case_id: str
    categories: Mapping[str, str]
    scores: Mapping[str, int]
    note: str
    marks: tuple[Mark, ...]
    initial: Initial | None
    intervals: tuple[Interval, ...]
    displayed_utc: str
    submitted_utc: str
    position: int
    aid: AidShown | None
    interrupted: int
    run_ids: tuple[str, ...]
    training: bool = False
    void: str = ""
    plan_hash: str = ""
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)
    disturbances: tuple[str, ...] = ()
    occurrence: int = 1
    seen: tuple[SliceSeen, ...] = ()


@dataclass(slots=True)
class _Open:
    """A read that is under way."""

    case_id: str
    displayed_utc: str
    initial: Initial | None = None
    intervals: list[Interval] = field(default_factory=list)
    aid: AidShown | None = None
    interrupted: int = 0
    run_ids: list[str] = field(default_factory=list)
    running: dict[str, tuple[int, str]] = field(default_factory=dict)  # kind -> (start_ns, run_id)
    last_aid_on: bool = False
    verdicts: dict[str, str] = field(default_factory=dict)
    disturbances: list[str] = field(default_factory=list)
    seen: list[SliceSeen] = field(default_factory=list)

    def start(self, kind: str, entry: Logged) -> None:
        self.running[kind] = (entry.mono_ns, entry.run_id)

    def stop(self, kind: str, at_ns: int) -> None:
        begun = self.running.pop(kind, None)
        if begun is not None:
            self.intervals.append(Interval(kind, begun[0], at_ns, begun[1]))

    def stop_all(self, at_ns: int) -> None:
        for kind in ("aid", "active", "paused"):
            self.stop(kind, at_ns)


_FALLING_DUE = (
    ev.SessionOpened | ev.SessionResumed | ev.RoundStarted | ev.ReadInterrupted | ev.ReadSubmitted | ev.CaseWithdrawn
    | ev.FeedbackSeen | ev.QuestionnaireAnswered
)  # fmt: skip


def reads(plan: Plan, logged: Sequence[Logged], *, training: bool = False, void: bool = False) -> list[Read]:
    """Return the reads of one reader's log in the order of validation; reads not yet validated are left out.

    Parameters
    ----------
    plan : Plan
        The plan in force.
    logged : sequence of Logged
        The whole log.
    training : bool
        Whether to return training reads as well.
    void : bool
        Whether to return void reads as well, each with its reason.

    Raises
    ------
    LogBug
        If the log validates a case in a round that was not started with it: it does not belong to this plan.
    """
    done: list[Read] = []
    places: dict[int, Mapping[tuple[str, int], int]] = {}  # round -> (case, occurrence) -> place, from 1
    under_way: _Open | None = None
    before: Logged | None = None
    due: Logged | None = None  # since when the case in turn has been waited for
    plan_hash = ""
    reasons: dict[tuple[int | None, str, int], str] = {}
    for entry in logged:
        event = entry.event
        match event:
            case ev.RoundStarted():
                places[event.round_no] = _places(event.cases)
            case ev.ReadVoided():
                reasons[event.round_no, event.case_id, event.occurrence] = event.reason
            case ev.CaseWithdrawn():
                reasons[None, event.case_id, 0] = event.reason
                under_way = None if under_way is not None and under_way.case_id == event.case_id else under_way
            case ev.CaseDisplayed():
                under_way = under_way or _Open(event.case_id, entry.wall_utc)
                if due is not None and due.run_id == entry.run_id:
                    under_way.intervals.append(Interval("load", due.mono_ns, entry.mono_ns, entry.run_id))
                _display(under_way, entry, event)
            case ev.ReadSubmitted() if under_way is not None:
                under_way.stop_all(entry.mono_ns)
                done.append(replace(_read(plan, under_way, entry, event, places), plan_hash=plan_hash))
                under_way = None
            case _ if under_way is not None:
                _step(under_way, entry, before, plan.timing.idle_pause_s)
        if isinstance(event, _FALLING_DUE):
            due = entry
        plan_hash = getattr(event, "new_plan_hash", getattr(event, "plan_hash", plan_hash))
        before = entry
    for position, read in enumerate(done):
        withdrawn = reasons.get((None, read.case_id, 0), "")
        reason = reasons.get((read.round_no, read.case_id, read.occurrence), withdrawn)
        done[position] = replace(read, void=reason)
    return [read for read in done if (training or not read.training) and (void or not read.void)]


def _display(read: _Open, entry: Logged, event: ev.CaseDisplayed) -> None:
    if entry.run_id not in read.run_ids:
        read.run_ids.append(entry.run_id)
    read.start("active", entry)
    read.last_aid_on = event.aid is not None
    if event.aid is not None:
        read.aid = event.aid
        read.start("aid", entry)


def _step(read: _Open, entry: Logged, before: Logged | None, idle_s: int) -> None:
    event = entry.event
    match event:
        case ev.SessionResumed():
            if read.running and before is not None:
                read.stop_all(entry.mono_ns if entry.run_id == before.run_id else before.mono_ns)
                read.interrupted += 1
        case ev.ReadInterrupted():
            read.stop_all(entry.mono_ns)
            read.interrupted += 1
        case ev.ReadPaused(reason=reason):
            begun = read.running.get("active")
            if reason == "idle" and begun is not None:
                start_ns = max(begun[0], entry.mono_ns - idle_s * 1_000_000_000)
                read.intervals.append(Interval("idle", start_ns, entry.mono_ns, entry.run_id))
            read.stop_all(entry.mono_ns)
            read.start("paused", entry)
        case ev.ReadResumed():
            read.stop_all(entry.mono_ns)
            read.start("active", entry)
            if read.last_aid_on:
                read.start("aid", entry)
        case ev.InitialSealed():
            read.stop("active", entry.mono_ns)
            read.start("active", entry)
            active_ns = sum(stretch.stop_ns - stretch.start_ns for stretch in read.intervals if stretch.kind == "active")
            answer = (event.categories, event.scores, event.note, event.marks)
            read.initial = Initial(*answer, entry.wall_utc, active_ns, event.answers)
        case ev.AidRevealed(aid=aid) | ev.AidShownAgain(aid=aid):
            read.aid = aid
            read.last_aid_on = True
            read.start("aid", entry)
        case ev.AidAdjusted(threshold=threshold, opacity=opacity) if read.aid is not None:
            read.aid = replace(read.aid, threshold=threshold, opacity=opacity)
        case ev.AidFindingJudged(finding=finding, verdict=verdict):
            read.verdicts[finding] = verdict
        case ev.AidSeen(slices=slices):
            read.seen += slices
        case ev.Disturbed(kind=kind):
            read.disturbances.append(kind)
        case ev.AidHidden():
            read.last_aid_on = False
            read.stop("aid", entry.mono_ns)


def _places(order: Sequence[str]) -> dict[tuple[str, int], int]:
    times: dict[str, int] = {}
    places: dict[tuple[str, int], int] = {}
    for place, case_id in enumerate(order, start=1):
        times[case_id] = times.get(case_id, 0) + 1
        places[case_id, times[case_id]] = place
    return places


def _read(
    plan: Plan, read: _Open, entry: Logged, event: ev.ReadSubmitted, places: Mapping[int, Mapping[tuple[str, int], int]]
) -> Read:
    position = places.get(event.round_no, {}).get((event.case_id, event.occurrence))
    planned = next((own for own in plan.rounds if own.number == event.round_no), None)
    if position is None or planned is None:
        raise LogBug(f"The log validates case {event.case_id} in round {event.round_no}, which was not started with it.")
    return Read(
        reader_id=plan.reader_id,
        round_no=event.round_no,
        condition=planned.condition,
        case_id=event.case_id,
        categories=event.categories,
        scores=event.scores,
        note=event.note,
        marks=event.marks,
        initial=read.initial,
        intervals=tuple(read.intervals),
        displayed_utc=read.displayed_utc,
        submitted_utc=entry.wall_utc,
        position=position,
        aid=read.aid,
        interrupted=read.interrupted,
        run_ids=tuple(read.run_ids),
        training=planned.training,
        answers=event.answers,
        verdicts={finding: verdict for finding, verdict in read.verdicts.items() if verdict},
        disturbances=tuple(read.disturbances),
        occurrence=event.occurrence,
        seen=tuple(read.seen),
    )


def seconds(read: Read, kind: str) -> float:
    """Return the summed length of the stretches of one kind, in seconds."""
    return sum(stretch.stop_ns - stretch.start_ns for stretch in read.intervals if stretch.kind == kind) / 1e9


def active_seconds(read: Read) -> float:
    """Return the reading time: displayed to validated, pauses and interruptions left out."""
    return seconds(read, "active")


def paused_seconds(read: Read) -> float:
    """Return how long the images were covered."""
    return seconds(read, "paused")


def load_seconds(read: Read) -> float:
    """Return how long the case was waited for before its displays; the reader may have rested in that time."""
    return seconds(read, "load")


def idle_seconds(read: Read) -> float:
    """Return the part of the reading time without any input before a pause for idleness."""
    return seconds(read, "idle")


def aid_seconds(read: Read) -> float:
    """Return how long the aid was in view."""
    return seconds(read, "aid")
