"""The protocol reference that ships is the one the declaration makes, and names every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from reader_app import paths
from reader_app.cli.main import run
from reader_app.study import protocolhelp, studykeys
from reader_app.study.studykeys import Key

SHIPPED = paths.resource("help") / "protocol.md"


def test_the_shipped_reference_is_current() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == protocolhelp.markdown(), "make it anew: reader-app protocol --out FILE"


def test_every_table_and_key_is_there_with_a_meaning() -> None:
    text = protocolhelp.markdown()
    for table, keys in studykeys.TABLES.items():
        part = text.partition(f"## {protocolhelp._HEADINGS[table][0]}\n")[2].partition("\n## ")[0]
        for key in keys:
            assert f"| `{key.name}` | {key.kind} |" in part and len(key.meaning) > 5, (table, key.name)


def test_an_edited_declaration_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the first test."""
    more = (*studykeys.TABLES["timing"], Key("blink_ms", "whole number", "Whether to blink.", default=3, low=1, high=9))
    monkeypatch.setitem(studykeys.TABLES, "timing", more)
    text = protocolhelp.markdown()
    assert text != SHIPPED.read_text(encoding="utf-8")
    assert "| `blink_ms` | whole number | `3` | Whether to blink. From 1 to 9. |" in text


def test_the_command_prints_or_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["protocol"]) == 0 and "[[questionnaires]]" in capsys.readouterr().out
    assert run(["protocol", "--out", str(tmp_path / "p.md")]) == 0
    assert (tmp_path / "p.md").read_text(encoding="utf-8") == protocolhelp.markdown()
