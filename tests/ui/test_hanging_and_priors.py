"""What the study says of hanging and of earlier exams reaches the images that the reader sees."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from readingkit import copy_study, reading

from reader_app.desk import tables
from reader_app.imaging import container
from reader_app.imaging.container import NewImage
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.definition import DisplaySpec
from reader_app.study.session import Phase

OWN = """
format = 1
name = "own"
title = "right breast first"
modality = "mammography"
requires = ["RCC", "LCC", "RMLO", "LMLO"]

[[steps]]
name = "only the right breast"
panes = [{ image = "RCC", column = 0 }, { image = "RMLO", column = 1 }]
"""


def thawed(study, tmp_path, change):
    """Return a copy of the study, changed and frozen again; its cases get an earlier exam."""
    own = copy_study(study, tmp_path / "own")
    for name in ("assignment.lock.json",):
        (own / name).unlink()
    shutil.rmtree(own / "logs", ignore_errors=True)
    rows = tables.read_rows(own / "cases.csv")
    for row in rows:
        directory = own / "images" / row["case_id"]
        case = container.open_case(directory)
        images = [NewImage(**{f: getattr(i, f) for f in NewImage.__dataclass_fields__}) for i in case.images]
        images = [replace(i, array=np.array(i.array)) for i in images]
        images += [replace(i, id=f"{i.id}_P1", role="prior", exam_days=-400) for i in images]
        modality, source = case.modality, dict(case.source)
        del case
        row["fingerprint"] = container.write(directory, row["case_id"], modality, images, source)
    tables.write_rows(own / "cases.csv", list(rows[0]), rows)
    shutil.rmtree(own / "aids", ignore_errors=True)
    text = (own / "study.toml").read_text(encoding="utf-8")
    head, _, rest = text.partition("[[models]]")
    tail = "[randomisation]" + rest.partition("[randomisation]")[2]
    first = '[[rounds]]\nnumber = 1\ntitle = "without aid"\ncondition = "unaided"\n\n'
    (own / "study.toml").write_text(change(own, head + first + tail), encoding="utf-8")
    StudyFolder.load(own).freeze()
    return own


def steps_seen(hands):
    """Go through all hanging steps and return their words and the panes' names."""
    viewer, seen = hands.session.window.viewer if hasattr(hands.session, "window") else hands.window.viewer, []
    for _ in range(12):
        seen.append((viewer.step_text(), tuple(p.name for p in viewer.panes())))
        viewer.next_step()
    return seen


@pytest.mark.parametrize("shown", [True, False])
def test_the_study_shows_or_hides_earlier_exams(breast_study, tmp_path, shown):
    word = "true" if shown else "false"
    own = thawed(breast_study, tmp_path, lambda _own, text: text.replace("[display]", f"[display]\nshow_priors = {word}"))
    with reading(own) as hands:
        hands.log_in()
        hands.begin()
        names = {name for _, panes in steps_seen(hands) for name in panes}
    assert any("prior" in name.lower() for name in names) == shown


def test_the_studys_own_hanging_is_used(breast_study, tmp_path):
    def change(own, text):
        (own / "hanging").mkdir()
        (own / "hanging" / "mammography.toml").write_text(OWN, encoding="utf-8")
        return text

    own = thawed(breast_study, tmp_path, change)
    with reading(own) as hands:
        hands.log_in()
        hands.begin()
        words, panes = steps_seen(hands)[0]
    assert "only the right breast" in words and set(panes) == {"RCC", "RMLO"}


def test_earlier_exams_are_shown_unless_the_study_says_otherwise():
    assert DisplaySpec().show_priors


def test_the_bar_of_keys_names_a_next_step_only_where_there_is_one(breast_study, mixed_study, tmp_path):
    offered = {}
    for name, study in (("breasts", breast_study), ("mixed", mixed_study)):
        with reading(copy_study(study, tmp_path / name)) as hands:
            hands.log_in()
            hands.begin()
            while hands.state.phase is Phase.READING:
                offered[hands.flow.loaded.case.modality] = "Space" in dict(hands.window.key_bar.shown_keys())
                hands.read("2", "05")
    assert offered == {"mammography": True, "abvs": False, "ultrasound": False}
