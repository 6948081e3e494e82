"""What a coordinator may do against the ordinary course of a study, always with a name and a reason, always in the log.

Rules
-----
* Overrides are possible while no case is on the screen, inside a sitting or outside one.
* A reason has at least ten letters or digits; blanks do not count.
* Unlocking lifts the washout of the next round, once.
* A void read stays in the log and counts for nothing, also not for rounds derived from answers; it is not read again.
* A withdrawn case is not shown any more; what was read of it counts for nothing. When it was the last case of a round, the round
  is finished.
* A log goes on under another plan only after an amendment that names both. A round under way keeps the order it was begun with.
* A retired reader reads no more.
"""

from __future__ import annotations

from reader_app.errors import ProtocolViolation
from reader_app.study.assignment import Plan
from reader_app.study.commands import AmendPlan, Override, UnlockRound, VoidRead, WithdrawCase
from reader_app.study.events import CaseWithdrawn, Event, PlanAmended, ReaderRetired, ReadVoided, RoundUnlocked
from reader_app.study.state import SessionState, due_case, next_round, round_opens

#: Fewest letters and digits of a reason.
MIN_REASON = 10


def decide_override(plan: Plan, state: SessionState, command: Override) -> tuple[Event, ...]:
    """Return the events of an override whose type is legal now.

    Raises
    ------
    ProtocolViolation
        If it lacks a name or a reason, or does not fit the state.
    """
    who, why, wall = command.coordinator.strip(), command.reason.strip(), command.wall_utc
    if not who:
        raise ProtocolViolation("An override names the coordinator who answers for it.")
    if sum(letter.isalnum() for letter in why) < MIN_REASON:
        raise ProtocolViolation(f"An override needs a reason of at least {MIN_REASON} letters.")
    match command:
        case UnlockRound(round_no=number):
            following = next_round(plan, state)
            if following is None or following.number != number or round_opens(plan, state, number) is None:
                raise ProtocolViolation(f"Round {number} is not held back by a washout.")
            return (RoundUnlocked(number, who, why, wall),)
        case VoidRead(round_no=number, case_id=case_id, occurrence=occurrence):
            first, again = (number, case_id), (number, case_id, occurrence)
            is_there = first in state.answers if occurrence == 1 else again in state.repeats
            if not is_there or (first in state.voided if occurrence == 1 else again in state.voided_repeats):
                raise ProtocolViolation(f"There is no valid read of case {case_id} in round {number}.")
            return (ReadVoided(number, case_id, who, why, wall, occurrence),)
        case WithdrawCase(case_id=case_id):
            if case_id not in plan.units or case_id in state.withdrawn:
                raise ProtocolViolation(f"Case {case_id} is not in the study, or has been withdrawn.")
            return (CaseWithdrawn(case_id, who, why, wall),)
        case AmendPlan():
            return (PlanAmended(state.plan_hash, plan.plan_hash, who, why, wall),)
        case _:
            return (ReaderRetired(command.replaced_by, who, why, wall),)


def is_round_exhausted(state: SessionState) -> bool:
    """Return whether a round is under way in which no case is left to read, and no reference to be told."""
    return state.round_no is not None and due_case(state) is None and state.feedback is None
