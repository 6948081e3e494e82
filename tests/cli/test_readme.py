"""What the README says is so: its commands parse, its keys are those of the program, its files exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from reader_app.cli.main import parser

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Return every command line of the README's code blocks."""
    blocks = re.findall(r"```\n(.*?)```", README, flags=re.DOTALL)
    lines = [part.split("#")[0].strip() for block in blocks for line in block.splitlines() for part in line.split(";")]
    plain = [line.replace(".venv\\Scripts\\", "") for line in lines]
    return [line for line in plain if line.startswith("reader-app")]


def test_there_are_commands_to_check() -> None:
    assert len(commands()) > 12


@pytest.mark.parametrize("line", commands())
def test_every_command_of_the_readme_parses(line: str) -> None:
    arguments = shlex.split(line)[1:]
    assert parser().parse_args(arguments).command == arguments[0]


def test_the_key_table_is_the_keymap() -> None:
    keymap = pytest.importorskip("reader_app.ui.keymap")
    assert keymap.markdown().strip() in README


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_pictures_and_folders_exist() -> None:
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).is_file(), picture
    for folder in re.findall(r"^\| `((?:reader_app|studies|resources|tests|benchmarks)[\w/]*)`", README, flags=re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_it_says_research_only() -> None:
    assert "not for diagnosis" in README
