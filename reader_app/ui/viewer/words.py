"""The words of a pane: name, window, place, letters at its edges, ruler and colour bar; composed when one of them changes."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QGuiApplication, QImage, QPainter

from reader_app.ui import theme
from reader_app.ui.viewer import overlay, readout

Item = tuple[int, int, QImage]  # left and top in device pixels, and what is copied there

RULER_ABOVE = 72  # logical pixels that the ruler keeps from the bottom: the lines of text stand there
LEGEND_BELOW = 76  # logical pixels that the colour bar keeps from the top


@dataclass
class Caption:
    """Words of a pane. ``side`` is the side on which they stand: "left" or "right" (away from the breast)."""

    title: str = ""
    note: str = ""
    side: str = "left"
    aid: str = ""
    empty: str = ""
    lines: tuple[str, ...] = ()  # bottom corner, upwards
    edges: tuple[str, str, str, str] = ("", "", "", "")  # letters: top, left, bottom, right
    right_inset: float = 4.0  # logical pixels kept free at the right edge (a slider)
    show: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """The colour bar of a heatmap: texts of its ends (lowest shown, highest), colours, and the lowest level shown."""

    ends: tuple[str, str]
    colours: str
    lowest: int


class Words:
    """What stands in words on one pane."""

    def __init__(self) -> None:
        self._text_key: tuple[object, ...] = ()
        self._fixed_key: tuple[object, ...] = ()
        self._text: list[Item] = []
        self._fixed: list[Item] = []

    def paint(
        self, painter: QPainter, caption: Caption, size: tuple[int, int], unit: float, per_mm: float = 0.0, bar: Bar | None = None
    ) -> None:
        """Paint; the painter's unit is the device pixel.

        Parameters
        ----------
        size : tuple of int
            Height and width of the pane in device pixels.
        per_mm : float
            Device pixels in a millimetre of the breast; 0 where the scale is unknown: no ruler.
        """
        style = (size, unit, caption.show, caption.side, theme.scale(), QGuiApplication.font().family())
        text = (*style, caption.title, caption.note, caption.aid, caption.empty, caption.lines)
        fixed = (*style, caption.edges, caption.right_inset, per_mm, bar)
        if text != self._text_key:
            self._text_key, self._text = text, _text(caption, size, unit)
        if fixed != self._fixed_key:
            self._fixed_key, self._fixed = fixed, _fixed(caption, size, unit, per_mm, bar) if caption.show else []
        for x, y, image in (*self._text, *self._fixed):
            painter.drawImage(x, y, image)


def _text(words: Caption, size: tuple[int, int], unit: float) -> list[Item]:
    """Return the lines in the corners: they change with every slice."""
    items: list[Item] = []
    if words.empty:
        image = readout.stamp(words.empty, readout.DIM, readout.LABEL, unit=unit)
        items.append(((size[1] - image.width()) // 2, (size[0] - image.height()) // 2, image))
    if words.show:
        top = readout.Corner(size, f"top {words.side}", unit)
        top.add(words.title, readout.STRONG, readout.LABEL, True)
        top.add(words.note, readout.DIM, readout.SMALL)
        top.add(words.aid, theme.COMMON["attention"], readout.BODY)
        bottom = readout.Corner(size, f"bottom {words.side}", unit)
        for line in words.lines:
            bottom.add(line, readout.NORMAL, readout.SMALL)
        items += top.items + bottom.items
    return items


def _fixed(words: Caption, size: tuple[int, int], unit: float, per_mm: float, bar: Bar | None) -> list[Item]:
    """Return the letters at the edges, the colour bar and the ruler: they change with zoom and scan."""
    height, width = size
    items: list[Item] = []
    for letter, (y, x) in zip(words.edges, ((0.0, 0.5), (0.5, 0.0), (1.0, 0.5), (0.5, 1.0)), strict=True):
        if letter:
            image = readout.stamp(letter, readout.DIM, readout.BODY, True, unit)
            inset = 4 * unit
            room = width - image.width() - inset - (words.right_inset * unit if x == 1.0 else inset)
            items.append((round(inset + room * x), round(inset + (height - image.height() - 2 * inset) * y), image))
    if bar is not None:
        items += _legend(words.side, size, unit, bar)
    length = readout.ruler_length_mm(per_mm, height * 0.22) if per_mm else 0.0
    if length and height > 240 * unit:
        image = readout.ruler(round(length * per_mm), f"{length:.0f} mm", unit, words.side)
        x = round(8 * unit) if words.side == "left" else width - image.width() - round(8 * unit)
        items.append((x, height - round(RULER_ABOVE * unit * theme.scale()) - image.height(), image))
    return items


def _legend(side: str, size: tuple[int, int], unit: float, shown: Bar) -> list[Item]:
    """Return the colour bar with the raw values at its ends; nothing where the pane is too low for it."""
    height, width = size
    top = round(LEGEND_BELOW * unit * theme.scale())
    length = min(round(100 * unit), height // 2 - top - round(16 * unit))  # the letter of the edge stands in the middle
    if length < 30 * unit:
        return []
    bar = overlay.legend_bar(shown.colours, shown.lowest, length, round(8 * unit))
    left = round(14 * unit) if side == "left" else width - round(22 * unit)
    items = [(left - 1, top - 1, bar)]
    for text, y in ((shown.ends[1], top), (shown.ends[0], top + bar.height() - 2)):
        image = readout.stamp(text, readout.DIM, readout.SMALL, unit=unit)
        items.append((left + bar.width() - 2 if side == "left" else left - image.width(), round(y - image.height() / 2), image))
    return items
