"""Bringing logs home from the workstations: each verified, none overwritten, all or nothing.

The order of the files does not matter, and the same file twice changes nothing. What is taken over is the longer of two logs of
which one continues the other. Two logs of one reader that part from each other (a fork: the reader read on two machines, or an
old copy was continued) are a conflict that a person must settle; nothing of any reader is taken over until then.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reader_app.errors import Fault, LogBug, LogFault, LogUnavailable, StudyFileError
from reader_app.store.chain import head_code
from reader_app.store.disk import sync_directory
from reader_app.store.logcheck import Rows
from reader_app.store.logfile import copy_database
from reader_app.store.readlog import SUFFIX, read_rows, readable
from reader_app.store.studyfolder import StudyFolder
from reader_app.store.upcast import decoded

NEW, EXTENDED, SAME, OLDER, REFUSED = "new", "extended", "same", "older", "refused"
_WORDS = {
    NEW: "new",
    EXTENDED: "continues the log here",
    SAME: "already here",
    OLDER: "older than the log here",
    REFUSED: "REFUSED",
}


@dataclass(frozen=True, slots=True)
class MergedFile:
    """What became of one file.

    Attributes
    ----------
    outcome : str
        "new", "extended", "same", "older" or "refused".
    events_before, events : int
        Events in the study's own log, and in this file.
    head_code : str
        To be compared with the reader's receipt; empty when the file could not be read.
    reason : str
        Why it was refused.
    """

    file: Path
    reader_id: str
    outcome: str
    events_before: int
    events: int
    head: str
    head_code: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge found and did.

    Attributes
    ----------
    merged : bool
        Whether anything was taken over; False as soon as one file was refused.
    """

    files: tuple[MergedFile, ...]
    merged: bool

    @property
    def conflicts(self) -> tuple[Fault, ...]:
        """What must be settled before anything is taken over."""
        return tuple(Fault(str(own.file), own.reason) for own in self.files if own.outcome == REFUSED)

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values."""
        return {
            "schema": 1,
            "merged": self.merged,
            "files": [
                {
                    "file": str(own.file),
                    "reader_id": own.reader_id,
                    "outcome": own.outcome,
                    "events_before": own.events_before,
                    "events": own.events,
                    "head": own.head,
                    "head_code": own.head_code,
                    "reason": own.reason,
                }
                for own in self.files
            ],
        }

    def as_text(self) -> str:
        """Return the report for a terminal: one line a file, then what was done."""
        lines = []
        for own in self.files:
            line = f"{own.file.name}: {_WORDS[own.outcome]}"
            if own.outcome == REFUSED:
                line += f": {own.reason}"
            else:
                line += f" (reader {own.reader_id}, {own.events} events, {own.events_before} before, head code {own.head_code})"
            lines.append(line)
        refused = sum(own.outcome == REFUSED for own in self.files)
        taken = sum(own.outcome in (NEW, EXTENDED) for own in self.files)
        if refused:
            lines.append(f"Nothing was taken over: {refused} of {len(self.files)} file(s) refused.")
        else:
            lines.append(f"{taken} of {len(self.files)} file(s) taken over." if self.merged else "Everything was here already.")
        return "\n".join(lines)


@dataclass(slots=True)
class _Best:
    """The longest log of one reader so far, and the file it comes from (None: the study's own)."""

    own: Rows | None
    rows: Rows | None
    file: Path | None = None


def merge(folder: StudyFolder, files: Sequence[Path]) -> MergeReport:
    """Verify logs and take them over into the study.

    Parameters
    ----------
    folder : StudyFolder
        The frozen study.
    files : sequence of Path
        Logs, or folders with logs.

    Returns
    -------
    MergeReport

    Raises
    ------
    StudyFileError
        If the study is not frozen, or a folder given holds no log.
    LogUnavailable
        If a folder cannot be read or a copy cannot be written; then the logs of the study are as before, or, after a power cut
        in the very act, some are taken over already: the same merge again completes it.
    """
    if not folder.is_frozen:
        raise StudyFileError([Fault(str(folder.path), "the study is not frozen, so it has no logs", "reader-app freeze DIR")])
    best: dict[str, _Best] = {}
    judged = [_judge(folder, file, best) for file in _logs_of(files)]
    report = tuple(own if isinstance(own, MergedFile) else _outcome(file, own, best[own.reader_id]) for file, own in judged)
    if any(own.outcome == REFUSED for own in report):
        return MergeReport(report, merged=False)
    taken = {reader_id: own for reader_id, own in best.items() if own.file is not None}
    _take_over(folder, taken)
    return MergeReport(report, merged=bool(taken))


def _logs_of(files: Sequence[Path]) -> list[Path]:
    """Return the log files, those of folders included, each once, in the order of their names.

    Hidden files of a folder are left out: a Mac puts a "._R01.readlog" beside every log on a stick.
    """
    found: dict[Path, Path] = {}
    for given in files:
        for file in _inside(given) if given.is_dir() else [given]:
            found.setdefault(file.resolve(), file)
    return [found[key] for key in sorted(found)]


def _inside(folder: Path) -> list[Path]:
    try:
        logs = sorted(file for file in folder.iterdir() if file.suffix == SUFFIX and not file.name.startswith("."))
    except OSError as error:
        raise LogUnavailable(f"{folder}: the folder cannot be read ({error.strerror}); check that you may read it") from error
    if not logs:
        raise StudyFileError([Fault(str(folder), f"there is no log in this folder (*{SUFFIX})", "give the folder with the logs")])
    return logs


def _judge(folder: StudyFolder, file: Path, best: dict[str, _Best]) -> tuple[Path, Rows | MergedFile]:
    """Return a file's verified rows, or why it is refused; note it if it is the longest log of its reader so far."""
    reader_id = ""
    try:
        rows = read_rows(file)
        decoded(rows.events)
        reader_id = rows.reader_id
        known = folder.plan_hashes(reader_id)
        if rows.plan_hash not in known:
            plans = f"log {rows.plan_hash[:12]}, this study {known[-1][:12]}"
            raise LogBug(f"it was written under another study plan ({plans}); merge it into the study folder it was read with")
        if reader_id not in best:
            own = read_rows(folder.log_path(reader_id)) if folder.log_path(reader_id).exists() else None
            best[reader_id] = _Best(own, own)
        _compare(rows, best[reader_id], file)
    except (LogFault, StudyFileError) as fault:
        return file, MergedFile(file, reader_id, REFUSED, 0, 0, "", "", str(fault).removeprefix(f"{file}: "))
    return file, rows


def _compare(rows: Rows, best: _Best, file: Path) -> None:
    """Keep the longer of a log and the longest so far.

    Raises
    ------
    LogBug
        If the two part from each other.
    """
    if best.rows is None or (best.rows.is_prefix_of(rows) and not rows.is_prefix_of(best.rows)):
        best.rows, best.file = rows, file
    elif not rows.is_prefix_of(best.rows):
        other = "the log that is here" if best.file is None else best.file.name
        raise LogBug(
            f"conflict: this log of reader {rows.reader_id} and {other} part from each other {_parting(rows, best.rows)}; "
            "find out on which workstation the reader read, and merge that log alone"
        )


def _outcome(file: Path, rows: Rows, best: _Best) -> MergedFile:
    """Return what becomes of a sound file, now that the longest log of its reader is known."""
    if file == best.file:
        outcome = NEW if best.own is None else EXTENDED
    else:
        assert best.rows is not None
        outcome = SAME if best.rows.is_prefix_of(rows) else OLDER
    seq, head = rows.head
    return MergedFile(file, rows.reader_id, outcome, best.own.head[0] if best.own else 0, seq, head, head_code(head))


def _parting(one: Rows, other: Rows) -> str:
    """Say where two logs part."""
    if one.genesis != other.genesis:
        return "from their first row (they were begun separately)"
    for mine, theirs in zip(one.events, other.events, strict=False):
        if mine[6] != theirs[6]:
            return f"at event {mine[0]}"
    return f"after event {min(one.head[0], other.head[0])}"


def _copied(file: Path, part: Path, target: Path) -> Rows:
    """Copy a log and return the rows of the copy; a fault names the log's place, not that of the half copy."""
    try:
        with readable(file) as db:
            copy_database(db, part)
        return read_rows(part)
    except LogFault as fault:
        raise LogUnavailable(str(fault).replace(str(part), str(target))) from fault


def _take_over(folder: StudyFolder, taken: dict[str, _Best]) -> None:
    """Copy all logs beside their places, verify the copies, then rename them all."""
    staged: list[tuple[Path, Path]] = []
    try:
        for reader_id, best in taken.items():
            assert best.file is not None and best.rows is not None
            target = folder.log_path(reader_id)
            target.parent.mkdir(exist_ok=True)
            part = target.with_name(f".{target.name}.merge")
            staged.append((part, target))
            copied = _copied(best.file, part, target)
            if (
                copied.head != best.rows.head
                or len(copied.runs) != len(best.rows.runs)
                or len(copied.seals) != len(best.rows.seals)
            ):
                raise LogUnavailable(f"{target}: the copy differs from {best.file}; check that disk, then merge again")
        for part, target in staged:
            os.replace(part, target)
            sync_directory(target.parent)
    except OSError as error:
        raise LogUnavailable(
            f"{folder.path / 'logs'}: the logs could not be copied ({error}); check that disk, then merge again"
        ) from error
    finally:
        for part, _ in staged:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
