"""What was done with the aid, and what happened to time: adjusted, judged, idle, loading, disturbed, paced."""

from __future__ import annotations

from dataclasses import replace

import pytest
from study.protocols import FORM, LU2025, Bench, case_list, plan_of

from reader_app.errors import ProtocolViolation
from reader_app.study import session
from reader_app.study.assignment import plan
from reader_app.study.audit import audit
from reader_app.study.caselist import Reader
from reader_app.study.commands import (
    AdjustAid,
    HideAid,
    Interrupt,
    JudgeAidFinding,
    Pause,
    ReportDisturbance,
    Resume,
    RevealAid,
)
from reader_app.study.definition import parse
from reader_app.study.events import AidAdjusted, AidFindingJudged, AidHidden
from reader_app.study.pacing import Pace, advice, pace
from reader_app.study.readtable import active_seconds, idle_seconds, load_seconds, paused_seconds, reads


def revealed() -> Bench:
    """Return a bench of the form with the aid of its first case revealed."""
    bench = Bench(plan_of("form", 2))
    bench.open()
    bench.start_round()
    bench.do(bench.display_command())
    bench.answer("2")
    bench.do(RevealAid(bench.case, 1, bench.aid()))
    return bench


def refused(bench: Bench, command: object, words: str) -> None:
    with pytest.raises(ProtocolViolation, match=words):
        session.decide(bench.plan, bench.state, command)  # type: ignore[arg-type]


def test_the_aid_is_adjusted_and_its_findings_judged() -> None:
    bench = revealed()
    case = bench.case
    bench.do(AdjustAid(case, 1, 0.5, 0.25))
    assert bench.state.aid is not None and (bench.state.aid.threshold, bench.state.aid.opacity) == (0.5, 0.25)
    bench.do(JudgeAidFinding(case, 1, "RCC 1", "accepted"), JudgeAidFinding(case, 1, "RCC 2", "rejected"))
    bench.do(JudgeAidFinding(case, 1, "RCC 3", "rejected"), JudgeAidFinding(case, 1, "RCC 3", ""))
    refused(bench, AdjustAid(case, 1, 1.5, 0.2), "between 0 and 1")
    refused(bench, JudgeAidFinding(case, 1, "RCC 1", "perhaps"), "accepted, rejected")
    refused(bench, JudgeAidFinding(case, 1, "", "accepted"), "accepted, rejected")
    bench.do(HideAid(case, 1))
    refused(bench, JudgeAidFinding(case, 1, "RCC 1", "accepted"), "not allowed")
    bench.read("2")
    read = reads(bench.plan, bench.log)[0]
    assert read.verdicts == {"RCC 1": "accepted", "RCC 2": "rejected"}
    assert read.aid is not None and (read.aid.threshold, read.aid.opacity) == (0.5, 0.25)
    assert audit(bench.plan, bench.log) == []


def test_without_permission_the_aid_is_neither_adjusted_nor_judged() -> None:
    bench = Bench(plan_of("crossover", 1))
    bench.open()
    bench.start_round()
    bench.do(bench.display_command())
    refused(bench, AdjustAid(bench.case, 1, 0.5, 0.5), "not allowed")
    refused(bench, JudgeAidFinding(bench.case, 1, "1", "accepted"), "not allowed")
    last = bench.log[-1]
    for event, code in (
        (AidAdjusted("c1", 0.5, 0.5), "aid-wrong"),
        (AidFindingJudged("c1", "1", "accepted"), "aid-switched"),
    ):
        bent = [*bench.log, replace(last, seq=last.seq + 1, event=event)]
        assert [deviation.code for deviation in audit(bench.plan, bent)] == [code]


def test_the_auditor_sees_a_hidden_aid_being_used() -> None:
    bench = revealed()
    last = bench.log[-1]
    hidden = [*bench.log, replace(last, seq=last.seq + 1, event=AidHidden("c1"))]
    for event in (AidAdjusted("c1", 0.5, 0.5), AidFindingJudged("c1", "1", "")):
        bent = [*hidden, replace(last, seq=last.seq + 2, event=replace(event, case_id=bench.case))]
        hidden[-1] = replace(hidden[-1], event=AidHidden(bench.case))
        assert "aid-switched" in {deviation.code for deviation in audit(bench.plan, bent)}


def test_loading_and_idling_are_kept_apart() -> None:
    bench = Bench(plan_of("lu2025", 2))
    bench.open()
    bench.start_round()
    bench.clock.advance(1.5)
    bench.do(bench.display_command())
    bench.clock.advance(200)  # the last 120 s of it without any input
    bench.do(Pause(bench.case, "idle"))
    bench.clock.advance(30)
    bench.do(Resume(bench.case))
    bench.clock.advance(20)
    bench.do(Pause(bench.case, "idle"))
    bench.do(Resume(bench.case), Interrupt(bench.case, "display lost"))
    bench.clock.advance(2)
    bench.read(seconds=10)
    read = reads(bench.plan, bench.log)[0]
    assert (load_seconds(read), idle_seconds(read)) == (3.5, 140.0)
    assert (active_seconds(read), paused_seconds(read)) == (230.0, 30.0)


@pytest.mark.parametrize(("kind", "code"), [("suspend", "suspend"), ("stall", "stall"), ("clock_step", "clock")])
def test_disturbances_are_noted_and_listed(kind: str, code: str) -> None:
    bench = Bench(plan_of("lu2025", 2))
    refused(bench, ReportDisturbance(kind, 1, 1), "No sitting")
    bench.open()
    bench.start_round()
    bench.do(bench.display_command())
    before = bench.state
    bench.do(ReportDisturbance(kind, 5000, 3_600_000))
    assert bench.state == before
    refused(bench, ReportDisturbance("nap", 1, 1), "not one of")
    bench.read()
    bench.do(ReportDisturbance("stall", 4000, 0))
    bench.read()
    table = reads(bench.plan, bench.log)
    assert [read.disturbances for read in table] == [(kind,), ()]
    assert [deviation.code for deviation in audit(bench.plan, bench.log)] == [code, "stall"]


def paced(**timing: int) -> Bench:
    settled = plan(parse(LU2025 | {"timing": timing}), case_list(6), Reader("r1"), "h")
    bench = Bench(settled)
    bench.open()
    bench.start_round()
    return bench


def now(bench: Bench) -> Pace:
    return pace(bench.log, f"run{bench.run}", bench.clock.now().mono_ns)


def test_breaks_are_proposed_and_end_the_count() -> None:
    bench = paced(break_after_min=10, session_max_min=30)
    assert now(bench) == Pace()
    for _ in range(2):
        bench.read(seconds=290)
    assert advice(bench.plan, now(bench)) == "" and now(bench).cases == 2
    bench.read(seconds=60)
    assert advice(bench.plan, now(bench)) == "break" and now(bench).since_break_s == 640
    bench.clock.advance(299)
    assert advice(bench.plan, now(bench)) == "break"
    bench.clock.advance(2)
    assert advice(bench.plan, now(bench)) == "" and now(bench).sitting_s == 941
    bench.do(bench.display_command())
    bench.clock.advance(100)
    bench.do(Pause(bench.case, "reader"))
    bench.clock.advance(400)
    bench.do(Resume(bench.case))
    bench.clock.advance(60)
    assert now(bench).since_break_s == 60
    bench.restart(5000)
    bench.open()
    assert now(bench).sitting_s == 1441, "the program was down: neither that nor the time since the last event counts"
    bench.read(seconds=400)
    assert advice(bench.plan, now(bench)) == "stop"
    bench.close()
    assert now(bench) == Pace() and advice(paced().plan, Pace(1e6, 1e6, 9)) == ""
    bench.open()
    assert now(bench) == Pace()


def test_a_case_begun_beyond_the_longest_sitting_is_a_deviation() -> None:
    bench = paced(session_max_min=10)
    bench.read(seconds=500)
    bench.do(bench.display_command())
    bench.clock.advance(500)
    bench.do(Interrupt(bench.case, "display lost"))
    assert audit(bench.plan, bench.log) == []
    bench.clock.advance(1)
    bench.read()  # begun in time, interrupted, shown again: no deviation
    assert audit(bench.plan, bench.log) == []
    bench.read()
    found = audit(bench.plan, bench.log)
    assert [deviation.code for deviation in found] == ["session-length"] and "17 minutes" in found[0].text


def test_the_form_declares_what_may_be_done() -> None:
    study = parse(FORM)
    assert study.display.reader_may_adjust_aid and study.display.reader_judges_findings
    assert parse(LU2025 | {"timing": {"session_max_min": 60}}).timing.session_max_min == 60
