"""Power and sample size of a comparison of two conditions by several readers.

From pilot components: Hillis, Obuchowski, Berbaum 2011 Acad Radiol 18:129. From published ranges: Obuchowski 2000 AJR 175:603;
Obuchowski, Hillis 2011 AJR 197:W821. Both assume that the pilot's ratio of malignant to benign cases is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from scipy import special, stats

from reader_app.analysis.mrmc import BOTH, CASES, READERS


@dataclass(frozen=True, slots=True)
class Components:
    """Obuchowski-Rockette components of a pilot with ``cases`` cases."""

    var_tr: float
    var: float
    cov1: float
    cov2: float
    cov3: float
    cases: int


@dataclass(frozen=True, slots=True)
class Power:
    """Power of one design, with the distribution that it comes from.

    Attributes
    ----------
    denominator : float
        Error variance D of the design: a difference of means has the variance 2 D / J.
    df : float or None
        Denominator degrees of freedom; None for a chi-square.
    ncp : float
        Non-centrality.
    """

    readers: int
    cases: int
    power: float
    denominator: float
    df: float | None
    ncp: float


def power(pilot: Components, effect: float, readers: int, cases: int, generalise: str = BOTH, alpha: float = 0.05) -> Power:
    """Return the power to find a difference ``effect`` of two conditions with so many readers and cases.

    Raises
    ------
    ValueError
        If there are fewer than two readers where readers are random, or the components leave no variance.
    """
    s = pilot.cases / cases
    shared = max(pilot.cov2 - pilot.cov3, 0.0)
    v = max(pilot.var_tr, 0.0)
    if generalise != CASES and readers < 2:
        raise ValueError("two readers or more are needed to generalise to readers")
    if generalise == BOTH:
        d = v + s * (pilot.var - pilot.cov1 + (readers - 1) * shared)
        own = v + s * (pilot.var - pilot.cov1 - shared)
        df: float | None = (readers - 1) * d**2 / own**2 if own > 0 else math.inf
    elif generalise == READERS:
        d, df = v + s * (pilot.var - pilot.cov1 - shared), float(readers - 1)
    elif generalise == CASES:
        d, df = s * (pilot.var - pilot.cov1 + (readers - 1) * shared), None
    else:
        raise ValueError(f"unknown way to generalise {generalise!r}")
    if not d > 0:
        raise ValueError("the components leave no error variance")
    ncp = readers * effect**2 / (2 * d)
    return Power(readers, cases, _f_power(df, ncp, alpha), d, df, ncp)


def _f_power(df: float | None, ncp: float, alpha: float) -> float:
    if df is None or math.isinf(df):
        return float(stats.ncx2.sf(stats.chi2.isf(alpha, 1), 1, ncp))
    if ncp == 0:
        return alpha
    return float(stats.ncf.sf(stats.f.isf(alpha, 1, df), 1, df, ncp))


def cases_needed(
    pilot: Components,
    effect: float,
    readers: int,
    wanted: float = 0.8,
    generalise: str = BOTH,
    alpha: float = 0.05,
    most: int = 100_000,
) -> Power | None:
    """Return the smallest number of cases that reaches the wanted power, or None if ``most`` do not."""
    if power(pilot, effect, readers, most, generalise, alpha).power < wanted:
        return None
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if power(pilot, effect, readers, middle, generalise, alpha).power >= wanted:
            high = middle
        else:
            low = middle + 1
    return power(pilot, effect, readers, low, generalise, alpha)


def design_table(
    pilot: Components, effect: float, readers: Iterable[int], wanted: float = 0.8, generalise: str = BOTH, alpha: float = 0.05
) -> list[Power | None]:
    """Return the cases needed for each number of readers."""
    return [cases_needed(pilot, effect, j, wanted, generalise, alpha) for j in readers]


@dataclass(frozen=True, slots=True)
class Ranges:
    """What the literature reports instead of a pilot.

    Attributes
    ----------
    auc : float
        Average area expected.
    between : float
        Range of the areas of different readers (their standard deviation is a quarter of it).
    within : float
        Range of the areas of one reader who reads the same cases several times.
    r1, r2, r3 : float
        Correlations of the areas: same reader and other condition; other reader and same condition; both other.
    rb : float
        Correlation of a reader's areas under the two conditions.
    benign_per_malignant : float
        Ratio R of benign to malignant cases.
    """

    auc: float
    between: float
    within: float = 0.005
    r1: float = 0.47
    r2: float = 0.3
    r3: float = 0.3
    rb: float = 0.8
    benign_per_malignant: float = 1.0


def case_variance(auc: float, malignant: float, benign_per_malignant: float) -> float:
    """Return the variance of an area that stems from the cases, under a binormal model of ratings (Obuchowski 1994)."""
    a = 1.414 * float(special.ndtri(auc))
    r = benign_per_malignant
    return 0.0099 * math.exp(-(a**2) / 2) * ((5 * a**2 + 8) + (a**2 + 8) / r) / malignant


def power_from_ranges(
    ranges: Ranges, effect: float, readers: int, malignant: int, alpha: float = 0.05, replicates: int = 1
) -> Power:
    """Return the power from published ranges; F with 1 and J - 1 degrees of freedom, readers and cases random.

    Raises
    ------
    ValueError
        If there are fewer than two readers.
    """
    if readers < 2:
        raise ValueError("two readers or more are needed to generalise to readers")
    between, within = (ranges.between / 4) ** 2, (ranges.within / 4) ** 2
    from_cases = case_variance(ranges.auc, malignant, ranges.benign_per_malignant)
    d = between * (1 - ranges.rb) + within / replicates
    d += from_cases * ((1 - ranges.r1) + (readers - 1) * (ranges.r2 - ranges.r3))
    ncp = readers * effect**2 / (2 * d)
    cases = round(malignant * (1 + ranges.benign_per_malignant))
    return Power(readers, cases, _f_power(float(readers - 1), ncp, alpha), d, float(readers - 1), ncp)


def malignant_needed(
    ranges: Ranges, effect: float, readers: int, wanted: float = 0.8, alpha: float = 0.05, most: int = 20_000
) -> Power | None:
    """Return the design with the fewest malignant cases that reaches the wanted power, or None if ``most`` do not."""
    if power_from_ranges(ranges, effect, readers, most, alpha).power < wanted:
        return None
    low, high = 2, most
    while low < high:
        middle = (low + high) // 2
        if power_from_ranges(ranges, effect, readers, middle, alpha).power >= wanted:
            high = middle
        else:
            low = middle + 1
    return power_from_ranges(ranges, effect, readers, low, alpha)
