"""Air in a breast volume: where the probe had no contact there is nothing that a heatmap's colour could speak of.

Found once at import, column by column of blocks: the row at which tissue begins. Dark places below the skin (cysts, shadows) stay
tissue; a column without any tissue counts as air only when it hangs together with the side of the scan, so that a nipple's shadow
in the middle does not.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.imaging.overlay import Heatmap
from reader_app.imaging.window import GreyScale, lookup_table

#: Voxels of a block along (slice, row, column).
BLOCK: tuple[int, int, int] = (4, 8, 4)
#: Mean grey level (of 255, first preset) from which a block is tissue; the share of such blocks below which a column has none.
_TISSUE, _SHARE = 10.0, 0.03


def find_skin(array: NDArray[Any], grey: GreyScale, padding: tuple[int, int] | None = None) -> NDArray[np.uint16] | None:
    """Return where tissue begins.

    Parameters
    ----------
    array : ndarray, shape (slices, rows, columns)
        Rows from the skin to the chest wall.
    grey : GreyScale
        Of the volume.
    padding : tuple of int or None
        Stored values that are no image.

    Returns
    -------
    ndarray of uint16, shape (slice blocks, column blocks), or None
        First row of tissue; the number of rows where there is none; None when the volume has no air at all.
    """
    slices, rows, columns = array.shape
    table = lookup_table(grey, None, False, padding, array.dtype)
    down, across = -(-rows // BLOCK[1]), -(-columns // BLOCK[2])
    begins = np.zeros((-(-slices // BLOCK[0]), across), np.int32)
    empty = np.zeros(begins.shape, bool)
    for number in range(len(begins)):
        part = array[number * BLOCK[0] : (number + 1) * BLOCK[0]]
        shown = table[part.view(f"u{part.dtype.itemsize}")].mean(axis=0, dtype=np.float32)
        tissue = cv2.resize(shown, (across, down), interpolation=cv2.INTER_AREA) > _TISSUE
        firm = tissue & np.vstack([tissue[1:], tissue[-1:]])  # two blocks in a row: a speck is no skin
        begins[number] = np.where(firm.any(axis=0), firm.argmax(axis=0) * BLOCK[1], rows)
        deeper = tissue[down // 10 :]
        empty[number] = deeper.mean(axis=0) < _SHARE
    begins[empty & _beside(empty)] = rows
    begins[(begins >= rows) & ~_beside(begins >= rows)] = 0
    smooth = cv2.medianBlur(begins.astype(np.uint16), 3)
    result = np.where(begins >= rows, rows, np.minimum(begins, smooth)).astype(np.uint16)
    return result if result.any() else None


def _beside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the parts of a mask that touch its edge."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return mask & np.isin(labels, edge[edge > 0])


def on_tissue(heatmap: Heatmap, skin: NDArray[np.uint16] | None, shape: tuple[int, ...]) -> Heatmap:
    """Return a volume's heatmap without its colour on air.

    Parameters
    ----------
    heatmap : Heatmap
        Of a volume.
    skin : ndarray or None
        From `find_skin`; None returns the heatmap as it is.
    shape : tuple of int
        Of the volume.

    Returns
    -------
    Heatmap
        On cells of a block each (linear between the cells it had, as it would be painted), nothing where air lies.
    """
    if skin is None or heatmap.grid.ndim != 3:
        return heatmap
    counts = tuple(-(-n // b) for n, b in zip(shape, BLOCK, strict=True))
    values = heatmap.grid.astype(np.float32)
    for axis in range(3):
        centres = (np.arange(counts[axis]) + 0.5) * BLOCK[axis] - 0.5
        at = np.clip((centres - heatmap.offset[axis]) / heatmap.scale[axis], 0, values.shape[axis] - 1)
        low = np.minimum(at.astype(np.int64), max(values.shape[axis] - 2, 0))
        part = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        lower, upper = values.take(low, axis=axis), values.take(np.minimum(low + 1, values.shape[axis] - 1), axis=axis)
        values = lower + (upper - lower) * part
    ends = (np.arange(counts[1]) + 1) * BLOCK[1]
    values[ends[None, :, None] <= skin[: counts[0], None, : counts[2]]] = 0
    offset = tuple(b / 2 - 0.5 for b in BLOCK)
    grid = np.rint(values).astype(np.uint8)
    scale = tuple(float(b) for b in BLOCK)
    return Heatmap(heatmap.image_id, grid, scale, offset, heatmap.floor, heatmap.ceiling, heatmap.evidence)
