"""Hand-held ultrasound: images side by side as acquired, colour Doppler beside grey, cines that scroll and play."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QWidget

from reader_app.imaging import ultrasound
from reader_app.imaging.overlay import Box
from reader_app.study.finding import Mark
from reader_app.ui.language import tr
from reader_app.ui.viewer import callipers, content, layout, overlay
from reader_app.ui.viewer.camera import Pair, fitted
from reader_app.ui.viewer.case_view import CaseView
from reader_app.ui.viewer.cine import Cine
from reader_app.ui.viewer.content import Window
from reader_app.ui.viewer.events import ViewerEvents
from reader_app.ui.viewer.exposure import Seen, still
from reader_app.ui.viewer.marks import FlatMark, flat
from reader_app.ui.viewer.movement import mode_words
from reader_app.ui.viewer.overlay import Grid
from reader_app.ui.viewer.pane import Pane
from reader_app.ui.viewer.words import Caption

PER_PAGE = 4
SPEEDS = (0.25, 0.5, 1.0, 2.0)  # of the recorded frame rate
FRAME_MS = 50.0  # where the file does not say


class UltrasoundView(CaseView):
    """One to four images a page; further pages by hanging step."""

    def __init__(self, events: ViewerEvents, parent: QWidget | None = None) -> None:
        super().__init__(events, parent)
        self._pool: list[Pane] = []
        self._images: tuple[Any, ...] = ()
        self._page = 0
        self._frames: dict[str, int] = {}
        self._shown: dict[Pane, Any] = {}
        self._grids: dict[str, tuple[Grid, ...]] = {}
        self._cine = Cine(SPEEDS, self._tick, self)

    # -- the case

    def hang(self) -> None:
        """Show the first page; colour images stand beside their grey neighbours in the order of the container."""
        images = [image for image in self.case.images if image.role == "current" and image.kind in ("image", "cine")]
        self._images = tuple(sorted(images, key=lambda image: not image.grid))  # extra images come last
        self._page, self._frames, self._grids = 0, {}, {}
        for pane in self._pool:
            pane.window_state, pane.magnifier = Window(), None
        self._enter()

    def forget_pixels(self) -> None:
        """Drop the pixels of the case."""
        self._images, self._shown, self._grids = (), {}, {}
        for pane in self._pool:
            pane.show_picture(None)

    def _pages(self) -> int:
        return max(1, -(-len(self._images) // PER_PAGE))

    def _enter(self) -> None:
        self.stop_cine()
        page = self._images[self._page * PER_PAGE : (self._page + 1) * PER_PAGE]
        while len(self._pool) < max(1, len(page)):
            self._pool.append(Pane("", "", self.gestures, self.pane_painted, self))
        self.panes = tuple(self._pool[: max(1, len(page))])
        self._shown = dict(zip(self.panes, page, strict=False))
        for pane in self._pool:
            image = self._shown.get(pane)
            pane.setVisible(pane in self.panes)
            pane.camera = None
            pane.name = pane.image_id = image.id if image is not None else ""
            pane.setAccessibleName(pane.name)
            pane.show_picture(None if image is None else self._picture(image))
        self.mode = "fit"
        self.arrange()

    def _picture(self, image: Any) -> Any:
        return content.of_frame(image, self._frames.get(image.id, 0)) if image.kind == "cine" else content.of_image(image)

    def step(self, by: int) -> None:
        """Next or previous page."""
        if self._pages() > 1:
            self._page = (self._page + by) % self._pages()
            self._enter()
            self.refresh()
            self.events.step_changed.emit(self.step_text())

    def has_steps(self) -> bool:
        """Return whether the images take more than one page."""
        return self._pages() > 1

    def step_text(self) -> str:
        """Return the page in words."""
        return tr("page {n} of {total}", n=self._page + 1, total=self._pages()) if self._pages() > 1 else ""

    # -- placing

    def arrange(self) -> None:
        """One image alone; two side by side (one over the other in portrait); three or four in two rows."""
        places = layout.images(len(self.panes), self.width(), self.height())
        for pane, place in zip(self.panes, places, strict=True):
            pane.setGeometry(*place)
            if pane.picture is None:
                continue
            if pane.camera is None or self.mode == "fit":
                pane.set_camera(fitted(pane.picture.source.shape, pane.device_size, pane.picture.pixel))
            else:
                pane.set_camera(pane.camera.resized(pane.device_size))
        self.captions()

    # -- additions

    def refresh(self) -> None:
        """Bring aid, marks and callipers up to date."""
        marks = self.shown_marks()
        for pane, image in self._shown.items():
            frame = self._frames.get(image.id, 0)
            boxes, at = self.flat_boxes(image.id, 0 if image.kind == "cine" else None, frame)
            grids = self._heat(image, frame) if self.aid is not None and self.aid_visible else ()
            pane.set_additions(
                replace(
                    pane.additions,
                    grids=grids,
                    boxes=boxes,
                    current_box=at,
                    marks=self._flat_marks(marks, image, frame),
                    lines=self.callipers.of(pane),
                    threshold=self.threshold,
                    opacity=self.opacity,
                    colours=self.colours,
                    legend=self.legend_words(image.id),
                )
            )
        self.captions()
        self.events.looked.emit()

    def _heat(self, image: Any, frame: int) -> tuple[Grid, ...]:
        maps = [h for h in self.aid.heatmaps if h.image_id == image.id and h.evidence] if self.aid else []
        if image.kind == "cine":
            cut = (Grid.of_plane(h, 0, frame) if h.grid.ndim == 3 else Grid.of_image(h) for h in maps)
            return tuple(g for g in cut if g is not None)
        if image.id not in self._grids:
            self._grids[image.id] = tuple(Grid.of_image(h) for h in maps)
        return self._grids[image.id]

    def _flat_marks(self, marks: Sequence[Mark], image: Any, frame: int) -> tuple[FlatMark, ...]:
        return tuple(
            flat(m, (m.index[-2], m.index[-1]), m.extent[-2:], self.selected_mark)
            for m in marks
            if m.image_id == image.id and (len(m.index) == 2 or round(m.index[0]) == frame)
        )

    def slices(self) -> tuple[Seen, ...]:
        """Return the images on the screen, and the frame of each cine."""
        return tuple(
            still(p.name, i.id, "frame", self._frames.get(i.id, 0)) if i.kind == "cine" else still(p.name, i.id)
            for p, i in self._shown.items()
        )

    def set_aid(self, aid: Any, visible: bool = True) -> None:
        """Give or take the prediction."""
        self._grids = {}
        super().set_aid(aid, visible)

    def captions(self) -> None:
        """Write side, view and frame."""
        for pane in self.panes:
            image = self._shown.get(pane)
            if image is None:
                pane.set_caption(Caption(empty=tr("no image")))
                continue
            title = " ".join(w for w in (image.laterality, view_words(image.view)) if w)
            if len(self._images) > 1:
                title += " · " + tr(
                    "{n} of {total}", n=self._page * PER_PAGE + self.panes.index(pane) + 1, total=len(self._images)
                )
            note = image.title
            if image.kind == "cine":
                frame = tr("cine loop, frame {n} of {total}", n=self._frames.get(image.id, 0) + 1, total=image.array.shape[0])
                note = " · ".join(w for w in (note, frame) if w)
            if pane is self._cine.pane:
                note += "  " + tr("{speed} frames a second", speed=f"{self._cine.per_second:.0f}")
            parts = [f"×{pane.camera.zoom[1]:.2f}"] if pane.camera is not None else []
            if image.channels == 1 or pane.window_state != Window():
                parts.append(pane.window_state.words(pane.grey))
            if self.mode:
                parts.append(mode_words(self.mode))
            aid = overlay.status_words(self.aid, image.id) if self.aid_visible else ""
            page = self.step_text() if pane is self.panes[0] else ""
            pane.set_caption(Caption(title, note, "left", aid, "", tuple(w for w in (" · ".join(parts), page) if w)))

    def picture_in(self, pane: Pane) -> Hashable:
        """Return image and frame: a distance belongs to one frame."""
        return pane.image_id, self._frames.get(pane.image_id, 0)

    def distance_words(self, pane: Pane, start: Pair, end: Pair) -> str:
        """Return a distance by the scale of the region both ends lie in, where the regions of an image differ."""
        image = self._shown[pane]
        scale = ultrasound.scale_between(image.regions, pane.shown.pixel if pane.shown.has_mm else None, start, end)
        return callipers.words(start, end, scale or (1.0, 1.0), scale is not None)

    # -- moving about

    def windowed_with(self, pane: Pane) -> Iterable[Pane]:
        """Images of other gain, and colours, have windows of their own."""
        return (pane,)

    def solid_index(self, pane: Pane, at: Pair) -> tuple[float, ...]:
        """Return the index of a place: with the frame in a cine."""
        image = self._shown.get(pane)
        return (float(self._frames.get(image.id, 0)), *at) if image is not None and image.kind == "cine" else at

    def hovered(self, pane: Pane, at: Pair | None) -> None:
        """Say how deep the cursor is."""
        image = self._shown.get(pane)
        text = ""
        if at is not None and image is not None:
            size = image.array.shape[1:3] if image.kind == "cine" else image.array.shape[:2]
            depth = ultrasound.depth_mm(image.regions, image.spacing_mm, size, at)
            words = "" if depth is None else tr("depth {depth} mm", depth=f"{depth:.0f}")
            text = " · ".join(w for w in (image.laterality, words) if w)
        self.events.position_changed.emit(text)

    def scrolls(self, pane: Pane) -> bool:
        """Only cines scroll."""
        image = self._shown.get(pane)
        return image is not None and image.kind == "cine"

    def scroll_pane(self, pane: Pane, steps: int) -> None:
        """Go on by frames."""
        image = self._shown.get(pane)
        if image is not None and image.kind == "cine":
            self._go_to_frame(pane, min(max(self._frames.get(image.id, 0) + steps, 0), image.array.shape[0] - 1))

    def _go_to_frame(self, pane: Pane, frame: int) -> None:
        image = self._shown[pane]
        if frame != self._frames.get(image.id, 0):
            self._frames[image.id] = frame
            pane.show_picture(self._picture(image))
            self.refresh()

    def show_finding(self, box: Box, number: int, count: int) -> None:
        """Go to the page and frame of a box."""
        frame = round((box.start[0] + box.stop[0]) / 2 - 0.5) if len(box.start) == 3 else None
        self._reveal(box.image_id, frame)

    def show_mark(self, mark: Mark) -> None:
        """Go to the page and frame of a mark."""
        self._reveal(mark.image_id, round(mark.index[0]) if len(mark.index) == 3 else None)

    def _reveal(self, image_id: str, frame: int | None) -> None:
        number = next((i for i, image in enumerate(self._images) if image.id == image_id), None)
        if number is None:
            return
        if number // PER_PAGE != self._page:
            self._page = number // PER_PAGE
            self._enter()
            self.events.step_changed.emit(self.step_text())
        pane = self.panes[number % PER_PAGE]
        self.set_active(pane)
        if frame is not None and self.scrolls(pane):
            self._go_to_frame(pane, frame)

    # -- cine

    def play(self, on: bool | None) -> None:
        """Play the active cine over and over."""
        on = self._cine.pane is None if on is None else on
        pane = self.active
        if on and pane is not None and not self.scrolls(pane):
            pane = next((p for p in self.panes if self.scrolls(p)), None)
        if on and pane is not None:
            self._cine.start(pane, getattr(self._shown[pane], "frame_time_ms", None) or FRAME_MS)
        else:
            self._cine.stop()
        self.captions()

    def cine_speed(self, by: int) -> None:
        """Play faster or slower."""
        self._cine.change_speed(by)
        self.captions()

    def _tick(self, pane: Pane) -> None:
        image = self._shown.get(pane)
        if image is None:
            self.stop_cine()
        else:
            self._go_to_frame(pane, (self._frames.get(image.id, 0) + 1) % image.array.shape[0])


def view_words(view: str) -> str:
    """Return a kind of ultrasound image in words."""
    return {"US": tr("ultrasound"), "DOPPLER": tr("colour Doppler")}.get(view, view)
