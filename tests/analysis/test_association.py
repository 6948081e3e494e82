"""Association tables against printed counts; t-SNE maps; bootstrap intervals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reader_app.analysis import bootstrap, roc
from reader_app.analysis.analyze import analyze
from reader_app.analysis.association import association_table, categorical_tests, embed
from reader_app.analysis.options import Options

# Lu et al. 2025, Table 2: counts in BI-RADS 2/3 and 4/5, printed p-value.
LU_TABLE_2 = {
    "posterior features": ([(291, 436), (0, 1), (0, 15), (0, 3)], 0.006),
    "echo pattern": ([(7, 1), (8, 9), (270, 441), (1, 2), (5, 2)], 0.019),
    "skin changes": ([(291, 451), (0, 4)], 0.276),
}


@pytest.mark.parametrize("feature", LU_TABLE_2)
def test_lu2025_table_2(feature):
    counts, printed = LU_TABLE_2[feature]
    p = categorical_tests(np.array(counts))[2]["p_chi_square"]
    assert p == pytest.approx(printed, abs=6e-4)


def test_kim2021_fisher_of_localisation():
    """Localisation right in 98 of 100 malignant and 87 of 100 benign masses."""
    p, test, every = categorical_tests(np.array([[98, 87], [2, 13]]))
    assert test == "chi-square, corrected"
    assert every["p_fisher"] == pytest.approx(stats.fisher_exact([[98, 87], [2, 13]]).pvalue)
    assert p == every["p_chi_square"]
    assert categorical_tests(np.array([[9, 5], [1, 3]]))[1] == "Fisher's exact"


def test_rows_of_numbers_and_categories():
    rng = np.random.default_rng(1)
    age = np.round(rng.normal(45, 10, size=60), 1)
    shape = rng.choice(["oval", "irregular"], size=60)
    frame = pd.DataFrame({"age": [str(a) for a in age], "shape": shape, "side": "L", "empty": ""})
    outcome = np.where(np.arange(60) < 25, "2/3", np.where(np.arange(60) < 55, "4/5", "other"))
    rows = association_table(frame, list(outcome), ("2/3", "4/5"))
    number = rows[0]
    assert number["kind"] == "number"
    assert number["p_t"] == pytest.approx(stats.ttest_ind(age[:25], age[25:55]).pvalue)
    assert number["p_mann_whitney"] == pytest.approx(stats.mannwhitneyu(age[:25], age[25:55]).pvalue)
    assert number["groups"][0] == f"{age[:25].mean():.2f} ± {age[:25].std(ddof=1):.2f}"
    category = next(r for r in rows if r["variable"] == "shape" and r["kind"] == "category")
    levels = [r for r in rows if r["variable"] == "shape" and r["kind"] == "level"]
    assert [r["category"] for r in levels] == ["irregular", "oval"] and category["total"] == "55"
    assert levels[0]["groups"][0].startswith(str((shape[:25] == "irregular").sum()))
    assert next(r for r in rows if r["variable"] == "side")["p"] is None
    assert next(r for r in rows if r["variable"] == "empty")["test"] == "no values"


def test_a_constant_measurement_has_no_p_value():
    frame = pd.DataFrame({"age": ["40", "41", "42", "43", "44", "45", "46"]})
    assert association_table(frame, ["a"] * 6 + ["b"], ("a", "b"))[0]["p"] is None


def test_map_of_embeddings_keeps_clusters_apart_and_is_repeatable():
    rng = np.random.default_rng(2)
    vectors = np.concatenate([rng.normal(size=(20, 128)), rng.normal(size=(20, 128)) + 3])
    one, two = embed(vectors, seed=3), embed(vectors, seed=3)
    assert one.shape == (40, 2) and (one == two).all()
    group = np.arange(40) < 20
    apart = np.linalg.norm(one[group].mean(axis=0) - one[~group].mean(axis=0))
    assert apart > 2 * max(one[group].std(), one[~group].std())
    assert embed(vectors[:4]).shape == (4, 2)
    with pytest.raises(ValueError, match="four vectors"):
        embed(vectors[:3])
    with pytest.raises(ValueError, match="not finite"):
        embed(np.where(vectors > 4, np.nan, vectors))


def test_bootstrap_of_one_reader_is_near_delong():
    rng = np.random.default_rng(5)
    truth = np.arange(200) % 2 == 0
    base = truth + rng.normal(size=200)
    first, second = base + 0.5 * rng.normal(size=200), base + 0.8 * rng.normal(size=200)
    found = bootstrap.mean_area_difference(first[None], second[None], truth, draws=4000)
    delong = roc.compare(first, second, truth).difference
    assert set(found) == {"cases", "cases_bca"}
    for estimate in found.values():
        assert estimate.estimate == pytest.approx(delong.estimate)
        assert (estimate.lower, estimate.upper) == pytest.approx((delong.lower, delong.upper), abs=0.008)


def test_bootstrap_over_readers_is_wider_and_constant_draws_are_refused():
    rng = np.random.default_rng(6)
    truth = np.arange(100) % 2 == 0
    gain = np.array([0.0, 0.5, 1.0, 1.5])[:, None]
    second = truth + rng.normal(size=(4, 100))
    found = bootstrap.mean_area_difference(second + gain * truth, second, truth, draws=1000)
    width = {k: e.upper - e.lower for k, e in found.items()}
    assert width["readers_and_cases"] > width["cases"]
    same = bootstrap.mean_area_difference(second, second, truth, draws=200)
    assert all(e.lower is None and e.reason for e in same.values())


def test_document_sections():
    rng = np.random.default_rng(7)
    truth = pd.DataFrame({"case_id": [f"C{k}" for k in range(40)], "malignant": np.arange(40) % 2})
    truth["age"] = [str(40 + k) for k in range(40)]
    rows = [
        {"reader_id": r, "condition": c, "case_id": k, "score": m + rng.normal()}
        for r in ("R1", "R2")
        for c in ("a", "b")
        for k, m in zip(truth["case_id"], truth["malignant"], strict=True)
    ]
    document = analyze(pd.DataFrame(rows), truth, options=Options(covariance="bootstrap", bootstrap=300, seed=9))
    assert {r["resample"] for r in document["bootstrap"]} == {"cases", "cases_bca", "readers_and_cases"}
    assert "seed 9" in document["bootstrap"][0]["difference"]["method"]
    assert document["mrmc"][0]["covariance"] == "bootstrap"
    assert document["baseline"][0]["variable"] == "age"
    assert analyze(pd.DataFrame(rows), truth)["bootstrap"] == []
