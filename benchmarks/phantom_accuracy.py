"""How good a bundle is on held-out phantoms: every figure that the shipped models are held to, with the bar beside it.

``python -m benchmarks.phantom_accuracy SYSTEM [--model ID] [--phantoms 300] [--bundle FOLDER] [--json]``

The phantoms' seeds are those of the test cohort of :mod:`reader_app.networks`, which neither training nor calibration ever sees.
Nothing measured here says anything about patients.
"""

from __future__ import annotations

import importlib
import importlib.util
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


def liu2025(bundle: Any, seeds: Sequence[int], progress: Any) -> dict[str, Any]:
    """Measure liu2025 on whole scans of the demo's kind."""
    from reader_app.networks import device, liu2025_measure
    from reader_app.networks.liu2025_samples import phantom_exams

    return liu2025_measure.measure(bundle, device.choose("auto"), phantom_exams(seeds), len(seeds), progress)


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
    options = parser.parse_args(argv)
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

    figures = MEASURES[options.system](bundle, range(first, first + options.phantoms), progress)
    more = {
        "model": bundle.model_id,
        "bundle_sha256": bundle.sha256,
        "training_data": bundle.training_data,
        "command": bundle.manifest.get("command", ""),
        "phantoms": options.phantoms,
        "wall_s": round(time.perf_counter() - begun, 1),
        "cpu_s": round(time.process_time() - used, 1),
        "figures": figures,
    }
    return show(judged(figures, bars.get(options.system, ()), more), options.json)


if __name__ == "__main__":
    raise SystemExit(main())
