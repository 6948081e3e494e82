"""A program outside gets a folder and gives a folder; its answers are checked like any other, and its faults are one sentence."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from reader_app import paths
from reader_app.ai import program
from reader_app.errors import EnvironmentFault, InputFaults, WorkerError
from reader_app.imaging import container
from reader_app.imaging.container import NewImage
from reader_app.imaging.window import GreyScale

EXAMPLE = [sys.executable, str(paths.resource("adapters") / "brightest_spot.py")]


@pytest.fixture
def cases(tmp_path: Path) -> list[tuple[str, Path, dict[str, str]]]:
    grey = GreyScale(bits=8)
    flat = np.full((96, 64), 30, np.uint8)
    flat[64:80, 16:32] = 250
    deep = np.full((9, 64, 64), 30, np.uint8)
    deep[4, 16:32, 32:48] = 250
    colour = np.zeros((64, 64, 3), np.uint8)
    images = {
        "C1": ("ultrasound", NewImage("US1", flat, view="US", grey=grey)),
        "C2": ("abvs", NewImage("L_AP", deep, kind="volume", view="AP", grey=grey, spacing_mm=(1, 1, 1), affine=np.eye(4))),
        "C3": ("ultrasound", NewImage("US1", colour, view="DOPPLER")),
    }
    for case_id, (modality, image) in images.items():
        container.write(tmp_path / "images" / case_id, case_id, modality, [image], {"kinds": [], "notes": []})
    return [(c, tmp_path / "images" / c, {"age": "50"}) for c in images]


def _script(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "own.py"
    path.write_text("import json, sys, time\nfrom pathlib import Path\ngiven, out = map(Path, sys.argv[-2:])\n" + text)
    return [sys.executable, str(path)]


def test_the_example_answers_every_case_at_the_right_place(cases: list[tuple[str, Path, dict[str, str]]]) -> None:
    one, two, three = program.run(EXAMPLE, "X", cases)
    assert (one.boxes[0].start, one.boxes[0].stop) == ((64, 16), (80, 32)) and one.positive
    assert one.heatmap("US1").grid[70, 20] > 200 and one.heatmap("US1").grid[10, 10] == 0
    assert (two.boxes[0].start, two.boxes[0].stop) == ((4, 16, 32), (5, 32, 48))
    assert three.status == "not_applicable" and three.reason
    assert one.provenance["program"] == EXAMPLE and one.provenance["program_sha256"] == program.identity(EXAMPLE)


def test_the_request_says_what_the_images_are(cases: list[tuple[str, Path, dict[str, str]]], tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    request = json.loads(program.hand_over(given, "X", cases).read_text())
    entry = request["cases"][1]["images"][0]
    assert entry["shape"] == [9, 64, 64] and entry["spacing_mm"] == [1, 1, 1] and request["cases"][0]["clinical"] == {"age": "50"}
    copy = np.load(given / entry["array"])
    np.save(given / entry["array"], copy * 0)  # what a program does to its copy leaves the container as it was
    assert int(container.open_case(cases[1][1]).image("L_AP").array.max()) == 250
    assert not container.verify(cases[1][1])


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("print('no licence'); sys.exit(3)", WorkerError, "status 3 .*no licence"),
        ("pass", WorkerError, "without writing predictions.json"),
        ("(out / 'predictions.json').write_text('{')", InputFaults, "predictions.json"),
        ("(out / 'predictions.json').write_text(json.dumps({'schema': 1, 'cases': []}))", WorkerError, "says nothing of 3 case"),
        (
            "(out / 'predictions.json').write_text(json.dumps({'schema': 1, 'cases': [{'case_id': 'C1', 'probability': 7}]}))",
            InputFaults,
            "between 0 and 1",
        ),
        (
            "(out / 'predictions.json').write_text(json.dumps({'schema': 1, 'cases': [{'case_id': 'C1', 'probability': 0.5, "
            "'maps': [{'image_id': 'US1', 'array': '../in/request.json'}]}]}))",
            InputFaults,
            "not the name of a .npy file",
        ),
        (
            "(out / 'predictions.json').write_text(json.dumps({'schema': 1, 'cases': [{'case_id': 'C1', 'status': 'failed'}]}))",
            InputFaults,
            "needs a reason",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", WorkerError, "status -9"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    cases: list[tuple[str, Path, dict[str, str]]], tmp_path: Path, text: str, kind: type[Exception], word: str
) -> None:
    with pytest.raises(kind, match=word) as caught:
        program.run(_script(tmp_path, text), "X", cases)
    assert "Traceback" not in str(caught.value)


def test_a_missing_program_a_slow_one_and_a_cancelled_one(cases: list[tuple[str, Path, dict[str, str]]], tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be started"):
        program.run(["/no/such/program"], "X", cases)
    slow = _script(tmp_path, "time.sleep(60)")
    with pytest.raises(WorkerError, match="longer than"):
        program.run(slow, "X", cases, limit_s=0.5)
    started = time.monotonic()
    with pytest.raises(WorkerError, match="was stopped"):
        program.run(slow, "X", cases, cancelled=lambda: time.monotonic() - started > 0.3)
    assert time.monotonic() - started < 20


def test_another_version_of_the_program_is_another_program(tmp_path: Path) -> None:
    command = _script(tmp_path, "pass")
    before = program.identity(command)
    assert program.identity(command) == before
    _script(tmp_path, "pass  # newer")
    assert program.identity(command) != before
