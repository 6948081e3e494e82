"""The exception families. The text of each is one sentence for a person: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence


class ReaderAppError(Exception):
    """Base of every fault that a user can meet; its text may be shown as it is."""


class Fault:
    """One thing wrong in an input: where, what, and the remedy.

    Parameters
    ----------
    place : str
        File, and where known line, row, column or key.
    what : str
        What is wrong there.
    remedy : str
        What the user should do; may be empty when ``what`` says it.
    """

    __slots__ = ("place", "remedy", "what")

    def __init__(self, place: str, what: str, remedy: str = "") -> None:
        self.place = place
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.place}: {self.what}"
        return f"{text}; {self.remedy}" if self.remedy else text

    def __repr__(self) -> str:
        return f"Fault({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fault) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class InputFaults(ReaderAppError):
    """One or several faults of an input, all listed at once (exit status 1)."""

    def __init__(self, faults: Sequence[Fault] | str) -> None:
        self.faults: tuple[Fault, ...] = (Fault("input", faults),) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(str(f) for f in self.faults) if not isinstance(faults, str) else faults)


class StudyFileError(InputFaults):
    """A study file (study.toml, cases.csv, readers.csv, lock) is wrong: file, key, line where known, expected."""


class ImageError(ReaderAppError):
    """An image file or container cannot be used: which file, which assumption failed."""


class TableError(InputFaults):
    """A table given for import or analysis is wrong: row, column and what was expected."""


class BundleError(ReaderAppError):
    """A model bundle or a stored prediction is wrong or does not belong to this case."""


class WorkerError(ReaderAppError):
    """The worker process died, timed out or answered with an error (exit status 3)."""


class ProtocolViolation(ReaderAppError):
    """A command that is not legal in the present state of the session. Nothing was changed."""


class LogFault(ReaderAppError):
    """The read log failed; reading stops until it is mended."""


class LogUnavailable(LogFault):
    """The environment is at fault: disk full, locked, read-only (exit status 3)."""


class LogBug(LogFault):
    """The log or our use of it is at fault: broken chain, gap, foreign file."""


class EnvironmentFault(ReaderAppError):
    """Disk, lock, display or GPU failed (exit status 3)."""
