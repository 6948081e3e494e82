"""cases.csv and readers.csv: values, refused columns, names that are safe on every system."""

from __future__ import annotations

from dataclasses import fields

import pytest

from reader_app.errors import StudyFileError
from reader_app.study.caselist import FORBIDDEN_COLUMNS, CaseEntry, Reader, parse_cases, parse_readers, wrong_name

ROW = {"case_id": "c1", "modality": "mammography"}


def test_columns_become_fields_and_clinical_variables() -> None:
    rows = [
        ROW | {"case_id": " c1 ", "breasts": "L+R", "stratum": "retest", "fingerprint": "AB" * 32, "age": "53", "가족력": "예"},
        ROW | {"case_id": "c2", "modality": "ABVS", "breasts": "l", "stratum": "", "fingerprint": "", "age": "", "가족력": ""},
    ]
    first, second = parse_cases(rows)
    assert first == CaseEntry("c1", "mammography", ("R", "L"), "retest", "ab" * 32, {"age": "53", "가족력": "예"})
    assert second.modality == "abvs" and second.breasts == ("L",)


def test_the_type_has_no_place_for_truth() -> None:
    assert not {entry.name for entry in fields(CaseEntry)} & FORBIDDEN_COLUMNS


@pytest.mark.parametrize("column", sorted(FORBIDDEN_COLUMNS))
def test_columns_that_unblind_are_refused(column: str) -> None:
    with pytest.raises(StudyFileError, match="would unblind the readers"):
        parse_cases([ROW | {column.upper(): ""}])


def test_faults_of_cases_are_listed_at_once() -> None:
    rows = [
        ROW | {"breasts": "B", "fingerprint": "xyz"},
        ROW | {"case_id": "C1", "modality": "MRI"},
        ROW | {"case_id": "", "breasts": "RR"},
        {"case_id": "c9", "modality": "abvs", None: ["more"]},
        {"case_id": "c10", "modality": None},
    ]
    with pytest.raises(StudyFileError) as caught:
        parse_cases(rows)  # type: ignore[arg-type]
    text = str(caught.value)
    assert len(caught.value.faults) == 9, text
    for words in (
        "'B' is not R, L",
        "not a SHA-256",
        "'MRI' is not",
        "'C1' stands already in row 2",
        "row 4, column case_id: it is empty",
    ):
        assert words in text
    assert text.count("more or fewer cells") == 2


def test_missing_columns_and_rows() -> None:
    with pytest.raises(StudyFileError, match="column modality: this column is missing"):
        parse_cases([{"case_id": "c1"}])
    with pytest.raises(StudyFileError, match="lists no case"):
        parse_cases([])
    with pytest.raises(StudyFileError, match="lists no reader"):
        parse_readers([])
    with pytest.raises(StudyFileError, match="column reader_id: this column is missing"):
        parse_readers([{"group": "junior"}])


def test_readers() -> None:
    rows = [{"reader_id": "r1", "group": "junior", "arm": "A"}, {"reader_id": "r2", "group": "", "arm": ""}]
    assert parse_readers(rows) == (Reader("r1", "junior", "A"), Reader("r2"))
    assert parse_readers([{"reader_id": "r1"}]) == (Reader("r1"),)
    with pytest.raises(StudyFileError, match="no names of people"):
        parse_readers([{"reader_id": "r1", "name": "Kim"}])
    with pytest.raises(StudyFileError, match="stands already in row 2"):
        parse_readers([{"reader_id": "r1"}, {"reader_id": "R1"}])


def test_equal_names_in_two_unicode_forms_are_one() -> None:
    with pytest.raises(StudyFileError, match="stands already"):
        parse_readers([{"reader_id": "é"}, {"reader_id": "e\u0301"}])


@pytest.mark.parametrize("name", ["c1", "乳腺-01", "قضية", "a b", "x.y", "한글"])
def test_names_of_every_script(name: str) -> None:
    assert wrong_name(name) == ""


@pytest.mark.parametrize(
    "name", ["", "a/b", "a\\b", "a:b", "..", ".a", "a.", " a", "a ", "con", "NUL.txt", "a\x00", "a\nb", "x" * 101]
)
def test_names_that_are_unsafe(name: str) -> None:
    assert wrong_name(name)
