"""Rows about the reading window: killed, blinded, without a network, each answer once, quick to save."""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import log as logbench
from benchmarks import report
from benchmarks.reliability.rows import ROOT, ByTests, Outcome, Row, Size

sys.path.insert(0, str(ROOT / "tests"))


def window_kills(size: Size) -> Outcome:
    """Kill the real window while it reads; what it had shown as saved must be there."""
    from end2end.window_kills import kill_loop
    from end2end.window_watch import READER, write_script
    from reading.canaries import planted_study

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = planted_study(folder / "study", cases=8)
        (study / "logs").mkdir()
        script = write_script(study, folder / "script.json")
        sound = kill_loop(study, script, READER, size.of(2, 10, 50), folder)
        late = kill_loop(study, script, READER, 5, folder, late=True)
    control = f"a build that shows 'saved' too early: {late.lost} events lost in {late.kills} kills"
    more = {"shown_as_saved": sound.shown_as_saved, "broken": sound.broken[:2]}
    return Outcome(sound.kills, sound.lost + len(sound.broken), "kills of the window", control, late.lost > 0, more)


def resumed(size: Size) -> Outcome:
    """Kill the window again and again through one whole study: each case once, in its order, with its answer."""
    from end2end.window_watch import READER, saved, wait_until_saved, window
    from reading.canaries import planted_study

    from reader_app.store import readlog
    from reader_app.store.studyfolder import StudyFolder
    from reader_app.study.audit import audit
    from reader_app.study.readtable import reads

    chance, kills, wanted, mismatches = random.Random(2), 0, size.of(2, 10, 50), 0
    with tempfile.TemporaryDirectory() as name:
        study = planted_study(Path(name) / "study", cases=size.of(3, 6, 24))
        log = study / "logs" / f"{READER}.readlog"
        while True:
            done = readlog.read(log).head[0] if log.exists() else 0
            with window(study, Path(name) / "work") as (process, words):
                if kills == wanted:
                    mismatches += process.wait(600) != 0
                    break
                wait_until_saved(process, words, done + chance.randrange(1, 5))
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                mismatches += readlog.read(log).head[0] < saved(words)
                kills += 1
        plan = StudyFolder.load(study).plan(READER)
        logged = readlog.read(log).logged
        found = audit(plan, logged)
        table = reads(plan, logged)
        for entry in plan.rounds:
            order = [read.case_id for read in table if read.round_no == entry.number]
            mismatches += order != list(entry.order)
        mismatches += sum(dict(read.categories) != {"case": "4A"} or dict(read.scores) != {"case": 40} for read in table)
        swapped = [*logged[:5], logged[6], logged[5], *logged[7:]]
        caught = len(audit(plan, swapped))
    control = f"two events of the log exchanged: {caught} deviations"
    more = {"deviations": len(found), "reads": len(table), "runs": len({entry.run_id for entry in logged})}
    return Outcome(kills, mismatches + len(found), "kills within one study", control, caught > 0, more)


def once(size: Size) -> Outcome:
    """Validate each case a hundred times in a row, also with commands of an earlier display: one read each, none skipped."""
    from reading.acts import conductor_for, display
    from store.studies import frozen_study

    from reader_app.clock import FrozenClock
    from reader_app.store import readlog
    from reader_app.study.commands import Assess, GiveScore, StartRound, SubmitRead
    from reader_app.study.events import ReadSubmitted

    cases, repeats = size.of(12, 100, 200), 100
    with tempfile.TemporaryDirectory() as name:
        folder = frozen_study(Path(name) / "study", cases=cases, size=8)
        clock = FrozenClock()
        conductor, log = conductor_for(folder, "R01", clock)
        conductor.begin()
        conductor.do(StartRound(1, clock.now().wall_utc))
        order = conductor.state.case_order
        for _ in order:
            case_id = display(conductor, folder)
            revision = conductor.state.revision
            clock.advance(5)
            conductor.do(Assess(case_id, revision, "case", "3"))
            conductor.do(GiveScore(case_id, revision, "case", 10))
            for _ in range(repeats):
                conductor.do(SubmitRead(case_id, revision, clock.now().wall_utc))
        log.close()
        logged = readlog.read(folder.log_path("R01")).logged
    validated = [entry.event.case_id for entry in logged if isinstance(entry.event, ReadSubmitted)]
    wrong = (len(validated) - len(set(validated))) + len(set(order) - set(validated)) + (validated != list(order))
    without_key = len(validated) * repeats  # what a program that writes a row for each command would hold
    control = f"a row for each command would be {without_key} reads of {len(order)} cases"
    return Outcome(cases * repeats, wrong, "validations", control, without_key > len(order), {"reads": len(validated)})


def blinded(size: Size) -> Outcome:
    """Search the real window's memory, files and texts for planted words while an unaided round is read."""
    from end2end.window_watch import search
    from reading.canaries import AID, HEAT, SHOWN, TRUTH, planted_study

    places = hits = alive = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(size.of(1, 3, 10)):
            found = search(planted_study(folder / f"s{number}", cases=4), folder / f"w{number}", 5 + 2 * number % 11)
            assert found.round_no == 1
            alive += found.memory[SHOWN] > 0
            for word in (TRUTH, AID, HEAT):
                places += 2
                hits += bool(found.memory[word]) + bool(found.disk[word])
        hits += alive < number + 1  # the memory searched must be that of the window
        study = planted_study(folder / "control", cases=2)
        aided = search(study, folder / "aided", 16)
    seen = aided.memory[AID] + aided.memory[HEAT]
    control = f"the same search in the aided round finds the aid {seen} times, the truth {aided.memory[TRUTH]} times"
    more = {"word_that_is_shown_found": alive}
    return Outcome(places, hits + bool(aided.memory[TRUTH]), "places", control, aided.round_no == 2 and seen > 0, more)


def offline(size: Size) -> Outcome:
    """Trace every socket of a reading, in a network space without any interface."""
    from end2end.window_watch import control, may_isolate, trace
    from reading.canaries import planted_study

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        isolated = may_isolate()
        study = planted_study(folder / "study", cases=size.of(2, 4, 8))
        seen = trace(study, folder / "read", size.of(10, 40, 80), isolated=isolated)
        broken = control(folder)
    text = f"a program that asks for the network, under the same trace: {broken.network} sockets"
    more = {"without_any_interface": isolated, "other_sockets": seen.local}
    return Outcome(seen.events, seen.network, "events read", text, broken.network > 0, more)


def cannot_trace() -> str:
    """Return why sockets cannot be traced here."""
    from end2end import window_watch

    return window_watch.cannot_trace()


def not_linux() -> str:
    """Return why the memory of another process cannot be read here."""
    return "" if sys.platform == "linux" else "the memory of a process is read through /proc"


def quick_to_save(size: Size) -> Outcome:
    """Measure how long an event takes to be durable, and how long the window's own thread is busy with it."""
    with tempfile.TemporaryDirectory() as name:
        commits = sorted(logbench.commit_ms(Path(name)))
        busy = sorted(logbench.ui_side_ms(Path(name), size.of(500, 2000, 10_000)))
    p99, p999 = report.quantile(commits, 0.99), report.quantile(busy, 0.999)
    slow = [own for own in commits if own > logbench.P99_BAR_MS]
    missed = (p99 > logbench.P99_BAR_MS) + (p999 > logbench.UI_BAR_MS)
    more = {
        "commit_p50_ms": round(report.quantile(commits, 0.5), 3),
        "commit_p99_ms": round(p99, 3),
        "ui_p999_ms": round(p999, 3),
        "ui_worst_ms": round(busy[-1], 3),
        "bars": f"commit p99 <= {logbench.P99_BAR_MS:.0f} ms, window's thread p99.9 <= {logbench.UI_BAR_MS:.0f} ms",
    }
    control = f"{len(slow)} commits above the bar; the measuring itself sees a pause of 60 ms: {logbench.sees_a_pause()}"
    return Outcome(len(commits) + len(busy), missed, "events", control, logbench.sees_a_pause(), more)


ROWS = (
    Row(
        "1b",
        "nothing that the window has shown as saved is lost when it is killed",
        window_kills,
        quick=False,
        needs=lambda: "SIGKILL is a matter of POSIX" if sys.platform == "win32" else "",
        procedure="End the program in the task manager in the middle of a case, twenty times; each time begin again: "
        "the last answer "
        "that was marked as saved is there.",
    ),
    Row("5", "each answer exactly once, however often it is sent", once),
    Row(
        "5b",
        "a held or doubled key answers nothing by itself",
        ByTests(
            "tests",
            proofs=[
                "ui/test_reading_flow.py::test_one_enter_arms_two_lock_and_a_held_key_does_neither",
                "ui/test_reading_flow.py::test_a_case_cannot_be_locked_right_after_it_appeared",
            ],
            controls=["ui/test_reading_flow.py::test_a_reader_logs_in_reads_and_goes_on_to_the_end"],
        ),
        quick=False,
    ),
    Row(
        "6",
        "saving is quick and never holds up the window",
        quick_to_save,
        quick=False,
        procedure="On a USB stick and on a hard disk: python -m benchmarks.log --dir FOLDER.",
    ),
    Row("7", "order and place are exact after every restart", resumed, quick=False),
    Row(
        "9",
        "an unaided round shows and stores neither aid nor truth",
        blinded,
        needs=not_linux,
        procedure="Windows: while an unaided case is shown, make a memory dump in the task manager and search it for "
        "the name of the "
        "model and for a word of the reference standard.",
    ),
    Row(
        "36",
        "no network socket is opened",
        offline,
        needs=cannot_trace,
        procedure="Windows: Resource Monitor, Network, while reading: the program does not appear. All: pull the cable, read.",
    ),
)
