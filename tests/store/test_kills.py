"""Killed at any moment, a log keeps everything that was acknowledged. READER_APP_KILLS=100 for the long form."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from store.kills import kill_loop

KILLS = int(os.environ.get("READER_APP_KILLS", "25"))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX; Windows: benchmarks.log by hand")


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    report = kill_loop(tmp_path, KILLS)
    assert report.kills == KILLS
    assert report.acknowledged > KILLS
    assert report.broken == []
    assert report.lost == 0


def test_the_loop_catches_a_build_that_acknowledges_too_early(tmp_path: Path) -> None:
    """Negative control: without it the zero above would mean nothing."""
    report = kill_loop(tmp_path, 5, build="late")
    assert report.lost > 0
