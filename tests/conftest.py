"""Settings common to all tests: Qt off-screen, a private home, one thread for numeric libraries."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import pytest

os.environ["READER_APP_HOME"] = tempfile.mkdtemp(prefix="reader-app-tests-")  # for what is made before any test begins
atexit.register(shutil.rmtree, os.environ["READER_APP_HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own settings and recent studies out of every test."""
    monkeypatch.setenv("READER_APP_HOME", str(tmp_path_factory.mktemp("home")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that opens a window, so that a run without Qt can leave them out."""
    for item in items:
        if {"qapp", "qtbot"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.gui)
