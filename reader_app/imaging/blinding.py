"""What could tell a reader (or anyone else) who the patient is or what she has: in headers, in names, in pixels.

Containers hold none of it except what is inside the pixels; this report is what the coordinator looks at before a study is
frozen. It names places, never the values found there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

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
        files say BurnedInAnnotation YES; ``writing``: places of writing in the pixels, each ``{"file", "box", "blacked_out"}``
        with the number of the file in the case and (row, column, row end, column end) in its own pixels.
    """
    tags = sorted({tag for s in own.sources for tag in s.facts.get("identifying", [])})
    writing = []
    for number, (piece, answer) in enumerate(pieces, start=1):
        row = piece.sources[0].row
        covered = row.black_out if row is not None else ()
        for box in answer.get("writing", []):
            inside = any(c[0] <= box[0] and c[1] <= box[1] and c[2] >= box[2] and c[3] >= box[3] for c in covered)
            writing.append({"file": number, "box": [int(v) for v in box], "blacked_out": inside})
    return {
        "tags": tags,
        "names": sum(_names_patient(s) for s in own.sources),
        "truth_in_names": sum(bool(_TRUTH.search(s.shown)) for s in own.sources),
        "stated": sum(str(s.facts.get("BurnedInAnnotation", "")).upper() == "YES" for s in own.sources),
        "writing": writing,
    }


def _names_patient(source: Source) -> bool:
    path = source.shown.casefold()
    for keyword in _IDENTIFYING:
        for part in re.split(r"[\\^\s,/]+", str(source.facts.get(keyword, ""))):
            if len(part) >= 3 and part.casefold() in path:
                return True
    return False


def sentences(report: Mapping[str, Any]) -> list[str]:
    """Return what a person must decide about, in words."""
    result = []
    open_places = [w for w in report.get("writing", []) if not w["blacked_out"]]
    if open_places:
        first = open_places[0]
        box = " ".join(map(str, first["box"]))
        result.append(
            f"writing in the pixels at {len(open_places)} place(s), the first in file {first['file']}, box {box}; "
            "look at it, and black it out by the table's column black_out where it names a person"
        )
    if report.get("stated"):
        result.append("a file says that it holds burned-in annotation; look at it")
    return result
