"""One rectangle on the screen that shows one image or one plane of a volume, painted by the processor at device resolution."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from reader_app.imaging.window import GreyScale
from reader_app.ui import theme
from reader_app.ui.viewer import greypath, marks, overlay, readout, strokes
from reader_app.ui.viewer.camera import Camera, Pair
from reader_app.ui.viewer.content import Additions, Picture, Window, table_of
from reader_app.ui.viewer.overlay import HeatLayer
from reader_app.ui.viewer.raster import Raster
from reader_app.ui.viewer.strokes import Line
from reader_app.ui.viewer.words import Bar, Caption, Words

NIPPLE = QColor(theme.COMMON["nipple"]).rgba()
CROSS = QColor(90, 220, 160, 150)
BOTTOM_LINE = 20  # logical pixels that a line of small text takes at most


class Mouse(Protocol):
    """Who is told of the mouse in a pane: see `gestures.Gestures`."""

    def press(self, pane: Pane, event: QMouseEvent) -> None:
        """Mouse button went down."""

    def move(self, pane: Pane, event: QMouseEvent) -> None:
        """Mouse moved."""

    def release(self, pane: Pane, event: QMouseEvent) -> None:
        """Mouse button went up."""

    def double_click(self, pane: Pane, event: QMouseEvent) -> None:
        """Second click in quick succession."""

    def wheel(self, pane: Pane, event: QWheelEvent) -> None:
        """Wheel turned."""

    def leave(self, pane: Pane) -> None:
        """The cursor left the pane."""


class Pane(QWidget):
    """One image or plane. It draws what it is given and passes the mouse on; it decides nothing.

    Parameters
    ----------
    name : str
        Name of the pane in the record of what was displayed.
    image_id : str
        Image of the container it shows.
    mouse : Mouse
        Who is told of mouse events.
    painted : callable
        Called with the pane and the milliseconds it took at the end of each paint.
    """

    def __init__(
        self, name: str, image_id: str, mouse: Mouse, painted: Callable[[Pane, float], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.name, self.image_id = name, image_id
        self.picture: Picture | None = None
        self.camera: Camera | None = None
        self.window_state = Window()
        self.caption = Caption()
        self.additions = Additions()
        self.magnifier: Pair | None = None  # screen position (y, x) in device pixels
        self._mouse, self._painted = mouse, painted
        self._raster, self._glass = Raster(), Raster()
        self._layers: list[HeatLayer] = []
        self._words = Words()
        self._table: np.ndarray | None = None
        self._table_key: tuple[Any, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(name)

    # -- what is shown

    def show_picture(self, picture: Picture | None) -> None:
        """Show other pixels; the camera stays if they have the same shape, else it is taken away and the view must set one."""
        same = picture is not None and self.camera is not None and picture.source.shape == self.camera.shape
        if picture is None or self.picture is None or picture.grey is not self.picture.grey:
            self._table_key = ()
        self.picture = picture
        if not same:
            self.camera = None
        self.update()

    def set_camera(self, camera: Camera) -> None:
        """Look at the image from elsewhere."""
        if camera != self.camera:
            self.camera = camera
            self.update()

    def set_window(self, window: Window) -> None:
        """Change window, level or inversion."""
        if window != self.window_state:
            self.window_state = window
            self.update()

    def set_caption(self, caption: Caption) -> None:
        """Change the words; where only the lines at the bottom differ, only their strip is painted."""
        old = self.caption
        if caption == old:
            return
        lines = max(len(caption.lines), len(old.lines))
        small = caption.lines != old.lines and replace(caption, lines=old.lines) == old
        self.caption = caption
        if small:
            strip = math.ceil((BOTTOM_LINE * lines + 24) * theme.scale())
            self.update(0, self.height() - strip, self.width(), strip)
        else:
            self.update()

    def set_additions(self, additions: Additions) -> None:
        """Change what lies over the pixels; where only the crosshair moved, only its lines are painted."""
        old = self.additions
        if additions == old:
            return
        self.additions = additions
        if (
            self.camera is None
            or old.cross is None
            or additions.cross is None
            or replace(old, cross=additions.cross) != additions
        ):
            self.update()
            return
        for cross in filter(None, (old.cross, additions.cross)):
            y, x = (v / self.unit for v in self.camera.to_screen(cross))
            self.update(0, math.floor(y) - 3, self.width(), 6)
            self.update(math.floor(x) - 3, 0, 6, self.height())

    @property
    def shown(self) -> Picture:
        """The picture of a pane that has one."""
        if self.picture is None:
            raise RuntimeError(f"pane {self.name} shows nothing")
        return self.picture

    @property
    def grey(self) -> GreyScale:
        """The grey-scale of a pane that has a picture."""
        return self.shown.grey

    @property
    def unit(self) -> float:
        """Device pixels per logical pixel."""
        return float(self.devicePixelRatioF())

    @property
    def device_size(self) -> tuple[int, int]:
        """Size (height, width) in device pixels."""
        return max(1, round(self.height() * self.unit)), max(1, round(self.width() * self.unit))

    # -- where things are

    def image_to_screen(self, index: Sequence[float]) -> Pair | None:
        """Return the logical widget position (x, y) of an image index (row, column); None before the first layout."""
        if self.camera is None:
            return None
        y, x = self.camera.to_screen((index[-2], index[-1]))
        return x / self.unit, y / self.unit

    def screen_to_image(self, point: QPoint | QPointF | Pair) -> Pair | None:
        """Return the image index (row, column) at a logical widget position (x, y)."""
        return None if self.camera is None else self.camera.to_index(self.to_device(point))

    def to_device(self, point: QPoint | QPointF | Pair) -> Pair:
        """Return a logical widget position as (y, x) in device pixels."""
        x, y = (point.x(), point.y()) if isinstance(point, QPoint | QPointF) else point
        return y * self.unit, x * self.unit

    def table(self) -> np.ndarray | None:
        """Return the look-up table in force; None for colours that the reader has not changed."""
        picture = self.picture
        if picture is None or (picture.source.colour and self.window_state == Window()):
            return None  # colours as they are stored
        key = (self.window_state, picture.padding, picture.source.dtype, greypath.current())
        if self._table is None or key != self._table_key:
            self._table, self._table_key = table_of(picture, self.window_state), key
        return self._table

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint pixels, aid, marks and words in one pass."""
        started = time.perf_counter_ns()
        painter = QPainter(self)
        self._use_device_pixels(painter)
        picture, camera = self.picture, self.camera
        if picture is None or camera is None:
            painter.fillRect(QRect(QPoint(0, 0), QSize(self.device_size[1] + 1, self.device_size[0] + 1)), Qt.GlobalColor.black)
        else:
            self._raster.update(picture.source, camera)
            for rect in event.region():  # type: ignore[attr-defined]  # the stubs lack the iteration that Qt has
                self._paint_pixels(painter, rect)
            self._paint_additions(painter, camera)
            self._paint_glass(painter, camera)
        self._paint_words(painter)
        painter.end()
        self._painted(self, (time.perf_counter_ns() - started) / 1e6)

    def _use_device_pixels(self, painter: QPainter) -> None:
        """Make the painter's unit one device pixel and its origin a whole one, also where Qt places the widget between two."""
        device = painter.deviceTransform()
        unit = self.unit
        painter.translate((round(device.dx()) - device.dx()) / unit, (round(device.dy()) - device.dy()) / unit)
        painter.scale(1 / unit, 1 / unit)

    def _paint_pixels(self, painter: QPainter, rect: QRect) -> None:
        """Paint the image within a logical rectangle, and black beside it."""
        unit, (height, width) = self.unit, self.device_size
        top, left = max(0, math.floor(rect.top() * unit) - 1), max(0, math.floor(rect.left() * unit) - 1)
        bottom = min(height, math.ceil((rect.bottom() + 1) * unit) + 1)
        right = min(width, math.ceil((rect.right() + 1) * unit) + 1)
        for y, x, band in self._raster.bands(self.table(), top, left, bottom, right):
            painter.drawImage(x, y, _wrapped(band))
        y0, x0, y1, x1 = self._raster.covered
        for first, start, last, stop in (
            (top, left, min(bottom, y0), right),
            (max(top, y1), left, bottom, right),
            (max(top, y0), left, min(bottom, y1), min(right, x0)),
            (max(top, y0), max(left, x1), min(bottom, y1), right),
        ):
            if first < last and start < stop:
                painter.fillRect(start, first, stop - start, last - first, Qt.GlobalColor.black)

    def _paint_additions(self, painter: QPainter, camera: Camera) -> None:
        unit, more = self.unit, self.additions
        while len(self._layers) < len(more.grids):
            self._layers.append(HeatLayer())
        del self._layers[len(more.grids) :]
        for layer, grid in zip(self._layers, more.grids, strict=False):
            layer.update(grid, camera, more.threshold, more.colours)
            layer.paint(painter, camera, more.opacity)
        self._paint_padding(painter)
        if more.cross is not None:
            self._paint_cross(painter, camera, more.cross)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)  # lines lie where they belong, also between device pixels
        labels: list[QRectF] = []
        for number, box in enumerate(more.boxes):
            overlay.paint_box(painter, camera, box, unit, number == more.current_box, labels)
        if more.nipple is not None:
            y, x = camera.to_screen(more.nipple)
            strokes.ring(painter, y, x, 6 * unit, Line(0x96000000, 3.5 * unit), Line(NIPPLE, 1.6 * unit))
        for start, stop, text in more.lines:
            self._paint_line(painter, camera, start, stop, text)
        for mark in more.marks:
            marks.paint(painter, camera, mark, unit)

    def _paint_padding(self, painter: QPainter) -> None:
        """Blacken the padding again where a heatmap was painted: there is no tissue that colour could say anything about."""
        picture = self.picture
        if picture is None or picture.padding is None or not any(layer.image is not None for layer in self._layers):
            return
        outside = self._raster.within(min(picture.padding), max(picture.padding))
        if outside is not None:
            height, width = outside.shape
            painter.drawImage(0, 0, QImage(outside.data, width, height, width, QImage.Format.Format_Alpha8))

    def _paint_cross(self, painter: QPainter, camera: Camera, at: Pair) -> None:
        y, x = camera.to_screen(at)
        height, width = self.device_size
        row, column, gap = round(y - 0.5), round(x - 0.5), round(14 * self.unit)
        thick = max(1, round(self.unit))
        for left, right in ((0, column - gap), (column + gap, width)):
            if left < right:
                painter.fillRect(QRect(left, row, right - left, thick), CROSS)
        for top, bottom in ((0, row - gap), (row + gap, height)):
            strokes.upright(painter, column, top, thick, bottom, CROSS.rgba(), height)

    def _paint_line(self, painter: QPainter, camera: Camera, start: Pair, stop: Pair, text: str) -> None:
        unit = self.unit
        (y0, x0), (y1, x1) = camera.to_screen(start), camera.to_screen(stop)
        for colour, width in ((QColor(0, 0, 0, 170), 3.5), (QColor(readout.STRONG), 1.4)):
            painter.setPen(QPen(colour, width * unit))
            painter.drawLine(QPointF(x0, y0), QPointF(x1, y1))
            for y, x in ((y0, x0), (y1, x1)):
                painter.drawLine(QPointF(x - 4 * unit, y), QPointF(x + 4 * unit, y))
                painter.drawLine(QPointF(x, y - 4 * unit), QPointF(x, y + 4 * unit))
        if text:
            image = readout.stamp(text, readout.STRONG, readout.BODY, True, unit)
            painter.drawImage(round(x1 + 8 * unit), round(y1 - image.height() / 2), image)

    def _paint_glass(self, painter: QPainter, camera: Camera) -> None:
        if self.magnifier is None or self.picture is None:
            return
        side = round(280 * self.unit)
        about = self.magnifier
        factor = max(2.0, 1.0 / max(camera.zoom))
        index = camera.to_index(about)
        inner = replace(camera, viewport=(side, side), chest_wall=None)
        zy, zx = inner.zoom
        corner = (side / 2 - (index[0] + 0.5) * zy * factor, side / 2 - (index[1] + 0.5) * zx * factor)
        inner = replace(inner, scale=camera.scale * factor, corner=corner)
        self._glass.update(self.picture.source, inner)
        left, top = round(about[1] - side / 2), round(about[0] - side / 2)
        black = 0 if self.picture.source.colour else greypath.black()
        painter.drawImage(left, top, _wrapped(self._glass.pixels(self.table(), black)))
        painter.setPen(QPen(QColor(readout.DIM), self.unit))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(left, top, side, side))
        image = readout.stamp(f"×{inner.zoom[1]:.2f}", readout.NORMAL, readout.SMALL, unit=self.unit)
        painter.drawImage(left + round(4 * self.unit), top + side - image.height(), image)

    def _paint_words(self, painter: QPainter) -> None:
        more, per_mm, bar = self.additions, 0.0, None
        if self.picture is not None and self.camera is not None and self.picture.has_mm:
            per_mm = self.camera.scale
        if more.legend is not None and more.grids and any(layer.image is not None for layer in self._layers):
            bar = Bar(more.legend, more.colours, more.grids[0].tables.level(more.threshold))
        self._words.paint(painter, self.caption, self.device_size, self.unit, per_mm, bar)

    # -- events, all passed on

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pass on."""
        self._mouse.press(self, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pass on."""
        self._mouse.move(self, event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Pass on."""
        self._mouse.release(self, event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Pass on."""
        self._mouse.double_click(self, event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Pass on."""
        self._mouse.wheel(self, event)
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Swallow it: the view opens its menu when the right button is let go without a drag."""
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Pass on."""
        self._mouse.leave(self)


def _wrapped(pixels: np.ndarray) -> QImage:
    """Return a QImage on the same buffer."""
    h, w = pixels.shape[:2]
    kind = QImage.Format.Format_RGB888 if pixels.ndim == 3 else greypath.current().format
    return QImage(pixels.data, w, h, pixels.strides[0], kind)
