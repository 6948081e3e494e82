"""Who reads here, and what the coordinator has decided since: what comes before a sitting is opened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reader_app.errors import Fault
from reader_app.store.orders import Order, pending
from reader_app.study import commands as ask
from reader_app.study.events import ReadInterrupted
from reader_app.study.session import due_case, evolve
from reader_app.ui.language import tr

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


def start(flow: ReadingFlow, reader_id: str | None) -> None:
    """Show the log-in, or log the reader in; a package is for one reader: nobody need be chosen, and nobody else can be."""
    only = flow.folder.station_reader
    if only is None and len(flow.folder.readers) == 1 and flow.clock.kind == "system":
        only = flow.folder.readers[0].reader_id
    if reader_id or only:
        flow.log_in(reader_id or only or "")
    else:
        flow.pages.login()


def is_other(flow: ReadingFlow, reader_id: str) -> bool:
    """Return whether the folder holds the package of another reader; the page then says so."""
    only = flow.folder.station_reader
    if only in (None, reader_id):
        return False
    flow.exit_status = 1
    what = tr("this folder holds the package of {name}", name=only)
    fault = Fault(str(flow.folder.path), what, tr("open the package of {name}", name=reader_id))
    flow.pages.faults(tr("This study cannot be read by {name} here", name=reader_id), [fault])
    return True


def decided(flow: ReadingFlow, given: Sequence[Order]) -> list[ask.Command]:
    """Return what the coordinator has decided and the log does not know yet; a read that was cut off is ended for it."""
    assert flow.plan is not None
    state, now = flow.state, flow.clock.now().wall_utc
    case_id = due_case(state)
    on_screen = state.displayed and case_id is not None
    ended = evolve(flow.plan, state, ReadInterrupted(case_id or "", "")) if on_screen else state
    wanted = pending(flow.plan, ended, given, now)
    if wanted and on_screen:
        return [ask.Interrupt(case_id or "", "decision of the coordinator"), *wanted]
    return list(wanted)
