"""A rehearsal that is stopped leaves the study alone and no reading process behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reader_app.desk import rehearsal
from reader_app.errors import ReaderAppError


def everything(folder: Path) -> dict[str, bytes]:
    """Return the content of every file of a folder but the containers' arrays."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".npy"}


@pytest.mark.parametrize("steps", [0, 1])
def test_a_rehearsal_can_be_stopped(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    started: list[subprocess.Popen[bytes]] = []
    start = rehearsal._start
    monkeypatch.setattr(rehearsal, "_start", lambda *args: started.append(start(*args)) or started[-1])
    before = everything(study)

    def cancelled() -> bool:
        return len(started) >= steps

    with pytest.raises(ReaderAppError, match="was stopped"):
        rehearsal.whole(study, tmp_path / "r", simulated=True, cancelled=cancelled)
    assert len(started) == steps and all(process.poll() is not None for process in started)
    assert everything(study) == before
    assert not list((tmp_path / "r").glob("*.html"))
