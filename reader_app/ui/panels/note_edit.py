"""The free text of a read."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit

from reader_app.ui import theme
from reader_app.ui.language import tr


class NoteEdit(QPlainTextEdit):
    """Free text; Esc and Tab leave it."""

    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("note")
        self.setTabChangesFocus(True)
        self.setPlaceholderText(tr("Note (optional)"))
        self.set_low(False)

    def set_low(self, low: bool) -> None:
        """Take one line instead of two."""
        self.setFixedHeight(theme.px(38 if low else 58))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)
