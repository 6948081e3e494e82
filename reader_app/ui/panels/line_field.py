"""A question that is answered by a number or a few words."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit

from reader_app.study.questions import Question, wrong_answer
from reader_app.ui.language import tr
from reader_app.ui.widgets import restyle

#: What a number is typed with; the empty text is that of arrows, Home, Delete ...
NUMBER_KEYS = ("", *"0123456789.,-+")


class LineField(QLineEdit):
    """One line; Enter gives the answer and goes on, Esc forgets what was typed and leaves the line.

    Where a number is asked, every other key does what it does elsewhere.

    Signals
    -------
    answered(object) : the tuple of the text, or of nothing.
    finished : Enter on an answer that is on record, or on none where none is needed.
    left : Esc.
    activated : the field got the keyboard.
    """

    answered = Signal(object)
    finished = Signal()
    left = Signal()
    activated = Signal()

    def __init__(self, question: Question, unit: str) -> None:
        super().__init__()
        self.question, self.unit = question, unit
        self.answered_now = False
        self._values: tuple[str, ...] = ()
        self.setAccessibleName(question.text)
        self.setPlaceholderText(_hint(question))
        self.textEdited.connect(lambda _: self._show_sense())

    def values(self) -> tuple[str, ...]:
        """Return the answer on record."""
        return self._values

    def show_values(self, values: tuple[str, ...]) -> None:
        """Show the answer on record; what is being typed stays."""
        self._values = values
        if not self.hasFocus():
            self.setText(values[0] if values else "")
            self._show_sense()

    def set_active(self, active: bool) -> None:
        """The focus frame shows it."""

    def take(self, key: str) -> bool:
        """Keys come by the focus."""
        return False

    def leave(self) -> None:
        """Give what has been typed, if it makes sense."""
        typed = self._typed()
        if self.isEnabled() and typed != self._values and not wrong_answer(self.question, typed):
            self.answered.emit(typed)

    def _typed(self) -> tuple[str, ...]:
        text = self.text().strip()
        if self.question.kind == "number":
            text = text.replace(",", ".")
        return (text,) if text else ()

    def _show_sense(self) -> None:
        restyle(self, wrong="true" if wrong_answer(self.question, self._typed()) else "false")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self._enter()
        elif event.key() == Qt.Key.Key_Escape:
            self.setText(self._values[0] if self._values else "")
            self.left.emit()
        elif self.question.kind == "number" and event.text().isprintable() and event.text() not in NUMBER_KEYS:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _enter(self) -> None:
        typed = self._typed()
        if wrong_answer(self.question, typed) or (self.question.required and not typed):
            return
        if typed == self._values:
            self.finished.emit()
        else:
            self.answered_now = True
            self.answered.emit(typed)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.activated.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.leave()
        super().focusOutEvent(event)


def _hint(question: Question) -> str:
    """Return what stands in the empty line."""
    if question.kind == "text":
        return tr("a few words, then Enter")
    if question.low is not None and question.high is not None:
        return tr("number from {low} to {high}, then Enter", low=f"{question.low:g}", high=f"{question.high:g}")
    return tr("number, then Enter")
