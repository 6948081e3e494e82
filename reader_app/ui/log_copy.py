"""The second copy of the log on another disk: begun at log-in, kept by the conductor; faults stand in the status line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reader_app.errors import LogFault
from reader_app.reading.tasks import deliver
from reader_app.store.backup import SecondCopy
from reader_app.ui.language import tr

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


class LogCopy:
    """Watches over the second copy of a flow's log.

    Parameters
    ----------
    flow : ReadingFlow

    Attributes
    ----------
    fault : LogFault or None
        Why the copy is not up to date.
    """

    def __init__(self, flow: ReadingFlow) -> None:
        self._flow = flow
        self._copy: SecondCopy | None = None
        self.fault: LogFault | None = None

    def begin(self) -> None:
        """Take up the folder of the workstation's settings; the first copy is made on the log's thread."""
        flow = self._flow
        folder = flow.window.preferences.second_copy
        if not folder or flow.log is None or flow.conductor is None or flow.clock.kind != "system":
            return
        copy = self._copy = SecondCopy(flow.log, Path(folder))
        flow.conductor.second_copy = copy
        flow.conductor.on_copy = self.told
        deliver(flow.log_thread.submit(copy.update), flow.main_thread, lambda _: self.told(copy.fault))

    def told(self, fault: LogFault | None) -> None:
        """The copy was brought up to date, or why not: the status line says so until it works again."""
        if fault is not None and (self.fault is None or str(fault) != str(self.fault)):
            self._flow.window.key_bar.say(str(fault))
        self.fault = fault
        self._flow.window.key_bar.show_copy_fault("" if fault is None else str(fault))

    def sentence(self) -> str:
        """Return what the receipt says of the copy; empty where none is kept."""
        if self._copy is None:
            return ""
        if self.fault is not None:
            return tr("The second copy is not up to date: {what}", what=str(self.fault))
        return tr("A second copy of the log lies in {file}", file=str(self._copy.path))
