"""Sharp and in place at 100, 150 and 200 % of the screen's scale: 1:1 means pixels of the screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("scale", ["1", "1.5", "2"])
def test_scaled_screens(scale):
    environment = {**os.environ, "QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"}
    script = Path(__file__).with_name("scaled_check.py")
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["dpr"] == float(scale)
    assert found["stamps"] == 1
    assert found["exact_at"], "no pixel-exact 1:1 within one device pixel of the pane's corner"
    for what, error in found["errors"].items():
        assert error <= (0.5 if what.startswith("box") else 0.71), (what, error)
