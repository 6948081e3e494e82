"""Sections ``froc`` and ``localization``, and the multi-reader rows of their figures of merit."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reader_app.analysis import covariance as cov
from reader_app.analysis import localization as loc
from reader_app.analysis import matching
from reader_app.analysis.accuracy import clustered_proportion, proportion
from reader_app.analysis.estimate import Estimate, normal_estimate, not_estimable
from reader_app.analysis.sections.context import Context, Row
from reader_app.analysis.sections.multireader import empty_rows, merit_rows
from reader_app.analysis.tables import Checked
from reader_app.errors import Fault, TableError

FloatArray = NDArray[np.float64]
Codes = NDArray[np.int64]

#: Figures of merit of the section ``froc``; those with leave-one-out values also stand in ``mrmc``.
MERITS: dict[str, Callable[[loc.Marks], loc.Merit | None]] = {
    "froc": loc.froc,
    "afroc": lambda marks: loc.afroc(marks, weighted=False),
    "wafroc": lambda marks: loc.afroc(marks, weighted=True),
    "hr_auc": loc.highest_rating_auc,
    "max_llf": loc.max_llf,
    "lroc": loc.lroc,
}
_CURVES = ("froc", "afroc", "wafroc")


class Localization:
    """Marks of all readers, matched to the lesions and arranged by reader and condition."""

    def __init__(self, context: Context, marks: Checked) -> None:
        self.context = context
        design = context.design
        reads = design.reads
        _check_reads(marks, design.reads, design.repeats)
        self.lesions = design.reference.targets()
        frame, self.hits = matching.link(
            marks.frame, matching.match_marks(marks.frame, self.lesions, context.options.match, context.options.overlap)
        )
        self.frame = frame
        cases = sorted(set(reads["case_id"]), key={c: n for n, c in enumerate(design.reference.case_ids)}.__getitem__)
        self.cases = {c: n for n, c in enumerate(cases)}
        pairs = self.lesions.loc[self.lesions["case_id"].isin(self.cases), ["case_id", "lesion_id"]].drop_duplicates()
        order = sorted(zip(pairs["case_id"], pairs["lesion_id"], strict=True), key=lambda pair: (self.cases[pair[0]], pair[1]))
        self.lesion = {pair: n for n, pair in enumerate(order)}
        named = zip(self.lesions["case_id"], self.lesions["lesion_id"], strict=True)
        types = dict(zip(named, self.lesions["lesion_type"], strict=True))
        self.types = np.array([str(types[pair]) for pair in order], dtype=object)
        self.lesion_case = np.array([self.cases[case] for case, _ in order], dtype=np.int64)
        self.diseased = np.zeros(len(cases), dtype=np.bool_)
        self.diseased[self.lesion_case] = True
        self.kept = np.ones(len(cases), dtype=np.bool_)
        self.lesion_type: str | None = None
        self.read = np.zeros((len(design.conditions), len(design.readers), len(cases)), dtype=np.bool_)
        self.marks = [[self._marks(i, j) for j in range(len(design.readers))] for i in range(len(design.conditions))]

    def _marks(self, i: int, j: int) -> loc.Marks | None:
        """Return the marks of one reader under one condition over the cases read; None without reads."""
        design = self.context.design
        reads = design.reads
        own = reads[
            (reads["condition"] == design.conditions[i]).to_numpy() & (reads["reader_id"] == design.readers[j]).to_numpy()
        ]
        if own.empty:
            return None
        source = {
            case: (condition, number) for case, condition, number in zip(own["case_id"], own["source"], own["round"], strict=True)
        }
        used = np.array([case in source for case in self.cases]) & self.kept
        self.read[i, j] = used
        place = np.cumsum(used) - 1
        kept = used[self.lesion_case] if len(self.lesion_case) else np.zeros(0, dtype=np.bool_)
        hit = np.full(len(self.lesion), -np.inf)
        false_case, false_rating = [], []
        mine = (self.frame["reader_id"] == design.readers[j]).to_numpy()
        rows = self.frame[mine]
        for case, condition, number, rating, target in zip(
            rows["case_id"], rows["condition"], rows["round"], rows["rating"], self.hits[mine], strict=True
        ):
            if source.get(case, ("", ""))[0] != condition or (number != "" and source[case][1] not in ("", number)):
                continue
            if not self.kept[self.cases[case]]:
                continue
            if target:
                lesion = self.lesion.get((case, target))
                if lesion is not None:  # else a lesion of another type: neither hit nor false
                    hit[lesion] = max(hit[lesion], rating)
            else:
                false_case.append(int(place[self.cases[case]]))
                false_rating.append(float(rating))
        lesion_case = place[self.lesion_case[kept]] if len(kept) else np.zeros(0, dtype=np.int64)
        return loc.Marks(
            diseased=self.diseased[used],
            lesion_case=lesion_case,
            weight=loc.equal_weights(lesion_case),
            hit=hit[kept],
            false_case=np.array(false_case, dtype=np.int64),
            false_rating=np.array(false_rating),
        )

    def of_type(self, name: str) -> Localization:
        """Return the same for the lesions of one type: cases with lesions of other types only are left out.

        A mark on a lesion of another type is neither hit nor false; other marks have no type and count as false.
        """
        own = copy(self)
        here = self.types == name
        pairs = [pair for pair, keep in zip(self.lesion, here, strict=True) if keep]
        own.lesion = {pair: n for n, pair in enumerate(pairs)}
        own.types = self.types[here]
        own.lesion_case = self.lesion_case[here]
        own.kept = ~self.diseased
        own.kept[own.lesion_case] = True
        own.lesion_type = name
        own.read = np.zeros_like(self.read)
        shape = self.read.shape
        own.marks = [[own._marks(i, j) for j in range(shape[1])] for i in range(shape[0])]
        return own

    def clusters(self) -> Codes | None:
        """Return the cluster of each case with ``--cluster``."""
        if self.context.options.cluster is None:
            return None
        options = self.context.options
        assert options.cluster is not None
        names = self.context.design.reference.cluster(options.cluster, options.level)
        codes = {c: n for n, c in enumerate(sorted({names[c] for c in self.cases}))}
        return np.array([codes[names[c]] for c in self.cases], dtype=np.int64)


def _check_reads(marks: Checked, reads: pd.DataFrame, repeats: pd.DataFrame) -> None:
    """Refuse marks of cases that the reader did not read under the condition."""
    known = {key for frame in (reads, repeats) for key in zip(frame["reader_id"], frame["source"], frame["case_id"], strict=True)}
    faults = [
        Fault(
            f"{marks.name}, row {row}, column case_id",
            f"reader {key[0]} has no read of case {key[2]} under {key[1]}",
            "add the read",
        )
        for row, *key in zip(
            marks.frame.index, marks.frame["reader_id"], marks.frame["condition"], marks.frame["case_id"], strict=True
        )
        if tuple(key) not in known
    ]
    if faults:
        raise TableError(faults[:50])


def sections(context: Context, marks: Checked) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the rows of ``froc``, of ``localization`` and the multi-reader rows made from marks."""
    data = Localization(context, marks)
    names = sorted({t for t in data.types if t}) if len(set(data.types)) > 1 else []
    by_type = [row for name in names for row in _froc_rows(data.of_type(name))]
    return _froc_rows(data) + by_type, _localization_rows(data), _mrmc_rows(data)


def _keys(group: str | None, lesion_type: str | None = None) -> Row:
    return {"group": group, "lesion_type": lesion_type, "level": "case"}


def _froc_rows(data: Localization) -> list[Row]:
    context = data.context
    cluster = data.clusters()
    rows = []
    for i, condition in enumerate(context.design.conditions):
        for name, merit_of in MERITS.items():
            merits = [None if m is None else merit_of(m) for m in data.marks[i]]
            for j, reader in enumerate(context.design.readers):
                marks, merit = data.marks[i][j], merits[j]
                if marks is None:
                    continue
                head: Row = {"reader_id": reader, "condition": condition, "fom": name}
                head |= _keys(context.group_of(reader), data.lesion_type)
                own = None if cluster is None else cluster[data.read[i, j]]
                estimate = _estimate(merit, own, context.options.alpha)
                points = _plain(loc.operating_points(marks, name)) if name in _CURVES and len(marks.hit) else []
                rows.append({**head, "value": context.value(estimate, "froc", "value", head), "points": points})
            for group, readers in context.groups:
                head = {"reader_id": None, "condition": condition, "fom": name, **_keys(group, data.lesion_type)}
                which = [context.design.readers.index(r) for r in readers]
                row = _mean_row(data, head, i, which, merits)
                if row is not None:
                    rows.append(row)
    return rows


def _estimate(merit: loc.Merit | None, cluster: Codes | None, alpha: float) -> Estimate:
    if merit is None:
        return not_estimable("jackknife", "there are no lesions, or no cases without them")
    if not len(merit.leave_one_out):
        return not_estimable(merit.method, "no standard error is defined for this summary", merit.value)
    theta = np.array([merit.value])
    own = None if cluster is None else cluster[merit.units]
    variance = float(cov.jackknife(theta, merit.leave_one_out[None, :], own)[0, 0])
    method = f"{merit.method}, jackknife over {'cases' if cluster is None else 'clusters'}"
    return normal_estimate(merit.value, variance, method, alpha, low=0.0, high=1.0)


def _mean_row(data: Localization, head: Row, i: int, which: list[int], merits: list[loc.Merit | None]) -> Row | None:
    """Return the mean over readers, with the jackknife over cases where all read the same cases."""
    context = data.context
    known = [(j, m) for j in which if (m := merits[j]) is not None]
    if not known:
        return None
    value = float(np.mean([m.value for _, m in known]))
    first = known[0][1]
    method = f"mean of readers, readers fixed: {first.method}, jackknife"
    same = all((data.read[i, j] == data.read[i, known[0][0]]).all() for j, _ in known)
    if not len(first.leave_one_out):
        estimate = not_estimable(method, "no standard error is defined for this summary", value)
    elif not same:
        estimate = not_estimable(method, "the readers read different cases", value)
    else:
        cluster = data.clusters()
        units = None if cluster is None else cluster[data.read[i, known[0][0]]][first.units]
        theta = np.array([m.value for _, m in known])
        covariance = cov.jackknife(theta, np.stack([m.leave_one_out for _, m in known]), units)
        estimate = normal_estimate(value, float(covariance.mean()), method, context.options.alpha, low=0.0, high=1.0)
    points = []
    if head["fom"] in _CURVES:
        marked = [own for j, _ in known if (own := data.marks[i][j]) is not None and len(own.hit)]
        curves = [loc.operating_points(own, head["fom"]) for own in marked]
        points = _plain(loc.average_points(curves))
    return {**head, "value": context.value(estimate, "froc", "value", head), "points": points}


def _plain(points: loc.Points) -> list[list[float | None]]:
    return [
        [float(x), float(y), float(t) if math.isfinite(t) else None]
        for x, y, t in zip(points.x, points.y, points.threshold, strict=True)
    ]


def _localization_rows(data: Localization) -> list[Row]:
    context = data.context
    rows = []
    for i, condition in enumerate(context.design.conditions):
        wanted: list[tuple[str | None, str | None, tuple[str, ...]]] = [
            (reader, context.group_of(reader), (reader,)) for reader in context.design.readers
        ]
        wanted += [(None, group, readers) for group, readers in context.groups]
        for reader, group, readers in wanted:
            marks = [m for r in readers if (m := data.marks[i][context.design.readers.index(r)]) is not None]
            if marks:
                head = {"reader_id": reader, "condition": condition, **_keys(group)}
                rows.append(_localization_row(context, head, marks))
                rows += _rows_by_type(data, head, i, readers)
    return rows


def _rows_by_type(data: Localization, head: Row, i: int, readers: tuple[str, ...]) -> list[Row]:
    """Return one row for each named lesion type: the lesions of that type hit, against all marks that hit nothing.

    False marks have no type, so their number is that of all marks; rows are made only where two types or more are named.
    """
    names = sorted({t for t in data.types if t})
    rows = []
    for name in names if len(set(data.types)) > 1 else ():
        marks = []
        for reader in readers:
            j = data.context.design.readers.index(reader)
            own = data.marks[i][j]
            if own is None:
                continue
            mine = data.types[data.read[i, j][data.lesion_case]] == name
            if mine.any():
                lesion_case = own.lesion_case[mine]
                typed = replace(own, lesion_case=lesion_case, weight=loc.equal_weights(lesion_case), hit=own.hit[mine])
                marks.append(typed)
        if marks:
            rows.append(_localization_row(data.context, {**head, "lesion_type": name}, marks))
    return rows


def _localization_row(context: Context, head: Row, marks: list[loc.Marks]) -> Row:
    found = np.concatenate([np.isfinite(m.hit) for m in marks]).astype(float)
    cases = np.concatenate([m.lesion_case for m in marks])
    options = context.options
    if len(np.unique(cases)) < len(cases):
        estimate = clustered_proportion(found, cases, options.ci, options.alpha)
    else:
        estimate = proportion(int(found.sum()), len(found), options.ci, options.alpha)
    number = sum(len(m.false_rating) + int(np.isfinite(m.hit).sum()) for m in marks)
    curves = [loc.operating_points(m, "froc") for m in marks if len(m.hit)]
    return {
        **head,
        "lesions": len(found),
        "hit": int(found.sum()),
        "sensitivity": context.value(estimate, "localization", "sensitivity", head),
        "marks_per_case": number / sum(len(m.diseased) for m in marks),
        "sensitivity_at": [
            {"fp_per_case": fp, "sensitivity": float(np.mean([loc.sensitivity_at(c, fp) for c in curves])) if curves else None}
            for fp in loc.FP_PER_CASE
        ],
    }


def _mrmc_rows(data: Localization) -> list[Row]:
    """Return the multi-reader rows of every figure of merit with leave-one-out values."""
    context = data.context
    design = context.design
    names = [c for c in design.conditions if c not in design.partial]
    which = [design.conditions.index(c) for c in names]
    cluster = data.clusters()
    rows = []
    for group, readers in context.groups:
        columns = [design.readers.index(r) for r in readers]
        read = data.read[np.ix_(which, columns)]
        used = read.any(axis=(0, 1))
        for name, merit_of in MERITS.items():
            if name == "froc":
                continue
            head = {"endpoint": name, "score": "rating", **_keys(group)}
            crossed = bool((read == used).all())
            merits = [merit_of(m) for i in which for j in columns if (m := data.marks[i][j]) is not None] if crossed else []
            if not merits or any(m is None for m in merits):
                reason = "there are no lesions, or no cases without them" if crossed else "the design is not fully crossed"
                for analysis in ("or", "dbm"):
                    rows += empty_rows(context, {**head, "analysis": analysis, "covariance": "jackknife"}, reason)
                continue
            known = [m for m in merits if m is not None]
            shape = (len(which), len(columns))
            theta = np.array([m.value for m in known]).reshape(shape)
            left_out = np.stack([m.leave_one_out for m in known]).reshape(*shape, -1)
            own = None if cluster is None else cluster[used][known[0].units]
            rows += merit_rows(context, head, names, theta, left_out, own)
    return rows
