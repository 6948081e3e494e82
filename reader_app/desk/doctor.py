"""This workstation: what matters for reading and for running models. Measured now, nothing is kept."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from reader_app import __version__, paths
from reader_app.clock import SystemClock
from reader_app.errors import ReaderAppError
from reader_app.store import probe

_LIBRARIES = (
    "PySide6_Essentials", "numpy", "opencv-python-headless", "pydicom", "imagecodecs", "SimpleITK", "pandas", "scipy",
    "statsmodels", "openpyxl", "torch", "torchvision",
)  # fmt: skip

#: Asked in a process of its own, so that a broken driver cannot take this one down, and Qt and torch stay out of it.
_DISPLAYS = """
import json
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
print(json.dumps([[app.platformName(), s.name(), s.geometry().width(), s.geometry().height(), s.devicePixelRatio(), s.depth(),
                   round(s.physicalDotsPerInch(), 1), s.refreshRate()] for s in app.screens()]))
"""
_GPU = """
import json, torch
found = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
print(json.dumps([torch.__version__, found]))
"""


def examine() -> dict[str, dict[str, str]]:
    """Return sections of findings as text, by name."""
    return {
        "Program": _program(),
        "Displays": _displays(),
        "Models": _models(),
        "Disk": _disk(paths.data_dir()),
        "Clock": _clock(),
        "Decoders": _decoders(),
        "Libraries": _versions(),
    }


def _program() -> dict[str, str]:
    return {
        "reader-app": __version__,
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processors": str(os.cpu_count()),
        "packaged build": "yes" if paths.is_frozen() else "no",
        "data folder": str(paths.data_dir()),
    }


def _ask(code: str, timeout_s: float = 60) -> str | None:
    """Return what a few lines print in a fresh interpreter, or None when they fail."""
    if paths.is_frozen():
        return None
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=timeout_s, check=True, text=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[-1] if lines else None


def _displays() -> dict[str, str]:
    from reader_app.imaging import display

    said = _ask(_DISPLAYS)
    if said is None:
        return {"screens": "none reached (no display, or Qt cannot start here)", "grey scale": _grey_scale(8)}
    rows, painted = {}, 8
    for number, (plugin, name, width, height, ratio, depth, dpi, rate) in enumerate(json.loads(said)):
        small = "" if width * ratio >= 1280 and height * ratio >= 800 else ", too small: 1280 x 800 is the least"
        bits = display.painted_bits(plugin, depth)
        painted = bits if number == 0 else painted  # the window's format is that of the first screen
        rows[name or "screen"] = (
            f"{width} x {height} at {ratio:g}, depth {depth}, grey painted in {bits} bit, {dpi} dpi, {rate:g} Hz{small}"
        )
    return {**rows, "grey scale": _grey_scale(painted)}


def _grey_scale(bits: int) -> str:
    """Say what becomes of grey levels here, and what measured luminances (``luminance.txt``) tell of the display."""
    from reader_app.imaging import display

    file = paths.data_dir() / "luminance.txt"
    if not file.is_file():
        return (
            f"{display.statement(bits)} With measured luminances (256 or 1024 in cd/m2, one a line, darkest first) in {file} "
            "they go through a GSDF table."
        )
    try:
        curve = display.resampled(display.read_luminances(file), 2**bits)
    except ReaderAppError as fault:
        return f"{display.statement(bits)} {file.name} is NOT used: {fault}"
    table = display.calibration_table(curve, p_values=1024)
    before, after = display.examine(curve, p_values=2**bits), display.examine(curve, p_values=1024, table=table)
    return (
        f"Images are painted in {2**bits} driving levels ({bits} bits a channel) through a GSDF table from {file}. "
        f"Without it: {before.text} With it: {after.text}"
    )


def _models() -> dict[str, str]:
    if importlib.util.find_spec("torch") is None:
        return {"torch": "not installed: this is a reading station; aids must be computed elsewhere"}
    said = _ask(_GPU)
    if said is None:
        return {"torch": "installed, but it cannot be started"}
    version, found = json.loads(said)
    return {"torch": version, "GPU": ", ".join(found) or "none: models run on the CPU"}


def _disk(folder: Path) -> dict[str, str]:
    """Keep a small log there as a session would."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 2**30
    return {
        "free": f"{free:.1f} GiB" + ("" if free >= 1 else ": too little, 1 GiB is the least"),
        **probe.durability(folder).rows(),
    }


def _clock() -> dict[str, str]:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    steps = []
    for _ in range(1000):
        start = time.perf_counter_ns()
        while (now := time.perf_counter_ns()) == start:
            pass
        steps.append(now - start)
    return {
        "now (UTC)": datetime.now(UTC).isoformat(timespec="seconds"),
        "monotonic": "yes" if second.mono_ns >= first.mono_ns else "NO: it ran backwards",
        "smallest step": f"{min(steps) / 1e3:.1f} µs",
    }


def _decoders() -> dict[str, str]:
    from reader_app.imaging import decode

    return decode.available()


def _versions() -> dict[str, str]:
    rows = {}
    for name in _LIBRARIES:
        try:
            rows[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            rows[name] = "not installed"
    return rows
