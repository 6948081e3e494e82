"""The second copy: kept up to date, never in the way, and restored when the log is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from store.logs import AT, READER, opened, some_events
from store.test_readlog import child_environment

from reader_app.errors import LogBug, LogUnavailable
from reader_app.store import backup, readlog
from reader_app.store.backup import SecondCopy, restore
from reader_app.store.readlog import ReadLog
from reader_app.study.events import Assessed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "stick").mkdir()
    return tmp_path / f"{READER}.readlog"


def copied(path: Path) -> tuple[ReadLog, SecondCopy]:
    log = opened(path)
    return log, SecondCopy(log, path.parent / "stick")


def test_the_copy_follows_the_log(path: Path) -> None:
    log, copy = copied(path)
    assert copy.update() and readlog.read(copy.path).logged == ()
    for event in some_events():
        log.append([event], AT)
        assert copy.update() and copy.fault is None
        assert readlog.read(copy.path).head == log.head()
    log.close()
    log, copy = copied(path)
    assert copy.update() and len(readlog.read(copy.path).runs) == 2
    log.close()


def test_a_stick_that_is_pulled_does_not_stop_anything(path: Path) -> None:
    log, copy = copied(path)
    log.append(some_events(), AT)
    copy.folder.rmdir()
    assert not copy.update() and isinstance(copy.fault, LogUnavailable) and "plug in" in str(copy.fault)
    log.append([Assessed("case-08", "case", "3")], AT)
    copy.folder.mkdir()
    assert copy.update() and copy.fault is None and readlog.read(copy.path).head[0] == 6
    log.close()


def test_a_stick_that_fails_leaves_the_last_good_copy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, copy = copied(path)
    copy.update()
    log.append(some_events(), AT)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert not copy.update() and "No space left" in str(copy.fault)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "is_dir", full)
        assert not copy.update() and "cannot be kept" in str(copy.fault)
    assert readlog.read(copy.path).logged == () and os.listdir(copy.folder) == [copy.path.name]
    log.close()


def test_another_log_is_never_overwritten(path: Path) -> None:
    log, copy = copied(path)
    other = opened(copy.path)
    other.append(some_events(), AT)
    other.close()
    before = copy.path.read_bytes()
    assert not copy.update() and isinstance(copy.fault, LogBug) and "another log of this name" in str(copy.fault)
    assert copy.path.read_bytes() == before
    copy.path.unlink()
    log.append(some_events()[:2], AT)
    copy.update()
    ahead = opened(copy.path)
    ahead.append(some_events()[2:], AT)
    ahead.close()
    assert not copy.update(), "a copy that holds more than the log is another log"
    log.close()


# --- the way back --------------------------------------------------------------------------------------------------------------


def with_copy(path: Path) -> tuple[Path, tuple[int, str]]:
    log, copy = copied(path)
    log.append(some_events(), AT)
    copy.update()
    head = log.head()
    log.close()
    return copy.path, head


@pytest.mark.parametrize("harm", ["deleted", "emptied", "damaged", "cut", "journal left"])
def test_a_lost_log_is_restored_to_the_last_event(path: Path, harm: str) -> None:
    copy, head = with_copy(path)
    if harm == "deleted":
        path.unlink()
    elif harm == "emptied":
        path.write_bytes(b"")
    elif harm == "damaged":
        data = bytearray(path.read_bytes())
        data[8192:24576] = os.urandom(16384)
        path.write_bytes(bytes(data))
    else:
        path.write_bytes(path.read_bytes()[:9000])
        if harm == "journal left":
            path.with_name(f"{path.name}-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504))
    done = restore(copy, path)
    assert done.events == 5 and readlog.read(path).head == head
    assert (done.kept_as is not None) == (harm != "deleted")
    if done.kept_as is not None:
        assert done.kept_as.exists(), "what was damaged is kept for inspection"
    log = opened(path)
    log.append([Assessed("case-08", "case", "2")], AT)
    log.close()
    assert readlog.verify(path) == []
    assert readlog.verify(copy) == []


def test_a_second_damage_does_not_overwrite_the_first(path: Path) -> None:
    copy, _ = with_copy(path)
    kept = []
    for _ in range(2):
        path.write_bytes(b"damaged")
        kept.append(restore(copy, path).kept_as)
    assert len(set(kept)) == 2 and all(own is not None and own.read_bytes() == b"damaged" for own in kept)


def test_a_sound_log_is_not_replaced_by_an_older_copy(path: Path) -> None:
    copy, _ = with_copy(path)
    log = opened(path)
    log.append([Assessed("case-08", "case", "2")], AT)
    log.close()
    with pytest.raises(LogBug, match="holds events that the copy has not"):
        restore(copy, path)
    assert readlog.read(path).head[0] == 6


def test_an_older_log_is_brought_forward(path: Path) -> None:
    copy, head = with_copy(path)
    later = opened(copy)
    later.append([Assessed("case-08", "case", "2")], AT)
    later.close()
    assert restore(copy, path).events == 6 and readlog.read(path).head != head


def test_a_damaged_copy_is_refused(path: Path) -> None:
    copy, head = with_copy(path)
    copy.write_bytes(copy.read_bytes()[:9000])
    with pytest.raises(LogBug):
        restore(copy, path)
    assert readlog.read(path).head == head


def test_a_restoration_that_fails_leaves_everything(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, _ = with_copy(path)
    path.write_bytes(b"damaged")

    def refuse(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(backup, "_leave_no_journal", refuse)
    with pytest.raises(LogUnavailable, match="could not be put in place"):
        restore(copy, path)
    monkeypatch.undo()
    assert restore(copy, path).events == 5


WRITER = """
    import sys, time
    from pathlib import Path
    from store.logs import AT, opened
    from reader_app.store.backup import SecondCopy
    from reader_app.study.events import Noted
    log = opened(Path(sys.argv[1]))
    copy = SecondCopy(log, Path(sys.argv[2]))
    number = 0
    while True:
        number += 1
        log.append([Noted("case-07", "x" * 500)], AT)
        if copy.update():
            print(number, flush=True)
"""


def test_a_copy_cut_off_while_it_is_made_is_the_old_or_the_new_one(path: Path) -> None:
    """Killed in the middle of copying: the copy on the stick is complete, and what it acknowledged is in it."""
    for turn in range(4):
        shutil.rmtree(path.parent / "stick")
        (path.parent / "stick").mkdir()
        own = path.with_name(f"turn{turn}.readlog")
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(own), str(path.parent / "stick")]
        with subprocess.Popen(command, env=child_environment(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(3 + turn):
                told = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().split()
        last = int(rest[-1]) if rest else told
        copy = path.parent / "stick" / own.name
        assert len(readlog.read(copy).logged) >= last
