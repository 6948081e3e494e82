"""One shape for all measurements: the machine, and one row per figure with its bar."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """One figure.

    Attributes
    ----------
    name : str
        What was measured.
    value : float
    unit : str
    ratio : float or None
        Value divided by that of ``against``, measured in the same run.
    against : str
        What it is compared with; empty when with a fixed bar only.
    bar : str
        The bar in words ("<= 50 ms").
    ok : bool
        Whether the bar is held.
    more : mapping
        Further keys of the row (tried, failed, negative_control ...).
    """

    name: str
    value: float
    unit: str
    bar: str
    ok: bool
    ratio: float | None = None
    against: str = ""
    more: Mapping[str, object] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        """Return the row as plain values."""
        plain = asdict(self)
        more = plain.pop("more")
        order = ("name", "value", "unit", "ratio", "against", "bar", "ok")
        return {**{key: plain[key] for key in order}, **more}


def machine() -> dict[str, object]:
    """Return what is known of this machine."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def _memory_gb() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` (0..1) of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all measurements have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return parser


def show(results: Sequence[Result], as_json: bool) -> int:
    """Print the results and return the exit status: 0 when every bar is held, else 1."""
    if as_json:
        document = {"machine": machine(), "results": [result.row() for result in results]}
        print(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        print("  ".join(f"{key} {value}" for key, value in machine().items()))
        width = max(len(result.name) for result in results)
        for result in results:
            ratio = "" if result.ratio is None else f"  {result.ratio:.2f} x {result.against}"
            held = "ok  " if result.ok else "MISS"
            print(f"{result.name:<{width}}  {result.value:>12.4g} {result.unit:<8} {held} {result.bar}{ratio}")
            for key, value in result.more.items():
                print(f"{'':<{width}}  {key}: {value}")
    sys.stdout.flush()
    return 0 if all(result.ok for result in results) else 1
