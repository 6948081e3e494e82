"""Whose workstation a study folder is: a folder that came from a package belongs to the reader it was made for."""

from __future__ import annotations

import json
from pathlib import Path

from reader_app.store.canonical import canonical_json
from reader_app.store.disk import write_atomically

FILE = "station.json"


def note(study: Path, reader_id: str) -> None:
    """Write down whose package was opened here.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_atomically(study / FILE, (canonical_json({"schema": 1, "reader_id": reader_id}) + "\n").encode("utf-8"))


def reader_of(study: Path) -> str | None:
    """Return the only reader who reads in this folder; None at the coordinator's desk, where all of them may."""
    try:
        return str(json.loads((study / FILE).read_text(encoding="utf-8"))["reader_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
