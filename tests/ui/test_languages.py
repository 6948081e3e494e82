"""Every visible word of the reading room is there in Chinese and Korean, with its placeholders, in glyphs that are shipped."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from PySide6.QtGui import QRawFont

import reader_app.ui
from reader_app import paths
from reader_app.ui import help_sheet, keymap, language, viewing
from reader_app.ui.panels import wording

ROOM = Path(reader_app.ui.__file__).parent
DESK = {"home_window.py"}


def visible_texts() -> set[str]:
    found: set[str] = set()
    for file in [*ROOM.glob("*.py"), *(ROOM / "panels").glob("*.py"), *(ROOM / "viewer").glob("*.py")]:
        if file.name in DESK:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tr" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(first.value)
    found |= {text for command in keymap.COMMANDS for text in (command.text, command.short) if text}
    found |= {*keymap.GROUPS, *(text for pair in help_sheet.MOUSE for text in pair), *viewing.LEFT_TOOLS}
    return found | {*wording.CALLS.values(), *wording.CLINICAL.values()}


@pytest.mark.parametrize("code", ["zh", "ko"])
def test_the_catalogue_is_complete_and_has_nothing_stale(code):
    catalogue = language.read_catalogue(paths.resource(f"translations/{code}.ts"))
    assert set(catalogue) == visible_texts()
    for source, translated in catalogue.items():
        assert sorted(re.findall(r"\{\w+\}", source)) == sorted(re.findall(r"\{\w+\}", translated)), source


@pytest.mark.parametrize("code", ["zh", "ko"])
def test_every_glyph_is_shipped(code):
    fonts = [QRawFont(str(file), 15) for file in sorted(paths.resource("fonts").glob("*.otf")) if "Regular" in file.name]
    assert len(fonts) == 2 and all(font.isValid() for font in fonts)
    characters = {c for text in language.read_catalogue(paths.resource(f"translations/{code}.ts")).values() for c in text}
    boxes = sorted(c for c in characters if not any(font.supportsCharacter(ord(c)) for font in fonts))
    assert boxes == []


def test_an_unknown_language_is_english_and_an_unknown_text_itself():
    language.use("xx")
    assert language.current() == "en" and language.tr("Pause") == "Pause"
    language.use("zh")
    assert language.tr("Pause") == "暂停" and language.tr("not in any catalogue") == "not in any catalogue"
    assert language.tr("Case {n} of {total}", n=3, total=24) == "病例 3/24"
