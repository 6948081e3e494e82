"""Multi-reader analyses: a published example, identities between engines, brute force, null rejection, edges."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reader_app.analysis import covariance as cov
from reader_app.analysis import gallas as gal
from reader_app.analysis import mrmc, power, roc, timing
from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options


def _ratings(i=2, j=4, k=60, seed=1, gain=0.4, levels=None):
    rng = np.random.default_rng(seed)
    truth = np.arange(k) % 5 < 2
    x = truth * 1.2 + 0.6 * rng.normal(size=k) + 0.3 * rng.normal(size=(1, j, 1)) * truth + 0.8 * rng.normal(size=(i, j, k))
    x[0] += gain * truth
    return (np.round(x * levels) / levels if levels else x), truth


def _patterned(var, cov1, cov2, cov3, i, j):
    c = np.full((i, j, i, j), cov3)
    for a, b, p, q in itertools.product(range(i), range(j), range(i), range(j)):
        if (a, b) == (p, q):
            c[a, b, p, q] = var
        elif b == q:
            c[a, b, p, q] = cov1
        elif a == p:
            c[a, b, p, q] = cov2
    return c.reshape(i * j, i * j)


def test_van_dyke_as_printed_by_mrmcaov():
    """Van Dyke et al. 1993, cine against spin-echo MRI, 5 readers, 114 cases: the example of the MRMCaov user guide.

    From the printed areas and error components (jackknife): MS(T) 0.004796, MS(T:R) 0.000551, F 4.456 on 1 and 15.26 degrees of
    freedom, p 0.0517; with cases fixed p 0.0420.
    """
    areas = np.array(
        [
            [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
            [0.94783682, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
        ]
    )
    c = _patterned(0.0008022883, 0.0003466137, 0.0003440748, 0.0002390284, 2, 5)
    result = mrmc.obuchowski_rockette(areas, c, "jackknife")
    assert result.components["var_r"] == pytest.approx(0.001535, abs=2e-6)
    assert result.components["var_tr"] == pytest.approx(0.000200, abs=1e-6)
    both, cases, readers = result.analyses
    assert (both.f, both.df2, both.p) == pytest.approx((4.456, 15.26, 0.0517), rel=1e-3)
    difference = both.contrasts[0].difference
    assert (difference.estimate, difference.lower, difference.upper) == pytest.approx((-0.0438, -0.0880, 0.0004), abs=5e-5)
    assert readers.p == pytest.approx(0.0420, abs=1e-4)
    assert cases.df2 is None
    assert cases.p == pytest.approx(stats.chi2.sf(cases.f, 1))


@pytest.mark.parametrize("levels", [None, 2])
def test_jackknife_in_closed_form_equals_leaving_out(levels):
    values, truth = _ratings(2, 2, 25, levels=levels)
    flat = values.reshape(4, 25)
    closed = cov.auc_leave_one_out(roc.placements(flat, truth), truth)
    for k in range(25):
        keep = np.arange(25) != k
        assert closed[:, k] == pytest.approx(roc.placements(flat[:, keep], truth[keep]).auc, abs=1e-12)


def test_or_jackknife_equals_dbm():
    values, truth = _ratings(3, 4, 60)
    flat = values.reshape(12, 60)
    merit = cov.auc_merit(flat, truth, "jackknife")
    theta = merit.theta.reshape(3, 4)
    one = mrmc.obuchowski_rockette(theta, merit.covariance, "jackknife")
    two = mrmc.dbm(theta, merit.leave_one_out.reshape(3, 4, 60))
    for kind in (0, 2):  # readers fixed differs: chi-square against F
        a, b = one.analyses[kind], two.analyses[kind]
        assert (a.f, a.df2, a.p) == pytest.approx((b.f, b.df2, b.p), rel=1e-9)
        for p, q in zip(a.contrasts, b.contrasts, strict=True):
            assert (p.difference.se, p.p) == pytest.approx((q.difference.se, q.p), rel=1e-9)
        for p, q in zip(a.means, b.means, strict=True):
            assert (p.estimate, p.se) == pytest.approx((q.estimate, q.se), rel=1e-9)
    fixed_or, fixed_dbm = one.analyses[1], two.analyses[1]
    assert fixed_or.contrasts[0].difference.se == pytest.approx(fixed_dbm.contrasts[0].difference.se, rel=1e-9)
    assert fixed_or.f == pytest.approx(fixed_dbm.f, rel=1e-9)
    assert fixed_dbm.df2 == 2 * 59


def test_dbm_equals_a_three_way_anova_by_regression():
    """Mean squares against projections made from dummy variables."""
    rng = np.random.default_rng(2)
    y = rng.normal(size=(2, 3, 6))
    ms = mrmc._three_way(y)
    grid = np.indices(y.shape).reshape(3, -1)
    flat = y.ravel()

    def rss(*terms):
        columns = [np.ones((len(flat), 1))]
        for term in terms:
            code = np.ravel_multi_index(tuple(grid[a] for a in term), tuple(y.shape[a] for a in term))
            columns.append(np.eye(code.max() + 1)[code])
        design = np.hstack(columns)
        return float(((flat - design @ np.linalg.lstsq(design, flat, rcond=None)[0]) ** 2).sum())

    mains = [(0,), (1,), (2,)]
    twos = [(0, 1), (0, 2), (1, 2)]
    assert ms["trc"] == pytest.approx(rss(*mains, *twos) / 10)
    for name, term, df in (("tr", (0, 1), 2), ("tc", (0, 2), 5), ("rc", (1, 2), 10)):
        others = [t for t in twos if t != term]
        assert ms[name] == pytest.approx((rss(*mains, *others) - rss(*mains, *twos)) / df)
    assert ms["t"] == pytest.approx((rss((1,), (2,)) - rss(*mains)) / 1)


def test_one_reader_is_the_paired_delong_test_and_cases_fixed_the_paired_t():
    values, truth = _ratings(2, 5, 80)
    merit = cov.auc_merit(values[:, :1].reshape(2, 80), truth, "delong")
    result = mrmc.obuchowski_rockette(merit.theta.reshape(2, 1), merit.covariance, "delong")
    both, cases, readers = result.analyses
    delong = roc.compare(values[0, 0], values[1, 0], truth)
    assert cases.contrasts[0].t == pytest.approx(delong.z, rel=1e-12)
    assert cases.contrasts[0].p == pytest.approx(delong.p, rel=1e-12)
    assert both.p is None and "one reader" in both.reason and readers.p is None
    every = cov.auc_merit(values.reshape(10, 80), truth, "delong")
    theta = every.theta.reshape(2, 5)
    t = mrmc.obuchowski_rockette(theta, every.covariance, "delong").analyses[2].contrasts[0]
    paired = timing.paired_t(theta[0], theta[1])
    assert (t.t, t.p, t.df) == pytest.approx((paired.statistic, paired.p, 4), rel=1e-9)


def test_unbiased_covariance_by_enumeration():
    values, truth = _ratings(1, 2, 9, levels=2)
    flat = values.reshape(2, 9)
    y, x = flat[:, truth], flat[:, ~truth]
    psi = (y[:, :, None] > x[:, None, :]) + 0.5 * (y[:, :, None] == x[:, None, :])
    n1, n0 = psi.shape[1:]
    quadruples = [(a, b, c, d) for a, b in itertools.permutations(range(n1), 2) for c, d in itertools.permutations(range(n0), 2)]
    product = np.mean([psi[0, a, c] * psi[1, b, d] for a, b, c, d in quadruples])
    expected = psi[0].mean() * psi[1].mean() - product
    assert cov.unbiased(flat, truth)[0, 1] == pytest.approx(expected, abs=1e-12)


def test_gallas_equals_or_with_the_unbiased_covariance_on_crossed_data():
    values, truth = _ratings(2, 5, 70, seed=8)
    values += np.random.default_rng(1).normal(size=(2, 1, 70)) * 0.6  # what a condition shows of a case, to all readers
    merit = cov.auc_merit(values.reshape(10, 70), truth, "unbiased")
    both = mrmc.obuchowski_rockette(merit.theta.reshape(2, 5), merit.covariance, "unbiased").analyses[0]
    result = gal.gallas(values, truth)
    only = result.analyses[0]
    components = mrmc.covariance_components(merit.covariance, 2, 5)
    assert components[2] > components[3]  # the maximum with 0 does not bite
    assert only.contrasts[0].difference.estimate == pytest.approx(both.contrasts[0].difference.estimate, abs=1e-12)
    assert only.contrasts[0].difference.se == pytest.approx(both.contrasts[0].difference.se, rel=1e-9)
    for a, b in zip(only.means, both.means, strict=True):
        assert (a.estimate, a.se) == pytest.approx((b.estimate, b.se), rel=1e-9)


def _slow_covariance(one, two, truth):
    """Gallas' unbiased covariance of two pooled areas by enumerating all pairs of pairs; arrays (J, K) with NaN."""

    def psi(row):
        y, x = row[truth], row[~truth]
        s = (y[:, None] > x[None]) + 0.5 * (y[:, None] == x[None])
        w = np.isfinite(y)[:, None] & np.isfinite(x)[None]
        return np.where(w, s, 0.0), w.astype(float)

    a, b = [psi(r) for r in one], [psi(r) for r in two]
    sums = np.zeros((8, 2))
    for (j, (s, w)), (q, (u, v)) in itertools.product(enumerate(a), enumerate(b)):
        n1, n0 = s.shape
        for i1, i0, k1, k0 in itertools.product(range(n1), range(n0), range(n1), range(n0)):
            kind = (0 if j == q else 4) + {(1, 1): 0, (1, 0): 1, (0, 1): 2, (0, 0): 3}[int(i1 == k1), int(i0 == k0)]
            sums[kind] += s[i1, i0] * u[k1, k0], w[i1, i0] * v[k1, k0]
    total = sums[:, 1].sum()
    moments = np.divide(sums[:, 0], sums[:, 1], out=np.zeros(8), where=sums[:, 1] > 0)
    c = sums[:, 1] / total
    c[7] -= 1
    return float(c @ moments)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gallas_with_missing_reads_by_enumeration(seed):
    values, truth = _ratings(2, 3, 11, seed=seed, levels=2)
    rng = np.random.default_rng(seed)
    values[rng.random(values.shape) < 0.2] = np.nan
    result = gal.gallas(values, truth).analyses[0]
    parts = {(a, b): _slow_covariance(values[a], values[b], truth) for a in range(2) for b in range(a, 2)}
    variance = parts[0, 0] + parts[1, 1] - 2 * parts[0, 1]
    found = result.contrasts[0].difference
    if variance > 0:
        assert found.se**2 == pytest.approx(variance, rel=1e-9)
    else:
        assert found.se is None and "negative" in found.reason
    if parts[0, 0] > 0:
        assert result.means[0].se ** 2 == pytest.approx(parts[0, 0], rel=1e-9)


def test_gallas_in_a_split_plot():
    """Half the readers read half the cases: areas pool the pairs that were read, and the other analyses decline."""
    values, truth = _ratings(2, 4, 60)
    values[:, :2, :30] = np.nan
    values[:, 2:, 30:] = np.nan
    result = gal.gallas(values, truth).analyses[0]
    pairs = correct = 0.0
    for row in values[0]:
        y, x = row[truth & np.isfinite(row)], row[~truth & np.isfinite(row)]
        correct += ((y[:, None] > x[None]) + 0.5 * (y[:, None] == x[None])).sum()
        pairs += len(y) * len(x)
    assert result.means[0].estimate == pytest.approx(correct / pairs)
    assert 0 < result.contrasts[0].p < 1 and result.contrasts[0].df >= 1


def test_binary_trick_gives_sensitivity_and_specificity():
    values, truth = _ratings(2, 3, 50)
    calls = (values > 0.5).astype(float)
    for endpoint, expected in (
        ("sensitivity", calls[:, :, truth].mean(axis=(1, 2))),
        ("specificity", 1 - calls[:, :, ~truth].mean(axis=(1, 2))),
    ):
        found = gal.gallas(*gal.binary_ratings(calls, truth, endpoint)).analyses[0]
        assert [m.estimate for m in found.means] == pytest.approx(expected)


def test_bootstrap_and_delong_covariances_agree_roughly_and_the_seed_counts():
    values, truth = _ratings(2, 2, 120, levels=3)
    flat = values.reshape(4, 120)
    delong = cov.auc_merit(flat, truth, "delong").covariance
    boot = cov.auc_merit(flat, truth, "bootstrap", draws=4000, seed=5)
    assert boot.covariance == pytest.approx(delong, rel=0.15, abs=2e-4)
    again = cov.auc_merit(flat, truth, "bootstrap", draws=4000, seed=5)
    assert (boot.covariance == again.covariance).all()
    assert "seed 5" in boot.method
    areas = cov.bootstrap_areas(flat, truth, None, 3, 1)
    assert ((areas > 0) & (areas <= 1)).all()


def test_bootstrap_areas_equal_resampled_data():
    values, truth = _ratings(1, 2, 20, levels=2)
    flat = values.reshape(2, 20)
    rng = np.random.default_rng(3)
    weights = np.zeros((1, 20))
    for side in (truth, ~truth):
        weights[:, side] = rng.multinomial(side.sum(), np.full(side.sum(), 1 / side.sum()), size=1)
    drawn = np.repeat(np.arange(20), weights[0].astype(int))
    expected = roc.placements(flat[:, drawn], truth[drawn]).auc
    assert cov.bootstrap_areas(flat, truth, None, 1, 3)[:, 0] == pytest.approx(expected, abs=1e-12)


def test_clusters_of_copies_leave_the_covariance_as_it_was():
    values, truth = _ratings(2, 2, 40)
    flat = values.reshape(4, 40)
    twice, truth2, cluster = np.tile(flat, 2), np.tile(truth, 2), np.tile(np.arange(40), 2)
    alone = cov.auc_merit(flat, truth, "delong").covariance
    assert cov.auc_merit(twice, truth2, "delong", cluster).covariance == pytest.approx(alone, rel=1e-9)
    jack = cov.auc_merit(twice, truth2, "jackknife", cluster).covariance
    assert jack == pytest.approx(cov.auc_merit(flat, truth, "jackknife").covariance, rel=0.15)


def test_null_studies_reject_at_their_level():
    """400 simulated null studies of 5 readers and 60 cases: 5 % within Monte-Carlo error (99.9 % interval) for OR."""
    rejected = {"or": 0, "gallas": 0}
    rng = np.random.default_rng(11)
    truth = np.arange(60) % 2 == 0
    n = 400
    for _ in range(n):
        reader = rng.normal(size=(1, 5, 1)) * 0.3
        x = (
            truth * (1.2 + reader)
            + 0.5 * rng.normal(size=60)
            + 0.5 * rng.normal(size=(1, 5, 60))
            + 0.7 * rng.normal(size=(2, 5, 60))
        )
        x = x + truth * 0.25 * rng.normal(size=(2, 5, 1))
        merit = cov.auc_merit(x.reshape(10, 60), truth, "delong")
        rejected["or"] += mrmc.obuchowski_rockette(merit.theta.reshape(2, 5), merit.covariance, "delong").analyses[0].p < 0.05
        p = gal.gallas(x, truth).analyses[0].p
        rejected["gallas"] += p is not None and p < 0.05
    margin = 3.29 * math.sqrt(0.05 * 0.95 / n)
    assert abs(rejected["or"] / n - 0.05) < margin, rejected
    assert rejected["gallas"] / n < 0.05 + 2 * margin, rejected


def test_zero_variance_is_not_estimable():
    truth = np.arange(20) % 2 == 0
    perfect = np.tile(truth.astype(float), (2, 3, 1))
    merit = cov.auc_merit(perfect.reshape(6, 20), truth, "delong")
    for result in (
        mrmc.obuchowski_rockette(merit.theta.reshape(2, 3), merit.covariance, "delong"),
        mrmc.dbm(merit.theta.reshape(2, 3), merit.leave_one_out.reshape(2, 3, 20)),
        gal.gallas(perfect, truth),
    ):
        for analysis in result.analyses:
            assert analysis.p is None and analysis.f is None and analysis.reason
            assert analysis.contrasts[0].p is None and analysis.contrasts[0].difference.reason


def test_noninferiority_agrees_with_the_interval():
    values, truth = _ratings(2, 5, 80, gain=0.0)
    merit = cov.auc_merit(values.reshape(10, 80), truth, "delong")
    contrast = mrmc.obuchowski_rockette(merit.theta.reshape(2, 5), merit.covariance, "delong").analyses[0].contrasts[0]
    for margin in (0.01, 0.05, 0.2):
        result = mrmc.noninferiority(contrast, margin)
        assert (result["a_to_b"]["p"] < 0.025) == (contrast.difference.lower > -margin)
        assert (result["b_to_a"]["p"] < 0.025) == (contrast.difference.upper < margin)


# --- the document ----------------------------------------------------------------------------------------------------------


def _tables(values, truth, conditions=("aided", "unaided")):
    rows = [
        {
            "reader_id": f"R{j}",
            "condition": c,
            "case_id": f"C{k:03}",
            "score": values[i, j, k],
            "call": int(values[i, j, k] > 0.5),
        }
        for i, c in enumerate(conditions)
        for j in range(values.shape[1])
        for k in range(values.shape[2])
        if np.isfinite(values[i, j, k])
    ]
    return pd.DataFrame(rows), pd.DataFrame({"case_id": [f"C{k:03}" for k in range(len(truth))], "malignant": truth.astype(int)})


def test_document_rows():
    values, truth = _ratings(2, 4, 60)
    document = analyze(*_tables(values, truth), options=Options(margin=0.05))
    rows = [r for r in document["mrmc"] if r["score"] == "score"]
    assert [(r["analysis"], r["covariance"], r["generalise"]) for r in rows] == [
        ("or", "delong", "readers_and_cases"), ("or", "delong", "cases"), ("or", "delong", "readers"),
        ("dbm", "jackknife", "readers_and_cases"), ("dbm", "jackknife", "cases"), ("dbm", "jackknife", "readers"),
        ("gallas", "unbiased", "readers_and_cases"),
    ]  # fmt: skip
    row = rows[0]
    assert {"var_r", "var_tr", "var", "cov1", "cov2", "cov3"} <= set(row["components"])
    assert [c["condition"] for c in row["conditions"]] == ["aided", "unaided"]
    difference = row["differences"][0]
    assert set(difference) >= {"condition_a", "condition_b", "difference", "df", "t", "p", "p_holm", "noninferiority"}
    assert row["f"] == pytest.approx(difference["t"] ** 2)
    assert rows[1]["df2"] is None and rows[1]["differences"][0]["df"] is None


def test_three_conditions_have_contrasts_with_holm():
    values, truth = _ratings(3, 4, 60, gain=0.8)
    document = analyze(*_tables(values, truth, ("a", "b", "c")))
    row = next(r for r in document["mrmc"] if r["analysis"] == "or")
    assert row["df1"] == 2 and len(row["differences"]) == 3
    p = sorted((d["p"], d["p_holm"]) for d in row["differences"])
    assert p[0][1] == pytest.approx(min(1, 3 * p[0][0]))


@pytest.mark.parametrize("endpoint", ["sensitivity", "specificity"])
def test_document_of_binary_endpoints(endpoint):
    values, truth = _ratings(2, 4, 60)
    document = analyze(*_tables(values, truth), options=Options(endpoint=endpoint))
    rows = [r for r in document["mrmc"] if r["generalise"] == "readers_and_cases"]
    assert {(r["analysis"], r["score"], r["covariance"]) for r in rows} == {
        ("or", "call", "jackknife"), ("dbm", "call", "jackknife"), ("gallas", "call", "unbiased"),
    }  # fmt: skip
    calls = values > 0.5
    expected = calls[:, :, truth].mean() if endpoint == "sensitivity" else 1 - calls[:, :, ~truth].mean()
    for row in rows:
        assert np.mean([c["mean"]["estimate"] for c in row["conditions"]]) == pytest.approx(expected)
    assert rows[0]["p"] == pytest.approx(rows[1]["p"], rel=1e-9)  # OR-jackknife = DBM


def test_a_gap_leaves_gallas_standing_and_says_why():
    values, truth = _ratings(2, 4, 60)
    values[0, 0, 3] = np.nan
    document = analyze(*_tables(values, truth))
    for row in document["mrmc"]:
        if row["analysis"] == "gallas":
            assert row["p"] is not None
        else:
            assert row["f"] is None and row["p"] is None and row["differences"] == []
    assert any("not fully crossed" in w["text"] and w["analysis"] == "or" for w in document["warnings"])


def test_partial_stages_are_replaced_by_final():
    values, truth = _ratings(3, 3, 40)
    reads, reference = _tables(values, truth, ("s1", "s2", "s3"))
    reads["round"] = reads["condition"].str[1]
    staged = reads[(reads["condition"] != "s3") | (reads["case_id"] < "C015")]
    document = analyze(staged, reference)
    row = next(r for r in document["mrmc"] if r["analysis"] == "or" and r["score"] == "score")
    assert [c["condition"] for c in row["conditions"]] == ["s1", "s2", "final"] and row["p"] is not None


# --- power -----------------------------------------------------------------------------------------------------------------

PILOT = power.Components(
    var_tr=0.00020040252, var=0.00080228827, cov1=0.00034661371, cov2=0.00034407483, cov3=0.00023902837, cases=114
)


def test_power_of_the_van_dyke_pilot_is_that_of_its_f_test():
    found = power.power(PILOT, 0.0438003, 5, 114)
    d = 0.00020040252 + 0.00080228827 - 0.00034661371 + 4 * (0.00034407483 - 0.00023902837)
    assert found.denominator == pytest.approx(d)
    assert found.df == pytest.approx(15.26, abs=0.01)
    assert found.ncp == pytest.approx(4.456, abs=0.002)  # = the observed F
    assert 0.4 < found.power < 0.6  # an observed p of 0.052 has about even chances


def test_power_equals_simulation():
    rng = np.random.default_rng(4)
    readers, effect, n = 6, 0.05, 20_000
    found = power.power(PILOT, effect, readers, 150, mrmc.READERS)
    difference = effect + math.sqrt(2 * found.denominator) * rng.normal(size=(n, readers))
    t = difference.mean(axis=1) / (difference.std(axis=1, ddof=1) / math.sqrt(readers))
    rate = (np.abs(t) > stats.t.isf(0.025, readers - 1)).mean()
    assert found.power == pytest.approx(rate, abs=0.012)


@pytest.mark.parametrize("kind", [mrmc.BOTH, mrmc.CASES, mrmc.READERS])
def test_power_grows_and_the_smallest_design_is_the_smallest(kind):
    few, many = power.power(PILOT, 0.04, 5, 100, kind), power.power(PILOT, 0.04, 10, 200, kind)
    assert few.power < many.power
    assert power.power(PILOT, 0.0, 5, 100, kind).power == pytest.approx(0.05, abs=1e-9)
    needed = power.cases_needed(PILOT, 0.05, 8, 0.8, kind)
    if needed is not None:
        assert needed.power >= 0.8 > power.power(PILOT, 0.05, 8, needed.cases - 1, kind).power
    assert power.cases_needed(PILOT, 0.001, 3, 0.8, kind, most=500) is None


def test_power_from_ranges():
    ranges = power.Ranges(auc=0.8, between=0.1)
    a = 1.414 * stats.norm.ppf(0.8)
    expected = 0.0099 * math.exp(-(a**2) / 2) * ((5 * a**2 + 8) + (a**2 + 8)) / 50
    assert power.case_variance(0.8, 50, 1.0) == pytest.approx(expected)
    needed = power.malignant_needed(ranges, 0.06, 6)
    assert needed.power >= 0.8
    assert power.malignant_needed(ranges, 0.12, 6).cases < needed.cases
    assert power.malignant_needed(ranges, 0.0001, 2, most=200) is None
    with pytest.raises(ValueError, match="two readers"):
        power.power_from_ranges(ranges, 0.05, 1, 50)
