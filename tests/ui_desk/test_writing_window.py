"""The coordinator sees writing in the pixels, decides by real clicks, and the desk counts what is left."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("PySide6")

from desk.conftest import study  # noqa: F401 - the fixture
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from reader_app.desk import tables
from reader_app.desk.importing import import_into
from reader_app.imaging import container
from reader_app.ui import theme
from reader_app.ui.coordinator.window import CoordinatorWindow
from reader_app.ui.coordinator.writing_window import WritingWindow


def picture(seed: int, text: str) -> np.ndarray:
    """A speckled picture under a dark band with a line of writing."""
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.rayleigh(60, (240, 400)).astype(np.float32), (0, 0), 1.2).clip(1, 255).astype(np.uint8)
    image = np.vstack([np.zeros((60, 400), np.uint8), image])
    cv2.putText(image, text, (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1, cv2.LINE_AA)
    return image


@pytest.fixture
def with_writing(study: Path, tmp_path: Path) -> Path:  # noqa: F811
    """The small study and a case of three images with writing."""
    source = tmp_path / "in"
    source.mkdir()
    lines = ["case_id,file,modality"]
    for number, text in enumerate(("DOE^JANE 1960", "FREQ 12 MHZ", "ID 884422-17")):
        cv2.imwrite(str(source / f"{number}.png"), picture(number, text))
        lines.append(f"W1,{number}.png,ultrasound")
    (source / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    import_into(study, [source], source / "t.csv")
    return study


@pytest.fixture
def desk(qtbot: QtBot, with_writing: Path) -> Iterator[CoordinatorWindow]:
    """The desk on its page of cases."""
    theme.load_fonts()
    window = CoordinatorWindow(with_writing)
    window.show()
    qtbot.waitUntil(lambda: window._overview.folder is not None, timeout=20_000)
    window.go_to("cases")
    yield window
    window.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("desk")]


def press(qtbot: QtBot, window: object, words: str) -> None:
    """Click the visible button with these words."""

    def found() -> list[QPushButton]:
        return [b for b in window.findChildren(QPushButton) if b.text() == words and b.isVisible() and b.isEnabled()]

    qtbot.waitUntil(lambda: bool(found()), timeout=10_000)
    qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)


def opened(qtbot: QtBot, desk: CoordinatorWindow) -> WritingWindow:
    """Press the button and return the window that comes."""
    press(qtbot, desk, "Look at the writing…")
    own = next(w for w in desk.findChildren(WritingWindow))
    qtbot.waitUntil(own.isVisible, timeout=5_000)
    return own


def left(own: WritingWindow) -> list[str]:
    """Return what is listed."""
    return [own._list.item(i).text() for i in range(own._list.count())]


def test_the_place_is_shown_and_each_decision_counts_down(qtbot: QtBot, desk: CoordinatorWindow, with_writing: Path) -> None:
    own = opened(qtbot, desk)
    assert len(left(own)) == 3 and left(own)[0].startswith("W1 · US1")
    shot = own.grab().toImage()
    own._picture.repaint()
    box = own._picture.on_widget(own._picture._box).adjusted(-3, -3, 3, 3)
    corner = own._picture.mapTo(own, QPoint(round(box.left() + box.width() / 2), round(box.top())))
    assert shot.pixelColor(corner.x(), corner.y()).name() == "#ffb454"  # the box is painted round the words
    inside = own._picture.mapTo(own, QPoint(round(box.left()), round(box.top())))
    bright = max(
        shot.pixelColor(inside.x() + dx, inside.y() + dy).lightness()
        for dx in range(4, int(box.width()) - 4)
        for dy in range(4, int(box.height()) - 4)
    )
    assert bright > 220  # and the words are in it
    press(qtbot, own, "Black out the box")
    qtbot.waitUntil(lambda: len(left(own)) == 2, timeout=20_000)
    assert container.open_case(with_writing / "images" / "W1").image("US1").array[:60].max() == 0
    press(qtbot, own, "Harmless: keep it")
    qtbot.waitUntil(lambda: len(left(own)) == 1, timeout=20_000)
    press(qtbot, own, "Leave this image out")
    qtbot.waitUntil(lambda: not left(own), timeout=20_000)
    assert "Every place is decided" in own._words.text()
    assert [i.id for i in container.open_case(with_writing / "images" / "W1").images] == ["US1", "US2"]
    qtbot.waitUntil(lambda: desk._overview.writing == 0, timeout=20_000)
    report = json.loads((with_writing / "import_report.json").read_text(encoding="utf-8"))["cases"][0]
    assert {w["decision"] for w in report["blinding"]["writing"]} == {"black_out", "keep"}
    assert len(tables.read_rows(with_writing / "cases.csv")) == 4
    own.close()


def test_a_box_drawn_by_hand_is_blacked_out(qtbot: QtBot, desk: CoordinatorWindow, with_writing: Path) -> None:
    own = opened(qtbot, desk)
    before = np.array(container.open_case(with_writing / "images" / "W1").image("US1").array)
    place = own._picture.on_widget((100, 50, 160, 200))
    start, stop = place.topLeft().toPoint(), place.bottomRight().toPoint()
    qtbot.mousePress(own._picture, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(own._picture, stop)
    qtbot.mouseRelease(own._picture, Qt.MouseButton.LeftButton, pos=stop)
    row, column, row_end, column_end = own._picture.own_box
    assert abs(row - 100) <= 1 and abs(column - 50) <= 1 and abs(row_end - 160) <= 2 and abs(column_end - 200) <= 2
    press(qtbot, own, "Black out my box")
    qtbot.waitUntil(lambda: len(left(own)) == 2, timeout=20_000)
    after = container.open_case(with_writing / "images" / "W1").image("US1").array
    assert after[row:row_end, column:column_end].max() == before.min()
    untouched = np.ones(before.shape, bool)
    untouched[row:row_end, column:column_end] = False
    assert np.array_equal(after[untouched], before[untouched])
    own.close()


def test_all_writing_of_an_image_goes_at_once(qtbot: QtBot, with_writing: Path, tmp_path: Path) -> None:
    image = picture(7, "DOE^JANE 1960")
    image[250:] = 0
    cv2.putText(image, "ID 884422-17", (10, 285), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1, cv2.LINE_AA)
    cv2.imwrite(str(tmp_path / "two.png"), image)
    import_into(with_writing, [tmp_path / "two.png"])
    theme.load_fonts()
    window = CoordinatorWindow(with_writing)
    window.show()
    qtbot.waitUntil(lambda: window._overview.folder is not None, timeout=20_000)
    window.go_to("cases")
    own = opened(qtbot, window)
    of_one = [n for n, place in enumerate(own._places) if place.case_id != "W1"]
    assert len(of_one) == 2
    own._list.setCurrentRow(next(n for n, place in enumerate(own._places) if place.case_id == "W1"))
    assert not own._black_all.isEnabled()  # one place only
    own._list.setCurrentRow(of_one[0])
    case_id = own._places[of_one[0]].case_id
    press(qtbot, own, "Black out all of this image")
    qtbot.waitUntil(lambda: len(left(own)) == 3, timeout=20_000)
    after = container.open_case(with_writing / "images" / case_id).images[0].array
    assert after[:60].max() <= 1 and after[255:].max() <= 1 and after[100:200].max() > 50
    own.close()
    window.close()


def test_every_image_can_be_looked_at(qtbot: QtBot, desk: CoordinatorWindow) -> None:
    own = opened(qtbot, desk)
    press(qtbot, own, "Keep all of this case")
    qtbot.waitUntil(lambda: not left(own), timeout=20_000)
    press(qtbot, own, "Every image")
    qtbot.waitUntil(lambda: len(left(own)) == 3, timeout=5_000)  # phantoms come from no file
    assert not own._black.isEnabled() and own._refuse.isEnabled()
    own.close()
