"""The command line: exit statuses, one sentence per fault, no stack trace for a user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reader_app.cli.main import DONE, ENVIRONMENT, FAULTS, USAGE, parser, run


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == DONE
    assert "reader-app" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nonsense"], ["import"], ["demo", "--cases", "0"], ["analyze", "--ci", "guess"]])
def test_wrong_usage_is_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == USAGE
    assert "usage:" in capsys.readouterr().err


def test_every_command_of_the_outer_interface_is_there() -> None:
    wanted = {
        "demo", "new", "import", "check", "ai", "freeze", "package", "read", "status", "merge", "audit", "analyze", "export",
        "simulate", "power", "verify", "doctor",
    }  # fmt: skip
    text = parser().format_help()
    assert not {name for name in wanted if f"\n    {name} " not in text and f"\n    {name}\n" not in text}


def test_new_study_from_every_protocol(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from reader_app.desk.newstudy import protocols

    assert "lu2025" in protocols()
    for name in protocols():
        assert run(["new", str(tmp_path / f"my {name}"), "--protocol", name]) == DONE
        assert (tmp_path / f"my {name}" / "study.toml").exists()
        assert f'id = "my-{name}"' in (tmp_path / f"my {name}" / "study.toml").read_text(encoding="utf-8")


def test_faults_are_sentences_with_file_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", str(tmp_path / "s"), "--protocol", "nothing"]) == FAULTS
    assert "choose one of" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert run(["new", str(tmp_path / "full"), "--protocol", "demo"]) == FAULTS
    assert "not empty" in capsys.readouterr().err
    assert run(["check", str(tmp_path / "absent")]) == FAULTS
    said = capsys.readouterr()
    assert "absent" in said.out + said.err
    assert "Traceback" not in said.out + said.err


def test_an_empty_study_is_told_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["new", str(tmp_path / "s"), "--protocol", "lu2025"])
    capsys.readouterr()
    assert run(["check", str(tmp_path / "s"), "--json"]) == FAULTS
    document = json.loads(capsys.readouterr().out)
    assert any("no case is listed" in fault for fault in document["faults"])
    assert run(["freeze", str(tmp_path / "s")]) == FAULTS
    assert not (tmp_path / "s" / "assignment.lock.json").exists()


def test_an_unknown_error_gives_a_sentence_and_a_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import reader_app.desk.newstudy as newstudy

    def broken(*_: object) -> Path:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(newstudy, "new_study", broken)
    assert run(["new", "x", "--protocol", "demo"]) == ENVIRONMENT
    said = capsys.readouterr().err
    assert "Traceback" not in said
    note = Path(said.split("details are in ")[1].split("; please")[0])
    assert "planted" in note.read_text(encoding="utf-8")
