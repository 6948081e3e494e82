"""What the views of all modalities share: panes, window/level, zoom, aid, marks, callipers, the stamp of the full paint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QPoint
from PySide6.QtGui import QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QWidget

from reader_app.imaging.overlay import Box, legend
from reader_app.study.finding import Mark
from reader_app.ui.viewer import overlay
from reader_app.ui.viewer.camera import Camera, Pair
from reader_app.ui.viewer.events import ViewerEvents
from reader_app.ui.viewer.gestures import TOOLS, ZOOM_PER_STEP, Gestures
from reader_app.ui.viewer.overlay import Aid
from reader_app.ui.viewer.pane import Pane, Window

ALL_PAINTED = QEvent.Type(QEvent.registerEventType())
DRAG_REACH = 400.0  # logical pixels of drag that change the window by its own width


class CaseView(QWidget):
    """Base of the modality views; the panes call it as their handler.

    Subclasses set ``panes`` (those on the screen, in the order in which they are named) and answer the hooks marked so.
    """

    def __init__(self, events: ViewerEvents, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.events = events
        self.gestures = Gestures(self)
        self.panes: tuple[Pane, ...] = ()
        self.case: Any = None
        self.aid: Aid | None = None
        self.aid_visible = True
        self.threshold, self.opacity, self.colours = 0.35, 0.55, "inferno"
        self.marks: tuple[Mark, ...] = ()
        self.marks_visible = True
        self.selected_mark = ""
        self.mode = "fit"
        self.pixels_per_mm: float | None = None
        self._active: Pane | None = None
        self._awaited: set[str] | None = None
        self._first_of_case = False
        self._moving: tuple[str, tuple[float, ...]] | None = None
        self._caliper: tuple[Pane, Pair] | None = None
        self._calipers: dict[str, tuple[tuple[Pair, Pair, str], ...]] = {}
        self._finding = -1

    # -- a case comes and goes

    def show_case(
        self, case: Any, aid: Aid | None, threshold: float, opacity: float, marks: Sequence[Mark], visible: bool
    ) -> None:
        """Show a case from its beginning: first step, fitted, first preset, no callipers."""
        self.gestures.forget()
        self.case, self.aid, self.aid_visible = case, aid, visible
        self.threshold, self.opacity = threshold, opacity
        self.marks, self.marks_visible, self.selected_mark = tuple(marks), True, ""
        self._calipers, self._caliper, self._moving, self._finding = {}, None, None, -1
        self.mode = "fit"
        self.hang()
        self._active = self.panes[0] if self.panes else None
        self.refresh()
        self.await_paint(True)
        self.events.window_changed.emit(self.window_text())
        self.events.step_changed.emit(self.step_text())

    def clear(self) -> None:
        """Let go of the case and its pixels."""
        self.gestures.forget()
        self.stop_cine()
        self._awaited = None
        self.case = self.aid = None
        self.marks = ()
        self.forget_pixels()

    def await_paint(self, first: bool) -> None:
        """Emit ``fully_painted`` (first) or ``uncovered`` when every pane has been painted from now on."""
        self._awaited = {p.name for p in self.panes}
        self._first_of_case = first
        for pane in self.panes:
            pane.update()

    def stop_awaiting(self) -> bool:
        """Give up waiting (the images are being covered); return whether the case had still to be painted first."""
        pending = self._awaited is not None and self._first_of_case
        self._awaited = None
        return pending

    # -- hooks

    def hang(self) -> None:
        """Hook: put the images of ``case`` into panes."""
        raise NotImplementedError

    def arrange(self) -> None:
        """Hook: place the panes and, where the mode asks for it, set their cameras."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Hook: bring overlays, marks and captions of all panes up to date."""
        raise NotImplementedError

    def forget_pixels(self) -> None:
        """Hook: drop references to pixels."""

    def solid_index(self, pane: Pane, at: Pair) -> tuple[float, ...]:
        """Hook: the image index (2 or 3 numbers) of a place in a pane."""
        return at

    def scrolls(self, pane: Pane) -> bool:
        """Hook: whether the wheel scrolls in this pane."""
        return False

    def scroll_pane(self, pane: Pane, steps: int) -> None:
        """Hook: go on by planes or frames."""

    def clicked(self, pane: Pane, at: Pair | None) -> None:
        """Hook: a click without a drag."""

    def hovered(self, pane: Pane, at: Pair | None) -> None:
        """Hook: the cursor is over an image index, or over none."""

    def step_text(self) -> str:
        """Hook: what is shown now, in words."""
        return ""

    def step(self, by: int) -> None:
        """Hook: next or previous hanging step."""

    def show_finding(self, box: Box, number: int, count: int) -> None:
        """Hook: bring a box of the aid into view."""

    def show_mark(self, mark: Mark) -> None:
        """Hook: bring a mark into view."""

    def linked(self, pane: Pane) -> Iterable[Pane]:
        """Hook: the panes that zoom and pan with this one, itself first."""
        return (pane,)

    def mirrored(self, pane: Pane, other: Pane) -> bool:
        """Hook: whether a linked pane moves as in a mirror."""
        return False

    def play(self, on: bool | None) -> None:
        """Hook: play or stop a cine; None toggles."""

    def cine_speed(self, by: int) -> None:
        """Hook: play faster or slower."""

    def stop_cine(self) -> None:
        """Stop playing."""
        self.play(False)

    def reset(self) -> None:
        """Everything as first displayed: first step, fit, first preset, no callipers."""
        self._calipers, self._finding = {}, -1
        self.mode = "fit"
        self.hang()
        self.refresh()
        self.events.window_changed.emit(self.window_text())
        self.events.step_changed.emit(self.step_text())

    # -- first full paint

    def pane_painted(self, pane: Pane, milliseconds: float) -> None:
        """Count a painted pane; the last one posts the event that carries the news."""
        self.events.painted.emit(milliseconds)
        if self._awaited is None or pane not in self.panes or (pane.camera is None and pane.picture is not None):
            return
        handle = self.window().windowHandle()
        if handle is None or not handle.isExposed():
            return
        self._awaited.discard(pane.name)
        if not self._awaited:
            self._awaited = None
            QCoreApplication.postEvent(self, QEvent(ALL_PAINTED))

    def event(self, event: QEvent) -> bool:
        """Receive the event posted by the last pane painted."""
        if event.type() == ALL_PAINTED:
            names = tuple(p.name for p in self.panes)
            if self.case is not None and self.isVisible():
                (self.events.fully_painted if self._first_of_case else self.events.uncovered).emit(names)
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the panes anew."""
        self.arrange()

    def pane_resized(self, pane: Pane) -> None:
        """Nothing: the view places its panes and sets their cameras together."""

    # -- mouse events, to the gestures

    def press(self, pane: Pane, event: QMouseEvent) -> None:
        """Pass on."""
        self.gestures.press(pane, event)

    def move(self, pane: Pane, event: QMouseEvent) -> None:
        """Pass on."""
        self.gestures.move(pane, event)

    def release(self, pane: Pane, event: QMouseEvent) -> None:
        """Pass on."""
        self.gestures.release(pane, event)

    def double_click(self, pane: Pane, event: QMouseEvent) -> None:
        """Pass on."""
        self.gestures.double_click(pane, event)

    def wheel(self, pane: Pane, event: QWheelEvent) -> None:
        """Pass on."""
        self.gestures.wheel(pane, event)

    def leave(self, pane: Pane) -> None:
        """Pass on."""
        self.gestures.leave(pane)

    # -- panes

    @property
    def active(self) -> Pane | None:
        """The pane under the cursor, else the one used last."""
        if self.gestures.hover is not None and self.gestures.hover[0] in self.panes:
            return self.gestures.hover[0]
        return self._active if self._active in self.panes else (self.panes[0] if self.panes else None)

    def set_active(self, pane: Pane) -> None:
        """Remember the pane used last."""
        self._active = pane

    def focus_point(self, pane: Pane) -> Pair:
        """Return the place (device pixels) that keyboard zoom keeps: the cursor if it is in the pane, else the middle."""
        hover = self.gestures.hover
        if hover is not None and hover[0] is pane:
            return pane.to_device(hover[1])
        return pane.device_size[0] / 2, pane.device_size[1] / 2

    # -- window and level

    def each_grey(self) -> list[Pane]:
        """Return the panes that show grey pixels."""
        return [p for p in self.panes if p.picture is not None and p.picture.grey is not None]

    def change_windows(self, change: Callable[[Pane], Window]) -> None:
        """Give every grey pane another window and say so."""
        for pane in self.each_grey():
            pane.set_window(change(pane))
        self.captions()
        self.events.window_changed.emit(self.window_text())

    def drag_window(self, pane: Pane, dx: float, dy: float) -> None:
        """Right: wider; down: darker. Every grey pane changes in proportion to its own width."""

        def change(p: Pane) -> Window:
            center, width = p.window_state.values(p.picture.grey)
            k = width / DRAG_REACH
            return replace(p.window_state, own=(center + dy * k, max(width * math.exp(dx / DRAG_REACH), 1.0)))

        self.change_windows(change)

    def preset(self, number: int) -> None:
        """Choose a named window of each image."""
        self.change_windows(lambda p: replace(p.window_state, preset=number, own=None))

    def preset_names(self) -> tuple[str, ...]:
        """Return the names of the presets of the first grey pane."""
        panes = self.each_grey()
        return tuple(p.name or f"window {i + 1}" for i, p in enumerate(panes[0].picture.grey.presets)) if panes else ()

    def set_window_values(self, center: float, width: float) -> None:
        """Set centre and width on every grey pane."""
        self.change_windows(lambda p: replace(p.window_state, own=(center, width)))

    def invert(self) -> None:
        """Turn grey upside down, or back; padding stays black."""
        self.change_windows(lambda p: replace(p.window_state, inverted=not p.window_state.inverted))

    def reset_window(self) -> None:
        """Return to the first preset, not inverted."""
        self.change_windows(lambda p: Window())

    def window_text(self) -> str:
        """Return the window of the active (else the first) grey pane in words."""
        panes = self.each_grey()
        if not panes:
            return ""
        pane = self.active if self.active in panes else panes[0]
        return pane.window_state.words(pane.picture.grey)

    # -- zoom and pan

    def move_cameras(self, pane: Pane, change: Callable[[Camera, bool, Pane], Camera]) -> None:
        """Change the camera of a pane and of those linked with it; the pane itself is painted first."""
        for other in self.linked(pane):
            if other.camera is not None:
                other.set_camera(change(other.camera, self.mirrored(pane, other), other))
        self.captions()

    def zoom_about(self, pane: Pane, factor: float, about: Pair) -> None:
        """Zoom about a place of a pane (device pixels); linked panes about the same or the mirrored place."""
        if pane.camera is None:
            return
        self.mode = ""
        width = pane.device_size[1]
        fy, fx = about[0] / pane.device_size[0], about[1] / width

        def change(camera: Camera, mirror: bool, other: Pane) -> Camera:
            h, w = camera.viewport
            at = about if other is pane else (fy * h, (1 - fx if mirror else fx) * w)
            return camera.zoomed(factor, at)

        self.move_cameras(pane, change)

    def pan_by(self, pane: Pane, dy: float, dx: float) -> None:
        """Move the images by device pixels; linked panes alike or mirrored."""
        self.mode = ""
        self.move_cameras(pane, lambda camera, mirror, _: camera.panned(dy, -dx if mirror else dx))

    def zoom(self, steps: int) -> None:
        """Zoom by keyboard about the cursor or the middle."""
        if self.active is not None:
            self.zoom_about(self.active, ZOOM_PER_STEP**steps, self.focus_point(self.active))

    def fit(self) -> None:
        """Fit all panes again."""
        self.mode = "fit"
        self.arrange()

    def at_scale(self, pane: Pane, scale: Callable[[Camera], float], mode: str, at: Pair) -> None:
        """Bring a pane and those linked with it to a scale, the place ``at`` of the pane staying in view."""
        if pane.camera is None:
            return
        factor = scale(pane.camera) / pane.camera.scale
        self.zoom_about(pane, factor, at)
        self.mode = mode
        self.captions()

    def one_to_one(self, at: Pair | None = None) -> None:
        """One image pixel on one pixel of the screen in the active pane; linked panes at the same size in mm."""
        pane = self.active
        if pane is not None:
            self.at_scale(pane, lambda c: 1.0 / min(c.pixel), "1:1", at or self.focus_point(pane))

    def toggle_one_to_one(self, pane: Pane, at: Pair) -> None:
        """Double click: 1:1 at the cursor, and back to the fit."""
        self.set_active(pane)
        if pane.camera is not None and self.mode != "1:1":
            self.at_scale(pane, lambda c: 1.0 / min(c.pixel), "1:1", at)
        else:
            self.fit()

    def true_size(self) -> None:
        """A millimetre of the breast on a millimetre of the screen; needs the screen's calibration and the image's spacing."""
        pane = self.active
        if pane is None or self.pixels_per_mm is None or pane.picture is None or not pane.picture.has_mm:
            return
        per_mm = self.pixels_per_mm
        self.at_scale(pane, lambda _: per_mm, "true size", self.focus_point(pane))

    def gesture_ended(self, pane: Pane) -> None:
        """Hook: the mouse was let go after a pan, zoom or window drag."""

    # -- aid

    def set_aid(self, aid: Aid | None, visible: bool = True) -> None:
        """Give or take the prediction (it is revealed after the unaided answer)."""
        self.aid, self.aid_visible, self._finding = aid, visible, -1
        self.refresh()

    def set_aid_visible(self, visible: bool) -> None:
        """Show or hide the aid."""
        if visible != self.aid_visible:
            self.aid_visible = visible
            self.refresh()

    def set_overlay(self, threshold: float, opacity: float) -> None:
        """Change threshold (raw unit of the heatmap) and opacity."""
        self.threshold, self.opacity = threshold, opacity
        for pane in self.panes:
            pane.additions = replace(pane.additions, threshold=threshold, opacity=opacity)
            pane.update()

    def findings(self) -> list[Box]:
        """Return the boxes of the aid on images of this case, most suspicious first."""
        if self.aid is None or not self.aid_visible or self.case is None:
            return []
        known = {image.id for image in self.case.images}
        return sorted((b for b in self.aid.boxes if b.image_id in known), key=lambda b: -b.score)

    def go_to_finding(self, by: int) -> None:
        """Step through the boxes of the aid."""
        boxes = self.findings()
        if not boxes:
            self.events.finding_changed.emit(overlay.status_words(self.aid, "") if self.aid_visible else "")
            return
        first = 0 if by > 0 else len(boxes) - 1
        self._finding = first if self._finding < 0 else (self._finding + by) % len(boxes)
        box = boxes[self._finding]
        self.show_finding(box, self._finding, len(boxes))
        self.refresh()
        word = f" {box.label}" if box.label else ""
        self.events.finding_changed.emit(f"finding {self._finding + 1} of {len(boxes)}:{word} {box.score:.2f}")

    @property
    def current_finding(self) -> Box | None:
        """The box the reader stepped to."""
        boxes = self.findings()
        return boxes[self._finding] if 0 <= self._finding < len(boxes) else None

    def legend_words(self, image_id: str) -> tuple[str, str] | None:
        """Return the texts at the ends of the colour bar, or None where no colour is painted."""
        if self.aid is None or not self.aid_visible:
            return None
        maps = [h for h in self.aid.heatmaps if h.image_id == image_id and h.evidence]
        if not maps:
            return None
        ticks = legend(max(self.threshold, maps[0].floor), maps[0].ceiling).ticks
        return ticks[0][1], ticks[-1][1]

    # -- marks

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Show these marks."""
        self.marks, self._moving = tuple(marks), None
        self.refresh()

    def set_marks_visible(self, visible: bool) -> None:
        """Show or hide the marks."""
        self.marks_visible = visible
        self.refresh()

    def shown_marks(self) -> tuple[Mark, ...]:
        """Return the marks as they should be drawn now, one in the hand at its new place."""
        if not self.marks_visible:
            return ()
        if self._moving is None:
            return self.marks
        mark_id, index = self._moving
        return tuple(replace(m, index=index) if m.mark_id == mark_id else m for m in self.marks)

    def mark_at_cursor(self) -> bool:
        """Ask for a mark under the cursor; return False where the cursor is over no image."""
        hover = self.gestures.hover
        if hover is None or hover[0] not in self.panes or hover[0].camera is None:
            return False
        at = hover[0].screen_to_image(hover[1])
        if at is None or not hover[0].camera.contains(at):
            return False
        self.events.mark_placed.emit(hover[0].image_id, self.solid_index(hover[0], at))
        return True

    def select_mark(self, mark_id: str) -> bool:
        """Make a mark the chosen one and bring it into view."""
        for mark in self.marks:
            if mark.mark_id == mark_id:
                self.selected_mark = mark_id
                self.show_mark(mark)
                self.refresh()
                return True
        return False

    def mark_pressed(self, mark_id: str) -> None:
        """The mouse took hold of a mark."""
        self.selected_mark = mark_id
        self.refresh()
        self.events.mark_selected.emit(mark_id)

    def drag_mark(self, pane: Pane, mark_id: str, at: Pair | None) -> None:
        """Show a mark where the hand holds it."""
        if at is not None:
            self._moving = (mark_id, self.solid_index(pane, at))
            self.refresh()

    def drop_mark(self, pane: Pane, mark_id: str, at: Pair | None) -> None:
        """Ask for the mark to be moved; outside the image it stays where it was."""
        if at is None:
            self._moving = None
            self.refresh()
        else:
            self.events.mark_moved.emit(mark_id, self.solid_index(pane, at))

    # -- callipers

    def set_tool(self, tool: str) -> None:
        """Choose what the left button does."""
        if tool in TOOLS:
            self.gestures.tool = tool
            self.events.tool_changed.emit(tool)

    def begin_caliper(self, pane: Pane, at: Pair | None) -> None:
        """Set the first end."""
        self._caliper = None if at is None else (pane, at)

    def drag_caliper(self, pane: Pane, at: Pair | None) -> None:
        """Move the second end; one distance a pane."""
        if self._caliper is None or at is None or self._caliper[0] is not pane or pane.picture is None:
            return
        start = self._caliper[1]
        dy, dx = ((b - a) * p for a, b, p in zip(start, at, pane.picture.pixel, strict=True))
        unit = "mm" if pane.picture.has_mm else "px"
        self._calipers[pane.name] = ((start, at, f"{math.hypot(dy, dx):.1f} {unit}"),)
        self.refresh()

    def end_caliper(self, pane: Pane, dragged: bool) -> None:
        """Leave the distance on the screen; a click without a drag takes it away."""
        self._caliper = None
        if not dragged and self._calipers.pop(pane.name, None) is not None:
            self.refresh()

    def calipers(self, pane: Pane) -> tuple[tuple[Pair, Pair, str], ...]:
        """Return the distances drawn in a pane."""
        return self._calipers.get(pane.name, ())

    # -- words

    def captions(self) -> None:
        """Hook: bring the words of all panes up to date."""

    # -- menu

    def open_menu(self, pane: Pane, at: QPoint, mark_id: str | None) -> None:
        """Show the context menu."""
        menu = QMenu(self)
        if mark_id is not None:
            menu.addAction(self.tr("Remove this mark"), lambda: self.events.mark_removed.emit(mark_id))
            menu.addSeparator()
        for number, name in enumerate(self.preset_names()):
            menu.addAction(name, lambda n=number: self.preset(n))
        menu.addSeparator()
        menu.addAction(self.tr("Invert"), self.invert)
        menu.addAction(self.tr("Fit"), self.fit)
        menu.addAction(self.tr("1:1"), lambda: self.toggle_one_to_one(pane, self.focus_point(pane)))
        if self.pixels_per_mm is not None and pane.picture is not None and pane.picture.has_mm:
            menu.addAction(self.tr("True size"), self.true_size)
        tools = menu.addMenu(self.tr("Left button"))
        for tool in TOOLS:
            action = tools.addAction(self.tr(tool.capitalize()), lambda t=tool: self.set_tool(t))
            action.setCheckable(True)
            action.setChecked(tool == self.gestures.tool)
        self.events.menu_about_to_show.emit(menu)
        menu.popup(at)
        menu.aboutToHide.connect(menu.deleteLater)
