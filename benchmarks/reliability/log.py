"""Rows about the read log: kills, power cuts, failing and full disks, tampering, merging, upgrades, second instances, backups."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.reliability.rows import ROOT, ByTests, Outcome, Row, Size

sys.path.insert(0, str(ROOT / "tests"))


def memory_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder whose syncs cost nothing where there is one: these disks are simulated above it."""
    shared = Path("/dev/shm")
    return tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None)


def kills(size: Size) -> Outcome:
    """Kill the program while it writes."""
    from store.kills import kill_loop

    with tempfile.TemporaryDirectory() as folder:
        sound = kill_loop(Path(folder), size.of(6, 60, 1000), seconds=size.seconds)
        late = kill_loop(Path(folder), size.of(3, 6, 20), build="late")
    control = f"acknowledging before the commit: {late.lost} events lost in {late.kills} kills"
    more = {"acknowledged": sound.acknowledged, "lost": sound.lost, "corrupt": len(sound.broken)}
    return Outcome(sound.kills, sound.lost + len(sound.broken), "kills", control, late.lost > 0, more)


def power_cuts(size: Size) -> Outcome:
    """Cut the power at any moment."""
    from store.powercuts import power_cuts as cut

    with memory_folder() as name:
        folder = Path(name)
        sound = cut(folder, size.of(60, 600, 10_000), seconds=size.seconds)
        (folder / "control").mkdir()
        bare = cut(folder / "control", size.of(20, 40, 400), unsynced=True)
    harmed = bare.corrupt + bare.lost
    control = f"without syncing: {bare.corrupt} logs corrupt and {bare.lost} with events missing after {bare.cuts} cuts"
    more = {"lost": sound.lost, "corrupt": sound.corrupt, "worst_loss": sound.worst}
    return Outcome(sound.cuts, sound.lost + sound.corrupt, "cuts", control, harmed > bare.cuts / 2, more)


def io_errors(size: Size) -> Outcome:
    """Fail every operation on the disk in turn, once and for ever."""
    from store.iofaults import sweep

    tried, bad = 0, list[str]()
    with memory_folder() as name:
        for begun in (True, False):
            for lasting in (True, False):
                folder = Path(name) / f"{begun}{lasting}"
                folder.mkdir()
                found = sweep(folder, lasting=lasting, begun=begun, step=size.of(6, 1, 1))
                tried, bad = tried + found.points, bad + found.bad
        (Path(name) / "control").mkdir()
        careless = sweep(Path(name) / "control", lasting=False, begun=True, careless=True, step=size.of(6, 1, 1))
    control = f"taking a refused event for saved: {len(careless.bad)} bad ends at {careless.points} points"
    return Outcome(tried, len(bad), "points of failure", control, bool(careless.bad), {"bad": bad[:3]})


def full_disk(size: Size) -> Outcome:
    """Fill the disk at every write of a session, then make room."""
    from store.iofaults import sweep

    tried, bad = 0, list[str]()
    with memory_folder() as name:
        for begun in (True, False):
            folder = Path(name) / f"{begun}"
            folder.mkdir()
            found = sweep(folder, lasting=True, begun=begun, full=True, step=size.of(6, 1, 1))
            tried, bad = tried + found.points, bad + found.bad
        (Path(name) / "control").mkdir()
        careless = sweep(Path(name) / "control", lasting=True, begun=True, full=True, careless=True, step=size.of(6, 1, 1))
    control = f"taking a refused event for saved: {len(careless.bad)} bad ends at {careless.points} points"
    return Outcome(tried, len(bad), "writes on a full disk", control, bool(careless.bad), {"bad": bad[:3]})


#: Runs alone with a small disk of its own: fills it to another byte each time, writes until it is refused, makes room, goes on.
_SMALL_DISK = """
import os, sys
from pathlib import Path
from store.logs import AT, opened
from reader_app.errors import LogUnavailable
from reader_app.store import readlog
from reader_app.study.events import Noted
disk, rounds, careless = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "careless"
lost = refused = 0
for number in range(rounds):
    path = disk / f"R{number}.readlog"
    log = opened(path)
    log.append([Noted("case-01", "begun")], AT)
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast.write_bytes(bytes(max(0, free - 4096 * (number % 40))))
    told = 1
    for _ in range(60):
        try:
            told = log.append([Noted("case-01", "x" * 1500)], AT)[-1].seq
        except LogUnavailable as fault:
            assert "disk is full" in str(fault) or "disk failed" in str(fault), fault
            refused += 1
            if careless:
                told += 1
                continue
            ballast.unlink()
            told = log.append([Noted("case-01", "after making room")], AT)[-1].seq
            break
    log.close()
    ballast.unlink(missing_ok=True)
    lost += max(0, told - readlog.read(path).head[0]) + len(readlog.verify(path))
    path.unlink()
print(refused, lost)
"""


def small_disk(size: Size) -> Outcome:
    """Fill a real small file system (a tmpfs of two megabytes in a mount space of its own)."""
    number = size.of(8, 120, 400)
    refused, lost = _on_small_disk(number, "sound")
    _, control = _on_small_disk(6, "careless")
    text = f"taking a refused event for saved: {control} events missing"
    return Outcome(refused, lost, "times full", text, control > 0, {"logs": number})


def _on_small_disk(number: int, build: str) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as folder:
        mounted = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" -c "$3" "$1" "$4" "$5"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", mounted, "sh", folder, sys.executable, _SMALL_DISK, str(number), build],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        )
    refused, lost = done.stdout.split()
    return int(refused), int(lost)


def cannot_mount() -> str:
    """Return why no small disk can be mounted here."""
    if shutil.which("unshare") is None:
        return "no program 'unshare'"
    tried = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no right to mount a small disk"


def tampering(size: Size) -> Outcome:
    """Change logs with a database tool, in eight ways."""
    from store.tampering import KINDS, tamper

    with memory_folder() as name:
        (Path(name) / "control").mkdir()
        found = tamper(Path(name), size.of(400, 2000, 10_000))
        blind = tamper(Path(name) / "control", size.of(120, 200, 400), with_receipt=False)
    control = f"without the receipt {blind.unseen['cut']} of {blind.kinds['cut']} cut tails go unseen"
    wrong = sum(found.unseen.values()) + found.false_alarms
    more = {"kinds": len(KINDS), "false_alarms": found.false_alarms, "sound_logs": found.clean}
    return Outcome(found.tried, wrong, "changes", control, blind.unseen["cut"] > 0, more)


def merges(size: Size) -> Outcome:
    """Merge logs in any order, with forks and a tampered file, against a model."""
    from store.merges import make_stock, merge_trials

    with memory_folder() as name:
        stock = make_stock(Path(name))
        sound = merge_trials(stock, size.of(40, 1000, 10_000), seconds=size.seconds)
        naive = merge_trials(stock, 40, naive=True)
    control = f"letting the last file win: {naive.violations} violations in {naive.merges} merges"
    more = {"refused_rightly": sound.refused}
    return Outcome(sound.merges, sound.violations, "merges", control, naive.violations > 0, more)


ROWS = (
    Row("1a", "no acknowledged event is lost when the log's program is killed", kills),
    Row("2", "no acknowledged event is lost by a power cut, and no log is corrupt", power_cuts),
    Row("3", "a disk that fails at any operation ends in words, and nothing acknowledged is lost", io_errors),
    Row("4a", "a disk that is full at any write ends in words, and reading goes on when there is room", full_disk),
    Row(
        "4b",
        "the same on a real small file system",
        small_disk,
        needs=cannot_mount,
        procedure="As administrator mount a file system of 2 MB (Windows: a VHD or a quota), begin a reading in a study on it, "
        "fill it, answer, see the message, free space, choose 'Try again': the answer is saved once.",
    ),
    Row("13", "every change of a log behind the program's back is seen", tampering),
    Row("14-15", "merging is idempotent, order-free, all or nothing; every conflict is found", merges),
    Row(
        "32",
        "logs of every released version read to the same events, and go on",
        ByTests(
            "tests", proofs=["store/test_corpus.py"], controls=["store/test_corpus.py::test_the_comparison_sees_a_difference"]
        ),
        quick=False,
    ),
    Row(
        "33",
        "a second instance, a newer file and a network share are refused, with the holder's name",
        ByTests(
            "tests",
            proofs=[
                "store/test_readlog.py::test_a_second_instance_is_refused_and_told_who_holds_the_log",
                "store/test_readlog.py::test_a_second_process_is_refused",
                "store/test_readlog.py::test_two_programs_may_begin_the_same_log_in_the_same_moment",
                "store/test_readlog.py::test_a_newer_file_is_refused",
                "store/test_readlog.py::test_a_network_share_is_refused",
                "store/test_readlog.py::test_network_shares_are_known_by_their_mounts",
                "ui/test_reading_flow.py::test_the_second_window_is_told_that_the_log_is_open",
            ],
            controls=["store/test_readlog.py::test_the_holder_is_unknown_without_its_note"],
        ),
        quick=False,
        procedure="The share itself: mount a network drive, put a study on it, start a reading: it is refused in one sentence.",
    ),
    Row(
        "34",
        "backups restore: a lost or damaged log comes back to the last event",
        ByTests(
            "tests",
            proofs=["store/test_backup.py"],
            controls=["store/test_backup.py::test_a_damaged_copy_is_refused"],
        ),
        quick=False,
    ),
)
