"""The workbook says exactly what went in; a fault leaves the old file as it was."""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from export.made_up_study import HOSTILE_NOTE, make_content
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import to_excel

from reader_app.errors import EnvironmentFault
from reader_app.export import atomic, cells, readback, workbook
from reader_app.export.content import WorkbookContent, changes
from reader_app.export.layout import Column, Kind, Sheet, Table
from reader_app.study.questions import Question
from reader_app.study.readtable import active_seconds

SHEETS = [
    *("Read me", "Study", "Cases", "Reads", "Marks", "Changes", "Times", "Accuracy", "ROC", "MRMC", "Agreement", "Localisation"),
    *("Reclassification", "Decision curve", "Aids", "Deviations", "Data dictionary"),
]


@pytest.fixture(scope="session")
def book_path(tmp_path_factory: pytest.TempPathFactory, content: WorkbookContent) -> Path:
    path = tmp_path_factory.mktemp("book") / "workbook.xlsx"
    workbook.write_workbook(path, content)
    return path


def table_rows(path: Path, sheet: str, first_header: str, also: str = "") -> list[dict[str, object]]:
    """Read a table as a person would find it: by its first heading (and another one, where two tables begin alike)."""
    lines = [[cell.value for cell in line] for line in openpyxl.load_workbook(path)[sheet].iter_rows()]
    start = next(number for number, line in enumerate(lines) if line[0] == first_header and (not also or also in line))
    rows = []
    for line in lines[start + 1 :]:
        if line[0] is None:
            break
        rows.append(dict(zip(lines[start], line, strict=True)))
    return rows


def test_the_sheets_are_those_of_the_interface(book_path: Path) -> None:
    assert openpyxl.load_workbook(book_path).sheetnames == SHEETS


def test_reads_come_back(book_path: Path, content: WorkbookContent) -> None:
    rows = table_rows(book_path, "Reads", "Reader")
    assert len(rows) == len(content.reads)
    for row, read in zip(rows, content.reads, strict=True):
        assert (row["Reader"], row["Round"], row["Case"], row["Position"]) == (
            *(read.reader_id, read.round_no, read.case_id, read.position),
        )
        assert row["BI-RADS"] == read.categories["case"]
        assert row["Suspicion (0–100)"] == read.scores["case"]
        assert row["Reading time (s)"] == pytest.approx(active_seconds(read), rel=1e-15)
        assert row["Displayed (UTC)"].isoformat(timespec="milliseconds") + "Z" == read.displayed_utc
    assert {row["Condition"] for row in rows} == {"Unaided", "Aided stage 1", "Aided stage 2"}


def test_changes_are_those_of_the_reads(book_path: Path, content: WorkbookContent) -> None:
    before = {(r.reader_id, r.round_no, r.case_id): r for r in content.reads}
    rows = [row for row in _all_rows(book_path, "Changes") if row.get("Before from")]
    expected = [r for r in content.reads if r.round_no > 1]
    assert len(rows) == len(expected)
    for row, read in zip(rows, expected, strict=True):
        earlier = before[read.reader_id, {2: 1, 3: 2}[read.round_no], read.case_id]
        assert (row["BI-RADS before"], row["BI-RADS after"]) == (earlier.categories["case"], read.categories["case"])
    moved = sum(item.direction != "unchanged" for item in changes(content))
    assert moved == sum(row["Direction"] != "unchanged" for row in rows) > 0


def _all_rows(path: Path, sheet: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    header: list[object] = []
    for line in openpyxl.load_workbook(path)[sheet].iter_rows():
        values = [cell.value for cell in line]
        if values[0] in ("Reader", "BI-RADS before"):
            header = values
        elif header and values[0] is not None:
            found.append(dict(zip(header, values, strict=True)))
        else:
            header = []
    return found


def test_every_result_of_the_analysis_is_there(book_path: Path, content: WorkbookContent) -> None:
    document = content.analysis
    accuracy = table_rows(book_path, "Accuracy", "Reader")
    assert [row["Sensitivity"] for row in accuracy] == [row["sensitivity"]["estimate"] for row in document["accuracy"]]
    assert accuracy[-1]["Reader"] == "All readers"
    assert accuracy[0]["Method"] == "Wilson"
    assert "Takahashi 2022" in accuracy[0]["Method, F1 and Youden index"]
    tests = table_rows(book_path, "MRMC", "Analysis")
    assert [row["p"] for row in tests[:2]] == ["not estimable", 0.00004]
    text = "\n".join(str(cell) for cell in _values(book_path, "Agreement"))
    assert "Low / high suspicion" in text
    assert "DLR_LH" not in text  # words, not ids


def _values(path: Path, sheet: str) -> list[object]:
    return [cell.value for line in openpyxl.load_workbook(path)[sheet].iter_rows() for cell in line if cell.value is not None]


def test_furniture(book_path: Path) -> None:
    book = openpyxl.load_workbook(book_path)
    for sheet in book.worksheets:
        assert sheet.freeze_panes, sheet.title
        assert "Research use only" in sheet.oddFooter.center.text
        assert any(dimension.width > 8 for dimension in sheet.column_dimensions.values())
    assert book["Reads"].freeze_panes == "B2"
    (reads,) = book["Reads"].tables.values()
    assert reads.autoFilter.ref == reads.ref
    assert reads.ref.startswith("A1:")
    assert {name: len(book[name]._charts) for name in ("Changes", "Times", "ROC", "Decision curve")} == dict.fromkeys(
        ("Changes", "Times", "ROC", "Decision curve"), 1
    )
    with zipfile.ZipFile(book_path) as archive:
        chart = b"".join(archive.read(name) for name in archive.namelist() if "charts/chart" in name).decode()
    assert "'Times'!$A$" in chart
    assert book["Accuracy"]["F3"].number_format in ("0", "0.0%")


def test_data_dictionary_names_every_heading(book_path: Path, content: WorkbookContent) -> None:
    named = {(row["Sheet"], row["Column"]) for row in table_rows(book_path, "Data dictionary", "Sheet")}
    for sheet in workbook.all_sheets(content)[1:-1]:
        for table in sheet.tables:
            for place in workbook.used(table):
                assert (sheet.title, table.columns[place].title) in named
                assert table.columns[place].meaning


def test_interim_is_printed_on_every_sheet(tmp_path: Path, hostile_content: WorkbookContent) -> None:
    path = tmp_path / "w.xlsx"
    workbook.write_workbook(path, hostile_content)
    for sheet in openpyxl.load_workbook(path).worksheets:
        assert "INTERIM" in sheet.oddFooter.center.text
        assert "INTERIM" in (sheet["A3"].value if sheet.title == "Read me" else sheet["A1"].comment.text)
        assert "INTERIM" in sheet.oddFooter.center.text


def test_hostile_text_is_only_text(tmp_path: Path, hostile_content: WorkbookContent) -> None:
    path = tmp_path / "w.xlsx"
    workbook.write_workbook(path, hostile_content)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/sheet"):
                assert not re.search(rb"<f[ >/]", archive.read(name)), name
    first = table_rows(path, "Reads", "Reader")[0]
    noted = "".join(cells.decode(first[name]) for name in first if name.startswith("Note") and first[name])
    assert noted == HOSTILE_NOTE
    assert first["Note (continued 2)"]
    assert first["BI-RADS before the aid"] == "3"
    assert first["Time to own answer (s)"] == 12


def test_the_second_reader_reads_what_the_library_reads(book_path: Path) -> None:
    book = openpyxl.load_workbook(book_path)
    named = readback.sheets(book_path)
    assert [name for name, _ in named] == book.sheetnames
    count = 0
    for name, part in named:
        theirs = {(cell.row, cell.column): cell for line in book[name].iter_rows() for cell in line if cell.value is not None}
        ours = {(row, column): found for row, column, found in readback.cells(book_path, part)}
        assert ours.keys() == theirs.keys()
        for place, found in ours.items():
            value = theirs[place].value
            assert found == (pytest.approx(to_excel(value), abs=1e-9) if isinstance(value, datetime) else value), (name, place)
        count += len(ours)
    assert count > 1_000


def test_the_second_reader_sees_formulas_and_takes_nothing_for_text_that_is_none(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["B2"], sheet["AB3"] = "=1+1", True, 0.5
    book.save(tmp_path / "w.xlsx")
    ((_, part),) = readback.sheets(tmp_path / "w.xlsx")
    found = list(readback.cells(tmp_path / "w.xlsx", part))
    assert found == [(1, 1, "1+1"), (2, 2, "1"), (3, 28, 0.5)]
    assert isinstance(found[0][2], readback.Formula) and not isinstance(found[1][2], readback.Formula)


def test_negative_control_a_changed_cell_is_found(book_path: Path, content: WorkbookContent, tmp_path: Path) -> None:
    sheets = workbook.all_sheets(content)
    workbook.check_workbook(book_path, sheets, content)
    book = openpyxl.load_workbook(book_path)
    for name, value in (("G9", "5 "), ("M7", 1.0), ("G12", "=1+1"), ("AZ300", "surplus")):
        kept = book["Reads"][name].value
        book["Reads"][name].value = value
        changed = tmp_path / "changed.xlsx"
        book.save(changed)
        with pytest.raises(atomic.NotAsWritten, match="Reads!"):
            workbook.check_workbook(changed, sheets, content)
        book["Reads"][name].value = kept
    del book["ROC"]
    book.save(changed)
    with pytest.raises(atomic.NotAsWritten, match="sheets"):
        workbook.check_workbook(changed, sheets, content)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_fault_leaves_the_old_file(
    tmp_path: Path, content: WorkbookContent, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "workbook.xlsx"
    path.write_bytes(b"the old file")

    def fails(target: Path, sheets: object, content: object) -> None:
        target.write_bytes(b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(workbook, "_write", fails)
    with pytest.raises(EnvironmentFault) as caught:
        workbook.write_workbook(path, content)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "unchanged" in sentence
    assert "\n" not in sentence
    assert path.read_bytes() == b"the old file"
    assert os.listdir(tmp_path) == ["workbook.xlsx"]


def test_a_really_full_disk(tmp_path: Path, content: WorkbookContent) -> None:
    """The size limit of a process stands in for a full disk: the write itself fails in the middle."""
    resource = pytest.importorskip("resource")
    import signal

    path = tmp_path / "workbook.xlsx"
    path.write_bytes(b"the old file")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(EnvironmentFault, match="was not written"):
            workbook.write_workbook(path, content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == b"the old file"
    assert os.listdir(tmp_path) == ["workbook.xlsx"]


def test_a_missing_folder_is_one_sentence(tmp_path: Path, content: WorkbookContent) -> None:
    with pytest.raises(EnvironmentFault, match="the folder does not exist"):
        workbook.write_workbook(tmp_path / "no" / "w.xlsx", content)


def test_reads_that_do_not_count_are_named_and_left_out(tmp_path: Path, content: WorkbookContent) -> None:
    question = Question("adler", "Aid", kind="choice", choices=("0", "I"), level="unit")  # its text is also one of our headings
    study = dataclasses.replace(content.study, questions=(question, dataclasses.replace(question, question_id="two")))
    reads = list(content.reads)
    reads[0] = dataclasses.replace(reads[0], void="wrong patient", answers={"adler:case": ("I",)})
    reads[1] = dataclasses.replace(reads[1], training=True)
    changed = dataclasses.replace(content, study=study, reads=reads)
    path = tmp_path / "w.xlsx"
    workbook.write_workbook(path, changed)
    rows = table_rows(path, "Reads", "Reader")
    assert [row["Counts"] for row in rows[:3]] == ["void: wrong patient", "training", None]
    assert rows[0]["Aid [2]"] == "I"
    assert {"Aid", "Aid [2]", "Aid [3]"} <= set(rows[0])
    assert len(changes(changed)) == len(changes(content)) - 2
    medians = table_rows(path, "Times", "Reader", "Round 1, reads")
    assert medians[0]["Round 1, reads"] == 22


def test_an_empty_study_still_has_every_sheet(tmp_path: Path) -> None:
    empty = make_content(readers=("R1",), reads=[], analysis=None, predictions=[], deviations={}, reference=[], heads={})
    path = tmp_path / "w.xlsx"
    workbook.write_workbook(path, empty)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == SHEETS
    assert "no protocol deviation" in book["Deviations"]["A1"].comment.text
    assert book["Reads"]["A1"].value == "Reader"
    assert book["Reads"].max_row == 1
    assert "none" in _values(path, "Accuracy")


value = (
    st.none()
    | st.text(st.characters(codec=None, categories=None), min_size=1, max_size=30)
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1))
)


@given(st.lists(st.tuples(value, value, value), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_survives(tmp_path: Path, rows: list[tuple[object, object, object]]) -> None:
    columns = tuple(Column(f"Column {n}", "Anything.", Kind.NUMBER if n == 1 else Kind.TEXT, key=f"c{n}") for n in range(3))
    sheets = [Sheet("Any", "Any values.", (Table("any", "", columns, rows),))]  # type: ignore[arg-type]
    plain = make_content(readers=("R1",), reads=[], analysis=None)
    target = tmp_path / "any.xlsx"
    workbook._write(target, sheets, plain)
    workbook.check_workbook(target, sheets, plain)
