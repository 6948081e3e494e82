"""Aids of a study: by a program outside, and by a bundle on several devices at once; nothing current is computed again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reader_app import paths
from reader_app.ai import results
from reader_app.desk import aids, tables
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


def test_why_a_model_does_not_apply_is_said_once_with_its_cases(study: Path, tmp_path: Path) -> None:
    answer = tmp_path / "answer.py"
    answer.write_text(
        "import json, pathlib, sys\n"
        "asked = json.loads((pathlib.Path(sys.argv[1]) / 'request.json').read_text())['cases']\n"
        "said = [{'case_id': c['case_id'], 'status': 'not_applicable', 'reason': 'no CC view'} for c in asked]\n"
        "said[0] = {'case_id': asked[0]['case_id'], 'probability': 0.5}\n"
        "(pathlib.Path(sys.argv[2]) / 'predictions.json').write_text(json.dumps(dict(schema=1, space='shown', cases=said)))\n"
    )
    done = aids.run_program(study, "DLR_BM", [sys.executable, str(answer)])
    assert done.not_applicable == ("C2", "C3") and done.why() == ["C2, C3: no CC view"]


@pytest.mark.slow
def test_predictions_are_made_again_when_the_clinical_data_change(study: Path) -> None:
    pytest.importorskip("torch", reason="the preparation station's libraries are not installed")
    aids.run_model(study, "DLR_BM", "cpu")
    assert aids.run_model(study, "DLR_BM", "cpu").computed == 0
    rows = tables.read_rows(study / "cases.csv")
    rows[1]["age"] = "83"
    tables.write_rows(study / "cases.csv", list(rows[0]), rows)
    before = results.load(study / "aids" / "DLR_BM", "C2").probability
    assert aids.run_model(study, "DLR_BM", "cpu").computed == 1
    assert results.load(study / "aids" / "DLR_BM", "C2").probability != before
