"""The cells of a written workbook, read from its parts by a second reader: not by the library that wrote it, and faster.

Reads what this program writes: texts within the cells, numbers and formulas (ECMA-376, part 1, section 18.3). What it does not
know (shared texts, truth values, errors) is returned as it stands, so that a comparison finds it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

_ADDRESS = re.compile("([A-Z]+)([0-9]+)")
_PIECE = 1 << 18


class Formula(str):
    """The text of a cell that holds a formula."""


#: Row and column (from 1) and what stands there.
Found = tuple[int, int, str | float]


def sheets(path: Path) -> list[tuple[str, str]]:
    """Return name and part of each sheet, in their order."""
    named: list[tuple[str, str]] = []
    parts: dict[str, str] = {}

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            named.append((attributes["name"], attributes["r:id"]))
        elif tag == "Relationship":
            target = attributes["Target"]
            parts[attributes["Id"]] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"

    with zipfile.ZipFile(path) as book:
        for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
            parser = expat.ParserCreate()
            parser.StartElementHandler = sheet
            parser.Parse(book.read(part), True)
    return [(name, parts[key]) for name, key in named]


def cells(path: Path, part: str) -> Iterator[Found]:
    """Yield the cells of a sheet that are not empty; texts as they are stored (:func:`reader_app.export.cells.decode`)."""
    reader = _Cells()
    with zipfile.ZipFile(path) as book, book.open(part) as stream:
        while piece := stream.read(_PIECE):
            reader.parser.Parse(piece, False)
            yield from reader.taken()
        reader.parser.Parse(b"", True)
        yield from reader.taken()


class _Cells:
    """Collects the cells of the pieces that the parser is fed."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._found: list[Found] = []
        self._columns: dict[str, int] = {}
        self._place = (0, 0)
        self._kind = ""
        self._inside = ""
        self._parts: list[str] = []
        self._formula: list[str] = []

    def taken(self) -> list[Found]:
        found, self._found = self._found, []
        return found

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            match = _ADDRESS.fullmatch(attributes["r"])
            if match is None:
                raise ValueError(f"{attributes['r']} is no address of a cell")
            self._place = int(match[2]), self._column(match[1])
            self._kind = attributes.get("t", "n")
            self._parts, self._formula = [], []
        elif tag in ("v", "t", "f"):
            self._inside = tag

    def _column(self, letters: str) -> int:
        if letters not in self._columns:
            number = 0
            for letter in letters:
                number = 26 * number + ord(letter) - 64
            self._columns[letters] = number
        return self._columns[letters]

    def _text(self, text: str) -> None:
        if self._inside == "f":
            self._formula.append(text)
        elif self._inside:
            self._parts.append(text)

    def _end(self, tag: str) -> None:
        self._inside = ""
        if tag != "c":
            return
        text = "".join(self._parts)
        if self._formula:
            self._found.append((*self._place, Formula("".join(self._formula))))
        elif text:
            self._found.append((*self._place, float(text) if self._kind == "n" else text))
