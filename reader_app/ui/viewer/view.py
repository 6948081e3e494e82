"""Panes on the screen, how a case comes and goes, and the stamp of its first full paint: what all views share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from reader_app.study.finding import Mark
from reader_app.ui.viewer.camera import Pair
from reader_app.ui.viewer.events import ViewerEvents
from reader_app.ui.viewer.exposure import Seen, still
from reader_app.ui.viewer.gestures import Gestures
from reader_app.ui.viewer.overlay import Aid
from reader_app.ui.viewer.pane import Pane

ALL_PAINTED = QEvent.Type(QEvent.registerEventType())
FOLLOW = QEvent.Type(QEvent.registerEventType())
TOGETHER = 4_000_000  # device pixels that are painted in one frame; beyond it linked panes follow one frame later


class PaneView(QWidget):
    """Panes on the screen and what moves them; the panes call it as their handler.

    Subclasses set ``panes`` (those on the screen, in the order in which they are named) and answer the hooks marked so.
    """

    def __init__(self, events: ViewerEvents, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.events = events
        self.gestures = Gestures(self)  # type: ignore[arg-type]  # always a CaseView
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
        self.together = TOGETHER
        self._active: Pane | None = None
        self._leader: Pane | None = None
        self._followers: list[tuple[Pane, Callable[[Pane], None]]] = []
        self._awaited: set[str] | None = None
        self._first_of_case = False

    # -- a case comes and goes

    def show_case(
        self, case: Any, aid: Aid | None, threshold: float, opacity: float, marks: Sequence[Mark], visible: bool
    ) -> None:
        """Show a case from its beginning: first step, fitted, first preset, no callipers."""
        self.gestures.forget()
        self._followers = []
        self.case, self.aid, self.aid_visible = case, aid, visible
        self.threshold, self.opacity = threshold, opacity
        self.marks, self.marks_visible, self.selected_mark = tuple(marks), True, ""
        self.forget_additions()
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
        self._awaited, self._followers = None, []
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

    def axes_of(self, pane: Pane) -> tuple[int, int]:
        """Hook: the axes of an image index along which rows and columns of a pane run."""
        return -2, -1

    def scrolls(self, pane: Pane) -> bool:
        """Hook: whether the wheel scrolls in this pane."""
        return False

    def scroll_pane(self, pane: Pane, steps: int) -> None:
        """Hook: go on by planes or frames."""

    def clicked(self, pane: Pane, at: Pair | None) -> None:
        """Hook: a click without a drag."""

    def hovered(self, pane: Pane, at: Pair | None) -> None:
        """Hook: the cursor is over an image index, or over none."""

    def captions(self) -> None:
        """Hook: bring the words of all panes up to date."""

    def window_text(self) -> str:
        """Hook: the window in force, in words."""
        return ""

    def slices(self) -> tuple[Seen, ...]:
        """Hook: the image, plane and slice of each pane on the screen."""
        return tuple(still(p.name, p.image_id) for p in self.panes if p.picture is not None)

    def step_text(self) -> str:
        """Hook: what is shown now, in words."""
        return ""

    def step(self, by: int) -> None:
        """Hook: next or previous hanging step."""

    def has_steps(self) -> bool:
        """Hook: whether there is another step to go to."""
        return False

    def forget_additions(self) -> None:
        """Hook: drop what was drawn over the images of another case."""

    def with_pixels(self) -> list[Pane]:
        """Return the panes that show pixels."""
        return [p for p in self.panes if p.picture is not None]

    def linked(self, pane: Pane) -> Iterable[Pane]:
        """Hook: the panes that zoom and pan with this one, itself first."""
        return (pane,)

    def windowed_with(self, pane: Pane) -> Iterable[Pane]:
        """Hook: the panes whose window changes with that of this one."""
        return self.with_pixels()

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
        self.forget_additions()
        self.mode = "fit"
        self.hang()
        self.refresh()
        self.events.window_changed.emit(self.window_text())
        self.events.step_changed.emit(self.step_text())

    # -- first full paint

    def pane_painted(self, pane: Pane, milliseconds: float) -> None:
        """Count a painted pane; the last one posts the event that carries the news. After the leader its followers are due."""
        self.events.painted.emit(milliseconds)
        if self._followers and pane is self._leader:
            QCoreApplication.postEvent(self, QEvent(FOLLOW))
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
            # Another case or a cover may have come since the last pane was painted: then this news is stale.
            if self._awaited is None and self.case is not None and self.isVisible():
                (self.events.fully_painted if self._first_of_case else self.events.uncovered).emit(names)
            return True
        if event.type() == FOLLOW:
            self.catch_up()
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the panes anew."""
        self.catch_up()
        self.arrange()

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

    # -- movements that linked panes share

    def lead(self, leader: Pane, panes: Iterable[Pane], act: Callable[[Pane], None]) -> None:
        """Do something to a pane and to those that go with it.

        All in one frame where the panes are few pixels; on large screens the pane in use is painted at once and the others in
        the next frame, so that the hand is never ahead of the eye.
        """
        if self._leader is not leader:
            self.catch_up()
        self._leader = leader
        before = leader.camera, leader.window_state
        act(leader)
        others = [p for p in panes if p is not leader]
        pixels = sum(p.device_size[0] * p.device_size[1] for p in (leader, *others))
        if pixels > self.together and (leader.camera, leader.window_state) != before and leader.isVisible():
            self._followers += [(p, act) for p in others]
        else:
            self.catch_up()
            for pane in others:
                act(pane)
        self.captions()

    def catch_up(self) -> None:
        """Let the linked panes do what they still owe."""
        owed, self._followers = self._followers, []
        for pane, act in owed:
            if pane in self.panes:
                act(pane)
        if owed:
            self.captions()
