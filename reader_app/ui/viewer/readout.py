"""Text and scales over the images: every word has a dark halo so that it can be read on any grey.

Text is drawn once into a small premultiplied picture and kept; a frame only copies it. All sizes are in logical pixels
times ``unit`` (device pixels per logical pixel), so text is sharp at every scale of the screen.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QGuiApplication, QImage, QPainter

from reader_app.ui import theme

STRONG = theme.READING["strong"]
NORMAL = theme.READING["normal"]
DIM = "#bfc5cc"  # lighter than the dim of the panels: it stands on images, also on bright ones
SMALL, BODY, LABEL = 12.0, 13.0, 15.0  # logical pixels


@lru_cache(maxsize=64)
def _font(family: str, size: float, bold: bool) -> QFont:
    """Return the application's font (of that family) at a size in device pixels, figures of equal width where it has them."""
    result = QFont(QGuiApplication.font())
    result.setPixelSize(max(1, round(size)))
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    if hasattr(result, "setFeature"):
        result.setFeature(QFont.Tag("tnum"), 1)
    return result


@lru_cache(maxsize=512)
def _stamp(family: str, text: str, colour: str, size: float, bold: bool) -> QImage:
    """Return a line of text put together from its words, which mostly are at hand: while scrolling only a number is new."""
    words = [_word(family, word, colour, size, bold) for word in text.split(" ")]
    if len(words) == 1:
        return words[0][0]
    gap = _word(family, " ", colour, size, bold)[1]
    width = sum(advance for _, advance in words) + gap * (len(words) - 1)
    first = words[0][0]
    image = QImage(math.ceil(width) + 2 * math.ceil(size * 0.28) + 1, first.height(), first.format())
    image.fill(Qt.GlobalColor.transparent)
    painter, x = QPainter(image), 0.0
    for word, advance in words:
        if advance:
            painter.drawImage(round(x), 0, word)
        x += advance + gap
    painter.end()
    return image


@lru_cache(maxsize=2048)
def _word(family: str, text: str, colour: str, size: float, bold: bool) -> tuple[QImage, float]:
    """Return a picture of text drawn as a whole, and how far the next word begins from its beginning, without the gap."""
    face = _font(family, size, bold)
    metrics = QFontMetricsF(face)
    pad = math.ceil(size * 0.28)
    advance = metrics.horizontalAdvance(text)
    width, height = math.ceil(advance) + 2 * pad, math.ceil(metrics.height()) + 2 * pad
    image = QImage(max(1, width), max(1, height), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setFont(face)
    painter.setPen(QColor(colour))
    painter.drawText(QPointF(pad, pad + metrics.ascent()), text)
    painter.end()
    pixels = np.frombuffer(image.bits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    letters = np.ascontiguousarray(pixels[..., 3])
    spread = size * 0.11
    reach = 2 * math.ceil(1.5 * spread) + 1  # beyond it the halo could not be seen
    halo = cv2.convertScaleAbs(cv2.GaussianBlur(letters, (reach, reach), spread), None, 2.4)
    # The halo is black and lies beneath: premultiplied, it adds to the alpha alone.
    pixels[..., 3] = cv2.add(letters, cv2.multiply(halo, cv2.bitwise_not(letters), scale=1 / 255))
    return image, advance


def stamp(text: str, colour: str = NORMAL, size: float = BODY, bold: bool = False, unit: float = 1.0) -> QImage:
    """Return a picture of a line of text with its halo; ``size`` in logical pixels."""
    return _stamp(QGuiApplication.font().family(), text, colour, round(size * unit * theme.scale(), 2), bold)


@lru_cache(maxsize=256)
def _chip(family: str, text: str, colour: str, size: float) -> QImage:
    face = _font(family, size, True)
    metrics = QFontMetricsF(face)
    pad_x, pad_y = math.ceil(size * 0.4), math.ceil(size * 0.16)
    image = QImage(
        math.ceil(metrics.horizontalAdvance(text)) + 2 * pad_x,
        math.ceil(metrics.height()) + 2 * pad_y,
        QImage.Format.Format_ARGB32_Premultiplied,
    )
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(QRectF(0, 0, image.width(), image.height()), size * 0.15, size * 0.15)
    painter.setFont(face)
    painter.setPen(QColor("#ffffff"))
    painter.drawText(QPointF(pad_x, pad_y + metrics.ascent()), text)
    painter.end()
    return image


def chip(text: str, colour: str, unit: float = 1.0) -> QImage:
    """Return a picture of white text on a colour: the label of a box."""
    return _chip(QGuiApplication.font().family(), text, colour, round(SMALL * unit * theme.scale(), 2))


class Corner:
    """Lines of text that stack up in one corner of a pane: `items` are (x, y, picture) in device pixels."""

    def __init__(self, size: tuple[int, int], corner: str, unit: float, inset: float = 8.0) -> None:
        self.items: list[tuple[int, int, QImage]] = []
        self._height, self._width = size
        self._bottom = corner.startswith("bottom")
        self._right = corner.endswith("right")
        self._unit = unit
        self._inset = inset * unit
        self._used = 0.0

    def add(self, text: str, colour: str = NORMAL, size: float = BODY, bold: bool = False) -> None:
        """Write one more line (away from the edge)."""
        if not text:
            return
        image = stamp(text, colour, size, bold, self._unit)
        x = self._width - image.width() - self._inset if self._right else self._inset
        y = self._height - image.height() - self._used - self._inset / 2 if self._bottom else self._used + self._inset / 2
        self.items.append((round(x), round(y), image))
        self._used += image.height() * 0.82


def ruler_length_mm(pixels_per_mm: float, room: float) -> float:
    """Return the longest of 1, 2, 5, 10, 20, 50, 100 mm that fits into ``room`` device pixels; 0 where none does."""
    fitting = [v for v in (100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0) if v * pixels_per_mm <= room]
    return fitting[0] if fitting else 0.0


@lru_cache(maxsize=64)
def ruler(length: int, text: str, unit: float, side: str) -> QImage:
    """Return a picture of a vertical ruler ``length`` device pixels long with its text above and ticks at its tenths.

    ``side`` is the edge of the pane it stands at: its ticks point inwards and the text keeps inside.
    """
    label = stamp(text, DIM, SMALL, unit=unit)
    line, long, short = max(1, round(unit)), round(6 * unit), round(3 * unit)
    width = max(label.width(), long + 4 * line)
    image = QImage(width, label.height() + length + 3 * line, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    inset = 6 * line
    x = inset if side == "left" else width - inset - line
    bottom = label.height() + length
    rects = [QRect(x, bottom - length, line, length + line)]
    for i in range(11):
        reach = long if i in (0, 5, 10) else short
        rects.append(QRect(x if side == "left" else x - reach + line, bottom - round(length * i / 10), reach, line))
    painter = QPainter(image)
    for rect in rects:
        painter.fillRect(rect.adjusted(-line, -line, line, line), QColor(0, 0, 0, 170))
    for rect in rects:
        painter.fillRect(rect, QColor(DIM))
    painter.drawImage(0 if side == "left" else width - label.width(), 0, label)
    painter.end()
    return image


def number(value: float) -> str:
    """Return a number as shown: no more digits than can be meant."""
    return f"{value:.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"
