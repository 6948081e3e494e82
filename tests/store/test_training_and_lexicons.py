"""The training key and the lexicons of a study folder: read, refused, frozen, packed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from store.studies import small_study, write_csv

from reader_app.errors import StudyFileError
from reader_app.export.package import open_package, write_package
from reader_app.store import lexicons
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.studykeys import read_table
from reader_app.study.training import Feedback, Place, parse_training_key

TRAINING = """
[[questions]]
id = "shape"
text = "Shape?"
lexicon = "mg_mass_shape"
required = false
[[questionnaires]]
id = "workload"
when = "round_end"
template = "nasa_tlx"
[[rounds]]
number = 1
title = "Training"
condition = "unaided"
training = true
feedback = true
cases = { stratum = ["training"] }
[[rounds]]
number = 2
title = "Alone"
condition = "unaided"
[randomisation]
seed = 7
"""
KEY = [
    {"case_id": "case-01", "category": "5", "outcome": "malignant", "text": "spiculated mass", "image_id": "RCC", "slice": "",
     "row": "10", "column": "12.5", "radius": "4"},
    {"case_id": "case-01", "category": "", "outcome": "", "text": "second focus", "image_id": "RMLO", "slice": "", "row": "20",
     "column": "9", "radius": ""},
    {"case_id": "case-02", "category": "2", "outcome": "benign", "text": "cyst", "image_id": "", "slice": "", "row": "",
     "column": "", "radius": ""},
]  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = small_study(tmp_path / "home")
    text = (folder / "study.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(text[: text.index("[[models]]")] + TRAINING, encoding="utf-8")
    cases = [line.split(",") for line in (folder / "cases.csv").read_text(encoding="utf-8").splitlines()]
    rows = [dict(zip(cases[0], line, strict=True)) for line in cases[1:]]
    write_csv(folder / "cases.csv", [{**row, "stratum": "training" if n < 2 else "main"} for n, row in enumerate(rows)])
    write_csv(folder / "training_key.csv", KEY)
    return folder


def test_feedback_is_loaded_frozen_and_packed(study: Path, tmp_path: Path) -> None:
    folder = StudyFolder.load(study).freeze()
    assert set(folder.feedback) == {"case-01", "case-02"}
    first = folder.feedback["case-01"]
    assert first.places == (Place("RCC", (10.0, 12.5), 4.0, "spiculated mass"), Place("RMLO", (20.0, 9.0), 0.0, "second focus"))
    assert (first.category, first.outcome, first.text) == ("5", "malignant", "spiculated mass")
    assert folder.feedback["case-02"] == Feedback("2", "benign", "cyst")
    station = StudyFolder.load(open_package(write_package(study, "R01", tmp_path / "p.zip"), tmp_path / "station"))
    assert station.feedback == folder.feedback and station.plan("R01") == folder.plan("R01")
    assert not (station.path / "reference_standard.csv").exists()
    (study / "training_key.csv").write_text("case_id,text\ncase-01,other\ncase-02,other\n", encoding="utf-8")
    with pytest.raises(StudyFileError, match=r"training_key.csv: it was changed"):
        StudyFolder.load(study)
    (study / "training_key.csv").unlink()
    with pytest.raises(StudyFileError, match=r"training_key.csv: it was changed"):
        StudyFolder.load(study)


def test_nothing_is_told_of_a_case_that_counts(study: Path) -> None:
    write_csv(study / "training_key.csv", [*KEY, {**KEY[2], "case_id": "case-03"}])
    with pytest.raises(StudyFileError, match="case-03: it is no case of a training round"):
        StudyFolder.load(study)


def test_a_training_case_without_a_word_is_missed(study: Path) -> None:
    write_csv(study / "training_key.csv", KEY[:2])
    with pytest.raises(StudyFileError, match="nothing is said about case-02"):
        StudyFolder.load(study)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"case_id": "", "text": "x"}, "name the training case"),
        ({"case_id": "a"}, "says nothing about the case"),
        ({"case_id": "a", "image_id": "RCC"}, "does not say a place"),
        ({"case_id": "a", "row": "3", "column": "4"}, "does not say a place"),
        ({"case_id": "a", "image_id": "RCC", "row": "x", "column": "4"}, "does not say a place"),
        ({"case_id": "a", "image_id": "RCC", "row": "-3", "column": "4"}, "does not say a place"),
        ({"case_id": "a", "text": "t", "malignant": "1"}, "this column is not known"),
    ],
)
def test_faults_of_a_training_key_are_named(row: dict[str, str], words: str) -> None:
    with pytest.raises(StudyFileError, match=words):
        parse_training_key([row])


def test_a_volume_has_three_axes() -> None:
    row = {"case_id": "a", "image_id": "L_AP", "slice": "30", "row": "3", "column": "4", "radius": "2"}
    assert parse_training_key([row])["a"].places[0].index == (30.0, 3.0, 4.0)


def test_lexicons_of_the_program_are_sound_and_used_ones_are_frozen(study: Path) -> None:
    found = lexicons.load()
    assert {"mg_mass_shape", "us_mass_margin", "adler_grade", "mg_composition", "birads_forced"} <= set(found.lists)
    for name, questions in found.questionnaires.items():
        for question in questions:
            faults: list[object] = []
            read_table("questions", question, name, faults)  # type: ignore[arg-type]
            assert faults == []
    folder = StudyFolder.load(study)
    assert folder.definition.questions[0].choices == ("oval", "round", "irregular")
    assert [own.question_id for own in folder.definition.questionnaires[0].questions][:2] == ["mental", "physical"]
    frozen = folder.freeze()
    assert frozen.lock is not None
    copies = {name for name in frozen.lock.files if name.startswith("lexicon/")}
    assert copies == {"lexicon/00_birads5_mammography.json", "lexicon/00_questionnaires.json"}
    assert all((study / name).is_file() for name in copies)


def test_a_later_edition_of_the_program_changes_no_frozen_study(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = StudyFolder.load(study).freeze()
    (tmp_path / "lexicon").mkdir()
    later = {"schema": 1, "lists": {"mg_mass_shape": ["oval", "lobular"]}, "questionnaires": {}}
    (tmp_path / "lexicon" / "later.json").write_text(json.dumps(later), encoding="utf-8")
    monkeypatch.setattr("reader_app.paths.resource", lambda name: tmp_path / name)
    assert lexicons.load().lists["mg_mass_shape"] == ("oval", "lobular")
    assert StudyFolder.load(study).plan("R01") == frozen.plan("R01")


def test_a_study_brings_its_own_terms(study: Path) -> None:
    (study / "lexicon").mkdir()
    own = {"schema": 1, "title": "Ours", "lists": {"mg_mass_shape": ["rund", "oval", "unregelmäßig"]}}
    (study / "lexicon" / "ours.json").write_text(json.dumps(own), encoding="utf-8")
    assert StudyFolder.load(study).definition.questions[0].choices == ("rund", "oval", "unregelmäßig")
    frozen = StudyFolder.load(study).freeze()
    assert frozen.definition.questions[0].choices == ("rund", "oval", "unregelmäßig")
    (study / "lexicon" / "ours.json").write_text(json.dumps({**own, "title": "Edited"}), encoding="utf-8")
    with pytest.raises(StudyFileError, match=r"lexicon/ours.json: it was changed"):
        StudyFolder.load(study)


@pytest.mark.parametrize(
    "document", [{"schema": 2}, {"schema": 1, "lists": {"a": []}}, {"schema": 1, "lists": {"a": ["x", "x"]}}, [],
                 {"schema": 1, "lists": {"a": [1]}}, {"schema": 1, "questionnaires": {"q": ["x"]}}],
)  # fmt: skip
def test_a_file_that_is_no_lexicon_is_named(tmp_path: Path, document: object) -> None:
    (tmp_path / "lexicon").mkdir()
    (tmp_path / "lexicon" / "odd.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(StudyFileError, match=r"odd.json: it is not a list of terms"):
        lexicons.load(tmp_path)
