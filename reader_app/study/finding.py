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
        "point" or "box".
    extent : tuple of float
        Full size along each axis of ``index`` for a box; empty for a point.
    score : int or None
        The reader's suspicion 0-100 for this finding, or None.
    """

    mark_id: str
    finding_id: str
    image_id: str
    index: tuple[float, ...]
    kind: str = "point"
    extent: tuple[float, ...] = ()
    score: int | None = None
