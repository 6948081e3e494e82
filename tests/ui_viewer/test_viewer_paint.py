"""The stamp of the first full paint, the cover, and the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from viewer_phantoms import aid, click, drag, four_views, grabbed, hover, open_case, plain, send, settle, show, turn_wheel, volume

from reader_app.imaging.overlay import Box
from reader_app.study.finding import Mark
from reader_app.ui import theme
from reader_app.ui.viewer.case_viewer import CaseViewer

NAMES = ("RCC", "LCC", "RMLO", "LMLO")


@pytest.fixture
def stamps(viewer):
    seen = []
    viewer.fully_painted.connect(lambda names: seen.append(("full", names)))
    viewer.uncovered.connect(lambda names: seen.append(("uncovered", names)))
    return seen


def test_one_stamp_a_case_after_all_panes(viewer, stamps):
    painted = []
    viewer.painted.connect(painted.append)
    viewer.show_case(four_views(), None, threshold=0, opacity=1)
    assert stamps == [] and painted == []  # nothing before the event loop has painted
    settle()
    assert stamps == [("full", NAMES)] and len(painted) >= 4
    viewer.invert()
    viewer.zoom_in()
    viewer.next_step()
    settle()
    assert len(stamps) == 1
    show(viewer, open_case("abvs", volume()))
    assert stamps[1:] == [("full", ("L_AP coronal", "L_AP transverse", "L_AP sagittal"))]


def test_the_stamp_comes_only_when_every_pane_was_painted(viewer, stamps):
    viewer.show_case(four_views(), None, threshold=0, opacity=1)
    for name in NAMES[:3]:
        viewer.pane(name).repaint()
    viewer.pane("LMLO").setUpdatesEnabled(False)
    settle()
    assert stamps == []
    viewer.pane("LMLO").setUpdatesEnabled(True)
    viewer.pane("LMLO").update()
    settle()
    assert stamps == [("full", NAMES)]


def test_the_stamp_is_posted_not_emitted_within_the_paint(viewer, stamps):
    viewer.show_case(four_views(), None, threshold=0, opacity=1)
    for name in NAMES:
        viewer.pane(name).repaint()
    assert stamps == []
    settle()
    assert len(stamps) == 1


def test_no_stamp_without_a_window_on_the_screen(qtbot):
    widget = CaseViewer()
    qtbot.addWidget(widget)
    seen = []
    widget.fully_painted.connect(seen.append)
    widget.resize(800, 600)
    widget.show_case(four_views(), None, threshold=0, opacity=1)
    widget.grab()  # painting into a picture is not showing
    settle()
    assert seen == []
    widget.show()
    qtbot.waitUntil(lambda: len(seen) == 1, timeout=3000)
    widget.clear()


def test_the_cover_shows_nothing_of_the_case(viewer, stamps):
    show(viewer, four_views(), aid([Box("RCC", (10, 10), (400, 400), 0.9)]))
    viewer.cover()
    settle()
    assert viewer.is_covered()
    ground = np.array([int(theme.READING["background"][i : i + 2], 16) for i in (1, 3, 5)])
    assert (grabbed(viewer) == ground).all()
    assert not viewer.mark_at_cursor()
    viewer.uncover()
    settle()
    assert stamps == [("full", NAMES), ("uncovered", NAMES)]
    assert grabbed(viewer).max() > 200


def test_a_case_covered_before_it_was_painted_is_stamped_when_it_is_seen(viewer, stamps):
    viewer.show_case(four_views(), None, threshold=0, opacity=1)
    viewer.cover()
    settle()
    assert stamps == []
    viewer.uncover()
    settle()
    assert stamps == [("full", NAMES)]


def test_clear_lets_go_of_the_pixels(viewer):
    show(viewer, four_views())
    viewer.clear()
    settle()
    assert viewer.panes() == () and viewer.is_covered()
    assert grabbed(viewer).max() < 20
    assert all(pane.picture is None for pane in viewer._mammo._pool.values())


def test_left_drag_changes_the_window_of_all_panes(viewer):
    show(viewer, four_views())
    words = []
    viewer.window_changed.connect(words.append)
    pane = viewer.pane("RCC")
    drag(pane, (100, 100), (200, 100))
    center, width = pane.window_state.own
    assert width > 4096 and center == pytest.approx(2048, abs=1)
    drag(pane, (100, 100), (100, 200))
    assert pane.window_state.own[0] > center + 500  # down: darker
    assert viewer.pane("LMLO").window_state == pane.window_state
    assert words[-1].startswith("W ")


def test_middle_drag_pans_and_wheel_and_right_drag_zoom(viewer):
    show(viewer, four_views())
    pane = viewer.pane("LCC")
    scale = pane.camera.scale
    turn_wheel(pane, (50, 100), 3)
    assert pane.camera.scale == pytest.approx(scale * 1.15**3)
    drag(pane, (50, 200), (50, 100), Qt.MouseButton.RightButton)
    assert pane.camera.scale > scale * 1.15**3 * 1.5
    assert viewer.pane("RMLO").camera.scale == pane.camera.scale
    corner = pane.camera.corner
    drag(pane, (150, 150), (120, 170), Qt.MouseButton.MiddleButton)
    assert pane.camera.corner[0] == pytest.approx(corner[0] + 20, abs=1)
    assert pane.camera.corner[1] == pytest.approx(corner[1] - 30, abs=1)
    viewer.fit()
    assert pane.camera.scale == pytest.approx(scale)


def test_double_click_shows_true_pixels_under_the_cursor_and_back(viewer):
    show(viewer, four_views())
    pane = viewer.pane("LCC")
    at = pane.image_to_screen((420, 150))
    send(pane, QEvent.Type.MouseButtonDblClick, at)
    assert pane.camera.zoom == pytest.approx((1.0, 1.0))
    assert pane.image_to_screen((420, 150)) == pytest.approx(at, abs=1.5)
    assert pane.caption.lines[0].startswith("×1.00")
    send(pane, QEvent.Type.MouseButtonDblClick, at)
    assert viewer.view.mode == "fit"


def test_marks_are_asked_for_at_the_index_under_the_cursor(viewer):
    show(viewer, four_views())
    asked = []
    viewer.mark_placed.connect(lambda image_id, index: asked.append((image_id, index)))
    pane = viewer.pane("LMLO")
    hover(pane, pane.image_to_screen((560.0, 330.0)))
    assert viewer.mark_at_cursor()
    assert asked[0][0] == "LMLO" and asked[0][1] == pytest.approx((560.0, 330.0), abs=1e-6)
    assert pane.additions.marks == ()  # nothing is drawn before the window says so
    viewer.set_marks([Mark("1", "1", "LMLO", asked[0][1])])
    assert [m.at for m in pane.additions.marks] == [pytest.approx((560.0, 330.0))]
    hover(viewer.pane("LCC"), (viewer.pane("LCC").width() - 2, 5))
    viewer.zoom_out()
    viewer.zoom_out()
    outside = viewer.pane("LCC").screen_to_image((viewer.pane("LCC").width() - 2, 5))
    if not viewer.pane("LCC").camera.contains(outside):
        assert not viewer.mark_at_cursor()


def test_a_mark_is_dragged_by_its_ring(viewer):
    show(viewer, four_views(), marks=[Mark("7", "1", "RCC", (300.0, 620.0))])
    moved, selected = [], []
    viewer.mark_moved.connect(lambda *a: moved.append(a))
    viewer.mark_selected.connect(selected.append)
    pane = viewer.pane("RCC")
    window = pane.window_state
    start, stop = pane.image_to_screen((300.0, 620.0)), pane.image_to_screen((400.0, 700.0))
    drag(pane, start, stop)
    assert selected == ["7"] and moved[0][0] == "7"
    assert moved[0][1] == pytest.approx((400.0, 700.0), abs=1e-6)
    assert pane.window_state == window
    viewer.set_marks([Mark("7", "1", "RCC", (300.0, 620.0))])  # refused: back where it was
    assert pane.additions.marks[0].at == (300.0, 620.0)
    click(pane, start)
    assert len(moved) == 1


def test_a_mark_is_painted_in_blue_at_its_place(viewer):
    show(viewer, four_views())
    pane = viewer.pane("LCC")
    without = grabbed(pane).astype(int)
    viewer.set_marks([Mark("1", "1", "LCC", (600.0, 100.0))])
    ring = np.abs(grabbed(pane) - without).max(axis=2) > 40
    x, y = pane.image_to_screen((600.0, 100.0))
    rows, _ = np.nonzero(ring[: round(y) + 12, : round(x) + 10])
    assert (rows.min() + rows.max()) / 2 + 0.5 == pytest.approx(y, abs=3)
    blue = grabbed(pane)[round(y) - 10 : round(y) - 7, round(x)]
    assert (blue[:, 2].astype(int) > blue[:, 0]).any()
    viewer.toggle_marks()
    assert np.array_equal(grabbed(pane), without)


def test_the_context_menu_offers_presets_and_removal(viewer):
    menus, removed = [], []
    viewer.menu_about_to_show.connect(menus.append)
    viewer.mark_removed.connect(removed.append)
    show(viewer, four_views(), marks=[Mark("3", "1", "RCC", (300.0, 620.0))])
    pane = viewer.pane("RCC")
    click(pane, pane.image_to_screen((300.0, 620.0)), Qt.MouseButton.RightButton)
    actions = {a.text(): a for a in menus[0].actions()}
    assert {"normal", "hard", "Invert", "Fit"} <= set(actions)
    actions["Remove this mark"].trigger()
    menus[0].close()
    assert removed == ["3"]


def test_magnifier_shows_true_pixels_while_held(viewer):
    show(viewer, four_views())
    viewer.set_left_tool("magnifier")
    pane = viewer.pane("RCC")
    before = grabbed(pane)
    at = pane.image_to_screen((300, 620))
    send(pane, QEvent.Type.MouseButtonPress, at)
    during = grabbed(pane)
    send(pane, QEvent.Type.MouseButtonRelease, at)
    assert (during != before).any(axis=2).sum() > 5_000
    assert np.array_equal(grabbed(pane), before)


def test_reset_brings_everything_back(viewer):
    show(viewer, four_views())
    before = grabbed(viewer)
    viewer.invert()
    viewer.next_step()
    viewer.zoom_in()
    viewer.reset()
    settle()
    assert np.array_equal(grabbed(viewer), before)


def test_methods_without_a_case_do_nothing(viewer):
    for name in ("fit", "one_to_one", "true_size", "invert", "zoom_in", "next_step", "next_finding", "toggle_marks", "reset",
                 "cover", "uncover", "cine", "next_scan", "reset_window", "next_slab", "cine_faster"):  # fmt: skip
        getattr(viewer, name)()
    viewer.preset(1)
    viewer.scroll_by(2)
    assert not viewer.mark_at_cursor() and viewer.is_covered()


def test_resizing_the_window_fits_again(viewer):
    show(viewer, four_views())
    scale = viewer.pane("RCC").camera.scale
    viewer.resize(1400, 1000)
    settle()
    assert viewer.pane("RCC").camera.scale > scale * 1.3
    assert [p.width() for p in viewer.panes()] == [699, 700, 699, 700]


def test_panes_are_one_pixel_apart(viewer):
    show(viewer, four_views())
    boxes = [p.geometry() for p in viewer.panes()]
    assert boxes[1].left() - boxes[0].right() == 2 and boxes[2].top() - boxes[0].bottom() == 2
    assert boxes[3].right() == viewer.width() - 1 and boxes[3].bottom() == viewer.height() - 1


def test_plain_image_without_spacing_has_no_ruler_and_callipers_in_pixels(viewer):
    show(viewer, open_case("ultrasound", plain(spacing_mm=None)))
    pane = viewer.panes()[0]
    assert not pane.picture.has_mm
    viewer.set_left_tool("caliper")
    drag(pane, pane.image_to_screen((100, 100)), pane.image_to_screen((100, 200)))
    assert pane.additions.lines[0][2] == "100.0 px"


def test_on_large_screens_the_pane_in_use_comes_first(viewer):
    """The leader is painted in the frame of the gesture, the others in the next; nothing is lost when gestures come fast."""
    show(viewer, four_views())
    view, right, left = viewer.view, viewer.pane("RCC"), viewer.pane("LCC")
    view.together = 0
    viewer.one_to_one()
    settle()
    start = {p: p.camera.corner for p in viewer.panes()}
    order = []
    for pane in viewer.panes():
        pane._painted = lambda p, ms: (order.append(p.name), view.pane_painted(p, ms))
    view.pan_by(right, 5, -6)
    view.pan_by(right, 5, -6)
    assert right.camera.corner == (start[right][0] + 10, start[right][1] - 12) or right.camera.corner != start[right]
    assert left.camera.corner == start[left]
    settle()
    assert order[0] == "RCC" and set(order) == set(NAMES)
    assert left.camera.corner[0] == pytest.approx(start[left][0] + 10)
    viewer.set_window(1000, 500)
    viewer.fit()  # what is owed is done before anything else
    assert left.window_state.own == (1000, 500)
    settle()
    assert left.camera.scale == right.camera.scale


def test_a_stale_stamp_is_not_given_to_the_next_case(viewer, stamps):
    viewer.show_case(four_views(), None, threshold=0, opacity=1)
    for name in NAMES:
        viewer.pane(name).repaint()  # the news is posted
    viewer.pane("LMLO").setUpdatesEnabled(False)
    viewer.show_case(four_views(), None, threshold=0, opacity=1)
    settle()
    assert stamps == []
    viewer.pane("LMLO").setUpdatesEnabled(True)
    viewer.pane("LMLO").update()
    settle()
    assert len(stamps) == 1
