"""Reading time is right whatever the wall clock does, and what it does is flagged."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from reading.acts import conductor_for, display, read_case
from store.studies import frozen_study

from reader_app.clock import FrozenClock, Instant, iso_utc
from reader_app.reading.conductor import Conductor
from reader_app.store import readlog
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.audit import audit
from reader_app.study.commands import Assess, GiveScore, Pause, Resume, StartRound, SubmitRead
from reader_app.study.readtable import active_seconds, reads


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frozen_study(tmp_path_factory.mktemp("made") / "study", cases=3, size=16).path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> StudyFolder:
    return StudyFolder.load(Path(shutil.copytree(made, tmp_path / "study")))


class Stepped(FrozenClock):
    """A clock whose time of day can be set while the monotonic one runs on."""

    shift = timedelta()

    def now(self) -> Instant:
        own = super().now()
        wall = datetime.fromisoformat(own.wall_utc.replace("Z", "+00:00")) + self.shift
        return Instant(own.mono_ns, iso_utc(wall.astimezone(UTC)))


def read_with_step(conductor: Conductor, folder: StudyFolder, clock: Stepped, step: timedelta) -> None:
    """Read the due case for 30 s, 10 of them paused, the clock set in the middle."""
    case_id = display(conductor, folder)
    revision = conductor.state.revision
    clock.advance(7.25)
    conductor.do(Assess(case_id, revision, "case", "3"))
    clock.shift += step
    clock.advance(2.75)
    conductor.do(Pause(case_id, "reader"))
    clock.advance(10)
    conductor.do(Resume(case_id))
    clock.advance(10)
    conductor.do(GiveScore(case_id, revision, "case", 10))
    conductor.do(SubmitRead(case_id, revision, clock.now().wall_utc))


@pytest.mark.parametrize("hours", [2, -2, 0])
def test_a_clock_set_in_the_middle_of_a_read_changes_no_duration(folder: StudyFolder, hours: int) -> None:
    clock = Stepped()
    conductor, log = conductor_for(folder, "R01", clock)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    read_with_step(conductor, folder, clock, timedelta(hours=hours))
    read_case(conductor, folder, clock, seconds=12.5)
    log.close()
    logged = readlog.read(folder.log_path("R01")).logged
    times = [active_seconds(read) for read in reads(conductor.plan, logged)]
    assert times == pytest.approx([20.0, 12.5], abs=0.05)
    flagged = [deviation for deviation in audit(conductor.plan, logged) if deviation.code == "clock"]
    assert bool(flagged) == bool(hours)


def test_a_restart_of_the_machine_begins_a_new_count(folder: StudyFolder) -> None:
    """The monotonic clock of another run starts anywhere; times are never taken across runs."""
    clock = FrozenClock(mono_ns=10**15)
    conductor, log = conductor_for(folder, "R01", clock)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    display(conductor, folder)
    clock.advance(5)
    conductor.do(Assess(str(conductor.state.case_order[0]), 1, "case", "3"))
    log.close()
    again = FrozenClock("2027-01-15T09:00:00.000Z", mono_ns=0)
    conductor, log = conductor_for(folder, "R01", again)
    conductor.begin()
    read_case(conductor, folder, again, seconds=4)
    log.close()
    contents = readlog.read(folder.log_path("R01"))
    (read,) = reads(conductor.plan, contents.logged)
    assert active_seconds(read) == pytest.approx(9, abs=0.05)
    assert read.interrupted == 1 and len(read.run_ids) == 2
    assert [run.run_id for run in contents.runs] == list(read.run_ids)
