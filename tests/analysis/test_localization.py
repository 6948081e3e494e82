"""Marks: matching by hand, figures of merit against a slow implementation by definition, jackknife, document."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reader_app.analysis import localization as loc
from reader_app.analysis import matching
from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.analysis.reference import load
from reader_app.analysis.tables import read_marks
from reader_app.errors import TableError

LESIONS = pd.DataFrame(
    [
        {"case_id": "A", "lesion_id": "1", "malignant": 1, "image_id": "RCC", "x_mm": 10, "y_mm": 10, "radius_mm": 5},
        {"case_id": "A", "lesion_id": "1", "malignant": 1, "image_id": "RMLO", "x_mm": 40, "y_mm": 40, "radius_mm": 5},
        {"case_id": "A", "lesion_id": "2", "malignant": 1, "image_id": "RCC", "x_mm": 18, "y_mm": 10, "radius_mm": 6},
        {"case_id": "A", "lesion_id": "3", "malignant": 0, "image_id": "RCC", "x_mm": 60, "y_mm": 10, "radius_mm": 9},
        {"case_id": "B", "lesion_id": "", "malignant": 0, "image_id": "", "x_mm": "", "y_mm": "", "radius_mm": ""},
    ]
)


def _hits(rows, lesions=LESIONS):
    base = {"reader_id": "R1", "condition": "unaided", "case_id": "A", "rating": 50}
    marks = read_marks(pd.DataFrame([{**base, **row} for row in rows])).frame
    return matching.match_marks(marks, load(lesions).targets()).tolist()


@pytest.mark.parametrize(
    ("mark", "lesion"),
    [
        ({"x_mm": 10, "y_mm": 14.9, "image_id": "RCC"}, "1"),
        ({"x_mm": 10, "y_mm": 15.1, "image_id": "RCC"}, ""),
        ({"x_mm": 13.9, "y_mm": 10, "image_id": "RCC"}, "1"),  # in both circles: the nearest centre
        ({"x_mm": 14.1, "y_mm": 10, "image_id": "RCC"}, "2"),
        ({"x_mm": 10, "y_mm": 10, "image_id": "RMLO"}, ""),  # the right place in the wrong view
        ({"x_mm": 41, "y_mm": 41, "image_id": "RMLO"}, "1"),
        ({"x_mm": 41, "y_mm": 41, "image_id": ""}, "1"),
        ({"x_mm": 60, "y_mm": 10, "image_id": "RCC"}, ""),  # a benign lesion is no target
        ({"x_mm": 10, "y_mm": 10, "image_id": "RCC", "case_id": "B"}, ""),
    ],
)
def test_nearest_centre_within_its_radius(mark, lesion):
    assert _hits([mark]) == [lesion]


def test_three_dimensions_count_where_both_have_them():
    volumes = pd.DataFrame([{"case_id": "A", "lesion_id": "1", "malignant": 1, "x_mm": 0, "y_mm": 0, "z_mm": 0, "radius_mm": 5}])
    assert _hits([{"x_mm": 3, "y_mm": 3, "z_mm": 3}, {"x_mm": 2, "y_mm": 2, "z_mm": 2}, {"x_mm": 3, "y_mm": 3}], volumes) == [
        "",
        "1",
        "1",
    ]


def test_a_lesion_without_position_is_a_fault_unless_marks_are_matched():
    lost = LESIONS.assign(radius_mm="")
    with pytest.raises(TableError, match="reference, row 2, column radius_mm: lesion 1 of case A has no position and radius"):
        _hits([{"x_mm": 1, "y_mm": 1}], lost)
    assert _hits([{"lesion_id": "2"}, {"lesion_id": ""}, {"lesion_id": "3"}], lost) == ["2", "", ""]


def test_linked_marks_count_once():
    rows = [
        {"x_mm": 10, "y_mm": 10, "image_id": "RCC", "finding_id": "f1", "rating": 30},
        {"x_mm": 90, "y_mm": 90, "image_id": "RMLO", "finding_id": "f1", "rating": 70},  # misses, but the finding hits
        {"x_mm": 90, "y_mm": 20, "image_id": "RCC", "finding_id": "f2", "rating": 20},
        {"x_mm": 91, "y_mm": 20, "image_id": "RMLO", "finding_id": "f2", "rating": 25},
        {"x_mm": 95, "y_mm": 95, "image_id": "RCC", "finding_id": "", "rating": 10},
    ]
    base = {"reader_id": "R1", "condition": "unaided", "case_id": "A"}
    marks = read_marks(pd.DataFrame([{**base, **row} for row in rows])).frame
    frame, hits = matching.link(marks, matching.match_marks(marks, load(LESIONS).targets()))
    assert sorted(zip(hits, frame["rating"], strict=True)) == [("", 10.0), ("", 25.0), ("1", 70.0)]


def test_box_overlap_in_two_and_three_dimensions():
    assert matching.box_iou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert matching.box_iou((0, 0, 0, 2, 2, 2), (1, 1, 1, 3, 3, 3)) == pytest.approx(1 / 15)
    assert matching.box_iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0.0
    assert matching.box_iou((1, 1, 1, 1), (1, 1, 1, 1)) == 0.0
    with pytest.raises(ValueError, match="must stop"):
        matching.box_iou((2, 0, 1, 1), (0, 0, 1, 1))
    lesions = [(0, 0, 4, 4), (10, 10, 14, 14)]
    assert matching.match_boxes([(0, 0, 4, 4), (11, 11, 15, 15), (3, 3, 11, 11), (20, 20, 21, 21)], lesions, 0.3) == [
        0,
        1,
        None,
        None,
    ]


# --- figures of merit --------------------------------------------------------------------------------------------------------


def _psi(low, high):
    return 1.0 if high > low else 0.5 if high == low else 0.0


def _slow(marks):
    """Return the figures of merit by their definitions, with loops."""
    top = marks.highest_false
    healthy = [k for k, d in enumerate(marks.diseased) if not d]
    diseased = [k for k, d in enumerate(marks.diseased) if d]
    base = healthy or range(len(marks.diseased))
    lesions = {k: [m for m, case in enumerate(marks.lesion_case) if case == k] for k in diseased}
    weighted = [sum(marks.weight[m] * _psi(top[a], marks.hit[m]) for m in lesions[b]) for a in base for b in diseased]
    plain = [_psi(top[a], marks.hit[m]) for a in base for m in range(len(marks.hit))]
    best = {k: max([top[k], *(marks.hit[m] for m in lesions.get(k, []))]) for k in range(len(marks.diseased))}
    located = {k: max(marks.hit[m] for m in lesions[k]) for k in diseased}
    return {
        "wafroc": np.mean(weighted),
        "afroc": np.mean(plain),
        "max_llf": np.mean(np.isfinite(marks.hit)),
        "hr_auc": np.mean([_psi(best[a], best[b]) for a in healthy for b in diseased]) if healthy else None,
        "lroc": np.mean([_psi(best[a], located[b]) * (located[b] > top[b]) for a in healthy for b in diseased])
        if healthy
        else None,
    }


def _random(seed, healthy=6, diseased=5):
    rng = np.random.default_rng(seed)
    k = healthy + diseased
    truth = rng.permutation(np.arange(k) < diseased)
    lesion_case = np.repeat(np.flatnonzero(truth), rng.integers(1, 4, size=diseased))
    hit = np.where(rng.random(len(lesion_case)) < 0.7, rng.integers(1, 6, size=len(lesion_case)) + 1.0, -np.inf)
    false_case = np.sort(rng.integers(0, k, size=rng.integers(0, 12)))
    false = rng.integers(1, 6, size=len(false_case)).astype(float)
    return loc.Marks(truth, lesion_case, loc.equal_weights(lesion_case), hit, false_case, false)


def _without(marks, k):
    keep = np.arange(len(marks.diseased)) != k
    place = np.cumsum(keep) - 1
    mine, false = keep[marks.lesion_case], keep[marks.false_case]
    return loc.Marks(
        marks.diseased[keep], place[marks.lesion_case[mine]], marks.weight[mine], marks.hit[mine],
        place[marks.false_case[false]], marks.false_rating[false],
    )  # fmt: skip


FAST = {
    "wafroc": lambda m: loc.afroc(m, weighted=True),
    "afroc": lambda m: loc.afroc(m, weighted=False),
    "max_llf": loc.max_llf,
    "hr_auc": loc.highest_rating_auc,
    "lroc": loc.lroc,
}


@pytest.mark.parametrize("healthy", [6, 0])
@pytest.mark.parametrize("seed", range(6))
def test_figures_of_merit_and_their_jackknife_by_definition(seed, healthy):
    marks = _random(seed, healthy=healthy, diseased=5)
    expected = _slow(marks)
    for name, fast in FAST.items():
        found = fast(marks)
        if expected[name] is None:
            assert found is None
            continue
        assert found.value == pytest.approx(expected[name], abs=1e-12), name
        for left, k in zip(found.leave_one_out, np.flatnonzero(found.units), strict=True):
            assert left == pytest.approx(_slow(_without(marks, k))[name], abs=1e-12), (name, k)


def test_hand_worked_curve():
    marks = loc.Marks(
        diseased=np.array([True, True, False, False]),
        lesion_case=np.array([0, 0, 1]),
        weight=np.array([0.5, 0.5, 1.0]),
        hit=np.array([5.0, -np.inf, 3.0]),
        false_case=np.array([0, 2, 2]),
        false_rating=np.array([4.0, 3.0, 1.0]),
    )
    points = loc.operating_points(marks, "froc")
    assert points.threshold.tolist() == [np.inf, 5, 4, 3, 1]
    assert points.x.tolist() == [0, 0, 0.25, 0.5, 0.75]
    assert points.y.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert loc.sensitivity_at(points, 0.25) == pytest.approx(1 / 3)
    assert loc.sensitivity_at(points, 0.5) == pytest.approx(2 / 3)
    weighted = loc.operating_points(marks, "wafroc")
    assert weighted.x.tolist() == [0, 0, 0.5, 1]
    assert weighted.y.tolist() == pytest.approx([0, 0.25, 0.75, 1.0])
    # wAFROC by hand: false marks of the healthy cases 3 and none; lesions 5, unmarked, 3.
    # 5: (1 + 1) / 2; unmarked: (0 + 1/2) / 2; 3: (1/2 + 1) / 2; weighted (0.5 * 1 + 0.5 * 0.25 + 0.75) / 2
    assert loc.afroc(marks, weighted=True).value == pytest.approx((0.625 + 0.75) / 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_area_under_the_plotted_wafroc_is_the_figure_of_merit(seed):
    marks = _random(seed)
    points = loc.operating_points(marks, "wafroc")
    assert np.trapezoid(points.y, points.x) == pytest.approx(loc.afroc(marks, weighted=True).value, abs=1e-12)
    points = loc.operating_points(marks, "afroc")
    assert np.trapezoid(points.y, points.x) == pytest.approx(loc.afroc(marks, weighted=False).value, abs=1e-12)


# --- document ----------------------------------------------------------------------------------------------------------------


def _study(seed=1, readers=3, cases=30):
    rng = np.random.default_rng(seed)
    truth, reads, marks = [], [], []
    for k in range(cases):
        case = f"C{k:02}"
        n = int(rng.integers(1, 3)) if k % 2 else 0
        spots = rng.uniform(20, 80, size=(n, 2))
        truth += [
            {
                "case_id": case,
                "lesion_id": f"L{m}",
                "malignant": 1,
                "x_mm": x,
                "y_mm": y,
                "radius_mm": 4,
                "patient_id": f"P{k // 2}",
            }
            for m, (x, y) in enumerate(spots)
        ] or [{"case_id": case, "lesion_id": "", "malignant": 0, "patient_id": f"P{k // 2}"}]
        for r, condition in itertools.product(range(readers), ("aided", "unaided")):
            head = {"reader_id": f"R{r}", "condition": condition, "case_id": case}
            chance = 0.85 if condition == "aided" else 0.6
            rated = [0]
            for x, y in spots:
                if rng.random() < chance:
                    rated.append(int(rng.integers(40, 100)))
                    marks.append({**head, "x_mm": x + 1, "y_mm": y - 1, "rating": rated[-1]})
            for _ in range(rng.poisson(0.5)):
                rated.append(int(rng.integers(5, 70)))
                marks.append({**head, "x_mm": 5, "y_mm": rng.uniform(0, 99), "rating": rated[-1]})
            reads.append({**head, "score": max(rated)})
    return pd.DataFrame(reads), pd.DataFrame(truth), pd.DataFrame(marks)


def test_document_of_marks():
    reads, truth, marks = _study()
    document = analyze(reads, truth, marks)
    row = next(r for r in document["localization"] if r["reader_id"] == "R1" and r["condition"] == "aided")
    own = marks[(marks["reader_id"] == "R1") & (marks["condition"] == "aided")]
    assert row["lesions"] == (truth["malignant"] == 1).sum()
    assert row["hit"] == (own["x_mm"] != 5).sum()
    assert row["marks_per_case"] == pytest.approx(len(own) / 30)
    assert [s["fp_per_case"] for s in row["sensitivity_at"]] == list(loc.FP_PER_CASE)
    assert row["sensitivity_at"][-1]["sensitivity"] == pytest.approx(row["sensitivity"]["estimate"])
    kinds = {r["fom"] for r in document["froc"]}
    assert kinds >= {"froc", "afroc", "wafroc", "hr_auc", "max_llf"}
    # every mark's rating enters the read's score, so the area of the highest rating is the area of the scores
    highest = next(r for r in document["froc"] if (r["reader_id"], r["condition"], r["fom"]) == ("R1", "aided", "hr_auc"))
    scores = next(r for r in document["roc"] if (r["reader_id"], r["condition"]) == ("R1", "aided"))
    assert highest["value"]["estimate"] == pytest.approx(scores["auc"]["estimate"])
    rows = [r for r in document["mrmc"] if r["endpoint"] == "wafroc"]
    assert {(r["analysis"], r["covariance"]) for r in rows} == {("or", "jackknife"), ("dbm", "jackknife")}
    means = [c["mean"]["estimate"] for c in rows[0]["conditions"]]
    pooled = [
        next(r for r in document["froc"] if (r["reader_id"], r["condition"], r["fom"]) == (None, c, "wafroc"))
        for c in ("aided", "unaided")
    ]
    assert means == pytest.approx([r["value"]["estimate"] for r in pooled])
    assert rows[0]["differences"][0]["difference"]["estimate"] > 0


def test_marks_already_matched_give_the_same():
    reads, truth, marks = _study()
    targets = truth[truth["malignant"] == 1]
    named = []
    for mark in marks.itertuples():
        near = targets[(targets["case_id"] == mark.case_id) & (targets["x_mm"] + 1 == mark.x_mm)]
        named.append(near["lesion_id"].iloc[0] if len(near) else "")
    stated = marks.drop(columns=["x_mm", "y_mm"]).assign(lesion_id=named)
    bare = truth.drop(columns=["x_mm", "y_mm", "radius_mm"])
    one, two = analyze(reads, truth, marks), analyze(reads, bare, stated)
    assert one["froc"] == two["froc"] and one["localization"] == two["localization"]


def test_a_mark_without_a_read_and_an_endpoint_without_marks():
    reads, truth, marks = _study(cases=8)
    with pytest.raises(TableError, match="reader R9 has no read of case"):
        analyze(reads, truth, marks.assign(reader_id="R9"))
    document = analyze(reads, truth, options=Options(endpoint="wafroc"))
    assert document["mrmc"] == [] and any("needs marks" in w["text"] for w in document["warnings"])


def test_unread_cases_are_left_out_and_mrmc_declines():
    reads, truth, marks = _study()
    gone = (reads["reader_id"] == "R0") & (reads["condition"] == "aided") & (reads["case_id"] == "C01")
    kept = marks[~((marks["reader_id"] == "R0") & (marks["condition"] == "aided") & (marks["case_id"] == "C01"))]
    document = analyze(reads[~gone], truth, kept)
    row = next(r for r in document["localization"] if r["reader_id"] == "R0" and r["condition"] == "aided")
    assert row["lesions"] == ((truth["malignant"] == 1) & (truth["case_id"] != "C01")).sum()
    assert all(r["f"] is None and r["p"] is None for r in document["mrmc"] if r["endpoint"] == "wafroc")
    assert any(w.get("endpoint") == "wafroc" and "not fully crossed" in w["text"] for w in document["warnings"])


def test_clusters_of_patients_change_the_standard_error():
    reads, truth, marks = _study()
    plain, clustered = (analyze(reads, truth, marks, options=Options(cluster=c)) for c in (None, "patient_id"))
    a, b = (next(r for r in d["froc"] if r["fom"] == "wafroc" and r["reader_id"] == "R0")["value"] for d in (plain, clustered))
    assert a["estimate"] == b["estimate"] and a["se"] != b["se"] and "clusters" in b["method"]


def test_marks_follow_the_derived_condition():
    reads, truth, marks = _study()
    names = {"unaided": "s1", "aided": "s2"}
    reads, marks = (f.assign(condition=f["condition"].map(names)) for f in (reads, marks))
    reads["round"] = reads["condition"].str[1]
    some = {f"C{k:02}" for k in range(9)}
    staged = reads[(reads["condition"] == "s1") | reads["case_id"].isin(some)]
    kept = marks[(marks["condition"] == "s1") | marks["case_id"].isin(some)]
    document = analyze(staged, truth, kept)
    row = next(r for r in document["localization"] if r["reader_id"] == "R0" and r["condition"] == "final")
    last = kept[(kept["reader_id"] == "R0") & ((kept["condition"] == "s2") | ~kept["case_id"].isin(some))]
    assert row["marks_per_case"] == pytest.approx(len(last) / 30)
