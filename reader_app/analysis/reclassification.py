"""What an aid changed: BI-RADS transitions, re-stratification of 4A, co-decision of two models, net reclassification."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.analysis.estimate import Estimate, normal_estimate, not_estimable, two_sided_normal
from reader_app.study.assessment import rank

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def _rank_of(category: str) -> int:
    value = rank(category)
    if value is None:
        raise ValueError(f"category {category!r} has no rank")
    return value


def transitions(before: FloatArray, after: FloatArray, scale: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the table of changes (q, q): rows = category before, columns = after, over units read in both.

    Parameters
    ----------
    before, after
        Ranks (see ``study.assessment.rank``) of shape (K,), NaN = not read.
    scale
        Categories in order.
    """
    codes = codes_of(before, scale), codes_of(after, scale)
    both = (codes[0] >= 0) & (codes[1] >= 0)
    q = len(scale)
    table = np.bincount(codes[0][both] * q + codes[1][both], minlength=q * q).reshape(q, q)
    return np.asarray(table, dtype=np.int64)


def codes_of(ranks: FloatArray, scale: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the position of each rank on the scale; -1 where missing or not on the scale."""
    lookup = np.full(16, -1, dtype=np.int64)
    for code, category in enumerate(scale):
        lookup[_rank_of(category)] = code
    return np.asarray(lookup[np.where(np.isfinite(ranks), ranks, 0).astype(np.int64)])


@dataclass(frozen=True, slots=True)
class Moves:
    """Units moved, split by the reference."""

    benign: int = 0
    malignant: int = 0

    @property
    def total(self) -> int:
        """All units of this move."""
        return self.benign + self.malignant

    def __add__(self, other: Moves) -> Moves:
        return Moves(self.benign + other.benign, self.malignant + other.malignant)

    def as_json(self) -> dict[str, int]:
        """Return the two counts."""
        return {"benign": self.benign, "malignant": self.malignant}


@dataclass(frozen=True, slots=True)
class Restratification:
    """What became of the units that a reader had put at 4A (Lu et al., Quant Imaging Med Surg 2025;15:2512, Table 4).

    Rates over the N units at 4A before: false positives before = benign / N, after = (benign unchanged + benign up) / N;
    malignancy before = malignant / N, after = malignant unchanged / unchanged.
    """

    down: Moves
    unchanged: Moves
    up: Moves

    @property
    def n(self) -> int:
        """Units at 4A before."""
        return self.down.total + self.unchanged.total + self.up.total

    def __add__(self, other: Restratification) -> Restratification:
        return Restratification(self.down + other.down, self.unchanged + other.unchanged, self.up + other.up)

    def as_json(self) -> dict[str, Any]:
        """Return counts and rates; a rate without denominator is None."""
        n, unchanged = self.n, self.unchanged.total
        benign = self.down.benign + self.unchanged.benign + self.up.benign
        return {
            "n": n,
            "down": self.down.as_json(),
            "unchanged": self.unchanged.as_json(),
            "up": self.up.as_json(),
            "false_positive_rate_before": benign / n if n else None,
            "false_positive_rate_after": (self.unchanged.benign + self.up.benign) / n if n else None,
            "malignancy_rate_before": (n - benign) / n if n else None,
            "malignancy_rate_after": self.unchanged.malignant / unchanged if unchanged else None,
            "biopsies_avoided": self.down.total,
            "cancers_missed": self.down.malignant,
        }


def restratify(before: FloatArray, after: FloatArray, truth: BoolArray, category: str = "4A") -> Restratification:
    """Follow the units at ``category`` before to their category after; ranks of shape (K,), NaN = not read."""
    limit = _rank_of(category)
    there = (before == limit) & np.isfinite(after)

    def moves(where: BoolArray) -> Moves:
        return Moves(int((there & where & ~truth).sum()), int((there & where & truth).sum()))

    return Restratification(moves(after < limit), moves(after == limit), moves(after > limit))


def co_decision(high_risk: BoolArray, malignant_call: BoolArray) -> NDArray[np.int64]:
    """Return what two models advise on each 4A unit: -1 down (low and benign), +1 up (high and malignant), 0 keep."""
    return np.asarray(np.where(high_risk & malignant_call, 1, np.where(~high_risk & ~malignant_call, -1, 0)), dtype=np.int64)


def restratify_by_advice(advice: NDArray[np.int64], truth: BoolArray) -> Restratification:
    """Return the re-stratification if every advice of :func:`co_decision` were followed; all units were at 4A before."""
    here = np.full(len(advice), float(_rank_of("4A")))
    return restratify(here, here + advice, truth)


@dataclass(frozen=True, slots=True)
class NetReclassification:
    """Net reclassification of calls among malignant and benign units, with the counts it is made of."""

    malignant_up: int
    malignant_down: int
    benign_up: int
    benign_down: int
    malignant: Estimate
    benign: Estimate
    total: Estimate
    p: float | None


def net_reclassification(before: FloatArray, after: FloatArray, truth: BoolArray, alpha: float = 0.05) -> NetReclassification:
    """Return the net reclassification improvement of binary calls (or ranks) from ``before`` to ``after``.

    For malignant units up is right, for benign ones down. Variances as Pencina et al., Stat Med 2008;27:157, with the
    paired form (p_up + p_down - (p_up - p_down)^2) / n.
    """
    both = np.isfinite(before) & np.isfinite(after)
    up, down = both & (after > before), both & (after < before)
    n1, n0 = int((both & truth).sum()), int((both & ~truth).sum())
    mal_up, mal_down = int((up & truth).sum()), int((down & truth).sum())
    ben_up, ben_down = int((up & ~truth).sum()), int((down & ~truth).sum())
    method = "paired counts, normal"

    def part(gain: int, loss: int, n: int) -> tuple[float, float]:
        if n == 0:
            return math.nan, math.nan
        net = (gain - loss) / n
        return net, ((gain + loss) / n - net**2) / n

    mal, var_mal = part(mal_up, mal_down, n1)
    ben, var_ben = part(ben_down, ben_up, n0)
    total = normal_estimate(mal + ben, var_mal + var_ben, method, alpha)
    p = two_sided_normal((mal + ben) / total.se) if total.se else None
    empty = not_estimable(method, "there are no units of this class")
    return NetReclassification(
        mal_up,
        mal_down,
        ben_up,
        ben_down,
        malignant=normal_estimate(mal, var_mal, method, alpha) if n1 else empty,
        benign=normal_estimate(ben, var_ben, method, alpha) if n0 else empty,
        total=total,
        p=p,
    )
