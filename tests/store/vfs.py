"""Stands between SQLite and the disk: records every write and sync, or fails the n-th of them. POSIX only, by ``ctypes``.

The file system under SQLite (its VFS) is copied and registered as the default one, with two of its functions and five of each
file's replaced. So the very engine and the very code of the program are tried, not a model of them. From a recording the disk
after a power cut at any moment is rebuilt: what was synced is there; of what was not, each 512-byte sector is there or not, by
chance.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import random
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

OK, FULL, IOERR_WRITE, IOERR_FSYNC = 0, 13, 10 | (3 << 8), 10 | (4 << 8)
IOERR_READ, IOERR_TRUNCATE, IOERR_DELETE = 10 | (1 << 8), 10 | (6 << 8), 10 | (10 << 8)
SECTOR = 512

_P = ctypes.c_void_p
_I = ctypes.c_int
_CLOSE = ctypes.CFUNCTYPE(_I, _P)
_READ = ctypes.CFUNCTYPE(_I, _P, _P, _I, ctypes.c_int64)
_WRITE = ctypes.CFUNCTYPE(_I, _P, _P, _I, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(_I, _P, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(_I, _P, _I)
# File names travel as addresses: SQLite keeps parameters before and after the text itself.
_OPEN = ctypes.CFUNCTYPE(_I, _P, _P, _P, _I, _P)
_DELETE = ctypes.CFUNCTYPE(_I, _P, _P, _I)


class _Methods(ctypes.Structure):
    _fields_ = (
        ("iVersion", _I),
        ("xClose", _CLOSE),
        ("xRead", _READ),
        ("xWrite", _WRITE),
        ("xTruncate", _TRUNCATE),
        ("xSync", _SYNC),
        ("rest", _P * 13),
    )


class _File(ctypes.Structure):
    _fields_ = (("pMethods", ctypes.POINTER(_Methods)),)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", _I),
        ("szOsFile", _I),
        ("mxPathname", _I),
        ("pNext", _P),
        ("zName", ctypes.c_char_p),
        ("pAppData", _P),
        ("xOpen", _OPEN),
        ("xDelete", _DELETE),
        ("rest", _P * 16),
    )


@dataclass(frozen=True)
class Operation:
    """One thing asked of the disk. ``kind``: "create", "write", "truncate", "sync", "delete", or "told" (an acknowledgement)."""

    kind: str
    name: str = ""
    offset: int = 0
    data: bytes = b""
    durable: bool = False


@dataclass
class Disk:
    """What passes between SQLite and the disk.

    Attributes
    ----------
    fail_at : int
        Number of the operation (1, 2, 3 ...; reads count) that fails; 0: none.
    lasting : bool
        Whether all later ones fail too.
    full : bool
        Only writes are counted and fail, as on a full disk.
    """

    operations: list[Operation] = field(default_factory=list)
    fail_at: int = 0
    lasting: bool = False
    full: bool = False
    count: int = 0

    def told(self, number: int) -> None:
        """Note that the caller has been told that event ``number`` is durable."""
        self.operations.append(Operation("told", offset=number))

    def fails(self, writing: bool = False) -> bool:
        """Count an operation and return whether it fails."""
        if self.full and not writing:
            return False
        self.count += 1
        return self.fail_at > 0 and (self.count == self.fail_at or (self.lasting and self.count > self.fail_at))


def _library() -> ctypes.CDLL:
    """Return the SQLite that Python's own module has loaded."""
    assert sqlite3.sqlite_version
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines() if sys.platform == "linux" else ():
        path = line.split(maxsplit=5)[-1]
        if "libsqlite3" in path:
            return ctypes.CDLL(path)
    own = sys.modules["_sqlite3"].__file__
    return ctypes.CDLL(own)


def available() -> bool:
    """Return whether SQLite's functions can be reached on this machine."""
    try:
        return sys.platform != "win32" and bool(_library().sqlite3_vfs_find)
    except (OSError, AttributeError):
        return False


@contextlib.contextmanager
def watched_disk(disk: Disk) -> Iterator[Disk]:
    """Let every database opened inside the block go through ``disk``."""
    library = _library()
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    original = library.sqlite3_vfs_find(None)
    kept: list[object] = []
    names: dict[int, str] = {}
    real: dict[int, _Methods] = {}

    def opened(vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        path = ctypes.string_at(name).decode() if name else ""
        fresh = bool(path) and not Path(path).exists()
        code = original.contents.xOpen(ctypes.addressof(original.contents), name, file, flags, out)
        if code == OK and path:
            handle = ctypes.cast(file, ctypes.POINTER(_File)).contents
            methods = handle.pMethods.contents
            real[file], names[file] = methods, Path(path).name
            own = _Methods.from_buffer_copy(methods)
            own.xClose, own.xRead, own.xWrite, own.xTruncate, own.xSync = close, read, write, truncate, sync
            kept.append(own)
            handle.pMethods = ctypes.pointer(own)
            if fresh:
                disk.operations.append(Operation("create", names[file]))
        return int(code)

    def closed(file: int) -> int:
        return int(real[file].xClose(file))

    def read_from(file: int, buffer: int, amount: int, offset: int) -> int:
        if disk.fails():
            return IOERR_READ
        return int(real[file].xRead(file, buffer, amount, offset))

    def written(file: int, buffer: int, amount: int, offset: int) -> int:
        if disk.fails(writing=True):
            return FULL if disk.full else IOERR_WRITE
        disk.operations.append(Operation("write", names[file], offset, ctypes.string_at(buffer, amount)))
        return int(real[file].xWrite(file, buffer, amount, offset))

    def truncated(file: int, size: int) -> int:
        if disk.fails():
            return IOERR_TRUNCATE
        disk.operations.append(Operation("truncate", names[file], size))
        return int(real[file].xTruncate(file, size))

    def synced(file: int, flags: int) -> int:
        if disk.fails():
            return IOERR_FSYNC
        code = int(real[file].xSync(file, flags))
        disk.operations.append(Operation("sync", names[file]))
        return code

    def deleted(vfs: int, name: int, sync_directory: int) -> int:
        if disk.fails():
            return IOERR_DELETE
        disk.operations.append(Operation("delete", Path(ctypes.string_at(name).decode()).name, durable=bool(sync_directory)))
        return int(original.contents.xDelete(ctypes.addressof(original.contents), name, sync_directory))

    close, read, write = _CLOSE(closed), _READ(read_from), _WRITE(written)
    truncate, sync = _TRUNCATE(truncated), _SYNC(synced)
    copy = _Vfs.from_buffer_copy(original.contents)
    copy.zName = b"watched"
    copy.xOpen, copy.xDelete = _OPEN(opened), _DELETE(deleted)
    kept += [close, read, write, truncate, sync, copy]
    assert library.sqlite3_vfs_register(ctypes.byref(copy), 1) == OK
    try:
        yield disk
    finally:
        library.sqlite3_vfs_unregister(ctypes.byref(copy))
        library.sqlite3_vfs_register(original, 1)


# --- power cuts ----------------------------------------------------------------------------------------------------------------


@dataclass
class _Stored:
    """One file on the simulated disk."""

    safe: bytearray
    pending: list[Operation] = field(default_factory=list)
    name_is_safe: bool = True
    removed: bool = False


def after_power_cut(start: dict[str, bytes], operations: list[Operation], cut: int, chance: random.Random) -> dict[str, bytes]:
    """Return the files as they may lie on the disk when the power fails after ``cut`` operations.

    Parameters
    ----------
    start : mapping of str to bytes
        The files at the beginning, durable.
    operations : list of Operation
    cut : int
    chance : random.Random
        Decides about everything that was not synced.
    """
    files = {name: _Stored(bytearray(data)) for name, data in start.items()}
    for operation in operations[:cut]:
        own = files.get(operation.name)
        if operation.kind == "create":
            files[operation.name] = _Stored(bytearray(), name_is_safe=False)
        elif operation.kind == "delete":
            assert own is not None
            if operation.durable:
                del files[operation.name]
            else:
                own.removed = True
        elif operation.kind in ("write", "truncate"):
            assert own is not None
            own.pending.append(operation)
        elif operation.kind == "sync":
            assert own is not None
            for waiting in own.pending:
                _apply(own.safe, waiting, range(len(waiting.data)))
            own.pending.clear()
            own.name_is_safe = True  # the first sync of a new journal syncs its folder too
    return {name: bytes(own.safe) for name, own in files.items() if _survives(own, chance)}


def _survives(own: _Stored, chance: random.Random) -> bool:
    """Apply by chance what was not synced, and return whether the file's name is there."""
    for waiting in own.pending:
        if waiting.kind == "truncate":
            if chance.random() < 0.5:
                _apply(own.safe, waiting, range(0))
            continue
        first = -(waiting.offset % SECTOR)
        for start in range(first, len(waiting.data), SECTOR):
            if chance.random() < 0.5:
                _apply(own.safe, waiting, range(max(0, start), min(len(waiting.data), start + SECTOR)))
    if own.removed and chance.random() < 0.5:
        return False
    return own.name_is_safe or chance.random() < 0.5


def _apply(data: bytearray, operation: Operation, part: range) -> None:
    if operation.kind == "truncate":
        del data[operation.offset :]
        return
    if len(part) == 0:
        return
    start, stop = operation.offset + part.start, operation.offset + part.stop
    if len(data) < stop:
        data.extend(bytes(stop - len(data)))
    data[start:stop] = operation.data[part.start : part.stop]
