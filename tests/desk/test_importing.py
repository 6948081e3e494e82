"""What an import enters into a study: complete cases with their truth, nothing of a refused one, and a report that adds up."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from reader_app.desk import importing, tables
from reader_app.desk.newstudy import new_study
from reader_app.imaging import importreport

sys.path.insert(0, str(Path(__file__).parents[1] / "imaging"))
import makedicom as md


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return new_study(tmp_path / "study", "demo")


def hospital(tmp_path: Path) -> Path:
    """Case A is whole, case B lacks a view, case C holds no image at all."""
    md.four_views(tmp_path / "in" / "A", small=True)
    for path in md.four_views(tmp_path / "in" / "B", small=True)[:1]:
        path.unlink()
    (tmp_path / "in" / "C").mkdir()
    (tmp_path / "in" / "C" / "a.dcm").write_text("an e-mail\n", encoding="utf-8")
    table = tmp_path / "in" / "cases.csv"
    table.write_text("case_id,file,malignant\nA,A/*,1\nB,B/*,1\nC,C/*,0\n", encoding="utf-8")
    return table


def entered(study: Path) -> tuple[list[str], list[str]]:
    rows = tables.read_rows(study / "cases.csv"), tables.read_rows(study / importing.REFERENCE)
    return [r["case_id"] for r in rows[0]], [r["case_id"] for r in rows[1]]


def test_only_complete_cases_enter_list_and_reference(tmp_path: Path, empty: Path) -> None:
    table = hospital(tmp_path)
    report = importing.import_into(empty, [table.parent], table)
    assert {c.case_id: c.status for c in report.cases} == {"A": "complete", "B": "incomplete", "C": "refused"}
    assert entered(empty) == (["A"], ["A"])
    study = md.generate_uid()
    md.write(md.mammogram("RCC", md.breast("RCC", (24, 20)), StudyInstanceUID=study), table.parent / "B" / "RCC.dcm")
    report = importing.import_into(empty, [table.parent], table)
    assert report.case("B").status == "complete" and report.case("A").kept
    assert entered(empty) == (["A", "B"], ["A", "B"])


def test_an_import_that_takes_nothing_leaves_the_tables_alone(tmp_path: Path, empty: Path) -> None:
    before = {name: (empty / name).read_bytes() for name in ("cases.csv", importing.REFERENCE) if (empty / name).is_file()}
    (tmp_path / "a.dcm").write_text("an e-mail\n", encoding="utf-8")
    table = tmp_path / "cases.csv"
    table.write_text("case_id,file,malignant\nC,a.dcm,1\n", encoding="utf-8")
    report = importing.import_into(empty, [tmp_path / "a.dcm"], table)
    assert report.case("C").status == "refused" and not list((empty / "images").iterdir())
    assert entered(empty) == ([], [])
    for name in ("cases.csv", importing.REFERENCE):
        assert ((empty / name).read_bytes() if (empty / name).is_file() else None) == before.get(name)


def test_the_report_holds_what_every_import_said(tmp_path: Path, empty: Path) -> None:
    md.four_views(tmp_path / "first", small=True)
    (tmp_path / "first" / "letter.dcm").write_text("an e-mail\n", encoding="utf-8")
    md.four_views(tmp_path / "second", small=True)
    one = importing.import_into(empty, [tmp_path / "first"])
    two = importing.import_into(empty, [tmp_path / "second"])
    lines = tables.read_rows(empty / "import_report.csv")
    cases = {c.case_id for c in (*one.cases, *two.cases)}
    assert {line["case_id"] for line in lines if line["kind"] == "case"} == cases and len(cases) == 2
    assert [line["result"] for line in lines if line["path"] == "letter.dcm"] == ["refused"]
    assert {r["case_id"] for r in tables.read_rows(empty / "blinding_report.csv")} == cases
    again = importing.import_into(empty, [tmp_path / "first"])
    assert [c.kept for c in again.cases] == [True]
    assert tables.read_rows(empty / "import_report.csv") == lines


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, empty: Path, monkeypatch) -> None:
    md.four_views(tmp_path / "in", small=True)
    importing.import_into(empty, [tmp_path / "in"])
    before = (empty / "import_report.csv").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importreport.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        importing.earlier_report(empty).write(empty)
    assert (empty / "import_report.csv").read_bytes() == before
    assert json.loads((empty / "import_report.json").read_text(encoding="utf-8"))["cases"]
    assert not list(empty.glob(".*.part"))


def test_the_views_that_the_studys_hanging_requires_make_an_exam_complete(tmp_path: Path, empty: Path) -> None:
    for path in md.four_views(tmp_path / "in", small=True):
        if path.name.startswith("R"):
            path.unlink()
    assert [c.status for c in importing.import_into(empty, [tmp_path / "in"]).cases] == ["incomplete"]
    own = empty / "hanging" / "mammography.toml"
    own.parent.mkdir()
    panes = 'panes = [{ image = "LCC", column = 0 }, { image = "LMLO", column = 1 }]'
    head = 'format = 1\nname = "left"\ntitle = "left breast"\nmodality = "mammography"\nrequires = ["LCC", "LMLO"]\n'
    own.write_text(f'{head}[[steps]]\nname = "left"\nscale = "same_size"\n{panes}\n', encoding="utf-8")
    report = importing.import_into(empty, [tmp_path / "in"])
    assert [(c.status, c.kept) for c in report.cases] == [("complete", False)], report.cases[0].faults
    assert len(entered(empty)[0]) == 1
