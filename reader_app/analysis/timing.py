"""Reading times: description, paired tests, exact signed-rank test with ties."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reader_app.analysis.estimate import Estimate, finite, normal_estimate, not_estimable, t_quantile, two_sided_t

FloatArray = NDArray[np.float64]

#: Up to so many pairs the signed-rank distribution is exact; beyond, normal with tie and continuity correction.
EXACT_UP_TO = 300
#: Up to so many pairs the Hodges-Lehmann interval is made from all Walsh averages.
WALSH_UP_TO = 1500


@dataclass(frozen=True, slots=True)
class Description:
    """How a set of times lies. Quartiles interpolate linearly (type 7); ``sd`` has the divisor n - 1."""

    n: int
    mean: float | None
    sd: float | None
    median: float | None
    q1: float | None
    q3: float | None
    min: float | None
    max: float | None


def describe(times: FloatArray) -> Description:
    """Describe times (seconds); NaN are left out."""
    x = times[np.isfinite(times)]
    n = len(x)
    if n == 0:
        return Description(0, None, None, None, None, None, None, None)
    q1, median, q3 = (float(v) for v in np.quantile(x, [0.25, 0.5, 0.75]))
    sd = float(x.std(ddof=1)) if n > 1 else None
    return Description(n, float(x.mean()), sd, median, q1, q3, float(x.min()), float(x.max()))


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A test of paired times with its estimate of the difference (first minus second, seconds)."""

    test: str
    n: int
    statistic: float | None
    df: float | None
    p: float | None
    difference: Estimate


def paired_t(first: FloatArray, second: FloatArray, alpha: float = 0.05) -> PairedTest:
    """Return the paired t test; pairs with NaN are left out."""
    d = (first - second)[np.isfinite(first - second)]
    n = len(d)
    if n < 2:
        return PairedTest("paired_t", n, None, None, None, not_estimable("paired t", "fewer than two pairs"))
    mean, variance = float(d.mean()), float(d.var(ddof=1)) / n
    estimate = normal_estimate(mean, variance, "paired t", alpha, quantile=t_quantile(alpha, n - 1))
    if estimate.se is None:
        return PairedTest("paired_t", n, None, n - 1, None, estimate)
    t = mean / estimate.se
    return PairedTest("paired_t", n, t, n - 1, two_sided_t(t, n - 1), estimate)


def signed_rank_distribution(doubled_ranks: NDArray[np.int64]) -> FloatArray:
    """Return the probabilities of each sum of positive (doubled) ranks under the null, by dynamic programming."""
    total = int(doubled_ranks.sum())
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    top = 0
    for rank in doubled_ranks.tolist():
        here = chance[: top + 1] / 2
        chance[: top + 1] = here
        chance[rank : top + rank + 1] += here
        top += rank
    return chance


def _exact_p(doubled: NDArray[np.int64], statistic: int) -> float:
    chance = signed_rank_distribution(doubled)
    return float(min(1.0, 2 * min(chance[: statistic + 1].sum(), chance[statistic:].sum())))


def wilcoxon(first: FloatArray, second: FloatArray, alpha: float = 0.05, zeros: str = "wilcox") -> PairedTest:
    """Return Wilcoxon's signed-rank test; exact with ties and zeros up to :data:`EXACT_UP_TO` pairs.

    Parameters
    ----------
    zeros
        "wilcox" drops zero differences before ranking, "pratt" ranks with them and drops them then.

    Returns
    -------
    PairedTest
        ``statistic`` is V, the sum of the positive ranks; the difference is Hodges and Lehmann's estimate.
    """
    d = (first - second)[np.isfinite(first - second)]
    n = len(d)
    estimate = hodges_lehmann(d, alpha)
    used = d[d != 0] if zeros == "wilcox" else d
    if len(used) == 0 or not (used != 0).any():
        reason = "there are no pairs" if n == 0 else "all differences are zero"
        value = 0.0 if n else None
        return PairedTest("wilcoxon", n, None, None, None, not_estimable("hodges-lehmann", reason, value))
    ranks = stats.rankdata(np.abs(used))
    nonzero = used != 0
    ranks, signs = ranks[nonzero], used[nonzero] > 0
    v = float(ranks[signs].sum())
    doubled = np.rint(2 * ranks).astype(np.int64)
    if len(ranks) <= EXACT_UP_TO:
        p = _exact_p(doubled, round(2 * v))
    else:
        mean, variance = float(ranks.sum()) / 2, float((ranks**2).sum()) / 4
        z = max(abs(v - mean) - 0.5, 0.0) / math.sqrt(variance)
        p = float(2 * stats.norm.sf(z))
    return PairedTest("wilcoxon", n, v, None, min(p, 1.0), estimate)


def hodges_lehmann(d: FloatArray, alpha: float = 0.05) -> Estimate:
    """Return the median of the Walsh averages of differences with its signed-rank interval.

    With more than :data:`WALSH_UP_TO` pairs, the median difference with its order-statistic (sign test) interval.
    """
    n = len(d)
    if n < 2:
        return not_estimable("hodges-lehmann", "fewer than two pairs", float(d[0]) if n else None)
    if n > WALSH_UP_TO:
        ordered = np.sort(d)
        k = int(stats.binom.ppf(alpha / 2, n, 0.5))
        lower, upper = float(ordered[max(k - 1, 0)]), float(ordered[min(n - k, n - 1)])
        return Estimate(float(np.median(d)), None, lower, upper, "median, sign-test interval")
    rows, columns = np.triu_indices(n)
    walsh = np.sort((d[rows] + d[columns]) / 2)
    m = len(walsh)
    value = float(np.median(walsh))
    if n <= 50:
        distribution = np.cumsum(signed_rank_distribution(2 * np.arange(1, n + 1))[::2])
        k = int(np.searchsorted(distribution, alpha / 2, side="left"))
        if k == 0:
            return not_estimable("hodges-lehmann", f"{n} pairs are too few for an interval of this level", value)
    else:
        spread = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        k = math.ceil(n * (n + 1) / 4 - float(stats.norm.ppf(1 - alpha / 2)) * spread)
    return Estimate(value, None, float(walsh[k - 1]), float(walsh[m - k]), "hodges-lehmann")


def learning(position: FloatArray, times: FloatArray) -> tuple[float | None, float | None, int]:
    """Return the slope of log time per 10 cases of position in the session's order, its p-value and n.

    exp(slope) - 1 is the relative change of the reading time over ten cases; negative = getting faster.
    """
    good = np.isfinite(position) & np.isfinite(times) & (times > 0)
    if good.sum() < 3 or np.ptp(position[good]) == 0:
        return None, None, int(good.sum())
    result = stats.linregress(position[good] / 10, np.log(times[good]))
    p = float(result.pvalue) if float(result.stderr) > 0 else None
    return finite(float(result.slope)), p, int(good.sum())
