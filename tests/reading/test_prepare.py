"""Preflight: everything that could stop or spoil a round is named before it begins."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reading.acts import conductor_for
from reading.opens import opened_files
from store.logs import run_info
from store.studies import frozen_study, small_study

from reader_app.clock import FrozenClock
from reader_app.errors import EnvironmentFault, Fault
from reader_app.reading import prepare
from reader_app.reading.prepare import disk_faults, preflight, probe_write
from reader_app.store.studyfolder import StudyFolder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frozen_study(tmp_path_factory.mktemp("made") / "study", cases=3, size=32).path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> StudyFolder:
    return StudyFolder.load(Path(shutil.copytree(made, tmp_path / "study")))


CLOCK = FrozenClock()


def told(faults: list[Fault]) -> str:
    return "\n".join(str(fault) for fault in faults)


def test_a_sound_study_has_no_fault(folder: StudyFolder) -> None:
    for round_no in (1, 2, 3):
        assert preflight(folder, "R01", round_no, clock=CLOCK, thorough=True) == []


def test_it_opens_no_aid_in_an_unaided_round_and_never_the_truth(folder: StudyFolder) -> None:
    with opened_files() as seen:
        preflight(folder, "R01", 1, clock=CLOCK, thorough=True)
    assert seen and [name for name in seen if "aids" in name or "reference" in name] == []
    with opened_files() as seen:
        preflight(folder, "R01", 2, clock=CLOCK)
    assert any("DLR_LH" in name for name in seen) and not any("DLR_BM" in name or "reference" in name for name in seen)


def test_aids_of_closed_rounds_may_be_absent(folder: StudyFolder) -> None:
    shutil.rmtree(folder.path / "aids")
    assert preflight(folder, "R01", 1, clock=CLOCK) == []
    faults = preflight(folder, "R01", 2, clock=CLOCK)
    assert len(faults) == 3 and "bring the package of this round" in told(faults)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


SPOILT: dict[str, tuple[Callable[[StudyFolder], object], str]] = {
    "no images": (lambda f: shutil.rmtree(f.container("case-02")), "case case-02 cannot be opened"),
    "a changed pixel": (lambda f: flipped(f.container("case-02") / "RMLO.npy"), "RMLO.npy: was changed after import"),
    "no aid": (lambda f: (f.aid_dir("DLR_LH") / "case-02.json").unlink(), "aid of case case-02 cannot be shown"),
    "a changed aid": (lambda f: flipped(f.aid_dir("DLR_LH") / "case-02.npz"), "aid of case case-02 cannot be shown"),
    "another log": (lambda f: (f.path / "logs").mkdir() or f.log_path("R01").write_text("x"), "not a read log"),
}


@pytest.mark.parametrize(("act", "words"), SPOILT.values(), ids=SPOILT.keys())
def test_each_fault_is_named(folder: StudyFolder, act: Callable[[StudyFolder], object], words: str) -> None:
    act(folder)
    faults = preflight(folder, "R01", 2, clock=CLOCK, thorough=True)
    assert words in told(faults) and len(faults) == 1


def test_images_that_do_not_fit_the_case_list_are_named(folder: StudyFolder) -> None:
    shutil.rmtree(folder.container("case-02"))
    shutil.copytree(folder.container("case-01"), folder.container("case-02"))
    assert "not the frozen images of case case-02" in told(preflight(folder, "R01", 1, clock=CLOCK))
    case = replace(folder.case("case-01"), modality="abvs")
    plan = folder.plan("R01")
    assert "are mammography, the case list says abvs" in told(prepare._case_faults(folder, plan, 1, case, False))
    only_right = container_without_left(folder)
    assert "no image of breast L" in told(prepare._case_faults(only_right, plan, 1, only_right.case("case-03"), False))


def test_images_that_cannot_be_hung_are_named(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def problems(self, images: object) -> list[str]:
            return ["there is no LMLO"]

    monkeypatch.setattr(prepare.hanging, "for_study", lambda modality, study: Refusing())
    faults = preflight(folder, "R01", 1, clock=CLOCK)
    assert len(faults) == 3 and "cannot be hung: there is no LMLO" in told(faults)


def container_without_left(folder: StudyFolder) -> StudyFolder:
    from reader_app.imaging import container

    own = container.open_case(folder.container("case-03"))
    right = [image for image in own.images if image.laterality == "R"]
    fingerprint = container.write(folder.container("case-03"), "case-03", "mammography", [_as_new(image) for image in right])
    cases = tuple(replace(case, fingerprint=fingerprint) if case.case_id == "case-03" else case for case in folder.cases)
    return replace(folder, cases=cases)


def _as_new(image):  # type: ignore[no-untyped-def]
    from reader_app.imaging.container import NewImage

    return NewImage(
        id=image.id,
        array=image.array.copy(),
        laterality=image.laterality,
        view=image.view,
        grey=image.grey,
        chest_wall=image.chest_wall,
    )


def test_unknown_reader_and_round_and_study_not_frozen(folder: StudyFolder, tmp_path: Path) -> None:
    assert "no reader R09" in told(preflight(folder, "R09", 1, clock=CLOCK))
    assert "no round 7" in told(preflight(folder, "R01", 7, clock=CLOCK))
    loose = StudyFolder.load(small_study(tmp_path / "loose", cases=1, size=16))
    assert "not frozen yet" in told(preflight(loose, "R01", 1, clock=CLOCK))


class Wall(FrozenClock):
    kind = "system"


def test_a_clock_that_is_behind_is_named(folder: StudyFolder) -> None:
    assert "the study was frozen" in told(preflight(folder, "R01", 1, clock=Wall("2027-01-10T07:59:59.000Z")))
    assert preflight(folder, "R01", 1, clock=Wall("2027-01-10T08:00:01.000Z")) == []
    assert preflight(folder, "R01", 1, clock=FrozenClock("2020-01-01T00:00:00.000Z")) == []
    conductor, log = conductor_for(folder, "R01", FrozenClock("2027-03-01T00:00:00.000Z"))
    conductor.begin()
    early = Wall("2027-02-01T00:00:00.000Z")
    assert "the last event was logged at 2027-03-01" in told(preflight(folder, "R01", 1, log=log, clock=early))
    assert "open in another program" in told(preflight(folder, "R01", 1, clock=early))
    log.close()
    assert "the last event was logged at 2027-03-01" in told(preflight(folder, "R01", 1, clock=early))


def test_a_disk_that_cannot_keep_a_log_is_named(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder.log_path("R01")
    assert disk_faults(path) == []
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "network_filesystem", lambda _: "cifs")
        assert "network share (cifs)" in told(disk_faults(path))
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "FREE_BYTES", 10**18)
        assert "are needed" in told(disk_faults(path))
    with monkeypatch.context() as patch:

        def refuse(_: int) -> None:
            raise OSError(30, "Read-only file system")

        patch.setattr(os, "fsync", refuse)
        assert "nothing can be written here" in told(disk_faults(path))
    folder.open_log("R01", run_info()).close()
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        assert "the log is read-only" in told(disk_faults(path))
    with monkeypatch.context() as patch:
        samples = iter([b"one", b"two"])
        patch.setattr(os, "urandom", lambda _: next(samples))
        patch.setattr(prepare.tempfile, "NamedTemporaryFile", lambda **_: Lying(path))
        with pytest.raises(EnvironmentFault, match="gives back other bytes"):
            probe_write(path.parent)


class Lying:
    """A file that gives back other bytes than were written."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 - closed at the end of the block that uses it

    def __enter__(self) -> Lying:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, _: bytes) -> None:
        pass

    def flush(self) -> None:
        pass

    def seek(self, _: int) -> None:
        pass

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self) -> bytes:
        return b"other"
