"""The signals of the viewer, in one object that all its views share."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal


class ViewerEvents(QObject):
    """What the viewer tells the window.

    Signals
    -------
    fully_painted : tuple of str
        Once for each case shown, after the first complete paint of all its panes with full-quality pixels.
    uncovered : tuple of str
        The same after a cover was taken away.
    mark_placed : str, tuple
        The reader asks for a mark at an index of an image. Nothing is drawn until the window hands the marks back.
    mark_drawn : Mark, bool
        The reader drew a box, an ellipse or an outline (ids empty); with Shift held down it belongs to the chosen finding.
    mark_shape_changed : str
        What a left drag draws from now on; "point" for nothing.
    finding_chosen : int
        The reader was led to a finding of the aid: its number among `CaseViewer.findings`.
    mark_moved : str, tuple
        The reader asks to move a mark.
    mark_resized : Mark
        The reader asks for a drawn mark to have another size; its ids stay.
    mark_removed : str
        The reader asks to take a mark away.
    mark_selected : str
        The reader clicked a mark.
    position_changed, window_changed, step_changed, finding_changed, tool_changed : str
        Words for status lines.
    aid_seen : tuple of Seen
        The images and slices that the aid lay over, once they rest; see `exposure.AidWatch`.
    looked : no argument
        What a pane shows may have changed (another slice, image or aid).
    painted : float
        Milliseconds that one paint of one pane took.
    menu_about_to_show : QMenu
        The context menu, to which the window may add.
    """

    fully_painted = Signal(object)
    uncovered = Signal(object)
    mark_placed = Signal(str, object)
    mark_drawn = Signal(object, bool)
    mark_shape_changed = Signal(str)
    finding_chosen = Signal(int)
    mark_moved = Signal(str, object)
    mark_resized = Signal(object)
    mark_removed = Signal(str)
    mark_selected = Signal(str)
    position_changed = Signal(str)
    window_changed = Signal(str)
    step_changed = Signal(str)
    finding_changed = Signal(str)
    tool_changed = Signal(str)
    aid_seen = Signal(object)
    looked = Signal()
    painted = Signal(float)
    menu_about_to_show = Signal(object)
