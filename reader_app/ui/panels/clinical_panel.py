"""Clinical variables of the case, as the case list gives them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels import wording
from reader_app.ui.widgets import column, section


class ClinicalPanel(QWidget):
    """Names and values, running on like a sentence so that they take little room; hidden when the case has none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = column(self, spacing=4)
        outer.addWidget(section(tr("Clinical data")))
        self._words = QLabel()
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self._words.setWordWrap(True)
        self._words.setMinimumWidth(1)
        outer.addWidget(self._words)
        self.hide()

    def show_case(self, clinical: Mapping[str, str]) -> None:
        """Show the variables that have a value; the values come from a table and are escaped."""
        dim, strong = theme.colour("dim").name(), theme.colour("strong").name()
        shown = [
            f'<span style="color:{dim}">{escape(wording.clinical_name(name)).replace(" ", "&nbsp;")}</span>&nbsp;&nbsp;'
            f'<span style="color:{strong}">{escape(text.strip())}</span>'
            for name, text in clinical.items()
            if text.strip() and name not in wording.NOT_FOR_READERS
        ]
        # the gap ends with the one space at which a line may break: no line begins with a gap
        self._words.setText("&nbsp;&nbsp;&nbsp;&nbsp; ".join(shown))
        self.setVisible(bool(shown))
