"""The t-SNE map of a model's embeddings (lu2025's Figure 3): places, how alike neighbours are, a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reader_app.analysis.association import embed

TITLE = "Figure 3. t-SNE of the embeddings"

#: t-SNE of more cases than this takes minutes and shows no more; of fewer than this it shows nothing.
MOST, LEAST = 3000, 4

#: What the two classes are called, by model.
CLASSES = {"DLR_LH": ("BI-RADS 2/3", "BI-RADS 4/5")}


def embedding_maps(known: Mapping[str, Mapping[str, tuple[ArrayLike, bool]]]) -> list[dict[str, Any]]:
    """Return one map a model: "model_id", "classes", "neighbour_alike", "points" ([case_id, x, y, class]).

    "neighbour_alike" is the share of cases whose nearest neighbour among the embeddings themselves (not on the map) is of their
    class; "alike_by_chance" what it would be if embeddings said nothing.
    """
    out = []
    for model, cases in known.items():
        vectors = np.array([np.ravel(np.asarray(v, float)) for v, _ in cases.values()])
        truth = np.array([bool(t) for _, t in cases.values()])
        if not LEAST <= len(vectors) <= MOST:
            continue
        places = embed(vectors)
        points = [[case, float(x), float(y), int(t)] for case, (x, y), t in zip(cases, places, truth, strict=True)]
        chance = float((truth.mean() ** 2) + (1 - truth.mean()) ** 2)
        row = {"model_id": model, "classes": list(CLASSES.get(model, ("benign", "malignant")))}
        out.append(row | {"neighbour_alike": alike(vectors, truth), "alike_by_chance": chance, "points": points})
    return out


def alike(vectors: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the share of rows whose nearest other row is of their class."""
    square = (vectors**2).sum(1)
    apart = square[:, None] + square[None] - 2 * vectors @ vectors.T
    np.fill_diagonal(apart, np.inf)
    return float((truth[apart.argmin(1)] == truth).mean())


def in_words(maps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the maps as lines of text."""
    if not maps:
        return []
    lines = [TITLE]
    for row in maps:
        near, chance = 100 * row["neighbour_alike"], 100 * row["alike_by_chance"]
        text = f"{near:.0f} % have a nearest neighbour of their own class ({chance:.0f} % by chance)"
        lines.append(f"  {row['model_id']}: {len(row['points'])} cases, {text}")
    return [*lines, "  Note: the map itself is drawn with --out; the paper prints a picture and no figure.", ""]


def draw(maps: Sequence[Mapping[str, Any]], path: Path, source: str) -> None:
    """Draw the maps side by side into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(maps), 4.9), dpi=150, layout="constrained")
    for axes, row in zip(figure.subplots(1, len(maps), squeeze=False)[0], maps, strict=True):
        for value, colour, marker in ((0, "#0072B2", "o"), (1, "#D55E00", "^")):
            own = [p for p in row["points"] if p[3] == value]
            label = f"{row['classes'][value]} ({len(own)})"
            x, y = [p[1] for p in own], [p[2] for p in own]
            axes.scatter(x, y, s=16, c=colour, marker=marker, linewidths=0.3, edgecolors="white", label=label)
        axes.set(xticks=[], yticks=[], title=row["model_id"])
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=2, frameon=False)
    figure.suptitle(f"{TITLE}, internal cases; not comparable with the paper's.\n{source}", fontsize=8)
    figure.savefig(path)
