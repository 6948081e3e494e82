"""The bar along a pane that shows and sets the plane of a volume, with ticks where marks (blue) and aid findings lie."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from reader_app.ui import theme
from reader_app.ui.viewer import marks

TRACK = QColor(42, 47, 54, 190)
WIDTH = 18  # logical pixels, of which the track takes 6
TRACK_WIDTH = 6
MARK_COLOUR = marks.BLUE


class PlaneSlider(QWidget):
    """A vertical slider over one axis of a volume; index 0 is at the top.

    Signals
    -------
    moved : float
        The index the reader drags to.
    """

    moved = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._count, self._at = 1, 0.0
        self._ticks: tuple[tuple[float, float, str], ...] = ()
        self._track: QPixmap | None = None  # with the ticks, as painted
        self.setCursor(Qt.CursorShape.ArrowCursor)

    def set_axis(self, count: int, at: float, ticks: Sequence[tuple[float, float, str]] = ()) -> None:
        """Set the number of planes, the plane shown and the ticks: (first index, last index, colour)."""
        state = (count, at, tuple(ticks))
        if state != (self._count, self._at, self._ticks):
            if (count, state[2]) != (self._count, self._ticks):
                self._track = None
            self._count, self._at, self._ticks = state
            # By way of the pane beneath: told by itself, Qt would paint the pane's strip a second time in the same frame.
            beneath = self.parentWidget()
            if beneath is not None:
                beneath.update(self.geometry())

    def place(self, index: float) -> float:
        """Return the vertical position (logical pixels) of an index."""
        inset = 6.0
        return inset + (self.height() - 2 * inset) * (index / max(1, self._count - 1))

    def index_at(self, y: float) -> float:
        """Return the index at a vertical position."""
        inset = 6.0
        part = (y - inset) / max(1.0, self.height() - 2 * inset)
        return min(max(part, 0.0), 1.0) * (self._count - 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint track, ticks and handle."""
        unit = self.devicePixelRatioF()
        if self._track is None or self._track.size() != self.size() * unit:
            self._track = self._painted_track(unit)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._track)
        left, y = (self.width() - TRACK_WIDTH) // 2, round(self.place(self._at))
        painter.fillRect(left - 4, y - 3, TRACK_WIDTH + 8, 7, QColor(0, 0, 0, 160))
        painter.fillRect(left - 3, y - 2, TRACK_WIDTH + 6, 5, QColor(theme.READING["strong"]))

    def _painted_track(self, unit: float) -> QPixmap:
        track = QPixmap(self.size() * unit)
        track.setDevicePixelRatio(unit)
        track.fill(Qt.GlobalColor.transparent)
        painter = QPainter(track)
        left = (self.width() - TRACK_WIDTH) // 2
        painter.fillRect(left, 0, TRACK_WIDTH, self.height(), TRACK)
        for first, last, colour in self._ticks:
            top, bottom = self.place(first), self.place(last)
            painter.fillRect(left, round(top) - 1, TRACK_WIDTH, max(2, round(bottom - top) + 2), QColor(colour))
        painter.end()
        return track

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.moved.emit(self.index_at(event.position().y()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.moved.emit(self.index_at(event.position().y()))
