"""Runs the program as a user starts it: a process of its own, an empty home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CASES, READERS = 6, 2


def run_program(*arguments: str, home: Path, timeout: float = 500) -> subprocess.CompletedProcess[str]:
    """Run ``reader-app`` as a process of its own with an empty home."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "READER_APP_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "reader_app", *arguments],
        env=environment, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
