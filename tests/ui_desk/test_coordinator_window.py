"""The desk by real clicks: steps tell their state, a check leads to the freeze, nothing is left running."""

from __future__ import annotations

import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from desk.conftest import study  # noqa: F401 - the fixture
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit, QPushButton, QTableWidget
from pytestqt.qtbot import QtBot

from reader_app.desk import rehearsal
from reader_app.export import package
from reader_app.store.studyfolder import StudyFolder
from reader_app.ui import theme
from reader_app.ui.coordinator.window import CoordinatorWindow


@pytest.fixture
def desk(qtbot: QtBot, study: Path) -> Iterator[CoordinatorWindow]:  # noqa: F811
    """The desk of a study that can be frozen, once its overview is there."""
    theme.load_fonts()
    window = CoordinatorWindow(study)
    window.show()
    qtbot.waitUntil(lambda: window._overview.folder is not None, timeout=20_000)
    yield window
    window.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("desk")]


def press(qtbot: QtBot, window: CoordinatorWindow, words: str) -> None:
    """Click the visible button with these words."""

    def found() -> list[QPushButton]:
        return [b for b in window.findChildren(QPushButton) if b.text() == words and b.isVisible() and b.isEnabled()]

    qtbot.waitUntil(lambda: bool(found()), timeout=10_000)  # a new page is shown by the event loop
    qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)


def step(window: CoordinatorWindow, key: str) -> str:
    """Return the state written beside a step."""
    return window._steps[key][1].text()


def test_every_step_tells_its_state(desk: CoordinatorWindow) -> None:
    assert step(desk, "protocol") == "✓"
    assert step(desk, "readers") == "3"
    assert step(desk, "cases") == "3"
    assert step(desk, "aids") == "✓"
    assert step(desk, "freeze") == "to do"


def test_check_then_freeze(qtbot: QtBot, desk: CoordinatorWindow, study: Path) -> None:  # noqa: F811
    press(qtbot, desk, "Check and freeze")
    assert not [b for b in desk.findChildren(QPushButton) if b.text() == "Freeze the study" and b.isEnabled()]
    press(qtbot, desk, "Check everything")
    qtbot.waitUntil(lambda: step(desk, "freeze") == "ready", timeout=20_000)
    press(qtbot, desk, "Freeze the study")
    qtbot.waitUntil(lambda: desk._overview.is_frozen, timeout=20_000)
    assert StudyFolder.load(study).is_frozen
    assert step(desk, "freeze") == "✓"


def test_a_frozen_study_is_packed_for_every_reader(
    qtbot: QtBot,
    desk: CoordinatorWindow,
    study: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "stick"
    out.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(out))
    press(qtbot, desk, "Check and freeze")
    assert not [b for b in desk.findChildren(QPushButton) if b.text() == "Reading packages…"]
    StudyFolder.load(study).freeze()
    desk.refresh()
    press(qtbot, desk, "Reading packages…")
    readers = [reader.reader_id for reader in StudyFolder.load(study).readers]
    qtbot.waitUntil(lambda: "Written to" in desk._message.text(), timeout=30_000)
    assert sorted(path.name for path in out.iterdir()) == sorted(f"small-{reader}.zip" for reader in readers)
    assert all(f"small-{reader}.zip" in desk._message.text() for reader in readers)
    for path in out.iterdir():
        assert package.verify(path) == []
        names = zipfile.ZipFile(path).namelist()
        assert "reference_standard.csv" not in names and not [name for name in names if name.startswith("aids/")]


def test_a_rehearsal_takes_a_new_folder_beside_the_study_and_says_where(
    qtbot: QtBot,
    desk: CoordinatorWindow,
    study: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    asked: list[tuple[Path, Path]] = []

    def whole(own: Path, out: Path, **_: object) -> list[Path]:
        asked.append((own, out))
        out.mkdir()
        return [out / "report.html"]

    monkeypatch.setattr(rehearsal, "whole", whole)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    press(qtbot, desk, "Check and freeze")
    for number, name in enumerate(("small-rehearsal", "small-rehearsal-2"), start=1):
        qtbot.waitUntil(lambda: not desk._jobs.busy, timeout=10_000)
        press(qtbot, desk, "Rehearse")
        qtbot.waitUntil(lambda n=number: len(opened) == n, timeout=20_000)
        assert asked[-1] == (study, study.with_name(name)) and name in desk._message.text()
    assert opened == [str(out / "report.html") for _, out in asked]


def test_pages_keep_their_parts_together(desk: CoordinatorWindow) -> None:
    desk.resize(1440, 1400)
    for key in ("protocol", "readers"):
        desk.go_to(key)
        QApplication.processEvents()
        page = desk._pages[key]
        texts = [own for own in page.findChildren(QLabel) if own.isVisible()]
        assert max(own.height() for own in texts) < 60, f"{key}: the spare height lies below, not between the lines"


def test_a_fault_is_told_and_not_frozen(qtbot: QtBot, desk: CoordinatorWindow, study: Path) -> None:  # noqa: F811
    shutil.rmtree(study / "images" / "C2")
    press(qtbot, desk, "Check and freeze")
    press(qtbot, desk, "Check everything")
    qtbot.waitUntil(lambda: step(desk, "freeze") == "1", timeout=20_000)

    def texts() -> list[str]:
        tables = [t for t in desk.findChildren(QTableWidget) if t.isVisible()]
        return [t.item(i, j).text() for t in tables for i in range(t.rowCount()) for j in range(t.columnCount())]

    qtbot.waitUntil(lambda: any("C2 has no images" in text for text in texts()), timeout=5_000)
    assert not [b for b in desk.findChildren(QPushButton) if b.text() == "Freeze the study" and b.isEnabled()]


def test_a_reader_is_added_and_removed(qtbot: QtBot, desk: CoordinatorWindow) -> None:
    press(qtbot, desk, "Readers")

    def seen(kind: type) -> list:
        return [w for w in desk.findChildren(kind) if w.isVisible()]

    qtbot.waitUntil(lambda: len(seen(QLineEdit)) == 3, timeout=10_000)  # a new page is shown by the event loop
    fields = seen(QLineEdit)
    qtbot.keyClicks(fields[0], "R9")
    qtbot.keyClicks(fields[1], "senior")
    press(qtbot, desk, "Add reader")
    qtbot.waitUntil(lambda: step(desk, "readers") == "4", timeout=20_000)
    qtbot.waitUntil(lambda: bool(seen(QTableWidget)) and seen(QTableWidget)[0].rowCount() == 4, timeout=10_000)
    seen(QTableWidget)[0].selectRow(3)
    press(qtbot, desk, "Remove chosen")
    qtbot.waitUntil(lambda: step(desk, "readers") == "3", timeout=20_000)


def test_preview_shows_a_case_with_the_aid_of_the_round(qtbot: QtBot, desk: CoordinatorWindow) -> None:
    from reader_app.ui.coordinator.preview import CasePreview

    press(qtbot, desk, "Cases")
    press(qtbot, desk, "Preview as a reader sees it")
    preview = next(w for w in desk.findChildren(CasePreview))
    assert preview._name.text().startswith("C1")
    preview._round.setCurrentIndex(1)
    assert preview.viewer.aid_is_visible()
    preview._round.setCurrentIndex(0)
    assert not preview.viewer.aid_is_visible()
    preview.close()


def test_a_job_that_fails_in_an_unforeseen_way_frees_the_desk(qtbot: QtBot, desk: CoordinatorWindow) -> None:
    def broken(_progress: object, _cancelled: object) -> None:
        raise ZeroDivisionError("planted")

    desk.run("broken", broken)
    qtbot.waitUntil(lambda: "planted" in desk._message.text(), timeout=20_000)
    assert not desk._jobs.busy


def test_single_files_are_imported_from_the_desk(
    qtbot: QtBot,
    desk: CoordinatorWindow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import cv2
    import numpy as np
    from PySide6.QtWidgets import QFileDialog

    for number in range(2):
        image = np.random.default_rng(number).integers(0, 255, (60, 80), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_a, **_k: ([str(tmp_path / "1.png")], ""))
    press(qtbot, desk, "Cases")
    press(qtbot, desk, "Import files…")
    qtbot.waitUntil(lambda: step(desk, "cases") == "4", timeout=60_000)  # the one chosen, not its neighbour


def test_the_choices_of_an_import_are_those_of_the_command(
    qtbot: QtBot,
    desk: CoordinatorWindow,
    study: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dry import says what would happen and writes nothing; what the files are taken for comes from the page."""
    import cv2
    import numpy as np
    from PySide6.QtWidgets import QCheckBox, QComboBox

    image = np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "L_CC.png"), image)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_a, **_k: ([str(tmp_path / "L_CC.png")], ""))
    press(qtbot, desk, "Cases")
    before = (study / "cases.csv").read_bytes()

    def box(words: str) -> QCheckBox:
        return next(b for b in desk.findChildren(QCheckBox) if b.text() == words)

    box("Only say what would happen").click()
    press(qtbot, desk, "Import files…")
    page = desk._pages["cases"]
    qtbot.waitUntil(lambda: page._report is not None, timeout=60_000)
    qtbot.waitUntil(lambda: not desk._jobs.busy, timeout=10_000)
    assert page._report.cases[0].modality == "mammography" and page._report.cases[0].status == "incomplete"
    assert (study / "cases.csv").read_bytes() == before and not (study / "import_report.csv").exists()

    def told() -> bool:
        return any("nothing was written" in own.text().casefold() for own in page.findChildren(QLabel))

    qtbot.waitUntil(told, timeout=10_000)
    page.findChild(QComboBox).setCurrentIndex(3)
    box("Only say what would happen").click()
    press(qtbot, desk, "Import files…")
    qtbot.waitUntil(lambda: step(desk, "cases") == "4", timeout=60_000)
    assert page._report.cases[0].modality == "ultrasound" and page._report.cases[0].status == "complete"


def test_cases_leave_as_dicom_from_the_desk(
    qtbot: QtBot, desk: CoordinatorWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "dicom"
    out.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(out))
    press(qtbot, desk, "Cases")
    press(qtbot, desk, "DICOM of the cases…")
    qtbot.waitUntil(lambda: "DICOM file(s) written" in desk._message.text(), timeout=60_000)
    assert sorted(p.name for p in out.iterdir()) == ["C1", "C2", "C3"] and list(out.glob("C1/*.dcm"))
