"""The loader of study.toml: defaults, values, and every fault at once."""

from __future__ import annotations

import copy
import tomllib
from typing import Any

import pytest
from study.protocols import LU2025, PROTOCOLS

from reader_app.errors import StudyFileError
from reader_app.study.definition import AssessmentSpec, CaseRule, Condition, DisplaySpec, TimingSpec, parse
from reader_app.study.studykeys import TABLES

TEXT = """
format = 1
id = "abvs-aid-2027"
title = "ABVS with and without aid"
notice = "Trained on phantoms."
[assessment]
scale = "birads"
categories = ["1", "2", "3", "4A", "4B", "4C", "5"]
positive_from = "4B"
level = "breast"
score = { kind = "percent", required = false }
note = false
marks = false
[display]
aid_threshold = 0.5
aid_opacity = 1
reader_may_hide_aid = false
[timing]
idle_pause_s = 60
min_display_ms = 0
[[models]]
id = "DLR_LH"
title = "Stage one"
explanation = "Low or high."
[[rounds]]
number = 1
title = "Alone"
condition = { A = "unaided", B = "aided_concurrent" }
aid = "DLR_LH"
order = "as_listed"
[[rounds]]
number = 2
condition = { A = "aided_concurrent", B = "unaided" }
aid = "DLR_LH"
min_washout_days = 28
cases = { stratum = ["retest"] }
[randomisation]
seed = 20270115
"""


def faults_of(document: dict[str, Any]) -> list[str]:
    with pytest.raises(StudyFileError) as caught:
        parse(document)
    return [str(fault) for fault in caught.value.faults]


def changed(**changes: Any) -> dict[str, Any]:
    """Return the lu2025 document with changes such as ``rounds__1__aid="X"``; ``...`` takes a key out."""
    document = copy.deepcopy(LU2025)
    for path, value in changes.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        place: Any = document
        for step in steps:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return document


def test_every_key_arrives() -> None:
    study = parse(tomllib.loads(TEXT))
    assert (study.study_id, study.title, study.notice, study.seed) == (
        "abvs-aid-2027", "ABVS with and without aid", "Trained on phantoms.", 20270115,
    )  # fmt: skip
    assert study.assessment == AssessmentSpec(
        ("1", "2", "3", "4A", "4B", "4C", "5"), "4B", "breast", False, "percent", False, False
    )
    assert study.display == DisplaySpec(0.5, 1.0, False) and study.timing == TimingSpec(60, 0)
    assert study.models[0].explanation == "Low or high."
    first, second = study.rounds
    assert first.condition == {"A": Condition.UNAIDED, "B": Condition.AIDED_CONCURRENT} and first.order == "as_listed"
    assert second.cases == CaseRule("stratum", ("retest",)) and second.min_washout_days == 28 and second.title == "Round 2"


def test_defaults() -> None:
    study = parse(LU2025)
    assert study.assessment == AssessmentSpec() and study.display == DisplaySpec() and study.timing == TimingSpec()
    assert study.models[0].title == "LH" and study.rounds[2].cases == CaseRule("left_at", ("4A",), 2)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_examples_parse(name: str) -> None:
    assert parse(PROTOCOLS[name]).study_id == PROTOCOLS[name]["id"]


FAULTS = [
    ({"format": 2}, "key format: 2 is not 1"),
    ({"format": True}, "True is not a whole number"),
    ({"id": ...}, "key id: this key is missing"),
    ({"id": "a/b"}, "cannot stand in a file name"),
    ({"title": "  "}, "the text is empty"),
    ({"colour": 1}, "key colour: this key is not known"),
    ({"display__aid_opacity": 1.5}, "[display].aid_opacity: 1.5 is not from 0 to 1"),
    ({"display__aid_threshold": float("nan")}, "nan is not from 0 to 1"),
    ({"display__reader_may_hide_aid": 1}, "1 is not a yes or no"),
    ({"timing__idle_pause_s": 2.5}, "2.5 is not a whole number"),
    ({"randomisation__seed": -1}, "-1 is not 0 or more"),
    ({"randomisation": ...}, "key randomisation: this key is missing"),
    ({"randomisation__seed": ...}, "[randomisation].seed: this key is missing"),
    ({"assessment__categories": ["1", 4]}, '4 is not a text; write it in quotation marks, as "4"'),
    ({"assessment__categories": ["1", "7"]}, "'7' is not one of"),
    ({"assessment__categories": ["1", "1"]}, "listed twice"),
    ({"assessment__categories": []}, "the list is empty"),
    ({"assessment__categories": ["4", "4A"]}, "4 is offered beside its subdivisions"),
    ({"assessment__positive_from": "0"}, "'0' is not one of"),
    ({"assessment__level": "lesion"}, "'lesion' is not one of case, breast"),
    ({"assessment__score__kind": "stars"}, "[assessment].score.kind: 'stars'"),
    ({"models": {}}, "{} is not a list of tables"),
    ({"models": ["LH"]}, "write [[models]]"),
    ({"models__0__id": ...}, "model 1.id: this key is missing"),
    ({"models__0__id": "lpt1"}, "reserved name"),
    ({"models__1__id": "lh"}, "'lh' is declared twice"),
    ({"rounds": []}, "the study has no round"),
    ({"rounds": ...}, "key rounds: this key is missing"),
    ({"rounds__0__number": 2}, "it stands at place 1"),
    ({"rounds__0__condition": "blind"}, "'blind' is not one of unaided"),
    ({"rounds__0__condition": {}}, "the table names no arm"),
    ({"rounds__0__condition": {"A": "blind"}}, "'blind' of arm 'A'"),
    ({"rounds__0__condition": {"A": "unaided"}}, "A is the only arm of the study"),
    ({"rounds__0__condition": {"A": "unaided"}, "rounds__1__aid": {"A": "LH", "B": "BM"}}, "it leaves out arm B"),
    ({"rounds__1__aid": {}}, "the table does not name a model for each arm"),
    ({"rounds__1__aid": {"A": "LH", "B": 7}}, "the table does not name a model for each arm"),
    ({"rounds__1__aid": {"A": "LH", "B": "XX"}}, "'XX' is not a declared model"),
    ({"rounds__1__aid": {"A": "LH", "B": "BM"}, "rounds__2__aid": {"A": "LH"}}, "the aid of arm B is missing"),
    (
        {"rounds__1__condition": {"A": "unaided", "B": "aided_staged"}, "rounds__1__aid": {"A": "LH", "B": "BM"}},
        "arm A reads without an aid",
    ),
    ({"rounds__0__condition": ...}, "round 1.condition: this key is missing"),
    ({"rounds__0__aid": "LH"}, "an unaided round has no aid"),
    ({"rounds__1__aid": ...}, "the aid is missing"),
    ({"rounds__1__aid": "XX"}, "'XX' is not a declared model"),
    ({"rounds__1__refines": ...}, "a staged round refines an earlier one"),
    ({"rounds__1__refines": 2}, "does not come earlier"),
    ({"rounds__1__refines": 9}, "does not come earlier"),
    ({"rounds__0__cases": {"stratum": ["x"]}}, "does not cover the cases"),
    ({"rounds__2__cases": "some"}, "'some' is not one of all"),
    ({"rounds__2__cases": {}}, "it does not say which cases"),
    ({"rounds__2__cases": {"left_at": ["4A"]}}, "it does not say which cases"),
    ({"rounds__2__cases": {"left_at": ["4A"], "stratum": ["x"], "of_round": 2}}, "it does not say which cases"),
    ({"rounds__2__cases": {"left_at": ["6"], "of_round": 2}}, "6 is not a category of this study"),
    ({"rounds__2__cases": {"left_at": ["4A"], "of_round": 3}}, "round 3 does not come earlier"),
    ({"rounds__2__cases": {"left_at": 4, "of_round": 2}}, "4 is not a list of text"),
    ({"rounds__0__training": True}, "a training round comes first"),
    ({"rounds__1__training": True, "rounds__1__cases": {"stratum": ["x"]}}, "a training round comes first"),
    ({"rounds__0__planes": ["axial"]}, "'axial' is not one of"),
    ({"rounds__0__cases": {"sample": 0}}, "0 is not 1 or more"),
    ({"rounds__0__cases": {"sample": 3, "left_at": ["4A"], "of_round": 1}}, "it does not say which cases"),
    ({"rounds__2__min_washout_days": "28"}, "'28' is not a whole number"),
]


@pytest.mark.parametrize(("changes", "words"), FAULTS, ids=[words for _, words in FAULTS])
def test_a_fault_is_named(changes: dict[str, Any], words: str) -> None:
    faults = faults_of(changed(**changes))
    assert any(words in fault for fault in faults), faults
    assert all(fault.startswith("study.toml, ") for fault in faults)


def test_all_faults_are_listed_at_once() -> None:
    faults = faults_of(
        changed(
            format=3, title=..., display__aid_opacity=7, rounds__1__aid="XX", rounds__2__order="random", randomisation__seed="x"
        )
    )
    assert len(faults) == 6


def test_a_lone_unknown_key_is_enough() -> None:
    assert parse(changed()) and faults_of(changed(rounds__0__colour="red"))


def test_every_key_is_explained() -> None:
    for keys in TABLES.values():
        for key in keys:
            assert len(key.meaning) > 10 and key.meaning.rstrip(".").strip()
            assert len({other.name for other in keys}) == len(keys)
