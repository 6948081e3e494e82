"""Agreement of raters: Cohen, Fleiss, Gwet AC1/AC2, Krippendorff, with standard errors from the papers.

Ratings are codes 0 .. q-1 on an ordered scale; -1 means missing. Unused categories of the scale are kept: they matter for the
weights and for chance agreement of Gwet's coefficient.

References
----------
Cohen: Fleiss, Cohen, Everitt 1969 Psychol Bull 72:323. Fleiss: Fleiss, Nee, Landis 1979 Psychol Bull 86:974
(null standard error). Linearised standard errors and missing ratings: Gwet, Handbook of Inter-Rater Reliability, 4th ed. 2014;
Gwet 2008 BJMSP 61:29. Words: Landis, Koch 1977 Biometrics 33:159.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader_app.analysis.estimate import (
    Estimate,
    finite,
    normal_estimate,
    not_estimable,
    t_quantile,
    two_sided_normal,
)

Codes = NDArray[np.int64]
FloatArray = NDArray[np.float64]

WEIGHTS: tuple[str, ...] = ("none", "linear", "quadratic")
_ALIKE = "all ratings are alike: chance agreement is 1"


def words(kappa: float | None) -> str | None:
    """Return Landis and Koch's word for a kappa (poor below 0, then slight, fair, moderate, substantial, almost perfect)."""
    if kappa is None or not math.isfinite(kappa):
        return None
    if kappa < 0:
        return "poor"
    for limit, word in ((0.20, "slight"), (0.40, "fair"), (0.60, "moderate"), (0.80, "substantial")):
        if kappa <= limit:
            return word
    return "almost perfect"


def weight_matrix(q: int, weights: str) -> FloatArray:
    """Return the agreement weights (q, q): "none" (identity), "linear" or "quadratic"."""
    distance = np.abs(np.subtract.outer(np.arange(q), np.arange(q))).astype(float)
    match weights:
        case "none":
            return np.eye(q)
        case "linear":
            return np.asarray(1 - distance / max(q - 1, 1))
        case "quadratic":
            return np.asarray(1 - (distance / max(q - 1, 1)) ** 2)
    raise ValueError(f"unknown weights {weights!r}")


def ordinal_matrix(ratings: Codes, q: int) -> FloatArray:
    """Return Krippendorff's ordinal weights (q, q), which depend on how often each category is used."""
    pairable = ratings[(ratings >= 0).sum(axis=1) >= 2]
    counts = np.bincount(pairable[pairable >= 0], minlength=q).astype(float)
    cumulative = np.cumsum(counts)
    middle = cumulative - counts / 2
    distance = np.subtract.outer(middle, middle) ** 2
    top = distance.max()
    return np.asarray(1 - distance / top) if top > 0 else np.ones((q, q))


def cross_table(a: Codes, b: Codes, q: int) -> NDArray[np.int64]:
    """Return the q x q table of two raters; pairs with a missing rating are left out."""
    both = (a >= 0) & (b >= 0)
    table = np.bincount(a[both] * q + b[both], minlength=q * q).reshape(q, q)
    return np.asarray(table, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Kappa:
    """A coefficient with the test of no agreement beyond chance."""

    n: int
    raters: int
    value: Estimate
    z: float | None
    p: float | None


def cohen(table: NDArray[np.int64], weights: str = "none", alpha: float = 0.05) -> Kappa:
    """Return Cohen's kappa of a q x q table; interval by the asymptotic standard error, z by the null one."""
    method = "Fleiss-Cohen-Everitt 1969"
    n = int(table.sum())
    if n == 0:
        return Kappa(0, 2, not_estimable(method, "no case was rated by both"), None, None)
    p = table / n
    w = weight_matrix(len(table), weights)
    row, column = p.sum(axis=1), p.sum(axis=0)
    chance = np.outer(row, column)
    po, pe = float((p * w).sum()), float((chance * w).sum())
    if 1 - pe < 1e-14:
        return Kappa(n, 2, not_estimable(method, _ALIKE), None, None)
    value = (po - pe) / (1 - pe)
    margin = (w @ column)[:, None] + (row @ w)[None, :]
    spread = float((p * (w - margin * (1 - value)) ** 2).sum()) - (value - pe * (1 - value)) ** 2
    estimate = normal_estimate(value, spread / (n * (1 - pe) ** 2), method, alpha, low=-1.0, high=1.0)
    null = float((chance * (w - margin) ** 2).sum()) - pe**2
    if not null > 1e-28:
        return Kappa(n, 2, estimate, None, None)
    z = value * (1 - pe) * math.sqrt(n / null)
    return Kappa(n, 2, estimate, z, two_sided_normal(z))


def _counts(ratings: Codes, q: int) -> FloatArray:
    n, r = ratings.shape
    counts = np.zeros((n, q))
    for column in range(r):
        rated = ratings[:, column] >= 0
        counts[np.flatnonzero(rated), ratings[rated, column]] += 1
    return np.asarray(counts[counts.sum(axis=1) > 0])


def _linearised(ratings: Codes, w: FloatArray, kind: str, method: str, alpha: float) -> tuple[int, Estimate]:
    """Return the number of subjects and the coefficient "fleiss" or "gwet" with Gwet's linearised variance."""
    q = len(w)
    counts = _counts(ratings, q)
    n = len(counts)
    per_subject = counts.sum(axis=1)
    pairable = per_subject >= 2
    n_pairs = int(pairable.sum())
    if n_pairs < 2:
        return n, not_estimable(method, "fewer than two cases were rated twice")
    weighted = counts @ w.T
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = np.where(pairable, (counts * (weighted - 1)).sum(axis=1) / (per_subject * (per_subject - 1)), 0.0)
    pa = observed.sum() / n_pairs
    share = counts / per_subject[:, None]
    pi = share.mean(axis=0)
    if kind == "fleiss":
        pe = float(pi @ w @ pi)
        subject = share @ ((w @ pi + w.T @ pi) / 2)
    else:
        scale = w.sum() / (q * (q - 1))
        pe = float(scale * (pi * (1 - pi)).sum())
        subject = scale * (share @ (1 - pi))
    if 1 - pe < 1e-14:
        return n, not_estimable(method, _ALIKE)
    value = float((pa - pe) / (1 - pe))
    each = (n / n_pairs) * (observed - pe * pairable) / (1 - pe)
    each = each - 2 * (1 - value) * (subject - pe) / (1 - pe)
    variance = float(((each - value) ** 2).sum() / (n * (n - 1)))
    return n, normal_estimate(value, variance, method, alpha, high=1.0, quantile=t_quantile(alpha, n - 1))


def fleiss(ratings: Codes, q: int, alpha: float = 0.05) -> Kappa:
    """Return Fleiss' kappa of the cases that every rater rated.

    Interval by Gwet's linearised standard error with t; z and p by the null standard error of Fleiss, Nee and Landis.

    Parameters
    ----------
    ratings
        Codes (cases, raters), -1 missing.
    q
        Number of categories.
    """
    method = "Fleiss kappa, Gwet linearised variance, t; z by the null standard error"
    complete = ratings[(ratings >= 0).all(axis=1)]
    n, raters = complete.shape
    if n < 2 or raters < 2:
        return Kappa(n, raters, not_estimable(method, "fewer than two cases were rated by two or more raters"), None, None)
    n, estimate = _linearised(complete, np.eye(q), "fleiss", method, alpha)
    if estimate.estimate is None:
        return Kappa(n, raters, estimate, None, None)
    se = fleiss_null_se(complete, q)
    z = estimate.estimate / se if se > 0 else math.nan
    return Kappa(n, raters, estimate, finite(z), None if math.isnan(z) else two_sided_normal(z))


def fleiss_null_se(complete: Codes, q: int) -> float:
    """Return the standard error of Fleiss' kappa under chance agreement (Fleiss, Nee, Landis 1979)."""
    n, m = complete.shape
    p = np.bincount(complete.ravel(), minlength=q) / complete.size
    pq = float((p * (1 - p)).sum())
    if pq == 0:
        return 0.0
    inner = pq**2 - float((p * (1 - p) * (1 - 2 * p)).sum())
    return math.sqrt(2) / (pq * math.sqrt(n * m * (m - 1))) * math.sqrt(max(inner, 0.0))


def gwet(ratings: Codes, q: int, weights: str = "none", alpha: float = 0.05) -> tuple[int, Estimate]:
    """Return the number of cases and Gwet's AC1 (``weights`` "none") or AC2; missing ratings allowed."""
    name = "Gwet AC1" if weights == "none" else f"Gwet AC2, {weights} weights"
    return _linearised(ratings, weight_matrix(q, weights), "gwet", f"{name}, linearised variance, t", alpha)


def krippendorff(ratings: Codes, q: int, weights: str = "none", alpha: float = 0.05) -> tuple[int, Estimate]:
    """Return the number of pairable cases and Krippendorff's alpha; missing ratings allowed.

    ``weights``: "none" (nominal), "linear", "quadratic" (interval on the ranks) or "ordinal" (Krippendorff's ordinal metric,
    taken as fixed in the variance).
    """
    method = f"Krippendorff alpha, {weights} weights, Gwet linearised variance, t"
    w = ordinal_matrix(ratings, q) if weights == "ordinal" else weight_matrix(q, weights)
    counts = _counts(ratings, q)
    per_subject = counts.sum(axis=1)
    counts, per_subject = counts[per_subject >= 2], per_subject[per_subject >= 2]
    n = len(counts)
    if n < 2:
        return n, not_estimable(method, "fewer than two cases were rated twice")
    mean = per_subject.mean()
    epsilon = 1 / per_subject.sum()
    pair_sum = (counts * (counts @ w.T - 1)).sum(axis=1)
    raw = float((pair_sum / (mean * (per_subject - 1))).mean())
    pi = counts.mean(axis=0) / mean
    pe = float(pi @ w @ pi)
    if 1 - pe < 1e-14:
        return n, not_estimable(method, _ALIKE)
    pa = (1 - epsilon) * raw + epsilon
    alpha_value = (pa - pe) / (1 - pe)
    uncorrected = (raw - pe) / (1 - pe)
    each = (pair_sum / (mean * (per_subject - 1)) - raw_shift(pa, per_subject, mean) - pe) / (1 - pe)
    chance = counts @ ((w @ pi + w.T @ pi) / 2) / mean - pe * (per_subject - mean) / mean
    each = each - 2 * (1 - uncorrected) * (chance - pe) / (1 - pe)
    variance = float(((each - uncorrected) ** 2).sum() / (n * (n - 1)))
    return n, normal_estimate(alpha_value, variance, method, alpha, high=1.0, quantile=t_quantile(alpha, n - 1))


def raw_shift(pa: float, per_subject: FloatArray, mean: float) -> FloatArray:
    """Return the part of each subject's agreement that stems from its own number of ratings."""
    return np.asarray(pa * (per_subject - mean) / mean)


@dataclass(frozen=True, slots=True)
class Symmetry:
    """A chi-square test of a square table of changes."""

    statistic: float | None
    df: int
    p: float | None


def bowker(table: NDArray[np.int64]) -> Symmetry:
    """Test the symmetry of changes (Bowker 1948 JASA 43:572); pairs of cells that are both empty do not count."""
    from scipy.stats import chi2

    upper = np.triu_indices(len(table), 1)
    there, back = table[upper].astype(float), table.T[upper].astype(float)
    used = there + back > 0
    df = int(used.sum())
    if df == 0:
        return Symmetry(None, 0, None)
    statistic = float(((there - back)[used] ** 2 / (there + back)[used]).sum())
    return Symmetry(statistic, df, float(chi2.sf(statistic, df)))


def stuart_maxwell(table: NDArray[np.int64]) -> Symmetry:
    """Test equal margins (Stuart 1955, Maxwell 1970).

    The covariance of the differences of margins is inverted on its range, so that unused categories and groups of categories
    without exchange do no harm; df is its rank.
    """
    from scipy.stats import chi2

    counts = table.astype(float)
    difference = counts.sum(axis=1) - counts.sum(axis=0)
    covariance = -(counts + counts.T)
    np.fill_diagonal(covariance, counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts))
    df = int(np.linalg.matrix_rank(covariance))
    if df == 0:
        return Symmetry(None, 0, None)
    statistic = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)
    return Symmetry(statistic, df, float(chi2.sf(statistic, df)))
