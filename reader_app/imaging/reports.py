"""What structured reports made elsewhere say: Mammography CAD SR (TID 4000) and measurement reports (TID 1500).

Jobs of a killable worker: they return plain JSON. Places come back as (row, column) of the original file's pixels with centres at
integers; DICOM counts (column, row) from the corner of the first pixel, whose centre is at 0.5 (PS3.3 C.10.5.1.2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reader_app.errors import ImageError

CAD_REPORT = "1.2.840.10008.5.1.4.1.1.88.50"

#: Basic Text, Enhanced, Comprehensive, Comprehensive 3D and Extensible SR: what TID 1500 may be stored as.
MEASUREMENT_REPORTS: tuple[str, ...] = tuple(f"1.2.840.10008.5.1.4.1.1.88.{n}" for n in ("11", "22", "33", "34", "35"))

#: Concept codes (DCM) that are looked at.
_CAD_FINDING, _CENTRE, _INTENT, _SUMMARY = "111059", "111010", "111056", "111017"
_GROUP, _FINDING, _TRACKING = "125007", "121071", ("112040", "112039")
_PROBABILITY = ("111047", "111012")

#: Rendering intents: required, optional, and "not for presentation".
_INTENTS: dict[str, str] = {"111150": "required", "111151": "optional", "111152": "not for presentation"}

#: CAD Processing and Findings Summary (CID 6047): how far the program came.
_OUTCOMES: dict[str, str] = {
    "111241": "no finding",
    "111242": "findings",
    "111243": "no finding, but not all algorithms succeeded",
    "111244": "findings, but not all algorithms succeeded",
    "111245": "failed",
}

#: Deepest nesting of a report that is followed.
_DEPTH = 40


def read_report(path: str) -> dict[str, Any]:
    """Return the findings of a report.

    Returns
    -------
    dict
        ``kind`` ("cad" or "measurements"); ``outcome`` (one of the words of CID 6047 or ""); ``images``: UIDs of all images the
        report is about; ``marks``: dicts with ``uid``, ``frame`` (1-based, None for a single image), ``finding``, ``intent``,
        ``probability`` (0 to 1 or None), ``tracking``, ``points`` ([row, column], ...) and ``is_point``.

    Raises
    ------
    ImageError
        If the file is no such report, or a finding does not lead to an image or has no place; one sentence.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    name = Path(path).name
    try:
        root = pydicom.dcmread(path)
    except (InvalidDicomError, EOFError) as error:
        raise ImageError(f"{name}: is no DICOM file that can be read ({error})") from None
    sop_class = str(root.get("SOPClassUID", ""))
    try:
        if sop_class == CAD_REPORT:
            marks = [_cad_mark(root, node, intent) for node, intent in _cad_findings(root, "required", 0)]
            return {"kind": "cad", "outcome": _outcome(root), "images": _evidence(root), "marks": marks}
        if sop_class in MEASUREMENT_REPORTS:
            marks = [mark for group in _named(root, _GROUP, 0) for mark in _measured(root, group)]
            return {"kind": "measurements", "outcome": "", "images": _evidence(root), "marks": marks}
    except ValueError as error:
        raise ImageError(f"{name}: {error}") from None
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ImageError(f"{name}: its content does not follow the template ({error})") from None
    raise ImageError(f"{name}: is neither a Mammography CAD report nor a measurement report")


def _evidence(root: Any) -> list[str]:
    found = []
    for study in root.get("CurrentRequestedProcedureEvidenceSequence") or []:
        for series in study.get("ReferencedSeriesSequence") or []:
            found += [str(item.ReferencedSOPInstanceUID) for item in series.get("ReferencedSOPSequence") or []]
    return list(dict.fromkeys(found))


def _outcome(root: Any) -> str:
    for node in root.get("ContentSequence") or []:
        if _name(node) == _SUMMARY:
            return _OUTCOMES.get(str(node.ConceptCodeSequence[0].CodeValue), "")
    return ""


def _cad_findings(node: Any, intent: str, depth: int) -> Iterator[tuple[Any, str]]:
    """Yield every single-image finding with the rendering intent that holds for it (the nearest above it)."""
    children = _children(node, depth)
    for child in children:
        if _name(child) == _INTENT:
            intent = _INTENTS.get(str(child.ConceptCodeSequence[0].CodeValue), intent)
    if _name(node) == _CAD_FINDING:
        yield node, intent
    for child in children:
        yield from _cad_findings(child, intent, depth + 1)


def _cad_mark(root: Any, node: Any, intent: str) -> dict[str, Any]:
    places = [
        (child, _name(child) == _CENTRE) for child in node.get("ContentSequence") or [] if child.get("ValueType") == "SCOORD"
    ]
    if not places:
        raise ValueError("a finding has neither outline nor centre")
    place, _ = min(places, key=lambda found: found[1])  # the outline where there is one
    meaning = str(node.ConceptCodeSequence[0].get("CodeMeaning", "finding"))
    return _mark(root, place, meaning, intent, _probability(node), "")


def _measured(root: Any, group: Any) -> list[dict[str, Any]]:
    """Return the places of one measurement group; a group about a whole image or a segment has none."""
    children = group.get("ContentSequence") or []
    meaning = next((str(c.ConceptCodeSequence[0].get("CodeMeaning", "")) for c in children if _name(c) == _FINDING), "finding")
    tracking = ""
    for code in _TRACKING:
        for child in children:
            if _name(child) == code:
                tracking = tracking or str(child.get("UID") or child.get("TextValue") or "")
    if any(c.get("ValueType") == "SCOORD3D" for c in children):
        raise ValueError("it marks places in patient coordinates (SCOORD3D); export it with places in the image (SCOORD)")
    places = [c for c in children if c.get("ValueType") == "SCOORD"]
    return [_mark(root, place, meaning, "required", _probability(group), tracking) for place in places]


def _mark(root: Any, place: Any, finding: str, intent: str, probability: float | None, tracking: str) -> dict[str, Any]:
    uid, frame = _referenced(root, place)
    if not uid:
        raise ValueError("a finding does not name its image")
    kind, points = str(place.get("GraphicType", "")), _points(place)
    return {
        "uid": uid,
        "frame": frame,
        "finding": finding,
        "intent": intent,
        "probability": probability,
        "tracking": tracking,
        "points": [list(p) for p in points],
        "is_point": kind in ("POINT", "MULTIPOINT"),
    }


def _points(place: Any) -> list[tuple[float, float]]:
    """Return the corners of what a graphic covers, (row, column)."""
    data = [float(v) - 0.5 for v in place.GraphicData]
    points = [(data[k + 1], data[k]) for k in range(0, len(data) - 1, 2)]
    if not points or not all(math.isfinite(v) for p in points for v in p):
        raise ValueError("a finding has no place")
    kind = str(place.get("GraphicType", ""))
    if kind == "CIRCLE" and len(points) == 2:
        (row, column), edge = points
        radius = math.dist((row, column), edge)
        return [(row - radius, column - radius), (row + radius, column + radius)]
    if kind == "ELLIPSE" and len(points) == 4:
        (a, b), (c, d) = points[:2], points[2:]
        centre = tuple((m + n) / 2 for m, n in zip(a, b, strict=True))
        half = [math.hypot((b[axis] - a[axis]) / 2, (d[axis] - c[axis]) / 2) for axis in (0, 1)]
        return [(centre[0] - half[0], centre[1] - half[1]), (centre[0] + half[0], centre[1] + half[1])]
    return points


def _probability(node: Any) -> float | None:
    for code in _PROBABILITY:
        for child in node.get("ContentSequence") or []:
            if _name(child) == code:
                measured = child.MeasuredValueSequence[0]
                units = measured.get("MeasurementUnitsCodeSequence")
                percent = not units or str(units[0].get("CodeValue", "%")) == "%"
                return float(measured.NumericValue) / (100 if percent else 1)
    return None


def _referenced(root: Any, place: Any) -> tuple[str, int | None]:
    """Return UID and frame (1-based) of the image a place lies in, given by value or by reference."""
    for reference in place.get("ContentSequence") or []:
        target = reference
        if "ReferencedContentItemIdentifier" in reference:
            target = root
            for position in list(reference.ReferencedContentItemIdentifier)[1:]:
                target = target.ContentSequence[int(position) - 1]
        items = target.get("ReferencedSOPSequence")
        if items:
            number = items[0].get("ReferencedFrameNumber")
            first = number[0] if isinstance(number, (list, tuple)) or hasattr(number, "__getitem__") else number
            return str(items[0].ReferencedSOPInstanceUID), None if first is None else int(first)
    return "", None


def _named(node: Any, code: str, depth: int) -> Iterator[Any]:
    if _name(node) == code:
        yield node
        return
    for child in _children(node, depth):
        yield from _named(child, code, depth + 1)


def _children(node: Any, depth: int) -> list[Any]:
    if depth > _DEPTH:
        raise ValueError("it is nested deeper than any report")
    return list(node.get("ContentSequence") or [])


def _name(node: Any) -> str:
    sequence = node.get("ConceptNameCodeSequence")
    return str(sequence[0].get("CodeValue", "")) if sequence else ""
