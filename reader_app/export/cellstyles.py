"""How cells look: one restrained style, by role and kind of value."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from reader_app.export.layout import NOT_ESTIMABLE, Kind

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell

FONT = "Calibri"
_FORMATS = {
    Kind.TEXT: "@",
    Kind.INTEGER: "0",
    Kind.NUMBER: "0.000",
    Kind.FINE: "0.000000",
    Kind.PERCENT: "0.0%",
    Kind.SECONDS: "0.0",
    Kind.P: '[<0.0001]"<0.0001";0.0000',
    Kind.TIME: "yyyy-mm-dd hh:mm:ss",
}
_INK, _DIM, _LINE, _HEAD, _AMBER = "1F2937", "6B7280", "D1D5DB", "EEF2F7", "9A6700"


class Styles:
    """Styles by role and kind, made once and then copied as a whole (setting them cell by cell is ten times slower)."""

    def __init__(self, interim: bool) -> None:
        self._made: dict[tuple[str, Kind, bool, bool], Any] = {}
        self._interim = interim

    def apply(self, cell: Cell, role: str, kind: Kind, wrap: bool) -> None:
        """Give a cell its style; it keeps the quote mark that :func:`cells.write_text` may have set."""
        quoted = bool(cell.quotePrefix)
        key = (role, kind, wrap, quoted)
        made = self._made.get(key)
        if made is None:
            self._make(cell, role, kind, wrap)
            self._made[key] = copy(cell._style)
        else:
            cell._style = made  # shared: nothing changes a cell's style afterwards

    def _make(self, cell: Cell, role: str, kind: Kind, wrap: bool) -> None:
        from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

        right = kind not in (Kind.TEXT, Kind.TIME)
        if role == "header":
            cell.font = Font(name=FONT, size=10, bold=True, color=_INK)
            cell.fill = PatternFill("solid", fgColor=_HEAD)
            cell.border = Border(bottom=Side(style="medium", color="94A3B8"))
            cell.alignment = Alignment(
                horizontal="right" if right else "left", vertical="bottom", wrap_text=True, indent=0 if right else 1
            )
        elif role == "body":
            not_estimable = cell.value == NOT_ESTIMABLE
            cell.font = Font(name=FONT, size=10, color=_DIM if not_estimable else _INK, italic=not_estimable)
            cell.border = Border(bottom=Side(style="hair", color=_LINE))
            cell.alignment = Alignment(
                horizontal="right" if right else "left", vertical="center", wrap_text=wrap, indent=0 if right else 1
            )
            cell.number_format = _FORMATS[kind]
        else:
            size, bold, color = {
                "title": (18, True, _INK),
                "intro": (11, False, _DIM),
                "notice": (10, self._interim, _AMBER),
                "heading": (12, True, _INK),
                "note": (10, False, _DIM),
                "none": (10, False, _DIM),
            }[role]
            cell.font = Font(name=FONT, size=size, bold=bold, color=color, italic=role == "none")
            cell.alignment = Alignment(vertical="center")
