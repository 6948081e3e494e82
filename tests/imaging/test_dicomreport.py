"""Structured reports read back: every mark on its frame and place, categories by code, nothing that tells who or when."""

from __future__ import annotations

import highdicom as hd
import numpy as np
import pydicom
import pytest

from reader_app.imaging import container
from reader_app.imaging import dicomexport as dx
from reader_app.imaging.caseimage import NewImage
from reader_app.imaging.overlay import Box
from reader_app.imaging.window import GreyScale

SECRET = bytes(32)


@pytest.fixture
def case(tmp_path):
    """A volume, a cine in colour and a still image: what presentation states cannot hold, and what they can."""
    rng = np.random.default_rng(0)
    grey = GreyScale()
    images = [
        NewImage(
            "V", rng.integers(0, 255, (12, 30, 40), dtype=np.uint8), "volume", "R", "AP", spacing_mm=(0.5, 0.1, 0.2), grey=grey
        ),
        NewImage("US1", rng.integers(0, 255, (5, 30, 40, 3), dtype=np.uint8), "cine", "R", "US"),
        NewImage("US2", rng.integers(0, 255, (30, 40), dtype=np.uint8), "image", "R", "US", grey=grey),
    ]
    container.write(tmp_path / "C1", "C1", "ultrasound", images)
    return container.open_case(tmp_path / "C1")


MARKS = [
    dx.ExportMark("V", (7.0, 10.0, 20.0), "A", (0.0, 4.0, 6.0), (), 80.0),
    dx.ExportMark("US1", (3.0, 12.0, 15.0), "B"),
    dx.ExportMark("US2", (12.0, 15.0), "C", (), ((5.0, 5.0), (5.0, 20.0), (18.0, 12.0))),
]


def groups(path):
    return hd.sr.srread(path).content.get_planar_roi_measurement_groups()


def place(group):
    region = group.roi
    source = region.ContentSequence[0].ReferencedSOPSequence[0]
    return region.GraphicType, region.value, str(source.ReferencedSOPInstanceUID), source.get("ReferencedFrameNumber")


def test_marks_of_every_kind_of_image_come_back(case, tmp_path):
    out = tmp_path / "out"
    files = dx.write_case(case, out, SECRET, {"R01 round 2": MARKS}, None, {"R01 round 2": {"R": "4A", "L": "1"}})
    assert {"report.R01_round_2.dcm", "US2.R01_round_2.dcm"} <= {p.name for p in files}
    uids = {i.id: str(pydicom.dcmread(out / f"{i.id}.dcm").SOPInstanceUID) for i in case.images}
    found = {g.tracking_identifier: place(g) for g in groups(out / "report.R01_round_2.dcm")}
    kind, points, uid, frame = found["A"]
    assert kind == "POLYLINE" and uid == uids["V"] and frame == 8  # frames count from 1
    assert points.tolist() == [[17.5, 8.5], [23.5, 8.5], [23.5, 12.5], [17.5, 12.5], [17.5, 8.5]]
    kind, points, uid, frame = found["B"]
    assert kind == "POINT" and uid == uids["US1"] and frame == 4 and points.tolist() == [[15.5, 12.5]]
    kind, points, uid, frame = found["C"]
    assert kind == "POLYLINE" and uid == uids["US2"] and frame is None and points[0].tolist() == points[-1].tolist() == [5.5, 5.5]
    report = hd.sr.srread(out / "report.R01_round_2.dcm")
    certain = next(g.get_measurements() for g in groups(out / "report.R01_round_2.dcm") if g.tracking_identifier == "A")
    assert certain[0].value == 80.0 and certain[0].name.value == "111012"
    told = {
        g.tracking_identifier: g.get_qualitative_evaluations()[0].value.value
        for g in report.content.get_image_measurement_groups()
    }
    assert told == {"assessment of R": "MA.II.A.5.4A", "assessment of L": "397140005"}


def test_a_models_boxes_are_probabilities_on_their_middle_plane(case, tmp_path):
    boxes = [Box("V", (2.0, 10.0, 20.0), (7.0, 14.0, 26.0), 0.75, "malignant")]
    dx.write_case(case, tmp_path / "out", SECRET, {}, {"M1": ("1.2", boxes, [])})
    (group,) = groups(tmp_path / "out" / "report.M1.dcm")
    kind, points, _, frame = place(group)
    assert kind == "POLYLINE" and frame == 5 and points[:3].tolist() == [[20.0, 10.0], [26.0, 10.0], [26.0, 14.0]]
    assert group.tracking_identifier == "malignant planes 2 to 6"
    measured = group.get_measurements()[0]
    assert measured.value == 75.0 and measured.name.value == "111047"


def test_a_read_without_a_mark_still_tells_its_category(case, tmp_path):
    dx.write_case(case, tmp_path / "out", SECRET, {}, None, {"R02 round 1": {"case": "2"}})
    assert groups(tmp_path / "out" / "report.R02_round_1.dcm") == []
    assert len(hd.sr.srread(tmp_path / "out" / "report.R02_round_1.dcm").content.get_image_measurement_groups()) == 1


def test_no_identity_and_the_same_bytes_again(case, tmp_path):
    for number in (1, 2):
        dx.write_case(case, tmp_path / f"{number}", SECRET, {"R01 round 2": MARKS}, None, {"R01 round 2": {"case": "5"}})
    one, two = (pydicom.dcmread(tmp_path / f"{n}" / "report.R01_round_2.dcm") for n in (1, 2))
    assert one.SOPInstanceUID == two.SOPInstanceUID and one.PatientID == "C1" and one.PatientIdentityRemoved == "YES"
    assert not one.StudyDate and not one.PatientBirthDate and one.ContentDate == "19000101"
    assert one.StudyInstanceUID == pydicom.dcmread(tmp_path / "1" / "V.dcm").StudyInstanceUID


def test_what_lies_outside_is_cut_at_the_edge(case, tmp_path):
    marks = [dx.ExportMark("US2", (1.0, 39.0), "E", (10.0, 10.0))]
    dx.write_case(case, tmp_path / "out", SECRET, {"R01 round 1": marks})
    (group,) = groups(tmp_path / "out" / "report.R01_round_1.dcm")
    assert np.array(group.roi.value).min() >= 0 and np.array(group.roi.value)[:, 0].max() == 40.0
