"""The read log: how long an event takes to be durable, kills survived, and the time to verify a large log.

``python -m benchmarks.log [--json] [--dir DIR] [--kills 100] [--large]``
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import report
from reader_app.clock import SystemClock
from reader_app.store import readlog
from reader_app.store.readlog import ReadLog
from reader_app.store.runinfo import describe_run
from reader_app.study.events import Assessed, CaseDisplayed, Event, ReadSubmitted, Scored

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

COMMITS = 400
LARGE = 1_000_000
P99_BAR_MS = 50.0
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


def large(folder: Path) -> list[report.Result]:
    """Verify and read a log of a million events."""
    clock = SystemClock()
    path = folder / "large.readlog"
    log = ReadLog.open(path, "R01", "ab" * 32, describe_run(clock))
    for block in range(0, LARGE // 4, 25_000):
        log.append([event for number in range(block, block + 25_000) for event in read_events(number)], clock.now())
    log.close()
    start, started_cpu = time.perf_counter(), time.process_time()
    rows = readlog.read_rows(path)
    proven, cpu = time.perf_counter() - start, time.process_time() - started_cpu
    assert rows.head[0] == LARGE
    start = time.perf_counter()
    readlog.decoded(rows.events)
    decoding = time.perf_counter() - start
    size = path.stat().st_size / 1e6
    more = {"events": LARGE, "file_mb": round(size), "cpu_s": round(cpu, 2), "decoding_s": round(decoding, 2)}
    return [
        report.Result("a million events verified", proven, "s", f"<= {VERIFY_BAR_S:.0f} s", proven <= VERIFY_BAR_S, more=more)
    ]


def main() -> int:
    """Run the measurements asked for and print them."""
    parser = report.arguments(__doc__)
    parser.add_argument("--dir", type=Path, help="folder on the disk to be measured; the temporary folder if absent")
    parser.add_argument("--kills", type=int, default=100, help="how often the program is killed (0: not at all)")
    parser.add_argument("--large", action="store_true", help="also a log of a million events")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = Path(name)
        results = latency(folder)
        if options.kills:
            results += kills(folder, options.kills)
        if options.large:
            results += large(folder)
    return report.show(results, options.json)


if __name__ == "__main__":
    sys.exit(main())
