"""What the coordinator decided about writing in pixels: kept beside the images, so that a later import decides the same.

A decision belongs to a file (by its SHA-256) and a box in that file's own pixels; an empty box means the whole picture.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reader_app.errors import ImageError

FILE = "pixel_decisions.json"
BLACK_OUT, KEEP, REFUSE, OPEN = "black_out", "keep", "refuse", "open"

Box = tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Decision:
    """One decision.

    Attributes
    ----------
    sha256 : str
        Of the file.
    box : tuple of int
        (row, column, row end, column end) in the file's pixels, or empty for the whole picture.
    verdict : str
        "black_out", "keep" or "refuse" (the file's image stays out of the study).
    day : str
        Date of the decision, ISO.
    """

    sha256: str
    box: Box
    verdict: str
    day: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the decision as plain values."""
        return {"sha256": self.sha256, "box": list(self.box), "verdict": self.verdict, "day": self.day}

    def stated(self) -> dict[str, Any]:
        """Return the decision as a container states it: without its day, for containers carry no date."""
        return {"sha256": self.sha256, "box": list(self.box), "verdict": self.verdict}


def load(study: Path) -> dict[str, tuple[Decision, ...]]:
    """Return file SHA-256 -> decisions of a study folder; empty when nothing was decided.

    Raises
    ------
    ImageError
        If the file cannot be read as decisions.
    """
    path = study / FILE
    if not path.is_file():
        return {}
    try:
        found = [parse(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["decisions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ImageError(f"{path}: cannot be read ({error}); restore it from a backup or remove it and decide again") from error
    result: dict[str, tuple[Decision, ...]] = {}
    for one in found:
        result[one.sha256] = (*result.get(one.sha256, ()), one)
    return result


def parse(entry: Mapping[str, Any]) -> Decision:
    """Return the decision that `Decision.to_json` described; ValueError when it is none."""
    box = tuple(int(v) for v in entry["box"])
    if len(box) not in (0, 4) or entry["verdict"] not in (BLACK_OUT, KEEP, REFUSE):
        raise ValueError(f"{dict(entry)} is no decision")
    return Decision(str(entry["sha256"]), box, str(entry["verdict"]), str(entry.get("day", "")))


def add(study: Path, new: Iterable[Decision]) -> None:
    """Add decisions; a new one about the same file and box takes the place of the old one."""
    known = {(d.sha256, d.box): d for own in load(study).values() for d in own}
    known |= {(d.sha256, d.box): d for d in new}
    document = {"schema": 1, "decisions": [d.to_json() for d in sorted(known.values())]}
    part = study / f".{FILE}.part"
    with part.open("w", encoding="utf-8", newline="\n") as stream:
        json.dump(document, stream, indent=1)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, study / FILE)


def covered(box: Sequence[int], boxes: Iterable[Sequence[int]]) -> bool:
    """Return whether one of the boxes holds this one wholly."""
    return any(b[0] <= box[0] and b[1] <= box[1] and b[2] >= box[2] and b[3] >= box[3] for b in boxes)


def verdict_on(box: Box, decided: Sequence[Decision], also_black: Sequence[Box] = ()) -> str:
    """Return what was decided about a found box: blacked out (also by a larger box), kept, refused with its file, or open."""
    if any(d.verdict == REFUSE for d in decided):
        return REFUSE
    if box and covered(box, [*also_black, *(d.box for d in decided if d.verdict == BLACK_OUT and d.box)]):
        return BLACK_OUT
    if any(d.verdict == KEEP and d.box in ((), box) for d in decided) or (not box and decided):
        return KEEP
    return OPEN
