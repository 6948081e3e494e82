"""Logs come home: each verified, none overwritten, forks listed, all or nothing, in any order, any number of times."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from store.logs import AT, opened, run_info, some_events
from store.studies import frozen_study, small_study

from reader_app.errors import LogUnavailable, StudyFileError
from reader_app.store import logfile, merge, readlog
from reader_app.store.merge import MergeReport
from reader_app.store.signing import SigningKey
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.events import Assessed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frozen_study(tmp_path_factory.mktemp("made") / "study", cases=1, size=16).path


@pytest.fixture
def home(made: Path, tmp_path: Path) -> StudyFolder:
    return StudyFolder.load(Path(shutil.copytree(made, tmp_path / "home")))


@pytest.fixture
def station(made: Path, tmp_path: Path) -> StudyFolder:
    return StudyFolder.load(Path(shutil.copytree(made, tmp_path / "station")))


def write(folder: StudyFolder, reader_id: str, events: int = 1) -> Path:
    log = folder.open_log(reader_id, run_info())
    log.append([Assessed("case-01", "case", str(number % 5 + 1)) for number in range(events)], AT)
    log.close()
    return folder.log_path(reader_id)


def kept(path: Path, stock: Path, name: str) -> Path:
    stock.mkdir(exist_ok=True)
    return Path(shutil.copyfile(path, stock / name))


def outcomes(report: MergeReport) -> dict[str, str]:
    return {own.file.name: own.outcome for own in report.files}


def heads(folder: StudyFolder) -> dict[str, tuple[int, str]]:
    logs = sorted((folder.path / "logs").glob("*")) if (folder.path / "logs").exists() else []
    return {path.name: readlog.read(path).head for path in logs}


def test_a_new_log_comes_home(home: StudyFolder, station: StudyFolder) -> None:
    path = write(station, "R01", 3)
    report = merge.merge(home, [path])
    assert outcomes(report) == {"R01.readlog": "new"} and report.merged and report.conflicts == ()
    assert readlog.read(home.log_path("R01")) == readlog.read(path)
    assert report.files[0].head_code == readlog.read(path).head_code
    assert report.files[0].head_code in report.as_text() and "1 of 1 file(s) taken over" in report.as_text()
    assert report.to_json()["files"][0]["events"] == 3  # type: ignore[index]
    assert os.listdir(home.path / "logs") == ["R01.readlog"]


def test_the_same_twice_changes_nothing_and_more_continues(home: StudyFolder, station: StudyFolder, tmp_path: Path) -> None:
    first = kept(write(station, "R01", 3), tmp_path / "stick", "first.readlog")
    merge.merge(home, [first])
    before = home.log_path("R01").read_bytes()
    again = merge.merge(home, [first])
    assert outcomes(again) == {"first.readlog": "same"} and not again.merged and "here already" in again.as_text()
    assert home.log_path("R01").read_bytes() == before
    second = write(station, "R01", 2)
    report = merge.merge(home, [first, second])
    assert outcomes(report) == {"R01.readlog": "extended", "first.readlog": "older"}
    assert report.files[0].events_before == 3
    assert heads(home) == heads(station)
    assert outcomes(merge.merge(home, [home.log_path("R01")])) == {"R01.readlog": "same"}


def test_a_run_or_a_signature_more_is_a_continuation(home: StudyFolder, station: StudyFolder) -> None:
    merge.merge(home, [write(station, "R01", 2)])
    log = station.open_log("R01", run_info())
    log.seal("session ended", "R01", SigningKey.new(), AT.wall_utc)
    log.close()
    assert outcomes(merge.merge(home, [station.log_path("R01")])) == {"R01.readlog": "extended"}
    assert len(readlog.read(home.log_path("R01")).seals) == 1


def test_one_conflict_stops_everything(home: StudyFolder, station: StudyFolder, tmp_path: Path) -> None:
    merge.merge(home, [write(station, "R01", 2)])
    before = heads(home)
    copy = kept(station.log_path("R01"), tmp_path / "stick", "R01.readlog")
    write(station, "R01", 1)
    other = opened(copy, "R01", home.plan("R01").plan_hash)
    other.append([Assessed("case-01", "case", "5")], AT)
    other.close()
    good = write(station, "R02", 4)
    report = merge.merge(home, [station.log_path("R01"), copy, good])
    assert not report.merged and heads(home) == before
    assert len(report.conflicts) == 1 and "part from each other at event 3" in str(report.conflicts[0])
    assert "Nothing was taken over: 1 of 3 file(s) refused" in report.as_text()
    assert merge.merge(home, [good, station.log_path("R01")]).merged
    assert outcomes(merge.merge(home, [copy])) == {"R01.readlog": "refused"}


def test_one_reader_on_two_machines_is_a_conflict(home: StudyFolder, station: StudyFolder, tmp_path: Path) -> None:
    one = kept(write(station, "R01", 2), tmp_path / "stick", "one.readlog")
    station.log_path("R01").unlink()
    two = write(station, "R01", 2)
    report = merge.merge(home, [one, two])
    assert "begun separately" in str(report.conflicts[0]) and heads(home) == {}


def test_runs_that_part_are_a_conflict(home: StudyFolder, station: StudyFolder, tmp_path: Path) -> None:
    """The same events, but then started again on two machines."""
    merge.merge(home, [write(station, "R01", 2)])
    copy = kept(station.log_path("R01"), tmp_path / "stick", "R01.readlog")
    opened(copy, "R01", home.plan("R01").plan_hash).close()
    home.open_log("R01", run_info()).close()
    assert "part from each other after event 2" in str(merge.merge(home, [copy]).conflicts[0])


@pytest.mark.parametrize("what", ["tampered", "cut", "foreign", "absent", "other plan", "unknown reader", "newer"])
def test_what_is_not_sound_is_refused(home: StudyFolder, station: StudyFolder, tmp_path: Path, what: str) -> None:
    path = write(station, "R01", 3)
    good = write(station, "R02", 1)
    words = what
    if what == "tampered":
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("DROP TRIGGER event_no_update")
        db.execute("UPDATE event SET mono_ns = 1 WHERE seq = 2")
        db.execute(logfile.SCHEMA["event_no_update"])
        db.close()
        words = "event 2 does not match"
    elif what == "cut":
        path.write_bytes(path.read_bytes()[:20_000])
        words = "damaged"
    elif what == "foreign":
        path.write_text("not a log")
        words = "not a read log"
    elif what == "absent":
        path.unlink()
        words = "no such log"
    elif what == "newer":
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA user_version=99")
        db.close()
        words = "newer version"
    else:
        path = tmp_path / "x.readlog"
        log = opened(path, "R09" if what == "unknown reader" else "R01")
        log.append(some_events(), AT)
        log.close()
        words = "no reader R09" if what == "unknown reader" else "another study plan"
    report = merge.merge(home, [path, good])
    assert not report.merged and heads(home) == {}
    assert words in str(report.conflicts[0]) and words in report.as_text()


def test_a_damaged_log_at_home_is_not_overwritten(home: StudyFolder, station: StudyFolder) -> None:
    path = write(station, "R01", 3)
    home.log_path("R01").parent.mkdir(exist_ok=True)
    home.log_path("R01").write_bytes(b"damaged")
    assert "not a read log" in str(merge.merge(home, [path]).conflicts[0])
    assert home.log_path("R01").read_bytes() == b"damaged"


def test_a_log_that_is_being_written_is_refused(home: StudyFolder, station: StudyFolder) -> None:
    log = station.open_log("R01", run_info())
    assert "open in another program" in str(merge.merge(home, [station.log_path("R01")]).conflicts[0])
    log.close()


def test_a_study_that_is_not_frozen_takes_no_logs(tmp_path: Path) -> None:
    folder = StudyFolder.load(small_study(tmp_path / "s", cases=1, size=16))
    with pytest.raises(StudyFileError, match="not frozen"):
        merge.merge(folder, [])


def test_a_copy_that_cannot_be_written_changes_nothing(
    home: StudyFolder, station: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge.merge(home, [write(station, "R01", 1)])
    before = heads(home)
    files = [write(station, "R01", 1), write(station, "R02", 1)]
    real = os.replace

    def fails_at(number: int):  # type: ignore[no-untyped-def]
        count = itertools.count(1)

        def replace_file(source: Path, target: Path) -> None:
            if next(count) == number:
                raise OSError(28, "No space left on device")
            real(source, target)

        return replace_file

    for number in (1, 2, 3):  # while the two copies are made, then at the first renaming
        monkeypatch.setattr(os, "replace", fails_at(number))
        with pytest.raises(LogUnavailable, match="No space left"):
            merge.merge(home, files)
        assert heads(home) == before
    monkeypatch.setattr(os, "replace", real)
    monkeypatch.setattr(merge, "copy_database", lambda db, part: opened(part, "R01", home.plan("R01").plan_hash).close())
    with pytest.raises(LogUnavailable, match="the copy differs"):
        merge.merge(home, files)
    assert heads(home) == before
    monkeypatch.undo()
    assert merge.merge(home, files).merged and heads(home) == heads(station)


def test_order_and_repetition_do_not_matter(home: StudyFolder, station: StudyFolder, tmp_path: Path) -> None:
    stages = []
    for stage in range(4):
        for reader_id in ("R01", "R02"):
            if stage or reader_id == "R01":
                path = write(station, reader_id, 1 + stage)
                stages.append(kept(path, tmp_path / "stick", f"{reader_id}-{stage}.readlog"))
    chance = random.Random(5)
    for turn in range(12):
        shutil.rmtree(home.path / "logs", ignore_errors=True)
        files = [*stages, *chance.choices(stages, k=3)]
        chance.shuffle(files)
        cut = chance.randrange(len(files))
        reports = [merge.merge(home, part) for part in (files[:cut], files[cut:])]
        assert all(report.conflicts == () for report in reports), turn
        assert heads(home) == heads(station)
    shutil.rmtree(home.path / "logs")
    merge.merge(home, [tmp_path / "stick"])
    assert heads(home) == heads(station)


def test_a_hundred_logs(tmp_path: Path) -> None:
    readers = tuple(f"R{number:03d}" for number in range(100))
    home = frozen_study(tmp_path / "home", cases=1, readers=readers, size=16)
    station = replace(home, path=Path(shutil.copytree(home.path, tmp_path / "station")))
    for reader_id in readers:
        write(station, reader_id, 2)
    report = merge.merge(home, [station.path / "logs"])
    assert sum(own.outcome == "new" for own in report.files) == 100
    assert heads(home) == heads(station)


def test_a_folder_without_logs_is_told(home: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "notes.txt").touch()
    with pytest.raises(
        StudyFileError, match=r"stick: there is no log in this folder \(\*\.readlog\); give the folder with the logs"
    ):
        merge.merge(home, [stick])

    def closed(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(
        LogUnavailable, match=r"stick: the folder cannot be read \(Permission denied\); check that you may read it"
    ):
        merge.merge(home, [stick])


def test_what_a_mac_leaves_beside_the_logs_is_no_log(home: StudyFolder, station: StudyFolder, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    shutil.copy(write(station, "R01"), stick)
    (stick / "._R01.readlog").write_bytes(b"\0\5\26\7")
    report = merge.merge(home, [stick])
    assert report.merged and [own.file.name for own in report.files] == ["R01.readlog"]


def test_a_full_disk_names_the_log_and_not_its_half_copy(
    home: StudyFolder, station: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(station, "R01")

    def full(_: object, part: Path) -> None:
        raise LogUnavailable(f"{part}: the disk is full, nothing was saved; free some space, then continue")

    monkeypatch.setattr(merge, "copy_database", full)
    with pytest.raises(LogUnavailable) as refused:
        merge.merge(home, [log])
    assert str(refused.value).startswith(f"{home.log_path('R01')}: the disk is full")
