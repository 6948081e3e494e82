"""The reader's marks on a pane: drawing, and which one lies under the cursor. Positions are indices, never screen pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from reader_app.study.finding import Mark
from reader_app.ui import theme
from reader_app.ui.viewer import readout, strokes
from reader_app.ui.viewer.camera import Camera, Pair
from reader_app.ui.viewer.strokes import Line

BLUE = theme.COMMON["mark"]
RADIUS = 9.0  # logical pixels
GRASP = 13.0  # logical pixels around a mark within which a press takes hold of it
GRIP = 8.0  # logical pixels around a grip of the chosen shape within which a press takes hold of it
ROOMY = 44.0  # logical pixels: only along a longer side of a shape is there a grip in the middle
IN_PLANE_MM = 1.0  # a mark this close to the plane is drawn whole
NEAR_PLANE_MM = 4.0  # and this close, faint


@dataclass(frozen=True, slots=True)
class FlatMark:
    """A mark as it appears in one pane.

    Attributes
    ----------
    mark_id, text : str
        Identity, and the number written beside it.
    at : tuple of float
        Index (row, column) in the pane's image or plane.
    away_mm : float
        Distance from the plane shown (0 in an image).
    extent : tuple of float
        Full size of a box or ellipse along (row, column); empty for a point or outline.
    selected : bool
        Drawn stronger.
    kind : str
        "point", "box", "ellipse" or "outline".
    outline : tuple of (row, column)
        Corners of an outline.
    """

    mark_id: str
    text: str
    at: Pair
    away_mm: float = 0.0
    extent: tuple[float, ...] = ()
    selected: bool = False
    kind: str = "point"
    outline: tuple[Pair, ...] = ()


def flat(
    mark: Mark, at: Pair, extent: tuple[float, ...], selected: str, away_mm: float = 0.0, axes: tuple[int, int] = (-2, -1)
) -> FlatMark:
    """Return a mark as it appears in a pane whose rows and columns run along ``axes`` of the mark's index."""
    outline = tuple((corner[axes[0]], corner[axes[1]]) for corner in mark.outline)
    text = mark.finding_id or mark.mark_id
    return FlatMark(mark.mark_id, text, at, away_mm, extent, mark.mark_id == selected, mark.kind, outline)


def of_image(marks: Sequence[Mark], image_id: str, selected: str = "") -> tuple[FlatMark, ...]:
    """Return the marks that lie in an image."""
    return tuple(flat(m, (m.index[-2], m.index[-1]), m.extent[-2:], selected) for m in marks if m.image_id == image_id)


def under(marks: Sequence[FlatMark], camera: Camera, point: Pair, unit: float) -> FlatMark | None:
    """Return the mark nearest to a screen position, within a hand's reach of its middle or its line, or None."""
    best, nearest = None, GRASP * unit
    for mark in marks:
        if mark.away_mm > IN_PLANE_MM or not mark.mark_id:
            continue
        y, x = camera.to_screen(mark.at)
        distance = math.hypot(y - point[0], x - point[1])
        corners = _corners(camera, mark)
        if corners:
            line = np.asarray(corners, np.float32).reshape(-1, 1, 2)
            distance = min(distance, abs(cv2.pointPolygonTest(line, (point[0], point[1]), True)))
        if distance <= nearest:
            best, nearest = mark, distance
    return best


def _corners(camera: Camera, mark: FlatMark) -> list[Pair]:
    """Return the line of a shape on the screen, (y, x); nothing for a point."""
    if mark.outline:
        return [camera.to_screen(at) for at in mark.outline]
    if not mark.extent:
        return []
    (y, x), (zy, zx) = camera.to_screen(mark.at), camera.zoom
    h, w = mark.extent[0] * zy / 2, mark.extent[1] * zx / 2
    if mark.kind == "ellipse":
        turns = [2 * math.pi * step / 48 for step in range(48)]
        return [(y + h * math.sin(turn), x + w * math.cos(turn)) for turn in turns]
    return [(y - h, x - w), (y - h, x + w), (y + h, x + w), (y + h, x - w)]


def grips(camera: Camera, mark: FlatMark, unit: float) -> list[tuple[tuple[int, int], Pair]]:
    """Return where the chosen shape can be held to resize it: (sides, (y, x) on the screen); none for a point.

    Sides are -1, 0 or 1 along rows and columns, as :func:`reader_app.ui.viewer.drawing.resized` takes them.
    """
    corners = _corners(camera, mark)
    if not corners or not mark.selected or not mark.mark_id or mark.away_mm > IN_PLANE_MM:
        return []
    ends = tuple((min(values), max(values)) for values in zip(*corners, strict=True))
    if mark.outline and any(high <= low for low, high in ends):
        return []  # an outline seen from its side
    places = [{-1: low, 0: (low + high) / 2, 1: high} for low, high in ends]
    roomy = [high - low >= ROOMY * unit for low, high in ends]
    sides = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if down or across]
    held = [(d, a) for d, a in sides if (d or roomy[0]) and (a or roomy[1])]
    return [((d, a), (places[0][d], places[1][a])) for d, a in held]


def grip_under(marks: Sequence[FlatMark], camera: Camera, point: Pair, unit: float) -> tuple[str, tuple[int, int]] | None:
    """Return the mark and the sides of it that a press at a screen position takes hold of, or None."""
    reach = [
        (math.hypot(y - point[0], x - point[1]), -sum(sides), mark.mark_id, sides)
        for mark in marks
        for sides, (y, x) in grips(camera, mark, unit)
    ]
    nearest = min(reach, default=None)
    return None if nearest is None or nearest[0] > GRIP * unit else nearest[2:]


def paint(painter: QPainter, camera: Camera, mark: FlatMark, unit: float) -> None:
    """Draw one mark with its number: a ring for a point, else its shape; faint when it lies beside the plane."""
    y, x = camera.to_screen(mark.at)
    near = mark.away_mm <= IN_PLANE_MM
    colour = QColor(BLUE)
    colour.setAlpha(255 if near else 130)
    style = Qt.PenStyle.SolidLine if near else Qt.PenStyle.DotLine
    width = (3.0 if mark.selected else 2.0) * unit
    lines = Line(0xA0000000, width + 2 * unit), Line(colour.rgba(), width, style)
    radius = RADIUS * unit
    corners = _corners(camera, mark)
    if corners:
        shape = QPolygonF([QPointF(across, down) for down, across in corners])
        right, top = shape.boundingRect().right(), shape.boundingRect().top()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for line in lines:
            painter.setPen(QPen(QColor.fromRgba(line.rgba), line.width, line.style))
            painter.drawPolygon(shape)
    else:
        right, top = x + radius, y - radius
        strokes.ring(painter, y, x, radius, *lines)
    for _, (down, across) in grips(camera, mark, unit):
        square = QRectF(across - 3 * unit, down - 3 * unit, 6 * unit, 6 * unit)
        painter.setPen(QPen(QColor.fromRgba(0xA0000000), unit))
        painter.fillRect(square, QColor(BLUE))
        painter.drawRect(square)
    image = readout.stamp(mark.text, BLUE if near else "#4a7fb8", readout.BODY, True, unit)
    painter.drawImage(round(right), round(top - image.height() * 0.55), image)
