"""BI-RADS categories, score scale and the units a reader judges."""

from __future__ import annotations

# ACR BI-RADS, 5th edition. Order of suspicion; plain 4 ranks with 4A, 0 (incomplete) has no rank.
CATEGORIES: tuple[str, ...] = ("0", "1", "2", "3", "4", "4A", "4B", "4C", "5", "6")
_RANK = {"1": 1, "2": 2, "3": 3, "4": 4, "4A": 4, "4B": 5, "4C": 6, "5": 7, "6": 8}

#: Likelihood of malignancy as the manual states it, for display beside a category.
LIKELIHOOD: dict[str, str] = {
    "0": "incomplete", "1": "negative", "2": "benign", "3": "probably benign, ≤ 2 %", "4": "suspicious, 2–95 %",
    "4A": "low suspicion, 2–10 %", "4B": "moderate suspicion, 10–50 %", "4C": "high suspicion, 50–95 %",
    "5": "highly suggestive, ≥ 95 %", "6": "biopsy-proven",
}  # fmt: skip

#: The units of an assessment: the whole case, or each breast.
CASE_UNIT = "case"
BREAST_UNITS: tuple[str, ...] = ("R", "L")


def rank(category: str) -> int | None:
    """Return the order of suspicion of a category (1 lowest), or None for ``"0"``.

    Raises
    ------
    ValueError
        If ``category`` is not one of :data:`CATEGORIES`.
    """
    if category not in CATEGORIES:
        raise ValueError(f"{category!r} is not a BI-RADS category ({', '.join(CATEGORIES)})")
    return _RANK.get(category)


def is_positive(category: str, positive_from: str) -> bool | None:
    """Return whether ``category`` is at or above ``positive_from``; None for ``"0"``."""
    own = rank(category)
    limit = rank(positive_from)
    if limit is None:
        raise ValueError("the positive category cannot be 0")
    return None if own is None else own >= limit
