"""Which mark hits which lesion: by centre distance, by overlap of boxes, or as stated in the table.

By distance, a mark belongs to the nearest lesion within whose radius it lies (both in one image, where images are named). By
overlap, it belongs to the lesion whose box it overlaps most, if their intersection over union reaches a threshold; a lesion of
known radius but unknown size is taken as the box around its circle or ball. Volumes (a lesion with ``z_mm``) in 3-D. Several
marks on one lesion count once, with the highest rating; linked marks (one finding seen in two views) count once, as a hit if any
of them hits. The rule is part of a protocol and must be fixed before the reads are made.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reader_app.errors import Fault, TableError

FloatArray = NDArray[np.float64]


def match_marks(marks: pd.DataFrame, lesions: pd.DataFrame, rule: str = "distance", overlap: float = 0.1) -> pd.Series:
    """Return the lesion_id that each mark hits, "" for none.

    Parameters
    ----------
    marks
        Checked marks (``tables.read_marks``) with positions, or already matched (``attrs["matched"]``).
    lesions
        Target lesions of the reference (``Reference.targets``).
    rule : str
        "distance" or "iou"; without meaning where the marks are matched already.
    overlap : float
        Least intersection over union of a hit.

    Raises
    ------
    TableError
        If positions must be matched and a lesion has no position and radius (or size) in any view, or, by overlap, a mark has
        no size.
    """
    if marks.attrs.get("matched"):
        return _stated(marks, lesions)
    if rule == "iou":
        return _overlapping(marks, lesions, overlap)
    placed = (lesions["x_mm"].notna() & lesions["y_mm"].notna() & lesions["radius_mm"].notna()).to_numpy()
    somewhere = set(zip(lesions.loc[placed, "case_id"], lesions.loc[placed, "lesion_id"], strict=True))
    faults = [
        Fault(
            f"reference, row {row}, column radius_mm",
            f"lesion {lesion} of case {case} has no position and radius in any view",
            "fill in x_mm, y_mm and radius_mm, or match the marks beforehand in a column lesion_id",
        )
        for row, case, lesion in zip(lesions.index, lesions["case_id"], lesions["lesion_id"], strict=True)
        if (case, lesion) not in somewhere
    ]
    if faults:
        raise TableError(faults)
    found: dict[int, str] = {}
    views = {str(case): view for case, view in lesions.groupby("case_id", sort=False)}
    for case, own in marks.groupby("case_id", sort=False):
        if str(case) in views:
            found.update(zip(own.index, _nearest(own, views[str(case)]), strict=True))
    return pd.Series([found.get(row, "") for row in marks.index], index=marks.index, dtype=object)


def _stated(marks: pd.DataFrame, lesions: pd.DataFrame) -> pd.Series:
    """Return the stated lesion where it is a target (a benign lesion is none)."""
    known = set(zip(lesions["case_id"], lesions["lesion_id"], strict=True))
    pairs = zip(marks["case_id"], marks["lesion_id"], strict=True)
    return pd.Series([pair[1] if pair in known else "" for pair in pairs], index=marks.index, dtype=object)


def _nearest(marks: pd.DataFrame, views: pd.DataFrame) -> list[str]:
    """Match the marks of one case to its lesion views by centre distance."""
    axes = ["x_mm", "y_mm", "z_mm"]
    at, centre = marks[axes].to_numpy(dtype=float), views[axes].to_numpy(dtype=float)
    gap = at[:, None, :] - centre[None, :, :]
    gap[:, :, 2] = np.where(np.isnan(gap[:, :, 2]), 0.0, gap[:, :, 2])
    distance = np.sqrt((gap**2).sum(axis=2))
    named = marks["image_id"].to_numpy(dtype=str)[:, None], views["image_id"].to_numpy(dtype=str)[None, :]
    same = (named[0] == named[1]) | (named[0] == "") | (named[1] == "")
    radius = views["radius_mm"].to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        inside = same & (distance <= radius[None, :])
    distance = np.where(inside, distance, np.inf)
    best = distance.argmin(axis=1)
    names = views["lesion_id"].to_list()
    return [names[b] if math.isfinite(distance[n, b]) else "" for n, b in enumerate(best)]


_AXES = (("x_mm", "width_mm"), ("y_mm", "height_mm"), ("z_mm", "depth_mm"))


def _overlapping(marks: pd.DataFrame, lesions: pd.DataFrame, overlap: float) -> pd.Series:
    """Match by the overlap of boxes, in one image where images are named."""
    faults: list[Fault] = []
    views: dict[str, list[tuple[str, str, tuple[float, ...]]]] = {}
    boxed: set[tuple[str, str]] = set()
    for row in lesions.to_dict("records"):
        box = _box(row, 2 * float(row["radius_mm"]))
        if box is not None:
            boxed.add((row["case_id"], row["lesion_id"]))
            views.setdefault(str(row["case_id"]), []).append((str(row["lesion_id"]), str(row["image_id"]), box))
    for number, case, lesion in zip(lesions.index, lesions["case_id"], lesions["lesion_id"], strict=True):
        if (case, lesion) not in boxed:
            place, what = f"reference, row {number}, column width_mm", f"lesion {lesion} of case {case} has no box in any view"
            faults.append(Fault(place, what, "fill in x_mm, y_mm, width_mm and height_mm, or radius_mm"))
    found: list[str] = []
    for number, row in zip(marks.index, marks.to_dict("records"), strict=True):
        own = views.get(str(row["case_id"]), [])
        box = _box(row, math.nan, flat=not any(len(other) == 6 for _, _, other in own))
        if box is None:
            what = "the mark has no size, so its overlap with a lesion is not defined"
            faults.append(Fault(f"marks, row {number}, column width_mm", what, "fill it in, or choose --match distance"))
            continue
        same = [(name, other) for name, image, other in own if "" in (image, row["image_id"]) or image == row["image_id"]]
        fitting = [(name, other) for name, other in same if len(other) == len(box)]
        hit = match_boxes([box], [other for _, other in fitting], overlap)[0]
        found.append("" if hit is None else fitting[hit][0])
    if faults:
        raise TableError(faults[:50])
    return pd.Series(found, index=marks.index, dtype=object)


def _box(row: Mapping[Hashable, Any], usual: float, flat: bool = False) -> tuple[float, ...] | None:
    """Return start and stop along x, y and, unless ``flat`` or unknown, z; None if unknown.

    A missing size is the ``usual`` one.
    """
    start, stop = [], []
    for centre, size in _AXES:
        at = float(row[centre])
        if centre == "z_mm" and (flat or math.isnan(at)):
            continue
        extent = float(row[size]) if not math.isnan(float(row[size])) else usual
        if math.isnan(at) or math.isnan(extent):
            return None
        start.append(at - extent / 2)
        stop.append(at + extent / 2)
    return (*start, *stop)


def box_iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the overlap (intersection over union) of two boxes in any dimension: start_1 .. start_d, stop_1 .. stop_d."""
    one, two = np.asarray(a, float).reshape(2, -1), np.asarray(b, float).reshape(2, -1)
    if (one[1] < one[0]).any() or (two[1] < two[0]).any():
        raise ValueError("a box must stop after it starts")
    sides = np.minimum(one[1], two[1]) - np.maximum(one[0], two[0])
    common = float(np.prod(np.maximum(sides, 0.0)))
    union = float(np.prod(one[1] - one[0]) + np.prod(two[1] - two[0])) - common
    return common / union if union > 0 else 0.0


def match_boxes(boxes: Sequence[Sequence[float]], lesions: Sequence[Sequence[float]], threshold: float = 0.1) -> list[int | None]:
    """Return for each box the lesion that it hits, or None.

    A box hits the lesion that it overlaps most, if the overlap reaches ``threshold``. Further boxes on a lesion also name it;
    in the figures of merit they count once, with the highest score.
    """
    found: list[int | None] = []
    for box in boxes:
        overlaps = [box_iou(box, lesion) for lesion in lesions]
        hit = bool(overlaps) and max(overlaps) >= threshold and max(overlaps) > 0
        found.append(int(np.argmax(overlaps)) if hit else None)
    return found


def link(marks: pd.DataFrame, hits: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """Join linked marks (same read and ``finding_id``): one for each lesion they hit, else one, with their highest rating."""
    if "finding_id" not in marks.columns or (marks["finding_id"] == "").all():
        return marks, hits
    frame = marks.assign(_hit=hits)
    joined = [frame[(frame["finding_id"] == "").to_numpy()]]
    linked = frame[(frame["finding_id"] != "").to_numpy()]
    for _, own in linked.groupby(["reader_id", "condition", "round_rank", "case_id", "finding_id"], sort=False):
        targets = sorted({hit for hit in own["_hit"] if hit}) or [""]
        first = pd.concat([own.iloc[:1]] * len(targets))
        joined.append(first.assign(_hit=targets, rating=own["rating"].max()))
    frame = pd.concat(joined, ignore_index=True)
    return frame.drop(columns="_hit"), frame["_hit"]
