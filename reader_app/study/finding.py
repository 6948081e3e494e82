"""Marks: where a reader saw a finding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """One location of a finding.

    Attributes
    ----------
    mark_id : str
        Unique within the read ("1", "2" ...).
    finding_id : str
        The finding it belongs to; marks of one finding in CC and MLO, or in two volumes, share it.
    image_id : str
        The image (view or volume) it lies in, as named in the case container.
    index : tuple of float
        Position, zero-based centres: ``(row, column)`` for an image, ``(slice, row, column)`` for a volume or cine.
    kind : str
        "point", "box", "ellipse" or "outline".
    extent : tuple of float
        Full size along each axis of ``index`` for a box or ellipse around it; empty for a point or outline.
    score : int or None
        The reader's suspicion 0-100 for this finding, or None.
    outline : tuple of tuple of float
        Corners of an outline in the same index order, at least three; empty for the other kinds. ``index`` is a point inside it.
    """

    mark_id: str
    finding_id: str
    image_id: str
    index: tuple[float, ...]
    kind: str = "point"
    extent: tuple[float, ...] = ()
    score: int | None = None
    outline: tuple[tuple[float, ...], ...] = ()
