"""How good a bundle is on held-out phantoms: every figure that the shipped models are held to, with the bar beside it.

``python -m benchmarks.phantom_accuracy SYSTEM [--model ID] [--phantoms 300] [--bundle FOLDER] [--keep FOLDER] [--json]``

The phantoms' seeds are those of the test cohort of :mod:`reader_app.networks`, which neither training nor calibration ever sees.
Nothing measured here says anything about patients. ``--keep`` (liu2025, whose scans take seconds each) writes down what was found
on every phantom: a measurement that was stopped goes on, and several can share the work (``--share 1/2``, ``--share 2/2``).
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Result, arguments, show

#: Figures and their bars, by system: place in the figures (names joined by /), least or most value.
Bar = tuple[str, str, float]
BARS: Mapping[str, tuple[Bar, ...]] = {
    "liu2025": (
        ("dice", ">=", 0.85),
        ("dice_mean_of_scans", ">=", 0.85),
        ("auc", ">=", 0.93),
        ("lesion_auc", ">=", 0.93),
        ("lesion_found", ">=", 0.80),
    ),
    "zhou2023": (
        ("froc/1.0", ">=", 0.80),
        ("matching_accuracy", ">=", 0.90),
        ("place_right", ">=", 0.90),
        ("depth_error", "<=", 0.08),
    ),
}

Measure = Callable[[Any, Sequence[int], Any], dict[str, Any]]


def liu2025(
    bundle: Any, seeds: Sequence[int], progress: Any, keep: Path | None = None, own: slice = slice(None)
) -> dict[str, Any]:
    """Measure liu2025 on one whole scan a phantom; ``own`` of the seeds now, with those that ``keep`` holds already."""
    from reader_app.imaging import phantoms
    from reader_app.networks import device, liu2025_measure, liu2025_samples
    from reader_app.networks.liu2025_predict import Liu2025Model

    model = Liu2025Model(bundle, device.choose("auto"))
    rows = {} if keep is None else kept(keep, bundle.sha256)
    for number, seed in enumerate(seeds[own]):
        if seed not in rows:
            exam = liu2025_samples.phantom_exam(phantoms.abvs_volume(seed))
            rows[seed] = liu2025_measure.of_case(model, exam)
            if keep is not None:
                write_down(keep, {"bundle": bundle.sha256, "seed": seed, "found": rows[seed]})
        progress(number + 1, len(seeds[own]), "test (abvs)")
    return liu2025_measure.figures([rows[s] for s in seeds if s in rows])


def kept(folder: Path, bundle: str) -> dict[int, dict[str, Any]]:
    """Return what was written down of a bundle's phantoms, by seed; a line that a kill cut short is left out."""
    rows = {}
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if row["bundle"] == bundle:
                rows[int(row["seed"])] = row["found"]
    return rows


def write_down(folder: Path, row: Mapping[str, Any]) -> None:
    """Add a line to this process's own file of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def zhou2023(bundle: Any, seeds: Sequence[int], progress: Any) -> dict[str, Any]:
    """Measure zhou2023 on exams of women with none to three lesions of four types."""
    from reader_app.networks import device, zhou2023_measure
    from reader_app.networks.zhou2023 import FourViewModel
    from reader_app.networks.zhou2023_train import phantom_exams

    where = device.choose("auto")
    model = FourViewModel(bundle, where)
    exams = phantom_exams(seeds, model.mm)
    return zhou2023_measure.measure(
        model.network, model.trees, exams, len(seeds), model.probability, model.threshold, where, progress
    )


MEASURES: dict[str, Measure] = {"liu2025": liu2025, "zhou2023": zhou2023}


def figure(figures: Mapping[str, Any], path: str) -> float | None:
    """Return the value at a path, None where it is unknown."""
    value: Any = figures
    for name in path.split("/"):
        value = value.get(name) if isinstance(value, Mapping) else None
    return None if value is None else float(value)


def judged(figures: Mapping[str, Any], bars: Sequence[Bar], more: Mapping[str, Any]) -> list[Result]:
    """Return one row a bar; a figure that is missing does not hold its bar."""
    rows = []
    for number, (path, sign, bar) in enumerate(bars):
        value = figure(figures, path)
        ok = value is not None and (value >= bar if sign == ">=" else value <= bar)
        name = path.replace("/", " at so many false marks an image: ").replace("_", " ")
        rows.append(
            Result(name, float("nan") if value is None else value, "", f"{sign} {bar:g}", ok, more={} if number else more)
        )
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and return 0 when every bar is held."""
    parser = arguments(__doc__)
    parser.add_argument("system")
    parser.add_argument("--model", help="which model of the system; default: the system's name")
    parser.add_argument("--phantoms", type=int, default=300)
    parser.add_argument("--bundle", type=Path, help="default: the bundle that ships")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="liu2025: write down every phantom there, and go on from there"
    )
    parser.add_argument("--share", default="1/1", metavar="K/N", help="with --keep: only every N-th phantom, from the K-th")
    options = parser.parse_args(argv)
    if options.keep is not None and options.system != "liu2025":
        parser.error("--keep is for liu2025; the others are measured in one go")
    if importlib.util.find_spec("benchmarks.phantom_accuracy_classifiers") is not None:
        others = importlib.import_module("benchmarks.phantom_accuracy_classifiers")
        MEASURES.update(others.MEASURES)
        bars = {**BARS, **getattr(others, "BARS", {})}
    else:
        bars = dict(BARS)

    import torch

    from reader_app.ai import bundle as bundles
    from reader_app.networks.classifier_train import TEST_SEED

    if options.system not in MEASURES:
        parser.error(f"unknown system {options.system!r}; use one of {', '.join(sorted(MEASURES))}")
    torch.set_num_threads(int(os.environ.get("READER_APP_THREADS", "2")))
    folder = options.bundle or Path(__file__).resolve().parents[1] / "resources" / "bundles" / (options.model or options.system)
    bundle = bundles.load(folder)
    first = TEST_SEED + 100_000
    begun, used = time.perf_counter(), time.process_time()

    def progress(done: int, total: int, text: str) -> None:
        if done % 20 == 0 or done == total:
            print(f"{text}: {done} of {total} ({time.perf_counter() - begun:.0f} s)", file=sys.stderr, flush=True)

    measure = MEASURES[options.system]
    if options.keep is not None:
        part, parts = (int(v) for v in options.share.split("/"))
        measure = functools.partial(liu2025, keep=options.keep, own=slice(part - 1, None, parts))
    figures = measure(bundle, range(first, first + options.phantoms), progress)
    more = {
        "model": bundle.model_id,
        "bundle_sha256": bundle.sha256,
        "training_data": bundle.training_data,
        "command": bundle.manifest.get("command", ""),
        "phantoms": figures.get("n", options.phantoms),
        "wall_s": round(time.perf_counter() - begun, 1),
        "cpu_s": round(time.process_time() - used, 1),
        "figures": figures,
    }
    return show(judged(figures, bars.get(options.system, ()), more), options.json)


if __name__ == "__main__":
    raise SystemExit(main())
