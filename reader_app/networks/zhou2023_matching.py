"""zhou2023: which finding of CC and which of MLO are the same lesion: gradient-boosted trees, then greedy.

The trees are grown with scikit-learn and kept as plain JSON; a few lines here evaluate them, so that a bundle needs no pickle and
no scikit-learn. The paper does not list its features; ours are in :data:`FEATURES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.networks.detection import Detection

Array = NDArray[np.float64]

#: What the trees see of a pair.
FEATURES: tuple[str, ...] = (
    "distance from the nipple, difference in mm",
    "predicted depth, difference",
    "same type",
    "width, log ratio",
    "height, log ratio",
    "larger side in mm, mean",
    "probability of malignancy, difference",
    "score, CC",
    "score, MLO",
)

#: Least probability of a pair.
LEAST = 0.5


def pair_features(cc: Detection, mlo: Detection, mm: float) -> Array:
    """Return the features of a pair, in the order of :data:`FEATURES`."""
    sizes = [(max(d.box[2] - d.box[0], 1.0), max(d.box[3] - d.box[1], 1.0)) for d in (cc, mlo)]
    centre = [(d.box[0] + d.box[2]) / 2 for d in (cc, mlo)]
    return np.array(
        [
            abs(centre[0] - centre[1]) * mm,
            abs(cc.depth - mlo.depth),
            float(cc.kind == mlo.kind),
            abs(np.log(sizes[0][0] / sizes[1][0])),
            abs(np.log(sizes[0][1] / sizes[1][1])),
            (max(sizes[0]) + max(sizes[1])) / 2 * mm,
            abs(cc.malignant - mlo.malignant),
            cc.score,
            mlo.score,
        ]
    )


def grow(features: Array, same: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    """Grow trees on pairs and return them as plain JSON values.

    Both kinds weigh alike, because nearly all pairs that can be formed are different lesions: 0.5 is then where either is as
    likely. With fewer than three pairs of either kind there are no trees, and nothing will be matched.
    """
    document: dict[str, Any] = {"features": list(FEATURES), "least": LEAST, "pairs": len(same), "same": int(same.sum())}
    if same.sum() < 3 or (~same).sum() < 3:
        return document | {"start": -10.0, "trees": []}
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(n_estimators=60, max_depth=3, learning_rate=0.1, min_samples_leaf=2, random_state=seed)
    weight = np.where(same, 0.5 / same.mean(), 0.5 / (1 - same.mean()))
    model.fit(features.astype(np.float32), same.astype(int), sample_weight=weight)
    share = 0.5
    trees = []
    for grown in model.estimators_[:, 0]:
        t = grown.tree_
        trees.append(
            {
                "left": t.children_left.tolist(),
                "right": t.children_right.tolist(),
                "feature": t.feature.tolist(),
                "threshold": t.threshold.tolist(),
                "value": (t.value[:, 0, 0] * model.learning_rate).tolist(),
            }
        )
    return document | {"start": float(np.log(share / (1 - share))), "trees": trees}


def probability(document: Mapping[str, Any], features: Array) -> float:
    """Return the trees' probability that a pair is one lesion."""
    x = features.astype(np.float32)
    total = float(document["start"])
    for tree in document["trees"]:
        node = 0
        while tree["left"][node] >= 0:
            goes_left = float(x[tree["feature"][node]]) <= tree["threshold"][node]
            node = tree["left"][node] if goes_left else tree["right"][node]
        total += tree["value"][node]
    return float(1 / (1 + np.exp(-total)))


def greedy(matrix: Array, least: float = LEAST) -> list[tuple[int, int]]:
    """Return the pairs (row, column) taken best first, each row and column once, none below ``least``."""
    left = np.array(matrix, np.float64, ndmin=2)
    pairs: list[tuple[int, int]] = []
    while left.size:
        row, column = (int(v) for v in np.unravel_index(int(np.argmax(left)), left.shape))
        if left[row, column] < least:
            break
        pairs.append((row, column))
        left[row, :] = -1
        left[:, column] = -1
    return pairs


def match(document: Mapping[str, Any], found: Sequence[Detection], mm: float) -> list[tuple[int, ...]]:
    """Return the lesions of an exam as tuples of indices into ``found``: (CC, MLO) or a single view alone."""
    lesions: list[tuple[int, ...]] = []
    for side in (0, 1):
        cc = [k for k, d in enumerate(found) if d.view == side]
        mlo = [k for k, d in enumerate(found) if d.view == side + 2]
        matrix = np.array([[probability(document, pair_features(found[a], found[b], mm)) for b in mlo] for a in cc])
        pairs = greedy(matrix, float(document.get("least", LEAST))) if cc and mlo else []
        joined = [(cc[a], mlo[b]) for a, b in pairs]
        alone = set(cc + mlo) - {k for pair in joined for k in pair}
        lesions += [*joined, *((k,) for k in sorted(alone))]
    return lesions
