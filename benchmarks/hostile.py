"""Hostile files: thousands of mutants of every kind of file, and bombs, against the import; counts, not times.

The corpus and its mutations are those of ``tests/imaging/fuzz_files.py`` and ``test_bombs.py``. A mutant is well treated when it
is refused in one clear sentence or read to an array of sane size; a decoder's death costs that one file.

    python -m benchmarks.hostile [--count 10000] [--workers 1] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report import Result, machine
from reader_app.imaging.importer import import_sources
from reader_app.imaging.workers import WorkerPool

_TESTS = Path(__file__).parents[1] / "tests" / "imaging"


def mutants(count: int, seed: int, workers: int) -> list[Result]:
    """Try mutants."""
    import fuzz_files  # type: ignore[import-not-found]

    found = fuzz_files.run(count, seed, workers)
    more = {key: found[key] for key in ("refused", "read", "worker_deaths", "by_limit", "seconds", "seed", "examples")}
    return [
        Result("mutants tried", count, "files", ">= 10,000", count >= 10_000, more=more),
        Result("mutants without a clear verdict", found["unclear"], "files", "0", found["unclear"] == 0),
        Result(
            "growth of the program's own memory", found["program_memory_growth_mb"], "MB", "<= 50 MB",
            found["program_memory_growth_mb"] <= 50,
        ),
    ]  # fmt: skip


def bombs() -> list[Result]:
    """Try every bomb and take the worst."""
    import test_bombs  # type: ignore[import-not-found]

    slowest, refused = 0.0, 0
    make = "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import test_bombs as t\n"
    make += "for name, build in t.BOMBS.items():\n    folder = pathlib.Path(sys.argv[2], name.replace('.', '_'), 'in')\n"
    make += "    folder.mkdir(parents=True)\n    build(folder / name)"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as name, WorkerPool(1) as pool:
        subprocess.run([sys.executable, "-c", make, str(_TESTS), name], check=True)  # making them takes memory of its own
        for bomb in test_bombs.BOMBS:
            folder = Path(name) / bomb.replace(".", "_")
            start = time.monotonic()
            report = import_sources([folder / "in"], folder / "images", pool=pool)
            slowest = max(slowest, time.monotonic() - start)
            refused += [f.accepted for f in report.files] == [False]
        deaths = pool.deaths
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    total = len(test_bombs.BOMBS)
    return [
        Result(
            "bombs refused", refused, "files", f"all {total}", refused == total, more={"tried": total, "worker_deaths": deaths}
        ),
        Result("slowest bomb", slowest, "s", "<= 30 s", slowest <= 30),
        Result("growth of the program's own memory over the bombs", grown, "MB", "<= 50 MB", grown <= 50),
    ]


def main() -> int:
    """Run both and print or write the JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    sys.path.insert(0, str(_TESTS))
    results = [*bombs(), *mutants(options.count, options.seed, options.workers)]
    text = json.dumps({"machine": machine(), "results": [r.row() for r in results]}, indent=1)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0 if all(r.ok for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())
