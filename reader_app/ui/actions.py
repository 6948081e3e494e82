"""QActions of a reading window, made from the keymap: words, the key to be shown, and the enabled state from the protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from reader_app.ui import keymap
from reader_app.ui.keymap import BY_ID, COMMANDS, Keymap
from reader_app.ui.language import tr


class Actions(QObject):
    """One QAction for each command.

    The key stands in the text (after a tab, where menus show it); it is not a Qt shortcut, because the window dispatches keys.

    Parameters
    ----------
    keys : Keymap
        Which key does what.
    run : callable
        Called with the command id when an action is triggered.
    """

    def __init__(self, keys: Keymap, run: Callable[[str], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        for command in COMMANDS:
            action = QAction(self)
            action.triggered.connect(lambda _checked=False, name=command.id: run(name))
            self._actions[command.id] = action
        self.use(keys)

    def use(self, keys: Keymap) -> None:
        """Show the keys of another keymap (after re-binding)."""
        for name, action in self._actions.items():
            action.setText(f"{tr(BY_ID[name].text)}\t{keys.shown(name)}")

    def update_enabled(self, legal: Iterable[type], viewing: bool, also_needed: dict[str, bool]) -> None:
        """Enable what is possible now; the only place where that is decided.

        Parameters
        ----------
        legal : iterable of type
            ``study.session.legal_commands`` of the present state.
        viewing : bool
            Whether images are on the screen and not covered.
        also_needed : dict of str to bool
            Further conditions by command id, which can only disable (e.g. there is no earlier answer to copy).
        """
        legal = frozenset(legal)
        for name, action in self._actions.items():
            action.setEnabled(keymap.enabled(BY_ID[name], legal, viewing) and also_needed.get(name, True))

    def is_enabled(self, command_id: str) -> bool:
        """Return whether a command is possible now."""
        return self._actions[command_id].isEnabled()

    def __getitem__(self, command_id: str) -> QAction:
        return self._actions[command_id]
