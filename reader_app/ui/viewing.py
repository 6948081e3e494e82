"""What a window with images offers whoever looks at them: the view commands by key and by menu, in a session and outside one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from reader_app.ui import preferences, theme
from reader_app.ui.actions import Actions
from reader_app.ui.keymap import AID, COMMANDS, IMAGES, Keymap, key_of
from reader_app.ui.language import tr
from reader_app.ui.screens import grey_path, pixels_per_mm
from reader_app.ui.viewer import greypath
from reader_app.ui.viewer.case_viewer import CaseViewer
from reader_app.ui.widgets import button, label, row

#: View commands by id: what they call on the viewer.
VIEW_COMMANDS: dict[str, Callable[[CaseViewer], object]] = {
    "view.next_finding": lambda v: v.next_finding(),
    "view.previous_finding": lambda v: v.previous_finding(),
    "view.next_step": lambda v: v.next_step(),
    "view.previous_step": lambda v: v.previous_step(),
    "view.invert": lambda v: v.invert(),
    "view.fit": lambda v: v.fit(),
    "view.actual": lambda v: v.one_to_one(),
    "view.true_size": lambda v: v.true_size(),
    "view.zoom_in": lambda v: v.zoom_in(),
    "view.zoom_out": lambda v: v.zoom_out(),
    "view.preset_1": lambda v: v.preset(0),
    "view.preset_2": lambda v: v.preset(1),
    "view.preset_3": lambda v: v.preset(2),
    "view.reset": lambda v: v.reset(),
    "view.scroll_on": lambda v: v.scroll_by(1),
    "view.scroll_back": lambda v: v.scroll_by(-1),
    "view.page_on": lambda v: v.scroll_by(10),
    "view.page_back": lambda v: v.scroll_by(-10),
    "view.next_scan": lambda v: v.next_scan(),
    "view.previous_scan": lambda v: v.previous_scan(),
    "view.slab": lambda v: v.next_slab(),
    "view.slab_kind": lambda v: v.next_slab_mode(),
    "view.cine": lambda v: v.cine(),
    "view.cine_faster": lambda v: v.cine_faster(),
    "view.cine_slower": lambda v: v.cine_slower(),
    "mark.place": lambda v: v.mark_at_cursor(),
    "mark.hide": lambda v: v.toggle_marks(),
}
LEFT_TOOLS: tuple[str, ...] = ("window", "scroll", "pan", "zoom", "caliper", "magnifier")


def next_tool(tool: str) -> str:
    """Return the tool of the left button after this one."""
    return LEFT_TOOLS[(LEFT_TOOLS.index(tool) + 1) % len(LEFT_TOOLS)] if tool in LEFT_TOOLS else LEFT_TOOLS[0]


def offer(menu: QMenu, actions: Actions, groups: Sequence[str]) -> None:
    """Add a submenu for each group of commands, with those that are possible now and their keys."""
    for group in groups:
        possible = [c.id for c in COMMANDS if c.group == group and not c.fixed and actions.is_enabled(c.id)]
        if possible:
            own = menu.addMenu(tr(group))
            for command_id in possible:
                own.addAction(actions[command_id])


class ViewingDialog(QDialog):
    """A window that shows images outside any session, with the keys and the menu of the reading window; nothing is logged.

    Attributes
    ----------
    viewer : CaseViewer
        To be placed and fed by the subclass.
    said : QLabel
        One line for what a key had to say, the hanging step, or the place under the pointer.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setStyleSheet(theme.stylesheet("desk"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._preferences = preferences.load()
        self._keys = Keymap(self._preferences.keys)
        self._actions = Actions(self._keys, self.run, self)
        self._actions.update_enabled((), True, {c.id: c.id in VIEW_COMMANDS or c.id == "view.tool" for c in COMMANDS})
        greypath.use(grey_path())
        self.viewer = CaseViewer(self)
        self.viewer.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._tool = self._preferences.left_drag
        self.viewer.set_left_tool(self._tool)
        self._turns: dict[str, QPushButton] = {}
        self.viewer.tool_changed.connect(self._note_tool)
        self.said = label("", "dim")
        self.viewer.position_changed.connect(self.said.setText)
        self.viewer.menu_about_to_show.connect(lambda menu: offer(menu, self._actions, (IMAGES, AID)))

    def turning(self, move: Callable[[int], object], several: bool) -> QHBoxLayout:
        """Return a line with the buttons to the case before and after; they leave the keyboard to the images."""
        line = row(margin=8)
        for words, key, step in (("Previous", "Ctrl+Left", -1), ("Next", "Ctrl+Right", 1)):
            own: QPushButton = button(words, on_click=lambda s=step: move(s))  # type: ignore[misc]
            own.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            own.setAutoDefault(False)
            own.setToolTip(key)
            own.setEnabled(several)
            line.addWidget(own)
            self._turns[key] = own
        return line

    def key_line(self) -> QHBoxLayout:
        """Return a line with what is said and how the images are steered."""
        line = row(margin=8, spacing=24)
        line.addWidget(self.said, 1)
        named = (("view.next_step", "next step"), ("view.fit", "fit"), ("view.invert", "invert"))
        shown = " · ".join(f"{self._keys.shown(command_id)} {words}" for command_id, words in named)
        line.addWidget(label(f"{shown} · right click: everything, with its key", "small"))
        return line

    def run(self, command_id: str) -> None:
        """Carry out a view command."""
        if command_id == "view.tool":
            self._tool = next_tool(self._tool)
            self.viewer.set_left_tool(self._tool)
            self.said.setText(f"Left button: {self._tool}")
        elif command_id == "view.true_size" and pixels_per_mm(self.screen(), self._preferences) is None:
            self.said.setText("The size of this screen is not known: it is measured in the display check of the reading window.")
        elif command_id in VIEW_COMMANDS:
            VIEW_COMMANDS[command_id](self.viewer)

    def _note_tool(self, tool: str) -> None:
        self._tool = tool  # it may have been chosen in the menu

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Turn a key into a view command; what is none is left to the dialog."""
        key = key_of(event)
        if key in self._turns:
            self._turns[key].click()
            return
        command = self._keys.command(key)
        if command is None or not self._actions.is_enabled(command.id):
            super().keyPressEvent(event)
        elif not event.isAutoRepeat() or command.repeats:
            self.run(command.id)

    def showEvent(self, event: QShowEvent) -> None:
        """Learn how large a millimetre is on this screen."""
        super().showEvent(event)
        self.viewer.set_pixels_per_mm(pixels_per_mm(self.screen(), self._preferences))
        self.setFocus()
