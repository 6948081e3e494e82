"""What the aid says: call, score, threshold, model, and what it is. Never colour alone: word and number beside it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QFrame, QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels import wording
from reader_app.ui.panels.aid_controls import FindingLines, LookControls
from reader_app.ui.widgets import column, label, restyle, row


@dataclass(frozen=True, slots=True)
class AidView:
    """What is to be said of an aid; made by the flow from a Prediction only in rounds that have one.

    Attributes
    ----------
    status : str
        "ok", "no_finding", "not_applicable", "failed", "withheld"; or "hidden" (switched off), "sealed" (comes after the answer).
    call, positive, probability, threshold : str, bool, float, float
        The model's call and its numbers.
    model : str
        Title of the model.
    explanation : str
        One plain sentence of what the model is and what it was trained on.
    reason : str
        Why there is nothing to show, where there is not.
    """

    status: str
    call: str = ""
    positive: bool = False
    probability: float = 0.0
    threshold: float = 0.0
    model: str = ""
    explanation: str = ""
    reason: str = ""


class AidPanel(QFrame):
    """The card at the top of the panel; absent in an unaided round."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("aidCard")
        inside = column(self, spacing=2)
        inside.setContentsMargins(theme.px(12), theme.px(8), theme.px(12), theme.px(10))
        self._call = label(name="aidCall", wrap=True)
        self._score = label(name="aidScore")
        self._numbers = label(role="dim", name="aidNumbers", wrap=True)
        line = row(spacing=8)
        line.addWidget(self._score)
        line.addWidget(self._numbers, 1)
        self._explanation = label(role="small", wrap=True, name="aidExplanation")
        inside.addWidget(self._call)
        inside.addLayout(line)
        inside.addWidget(self._explanation)
        self.look = LookControls()
        self.findings = FindingLines()
        inside.addWidget(self.look)
        inside.addWidget(self.findings)
        self._view: AidView | None = None
        self.hide()

    def view(self) -> AidView | None:
        """Return what is shown now; None in an unaided round."""
        return self._view

    def show_aid(self, view: AidView | None, toggle_key: str = "G", reveal_key: str = "L") -> None:
        """Show the aid's words, or nothing at all (None)."""
        self._view = view
        self.setVisible(view is not None)
        if view is None:
            for own in (self._call, self._score, self._numbers, self._explanation):
                own.clear()
            self.look.hide()
            self.findings.show_findings((), "")
            return
        numbers = view.status in ("ok", "no_finding")
        self._call.setText(self._title(view, toggle_key, reveal_key))
        self._score.setText(f"{view.probability:.2f}" if numbers else "")
        self._numbers.setText(f"{tr('threshold')} {view.threshold:.2f} · {view.model}" if numbers else "")
        self._score.setVisible(numbers)
        self._numbers.setVisible(numbers)
        self._explanation.setText(view.explanation if numbers else view.reason)
        self._explanation.setVisible(bool(self._explanation.text()))
        state = "none"
        if view.status in ("not_applicable", "failed", "withheld"):
            state = "attention"
        elif numbers:
            state = "positive" if view.positive else "negative"
        restyle(self, call=state)

    @staticmethod
    def _title(view: AidView, toggle_key: str, reveal_key: str) -> str:
        if view.status == "ok":
            return tr("Aid: {call}", call=wording.call(view.call))
        if view.status == "no_finding":
            return tr("Aid: no finding")
        if view.status == "hidden":
            return tr("Aid is off · {key} shows it", key=toggle_key)
        if view.status == "sealed":
            return tr("The aid follows your own answer · {key} twice seals it", key=reveal_key)
        return tr("Aid not available for this case")
