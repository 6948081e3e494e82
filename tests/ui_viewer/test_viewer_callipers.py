"""Callipers belong to the picture they were drawn on and measure with the scale that holds there."""

from __future__ import annotations

import numpy as np
import pytest
from viewer_phantoms import click, drag, open_case, plain, show, volume

from reader_app.imaging import ultrasound
from reader_app.imaging.caseimage import Region


def measured(pane, start, end):
    drag(pane, pane.image_to_screen(start), pane.image_to_screen(end))
    return pane.additions.lines[-1][2]


def length(text):
    number, unit = text.split()
    assert unit == "mm"
    return float(number)


def dual(right=0.05):
    regions = (
        Region((20, 0), (380, 240), "tissue", (0.1, 0.1)),
        Region((20, 260), (380, 500), "tissue", (right, right)),
    )
    return plain(regions=regions)


def test_each_half_of_a_dual_image_has_its_own_scale(viewer):
    show(viewer, open_case("ultrasound", dual()))
    pane = viewer.panes()[0]
    viewer.set_left_tool("caliper")
    assert length(measured(pane, (100, 50), (100, 150))) == pytest.approx(10.0, abs=0.1)
    assert length(measured(pane, (200, 300), (200, 400))) == pytest.approx(5.0, abs=0.1)
    assert measured(pane, (250, 150), (250, 350)).endswith("px")  # from one half to the other there is no distance in mm
    assert len(pane.additions.lines) == 3


def test_regions_of_one_scale_need_not_be_met(viewer):
    """Cropped exports keep stale boxes; what they say of the scale still holds all over."""
    show(viewer, open_case("ultrasound", dual(right=0.1)))
    pane = viewer.panes()[0]
    viewer.set_left_tool("caliper")
    assert length(measured(pane, (5, 150), (5, 350))) == pytest.approx(20.0, abs=0.1)


def test_a_click_takes_the_last_one_away(viewer):
    show(viewer, open_case("ultrasound", plain()))
    pane = viewer.panes()[0]
    viewer.set_left_tool("caliper")
    first = measured(pane, (100, 100), (100, 200))
    measured(pane, (50, 100), (200, 100))
    click(pane, pane.image_to_screen((300, 300)))
    assert [text for _, _, text in pane.additions.lines] == [first]
    click(pane, pane.image_to_screen((300, 300)))
    assert pane.additions.lines == ()


def test_a_distance_is_shown_on_its_own_slice_only(viewer):
    show(viewer, open_case("abvs", volume("L_AP"), volume("L_LAT")))
    coronal = viewer.panes()[0]
    viewer.set_left_tool("caliper")
    assert length(measured(coronal, (20, 40), (30, 40))) == pytest.approx(10.0, abs=0.3)
    viewer.view.set_active(coronal)
    viewer.scroll_by(1)
    assert coronal.additions.lines == ()
    viewer.scroll_by(-1)
    assert len(coronal.additions.lines) == 1
    viewer.next_scan()
    assert coronal.additions.lines == ()


def test_a_distance_is_shown_on_its_own_frame_only(viewer):
    frames = np.zeros((5, 60, 80), np.uint8)
    show(viewer, open_case("ultrasound", plain(kind="cine", array=frames, spacing_mm=(0.0, 0.1, 0.1))))
    pane = viewer.panes()[0]
    viewer.set_left_tool("caliper")
    measured(pane, (10, 10), (10, 50))
    viewer.scroll_by(1)
    assert pane.additions.lines == ()
    viewer.scroll_by(-1)
    assert len(pane.additions.lines) == 1


@pytest.mark.parametrize(
    ("regions", "at", "expected"),
    [
        ((), (99.5, 10), 10.0),  # no region: from the upper edge of the image
        ((Region((20, 0), (380, 240), "tissue", (0.1, 0.1)),), (119.5, 10), 10.0),
        ((Region((20, 0), (380, 240), "tissue", (0.1, 0.1)),), (119.5, 300), None),  # beside the tissue
        ((Region((20, 0), (380, 240), "tissue", (0.1, 0.1)),), (5, 10), None),  # above the probe
        ((Region((29, 36), (400, 500), "tissue", (0.1, 0.1)),), (99.5, 100), 10.0),  # stale box of a cropped export
        ((Region((20, 0), (380, 240), "colour", (0.1, 0.1)),), (99.5, 10), 10.0),
    ],
)
def test_depth_counts_from_the_probe(regions, at, expected):
    found = ultrasound.depth_mm(regions, (0.1, 0.1), (400, 500), at)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_no_scale_no_depth():
    assert ultrasound.depth_mm((), None, (400, 500), (10, 10)) is None
