"""Boxes are clipped to the plane they lie in, whatever the image is made of."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from reader_app.networks.classifier_predict import plane_extent


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("image", (480, 560)), ("image", (480, 560, 3)), ("volume", (160, 480, 560)), ("cine", (20, 480, 560)),
        ("cine", (20, 480, 560, 3)),
    ],
)  # fmt: skip
def test_the_extent_is_that_of_one_plane(kind: str, shape: tuple[int, ...]) -> None:
    assert plane_extent(kind, shape) == [480, 560]
