"""Words on the screen in the reader's language.

``tr("Pause")`` looks a text up in the catalogue ``resources/translations/<language>.ts`` (Qt's own format, read as it is, so that
no compiled copy can go stale); English is the key itself. Placeholders are named: ``tr("Case {n} of {total}", n=3, total=24)``.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from reader_app import paths

#: Languages by code, in their own words.
LANGUAGES: dict[str, str] = {"en": "English", "zh": "中文", "ko": "한국어"}

_catalogue: dict[str, str] = {}
_language = "en"


def use(code: str) -> None:
    """Change the language of everything that is written from now on; an unknown code means English."""
    global _language
    _catalogue.clear()
    _language = code if code in LANGUAGES else "en"
    if _language != "en":
        _catalogue.update(read_catalogue(paths.resource(f"translations/{_language}.ts")))


def current() -> str:
    """Return the code of the language in use."""
    return _language


def read_catalogue(file: Path) -> dict[str, str]:
    """Return source text -> translation; an unfinished entry is left out. An absent file is an empty catalogue."""
    if not file.is_file():
        return {}
    # The catalogues are part of the program, not input from outside.
    messages = ElementTree.parse(file).getroot().iter("message")
    pairs = ((entry.findtext("source") or "", entry.find("translation")) for entry in messages)
    return {source: node.text for source, node in pairs if node is not None and node.text and node.get("type") != "unfinished"}


def tr(text: str, **values: object) -> str:
    """Return ``text`` in the reader's language with its placeholders filled."""
    words = _catalogue.get(text, text)
    return words.format(**values) if values else words
