"""Which screen the images are on, and whether it is the right one, checked, and still the same.

The conditions go into the log when a session opens, after each display check, and whenever the window comes to stand on another
screen or the screen's resolution or scale changes. Such a change covers the images: what was seen before and after it differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication, QScreen

from reader_app.study import commands as ask
from reader_app.study.session import Phase
from reader_app.ui import screens
from reader_app.ui.language import tr

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


class DisplayWatch(QObject):
    """Follows the screen of a flow's window.

    Parameters
    ----------
    flow : ReadingFlow
    """

    def __init__(self, flow: ReadingFlow) -> None:
        super().__init__()
        self._flow = flow
        self._known = ""
        self._watched: set[QScreen] = set()
        flow.window.screen_changed.connect(self.look)

    @property
    def screen(self) -> QScreen:
        """The screen of the images."""
        return self._flow.window.screen()

    def look(self) -> None:
        """Compare the screen with the one that was known; a change is said, logged, and covers the images."""
        screen = self.screen
        if screen not in self._watched:
            self._watched.add(screen)
            screen.geometryChanged.connect(self.look)
            screen.logicalDotsPerInchChanged.connect(self.look)
        now, before = screens.identity(screen), self._known
        self._known = now
        flow = self._flow
        if not before or before == now or flow.state.phase is Phase.CLOSED:
            return
        flow.window.measure_screen()
        flow.pauses.pause("display", flow.clock.now())
        self.report()
        flow.window.key_bar.say(tr("The images are on another screen now: {screen}", screen=screens.described(screen)))
        if flow.state.phase is not Phase.READING:
            flow.pages.again()

    def report(self) -> None:
        """Write into the log which screen the images are on and when it was checked."""
        flow, screen = self._flow, self.screen
        self._known = screens.identity(screen)
        width, height = screens.device_size(screen)
        checked = screens.checked_utc(screen, flow.window.preferences)
        flow.do(ask.ReportDisplay(screen.name(), width, height, screens.scale_percent(screen), checked), flow.clock.now())

    def warnings(self) -> list[str]:
        """Return what the reader should know of the screen before a round, one sentence each."""
        preferences, screen = self._flow.window.preferences, self.screen
        wanted = preferences.image_screen
        found: list[str] = []
        if wanted and wanted != screen.name():
            there = any(own.name() == wanted for own in QGuiApplication.screens())
            found.append(
                tr("The window is not on the screen for images ({name}): move it there.", name=wanted)
                if there
                else tr("The screen for images ({name}) is not connected; tell the coordinator.", name=wanted)
            )
        return found

    def is_check_due(self) -> bool:
        """Return whether the test pattern is to be looked at before the round; never for simulated readers."""
        flow = self._flow
        if flow.clock.kind != "system":
            return False
        return screens.check_is_due(self.screen, flow.window.preferences, flow.clock.now().wall_utc)

    def answered(self, seen: bool) -> None:
        """The reader has looked at the test pattern."""
        preferences, name = self._flow.window.preferences, screens.identity(self.screen)
        if seen:
            preferences.display_checked[name] = self._flow.clock.now().wall_utc
        else:
            preferences.display_checked.pop(name, None)
        preferences.save()
        if self._flow.state.phase is not Phase.CLOSED:
            self.report()
