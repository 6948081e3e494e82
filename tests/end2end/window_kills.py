"""Kills the real reading window at random moments of a scripted session and compares the log with what it had shown as saved.

``python -m tests.end2end.window_kills STUDY SCRIPT READER KILLS`` prints the outcome as JSON; ``--late`` runs the broken build.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from reader_app.errors import LogFault
from reader_app.store import readlog

#: The broken build of the negative control: an entry counts as written a while before it is.
LATE_BUILD = """
import sys, threading
from reader_app.store.readlog import ReadLog
_write = ReadLog._write_events
def late(self, made):
    self._held = getattr(self, "_held", []) + list(made)
    if len(self._held) > 12:
        due, self._held = self._held, []
        head, self._head = self._head, getattr(self, "_written", self._head)
        _write(self, due)
        self._written, self._head = (due[-1][0], due[-1][6]), head
ReadLog._write_events = late
from reader_app.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@dataclass
class Outcome:
    """What a loop of kills found."""

    kills: int = 0
    shown_as_saved: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)
    finished_runs: int = 0


def kill_loop(study: Path, script: Path, reader_id: str, kills: int, home: Path, late: bool = False, seed: int = 1) -> Outcome:
    """Kill the window ``kills`` times; whenever a session comes to its end, begin again from an empty log.

    After each kill the log is verified (chain, integrity) and must reach the last entry that the window had shown as saved.
    """
    rng = random.Random(seed)
    outcome = Outcome()
    log = study / "logs" / f"{reader_id}.readlog"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "READER_APP_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    start = ["-c", LATE_BUILD] if late else ["-m", "reader_app"]
    command = [sys.executable, *start, "read", str(study), "--reader", reader_id, "--script", str(script)]
    while outcome.kills < kills:
        words = home / "said.txt"
        with words.open("wb") as said:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
        _wait_for_first_save(process, words)
        try:
            process.wait(rng.uniform(0.0, 2.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            outcome.kills += 1
        saved = [
            int(line.split()[1]) for line in words.read_text(encoding="utf-8", errors="replace").splitlines() if _whole(line)
        ]
        outcome.shown_as_saved += len(saved)
        stored = _stored(log, outcome)
        if saved and stored < max(saved):
            outcome.lost += max(saved) - stored
        if process.returncode == 0:
            outcome.finished_runs += 1
        elif process.returncode != -signal.SIGKILL:
            outcome.broken.append(words.read_text(encoding="utf-8", errors="replace")[-400:])
        if process.returncode != -signal.SIGKILL or outcome.broken or outcome.lost:
            shutil.rmtree(study / "logs")
            (study / "logs").mkdir()
        if late and outcome.lost:
            break
    return outcome


def _whole(line: str) -> bool:
    return line.startswith("saved ") and line[6:].isdigit()


def _wait_for_first_save(process: subprocess.Popen[bytes], words: Path, limit_s: float = 60) -> None:
    """Wait until the window has shown one entry as saved, so that kills fall into the session and not into the start."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end and process.poll() is None:
        if b"saved " in words.read_bytes():
            return
        time.sleep(0.02)


def _stored(log: Path, outcome: Outcome) -> int:
    if not log.exists():
        return 0
    try:
        return readlog.read(log).head[0]
    except LogFault as fault:
        outcome.broken.append(str(fault))
        return 0


if __name__ == "__main__":
    import tempfile

    study, script, reader_id, kills = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    with tempfile.TemporaryDirectory() as home:
        sys.stdout.write(json.dumps(asdict(kill_loop(study, script, reader_id, kills, Path(home), "--late" in sys.argv))) + "\n")
