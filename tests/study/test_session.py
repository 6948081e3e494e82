"""The session machine by hand-worked cases; the property test lives in test_protocol_machine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from study.protocols import START, Bench, case_list, definition_of, plan_of

from reader_app.errors import ProtocolViolation
from reader_app.study import session
from reader_app.study.assignment import plan
from reader_app.study.caselist import Reader
from reader_app.study.commands import (
    Assess,
    CloseSession,
    DisplayCase,
    GiveScore,
    HideAid,
    Interrupt,
    OpenSession,
    Pause,
    PlaceMark,
    RemoveMark,
    Resume,
    RevealAid,
    ShowAid,
    StartRound,
    SubmitRead,
    WriteNote,
)
from reader_app.study.dates import add_days
from reader_app.study.events import InitialSealed, ReadInterrupted, RoundFinished, RoundStarted, SessionClosed, SessionResumed
from reader_app.study.finding import Mark
from reader_app.study.state import Phase


def bench_for(name: str, count: int = 3) -> Bench:
    bench = Bench(plan_of(name, count))
    bench.open()
    return bench


def reading(name: str, count: int = 3) -> Bench:
    """Return a bench whose first case is on the screen."""
    bench = bench_for(name, count)
    bench.start_round()
    bench.do(bench.display_command())
    return bench


def refused(bench: Bench, command: object, words: str = "") -> None:
    with pytest.raises(ProtocolViolation, match=words or None):
        session.decide(bench.plan, bench.state, command)  # type: ignore[arg-type]


def test_three_rounds_with_a_derived_one() -> None:
    bench = bench_for("lu2025", 6)
    bench.read_round(["2", "4A", "3"])
    bench.read_round(["4A", "4A", "2"])  # by number in the case id: c3, c6 and c1, c4 are left at 4A
    third = session.next_round(bench.plan, bench.state)
    assert third is not None and third.number == 3
    cases = session.round_cases(bench.plan, bench.state, 3)
    assert set(cases) == {"c1", "c3", "c4", "c6"} and list(cases) == [case for case in third.order if case in cases]
    bench.read_round(["3"])
    assert bench.state.phase is Phase.DONE and set(bench.state.finished) == {1, 2, 3}
    assert len(bench.state.answers) == 16 and session.due_case(bench.state) is None
    bench.close()
    bench.open()
    assert bench.state.phase is Phase.DONE
    assert session.legal_commands(bench.plan, bench.state) == {OpenSession, CloseSession}


def test_empty_derived_round_starts_and_finishes_by_itself() -> None:
    bench = bench_for("lu2025")
    bench.read_round(["4A"])
    bench.read_round(["2"])
    assert [type(entry.event) for entry in bench.log[-3:]] == [RoundFinished, RoundStarted, RoundFinished]
    assert bench.state.phase is Phase.DONE and session.next_round(bench.plan, bench.state) is None


def test_washout_holds_the_round_until_its_day() -> None:
    bench = bench_for("crossover")
    bench.read_round(["2"])
    assert bench.wall.startswith("2027-02-27")
    assert session.round_opens(bench.plan, bench.state, 1) is None
    assert session.round_opens(bench.plan, bench.state, 2) == "2027-03-27"
    refused(bench, StartRound(2, "2027-03-26T23:59:59.999Z"), "opens on 2027-03-27")
    refused(bench, StartRound(1, bench.wall), "not the next one")
    session.decide(bench.plan, bench.state, StartRound(2, "2027-03-27T00:00:00.000Z"))


def test_nothing_is_missing_between_rounds() -> None:
    bench = bench_for("lu2025")
    assert session.missing(bench.plan, bench.state) == () and session.due_case(bench.state) is None


def test_opening_day_is_unknown_until_the_round_before_is_finished() -> None:
    bench = bench_for("crossover")
    assert session.round_opens(bench.plan, bench.state, 2) is None


def test_earlier_answer_is_shown_only_where_a_round_refines_one() -> None:
    bench = bench_for("lu2025")
    assert session.earlier_answer(bench.plan, bench.state, "c1") is None
    bench.read_round(["4A"])
    bench.start_round()
    answer = session.earlier_answer(bench.plan, bench.state, bench.case)
    assert answer is not None and answer.categories == {"case": "4A"}
    assert bench.state.draft == session.Draft(), "a refining round starts empty"
    hidden = replace(bench.plan, rounds=tuple(replace(entry, show_earlier_answer=False) for entry in bench.plan.rounds))
    assert session.earlier_answer(hidden, bench.state, bench.case) is None


def test_sequential_read_is_sealed_before_the_aid() -> None:
    bench = reading("sequential_hiding")
    case, revision = bench.case, bench.state.revision
    assert session.missing(bench.plan, bench.state) == ("category:case", "score:case", "aid")
    refused(bench, RevealAid(case, revision, bench.aid()), "after a complete answer")
    bench.answer("4A", 40)
    assert session.missing(bench.plan, bench.state) == ("aid",)
    refused(bench, SubmitRead(case, revision, START), "not complete: aid")
    refused(bench, ShowAid(case, revision, bench.aid()))
    bench.do(RevealAid(case, revision, bench.aid()))
    assert isinstance(bench.log[-2].event, InitialSealed) and bench.state.aid_visible
    refused(bench, RevealAid(case, revision, bench.aid()), "can be revealed once")
    bench.answer("3", 20)
    bench.clock.advance(5)
    bench.do(SubmitRead(case, revision, bench.wall))
    assert bench.state.answers[1, case].categories == {"case": "3"} and bench.state.sealed is None


def test_seal_and_draft_survive_a_crash_and_the_aid_comes_back_with_the_display() -> None:
    bench = reading("sequential")
    bench.answer("4A", 40)
    bench.do(RevealAid(bench.case, bench.state.revision, bench.aid()))
    draft, sealed = bench.state.draft, bench.state.sealed
    bench.restart()
    events = bench.do(OpenSession(bench.wall))
    assert isinstance(events[0], SessionResumed)
    assert bench.state.phase is Phase.BETWEEN and not bench.state.displayed and not bench.state.aid_visible
    assert (bench.state.draft, bench.state.sealed) == (draft, sealed)
    refused(bench, DisplayCase(bench.case, "any", ("RCC",), None), "not on the screen|not those")
    bench.do(bench.display_command())
    assert bench.state.aid_visible and bench.state.revision == 2
    refused(bench, HideAid(bench.case, 2), "not allowed")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_id": "BM"}, "aid of this round is LH"),
        ({"prediction_sha256": ""}, "which stored prediction"),
        ({"threshold": 0.1}, "threshold and opacity"),
        ({"opacity": 1.0}, "threshold and opacity"),
        ({"status": "perhaps"}, "not the status"),
    ],
)
def test_another_aid_is_refused(change: dict[str, object], words: str) -> None:
    bench = bench_for("lu2025")
    bench.read_round()
    bench.start_round()
    right = bench.display_command()
    refused(bench, replace(right, aid=bench.aid(**change)), words)
    refused(bench, replace(right, aid=None), "was not on the screen")
    bench.do(right)


def test_no_aid_in_an_unaided_round() -> None:
    bench = bench_for("lu2025")
    bench.start_round()
    lh = replace(bench.plan.rounds[1], number=1)
    aid = Bench(replace(bench.plan, rounds=(lh,)), state=bench.state).aid()
    refused(bench, replace(bench.display_command(), aid=aid), "No aid")


def test_aid_is_hidden_and_shown_and_stays_the_same_prediction() -> None:
    bench = bench_for("lu2025")
    bench.read_round()
    bench.start_round()
    bench.do(bench.display_command())
    case, revision = bench.case, bench.state.revision
    refused(bench, ShowAid(case, revision, bench.aid()))
    bench.do(HideAid(case, revision))
    assert not bench.state.aid_visible
    refused(bench, ShowAid(case, revision, bench.aid(prediction_sha256="other")), "another prediction")
    bench.do(ShowAid(case, revision, bench.aid()))
    assert bench.state.aid_visible
    bench.do(Pause(case, "reader"))
    assert bench.state.aid_visible, "under the cover it stays switched on"
    bench.do(Resume(case))
    bench.do(Interrupt(case, "failure"))
    refused(bench, replace(bench.display_command(), aid=bench.aid(prediction_sha256="other")), "another prediction")


def test_images_other_than_the_frozen_ones_are_refused() -> None:
    bench = bench_for("lu2025")
    bench.start_round()
    while not bench.plan.fingerprints.get(bench.case):
        bench.read()
    right = bench.display_command()
    refused(bench, replace(right, fingerprint="0" * 64), "not those of the frozen study")
    refused(bench, replace(right, panes=()), "No pane")
    refused(bench, replace(right, case_id="zz"), "not the case")


def test_answers_outside_the_study_are_refused() -> None:
    bench = reading("lu2025")
    case, now = bench.case, bench.state.revision
    refused(bench, Assess(case, now, "R", "2"), "judged for case, not for R")
    refused(bench, Assess(case, now, "case", "6"), "Category 6")
    refused(bench, GiveScore(case, now, "case", 101), "0 to 100")
    refused(bench, GiveScore(case, now, "case", True), "0 to 100")
    refused(bench, WriteNote(case, now, "x" * 10_001), "longer")
    refused(bench, WriteNote(case, now, "\udc00"), "half a character")
    refused(bench, Pause(case, "coffee"), "not a reason")
    refused(bench, RemoveMark(case, now, "1"), "not allowed")
    refused(bench, Assess("zz", now, "case", "2"), "not the case")
    refused(bench, Assess(case, now + 1, "case", "2"), "earlier display")


def test_what_the_study_does_not_ask_is_refused() -> None:
    sequential = reading("sequential")
    refused(sequential, WriteNote(sequential.case, 1, "seen"), "not allowed")
    crossover = reading("crossover")
    refused(crossover, GiveScore(crossover.case, 1, "case", 5), "not allowed")
    refused(crossover, PlaceMark(crossover.case, 1, Mark("1", "1", "RCC", (1.0, 2.0))), "not allowed")
    crossover.do(Assess(crossover.case, 1, "case", "4"))
    assert session.missing(crossover.plan, crossover.state) == ()


def test_score_is_required_only_where_the_study_says_so() -> None:
    bench = reading("sequential")
    bench.do(Assess(bench.case, 1, bench.plan.units[bench.case][0], "2"))
    needs = session.missing(bench.plan, bench.state)
    assert needs and all(need.startswith(("category", "aid")) for need in needs)


def test_marks_are_placed_moved_and_taken_back() -> None:
    bench = reading("lu2025")
    case = bench.case
    bench.do(PlaceMark(case, 1, Mark("1", "1", "RCC", (1.0, 2.0))), PlaceMark(case, 1, Mark("2", "1", "RMLO", (1.0, 2.0))))
    bench.do(PlaceMark(case, 1, Mark("1", "1", "RCC", (5.0, 6.0), "box", (2.0, 2.0), 70)))
    assert [(mark.mark_id, mark.kind) for mark in bench.state.draft.marks] == [("1", "box"), ("2", "point")]
    refused(bench, RemoveMark(case, 1, "3"), "no mark 3")
    bench.do(RemoveMark(case, 1, "1"))
    assert [mark.mark_id for mark in bench.state.draft.marks] == ["2"]
    bench.do(WriteNote(case, 1, "asymmetry"))
    bench.read()
    answer = bench.state.answers[1, case]
    assert answer.note == "asymmetry" and len(answer.marks) == 1 and bench.state.draft == session.Draft()


@pytest.mark.parametrize(
    "mark",
    [
        Mark("", "1", "RCC", (1.0, 2.0)),
        Mark("1", "1", "RCC", (1.0,)),
        Mark("1", "1", "RCC", (1.0, float("inf"))),
        Mark("1", "1", "RCC", (1.0, 2.0), "circle"),
        Mark("1", "1", "RCC", (1.0, 2.0), "box", (1.0,)),
        Mark("1", "1", "RCC", (1.0, 2.0), "box", (1.0, -1.0)),
        Mark("1", "1", "RCC", (1.0, 2.0), "point", (1.0, 1.0)),
        Mark("1", "1", "RCC", (1.0, 2.0), "point", (), -1),
        Mark("1", "1", "RCC", (1.0, 2.0), "ellipse"),
        Mark("1", "1", "RCC", (1.0, 2.0), "outline", outline=((1.0, 1.0), (2.0, 2.0))),
        Mark("1", "1", "RCC", (1.0, 2.0), "outline", outline=((1.0, 1.0), (2.0, 2.0), (3.0,))),
        Mark("1", "1", "RCC", (1.0, 2.0), "outline", outline=((1.0, 1.0), (2.0, 2.0), (3.0, float("nan")))),
        Mark("1", "1", "RCC", (1.0, 2.0), "box", (1.0, 1.0), outline=((1.0, 1.0), (2.0, 2.0), (3.0, 3.0))),
    ],
)
def test_malformed_marks_are_refused(mark: Mark) -> None:
    refused(reading("lu2025"), PlaceMark(reading("lu2025").case, 1, mark))


def test_pause_covers_and_closing_in_a_pause_interrupts() -> None:
    bench = reading("lu2025")
    case = bench.case
    refused(bench, CloseSession(bench.wall), "pause it first")
    bench.do(Assess(case, 1, "case", "3"), Pause(case, "reader"))
    refused(bench, Assess(case, 1, "case", "2"), "paused")
    events = bench.do(CloseSession(bench.wall))
    assert [type(event) for event in events] == [ReadInterrupted, SessionClosed]
    refused(bench, StartRound(1, bench.wall), "log in first")
    bench.open()
    assert session.due_case(bench.state) == case and bench.state.draft.categories == {"case": "3"}


def test_interrupt_brings_the_case_back() -> None:
    bench = reading("lu2025")
    case = bench.case
    bench.do(Pause(case, "system"), Interrupt(case, "display lost"))
    assert bench.state.phase is Phase.BETWEEN
    refused(bench, Assess(case, 1, "case", "2"), "no case is on the screen")
    bench.close()
    bench.open()
    bench.do(bench.display_command())
    assert bench.state.revision == 2
    refused(bench, SubmitRead(case, 2, bench.wall), "category:case")


def test_rounds_are_not_started_twice() -> None:
    bench = bench_for("lu2025")
    bench.start_round()
    refused(bench, StartRound(1, bench.wall), "under way")
    bench.read()
    bench.read()
    bench.read()
    bench.read_round(["2"])
    refused(bench, StartRound(3, bench.wall), "Every round")


def test_breast_level_units() -> None:
    bench = bench_for("sequential", 3)
    assert {case: len(units) for case, units in bench.plan.units.items()} == {"c1": 2, "c2": 2, "c3": 1}
    bench.read_round()
    assert {len(answer.categories) for answer in bench.state.answers.values()} == {1, 2}


def test_unknown_events_leave_the_state() -> None:
    bench = reading("lu2025")
    assert session.evolve(bench.plan, bench.state, object()) is bench.state  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "days", "expected"),
    [
        ("2027-02-27", 28, "2027-03-27"),
        ("2028-02-28", 1, "2028-02-29"),
        ("2100-02-28", 1, "2100-03-01"),
        ("2000-02-28", 1, "2000-02-29"),
        ("2027-12-31", 1, "2028-01-01"),
        ("2027-01-31", 0, "2027-01-31"),
        ("2026-11-21", 3650, "2036-11-18"),
    ],
)
def test_dates_by_hand(day: str, days: int, expected: str) -> None:
    assert add_days(day, days) == expected


def test_dates_agree_with_the_standard_library() -> None:
    from datetime import date, timedelta

    for offset in range(0, 60_000, 17):
        day = date(1999, 12, 1) + timedelta(days=offset)
        for days in (0, 1, 28, 365, 1461):
            assert add_days(day.isoformat(), days) == (day + timedelta(days=days)).isoformat()


def test_plan_of_the_other_arm_is_mirrored() -> None:
    cases = case_list(3)
    arm_a = plan(definition_of("crossover"), cases, Reader("r1", arm="A"), "h")
    arm_b = plan(definition_of("crossover"), cases, Reader("r1", arm="B"), "h")
    assert [entry.condition.value for entry in arm_a.rounds] == ["unaided", "aided_concurrent"]
    assert [entry.aid for entry in arm_b.rounds] == ["M", None]
