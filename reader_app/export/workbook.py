"""The workbook: seventeen sheets in words, written beside the old file, read back cell by cell, then put in its place.

Every sheet but "Read me" is a table from its first row, so that statistics programs load it as it is; further tables follow below
and charts stand to the right. What a sheet holds is said in "Read me", in the note on its first cell and in the page header.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from reader_app.export import cells, readback, words
from reader_app.export.atomic import WrittenFile, refuse, write_checked
from reader_app.export.cellstyles import Styles
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import NOT_ESTIMABLE, Column, Kind, Sheet, Table, Value, unique, used
from reader_app.export.sheets_changes import aids_sheet, changes_sheet
from reader_app.export.sheets_mrmc import mrmc_sheet
from reader_app.export.sheets_reads import marks_sheet, reads_sheet
from reader_app.export.sheets_results import accuracy_sheet, decision_sheet, localisation_sheet, reclassification_sheet
from reader_app.export.sheets_roc import roc_sheet
from reader_app.export.sheets_study import cases_sheet, deviations_sheet, dictionary_sheet, readme_sheet, study_sheet
from reader_app.export.sheets_times import agreement_sheet, times_sheet

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

_TITLE_ROWS = 4  # title, what it holds, notice, blank
_MOST_LINES = 12  # a longer text is clipped on screen, whole in the cell
_CHARACTERS_ON_PAPER = 136  # on A4 across at full size
_SMALLEST_PRINT = 60  # per cent; a sheet that is wider still goes on beside the page
_MOST_REPEATED = 75  # characters of the columns that are printed again there


def all_sheets(content: WorkbookContent) -> list[Sheet]:
    """Return the seventeen sheets in their order."""
    middle = [
        make(content)
        for make in (
            *(
                study_sheet,
                cases_sheet,
                reads_sheet,
                marks_sheet,
                changes_sheet,
                times_sheet,
                accuracy_sheet,
                roc_sheet,
                mrmc_sheet,
            ),
            *(agreement_sheet, localisation_sheet, reclassification_sheet, decision_sheet, aids_sheet, deviations_sheet),
        )
    ]
    dictionary = dictionary_sheet(middle)
    return [readme_sheet(content, [*middle, dictionary]), *middle, dictionary]


def write_workbook(path: Path, content: WorkbookContent) -> WrittenFile:
    """Write the workbook, read it back, compare every cell, and only then put it in place.

    Raises
    ------
    EnvironmentFault
        If it cannot be written (full disk, read-only folder, open in another program): one sentence, the old file untouched.
    NotAsWritten
        If a cell read back differs from what was meant.
    """
    sheets = all_sheets(content)
    return write_checked(
        path, lambda target: _write(target, sheets, content), lambda target: check_workbook(target, sheets, content)
    )


# --- where everything stands --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Placed:
    """A table on its sheet: rows and columns are 1-based; ``columns`` holds (place in the table, piece) for each sheet column."""

    table: Table
    heading_row: int | None
    header_row: int | None
    columns: tuple[tuple[int, int], ...]
    headers: tuple[str, ...]
    first_row: int

    @property
    def last_row(self) -> int:
        return self.first_row + max(len(self.table.rows), 1) - 1

    def column_of(self, place: int) -> int:
        """Return the sheet column in which a column of the table begins."""
        return self.columns.index((place, 0)) + 1


def _piece_count(table: Table, place: int) -> int:
    longest = (cells.pieces(value) for row in table.rows if isinstance(value := row[place], str) and len(value) > 2_000)
    return max((len(parts) for parts in longest), default=1)


def _is_page(sheet: Sheet) -> bool:
    """Return whether a sheet is a page to be read, with a title above its tables, and not data from the first row."""
    return sheet.title == "Read me"


def _place(sheet: Sheet) -> list[_Placed]:
    row = _TITLE_ROWS + 1 if _is_page(sheet) else 1
    found: list[_Placed] = []
    for table in sheet.tables:
        heading = row if table.title and row > 1 else None
        if heading is not None:
            row += 2 if table.note else 1
        bare = not table.rows and bool(found)
        header = None if bare else row
        columns = tuple((place, piece) for place in used(table) for piece in range(_piece_count(table, place)))
        headers = tuple(unique([_header(table.columns[place], piece) for place, piece in columns]))
        found.append(_Placed(table, heading, header, columns, headers, row if bare else row + 1))
        row = found[-1].last_row + 3
        if sheet.absent and not any(own.rows for own in sheet.tables):
            return found  # one line says that there is nothing
    return found


def _header(column: Column, piece: int) -> str:
    """Return a column's heading; the continuation of long text is named so."""
    return column.title if piece == 0 else f"{column.title} (continued {piece + 1})"


def _notice(content: WorkbookContent) -> str:
    parts = [words.NOTICE, *(["INTERIM – some rounds are not finished"] if content.interim else []), *content.notes]
    return "  ·  ".join(part.rstrip(".") for part in parts)


def _about(sheet: Sheet, content: WorkbookContent) -> str:
    """Return the note on the first cell: what the sheet holds, its first table's heading, and the notices."""
    first = sheet.tables[0]
    return "\n".join(part for part in (sheet.intro, first.title, first.note, _notice(content)) if part)


def expected(sheet: Sheet, content: WorkbookContent) -> Iterator[tuple[int, int, Value, str, Kind]]:
    """Yield (row, column, value, role, kind) of every cell that is not empty; long text is already split.

    ``role`` is "title", "intro", "notice", "heading", "note", "header", "none" or "body".
    """
    if _is_page(sheet):
        yield 1, 1, sheet.title, "title", Kind.TEXT
        yield 2, 1, sheet.intro, "intro", Kind.TEXT
        yield 3, 1, _notice(content), "notice", Kind.TEXT
    for placed in _place(sheet):
        table = placed.table
        if placed.heading_row is not None:
            yield placed.heading_row, 1, table.title, "heading", Kind.TEXT
            if table.note:
                yield placed.heading_row + 1, 1, table.note, "note", Kind.TEXT
        if placed.header_row is not None:
            for column, (place, _) in enumerate(placed.columns, start=1):
                yield placed.header_row, column, placed.headers[column - 1], "header", table.columns[place].kind
        if not table.rows and placed.first_row > 2:  # an empty first table is its header alone, with nothing to take for data
            yield placed.first_row, 1, "none", "none", Kind.TEXT
        elif not table.rows and sheet.absent and not any(own.rows for own in sheet.tables):
            yield placed.first_row, 1, sheet.absent, "none", Kind.TEXT
        for row, values in enumerate(table.rows, start=placed.first_row):
            for column, (place, piece) in enumerate(placed.columns, start=1):
                value = values[place]
                if isinstance(value, str) and len(value) > 2_000:
                    parts = cells.pieces(value)
                    value = parts[piece] if piece < len(parts) else None
                elif piece:
                    value = None
                if value is not None and value != "":
                    yield row, column, value, "body", table.columns[place].kind


# --- writing ------------------------------------------------------------------------------------------------------------------


def _write(target: Path, sheets: Sequence[Sheet], content: WorkbookContent) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    book.properties.title = cells.encode(content.study.title)
    book.properties.creator = "reader-app"
    book.properties.description = words.NOTICE
    styles = Styles(content.interim)
    for sheet in sheets:
        _write_sheet(book.create_sheet(sheet.title), sheet, content, styles)
    book.save(target)


def _write_sheet(into: Worksheet, sheet: Sheet, content: WorkbookContent, styles: Styles) -> None:
    from openpyxl.utils import get_column_letter

    placed = _place(sheet)
    widths: dict[int, float] = {}
    for item in placed:
        for column, (place, _) in enumerate(item.columns, start=1):
            widths[column] = max(widths.get(column, 0), item.table.columns[place].width)
    for column, width in widths.items():
        into.column_dimensions[get_column_letter(column)].width = width + 2
    lines: dict[int, int] = {}
    filled: set[tuple[int, int]] = set()
    for row, column, value, role, kind in expected(sheet, content):
        cell = _cell(into, row, column)
        filled.add((row, column))
        if isinstance(value, str):
            cells.write_text(cell, value)
            kind = Kind.TEXT if role == "body" and value != NOT_ESTIMABLE else kind
        else:
            cell.value = value
            kind = Kind.TIME if isinstance(value, datetime) else kind
        width = widths.get(column, 0)
        wrap = role == "body" and width >= 24 and isinstance(value, str) and (" " in value or "\n" in value)
        styles.apply(cell, role, kind, wrap)
        if wrap:
            lines[row] = max(lines.get(row, 1), _lines(str(value), width))
    for row, count in lines.items():
        if count > 1:
            into.row_dimensions[row].height = 4 + 13.5 * min(count, _MOST_LINES)
    for item in placed:  # the hairline also under empty cells
        for row in range(item.first_row, item.first_row + len(item.table.rows)):
            for column, (place, _) in enumerate(item.columns, start=1):
                if (row, column) not in filled:
                    styles.apply(_cell(into, row, column), "body", item.table.columns[place].kind, wrap=False)
    _furnish(into, sheet, placed, content, widths)


def _cell(into: Worksheet, row: int, column: int) -> Cell:
    """Return a new cell; :meth:`Worksheet.cell` would look for it first, and make its address as text to do so."""
    from openpyxl.cell.cell import Cell

    made = into._cells[row, column] = Cell(into, row=row, column=column)
    return made


def _lines(value: str, width: float) -> int:
    """Return how many lines a text takes in a cell; wide characters (Chinese, Korean) count twice."""
    return sum(
        max(1, math.ceil(sum(1 + (ord(character) > 0x2E7F) for character in line) * 0.92 / width)) for line in value.split("\n")
    )


def _furnish(
    into: Worksheet, sheet: Sheet, placed: Sequence[_Placed], content: WorkbookContent, widths: dict[int, float]
) -> None:
    """Add what is not a cell: filters, frozen panes, charts, colour scales, heights, the printed page."""
    from openpyxl.formatting.rule import ColorScaleRule
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.pagebreak import Break

    from reader_app.export.charts import HEIGHT_ROWS, add_chart

    into.sheet_view.showGridLines = False
    into.sheet_format.defaultRowHeight = 16.5
    into.sheet_format.customHeight = True
    if _is_page(sheet):
        into.row_dimensions[1].height = 28
        into.row_dimensions[2].height = 18
    else:
        _note(into, _about(sheet, content))
    for item in placed:
        if item.header_row is None:
            continue
        lines = max(math.ceil(len(name) * 1.02 / widths[column]) for column, name in enumerate(item.headers, start=1))
        into.row_dimensions[item.header_row].height = 8 + 13.5 * max(lines, 1)
        if item.table.rows:
            _add_filter(into, item)
        if item.table.shade is not None and item.table.rows:
            first, last = (get_column_letter(item.column_of(place)) for place in (item.table.shade[0], item.table.shade[1] - 1))
            area = f"{first}{item.first_row}:{last}{item.last_row}"
            rule = ColorScaleRule(start_type="num", start_value=0, start_color="FFFFFF", end_type="max", end_color="8FB1E3")
            into.conditional_formatting.add(area, rule)
    by_name = {item.table.name: item for item in placed}
    right = max(len(item.columns) for item in placed) + 2  # of the widest table
    beside = get_column_letter(right)
    for number, chart in enumerate(sheet.charts):
        item = by_name[chart.table]
        assert item.header_row is not None
        anchor = f"{beside}{2 + number * (HEIGHT_ROWS + 1)}"
        add_chart(into, chart, item.header_row, item.column_of, anchor)
    into.freeze_panes = f"B{_TITLE_ROWS if _is_page(sheet) else 2}"
    _page(into, content, placed, widths)
    if sheet.charts:  # on paper they have pages of their own
        into.col_breaks.append(Break(id=right - 1))


def _note(into: Worksheet, text: str) -> None:
    from openpyxl.comments import Comment

    into["A1"].comment = Comment(cells.encode(text)[:2_000], "reader-app", height=160, width=420)


def _add_filter(into: Worksheet, item: _Placed) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.table import Table as SheetTable
    from openpyxl.worksheet.table import TableStyleInfo

    area = f"A{item.header_row}:{get_column_letter(len(item.columns))}{item.last_row}"
    made = SheetTable(displayName=f"t_{item.table.name}", ref=area)
    made.tableStyleInfo = TableStyleInfo(name=None, showRowStripes=False)
    into.add_table(made)


def _naming_columns(first: _Placed, widths: dict[int, float]) -> int:
    """Return how many leading columns say what a row is about; they are printed again where a sheet goes on beside the page."""
    total, count = 0.0, 0
    for column, (place, _) in enumerate(first.columns, start=1):
        total += widths[column] + 2
        if total > _MOST_REPEATED or first.table.columns[place].kind not in (Kind.TEXT, Kind.INTEGER):
            break
        count = column
    return max(count, 1)


def _page(into: Worksheet, content: WorkbookContent, placed: Sequence[_Placed], widths: dict[int, float]) -> None:
    """Set the printed page: as wide as the tables, but never smaller than can be read; what does not fit goes on beside it."""
    from openpyxl.utils import get_column_letter

    characters = sum(widths.values()) + 2 * len(widths)
    into.page_setup.orientation = "landscape"
    into.page_setup.paperSize = 9  # A4
    into.page_setup.scale = max(_SMALLEST_PRINT, min(100, int(100 * _CHARACTERS_ON_PAPER / characters)))
    into.page_margins.left = into.page_margins.right = 0.4
    into.page_margins.top = into.page_margins.bottom = 0.6
    if characters * _SMALLEST_PRINT > 100 * _CHARACTERS_ON_PAPER and placed[0].header_row == 1:
        into.print_title_cols = f"A:{get_column_letter(_naming_columns(placed[0], widths))}"
    if len(placed) == 1 and placed[0].header_row is not None:
        into.print_title_rows = f"{placed[0].header_row}:{placed[0].header_row}"
    status = "INTERIM  " if content.interim else ""
    into.oddHeader.left.text = "&A"
    into.oddHeader.left.size = 10
    into.oddFooter.left.text = "&F"
    into.oddFooter.center.text = f"{status}{words.NOTICE}"
    into.oddFooter.right.text = "&P / &N"
    for part in (into.oddFooter.left, into.oddFooter.center, into.oddFooter.right):
        part.size = 8


# --- reading back -------------------------------------------------------------------------------------------------------------


def check_workbook(path: Path, sheets: Sequence[Sheet], content: WorkbookContent) -> str:
    """Compare every cell of a written workbook with what was meant; return in words how many.

    Raises
    ------
    NotAsWritten
        If a cell is missing, surplus, a formula or different.
    """
    from openpyxl.utils import get_column_letter

    differences: list[str] = []
    count = 0
    written = readback.sheets(path)
    if [name for name, _ in written] != [sheet.title for sheet in sheets]:
        differences.append(f"sheets {[name for name, _ in written]}")
        sheets = []
    for sheet, (_, part) in zip(sheets, written, strict=False):
        meant = {(row, column): value for row, column, value, _, _ in expected(sheet, content)}
        count += len(meant)
        for row, column, found in readback.cells(path, part):
            value = meant.pop((row, column), None)
            place = f"{sheet.title}!{get_column_letter(column)}{row}"
            if isinstance(found, readback.Formula):
                differences.append(f"{place} is a formula")
            elif not _same(found, value):
                differences.append(f"{place} holds {str(found)[:40]!r}, not {str(value)[:40]!r}")
        differences += [f"{sheet.title} row {row} column {column} is missing" for row, column in meant]
    refuse(path, differences)
    return f"{count:,} cells on {len(sheets)} sheets"


def _same(found: str | float, meant: Value) -> bool:
    if isinstance(meant, str) or isinstance(found, str) or meant is None:
        return isinstance(found, str) and isinstance(meant, str) and cells.decode(found) == meant
    if isinstance(meant, datetime):
        from openpyxl.utils.datetime import from_excel

        moment = from_excel(found)
        return isinstance(moment, datetime) and abs(moment - meant) <= timedelta(milliseconds=1)
    return found == float(f"{meant:.16g}")  # a spreadsheet file keeps sixteen significant digits
