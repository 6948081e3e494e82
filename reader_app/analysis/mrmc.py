"""Multi-reader multi-case analysis: Obuchowski-Rockette with Hillis' degrees of freedom, and Dorfman-Berbaum-Metz.

References
----------
Obuchowski, Rockette 1995 Commun Stat Simul 24:285; Hillis et al. 2005 Stat Med 24:1579; Hillis 2007 Stat Med 26:596; Hillis 2014
Stat Med 33:330. Dorfman, Berbaum, Metz 1992 Invest Radiol 27:723; Hillis, Berbaum, Metz 2008 Acad Radiol 15:647.

With readers fixed, Cov2 - Cov3 is taken as it is (no maximum with 0), as MRMCaov does; RJafroc takes the maximum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reader_app.analysis.estimate import ZERO_VARIANCE, Estimate, normal_estimate, not_estimable, t_quantile, two_sided_t

FloatArray = NDArray[np.float64]

BOTH = "readers_and_cases"
CASES = "cases"
READERS = "readers"


@dataclass(frozen=True, slots=True)
class Contrast:
    """A difference of two conditions (a minus b); ``df`` is infinite for a normal test."""

    a: int
    b: int
    difference: Estimate
    df: float | None
    t: float | None
    p: float | None


@dataclass(frozen=True)
class Analysis:
    """One way to generalise: overall test, condition means, contrasts.

    Attributes
    ----------
    generalise : str
        "readers_and_cases", "cases" (readers fixed) or "readers" (cases fixed).
    f, df1, df2, p : float or None
        Overall test; ``df2`` None where it is a chi-square (then ``f`` = X2 / df1).
    reason : str
        Why the overall test is missing.
    """

    generalise: str
    f: float | None
    df1: float | None
    df2: float | None
    p: float | None
    means: list[Estimate]
    contrasts: list[Contrast]
    reason: str = ""


@dataclass(frozen=True)
class MrmcResult:
    """Variance components and the analyses."""

    components: dict[str, float | None]
    analyses: list[Analysis] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Error:
    """Denominator of a test: mean square of a difference of means is 2 D / J (OR) with ``df``; normal when df is infinite."""

    d: float
    df: float


def mean_squares(theta: FloatArray) -> tuple[float, float, float]:
    """Return MS(T), MS(R), MS(TR) of figures (I, J); NaN where there are no degrees of freedom."""
    i, j = theta.shape
    grand = theta.mean()
    t, r = theta.mean(axis=1), theta.mean(axis=0)
    ms_t = j * float(((t - grand) ** 2).sum()) / (i - 1) if i > 1 else math.nan
    ms_r = i * float(((r - grand) ** 2).sum()) / (j - 1) if j > 1 else math.nan
    rest = theta - t[:, None] - r[None, :] + grand
    ms_tr = float((rest**2).sum()) / ((i - 1) * (j - 1)) if i > 1 and j > 1 else math.nan
    return ms_t, ms_r, ms_tr


def covariance_components(covariance: FloatArray, i: int, j: int) -> tuple[float, float, float, float]:
    """Return Var, Cov1 (same reader), Cov2 (same condition), Cov3 (neither) as means of the (IJ, IJ) matrix."""
    c = covariance.reshape(i, j, i, j)
    same_i, same_j = np.eye(i, dtype=bool)[:, None, :, None], np.eye(j, dtype=bool)[None, :, None, :]
    parts = []
    for wanted in (same_i & same_j, ~same_i & same_j, same_i & ~same_j, ~same_i & ~same_j):
        where = np.broadcast_to(wanted, c.shape)
        parts.append(float(c[where].mean()) if where.any() else math.nan)
    return parts[0], parts[1], parts[2], parts[3]


def obuchowski_rockette(theta: FloatArray, covariance: FloatArray, method: str, alpha: float = 0.05) -> MrmcResult:
    """Analyse figures of merit theta (I, J) with error covariance (IJ, IJ), ordered condition * J + reader."""
    i, j = theta.shape
    ms_t, ms_r, ms_tr = mean_squares(theta)
    var, cov1, cov2, cov3 = covariance_components(covariance, i, j)
    apart = cov2 - cov3 if i > 1 else math.nan
    components: dict[str, float | None] = {
        "var_r": _known((ms_r - ms_tr) / i - cov1 + cov3 if i > 1 else ms_r - var + cov2),
        "var_tr": _known(ms_tr - var + cov1 + apart),
        "var": _known(var),
        "cov1": _known(cov1),
        "cov2": _known(cov2),
        "cov3": _known(cov3),
    }
    for number, value in ((1, cov1), (2, cov2), (3, cov3)):
        components[f"r{number}"] = _known(value / var) if var > 0 else None
    shared = max(apart, 0.0) if j > 1 else 0.0
    both = ms_tr + j * shared
    df_both = both**2 / (ms_tr**2 / ((i - 1) * (j - 1))) if i > 1 and j > 1 and ms_tr > ZERO_VARIANCE else math.inf
    errors = {
        BOTH: _Error(both, df_both),
        CASES: _Error(var - cov1 + ((j - 1) * apart if j > 1 else 0.0), math.inf),
        READERS: _Error(ms_tr, float((i - 1) * (j - 1))),
    }
    analyses = []
    for kind, error in errors.items():
        name = f"Obuchowski-Rockette, {method}"
        means = [_or_mean(theta[n], covariance[n * j : n * j + j, n * j : n * j + j], kind, name, alpha) for n in range(i)]
        analyses.append(_tests(theta, ms_t, error, kind, name, means, alpha, chi_square=kind == CASES))
    return MrmcResult(components, analyses)


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _or_mean(theta: FloatArray, covariance: FloatArray, kind: str, method: str, alpha: float) -> Estimate:
    """Return the mean of one condition from its own data only."""
    j = len(theta)
    value = float(theta.mean())
    ms_r = float(theta.var(ddof=1)) if j > 1 else math.nan
    var = float(np.diag(covariance).mean())
    cov2 = max(float(covariance[~np.eye(j, dtype=bool)].mean()), 0.0) if j > 1 else 0.0
    if kind == CASES:
        return normal_estimate(value, (var + (j - 1) * cov2) / j, method, alpha, low=0.0, high=1.0)
    if j < 2:
        return not_estimable(method, "one reader does not generalise to readers", value)
    if kind == READERS:
        return normal_estimate(value, ms_r / j, method, alpha, low=0.0, high=1.0, quantile=t_quantile(alpha, j - 1))
    top = ms_r + j * cov2
    df = (j - 1) * top**2 / ms_r**2 if ms_r > ZERO_VARIANCE else math.inf
    return normal_estimate(value, top / j, method, alpha, low=0.0, high=1.0, quantile=t_quantile(alpha, df))


def _tests(
    theta: FloatArray,
    ms_t: float,
    error: _Error,
    kind: str,
    method: str,
    means: list[Estimate],
    alpha: float,
    *,
    chi_square: bool,
) -> Analysis:
    """Return the overall test and contrasts; a difference of two means has the variance 2 D / J."""
    i, j = theta.shape
    if i < 2:
        return Analysis(kind, None, None, None, None, means, [], "there is only one condition")
    reason = ""
    if kind != CASES and j < 2:
        reason = "one reader does not generalise to readers"
    elif not math.isfinite(error.d) or error.d <= ZERO_VARIANCE:
        reason = "the error variance is " + ("zero" if abs(error.d) <= ZERO_VARIANCE else "negative or undefined")
    if reason:
        contrasts = [
            Contrast(a, b, not_estimable(method, reason, float(theta[a].mean() - theta[b].mean())), None, None, None)
            for a, b in combinations(range(i), 2)
        ]
        return Analysis(kind, None, float(i - 1), None, None, means, contrasts, reason)
    f = ms_t / error.d
    if chi_square or math.isinf(error.df):
        p = float(stats.chi2.sf(f * (i - 1), i - 1))
        df2 = None
    else:
        p = float(stats.f.sf(f, i - 1, error.df))
        df2 = error.df
    contrasts = []
    for a, b in combinations(range(i), 2):
        value = float(theta[a].mean() - theta[b].mean())
        estimate = normal_estimate(value, 2 * error.d / j, method, alpha, quantile=t_quantile(alpha, error.df))
        t = value / estimate.se if estimate.se else None
        contrasts.append(Contrast(a, b, estimate, error.df, t, None if t is None else two_sided_t(t, error.df)))
    return Analysis(kind, f, float(i - 1), df2, p, means, contrasts)


def dbm(theta: FloatArray, leave_one_out: FloatArray, alpha: float = 0.05) -> MrmcResult:
    """Analyse jackknife pseudovalues.

    Parameters
    ----------
    theta
        Figures of merit (I, J).
    leave_one_out
        Figures without one case each (I, J, K).
    """
    i, j, k = leave_one_out.shape
    y = k * theta[:, :, None] - (k - 1) * leave_one_out
    y += (theta - y.mean(axis=2))[:, :, None]
    ms = _three_way(y)
    method = "Dorfman-Berbaum-Metz, jackknife"
    components: dict[str, float | None] = {
        "var_r": _known((ms["r"] - ms["tr"] - ms["rc"] + ms["trc"]) / (i * k)),
        "var_c": _known((ms["c"] - ms["tc"] - ms["rc"] + ms["trc"]) / (i * j)),
        "var_tr": _known((ms["tr"] - ms["trc"]) / k),
        "var_tc": _known((ms["tc"] - ms["trc"]) / j),
        "var_rc": _known((ms["rc"] - ms["trc"]) / i),
        "var_error": _known(ms["trc"]),
    }
    apart = max(ms["tc"] - ms["trc"], 0.0) if j > 1 else 0.0
    both = ms["tr"] + apart
    df_both = both**2 / (ms["tr"] ** 2 / ((i - 1) * (j - 1))) if i > 1 and j > 1 and ms["tr"] > ZERO_VARIANCE else math.inf
    errors = {
        BOTH: _Error(both / k, df_both),
        CASES: _Error(ms["tc"] / k, float((i - 1) * (k - 1))),
        READERS: _Error(ms["tr"] / k, float((i - 1) * (j - 1))),
    }
    analyses = []
    for kind, error in errors.items():
        means = [_dbm_mean(y[n], kind, method, alpha) for n in range(i)]
        analyses.append(_tests(theta, ms["t"] / k, error, kind, method, means, alpha, chi_square=False))
    return MrmcResult(components, analyses)


def _three_way(y: FloatArray) -> dict[str, float]:
    """Return the mean squares of a condition x reader x case layout without replication; NaN without degrees of freedom."""
    i, j, k = y.shape
    g = y.mean()
    t, r, c = y.mean(axis=(1, 2)), y.mean(axis=(0, 2)), y.mean(axis=(0, 1))
    tr, tc, rc = y.mean(axis=2), y.mean(axis=1), y.mean(axis=0)
    e_tr = tr - t[:, None] - r[None, :] + g
    e_tc = tc - t[:, None] - c[None, :] + g
    e_rc = rc - r[:, None] - c[None, :] + g
    rest = y - tr[:, :, None] - tc[:, None, :] - rc[None, :, :] + t[:, None, None] + r[None, :, None] + c[None, None, :] - g

    def ms(total: float, df: int) -> float:
        return total / df if df > 0 else math.nan

    return {
        "t": ms(j * k * float(((t - g) ** 2).sum()), i - 1),
        "r": ms(i * k * float(((r - g) ** 2).sum()), j - 1),
        "c": ms(i * j * float(((c - g) ** 2).sum()), k - 1),
        "tr": ms(k * float((e_tr**2).sum()), (i - 1) * (j - 1)),
        "tc": ms(j * float((e_tc**2).sum()), (i - 1) * (k - 1)),
        "rc": ms(i * float((e_rc**2).sum()), (j - 1) * (k - 1)),
        "trc": ms(float((rest**2).sum()), (i - 1) * (j - 1) * (k - 1)),
    }


def _dbm_mean(y: FloatArray, kind: str, method: str, alpha: float) -> Estimate:
    """Return the mean of one condition from its own pseudovalues (J, K)."""
    j, k = y.shape
    value = float(y.mean())
    r, c = y.mean(axis=1), y.mean(axis=0)
    ms_c = j * float(c.var(ddof=1))
    if kind == CASES:
        return normal_estimate(value, ms_c / (j * k), method, alpha, low=0.0, high=1.0, quantile=t_quantile(alpha, k - 1))
    if j < 2:
        return not_estimable(method, "one reader does not generalise to readers", value)
    ms_r = k * float(r.var(ddof=1))
    if kind == READERS:
        return normal_estimate(value, ms_r / (j * k), method, alpha, low=0.0, high=1.0, quantile=t_quantile(alpha, j - 1))
    rest = y - r[:, None] - c[None, :] + value
    top = ms_r + max(ms_c - float((rest**2).sum()) / ((j - 1) * (k - 1)), 0.0)
    df = (j - 1) * top**2 / ms_r**2 if ms_r > ZERO_VARIANCE else math.inf
    return normal_estimate(value, top / (j * k), method, alpha, low=0.0, high=1.0, quantile=t_quantile(alpha, df))


def noninferiority(contrast: Contrast, margin: float) -> dict[str, dict[str, float] | None]:
    """Test non-inferiority in both directions: "a_to_b" asks whether a is worse than b by less than ``margin``.

    One-sided; at level 0.025 it agrees with the two-sided 95 % interval lying above ``-margin``
    (Chen, Petrick, Sahiner 2012 Acad Radiol 19:1158).
    """
    value, se, df = contrast.difference.estimate, contrast.difference.se, contrast.df
    if value is None or not se or df is None:
        return {"a_to_b": None, "b_to_a": None}
    result: dict[str, dict[str, float] | None] = {}
    for name, sign in (("a_to_b", 1.0), ("b_to_a", -1.0)):
        t = (sign * value + margin) / se
        result[name] = {"t": t, "p": float(stats.norm.sf(t) if math.isinf(df) else stats.t.sf(t, df))}
    return result
