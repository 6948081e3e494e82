"""Marks by hand: points, boxes, ellipses, outlines with real drags; one identity in several views; a suspicion of their own."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from readingkit import make_study, reading

from reader_app.ui.viewer import drawing


def drag(hands, pane, path, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    """Draw through image indices with the left button."""
    points = [QPoint(*(round(value) for value in pane.image_to_screen(at))) for at in path]
    QTest.mousePress(pane, Qt.MouseButton.LeftButton, modifier, points[0])
    for before, after in pairwise(points):
        middle = QPoint((before.x() + after.x()) // 2, (before.y() + after.y()) // 2)
        QTest.mouseMove(pane, middle)
        QTest.mouseMove(pane, after)
    QTest.mouseRelease(pane, Qt.MouseButton.LeftButton, modifier, points[-1])
    hands.settle()


def test_a_box_an_ellipse_and_an_outline_are_drawn_and_the_drag_then_is_the_old_one(breast_folder):
    with reading(breast_folder, size=(1600, 1000)) as hands:
        hands.log_in()
        hands.begin()
        viewer = hands.window.viewer
        pane = viewer.pane("RCC")
        hands.keys("Q")
        assert viewer.mark_shape() == "box" and "box" in hands.window.key_bar.readout.text()
        drag(hands, pane, [(100, 60), (180, 140)])
        (box,) = hands.state.draft.marks
        assert (box.kind, box.image_id, box.finding_id) == ("box", "RCC", "1")
        assert box.index == pytest.approx((140, 100), abs=2) and box.extent == pytest.approx((80, 80), abs=3)
        assert viewer.mark_shape() == "point"
        width = pane.window_state
        drag(hands, pane, [(250, 200), (280, 220)])
        assert len(hands.state.draft.marks) == 1 and pane.window_state != width, "the next drag is the window again"
        shapes = hands.panel.marks.shapes
        hands.click(shapes, shapes.cell("ellipse").center())
        drag(hands, viewer.pane("RMLO"), [(60, 60), (100, 120)], Qt.KeyboardModifier.ShiftModifier)
        assert [(m.kind, m.finding_id) for m in hands.state.draft.marks] == [("box", "1"), ("ellipse", "1")]
        hands.keys("QQQ")
        drag(hands, viewer.pane("LCC"), [(50, 50), (50, 120), (120, 120), (120, 50), (60, 46)])
        outline = hands.state.draft.marks[-1]
        assert outline.kind == "outline" and len(outline.outline) >= 4 and outline.finding_id == "2"
        lines = " | ".join(own.text() for own in hands.panel.marks.findChildren(QLabel))
        assert "RCC + RMLO · box, ellipse linked" in lines and "LCC · outline" in lines
        image = hands.window.grab().toImage()
        at = pane.mapTo(hands.window, QPoint(*(round(value) for value in pane.image_to_screen((100, 100)))))
        ratio = image.devicePixelRatio()
        near = [image.pixelColor(round(at.x() * ratio), round(at.y() * ratio) + d) for d in range(-3, 4)]
        assert any(c.blue() > 200 and c.red() < 140 for c in near), "the box is painted on the image"


def test_a_drawn_shape_is_moved_whole_and_each_step_is_taken_back(breast_folder):
    with reading(breast_folder, size=(1600, 1000)) as hands:
        hands.log_in()
        hands.begin()
        pane = hands.window.viewer.pane("RCC")
        hands.keys("QQQ")
        drag(hands, pane, [(100, 60), (100, 140), (180, 140), (180, 60), (104, 58)])
        before = hands.state.draft.marks[0]
        drag(hands, pane, [before.index, (before.index[0] + 40, before.index[1] + 20)])
        after = hands.state.draft.marks[0]
        way = (after.index[0] - before.index[0], after.index[1] - before.index[1])
        assert way == pytest.approx((40, 20), abs=3)
        for old, new in zip(before.outline, after.outline, strict=True):
            assert (new[0] - old[0], new[1] - old[1]) == pytest.approx(way, abs=1e-6)
        hands.key("Z", Qt.KeyboardModifier.ControlModifier)
        assert hands.state.draft.marks == (before,)
        hands.key(Qt.Key.Key_Delete)
        assert hands.state.draft.marks == ()
        hands.key("Z", Qt.KeyboardModifier.ControlModifier)
        assert hands.state.draft.marks == (before,)
        hands.key("Z", Qt.KeyboardModifier.ControlModifier)
        assert hands.state.draft.marks == ()


def edges(mark, axes=(0, 1)):
    """Return (low, high) of a mark along each of two axes."""
    corners = mark.outline or [[a - n / 2 for a, n in zip(mark.index, mark.extent, strict=True)],
                               [a + n / 2 for a, n in zip(mark.index, mark.extent, strict=True)]]  # fmt: skip
    return [(min(c[axis] for c in corners), max(c[axis] for c in corners)) for axis in axes]


@pytest.mark.parametrize("shape", ["box", "ellipse", "outline"])
def test_a_drawn_shape_is_resized_at_its_grips_keeps_its_identity_and_the_step_is_taken_back(breast_folder, shape):
    with reading(breast_folder, size=(1600, 1000)) as hands:
        hands.log_in()
        hands.begin()
        pane = hands.window.viewer.pane("RCC")
        hands.keys("Q" * drawing.SHAPES.index(shape))
        path = [(100, 60), (100, 140), (180, 140), (180, 60), (104, 58)] if shape == "outline" else [(100, 60), (180, 140)]
        drag(hands, pane, path)
        hands.key("S", Qt.KeyboardModifier.ShiftModifier)
        hands.keys("72")
        before = hands.state.draft.marks[0]
        (top, bottom), (left, right) = edges(before)
        drag(hands, pane, [(bottom, right), (bottom + 30, right + 20)])  # a corner
        (after,) = hands.state.draft.marks
        assert (after.mark_id, after.finding_id, after.score, after.kind) == (before.mark_id, "1", 72, shape)
        assert edges(after) == [pytest.approx((top, bottom + 30), abs=3), pytest.approx((left, right + 20), abs=3)]
        (low, high), (first, last) = edges(after)
        middle = (first + last) / 2
        drag(hands, pane, [(low, middle), (low + 25, middle + 15)])  # the middle of a side: only that side follows
        wider = hands.state.draft.marks[0]
        assert edges(wider) == [pytest.approx((low + 25, high), abs=3), pytest.approx((first, last), abs=1e-6)]
        hands.key("Z", Qt.KeyboardModifier.ControlModifier)
        hands.key("Z", Qt.KeyboardModifier.ControlModifier)
        assert hands.state.draft.marks == (before,)
        # its second view belongs to the same finding, and resizing it leaves the first view alone
        other = hands.window.viewer.pane("RMLO")
        hands.keys("Q")
        drag(hands, other, [(60, 60), (110, 120)], Qt.KeyboardModifier.ShiftModifier)
        (top, bottom), (left, right) = edges(hands.state.draft.marks[1])
        drag(hands, other, [(top, left), (top - 20, left - 20)])
        first_view, second = hands.state.draft.marks
        assert first_view == before and (second.image_id, second.finding_id, second.score) == ("RMLO", "1", 72)
        assert edges(second) == [pytest.approx((top - 20, bottom), abs=3), pytest.approx((left - 20, right), abs=3)]
        # a shape that is not the chosen one has no grips: the drag is the window again
        hands.flow.answers._choose_mark(second.mark_id)
        (top, bottom), (left, right) = edges(before)
        width = pane.window_state
        drag(hands, pane, [(bottom + 12, right + 12), (bottom + 40, right + 40)])
        assert hands.state.draft.marks == (first_view, second) and pane.window_state != width


def test_a_box_of_a_plane_is_given_depth_in_another_plane(tmp_path):
    study = make_study(tmp_path / "study", ("abvs",), 1)
    with reading(study.path, size=(1600, 1000)) as hands:
        hands.log_in()
        hands.begin()
        coronal, transverse = hands.window.viewer.pane("L_AP coronal"), hands.window.viewer.pane("L_AP transverse")
        hands.keys("Q")
        height, width = coronal.camera.shape
        drag(hands, coronal, [(height * 0.3, width * 0.3), (height * 0.7, width * 0.7)])
        (flat,) = hands.state.draft.marks
        assert flat.extent[1] == 0
        (depth, _), (first, last) = edges(flat, (1, 2))
        drag(hands, transverse, [(depth, (first + last) / 2), (depth + 8, (first + last) / 2)])
        (solid,) = hands.state.draft.marks
        assert solid.mark_id == flat.mark_id and edges(solid, (0, 2)) == edges(flat, (0, 2))
        assert edges(solid, (1, 2))[0] == pytest.approx((depth, depth + 8), abs=0.6)


def test_resizing_by_hand_is_arithmetic_and_never_makes_a_mark_too_small():
    from reader_app.study.finding import Mark

    box = Mark("1", "F", "A", (10.0, 20.0), "box", (8.0, 4.0), 50)
    assert drawing.resized(box, (-2, -1), (1, 1), (24.0, 30.0)) == Mark("1", "F", "A", (15.0, 24.0), "box", (18.0, 12.0), 50)
    assert drawing.resized(box, (-2, -1), (1, 0), (6.5, 99.0)).extent == (drawing.SMALLEST, 4.0)
    assert drawing.resized(box, (-2, -1), (-1, 0), (20.0, 0.0)).index == (17.0, 20.0), "drawn over its opposite edge"
    outline = Mark("1", "F", "A", (2.0, 2.0), "outline", outline=((0.0, 0.0), (0.0, 4.0), (4.0, 0.0)))
    half = drawing.resized(outline, (-2, -1), (1, 1), (2.0, 2.0))
    assert half.outline == ((0.0, 0.0), (0.0, 2.0), (2.0, 0.0)) and half.index == (1.0, 1.0)


def test_a_finding_has_a_suspicion_of_its_own_in_all_its_views(breast_folder):
    with reading(breast_folder) as hands:
        hands.log_in()
        hands.begin()
        viewer = hands.window.viewer
        assert not hands.panel.marks.score.isVisible()
        viewer.mark_placed.emit("RCC", (100.0, 50.0))
        hands.settle()
        hands.key("S", Qt.KeyboardModifier.ShiftModifier)
        assert hands.panel.active_field() is hands.panel.marks.score
        hands.keys("72")
        assert hands.state.draft.marks[0].score == 72
        assert hands.panel.active_field() is not hands.panel.marks.score, "the digits go on to the answer"
        hands.flow.answers._link = True
        viewer.mark_placed.emit("RMLO", (90.0, 40.0))
        hands.settle()
        assert [mark.score for mark in hands.state.draft.marks] == [72, 72]
        hands.key("S", Qt.KeyboardModifier.ShiftModifier)
        hands.keys("81")
        assert [mark.score for mark in hands.state.draft.marks] == [81, 81]
        assert "81" in [own.text() for own in hands.panel.marks.findChildren(QLabel, "findingScore")]


def test_a_box_in_a_volume_has_no_thickness_and_is_seen_in_the_other_planes(tmp_path):
    study = make_study(tmp_path / "study", ("abvs",), 1)
    with reading(study.path, size=(1600, 1000)) as hands:
        hands.log_in()
        hands.begin()
        pane = hands.window.viewer.panes()[0]
        hands.keys("Q")
        height, width = pane.camera.shape
        drag(hands, pane, [(height * 0.3, width * 0.3), (height * 0.6, width * 0.6)])
        (box,) = hands.state.draft.marks
        assert box.kind == "box" and len(box.extent) == 3 and min(box.extent) == 0 and sorted(box.extent)[1] > 1


def test_the_point_inside_an_outline_is_inside_even_when_it_is_hollow():
    hollow = [(0.0, 0.0), (0.0, 30.0), (30.0, 30.0), (30.0, 20.0), (10.0, 20.0), (10.0, 10.0), (30.0, 10.0), (30.0, 0.0)]
    import cv2
    import numpy as np

    at = drawing.inner_point(hollow)
    assert cv2.pointPolygonTest(np.asarray(hollow, np.float32).reshape(-1, 1, 2), at, False) > 0
    assert drawing.mark_of("box", [(5.0, 5.0), (5.5, 6.0)], "A", lambda pair: pair) is None, "a slip of the hand is no box"
