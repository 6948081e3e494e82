"""Aids of a study: by a program outside, and by a bundle on several devices at once; nothing current is computed again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reader_app import paths
from reader_app.ai import results
from reader_app.desk import aids
from reader_app.errors import StudyFileError, WorkerError

EXAMPLE = [sys.executable, str(paths.resource("adapters") / "brightest_spot.py")]


def test_a_program_outside_gives_the_aids_of_a_study(study: Path) -> None:
    first = aids.run_program(study, "DLR_BM", EXAMPLE)
    again = aids.run_program(study, "DLR_BM", EXAMPLE)
    other = aids.run_program(study, "DLR_BM", EXAMPLE, threshold=0.9)
    assert (first.computed, again.computed, again.current, other.computed) == (3, 0, 3, 3)
    found = results.load(study / "aids" / "DLR_BM", "C1")
    assert found.threshold == 0.9 and found.provenance["source"] == "made by a program outside" and found.heatmaps


def test_a_program_that_fails_leaves_the_aids_as_they_were(study: Path) -> None:
    before = {p.name: p.read_bytes() for p in (study / "aids" / "DLR_BM").iterdir()}
    with pytest.raises(WorkerError):
        aids.run_program(study, "DLR_BM", [sys.executable, "-c", "raise SystemExit(2)"])
    assert {p.name: p.read_bytes() for p in (study / "aids" / "DLR_BM").iterdir()} == before
    with pytest.raises(StudyFileError, match="not other"):
        aids.run_program(study, "other", EXAMPLE)


@pytest.mark.slow
def test_two_devices_share_the_cases(study: Path) -> None:
    pytest.importorskip("torch", reason="the preparation station's libraries are not installed")
    told: list[int] = []
    done = aids.run_model(study, "DLR_BM", "cpu,cpu", lambda count, total, text: told.append(count))
    assert done.computed == 3 and done.device.count("CPU") == 2 and max(told) == 3
    single = {c: results.load(study / "aids" / "DLR_BM", c).probability for c in ("C1", "C2", "C3")}
    for path in (study / "aids" / "DLR_BM").iterdir():
        path.unlink()
    aids.run_model(study, "DLR_BM", "cpu")
    assert single == {c: results.load(study / "aids" / "DLR_BM", c).probability for c in single}
