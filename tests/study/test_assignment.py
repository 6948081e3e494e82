"""Orders: seeded, stable on every platform, different between rounds and readers, independent of the rows' order."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from study.protocols import LU2025, PROTOCOLS, case_list, definition_of

from reader_app.errors import StudyFileError
from reader_app.study.assignment import CounterGenerator, allocate, plan
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import parse
from reader_app.study.protocol import arms_of

GOLDEN = Path(__file__).parent / "golden" / "orders.json"


def golden_orders() -> dict[str, object]:
    """Return what the golden file holds; written once, it guards old studies against a change of the algorithm."""
    orders: dict[str, object] = {}
    for name in sorted(PROTOCOLS):
        for reader in ("r1", "r2", "읽는이"):
            settled = plan(
                definition_of(name), case_list(12), Reader(reader, arm="A" if name == "crossover" else ""), "study-hash"
            )
            orders[f"{name} {reader}"] = {"hash": settled.plan_hash, "orders": [list(entry.order) for entry in settled.rounds]}
    return orders


def test_orders_are_those_of_the_golden_file() -> None:
    assert golden_orders() == json.loads(GOLDEN.read_text(encoding="utf-8"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=strategies.integers(0, 2**40), count=strategies.integers(3, 30), shuffle=strategies.randoms())
def test_orders_are_complete_and_do_not_depend_on_rows(seed: int, count: int, shuffle: object) -> None:
    definition = replace(definition_of("lu2025"), seed=seed)
    cases = case_list(count)
    settled = plan(definition, cases, Reader("r1"), "h")
    mixed = list(cases)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    again = plan(definition, mixed, Reader("r1"), "h")
    assert settled == again and settled.plan_hash == again.plan_hash
    for entry in settled.rounds:
        assert sorted(entry.order) == sorted(case.case_id for case in cases)
    orders = [entry.order for entry in settled.rounds]
    assert len(set(orders)) == 3, "rounds of one reader have different orders"


def test_orders_differ_between_readers_seeds_and_studies() -> None:
    base = definition_of("lu2025")
    plans = [plan(base, case_list(20), Reader(f"r{number}"), "h") for number in range(20)]
    plans += [
        plan(replace(base, seed=99), case_list(20), Reader("r0"), "h"),
        plan(replace(base, study_id="x"), case_list(20), Reader("r0"), "h"),
    ]
    assert len({settled.rounds[0].order for settled in plans}) == len(plans)


def test_a_single_case_has_a_single_order() -> None:
    settled = plan(definition_of("lu2025"), case_list(1), Reader("r1"), "h")
    assert [entry.order for entry in settled.rounds] == [("c1",)] * 3


def test_rounds_as_listed_keep_the_rows() -> None:
    cases = list(reversed(case_list(5)))
    settled = plan(definition_of("crossover"), cases, Reader("r1", arm="A"), "h")
    assert settled.rounds[0].order == ("c5", "c4", "c3", "c2", "c1") != settled.rounds[1].order


def test_strata_select_the_cases() -> None:
    settled = plan(definition_of("sequential_hiding"), case_list(6), Reader("r1"), "h")
    assert sorted(settled.rounds[1].order) == ["c1", "c3", "c5"]


def test_every_order_is_equally_likely() -> None:
    # 24 orders of 4 items, 12,000 draws: chi-square with 23 degrees of freedom, 49.7 is its 99.9 % point.
    counts = Counter(CounterGenerator(f"test|{number}").shuffled("abcd") for number in range(12_000))
    assert len(counts) == 24
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 49.7


def test_generator_by_hand() -> None:
    import hashlib

    first = int.from_bytes(hashlib.sha256(b"seed|0").digest()[:8], "big")
    second = int.from_bytes(hashlib.sha256(b"seed|1").digest()[:8], "big")
    generator = CounterGenerator("seed")
    assert [generator.below(10), generator.below(7)] == [first % 10, second % 7]


def test_draws_above_the_last_full_multiple_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    from reader_app.study import assignment

    class Digest:
        def __init__(self, material: bytes) -> None:
            self.material = material

        def digest(self) -> bytes:
            return b"\xff" * 8 if self.material.endswith(b"|0") else (5).to_bytes(8, "big")

    monkeypatch.setattr(assignment.hashlib, "sha256", Digest)
    assert CounterGenerator("x").below(3) == 5 % 3  # 2**64 - 1 is above the last multiple of 3


def test_plan_hash_covers_what_a_read_depends_on() -> None:
    definition, cases = definition_of("lu2025"), case_list(4)
    base = plan(definition, cases, Reader("r1"), "h").plan_hash
    others = [
        plan(definition, cases, Reader("r2"), "h"),
        plan(definition, cases, Reader("r1"), "h2"),
        plan(definition, cases[:3], Reader("r1"), "h"),
        plan(replace(definition, display=replace(definition.display, aid_opacity=0.5)), cases, Reader("r1"), "h"),
        plan(replace(definition, timing=replace(definition.timing, min_display_ms=0)), cases, Reader("r1"), "h"),
        plan(definition, [replace(cases[0], fingerprint="e" * 64), *cases[1:]], Reader("r1"), "h"),
    ]
    assert len({base, *(other.plan_hash for other in others)}) == 7
    assert plan(definition, [replace(cases[0], clinical={"age": "50"}), *cases[1:]], Reader("r1"), "h").plan_hash == base


def test_faults_are_listed_together() -> None:
    unknown = [CaseEntry("u1", "ultrasound"), CaseEntry("u2", "abvs")]
    with pytest.raises(StudyFileError) as caught:
        plan(definition_of("sequential"), unknown, Reader("r1"), "h")
    assert len(caught.value.faults) == 2 and "breasts" in str(caught.value)
    with pytest.raises(StudyFileError, match="round 2 has no case"):
        plan(definition_of("sequential_hiding"), [CaseEntry("m", "mammography")], Reader("r1"), "h")
    with pytest.raises(StudyFileError, match="no condition for arm 'C'; use one of A, B"):
        plan(definition_of("crossover"), case_list(2), Reader("r1", arm="C"), "h")


def test_arms_may_be_shown_different_models_in_one_round() -> None:
    document = {
        **LU2025,
        "rounds": [
            {"number": 1, "condition": "aided_concurrent", "aid": {"A": "LH", "B": "BM"}},
            {"number": 2, "condition": "unaided"},
        ],
    }
    definition = parse(document)
    assert arms_of(definition.rounds) == ("A", "B")
    dealt = allocate(definition, [Reader(f"r{number}") for number in range(4)])
    assert sorted(reader.arm for reader in dealt) == ["A", "A", "B", "B"]
    shown = {arm: [entry.aid for entry in plan(definition, case_list(2), Reader("r1", arm=arm), "h").rounds] for arm in "AB"}
    assert shown == {"A": ["LH", None], "B": ["BM", None]}
    with pytest.raises(StudyFileError, match="round 1 has no aid for arm 'C'; use one of A, B"):
        plan(definition, case_list(2), Reader("r1", arm="C"), "h")


def test_rounds_are_found_by_number() -> None:
    settled = plan(definition_of("lu2025"), case_list(2), Reader("r1"), "h")
    assert settled.round(2).aid == "LH"
    with pytest.raises(KeyError):
        settled.round(4)
