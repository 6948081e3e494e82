"""Files that are whole or not there: written beside, read back, then put in place. A fault leaves the old file as it was."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reader_app.errors import EnvironmentFault
from reader_app.store.disk import sync_directory, sync_file

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file would be larger than this disk allows; choose another folder",
    errno.EROFS: "the folder is read-only; choose another folder",
    errno.EACCES: "writing is not allowed there, or the file is open in another program; close it or choose another folder",
    errno.EPERM: "writing is not allowed there, or the file is open in another program; close it or choose another folder",
    errno.ENOENT: "the folder does not exist; make it or choose another",
    errno.ENOTDIR: "part of the path is a file; choose another folder",
    errno.EISDIR: "a folder of that name is in the way; choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was read back and found to say what it should.

    Attributes
    ----------
    path : Path
    sha256 : str
    size : int
        Bytes.
    checked : str
        What was compared, for a person ("12,345 cells").
    """

    path: Path
    sha256: str
    size: int
    checked: str


class NotAsWritten(EnvironmentFault):
    """A file read back differs from what was written; it was thrown away."""


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sentence(path: Path, error: OSError) -> str:
    """Return one sentence for a person about a file that could not be written."""
    reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}; try another folder")
    return f"{path} was not written: {reason} (an older file of that name is unchanged)."


def write_checked(path: Path, write: Callable[[Path], None], check: Callable[[Path], str]) -> WrittenFile:
    """Write a file beside ``path``, make it durable, read it back, and only then put it in place.

    Parameters
    ----------
    path : Path
        Where the file shall be; its folder must exist.
    write : callable
        Writes the whole file at the path it is given.
    check : callable
        Reads that file back and returns what was compared, in words.

    Raises
    ------
    EnvironmentFault
        If it cannot be written: one sentence; an older file is untouched and nothing is left beside it.
    NotAsWritten
        If ``check`` found a difference.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}.part{path.suffix}")
    try:
        write(temporary)
        sync_file(temporary)
        checked = check(temporary)
        written = WrittenFile(path, sha256_of(temporary), temporary.stat().st_size, checked)
        os.replace(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        raise EnvironmentFault(sentence(path, error)) from error
    finally:
        temporary.unlink(missing_ok=True)
    return written


def refuse(path: Path, differences: Sequence[str]) -> None:
    """Raise :class:`NotAsWritten` if there are differences, naming the first three."""
    if differences:
        some = "; ".join(differences[:3])
        more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
        raise NotAsWritten(
            f"{path.suffix} file read back differs from what was written ({some}{more}); nothing was kept, try again."
        )
