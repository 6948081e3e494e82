"""What the help page on models shows is what the program takes."""

from __future__ import annotations

import json
import re

import jsonschema

from reader_app import paths
from reader_app.cli import main

PAGE = (paths.resource("help") / "adding-a-model.md").read_text(encoding="utf-8")


def _blocks() -> list[dict[str, object]]:
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.S)]


def test_the_manifest_shown_follows_the_schema() -> None:
    schema = json.loads((paths.resource("schemas") / "bundle.schema.json").read_text(encoding="utf-8"))
    manifest, answer = _blocks()
    check = jsonschema.Draft202012Validator(schema)
    check.validate(manifest)
    manifest["input"]["fit"] = "squeeze"  # type: ignore[index]
    assert list(check.iter_errors(manifest))
    assert answer["schema"] == 1


def test_every_option_named_exists() -> None:
    parser = main.parser()
    sub = next(a for a in parser._actions if a.dest == "command")
    ai = next(a for a in sub.choices["ai"]._actions if a.dest == "ai_command")
    known = {o for p in ai.choices.values() for a in p._actions for o in a.option_strings}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE))
    assert named and named <= known
