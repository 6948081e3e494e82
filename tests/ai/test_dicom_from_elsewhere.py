"""Reports, segmentations and maps written by another library come up at the right image and place, or are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai.dicom_results import cad_report, digest, measurements, original, parametric_map, segmentation

from reader_app.ai import external, results
from reader_app.ai.external.intake import heatmap_of
from reader_app.ai.results import Prediction
from reader_app.errors import InputFaults
from reader_app.imaging import container
from reader_app.imaging.container import NewImage
from reader_app.imaging.window import GreyScale

ROWS, COLUMNS, SLICES = 60, 40, 9


@pytest.fixture
def mammogram(tmp_path: Path) -> tuple[Any, dict[str, Path], Path]:
    """A view whose hung image is the file's mirrored left to right, beside another view of the same case."""
    path = tmp_path / "view.dcm"
    ds = original(path, ROWS, COLUMNS)
    other = tmp_path / "other.dcm"
    original(other, ROWS, COLUMNS)
    grey, pixels = GreyScale(bits=8), np.zeros((ROWS, COLUMNS), np.uint8)
    views = [
        NewImage("RMLO", pixels, laterality="R", view="MLO", grey=grey, source_axes=(1, -2)),
        NewImage("RCC", pixels, laterality="R", view="CC", grey=grey, source_axes=(1, 2)),
    ]
    source = {"kinds": [], "notes": [], "origins": {"RMLO": [digest(path)], "RCC": [digest(other)]}}
    container.write(tmp_path / "images" / "C1", "C1", "mammography", views, source)
    return ds, {"C1": tmp_path / "images" / "C1"}, path


@pytest.fixture
def volume(tmp_path: Path) -> tuple[list[Any], dict[str, Path], Path]:
    """A stack of slices whose shown volume has the slices reversed and the columns mirrored."""
    folder = tmp_path / "slices"
    folder.mkdir()
    paths = [folder / f"{k}.dcm" for k in range(SLICES)]
    slices = [original(p, ROWS, COLUMNS, k + 1, "1.2.3.4.5", volume=True) for k, p in enumerate(paths)]
    shown = NewImage(
        "L_AP",
        np.zeros((SLICES, ROWS, COLUMNS), np.uint8),
        kind="volume",
        view="AP",
        grey=GreyScale(bits=8),
        spacing_mm=(2.0, 0.5, 0.5),
        affine=np.eye(4),
        source_axes=(-1, 2, -3),
    )
    source = {"kinds": [], "notes": [], "origins": {"L_AP": [digest(p) for p in paths]}}
    container.write(tmp_path / "images" / "V1", "V1", "abvs", [shown], source)
    return slices, {"V1": tmp_path / "images" / "V1"}, folder


def _one(files: list[Path], cases: dict[str, Path], originals: Path) -> Prediction:
    (found,) = external.read(files, "X", cases, originals=[originals])
    return found


def test_measurement_report_of_a_region(mammogram: Any, tmp_path: Path) -> None:
    ds, cases, path = mammogram
    corners = np.array([[5, 10], [15, 10], [15, 30], [5, 30], [5, 10]])  # (column, row)
    found = _one([measurements(tmp_path / "r.dcm", ds, "POLYLINE", corners, 87.0)], cases, path)
    (box,) = found.boxes
    assert box.image_id == "RMLO" and found.probability == pytest.approx(0.87) and box.score == pytest.approx(0.87)
    assert box.start == (10, COLUMNS - 15) and box.stop == (30, COLUMNS - 5)
    assert "Mass" in " ".join(found.provenance["notes"])


@pytest.mark.parametrize(
    ("graphic", "points", "start", "stop"),
    [
        ("CIRCLE", [[20, 30], [20, 36]], (24, 14), (36, 26)),
        ("ELLIPSE", [[10, 30], [30, 30], [20, 25], [20, 35]], (25, 10), (35, 30)),
        ("POINT", [[20, 30]], (20, 10), (40, 30)),
    ],
)
def test_other_graphics_cover_what_they_enclose(
    mammogram: Any, tmp_path: Path, graphic: str, points: Any, start: Any, stop: Any
) -> None:
    ds, cases, path = mammogram
    found = _one([measurements(tmp_path / "r.dcm", ds, graphic, np.array(points), None)], cases, path)
    (box,) = found.boxes
    assert box.start == pytest.approx((start[0], COLUMNS - stop[1])) and box.stop == pytest.approx((stop[0], COLUMNS - start[1]))


def test_cad_report_obeys_the_rendering_intent(mammogram: Any, tmp_path: Path) -> None:
    ds, cases, path = mammogram
    marks = [
        {"intent": "111150", "outline": (5, 10, 15, 10, 15, 30, 5, 10), "p": 60},
        {"intent": "111151", "centre": (30, 50)},
        {"intent": "111152", "outline": (0, 0, 9, 0, 9, 9, 0, 0), "p": 99},
    ]
    found = _one([cad_report(tmp_path / "c.dcm", ds, marks)], cases, path)
    assert len(found.boxes) == 2 and found.probability == pytest.approx(0.6)
    outlined = next(b for b in found.boxes if b.score == pytest.approx(0.6))
    assert (outlined.start, outlined.stop) == ((10, COLUMNS - 15), (30, COLUMNS - 5))


def test_a_report_without_findings_and_one_that_failed(mammogram: Any, tmp_path: Path) -> None:
    ds, cases, path = mammogram
    clean = _one([cad_report(tmp_path / "c.dcm", ds, [], "111241")], cases, path)
    assert (clean.status, clean.boxes, clean.probability) == ("no_finding", (), 0.0)
    failed = _one([cad_report(tmp_path / "f.dcm", ds, [], "111245")], cases, path)
    assert failed.status == "failed" and "did not succeed" in failed.reason


def test_marks_on_the_processing_sibling_reach_the_presentation_image(mammogram: Any, tmp_path: Path) -> None:
    """The image FOR PROCESSING is not in the study; the shown image says it has the same pixels."""
    _, _, path = mammogram
    sibling = original(tmp_path / "raw.dcm", ROWS, COLUMNS, 7)
    shown = original(path, ROWS, COLUMNS)
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sibling.SOPClassUID, sibling.SOPInstanceUID
    item.SpatialLocationsPreserved = "YES"
    shown.SourceImageSequence = [item]
    shown.save_as(path)
    pixels = np.zeros((ROWS, COLUMNS), np.uint8)
    image = NewImage("RMLO", pixels, laterality="R", view="MLO", grey=GreyScale(bits=8), source_axes=(1, -2))
    source = {"kinds": [], "notes": [], "origins": {"RMLO": [digest(path)]}}
    container.write(tmp_path / "other" / "C1", "C1", "mammography", [image], source)
    report = cad_report(tmp_path / "c.dcm", sibling, [{"intent": "111150", "outline": (5, 10, 15, 10, 15, 30, 5, 10), "p": 60}])
    found = _one([report], {"C1": tmp_path / "other" / "C1"}, path)
    assert found.boxes[0].start == (10, COLUMNS - 15)
    item.SpatialLocationsPreserved = "NO"
    shown.save_as(path)
    source["origins"]["RMLO"] = [digest(path)]
    container.write(tmp_path / "third" / "C1", "C1", "mammography", [image], source)
    with pytest.raises(InputFaults, match="not among the original files"):
        _one([report], {"C1": tmp_path / "third" / "C1"}, path)


@pytest.mark.parametrize("fractional", [False, True])
def test_segmentation_of_a_view(mammogram: Any, tmp_path: Path, fractional: bool) -> None:
    ds, cases, path = mammogram
    mask = np.zeros((1, ROWS, COLUMNS), np.float32)
    mask[0, 10:20, 4:9] = 0.8 if fractional else 1
    mask[0, 40:42, 30:33] = 0.6 if fractional else 1
    found = _one([segmentation(tmp_path / "s.dcm", [ds], mask if fractional else mask > 0, fractional)], cases, path)
    first, second = sorted(found.boxes, key=lambda b: b.start)
    assert (first.start, first.stop) == ((10, COLUMNS - 9), (20, COLUMNS - 4))
    assert (second.start, second.stop) == ((40, COLUMNS - 33), (42, COLUMNS - 30))
    peak = 0.8 if fractional else 1.0
    assert first.score == pytest.approx(peak, abs=0.01) and found.probability == pytest.approx(peak, abs=0.01)
    heat = found.heatmap("RMLO")
    assert heat is not None and heat.grid[15, COLUMNS - 6] > 150 and heat.grid[15, 6] == 0
    results.save(tmp_path / "aids", found)
    assert results.load(tmp_path / "aids", "C1").heatmap("RMLO") is not None


def test_a_table_states_the_score_of_a_segmentation(mammogram: Any, tmp_path: Path) -> None:
    ds, cases, path = mammogram
    mask = np.zeros((1, ROWS, COLUMNS), bool)
    mask[0, 10:20, 4:9] = True
    table = tmp_path / "p.csv"
    table.write_text("case_id,probability\nC1,0.3\n")
    found = _one([segmentation(tmp_path / "s.dcm", [ds], mask), table], cases, path)
    assert found.probability == 0.3 and not found.positive and len(found.boxes) == 1


def test_segmentation_and_map_of_a_volume(volume: Any, tmp_path: Path) -> None:
    slices, cases, folder = volume
    mask = np.zeros((SLICES, ROWS, COLUMNS), bool)
    mask[2:5, 10:20, 4:9] = True
    found = _one([segmentation(tmp_path / "s.dcm", slices, mask)], cases, folder)
    (box,) = found.boxes
    assert (box.start, box.stop) == ((SLICES - 5, 10, COLUMNS - 9), (SLICES - 2, 20, COLUMNS - 4))
    values = np.where(mask, 0.7, 0.0)
    mapped = _one([parametric_map(tmp_path / "m.dcm", slices, values)], cases, folder)
    heat = mapped.heatmap("L_AP")
    assert heat is not None and mapped.boxes == () and mapped.probability == pytest.approx(0.7)
    assert heat.grid[SLICES - 4, 15, COLUMNS - 6] == round(0.7 * 254) + 1 and heat.grid[0].max() == 0


def test_a_region_on_one_slice_of_a_volume(volume: Any, tmp_path: Path) -> None:
    slices, cases, folder = volume
    report = measurements(tmp_path / "r.dcm", slices[2], "CIRCLE", np.array([[20, 30], [20, 36]]), 40.0)
    (box,) = _one([report], cases, folder).boxes
    assert box.start[0] == SLICES - 3 and box.stop[0] == SLICES - 2 and box.start[1:] == pytest.approx((24, 14))


def test_maps_on_other_pixels_and_unknown_images_are_refused(mammogram: Any, volume: Any, tmp_path: Path) -> None:
    ds, cases, path = mammogram
    slices, _, _ = volume
    wrong = segmentation(tmp_path / "w.dcm", slices, np.ones((SLICES, ROWS, COLUMNS), bool))
    with pytest.raises(InputFaults, match=r"w\.dcm.*not among the original files"):
        _one([wrong], cases, path)
    small = original(tmp_path / "small.dcm", 20, 20)
    small.SOPInstanceUID = ds.SOPInstanceUID
    odd = segmentation(tmp_path / "o.dcm", [small], np.ones((1, 20, 20), bool))
    with pytest.raises(InputFaults, match="own pixels"):
        _one([odd], cases, path)
    with pytest.raises(InputFaults, match="neither"):
        _one([path], cases, path)
    (tmp_path / "cut.dcm").write_bytes(odd.read_bytes()[:900])
    with pytest.raises(InputFaults, match=r"cut\.dcm"):
        _one([tmp_path / "cut.dcm"], cases, path)


def test_large_maps_are_averaged_with_true_cell_centres() -> None:
    values = np.zeros((3000, 2001), np.float32)
    values[1500:1503, 900:903] = 1.0
    heat, cells = heatmap_of("RCC", values)
    assert cells.size <= 1 << 20 and float(cells.max()) > 0.9
    row, column = (float(v) for v in np.unravel_index(int(np.argmax(cells)), cells.shape))
    assert heat.index_of((row, column)) == pytest.approx((1501, 901), abs=1.5)
