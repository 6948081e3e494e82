"""Every argument of every command says what it is for."""

from __future__ import annotations

import argparse

from reader_app.cli.main import parser


def without_help(own: argparse.ArgumentParser, name: str) -> list[str]:
    found = []
    for action in own._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                found += without_help(inner, f"{name} {word}".strip())
        elif not action.help:
            found.append(f"{name} {' '.join(action.option_strings) or action.dest}")
    return found


def test_every_argument_has_a_help_text() -> None:
    assert without_help(parser(), "") == []


def test_a_bare_argument_is_noticed() -> None:
    own = argparse.ArgumentParser()
    own.add_subparsers().add_parser("import").add_argument("--table")
    assert without_help(own, "") == ["import --table"]
