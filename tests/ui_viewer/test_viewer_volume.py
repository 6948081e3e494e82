"""Three linked planes: each shows the right voxels the right way round, at true proportions, about one position."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from viewer_phantoms import _array, aid, bare, centroid, click, drag, grabbed, open_case, plain, settle, show, turn_wheel, volume

from reader_app.imaging import geometry
from reader_app.imaging.overlay import Box
from reader_app.study.finding import Mark
from reader_app.ui import language
from reader_app.ui.viewer.cursor import CORONAL, SAGITTAL, TRANSVERSE, patient_offset, position_words, same_place
from reader_app.ui.viewer.slabs import Slabs, slab

BLOCK, SPACING = (40, 20, 70), (1.0, 0.2, 0.5)


def planes(viewer, scan="L_AP"):
    return {name: viewer.pane(f"{scan} {name}") for name in ("coronal", "transverse", "sagittal")}


def test_the_block_is_where_it_belongs_in_every_plane(viewer):
    """Coronal: slices down, columns across; transverse: rows down, columns across; sagittal: rows down, slices across."""
    show(viewer, open_case("abvs", volume(block=BLOCK)))
    viewer.set_slab(0, "mean")
    viewer.view.go_to(tuple(float(v) for v in BLOCK))
    for name, at in (("coronal", (40, 70)), ("transverse", (20, 70)), ("sagittal", (20, 40))):
        pane = planes(viewer)[name]
        pixels = bare(pane)
        bright = (pixels[..., 0] > 200) & (pixels[..., 1] > 200) & (pixels[..., 2] > 200)
        y, x = centroid(bright)
        want = pane.image_to_screen(at)
        assert (x, y) == pytest.approx(want, abs=1.0), name
        # 4 mm + one voxel along each axis: true proportions although the voxels are 1.0 x 0.2 x 0.5 mm
        height, width = np.ptp(np.argwhere(bright), axis=0) + 1
        axes = {"coronal": (0, 2), "transverse": (1, 2), "sagittal": (1, 0)}[name]
        size = [(2 * max(1, round(2 / SPACING[a])) + 1) * SPACING[a] * pane.camera.scale for a in axes]
        assert (height, width) == pytest.approx(size, abs=0.75 * max(pane.camera.zoom) + 1.5), name


def test_a_swapped_axis_is_noticed(viewer):
    """Negative control: the same measure on a volume whose slices run the wrong way."""
    image = volume(block=BLOCK)
    flipped = volume(block=BLOCK)
    object.__setattr__(flipped, "array", np.ascontiguousarray(image.array[::-1]))
    show(viewer, open_case("abvs", flipped))
    viewer.set_slab(0, "mean")
    viewer.view.go_to(tuple(float(v) for v in BLOCK))
    pixels = bare(planes(viewer)["coronal"])
    y, _ = centroid(pixels.min(axis=2) > 200)
    assert abs(y - planes(viewer)["coronal"].image_to_screen((40, 70))[1]) > 20


def test_the_crosshair_crosses_at_the_same_voxel_in_all_planes(viewer):
    show(viewer, open_case("abvs", volume()))
    viewer.view.go_to((12.0, 33.0, 81.0))
    for name, at in (("coronal", (12, 81)), ("transverse", (33, 81)), ("sagittal", (33, 12))):
        pane = planes(viewer)[name]
        with_cross = bare(pane).astype(int)
        green = with_cross[..., 1] - with_cross[..., 0] > 30
        row, column = green.sum(axis=1).argmax(), green.sum(axis=0).argmax()
        x, y = pane.image_to_screen(at)
        assert (row + 0.5, column + 0.5) == pytest.approx((y, x), abs=0.6), name


@pytest.mark.parametrize(
    ("name", "at", "want"),
    [("coronal", (10, 80), (10, None, 80)), ("transverse", (50, 30), (None, 50, 30)), ("sagittal", (25, 45), (45, 25, None))],
)
def test_a_click_moves_the_other_planes(viewer, name, at, want):
    show(viewer, open_case("abvs", volume()))
    before = viewer.view.position
    pane = planes(viewer)[name]
    click(pane, pane.image_to_screen(at))
    for axis, value in enumerate(want):
        assert viewer.view.position[axis] == pytest.approx(before[axis] if value is None else value, abs=0.5)


def test_wheel_keys_and_slider_scroll(viewer):
    show(viewer, open_case("abvs", volume()))
    pane = planes(viewer)["transverse"]
    start = viewer.view.position[0]
    turn_wheel(pane, (100, 100), -1)
    assert viewer.view.position[0] == start + 1
    viewer.scroll_by(3)
    assert viewer.view.position[0] == start + 4
    coronal = planes(viewer)["coronal"]
    depth = viewer.view.position[1]
    turn_wheel(coronal, (100, 100), -1)
    assert viewer.view.position[1] == depth + 2  # 0.4 mm at 0.2 mm a row
    slider = viewer.view._sliders[pane]
    slider.moved.emit(slider.index_at(slider.place(55)))
    assert viewer.view.position[0] == 55
    viewer.scroll_by(1000)
    assert viewer.view.position[0] == 59


def test_control_wheel_zooms_instead(viewer):
    show(viewer, open_case("abvs", volume()))
    pane = planes(viewer)["transverse"]
    place, zoom = viewer.view.position, pane.camera.scale
    turn_wheel(pane, (100, 100), 2, Qt.KeyboardModifier.ControlModifier)
    assert viewer.view.position == place and pane.camera.scale > zoom


@pytest.mark.parametrize("mode", ["min", "mean", "max"])
def test_slab_values(mode):
    planes = np.random.default_rng(1).integers(0, 256, (21, 30, 40), dtype=np.uint8)
    want = {"min": planes.min(0), "max": planes.max(0), "mean": np.floor(planes.mean(0) + 0.5)}[mode]
    assert np.array_equal(slab(planes, mode), want.astype(np.uint8))
    wide = planes.astype(np.uint16) * 200
    assert np.abs(slab(wide, "mean") - wide.mean(0)).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_slab_made_from_the_one_before_equals_a_fresh_one(dtype):
    """Steps forth and back, jumps, thicker and thinner, and another volume in between: no sum may drift."""
    rng = np.random.default_rng(5)
    volumes = [np.moveaxis(rng.integers(0, np.iinfo(dtype).max + 1, (9, 120, 12), dtype=dtype), 1, 0) for _ in range(2)]
    kept, low, thick = Slabs(), 30, 21
    for turn in range(300):
        low = min(max(low + int(rng.integers(-6, 7)), 0), 119 - thick) if turn % 40 else int(rng.integers(0, 90))
        thick = int(rng.integers(2, 30)) if turn % 17 == 0 else thick
        planes = volumes[1 if turn % 23 == 5 else 0]
        high = min(119, low + thick - 1)
        want = np.floor(planes[low : high + 1].astype(np.float64).mean(axis=0) + 0.5 + 1e-9)
        assert np.array_equal(kept.of(planes, low, high, "mean"), want), turn


def test_slab_thickness_is_in_mm(viewer):
    show(viewer, open_case("abvs", volume()))
    viewer.set_slab(2.0, "max")
    assert viewer.view.half_slab(CORONAL) == 4  # 9 planes of 0.2 mm: 1.8 mm, the nearest odd number
    assert viewer.view.half_slab(TRANSVERSE) == 0
    assert "slab 1.8 mm maximum" in planes(viewer)["coronal"].caption.note
    for word in ("mean", "minimum", "maximum"):
        viewer.next_slab_mode()
        assert f"slab 1.8 mm {word}" in planes(viewer)["coronal"].caption.note
    viewer.view.go_to((40.0, 33.0, 70.0))  # the block ends at row 30: just within the slab
    assert (bare(planes(viewer)["coronal"]).min(axis=2) > 200).any()
    viewer.set_slab(0.2, "max")
    assert not (bare(planes(viewer)["coronal"]).min(axis=2) > 200).any()


def test_planes_with_and_without_the_copy_are_equal():
    image = volume()
    without = volume()
    object.__setattr__(without, "column_major", None)
    for plane in (CORONAL, TRANSVERSE, SAGITTAL):
        assert np.array_equal(plane.cut(image, 20), plane.cut(without, 20))
    assert SAGITTAL.cut(image, 70)[20, 40] == 250 and SAGITTAL.cut(image, 70).shape == (80, 60)


def test_position_line_worked_by_hand():
    left, right = volume("L_AP"), volume("R_AP")
    # 20 columns of 0.5 mm to the patient's left of the nipple, 0 up: 10 mm at 3 o'clock; row 49 -> 9.9 mm deep
    assert position_words(left, (30.0, 49.0, 70.0)) == "L · 3 o'clock · 10 mm from nipple · depth 10 mm from skin"
    assert position_words(right, (30.0, 49.0, 30.0)) == "R · 9 o'clock · 10 mm from nipple · depth 10 mm from skin"
    assert "12 o'clock · 20 mm" in position_words(left, (10.0, 0.0, 50.0))  # slice 10 is towards the head
    assert "6 o'clock · 20 mm" in position_words(left, (50.0, 0.0, 50.0))
    assert "at the nipple" in position_words(left, (30.0, 0.0, 51.0))


def test_another_scan_of_the_breast_opens_at_the_same_place(viewer):
    ap = volume("L_AP", nipple=(30.0, 0.0, 50.0))
    lat = volume("L_LAT", nipple=(25.0, 0.0, 20.0), spacing=(0.5, 0.1, 0.25), shape=(120, 160, 200))
    other = volume("R_AP")
    show(viewer, open_case("abvs", ap, lat, other))
    assert viewer.scans() == ("L_AP", "L_LAT", "R_AP")
    viewer.view.go_to((36.0, 20.0, 60.0))  # 6 mm to the feet, 5 mm to the left, 4.1 mm deep
    text = viewer.position_text()
    viewer.select_scan("L_LAT")
    assert [p.name for p in viewer.panes()] == ["L_LAT coronal", "L_LAT transverse", "L_LAT sagittal"]
    assert viewer.view.position == (37.0, 41.0, 40.0)
    assert viewer.position_text() == text
    assert same_place(ap, (36.0, 20.0, 60.0), other) is None
    assert same_place(ap, (36.0, 20.0, 60.0), volume("L_LAT", nipple=None)) is None
    viewer.select_scan("R_AP")
    assert viewer.view.image.id == "R_AP"
    viewer.select_scan("L_AP")  # where it was left
    assert viewer.view.position == (36.0, 20.0, 60.0)


def test_clock_agrees_with_the_patients_axes():
    """The place in the display and the place by the affine are one and the same."""
    image = volume()
    with_affine = patient_offset(image, (10.0, 5.0, 80.0))
    object.__setattr__(image, "affine", None)
    assert patient_offset(image, (10.0, 5.0, 80.0)) == pytest.approx(with_affine)
    assert geometry.clock_position(with_affine) == 1


def test_marks_show_where_they_are_near_and_on_the_sliders(viewer):
    show(viewer, open_case("abvs", volume()), marks=[Mark("1", "1", "L_AP", (40.0, 20.0, 70.0))])
    viewer.set_slab(0, "mean")
    viewer.view.go_to((40.0, 20.0, 70.0))
    assert all(len(p.additions.marks) == 1 for p in viewer.panes())
    viewer.view.go_to((50.0, 20.0, 70.0))  # 10 mm along the slices
    names = {p.name.split()[1]: len(p.additions.marks) for p in viewer.panes()}
    assert names == {"coronal": 1, "transverse": 0, "sagittal": 1}
    slider = viewer.view._sliders[planes(viewer)["transverse"]]
    assert [(t[0], t[1]) for t in slider._ticks] == [(40.0, 40.0)]
    assert viewer.select_mark("1")
    assert viewer.view.position == (40.0, 20.0, 70.0)


def test_findings_tick_the_sliders_and_are_gone_to_in_their_scan(viewer):
    box = Box("L_LAT", (30.0, 20.0, 60.0), (41.0, 31.0, 71.0), 0.9, "malignant")
    show(viewer, open_case("abvs", volume("L_AP"), volume("L_LAT")), aid([box]))
    viewer.next_finding()
    assert viewer.view.image.id == "L_LAT" and viewer.view.position == (35.0, 25.0, 65.0)
    ticks = viewer.view._sliders[planes(viewer, "L_LAT")["sagittal"]]._ticks
    assert ticks[0][:2] == (60.0, 70.0)


def test_mark_at_the_crosshair_without_a_cursor(viewer):
    show(viewer, open_case("abvs", volume()))
    viewer.view.go_to((12.0, 33.0, 81.0))
    asked = []
    viewer.mark_placed.connect(lambda *a: asked.append(a))
    assert viewer.mark_at_cursor()
    assert asked == [("L_AP", (12.0, 33.0, 81.0))]


def test_a_study_may_hide_planes(viewer):
    show(viewer, open_case("abvs", volume()), planes=("transverse", "sagittal"))
    assert [p.name for p in viewer.panes()] == ["L_AP transverse", "L_AP sagittal"]
    assert [p.isVisible() for p in viewer.view._own_panes] == [False, True, True]
    viewer.view.go_to((40.0, 20.0, 70.0))
    assert (bare(viewer.pane("L_AP sagittal")).min(axis=2) > 200).any()
    show(viewer, open_case("abvs", volume()))
    assert len(viewer.panes()) == 3 and viewer.panes()[0].isVisible()


def test_cine_plays_and_stops(viewer, qtbot):
    show(viewer, open_case("abvs", volume()))
    viewer.view.set_active(planes(viewer)["transverse"])
    start = viewer.view.position
    viewer.cine(True)
    qtbot.waitUntil(lambda: abs(viewer.view.position[0] - start[0]) >= 3, timeout=3000)
    assert viewer.view.position[1:] == start[1:]
    viewer.cover()
    stopped = viewer.view.position
    qtbot.wait(150)
    assert viewer.view.position == stopped


def test_letters_at_the_edges(viewer):
    show(viewer, open_case("abvs", volume()))
    assert planes(viewer)["coronal"].caption.edges == ("H", "R", "F", "L")
    assert planes(viewer)["transverse"].caption.edges == ("A", "R", "P", "L")
    assert planes(viewer)["sagittal"].caption.edges == ("A", "H", "P", "F")


def test_ultrasound_colour_cine_and_pages(viewer):
    colour = np.zeros((60, 80, 3), np.uint8)
    colour[10:20, 10:30] = (255, 40, 0)
    frames = np.zeros((9, 60, 80), np.uint8)
    for i in range(9):
        frames[i, :, i * 8 : i * 8 + 8] = 200
    cine = plain(image_id="US3", kind="cine", array=frames, spacing_mm=(0.0, 0.1, 0.1))
    case = open_case("ultrasound", plain((60, 80), 90), plain(image_id="US2", array=colour, grey=None, view="DOPPLER"), cine)
    show(viewer, case)
    assert [p.name for p in viewer.panes()] == ["US1", "US2", "US3"]
    pane = viewer.pane("US2")
    x, y = (round(v) for v in pane.image_to_screen((15, 20)))
    assert tuple(bare(pane)[y, x]) == (255, 40, 0)
    assert "W" not in pane.caption.lines[0]
    viewer.view.set_active(pane)
    viewer.set_window(64, 128)  # many ultrasound files hold grey pictures as colour: the window works on every channel
    assert tuple(bare(pane)[y, x]) == (255, 80, 0) and "W 128" in pane.caption.lines[0]
    assert viewer.pane("US1").window_state.own is None
    viewer.reset_window()
    assert tuple(bare(pane)[y, x]) == (255, 40, 0)
    pane = viewer.pane("US3")
    turn_wheel(pane, (50, 50), -2)
    x, y = (round(v) for v in pane.image_to_screen((30, 19.5)))
    assert bare(pane)[y, x, 0] == 200
    assert viewer.view.solid_index(pane, (30.0, 19.5)) == (2.0, 30.0, 19.5)
    assert "frame 3 of 9" in pane.caption.note
    many = open_case("ultrasound", *(plain((60, 80), 20 * i, image_id=f"US{i}") for i in range(1, 7)))
    show(viewer, many)
    assert len(viewer.panes()) == 4
    viewer.next_step()
    assert [p.name for p in viewer.panes()] == ["US5", "US6"]
    settle()


def test_distance_in_mm(viewer):
    """A calliper over 100 rows of 0.1 mm and 200 columns of 0.2 mm reads the true length."""
    show(viewer, open_case("ultrasound", plain(spacing_mm=(0.1, 0.2))))
    pane = viewer.panes()[0]
    viewer.set_left_tool("caliper")
    drag(pane, pane.image_to_screen((100, 100)), pane.image_to_screen((200, 300)))
    ((_, _, text),) = pane.additions.lines
    assert float(text.split()[0]) == pytest.approx(np.hypot(10, 40), abs=0.2)
    assert text.endswith("mm")


def test_partial_repaints_leave_nothing_behind(viewer):
    """What stands on the screen after crosshair moves, scrolls and texts is what a fresh paint of everything gives."""
    box = Box("L_AP", (30.0, 20.0, 60.0), (41.0, 31.0, 71.0), 0.9, "malignant")
    show(viewer, open_case("abvs", volume()), aid([box]), marks=[Mark("1", "1", "L_AP", (40.0, 20.0, 70.0))])
    for place in ((12.0, 20.0, 70.0), (12.0, 60.0, 70.0), (12.0, 60.0, 9.0), (35.0, 25.0, 65.0), (36.0, 25.0, 66.0)):
        viewer.view.go_to(place)
        settle()
    viewer.scroll_by(2)
    settle()
    on_screen = _array(viewer.screen().grabWindow(viewer.winId()).toImage())
    fresh = grabbed(viewer)
    assert on_screen.shape == fresh.shape
    assert np.array_equal(on_screen, fresh)


def test_a_crosshair_move_paints_only_its_lines(viewer):
    show(viewer, open_case("abvs", volume()))
    coronal, transverse, sagittal = viewer.panes()
    regions = {}
    for pane in viewer.panes():
        pane.update = lambda *r, p=pane: (regions.setdefault(p, []).append(r), type(p).update(p, *r))
    viewer.scroll_by(3)  # the coronal pane is the active one: depth changes
    assert () in regions[coronal]
    for pane in (transverse, sagittal):
        assert regions[pane] and all(len(r) == 4 for r in regions[pane])


def test_words_follow_the_readers_language(viewer):
    try:
        language.use("zh")
        show(viewer, open_case("abvs", volume()))
        viewer.view.go_to((30.0, 49.0, 70.0))
        assert viewer.position_text() == "L · 3 点 · 距乳头 10 mm · 距皮肤深度 10 mm"
        assert planes(viewer)["coronal"].caption.title.startswith("冠状面")
        assert planes(viewer)["coronal"].name == "L_AP coronal"  # the record of what was shown is in no language
    finally:
        language.use("en")


def test_the_speed_of_a_cine_is_written_while_it_plays(viewer):
    show(viewer, open_case("abvs", volume()))
    pane = viewer.panes()[0]
    assert "a second" not in pane.caption.note
    viewer.cine(True)
    playing = next(p for p in viewer.panes() if "planes a second" in p.caption.note)
    first = playing.caption.note
    viewer.cine_faster()
    assert "planes a second" in playing.caption.note and playing.caption.note != first
    viewer.cine(False)
    assert "a second" not in playing.caption.note
