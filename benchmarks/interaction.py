"""Cost of each gesture in the viewer, from the gesture to its last painted pixel, against the memory copy of the viewport.

CPU time is gated (as a ratio to the copy measured in the same run); wall-clock shares of frames are reported beside it, because
the machine may be busy with other work. Peers are measured by their own scripts in environments of their own and are not part of
this run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import painted
from benchmarks.painted import VIEWPORT, Frames, copy_floor, frames
from benchmarks.report import Result, arguments, show
from reader_app.imaging import container
from reader_app.ui.viewer.case_viewer import CaseViewer

COPY = "memory copy of a 1.8 Mpx viewport, 16 bit"
SCREEN = (2048, 2560)  # a portrait 5-megapixel screen: two of them side by side


def ratio_row(name: str, found: Frames, floor: float, bar: float) -> Result:
    """Return a row gated by CPU time as a multiple of the copy."""
    times = found.cost / floor
    return Result(
        name, round(found.cost, 3), "ms CPU", f"<= {bar:g} x the copy", times <= bar, round(times, 2), COPY, found.more()
    )


def budget_row(name: str, found: Frames, floor: float, budget_ms: float) -> Result:
    """Return a row gated by CPU milliseconds a step."""
    held = found.cost <= budget_ms
    return Result(
        name, round(found.cost, 3), "ms CPU", f"<= {budget_ms:g} ms", held, round(found.cost / floor, 2), COPY, found.more()
    )


def mammography(case: Any, floor: float) -> Iterator[Result]:
    """Measure one pane of 1.8 Mpx, four linked panes, and four panes on two 5-megapixel screens."""
    viewer = _viewer(case, VIEWPORT[1], VIEWPORT[0])
    while not viewer.step_text().startswith("R CC 1:1"):
        viewer.next_step()
    view, pane = viewer.view, viewer.panes()[0]
    middle = (VIEWPORT[0] / 2, VIEWPORT[1] / 2)

    def look(zoom: float) -> None:
        view.mode = ""
        pane.set_camera(pane.camera.scaled(zoom / pane.shown.pixel[0], (2048.0, 2000.0), middle))

    look(0.366)
    yield ratio_row("window/level, one pane", frames(lambda i: view.drag_window(pane, _sway(i, 3), 5)), floor, 45)
    for zoom in (0.366, 0.6, 1.0, 2.5):
        look(zoom)
        found = frames(lambda i: view.pan_by(pane, _sway(i, 5), _sway(i, 7)))
        yield ratio_row(f"pan at {zoom:g}, one pane", found, floor, 60)
    look(0.366)
    yield ratio_row("zoom, one pane", frames(lambda i: view.zoom_about(pane, 1.02, middle)), floor, 70)
    viewer.clear()
    viewer.close()

    viewer = _viewer(case, 2 * VIEWPORT[1] + 1, VIEWPORT[0] + 1)
    view, pane = viewer.view, viewer.panes()[0]
    yield ratio_row("window/level, four panes", frames(lambda i: view.drag_window(pane, _sway(i, 3), 5)), floor, 100)
    yield budget_row("aid on and off, four panes", frames(_toggling(viewer, case)), floor, painted.FRAME_MS)
    yield budget_row(
        "opacity, four panes", frames(lambda i: viewer.set_overlay(0.2, 0.3 + 0.01 * (i % 40))), floor, painted.FRAME_MS
    )
    yield budget_row(
        "threshold, four panes", frames(lambda i: viewer.set_overlay(0.2 + 0.01 * (i % 40), 0.5)), floor, painted.FRAME_MS
    )
    viewer.clear()
    viewer.close()

    viewer = _viewer(case, 2 * SCREEN[0] + 1, SCREEN[1])
    view, pane = viewer.view, viewer.panes()[0]
    about = (pane.device_size[0] / 2, pane.device_size[1] * 0.8)
    view.zoom_about(pane, 1.3, about)
    active: list[float] = []
    viewer.painted.connect(active.append)
    for name, step in (
        ("pan, four linked panes on two 5-megapixel screens", lambda i: view.pan_by(pane, _sway(i, 5), _sway(i, 7))),
        (
            "zoom, four linked panes on two 5-megapixel screens",
            lambda i: view.zoom_about(pane, 1.01 if i % 40 < 20 else 0.99, about),
        ),
    ):
        active.clear()
        found = frames(step, 40)
        first = sorted(active[::4])  # the pane in use is painted first
        more = {**found.more(), "first_pane_ms_median": round(first[len(first) // 2], 2)}
        row = budget_row(name + ", all four", found, floor, 4 * painted.FRAME_MS)
        yield Result(row.name, row.value, row.unit, row.bar, row.ok, row.ratio, row.against, more)
    viewer.clear()
    viewer.close()


def abvs(case: Any, floor: float) -> Iterator[Result]:
    """Measure scrolling with three planes, crosshair, heatmap and a slab of 20 planes."""
    image = case.images[0]
    viewer = _viewer(case, 1520, 1010, painted.aid(image.id, image.array.shape))
    view = viewer.view
    viewer.set_slab(21 * image.spacing_mm[1], "mean")
    for name, pane in zip(("coronal", "transverse", "sagittal"), viewer.panes(), strict=True):
        yield budget_row(
            f"ABVS scroll {name}: three planes, crosshair, heatmap, slab",
            frames(lambda i, p=pane: view.scroll_pane(p, 1)),
            floor,
            12,
        )
    found = frames(lambda i: view.go_to((140.0 + i % 20, 300.0 + i % 50, 480.0 + i % 40)))
    yield budget_row("ABVS crosshair: all three planes new, heatmap, slab", found, floor, 12)
    viewer.clear()
    viewer.close()


def _viewer(case: Any, width: int, height: int, aid: Any = None) -> CaseViewer:
    viewer = CaseViewer()
    viewer.resize(width, height)
    viewer.show_case(case, aid, threshold=0.2, opacity=0.5)
    viewer.show()
    for _ in range(6):
        painted.application().processEvents()
    return viewer


def _sway(i: int, step: float) -> float:
    return step if i % 20 < 10 else -step


def _toggling(viewer: CaseViewer, case: Any) -> Any:
    image = case.images[1]
    viewer.set_aid(painted.aid(image.id, image.array.shape))
    return lambda i: viewer.set_aid_visible(i % 2 == 0)


def main() -> int:
    """Run all measurements."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, help="folder for the synthetic cases (kept); default: a temporary one")
    options = parser.parse_args()
    painted.application()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        floor = copy_floor()
        results = [Result("copy of the viewport", round(floor, 4), "ms CPU", "the floor", True)]
        for place, measure in ((painted.four_views(folder), mammography), (painted.volume(folder), abvs)):
            case = container.open_case(place)
            case.touch()
            results += measure(case, floor)
    return show(results, options.json)


if __name__ == "__main__":
    sys.exit(main())
