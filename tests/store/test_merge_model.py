"""Merges in any order, with forks and tampered files, against a model."""

from __future__ import annotations

import os
from pathlib import Path

from store.merges import make_stock, merge_trials

MERGES = int(os.environ.get("READER_APP_MERGES", "60"))


def test_after_any_merges_the_study_holds_what_the_model_says(tmp_path: Path) -> None:
    report = merge_trials(make_stock(tmp_path), MERGES)
    assert report.merges >= MERGES and 0 < report.refused < report.merges
    assert report.violations == 0


def test_the_model_catches_a_merge_in_which_the_last_file_wins(tmp_path: Path) -> None:
    assert merge_trials(make_stock(tmp_path), 30, naive=True).violations > 0
