"""Left and right, up and down, and grey values of four views, measured in the pixels that the widget paints."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor
from viewer_phantoms import (
    COLUMNS,
    GREY,
    SPOT,
    SPOTS,
    TISSUE,
    bare,
    centroid,
    click,
    four_views,
    grabbed,
    mammogram,
    open_case,
    show,
)

from reader_app.imaging import hanging
from reader_app.imaging.window import GreyScale, Preset, lookup_table
from reader_app.ui import theme


def hanging_faults(viewer) -> list[str]:
    """Judge the painted window alone: which breast is where, where its chest wall is, and which way up it is."""
    faults = []
    whole = grabbed(viewer)[..., 0]
    middle = viewer.width() // 2
    for name in SPOTS:
        pane = viewer.pane(name)
        on_left = pane.mapTo(viewer, pane.rect().center()).x() < middle
        if on_left != (name[0] == "R"):
            faults.append(f"{name}: on the wrong side of the window")
        pixels = bare(pane)[..., 0].astype(int)
        inner, outer = (pixels[:, -3:], pixels[:, :3]) if on_left else (pixels[:, :3], pixels[:, -3:])
        if not (inner > 40).mean() > 0.3 or (outer > 40).mean() > 0.02:
            faults.append(f"{name}: the chest wall is not in the middle")
        spot = pixels > 220
        y, x = centroid(spot)
        expected = pane.image_to_screen((SPOTS[name][0] - 0.5, SPOTS[name][1] - 0.5))
        if np.hypot(x - expected[0], y - expected[1]) > 0.5:
            faults.append(f"{name}: the spot is painted at {x:.1f}, {y:.1f}, expected {expected[0]:.1f}, {expected[1]:.1f}")
        if name.endswith("MLO"):
            half = pixels.shape[0] // 2
            muscle = (pixels > 140) & (pixels < 200)
            if muscle[:half].sum() < 10 * max(1, muscle[half:].sum()):
                faults.append(f"{name}: the muscle is not at the top")
    columns = whole[:, middle - 3 : middle + 4].mean(axis=0)
    if (columns > 40).sum() < 6:  # all but the one line between the panes
        faults.append("the breasts do not touch in the middle")
    return faults


def test_four_views_hang_as_readers_expect(viewer):
    show(viewer, four_views())
    assert hanging_faults(viewer) == []


@pytest.mark.parametrize("name", list(SPOTS))
def test_a_flipped_pane_is_noticed(viewer, name):
    """Negative control: pixels stored the wrong way round must fail the same check."""
    right = mammogram(name)
    show(viewer, four_views(**{name: mammogram(name, array=np.ascontiguousarray(right.array[:, ::-1]))}))
    assert any(fault.startswith(name) for fault in hanging_faults(viewer))


def test_an_upside_down_pane_is_noticed(viewer):
    right = mammogram("RMLO")
    show(viewer, four_views(RMLO=mammogram("RMLO", array=np.ascontiguousarray(right.array[::-1]))))
    assert any("muscle" in fault for fault in hanging_faults(viewer))


def test_swapped_sides_are_noticed(viewer):
    images = [mammogram(n) for n in SPOTS]
    swapped = [mammogram(n, array=images[i ^ 1].array) for i, n in enumerate(SPOTS)]
    show(viewer, open_case("mammography", *swapped))
    assert hanging_faults(viewer)


def test_all_views_share_one_scale_in_mm(viewer):
    """A view from a finer detector is not larger on the screen."""
    fine = mammogram("LCC", spacing=0.05)
    show(viewer, four_views(LCC=fine))
    scales = {viewer.pane(n).camera.scale for n in SPOTS}
    assert len(scales) == 1
    assert viewer.pane("LCC").camera.zoom[0] == pytest.approx(viewer.pane("RCC").camera.zoom[0] / 2)


def test_the_breast_is_fitted_not_the_air(viewer):
    show(viewer, four_views())
    tallest = 860 * viewer.pane("RCC").camera.zoom[0]
    assert 0.9 * viewer.pane("RCC").height() < tallest <= viewer.pane("RCC").height() + 1


def test_grey_values_at_one_to_one_are_those_of_the_table(viewer):
    noise = np.random.default_rng(3).integers(1, 4096, (1000, 800)).astype(np.uint16)
    show(viewer, four_views(RCC=mammogram("RCC", array=noise)))
    viewer.one_to_one()
    pane = viewer.pane("RCC")
    pixels = bare(pane)
    top, left = (round(v + 0.5) for v in pane.camera.to_index((0.0, 0.0)))
    part = noise[max(0, top) : top + pane.height(), max(0, left) : left + pane.width()]
    want = lookup_table(GREY, None, False, (0, 0), np.uint16)[part]
    y0, x0 = max(0, -top), max(0, -left)
    got = pixels[y0 : y0 + want.shape[0], x0 : x0 + want.shape[1]]
    assert want.size > 50_000
    assert (got == want[..., None]).all()


def test_inverting_keeps_padding_and_surroundings_black(viewer):
    show(viewer, four_views())
    before = bare(viewer.pane("LCC"))[..., 0]
    viewer.invert()
    after = bare(viewer.pane("LCC"))[..., 0]
    solid = before == lookup_table(GREY, None, False, (0, 0), np.uint16)[TISSUE]
    assert solid.sum() > 10_000
    assert (after[solid] == 255 - before[solid]).all()
    air = before == 0
    assert (after[air] == 0).mean() > 0.995  # all but the skin line, where air and tissue share a pixel
    viewer.invert()
    assert np.array_equal(bare(viewer.pane("LCC"))[..., 0], before)


def test_low_values_are_bright_in_monochrome1(viewer):
    grey = GreyScale(invert=True, presets=(Preset("", "linear", 2048, 4096),), bits=12)
    show(viewer, four_views(RCC=mammogram("RCC", grey=grey)))
    pane = viewer.pane("RCC")
    x, y = (round(v) for v in pane.image_to_screen(SPOTS["RCC"]))
    pixels = bare(pane)[..., 0]
    assert pixels[y, x] < 10 and pixels[y, x + 40] > 150
    assert pixels[:, 0].max() == 0


def test_presets_and_windows(viewer):
    show(viewer, four_views())
    assert viewer.preset_names() == ("normal", "hard")
    viewer.preset(1)
    pane = viewer.pane("RCC")
    x, y = (round(v) for v in pane.image_to_screen((500, 600)))
    assert bare(pane)[y, x, 0] == lookup_table(GREY, GREY.presets[1], False, (0, 0), np.uint16)[TISSUE]
    viewer.set_window(1200, 10)
    assert bare(pane)[y, x, 0] == lookup_table(GREY, (1200, 10), False, (0, 0), np.uint16)[TISSUE]
    viewer.reset_window()
    assert bare(pane)[y, x, 0] == lookup_table(GREY, None, False, (0, 0), np.uint16)[TISSUE]


def test_a_missing_view_keeps_its_labelled_pane(viewer):
    case = open_case("mammography", *(mammogram(n) for n in ("RCC", "LCC", "RMLO")))
    show(viewer, case)
    assert [p.name for p in viewer.panes()] == list(SPOTS)
    pane = viewer.pane("LMLO")
    assert pane.caption.title == "L MLO" and pane.caption.empty
    assert bare(pane).max() == 0
    assert grabbed(pane).max() > 100  # the words


def test_hanging_steps_go_round_and_keep_order(viewer):
    show(viewer, four_views())
    seen = [viewer.step_text()]
    for _ in range(40):
        viewer.next_step()
        seen.append(viewer.step_text())
        if viewer.step_text() == "four views":
            break
    assert seen[:3] == ["four views", "CC", "MLO"] and seen[-1] == "four views"
    assert {w.split(",")[0] for w in seen[3:-1]} == {"R CC 1:1", "L CC 1:1", "R MLO 1:1", "L MLO 1:1"}
    viewer.next_step()
    assert [p.name for p in viewer.panes()] == ["RCC", "LCC"]
    viewer.previous_step()
    viewer.previous_step()
    assert viewer.step_text().startswith("L MLO 1:1, part")
    assert viewer.step_text().split()[-3] == viewer.step_text().split()[-1]  # backwards enters at the last part


def test_tiles_cover_the_whole_breast_at_one_to_one(viewer):
    show(viewer, four_views())
    while not viewer.step_text().startswith("R CC 1:1"):
        viewer.next_step()
    pane = viewer.pane("RCC")
    seen = np.zeros((1000, COLUMNS), bool)
    while viewer.step_text().startswith("R CC 1:1"):
        assert pane.camera.zoom == (1.0, 1.0)
        oy, ox = pane.camera.origin
        seen[max(0, -oy) : pane.height() - oy, max(0, -ox) : pane.width() - ox] = True
        viewer.next_step()
    assert seen[mammogram("RCC").array > 0].all()


def test_prior_above_current_at_one_scale(viewer):
    priors = [mammogram(n, spacing=0.2, id=f"{n}_prior", role="prior", exam_days=-730) for n in ("RCC", "LCC")]
    older = mammogram("RCC", id="RCC_older", role="prior", exam_days=-1500)
    case = open_case("mammography", older, *(mammogram(n) for n in SPOTS), *priors)
    show(viewer, case)
    while not viewer.step_text().startswith("current and prior, CC"):
        viewer.next_step()
    now, then = viewer.pane("RCC"), viewer.pane("RCC prior")
    assert then.mapTo(viewer, then.rect().center()).y() < now.mapTo(viewer, now.rect().center()).y()
    assert now.camera.scale == then.camera.scale
    assert "2.0 years before" in then.caption.note
    show(viewer, case, show_priors=False)
    for _ in range(12):
        viewer.next_step()
        assert all("prior" not in p.name for p in viewer.panes())


def test_extra_views_stay_out_of_the_grid_in_a_strip(viewer):
    extra = mammogram("RCC", id="RCC2", grid=False, title="spot compression", array=np.full((1000, 800), SPOT, np.uint16))
    show(viewer, open_case("mammography", extra, *(mammogram(n) for n in SPOTS)))
    assert viewer.pane("RCC").image_id == "RCC"
    assert [p.name for p in viewer.panes()] == [*SPOTS, "RCC2"]
    assert hanging_faults(viewer) == []
    strip = viewer.pane("RCC2")
    assert strip.y() > viewer.pane("RMLO").geometry().bottom() and strip.height() <= 120
    scale, small = viewer.pane("RCC").camera.scale, strip.camera.scale
    viewer.zoom_in()
    assert viewer.pane("RCC").camera.scale > scale and strip.camera.scale == small
    click(strip, (10, 10))
    assert viewer.step_text() == "R CC · spot compression"
    assert [p.name for p in viewer.panes()] == ["RCC2"] and viewer.pane("RCC2").height() == viewer.height()
    assert viewer.pane("RCC2").caption.note == "spot compression"
    viewer.view._reveal("LMLO", (560.0, 330.0))
    assert viewer.step_text() == "four views"


def test_zoom_and_pan_are_mirrored(viewer):
    show(viewer, four_views())
    viewer.one_to_one()
    right, left = viewer.pane("RCC"), viewer.pane("LCC")
    before = {p: p.camera.corner for p in (right, left)}
    viewer.view.pan_by(right, 15, -40)
    for pane, sign in ((right, 1), (left, -1)):
        dy, dx = (a - b for a, b in zip(pane.camera.corner, before[pane], strict=True))
        assert dy == pytest.approx(15)
        expected = -40 * sign
        limit = {right: before[right][1], left: before[left][1]}[pane]
        assert dx == pytest.approx(expected) or limit + expected != pytest.approx(pane.camera.corner[1])
    assert right.camera.zoom == left.camera.zoom


def test_true_size(viewer):
    show(viewer, four_views())
    viewer.set_pixels_per_mm(4.0)
    viewer.true_size()
    assert viewer.pane("RCC").camera.zoom[0] == pytest.approx(0.4)
    a, b = (viewer.pane("RCC").image_to_screen((r, 600)) for r in (100, 200))
    assert b[1] - a[1] == pytest.approx(40)  # 10 mm


def test_the_ruler_is_as_long_as_it_says(viewer):
    show(viewer, four_views())
    pane = viewer.pane("RCC")
    difference = np.abs(grabbed(pane).astype(int) - bare(pane)).max(axis=2)
    column = difference[:, 14] > 60  # where it stands: 8 + 6 pixels from the edge
    runs = np.flatnonzero(np.diff(np.concatenate(([0], column.astype(int), [0]))))
    length = max(b - a for a, b in zip(runs[::2], runs[1::2], strict=True))
    per_mm = pane.camera.scale
    assert min(abs(length - mm * per_mm) for mm in (10, 20)) <= 2.5


def test_a_study_may_bring_its_own_steps(viewer):
    document = {
        "format": 1, "name": "pairs", "title": "pairs", "modality": "mammography",
        "steps": [
            {"name": "oblique", "scale": "same_size", "panes": [{"image": "RMLO"}, {"image": "LMLO", "column": 1}]},
            {"name": "tall", "scale": "fit", "panes": [{"image": "RCC", "rows": 2}, {"image": "LCC", "column": 1},
                                                       {"image": "LMLO", "row": 1, "column": 1}]},
        ],
    }  # fmt: skip
    show(viewer, four_views(), hanging=hanging.parse(document, "test"))
    assert viewer.step_text() == "oblique" and [p.name for p in viewer.panes()] == ["RMLO", "LMLO"]
    viewer.next_step()
    assert viewer.pane("RCC").height() == viewer.height() and viewer.pane("LCC").height() < viewer.height() / 2
    viewer.next_step()
    assert viewer.step_text() == "oblique"


def test_fit_goes_from_one_size_to_each_by_itself_and_back(viewer):
    small = mammogram("RCC", array=np.ascontiguousarray(mammogram("RCC").array[250:750, 400:]))
    show(viewer, four_views(RCC=small))
    first, other = viewer.pane("RCC"), viewer.pane("LCC")
    assert first.camera.scale == other.camera.scale and "same size" in first.caption.lines[0]
    viewer.fit()
    assert first.camera.scale > 1.2 * other.camera.scale and first.caption.lines[0].endswith("fit")
    viewer.fit()
    assert first.camera.scale == other.camera.scale and "same size" in first.caption.lines[0]
    viewer.zoom_in()
    viewer.fit()  # after a zoom the first fit brings back what was there
    assert first.camera.scale == other.camera.scale


def test_the_strip_says_what_its_pictures_are_and_the_panes_where_the_reader_is(viewer):
    spot = mammogram("RCC", id="RCC2", grid=False, title="spot compression, magnification")
    again = mammogram("LCC", id="LCC2", grid=False)
    show(viewer, open_case("mammography", spot, again, *(mammogram(n) for n in SPOTS)))
    captions = {p.name: p.caption for p in viewer.panes()}
    assert (captions["RCC2"].title, captions["RCC2"].note) == ("R CC", "spot compression, magnification")
    assert captions["LCC2"].note == "further image"
    assert captions["RCC"].lines[1].startswith("step 1 of ") and captions["RCC"].lines[1].endswith("four views")
    assert captions["LCC"].note == "" and len(captions["LCC"].lines) == 1
    beside = grabbed(viewer)[-20, -20]
    assert tuple(beside) == QColor(theme.READING["background"]).getRgb()[:3]


def test_a_window_of_the_strip_is_not_repeated_on_every_pane(viewer):
    own = GreyScale(presets=(Preset("only", "linear", 2048, 2000),), bits=12)
    show(viewer, open_case("mammography", mammogram("RCC", id="RCC2", grid=False, grey=own), *(mammogram(n) for n in SPOTS)))
    viewer.preset(1)
    assert "hard" in viewer.pane("RCC").caption.lines[0] and "hard" not in viewer.pane("LCC").caption.lines[0]


def test_beside_a_prior_the_current_images_say_so(viewer):
    priors = [mammogram(n, id=f"{n}_prior", role="prior", exam_days=-730) for n in ("RCC", "LCC")]
    show(viewer, open_case("mammography", *(mammogram(n) for n in SPOTS), *priors))
    assert viewer.pane("RCC").caption.note == ""
    while not viewer.step_text().startswith("current and prior, CC"):
        viewer.next_step()
    notes = {p.name: p.caption.note for p in viewer.panes()}
    assert notes["RCC"] == notes["LCC"] == "current" and notes["RCC prior"] == "prior, 2.0 years before"
