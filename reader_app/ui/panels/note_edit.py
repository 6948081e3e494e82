"""The free text of a read."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit

from reader_app.ui import theme
from reader_app.ui.language import tr

#: A note is taken over when typing has rested for this long, and whenever the field is left.
REST_MS = 1200


class NoteEdit(QPlainTextEdit):
    """Free text; Esc and Tab leave it.

    Signals
    -------
    written(str) : the note is to be put on record.
    entered, left : the keyboard came, or is to go back to the answers.
    """

    written = Signal(str)
    entered = Signal()
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("note")
        self.setTabChangesFocus(True)
        self.setPlaceholderText(tr("Note (optional)"))
        self.set_low(False)
        self._on_record = ""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.flush)
        self.textChanged.connect(self._rest.start)

    def set_low(self, low: bool) -> None:
        """Take one line instead of two."""
        self.setFixedHeight(theme.px(38 if low else 58))

    def begin(self) -> None:
        """Begin another case with an empty note."""
        self._on_record = ""
        self._replace("")

    def show_note(self, text: str) -> None:
        """Show the note on record; what is being typed stays."""
        self._on_record = text
        if not self.hasFocus() and not self._rest.isActive():
            self._replace(text)

    def flush(self) -> None:
        """Ask for the note as it stands, if it differs from the one on record."""
        self._rest.stop()
        text = self.toPlainText()
        if self.isEnabled() and text != self._on_record:
            self.written.emit(text)

    def _replace(self, text: str) -> None:
        if self.toPlainText() != text:
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.entered.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.flush()
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)
