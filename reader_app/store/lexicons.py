"""Lists of terms and ready questionnaires: the program's own, and those that a study folder brings in ``lexicon/*.json``.

A file holds ``{"schema": 1, "title", "source", "lists": {name: [term, ...]}, "questionnaires": {name: [question, ...]}}``. What a
study uses of the program's files is copied into its folder when it is frozen, so that a later edition changes no running study.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reader_app import paths
from reader_app.errors import Fault, StudyFileError

FOLDER = "lexicon"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Lexicons:
    """Lists of terms and of questions by name, and the file each name comes from."""

    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    questionnaires: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)


def load(study: Path | None = None) -> Lexicons:
    """Return the lexicons of the program, overridden by those of a study folder.

    Raises
    ------
    StudyFileError
        With every file that is not a lexicon.
    """
    faults: list[Fault] = []
    lists: dict[str, tuple[str, ...]] = {}
    asked: dict[str, tuple[Mapping[str, Any], ...]] = {}
    files: dict[str, Path] = {}
    folders = [paths.resource(FOLDER), *([study / FOLDER] if study is not None else [])]
    for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            own, questions = _parts(document)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            faults.append(Fault(str(path), f"it is not a list of terms ({error})", "compare it with the program's lexicons"))
            continue
        lists |= own
        asked |= questions
        files |= dict.fromkeys((*own, *questions), path)
    if faults:
        raise StudyFileError(faults)
    return Lexicons(lists, asked, files)


def _parts(document: Any) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[Mapping[str, Any], ...]]]:
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema {document['schema']!r}, this program reads {SCHEMA}")
    lists = {name: tuple(terms) for name, terms in document.get("lists", {}).items()}
    for name, terms in lists.items():
        if not terms or len(set(terms)) < len(terms) or not all(isinstance(term, str) and term.strip() for term in terms):
            raise ValueError(f"{name} is empty, or holds something twice or something else than texts")
    asked = {name: tuple(questions) for name, questions in document.get("questionnaires", {}).items()}
    for name, questions in asked.items():
        if not questions or not all(isinstance(question, dict) for question in questions):
            raise ValueError(f"{name} is not a list of questions")
    return lists, asked


def names_used(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of lists and questionnaires that a parsed ``study.toml`` refers to."""
    return frozenset(_named(document))


def _named(value: Any) -> Sequence[str]:
    if isinstance(value, Mapping):
        own = [value[key] for key in ("lexicon", "template") if isinstance(value.get(key), str)]
        return [*own, *(name for inner in value.values() for name in _named(inner))]
    return [name for inner in value for name in _named(inner)] if isinstance(value, list) else []


def bring_in(study: Path, document: Mapping[str, Any]) -> tuple[Path, ...]:
    """Copy the program's files that a study uses into the study folder; return the copies."""
    found = load(study)
    asked = [question for name in names_used(document) for question in found.questionnaires.get(name, ())]
    names = [*names_used(document), *_named([dict(question) for question in asked])]
    wanted = {found.files[name] for name in names if name in found.files and found.files[name].parent != study / FOLDER}
    copies = []
    for path in sorted(wanted):
        target = study / FOLDER / f"00_{path.name}"  # read before the study's own files, which therefore prevail
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
        copies.append(target)
    return tuple(copies)
