"""Long work off the GUI thread: one job at a time, with progress, cancel, and the result brought back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Signal

from reader_app.desk.progress import Cancelled, Progress
from reader_app.errors import ReaderAppError
from reader_app.ui.mainthread import QtMainThread

#: What a job does: given how to report progress and how to ask whether to stop, it returns its result.
Work = Callable[[Progress, Cancelled], Any]


class Jobs(QObject):
    """Runs work in one background thread.

    Signals
    -------
    progressed : (int, int, str)
        Done, total, what is at hand.
    busy_changed : (bool, str)
        Whether something runs, and its title.
    """

    progressed = Signal(int, int, str)
    busy_changed = Signal(bool, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="desk")
        self._main = QtMainThread()
        self._stop = threading.Event()
        self._title = ""

    @property
    def busy(self) -> bool:
        """Whether a titled job runs."""
        return bool(self._title)

    def start(self, title: str, work: Work, done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        """Run ``work``; then ``done(result)`` or ``failed(sentence)`` on the GUI thread.

        A job with an empty title is quiet (a refresh): it shows no progress and cannot be cancelled.
        """
        if title:
            self._title = title
            self._stop.clear()
            self.busy_changed.emit(True, title)

        def report(count: int, total: int, text: str) -> None:
            self._main.post(lambda: self.progressed.emit(count, total, text))

        def run() -> None:
            try:
                result = work(report, self._stop.is_set)
            except ReaderAppError as fault:
                sentence = str(fault)
                self._main.post(lambda: finish(lambda: failed(sentence)))
            except OSError as fault:
                sentence = (
                    f"{fault.filename or ''}: {fault.strerror or fault}; check that the place is there, writable and has room"
                )
                self._main.post(lambda: finish(lambda: failed(sentence)))
            else:
                self._main.post(lambda: finish(lambda: done(result)))

        def finish(then: Callable[[], None]) -> None:
            if title:
                self._title = ""
                self.busy_changed.emit(False, "")
            then()

        future = self._executor.submit(run)

        def look(ended: Future[None]) -> None:
            """An error nobody foresaw must not leave the desk busy for ever."""
            fault = None if ended.cancelled() else ended.exception()
            if fault is not None:
                sentence = (
                    f"The program met an error it does not know ({type(fault).__name__}: {fault}); nothing was half-written."
                )
                self._main.post(lambda: finish(lambda: failed(sentence)))

        future.add_done_callback(look)

    def cancel(self) -> None:
        """Ask the running job to stop cleanly; what is finished stays."""
        self._stop.set()

    def close(self) -> None:
        """Stop what runs and drop what would still come."""
        self._stop.set()
        self._main.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
