"""The reading window: bars, images, panel, pages, cover; and the one place where keys become commands.

It decides nothing about the protocol. What is possible comes from ``legal_commands`` through :class:`Actions`; what happens is
the flow's business (``reading_flow``).
"""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QStackedWidget, QWidget

from reader_app.clock import Clock
from reader_app.study.assignment import Plan
from reader_app.ui import theme
from reader_app.ui.actions import Actions
from reader_app.ui.help_sheet import HelpSheet
from reader_app.ui.keymap import BY_ID, GROUPS, Keymap, key_of
from reader_app.ui.language import tr
from reader_app.ui.moments import InputTimes
from reader_app.ui.panels.assessment_panel import AssessmentPanel
from reader_app.ui.panels.key_bar import KeyBar
from reader_app.ui.panels.pages import Page
from reader_app.ui.panels.pause_cover import PauseCover
from reader_app.ui.panels.round_banner import RoundBanner
from reader_app.ui.preferences import Preferences
from reader_app.ui.screens import grey_path, pixels_per_mm
from reader_app.ui.side_window import SideWindow
from reader_app.ui.viewer import greypath
from reader_app.ui.viewer.case_viewer import CaseViewer
from reader_app.ui.viewing import VIEW_COMMANDS, next_tool, offer
from reader_app.ui.widgets import column, restyle, row


class Flow(Protocol):
    """What the window asks of whoever conducts the reading."""

    def run(self, command_id: str) -> None:
        """Carry out a command that is no view command."""

    def close_requested(self) -> bool:
        """Return whether the window may close now; if not, see to it that the session ends first."""

    def resume_requested(self) -> None:
        """Go on after a pause."""


class ReaderWindow(QMainWindow):
    """The window in which cases are read.

    Parameters
    ----------
    clock : Clock
        Tells when an input happened.
    preferences : Preferences
        Language, side of the panel, keys.

    Signals
    -------
    screen_changed : the window came to stand on a screen (the first time, too).
    """

    screen_changed = Signal()

    def __init__(self, clock: Clock, preferences: Preferences) -> None:
        super().__init__()
        self.flow: Flow | None = None
        self.preferences = preferences
        self.keys = Keymap(preferences.keys)
        self.actions_ = Actions(self.keys, self.run, self)
        self.times = InputTimes(clock, self)
        self.panel: AssessmentPanel | None = None
        self._watched = False
        self._legal: frozenset[type] = frozenset()
        self._also: dict[str, bool] = {}
        self.setWindowTitle(tr("Reading study"))
        self.setStyleSheet(theme.stylesheet("reading"))
        self.setMinimumSize(theme.px(960), theme.px(600))
        self.banner = RoundBanner()
        self.banner.pause_requested.connect(lambda: self.run("session.pause"))
        self.key_bar = KeyBar()
        greypath.use(grey_path())
        self.viewer = CaseViewer()
        self.viewer.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewer.position_changed.connect(self.key_bar.show_place)
        self.viewer.menu_about_to_show.connect(self._extend_menu)
        self.viewer.set_left_tool(preferences.left_drag)
        self._tool = preferences.left_drag
        self.viewer.tool_changed.connect(self._note_tool)
        self.page = Page()
        self.cover = PauseCover()
        self.stack = QStackedWidget()
        for own in (self.page, self.viewer, self.cover):
            self.stack.addWidget(own)
        self.side = SideWindow(self)
        self.help = HelpSheet(self)
        self._body = QWidget()
        self._body_line = row(self._body, spacing=0)
        self._body_line.addWidget(self.stack, 1)
        central = QWidget()
        central.setObjectName("room")
        outer = column(central, spacing=0)
        outer.addWidget(self.banner)
        outer.addWidget(self._body, 1)
        outer.addWidget(self.key_bar)
        self.setCentralWidget(central)
        self.allow(frozenset())

    # --- what is shown ------------------------------------------------------------------------------------------------------

    def make_panel(self, plan: Plan) -> AssessmentPanel:
        """Make the panel of a plan."""
        if self.panel is not None:
            self.panel.deleteLater()
        self.panel = AssessmentPanel(plan)
        self.panel.hide()
        self.place_panel()
        return self.panel

    def place_panel(self) -> None:
        """Put the panel on the reader's side, or on a screen of its own."""
        if self.panel is None:
            return
        shown = not self.panel.isHidden()
        if self.preferences.panel_screen:
            self.side.take(self.panel, shown)
        else:
            self.side.release()
            restyle(self.panel, side=self.preferences.panel_side)
            self._body_line.insertWidget(0 if self.preferences.panel_side == "left" else 1, self.panel)
            self.panel.setVisible(shown)

    def show_panel(self, shown: bool) -> None:
        """Show or hide the panel."""
        if self.panel is not None:
            self.panel.setVisible(shown)
            self.side.setVisible(shown and self.preferences.panel_screen)

    def show_page(self) -> None:
        """Bring the page (log-in, round, receipt ...) to the front, without the panel."""
        self.show_panel(False)
        self.banner.show_pause(False, "")
        self.key_bar.show_place("")
        self.stack.setCurrentWidget(self.page)
        self.page.take_focus()
        self.allow(self._legal, self._also)

    def show_cover(self) -> None:
        """Cover the images completely."""
        self.viewer.cover()
        self.stack.setCurrentWidget(self.cover)
        self.key_bar.show_place("")
        self.setFocus()
        self.allow(self._legal, self._also)

    def show_images(self) -> None:
        """Bring the images to the front; they are painted in one go."""
        self.viewer.uncover()
        self.stack.setCurrentWidget(self.viewer)
        self.allow(self._legal, self._also)

    def is_showing_images(self) -> bool:
        """Return whether images are on the screen."""
        return self.stack.currentWidget() is self.viewer and not self.viewer.is_covered()

    def allow(self, legal: frozenset[type], also: dict[str, bool] | None = None) -> None:
        """Enable exactly what the protocol allows now.

        Parameters
        ----------
        legal : frozenset of type
            ``legal_commands`` of the present state.
        also : dict of str to bool
            Further conditions by command id.
        """
        self._legal, self._also = legal, also or {}
        self.actions_.update_enabled(legal, self.is_showing_images(), self._also)
        self.key_bar.show_keys(self.keys, self.actions_)

    def retranslate(self) -> None:
        """Write again what was written in another language before log-in."""
        self.actions_.use(self.keys)
        self.key_bar.retranslate()
        self.setWindowTitle(tr("Reading study"))
        self.allow(self._legal, self._also)

    def use_keys(self, keys: Keymap) -> None:
        """Use another keymap from now on and remember it."""
        self.keys = keys
        self.preferences.keys = keys.changes()
        self.preferences.save()
        self.actions_.use(keys)
        self.allow(self._legal, self._also)

    # --- keys ---------------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Turn a key into a command; keys reach this from every part of the window that has no use for them."""
        self.times.note(event)
        event.accept()
        key = key_of(event)
        command = self.keys.command(key)
        if event.isAutoRepeat():
            if command is not None and command.repeats:
                self.run(command.id)
            elif key in ("Left", "Right") and self._answering() and self.panel is not None:
                self.panel.take_key(key)
            return
        if self.help.isVisible():
            self.help.hide()
            return
        where = self.stack.currentWidget()
        if where is self.page and self.page.take_key(key):
            return
        if where is self.page and key in ("Return", "Space", "Up", "Down"):
            self._page_key(key)
        elif where is self.cover and key in ("Return", "Space") and self.flow is not None:
            self.flow.resume_requested()
        elif not (self._answering() and self.panel is not None and self.panel.take_key(key)) and command is not None:
            self.run(command.id)

    def _answering(self) -> bool:
        """Whether digits and Enter belong to the panel: an answer is being given, or the feedback of a training case is read."""
        reading = self.actions_.is_enabled("answer.category") or (self.panel is not None and self.panel.feedback.isVisible())
        return self.is_showing_images() and reading

    def _page_key(self, key: str) -> None:
        if key in ("Up", "Down"):
            self.focusNextPrevChild(key == "Down")
        else:
            self.page.press_main()

    def run(self, command_id: str) -> None:
        """Carry out a command by id, if it is possible now; otherwise say so in the bar, and nothing else."""
        if not self.actions_.is_enabled(command_id):
            self.key_bar.say(tr("Not possible now: {what}", what=tr(BY_ID[command_id].text)))
            return
        view_command = VIEW_COMMANDS.get(command_id)
        if view_command is not None:
            if command_id == "view.true_size" and pixels_per_mm(self.screen(), self.preferences) is None:
                self.key_bar.say(tr("The size of this screen is not known: measure it in the display check."))
            view_command(self.viewer)
        elif command_id == "view.tool":
            self._next_tool()
        elif command_id == "session.side":
            self.preferences.panel_side = "left" if self.preferences.panel_side == "right" else "right"
            self.preferences.save()
            self.place_panel()
        elif command_id == "session.screens":
            self.preferences.panel_screen = not self.preferences.panel_screen
            self.preferences.save()
            self.place_panel()
        elif command_id == "session.help":
            self.help.open_with(self.keys)
        elif command_id == "session.fullscreen":
            self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        elif self.flow is not None:
            self.flow.run(command_id)

    def _next_tool(self) -> None:
        self._tool = next_tool(self._tool)
        self.viewer.set_left_tool(self._tool)
        self.key_bar.say(tr("Left button: {tool}", tool=tr(self._tool)))

    def _note_tool(self, tool: str) -> None:
        self._tool = tool  # it may have been chosen in the menu

    def _extend_menu(self, menu: QMenu) -> None:
        menu.addSeparator()
        for name in ("aid.toggle", "mark.place", "session.pause", "session.help"):
            if self.actions_.is_enabled(name):
                menu.addAction(self.actions_[name])
        menu.addSeparator()
        offer(menu, self.actions_, GROUPS)

    # --- Qt -----------------------------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.help.setGeometry(self.rect())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        handle = self.windowHandle()
        if handle is not None and not self._watched:
            handle.installEventFilter(self.times)
            handle.screenChanged.connect(lambda _: self._stand())
            self._watched = True
        self._stand()

    def _stand(self) -> None:
        self.measure_screen()
        self.screen_changed.emit()

    def measure_screen(self) -> None:
        """Tell the images how large a millimetre is on the screen they are on."""
        self.viewer.set_pixels_per_mm(pixels_per_mm(self.screen(), self.preferences))

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.flow is None or self.flow.close_requested():
            self.side.close_for_good()
            event.accept()
        else:
            event.ignore()
