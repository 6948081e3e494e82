"""Every ready protocol is one that the loader takes, and its paragraph stands in the folder's README."""

from __future__ import annotations

import tomllib

import pytest

from reader_app import paths
from reader_app.desk.newstudy import protocols
from reader_app.store import lexicons
from reader_app.study.caselist import Reader
from reader_app.study.definition import parse

TERMS = lexicons.load()


@pytest.mark.parametrize("name", protocols())
def test_protocol_is_valid_and_documented(name: str) -> None:
    folder = paths.study_templates() / name
    with (folder / "study.toml").open("rb") as file:
        definition = parse(tomllib.load(file), f"{name}/study.toml", TERMS.lists, TERMS.questionnaires)
    assert definition.study_id == name
    assert {model for r in definition.rounds for model in r.models} <= {m.model_id for m in definition.models}
    assert f"**{name}**" in (paths.study_templates() / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", protocols())
def test_every_reader_of_a_protocol_has_a_condition_in_every_round(name: str) -> None:
    from reader_app.desk.tables import read_rows
    from reader_app.study.assignment import condition_for

    folder = paths.study_templates() / name
    with (folder / "study.toml").open("rb") as file:
        definition = parse(tomllib.load(file), name, TERMS.lists, TERMS.questionnaires)
    readers = [Reader(r["reader_id"], r["group"], r["arm"]) for r in read_rows(folder / "readers.csv")]
    assert readers
    for reader in readers:
        for entry in definition.rounds:
            assert condition_for(entry, reader.arm)


def test_lu2025_third_round_is_for_the_4a_cases_of_the_second() -> None:
    with (paths.study_templates() / "lu2025" / "study.toml").open("rb") as file:
        rounds = parse(tomllib.load(file), "lu2025").rounds
    assert [r.models for r in rounds] == [(), ("DLR_LH",), ("DLR_BM",)]
    assert (rounds[2].cases.kind, rounds[2].cases.values, rounds[2].cases.of_round) == ("left_at", ("4A",), 2)
