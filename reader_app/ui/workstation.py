"""What the log says of this workstation: its screens. (Qt for Python does not give the colour profile.)"""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication, QScreen

from reader_app.clock import Clock
from reader_app.store.runinfo import RunInfo, Screen, describe_run
from reader_app.ui.preferences import Preferences
from reader_app.ui.screens import checked_utc, device_size, grey_path, pixels_per_mm, scale_percent


def run_info(clock: Clock, preferences: Preferences, pin_failures: int = 0) -> RunInfo:
    """Return the description of this start of the program, with its screens and what the reader has chosen."""
    more = {
        "qt_platform": QGuiApplication.platformName(),
        "language": preferences.language,
        "text_scale": f"{preferences.text_scale:.2f}",
        "panel_side": preferences.panel_side,
        "left_drag": preferences.left_drag,
        "pin_failures": str(pin_failures),
        "image_screen": preferences.image_screen,
        "second_copy": preferences.second_copy,
        "pixels_per_mm": "; ".join(_size_words(own, preferences) for own in QGuiApplication.screens()),
        "grey_scale": grey_path().record(),
    }
    return describe_run(clock, [_screen(own, preferences) for own in QGuiApplication.screens()], more=more)


def _size_words(screen: QScreen, preferences: Preferences) -> str:
    """Return how large a millimetre is on a screen and whether somebody measured it."""
    value = pixels_per_mm(screen, preferences)
    how = "measured" if screen.name() in preferences.pixels_per_mm else "stated"
    return f"{screen.name()}: unknown" if value is None else f"{screen.name()}: {value:.3f} {how}"


def _screen(screen: QScreen, preferences: Preferences) -> Screen:
    physical, (width, height) = screen.physicalSize(), device_size(screen)
    return Screen(
        name=screen.name(),
        width_px=width,
        height_px=height,
        width_mm=round(physical.width()),
        height_mm=round(physical.height()),
        scale=scale_percent(screen),
        refresh_hz=round(screen.refreshRate()),
        depth=screen.depth(),
        checked_utc=checked_utc(screen, preferences),
    )
