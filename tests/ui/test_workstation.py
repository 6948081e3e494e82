"""The workstation: a second copy of the log that never stops reading, the screen of the images, few keys to the first image."""

from __future__ import annotations

import shutil

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit
from readingkit import Hands, reading, wait

from reader_app.clock import SystemClock
from reader_app.store.readlog import read as read_log
from reader_app.study import events
from reader_app.study.session import Phase
from reader_app.ui import preferences, screens
from reader_app.ui.display_check import DisplayCheck, Pattern
from reader_app.ui.reading_session import open_session
from reader_app.ui.settings_window import SettingsWindow


@pytest.fixture(autouse=True)
def _own_preferences():
    kept = preferences.load()
    preferences.Preferences(tour_seen=True).save()
    yield
    kept.save()


def words(widget) -> str:
    return " | ".join(own.text() for own in widget.findChildren(QLabel) if own.isVisibleTo(widget))


def without_pin(hands) -> None:
    """Log in as a person without a PIN and begin the round; the test pattern is answered where it comes."""
    hands.log_in()
    hands.click(hands.window.page.findChild(object, "without-pin"))
    hands.key(Qt.Key.Key_Return)
    for dialog in hands.window.findChildren(DisplayCheck):
        QTest.keyClick(dialog, Qt.Key.Key_Return)
    wait(lambda: hands.state.phase is Phase.READING, "the first case")


def read_on(hands) -> None:
    """Answer and lock the case on a real clock."""
    hands.keys("205")
    shown = hands.session.clock.now().mono_ns
    wait(lambda: hands.session.clock.now().mono_ns - shown > 350_000_000, "the shortest display")
    hands.validate()


def test_the_second_copy_is_chosen_on_the_log_in_page_and_kept_at_pauses(folder, tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    with reading(folder, SystemClock()) as hands:
        hands.window.activateWindow()
        hands.click(hands.window.page.findChild(object, "settings"))
        (dialog,) = hands.window.findChildren(SettingsWindow)
        assert "None" in words(dialog)
        dialog.use_folder(str(stick))
        assert dialog.state_label.text()
        hands.click(dialog.findChild(object, "keep"))
        assert preferences.load().second_copy == str(stick)
        without_pin(hands)
        copy = stick / "R01.readlog"
        wait(copy.exists, "the first copy")
        hands.keys("2")
        hands.keys("P")
        wait(lambda: len(read_log(copy).logged) == hands.flow.log.head()[0], "the copy at the pause")
        assert hands.window.key_bar.copy_fault.isHidden()
        hands.flow.end_session()
        hands.settle()
        assert hands.page == "receipt" and str(copy) in words(hands.window.page)


def test_a_lost_disk_is_said_in_the_status_line_and_reading_goes_on(folder, tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    preferences.Preferences(tour_seen=True, second_copy=str(stick)).save()
    with reading(folder, SystemClock()) as hands:
        hands.window.activateWindow()
        without_pin(hands)
        bar = hands.window.key_bar
        wait((stick / "R01.readlog").exists, "the first copy")
        shutil.rmtree(stick)
        hands.keys("P")
        wait(lambda: not bar.copy_fault.isHidden(), "the fault of the copy")
        assert "is not there; plug in its disk" in bar.copy_fault.toolTip() and "no second copy" in bar.copy_fault.text()
        hands.key(Qt.Key.Key_Return)
        hands.settle()
        assert hands.state.phase is Phase.READING and not hands.flow.stopped
        index = hands.state.index
        read_on(hands)
        wait(lambda: hands.state.index == index + 1, "the next case: reading goes on")
        assert "saved" in bar.saved.text()
        stick.mkdir()
        hands.keys("P")
        wait(bar.copy_fault.isHidden, "the copy to be kept again")
        assert len(read_log(stick / "R01.readlog").logged) == hands.flow.log.head()[0]


def test_the_settings_do_not_open_over_a_case(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.key(Qt.Key.Key_F7)
        assert not hands.window.findChildren(SettingsWindow) and "Not possible now" in hands.window.key_bar.readout.text()


def test_another_screen_covers_the_images_and_is_logged(folder, monkeypatch):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        real = screens.identity(hands.window.screen())
        hands.window.screen_changed.emit()
        hands.settle()
        assert hands.state.phase is Phase.READING, "the same screen is no change"
        monkeypatch.setattr(screens, "identity", lambda screen: f"{real} of the neighbour")
        hands.window.screen_changed.emit()
        hands.settle()
        assert hands.state.phase is Phase.PAUSED and hands.window.stack.currentWidget() is hands.window.cover
        assert "screen" in hands.window.cover.words()[1] and "another screen" in hands.window.key_bar.readout.text()
        hands.key(Qt.Key.Key_Return)
        assert hands.state.phase is Phase.READING
    logged = [own.event for own in read_log(folder / "logs" / "R01.readlog").logged]
    assert [own.reason for own in logged if isinstance(own, events.ReadPaused)] == ["display"]
    assert len([own for own in logged if isinstance(own, events.DisplayChanged)]) == 2


def test_the_wrong_screen_is_said_before_the_round(folder):
    own = preferences.Preferences(tour_seen=True, image_screen="DP-7")
    own.save()
    with reading(folder) as hands:
        hands.log_in()
        assert hands.page == "round" and "DP-7" in words(hands.window.page)


def test_a_check_holds_for_this_very_screen_for_a_working_day(qapp):
    screen, own = qapp.primaryScreen(), preferences.Preferences()
    noon, evening, tomorrow = (f"2027-01-{day}T{hour}:00:00.000Z" for day, hour in ((15, 12), (15, 20), (16, 12)))
    assert screens.check_is_due(screen, own, noon)
    own.display_checked[screens.identity(screen)] = noon
    assert not screens.check_is_due(screen, own, evening) and screens.check_is_due(screen, own, tomorrow)
    assert screens.checked_utc(screen, own) == noon
    own.display_checked = {screens.identity(screen).replace("100%", "125%"): noon}
    assert screens.check_is_due(screen, own, evening), "another scale is another display"


def test_a_first_time_reader_of_a_package_sees_an_image_after_three_enters(folder, tmp_path):
    preferences.Preferences().save()
    only = tmp_path / "one"
    shutil.copytree(folder, only)
    session = open_session(only, SystemClock())
    try:
        session.flow.folder = _only_reader(session.flow.folder, "R02")
        hands = Hands(session)
        session.window.resize(1366, 768)
        session.window.show()
        session.window.activateWindow()
        hands.flow.start(None)
        assert hands.page == "pin-new", "the one reader need not be chosen"
        enters = 0
        for name in ("pin", "pin-again"):
            QTest.keyClicks(hands.window.page.findChild(QLineEdit, name), "1234")
        while hands.state.phase is not Phase.READING and enters < 10:
            dialogs = [own for own in hands.window.findChildren(DisplayCheck) if own.isVisible()]
            target = dialogs[0] if dialogs else hands.window.page.findChild(QLineEdit, "pin") or hands.window
            QTest.keyClick(target, Qt.Key.Key_Return)
            enters += 1
            hands.settle()
        assert enters == 3, "PIN, its second line being filled; the round; tour and test pattern on one page"
    finally:
        session.close()


def _only_reader(folder, reader_id: str):
    from dataclasses import replace

    return replace(folder, readers=tuple(own for own in folder.readers if own.reader_id == reader_id))


def test_no_key_leads_past_the_test_pattern_unseen(folder):
    with reading(folder, SystemClock()) as hands:
        hands.window.activateWindow()
        hands.log_in()
        hands.click(hands.window.page.findChild(object, "without-pin"))
        hands.key(Qt.Key.Key_Return)
        (dialog,) = hands.window.findChildren(DisplayCheck)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        hands.settle()
        assert hands.state.phase is Phase.BETWEEN and hands.page == "round"


def test_the_dark_square_of_the_pattern_can_be_told_from_the_black_around_it():
    pattern = Pattern()
    pattern.resize(900, 600)
    seen = pattern.grab().toImage()
    row = [seen.pixelColor(x, 300).red() for x in range(450)]
    assert sorted(set(row)) == [0, 13, 90], "black, the small square, the edge of the dark one"
