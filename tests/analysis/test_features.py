"""Features of cases, maps of embeddings and cohorts in the document; lesions hit by type; marks matched."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from reader_app.analysis.analyze import analyze
from reader_app.analysis.hits import matched_marks
from reader_app.analysis.options import Options
from reader_app.errors import TableError

CASES = [f"C{k:02}" for k in range(40)]
TRUTH = np.arange(40) % 2
SCALE = ["2", "3", "4A", "4B", "5"]


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(4)
    reference = pd.DataFrame(
        {"case_id": CASES, "malignant": TRUTH, "margin": np.where(rng.random(40) < 0.3 + 0.4 * TRUTH, "spiky", "")}
    )
    clinical = pd.DataFrame({"case_id": CASES, "age": [f"{a:.1f}" for a in rng.normal(50 + 8 * TRUTH, 8)], "margin": "not this"})

    def category(malignant):
        return SCALE[int(np.clip(round(malignant * 2 + rng.normal(1, 1)), 0, 4))]

    reads = pd.DataFrame(
        [
            {"reader_id": r, "condition": c, "case_id": k, "assessment": category(m)}
            for r in ("R1", "R2", "R3")
            for c in ("a", "b")
            for k, m in zip(CASES, TRUTH, strict=True)
        ]
    )  # fmt: skip
    return reads, reference, clinical


def test_features_stand_against_pathology_and_the_readers_median_category(tables):
    reads, reference, clinical = tables
    rows = analyze(reads, reference, options=Options(conditions=("a", "b")), clinical=clinical)["association"]
    age = {row["outcome"]: row for row in rows if row["variable"] == "age"}
    years = clinical["age"].astype(float).to_numpy()
    assert age["pathology"]["p_t"] == pytest.approx(stats.ttest_ind(years[TRUTH == 0], years[TRUTH == 1]).pvalue, rel=1e-9)
    place = {name: n for n, name in enumerate(SCALE)}
    middle = reads[reads["condition"] == "a"].assign(at=lambda f: f["assessment"].map(place)).groupby("case_id")["at"].median()
    high = np.array([middle[case] >= place["4A"] for case in CASES])
    assert age["birads"]["p_mann_whitney"] == pytest.approx(stats.mannwhitneyu(years[~high], years[high]).pvalue, rel=1e-9)
    assert age["birads"]["group_names"] == ["BI-RADS 1-3", "BI-RADS 4-6"]
    assert {row["category"] for row in rows if row["variable"] == "margin" and row["kind"] == "level"} == {"spiky"}


def test_without_features_or_with_one_group_there_is_no_table(tables):
    reads, reference, clinical = tables
    assert analyze(reads, reference[["case_id", "malignant"]])["association"] == []
    low = analyze(reads.assign(assessment="2"), reference, clinical=clinical)
    assert {row["outcome"] for row in low["association"]} == {"pathology"}
    assert any("one group" in note["text"] for note in low["warnings"])


def test_maps_carry_method_seed_and_pathology_and_odd_embeddings_are_refused_in_words(tables):
    reads, reference, _ = tables
    rng = np.random.default_rng(3)
    own = {case: rng.normal(size=16).astype(np.float32) + 4 * m for case, m in zip(CASES, TRUTH, strict=True)}
    ragged = {case: np.zeros(3 + n % 2) for n, case in enumerate(CASES)}
    document = analyze(reads, reference, options=Options(seed=7), embeddings={"M": own, "ragged": ragged})
    (found,) = document["embedding"]
    assert found["method"] == "t-SNE of 16 values a case, seed 7"
    points = {point[0]: point for point in found["points"]}
    assert [points[case][3] for case in CASES] == TRUTH.tolist()
    places = np.array([points[case][1:3] for case in CASES])
    gap = np.linalg.norm(places[TRUTH == 0].mean(axis=0) - places[TRUTH == 1].mean(axis=0))
    assert gap > places[TRUTH == 0].std()
    assert any("ragged" in note["text"] for note in document["warnings"])


def test_models_are_told_apart_by_cohort(tables):
    reads, reference, _ = tables
    chance = np.clip(0.3 + 0.4 * TRUTH + np.random.default_rng(6).normal(0, 0.25, 40), 0, 1)
    cohort = np.where(np.arange(40) < 25, "internal", "external")
    predictions = pd.DataFrame({"model_id": "M", "case_id": CASES, "probability": chance, "cohort": cohort})
    rows = {row["cohort"]: row for row in analyze(reads, reference, predictions=predictions)["cohorts"]}
    for name in ("internal", "external"):
        mine = cohort == name
        assert rows[name]["cases"] == mine.sum()
        assert rows[name]["auc"]["estimate"] == pytest.approx(roc_auc_score(TRUTH[mine], chance[mine]), abs=1e-12)
        right = ((chance >= 0.5) == TRUTH)[mine].mean()
        assert rows[name]["accuracy"]["estimate"] == pytest.approx(right, abs=1e-12)
    assert analyze(reads, reference, predictions=predictions.drop(columns="cohort"))["cohorts"] == []


LESIONS = pd.DataFrame(
    [
        ("c1", 1, "a", "mass", 10, 10, 5), ("c1", 1, "b", "calcification", 50, 50, 5), ("c2", 1, "a", "mass", 20, 20, 5),
        ("c3", 0, "", "", None, None, None), ("c4", 0, "", "", None, None, None),
    ],
    columns=["case_id", "malignant", "lesion_id", "lesion_type", "x_mm", "y_mm", "radius_mm"],
)  # fmt: skip
MARKS = pd.DataFrame(
    [
        ("R1", "a", "c1", "1", 80, 11, 10), ("R1", "a", "c1", "3", 99, 11, 10), ("R1", "a", "c2", "1", 60, 90, 90),
        ("R1", "a", "c3", "1", 30, 5, 5),
    ],
    columns=["reader_id", "condition", "case_id", "round", "rating", "x_mm", "y_mm"],
)  # fmt: skip
READS = pd.DataFrame(
    [("R1", "a", case, number, 50) for case in ("c1", "c2", "c3", "c4") for number in ("1", "3")],
    columns=["reader_id", "condition", "case_id", "round", "score"],
)


def test_lesions_hit_by_type_by_hand():
    rows = analyze(READS[READS["round"] == "1"], LESIONS, marks=MARKS[MARKS["round"] == "1"])["localization"]
    single = {row["lesion_type"]: (row["hit"], row["lesions"]) for row in rows if row["reader_id"] == "R1"}
    assert single == {None: (1, 3), "mass": (1, 2), "calcification": (0, 1)}
    one = analyze(READS[READS["round"] == "1"], LESIONS.assign(lesion_type="mass"), marks=MARKS[MARKS["round"] == "1"])
    assert {row["lesion_type"] for row in one["localization"]} == {None}


def test_matched_marks_take_the_first_round_and_the_last_as_final():
    rows, lesions = matched_marks(MARKS, LESIONS, READS)
    assert lesions == {"c1": ["a", "b"], "c2": ["a"]}
    first = {(row["case_id"], row["rating"], row["lesion_id"]) for row in rows if row["condition"] == "a"}
    assert first == {("c1", 80.0, "a"), ("c2", 60.0, ""), ("c3", 30.0, "")}
    assert [(row["case_id"], row["rating"]) for row in rows if row["condition"] == "final"] == [("c1", 99.0)]
    with pytest.raises(TableError, match="no position and radius"):
        matched_marks(MARKS, LESIONS.assign(radius_mm=None), READS)
