"""From checked tables to arrays: which reader judged which unit under which condition, and what is true of the unit.

Rules (fixed by the program's outer interface):

- If a reader read a case several times under one condition, the first round counts; later ones serve intra-reader agreement.
- A case that comes again within a round (``occurrence`` 2) counts the first time; the second serves intra-reader agreement.
- A study whose later round covers only some cases (the reader's own earlier answers select them) gets the derived condition
  ``final``: each reader's last read of a case. A round counts as such when no reader meets a new case in it and either every
  reader leaves out some of the cases of their round before and its condition stands in no other round, or every reader reads
  in it just the cases left at some categories in the round before. A lost read or a retest of chosen cases does not.
- A case's (breast's) score is the highest of its lesions', its assessment the highest category, its call positive if any is.
- BI-RADS 0 is refused, or counts as the lowest positive category (``positive``), as category 1 (``negative``), or drops the read
  (``exclude``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reader_app.analysis.estimate import Notes
from reader_app.analysis.options import Options
from reader_app.analysis.reference import Reference
from reader_app.analysis.tables import Checked
from reader_app.errors import Fault, TableError
from reader_app.study.assessment import rank

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

FINAL = "final"
MODEL = "model"

#: The whole scale, and the one of a study that does not divide category 4.
FULL_SCALE: tuple[str, ...] = ("1", "2", "3", "4A", "4B", "4C", "5", "6")
PLAIN_SCALE: tuple[str, ...] = ("1", "2", "3", "4", "5", "6")


@dataclass(frozen=True)
class Design:
    """Checked and resolved reads.

    Attributes
    ----------
    reads : DataFrame
        First reads, with ``rank`` (order of the category, NaN) and ``call`` (0, 1, NaN) resolved; includes ``final``, with
        the condition that each read came from in ``source``.
    repeats : DataFrame
        All reads of reader x condition x case combinations that were read in more than one round.
    conditions : tuple of str
        In the study's order, else alphabetical; ``final`` last.
    partial : tuple of str
        Conditions that cover only some cases by design (replaced by ``final`` in multi-reader analyses).
    readers : tuple of str
    groups : dict
        Experience group of each reader ("" when none).
    scale : tuple of str
        Categories in order, for agreement weights.
    """

    reads: pd.DataFrame
    repeats: pd.DataFrame
    conditions: tuple[str, ...]
    partial: tuple[str, ...]
    readers: tuple[str, ...]
    groups: dict[str, str]
    scale: tuple[str, ...]
    reference: Reference
    predictions: pd.DataFrame | None

    @property
    def full_conditions(self) -> tuple[str, ...]:
        """Conditions that mean to cover all cases."""
        return tuple(c for c in self.conditions if c not in self.partial)


def prepare(reads: Checked, reference: Reference, predictions: Checked | None, options: Options, notes: Notes) -> Design:
    """Check the tables against each other and resolve rounds, zeros, calls and the derived condition.

    Raises
    ------
    TableError
        For a read without reference, BI-RADS 0 without a rule, plain 4 with a split positive category, or a read of a
        breast or lesion that the reference lacks.
    """
    frame = reads.frame.copy()
    faults: list[Fault] = []
    known = set(reference.case_ids)
    for row in frame.index[~frame["case_id"].isin(known).to_numpy()]:
        case = str(frame.at[row, "case_id"])
        faults.append(
            Fault(f"{reads.name}, row {row}, column case_id", f"case {case} has no reference", f"add it to {reference.name}")
        )
    faults += _category_faults(frame, reads.name, options)
    if predictions is not None and (frame["condition"] == MODEL).any():
        row = frame.index[(frame["condition"] == MODEL).to_numpy()][0]
        faults.append(Fault(f"{reads.name}, row {row}, column condition", "'model' is reserved for predictions", "rename it"))
    if faults:
        raise TableError(faults)
    seen = set(frame["case_id"])
    unread = [c for c in reference.case_ids if c not in seen]
    if unread:
        shown = ", ".join(unread[:5]) + (" ..." if len(unread) > 5 else "")
        notes.add(f"{len(unread)} cases of the reference were read by nobody and are left out: {shown}", "input")
    frame = _resolve(frame, options, notes)
    again = frame[(frame["occurrence"] > 1).to_numpy()]
    whole = frame
    frame = frame[(frame["occurrence"] == 1).to_numpy()].copy()
    conditions = _order(frame, options)
    derived, partial = _derived_rounds(frame)
    frame["source"] = frame["condition"]
    repeats = pd.concat([_repeats(frame), _within_rounds(whole, again)])
    first = _first_rounds(frame)
    if derived and FINAL not in conditions:
        last = frame[frame["round_rank"] == frame.groupby(["reader_id", "case_id"])["round_rank"].transform("max")].copy()
        last["condition"] = FINAL
        first = pd.concat([first, last])
        conditions = (*conditions, FINAL)
        notes.add(
            f"round(s) {_names(frame, derived)} cover only some cases: condition 'final' is each reader's last read of a case",
            "input",
        )
    groups = dict(frame.groupby("reader_id")["group"].max())
    readers = tuple(sorted(groups))
    table = None
    if predictions is not None:
        table = _predictions(predictions, known, notes)
    return Design(first, repeats, conditions, partial, readers, groups, _scale(frame, options), reference, table)


def _category_faults(frame: pd.DataFrame, name: str, options: Options) -> list[Fault]:
    faults = []
    if options.zero == "error":
        for row in frame.index[(frame["assessment"] == "0").to_numpy()]:
            faults.append(
                Fault(
                    f"{name}, row {row}, column assessment",
                    "category 0 has no place on the scale",
                    "resolve it or choose --zero positive, negative or exclude",
                )
            )
    if options.positive_from in ("4B", "4C"):
        for row in frame.index[(frame["assessment"] == "4").to_numpy()]:
            faults.append(
                Fault(
                    f"{name}, row {row}, column assessment",
                    f"plain 4 cannot be placed below or above {options.positive_from}",
                    "write 4A, 4B or 4C, or choose --positive-from 4A",
                )
            )
    return faults


def _resolve(frame: pd.DataFrame, options: Options, notes: Notes) -> pd.DataFrame:
    limit = rank(options.positive_from)
    if limit is None:
        raise ValueError("the positive category has no rank")
    zeros = (frame["assessment"] == "0").to_numpy()
    if zeros.any():
        notes.add(f"{int(zeros.sum())} reads with BI-RADS 0 were treated as '{options.zero}'", "input")
    if options.zero == "exclude":
        frame = frame[~zeros].copy()
    table = {c: rank(c) for c in pd.unique(frame["assessment"]) if c not in ("", "0")}
    values = {c: float(v) for c, v in table.items() if v is not None}
    values["0"] = float(limit) if options.zero == "positive" else 1.0
    frame["rank"] = frame["assessment"].map(values).astype(float)
    derived = (frame["rank"] >= limit).astype(float).where(frame["rank"].notna())
    frame["call"] = frame["call"].fillna(derived).fillna(frame["recall"])
    return frame


def _order(frame: pd.DataFrame, options: Options) -> tuple[str, ...]:
    present = set(frame["condition"])
    stated = [c for c in options.conditions if c in present]
    rest = sorted(present - set(stated) - {FINAL})
    return (*stated, *rest, *([FINAL] if FINAL in present and FINAL not in stated else []))


def _derived_rounds(frame: pd.DataFrame) -> tuple[list[int], tuple[str, ...]]:
    """Return the rounds (ranks) that readers' earlier answers selected, and the conditions that stand in such rounds only."""
    answers: dict[str, dict[int, dict[str, set[str]]]] = {}
    columns = ("reader_id", "round_rank", "case_id", "assessment")
    for reader, number, case, category in zip(*(frame[c] for c in columns), strict=True):
        answers.setdefault(reader, {}).setdefault(int(number), {}).setdefault(case, set()).add(category)
    where = frame.groupby("condition")["round_rank"].agg(set).to_dict()
    derived = []
    for number in sorted(set(frame["round_rank"]))[1:]:
        pairs = []
        for rounds in answers.values():
            earlier = [n for n in rounds if n < number]
            if number in rounds:
                pairs.append((set(rounds[number]), rounds[max(earlier)] if earlier else {}))
        inside = all(own <= set(before) for own, before in pairs)
        proper = [own < set(before) for own, before in pairs]
        own_condition = all(numbers == {number} for numbers in where.values() if number in numbers)
        if inside and ((all(proper) and own_condition) or (any(proper) and all(_left_at(own, before) for own, before in pairs))):
            derived.append(int(number))
    return derived, tuple(str(c) for c, numbers in where.items() if numbers <= set(derived))


def _names(frame: pd.DataFrame, ranks: Sequence[int]) -> str:
    """Return the names of rounds."""
    return ", ".join(sorted(set(frame.loc[frame["round_rank"].isin(ranks), "round"])))


def _left_at(own: set[str], before: dict[str, set[str]]) -> bool:
    """Whether ``own`` are just the cases that were left at some categories in the round before."""
    cases: dict[str, set[str]] = {}
    for case, categories in before.items():
        for category in categories:
            cases.setdefault(category, set()).add(case)
    whole = [those for category, those in cases.items() if category and those <= own]
    return bool(whole) and set().union(*whole) == own


def _first_rounds(frame: pd.DataFrame) -> pd.DataFrame:
    first = frame.groupby(["reader_id", "condition", "case_id"])["round_rank"].transform("min")
    return frame[(frame["round_rank"] == first).to_numpy()].copy()


def _repeats(frame: pd.DataFrame) -> pd.DataFrame:
    rounds = frame.groupby(["reader_id", "condition", "case_id"])["round_rank"].transform("nunique")
    return frame[(rounds > 1).to_numpy()].copy()


def _within_rounds(whole: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    """Return the reads of cases that came again within a round; the second reading stands as a round "N again" of its own."""
    keys = ["reader_id", "condition", "round_rank", "case_id"]
    wanted = set(again[keys].itertuples(index=False, name=None))
    rows = [key in wanted for key in whole[keys].itertuples(index=False, name=None)]
    found = whole[np.array(rows, dtype=np.bool_)].copy()
    second = (found["occurrence"] > 1).to_numpy()
    found["source"] = found["condition"]
    # apart from the rounds themselves, so that a second reading is compared with the first of its own round only
    found["round_rank"] = found["round_rank"] * 10 + 1_000 + second
    found["round"] = np.where(second, found["round"] + " again", found["round"])
    return found


def _scale(frame: pd.DataFrame, options: Options) -> tuple[str, ...]:
    if options.categories:
        return tuple(c for c in options.categories if c != "0")
    used = set(frame["assessment"])
    return PLAIN_SCALE if "4" in used and not used & {"4A", "4B", "4C"} else FULL_SCALE


def _predictions(predictions: Checked, known: set[str], notes: Notes) -> pd.DataFrame:
    frame = predictions.frame
    foreign = ~frame["case_id"].isin(known).to_numpy()
    if foreign.any():
        notes.add(f"{int(foreign.sum())} predictions are of cases without reference and are left out", "input")
    if frame["call"].isna().any():
        notes.add("predictions without a call count as positive from a probability of 0.5", "input")
    frame = frame[~foreign].copy()
    frame["call"] = frame["call"].fillna((frame["probability"] >= 0.5).astype(float))
    return frame
