"""ABVS volumes: a large coronal plane, transverse and sagittal beside it, one linked position."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QWidget

from reader_app.imaging import geometry
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.imaging.window import GreyScale
from reader_app.study.finding import Mark
from reader_app.ui.language import tr
from reader_app.ui.viewer import cursor, layout, overlay
from reader_app.ui.viewer.camera import Pair, fitted
from reader_app.ui.viewer.case_view import CaseView
from reader_app.ui.viewer.cine import Cine
from reader_app.ui.viewer.content import Picture, Window
from reader_app.ui.viewer.cursor import CORONAL, PLANES, Plane, Triple, clipped, nearest
from reader_app.ui.viewer.events import ViewerEvents
from reader_app.ui.viewer.exposure import Seen, still
from reader_app.ui.viewer.marks import IN_PLANE_MM, NEAR_PLANE_MM, FlatMark, flat
from reader_app.ui.viewer.overlay import Grid
from reader_app.ui.viewer.pane import Pane
from reader_app.ui.viewer.raster import Source
from reader_app.ui.viewer.scan_tabs import ScanTabs
from reader_app.ui.viewer.slabs import Slabs
from reader_app.ui.viewer.slider import MARK_COLOUR, WIDTH, PlaneSlider
from reader_app.ui.viewer.words import Caption

SCROLL_MM = 0.4  # one turn of the wheel goes on by at least this much
FIRST_DEPTH = 0.3  # of the volume's depth, where a scan is first shown
SLAB_MM = 1.0  # coronal slab at first: thin enough for detail, thick enough to calm the speckle
SPEEDS = (5.0, 10.0, 15.0, 20.0, 30.0)  # planes a second


class VolumeView(CaseView):
    """Three linked planes of one scan, tabs for the others."""

    def __init__(self, events: ViewerEvents, parent: QWidget | None = None) -> None:
        super().__init__(events, parent)
        self.slab_mm, self.slab_mode = SLAB_MM, "mean"
        self.planes: tuple[str, ...] = tuple(plane.name for plane in PLANES)  # those that the study lets the reader see
        self.image: Any = None
        self._letters: tuple[tuple[str, str], ...] = (("", ""),) * 3  # of the two ends of each axis of the volume
        self.position: Triple = (0.0, 0.0, 0.0)
        self._volumes: dict[str, Any] = {}
        self._places: dict[str, Triple] = {}
        self._slabs = Slabs()
        self._cuts: dict[Plane, tuple[Any, ...]] = {}
        self._heat: dict[Plane, tuple[tuple[Any, ...], tuple[Grid, ...]]] = {}
        self._planes = {Pane(plane.name, "", self.gestures, self.pane_painted, self): plane for plane in PLANES}
        self._own_panes = tuple(self._planes)
        self._sliders = {pane: PlaneSlider(pane) for pane in self._own_panes}
        for pane, slider in self._sliders.items():
            slider.moved.connect(lambda index, p=pane: self._slide(p, index))
        self._tabs = ScanTabs(self)
        self._tabs.chosen.connect(self.select_scan)
        self._cine, self._direction = Cine(SPEEDS, self._tick, self), 1

    # -- the case

    def hang(self) -> None:
        """Show the first scan; offer the others as tabs."""
        self._volumes = {image.id: image for image in self.case.images if image.kind == "volume" and image.role == "current"}
        self._places, self._cuts, self._heat, self._slabs = {}, {}, {}, Slabs()
        self._tabs.set_scans([(i, cursor.scan_words(image)) for i, image in self._volumes.items()])
        self._tabs.setVisible(len(self._volumes) > 1)
        for pane in self._own_panes:
            pane.window_state, pane.magnifier, pane.camera = Window(), None, None
        self.panes = tuple(pane for pane, plane in self._planes.items() if plane.name in self.planes) or self._own_panes
        for pane in self._own_panes:
            pane.setVisible(pane in self.panes)
        if not self._volumes:
            self.image = None
            for pane in self.panes:
                pane.show_picture(None)
                pane.set_caption(Caption(empty=tr("no volume")))
            return
        self._show_scan(next(iter(self._volumes.values())), None)

    def forget_pixels(self) -> None:
        """Drop the pixels of the case."""
        self.image, self._volumes, self._cuts, self._heat = None, {}, {}, {}
        self._slabs = Slabs()
        for pane in self._own_panes:
            pane.show_picture(None)

    def scans(self) -> tuple[str, ...]:
        """Return the ids of the volumes."""
        return tuple(self._volumes)

    def select_scan(self, image_id: str) -> None:
        """Show another scan; in the same breast at the same place relative to the nipple, else where it was left."""
        image = self._volumes.get(image_id)
        if image is None or image is self.image:
            return
        self.stop_cine()
        place = cursor.same_place(self.image, self.position, image) or self._places.get(image_id)
        self._show_scan(image, place)
        self.refresh()
        self.events.step_changed.emit(self.step_text())

    def _show_scan(self, image: Any, place: Triple | None) -> None:
        if self.image is not None:
            self._places[self.image.id] = self.position
        self.image = image
        self._letters = geometry.axis_letters(image.affine) if image.affine is not None else (("", ""),) * 3
        shape = image.array.shape
        middle = (shape[0] / 2, shape[1] * FIRST_DEPTH, shape[2] / 2)
        self.position = tuple(map(float, nearest(clipped(place or middle, shape))))  # type: ignore[assignment]
        for pane, plane in self._planes.items():
            pane.name, pane.image_id = f"{image.id} {plane.name}", image.id
            pane.setAccessibleName(pane.name)
            pane.camera = None
        self._cut()
        self._tabs.select(image.id)
        self.mode = "fit"
        self.arrange()

    def step(self, by: int) -> None:
        """Next or previous scan."""
        ids = list(self._volumes)
        if self.image is not None and len(ids) > 1:
            self.select_scan(ids[(ids.index(self.image.id) + by) % len(ids)])

    def has_steps(self) -> bool:
        """Return whether there is more than one scan."""
        return len(self._volumes) > 1

    def step_text(self) -> str:
        """Return the scan in words."""
        return cursor.scan_words(self.image) if self.image is not None else ""

    # -- planes

    def half_slab(self, plane: Plane) -> int:
        """Return how many planes the slab has to either side (0: one plane)."""
        if plane is not CORONAL or self.image is None or self.image.spacing_mm is None:
            return 0
        return max(0, round((self.slab_mm / float(self.image.spacing_mm[1]) - 1) / 2))

    def set_slab(self, thickness_mm: float, mode: str) -> None:
        """Set thickness and kind of the coronal slab."""
        self.slab_mm, self.slab_mode = max(0.0, thickness_mm), mode
        self._cut()
        self.refresh()

    def _cut(self) -> None:
        """Give each pane the plane through the position; only those that changed."""
        image = self.image
        if image is None:
            return
        spacing = image.spacing_mm or (1.0, 1.0, 1.0)
        at = nearest(self.position)
        for pane in self.panes:
            plane = self._planes[pane]
            half = self.half_slab(plane)
            key = (image.id, at[plane.axis], half, self.slab_mode)
            if self._cuts.get(plane) == key and pane.picture is not None:
                continue
            self._cuts[plane] = key
            pixels = plane.cut(image, at[plane.axis], half, self.slab_mode, self._slabs)
            pane.show_picture(
                Picture(
                    Source((pixels,)),
                    image.grey or GreyScale(),
                    image.padding,
                    plane.pixel(spacing),
                    image.spacing_mm is not None,
                )
            )

    def go_to(self, index: Sequence[float]) -> None:
        """Move the crosshair to a volume index; all planes follow."""
        if self.image is None:
            return
        place = clipped(index, self.image.array.shape)
        if place != self.position:
            self.position = place
            self._cut()
            self.refresh()

    # -- placing

    def arrange(self) -> None:
        """Landscape: coronal left, the others right; portrait: one below the other."""
        if not self.panes:
            return
        for pane, place in zip(self.panes, layout.planes(len(self.panes), self.width(), self.height()), strict=True):
            pane.setGeometry(*place)
        for pane, slider in self._sliders.items():
            slider.setGeometry(pane.width() - WIDTH - 4, 44, WIDTH, max(40, pane.height() - 88))
        self._tabs.adjustSize()
        self._tabs.move(max(0, self.panes[0].width() - self._tabs.width() - WIDTH - 16), 8)
        self._tabs.raise_()
        for pane in self.panes:
            if pane.picture is None:
                continue
            if pane.camera is None or self.mode == "fit":
                pane.set_camera(fitted(pane.picture.source.shape, pane.device_size, pane.picture.pixel))
            else:
                pane.set_camera(pane.camera.resized(pane.device_size))
        self.captions()

    # -- additions

    def refresh(self) -> None:
        """Bring crosshair, aid, marks, callipers and sliders up to date."""
        image = self.image
        if image is None:
            return
        shown = [m for m in self.shown_marks() if m.image_id == image.id]
        aid = self.aid if self.aid_visible else None
        boxes = self.boxes_on(image.id)
        maps = [m for m in aid.heatmaps if m.image_id == image.id and m.evidence] if aid is not None else []
        current, legend = self.current_finding, self.legend_words(image.id)
        for pane, plane in self._planes.items():
            at, half = self.position[plane.axis], float(self.half_slab(plane))
            cut, current_box = self.cut_boxes(boxes, current, plane.axis, at, half)
            pane.set_additions(
                replace(
                    pane.additions,
                    grids=self._grids_of(plane, maps, at, half),
                    boxes=cut,
                    current_box=current_box,
                    marks=self._flat_marks(shown, plane),
                    cross=plane.flat(self.position),
                    nipple=plane.flat(image.nipple_index) if plane is CORONAL and image.nipple_index is not None else None,
                    lines=self.callipers.of(pane),
                    threshold=self.threshold,
                    opacity=self.opacity,
                    colours=self.colours,
                    legend=legend,
                )
            )
            ticks = [(b.start[plane.axis], b.stop[plane.axis] - 1, c) for b, c, _ in boxes]
            ticks += [(m.index[plane.axis], m.index[plane.axis], MARK_COLOUR) for m in shown]
            self._sliders[pane].set_axis(image.array.shape[plane.axis], at, ticks)
        self.captions()
        self.events.position_changed.emit(self.position_text())
        self.events.looked.emit()

    def slices(self) -> tuple[Seen, ...]:
        """Return the slice in which each plane stands."""
        if self.image is None:
            return ()
        at = nearest(self.position)
        return tuple(still(p.name, p.image_id, self._planes[p].name, at[self._planes[p].axis]) for p in self.panes)

    def _grids_of(self, plane: Plane, maps: Sequence[Heatmap], at: float, half: float) -> tuple[Grid, ...]:
        """Return the heatmaps as cut by a plane; the same objects as before where the plane has not moved."""
        key = (tuple(id(m) for m in maps), at, half)
        if self._heat.get(plane, ((), ()))[0] != key:
            cut = (Grid.of_plane(m, plane.axis, at, half) for m in maps)
            self._heat[plane] = (key, tuple(g for g in cut if g is not None))
        return self._heat[plane][1]

    def _flat_marks(self, shown: Sequence[Mark], plane: Plane) -> tuple[FlatMark, ...]:
        spacing = self.image.spacing_mm or (1.0, 1.0, 1.0)
        found = []
        for mark in shown:
            index = (mark.index[0], mark.index[1], mark.index[2])
            thick = mark.extent[plane.axis] / 2 if mark.extent else 0.0
            reach = (self.half_slab(plane) + thick) * spacing[plane.axis]
            away = max(0.0, abs(index[plane.axis] - self.position[plane.axis]) * spacing[plane.axis] - reach)
            if away <= NEAR_PLANE_MM + IN_PLANE_MM:
                extent = (mark.extent[plane.down], mark.extent[plane.across]) if len(mark.extent) == 3 else ()
                axes = (plane.down, plane.across)
                found.append(flat(mark, plane.flat(index), extent, self.selected_mark, away, axes))
        return tuple(found)

    def captions(self) -> None:
        """Write the names of the planes, the place, and the letters of the edges."""
        image = self.image
        if image is None:
            return
        letters, place = self._letters, self.position_text()
        for pane, plane in self._planes.items():
            at, count = nearest(self.position)[plane.axis], image.array.shape[plane.axis]
            note = ""
            half = self.half_slab(plane)
            if half:  # as thick as it is, not as was asked for: a slab is an odd number of planes
                thickness = f"{(2 * half + 1) * image.spacing_mm[1]:.1f}"
                note = tr("slab {thickness} mm {mode}", thickness=thickness, mode=cursor.slab_words(self.slab_mode))
            if pane is self._cine.pane:
                note = " · ".join(w for w in (note, tr("{speed} planes a second", speed=f"{self._cine.per_second:.0f}")) if w)
            lines = [f"×{pane.camera.zoom[1]:.2f}" if pane.camera is not None else ""]
            aid = ""
            if pane is self.panes[0]:
                if pane.picture is not None:
                    lines[0] += " · " + pane.window_state.words(pane.grey)
                lines.append(place)
                aid = overlay.status_words(self.aid, image.id) if self.aid_visible else ""
            down, across = letters[plane.down], letters[plane.across]
            edges = (down[0], across[0], down[1], across[1])
            title = f"{cursor.plane_words(plane.name)}  {at + 1} / {count}"
            pane.set_caption(Caption(title, note, "left", aid, "", tuple(lines), edges, WIDTH + 8.0))

    def position_text(self) -> str:
        """Return side, clock, distance from the nipple and depth of the crosshair."""
        return cursor.position_words(self.image, self.position) if self.image is not None else ""

    def picture_in(self, pane: Pane) -> Hashable:
        """Return scan, plane and slice: a distance belongs to one slice."""
        plane = self._planes[pane]
        return pane.image_id, plane.axis, nearest(self.position)[plane.axis]

    # -- moving about

    def solid_index(self, pane: Pane, at: Pair) -> tuple[float, ...]:
        """Return the volume index of a place in a plane."""
        return self._planes[pane].solid(at, self.position)

    def axes_of(self, pane: Pane) -> tuple[int, int]:
        """Return the axes of the volume that a plane shows downwards and across."""
        return self._planes[pane].down, self._planes[pane].across

    def clicked(self, pane: Pane, at: Pair | None) -> None:
        """Look there."""
        if at is not None:
            self.go_to(self.solid_index(pane, at))

    def scrolls(self, pane: Pane) -> bool:
        """Planes are scrolled."""
        return True

    def scroll_pane(self, pane: Pane, steps: int) -> None:
        """Go on by planes along this pane's axis, at least 0.4 mm a step."""
        plane = self._planes.get(pane)
        if plane is None or self.image is None:
            return
        spacing = self.image.spacing_mm
        stride = max(1, round(SCROLL_MM / spacing[plane.axis])) if spacing else 1
        self._slide(pane, self.position[plane.axis] + steps * stride)

    def _slide(self, pane: Pane, index: float) -> None:
        self.set_active(pane)
        place = list(self.position)
        place[self._planes[pane].axis] = float(round(index))
        self.go_to(place)

    def mark_at_cursor(self) -> bool:
        """Ask for a mark under the cursor, or at the crosshair when the cursor is elsewhere."""
        if super().mark_at_cursor():
            return True
        if self.image is None:
            return False
        self.events.mark_placed.emit(self.image.id, self.position)
        return True

    def show_finding(self, box: Box, number: int, count: int) -> None:
        """Go to the middle of a box, in its scan."""
        self._reveal(box.image_id, [(a + b) / 2 - 0.5 for a, b in zip(box.start, box.stop, strict=True)])

    def show_mark(self, mark: Mark) -> None:
        """Go to a mark, in its scan."""
        self._reveal(mark.image_id, mark.index)

    def _reveal(self, image_id: str, index: Sequence[float]) -> None:
        if image_id not in self._volumes or len(index) != 3:
            return
        if self.image is None or image_id != self.image.id:
            self.select_scan(image_id)
        self.go_to(index)
        for pane, plane in self._planes.items():
            if pane.camera is None:
                continue
            y, x = pane.camera.to_screen(plane.flat(self.position))
            h, w = pane.device_size
            if not (0 <= y < h and 0 <= x < w):
                pane.set_camera(pane.camera.panned(h / 2 - y, w / 2 - x))

    # -- cine

    def play(self, on: bool | None) -> None:
        """Play through the active pane's axis, there and back."""
        on = self._cine.pane is None if on is None else on
        if on and self.active is not None and self.image is not None:
            self._cine.start(self.active, 1000.0)
        else:
            self._cine.stop()
        self.captions()

    def cine_speed(self, by: int) -> None:
        """Play faster or slower."""
        self._cine.change_speed(by)
        self.captions()

    def _tick(self, pane: Pane) -> None:
        if self.image is None:
            return
        axis = self._planes[pane].axis
        before = self.position[axis]
        self.scroll_pane(pane, self._direction)
        if self.position[axis] == before:
            self._direction = -self._direction
            self.scroll_pane(pane, self._direction)
