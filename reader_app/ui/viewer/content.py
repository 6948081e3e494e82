"""From an image of the case container to what a pane can show; and where the breast lies in it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from reader_app.imaging.window import lookup_table
from reader_app.ui.viewer.camera import Region, whole
from reader_app.ui.viewer.pane import Picture
from reader_app.ui.viewer.raster import Source

_SMALL = 512  # longest side on which the breast is looked for
_AIR = 10  # grey levels of the first preset up to which a pixel may be air
_LEAST = 0.02  # of the image: a smaller "breast" is not believed


def of_image(image: Any) -> Picture:
    """Return the picture of a 2-D image: full size and its stored pyramid."""
    spacing = image.spacing_mm
    return Picture(
        Source((image.array, *image.pyramid)),
        image.grey,
        image.padding,
        (spacing[-2], spacing[-1]) if spacing else (1.0, 1.0),
        bool(spacing),
        image.chest_wall,
    )


def of_frame(image: Any, frame: int) -> Picture:
    """Return the picture of one frame of a cine."""
    spacing = image.spacing_mm
    pixel = (spacing[1], spacing[2]) if spacing else (1.0, 1.0)
    return Picture(Source((image.array[frame],)), image.grey, image.padding, pixel, bool(spacing))


def breast_region(picture: Picture) -> Region:
    """Return where the breast lies: the largest bright part that touches the chest wall's side, or the whole image.

    Found on the smallest stored reduction through the image's own grey-scale, so that MONOCHROME1 and padding are understood;
    lead letters and labels in the air are other parts and do not count.
    """
    source = picture.source
    if picture.grey is None:
        return whole(source.shape)
    k = 0
    while max(source.shape) >> k > _SMALL:
        k += 1
    small = np.ascontiguousarray(source.level(k, k))
    if small.dtype == np.int16:
        small = small.view(np.uint16)
    table = lookup_table(picture.grey, None, False, picture.padding, source.dtype)
    grey = cv2.LUT(small, table.reshape(1, -1))
    floor = int(np.percentile(grey, 2))
    bright = (grey > floor + _AIR).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=8)
    if count < 2:
        return whole(source.shape)
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    x, y, w, h, area = (int(v) for v in stats[best])
    if area < _LEAST * small.size:
        return whole(source.shape)
    rows, columns = source.shape
    top, left = max(0.0, (y - 1) * 2.0**k), max(0.0, (x - 1) * 2.0**k)
    return Region(top, left, min(float(rows), (y + h + 1) * 2.0**k), min(float(columns), (x + w + 1) * 2.0**k))
