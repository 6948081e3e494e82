"""What the mouse does in a pane, as in most reading stations.

left drag: window/level or the tool chosen; left click: look there (volume), take hold of a mark; on a grip of the chosen box,
ellipse or outline: resize it; double click: 1:1 and back;
middle drag: pan; right drag: zoom; right click: menu; wheel: scroll a volume or cine, zoom an image; Ctrl + wheel: zoom always.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from reader_app.ui.viewer import marks
from reader_app.ui.viewer.camera import Pair
from reader_app.ui.viewer.pane import Pane

if TYPE_CHECKING:
    from reader_app.ui.viewer.case_view import CaseView

TOOLS = ("window", "scroll", "pan", "zoom", "caliper", "magnifier")
CLICK_REACH = 4.0  # logical pixels within which a press and a release are a click
#: Cursor over a grip, by the product of its sides and whether it moves along columns.
_CURSORS = {
    (1, True): Qt.CursorShape.SizeFDiagCursor,
    (-1, True): Qt.CursorShape.SizeBDiagCursor,
    (0, True): Qt.CursorShape.SizeHorCursor,
    (0, False): Qt.CursorShape.SizeVerCursor,
}
WHEEL_STEP = 120.0  # eighths of a degree
ZOOM_PER_STEP = 1.15


class Gestures:
    """Turns mouse events of all panes of a view into what the view does."""

    def __init__(self, view: CaseView) -> None:
        self._view = view
        self._pane: Pane | None = None
        self._tool = ""
        self._start = QPointF()
        self._last = QPointF()
        self._dragging = False
        self._mark = ""
        self._sides = (0, 0)
        self._wheel = 0.0
        self._scroll = 0.0
        self.tool = "window"
        self.shape = "point"  # what a left drag draws; "point": nothing, the tool above counts
        self.hover: tuple[Pane, QPointF] | None = None

    def press(self, pane: Pane, event: QMouseEvent) -> None:
        """Begin a gesture."""
        view = self._view
        self._start = self._last = event.position()
        self._pane, self._dragging, self._mark, self._scroll = pane, False, "", 0.0
        view.set_active(pane)
        button = event.button()
        if button == Qt.MouseButton.MiddleButton:
            self._tool = "pan"
        elif button == Qt.MouseButton.RightButton:
            self._tool = "zoom"
        elif button == Qt.MouseButton.LeftButton:
            held, grip = self._mark_under(pane, event.position()), self._grip_under(pane, event.position())
            if grip is not None:
                self._tool, (self._mark, self._sides) = "resize", grip
            elif held is not None:
                self._tool, self._mark = "mark", held
                view.mark_pressed(held)
            elif self.shape != "point":
                self._tool = "draw"
                view.begin_stroke(pane, self._index(pane, event.position()))
            else:
                self._tool = self.tool
                if self.tool == "caliper":
                    view.begin_caliper(pane, self._index(pane, event.position()))
                elif self.tool == "magnifier":
                    self._glass(pane, event.position())
        else:
            self._tool = ""

    def move(self, pane: Pane, event: QMouseEvent) -> None:
        """Follow the cursor, or go on with a gesture."""
        view, here = self._view, event.position()
        self.hover = (pane, here)
        if self._pane is None or not self._tool:
            grip = self._grip_under(pane, here)
            shape = _CURSORS[grip[1][0] * grip[1][1], bool(grip[1][1])] if grip else Qt.CursorShape.ArrowCursor
            if pane.cursor().shape() != shape:
                pane.setCursor(shape)
            view.hovered(pane, self._index(pane, here))
            return
        if not self._dragging and (here - self._start).manhattanLength() < CLICK_REACH:
            return
        dx, dy = here.x() - self._last.x(), here.y() - self._last.y()
        self._dragging, self._last = True, here
        pane, unit = self._pane, self._pane.unit
        if self._tool == "window":
            view.drag_window(pane, dx, dy)
        elif self._tool == "pan":
            view.pan_by(pane, dy * unit, dx * unit)
        elif self._tool == "zoom":
            view.zoom_about(pane, math.exp(-dy * 0.006), pane.to_device(self._start))
        elif self._tool == "scroll":
            self._scroll += dy / 6
            whole = int(self._scroll)
            if whole:
                self._scroll -= whole
                view.scroll_pane(pane, whole)
        elif self._tool == "caliper":
            view.drag_caliper(pane, self._index(pane, here))
        elif self._tool == "magnifier":
            self._glass(pane, here)
        elif self._tool == "draw":
            view.drag_stroke(pane, self._index(pane, here))
        elif self._tool == "mark":
            view.drag_mark(pane, self._mark, self._index(pane, here))
        elif self._tool == "resize":
            view.resize_mark(pane, self._mark, self._sides, self._index(pane, here))

    def release(self, pane: Pane, event: QMouseEvent) -> None:
        """End a gesture."""
        view, tool, started = self._view, self._tool, self._pane
        self._pane, self._tool = None, ""
        if started is None:
            return
        if started.magnifier is not None:
            started.magnifier = None
            started.update()
        index = self._index(started, event.position())
        if tool == "mark" and self._dragging:
            view.drop_mark(started, self._mark, index)
        elif tool == "resize":
            view.end_resize()
        elif tool == "draw":
            view.end_stroke(started, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif tool == "caliper":
            view.end_caliper(started, self._dragging)
        elif not self._dragging:
            if event.button() == Qt.MouseButton.RightButton:
                view.open_menu(started, event.globalPosition().toPoint(), self._mark_under(started, event.position()))
            elif event.button() == Qt.MouseButton.LeftButton and tool != "mark":
                view.clicked(started, index)
        elif tool in ("pan", "zoom", "window"):
            view.gesture_ended(started)

    def double_click(self, pane: Pane, event: QMouseEvent) -> None:
        """1:1 at the cursor, and back."""
        if event.button() == Qt.MouseButton.LeftButton and self._mark_under(pane, event.position()) is None:
            self._view.toggle_one_to_one(pane, pane.to_device(event.position()))

    def wheel(self, pane: Pane, event: QWheelEvent) -> None:
        """Scroll or zoom by whole steps; small turns of fine wheels add up."""
        delta = event.angleDelta()
        self._wheel += delta.y() or delta.x()
        steps = int(self._wheel / WHEEL_STEP)
        if not steps:
            return
        self._wheel -= steps * WHEEL_STEP
        view = self._view
        view.set_active(pane)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier or not view.scrolls(pane):
            view.zoom_about(pane, ZOOM_PER_STEP**steps, pane.to_device(event.position()))
        else:
            fast = 5 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            view.scroll_pane(pane, -steps * fast)

    def leave(self, pane: Pane) -> None:
        """Forget the cursor."""
        if self.hover is not None and self.hover[0] is pane:
            self.hover = None
            self._view.hovered(pane, None)

    def forget(self) -> None:
        """Drop a gesture half made (another case is coming)."""
        if self._pane is not None and self._pane.magnifier is not None:
            self._pane.magnifier = None
        self._pane, self._tool, self.hover = None, "", None

    def _index(self, pane: Pane, point: QPointF) -> Pair | None:
        index = pane.screen_to_image(point)
        return index if index is not None and pane.camera is not None and pane.camera.contains(index) else None

    def _mark_under(self, pane: Pane, point: QPointF) -> str | None:
        if pane.camera is None:
            return None
        found = marks.under(pane.additions.marks, pane.camera, pane.to_device(point), pane.unit)
        return found.mark_id if found else None

    def _grip_under(self, pane: Pane, point: QPointF) -> tuple[str, tuple[int, int]] | None:
        if pane.camera is None or not pane.additions.marks:
            return None
        return marks.grip_under(pane.additions.marks, pane.camera, pane.to_device(point), pane.unit)

    def _glass(self, pane: Pane, point: QPointF) -> None:
        pane.magnifier = pane.to_device(point)
        pane.update()
