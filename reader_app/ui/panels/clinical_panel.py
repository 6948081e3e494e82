"""Clinical variables of the case, as the case list gives them."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels import wording
from reader_app.ui.widgets import column, label, section


class ClinicalPanel(QWidget):
    """Name and value in two columns; hidden when the case has none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        outer = column(self, spacing=6)
        outer.addWidget(section(tr("Clinical data")))
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.px(16))
        self._grid.setVerticalSpacing(theme.px(3))
        self._grid.setColumnStretch(1, 1)
        outer.addLayout(self._grid)
        self.hide()

    def show_case(self, clinical: Mapping[str, str]) -> None:
        """Show the variables that have a value."""
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        shown = [(name, text) for name, text in clinical.items() if text.strip()]
        for line, (name, text) in enumerate(shown):
            self._grid.addWidget(label(wording.clinical_name(name), "dim"), line, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(label(text, "bright", wrap=True), line, 1)
        self.setVisible(bool(shown))
