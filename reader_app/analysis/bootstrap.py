"""Bootstrap intervals of differences of mean areas: percentile and BCa, over cases alone or over readers and cases.

The two-way percentile interval is too narrow with five readers or fewer: a sensitivity analysis beside the multi-reader analyses.

References
----------
Efron B. Better bootstrap confidence intervals. JASA 1987;82:171. Beiden, Wagner, Campbell. Components-of-variance models and
multiple-bootstrap experiments. Acad Radiol 2000;7:341.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reader_app.analysis import covariance as cov
from reader_app.analysis import roc
from reader_app.analysis.estimate import Estimate, not_estimable

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Codes = NDArray[np.int64]


def percentile(draws: FloatArray, value: float, method: str, alpha: float = 0.05) -> Estimate:
    """Return the percentile interval of bootstrap draws."""
    if float(np.ptp(draws)) == 0:
        return not_estimable(method, "all draws are alike: the variance is zero", value)
    lower, upper = np.quantile(draws, [alpha / 2, 1 - alpha / 2])
    return Estimate(value, float(draws.std(ddof=1)), float(lower), float(upper), method)


def bca(draws: FloatArray, value: float, leave_one_out: FloatArray, method: str, alpha: float = 0.05) -> Estimate:
    """Return the bias-corrected and accelerated interval; the acceleration comes from leave-one-out values."""
    share = float((draws < value).mean() + (draws == value).mean() / 2)
    deviation = leave_one_out.mean() - leave_one_out
    spread = float((deviation**2).sum()) ** 1.5
    if not 0 < share < 1 or spread == 0:
        return not_estimable(method, "all draws lie on one side, or the variance is zero", value)
    z0 = float(special.ndtri(share))
    acceleration = float((deviation**3).sum()) / (6 * spread)
    z = np.asarray(special.ndtri([alpha / 2, 1 - alpha / 2])) + z0
    levels = special.ndtr(z0 + z / (1 - acceleration * z))
    lower, upper = np.quantile(draws, levels)
    return Estimate(value, float(draws.std(ddof=1)), float(lower), float(upper), method)


def mean_area_difference(
    first: FloatArray,
    second: FloatArray,
    truth: BoolArray,
    cluster: Codes | None = None,
    *,
    draws: int = 2000,
    seed: int = 1,
    alpha: float = 0.05,
) -> dict[str, Estimate]:
    """Return intervals of the difference of the readers' mean areas (first minus second).

    Parameters
    ----------
    first, second
        Ratings (J, K) without gaps.

    Returns
    -------
    dict
        "cases" (percentile), "cases_bca", "readers_and_cases" (percentile; absent with one reader).
    """
    j = len(first)
    flat = np.concatenate([first, second])
    areas = cov.bootstrap_areas(flat, truth, cluster, draws, seed)
    parts = roc.placements(flat, truth)
    contrast = np.repeat([1 / j, -1 / j], j)
    value = float(contrast @ parts.auc)
    over_cases = contrast @ areas
    left_out = contrast @ cov.auc_leave_one_out(parts, truth)
    tail = f"{areas.shape[1]} draws, seed {seed}"
    result = {
        "cases": percentile(over_cases, value, f"bootstrap over cases, percentile, {tail}", alpha),
        "cases_bca": bca(over_cases, value, left_out, f"bootstrap over cases, BCa, {tail}", alpha),
    }
    if j > 1:
        rng = np.random.default_rng([seed, 1])
        weights = rng.multinomial(j, np.full(j, 1 / j), size=areas.shape[1]).T / j
        both = ((areas[:j] - areas[j:]) * weights).sum(axis=0)
        result["readers_and_cases"] = percentile(both, value, f"bootstrap over readers and cases, percentile, {tail}", alpha)
    return result
