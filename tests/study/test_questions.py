"""The answer form as data: conditions, kinds of answer, what counts at validation, and the faults of its declaration."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from study.protocols import FORM, Bench, plan_of

from reader_app.errors import ProtocolViolation, StudyFileError
from reader_app.study import session
from reader_app.study.audit import audit
from reader_app.study.commands import AnswerQuestion, Assess, PlaceMark, RemoveMark, RevealAid, SubmitRead
from reader_app.study.definition import parse
from reader_app.study.events import Answered, ReadSubmitted
from reader_app.study.finding import Mark
from reader_app.study.questions import Question, wrong_answer
from reader_app.study.readtable import reads


def reading(case: str = "c1") -> Bench:
    """Return a bench with one case of the form on the screen (c1, c2: both breasts; c3: ultrasound of the left)."""
    bench = Bench(plan_of("form", 3))
    bench.open()
    bench.start_round()
    while bench.case != case:
        bench.read("2")
    bench.do(bench.display_command())
    return bench


def asked(bench: Bench) -> set[str]:
    return {f"{question.question_id}:{unit}" for question, unit in session.questions_asked(bench.plan, bench.state)}


def reply(bench: Bench, name: str, unit: str, *values: str) -> None:
    bench.do(AnswerQuestion(bench.case, bench.state.revision, unit, name, values))


def refused(bench: Bench, name: str, unit: str, values: tuple[str, ...], words: str) -> None:
    with pytest.raises(ProtocolViolation, match=words):
        bench.do(AnswerQuestion(bench.case, bench.state.revision, unit, name, values))


def test_questions_appear_with_their_conditions() -> None:
    bench = reading()
    revision = bench.state.revision
    assert asked(bench) == {"composition:case", "recall:R", "recall:L", "nothing_seen:case"}
    bench.do(Assess(bench.case, revision, "R", "0"))
    assert "forced:R" in asked(bench) and "forced:L" not in asked(bench)
    reply(bench, "forced", "R", "4A")
    assert "why:R" in asked(bench)
    reply(bench, "recall", "L", "yes")
    assert "sure:case" in asked(bench)
    bench.do(PlaceMark(bench.case, revision, Mark("1", "1", "RCC", (1.0, 2.0))))
    assert "nothing_seen:case" not in asked(bench) and {"terms:R", "terms:L"} <= asked(bench)
    assert "composition:case" not in asked(reading("c3"))


def test_answers_outside_the_form_are_refused() -> None:
    bench = reading()
    refused(bench, "composition", "R", ("a",), "not asked for R")
    refused(bench, "forced", "R", ("2",), "not asked for R now")
    refused(bench, "composition", "case", ("e",), "answered by a, b, c, d")
    refused(bench, "composition", "case", ("a", "b"), "one answer")
    refused(bench, "recall", "R", ("maybe",), "answered by yes, no")
    without = reading("c3")
    assert session.questions_asked(without.plan, session.initial(without.plan)) == ()


@pytest.mark.parametrize(
    ("question", "values", "fits"),
    [
        (Question("q", "?", "choice", ("a", "b"), many=True), ("a", "b"), True),
        (Question("q", "?", "choice", ("a", "b"), many=True), ("a", "a"), False),
        (Question("q", "?", "choice", ("a", "b")), (), True),
        (Question("q", "?", "number"), ("-1e3",), True),
        (Question("q", "?", "number"), ("inf",), False),
        (Question("q", "?", "number"), ("two",), False),
        (Question("q", "?", "number", low=0, high=3), ("3.5",), False),
        (Question("q", "?", "text"), ("경계 불분명",), True),
        (Question("q", "?", "text"), ("x" * 2001,), False),
        (Question("q", "?", "text"), ("\ud800",), False),
    ],
)
def test_kinds_of_answer(question: Question, values: tuple[str, ...], fits: bool) -> None:
    assert (wrong_answer(question, values) == "") is fits


def test_required_questions_hold_validation_back_and_only_counted_answers_are_locked() -> None:
    bench = reading()
    revision = bench.state.revision
    for unit in ("R", "L"):
        bench.do(Assess(bench.case, revision, unit, "0"))
        reply(bench, "recall", unit, "no")
    reply(bench, "composition", "case", "c")
    needs = session.missing(bench.plan, bench.state)
    assert needs == ("question:forced:R", "question:forced:L", "question:nothing_seen:case", "aid")
    reply(bench, "forced", "R", "5")
    reply(bench, "why", "R", "spiculated")
    reply(bench, "nothing_seen", "case", "yes")
    bench.do(Assess(bench.case, revision, "L", "2"))  # "forced" is not asked any more for the left
    assert session.missing(bench.plan, bench.state) == ("aid",)
    bench.do(RevealAid(bench.case, revision, bench.aid()))
    bench.do(Assess(bench.case, revision, "R", "2"))  # nor for the right: its answers do not count now
    reply(bench, "recall", "R")
    assert session.missing(bench.plan, bench.state) == ("question:recall:R",)
    reply(bench, "recall", "R", "yes")
    reply(bench, "sure", "case", "7")
    bench.clock.advance(5)
    case = bench.case
    bench.do(SubmitRead(case, revision, bench.wall))
    read = reads(bench.plan, bench.log)[-1]
    assert read.answers == {
        "composition:case": ("c",), "recall:R": ("yes",), "recall:L": ("no",), "nothing_seen:case": ("yes",), "sure:case": ("7",),
    }  # fmt: skip
    assert read.initial is not None and read.initial.answers["why:R"] == ("spiculated",)
    assert bench.state.answers[1, case].answers == read.answers
    assert audit(bench.plan, bench.log) == []


def test_taking_the_mark_back_asks_again_whether_nothing_was_seen() -> None:
    bench = reading()
    bench.do(PlaceMark(bench.case, bench.state.revision, Mark("1", "1", "RCC", (1.0, 2.0))))
    bench.do(RemoveMark(bench.case, bench.state.revision, "1"))
    assert "nothing_seen:case" in asked(bench)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"question": "forced"}, "answer"),
        ({"values": ("z",)}, "answer"),
        ({"values": ("a", "b")}, "answer"),
        ({"values": ()}, "altered"),
        ({"values": ("b",)}, "altered"),
    ],
)
def test_the_auditor_judges_answers(changes: dict[str, Any], code: str) -> None:
    bench = Bench(plan_of("form", 1))
    bench.open()
    bench.read_round(["2"])
    bent, done = [], False
    for entry in bench.log:
        bend = isinstance(entry.event, Answered) and entry.event.question == "composition" and not done
        done = done or bend
        bent.append(replace(entry, event=replace(entry.event, **changes)) if bend else entry)  # type: ignore[type-var]
    codes = {deviation.code for deviation in audit(bench.plan, bent)}
    assert code in codes or (code == "altered" and "sealed" in codes)
    unanswered = [
        replace(entry, event=replace(entry.event, answers={})) if isinstance(entry.event, ReadSubmitted) else entry
        for entry in bench.log
    ]
    assert {"incomplete", "altered"} <= {deviation.code for deviation in audit(bench.plan, unanswered)}


@pytest.mark.parametrize("values", [("11",), ("x",), ("nan",), ("1", "2")])
def test_the_auditor_judges_numbers(values: tuple[str, ...]) -> None:
    bench = reading()
    reply(bench, "recall", "R", "yes")
    reply(bench, "sure", "case", "7")
    bent = [*bench.log[:-1], replace(bench.log[-1], event=replace(bench.log[-1].event, values=values))]  # type: ignore[type-var]
    assert {deviation.code for deviation in audit(bench.plan, bent)} == {"answer"}


def document(position: int = 0, **changes: Any) -> dict[str, Any]:
    """Return the form with one question changed; ``...`` takes a key out."""
    own = copy.deepcopy(FORM)
    own["questions"][position] |= {name.rstrip("_"): value for name, value in changes.items()}  # type: ignore[index]
    own["questions"][position] = {name: value for name, value in own["questions"][position].items() if value is not ...}  # type: ignore[index]
    return own


FAULTS = [
    (document(id=...), "question 1.id: this key is missing"),
    (document(text=""), "the text is empty"),
    (document(id="a b"), "holds other signs"),
    (document(1, id="composition"), "declared twice"),
    (document(kind="stars"), "'stars' is not one of"),
    (document(choices=...), "does not say the choices"),
    (document(lexicon="x"), "does not say the choices"),
    (document(choices=..., lexicon="x"), "'x' is not the name of a list of terms; known: none is at hand"),
    (document(1, choices=["a"]), "a question of kind yes_no has no choices"),
    (document(1, many=True), "has no choices"),
    (document(1, low=1), "only a number or a scale has low and high"),
    (document(modalities=["mri"]), "'mri' is not one of"),
    (document(2, when={"category": ["3"]}), "3 is not a category of this study"),
    (document(2, when={"category": ["0"], "marks": "none"}), "does not state one condition"),
    (document(3, when={"question": "forced"}), "does not state one condition"),
    (document(3, when={"question": "later", "is": ["x"]}), "not a question declared before"),
    (document(3, when={"question": "forced", "is": ["3"]}), "3 cannot be the answer to forced"),
    (document(4, when={"question": "why", "is": ["x"]}), "cannot be the answer to why"),
    (document(4, when={"marks": "few"}), "'few' is not one of"),
]


@pytest.mark.parametrize(("broken", "words"), FAULTS, ids=[words for _, words in FAULTS])
def test_faults_of_the_form_are_named(broken: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyFileError) as caught:
        parse(broken)
    assert words in str(caught.value)


def test_terms_come_from_a_lexicon() -> None:
    study = parse(document(choices=..., lexicon="density"), lexicons={"density": ["a", "b"]})
    assert study.questions[0].choices == ("a", "b")
