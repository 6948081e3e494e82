"""The read log: how long an event takes to be durable, kills survived, and the time to verify a large log.

``python -m benchmarks.log [--json] [--dir DIR] [--kills 100] [--large [EVENTS]]``
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from benchmarks import report
from reader_app.clock import FrozenClock, SystemClock
from reader_app.reading.conductor import Conductor
from reader_app.reading.tasks import one_thread
from reader_app.store import readlog
from reader_app.store.readlog import ReadLog
from reader_app.store.runinfo import describe_run
from reader_app.store.upcast import decoded
from reader_app.study.assignment import Plan
from reader_app.study.assignment import plan as make_plan
from reader_app.study.audit import audit
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.commands import Command, DisplayCase, GiveScore, OpenSession, StartRound
from reader_app.study.definition import parse
from reader_app.study.events import (
    Assessed,
    CaseDisplayed,
    Event,
    MarkPlaced,
    ReadPaused,
    ReadResumed,
    ReadSubmitted,
    RoundFinished,
    RoundStarted,
    Scored,
    SessionClosed,
    SessionOpened,
)
from reader_app.study.finding import Mark
from reader_app.study.readtable import reads
from reader_app.study.session import due_case, replay

Made = TypeVar("Made")

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

COMMITS = 400
LARGE = 1_000_000
ROUNDS = 4
CHANGES = 8
P99_BAR_MS = 50.0
UI_BAR_MS = 16.0
VERIFY_BAR_S = 10.0


def read_events(number: int) -> list[Event]:
    """Return the events of one typical read."""
    case_id = f"case-{number % 200:03d}"
    return [
        CaseDisplayed(1, case_id, f"{number:064x}", ("RCC", "LCC", "RMLO", "LMLO"), None),
        Assessed(case_id, "case", "4A"),
        Scored(case_id, "case", number % 101),
        ReadSubmitted(1, case_id, {"case": "4A"}, {"case": number % 101}, ""),
    ]


def synced_write_ms(folder: Path) -> list[float]:
    """Return the times of the floor: as many bytes as a commit's two pages, written and synced to one plain file."""
    taken = []
    with open(folder / "floor", "wb") as file:
        for _ in range(COMMITS):
            start = time.perf_counter_ns()
            file.write(os.urandom(8192))
            file.flush()
            os.fsync(file.fileno())
            taken.append((time.perf_counter_ns() - start) / 1e6)
    return taken


def commit_ms(folder: Path) -> list[float]:
    """Return how long each of a series of single events took from the call to durable."""
    clock = SystemClock()
    log = ReadLog.open(folder / "latency.readlog", "R01", "ab" * 32, describe_run(clock))
    events = [event for number in range(COMMITS // 4) for event in read_events(number)]
    taken = []
    for event in events:
        start = time.perf_counter_ns()
        log.append([event], clock.now())
        taken.append((time.perf_counter_ns() - start) / 1e6)
    log.close()
    return taken


class _Window:
    """Stands for the window's thread: takes what is posted to it and counts how long it is busy with that."""

    def __init__(self) -> None:
        self._posted: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def post(self, work: Callable[[], None]) -> None:
        """Take work from the log's thread."""
        self._posted.put(work)

    def run_one(self) -> float:
        """Wait for the next piece of work, do it, and return its milliseconds."""
        work = self._posted.get()
        start = time.perf_counter_ns()
        work()
        return (time.perf_counter_ns() - start) / 1e6


def ui_side_ms(folder: Path, number: int) -> list[float]:
    """Return how long the window's own thread was busy with each of a series of answers: giving it away and taking the result."""
    plan, clock, window, thread = large_plan(4), SystemClock(), _Window(), one_thread("log")
    log = ReadLog.open(folder / "ui.readlog", plan.reader_id, plan.plan_hash, describe_run(clock))
    conductor = Conductor(plan, log, clock, thread, window)
    taken: list[float] = []

    def do(command: Command) -> None:
        start = time.perf_counter_ns()
        conductor.do(command)
        taken.append((time.perf_counter_ns() - start) / 1e6 + window.run_one())

    do(OpenSession(clock.now().wall_utc))
    do(StartRound(1, clock.now().wall_utc))
    case_id = due_case(conductor.state) or ""
    do(DisplayCase(case_id, plan.fingerprints[case_id], ("RCC", "LCC", "RMLO", "LMLO"), None))
    while len(taken) < number:
        do(GiveScore(case_id, conductor.state.revision, "case", len(taken) % 101))
    thread.shutdown()
    log.close()
    return taken


def sees_a_pause() -> bool:
    """Return whether the measurement would notice a window's thread that waits for the disk."""
    window = _Window()
    window.post(lambda: time.sleep(0.06))
    return window.run_one() > P99_BAR_MS


def latency(folder: Path) -> list[report.Result]:
    """Measure commit latency against the floor of the same disk."""
    floor, taken = synced_write_ms(folder), commit_ms(folder)
    made = []
    for share, name in ((0.5, "median"), (0.99, "p99")):
        value, base = report.quantile(taken, share), report.quantile(floor, share)
        bar = f"<= {P99_BAR_MS:.0f} ms" if share > 0.9 else "beside the p99"
        held = share < 0.99 or value <= P99_BAR_MS
        made.append(
            report.Result(f"commit of one event, {name}", value, "ms", bar, held, value / base, f"write + fsync ({base:.3f} ms)")
        )
    busy = ui_side_ms(folder, 5000)
    worst = report.quantile(busy, 0.999)
    held = worst <= UI_BAR_MS
    made.append(report.Result("window's thread busy with one answer, p99.9", worst, "ms", f"<= {UI_BAR_MS:.0f} ms", held))
    return made


def kills(folder: Path, number: int) -> list[report.Result]:
    """Kill a writing program again and again; with the negative control."""
    from store.kills import kill_loop

    sound = kill_loop(folder, number)
    late = kill_loop(folder, max(5, number // 10), build="late")
    lost = sound.lost + len(sound.broken)
    more = {
        "tried": sound.kills,
        "failed": lost,
        "acknowledged": sound.acknowledged,
        "negative_control": f"a build that acknowledges before the commit lost {late.lost} events in {late.kills} kills",
    }
    return [
        report.Result(
            "acknowledged events lost by kills", lost, "events", "0, control > 0", lost == 0 and late.lost > 0, more=more
        )
    ]


def large_plan(cases: int) -> Plan:
    """Return the plan of a large study: every case in each of :data:`ROUNDS` rounds."""
    rounds = [{"number": number, "condition": "unaided"} for number in range(1, ROUNDS + 1)]
    document = {"format": 1, "id": "large", "title": "A large study", "rounds": rounds, "randomisation": {"seed": 1}}
    listed = [CaseEntry(f"case-{number:05d}", "mammography", fingerprint=f"{number:064x}") for number in range(cases)]
    return make_plan(parse(document), listed, Reader("R01"), "large")


def long_read(plan: Plan, round_no: int, case_id: str) -> tuple[Event, list[Event]]:
    """Return the display of one read and what follows it: a pause, a mark that is moved, an answer thought over."""
    marks = [Mark("1", "F1", "RCC", (12.5 + step, 40.0), score=60 + step) for step in range(4)]
    body: list[Event] = [ReadPaused(case_id, "reader"), ReadResumed(case_id)]
    body += [MarkPlaced(case_id, mark) for mark in marks]
    for change in range(CHANGES):
        body += [Assessed(case_id, "case", ("3", "4A")[change % 2]), Scored(case_id, "case", change)]
    answer = ({"case": ("3", "4A")[change % 2]}, {"case": change})
    shown = CaseDisplayed(round_no, case_id, plan.fingerprints[case_id], ("RCC", "LCC", "RMLO", "LMLO"), None)
    return shown, [*body, ReadSubmitted(round_no, case_id, *answer, "", (marks[-1],))]


def write_whole_study(path: Path, plan: Plan) -> None:
    """Write the log of a reader who has read all of a plan, half a minute a case."""
    clock = FrozenClock()
    log = ReadLog.open(path, plan.reader_id, plan.plan_hash, describe_run(clock, host="benchmark"))

    def put(*events: Event) -> None:
        log.append(events, clock.now())

    put(SessionOpened(plan.reader_id, plan.plan_hash, clock.now().wall_utc))
    for entry in plan.rounds:
        put(RoundStarted(entry.number, entry.order, clock.now().wall_utc))
        for case_id in entry.order:
            shown, rest = long_read(plan, entry.number, case_id)
            put(shown)
            clock.advance(30)
            put(*rest)
        put(RoundFinished(entry.number, clock.now().wall_utc))
    put(SessionClosed(clock.now().wall_utc))
    log.close()


def large(folder: Path, events: int) -> list[report.Result]:
    """Open, verify, replay, judge and fold a large log; each step by itself."""
    plan = large_plan(events // (ROUNDS * (2 * CHANGES + 8)))
    path = folder / "large.readlog"
    write_whole_study(path, plan)
    results, taken = [], {}

    def timed(name: str, act: Callable[[], Made]) -> Made:
        start, cpu = time.perf_counter(), time.process_time()
        made = act()
        taken[name] = (time.perf_counter() - start, time.process_time() - cpu)
        return made

    rows = timed("verified", lambda: readlog.read_rows(path))
    logged = timed("decoded", lambda: decoded(rows.events))
    state = timed("replayed", lambda: replay(plan, (entry.event for entry in logged)))
    found = timed("judged by the auditor", lambda: audit(plan, logged))
    table = timed("folded into reads", lambda: reads(plan, logged))
    assert len(table) == len(state.answers) == len(plan.units) * ROUNDS and found == []
    opening = taken["verified"][0] + taken["decoded"][0]
    more = {"events": len(logged), "reads": len(table), "file_mb": round(path.stat().st_size / 1e6)}
    bar = f"<= {VERIFY_BAR_S:.0f} s"
    results.append(
        report.Result("large log opened (verified and decoded)", opening, "s", bar, opening <= VERIFY_BAR_S, more=more)
    )
    for name, (wall, cpu) in taken.items():
        results.append(report.Result(f"large log {name}", wall, "s", bar, wall <= VERIFY_BAR_S, more={"cpu_s": round(cpu, 2)}))
    return results


def main() -> int:
    """Run the measurements asked for and print them."""
    parser = report.arguments(__doc__)
    parser.add_argument("--dir", type=Path, help="folder on the disk to be measured; the temporary folder if absent")
    parser.add_argument("--kills", type=int, default=100, help="how often the program is killed (0: not at all)")
    parser.add_argument("--large", type=int, nargs="?", const=LARGE, help="also a log of so many events (a million if not said)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = Path(name)
        results = latency(folder)
        if options.kills:
            results += kills(folder, options.kills)
        if options.large:
            results += large(folder, options.large)
    return report.show(results, options.json)


if __name__ == "__main__":
    sys.exit(main())
