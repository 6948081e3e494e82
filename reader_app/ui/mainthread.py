"""The one object that brings results of other threads to the GUI thread."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot


class QtMainThread(QObject):
    """Runs callables on the thread that made it, in the order in which they were posted.

    Fulfils ``reader_app.reading.tasks.MainThread``. After :meth:`close` whatever is still under way is dropped.
    """

    _posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._open = True
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, work: Callable[[], None]) -> None:
        """Ask for ``work()`` on the GUI thread; may be called from any thread."""
        if self._open:
            self._posted.emit(work)

    def close(self) -> None:
        """Drop what comes from now on."""
        self._open = False

    @Slot(object)
    def _run(self, work: Callable[[], None]) -> None:
        if self._open:
            work()
