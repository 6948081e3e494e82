"""What is known of a screen: its device pixels per millimetre, and its measured grey scale."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QScreen

from reader_app import paths
from reader_app.errors import ImageError
from reader_app.imaging import display
from reader_app.ui.preferences import Preferences

#: Measured luminances of this workstation's display, in the data folder; see `display.read_luminances`.
LUMINANCE_FILE = "luminance.txt"
_BELIEVED = (1.5, 30.0)  # device pixels per mm that a real display can have


def stated_pixels_per_mm(screen: QScreen) -> float | None:
    """Return device pixels per mm by the display's own statement, or None where it is absent or cannot be true."""
    width_mm = screen.physicalSize().width()
    per_mm = screen.size().width() * screen.devicePixelRatio() / width_mm if width_mm > 0 else 0.0
    return per_mm if _BELIEVED[0] <= per_mm <= _BELIEVED[1] else None


def pixels_per_mm(screen: QScreen | None, preferences: Preferences) -> float | None:
    """Return device pixels per mm: as measured in the display check, else as stated by the display, else None."""
    if screen is None:
        return None
    measured = preferences.pixels_per_mm.get(screen.name())
    return measured if measured and _BELIEVED[0] <= measured <= _BELIEVED[1] else stated_pixels_per_mm(screen)


def calibration() -> np.ndarray | None:
    """Return the table of P-values to driving levels from the measured luminances, or None without (usable) measurements."""
    file = paths.data_dir() / LUMINANCE_FILE
    if not file.is_file():
        return None
    try:
        return display.calibration_table(display.read_luminances(file)).astype(np.uint8)
    except ImageError:
        return None  # `reader-app doctor` says what is wrong with the file
