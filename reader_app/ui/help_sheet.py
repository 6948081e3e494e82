"""The sheet of all keys, over the window; any key or click puts it away."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from reader_app.ui import theme
from reader_app.ui.keymap import COMMANDS, GROUPS, Keymap
from reader_app.ui.language import tr
from reader_app.ui.widgets import clear, column, key_cap, label, row, section

#: Mouse gestures, for the sheet.
MOUSE: tuple[tuple[str, str], ...] = (
    ("Left drag", "Window and level, or the chosen tool"),
    ("Wheel", "Scroll slices; zoom on single images"),
    ("Middle drag", "Move the image"),
    ("Right click", "Menu"),
    ("Double click", "Mark a finding"),
)


class HelpSheet(QWidget):
    """All keys by group, in columns, on a dark sheet."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._outer = column(self, margin=32, spacing=16)
        self._tight = False
        self.hide()

    def open_with(self, keys: Keymap) -> None:
        """Write the sheet with the keys in force and show it."""
        clear(self._outer)
        window = self.window()
        self._tight = window.width() < theme.px(1200) or window.height() < theme.px(760)
        self._outer.addStretch(1)
        middle = row(spacing=48)
        middle.addStretch(1)
        for groups in (GROUPS[:3], GROUPS[3:4], GROUPS[4:]):
            middle.addLayout(self._column(groups, keys))
        middle.addStretch(1)
        self._outer.addLayout(middle)
        foot = label(tr("Any key puts this away · F8 changes keys"), "small")
        foot.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._outer.addWidget(foot)
        self._outer.addStretch(1)
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.show()

    def _column(self, groups: tuple[str, ...], keys: Keymap) -> QVBoxLayout:
        side = column(spacing=8)
        for group in groups:
            lines = [(keys.shown(c.id), tr(c.text)) for c in COMMANDS if c.group == group and keys.key(c.id)]
            self._group(side, tr(group), lines)
        if groups == GROUPS[4:]:
            self._group(side, tr("Mouse"), [(tr(name), tr(text)) for name, text in MOUSE])
        side.addStretch(1)
        return side

    def _group(self, side: QVBoxLayout, title: str, lines: list[tuple[str, str]]) -> None:
        side.addWidget(section(title))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(12))
        grid.setVerticalSpacing(theme.px(5))
        for number, (key, text) in enumerate(lines):
            grid.addWidget(key_cap(key), number, 0, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(label(text, "small" if self._tight else "", wrap=self._tight), number, 1)
        grid.setColumnStretch(1, 1)
        side.addLayout(grid)
        side.addSpacing(theme.px(8))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(11, 12, 14, 244))
