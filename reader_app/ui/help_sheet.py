"""The sheet of all keys, over the window; any key or click puts it away."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from reader_app.ui import theme
from reader_app.ui.keymap import AID, ANSWER, COMMANDS, IMAGES, MARKS, SESSION, Keymap
from reader_app.ui.language import tr
from reader_app.ui.widgets import ElidedLabel, clear, column, key_cap, label, row, section

#: Mouse gestures, for the sheet.
MOUSE: tuple[tuple[str, str], ...] = (
    ("Left drag", "Window and level, or the chosen tool"),
    ("Wheel", "Scroll slices; zoom on single images"),
    ("Middle drag", "Move the image"),
    ("Right click", "Menu"),
    ("Double click", "Mark a finding"),
)


class HelpSheet(QWidget):
    """All keys by group, in four columns, on a dark sheet."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._outer = column(self, margin=24, spacing=12)
        self.hide()

    def open_with(self, keys: Keymap) -> None:
        """Write the sheet with the keys in force and show it."""
        clear(self._outer)
        tight = self.window().width() < theme.px(1500) or self.window().height() < theme.px(900)
        images = _lines(IMAGES, keys)
        half = (len(images) + 1) // 2
        mouse = [(tr(name), tr(text)) for name, text in MOUSE]
        columns = (
            ((ANSWER, _lines(ANSWER, keys)), (MARKS, _lines(MARKS, keys))),
            ((AID, _lines(AID, keys)), (SESSION, _lines(SESSION, keys))),
            ((IMAGES, images[:half]),),
            ((IMAGES, images[half:]), ("Mouse", mouse)),
        )
        side_by_side = row(spacing=24 if tight else 40)
        for groups in columns:
            side = column(spacing=4)
            for title, lines in groups:
                side.addWidget(section(tr(title)))
                side.addLayout(_grid(lines, tight))
                side.addSpacing(theme.px(12))
            side.addStretch(1)
            side_by_side.addLayout(side, 1)
        self._outer.addStretch(1)
        self._outer.addLayout(side_by_side)
        foot = label(tr("Any key puts this away · F8 changes keys"), "small")
        foot.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._outer.addWidget(foot)
        self._outer.addStretch(1)
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.raise_()
        self.show()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(11, 12, 14, 244))


def _lines(group: str, keys: Keymap) -> list[tuple[str, str]]:
    """Return the keys of a group with what they do."""
    return [(keys.shown(own.id), tr(own.text)) for own in COMMANDS if own.group == group and keys.key(own.id)]


def _grid(lines: list[tuple[str, str]], tight: bool) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(theme.px(8 if tight else 12))
    grid.setVerticalSpacing(theme.px(3 if tight else 6))
    grid.setColumnMinimumWidth(0, theme.px(76))
    for number, (key, text) in enumerate(lines):
        grid.addWidget(key_cap(key), number, 0, Qt.AlignmentFlag.AlignRight)
        grid.addWidget(ElidedLabel(text, "small" if tight else ""), number, 1)
    grid.setColumnStretch(1, 1)
    return grid
