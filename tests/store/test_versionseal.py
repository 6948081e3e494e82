"""Every frozen version of a study is signed by the installation that froze it; what was changed or signed by another shows."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest
from store.studies import frozen_study, small_study

from reader_app import paths
from reader_app.desk.verifying import verify
from reader_app.errors import EnvironmentFault
from reader_app.export.package import write_package
from reader_app.store import versionseal
from reader_app.store.lock import LOCK, VERSIONS
from reader_app.store.studyfolder import StudyFolder


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return frozen_study(tmp_path / "study", cases=1, size=16).path


def amend(study: Path) -> None:
    path = study / "study.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("aid_threshold = 0.35", "aid_threshold = 0.5"), encoding="utf-8")
    StudyFolder.amend(study)


def seal_of(study: Path, number: int) -> Path:
    return study / VERSIONS / str(number) / versionseal.SEAL


def test_a_freeze_and_an_amendment_are_signed_by_one_key(study: Path) -> None:
    amend(study)
    keys, faults = versionseal.check_seals(study)
    assert faults == [] and list(keys) == [1, 2] and len(set(keys.values())) == 1
    key = json.loads((paths.data_dir() / versionseal.KEY).read_text(encoding="utf-8"))
    assert keys[1] == key["public"]
    if os.name == "posix":
        assert (paths.data_dir() / versionseal.KEY).stat().st_mode & 0o077 == 0, "readable by this user alone"
    found = verify(study)
    assert found.faults == () and f"2 versions signed by {key['public'][:12]}" in found.remark


@pytest.mark.parametrize("what", ["lock", "signature", "exchanged", "garbage"])
def test_a_signature_that_does_not_hold_is_named(study: Path, what: str) -> None:
    amend(study)
    first, second = seal_of(study, 1), seal_of(study, 2)
    if what == "lock":
        lock = study / VERSIONS / "1" / LOCK
        lock.write_text(lock.read_text(encoding="utf-8").replace("2027-01-10", "2027-01-09"), encoding="utf-8")
    elif what == "signature":
        seal = json.loads(first.read_text(encoding="utf-8"))
        seal["signature"] = ("0" if seal["signature"][0] != "0" else "1") + seal["signature"][1:]
        first.write_text(json.dumps(seal), encoding="utf-8")
    elif what == "exchanged":
        first.write_bytes(second.read_bytes())
    else:
        first.write_bytes(b"\xff")
    keys, faults = versionseal.check_seals(study)
    assert keys[1] == "" and keys[2] and [fault.place for fault in faults] == [str(first)]
    assert "version 1" in faults[0].what
    assert verify(study).faults == tuple(faults)


def test_a_version_signed_elsewhere_is_told(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READER_APP_HOME", str(tmp_path / "another computer"))
    amend(study)
    keys, faults = versionseal.check_seals(study)
    assert keys[1] != keys[2] and ["another key" in fault.what for fault in faults] == [True]


def test_a_study_of_an_earlier_program_is_unsigned_and_sound(study: Path) -> None:
    seal_of(study, 1).unlink()
    assert "frozen, unsigned" in verify(study).remark and verify(study).faults == ()
    amend(study)
    assert "1 of 2 versions signed" in verify(study).remark and verify(study).faults == ()


def test_without_its_key_nothing_is_frozen(tmp_path: Path) -> None:
    (paths.data_dir() / versionseal.KEY).write_text("no key", encoding="utf-8")
    folder = small_study(tmp_path / "study", cases=1, size=16)
    with pytest.raises(EnvironmentFault, match="the key that signs frozen versions cannot be read"):
        StudyFolder.load(folder).freeze()
    assert not (folder / LOCK).exists() and not StudyFolder.load(folder).is_frozen


def test_a_package_holds_neither_key_nor_signature(study: Path, tmp_path: Path) -> None:
    names = zipfile.ZipFile(write_package(study, "R01", tmp_path / "R01.zip")).namelist()
    assert names and not [name for name in names if versionseal.SEAL in name or versionseal.KEY in name or VERSIONS in name]
