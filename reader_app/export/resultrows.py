"""From the JSON of ``analyze`` (schema 1) to cells: who a row is about, and estimates with their limits and method."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from reader_app.export import words
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import NOT_ESTIMABLE, Column, Kind, Value

Row = Mapping[str, Any]

READER = Column("Reader", "Pseudonym of the reader, title of a model, or all readers pooled.", width=16, key="reader_id")
CONDITION = Column("Condition", "What the reader had; see the definitions on the sheet Read me.", width=18, key="condition")
#: Columns that end the description of a row; left out where nothing is in them.
SCOPE = (
    Column("Reader group", "Group of readers that the row is about.", width=12, key="group", only_if_used=True),
    Column("Lesion type", "Type of lesion that the row is about; empty: all.", width=14, key="lesion_type", only_if_used=True),
    Column("Level", "Unit of the analysis: breast or lesion; empty: case.", width=9, key="level", only_if_used=True),
)
FROM_TO = (
    Column("Condition A", "First condition.", width=18, key="condition_a"),
    Column("Condition B", "Second condition; differences are A minus B.", width=18, key="condition_b"),
)
#: The model that a reader was compared with, where "Condition B" is a model.
MODEL = Column("Model", "The model that condition B is, if it is one.", width=20, key="model_id", only_if_used=True)
METHOD = Column("Method", "How estimate and interval were computed.", width=38, key="method")
P = Column("p", "Two-sided p-value, not adjusted unless the heading says so.", Kind.P, 10, "p")
HOLM = Column("p, Holm", "Adjusted by Holm over the readers of the same comparison.", Kind.P, 10, "p_holm", True)

_NAMES = (
    ("wilson", "Wilson"),
    ("wald", "Wald"),
    ("delong", "DeLong"),
    ("hanley-mcneil", "Hanley–McNeil"),
    ("hodges-lehmann", "Hodges–Lehmann"),
)
_SCORES = {"score": "suspicion score", "assessment": "BI-RADS", "call": "positive or not", "rating": "ratings of marks"}
_WEIGHTS = {None: "none", "none": "none", "linear": "linear", "quadratic": "quadratic"}


class Results:
    """The analysis of a workbook with its words.

    Parameters
    ----------
    content : WorkbookContent
        Where the analysis comes from; an absent analysis gives empty lists.
    """

    def __init__(self, content: WorkbookContent) -> None:
        self.document: Row = content.analysis or {}
        self.titles = words.model_titles(content.study.models)
        #: Conditions in the order in which answers changed; that of the analysis for a study.
        self.sequence = list(dict.fromkeys(content.given.conditions.values())) if content.given is not None else None
        alpha = content.options().get("alpha", 0.05)
        self.coverage = f"{100 * (1 - float(alpha)):g} %"

    def rows(self, *path: str) -> Sequence[Row]:
        """Return the list at a path of the document, empty where it is absent."""
        found: Any = self.document
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        return found if isinstance(found, (list, tuple)) else ()

    def conditions(self, rows: Sequence[Row] = ()) -> list[str]:
        """Return the conditions in the order of the analysis, then those that only the rows name."""
        stated = self.document.get("input", {}).get("conditions", [])
        found = [str(row["condition"]) for row in rows if row.get("condition") is not None]
        return list(dict.fromkeys([*map(str, stated), *found]))

    def reader(self, row: Row, name: str = "reader_id") -> str:
        """Return the words for whom a row is about."""
        return words.reader(row.get(name), self.titles)

    def condition(self, row: Row, name: str = "condition") -> str:
        """Return the words for a condition of a row."""
        value = row.get(name)
        return "" if value is None else words.condition(str(value))

    def model(self, row: Row) -> Value:
        """Return the title of the model that a comparison is with."""
        model_id = row.get("model_id")
        return None if model_id is None else self.titles.get(str(model_id), str(model_id))

    def scope(self, row: Row) -> tuple[Value, ...]:
        """Return group, lesion type and level of a row; a level is named only where it is not the case."""
        level = row.get("level")
        return (text(row.get("group")), text(row.get("lesion_type")), None if level == "case" else text(level))

    def estimate_columns(
        self, title: str, meaning: str, key: str, kind: Kind = Kind.NUMBER, se: bool = False
    ) -> tuple[Column, ...]:
        """Return the columns of an estimate: value, optionally standard error, limits."""
        width = 11.0
        parts = [Column(title, meaning, kind, width, key)]
        if se:
            parts.append(Column(f"{title}, standard error", f"Standard error of: {meaning}", Kind.NUMBER, width, f"{key}_se"))
        for side in ("lower", "upper"):
            about = f"{side.capitalize()} {self.coverage} limit of: {meaning}"
            parts.append(Column(f"{title}, {side} {self.coverage}", about, kind, width, f"{key}_{side}"))
        return tuple(parts)


def of_all_types(rows: Sequence[Row]) -> list[Row]:
    """Return the rows about all lesion types together: of every reader, and of all readers but not of their groups."""
    return [
        row for row in rows if row.get("lesion_type") is None and (row.get("group") is None or row.get("reader_id") is not None)
    ]


def of_first_kind(rows: Sequence[Row], name: str, order: Sequence[object]) -> list[Row]:
    """Return the rows whose ``name`` is the first of ``order`` that any row has."""
    kinds = {row.get(name) for row in rows}
    kind = next((entry for entry in order if entry in kinds), None)
    return [row for row in rows if row.get(name) == kind]


def number(value: Any) -> Value:
    """Return a finite number, or empty."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None


def text(value: Any) -> Value:
    """Return text, or empty."""
    return None if value is None else str(value)


def asked(value: Any) -> Value:
    """Return a number that was asked for, or the words "not estimable"."""
    found = number(value)
    return NOT_ESTIMABLE if found is None else found


def estimate(value: Any, se: bool = False) -> tuple[Value, ...]:
    """Return the cells of an estimate, in the order of :meth:`Results.estimate_columns`; empty when there is none."""
    if not isinstance(value, Mapping):  # not part of this row
        return (None,) * (4 if se else 3)
    found: Row = value
    limits = (number(found.get("lower")), number(found.get("upper")))
    return (asked(found.get("estimate")), *((number(found.get("se")),) if se else ()), *limits)


def methods(row: Row, names: Sequence[str]) -> str:
    """Return the methods of several estimates of a row: the commonest plainly, the others with what they belong to."""
    found = {name: method_word(row[name].get("method")) for name in names if isinstance(row.get(name), Mapping)}
    if not found:
        return ""
    usual = Counter(found.values()).most_common(1)[0][0]
    others = [f"{name.replace('_', ' ')}: {method}" for name, method in found.items() if method not in ("", usual)]
    return f"{usual} ({'; '.join(others)})" if others else usual


def method_word(method: Any) -> str:
    """Return a method with the names of persons written as names."""
    words_ = str(method or "")
    for plain, name in _NAMES:
        words_ = re.sub(rf"\b{plain}\b", name, words_)
    return words_[:1].upper() + words_[1:]


def score_word(row: Row) -> str:
    """Return what a curve or test was made from."""
    return _SCORES.get(str(row.get("score")), str(row.get("score") or ""))


def weights_word(row: Row) -> str:
    """Return the words for the weights of an agreement."""
    return str(_WEIGHTS.get(row.get("weights"), row.get("weights")))
