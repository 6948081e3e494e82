"""How fast each system predicts: cases a second, the share of the network itself, peak memory; on CUDA also gain and difference.

Every bundle runs in a process of its own over phantoms it was made for. ``python -m benchmarks.inference [BUNDLE ...]`` takes the
shipped bundles by default. The figure to compare is the ratio: whole prediction (decoding, planes, explanation, storing) over the
time inside the network on the same inputs in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Result, arguments, show
from reader_app import paths

#: Largest difference of a probability between CPU and CUDA that is called equal.
TOLERANCE = 1e-3


def measure(bundle_path: Path, modality: str, cases: int, device: str) -> dict[str, Any]:
    """Predict phantoms of one modality in this process; return seconds, network share, memory and probabilities."""
    import resource

    import torch
    from torch.nn.modules import module as hooks

    from reader_app.ai import bundle as bundles
    from reader_app.ai import results
    from reader_app.imaging import phantoms
    from reader_app.imaging.container import open_case
    from reader_app.networks import classifier_measure
    from reader_app.networks.worker import load_model

    inside = [0.0, 0.0, 0]  # seconds in the outermost modules, start of the present one, depth

    def settle() -> None:
        if device != "cpu":
            torch.cuda.synchronize()

    def enter(module: Any, given: Any) -> None:
        if inside[2] == 0:
            settle()
            inside[1] = time.perf_counter()
        inside[2] += 1

    def leave(module: Any, given: Any, output: Any) -> None:
        inside[2] -= 1
        if inside[2] == 0:
            settle()
            inside[0] += time.perf_counter() - inside[1]

    with tempfile.TemporaryDirectory() as scratch:
        bundle = bundles.load(bundle_path)
        predict, where = load_model(bundle, device)
        opened = []
        for number in range(cases + 1):
            phantom = phantoms.demo_case(modality, seed=7000 + number, malignant=number % 2 == 0)
            phantoms.write_container(phantom, Path(scratch) / f"C{number}", f"C{number}")
            opened.append((open_case(Path(scratch) / f"C{number}"), classifier_measure.clinical_of(phantom)))
        predict(*opened[0])  # the first call pays for set-up
        handles = [hooks.register_module_forward_pre_hook(enter), hooks.register_module_forward_hook(leave)]
        started = time.perf_counter()
        found = []
        for case, clinical in opened[1:]:
            prediction = predict(case, clinical)
            results.save(Path(scratch) / "aids", prediction)
            found.append(prediction.probability)
        settle()
        seconds = time.perf_counter() - started
        for handle in handles:
            handle.remove()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    gpu = torch.cuda.max_memory_allocated() / 1e6 if device != "cpu" else None
    return {
        "seconds": seconds,
        "network_s": inside[0],
        "cases": cases,
        "peak_mb": peak,
        "gpu_mb": gpu,
        "device": where,
        "probabilities": found,
    }


def _apart(bundle: Path, modality: str, cases: int, device: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.inference", "--one", str(bundle), modality, str(cases), device]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{bundle.name} on {modality}: {done.stderr.strip().splitlines()[-1:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def rows(bundle: Path, cases: int, cuda: bool) -> list[Result]:
    """Measure one bundle on every modality it was made for."""
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    named = manifest["input"].get("modalities") or manifest["input"].get("modality") or {"abvs": {}}
    out = []
    for modality in [named] if isinstance(named, str) else list(named):
        cpu = _apart(bundle, modality, cases, "cpu")
        more: dict[str, object] = {
            "peak_mb": round(cpu["peak_mb"]),
            "device": cpu["device"],
            "backbone": manifest.get("backbone", ""),
        }
        ratio = cpu["seconds"] / cpu["network_s"] if cpu["network_s"] else None
        name = f"{bundle.name}, {modality}"
        out.append(Result(f"{name}: CPU", cases / cpu["seconds"], "cases/s", "reported", True, ratio, "the network itself", more))
        if cuda:
            gpu = _apart(bundle, modality, cases, "cuda")
            apart = max(abs(a - b) for a, b in zip(cpu["probabilities"], gpu["probabilities"], strict=True))
            gain = cpu["seconds"] / gpu["seconds"]
            more = {"gpu_mb": round(gpu["gpu_mb"]), "device": gpu["device"], "largest_difference_from_cpu": apart}
            bar = f"probability within {TOLERANCE:g} of the CPU's"
            speed = cases / gpu["seconds"]
            out.append(Result(f"{name}: CUDA", speed, "cases/s", bar, apart <= TOLERANCE, gain, "the CPU", more))
    return out


def main() -> int:
    """Measure the bundles named, or those that ship."""
    parser = arguments(__doc__)
    parser.add_argument("bundles", nargs="*", type=Path)
    parser.add_argument("--cases", type=int, default=3)
    parser.add_argument("--one", nargs=4, help="for this program's own use")
    given = parser.parse_args()
    if given.one:
        bundle, modality, cases, device = given.one
        print(json.dumps(measure(Path(bundle), modality, int(cases), device)))
        return 0
    import torch

    folder = paths.resource("bundles")
    if not torch.cuda.is_available():
        sys.stderr.write("CUDA: skipped, there is no such device here; gain over the CPU and difference are not measured\n")
    chosen = given.bundles or sorted(p for p in folder.iterdir() if (p / "manifest.json").exists())
    return show([row for b in chosen for row in rows(b, given.cases, torch.cuda.is_available())], given.json)


if __name__ == "__main__":
    raise SystemExit(main())
