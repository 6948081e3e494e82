"""Helpers of the imaging tests: one worker pool for all, and the folder's own modules."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest

from reader_app.imaging.workers import JOB_MODULES, WorkerPool


@pytest.fixture(scope="session")
def pool():
    """Workers shared by all tests; also know the misbehaving jobs of the tests."""
    with WorkerPool(2) as crew:
        yield crew


@pytest.fixture
def modules() -> tuple[str, ...]:
    return JOB_MODULES
