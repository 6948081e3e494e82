"""One small demonstration, made and read once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from end2end.program import CASES, READERS, run_program


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demonstration, read by simulated readers."""
    out = tmp_path_factory.mktemp("demo")
    done = run_program(
        "demo", "--out", str(out), "--headless", "--cases", str(CASES), "--readers", str(READERS), home=out / "home"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out
