"""McNemar's test of paired binary answers: exact, asymptotic, and robust to clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as _statsmodels_mcnemar

from reader_app.analysis.estimate import two_sided_normal


@dataclass(frozen=True, slots=True)
class McNemar:
    """Discordant pairs and p-values.

    Attributes
    ----------
    b, c : int
        Right in the first condition only; right in the second only.
    p : float
        Exact two-sided binomial; 1 without discordant pairs.
    p_asymptotic : float or None
        Chi-square without continuity correction; None without discordant pairs.
    """

    b: int
    c: int
    p: float
    p_asymptotic: float | None


def mcnemar(b: int, c: int) -> McNemar:
    """Return McNemar's test from the two discordant counts."""
    exact = float(_statsmodels_mcnemar(np.array([[0, b], [c, 0]]), exact=True).pvalue)
    asymptotic = float(stats.chi2.sf((b - c) ** 2 / (b + c), 1)) if b + c else None
    return McNemar(b, c, min(exact, 1.0), asymptotic)


def paired(first: NDArray[np.float64], second: NDArray[np.float64]) -> McNemar:
    """Return McNemar's test of two aligned arrays of right (1) and wrong (0) answers; pairs with NaN are left out."""
    b = int(((first == 1) & (second == 0)).sum())
    c = int(((first == 0) & (second == 1)).sum())
    return mcnemar(b, c)


def clustered(first: NDArray[np.float64], second: NDArray[np.float64], cluster: NDArray[np.int64]) -> float | None:
    """Return the two-sided p-value of the difference of two paired proportions of clustered units.

    Parameters
    ----------
    first, second
        Right (1) or wrong (0); pairs with NaN are left out. Shape (n,).
    cluster
        Cluster of each pair (n,).

    Returns
    -------
    float or None
        None with fewer than two clusters or without discordant pairs.

    References
    ----------
    Obuchowski NA. On the comparison of correlated proportions for clustered data. Stat Med 1998;17:1495.
    """
    both = np.isfinite(first) & np.isfinite(second)
    _, codes = np.unique(cluster[both], return_inverse=True)
    if not len(codes):
        return None
    difference = np.bincount(codes, (first - second)[both])
    m = len(difference)
    total = float(difference @ difference)
    if m < 2 or total == 0:
        return None
    z = float(difference.sum()) / math.sqrt(m / (m - 1) * total)
    return two_sided_normal(z)
