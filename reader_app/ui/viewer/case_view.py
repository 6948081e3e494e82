"""What lies over the images in every view: the aid, the reader's marks, callipers, and the context menu."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QWidget

from reader_app.imaging.overlay import Box, legend
from reader_app.study.finding import Mark
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.viewer import callipers, drawing, overlay
from reader_app.ui.viewer.callipers import Callipers
from reader_app.ui.viewer.camera import Pair
from reader_app.ui.viewer.events import ViewerEvents
from reader_app.ui.viewer.gestures import TOOLS
from reader_app.ui.viewer.movement import MovableView
from reader_app.ui.viewer.overlay import Aid, FlatBox
from reader_app.ui.viewer.pane import Pane


class CaseView(MovableView):
    """Base of the modality views."""

    def __init__(self, events: ViewerEvents, parent: QWidget | None = None) -> None:
        super().__init__(events, parent)
        self._held: Mark | None = None  # the mark in the hand, as it would be if it were let go now
        self.callipers = Callipers(self.picture_in, self.distance_words)
        self._finding = -1
        self._stroke: list[Pair] = []
        self._drawn: Mark | None = None
        self.verdicts: dict[int, str] = {}

    def forget_additions(self) -> None:
        """Drop what was drawn for another case."""
        self.callipers.forget()
        self._held, self._finding = None, -1
        self._stroke, self._drawn, self.verdicts = [], None, {}

    # -- hooks

    def show_finding(self, box: Box, number: int, count: int) -> None:
        """Hook: bring a box of the aid into view."""

    def show_mark(self, mark: Mark) -> None:
        """Hook: bring a mark into view."""

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
            pane.set_additions(replace(pane.additions, threshold=threshold, opacity=opacity))

    def findings(self) -> list[Box]:
        """Return the boxes of the aid on images of this case, most suspicious first."""
        if self.aid is None or not self.aid_visible or self.case is None:
            return []
        known = {image.id for image in self.case.images}
        return sorted((b for b in self.aid.boxes if b.image_id in known), key=lambda b: -b.score)

    def boxes_on(self, image_id: str) -> list[tuple[Box, str, str]]:
        """Return the boxes of the aid on an image while it is shown, each with its colour and the reader's verdict."""
        aid = self.aid
        if aid is None or not self.aid_visible:
            return []
        said = {id(box): self.verdicts.get(number, "") for number, box in enumerate(self.findings())} if self.verdicts else {}
        return [(b, overlay.colour_of(b, aid.positive), said.get(id(b), "")) for b in aid.boxes if b.image_id == image_id]

    def flat_boxes(
        self, image_id: str, axis: int | None = None, position: float = 0.0, half: float = 0.0
    ) -> tuple[tuple[FlatBox, ...], int]:
        """Return the boxes of the aid as one pane shows them, and which of them is the current finding (-1: none)."""
        return self.cut_boxes(self.boxes_on(image_id), self.current_finding, axis, position, half)

    @staticmethod
    def cut_boxes(
        boxes: Sequence[tuple[Box, str, str]], current: Box | None, axis: int | None, position: float, half: float
    ) -> tuple[tuple[FlatBox, ...], int]:
        """Return `boxes_on` as cut by a plane, and the place of the current one."""
        flat = [
            (box, overlay.flat_box(box, colour, axis if len(box.start) == 3 else None, position, half, said))
            for box, colour, said in boxes
        ]
        cut = [(b, f) for b, f in flat if f is not None]
        return tuple(f for _, f in cut), next((i for i, (b, _) in enumerate(cut) if b is current), -1)

    def go_to_finding(self, by: int) -> None:
        """Step through the boxes of the aid."""
        boxes = self.findings()
        if not boxes:
            self.events.finding_changed.emit(overlay.status_words(self.aid, "") if self.aid_visible else "")
            return
        first = 0 if by > 0 else len(boxes) - 1
        self.choose_finding(first if self._finding < 0 else (self._finding + by) % len(boxes))

    def choose_finding(self, number: int) -> None:
        """Lead to a box of the aid by its number in `findings`."""
        boxes = self.findings()
        if not 0 <= number < len(boxes):
            return
        self._finding = number
        box = boxes[self._finding]
        self.show_finding(box, self._finding, len(boxes))
        self.refresh()
        what = f"{box.label} {box.score:.2f}".strip()
        text = tr("finding {n} of {total}: {what}", n=self._finding + 1, total=len(boxes), what=what)
        self.events.finding_changed.emit(text)
        self.events.finding_chosen.emit(self._finding)

    @property
    def finding_index(self) -> int:
        """The number of the box the reader stepped to; -1 for none."""
        return self._finding if 0 <= self._finding < len(self.findings()) else -1

    def set_verdicts(self, verdicts: Mapping[int, str]) -> None:
        """Show the reader's words on the boxes of the aid, by number."""
        if dict(verdicts) != self.verdicts:
            self.verdicts = dict(verdicts)
            self.refresh()

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
        self.marks, self._held = tuple(marks), None
        self.refresh()

    def set_marks_visible(self, visible: bool) -> None:
        """Show or hide the marks."""
        self.marks_visible = visible
        self.refresh()

    def shown_marks(self) -> tuple[Mark, ...]:
        """Return the marks as they should be drawn now, one in the hand at its new place."""
        if not self.marks_visible:
            return ()
        drawn = () if self._drawn is None else (self._drawn,)
        held = self._held
        return (*(held if held is not None and m.mark_id == held.mark_id else m for m in self.marks), *drawn)

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

    def choose_mark(self, mark_id: str) -> None:
        """Make a mark the chosen one where it is, or the one that will come with this id."""
        self.selected_mark = mark_id
        self.refresh()

    def mark_pressed(self, mark_id: str) -> None:
        """The mouse took hold of a mark."""
        self.selected_mark = mark_id
        self.refresh()
        self.events.mark_selected.emit(mark_id)

    def drag_mark(self, pane: Pane, mark_id: str, at: Pair | None) -> None:
        """Show a mark where the hand holds it."""
        mark = self._mark(mark_id)
        if at is not None and mark is not None:
            self._held = drawing.moved(mark, self.solid_index(pane, at))
            self.refresh()

    def drop_mark(self, pane: Pane, mark_id: str, at: Pair | None) -> None:
        """Ask for the mark to be moved; outside the image it stays where it was."""
        if at is None:
            self._held = None
            self.refresh()
        else:
            self.events.mark_moved.emit(mark_id, self.solid_index(pane, at))

    def resize_mark(self, pane: Pane, mark_id: str, sides: tuple[int, int], at: Pair | None) -> None:
        """Show a drawn mark with the edges in the hand at another place."""
        mark = self._mark(mark_id)
        if at is not None and mark is not None:
            self._held = drawing.resized(mark, self.axes_of(pane), sides, at)
            self.refresh()

    def end_resize(self) -> None:
        """Ask for the mark to be as it is shown in the hand."""
        if self._held is not None:
            self.events.mark_resized.emit(self._held)

    def _mark(self, mark_id: str) -> Mark | None:
        return next((mark for mark in self.marks if mark.mark_id == mark_id), None)

    # -- shapes

    def set_mark_shape(self, shape: str) -> None:
        """Choose what a left drag draws."""
        if shape in drawing.SHAPES and shape != self.gestures.shape:
            self.gestures.shape = shape
            self.events.mark_shape_changed.emit(shape)

    def begin_stroke(self, pane: Pane, at: Pair | None) -> None:
        """The pen touches an image."""
        self._stroke = [] if at is None else [at]

    def drag_stroke(self, pane: Pane, at: Pair | None) -> None:
        """The pen moves; what it draws is shown. A box or ellipse hangs between its first and last point."""
        if at is None or not self._stroke:
            return
        self._stroke = [*self._stroke, at] if self.gestures.shape == "outline" else [self._stroke[0], at]
        self._drawn = drawing.mark_of(self.gestures.shape, self._stroke, pane.image_id, partial(self.solid_index, pane))
        self.refresh()

    def end_stroke(self, pane: Pane, linked: bool) -> None:
        """Ask for what was drawn; a drag then does what it did before."""
        drawn, self._stroke, self._drawn = self._drawn, [], None
        self.refresh()
        if drawn is not None:
            self.set_mark_shape("point")
            self.events.mark_drawn.emit(drawn, linked)

    # -- callipers

    def set_tool(self, tool: str) -> None:
        """Choose what the left button does."""
        if tool in TOOLS:
            self.gestures.tool = tool
            self.events.tool_changed.emit(tool)

    def picture_in(self, pane: Pane) -> Hashable:
        """Hook: what tells the picture in a pane from any other that comes to stand there."""
        return pane.image_id

    def distance_words(self, pane: Pane, start: Pair, end: Pair) -> str:
        """Hook: the distance between two places of a pane in words."""
        return callipers.words(start, end, pane.shown.pixel, pane.shown.has_mm)

    def begin_caliper(self, pane: Pane, at: Pair | None) -> None:
        """Set the first end."""
        self.callipers.begin(pane, at)

    def drag_caliper(self, pane: Pane, at: Pair | None) -> None:
        """Move the second end."""
        self.callipers.drag(pane, at)
        self.refresh()

    def end_caliper(self, pane: Pane, dragged: bool) -> None:
        """Leave the distance on the screen; a click without a drag takes the last one away."""
        self.callipers.end(pane, dragged)
        self.refresh()

    # -- menu

    def open_menu(self, pane: Pane, at: QPoint, mark_id: str | None) -> None:
        """Show the context menu."""
        menu = QMenu(self)
        if mark_id is not None:
            menu.addAction(tr("Remove this mark"), lambda: self.events.mark_removed.emit(mark_id))
            menu.addSeparator()
        for number, name in enumerate(self.preset_names()):
            menu.addAction(name, partial(self.preset, number))
        menu.addSeparator()
        menu.addAction(tr("Invert"), self.invert)
        menu.addAction(tr("Fit"), self.fit)
        menu.addAction(tr("1:1"), lambda: self.toggle_one_to_one(pane, self.focus_point(pane)))
        if self.pixels_per_mm is not None and pane.picture is not None and pane.picture.has_mm:
            menu.addAction(tr("True size"), self.true_size)
        tools = menu.addMenu(tr("Left button"))
        for tool in TOOLS:
            action = tools.addAction(tr(tool), partial(self.set_tool, tool))
            action.setCheckable(True)
            action.setChecked(tool == self.gestures.tool)
        self.events.menu_about_to_show.emit(menu)
        menu.popup(at)
        menu.aboutToHide.connect(menu.deleteLater)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what lies between the panes."""
        QPainter(self).fillRect(event.rect(), theme.READING["line"])
