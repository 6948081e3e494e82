"""Drives a conductor as a reader would, without a window."""

from __future__ import annotations

from reader_app.clock import FrozenClock
from reader_app.reading.conductor import Conductor
from reader_app.reading.tasks import InlineExecutor, InlineMainThread
from reader_app.store.readlog import ReadLog
from reader_app.store.runinfo import describe_run
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.commands import Assess, CloseSession, DisplayCase, GiveScore, StartRound, SubmitRead
from reader_app.study.events import AidShown
from reader_app.study.session import Phase, current_round, due_case, next_round

PANES = ("RCC", "LCC", "RMLO", "LMLO")


def conductor_for(
    folder: StudyFolder, reader_id: str, clock: FrozenClock, log: ReadLog | None = None
) -> tuple[Conductor, ReadLog]:
    """Return an inline conductor on a freshly opened log."""
    own = log or folder.open_log(reader_id, describe_run(clock, host="test bench"))
    return Conductor(folder.plan(reader_id), own, clock, InlineExecutor(), InlineMainThread()), own


def display(conductor: Conductor, folder: StudyFolder) -> str:
    """Report the due case as painted, with its aid where the round has one."""
    case_id = due_case(conductor.state)
    entry = current_round(conductor.plan, conductor.state)
    assert case_id is not None and entry is not None
    aid = None
    if entry.aid:
        assert folder.lock is not None
        spec = conductor.plan.display
        aid = AidShown(entry.aid, folder.lock.aids[entry.aid][case_id], spec.aid_threshold, spec.aid_opacity)
    conductor.do(DisplayCase(case_id, conductor.plan.fingerprints[case_id], PANES, aid))
    return case_id


def read_case(
    conductor: Conductor, folder: StudyFolder, clock: FrozenClock, category: str = "4A", score: int = 40, seconds: float = 12.0
) -> None:
    """Read the due case from paint to validation."""
    case_id = display(conductor, folder)
    revision = conductor.state.revision
    clock.advance(seconds)
    conductor.do(Assess(case_id, revision, "case", category))
    conductor.do(GiveScore(case_id, revision, "case", score))
    conductor.do(SubmitRead(case_id, revision, clock.now().wall_utc))


def read_everything(conductor: Conductor, folder: StudyFolder, clock: FrozenClock, category: str = "4A") -> None:
    """Read every round to its end and close the session."""
    conductor.begin()
    while conductor.state.phase is not Phase.DONE:
        following = next_round(conductor.plan, conductor.state)
        if following is not None:
            conductor.do(StartRound(following.number, clock.now().wall_utc))
        read_case(conductor, folder, clock, category)
    conductor.do(CloseSession(clock.now().wall_utc))
