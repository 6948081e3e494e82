"""What a coordinator may override: with a name and a reason, in the log, and without a trace in the data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from study.protocols import PROTOCOLS, Bench, case_list, definition_of, plan_of

from reader_app.errors import ProtocolViolation
from reader_app.study import session
from reader_app.study.assignment import allocate, plan
from reader_app.study.audit import audit
from reader_app.study.caselist import Reader
from reader_app.study.commands import (
    AmendPlan,
    Assess,
    OpenSession,
    Override,
    RetireReader,
    StartRound,
    UnlockRound,
    VoidRead,
    WithdrawCase,
)
from reader_app.study.definition import Condition, parse
from reader_app.study.events import CaseWithdrawn, RoundFinished, RoundStarted
from reader_app.study.readtable import reads
from reader_app.study.state import Phase

WHY = "agreed with the board"


def bench_for(name: str, count: int = 3) -> Bench:
    bench = Bench(plan_of(name, count))
    bench.open()
    return bench


def refused(bench: Bench, command: Override, words: str) -> None:
    with pytest.raises(ProtocolViolation, match=words):
        session.decide(bench.plan, bench.state, command)


def sound(bench: Bench) -> bool:
    return audit(bench.plan, bench.log) == [] and session.replay(bench.plan, [entry.event for entry in bench.log]) == bench.state


@pytest.mark.parametrize("reason", ["", "   ", "ok", ".,;-.,;-.,;-", "\u2003" * 20])
def test_an_override_needs_a_name_and_a_reason(reason: str) -> None:
    bench = bench_for("crossover")
    refused(bench, WithdrawCase("c1", "co1", reason, bench.wall), "reason of at least 10")
    refused(bench, WithdrawCase("c1", " ", WHY, bench.wall), "names the coordinator")


def test_a_round_is_opened_early_once() -> None:
    bench = bench_for("crossover")
    refused(bench, UnlockRound(1, "co1", WHY, bench.wall), "not possible now")
    bench.read_round(["2"])
    with pytest.raises(ProtocolViolation, match="opens on"):
        bench.do(StartRound(2, bench.wall))
    refused(bench, UnlockRound(1, "co1", WHY, bench.wall), "not held back")
    bench.do(UnlockRound(2, "co1", WHY, bench.wall))
    refused(bench, UnlockRound(2, "co1", WHY, bench.wall), "not possible now")
    bench.do(StartRound(2, bench.wall))
    assert sound(bench)


def test_a_void_read_counts_for_nothing() -> None:
    bench = bench_for("lu2025")
    bench.read_round(["4A"])
    bench.read_round(["4A"])
    bench.do(VoidRead(2, "c1", "co1", WHY, bench.wall))
    refused(bench, VoidRead(2, "c1", "co1", WHY, bench.wall), "no valid read")
    refused(bench, VoidRead(3, "c1", "co1", WHY, bench.wall), "no valid read")
    assert set(session.round_cases(bench.plan, bench.state, 3)) == {"c2", "c3"}
    bench.read_round(["3"])
    assert sound(bench)
    valid, everything = reads(bench.plan, bench.log), reads(bench.plan, bench.log, void=True)
    assert len(valid) == 7 and len(everything) == 8
    assert [(read.round_no, read.case_id, read.void) for read in everything if read not in valid] == [(2, "c1", WHY)]


def test_a_withdrawn_case_is_not_read_any_more() -> None:
    bench = bench_for("lu2025")
    bench.start_round()
    first, second, third = bench.state.case_order
    bench.read()
    bench.do(bench.display_command())
    refused(bench, WithdrawCase(third, "co1", WHY, bench.wall), "no case may be on the screen")
    bench.do(Assess(second, bench.state.revision, "case", "3"))
    bench.restart()
    bench.open()
    bench.do(WithdrawCase(second, "co1", WHY, bench.wall))
    assert bench.case == third and bench.state.draft == session.Draft() and bench.state.case_order == (first, third)
    refused(bench, WithdrawCase(second, "co1", WHY, bench.wall), "has been withdrawn")
    refused(bench, WithdrawCase("zz", "co1", WHY, bench.wall), "not in the study")
    bench.do(WithdrawCase(first, "co1", WHY, bench.wall))
    assert bench.case == third
    bench.read()
    bench.read_round()
    assert [read.case_id for read in reads(bench.plan, bench.log)] == [third, third]
    assert [read.void for read in reads(bench.plan, bench.log, void=True)] == [WHY, "", ""]
    assert sound(bench)


def test_withdrawing_the_last_case_finishes_the_round() -> None:
    bench = bench_for("crossover", 1)
    bench.start_round()
    bench.close()
    events = bench.do(WithdrawCase("c1", "co1", WHY, bench.wall))
    assert [type(event) for event in events] == [CaseWithdrawn, RoundFinished, RoundStarted, RoundFinished]
    assert bench.state.phase is Phase.CLOSED and set(bench.state.finished) == {1, 2}
    bench.restart()
    bench.open()
    assert bench.state.phase is Phase.DONE and sound(bench)


def test_a_round_without_cases_starts_and_finishes() -> None:
    bench = bench_for("crossover", 1)
    bench.do(WithdrawCase("c1", "co1", WHY, bench.wall))
    bench.start_round()
    assert bench.state.phase is Phase.DONE and sound(bench)


def test_a_changed_plan_needs_an_amendment() -> None:
    bench = bench_for("lu2025")
    bench.start_round()
    bench.read("4A")
    refused(bench, AmendPlan("co1", WHY, bench.wall), "not possible now")
    bench.close()
    old = bench.plan
    new = plan(
        replace(definition_of("lu2025"), title="x", display=replace(old.display, aid_opacity=0.3)),
        case_list(3),
        Reader("r1"),
        "h2",
    )
    bench.plan = new
    with pytest.raises(ProtocolViolation, match="amend the plan first"):
        bench.open()
    bench.do(AmendPlan("co1", WHY, bench.wall))
    refused(bench, AmendPlan("co1", WHY, bench.wall), "not possible now")
    bench.open()
    while session.due_case(bench.state):
        bench.read("4A")
    assert audit(new, bench.log, earlier=[old]) == []
    table = reads(new, bench.log)
    assert [read.plan_hash for read in table] == [old.plan_hash, new.plan_hash, new.plan_hash]
    assert {deviation.code for deviation in audit(old, bench.log)} == {"plan"}


def test_a_retired_reader_reads_no_more() -> None:
    bench = bench_for("lu2025")
    bench.do(RetireReader("r7", "co1", WHY, bench.wall))
    assert bench.state.retired and bench.state.phase is Phase.CLOSED
    assert session.legal_commands(bench.plan, bench.state) == session.legal_overrides(bench.plan, bench.state) == frozenset()
    with pytest.raises(ProtocolViolation, match="left the study"):
        bench.do(OpenSession(bench.wall))
    assert sound(bench)


def document(**changes: Any) -> dict[str, Any]:
    return PROTOCOLS["crossover"] | changes


def test_training_stays_apart_from_the_data() -> None:
    study = parse(
        document(
            rounds=[
                {"number": 1, "condition": "unaided", "training": True, "cases": {"stratum": ["odd"]}},
                {"number": 2, "condition": "unaided"},
            ]
        )
    )
    bench = Bench(plan(study, case_list(5), Reader("r1"), "h"))
    assert [sorted(entry.order) for entry in bench.plan.rounds] == [["c1", "c3", "c5"], ["c2", "c4"]]
    bench.open()
    bench.read_round(["2"])
    bench.read_round(["2"])
    assert sorted(read.case_id for read in reads(bench.plan, bench.log)) == ["c2", "c4"]
    assert sum(read.training for read in reads(bench.plan, bench.log, training=True)) == 3
    assert sound(bench)


def test_a_sample_is_the_same_for_every_reader() -> None:
    rounds = [{"number": 1, "condition": "unaided"}, {"number": 2, "condition": "unaided", "cases": {"sample": 7}}]
    study = parse(document(rounds=rounds))
    plans = [plan(study, case_list(20), Reader(f"r{number}"), "h") for number in range(6)]
    assert len({frozenset(own.rounds[1].order) for own in plans}) == 1 and len(plans[0].rounds[1].order) == 7
    assert len({own.rounds[1].order for own in plans}) == 6
    other = plan(replace(study, seed=study.seed + 1), case_list(20), Reader("r0"), "h")
    assert set(other.rounds[1].order) != set(plans[0].rounds[1].order)
    rounds[1]["cases"] = {"sample": 3, "stratum": ["odd"]}
    few = plan(parse(document(rounds=rounds)), case_list(20), Reader("r0"), "h").rounds[1].order
    assert len(few) == 3 and all(int(case[1:]) % 2 for case in few)


def test_planes_that_a_round_leaves_out_are_refused() -> None:
    study = parse(document(rounds=[{"number": 1, "condition": "unaided", "planes": ["transverse", "sagittal"]}]))
    bench = Bench(plan(study, case_list(2), Reader("r1"), "h"))
    bench.open()
    bench.start_round()
    right = replace(bench.display_command(), panes=("L_AP.transverse", "sagittal"))
    with pytest.raises(ProtocolViolation, match="does not show the coronal plane"):
        bench.do(replace(right, panes=("L_AP.transverse", "L_AP.coronal")))
    bench.do(right)
    assert sound(bench)
    bent = [
        replace(entry, event=replace(entry.event, panes=("coronal",))) if entry.event == bench.log[-1].event else entry
        for entry in bench.log
    ]
    assert [deviation.code for deviation in audit(bench.plan, bent)] == ["images"]
    assert parse(document()).rounds[0].planes == ()


def test_arms_are_balanced_within_groups() -> None:
    study = definition_of("crossover")
    readers = [Reader(f"r{number:02d}", "junior" if number % 3 else "senior") for number in range(12)]
    allocated = allocate(study, readers)
    for group in ("junior", "senior"):
        arms = [reader.arm for reader in allocated if reader.group == group]
        assert abs(arms.count("A") - arms.count("B")) <= 1
    assert [reader.arm for reader in allocated].count("A") == 6
    assert {reader.reader_id: reader.arm for reader in allocate(study, readers[::-1])} == {
        reader.reader_id: reader.arm for reader in allocated
    }
    assert len({tuple(reader.arm for reader in allocate(replace(study, seed=seed), readers)) for seed in range(20)}) > 5
    kept = allocate(study, [Reader("a", arm="B"), Reader("b", arm="B"), Reader("c"), Reader("d")])
    assert [reader.arm for reader in kept] == ["B", "B", "A", "A"]
    assert allocate(definition_of("lu2025"), readers) == tuple(readers)


def test_conditions_of_the_arms_are_mirrored_over_rounds() -> None:
    study = definition_of("crossover")
    for reader in allocate(study, [Reader("a"), Reader("b")]):
        conditions = [entry.condition for entry in plan(study, case_list(2), reader, "h").rounds]
        assert sorted(conditions) == [Condition.AIDED_CONCURRENT, Condition.UNAIDED]
