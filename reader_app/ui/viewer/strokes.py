"""Upright lines and rings, quickly: Qt fills narrow rectangles row by row and strokes every circle anew; copies are cheap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, qAlpha, qBlue, qGreen, qRed

_PARTS = 64  # of a device pixel, to which an upright edge is exact
_PHASES = 8  # of a device pixel, to which a ring's middle is exact


@dataclass(frozen=True, slots=True)
class Line:
    """Colour (0xAARRGGBB), width in device pixels and style of a stroke."""

    rgba: int
    width: float
    style: Qt.PenStyle = Qt.PenStyle.SolidLine


Bands = tuple[tuple[int, int, int], ...]  # colour (0xAARRGGBB), start and width in parts of a pixel, one over the other


@lru_cache(maxsize=512)
def _strip(bands: Bands, length: int, upright: bool) -> QImage:
    """Return a picture of parallel lines, upright or level."""
    count = -(-max(start + width for _, start, width in bands) // _PARTS)
    edges = np.arange(count + 1) * _PARTS
    line = np.zeros((count, 4), np.float64)  # blue, green, red and alpha, premultiplied
    for rgba, start, width in bands:
        covered = np.minimum(edges[1:], start + width) - np.maximum(edges[:-1], start)
        alpha = (np.clip(covered, 0, _PARTS) / _PARTS * qAlpha(rgba) / 255)[:, None]
        line = alpha * np.array([qBlue(rgba), qGreen(rgba), qRed(rgba), 255], np.float64) + (1 - alpha) * line
    whole = np.rint(line).astype(np.uint8)
    shape = (length, count, 4) if upright else (count, length, 4)
    pixels = np.ascontiguousarray(np.broadcast_to(whole if upright else whole[:, None], shape))
    image = QImage(pixels.data, shape[1], shape[0], 4 * shape[1], QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()


def _parts(value: float) -> int:
    return round(value * _PARTS)


def _long(length: int) -> int:
    """Return the length of the strip to keep for a line of this length: few of them serve all."""
    return 1 << (length - 1).bit_length()


def upright(painter: QPainter, left: float, top: float, width: float, bottom: float, rgba: int, height: int) -> None:
    """Paint an upright line; the painter's unit is the device pixel, rows are rounded to whole ones.

    Parameters
    ----------
    rgba : int
        0xAARRGGBB.
    height : int
        Of the pane: what lies beyond it is left out.
    """
    first, last = max(0, round(top)), min(height, round(bottom))
    if first < last and width > 0:
        x = math.floor(left)
        strip = _strip(((rgba, _parts(left - x), _parts(width)),), _long(last - first), True)
        painter.drawImage(x, first, strip, 0, 0, -1, last - first)


def frame(
    painter: QPainter, edges: tuple[float, float, float, float], line: tuple[int, float], halo: tuple[int, float],
    size: tuple[int, int],
) -> None:  # fmt: skip
    """Paint the frame of a rectangle: its lines just outside the edges, a halo to either side of each line.

    Parameters
    ----------
    edges : tuple of float
        Top, left, bottom and right in device pixels; across its lines the frame is exact to 1/64, along them to whole pixels.
    line, halo : tuple of (int, float)
        Colour (0xAARRGGBB) and width.
    size : tuple of int
        Height and width of the pane: what lies beyond is left out.
    """
    top, left, bottom, right = edges
    (colour, width), (dark, rim) = line, halo
    reach = width + rim
    for upright, before, after, low, high in (
        (True, left, right, max(0, round(top - width)), min(size[0], round(bottom + width))),
        (False, top, bottom, max(0, round(left)), min(size[1], round(right))),
    ):
        if low >= high:
            continue
        for start in (before - reach, after - rim):
            first = math.floor(start)
            part = start - first
            bands = (dark, _parts(part), _parts(reach + rim)), (colour, _parts(part + rim), _parts(width))
            strip = _strip(bands, _long(high - low), upright)
            if upright:
                painter.drawImage(first, low, strip, 0, 0, -1, high - low)
            else:
                painter.drawImage(low, first, strip, 0, 0, high - low, -1)


@lru_cache(maxsize=256)
def _ring(phase: tuple[int, int], radius: float, lines: tuple[Line, ...]) -> tuple[QImage, int]:
    reach = math.ceil(radius + max(line.width for line in lines) / 2) + 2
    image = QImage(2 * reach + 1, 2 * reach + 1, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for line in lines:
        painter.setPen(QPen(QColor.fromRgba(line.rgba), line.width, line.style))
        painter.drawEllipse(QPointF(reach + phase[1] / _PHASES, reach + phase[0] / _PHASES), radius, radius)
    painter.end()
    return image, reach


def ring(painter: QPainter, y: float, x: float, radius: float, *lines: Line) -> None:
    """Paint a ring about a place (device pixels), one line over the other; exact to an eighth of a device pixel."""
    down, across = round(y * _PHASES), round(x * _PHASES)
    image, reach = _ring((down % _PHASES, across % _PHASES), radius, lines)
    painter.drawImage(across // _PHASES - reach, down // _PHASES - reach, image)
