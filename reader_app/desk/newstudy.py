"""A new study folder from one of the ready protocols in ``studies/``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from reader_app import paths
from reader_app.errors import Fault, InputFaults

#: Files of a template that a new study starts with.
_TEMPLATE_FILES = ("study.toml", "readers.csv", "cases.csv", "hanging.toml")


def protocols() -> tuple[str, ...]:
    """Return the names of the ready protocols, alphabetically."""
    return tuple(sorted(p.parent.name for p in paths.study_templates().glob("*/study.toml")))


def new_study(directory: Path, protocol: str, study_id: str | None = None) -> Path:
    """Make a study folder from a ready protocol.

    Parameters
    ----------
    directory : Path
        The folder to make. It may exist if it is empty.
    protocol : str
        One of :func:`protocols`.
    study_id : str, optional
        The study's id; the folder's name by default.

    Returns
    -------
    Path
        The study folder.

    Raises
    ------
    InputFaults
        If the protocol is unknown or the folder is in use.
    """
    if protocol not in protocols():
        raise InputFaults([Fault("--protocol", f"there is no protocol '{protocol}'", f"choose one of {', '.join(protocols())}")])
    if directory.exists() and any(directory.iterdir()):
        raise InputFaults([Fault(str(directory), "the folder is not empty", "name a new folder")])
    directory.mkdir(parents=True, exist_ok=True)
    for name in _TEMPLATE_FILES:
        source = paths.study_templates() / protocol / name
        if source.exists():
            shutil.copyfile(source, directory / name)
    for folder in ("images", "aids", "logs"):
        (directory / folder).mkdir(exist_ok=True)
    study_file = directory / "study.toml"
    identifier = re.sub(r"[^A-Za-z0-9_.-]+", "-", study_id or directory.resolve().name).strip("-") or protocol
    text = study_file.read_text(encoding="utf-8")
    study_file.write_text(re.sub(r'(?m)^id = "[^"]*"', f'id = "{identifier}"', text, count=1), encoding="utf-8")
    return directory
