"""The case feed brings a case that comes again as a case of its own, and keeps a training case until its reference is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from store.studies import frozen_study

from reader_app.reading.casefeed import CaseFeed, LoadedCase
from reader_app.reading.tasks import InlineExecutor, InlineMainThread
from reader_app.study.session import SessionState


def test_a_case_that_stands_next_to_itself_is_delivered_twice(tmp_path: Path) -> None:
    """Cases withdrawn between the two readings can bring them together."""
    folder = frozen_study(tmp_path / "study", cases=2, readers=("R01",))
    found: list[LoadedCase] = []
    feed = CaseFeed(folder, folder.plan("R01"), InlineExecutor(), InlineMainThread(), found.append)
    state = SessionState(round_no=1, case_order=("case-01", "case-01", "case-02"))
    for index in range(3):
        feed.follow(replace(state, index=index))
    assert [own.case.case_id for own in found] == ["case-01", "case-01", "case-02"]
    assert feed.ready(1, "case-02") is found[2]
    feed.close()


def test_a_training_case_stays_until_its_reference_is_told(tmp_path: Path) -> None:
    folder = frozen_study(tmp_path / "study", cases=2, readers=("R01",))
    found: list[str] = []
    feed = CaseFeed(folder, folder.plan("R01"), InlineExecutor(), InlineMainThread(), lambda own: found.append(own.case.case_id))
    state = SessionState(round_no=1, case_order=("case-01", "case-02"))
    feed.follow(state)
    feed.follow(replace(state, index=1, feedback="case-01"))
    assert found == ["case-01"] and feed.ready(1, "case-01") is not None
    feed.follow(replace(state, index=1))
    assert found == ["case-01", "case-02"] and feed.ready(1, "case-01") is None
    feed.follow(replace(state, index=2, feedback="case-02"))  # the last case of the round
    assert found == ["case-01", "case-02"] and feed.ready(1, "case-02") is not None
    feed.close()
