"""What every section of the result document needs: design, options, notes, populations and groups of readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from reader_app.analysis.blocks import Block
from reader_app.analysis.design import Design
from reader_app.analysis.estimate import Estimate, Notes
from reader_app.analysis.options import Options

Row = dict[str, Any]


@dataclass
class Context:
    """Inputs of the sections.

    Attributes
    ----------
    blocks : list of Block
        The whole, then one for each lesion type.
    shown : mapping
        By model (or prepared set of aids) and case: the call that was shown (NaN: none) and what was done to the aid.
    """

    design: Design
    options: Options
    notes: Notes
    blocks: list[Block]
    shown: Mapping[str, Mapping[str, tuple[float, str]]] = field(default_factory=dict)

    @cached_property
    def groups(self) -> list[tuple[str | None, tuple[str, ...]]]:
        """All readers (None), then with ``--by group`` each group with its readers."""
        design = self.design
        found: list[tuple[str | None, tuple[str, ...]]] = [(None, design.readers)]
        if self.options.by == "group":
            names = sorted({g for g in design.groups.values() if g})
            found += [(name, tuple(r for r in design.readers if design.groups[r] == name)) for name in names]
        return found

    def group_of(self, reader: str) -> str | None:
        """Return the group of a reader as it stands in rows: None unless ``--by group``."""
        return (self.design.groups[reader] or None) if self.options.by == "group" else None

    def pairs(self) -> list[tuple[str, str]]:
        """Return the pairs of conditions in order (a before b)."""
        return list(combinations(self.design.conditions, 2))

    def individuals(self, block: Block) -> Iterator[tuple[int, str, Row]]:
        """Iterate over readers: index, id, and the keys of their rows."""
        for j, reader in enumerate(block.readers):
            yield j, reader, {"reader_id": reader, **self.keys(block, self.group_of(reader))}

    def pooled(self, block: Block) -> Iterator[tuple[list[int], Row]]:
        """Iterate over groups: indices of their readers, and the keys of the pooled rows (``reader_id`` None)."""
        for group, readers in self.groups:
            yield [block.readers.index(r) for r in readers], {"reader_id": None, **self.keys(block, group)}

    @staticmethod
    def keys(block: Block, group: str | None) -> Row:
        """Return the keys that every row carries."""
        return {"group": group, "lesion_type": block.lesion_type, "level": block.level}

    def value(self, estimate: Estimate, section: str, name: str, row: Row) -> Row:
        """Return the JSON form of an estimate; its reason, if any, goes to the warnings with the row's keys."""
        wanted = (
            "reader_id", "condition", "condition_a", "condition_b", "a", "b", "score", "weights", "fom", "test", "analysis",
            "generalise", "endpoint", "group", "lesion_type", "level",
        )  # fmt: skip
        return self.notes.explain(estimate, section, name, **{k: row[k] for k in wanted if k in row})


def holm(p_values: list[float | None]) -> list[float | None]:
    """Return Holm-adjusted p-values; None stays None and does not count.

    References
    ----------
    Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65.
    """
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for step, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - step)))
        adjusted[i] = highest
    return adjusted
