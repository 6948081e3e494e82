"""Window and level, zoom and pan: what every view does with its panes when the reader's hand moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from reader_app.ui.language import tr
from reader_app.ui.viewer.camera import Camera, Pair
from reader_app.ui.viewer.content import Window
from reader_app.ui.viewer.gestures import ZOOM_PER_STEP
from reader_app.ui.viewer.pane import Pane
from reader_app.ui.viewer.view import PaneView

DRAG_REACH = 400.0  # logical pixels of drag that change the window by its own width


def mode_words(mode: str) -> str:
    """Return how the images are scaled, in words."""
    return {"fit": tr("fit"), "true size": tr("true size")}.get(mode, mode)


class MovableView(PaneView):
    """Panes whose window, scale and position follow the reader; those linked with the pane in use follow it."""

    # -- window and level

    def change_windows(self, change: Callable[[Pane], Window]) -> None:
        """Give the pane in use, and those that go with it, another window and say so."""
        panes = self.with_pixels()
        if panes:
            leader = self.active if self.active in panes else panes[0]
            self.lead(leader, self.windowed_with(leader), lambda p: p.set_window(change(p)))
        self.events.window_changed.emit(self.window_text())

    def drag_window(self, pane: Pane, dx: float, dy: float) -> None:
        """Right: wider; down: darker. Every pane changes in proportion to its own width."""

        def change(p: Pane) -> Window:
            center, width = p.window_state.values(p.grey)
            k = width / DRAG_REACH
            return replace(p.window_state, own=(center + dy * k, max(width * math.exp(dx / DRAG_REACH), 1.0)))

        self.change_windows(change)

    def preset(self, number: int) -> None:
        """Choose a named window of each image."""
        self.change_windows(lambda p: replace(p.window_state, preset=number, own=None))

    def preset_names(self) -> tuple[str, ...]:
        """Return the names of the presets of the pane in use."""
        panes = self.with_pixels()
        if not panes:
            return ()
        pane = self.active if self.active in panes else panes[0]
        return tuple(p.name or f"window {i + 1}" for i, p in enumerate(pane.grey.presets))

    def set_window_values(self, center: float, width: float) -> None:
        """Set centre and width."""
        self.change_windows(lambda p: replace(p.window_state, own=(center, width)))

    def invert(self) -> None:
        """Turn grey upside down, or back; padding stays black."""
        self.change_windows(lambda p: replace(p.window_state, inverted=not p.window_state.inverted))

    def reset_window(self) -> None:
        """Return to the first preset, not inverted."""
        self.change_windows(lambda p: Window())

    def window_text(self) -> str:
        """Return the window of the active (else the first) grey pane in words."""
        panes = self.with_pixels()
        if not panes:
            return ""
        pane = self.active if self.active in panes else panes[0]
        return pane.window_state.words(pane.grey)

    # -- zoom and pan

    def move_cameras(self, pane: Pane, change: Callable[[Camera, bool, Pane], Camera]) -> None:
        """Change the camera of a pane and of those linked with it."""

        def act(other: Pane) -> None:
            if other.camera is not None:
                other.set_camera(change(other.camera, self.mirrored(pane, other), other))

        self.lead(pane, self.linked(pane), act)

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
        self.catch_up()
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
