"""The papers' tables: figures by hand, printed ones beside them and apart, cohorts, pairs, files; and where a region lies."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from reader_app.ai import variants
from reader_app.ai.results import Prediction
from reader_app.desk.evaluating import Scored, as_table, co_decided, compared, evaluation_text, fill, write
from reader_app.desk.evaluating_maps import alike, embedding_maps
from reader_app.desk.papers import TABLES, WARNING
from reader_app.errors import StudyFileError
from reader_app.imaging.overlay import Heatmap

MODELS = [{"model_id": "bong2023", "cases": 8, "threshold": 0.5, "training_data": "trained on phantoms: none"}]


def _rows(variant: str, scores: list[float], cohort: str = "") -> list[Scored]:
    truth = [k < len(scores) // 2 for k in range(len(scores))]
    return [Scored(f"C{k}", cohort, variant, t, s, s >= 0.5) for k, (s, t) in enumerate(zip(scores, truth, strict=True))]


def test_figures_by_hand_stand_beside_the_printed_ones() -> None:
    image = _rows("image", [0.9, 0.8, 0.4, 0.3, 0.6, 0.2, 0.1, 0.1])
    better = _rows("logistic", [0.9, 0.8, 0.7, 0.6, 0.6, 0.2, 0.1, 0.1])
    document = fill("bong2023", image + better, "eight cases", MODELS)
    (table,) = document["tables"]
    first = table["rows"][0]
    assert first["n"] == 8 and first["malignant"] == 4
    assert first["here"]["sensitivity"]["estimate"] == pytest.approx(0.5)
    assert first["here"]["specificity"]["estimate"] == pytest.approx(0.75)
    assert first["here"]["auc"]["estimate"] == pytest.approx(14 / 16)
    assert first["printed"]["sensitivity"] == "63.3 (51.1-75.5)"
    pair = table["pairs"][0]
    assert pair["variants"] == ["image", "logistic"]
    assert pair["here"]["sensitivity_p"] == pytest.approx(0.5)  # two discordant, both one way: 2 * 1/4
    assert pair["here"]["specificity_p"] == 1.0 and pair["printed"]["sensitivity_p"] == "0.003"
    assert document["comparable"] is False
    text = evaluation_text(document)
    assert WARNING in text and "trained on phantoms" in text and "63.3 (51.1-75.5)" in text and "50.0 (" in text
    assert "here: none" in text  # the training cohort


def test_cohorts_fill_their_own_rows() -> None:
    rows = _rows("kim2021", [0.9, 0.8, 0.2, 0.1], "internal") + _rows("kim2021", [0.1, 0.2, 0.8, 0.9], "external")
    table = fill("kim2021", rows, "x", [])["tables"][0]
    areas = {r["cohort"]: r["here"]["auc"]["estimate"] for r in table["rows"] if r["variant"] == "kim2021"}
    assert areas == {"internal": 1.0, "external": 0.0}


def test_localisation_shares_and_files(tmp_path: Path) -> None:
    rows = [Scored(f"C{k}", "", "kim2021", k < 4, 0.5, True, k not in (1, 7)) for k in range(8)]
    document = fill("kim2021", rows, "x", [])
    row = next(r for r in document["tables"][1]["rows"] if r["variant"] == "kim2021" and r["cohort"] == "internal")
    shares = {"localised_benign": 0.75, "localised_malignant": 0.75, "fisher_p": 1.0}
    assert {k: v["estimate"] for k, v in row["here"].items()} == pytest.approx(shares)
    apart = [Scored(f"C{k}", "", "kim2021", k < 4, 0.5, True, k < 4) for k in range(8)]
    row = next(r for r in fill("kim2021", apart, "x", [])["tables"][1]["rows"] if r["variant"] == "kim2021" and r["n"])
    assert row["here"]["fisher_p"]["estimate"] == pytest.approx(2 / 70)  # all four against none: 1 of C(8, 4) each way
    as_json, as_csv = write(document, tmp_path / "new")
    assert as_json.stat().st_size and as_csv.read_text() == as_table(document)
    cells = list(csv.DictReader(io.StringIO(as_table(document))))
    found = [c for c in cells if c["variant"] == "kim2021" and c["metric"] == "localised_malignant" and c["cohort"] == "internal"]
    assert found[0]["estimate"] == "0.75" and found[0]["printed_not_comparable"] == "100"


def test_every_system_has_tables_and_an_unknown_one_is_refused() -> None:
    assert set(TABLES) == {"bong2023", "kim2021", "liu2025", "lu2025", "zhou2023"}
    for tables in TABLES.values():
        for table in tables:
            assert table.rows and all(set(row.printed) <= set(table.metrics) for row in table.rows)
    with pytest.raises(StudyFileError, match="no system"):
        fill("other", [], "x", [])
    assert compared([], []) == {}


def _prediction(**changes: object) -> Prediction:
    plain: dict[str, object] = {
        "model_id": "m", "case_id": "C1", "fingerprint": "0", "probability": 0.7, "threshold": 0.5, "call": "malignant",
        "positive": True, "provenance": {},
    }  # fmt: skip
    return Prediction(**{**plain, **changes})  # type: ignore[arg-type]


def test_variants_of_a_prediction() -> None:
    bong = {"system": "bong2023", "image_score": 0.2, "logistic": 0.6, "tree": 0.1, "calls": {"logistic": True}}
    told = list(variants.said(_prediction(provenance=bong)))
    assert [(s.variant, s.score, s.call) for s in told] == [("image", 0.2, False), ("logistic", 0.6, True), ("tree", 0.1, False)]
    zhou = {"system": "zhou2023", "lesions": [{"type": "mass", "score": 0.4}, {"type": "mass", "score": 0.9}]}
    found = {s.variant: (s.score, s.call) for s in variants.said(_prediction(provenance=zhou))}
    assert found["type:mass"] == (0.9, True) and found["type:distortion"] == (0.0, False) and found["m"] == (0.7, True)
    assert [s.variant for s in variants.said(_prediction())] == ["m"]
    lu = list(variants.said(_prediction(provenance={"system": "lu2025", "head_score": -0.2})))
    assert [(s.variant, s.score, s.call) for s in lu] == [("m", 0.7, True), ("m/embedding", -0.2, False)]


def test_region_overlaps_at_the_true_place_only() -> None:
    raw = np.zeros((6, 6), np.float32)
    raw[1, 4] = 1.0
    heat = Heatmap("US1", np.zeros((6, 6), np.uint8), (8.0, 8.0), (0.0, 0.0), 0.0, 1.0, True)
    lesion = np.zeros((48, 48), np.bool_)
    lesion[6:11, 30:35] = True
    found = variants.localised(_prediction(heatmaps=(heat,), raw=(raw,)), "US1", lesion)
    assert found is not None and found.overlaps and found.peak_inside and 0 < found.iou < 0.5 and found.share < 0.1
    there = variants.on_image(raw, (8.0, 8.0), (0.0, 0.0), (48, 48))
    assert np.unravel_index(there.argmax(), there.shape) == (8, 32)
    mirrored = variants.localised(_prediction(heatmaps=(heat,), raw=(raw,)), "US1", lesion[:, ::-1].copy())
    assert mirrored is not None and not mirrored.overlaps and not mirrored.peak_inside
    assert variants.localised(_prediction(), "US1", lesion) is None
    assert not variants.region(np.ones((3, 3), np.float32)).any()


def test_co_decision_of_both_models_on_4a_alone() -> None:
    #       case   high   malignant call  truth
    told = [("A", False, False, False), ("B", True, True, True), ("C", True, False, False), ("D", False, True, True),
            ("E", False, False, True)]  # fmt: skip
    rows = [Scored(c, "", "DLR_LH", True, 0.5, high) for c, high, _, _ in told]
    rows += [Scored(c, "", "DLR_BM@4A", truth, 0.5, bad) for c, _, bad, truth in told]
    rows += [Scored("Z", "", "DLR_LH", True, 0.5, True), Scored("Z", "", "DLR_BM", True, 0.5, True)]  # no 4A: not asked
    table = fill("lu2025", rows, "x", [])["tables"][1]
    here = {r["variant"]: (r["here"]["advised"]["estimate"], r["here"]["malignant_of_these"]["estimate"]) for r in table["rows"]}
    assert here == {"4A:down": (0.4, 0.5), "4A:keep": (0.4, 0.5), "4A:up": (0.2, 1.0)}
    assert table["rows"][0]["n"] == 5 and table["rows"][0]["printed"]["advised"] == "27.7 (41/148)"
    assert co_decided(rows[:5]) == []


def test_maps_of_embeddings_say_how_alike_neighbours_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    truth = np.arange(24) % 3 == 0
    apart = rng.normal(0, 1, (24, 8)) + 20 * truth[:, None]
    assert alike(apart, truth) == 1.0
    by_hand = np.array([[0.0], [1.0], [3.0], [4.5]])  # nearest: 1, 0, 3, 2
    assert alike(by_hand, np.array([True, False, True, True])) == 0.5
    known = {"DLR_LH": {f"C{k}": (v, bool(t)) for k, (v, t) in enumerate(zip(apart, truth, strict=True))}}
    (row,) = embedding_maps(known)
    assert row["classes"] == ["BI-RADS 2/3", "BI-RADS 4/5"] and row["alike_by_chance"] == pytest.approx(1 / 9 + 4 / 9)
    assert [p[0] for p in row["points"]] == list(known["DLR_LH"]) and len({(p[1], p[2]) for p in row["points"]}) == 24
    document = fill("lu2025", [], "x", [], known)
    assert "24 cases, 100 % have a nearest neighbour" in evaluation_text(document)
    write(document, tmp_path)
    assert (tmp_path / "evaluation_lu2025_tsne.png").stat().st_size > 5000
    assert embedding_maps({"m": {"C1": (apart[0], True)}}) == [] and fill("kim2021", [], "x", [], known)["maps"] == []
