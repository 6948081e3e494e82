"""Files that must survive a power cut: syncing, atomic replacement, and what kind of disk a folder lies on."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from pathlib import Path

#: File systems whose locks cannot be trusted between machines.
NETWORK_FILESYSTEMS: frozenset[str] = frozenset({
    "nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "9p", "afs", "ncpfs", "coda", "ceph", "glusterfs", "lustre",
    "webdav", "davfs", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.gvfsd-fuse", "fuse.davfs", "fuse.davfs2", "fuse.glusterfs",
    "fuse.cephfs",
})  # fmt: skip


def sync_directory(directory: Path) -> None:
    """Make renames and new names in ``directory`` durable (on Windows the file system does this itself)."""
    if sys.platform == "win32":
        return
    handle = os.open(directory, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the bytes of ``path`` durable."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def write_atomically(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write ``data`` to ``path`` so that after any failure either the old or the whole new file is there.

    Parameters
    ----------
    path : Path
    data : bytes
    private : bool
        False: the file may be read by whom any new file of this user may be read (the user's umask decides), for a study is often
        in a folder that several people share. True: by this user alone (keys, PINs).

    Raises
    ------
    OSError
        If it cannot be written; the old file, if any, is untouched and nothing else is left behind.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    mode = 0o600 if private else 0o666
    try:
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def network_filesystem(path: Path) -> str | None:
    """Return the name of the network file system that ``path`` lies on, or None for a local disk.

    Locks on network shares are unreliable, so a log is never opened on one. What cannot be found out counts as local.
    """
    if sys.platform == "win32":
        return _windows_remote(path)
    if sys.platform == "darwin":
        return _network_mount(path, _mac_mounts())
    return _network_mount(path, _linux_mounts())


def _linux_mounts() -> list[tuple[str, str]]:
    try:
        text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return parse_mountinfo(text)


def parse_mountinfo(text: str) -> list[tuple[str, str]]:
    """Return (mount point, file system type) of each line of ``/proc/self/mountinfo``."""
    mounts = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) > 4 and right:
            mounts.append((fields[4].replace("\\040", " "), right.split(" ")[0]))
    return mounts


def _mac_mounts() -> list[tuple[str, str]]:
    try:
        shown = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_mac_mounts(shown)


def parse_mac_mounts(text: str) -> list[tuple[str, str]]:
    """Return (mount point, file system type) of each line that macOS' ``mount`` prints."""
    mounts = []
    for line in text.splitlines():
        where, bracket, kind = line.rpartition(" (")
        point = where.partition(" on ")[2]
        if bracket and point:
            mounts.append((point, kind.split(",")[0].rstrip(")")))
    return mounts


def _network_mount(path: Path, mounts: list[tuple[str, str]]) -> str | None:
    """Return the type of the deepest mount that holds ``path``, if it is a network one; of equal depth the last wins."""
    real = path.resolve()
    best, found = -1, ""
    for point, kind in mounts:
        depth = len(Path(point).parts)
        if depth >= best and (real == Path(point) or Path(point) in real.parents):
            best, found = depth, kind
    return found if found in NETWORK_FILESYSTEMS else None


def _windows_remote(path: Path) -> str | None:
    import ctypes

    drive = path.resolve().drive
    if drive.startswith("\\\\"):
        return "network share"
    windll = getattr(ctypes, "windll", None)
    remote = 4
    if windll is not None and windll.kernel32.GetDriveTypeW(f"{drive}\\") == remote:
        return "network drive"
    return None
