"""The coordinator's decisions on their way to a reader's log.

A decision is taken at the coordinator's desk (``decisions.jsonl``). What of it concerns one reader's reading goes along in the
reader's next package (``orders.json``, without the reasons, which could tell a reader something) and is entered into the log as
an override when the reader logs in, before the sitting opens: a round opened early, a case withdrawn, a read declared void, a
plan amended, a reader replaced. An override names the number of its decision; at home each is compared with the list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reader_app.errors import Fault, ProtocolViolation, StudyFileError
from reader_app.store import decisions
from reader_app.store.canonical import canonical_json
from reader_app.study import events as ev
from reader_app.study.assignment import Plan
from reader_app.study.commands import AmendPlan, Override, RetireReader, UnlockRound, VoidRead, WithdrawCase
from reader_app.study.events import Event, Logged
from reader_app.study.session import decide, evolve, legal_overrides
from reader_app.study.state import SessionState

FILE = "orders.json"
SCHEMA = 1
_KINDS = ("round_opened_early", "case_withdrawn", "read_voided", "protocol_amended", "reader_replaced")


@dataclass(frozen=True, slots=True)
class Order:
    """What one decision asks of one reader's log; ``number`` is that of the decision."""

    number: int
    kind: str
    about: Mapping[str, str]
    who: str

    @property
    def reason(self) -> str:
        """What stands in the log as the reason: where the true one is found."""
        return f"decision {self.number} of the coordinator: {self.kind.replace('_', ' ')}"


def of_reader(taken: Sequence[decisions.Decision], reader_id: str) -> tuple[Order, ...]:
    """Return what the decisions ask of one reader's log."""
    return tuple(
        Order(own.number, own.kind, dict(own.about), own.who)
        for own in taken
        if own.kind in _KINDS and own.about.get("reader_id", reader_id) == reader_id
    )


def as_bytes(orders: Sequence[Order]) -> bytes:
    """Return the file that goes along in a package."""
    rows = [{"number": own.number, "kind": own.kind, "about": dict(own.about), "who": own.who} for own in orders]
    return (canonical_json({"schema": SCHEMA, "orders": rows}) + "\n").encode("utf-8")


def load(study: Path, reader_id: str) -> tuple[Order, ...]:
    """Return the orders that a study folder holds for a reader: from the decisions at the desk, else from the last package.

    Raises
    ------
    StudyFileError
        If a file cannot be read.
    """
    if (study / decisions.FILE).exists():
        return of_reader(decisions.load(study).taken, reader_id)
    path = study / FILE
    if not path.exists():
        return ()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']} is not known")
        return tuple(Order(int(own["number"]), own["kind"], dict(own["about"]), own["who"]) for own in document["orders"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyFileError([Fault(str(path), f"it cannot be read ({error})", "open the last package again")]) from error


def pending(plan: Plan, state: SessionState, orders: Sequence[Order], wall_utc: str) -> tuple[Override, ...]:
    """Return the overrides that can be entered now and do not stand in the log yet, in the order of the decisions."""
    found: list[Override] = []
    for order in orders:
        for command in _commands(plan, state, order, wall_utc):
            if type(command) not in legal_overrides(plan, state):
                continue
            try:
                made = decide(plan, state, command)
            except ProtocolViolation:
                continue  # it stands in the log already, or its time has not come
            for event in made:
                state = evolve(plan, state, event)
            found.append(command)
    return tuple(found)


def foreseen(plan: Plan, state: SessionState, orders: Sequence[Order], wall_utc: str) -> SessionState:
    """Return the state in which a reader will be once the orders stand in the log."""
    for command in pending(plan, state, orders, wall_utc):
        for event in decide(plan, state, command):
            state = evolve(plan, state, event)
    return state


def _commands(plan: Plan, state: SessionState, order: Order, wall_utc: str) -> tuple[Override, ...]:
    said, about = (order.who, order.reason, wall_utc), order.about
    match order.kind:
        case "round_opened_early":
            return (UnlockRound(int(about["round"]), *said),)
        case "case_withdrawn":
            return (WithdrawCase(about["case_id"], *said),)
        case "read_voided":
            key = (int(about["round"]), about["case_id"])
            again = sorted(own[2] for own in state.repeats if own[:2] == key)
            return tuple(VoidRead(*key, *said, occurrence) for occurrence in (1, *again))
        case "protocol_amended" if about["to_study_hash"] == plan.study_hash:
            return (AmendPlan(*said),)
        case "reader_replaced":
            return (RetireReader(about["by"], *said),)
    return ()


def unfounded(logged: Sequence[Logged], orders: Sequence[Order]) -> list[Logged]:
    """Return the overrides of a log that no decision stands behind."""
    known = {own.number: own for own in orders}
    return [own for own in logged if isinstance(own.event, _OVERRIDES) and not _is_founded(own.event, known)]


_OVERRIDES = ev.RoundUnlocked | ev.ReadVoided | ev.CaseWithdrawn | ev.PlanAmended | ev.ReaderRetired


def _is_founded(event: Event, known: Mapping[int, Order]) -> bool:
    number = re.match(r"decision (\d+) of the coordinator", getattr(event, "reason", ""))
    order = known.get(int(number[1])) if number else None
    if order is None:
        return False
    match event:
        case ev.RoundUnlocked(round_no=round_no):
            return order.kind == "round_opened_early" and int(order.about["round"]) == round_no
        case ev.CaseWithdrawn(case_id=case_id):
            return order.kind == "case_withdrawn" and order.about["case_id"] == case_id
        case ev.ReadVoided(round_no=round_no, case_id=case_id):
            return order.kind == "read_voided" and (int(order.about["round"]), order.about["case_id"]) == (round_no, case_id)
        case ev.ReaderRetired(replaced_by=by):
            return order.kind == "reader_replaced" and order.about["by"] == by
    return order.kind == "protocol_amended"
