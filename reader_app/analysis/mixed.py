"""Mixed model of log reading time: a fixed effect of condition, crossed random effects of reader and case, by REML.

The random effects of the cases are eliminated in closed form, so the cost grows with reads, not with their square: the same
criterion as R's lme4 (Bates et al., J Stat Softw 2015;67(1)), for two crossed random intercepts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

FloatArray = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class MixedFit:
    """A fitted model.

    Attributes
    ----------
    beta, se : arrays (p,)
        Fixed effects and standard errors.
    reader, case, residual : float
        Variance components of log time.
    criterion : float
        REML deviance at the optimum.
    """

    beta: FloatArray
    se: FloatArray
    reader: float
    case: float
    residual: float
    criterion: float


class _Crossed:
    """Cross-products of one data set; evaluates the REML criterion at relative standard deviations (theta).

    Cases read by the same readers equally often form one pattern and are summed beforehand.
    """

    def __init__(self, y: FloatArray, x: FloatArray, reader: Codes, case: Codes) -> None:
        self.n, self.p = x.shape
        j, k = int(reader.max()) + 1, int(case.max()) + 1
        both = np.column_stack([x, y])
        self.n_reader = np.bincount(reader, minlength=j).astype(float)
        cross = np.bincount(reader * k + case, minlength=j * k).reshape(j, k)
        self.pattern, codes, self.count = np.unique(cross, axis=1, return_inverse=True, return_counts=True)
        codes = codes.ravel()
        self.pattern = self.pattern.astype(float)
        self.size = self.pattern.sum(axis=0)
        self.r_b = np.stack([np.bincount(reader, column, minlength=j) for column in both.T], axis=1)
        c_b = np.stack([np.bincount(case, column, minlength=k) for column in both.T], axis=1)
        self.c_b = np.stack([np.bincount(codes, column, minlength=len(self.count)) for column in c_b.T], axis=1)
        squares = (c_b[:, :, None] * c_b[:, None, :]).reshape(k, -1)
        summed = np.stack([np.bincount(codes, column, minlength=len(self.count)) for column in squares.T], axis=1)
        self.c_bb = summed.reshape(len(self.count), self.p + 1, self.p + 1)
        self.b_b = both.T @ both

    def solve(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray, float]:
        """Return the criterion, the fixed effects, their covariance and the residual variance."""
        tr, tc = theta
        d = 1 + tc**2 * self.size
        left = tr * tc**2 * self.pattern / d
        schur = np.diag(1 + tr**2 * self.n_reader) - tr * (left * self.count) @ self.pattern.T
        r_b = tr * self.r_b - left @ self.c_b
        factor = linalg.cholesky(schur, lower=True)
        half = linalg.solve_triangular(factor, r_b, lower=True)
        reduced = self.b_b - tc**2 * (self.c_bb / d[:, None, None]).sum(axis=0) - half.T @ half
        xx, xy, yy = reduced[: self.p, : self.p], reduced[: self.p, self.p], reduced[self.p, self.p]
        if np.linalg.cond(xx) > 1e12:  # the condition cannot be told from readers or cases
            return math.inf, np.zeros(self.p), np.zeros((self.p, self.p)), 0.0
        inverse = np.linalg.inv(xx)
        beta = inverse @ xy
        df = self.n - self.p
        sigma2 = float(yy - xy @ beta) / df
        if not sigma2 > 0:
            return math.inf, beta, inverse, 0.0
        log_det = float((self.count * np.log(d)).sum()) + 2 * float(np.log(np.diag(factor)).sum())
        log_x = float(np.linalg.slogdet(xx)[1])
        criterion = log_det + log_x + df * (1 + math.log(2 * math.pi * sigma2))
        return criterion, beta, inverse * sigma2, sigma2


def _start(y: FloatArray, x: FloatArray, reader: Codes, case: Codes) -> FloatArray:
    """Return moment estimates of the relative standard deviations: exact for a balanced design without negative components."""
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    variance = []
    for codes in (reader, case):
        n = np.bincount(codes)
        mean = np.bincount(codes, rest) / n
        variance.append((float(mean.var(ddof=1)) if len(n) > 1 else 0.0, float(n.mean())))
        rest = rest - mean[codes]
    df = max(len(y) - int(reader.max()) - int(case.max()) - x.shape[1], 1)
    residual = max(float(rest @ rest) / df, 1e-12)
    return np.sqrt([max(v / residual - 1 / n, 1e-4) for v, n in variance])


def fit(y: FloatArray, x: FloatArray, reader: Codes, case: Codes) -> MixedFit | None:
    """Fit ``y = x beta + reader + case + error`` by REML.

    Parameters
    ----------
    y
        Log times (n,).
    x
        Design matrix of the fixed effects (n, p), of full rank.
    reader, case
        Codes 0 .. without gaps (n,).

    Returns
    -------
    MixedFit or None
        None when nothing is left to estimate the residual from (fewer reads than readers, cases and effects), or there is no
        residual variation.
    """
    n, p = x.shape
    if n < p + int(reader.max()) + int(case.max()) + 2 or float(np.ptp(y)) == 0 or np.linalg.matrix_rank(x) < p:
        return None
    data = _Crossed(y, x, reader, case)

    def criterion(theta: FloatArray) -> float:
        return data.solve(np.abs(theta))[0]

    result = optimize.minimize(
        criterion, _start(y, x, reader, case), method="L-BFGS-B", bounds=[(0.0, None)] * 2, options={"ftol": 1e-13, "gtol": 1e-7}
    )
    polish = result.x + 1e-4 * np.array([[0, 0], [1, 0], [0, 1]])
    result = optimize.minimize(
        criterion, result.x, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "initial_simplex": polish}
    )
    theta, lowest = np.abs(np.asarray(result.x)), float(result.fun)
    for edge in ((0.0, theta[1]), (theta[0], 0.0), (0.0, 0.0)):  # a component may lie on the boundary
        if criterion(np.array(edge)) <= lowest + 1e-9:
            theta = np.array(edge)
            break
    value, beta, covariance, residual = data.solve(theta)
    if not math.isfinite(value) or not residual > 1e-20:
        return None
    se = np.sqrt(np.diag(covariance))
    return MixedFit(beta, se, float(theta[0] ** 2 * residual), float(theta[1] ** 2 * residual), residual, value)
