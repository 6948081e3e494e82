"""A bright target is found within half a voxel of its place: boxes and heat of liu2025 and zhou2023; wrong geometries fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from reader_app.imaging import phantoms
from reader_app.imaging.container import NewImage
from reader_app.networks import liu2025_volume as geometry
from reader_app.networks.backbones import CellGeometry
from reader_app.networks.detection_parts import SIZES, PyramidTrunk
from reader_app.networks.liu2025_volume import HeatVolume
from reader_app.networks.zhou2023_views import VIEWS, FourViews, Placed, stack


def _middle(weight: np.ndarray) -> list[float]:
    """Centre of gravity in cells, of the peak (third power: free of any threshold on coarse cells)."""
    peak = np.asarray(weight, float) ** 3
    axes = range(peak.ndim)
    return [float((peak.sum(tuple(a for a in axes if a != k)) * np.arange(peak.shape[k])).sum() / peak.sum()) for k in axes]


# liu2025 ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "spacing"), [((160, 128, 192), (0.75, 0.35, 0.7)), ((120, 300, 200), (0.5, 0.15, 0.4))])
@pytest.mark.parametrize(("cells", "count", "window"), [(CellGeometry(16, 0.0), 14, 224), (CellGeometry(4, 0.0), 16, 64)])
def test_heat_of_three_planes_peaks_within_half_a_voxel(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], cells: CellGeometry, count: int, window: int
) -> None:
    """Maps whose cells tell how far they lie from a target, cut from crops at drawn places, sizes and frames."""
    rng = np.random.default_rng(5)

    def miss(believed: CellGeometry) -> float:
        target = np.multiply(shape, spacing) / 2 + rng.uniform(-3, 3, 3)  # millimetres from the first edge
        extent = rng.uniform(10, 18, 3)
        start = (target - extent / 2 + rng.uniform(-1, 1, 3)) / spacing
        heat = HeatVolume(shape, spacing)
        for frame in geometry.frames(start, start + extent / spacing, spacing, shape, window):
            for plane, crop in frame.items():
                across = geometry.NORMAL[plane]
                squares = ((crop.index + 0.5) * spacing[across] - target[across]) ** 2
                sides = []
                for axis, origin, size in zip(geometry.AXES[plane], crop.origin, crop.size, strict=True):
                    pixel = cells.offset + cells.stride * np.arange(count)
                    sides.append(((origin + (pixel + 0.5) * size / window) * spacing[axis] - target[axis]) ** 2)
                bump = np.exp(-(sides[0][:, None] + sides[1][None] + squares) / 32)
                heat.add(crop, bump.astype(np.float32), believed)
        found = np.array(heat.offset) + np.array(heat.scale) * _middle(heat.fused())
        return float(np.abs(found - (target / spacing - 0.5)).max())

    assert max(miss(cells) for _ in range(2)) <= 0.5
    # cells believed to lie where plain resizing of the map would put them: beside the target
    assert max(miss(CellGeometry(cells.stride, (cells.stride - 1) / 2)) for _ in range(2)) > 0.5


@pytest.mark.parametrize("spacing", [(0.75, 0.35, 0.7), (0.5, 0.15, 0.4)])
def test_boxes_of_a_scan_surround_a_target_within_half_a_cube(spacing: tuple[float, float, float]) -> None:
    """A bright block in a scan, marked by a network that marks what is bright: edges to half a cube, middle to half a voxel."""

    class Brightness(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x - 0.2) * 40

    shape = tuple(round(48 / d) for d in spacing)
    rng = np.random.default_rng(2)
    mm = 1.0
    for _ in range(3):
        start = np.array([round(v / d) for v, d in zip(rng.uniform(12, 18, 3), spacing, strict=True)])
        stop = start + np.array([2 * round(5 / d) for d in spacing])
        scan = np.full(shape, 60, np.uint8)
        scan[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = 180
        grid, factor = geometry.resample(scan, spacing, mm)
        chance, _ = geometry.probability({p: Brightness() for p in geometry.AXES}, grid, 1, torch.device("cpu"))
        (found,) = geometry.components(chance, factor, mm, 0.5, 60.0, 5)
        assert np.abs(np.subtract(found.start, start) * spacing).max() <= 0.5 * mm + 1e-6
        assert np.abs(np.subtract(found.stop, stop) * spacing).max() <= 0.5 * mm + 1e-6
        # the chance itself, weighed, is centred on the target to half a voxel; the shift of one cube would be seen
        at = [(m + 0.5) * f - 0.5 for m, f in zip(_middle(grid - grid.min()), factor, strict=True)]
        middle = (start + stop - 1) / 2
        assert np.abs(at - middle).max() <= 0.5
        assert np.abs(np.add(at, factor) - middle).max() > 0.5


# zhou2023 --------------------------------------------------------------------------------------------------------------------

MM = 0.3


@pytest.fixture(scope="module")
def plain() -> dict[str, NewImage]:
    """Four even breasts (half ellipses), a grey that leaves room above."""
    source = {i.id: i for i in phantoms.mammogram_exam(6, False, pixel_mm=1.2, normal=1.0).images}
    rows, columns = 600, 450
    y, x = np.arange(rows)[:, None] - 280, np.arange(columns)[None]
    inside = (y / 235) ** 2 + (x / 310) ** 2 < 1
    grain = np.random.default_rng(1).integers(0, 400, (rows, columns))
    left = np.where(inside, 1400 + grain, 0).astype(np.uint16)
    made = {}
    for name in VIEWS:
        pixels = np.ascontiguousarray(left[:, ::-1]) if name.startswith("R") else left
        made[name] = replace(source[name], array=pixels, spacing_mm=(MM, MM), grey=None)
    return made


def _with_target(image: NewImage, row: float, column: float, sigma: float = 4.5) -> NewImage:
    y, x = np.arange(image.array.shape[0])[:, None] - row, np.arange(image.array.shape[1])[None] - column
    return replace(image, array=(image.array + 500 * np.exp(-(y**2 + x**2) / (2 * sigma**2))).astype(np.uint16))


def _stack_middle(plain: dict[str, NewImage], name: str, row: float, column: float, mm: float) -> tuple[FourViews, list[float]]:
    """Where the stack shows a target that was put into one view: the difference that it makes."""
    without = stack(plain, mm)
    marked = stack({**plain, name: _with_target(plain[name], row, column)}, mm)
    view = VIEWS.index(name)
    assert marked.placed == without.placed
    difference = np.clip(marked.pixels[view] - without.pixels[view], 0, None)
    difference[difference < 0.2 * difference.max()] = 0
    return marked, _middle(difference)


@pytest.mark.parametrize("name", ["RCC", "LMLO"])
@pytest.mark.parametrize("mm", [0.3, 0.6])
def test_a_bright_target_of_a_view_is_framed_within_half_a_pixel(plain: dict[str, NewImage], name: str, mm: float) -> None:
    row, column = 215.3, 120.7 if name.startswith("L") else 450 - 1 - 120.7
    views, (y, x) = _stack_middle(plain, name, row, column, mm)
    placed = views.placed[VIEWS.index(name)]
    assert placed is not None
    # a box of 10 stack pixels a side about the target (edges: pixel i covers i to i + 1)
    start, stop = placed.to_image((x + 0.5 - 5, y + 0.5 - 5, x + 0.5 + 5, y + 0.5 + 5))
    middle = [(a + b) / 2 - 0.5 for a, b in zip(start, stop, strict=True)]
    assert np.abs(np.subtract(middle, (row, column))).max() <= 0.5
    there = placed.to_stack(start, stop)
    assert np.allclose(there, (x - 4.5, y - 4.5, x + 5.5, y + 5.5), atol=1e-6)
    # believed to be hung the other way, or a stack pixel off, the box misses
    for wrong in (replace(placed, mirrored=not placed.mirrored), replace(placed, shift=(placed.shift[0], placed.shift[1] + 1))):
        a, b = wrong.to_image((x - 4.5, y - 4.5, x + 5.5, y + 5.5))
        assert abs((a[1] + b[1]) / 2 - 0.5 - column) > 0.5


@pytest.mark.parametrize("name", ["RCC", "LMLO"])
@pytest.mark.parametrize("backbone", ["small", "resnet18"])
def test_heat_of_a_view_peaks_within_half_a_pixel(plain: dict[str, NewImage], name: str, backbone: str) -> None:
    size = SIZES[backbone]
    row, column = 215.3, 120.7 if name.startswith("L") else 450 - 1 - 120.7
    views, (y, x) = _stack_middle(plain, name, row, column, size.mm)
    placed = views.placed[VIEWS.index(name)]
    assert placed is not None

    def peak(believed: Placed, late: float) -> float:
        cells = [np.arange(n // size.finest) * size.finest + late for n in views.pixels.shape[1:]]
        wide = 3.0 * size.finest
        bump = np.exp(-((cells[0][:, None] - y) ** 2 + (cells[1][None] - x) ** 2) / (2 * wide**2)).astype(np.float32)
        grid, scale, offset = believed.cells(bump, size.finest)
        found = [o + s * m for o, s, m in zip(offset, scale, _middle(grid), strict=True)]
        return float(np.abs(np.subtract(found, (row, column))).max())

    assert peak(placed, 0.0) <= 0.5
    assert peak(placed, (size.finest - 1) / 2) > 0.5  # were the cells tiles, their middles would lie elsewhere
    assert peak(replace(placed, mirrored=not placed.mirrored), 0.0) > 0.5


@pytest.mark.parametrize("backbone", ["small", "resnet50"])
def test_cells_of_the_trunk_are_centred_at_multiples_of_their_step(backbone: str) -> None:
    """With even weights what a cell of a level sees is centred at its step times its number; a tile's middle is not."""
    torch.manual_seed(0)
    trunk = PyramidTrunk(backbone).eval()
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1.0 / module.weight[0].numel())
    for layer in [m for m in trunk.modules() if isinstance(m, nn.GroupNorm)]:
        layer.forward = lambda x: x  # type: ignore[method-assign]  # keeps a cell's view local
    pixels = torch.rand(1, 1, 256, 256, requires_grad=True)
    step = SIZES[backbone].finest
    for level in list(trunk(pixels + 1).values())[:2]:
        cell = level.shape[2] // 2
        (given,) = torch.autograd.grad(level[0, :, cell, cell].sum(), pixels, retain_graph=True)
        seen = given[0, 0].abs().double()
        place = float((seen.sum(1) * torch.arange(256)).sum() / seen.sum())
        assert abs(place - step * cell) <= 0.5 < abs(place - (step * cell + (step - 1) / 2))
        step *= 2
