"""Where things lie: resources, the user's data and settings; the same frozen and unfrozen."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def _root() -> Path:
    frozen = getattr(sys, "_MEIPASS", None)
    return Path(frozen) if frozen else Path(__file__).resolve().parent.parent


def resource(name: str) -> Path:
    """Return the path of a file or folder under ``resources/``."""
    return _root() / "resources" / name


def study_templates() -> Path:
    """Return the folder of ready study protocols (``studies/``)."""
    return _root() / "studies"


def data_dir() -> Path:
    """Return the per-user folder for recent studies, demo and crash notes; honours ``READER_APP_HOME``."""
    own = os.environ.get("READER_APP_HOME")
    if own:
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "ReaderApp"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "ReaderApp"
    return Path(os.environ.get("XDG_DATA_HOME", str(Path.home() / ".local" / "share"))) / "reader-app"


def is_frozen() -> bool:
    """Return whether the program runs from a packaged build."""
    return bool(getattr(sys, "frozen", False))
