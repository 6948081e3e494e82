"""Sections ``accuracy``, ``roc``, ``roc_paired``, ``mcnemar`` and ``decision_curve``."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from reader_app.analysis import accuracy as acc
from reader_app.analysis import mcnemar as mcn
from reader_app.analysis import roc
from reader_app.analysis.blocks import Block
from reader_app.analysis.design import MODEL
from reader_app.analysis.estimate import finite, normal_estimate, not_estimable, two_sided_normal
from reader_app.analysis.sections.context import Context, Row
from reader_app.study.assessment import rank

FloatArray = NDArray[np.float64]

_MEASURES = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1", "youden_index")


def accuracy_rows(context: Context) -> list[Row]:
    """Return the accuracy of every reader, of the readers pooled, and of every model.

    Pooled rows sum the counts; their intervals take the reads of one case by several readers as one cluster.
    """
    rows = []
    for block in context.blocks:
        if not np.isfinite(block.call).any():
            context.notes.add("no call or assessment was given: accuracy is not estimable", "accuracy")
        for i, condition in enumerate(block.conditions):
            for j, _, head in context.individuals(block):
                if np.isfinite(block.call[i, j]).any():
                    rows.append(_accuracy_row(context, {**head, "condition": condition}, block, block.call[i, j]))
            for readers, head in context.pooled(block):
                stacked = block.call[i, readers]
                if np.isfinite(stacked).any():
                    rows.append(_accuracy_row(context, {**head, "condition": condition}, block, stacked))
        for m, model in enumerate(block.models):
            if np.isfinite(block.model_call[m]).any():
                head = {"reader_id": model, **context.keys(block, None), "condition": MODEL}
                rows.append(_accuracy_row(context, head, block, block.model_call[m]))
    return rows


def _accuracy_row(context: Context, head: Row, block: Block, call: FloatArray) -> Row:
    """Make a row from calls of one reader (K,) or of several (J, K)."""
    options = context.options
    several = call.ndim == 2 and call.shape[0] > 1
    flat = call.ravel()
    copies = call.size // len(block.truth)
    truth = np.tile(block.truth, copies)
    cluster = block.cluster if block.cluster is not None else (block.case if several else None)
    if cluster is None:
        result = acc.accuracy(acc.count(flat, truth), options.ci, options.alpha)
    else:
        result = acc.clustered_accuracy(flat, truth, np.tile(cluster, copies), options.ci, options.alpha)
    counts = result.counts
    row = {**head, "tp": counts.tp, "fp": counts.fp, "tn": counts.tn, "fn": counts.fn}
    for name in _MEASURES:
        row[name] = context.value(getattr(result, name), "accuracy", name, head)
    return row


def roc_rows(context: Context) -> list[Row]:
    """Return the ROC of every reader and model, and for the readers together the vertical average curve.

    A pooled row holds the mean of the readers' areas with its DeLong interval for these readers (readers fixed).
    """
    rows = []
    for block in context.blocks:
        for score, ratings in block.ratings():
            labels = _labels(block, score)
            for i, condition in enumerate(block.conditions):
                for j, _, head in context.individuals(block):
                    if np.isfinite(ratings[i, j]).any():
                        keys = {**head, "condition": condition, "score": score}
                        rows.append(_roc_row(context, keys, block, ratings[i, j], labels))
                for readers, head in context.pooled(block):
                    keys = {**head, "condition": condition, "score": score}
                    row = _average_row(context, keys, block, ratings[i, readers])
                    if row is not None:
                        rows.append(row)
        for m, model in enumerate(block.models):
            head = {"reader_id": model, **context.keys(block, None), "condition": MODEL}
            for score, values in (("score", block.probability[m]), ("call", block.model_call[m])):
                if np.isfinite(values).any():
                    rows.append(_roc_row(context, {**head, "score": score}, block, values, float))
    return rows


def _labels(block: Block, score: str) -> Callable[[float], float | str]:
    """Return what turns a threshold into its text: the category for assessments, else the number."""
    if score != "assessment":
        return float
    names = {rank(c): c for c in reversed(block.scale)}
    return lambda value: names.get(round(value), str(value))


def _roc_row(context: Context, head: Row, block: Block, ratings: FloatArray, label: Callable[[float], float | str]) -> Row:
    alpha = context.options.alpha
    row = dict(head)
    row["auc"] = context.value(roc.auc(ratings, block.truth, block.cluster, alpha), "roc", "auc", head)
    row["auc_hanley_mcneil"] = context.value(roc.hanley_mcneil(ratings, block.truth, alpha), "roc", "auc_hanley_mcneil", head)
    points = roc.curve(ratings, block.truth)
    row["points"], row["youden"] = [], None
    if points is not None:
        row["points"] = [
            [float(x), float(y), label(float(t)) if math.isfinite(t) else None]
            for x, y, t in zip(points.fpr, points.tpr, points.threshold, strict=True)
        ]
        best = roc.youden(points)
        row["youden"] = {
            "threshold": label(best.threshold),
            "sensitivity": best.sensitivity,
            "specificity": best.specificity,
            "j": best.j,
            "other_thresholds": [label(t) for t in best.others],
        }
    return row


def _average_row(context: Context, head: Row, block: Block, ratings: FloatArray) -> Row | None:
    every = [roc.curve(r, block.truth) for r in ratings]
    curves = [c for c in every if c is not None]
    if not curves:
        return None
    if len(curves) < len(every):
        context.notes.add("readers without benign or without malignant units are left out of the mean", "roc", **head)
        ratings = ratings[[c is not None for c in every]]
    method = "mean of readers, readers fixed, " + ("delong" if block.cluster is None else "clustered (Obuchowski 1997)")
    areas, covariance = roc.partial_covariance(ratings, block.truth, block.cluster)
    row = dict(head)
    estimate = normal_estimate(float(areas.mean()), float(covariance.mean()), method, context.options.alpha, low=0.0, high=1.0)
    row["auc"] = context.value(estimate, "roc", "auc", head)
    row["auc_hanley_mcneil"] = not_estimable("hanley-mcneil (nonparametric)", "").as_json()
    fpr, tpr = roc.average_curve(curves)
    row["points"] = [[float(x), float(y), None] for x, y in zip(fpr, tpr, strict=True)]
    best = int(np.argmax(tpr - fpr))
    row["youden"] = {
        "threshold": None,
        "sensitivity": float(tpr[best]),
        "specificity": float(1 - fpr[best]),
        "j": float(tpr[best] - fpr[best]),
        "other_thresholds": [],
    }
    return row


def roc_paired_rows(context: Context) -> list[Row]:
    """Return paired comparisons of areas: conditions of one reader, readers with models, models among each other.

    Comparisons with a model have ``condition_b`` "model" and its id in ``model_id``. Pooled rows compare the mean areas of
    these readers (readers fixed).
    """
    rows = []
    for block in context.blocks:
        for score, ratings in block.ratings():
            for j, _, head in context.individuals(block):
                for a, b in context.pairs():
                    first, second = ratings[block.conditions.index(a), j], ratings[block.conditions.index(b), j]
                    rows += _compare(context, head, score, block, (a, first), (b, second), None)
                if score != "call":
                    for m, model in enumerate(block.models):
                        for i, condition in enumerate(block.conditions):
                            pair = (condition, ratings[i, j]), (MODEL, block.probability[m])
                            rows += _compare(context, head, score, block, *pair, model)
            for readers, head in context.pooled(block):
                rows += _compare_means(context, head, score, block, ratings[:, readers])
        for m, n in combinations(range(len(block.models)), 2):
            head = {"reader_id": block.models[m], **context.keys(block, None)}
            pair = (MODEL, block.probability[m]), (MODEL, block.probability[n])
            rows += _compare(context, head, "score", block, *pair, block.models[n])
    return rows


def _compare(
    context: Context,
    head: Row,
    score: str,
    block: Block,
    first: tuple[str, FloatArray],
    second: tuple[str, FloatArray],
    model: str | None,
) -> list[Row]:
    if not (np.isfinite(first[1]) & np.isfinite(second[1])).any():
        return []
    keys = {**head, "score": score, "condition_a": first[0], "condition_b": second[0], "model_id": model}
    result = roc.compare(first[1], second[1], block.truth, block.cluster, context.options.alpha)
    difference = context.value(result.difference, "roc_paired", "difference", keys)
    return [{**keys, "difference": difference, "z": finite(result.z), "p": finite(result.p)}]


def _compare_means(context: Context, head: Row, score: str, block: Block, ratings: FloatArray) -> list[Row]:
    rows = []
    for a, b in context.pairs():
        both = ratings[[block.conditions.index(a), block.conditions.index(b)]]
        both = np.where(np.isfinite(both).all(axis=0), both, np.nan)
        flat = both.reshape(-1, both.shape[-1])
        if any(roc.curve(r, block.truth) is None for r in flat):
            continue
        areas, covariance = roc.partial_covariance(flat, block.truth, block.cluster)
        n = both.shape[1]
        contrast = np.repeat([1 / n, -1 / n], n)
        method = "mean of readers, readers fixed, paired"
        estimate = normal_estimate(
            float(contrast @ areas), float(contrast @ covariance @ contrast), method, context.options.alpha
        )
        keys = {**head, "score": score, "condition_a": a, "condition_b": b, "model_id": None}
        z = estimate.estimate / estimate.se if estimate.se and estimate.estimate is not None else None
        difference = context.value(estimate, "roc_paired", "difference", keys)
        rows.append({**keys, "difference": difference, "z": z, "p": None if z is None else two_sided_normal(z)})
    return rows


def mcnemar_rows(context: Context) -> list[Row]:
    """Return McNemar's tests of conditions, of readers with models, and of models; pooled rows add ``p_clustered``."""
    rows = []
    for block in context.blocks:
        truth = block.truth
        right = np.where(np.isfinite(block.call), (block.call == truth).astype(float), np.nan)
        model = np.where(np.isfinite(block.model_call), (block.model_call == truth).astype(float), np.nan)
        for j, _, head in context.individuals(block):
            for a, b in context.pairs():
                i, k = block.conditions.index(a), block.conditions.index(b)
                keys = {**head, "condition_a": a, "condition_b": b, "model_id": None}
                rows += _mcnemar_of(context, keys, block, right[i, j], right[k, j])
            for m, name in enumerate(block.models):
                for i, condition in enumerate(block.conditions):
                    keys = {**head, "condition_a": condition, "condition_b": MODEL, "model_id": name}
                    rows += _mcnemar_of(context, keys, block, right[i, j], model[m])
        for readers, head in context.pooled(block):
            for a, b in context.pairs():
                i, k = block.conditions.index(a), block.conditions.index(b)
                keys = {**head, "condition_a": a, "condition_b": b, "model_id": None}
                rows += _mcnemar_of(context, keys, block, right[i, readers], right[k, readers])
        for m, n in combinations(range(len(block.models)), 2):
            keys = {"reader_id": block.models[m], **context.keys(block, None)}
            keys |= {"condition_a": MODEL, "condition_b": MODEL, "model_id": block.models[n]}
            rows += _mcnemar_of(context, keys, block, model[m], model[n])
    return rows


def _mcnemar_of(context: Context, keys: Row, block: Block, first: FloatArray, second: FloatArray) -> list[Row]:
    """Make the three rows of a pair; arrays (K,) of one reader or (J, K) of several."""
    first, second = np.atleast_2d(first), np.atleast_2d(second)
    if not (np.isfinite(first) & np.isfinite(second)).any():
        return []
    if len(first) > 1:
        context.notes.add(
            "pooled McNemar tests: p is exact for the summed counts and ignores that several readers read the same cases; "
            "p_clustered does not",
            "mcnemar",
        )
    cluster = block.cluster if block.cluster is not None else (block.case if len(first) > 1 else None)
    rows = []
    for measure, where in (
        ("sensitivity", block.truth),
        ("specificity", ~block.truth),
        ("accuracy", np.ones_like(block.truth)),
    ):
        one, two = first[:, where].ravel(), second[:, where].ravel()
        result = mcn.paired(one, two)
        if result.p_asymptotic is None:
            context.notes.add("p_asymptotic: not estimable, there are no discordant pairs", "mcnemar", measure=measure, **keys)
        clustered = None if cluster is None else mcn.clustered(one, two, np.tile(cluster[where], len(first)))
        rows.append(
            {
                **keys,
                "measure": measure,
                "b": result.b,
                "c": result.c,
                "p": result.p,
                "p_asymptotic": result.p_asymptotic,
                "p_clustered": clustered,
            }
        )
    return rows


def decision_curve_rows(context: Context) -> list[Row]:
    """Return net benefit over thresholds 0.01 to 0.99 of every model's probability and every reader's call.

    References
    ----------
    Vickers AJ, Elkin EB. Decision curve analysis. Med Decis Making 2006;26:565.
    """
    rows = []
    thresholds = np.arange(1, 100) / 100
    for block in context.blocks:
        keys = context.keys(block, None)
        for m, model in enumerate(block.models):
            values = block.probability[m]
            if np.isfinite(values).any() and (np.nanmin(values) < 0 or np.nanmax(values) > 1):
                context.notes.add(
                    f"decision curve: the predictions of {model} are not probabilities", "decision_curve", predictor=model
                )
                continue
            rows += _net_benefit_rows(keys, model, values, block.truth, thresholds)
        for i, condition in enumerate(block.conditions):
            for j, reader, head in context.individuals(block):
                row_keys = {k: head[k] for k in ("group", "lesion_type", "level")}
                rows += _net_benefit_rows(row_keys, f"{reader}, {condition}", block.call[i, j], block.truth, thresholds)
    return rows


def net_benefit(positive: FloatArray, truth: NDArray[np.bool_], threshold: float) -> float:
    """Return TP / n - FP / n * t / (1 - t) of 0/1 decisions (K,)."""
    n = len(truth)
    tp, fp = float((positive * truth).sum()), float((positive * ~truth).sum())
    return tp / n - fp / n * threshold / (1 - threshold)


def _net_benefit_rows(
    keys: Row, predictor: str, values: FloatArray, truth: NDArray[np.bool_], thresholds: FloatArray
) -> list[Row]:
    read = np.isfinite(values)
    if not read.any():
        return []
    values, truth = values[read], truth[read]
    everyone = np.ones(len(values))
    rows = []
    for t in thresholds.tolist():
        decision = (values >= t).astype(float)  # a 0/1 call is itself at every threshold
        rows.append(
            {
                **keys,
                "predictor": predictor,
                "threshold": t,
                "net_benefit": net_benefit(decision, truth, t),
                "treat_all": net_benefit(everyone, truth, t),
                "treat_none": 0.0,
            }
        )
    return rows
