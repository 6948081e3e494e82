"""Everything one reading window needs, put together and taken apart again."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from reader_app.clock import Clock
from reader_app.errors import Fault, StudyFileError
from reader_app.reading.tasks import one_thread
from reader_app.store.studyfolder import StudyFolder
from reader_app.ui import preferences, recent
from reader_app.ui.language import tr
from reader_app.ui.mainthread import QtMainThread
from reader_app.ui.reader_window import ReaderWindow
from reader_app.ui.reading_flow import ReadingFlow


class ReadingSession:
    """One window on one study.

    Attributes
    ----------
    window : ReaderWindow
    flow : ReadingFlow or None
        None when the study could not be loaded; the window then lists its faults.
    exit_status : int
    faults : tuple of Fault
        Why the study could not be loaded.
    """

    def __init__(self, folder: Path, clock: Clock, echo: bool) -> None:
        self.clock = clock
        self.window = ReaderWindow(clock, preferences.load())
        self.flow: ReadingFlow | None = None
        self.exit_status = 0
        self.faults: tuple[Fault, ...] = ()
        self._main_thread = QtMainThread()
        try:
            study = StudyFolder.load(folder)
        except StudyFileError as fault:
            self.exit_status, self.faults = 1, tuple(fault.faults)
            self.window.page.show_faults(tr("This study cannot be opened"), "", fault.faults, False)
            self.window.page.chosen.connect(lambda _name: self.window.close())
            self.window.show_page()
            return
        self.flow = ReadingFlow(
            self.window, study, clock, self._main_thread, one_thread("log"), one_thread("loader"), _say_saved if echo else None
        )
        self.flow.finished.connect(self._finished)
        if clock.kind == "system":
            recent.note(folder)

    def show(self, reader_id: str | None) -> None:
        """Show the window, as large as the screen when a person sits before it, and begin."""
        area = self.window.screen().availableGeometry()
        if self.clock.kind == "system":
            least = self.window.minimumSize()
            self.window.setMinimumSize(least.boundedTo(area.size()))  # a small screen at a large scale
            self.window.setGeometry(area)  # where no window manager maximises
            self.window.showMaximized()
        else:
            self.window.resize(1280, 800)
            self.window.show()
        if self.flow is not None:
            self.flow.start(reader_id)

    def _finished(self, status: int) -> None:
        self.exit_status = status
        if self.window.isVisible():
            self.window.close()

    def close(self) -> None:
        """Close log, threads and window, whatever state they are in.

        The loader is waited for: what it holds leads to the window, and a widget whose last owner is another thread dies there.
        """
        if self.flow is not None:
            self.flow.leave()
            self.flow.loader_thread.shutdown(wait=True, cancel_futures=True)
        self._main_thread.close()
        self.window.close()
        self.window.flow = None
        self.window.deleteLater()
        if self.flow is not None:
            self.flow.deleteLater()
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def open_session(folder: Path, clock: Clock, echo: bool = False) -> ReadingSession:
    """Return a session on a study folder.

    Parameters
    ----------
    folder : Path
    clock : Clock
    echo : bool
        Write ``saved SEQ`` to standard output whenever the window shows an entry as saved.
    """
    return ReadingSession(folder, clock, echo)


def _say_saved(seq: int) -> None:
    sys.stdout.write(f"saved {seq}\n")
    sys.stdout.flush()
