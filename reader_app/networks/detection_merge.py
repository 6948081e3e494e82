"""Findings of several passes over one stack of views as one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reader_app.networks.detection import Detection


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return intersection over union of two boxes x1, y1, x2, y2."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def unflip(found: Detection, columns: int) -> Detection:
    """Return a finding of the left-right flipped stack in the coordinates of the stack."""
    x1, y1, x2, y2 = found.box
    return replace(found, box=(columns - x2, y1, columns - x1, y2))


def merge(passes: Sequence[Sequence[Detection]], least: float = 0.4) -> list[Detection]:
    """Return the findings of several passes over one stack as one list, best first.

    Findings of one type that overlap by ``least`` are averaged (boxes weighted by score); a pass that lacks one counts as 0. Then
    of findings of a view, whatever their types, that overlap or whose middle lies in a better one, the best stays.
    """
    groups: list[list[Detection]] = []
    for number, found in enumerate(passes):
        open_groups = [g for g in groups if len(g) <= number]
        for item in sorted(found, key=lambda d: -d.score):
            fit = [g for g in open_groups if (g[0].view, g[0].kind) == (item.view, item.kind)]
            near = max(fit, key=lambda g: overlap(g[0].box, item.box), default=None)
            if near is not None and overlap(near[0].box, item.box) >= least:
                near.append(item)
                open_groups = [g for g in open_groups if g is not near]
            else:
                groups.append([item])
    merged = sorted((_mean(g, len(passes)) for g in groups), key=lambda d: -d.score)
    kept: list[Detection] = []
    for item in merged:
        middle = ((item.box[0] + item.box[2]) / 2, (item.box[1] + item.box[3]) / 2)
        better = [k.box for k in kept if k.view == item.view]
        within = any(b[0] <= middle[0] <= b[2] and b[1] <= middle[1] <= b[3] for b in better)
        if not within and all(overlap(b, item.box) < least for b in better):
            kept.append(item)
    return kept


def _mean(group: Sequence[Detection], passes: int) -> Detection:
    weight = np.array([d.score for d in group])
    share = weight / weight.sum()
    x1, y1, x2, y2 = (float(v) for v in share @ np.array([d.box for d in group]))
    looks = tuple(float(v) for v in share @ np.array([d.looks for d in group]))
    malignant = float(share @ np.array([d.malignant for d in group]))
    return replace(group[0], box=(x1, y1, x2, y2), score=float(weight.sum() / passes), malignant=malignant, looks=looks)
