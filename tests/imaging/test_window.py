"""Grey levels against formulas of the standard and against pydicom as an independent renderer."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut, apply_windowing

from reader_app.imaging.window import GreyScale, Preset, automatic_window, lookup_table, window_of

STORED = np.arange(4096, dtype=np.uint16)


def _reference(function: str, center: float, width: float) -> np.ndarray:
    ds = Dataset()
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = center, width, function
    ds.BitsStored, ds.PixelRepresentation, ds.PhotometricInterpretation = 12, 0, "MONOCHROME2"
    return apply_windowing(STORED, ds) / 4095.0 * 255.0


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2047.5, 4096), (2653, 900), (100, 2), (4000, 50)])
def test_windows_equal_pydicom(function, center, width):
    grey = GreyScale(presets=(Preset("n", function.lower(), center, width),), bits=12)
    ours = lookup_table(grey)[:4096].astype(float)
    assert np.abs(ours - _reference(function, center, width)).max() <= 0.5 + 1e-6


def test_voi_lut_equals_pydicom():
    ds, item = Dataset(), Dataset()
    table = (np.linspace(0, 1, 1000) ** 2 * 4095).astype(np.uint16)
    item.LUTDescriptor, item.LUTData = [1000, 500, 12], table.tolist()
    item["LUTDescriptor"].VR = "US"
    ds.VOILUTSequence, ds.PixelRepresentation, ds.BitsStored = [item], 0, 12
    reference = apply_voi_lut(STORED, ds) / 4095.0 * 255.0
    grey = GreyScale(presets=(Preset("t", "lut", lut=table, lut_first=500, lut_bits=12),), bits=12)
    assert np.abs(lookup_table(grey)[:4096] - reference).max() <= 0.5 + 1e-6


def test_monochrome1_equals_inverted_monochrome2():
    window = (Preset("n", "linear", 2048, 4096),)  # symmetric about the middle of 0..4095
    one = lookup_table(GreyScale(invert=True, presets=window, bits=12))[:4096]
    two = lookup_table(GreyScale(presets=window, bits=12))[:4096]
    assert np.array_equal(one, two[::-1])
    assert np.array_equal(lookup_table(GreyScale(invert=True, presets=window, bits=12), invert=True)[:4096].astype(int), two)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("mono1", [False, True])
def test_padding_is_black_last_also_inverted(invert, mono1):
    grey = GreyScale(invert=mono1, presets=(Preset("n", "sigmoid", 2000, 900),), bits=12)
    table = lookup_table(grey, invert=invert, padding=(30, 0))  # either order
    assert not table[:31].any()
    assert lookup_table(grey, invert=invert)[:31].any() == (mono1 != invert)  # the control: without padding it would shine
    top = lookup_table(grey, invert=invert, padding=(4000, 4095))
    assert not top[4000:4096].any()


def test_rescale_and_signed_values():
    grey = GreyScale(2.0, -1000.0, False, (Preset("n", "linear_exact", 0.0, 2000.0),), 16)
    table = lookup_table(grey, dtype=np.int16)
    value = np.array([500, 0, 1000, -1], np.int16)
    assert table[value.view(np.uint16)].tolist() == [128, 0, 255, 0]


def test_dragged_window_keeps_the_kind():
    grey = GreyScale(presets=(Preset("n", "sigmoid", 2000, 900),), bits=12)
    again = lookup_table(grey, (2000.0, 900.0))
    assert np.array_equal(again, lookup_table(grey))
    linear = lookup_table(GreyScale(presets=(Preset("n", "linear", 2000, 900),), bits=12))
    assert not np.array_equal(again, linear)


def test_identity_spans_the_bits_and_uint8_has_256_entries():
    assert np.array_equal(lookup_table(GreyScale(bits=8), dtype=np.uint8), np.arange(256))
    table = lookup_table(GreyScale(bits=12))
    assert table[4095] == 255 and table[0] == 0 and table[60000] == 255


def test_window_of_a_table_starts_where_it_moves():
    lut = np.concatenate([np.zeros(100), np.linspace(0, 65535, 200), np.full(100, 65535)]).astype(np.uint16)
    center, width = window_of(Preset("t", "lut", lut=lut, lut_first=1000), GreyScale(bits=12))
    assert (center, width) == pytest.approx((1200, 200), abs=3)


def test_display_calibration_is_the_last_step():
    curve = np.linspace(0, 1023, 256).round().astype(np.uint16)
    table = lookup_table(GreyScale(bits=8), dtype=np.uint8, display=curve)
    assert table.dtype == np.uint16 and table[255] == 1023 and table[0] == 0


def test_automatic_window_leaves_padding_out():
    array = np.full((200, 200), 0, np.uint16)
    array[:, 100:] = np.random.default_rng(0).integers(1000, 2001, (200, 100))
    center, width = automatic_window(array, (0, 0))
    assert center == pytest.approx(1500, abs=5) and width == pytest.approx(1000, abs=10)


def test_width_one_is_a_step():
    grey = GreyScale(presets=(Preset("n", "linear", 100, 1),), bits=12)
    table = lookup_table(grey)
    assert table[99] == 0 and table[100] == 255
