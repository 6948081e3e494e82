"""Run by test_viewer_greypath on an X screen of a given depth: paints a ramp in the real viewer and says what the screen shows.

Prints one JSON line: depth, bits, distinct grey levels within the ramp as the X server holds them, and whether they rise.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).parent))

import viewer_phantoms as phantoms

from reader_app.imaging import display
from reader_app.imaging.window import GreyScale, Preset
from reader_app.ui.viewer import greypath
from reader_app.ui.viewer.case_viewer import CaseViewer


def main(calibrated: bool) -> None:
    """Paint and print."""
    app = QApplication([])
    screen = QGuiApplication.primaryScreen()
    curve = display.gamma_display(0.4, 400.0) if calibrated else None
    greypath.use(greypath.choose(app.platformName(), screen.depth(), curve))
    ramp = np.broadcast_to(np.arange(1024, dtype=np.uint16), (300, 1024)).copy()
    grey = GreyScale(presets=(Preset("all", "linear_exact", 511.5, 1023.0),), bits=10)
    viewer = CaseViewer()
    viewer.resize(1100, 400)
    viewer.move(20, 20)
    stamps = []
    viewer.fully_painted.connect(stamps.append)
    viewer.show()
    case = phantoms.open_case("ultrasound", phantoms.plain(array=ramp, grey=grey, spacing_mm=None))
    viewer.show_case(case, None, threshold=0.0, opacity=1.0)
    while not stamps:
        app.processEvents()
    viewer.one_to_one()
    for _ in range(20):
        app.processEvents()
    pane = viewer.panes()[0]
    left, top = (round(v) for v in pane.image_to_screen((150, 0)))
    at = pane.mapTo(viewer, pane.rect().topLeft()) + viewer.pos()
    image = screen.grabWindow(0, at.x() + left, at.y() + top, 1024, 1).toImage()
    pixels = np.frombuffer(image.constBits(), np.uint32)[:1024]
    ten = screen.depth() == 30
    channels = [(pixels >> shift) & (1023 if ten else 255) for shift in ((20, 10, 0) if ten else (16, 8, 0))]
    print(json.dumps({
        "depth": screen.depth(), "bits": greypath.current().bits, "levels": len(np.unique(channels[2])),
        "rises": bool((np.diff(channels[2].astype(int)) >= 0).all()),
        "grey": bool(all(np.array_equal(channels[0], c) for c in channels[1:])),
        "shown": channels[2].tolist(),
    }))  # fmt: skip


main("calibrated" in sys.argv[1:])
