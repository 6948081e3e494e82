"""Files on the disk: written whole or not at all; canonical text; hashes."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from reader_app.store import disk
from reader_app.store.canonical import canonical_json, sha256_file, sha256_text


def test_canonical_json_is_one_text_for_one_value() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "ä\u2028"}) == '{"a":"ä\u2028","b":[1,2.5]}'
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            canonical_json([bad])


def test_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "f").write_bytes(data)
    assert sha256_file(tmp_path / "f") == hashlib.sha256(data).hexdigest()
    assert sha256_text("ä") == hashlib.sha256("ä".encode()).hexdigest()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock.json"
    disk.write_atomically(path, b"one")
    disk.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="No space"):
                disk.write_atomically(path, b"three")
        assert path.read_bytes() == b"two" and os.listdir(tmp_path) == ["lock.json"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_those_of_any_new_file_or_private() -> None:
    """In a process of its own: the umask belongs to the whole process."""
    script = """
        import os, sys, tempfile
        from pathlib import Path
        from reader_app.store.disk import write_atomically
        os.umask(0o027)
        with tempfile.TemporaryDirectory() as name:
            plain, private = Path(name, "cases.csv"), Path(name, "R01.key")
            for _ in range(2):
                write_atomically(plain, b"x")
                write_atomically(private, b"x", private=True)
                print(oct(plain.stat().st_mode & 0o777), oct(private.stat().st_mode & 0o777))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0o640", "0o600"] * 2


def test_a_file_and_its_folder_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def counted(handle: int) -> None:
        synced.append(handle)
        real(handle)

    monkeypatch.setattr(os, "fsync", counted)
    (tmp_path / "f").write_bytes(b"x")
    disk.sync_file(tmp_path / "f")
    disk.sync_directory(tmp_path)
    assert len(synced) == 2
    disk.write_atomically(tmp_path / "g", b"y")
    assert len(synced) == 4, "the file, then the name"


def test_network_disks_are_known_on_every_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Kernel:
        def GetDriveTypeW(self, drive: str) -> int:
            asked.append(drive)
            return 4

    class Dll:
        kernel32 = Kernel()

    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        disk.sync_directory(tmp_path / "nowhere")  # nothing to do there
        assert disk.network_filesystem(tmp_path) is None
        patch.setattr(ctypes, "windll", Dll(), raising=False)
        assert disk.network_filesystem(tmp_path) == "network drive" and asked == ["\\"]
        patch.setattr(Path, "drive", property(lambda _: "\\\\server\\share"))
        assert disk.network_filesystem(tmp_path) == "network share"
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        patch.setattr(disk, "_mac_mounts", lambda: [("/", "apfs"), (str(tmp_path), "smbfs")])
        assert disk.network_filesystem(tmp_path / "x") == "smbfs"
    with monkeypatch.context() as patch:

        def absent(*_: object, **__: object) -> None:
            raise FileNotFoundError("no such program")

        patch.setattr(disk.subprocess, "run", absent)
        assert disk._mac_mounts() == []
        patch.setattr(Path, "read_text", absent)
        assert disk._linux_mounts() == []
    monkeypatch.setattr(
        disk.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, "/dev/d on / (apfs, local)\n")
    )
    assert disk._mac_mounts() == [("/", "apfs")]
