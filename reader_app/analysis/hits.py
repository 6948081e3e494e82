"""Marks of a study with the lesion that each hits, for programs that want them matched."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reader_app.analysis import matching
from reader_app.analysis import reference as ref
from reader_app.analysis.design import FINAL
from reader_app.analysis.tables import TableSource, read_marks


def matched_marks(
    marks: TableSource, reference: TableSource, reads: pd.DataFrame, rule: str = "distance", overlap: float = 0.1
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Match marks to lesions by the rule of the analysis, linked marks joined, repeated rounds left out.

    Parameters
    ----------
    marks, reference
        Tables of the outer interface.
    reads
        The reads that the marks belong to: ``reader_id, condition, case_id, round``.
    rule, overlap
        How a mark hits a lesion (:func:`reader_app.analysis.matching.match_marks`).

    Returns
    -------
    rows : list of dict
        ``reader_id, condition, case_id, rating, lesion_id`` ("" = no lesion); marks of a reader's last read of a case stand a
        second time under the condition "final".
    lesions : mapping of case to lesion ids
        All malignant lesions.

    Raises
    ------
    TableError
        If a table has faults, or a lesion has neither position nor radius.
    """
    lesions = ref.load(reference).targets()
    checked = read_marks(marks).frame
    frame, found = matching.link(checked, matching.match_marks(checked, lesions, rule, overlap))
    first: dict[tuple[str, str, str], float] = {}
    last: dict[tuple[str, str], float] = {}
    numbers = (
        pd.to_numeric(reads["round"], errors="coerce").fillna(0.0) if "round" in reads else pd.Series(0.0, index=reads.index)
    )
    for reader, condition, case, number in zip(reads["reader_id"], reads["condition"], reads["case_id"], numbers, strict=True):
        key = (str(reader), str(condition), str(case))
        first[key] = min(first.get(key, number), number)
        last[key[0], key[2]] = max(last.get((key[0], key[2]), number), number)
    rows: list[dict[str, Any]] = []
    rounds = pd.to_numeric(frame["round"], errors="coerce").fillna(0.0)
    for (reader, condition, case, rating), number, lesion in zip(
        frame[["reader_id", "condition", "case_id", "rating"]].itertuples(index=False), rounds, found, strict=True
    ):
        row = {"reader_id": reader, "condition": condition, "case_id": case, "rating": float(rating), "lesion_id": str(lesion)}
        if number in (0.0, first.get((reader, condition, case), 0.0)):
            rows.append(row)
        if condition != FINAL and number == last.get((reader, case)):
            rows.append({**row, "condition": FINAL})
    named: dict[str, list[str]] = {}
    for case, lesion in zip(lesions["case_id"], lesions["lesion_id"], strict=True):
        own = named.setdefault(str(case), [])
        if str(lesion) not in own:
            own.append(str(lesion))
    return rows, named
