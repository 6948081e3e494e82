"""Feedback after training cases, questionnaires between blocks and at the end: by keys, in their order, whole, and in the log."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from readingkit import copy_study, make_study, reading

from reader_app.store.readlog import read as read_log
from reader_app.study import events
from reader_app.study.session import Phase, due_feedback

TRAINED = """
[[rounds]]
number = 1
title = "training"
condition = "unaided"
training = true
feedback = true
cases = {{ stratum = ["s1"] }}
order = "as_listed"

[[rounds]]
number = 2
title = "reading"
condition = "unaided"
cases = {{ stratum = ["s0"] }}
order = "as_listed"

[[questionnaires]]
id = "load"
title = "How was that block?"
text = "There is no right answer."
when = "after_cases"
every = 1
rounds = [2]

[[questionnaires.questions]]
id = "mental"
text = "How demanding was the task?"
kind = "scale"
low = 0
high = 20
low_text = "very low"
high_text = "very high"

[[questionnaires.questions]]
id = "changed"
text = "Did you change your mind?"
kind = "yes_no"

[[questionnaires.questions]]
id = "why"
text = "What made you?"
kind = "text"
required = false
when = {{ question = "changed", is = ["yes"] }}

[[questionnaires]]
id = "end"
title = "Before you go"
when = "session_end"

[[questionnaires.questions]]
id = "light"
text = "How was the light?"
choices = ["too bright", "right", "too dark"]
"""


#: A form longer than a small window is high.
LONG_FORM = "\n".join(f'[[questions]]\nid = "q{n}"\ntext = "Question {n}?"\nkind = "yes_no"\nlevel = "case"\n' for n in range(8))


def training_key(path: Path) -> None:
    """Say what is known of the training case."""
    (path / "training_key.csv").write_text(
        "case_id,category,outcome,text,image_id,row,column,radius\n"
        'C002,4C,malignant,"Spiculated margin, seen best medially.",US1,100,130,30\n',
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def trained_study(tmp_path_factory):
    where = tmp_path_factory.mktemp("trained") / "study"
    return make_study(where, ("ultrasound",), 3, rounds=TRAINED, more=training_key)


@pytest.fixture
def trained(trained_study, tmp_path):
    return copy_study(trained_study, tmp_path / "study")


def told(folder, kind):
    return [own.event for own in read_log(folder / "logs" / "R01.readlog").logged if isinstance(own.event, kind)]


def words(widget) -> str:
    return " | ".join(own.text() for own in widget.findChildren(QLabel) if own.isVisibleTo(widget))


def test_a_training_case_is_followed_by_what_is_known_of_it_beside_its_images(trained):
    with reading(trained) as hands:
        hands.log_in()
        hands.begin()
        assert "malignant" not in words(hands.window), "nothing of it is said before the answer is locked"
        assert not hands.panel.feedback.isVisible()
        hands.read("2", "05")
        assert due_feedback(hands.flow.plan, hands.state) == "C002"
        assert hands.window.is_showing_images() and hands.panel.feedback.isVisible()
        said = words(hands.panel.feedback)
        assert "malignant · 4C" in said and "BI-RADS 2 · 5" in said and "Spiculated" in said
        assert any(mark.mark_id == "known-1" for mark in hands.window.viewer.view.marks)
        hands.keys("5")
        assert hands.state.answers[(1, "C002")].categories == {"case": "2"}, "nothing can be answered any more"
        hands.session.clock.advance(4)
        hands.key(Qt.Key.Key_Return)
        assert hands.page in ("round-finished", "round") and not hands.panel.feedback.isVisible()
        assert hands.state.round_no is None
    (seen,) = told(trained, events.FeedbackSeen)
    assert seen.case_id == "C002" and seen.shown_ms == 4000


def test_what_is_known_stands_in_view_however_far_down_the_form_the_last_answer_was(tmp_path):
    def key(path):
        (path / "training_key.csv").write_text("case_id,category,outcome,text\nC002,4C,malignant,Seen best medially.\n", "utf-8")

    study = make_study(tmp_path / "breasts", ("mammography",), 3, level="breast", rounds=TRAINED + LONG_FORM, more=key)
    with reading(study.path) as hands:
        hands.log_in()
        hands.begin()
        hands.answer("2", "05")
        for _ in range(8):
            hands.keys("Y")
        hands.panel.questions.fields()[5].setFocus()  # looked at once more
        hands.settle()
        assert hands.panel._scroll.verticalScrollBar().value() > 0, "the form is longer than the window"
        hands.validate()
        QTest.qWait(30)
        assert hands.panel.feedback.isVisible()
        assert hands.panel.feedback.visibleRegion().boundingRect() == hands.panel.feedback.rect()


def test_after_a_crash_the_feedback_that_is_due_comes_on_a_page(trained):
    from readingkit import crash

    with reading(trained) as hands:
        hands.log_in()
        hands.begin()
        hands.read("2", "05")
        crash(hands)
    with reading(trained) as hands:
        hands.log_in()
        assert hands.page == "feedback" and "malignant" in words(hands.window.page)
        hands.key(Qt.Key.Key_Return)
        assert hands.page != "feedback" and due_feedback(hands.flow.plan, hands.state) is None


def test_questionnaires_are_filled_in_by_keys_alone_and_come_in_their_order(trained):
    with reading(trained) as hands:
        hands.log_in()
        hands.begin()
        hands.read("2", "05")
        hands.key(Qt.Key.Key_Return)  # the feedback
        hands.begin()
        assert hands.state.round_no == 2
        hands.read("3", "22")
        assert hands.page == "questionnaire" and hands.state.phase is Phase.BETWEEN
        done = hands.window.page.findChild(QPushButton, "hand-in")
        assert not done.isEnabled() and "very low" not in words(hands.window.page)
        hands.key(Qt.Key.Key_Return)
        assert hands.page == "questionnaire", "an incomplete one is not handed in"
        hands.keys("14")
        hands.keys("Y")
        fields = hands.window.page._form.questions.fields()
        assert [own.question.question_id for own in fields] == ["mental", "changed", "why"], "the condition of the third holds"
        assert done.isEnabled()
        hands.session.clock.advance(12.5)
        hands.key(Qt.Key.Key_Return)
        assert hands.state.phase is Phase.READING and hands.state.index == 1, "reading goes on without another key"
        hands.read("3", "22")
        hands.key(Qt.Key.Key_Return)
        assert hands.page == "receipt" or hands.page in ("questionnaire", "round-finished")
        hands.flow.end_session()
        hands.settle()
        assert hands.page == "questionnaire" and "Before you go" in words(hands.window.page)
        hands.keys("2")
        hands.key(Qt.Key.Key_Return)
        hands.settle()
        assert hands.page == "receipt"
    filled = told(trained, events.QuestionnaireAnswered)
    assert [own.questionnaire for own in filled] == ["load", "end"]
    assert dict(filled[0].answers) == {"mental:case": ("14",), "changed:case": ("yes",)} and filled[0].shown_ms == 12500
    assert dict(filled[1].answers) == {"light:case": ("right",)}


def test_a_window_closed_at_the_last_questionnaire_leaves_the_sitting_open(trained):
    with reading(trained) as hands:
        hands.log_in()
        hands.begin()
        hands.read("2", "05")
        hands.key(Qt.Key.Key_Return)
        hands.flow.end_session()
        hands.settle()
        assert hands.page == "questionnaire"
        hands.window.close()
        assert not hands.window.isVisible()
    assert told(trained, events.SessionClosed) == []
