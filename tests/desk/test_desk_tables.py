"""Small tables of a study folder: text stays text, rows merge by key, nothing is ever half-written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reader_app.desk import tables

_CELL = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r\ufeff"), max_size=12)


@given(st.lists(st.tuples(_CELL, _CELL), max_size=6))
def test_rows_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("t") / "x.csv"
    wanted = [{"case_id": a, "note": b} for a, b in rows]
    tables.write_rows(path, ["case_id", "note"], wanted)
    assert tables.header(path) == ["case_id", "note"]
    assert tables.read_rows(path) == wanted


def test_new_rows_update_old_ones_and_keep_what_they_do_not_say() -> None:
    old = [{"case_id": "A", "age": "50", "stratum": "x"}, {"case_id": "B", "age": "61"}]
    new = [{"case_id": "B", "age": "62"}, {"case_id": "A", "age": "", "symptom": "lump"}, {"case_id": "C", "age": ""}]
    assert tables.merge_rows(old, new, "case_id") == [
        {"case_id": "A", "age": "50", "stratum": "x", "symptom": "lump"},
        {"case_id": "B", "age": "62"},
        {"case_id": "C", "age": ""},
    ]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    tables.write_rows(path, ["a"], [{"a": "old"}])

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        tables.write_rows(path, ["a"], [{"a": "new"}])
    assert tables.read_rows(path) == [{"a": "old"}]
