"""The report on paper: A4 pages with the figures as vectors and the main tables, by matplotlib alone."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reader_app.export import figures, words
from reader_app.export.atomic import refuse, write_checked
from reader_app.export.content import WorkbookContent
from reader_app.export.figures import DIM, INK, LINE
from reader_app.export.htmlpage import text_of
from reader_app.export.layout import Table, used

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reader_app.export.report import Drawn

_WIDTH, _HEIGHT = 210.0, 297.0  # A4, millimetres
_LEFT, _TOP, _BOTTOM = 18.0, 22.0, 18.0
_LINE_MM = 3.9
_MM_PER_CHARACTER = 1.32  # at 7 points
_WIDEST_CELL = 30  # characters


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
    """Write text at millimetres from the left and from the top."""
    page.text(x / _WIDTH, 1 - y / _HEIGHT, text, va="top", parse_math=False, **options)


def _frame(page: Figure, content: WorkbookContent, number: int) -> None:
    status = "INTERIM – do not report    " if content.interim else ""
    _put(page, _LEFT, 9, status + words.NOTICE, fontsize=7, color="#8A5A00")
    _put(page, _LEFT, _HEIGHT - 10, textwrap.shorten(content.study.title, 110), fontsize=7, color=DIM)
    _put(page, _WIDTH - _LEFT, _HEIGHT - 10, str(number), fontsize=7, color=DIM, ha="right")


def _pages(content: WorkbookContent, drawn: Mapping[str, Drawn]) -> Iterator[Figure]:
    from reader_app.export.report import report_tables

    yield _cover(content)
    yield from _figure_pages(drawn)
    yield from _table_pages(report_tables(content))


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
        *(
            [("INTERIM – some rounds are not finished. These figures must not be reported.", 11, "#8A5A00")]
            if content.interim
            else []
        ),
    ):
        for line in textwrap.wrap(text, 95):
            _put(page, _LEFT, y, line, fontsize=size, color=color)
            y += 5.5
        y += 2 if text else 0
    y += 8
    truth = content.truth()
    malignant = sum(value == "1" for value in truth.values())
    facts = (
        (str(len(content.cases)), "cases"),
        (f"{malignant} / {len(truth) - malignant}", "malignant / benign by the reference standard"),
        (str(len(content.readers)), "readers"),
        (str(len(content.study.rounds)), "rounds"),
        (str(len(content.reads)), "reads"),
        (str(sum(len(items) for items in content.deviations.values())), "protocol deviations found"),
    )
    for number, what in facts:
        _put(page, _LEFT, y, number, fontsize=14, fontweight="bold", color=INK)
        _put(page, _LEFT + 34, y + 1, what, fontsize=10, color=DIM)
        y += 9
    stamp = content.written_utc.replace("T", " ").replace("Z", " UTC")
    _put(page, _LEFT, y + 8, f"Written {stamp} by reader-app {content.versions.get('reader-app', '')}", fontsize=8, color=DIM)
    return page


def _figure_pages(drawn: Mapping[str, Drawn]) -> Iterator[Figure]:
    """Yield each figure on its page, never larger than it was made, at 300 dots per inch; the vectors have files of their own."""
    from matplotlib.image import imread

    page, y = _blank(), _TOP
    for number, one in enumerate(drawn.values(), start=1):
        scale = min(1.0, (_WIDTH - 2 * _LEFT) / one.width_mm, (_HEIGHT - 70) / one.height_mm)
        width, height = one.width_mm * scale, one.height_mm * scale
        if y + 14 + height > _HEIGHT - _BOTTOM:
            yield page
            page, y = _blank(), _TOP
        _put(page, _LEFT, y, f"Figure {number}", fontsize=11, fontweight="bold", color=INK)
        _put(page, _LEFT, y + 6, "\n".join(textwrap.wrap(one.caption, 110)), fontsize=8.5, color=DIM)
        y += 14
        axes = page.add_axes((_LEFT / _WIDTH, 1 - (y + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT))
        axes.imshow(imread(io.BytesIO(one.png)), aspect="auto", interpolation="antialiased")
        axes.axis("off")
        y += height + 12
    yield page


def _table_pages(tables: list[Table]) -> Iterator[Figure]:
    page, y = _blank(), _TOP
    for source in tables:
        for block in _blocks(source):
            lines = [[_wrap(cell) for cell in row] for row in block[1:]]
            header = [_wrap(cell) for cell in block[0]]
            if y + 12 + _LINE_MM * (_tall(header) + (_tall(lines[0]) if lines else 0)) > _HEIGHT - _BOTTOM:
                yield page
                page, y = _blank(), _TOP
            edges = _edges(block)
            _put(page, _LEFT, y, source.title, fontsize=10, fontweight="bold", color=INK)
            y = _row(page, edges, header, y + 6.5, bold=True)
            for row in lines:
                if y + _LINE_MM * _tall(row) > _HEIGHT - _BOTTOM:
                    yield page
                    page, y = _blank(), _TOP
                    y = _row(page, edges, header, y, bold=True)
                y = _row(page, edges, row, y)
            y += 9
    yield page


def _blocks(source: Table) -> Iterator[list[list[str]]]:
    """Yield a table as text, cut into blocks of columns that fit the page; the columns that name a row are repeated."""
    places = used(source)
    grid = [[source.columns[place].title for place in places]]
    grid += [[text_of(row[place], source.columns[place].kind) for place in places] for row in source.rows]
    lead = min(2 if "Condition" in grid[0][1:2] or "From → to" in grid[0][1:2] else 1, len(places))
    start = lead
    while True:
        stop = start
        while stop < len(places) and _edges([row[:lead] + row[start : stop + 1] for row in grid])[-1] <= _WIDTH - _LEFT:
            stop += 1
        stop = max(stop, min(start + 1, len(places)))
        yield [row[:lead] + row[start:stop] for row in grid]
        if stop >= len(places):
            return
        start = stop


def _edges(block: list[list[str]]) -> list[float]:
    """Return where the columns begin, and where the last one ends, in millimetres."""
    edges = [_LEFT]
    for column in zip(*block, strict=True):
        longest = max((_units(line) for cell in column for line in _wrap(cell)), default=1)
        edges.append(edges[-1] + max(8.0, longest * _MM_PER_CHARACTER) + 3)
    return edges


def _units(text: str) -> int:
    return sum(1 + (ord(character) > 0x2E7F) for character in text)


def _wrap(cell: str) -> list[str]:
    return textwrap.wrap(cell, _WIDEST_CELL) or [""]


def _tall(row: list[list[str]]) -> int:
    return max((len(lines) for lines in row), default=1)


def _row(page: Figure, edges: list[float], row: list[list[str]], y: float, bold: bool = False) -> float:
    from matplotlib.lines import Line2D

    for x, lines in zip(edges, row, strict=False):
        for number, line in enumerate(lines):
            _put(page, x, y + _LINE_MM * number, line, fontsize=7, color=INK, fontweight="bold" if bold else "normal")
    y += _LINE_MM * _tall(row) + 0.6
    level = 1 - (y - 0.4) / _HEIGHT
    ends = [_LEFT / _WIDTH, min(edges[-1], _WIDTH - _LEFT) / _WIDTH]
    page.add_artist(Line2D(ends, [level, level], color=DIM if bold else LINE, linewidth=0.7 if bold else 0.3))
    return y + 0.6
