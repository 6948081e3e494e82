"""Keys, preferences, moments, the scripted reader, the home window."""

from __future__ import annotations

import json
import time

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from readingkit import make_study, reading, write_script

from reader_app import paths
from reader_app.clock import FrozenClock, SystemClock
from reader_app.errors import InputFaults
from reader_app.store.readlog import read as read_log
from reader_app.study.readtable import active_seconds, reads
from reader_app.ui import keymap, preferences, recent
from reader_app.ui.keymap import BY_ID, COMMANDS, RESERVED, Keymap, conflicts, key_of
from reader_app.ui.moments import event_instant


def event(key, text="", modifiers=Qt.KeyboardModifier.NoModifier):
    return QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text)


def test_the_delivered_keys_have_no_conflict_and_leave_the_answers_alone():
    keys = {command.id: command.key for command in COMMANDS}
    assert conflicts(keys) == {}
    assert not {command.key for command in COMMANDS if not command.fixed} & RESERVED
    planted = {**keys, "view.invert": "F"}
    assert set(conflicts(planted)) == {"view.invert", "view.fit"}
    assert "kept for answers" in conflicts({**keys, "view.invert": "4"})["view.invert"]


def test_digits_are_known_by_what_they_type_on_any_layout():
    assert key_of(event(Qt.Key.Key_Ampersand, "1", Qt.KeyboardModifier.ShiftModifier)) == "1"
    assert key_of(event(Qt.Key.Key_5, "5", Qt.KeyboardModifier.KeypadModifier)) == "5"
    assert key_of(event(Qt.Key.Key_Enter, "\r", Qt.KeyboardModifier.KeypadModifier)) == "Return"
    assert key_of(event(Qt.Key.Key_Question, "?", Qt.KeyboardModifier.ShiftModifier)) == "?"
    assert key_of(event(Qt.Key.Key_N, "N", Qt.KeyboardModifier.ShiftModifier)) == "Shift+N"
    assert key_of(event(Qt.Key.Key_Q, "\x11", Qt.KeyboardModifier.ControlModifier)) == "Ctrl+Q"


def test_a_reader_can_change_keys_but_not_into_a_conflict(folder):
    from reader_app.ui.keys_window import KeysWindow

    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        dialog = KeysWindow(hands.window)
        dialog.open()
        own = dialog.button_of("view.invert")
        own.click()
        QTest.keyClick(own, Qt.Key.Key_F)
        assert not dialog.keep_button.isEnabled() and dialog._faults["view.fit"].isVisibleTo(dialog)
        own.click()
        QTest.keyClick(own, Qt.Key.Key_Z)
        assert dialog.keep_button.isEnabled()
        assert not dialog.button_of("answer.validate").isEnabled()
        dialog.keep()
        assert hands.window.keys.command("Z").id == "view.invert" and hands.window.keys.command("I") is None
        assert ("Z", "invert") in hands.window.key_bar.shown_keys()
        QApplication.processEvents()
    assert preferences.load().keys == {"view.invert": "Z"}
    assert Keymap({"view.invert": "5", "nonsense": "J", "answer.validate": "J"}).changes() == {}


def test_damaged_preferences_mean_the_delivered_ones():
    file = paths.data_dir() / "preferences.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    for text in ("", "{", "[]", '{"text_scale": "big", "panel_side": "up", "keys": 3}'):
        file.write_text(text, encoding="utf-8")
        assert preferences.load() == preferences.Preferences()
    file.write_text('{"text_scale": 9, "panel_side": "left"}', encoding="utf-8")
    assert preferences.load().text_scale == 2.0 and preferences.load().panel_side == "left"


def test_the_table_of_keys_names_every_command():
    table = keymap.markdown()
    assert all(command.text in table for command in COMMANDS)


def test_the_time_of_a_key_is_believed_only_where_it_makes_sense():
    clock = SystemClock()
    now_ms = time.perf_counter_ns() // 1_000_000
    late = event_instant(clock, now_ms - 247)
    assert 247e6 <= clock.now().mono_ns - late.mono_ns < 400e6
    for wrong in (0, now_ms + 1000, now_ms - 60_000, 12):
        assert abs(event_instant(clock, wrong).mono_ns - clock.now().mono_ns) < 50e6
    frozen = FrozenClock(mono_ns=10**12)
    assert event_instant(frozen, 10**6 - 50).mono_ns == 10**12


def test_the_panel_changes_sides_and_screens(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        assert hands.panel.mapTo(hands.window, hands.panel.rect().topLeft()).x() > 600
        hands.key(Qt.Key.Key_F9)
        QApplication.processEvents()
        assert hands.panel.mapTo(hands.window, hands.panel.rect().topLeft()).x() == 0
        hands.key(Qt.Key.Key_F10)
        assert hands.panel.window() is hands.window.side and hands.panel.isVisible()
        QTest.keyClick(hands.window.side, Qt.Key.Key_3)
        hands.settle()
        assert hands.state.draft.categories == {"case": "3"}
        hands.window.side.close()
        QApplication.processEvents()
        assert hands.panel.window() is hands.window and not hands.window.side.isVisible()


def test_help_names_every_key_and_goes_away_by_any(folder):
    from PySide6.QtWidgets import QLabel

    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.keys("?")
        assert hands.window.help.isVisible()
        words = {own.text() for own in hands.window.help.findChildren(QLabel)}
        assert {command.text for command in COMMANDS if command.key} <= words
        hands.keys("2")
        assert not hands.window.help.isVisible() and hands.state.draft.categories == {}


@pytest.fixture
def script_reads():
    def make(study):
        plan = study.plan("R01")
        made = []
        for entry in plan.rounds:
            for number, case_id in enumerate(sorted(entry.order)):
                category = "4A" if number == 0 else ("2", "4B", "5")[number % 3]
                seconds = 5.123 + number + entry.number
                own = {"round": entry.number, "case_id": case_id, "categories": {"case": category}}
                made.append({**own, "scores": {"case": (10, 5, 100)[number % 3]}, "note": "seen", "reading_time_s": seconds})
        return made

    return make


def test_a_script_reads_all_rounds_through_the_real_window_in_the_stated_times(tmp_path, script_reads, capsys):
    from reader_app.ui.app import run_reader

    study = make_study(tmp_path / "study", washout=28)
    answers = script_reads(study)
    script = write_script(tmp_path / "script.json", "R01", answers)
    shots = tmp_path / "shots"
    assert run_reader(study.path, "R01", script=script, screenshots=shots) == 0
    done = reads(study.plan("R01"), read_log(study.log_path("R01")).logged)
    wanted = {(own["round"], own["case_id"]): own for own in answers}
    assert len(done) == 7
    for read in done:
        own = wanted[(read.round_no, read.case_id)]
        assert dict(read.categories) == own["categories"] and dict(read.scores) == own["scores"] and read.note == "seen"
        assert active_seconds(read) == pytest.approx(own["reading_time_s"], abs=1e-6)
    said = [int(line.split()[1]) for line in capsys.readouterr().out.splitlines() if line.startswith("saved ")]
    assert said and said == sorted(said) and said[-1] == read_log(study.log_path("R01")).logged[-1].seq
    names = {file.stem for file in shots.glob("*.png")}
    assert {"R01-login", "R01-paused", "R01-receipt", "R01-round-2-mammography", "R01-washout"} <= names


def test_a_script_can_be_played_round_by_round(tmp_path, script_reads):
    from reader_app.ui.app import run_reader

    study = make_study(tmp_path / "study", ("ultrasound",), 2)
    script = write_script(tmp_path / "script.json", "R01", script_reads(study))
    assert run_reader(study.path, "R01", script=script, rounds=[1]) == 0
    assert len(reads(study.plan("R01"), read_log(study.log_path("R01")).logged)) == 2
    assert run_reader(study.path, "R01", script=script) == 0
    assert {read.round_no for read in reads(study.plan("R01"), read_log(study.log_path("R01")).logged)} == {1, 2, 3}


def test_a_wrong_script_is_refused_in_one_sentence(tmp_path):
    from reader_app.ui.scripted import load_script

    for text in ("", "{}", json.dumps({"schema": 2}), json.dumps({"schema": 1, "reader_id": "R01", "reads": [{}]})):
        file = tmp_path / "script.json"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputFaults, match=r"script\.json"):
            load_script(file)


def test_home_lists_recent_studies_and_says_what_is_missing(folder, tmp_path):
    from PySide6.QtWidgets import QLabel, QPushButton

    from reader_app.ui.home_window import HomeWindow

    window = HomeWindow()
    try:
        assert any("Nothing here yet" in own.text() for own in window.findChildren(QLabel))
        recent.note(tmp_path / "gone")
        recent.note(folder)
        window.refresh()
        QApplication.processEvents()
        texts = [own.text() for own in window.findChildren(QLabel) if own.isVisibleTo(window)]
        assert "Three-round mammography study" in texts
        assert any(text.startswith("not found here") for text in texts)
        reading_buttons = [own for own in window.findChildren(QPushButton) if own.text() == "Read" and own.isVisibleTo(window)]
        assert [own.isEnabled() for own in reading_buttons] == [True, False]
        window.open_desk(tmp_path)
        assert "not a study folder" in window.message.text()
    finally:
        window.close()
        window.deleteLater()


def test_every_command_has_words_and_a_group():
    assert all(command.text and command.group in keymap.GROUPS for command in COMMANDS)
    assert len(BY_ID) == len(COMMANDS)
