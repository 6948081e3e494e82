"""Sensitivity, specificity, predictive values, accuracy, F1 and Youden's index of a binary call, with intervals by name.

Intervals of proportions: Wilson 1927, Clopper-Pearson 1934 ("exact") and Wald, through statsmodels. Predictive values are
conditional on the study's own prevalence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from reader_app.analysis.estimate import Estimate, not_estimable

_STATSMODELS = {"wilson": "wilson", "exact": "beta", "wald": "normal"}
_NAMES = {"wilson": "wilson", "exact": "exact (Clopper-Pearson)", "wald": "wald"}


@dataclass(frozen=True, slots=True)
class Counts:
    """A 2 x 2 table of calls against the reference."""

    tp: int
    fp: int
    tn: int
    fn: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.tn + other.tn, self.fn + other.fn)


def count(call: NDArray[np.float64], truth: NDArray[np.bool_]) -> Counts:
    """Count calls (0, 1; NaN = not read) against truth; both of shape (K,)."""
    positive = call == 1
    negative = call == 0
    return Counts(
        int((positive & truth).sum()),
        int((positive & ~truth).sum()),
        int((negative & ~truth).sum()),
        int((negative & truth).sum()),
    )


def limits(successes: float, trials: float, ci: str = "wilson", alpha: float = 0.05) -> tuple[float, float]:
    """Return the interval of a proportion, cut to [0, 1] (``ci`` is "wilson", "exact" or "wald")."""
    low, high = proportion_confint(successes, trials, alpha=alpha, method=_STATSMODELS[ci])
    return max(0.0, float(low)), min(1.0, float(high))


def proportion(successes: int, trials: int, ci: str = "wilson", alpha: float = 0.05) -> Estimate:
    """Return a proportion with its standard error and interval.

    Without trials nothing is estimable. A Wald interval of 0 or 1 has no width and is refused with the reason.
    """
    method = _NAMES[ci]
    if trials == 0:
        return not_estimable(method, "there are no cases in the denominator")
    p = successes / trials
    se = math.sqrt(p * (1 - p) / trials)
    if ci == "wald" and se == 0:
        return not_estimable(method, "the variance is zero: a Wald interval of 0 % or 100 % has no width", p)
    low, high = limits(successes, trials, ci, alpha)
    return Estimate(p, se, low, high, method)


def clustered_proportion(
    success: NDArray[np.float64], cluster: NDArray[np.int64], ci: str = "wilson", alpha: float = 0.05
) -> Estimate:
    """Return a proportion of clustered units: ratio-estimator variance, interval at the effective sample size.

    Parameters
    ----------
    success
        0 or 1 for each unit (n,).
    cluster
        Cluster of each unit (n,).

    References
    ----------
    Rao JNK, Scott AJ. A simple method for the analysis of clustered binary data. Biometrics 1992;48:577.
    """
    method = f"{_NAMES[ci]}, cluster-robust (Rao-Scott effective size)"
    n = len(success)
    if n == 0:
        return not_estimable(method, "there are no cases in the denominator")
    p = float(success.mean())
    _, codes = np.unique(cluster, return_inverse=True)
    m = int(codes.max()) + 1
    if m < 2:
        return not_estimable(method, "there is only one cluster", p)
    residual = np.bincount(codes, success - p)
    variance = m / (m - 1) * float(residual @ residual) / n**2
    if variance <= 0:
        if ci == "wald":
            return not_estimable(method, "the variance is zero", p)
        low, high = limits(p * m, m, ci, alpha)  # all alike: as cautious as one unit a cluster
        return Estimate(p, 0.0, low, high, method)
    effective = p * (1 - p) / variance if 0 < p < 1 else float(m)
    low, high = limits(p * effective, effective, ci, alpha)
    return Estimate(p, math.sqrt(variance), low, high, method)


def f1(counts: Counts, ci: str = "wilson", alpha: float = 0.05) -> Estimate:
    """Return F1 = 2 TP / (2 TP + FP + FN).

    The interval is that of the proportion J = TP / (TP + FP + FN), carried over by F1 = 2 J / (1 + J), which is increasing; the
    standard error is by the delta method on the multinomial counts (as Takahashi et al., Appl Intell 2022;52:4961, for two
    classes).
    """
    trials = counts.tp + counts.fp + counts.fn
    method = f"{_NAMES[ci]} on TP / (TP + FP + FN), carried over to F1"
    if trials == 0:
        return not_estimable(method, "there is neither a positive case nor a positive call")
    value = 2 * counts.tp / (2 * counts.tp + counts.fp + counts.fn)
    n = trials + counts.tn
    denominator = 2 * counts.tp + counts.fp + counts.fn
    d_tp = 2 * (counts.fp + counts.fn) * n / denominator**2
    d_other = -2 * counts.tp * n / denominator**2
    mean = (counts.tp * d_tp + (counts.fp + counts.fn) * d_other) / n
    variance = (counts.tp * d_tp**2 + (counts.fp + counts.fn) * d_other**2) / n - mean**2
    se = math.sqrt(max(variance, 0.0) / n)
    if ci == "wald" and se == 0:
        return not_estimable(method, "the variance is zero", value)
    low, high = limits(counts.tp, trials, ci, alpha)
    return Estimate(value, se, 2 * low / (1 + low), 2 * high / (1 + high), method)


def youden_index(sensitivity: Estimate, specificity: Estimate, ci: str = "wilson", alpha: float = 0.05) -> Estimate:
    """Return J = sensitivity + specificity - 1 with Newcombe's square-and-add interval of the two limits.

    With Wald limits this is the Wald interval of J.

    References
    ----------
    Newcombe RG. Interval estimation for the difference between independent proportions. Stat Med 1998;17:873, method 10.
    """
    method = f"square-and-add of {_NAMES[ci]} limits (Newcombe)"
    a, b = sensitivity.estimate, specificity.estimate
    if a is None or b is None:
        return not_estimable(method, "sensitivity or specificity is not estimable")
    if None in (sensitivity.lower, sensitivity.upper, specificity.lower, specificity.upper):
        return not_estimable(method, "the interval of sensitivity or specificity is not estimable", a + b - 1)
    assert sensitivity.lower is not None and sensitivity.upper is not None
    assert specificity.lower is not None and specificity.upper is not None
    value = a + b - 1
    down = math.hypot(a - sensitivity.lower, b - specificity.lower)
    up = math.hypot(sensitivity.upper - a, specificity.upper - b)
    se = math.hypot(sensitivity.se or 0.0, specificity.se or 0.0)
    return Estimate(value, se, max(-1.0, value - down), min(1.0, value + up), method)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The measures of one 2 x 2 table."""

    counts: Counts
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    accuracy: Estimate
    f1: Estimate
    youden_index: Estimate


def accuracy(counts: Counts, ci: str = "wilson", alpha: float = 0.05) -> Accuracy:
    """Return all measures of a 2 x 2 table, units taken as independent."""
    tp, fp, tn, fn = counts.tp, counts.fp, counts.tn, counts.fn
    sensitivity = proportion(tp, tp + fn, ci, alpha)
    specificity = proportion(tn, tn + fp, ci, alpha)
    return Accuracy(
        counts,
        sensitivity,
        specificity,
        proportion(tp, tp + fp, ci, alpha),
        proportion(tn, tn + fn, ci, alpha),
        proportion(tp + tn, tp + fp + tn + fn, ci, alpha),
        f1(counts, ci, alpha),
        youden_index(sensitivity, specificity, ci, alpha),
    )


def clustered_accuracy(
    call: NDArray[np.float64],
    truth: NDArray[np.bool_],
    cluster: NDArray[np.int64],
    ci: str = "wilson",
    alpha: float = 0.05,
) -> Accuracy:
    """Return the measures with cluster-robust intervals (all arrays of shape (n,), NaN calls left out)."""
    read = np.isfinite(call)
    call, truth, cluster = call[read], truth[read], cluster[read]
    counts = count(call, truth)

    def part(where: NDArray[np.bool_], success: NDArray[np.bool_]) -> Estimate:
        return clustered_proportion(success[where].astype(float), cluster[where], ci, alpha)

    positive = call == 1
    sensitivity, specificity = part(truth, positive), part(~truth, ~positive)
    plain = youden_index(sensitivity, specificity, ci, alpha)
    return Accuracy(
        counts,
        sensitivity,
        specificity,
        part(positive, truth),
        part(~positive, ~truth),
        part(np.ones_like(truth), positive == truth),
        f1(counts, ci, alpha),
        plain.named(f"{plain.method}, sensitivity and specificity taken as independent"),
    )
