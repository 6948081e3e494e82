"""Text into cells and back: nothing becomes a formula, nothing is cut, nothing is changed."""

from __future__ import annotations

import io
import re
import zipfile

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reader_app.export import cells

HOSTILE = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1",
    "\0=1",
    '=HYPERLINK("http://example.invalid","x")',
    "=cmd|' /C calc'!A0",
    "#N/A",
    "#REF!",
    "'quoted",
    " =1",
    "＝1+1",
    "_x0041_",
    "_x0041\x07",
    "_x005F_",
    "_x0041_x0042_",
    "a\x00b\x1fc\x7f",
    "\ud83d lone",
    "\ufffe\uffff",
    "line\r\nend\rx",
    "  spaces  ",
    "乳腺癌 — 유방암 — סרטן השד — ‮abc",
    "👩‍⚕️" * 3,
    "TRUE",
    "2027-01-01",
    "1e9",
]


def through_a_workbook(texts: list[str]) -> tuple[list[str], str]:
    book = openpyxl.Workbook()
    sheet = book.active
    for row, text in enumerate(texts, start=1):
        cells.write_text(sheet.cell(row, 1), text)
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode("utf-8")
    stream.seek(0)
    again = openpyxl.load_workbook(stream).active
    found = [again.cell(row, 1) for row in range(1, len(texts) + 1)]
    assert all(cell.data_type in ("s", "n") for cell in found)
    return [cells.decode(cell.value or "") for cell in found], xml


def test_hostile_text_stays_text() -> None:
    found, xml = through_a_workbook(HOSTILE)
    assert found == HOSTILE
    assert not re.search(r"<f[ >/]", xml)


def test_negative_control_plain_openpyxl_makes_a_formula() -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "=1+1"
    assert book.active["A1"].data_type == "f"  # without cells.write_text the same text is live


def test_text_like_a_formula_keeps_its_quote_mark() -> None:
    sheet = openpyxl.Workbook().active
    cells.write_text(sheet["A1"], "=1+1")
    cells.write_text(sheet["A2"], "mass at 3 o'clock")
    assert sheet["A1"].quotePrefix
    assert not sheet["A2"].quotePrefix


any_text = st.text(st.characters(codec=None, categories=None), max_size=60) | st.text(alphabet="_xX0041\x07\x00FfA=", max_size=40)


@given(any_text)
@example("_x0041\x07")
@example("__x0041__x0041_")
def test_encode_and_decode_are_inverse(text: str) -> None:
    stored = cells.encode(text)
    assert cells.decode(stored) == text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]", stored)


@given(st.lists(any_text, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_text_survives_a_workbook(texts: list[str]) -> None:
    found, xml = through_a_workbook(texts)
    assert found == texts
    assert "<f>" not in xml


@given(st.text(alphabet="a_x0041\x00😀", max_size=200), st.integers(16, 64))
def test_pieces_fit_and_join_again(text: str, limit: int) -> None:
    parts = cells.pieces(text, limit)
    assert "".join(parts) == text
    for part in parts:
        assert len(cells.encode(part).encode("utf-16-le")) // 2 <= limit


def test_long_text_is_split_not_cut() -> None:
    long = "é" * 40_000 + "😀" * 20_000 + "\x01" * 3_000
    parts = cells.pieces(long)
    assert len(parts) > 1
    assert "".join(parts) == long
    found, _ = through_a_workbook(list(parts))
    assert "".join(found) == long


def test_a_cell_that_would_be_cut_is_refused() -> None:
    cell = openpyxl.Workbook().active["A1"]
    with pytest.raises(ValueError, match="does not fit"):
        cells.write_text(cell, "a" * 32_768)
    cells.write_text(cell, "a" * 32_767)
    assert len(cell.value) == 32_767
    with pytest.raises(ValueError, match="fewer than 16"):
        cells.pieces("a", 15)


@given(any_text)
def test_csv_guard_is_undone(text: str) -> None:
    assert cells.unguard_csv(cells.guard_csv(text)) == text


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        *[("=1+1", "'=1+1"), ("@x", "'@x"), ("\tx", "'\tx"), ("-5", "-5"), ("+1.5e3", "+1.5e3"), ("-5+3", "'-5+3")],
        *[("", ""), ("mass", "mass"), (" =1", "' =1"), ("＝1", "'＝1"), ("-", "'-"), ("'x", "''x")],
    ],
)
def test_csv_guard(text: str, stored: str) -> None:
    assert cells.guard_csv(text) == stored
