"""The 40 px bar above the images: study, round and condition, reader, case n of N, time left, pause."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.widgets import ElidedLabel, button, label, row


class RoundBanner(QWidget):
    """Where the reader stands, at all times.

    Signals
    -------
    pause_requested : the reader pressed Pause.
    """

    pause_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("topBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.px(40))
        line = row(self, spacing=16)
        line.setContentsMargins(theme.px(16), 0, theme.px(12), 0)
        self.study = ElidedLabel(role="strong")
        self.chip = label(role="chip", name="roundChip")
        self.chip.setFixedHeight(theme.px(24))
        self.reader = label(role="dim")
        self.case = label(role="bright", name="caseCount")
        self.left = label(role="dim", name="timeLeft")
        self.rest = label(role="attention", name="breakDue")
        self.rest.hide()
        self.pause = button(tr("Pause"), "quiet", on_click=self.pause_requested.emit, name="pauseButton")
        self.pause.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        line.addWidget(self.study, 0)
        self.study.setSizePolicy(self.study.sizePolicy().Policy.Preferred, self.study.sizePolicy().verticalPolicy())
        line.addWidget(self.chip)
        line.addWidget(self.reader)
        line.addStretch(1)
        line.addWidget(self.case)
        line.addWidget(self.left)
        line.addWidget(self.rest)
        line.addWidget(self.pause)
        self.show_place("", "", "")
        self.show_progress(None, 0, "")
        self.show_pause(False, "P")

    def show_place(self, study: str, round_text: str, reader: str) -> None:
        """Show the study, the round with its condition, and the reader's pseudonym."""
        self.study.setText(study)
        self.chip.setText(round_text)
        self.chip.setVisible(bool(round_text))
        self.reader.setText(tr("Reader {name}", name=reader) if reader else "")

    def show_progress(self, number: int | None, total: int, time_left: str) -> None:
        """Show the running number of the case (1-based) and an estimate of the time left; None: no case is due."""
        self.case.setText(tr("Case {n} of {total}", n=number, total=total) if number else "")
        self.left.setText(time_left if number else "")

    def show_break(self, due: bool) -> None:
        """Say, or no longer say, that a break is due."""
        self.rest.setText(tr("a break is due") if due else "")
        self.rest.setVisible(due)

    def show_pause(self, possible: bool, key: str) -> None:
        """Offer the pause, with its key."""
        self.pause.setText(f"{tr('Pause')}  {key}")
        self.pause.setEnabled(possible)
        self.pause.setVisible(possible)
