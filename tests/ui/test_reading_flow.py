"""The stories of a reader, by real keys and clicks in the real window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from readingkit import CATEGORIES, SEQUENTIAL, crash, make_study, reading, wait

from reader_app.clock import FrozenClock
from reader_app.store.readlog import read as read_log
from reader_app.study import commands as ask
from reader_app.study import events
from reader_app.study.audit import audit
from reader_app.study.readtable import active_seconds, reads
from reader_app.study.session import Phase, due_case, legal_commands


def logged(folder: Path, reader_id: str = "R01"):
    return read_log(folder / "logs" / f"{reader_id}.readlog").logged


def kinds(folder: Path) -> list[str]:
    return [type(entry.event).__name__ for entry in logged(folder)]


def test_a_reader_logs_in_reads_and_goes_on_to_the_end(folder):
    with reading(folder) as hands:
        assert hands.page == "login"
        hands.log_in("R02")
        assert hands.page == "round"
        hands.begin()
        assert hands.state.phase is Phase.READING and hands.state.displayed
        first = due_case(hands.state)
        hands.read_round(lambda case_id: "4A" if case_id == first else "2")
        assert hands.page == "round-finished"
        hands.begin()
        assert hands.state.round_no == 2 and hands.state.aid_visible
        met = hands.read_round(lambda case_id: "4A" if case_id == first else "3")
        assert len(met) == 3
        hands.begin()
        assert hands.read_round(lambda case_id: "4B") == [first], "the third round has only the cases left at 4A"
        assert hands.page == "round-finished" and hands.state.phase is Phase.DONE
        hands.key(Qt.Key.Key_Return)
        assert hands.page == "receipt"
        plan = hands.flow.plan
    assert audit(plan, logged(folder, "R02")) == []
    assert len(reads(plan, logged(folder, "R02"))) == 7


def test_the_reading_time_runs_from_the_paint_to_the_second_enter(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.session.clock.advance(7.25)
        hands.answer()
        hands.key("P")
        hands.session.clock.advance(300.0)  # a coffee
        hands.key(Qt.Key.Key_Return)
        hands.validate(2.5)
        plan = hands.flow.plan
    read = reads(plan, logged(folder))[0]
    assert active_seconds(read) == pytest.approx(9.75, abs=1e-9)


def test_pause_covers_the_images_at_once_and_enter_brings_them_back(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.keys("2")
        hands.key("P")
        assert hands.state.phase is Phase.PAUSED
        assert hands.window.stack.currentWidget() is hands.window.cover
        assert hands.window.viewer.is_covered() and not hands.window.viewer.isVisible()
        hands.keys("5")  # not possible now
        assert hands.state.draft.categories == {"case": "2"}
        hands.key(Qt.Key.Key_Return)
        assert hands.state.phase is Phase.READING and hands.window.is_showing_images()
        hands.click(hands.window.banner.pause)
        assert hands.state.phase is Phase.PAUSED
        hands.click(hands.window.cover.findChild(object, "resume"))
        assert hands.state.phase is Phase.READING


def test_a_reader_who_has_gone_is_paused(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.session.clock.advance(119)
        hands.flow.pauses.check_idle()
        hands.settle()
        assert hands.state.phase is Phase.READING
        hands.session.clock.advance(2)
        hands.flow.pauses.check_idle()
        hands.settle()
        assert hands.state.phase is Phase.PAUSED
        assert "while" in hands.window.cover.words()[1]
    assert logged(folder)[-1].event.reason == "idle" if kinds(folder)[-1] == "ReadPaused" else "ReadPaused" in kinds(folder)


def test_after_a_crash_the_draft_is_there_and_the_case_is_shown_again(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.read("3", "22")
        hands.keys("4B")
        hands.window.panel.note.setFocus()
        hands.keys("dense")
        hands.key(Qt.Key.Key_Escape)
        case_id, draft = due_case(hands.state), hands.state.draft
        assert draft.categories == {"case": "4B"} and draft.note == "dense"
        crash(hands)
    with reading(folder) as hands:
        hands.log_in()
        assert hands.page == "round" and "2 of 3" in _texts(hands.window.page)
        hands.begin()
        assert due_case(hands.state) == case_id and hands.state.draft == draft
        assert hands.panel.note.toPlainText() == "dense"
        assert hands.panel.active_field().unit == "case" and "missing" in hands.panel.validate.lines()[1]
        hands.keys("60")
        hands.validate()
        assert hands.state.index == 2
    assert "SessionResumed" in kinds(folder)


def _texts(widget) -> str:
    from PySide6.QtWidgets import QLabel

    return " | ".join(own.text() for own in widget.findChildren(QLabel) if own.isVisibleTo(widget))


def test_closing_the_window_in_a_read_asks_first_and_leaves_the_case_to_be_shown_again(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        case_id = due_case(hands.state)
        hands.window.close()
        hands.settle()
        assert hands.window.isVisible() and hands.state.phase is Phase.PAUSED
        hands.click(hands.window.cover.findChild(object, "end"))
        assert hands.page == "receipt"
        code = hands.window.page.findChild(object, "receiptCode").text()
        hands.key(Qt.Key.Key_Return)
        assert not hands.window.isVisible()
    contents = read_log(folder / "logs" / "R01.readlog")
    assert [type(entry.event) for entry in contents.logged[-2:]] == [events.ReadInterrupted, events.SessionClosed]
    assert contents.head_code == code
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        assert due_case(hands.state) == case_id


def test_one_enter_arms_two_lock_and_a_held_key_does_neither(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        first = due_case(hands.state)
        hands.key(Qt.Key.Key_Return)
        assert not hands.panel.is_armed(), "an incomplete answer cannot be armed"
        hands.answer()
        hands.key(Qt.Key.Key_Return)
        hands.session.clock.advance(1)
        for _ in range(5):  # Enter held down
            event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", True, 1)
            QApplication.sendEvent(hands.window, event)
        hands.settle()
        assert not hands.panel.is_armed() and due_case(hands.state) == first
        hands.key(Qt.Key.Key_Return)
        assert hands.panel.is_armed() and due_case(hands.state) == first
        assert "again" in hands.panel.validate.lines()[0]
        hands.key(Qt.Key.Key_Escape)
        assert not hands.panel.is_armed()
        hands.key(Qt.Key.Key_Return)
        hands.keys("3")  # another answer takes the first press back
        assert not hands.panel.is_armed()
        hands.key(Qt.Key.Key_Return)
        hands.key(Qt.Key.Key_Return)
        assert due_case(hands.state) != first and hands.state.answers[(1, first)].categories == {"case": "3"}
        second = due_case(hands.state)
        for _ in range(4):
            hands.key(Qt.Key.Key_Return)
        assert due_case(hands.state) == second, "further Enters cannot lock the next case"


def test_a_case_cannot_be_locked_right_after_it_appeared(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        first = due_case(hands.state)
        hands.answer()
        hands.validate(0.0)
        assert due_case(hands.state) == first
        assert "just appeared" in hands.window.key_bar.readout.text()
        hands.validate(0.5)
        assert due_case(hands.state) != first


def test_there_is_no_way_back_to_a_locked_case(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        first = due_case(hands.state)
        hands.read()
        for key in (Qt.Key.Key_Left, Qt.Key.Key_Backspace, Qt.Key.Key_Escape, Qt.Key.Key_PageUp, Qt.Key.Key_Home):
            hands.key(key)
        assert due_case(hands.state) != first
        stale = ask.Assess(first, hands.state.revision - 1, "case", "5")
        hands.flow.do(stale)
        hands.settle()
        assert hands.state.answers[(1, first)].categories == {"case": "2"}


def test_the_mouse_can_do_it_all(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.click(hands.window.page.findChild(object, "start"))
        first = due_case(hands.state)
        fields = hands.panel._units["case"]
        hands.click(fields.category, fields.category.cell("4C").center())
        assert hands.state.draft.categories == {"case": "4C"}
        hands.click(fields.score, fields.score.point(80))
        assert hands.state.draft.scores == {"case": 80}
        hands.session.clock.advance(3)
        hands.click(hands.panel.validate)
        assert hands.panel.is_armed()
        hands.click(hands.panel.validate)
        assert due_case(hands.state) != first


def test_each_breast_is_answered_in_turn_without_leaving_the_digits(breast_folder):
    with reading(breast_folder) as hands:
        hands.log_in()
        hands.begin()
        assert "right category, suspicion" in hands.panel.validate.lines()[1]
        hands.keys("105")
        assert hands.panel.active_field().unit == "L"
        hands.keys("4A62")
        assert hands.state.draft.categories == {"R": "1", "L": "4A"} and hands.state.draft.scores == {"R": 5, "L": 62}
        assert hands.panel.validate.is_ready()


def test_scores_by_digits_arrows_and_enter(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.keys("2")
        hands.keys("7")
        hands.key(Qt.Key.Key_Return)
        assert hands.state.draft.scores == {"case": 7} and not hands.panel.is_armed(), "Enter ends the number and arms nothing"
        hands.keys("S62")
        hands.key(Qt.Key.Key_Return)
        assert hands.state.draft.scores == {"case": 62} and not hands.panel.is_armed(), "nor after two digits"
        hands.key(Qt.Key.Key_Return)
        assert hands.panel.is_armed()
        hands.keys("S100")
        assert hands.state.draft.scores == {"case": 100}
        hands.keys("S10")
        hands.key(Qt.Key.Key_Return)
        assert hands.state.draft.scores == {"case": 10}
        hands.keys("S")
        hands.key(Qt.Key.Key_Right)
        hands.key(Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        hands.panel.active_field().leave()
        hands.settle()
        assert hands.state.draft.scores == {"case": 21}
        hands.keys("S99")
        hands.keys("S9")
        hands.key(Qt.Key.Key_Backspace)
        assert hands.state.draft.scores == {"case": 99}


def test_four_waits_for_its_letter(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.keys("4")
        assert hands.state.draft.categories == {}
        hands.key(Qt.Key.Key_Escape)
        hands.keys("4B")
        assert hands.state.draft.categories == {"case": "4B"}


def test_the_aid_is_switched_off_and_on_and_logged(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        assert hands.window.panel.aid.view() is None and not hands.window.viewer.aid_is_visible()
        hands.keys("G")
        assert "Not possible now" in hands.window.key_bar.readout.text()
        hands.read_round()
        hands.begin()
        assert hands.window.viewer.aid_is_visible() and hands.panel.aid.view().status != "hidden"
        hands.keys("G")
        assert not hands.state.aid_visible and not hands.window.viewer.aid_is_visible()
        assert hands.panel.aid.view().status == "hidden" and "0." not in _texts(hands.panel.aid)
        hands.keys("G")
        assert hands.state.aid_visible and hands.window.viewer.aid_is_visible()
    told = [kind for kind in kinds(folder) if kind.startswith("Aid")]
    assert [kind for kind in told if kind != "AidSeen"] == ["AidHidden", "AidShownAgain"]
    assert told[0] == "AidSeen", "what was seen is written down before the aid is hidden"


def test_every_kind_of_aid_is_said_in_words(tmp_path):
    study = make_study(tmp_path / "study", ("ultrasound",), 6)
    seen = {}
    with reading(study.path) as hands:
        hands.log_in()
        hands.begin()
        hands.read_round()
        hands.begin()
        while hands.state.phase is Phase.READING:
            view = hands.panel.aid.view()
            seen[view.status] = _texts(hands.panel.aid)
            hands.read()
    assert "0.37" in seen["ok"] or "0." in seen["ok"]
    assert "threshold 0.50" in seen["ok"] and "phantoms" in seen["ok"]
    assert "no finding" in seen["no_finding"]
    assert "not available" in seen["failed"] and "could not run" in seen["failed"]


def test_an_unaided_round_never_loads_or_shows_an_aid(folder, monkeypatch):
    from reader_app.reading import casefeed

    asked = []
    real = casefeed.load_aid
    monkeypatch.setattr(casefeed, "load_aid", lambda *a: asked.append(a[1:3]) or real(*a))
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        while hands.state.phase is Phase.READING:
            assert hands.flow.loaded.aid is None and not hands.window.viewer.aid_is_visible()
            assert not hands.panel.aid.isVisible()
            hands.read()
        assert asked == []
        hands.begin()
        assert asked, "the spy sees the loads of the aided round"


def test_the_earlier_answer_is_shown_and_r_takes_it_over(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        assert not hands.window.actions_.is_enabled("answer.copy")
        hands.read_round(lambda case_id: "3")
        hands.begin()
        assert hands.state.draft.categories == {}, "a refining round starts with an empty draft"
        assert "Earlier: 3 · 5" in _texts(hands.panel)
        hands.keys("R")
        assert hands.state.draft.categories == {"case": "3"} and hands.state.draft.scores == {"case": 5}
        assert hands.panel.active_field() is None and hands.panel.validate.is_ready()


def test_sequential_reading_seals_before_the_aid_is_shown(tmp_path):
    study = make_study(tmp_path / "study", ("ultrasound",), 1, rounds=SEQUENTIAL)
    with reading(study.path, size=(1280, 640)) as hands:
        hands.log_in()
        hands.begin()
        assert not hands.window.viewer.aid_is_visible() and hands.panel.aid.view().status == "sealed"
        assert "0." not in _texts(hands.panel.aid)
        first = hands.panel.validate.lines()
        assert first[0] == "Seal and show the aid" and first[1] == "missing: category, suspicion", "its next press reveals"
        hands.answer("4A", "40")
        hands.panel._scroll.ensureWidgetVisible(hands.panel.note)
        assert hands.panel.validate.lines()[0] == "Seal and show the aid"
        hands.key("L")
        assert hands.state.sealed is None and hands.panel.is_armed()
        hands.key("L")
        assert hands.state.sealed.categories == {"case": "4A"} and hands.window.viewer.aid_is_visible()
        hands.settle()
        bar = hands.panel._scroll.verticalScrollBar()
        assert bar.maximum() > 0 and bar.value() == 0, "the aid's card is in view, however far down the last answer was"
        assert hands.panel.aid.view().status == "ok"
        hands.keys("5")
        hands.validate()
        assert hands.page == "round-finished"
    submitted = logged(study.path)[-2].event
    assert submitted.categories == {"case": "5"}


def test_a_round_that_is_not_open_yet_says_when(tmp_path):
    study = make_study(tmp_path / "study", ("ultrasound",), 1, washout=28)
    clock = FrozenClock("2027-01-15T08:00:00.000Z")
    with reading(study.path, clock) as hands:
        hands.log_in()
        hands.begin()
        hands.read_round()
        assert "2027-02-12" in _texts(hands.window.page)
        hands.key(Qt.Key.Key_Return)
        assert hands.page == "washout" and "2027-02-12" in _texts(hands.window.page)
        clock.advance(28 * 86400)
        hands.flow.refresh_between()
        assert hands.page == "round"
        hands.begin()
        assert hands.state.round_no == 2


def test_a_mark_is_placed_linked_moved_and_removed(breast_folder):
    with reading(breast_folder) as hands:
        hands.log_in()
        hands.begin()
        viewer = hands.window.viewer
        viewer.mark_placed.emit("RCC", (100.0, 50.0))
        hands.settle()
        assert [(m.mark_id, m.finding_id, m.image_id) for m in hands.state.draft.marks] == [("1", "1", "RCC")]
        viewer.mark_placed.emit("LCC", (80.0, 60.0))
        hands.settle()
        hands.panel.marks.choose("1")
        hands.flow.answers._link = True
        viewer.mark_placed.emit("RMLO", (90.0, 40.0))
        hands.settle()
        assert [(m.finding_id, m.image_id) for m in hands.state.draft.marks][-1] == ("1", "RMLO")
        assert "RCC + RMLO linked" in _texts(hands.panel.marks)
        viewer.mark_moved.emit("2", (81.0, 61.0))
        hands.settle()
        assert hands.state.draft.marks[1].index == (81.0, 61.0)
        hands.panel.marks.choose("2")
        hands.key(Qt.Key.Key_Delete)
        assert [m.mark_id for m in hands.state.draft.marks] == ["1", "3"]


def test_the_second_window_is_told_that_the_log_is_open(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        with reading(folder) as second:
            second.log_in()
            assert second.page == "stopped" and second.flow.exit_status == 3
            assert "R01" in _texts(second.window.page)
        hands.read()
        assert hands.state.index == 1


def test_faults_found_before_a_round_are_listed_with_their_remedies(folder):
    broken = next((folder / "images").iterdir()) / "container.json"
    broken.unlink()
    with reading(folder) as hands:
        hands.log_in()
        wait(lambda: hands.page == "faults", "the list of faults")
        text = _texts(hands.window.page)
        assert "cannot be opened" in text and "→ bring back" in text and str(broken.parent) in text
        assert hands.flow.exit_status == 1


def test_a_study_that_was_changed_after_the_freeze_is_not_read(folder):
    file = folder / "study.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("aid_opacity = 0.55", "aid_opacity = 0.9"), encoding="utf-8")
    from reader_app.ui.reading_session import open_session

    session = open_session(folder, FrozenClock())
    try:
        session.show(None)
        assert session.flow is None and session.exit_status == 1
        assert "study.toml" in _texts(session.window.page)
    finally:
        session.close()


def test_the_log_ends_with_what_the_window_showed(folder):
    shown = []
    with reading(folder) as hands:
        hands.flow.echo = shown.append
        hands.log_in()
        hands.begin()
        hands.read()
    assert shown == sorted(shown) and shown[-1] == logged(folder)[-1].seq


def test_legal_commands_and_the_categories_of_the_study_are_on_offer(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        assert str(list(hands.panel._units["case"].category.categories())).replace("'", '"') == CATEGORIES
        assert ask.Assess in legal_commands(hands.flow.plan, hands.state)
