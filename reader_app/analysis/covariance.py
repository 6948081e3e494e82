"""Error covariance of figures of merit of I conditions x J readers, as the multi-reader analyses need it.

A figure of merit is an average over cases, or over pairs of a diseased and a non-diseased unit. Tests are ordered
``condition * J + reader``. All estimators: Obuchowski, Rockette 1995; DeLong 1988; Gallas 2006 ("unbiased"); the bootstrap draws
cases stratified by truth, the same draw for all tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader_app.analysis import roc

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Codes = NDArray[np.int64]

#: Elements of a block of the success matrices held at once by :func:`pair_moments`.
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Merit:
    """Figures of merit of T tests with their covariance.

    Attributes
    ----------
    theta : array (T,)
    covariance : array (T, T)
    leave_one_out : array (T, n) or None
        The figures without one unit each; None for estimators that do not need them.
    method : str
    """

    theta: FloatArray
    covariance: FloatArray
    leave_one_out: FloatArray | None
    method: str


def jackknife(theta: FloatArray, leave_one_out: FloatArray, cluster: Codes | None = None) -> FloatArray:
    """Return the jackknife covariance (T, T) from leave-one-out figures (T, n); clusters are summed before."""
    n = leave_one_out.shape[1]
    deviation = leave_one_out - leave_one_out.mean(axis=1, keepdims=True)
    if cluster is None:
        return np.asarray((n - 1) / n * deviation @ deviation.T)
    _, codes = np.unique(cluster, return_inverse=True)
    m = int(codes.max()) + 1
    if m < 2:
        return np.full((len(theta), len(theta)), np.nan)
    summed = np.stack([np.bincount(codes, row, minlength=m) for row in deviation]) * (n - 1) / n
    return np.asarray(m / (m - 1) * summed @ summed.T)


def auc_leave_one_out(parts: roc.Placements, truth: BoolArray) -> FloatArray:
    """Return the areas (T, K) without one unit each, in closed form."""
    n1, n0 = parts.v10.shape[1], parts.v01.shape[1]
    result = np.empty((len(parts.auc), n1 + n0))
    area = parts.auc[:, None]
    result[:, truth] = (n1 * area - parts.v10) / (n1 - 1)
    result[:, ~truth] = (n0 * area - parts.v01) / (n0 - 1)
    return result


def auc_merit(
    ratings: FloatArray, truth: BoolArray, method: str, cluster: Codes | None = None, *, draws: int = 2000, seed: int = 1
) -> Merit:
    """Return areas and covariance of ratings (T, K) without gaps by "delong", "jackknife", "bootstrap" or "unbiased"."""
    parts = roc.placements(ratings, truth)
    left_out = auc_leave_one_out(parts, truth)
    match method:
        case "delong" | "unbiased" if cluster is not None:
            return Merit(parts.auc, roc.clustered_covariance(parts, truth, cluster), left_out, "clustered (Obuchowski 1997)")
        case "delong":
            return Merit(parts.auc, roc.delong_covariance(parts), left_out, method)
        case "jackknife":
            return Merit(parts.auc, jackknife(parts.auc, left_out, cluster), left_out, method)
        case "unbiased":
            return Merit(parts.auc, unbiased(ratings, truth), left_out, method)
        case "bootstrap":
            areas = bootstrap_areas(ratings, truth, cluster, draws, seed)
            return Merit(parts.auc, np.atleast_2d(np.cov(areas)), left_out, f"bootstrap ({draws} draws, seed {seed})")
    raise ValueError(f"unknown covariance {method!r}")


def mean_merit(values: FloatArray, method: str, cluster: Codes | None = None, *, draws: int = 2000, seed: int = 1) -> Merit:
    """Return means of 0/1 values (T, n) of the relevant units and their covariance ("jackknife" or "bootstrap")."""
    n = values.shape[1]
    theta = values.mean(axis=1)
    left_out = (n * theta[:, None] - values) / max(n - 1, 1)
    if method == "bootstrap":
        weights = _weights(n, cluster, draws, np.random.default_rng(seed))
        drawn = values @ weights.T / weights.sum(axis=1)
        return Merit(theta, np.atleast_2d(np.cov(drawn)), left_out, f"bootstrap ({draws} draws, seed {seed})")
    return Merit(theta, jackknife(theta, left_out, cluster), left_out, "jackknife")


def _weights(n: int, cluster: Codes | None, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return how often each unit is drawn (draws, n); whole clusters are drawn together."""
    if cluster is None:
        return rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(float)
    _, codes = np.unique(cluster, return_inverse=True)
    m = int(codes.max()) + 1
    return rng.multinomial(m, np.full(m, 1 / m), size=draws)[:, codes].astype(float)


def bootstrap_areas(ratings: FloatArray, truth: BoolArray, cluster: Codes | None, draws: int, seed: int) -> FloatArray:
    """Return the areas (T, draws) of resampled units: stratified by truth, or whole clusters where given."""
    rng = np.random.default_rng(seed)
    k = len(truth)
    if cluster is None:
        weights = np.zeros((draws, k))
        for side in (truth, ~truth):
            weights[:, side] = _weights(int(side.sum()), None, draws, rng)
    else:
        weights = _weights(k, cluster, draws, rng)
        usable = (weights[:, truth].sum(axis=1) > 0) & (weights[:, ~truth].sum(axis=1) > 0)
        weights = weights[usable]
    diseased, healthy = weights * truth, weights * ~truth
    total = diseased.sum(axis=1) * healthy.sum(axis=1)
    areas = np.empty((len(ratings), len(weights)))
    for t, row in enumerate(ratings):
        order = np.argsort(row, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(row[order]) > 0])
        d = np.add.reduceat(diseased[:, order], starts, axis=1)
        h = np.add.reduceat(healthy[:, order], starts, axis=1)
        below = np.cumsum(h, axis=1) - h
        areas[t] = (d * (below + h / 2)).sum(axis=1) / total
    return areas


@dataclass(frozen=True)
class PairMoments:
    """Four sums over success matrices of all pairs of tests, each (T, T).

    Attributes
    ----------
    both : array
        Sum of products over the same diseased and the same non-diseased unit.
    diseased : array
        Over the same diseased unit: product of its sums over non-diseased units.
    healthy : array
        Over the same non-diseased unit: product of its sums over diseased units.
    total : array
        Product of the total sums.
    """

    both: FloatArray
    diseased: FloatArray
    healthy: FloatArray
    total: FloatArray


def pair_moments(ratings: FloatArray, truth: BoolArray) -> tuple[PairMoments, PairMoments]:
    """Return the moments of the success matrices and of the design (1 where both units were read); NaN = not read."""
    y, x = ratings[:, truth], ratings[:, ~truth]
    tests, n1 = y.shape
    n0 = x.shape[1]
    read1, read0 = np.isfinite(y).astype(float), np.isfinite(x).astype(float)
    both = np.zeros((tests, tests))
    rows = np.zeros((tests, n1))
    columns = np.zeros((tests, n0))
    step = max(1, _BLOCK // max(1, tests * n0))
    for start in range(0, n1, step):
        part = y[:, start : start + step, None]
        # NaN compares false on both sides, so a pair that was not read scores nothing. Within a block all sums are multiples of
        # 1/4 far below 2**22, so single precision is exact.
        success = (part > x[:, None, :]).astype(np.float32)
        success += np.float32(0.5) * (part == x[:, None, :])
        rows[:, start : start + step] = success.sum(axis=2)
        columns += success.sum(axis=1)
        flat = success.reshape(tests, -1)
        both += flat @ flat.T
    total = rows.sum(axis=1)
    count1, count0 = read1.sum(axis=1), read0.sum(axis=1)
    common1, common0 = read1 @ read1.T, read0 @ read0.T
    pairs = count1 * count0
    design = PairMoments(
        both=common1 * common0,
        diseased=common1 * np.outer(count0, count0),
        healthy=common0 * np.outer(count1, count1),
        total=np.outer(pairs, pairs),
    )
    return PairMoments(both, rows @ rows.T, columns @ columns.T, np.outer(total, total)), design


def unbiased(ratings: FloatArray, truth: BoolArray) -> FloatArray:
    """Return the unbiased covariance (T, T) of areas of fully crossed ratings (Gallas 2006 Acad Radiol 13:353)."""
    s, _ = pair_moments(ratings, truth)
    n1, n0 = int(truth.sum()), int((~truth).sum())
    if n1 < 2 or n0 < 2:
        return np.full((len(ratings), len(ratings)), np.nan)
    apart = s.total - s.diseased - s.healthy + s.both
    return np.asarray(s.total / (n0 * n1) ** 2 - apart / (n0 * (n0 - 1) * n1 * (n1 - 1)))
