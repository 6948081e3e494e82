"""The program without Qt and without torch: a reading station has no torch, the analysis needs no window.

Contracts see static imports only; here the modules are really loaded, with both libraries made unimportable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BLOCKER = """
import sys
BLOCKED = {"PySide6", "shiboken6", "pyqtgraph", "torch", "torchvision", "timm", "segmentation_models_pytorch"}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked by this test")
sys.meta_path.insert(0, Blocker())
"""

IMPORT_ALL = """
import importlib, json, pkgutil
import reader_app
names = [module.name for module in pkgutil.walk_packages(reader_app.__path__, "reader_app.", onerror=lambda name: None)]
outside = [name for name in names if name.split(".")[1] not in ("ui", "networks")]
faults = {}
for name in outside:
    try:
        importlib.import_module(name)
    except Exception as fault:
        faults[name] = repr(fault)
inside = {}
for name in ("reader_app.ui.theme", "reader_app.networks.worker", "reader_app.networks.training"):
    try:
        importlib.import_module(name)
    except ImportError as fault:
        inside[name] = str(fault)
print(json.dumps({"count": len(outside), "faults": faults, "inside": inside}))
"""

STUDY_ONLY = """
import importlib, json, pkgutil, sys
import reader_app.study
for module in pkgutil.iter_modules(reader_app.study.__path__, "reader_app.study."):
    importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_every_module_outside_ui_and_networks_loads_without_both() -> None:
    done = python(BLOCKER + IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["faults"] == {} and report["count"] > 80


def test_the_blocker_blocks() -> None:
    done = python(BLOCKER + IMPORT_ALL)
    assert any("is blocked by this test" in fault for fault in json.loads(done.stdout)["inside"].values())


def test_the_study_package_loads_nothing_heavy() -> None:
    loaded = json.loads(python(STUDY_ONLY).stdout)
    own = {name for name in loaded if name.startswith("reader_app")}
    assert {name.split(".")[1] for name in own - {"reader_app"}} == {"study", "errors"}
    assert not {"numpy", "pandas", "sqlite3", "PySide6", "torch", "random", "pydicom", "cv2"} & set(loaded)


def test_the_study_tests_pass_without_both(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\ntimeout = 120\n")
    arguments = [
        "-q", "-c", str(tmp_path / "pytest.ini"), "--rootdir", str(ROOT), "--import-mode=importlib", "-p", "no:pytest-qt", "-p",
        "no:cacheprovider", "tests/study", "--ignore=tests/study/test_mutants.py",
    ]  # fmt: skip
    done = python(BLOCKER + f"import pytest; sys.exit(pytest.main({arguments!r}))", READER_APP_PROTOCOL_STEPS="2000")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
