"""The result document: keys of schema 1, hand-worked values, pairing, grouping, missing reads, plain JSON."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.errors import TableError

ESTIMATE = {"estimate", "se", "lower", "upper", "method"}
KEYS = {
    "accuracy": "reader_id condition tp fp tn fn sensitivity specificity ppv npv accuracy f1 youden_index",
    "roc": "reader_id condition score auc auc_hanley_mcneil points youden",
    "roc_paired": "reader_id score condition_a condition_b difference z p",
    "mcnemar": "reader_id condition_a condition_b measure b c p p_asymptotic",
    "reclassification": "reader_id condition_from condition_to from n down unchanged up false_positive_rate_before "
    "false_positive_rate_after malignancy_rate_before malignancy_rate_after biopsies_avoided cancers_missed",
    "transitions": "reader_id condition_a condition_b categories benign malignant",
}
SCALE = ["2", "3", "4A", "4B", "5"]


def _study(readers=3, cases=60, seed=1, **columns):
    rng = np.random.default_rng(seed)
    truth = (np.arange(cases) % 5 < 2).astype(int)
    rows = []
    for r in range(readers):
        for condition, gain in (("unaided", 0.0), ("aided", 0.8)):
            latent = truth * (1.0 + gain) + rng.normal(size=cases) + (0.2 if condition == "unaided" else 0)
            for k in range(cases):
                rows.append(
                    {
                        "reader_id": f"R{r + 1}",
                        "condition": condition,
                        "case_id": f"C{k:03}",
                        "group": "senior" if r == 0 else "junior",
                        "score": round(float(latent[k]), 1),
                        "assessment": SCALE[int(np.clip(np.floor(latent[k] + 1.5), 0, 4))],
                        "reading_time_s": round(float(np.exp(3.4 - 0.3 * (condition == "aided") + 0.3 * rng.normal())), 2),
                        **columns,
                    }
                )
    return pd.DataFrame(rows), pd.DataFrame({"case_id": [f"C{k:03}" for k in range(cases)], "malignant": truth})


@pytest.fixture(scope="module")
def study():
    reads, truth = _study()
    return reads, truth, analyze(reads, truth, options=Options(conditions=("unaided", "aided")))


def _row(rows, **keys):
    found = [r for r in rows if all(r[k] == v for k, v in keys.items())]
    assert len(found) == 1, (keys, len(found))
    return found[0]


def test_keys_are_those_of_schema_1(study):
    document = study[2]
    assert document["schema"] == 1
    assert {"readers", "conditions", "cases", "malignant", "options", "sha256"} <= set(document["input"])
    for section, keys in KEYS.items():
        for row in document[section]:
            assert set(keys.split()) | {"group", "lesion_type", "level"} <= set(row), section
    for section in ("mrmc", "froc", "localization", "decision_curve", "warnings"):
        assert isinstance(document[section], list)
    assert set(document["agreement"]) >= {"cohen", "fleiss", "gwet", "krippendorff", "intra_reader"}
    assert set(document["time"]) >= {"by_reader", "paired", "model"}
    assert set(document["multiplicity"]) == {"method", "tests"}
    for name in ("sensitivity", "youden_index", "f1"):
        assert set(document["accuracy"][0][name]) == ESTIMATE
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_accuracy_by_hand_at_two_categories(study):
    reads, truth, document = study
    malignant = dict(zip(truth["case_id"], truth["malignant"], strict=True))
    for limit, high in (("4A", {"4A", "4B", "5"}), ("4B", {"4B", "5"})):
        result = document if limit == "4A" else analyze(reads, truth, options=Options(positive_from=limit))
        own = reads[(reads["reader_id"] == "R2") & (reads["condition"] == "aided")]
        row = _row(result["accuracy"], reader_id="R2", condition="aided")
        positive = own["assessment"].isin(high).to_numpy()
        disease = own["case_id"].map(malignant).to_numpy() == 1
        assert row["tp"] == (positive & disease).sum() and row["tn"] == (~positive & ~disease).sum()
        assert row["ppv"]["estimate"] == pytest.approx((positive & disease).sum() / positive.sum())


def test_pooled_counts_are_sums_and_their_intervals_know_the_cases(study):
    document = study[2]
    rows = [r for r in document["accuracy"] if r["condition"] == "aided"]
    pooled = _row(rows, reader_id=None)
    for name in ("tp", "fp", "tn", "fn"):
        assert pooled[name] == sum(r[name] for r in rows if r["reader_id"])
    assert "cluster-robust" in pooled["sensitivity"]["method"]


def test_roc_equals_sklearn_and_pooled_is_the_mean(study):
    reads, truth, document = study
    malignant = reads["case_id"].map(dict(zip(truth["case_id"], truth["malignant"], strict=True)))
    areas = []
    for reader in ("R1", "R2", "R3"):
        where = (reads["reader_id"] == reader) & (reads["condition"] == "unaided")
        row = _row(document["roc"], reader_id=reader, condition="unaided", score="score")
        areas.append(roc_auc_score(malignant[where], reads["score"][where]))
        assert row["auc"]["estimate"] == pytest.approx(areas[-1], rel=1e-12)
        assert row["points"][0] == [0.0, 0.0, None] and row["points"][-1][:2] == [1.0, 1.0]
        assert isinstance(row["youden"]["threshold"], float)
        graded = _row(document["roc"], reader_id=reader, condition="unaided", score="assessment")
        assert graded["youden"]["threshold"] in SCALE
        assert {p[2] for p in graded["points"]} <= {None, *SCALE}
    pooled = _row(document["roc"], reader_id=None, condition="unaided", score="score")
    assert pooled["auc"]["estimate"] == pytest.approx(np.mean(areas), rel=1e-12)
    xs, ys = [p[0] for p in pooled["points"]], [p[1] for p in pooled["points"]]
    assert np.trapezoid(ys, xs) == pytest.approx(np.mean(areas), rel=1e-12)


def test_difference_is_a_minus_b_in_the_order_of_the_study(study):
    reads, truth, document = study
    row = _row(document["roc_paired"], reader_id="R1", score="score")
    assert (row["condition_a"], row["condition_b"]) == ("unaided", "aided")
    a, b = (_row(document["roc"], reader_id="R1", condition=c, score="score")["auc"]["estimate"] for c in ("unaided", "aided"))
    assert row["difference"]["estimate"] == pytest.approx(a - b)
    alphabetical = analyze(reads, truth)
    assert alphabetical["input"]["conditions"] == ["aided", "unaided"]
    flipped = _row(alphabetical["roc_paired"], reader_id="R1", score="score")
    assert flipped["difference"]["estimate"] == pytest.approx(b - a)
    assert flipped["p"] == pytest.approx(row["p"])


def test_mcnemar_counts_by_hand(study):
    reads, truth, document = study
    wide = reads[reads["reader_id"] == "R3"].pivot(index="case_id", columns="condition", values="assessment")
    call = wide.isin(["4A", "4B", "5"])
    disease = wide.index.map(dict(zip(truth["case_id"], truth["malignant"], strict=True))).to_numpy() == 1
    row = _row(document["mcnemar"], reader_id="R3", measure="specificity")
    right = ~call[~disease]
    assert row["b"] == (right["unaided"] & ~right["aided"]).sum()
    assert row["c"] == (~right["unaided"] & right["aided"]).sum()
    pooled = _row(document["mcnemar"], reader_id=None, measure="specificity")
    assert pooled["b"] == sum(r["b"] for r in document["mcnemar"] if r["measure"] == "specificity" and r["reader_id"])
    assert 0 < pooled["p_clustered"] <= 1


def test_agreement_uses_the_whole_scale(study):
    reads, _, document = study
    wide = reads[reads["condition"] == "aided"].pivot(index="case_id", columns="reader_id", values="assessment")
    labels = ["1", "2", "3", "4A", "4B", "4C", "5", "6"]
    for weights, name in ((None, "none"), ("linear", "linear"), ("quadratic", "quadratic")):
        row = _row(document["agreement"]["cohen"], a="R1", b="R2", condition="aided", weights=name)
        expected = cohen_kappa_score(wide["R1"], wide["R2"], labels=labels, weights=weights)
        assert row["kappa"]["estimate"] == pytest.approx(expected, abs=1e-12)
        assert row["n"] == 60 and row["words"]
    calls = _row(document["agreement"]["cohen_call"], a="R1", b="R2", condition="aided")
    high = wide.isin(["4A", "4B", "5"])
    assert calls["kappa"]["estimate"] == pytest.approx(cohen_kappa_score(high["R1"], high["R2"]), abs=1e-12)


def test_groups_add_rows(study):
    reads, truth, plain = study
    document = analyze(reads, truth, options=Options(conditions=("unaided", "aided"), by="group"))
    assert all(r["group"] is None for r in plain["accuracy"])
    assert _row(document["accuracy"], reader_id="R2", condition="aided")["group"] == "junior"
    junior = _row(document["accuracy"], reader_id=None, condition="aided", group="junior")
    everyone = _row(document["accuracy"], reader_id=None, condition="aided", group=None)
    assert junior["tp"] + _row(document["accuracy"], reader_id="R1", condition="aided")["tp"] == everyone["tp"]


def test_times(study):
    reads, _, document = study
    own = reads[(reads["reader_id"] == "R1") & (reads["condition"] == "aided")]["reading_time_s"]
    row = _row(document["time"]["by_reader"], reader_id="R1", condition="aided")
    assert (row["median"], row["mean"], row["sd"]) == pytest.approx((own.median(), own.mean(), own.std()))
    model = document["time"]["model"]
    assert set(model) >= {"formula", "ratio", "p", "variance"} and "ratio = unaided / aided" in model["formula"]
    logs = np.log(reads["reading_time_s"])
    expected = math.exp(logs[reads["condition"] == "unaided"].mean() - logs[reads["condition"] == "aided"].mean())
    assert model["ratio"]["estimate"] == pytest.approx(expected, rel=1e-9)
    assert set(model["variance"]) == {"reader", "case", "residual"}
    tests = [r for r in document["time"]["paired"] if r["reader_id"] is None]
    assert {r["test"] for r in tests} == {"paired_t", "wilcoxon"}
    assert _row(tests, test="paired_t")["df"] == 2  # over readers


def test_repeated_rounds_count_once_and_serve_intra_reader_agreement():
    reads, truth = _study(readers=2)
    reads["round"] = 1
    again = reads[reads["condition"] == "unaided"].copy()
    again["round"] = 2
    again.loc[again.index[:10], "assessment"] = "5"
    both = pd.concat([reads, again])
    once, twice = analyze(reads, truth), analyze(both, truth)
    assert once["accuracy"] == twice["accuracy"]
    assert twice["input"]["conditions"] == ["aided", "unaided"]  # a repeated round is no partial stage
    rows = [r for r in twice["agreement"]["intra_reader"] if r["reader_id"] == "R1" and r["weights"] == "none"]
    assert [(r["condition"], r["round_a"], r["round_b"], r["n"]) for r in rows] == [("unaided", "1", "2", 60)]
    assert rows[0]["kappa"]["estimate"] < 1
    assert next(r for r in twice["agreement"]["intra_reader"] if r["reader_id"] == "R2")["kappa"]["estimate"] == 1.0


def test_a_partial_round_gives_the_condition_final_but_a_lost_read_does_not():
    reads, truth = _study(readers=2)
    reads["round"] = reads["condition"].map({"unaided": "1", "aided": "2"})
    lost = reads.drop(reads.index[(reads["reader_id"] == "R1") & (reads["condition"] == "aided")][:1])
    assert analyze(lost, truth)["input"]["conditions"] == ["aided", "unaided"]
    staged = reads[(reads["condition"] == "unaided") | (reads["assessment"] == "4A")]
    document = analyze(staged, truth)
    assert document["input"]["conditions"] == ["aided", "unaided", "final"]
    row = _row(document["accuracy"], reader_id="R1", condition="final")
    assert row["tp"] + row["fp"] + row["tn"] + row["fn"] == 60
    assert any("condition 'final'" in w["text"] for w in document["warnings"])


def test_a_staged_round_under_the_same_condition_gives_final_but_a_retest_does_not():
    reads, truth = _study(readers=2)
    reads["round"] = reads["condition"].map({"unaided": "1", "aided": "2"})
    second = reads[reads["round"] == "2"]
    staged = second[second["assessment"] == "4A"].assign(round="3", assessment="3")
    document = analyze(pd.concat([reads, staged]), truth)
    assert document["input"]["conditions"] == ["aided", "unaided", "final"]
    aided, final = (_row(document["accuracy"], reader_id="R1", condition=c) for c in ("aided", "final"))
    left = staged[staged["reader_id"] == "R1"]
    assert final["tp"] + final["fp"] == aided["tp"] + aided["fp"] - len(left)
    retest = second[second["case_id"] < "C020"].assign(round="3")
    assert analyze(pd.concat([reads, retest]), truth)["input"]["conditions"] == ["aided", "unaided"]


def test_missing_reads_are_paired_by_case():
    reads, truth = _study(readers=2)
    gaps = reads.drop(
        reads.index[(reads["reader_id"] == "R1") & reads["case_id"].isin(["C000", "C001"]) & (reads["condition"] == "aided")]
    )
    row = _row(analyze(gaps, truth)["roc_paired"], reader_id="R1", score="score")
    without = reads[~reads["case_id"].isin(["C000", "C001"])]
    expected = _row(analyze(without, truth)["roc_paired"], reader_id="R1", score="score")
    assert row["difference"]["estimate"] == pytest.approx(expected["difference"]["estimate"], abs=1e-12)
    assert row["p"] == pytest.approx(expected["p"], rel=1e-9)


def test_identical_conditions_and_perfect_readers_have_reasons_not_p_values():
    _, truth = _study()
    rows = [
        {"reader_id": r, "condition": c, "case_id": k, "score": 100 * m, "reading_time_s": 10}
        for r in ("R1", "R2")
        for c in ("a", "b")
        for k, m in zip(truth["case_id"], truth["malignant"], strict=True)
    ]
    document = analyze(pd.DataFrame(rows), truth)
    assert all(r["p"] is None and r["difference"]["se"] is None for r in document["roc_paired"])
    assert all(r["p"] is None for r in document["time"]["paired"])
    assert document["time"]["model"]["p"] is None
    reasons = [w for w in document["warnings"] if "variance is zero" in w["text"]]
    assert any(w.get("condition_a") == "a" and w.get("reader_id") == "R1" for w in reasons)
    assert not [v for v in _p_values(document) if v == 0]


def _p_values(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("p", "p_asymptotic", "p_holm", "p_clustered") and inner is not None:
                yield inner
            else:
                yield from _p_values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _p_values(inner)


@pytest.mark.parametrize("malignant", [0, 1])
def test_one_class_empty(malignant):
    reads, truth = _study(readers=2, cases=12)
    truth["malignant"] = malignant
    document = analyze(reads, truth)
    row = document["accuracy"][0]
    assert row["specificity" if malignant else "sensitivity"]["estimate"] is None
    assert all(r["auc"]["estimate"] is None for r in document["roc"])
    assert any("there are no" in w["text"] for w in document["warnings"])


def test_one_reader_one_condition():
    reads, truth = _study(readers=1)
    document = analyze(reads[reads["condition"] == "unaided"], truth)
    assert document["mcnemar"] == [] and document["agreement"]["fleiss"] == []
    assert document["time"]["model"]["ratio"]["estimate"] is None


def test_lesion_types_and_levels():
    reads, truth = _study(readers=2)
    typed = pd.concat(
        [reads.assign(lesion_type=t, score=reads["score"] + s) for t, s in (("mass", 0.0), ("calcification", -2.0))]
    )
    lesions = truth.assign(lesion_type=["mass" if k % 2 else "calcification" for k in range(60)], lesion_id="l1")
    document = analyze(typed, lesions)
    by_type = {r["lesion_type"] for r in document["accuracy"]}
    assert by_type == {None, "mass", "calcification"}
    mass = _row(document["roc"], reader_id="R1", condition="aided", score="score", lesion_type="mass")
    own = reads[(reads["reader_id"] == "R1") & (reads["condition"] == "aided")]
    of_type = (lesions["malignant"] == 1) & (lesions["lesion_type"] == "mass")
    assert mass["auc"]["estimate"] == pytest.approx(roc_auc_score(of_type, own["score"]), rel=1e-12)
    whole = _row(document["roc"], reader_id="R1", condition="aided", score="score", lesion_type=None)
    assert whole["auc"]["estimate"] == pytest.approx(roc_auc_score(truth["malignant"], own["score"]), rel=1e-12)
    with pytest.raises(TableError, match="row 2, column laterality: is blank"):
        analyze(reads, truth, options=Options(level="breast"))
    with pytest.raises(TableError, match="lesion l9 of case C000 has no reference"):
        analyze(reads.assign(lesion_id="l9"), lesions, options=Options(level="lesion"))
    per_lesion = analyze(reads.assign(lesion_id="l1"), lesions, options=Options(level="lesion"))
    assert per_lesion["accuracy"][0]["level"] == "lesion"


def test_models_stand_beside_the_readers(study):
    reads, truth, _ = study
    rng = np.random.default_rng(3)
    chance = np.clip(0.3 + 0.4 * truth["malignant"] + 0.2 * rng.normal(size=60), 0, 1)
    predictions = pd.DataFrame({"model_id": "DLR_BM", "case_id": truth["case_id"], "probability": chance})
    second = predictions.assign(model_id="other", probability=1 - chance)
    document = analyze(reads, truth, None, pd.concat([predictions, second]), Options(conditions=("unaided", "aided")))
    model = _row(document["roc"], reader_id="DLR_BM", condition="model", score="score")
    assert model["auc"]["estimate"] == pytest.approx(roc_auc_score(truth["malignant"], chance), rel=1e-12)
    assert (
        _row(document["accuracy"], reader_id="DLR_BM", condition="model")["tp"]
        == ((chance >= 0.5) & (truth["malignant"] == 1)).sum()
    )
    versus = _row(document["mcnemar"], reader_id="R1", condition_a="aided", model_id="DLR_BM", measure="sensitivity")
    assert versus["condition_b"] == "model"
    assert _row(document["roc_paired"], reader_id="DLR_BM", model_id="other")["difference"]["estimate"] > 0
    kappa = [r for r in document["agreement"]["cohen"] if r["b"] == "DLR_BM" and r["a"] == "R1"]
    assert {(r["condition"], r["weights"]) for r in kappa} == {("unaided", "none"), ("aided", "none")}
    curve = [r for r in document["decision_curve"] if r["predictor"] == "DLR_BM" and r["threshold"] == 0.25]
    tp, fp = ((chance >= 0.25) & (truth["malignant"] == m) for m in (1, 0))
    assert curve[0]["net_benefit"] == pytest.approx(tp.sum() / 60 - fp.sum() / 60 / 3)
    assert curve[0]["treat_all"] == pytest.approx(24 / 60 - 36 / 60 / 3)


def test_holm_within_families(study):
    tests = study[2]["multiplicity"]["tests"]
    family = [t for t in tests if t["section"] == "roc_paired" and "score=score" in t["family"]]
    assert len(family) == 3
    smallest = min(family, key=lambda t: t["p"])
    assert smallest["p_holm"] == pytest.approx(min(1.0, 3 * smallest["p"]))


def test_clusters_widen_intervals_and_are_warned_of_when_ignored():
    reads, truth = _study(readers=2)
    truth["patient_id"] = [f"P{k // 3}" for k in range(60)]
    plain, clustered = analyze(reads, truth), analyze(reads, truth, options=Options(cluster="patient_id"))
    assert any("choose --cluster patient_id" in w["text"] for w in plain["warnings"])
    assert not any("choose --cluster" in w["text"] for w in clustered["warnings"])
    a, b = (_row(d["roc"], reader_id="R1", condition="aided", score="score")["auc"] for d in (plain, clustered))
    assert a["estimate"] == b["estimate"] and a["se"] != b["se"]
    assert "Obuchowski 1997" in b["method"]
    assert _row(clustered["mcnemar"], reader_id="R1", measure="accuracy")["p_clustered"] is not None
