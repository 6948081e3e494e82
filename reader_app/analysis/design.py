"""From checked tables to arrays: which reader judged which unit under which condition, and what is true of the unit.

Rules (fixed by the program's outer interface):

- If a reader read a case several times under one condition, the first round counts; later ones serve intra-reader agreement.
- A study whose later round covers only some cases (the reader's own earlier answers select them) gets the derived condition
  ``final``: each reader's last read of a case. A round counts as such when every reader who reads in it leaves out some of the
  cases that they read before, and its condition stands in no earlier round.
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
        First reads, with ``rank`` (order of the category, NaN) and ``call`` (0, 1, NaN) resolved; includes ``final``.
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


@dataclass(frozen=True)
class Block:
    """One analysis population as arrays: I conditions, J readers, K units (index order condition, reader, unit).

    Attributes
    ----------
    truth : bool array (K,)
    score, rank, call : float arrays (I, J, K)
        NaN where the reader did not read the unit under the condition or gave no such answer.
    models : tuple of str
    probability, model_call : float arrays (M, K)
    cluster : int array (K,) or None
        Cluster of each unit; None when units are taken as independent.
    case : int array (K,)
        Case of each unit, as a code.
    """

    level: str
    lesion_type: str | None
    conditions: tuple[str, ...]
    partial: tuple[str, ...]
    readers: tuple[str, ...]
    units: tuple[tuple[str, str], ...]
    truth: BoolArray
    score: FloatArray
    rank: FloatArray
    call: FloatArray
    models: tuple[str, ...]
    probability: FloatArray
    model_call: FloatArray
    cluster: NDArray[np.int64] | None
    case: NDArray[np.int64]
    scale: tuple[str, ...]

    def ratings(self) -> list[tuple[str, FloatArray]]:
        """Return the decision variables at hand: score, assessment, call, in this order, those with any value."""
        named = [("score", self.score), ("assessment", self.rank), ("call", self.call)]
        return [(name, values) for name, values in named if np.isfinite(values).any()]

    def with_readers(self, readers: Sequence[str]) -> Block:
        """Return the same block for some readers only."""
        keep = [self.readers.index(r) for r in readers]
        values = {name: getattr(self, name)[:, keep, :] for name in ("score", "rank", "call")}
        return Block(**{**self.__dict__, "readers": tuple(readers), **values})


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
    unread = [c for c in reference.case_ids if c not in set(frame["case_id"])]
    if unread:
        shown = ", ".join(unread[:5]) + (" ..." if len(unread) > 5 else "")
        notes.add(f"{len(unread)} cases of the reference were read by nobody and are left out: {shown}", "input")
    frame = _resolve(frame, options, notes)
    conditions = _order(frame, options)
    partial = _partial(frame, conditions)
    repeats = _repeats(frame)
    first = _first_rounds(frame)
    if partial and FINAL not in conditions:
        last = frame[frame["round_rank"] == frame.groupby(["reader_id", "case_id"])["round_rank"].transform("max")].copy()
        last["condition"] = FINAL
        first = pd.concat([first, last])
        conditions = (*conditions, FINAL)
        notes.add(
            f"round(s) of {', '.join(partial)} cover only some cases: condition 'final' is each reader's last read of a case",
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


def _partial(frame: pd.DataFrame, conditions: Sequence[str]) -> tuple[str, ...]:
    found = []
    lowest = int(frame["round_rank"].min())
    cases: dict[str, dict[int, set[str]]] = {}
    for reader, number, case in zip(frame["reader_id"], frame["round_rank"], frame["case_id"], strict=True):
        cases.setdefault(reader, {}).setdefault(int(number), set()).add(case)
    for condition in conditions:
        rounds = set(frame.loc[frame["condition"] == condition, "round_rank"])
        if lowest in rounds or len(rounds) != 1:
            continue
        (number,) = rounds
        readers = set(frame.loc[(frame["condition"] == condition).to_numpy(), "reader_id"])
        selected = []
        for reader in readers:
            earlier: set[str] = set()
            for when, those in cases[reader].items():
                if when < number:
                    earlier |= those
            selected.append(cases[reader][number] < earlier)
        if selected and all(selected):
            found.append(condition)
    return tuple(found)


def _first_rounds(frame: pd.DataFrame) -> pd.DataFrame:
    first = frame.groupby(["reader_id", "condition", "case_id"])["round_rank"].transform("min")
    return frame[(frame["round_rank"] == first).to_numpy()].copy()


def _repeats(frame: pd.DataFrame) -> pd.DataFrame:
    rounds = frame.groupby(["reader_id", "condition", "case_id"])["round_rank"].transform("nunique")
    return frame[(rounds > 1).to_numpy()].copy()


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


def block(design: Design, options: Options, lesion_type: str | None = None, level: str | None = None) -> Block:
    """Arrange the reads of one lesion type (None = all) at one level as arrays.

    Raises
    ------
    TableError
        If the level needs a laterality or lesion that a read lacks, or that the reference does not know.
    """
    level = level or options.level
    frame = design.reads
    if lesion_type is not None:
        frame = frame[(frame["lesion_type"] == lesion_type).to_numpy()]
    truth = _truth(design.reference, level, lesion_type)
    second = {"case": None, "breast": "laterality", "lesion": "lesion_id"}[level]
    keys = _keys(frame, second, "reads", level)
    units = tuple(dict.fromkeys(sorted(set(keys), key=_unit_order(design.reference))))
    place = {u: k for k, u in enumerate(units)}
    _check_units(frame, keys, truth, level)
    readers = {r: j for j, r in enumerate(design.readers)}
    names = {c: i for i, c in enumerate(design.conditions)}
    i = frame["condition"].map(names).to_numpy(dtype=np.int64)
    j = frame["reader_id"].map(readers).to_numpy(dtype=np.int64)
    k = np.fromiter((place[u] for u in keys), dtype=np.int64, count=len(keys))
    shape = (len(design.conditions), len(design.readers), len(units))
    arrays = {}
    for name in ("score", "rank", "call"):
        values = np.full(shape, np.nan)
        np.fmax.at(values, (i, j, k), frame[name].to_numpy(dtype=float))
        arrays[name] = values
    models, probability, calls = _model_arrays(design, level, second, lesion_type, place)
    cases = {c: n for n, c in enumerate(dict.fromkeys(u[0] for u in units))}
    case = np.array([cases[u[0]] for u in units], dtype=np.int64)
    cluster = None
    if options.cluster is not None:
        names_of = design.reference.cluster(options.cluster)
        codes = {c: n for n, c in enumerate(sorted({names_of[u[0]] for u in units}))}
        cluster = np.array([codes[names_of[u[0]]] for u in units], dtype=np.int64)
    return Block(
        level=level,
        lesion_type=lesion_type,
        conditions=design.conditions,
        partial=design.partial,
        readers=design.readers,
        units=units,
        truth=np.array([truth.get(u, False) for u in units], dtype=np.bool_),
        score=arrays["score"],
        rank=arrays["rank"],
        call=arrays["call"],
        models=models,
        probability=probability,
        model_call=calls,
        cluster=cluster,
        case=case,
        scale=design.scale,
    )


def _unit_order(reference: Reference) -> _ByReference:
    return _ByReference({c: n for n, c in enumerate(reference.case_ids)})


@dataclass(frozen=True)
class _ByReference:
    place: dict[str, int]

    def __call__(self, unit: tuple[str, str]) -> tuple[int, str]:
        return self.place[unit[0]], unit[1]


def _truth(reference: Reference, level: str, lesion_type: str | None) -> dict[tuple[str, str], bool]:
    if level == "case":
        return {(str(case), ""): bool(value) for case, value in reference.cases(lesion_type).items()}
    return reference.breasts(lesion_type) if level == "breast" else reference.lesions(lesion_type)


def _keys(frame: pd.DataFrame, second: str | None, name: str, level: str) -> list[tuple[str, str]]:
    if second is None:
        return [(c, "") for c in frame["case_id"]]
    blank = frame.index[(frame[second] == "").to_numpy()]
    if len(blank):
        raise TableError(
            [
                Fault(
                    f"{name}, row {blank[0]}, column {second}",
                    f"is blank, but the level is {level}",
                    "fill it in or choose --level case",
                )
            ]
        )
    return list(zip(frame["case_id"], frame[second], strict=True))


def _check_units(frame: pd.DataFrame, keys: list[tuple[str, str]], truth: dict[tuple[str, str], bool], level: str) -> None:
    if level != "lesion":
        return
    faults = [
        Fault(
            f"reads, row {row}, column lesion_id", f"lesion {key[1]} of case {key[0]} has no reference", "add it to the reference"
        )
        for row, key in zip(frame.index, keys, strict=True)
        if key not in truth
    ]
    if faults:
        raise TableError(faults)


def _model_arrays(
    design: Design, level: str, second: str | None, lesion_type: str | None, place: dict[tuple[str, str], int]
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    if design.predictions is None:
        return (), np.empty((0, len(place))), np.empty((0, len(place)))
    frame = design.predictions
    if lesion_type is not None:
        frame = frame[(frame["lesion_type"] == lesion_type).to_numpy()]
    if second is not None:
        frame = frame[(frame[second] != "").to_numpy()]
    models = tuple(sorted(set(design.predictions["model_id"])))
    probability = np.full((len(models), len(place)), np.nan)
    calls = np.full_like(probability, np.nan)
    codes = {m: n for n, m in enumerate(models)}
    sides = frame[second] if second is not None else pd.Series("", index=frame.index)
    for model, case, side, p, call in zip(
        frame["model_id"], frame["case_id"], sides, frame["probability"], frame["call"], strict=True
    ):
        k = place.get((case, side))
        if k is not None:
            m = codes[model]
            probability[m, k] = np.fmax(probability[m, k], p)
            calls[m, k] = np.fmax(calls[m, k], call)
    return models, probability, calls
