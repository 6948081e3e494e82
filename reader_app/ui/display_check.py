"""A pattern to look at before a session: does this screen show the darkest and brightest steps and the finest lines?

Sixteen even grey steps, two squares each with a barely darker or brighter one inside (5 % and 95 %), lines of one pixel. It is
painted in device pixels. What the reader says is kept with its date and screen and goes into the log. A bar as long as a bank
card gives the screen its millimetres. The first time on a computer the same page says what the hands do (the tour).
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.screens import grey_path
from reader_app.ui.tour import TourStep
from reader_app.ui.widgets import button, column, key_cap, label, row, section

STEPS = 16
CARD_MM = 85.6  # long side of a bank card (ISO/IEC 7810 ID-1)
FALLBACK = 4.0  # device pixels per mm to begin with where the display states nothing


class Pattern(QWidget):
    """Paints the pattern."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(theme.px(220))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(0, 0, 0))
        width, height = self.width(), self.height()
        band = height // 3
        for step in range(STEPS):
            level = round(255 * step / (STEPS - 1))
            left, right = width * step // STEPS, width * (step + 1) // STEPS
            painter.fillRect(QRect(left, 0, right - left, band), QColor(level, level, level))
        side = min(band - theme.px(40), width // 6)
        for number, (outer, inner) in enumerate(((0, 13), (255, 242))):
            left = width // 4 + number * width // 2 - side // 2
            square = QRect(left, band + (band - side) // 2, side, side)
            painter.fillRect(square, QColor(outer, outer, outer))
            hole = square.adjusted(side // 3, side // 3, -side // 3, -side // 3)
            painter.fillRect(hole, QColor(inner, inner, inner))
            if outer == 0:  # on black the dark square shows only by its edge
                painter.setPen(QColor(90, 90, 90))
                painter.drawRect(square)
        painter.save()
        factor = self.devicePixelRatioF()
        painter.scale(1 / factor, 1 / factor)
        top, bottom = round((2 * band + theme.px(20)) * factor), round((height - theme.px(10)) * factor)
        for number, gap in enumerate((1, 2, 3)):
            start, stop = (round(width * factor * (3 * number + k) / 9) for k in (0.3, 2.7))
            for x in range(start, stop, 2 * gap):
                painter.fillRect(QRect(x, top, gap, bottom - top), QColor(200, 200, 200))
        painter.restore()


class Bar(QWidget):
    """A bar as long as a bank card, if the millimetre is right."""

    def __init__(self, per_mm: float) -> None:
        super().__init__()
        self.per_mm = per_mm
        self.setFixedHeight(theme.px(26))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        length, y = round(self.per_mm * CARD_MM / self.devicePixelRatioF()), self.height() // 2
        white = QColor(230, 230, 230)
        painter.fillRect(QRect(0, y - 1, length, 3), white)
        painter.fillRect(QRect(0, 2, 2, self.height() - 4), white)
        painter.fillRect(QRect(length - 2, 2, 2, self.height() - 4), white)


class DisplayCheck(QDialog):
    """The pattern with its questions.

    Parameters
    ----------
    parent : QWidget
    per_mm : float, optional
        Device pixels per mm as far as known.
    tour : sequence of (title, ((key, words), ...))
        Steps of the tour, shown side by side below the pattern; none: only the pattern.
    begins : bool
        Whether the first case follows.

    Signals
    -------
    answered(bool) : whether everything can be seen.
    measured(float) : device pixels per mm, when the reader has changed the bar.
    """

    answered = Signal(bool)
    measured = Signal(float)

    def __init__(self, parent: QWidget, per_mm: float | None = None, tour: Sequence[TourStep] = (), begins: bool = False) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Display check"))
        self.setModal(True)
        self.resize(parent.size())
        outer = column(self, margin=24, spacing=12)
        outer.addWidget(label(tr("Before the first case") if tour else tr("Display check"), "title"))
        for sentence in (
            tr("All sixteen grey steps can be told apart, also the two darkest and the two brightest."),
            tr("In the dark and in the bright square there is a smaller one."),
            tr("The lines below are sharp and even, also the finest."),
        ):
            outer.addWidget(label("·  " + sentence, wrap=True))
        outer.addWidget(Pattern(), 1)
        self.bar = Bar(per_mm or FALLBACK)
        self._changed = False
        line = row(spacing=12)
        line.addWidget(label(tr("This bar is as long as a bank card (85.6 mm). Hold one to the screen; if not:")))
        line.addWidget(button(tr("shorter"), on_click=lambda: self._stretch(1 / 1.01), name="shorter"))
        line.addWidget(button(tr("longer"), on_click=lambda: self._stretch(1.01), name="longer"))
        line.addStretch(1)
        if tour:
            outer.addLayout(_columns(tour))
        else:
            outer.addLayout(line)
            outer.addWidget(self.bar)
        if not tour:
            outer.addWidget(label(grey_path().words(), wrap=True))
        foot = row(spacing=12)
        words = tr("I see all of it: to the cases  Enter") if begins else tr("I see all of it  Enter")
        self._main = button(words, "main", on_click=lambda: self._answer(True), name="seen")
        foot.addWidget(self._main)
        foot.addWidget(button(tr("Something cannot be seen"), on_click=lambda: self._answer(False), name="unseen"))
        foot.addStretch(1)
        outer.addLayout(foot)
        self._main.setFocus()

    def _stretch(self, factor: float) -> None:
        self.bar.per_mm *= factor
        self._changed = True
        self.bar.update()

    def _answer(self, seen: bool) -> None:
        if self._changed:
            self.measured.emit(self.bar.per_mm)
        self.answered.emit(seen)
        self.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.reject()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            focused = self.focusWidget()
            (focused if isinstance(focused, QPushButton) else self._main).click()
        else:
            event.accept()


def _columns(tour: Sequence[TourStep]) -> QHBoxLayout:
    """Return the steps of the tour side by side."""
    side_by_side = row(spacing=32)
    for title, lines in tour:
        step = column(spacing=6)
        step.addWidget(section(title))
        for key, text in lines:
            line = row(spacing=12)
            line.addWidget(key_cap(key), 0, Qt.AlignmentFlag.AlignTop)
            line.addWidget(label(text, wrap=True), 1)
            step.addLayout(line)
        step.addStretch(1)
        side_by_side.addLayout(step, 1)
    return side_by_side
