"""Tabs over the coronal pane that choose the scan position: R AP, R LAT, L AP ..."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from reader_app.ui import theme

_STYLE = """
QPushButton {{ background: {raised}; color: {normal}; border: 1px solid {line}; border-radius: 6px; padding: 4px 12px; }}
QPushButton:hover {{ background: {field_hover}; }}
QPushButton:checked {{ background: {chosen_back}; color: {strong}; border-color: {chosen}; }}
"""


class ScanTabs(QWidget):
    """One button a scan.

    Signals
    -------
    chosen : str
        Image id of the scan asked for.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._buttons: dict[str, QPushButton] = {}
        self.setStyleSheet(_STYLE.format(**theme.ROOMS["reading"]))

    def set_scans(self, scans: Sequence[tuple[str, str]]) -> None:
        """Offer these scans: (image id, text)."""
        if [(i, b.text()) for i, b in self._buttons.items()] == list(scans):
            return
        for button in self._buttons.values():
            self._row.removeWidget(button)
            button.deleteLater()
        self._buttons = {}
        for image_id, text in scans:
            button = QPushButton(text, self)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, i=image_id: self.chosen.emit(i))
            self._row.addWidget(button)
            self._buttons[image_id] = button
        self.adjustSize()

    def select(self, image_id: str) -> None:
        """Show which scan is on the screen."""
        for key, button in self._buttons.items():
            button.setChecked(key == image_id)
