"""Small CSV tables of a study folder: every cell a text, written whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reader_app.store.disk import write_atomically


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a UTF-8 CSV file as mappings from column to text; an absent file has none."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{k: (v or "") for k, v in row.items() if k is not None} for row in csv.DictReader(file)]


def header(path: Path) -> list[str]:
    """Return the column names of a CSV file; an absent or empty file has none."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a CSV file beside its place and rename it, so that a reader sees the old file or the new one, never half."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(columns), restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a text file durably, whole or not at all, as UTF-8 with the line ends that it has."""
    write_atomically(path, text.encode("utf-8"))


def merge_rows(old: Sequence[Mapping[str, str]], new: Sequence[Mapping[str, str]], key: str) -> list[dict[str, str]]:
    """Return the old rows updated by the new ones with the same key (empty new cells keep the old text), new keys last."""
    merged = {row[key]: dict(row) for row in old}
    for row in new:
        known = merged.setdefault(row[key], {})
        known.update({k: v for k, v in row.items() if v != "" or k not in known})
    return list(merged.values())
