"""What a reader is told after a training case."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QFrame, QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.widgets import clear, column, label, row, section


class FeedbackCard(QFrame):
    """Known outcome, the reader's answer, and a text; at the top of the panel, only after a training case."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("aidCard")
        self._inside = column(self, spacing=6)
        self._inside.setContentsMargins(theme.px(12), theme.px(10), theme.px(12), theme.px(12))
        self.hide()

    def show_facts(self, facts: Sequence[tuple[str, str]], text: str) -> None:
        """Show names with values, and a text below them."""
        clear(self._inside)
        self._inside.addWidget(section(tr("Training: what is known of this case")))
        for name, value in facts:
            line = row(spacing=12)
            name_label = label(name, "dim")
            name_label.setMinimumWidth(theme.px(92))
            line.addWidget(name_label)
            line.addWidget(label(value, "strong", wrap=True), 1)
            self._inside.addLayout(line)
        if text:
            self._inside.addWidget(label(text, wrap=True))
        self.show()
