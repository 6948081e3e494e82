"""A growing mapping is a dict in all it says, and no version ever sees what another adds."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies

from reader_app.study.growing import Growing


@given(steps=strategies.lists(strategies.tuples(strategies.integers(0, 30), strategies.integers(0, 5), strategies.integers())))
def test_every_version_stays_what_it_was(steps: list[tuple[int, int, int]]) -> None:
    """Any version may be extended at any time, also twice and with a key that it holds."""
    versions: list[tuple[Growing[int, int], dict[int, int]]] = [(Growing(), {})]
    for which, key, value in steps:
        grown, model = versions[which % len(versions)]
        versions.append((grown.extended(key, value), {**model, key: value}))
    for grown, model in versions:
        assert grown == model and model == grown
        assert list(grown.items()) == list(model.items()) and len(grown) == len(model)
        assert [grown.get(key) for key in range(6)] == [model.get(key) for key in range(6)]


def test_it_begins_with_what_it_is_given() -> None:
    grown = Growing({"a": 1}).extended("b", 2)
    assert repr(grown) == "Growing({'a': 1, 'b': 2})"
    with pytest.raises(KeyError):
        grown["c"]


def test_a_long_chain_shares_one_table() -> None:
    grown: Growing[int, int] = Growing()
    first = grown
    for number in range(100):
        grown = grown.extended(number, number)
    assert grown._table is first._table and len(first) == 0 and 5 not in first and 5 in grown
