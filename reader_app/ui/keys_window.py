"""Change keys: every command with its key; conflicts are shown at once and cannot be kept."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QPushButton, QScrollArea, QWidget

from reader_app.ui import theme
from reader_app.ui.keymap import BY_ID, COMMANDS, GROUPS, Keymap, conflicts, key_of, shown
from reader_app.ui.language import tr
from reader_app.ui.reader_window import ReaderWindow
from reader_app.ui.widgets import button, column, label, row, section


class KeyButton(QPushButton):
    """Shows a key; after a click the next key pressed takes its place (Esc leaves it).

    Signals
    -------
    rebound(str, str) : command id and key.
    """

    rebound = Signal(str, str)

    def __init__(self, command_id: str, key: str) -> None:
        super().__init__()
        self.command_id = command_id
        self._key, self._waiting = key, False
        self.setAutoDefault(False)
        self.setMinimumWidth(theme.px(120))
        self.setEnabled(not BY_ID[command_id].fixed)
        self.clicked.connect(self._wait)
        self.show_key(key)

    def show_key(self, key: str) -> None:
        """Show a key."""
        self._key, self._waiting = key, False
        self.setText(shown(key) if key else "–")

    def _wait(self) -> None:
        self._waiting = True
        self.setText(tr("press a key"))
        self.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        modifiers = (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr)
        if not self._waiting:
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape:
            self.show_key(self._key)
        elif event.key() not in modifiers:
            key = key_of(event)
            self.show_key(key)
            self.rebound.emit(self.command_id, key)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return False if self._waiting else super().focusNextPrevChild(forward)


class KeysWindow(QDialog):
    """The table of keys.

    Parameters
    ----------
    window : ReaderWindow
        Its keymap is changed when the table is kept.
    """

    def __init__(self, window: ReaderWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Keys"))
        self.setModal(True)
        self.resize(theme.px(680), min(theme.px(760), window.height()))
        self._window = window
        self._keys = {command.id: window.keys.key(command.id) for command in COMMANDS}
        self._buttons: dict[str, KeyButton] = {}
        self._faults = {command.id: label(role="attention") for command in COMMANDS}
        outer = column(self, margin=24, spacing=12)
        outer.addWidget(label(tr("Keys"), "title"))
        outer.addWidget(
            label(tr("Click a key, then press the new one. Answers and their confirmation keep theirs."), "dim", wrap=True)
        )
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(self._table())
        outer.addWidget(scroll, 1)
        self.message = label(role="attention", wrap=True)
        outer.addWidget(self.message)
        foot = row(spacing=12)
        foot.addWidget(button(tr("As delivered"), on_click=self.as_delivered, name="defaults"))
        foot.addStretch(1)
        foot.addWidget(button(tr("Cancel"), on_click=self.reject, name="cancel"))
        self.keep_button = button(tr("Keep"), "main", on_click=self.keep, name="keep")
        foot.addWidget(self.keep_button)
        outer.addLayout(foot)
        self._check()

    def _table(self) -> QWidget:
        body = QWidget()
        grid = QGridLayout(body)
        grid.setHorizontalSpacing(theme.px(16))
        grid.setVerticalSpacing(theme.px(4))
        grid.setColumnStretch(0, 1)
        line = 0
        for group in GROUPS:
            grid.addWidget(section(tr(group)), line, 0, 1, 2)
            grid.setRowMinimumHeight(line, theme.px(28))
            line += 1
            for command in (own for own in COMMANDS if own.group == group):
                words = column(spacing=0)
                words.addWidget(label(tr(command.text)))
                words.addWidget(self._faults[command.id])
                grid.addLayout(words, line, 0)
                own = KeyButton(command.id, self._keys[command.id])
                own.rebound.connect(self._rebound)
                self._buttons[command.id] = own
                grid.addWidget(own, line, 1)
                line += 1
        grid.setRowStretch(line, 1)
        return body

    def _rebound(self, command_id: str, key: str) -> None:
        self._keys[command_id] = key
        self._check()

    def _check(self) -> None:
        faults = conflicts(self._keys)
        for command_id, words in self._faults.items():
            words.setText(faults.get(command_id, ""))
            words.setVisible(command_id in faults)
        self.message.setText(next(iter(faults.values())) if faults else "")
        self.keep_button.setEnabled(not faults)

    def button_of(self, command_id: str) -> KeyButton:
        """Return the button of a command."""
        return self._buttons[command_id]

    def as_delivered(self) -> None:
        """Return to the keys that came with the program."""
        self._keys = {command.id: command.key for command in COMMANDS}
        for command_id, own in self._buttons.items():
            own.show_key(self._keys[command_id])
        self._check()

    def keep(self) -> None:
        """Use these keys from now on."""
        if not conflicts(self._keys):
            self._window.use_keys(Keymap(self._keys))
            self.accept()
