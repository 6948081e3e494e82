"""Sections ``reclassification``, ``transitions``, ``net_reclassification`` and ``aid_use``."""

from __future__ import annotations

from functools import reduce
from itertools import permutations
from operator import add

import numpy as np
from numpy.typing import NDArray

from reader_app.analysis import agreement as agr
from reader_app.analysis import reclassification as rec
from reader_app.analysis.accuracy import proportion
from reader_app.analysis.blocks import Block
from reader_app.analysis.design import MODEL
from reader_app.analysis.sections.context import Context, Row

FloatArray = NDArray[np.float64]


def reclassification_rows(context: Context) -> list[Row]:
    """Return what became of each reader's 4A reads, for every ordered pair of conditions; pooled rows sum the readers.

    On a scale that does not divide category 4, plain 4 stands for 4A.
    """
    rows = []
    for block in context.blocks:
        for a, b in permutations(block.conditions, 2):
            i, k = block.conditions.index(a), block.conditions.index(b)
            each = [rec.restratify(block.rank[i, j], block.rank[k, j], block.truth) for j in range(len(block.readers))]
            if not any(r.n for r in each):
                continue
            head = {"condition_from": a, "condition_to": b, "from": "4A"}
            for j, _, keys in context.individuals(block):
                rows.append({**keys, **head, **each[j].as_json()})
            for readers, keys in context.pooled(block):
                rows.append({**keys, **head, **reduce(add, [each[j] for j in readers]).as_json()})
    return rows


def transition_rows(context: Context) -> list[Row]:
    """Return tables of categories under condition_a (rows) against condition_b (columns), with tests of symmetry and margins."""
    rows = []
    for block in context.blocks:
        if not np.isfinite(block.rank).any():
            continue
        for a, b in context.pairs():
            i, k = block.conditions.index(a), block.conditions.index(b)
            for j, _, keys in context.individuals(block):
                rows += _transition_row(
                    block, {**keys, "condition_a": a, "condition_b": b}, block.rank[i, [j]], block.rank[k, [j]]
                )
            for readers, keys in context.pooled(block):
                rows += _transition_row(
                    block, {**keys, "condition_a": a, "condition_b": b}, block.rank[i, readers], block.rank[k, readers]
                )
    return rows


def _transition_row(block: Block, head: Row, before: FloatArray, after: FloatArray) -> list[Row]:
    def table(where: NDArray[np.bool_]) -> NDArray[np.int64]:
        parts = [rec.transitions(one[where], two[where], block.scale) for one, two in zip(before, after, strict=True)]
        return np.asarray(np.sum(parts, axis=0), dtype=np.int64)

    benign, malignant = table(~block.truth), table(block.truth)
    both = benign + malignant
    if not both.any():
        return []
    bowker, margins = agr.bowker(both), agr.stuart_maxwell(both)
    return [
        {
            **head,
            "categories": list(block.scale),
            "benign": benign.tolist(),
            "malignant": malignant.tolist(),
            "bowker": {"statistic": bowker.statistic, "df": bowker.df, "p": bowker.p},
            "stuart_maxwell": {"statistic": margins.statistic, "df": margins.df, "p": margins.p},
        }
    ]


def net_reclassification_rows(context: Context) -> list[Row]:
    """Return the net reclassification of calls from condition_a to condition_b."""
    rows = []
    for block in context.blocks:
        for a, b in context.pairs():
            i, k = block.conditions.index(a), block.conditions.index(b)
            for j, _, keys in context.individuals(block):
                before, after = block.call[i, j], block.call[k, j]
                if not (np.isfinite(before) & np.isfinite(after)).any():
                    continue
                result = rec.net_reclassification(before, after, block.truth, context.options.alpha)
                row = {**keys, "condition_a": a, "condition_b": b}
                for name in ("malignant", "benign", "total"):
                    row[name] = context.value(getattr(result, name), "net_reclassification", name, row)
                for name in ("malignant_up", "malignant_down", "benign_up", "benign_down", "p"):
                    row[name] = getattr(result, name)
                rows.append(row)
    return rows


def aid_use_rows(context: Context) -> list[Row]:
    """Return how readers used the aid: advice followed or overruled, and answers turned right or wrong by it.

    A read under an aided condition is compared with the same reader's read before it (the first unaided condition, or the stage
    before). ``automation_bias``: right before, wrong after, among the units where the aid was wrong. ``rescued``: wrong before,
    right after, among the units where the aid was right and the reader had been wrong. Where aids were withheld, inverted or
    swapped on purpose, rows with ``aid_kind`` split the reads by what was done; in the others it is null.
    """
    rows = []
    for block in context.blocks:
        for condition, model in context.options.aids.items():
            found = _advice(context, block, model)
            if condition not in block.conditions or found is None:
                continue
            advice, kind = found
            k = block.conditions.index(condition)
            i = _before(block, k)
            kinds = sorted({name for name in kind if name})
            for name in (None, *(kinds if len(kinds) > 1 else ())):
                where = np.ones(len(kind), dtype=np.bool_) if name is None else kind == name
                for j, _, keys in context.individuals(block):
                    head = {**keys, "condition": condition, "before": None if i is None else block.conditions[i]}
                    head |= {"model_id": model, "aid_kind": name}
                    after = np.where(where, block.call[k, j], np.nan)
                    before = block.call[i, j] if i is not None else np.full_like(after, np.nan)
                    row = _aid_row(context, head, before, after, advice, block.truth)
                    if row is not None:
                        rows.append(row)
    return rows


def _advice(context: Context, block: Block, model: str) -> tuple[FloatArray, NDArray[np.str_]] | None:
    """Return the call that the aid showed of each unit (NaN: none), and what was done to the aid."""
    own = context.shown.get(model)
    if own is not None and (block.level == "case" or model not in block.models):
        pairs = [own.get(unit[0], (np.nan, "")) for unit in block.units]
        calls = [call if block.level == "case" else np.nan for call, _ in pairs]
        return np.array(calls, dtype=np.float64), np.array([kind for _, kind in pairs], dtype=str)
    if model not in block.models:
        return None
    return block.model_call[block.models.index(model)], np.full(len(block.units), "", dtype=str)


def _before(block: Block, k: int) -> int | None:
    """Return the condition that an aided one is compared with: the stage before it, else the first unaided one."""
    name = block.conditions[k]
    if name.startswith("aided stage ") and name[12:].isdigit():
        earlier = f"aided stage {int(name[12:]) - 1}"
        if earlier in block.conditions:
            return block.conditions.index(earlier)
    unaided = [i for i, c in enumerate(block.conditions) if c.startswith("unaided")]
    plain = [i for i in unaided if block.conditions[i] == "unaided"]
    return next(iter(plain or unaided), None)


def _aid_row(
    context: Context, head: Row, before: FloatArray, after: FloatArray, advice: FloatArray, truth: NDArray[np.bool_]
) -> Row | None:
    given = np.isfinite(after)
    shown = given & np.isfinite(advice)
    if not (given if head["aid_kind"] else shown).any():
        return None
    ci, alpha = context.options.ci, context.options.alpha
    had = shown & np.isfinite(before)
    differed = had & (before != advice)
    aid_right = advice == truth

    def share(what: NDArray[np.bool_], among: NDArray[np.bool_], name: str) -> Row:
        estimate = proportion(int((what & among).sum()), int(among.sum()), ci, alpha)
        return context.value(estimate, "aid_use", name, head)

    both = given & np.isfinite(before)
    return {
        **head,
        "n": int((given if head["aid_kind"] else shown).sum()),
        "correct_before": share(before == truth, both, "correct_before"),
        "correct_after": share(after == truth, both, "correct_after"),
        "aid_right": int((shown & aid_right).sum()),
        "aid_wrong": int((shown & ~aid_right).sum()),
        "agreed_after": int((shown & (after == advice)).sum()),
        "differed_before": int(differed.sum()),
        "followed": share(after == advice, differed, "followed"),
        "overruled_right_aid": int((shown & aid_right & (after != advice)).sum()),
        "overruled_wrong_aid": int((shown & ~aid_right & (after != advice)).sum()),
        "automation_bias": share(after == advice, had & ~aid_right & (before == truth), "automation_bias"),
        "rescued": share(after == truth, had & aid_right & (before != truth), "rescued"),
    }


def co_decision_rows(context: Context) -> list[Row]:
    """Return the re-stratification of each reader's 4A reads by the advice of two models (``options.aids`` of stages 1 and 2).

    The first stage's model calls risk (low, high), the second's malignancy: low and benign -> down, high and malignant -> up.
    """
    aids = context.options.aids
    first, second = aids.get("aided stage 1"), aids.get("aided stage 2")
    rows = []
    for block in context.blocks:
        if first not in block.models or second not in block.models or first is None or second is None:
            continue
        risk, malignant = (block.model_call[block.models.index(m)] for m in (first, second))
        known = np.isfinite(risk) & np.isfinite(malignant)
        advice = rec.co_decision(risk == 1, malignant == 1)
        condition = block.conditions[0]
        for j, _, keys in context.individuals(block):
            here = known & (block.rank[0, j] == 4)
            if here.any():
                counts = rec.restratify_by_advice(advice[here], block.truth[here]).as_json()
                rows.append({**keys, "condition_from": condition, "condition_to": MODEL, "from": "4A", **counts})
    return rows
