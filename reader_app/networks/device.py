"""Where networks run: CUDA when present, else the CPU; seeds; words about the machine."""

from __future__ import annotations

import os
import platform
import random

import numpy as np
import torch

from reader_app.errors import EnvironmentFault


def choose(wish: str = "auto") -> torch.device:
    """Return the device for a wish: "auto", "cpu", "cuda" or "cuda:1".

    Raises
    ------
    EnvironmentFault
        If CUDA is asked for and there is none, or the wish is unknown.
    """
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wish == "cpu":
        return torch.device("cpu")
    if wish == "cuda" or wish.startswith("cuda:"):
        if not torch.cuda.is_available():
            raise EnvironmentFault("No CUDA device can be used on this machine; choose the device 'cpu' or 'auto'.")
        return torch.device(wish)
    raise EnvironmentFault(f"The device {wish!r} is not known; use 'auto', 'cpu' or 'cuda'.")


def lacks_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on the GPU or in the computer."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "allocate memory" in text or "not enough memory" in text or "out of memory" in text
    )


def memory_fault(where: torch.device, advice: str) -> EnvironmentFault:
    """Return the fault that says in one sentence that memory ran out and what to do."""
    place = "The GPU" if where.type == "cuda" else "The computer"
    return EnvironmentFault(f"{place} has not enough free memory for this model; {advice}.")


def describe(device: torch.device) -> str:
    """Return the device in words for provenance."""
    if device.type == "cuda":
        return f"CUDA {torch.cuda.get_device_name(device)}"
    return f"CPU {platform.processor() or platform.machine()}"


def settle(seed: int, threads: int | None = None) -> None:
    """Seed every generator, ask for repeatable kernels, and set the number of CPU threads (None: READER_APP_THREADS)."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    threads = threads or int(os.environ.get("READER_APP_THREADS") or 0)
    if threads:
        torch.set_num_threads(threads)
