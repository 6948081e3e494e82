"""Cases of a study go out as DICOM with marks and aids, and only where they are meant to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from reader_app.cli.main import run
from reader_app.desk import dicomout
from reader_app.errors import InputFaults
from reader_app.imaging.container import open_case
from reader_app.study.finding import Mark


def test_a_case_goes_out_with_the_pixels_it_has_and_nothing_else(study: Path, tmp_path: Path) -> None:
    assert run(["dicom", str(study), "--case", "C2", "--out", str(tmp_path / "out")]) == 0
    case = open_case(study / "images" / "C2")
    files = sorted((tmp_path / "out").rglob("*.dcm"))
    assert [p.stem for p in files] == sorted(image.id for image in case.images)
    for path in files:
        ds = pydicom.dcmread(path)
        assert np.array_equal(ds.pixel_array, case.image(path.stem).array)
        assert ds.PatientID == "C2" and ds.PatientIdentityRemoved == "YES" and not ds.StudyDate


def test_a_wrong_case_and_a_full_folder_are_refused_together(study: Path, tmp_path: Path) -> None:
    (tmp_path / "C1").mkdir()
    (tmp_path / "C1" / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(InputFaults) as caught:
        dicomout.write_dicom(study, ["C1", "C9"], tmp_path)
    assert "C9" in str(caught.value) and "not empty" in str(caught.value)
    assert (tmp_path / "C1" / "mine.txt").read_text(encoding="utf-8") == "keep"


def test_an_ellipse_is_written_as_its_line() -> None:
    mark = dicomout._mark(Mark("1", "A", "RCC", (50.0, 40.0), "ellipse", (20.0, 10.0), 70))
    ring = np.array(mark.outline)
    assert mark.text == "A (70)" and len(ring) == 32
    assert np.allclose(((ring - [50, 40]) / [10, 5]) ** 2 @ [1, 1], 1)
