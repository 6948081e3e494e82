"""Every statistic against a second implementation: values from R and irrCAC (see the file), sklearn, scipy, brute force."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score, roc_auc_score
from statsmodels.stats.contingency_tables import SquareTable
from statsmodels.stats.inter_rater import cohens_kappa

from reader_app.analysis import agreement as agr
from reader_app.analysis import mcnemar as mcn
from reader_app.analysis import mixed, roc, timing

REFERENCE = json.loads((Path(__file__).parent / "reference_values.json").read_text())


# --- ROC -----------------------------------------------------------------------------------------------------------------


def _roc_data():
    data = REFERENCE["roc"]
    return np.array(data["a"], float), np.array(data["b"], float), np.array(data["truth"], bool), data


def test_delong_equals_proc():
    a, b, truth, expected = _roc_data()
    parts = roc.placements(np.stack([a, b]), truth)
    covariance = roc.delong_covariance(parts)
    assert parts.auc == pytest.approx([expected["auc_a"], expected["auc_b"]], rel=1e-12)
    assert covariance[0, 0] == pytest.approx(expected["var_a"], rel=1e-10)
    assert covariance[1, 1] == pytest.approx(expected["var_b"], rel=1e-10)
    assert covariance[0, 1] == pytest.approx(expected["cov"], rel=1e-10)
    result = roc.compare(a, b, truth)
    assert (result.z, result.p) == pytest.approx((expected["z"], expected["p"]), rel=1e-10)
    estimate = roc.auc(a, truth)
    assert (estimate.lower, estimate.estimate, estimate.upper) == pytest.approx(tuple(expected["ci_a"]), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), min_size=6, max_size=30))
def test_area_and_variance_equal_brute_force(rows):
    a, b, truth = (np.array(v) for v in zip(*rows, strict=True))
    truth = truth.astype(bool)
    if truth.sum() < 2 or (~truth).sum() < 2:
        return
    ratings = np.stack([a, b]).astype(float)
    parts = roc.placements(ratings, truth)
    psi = [(r[truth][:, None] > r[~truth][None]) + 0.5 * (r[truth][:, None] == r[~truth][None]) for r in ratings]
    for t in range(2):
        assert parts.auc[t] == pytest.approx(psi[t].mean(), abs=1e-12)
        assert parts.auc[t] == pytest.approx(roc_auc_score(truth, ratings[t]), abs=1e-12)
    n1, n0 = psi[0].shape
    v10, v01 = [p.mean(axis=1) for p in psi], [p.mean(axis=0) for p in psi]
    slow = np.cov(v10) / n1 + np.cov(v01) / n0
    assert roc.delong_covariance(parts) == pytest.approx(slow, abs=1e-12)


def test_binary_reading_has_the_closed_form():
    truth = np.repeat([True, False], [40, 60])
    call = np.concatenate([np.repeat([1.0, 0.0], [30, 10]), np.repeat([1.0, 0.0], [12, 48])])
    se, sp = 0.75, 0.8
    estimate = roc.auc(call, truth)
    assert estimate.estimate == pytest.approx((se + sp) / 2)
    assert estimate.se**2 == pytest.approx((se * (1 - se) / 39 + sp * (1 - sp) / 59) / 4, rel=1e-12)


def test_clustered_covariance_of_single_units_is_near_delong_and_doubled_units_have_double_variance():
    a, b, truth, _ = _roc_data()
    parts = roc.placements(np.stack([a, b]), truth)
    alone = roc.clustered_covariance(parts, truth, np.arange(len(truth)))
    assert alone == pytest.approx(roc.delong_covariance(parts), rel=1e-9)
    twice = roc.placements(np.tile(np.stack([a, b]), 2), np.tile(truth, 2))
    clustered = roc.clustered_covariance(twice, np.tile(truth, 2), np.tile(np.arange(len(truth)), 2))
    assert clustered == pytest.approx(alone, rel=1e-9)  # copies bring no information
    assert roc.delong_covariance(twice)[0, 0] < 0.55 * clustered[0, 0]  # which the unclustered variance overlooks


def test_partial_covariance_without_gaps_is_delong_and_with_gaps_close_to_the_overlap():
    a, b, truth, _ = _roc_data()
    ratings = np.stack([a, b])
    areas, covariance = roc.partial_covariance(ratings, truth)
    assert covariance == pytest.approx(roc.delong_covariance(roc.placements(ratings, truth)), rel=1e-12)
    gaps = ratings.copy()
    gaps[0, [3, 17]] = np.nan
    areas, covariance = roc.partial_covariance(gaps, truth)
    own = roc.auc(gaps[0], truth)
    assert areas[0] == pytest.approx(own.estimate)
    assert covariance[0, 0] == pytest.approx(own.se**2, rel=1e-9)
    assert (covariance == covariance.T).all()


def test_perfect_and_identical_readings_give_reasons_not_p_values():
    truth = np.repeat([True, False], [5, 7])
    perfect = truth.astype(float)
    estimate = roc.auc(perfect, truth)
    assert estimate.estimate == 1.0
    assert estimate.se is None and estimate.lower is None
    assert "variance is zero" in estimate.reason
    result = roc.compare(perfect, perfect, truth)
    assert result.p is None and result.z is None
    assert roc.auc(perfect[truth], truth[truth]).estimate is None
    assert "benign" in roc.auc(perfect[truth], truth[truth]).reason


def test_curve_points_and_youden_with_ties():
    truth = np.array([1, 1, 1, 0, 0, 0], bool)
    ratings = np.array([3.0, 2, 2, 2, 1, 1])
    points = roc.curve(ratings, truth)
    assert points.threshold.tolist() == [math.inf, 3, 2, 1]
    assert points.tpr.tolist() == pytest.approx([0, 1 / 3, 1, 1])
    assert points.fpr.tolist() == pytest.approx([0, 0, 1 / 3, 1])
    best = roc.youden(points)
    assert (best.threshold, best.j) == (2, pytest.approx(2 / 3))
    tied = roc.youden(roc.curve(np.array([2.0, 1, 1, 0]), np.array([True, True, False, False])))
    assert (tied.threshold, tied.others) == (1.0, (2.0,))  # both have J = 0.5: the lowest is reported, the other beside it


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), min_size=12, max_size=12), min_size=1, max_size=4))
def test_average_curve_keeps_the_mean_area(readers):
    truth = np.arange(12) % 2 == 0
    curves = [roc.curve(np.array(r, float), truth) for r in readers]
    fpr, tpr = roc.average_curve(curves)
    area = float(np.trapezoid(tpr, fpr))
    assert area == pytest.approx(np.mean([roc_auc_score(truth, r) for r in readers]), abs=1e-12)
    assert (np.diff(fpr) >= 0).all() and (np.diff(tpr) >= -1e-12).all()


# --- Agreement -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["complete", "missing"])
@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_multirater_coefficients_equal_irrcac(name, weights):
    codes = np.array(REFERENCE["agreement"][name])
    expected = REFERENCE["agreement"]["reference"][name][{"none": "identity"}.get(weights, weights)]
    found = {
        "gwet": agr.gwet(codes, 6, weights)[1],
        "krippendorff": agr.krippendorff(codes, 6, weights)[1],
    }
    if weights == "none" and name == "complete":
        found["fleiss"] = agr.fleiss(codes, 6).value
    for method, estimate in found.items():
        value = expected[method]
        assert estimate.estimate == pytest.approx(value["coefficient_value"], abs=1e-12), method
        assert estimate.se == pytest.approx(value["se"], abs=1e-12), method
        assert [estimate.lower, estimate.upper] == pytest.approx(value["confidence_interval"], abs=1e-11), method


@pytest.mark.parametrize("name", ["complete", "missing"])
def test_krippendorff_metrics_equal_the_krippendorff_package(name):
    codes = np.array(REFERENCE["agreement"][name])
    expected = REFERENCE["agreement"]["reference"][name]
    for weights, metric in (("none", "nominal"), ("quadratic", "interval"), ("ordinal", "ordinal")):
        value = agr.krippendorff(codes, 6, weights)[1].estimate
        assert value == pytest.approx(expected[f"{metric}_metric"], abs=1e-12), weights


def test_cohen_equals_vcd_and_sklearn():
    codes = np.array(REFERENCE["agreement"]["complete"])
    table = agr.cross_table(codes[:, 0], codes[:, 1], 6)
    for weights, key, sklearn in (("none", "unw", None), ("linear", "w", "linear"), ("quadratic", "w", "quadratic")):
        result = agr.cohen(table, weights)
        value, ase = REFERENCE["kappa"]["linear" if weights == "none" else weights][key]
        assert result.value.estimate == pytest.approx(value, rel=1e-10)
        assert result.value.se == pytest.approx(ase, rel=1e-9)
        own = cohen_kappa_score(codes[:, 0], codes[:, 1], weights=sklearn, labels=range(6))
        assert result.value.estimate == pytest.approx(own, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=16, max_size=16), st.sampled_from(["none", "linear", "quadratic"]))
def test_cohen_equals_statsmodels(cells, weights):
    table = np.array(cells).reshape(4, 4) + np.eye(4, dtype=int)
    with np.errstate(invalid="ignore"):
        expected = cohens_kappa(table, wt=None if weights == "none" else weights)
    found = agr.cohen(table, weights)
    assert found.value.estimate == pytest.approx(expected.kappa, abs=1e-12)
    if expected.kappa < 1 - 1e-12:
        assert found.value.se == pytest.approx(math.sqrt(expected.var_kappa), rel=1e-7)
    else:
        assert found.value.se is None and found.value.reason == "the variance is zero"
    assert found.z == pytest.approx(expected.kappa / math.sqrt(expected.var_kappa0), rel=1e-9, abs=1e-12)


def test_fleiss_worked_example():
    """The widely printed table of 14 raters, 10 subjects and 5 categories: kappa 0.210 (method of Fleiss 1971)."""
    counts = np.array(
        [[0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
         [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]]
    )  # fmt: skip
    codes = np.array([np.repeat(np.arange(5), row) for row in counts])
    result = agr.fleiss(codes, 5)
    assert result.value.estimate == pytest.approx(0.20993, abs=1e-5)
    p = counts.sum(axis=0) / counts.sum()
    pq = (p * (1 - p)).sum()
    se = math.sqrt(2 / (10 * 14 * 13)) * math.sqrt(pq**2 - (p * (1 - p) * (1 - 2 * p)).sum()) / pq
    assert result.z == pytest.approx(result.value.estimate / se, rel=1e-12)


def test_unused_categories_of_the_scale_matter_for_weights_in_between():
    a, b = np.array([0, 0, 2, 2, 2, 0, 3, 3]), np.array([0, 2, 2, 2, 0, 0, 3, 2])
    full = agr.cohen(agr.cross_table(a, b, 4), "linear").value.estimate
    squeezed = {0: 0, 2: 1, 3: 2}
    small = agr.cohen(agr.cross_table(*(np.array([squeezed[v] for v in x]) for x in (a, b)), 3), "linear").value.estimate
    assert full != pytest.approx(small, abs=1e-3)


def test_alike_ratings_are_not_estimable():
    same = np.zeros((6, 3), dtype=np.int64)
    assert agr.cohen(agr.cross_table(same[:, 0], same[:, 1], 6)).value.estimate is None
    assert agr.fleiss(same, 6).value.estimate is None
    assert agr.krippendorff(same, 6)[1].estimate is None
    ac1 = agr.gwet(same, 6)[1]
    assert ac1.estimate == 1.0 and ac1.se is None


WORDS = {-0.1: "poor", 0: "slight", 0.2: "slight", 0.21: "fair", 0.6: "moderate", 0.61: "substantial", 0.81: "almost perfect"}


@pytest.mark.parametrize(("kappa", "word"), WORDS.items())
def test_words(kappa, word):
    assert agr.words(kappa) == word


def test_bowker_drops_empty_pairs_and_equals_mcnemar_for_two_categories():
    table = np.array([[10, 3, 0], [9, 8, 0], [0, 0, 5]])
    result = agr.bowker(table)
    assert (result.df, result.statistic) == (1, pytest.approx((3 - 9) ** 2 / 12))
    assert result.p == pytest.approx(mcn.mcnemar(3, 9).p_asymptotic)
    margins = agr.stuart_maxwell(table)
    assert (margins.df, margins.statistic) == (1, pytest.approx(result.statistic))


def test_stuart_maxwell_equals_statsmodels_and_survives_unused_categories():
    rng = np.random.default_rng(6)
    table = rng.integers(1, 12, size=(5, 5))
    expected = SquareTable(table.astype(float), shift_zeros=False).homogeneity(method="stuart_maxwell")
    result = agr.stuart_maxwell(table)
    assert (result.statistic, result.p, result.df) == pytest.approx((expected.statistic, expected.pvalue, 4), rel=1e-9)
    padded = np.zeros((7, 7), dtype=int)
    padded[np.ix_([0, 2, 3, 5, 6], [0, 2, 3, 5, 6])] = table
    assert agr.stuart_maxwell(padded).statistic == pytest.approx(result.statistic, rel=1e-9)
    apart = np.zeros((4, 4), dtype=int)  # two pairs of categories without exchange: two free differences
    apart[:2, :2], apart[2:, 2:] = [[5, 2], [7, 5]], [[5, 1], [4, 5]]
    assert agr.stuart_maxwell(apart).df == 2
    assert agr.stuart_maxwell(apart).statistic == pytest.approx((2 - 7) ** 2 / 9 + (1 - 4) ** 2 / 5)
    assert agr.stuart_maxwell(np.diag([3, 4, 5])).p is None and agr.bowker(np.diag([3, 4])).p is None


# --- McNemar -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("b", "c"), list(itertools.product(range(0, 12, 3), range(0, 12, 4))))
def test_mcnemar_equals_the_binomial_test(b, c):
    result = mcn.mcnemar(b, c)
    if b + c == 0:
        assert (result.p, result.p_asymptotic) == (1.0, None)
    else:
        assert result.p == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue, rel=1e-9)


def test_clustered_mcnemar_of_single_pairs_is_the_chi_square_and_copies_change_nothing():
    first = np.array([1, 1, 1, 0, 0, 1, 1, 1, 0, 1], float)
    second = np.array([0, 0, 1, 0, 1, 0, 1, 0, 0, 1], float)
    n = len(first)
    alone = mcn.clustered(first, second, np.arange(n))
    z = (4 - 1) / math.sqrt(5 * n / (n - 1))
    assert alone == pytest.approx(2 * stats.norm.sf(z), rel=1e-12)
    assert mcn.clustered(np.tile(first, 3), np.tile(second, 3), np.tile(np.arange(n), 3)) == pytest.approx(alone)
    assert mcn.clustered(first, first, np.arange(n)) is None


# --- Times ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=2, max_size=9), st.sampled_from(["wilcox", "pratt"]))
def test_signed_rank_equals_enumeration(values, zeros):
    d = np.array(values, float)
    result = timing.wilcoxon(d, np.zeros_like(d), zeros=zeros)
    kept = d[d != 0] if zeros == "wilcox" else d
    ranks = stats.rankdata(np.abs(kept))[kept != 0] if len(kept) else np.array([])
    if len(ranks) == 0:
        assert result.p is None
        return
    v = ranks[kept[kept != 0] > 0].sum()
    every = np.array([np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(ranks))])
    slow = min(1.0, 2 * min((every <= v + 1e-9).mean(), (every >= v - 1e-9).mean()))
    assert result.p == pytest.approx(slow, abs=1e-12)
    assert result.statistic == pytest.approx(v)


def test_signed_rank_without_ties_equals_scipy_exact_and_the_interval_of_r():
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=20), rng.normal(size=20) - 0.5
    result = timing.wilcoxon(first, second)
    assert result.p == pytest.approx(stats.wilcoxon(first, second, method="exact").pvalue, rel=1e-10)
    # Hollander & Wolfe's depression data (R: wilcox.test(x, y, paired = TRUE, conf.int = TRUE)): V = 40, p = 0.03906,
    # pseudomedian 0.46, 95 % interval 0.01 to 0.786.
    x = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    y = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    result = timing.wilcoxon(x, y)
    assert (result.statistic, result.p) == (40, pytest.approx(0.0390625))
    estimate = result.difference
    assert (estimate.estimate, estimate.lower, estimate.upper) == pytest.approx((0.46, 0.010, 0.786), abs=1e-9)


def test_signed_rank_of_many_pairs_is_near_the_exact_one(monkeypatch):
    rng = np.random.default_rng(1)
    d = rng.normal(size=290) + 0.1
    exact = timing.wilcoxon(d, np.zeros(290)).p
    monkeypatch.setattr(timing, "EXACT_UP_TO", 10)
    assert timing.wilcoxon(d, np.zeros(290)).p == pytest.approx(exact, rel=0.01)


def test_paired_t_equals_scipy_and_refuses_constant_differences():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=15), rng.normal(size=15)
    expected = stats.ttest_rel(a, b)
    result = timing.paired_t(a, b)
    assert (result.statistic, result.p, result.df) == pytest.approx((expected.statistic, expected.pvalue, 14))
    interval = expected.confidence_interval()
    assert (result.difference.lower, result.difference.upper) == pytest.approx((interval.low, interval.high))
    constant = timing.paired_t(np.arange(5.0) + 2, np.arange(5.0))
    assert constant.p is None and constant.difference.estimate == 2.0 and constant.difference.reason


def test_mixed_model_equals_lme4():
    expected = REFERENCE["mixed"]
    rows = np.array(expected["rows"])
    x = np.column_stack([np.ones(len(rows)), rows[:, 2]])
    found = mixed.fit(rows[:, 3], x, rows[:, 0].astype(int), rows[:, 1].astype(int))
    assert found.beta == pytest.approx(expected["beta"], rel=1e-6)
    assert found.se[1] == pytest.approx(expected["se"][1], rel=1e-5)
    assert found.criterion <= expected["criterion"] + 1e-6  # REML deviance: no worse than lme4's optimum
    for name in ("reader", "case", "residual"):
        assert getattr(found, name) == pytest.approx(expected[name], rel=1e-3)


def test_balanced_mixed_model_has_the_closed_form_and_none_without_variation():
    rng = np.random.default_rng(3)
    readers, cases = np.repeat(np.arange(5), 40), np.tile(np.repeat(np.arange(20), 2), 5)
    treated = np.tile([0.0, 1.0], 100)
    y = 3 + rng.normal(size=5)[readers] + 0.5 * rng.normal(size=20)[cases] + 0.2 * treated + 0.3 * rng.normal(size=200)
    found = mixed.fit(y, np.column_stack([np.ones(200), treated]), readers, cases)
    difference = y[treated == 1].mean() - y[treated == 0].mean()
    assert found.beta[1] == pytest.approx(difference, rel=1e-10)
    assert found.se[1] == pytest.approx(math.sqrt(found.residual * 2 / 100), rel=1e-10)
    assert mixed.fit(np.ones(200), np.column_stack([np.ones(200), treated]), readers, cases) is None
