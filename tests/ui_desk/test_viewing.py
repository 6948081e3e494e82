"""Files looked at outside a study answer to the keys and the menu of the reading window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMenu, QPushButton

from reader_app.imaging import phantoms
from reader_app.imaging.importreport import CaseReport
from reader_app.ui.coordinator.look_window import LookWindow


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    made = (
        phantoms.mammogram_exam(1, pixel_mm=0.6),
        phantoms.abvs_volume(2, shape=(40, 40, 48), spacing_mm=(2.0, 0.5, 2.0), scans=("AP", "LAT")),
    )
    for number, phantom in enumerate(made, start=1):
        phantoms.write_container(phantom, folder / f"C{number}", f"C{number}")
    return folder


@pytest.fixture
def window(qtbot, containers: Path) -> LookWindow:
    own = LookWindow(containers, [CaseReport("C1", "mammography"), CaseReport("C2", "abvs")])
    qtbot.addWidget(own)
    own.show()
    qtbot.waitExposed(own)
    yield own
    own.viewer.clear()


def press(qtbot, window: LookWindow, *keys: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    for key in keys:
        qtbot.keyClick(QApplication.focusWidget() or window, key, modifier)


def test_hanging_steps_and_window_by_key(qtbot, window: LookWindow) -> None:
    pane = window.viewer.pane("RCC")
    assert window.viewer.step_text() == "four views"
    press(qtbot, window, Qt.Key.Key_Space)
    assert window.viewer.step_text() == "CC"
    press(qtbot, window, Qt.Key.Key_Space, modifier=Qt.KeyboardModifier.ShiftModifier)
    assert window.viewer.step_text() == "four views"
    press(qtbot, window, Qt.Key.Key_I)
    assert pane.window_state.inverted
    press(qtbot, window, Qt.Key.Key_Return, Qt.Key.Key_2, Qt.Key.Key_M)  # answers and marks belong to a session
    assert window.viewer.step_text() == "four views" and "1 of 2" in window._name.text()


def test_the_next_case_by_button_and_key_leaves_the_keyboard_to_the_images(qtbot, window: LookWindow) -> None:
    following = next(b for b in window.findChildren(QPushButton) if b.text() == "Next")
    qtbot.mouseClick(following, Qt.MouseButton.LeftButton)
    assert window.viewer.step_text().endswith("AP")
    press(qtbot, window, Qt.Key.Key_BracketRight)
    assert window.viewer.step_text().endswith("LAT")
    press(qtbot, window, Qt.Key.Key_B)
    press(qtbot, window, Qt.Key.Key_B, modifier=Qt.KeyboardModifier.ShiftModifier)
    assert "minimum" in window.viewer.panes()[0].caption.note
    press(qtbot, window, Qt.Key.Key_Left, modifier=Qt.KeyboardModifier.ControlModifier)
    assert window.viewer.step_text() == "four views" and window.said.text() == ""  # nothing of the volume is left


def test_the_menu_names_every_view_command_with_its_key(qtbot, window: LookWindow) -> None:
    menu = QMenu()
    qtbot.addWidget(menu)
    window.viewer.menu_about_to_show.emit(menu)
    entries = {a.text(): a for own in menu.actions() if own.menu() for a in own.menu().actions()}
    assert (
        "Next hanging step\tSpace" in entries
        and "Play or stop\tY" in entries
        and "Slab of mean, minimum or maximum\tShift+B" in entries
    )
    assert not any("Validate" in text or "Mark a finding" in text for text in entries)
    entries["Next hanging step\tSpace"].trigger()
    assert window.viewer.step_text() == "CC"


def test_the_tool_of_the_menu_is_where_the_key_goes_on(qtbot, window: LookWindow) -> None:
    window.viewer.set_left_tool("pan")
    press(qtbot, window, Qt.Key.Key_W)
    assert window.viewer.view.gestures.tool == "zoom" and window.said.text() == "Left button: zoom"
