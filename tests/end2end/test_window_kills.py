"""The real reading window killed at random moments: nothing that it showed as saved is lost, and it goes on where it was."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from end2end.window_kills import kill_loop

KILLS = int(os.environ.get("READER_APP_KILLS", "6"))

pytestmark = [
    pytest.mark.gui,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX"),
]


@pytest.fixture
def study(demo: Path, tmp_path: Path) -> Path:
    """A copy of the demonstration study that nobody has read."""
    copy = tmp_path / "study"
    shutil.copytree(demo / "study", copy, ignore=shutil.ignore_patterns("logs"))
    (copy / "logs").mkdir()
    return copy


def test_nothing_shown_as_saved_is_lost(study: Path, demo: Path, tmp_path: Path) -> None:
    outcome = kill_loop(study, demo / "scripts" / "R02.json", "R02", KILLS, tmp_path)
    assert outcome.kills == KILLS
    assert outcome.shown_as_saved > KILLS
    assert outcome.broken == []
    assert outcome.lost == 0


def test_the_loop_catches_a_build_that_shows_saved_too_early(study: Path, demo: Path, tmp_path: Path) -> None:
    """Negative control: without it the zero above would mean nothing."""
    assert kill_loop(study, demo / "scripts" / "R02.json", "R02", 5, tmp_path, late=True).lost > 0
