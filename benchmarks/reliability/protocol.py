"""Rows about the protocol: nothing bypasses it, every action is in the log, nothing locked or frozen changes, time is right."""

from __future__ import annotations

import random
import re
import sys
import tempfile
import typing
from collections import Counter
from datetime import timedelta
from pathlib import Path

from benchmarks.reliability.rows import ROOT, ByTests, Outcome, Row, Size, run_tests
from reader_app.errors import ProtocolViolation
from reader_app.study.assignment import Plan
from reader_app.study.commands import Command
from reader_app.study.events import Event
from reader_app.study.state import SessionState

sys.path.insert(0, str(ROOT / "tests"))

#: What a duration may be off by, in seconds.
TOLERANCE_S = 0.05


def steps(size: Size) -> Outcome:
    """Any sequence of commands, crashes and clock steps, with the auditor as oracle; then twenty planted bugs."""
    wanted = size.of(400, 5000, 100_000)
    _, failed, said = run_tests(["study/test_protocol_machine.py"], {"READER_APP_PROTOCOL_STEPS": str(wanted)})
    done = Counter({word: int(count) for word, count in _pairs(said)})
    mutants = (
        ["study/test_mutants.py"] if size.level else ["study/test_mutants.py::test_planted_bug_is_killed[washout a day short]"]
    )
    shown, missed, _ = run_tests(mutants, {})
    control = f"{shown - missed} of {shown} planted bugs killed (with the right machine beside them)"
    more = {name: done[name] for name in ("reads", "commands tried", "overrides", "studies finished")}
    return Outcome(done["steps"], failed, "steps", control, missed == 0 < shown, more)


def _pairs(said: str) -> list[tuple[str, str]]:
    """Return the counts that the machine has printed: ``'steps': 412`` and the like."""
    return re.findall(r"'([a-z ]+)': (\d+)", said)


def commands_logged(size: Size) -> Outcome:
    """Every command that is carried out leaves at least one row: the inventory of commands against the log."""
    from reader_app.study import commands, session

    examples = size.of(6, 40, 300)
    carried_out, silent = _watched_commands(examples)
    right = session._HANDLERS[commands.Assess]
    session._HANDLERS[commands.Assess] = lambda plan, state, command: ()
    try:
        _, muted = _watched_commands(3)
    finally:
        session._HANDLERS[commands.Assess] = right
    control = f"with an answer that is taken without a row: {sum(muted.values())} found"
    kinds = {kind.__name__ for kind in typing.get_args(commands.Command)}
    more = {"kinds_of_commands": f"{len(carried_out)} of {len(kinds)}", "not_met": sorted(kinds - carried_out.keys())}
    return Outcome(sum(carried_out.values()), sum(silent.values()), "commands carried out", control, bool(muted), more)


def _watched_commands(examples: int) -> tuple[Counter[str], Counter[str]]:
    """Run the protocol machine; return how often each kind of command was carried out, and how often without a row."""
    from hypothesis import HealthCheck, Phase, settings
    from hypothesis.stateful import run_state_machine_as_test
    from study.protocol_machine import ProtocolMachine

    from reader_app.study import session

    carried_out: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    decide = session.decide

    def watched(plan: Plan, state: SessionState, command: Command) -> tuple[Event, ...]:
        events = decide(plan, state, command)
        carried_out[type(command).__name__] += 1
        silent[type(command).__name__] += not events
        return events

    session.decide = watched
    plain = settings(
        max_examples=examples, stateful_step_count=40, deadline=None, database=None, derandomize=True,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        run_state_machine_as_test(ProtocolMachine, settings=plain)
    except (AssertionError, ProtocolViolation):
        if not +silent:  # the machine itself stumbles over a command that did nothing; anything else is news
            raise
    finally:
        session.decide = decide
    return carried_out, +silent


def reading_time(size: Size) -> Outcome:
    """Scripted reads of known length while the wall clock is set by hours, daylight saving time begins, the program is killed."""
    from reading.acts import conductor_for
    from reading.test_time import Stepped, read_with_step
    from store.studies import frozen_study

    from reader_app.store import readlog
    from reader_app.study.audit import audit
    from reader_app.study.commands import StartRound
    from reader_app.study.readtable import active_seconds, reads

    chance = random.Random(1)
    errors: list[float] = []
    stepped = flagged = wrong = naive_wrong = 0
    with tempfile.TemporaryDirectory() as name:
        for number in range(size.of(3, 12, 60)):
            folder = frozen_study(Path(name) / str(number), cases=5, size=8)
            clock = Stepped("2027-03-28T00:59:40.000Z")  # Europe's clocks go forward at 01:00 UTC: labels are UTC
            conductor, log = conductor_for(folder, "R01", clock)
            conductor.begin()
            conductor.do(StartRound(1, clock.now().wall_utc))
            moves = [timedelta(hours=chance.choice((-2, 2, -1, 1, 0))) for _ in range(5)]
            for move in moves:
                read_with_step(conductor, folder, clock, move)
            log.close()
            logged = readlog.read(folder.log_path("R01")).logged
            done = reads(conductor.plan, logged)
            errors += [abs(active_seconds(read) - 20.0) for read in done]
            found = [deviation for deviation in audit(conductor.plan, logged) if deviation.code == "clock"]
            stepped += sum(bool(move) for move in moves)
            flagged += len(found)
            naive_wrong += sum(bool(move) for move in moves)  # by the wall clock, each of these reads would be hours off
            wrong += len(done) != len(moves)
    late = sum(error > TOLERANCE_S for error in errors)
    control = f"by the wall clock {naive_wrong} of {len(errors)} reads would be off by an hour or two"
    more = {"worst_error_s": round(max(errors), 6), "clock_steps": stepped, "flagged": flagged}
    return Outcome(len(errors), late + wrong + abs(stepped - flagged), "reads", control, naive_wrong > 0, more)


ROWS = (
    Row("10", "no sequence of commands, crashes and clock steps bypasses the protocol", steps, quick=False),
    Row("12", "every action is audited", commands_logged),
    Row("8", "reading time is right whatever the clock on the wall does, and what it does is flagged", reading_time),
    Row(
        "8b",
        "a machine that slept or a program that hung is flagged, and loading is no reading",
        ByTests(
            "tests",
            proofs=["reading/test_heartbeat.py", "reading/test_time.py", "study/test_exposure_and_time.py"],
            controls=["reading/test_heartbeat.py::test_ordinary_seconds_are_not_remarked"],
        ),
        quick=False,
        procedure="A laptop: read a case, close the lid for a minute, open it: the audit lists 'suspend', the time is "
        "that of reading.",
    ),
    Row(
        "11",
        "locked means locked: no window, no program and no database tool changes a row",
        ByTests(
            "attempts",
            proofs=[
                "store/test_readlog.py::test_no_statement_changes_a_row",
                "store/test_readlog.py::test_every_single_byte_of_every_payload_is_guarded",
                "store/test_readlog.py::test_every_byte_of_the_file_that_holds_a_row_is_guarded",
                "ui/test_reading_flow.py::test_there_is_no_way_back_to_a_locked_case",
            ],
            controls=["store/test_readlog.py::test_a_right_row_is_let_in"],
        ),
        quick=False,
    ),
    Row(
        "31",
        "the study is frozen: every changed file, key and hash is refused",
        ByTests(
            "tests",
            proofs=[
                "store/test_studyfolder.py::test_every_single_change_of_the_lock_is_refused",
                "store/test_studyfolder.py::test_a_changed_file_is_refused_with_both_hashes",
                "store/test_studyfolder.py::test_a_file_that_came_or_went_is_refused",
                "store/test_studyfolder.py::test_changed_images_are_refused",
                "store/test_studyfolder.py::test_changed_aids_are_found",
                "store/test_studyfolder.py::test_the_hanging_protocols_of_a_study_are_frozen",
                "ui/test_reading_flow.py::test_a_study_that_was_changed_after_the_freeze_is_not_read",
            ],
            controls=["store/test_studyfolder.py::test_a_frozen_study_loads"],
        ),
        quick=False,
    ),
)
