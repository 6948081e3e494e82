"""What is known of a screen: its device pixels per millimetre, and its measured grey scale."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtGui import QGuiApplication, QScreen

from reader_app import paths
from reader_app.errors import ImageError
from reader_app.imaging import display
from reader_app.ui.preferences import Preferences
from reader_app.ui.viewer import greypath
from reader_app.ui.viewer.greypath import GreyPath

#: Measured luminances of this workstation's display, in the data folder; see `display.read_luminances`.
LUMINANCE_FILE = "luminance.txt"
_BELIEVED = (1.5, 30.0)  # device pixels per mm that a real display can have
#: A display check older than this is asked for again: once a working day.
CHECK_AGE_S = 20 * 3600


def device_size(screen: QScreen) -> tuple[int, int]:
    """Return width and height in device pixels."""
    size, factor = screen.size(), screen.devicePixelRatio()
    return round(size.width() * factor), round(size.height() * factor)


def scale_percent(screen: QScreen) -> int:
    """Return the scaling of the desktop on a screen in percent."""
    return round(100 * screen.devicePixelRatio())


def identity(screen: QScreen) -> str:
    """Return what tells this screen, as it is set up now, from any other: plug, monitor, serial number, resolution, scale."""
    width, height = device_size(screen)
    words = (screen.name(), screen.manufacturer(), screen.model(), screen.serialNumber())
    return " ".join([*(word.strip() for word in words if word.strip()), f"{width}x{height}", f"{scale_percent(screen)}%"])


def described(screen: QScreen) -> str:
    """Return a screen in a few words for people."""
    width, height = device_size(screen)
    return f"{screen.name()} · {width} × {height} · {scale_percent(screen)} %"


def checked_utc(screen: QScreen | None, preferences: Preferences) -> str:
    """Return when this screen, as it is set up now, was checked with the test pattern; empty for never."""
    return "" if screen is None else preferences.display_checked.get(identity(screen), "")


def check_is_due(screen: QScreen | None, preferences: Preferences, wall_utc: str) -> bool:
    """Return whether the test pattern should be looked at (again) before reading on this screen."""
    last = checked_utc(screen, preferences)
    if not last:
        return True
    age = datetime.fromisoformat(wall_utc.replace("Z", "+00:00")) - datetime.fromisoformat(last.replace("Z", "+00:00"))
    return not 0 <= age.total_seconds() < CHECK_AGE_S


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


def grey_path(screen: QScreen | None = None) -> GreyPath:
    """Return how grey levels are painted on a screen (default: the first), by its depth and its measured luminances if any."""
    screen = screen or QGuiApplication.primaryScreen()
    depth = screen.depth() if screen is not None else 24
    file = paths.data_dir() / LUMINANCE_FILE
    try:
        measured = display.read_luminances(file) if file.is_file() else None
    except ImageError:
        measured = None  # `reader-app doctor` says what is wrong with the file
    return greypath.choose(QGuiApplication.platformName(), depth, measured)
