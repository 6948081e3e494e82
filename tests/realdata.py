"""Finds the real images that may lie beside the checkout; tests that need them skip with a reason when they are absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def folder(name: str) -> Path:
    """Return the folder of one real data set, or skip the calling test."""
    root = os.environ.get("READER_APP_TEST_DATA")
    base = Path(root) if root else Path(__file__).resolve().parents[2] / "shared" / "data"
    path = base / name
    if not path.is_dir():
        pytest.skip(f"the real images '{name}' are not at hand (set READER_APP_TEST_DATA to their parent folder)")
    return path
