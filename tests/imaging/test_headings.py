"""Headings of somebody's table: ours by name, others by guess, wrong ones refused in words; the command takes a mapping."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from reader_app.cli.main import run
from reader_app.desk import tables
from reader_app.desk.newstudy import new_study
from reader_app.errors import TableError
from reader_app.imaging import headings


@pytest.mark.parametrize(
    ("heading", "meant"),
    [("case_id", "case_id"), ("Case ID", "case_id"), ("File name", "file"), ("Side", "laterality"),
     ("clinical_parity", "clinical_parity"), ("Patient name", ""), ("remarks", ""), ("Histology", "pathology"),
     ("clinical_", "")],
)  # fmt: skip
def test_guesses(heading, meant):
    assert headings.guess(heading) == meant


def test_every_guess_is_a_column_of_ours():
    assert set(headings._LIKE.values()) <= set(headings.KNOWN)


def test_wrong_meanings_are_refused():
    with pytest.raises(TableError, match="no column of ours"):
        headings.check({"A": "nonsense"}, "t.csv")
    with pytest.raises(TableError, match="two columns are said to be file"):
        headings.check({"A": "file", "B": "file"}, "t.csv")
    headings.check({"A": "file", "B": "clinical_parity"}, "t.csv")


def test_the_command_takes_other_headings(tmp_path: Path, capsys):
    study = new_study(tmp_path / "s", "demo")
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8))
    table = tmp_path / "t.csv"
    table.write_text("Code,Bild,Alter,Geburten,kind\nC1,a.png,51,2,ultrasound\n", encoding="utf-8")
    command = ["import", str(study), str(tmp_path), "--table", str(table)]
    given = ["Code=case_id", "Bild=file", "Alter=age", "Geburten=clinical_births", "kind=modality"]
    assert run([*command, *[part for pair in given for part in ("--column", pair)]]) == 0
    (row,) = tables.read_rows(study / "cases.csv")
    assert row["case_id"] == "C1" and row["age"] == "51" and row["births"] == "2"
    capsys.readouterr()
    assert run([*command, "--column", "Kode=case_id", "--column", "Bild=file"]) == 1
    assert "'Kode'" in capsys.readouterr().err
    assert run([*command, "--column", "Code"]) == 1
    assert "names no pair" in capsys.readouterr().err
