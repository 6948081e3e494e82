"""A small bundle with random weights, and small phantom containers."""

from __future__ import annotations

import os

os.environ.setdefault("READER_APP_THREADS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from reader_app.ai import bundle as bundles
from reader_app.imaging import phantoms
from reader_app.networks import checkpoint, lu2025

torch.set_num_threads(1)

MODALITIES: dict[str, dict[str, float]] = {
    "ultrasound": {"mm": 0.7, "window": 48},
    "mammography": {"mm": 1.2, "window": 32},
    "abvs": {"mm": 1.0, "window": 32, "slice_mm": 6.0},
}


def manifest(**changes: Any) -> dict[str, Any]:
    """Return a manifest for a network with random weights."""
    point = {"threshold": 0.0}
    return {
        "system": "lu2025",
        "model_id": "DLR_BM",
        "version": "1",
        "title": "t",
        "licence": "MIT",
        "intended_use": "tests",
        "training_data": "trained on phantoms: not at all",
        "backbone": "small",
        "input": {"modalities": MODALITIES, "clinical": [{"name": "age", "mean": 50.0}]},
        "output": {
            "labels": ["benign", "malignant"],
            "evidence": {m: {"floor": 0.0, "ceiling": 1.0} for m in MODALITIES},
        },
        "calibration": {m: {"platt": [1.0, 0.0]} for m in MODALITIES},
        "operating_points": dict.fromkeys(MODALITIES, point),
        **changes,
    }


@pytest.fixture(scope="session")
def random_bundle(tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    torch.manual_seed(0)
    network = lu2025.DlrNetwork("small")
    weights = checkpoint.pack(network.state_dict())
    return bundles.write(tmp_path_factory.mktemp("bundle") / "DLR_BM", manifest(), {bundles.WEIGHTS: weights})


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small container of each modality."""
    root = tmp_path_factory.mktemp("cases")
    made = {
        "U1": phantoms.ultrasound_case(1, True, shape=(240, 280), pixel_mm=0.16),
        "M1": phantoms.mammogram_exam(2, True, pixel_mm=0.6),
        "A1": phantoms.abvs_volume(3, True, shape=(40, 48, 64), spacing_mm=(2.0, 0.9, 1.8)),
    }
    for name, case in made.items():
        phantoms.write_container(case, root / name, name)
    return {name: root / name for name in made}


@pytest.fixture(scope="session")
def make_manifest() -> Callable[..., dict[str, Any]]:
    """The function that makes a manifest for a network with random weights."""
    return manifest
