"""What all painted answer fields have in common.

They show what is on record and emit what the reader asks for; they keep nothing but what is being typed or dragged.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from reader_app.ui import theme


class AnswerField(QWidget):
    """A question with its keyboard focus; keys are left to the window, which asks the panel.

    Signals
    -------
    activated : the field got the focus.
    """

    activated = Signal()

    def __init__(self, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.unit = unit
        self.answered_now = False  # asked for in this moment; the panel moves on when it is durable
        self._active = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def set_active(self, active: bool) -> None:
        """Show that the next digits go here."""
        if active != self._active:
            self._active = active
            self.update()

    def is_active(self) -> bool:
        """Return whether digits go here."""
        return self._active

    def take(self, key: str) -> bool:
        """Take a key; return whether it meant something here."""
        return False

    def leave(self) -> None:
        """Finish what is half typed when the focus goes elsewhere."""

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.activated.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()


def paint_focus(painter: QPainter, field: AnswerField) -> None:
    """Paint the blue bar in the margin that shows where digits go."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.fillRect(QRectF(0, field.height() - theme.px(2), field.width(), theme.px(2)), theme.colour("chosen"))
