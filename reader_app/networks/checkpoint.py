"""Training state on disk: tensors as safetensors, everything else as JSON in its header; whole or not at all; no pickle."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from reader_app.errors import BundleError


def pack(tensors: Mapping[str, Tensor], note: Mapping[str, Any] | None = None, half: Collection[str] = ()) -> bytes:
    """Return the safetensors bytes of named tensors and a JSON note; those named in ``half`` are stored in half precision."""
    plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    plain |= {k: plain[k].half() for k in half}
    return save(plain, metadata={"note": json.dumps(dict(note or {}), sort_keys=True)})


def round_to_half(network: nn.Module) -> tuple[str, ...]:
    """Round weights (not statistics) to what half precision holds and return their names.

    Done before anything is measured, so that a bundle stored at half the size is exactly the network that was measured.
    """
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.half().float())
    return tuple(name for name, _ in network.named_parameters())


def write(path: Path, tensors: Mapping[str, Tensor], note: Mapping[str, Any]) -> None:
    """Store tensors and note durably; an older file stays until the new one is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    work = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with work.open("wb") as stream:
            stream.write(pack(tensors, note))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(work, path)
    finally:
        work.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and note of a file.

    Raises
    ------
    BundleError
        If the file is damaged or of another kind.
    """
    try:
        with safe_open(str(path), framework="pt", device="cpu") as archive:
            note = json.loads((archive.metadata() or {}).get("note", "{}"))
            return {name: archive.get_tensor(name) for name in archive.keys()}, note  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read as safetensors ({error}); remove it or get it again.") from error


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state of an optimiser as named tensors."""
    state = optimiser.state_dict()["state"]
    return {f"optimiser.{index}.{key}": torch.as_tensor(v) for index, entry in state.items() for key, v in entry.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put the state saved by :func:`optimiser_tensors` back."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    document = optimiser.state_dict()
    optimiser.load_state_dict({"state": state, "param_groups": document["param_groups"]})
