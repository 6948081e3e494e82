"""CSV tables: tidy, guarded, read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from export.made_up_study import HOSTILE_NOTE

from reader_app.errors import EnvironmentFault
from reader_app.export import plain
from reader_app.export.content import WorkbookContent
from reader_app.study.readtable import Interval, active_seconds


def test_every_table_is_written_and_reads_come_back(tmp_path: Path, content: WorkbookContent) -> None:
    reads = pd.DataFrame({"reader_id": ["R1", "R2"], "score": [5, None], "call": [True, False]})
    written = plain.write_csv(tmp_path, content, reads, reads)
    names = {path.name for path in written}
    assert {"reads.csv", "cases.csv", "changes.csv", "accuracy.csv", "data_dictionary.csv", "csv_read_me.txt"} <= names
    rows = plain.read_table(tmp_path / "reads.csv")
    place = {name: number for number, name in enumerate(rows[0])}
    assert len(rows) == len(content.reads) + 1
    for row, read in zip(rows[1:], content.reads, strict=True):
        assert float(row[place["reading_time_s"]]) == active_seconds(read)  # full precision
        assert row[place["displayed_utc"]] == read.displayed_utc
    assert plain.read_table(tmp_path / "analysis_reads.csv") == [
        ["reader_id", "score", "call"],
        ["R1", "5", "1"],
        ["R2", "", "0"],
    ]
    assert (tmp_path / "reads.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_hostile_text_is_guarded_and_comes_back(tmp_path: Path, hostile_content: WorkbookContent) -> None:
    plain.write_csv(tmp_path, hostile_content)
    raw = (tmp_path / "reads.csv").read_bytes().decode("utf-8-sig")
    assert "'=HYPERLINK" in raw
    assert ',"=' not in raw
    assert ",=" not in raw
    assert not (tmp_path / "cases.csv").read_text(encoding="utf-8-sig").startswith("=")
    assert ",'=col" in (tmp_path / "cases.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    rows = plain.read_table(tmp_path / "reads.csv")
    assert rows[1][rows[0].index("note")] == HOSTILE_NOTE
    assert "INTERIM" in (tmp_path / "csv_read_me.txt").read_text()


def test_every_interim_row_says_so(tmp_path: Path, content: WorkbookContent, hostile_content: WorkbookContent) -> None:
    for made, interim in ((hostile_content, True), (content, False)):
        for path in plain.write_csv(tmp_path, made):
            rows = plain.read_table(path) if path.suffix == ".csv" else []
            said = [row[-1] == "INTERIM: do not report" for row in rows[1:]]
            assert all(said) if interim else not any(said), path.name


def test_what_the_log_knows_of_a_read_has_columns(tmp_path: Path, content: WorkbookContent) -> None:
    first, *others = content.reads
    stretches = (*first.intervals, Interval("load", 0, 1_500_000_000, "run-1"), Interval("idle", 0, 4_000_000_000, "run-1"))
    changed = replace(
        first, verdicts={"1": "accepted", "2": "rejected"}, disturbances=("stall", "stall", "suspend"), intervals=stretches
    )
    plain.write_csv(tmp_path, replace(content, reads=[changed, *others]))
    header, row, *_ = plain.read_table(tmp_path / "reads.csv")
    found = dict(zip(header, row, strict=True))
    assert found["verdicts"] == "1 accepted; 2 rejected"
    assert found["disturbances"] == "program stalled (2 times); computer slept"
    assert (float(found["load_s"]), float(found["idle_s"])) == (1.5, 4.0)
    header, *rows = plain.read_table(tmp_path / "time_apart.csv")
    own = next(dict(zip(header, row, strict=True)) for row in rows if row[:2] == [first.reader_id, str(first.round_no)])
    assert (own["disturbed"], float(own["idle_sum"])) == ("1", 4.0)
    assert "age" in (tmp_path / "association.csv").read_text(encoding="utf-8-sig").lower()
    assert len(plain.read_table(tmp_path / "embedding.csv")) == 49


def test_header_names_are_unique(content: WorkbookContent) -> None:
    for sheet in plain.all_sheets(content):
        for table in sheet.tables:
            names = [plain.column_name(column) for column in table.columns]
            assert len(set(names)) == len(names), table.name


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="does not exist"):
        plain.write_table(tmp_path / "no" / "t.csv", ["a"], [["b"]])
