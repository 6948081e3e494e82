"""Logs of every released version read to the same events for ever; rows are never rewritten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from store.corpus_maker import CORPUS, every_event, make
from store.logs import AT

from reader_app.store import readlog
from reader_app.store.canonical import sha256_file
from reader_app.store.readlog import ReadLog
from reader_app.store.runinfo import describe_run, from_detail
from reader_app.store.upcast import STEPS, upcast
from reader_app.study import eventcodec
from reader_app.study.events import Assessed, SessionOpened

LOGS = sorted(CORPUS.glob("*.readlog"))


def holds(now: object, then: object) -> bool:
    """Return whether what is read now says all that was written then; later versions may add fields."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return all(key in now and holds(now[key], own) for key, own in then.items())
    if isinstance(then, list) and isinstance(now, list):
        return len(now) == len(then) and all(holds(one, two) for one, two in zip(now, then, strict=True))
    return now == then


def test_there_is_a_corpus() -> None:
    assert LOGS


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_log_of_an_earlier_version_reads_as_then(path: Path) -> None:
    before = sha256_file(path)
    contents = readlog.read(path)
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert len(contents.logged) == len(expected)
    for entry, (kind, then) in zip(contents.logged, expected, strict=True):
        now_kind, now = eventcodec.to_payload(entry.event)
        if then["v"] == eventcodec.VERSION:
            assert now_kind == kind and holds(now, then), (entry.seq, now, then)
    assert [seal.meaning for seal in contents.seals] == ["session ended", "session ended"]
    assert contents.runs[0].screens[0].icc_sha256 == "c" * 64
    assert sha256_file(path) == before


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_log_of_an_earlier_version_is_continued(path: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copyfile(path, tmp_path / path.name))
    rows = readlog.read_rows(copy)
    from reader_app.clock import FrozenClock

    log = ReadLog.open(copy, rows.reader_id, rows.plan_hash, describe_run(FrozenClock()))
    log.append([SessionOpened(rows.reader_id, rows.plan_hash, AT.wall_utc)], AT)
    log.close()
    assert rows.is_prefix_of(readlog.read_rows(copy))


def test_the_comparison_sees_a_difference() -> None:
    """Negative control of ``holds``."""
    assert holds({"a": [{"b": 1, "new": 2}]}, {"a": [{"b": 1}]})
    for now in ({"a": [{"b": 2}]}, {"a": []}, {}, {"a": None}):
        assert not holds(now, {"a": [{"b": 1}]})


def test_the_maker_makes_what_it_says(tmp_path: Path) -> None:
    assert [entry.event for entry in readlog.read(make(tmp_path)).logged] == every_event()


def test_steps_follow_each_other_and_raise_the_version() -> None:
    def to_two(payload: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        return "Assessed", {"v": 2, "case_id": payload["case"], "unit": "case", "category": payload["category"]}

    def to_three(payload: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        return "Assessed", {**payload, "v": 3}

    steps = {("Rated", 1): to_two, ("Assessed", 2): to_three}
    old = {"v": 1, "case": "c1", "category": "4A"}
    kind, now = upcast("Rated", old, steps)
    assert (kind, now) == ("Assessed", {"v": 3, "case_id": "c1", "unit": "case", "category": "4A"})
    assert old == {"v": 1, "case": "c1", "category": "4A"}
    assert upcast("Noted", {"v": 1}, steps) == ("Noted", {"v": 1})
    with pytest.raises(ValueError, match="does not raise the version"):
        upcast("Rated", old, {("Rated", 1): lambda payload: ("Rated", dict(payload))})


def test_an_old_form_in_a_log_is_read_in_todays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path)
    before = sha256_file(path)
    monkeypatch.setitem(
        STEPS, ("Scored", 1), lambda payload: ("Assessed", {**payload, "v": 2, "category": str(payload["score"])})
    )

    def todays(kind: str, payload: Mapping[str, object]) -> object:
        if payload["v"] == 2:
            return Assessed(str(payload["case_id"]), str(payload["unit"]), str(payload["category"]))
        return eventcodec.from_payload(kind, payload)

    monkeypatch.setattr("reader_app.store.upcast.from_payload", todays)
    events = [entry.event for entry in readlog.read(path).logged]
    assert events[4] == Assessed("case-01", "case", "62") and events[:4] == every_event()[:4]
    assert sha256_file(path) == before


def test_a_strange_description_of_a_run_is_still_read() -> None:
    run = from_detail("x", {"screens": [{"name": 1, "width_px": "wide"}, 3], "more": 5, "later": [1]})
    assert run.program == "" and run.screens[0].width_px == 0 and run.more == (("later", "[1]"),)
    assert from_detail("x", {"screens": None}).screens == ()
