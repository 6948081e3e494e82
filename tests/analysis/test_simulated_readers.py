"""Simulated readers: the derived round, determinism, stated skill, and an analysis that finds the known answers again."""

import itertools

import numpy as np
import pandas as pd
import pytest

from reader_app.analysis import simulate
from reader_app.analysis.analyze import analyze
from reader_app.analysis.fromlog import condition_labels, from_reads
from reader_app.analysis.options import Options
from reader_app.study.assignment import plan
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import AssessmentSpec, CaseRule, Condition, Round, StudyDefinition
from reader_app.study.events import AidShown
from reader_app.study.readtable import Initial, Interval, Read

STAGED = (
    Round(1, "alone", {"": Condition.UNAIDED}),
    Round(2, "first stage", {"": Condition.AIDED_STAGED}, aid={"": "DLR_LH"}, refines=1),
    Round(3, "second stage", {"": Condition.AIDED_STAGED}, aid={"": "DLR_BM"}, refines=2, cases=CaseRule("left_at", ("4A",), 2)),
)


def _study(rounds=STAGED, cases=40, readers=3, level="case", **spec):
    definition = StudyDefinition("sim", "simulated", rounds, seed=5, assessment=AssessmentSpec(level=level, **spec))
    entries = [CaseEntry(f"C{n:03}", "mammography" if level == "breast" else "ultrasound") for n in range(cases)]
    plans = [plan(definition, entries, Reader(f"R{n}"), "hash") for n in range(1, readers + 1)]
    rng = np.random.default_rng(9)
    truth = pd.DataFrame({"case_id": [c.case_id for c in entries], "malignant": (rng.random(cases) < 0.4).astype(int)})
    if level == "breast":
        truth["laterality"] = np.where(truth["malignant"] == 1, "L", "")
    chance = {
        c: float(np.clip(0.25 + 0.5 * t + 0.15 * rng.normal(), 0, 1))
        for c, t in zip(truth["case_id"], truth["malignant"], strict=True)
    }
    return plans, truth, {"DLR_LH": chance, "DLR_BM": chance}


def test_scripts_have_the_agreed_form_and_order():
    plans, truth, predictions = _study()
    scripts = simulate.scripts(plans, truth, predictions, seed=3)
    script = scripts["R2"]
    assert {k: script[k] for k in ("schema", "reader_id", "seed")} == {"schema": 1, "reader_id": "R2", "seed": 3}
    read = script["reads"][0]
    assert set(read) == {"round", "case_id", "categories", "scores", "note", "reading_time_s"}
    assert set(read["categories"]) == {"case"} and isinstance(read["scores"]["case"], int)
    assert read["categories"]["case"] in plans[1].assessment.categories
    for number in (1, 2):
        assert tuple(r["case_id"] for r in script["reads"] if r["round"] == number) == plans[1].rounds[number - 1].order
    assert all(0 <= r["scores"]["case"] <= 100 and r["reading_time_s"] >= 1 for r in script["reads"])


def test_the_derived_round_holds_just_the_cases_left_at_4a_in_the_planned_order():
    plans, truth, predictions = _study()
    for settled in plans:
        reads = simulate.scripts([settled], truth, predictions, seed=3)[settled.reader_id]["reads"]
        left = {r["case_id"] for r in reads if r["round"] == 2 and r["categories"]["case"] == "4A"}
        third = [r["case_id"] for r in reads if r["round"] == 3]
        assert left and third == [c for c in settled.rounds[2].order if c in left]
    # negative control: a plan whose rule names another category gives another round
    other = tuple(
        r if r.number < 3 else Round(3, "x", r.condition, r.aid, 2, cases=CaseRule("left_at", ("5",), 2)) for r in STAGED
    )
    changed = _study(other)[0][0]
    fives = simulate.scripts([changed], truth, predictions, seed=3)["R1"]["reads"]
    assert {r["case_id"] for r in fives if r["round"] == 3} == {
        r["case_id"] for r in fives if r["round"] == 2 and r["categories"]["case"] == "5"
    }


def test_equal_seeds_give_equal_scripts_and_readers_do_not_disturb_each_other():
    plans, truth, predictions = _study()
    scripts = simulate.scripts(plans, truth, predictions, seed=3)
    assert scripts == simulate.scripts(plans, truth, predictions, seed=3)
    assert scripts["R2"] == simulate.scripts([plans[1]], truth, predictions, seed=3)["R2"]
    assert scripts["R2"]["reads"] != simulate.scripts(plans, truth, predictions, seed=4)["R2"]["reads"]


def test_stated_skill_speed_and_response_to_the_aid_are_met():
    rounds = (Round(1, "a", {"": Condition.UNAIDED}), Round(2, "b", {"": Condition.AIDED_CONCURRENT}, aid={"": "M"}))
    plans, truth, _ = _study(rounds, cases=1500, readers=2)
    perfect = {"M": {c: 0.02 + 0.96 * m for c, m in zip(truth["case_id"], truth["malignant"], strict=True)}}
    skill = simulate.Skill(auc=0.80, seconds=30, aid_weight=0.5, aid_speed=0.6, wobble=0.0)
    table = simulate.reads_table(simulate.scripts(plans, truth, perfect, skill, seed=1), plans)
    document = analyze(table, truth)
    found = {(r["reader_id"], r["condition"]): r["auc"]["estimate"] for r in document["roc"] if r["score"] == "score"}
    assert found["R1", "unaided"] == pytest.approx(0.80, abs=0.03)
    assert found["R1", "aided"] > 0.95
    medians = table.groupby("condition")["reading_time_s"].median()
    assert medians["unaided"] == pytest.approx(30, rel=0.05)
    assert medians["aided"] == pytest.approx(18, rel=0.05)
    ignoring = simulate.reads_table(simulate.scripts(plans, truth, perfect, simulate.Skill(aid_weight=0.0, wobble=0.0), 1), plans)
    wide = ignoring.pivot(index=["reader_id", "case_id"], columns="condition", values="score")
    assert (wide["aided"] == wide["unaided"]).all()


def test_breasts_are_read_apart_and_the_scale_of_the_study_is_kept():
    rounds = (Round(1, "a", {"": Condition.UNAIDED}),)
    plans, truth, _ = _study(rounds, level="breast", categories=("1", "2", "3", "4", "5"), score_required=False)
    script = simulate.scripts(plans, truth, seed=2)["R1"]
    assert all(set(r["categories"]) == {"R", "L"} and r["scores"] == {} for r in script["reads"])
    assert {c for r in script["reads"] for c in r["categories"].values()} <= {"1", "2", "3", "4", "5"}
    table = simulate.reads_table({"R1": script}, plans)
    assert set(table["laterality"]) == {"R", "L"}
    breasts = analyze(table, truth, options=Options(level="breast", categories=("1", "2", "3", "4", "5")))
    assert breasts["input"]["units"] == 80 and breasts["input"]["cases"] == 40
    assert any("breasts of one case are taken as independent" in w["text"] for w in breasts["warnings"])


def test_expected_tables_are_the_scripts():
    plans, truth, predictions = _study(cases=12, readers=2)
    scripts = simulate.scripts(plans, truth, predictions)
    expected = simulate.expected_tables(scripts)
    assert len(expected) == sum(len(s["reads"]) for s in scripts.values())
    first = expected[(expected["reader_id"] == "R1") & (expected["round"] == 1)]
    assert first["position"].tolist() == list(range(1, 13))
    assert first["case_id"].tolist() == list(plans[0].rounds[0].order)


def _as_read(settled, entry, answer, position, initial=None, condition=None):
    shown = None if entry.aid is None else AidShown(entry.aid, "sha", 0.3, 0.5)
    stop = round(answer["reading_time_s"] * 1e9)
    return Read(
        settled.reader_id, entry.number, condition or entry.condition, answer["case_id"], answer["categories"], answer["scores"],
        "", (), initial, (Interval("active", 0, stop, "run"), Interval("paused", stop, stop + 10**10, "run")), "", "", position,
        shown, 0, ("run",),
    )  # fmt: skip


def test_reads_of_logs_give_the_same_table_as_the_scripts():
    plans, truth, predictions = _study()
    scripts = simulate.scripts(plans, truth, predictions)
    reads = []
    for settled in plans:
        place = itertools.count(1)
        reads += [_as_read(settled, settled.round(a["round"]), a, next(place)) for a in scripts[settled.reader_id]["reads"]]
    tables = from_reads(reads, plans, groups={"R1": "senior"})
    assert tables.conditions == ("unaided", "aided stage 1", "aided stage 2")
    assert tables.aids == {"aided stage 1": "DLR_LH", "aided stage 2": "DLR_BM"}
    direct = simulate.reads_table(scripts, plans)
    columns = ["reader_id", "condition", "case_id", "assessment", "score", "reading_time_s"]
    left = tables.reads[columns].sort_values(columns[:3]).reset_index(drop=True)
    right = direct[columns].sort_values(columns[:3]).reset_index(drop=True)
    pd.testing.assert_frame_equal(left, right, check_dtype=False)
    assert set(tables.reads.loc[tables.reads["condition"] != "unaided", "aid_model_id"]) == {"DLR_LH", "DLR_BM"}


def test_a_sequential_read_gives_two_rows_and_names_do_not_collide():
    rounds = (
        Round(1, "a", {"": Condition.AIDED_SEQUENTIAL}, aid={"": "M"}),
        Round(2, "b", {"": Condition.UNAIDED}),
        Round(3, "c", {"": Condition.AIDED_CONCURRENT}, aid={"": "M"}),
    )
    mixed, _, _ = _study(rounds, cases=3, readers=1)
    assert condition_labels(mixed[0]) == {
        1: ("aided (sequential)", "unaided (sequential)"),
        2: ("unaided", None),
        3: ("aided", None),
    }
    alone, truth, _ = _study(rounds[:1], cases=3, readers=1)
    script = simulate.scripts(alone, truth, {"M": dict.fromkeys(truth["case_id"], 0.9)}, simulate.Skill(aid_weight=1.0))["R1"]
    reads = []
    for answer in script["reads"]:
        sealed = Initial(answer["initial"]["categories"], answer["initial"]["scores"], "", (), "", 2 * 10**9)
        reads.append(_as_read(alone[0], alone[0].rounds[0], answer, 1, sealed))
    table = from_reads(reads, alone).reads
    assert table["condition"].value_counts().to_dict() == {"unaided": 3, "aided": 3}
    assert (table.loc[table["condition"] == "unaided", "reading_time_s"] == 2.0).all()
    assert (table.loc[table["condition"] == "aided", "score"] == 90).all()


def test_rounds_with_different_models_carry_the_model():
    rounds = (
        Round(1, "a", {"": Condition.AIDED_CONCURRENT}, aid={"": "M1"}),
        Round(2, "b", {"": Condition.AIDED_CONCURRENT}, aid={"": "M2"}),
    )
    plans, _, _ = _study(rounds, cases=3, readers=1)
    assert condition_labels(plans[0]) == {1: ("aided (M1)", None), 2: ("aided (M2)", None)}


def test_the_whole_staged_study_gives_the_known_answers():
    plans, truth, predictions = _study(cases=80)
    scripts = simulate.scripts(plans, truth, predictions, seed=11)
    table = simulate.reads_table(scripts, plans)
    document = analyze(table, truth, options=Options(conditions=("unaided", "aided stage 1", "aided stage 2")))
    assert document["input"]["conditions"] == ["unaided", "aided stage 1", "aided stage 2", "final"]
    malignant = dict(zip(truth["case_id"], truth["malignant"], strict=True))
    for reader, script in scripts.items():
        answers = {}
        last = {}
        for read in script["reads"]:
            answers[read["round"], read["case_id"]] = read["categories"]["case"]
            last[read["case_id"]] = read["categories"]["case"]
        high = ("4A", "4B", "4C", "5")
        row = next(r for r in document["accuracy"] if r["reader_id"] == reader and r["condition"] == "final")
        assert row["tp"] == sum(c in high and malignant[k] for k, c in last.items())
        assert row["fp"] == sum(c in high and not malignant[k] for k, c in last.items())
        moved = next(
            r
            for r in document["reclassification"]
            if (r["reader_id"], r["condition_from"], r["condition_to"]) == (reader, "unaided", "final")
        )
        at_4a = [k for (n, k), c in answers.items() if n == 1 and c == "4A"]
        assert moved["n"] == len(at_4a)
        assert moved["biopsies_avoided"] == sum(last[k] in ("1", "2", "3") for k in at_4a)
        assert moved["cancers_missed"] == sum(last[k] in ("1", "2", "3") and malignant[k] for k in at_4a)
        times = [r["reading_time_s"] for r in script["reads"] if r["round"] == 3]
        described = next(
            r for r in document["time"]["by_reader"] if (r["reader_id"], r["condition"]) == (reader, "aided stage 2")
        )
        assert (described["n"], described["median"]) == (len(times), pytest.approx(np.median(times)))


@pytest.mark.parametrize("wrong", [{"auc": 1.0}, {"seconds": 0}, {"aid_weight": 1.2}, {"shared": -0.1}])
def test_impossible_skills_are_refused(wrong):
    with pytest.raises(ValueError, match="a skill needs"):
        simulate.Skill(**wrong)
