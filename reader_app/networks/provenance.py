"""Where a prediction comes from: the same facts for every system."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import torch

import reader_app
from reader_app.ai.bundle import Bundle
from reader_app.networks import device


def provenance(
    bundle: Bundle, where: torch.device, preprocessing: str, notes: Sequence[str] = (), more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what is stored with a prediction: bundle, code, preprocessing, device, date, training data, the system's own."""
    return {
        "bundle_id": bundle.model_id,
        "bundle_version": bundle.version,
        "bundle_sha256": bundle.sha256,
        "system": bundle.system,
        "code_version": reader_app.__version__,
        "preprocessing": preprocessing,
        "device": device.describe(where),
        "torch": str(torch.__version__),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "training_data": bundle.training_data,
        "notes": list(notes),
        **(more or {}),
    }
