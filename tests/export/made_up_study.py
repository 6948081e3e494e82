"""A made-up study with known answers, and an analysis document of every shape that the outer interface allows."""

from __future__ import annotations

import random
from typing import Any

from reader_app.export.content import PredictionSummary, WorkbookContent
from reader_app.study.audit import Deviation
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import CaseRule, Condition, ModelSpec, Round, StudyDefinition
from reader_app.study.events import AidShown
from reader_app.study.finding import Mark
from reader_app.study.readtable import Initial, Interval, Read

CATEGORIES = ("2", "3", "4A", "4B", "4C", "5")
HOSTILE_NOTE = '=HYPERLINK("http://example.invalid","乳腺")\x07\r\n' + "long " * 8_000


def estimate(value: float | None, half: float = 0.05, method: str = "Wilson") -> dict[str, Any]:
    if value is None:
        return {"estimate": None, "se": None, "lower": None, "upper": None, "method": method}
    return {
        "estimate": value,
        "se": half / 1.96,
        "lower": max(0.0, value - half),
        "upper": min(1.0, value + half),
        "method": method,
    }


def study() -> StudyDefinition:
    return StudyDefinition(
        study_id="lu2025-demo",
        title="Two-stage aid for BI-RADS 4A: A & B",
        rounds=(
            Round(1, "No aid", {"": Condition.UNAIDED}),
            Round(2, "First stage", {"": Condition.AIDED_STAGED}, aid={"": "DLR_LH"}, refines=1, min_washout_days=0),
            Round(
                3,
                "Second stage, 4A only",
                {"": Condition.AIDED_STAGED},
                aid={"": "DLR_BM"},
                refines=2,
                cases=CaseRule("left_at", ("4A",), 2),
            ),
        ),
        seed=20270115,
        models=(
            ModelSpec("DLR_LH", "Low / high suspicion", "Says whether the lesion looks like BI-RADS 2–3 or 4–5."),
            ModelSpec("DLR_BM", "Benign / malignant", "Says how likely the lesion is malignant."),
        ),
        description="A rehearsal on phantoms.",
        notice="The model was trained on phantoms.",
    )


def make_reads(
    cases: list[CaseEntry], truth: dict[str, int], definition: StudyDefinition, seed: int, readers: tuple[str, ...]
) -> list[Read]:
    chance = random.Random(seed)
    found: list[Read] = []
    for reader in readers:
        before: dict[str, tuple[str, int]] = {}
        clock = 0
        for a_round in definition.rounds:
            order = [case.case_id for case in cases]
            if a_round.number == 3:
                order = [case for case in order if before[case][0] == "4A"]
            chance.shuffle(order)
            for position, case in enumerate(order, start=1):
                place = min(5, max(0, round(chance.gauss(1.2 + 2.1 * truth[case], 1.1))))
                if a_round.number > 1:
                    place = min(5, max(0, CATEGORIES.index(before[case][0]) + chance.choice([0, 0, 0, 1 if truth[case] else -1])))
                score = min(99, max(1, 14 * place + chance.randint(0, 12)))
                before[case] = (CATEGORIES[place], score)
                active = int(chance.lognormvariate(3.4 - 0.25 * (a_round.number > 1), 0.4) * 1e9)
                intervals = [Interval("active", clock, clock + active, "run-1")]
                if chance.random() < 0.1:
                    intervals.append(Interval("paused", clock + active, clock + active + 5_000_000_000, "run-1"))
                aid = None
                if a_round.aid:
                    intervals.append(Interval("aid", clock, clock + active, "run-1"))
                    model = a_round.aid[""]
                    aid = AidShown(model, f"{model}-{case}".encode().hex().ljust(64, "0")[:64], 0.35, 0.55)
                marks = (Mark("1", "1", "US1", (120.5, 88.25), score=score),) if place > 2 else ()
                if place == 5:
                    marks += (Mark("2", "2", "L_AP", (40.0, 120.0, 88.0), "box", (6.0, 20.0, 20.0), 90),)
                minute, second = divmod(clock // 1_000_000_000, 60)
                stamp = f"2027-01-{14 + a_round.number:02d}T{8 + minute // 60:02d}:{minute % 60:02d}:{second:02d}.250Z"
                found.append(
                    Read(
                        reader_id=reader,
                        round_no=a_round.number,
                        condition=a_round.condition[""],
                        case_id=case,
                        categories={"case": CATEGORIES[place]},
                        scores={"case": score},
                        note="",
                        marks=marks,
                        initial=None,
                        intervals=tuple(intervals),
                        displayed_utc=stamp,
                        submitted_utc=stamp,
                        position=position,
                        aid=aid,
                        interrupted=0,
                        run_ids=("run-1",),
                    )
                )
                clock += active + 1_000_000_000
    return found


def analysis(readers: tuple[str, ...]) -> dict[str, Any]:
    conditions = ["unaided", "aided_staged"]
    pooled = [*readers, None]
    scope = {"group": None, "lesion_type": None, "level": "case"}
    pair = {"condition_a": "unaided", "condition_b": "aided_staged"}
    points = [[0.0, 0.0, None], [0.04, 0.4, "5"], [0.12, 0.62, "4C"], [0.25, 0.84, "4B"], [0.4, 0.95, "4A"], [1.0, 1.0, "2"]]
    shares = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1", "youden_index")
    return {
        "schema": 1,
        "input": {
            "readers": len(readers),
            "conditions": conditions,
            "cases": 24,
            "malignant": 10,
            "options": {
                "positive_from": "4A",
                "ci": "wilson",
                "covariance": "delong",
                "alpha": 0.05,
                "seed": 1,
                "interim": False,
            },
            "sha256": {"reads": "ab" * 32},
        },
        "accuracy": [
            {"reader_id": r, "condition": c, **scope, "tp": 9, "fp": 3, "tn": 11, "fn": 1}
            | {
                name: estimate(0.7 + 0.02 * place, method="Takahashi 2022" if name == "f1" else "Wilson")
                for place, name in enumerate(shares)
            }
            for r in pooled
            for c in conditions
        ],
        "roc": [
            {
                "reader_id": r,
                "condition": c,
                **scope,
                "score": "assessment",
                "auc": estimate(0.88 if c == "unaided" else 0.93, method="DeLong"),
                "auc_hanley_mcneil": estimate(0.88, 0.06, "Hanley–McNeil, nonparametric"),
                "points": [
                    [x ** (1.0 + 0.4 * (c != "unaided") - 0.1 * len(r or "")), y ** (1 + 0.1 * place), t] for x, y, t in points
                ],
                "youden": {"threshold": "4A", "sensitivity": 0.95, "specificity": 0.6, "j": 0.55},
            }
            for place, r in enumerate(pooled)
            for c in conditions
        ],
        "roc_paired": [
            {
                "reader_id": r,
                **scope,
                "score": "assessment",
                **pair,
                "difference": estimate(-0.05, method="DeLong"),
                "z": -2.1,
                "p": 0.036,
            }
            for r in readers
        ],
        "mcnemar": [
            {"reader_id": r, **scope, **pair, "measure": m, "b": 1, "c": 5, "p": 0.21875, "p_asymptotic": 0.1025}
            for r in pooled
            for m in ("sensitivity", "specificity", "accuracy")
        ],
        "mrmc": [
            {
                "analysis": a,
                "covariance": cov,
                "endpoint": "auc",
                "score": "assessment",
                "generalise": g,
                **scope,
                "f": 5.2,
                "df1": 1,
                "df2": 14.3 if g != "cases" else None,
                "p": 0.00004 if g == "cases" else None,
                "components": {"var_r": 0.0004, "var_tr": -0.0001, "var": 0.002, "cov1": 0.0011, "cov2": 0.0012, "cov3": 0.001},
                "conditions": [{"condition": c, "mean": estimate(0.9, method="OR")} for c in conditions],
                "differences": [
                    {**pair, "difference": estimate(None, method="OR"), "df": 14.3, "t": None, "p": None, "p_holm": None}
                ],
            }
            for a, cov in (("or", "delong"), ("dbm", "jackknife"), ("gallas", "unbiased"))
            for g in ("readers_and_cases", "cases", "readers")
        ],
        "froc": [
            {
                "reader_id": r,
                "condition": c,
                **scope,
                "fom": f,
                "value": estimate(0.8, method="jackknife"),
                "points": [[0, 0], [0.5, 0.8]],
            }
            for r in readers
            for c in conditions
            for f in ("wafroc", "froc")
        ],
        "localization": [
            {
                "reader_id": r,
                "condition": c,
                **scope,
                "lesions": 12,
                "hit": 10,
                "sensitivity": estimate(0.8333),
                "marks_per_case": 0.9,
                "sensitivity_at": [{"fp_per_case": 0.25, "sensitivity": 0.7}, {"fp_per_case": 1, "sensitivity": None}],
            }
            for r in readers
            for c in conditions
        ],
        "agreement": {
            "cohen": [
                {
                    "a": "R1",
                    "b": b,
                    "condition": c,
                    **scope,
                    "weights": w,
                    "n": 24,
                    "kappa": estimate(0.66, 0.2, "Fleiss–Cohen–Everitt"),
                    "z": 5.1,
                    "p": 3e-7,
                    "words": "substantial",
                }
                for b in ("R2", "R3", "DLR_LH")
                for c in conditions
                for w in ("none", "linear", "quadratic")
            ],
            "fleiss": [
                {"condition": c, **scope, "raters": 3, "n": 24, "kappa": estimate(0.5), "z": 8.2, "p": 1e-9} for c in conditions
            ],
            "gwet": [
                {"condition": c, **scope, "raters": 3, "n": 24, "weights": "none", "coefficient": estimate(0.6)}
                for c in conditions
            ],
            "krippendorff": [
                {"condition": c, **scope, "raters": 3, "n": 24, "weights": "linear", "alpha": estimate(0.6)} for c in conditions
            ],
            "intra_reader": [],
        },
        "time": {
            "by_reader": [
                {"reader_id": r, "condition": c, **scope, "n": 24, "mean": 31.2, "sd": 12.0, "median": 29.4}
                | {"q1": 21.0, "q3": 38.2, "min": 9.8, "max": 71.5}
                for r in pooled
                for c in conditions
            ],
            "paired": [
                {"reader_id": r, **scope, **pair, "test": t, "statistic": 2.9, "df": 23 if t == "paired_t" else None, "p": 0.008}
                | {"difference": estimate(6.2, 3.0, "paired t")}
                for r in readers
                for t in ("paired_t", "wilcoxon")
            ],
            "model": {
                "formula": "log(time) ~ condition + (1|reader) + (1|case)",
                "ratio": estimate(0.78, method="REML"),
                "p": 0.0001,
                "variance": {"reader": 0.05, "case": 0.03, "residual": 0.12},
            },
        },
        "reclassification": [
            {
                "reader_id": r,
                **scope,
                "condition_from": "unaided",
                "condition_to": "final",
                "from": "4A",
                "n": 9,
                "down": {"benign": 4, "malignant": 0},
                "unchanged": {"benign": 2, "malignant": 1},
                "up": {"benign": 0, "malignant": 2},
                "false_positive_rate_before": 6 / 9,
                "false_positive_rate_after": 2 / 9,
                "malignancy_rate_before": 3 / 9,
                "malignancy_rate_after": 1 / 3,
                "biopsies_avoided": 4,
                "cancers_missed": 0,
            }
            for r in pooled
        ],
        "transitions": [
            {
                "reader_id": r,
                **scope,
                **pair,
                "categories": ["3", "4A", "4B"],
                "benign": [[5, 0, 0], [3, 4, 0], [0, 1, 1]],
                "malignant": [[0, 1, 0], [0, 2, 3], [0, 0, 4]],
            }
            for r in readers
        ],
        "decision_curve": [
            {
                "predictor": name,
                "threshold": t / 20,
                "net_benefit": 0.4 - t * lift,
                "treat_all": 0.42 - t * 0.06,
                "treat_none": 0.0,
            }
            for name, lift in (("DLR_BM", 0.012), ("DLR_LH", 0.02))
            for t in range(1, 15)
        ],
        "association": [
            {
                "outcome": outcome,
                "group_names": names,
                "variable": "age",
                "category": "",
                "kind": "number",
                "total": "52.50 ± 7.07",
                "groups": ["49.10 ± 6.00", "57.25 ± 5.50"],
                "test": "Student's t",
                "p": 0.0021,
            }
            for outcome, names in (("pathology", ["benign", "malignant"]), ("birads", ["BI-RADS 1-3", "BI-RADS 4-6"]))
        ],
        "embedding": [
            {
                "model_id": m,
                "method": "t-SNE of 128 values a case, seed 1",
                "points": [[f"US{n:03d}", float(n % 7), float(n % 5), int(n % 5 in (0, 3))] for n in range(1, 25)],
            }
            for m in ("DLR_LH", "DLR_BM")
        ],
        "cohorts": [
            {
                "model_id": "DLR_BM",
                "cohort": "external",
                "cases": 12,
                "malignant": 5,
                "auc": estimate(0.91, method="delong"),
                "sensitivity": estimate(0.8),
                "specificity": estimate(0.75),
                "accuracy": estimate(0.77),
            }
        ],
        "multiplicity": {"method": "holm", "tests": []},
        "warnings": [{"text": "variance is zero: not estimable", "reader_id": "R2", "condition": None}, "plain sentence"],
    }


def make_content(readers: tuple[str, ...] = ("R1", "R2", "R3"), **changes: Any) -> WorkbookContent:
    definition = study()
    truth = {f"US{number:03d}": int(number % 5 in (0, 3)) for number in range(1, 25)}
    cases = [
        CaseEntry(
            name,
            "ultrasound",
            ("R",) if number % 2 else ("L",),
            fingerprint=f"{number:064x}",
            clinical={"age": str(40 + number), "family_history": "no", "brca": "=2+3"},
        )
        for number, name in enumerate(truth, start=1)
    ]
    reads = make_reads(cases, truth, definition, 7, readers)
    predictions = [
        PredictionSummary(
            model_id=model.model_id,
            case_id=case.case_id,
            probability=0.8 if truth[case.case_id] else 0.2,
            threshold=0.5,
            call=("high", "low")[not truth[case.case_id]]
            if model.model_id == "DLR_LH"
            else ("malignant", "benign")[not truth[case.case_id]],
            positive=bool(truth[case.case_id]),
            status="ok",
            sha256=f"{model.model_id}-{case.case_id}".encode().hex().ljust(64, "0")[:64],
            bundle="version 1, " + "9f" * 32,
            training_data="phantoms v1, seed 3",
        )
        for model in definition.models
        for case in cases
    ]
    plain: dict[str, Any] = {
        "study": definition,
        "cases": cases,
        "readers": [Reader(name, ("senior", "junior", "junior")[place % 3]) for place, name in enumerate(readers)],
        "reads": reads,
        "reference": [
            {"case_id": name, "malignant": str(value), "lesion_id": "1", "laterality": "R"} for name, value in truth.items()
        ],
        "deviations": {readers[0]: [Deviation("clock", 212, "The clock was set back by 2 s between entries 211 and 212.")]},
        "analysis": analysis(readers),
        "predictions": predictions,
        "versions": {"reader-app": "0.1.0", "Python": "3.11.7"},
        "hashes": {"study": "ab" * 32, "reference standard": "cd" * 32},
        "heads": {name: (480 + place, f"{place:064x}") for place, name in enumerate(readers)},
        "notes": ["Simulated readers.", "The model was trained on phantoms."],
        "written_utc": "2027-02-01T09:30:00.000Z",
    }
    return WorkbookContent(**(plain | changes))


def make_hostile_content() -> WorkbookContent:
    """Return the study with hostile text wherever text comes from outside."""
    plain = make_content()
    definition = plain.study
    reads = list(plain.reads)
    first = reads[0]
    reads[0] = Read(
        **{name: getattr(first, name) for name in Read.__slots__}
        | {
            "note": HOSTILE_NOTE,
            "initial": Initial({"case": "3"}, {"case": 20}, "", (), first.displayed_utc, 12_000_000_000),
            "interrupted": 2,
        }
    )
    hostile = StudyDefinition(
        study_id="=1+1",
        title="@SUM(A1) & 연구 \u202eabc",
        rounds=definition.rounds,
        seed=1,
        models=(ModelSpec("DLR_LH", "+cmd", "-1"), definition.models[1]),
        description="=1+1\t_x0041_",
        notice="\t=2",
    )
    cases = [CaseEntry(case.case_id, case.modality, case.breasts, "=s", "", {"=col": "@x", "age": "=1"}) for case in plain.cases]
    return make_content(study=hostile, cases=cases, reads=reads, notes=["=3+3"], versions={"=v": "=4"}, interim=True)
