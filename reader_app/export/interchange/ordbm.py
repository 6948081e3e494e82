"""Long table ``reader,treatment,case,truth,rating`` for OR-DBM MRMC, MRMCaov and RJafroc's "MRMC" format.

Those programs want a fully crossed study, whole-number cases and sort labels as text ("differences are the first minus the
second"), so labels carry their place in front, and a condition that some reader did not finish is left out and named in the
key.
"""

from __future__ import annotations

import csv
from pathlib import Path

from reader_app.errors import Fault, InputFaults
from reader_app.export.atomic import refuse, write_checked
from reader_app.export.content import WorkbookContent
from reader_app.export.interchange.ratings import Ratings, plain_ids, readable_ids, score_text, write_key

HEADER = ("reader", "treatment", "case", "truth", "rating")


def crossed_or_refuse(found: Ratings, program: str) -> tuple[str, ...]:
    """Return the fully crossed conditions.

    Raises
    ------
    InputFaults
        If there is none.
    """
    conditions = found.crossed()
    if not conditions:
        what = f"{program} needs every reader to have read every case, and under no condition was that so"
        raise InputFaults([Fault("reads", what, "export to imrmc, which takes missing reads")])
    return conditions


def write(out: Path, study_id: str, found: Ratings, content: WorkbookContent) -> list[Path]:
    """Write ``STUDY-ordbm.csv`` and its key."""
    kept = crossed_or_refuse(found, "OR-DBM MRMC")
    readers = plain_ids(found.readers, "R")
    words_ = readable_ids(kept)
    treatments = {name: f"{place:02d}_{words_[name]}" for place, name in enumerate(kept, start=1)}
    cases = {case: str(number) for number, case in enumerate(found.cases, start=1)}
    rows = [
        (readers[reader], treatments[name], cases[case], str(found.truth[case]), score_text(found.score[reader, name, case]))
        for name in kept
        for reader in found.readers
        for case in found.cases
    ]

    def save(target: Path) -> None:
        with target.open("w", encoding="ascii", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(rows)

    def check(target: Path) -> str:
        read_rows = read(target)
        refuse(target, [] if read_rows == rows else ["rows"])
        return f"{len(read_rows):,} reads"

    path = write_checked(out / f"{study_id}-ordbm.csv", save, check).path
    left_out = {name: "left out: not every reader read every case" for name in found.conditions if name not in kept}
    parts = {"reader": readers, "condition": treatments | left_out, "case": cases}
    return [path, write_key(out / f"{study_id}-ordbm-key.csv", parts, content.interim)]


def read(path: Path) -> list[tuple[str, ...]]:
    """Read the table by the rules of the programs.

    Raises
    ------
    ValueError
        If the header is another, a case is no whole number, a truth changes, a read comes twice, or the table is not crossed.
    """
    with path.open(encoding="ascii", newline="") as file:
        lines = list(csv.reader(file))
    if tuple(lines[0]) != HEADER:
        raise ValueError("the header is not reader,treatment,case,truth,rating")
    rows = [tuple(line) for line in lines[1:]]
    truth: dict[str, str] = {}
    for number, (_, _, case, value, rating) in enumerate(rows, start=2):
        float(rating)
        if str(int(case)) != case or value not in ("0", "1") or truth.setdefault(case, value) != value:
            raise ValueError(f"line {number}: case or truth")
    keys = {row[:3] for row in rows}
    if len(keys) != len(rows) or len(rows) != len({r for r, *_ in rows}) * len({r[1] for r in rows}) * len(truth):
        raise ValueError("a read comes twice, or one is missing")
    if set(truth.values()) != {"0", "1"}:
        raise ValueError("one class is empty")
    return rows
