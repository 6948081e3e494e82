"""The findings marked on this case; each line leads to its place in the images."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QWidget

from reader_app.study.finding import Mark
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels.score_field import ScoreField
from reader_app.ui.panels.shape_buttons import ShapeButtons, shape_name
from reader_app.ui.widgets import button, clear, column, label, restyle, row, section, widgets_in


class FindingCard(QFrame):
    """One finding: number, where it was marked, its own suspicion, and a button that takes its last mark back."""

    chosen = Signal(str)
    removed = Signal(str)

    def __init__(self, finding_id: str, marks: Sequence[Mark], removable: bool) -> None:
        super().__init__()
        self.setObjectName("finding")
        self.finding_id = finding_id
        self._mark_id = marks[-1].mark_id
        inside = row(self, spacing=8)
        inside.setContentsMargins(theme.px(10), theme.px(6), theme.px(4), theme.px(6))
        number = label(finding_id, "strong")
        number.setStyleSheet(f"color: {theme.colour('mark').name()};")
        words = column(spacing=0)
        words.addWidget(label(tr("Finding {n}", n=finding_id), "bright"))
        words.addWidget(label(where(marks), "small", wrap=True))
        inside.addWidget(number, 0, Qt.AlignmentFlag.AlignTop)
        inside.addLayout(words, 1)
        scores = [mark.score for mark in marks if mark.score is not None]
        if scores:
            inside.addWidget(label(str(max(scores)), "strong", name="findingScore"), 0, Qt.AlignmentFlag.AlignTop)
        remove = button("×", "quiet", on_click=lambda: self.removed.emit(self._mark_id))
        remove.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        remove.setToolTip(tr("Take this mark back"))
        remove.setEnabled(removable)
        inside.addWidget(remove, 0, Qt.AlignmentFlag.AlignTop)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_chosen(self, chosen: bool) -> None:
        """Show that this finding is the chosen one."""
        restyle(self, chosen="true" if chosen else "false")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self._mark_id)


def where(marks: Sequence[Mark]) -> str:
    """Return the images in which a finding was marked, linked by plus signs."""
    names = [mark.image_id.replace("_", " ") for mark in marks]
    text = " + ".join(dict.fromkeys(names))
    shapes = dict.fromkeys(shape_name(mark.kind) for mark in marks if mark.kind != "point")
    if shapes:
        text = f"{text} · {', '.join(shapes)}"
    return tr("{images} linked", images=text) if len(set(names)) > 1 else text


class MarksPanel(QWidget):
    """List of findings, the shape to mark next, and the suspicion of the chosen finding.

    Signals
    -------
    chosen(str), removed(str) : a mark id.
    scored(int) : the suspicion of the chosen finding.

    Attributes
    ----------
    shapes : ShapeButtons
    score : ScoreField
        Of the chosen finding.
    """

    chosen = Signal(str)
    removed = Signal(str)
    scored = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = column(self, spacing=6)
        self._heading = section(tr("Findings"))
        self.shapes = ShapeButtons()
        head = row(spacing=8)
        head.addWidget(self._heading)
        head.addStretch(1)
        head.addWidget(self.shapes)
        outer.addLayout(head)
        self._empty = label(role="small", wrap=True)
        outer.addWidget(self._empty)
        self._list = column(spacing=6)
        outer.addLayout(self._list)
        self._score_words = label(role="small")
        self.score = ScoreField("finding")
        self.score.set_compact(True)
        self.score.given.connect(self.scored)
        outer.addWidget(self._score_words)
        outer.addWidget(self.score)
        self._marks: tuple[Mark, ...] | None = None
        self._removable = False
        self._chosen = ""
        self._score_key = ""

    def show_marks(self, marks: tuple[Mark, ...], *, removable: bool, key: str, score_key: str = "") -> None:
        """Show the marks of the draft, grouped by finding."""
        self._score_key = score_key
        self.shapes.setEnabled(removable or not marks)
        self._empty.setText(tr("None marked · {key} marks at the pointer", key=key))
        self._empty.setVisible(not marks)
        if marks == self._marks and removable == self._removable:
            return
        self._marks, self._removable = marks, removable
        clear(self._list)
        groups: dict[str, list[Mark]] = {}
        for mark in marks:
            groups.setdefault(mark.finding_id, []).append(mark)
        for finding_id, own in groups.items():
            line = FindingCard(finding_id, own, removable)
            line.chosen.connect(self.chosen)
            line.removed.connect(self.removed)
            self._list.addWidget(line)
        self.choose(self._chosen)

    def choose(self, mark_id: str) -> None:
        """Show which finding is chosen, by one of its marks."""
        self._chosen = mark_id
        finding = next((mark.finding_id for mark in self._marks or () if mark.mark_id == mark_id), "")
        for line in widgets_in(self._list):
            if isinstance(line, FindingCard):
                line.set_chosen(line.finding_id == finding)
        scores = [mark.score for mark in self._marks or () if mark.finding_id == finding and mark.score is not None]
        self.score.setVisible(bool(finding))
        self._score_words.setVisible(bool(finding))
        self._score_words.setText(tr("Suspicion of finding {n} (optional) · {key}", n=finding, key=self._score_key))
        self.score.show_value(max(scores) if scores else None)
        self.score.setEnabled(self._removable)

    def chosen_mark(self) -> str:
        """Return the chosen mark's id, or ""."""
        return self._chosen if any(mark.mark_id == self._chosen for mark in self._marks or ()) else ""
