"""What file and folder names say: laterality, view, scan position. Used only where headers and tables are silent."""

from __future__ import annotations

import re
from dataclasses import dataclass

VIEWS = ("CC", "MLO", "ML", "LM", "LMO", "XCCL", "XCCM")
SCANS = ("AP", "LAT", "MED", "SUP", "INF")

_SIDE = {"R": "R", "RIGHT": "R", "RT": "R", "L": "L", "LEFT": "L", "LT": "L"}
_SIDES = "RIGHT|LEFT|RT|LT|R|L"
_WORDS = "|".join(sorted((*VIEWS, *SCANS), key=len, reverse=True))
_GAP = r"[\s_\-.]*"
_START, _END = r"(?<![A-Za-z])", r"(?![A-Za-z])"
_SIDE_VIEW = re.compile(rf"{_START}(?P<side>{_SIDES}){_GAP}(?P<view>{_WORDS}){_END}", re.IGNORECASE)
_VIEW_SIDE = re.compile(rf"{_START}(?P<view>{_WORDS}){_GAP}(?P<side>{_SIDES}){_END}", re.IGNORECASE)
_SIDE_ONLY = re.compile(rf"{_START}(?P<side>{_SIDES}){_END}", re.IGNORECASE)
_VIEW_ONLY = re.compile(rf"{_START}(?P<view>{_WORDS}){_END}", re.IGNORECASE)
_EDGES = re.compile(r"^[\s_\-.]+|[\s_\-.]+$")


@dataclass(frozen=True, slots=True)
class NameWords:
    """What one name says; empty where it is silent. ``rest`` is the name without these words, for grouping."""

    laterality: str = ""
    view: str = ""
    rest: str = ""

    @property
    def is_mammogram(self) -> bool:
        """Whether the view is a mammographic projection."""
        return self.view in VIEWS

    @property
    def is_scan(self) -> bool:
        """Whether the view is a scan position of automated breast ultrasound."""
        return self.view in SCANS


def read_name(text: str) -> NameWords:
    """Find words such as ``L_CC``, ``R-MLO``, ``LAP``, ``right lat`` in a file name without its ending or in a description."""
    for pattern in (_SIDE_VIEW, _VIEW_SIDE):
        match = pattern.search(text)
        if match:
            return NameWords(_SIDE[match["side"].upper()], match["view"].upper(), _rest(text, match))
    view, side = _VIEW_ONLY.search(text), _SIDE_ONLY.search(text)
    rest = text
    for match in (view, side):
        rest = rest if match is None else rest.replace(match.group(0), " ", 1)
    return NameWords(
        _SIDE[side["side"].upper()] if side else "",
        view["view"].upper() if view else "",
        re.sub(r"\s+", " ", _EDGES.sub("", rest)),
    )


def _rest(text: str, match: re.Match[str]) -> str:
    return _EDGES.sub("", text[: match.start()] + " " + text[match.end() :]).replace("  ", " ")
