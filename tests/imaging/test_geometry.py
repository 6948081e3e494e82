"""Geometry against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reader_app.errors import ImageError
from reader_app.imaging import geometry as g


def test_canonical_affine_by_hand():
    a = g.affine((0.5, 0.1, 0.2), origin_mm=(-50.0, -10.0, 80.0))
    # slice 10 is 5 mm towards the feet, row 30 is 3 mm deep, column 100 is 20 mm to the patient's left
    assert g.to_mm(a, (10, 30, 100)) == pytest.approx((-30.0, -7.0, 75.0))
    assert g.to_index(a, (-30.0, -7.0, 75.0)) == pytest.approx((10, 30, 100))
    assert g.spacing_of(a) == pytest.approx((0.5, 0.1, 0.2))
    assert g.axis_letters(a) == (("H", "F"), ("A", "P"), ("R", "L"))


def test_oblique_affine_round_trip():
    c, s = math.cos(math.radians(20)), math.sin(math.radians(20))
    a = g.affine((0.5, 0.07, 0.2), directions=((0, 0, -1), (s, c, 0), (c, -s, 0)), origin_mm=(1, 2, 3))
    index = np.random.default_rng(1).uniform(0, 300, (50, 3))
    assert np.allclose(g.to_index(a, g.to_mm(a, index)), index)
    assert g.spacing_of(a) == pytest.approx((0.5, 0.07, 0.2))


@pytest.mark.parametrize(
    ("offset", "hour"),
    [
        ((0, 10), 12),
        ((10, 0), 3),
        ((0, -10), 6),
        ((-10, 0), 9),
        ((5, 8.66), 1),
        ((-5, 8.66), 11),
        ((8.66, 5), 2),
        ((-8.66, -5), 8),
        ((0, 0), 12),
    ],
)
def test_clock_as_seen_facing_the_patient(offset, hour):
    assert g.clock_position(offset) == hour


def test_lateral_is_nine_right_and_three_left():
    nipple_right, lateral_right = np.array([-90.0, 0, 0]), np.array([-120.0, 30, 0])
    nipple_left, lateral_left = np.array([90.0, 0, 0]), np.array([120.0, 30, 0])
    assert g.clock_position(lateral_right - nipple_right) == 9
    assert g.clock_position(lateral_left - nipple_left) == 3
    assert g.nipple_distance_mm(lateral_right - nipple_right) == pytest.approx(30.0)  # depth does not count
    assert g.clock_position((0.0, 40.0, 12.0)) == 12  # an LPS difference: up is z


def test_distance_and_thirds():
    assert g.distance_mm((0, 0, 0), (4, 30, 0), (1.0, 0.1, 0.2)) == pytest.approx(5.0)
    assert [g.depth_third(d, 30) for d in (3, 15, 28)] == ["anterior", "middle", "posterior"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0, -0.2, 1e6, "abc", None, 1e-9])
def test_impossible_spacing_is_refused_by_name(bad):
    with pytest.raises(ImageError, match="PixelSpacing"):
        g.check_spacing((0.1, bad), "PixelSpacing", "a.dcm")


def test_text_spacing_is_read():
    assert g.check_spacing(("0.07", 0.2), "PixelSpacing", "a.dcm") == (0.07, 0.2)


def test_letters_of_oblique_directions():
    assert g.orientation_letter((0.9, 0.1, 0.2)) == "L"
    assert g.orientation_letter((0, 0, -2)) == "F"
    assert g.orientation_letter((1, 1, 1)) == ""  # undecided


def test_place_is_carried_over_by_the_nipple():
    one = g.affine((0.5, 0.1, 0.2), origin_mm=(-50, 0, 80))
    other = g.affine((1.0, 0.2, 0.4), origin_mm=(-20, 0, 60))
    # 10 mm towards the feet, 4 mm deeper and 6 mm to the left of the nipple, in both
    assert g.carry_over((60, 40, 130), one, (40, 0, 100), other, (30, 5, 50)) == pytest.approx((40, 25, 65))
    back = g.carry_over((40, 25, 65), other, (30, 5, 50), one, (40, 0, 100))
    assert back == pytest.approx((60, 40, 130))
