"""The study's own questions: they appear when their condition holds, hold up the lock, and can be answered by keys and mouse."""

from __future__ import annotations

from readingkit import THREE, make_study, reading

from reader_app.store.readlog import read as read_log
from reader_app.study.session import due_case

QUESTIONS = (
    THREE
    + """
[[questions]]
id = "recall"
text = "Recall"
kind = "yes_no"
level = "case"

[[questions]]
id = "shape"
text = "Shape"
choices = ["oval", "round", "irregular"]
when = {{ category = ["4A", "4B", "4C", "5"] }}

[[questions]]
id = "reason"
text = "Reason"
kind = "text"
required = false
when = {{ question = "recall", is = ["yes"] }}
"""
)


def test_questions_come_with_their_condition_and_hold_up_the_lock(tmp_path):
    study = make_study(tmp_path / "study", ("ultrasound",), 2, rounds=QUESTIONS)
    with reading(study.path) as hands:
        hands.log_in()
        hands.begin()
        first, panel = due_case(hands.state), hands.panel
        assert [own.question.question_id for own in panel.questions.fields()] == ["recall"]
        hands.keys("2")
        hands.keys("05")
        assert panel.active_field().question.question_id == "recall", "the digits go on to the question"
        assert "Recall" in panel.validate.lines()[1] and not panel.validate.is_ready()
        hands.keys("N")
        assert hands.state.draft.answers == {"recall:case": ("no",)} and panel.validate.is_ready()
        panel.focus_unit("case")
        hands.keys("4B")
        assert [own.question.question_id for own in panel.questions.fields()] == ["recall", "shape"]
        assert "Shape" in panel.validate.lines()[1] and panel.active_field().question.question_id == "shape"
        hands.keys("3")
        assert hands.state.draft.answers["shape:case"] == ("irregular",)
        shape = panel.questions.fields()[1]
        hands.click(shape, shape.cell("round").center())
        assert hands.state.draft.answers["shape:case"] == ("round",)
        hands.validate()
        assert due_case(hands.state) != first
        assert hands.state.draft.answers == {} and panel.questions.fields()[0].values() == ()
    submitted = [entry.event for entry in read_log(study.log_path("R01")).logged if type(entry.event).__name__ == "ReadSubmitted"]
    assert dict(submitted[0].answers) == {"recall:case": ("no",), "shape:case": ("round",)}
