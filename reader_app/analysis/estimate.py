"""Estimates with their intervals and methods, and the notes that explain what could not be estimated."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from scipy import special

#: A variance up to this is rounding noise: proportions, areas and kappas live on the unit scale.
ZERO_VARIANCE = 1e-15


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its uncertainty. Parts that cannot be estimated are None and ``reason`` says why.

    Attributes
    ----------
    estimate, se, lower, upper : float or None
        Point estimate, standard error and interval limits.
    method : str
        Name of the interval's method.
    reason : str
        Why a part is None; empty when nothing is missing.
    """

    estimate: float | None
    se: float | None
    lower: float | None
    upper: float | None
    method: str
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the five keys of the result document."""
        return {
            "estimate": finite(self.estimate),
            "se": finite(self.se),
            "lower": finite(self.lower),
            "upper": finite(self.upper),
            "method": self.method,
        }

    def named(self, method: str) -> Estimate:
        """Return the same numbers under another method name."""
        return replace(self, method=method)


def finite(value: float | None) -> float | None:
    """Return a plain float, or None for None, NaN and infinities."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def not_estimable(method: str, reason: str, estimate: float | None = None) -> Estimate:
    """Return an estimate without uncertainty, with the reason."""
    return Estimate(finite(estimate), None, None, None, method, reason)


def z_quantile(alpha: float) -> float:
    """Return the two-sided standard normal quantile of level ``alpha``."""
    return float(special.ndtri(1 - alpha / 2))


def normal_estimate(
    value: float,
    variance: float,
    method: str,
    alpha: float = 0.05,
    *,
    low: float | None = None,
    high: float | None = None,
    quantile: float | None = None,
) -> Estimate:
    """Return ``value`` with ``quantile * se`` on both sides, cut to ``[low, high]``.

    A variance that is zero, negative or not finite gives no interval but a reason.
    """
    if not math.isfinite(value):
        return not_estimable(method, "the value itself is not defined")
    if not math.isfinite(variance):
        return not_estimable(method, "the variance is not defined", value)
    if variance <= ZERO_VARIANCE:
        return not_estimable(method, "the variance is " + ("zero" if variance >= -ZERO_VARIANCE else "negative"), value)
    se = math.sqrt(variance)
    q = z_quantile(alpha) if quantile is None else quantile
    lower, upper = value - q * se, value + q * se
    return Estimate(value, se, lower if low is None else max(low, lower), upper if high is None else min(high, upper), method)


def two_sided_normal(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic."""
    return float(2 * special.ndtr(-abs(z)))


def two_sided_t(t: float, df: float) -> float:
    """Return the two-sided p-value of Student's t with ``df`` degrees of freedom (may be fractional)."""
    return float(2 * special.stdtr(df, -abs(t))) if math.isfinite(df) else two_sided_normal(t)


def t_quantile(alpha: float, df: float) -> float:
    """Return the two-sided quantile of Student's t; the normal one for infinite ``df``."""
    return float(special.stdtrit(df, 1 - alpha / 2)) if math.isfinite(df) else z_quantile(alpha)


class Notes:
    """Collects the warnings of an analysis, each once, in the order met."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._seen: set[str] = set()

    def add(self, text: str, section: str = "", **keys: Any) -> None:
        """Note one thing; ``keys`` are those of the row that it explains."""
        row: dict[str, Any] = {"text": text, "section": section, **keys}
        mark = repr(sorted((k, str(v)) for k, v in row.items()))
        if mark not in self._seen:
            self._seen.add(mark)
            self._rows.append(row)

    def explain(self, estimate: Estimate, section: str, value: str, **keys: Any) -> dict[str, Any]:
        """Note the reason of an incomplete estimate and return its JSON form."""
        if estimate.reason:
            self.add(f"{value}: not estimable, {estimate.reason}", section, **keys)
        return estimate.as_json()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return all notes as plain dictionaries."""
        return list(self._rows)
