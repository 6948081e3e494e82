"""The engine and schema of the program against a disk that fails: power cuts, errors at every operation, no room, tampering.

Each zero stands beside a build that is broken on purpose and must be caught by the same loop.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from store import vfs
from store.iofaults import sweep
from store.powercuts import power_cuts
from store.tampering import KINDS, tamper

CUTS = int(os.environ.get("READER_APP_CUTS", "100"))
CHANGES = int(os.environ.get("READER_APP_CHANGES", "800"))

needs_vfs = pytest.mark.skipif(not vfs.available(), reason="the functions of SQLite cannot be reached here")


@pytest.fixture
def memory_disk(tmp_path: Path) -> Path:
    """A folder whose syncs cost nothing: the disk is simulated above it."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        return tmp_path
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(dir=shared))
    try:
        yield folder  # type: ignore[misc]
    finally:
        shutil.rmtree(folder)


@needs_vfs
def test_no_power_cut_loses_what_was_acknowledged(memory_disk: Path) -> None:
    report = power_cuts(memory_disk, CUTS)
    assert (report.cuts, report.lost, report.corrupt) == (CUTS, 0, 0)


@needs_vfs
def test_the_cuts_catch_a_build_that_does_not_sync(memory_disk: Path) -> None:
    report = power_cuts(memory_disk, 20, unsynced=True)
    assert report.corrupt + report.lost > 5


@needs_vfs
@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("begun", [False, True])
def test_an_error_at_any_operation_ends_in_words_and_loses_nothing(memory_disk: Path, begun: bool, lasting: bool) -> None:
    report = sweep(memory_disk, lasting=lasting, begun=begun, step=2)
    assert report.points > 30 and report.refused > 0
    assert report.bad == []


@needs_vfs
@pytest.mark.parametrize("begun", [False, True])
def test_a_disk_that_is_full_at_any_write(memory_disk: Path, begun: bool) -> None:
    report = sweep(memory_disk, lasting=True, begun=begun, full=True)
    assert report.points > 30
    assert report.bad == []


@needs_vfs
def test_the_sweep_catches_a_program_that_takes_a_refused_event_for_saved(memory_disk: Path) -> None:
    assert sweep(memory_disk, lasting=False, begun=True, step=3, careless=True).bad != []


def test_every_change_of_a_log_is_seen(memory_disk: Path) -> None:
    report = tamper(memory_disk, CHANGES)
    assert set(report.kinds) == set(KINDS)
    assert +report.unseen == {}
    assert report.false_alarms == 0


def test_without_the_receipt_a_cut_tail_goes_unseen(memory_disk: Path) -> None:
    report = tamper(memory_disk, 200, with_receipt=False)
    assert set(+report.unseen) <= {"cut", "rehash"} and report.unseen["cut"] > 0
