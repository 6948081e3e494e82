"""Where an image stands in a pane: pure arithmetic, no Qt and no pixels.

Three spaces, all ``(vertical, horizontal)``:

index
    image index (row, column), zero-based, pixel *centres* at integers; pixel 5 covers 4.5 to 5.5;
edge
    image position from the outer corner of pixel (0, 0): ``edge = index + 0.5``;
screen
    device pixels from the outer corner of the pane's first pixel: device pixel 7 covers 7 to 8.

``screen = origin + zoom * edge``. The origin is rounded to whole device pixels before anything is drawn or transformed,
so a pan moves every picture, box and mark by the same whole number of pixels and 1:1 shows true pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

Pair = tuple[float, float]

MAX_ZOOM = 32.0  # device pixels per image pixel
MIN_VISIBLE = 24.0  # device pixels that the smaller side of an image keeps at least


def _round(value: float) -> int:
    return math.floor(value + 0.5)


@dataclass(frozen=True, slots=True)
class Camera:
    """Scale and position of one image in one pane.

    Attributes
    ----------
    shape : tuple of int
        Image size (rows, columns).
    viewport : tuple of int
        Pane size in device pixels (height, width).
    pixel : tuple of float
        Extent of an image pixel along both axes: millimetres, or (1, 1) where the spacing is unknown.
    scale : float
        Device pixels per unit of ``pixel``.
    corner : tuple of float
        Screen position of the image's outer corner before rounding; use ``origin``.
    chest_wall : str or None
        "left" or "right": this edge of the image never leaves a gap at the same edge of the pane.
    """

    shape: tuple[int, int]
    viewport: tuple[int, int]
    pixel: Pair = (1.0, 1.0)
    scale: float = 1.0
    corner: Pair = (0.0, 0.0)
    chest_wall: str | None = None

    @property
    def zoom(self) -> Pair:
        """Device pixels per image pixel along rows' direction (vertical) and columns' direction (horizontal)."""
        return self.scale * self.pixel[0], self.scale * self.pixel[1]

    @property
    def origin(self) -> tuple[int, int]:
        """Screen position of the image's outer corner in whole device pixels."""
        return _round(self.corner[0]), _round(self.corner[1])

    @property
    def size(self) -> Pair:
        """Size of the whole image on the screen in device pixels."""
        return self.shape[0] * self.zoom[0], self.shape[1] * self.zoom[1]

    def to_screen(self, index: Pair) -> Pair:
        """Return the screen position of an image index."""
        oy, ox = self.origin
        zy, zx = self.zoom
        return oy + (index[0] + 0.5) * zy, ox + (index[1] + 0.5) * zx

    def to_index(self, screen: Pair) -> Pair:
        """Return the image index at a screen position; the inverse of `to_screen`."""
        oy, ox = self.origin
        zy, zx = self.zoom
        return (screen[0] - oy) / zy - 0.5, (screen[1] - ox) / zx - 0.5

    def contains(self, index: Pair) -> bool:
        """Return whether an index lies on the image."""
        return -0.5 <= index[0] <= self.shape[0] - 0.5 and -0.5 <= index[1] <= self.shape[1] - 0.5

    def panned(self, dy: float, dx: float) -> Camera:
        """Return the camera with the image moved by device pixels (down and right positive)."""
        return replace(self, corner=(self.corner[0] + dy, self.corner[1] + dx)).clamped()

    def zoomed(self, factor: float, about: Pair) -> Camera:
        """Return the camera with the scale changed and the image point at screen position ``about`` kept there."""
        low = MIN_VISIBLE / max(1e-9, min(self.shape[0] * self.pixel[0], self.shape[1] * self.pixel[1]))
        high = MAX_ZOOM / max(self.pixel)
        scale = min(max(self.scale * factor, min(low, self.scale)), max(high, self.scale))
        f = scale / self.scale
        oy, ox = self.origin
        corner = (about[0] - (about[0] - oy) * f, about[1] - (about[1] - ox) * f)
        return replace(self, scale=scale, corner=corner).clamped()

    def scaled(self, scale: float, index: Pair, at: Pair) -> Camera:
        """Return the camera at a given scale with an image index placed at a screen position."""
        zy, zx = scale * self.pixel[0], scale * self.pixel[1]
        corner = (at[0] - (index[0] + 0.5) * zy, at[1] - (index[1] + 0.5) * zx)
        return replace(self, scale=scale, corner=corner).clamped()

    def one_to_one(self, index: Pair, at: Pair) -> Camera:
        """Return the camera at one device pixel per image pixel (the finer axis where pixels are not square)."""
        return self.scaled(1.0 / min(self.pixel), index, at)

    def resized(self, viewport: tuple[int, int]) -> Camera:
        """Return the camera for a pane of another size, the middle (or the chest wall) staying where it was."""
        dy = (viewport[0] - self.viewport[0]) / 2
        wider = float(viewport[1] - self.viewport[1])
        dx = {"left": 0.0, "right": wider}.get(self.chest_wall or "", wider / 2)
        return replace(self, viewport=viewport, corner=(self.corner[0] + dy, self.corner[1] + dx)).clamped()

    def clamped(self) -> Camera:
        """Return the camera with the image kept in sight.

        The middle of the pane stays on the image along each axis. With a chest wall, horizontally: the wall's edge of the
        image stays at or beyond the pane's edge (no gap between the breasts), and no air is shown beyond the outer edge
        unless the image is narrower than the pane.
        """
        y = _keep_middle(self.corner[0], self.size[0], self.viewport[0])
        width, pane = self.size[1], self.viewport[1]
        slack = pane - width
        if self.chest_wall == "left":
            x = 0.0 if slack >= 0 else min(0.0, max(self.corner[1], slack))
        elif self.chest_wall == "right":
            x = slack if slack >= 0 else min(0.0, max(self.corner[1], slack))
        else:
            x = _keep_middle(self.corner[1], width, pane)
        return replace(self, corner=(y, x))


def _keep_middle(corner: float, size: float, pane: float) -> float:
    return min(pane / 2, max(pane / 2 - size, corner))


@dataclass(frozen=True, slots=True)
class Region:
    """Part of an image that matters (the breast), in edge coordinates: top, left, bottom, right."""

    top: float
    left: float
    bottom: float
    right: float

    @property
    def middle(self) -> Pair:
        """Index of the middle."""
        return (self.top + self.bottom) / 2 - 0.5, (self.left + self.right) / 2 - 0.5


def whole(shape: tuple[int, int]) -> Region:
    """Return the region that covers an image."""
    return Region(0.0, 0.0, float(shape[0]), float(shape[1]))


def to_the_wall(region: Region, shape: tuple[int, int], chest_wall: str | None) -> Region:
    """Return a region extended to the chest wall's edge of the image."""
    if chest_wall == "left":
        return replace(region, left=0.0)
    if chest_wall == "right":
        return replace(region, right=float(shape[1]))
    return region


def fit_scale(region: Region, pixel: Pair, viewport: tuple[int, int]) -> float:
    """Return the largest scale at which a region fits into a pane."""
    height = max(1.0, region.bottom - region.top) * pixel[0]
    width = max(1.0, region.right - region.left) * pixel[1]
    return min(viewport[0] / height, viewport[1] / width)


def fitted(
    shape: tuple[int, int],
    viewport: tuple[int, int],
    pixel: Pair = (1.0, 1.0),
    region: Region | None = None,
    chest_wall: str | None = None,
    scale: float | None = None,
) -> Camera:
    """Return the camera that fits a region (default: the whole image) into a pane.

    Parameters
    ----------
    scale : float, optional
        A scale shared by several panes ("same size") instead of the largest that fits.
    """
    part = to_the_wall(region or whole(shape), shape, chest_wall)
    if scale is None:
        scale = fit_scale(part, pixel, viewport)
    at = (viewport[0] / 2, viewport[1] / 2)
    camera = Camera(shape, viewport, pixel, scale, (0.0, 0.0), chest_wall)
    zy, zx = camera.zoom
    middle = part.middle
    corner_y = at[0] - (middle[0] + 0.5) * zy
    if chest_wall == "left":
        corner_x = 0.0
    elif chest_wall == "right":
        corner_x = viewport[1] - shape[1] * zx
    else:
        corner_x = at[1] - (middle[1] + 0.5) * zx
    return replace(camera, corner=(corner_y, corner_x)).clamped()
