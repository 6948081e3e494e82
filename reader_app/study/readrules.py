"""What a reader may do with the case on the screen: answer, mark, reveal and use the aid. The rules stand in ``session``.

Each function returns the events of a command whose type is legal now, or raises ProtocolViolation.
"""

from __future__ import annotations

import math

from reader_app.errors import ProtocolViolation
from reader_app.study.assignment import Plan, RoundPlan
from reader_app.study.commands import (
    AdjustAid,
    AnswerQuestion,
    Assess,
    GiveScore,
    HideAid,
    JudgeAidFinding,
    PlaceMark,
    RemoveMark,
    ReportDisplay,
    ReportDisturbance,
    RevealAid,
    SeeAid,
    ShowAid,
    WriteNote,
)
from reader_app.study.events import (
    AidAdjusted,
    AidFindingJudged,
    AidHidden,
    AidRevealed,
    AidSeen,
    AidShown,
    AidShownAgain,
    Answered,
    Assessed,
    DisplayChanged,
    Disturbed,
    Event,
    InitialSealed,
    MarkPlaced,
    MarkRemoved,
    Noted,
    Scored,
)
from reader_app.study.questions import wrong_answer
from reader_app.study.state import SessionState, counted_answers, questions_asked

#: Longest free text of a read, in characters; well below what a spreadsheet cell holds.
MAX_NOTE = 10_000

PAUSE_REASONS: tuple[str, ...] = ("reader", "idle", "hidden", "system", "display")
DISTURBANCES: tuple[str, ...] = ("suspend", "clock_step", "stall")
VERDICTS: tuple[str, ...] = ("accepted", "rejected", "")
AID_STATUSES: tuple[str, ...] = ("ok", "no_finding", "not_applicable", "failed", "withheld")


def check_aid(plan: Plan, state: SessionState, aid: AidShown) -> None:
    """Refuse an aid that is not the one of the round, looks otherwise, or is another prediction than before."""
    entry = round_under_way(plan, state)
    if aid.model_id != entry.aid:
        raise ProtocolViolation(f"The aid of this round is {entry.aid}, not {aid.model_id}.")
    if not aid.prediction_sha256:
        raise ProtocolViolation("The aid does not say which stored prediction it shows.")
    if aid.status not in AID_STATUSES:
        raise ProtocolViolation(f"{aid.status!r} is not the status of an aid.")
    if aid.findings < 0 or (aid.findings and aid.status != "ok"):
        raise ProtocolViolation("An aid that is not there marks no finding.")
    check_look(plan, aid.threshold, aid.opacity)
    if state.aid is not None and _identity(state.aid) != _identity(aid):
        raise ProtocolViolation("The aid of this read is another prediction than before.")


def _identity(aid: AidShown) -> tuple[str, str, str, int]:
    return (aid.prediction_sha256, aid.model_sha256, aid.status, aid.findings)


def check_look(plan: Plan, threshold: float, opacity: float) -> None:
    """Refuse a look of the aid that the study does not allow."""
    if plan.display.reader_may_adjust_aid:
        if not (0 <= threshold <= 1 and 0 <= opacity <= 1):
            raise ProtocolViolation("Threshold and opacity of the aid lie between 0 and 1.")
    elif (threshold, opacity) != (plan.display.aid_threshold, plan.display.aid_opacity):
        raise ProtocolViolation("The aid was not shown at the threshold and opacity of the study.")


def adjust(plan: Plan, state: SessionState, command: AdjustAid) -> tuple[Event, ...]:
    """Change how the aid is drawn."""
    check_look(plan, command.threshold, command.opacity)
    return (AidAdjusted(command.case_id, command.threshold, command.opacity),)


def judge_finding(plan: Plan, state: SessionState, command: JudgeAidFinding) -> tuple[Event, ...]:
    """Accept or reject a finding of the aid."""
    if not command.finding or command.verdict not in VERDICTS:
        raise ProtocolViolation("A finding of the aid is accepted, rejected, or neither.")
    findings = state.aid.findings if state.aid is not None else 0
    if findings and command.finding not in {str(number) for number in range(1, findings + 1)}:
        raise ProtocolViolation(f"The aid has {findings} findings, none of them is {command.finding}.")
    return (AidFindingJudged(command.case_id, command.finding, command.verdict),)


def see_aid(plan: Plan, state: SessionState, command: SeeAid) -> tuple[Event, ...]:
    """Note the slices on which the aid was in view."""
    sound = all(0 <= seen.first <= seen.index <= seen.last and seen.image_id for seen in command.slices)
    if not command.slices or not sound:
        raise ProtocolViolation("What was seen of the aid is stretches of slices: first, present and last, from 0.")
    return (AidSeen(command.case_id, command.slices),)


def display_changed(plan: Plan, state: SessionState, command: ReportDisplay) -> tuple[Event, ...]:
    """Note the screen on which the images are."""
    if min(command.width_px, command.height_px, command.scale) <= 0:
        raise ProtocolViolation("A screen has a size and a scale.")
    return (DisplayChanged(command.screen, command.width_px, command.height_px, command.scale, command.checked_utc),)


def disturbance(plan: Plan, state: SessionState, command: ReportDisturbance) -> tuple[Event, ...]:
    """Note that time did not pass as it should."""
    if command.kind not in DISTURBANCES:
        raise ProtocolViolation(f"{command.kind!r} is not one of {', '.join(DISTURBANCES)}.")
    return (Disturbed(command.kind, command.mono_gap_ms, command.wall_step_ms),)


def assess(plan: Plan, state: SessionState, command: Assess) -> tuple[Event, ...]:
    """Choose a category."""
    check_unit(plan, command.case_id, command.unit)
    if command.category not in plan.assessment.categories:
        raise ProtocolViolation(f"Category {command.category} is not one of {', '.join(plan.assessment.categories)}.")
    return (Assessed(command.case_id, command.unit, command.category),)


def score(plan: Plan, state: SessionState, command: GiveScore) -> tuple[Event, ...]:
    """Give a score."""
    check_unit(plan, command.case_id, command.unit)
    check_score(command.score)
    return (Scored(command.case_id, command.unit, command.score),)


def answer(plan: Plan, state: SessionState, command: AnswerQuestion) -> tuple[Event, ...]:
    """Answer a question of the form."""
    for question, unit in questions_asked(plan, state):
        if (question.question_id, unit) == (command.question, command.unit):
            wrong = wrong_answer(question, command.values)
            if wrong:
                raise ProtocolViolation(f"{wrong}.")
            return (Answered(command.case_id, unit, command.question, command.values),)
    raise ProtocolViolation(f"Question {command.question} is not asked for {command.unit} now.")


def note(plan: Plan, state: SessionState, command: WriteNote) -> tuple[Event, ...]:
    """Replace the free text."""
    if len(command.text) > MAX_NOTE:
        raise ProtocolViolation(f"The note is longer than {MAX_NOTE} characters.")
    if any("\ud800" <= letter <= "\udfff" for letter in command.text):
        raise ProtocolViolation("The note holds half a character.")
    return (Noted(command.case_id, command.text),)


def place(plan: Plan, state: SessionState, command: PlaceMark) -> tuple[Event, ...]:
    """Place or move a mark."""
    mark = command.mark
    if not (mark.mark_id and mark.finding_id and mark.image_id):
        raise ProtocolViolation("A mark needs an id, a finding and an image.")
    if len(mark.index) not in (2, 3) or not all(math.isfinite(position) for position in mark.index):
        raise ProtocolViolation("A mark lies at (row, column) or (slice, row, column).")
    axes = len(mark.index)
    sized = len(mark.extent) == axes and all(math.isfinite(size) and size >= 0 for size in mark.extent)
    drawn = len(mark.outline) >= 3 and all(len(at) == axes and all(map(math.isfinite, at)) for at in mark.outline)
    shapes = {"point": (False, False), "box": (True, False), "ellipse": (True, False), "outline": (False, True)}
    has = (sized if mark.extent else False, drawn if mark.outline else False)
    if has != shapes.get(mark.kind) or (mark.extent and not sized) or (mark.outline and not drawn):
        raise ProtocolViolation(
            "A mark is a point, a box or ellipse with a size along each axis, or an outline of three corners."
        )
    if mark.score is not None:
        check_score(mark.score)
    return (MarkPlaced(command.case_id, mark),)


def remove(plan: Plan, state: SessionState, command: RemoveMark) -> tuple[Event, ...]:
    """Take a mark back."""
    if command.mark_id not in {mark.mark_id for mark in state.draft.marks}:
        raise ProtocolViolation(f"There is no mark {command.mark_id}.")
    return (MarkRemoved(command.case_id, command.mark_id),)


def reveal(plan: Plan, state: SessionState, command: RevealAid) -> tuple[Event, ...]:
    """Seal the unaided answer and show the aid."""
    check_aid(plan, state, command.aid)
    draft = state.draft
    answers = counted_answers(plan, state)
    sealed = InitialSealed(command.case_id, dict(draft.categories), dict(draft.scores), draft.note, draft.marks, answers)
    return (sealed, AidRevealed(command.case_id, command.aid))


def hide(plan: Plan, state: SessionState, command: HideAid) -> tuple[Event, ...]:
    """Switch the aid off."""
    return (AidHidden(command.case_id),)


def show(plan: Plan, state: SessionState, command: ShowAid) -> tuple[Event, ...]:
    """Switch the aid on again."""
    check_aid(plan, state, command.aid)
    return (AidShownAgain(command.case_id, command.aid),)


def round_under_way(plan: Plan, state: SessionState) -> RoundPlan:
    """Return the round under way."""
    assert state.round_no is not None, "legal_commands lets no command about a case through between rounds"
    return plan.round(state.round_no)


def check_unit(plan: Plan, case_id: str, unit: str) -> None:
    """Refuse a unit that is not judged in this case."""
    if unit not in plan.units[case_id]:
        raise ProtocolViolation(f"Case {case_id} is judged for {', '.join(plan.units[case_id])}, not for {unit}.")


def check_score(score: int) -> None:
    """Refuse what is not a whole number from 0 to 100."""
    if type(score) is not int or not 0 <= score <= 100:
        raise ProtocolViolation("A score is a whole number from 0 to 100.")
