"""From "show this case" to the last pane painted: prefetched against a memory copy, cold against reading the same bytes.

The case is the product's own container (4 x 4096 x 3328 x 16 bit with pyramids; an ABVS volume of 246 MB), shown by the product's
viewer. "Painted" is the viewer's own stamp, posted by the paint event of the last pane.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import painted
from benchmarks.painted import FRAME_MS
from benchmarks.report import Result, arguments, quantile, show
from reader_app.imaging import container
from reader_app.ui.viewer.case_viewer import CaseViewer

REPEATS = 15
WINDOW = (2401, 1501)


def shown(viewer: CaseViewer, make: Callable[[], Any]) -> tuple[float, float]:
    """Make a case, show it and wait for its stamp; return (CPU ms, wall ms)."""
    app, stamps = painted.application(), []
    viewer.fully_painted.connect(stamps.append)
    cpu, wall = time.process_time(), time.perf_counter()
    viewer.show_case(make(), None, threshold=0.2, opacity=0.5)
    while not stamps:
        app.processEvents()
    took = (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3
    viewer.fully_painted.disconnect(stamps.append)
    return took


def forget(folder: Path) -> bool:
    """Ask the system to drop a folder's files from its cache; return whether that is possible here."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in folder.iterdir():
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return True


def read_all(folder: Path) -> float:
    """Read every byte of a folder; return wall ms."""
    buffer = memoryview(bytearray(1 << 20))
    start = time.perf_counter()
    for path in folder.iterdir():
        with open(path, "rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass
    return (time.perf_counter() - start) * 1e3


def copy_ms(count: int) -> float:
    """Return the CPU ms of copying ``count`` bytes once."""
    source, target = np.zeros(count, np.uint8), np.ones(count, np.uint8)
    costs = []
    for _ in range(7):
        cpu = time.process_time()
        np.copyto(target, source)
        costs.append((time.process_time() - cpu) * 1e3)
    return quantile(costs, 0.5)


def prefetched(viewer: CaseViewer, place: Path, name: str) -> list[Result]:
    """Measure cases whose pages are all in memory, as the case feed hands them over."""
    case = container.open_case(place)
    case.touch()
    full = sum(image.array.nbytes for image in case.images)
    floor = copy_ms(full)
    times = [shown(viewer, lambda: case) for _ in range(REPEATS)]
    cpu, wall = quantile([t[0] for t in times], 0.5), quantile([t[1] for t in times], 0.5)
    what = f"memory copy of its {full / 1e6:.0f} MB"
    return [
        Result(f"{name}, prefetched", round(cpu, 2), "ms CPU", "<= 0.8 x the copy", cpu <= 0.8 * floor,
               round(cpu / floor, 3), what),
        Result(f"{name}, prefetched, wall", round(wall, 2), "ms", "<= 2 frames", wall <= 2 * FRAME_MS, round(wall / FRAME_MS, 2),
               "one frame of a 60 Hz screen"),
    ]  # fmt: skip


def cold(viewer: CaseViewer, place: Path, name: str) -> list[Result]:
    """Measure cases that come from the disk: map, touch every page, show."""

    def load() -> Any:
        case = container.open_case(place)
        case.touch()
        return case

    reading, opening = [], []
    for _ in range(5):
        if not forget(place):
            return [Result(f"{name}, cold", 0.0, "ms", "not measured: this system cannot drop its file cache", True)]
        reading.append(read_all(place))
        forget(place)
        opening.append(shown(viewer, load)[1])
        viewer.clear()
    floor, value = quantile(reading, 0.5), quantile(opening, 0.5)
    return [
        Result(f"{name}, cold", round(value, 1), "ms", "<= 2 x reading", value <= 2 * floor, round(value / floor, 3),
               "reading the same files after the same dropping of the cache"),
    ]  # fmt: skip


def main() -> int:
    """Run all measurements."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, help="folder for the synthetic cases (kept); default: a temporary one")
    options = parser.parse_args()
    painted.application()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.data or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        viewer = CaseViewer()
        viewer.resize(*WINDOW)
        viewer.show()
        results = []
        for name, place in (("four views", painted.four_views(folder)), ("ABVS volume", painted.volume(folder))):
            results += prefetched(viewer, place, name)
            results += cold(viewer, place, name)
        viewer.close()
    return show(results, options.json)


if __name__ == "__main__":
    sys.exit(main())
