"""Log-in of a person on a real clock: choosing a PIN, a wrong one, signatures at the end."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit
from readingkit import make_study, reading, wait

from reader_app.clock import SystemClock
from reader_app.store.readlog import read as read_log
from reader_app.study.events import DisplayChanged
from reader_app.study.session import Phase
from reader_app.ui import language, preferences
from reader_app.ui.display_check import DisplayCheck


def _type_pin(hands, pin: str) -> None:
    field = hands.window.page.findChild(QLineEdit, "pin")
    assert field is not None and field.hasFocus()
    QTest.keyClicks(field, pin)
    QTest.keyClick(field, Qt.Key.Key_Return)
    hands.settle()


def _type_again(hands, pin: str) -> None:
    field = hands.window.page.findChild(QLineEdit, "pin-again")
    assert field is not None and field.hasFocus(), "Enter leads from the first line to the second"
    QTest.keyClicks(field, pin)
    QTest.keyClick(field, Qt.Key.Key_Return)
    hands.settle()


def test_a_person_chooses_a_pin_and_needs_it_the_next_time(folder):
    with reading(folder, SystemClock()) as hands:
        hands.window.activateWindow()
        hands.log_in()
        assert hands.page == "pin-new"
        _type_pin(hands, "12")
        assert hands.page == "pin-new", "too short"
        _type_pin(hands, "1234")
        _type_again(hands, "1243")
        assert hands.page == "pin-new", "a slip of the finger would lock the reader out"
        assert any("differ" in own.text() for own in hands.window.page.findChildren(QLabel))
        _type_pin(hands, "1234")
        _type_again(hands, "1234")
        assert hands.page == "round"
        hands.flow.end_session()
        hands.settle()
        assert hands.page == "receipt"
    seals = read_log(folder / "logs" / "R01.readlog").seals
    assert [seal.meaning for seal in seals] == ["session ended"]
    with reading(folder, SystemClock()) as hands:
        hands.window.activateWindow()
        hands.log_in()
        assert hands.page == "pin"
        _type_pin(hands, "9999")
        assert hands.page == "pin" and any("wrong" in own.text() for own in hands.window.page.findChildren(QLabel))
        assert hands.state.phase is Phase.CLOSED
        _type_pin(hands, "1234")
        assert hands.page == "round"
    assert dict(read_log(folder / "logs" / "R01.readlog").runs[-1].more)["pin_failures"] == "1"


def test_a_person_may_read_without_a_pin(folder):
    with reading(folder, SystemClock()) as hands:
        hands.window.activateWindow()
        hands.log_in("R02")
        hands.click(hands.window.page.findChild(object, "without-pin"))
        assert hands.page == "round"
        hands.key(Qt.Key.Key_Return)
        (dialog,) = hands.window.findChildren(DisplayCheck)
        words = " ".join(own.text() for own in dialog.findChildren(QLabel))
        assert "YOUR ANSWER" in words and "smaller one" in words, (
            "tour and test pattern on one page, the first time on this computer"
        )
        assert hands.state.phase is Phase.BETWEEN, "no image before it is answered"
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        wait(lambda: hands.state.phase is Phase.READING, "the first case")
        hands.keys("2")
        assert hands.state.draft.categories == {"case": "2"}
        hands.window.close()
        hands.settle()
        hands.flow.end_session()
        hands.settle()
    assert preferences.load().tour_seen
    contents = read_log(folder / "logs" / "R02.readlog")
    shown = [entry.event for entry in contents.logged if isinstance(entry.event, DisplayChanged)]
    assert len(shown) == 2 and shown[0].checked_utc == "" != shown[1].checked_utc and shown[0].width_px > 0
    assert contents.seals == () and contents.runs[-1].clock_kind == "system"


def test_the_language_is_chosen_at_log_in_and_kept(folder):
    with reading(folder) as hands:
        for code, word in (("zh", "谁在阅片？"), ("ko", "판독자 선택"), ("en", "WHO IS READING?")):
            hands.click(hands.window.page.findChild(object, f"language-{code}"))
            assert language.current() == code and preferences.load().language == code
            assert any(own.text() == word for own in hands.window.page.findChildren(QLabel)), word
            assert hands.window.key_bar.notice.text() == language.tr("Research use only — not for diagnosis")


def test_the_display_check_keeps_what_the_reader_saw(folder):
    with reading(folder) as hands:
        hands.log_in()
        for name, kept in (("seen", True), ("unseen", False)):
            hands.click(hands.window.page.findChild(object, "display"))
            dialog = hands.window.findChildren(DisplayCheck)[-1]
            image = dialog.grab().toImage()
            assert image.width() > 400
            hands.click(dialog.findChild(object, name))
            assert bool(preferences.load().display_checked) == kept


def test_a_break_is_said_to_be_due_after_forty_minutes_and_no_longer_after_one(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        rest = hands.window.banner.rest
        assert rest.isHidden()
        hands.session.clock.advance(41 * 60)
        hands.read()
        assert hands.page == "break" and not hands.window.is_showing_images(), "a break is proposed before the next case"
        hands.key(Qt.Key.Key_Return)
        assert hands.state.phase is Phase.READING, "and may be declined"
        assert not rest.isHidden() and "break" in rest.text()
        hands.read()
        assert hands.state.phase is Phase.READING, "it is proposed once"
        hands.keys("P")
        hands.session.clock.advance(6 * 60)
        hands.key(Qt.Key.Key_Return)
        hands.keys("3")
        assert rest.isHidden()


def test_a_sitting_ends_between_cases_when_it_has_lasted_long_enough(tmp_path):
    study = make_study(tmp_path / "study", ("ultrasound",), 3, longest=60)
    with reading(study.path) as hands:
        hands.log_in()
        hands.begin()
        hands.read()
        hands.session.clock.advance(61 * 60)
        assert hands.state.phase is Phase.READING, "a case that was begun is finished"
        hands.read()
        assert hands.page == "enough" and not hands.window.is_showing_images()
        hands.key(Qt.Key.Key_Return)
        assert hands.page == "receipt"


def test_the_bank_card_gives_the_screen_its_millimetres(folder):
    from reader_app.ui.screens import pixels_per_mm

    with reading(folder) as hands:
        hands.log_in()
        stated = pixels_per_mm(hands.window.screen(), preferences.Preferences())
        hands.click(hands.window.page.findChild(object, "display"))
        dialog = hands.window.findChildren(DisplayCheck)[-1]
        before = dialog.bar.per_mm
        assert stated is None or before == stated
        for _ in range(3):
            hands.click(dialog.findChild(object, "longer"))
        hands.click(dialog.findChild(object, "seen"))
        kept = preferences.load().pixels_per_mm[hands.window.screen().name()]
        assert abs(kept - before * 1.01**3) < 1e-3
        hands.begin()
        hands.keys("U")
        pane = hands.window.viewer.panes()[0]
        assert abs(pane.camera.scale - kept) < 1e-3  # device pixels a millimetre: true size
