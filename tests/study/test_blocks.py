"""What comes between cases and more than once: feedback, questionnaires, repeats; findings and slices of the aid."""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from study.protocols import BLOCKS, Bench, case_list, plan_of

from reader_app.errors import ProtocolViolation, StudyFileError
from reader_app.study import events as ev
from reader_app.study import readtable, session
from reader_app.study.assignment import CounterGenerator, plan
from reader_app.study.audit import Judge, audit
from reader_app.study.caselist import Reader
from reader_app.study.commands import (
    AcknowledgeFeedback,
    AnswerQuestion,
    AnswerQuestionnaire,
    CloseSession,
    DisplayCase,
    JudgeAidFinding,
    OpenSession,
    PlaceMark,
    ReportDisplay,
    SeeAid,
    StartRound,
    VoidRead,
    WithdrawCase,
)
from reader_app.study.definition import parse
from reader_app.study.filled import questionnaires
from reader_app.study.finding import Mark
from reader_app.study.questionnaires import missing_answers, open_questions, wrong_answers
from reader_app.study.repeats import RepeatRule, wanted, with_repeats, wrong_rule
from reader_app.study.state import Phase


def at_round(number: int, count: int = 4) -> Bench:
    """Return a bench in front of the first case of a round of the protocol with blocks."""
    bench = Bench(plan_of("blocks", count))
    bench.open()
    while number > 1:
        bench.read_round(("4A",))
        number -= 1
    bench.start_round()
    return bench


def refused(bench: Bench, command: Any, words: str) -> None:
    with pytest.raises(ProtocolViolation, match=words):
        session.decide(bench.plan, bench.state, command)


# --- feedback ---


def test_the_reference_is_told_before_anything_else() -> None:
    bench = at_round(1)
    first = bench.case
    bench.do(bench.display_command())
    bench.answer()
    bench.do(session_submit(bench))
    assert session.due_feedback(bench.plan, bench.state) == first
    assert session.legal_commands(bench.plan, bench.state) >= {AcknowledgeFeedback}
    refused(bench, bench.display_command(), "reference of the training case comes first")
    refused(bench, CloseSession(bench.wall), "reference of the training case comes first")
    refused(bench, AcknowledgeFeedback(bench.case, 10, bench.wall), "is not the case")
    refused(bench, AcknowledgeFeedback(first, -1, bench.wall), "less than no time")
    bench.restart()
    bench.open()
    assert bench.state.feedback == first  # a crash does not spare the reader the reference
    (seen,) = bench.do(AcknowledgeFeedback(first, 900, bench.wall))
    assert seen == ev.FeedbackSeen(1, first, 900) and bench.state.feedback is None
    assert audit(bench.plan, bench.log) == []


def session_submit(bench: Bench) -> Any:
    from reader_app.study.commands import SubmitRead

    bench.clock.advance(2)
    return SubmitRead(bench.case, bench.state.revision, bench.wall)


def test_a_training_round_ends_with_its_last_reference() -> None:
    bench = at_round(1)
    while session.due_case(bench.state) is not None:
        bench.do(bench.display_command())
        bench.answer()
        bench.do(session_submit(bench))
        last = session.due_case(bench.state) is None
        assert bench.state.round_no == 1  # not finished before the reference has been told
        events = bench.do(AcknowledgeFeedback(bench.state.feedback or "", 900, bench.wall))
        assert (events[-1] == ev.RoundFinished(1, bench.wall)) == last
    assert readtable.reads(bench.plan, bench.log) == [] and len(readtable.reads(bench.plan, bench.log, training=True)) == 2


def test_the_reference_of_a_withdrawn_case_is_not_told() -> None:
    bench = at_round(1)
    while session.due_case(bench.state) is not None:
        bench.clear_way()
        bench.do(bench.display_command())
        bench.answer()
        bench.do(session_submit(bench))
    told = bench.state.feedback
    assert told is not None
    events = bench.do(WithdrawCase(told, "co1", "consent was withdrawn", bench.wall))
    assert bench.state.feedback is None and isinstance(events[-1], ev.RoundFinished)
    assert audit(bench.plan, bench.log) == []


# --- questionnaires ---


def test_questionnaires_come_after_cases_at_the_end_of_a_round_and_of_a_sitting() -> None:
    bench = Bench(plan_of("blocks", 4))
    bench.open()
    asked = Counter()
    for _ in range(3):
        bench.start_round()
        while session.due_case(bench.state) is not None:
            bench.read("4A")
    bench.close()
    rows = questionnaires(bench.plan, bench.log)
    for entry in bench.log:
        if isinstance(entry.event, ev.QuestionnaireAnswered):
            asked[entry.event.questionnaire, entry.event.round_no, entry.event.count] += 1
    # Round 1 is training: only the questionnaire that names it comes; round 2 has three readings, round 3 two and is not named.
    assert asked == {("load", 1, 0): 1, ("tired", 2, 2): 1, ("load", 2, 0): 1, ("leave", 0, 1): 1}
    assert [(row.question, row.values) for row in rows if row.questionnaire == "load"][:3] == [
        ("mental", ("55",)), ("changed", ("yes",)), ("how", ("seen",))
    ]  # fmt: skip
    last = rows[-1]
    assert (last.questionnaire, last.round_no, last.condition, last.values, last.shown_s) == ("leave", 0, "", (), 12.0)
    assert next(row for row in rows if row.questionnaire == "tired").condition == "aided_concurrent"
    assert audit(bench.plan, bench.log) == []


def test_nothing_goes_on_before_a_questionnaire_is_answered_whole() -> None:
    bench = at_round(1)
    bench.read()
    bench.do(bench.display_command())
    bench.answer()
    bench.do(session_submit(bench))
    bench.do(AcknowledgeFeedback(bench.state.feedback or "", 900, bench.wall))
    asking = session.due_questionnaire(bench.plan, bench.state)
    assert asking is not None and asking.occasion == ("load", 1, 0)
    refused(bench, StartRound(2, bench.wall), "questionnaire comes first")
    refused(bench, CloseSession(bench.wall), "questionnaire comes first")
    right = {"mental:case": ("50",), "changed:case": ("no",)}
    for wrong, words in [
        ({}, "mental, changed must be answered"),
        ({**right, "changed:case": ("yes",)}, "how must be answered"),
        ({**right, "how:case": ("so",)}, "how:case is not asked"),
        ({**right, "mental:case": ("50.5",)}, "a whole number from 0 to 100"),
        ({**right, "mental:case": ("101",)}, "a whole number from 0 to 100"),
    ]:
        refused(bench, AnswerQuestionnaire("load", 1, 0, wrong, 5, bench.wall), words)
    refused(bench, AnswerQuestionnaire("load", 2, 0, right, 5, bench.wall), "not the questionnaire that is due")
    refused(bench, AnswerQuestionnaire("load", 1, 0, right, -5, bench.wall), "not the questionnaire that is due")
    bench.restart()
    bench.open()
    bench.do(AnswerQuestionnaire("load", 1, 0, {**right, "how:case": ()}, 5, bench.wall))
    assert session.due_questionnaire(bench.plan, bench.state) is None
    bench.do(StartRound(2, bench.wall))
    assert audit(bench.plan, bench.log) == []


def test_a_sitting_in_which_nothing_was_read_is_left_without_a_word() -> None:
    bench = Bench(plan_of("blocks", 4))
    bench.open()
    bench.close()
    bench.open()
    bench.start_round()
    bench.do(bench.display_command())
    bench.do(pause(bench))
    bench.close()  # in a pause, nothing validated yet
    bench.open()
    bench.read()
    bench.do(bench.display_command(), pause(bench))
    assert bench.state.phase is Phase.PAUSED
    asking = session.closing_questionnaire(bench.plan, bench.state)
    assert asking is not None and asking.occasion == ("leave", 0, 3)
    refused(bench, CloseSession(bench.wall), "questionnaire comes first")
    bench.close()
    assert bench.state.phase is Phase.CLOSED and audit(bench.plan, bench.log) == []


def pause(bench: Bench) -> Any:
    from reader_app.study.commands import Pause

    return Pause(session.due_case(bench.state) or "", "display")


def test_only_what_is_asked_is_open() -> None:
    load = plan_of("blocks", 4).questionnaires[1]
    assert [own.question_id for own in open_questions(load, {})] == ["mental", "changed"]
    assert [own.question_id for own in open_questions(load, {"changed:case": ("yes",)})] == ["mental", "changed", "how"]
    assert missing_answers(load, {"changed:case": ("yes",)}) == ("mental", "how")
    assert wrong_answers(load, {"mental:case": ("1", "2"), "changed:case": ("no",)}) == "mental takes one answer"


def test_answers_to_a_questionnaire_that_has_gone_keep_their_names() -> None:
    bench = Bench(plan_of("blocks", 4))
    bench.open()
    bench.read_round(("2",))
    other = replace(bench.plan, questionnaires=())
    rows = questionnaires(other, bench.log)
    assert {(row.title, row.when, row.text) for row in rows} == {("load", "", name) for name in ("mental", "changed", "how")}


# --- repeats ---


def test_the_second_reading_is_kept_beside_the_first() -> None:
    bench = at_round(2)
    again = next(case for case, times in Counter(bench.state.case_order).items() if times == 2)
    seen = []
    while session.due_case(bench.state) is not None:
        second = bench.case == again and session.due_occurrence(bench.state) == 2
        seen.append((bench.case, session.due_occurrence(bench.state)))
        bench.read("5" if second else "4A")
    assert seen.count((again, 1)) == seen.count((again, 2)) == 1
    assert bench.state.answers[2, again].categories == {"case": "4A"}
    assert bench.state.repeats[2, again, 2].categories == {"case": "5"}
    own = {(read.case_id, read.occurrence): read for read in readtable.reads(bench.plan, bench.log)}
    assert own[again, 2].position - own[again, 1].position >= 2 and own[again, 2].categories == {"case": "5"}
    # The derived round goes by the first reading, and a void second reading leaves the first alone.
    bench.do(VoidRead(2, again, "co1", "the telephone rang", bench.wall, 2))
    refused(bench, VoidRead(2, again, "co1", "the telephone rang", bench.wall, 2), "no valid read")
    refused(bench, VoidRead(2, again, "co1", "the telephone rang", bench.wall, 3), "no valid read")
    assert again in session.round_cases(bench.plan, bench.state, 3)
    void = {read.occurrence: read.void for read in readtable.reads(bench.plan, bench.log, void=True) if read.case_id == again}
    assert void == {1: "", 2: "the telephone rang"} and audit(bench.plan, bench.log) == []


def test_a_case_withdrawn_after_its_first_reading_does_not_come_again() -> None:
    bench = at_round(2, 8)
    again = next(case for case, times in Counter(bench.state.case_order).items() if times == 2)
    while bench.case != again:
        bench.read()
    bench.read()
    read, ahead = bench.state.index, len(bench.state.case_order)
    bench.do(WithdrawCase(again, "co1", "consent was withdrawn", bench.wall))
    assert (bench.state.index, len(bench.state.case_order)) == (read, ahead - 1)
    while session.due_case(bench.state) is not None:
        bench.read()
    assert again not in {own.case_id for own in readtable.reads(bench.plan, bench.log)}
    assert audit(bench.plan, bench.log) == []


@given(
    count=st.integers(1, 40),
    gap=st.integers(1, 12),
    share=st.floats(0.01, 1),
    seed=st.integers(0, 10**6),
)
def test_repeats_stand_far_enough_apart(count: int, gap: int, share: float, seed: int) -> None:
    cases = [f"c{number}" for number in range(count)]
    rule = RepeatRule(share=share, min_gap=gap)
    draw = CounterGenerator(f"{seed}")
    order = draw.shuffled(cases)
    again = wanted(rule, cases, draw.shuffled)
    if wrong_rule(rule, cases):
        assert len(again) > count - gap + 1
        return
    placed = with_repeats(order, again, gap, draw.below)
    assert Counter(placed) == Counter(cases) + Counter(again)
    for case_id in again:
        first, second = (at for at, own in enumerate(placed) if own == case_id)
        assert second - first >= gap


def test_the_same_cases_are_repeated_for_every_reader_each_at_a_place_of_his_own() -> None:
    orders = [plan_of("blocks", 40, reader).round(2).order for reader in ("r1", "r2", "r3")]
    assert len({tuple(sorted(case for case, n in Counter(order).items() if n == 2)) for order in orders}) == 1
    assert len(set(orders)) == 3


def blocks(**changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(BLOCKS)
    document["rounds"][1] |= changes
    return document


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repeat": {"cases": ["c1"], "share": 0.5}}, "does not say which cases"),
        ({"repeat": {"min_gap": 3}}, "does not say which cases"),
        ({"order": "as_listed"}, "repeated only in a shuffled round"),
        ({"refines": 1}, "repeated only in a shuffled round"),
        ({"feedback": True}, "only training has feedback"),
    ],
)
def test_faults_of_repeats_and_feedback_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyFileError, match=words):
        parse(blocks(**changes))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"cases": ["zz"], "min_gap": 1}, "case zz is not in the round"),
        ({"sample": 9, "min_gap": 1}, "9 cases cannot be repeated"),
        ({"sample": 1, "min_gap": 5}, "do not fit into 2 cases"),
    ],
)
def test_repeats_that_do_not_fit_are_refused_with_the_plan(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyFileError, match=words):
        plan(parse(blocks(repeat=rule)), case_list(4), Reader("r1"), "h")


def test_named_cases_are_repeated() -> None:
    made = plan(parse(blocks(repeat={"cases": ["c1"], "min_gap": 1})), case_list(4), Reader("r1"), "h")
    assert Counter(made.round(2).order) == {"c1": 2, "c3": 1}


# --- questionnaires and findings in the study file ---


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"id": "a b", "when": "round_end"}, "holds other signs"),
        ({"id": "load", "when": "round_end"}, "declared twice"),
        ({"id": "x", "when": "after_cases"}, "belongs to after_cases"),
        ({"id": "x", "when": "round_end", "every": 3}, "belongs to after_cases"),
        ({"id": "x", "when": "round_end", "rounds": [7]}, "there is no round 7"),
        ({"id": "x", "when": "round_end", "rounds": [1.5]}, "is not a list of whole numbers"),
        ({"id": "x", "when": "round_end", "rounds": [1, 1]}, "listed twice"),
        ({"id": "x", "when": "session_end", "rounds": [1]}, "belongs to no round"),
        ({"id": "x", "when": "round_end", "template": "tlx", "questions": []}, "is not the name of a ready list"),
        ({"id": "x", "when": "round_end", "questions": []}, "does not say the questions"),
        ({"when": "round_end"}, "this key is missing"),
        ({"id": "x", "when": "round_end", "questions": [{"id": "q", "text": "?", "level": "case"}]}, "belongs to a case"),
        (
            {"id": "x", "when": "round_end", "questions": [{"id": "q", "text": "?", "kind": "text", "when": {"marks": "some"}}]},
            "belongs to a case",
        ),
    ],
)  # fmt: skip
def test_faults_of_questionnaires_are_named(table: dict[str, Any], words: str) -> None:
    document = copy.deepcopy(BLOCKS)
    asked = {"questions": [{"id": "q", "text": "?", "kind": "text"}]}
    document["questionnaires"].append({**asked, **table})
    with pytest.raises(StudyFileError, match=words):
        parse(document)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"kind": "scale", "low": 0}, "a scale goes from a whole number"),
        ({"kind": "scale", "low": 5, "high": 2}, "a scale goes from a whole number"),
        ({"kind": "scale", "low": 0.5, "high": 2}, "a scale goes from a whole number"),
        ({"kind": "text", "low_text": "none"}, "only a scale has words"),
        ({"kind": "text", "level": "unit", "when": {"question": "shape", "is": ["oval"]}}, "is asked for findings"),
    ],
)
def test_faults_of_scales_and_findings_are_named(question: dict[str, Any], words: str) -> None:
    document = copy.deepcopy(BLOCKS)
    document["questions"].append({"id": "q", "text": "?", **question})
    with pytest.raises(StudyFileError, match=words):
        parse(document)


def test_what_must_be_judged_must_be_judgeable() -> None:
    document = copy.deepcopy(BLOCKS)
    document["display"]["reader_judges_findings"] = False
    with pytest.raises(StudyFileError, match="cannot judge them"):
        parse(document)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"comparison": ["unaided"]}, "does not name two conditions"),
        ({"hypothesis": "non-inferiority"}, "a margin belongs to"),
        ({"margin": 0.05}, "a margin belongs to"),
    ],
)
def test_faults_of_the_analysis_are_named(table: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyFileError, match=words):
        parse({**copy.deepcopy(BLOCKS), "analysis": table})


def test_the_analysis_decided_beforehand_is_kept() -> None:
    table = {"primary_endpoint": "AUC", "comparison": ["unaided", "aided"], "hypothesis": "non-inferiority", "margin": 0.05}
    own = parse({**copy.deepcopy(BLOCKS), "analysis": table}).analysis
    assert (own.primary_endpoint, own.comparison, own.margin, own.alpha) == ("AUC", ("unaided", "aided"), 0.05, 0.05)


# --- findings of the reader and of the aid ---


def test_each_finding_is_asked_for_and_each_of_the_aid_judged() -> None:
    bench = at_round(2)
    while bench.case.endswith("2"):
        bench.read()
    bench.do(bench.display_command())
    case, revision = bench.case, bench.state.revision
    for number, (finding, image) in enumerate([("1", "RCC"), ("1", "RMLO"), ("2", "RCC")], start=1):
        bench.do(PlaceMark(case, revision, Mark(str(number), finding, image, (1.0, 2.0))))
    asked = [(own.question_id, unit) for own, unit in session.questions_asked(bench.plan, bench.state)]
    assert asked == [("shape", "#1"), ("shape", "#2"), ("sure", "case")]
    bench.do(
        AnswerQuestion(case, revision, "#1", "shape", ("irregular",)), AnswerQuestion(case, revision, "#2", "shape", ("oval",))
    )
    asked = [(own.question_id, unit) for own, unit in session.questions_asked(bench.plan, bench.state)]
    assert asked == [("shape", "#1"), ("shape", "#2"), ("why", "#1"), ("sure", "case"), ("biopsy", "case")]
    refused(bench, AnswerQuestion(case, revision, "#2", "why", ("yes",)), "is not asked for #2")
    refused(bench, AnswerQuestion(case, revision, "case", "sure", ("5.0",)), "a whole number from 0 to 10")
    bench.answer()
    assert session.missing(bench.plan, bench.state) == ("finding:1", "finding:2")
    refused(bench, JudgeAidFinding(case, revision, "3", "accepted"), "has 2 findings")
    bench.do(JudgeAidFinding(case, revision, "1", "accepted"), JudgeAidFinding(case, revision, "2", "rejected"))
    assert bench.state.verdicts == {"1": "accepted", "2": "rejected"}
    bench.do(JudgeAidFinding(case, revision, "1", ""))
    assert session.missing(bench.plan, bench.state) == ("finding:1",)
    bench.do(JudgeAidFinding(case, revision, "1", "rejected"), session_submit(bench))
    assert bench.state.verdicts == {}
    (read,) = readtable.reads(bench.plan, bench.log)[-1:]
    assert read.verdicts == {"1": "rejected", "2": "rejected"} and set(read.answers) >= {"shape:#1", "shape:#2", "why:#1"}
    assert audit(bench.plan, bench.log) == []


def test_the_slices_on_which_the_aid_was_seen_are_kept() -> None:
    bench = at_round(2)
    bench.do(bench.display_command())
    slices = (ev.SliceSeen("L_AP", "coronal", 40, 12, 61, "coronal"), ev.SliceSeen("L_AP", "sagittal", 3, 3, 3))
    bench.do(SeeAid(bench.case, bench.state.revision, slices))
    for wrong in ((), (replace(slices[0], first=50),), (replace(slices[0], image_id=""),)):
        refused(bench, SeeAid(bench.case, bench.state.revision, wrong), "stretches of slices")
    bench.answer()
    bench.judge_findings()
    bench.do(session_submit(bench))
    assert readtable.reads(bench.plan, bench.log)[-1].seen == slices


def test_an_aid_that_is_not_there_marks_nothing() -> None:
    bench = at_round(2)
    right = bench.display_command()
    assert right.aid is not None
    for aid in (replace(right.aid, status="withheld", findings=2), replace(right.aid, findings=-1)):
        refused(bench, replace(right, aid=aid), "marks no finding")
    bench.do(replace(right, aid=replace(right.aid, status="withheld", findings=0)))
    bench.answer()
    assert session.missing(bench.plan, bench.state) == ()  # nothing to be judged
    assert isinstance(bench.display_command(), DisplayCase) and audit(bench.plan, bench.log) == []


def test_the_screen_is_noted_and_changes_nothing() -> None:
    bench = at_round(2)
    before = bench.state
    bench.do(ReportDisplay("left", 2048, 2560, 100, ""))
    assert bench.state == before and isinstance(bench.log[-1].event, ev.DisplayChanged)
    refused(bench, ReportDisplay("left", 0, 2560, 100, ""), "a size and a scale")
    assert audit(bench.plan, bench.log) == []


def test_a_new_sitting_can_be_opened_with_everything_done() -> None:
    bench = Bench(plan_of("blocks", 4))
    bench.open()
    for _ in range(3):
        bench.read_round(("4A",))
    assert bench.state.phase is Phase.DONE
    bench.close()
    bench.do(OpenSession(bench.wall))
    bench.close()
    assert audit(bench.plan, bench.log) == []


def test_a_fork_of_the_auditor_keeps_its_findings_to_itself() -> None:
    bench = at_round(2)
    judge = Judge(bench.plan)
    for entry in bench.log:
        judge.take(entry)
    fork = judge.fork()
    last = bench.log[-1]
    fork.take(replace(last, seq=last.seq + 1, event=ev.ReadVoided(9, "zz", "", "", last.wall_utc)))
    fork.answers.categories["case"] = "5"
    assert fork.found and not judge.found and not judge.answers.categories
