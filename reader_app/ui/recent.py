"""The studies opened last on this computer: a short list in the user's data folder."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from reader_app import paths

#: How many are remembered.
KEPT = 12


@dataclass(frozen=True, slots=True)
class RecentStudy:
    """One remembered study.

    Attributes
    ----------
    path : Path
    title : str
        From ``study.toml``, or the folder's name.
    state : str
        "frozen", "in preparation" or "not found".
    """

    path: Path
    title: str
    state: str


def _file() -> Path:
    return paths.data_dir() / "recent.json"


def note(study: Path) -> None:
    """Put a study at the head of the list; a failure to write only costs the memory of it."""
    known = [str(study.resolve()), *(own for own in _paths() if own != str(study.resolve()))][:KEPT]
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        draft = _file().with_suffix(".new")
        draft.write_text(json.dumps(known, ensure_ascii=False, indent=1), encoding="utf-8")
        os.replace(draft, _file())
    except OSError:
        return


def _paths() -> list[str]:
    try:
        stored = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [own for own in stored if isinstance(own, str)] if isinstance(stored, list) else []


def recent() -> list[RecentStudy]:
    """Return the remembered studies, the latest first."""
    return [describe(Path(own)) for own in _paths()]


def describe(path: Path) -> RecentStudy:
    """Return what is known of a study folder, from its file."""
    try:
        document = tomllib.loads((path / "study.toml").read_text(encoding="utf-8-sig"))
        title = str(document.get("title") or path.name)
    except (OSError, ValueError):
        return RecentStudy(path, path.name, "not found")
    frozen = (path / "assignment.lock.json").is_file()
    return RecentStudy(path, title, "frozen" if frozen else "in preparation")
