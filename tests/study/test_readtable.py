"""Reads and their times, against times worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from study.protocols import Bench, plan_of

from reader_app.errors import LogBug
from reader_app.study.commands import Assess, HideAid, Interrupt, OpenSession, Pause, Resume, RevealAid, ShowAid, SubmitRead
from reader_app.study.definition import Condition
from reader_app.study.events import ReadSubmitted, RoundStarted
from reader_app.study.readtable import active_seconds, aid_seconds, paused_seconds, reads


def start(name: str, count: int = 2) -> Bench:
    bench = Bench(plan_of(name, count))
    bench.open()
    bench.start_round()
    return bench


def test_a_plain_round() -> None:
    bench = start("lu2025", 3)
    order = bench.state.case_order
    for seconds in (20, 30, 40):
        bench.clock.advance(100)  # between cases: loading, in no read
        bench.read("4A", 55, seconds=seconds)
    table = reads(bench.plan, bench.log)
    assert [(read.case_id, read.position, active_seconds(read)) for read in table] == [
        (order[0], 1, 20.0), (order[1], 2, 30.0), (order[2], 3, 40.0),
    ]  # fmt: skip
    first = table[0]
    assert (first.reader_id, first.round_no, first.condition) == ("r1", 1, Condition.UNAIDED)
    assert (first.categories, first.scores, first.initial, first.aid) == ({"case": "4A"}, {"case": 55}, None, None)
    assert (first.displayed_utc, first.submitted_utc) == ("2027-02-27T09:01:40.000Z", "2027-02-27T09:02:00.000Z")
    assert (first.interrupted, first.run_ids, paused_seconds(first), aid_seconds(first)) == (0, ("run1",), 0.0, 0.0)


def test_pauses_are_kept_apart() -> None:
    bench = start("lu2025")
    bench.do(bench.display_command())
    case = bench.case
    for active, paused in ((5, 60), (7, 600)):
        bench.clock.advance(active)
        bench.do(Pause(case, "reader"))
        bench.clock.advance(paused)
        bench.do(Resume(case))
    bench.read(seconds=10)
    (read,) = reads(bench.plan, bench.log)
    assert (active_seconds(read), paused_seconds(read)) == (22.0, 660.0)
    assert [interval.kind for interval in read.intervals] == ["load", "active", "paused", "active", "paused", "active"]


def test_a_crash_ends_the_stretch_at_the_last_event() -> None:
    bench = start("lu2025")
    bench.do(bench.display_command())
    case = bench.case
    bench.clock.advance(5)
    bench.do(Assess(case, 1, "case", "3"))
    bench.clock.advance(1000)  # nothing was logged; then the power went
    bench.restart(3600)
    bench.do(OpenSession(bench.wall))
    bench.clock.advance(50)
    bench.read(seconds=8)
    (read,) = reads(bench.plan, bench.log)
    assert active_seconds(read) == 13.0 and read.interrupted == 1 and read.run_ids == ("run1", "run2")
    assert {interval.run_id for interval in read.intervals} == {"run1", "run2"}


def test_a_crash_between_cases_interrupts_no_read() -> None:
    bench = start("lu2025")
    bench.restart()
    bench.do(OpenSession(bench.wall))
    bench.read(seconds=8)
    bench.restart()
    bench.do(OpenSession(bench.wall))
    bench.read(seconds=9)
    assert [(active_seconds(read), read.interrupted) for read in reads(bench.plan, bench.log)] == [(8.0, 0), (9.0, 0)]


def test_a_restart_within_a_run_and_between_display_and_interruption() -> None:
    bench = start("lu2025")
    bench.do(bench.display_command())
    bench.clock.advance(4)
    bench.do(OpenSession(bench.wall))  # the window was opened again in the same program
    bench.do(bench.display_command())
    bench.clock.advance(2)
    bench.do(Interrupt(bench.case, "display lost"))
    bench.do(OpenSession(bench.wall))
    bench.clock.advance(77)
    bench.read(seconds=3)
    (read,) = reads(bench.plan, bench.log)
    assert active_seconds(read) == 9.0 and read.interrupted == 2


def test_a_sequential_read_keeps_both_answers_and_their_times() -> None:
    bench = start("sequential_hiding")
    bench.do(bench.display_command())
    case = bench.case
    bench.clock.advance(12)
    bench.answer("4A", 60)
    bench.do(RevealAid(case, 1, bench.aid()))
    bench.clock.advance(3)
    bench.do(HideAid(case, 1))
    bench.clock.advance(4)
    bench.do(ShowAid(case, 1, bench.aid()))
    bench.clock.advance(5)
    bench.do(Pause(case, "idle"))
    bench.clock.advance(100)
    bench.do(Resume(case))
    bench.clock.advance(1)
    bench.answer("3", 20)
    bench.do(SubmitRead(case, 1, bench.wall))
    (read,) = reads(bench.plan, bench.log)
    assert read.initial is not None and read.initial.categories == {"case": "4A"} and read.initial.scores == {"case": 60}
    assert read.initial.active_ns == 12_000_000_000 and read.categories == {"case": "3"}
    assert (active_seconds(read), aid_seconds(read), paused_seconds(read)) == (25.0, 9.0, 100.0)
    assert read.aid is not None and read.aid.model_id == "M"


def test_an_aid_hidden_before_a_pause_stays_hidden() -> None:
    bench = start("crossover")
    bench.do(bench.display_command())
    bench.clock.advance(2)
    bench.do(HideAid(bench.case, 1), Pause(bench.case, "idle"), Resume(bench.case))
    bench.read("2", seconds=6)
    (read,) = reads(bench.plan, bench.log)
    assert (active_seconds(read), aid_seconds(read)) == (8.0, 2.0)


def test_reads_under_way_are_left_out() -> None:
    bench = start("lu2025")
    bench.do(bench.display_command())
    assert reads(bench.plan, bench.log) == [] == reads(bench.plan, bench.log[-1:])


def test_a_log_of_another_plan_is_refused() -> None:
    bench = start("lu2025")
    bench.read()
    strange = [
        replace(entry, event=replace(entry.event, round_no=7)) if isinstance(entry.event, RoundStarted | ReadSubmitted) else entry
        for entry in bench.log
    ]
    with pytest.raises(LogBug, match="round 7"):
        reads(bench.plan, strange)
    with pytest.raises(LogBug, match="not started with it"):
        reads(bench.plan, [entry for entry in bench.log if not isinstance(entry.event, RoundStarted)])


def test_a_validation_without_a_display_makes_no_read() -> None:
    bench = start("lu2025")
    bench.read()
    assert reads(bench.plan, [entry for entry in bench.log if isinstance(entry.event, RoundStarted | ReadSubmitted)]) == []
