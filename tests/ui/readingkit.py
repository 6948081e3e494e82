"""A small study on disk and a reading window on it, for tests and screenshots."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PySide6.QtCore import QElapsedTimer, QEventLoop, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.clock import Clock, FrozenClock
from reader_app.imaging import container, geometry
from reader_app.imaging.container import NewImage
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.imaging.window import GreyScale, Preset
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.session import Phase
from reader_app.ui.reading_session import ReadingSession, open_session

STUDY = """
format = 1
id = "kit"
title = "Three-round mammography study"
description = "Round 1 unaided, round 2 with the first-stage aid, round 3 the cases left at 4A."
notice = "All images are computer-made; the models were trained on phantoms."

[assessment]
scale = "birads"
categories = {categories}
positive_from = "4A"
level = "{level}"
score = {{ kind = "percent", required = true }}
note = true
marks = true

[display]
aid_threshold = 0.35
aid_opacity = 0.55
reader_may_hide_aid = true

[timing]
idle_pause_s = 120
min_display_ms = 300
break_after_min = 40
session_max_min = {longest}

[[models]]
id = "DLR_LH"
title = "DLR_LH 1.0"
explanation = "Tells low from high risk."

[[models]]
id = "DLR_BM"
title = "DLR_BM 1.0"
explanation = "Tells benign from malignant."

{rounds}

[randomisation]
seed = 7
"""
THREE = """
[[rounds]]
number = 1
title = "without aid"
condition = "unaided"

[[rounds]]
number = 2
title = "with first-stage aid"
condition = "aided_staged"
aid = "DLR_LH"
refines = 1
show_earlier_answer = true
min_washout_days = {washout}

[[rounds]]
number = 3
title = "4A cases, second-stage aid"
condition = "aided_staged"
aid = "DLR_BM"
refines = 2
show_earlier_answer = true
cases = {{ left_at = ["4A"], of_round = 2 }}
"""
SEQUENTIAL = """
[[rounds]]
number = 1
title = "unaided, then aid"
condition = "aided_sequential"
aid = "DLR_LH"
"""
CATEGORIES = '["0", "1", "2", "3", "4A", "4B", "4C", "5", "6"]'


def small_images(modality: str, number: int) -> list[NewImage]:
    """Return quickly made images of a modality."""
    rng = np.random.default_rng(number)
    if modality == "mammography":
        grey = GreyScale(presets=(Preset("NORMAL", "linear", 2048.0, 4096.0),), bits=12)
        images = []
        for name in ("RCC", "LCC", "RMLO", "LMLO"):
            pixels = rng.integers(0, 4096, (320, 240), dtype=np.uint16)
            side = "right" if name[0] == "R" else "left"
            images.append(
                NewImage(name, pixels, laterality=name[0], view=name[1:], spacing_mm=(0.5, 0.5), grey=grey, chest_wall=side)
            )
        return images
    grey = GreyScale(presets=(Preset("as acquired", "identity", 127.5, 255.0),), bits=8)
    if modality == "abvs":
        volume = rng.integers(0, 255, (24, 32, 40), dtype=np.uint8)
        spacing = (2.0, 0.5, 1.0)
        affine = geometry.affine(spacing, origin_mm=(0.0, 0.0, 0.0))
        return [NewImage("L_AP", volume, kind="volume", laterality="L", view="AP", spacing_mm=spacing, affine=affine, grey=grey)]
    pixels = rng.integers(0, 255, (200, 260), dtype=np.uint8)
    return [NewImage("US1", pixels, laterality="R", view="US", spacing_mm=(0.1, 0.1), grey=grey)]


def prediction(model_id: str, case_id: str, fingerprint: str, number: int, image: NewImage) -> Prediction:
    """Return a made-up prediction; every sixth has no finding, every seventh failed."""
    probability = (number * 37 % 100) / 100
    positive = probability >= 0.5
    words = ("high", "low") if model_id == "DLR_LH" else ("malignant", "benign")
    status = {4: "no_finding", 5: "failed"}.get(number % 6, "ok")
    shape = image.array.shape[: 3 if image.kind == "volume" else 2]
    start = tuple(length * 0.4 for length in shape)
    stop = tuple(length * 0.65 for length in shape)
    grid = np.zeros(tuple(max(2, length // 8) for length in shape), np.uint8)
    middle = tuple(slice(int(n * 0.4), int(n * 0.65) + 1) for n in grid.shape)
    grid[middle] = 220
    scale = tuple((length - 1) / (cells - 1) for length, cells in zip(shape, grid.shape, strict=True))
    shown = status == "ok"
    return Prediction(
        model_id=model_id,
        case_id=case_id,
        fingerprint=fingerprint,
        probability=probability,
        threshold=0.5,
        call=words[0] if positive else words[1],
        positive=positive,
        status=status,
        reason="" if shown else "The model found nothing." if status == "no_finding" else "The model could not run on this case.",
        boxes=(Box(image.id, start, stop, probability, words[0] if positive else words[1]),) if shown else (),
        heatmaps=(Heatmap(image.id, grid, scale, (0.0,) * len(shape), 0.0, 1.0),) if shown else (),
        provenance={"training_data": "phantoms v1 seed 1", "bundle_version": "1.0"},
    )


def make_study(
    path: Path,
    modalities: tuple[str, ...] = ("mammography", "abvs", "ultrasound"),
    cases: int = 3,
    *,
    level: str = "case",
    rounds: str = THREE,
    washout: int = 0,
    images: Callable[[str, int], list[NewImage]] = small_images,
    categories: str = CATEGORIES,
    clinical: bool = True,
    longest: int = 0,
    edit: tuple[str, str] = ("", ""),
    more: Callable[[Path], None] = lambda path: None,
) -> StudyFolder:
    """Write and freeze a study of ``cases`` cases of the modalities in turn, three readers, two models.

    ``edit`` replaces a piece of ``study.toml``; ``more`` writes further files before the freeze.
    """
    path.mkdir(parents=True)
    text = STUDY.format(level=level, categories=categories, longest=longest, rounds=rounds.format(washout=washout))
    text = text.replace(*edit) if edit[0] else text
    (path / "study.toml").write_text(text, encoding="utf-8")
    (path / "readers.csv").write_text("reader_id,group,arm\nR01,junior,\nR02,middle,\nR03,senior,\n", encoding="utf-8")
    rows = ["case_id,modality,breasts,stratum,fingerprint" + (",age,symptom,family_history" if clinical else "")]
    for number in range(cases):
        case_id, modality = f"C{number + 1:03d}", modalities[number % len(modalities)]
        made = images(modality, number)
        fingerprint = container.write(path / "images" / case_id, case_id, modality, made, {"kinds": ["made up"]})
        breasts = "RL" if modality == "mammography" else made[0].laterality
        extra = f",{41 + 3 * number},{'lump' if number % 2 else 'none'},{'mother' if number % 3 else ''}" if clinical else ""
        rows.append(f"{case_id},{modality},{breasts},s{number % 2},{fingerprint}{extra}")
        for model_id in ("DLR_LH", "DLR_BM"):
            results.save(path / "aids" / model_id, prediction(model_id, case_id, fingerprint, number, made[-1]))
    (path / "cases.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (path / "logs").mkdir()
    more(path)
    return StudyFolder.load(path).freeze()


def copy_study(source: StudyFolder, target: Path) -> Path:
    """Copy a study folder for one test."""
    shutil.copytree(source.path, target)
    return target


def wait(condition: Callable[[], object], what: str = "the window", seconds: float = 20.0) -> None:
    """Run the event loop until a condition holds."""
    timer = QElapsedTimer()
    timer.start()
    while not condition():
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents | QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)
        if timer.elapsed() > seconds * 1000:
            raise AssertionError(f"waited {seconds} s for {what}")
    QApplication.processEvents()


class Hands:
    """A reader's hands at a session: real key and mouse events, and the patience to wait for what they lead to."""

    def __init__(self, session: ReadingSession) -> None:
        self.session, self.window = session, session.window
        assert session.flow is not None
        self.flow = session.flow

    @property
    def state(self):
        return self.flow.state

    @property
    def panel(self):
        assert self.window.panel is not None
        return self.window.panel

    @property
    def page(self) -> str:
        return self.window.page.name if self.window.stack.currentWidget() is self.window.page else ""

    def key(self, key: Qt.Key | str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where the focus is, and wait until it is done with."""
        QTest.keyClick(self.window.focusWidget() or self.window, key, modifier)
        self.settle()

    def keys(self, text: str) -> None:
        """Press the keys of a text one after the other."""
        for character in text:
            self.key(character)

    def click(self, widget, point=None) -> None:
        """Click the left button on a widget."""
        if point is None:
            QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
        else:
            QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point.toPoint())
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is written, loaded or checked."""

        def quiet() -> bool:
            flow = self.flow
            if flow.stopped or flow.conductor is None:
                return True
            loading = flow.state.phase is Phase.BETWEEN and self.page == "" and flow.feedback.due() is None
            return flow.is_idle() and not loading and not flow.pages.is_checking() and not flow.pauses.is_uncovering

        wait(quiet, "the window to settle")

    def log_in(self, reader_id: str = "R01") -> None:
        """Log in through the page."""
        button = self.window.page.findChild(object, f"reader-{reader_id}")
        assert button is not None, "no such reader on the page"
        self.click(button)

    def begin(self) -> None:
        """Press Enter on the round's page and wait for the first case."""
        assert self.page in ("round", "round-finished"), self.page
        self.key(Qt.Key.Key_Return)
        while self.page == "round":
            self.key(Qt.Key.Key_Return)

    def answer(self, category: str = "2", score: str = "05") -> None:
        """Answer every unit of the case by keys; the panel moves on by itself."""
        for _ in self.flow.plan.units[self.flow.state.case_order[self.flow.state.index]]:
            self.keys(category)
            self.keys(score)

    def validate(self, seconds: float = 10.0) -> None:
        """Let time pass, then Enter twice."""
        if isinstance(self.session.clock, FrozenClock):
            self.session.clock.advance(seconds)
        self.key(Qt.Key.Key_Return)
        if not self.panel.is_armed():  # that one ended the number
            self.key(Qt.Key.Key_Return)
        self.key(Qt.Key.Key_Return)

    def read(self, category: str = "2", score: str = "05") -> None:
        """Read one case."""
        self.answer(category, score)
        self.validate()

    def read_round(self, choose: Callable[[str], str] = lambda case_id: "2") -> list[str]:
        """Read to the end of the round; return the cases met."""
        met = []
        while self.state.phase is Phase.READING:
            case_id = self.state.case_order[self.state.index]
            met.append(case_id)
            self.read(choose(case_id))
        return met


@contextmanager
def reading(folder: Path, clock: Clock | None = None, size: tuple[int, int] = (1280, 800)) -> Iterator[Hands]:
    """Open a reading window on a study, and close everything afterwards."""
    session = open_session(folder, clock or FrozenClock("2027-01-15T08:00:00.000Z"))
    try:
        hands = Hands(session)
        session.window.resize(*size)
        session.window.show()
        hands.flow.start(None)
        QApplication.processEvents()
        yield hands
    finally:
        session.close()


def crash(hands: Hands) -> None:
    """Lose the window as a killed process does: nothing is said to the log."""
    flow = hands.flow
    assert flow.log is not None
    flow._closed = True
    flow.log_thread.shutdown(wait=True)
    flow.loader_thread.shutdown(wait=True, cancel_futures=True)
    flow.log.close()
    flow.main_thread.close()


class SlowGate:
    """A log whose appends wait until the gate is open, or fail."""

    def __init__(self, log) -> None:
        self.log, self._gate, self._fault = log, threading.Event(), None
        self._gate.set()

    def close(self) -> None:
        """Let no append pass."""
        self._gate.clear()

    def open(self) -> None:
        """Let them pass again."""
        self._gate.set()

    def fail(self, fault: Exception | None) -> None:
        """Have every append fail; None mends it."""
        self._fault = fault

    def append(self, events, at):
        """Append when the gate is open."""
        self._gate.wait(20)
        if self._fault is not None:
            raise self._fault
        return self.log.append(events, at)

    def __getattr__(self, name):
        return getattr(self.log, name)


def write_script(file: Path, reader_id: str, reads: list[dict]) -> Path:
    """Write an answer script."""
    file.write_text(json.dumps({"schema": 1, "reader_id": reader_id, "seed": 1, "reads": reads}), encoding="utf-8")
    return file
