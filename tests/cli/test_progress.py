"""Progress where standard error is a file: a line now and then, none for short work, no bar."""

from __future__ import annotations

import pytest

from reader_app.cli import progress
from reader_app.desk.rehearsal import _at_hand


def test_long_work_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.ProgressBar("simulated readers", "reader") as bar:
        bar(0, 3, "R01")
        assert capsys.readouterr().err == "", "short work says nothing"
        for second, done in ((4, 0), (11, 1), (14, 1), (22, 2), (40, 3)):
            now[0] = 100.0 + second
            bar(done, 3, f"R0{done + 1}")
    said = capsys.readouterr()
    assert said.err.splitlines() == [f"simulated readers: {n} of 3, R0{n + 1}" for n in (1, 2, 3)] and said.out == ""


def test_what_a_simulated_reader_has_at_hand(tmp_path) -> None:
    words = tmp_path / "R01.out"
    assert _at_hand("R01", words) == "R01"
    words.write_text("saved 12\nsaved 40\nsaved 4", encoding="utf-8")
    assert _at_hand("R01", words) == "R01 (entry 40)", "a line that is still being written does not count"
