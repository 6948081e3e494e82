"""The course of a training as a picture: loss and validation figures by epoch, the kept epoch marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw(history: Sequence[Mapping[str, Any]], watch: str, path: Path) -> None:
    """Write a PNG of a history (rows with "epoch", "loss" and validation figures); ``watch`` is what chose the epoch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    loss, quality = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    loss.plot(epochs, [row["loss"] for row in history], "o-", ms=3, color="#1f6f8b")
    loss.set_ylabel("training loss")
    names = [watch, *sorted({k for row in history for k in row} - {"epoch", "loss", watch})]
    for name in names:
        shown = [row.get(name) for row in history]
        quality.plot(epochs, shown, "o-" if name == watch else "--", ms=3, lw=1.6 if name == watch else 0.9, label=name)
    best = max(history, key=lambda row: float(row[watch]))
    quality.axvline(best["epoch"], color="#888888", lw=0.8)
    quality.set_title(f"kept: epoch {best['epoch']}, {watch} {best[watch]:.3f}", fontsize=9)
    quality.set_ylabel("validation")
    quality.legend(fontsize=7)
    for axis in (loss, quality):
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
    figure.savefig(path)
