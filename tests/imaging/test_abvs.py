"""Volumes: every file form ends in the same canonical order, with the right millimetres and names."""

from __future__ import annotations

import gzip

import makedicom as md
import numpy as np
import pytest
from pydicom.dataset import Dataset

from reader_app.errors import ImageError
from reader_app.imaging import abvs
from reader_app.imaging.container import open_case
from reader_app.imaging.geometry import axis_letters, to_mm
from reader_app.imaging.importer import import_sources
from reader_app.imaging.names import NameWords

CANONICAL_LETTERS = (("H", "F"), ("A", "P"), ("R", "L"))


def phantom(slices=24, rows=30, columns=40):
    """Canonical order, no symmetry: skin bright, a bar at the head end on the patient's right, a spot deep on the left."""
    volume = np.full((slices, rows, columns), 60, np.uint8)
    volume[:, :2] = 200
    volume[2:4, 10:13, 3:15] = 120
    volume[-6, -7, -9] = 250
    return volume


def _multiframe(volume, description="R LAT", spacing=(0.07, 0.2), gap=0.5, **tags):
    """As GE stores it: first frame at the feet."""
    frames = np.ascontiguousarray(volume[::-1])
    ds = md.ultrasound(frames, frames=True, SeriesDescription=description, PixelSpacing=list(spacing), SpacingBetweenSlices=gap)
    ds.ManufacturerModelName = "Invenia"
    for key, value in tags.items():
        setattr(ds, key, value)
    return ds


def _ge(ds, nipple=(12.0, 18.0), creator="U-Systems", vr="FD"):
    block = ds.private_block(0x0021, creator, create=True)
    block.add_new(0x20, vr if vr != "LO" else "LO", list(nipple) if vr == "FD" else "\\".join(map(str, nipple)))
    block.add_new(0x40, "FD", 450.0)
    block.add_new(0x41, "FD", 0.0)
    block.add_new(0x62, "FD", 5.0)
    block.add_new(0x63, "FD", 5.0)
    return ds


def _import(tmp_path, pool, **options):
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool, **options)
    return report, [open_case(tmp_path / "images" / c.case_id) for c in report.cases if c.status != "refused"]


def test_a_whole_ge_examination(tmp_path, pool):
    study = md.generate_uid()
    descriptions = ["R AP", "R LAT", "R MED", "LAP", "L-LAT", "LEFT MED"]
    for number, text in enumerate(descriptions):
        volume = phantom()
        volume[0, 5, 5] = number
        ds = _ge(_multiframe(volume, text, StudyInstanceUID=study), vr="FD" if number % 2 else "LO")
        md.write(ds, tmp_path / "in" / f"{number}.dcm")
    report, cases = _import(tmp_path, pool, as_acquired=True)  # its true shape: test_scanconvert
    assert report.complete and len(cases) == 1, [c.faults for c in report.cases]
    case = cases[0]
    assert [i.id for i in case.images] == ["R_AP", "R_LAT", "R_MED", "L_AP", "L_LAT", "L_MED"] and case.modality == "abvs"
    image = case.image("R_LAT")
    expected = phantom()
    expected[0, 5, 5] = 1
    assert np.array_equal(image.array, expected)
    assert np.array_equal(image.column_major, np.moveaxis(expected, 2, 0))
    assert image.spacing_mm == pytest.approx((0.5, 0.07, 0.2)) and axis_letters(image.affine) == CANONICAL_LETTERS
    assert image.nipple_index == (24 - 1 - 18.0, 0.0, 12.0)
    assert image.probe == {"radius_mm": 450.0, "track_radius_mm": 0.0, "line_density": 5.0, "depth_cm": 5.0}
    assert report.case_rows[0]["breasts"] == "RL"
    assert any("orientation is not stated" in n for n in report.cases[0].notes)


def test_single_slices_with_positions(tmp_path, pool):
    volume = phantom()
    series, study = md.generate_uid(), md.generate_uid()
    for number in np.random.default_rng(0).permutation(len(volume)):
        ds = md.ultrasound(volume[number], SeriesInstanceUID=series, StudyInstanceUID=study, SeriesDescription="L MED ABVS")
        ds.PixelSpacing, ds.InstanceNumber = [0.07, 0.2], int(number) + 1
        ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-10.0, 5.0, 100.0 - 0.5 * int(number)]
        md.write(ds, tmp_path / "in" / f"{number}.dcm")
    report, cases = _import(tmp_path, pool)
    assert report.complete and report.cases[0].files == 24, report.cases[0].faults
    image = cases[0].image("L_MED")
    assert np.array_equal(image.array, volume) and image.spacing_mm == pytest.approx((0.5, 0.07, 0.2))
    assert to_mm(image.affine, (0, 0, 0)) == pytest.approx((-10, 5, 100)) and axis_letters(image.affine) == CANONICAL_LETTERS


@pytest.mark.parametrize("positions", [True, False])
def test_a_missing_slice_is_refused(tmp_path, pool, positions):
    volume = phantom()
    series, study = md.generate_uid(), md.generate_uid()
    for number in range(len(volume)):
        if number == 11:
            continue
        ds = md.ultrasound(volume[number], SeriesInstanceUID=series, StudyInstanceUID=study, SeriesDescription="L MED ABVS")
        ds.PixelSpacing, ds.InstanceNumber, ds.SpacingBetweenSlices = [0.07, 0.2], number + 1, 0.5
        if positions:
            ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0.0, 0.0, -0.5 * number]
        md.write(ds, tmp_path / "in" / f"{number}.dcm")
    report, _ = _import(tmp_path, pool, as_="abvs")
    assert report.cases[0].status == "refused" and not report.case_rows
    assert any("missing" in f for f in report.cases[0].faults)


def test_enhanced_volume_takes_its_positions(tmp_path, pool):
    frames = np.ascontiguousarray(phantom()[::-1])
    ds = md.put_pixels(md.base(abvs.ENHANCED_VOLUME, "US"), frames, 8, frames=True)
    ds.SeriesDescription = "R SUP"
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [0.07, 0.2]
    shared.PixelMeasuresSequence = [measures]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = []
    for number in range(len(frames)):
        place, frame = Dataset(), Dataset()
        place.ImagePositionVolume = [0.0, 0.0, 0.4 * number]
        frame.PlanePositionVolumeSequence = [place]
        ds.PerFrameFunctionalGroupsSequence.append(frame)
    md.write(ds, tmp_path / "in" / "v.dcm")
    report, cases = _import(tmp_path, pool)
    assert report.complete, report.cases
    image = cases[0].image("R_SUP")
    assert image.spacing_mm == pytest.approx((0.4, 0.07, 0.2)) and np.array_equal(image.array, phantom())


def _nrrd(path, array_slowest_first, directions, compress=False):
    sizes = " ".join(map(str, reversed(array_slowest_first.shape)))
    head = (
        f"NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: {sizes}\nspace directions: {directions}\n"
    )
    head += f"space origin: (1,2,3)\nencoding: {'gzip' if compress else 'raw'}\n\n"
    body = np.ascontiguousarray(array_slowest_first).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head.encode() + (gzip.compress(body) if compress else body))


def test_tdsc_axes_and_published_spacing(tmp_path, pool):
    """Axes of the file, fastest first: depth, lateral, sweep, with a placeholder of 1 mm; sweep begins at the feet."""
    stored = np.transpose(phantom()[::-1], (0, 2, 1))  # slowest first: sweep, lateral, depth
    _nrrd(tmp_path / "in" / "DATA_007.nrrd", stored, "(1,0,0) (0,1,0) (0,0,1)", compress=True)
    report, cases = _import(tmp_path, pool)
    assert report.complete, report.cases
    image = cases[0].images[0]
    assert np.array_equal(image.array, phantom())
    assert image.spacing_mm == pytest.approx((0.475674, 0.073, 0.200)) and "TDSC" in image.spacing_source
    d0, d1, d2 = 22, 31, 5  # depth, lateral, sweep: a place as the challenge's tables state it
    at = tuple(int(v) for v in image.from_source((d2, d1, d0)))
    assert image.array[at] == stored[d2, d1, d0] and image.to_source(at) == (d2, d1, d0)


def test_placeholder_spacing_is_refused_unless_given(tmp_path, pool):
    _nrrd(tmp_path / "in" / "scan_L_AP.nrrd", phantom()[::-1], "(1,0,0) (0,1,0) (0,0,1)")
    report, _ = _import(tmp_path, pool)
    assert report.cases[0].status == "refused" and "placeholder" in report.cases[0].faults[0]
    table = tmp_path / "cases.csv"
    table.write_text("case_id,file,spacing_mm,axes\nA1,in/*.nrrd,0.5 0.07 0.2,sweep depth lateral\n")
    report = import_sources([tmp_path / "in"], tmp_path / "images", table=table, pool=pool)
    assert report.complete, report.cases
    image = open_case(tmp_path / "images" / "A1").image("L_AP")
    assert image.spacing_mm == pytest.approx((0.5, 0.07, 0.2)) and np.array_equal(image.array, phantom())


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, 1), (-1, -1, -1)])
def test_any_stated_orientation_becomes_canonical(tmp_path, order, signs):
    """A file that states its geometry is turned by it, whatever its order and direction; millimetres do not move."""
    canonical = phantom()
    units = np.array([(0, 0, -1), (0, 1, 0), (1, 0, 0)], float)
    spacing = (0.5, 0.07, 0.2)
    flipped = canonical[tuple(slice(None, None, s) for s in signs)]
    stored = np.transpose(flipped, order)
    matrix = np.eye(4)
    origin = np.zeros(3)
    for axis in range(3):
        matrix[:3, axis] = units[order[axis]] * signs[order[axis]] * spacing[order[axis]]
        if signs[axis] < 0:
            origin += units[axis] * spacing[axis] * (canonical.shape[axis] - 1)
    matrix[:3, 3] = origin
    placement = abvs.place_file(matrix, stored.shape, True, "x.nrrd")
    assert np.array_equal(placement.apply(stored), canonical)
    assert placement.spacing_mm == pytest.approx(spacing) and axis_letters(placement.affine) == CANONICAL_LETTERS
    assert to_mm(placement.affine, (0, 0, 0)) == pytest.approx((0, 0, 0), abs=1e-9)


def test_negative_control_the_phantom_has_no_symmetry():
    volume = phantom()
    for axis in range(3):
        assert not np.array_equal(volume, np.flip(volume, axis))


@pytest.mark.parametrize(
    ("facts", "hint", "expected"),
    [
        ({"SeriesDescription": "R LAT"}, NameWords(), ("R", "LAT")),
        ({"SeriesDescription": "LAP"}, NameWords(), ("L", "AP")),
        ({"SeriesDescription": "ABVS RIGHT-MED 3"}, NameWords(), ("R", "MED")),
        ({}, NameWords("L", "INF"), ("L", "INF")),
        ({"ImageLaterality": "R", "SeriesDescription": "AP"}, NameWords(), ("R", "AP")),
        ({"SeriesDescription": "Breast"}, NameWords(), ("", "")),
    ],
)
def test_scan_positions(facts, hint, expected):
    assert abvs.scan_of(facts, hint, "a.dcm") == expected


def test_contradicting_sides_are_refused():
    with pytest.raises(ImageError, match="says L"):
        abvs.scan_of({"SeriesDescription": "R LAT"}, NameWords("L", "LAT"), "a.dcm")


@pytest.mark.parametrize("tag", ["SpacingBetweenSlices", "PixelSpacing"])
@pytest.mark.parametrize("value", ["0", "-1", "1e7", "nan"])
def test_bad_spacing_of_a_volume_names_the_tag(tag, value):
    facts = {"PixelSpacing": ["0.07", "0.2"], "SpacingBetweenSlices": "0.5"}
    facts[tag] = [value, value] if tag == "PixelSpacing" else value
    with pytest.raises(ImageError, match=tag):
        abvs.place_dicom(facts, (24, 30, 40), "a.dcm")


def test_no_spacing_is_refused():
    with pytest.raises(ImageError, match="spacing_mm"):
        abvs.place_dicom({"SpacingBetweenSlices": 0.5}, (24, 30, 40), "a.dcm")
    with pytest.raises(ImageError, match="distance between slices"):
        abvs.place_dicom({"PixelSpacing": [0.1, 0.1]}, (24, 30, 40), "a.dcm")


def test_nipple_outside_or_unmarked_is_none():
    placement = abvs.place_dicom({"PixelSpacing": [0.1, 0.1], "SpacingBetweenSlices": 0.5}, (24, 30, 40), "a.dcm")
    for value in ([0, 0], [500.0, 3.0], [1.0], "text", None):
        assert abvs.nipple_index({"abus": {"nipple": value}}, placement, (24, 30, 40)) is None


def test_secondary_captures_with_a_telling_description(tmp_path, pool):
    """A multi-frame secondary capture is taken as a scan only because it says breast and scan position."""
    frames = np.ascontiguousarray(phantom()[::-1])
    for text, name in (("L AP", "scan"), ("abdomen", "other")):
        ds = md.put_pixels(md.base("1.2.840.10008.5.1.4.1.1.7.2", "OT"), frames, 8, frames=True)
        ds.SeriesDescription, ds.PixelSpacing, ds.SpacingBetweenSlices = text, [0.07, 0.2], 0.5
        md.write(ds, tmp_path / "in" / f"{name}.dcm")
    report, cases = _import(tmp_path, pool)
    assert [f.accepted for f in report.files] == [False, True] and np.array_equal(cases[0].image("L_AP").array, phantom())
