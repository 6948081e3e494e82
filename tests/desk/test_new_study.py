"""A new study folder: complete, empty of cases, and never over something that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from reader_app.desk.newstudy import new_study
from reader_app.errors import InputFaults
from reader_app.store.studyfolder import StudyFolder


def test_a_new_study_loads_and_has_no_cases(tmp_path: Path) -> None:
    folder = StudyFolder.load(new_study(tmp_path / "breast study 1", "lu2025"))
    assert folder.definition.study_id == "breast-study-1"
    assert folder.cases == ()
    assert [r.group for r in folder.readers] == ["junior", "junior", "senior"]
    assert not folder.is_frozen


def test_a_used_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputFaults, match="not empty"):
        new_study(tmp_path, "demo")
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]
