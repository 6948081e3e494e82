"""Any small study, however odd, is analysed to plain JSON or refused with one of our errors; no warning of Python escapes."""

import json
import warnings

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.analysis.summary import as_text
from reader_app.errors import InputFaults

CATEGORIES = ["0", "1", "2", "3", "4", "4A", "4B", "4C", "5", "6", ""]


@st.composite
def studies(draw):
    cases = [f"C{n}" for n in range(draw(st.integers(1, 7)))]
    readers = draw(st.integers(1, 3))
    conditions = draw(st.sampled_from([("unaided",), ("aided", "unaided"), ("a", "b", "c")]))
    answers = st.tuples(
        st.sampled_from(CATEGORIES),
        st.one_of(st.none(), st.integers(0, 3), st.just(50.5)),
        st.one_of(st.none(), st.integers(1, 4)),
    )
    rows = []
    for reader in range(readers):
        for number, condition in enumerate(conditions):
            for case in cases:
                if draw(st.integers(0, 9)) == 0:
                    continue
                category, score, seconds = draw(answers)
                if category == "" and score is None:
                    score = 1
                rows.append(
                    {
                        "reader_id": f"R{reader}", "condition": condition, "case_id": case, "round": str(number),
                        "assessment": category, "score": score, "reading_time_s": seconds, "laterality": "R",
                        "group": "senior" if reader else "junior",
                    }
                )  # fmt: skip
    truth = [
        {"case_id": c, "malignant": draw(st.integers(0, 1)), "laterality": "R", "lesion_id": "1", "patient_id": f"P{n // 2}"}
        for n, c in enumerate(cases)
    ]
    marks = []
    for row in rows:
        if draw(st.booleans()):
            hit = {"rating": draw(st.integers(0, 2)), "lesion_id": draw(st.sampled_from(["", "1"]))}
            marks.append({k: row[k] for k in ("reader_id", "condition", "case_id")} | hit)
    predictions = [{"model_id": "M", "case_id": c, "probability": draw(st.sampled_from([0.0, 0.5, 1.0]))} for c in cases]
    options = {
        "zero": draw(st.sampled_from(["positive", "negative", "exclude"])),
        "ci": draw(st.sampled_from(["wilson", "exact", "wald"])),
        "covariance": draw(st.sampled_from(["delong", "jackknife", "unbiased", "bootstrap"])),
        "endpoint": draw(st.sampled_from(["auc", "sensitivity", "specificity", "wafroc"])),
        "level": draw(st.sampled_from(["case", "breast"])),
        "by": draw(st.sampled_from([None, "group"])),
        "cluster": draw(st.sampled_from([None, "patient_id"])),
        "margin": draw(st.sampled_from([None, 0.05])),
        "bootstrap": 100,
        "aids": {"aided": "M"},
    }
    return rows, truth, marks, predictions, options


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


#: Examples are big and slow to shrink; a failing one is printed as it was found.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(studies())
def test_any_small_study(study):
    rows, truth, marks, predictions, options = study
    if not rows:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            document = analyze(
                pd.DataFrame(rows),
                pd.DataFrame(truth),
                pd.DataFrame(marks) if marks else None,
                pd.DataFrame(predictions),
                Options(**options),
            )
        except InputFaults as error:
            assert error.faults
            return
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert all(0 < p <= 1 for p in _p_values(document))
    assert " nan" not in as_text(document)
    for row in document["accuracy"]:
        for name in ("sensitivity", "specificity", "accuracy", "f1"):
            e = row[name]
            if e["lower"] is not None:
                assert (
                    -1e-12 <= e["lower"] <= e["estimate"] + 1e-9
                    and e["estimate"] <= e["upper"] + 1e-9
                    and e["upper"] <= 1 + 1e-12
                )


def test_row_order_and_names_do_not_matter():
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(
        [
            {
                "reader_id": r,
                "condition": c,
                "case_id": f"C{k}",
                "score": round(rng.normal() + k % 2, 1),
                "reading_time_s": round(20 + rng.random(), 2),
            }
            for r in ("R1", "R2", "R3")
            for c in ("aided", "unaided")
            for k in range(20)
        ]
    )
    truth = pd.DataFrame({"case_id": [f"C{k}" for k in range(20)], "malignant": [k % 2 for k in range(20)]})
    one = analyze(rows, truth)
    two = analyze(rows.sample(frac=1, random_state=1), truth)
    one["input"].pop("sha256")
    two["input"].pop("sha256")
    np.testing.assert_equal(_rounded(one), _rounded(two))


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return round(value, 9) if isinstance(value, float) else value
