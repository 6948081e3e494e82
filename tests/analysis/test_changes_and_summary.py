"""Advice followed and overruled, co-decision, net reclassification, learning, and the summary for the terminal."""

import numpy as np
import pandas as pd
import pytest

from reader_app.analysis import timing
from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.analysis.reclassification import net_reclassification, transitions
from reader_app.analysis.summary import as_text, number, p_value

CASES = [f"C{n}" for n in range(8)]
MALIGNANT = [1, 1, 1, 1, 0, 0, 0, 0]
#              before -> after, and what the aid said
BEFORE = ["4A", "3", "2", "5", "4A", "3", "4A", "2"]
AFTER = ["4B", "4A", "2", "3", "3", "4A", "4A", "2"]
ADVICE = [1, 1, 1, 0, 0, 1, 0, 0]


def _tables():
    reads = pd.DataFrame(
        [
            {"reader_id": "R1", "condition": c, "case_id": k, "round": n, "assessment": a}
            for n, c, answers in ((1, "unaided", BEFORE), (2, "aided stage 1", AFTER))
            for k, a in zip(CASES, answers, strict=True)
        ]
    )
    predictions = pd.DataFrame(
        {"model_id": "M", "case_id": CASES, "probability": [0.9 * a + 0.05 for a in ADVICE], "call": ADVICE}
    )
    return reads, pd.DataFrame({"case_id": CASES, "malignant": MALIGNANT}), predictions


def test_aid_use_by_hand():
    reads, truth, predictions = _tables()
    document = analyze(
        reads, truth, None, predictions, Options(conditions=("unaided", "aided stage 1"), aids={"aided stage 1": "M"})
    )
    (row,) = document["aid_use"]
    # calls before 1 0 0 1 1 0 1 0, after 1 1 0 0 0 1 1 0, advice 1 1 1 0 0 1 0 0; the aid is wrong on C3 and C5
    assert (row["before"], row["n"], row["aid_right"], row["aid_wrong"]) == ("unaided", 8, 6, 2)
    assert row["differed_before"] == 6  # C1 C2 C3 C4 C5 C6
    assert row["followed"]["estimate"] == pytest.approx(4 / 6)  # C1 C3 C4 C5
    assert (row["overruled_right_aid"], row["overruled_wrong_aid"]) == (2, 0)  # C2 and C6
    assert row["automation_bias"]["estimate"] == 1.0  # right before on C3 and C5, wrong after with the wrong aid
    assert row["rescued"]["estimate"] == pytest.approx(2 / 4)  # wrong before on C1 C2 C4 C6 with a right aid: C1, C4


def test_no_aid_use_without_the_model_in_the_predictions():
    reads, truth, predictions = _tables()
    other = Options(aids={"aided stage 1": "N"})
    assert analyze(reads, truth, None, predictions, other)["aid_use"] == []


def test_reclassification_transitions_and_net_counts_by_hand():
    reads, truth, predictions = _tables()
    document = analyze(reads, truth, None, predictions, Options(conditions=("unaided", "aided stage 1")))
    row = next(r for r in document["reclassification"] if r["reader_id"] == "R1" and r["condition_from"] == "unaided")
    assert row["n"] == 3  # C0 up malignant, C4 down benign, C6 unchanged benign
    assert (row["down"], row["unchanged"], row["up"]) == (
        {"benign": 1, "malignant": 0}, {"benign": 1, "malignant": 0}, {"benign": 0, "malignant": 1},
    )  # fmt: skip
    assert row["false_positive_rate_before"] == pytest.approx(2 / 3) and row["false_positive_rate_after"] == pytest.approx(1 / 3)
    assert (row["malignancy_rate_after"], row["biopsies_avoided"], row["cancers_missed"]) == (0.0, 1, 0)
    backwards = next(r for r in document["reclassification"] if r["reader_id"] == "R1" and r["condition_to"] == "unaided")
    assert backwards["condition_from"] == "aided stage 1"
    table = next(r for r in document["transitions"] if r["reader_id"] == "R1")
    scale = table["categories"]
    assert table["malignant"][scale.index("5")][scale.index("3")] == 1
    assert np.sum(table["benign"]) == 4 and np.sum(table["malignant"]) == 4
    net = next(r for r in document["net_reclassification"] if r["reader_id"] == "R1")
    assert [net[k] for k in ("malignant_up", "malignant_down", "benign_up", "benign_down")] == [1, 1, 1, 1]
    assert net["total"]["estimate"] == 0.0


def test_net_reclassification_variance():
    truth = np.repeat([True, False], [50, 60])
    before = np.zeros(110)
    after = np.concatenate([np.repeat([1.0, 0.0], [12, 38]), np.repeat([1.0, 0.0], [6, 54])])
    result = net_reclassification(before, after, truth)
    assert result.total.estimate == pytest.approx(12 / 50 - 6 / 60)
    variance = (12 / 50 - (12 / 50) ** 2) / 50 + (6 / 60 - (6 / 60) ** 2) / 60
    assert result.total.se == pytest.approx(np.sqrt(variance))
    assert net_reclassification(before, before, truth).p is None


def test_co_decision_of_two_models():
    reads, truth, predictions = _tables()
    both = pd.concat([predictions.assign(model_id="LH"), predictions.assign(model_id="BM", call=[1, 0, 0, 0, 0, 0, 1, 0])])
    aids = {"aided stage 1": "LH", "aided stage 2": "BM"}
    document = analyze(reads, truth, None, both, Options(conditions=("unaided", "aided stage 1"), aids=aids))
    (row,) = document["co_decision"]
    # at 4A unaided: C0 (high, malignant: up), C4 (low, benign: down), C6 (low, malignant: keep)
    assert (row["n"], row["up"]["malignant"], row["down"]["benign"], row["unchanged"]["benign"]) == (3, 1, 1, 1)


def test_transitions_leave_out_what_was_read_once():
    before, after = np.array([4.0, np.nan, 7.0]), np.array([5.0, 4.0, np.nan])
    assert transitions(before, after, ("3", "4A", "4B", "5")).sum() == 1


def test_learning_finds_the_trend():
    position = np.arange(1.0, 101.0)
    slope, p, n = timing.learning(position, 40 * np.exp(-0.02 * position / 10))
    assert (slope, n) == (pytest.approx(-0.02), 100)
    rng = np.random.default_rng(1)
    slope, p, n = timing.learning(position, 40 * np.exp(-0.05 * position / 10 + 0.1 * rng.normal(size=100)))
    assert slope == pytest.approx(-0.05, abs=0.02) and p < 0.001
    assert timing.learning(np.ones(5), np.ones(5))[0] is None


def test_position_in_the_round_enters_the_document():
    reads, truth, _ = _tables()
    reads["reading_time_s"] = [30.0 - n for n in range(8)] * 2
    reads["position"] = [*range(1, 9)] * 2
    learning = analyze(reads, truth)["time"]["learning"]
    assert len(learning) == 2 and all(r["slope_per_10_cases"] < 0 for r in learning)


def test_summary_holds_the_main_numbers_and_no_python():
    reads, truth, predictions = _tables()
    reads["reading_time_s"] = [10.0 + n for n in range(16)]
    document = analyze(reads, truth, None, predictions, Options(conditions=("unaided", "aided stage 1"), interim=True))
    text = as_text(document)
    for expected in (
        "1 readers, 8 cases (4 malignant)",
        "INTERIM ANALYSIS",
        "Accuracy",
        "4A",
        "Reading time",
        "unaided / aided stage 1",
    ):
        assert expected in text
    for forbidden in ("None", " nan", "{", "np."):
        assert forbidden not in text
    row = next(r for r in document["accuracy"] if r["reader_id"] == "R1" and r["condition"] == "unaided")
    assert f"{100 * row['sensitivity']['estimate']:.1f} (" in text


def test_numbers_for_reading():
    assert (number(None), number(0.12345), number(3.0, 1)) == ("-", "0.123", "3.0")
    assert (p_value(None), p_value(0.00005), p_value(0.04)) == ("-", "< 0.001", "0.040")
