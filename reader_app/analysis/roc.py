"""Empirical ROC: area, DeLong covariance, Hanley-McNeil variance, points, Youden's operating point, average curves.

Conventions: x = ratings of units without disease, y = ratings of diseased units; higher = more suspicious; a tie counts one half.
A unit is called positive when its rating is at or above the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from reader_app.analysis.estimate import Estimate, normal_estimate, not_estimable, two_sided_normal

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ONE_CLASS = "there are no {} units"


@dataclass(frozen=True)
class Placements:
    """AUC of several tests on the same units and their structural components.

    Attributes
    ----------
    auc : array (T,)
    v10 : array (T, n1)
        For each diseased unit, the share of non-diseased units rated below it (ties one half).
    v01 : array (T, n0)
        For each non-diseased unit, the share of diseased units rated above it.
    """

    auc: FloatArray
    v10: FloatArray
    v01: FloatArray


def placements(ratings: FloatArray, truth: BoolArray) -> Placements:
    """Return AUC and components of each row of ``ratings`` (T, K) without missing values, by mid-ranks.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson 1988 Biometrics 44:837; Sun, Xu 2014 IEEE Signal Process Lett 21:1389.
    """
    y, x = ratings[:, truth], ratings[:, ~truth]
    n1, n0 = y.shape[1], x.shape[1]
    if n1 == 0 or n0 == 0:
        raise ValueError("both classes are needed")
    everything = rankdata(np.concatenate([y, x], axis=1), axis=1)
    v10 = (everything[:, :n1] - rankdata(y, axis=1)) / n0
    v01 = 1 - (everything[:, n1:] - rankdata(x, axis=1)) / n1
    return Placements(v10.mean(axis=1), v10, v01)


def delong_covariance(parts: Placements) -> FloatArray:
    """Return the DeLong covariance (T, T) of the areas; NaN where a class has fewer than two units."""
    n1, n0 = parts.v10.shape[1], parts.v01.shape[1]
    if n1 < 2 or n0 < 2:
        return np.full((len(parts.auc), len(parts.auc)), np.nan)
    return np.asarray(np.atleast_2d(np.cov(parts.v10)) / n1 + np.atleast_2d(np.cov(parts.v01)) / n0)


def clustered_covariance(parts: Placements, truth: BoolArray, cluster: NDArray[np.int64]) -> FloatArray:
    """Return the covariance (T, T) of areas of clustered units.

    References
    ----------
    Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 1997;53:567.
    """
    tests, n1 = parts.v10.shape
    n0 = parts.v01.shape[1]
    _, codes = np.unique(cluster, return_inverse=True)
    m = int(codes.max()) + 1
    diseased, healthy = codes[truth], codes[~truth]
    m1, m0 = len(np.unique(diseased)), len(np.unique(healthy))
    if m1 < 2 or m0 < 2:
        return np.full((tests, tests), np.nan)
    sum10 = np.stack([np.bincount(diseased, row - a, minlength=m) for row, a in zip(parts.v10, parts.auc, strict=True)])
    sum01 = np.stack([np.bincount(healthy, row - a, minlength=m) for row, a in zip(parts.v01, parts.auc, strict=True)])
    s10 = m1 / ((m1 - 1) * n1) * (sum10 @ sum10.T)
    s01 = m0 / ((m0 - 1) * n0) * (sum01 @ sum01.T)
    s11 = m / (m - 1) * (sum10 @ sum01.T)
    return np.asarray(s10 / n1 + s01 / n0 + (s11 + s11.T) / (n1 * n0))


def partial_covariance(
    ratings: FloatArray, truth: BoolArray, cluster: NDArray[np.int64] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the areas (T,) and their covariance (T, T) where tests may lack ratings (NaN) on different units.

    Without missing ratings this is DeLong's (or Obuchowski's clustered) covariance. With some missing, two tests are correlated
    through the units that both rated.
    """
    if np.isfinite(ratings).all():
        parts = placements(ratings, truth)
        return parts.auc, delong_covariance(parts) if cluster is None else clustered_covariance(parts, truth, cluster)
    tests, k = ratings.shape
    areas = np.empty(tests)
    shares = np.zeros((tests, k))
    for t, row in enumerate(ratings):
        read = np.isfinite(row)
        parts = placements(row[read][None, :], truth[read])
        areas[t] = parts.auc[0]
        own = np.empty(int(read.sum()))
        own[truth[read]] = (parts.v10[0] - areas[t]) / parts.v10.shape[1]
        own[~truth[read]] = (parts.v01[0] - areas[t]) / parts.v01.shape[1]
        shares[t, read] = own
    if cluster is not None:
        _, codes = np.unique(cluster, return_inverse=True)
        m = int(codes.max()) + 1
        summed = np.stack([np.bincount(codes, row, minlength=m) for row in shares])
        return areas, np.asarray(m / max(m - 1, 1) * (summed @ summed.T))
    present = np.isfinite(ratings).astype(float)
    covariance = np.zeros((tests, tests))
    for where in (truth, ~truth):
        common = present[:, where] @ present[:, where].T
        with np.errstate(divide="ignore", invalid="ignore"):
            correction = np.where(common > 1, common / (common - 1), 0.0)
        covariance += correction * (shares[:, where] @ shares[:, where].T)
    return areas, covariance


def auc(ratings: FloatArray, truth: BoolArray, cluster: NDArray[np.int64] | None = None, alpha: float = 0.05) -> Estimate:
    """Return the area with its DeLong interval, cut to [0, 1]; with ``cluster``, Obuchowski's. NaN ratings are left out."""
    method = "delong" if cluster is None else "clustered (Obuchowski 1997)"
    read = np.isfinite(ratings)
    truth = truth[read]
    if not truth.any() or truth.all():
        return not_estimable(method, _ONE_CLASS.format("malignant" if not truth.any() else "benign"))
    parts = placements(ratings[read][None, :], truth)
    if cluster is None:
        variance = float(delong_covariance(parts)[0, 0])
    else:
        variance = float(clustered_covariance(parts, truth, cluster[read])[0, 0])
    return normal_estimate(float(parts.auc[0]), variance, method, alpha, low=0.0, high=1.0)


def hanley_mcneil(ratings: FloatArray, truth: BoolArray, alpha: float = 0.05) -> Estimate:
    """Return the area with Hanley and McNeil's nonparametric standard error (as SPSS prints it), cut to [0, 1].

    References
    ----------
    Hanley JA, McNeil BJ. Radiology 1982;143:29.
    """
    method = "hanley-mcneil (nonparametric)"
    read = np.isfinite(ratings)
    ratings, truth = ratings[read], truth[read]
    n1, n0 = int(truth.sum()), int((~truth).sum())
    if n1 == 0 or n0 == 0:
        return not_estimable(method, _ONE_CLASS.format("malignant" if n1 == 0 else "benign"))
    levels, codes = np.unique(ratings, return_inverse=True)
    d = np.bincount(codes[truth], minlength=len(levels)).astype(float)
    h = np.bincount(codes[~truth], minlength=len(levels)).astype(float)
    above, below = n1 - np.cumsum(d), np.cumsum(h) - h
    area = float((h * (above + d / 2)).sum() / (n1 * n0))
    q1 = float((h * (above**2 + above * d + d**2 / 3)).sum() / (n0 * n1**2))
    q2 = float((d * (below**2 + below * h + h**2 / 3)).sum() / (n1 * n0**2))
    variance = (area * (1 - area) + (n1 - 1) * (q1 - area**2) + (n0 - 1) * (q2 - area**2)) / (n1 * n0)
    return normal_estimate(area, variance, method, alpha, low=0.0, high=1.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of an empirical ROC curve, from (0, 0) at an infinite threshold to (1, 1)."""

    fpr: FloatArray
    tpr: FloatArray
    threshold: FloatArray


def curve(ratings: FloatArray, truth: BoolArray) -> Curve | None:
    """Return the curve, one point for each distinct rating; None if a class is empty. NaN ratings are left out."""
    read = np.isfinite(ratings)
    ratings, truth = ratings[read], truth[read]
    n1, n0 = int(truth.sum()), int((~truth).sum())
    if n1 == 0 or n0 == 0:
        return None
    levels, codes = np.unique(ratings, return_inverse=True)
    d = np.bincount(codes[truth], minlength=len(levels))[::-1].cumsum()
    h = np.bincount(codes[~truth], minlength=len(levels))[::-1].cumsum()
    return Curve(np.concatenate([[0.0], h / n0]), np.concatenate([[0.0], d / n1]), np.concatenate([[math.inf], levels[::-1]]))


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The threshold with the greatest Youden index; of several optima the lowest threshold, the others beside it."""

    threshold: float
    sensitivity: float
    specificity: float
    j: float
    others: tuple[float, ...]


def youden(points: Curve) -> OperatingPoint:
    """Return Youden's operating point among the observed ratings ("positive from the threshold up")."""
    j = points.tpr[1:] - points.fpr[1:]
    best = np.flatnonzero(j >= j.max() - 1e-12)
    last = int(best[-1]) + 1
    sensitivity, specificity = float(points.tpr[last]), float(1 - points.fpr[last])
    others = tuple(float(points.threshold[i + 1]) for i in best[:-1])
    return OperatingPoint(float(points.threshold[last]), sensitivity, specificity, float(j[last - 1]), others)


def average_curve(curves: Sequence[Curve]) -> tuple[FloatArray, FloatArray]:
    """Return the vertical average of several curves; its area is the mean of their areas.

    At a false positive rate where a curve rises straight up, both its lower and its upper value are kept.

    References
    ----------
    Chen W, Samuelson FW. The average receiver operating characteristic curve in multireader multicase imaging studies.
    Br J Radiol 2014;87:20140016.
    """
    grid = np.unique(np.concatenate([c.fpr for c in curves]))
    lower = np.mean([_side(c, grid, low=True) for c in curves], axis=0)
    upper = np.mean([_side(c, grid, low=False) for c in curves], axis=0)
    fpr, tpr = np.repeat(grid, 2), np.stack([lower, upper], axis=1).ravel()
    keep = np.ones(len(fpr), dtype=np.bool_)
    keep[1:] = (np.diff(fpr) > 0) | (np.diff(tpr) > 0)
    return fpr[keep], tpr[keep]


def _side(points: Curve, grid: FloatArray, *, low: bool) -> FloatArray:
    """Return the curve at each grid position, below (``low``) or above its vertical steps."""
    first = np.searchsorted(points.fpr, grid, side="left")
    last = np.searchsorted(points.fpr, grid, side="right") - 1
    exact = points.fpr[np.minimum(first, len(points.fpr) - 1)] == grid
    between = np.interp(grid, points.fpr, points.tpr)
    at_step = points.tpr[np.minimum(first, len(points.fpr) - 1)] if low else points.tpr[last]
    return np.asarray(np.where(exact, at_step, between))


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired difference of two areas."""

    difference: Estimate
    z: float | None
    p: float | None


def compare(
    first: FloatArray, second: FloatArray, truth: BoolArray, cluster: NDArray[np.int64] | None = None, alpha: float = 0.05
) -> Comparison:
    """Compare two tests on the units that both rated (difference = first - second); arrays of shape (K,), NaN = missing."""
    method = "paired delong" if cluster is None else "paired, clustered (Obuchowski 1997)"
    both = np.isfinite(first) & np.isfinite(second)
    truth = truth[both]
    if not truth.any() or truth.all():
        return Comparison(not_estimable(method, _ONE_CLASS.format("malignant" if not truth.any() else "benign")), None, None)
    parts = placements(np.stack([first[both], second[both]]), truth)
    c = delong_covariance(parts) if cluster is None else clustered_covariance(parts, truth, cluster[both])
    value = float(parts.auc[0] - parts.auc[1])
    variance = float(c[0, 0] + c[1, 1] - 2 * c[0, 1])
    estimate = normal_estimate(value, variance, method, alpha)
    if estimate.se is None:
        return Comparison(estimate, None, None)
    z = value / estimate.se
    return Comparison(estimate, z, two_sided_normal(z))
