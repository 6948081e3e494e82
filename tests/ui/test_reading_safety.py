"""What the window must never do: offer what is forbidden, say "saved" too early, show images without a log, load too much."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from readingkit import Hands, SlowGate, copy_study, reading, wait

from reader_app.errors import LogUnavailable
from reader_app.study.audit import audit
from reader_app.study.session import Phase, due_case, earlier_answer, legal_commands
from reader_app.ui.keymap import ALWAYS, COMMANDS, VIEWING
from reader_app.ui.viewing import VIEW_COMMANDS

STEPS = ("category", "score", "note", "pause", "resume", "validate", "mark", "unmark", "aid", "copy", "help", "end", "read")


def assert_enabled_is_legal(hands: Hands) -> None:
    """Every command is enabled exactly when one of the study commands it needs is legal (and it would have an effect)."""
    state, plan, actions = hands.state, hands.flow.plan, hands.window.actions_
    on_page = hands.window.stack.currentWidget() is hands.window.page
    legal = frozenset() if on_page and hands.page in ("round-finished", "receipt") else legal_commands(plan, state)
    for command in COMMANDS:
        if command.needs == ALWAYS:
            wanted = command.id != "session.settings" or state.phase is not Phase.READING
        elif command.needs == VIEWING:
            wanted = hands.window.is_showing_images()
        else:
            needs = command.needs if isinstance(command.needs, tuple) else (command.needs,)
            wanted = bool(set(needs) & legal)
        if command.id == "answer.copy":
            wanted = wanted and earlier_answer(plan, state, due_case(state) or "") is not None
        if command.id in ("view.next_step", "view.previous_step"):
            wanted = wanted and _can_step(hands)
        if command.id in ("view.next_finding", "view.previous_finding"):
            wanted = wanted and state.aid_visible and bool(hands.flow.loaded.aid.boxes)
        assert actions.is_enabled(command.id) == wanted, (command.id, state.phase, hands.page)
    assert hands.panel.validate.is_ready() == (hands.panel.isVisible() and bool(_locks() & legal)) or not hands.panel.isVisible()
    assert (state.phase is Phase.READING) == hands.window.is_showing_images()
    if state.phase is Phase.READING:
        assert hands.window.viewer.aid_is_visible() == (state.aid_visible and hands.flow.loaded.aid is not None)


def _can_step(hands: Hands) -> bool:
    """Whether the case on the screen has another view, page or scan, told from its images alone."""
    images = hands.flow.loaded.images
    many = {"mammography": 1, "abvs": 1, "ultrasound": 4}[images.modality]
    return len(images.images) > many


def _locks() -> set[type]:
    from reader_app.study.commands import RevealAid, SubmitRead

    return {SubmitRead, RevealAid}


def take_step(hands: Hands, step: str, number: int) -> None:
    """Do one thing, legal or not, with keys."""
    clock = hands.session.clock
    clock.advance(0.4)
    if step == "category":
        hands.keys(("1", "2", "4A", "4B", "5")[number % 5])
    elif step == "score":
        hands.keys(f"S{number % 90 + 10:02d}")
    elif step == "note" and hands.window.is_showing_images():
        hands.keys("T")
        hands.keys("abc"[: number % 4])
        hands.key(Qt.Key.Key_Escape)
    elif step in ("pause", "resume"):
        hands.keys("P")
    elif step == "validate":
        hands.key(Qt.Key.Key_Return)
        hands.key(Qt.Key.Key_Return)
    elif step == "mark" and hands.window.is_showing_images():
        image = hands.flow.loaded.images.images[0]
        hands.window.viewer.mark_placed.emit(image.id, tuple(float(n // 2) for n in image.array.shape[:3]))
        hands.settle()
    elif step == "unmark":
        hands.key(Qt.Key.Key_Delete)
    elif step == "aid":
        hands.keys("G")
    elif step == "copy":
        hands.keys("R")
    elif step == "help":
        hands.keys("?")
        assert_enabled_is_legal(hands)
        hands.key(Qt.Key.Key_Escape)
    elif step == "read" and hands.state.phase is Phase.READING:
        hands.read(("4A", "3")[number % 2])
    elif step == "end" and number % 3 == 0 and hands.page == "":
        hands.flow.end_session()
        hands.settle()


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 99)), min_size=8, max_size=22))
def test_what_is_enabled_is_what_is_legal_in_every_state_that_keys_can_reach(mixed_study, tmp_path_factory, steps):
    folder = copy_study(mixed_study, tmp_path_factory.mktemp("walk") / "study")
    with reading(folder) as hands:
        hands.log_in()
        assert_enabled_is_legal(hands)
        hands.begin()
        assert_enabled_is_legal(hands)
        for step, number in steps:
            if hands.page in ("round", "round-finished") and hands.state.phase is not Phase.DONE:
                hands.begin()
            if hands.page == "receipt":
                break
            take_step(hands, step, number)
            assert_enabled_is_legal(hands)
        plan, logged = hands.flow.plan, hands.flow.log.logged()
    assert audit(plan, logged) == []


def test_nothing_is_shown_as_saved_before_it_is_on_the_disk(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        slow = SlowGate(hands.flow.log)
        hands.flow.conductor._log = slow
        mark = hands.window.key_bar.saved
        assert "saved" in mark.text()
        slow.close()
        hands.window.keyPressEvent(_press("2"))
        QApplication.processEvents()
        assert "saving" in mark.text() and mark.property("role") == "waiting"
        assert hands.panel._units["case"].category.accessibleDescription() != "2", "the answer is not shown as given"
        slow.open()
        hands.settle()
        assert "saved" in mark.text() and hands.panel._units["case"].category.accessibleDescription() == "2"


def _press(text: str):
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent

    return QKeyEvent(QEvent.Type.KeyPress, getattr(Qt.Key, f"Key_{text}"), Qt.KeyboardModifier.NoModifier, text)


def test_when_the_log_fails_the_images_are_covered_and_reading_stops_until_it_is_mended(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        slow = SlowGate(hands.flow.log)
        hands.flow.conductor._log = slow
        slow.fail(LogUnavailable("the disk is full; free some space, then try again"))
        hands.keys("2")
        wait(lambda: hands.page == "stopped", "the page that says so")
        assert hands.window.viewer.is_covered() and not hands.window.viewer.isVisible()
        assert not hands.panel.isVisible() and "saving" in hands.window.key_bar.saved.text()
        texts = " ".join(own.text() for own in hands.window.page.findChildren(QLabel))
        assert "the disk is full" in texts
        before = hands.state
        hands.keys("3")
        assert hands.state is before, "nothing more is taken"
        slow.fail(None)
        hands.click(hands.window.page.findChild(object, "retry"))
        wait(lambda: hands.state.phase is Phase.PAUSED, "the pause after the fault")
        assert hands.state.draft.categories == {"case": "2"}, "what could not be written is written now"
        hands.settle()
        hands.key(Qt.Key.Key_Return)
        assert hands.state.phase is Phase.READING
        hands.keys("05")
        hands.validate()
        assert hands.state.index == 1


def test_a_fault_of_the_program_covers_the_images_and_is_noted(folder, monkeypatch):
    from reader_app import paths
    from reader_app.ui import app

    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        app.watch_for_faults(hands.flow)
        try:
            sys.excepthook(ValueError, ValueError("planted"), None)
            wait(lambda: hands.page == "stopped", "the page that says so")
            hands.flow.log_thread.submit(lambda: None).result()
            assert hands.window.viewer.is_covered()
            assert type(hands.flow.log.logged()[-1].event).__name__ == "ReadInterrupted"
        finally:
            app.stop_watching()
    assert "planted" in (paths.data_dir() / "crash.txt").read_text()
    assert "planted" in app.earlier_crash() and app.earlier_crash() == ""


def test_nothing_is_left_when_the_window_is_closed(folder, qapp):
    before, threads = len(qapp.topLevelWidgets()), threading.active_count()
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.keys("2")
    QApplication.processEvents()
    assert len(qapp.topLevelWidgets()) <= before
    wait(lambda: threading.active_count() <= threads, "the threads to end")


def test_every_view_command_works_on_every_kind_of_image(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        while hands.state.phase is Phase.READING:
            for command_id in VIEW_COMMANDS:
                VIEW_COMMANDS[command_id](hands.window.viewer)
            hands.settle()
            hands.read()
    assert {command.id for command in COMMANDS if command.id.startswith("view.")} - set(VIEW_COMMANDS) == {"view.tool"}


def test_the_first_window_comes_without_the_heavy_libraries(folder):
    heavy = ("pandas", "SimpleITK", "torch", "pydicom", "pyqtgraph", "matplotlib", "scipy", "sklearn", "openpyxl", "statsmodels")
    program = f"""
import sys
from pathlib import Path
from reader_app.ui.app import application
from reader_app.ui.reading_session import open_session
from reader_app.clock import FrozenClock
app = application()
session = open_session(Path({str(folder)!r}), FrozenClock("2027-01-15T08:00:00.000Z"))
session.show(None)
session.flow.log_in("R01")
for _ in range(50):
    app.processEvents()
assert session.window.isVisible()
found = [name for name in {heavy!r} if name in sys.modules]
session.close()
print("loaded:", found)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "loaded: []" in done.stdout


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (2560, 1440), (2048, 2560)])
def test_the_panel_and_its_button_are_whole_at_every_size(breast_folder, size):
    with reading(breast_folder, size=size) as hands:
        hands.log_in()
        hands.begin()
        window, panel = hands.window, hands.panel
        assert (window.width(), window.height()) == size
        for field in panel._order:
            right = field.mapTo(window, field.rect().bottomRight())
            assert window.rect().contains(right), field
        assert window.rect().contains(panel.validate.mapTo(window, panel.validate.rect().bottomRight()))
        assert panel.width() == 400 and panel._scroll.verticalScrollBar().maximum() == 0


def test_closing_waits_for_the_loader_so_that_no_widget_dies_on_its_thread(folder):
    ended = []

    def slow(held) -> None:  # what is being loaded leads to the window, as a case on its way does
        time.sleep(0.6)
        ended.append(held.window is not None)

    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        hands.flow.loader_thread.submit(slow, hands.flow)
        assert not ended
    assert ended == [True], "the window was taken apart while the loader still held it"
