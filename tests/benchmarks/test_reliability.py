"""The reliability table in its quick form: every promise held, every control caught; and the table itself can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.reliability import gathered
from benchmarks.reliability.__main__ import ROWS, main, try_row
from benchmarks.reliability.rows import QUICK, ROOT, ByTests, Outcome, Row, Size, run_tests

#: The rows of the table that a machine like this one can try, wholly or in part.
WANTED = {*range(1, 19), *range(31, 35)}


def numbers(key: str) -> set[int]:
    """Return the numbers of the table that a row stands for: "14-15" for both."""
    first, _, last = key.rstrip("abcdefgh").partition("-")
    return set(range(int(first), int(last or first) + 1))


def test_every_row_is_tried_and_has_a_key_of_its_own() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)
    assert set().union(*(numbers(row.key) for row in ROWS)) >= WANTED
    assert all(numbers(own["row"]) and own["procedure"].endswith(".") for own in gathered.BY_HAND)
    assert all(row.procedure for row in ROWS if row.needs())


@pytest.mark.parametrize("row", [row for row in ROWS if isinstance(row.prove, ByTests)], ids=lambda row: row.key)
def test_the_tests_that_a_row_gathers_are_there(row: Row) -> None:
    assert isinstance(row.prove, ByTests)
    for name in (*row.prove.proofs, *row.prove.controls):
        file, _, test = name.partition("::")
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert f"def {test.partition('[')[0]}" in text, name


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_quick_form_holds(tmp_path: Path) -> None:
    out = tmp_path / "reliability.json"
    command = [sys.executable, "-m", "benchmarks.reliability", "--quick", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    rows = {row["row"]: row for row in json.loads(out.read_text(encoding="utf-8"))["results"]}
    assert {key: row["negative_control"] for key, row in rows.items() if not row["ok"]} == {}, done.stderr[-2000:]
    assert done.returncode == 0
    assert rows.keys() == {row.key for row in ROWS if row.quick and not row.needs()}
    assert all(
        row["tried"] > 0 and row["failed"] == 0 and row["control_caught"] and row["size"] == "quick" for row in rows.values()
    )


@pytest.mark.parametrize(
    "found",
    [
        Outcome(10, 1, "trials", "caught", True),
        Outcome(10, 0, "trials", "not caught", False),
        Outcome(0, 0, "trials", "caught", True),
    ],
)
def test_a_row_is_held_only_when_something_was_tried_nothing_failed_and_the_control_was_caught(found: Outcome) -> None:
    assert not try_row(Row("1", "a promise", lambda _: found), QUICK).ok
    assert try_row(Row("1", "a promise", lambda _: Outcome(10, 0, "trials", "caught", True)), QUICK).ok


def test_a_trial_that_breaks_down_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: Size) -> Outcome:
        raise OSError("no disk")

    made = try_row(Row("1", "a promise", broken), QUICK)
    assert not made.ok and made.value == 1 and "no disk" in str(made.more["negative_control"])
    assert "no disk" in capsys.readouterr().err


def test_rows_of_earlier_runs_stay_and_unknown_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "table.json"
    one = Row("5", "a promise", lambda size: Outcome(size.of(1, 2, 3), 0, "trials", "caught", True))
    two = Row(
        "40", "another", lambda _: Outcome(1, 1, "trials", "caught", True), needs=lambda: "no second machine", procedure="Do it."
    )
    monkeypatch.setattr("benchmarks.reliability.__main__.ROWS", (two, one))
    monkeypatch.setattr(sys, "argv", ["reliability", "--out", str(out)])
    assert main() == 0
    monkeypatch.setattr(sys, "argv", ["reliability", "--out", str(out), "--rows", "40"])
    assert main() == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    assert [(row["row"], row["tried"], row["size"]) for row in document["results"]] == [("5", 2, "normal")]
    assert {"row": "40", "why": "no second machine", "procedure": "Do it."} in document["by_hand"]
    monkeypatch.setattr(sys, "argv", ["reliability", "--rows", "99"])
    with pytest.raises(SystemExit):
        main()
    assert "there is no row 99" in capsys.readouterr().err


def test_failing_tests_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_three.py").write_text(
        "import pytest\ndef test_a():\n    assert True\ndef test_b():\n    assert False\ndef test_c():\n    pytest.skip('no')\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("benchmarks.reliability.rows.ROOT", tmp_path)
    tried, failed, said = run_tests(["test_three.py"], {})
    assert (tried, failed) == (2, 1) and "test_b" in said
    assert run_tests(["test_none.py"], {})[:2] in ((0, 0), (1, 1))
