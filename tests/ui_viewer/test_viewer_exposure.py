"""Slices at which an aid was seen: said once they rest, with what passed meanwhile; nothing while the aid is out of sight."""

from __future__ import annotations

import pytest
import viewer_phantoms as phantoms

from reader_app.ui.viewer import exposure


@pytest.fixture
def reports(viewer):
    """Return what the viewer says of the aid, in order."""
    said = []
    viewer.aid_seen.connect(said.append)
    return said


def by_plane(report):
    """Return plane -> (index, first, last)."""
    return {s.plane: (s.index, s.first, s.last) for s in report}


def rest(qtbot, reports, count):
    """Wait until there are so many reports, and a little longer: none may follow."""
    qtbot.waitUntil(lambda: len(reports) >= count, timeout=2000)
    qtbot.wait(exposure.REST_MS + 100)
    assert len(reports) == count


def test_the_slices_are_said_once_when_scrolling_rests(viewer, reports, qtbot):
    phantoms.show(viewer, phantoms.open_case("abvs", phantoms.volume()), phantoms.aid())
    rest(qtbot, reports, 1)
    pane = viewer.panes()[0]
    start = by_plane(reports[0])["coronal"][0]
    for _ in range(5):
        viewer.view.scroll_pane(pane, 1)
    viewer.view.scroll_pane(pane, -2)
    assert len(reports) == 1, "nothing is said while planes pass"
    rest(qtbot, reports, 2)
    planes = by_plane(reports[1])
    step = (planes["coronal"][0] - start) // 3
    assert planes["coronal"] == (start + 3 * step, start, start + 5 * step)
    assert planes["transverse"][1] == planes["transverse"][2], "a plane that stood still has no range"
    viewer.view.scroll_pane(pane, 1)
    rest(qtbot, reports, 3)
    assert by_plane(reports[2])["coronal"] == (start + 4 * step, start + 3 * step, start + 4 * step)


def test_what_was_not_said_is_said_before_the_aid_goes(viewer, reports, qtbot):
    phantoms.show(viewer, phantoms.open_case("abvs", phantoms.volume()), phantoms.aid())
    rest(qtbot, reports, 1)
    viewer.view.scroll_pane(viewer.panes()[0], 3)
    viewer.set_aid_visible(False)
    assert len(reports) == 2
    viewer.view.scroll_pane(viewer.panes()[0], 3)
    rest(qtbot, reports, 2)
    viewer.set_aid_visible(True)
    viewer.cover()
    assert len(reports) == 3, "seen for a moment, and then covered"
    viewer.uncover()
    viewer.view.scroll_pane(viewer.panes()[0], 1)
    viewer.say_aid_seen()
    assert len(reports) == 4
    viewer.clear()
    rest(qtbot, reports, 4)


def test_without_an_aid_nothing_is_said(viewer, reports, qtbot):
    phantoms.show(viewer, phantoms.open_case("abvs", phantoms.volume()))
    viewer.view.scroll_pane(viewer.panes()[0], 3)
    qtbot.wait(exposure.REST_MS + 100)
    viewer.clear()
    assert reports == []


def test_unbroken_movement_is_said_now_and_then(viewer, reports, qtbot, monkeypatch):
    monkeypatch.setattr(exposure, "LONGEST_S", 0.4)
    phantoms.show(viewer, phantoms.open_case("abvs", phantoms.volume()), phantoms.aid())
    pane = viewer.panes()[0]
    for number in range(40):  # never at rest: a step every 40 ms
        viewer.view.scroll_pane(pane, 1 if number % 8 < 4 else -1)
        qtbot.wait(40)
    assert 2 <= len(reports) <= 6


def test_images_are_named_with_the_step_they_stand_in(viewer, reports, qtbot):
    phantoms.show(viewer, phantoms.four_views(), phantoms.aid())
    rest(qtbot, reports, 1)
    assert [(s.image_id, s.plane, s.index) for s in reports[0]] == [(i, "", 0) for i in ("RCC", "LCC", "RMLO", "LMLO")]
    viewer.next_step()
    rest(qtbot, reports, 2)
    assert [s.image_id for s in reports[1]] == ["RCC", "LCC"]
    assert [s.image_id for s in viewer.slices()] == ["RCC", "LCC"]
