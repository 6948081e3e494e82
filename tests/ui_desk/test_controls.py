"""A box that can be ticked is seen on the dark desk, and whether it is ticked."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QCheckBox

from reader_app.ui import theme


def test_a_tick_box_stands_out_and_shows_its_state(qtbot) -> None:
    own = QCheckBox("")
    own.setStyleSheet(theme.stylesheet("desk"))
    qtbot.addWidget(own)
    own.show()

    def pixels() -> np.ndarray:
        image = own.grab().toImage().convertToFormat(image_format)
        flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return flat[:, : image.width()].astype(int)

    image_format = own.grab().toImage().Format.Format_Grayscale8
    off = pixels()
    assert off.max() - np.median(off) > 60, "its edge cannot be told from the page"
    own.setChecked(True)
    assert (abs(pixels() - off) > 60).sum() > 8, "ticked looks like not ticked"
