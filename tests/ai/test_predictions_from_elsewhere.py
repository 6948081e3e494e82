"""Tables and CAD reports made elsewhere come up at the right case, image and place, or are refused with all faults at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import realdata

from reader_app.ai import external, results
from reader_app.errors import InputFaults
from reader_app.imaging import container
from reader_app.imaging.container import NewImage
from reader_app.imaging.window import GreyScale


def _case(root: Path, case_id: str, modality: str, images: list[NewImage], **source: Any) -> Path:
    container.write(root / case_id, case_id, modality, images, {"kinds": [], "notes": [], **source})
    return root / case_id


@pytest.fixture
def cases(tmp_path: Path) -> dict[str, Path]:
    grey = GreyScale(bits=8)
    view = NewImage("RCC", np.zeros((100, 80), np.uint8), laterality="R", view="CC", grey=grey, source_axes=(1, -2))
    volume = NewImage(
        "L_AP", np.zeros((20, 30, 40), np.uint8), kind="volume", view="AP", grey=grey, spacing_mm=(1, 1, 1), affine=np.eye(4)
    )
    return {
        "C1": _case(tmp_path / "images", "C1", "mammography", [view]),
        "C2": _case(tmp_path / "images", "C2", "abvs", [volume]),
    }


def _write(tmp_path: Path, text: str, name: str = "p.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_scores_and_boxes(cases: dict[str, Path], tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "case_id,probability,image_id,start_row,start_column,stop_row,stop_column,score,label,space\n"
        "C1,0.8,RCC,10,20,30,44,0.8,mass,shown\n"
        "C1,,RCC,50,10,60,20,0.3,,source\n"
        "C2,0.1,,,,,,,,\n",
    )
    one, two = external.read([path], "X", cases, threshold=0.5)
    assert (one.case_id, one.probability, one.call, one.positive) == ("C1", 0.8, "malignant", True)
    assert one.boxes[0].start == (10, 20) and one.boxes[0].label == "mass"
    assert one.boxes[1].start == (50, 60) and one.boxes[1].stop == (60, 70)  # mirrored with the hung view: 80 - 20, 80 - 10
    assert one.boxes[1].label == "benign"
    assert (two.probability, two.call, two.boxes) == (0.1, "benign", ())
    assert one.provenance["source"] == "made elsewhere" and "p.csv" in one.provenance["files"]
    assert results.matches(one, container.open_case(cases["C1"]).fingerprint)
    sha256 = results.save(tmp_path / "aids", one)
    assert results.load(tmp_path / "aids", "C1").sha256 == sha256


def test_tdsc_abus_table(cases: dict[str, Path], tmp_path: Path) -> None:
    path = _write(tmp_path, "id,c_x,c_y,c_z,len_x,len_y,len_z,score\nC2,20,15,10,10,8,6,0.7\n")
    (found,) = external.read([path], "X", cases)
    assert found.boxes[0].start == (7, 11, 15) and found.boxes[0].stop == (13, 19, 25) and found.probability == 0.7


def test_json_table(cases: dict[str, Path], tmp_path: Path) -> None:
    box = {"image_id": "L_AP", "start": [1, 2, 3], "stop": [4, 5, 6], "score": 0.9}
    document = {"schema": 1, "cases": [{"case_id": "C2", "probability": 0.6, "boxes": [box]}]}
    (found,) = external.read([_write(tmp_path, json.dumps(document), "p.json")], "X", cases)
    assert found.probability == 0.6 and found.boxes[0].stop == (4, 5, 6) and found.boxes[0].label == "malignant"


HEAD = "case_id,probability,image_id,start_row,start_column,stop_row,stop_column\n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (HEAD + "C9,0.5,,,,,\n", "not in this study"),
        (HEAD + "C1,0.5,LCC,1,1,2,2\n", "no image 'LCC'"),
        (HEAD + "C1,0.5,RCC,1,1,200,2\n", "outside"),
        (HEAD + "C1,0.5,RCC,9,1,2,2\n", "inside out"),
        (HEAD + "C1,1.5,,,,,\n", "between 0 and 1"),
        (HEAD + "C1,nan,,,,,\n", "no finite number"),
        (HEAD + "C1,high,,,,,\n", "no number"),
        (HEAD + "C2,0.5,L_AP,1,1,2,2\n", "needs 3 axes"),
        ("name,p\nx,1\n", "case_id"),
        ("", "no rows"),
        ("\x00\x01", "p.csv"),
    ],
)
def test_wrong_rows_are_refused_with_their_place(cases: dict[str, Path], tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(InputFaults) as caught:
        external.read([_write(tmp_path, text)], "X", cases)
    assert word in str(caught.value) and "p.csv" in str(caught.value)


def test_all_faults_come_at_once_and_nothing_is_taken(cases: dict[str, Path], tmp_path: Path) -> None:
    path = _write(tmp_path, HEAD + "C9,0.5,,,,,\nC1,0.5,,,,,\nC8,0.5,,,,,\n")
    other = _write(tmp_path, "x", "p.txt")
    with pytest.raises(InputFaults) as caught:
        external.read([path, other], "X", cases)
    assert len(caught.value.faults) == 3 and "row 2" in str(caught.value) and "row 4" in str(caught.value)


def test_cad_report_of_real_files(tmp_path: Path) -> None:
    """The report's outline comes up on the right view, mirrored with the hung image."""
    import hashlib

    import pydicom

    from reader_app.imaging.reports import read_report

    report = realdata.folder("fixtures_generated") / "mammo_cad_sr.dcm"
    original = realdata.folder("dicom_misc") / "fo_dicom" / "GH133.dcm"
    header = pydicom.dcmread(original, stop_before_pixels=True)
    rows, columns = int(header.Rows), int(header.Columns)
    side, digest = str(header.ImageLaterality), hashlib.sha256(original.read_bytes()).hexdigest()
    array = np.zeros((rows, columns), np.uint8)
    image = NewImage(f"{side}MLO", array, laterality=side, view="MLO", grey=GreyScale(bits=8), source_axes=(1, -2))
    folder = _case(tmp_path / "images", "C1", "mammography", [image], hashes=[digest])
    marks = read_report(str(report))["marks"]
    assert marks and all(m["uid"] == str(header.SOPInstanceUID) for m in marks)
    (found,) = external.read([report], "CAD", {"C1": folder}, originals=[original])
    assert len(found.boxes) == len(marks)
    outline = marks[0]["points"]
    # the outline's own numbers count from the corner of the first pixel, its points here from that pixel's centre
    low_c, high_c = min(p[1] for p in outline) + 0.5, max(p[1] for p in outline) + 0.5
    low_r = min(p[0] for p in outline) + 0.5
    box = min(found.boxes, key=lambda b: abs(b.start[0] - low_r))
    assert box.start[0] == pytest.approx(low_r)
    assert box.start[1] == pytest.approx(columns - high_c) and box.stop[1] == pytest.approx(columns - low_c)
    with pytest.raises(InputFaults, match="folder of the originals"):
        external.read([report], "CAD", {"C1": folder})
    other = _case(tmp_path / "images", "C2", "mammography", [image], hashes=["0" * 64])
    with pytest.raises(InputFaults, match=r"marks GH133\.dcm, of which this study has no case"):
        external.read([report], "CAD", {"C2": other}, originals=[original])
    fractional = realdata.folder("fixtures_generated") / "seg_fractional.dcm"
    measured = realdata.folder("fixtures_generated") / "sr_tid1500.dcm"
    (mapped,) = external.read([fractional, measured], "SEG", {"C1": folder}, originals=[original])
    (heat,) = mapped.heatmaps
    assert heat.image_id == image.id and heat.evidence and mapped.boxes
