"""One analysis population as arrays: which reader gave which answer to which unit under which condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reader_app.analysis.design import Design
from reader_app.analysis.options import Options
from reader_app.analysis.reference import Reference
from reader_app.errors import Fault, TableError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


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
    second = {"case": None, "breast": "laterality", "lesion": "lesion_id"}[level]
    keys = _keys(frame, second, "reads", level)
    truth = _truth(design.reference, level, lesion_type)
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
        names_of = design.reference.cluster(options.cluster, level)
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
