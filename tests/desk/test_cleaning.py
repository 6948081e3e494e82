"""Original files leave without identity: same pseudonym as the case, blacked out where decided, none with undecided writing."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "imaging"))
import makedicom as md

from reader_app.cli.main import run
from reader_app.desk import cleaning, writing
from reader_app.desk.importing import import_into
from reader_app.desk.newstudy import new_study
from reader_app.errors import InputFaults


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two exams: one with a name written into its pixels."""
    rng = np.random.default_rng(0)
    for number, text in enumerate(("DOE^JANE 1960", "")):
        image = rng.integers(1, 120, (300, 400), dtype=np.uint8)
        image[:60] = 0
        if text:
            cv2.putText(image, text, (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1, cv2.LINE_AA)
        ds = md.ultrasound(image, PatientID=f"MRN-77{number}", StudyDate="20260115")
        ds.PatientName, ds.InstitutionName = "DOE^JANE", "St. Elsewhere"
        md.write(ds, tmp_path / "in" / f"doe{number}.dcm")
    (tmp_path / "in" / "notes.txt").write_text("x")
    folder = new_study(tmp_path / "s", "demo")
    import_into(folder, [tmp_path / "in"])
    return folder


def test_undecided_writing_is_not_passed_on_and_decided_is_blacked_out(study: Path, tmp_path: Path) -> None:
    first = cleaning.clean_files(study, [tmp_path / "in"], tmp_path / "one", workers=1)
    assert [bool(c.copy) for c in first] == [False, True, False] and "nobody has decided" in first[0].reason
    assert "not a DICOM file" in first[2].reason
    writing.decide(study, writing.undecided(study), "black_out", "2026-02-03")
    second = cleaning.clean_files(study, [tmp_path / "in"], tmp_path / "two", workers=1)
    ds = pydicom.dcmread(tmp_path / "two" / second[0].copy)
    assert ds.pixel_array[:60].max() == 0 and ds.pixel_array[60:].max() > 100 and ds.BurnedInAnnotation == "NO"
    assert second[1].copy == first[1].copy  # the same pseudonym and UID again
    names = {p.name for p in (study / "images").iterdir()}
    for path in (tmp_path / "two").rglob("*.dcm"):
        data = path.read_bytes()
        assert path.parent.name in names and pydicom.dcmread(path).PatientID == path.parent.name
        assert not any(word in data for word in (b"DOE", b"MRN-77", b"Elsewhere", b"20260115"))


def test_the_command_says_what_became_of_each(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deidentify", str(study), str(tmp_path / "in" / "doe1.dcm"), "--out", str(tmp_path / "out")]) == 0
    assert "1 of 1 file(s) copied" in capsys.readouterr().out
    assert run(["deidentify", str(study), str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    assert "not empty" in capsys.readouterr().err
    assert run(["deidentify", str(study), str(tmp_path / "in"), "--out", str(tmp_path / "out2")]) == 1
    assert "not copied: doe0.dcm: nobody has decided" in capsys.readouterr().out


def test_missing_sources_are_refused(study: Path, tmp_path: Path) -> None:
    with pytest.raises(InputFaults, match="no such file"):
        cleaning.clean_files(study, [tmp_path / "none"], tmp_path / "out")
