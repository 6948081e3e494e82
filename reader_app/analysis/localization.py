"""FROC, AFROC, wAFROC and LROC of marks: figures of merit with their leave-one-case-out values, and operating curves.

Unmarked = rating minus infinity; a tie counts one half, also between unmarked lesion and unmarked case.

References
----------
Chakraborty, Berbaum 2004 Med Phys 31:2313; Chakraborty DP. Observer performance methods for diagnostic imaging. CRC 2017.
Area under LROC: Swensson 1996 Med Phys 23:1709. Mean sensitivity at 1/8 to 8 false positives: Niemeijer 2011 IEEE TMI 30:215.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader_app.analysis import roc

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Codes = NDArray[np.int64]

#: False positives a case at which sensitivity is stated.
FP_PER_CASE = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Marks:
    """The classified marks of one reader under one condition.

    Attributes
    ----------
    diseased : bool array (K,)
        Whether the case has a lesion.
    lesion_case : int array (L,)
        Case of each lesion, in rising order.
    weight : array (L,)
        Weights of the lesions, 1 in sum for each case.
    hit : array (L,)
        Highest rating of the marks on each lesion; minus infinity when unmarked.
    false_case, false_rating : arrays (F,)
        Marks that hit no lesion.
    """

    diseased: BoolArray
    lesion_case: Codes
    weight: FloatArray
    hit: FloatArray
    false_case: Codes
    false_rating: FloatArray

    @property
    def highest_false(self) -> FloatArray:
        """Highest rating of a false mark on each case (K,); minus infinity without one."""
        top = np.full(len(self.diseased), -np.inf)
        np.maximum.at(top, self.false_case, self.false_rating)
        return top


@dataclass(frozen=True)
class Merit:
    """A figure of merit with its leave-one-out values over the cases ``units`` that it depends on."""

    value: float
    leave_one_out: FloatArray
    units: BoolArray
    method: str


def equal_weights(lesion_case: Codes) -> FloatArray:
    """Return 1 / (number of lesions of the case) for each lesion."""
    return np.asarray(1.0 / np.bincount(lesion_case)[lesion_case]) if len(lesion_case) else np.empty(0)


def _above(low: FloatArray, high: FloatArray) -> FloatArray:
    """Return for each of ``high`` the mean of psi over ``low``: the share below it, ties one half."""
    ordered = np.sort(low)
    left, right = np.searchsorted(ordered, high, "left"), np.searchsorted(ordered, high, "right")
    return np.asarray((left + right) / (2 * len(low)))


def _below(low: FloatArray, high: FloatArray, weight: FloatArray) -> FloatArray:
    """Return for each of ``low`` the weighted sum of psi over ``high``: the weight above it, ties one half."""
    order = np.argsort(high, kind="stable")
    ordered = high[order]
    summed = np.concatenate([[0.0], np.cumsum(weight[order])])
    left, right = np.searchsorted(ordered, low, "left"), np.searchsorted(ordered, low, "right")
    return np.asarray(summed[-1] - (summed[left] + summed[right]) / 2)


def afroc(marks: Marks, *, weighted: bool) -> Merit | None:
    """Return the area under the AFROC (or wAFROC): chance that a lesion is rated above the highest false mark of a healthy case.

    Without lesion-free cases the false marks of all cases count (AFROC1, wAFROC1). None without lesions.
    """
    k = len(marks.diseased)
    lesions = len(marks.hit)
    if lesions == 0 or k < 3:
        return None
    name = "wAFROC" if weighted else "AFROC"
    weight = marks.weight if weighted else np.ones(lesions)
    case_weight = np.bincount(marks.lesion_case, weight, minlength=k)
    total = case_weight.sum()
    top = marks.highest_false
    healthy = ~marks.diseased if (~marks.diseased).any() else np.ones(k, dtype=np.bool_)
    n0 = int(healthy.sum())
    above = _above(top[healthy], marks.hit)
    by_case = np.bincount(marks.lesion_case, weight * above, minlength=k)
    value = float(by_case.sum() / total)
    below = np.where(healthy, _below(top, marks.hit, weight), 0.0)
    both = healthy & marks.diseased
    own = np.zeros(k)
    if both.any():
        psi = (marks.hit > top[marks.lesion_case]) + 0.5 * (marks.hit == top[marks.lesion_case])
        own = np.asarray(np.bincount(marks.lesion_case, weight * psi, minlength=k), dtype=np.float64)
    pairs_left = np.where(healthy, n0 - 1, n0) * (total - case_weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = (value * n0 * total - n0 * by_case - below + np.where(healthy, own, 0.0)) / pairs_left
    suffix = "" if (~marks.diseased).any() else "1 (no lesion-free cases)"
    return Merit(value, left_out, np.ones(k, dtype=np.bool_), name + suffix)


def highest_rating_auc(marks: Marks) -> Merit | None:
    """Return the ROC area of the highest rating of each case, whether or not the mark hits; None if a class is empty."""
    truth = marks.diseased
    if truth.sum() < 2 or (~truth).sum() < 2:
        return None
    top = case_ratings(marks)
    parts = roc.placements(top[None, :], truth)
    n1, n0 = int(truth.sum()), int((~truth).sum())
    left_out = np.empty(len(truth))
    left_out[truth] = (n1 * parts.auc[0] - parts.v10[0]) / (n1 - 1)
    left_out[~truth] = (n0 * parts.auc[0] - parts.v01[0]) / (n0 - 1)
    return Merit(float(parts.auc[0]), left_out, np.ones(len(truth), dtype=np.bool_), "AUC of the highest rating")


def case_ratings(marks: Marks) -> FloatArray:
    """Return the highest rating of any mark on each case (K,)."""
    top = marks.highest_false
    np.maximum.at(top, marks.lesion_case, marks.hit)
    return top


def max_llf(marks: Marks) -> Merit | None:
    """Return the share of lesions that were marked at all; None without lesions."""
    if len(marks.hit) == 0:
        return None
    k = len(marks.diseased)
    found = np.bincount(marks.lesion_case, np.isfinite(marks.hit), minlength=k)[marks.diseased]
    lesions = np.bincount(marks.lesion_case, minlength=k)[marks.diseased]
    value = float(found.sum() / lesions.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = (found.sum() - found) / (lesions.sum() - lesions)
    return Merit(value, left_out, marks.diseased, "share of lesions marked")


def lroc(marks: Marks) -> Merit | None:
    """Return the area under the LROC: a diseased case counts when its highest mark hits and outrates the healthy case."""
    truth = marks.diseased
    n1, n0 = int(truth.sum()), int((~truth).sum())
    if n1 < 2 or n0 < 2:
        return None
    best = np.full(len(truth), -np.inf)
    np.maximum.at(best, marks.lesion_case, marks.hit)
    false = marks.highest_false
    correct = (best > false) & np.isfinite(best)
    by_case = np.where(correct[truth], _above(false[~truth], best[truth]), 0.0)
    value = float(by_case.mean())
    below = _below(false[~truth], best[truth], correct[truth].astype(float)) / n1
    left_out = np.empty(len(truth))
    left_out[truth] = (n1 * value - by_case) / (n1 - 1)
    left_out[~truth] = (n0 * value - below) / (n0 - 1)
    return Merit(value, left_out, np.ones(len(truth), dtype=np.bool_), "area under the LROC")


@dataclass(frozen=True)
class Points:
    """An operating curve by falling threshold: false positives (a case, or their fraction), share of lesions found."""

    x: FloatArray
    y: FloatArray
    threshold: FloatArray


def operating_points(marks: Marks, kind: str) -> Points:
    """Return the curve of ``kind`` "froc", "afroc" or "wafroc", from (0, 0); the latter two end in (1, 1)."""
    k = len(marks.diseased)
    healthy = ~marks.diseased if (~marks.diseased).any() else np.ones(k, dtype=np.bool_)
    if kind == "froc":
        false, scale = marks.false_rating, float(k)
    else:
        false, scale = marks.highest_false[healthy], float(healthy.sum())
    weight = marks.weight if kind == "wafroc" else np.ones(len(marks.hit))
    ratings = np.concatenate([false[np.isfinite(false)], marks.hit[np.isfinite(marks.hit)]])
    levels = np.unique(ratings)[::-1]
    ordered = np.sort(false)
    x = (len(false) - np.searchsorted(ordered, levels, "left")) / scale
    order = np.argsort(marks.hit, kind="stable")
    summed = np.concatenate([[0.0], np.cumsum(weight[order])])
    total = summed[-1] if len(weight) else math.nan
    y = (total - summed[np.searchsorted(marks.hit[order], levels, "left")]) / total
    ends = ([math.nan], [1.0], [1.0]) if kind != "froc" else ([], [], [])
    return Points(
        np.concatenate([[0.0], x, ends[1]]), np.concatenate([[0.0], y, ends[2]]), np.concatenate([[math.inf], levels, ends[0]])
    )  # fmt: skip


def sensitivity_at(points: Points, fp_per_case: float) -> float:
    """Return the highest share of lesions found with no more than so many false positives a case."""
    return float(points.y[points.x <= fp_per_case + 1e-12].max())


def mean_sensitivity(points: Points) -> float:
    """Return the mean sensitivity at :data:`FP_PER_CASE`."""
    return float(np.mean([sensitivity_at(points, fp) for fp in FP_PER_CASE]))


def froc(marks: Marks) -> Merit | None:
    """Return the mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false positives a case; no leave-one-out values."""
    if len(marks.hit) == 0:
        return None
    value = mean_sensitivity(operating_points(marks, "froc"))
    return Merit(value, np.empty(0), marks.diseased, "mean sensitivity at 1/8 to 8 false positives a case")


def average_points(curves: list[Points]) -> Points:
    """Return the mean share found at every x of any curve (steps: the highest point not to the right of x)."""
    grid = np.unique(np.concatenate([c.x for c in curves]))
    heights = []
    for c in curves:
        best = np.maximum.accumulate(c.y)
        heights.append(best[np.searchsorted(c.x, grid, "right") - 1])
    return Points(grid, np.mean(heights, axis=0), np.full(len(grid), math.nan))
