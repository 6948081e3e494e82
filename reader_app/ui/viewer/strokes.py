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


@lru_cache(maxsize=128)
def _strip(rgba: int, start: int, width: int, rows: int) -> QImage:
    """Return a picture of an upright line that begins ``start`` parts of a pixel after its left edge."""
    edges = np.arange(-(-(start + width) // _PARTS) + 1) * _PARTS
    covered = np.minimum(edges[1:], start + width) - np.maximum(edges[:-1], start)
    alpha = np.clip(covered, 0, _PARTS) / _PARTS * qAlpha(rgba) / 255
    colour = np.array([qBlue(rgba), qGreen(rgba), qRed(rgba), 255], np.float64)
    line = np.rint(alpha[:, None] * colour).astype(np.uint8)
    pixels = np.ascontiguousarray(np.broadcast_to(line, (rows, *line.shape)))
    image = QImage(pixels.data, len(line), rows, 4 * len(line), QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()


def upright(painter: QPainter, left: float, top: float, width: float, bottom: float, colour: QColor, height: int) -> None:
    """Paint an upright line; the painter's unit is the device pixel, rows are rounded to whole ones.

    Parameters
    ----------
    height : int
        Of the pane: what lies beyond it is left out.
    """
    first, last = max(0, round(top)), min(height, round(bottom))
    if first >= last or width <= 0:
        return
    x = math.floor(left)
    rows = last - first
    strip = _strip(colour.rgba(), round((left - x) * _PARTS), round(width * _PARTS), 1 << (rows - 1).bit_length())
    painter.drawImage(x, first, strip, 0, 0, -1, rows)


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
