"""The durability probe of ``doctor``: a real log, timed, verified and removed; every finding in words."""

from __future__ import annotations

import itertools
import os
import sqlite3
from pathlib import Path

import pytest

from reader_app.store import probe, readlog
from reader_app.store.probe import Durability, durability


def test_a_disk_is_probed_with_a_real_log_and_left_clean(tmp_path: Path) -> None:
    found = durability(tmp_path)
    assert found.fault == "" and 0 < found.median_ms <= found.slowest_ms
    assert "one event durable in" in found.rows()["log"] and sqlite3.sqlite_version in found.rows()["log engine"]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("step_ns", "words"), [(1_000, "faster than a disk can be"), (300_000_000, "slow: "), (5_000_000, None)])
def test_what_is_strange_is_said(tmp_path: Path, step_ns: int, words: str | None) -> None:
    ticks = itertools.count(0, step_ns)
    text = durability(tmp_path, lambda: next(ticks)).rows()["log"]
    assert (words in text) if words else ("; " not in text)


def test_where_no_log_can_be_kept_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No such file" in durability(tmp_path / "nowhere").rows()["log"]
    with monkeypatch.context() as patch:
        patch.setattr(probe, "network_filesystem", lambda _: "nfs4")
        assert "network share (nfs4)" in durability(tmp_path).rows()["log"]
    with monkeypatch.context() as patch:
        real = readlog.read
        patch.setattr(probe.readlog, "read", lambda path: type("Lost", (), {"logged": real(path).logged[:-1]}))
        assert "kept 39 of 40 events" in durability(tmp_path).rows()["log"]
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 52, 0))
    assert "older" not in Durability(1.0, 1.0, "", "").rows()["log engine"]
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    assert "older than 3.51.3" in Durability(1.0, 1.0, "", "").rows()["log engine"]
