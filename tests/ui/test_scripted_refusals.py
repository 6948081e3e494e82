"""A scripted read that cannot go on says why on standard error, one sentence a line, and ends with a status that is not 0."""

from __future__ import annotations

import re

import pytest
from readingkit import make_study, write_script

from reader_app.clock import FrozenClock
from reader_app.errors import LogUnavailable
from reader_app.store.runinfo import describe_run
from reader_app.ui.app import run_reader


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "study", ("ultrasound",), 2)


def play(study, tmp_path, capsys, clock=None) -> tuple[int, list[str]]:
    answer = {"categories": {"case": "3"}, "scores": {"case": 10}, "reading_time_s": 5.0}
    reads = [{"round": entry.number, "case_id": case, **answer} for entry in study.plan("R01").rounds for case in entry.order]
    status = run_reader(study.path, "R01", script=write_script(tmp_path / "script.json", "R01", reads), clock=clock)
    return status, [line for line in capsys.readouterr().err.splitlines() if line]


def test_the_control_a_sound_study_is_read_in_silence(study, tmp_path, capsys):
    assert play(study, tmp_path, capsys) == (0, [])


def test_images_that_are_missing(study, tmp_path, capsys):
    broken = next((study.path / "images").iterdir())
    (broken / "container.json").unlink()
    status, said = play(study, tmp_path, capsys)
    assert status == 1 and said[0] == "Round 1 cannot begin on this computer."
    assert any(str(broken) in line and "cannot be opened" in line and "bring back" in line for line in said[1:]), said


def test_a_log_that_another_program_holds(study, tmp_path, capsys):
    log = study.open_log("R01", describe_run(FrozenClock(), host="other"))
    try:
        status, said = play(study, tmp_path, capsys, FrozenClock())
        with pytest.raises(LogUnavailable, match="is open in another program"):  # the command line prints it
            play(study, tmp_path, capsys)
    finally:
        log.close()
    assert status == 3 and said[0] == "The reading log cannot be opened." and len(said) == 2 and "R01" in said[1]


def test_a_study_that_was_changed_cannot_be_opened(study, tmp_path, capsys):
    answers = write_script(tmp_path / "script.json", "R01", [])
    file = study.path / "study.toml"
    file.write_text(re.sub(r"aid_opacity = \S+", "aid_opacity = 0.9", file.read_text(encoding="utf-8")), encoding="utf-8")
    assert run_reader(study.path, "R01", script=answers) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "This study cannot be opened." and "changed after the study was frozen" in said[1]
