"""Order of suspicion of the categories."""

from __future__ import annotations

import pytest

from reader_app.study.assessment import CATEGORIES, LIKELIHOOD, is_positive, rank


def test_order_of_suspicion() -> None:
    assert [rank(category) for category in ("1", "2", "3", "4A", "4B", "4C", "5", "6")] == list(range(1, 9))
    assert rank("4") == rank("4A") and rank("0") is None
    assert set(LIKELIHOOD) == set(CATEGORIES)
    with pytest.raises(ValueError, match="not a BI-RADS category"):
        rank("4a")


def test_positive_from() -> None:
    assert is_positive("4A", "4A") and not is_positive("3", "4A") and is_positive("0", "4A") is None
    with pytest.raises(ValueError, match="cannot be 0"):
        is_positive("5", "0")
