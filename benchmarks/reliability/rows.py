"""What a row of the reliability table is, and how it becomes a figure."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.report import Result

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is tried: seconds (:data:`QUICK`), minutes (:data:`NORMAL`), or what the table asks for (:data:`LONG`).

    Attributes
    ----------
    name : str
    level : int
        0, 1 or 2.
    seconds : float
        Trials that come one after the other end after so long; what was done by then is the figure.
    """

    name: str
    level: int
    seconds: float = math.inf

    def of(self, quick: int, normal: int, long: int) -> int:
        """Return the number that belongs to this size."""
        return (quick, normal, long)[self.level]


QUICK, NORMAL, LONG = Size("quick", 0), Size("normal", 1), Size("long", 2)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the trials of a row found.

    Attributes
    ----------
    tried, failed : int
        Trials, and those of them in which the promise was broken.
    unit : str
        What one trial is.
    control : str
        What was broken on purpose, and what the same trials found there.
    caught : bool
        Whether it was caught; without that a zero means nothing.
    more : mapping
        Further figures.
    """

    tried: int
    failed: int
    unit: str
    control: str
    caught: bool
    more: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A promise and how it is tried.

    Attributes
    ----------
    key : str
        Number in the table, with a letter where one promise is tried in several ways.
    promise : str
    prove : callable (Size) -> Outcome
    quick : bool
        Whether it is tried at size QUICK; rows that only gather tests are not, for the tests run beside it.
    needs : callable () -> str
        Returns what is missing on this machine, or an empty text.
    procedure : str
        How a person tries it where this machine cannot.
    """

    key: str
    promise: str
    prove: Callable[[Size], Outcome]
    quick: bool = True
    needs: Callable[[], str] = lambda: ""
    procedure: str = ""


def result(row: Row, found: Outcome, size: Size, seconds: float) -> Result:
    """Return the row as a result: held when nothing failed, something was tried, and the control was caught."""
    more: dict[str, object] = {
        "row": row.key,
        "promise": row.promise,
        "tried": found.tried,
        "failed": found.failed,
        "negative_control": found.control,
        "control_caught": found.caught,
        "size": size.name,
        "seconds": round(seconds, 1),
        **found.more,
    }
    held = found.tried > 0 and found.failed == 0 and found.caught
    return Result(
        f"{row.key} {row.promise}", found.failed, f"of {found.tried} {found.unit}", "0, control caught", held, more=more
    )


@dataclass(frozen=True, slots=True)
class ByTests:
    """Trials that are tests already: each case of each named test counts, and the named controls are tests as well.

    Attributes
    ----------
    unit : str
        What one test case is.
    proofs, controls : list of str
        Files or test ids below ``tests/``.
    """

    unit: str
    proofs: list[str]
    controls: list[str]

    def __call__(self, size: Size) -> Outcome:
        """Run them, all of them at every size."""
        tried, failed, _ = run_tests(self.proofs, {})
        shown, missed, _ = run_tests(self.controls, {})
        names = ", ".join(control.partition("::")[2] or control for control in self.controls)
        return Outcome(tried, failed, self.unit, f"{shown - missed} of {shown} caught: {names}", missed == 0 < shown)


def run_tests(ids: list[str], environment: dict[str, str]) -> tuple[int, int, str]:
    """Run tests in a process of their own; return how many ran (skipped ones did not), how many failed, and what was said."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", f"--junit-xml={report}"]
        done = subprocess.run(
            [*command, *(f"tests/{name}" for name in ids)],
            cwd=ROOT,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            return 1, 1, done.stdout[-600:] + done.stderr[-600:]
        suites = ElementTree.parse(report).getroot().iter("testsuite")
        counts = [(int(own.attrib[key]) for key in ("tests", "skipped", "failures", "errors")) for own in suites]
    tests, skipped, failures, errors = (sum(column) for column in zip(*counts, strict=True))
    return tests - skipped, failures + errors, done.stdout
