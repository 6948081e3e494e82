"""Pixels through the raster: exact at 1:1, in the right place at every zoom, no speck lost, a pan changes only the place."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from reader_app.imaging.container import pyramid
from reader_app.ui.viewer.camera import Camera, fitted
from reader_app.ui.viewer.raster import Raster, Source, covered

RNG = np.random.default_rng(7)
TABLE = (np.arange(65536) // 256).astype(np.uint8)


def source_of(array):
    return Source((array, *pyramid(array)))


def test_one_to_one_shows_the_stored_pixels_through_the_table():
    image = RNG.integers(0, 65536, (300, 260), dtype=np.uint16)
    raster = Raster()
    camera = Camera(image.shape, (200, 180), (1, 1), 1.0, (-31.0, -17.0))
    raster.update(source_of(image), camera)
    assert np.array_equal(raster.pixels(TABLE), TABLE[image[31:231, 17:197]])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_signed_and_byte_pixels(dtype):
    low = np.iinfo(dtype).min
    image = RNG.integers(low, np.iinfo(dtype).max, (64, 64)).astype(dtype)
    table = RNG.integers(0, 256, 256 if dtype == np.uint8 else 65536).astype(np.uint8)
    raster = Raster()
    raster.update(Source((image,)), Camera((64, 64), (64, 64)))
    pattern = image if dtype == np.uint8 else image.view(np.uint16)
    assert np.array_equal(raster.pixels(table), table[pattern])


@pytest.mark.parametrize("zoom", [0.11, 0.25, 0.366, 0.5, 0.77, 1.0, 1.3, 2.5, 7.1])
def test_every_device_pixel_shows_its_own_place(zoom):
    """A ramp along columns: the value painted is the index it stands for, to 1/32 of a device pixel (and 1/64 of a grey step)."""
    image = np.tile((np.arange(700) * 64).astype(np.uint16), (300, 1))
    camera = Camera(image.shape, (90, 160), (1, 1), zoom, (-4.0, -33.0 if zoom > 0.3 else 2.0))
    raster = Raster()
    raster.update(source_of(image), camera)
    (y0, x0), (_, x1) = covered(camera)
    shown = raster._values[y0, x0:x1] / 64
    meant = np.array([camera.to_index((y0, x + 0.5))[1] for x in range(x0, x1)])
    inner = (meant > 16) & (meant < 684)
    assert inner.sum() > 10
    assert np.abs(shown - meant)[inner].max() * zoom <= 1 / 32 + zoom / 64 + 0.01


def test_outside_the_image_is_black_whatever_the_table():
    raster = Raster()
    camera = fitted((50, 50), (200, 300))
    raster.update(Source((np.zeros((50, 50), np.uint8),)), camera)
    shown = raster.pixels(np.full(256, 255, np.uint8))
    assert (shown[:, 50:250] == 255).all()
    assert (shown[:, :50] == 0).all() and (shown[:, 250:] == 0).all()


@pytest.mark.parametrize("zoom", [0.37, 1.0, 2.6])
def test_panning_gives_the_pixels_that_a_fresh_paint_would_give(zoom):
    image = RNG.integers(0, 65536, (900, 800), dtype=np.uint16)
    source, raster = source_of(image), Raster()
    camera = Camera(image.shape, (210, 230), (1, 1), zoom, (-11.0, -9.0))
    raster.update(source, camera)
    for dy, dx in ((5, -3), (-17, -40), (60, 22), (0, 1), (-300, 0)):
        camera = camera.panned(dy, dx)
        raster.update(source, camera)
        fresh = Raster()
        fresh.update(source, camera)
        # Strips may begin at another crop: the same place to 1/32 pixel, so noise differs by a few grey steps at most.
        difference = np.abs(raster.pixels(TABLE).astype(int) - fresh.pixels(TABLE))
        assert difference.max() <= (0 if zoom == 1 else 32)
        assert difference.mean() < 3  # of noise that spans all 255 grey levels


def lost(shrink, count=600):
    """Share of 2 x 2 specks at random phases that keep less than a quarter of what an area mean keeps on average."""
    zoom, kept, area = 1500 / 4096, [], []
    for _ in range(count):
        image = np.full((128, 128), 1000, np.uint16)
        y, x = RNG.integers(30, 90, 2)
        image[y : y + 2, x : x + 2] = 2000
        kept.append(int(shrink(image, zoom).max()) - 1000)
        area.append(int(cv2.resize(image, (47, 47), interpolation=cv2.INTER_AREA).max()) - 1000)
    return float((np.array(kept) < 0.25 * np.mean(area)).mean())


def through_raster(image, zoom):
    raster = Raster()
    camera = Camera(image.shape, (47, 47), (1, 1), zoom, (0.0, 0.0))
    raster.update(source_of(image), camera)
    return raster._values


def test_no_speck_is_lost_at_minification():
    assert lost(through_raster) == 0


def test_plain_bilinear_loses_specks():
    """The negative control: the same measure fails on what most toolkits do."""
    assert lost(lambda image, zoom: cv2.resize(image, (47, 47), interpolation=cv2.INTER_LINEAR)) > 0.01


def test_anisotropic_planes_are_reduced_along_each_axis_by_itself():
    source = Source((np.zeros((800, 300), np.uint8),))
    assert source.levels_for((0.2, 1.4)) == (2, 0)
    assert source.level(2, 0).shape == (200, 300)


def test_colour_is_copied_not_tabled():
    image = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    raster = Raster()
    raster.update(Source((image,)), Camera((40, 50), (40, 50)))
    assert np.array_equal(raster.pixels(None), image)


def test_the_same_geometry_is_not_resampled():
    """Window/level must not resample: the values kept are the very same, and only looked up anew."""
    image = RNG.integers(0, 65536, (400, 400), dtype=np.uint16)
    source, raster, camera = source_of(image), Raster(), fitted((400, 400), (150, 150))
    assert raster.update(source, camera)
    raster._values[0, 0] = 77  # would be overwritten by another resampling
    assert not raster.update(source, camera)
    assert raster.pixels(TABLE)[0, 0] == TABLE[77] and raster.pixels(255 - TABLE)[0, 0] == 255 - TABLE[77]


@pytest.mark.parametrize("area", [(0, 0, 700, 900), (13, 40, 14, 41), (100, 0, 699, 3), (0, 890, 700, 900)])
def test_bands_are_the_pixels_of_their_place(area):
    image = RNG.integers(0, 4096, (640, 820), dtype=np.uint16)
    raster, camera = Raster(), Camera((640, 820), (700, 900), (1, 1), 1.0, (31.0, 17.0))
    raster.update(Source((image,)), camera)
    whole, top, left, bottom, right = raster.pixels(TABLE, 9), *area
    painted = np.full_like(whole, 9)
    for row, column, band in raster.bands(TABLE, *area):
        painted[row : row + band.shape[0], column : column + band.shape[1]] = band
    assert np.array_equal(painted[top:bottom, left:right], whole[top:bottom, left:right])
    painted[top:bottom, left:right] = 9
    assert (painted == 9).all(), "nothing beyond the area"
