"""A study amended after its freeze: a new version, the old one kept, logs go on by the coordinator's decision only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from reading.acts import conductor_for, display
from store.logs import run_info
from store.studies import TOML, frozen_study, small_study, store_aid, write_csv

from reader_app.clock import FrozenClock
from reader_app.errors import LogBug, ProtocolViolation, StudyFileError
from reader_app.store import merge, readlog
from reader_app.store.lock import VERSIONS
from reader_app.store.studyfolder import LOCK, StudyFolder, read_table
from reader_app.study.audit import audit
from reader_app.study.commands import AmendPlan, Assess, CloseSession, GiveScore, StartRound, SubmitRead


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frozen_study(tmp_path_factory.mktemp("made") / "study", cases=2, size=16).path


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "study"))


def edited(study: Path, old: str = "aid_threshold = 0.35", new: str = "aid_threshold = 0.5") -> Path:
    path = study / "study.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return study


def amended(study: Path) -> StudyFolder:
    return StudyFolder.amend(study, FrozenClock("2027-02-10T08:00:00.000Z"))


def test_an_amendment_is_a_new_version_and_keeps_the_old(study: Path) -> None:
    before = StudyFolder.load(study)
    old = before.plan("R01")
    with pytest.raises(StudyFileError, match="changed after the study was frozen"):
        StudyFolder.load(edited(study))
    after = amended(study)
    assert after.lock is not None and before.lock is not None
    assert after.lock.amends == before.lock.study_hash != after.lock.study_hash
    assert after.plan_hashes("R01") == (old.plan_hash, after.plan("R01").plan_hash)
    assert after.definition.display.aid_threshold == 0.5
    assert after.earlier_plans("R01") == (old,) and before.earlier_plans("R01") == ()
    assert (study / VERSIONS / "1" / "study.toml").read_text(encoding="utf-8") == TOML
    third = amended(edited(study, "idle_pause_s = 60", "idle_pause_s = 90"))
    assert third.earlier_plans("R02") == (before.plan("R02"), after.plan("R02"))
    assert StudyFolder.load(study).lock == third.lock


def test_a_case_may_be_added_and_a_reader_replaced(study: Path) -> None:
    before = StudyFolder.load(study)
    extra = small_study(study.parent / "extra", cases=3, size=16)
    shutil.copytree(extra / "images" / "case-03", study / "images" / "case-03")
    row = read_table(extra / "cases.csv")[2]
    for model_id in ("DLR_LH", "DLR_BM"):
        store_aid(study / "aids" / model_id, model_id, "case-03", row["fingerprint"])
    write_csv(study / "cases.csv", [*read_table(study / "cases.csv"), row])
    write_csv(study / "readers.csv", [{"reader_id": reader, "group": "", "arm": ""} for reader in ("R01", "R03")])
    (study / "hanging.toml").write_text("", encoding="utf-8")
    after = amended(study)
    assert len(after.plan("R01").round(1).order) == 3
    assert after.earlier_plans("R01") == (before.plan("R01"),)
    assert after.plan_hashes("R03") == (after.plan("R03").plan_hash,) and after.earlier_plans("R03") == ()
    (study / "hanging.toml").unlink()
    later = amended(study)
    assert later.earlier_plans("R03") == (after.plan("R03"),)
    assert len(later.plan_hashes("R01")) == 3
    assert not (study / VERSIONS / "3" / "hanging.toml").exists() and (study / VERSIONS / "2" / "hanging.toml").exists()


def test_what_cannot_be_amended(study: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match="nothing was changed"):
        StudyFolder.amend(study)
    with pytest.raises(StudyFileError, match="never frozen"):
        StudyFolder.amend(small_study(tmp_path / "loose", cases=1, size=16))
    edited(study, 'id = "small"', 'id = "other"')
    before = (study / LOCK).read_bytes()
    with pytest.raises(StudyFileError, match="keeps its id"):
        StudyFolder.amend(study)
    assert (study / LOCK).read_bytes() == before


def test_a_kept_version_that_was_changed_is_refused(study: Path) -> None:
    after = amended(edited(study))
    path = study / VERSIONS / "1" / "study.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(StudyFileError, match="earlier version of the study is missing or was changed"):
        after.earlier_plans("R01")
    shutil.rmtree(study / VERSIONS)
    with pytest.raises(StudyFileError, match="earlier version of the study is missing or was changed"):
        after.earlier_plans("R01")
    assert after.plan_hashes("R01"), "a reading workstation does not have the versions, only their hashes"


def test_the_chain_of_versions_is_in_the_lock(study: Path) -> None:
    after = amended(edited(study))
    text = (study / LOCK).read_text(encoding="utf-8")
    old = after.plan_hashes("R01")[0]
    (study / LOCK).write_text(text.replace(old, "0" * 64), encoding="utf-8")
    with pytest.raises(StudyFileError, match="the lock was changed"):
        StudyFolder.load(study)


def read_one(folder: StudyFolder, clock: FrozenClock, conductor) -> None:  # type: ignore[no-untyped-def]
    case_id = display(conductor, folder)
    revision = conductor.state.revision
    clock.advance(10)
    conductor.do(Assess(case_id, revision, "case", "3"))
    conductor.do(GiveScore(case_id, revision, "case", 10))
    conductor.do(SubmitRead(case_id, revision, clock.now().wall_utc))


def test_a_log_goes_on_under_the_amended_plan_by_decision_only(study: Path, tmp_path: Path) -> None:
    clock = FrozenClock("2027-02-01T08:00:00.000Z")
    folder = StudyFolder.load(study)
    home = Path(shutil.copytree(study, tmp_path / "home"))
    conductor, log = conductor_for(folder, "R01", clock)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    read_one(folder, clock, conductor)
    conductor.do(CloseSession(clock.now().wall_utc))
    log.close()
    amended(edited(home))
    shutil.copyfile(home / LOCK, study / LOCK)
    shutil.copyfile(home / "study.toml", study / "study.toml")
    after = StudyFolder.load(study)
    conductor, log = conductor_for(after, "R01", clock)
    refused: list[ProtocolViolation] = []
    conductor.on_refused = refused.append
    conductor.begin()
    assert len(refused) == 1
    conductor.do(AmendPlan("coordinator", "threshold raised by the steering committee", clock.now().wall_utc))
    conductor.begin()
    read_one(after, clock, conductor)
    log.close()
    assert len(refused) == 1
    contents = readlog.read(after.log_path("R01"))
    assert [run.plan_hash for run in contents.runs] == list(after.plan_hashes("R01"))
    report = merge.merge(StudyFolder.load(home), [after.log_path("R01")])
    assert report.merged and report.conflicts == ()
    coordinator = StudyFolder.load(home)
    assert audit(coordinator.plan("R01"), contents.logged, coordinator.earlier_plans("R01")) == []
    other = frozen_study(tmp_path / "other", cases=1, size=16)
    with pytest.raises(LogBug, match="another study plan"):
        readlog.ReadLog.open(after.log_path("R01"), "R01", other.plan("R01").plan_hash, run_info(), other.plan_hashes("R01"))


def test_readers_without_an_arm_are_dealt_one(tmp_path: Path) -> None:
    study = small_study(tmp_path / "s", cases=1, readers=("R01", "R02", "R03", "R04"), size=16)
    arms = 'condition = { A = "unaided", B = "aided_concurrent" }\naid = "DLR_LH"'
    text = TOML.split("[[rounds]]")[0] + f'[[rounds]]\nnumber = 1\ntitle = "Only"\n{arms}\n[randomisation]\nseed = 7\n'
    (study / "study.toml").write_text(text, encoding="utf-8")
    folder = StudyFolder.load(study).freeze()
    assert sorted(reader.arm for reader in folder.readers) == ["A", "A", "B", "B"]
    assert {folder.plan(reader.reader_id).arm for reader in folder.readers} == {"A", "B"}
    assert StudyFolder.load(study).readers == folder.readers
