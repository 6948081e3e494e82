"""The report on paper: A4 pages with all that the page on screen holds, by matplotlib alone.

Figures stand in it at 300 dots per inch, never larger than they were made; the vectors have files of their own. Tables too wide
for the page go on below with the columns that name their rows repeated; very long folded ones are left to the workbook.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reader_app.export import figures, reportcontent, words
from reader_app.export.atomic import refuse, write_checked
from reader_app.export.checklists import FILL_IN, Checklist, answer
from reader_app.export.content import WorkbookContent
from reader_app.export.figures import DIM, INK, LINE
from reader_app.export.htmlpage import text_of
from reader_app.export.layout import Column, Table, used
from reader_app.export.reportcontent import CAPTIONS, Block, Facts, Picture, Show, Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reader_app.export.report import Drawn

_WIDTH, _HEIGHT = 210.0, 297.0  # A4, millimetres
_LEFT, _TOP, _BOTTOM = 18.0, 22.0, 18.0
_LINE_MM = 3.9
_ASCENT = 0.76  # of a line of text, from its top to its base, in font sizes
_MM_PER_CHARACTER = 1.4  # at 7 points
#: Widest cell in characters; the next is tried where a table does not fit the page.
_WIDEST_CELLS = (34, 26, 20, 16)
_LONGEST_FOLDED = 80  # rows


def write_pdf(path: Path, content: WorkbookContent, drawn: Mapping[str, Drawn]) -> Path:
    """Write the printed report.

    Parameters
    ----------
    drawn : mapping of str to Drawn
        The figures, already in their published form.

    Raises
    ------
    EnvironmentFault
        If it cannot be written: one sentence, an older file untouched.
    """
    from matplotlib.backends.backend_pdf import PdfPages

    pages = 0

    def write(target: Path) -> None:
        nonlocal pages
        information = {"Title": content.study.title, "Subject": words.NOTICE, "CreationDate": None, "ModDate": None}
        with figures.style(), PdfPages(target, metadata=information) as book:
            for page in _pages(content, drawn):
                pages += 1
                _frame(page, content, pages)
                book.savefig(page)

    def check(target: Path) -> str:
        data = target.read_bytes()
        faults = [] if data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF") else ["not a whole PDF"]
        found = data.count(b"/Type /Page ") + data.count(b"/Type /Page\n")
        refuse(path, faults + ([] if found == pages else [f"{found} pages instead of {pages}"]))
        return f"{pages} pages"

    return write_checked(path, write, check).path


def _blank() -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH / 25.4, _HEIGHT / 25.4))


def _put(page: Figure, x: float, y: float, text: str, **options: Any) -> None:
    """Write one line at millimetres from the left and from the top."""
    if not page.artists or not isinstance(page.artists[-1], _lines()):
        page.add_artist(_lines()())
    last: Any = page.artists[-1]
    last.lines.append((x, y, text, options))


@lru_cache(maxsize=1)
def _lines() -> Any:
    """Return the artist that draws lines of text; matplotlib's own lays every line out anew, which takes most of the time."""
    from matplotlib import rcParams
    from matplotlib.artist import Artist
    from matplotlib.font_manager import FontProperties

    @lru_cache(maxsize=64)
    def font(families: tuple[str, ...], size: float, weight: str) -> FontProperties:
        return FontProperties(family=families, size=size, weight=weight)

    class Lines(Artist):
        """Lines of one page: place, text, and how it looks."""

        def __init__(self) -> None:
            super().__init__()
            self.lines: list[tuple[float, float, str, dict[str, Any]]] = []

        def draw(self, renderer: Any) -> None:
            for x, y, text, options in self.lines:
                size = float(options["fontsize"])
                # plain letters need no look into the fonts for other scripts
                families = tuple(rcParams["font.family"])[: 1 if text.isascii() else None]
                own = font(families, size, str(options.get("fontweight", "normal")))
                across, up = x / 25.4 * 72, (_HEIGHT - y) / 25.4 * 72 - _ASCENT * size
                if options.get("ha") == "right":
                    across -= renderer.get_text_width_height_descent(text, own, False)[0]
                look = renderer.new_gc()
                look.set_foreground(options["color"])
                renderer.draw_text(look, across, up, text, own, 0)
                look.restore()

    return Lines


def _frame(page: Figure, content: WorkbookContent, number: int) -> None:
    status = "INTERIM – do not report    " if content.interim else ""
    _put(page, _LEFT, 9, status + words.NOTICE, fontsize=7, color="#8A5A00")
    _put(page, _LEFT, _HEIGHT - 10, textwrap.shorten(content.study.title, 110), fontsize=7, color=DIM)
    _put(page, _WIDTH - _LEFT, _HEIGHT - 10, str(number), fontsize=7, color=DIM, ha="right")


def _pages(content: WorkbookContent, drawn: Mapping[str, Drawn]) -> Iterator[Figure]:
    yield _cover(content)
    paper = _Paper()
    parts = reportcontent.sections(content, drawn)
    titles = {part.anchor: part.title for part in parts}
    numbered = {name: number for number, name in enumerate(drawn, start=1)}
    for part in parts:
        if part.anchor == "glance":  # stands on the cover
            continue
        paper.title(part.title, _height(part.blocks[0], drawn))
        for block in part.blocks:
            _print(paper, block, drawn, numbered, titles)
    yield from paper.pages


def _height(block: Block, drawn: Mapping[str, Drawn]) -> float:
    """Return how much of a section's first block must stand on the page of its title, in millimetres."""
    return drawn[block.name].height_mm + 14 if isinstance(block, Picture) else 50.0


def _print(
    paper: _Paper, block: Block, drawn: Mapping[str, Drawn], numbered: Mapping[str, int], titles: Mapping[str, str]
) -> None:
    match block:
        case Text():
            paper.text(block.text)
        case Picture():
            paper.picture(f"Figure {numbered[block.name]}. {CAPTIONS[block.name]}", drawn[block.name])
        case Show():
            if block.folded and len(block.table.rows) > _LONGEST_FOLDED:
                paper.text(f"{block.title}: {len(block.table.rows)} rows, in the workbook and on the page.")
            else:
                paper.table(block.title, block.table)
        case Facts():
            paper.table("", Table("facts", "", (Column("Number", ""), Column("Of", "")), block.entries))
        case _:
            paper.table(block.checklist.name, _answers(block.checklist, titles))


def _answers(checklist: Checklist, titles: Mapping[str, str]) -> Table:
    rows = [(item.number, item.asks, titles.get(answer(item, titles), FILL_IN)) for item in checklist.items]
    return Table("guideline", "", (Column("Item", ""), Column("Asks for", "", width=60), Column("Where", "")), rows)


def _cover(content: WorkbookContent) -> Figure:
    page = _blank()
    y = 40.0
    for line in textwrap.wrap(content.study.title, 48) or [content.study.study_id]:
        _put(page, _LEFT, y, line, fontsize=20, fontweight="bold", color=INK)
        y += 10
    y += 4
    for text, size, color in (
        (content.study.description, 10, DIM),
        *((note, 10, "#8A5A00") for note in content.notes),
        *([(reportcontent.INTERIM, 11, "#8A5A00")] if content.interim else []),
    ):
        for line in textwrap.wrap(text, 95):
            _put(page, _LEFT, y, line, fontsize=size, color=color)
            y += 5.5
        y += 2 if text else 0
    y += 8
    for number, what in reportcontent.facts(content):
        _put(page, _LEFT, y, number, fontsize=14, fontweight="bold", color=INK)
        _put(page, _LEFT + 34, y + 1, what, fontsize=10, color=DIM)
        y += 9
    _put(page, _LEFT, y + 8, reportcontent.stamp(content), fontsize=8, color=DIM)
    return page


class _Paper:
    """Pages that are filled from the top; what does not fit goes on a new one."""

    def __init__(self) -> None:
        self.pages = [_blank()]
        self._y = _TOP

    @property
    def _page(self) -> Figure:
        return self.pages[-1]

    def _need(self, height: float) -> bool:
        """Turn the page if less than so many millimetres are left; return whether it was turned."""
        if self._y + height <= _HEIGHT - _BOTTOM:
            return False
        if self._y > _TOP:
            self.pages.append(_blank())
            self._y = _TOP
        return True

    def title(self, text: str, first: float) -> None:
        """Begin a section; so many millimetres of it must stand on the same page."""
        self._y += 6 if self._y > _TOP else 0
        self._need(min(first + 10, _HEIGHT - _TOP - _BOTTOM - 1))
        _put(self._page, _LEFT, self._y, text, fontsize=15, fontweight="bold", color=INK)
        self._y += 10

    def text(self, text: str) -> None:
        """Print a paragraph."""
        lines = textwrap.wrap(text, 122)
        self._need(4.2 * len(lines) + 3)
        for line in lines:
            _put(self._page, _LEFT, self._y, line, fontsize=8.5, color=DIM)
            self._y += 4.2
        self._y += 3

    def picture(self, caption: str, one: Drawn) -> None:
        """Print a figure with its caption under it."""
        from matplotlib.image import imread

        scale = min(1.0, (_WIDTH - 2 * _LEFT) / one.width_mm, (_HEIGHT - 70) / one.height_mm)
        width, height = one.width_mm * scale, one.height_mm * scale
        lines = textwrap.wrap(caption, 122)
        self._need(height + 4 * len(lines) + 4)
        area = (_LEFT / _WIDTH, 1 - (self._y + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT)
        axes = self._page.add_axes(area)
        axes.imshow(imread(io.BytesIO(one.png)), aspect="auto", interpolation="antialiased")
        axes.axis("off")
        self._y += height + 2
        for line in lines:
            _put(self._page, _LEFT, self._y, line, fontsize=8, color=DIM)
            self._y += 4
        self._y += 5

    def table(self, title: str, source: Table) -> None:
        """Print a table, in blocks of columns that fit the page."""
        for block, widest in _blocks(source):
            lines = [[_wrap(cell, widest) for cell in row] for row in block[1:]]
            header = [_wrap(cell, widest) for cell in block[0]]
            self._need(10 + _LINE_MM * (_tall(header) + sum(_tall(row) + 0.3 for row in lines[:3])))
            edges = _edges(block, widest)
            if title:
                _put(self._page, _LEFT, self._y, title, fontsize=10, fontweight="bold", color=INK)
                self._y += 6.5
            self._row(edges, header, bold=True)
            for row in lines:
                if self._need(_LINE_MM * _tall(row) + 1.2):
                    self._row(edges, header, bold=True)
                self._row(edges, row)
            self._y += 7

    def _row(self, edges: list[float], row: list[list[str]], bold: bool = False) -> None:
        from matplotlib.lines import Line2D

        for x, lines in zip(edges, row, strict=False):
            for number, line in enumerate(lines):
                _put(
                    self._page,
                    x,
                    self._y + _LINE_MM * number,
                    line,
                    fontsize=7,
                    color=INK,
                    fontweight="bold" if bold else "normal",
                )
        self._y += _LINE_MM * _tall(row) + 0.6
        level = 1 - (self._y - 0.4) / _HEIGHT
        ends = [_LEFT / _WIDTH, min(edges[-1], _WIDTH - _LEFT) / _WIDTH]
        color, width = (DIM, 0.7) if bold else (LINE, 0.3)
        self._page.add_artist(Line2D(ends, [level, level], color=color, linewidth=width))
        self._y += 0.6


def _blocks(source: Table) -> Iterator[tuple[list[list[str]], int]]:
    """Yield a table as text with its widest cell: narrowed until it fits the page, else cut into blocks of columns.

    The rows of such blocks are numbered, and the first columns are repeated in every block.
    """
    places = used(source)
    grid = [[source.columns[place].title for place in places]]
    grid += [[text_of(row[place], source.columns[place].kind) for place in places] for row in source.rows]
    wide = max((int(column.width) for column in source.columns), default=0) if len(places) <= 3 else 0
    for widest in (max(wide, _WIDEST_CELLS[0]), *_WIDEST_CELLS[1:]):
        if _edges(grid, widest)[-1] <= _WIDTH - _LEFT:
            yield grid, widest
            return
    widest = _WIDEST_CELLS[1]
    grid = [["No.", *grid[0]], *([str(number), *row] for number, row in enumerate(grid[1:], start=1))]
    places = [-1, *places]
    lead = min(3 if grid[0][2:3] and grid[0][2] in ("Condition", "From → to") else 2, len(places))
    start = lead
    while True:
        stop = start
        while stop < len(places) and _edges([row[:lead] + row[start : stop + 1] for row in grid], widest)[-1] <= _WIDTH - _LEFT:
            stop += 1
        stop = max(stop, min(start + 1, len(places)))
        yield [row[:lead] + row[start:stop] for row in grid], widest
        if stop >= len(places):
            return
        start = stop


def _edges(block: list[list[str]], widest: int) -> list[float]:
    """Return where the columns begin, and where the last one ends, in millimetres."""
    edges = [_LEFT]
    for column in zip(*block, strict=True):
        longest = max((_units(line) for cell in set(column) for line in _wrap(cell, widest)), default=1)
        edges.append(edges[-1] + max(8.0, longest * _MM_PER_CHARACTER) + 3)
    return edges


def _units(text: str) -> int:
    return sum(1 + (ord(character) > 0x2E7F) for character in text)


@lru_cache(maxsize=20_000)
def _wrap(cell: str, widest: int) -> list[str]:
    hash_like = any(len(word) > _WIDEST_CELLS[0] for word in cell.split())
    return textwrap.wrap(cell, widest, break_long_words=hash_like) or [""]


def _tall(row: list[list[str]]) -> int:
    return max((len(lines) for lines in row), default=1)
