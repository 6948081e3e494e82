"""Cases that come a second time within a round, so that a reader's agreement with himself can be measured.

Rules
-----
* Which cases come again is drawn from the seed and the round alone: the same cases for every reader; where they stand is drawn
  for each reader.
* Between the two readings of a case lie at least ``min_gap`` places: the second stands that many places after the first or more.
* In the order of a round such a case simply stands twice; the first reading is the one that counts where one is needed (a round
  derived from the answers, the answer that a later round refines).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """Which cases of a round come again: a share or a number of them, drawn, or these."""

    share: float = 0.0
    sample: int = 0
    cases: tuple[str, ...] = ()
    min_gap: int = 10


def wanted(rule: RepeatRule, cases: Sequence[str], shuffled: Callable[[Sequence[str]], tuple[str, ...]]) -> tuple[str, ...]:
    """Return the cases that come again, in the order in which ``shuffled`` (fed by the seed and the round) draws them."""
    if rule.cases:
        return shuffled(sorted(rule.cases))
    count = rule.sample or max(1, floor(rule.share * len(cases) + 0.5))
    return shuffled(sorted(cases))[:count]


def wrong_rule(rule: RepeatRule, cases: Sequence[str]) -> str:
    """Return why a rule cannot be kept over these cases, or an empty text."""
    strange = sorted(set(rule.cases) - set(cases))
    if strange:
        return f"case {strange[0]} is not in the round"
    count = len(rule.cases) or rule.sample or max(1, floor(rule.share * len(cases) + 0.5))
    if count > len(cases):
        return f"{count} cases cannot be repeated, the round has {len(cases)}"
    if count > len(cases) - rule.min_gap + 1:
        return f"{count} repeats {rule.min_gap} places apart do not fit into {len(cases)} cases"
    return ""


def with_repeats(order: Sequence[str], again: Sequence[str], min_gap: int, below: Callable[[int], int]) -> tuple[str, ...]:
    """Return the order with the cases of ``again`` standing twice, the second time ``min_gap`` places or more after the first.

    Parameters
    ----------
    order : sequence of str
        The shuffled order, every case once.
    again : sequence of str
        Which come again; :func:`wrong_rule` must have let them through.
    min_gap : int
        Least distance in places.
    below : callable
        Draws a whole number below its argument.
    """
    placed = list(order)
    latest = len(placed) - min_gap  # a case first met behind this place could not come again far enough behind itself
    for case_id in again:
        here = placed.index(case_id)
        if here > latest:
            free = [place for place in range(latest + 1) if placed[place] not in again]
            other = free[below(len(free))]
            placed[here], placed[other] = placed[other], placed[here]
    for case_id in again:
        earliest = placed.index(case_id) + min_gap
        placed.insert(earliest + below(len(placed) - earliest + 1), case_id)
    return tuple(placed)
