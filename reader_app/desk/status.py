"""How far every reader is, and when the next round opens. No accuracy, no answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reader_app.desk.gathering import Gathered, gather
from reader_app.store import orders
from reader_app.study import session


@dataclass(frozen=True, slots=True)
class RoundStatus:
    """One reader in one round.

    Attributes
    ----------
    total : int or None
        Number of cases; None while a derived round's list is not known yet.
    state : str
        "finished", "reading", "open", "washout", "waiting", or "left" where the reader was replaced. Decisions count from the
        moment they are taken, also before they stand in the log.
    opens : str or None
        First day on which the round may begin (ISO date), where known and still to come.
    """

    reader_id: str
    group: str
    round_no: int
    title: str
    done: int
    total: int | None
    state: str
    opens: str | None


def status(study: Path, today: str) -> list[RoundStatus]:
    """Return the progress of every reader in every round.

    Parameters
    ----------
    study : Path
        A frozen study folder.
    today : str
        ISO date against which washouts are told.
    """
    return rows(gather(study), today)


def rows(gathered: Gathered, today: str) -> list[RoundStatus]:
    """Return the same from logs that are loaded already."""
    found = []
    for reader in gathered.folder.readers:
        plan = gathered.plans[reader.reader_id]
        state = gathered.states.get(reader.reader_id, session.initial(plan))
        given = orders.of_reader(gathered.decisions.taken, reader.reader_id)
        state = orders.foreseen(plan, state, given, f"{today}T00:00:00.000Z")
        for a_round in plan.rounds:
            number = a_round.number
            done = sum(key[0] == number for key in state.answers) + sum(key[0] == number for key in state.repeats)
            opens = session.round_opens(plan, state, number)
            if number in state.finished:
                found.append(RoundStatus(reader.reader_id, reader.group, number, a_round.title, done, done, "finished", None))
            elif state.round_no == number:
                of = len(state.case_order)
                found.append(RoundStatus(reader.reader_id, reader.group, number, a_round.title, done, of, "reading", None))
            else:
                previous = [r.number for r in plan.rounds if r.number < number]
                ready = all(n in state.finished for n in previous)
                waits = opens is not None and opens > today
                total = len(a_round.order) if a_round.cases.kind != "left_at" else None
                word = "left" if state.retired else ("washout" if waits else "open") if ready else "waiting"
                found.append(
                    RoundStatus(reader.reader_id, reader.group, number, a_round.title, 0, total, word, opens if waits else None)
                )
    return found


def document(found: list[RoundStatus]) -> dict[str, Any]:
    """Return the progress as one JSON document."""
    return {"schema": 1, "rounds": [asdict(row) for row in found]}
