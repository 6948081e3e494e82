"""Heat lies where it belongs: true cell centres, mirror consistency, an exact decomposition, nothing out of noise."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.imaging import phantoms
from reader_app.networks import backbones, checkpoint, explain, kim2021, preprocess
from reader_app.networks.classifier import Judged, at_window, judge_planes, link_views, window_evidence
from reader_app.networks.lu2025 import DlrNetwork
from reader_app.networks.preprocess import Plane

CPU = torch.device("cpu")


def _centroid(trunk: backbones.Trunk, cell: int, size: int, draws: int) -> float:
    found = []
    for draw in range(draws):
        g = torch.Generator().manual_seed(draw)
        x = torch.randn(1, 1, size, size, generator=g, requires_grad=True)
        y = trunk(x)
        weight = torch.randn(y.shape[1], generator=g)
        (gradient,) = torch.autograd.grad((y[0, :, cell, cell] * weight).sum(), x)
        w = gradient[0, 0].square().sum(0)
        found.append(float((w * torch.arange(size)).sum() / w.sum()))
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("name", "size", "cell", "within"),
    [
        ("small", 128, 8, 0.8),
        ("small_vgg16", 96, 6, 1.5),
        ("small_googlenet", 96, 6, 1.7),
        ("resnet18", 192, 3, 4.0),
        ("vgg16", 112, 3, 1.5),
        ("googlenet", 224, 3, 4.0),
    ],
)
def test_cells_lie_where_the_gradient_says(name: str, size: int, cell: int, within: float) -> None:
    """The centre of a cell is where its gradient with respect to the input is centred."""
    torch.manual_seed(1)
    trunk = backbones.build(name).eval()
    expected = trunk.cells.offset + trunk.cells.stride * cell
    found = _centroid(trunk, cell, size, 12 if name.startswith("small") else 2)
    assert abs(found - expected) < within
    if "vgg16" not in name:  # the usual resize would put the cell elsewhere
        assert abs(found - ((cell + 0.5) * trunk.cells.stride - 0.5)) > min(within, 2.0)


def _trained_like() -> DlrNetwork:
    torch.manual_seed(4)
    return DlrNetwork("small").eval()


def test_map_is_an_exact_decomposition_of_the_score() -> None:
    network = _trained_like()
    x = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        features = network.trunk(x)
        score = network.pooled_score(features)
        evidence = network.cell_evidence(features)
    assert torch.allclose(evidence.mean((1, 2)), score, atol=1e-5)
    hires = explain.class_map(features, network.pooled_score)
    grad = explain.class_map(features, network.pooled_score, "gradcam")
    assert torch.allclose(hires, grad, atol=1e-5)
    bias = (score - hires.mean((1, 2)))[:, None, None]
    assert torch.allclose(hires + bias, evidence, atol=1e-5)
    with pytest.raises(ValueError, match="unknown method"):
        explain.class_map(features, network.pooled_score, "other")


def test_mirror_consistency_below_one_pixel() -> None:
    """CAM of the mirrored image, mirrored back, lies within one pixel; with the usual tile centres it would be off by 7."""
    network = _trained_like()
    shifts, naive = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        size, place = 129, rng.uniform(40, 90, 2)
        y, x = np.mgrid[:size, :size]
        pixels = (3 * np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / 60)).astype(np.float32)
        pair = torch.from_numpy(np.stack([pixels, pixels[:, ::-1].copy()]))[:, None]
        with torch.no_grad():
            features = network.trunk(pair)
            energy = (features - features.median(2, True).values.median(3, True).values).square().sum(1)
        cells = network.trunk.cells
        columns = torch.arange(energy.shape[2]).float()
        at = [(e.sum(0) * columns).sum() / e.sum() for e in energy.double()]
        true = [float(cells.offset + cells.stride * a) for a in at]
        shifts.append(true[0] - (size - 1 - true[1]))
        tile = [float((a + 0.5) * cells.stride - 0.5) for a in at]
        naive.append(tile[0] - (size - 1 - tile[1]))
    assert abs(np.mean(shifts)) < 1.0, shifts
    assert abs(np.mean(naive)) > 4.0


def test_trained_maps_of_mirrored_images_are_the_mirrored_maps() -> None:
    """The shipped kim2021 on phantoms: mean difference of CAM(x) and the mirrored CAM of mirrored x, in input pixels."""
    bundle = bundles.load(paths.resource("bundles") / "kim2021")
    network = kim2021.GapCamNetwork("small").eval()
    network.load_state_dict(checkpoint.read(bundle.weights)[0])
    shifts, naive = [], []
    tiles = backbones.CellGeometry(network.trunk.cells.stride, (network.trunk.cells.stride - 1) / 2)
    for seed in range(24):
        pixels = np.asarray(phantoms.ultrasound_case(300_000_400 + seed, True, frames=1, doppler=False).images[0].array)
        x = torch.from_numpy(preprocess.ultrasound_grey(preprocess.whole_image(pixels, 97)))[None, None]
        with torch.no_grad():
            evidence = network.cell_evidence(network.trunk(torch.cat([x, x.flip(3)]))).numpy()
        for cells, into in ((network.trunk.cells, shifts), (tiles, naive)):
            one, other = (kim2021.on_image(e, cells, (1.0, 1.0), (97, 97)) for e in evidence)
            into.append(_shift(one[8:89, 8:89], other[:, ::-1][8:89, 8:89]))
    assert abs(np.mean(shifts)) < 1.0, shifts
    assert abs(np.mean(naive)) > 3.0, np.mean(naive)


def _shift(one: np.ndarray, other: np.ndarray) -> float:
    """Return how many columns the second map lies to the right of the first: the best of all shifts, tenths of a pixel."""
    columns = np.arange(one.shape[1], dtype=np.float64)
    best = (np.inf, 0.0)
    for shift in np.arange(-14, 14.05, 0.1):
        moved = np.stack([np.interp(columns + shift, columns, row) for row in other])
        keep = (columns + shift >= 0) & (columns + shift <= columns[-1])
        best = min(best, (float(np.square(moved[:, keep] - one[:, keep]).mean()), float(shift)))
    return best[1]


def test_noise_is_not_stretched_to_colour() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(-3, 0.3, (12, 9)).astype(np.float32)
    heat, values = explain.heatmap("X", noise, (8, 8), (0, 0), floor=0.5, ceiling=4.0, least=0.35)
    assert not heat.evidence and not heat.grid.any() and values.max() < 0
    noise[4, 5] = 4.5
    heat, values = explain.heatmap("X", noise, (8, 8), (0, 0), floor=0.5, ceiling=4.0, least=0.35)
    assert heat.evidence and heat.grid[4, 5] == 255 and np.count_nonzero(heat.grid) == 1
    assert heat.index_of((4, 5)) == (32, 40) and values[4, 5] > 1  # exact values are kept beyond the scale


def test_region_box_follows_the_blob() -> None:
    y, x = np.mgrid[:20, :24].astype(np.float32)
    grid = np.exp(-(((y - 7.3) / 2.0) ** 2) - ((x - 15.6) / 3.0) ** 2).astype(np.float32)
    r0, c0, r1, c1 = explain.region_box(grid, (7, 16))
    assert abs((r0 + r1) / 2 - 7.3) < 0.3 and abs((c0 + c1) / 2 - 15.6) < 0.3
    assert c1 - c0 > r1 - r0
    grid[2, 2] = 5  # another, higher blob elsewhere is not joined
    assert explain.region_box(grid, (7, 16)) == (r0, c0, r1, c1)


def test_sliding_windows_agree_with_single_crops() -> None:
    """The pooled window of the whole plane scores like the features of that place; padding makes small planes judgeable."""
    network = _trained_like()
    rng = np.random.default_rng(2)
    plane = Plane("a", None, rng.normal(size=(96, 128)).astype(np.float32), (1.0, 1.0))
    small = Plane("b", None, rng.normal(size=(40, 50)).astype(np.float32), (1.0, 1.0))
    found = judge_planes(network, [plane, small], 64, torch.device("cpu"))
    r0, c0, r1, c1 = found[0].window
    assert (r1 - r0, c1 - c0) == (8, 8)
    assert found[0].score == pytest.approx(float(found[0].evidence[r0:r1, c0:c1].mean()), abs=1e-4)
    best = max(
        float(found[0].evidence[r : r + 8, c : c + 8].mean()) for r in range(found[0].evidence.shape[0] - 7) for c in range(9)
    )
    assert found[0].score == pytest.approx(best, abs=1e-4)
    assert found[1].evidence.shape == (8, 8)


def _judged(network: DlrNetwork, pixels: np.ndarray, column: int) -> Judged:
    plane = Plane("a", None, pixels.astype(np.float32), (1.0, 1.0))
    (found,) = judge_planes(network, [plane], 96, torch.device("cpu"), keep_features=True)
    return at_window(network, found, 2, column, keep_features=True)


def _symmetric() -> DlrNetwork:
    """A network whose kernels are their own mirror images: it must answer a mirrored image with the mirrored map, exactly."""
    network = _trained_like()
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.copy_((layer.weight + layer.weight.flip(3)) / 2)
    return network


def test_window_explanation_is_mirror_consistent_and_stays_near_its_window() -> None:
    network = _symmetric()
    rng = np.random.default_rng(3)
    shifts = []
    for _ in range(4):
        pixels = cv2.GaussianBlur(rng.normal(size=(129, 161)).astype(np.float32), (0, 0), 2) * 4
        one = window_evidence(network, _judged(network, pixels, 3), CPU)
        other = window_evidence(network, _judged(network, pixels[:, ::-1].copy(), 21 - 12 - 3), CPU)
        columns = np.arange(one.shape[1])
        at = [float((m.sum(0) * columns).sum() / m.sum()) * network.trunk.split_cells.stride for m in (one, other)]
        shifts.append(at[0] - (160 - at[1]))
        assert one.shape == (33, 41) and one.min() >= 0
        assert not one[:, 39:].any()  # beyond the window and its margin
    assert max(abs(s) for s in shifts) < 0.1  # taking cells for tiles would be off by 3 pixels


def test_views_of_a_breast_are_linked_by_their_distance_from_the_chest_wall() -> None:
    """The best single windows disagree in distance; the pair that agrees wins."""
    network = _trained_like()
    blank = np.zeros((160, 200), np.float32)
    pair = [_judged(network, blank, 0) for _ in range(2)]
    maps = [np.full_like(j.scores, -5.0) for j in pair]
    maps[0][3, 1], maps[0][4, 9] = 3.0, 2.5
    maps[1][2, 8], maps[1][1, 13] = 2.0, 2.2
    pair = [replace(j, scores=m) for j, m in zip(pair, maps, strict=True)]
    one, other = link_views(network, pair[0], pair[1], 15.0, 0.42)  # 15 mm are 4.5 cells
    assert one.window[:2] == (4, 9) and other.window[:2] == (1, 13)
    assert (one.score, other.score) == (2.5, pytest.approx(2.2))
    with pytest.raises(ValueError, match="not kept"):
        at_window(network, replace(one, features=None), 0, 0)
