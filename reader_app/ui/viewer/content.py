"""What a pane shows: pixels, window, words and additions; how an image of the container becomes that; where its breast lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from reader_app.imaging.window import GreyScale, Preset, lookup_table, window_of
from reader_app.ui.language import tr
from reader_app.ui.viewer import greypath, readout
from reader_app.ui.viewer.camera import Pair, Region, whole
from reader_app.ui.viewer.marks import FlatMark
from reader_app.ui.viewer.overlay import FlatBox, Grid
from reader_app.ui.viewer.raster import Source

_SMALL = 200  # longest side on which the breast is looked for
_AIR = 10  # grey levels of the first preset up to which a pixel may be air
_DARKEST = 0.02  # of the pixels: the level below which they lie is air, if there is air at all
_LEAST = 0.02  # of the image: a smaller "breast" is not believed


@dataclass(frozen=True)
class Window:
    """How stored values become grey in one pane: a preset of the image, or the reader's own centre and width, and inversion."""

    preset: int = 0
    own: tuple[float, float] | None = None
    inverted: bool = False

    def chosen(self, grey: GreyScale) -> Preset:
        """Return what the look-up table is made from. A window that is dragged keeps the kind of its preset."""
        preset = grey.presets[self.preset % len(grey.presets)]
        if self.own is None:
            return preset
        kind = preset.function if preset.function in ("sigmoid", "linear_exact") else "linear"
        return Preset("", kind, self.own[0], max(1e-6, self.own[1]))

    def values(self, grey: GreyScale) -> tuple[float, float]:
        """Return (centre, width) now in force."""
        return self.own or window_of(grey.presets[self.preset % len(grey.presets)], grey)

    def words(self, grey: GreyScale) -> str:
        """Return the window as the reader sees it written."""
        center, width = self.values(grey)
        name = grey.presets[self.preset % len(grey.presets)].name if self.own is None else ""
        turned = tr("inverted") if self.inverted else ""
        return " ".join(w for w in (f"W {readout.number(width)}", f"L {readout.number(center)}", name, turned) if w)


@dataclass(frozen=True, eq=False)
class Picture:
    """What a pane shows: pixels, scale and grey-scale of one image or plane (already hung)."""

    source: Source
    grey: GreyScale  # of a colour picture: the full range of each channel
    padding: tuple[int, int] | None = None
    pixel: Pair = (1.0, 1.0)  # mm, or relative where has_mm is False
    has_mm: bool = False
    chest_wall: str | None = None


@dataclass
class Additions:
    """What is painted over the pixels; replaced as a whole by the view."""

    grids: tuple[Grid, ...] = ()
    boxes: tuple[FlatBox, ...] = ()
    current_box: int = -1
    marks: tuple[FlatMark, ...] = ()
    cross: Pair | None = None
    nipple: Pair | None = None
    lines: tuple[tuple[Pair, Pair, str], ...] = ()  # callipers: ends (index) and text
    threshold: float = 0.0
    opacity: float = 0.5
    colours: str = "inferno"
    legend: tuple[str, str] | None = None


_tables: dict[tuple[Any, ...], np.ndarray] = {}


def table_of(picture: Picture, window: Window) -> np.ndarray:
    """Return the look-up table of a picture under a window: pixels of the screen for grey, bytes for the channels of colours."""
    path = greypath.current()
    if picture.source.colour:
        return _made(picture, window, "bytes", lambda *how: lookup_table(*how))

    def packed(grey: GreyScale, preset: Preset, inverted: bool, padding: tuple[int, int] | None, kind: np.dtype) -> np.ndarray:
        return path.packed(lookup_table(grey, preset, inverted, padding, kind, path.display()))

    return _made(picture, window, path, packed)


def levels_of(picture: Picture) -> np.ndarray:
    """Return the look-up table from stored values to 256 grey levels under the first preset."""
    return _made(picture, Window(), "bytes", lambda *how: lookup_table(*how))


def _made(picture: Picture, window: Window, kind: object, make: Callable[..., np.ndarray]) -> np.ndarray:
    """Return a table at hand, or make it: equal ones are made once for all panes of a drag."""
    grey, preset = picture.grey, window.chosen(picture.grey)
    form = (preset.function, preset.center, preset.width, None if preset.lut is None else id(preset.lut))
    more = (window.inverted, picture.padding, picture.source.dtype, kind)
    key = (grey.slope, grey.intercept, grey.invert, grey.bits, *form, *more)
    found = _tables.get(key)
    if found is None or preset.lut is not None:  # tables of a file are not compared by value: made anew
        if len(_tables) >= 64:
            _tables.clear()
        found = _tables[key] = make(grey, preset, window.inverted, picture.padding, picture.source.dtype)
    return found


def of_image(image: Any) -> Picture:
    """Return the picture of a 2-D image: full size and its stored pyramid."""
    spacing = image.spacing_mm
    return Picture(
        Source((image.array, *image.pyramid)),
        image.grey or GreyScale(),
        image.padding,
        (spacing[-2], spacing[-1]) if spacing else (1.0, 1.0),
        bool(spacing),
        image.chest_wall,
    )


def of_frame(image: Any, frame: int) -> Picture:
    """Return the picture of one frame of a cine."""
    spacing = image.spacing_mm
    pixel = (spacing[1], spacing[2]) if spacing else (1.0, 1.0)
    return Picture(Source((image.array[frame],)), image.grey or GreyScale(), image.padding, pixel, bool(spacing))


def breast_region(picture: Picture) -> Region:
    """Return where the breast lies: the largest bright part that touches the chest wall's side, or the whole image.

    Found on the smallest stored reduction through the image's own grey-scale, so that MONOCHROME1 and padding are understood;
    lead letters and labels in the air are other parts and do not count.
    """
    source = picture.source
    if source.colour:
        return whole(source.shape)
    small, scale = source.smallest(_SMALL)
    if small.dtype == np.int16:
        small = small.view(np.uint16)
    grey = cv2.LUT(small, levels_of(picture).reshape(1, -1))
    tail = np.cumsum(cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel())
    floor = int(np.searchsorted(tail, _DARKEST * grey.size))
    _, bright = cv2.threshold(grey, floor + _AIR, 1, cv2.THRESH_BINARY)
    count, _, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=8)
    if count < 2:
        return whole(source.shape)
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    x, y, w, h, area = (int(v) for v in stats[best])
    if area < _LEAST * small.size:
        return whole(source.shape)
    rows, columns = source.shape
    top, left = max(0.0, (y - 1) * scale), max(0.0, (x - 1) * scale)
    return Region(top, left, min(float(rows), (y + h + 1) * scale), min(float(columns), (x + w + 1) * scale))
