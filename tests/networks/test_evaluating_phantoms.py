"""Phantoms as cohorts: held-out ones, those of another machine, those a bundle learnt from."""

from __future__ import annotations

import numpy as np

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.imaging import phantoms
from reader_app.networks import classifier_train, evaluation, phantom_samples


def test_cohorts_of_a_shipped_bundle() -> None:
    own = bundles.load(paths.resource("bundles") / "kim2021")
    cases = list(evaluation._cases("ultrasound", 9, 1, [own]))
    seeds = {cohort: [s for c, _, s, _ in cases if c == cohort] for cohort in ("internal", "external", "training")}
    assert {k: len(v) for k, v in seeds.items()} == {"internal": 9, "external": 3, "training": 3}
    assert len({case_id for _, case_id, _, _ in cases}) == len(cases)
    first = classifier_train.TRAIN_SEED + own.manifest["settings"]["seed"] * 100_000
    assert seeds["training"] == [first, first + 1, first + 2]
    assert min(seeds["internal"] + seeds["external"]) >= evaluation.FIRST_SEED + 100_000
    assert not set(seeds["internal"]) & set(seeds["external"])
    learnt = np.asarray(phantom_samples.make_case("ultrasound", seeds["training"][0]).images[0].array)
    assert np.array_equal(np.asarray(evaluation.one_case("ultrasound", seeds["training"][0]).images[0].array), learnt)
    assert {c for c, *_ in evaluation._cases("abvs", 9, 1, [own])} == {"internal"}


def test_another_machine_shows_the_same_woman_otherwise() -> None:
    here, there = (evaluation.one_case("ultrasound", evaluation.FIRST_SEED + 7, elsewhere=e) for e in (False, True))
    assert here.truth == there.truth and here.clinical == there.clinical
    (one,), (other,) = here.images, there.images
    assert one.spacing_mm != other.spacing_mm and one.array.shape != other.array.shape
    assert np.asarray(other.array).mean() > np.asarray(one.array).mean() + 5


def test_more_lesions_at_4a_are_sought_for_the_co_decision() -> None:
    own = bundles.load(paths.resource("bundles") / "DLR_BM")
    sought = [seed for cohort, _, seed, _ in evaluation._cases("ultrasound", 12, 1, [own]) if cohort == "4A"]
    assert len(sought) == len(set(sought)) == 4
    assert evaluation.one_case("ultrasound", sought[0]).category == "4A"
    categories = [phantoms.ultrasound_category(seed) for seed in range(60)]
    assert categories[:3] == [evaluation.one_case("ultrasound", seed).category for seed in range(3)] and len(set(categories)) > 2


def test_rows_carry_their_cohort_and_embeddings_are_of_internal_cases() -> None:
    found = evaluation.phantom_rows("lu2025", 3, wish="cpu")
    assert {r["cohort"] for r in found.rows} == {"internal", "external", "training", "4A"}
    at_4a = [r for r in found.rows if r["variant"] == "DLR_BM@4A"]
    assert len(at_4a) >= 2 and {r["cohort"] for r in at_4a} == {"internal"}
    assert {"DLR_LH", "DLR_LH/embedding", "DLR_BM", "DLR_BM/embedding"} <= {r["variant"] for r in found.rows}
    cases = ["P0001", "P0002", "P0003"]
    assert {m: sorted(known) for m, known in found.embeddings.items()} == {"DLR_BM": cases, "DLR_LH": cases}
    assert "3 internal" in found.source and "2 training" in found.source
