"""Category and suspicion of one unit (the case, a breast, a lesion): its fields, and what stands below them."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import QVBoxLayout

from reader_app.study.definition import AssessmentSpec
from reader_app.study.session import Answer, Draft
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels import wording
from reader_app.ui.panels.category_field import CategoryField
from reader_app.ui.panels.fields import AnswerField
from reader_app.ui.panels.score_field import ScoreField
from reader_app.ui.widgets import column, label, row, section


class UnitFields:
    """The fields of one unit.

    Parameters
    ----------
    unit : str
    rules : AssessmentSpec

    Attributes
    ----------
    category : CategoryField
    score : ScoreField or None
        None where no score is asked.
    layout : QVBoxLayout
        Heading, fields and hint, to be put into the panel.
    """

    def __init__(self, unit: str, rules: AssessmentSpec) -> None:
        self.unit = unit
        self.category = CategoryField(unit, rules.categories)
        self.score: ScoreField | None = None
        self.hint = label(role="small", wrap=True)
        self.hint.setMinimumHeight(theme.px(18))
        self.layout: QVBoxLayout = column(spacing=8)
        self.layout.addWidget(section(wording.unit_heading(unit)))
        self.layout.addWidget(self.category)
        self.layout.addWidget(self.hint)
        self.layout.addSpacing(theme.px(4))
        if rules.score_kind != "none":
            self.score = ScoreField(unit)
            head = row(spacing=8)
            head.addWidget(section(tr("Suspicion of malignancy")))
            head.addStretch(1)
            if not rules.score_required:
                head.addWidget(label(tr("optional"), "small"))
            self.layout.addLayout(head)
            self.layout.addWidget(self.score)

    def fields(self) -> list[AnswerField]:
        """Return the fields in the order of the keyboard."""
        return [self.category] if self.score is None else [self.category, self.score]

    def begin(self) -> None:
        """Forget what was half typed for another case."""
        self.category.leave()
        if self.score is not None:
            self.score.reset()

    def set_compact(self, compact: bool) -> None:
        """Take less height."""
        if self.score is not None:
            self.score.set_compact(compact)

    def lock(self) -> None:
        """Take no answer any more."""
        for field in self.fields():
            field.setEnabled(False)

    def show_draft(self, draft: Draft, earlier: Answer | None, *, categories: bool, scores: bool) -> None:
        """Show what is on record; ``categories`` and ``scores`` say whether they can be given now."""
        category = draft.categories.get(self.unit, "")
        self.category.show_value(category, earlier.categories.get(self.unit, "") if earlier else "")
        self.category.setEnabled(categories)
        self.hint.setText(hint(self.unit, category, earlier))
        if self.score is not None:
            self.score.show_value(draft.scores.get(self.unit))
            self.score.setEnabled(scores)


def hint(unit: str, category: str, earlier: Answer | None) -> str:
    """Return the line below a category: what it means, and the earlier answer where it may be seen."""
    words = wording.likelihood(category)
    if earlier is None or unit not in earlier.categories:
        return words
    before = earlier.categories[unit]
    if unit in earlier.scores:
        before = f"{before} · {earlier.scores[unit]}"
    said = tr("Earlier: {answer} (sealed, R copies)", answer=before)
    return f"{said}   {words}" if words else said


def summary(units: Mapping[str, UnitFields], draft: Draft) -> str:
    """Return the answer of all units in a few characters, for the button that locks it."""
    parts = []
    for unit in units:
        category, score = draft.categories.get(unit, "–"), draft.scores.get(unit)
        head = f"{unit} " if len(units) > 1 else "BI-RADS "
        parts.append(f"{head}{category}" + (f" · {score}" if score is not None else ""))
    return ", ".join(parts)
