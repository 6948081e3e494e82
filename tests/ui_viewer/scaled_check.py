"""Run by test_viewer_scale in a process of its own, where QT_SCALE_FACTOR holds: prints what it measured as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication


def main() -> None:
    app = QApplication([])
    import viewer_phantoms as ph

    from reader_app.imaging.overlay import Box
    from reader_app.imaging.window import lookup_table
    from reader_app.ui.viewer.case_viewer import CaseViewer

    noise = np.random.default_rng(3).integers(1, 4096, (1000, 800)).astype(np.uint16)
    viewer = CaseViewer()
    viewer.resize(901, 667)  # odd: at 1.5 the panes begin between two device pixels
    stamps = []
    viewer.fully_painted.connect(stamps.append)
    viewer.show()
    ph.show(viewer, ph.four_views(LMLO=ph.mammogram("LMLO", array=noise)))
    found = {"dpr": viewer.devicePixelRatioF(), "stamps": len(stamps), "errors": {}}
    viewer.view.zoom_about(viewer.pane("RCC"), 1.13, (250.0, 400.0))  # a zoom that divides nothing evenly
    for name in ("RCC", "LCC", "RMLO"):
        pane = viewer.pane(name)
        y, x = ph.centroid(ph.bare(pane)[..., 0] > 220)
        want = pane.camera.to_screen(tuple(v - 0.5 for v in ph.SPOTS[name]))
        found["errors"][name] = float(np.hypot(y - want[0], x - want[1]))
    # 1:1 is device pixels: the whole window is painted, so that the pane's own place between device pixels counts too
    viewer.view.set_active(viewer.pane("LMLO"))
    viewer.one_to_one()
    pane = viewer.pane("LMLO")
    pane.caption.show = False
    image = QImage(round(viewer.width() * pane.unit), round(viewer.height() * pane.unit), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(pane.unit)
    viewer.render(image, QPoint())
    window = ph._array(image)[..., 0]
    want = lookup_table(ph.GREY, None, False, (0, 0), np.uint16)[noise]
    oy, ox = pane.camera.origin
    part = want[100 - oy : 300 - oy, 40 - ox : 300 - ox]
    corner = pane.mapTo(viewer, QPoint(0, 0))
    top, left = round(corner.y() * pane.unit) + 100, round(corner.x() * pane.unit) + 40
    matches = [
        (dy, dx)
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
        if np.array_equal(window[top + dy : top + dy + 200, left + dx : left + dx + 260], part)
    ]
    found["exact_at"] = matches
    pane.caption.show = True
    # A box in device pixels
    box = Box("US1", (180.0, 200.0), (240.0, 300.0), 0.8, "malignant")
    ph.show(viewer, ph.open_case("ultrasound", ph.plain((400, 500))), ph.aid([box]))
    pane = viewer.panes()[0]
    viewer.view.zoom_about(pane, 0.83, (250.0, 400.0))
    red = ph.bare(pane)[..., 0].astype(float)
    zoom, (oy, ox) = pane.camera.zoom[0], pane.camera.origin
    middle = round(oy + 225 * zoom)
    for name, edge, outwards in (("left", 200, -1), ("right", 300, 1)):
        at = ox + edge * zoom
        reach = round(6 * pane.unit)
        line = red[middle : middle + 3, round(at) - reach : round(at) + reach]
        _, x = ph.centroid(line)
        found["errors"][f"box {name}"] = float(abs(round(at) - reach + x - outwards * pane.unit - at) / zoom)
    viewer.clear()
    print(json.dumps(found))
    del app


main()
