"""Out and in again: the exported DICOM of a case imports to the same pixels; marks and heatmaps lie where they were."""

from __future__ import annotations

import highdicom as hd
import makedicom as md
import numpy as np
import pydicom
import pytest

from reader_app.imaging import dicomexport as dx
from reader_app.imaging.container import open_case
from reader_app.imaging.importer import import_sources
from reader_app.imaging.overlay import Box, Heatmap

SECRET = bytes(32)


@pytest.fixture
def case(tmp_path, pool):
    md.four_views(tmp_path / "in", "P77", PixelPaddingValue=0, PixelPaddingRangeLimit=30)
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    return open_case(tmp_path / "images" / report.cases[0].case_id)


def test_images_survive_the_round_trip(case, tmp_path, pool):
    files = dx.write_case(case, tmp_path / "out", SECRET)
    assert sorted(p.name for p in files) == ["LCC.dcm", "LMLO.dcm", "RCC.dcm", "RMLO.dcm"]
    report = import_sources([tmp_path / "out"], tmp_path / "again", pool=pool)
    assert report.complete, report.cases
    back = open_case(tmp_path / "again" / report.cases[0].case_id)
    for image in case.images:
        twin = back.image(image.id)
        assert np.array_equal(twin.array, image.array) and twin.spacing_mm == image.spacing_mm and twin.padding == image.padding
        assert [(p.name, p.center, p.width) for p in twin.grey.presets] == [
            (p.name, p.center, p.width) for p in image.grey.presets
        ]
    assert back.fingerprint == case.fingerprint
    assert not any(b"P77" in p.read_bytes() for p in files)
    again = dx.write_case(case, tmp_path / "out2", SECRET)
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in files]


def test_marks_boxes_and_heatmap(case, tmp_path):
    grid = np.zeros((10, 8), np.uint8)
    grid[4, 5] = 255
    heat = Heatmap("RMLO", grid, (18.0, 16.25), (8.5, 7.625), 0.0, 1.0)
    box = Box("RMLO", (72.0, 80.0), (90.0, 98.0), 0.91, "malignant")
    marks = [dx.ExportMark("RMLO", (80.0, 90.0), "1"), dx.ExportMark("RMLO", (100.0, 60.0), "2", (20.0, 10.0))]
    files = dx.write_case(case, tmp_path, SECRET, marks, {"DLR": ("1.0", [box], [heat])})
    names = {p.name for p in files}
    assert {"RMLO.marks.dcm", "RMLO.DLR.boxes.dcm", "RMLO.DLR.heatmap.dcm", "report.marks.dcm", "report.DLR.dcm"} <= names
    assert len(names) == 9
    seg = hd.seg.segread(tmp_path / "RMLO.DLR.heatmap.dcm")
    values = seg.pixel_array.astype(float) / 255
    at = np.unravel_index(values.argmax(), values.shape)
    assert values.shape == (180, 130) and values.max() > 0.95
    assert np.abs(np.array(at) - [8.5 + 18 * 4, 7.625 + 16.25 * 5]).max() <= 1
    source = pydicom.dcmread(tmp_path / "RMLO.dcm")
    state = pydicom.dcmread(tmp_path / "RMLO.marks.dcm")
    shapes = state.GraphicAnnotationSequence[0].GraphicObjectSequence
    assert len(shapes) == 3
    first = np.array(shapes[0].GraphicData).reshape(-1, 2)
    assert first.mean(axis=0) == pytest.approx([90.5, 80.5])  # column, row; centres at .5
    second = np.array(shapes[2].GraphicData).reshape(-1, 2)
    assert second.min(axis=0) == pytest.approx([55.5, 90.5]) and second.max(axis=0) == pytest.approx([65.5, 110.5])
    edges = np.array(
        pydicom.dcmread(tmp_path / "RMLO.DLR.boxes.dcm").GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData
    )
    assert edges.reshape(-1, 2).min(axis=0).tolist() == [80, 72] and edges.reshape(-1, 2).max(axis=0).tolist() == [98, 90]
    reference = state.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert reference == source.SOPInstanceUID


def test_a_volume_goes_out_and_comes_back(tmp_path, pool):
    from test_abvs import _multiframe, phantom

    md.write(_multiframe(phantom(), "R LAT"), tmp_path / "in" / "v.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    case = open_case(tmp_path / "images" / report.cases[0].case_id)
    files = dx.write_case(case, tmp_path / "out", SECRET)
    ds = pydicom.dcmread(files[0])
    assert ds.SeriesDescription == "R LAT" and ds.SpacingBetweenSlices == 0.5 and list(ds.PixelSpacing) == [0.07, 0.2]
    assert np.array_equal(ds.pixel_array, phantom())


def test_the_heatmap_of_a_volume_lies_where_it_was(tmp_path, pool):
    from test_abvs import _multiframe, phantom

    md.write(_multiframe(phantom(), "R LAT"), tmp_path / "in" / "v.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    case = open_case(tmp_path / "images" / report.cases[0].case_id)
    image = case.images[0]
    grid = np.zeros((4, 3, 5), np.uint8)
    grid[1, 2, 3] = 255
    scale, offset = (2.0, 3.0, 4.0), (0.5, 1.0, 1.5)
    heat = Heatmap(image.id, grid, scale, offset, 0.0, 1.0)
    files = dx.write_case(case, tmp_path / "out", SECRET, aids={"DLR": ("1.0", [], [heat])})
    seg = hd.seg.segread(next(p for p in files if p.name.endswith(".DLR.heatmap.dcm")))
    volume = seg.get_volume(combine_segments=False, rescale_fractional=True)
    values = np.asarray(volume.array).squeeze()
    cell = np.array(np.unravel_index(values.argmax(), values.shape), float)
    assert values.max() == 1.0 and np.count_nonzero(values) == 1
    wanted = np.asarray(image.affine) @ [0.5 + 2 * 1, 1.0 + 3 * 2, 1.5 + 4 * 3, 1.0]
    assert (np.asarray(volume.affine) @ [*cell, 1.0])[:3] == pytest.approx(wanted[:3], abs=1e-6)
    assert seg.FrameOfReferenceUID == pydicom.dcmread(files[0]).FrameOfReferenceUID


def test_marks_of_several_reads_are_files_of_their_own(case, tmp_path):
    ring = tuple((80.0 + 10 * np.cos(a), 60.0 + 5 * np.sin(a)) for a in np.linspace(0, 6, 12))
    reads = {
        "R01 round 1": [dx.ExportMark("LCC", (80.0, 60.0), "1", outline=ring)],
        "R02 round 1": [dx.ExportMark("LCC", (9.0, 9.0))],
    }
    names = {p.name for p in dx.write_case(case, tmp_path, SECRET, reads)}
    assert {"LCC.R01_round_1.dcm", "LCC.R02_round_1.dcm"} <= names
    state = pydicom.dcmread(tmp_path / "LCC.R01_round_1.dcm")
    line = np.array(state.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData).reshape(-1, 2)
    assert len(line) == 13 and line[0] == pytest.approx([60.5, 90.5]) and line[-1] == pytest.approx(line[0])
