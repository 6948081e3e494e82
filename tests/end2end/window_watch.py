"""Starts the real reading window as a process of its own, lets it read by script, and looks into it from outside.

``python -m tests.end2end.window_watch`` prints what a search for planted words and a trace of sockets find.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reading.canaries import AID, HEAT, SHOWN, TRUTH, in_memory, on_disk

from reader_app.store import readlog
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.events import CaseDisplayed, Event

READER = "R01"
_PATIENCE_S = 120.0


def write_script(study: Path, file: Path) -> Path:
    """Write a script that answers every case of every round."""
    plan = StudyFolder.load(study).plan(READER)
    reads = [
        {"round": entry.number, "case_id": case_id, "categories": {"case": "4A"}, "scores": {"case": 40}, "reading_time_s": 6.5}
        for entry in plan.rounds
        for case_id in entry.order
    ]
    file.write_text(json.dumps({"schema": 1, "reader_id": READER, "seed": 1, "reads": reads}), encoding="utf-8")
    return file


@contextmanager
def window(study: Path, work: Path, *before: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run the reading window below ``work`` (home, temporary files, what it says); it is killed at the end of the block."""
    for name in ("home", "temp"):
        (work / name).mkdir(parents=True, exist_ok=True)
    script, words = write_script(study, work / "script.json"), work / "said.txt"
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "READER_APP_HOME": str(work / "home"),
        "TMPDIR": str(work / "temp"),
        "PYTHONUNBUFFERED": "1",
    }
    command = [*before, sys.executable, "-m", "reader_app", "read", str(study), "--reader", READER, "--script", str(script)]
    with words.open("wb") as said:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process, words
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the tracer as well as what it traces
        process.wait()


def saved(words: Path) -> int:
    """Return the last event that the window has shown as saved."""
    lines = words.read_text(encoding="utf-8", errors="replace").splitlines()
    return max((int(line[6:]) for line in lines if line.startswith("saved ") and line[6:].isdigit()), default=0)


def wait_until_saved(process: subprocess.Popen[bytes], words: Path, number: int) -> None:
    """Wait until the window has shown so many events as saved."""
    end = time.monotonic() + _PATIENCE_S
    while saved(words) < number:
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"the window did not come to event {number}: {words.read_text(encoding='utf-8')[-400:]}")
        time.sleep(0.01)


@dataclass
class Search:
    """Where planted words were found.

    Attributes
    ----------
    round_no : int
        The round whose case was on the screen.
    memory : mapping
        By word: how often it stood in the memory of the window's process.
    disk : mapping
        By word: the files that hold it, among those the program has written (log, home, temporary files, what it said).
    """

    round_no: int
    memory: dict[str | bytes, int]
    disk: dict[str | bytes, list[str]] = field(default_factory=dict)


def search(study: Path, work: Path, events: int) -> Search:
    """Stop the window when so many events more than now are saved, and look for the planted words."""
    log = study / "logs" / f"{READER}.readlog"
    done = readlog.read(log).head[0] if log.exists() else 0
    with window(study, work) as (process, words):
        wait_until_saved(process, words, done + events)
        os.kill(process.pid, signal.SIGSTOP)
        memory = in_memory(process.pid, [TRUTH, AID, HEAT, SHOWN])
    shown = [entry.event for entry in readlog.read(log).logged if isinstance(entry.event, CaseDisplayed)]
    disk = on_disk(work, [TRUTH, AID, HEAT])
    for word, names in on_disk(study / "logs", [TRUTH, AID, HEAT]).items():
        disk[word] += names
    return Search(_round(shown), memory, disk)


def _round(shown: list[Event]) -> int:
    return shown[-1].round_no if shown and isinstance(shown[-1], CaseDisplayed) else 0


@dataclass
class Sockets:
    """What a trace of a whole reading saw.

    Attributes
    ----------
    events : int
        Events that the reading wrote.
    network, local : int
        Sockets of the internet families, and others (the window system's own).
    """

    events: int = 0
    network: int = 0
    local: int = 0


def trace(study: Path, work: Path, events: int, *, isolated: bool = True) -> Sockets:
    """Read under a trace of every socket, in a network space that has no interface where that is permitted."""
    lines = work / "sockets.txt"
    work.mkdir(parents=True, exist_ok=True)
    before = (*(("unshare", "-n") if isolated else ()), *tracer(lines))
    with window(study, work, *before) as (process, words):
        wait_until_saved(process, words, events)
        number = saved(words)
    return Sockets(number, *_count(lines))


def tracer(lines: Path) -> tuple[str, ...]:
    """Return the command that writes down every socket which a program and its children ask for."""
    return ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=socket,connect,sendto", "-o", str(lines))


def control(work: Path) -> Sockets:
    """Return what the same trace sees of a program that looks up a name: the broken build."""
    lines = work / "control.txt"
    work.mkdir(parents=True, exist_ok=True)
    asking = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect_ex(('192.0.2.1', 9))"
    subprocess.run([*tracer(lines), sys.executable, "-c", asking], check=True)
    return Sockets(0, *_count(lines))


def _count(lines: Path) -> tuple[int, int]:
    made = [line for line in lines.read_text(encoding="utf-8", errors="replace").splitlines() if " socket(" in line]
    network = sum("AF_INET" in line for line in made)
    return network, len(made) - network


def cannot_trace() -> str:
    """Return why sockets cannot be traced here; empty where they can."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "no program 'strace'"
    return (
        "" if subprocess.run(["strace", "-qq", "true"], capture_output=True, check=False).returncode == 0 else "no right to trace"
    )


def may_isolate() -> bool:
    """Return whether a program can be given a network space without any interface."""
    return (
        shutil.which("unshare") is not None
        and not subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode
    )


if __name__ == "__main__":
    from reading.canaries import planted_study

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = planted_study(folder / "study", cases=4)
        print(search(study, folder / "first", 9))
        print(search(study, folder / "second", 26))
        print(trace(study, folder / "third", 40, isolated=may_isolate()), control(folder))
