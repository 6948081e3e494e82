"""Multi-reader analysis by U-statistics for any design, fully crossed or not (iMRMC).

References
----------
Gallas BD. One-shot multiple-reader, multiple-case variance. Acad Radiol 2006;13:353. Gallas, Bandos, Samuelson, Wagner. A
framework for random-effects ROC analysis. Commun Stat Theory Meth 2009;38:2586. Degrees of freedom: BDG as in FDA's iMRMC.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from reader_app.analysis.covariance import PairMoments, pair_moments
from reader_app.analysis.estimate import Estimate, normal_estimate, not_estimable, t_quantile, two_sided_t
from reader_app.analysis.mrmc import BOTH, Analysis, Contrast, MrmcResult

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: From the eight biased sums to the eight unbiased ones.
_UNBIAS = np.array(
    [
        [1, 0, 0, 0, 0, 0, 0, 0],
        [-1, 1, 0, 0, 0, 0, 0, 0],
        [-1, 0, 1, 0, 0, 0, 0, 0],
        [1, -1, -1, 1, 0, 0, 0, 0],
        [-1, 0, 0, 0, 1, 0, 0, 0],
        [1, -1, 0, 0, -1, 1, 0, 0],
        [1, 0, -1, 0, -1, 0, 1, 0],
        [-1, 1, 1, -1, 1, -1, -1, 1],
    ],
    dtype=float,
)
#: Up to so many degrees of freedom the reference distribution is t (with the whole number below), as in iMRMC.
NORMAL_ABOVE = 50.0
_METHOD = "Gallas U-statistics, BDG degrees of freedom"


@dataclass(frozen=True)
class _Part:
    """Covariance of the areas of two conditions and what its degrees of freedom are made of."""

    covariance: float
    alpha: FloatArray  # (3,): non-diseased, diseased, readers
    df: FloatArray  # (3,)


def _sums(moments: PairMoments, one: list[int], two: list[int]) -> FloatArray:
    """Return the eight sums of two conditions: four over the same reader, four over all pairs of readers."""
    matrices = (moments.both, moments.diseased, moments.healthy, moments.total)
    same = [float(m[one, two].sum()) for m in matrices]
    every = [float(m[np.ix_(one, two)].sum()) for m in matrices]
    return np.array(same + every)


def _part(success: PairMoments, design: PairMoments, one: list[int], two: list[int]) -> _Part:
    s, w = _sums(success, one, two), _sums(design, one, two)
    us, uw = _UNBIAS @ s, _UNBIAS @ w
    with np.errstate(divide="ignore", invalid="ignore"):
        moments = np.where(np.abs(uw) > 0.5, us / uw, 0.0)
        biased = np.where(w > 0, s / w, 0.0)
        c = uw / w[7]
        df = np.round(1 / np.array([c[[0, 2, 4, 6]].sum(), c[[0, 1, 4, 5]].sum(), c[[0, 1, 2, 3]].sum()]) - 1)
    c[7] -= 1
    alpha = np.array([biased[6] - biased[7], biased[5] - biased[7], biased[3] - biased[7]])
    return _Part(float(c @ moments), alpha, df)


def _degrees(variance: float, alpha: FloatArray, df: FloatArray) -> float:
    usable = df[df > 0]
    if not len(usable) or not math.isfinite(variance):
        return math.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(df > 0, alpha**2 / df**3, 0.0)
    below = float(parts.sum())
    return max(variance**2 / below, float(usable.min())) if below > 0 else math.inf


def _estimate(value: float, variance: float, df: float, alpha: float) -> Estimate:
    if not math.isfinite(df):
        return normal_estimate(value, variance, _METHOD, alpha)
    return normal_estimate(value, variance, _METHOD, alpha, quantile=t_quantile(alpha, _reference(df)))


def _reference(df: float) -> float:
    return math.inf if df > NORMAL_ABOVE else float(math.floor(df))


def gallas(ratings: FloatArray, truth: BoolArray, alpha: float = 0.05) -> MrmcResult:
    """Analyse ratings (I, J, K), NaN where a reader did not read a case under a condition; readers and cases random.

    The area of a condition is the pooled ratio over its readers, not the mean of the readers' areas where these read different
    numbers of cases.
    """
    i, j, k = ratings.shape
    flat = ratings.reshape(i * j, k)
    success, design = pair_moments(flat, truth)
    own = [list(range(n * j, n * j + j)) for n in range(i)]
    read = [float(np.sqrt(np.diag(design.total)[rows]).sum()) for rows in own]
    areas = [
        float(np.sqrt(np.diag(success.total)[rows]).sum()) / n if n > 0 else math.nan for rows, n in zip(own, read, strict=True)
    ]
    parts = {(a, b): _part(success, design, own[a], own[b]) for a in range(i) for b in range(a, i) if read[a] > 0 and read[b] > 0}
    components: dict[str, float | None] = {}
    means = []
    for n in range(i):
        if (n, n) not in parts:
            means.append(not_estimable(_METHOD, "no pair of a malignant and a benign unit was read"))
            continue
        part = parts[n, n]
        components[f"var_{n + 1}"] = part.covariance
        means.append(_estimate(areas[n], part.covariance, _degrees(part.covariance, part.alpha, part.df), alpha))
    contrasts = []
    for a, b in combinations(range(i), 2):
        if (a, b) not in parts:
            contrasts.append(Contrast(a, b, not_estimable(_METHOD, "one of the conditions was not read"), None, None, None))
            continue
        one, two, cross = parts[a, a], parts[b, b], parts[a, b]
        components[f"cov_{a + 1}_{b + 1}"] = cross.covariance
        variance = one.covariance + two.covariance - 2 * cross.covariance
        df = _degrees(variance, one.alpha + two.alpha - 2 * cross.alpha, np.minimum(one.df, two.df))
        estimate = _estimate(areas[a] - areas[b], variance, df, alpha)
        t = (areas[a] - areas[b]) / estimate.se if estimate.se else None
        p = None if t is None else two_sided_t(t, _reference(df) if math.isfinite(df) else math.inf)
        contrasts.append(Contrast(a, b, estimate, df if math.isfinite(df) else None, t, p))
    if len(contrasts) == 1 and contrasts[0].t is not None:
        only = contrasts[0]
        overall = Analysis(BOTH, only.t**2 if only.t is not None else None, 1.0, only.df, only.p, means, contrasts)
    else:
        reason = "there is only one condition" if i < 2 else "U-statistics compare conditions pair by pair"
        if len(contrasts) == 1:
            reason = contrasts[0].difference.reason
        overall = Analysis(BOTH, None, None, None, None, means, contrasts, reason)
    return MrmcResult(components, [overall])


def binary_ratings(calls: FloatArray, truth: BoolArray, endpoint: str) -> tuple[FloatArray, BoolArray]:
    """Return ratings whose area is the sensitivity (or specificity) of calls (I, J, K).

    The other class is set to 0.5 (Gallas, Pennello, Myers 2007 JOSA A 24:B70), so that only reads of the relevant class matter.
    """
    relevant = truth if endpoint == "sensitivity" else ~truth
    ratings = np.where(relevant, calls, 0.5)
    return ratings, truth
