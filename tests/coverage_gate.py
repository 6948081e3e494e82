"""Branch coverage of the code on which a study's validity rests: all of it, or the gate is shut.

``python -m tests.coverage_gate`` runs the tests of these modules and prints each with what is not covered; exit status 1 below
100 %. The stateful machine and the mutants are left out: whatever they alone cover would not be covered on purpose.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: What a session may do, who reads what, the auditor, the table of reads, and the log under them.
MODULES = (
    "study/session", "study/state", "study/evolution", "study/growing", "study/readrules", "study/overrides", "study/repeats",
    "study/assignment", "study/audit", "study/audit_ledger", "study/audit_reads", "study/audit_blocks", "study/readtable",
    "study/eventcodec", "store/readlog", "store/upcast",
)  # fmt: skip
TESTS = ("tests/study", "tests/store/test_readlog.py", "tests/store/test_backup.py", "tests/store/test_corpus.py")
LEFT_OUT = ("tests/study/test_mutants.py", "tests/study/test_protocol_machine.py")


@dataclass(frozen=True, slots=True)
class Covered:
    """How much of a module its tests run through.

    Attributes
    ----------
    statements, branches : int
        How many there are.
    lines : tuple of int
        Lines that no test runs.
    jumps : tuple of (int, int)
        Branches that no test takes: from line, to line (negative: out of the function that begins there).
    """

    module: str
    statements: int
    branches: int
    lines: tuple[int, ...]
    jumps: tuple[tuple[int, int], ...]

    @property
    def is_whole(self) -> bool:
        """Whether every line and every branch is covered."""
        return self.statements > 0 and not self.lines and not self.jumps

    def __str__(self) -> str:
        lacking = [*map(str, self.lines), *(f"{start}->{stop}" for start, stop in self.jumps)]
        share = "100 %" if self.is_whole else f"lacks {', '.join(lacking)}"
        return f"{self.module:<22} {self.statements:>5} statements {self.branches:>5} branches  {share}"


def measure(
    modules: tuple[str, ...] = MODULES, tests: tuple[str, ...] = TESTS, package: str = "reader_app", root: Path = ROOT
) -> list[Covered]:
    """Run the tests and return the coverage of each module.

    Raises
    ------
    RuntimeError
        If a test fails: then coverage says nothing.
    """
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "coverage.json"
        folders = sorted({module.rpartition("/")[0] for module in modules})
        sources = [f"--cov={'.'.join([package, *folder.split('/')]) if folder else package}" for folder in folders]
        ignored = [f"--ignore={left}" for left in LEFT_OUT]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *sources, "--cov-branch",
             f"--cov-report=json:{report}", *ignored, *tests],
            cwd=root, env={**os.environ, "COVERAGE_FILE": str(Path(name) / "data")}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(
                f"the tests do not pass, so their coverage says nothing:\n{done.stdout[-2000:]}{done.stderr[-500:]}"
            )
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    found = {Path(name).with_suffix("").as_posix().removeprefix(f"{package}/"): own for name, own in files.items()}
    return [
        Covered(
            module,
            found[module]["summary"]["num_statements"],
            found[module]["summary"]["num_branches"],
            tuple(found[module]["missing_lines"]),
            tuple((start, stop) for start, stop in found[module]["missing_branches"]),
        )
        for module in modules
    ]


def main() -> int:
    """Print the table; 0 when the gate is open."""
    found = measure()
    for module in found:
        print(module)
    return 0 if all(module.is_whole for module in found) else 1


if __name__ == "__main__":
    sys.exit(main())
