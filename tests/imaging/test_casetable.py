"""The case table: every fault with its line, truth kept apart, nothing taken over unasked."""

from __future__ import annotations

import datetime
import zipfile

import openpyxl
import pytest

from reader_app.errors import TableError
from reader_app.imaging import casetable


def _read(tmp_path, text, **options):
    path = tmp_path / "cases.csv"
    path.write_text(text, encoding="utf-8")
    return casetable.read(path, **options)


GOOD = """case_id,file,modality,view,laterality,exam_date,role,age,family_history,stratum,malignant,patient_id
A1,a/*.dcm,mammography,,,2026-03-01,current,54,yes,easy,1,P9
A1,old/*.dcm,mammography,,,2024-02-01,prior,52,,,,
A2,b.png,ultrasound,US,L,,,47,no,hard,0,P10
"""


def test_a_good_table(tmp_path):
    table = _read(tmp_path, GOOD)
    assert [(r.case_id, r.file, r.role) for r in table.rows] == [
        ("A1", "a/*.dcm", "current"),
        ("A1", "old/*.dcm", "prior"),
        ("A2", "b.png", "current"),
    ]
    assert table.rows[0].exam_date == datetime.date(2026, 3, 1)
    assert table.clinical["A1"] == {"age": "54", "family_history": "yes", "stratum": "easy"}  # the prior's age does not count
    assert table.reference == [
        {"case_id": "A1", "laterality": "", "malignant": "1", "patient_id": "P9"},
        {"case_id": "A2", "laterality": "", "malignant": "0", "patient_id": "P10"},
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_bom_and_unicode(tmp_path, delimiter):
    text = "\ufeffcase_id,file,symptom\nA1,图/a.png,통증\n".replace(",", delimiter)
    table = _read(tmp_path, text)
    assert table.rows[0].file == "图/a.png" and table.clinical["A1"]["symptom"] == "통증"


def test_truth_for_case_breast_and_lesion(tmp_path):
    head = "case_id,file,laterality,view,malignant,lesion_id,x_mm\n"
    same = _read(tmp_path, head + "A,a,R,CC,1,,\nA,b,L,CC,1,,\n").reference
    assert [(e["laterality"], e["malignant"]) for e in same] == [("", "1")]
    breasts = _read(tmp_path, head + "A,a,R,CC,1,,\nA,b,R,MLO,1,,\nA,c,L,CC,0,,\n").reference
    assert {(e["laterality"], e["malignant"]) for e in breasts} == {("R", "1"), ("L", "0")}
    lesions = _read(tmp_path, head + "A,a,R,CC,1,1,20.5\nA,b,R,MLO,1,1,22\nA,,R,MLO,0,2,40\n")
    assert [(e["lesion_id"], e["view"], e["x_mm"]) for e in lesions.reference] == [
        ("1", "CC", "20.5"),
        ("1", "MLO", "22"),
        ("2", "MLO", "40"),
    ]
    assert len(lesions.rows) == 2  # the row without a file only adds a lesion


def test_identity_and_unknown_columns_are_named_and_not_taken(tmp_path):
    table = _read(tmp_path, "case_id,file,Patient Name,MRN,opinion,clinical_bmi\nA,a,Jane,77,4,31\n")
    assert table.clinical["A"] == {"bmi": "31"} and table.reference == []
    text = " ".join(table.notes)
    assert "patient_name" in text and "names a person" in text and "'opinion' is unknown" in text


def test_column_mapping(tmp_path):
    table = _read(tmp_path, "Fall,Datei,Alter\nA,a.png,50\n", columns={"Fall": "case_id", "Datei": "file", "Alter": "age"})
    assert table.rows[0].file == "a.png" and table.clinical["A"]["age"] == "50"


def test_all_faults_at_once_with_their_lines(tmp_path):
    bad = ["../x,c,,,,,,,,,,", "A3,c,xray,,,,,,,,,", "A4,c,,,Q,,,,,,,", "A5,c,,,,31/12/26,,,,,,", "a1,d,,,,,,,,,,"]
    text = GOOD + "\n".join([*bad, "A2,e,ultrasound,US,L,,,48,no,hard,2,P10"]) + "\n"
    with pytest.raises(TableError) as caught:
        _read(tmp_path, text)
    faults = [str(f) for f in caught.value.faults]
    for line, word in (
        (5, "plain name"),
        (6, "modality 'xray'"),
        (7, "laterality 'q'"),
        (8, "not a date"),
        (9, "upper and lower"),
        (10, "age is '48'"),
    ):
        assert any(f"line {line}:" in f and word in f for f in faults), (line, word, faults)
    assert any("malignant is '2'" in f for f in faults)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("file\na\n", "column 'case_id' is missing"),
        ("case_id,file,file\nA,a,b\n", "occurs twice"),
        ("", "no header row"),
        ("case_id,file\n", "no row with a file"),
        ("case_id,file,malignant\nA,a,1\nA,b,0\n", "both malignant and not"),
        ("case_id,file,spacing_mm\nA,a,1 2 3 4\n", "spacing_mm"),
        ("case_id,file,x_mm\nA,a,left\n", "x_mm"),
    ],
)
def test_faulty_tables(tmp_path, text, word):
    with pytest.raises(TableError, match=word):
        _read(tmp_path, text)


def test_not_utf8(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_bytes("case_id,file,symptom\nA,a,Schmerz \xe4\n".encode("latin-1"))
    with pytest.raises(TableError, match="UTF-8"):
        casetable.read(path)


def test_workbook_numbers_and_dates(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["case_id", "file", "age", "exam_date", "malignant"])
    book.active.append(["A1", "a.png", 54.0, datetime.datetime(2026, 3, 1), 1])
    book.active.append(["A2", "=cmd()", None, None, 0])
    book.save(tmp_path / "cases.xlsx")
    table = casetable.read(tmp_path / "cases.xlsx")
    assert table.clinical["A1"]["age"] == "54" and table.rows[0].exam_date == datetime.date(2026, 3, 1)
    assert [e["malignant"] for e in table.reference] == ["1", "0"]


def test_workbook_bomb_and_stranger(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(300 << 20))
    with pytest.raises(TableError, match="far more"):
        casetable.read(tmp_path / "bomb.xlsx")
    (tmp_path / "text.xlsx").write_text("hello")
    with pytest.raises(TableError, match="no xlsx"):
        casetable.read(tmp_path / "text.xlsx")


def test_entities_in_a_workbook_do_not_expand(tmp_path):
    """The XML reader is the hardened one: a billion laughs is refused, not expanded."""
    assert openpyxl.DEFUSEDXML is True


def test_a_column_that_is_left_out_is_not_read_even_if_it_is_one_of_ours(tmp_path):
    text = "case_id,file,age,malignant\nA,a.png,50,1\n"
    assert _read(tmp_path, text).clinical["A"]["age"] == "50"
    table = _read(tmp_path, text, columns={"case_id": "case_id", "file": "file", "age": "", "malignant": ""})
    assert "age" not in table.clinical["A"] and not table.reference and not table.notes


def test_region_category_and_cohort_are_taken_where_they_belong(tmp_path):
    head = "case_id,file,roi,malignant,birads,cohort\n"
    table = _read(tmp_path, head + 'A,a.png,"10,20,30,40",1,4A,external\nB,b.png,,,,internal\n')
    assert not table.notes
    assert table.clinical["A"] == {"roi": "10,20,30,40"} and "B" not in [e["case_id"] for e in table.reference]
    (entry,) = table.reference
    assert (entry["malignant"], entry["birads"], entry["cohort"]) == ("1", "4A", "external")
    assert "cohort" not in table.clinical["A"] and "birads" not in table.clinical["A"]
