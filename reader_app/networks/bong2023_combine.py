"""bong2023's combined models: logistic regression and a decision tree on (image score, clinical score), kept as plain JSON.

Fitted with scikit-learn on the validation lesions, applied without it. A combined model is heard only about lesions that the
image model calls benign: it can raise a call, never lower one. The printed specificity of the paper's tree (54, then 55 of 60
benign) cannot come from such a rule; it is not reproduced here.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reader_app.networks import training

Double = NDArray[np.float64]
Bool = NDArray[np.bool_]

KINDS: tuple[str, ...] = ("logistic", "tree")
INPUTS: tuple[str, str] = ("image_score", "clinical_score")


def fit_logistic(scores: ArrayLike, truth: ArrayLike) -> dict[str, Any]:
    """Return the logistic regression of scores (N, 2) on the truth (N,) as JSON values."""
    from sklearn.linear_model import LogisticRegression

    x, y = np.asarray(scores, float), np.asarray(truth, bool)
    fitted = LogisticRegression(C=10.0, max_iter=1000).fit(x, y)
    return {
        "kind": "logistic",
        "inputs": list(INPUTS),
        "coefficients": [float(v) for v in fitted.coef_[0]],
        "intercept": float(fitted.intercept_[0]),
    }


def fit_tree(scores: ArrayLike, truth: ArrayLike, seed: int = 1) -> dict[str, Any]:
    """Return a decision tree of at most three levels (at least five lesions a leaf) as JSON values."""
    from sklearn.tree import DecisionTreeClassifier

    x, y = np.asarray(scores, float), np.asarray(truth, bool)
    fitted = DecisionTreeClassifier(max_depth=3, min_samples_leaf=min(5, max(1, len(y) // 4)), random_state=seed).fit(x, y)
    made = fitted.tree_

    def node(number: int) -> dict[str, Any]:
        left, right = int(made.children_left[number]), int(made.children_right[number])
        if left < 0:
            counts = made.value[number][0]
            share = float(counts[list(fitted.classes_).index(True)] / counts.sum()) if True in fitted.classes_ else 0.0
            return {"probability": share}
        return {
            "input": int(made.feature[number]),
            "at_most": float(made.threshold[number]),
            "then": node(left),
            "else": node(right),
        }

    return {"kind": "tree", "inputs": list(INPUTS), "root": node(0)}


def probability(model: Mapping[str, Any], scores: ArrayLike) -> Double:
    """Return a stored model's probability of cancer (N,) of scores (N, 2)."""
    x = np.atleast_2d(np.asarray(scores, float))
    if model["kind"] == "logistic":
        z = x @ np.asarray(model["coefficients"], float) + float(model["intercept"])
        return np.asarray(1 / (1 + np.exp(-np.clip(z, -500, 500))), float)
    # scikit-learn compares in single precision
    single = x.astype(np.float32)
    return np.array([_leaf(model["root"], row) for row in single], float)


def _leaf(node: Mapping[str, Any], row: NDArray[np.float32]) -> float:
    while "probability" not in node:
        node = node["then"] if row[int(node["input"])] <= float(node["at_most"]) else node["else"]
    return float(node["probability"])


def final(model: Mapping[str, Any], scores: ArrayLike, image_threshold: float, threshold: float) -> Double:
    """Return the final probability (N,): the combined model's, raised to its threshold where the image model says cancer.

    So the final call, ``final >= threshold``, is malignant where the image model says so, and else what the combined model says.
    """
    x = np.atleast_2d(np.asarray(scores, float))
    combined = probability(model, x)
    return np.where(x[:, 0] >= image_threshold, np.maximum(combined, threshold), combined)


def settle(scores: ArrayLike, truth: ArrayLike, seed: int) -> dict[str, Any]:
    """Fit both combined models and choose all operating points by Youden's index, with bootstrap intervals.

    The combined threshold maximises the index of the final call, with the image model's malignant calls standing.

    Returns
    -------
    dict
        "image" (its operating point), "logistic" and "tree" (model, operating point).
    """
    x, y = np.asarray(scores, float), np.asarray(truth, bool)
    image = training.youden(x[:, 0], y, seed)
    called = x[:, 0] >= image["threshold"]
    out: dict[str, Any] = {"image": {"point": image}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        models = {"logistic": fit_logistic(x, y), "tree": fit_tree(x, y, seed)}
    for name, model in models.items():
        out[name] = {"model": model, "point": training.youden(np.where(called, 1.0, probability(model, x)), y, seed)}
    return out
