"""A curved probe's scan lines drawn in their true shape: known targets come up at the right millimetre."""

from __future__ import annotations

import math

import makedicom as md
import numpy as np
import pytest

from reader_app.imaging import scanconvert
from reader_app.imaging.container import open_case
from reader_app.imaging.geometry import to_mm
from reader_app.imaging.importer import import_sources

RADIUS, SAMPLE, LINE, GAP = 180.0, 0.3, 0.5, 0.8
SLICES, SAMPLES, LINES = 12, 160, 240
#: (slice, lateral mm from the middle line, depth mm below the crown) in patient space: what a ruler would find.
TARGETS = ((3, -38.0, 14.0), (6, 0.0, 25.0), (9, 30.0, 40.0))


def scan_lines(targets=TARGETS, size_mm=1.6):
    """What a concave probe of that radius would store of small bright balls: (slice, sample, line) in canonical slice order."""
    volume = np.full((SLICES, SAMPLES, LINES), 40, np.uint8)
    sample, line = np.mgrid[:SAMPLES, :LINES]
    radius = RADIUS - sample * SAMPLE
    angle = (line - (LINES - 1) / 2) * LINE / RADIUS
    lateral, depth = radius * np.sin(angle), RADIUS - radius * np.cos(angle)
    for index, across, down in targets:
        volume[index][np.hypot(lateral - across, depth - down) < size_mm] = 250
    return volume


def invenia(volume, nipple=(119.5, 5.0), track=0.0):
    """First frame at the feet, probe geometry in the private group."""
    frames = np.ascontiguousarray(volume[::-1])
    ds = md.ultrasound(frames, frames=True, SeriesDescription="R AP", PixelSpacing=[SAMPLE, LINE], SpacingBetweenSlices=GAP)
    ds.ManufacturerModelName = "Invenia"
    block = ds.private_block(0x0021, "U-Systems", create=True)
    for element, value in ((0x20, list(nipple)), (0x40, RADIUS), (0x41, track), (0x63, 4.8)):
        block.add_new(element, "FD", value)
    return ds


def taken(tmp_path, pool, ds, **options):
    md.write(ds, tmp_path / "in" / "a.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool, **options)
    assert report.complete, report.cases[0].faults
    return report, open_case(tmp_path / "images" / report.cases[0].case_id).images[0]


def centre(plane):
    rows, columns = np.nonzero(plane > 150)
    return rows.mean(), columns.mean()


def test_targets_come_up_at_their_millimetres(tmp_path, pool):
    report, image = taken(tmp_path, pool, invenia(scan_lines()))
    crown = (image.array.shape[2] - 1) / 2
    for index, lateral, depth in TARGETS:
        row, column = centre(image.array[index])
        assert (column - crown) * LINE == pytest.approx(lateral, abs=0.25)
        assert row * SAMPLE == pytest.approx(depth, abs=0.15)
    apart = [to_mm(image.affine, (i, *centre(image.array[i]))) for i, _, _ in TARGETS]
    wanted = math.dist((TARGETS[0][1], TARGETS[0][2], GAP * TARGETS[0][0]), (TARGETS[2][1], TARGETS[2][2], GAP * TARGETS[2][0]))
    assert math.dist(apart[0], apart[2]) == pytest.approx(wanted, abs=0.4)
    assert any("true shape" in n for n in report.cases[0].notes) and "scan-converted" in image.spacing_source


def test_negative_control_as_acquired_the_widths_are_wrong(tmp_path, pool):
    report, image = taken(tmp_path, pool, invenia(scan_lines()), as_acquired=True)
    assert image.fan is None and image.array.shape == (SLICES, SAMPLES, LINES)
    _, column = centre(image.array[9])
    assert (column - (LINES - 1) / 2) * LINE - TARGETS[2][1] > 5.0 and any("as acquired" in n for n in report.cases[0].notes)


def test_nipple_boxes_and_indices_move_along(tmp_path, pool):
    _, image = taken(tmp_path, pool, invenia(scan_lines(), nipple=(20.0, 4.0)))
    lines = scan_lines()
    assert image.nipple_index == pytest.approx((SLICES - 1 - 4.0, *image.fan.to_upright(0.0, 20.0)))
    assert image.nipple_index[1] > 5  # the edge of a concave probe lies deeper than its crown
    assert image.depth_mm(image.nipple_index) == pytest.approx(SAMPLE / 2)
    for index in ((3, 17.0, 44.5), (8, 100.0, 201.0)):
        assert image.to_source(image.from_source(index)) == pytest.approx(index)
    index = 9
    sample, line = np.nonzero(lines[index] > 150)
    stored = SLICES - 1 - index
    start, stop = image.box_from_source((stored, sample.min(), line.min()), (stored + 1, sample.max() + 1, line.max() + 1))
    rows, columns = np.nonzero(image.array[index] > 150)
    assert start[0] == index and stop[0] == index + 1
    assert start[1] <= rows.min() + 1 and stop[1] >= rows.max() and start[2] <= columns.min() + 1 and stop[2] >= columns.max()
    assert stop[1] - start[1] < 2.5 * (rows.max() - rows.min()) and stop[2] - start[2] < 2 * (columns.max() - columns.min())


def test_a_box_over_the_crown_reaches_up_to_it(tmp_path, pool):
    _, image = taken(tmp_path, pool, invenia(scan_lines()))
    start, _ = image.box_from_source((5, 10, 20), (6, 30, 220))
    assert start[1] == pytest.approx(10.0, abs=0.1)  # at the middle line, not at the deeper corners


def test_depth_is_counted_from_the_probe(tmp_path, pool):
    _, image = taken(tmp_path, pool, invenia(scan_lines()))
    for column in (40.0, 119.0, 190.0):
        row = image.row_at_depth(20.0, column)
        assert image.depth_mm((2, row, column)) == pytest.approx(20.0)
        assert image.depth_mm((2, image.fan.skin_row(column), column)) == pytest.approx(SAMPLE / 2, abs=0.01)


def test_outside_the_fan_is_padding_and_inside_is_not(tmp_path, pool):
    lines = scan_lines()
    lines[:, 60:80, 100:140] = 0  # a cyst: black, but tissue
    _, image = taken(tmp_path, pool, invenia(lines))
    assert image.padding == (0, 0)
    crown = (image.array.shape[2] - 1) // 2
    assert image.array[5, 0, 0] == 0 and image.array[5, -1, crown] == 0 and image.array[5, 70, crown] == 1
    inside = [image.fan.to_acquired(r, c) for r, c in ((0, 0), (70, crown))]
    assert inside[0][0] < 0 and 0 < inside[1][0] < SAMPLES


@pytest.mark.parametrize(
    "probe", [None, {}, {"radius_mm": 0.0}, {"radius_mm": 1e9}, {"radius_mm": RADIUS, "track_radius_mm": 30.0}]
)
def test_without_a_usable_geometry_nothing_is_bent(probe):
    assert scanconvert.fan_of(probe, (GAP, SAMPLE, LINE), (SLICES, SAMPLES, LINES)) is None


def test_a_curved_track_is_left_as_acquired(tmp_path, pool):
    report, image = taken(tmp_path, pool, invenia(scan_lines(), track=200.0))
    assert image.fan is None and np.array_equal(image.array, scan_lines())
    assert any("curved track (radius 200 mm) and left as acquired" in note for note in report.cases[0].notes)
    report, _ = taken(tmp_path / "straight", pool, invenia(scan_lines()))
    assert not any("track" in note for note in report.cases[0].notes)


def test_the_case_table_states_geometry_and_nipple(tmp_path, pool):
    md.write(invenia(scan_lines()), tmp_path / "in" / "a.dcm")
    for geometry, bent in (("acquired", False), ("", True)):
        table = tmp_path / "t.csv"
        table.write_text(f"case_id,file,nipple,geometry\nC1,in/a.dcm,4 0 100,{geometry}\n", encoding="utf-8")
        report = import_sources([tmp_path / "in"], tmp_path / "images", table=table, pool=pool)
        image = open_case(tmp_path / "images" / "C1").images[0]
        assert (image.fan is not None) == bent and image.to_source(image.nipple_index) == pytest.approx((4, 0, 100))
        assert any("from the case table" in n for n in report.cases[0].notes)
    table.write_text("case_id,file,nipple\nC1,in/a.dcm,4 0 1000\n", encoding="utf-8")
    report = import_sources([tmp_path / "in"], tmp_path / "images", table=table, pool=pool)
    assert report.cases[0].status == "refused" and "nipple" in report.cases[0].faults[0]


def test_memory_stays_that_of_one_plane(tmp_path):
    import tracemalloc

    fan = scanconvert.fan_of({"radius_mm": 442.11}, (0.475, 0.073, 0.2), (40, 680, 864))
    array = np.lib.format.open_memmap(tmp_path / "a.npy", mode="w+", dtype=np.uint8, shape=(40, 680, 864))
    tracemalloc.start()
    scanconvert.convert(array, fan, tmp_path / "b.npy", None, "a")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3.0 * 8 * fan.rows * fan.columns + (2 << 20)  # the two maps and their making; not 40 planes
