"""The reader's marks on a pane: drawing, and which one lies under the cursor. Positions are indices, never screen pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from reader_app.study.finding import Mark
from reader_app.ui import theme
from reader_app.ui.viewer import readout
from reader_app.ui.viewer.camera import Camera, Pair

BLUE = theme.COMMON["mark"]
RADIUS = 9.0  # logical pixels
GRASP = 13.0  # logical pixels around a mark within which a press takes hold of it
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
        Full size of a box along (row, column); empty for a point.
    selected : bool
        Drawn stronger.
    """

    mark_id: str
    text: str
    at: Pair
    away_mm: float = 0.0
    extent: tuple[float, ...] = ()
    selected: bool = False


def of_image(marks: Sequence[Mark], image_id: str, selected: str = "") -> tuple[FlatMark, ...]:
    """Return the marks that lie in an image."""
    return tuple(
        FlatMark(m.mark_id, m.finding_id or m.mark_id, (m.index[-2], m.index[-1]), 0.0, m.extent[-2:], m.mark_id == selected)
        for m in marks
        if m.image_id == image_id
    )


def under(marks: Sequence[FlatMark], camera: Camera, point: Pair, unit: float) -> FlatMark | None:
    """Return the mark nearest to a screen position, within a hand's reach, or None."""
    best, nearest = None, GRASP * unit
    for mark in marks:
        if mark.away_mm > IN_PLANE_MM:
            continue
        y, x = camera.to_screen(mark.at)
        distance = math.hypot(y - point[0], x - point[1])
        if distance <= nearest:
            best, nearest = mark, distance
    return best


def paint(painter: QPainter, camera: Camera, mark: FlatMark, unit: float) -> None:
    """Draw one mark: a ring with its number, or a frame for a box; faint when it lies beside the plane."""
    y, x = camera.to_screen(mark.at)
    near = mark.away_mm <= IN_PLANE_MM
    colour = QColor(BLUE)
    colour.setAlpha(255 if near else 130)
    style = Qt.PenStyle.SolidLine if near else Qt.PenStyle.DotLine
    width = (3.0 if mark.selected else 2.0) * unit
    painter.setBrush(Qt.BrushStyle.NoBrush)
    radius = RADIUS * unit
    for tint, line, kind in ((QColor(0, 0, 0, 160), width + 2 * unit, Qt.PenStyle.SolidLine), (colour, width, style)):
        painter.setPen(QPen(tint, line, kind))
        if mark.extent:
            zy, zx = camera.zoom
            h, w = mark.extent[0] * zy, mark.extent[1] * zx
            painter.drawRect(round(x - w / 2), round(y - h / 2), round(w), round(h))
            radius = w / 2
        else:
            painter.drawEllipse(QPointF(x, y), radius, radius)
    image = readout.stamp(mark.text, BLUE if near else "#4a7fb8", readout.BODY, True, unit)
    painter.drawImage(round(x + radius), round(y - radius - image.height() * 0.55), image)
