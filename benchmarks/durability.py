"""What the read log survives, each figure beside a build that is broken on purpose (rows 1-4 and 13-15 of the reliability
table).

``python -m benchmarks.durability [--json] [--kills 1000] [--cuts 10000] [--changes 10000] [--merges 10000] [--quick]``
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import report

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))


def _row(name: str, tried: int, failed: int, control: str, caught: bool, unit: str) -> report.Result:
    more = {"tried": tried, "failed": failed, "negative_control": control}
    return report.Result(
        name, failed, unit, "0 of those tried; the control must fail", failed == 0 and caught and tried > 0, more=more
    )


def kills(number: int) -> report.Result:
    """Kill the program while it writes (row 1)."""
    from store.kills import kill_loop

    with tempfile.TemporaryDirectory() as folder:
        sound = kill_loop(Path(folder), number)
        late = kill_loop(Path(folder), max(5, number // 50), build="late")
    control = f"acknowledging before the commit: {late.lost} events lost in {late.kills} kills"
    return _row("events lost by SIGKILL", sound.kills, sound.lost + len(sound.broken), control, late.lost > 0, "events")


def power_cuts(number: int) -> report.Result:
    """Cut the power at any moment (row 2)."""
    from store.powercuts import power_cuts as cut

    with _memory_folder() as folder:
        sound = cut(Path(folder), number)
        (Path(folder) / "control").mkdir()
        bare = cut(Path(folder) / "control", max(20, number // 20), unsynced=True)
    control = f"without syncing: {bare.corrupt} logs corrupt and {bare.lost} with events missing after {bare.cuts} cuts"
    return _row("logs harmed by power cuts", sound.cuts, sound.lost + sound.corrupt, control, bare.corrupt > 0, "logs")


def io_errors(step: int) -> report.Result:
    """Fail every operation on the disk in turn, once and for ever (row 3)."""
    from store.iofaults import sweep

    tried, bad = 0, 0
    with _memory_folder() as name:
        for begun in (True, False):
            for lasting in (True, False):
                folder = Path(name) / f"{begun}{lasting}"
                folder.mkdir()
                found = sweep(folder, lasting=lasting, begun=begun, step=step)
                tried += found.points
                bad += len(found.bad)
        (Path(name) / "control").mkdir()
        careless = sweep(Path(name) / "control", lasting=False, begun=True, careless=True)
    control = f"taking a refused event for saved: {len(careless.bad)} bad ends at {careless.points} points"
    return _row("bad ends after a disk error", tried, bad, control, bool(careless.bad), "ends")


def full_disk(step: int) -> report.Result:
    """Fill the disk at every write, then make room (row 4)."""
    from store.iofaults import sweep

    tried, bad = 0, 0
    with _memory_folder() as name:
        for begun in (True, False):
            folder = Path(name) / f"{begun}"
            folder.mkdir()
            found = sweep(folder, lasting=True, begun=begun, full=True, step=step)
            tried += found.points
            bad += len(found.bad)
        (Path(name) / "control").mkdir()
        careless = sweep(Path(name) / "control", lasting=True, begun=True, full=True, careless=True)
    control = f"taking a refused event for saved: {len(careless.bad)} bad ends at {careless.points} points"
    return _row("bad ends on a full disk", tried, bad, control, bool(careless.bad), "ends")


def tampering(number: int) -> report.Result:
    """Change logs with a database tool, in eight ways (row 13)."""
    from store.tampering import tamper

    with _memory_folder() as name:
        (Path(name) / "control").mkdir()
        found = tamper(Path(name), number)
        blind = tamper(Path(name) / "control", max(200, number // 20), with_receipt=False)
    control = f"without the receipt {blind.unseen['cut']} of {blind.kinds['cut']} cut tails go unseen"
    unseen = sum(found.unseen.values()) + found.false_alarms
    row = _row("changes of a log unseen, or false alarms", found.tried, unseen, control, blind.unseen["cut"] > 0, "changes")
    return row


def merges(number: int) -> report.Result:
    """Merge logs in any order, with forks and a tampered file, against a model (rows 14 and 15)."""
    from store.merges import make_stock, merge_trials

    with _memory_folder() as name:
        stock = make_stock(Path(name))
        sound = merge_trials(stock, number)
        naive = merge_trials(stock, 50, naive=True)
    control = f"letting the last file win: {naive.violations} violations in {naive.merges} merges"
    return _row("merges that broke a rule", sound.merges, sound.violations, control, naive.violations > 0, "merges")


def _memory_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder whose syncs cost nothing where there is one: these disks are simulated above it."""
    shared = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None)


def main() -> int:
    """Run the measurements asked for and print them."""
    parser = report.arguments(__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--cuts", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--merges", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="a fortieth of everything")
    options = parser.parse_args()
    share = 40 if options.quick else 1
    step = 5 if options.quick else 1
    tasks: list[Callable[[], report.Result]] = [
        lambda: kills(options.kills // share),
        lambda: power_cuts(options.cuts // share),
        lambda: io_errors(step),
        lambda: full_disk(step),
        lambda: tampering(options.changes // share),
        lambda: merges(options.merges // share),
    ]
    results = []
    for task in tasks:
        results.append(task())
        print(f"{results[-1].name}: {results[-1].value:g} of {results[-1].more['tried']}", file=sys.stderr, flush=True)
    return report.show(results, options.json)


if __name__ == "__main__":
    sys.exit(main())
