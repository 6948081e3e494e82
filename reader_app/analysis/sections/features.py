"""Sections ``association``, ``baseline``, ``embedding`` and ``cohorts``: features of cases, and models by subset of the cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reader_app.analysis import accuracy as acc
from reader_app.analysis import reference as ref
from reader_app.analysis import roc
from reader_app.analysis.association import association_table, embed
from reader_app.analysis.design import Design
from reader_app.analysis.sections.context import Context, Row
from reader_app.study.assessment import rank

#: t-SNE of more cases than this takes minutes and shows no more.
MOST_MAPPED = 3000
PATHOLOGY = ("benign", "malignant")
BIRADS_GROUPS = ("BI-RADS 1-3", "BI-RADS 4-6")
#: By model id and case id: the model's inner representation of the case, any shape.
Embeddings = Mapping[str, Mapping[str, "NDArray[np.floating[Any]]"]]


def features_of(design: Design, features: pd.DataFrame | None) -> pd.DataFrame:
    """Return the features of the cases that were read, indexed by case: further columns of the reference, then ``features``.

    Parameters
    ----------
    features
        ``case_id`` and one column of text for each feature; a column that the reference also has is taken from the reference.
    """
    frame = design.reference.frame
    extra = [c for c in frame.columns if c not in (*ref.COLUMNS, "interim")]
    seen = frame["case_id"].isin(set(design.reads["case_id"])).to_numpy()
    found = frame.loc[seen, ["case_id", *extra]].drop_duplicates("case_id").set_index("case_id")
    if features is not None:
        own = features.drop_duplicates("case_id").set_index("case_id").reindex(found.index).fillna("")
        found = found.join(own[[c for c in own.columns if c not in found.columns]])
    return found


def birads_groups(design: Design) -> dict[str, str]:
    """Return the BI-RADS group of each case: that of the median category of all readers under the first condition.

    A case that falls between the groups (the median lies halfway between 3 and 4A) has no group and is left out.
    """
    first = design.reads[(design.reads["condition"] == design.conditions[0]).to_numpy()]
    border = rank("4A")
    assert border is not None
    found: dict[str, str] = {}
    by_reader = first.groupby(["case_id", "reader_id"], sort=False)["rank"].max().dropna()
    for case, middle in by_reader.groupby(level=0, sort=False).median().items():
        if border - 1 < middle < border:
            continue
        found[str(case)] = BIRADS_GROUPS[int(middle >= border)]
    return found


def association_rows(context: Context, features: pd.DataFrame | None) -> tuple[list[Row], list[Row]]:
    """Return the baseline table (features against pathology) and the association table (BI-RADS group and pathology).

    The second is Lu et al. 2025, Table 2; its rows carry ``outcome`` ("pathology" or "birads") and ``group_names``.
    """
    table = features_of(context.design, features)
    if table.empty or not len(table.columns):
        return [], []
    malignant = context.design.reference.cases()
    pathology = [PATHOLOGY[int(bool(malignant[case]))] for case in table.index]
    baseline = association_table(table, pathology, PATHOLOGY)
    groups = birads_groups(context.design)
    birads = [groups.get(str(case), "") for case in table.index]
    rows = [{"outcome": "pathology", "group_names": list(PATHOLOGY), **row} for row in baseline]
    if set(birads) >= set(BIRADS_GROUPS):
        found = association_table(table, birads, BIRADS_GROUPS)
        rows += [{"outcome": "birads", "group_names": list(BIRADS_GROUPS), **row} for row in found]
    elif groups:
        context.notes.add("features are not set against BI-RADS groups: all cases fall into one group", "association")
    return baseline, rows


def embedding_rows(context: Context, embeddings: Embeddings | None) -> list[Row]:
    """Return a t-SNE map of each model's embeddings: ``model_id, method, points`` ([case_id, x, y, malignant])."""
    rows: list[Row] = []
    malignant = context.design.reference.cases()
    for model, own in (embeddings or {}).items():
        known = {case: vector.ravel() for case, vector in own.items() if case in malignant.index}
        sizes = {len(vector) for vector in known.values()}
        if not known:
            continue
        if len(known) > MOST_MAPPED or len(sizes) != 1 or len(known) < 4:
            reason = f"{len(known)} cases, {len(sizes)} lengths; it needs 4 to {MOST_MAPPED} cases of one length"
            context.notes.add(f"no map of the embeddings of {model}: {reason}", "embedding")
            continue
        try:
            places = embed(np.stack(list(known.values())).astype(float), context.options.seed)
        except ValueError as fault:
            context.notes.add(f"no map of the embeddings of {model}: {fault}", "embedding")
            continue
        points = [
            [case, float(x), float(y), int(bool(malignant[case]))] for case, (x, y) in zip(known, places.tolist(), strict=True)
        ]
        method = f"t-SNE of {sizes.pop()} values a case, seed {context.options.seed}"
        rows.append({"model_id": model, "method": method, "points": points})
    return rows


def cohort_rows(context: Context) -> list[Row]:
    """Return each model's area and accuracy in each cohort that the table of predictions names, by case.

    Several predictions of a case in a cohort count with the highest probability and call.
    """
    frame = context.design.predictions
    if frame is None or (frame["cohort"] == "").all():
        return []
    malignant = context.design.reference.cases()
    options = context.options
    rows: list[Row] = []
    for (model, cohort), own in frame[(frame["cohort"] != "").to_numpy()].groupby(["model_id", "cohort"], sort=True):
        cases = own.groupby("case_id", sort=False)[["probability", "call"]].max()
        truth = np.array([bool(malignant[case]) for case in cases.index], dtype=np.bool_)
        head: Row = {"model_id": str(model), "cohort": str(cohort), "cases": len(truth), "malignant": int(truth.sum())}
        keys = {"reader_id": str(model), "lesion_type": None, "level": "case", "group": str(cohort)}
        result = acc.accuracy(acc.count(cases["call"].to_numpy(dtype=float), truth), options.ci, options.alpha)
        area = roc.auc(cases["probability"].to_numpy(dtype=float), truth, None, options.alpha)
        row = {**head, "auc": context.value(area, "cohorts", "auc", keys)}
        for name in ("sensitivity", "specificity", "accuracy"):
            row[name] = context.value(getattr(result, name), "cohorts", name, keys)
        rows.append(row)
    return rows
