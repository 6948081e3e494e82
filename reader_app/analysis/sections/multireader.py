"""Section ``mrmc``: multi-reader multi-case analyses of the primary endpoint and of the localization figures of merit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.analysis import bootstrap as boot
from reader_app.analysis import covariance as cov
from reader_app.analysis import gallas as gal
from reader_app.analysis import mrmc
from reader_app.analysis.estimate import finite, not_estimable
from reader_app.analysis.sections.context import Context, Row, holm

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Codes = NDArray[np.int64]

KINDS = (mrmc.BOTH, mrmc.CASES, mrmc.READERS)


def mrmc_rows(context: Context) -> list[Row]:
    """Return the multi-reader analyses of the chosen endpoint, for all readers and for each group.

    Conditions that cover only some cases by design are left out: ``final`` stands for them.
    """
    rows: list[Row] = []
    endpoint = context.options.endpoint
    if endpoint == "wafroc":
        return rows  # made from the marks
    for block in context.blocks:
        which = [i for i, c in enumerate(block.conditions) if c not in block.partial]
        names = [block.conditions[i] for i in which]
        for group, readers in context.groups:
            own = block.with_readers(readers)
            for score, ratings in own.ratings() if endpoint == "auc" else [("call", own.call)]:
                values = ratings[which]
                used = np.isfinite(values).any(axis=(0, 1))
                if not used.any():
                    continue
                cluster = None if own.cluster is None else own.cluster[used]
                head = {"endpoint": endpoint, "score": score, **context.keys(block, group)}
                rows += _analyses(context, head, names, values[:, :, used], own.truth[used], cluster)
    return rows


def _analyses(
    context: Context, head: Row, names: list[str], values: FloatArray, truth: BoolArray, cluster: Codes | None
) -> list[Row]:
    """Make all rows of one decision variable; values (I, J, K)."""
    options = context.options
    rows = []
    reason = ""
    n1, n0 = int(truth.sum()), int((~truth).sum())
    if head["endpoint"] == "auc" and (n1 < 2 or n0 < 2):
        reason = "fewer than two malignant or two benign units were read"
    relevant = np.ones_like(truth)
    if head["endpoint"] != "auc":
        relevant = truth if head["endpoint"] == "sensitivity" else ~truth
        if relevant.sum() < 2:
            reason = "fewer than two relevant units were read"
    crossed = bool(np.isfinite(values[:, :, relevant]).all())
    if not reason and not crossed:
        reason = "the design is not fully crossed: a reader lacks a unit under a condition"
    if reason:
        for analysis, label in (("or", _label(context, head)), ("dbm", "jackknife")):
            rows += empty_rows(context, {**head, "analysis": analysis, "covariance": label}, reason)
    else:
        rows += _crossed(
            context, head, names, values[:, :, relevant], truth[relevant], None if cluster is None else cluster[relevant]
        )
    if n1 >= 1 and n0 >= 1 and (crossed or not reason.startswith("fewer")):
        ratings = values if head["endpoint"] == "auc" else gal.binary_ratings(values, truth, head["endpoint"])[0]
        if cluster is not None:
            context.notes.add("Gallas U-statistics take units as independent and ignore --cluster", "mrmc")
        result = gal.gallas(ratings, truth, options.alpha)
        rows += result_rows(context, {**head, "analysis": "gallas", "covariance": "unbiased"}, names, result)
    else:
        rows += empty_rows(context, {**head, "analysis": "gallas", "covariance": "unbiased"}, reason, (mrmc.BOTH,))
    return rows


def _label(context: Context, head: Row) -> str:
    """Return the covariance that is used: DeLong and unbiased exist for areas only."""
    chosen = context.options.covariance
    return chosen if head["endpoint"] == "auc" or chosen == "bootstrap" else "jackknife"


def _crossed(
    context: Context, head: Row, names: list[str], values: FloatArray, truth: BoolArray, cluster: Codes | None
) -> list[Row]:
    """Make the rows of both analyses of a fully crossed design."""
    options = context.options
    i, j, k = values.shape
    label = _label(context, head)
    flat = values.reshape(i * j, k)
    resample: dict[str, Any] = {"draws": options.bootstrap, "seed": options.seed}
    if head["endpoint"] == "auc":
        merit = cov.auc_merit(flat, truth, label, cluster, **resample)
    else:
        right = flat if head["endpoint"] == "sensitivity" else 1 - flat
        merit = cov.mean_merit(right, label, cluster, **resample)
    theta = merit.theta.reshape(i, j)
    result = mrmc.obuchowski_rockette(theta, merit.covariance, merit.method, options.alpha)
    rows = result_rows(context, {**head, "analysis": "or", "covariance": label}, names, result)
    dbm_head = {**head, "analysis": "dbm", "covariance": "jackknife"}
    if cluster is not None:
        return rows + empty_rows(context, dbm_head, "DBM takes units as independent; with --cluster use the analysis 'or'")
    assert merit.leave_one_out is not None
    dbm = mrmc.dbm(theta, merit.leave_one_out.reshape(i, j, k), options.alpha)
    return rows + result_rows(context, dbm_head, names, dbm)


def merit_rows(
    context: Context, head: Row, names: list[str], theta: FloatArray, left_out: FloatArray, cluster: Codes | None
) -> list[Row]:
    """Make the rows of a figure of merit given with its leave-one-out values: theta (I, J), left_out (I, J, n)."""
    i, j, n = left_out.shape
    if n < 2 or not np.isfinite(left_out).all():
        rows = []
        for analysis in ("or", "dbm"):
            empty = {**head, "analysis": analysis, "covariance": "jackknife"}
            rows += empty_rows(context, empty, "a single case carries the figure of merit")
        return rows
    covariance = cov.jackknife(theta.ravel(), left_out.reshape(i * j, n), cluster)
    result = mrmc.obuchowski_rockette(theta, covariance, "jackknife", context.options.alpha)
    rows = result_rows(context, {**head, "analysis": "or", "covariance": "jackknife"}, names, result)
    if cluster is None:
        dbm = mrmc.dbm(theta, left_out, context.options.alpha)
        rows += result_rows(context, {**head, "analysis": "dbm", "covariance": "jackknife"}, names, dbm)
    return rows


def empty_rows(context: Context, head: Row, reason: str, kinds: tuple[str, ...] = KINDS) -> list[Row]:
    """Make rows without values and note the reason."""
    rows = []
    for kind in kinds:
        row = {**head, "generalise": kind}
        context.value(not_estimable("", reason), "mrmc", "f", row)
        blank = dict.fromkeys(("f", "df1", "df2", "p", "components"))
        rows.append({**row, **blank, "conditions": [], "differences": []})
    return rows


def result_rows(context: Context, head: Row, names: list[str], result: mrmc.MrmcResult) -> list[Row]:
    """Turn an analysis into rows; contrasts get Holm's p-values."""
    rows = []
    for analysis in result.analyses:
        row: Row = {**head, "generalise": analysis.generalise}
        row |= {name: finite(getattr(analysis, name)) for name in ("f", "df1", "df2", "p")}
        if analysis.reason:
            context.notes.add(f"f: not estimable, {analysis.reason}", "mrmc", **head, generalise=analysis.generalise)
        row["components"] = result.components
        row["conditions"] = [
            {"condition": name, "mean": context.value(mean, "mrmc", "mean", {**row, "condition": name})}
            for name, mean in zip(names, analysis.means, strict=True)
        ]
        adjusted = holm([c.p for c in analysis.contrasts])
        row["differences"] = [
            _difference(context, row, names, contrast, p_holm)
            for contrast, p_holm in zip(analysis.contrasts, adjusted, strict=True)
        ]
        rows.append(row)
    return rows


def _difference(context: Context, row: Row, names: list[str], contrast: mrmc.Contrast, p_holm: float | None) -> Row:
    pair: Row = {"condition_a": names[contrast.a], "condition_b": names[contrast.b]}
    result = {
        **pair,
        "difference": context.value(contrast.difference, "mrmc", "difference", {**row, **pair}),
        "df": None if contrast.df is None or math.isinf(contrast.df) else contrast.df,
        "t": finite(contrast.t),
        "p": finite(contrast.p),
        "p_holm": p_holm,
    }
    if context.options.margin is not None and row["endpoint"] == context.options.endpoint:
        result["margin"] = context.options.margin
        result["noninferiority"] = mrmc.noninferiority(contrast, context.options.margin)
    return result


def bootstrap_rows(context: Context) -> list[Row]:
    """Return bootstrap intervals of differences of mean areas, with ``--covariance bootstrap`` and crossed designs only."""
    options = context.options
    rows: list[Row] = []
    if options.covariance != "bootstrap" or options.endpoint != "auc":
        return rows
    for block in context.blocks:
        for score, ratings in block.ratings():
            for a, b in context.pairs():
                first, second = ratings[block.conditions.index(a)], ratings[block.conditions.index(b)]
                used = (np.isfinite(first) | np.isfinite(second)).any(axis=0)
                one, two, truth = first[:, used], second[:, used], block.truth[used]
                if not np.isfinite(one).all() or not np.isfinite(two).all() or min(truth.sum(), (~truth).sum()) < 2:
                    continue
                cluster = None if block.cluster is None else block.cluster[used]
                found = boot.mean_area_difference(
                    one, two, truth, cluster, draws=options.bootstrap, seed=options.seed, alpha=options.alpha
                )
                head = {"score": score, "condition_a": a, "condition_b": b, **context.keys(block, None)}
                for resample, estimate in found.items():
                    row = {**head, "resample": resample}
                    rows.append({**row, "difference": context.value(estimate, "bootstrap", "difference", row)})
    return rows
