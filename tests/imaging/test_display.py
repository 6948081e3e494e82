"""The GSDF against the values printed in PS3.14, and what calibration does to an ordinary display."""

from __future__ import annotations

import numpy as np
import pytest

from reader_app.imaging import display
from reader_app.imaging.window import GreyScale, lookup_table


@pytest.mark.parametrize(("jnd", "cd"), [(1, 0.0500), (2, 0.0547), (3, 0.0594), (4, 0.0643), (5, 0.0696), (1023, 3993.404)])
def test_table_of_the_standard(jnd, cd):
    assert display.luminance(jnd) == pytest.approx(cd, rel=0.01)


def test_inverse_agrees():
    index = np.linspace(1, 1023, 200)
    assert np.abs(display.jnd_index(display.luminance(index)) - index).max() < 0.6


def test_a_calibrated_display_is_even_and_an_ordinary_one_is_not():
    curve = display.gamma_display(0.5, 300.0, 2.2, 1024)
    table = display.calibration_table(curve)
    assert np.all(np.diff(table.astype(int)) >= 0) and table[0] == 0 and table[-1] == 1023
    before, after = display.examine(curve), display.examine(curve, table=table)
    assert before.worst > 0.2 and after.worst < 0.1 and "even" in after.text
    assert after.jnds == pytest.approx(before.jnds, rel=0.01)


def test_a_gsdf_display_needs_no_table():
    curve = display.luminance(np.linspace(100, 700, 256))
    assert np.array_equal(display.calibration_table(curve), np.arange(256)) and display.examine(curve).worst < 0.02


def test_ten_bits_halve_nothing_but_the_step():
    curve = display.gamma_display(0.5, 500.0, 2.2, 1024)
    eight, ten = display.examine(curve), display.examine(curve, p_values=1024)
    assert ten.per_step == pytest.approx(eight.per_step / 4, rel=0.02)


def test_the_table_goes_into_the_lookup():
    curve = display.gamma_display(0.5, 300.0)
    table = display.calibration_table(curve)
    painted = lookup_table(GreyScale(bits=8), dtype=np.uint8, display=table)
    assert np.array_equal(painted, table)
    assert lookup_table(GreyScale(bits=8), padding=(0, 9), invert=True, dtype=np.uint8, display=table)[:10].max() == 0


@pytest.mark.parametrize("bad", [[1.0, 0.5], [1.0, 1.0], [float("nan"), 2.0], [1.0]])
def test_impossible_measurements(bad):
    with pytest.raises(ValueError, match="must rise"):
        display.calibration_table(bad)
