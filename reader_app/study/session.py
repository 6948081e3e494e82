"""A reading session as a pure machine: ``decide`` (may this be done?), ``evolve`` (what is the state now?), ``replay``.

Rules
-----
* Rounds are read in the order of the plan, each after its washout: the calendar day (UTC) on which the previous round was
  finished plus ``min_washout_days``. A round derived from earlier answers that turns out empty is started and finished by itself.
* Within a round the cases come in the planned order, one at a time; nothing leads back to a validated case.
* A case counts as displayed when all its panes are painted. ``revision`` counts displays; a command about a case names the
  revision the reader saw and is refused when another display has come since.
* In an unaided round no aid is ever on the screen. In a concurrent or staged round it is there from the first paint. In a
  sequential round it comes after ``RevealAid``, which seals the complete unaided answer; from then on it is there at every
  display.
* The aid on the screen is that of the round's model, at the threshold and opacity of the study file, and stays the same
  prediction for the whole read. It is hidden, shown again, drawn otherwise and judged only where the study lets the reader.
* A pause covers the images: nothing can be answered until they are uncovered.
* After a crash or an interruption the draft survives and the case must be displayed again. A sitting that ends in a pause
  interrupts the read.
* A case that is repeated in a round comes again in its order like any other; the first reading is what later rounds refer to.
* In a training round with feedback the reader is told the reference after each validated case and goes on from there. A
  questionnaire that is due comes before the next case or round; one for the end of a sitting before its end.
* A read is validated whole: a category for every unit, a score where required, the aid revealed in a sequential round. A round
  that refines an earlier one begins with an empty draft; the earlier answer can be looked up with :func:`earlier_answer`.

No clock is read here: dates come with the commands. ``min_display_ms`` is therefore kept by the conductor and checked by the
audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reader_app.errors import ProtocolViolation
from reader_app.study import readrules
from reader_app.study.assignment import Plan
from reader_app.study.commands import (
    AcknowledgeFeedback,
    AdjustAid,
    AmendPlan,
    AnswerQuestion,
    AnswerQuestionnaire,
    Assess,
    CloseSession,
    Command,
    DisplayCase,
    GiveScore,
    HideAid,
    Interrupt,
    JudgeAidFinding,
    OpenSession,
    Override,
    Pause,
    PlaceMark,
    RemoveMark,
    ReportDisplay,
    ReportDisturbance,
    Resume,
    RetireReader,
    RevealAid,
    SeeAid,
    ShowAid,
    StartRound,
    SubmitRead,
    UnlockRound,
    VoidRead,
    WithdrawCase,
    WriteNote,
)
from reader_app.study.events import (
    CaseDisplayed,
    Event,
    FeedbackSeen,
    QuestionnaireAnswered,
    ReadInterrupted,
    ReadPaused,
    ReadResumed,
    ReadSubmitted,
    RoundFinished,
    RoundStarted,
    SessionClosed,
    SessionOpened,
    SessionResumed,
)
from reader_app.study.evolution import Drafting, drafted, evolve
from reader_app.study.overrides import decide_override, is_round_exhausted
from reader_app.study.questionnaires import wrong_answers
from reader_app.study.readrules import (
    AID_STATUSES,
    DISTURBANCES,
    MAX_NOTE,
    PAUSE_REASONS,
    VERDICTS,
    check_aid,
    round_under_way,
)
from reader_app.study.state import (
    Answer,
    Draft,
    Phase,
    SessionState,
    aid_due,
    changed,
    closing_questionnaire,
    counted_answers,
    current_round,
    due_case,
    due_feedback,
    due_occurrence,
    due_questionnaire,
    earlier_answer,
    hidden_planes,
    initial,
    legal_commands,
    legal_overrides,
    missing,
    next_round,
    questions_asked,
    round_cases,
    round_opens,
)

__all__ = [
    "AID_STATUSES", "DISTURBANCES", "MAX_NOTE", "PAUSE_REASONS", "VERDICTS", "Answer", "Draft", "Phase", "SessionState",
    "aid_due", "closing_questionnaire", "counted_answers", "current_round", "decide", "due_case", "due_feedback",
    "due_occurrence", "due_questionnaire", "earlier_answer", "evolve", "hidden_planes",
    "initial", "legal_commands", "legal_overrides", "missing", "next_round", "questions_asked", "replay", "round_cases",
    "round_opens",
]  # fmt: skip


def replay(plan: Plan, events: Iterable[Event]) -> SessionState:
    """Return the state after the events; the only way to obtain one.

    Most events of a log change the draft alone: those that follow each other make one new state, not one each.
    """
    state = initial(plan)
    draft: Draft | None = None
    for event in events:
        if isinstance(event, Drafting):
            draft = drafted(draft or state.draft, event)
            continue
        if draft is not None:
            state, draft = changed(state, draft=draft), None
        state = evolve(plan, state, event)
    return state if draft is None else changed(state, draft=draft)


# --- decide ------------------------------------------------------------------------------------------------------------------


def decide(plan: Plan, state: SessionState, command: Command) -> tuple[Event, ...]:
    """Return the events that a command leads to.

    Raises
    ------
    ProtocolViolation
        If the command is not legal now; nothing has changed.
    """
    if type(command) not in legal_commands(plan, state) | legal_overrides(plan, state):
        raise ProtocolViolation(_why_not(plan, state, type(command)))
    case_id = getattr(command, "case_id", None)
    due = state.feedback or due_case(state)
    if case_id is not None and case_id != due and not isinstance(command, Override):
        raise ProtocolViolation(f"Case {case_id} is not the case to be read now.")
    revision = getattr(command, "revision", None)
    if revision is not None and revision != state.revision:
        raise ProtocolViolation("This was asked of an earlier display of the case; please look again.")
    handler: Callable[[Plan, SessionState, Command], tuple[Event, ...]] = _HANDLERS[type(command)]
    return handler(plan, state, command)


def _why_not(plan: Plan, state: SessionState, wanted: type) -> str:
    """Return one sentence on why a type of command is not legal now."""
    if state.retired:
        return "This reader has left the study."
    if issubclass(wanted, Override):
        return f"{wanted.__name__} is not possible now; no case may be on the screen, and it must have something to act on."
    if state.phase is Phase.CLOSED:
        return "No sitting is open; log in first."
    if state.feedback is not None:
        return "The reference of the training case comes first."
    if due_questionnaire(plan, state) is not None or (wanted is CloseSession and closing_questionnaire(plan, state) is not None):
        return "A questionnaire comes first."
    if state.phase is Phase.PAUSED:
        return "The read is paused; continue it first."
    if wanted is SubmitRead and state.phase is Phase.READING:
        return f"The answer is not complete: {', '.join(missing(plan, state))}."
    if wanted is RevealAid and state.phase is Phase.READING:
        return "The aid can be revealed once, in a sequential round, after a complete answer without it."
    if wanted is StartRound and next_round(plan, state) is None:
        return "Every round is finished." if state.phase is Phase.DONE else "A round is under way."
    if wanted is CloseSession:
        return "A case is on the screen; validate or pause it first."
    if state.phase is Phase.READING:
        return f"{wanted.__name__} is not allowed in this read."
    return f"{wanted.__name__} is not possible while no case is on the screen."


def _open(plan: Plan, state: SessionState, command: OpenSession) -> tuple[Event, ...]:
    if state.plan_hash not in ("", plan.plan_hash):
        raise ProtocolViolation("The study was changed since this log was begun; the coordinator must amend the plan first.")
    if state.phase is Phase.CLOSED:
        return (SessionOpened(plan.reader_id, plan.plan_hash, command.wall_utc),)
    return (SessionResumed(plan.plan_hash, command.wall_utc),)


def _close(plan: Plan, state: SessionState, command: CloseSession) -> tuple[Event, ...]:
    closed = SessionClosed(command.wall_utc)
    case_id = due_case(state)
    if state.phase is Phase.PAUSED and case_id is not None:
        return (ReadInterrupted(case_id, "session closed"), closed)
    return (closed,)


def _start_round(plan: Plan, state: SessionState, command: StartRound) -> tuple[Event, ...]:
    entry = next_round(plan, state)
    if entry is None or entry.number != command.round_no:
        raise ProtocolViolation(f"Round {command.round_no} is not the next one.")
    opens = round_opens(plan, state, command.round_no)
    if opens is not None and command.wall_utc[:10] < opens:
        raise ProtocolViolation(f"Round {command.round_no} opens on {opens}.")
    started = RoundStarted(command.round_no, round_cases(plan, state, command.round_no), command.wall_utc)
    return (started, *_finish(plan, evolve(plan, state, started), command.wall_utc))


def _display(plan: Plan, state: SessionState, command: DisplayCase) -> tuple[Event, ...]:
    entry = round_under_way(plan, state)
    expected = plan.fingerprints.get(command.case_id)
    if expected is not None and command.fingerprint != expected:
        raise ProtocolViolation(f"The images of case {command.case_id} are not those of the frozen study; call the coordinator.")
    if not command.panes:
        raise ProtocolViolation("No pane has been painted.")
    hidden = hidden_planes(entry, command.panes)
    if hidden:
        raise ProtocolViolation(f"This round does not show the {hidden[0]} plane.")
    if aid_due(entry, state):
        if command.aid is None:
            raise ProtocolViolation("This round is read with the aid, and it was not on the screen.")
        check_aid(plan, state, command.aid)
    elif command.aid is not None:
        raise ProtocolViolation("No aid may be on the screen now.")
    return (CaseDisplayed(entry.number, command.case_id, command.fingerprint, command.panes, command.aid),)


def _pause(plan: Plan, state: SessionState, command: Pause) -> tuple[Event, ...]:
    if command.reason not in PAUSE_REASONS:
        raise ProtocolViolation(f"{command.reason!r} is not a reason for a pause ({', '.join(PAUSE_REASONS)}).")
    return (ReadPaused(command.case_id, command.reason),)


def _resume(plan: Plan, state: SessionState, command: Resume) -> tuple[Event, ...]:
    return (ReadResumed(command.case_id),)


def _interrupt(plan: Plan, state: SessionState, command: Interrupt) -> tuple[Event, ...]:
    return (ReadInterrupted(command.case_id, command.reason),)


def _submit(plan: Plan, state: SessionState, command: SubmitRead) -> tuple[Event, ...]:
    number = round_under_way(plan, state).number
    draft = state.draft
    answers = counted_answers(plan, state)
    parts = (dict(draft.categories), dict(draft.scores), draft.note, draft.marks, answers)
    submitted = ReadSubmitted(number, command.case_id, *parts, due_occurrence(state))
    return (submitted, *_finish(plan, evolve(plan, state, submitted), command.wall_utc))


def _acknowledge(plan: Plan, state: SessionState, command: AcknowledgeFeedback) -> tuple[Event, ...]:
    if command.shown_ms < 0:
        raise ProtocolViolation("Nothing is shown for less than no time.")
    seen = FeedbackSeen(round_under_way(plan, state).number, command.case_id, command.shown_ms)
    return (seen, *_finish(plan, evolve(plan, state, seen), command.wall_utc))


def _questionnaire(plan: Plan, state: SessionState, command: AnswerQuestionnaire) -> tuple[Event, ...]:
    asking = due_questionnaire(plan, state) or closing_questionnaire(plan, state)
    given = (command.questionnaire, command.round_no, command.count)
    if asking is None or asking.occasion != given or command.shown_ms < 0:
        raise ProtocolViolation("This is not the questionnaire that is due.")
    answers = {name: tuple(values) for name, values in command.answers.items() if values}
    wrong = wrong_answers(asking.questionnaire, answers)
    if wrong:
        raise ProtocolViolation(f"{wrong}.")
    return (QuestionnaireAnswered(*given, answers, command.shown_ms, command.wall_utc),)


def _override(plan: Plan, state: SessionState, command: Override) -> tuple[Event, ...]:
    (event,) = decide_override(plan, state, command)
    return (event, *_finish(plan, evolve(plan, state, event), command.wall_utc))


def _finish(plan: Plan, after: SessionState, wall_utc: str) -> tuple[Event, ...]:
    """Return the end of a round that has no case left, and of the empty derived rounds behind it."""
    if not is_round_exhausted(after) or after.round_no is None:
        return ()
    events: list[Event] = [RoundFinished(after.round_no, wall_utc)]
    after = evolve(plan, after, events[-1])
    following = next_round(plan, after)
    while following is not None and not round_cases(plan, after, following.number):
        for event in (RoundStarted(following.number, (), wall_utc), RoundFinished(following.number, wall_utc)):
            events.append(event)
            after = evolve(plan, after, event)
        following = next_round(plan, after)
    return tuple(events)


_HANDLERS: dict[type, Callable[..., tuple[Event, ...]]] = {
    OpenSession: _open, CloseSession: _close, StartRound: _start_round, DisplayCase: _display, Pause: _pause, Resume: _resume,
    Interrupt: _interrupt, SubmitRead: _submit,
    Assess: readrules.assess, GiveScore: readrules.score, AnswerQuestion: readrules.answer, WriteNote: readrules.note,
    PlaceMark: readrules.place, RemoveMark: readrules.remove, RevealAid: readrules.reveal, HideAid: readrules.hide,
    ShowAid: readrules.show, AdjustAid: readrules.adjust, JudgeAidFinding: readrules.judge_finding,
    ReportDisturbance: readrules.disturbance, ReportDisplay: readrules.display_changed, SeeAid: readrules.see_aid,
    AcknowledgeFeedback: _acknowledge, AnswerQuestionnaire: _questionnaire,
    UnlockRound: _override, VoidRead: _override, WithdrawCase: _override, AmendPlan: _override, RetireReader: _override,
}  # fmt: skip
