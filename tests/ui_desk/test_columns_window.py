"""Other people's headings are shown with a guess, chosen, and only asked for when needed."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from reader_app.ui.coordinator.columns_window import ColumnsWindow, ask


def test_guesses_and_choices(qtbot: QtBot) -> None:
    window = ColumnsWindow("t.csv", ["Code", "File name", "Side", "Parity", "Patient name"])
    qtbot.addWidget(window)
    box = {
        name: window.findChild(QComboBox, f"column {name}") for name in ("Code", "File name", "Side", "Parity", "Patient name")
    }
    assert box["File name"].currentText() == "file" and box["Side"].currentText() == "laterality"
    assert box["Patient name"].currentText() == "left out"
    assert not window._go.isEnabled() and "case_id" in window._fault.text()
    box["Code"].setCurrentText("file")
    assert not window._go.isEnabled()
    box["Code"].setCurrentText("case_id")
    box["Parity"].setCurrentText("clinical variable")
    assert window._go.isEnabled() and not window._fault.text()
    wanted = {"Code": "case_id", "File name": "file", "Side": "laterality", "Parity": "clinical_parity", "Patient name": ""}
    assert window.columns() == wanted
    box["Side"].setCurrentText("file")
    assert not window._go.isEnabled() and "two columns" in window._fault.text()


def test_our_own_headings_are_not_asked_about(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("case_id,file,age,clinical_x\nC1,a.png,50,1\n")
    assert ask(tmp_path / "t.csv") == {}


@pytest.mark.parametrize("accept", [True, False])
def test_other_headings_are(qtbot: QtBot, tmp_path: Path, accept: bool) -> None:
    (tmp_path / "t.csv").write_text("case,path,remark\nC1,a.png,x\n")

    def answer() -> None:
        window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, ColumnsWindow) and w.isVisible())
        window.accept() if accept else window.reject()

    QTimer.singleShot(300, answer)
    assert ask(tmp_path / "t.csv") == ({"case": "case_id", "path": "file", "remark": ""} if accept else None)
