"""CaseViewer: the images of one case, whatever their modality; the only part of the viewer that a window needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from reader_app.imaging.hanging import HangingProtocol
from reader_app.study.finding import Mark
from reader_app.ui import theme
from reader_app.ui.viewer.annotations import Annotations
from reader_app.ui.viewer.case_view import CaseView
from reader_app.ui.viewer.events import ViewerEvents
from reader_app.ui.viewer.exposure import AidWatch, Seen
from reader_app.ui.viewer.mammo_view import MammoView
from reader_app.ui.viewer.overlay import Aid
from reader_app.ui.viewer.pane import Pane
from reader_app.ui.viewer.ultrasound_view import UltrasoundView
from reader_app.ui.viewer.volume_view import VolumeView

SLAB_STEPS_MM = (0.0, 1.0, 2.0, 5.0, 10.0)


class CaseViewer(Annotations, QWidget):
    """Shows a case, its aid and the reader's marks; understands the mouse; leaves the keyboard to the window's actions.

    Signals are those of :class:`ViewerEvents`, here as attributes. A mark placed, moved or removed is only asked for: call
    `set_marks` with what is to be shown (also after a refusal).
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        cv2.setNumThreads(1)  # a pane takes a few milliseconds; the other cores belong to the loader and the log
        self._events = events = ViewerEvents(self)
        self.fully_painted = events.fully_painted
        self.uncovered = events.uncovered
        self.mark_placed = events.mark_placed
        self.mark_drawn = events.mark_drawn
        self.mark_shape_changed = events.mark_shape_changed
        self.finding_chosen = events.finding_chosen
        self.mark_moved = events.mark_moved
        self.mark_resized = events.mark_resized
        self.mark_removed = events.mark_removed
        self.mark_selected = events.mark_selected
        self.position_changed = events.position_changed
        self.window_changed = events.window_changed
        self.step_changed = events.step_changed
        self.finding_changed = events.finding_changed
        self.tool_changed = events.tool_changed
        self.aid_seen = events.aid_seen
        self.painted = events.painted
        self.menu_about_to_show = events.menu_about_to_show
        self._mammo = MammoView(self._events, self)
        self._volume = VolumeView(self._events, self)
        self._ultrasound = UltrasoundView(self._events, self)
        self._views: tuple[CaseView, ...] = (self._mammo, self._volume, self._ultrasound)
        self._view: CaseView | None = None
        self._covered = True
        self._case_unseen = False
        self._watch = AidWatch(lambda: self.slices() if self.aid_is_visible() else (), events.aid_seen.emit, self)
        events.looked.connect(self._watch.look)
        for view in self._views:
            view.hide()
        self.setMinimumSize(320, 240)

    # -- the case

    def show_case(
        self,
        case: Any,
        aid: Aid | None,
        *,
        threshold: float,
        opacity: float,
        marks: Sequence[Mark] = (),
        aid_visible: bool = True,
        show_priors: bool = True,
        hanging: HangingProtocol | None = None,
        planes: Sequence[str] = ("coronal", "transverse", "sagittal"),
    ) -> None:
        """Show a case from its beginning; ``fully_painted`` follows once, after the first paint of all its panes.

        Parameters
        ----------
        case : OpenCase
            Prefetched, so that painting never waits for a disk.
        aid : Prediction or None
            Drawn only where ``aid_visible``.
        threshold : float
            Raw value of the heatmap below which nothing is coloured.
        opacity : float
            0 to 1.
        show_priors : bool
            Whether an earlier exam has hanging steps of its own.
        hanging : HangingProtocol or None
            The study's own steps for mammograms; None takes the program's.
        planes : sequence of str
            The planes of a volume that the reader may see.
        """
        self._watch.stop()
        self._covered = True
        if not show_priors and any(image.role != "current" for image in case.images):
            case = replace(case, images=tuple(image for image in case.images if image.role == "current"))
        view = {"mammography": self._mammo, "abvs": self._volume, "ultrasound": self._ultrasound}[case.modality]
        old, self._view = self._view, view
        if old is not None and old is not view:
            old.clear()
            old.hide()
        view.setGeometry(self.rect())
        self._mammo.show_priors, self._mammo.protocol = show_priors, hanging
        self._volume.planes = tuple(planes)
        view.show_case(case, aid, threshold, opacity, marks, aid_visible)
        self._covered = self._case_unseen = False
        view.show()
        self._watch.look()

    def clear(self) -> None:
        """Show nothing and let go of the pixels."""
        self._watch.stop()
        for view in self._views:
            view.clear()
            view.hide()
        self._view = None
        self._covered, self._case_unseen = True, False

    def cover(self) -> None:
        """Take the images off the screen; nothing of the case is painted until `uncover`."""
        if self._view is None or self._covered:
            return
        self._watch.stop()
        self._case_unseen = self._view.stop_awaiting()
        self._view.stop_cine()
        self._view.gestures.forget()
        self._view.hide()
        self._covered = True

    def uncover(self) -> None:
        """Show the images again; ``uncovered`` follows (``fully_painted`` if the case had not been painted before)."""
        if self._view is None or not self._covered:
            return
        self._covered = False
        self._view.setGeometry(self.rect())
        self._view.await_paint(self._case_unseen)
        self._case_unseen = False
        self._view.show()
        self._watch.look()

    def is_covered(self) -> bool:
        """Return whether no image is on the screen."""
        return self._covered

    @property
    def view(self) -> CaseView | None:
        """The view of the case's modality."""
        return self._view

    def panes(self) -> tuple[Pane, ...]:
        """Return the panes on the screen."""
        return self._view.panes if self._view is not None else ()

    def pane(self, name: str) -> Pane:
        """Return a pane by name; KeyError when it is not on the screen."""
        for pane in self.panes():
            if pane.name == name:
                return pane
        raise KeyError(name)

    def slices(self) -> tuple[Seen, ...]:
        """Return the image, plane and slice that each pane shows now; nothing while the images are covered."""
        return self._view.slices() if self._view is not None and not self._covered else ()

    def say_aid_seen(self) -> None:
        """Emit ``aid_seen`` now if something was seen and not yet said (call it before a read is submitted)."""
        self._watch.say()

    def position_text(self) -> str:
        """Return where the reader is in a volume (side, clock, distance from the nipple, depth), else ""."""
        return self._volume.position_text() if self._view is self._volume else ""

    # -- grey-scale

    def preset(self, number: int) -> None:
        """Choose a named window (0 = first)."""
        if self._view is not None and 0 <= number < len(self._view.preset_names()):
            self._view.preset(number)

    def preset_names(self) -> tuple[str, ...]:
        """Return the names of the windows that the images offer."""
        return self._view.preset_names() if self._view is not None else ()

    def set_window(self, center: float, width: float) -> None:
        """Set centre and width (rescaled values)."""
        if self._view is not None:
            self._view.set_window_values(center, width)

    def reset_window(self) -> None:
        """Return to the first preset, not inverted."""
        if self._view is not None:
            self._view.reset_window()

    def invert(self) -> None:
        """Turn grey upside down, or back."""
        if self._view is not None:
            self._view.invert()

    # -- zoom, pan, steps

    def fit(self) -> None:
        """Fit the images: mammograms at one size; again: each to its own pane."""
        if self._view is not None:
            self._view.fit()

    def one_to_one(self) -> None:
        """Image pixels on pixels of the screen."""
        if self._view is not None:
            self._view.one_to_one()

    def true_size(self) -> None:
        """Millimetres on millimetres; needs `set_pixels_per_mm`."""
        if self._view is not None:
            self._view.true_size()

    def set_pixels_per_mm(self, value: float | None) -> None:
        """Tell the screen's device pixels per millimetre (workstation setting)."""
        for view in self._views:
            view.pixels_per_mm = value

    def zoom_in(self) -> None:
        """Zoom in about the cursor."""
        if self._view is not None:
            self._view.zoom(2)

    def zoom_out(self) -> None:
        """Zoom out about the cursor."""
        if self._view is not None:
            self._view.zoom(-2)

    def pan(self, dx: float, dy: float) -> None:
        """Move the images by logical pixels."""
        if self._view is not None and self._view.active is not None:
            unit = self._view.active.unit
            self._view.pan_by(self._view.active, dy * unit, dx * unit)

    def next_step(self) -> None:
        """Next hanging step (scan in a volume)."""
        if self._view is not None:
            self._view.step(1)

    def previous_step(self) -> None:
        """Previous hanging step."""
        if self._view is not None:
            self._view.step(-1)

    def has_steps(self) -> bool:
        """Return whether there is another hanging step, page or scan to go to."""
        return self._view is not None and self._view.has_steps()

    def step_text(self) -> str:
        """Return the hanging step in words."""
        return self._view.step_text() if self._view is not None else ""

    def set_left_tool(self, tool: str) -> None:
        """Choose what dragging with the left button does: window, scroll, pan, zoom, caliper or magnifier."""
        for view in self._views:
            view.gestures.tool = tool
        if self._view is not None:
            self._view.set_tool(tool)

    def reset(self) -> None:
        """Everything as first displayed: window, fit, first step."""
        if self._view is not None and self._view.case is not None:
            self._view.reset()

    # -- volumes and cines

    def scroll_by(self, steps: int) -> None:
        """Go on by planes of the active pane, or frames of a cine."""
        if self._view is not None and self._view.active is not None:
            self._view.scroll_pane(self._view.active, steps)

    def cine(self, play: bool | None = None) -> None:
        """Play or stop; None toggles."""
        if self._view is not None:
            self._view.play(play)

    def cine_faster(self) -> None:
        """Play faster."""
        if self._view is not None:
            self._view.cine_speed(1)

    def cine_slower(self) -> None:
        """Play slower."""
        if self._view is not None:
            self._view.cine_speed(-1)

    def set_slab(self, thickness_mm: float, mode: str = "mean") -> None:
        """Show coronal slabs of a thickness: "min", "mean" or "max"; 0 shows single planes."""
        self._volume.set_slab(thickness_mm, mode)

    def next_slab(self) -> None:
        """Next of the usual thicknesses."""
        now = self._volume.slab_mm
        later = [mm for mm in SLAB_STEPS_MM if mm > now + 1e-6]
        self._volume.set_slab(later[0] if later else SLAB_STEPS_MM[0], self._volume.slab_mode)

    def next_slab_mode(self) -> None:
        """From mean to minimum to maximum."""
        order = ("mean", "min", "max")
        self._volume.set_slab(self._volume.slab_mm, order[(order.index(self._volume.slab_mode) + 1) % 3])

    def scans(self) -> tuple[str, ...]:
        """Return the ids of the volumes of an ABVS case."""
        return self._volume.scans() if self._view is self._volume else ()

    def select_scan(self, image_id: str) -> None:
        """Show another scan, at the same place relative to the nipple where it is the same breast."""
        if self._view is self._volume:
            self._volume.select_scan(image_id)

    def next_scan(self) -> None:
        """Next scan."""
        if self._view is self._volume:
            self._volume.step(1)

    def previous_scan(self) -> None:
        """Previous scan."""
        if self._view is self._volume:
            self._volume.step(-1)

    # -- Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the view all the room."""
        if self._view is not None:
            self._view.setGeometry(self.rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the neutral cover."""
        QPainter(self).fillRect(event.rect(), theme.READING["background"])
