"""One number for each reader, condition and case, with the truth: what every program for multi-reader analysis wants."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reader_app.errors import Fault, InputFaults
from reader_app.export import words
from reader_app.export.plain import write_table
from reader_app.study.assessment import CATEGORIES, rank

if TYPE_CHECKING:
    import pandas as pd

FINAL = "final"


@dataclass(frozen=True, slots=True)
class Ratings:
    """Scores of a study.

    Attributes
    ----------
    readers, conditions, cases : tuple of str
        In the order of the study; ``conditions`` ends with "final" where later rounds covered only some cases.
    truth : mapping of case to 0 or 1
        Only cases with a reference standard are in ``cases``.
    score : mapping of (reader, condition, case) to float
        Higher is more suspicious; a missing read has no entry.
    made_from : str
        "score" (suspicion 0-100, or the table's own), "assessment" (rank of the BI-RADS category) or "call" (0 or 1).
    """

    readers: tuple[str, ...]
    conditions: tuple[str, ...]
    cases: tuple[str, ...]
    truth: Mapping[str, int]
    score: Mapping[tuple[str, str, str], float]
    made_from: str

    def crossed(self) -> tuple[str, ...]:
        """Return the conditions under which every reader read every case."""
        return tuple(
            condition
            for condition in self.conditions
            if all((reader, condition, case) in self.score for reader in self.readers for case in self.cases)
        )


def from_tables(
    reads: pd.DataFrame,
    reference: pd.DataFrame,
    conditions: Sequence[str] = (),
    level: str = "case",
    zero: str = "error",
    positive_from: str = "4A",
) -> Ratings:
    """Make ratings from the tables of the outer interface.

    A case's score is the highest of its breasts' and lesions'; with another level each breast or lesion stands as a case of its
    own ("C001 R"). Of several reads under one condition the first round counts; "final" is each reader's last read of a case. The
    score is used where every read has one, else the rank of the category, else the call.

    Parameters
    ----------
    conditions : sequence of str
        Those of the analysis in its order; "final" is made where it is among them (without any: where not every condition is
        fully crossed).
    level : str
        "case", "breast" or "lesion".
    zero, positive_from : str
        What BI-RADS 0 means, as in the options of the analysis.

    Raises
    ------
    InputFaults
        If no read has a reference standard, one class is empty, or a read has neither score nor ranked category nor call.
    """
    truth = _truth(reference, level)
    records = [{str(name): value for name, value in row.items()} for row in reads.to_dict("records")]
    rows = [row | {"unit": _unit(row, level)} for row in records]
    rows = [row for row in rows if row["unit"] in truth and (_number(row.get("occurrence")) or 1.0) == 1.0]
    if zero == "exclude":
        rows = [row for row in rows if str(row.get("assessment") or "") != "0"]
    if len({truth[row["unit"]] for row in rows}) < 2:
        what = "there are no reads of malignant and of benign cases" if rows else "no case that was read has a reference standard"
        raise InputFaults([Fault("reads", what, "complete the reference standard")])
    zero_rank = {"positive": rank(positive_from), "negative": rank("1")}.get(zero)
    made_from, values = _values(rows, zero_rank)
    by_round: dict[tuple[str, str, str], dict[int, float]] = {}
    for row, value_ in zip(rows, values, strict=True):
        key = (str(row["reader_id"]), str(row["condition"]), str(row["unit"]))
        number = _round(row.get("round"))
        found = by_round.setdefault(key, {})
        found[number] = max(found.get(number, value_), value_)
    score = {key: found[min(found)] for key, found in by_round.items()}
    cases = tuple(dict.fromkeys(str(row["unit"]) for row in rows))
    readers = tuple(dict.fromkeys(str(row["reader_id"]) for row in rows))
    named = tuple(dict.fromkeys([*(name for name in conditions if any(key[1] == name for key in score)), *(k[1] for k in score)]))
    whole = Ratings(readers, named, cases, truth, score, made_from)
    wanted = FINAL in conditions if conditions else len(whole.crossed()) < len(named)
    if wanted and FINAL not in named:
        score |= {(reader, FINAL, case): value_ for (reader, case), value_ in _last(by_round).items()}
        whole = Ratings(readers, (*named, FINAL), cases, truth, score, whole.made_from)
    return whole


def _truth(reference: pd.DataFrame, level: str) -> dict[str, int]:
    """Return 1 or 0 by unit: a case, a breast or a lesion."""
    truth: dict[str, int] = {}
    if level != "case":
        from reader_app.analysis import reference as ref

        standard = ref.load(reference)
        units = standard.breasts() if level == "breast" else standard.lesions()
        return {f"{case} {own}": int(value) for (case, own), value in units.items()}
    for case, malignant in zip(reference["case_id"].astype(str), reference["malignant"], strict=True):
        value = words.as_truth(str(malignant))
        if value:
            truth[case] = max(truth.get(case, 0), int(value))
    return truth


def _unit(row: Mapping[str, object], level: str) -> str:
    second = {"case": "", "breast": "laterality", "lesion": "lesion_id"}[level]
    return f"{row['case_id']} {row.get(second) or ''}" if second else str(row["case_id"])


def _values(rows: Sequence[Mapping[str, object]], zero_rank: int | None) -> tuple[str, list[float]]:
    """Return what the ratings are made from, and one for each row."""
    scores = [_number(row.get("score")) for row in rows]
    if all(value is not None for value in scores):
        return "score", [float(value) for value in scores if value is not None]
    if not any(str(row.get("assessment") or "") for row in rows):
        calls = [_number(row.get("call")) for row in rows]
        if all(value is not None for value in calls):
            return "call", [float(value) for value in calls if value is not None]
    return "assessment", [_rank(row, zero_rank) for row in rows]


def _last(by_round: Mapping[tuple[str, str, str], Mapping[int, float]]) -> dict[tuple[str, str], float]:
    last: dict[tuple[str, str], tuple[int, float]] = {}
    for (reader, _, case), found in by_round.items():
        newest = max(found)
        if (reader, case) not in last or newest > last[reader, case][0]:
            last[reader, case] = (newest, found[newest])
    return {key: value for key, (_, value) in last.items()}


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if number == number else None


def _rank(row: Mapping[str, object], zero_rank: int | None) -> float:
    category = str(row.get("assessment") or "")
    found = zero_rank if category == "0" else rank(category) if category in CATEGORIES else None
    if found is None:
        place = f"read of {row['case_id']} by {row['reader_id']}"
        raise InputFaults([Fault(place, f"BI-RADS {category or 'none'} has no rank", "give a suspicion, or leave the case out")])
    return float(found)


def _round(value: object) -> int:
    found = _number(value)
    return 0 if found is None else int(found)


def plain_ids(names: Sequence[str], prefix: str) -> dict[str, str]:
    """Return a short id for each name, zero-padded so that text order is the order of the study: R01, R02 ..."""
    width = max(2, len(str(len(names))))
    return {name: f"{prefix}{place:0{width}d}" for place, name in enumerate(names, start=1)}


def readable_ids(names: Sequence[str]) -> dict[str, str]:
    """Return ids of letters, digits, ``_`` and ``-`` only, as near to the names as uniqueness allows."""
    found: dict[str, str] = {}
    for name in names:
        base = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "x"
        own, number = base, 1
        while own.casefold() in {taken.casefold() for taken in found.values()}:
            number += 1
            own = f"{base}_{number}"
        found[name] = own
    return found


def write_key(path: Path, parts: Mapping[str, Mapping[str, str]], interim: bool = False) -> Path:
    """Write which id stands for what: kind, id, name; of an interim analysis a first row says so."""
    if interim:
        parts = {"status": {"some rounds are not finished; do not report": "INTERIM"}, **parts}
    rows = [
        (kind, own, words.condition(name) if kind == "condition" else name)
        for kind, ids in parts.items()
        for name, own in ids.items()
    ]
    return write_table(path, ["kind", "id", "name"], rows)


def score_text(value: float) -> str:
    """Return a score as text that reads back to the same number."""
    return str(int(value)) if value == int(value) else repr(value)
