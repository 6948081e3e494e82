"""Events survive the log: every field of every kind, and what a newer program wrote is refused."""

from __future__ import annotations

import json
import typing

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from reader_app.errors import LogBug
from reader_app.study.eventcodec import KINDS, from_payload, to_payload
from reader_app.study.events import AidShown, CaseDisplayed, Event, InitialSealed
from reader_app.study.finding import Mark

texts = strategies.text(max_size=20)
numbers = strategies.floats(allow_nan=False, allow_infinity=False)
positions = strategies.lists(numbers, max_size=3).map(tuple)
scores = strategies.none() | strategies.integers()
outlines = strategies.lists(positions, max_size=3).map(tuple)
marks = strategies.builds(Mark, texts, texts, texts, positions, texts, positions, scores, outlines)
strategies.register_type_strategy(Mark, marks)
strategies.register_type_strategy(float, numbers)
strategies.register_type_strategy(AidShown, strategies.builds(AidShown, texts, texts, numbers, numbers, texts))


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=strategies.data())
def test_round_trip_through_json(kind: str, data: strategies.DataObject) -> None:
    event = data.draw(strategies.from_type(KINDS[kind]))
    name, payload = to_payload(event)
    text = json.dumps(payload, allow_nan=False)
    assert name == kind and payload["v"] == 1
    back = from_payload(name, json.loads(text))
    assert back == event and type(back) is type(event)
    assert json.dumps(to_payload(back)[1]) == text


def test_every_event_has_a_kind() -> None:
    assert set(KINDS.values()) == set(typing.get_args(Event))


def displayed() -> dict[str, typing.Any]:
    return to_payload(CaseDisplayed(1, "c1", "f", ("RCC",), AidShown("M", "s", 0.35, 0.5)))[1]


def test_absent_fields_with_a_default_take_it() -> None:
    payload = displayed()
    del payload["aid"]["status"]
    event = from_payload("CaseDisplayed", payload)
    assert isinstance(event, CaseDisplayed) and event.aid is not None and event.aid.status == "ok"


def test_whole_numbers_stand_for_decimals_and_tuples_come_back() -> None:
    payload = displayed()
    payload["aid"]["opacity"] = 1
    event = from_payload("CaseDisplayed", payload)
    assert isinstance(event, CaseDisplayed) and event.panes == ("RCC",)
    assert event.aid is not None and type(event.aid.opacity) is float


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("Teleported", {}, "does not know"),
        ("CaseDisplayed", {"v": 2}, "format 2"),
        ("CaseDisplayed", {"v": None}, "format None"),
        ("CaseDisplayed", {"smell": 1}, "a field 'smell'"),
        ("CaseDisplayed", {"panes": "RCC"}, "for a list"),
        ("CaseDisplayed", {"panes": [1]}, "1 for a str"),
        ("CaseDisplayed", {"round_no": True}, "True for a int"),
        ("CaseDisplayed", {"aid": []}, "for a AidShown"),
        ("CaseDisplayed", {"aid": {"model_id": "M"}}, "without its field 'opacity'"),
        (
            "CaseDisplayed",
            {"aid": {"model_id": "M", "prediction_sha256": "s", "threshold": float("inf"), "opacity": 1}},
            "for a number",
        ),
    ],
)
def test_what_does_not_fit_is_refused(kind: str, change: dict[str, typing.Any], words: str) -> None:
    with pytest.raises(LogBug, match=words):
        from_payload(kind, displayed() | change)


@pytest.mark.parametrize("value", [[], {1: "2"}, {"case": 2}])
def test_answers_are_tables_of_text(value: object) -> None:
    payload = to_payload(InitialSealed("c1", {"case": "2"}, {}, ""))[1]
    with pytest.raises(LogBug):
        from_payload("InitialSealed", payload | {"categories": value})


def test_a_payload_of_the_right_length_with_a_wrong_name_is_refused() -> None:
    payload = to_payload(InitialSealed("c1", {"case": "2"}, {}, ""))[1]
    other = {("remark" if name == "note" else name): own for name, own in payload.items()}
    with pytest.raises(LogBug, match="a field 'remark'"):
        from_payload("InitialSealed", other)
