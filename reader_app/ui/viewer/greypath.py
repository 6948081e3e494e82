"""How grey levels reach the screen: in 256 steps or, where Qt and the display have them, 1024; plain or through a GSDF table.

A look-up table of a pane holds whole pixels of the screen's own format, so that painting is a copy and 10 bits cost no more
than 8. Qt keeps its windows in 10 bits a channel on X11 screens of depth 30 and nowhere else that was tried; everywhere else it
would round 1024 levels to 256 unseen, so 256 are painted and 256 are said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from reader_app.imaging import display
from reader_app.ui.language import tr

P_VALUES = 1024  # steps of the GSDF that a calibration table tells apart, also where only 256 driving levels render them


@dataclass(frozen=True, eq=False)
class GreyPath:
    """From P-values to pixels.

    Attributes
    ----------
    bits : int
        8 or 10 bits a channel.
    table : ndarray of uint16, shape (1024,), or None
        Driving level of each P-value; None paints P-values as they are.
    """

    bits: int = 8
    table: np.ndarray | None = None

    @property
    def format(self) -> QImage.Format:
        """Of the pixels that `packed` makes."""
        return QImage.Format.Format_RGB30 if self.bits == 10 else QImage.Format.Format_RGB32

    @property
    def black(self) -> int:
        """The pixel that is painted where there is no image."""
        return int(self.packed(np.zeros(1, np.uint16))[0])

    def display(self) -> np.ndarray | None:
        """Return what `window.lookup_table` takes as the display."""
        if self.table is not None:
            return self.table
        return np.arange(1024, dtype=np.uint16) if self.bits == 10 else None

    def packed(self, levels: np.ndarray) -> np.ndarray:
        """Return driving levels as pixels, int32 (what ``cv2.LUT`` takes)."""
        wide = levels.astype(np.uint32)
        if self.bits == 10:
            pixels = np.uint32(0xC0000000) | wide << np.uint32(20) | wide << np.uint32(10) | wide
        else:
            pixels = np.uint32(0xFF000000) | wide << np.uint32(16) | wide << np.uint32(8) | wide
        return pixels.view(np.int32)

    def words(self) -> str:
        """Return what it is, for the reader."""
        if self.bits == 10:
            if self.table is None:
                return tr("Grey levels are painted in 1024 steps; a display calibrated to the DICOM GSDF shows them evenly.")
            return tr("Grey levels are painted in 1024 steps through a GSDF table made from this display's measured luminances.")
        if self.table is None:
            return tr("Grey levels are painted in 256 steps; a display calibrated to the DICOM GSDF shows them evenly.")
        return tr("Grey levels are painted in 256 steps through a GSDF table made from this display's measured luminances.")

    def record(self) -> str:
        """Return what it is, for the log."""
        return f"{self.bits} bit" + ("" if self.table is None else " through a GSDF table from measured luminances")


def choose(platform: str, depth: int, luminances: np.ndarray | None = None) -> GreyPath:
    """Return the path for a screen.

    Parameters
    ----------
    platform : str
        Qt's platform ("xcb" on X11).
    depth : int
        Bits of a pixel of the screen.
    luminances : ndarray or None
        Measured, see `display.read_luminances`.
    """
    bits = display.painted_bits(platform, depth)
    if luminances is None:
        return GreyPath(bits)
    return GreyPath(bits, display.calibration_table(display.resampled(luminances, 2**bits), p_values=P_VALUES))


_current = GreyPath()
_black = _current.black


def use(path: GreyPath) -> None:
    """Paint everything from now on along this path."""
    global _current, _black
    _current, _black = path, path.black


def current() -> GreyPath:
    """Return the path in force."""
    return _current


def black() -> int:
    """Return the black pixel of the path in force."""
    return _black
