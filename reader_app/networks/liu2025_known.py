"""What a bundle of liu2025 was made for; a scan beyond that is "not applicable" instead of judged.

Sampling and extent have fixed bounds that follow from the size of the model's cubes. Grey values and the embedding of the lesion
are compared with those of the calibration scans, whose numbers are kept in the manifest under ``input.known``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

#: Coarsest voxel, in cubes of the model; smallest extent (slices, depth, columns) in millimetres.
COARSEST, SMALLEST = 3.0, (20.0, 15.0, 30.0)

#: Allowed distance of a scan's mean and deviation of grey from those of the calibration scans, in their deviations (at least
#: ``LEAST``, for few scans are too alike), and of the embedding, over the farthest calibration lesion.
GREY, LEAST, FARTHEST = 6.0, 0.05, 1.5


def geometry_fault(shape: Sequence[int], spacing: Sequence[float], mm: float) -> str:
    """Return why a scan's sampling is beyond the model, "" when it is not."""
    if max(spacing) > COARSEST * mm:
        return f"voxels of {max(spacing):.1f} mm are coarser than the {COARSEST * mm:.1f} mm that the model can use"
    extent = [n * d for n, d in zip(shape, spacing, strict=True)]
    if any(e < s for e, s in zip(extent, SMALLEST, strict=True)):
        seen, least = (" x ".join(f"{v:.0f}" for v in values) for values in (extent, SMALLEST))
        return f"a scan of {seen} mm is smaller than the {least} mm that the model needs"
    return ""


def grey_of(grid: Float) -> tuple[float, float]:
    """Return mean and deviation of a scan's standardised grey values."""
    return float(grid.mean()), float(grid.std())


def grey_fault(known: Mapping[str, Any], grid: Float) -> str:
    """Return why a scan's grey values are beyond the model, "" when they are not."""
    for name, value in zip(("mean", "deviation"), grey_of(grid), strict=True):
        if "grey" in known:
            middle, spread = known["grey"][name]
            if abs(value - middle) > GREY * max(spread, LEAST):
                return f"its grey values are not like those the model learnt from ({name} {value:.2f}, known {middle:.2f})"
    return ""


def distance(known: Mapping[str, Any], embedding: Float) -> float:
    """Return how far an embedding is from the known ones, in deviations (root mean square over its values); 0 if unknown."""
    if "embedding" not in known:
        return 0.0
    middle, spread = (np.asarray(known["embedding"][k], np.float32) for k in ("mean", "deviation"))
    return float(np.sqrt((((embedding - middle) / spread) ** 2).mean()))


def embedding_fault(known: Mapping[str, Any], embedding: Float) -> str:
    """Return why a lesion is unlike all that the model knows, "" when it is not."""
    away = distance(known, embedding)
    if "embedding" in known and away > float(known["embedding"]["limit"]):
        limit = float(known["embedding"]["limit"])
        return f"the finding is unlike all that the model learnt from (distance {away:.1f}, limit {limit:.1f})"
    return ""


def learnt(grey: Sequence[tuple[float, float]], embeddings: Sequence[Float]) -> dict[str, Any]:
    """Return what calibration scans and the lesions found in them say is known."""
    known: dict[str, Any] = {}
    if grey:
        values = np.array(grey)
        known["grey"] = {n: [float(values[:, k].mean()), float(values[:, k].std())] for k, n in enumerate(("mean", "deviation"))}
    if len(embeddings) >= 3:
        all_of = np.stack(embeddings)
        middle, spread = all_of.mean(0), np.maximum(all_of.std(0), 0.05 * max(float(all_of.std()), 1e-3))
        known["embedding"] = {"mean": middle.tolist(), "deviation": spread.tolist()}
        known["embedding"]["limit"] = FARTHEST * max(distance(known, e) for e in embeddings)
    return known
