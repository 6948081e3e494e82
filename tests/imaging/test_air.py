"""No colour on air: where the probe had no contact the heatmap is cut, in all three planes; dark tissue keeps it."""

from __future__ import annotations

import numpy as np
import pytest

from reader_app.imaging import air, container
from reader_app.imaging.caseimage import NewImage
from reader_app.imaging.overlay import Heatmap
from reader_app.imaging.window import GreyScale

SHAPE = (40, 96, 80)


def scan(dtype=np.uint8):
    """Speckle; no contact on one side, a sloping gap at one end; a cyst and a nipple's shadow inside the tissue."""
    rng = np.random.default_rng(0)
    volume = rng.rayleigh(55, SHAPE).clip(0, 255)
    s, r, c = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    nothing = (c < 12) | (r < 40 - 2.0 * (SHAPE[0] - 1 - s))
    volume[nothing] = rng.integers(0, 4, SHAPE)[nothing]
    volume[(s - 15) ** 2 + (r - 40) ** 2 / 4 + (c - 50) ** 2 < 60] = 0
    volume[(np.abs(s - 20) < 4) & (np.abs(c - 34) < 4) & (r > 8)] = 1
    return (volume * (257 if dtype == np.uint16 else 1)).astype(dtype), nothing


def hot(shape=SHAPE, cells=(5, 6, 5)):
    """A heatmap that is red everywhere, on coarse cells."""
    scale = tuple(n / k for n, k in zip(shape, cells, strict=True))
    return Heatmap("V", np.full(cells, 200, np.uint8), scale, tuple(s / 2 - 0.5 for s in scale), 0.1, 0.9)


def painted(heatmap):
    """The level at every voxel, nearest cell."""
    axes = [np.rint((np.arange(n) - o) / s).astype(int).clip(0, k - 1)
            for n, o, s, k in zip(SHAPE, heatmap.offset, heatmap.scale, heatmap.grid.shape, strict=True)]  # fmt: skip
    return heatmap.grid[np.ix_(*axes)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_no_colour_on_air_and_all_of_it_on_tissue(dtype):
    volume, nothing = scan(dtype)
    skin = air.find_skin(volume, GreyScale(bits=8 if dtype == np.uint8 else 16))
    levels = painted(air.on_tissue(hot(), skin, SHAPE))
    assert painted(hot())[nothing].min() == 200  # the control
    s, r, c = np.nonzero(nothing & (levels > 0))
    depth_of_gap = 40 - 2.0 * (SHAPE[0] - 1 - s)
    within_a_block = (np.abs(r - depth_of_gap) <= 12) | (np.abs(c - 12) <= 4)
    assert within_a_block.all() and len(s) < 0.12 * nothing.sum()
    tissue = ~nothing
    tissue[:, :, :16] = False
    assert (levels[tissue] == 200).mean() > 0.97


def test_cyst_and_shadow_keep_their_colour():
    volume, _ = scan()
    levels = painted(air.on_tissue(hot(), air.find_skin(volume, GreyScale()), SHAPE))
    assert levels[15, 40, 50] == 200 and levels[20, 70, 34] == 200


def test_a_volume_without_air_keeps_its_heatmap():
    volume = np.random.default_rng(1).rayleigh(55, SHAPE).clip(1, 255).astype(np.uint8)
    assert air.find_skin(volume, GreyScale()) is None
    heatmap = hot()
    assert air.on_tissue(heatmap, None, SHAPE) is heatmap


def test_declared_padding_is_air():
    volume = np.full(SHAPE, 120, np.uint8)
    volume[:, :, :20] = 255  # bright, but declared to be no image
    skin = air.find_skin(volume, GreyScale(), (255, 255))
    assert (skin[:, :5] == SHAPE[1]).all() and not skin[:, 5:].any()


def test_the_container_keeps_it(tmp_path):
    volume, _ = scan()
    images = [NewImage("V", volume, "volume", "R", "AP", spacing_mm=(0.5, 0.2, 0.3), grey=GreyScale())]
    container.write(tmp_path / "C1", "C1", "abvs", images)
    assert not container.verify(tmp_path / "C1")
    stored = container.open_case(tmp_path / "C1").image("V").skin
    assert np.array_equal(stored, air.find_skin(volume, GreyScale()))


def test_values_between_cells_stay_linear():
    volume, _ = scan()
    grid = np.zeros((1, 1, 5), np.uint8)
    grid[0, 0] = (1, 51, 101, 151, 201)
    ramp = Heatmap("V", grid, (40.0, 96.0, 16.0), (19.5, 47.5, 7.5), 0.0, 1.0)
    cut = air.on_tissue(ramp, air.find_skin(volume, GreyScale()), SHAPE)
    for cell in (8, 12, 16):
        at = cut.index_of((0, 10, cell))[2]
        assert cut.grid[0, 10, cell] == pytest.approx(1 + 50 * (at - 7.5) / 16, abs=1)
