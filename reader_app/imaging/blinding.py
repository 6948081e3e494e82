"""What could tell a reader (or anyone else) who the patient is or what she has: in headers, in names, in pixels.

Containers hold none of it except what is inside the pixels; this report is what the coordinator looks at before a study is
frozen. It names places, never the values found there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reader_app.imaging import pixeldecisions
from reader_app.imaging.grouping import Group, Source
from reader_app.imaging.planning import Piece

_TRUTH = re.compile(r"(?i)malig|benign|cancer|carcin|biops|normal|pathol|b[i]?-?rads|tumou?r|fibroaden|cyst")
_IDENTIFYING = ("PatientName", "PatientID", "AccessionNumber", "PatientBirthDate")


def examine(own: Group, pieces: Sequence[tuple[Piece, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the blinding report of one case.

    Returns
    -------
    dict
        ``tags``: names of identifying header elements in the sources (none of them is in the container); ``names``: how many file
        or folder names hold a patient's identifier; ``truth_in_names``: how many hold a word of the truth; ``stated``: how many
        files say BurnedInAnnotation YES; ``writing``: places of writing in the pixels, each ``{"file", "sha256", "image", "box",
        "decision"}`` with the number of the file in the case, the image's id, (row, column, row end, column end) in the file's
        own pixels (empty: the whole picture, of a file that states writing where none was found), and "open", "black_out" or
        "keep".
    """
    tags = sorted({tag for s in own.sources for tag in s.facts.get("identifying", [])})
    writing: list[dict[str, Any]] = []
    for number, (piece, answer) in enumerate(pieces, start=1):
        source = piece.sources[0]
        row = source.row
        given = tuple(row.black_out) if row is not None else ()
        found = [tuple(int(v) for v in box) for box in answer.get("writing", [])]
        found += [d.box for d in piece.decided if d.box and d.box not in found]  # drawn by the coordinator
        if not found and _states_writing(source) and not given:
            found = [()]
        for box in found:
            decision = pixeldecisions.verdict_on(box, piece.decided, given)
            writing.append({"file": number, "sha256": source.sha256, "image": "", "box": list(box), "decision": decision})
    return {
        "tags": tags,
        "names": sum(_names_patient(s) for s in own.sources),
        "truth_in_names": sum(bool(_TRUTH.search(s.shown)) for s in own.sources),
        "stated": sum(_states_writing(s) for s in own.sources),
        "writing": writing,
    }


def _names_patient(source: Source) -> bool:
    path = source.shown.casefold()
    for keyword in _IDENTIFYING:
        for part in re.split(r"[\\^\s,/]+", str(source.facts.get(keyword, ""))):
            if len(part) >= 3 and part.casefold() in path:
                return True
    return False


def _states_writing(source: Source) -> bool:
    return str(source.facts.get("BurnedInAnnotation", "")).upper() == "YES"


def name_images(report: Mapping[str, Any], origins: Mapping[str, Sequence[str]]) -> None:
    """Enter at each place of writing the id of the image that the file became ("" when it became none)."""
    by_hash = {sha: image_id for image_id, hashes in origins.items() for sha in hashes}
    for place in report.get("writing", []):
        place["image"] = by_hash.get(place["sha256"], "")


def sentences(report: Mapping[str, Any]) -> list[str]:
    """Return in words what a person must decide about, and what was decided."""
    result = []
    places = report.get("writing", [])
    undecided = [w for w in places if w["decision"] == pixeldecisions.OPEN]
    if undecided:
        first = undecided[0]
        where = f"box {' '.join(map(str, first['box']))}" if first["box"] else "the file states it, the place was not found"
        result.append(
            f"writing in the pixels at {len(undecided)} place(s), the first in file {first['file']}, {where}; "
            "look at it and decide, in the desk under Cases or with: reader-app writing"
        )
    for decision, words in ((pixeldecisions.BLACK_OUT, "blacked out"), (pixeldecisions.KEEP, "looked at and kept")):
        count = sum(w["decision"] == decision for w in places)
        if count:
            result.append(f"writing in the pixels: {count} place(s) {words}")
    return result
