"""Proportions, F1, Youden's index: hand-worked numbers, coverage, edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from reader_app.analysis.accuracy import (
    Counts,
    accuracy,
    clustered_accuracy,
    clustered_proportion,
    count,
    f1,
    limits,
    proportion,
)


def test_wilson_by_hand():
    """Newcombe 1998 Stat Med 17:857, Table I: 81/263 gives 0.2553 to 0.3662 (Wilson), 15/148 gives 0.0624 to 0.1605."""
    assert limits(81, 263, "wilson") == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert limits(15, 148, "wilson") == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert limits(81, 263, "exact") == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert limits(81, 263, "wald") == pytest.approx((0.2522, 0.3638), abs=5e-5)
    assert limits(0, 20, "wilson") == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_edges_are_explained_not_invented():
    assert proportion(0, 0).estimate is None and "denominator" in proportion(0, 0).reason
    wald = proportion(20, 20, "wald")
    assert (wald.estimate, wald.lower) == (1.0, None) and "no width" in wald.reason
    perfect = accuracy(Counts(tp=5, fp=0, tn=7, fn=0))
    assert perfect.sensitivity.lower == pytest.approx(limits(5, 5)[0])
    assert perfect.f1.estimate == 1.0 and perfect.f1.lower < 1.0
    assert accuracy(Counts(0, 0, 7, 0)).f1.estimate is None
    assert accuracy(Counts(0, 3, 7, 0)).youden_index.estimate is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_counts_and_f1_equal_sklearn(pairs):
    call, truth = (np.array(v) for v in zip(*pairs, strict=True))
    counts = count(call.astype(float), truth)
    assert counts.tp + counts.fp + counts.tn + counts.fn == len(pairs)
    value = f1(counts)
    if counts.tp + counts.fp + counts.fn:
        assert value.estimate == pytest.approx(f1_score(truth, call, zero_division=0.0))
        assert value.lower <= value.estimate + 1e-12 and value.estimate <= value.upper + 1e-12


def test_f1_standard_error_equals_simulation():
    counts = Counts(tp=60, fp=25, tn=90, fn=25)
    rng = np.random.default_rng(1)
    n = 200
    draws = rng.multinomial(n, np.array([60, 25, 90, 25]) / n, size=40_000)
    simulated = (2 * draws[:, 0] / (2 * draws[:, 0] + draws[:, 1] + draws[:, 3])).std()
    assert f1(counts).se == pytest.approx(simulated, rel=0.02)


def test_youden_wald_is_the_plain_sum_of_variances():
    result = accuracy(Counts(tp=40, fp=12, tn=48, fn=10), "wald").youden_index
    se = math.sqrt(0.8 * 0.2 / 50 + 0.8 * 0.2 / 60)
    assert (result.estimate, result.se) == pytest.approx((0.6, se))
    assert (result.lower, result.upper) == pytest.approx((0.6 - 1.959964 * se, 0.6 + 1.959964 * se), abs=1e-6)


def test_clusters_of_one_change_little_and_copies_nothing():
    rng = np.random.default_rng(4)
    success = (rng.random(80) < 0.7).astype(float)
    alone = clustered_proportion(success, np.arange(80))
    plain = proportion(int(success.sum()), 80)
    assert (alone.lower, alone.upper) == pytest.approx((plain.lower, plain.upper), abs=2e-3)
    twice = clustered_proportion(np.tile(success, 2), np.tile(np.arange(80), 2))
    assert (twice.lower, twice.upper) == pytest.approx((alone.lower, alone.upper), abs=1e-12)
    assert clustered_proportion(success[:3], np.zeros(3, dtype=int)).lower is None


def test_clustered_accuracy_keeps_the_estimates_and_leaves_missing_out():
    call = np.array([1, 0, np.nan, 1, 1, 0], float)
    truth = np.array([1, 1, 1, 0, 1, 0], bool)
    result = clustered_accuracy(call, truth, np.array([0, 0, 1, 1, 2, 2]))
    assert (result.counts.tp, result.counts.fp, result.counts.tn, result.counts.fn) == (2, 1, 1, 1)
    assert result.sensitivity.estimate == pytest.approx(2 / 3)


def test_coverage_of_clustered_intervals_and_failure_of_the_naive_ones():
    """400 simulated studies of 60 patients with four alike lesions: the robust interval covers, the naive one does not."""
    rng = np.random.default_rng(7)
    robust = naive = 0
    for _ in range(400):
        p = rng.beta(0.7, 0.3, size=60)
        success = (rng.random((60, 4)) < p[:, None]).astype(float).ravel()
        cluster = np.repeat(np.arange(60), 4)
        one = clustered_proportion(success, cluster)
        two = proportion(int(success.sum()), 240)
        robust += one.lower <= 0.7 <= one.upper
        naive += two.lower <= 0.7 <= two.upper
    assert robust / 400 > 0.92
    assert naive / 400 < 0.90
