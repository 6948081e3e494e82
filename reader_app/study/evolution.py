"""How events change the state of a session; the rules are stated in :mod:`reader_app.study.session`."""

from __future__ import annotations

from dataclasses import replace

from reader_app.study.assignment import Plan
from reader_app.study.events import (
    AidAdjusted,
    AidFindingJudged,
    AidHidden,
    AidRevealed,
    AidShownAgain,
    Answered,
    Assessed,
    CaseDisplayed,
    CaseWithdrawn,
    Event,
    FeedbackSeen,
    InitialSealed,
    MarkPlaced,
    MarkRemoved,
    Noted,
    PlanAmended,
    QuestionnaireAnswered,
    ReaderRetired,
    ReadInterrupted,
    ReadPaused,
    ReadResumed,
    ReadSubmitted,
    ReadVoided,
    RoundFinished,
    RoundStarted,
    RoundUnlocked,
    Scored,
    SessionClosed,
    SessionOpened,
    SessionResumed,
)
from reader_app.study.questions import key
from reader_app.study.state import Answer, Draft, Phase, SessionState, changed, due_case, redrafted

#: The events that change nothing but the draft.
Drafting = Assessed | Scored | Answered | Noted | MarkPlaced | MarkRemoved


def evolve(plan: Plan, state: SessionState, event: Event) -> SessionState:
    """Return the state after an event. Total: never refuses, never reads a clock."""
    if isinstance(event, Drafting):
        return changed(state, draft=drafted(state.draft, event))
    match event:
        case SessionOpened(plan_hash=plan_hash):
            begun = changed(state, sitting=state.sitting + 1, sitting_reads=0, plan_hash=plan_hash)
            return changed(begun, phase=_resting(plan, state))
        case SessionResumed() | ReadInterrupted():
            return changed(state, phase=_resting(plan, state), displayed=False, aid_visible=False)
        case SessionClosed():
            return changed(state, phase=Phase.CLOSED, displayed=False, aid_visible=False)
        case RoundStarted(round_no=number, cases=cases):
            begun = _due(changed(state, round_no=number, case_order=cases), 0)
            return changed(begun, phase=state.phase) if state.phase is Phase.CLOSED else begun
        case RoundFinished(round_no=number, wall_utc=wall):
            ended = changed(state, round_no=None, case_order=(), index=0, finished={**state.finished, number: wall})
            ended = changed(ended, ended_round=number if state.index else state.ended_round)
            return ended if state.phase is Phase.CLOSED else changed(ended, phase=_resting(plan, ended))
        case CaseDisplayed(aid=aid):
            shown = changed(state, phase=Phase.READING, displayed=True, revision=state.revision + 1, aid_visible=aid is not None)
            return changed(shown, aid=aid or state.aid)
        case ReadSubmitted():
            return _submitted(plan, state, event)
        case FeedbackSeen():
            return changed(state, feedback=None)
        case QuestionnaireAnswered(questionnaire=name, round_no=number, count=count):
            return changed(state, filled=state.filled | {(name, number, count)})
        case RoundUnlocked() | ReadVoided() | CaseWithdrawn() | PlanAmended() | ReaderRetired():
            return _overridden(state, event)
        case _:
            return _within_read(state, event)


def _submitted(plan: Plan, state: SessionState, event: ReadSubmitted) -> SessionState:
    answer = Answer(event.categories, event.scores, event.note, event.marks, event.answers)
    key_of_first = (event.round_no, event.case_id)
    if event.occurrence > 1:
        kept = changed(state, repeats=state.repeats.extended((*key_of_first, event.occurrence), answer))
    else:
        kept = changed(state, answers=state.answers.extended(key_of_first, answer))
    tells = any(entry.feedback for entry in plan.rounds if entry.number == event.round_no)
    told = changed(kept, feedback=event.case_id if tells else None, sitting_reads=state.sitting_reads + 1)
    return _due(told, state.index + 1)


def _overridden(state: SessionState, event: Event) -> SessionState:
    match event:
        case RoundUnlocked(round_no=number):
            return changed(state, unlocked=state.unlocked | {number})
        case ReadVoided(round_no=number, case_id=case_id, occurrence=occurrence) if occurrence > 1:
            return changed(state, voided_repeats=state.voided_repeats | {(number, case_id, occurrence)})
        case ReadVoided(round_no=number, case_id=case_id):
            return changed(state, voided=state.voided | {(number, case_id)})
        case PlanAmended(new_plan_hash=plan_hash):
            return changed(state, plan_hash=plan_hash)
        case CaseWithdrawn(case_id=case_id):
            told = None if state.feedback == case_id else state.feedback
            without = changed(state, withdrawn=state.withdrawn | {case_id}, feedback=told)
            ahead = state.case_order[state.index :]
            if case_id not in ahead:
                return without
            order = (*state.case_order[: state.index], *(own for own in ahead if own != case_id))
            was_due = case_id == due_case(state)
            shorter = changed(without, case_order=order)
            return changed(_due(shorter, state.index), phase=state.phase) if was_due else shorter
        case _:
            return changed(state, retired=True, phase=Phase.CLOSED)


def _within_read(state: SessionState, event: Event) -> SessionState:
    match event:
        case InitialSealed():
            return changed(state, sealed=Answer(event.categories, event.scores, event.note, event.marks, event.answers))
        case AidRevealed(aid=aid) | AidShownAgain(aid=aid):
            return changed(state, aid=aid, aid_visible=True)
        case AidAdjusted(threshold=threshold, opacity=opacity) if state.aid is not None:
            return changed(state, aid=replace(state.aid, threshold=threshold, opacity=opacity))
        case AidFindingJudged(finding=finding, verdict=verdict):
            others = {name: own for name, own in state.verdicts.items() if name != finding}
            return changed(state, verdicts={**others, finding: verdict} if verdict else others)
        case AidHidden():
            return changed(state, aid_visible=False)
        case ReadPaused():
            return changed(state, phase=Phase.PAUSED)
        case ReadResumed():
            return changed(state, phase=Phase.READING)
        case _:
            return state


def drafted(draft: Draft, event: Drafting) -> Draft:
    """Return the draft after one answer."""
    match event:
        case Assessed(unit=unit, category=category):
            return redrafted(draft, categories={**draft.categories, unit: category})
        case Scored(unit=unit, score=score):
            return redrafted(draft, scores={**draft.scores, unit: score})
        case Answered(unit=unit, question=question, values=values):
            return redrafted(draft, answers={**draft.answers, key(question, unit): values})
        case Noted(text=text):
            return redrafted(draft, note=text)
        case MarkPlaced(mark=mark):
            known = mark.mark_id in {own.mark_id for own in draft.marks}
            moved = tuple(mark if own.mark_id == mark.mark_id else own for own in draft.marks)
            return redrafted(draft, marks=moved if known else (*draft.marks, mark))
        case _:
            return redrafted(draft, marks=tuple(own for own in draft.marks if own.mark_id != event.mark_id))


def _due(state: SessionState, index: int) -> SessionState:
    """Return the state in which the case at ``index`` has not been displayed yet."""
    fresh = changed(state, index=index, draft=Draft(), sealed=None, aid=None, verdicts={})
    return changed(fresh, phase=Phase.BETWEEN, displayed=False, aid_visible=False)


def _resting(plan: Plan, state: SessionState) -> Phase:
    """Return the phase of an open sitting in which no case is on the screen."""
    done = state.round_no is None and all(entry.number in state.finished for entry in plan.rounds)
    return Phase.DONE if done else Phase.BETWEEN
