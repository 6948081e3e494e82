"""From the reads of the logs to the tables of an analysis.

Names of conditions (stable; the same study gives the same names in any language):

- an unaided round is ``unaided``; a round with the aid from the first paint is ``aided``;
- a sequential round gives two reads of each case: ``unaided`` (the sealed answer) and ``aided`` (the final one); where the study
  also has a plain unaided (or concurrently aided) round they are ``unaided (sequential)`` and ``aided (sequential)``;
- rounds that refine an earlier answer stage by stage are ``aided stage 1``, ``aided stage 2`` ... in the order of the rounds;
- aided rounds with different models carry the model: ``aided (MODEL)``, ``aided stage 1 (MODEL)``; also where it is the arms that
  are shown different ones;
- where rounds show different planes of a volume, a round of some planes only carries them: ``unaided (transverse+sagittal)``.

A round repeated under the same condition keeps the name: the first counts, the later ones serve intra-reader agreement. So do
cases that come again within a round (``occurrence`` 2).
The derived condition ``final`` (each reader's last read of a case) is made by :mod:`reader_app.analysis.design`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import pandas as pd

from reader_app.study.assessment import CASE_UNIT
from reader_app.study.assignment import Plan
from reader_app.study.definition import Condition
from reader_app.study.finding import Mark
from reader_app.study.readtable import Read, active_seconds

#: From (case_id, image_id, index) to (x_mm, y_mm, z_mm or None), as the table of marks wants them.
ToMillimetres = Callable[[str, str, tuple[float, ...]], tuple[float, float, float | None]]


@dataclass(frozen=True)
class LogTables:
    """Tables made from logs, with what the study says about them.

    Attributes
    ----------
    reads : DataFrame
        Columns of the outer interface's reads table, with ``aid_model_id`` and ``position``.
    marks : DataFrame or None
        Marks in millimetres; None when there are no marks or no way to convert them.
    conditions : tuple of str
        In the order of the rounds.
    categories : tuple of str
        The study's scale.
    aids : mapping of str to str
        Model shown in each aided condition.
    """

    reads: pd.DataFrame
    marks: pd.DataFrame | None
    conditions: tuple[str, ...]
    categories: tuple[str, ...]
    aids: Mapping[str, str]
    positive_from: str
    level: str


class RoundLike(Protocol):
    """What the name of a condition depends on: a round of a reader's plan has it."""

    @property
    def number(self) -> int:
        """Number of the round."""
        ...

    @property
    def condition(self) -> Condition:
        """What this reader has in it."""
        ...

    @property
    def aid(self) -> str | None:
        """Model whose aid is shown."""
        ...

    @property
    def planes(self) -> tuple[str, ...]:
        """Planes of volumes that are shown; empty for all."""
        ...


Labels = dict[int, tuple[str, str | None]]


def condition_labels(plan: Plan) -> Labels:
    """Return by round number the label of the (final) answer and, in a sequential round, that of the sealed one.

    This is right for a study of one reader; see :func:`labels_by_reader`.
    """
    return labels_of(plan.rounds)


def labels_by_reader(rounds: Mapping[str, Sequence[RoundLike]]) -> dict[str, Labels]:
    """Return the labels of every reader of a study, from the rounds of each: readers shown another model get another name."""
    everyone = tuple(rounds.values())
    return {reader_id: labels_of(own, everyone) for reader_id, own in rounds.items()}


def labels_of(rounds: Sequence[RoundLike], everyone: Sequence[Sequence[RoundLike]] = ()) -> Labels:
    """Do the same for the rounds of one reader, without the orders of a plan; ``everyone``: the rounds of all readers."""
    kinds = [r.condition for r in rounds]
    known = [r for own in (everyone or [rounds]) for r in own]
    models = {r.aid for r in known if r.condition in (Condition.AIDED_CONCURRENT, Condition.AIDED_SEQUENTIAL)}
    second = {r.aid for r in known if r.condition is Condition.AIDED_SEQUENTIAL}
    labels: Labels = {}
    stage = 0
    for entry in rounds:
        shown = f" ({'+'.join(entry.planes)})" if entry.planes and any(set(r.planes) != set(entry.planes) for r in rounds) else ""
        aided = (f"aided ({entry.aid})" if len(models) > 1 else "aided") + shown
        unaided = "unaided" + shown
        match entry.condition:
            case Condition.UNAIDED:
                labels[entry.number] = (unaided, None)
            case Condition.AIDED_CONCURRENT:
                labels[entry.number] = (aided, None)
            case Condition.AIDED_STAGED:
                stage += 1
                staged = {r.aid for r in known if r.number == entry.number and r.condition is Condition.AIDED_STAGED}
                labels[entry.number] = (f"aided stage {stage}" + (f" ({entry.aid})" if len(staged) > 1 else "") + shown, None)
            case Condition.AIDED_SEQUENTIAL:
                named = f"aided (sequential, {entry.aid})" if len(second) > 1 else "aided (sequential)"
                final = named + shown if Condition.AIDED_CONCURRENT in kinds else aided
                sealed = "unaided (sequential)" + shown if Condition.UNAIDED in kinds else unaided
                labels[entry.number] = (final, sealed)
    return labels


def from_reads(
    reads: Sequence[Read],
    plans: Sequence[Plan],
    groups: Mapping[str, str] | None = None,
    to_mm: ToMillimetres | None = None,
    kinds: Mapping[tuple[str, str], str] | None = None,
) -> LogTables:
    """Turn Reads into the reads table (and marks table) of an analysis.

    Parameters
    ----------
    reads
        Of any number of readers (``study.readtable.reads``).
    plans
        The plan of each of these readers.
    groups
        Experience group by reader.
    to_mm
        Converts a mark's index to millimetres; without it no marks table is made.
    kinds
        What was done to the aid of a model and case ("withheld", "inverted", "swapped"; absent: "true"), where aids were
        prepared.

    Raises
    ------
    KeyError
        If a read belongs to a reader without a plan.
    """
    by_reader = {p.reader_id: p for p in plans}
    labels = labels_by_reader({p.reader_id: p.rounds for p in plans})
    rows: list[dict[str, Any]] = []
    marks: list[dict[str, Any]] = []
    aids: dict[str, str] = {}
    for read in reads:
        plan = by_reader[read.reader_id]
        final, sealed = labels[read.reader_id][read.round_no]
        model = next(r.aid for r in plan.rounds if r.number == read.round_no)
        group = (groups or {}).get(read.reader_id, "")
        if model:
            aids[final] = model
        common: dict[str, Any] = {"reader_id": read.reader_id, "case_id": read.case_id, "round": str(read.round_no)}
        common |= {"group": group, "occurrence": read.occurrence}
        if read.initial is not None and sealed is not None:
            head = {**common, "condition": sealed, "position": read.position, "aid_model_id": ""}
            rows += _rows(head, read.initial.categories, read.initial.scores, read.initial.active_ns / 1e9)
            marks += _marks(head, read.initial.marks, to_mm) if read.occurrence == 1 else []
        shown = read.aid.model_id if read.aid is not None else ""
        head = {**common, "condition": final, "position": read.position, "aid_model_id": shown}
        head["aid_kind"] = (kinds or {}).get((shown, read.case_id), "true" if kinds else "") if shown else ""
        rows += _rows(head, read.categories, read.scores, active_seconds(read))
        marks += _marks(head, read.marks, to_mm) if read.occurrence == 1 else []
    first = plans[0].assessment if plans else None
    columns = [
        "reader_id", "condition", "case_id", "round", "group", "laterality", "score", "assessment", "reading_time_s",
        "position", "aid_model_id", "occurrence", "aid_kind",
    ]  # fmt: skip
    return LogTables(
        reads=pd.DataFrame(rows, columns=columns),
        marks=pd.DataFrame(marks) if marks else None,
        conditions=_order(plans, labels),
        categories=tuple(first.categories) if first else (),
        aids=aids,
        positive_from=first.positive_from if first else "4A",
        level=first.level if first else "case",
    )


def _order(plans: Sequence[Plan], labels: Mapping[str, Mapping[int, tuple[str, str | None]]]) -> tuple[str, ...]:
    """Return all labels: unaided first, then as the rounds have them."""
    found: dict[str, None] = {}
    for plan in plans:
        for number in sorted(labels[plan.reader_id]):
            final, sealed = labels[plan.reader_id][number]
            for label in (sealed, final):
                if label is not None:
                    found[label] = None
    return tuple(sorted(found, key=lambda label: not label.startswith("unaided")))


def _rows(
    head: Mapping[str, Any], categories: Mapping[str, str], scores: Mapping[str, int], time_s: float
) -> list[dict[str, Any]]:
    units = [*categories, *(unit for unit in scores if unit not in categories)]
    return [
        {
            **head,
            "laterality": "" if unit == CASE_UNIT else unit,
            "score": scores.get(unit),
            "assessment": categories.get(unit, ""),
            "reading_time_s": time_s if time_s > 0 else None,
        }
        for unit in units
    ]


def _marks(head: Mapping[str, Any], marks: Sequence[Mark], to_mm: ToMillimetres | None) -> list[dict[str, Any]]:
    rows = []
    if to_mm is not None:
        for mark in marks:
            x, y, z = to_mm(head["case_id"], mark.image_id, mark.index)
            width, height, depth = _size_mm(head["case_id"], mark, to_mm)
            rows.append(
                {
                    **{k: head[k] for k in ("reader_id", "condition", "case_id", "round")},
                    "rating": mark.score if mark.score is not None else 1,
                    "image_id": mark.image_id,
                    "finding_id": mark.finding_id,
                    "x_mm": x,
                    "y_mm": y,
                    "z_mm": z,
                    "width_mm": width,
                    "height_mm": height,
                    "depth_mm": depth,
                }
            )
    return rows


def _size_mm(case_id: str, mark: Mark, to_mm: ToMillimetres) -> tuple[float | None, float | None, float | None]:
    """Return the full size along x, y and z of the box around a mark; None for a point, and along z in a still image."""
    if mark.outline:
        corners = list(mark.outline)
    elif mark.extent:
        halves = [(at - extent / 2, at + extent / 2) for at, extent in zip(mark.index, mark.extent, strict=True)]
        corners = list(product(*halves))
    else:
        return None, None, None
    places = [to_mm(case_id, mark.image_id, corner) for corner in corners]
    sizes: list[float | None] = []
    for values in zip(*places, strict=True):
        known = [value for value in values if value is not None]
        size = max(known) - min(known) if known else 0.0
        sizes.append(size if size > 0 else None)
    return sizes[0], sizes[1], sizes[2]
