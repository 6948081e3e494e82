"""What the display measurements share: synthetic cases of full size, a window, and the cost of one painted frame."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np
from PySide6.QtWidgets import QApplication

from benchmarks.report import quantile
from reader_app.imaging import container, geometry
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.imaging.window import GreyScale, Preset

FRAME_MS = 1000 / 60
VIEWPORT = (1500, 1200)  # 1.8 Mpx, the pane that the bars are stated for
GREY = GreyScale(presets=(Preset("normal", "linear", 2000, 3000), Preset("soft", "sigmoid", 2000, 3000)), bits=12)


def application() -> QApplication:
    """Return the one QApplication."""
    return QApplication.instance() or QApplication([])  # type: ignore[return-value]


def mammogram(side: str, seed: int, shape: tuple[int, int] = (4096, 3328)) -> np.ndarray:
    """Return a 12-bit breast with texture and noise on black air."""
    rng = np.random.default_rng(seed)
    coarse = rng.standard_normal((shape[0] // 32, shape[1] // 32)).astype(np.float32)
    texture = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC) * 350 + 1800
    noise = rng.integers(-90, 90, (512, 512), dtype=np.int16)
    texture += np.tile(noise, (shape[0] // 512 + 1, shape[1] // 512 + 1))[: shape[0], : shape[1]]
    rows = ((np.arange(shape[0]) - shape[0] / 2) / (0.46 * shape[0]))[:, None]
    columns = np.arange(shape[1])[None] / (0.8 * shape[1])
    inside = rows**2 + (columns if side == "L" else columns[:, ::-1]) ** 2 < 1
    return np.where(inside, np.clip(texture, 1, 4095), 0).astype(np.uint16)


def four_views(folder: Path) -> Path:
    """Write a four-view case of 4 x 4096 x 3328 x 16 bit (made once) and return its container."""
    place = folder / "four_views"
    if not place.exists():
        images = [
            container.NewImage(
                id=f"{side}{view}", array=mammogram(side, number), laterality=side, view=view, spacing_mm=(0.07, 0.07),
                grey=GREY, chest_wall="right" if side == "R" else "left", padding=(0, 0),
            )
            for number, (side, view) in enumerate((("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")))
        ]  # fmt: skip
        container.write(place, "four_views", "mammography", images)
    return place


def volume(folder: Path) -> Path:
    """Write an ABVS volume of 300 x 800 x 1024 bytes (made once) and return its container."""
    place = folder / "volume"
    if not place.exists():
        rng = np.random.default_rng(9)
        speckle = rng.integers(0, 255, (37, 800, 1024), dtype=np.uint8)
        pixels = np.concatenate([speckle] * 9)[:300]
        spacing = (0.5, 0.073, 0.2)
        image = container.NewImage(
            id="L_AP", array=pixels, kind="volume", laterality="L", view="AP", spacing_mm=spacing, grey=GreyScale(),
            affine=geometry.affine(spacing), nipple_index=(150.0, 0.0, 500.0),
        )  # fmt: skip
        container.write(place, "volume", "abvs", [image])
    return place


def aid(image_id: str, shape: tuple[int, ...]) -> SimpleNamespace:
    """Return a heatmap with a broad hot spot and ten boxes."""
    cells = tuple(max(8, min(64, n // 32)) for n in shape)
    place = np.indices(cells)
    away = sum(((p - 0.45 * n) / (0.15 * n)) ** 2 for p, n in zip(place, cells, strict=True))
    grid = (255 * np.exp(-away)).astype(np.uint8)
    scale = tuple(n / c for n, c in zip(shape, cells, strict=True))
    heat = Heatmap(image_id, grid, scale, tuple(s / 2 - 0.5 for s in scale), 0.0, 1.0)
    boxes = tuple(
        Box(image_id, tuple(n * (0.3 + 0.02 * i) for n in shape), tuple(n * (0.4 + 0.02 * i) for n in shape), 0.9 - 0.05 * i)
        for i in range(10)
    )
    return SimpleNamespace(boxes=boxes, heatmaps=(heat,), positive=True, status="ok")


@dataclass
class Frames:
    """Cost of painted frames.

    Attributes
    ----------
    cpu, wall : list of float
        Milliseconds from the gesture to the end of the paint and its flush, for each frame.
    """

    cpu: list[float]
    wall: list[float]

    @property
    def cost(self) -> float:
        """Median CPU time, ms."""
        return quantile(self.cpu, 0.5)

    @property
    def within(self) -> float:
        """Share of frames within one frame of a 60 Hz screen."""
        return sum(w <= FRAME_MS for w in self.wall) / len(self.wall)

    def more(self) -> dict[str, float]:
        """Return the further keys of a result row."""
        return {
            "cpu_median_ms": round(self.cost, 2),
            "wall_p95_ms": round(quantile(self.wall, 0.95), 2),
            "share_within_16.7_ms": round(self.within, 4),
            "frames": len(self.wall),
        }


def frames(step: Callable[[int], None], count: int = 60, warm: int = 5) -> Frames:
    """Do a gesture step by step and measure each until everything it asked to be painted is painted."""
    app = application()
    result = Frames([], [])
    for i in range(warm + count):
        cpu, wall = time.process_time(), time.perf_counter()
        step(i)
        app.processEvents()
        if i >= warm:
            result.cpu.append((time.process_time() - cpu) * 1e3)
            result.wall.append((time.perf_counter() - wall) * 1e3)
    return result


def copy_floor(shape: tuple[int, ...] = VIEWPORT, dtype: type = np.uint16) -> float:
    """Return the CPU milliseconds that copying one viewport of stored values takes: the floor of all display work."""
    source, target = np.zeros(shape, dtype), np.ones(shape, dtype)
    costs = []
    for _ in range(41):
        cpu = time.process_time()
        for _ in range(4):
            np.copyto(target, source)
        costs.append((time.process_time() - cpu) * 1e3 / 4)
    return quantile(costs, 0.5)
