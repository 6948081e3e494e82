"""The cover over the images in a pause: nothing of the case can be seen, and it says why and how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.widgets import button, clear, column, label, row


class PauseCover(QWidget):
    """An opaque page in the middle of which stand a few words and buttons.

    Signals
    -------
    chosen(str) : the name of the button pressed.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cover")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        outer = column(self, margin=32, spacing=16)
        outer.addStretch(1)
        self._title = label(role="display")
        self._text = label(role="dim", wrap=True)
        self._text.setMaximumWidth(theme.px(560))
        for own in (self._title, self._text):
            own.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        outer.addWidget(self._title)
        middle = row()
        middle.addStretch(1)
        middle.addWidget(self._text, 100)
        middle.addStretch(1)
        outer.addLayout(middle)
        self._buttons = row(spacing=12)
        outer.addSpacing(theme.px(8))
        outer.addLayout(self._buttons)
        outer.addStretch(2)

    def show_words(self, title: str, text: str = "", buttons: Sequence[tuple[str, str]] = ()) -> None:
        """Show a title, a sentence and buttons (name, words); the first is the main one."""
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._text.setText(text)
        self._text.setVisible(bool(text))
        clear(self._buttons)
        self._buttons.addStretch(1)
        for number, (name, words) in enumerate(buttons):
            own = button(words, "main" if number == 0 else "", on_click=partial(self.chosen.emit, name), name=name)
            own.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self._buttons.addWidget(own)
        self._buttons.addStretch(1)

    def words(self) -> tuple[str, str]:
        """Return the title and the sentence."""
        return self._title.text(), self._text.text()


def pause_reason(reason: str) -> str:
    """Return why the images are covered."""
    return {
        "idle": tr("Nothing was done for a while, so the clock was stopped."),
        "hidden": tr("The window was not in front, so the clock was stopped."),
        "display": tr("The images came to stand on another screen, or it was set up anew, so the clock was stopped."),
        "system": tr("The computer slept or its clock was changed, so the clock was stopped."),
    }.get(reason, tr("The clock stands. Your answers so far are kept."))
