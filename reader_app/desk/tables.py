"""Small CSV tables of a study folder: every cell a text, written whole or not at all."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


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
    """Write a text file durably: temporary file in the same folder, flushed to disk, renamed over the old one."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def merge_rows(old: Sequence[Mapping[str, str]], new: Sequence[Mapping[str, str]], key: str) -> list[dict[str, str]]:
    """Return the old rows updated by the new ones with the same key (empty new cells keep the old text), new keys last."""
    merged = {row[key]: dict(row) for row in old}
    for row in new:
        known = merged.setdefault(row[key], {})
        known.update({k: v for k, v in row.items() if v != "" or k not in known})
    return list(merged.values())
