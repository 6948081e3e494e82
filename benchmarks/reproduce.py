"""Whether a bundle comes out again from the command that its manifest states: every weight and every figure compared.

``python -m benchmarks.reproduce [BUNDLE] [--work FOLDER] [--json]``

The command is run as it stands in the manifest, on the CPU, in a folder of its own; a run that was killed goes on there. On the
machine that made the bundle (same processor, same versions, one thread) nothing may differ; elsewhere sums may be rounded
otherwise, so the largest difference of a weight and of a figure is told beside.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.report import Result, arguments, show


def ordered(command: str, out: Path) -> list[str]:
    """Return the arguments of a manifest's command, with another folder to write to and the CPU to run on.

    Raises
    ------
    ValueError
        If the command is not one that anybody can run: ``--data FOLDER`` needs somebody's own cases.
    """
    words = shlex.split(command)
    if words[:3] != ["reader-app", "ai", "train"] or "--data" in words:
        raise ValueError(f"{command!r} cannot be run from the manifest alone.")
    given = words[1:]
    given[given.index("--out") + 1] = str(out)
    return [*given, "--device", "cpu"]


def figures(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a manifest with its place."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from figures(value, f"{path}/{key}")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from figures(value, f"{path}/{number}")
    else:
        yield path, document


def compared(shipped: Any, again: Any) -> list[Result]:
    """Return what differs between two bundles: weights one by one, and the values of the manifests but file hashes."""
    from reader_app.networks import checkpoint

    one, two = (checkpoint.read(b.weights)[0] for b in (shipped, again))
    shape = {k: v.shape for k, v in one.items()} == {k: v.shape for k, v in two.items()}
    apart = {k: float((one[k].double() - two[k].double()).abs().max()) for k in one if one[k].numel()} if shape else {}
    differ = len([v for v in apart.values() if v != 0]) if shape else len(set(one) ^ set(two)) + len(one)
    values = [dict(figures({k: v for k, v in b.manifest.items() if k != "files"})) for b in (shipped, again)]
    other = sorted(k for k in values[0].keys() | values[1].keys() if values[0].get(k) != values[1].get(k))
    more = {"largest_difference": max(apart.values(), default=0.0), "tensors": len(one)}
    return [
        Result("tensors that differ", differ, "", "= 0", differ == 0, more=more),
        Result("values of the manifest that differ", len(other), "", "= 0", not other, more={"places": other[:40]}),
    ]


def again(folder: Path, work: Path) -> list[Result]:
    """Train a bundle anew from its manifest in ``work`` and compare it with what lies in ``folder``."""
    from reader_app.ai import bundle as bundles
    from reader_app.cli.main import run

    shipped = bundles.load(folder)
    command = str(shipped.manifest.get("command", ""))
    out = work / shipped.model_id
    begun, used = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(sys.stderr):
        status = run(ordered(command, out))
    if status:
        raise SystemExit(f"{command}: ended with {status}.")
    rows = compared(shipped, bundles.load(out))
    told = {"model": shipped.model_id, "command": command, "bundle_sha256": shipped.sha256}
    spent = {"wall_s": round(time.perf_counter() - begun, 1), "cpu_s": round(time.process_time() - used, 1)}
    return [replace(rows[0], more={**told, **spent, **rows[0].more}), *rows[1:]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and return 0 when nothing differs."""
    parser = arguments(__doc__)
    parser.add_argument("bundle", nargs="?", default="liu2025", help="a bundle's folder, or the name of one that ships")
    parser.add_argument("--work", type=Path, help="where to train; by default a folder that is removed afterwards")
    options = parser.parse_args(argv)

    import torch

    from reader_app.desk.aids import find_bundle

    torch.set_num_threads(int(os.environ.get("READER_APP_THREADS", "1")))
    folder = find_bundle(options.bundle)
    with tempfile.TemporaryDirectory() as scratch:
        rows = again(folder, options.work or Path(scratch))
    return show(rows, options.json)


if __name__ == "__main__":
    sys.exit(main())
