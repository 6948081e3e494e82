"""A window of its own for the answer panel: images on one screen, panel on another."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.widgets import row


class SideWindow(QWidget):
    """Holds the panel on another screen; keys pressed here go to the reading window as if pressed there.

    Parameters
    ----------
    owner : ReaderWindow
        The window of the images.
    """

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner, Qt.WindowType.Window)
        self._owner = owner
        self._panel: QWidget | None = None
        self._closing = self._watched = False
        self.setObjectName("room")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle(tr("Answers"))
        self._line = row(self, spacing=0)
        self._line.addStretch(1)
        self._line.addStretch(1)

    def take(self, panel: QWidget, shown: bool) -> None:
        """Take the panel and stand on another screen than the images, where there is one."""
        self._panel = panel
        self._line.insertWidget(1, panel)
        panel.setVisible(shown)
        here = self._owner.screen()
        others = [screen for screen in QGuiApplication.screens() if screen is not here]
        area = (others[0] if others else here).availableGeometry()
        height = min(area.height(), theme.px(1000))
        self.setGeometry(area.left() + (area.width() - theme.px(420)) // 2, area.top(), theme.px(420), height)
        self.setVisible(shown)

    def release(self) -> None:
        """Give the panel back."""
        if self._panel is not None:
            self._line.removeWidget(self._panel)
            self._panel = None
        self.hide()

    def close_for_good(self) -> None:
        """Close with the window of the images."""
        self._closing = True
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._owner.keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        handle, times = self.windowHandle(), getattr(self._owner, "times", None)
        if handle is not None and times is not None and not self._watched:
            handle.installEventFilter(times)
            self._watched = True

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing this window alone brings the panel back beside the images."""
        if self._closing:
            event.accept()
        else:
            event.ignore()
            self._owner.run("session.screens")  # type: ignore[attr-defined]
