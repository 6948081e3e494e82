"""The import contracts hold on the tree, and each planted violation breaks the contract that is there for it.

All violations that can stand side by side are planted in one copy of the package; the checker lists every one of them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LAYERS = "Layers, highest first; a new package must be placed"
QT = "Qt only in ui"
TORCH = "torch only in networks"
TORCH_KIN = "what stands on torch, only in networks"
WORKER = "the torch side is started as a process; only the command line imports it, late"
SQLITE = "sqlite3 only in store"
SIMPLEITK = "SimpleITK only in imaging"
PYDICOM = "pydicom only in imaging and export.interchange"
OPENPYXL = "openpyxl only in export (writing) and imaging.casetable / analysis.tables (reading a table)"
PURE = "study is pure"
BLINDING = "the reading program cannot reach the reference standard"

#: file, line planted at its end, module imported by it, the contract that must break
PLANTED: list[tuple[str, str, str, str]] = [
    ("imaging/geometry.py", "import PySide6.QtGui", "PySide6", QT),
    ("imaging/overlay.py", "def late():\n    import PySide6.QtCore", "PySide6", QT),
    ("store/canonical.py", "import pyqtgraph", "pyqtgraph", QT),
    ("ai/client.py", "import torch", "torch", TORCH),
    ("ui/theme.py", "import torch", "torch", TORCH),
    ("analysis/roc.py", "def late():\n    import torchvision", "torchvision", TORCH_KIN),
    ("ui/theme.py", "import sqlite3", "sqlite3", SQLITE),
    ("study/session.py", "import time", "time", PURE),
    ("study/audit.py", "def late():\n    from datetime import datetime", "datetime", PURE),
    ("study/assignment.py", "import random", "random", PURE),
    ("study/readtable.py", "import numpy", "numpy", PURE),
    ("study/definition.py", "from pathlib import Path", "pathlib", PURE),
    ("study/state.py", "from reader_app.clock import Instant", "reader_app.clock", PURE),
    ("study/caselist.py", "from reader_app.imaging import geometry", "reader_app.imaging.geometry", LAYERS),
    ("imaging/window.py", "from reader_app.study import events", "reader_app.study.events", LAYERS),
    ("store/chain.py", "from reader_app.ai import results", "reader_app.ai.results", LAYERS),
    (
        "imaging/fingerprint.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from reader_app.ui import theme",
        "reader_app.ui.theme",
        LAYERS,
    ),
    ("ui/keymap.py", "def late():\n    from reader_app.networks import worker", "reader_app.networks.worker", WORKER),
    ("desk/status.py", "from reader_app.networks import registry", "reader_app.networks.registry", WORKER),
    ("reading/casefeed.py", "from reader_app.analysis import reference", "reader_app.analysis.reference", BLINDING),
    ("ui/reader_window.py", "def late():\n    import reader_app.analysis.reference", "reader_app.analysis.reference", BLINDING),
    ("ui/actions.py", "import SimpleITK", "SimpleITK", SIMPLEITK),
    ("ai/results.py", "import pydicom", "pydicom", PYDICOM),
    ("desk/tables.py", "import openpyxl", "openpyxl", OPENPYXL),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the checker on the package that lies in a folder."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache", "--no-logo"]
    environment = {"PATH": "", "COLUMNS": "400", "PYTHONPATH": str(folder), "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def verdicts(output: str) -> dict[str, bool]:
    """Return by contract whether it was kept."""
    return {name.strip(): word == "KEPT" for name, word in re.findall(r"^(.+?) (KEPT|BROKEN)$", output, re.MULTILINE)}


def copy_of_package(folder: Path) -> Path:
    shutil.copytree(ROOT / "reader_app", folder / "reader_app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder / "reader_app"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what the checker says of a copy with every violation."""
    folder = tmp_path_factory.mktemp("planted")
    package = copy_of_package(folder)
    for file, line, _, _ in PLANTED:
        with (package / file).open("a", encoding="utf-8") as stream:
            stream.write(f"\n\n{line}\n")
    done = lint(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_contracts_hold_on_the_tree() -> None:
    done = lint(ROOT)
    kept = verdicts(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {contract for _, _, _, contract in PLANTED} <= set(kept) and all(kept.values())


@pytest.mark.parametrize(
    ("file", "imported", "contract"), [(file, imported, contract) for file, _, imported, contract in PLANTED],
    ids=[f"{file}: {imported}" for file, _, imported, _ in PLANTED],
)  # fmt: skip
def test_a_planted_violation_breaks_its_contract(planted: str, file: str, imported: str, contract: str) -> None:
    importer = "reader_app." + file.removesuffix(".py").replace("/", ".")
    assert verdicts(planted)[contract] is False
    sections = re.split(r"^(.+)\n-+\n", planted.split("Broken contracts")[1], flags=re.MULTILINE)
    section = sections[sections.index(contract) + 1]
    assert re.search(rf"{re.escape(importer)} -> {re.escape(imported)}\b", section), section


def test_a_new_package_must_be_placed(tmp_path: Path) -> None:
    package = copy_of_package(tmp_path)
    (package / "helpers").mkdir()
    (package / "helpers" / "__init__.py").write_text('"""Anything."""\n')
    done = lint(tmp_path)
    assert done.returncode == 1 and verdicts(done.stdout)[LAYERS] is False and "helpers" in done.stdout
