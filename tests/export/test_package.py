"""Packages for reading workstations: what they hold, what they refuse, and that nothing lands outside."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from store.studies import frozen_study, small_study

from reader_app.clock import FrozenClock, Instant
from reader_app.errors import EnvironmentFault, InputFaults, ReaderAppError
from reader_app.export import package, packagefile
from reader_app.store.runinfo import describe_run
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.events import RoundFinished, RoundStarted, SessionOpened

HOSTILE_NAMES = [
    *("../escaped.txt", "../../escaped.txt", "images/../../escaped.txt", "images/case-01/../../../escaped.txt", "/escaped.txt"),
    *("//server/share/x", "C:/escaped.txt", "C:escaped.txt", "images\\..\\..\\escaped.txt", "\\\\server\\share\\x", "\\escaped"),
    *("images/case-01/con", "images/case-01/CON.npy", "images/nul/x.npy", "aids/com1/case.json", "images/case-01/lpt9.txt"),
    *("images/case-01/x.", "images/case-01/x ", "images/case-01./x", "images/case-01/ x", "images/.hidden/x"),
    *("images/case-01/.x", "images/case-01/x:stream", "images/case-01/x\x00.npy", "images/case-01/x\n.npy"),
    *("images/case-01/\u00e9.npy", "images/case-01/e\u0301.npy", "images/case-01/\u202egnp.x"),
    *("images//case-01/x.npy", "images/./x.npy", "./study.toml", "images/case-01/deeper/x.npy", "images/case-01/", "images", ""),
    *("reference_standard.csv", "logs/R02.readlog", "aids/DLR_LH/case-01.pkl", "aids/DLR_LH/case-01.exe", "STUDY.TOML", "x.zip"),
    *(
        "hanging/../x.toml",
        "hanging/x.exe",
        "hanging/con.toml",
        "images/case-01/~x",
        "images/case-01/%2e%2e",
        "images/case-01/" + "x" * 300,
        "images/case-01/x|y",
        "images/case-01/*",
    ),
]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    return frozen_study(tmp_path_factory.mktemp("desk") / "study", cases=2, size=16)


@pytest.fixture(scope="module")
def first(study: StudyFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "R01.zip"
    return package.write_package(study.path, "R01", out)


def finish_round(folder: StudyFolder, reader_id: str, round_no: int) -> None:
    plan = folder.plan(reader_id)
    log = folder.open_log(reader_id, describe_run(FrozenClock(), host="test bench"))
    now = "2027-01-15T08:00:00.000Z"
    events = [RoundStarted(round_no, plan.rounds[0].order, now), RoundFinished(round_no, now)]
    if not log.logged():
        events.insert(0, SessionOpened(reader_id, plan.plan_hash, now))
    log.append(events, Instant(1, now))
    log.close()


def test_it_holds_the_study_and_neither_truth_nor_a_later_aid(first: Path) -> None:
    names = zipfile.ZipFile(first).namelist()
    assert names[0] == "package.json"
    assert {"study.toml", "cases.csv", "readers.csv", "assignment.lock.json", "images/case-01/container.json"} <= set(names)
    assert not [name for name in names if name.startswith(("aids/", "logs/")) or "reference" in name]
    content = first.read_bytes()
    assert b"malignant" not in content
    assert b"arrays of case-01" not in content
    assert package.verify(first) == []


def test_the_same_study_gives_the_same_bytes(study: StudyFolder, first: Path, tmp_path: Path) -> None:
    again = package.write_package(study.path, "R01", tmp_path / "again.zip")
    assert again.read_bytes() == first.read_bytes()
    other = package.write_package(study.path, "R02", tmp_path / "other.zip")
    assert other.read_bytes() != first.read_bytes()


def test_a_round_that_is_not_open_has_no_package(study: StudyFolder, tmp_path: Path) -> None:
    with pytest.raises(InputFaults, match="round 2 is not open for R01: round 1 is not finished"):
        package.write_package(study.path, "R01", tmp_path / "x.zip", round_no=2)
    with pytest.raises(InputFaults, match="no round 9"):
        package.write_package(study.path, "R01", tmp_path / "x.zip", round_no=9)
    with pytest.raises(ReaderAppError, match="no reader R99"):
        package.write_package(study.path, "R99", tmp_path / "x.zip")
    assert os.listdir(tmp_path) == []


def test_a_study_that_is_not_frozen_has_no_package(tmp_path: Path) -> None:
    with pytest.raises(ReaderAppError, match="not frozen"):
        package.write_package(small_study(tmp_path / "s", cases=1, size=16), "R01", tmp_path / "x.zip")


def test_a_later_package_brings_the_aids_of_the_newly_opened_round(tmp_path: Path) -> None:
    desk = frozen_study(tmp_path / "desk", cases=2, size=16)
    station = package.open_package(package.write_package(desk.path, "R01", tmp_path / "1.zip"), tmp_path / "station")
    folder = StudyFolder.load(station)
    assert folder.plan("R01").plan_hash == desk.plan("R01").plan_hash
    assert folder.missing_aids("DLR_LH") == ("case-01", "case-02")
    finish_round(desk, "R01", 1)
    second = package.write_package(desk.path, "R01", tmp_path / "2.zip")
    assert sorted(n for n in zipfile.ZipFile(second).namelist() if n.startswith("aids/")) == [
        *("aids/DLR_LH/case-01.json", "aids/DLR_LH/case-01.npz", "aids/DLR_LH/case-02.json", "aids/DLR_LH/case-02.npz")
    ]
    images = (station / "images" / "case-01" / "RCC.npy").stat().st_mtime_ns
    package.open_package(second, station)
    assert StudyFolder.load(station).missing_aids("DLR_LH") == ()
    assert StudyFolder.load(station).missing_aids("DLR_BM") == ("case-01", "case-02")
    assert StudyFolder.load(station).aid_faults("DLR_LH") == []
    assert (station / "images" / "case-01" / "RCC.npy").stat().st_mtime_ns == images
    package.open_package(second, station)  # once more changes nothing
    fresh = package.open_package(second, tmp_path / "fresh")
    assert StudyFolder.load(fresh).aid_faults("DLR_LH") == []


def test_a_study_s_own_hanging_protocols_go_along(tmp_path: Path) -> None:
    folder = small_study(tmp_path / "desk", cases=1, size=16)
    (folder / "hanging").mkdir()
    (folder / "hanging" / "mammography.toml").write_text("# our own\n", encoding="utf-8")
    desk = StudyFolder.load(folder).freeze(FrozenClock("2027-01-10T08:00:00.000Z"))
    station = package.open_package(package.write_package(desk.path, "R01", tmp_path / "1.zip"), tmp_path / "station")
    assert (station / "hanging" / "mammography.toml").read_text(encoding="utf-8") == "# our own\n"
    assert StudyFolder.load(station).lock == desk.lock


def test_another_study_or_reader_is_refused(study: StudyFolder, first: Path, tmp_path: Path) -> None:
    station = package.open_package(first, tmp_path / "station")
    foreign = frozen_study(tmp_path / "other", cases=1, size=16)
    with pytest.raises(InputFaults, match="another study"):
        package.open_package(package.write_package(foreign.path, "R01", tmp_path / "o.zip"), station)
    (station / "logs").mkdir(exist_ok=True)
    (station / "logs" / "R01.readlog").write_bytes(b"")
    with pytest.raises(InputFaults, match="R01 reads in this folder"):
        package.open_package(package.write_package(study.path, "R02", tmp_path / "2.zip"), station)
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("mine")
    with pytest.raises(InputFaults, match="not empty"):
        package.open_package(first, full)
    assert (full / "letter.txt").read_text() == "mine"


def rebuilt(source: Path, target: Path, extra: dict[str, bytes] | None = None, listed: bool = True, **options: object) -> Path:
    """Copy a package entry by entry, with more entries, a changed list, or another form."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", options.get("compression", zipfile.ZIP_STORED)) as new:  # type: ignore[arg-type]
        document = json.loads(old.read("package.json"))
        if listed:
            for name, data in (extra or {}).items():
                document["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        document |= options.get("document", {})  # type: ignore[operator]
        new.writestr("package.json", json.dumps(document))
        for info in old.infolist()[1:]:
            new.writestr(info.filename, old.read(info))
        for name, data in (extra or {}).items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name
            if options.get("link"):
                info.external_attr = 0o120777 << 16
            new.writestr(info, data)
    return target


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_write_nothing_anywhere(first: Path, tmp_path: Path, name: str) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    target = rebuilt(first, inside / "hostile.zip", {name: b"canary"})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert package.verify(target) != []
    with pytest.raises(InputFaults):
        package.open_package(target, inside / "station")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path != inside} == {
        path: stamp for path, stamp in before.items() if path != inside
    }


def test_negative_control_a_harmless_extra_name_is_let_in(first: Path, tmp_path: Path) -> None:
    target = rebuilt(first, tmp_path / "more.zip", {"images/case-01/extra.npy": b"canary"})
    assert package.verify(target) == []
    assert (package.open_package(target, tmp_path / "station") / "images/case-01/extra.npy").read_bytes() == b"canary"


def test_twins_links_bombs_and_lies_are_refused(first: Path, tmp_path: Path) -> None:
    cases = {
        "twin": rebuilt(first, tmp_path / "twin.zip", {"images/case-01/rcc.NPY": b"x"}),
        "link": rebuilt(first, tmp_path / "link.zip", {"images/case-01/extra": b"/etc/passwd"}, link=True),
        "compressed": rebuilt(first, tmp_path / "deflated.zip", compression=zipfile.ZIP_DEFLATED),
        "unlisted": rebuilt(first, tmp_path / "unlisted.zip", {"images/case-01/extra.npy": b"x"}, listed=False),
        "kind": rebuilt(first, tmp_path / "kind.zip", document={"kind": "something else"}),
        "reader": rebuilt(first, tmp_path / "reader.zip", document={"reader_id": "R02"}),
        "hash": rebuilt(first, tmp_path / "hash.zip", document={"study_hash": "0" * 64}),
    }
    for word, path in cases.items():
        with pytest.raises(ReaderAppError):
            package.open_package(path, tmp_path / f"station-{word}")
        assert not (tmp_path / f"station-{word}").exists()
    assert [path for path in os.listdir(tmp_path) if path.endswith(".part")] == []


def test_every_flipped_byte_is_noticed(first: Path, tmp_path: Path) -> None:
    data = bytearray(first.read_bytes())
    target = tmp_path / "flipped.zip"
    step = max(1, len(data) // 30)
    for place in range(0, len(data), step):
        changed = bytearray(data)
        changed[place] ^= 0x41
        target.write_bytes(changed)
        station = tmp_path / "station"
        try:
            package.open_package(target, station)
        except ReaderAppError:
            assert not station.exists()
            continue
        # a byte that says nothing (a date, an attribute): what was unpacked is still exactly the study
        assert StudyFolder.load(station).lock is not None
        for name, (digest, _) in packagefile.read_manifest(first, zipfile.ZipFile(first)).files.items():
            assert hashlib.sha256((station / name).read_bytes()).hexdigest() == digest
        shutil.rmtree(station)


def test_what_is_no_package_is_one_sentence(tmp_path: Path) -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    for content in (b"", b"PK\x03\x04 rubbish", b"%PDF-1.4", empty.getvalue()):
        path = tmp_path / "x.zip"
        path.write_bytes(content)
        faults = package.verify(path)
        assert len(faults) == 1
        assert "not a reading package" in str(faults[0])


def test_a_disk_that_is_too_small(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(package.shutil, "disk_usage", lambda path: usage._replace(free=1))
    with pytest.raises(EnvironmentFault, match="too small"):
        package.open_package(first, tmp_path / "station")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(package, "sync_file", full)
    with pytest.raises(EnvironmentFault, match="the disk is full"):
        package.open_package(first, tmp_path / "station")
    assert os.listdir(tmp_path) == []
