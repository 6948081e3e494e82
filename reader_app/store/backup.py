"""A second copy of a log on another disk, kept while the reader reads, and the way back from it.

A copy is a complete log of its own: any of them can be verified, read, merged, or put in the place of a log that was lost. The
second copy is convenience and never stands in the way: when its disk fails, reading goes on and the fault is told.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from reader_app.errors import LogBug, LogFault, LogUnavailable
from reader_app.store.disk import sync_directory, sync_file
from reader_app.store.logfile import copy_database
from reader_app.store.readlog import ReadLog, read_rows, readable


@dataclass(slots=True)
class SecondCopy:
    """Keeps a copy of an open log in a second folder.

    Attributes
    ----------
    log : ReadLog
        The log that is being written.
    folder : Path
        A folder on another disk (a stick, a server share).
    fault : LogFault or None
        Why the last attempt failed; None when the copy is up to date as of the last call.
    """

    log: ReadLog
    folder: Path
    fault: LogFault | None = None

    @property
    def path(self) -> Path:
        """Where the copy lies."""
        return self.folder / self.log.path.name

    def update(self) -> bool:
        """Bring the copy up to date and return whether that worked. Call it on the log's thread, at pauses and round ends.

        A copy that is there already and is not the beginning of this log is never overwritten.
        """
        try:
            if not self.folder.is_dir():
                raise LogUnavailable(f"{self.folder}: the folder of the second copy is not there; plug in its disk")
            if self.path.exists() and not _begins(self.path, self.log):
                raise LogBug(f"{self.path}: there is another log of this name; move it away to let a second copy be kept")
            self.log.copy_to(self.path)
        except LogFault as fault:
            self.fault = fault
            return False
        except OSError as error:
            self.fault = LogUnavailable(f"{self.folder}: the second copy cannot be kept ({error}); check that disk")
            return False
        self.fault = None
        return True


def _begins(path: Path, log: ReadLog) -> bool:
    """Return whether the copy at ``path`` is the beginning of the open log."""
    rows = read_rows(path)
    if rows.genesis != log.genesis:
        return False
    seq, head = rows.head
    return seq == 0 or log.hash_of(seq) == head


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restoration did.

    Attributes
    ----------
    events : int
        Events in the log now.
    kept_as : Path or None
        Where the damaged log was put aside; None when there was none.
    """

    events: int
    kept_as: Path | None


def restore(copy: Path, target: Path) -> Restored:
    """Put a verified copy in the place of a log that is lost or damaged. Nothing is deleted.

    Parameters
    ----------
    copy : Path
        A second copy, or any other copy of the log.
    target : Path
        Where the log belongs.

    Raises
    ------
    LogUnavailable, LogBug
        If the copy is not sound, or the log that is there is sound and not the beginning of the copy: then it is newer or
        another, and stays.
    """
    rows = read_rows(copy)
    kept_as = None
    if target.exists():
        try:
            there = read_rows(target)
        except LogBug:
            kept_as = _aside(target)
        else:
            if not there.is_prefix_of(rows):
                raise LogBug(f"{target}: this log is sound and holds events that the copy has not; it stays as it is")
    part = target.with_name(f".{target.name}.restored")
    try:
        with readable(copy) as db:
            copy_database(db, part)
        if kept_as is not None:
            os.replace(target, kept_as)
        _leave_no_journal(target)
        os.replace(part, target)
        sync_file(target)
        sync_directory(target.parent)
    except OSError as error:
        raise LogUnavailable(f"{target}: the copy could not be put in place ({error}); check that disk") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return Restored(rows.head[0], kept_as)


def _aside(target: Path) -> Path:
    """Return a free name beside ``target`` for a damaged log."""
    number = 1
    while (aside := target.with_name(f"{target.stem}.damaged-{number}{target.suffix}.kept")).exists():
        number += 1
    return aside


def _leave_no_journal(target: Path) -> None:
    """Put a left journal aside: it belongs to the damaged file and would be played back into the copy."""
    journal = target.with_name(f"{target.name}-journal")
    if journal.exists():
        os.replace(journal, _aside(journal))
