"""Logs on a stick, as a coordinator meets them on the command line: what is said, and the exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from reading.acts import conductor_for, read_everything
from store.studies import frozen_study

from reader_app.cli.main import DONE, ENVIRONMENT, FAULTS, run
from reader_app.clock import FrozenClock
from reader_app.store.studyfolder import StudyFolder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home study without logs, and a stick in a folder of a Korean, Chinese and Arabic name with the log of one reader."""
    folder = tmp_path_factory.mktemp("logs")
    home = frozen_study(folder / "home", cases=2, size=16)
    station = StudyFolder.load(Path(shutil.copytree(home.path, folder / "station")))
    clock = FrozenClock()
    conductor, log = conductor_for(station, "R01", clock)
    read_everything(conductor, station, clock)
    log.close()
    stick = folder / "판독 记录 سجل"
    stick.mkdir()
    shutil.copy(station.log_path("R01"), stick)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "all"))


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    both = capsys.readouterr()
    return (both.out + both.err).strip().splitlines()


def test_a_log_comes_home_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, stick = str(folder / "home"), next(folder.glob("판독*"))
    assert run(["merge", home, str(stick)]) == DONE
    first = said(capsys)
    assert first[0].startswith("R01.readlog: new (reader R01, ") and "head code " in first[0]
    assert first[-1] == "1 of 1 file(s) taken over."
    assert run(["merge", home, str(stick)]) == DONE
    assert said(capsys)[-1] == "Everything was here already."
    assert run(["merge", home, str(stick), "--json"]) == DONE
    assert json.loads(capsys.readouterr().out)["files"][0]["outcome"] == "same"
    assert run(["audit", home]) == DONE
    assert said(capsys)[-1].endswith("0 deviation(s).")


def test_one_bad_log_keeps_all_out_and_each_is_told_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, stick = folder / "home", next(folder.glob("판독*"))
    changed = bytearray((stick / "R01.readlog").read_bytes())
    at = changed.rindex(b'"category":"4A"') + len(b'"category":"4')
    changed[at : at + 1] = b"B"
    (stick / "changed.readlog").write_bytes(bytes(changed))
    (stick / "text.readlog").write_text("not a log", encoding="utf-8")
    assert run(["merge", str(home), str(stick)]) == FAULTS
    lines = said(capsys)
    assert [line.split(":")[0] for line in lines[:-1]] == ["R01.readlog", "changed.readlog", "text.readlog"]
    assert "does not match its hash" in lines[1] and "bring back the last copy" in lines[1]
    assert "this is not a read log" in lines[2]
    assert lines[-1] == "Nothing was taken over: 2 of 3 file(s) refused."
    assert not (home / "logs").exists()


def test_a_damaged_log_at_home_is_named_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = folder / "home"
    (home / "logs").mkdir()
    log = home / "logs" / "R01.readlog"
    log.write_text("not a log", encoding="utf-8")
    for command in ("audit", "status"):
        assert run([command, str(home)]) == FAULTS
        (line,) = said(capsys)
        assert line.count(str(log)) == 1 and "this is not a read log" in line


def test_a_place_without_logs_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = str(folder / "home")
    assert run(["merge", home, str(folder / "home" / "images")]) == FAULTS
    assert "there is no log in this folder" in said(capsys)[0]
    assert run(["merge", home, str(folder / "nowhere")]) == FAULTS
    assert "there is no such log; check the path" in said(capsys)[0]


def test_a_stick_that_cannot_be_read(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    stick = next(folder.glob("판독*"))
    assert run(["merge", str(folder / "home"), str(stick)]) == ENVIRONMENT
    assert said(capsys) == [f"{stick}: the folder cannot be read (Permission denied); check that you may read it"]
