"""The study folder: all faults at once, frozen by hash, refused when anything in it has changed."""

from __future__ import annotations

import builtins
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from store.logs import run_info
from store.studies import TOML, frozen_study, small_study, store_aid, write_csv

from reader_app.errors import LogBug, StudyFileError
from reader_app.store import lock as locking
from reader_app.store.canonical import canonical_json, sha256_file
from reader_app.store.studyfolder import LOCK, StudyFolder, read_table


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frozen_study(tmp_path_factory.mktemp("made") / "study").path


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "study"))


def faults_of(act: Callable[[], object]) -> str:
    with pytest.raises(StudyFileError) as caught:
        act()
    return str(caught.value)


def test_a_frozen_study_loads(study: Path) -> None:
    folder = StudyFolder.load(study)
    assert folder.is_frozen and folder.lock is not None
    assert [case.case_id for case in folder.cases] == ["case-01", "case-02", "case-03", "case-04"]
    assert folder.case("case-02").clinical == {"age": "41"}
    assert folder.reader("R02").group == "junior"
    assert folder.container("case-01").is_dir()
    assert folder.aid_dir("DLR_LH").is_dir()
    assert folder.log_path("R01") == study / "logs" / "R01.readlog"
    assert folder.lock.frozen_utc == "2027-01-10T08:00:00.000Z"
    assert folder.freeze() is folder


def test_plans_are_the_frozen_ones_and_differ_by_reader(study: Path) -> None:
    folder = StudyFolder.load(study)
    one, two = folder.plan("R01"), folder.plan("R02")
    assert folder.lock is not None
    assert one.plan_hash == folder.lock.plans["R01"] != two.plan_hash
    assert one.study_hash == folder.lock.study_hash
    assert set(one.fingerprints) == {"case-01", "case-02", "case-03", "case-04"}


def test_unknown_names_are_told_with_the_known_ones(study: Path) -> None:
    folder = StudyFolder.load(study)
    assert "the readers are: R01, R02" in faults_of(lambda: folder.plan("R09"))
    assert "no case case-99" in faults_of(lambda: folder.case("case-99"))
    assert "nobody" in faults_of(lambda: replace(folder, readers=()).reader("R01"))


def test_a_program_that_makes_another_plan_is_refused(study: Path) -> None:
    folder = StudyFolder.load(study)
    assert folder.lock is not None
    other = replace(folder, lock=replace(folder.lock, plans={"R01": "0" * 64}))
    text = faults_of(lambda: other.plan("R01"))
    assert "another plan" in text and "0" * 64 in text and folder.lock.program in text


def test_a_log_is_opened_under_the_readers_plan(study: Path) -> None:
    folder = StudyFolder.load(study)
    log = folder.open_log("R01", run_info())
    log.close()
    log.path.rename(folder.log_path("R02"))
    with pytest.raises(LogBug, match="log of reader R01"):
        folder.open_log("R02", run_info())


# --- not frozen yet ----------------------------------------------------------------------------------------------------------


def test_before_the_first_import_there_are_no_cases(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(TOML, encoding="utf-8")
    folder = StudyFolder.load(tmp_path)
    assert folder.cases == () and folder.readers == () and not folder.is_frozen
    assert "not frozen yet" in faults_of(lambda: folder.plan("R01"))
    text = faults_of(folder.freeze)
    assert "lists no case" in text and "lists no reader" in text
    assert not (tmp_path / LOCK).exists()


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(TOML.replace('title = "A small study"', "titel = 3"), encoding="utf-8")
    write_csv(tmp_path / "cases.csv", [{"case_id": "c1", "modality": "xray", "malignant": "1"}])
    write_csv(tmp_path / "readers.csv", [{"reader_id": "R01", "name": "Dr. Who"}])
    text = faults_of(lambda: StudyFolder.load(tmp_path))
    for word in ("titel", "cases.csv, column malignant", "reference_standard.csv", "readers.csv, column name"):
        assert word in text


@pytest.mark.parametrize("column", ["malignant", "Pathology", "truth", "patient_id"])
def test_a_case_list_with_truth_in_it_is_refused(tmp_path: Path, column: str) -> None:
    (tmp_path / "study.toml").write_text(TOML, encoding="utf-8")
    write_csv(tmp_path / "cases.csv", [{"case_id": "c1", "modality": "abvs", column: "1"}])
    assert f"column {column}" in faults_of(lambda: StudyFolder.load(tmp_path))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("study.toml", None, "no such file"),
        ("study.toml", b"title = \n", "line 1"),
        ("study.toml", b"title = '\xff'", "not UTF-8 text"),
        ("cases.csv", b"case_id,modality\nc\xe91,abvs\n", "not UTF-8 text"),
        ("cases.csv", b"case_id,modality,modality\nc1,abvs,abvs\n", "stands twice"),
        ("cases.csv", b'case_id,modality\n"c1,abvs\n', "not a CSV table"),
        ("readers.csv", b"reader_id\nR01\nR01\n", "R01"),
    ],
)
def test_faults_of_the_files_themselves(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    (tmp_path / "study.toml").write_text(TOML, encoding="utf-8")
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    text = faults_of(lambda: StudyFolder.load(tmp_path))
    assert words in text and name in text


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "no such folder" in faults_of(lambda: StudyFolder.load(tmp_path / "nowhere"))
    (tmp_path / "study.toml").mkdir()
    (tmp_path / "cases.csv").mkdir()
    text = faults_of(lambda: StudyFolder.load(tmp_path))
    assert text.count("cannot be read") == 2


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a;b\n1;2\n", "a\tb\n1\t2\n", "\ufeffa,b\r\n1,2\r\n", " a , b \n1,2\n"])
def test_tables_come_out_of_any_spreadsheet(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_bytes(text.encode())
    assert read_table(tmp_path / "t.csv") == [{"a": "1", "b": "2"}]
    assert read_table(tmp_path / "absent.csv") == []


def test_freezing_lists_everything_that_stands_in_its_way(tmp_path: Path) -> None:
    study = small_study(tmp_path / "study", cases=8)
    shutil.rmtree(study / "images" / "case-01")
    (study / "images" / "case-02" / "manifest.json").write_text("{}", encoding="utf-8")
    shutil.rmtree(study / "aids" / "DLR_BM")
    (study / "aids" / "DLR_LH" / "case-03.json").unlink()
    rows = read_table(study / "cases.csv")
    rows[4]["fingerprint"] = "0" * 64
    write_csv(study / "cases.csv", rows)
    (study / "logs").mkdir()
    (study / "logs" / "R01.readlog").touch()
    text = faults_of(StudyFolder.load(study).freeze)
    for word in (
        "case case-01 has no sound",
        "case case-02 has no sound",
        "DLR_LH for case-03",
        "case-05 and 3 more",
        "there are logs",
    ):
        assert word in text, word
    assert "0" * 64 in text
    assert not (study / LOCK).exists()


def test_a_case_list_without_fingerprints_gets_them_when_frozen(tmp_path: Path) -> None:
    study = small_study(tmp_path / "study")
    rows = [{key: text for key, text in row.items() if key != "fingerprint"} for row in read_table(study / "cases.csv")]
    write_csv(study / "cases.csv", rows)
    assert {case.fingerprint for case in StudyFolder.load(study).cases} == {""}
    folder = StudyFolder.load(study).freeze()
    assert all(len(case.fingerprint) == 64 for case in folder.cases)
    assert set(folder.plan("R01").fingerprints.values()) == {case.fingerprint for case in folder.cases}


# --- changed after the freeze ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["study.toml", "cases.csv", "readers.csv"])
def test_a_changed_file_is_refused_with_both_hashes(study: Path, name: str) -> None:
    before = sha256_file(study / name)
    with open(study / name, "a", encoding="utf-8") as file:
        file.write("\n")
    text = faults_of(lambda: StudyFolder.load(study))
    assert name in text and before in text and sha256_file(study / name) in text


def test_a_file_that_came_or_went_is_refused(study: Path) -> None:
    (study / "hanging.toml").write_text("", encoding="utf-8")
    assert "frozen absent" in faults_of(lambda: StudyFolder.load(study))
    (study / "hanging.toml").unlink()
    (study / "readers.csv").unlink()
    assert "now absent" in faults_of(lambda: StudyFolder.load(study))


def test_the_hanging_protocols_of_a_study_are_frozen(tmp_path: Path) -> None:
    study = small_study(tmp_path / "study", cases=1, size=16)
    own = study / "hanging" / "mammography.toml"
    own.parent.mkdir()
    own.write_text("# ours", encoding="utf-8")
    folder = StudyFolder.load(study).freeze()
    assert folder.lock is not None and folder.lock.files["hanging/mammography.toml"] == sha256_file(own)
    assert (study / "versions" / "1" / "hanging" / "mammography.toml").read_text(encoding="utf-8") == "# ours"
    own.write_text("# others", encoding="utf-8")
    assert "mammography.toml" in faults_of(lambda: StudyFolder.load(study))
    own.unlink()
    assert "now absent" in faults_of(lambda: StudyFolder.load(study))
    own.write_text("# ours", encoding="utf-8")
    own.with_name("abvs.toml").write_text("", encoding="utf-8")
    assert "frozen absent" in faults_of(lambda: StudyFolder.load(study))


def test_changed_images_are_refused(study: Path) -> None:
    manifest = study / "images" / "case-03" / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8") + " ", encoding="utf-8")
    text = faults_of(lambda: StudyFolder.load(study))
    assert "case-03" in text and sha256_file(manifest) in text


def test_every_single_change_of_the_lock_is_refused(study: Path) -> None:
    text = (study / LOCK).read_text(encoding="utf-8")
    lock = locking.load_lock(study)
    assert lock is not None
    for changed in (
        replace(lock, files={**lock.files, "study.toml": "0" * 64}),
        replace(lock, aids={"DLR_LH": {}}),
        replace(lock, cases={}),
        replace(lock, study_id="other"),
        replace(lock, study_hash="0" * 64),
    ):
        (study / LOCK).write_bytes(changed.as_bytes())
        assert "the lock was changed" in faults_of(lambda: StudyFolder.load(study))
    (study / LOCK).write_bytes(replace(lock, plans={**lock.plans, "R01": "0" * 64}).as_bytes())
    assert "another plan" in faults_of(lambda: StudyFolder.load(study).plan("R01"))
    newer = canonical_json({**lock.document(), "schema": 2})
    for content, words in (("{", "cannot be read"), ("[]", "cannot be read"), (newer, "newer version")):
        (study / LOCK).write_text(content, encoding="utf-8")
        assert words in faults_of(lambda: StudyFolder.load(study))
    (study / LOCK).write_text(text, encoding="utf-8")
    StudyFolder.load(study)


def test_the_frozen_hashes_do_not_depend_on_the_day_or_place(study: Path, tmp_path: Path) -> None:
    again = Path(shutil.copytree(study, tmp_path / "again"))
    (again / LOCK).unlink()
    one, two = StudyFolder.load(study).lock, StudyFolder.load(again).freeze().lock
    assert one is not None and two is not None
    assert (one.study_hash, one.plans) == (two.study_hash, two.plans) and one.frozen_utc != two.frozen_utc


# --- aids of rounds that are still closed ------------------------------------------------------------------------------------


def test_a_package_without_closed_aids_loads_and_takes_them_later(study: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(study / "aids" / "DLR_LH", tmp_path / "home"))
    shutil.rmtree(study / "aids")
    (study / "reference_standard.csv").unlink()
    folder = StudyFolder.load(study)
    plan = folder.plan("R01")
    assert plan.round(2).aid == "DLR_LH"
    assert folder.aided_models() == ("DLR_BM", "DLR_LH")
    assert len(folder.missing_aids("DLR_LH")) == 4
    assert "bring the package of this round" in str(folder.aid_faults("DLR_LH")[0])
    assert folder.install_aids(home, "DLR_LH") == 4
    assert folder.install_aids(home, "DLR_LH") == 0
    assert folder.missing_aids("DLR_LH") == () and folder.aid_faults("DLR_LH") == []
    assert len(folder.missing_aids("DLR_BM")) == 4


@pytest.mark.parametrize("spoilt", ["json", "npz", "no npz", "bad json"])
def test_foreign_aids_are_refused_whole(study: Path, tmp_path: Path, spoilt: str) -> None:
    home = Path(shutil.copytree(study / "aids" / "DLR_LH", tmp_path / "home"))
    shutil.rmtree(study / "aids")
    if spoilt == "json":
        store_aid(home, "DLR_LH", "case-02", "0" * 64)
    elif spoilt == "npz":
        (home / "case-02.npz").write_bytes(b"cut")
    elif spoilt == "no npz":
        (home / "case-02.npz").unlink()
    else:
        (home / "case-02.json").write_text("[]", encoding="utf-8")
    folder = StudyFolder.load(study)
    assert "case-02" in faults_of(lambda: folder.install_aids(home, "DLR_LH"))
    assert not (study / "aids").exists()


def test_changed_aids_are_found(study: Path) -> None:
    folder = StudyFolder.load(study)
    changed = folder.aid_dir("DLR_BM") / "case-02.json"
    changed.write_text("{}", encoding="utf-8")
    faults = folder.aid_faults("DLR_BM")
    assert len(faults) == 1 and sha256_file(changed) in str(faults[0])
    assert folder.aid_faults("DLR_BM", ["case-01"]) == []
    assert "no prediction was frozen" in str(folder.aid_faults("DLR_BM", ["case-99"])[0])


def test_loading_opens_no_aid_and_no_reference_standard(study: Path) -> None:
    opened: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and isinstance(arguments[0], str | os.PathLike):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    folder = StudyFolder.load(study)
    folder.plan("R01")
    watched = list(opened)
    with builtins.open(study / "reference_standard.csv", encoding="utf-8") as file:
        file.read(1)
    watching = False
    assert any(name.endswith("cases.csv") for name in watched)
    assert [name for name in watched if "aids" in name or "reference" in name] == []
    assert any(name.endswith("reference_standard.csv") for name in opened), "the hook sees what it must see"
