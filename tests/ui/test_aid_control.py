"""What a reader may do with the aid: change its look, agree with findings or dismiss them; what was seen stands in the log."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from readingkit import SEQUENTIAL, make_study, reading, wait

from reader_app.store.readlog import read as read_log
from reader_app.study import commands as ask
from reader_app.study import events
from reader_app.study.session import due_case, legal_commands

CONCURRENT = """
[[rounds]]
number = 1
title = "with aid"
condition = "aided_concurrent"
aid = "DLR_LH"
"""
FREE = "reader_may_adjust_aid = true\nreader_judges_findings = true\nfindings_must_be_judged = true\n\n[timing]"


@pytest.fixture(scope="module")
def free_study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("free") / "study", ("ultrasound",), 3, rounds=CONCURRENT, edit=("[timing]", FREE))


@pytest.fixture
def free(free_study, tmp_path):
    from readingkit import copy_study

    return copy_study(free_study, tmp_path / "study")


def told(folder, kind):
    return [own.event for own in read_log(folder / "logs" / "R01.readlog").logged if isinstance(own.event, kind)]


def until_findings(hands) -> None:
    """Read on to the first case whose aid has a finding."""
    while not hands.window.viewer.findings():
        hands.read()


def test_the_look_of_the_map_is_changed_by_keys_and_slider_and_each_value_is_logged_first(free):
    with reading(free) as hands:
        hands.log_in()
        hands.begin()
        until_findings(hands)
        look, view = hands.panel.aid.look, hands.window.viewer.view
        assert look.isVisible() and look.threshold.value() == 35 and look.opacity.value() == 55
        hands.keys("E")
        wait(lambda: hands.state.aid.threshold == 0.30, "the new threshold in the log")
        hands.settle()
        assert view.threshold == 0.30 and look.threshold.value() == 30
        hands.key("O", Qt.KeyboardModifier.ShiftModifier)
        wait(lambda: hands.state.aid.opacity == 0.50, "the new opacity in the log")
        for value in (60, 70, 80, 90):  # one drag
            look.opacity.setValue(value)
        wait(lambda: hands.state.aid.opacity == 0.90, "the end of the drag")
        hands.settle()
        assert view.opacity == 0.90
        hands.keys("GG")
        assert hands.state.aid.opacity == 0.90 and view.opacity == 0.90, "switched on again it looks as before"
        hands.panel.focus_default()
        hands.keys("2")
        assert look.isVisible()
    looks = [(event.threshold, event.opacity) for event in told(free, events.AidAdjusted)]
    assert looks[0] == (0.30, 0.55) and looks[1] == (0.30, 0.50) and looks[-1] == (0.30, 0.90)
    assert len(looks) <= 6, "a drag does not flood the log"


def test_a_finding_is_agreed_with_dismissed_taken_back_and_holds_up_the_lock(free):
    with reading(free) as hands:
        hands.log_in()
        hands.begin()
        until_findings(hands)
        (line,) = hands.panel.aid.findings.lines()
        name = line.name
        hands.answer()
        assert "finding 1 of the aid" in hands.panel.validate.lines()[1] and not hands.panel.validate.is_ready()
        hands.keys("V")
        assert hands.state.verdicts == {name: "accepted"} and line.buttons["accepted"].isChecked()
        assert hands.window.viewer.finding_index() == 0 and line.property("chosen") == "true"
        assert hands.panel.validate.is_ready()
        hands.keys("V")
        assert hands.state.verdicts == {} and not line.buttons["accepted"].isChecked(), "the same again takes it back"
        hands.click(line.buttons["rejected"])
        assert hands.state.verdicts == {name: "rejected"} and hands.panel.validate.is_ready()
        hands.key("Z", Qt.KeyboardModifier.ControlModifier)
        assert hands.state.verdicts == {}
        hands.keys("D")
        before = due_case(hands.state)
        hands.validate()
        assert due_case(hands.state) != before and hands.state.verdicts == {}
    assert [own.verdict for own in told(free, events.AidFindingJudged)] == ["accepted", "", "rejected", "", "rejected"]


def test_nothing_of_it_is_offered_where_the_study_does_not_allow_it(tmp_path):
    study = make_study(tmp_path / "study", ("ultrasound",), 1, rounds=CONCURRENT)
    with reading(study.path) as hands:
        hands.log_in()
        hands.begin()
        assert hands.window.viewer.findings()
        assert not {ask.AdjustAid, ask.JudgeAidFinding} & legal_commands(hands.flow.plan, hands.state)
        assert not hands.panel.aid.look.isVisible() and hands.panel.aid.findings.lines() == []
        for key in "EOVD":
            hands.keys(key)
            assert "Not possible now" in hands.window.key_bar.readout.text()
        shown = dict(hands.window.key_bar.shown_keys())
        assert "V" not in shown and "D" not in shown
    assert told(study.path, events.AidAdjusted) == told(study.path, events.AidFindingJudged) == []


def test_what_was_seen_under_the_aid_stands_in_the_log_before_the_answer(tmp_path):
    study = make_study(tmp_path / "study", ("abvs",), 1, rounds=SEQUENTIAL)
    with reading(study.path) as hands:
        hands.log_in()
        hands.begin()
        hands.key(Qt.Key.Key_Down)
        hands.answer("4A", "40")
        hands.keys("LL")
        hands.window.viewer.scroll_by(3)
        hands.keys("3")
        hands.validate()
    logged = [own.event for own in read_log(study.path / "logs" / "R01.readlog").logged]
    kinds = [type(own).__name__ for own in logged]
    assert "AidSeen" not in kinds[: kinds.index("AidRevealed")], "nothing is seen of an aid before it is revealed"
    last = max(n for n, kind in enumerate(kinds) if kind == "AidSeen")
    assert last < kinds.index("ReadSubmitted")
    coronal = [own for event in logged if isinstance(event, events.AidSeen) for own in event.slices if own.plane == "coronal"]
    assert coronal and max(own.last for own in coronal) - min(own.first for own in coronal) >= 3


def test_a_withheld_aid_says_only_that_it_is_not_available(tmp_path):
    from reader_app.ui.panels.aid_panel import AidPanel, AidView

    panel = AidPanel()
    panel.show_aid(AidView("withheld", "high", True, 0.91, 0.5, "M", "explained", ""))
    words = " | ".join(own.text() for own in panel.findChildren(QLabel) if own.isVisibleTo(panel))
    assert "not available" in words and "0.91" not in words and "high" not in words and "explained" not in words
    assert panel.property("call") == "attention"
