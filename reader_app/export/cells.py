"""Text on its way into a cell: always text, never a formula, never cut, and the same when it comes back.

Spreadsheet files (ECMA-376, type ``ST_Xstring``) write a character that XML cannot hold as ``_xHHHH_``; Excel and LibreOffice
turn it back into the character. :func:`encode` writes that form, :func:`decode` undoes it, so control characters, lone
surrogates and text that merely looks like such an escape all survive. A cell holds at most 32,767 UTF-16 units; :func:`pieces`
splits longer text at a character so that it can go on in the next cell. :func:`write_text` is the only way by which text from
outside enters a sheet.

CSV has no types, so a program that opens it may take ``=1+1`` for a formula. :func:`guard_csv` puts one apostrophe before such
text (and before text that already begins with an apostrophe), :func:`unguard_csv` takes exactly one away: nothing is lost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell

#: What one cell can hold, in UTF-16 units (Excel's limit; openpyxl would cut the rest without a word).
MAX_UNITS = 32_767

#: Characters that XML 1.0 cannot hold, or would change (a carriage return becomes a line feed).
_UNSAFE = "\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff"
_UNSAFE_CHARACTER = re.compile(f"[{_UNSAFE}]")
_LOOKS_ESCAPED = re.compile(f"_(?=x[0-9A-Fa-f]{{4}}(?:_|[{_UNSAFE}]))")
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")

_FORMULA_STARTS = "=+-@\t\r\n\x00|%＝＋－＠"
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?", re.ASCII)


def encode(text: str) -> str:
    """Return ``text`` as it is written into the XML of a sheet."""
    shielded = _LOOKS_ESCAPED.sub("_x005F_", text)
    return _UNSAFE_CHARACTER.sub(lambda match: f"_x{ord(match.group()):04X}_", shielded)


def decode(stored: str) -> str:
    """Return the text that :func:`encode` was given; what Excel shows."""
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), stored)


def pieces(text: str, limit: int = MAX_UNITS) -> tuple[str, ...]:
    """Split ``text`` into parts that fit one cell each, counted as written; joined they are ``text`` again.

    Parameters
    ----------
    text : str
        Any text; the empty text gives one empty piece.
    limit : int
        UTF-16 units a cell may hold once encoded, at least 16 so that every character fits.
    """
    if limit < 16:
        raise ValueError("a cell of fewer than 16 units cannot hold every character")
    if 14 * len(text) <= limit:  # even if each character needed an escape and a shield
        return (text,)
    parts: list[str] = []
    start = used = 0
    for place, character in enumerate(text):
        units = 7 if _UNSAFE_CHARACTER.match(character) or character == "_" else 1 + (ord(character) > 0xFFFF)
        if used + units > limit:
            parts.append(text[start:place])
            start, used = place, 0
        used += units
    parts.append(text[start:])
    return tuple(parts)


def looks_like_formula(text: str) -> bool:
    """Return whether some spreadsheet program might take ``text`` for a formula when it is typed or imported."""
    bare = text.lstrip(" \xa0\u3000")
    return bool(bare) and bare[0] in _FORMULA_STARTS


def write_text(cell: Cell, text: str) -> None:
    """Write one piece of text as a string cell, whatever it looks like.

    Text that looks like a formula also gets the ``quotePrefix`` mark, so that it stays text when a person edits the cell.

    Raises
    ------
    ValueError
        If the text does not fit one cell; split it with :func:`pieces` first.
    """
    stored = encode(text)
    if len(stored) + sum(character > "\uffff" for character in stored) > MAX_UNITS:
        raise ValueError(f"text of {len(text)} characters does not fit one cell")
    cell.value = stored or None
    if stored:
        cell.data_type = "s"
    if looks_like_formula(text):
        cell.quotePrefix = True


def guard_csv(text: str) -> str:
    """Return ``text`` as it goes into a CSV file: a leading apostrophe where a program might see a formula; numbers untouched."""
    if text.startswith("'") or (looks_like_formula(text) and not _PLAIN_NUMBER.fullmatch(text)):
        return "'" + text
    return text


def unguard_csv(stored: str) -> str:
    """Return the text that :func:`guard_csv` was given."""
    return stored[1:] if stored.startswith("'") else stored
