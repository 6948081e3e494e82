"""Every family of statistics within 1e-9 of its second implementation, on a few random studies; the check itself bites."""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the measurements stand beside the package, not in it

from benchmarks import deviations
from reader_app.analysis import mrmc, roc


@pytest.mark.parametrize(
    ("name", "family"), deviations.FAMILIES, ids=[name.partition(" |")[0] for name, _ in deviations.FAMILIES]
)
def test_second_implementations_agree(name: str, family: object) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        worst = deviations.largest(family, 6, seed=2)
    assert worst <= deviations.BAR, name


def test_negative_control_a_slightly_wrong_variance_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = roc.delong_covariance
    monkeypatch.setattr(roc, "delong_covariance", lambda parts: right(parts) * (1 + 1e-6))
    assert deviations.largest(deviations.areas, 3) > 1e-7
    squares = mrmc.mean_squares
    monkeypatch.setattr(mrmc, "mean_squares", lambda theta: tuple(value * (1 + 1e-6) for value in squares(theta)))
    assert deviations.largest(deviations.several.obuchowski_rockette, 3) > 1e-7
    assert deviations.deviation(None, 1.0) == math.inf
    assert deviations.deviation(None, None) == 0.0
