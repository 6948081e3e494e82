"""Where a session stands, and every question that can be asked of it: what is due, what is missing, what is legal.

The rules are stated in :mod:`reader_app.study.session`, which alone makes new states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeVar, cast

from reader_app.study.assignment import Plan, RoundPlan
from reader_app.study.commands import (
    AcknowledgeFeedback,
    AdjustAid,
    AmendPlan,
    AnswerQuestion,
    AnswerQuestionnaire,
    Assess,
    CloseSession,
    DisplayCase,
    GiveScore,
    HideAid,
    Interrupt,
    JudgeAidFinding,
    OpenSession,
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
from reader_app.study.dates import add_days
from reader_app.study.definition import Condition
from reader_app.study.events import AidShown
from reader_app.study.finding import Mark
from reader_app.study.growing import Growing
from reader_app.study.questionnaires import Asking, Questionnaire
from reader_app.study.questions import Question, asked, key
from reader_app.study.studykeys import PLANES


class Phase(StrEnum):
    """Where a session stands."""

    CLOSED = "closed"  # no sitting is open
    BETWEEN = "between"  # a sitting is open, no case is on the screen
    READING = "reading"
    PAUSED = "paused"
    DONE = "done"  # a sitting is open and every round is finished


@dataclass(frozen=True, slots=True)
class Draft:
    """The answer to the due case so far."""

    categories: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    marks: tuple[Mark, ...] = ()
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # "<question>:<unit>" -> values


@dataclass(frozen=True, slots=True)
class Answer:
    """A validated or sealed answer."""

    categories: Mapping[str, str]
    scores: Mapping[str, int]
    note: str = ""
    marks: tuple[Mark, ...] = ()
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionState:
    """Where one reader stands; obtained only by folding events.

    Attributes
    ----------
    round_no : int or None
        The round that has been started and not finished.
    case_order, index : tuple of str, int
        The cases of that round and the position of the due one.
    displayed : bool
        Whether the due case is on the screen (covered, in a pause).
    aid_visible : bool
        Whether the aid is switched on; in a pause it lies under the cover.
    aid : AidShown or None
        The aid this read has been given so far, also while hidden.
    sealed : Answer or None
        Sequential reading: the unaided answer of the due case.
    finished : mapping of int to str
        By round: wall time (UTC) at which it was finished.
    revision : int
        How many times a case has been displayed.
    plan_hash : str
        The plan under which the log stands; empty before the first sitting.
    verdicts : mapping of str to str
        What the reader made of the findings of the aid of the due case: "accepted" or "rejected", by finding.
    repeats : mapping of (int, str, int) to Answer
        Answers to cases that came again in a round, by round, case and occurrence (2 ...); ``answers`` holds the first ones.
    feedback : str or None
        The training case whose reference the reader has still to be told.
    sitting, sitting_reads : int
        Number of the sitting, and how many cases were validated in it.
    ended_round : int
        The last round that ended with something read in it; 0 for none.
    filled : frozenset of (str, int, int)
        The occasions on which a questionnaire was answered.
    unlocked, voided, voided_repeats, withdrawn, retired
        What a coordinator has overridden: rounds let in early, reads declared void, cases taken out, the reader's leave.
    """

    phase: Phase = Phase.CLOSED
    round_no: int | None = None
    case_order: tuple[str, ...] = ()
    index: int = 0
    draft: Draft = Draft()
    displayed: bool = False
    aid_visible: bool = False
    aid: AidShown | None = None
    sealed: Answer | None = None
    answers: Growing[tuple[int, str], Answer] = field(default_factory=Growing)
    finished: Mapping[int, str] = field(default_factory=dict)
    revision: int = 0
    plan_hash: str = ""
    unlocked: frozenset[int] = frozenset()
    voided: frozenset[tuple[int, str]] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    retired: bool = False
    verdicts: Mapping[str, str] = field(default_factory=dict)
    repeats: Growing[tuple[int, str, int], Answer] = field(default_factory=Growing)
    voided_repeats: frozenset[tuple[int, str, int]] = frozenset()
    feedback: str | None = None
    sitting: int = 0
    sitting_reads: int = 0
    ended_round: int = 0
    filled: frozenset[tuple[str, int, int]] = frozenset()


Record = TypeVar("Record")


def replacer(kind: Callable[..., Record]) -> Callable[..., Record]:
    """Return a function that does for one dataclass what ``dataclasses.replace`` does for any, in a third of its time."""
    names = tuple(entry.name for entry in fields(cast(Any, kind)))
    values_of = attrgetter(*names)

    def replaced(record: Record, /, **changes: Any) -> Record:
        return kind(**{**dict(zip(names, values_of(record), strict=True)), **changes})

    return replaced


#: The state with some fields changed.
changed = replacer(SessionState)
#: The draft with some fields changed.
redrafted = replacer(Draft)


def initial(plan: Plan) -> SessionState:
    """Return the state before anything has happened."""
    del plan  # the same for every plan; the parameter keeps the signature of all functions here alike
    return SessionState()


def due_case(state: SessionState) -> str | None:
    """Return the case to be read now, or None between rounds."""
    return state.case_order[state.index] if state.index < len(state.case_order) else None


def due_occurrence(state: SessionState) -> int:
    """Return 1 for the first reading of the due case in the round, 2 when it comes again; 0 when none is due."""
    return state.case_order[: state.index + 1].count(due_case(state) or "")


def due_feedback(plan: Plan, state: SessionState) -> str | None:
    """Return the training case whose reference must be told before anything else, or None."""
    del plan  # as in ``initial``
    return state.feedback


def due_questionnaire(plan: Plan, state: SessionState) -> Asking | None:
    """Return the questionnaire that must be answered before the next case or round, or None."""
    if not plan.questionnaires or state.phase not in (Phase.BETWEEN, Phase.DONE) or state.feedback is not None:
        return None
    under_way = state.round_no is not None
    number, when = (state.round_no or 0, "after_cases") if under_way else (state.ended_round, "round_end")
    for own in plan.questionnaires:
        count = state.index if under_way else 0
        on_time = under_way is False or (own.every > 0 and count > 0 and count % own.every == 0)
        asking = Asking(own, number, count)
        if own.when == when and on_time and _is_about(plan, own, number) and asking.occasion not in state.filled:
            return asking
    return None


def closing_questionnaire(plan: Plan, state: SessionState) -> Asking | None:
    """Return the questionnaire that must be answered before the reader can end the sitting, or None."""
    if state.phase in (Phase.CLOSED, Phase.READING) or not state.sitting_reads:
        return None
    asked_now = (Asking(own, 0, state.sitting) for own in plan.questionnaires if own.when == "session_end")
    return next((own for own in asked_now if own.occasion not in state.filled), None)


def _is_about(plan: Plan, questionnaire: Questionnaire, number: int) -> bool:
    """Return whether a questionnaire is asked about a round."""
    entry = next((own for own in plan.rounds if own.number == number), None)
    return entry is not None and (number in questionnaire.rounds if questionnaire.rounds else not entry.training)


def current_round(plan: Plan, state: SessionState) -> RoundPlan | None:
    """Return the round under way, or None between rounds."""
    return None if state.round_no is None else plan.round(state.round_no)


def next_round(plan: Plan, state: SessionState) -> RoundPlan | None:
    """Return the round that may be started next, or None while one is under way or when all are finished."""
    if state.round_no is not None:
        return None
    return next((entry for entry in plan.rounds if entry.number not in state.finished), None)


def round_opens(plan: Plan, state: SessionState, round_no: int) -> str | None:
    """Return the first day (UTC, ``YYYY-MM-DD``) on which a round may be started; None if no washout holds it back.

    The day is known once the previous round is finished; until then the answer is None as well, and the order of rounds holds it.
    """
    numbers = [entry.number for entry in plan.rounds]
    position = numbers.index(round_no)
    days = plan.rounds[position].min_washout_days
    if position == 0 or days == 0 or round_no in state.unlocked:
        return None
    before = state.finished.get(numbers[position - 1])
    return None if before is None else add_days(before[:10], days)


def round_cases(plan: Plan, state: SessionState, round_no: int) -> tuple[str, ...]:
    """Return the cases of a round in order; for a derived round, those that the answers so far select."""
    entry = plan.round(round_no)
    order = tuple(case_id for case_id in entry.order if case_id not in state.withdrawn)
    if entry.cases.kind != "left_at":
        return order
    valid = {key: own for key, own in state.answers.items() if key not in state.voided}
    left = {case_id: own for (number, case_id), own in valid.items() if number == entry.cases.of_round}
    wanted = set(entry.cases.values)
    return tuple(case_id for case_id in order if case_id in left and wanted & set(left[case_id].categories.values()))


def earlier_answer(plan: Plan, state: SessionState, case_id: str) -> Answer | None:
    """Return the answer that the round under way refines, where the reader may see it; else None."""
    entry = current_round(plan, state)
    if entry is None or entry.refines is None or not entry.show_earlier_answer:
        return None
    return state.answers.get((entry.refines, case_id))


def missing(plan: Plan, state: SessionState) -> tuple[str, ...]:
    """Return what validation of the due case still needs.

    Returns
    -------
    tuple of str
        ``"category:<unit>"``, ``"score:<unit>"`` in the order of the units, ``"question:<id>:<unit>"`` in the order of the form,
        ``"finding:<name>"`` for findings of the aid that must be judged, then ``"aid"`` where it must first be revealed; empty
        when the case can be validated, or none is due.
    """
    case_id, entry = due_case(state), current_round(plan, state)
    if case_id is None or entry is None:
        return ()
    needs = list(_unanswered(plan, state, case_id))
    if plan.display.findings_must_be_judged and state.aid is not None:
        names = (str(number) for number in range(1, state.aid.findings + 1))
        needs += [f"finding:{name}" for name in names if name not in state.verdicts]
    if entry.condition is Condition.AIDED_SEQUENTIAL and state.sealed is None:
        needs.append("aid")
    return tuple(needs)


def legal_commands(plan: Plan, state: SessionState) -> frozenset[type]:
    """Return the types of a reader's commands that can be accepted now, given fitting contents (for ``StartRound``: the day)."""
    if state.retired:
        return frozenset()
    if state.phase is Phase.CLOSED:
        return frozenset({OpenSession})
    legal: set[type] = {OpenSession} if state.phase is Phase.DONE else {OpenSession, ReportDisturbance, ReportDisplay}
    if state.feedback is not None:
        return frozenset(legal | {AcknowledgeFeedback})
    blocked = due_questionnaire(plan, state) is not None
    if blocked or closing_questionnaire(plan, state) is not None:
        legal.add(AnswerQuestionnaire)
    elif state.phase is not Phase.READING:
        legal.add(CloseSession)
    if state.phase is Phase.BETWEEN and not blocked:
        legal.add(StartRound if state.round_no is None else DisplayCase)
    if state.phase is Phase.PAUSED:
        legal |= {Resume, Interrupt}
    if state.phase is Phase.READING:
        legal |= {Assess, Pause, Interrupt} | _reading_commands(plan, state)
    return frozenset(legal)


def legal_overrides(plan: Plan, state: SessionState) -> frozenset[type]:
    """Return the types of override that a coordinator can make now, given fitting contents."""
    if state.displayed or state.retired:
        return frozenset()
    legal: set[type] = {RetireReader}
    following = next_round(plan, state)
    if following is not None and round_opens(plan, state, following.number) is not None:
        legal.add(UnlockRound)
    if set(state.answers) - state.voided or set(state.repeats) - state.voided_repeats:
        legal.add(VoidRead)
    if set(plan.units) - state.withdrawn:
        legal.add(WithdrawCase)
    if state.plan_hash not in ("", plan.plan_hash):
        legal.add(AmendPlan)
    return frozenset(legal)


def _reading_commands(plan: Plan, state: SessionState) -> set[type]:
    rules, legal = plan.assessment, set[type]()
    if questions_asked(plan, state):
        legal.add(AnswerQuestion)
    if rules.score_kind != "none":
        legal.add(GiveScore)
    if rules.note_allowed:
        legal.add(WriteNote)
    if rules.marks_allowed:
        legal.add(PlaceMark)
    if state.draft.marks:
        legal.add(RemoveMark)
    needs = missing(plan, state)
    if needs == ("aid",):
        legal.add(RevealAid)
    if not needs:
        legal.add(SubmitRead)
    if plan.display.reader_may_adjust_aid and state.aid_visible:
        legal.add(AdjustAid)
    if state.aid_visible:
        legal.add(SeeAid)
    if plan.display.reader_judges_findings and state.aid_visible:
        legal.add(JudgeAidFinding)
    if plan.display.reader_may_hide_aid and state.aid is not None:
        legal.add(HideAid if state.aid_visible else ShowAid)
    return legal


def aid_due(entry: RoundPlan, state: SessionState) -> bool:
    """Return whether the due case must be displayed with its aid."""
    if entry.condition is Condition.AIDED_SEQUENTIAL:
        return state.sealed is not None
    return entry.condition is not Condition.UNAIDED


def questions_asked(plan: Plan, state: SessionState) -> tuple[tuple[Question, str], ...]:
    """Return the questions of the form that are asked of the due case as it stands, each with its unit."""
    case_id, draft = due_case(state), state.draft
    if case_id is None or plan.modalities is None:
        return ()
    modality, units = plan.modalities[case_id], plan.units[case_id]
    findings = tuple(dict.fromkeys(mark.finding_id for mark in draft.marks))
    return tuple(asked(plan.questions, modality, units, draft.categories, draft.answers, findings))


def counted_answers(plan: Plan, state: SessionState) -> dict[str, tuple[str, ...]]:
    """Return the answers of the draft that count: those to questions that are asked as things stand."""
    keys = [key(question.question_id, unit) for question, unit in questions_asked(plan, state)]
    return {own: state.draft.answers[own] for own in keys if state.draft.answers.get(own)}


def hidden_planes(entry: RoundPlan, panes: Iterable[str]) -> tuple[str, ...]:
    """Return the planes among the panes that a round does not show; a pane is named by its plane, perhaps after a full stop."""
    shown = {pane.rsplit(".", 1)[-1] for pane in panes} & set(PLANES)
    return tuple(sorted(shown - set(entry.planes))) if entry.planes else ()


def _unanswered(plan: Plan, state: SessionState, case_id: str) -> Iterable[str]:
    for unit in plan.units[case_id]:
        if unit not in state.draft.categories:
            yield f"category:{unit}"
        if plan.assessment.score_kind != "none" and plan.assessment.score_required and unit not in state.draft.scores:
            yield f"score:{unit}"
    for question, unit in questions_asked(plan, state):
        if question.required and not state.draft.answers.get(key(question.question_id, unit)):
            yield f"question:{question.question_id}:{unit}"
