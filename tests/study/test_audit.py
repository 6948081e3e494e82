"""The auditor: silent on a sound log, and each kind of deviation named once something is bent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from study.protocols import Bench, plan_of

from reader_app.study import events as ev
from reader_app.study.audit import CODES, Judge, audit
from reader_app.study.commands import HideAid, Interrupt, Pause, PlaceMark, RemoveMark, Resume, SeeAid, ShowAid, WriteNote
from reader_app.study.events import Logged
from reader_app.study.finding import Mark


def sound_log(name: str) -> Bench:
    """Return a whole study with pauses, an interruption, a crash, marks and notes."""
    bench = Bench(plan_of(name, 3))
    bench.open()
    bench.start_round()
    bench.do(bench.display_command())
    case = bench.case
    if bench.plan.assessment.marks_allowed:
        bench.do(
            PlaceMark(case, 1, Mark("1", "1", "RCC", (1.0, 2.0), score=5)), PlaceMark(case, 1, Mark("2", "1", "L", (1.0, 2.0)))
        )
        bench.do(RemoveMark(case, 1, "2"))
    if bench.plan.assessment.note_allowed:
        bench.do(WriteNote(case, 1, "dense"))
    bench.clock.advance(3)
    bench.do(Pause(case, "reader"))
    bench.clock.advance(60)
    bench.do(Resume(case), Interrupt(case, "display lost"))
    bench.restart(3600)
    bench.open()
    while session_due(bench):
        bench.read("4" if name == "crossover" else "4A")
    while len(bench.state.finished) < len(bench.plan.rounds):
        bench.start_round()
        while session_due(bench):
            if bench.plan.display.reader_may_hide_aid and not bench.state.displayed:
                bench.do(bench.display_command())
                if bench.state.aid_visible:
                    bench.do(SeeAid(bench.case, bench.state.revision, (ev.SliceSeen("L_AP", "coronal", 4, 2, 9),)))
                    bench.do(HideAid(bench.case, bench.state.revision), ShowAid(bench.case, bench.state.revision, bench.aid()))
            bench.read("4" if name == "crossover" else "4A")
    bench.close()
    return bench


def session_due(bench: Bench) -> bool:
    return bench.state.index < len(bench.state.case_order)


SOUND = ("lu2025", "sequential", "sequential_hiding", "crossover", "blocks")


@pytest.fixture(scope="module")
def benches() -> dict[str, Bench]:
    return {name: sound_log(name) for name in SOUND}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_log_has_no_deviation(benches: dict[str, Bench], name: str) -> None:
    assert audit(benches[name].plan, benches[name].log) == []


def nth(log: list[Logged], kind: type, number: int = 0) -> int:
    return [position for position, entry in enumerate(log) if isinstance(entry.event, kind)][number]


def bend(kind: type, number: int = 0, **changes: Any) -> Callable[[list[Logged]], list[Logged]]:
    """Change fields of the n-th event of a kind."""

    def apply(log: list[Logged]) -> list[Logged]:
        at = nth(log, kind, number)
        return [*log[:at], replace(log[at], event=replace(log[at].event, **changes)), *log[at + 1 :]]

    return apply


def drop(kind: type, number: int = 0) -> Callable[[list[Logged]], list[Logged]]:
    def apply(log: list[Logged]) -> list[Logged]:
        at = nth(log, kind, number)
        return renumber([*log[:at], *log[at + 1 :]])

    return apply


def insert(before: type, event: ev.Event, number: int = 0) -> Callable[[list[Logged]], list[Logged]]:
    """Insert an event ahead of the n-th event of a kind, at its time."""

    def apply(log: list[Logged]) -> list[Logged]:
        at = nth(log, before, number)
        return renumber([*log[:at], replace(log[at], event=event), *log[at:]])

    return apply


def clock(number: int, **changes: Any) -> Callable[[list[Logged]], list[Logged]]:
    """Change the clocks of the first events of the log."""
    return lambda log: [*log[:number], replace(log[number], **changes), *log[number + 1 :]]


def renumber(log: list[Logged]) -> list[Logged]:
    return [replace(entry, seq=number) for number, entry in enumerate(log, 1)]


AID = ev.AidShown("LH", "x", 0.35, 0.55)
LATE = "2027-02-27T09:10:00.000Z"

#: protocol, what is bent, the code that must be found
BENT: list[tuple[str, Callable[[list[Logged]], list[Logged]], str]] = [
    ("lu2025", lambda log: log[1:], "sequence"),
    ("lu2025", lambda log: [*log[:5], replace(log[5], mono_ns=log[4].mono_ns - 10**7), *log[6:]], "sequence"),
    ("lu2025", bend(ev.SessionOpened, plan_hash="f" * 64), "plan"),
    ("lu2025", bend(ev.SessionOpened, reader_id="r9"), "plan"),
    ("lu2025", drop(ev.SessionOpened), "sitting"),
    ("lu2025", insert(ev.RoundStarted, ev.SessionOpened("r1", "h", LATE)), "sitting"),
    ("lu2025", insert(ev.ReadSubmitted, ev.SessionClosed(LATE)), "sitting"),
    ("lu2025", drop(ev.SessionResumed), "sitting"),
    ("lu2025", drop(ev.RoundFinished), "round-order"),
    ("lu2025", drop(ev.RoundStarted), "round-order"),
    ("lu2025", insert(ev.ReadSubmitted, ev.RoundFinished(1, LATE)), "round-order"),
    ("lu2025", insert(ev.RoundStarted, ev.RoundFinished(1, LATE)), "round-order"),
    ("lu2025", bend(ev.RoundStarted, 1, round_no=3), "round-order"),
    ("lu2025", bend(ev.RoundStarted, 1, round_no=9), "round-order"),
    ("lu2025", insert(ev.CaseDisplayed, ev.RoundStarted(2, ("c1",), LATE), 1), "round-order"),
    ("lu2025", bend(ev.CaseDisplayed, round_no=2), "round-order"),
    ("lu2025", bend(ev.ReadSubmitted, round_no=2), "round-order"),
    ("lu2025", bend(ev.RoundStarted, cases=("c2", "c1", "c3")), "round-cases"),
    ("lu2025", bend(ev.RoundStarted, 2, cases=("c1",)), "round-cases"),
    ("crossover", bend(ev.RoundStarted, 1, wall_utc="2027-03-26T23:59:59.000Z"), "washout"),
    ("lu2025", bend(ev.CaseDisplayed, case_id="zz"), "case-order"),
    ("lu2025", insert(ev.CaseDisplayed, ev.CaseDisplayed(1, "c1", "any", ("x",), None), 1), "case-order"),
    ("lu2025", bend(ev.CaseDisplayed, fingerprint="e" * 64), "images"),
    ("lu2025", bend(ev.CaseDisplayed, panes=()), "images"),
    ("lu2025", insert(ev.Assessed, ev.ReadPaused("c1", "idle")), "covered"),
    ("lu2025", drop(ev.CaseDisplayed), "covered"),
    ("lu2025", insert(ev.CaseDisplayed, ev.ReadInterrupted("c1", "x")), "covered"),
    ("lu2025", bend(ev.CaseDisplayed, aid=AID), "aid-unaided"),
    ("sequential", bend(ev.CaseDisplayed, aid=replace(AID, model_id="M")), "aid-unaided"),
    ("crossover", bend(ev.CaseDisplayed, aid=None), "aid-missing"),
    ("crossover", bend(ev.CaseDisplayed, aid=replace(AID, model_id="LH")), "aid-wrong"),
    ("crossover", bend(ev.CaseDisplayed, aid=replace(AID, model_id="M", opacity=1.0)), "aid-wrong"),
    ("crossover", bend(ev.CaseDisplayed, aid=replace(AID, model_id="M", prediction_sha256="")), "aid-wrong"),
    ("crossover", bend(ev.CaseDisplayed, aid=replace(AID, model_id="M", status="perhaps")), "aid-wrong"),
    ("lu2025", bend(ev.AidShownAgain, aid=AID), "aid-wrong"),
    ("lu2025", drop(ev.AidHidden), "aid-switched"),
    ("sequential", insert(ev.ReadSubmitted, ev.AidHidden("c1")), "aid-switched"),
    ("sequential", bend(ev.InitialSealed, categories={}), "sealed"),
    ("sequential", bend(ev.InitialSealed, note="later"), "sealed"),
    ("sequential", drop(ev.InitialSealed), "sealed"),
    ("sequential", drop(ev.AidRevealed), "sealed"),
    ("lu2025", insert(ev.ReadSubmitted, ev.InitialSealed("c1", {"case": "4A"}, {"case": 10}, "")), "sealed"),
    ("lu2025", bend(ev.Assessed, category="6"), "answer"),
    ("lu2025", bend(ev.Assessed, unit="R"), "answer"),
    ("lu2025", bend(ev.Scored, score=101), "answer"),
    ("crossover", insert(ev.ReadSubmitted, ev.Scored("c1", "case", 5)), "answer"),
    ("crossover", insert(ev.ReadSubmitted, ev.MarkPlaced("c1", Mark("1", "1", "R", (1.0, 1.0)))), "answer"),
    ("lu2025", bend(ev.MarkPlaced, mark=Mark("1", "1", "RCC", (1.0,))), "answer"),
    ("lu2025", bend(ev.MarkPlaced, mark=Mark("1", "1", "RCC", (1.0, 1.0), score=500)), "answer"),
    ("lu2025", bend(ev.MarkPlaced, mark=Mark("1", "1", "RCC", (1.0, 1.0), "outline")), "answer"),
    ("lu2025", bend(ev.MarkPlaced, mark=Mark("1", "1", "RCC", (1.0, 1.0), "ellipse")), "answer"),
    ("lu2025", bend(ev.MarkRemoved, mark_id="7"), "answer"),
    ("sequential", insert(ev.ReadSubmitted, ev.Noted("c1", "seen")), "answer"),
    ("lu2025", bend(ev.ReadSubmitted, categories={}), "incomplete"),
    ("lu2025", bend(ev.ReadSubmitted, scores={}), "incomplete"),
    ("lu2025", bend(ev.ReadSubmitted, categories={"case": "5"}), "altered"),
    ("lu2025", bend(ev.ReadSubmitted, marks=()), "altered"),
    ("lu2025", drop(ev.Assessed, 1), "altered"),
    ("lu2025", insert(ev.RoundFinished, ev.ReadSubmitted(1, "c1", {"case": "4A"}, {"case": 10}, "")), "read-twice"),
    ("blocks", drop(ev.FeedbackSeen), "feedback"),
    ("blocks", bend(ev.FeedbackSeen, case_id="c9"), "feedback"),
    ("blocks", bend(ev.FeedbackSeen, round_no=2), "feedback"),
    ("blocks", bend(ev.FeedbackSeen, shown_ms=-1), "feedback"),
    ("blocks", insert(ev.ReadSubmitted, ev.FeedbackSeen(1, "c2", 5)), "feedback"),
    ("blocks", drop(ev.QuestionnaireAnswered), "questionnaire"),
    ("blocks", drop(ev.QuestionnaireAnswered, 1), "questionnaire"),
    ("blocks", drop(ev.QuestionnaireAnswered, -1), "questionnaire"),
    ("blocks", bend(ev.QuestionnaireAnswered, answers={}), "questionnaire"),
    ("blocks", bend(ev.QuestionnaireAnswered, answers={"tired:case": ("perhaps",)}), "questionnaire"),
    ("blocks", bend(ev.QuestionnaireAnswered, 1, answers={"mental:case": ("5",), "changed:case": ("yes",)}), "questionnaire"),
    ("blocks", bend(ev.QuestionnaireAnswered, 1, answers={"x:case": ("5",)}), "questionnaire"),
    ("blocks", bend(ev.QuestionnaireAnswered, questionnaire="more"), "questionnaire"),
    ("blocks", bend(ev.QuestionnaireAnswered, count=9), "questionnaire"),
    ("blocks", bend(ev.QuestionnaireAnswered, shown_ms=-1), "questionnaire"),
    ("blocks", insert(ev.ReadSubmitted, ev.QuestionnaireAnswered("tired", 1, 0, {}, 5, LATE)), "questionnaire"),
    ("blocks", bend(ev.ReadSubmitted, 4, occurrence=1), "read-twice"),
    ("blocks", bend(ev.ReadSubmitted, 2, occurrence=2), "read-twice"),
    ("blocks", bend(ev.AidSeen, slices=()), "aid-switched"),
    ("blocks", bend(ev.AidSeen, slices=(ev.SliceSeen("L_AP", "coronal", 4, 5, 9),)), "aid-switched"),
    ("lu2025", insert(ev.ReadSubmitted, ev.AidSeen("c1", (ev.SliceSeen("L_AP", "", 0, 0, 0),))), "aid-switched"),
    ("blocks", bend(ev.AidFindingJudged, finding="3"), "aid-switched"),
    ("blocks", drop(ev.AidFindingJudged), "incomplete"),
    ("blocks", bend(ev.AidShownAgain, aid=replace(AID, model_id="M", prediction_sha256="M-c3", findings=1)), "aid-wrong"),
    ("blocks", bend(ev.CaseDisplayed, 5, aid=replace(AID, model_id="M", status="withheld", findings=1)), "aid-wrong"),
    ("blocks", bend(ev.Answered, 1, values=("5.5",)), "answer"),
    ("blocks", bend(ev.Answered, 1, values=("11",)), "answer"),
    ("blocks", insert(ev.RoundStarted, ev.ReadVoided(2, "c3", "co1", "agreed with the board", LATE, 2), 2), "clock"),
    ("blocks", insert(ev.RoundStarted, ev.ReadVoided(2, "c1", "co1", "agreed with the board", LATE, 2), 2), "override"),
    ("lu2025", insert(ev.CaseDisplayed, ev.ReadPaused("c1", "idle")), "pause"),
    ("lu2025", insert(ev.ReadPaused, ev.ReadResumed("c1")), "pause"),
    ("lu2025", insert(ev.RoundStarted, ev.RoundUnlocked(2, " ", "agreed with the board", LATE)), "override"),
    ("lu2025", insert(ev.RoundStarted, ev.RoundUnlocked(2, "co1", "ok . . . . .", LATE)), "override"),
    ("lu2025", insert(ev.RoundStarted, ev.ReadVoided(1, "c1", "co1", "agreed with the board", LATE)), "override"),
    ("lu2025", insert(ev.ReadSubmitted, ev.CaseWithdrawn("c3", "co1", "agreed with the board", LATE)), "override"),
    ("lu2025", insert(ev.RoundStarted, ev.CaseWithdrawn("zz", "co1", "agreed with the board", LATE)), "override"),
    ("lu2025", insert(ev.RoundStarted, ev.PlanAmended("old", "new", "co1", "agreed with the board", LATE)), "override"),
    ("lu2025", insert(ev.RoundStarted, ev.ReaderRetired("", "co1", "agreed with the board", LATE)), "override"),
    ("lu2025", clock(2, wall_utc="yesterday"), "clock"),
    ("lu2025", clock(2, wall_utc="2027-02-27T09:xx:00.000Z"), "clock"),
    ("lu2025", bend(ev.RoundStarted, wall_utc=LATE), "clock"),
    ("lu2025", clock(3, wall_utc="2027-02-27T11:00:00.000Z"), "clock"),
    ("lu2025", clock(3, mono_ns=5_000_000_000 + 7_200_000_000_000), "clock"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bending", "code"), BENT, ids=[f"{number} {code}" for number, (_, _, code) in enumerate(BENT)])
def test_a_bent_log_is_found_out(
    benches: dict[str, Bench], name: str, bending: Callable[[list[Logged]], list[Logged]], code: str
) -> None:
    bench = benches[name]
    bent = bending(bench.log)
    assert bent != bench.log
    found = audit(bench.plan, bent)
    assert code in {deviation.code for deviation in found}, found
    assert all(deviation.code in CODES and deviation.text.endswith(".") for deviation in found)


def test_every_code_is_found_by_some_bent_log() -> None:
    assert {code for _, _, code in BENT} | {"too-soon", "suspend", "stall", "session-length"} == set(CODES)


def test_validated_too_soon() -> None:
    bench = Bench(plan_of("lu2025", 1))
    bench.open()
    bench.start_round()
    bench.read(seconds=0.2)
    assert [(deviation.code, deviation.seq) for deviation in audit(bench.plan, bench.log)] == [("too-soon", 6)]


def test_a_clock_set_back_between_two_starts_is_found() -> None:
    bench = Bench(plan_of("lu2025", 2))
    bench.open()
    bench.start_round()
    bench.read()
    bench.restart()
    bench.open()
    assert audit(bench.plan, bench.log) == []
    last = bench.log[-1]
    earlier = "2027-02-27T08:00:00.000Z"
    bench.log[-1] = replace(last, wall_utc=earlier, event=replace(last.event, wall_utc=earlier))  # type: ignore[type-var]
    assert [deviation.code for deviation in audit(bench.plan, bench.log)] == ["clock"]


def test_sleep_in_mid_read_is_found() -> None:
    """The monotonic clock stands while the machine sleeps; the time of day does not."""
    bench = Bench(plan_of("lu2025", 1))
    bench.open()
    bench.start_round()
    bench.do(bench.display_command())
    slept = [
        replace(entry, wall_utc="2027-02-27T10:00:00.000Z") if isinstance(entry.event, ev.CaseDisplayed) else entry
        for entry in bench.log
    ]
    assert {deviation.code for deviation in audit(bench.plan, slept)} == {"clock"}


def test_the_auditor_goes_on_after_a_deviation() -> None:
    bench = sound_log("lu2025")
    bent = bend(ev.ReadSubmitted, categories={"case": "5"})(bend(ev.SessionOpened, reader_id="r9")(bench.log))
    assert {"plan", "altered"} <= {deviation.code for deviation in audit(bench.plan, bent)}


def test_an_empty_log_is_no_deviation() -> None:
    assert audit(plan_of("lu2025"), []) == []


def test_a_fork_judges_what_may_happen_and_leaves_the_judge_as_it_was() -> None:
    bench = sound_log("lu2025")
    judge, twin_of_all = Judge(bench.plan), Judge(bench.plan)
    half = len(bench.log) // 2
    for entry in bench.log[:half]:
        judge.take(entry)
        twin_of_all.take(entry)
    fork = judge.fork()
    for entry in (bench.log[-1], *bench.log[half:]):
        fork.take(entry)
    assert fork.found != []
    for entry in bench.log[half:]:
        judge.take(entry)
        twin_of_all.take(entry)
    assert judge.found == twin_of_all.found == []
