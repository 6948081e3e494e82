"""The training loop all systems share: seeded, resumable after a kill at any moment, best epoch kept, history on disk.

Every epoch's random numbers come from (seed, stage, epoch) alone, so a run that was killed and continued gives the weights of an
uninterrupted one (bit for bit on one CPU thread). Mixed precision on CUDA only.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from reader_app.networks import checkpoint, curves
from reader_app.networks import device as devices

Batch = TypeVar("Batch")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to optimise. Defaults are lu2025's: Adam, batch 16, at most 100 epochs.

    Attributes
    ----------
    optimiser : str
        "adam" or "sgd" (momentum 0.9).
    rate, decay : float
        Learning rate (its peak: short warm-up, then cosine to zero) and weight decay.
    warmup : int
        Steps of linear warm-up.
    batch, epochs : int
        Samples a step; longest training.
    patience : int
        Stop after so many epochs without a better watched value; 0 never stops early.
    clip : float
        Largest gradient norm; 0 leaves gradients alone.
    seed : int
        Of initial weights, order and augmentation.
    """

    optimiser: str = "adam"
    rate: float = 1e-3
    decay: float = 0.0
    warmup: int = 50
    batch: int = 16
    epochs: int = 100
    patience: int = 20
    clip: float = 5.0
    seed: int = 1


def step(progress: Progress | None, text: str) -> Callable[[int, int], None] | None:
    """Return what tells (done, total) of one piece of work under its name; None where nobody listens."""
    if progress is None:
        return None
    return lambda done, total: progress(done, total, text)


def generator(seed: int, stage: str, epoch: int) -> np.random.Generator:
    """Return the random numbers of one epoch of one stage."""
    return np.random.default_rng([seed, zlib.crc32(stage.encode()), epoch])


def auc(truth: ArrayLike, score: ArrayLike) -> float:
    """Return the empirical area under the ROC curve (ties count half); NaN when a class is missing."""
    y, s = np.asarray(truth, bool), np.asarray(score, float)
    positive, negative = s[y], s[~y]
    if not len(positive) or not len(negative):
        return float("nan")
    order = np.sort(negative)
    below = np.searchsorted(order, positive, "left")
    upto = np.searchsorted(order, positive, "right")
    return float(((below + upto) / 2).sum() / (len(positive) * len(negative)))


def fit(
    network: nn.Module,
    *,
    stage: str,
    batches: Callable[[np.random.Generator], Iterable[Batch]],
    steps_per_epoch: int,
    loss: Callable[[nn.Module, Batch, np.random.Generator], Tensor],
    validate: Callable[[nn.Module], Mapping[str, float]],
    settings: Settings,
    device: torch.device,
    store: Path | None = None,
    watch: str = "auc",
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Train a network, leave it with the weights of its best epoch, and return the history.

    Parameters
    ----------
    network : Module
        Trained in place.
    stage : str
        Name of this piece of work; part of every random number and of the checkpoint's name.
    batches : callable
        Yields the batches of one epoch from that epoch's generator.
    steps_per_epoch : int
        How many it yields (for the learning-rate schedule).
    loss : callable
        (network, batch, generator) -> scalar.
    validate : callable
        network -> metrics; ``watch`` among them, higher is better.
    settings : Settings
        How.
    device : torch.device
        Where.
    store : Path or None
        Folder for ``<stage>.safetensors`` (state after the latest epoch), ``<stage>.json`` (history), ``<stage>.png`` (curves).
    watch : str
        The metric that chooses the best epoch.
    progress : callable, optional
        Told (epochs done, epochs in all, text).

    Raises
    ------
    EnvironmentFault
        If memory runs out.
    """
    network.to(device)
    trained = [p for p in network.parameters() if p.requires_grad]
    if settings.optimiser == "sgd":
        optimiser: torch.optim.Optimizer = torch.optim.SGD(trained, settings.rate, momentum=0.9, weight_decay=settings.decay)
    else:
        optimiser = torch.optim.Adam(trained, settings.rate, weight_decay=settings.decay)
    path = None if store is None else store / f"{stage}.safetensors"
    history: list[dict[str, Any]] = []
    best: dict[str, Tensor] = {}
    first = 0
    if path is not None and path.exists():
        tensors, note = checkpoint.read(path)
        if note.get("settings") == asdict(settings):
            network.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
            best = {k[5:]: v for k, v in tensors.items() if k.startswith("best.")}
            checkpoint.restore_optimiser(optimiser, tensors)
            history, first = list(note["history"]), int(note["epochs"])
    total = max(1, steps_per_epoch * settings.epochs)
    for epoch in range(first, settings.epochs):
        if _finished(history, settings, watch):
            break
        rng = generator(settings.seed, stage, epoch)
        torch.manual_seed(int(rng.integers(2**62)))
        network.train()
        started, losses = time.monotonic(), []
        for step, batch in enumerate(batches(rng)):
            at = epoch * steps_per_epoch + step
            rate = settings.rate * min(1.0, (at + 1) / max(1, settings.warmup)) * 0.5 * (1 + np.cos(np.pi * min(at / total, 1.0)))
            for group in optimiser.param_groups:
                group["lr"] = float(rate)
            try:
                with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
                    value = loss(network, batch, rng)
                optimiser.zero_grad(set_to_none=True)
                value.backward()  # type: ignore[no-untyped-call]
            except Exception as error:
                if devices.lacks_memory(error):
                    advice = "free memory or take a smaller backbone; the same command goes on after the last finished epoch"
                    raise devices.memory_fault(device, advice) from error
                raise
            if settings.clip:
                torch.nn.utils.clip_grad_norm_(trained, settings.clip)
            optimiser.step()
            losses.append(float(value.detach()))
        network.eval()
        with torch.no_grad():
            metrics = {k: float(v) for k, v in validate(network).items()}
        entry = {"epoch": epoch + 1, "loss": float(np.mean(losses)) if losses else 0.0, **metrics}
        if not history or entry[watch] > max(h[watch] for h in history):
            best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
        history.append(entry)
        if path is not None:
            state = {f"model.{k}": v for k, v in network.state_dict().items()} | {f"best.{k}": v for k, v in best.items()}
            note = {"settings": asdict(settings), "epochs": epoch + 1, "history": history}
            checkpoint.write(path, state | checkpoint.optimiser_tensors(optimiser), note)
            path.with_suffix(".json").write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
        if progress is not None:
            seconds = time.monotonic() - started
            text = f"{stage}: epoch {epoch + 1}, loss {entry['loss']:.3f}, {watch} {entry[watch]:.3f} ({seconds:.0f} s)"
            progress(epoch + 1, settings.epochs, text)
    if path is not None and history and (first < len(history) or not path.with_suffix(".png").exists()):
        curves.draw(history, watch, path.with_suffix(".png"))
    if best:
        network.load_state_dict(best)
    network.eval()
    return history


def _finished(history: list[dict[str, Any]], settings: Settings, watch: str) -> bool:
    if not settings.patience or not history:
        return False
    values = [h[watch] for h in history]
    return len(values) - 1 - int(np.nanargmax(values)) >= settings.patience


def platt(score: ArrayLike, truth: ArrayLike) -> tuple[float, float]:
    """Return (slope, intercept) of the logistic calibration of scores, by damped Newton steps with Platt's smoothed targets."""
    s, y = np.asarray(score, float), np.asarray(truth, bool)
    n1, n0 = int(y.sum()), int((~y).sum())
    target = np.where(y, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    centre, spread = float(s.mean()), float(s.std()) or 1.0
    x = np.stack([(s - centre) / spread, np.ones_like(s)], 1)

    def cost(w: np.ndarray[Any, Any]) -> float:
        z = x @ w
        return float(np.sum(np.logaddexp(0, z) - target * z) + 0.5e-3 * w @ w)

    w = np.array([1.0, 0.0])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        gradient = x.T @ (p - target) + 1e-3 * w
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while cost(w - size * step) > cost(w) and size > 1e-6:
            size /= 2
        w = w - size * step
        if np.abs(size * step).max() < 1e-9:
            break
    slope = float(w[0]) / spread
    return slope, float(w[1]) - slope * centre


def youden(probability: ArrayLike, truth: ArrayLike, seed: int = 1, resamples: int = 500) -> dict[str, Any]:
    """Return the operating point of the largest Youden index with a bootstrap interval of its threshold.

    The threshold lies half-way to the next lower score, so that it does not sit on a case.
    """
    p, y = np.asarray(probability, float), np.asarray(truth, bool)

    def cut(p: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> tuple[float, float, float]:
        values = np.unique(p)
        sensitivity = np.array([(p[y] >= v).mean() for v in values])
        specificity = np.array([(p[~y] < v).mean() for v in values])
        best = int(np.argmax(sensitivity + specificity))
        lower = values[best - 1] if best else 0.0
        return float((values[best] + lower) / 2), float(sensitivity[best]), float(specificity[best])

    threshold, sensitivity, specificity = cut(p, y)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        pick = rng.integers(len(p), size=len(p))
        if y[pick].any() and not y[pick].all():
            drawn.append(cut(p[pick], y[pick])[0])
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (threshold, threshold)
    return {
        "threshold": threshold,
        "ci95": [float(low), float(high)],
        "n": len(p),
        "sensitivity": sensitivity,
        "specificity": specificity,
    }
