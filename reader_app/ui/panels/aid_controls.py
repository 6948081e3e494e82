"""What a reader may do with an aid where the study lets them: change the look of its map, agree with findings or dismiss them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QSlider, QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.widgets import button, clear, column, label, restyle, row, widgets_in

ACCEPTED, REJECTED = "accepted", "rejected"


class LookControls(QWidget):
    """Threshold and opacity of the map, in hundredths.

    Signals
    -------
    changed(float threshold, float opacity) : a slider was moved.
    """

    changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = column(self, spacing=2)
        self.threshold, self._threshold_words = self._line(outer, tr("Drawn from"))
        self.opacity, self._opacity_words = self._line(outer, tr("Opacity"))
        self.hide()

    def _line(self, outer, words: str):  # type: ignore[no-untyped-def]
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        slider.setAccessibleName(words)
        slider.valueChanged.connect(lambda _: self._moved())
        value = label(role="bright")
        value.setMinimumWidth(theme.px(44))
        value.setAlignment(Qt.AlignmentFlag.AlignRight)
        name = label(words, "small")
        name.setMinimumWidth(theme.px(84))
        line = row(spacing=8)
        line.addWidget(name)
        line.addWidget(slider, 1)
        line.addWidget(value)
        outer.addLayout(line)
        return slider, value

    def show_look(self, threshold: float, opacity: float) -> None:
        """Show what is in force; a slider that is being dragged stays under the hand."""
        for slider, value in ((self.threshold, threshold), (self.opacity, opacity)):
            if not slider.isSliderDown():
                slider.blockSignals(True)
                slider.setValue(round(100 * value))
                slider.blockSignals(False)
        self._threshold_words.setText(f"{threshold:.2f}")
        self._opacity_words.setText(f"{100 * opacity:.0f} %")

    def _moved(self) -> None:
        self.changed.emit(self.threshold.value() / 100, self.opacity.value() / 100)


@dataclass(frozen=True, slots=True)
class AidFinding:
    """One finding of the aid in words.

    Attributes
    ----------
    name : str
        As the log names it.
    words : str
        Where it is and what it is called, with its score.
    """

    name: str
    words: str


class FindingLine(QFrame):
    """One finding of the aid with the reader's word on it.

    Signals
    -------
    chosen(str) : the line was clicked; judged(str, str) : a button was pressed, with the verdict it stands for.
    """

    chosen = Signal(str)
    judged = Signal(str, str)

    def __init__(self, finding: AidFinding) -> None:
        super().__init__()
        self.setObjectName("finding")
        self.name = finding.name
        inside = row(self, spacing=6)
        inside.setContentsMargins(theme.px(8), theme.px(3), theme.px(3), theme.px(3))
        inside.addWidget(label(finding.words, "bright", wrap=True), 1)
        self.buttons = {}
        for verdict, words in ((ACCEPTED, tr("Agree")), (REJECTED, tr("Dismiss"))):
            own = button(
                words, "verdict", on_click=partial(self.judged.emit, finding.name, verdict), name=f"{verdict}-{finding.name}"
            )
            own.setCheckable(True)
            own.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            inside.addWidget(own)
            self.buttons[verdict] = own
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_verdict(self, verdict: str, possible: bool) -> None:
        """Show the word on record."""
        for name, own in self.buttons.items():
            own.setChecked(name == verdict)
            own.setEnabled(possible)

    def set_chosen(self, chosen: bool) -> None:
        """Show that this is the finding in view."""
        restyle(self, chosen="true" if chosen else "false")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self.name)


class FindingLines(QWidget):
    """All findings of the aid, in the order in which the images lead through them.

    Signals
    -------
    chosen(str) : lead to this finding.
    judged(str, str) : finding and verdict; the verdict that stands already takes itself back.
    """

    chosen = Signal(str)
    judged = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = column(self, spacing=4)
        self._findings: tuple[AidFinding, ...] = ()
        self.hide()

    def show_findings(self, findings: Sequence[AidFinding], keys: str) -> None:
        """Lay out the findings; ``keys`` is the sentence about the keys."""
        self.setVisible(bool(findings))
        if tuple(findings) == self._findings:
            return
        self._findings = tuple(findings)
        clear(self._list)
        for finding in findings:
            line = FindingLine(finding)
            line.chosen.connect(self.chosen)
            line.judged.connect(self.judged)
            self._list.addWidget(line)
        if findings:
            self._list.addWidget(label(keys, "small", wrap=True))

    def show_verdicts(self, verdicts: Mapping[str, str], possible: bool) -> None:
        """Show the reader's words on record."""
        for line in self.lines():
            line.show_verdict(verdicts.get(line.name, ""), possible)

    def choose(self, name: str) -> None:
        """Show which finding is in view."""
        for line in self.lines():
            line.set_chosen(line.name == name)

    def lines(self) -> list[FindingLine]:
        """Return the lines, for tests and loops."""
        return [own for own in widgets_in(self._list) if isinstance(own, FindingLine)]
