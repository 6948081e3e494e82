"""Tables of association: clinical and lexicon features against a two-group outcome, and the baseline table of a study.

As Lu et al. (Quant Imaging Med Surg 2025;15:2512, Table 2) print them: mean and SD with t and Mann-Whitney tests, counts with the
chi-square test (continuity-corrected for 2 x 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from reader_app.analysis.estimate import finite

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

#: A column whose filled cells are all numbers with more distinct values than this is taken as a measurement.
MAX_LEVELS = 6


def association_table(features: pd.DataFrame, outcome: Sequence[str], groups: tuple[str, str]) -> list[Row]:
    """Return one row for each feature (and one for each of its categories) against an outcome of two groups.

    Parameters
    ----------
    features
        Text cells, one column a feature; blank = unknown, left out of its test.
    outcome
        Group of each row; rows of other groups are left out.
    groups
        The two groups, in the order of the columns.

    Returns
    -------
    list of dict
        ``variable, category, total, groups`` (texts as printed, by group), ``kind`` ("number", "category", "level"), ``test``,
        ``p``; for numbers also ``p_t`` and ``p_mann_whitney``, for categories ``p_chi_square`` and, for 2 x 2, ``p_fisher``.
        Levels carry no test of their own.
    """
    where = np.asarray(outcome, dtype=str)
    masks = [where == g for g in groups]
    rows: list[Row] = []
    for name in features.columns:
        cells = features[name].astype(str).str.strip()
        filled = (cells != "").to_numpy() & (masks[0] | masks[1])
        if not filled.any():
            rows.append(_row(str(name), "", "category", "", ["", ""], None, "no values"))
            continue
        values = pd.to_numeric(cells.where(filled), errors="coerce").to_numpy(dtype=float)
        numeric = bool(np.isfinite(values[filled]).all()) and len(np.unique(values[filled])) > MAX_LEVELS
        rows += _measured(str(name), values, masks) if numeric else _counted(str(name), cells.to_numpy(dtype=str), filled, masks)
    return rows


def _row(
    variable: str, category: str, kind: str, total: str, groups: Sequence[str], p: float | None, test: str, **more: Any
) -> Row:
    return {
        "variable": variable,
        "category": category,
        "kind": kind,
        "total": total,
        "groups": list(groups),
        "test": test,
        "p": finite(p),
        **more,
    }


def _measured(name: str, values: FloatArray, masks: Sequence[NDArray[np.bool_]]) -> list[Row]:
    """Describe a measurement; the test is Student's t where both groups pass Shapiro and Wilk at 5 %, else Mann-Whitney."""
    parts = [values[m & np.isfinite(values)] for m in masks]
    texts = [_mean_sd(p) for p in (np.concatenate(parts), *parts)]
    if min(len(p) for p in parts) < 2 or np.ptp(np.concatenate(parts)) == 0:
        return [
            _row(
                name,
                "",
                "number",
                texts[0],
                texts[1:],
                None,
                "not estimable: too few or equal values",
                p_t=None,
                p_mann_whitney=None,
            )
        ]
    p_t = finite(float(stats.ttest_ind(parts[0], parts[1]).pvalue))
    p_u = finite(float(stats.mannwhitneyu(parts[0], parts[1], alternative="two-sided").pvalue))
    normal = all(3 <= len(p) <= 5000 and np.ptp(p) > 0 and stats.shapiro(p).pvalue >= 0.05 for p in parts)
    chosen, test = (p_t, "Student's t") if normal else (p_u, "Mann-Whitney U")
    return [_row(name, "", "number", texts[0], texts[1:], chosen, test, p_t=p_t, p_mann_whitney=p_u)]


def _mean_sd(values: FloatArray) -> str:
    if not len(values):
        return ""
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}" if len(values) > 1 else f"{values[0]:.2f}"


def _counted(name: str, cells: NDArray[np.str_], filled: NDArray[np.bool_], masks: Sequence[NDArray[np.bool_]]) -> list[Row]:
    levels = sorted(set(cells[filled]))
    table = np.array([[int((filled & m & (cells == level)).sum()) for m in masks] for level in levels])
    p, test, more = categorical_tests(table)
    sums = table.sum(axis=0)
    rows = [_row(name, "", "category", str(int(table.sum())), [str(int(s)) for s in sums], p, test, **more)]
    for level, counts in zip(levels, table, strict=True):
        texts = [_share(int(c), int(s)) for c, s in zip(counts, sums, strict=True)]
        rows.append(_row(name, str(level), "level", _share(int(counts.sum()), int(table.sum())), texts, None, ""))
    return rows


def _share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.2f})" if of else "0"


def categorical_tests(table: NDArray[np.int64]) -> tuple[float | None, str, dict[str, float | None]]:
    """Return the chosen p-value, its test and all p-values of a table of counts (levels, 2).

    The chi-square test, continuity-corrected for 2 x 2; Fisher's exact test is chosen for 2 x 2 with an expected count below 5.
    """
    used = table[table.sum(axis=1) > 0]
    if len(used) < 2 or (used.sum(axis=0) == 0).any():
        return None, "not estimable: one level or one group only", {"p_chi_square": None}
    result = stats.chi2_contingency(used, correction=True)
    p = finite(float(result.pvalue))
    if used.shape != (2, 2):
        return p, "chi-square", {"p_chi_square": p}
    exact = finite(float(stats.fisher_exact(used).pvalue))
    small = bool((result.expected_freq < 5).any())
    return (
        (exact if small else p),
        ("Fisher's exact" if small else "chi-square, corrected"),
        {"p_chi_square": p, "p_fisher": exact},
    )


def embed(vectors: FloatArray, seed: int = 1, perplexity: float = 30.0) -> FloatArray:
    """Return a t-SNE map (n, 2) of embeddings (n, d); equal seeds give equal maps on one machine.

    The perplexity is lowered for small samples, as the method needs it (below n / 3).

    Raises
    ------
    ValueError
        With fewer than four vectors or values that are not finite.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-not-found,import-untyped,unused-ignore]

    if vectors.ndim != 2 or len(vectors) < 4:
        raise ValueError("a map needs four vectors or more")
    if not np.isfinite(vectors).all():
        raise ValueError("the embeddings hold values that are not finite")
    fitting = min(perplexity, max(1.0, math.floor((len(vectors) - 1) / 3)))
    model = TSNE(n_components=2, perplexity=fitting, init="pca" if vectors.shape[1] > 1 else "random", random_state=seed)
    with threadpool_limits(1):  # threads that wait for each other cost far more than they save on a busy machine
        return np.asarray(model.fit_transform(vectors.astype(np.float32)), dtype=np.float64)
