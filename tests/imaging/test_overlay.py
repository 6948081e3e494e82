"""Heatmaps, boxes and colours."""

from __future__ import annotations

import numpy as np
import pytest

from reader_app.errors import ImageError
from reader_app.imaging import overlay as o


def _map(**changes):
    grid = np.zeros((4, 5), np.uint8)
    return o.Heatmap(
        **{
            "image_id": "RCC",
            "grid": grid,
            "scale": (16.0, 16.0),
            "offset": (7.5, 7.5),
            "floor": 0.0,
            "ceiling": 1.0,
            **changes,
        }
    )


def test_quantise_and_back():
    grid = o.quantise(np.array([[-1.0, 0.2, 0.6, 1.0, 5.0]]), 0.2, 1.0)
    assert grid.tolist() == [[0, 1, 128, 255, 255]]
    heat = _map(floor=0.2, ceiling=1.0)
    assert heat.raw(1) == 0.2 and heat.raw(255) == 1.0 and heat.raw(128) == pytest.approx(0.6)
    assert heat.level(0.6) == 128 and heat.level(0.0) == 1 and heat.level(1.1) == 256
    assert all(heat.level(heat.raw(v)) == v for v in range(1, 256))


def test_cells_lie_at_true_centres():
    assert _map().index_of((0, 0)) == (7.5, 7.5) and _map().index_of((2, 3)) == (39.5, 55.5)


def test_nan_is_never_shown():
    with pytest.raises(ImageError):
        o.quantise(np.array([0.1, np.nan]), 0, 1)


@pytest.mark.parametrize(
    "bad", [{"scale": (0.0, 1.0)}, {"offset": (1.0,)}, {"ceiling": float("inf")}, {"grid": np.zeros((2, 2))}]
)
def test_unsound_heatmaps_are_refused(bad):
    with pytest.raises(ImageError):
        _map(**bad)


def test_grid_is_read_only():
    with pytest.raises(ValueError, match="read-only"):
        _map().grid[0, 0] = 3


@pytest.mark.parametrize("name", o.COLOR_TABLES)
def test_colour_tables(name):
    table = o.color_table(name)
    assert (
        table.shape == (256, 4) and table.dtype == np.uint8 and table[0].tolist() == [0, 0, 0, 0] and (table[1:, 3] == 255).all()
    )
    luminance = table[1:, :3].astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luminance) > -1.0).all()  # brighter means more, also for a colour-blind reader and in print
    assert o.legend_strip(name, 100, 7).shape == (100, 7, 4)


def test_inferno_steps_are_told_apart_by_dichromats():
    """Simulated deuteranopia (Vienot 1999, linear): eight equal steps of the table stay distinct."""
    linear = (o.color_table("inferno")[1:, :3] / 255.0) ** 2.2
    seen = linear @ np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]]).T
    steps = seen[np.linspace(0, 254, 8).astype(int)].clip(0, 1) ** (1 / 2.2)
    assert np.linalg.norm(np.diff(steps, axis=0), axis=1).min() > 0.05


def test_legend_has_ends_and_threshold():
    legend = o.legend(0.0, 1.0, threshold=0.35)
    assert legend.ticks[0] == (0.0, "0.00") and legend.ticks[-1] == (1.0, "1.00") and legend.threshold == pytest.approx(0.35)
