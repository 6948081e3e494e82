"""The first-use tour: what the hands do in the reading room."""

from __future__ import annotations

from reader_app.ui.keymap import Keymap
from reader_app.ui.language import tr

#: A title, and keys or gestures with what they do.
TourStep = tuple[str, tuple[tuple[str, str], ...]]


def tour(keys: Keymap) -> tuple[TourStep, ...]:
    """Return the three steps of the first-use tour."""
    return (
        (
            tr("The images"),
            (
                (tr("Left drag"), tr("Window and level")),
                (tr("Wheel"), tr("Scroll slices; zoom on single images")),
                (tr("Middle drag"), tr("Move the image")),
                (keys.shown("view.fit"), tr("Fit to the pane")),
                (keys.shown("view.actual"), tr("One image pixel to one screen pixel")),
                (keys.shown("mark.place"), tr("Mark a finding at the pointer")),
            ),
        ),
        (
            tr("Your answer"),
            (
                ("0 … 6", tr("BI-RADS; after 4 then A, B or C")),
                ("62", tr("Suspicion: type 0 to 100, then Enter")),
                ("Tab", tr("Next question; the blue line shows where digits go")),
                (keys.shown("answer.note"), tr("Write a note (Esc leaves it)")),
            ),
        ),
        (
            tr("Locking, pausing, help"),
            (
                ("Enter Enter", tr("Locks the case; there is no way back to it")),
                (keys.shown("session.pause"), tr("Covers the images and stops the clock")),
                (keys.shown("aid.toggle"), tr("Aid on or off, in rounds that have one")),
                (keys.shown("session.help"), tr("All keys")),
            ),
        ),
    )
