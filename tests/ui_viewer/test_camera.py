"""The camera is pure arithmetic: fit, 1:1, zoom about a point, pan, justification, and its inverse."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader_app.ui.viewer.camera import Camera, Region, fit_scale, fitted

pairs = st.tuples(st.floats(-500, 1500), st.floats(-500, 1500))


@given(scale=st.floats(0.05, 20), corner=pairs, index=pairs, pixel=st.tuples(st.floats(0.05, 2), st.floats(0.05, 2)))
def test_screen_and_index_are_inverse(scale, corner, index, pixel):
    camera = Camera((900, 700), (480, 640), pixel, scale, corner)
    back = camera.to_index(camera.to_screen(index))
    assert back == pytest.approx(index, abs=1e-6)


def test_the_corner_of_the_first_pixel_is_the_origin():
    camera = Camera((10, 10), (100, 100), (1, 1), 4.0, (7.3, 2.6))
    assert camera.origin == (7, 3)
    assert camera.to_screen((-0.5, -0.5)) == (7, 3)
    assert camera.to_screen((0, 0)) == (9, 5)


@given(factor=st.floats(1.01, 3), y=st.floats(20, 460), x=st.floats(20, 620))
def test_zoom_keeps_the_point_under_the_cursor(factor, y, x):
    before = fitted((4000, 4000), (480, 640)).one_to_one((2000, 2000), (240, 320))
    after = before.zoomed(factor, (y, x))
    place = before.to_index((y, x))
    assert math.dist(after.to_screen(place), (y, x)) <= 0.75  # the new origin is rounded along two axes


def test_fit_fills_the_tighter_side_with_true_proportions():
    camera = fitted((300, 800), (600, 900), (0.5, 0.1))  # 150 mm x 80 mm
    assert camera.size == pytest.approx((600, 320))
    assert camera.zoom[0] / camera.zoom[1] == pytest.approx(5.0)


@pytest.mark.parametrize(("wall", "corner"), [("right", 640 - 400), ("left", 0)])
def test_chest_wall_stands_at_its_edge(wall, corner):
    camera = fitted((400, 400), (400, 640), chest_wall=wall)
    assert camera.corner[1] == pytest.approx(corner)
    for moved in (camera.panned(0, 200), camera.panned(0, -200), camera.zoomed(0.5, (10, 10))):
        edge = moved.corner[1] + moved.size[1] if wall == "right" else moved.corner[1]
        assert edge == pytest.approx(640 if wall == "right" else 0)


def test_a_zoomed_breast_pans_without_showing_a_gap_at_the_wall():
    camera = fitted((400, 400), (400, 640), chest_wall="right").zoomed(4, (200, 630))
    assert camera.panned(0, -9999).corner[1] + camera.size[1] == pytest.approx(640)
    assert camera.panned(0, 9999).corner[1] == pytest.approx(0)


def test_fit_to_the_breast_not_to_the_air():
    breast = Region(100, 600, 500, 1000)
    assert fit_scale(breast, (1, 1), (400, 400)) == pytest.approx(1.0)
    camera = fitted((1000, 1000), (400, 400), region=breast, chest_wall="right")
    assert camera.scale == pytest.approx(1.0)
    assert camera.to_screen((299.5, 999.5)) == (200, 400)


def test_same_size_is_one_scale_for_different_detectors():
    fine = fitted((2000, 1600), (500, 500), (0.05, 0.05), scale=4.0)
    coarse = fitted((1000, 800), (500, 500), (0.1, 0.1), scale=4.0)
    assert fine.size == pytest.approx(coarse.size)
    assert fine.zoom[0] * 2 == pytest.approx(coarse.zoom[0])


def test_the_image_cannot_be_lost():
    camera = fitted((400, 400), (300, 300))
    for dy, dx in ((9999, 9999), (-9999, -9999)):
        moved = camera.panned(dy, dx)
        middle = moved.to_index((150, 150))
        assert -1 <= middle[0] <= 400 and -1 <= middle[1] <= 400
    assert camera.zoomed(1e-9, (0, 0)).size[0] >= 20
    assert max(camera.zoomed(1e9, (0, 0)).zoom) <= 32.0001


def test_resizing_keeps_the_wall_and_the_middle():
    camera = fitted((400, 400), (400, 640), chest_wall="right")
    wider = camera.resized((500, 800))
    assert wider.corner[1] + wider.size[1] == pytest.approx(800)
    assert wider.to_index((250, 700))[0] == pytest.approx(camera.to_index((200, 540))[0], abs=1)
