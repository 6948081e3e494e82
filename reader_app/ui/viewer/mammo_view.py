"""Mammograms as readers hang them: RCC | LCC over RMLO | LMLO, chest walls back to back, one scale for all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from reader_app.imaging.hanging import HangingProtocol
from reader_app.imaging.overlay import Box
from reader_app.study.finding import Mark
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.viewer import content, marks, overlay
from reader_app.ui.viewer.camera import Camera, Pair, Region, fit_scale, fitted, to_the_wall
from reader_app.ui.viewer.case_view import CaseView
from reader_app.ui.viewer.content import Window
from reader_app.ui.viewer.events import ViewerEvents
from reader_app.ui.viewer.hanging_steps import GAP, Step, age, cut, extra_words, standard, steps_for, title_words_of, words
from reader_app.ui.viewer.movement import mode_words
from reader_app.ui.viewer.overlay import Grid
from reader_app.ui.viewer.pane import Pane
from reader_app.ui.viewer.words import Caption

STRIP = 120  # logical pixels: height of the strip of extra views
OVERLAP = 0.12  # of a pane, shared by neighbouring 1:1 tiles


class MammoView(CaseView):
    """Four-view mammograms in hanging steps."""

    def __init__(self, events: ViewerEvents, parent: QWidget | None = None) -> None:
        super().__init__(events, parent)
        self.show_priors = True
        self._pool: dict[str, Pane] = {}
        self._images: dict[str, Any] = {}
        self._regions: dict[str, Region] = {}
        self._grids: dict[str, tuple[Grid, ...]] = {}
        self.protocol: HangingProtocol | None = None
        self._steps: tuple[Step, ...] = ()
        self._at = 0
        self._tile = 0
        self._alone = False  # each image fitted by itself instead of all at one size

    # -- hanging

    def hang(self) -> None:
        """Give every view its pane; a missing one keeps its labelled empty pane."""
        self._images, self._regions, self._grids = {}, {}, {}
        newest_first = sorted(self.case.images, key=lambda i: 0 if i.exam_days is None else -i.exam_days)
        for image in newest_first:
            name = f"{image.laterality}{image.view}" if image.role == "current" else f"{image.laterality}{image.view} prior"
            if image.grid and image.kind == "image" and (image.role == "current" or self.show_priors):
                self._images.setdefault(name, image)
        extras = [i for i in self.case.images if not i.grid and i.kind == "image" and (i.role == "current" or self.show_priors)]
        self._images.update({image.id: image for image in extras if image.id not in self._images})
        self._steps = steps_for(
            self.protocol or standard(), self.case.images, self.show_priors, [(image.id, extra_words(image)) for image in extras]
        )
        for name in {n for step in self._steps for n in (*step.names, *step.strip)}:
            pane = self._pool.get(name)
            if pane is None:
                pane = self._pool[name] = Pane(name, name, self.gestures, self.pane_painted, self)
            image = self._images.get(name)
            pane.image_id = image.id if image is not None else ""
            pane.window_state, pane.magnifier, pane.camera = Window(), None, None
            pane.show_picture(content.of_image(image) if image is not None else None)
            if image is not None:
                self._regions[name] = content.breast_region(pane.shown)
        self._at = self._tile = 0
        self._alone = False
        self._enter()

    def forget_pixels(self) -> None:
        """Drop the pixels of the case."""
        self._images, self._regions, self._grids = {}, {}, {}
        for pane in self._pool.values():
            pane.show_picture(None)

    def _enter(self) -> None:
        step = self._steps[self._at]
        self.panes = tuple(self._pool[name] for name in (*step.names, *step.strip))
        for pane in self._pool.values():
            pane.setVisible(pane in self.panes)
        self.mode = "1:1" if step.tiles else "fit"
        self.arrange()

    def step(self, by: int) -> None:
        """Go to the next or previous hanging step; a step in tiles has one stop a tile."""
        if self.case is None:
            return
        tiles = self._tile_places() if self._steps[self._at].tiles else [None]
        if self._steps[self._at].tiles and 0 <= self._tile + by < len(tiles):
            self._tile += by
            self._look_at_tile()
        else:
            self._at = (self._at + by) % len(self._steps)
            self._tile = 0
            self._enter()
            if by < 0 and self._steps[self._at].tiles:
                self._tile = len(self._tile_places()) - 1
                self._look_at_tile()
        self.refresh()
        self.events.step_changed.emit(self.step_text())

    def has_steps(self) -> bool:
        """Return whether the hanging has more than one step, or one in tiles."""
        return len(self._steps) > 1 or any(own.tiles for own in self._steps)

    def step_text(self) -> str:
        """Return the hanging step in words."""
        if not self._steps:
            return ""
        step = self._steps[self._at]
        if not step.tiles:
            return step.title
        return tr("{step}, part {n} of {total}", step=step.title, n=self._tile + 1, total=len(self._tile_places()))

    # -- placing

    def arrange(self) -> None:
        """Place the panes edge to edge with one pixel between them, and fit them if that is the mode."""
        if not self.panes:
            return
        step = self._steps[self._at]
        height = self.height() - (STRIP + GAP if step.strip else 0)
        for name, place in step.places(self.width(), height).items():
            self._pool[name].setGeometry(*place)
        for number, name in enumerate(step.strip):
            left, right = cut(self.width(), number, max(len(step.strip), round(self.width() / STRIP)))
            self._pool[name].setGeometry(left, height + GAP, right - left, STRIP)
            self._fit_alone(self._pool[name])
        if step.tiles and self.mode == "1:1":
            self._look_at_tile()
            return
        unset = any(p.camera is None for p in self.panes if p.picture is not None)
        if self.mode == "fit" or unset:
            self._fit()
        else:
            for pane in self._grid_panes():
                if pane.camera is not None:
                    pane.set_camera(pane.camera.resized(pane.device_size))
        self.captions()

    def fit(self) -> None:
        """Fit all at one size; again: each to its own pane, and back."""
        self._alone = not self._alone if self.mode == "fit" else self._alone
        super().fit()

    def _at_one_size(self) -> bool:
        """Whether the fit has one scale in mm for all panes: where all have a scale and neither step nor reader say otherwise."""
        alike = len({p.shown.has_mm for p in self._grid_panes() if p.picture is not None}) == 1
        return alike and self._steps[self._at].scale != "fit" and not self._alone

    def _fit(self) -> None:
        """One scale for all panes: the largest at which every breast, from the chest wall out, fits into its pane."""
        shown = [p for p in self._grid_panes() if p.picture is not None]
        regions = {p.name: self._shared_region(p) for p in shown}
        scales = {
            p.name: fit_scale(
                to_the_wall(regions[p.name], p.shown.source.shape, p.shown.chest_wall), p.shown.pixel, p.device_size
            )
            for p in shown
        }
        for pane in shown:
            picture = pane.shown
            scale = min(scales.values()) if self._at_one_size() else scales[pane.name]
            pane.set_camera(
                fitted(picture.source.shape, pane.device_size, picture.pixel, regions[pane.name], picture.chest_wall, scale)
            )

    def _fit_alone(self, pane: Pane) -> None:
        picture = pane.shown
        pane.set_camera(
            fitted(picture.source.shape, pane.device_size, picture.pixel, self._regions[pane.name], picture.chest_wall)
        )

    def _grid_panes(self) -> tuple[Pane, ...]:
        return self.panes[: len(self._steps[self._at].names)]

    def _shared_region(self, pane: Pane) -> Region:
        """Return the region of a view with the rows of its partner of the other side, so that both stand at the same height."""
        own = self._regions[pane.name]
        partner = self._pool.get(("L" if pane.name[0] == "R" else "R") + pane.name[1:])
        if partner is None or partner not in self.panes or partner.picture is None:
            return own
        height = pane.shown.source.shape[0] * pane.shown.pixel[0]
        other_height = partner.shown.source.shape[0] * partner.shown.pixel[0]
        if abs(height - other_height) > 0.03 * height:
            return own
        other = self._regions[partner.name]
        ratio = partner.shown.pixel[0] / pane.shown.pixel[0]
        top, bottom = min(own.top, other.top * ratio), max(own.bottom, other.bottom * ratio)
        return replace(own, top=top, bottom=min(bottom, float(pane.shown.source.shape[0])))

    def _tile_places(self) -> list[Pair]:
        """Return the middles (index) of the tiles that cover the breast at 1:1, row by row from the chest wall outwards."""
        pane = self.panes[0]
        if pane.picture is None:
            return [(0.0, 0.0)]
        region = self._regions[pane.name]
        starts = []
        for low, high, size in zip((region.top, region.left), (region.bottom, region.right), pane.device_size, strict=True):
            count = max(1, math.ceil((high - low - size * OVERLAP) / (size * (1 - OVERLAP))))
            first, last = low + size / 2, high - size / 2
            if count == 1:
                starts.append([(low + high) / 2])
            else:
                starts.append([first + (last - first) * i / (count - 1) for i in range(count)])
        columns = starts[1][::-1] if pane.picture.chest_wall == "right" else starts[1]
        return [(y - 0.5, x - 0.5) for y in starts[0] for x in columns]

    def _look_at_tile(self) -> None:
        pane = self.panes[0]
        if pane.picture is None:
            return
        places = self._tile_places()
        self._tile = min(self._tile, len(places) - 1)
        h, w = pane.device_size
        picture = pane.picture
        camera = Camera(picture.source.shape, (h, w), picture.pixel, 1.0 / min(picture.pixel), (0.0, 0.0), picture.chest_wall)
        pane.set_camera(camera.one_to_one(places[self._tile], (h / 2, w / 2)))
        self.captions()

    # -- linked movement

    def linked(self, pane: Pane) -> Iterable[Pane]:
        """All panes of the grid move together, the one in use first; a picture of the strip moves alone."""
        grid = self._grid_panes()
        return (pane, *(p for p in grid if p is not pane)) if pane in grid else (pane,)

    def mirrored(self, pane: Pane, other: Pane) -> bool:
        """The other breast moves as in a mirror."""
        return pane.name[:1] != other.name[:1]

    # -- additions

    def refresh(self) -> None:
        """Bring aid, marks and callipers of all panes up to date."""
        shown = self.shown_marks()
        for pane in self.panes:
            image = self._images.get(pane.name)
            if image is None:
                pane.set_additions(replace(pane.additions, grids=(), boxes=(), marks=(), lines=()))
                continue
            boxes, at = self.flat_boxes(image.id)
            grids = self._heat(image.id) if self.aid is not None and self.aid_visible else ()
            pane.set_additions(
                replace(
                    pane.additions,
                    grids=grids,
                    boxes=boxes,
                    current_box=at,
                    marks=marks.of_image(shown, image.id, self.selected_mark),
                    lines=self.callipers.of(pane),
                    threshold=self.threshold,
                    opacity=self.opacity,
                    colours=self.colours,
                    legend=self.legend_words(image.id),
                )
            )
        self.captions()
        self.events.looked.emit()

    def _heat(self, image_id: str) -> tuple[Grid, ...]:
        if image_id not in self._grids:
            maps = [h for h in self.aid.heatmaps if h.image_id == image_id and h.evidence] if self.aid else []
            self._grids[image_id] = tuple(Grid.of_image(h) for h in maps)
        return self._grids[image_id]

    def set_aid(self, aid: Any, visible: bool = True) -> None:
        """Give or take the prediction."""
        self._grids = {}
        super().set_aid(aid, visible)

    def captions(self) -> None:
        """Write labels away from the breast, zoom and window, and the step."""
        grid = self._grid_panes()
        alike = len({p.window_state.words(p.grey) for p in grid if p.picture is not None}) == 1
        beside_prior = any(self._images[p.name].role == "prior" for p in grid if p.name in self._images)
        first = True
        for pane in self.panes:
            image = self._images.get(pane.name)
            side = "left" if pane.name[:1] == "R" else "right"
            if image is None:
                pane.set_caption(Caption(words(pane.name), side=side, empty=tr("no image")))
                continue
            title, lines = words(f"{image.laterality}{image.view}"), []
            note = " · ".join(w for w in (title_words_of(image), age(image)) if w)
            if pane not in grid:
                pane.set_caption(Caption(title, note or tr("further image"), "left"))
                continue
            side = "left" if image.laterality == "R" else "right"
            note = note or (tr("current") if beside_prior else "")
            aid = overlay.status_words(self.aid, image.id) if self.aid_visible else ""
            parts = [f"×{pane.camera.zoom[1]:.2f}"] if pane.camera is not None else []
            if first or not alike:
                parts.append(pane.window_state.words(pane.grey))
            if first and self.mode:
                shared = self.mode == "fit" and len(grid) > 1 and self._at_one_size()
                parts.append(tr("same size") if shared else mode_words(self.mode))
            lines.append(" · ".join(parts))
            if first and len(self._steps) > 1:
                lines.append(tr("step {n} of {total}: {what}", n=self._at + 1, total=len(self._steps), what=self.step_text()))
            first = False
            pane.set_caption(Caption(title, note, side, aid, "", tuple(lines)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what lies between the panes, and the strip beside its pictures in the colour of the room."""
        super().paintEvent(event)
        if self._steps and self._steps[self._at].strip:
            last = self.panes[-1].geometry()
            QPainter(self).fillRect(last.right() + 1 + GAP, last.top(), self.width(), last.height(), theme.READING["background"])

    # -- going to places

    def solid_index(self, pane: Pane, at: Pair) -> tuple[float, ...]:
        """Return the image index of a place."""
        return at

    def show_finding(self, box: Box, number: int, count: int) -> None:
        """Bring a box into view."""
        middle = tuple((a + b) / 2 - 0.5 for a, b in zip(box.start, box.stop, strict=True))
        self._reveal(box.image_id, (middle[0], middle[1]))

    def show_mark(self, mark: Mark) -> None:
        """Bring a mark into view."""
        self._reveal(mark.image_id, (mark.index[-2], mark.index[-1]))

    def _reveal(self, image_id: str, index: Pair) -> None:
        name = next((n for n, image in self._images.items() if image.id == image_id), None)
        if name is None:
            return
        if self._pool[name] not in self._grid_panes():
            self._go_to_step_of(name)
        pane = self._pool[name]
        self.set_active(pane)
        if pane.camera is None:
            return
        y, x = pane.camera.to_screen(index)
        h, w = pane.device_size
        if not (0.1 * h < y < 0.9 * h and 0.02 * w < x < 0.98 * w):
            self.pan_by(pane, h / 2 - y, w / 2 - x)

    def _go_to_step_of(self, name: str) -> None:
        self._at = next(i for i, step in enumerate(self._steps) if name in step.names)
        self._tile = 0
        self._enter()
        self.refresh()
        self.events.step_changed.emit(self.step_text())

    def clicked(self, pane: Pane, at: Pair | None) -> None:
        """Open a picture of the strip."""
        if pane not in self._grid_panes():
            self._go_to_step_of(pane.name)

    def hovered(self, pane: Pane, at: Pair | None) -> None:
        """Say where the cursor is: distance from the nipple where it is known, else from the chest wall."""
        image = self._images.get(pane.name)
        if at is None or image is None:
            self.events.position_changed.emit("")
            return
        text = words(f"{image.laterality}{image.view}")
        if image.spacing_mm is not None:
            sy, sx = image.spacing_mm[-2:]
            if image.nipple_index is not None:
                distance = math.hypot((at[0] - image.nipple_index[-2]) * sy, (at[1] - image.nipple_index[-1]) * sx)
                text += " · " + tr("{distance} mm from nipple", distance=f"{distance:.0f}")
            elif image.chest_wall:
                columns = at[1] + 0.5 if image.chest_wall == "left" else image.array.shape[1] - 0.5 - at[1]
                text += " · " + tr("{distance} mm from chest wall", distance=f"{columns * sx:.0f}")
        self.events.position_changed.emit(text)
