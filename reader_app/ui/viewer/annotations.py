"""What the window may ask of the viewer about the aid and the reader's marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reader_app.imaging.overlay import Box
from reader_app.study.finding import Mark
from reader_app.ui.viewer.case_view import CaseView
from reader_app.ui.viewer.overlay import Aid


class Annotations:
    """The part of :class:`CaseViewer` that deals with aid, findings and marks; a class of its own for its length only."""

    _view: CaseView | None
    _covered: bool

    def set_aid(self, aid: Aid | None, visible: bool = True) -> None:
        """Give the aid after the unaided answer was sealed, or take it away."""
        if self._view is not None:
            self._view.set_aid(aid, visible)

    def set_aid_visible(self, visible: bool) -> None:
        """Show or hide the aid."""
        if self._view is not None:
            self._view.set_aid_visible(visible)

    def aid_is_visible(self) -> bool:
        """Return whether an aid is given and shown."""
        return self._view is not None and self._view.aid is not None and self._view.aid_visible

    def set_overlay(self, threshold: float, opacity: float) -> None:
        """Change threshold (raw unit) and opacity of heatmaps."""
        if self._view is not None:
            self._view.set_overlay(threshold, opacity)

    def next_finding(self) -> None:
        """Go to the next box of the aid."""
        if self._view is not None:
            self._view.go_to_finding(1)

    def previous_finding(self) -> None:
        """Go to the previous box of the aid."""
        if self._view is not None:
            self._view.go_to_finding(-1)

    def findings(self) -> tuple[Box, ...]:
        """Return the boxes of the aid that is shown, in the order in which the reader is led through them."""
        return tuple(self._view.findings()) if self._view is not None else ()

    def finding_index(self) -> int:
        """Return the number of the finding the reader was led to last; -1 for none."""
        return self._view.finding_index if self._view is not None else -1

    def go_to(self, number: int) -> None:
        """Lead to a finding by its number."""
        if self._view is not None:
            self._view.choose_finding(number)

    def set_verdicts(self, verdicts: Mapping[int, str]) -> None:
        """Show the reader's words ("accepted", "rejected") on the findings, by number."""
        if self._view is not None:
            self._view.set_verdicts(verdicts)

    def set_mark_shape(self, shape: str) -> None:
        """Choose what a left drag draws once: "box", "ellipse", "outline"; "point" for nothing."""
        if self._view is not None:
            self._view.set_mark_shape(shape)

    def mark_shape(self) -> str:
        """Return what a left drag draws."""
        return self._view.gestures.shape if self._view is not None else "point"

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Show exactly these marks."""
        if self._view is not None:
            self._view.set_marks(marks)

    def choose_mark(self, mark_id: str) -> None:
        """Make a mark the chosen one where it is; it may still be on its way."""
        if self._view is not None:
            self._view.choose_mark(mark_id)

    def select_mark(self, mark_id: str) -> bool:
        """Choose a mark and bring it into view; False when there is none of that id."""
        return self._view is not None and self._view.select_mark(mark_id)

    def mark_at_cursor(self) -> bool:
        """Ask for a mark under the cursor (in a volume without a cursor: at the crosshair); False where there is no image."""
        return self._view is not None and not self._covered and self._view.mark_at_cursor()

    def set_marks_visible(self, visible: bool) -> None:
        """Show or hide the marks."""
        if self._view is not None:
            self._view.set_marks_visible(visible)

    def toggle_marks(self) -> None:
        """Show the marks if they are hidden, else hide them."""
        if self._view is not None:
            self._view.set_marks_visible(not self._view.marks_visible)
