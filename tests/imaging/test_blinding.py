"""Writing in pixels, identifiers in names and headers: reported by place, never by value; blacked out where asked."""

from __future__ import annotations

import cv2
import makedicom as md
import numpy as np
import pytest
import realdata

from reader_app.imaging.burnedin import black_out, find_writing
from reader_app.imaging.container import open_case
from reader_app.imaging.importer import import_sources


def _speckle(seed=0, shape=(300, 400)):
    rng = np.random.default_rng(seed)
    field = cv2.GaussianBlur(rng.rayleigh(60, shape).astype(np.float32), (0, 0), 1.2)
    field[:40] = 0
    return field.clip(0, 255).astype(np.uint8)


def _banner(image, text="DOE^JANE 1960", row=25, scale=0.5):
    marked = image.copy()
    cv2.putText(marked, text, (10, row), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    return marked


@pytest.mark.parametrize("text", ["DOE^JANE 1960", "St. Elsewhere 12:05", "ID 884422-17", "KIM YOUNGHEE F45"])
@pytest.mark.parametrize("scale", [0.4, 0.5, 0.8, 1.2])
def test_banners_are_found_where_they_are(text, scale):
    image = np.vstack([np.zeros((60, 400), np.uint8), _speckle()])
    found = find_writing(_banner(image, text, 45, scale))
    assert found and all(w.row_end < 75 for w in found)
    left = np.array(_banner(np.zeros_like(image), text, 45, scale))
    for w in found:
        left[w.row : w.row_end, w.column : w.column_end] = 0
    assert left.max() == 0  # nothing of the writing sticks out of the boxes
    assert find_writing(image) == []  # the control


def test_sixteen_bit_and_colour_and_black_on_white():
    image = np.vstack([np.zeros((60, 400), np.uint8), _speckle()])
    marked = _banner(image, row=45, scale=0.8)
    assert find_writing(marked.astype(np.uint16) * 16)
    assert find_writing(np.repeat(marked[..., None], 3, axis=2))
    assert find_writing(255 - marked)


def test_a_view_marker_alone_is_no_writing():
    image = np.zeros((300, 400), np.uint8)
    assert find_writing(_banner(image, "RMLO", 60, 1.2)) == []


def test_the_case_report_names_places_and_no_values(tmp_path, pool):
    image = np.vstack([np.zeros((60, 400), np.uint8), _speckle()])
    ds = md.ultrasound(_banner(image, row=45, scale=0.8), PatientID="P-884422", BurnedInAnnotation="YES")
    ds.PatientName, ds.AccessionNumber = "DOE^JANE", "ACC77"
    md.write(ds, tmp_path / "in" / "doe_benign.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    case = report.cases[0]
    assert case.status == "complete" and {"PatientName", "PatientID", "AccessionNumber"} <= set(case.blinding["tags"])
    assert case.blinding["names"] == 1 and case.blinding["truth_in_names"] == 1 and case.blinding["stated"] == 1
    assert case.blinding["writing"] and any("writing in the pixels" in n for n in case.notes)
    assert "DOE" not in str(case.blinding) and "884422" not in str(case.blinding)
    again = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert again.cases[0].kept and again.cases[0].blinding == case.blinding


def test_blacked_out_by_the_table(tmp_path, pool):
    image = np.vstack([np.zeros((60, 400), np.uint8), _speckle()])
    md.write(md.ultrasound(_banner(image, row=45, scale=0.8)), tmp_path / "a.dcm")
    (tmp_path / "t.csv").write_text("case_id,file,black_out\nU1,a.dcm,0 0 60 400\n")
    report = import_sources([], tmp_path / "images", table=tmp_path / "t.csv", pool=pool)
    stored = open_case(tmp_path / "images" / "U1").image("US1").array
    assert not stored[:60].any() and np.array_equal(stored[60:], image[60:])
    assert all(w["decision"] == "black_out" and w["image"] == "US1" for w in report.cases[0].blinding["writing"])
    assert not any("look at it" in n for n in report.cases[0].notes) and any("blacked out" in n for n in report.cases[0].notes)
    (tmp_path / "t.csv").write_text("case_id,file,black_out\nU1,a.dcm,\n")
    again = import_sources([], tmp_path / "images", table=tmp_path / "t.csv", pool=pool)
    assert not again.cases[0].kept and open_case(tmp_path / "images" / "U1").image("US1").array[:60].any()


def test_black_out_of_a_cine_covers_all_frames():
    cine = np.full((3, 10, 10), 9, np.uint8)
    cine[0, 0, 0] = 2
    done = black_out(cine, [(0, 0, 4, 20)])
    assert (black_out(cine, [(0, 0, 4, 20)], invert=True)[:, :4] == 9).all()  # MONOCHROME1: the highest value is black
    assert (done[:, :4] == 2).all() and (done[:, 4:] == 9).all() and cine[1, 0, 0] == 9


@pytest.mark.data
def test_real_banners_found_and_clean_images_left_alone():
    from reader_app.imaging import decode, dicomfile

    folder = realdata.folder("dicom_misc")

    def writing(path):
        return find_writing(decode.pixels(dicomfile.read_dataset(path, header_only=False), path.name)[0])

    for name in ("pydicom_data/US1_UNCR.dcm", "fo_dicom/DIRW0007", "pydicom_data/JPGLosslessP14SV1_1s_1f_8b.dcm"):
        assert len(writing(folder / name)) >= 3, name
    clean = sorted(realdata.folder("mimbcd_us").glob("uta11/*/*.dcm"))
    assert len(clean) == 30 and sum(bool(writing(p)) for p in clean) == 0
