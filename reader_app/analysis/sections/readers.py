"""Sections ``agreement`` and ``time``."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reader_app.analysis import agreement as agr
from reader_app.analysis import mixed, timing
from reader_app.analysis.blocks import Block
from reader_app.analysis.design import FINAL, MODEL
from reader_app.analysis.estimate import Estimate, finite, not_estimable, two_sided_normal, z_quantile
from reader_app.analysis.reclassification import codes_of
from reader_app.analysis.sections.context import Context, Row

Codes = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: Ranks from here on are readings of cases that came twice within a round (:mod:`reader_app.analysis.design`).
_WITHIN = 1_000

CALLS = ("negative", "positive")


def _call_codes(call: FloatArray) -> Codes:
    return np.asarray(np.where(np.isfinite(call), call, -1), dtype=np.int64)


def _ratings(block: Block) -> tuple[str, Codes, int] | None:
    """Return what agreement is about: assessments where given, else calls; codes (I, J, K) and the number of categories."""
    if np.isfinite(block.rank).any():
        return "assessment", codes_of(block.rank, block.scale), len(block.scale)
    if np.isfinite(block.call).any():
        return "call", _call_codes(block.call), 2
    return None


def agreement_section(context: Context) -> dict[str, list[Row]]:
    """Return all agreement tables.

    ``cohen``, ``fleiss``, ``gwet``, ``krippendorff`` and ``intra_reader`` are about the assessments (over the whole scale) where
    there are any, else about the calls. Pairs with a model stand in ``cohen`` too and are about the calls. ``cohen_call`` is the
    matrix of all readers and models on the binary call.
    """
    tables: dict[str, list[Row]] = {
        name: [] for name in ("cohen", "fleiss", "gwet", "krippendorff", "intra_reader", "cohen_call")
    }
    for block in context.blocks:
        rated = _ratings(block)
        if rated is None:
            context.notes.add("agreement needs assessments or calls", "agreement")
            continue
        on, codes, q = rated
        for i, condition in enumerate(block.conditions):
            head = {"condition": condition, "on": on, **context.keys(block, None)}
            for a, b in combinations(range(len(block.readers)), 2):
                keys = {"a": block.readers[a], "b": block.readers[b], **head}
                tables["cohen"] += _cohen_rows(context, keys, codes[i, a], codes[i, b], q)
            tables["cohen_call"] += _call_matrix(context, block, i)
            for group, readers in context.groups:
                which = [block.readers.index(r) for r in readers]
                _several(context, tables, {**head, "group": group}, codes[i, which].T, q)
        tables["cohen"] += [
            r for r in tables["cohen_call"] if r["condition_b"] == MODEL and r["lesion_type"] == block.lesion_type
        ]
        tables["intra_reader"] += _intra_reader(context, block, on)
    return tables


def _cohen_rows(context: Context, keys: Row, a: Codes, b: Codes, q: int) -> list[Row]:
    if not ((a >= 0) & (b >= 0)).any():
        return []
    table = agr.cross_table(a, b, q)
    rows = []
    for weights in agr.WEIGHTS if q > 2 else ("none",):
        result = agr.cohen(table, weights, context.options.alpha)
        row = {**keys, "weights": weights}
        row["kappa"] = context.value(result.value, "agreement.cohen", "kappa", row)
        row |= {"n": result.n, "z": finite(result.z), "p": finite(result.p), "words": agr.words(result.value.estimate)}
        rows.append(row)
    return rows


def _call_matrix(context: Context, block: Block, i: int) -> list[Row]:
    """Return all pairs of readers and models on the call; ``condition_b`` is "model" where ``b`` is one."""
    calls = _call_codes(block.call[i])
    models = _call_codes(block.model_call)
    head = {"condition": block.conditions[i], "on": "call", **context.keys(block, None)}
    rows = []
    names = [(r, calls[j], block.conditions[i]) for j, r in enumerate(block.readers)]
    names += [(m, models[n], MODEL) for n, m in enumerate(block.models)]
    for (a, one, _), (b, two, kind) in combinations(names, 2):
        rows += _cohen_rows(context, {"a": a, "b": b, **head, "condition_b": kind}, one, two, 2)
    return rows


def _several(context: Context, tables: dict[str, list[Row]], head: Row, codes: Codes, q: int) -> None:
    """Add the coefficients of several raters; ``codes`` (K, J)."""
    rated = codes[(codes >= 0).any(axis=1)]
    if rated.shape[1] < 2 or not len(rated):
        return
    alpha = context.options.alpha
    result = agr.fleiss(codes, q, alpha)
    if result.n < len(rated):
        text = f"Fleiss' kappa uses the {result.n} of {len(rated)} units that every reader rated"
        context.notes.add(text, "agreement.fleiss", condition=head["condition"], group=head["group"])
    row = {**head, "raters": rated.shape[1], "n": result.n, "z": finite(result.z), "p": finite(result.p)}
    row["kappa"] = context.value(result.value, "agreement.fleiss", "kappa", row)
    row["words"] = agr.words(result.value.estimate)
    tables["fleiss"].append(row)
    ordered = ("none",) if q == 2 else agr.WEIGHTS
    for weights in ordered:
        n, estimate = agr.gwet(codes, q, weights, alpha)
        row = {**head, "raters": rated.shape[1], "n": n, "weights": weights}
        row["coefficient"] = context.value(estimate, "agreement.gwet", "coefficient", row)
        tables["gwet"].append(row)
    for weights in (*ordered, *(("ordinal",) if q > 2 else ())):
        n, estimate = agr.krippendorff(codes, q, weights, alpha)
        row = {**head, "raters": rated.shape[1], "n": n, "weights": weights}
        row["alpha"] = context.value(estimate, "agreement.krippendorff", "alpha", row)
        tables["krippendorff"].append(row)


def _intra_reader(context: Context, block: Block, on: str) -> list[Row]:
    """Compare the rounds in which a reader read the same units under one condition."""
    frame = context.design.repeats
    if block.lesion_type is not None:
        frame = frame[(frame["lesion_type"] == block.lesion_type).to_numpy()]
    column, q = ("rank", len(block.scale)) if on == "assessment" else ("call", 2)
    second = {"case": [], "breast": ["laterality"], "lesion": ["lesion_id"]}[block.level]
    rows = []
    for (reader, condition), own in frame.groupby(["reader_id", "condition"], sort=True):
        best = own.groupby(["round_rank", "round", "case_id", *second])[column].max()
        rounds = sorted({(r, name) for r, name, *_ in best.index})
        for (rank_a, a), (rank_b, b) in combinations(rounds, 2):
            if (rank_a >= _WITHIN or rank_b >= _WITHIN) and rank_a // 10 != rank_b // 10:
                continue  # a second reading within a round, and another round
            both = pd.concat([best.xs((rank_a, a)), best.xs((rank_b, b))], axis=1, join="inner").dropna().to_numpy(dtype=float)
            one, two = (codes_of(v, block.scale) if on == "assessment" else _call_codes(v) for v in both.T)
            keys = {"reader_id": str(reader), "condition": str(condition), "round_a": str(a), "round_b": str(b), "on": on}
            rows += _cohen_rows(context, {**keys, **context.keys(block, context.group_of(str(reader)))}, one, two, q)
    return rows


def time_section(context: Context) -> dict[str, Any]:
    """Return descriptions, paired tests and the mixed model of reading times (seconds, one a case).

    Paired tests of one reader are over cases; those of several readers are over the readers' mean times (of the cases that they
    read under both conditions), which is what generalises to readers.

    The times of the derived condition ``final`` are left out: they are those of the rounds it is made from.
    """
    design = context.design
    frame = design.reads[(design.reads["condition"] != FINAL).to_numpy() & design.reads["reading_time_s"].notna().to_numpy()]
    empty = {"formula": None, "ratio": not_estimable("mixed model", "").as_json(), "p": None, "variance": None}
    if frame.empty:
        return {"by_reader": [], "paired": [], "model": empty, "models": [], "learning": []}
    conditions = tuple(c for c in design.conditions if c != FINAL)
    cases = sorted(set(frame["case_id"]))
    times = _arrange(frame, "reading_time_s", conditions, design.readers, cases)
    position = _arrange(frame, "position", conditions, design.readers, cases)
    keys = {"lesion_type": None, "level": "case"}
    by_reader, paired, learning = [], [], []
    for i, condition in enumerate(conditions):
        for j, reader in enumerate(design.readers):
            head = {"reader_id": reader, "condition": condition, "group": context.group_of(reader), **keys}
            by_reader += _described(head, times[i, j])
            slope, p, n = timing.learning(position[i, j], times[i, j])
            if slope is not None:
                learning.append({**head, "n": n, "slope_per_10_cases": slope, "p": p})
        for group, readers in context.groups:
            which = [design.readers.index(r) for r in readers]
            by_reader += _described({"reader_id": None, "condition": condition, "group": group, **keys}, times[i, which].ravel())
    for a, b in combinations(range(len(conditions)), 2):
        pair = {"condition_a": conditions[a], "condition_b": conditions[b]}
        for j, reader in enumerate(design.readers):
            head = {"reader_id": reader, **pair, "group": context.group_of(reader), **keys, "over": "cases"}
            paired += _paired(context, head, times[a, j], times[b, j])
        for group, readers in context.groups:
            which = [design.readers.index(r) for r in readers]
            both = np.isfinite(times[a, which]) & np.isfinite(times[b, which])
            means = [_masked_mean(times[i, which], both) for i in (a, b)]
            paired += _paired(context, {"reader_id": None, **pair, "group": group, **keys, "over": "readers"}, *means)
    models = []
    for group, readers in context.groups:
        which = [design.readers.index(r) for r in readers]
        for a, b in combinations(range(len(conditions)), 2):
            models.append(_model(context, times[[a, b]][:, which], (conditions[a], conditions[b]), {"group": group, **keys}))
    return {
        "by_reader": by_reader,
        "paired": paired,
        "model": models[0] if models else empty,
        "models": models,
        "learning": learning,
    }


def _arrange(
    frame: pd.DataFrame, column: str, conditions: tuple[str, ...], readers: tuple[str, ...], cases: list[str]
) -> FloatArray:
    values = np.full((len(conditions), len(readers), len(cases)), np.nan)
    codes = [
        frame[name].map({v: n for n, v in enumerate(order)}).to_numpy(dtype=np.int64)
        for name, order in (("condition", conditions), ("reader_id", readers), ("case_id", cases))
    ]
    np.fmax.at(values, tuple(codes), frame[column].to_numpy(dtype=float))
    return values


def _masked_mean(values: FloatArray, keep: NDArray[np.bool_]) -> FloatArray:
    """Return the mean time of each reader over the kept cases; NaN for a reader without any."""
    n = keep.sum(axis=1)
    total = np.where(keep, values, 0.0).sum(axis=1)
    return np.asarray(np.where(n > 0, total / np.maximum(n, 1), np.nan))


def _described(head: Row, times: FloatArray) -> list[Row]:
    d = timing.describe(times)
    if d.n == 0:
        return []
    parts = {name: getattr(d, name) for name in ("n", "mean", "sd", "median", "q1", "q3", "min", "max")}
    return [{**head, **parts}]


def _paired(context: Context, head: Row, first: FloatArray, second: FloatArray) -> list[Row]:
    """Make the rows of both tests: over the cases of one reader, or over the readers' mean times."""
    if not (np.isfinite(first) & np.isfinite(second)).any():
        return []
    rows = []
    for result in (timing.paired_t(first, second, context.options.alpha), timing.wilcoxon(first, second, context.options.alpha)):
        row = {**head, "test": result.test}
        row |= {"n": result.n, "statistic": finite(result.statistic), "df": finite(result.df), "p": finite(result.p)}
        row["difference"] = context.value(result.difference, "time.paired", "difference", row)
        rows.append(row)
    return rows


def _model(context: Context, times: FloatArray, pair: tuple[str, str], head: Row) -> Row:
    """Fit the mixed model of log time to two conditions; the ratio is that of condition_a to condition_b."""
    method = "mixed model, REML, normal"
    formula = f"log(reading_time_s) ~ condition + (1 | reader_id) + (1 | case_id); ratio = {pair[0]} / {pair[1]}"
    keys = {"condition_a": pair[0], "condition_b": pair[1], **head}
    i, j, k = np.nonzero(np.isfinite(times))
    fitted = None
    reason = "there are too few reads, or no variation"
    if len(set(i.tolist())) == 2:
        y = np.log(times[i, j, k])
        x = np.column_stack([np.ones(len(y)), (i == 0).astype(float)])
        fitted = mixed.fit(y, x, np.unique(j, return_inverse=True)[1], np.unique(k, return_inverse=True)[1])
    if fitted is None:
        ratio = context.value(not_estimable(method, reason), "time.model", "ratio", keys)
        return {**keys, "formula": formula, "ratio": ratio, "p": None, "variance": None}
    beta, se = float(fitted.beta[1]), float(fitted.se[1])
    q = z_quantile(context.options.alpha)
    value = np.exp([beta, beta - q * se, beta + q * se])
    estimate = Estimate(float(value[0]), float(value[0]) * se, float(value[1]), float(value[2]), method)
    variance = {"reader": fitted.reader, "case": fitted.case, "residual": fitted.residual}
    return {
        **keys,
        "formula": formula,
        "ratio": estimate.as_json(),
        "p": two_sided_normal(beta / se),
        "variance": variance,
    }
