"""Arms that are shown different models in the same round: planned, frozen, packed, guarded, judged and named apart."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from export.test_package import finish_round
from store.studies import TOML, small_study, store_aid, write_csv
from study.protocols import Bench

from reader_app.analysis.fromlog import labels_by_reader
from reader_app.clock import FrozenClock
from reader_app.errors import ProtocolViolation, StudyFileError
from reader_app.export import package, words
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.audit import audit

ROUNDS = """
[[rounds]]
number = 1
condition = "unaided"
[[rounds]]
number = 2
condition = "aided_concurrent"
aid = { A = "DLR_LH", B = "DLR_BM" }
[randomisation]
seed = 7
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    folder = small_study(tmp_path_factory.mktemp("desk") / "arms", cases=2, size=16)
    (folder / "study.toml").write_text(TOML[: TOML.index("[[rounds]]")] + ROUNDS, encoding="utf-8")
    readers = [{"reader_id": f"R0{number}", "group": "", "arm": ""} for number in range(1, 5)]
    (folder / "readers.csv").unlink()
    write_csv(folder / "readers.csv", readers)
    return StudyFolder.load(folder).freeze(FrozenClock("2027-01-10T08:00:00.000Z"))


def reader_of(desk: StudyFolder, arm: str) -> str:
    return next(reader.reader_id for reader in desk.readers if reader.arm == arm)


def test_readers_are_dealt_to_the_arms_and_each_plan_names_its_own_model(desk: StudyFolder) -> None:
    assert sorted(reader.arm for reader in desk.readers) == ["A", "A", "B", "B"]
    shown = {reader.arm: desk.plan(reader.reader_id).round(2).aid for reader in desk.readers}
    assert shown == {"A": "DLR_LH", "B": "DLR_BM"}
    assert all(desk.plan(reader.reader_id).round(1).aid is None for reader in desk.readers)
    titles = words.model_titles(desk.definition.models)
    assert words.round_aid(desk.definition.rounds[1], titles) == "arm A: First stage; arm B: Second stage"


def test_an_arm_that_is_not_there_is_named(desk: StudyFolder) -> None:
    with pytest.raises(StudyFileError, match="round 2 has no aid for arm 'C'; use one of A, B"):
        replace(desk, readers=(replace(desk.readers[0], arm="C"),)).plan(desk.readers[0].reader_id)


def test_both_models_are_frozen_and_a_changed_aid_is_noticed(desk: StudyFolder, tmp_path: Path) -> None:
    assert desk.lock is not None and set(desk.lock.aids) == {"DLR_LH", "DLR_BM"}
    assert desk.aid_faults("DLR_LH") == desk.aid_faults("DLR_BM") == []
    (fault,) = replace(desk, path=tmp_path).aid_faults("DLR_BM", ["case-01"])
    assert "missing" in fault.what
    store_aid(tmp_path / "aids" / "DLR_BM", "DLR_BM", "case-01", "another image")
    (fault,) = replace(desk, path=tmp_path).aid_faults("DLR_BM", ["case-01"])
    assert "changed after the study was frozen" in fault.what


def test_a_package_holds_the_aids_of_its_reader_s_arm_alone(desk: StudyFolder, tmp_path: Path) -> None:
    for arm, model, other in (("A", "DLR_LH", "DLR_BM"), ("B", "DLR_BM", "DLR_LH")):
        reader_id = reader_of(desk, arm)
        finish_round(desk, reader_id, 1)
        file = package.write_package(desk.path, reader_id, tmp_path / f"{arm}.zip")
        held = {name.split("/")[1] for name in zipfile.ZipFile(file).namelist() if name.startswith("aids/")}
        assert held == {model}
        for path in (desk.path / "aids" / other).glob("*.json"):  # not under another name either
            assert path.read_bytes() not in file.read_bytes()
        station = StudyFolder.load(package.open_package(file, tmp_path / arm))
        assert station.plan(reader_id).plan_hash == desk.plan(reader_id).plan_hash
        assert station.aid_faults(model) == [] and station.missing_aids(other) == ("case-01", "case-02")


def test_the_other_arm_s_aid_is_refused_and_the_auditor_names_it(desk: StudyFolder) -> None:
    benches = {}
    for arm in "AB":
        bench = benches[arm] = Bench(desk.plan(reader_of(desk, arm)))
        bench.open()
        for _ in range(2):
            bench.start_round()
            for _ in range(2):
                bench.read()
        assert audit(bench.plan, bench.log) == []
    fresh = Bench(benches["A"].plan)
    fresh.open()
    fresh.start_round()
    fresh.read(), fresh.read()
    fresh.start_round()
    wrong = replace(fresh.display_command(), aid=fresh.aid(model_id="DLR_BM"))
    with pytest.raises(ProtocolViolation, match="The aid of this round is DLR_LH, not DLR_BM"):
        fresh.do(wrong)
    # a log in which it was shown all the same
    bent = [
        replace(entry, event=replace(entry.event, aid=replace(entry.event.aid, model_id="DLR_BM")))
        if getattr(entry.event, "aid", None) is not None
        else entry
        for entry in benches["A"].log
    ]
    assert {found.code for found in audit(benches["A"].plan, bent)} == {"aid-wrong"}


def test_conditions_are_named_apart(desk: StudyFolder) -> None:
    labels = labels_by_reader({reader.reader_id: desk.plan(reader.reader_id).rounds for reader in desk.readers})
    assert {labels[reader_of(desk, "A")][2][0], labels[reader_of(desk, "B")][2][0]} == {"aided (DLR_LH)", "aided (DLR_BM)"}
    assert {own[1][0] for own in labels.values()} == {"unaided"}
