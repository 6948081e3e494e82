"""The heartbeat: sleep, stalls and clock steps are told apart; ordinary seconds are not remarked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta

import pytest

from reader_app.clock import FrozenClock, Instant, SystemClock, iso_utc
from reader_app.reading.heartbeat import Heartbeat, elapsed_ns, wall_ms


class Machine:
    """A machine whose three clocks are moved by hand."""

    kind = "system"

    def __init__(self, counts_sleep: bool = True) -> None:
        self.mono_ms, self.boot_ms, self.counts_sleep = 1000, 1000, counts_sleep
        self.wall = datetime(2027, 3, 28, 0, 59, 50, tzinfo=UTC)

    def now(self) -> Instant:
        return Instant(self.mono_ms * 1_000_000, iso_utc(self.wall))

    def elapsed(self) -> int | None:
        return self.boot_ms * 1_000_000 if self.counts_sleep else None

    def run(self, milliseconds: int) -> None:
        self.mono_ms += milliseconds
        self.boot_ms += milliseconds
        self.wall += timedelta(milliseconds=milliseconds)

    def sleep(self, milliseconds: int) -> None:
        self.boot_ms += milliseconds
        self.wall += timedelta(milliseconds=milliseconds)
        if not self.counts_sleep:
            self.mono_ms += milliseconds

    def heart(self) -> Heartbeat:
        heart = Heartbeat(self, self.elapsed)
        assert heart.beat() is None
        return heart


@pytest.mark.parametrize("counts_sleep", [True, False])
def test_ordinary_seconds_are_not_remarked(counts_sleep: bool) -> None:
    machine = Machine(counts_sleep)
    heart = machine.heart()
    for milliseconds in (1000, 1003, 998, 1500, 2999, 1000, 20):
        machine.run(milliseconds)
        assert heart.beat() is None


def test_daylight_saving_time_is_no_step() -> None:
    """Labels are in UTC, so the hour of the night in which the local time jumps is like any other."""
    machine = Machine()
    heart = machine.heart()
    for _ in range(30):
        machine.run(1000)
        assert heart.beat() is None


@pytest.mark.parametrize("counts_sleep", [True, False])
def test_sleep_is_told_with_the_last_moment_before_it(counts_sleep: bool) -> None:
    machine = Machine(counts_sleep)
    heart = machine.heart()
    machine.run(1000)
    heart.beat()
    before = machine.now()
    machine.run(400)
    machine.sleep(20_000)
    machine.run(100)
    found = heart.beat()
    assert found is not None and found.kind == "suspend" and found.since == before and found.wall_step_ms == 0
    assert (found.mono_gap_ms, found.asleep_ms) == ((500, 20_000) if counts_sleep else (20_500, 0))
    machine.run(1000)
    assert heart.beat() is None


@pytest.mark.parametrize("hours", [2, -2])
def test_a_clock_that_is_set_is_told(hours: int) -> None:
    machine = Machine()
    heart = machine.heart()
    machine.run(1000)
    machine.wall += timedelta(hours=hours)
    found = heart.beat()
    assert found is not None
    assert (found.kind, found.mono_gap_ms, found.wall_step_ms) == ("clock_step", 1000, hours * 3_600_000)


def test_a_stall_is_told() -> None:
    machine = Machine()
    heart = machine.heart()
    machine.run(4000)
    found = heart.beat()
    assert found is not None and (found.kind, found.mono_gap_ms, found.wall_step_ms) == ("stall", 4000, 0)


def test_a_simulated_clock_jumps_without_remark() -> None:
    clock = FrozenClock()
    heart = Heartbeat(clock)
    for seconds in (0, 40, 3600):
        clock.advance(seconds)
        assert heart.beat() is None


def test_the_real_clocks_agree() -> None:
    heart = Heartbeat(SystemClock())
    heart.beat()
    time.sleep(0.05)
    assert heart.beat() is None
    assert elapsed_ns() is None or elapsed_ns() > 0  # type: ignore[operator]
    assert wall_ms("1970-01-01T00:00:01.500Z") == 1500


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process with SIGSTOP")
def test_a_program_that_was_stopped_says_so() -> None:
    script = """
        import sys, time
        from reader_app.clock import SystemClock
        from reader_app.reading.heartbeat import Heartbeat
        heart = Heartbeat(SystemClock())
        heart.beat()
        print("ready", flush=True)
        for _ in range(400):
            time.sleep(0.05)
            found = heart.beat()
            if found is not None:
                print(found.kind, found.mono_gap_ms, flush=True)
                break
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(3.3)
        os.kill(process.pid, signal.SIGCONT)
        kind, gap = process.stdout.readline().split()
    assert kind == "stall" and 3000 < int(gap) < 15_000
