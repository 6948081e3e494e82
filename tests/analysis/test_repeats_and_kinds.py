"""Cases read twice within a round, aids changed on purpose, planned options, planes, lesion types of marks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reader_app.analysis.analyze import analyze
from reader_app.analysis.fromlog import labels_of
from reader_app.analysis.options import Options
from reader_app.errors import TableError
from reader_app.study.definition import Condition


def study(readers: int = 3, cases: int = 20, seed: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    draw = np.random.default_rng(seed)
    truth = pd.DataFrame({"case_id": [f"c{n:02d}" for n in range(cases)], "malignant": [n % 2 for n in range(cases)]})
    rows: list[dict[str, Any]] = []
    for reader in range(readers):
        for number, condition in enumerate(("unaided", "aided"), start=1):
            for case, malignant in zip(truth["case_id"], truth["malignant"], strict=True):
                category = ["2", "3", "4A", "5"][int(np.clip(draw.normal(1 + 1.5 * malignant), 0, 3))]
                head = {"reader_id": f"R{reader}", "condition": condition, "case_id": case, "round": str(number)}
                rows.append({**head, "assessment": category, "occurrence": 1})
    return pd.DataFrame(rows), truth


def test_a_case_read_twice_in_a_round_counts_once_and_serves_intra_reader_agreement() -> None:
    reads, truth = study()
    plain = analyze(reads, truth)
    again = reads[(reads["round"] == "1") & reads["case_id"].isin(["c00", "c01", "c02", "c03"])].copy()
    again["occurrence"] = 2
    again.loc[again["case_id"] == "c00", "assessment"] = "5"
    both = analyze(pd.concat([reads, again]), truth)
    for section in ("accuracy", "roc", "mrmc", "transitions", "reclassification"):
        assert both[section] == plain[section]
    assert plain["agreement"]["intra_reader"] == []
    rows = [row for row in both["agreement"]["intra_reader"] if row["weights"] == "none"]
    assert [(row["reader_id"], row["round_a"], row["round_b"], row["n"]) for row in rows] == [
        (f"R{n}", "1", "1 again", 4) for n in range(3)
    ]
    first = reads[(reads["round"] == "1") & (reads["case_id"] == "c00")].set_index("reader_id")["assessment"]
    for row in rows:  # only c00 was changed: full agreement where the first answer was 5 already
        assert (row["kappa"]["estimate"] == pytest.approx(1.0)) == (first[row["reader_id"]] == "5")
    again["occurrence"] = 1  # negative control: without the column it is a doubled read
    with pytest.raises(TableError, match="stands already"):
        analyze(pd.concat([reads, again]), truth)


def test_aids_changed_on_purpose_split_their_use() -> None:
    reads, truth = study()
    calls = truth.set_index("case_id")["malignant"]
    kinds = {case: ("withheld", "inverted", "true", "true", "true")[n % 5] for n, case in enumerate(truth["case_id"])}
    shown: dict[str, dict[str, tuple[float, str]]] = {"probe": {}}
    for case, kind in kinds.items():
        call = {"withheld": np.nan, "inverted": 1.0 - calls[case], "true": float(calls[case])}[kind]
        shown["probe"][case] = (call, kind)
    rows = analyze(reads, truth, options=Options(aids={"aided": "probe"}), shown=shown)["aid_use"]
    by = {(row["reader_id"], row["aid_kind"]): row for row in rows}
    assert {kind for _, kind in by} == {None, "true", "withheld", "inverted"}
    count = pd.Series(kinds).value_counts()
    positive = reads.assign(call=reads["assessment"].isin(["4A", "5"]).astype(int)).set_index(
        ["reader_id", "condition", "case_id"]
    )
    for reader in ("R0", "R1", "R2"):
        assert by[reader, None]["n"] == count["true"] + count["inverted"]  # a withheld aid says nothing
        assert (by[reader, "true"]["aid_wrong"], by[reader, "inverted"]["aid_right"]) == (0, 0)
        assert by[reader, "withheld"]["n"] == count["withheld"]
        assert by[reader, "withheld"]["followed"]["estimate"] is None
        for kind in ("true", "withheld", "inverted"):
            own = [case for case, name in kinds.items() if name == kind]
            right = np.mean([positive.loc[(reader, "aided", case), "call"] == calls[case] for case in own])
            assert by[reader, kind]["correct_after"]["estimate"] == pytest.approx(right)
        wrong = [case for case, name in kinds.items() if name == "inverted"]
        had = [case for case in wrong if positive.loc[(reader, "unaided", case), "call"] == calls[case]]
        turned = [case for case in had if positive.loc[(reader, "aided", case), "call"] != calls[case]]
        found = by[reader, "inverted"]["automation_bias"]["estimate"]
        assert found == (pytest.approx(len(turned) / len(had)) if had else None)


def test_departures_from_the_plan_are_noted() -> None:
    reads, truth = study(cases=8)
    plan = {"endpoint": "auc", "alpha": 0.05, "margin": None, "match": "distance"}
    kept = analyze(reads, truth, options=Options(planned=plan))
    left = analyze(reads, truth, options=Options(planned=plan, alpha=0.1))
    told = [w["text"] for w in left["warnings"] if "plan" in w["text"]]
    assert told == ["option alpha: 0.1 was used, but the study's plan says 0.05"]
    assert not [w for w in kept["warnings"] if "plan" in w["text"]]
    assert left["input"]["options"]["planned"]["alpha"] == 0.05


def test_rounds_that_show_other_planes_are_other_conditions() -> None:
    def a_round(number: int, condition: Condition, aid: str | None = None, planes: tuple[str, ...] = ()) -> SimpleNamespace:
        return SimpleNamespace(number=number, condition=condition, aid=aid, planes=planes)

    two = ("transverse", "sagittal")
    rounds = [
        a_round(1, Condition.UNAIDED, None, two),
        a_round(2, Condition.UNAIDED),
        a_round(3, Condition.AIDED_CONCURRENT, "m"),
    ]
    names = {number: label for number, (label, _) in labels_of(rounds).items()}
    assert names == {1: "unaided (transverse+sagittal)", 2: "unaided", 3: "aided"}
    same = [a_round(1, Condition.UNAIDED, None, two), a_round(2, Condition.AIDED_CONCURRENT, "m", two)]
    assert {label for label, _ in labels_of(same).values()} == {"unaided", "aided"}


def test_figures_of_merit_by_lesion_type_leave_other_types_out() -> None:
    truth = pd.DataFrame(
        [("a", 1, "1", "mass"), ("b", 1, "1", "calcification"), ("b2", 1, "1", "mass"), ("c", 0, "", ""), ("d", 0, "", "")],
        columns=["case_id", "malignant", "lesion_id", "lesion_type"],
    )
    reads = pd.DataFrame({"reader_id": "R", "condition": "x", "case_id": ["a", "b", "b2", "c", "d"], "score": [3, 3, 2, 1, 0]})
    marks = pd.DataFrame(
        [("a", 9, "1"), ("b", 9, "1"), ("b", 8, ""), ("c", 5, "")], columns=["case_id", "rating", "lesion_id"]
    ).assign(reader_id="R", condition="x")
    rows = analyze(reads, truth, marks=marks)["froc"]
    value = {(row["lesion_type"], row["fom"]): row["value"]["estimate"] for row in rows if row["reader_id"] == "R"}
    # masses: a above both healthy cases, b2 not marked (ties with d, loses to c); the case with the calcification is left out
    assert value["mass", "max_llf"] == pytest.approx(1 / 2)
    assert value["mass", "afroc"] == pytest.approx((2 + 0.5) / 4)
    assert value["calcification", "afroc"] == pytest.approx(1.0)
    assert value[None, "max_llf"] == pytest.approx(2 / 3)
