"""Which aids were changed on purpose: ``aid_kinds.json``, the coordinator's only, in no package and opened by no reading program.

For every case of a prepared set of aids it states the kind ("true", "withheld", "inverted", "swapped"), the case whose aid was
taken, and the SHA-256 of the prepared prediction, which the lock of a frozen study names as well: the kinds cannot be altered
afterwards without showing. The seed of the draw is random and stands nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reader_app.errors import Fault, StudyFileError
from reader_app.store.disk import write_atomically
from reader_app.store.lock import load_lock

FILE = "aid_kinds.json"
SCHEMA = 1
KINDS: tuple[str, ...] = ("true", "withheld", "inverted", "swapped")


@dataclass(frozen=True, slots=True)
class AidKind:
    """What was done to one aid; ``source_case`` is the case whose prediction it shows."""

    kind: str
    source_case: str
    sha256: str


@dataclass(frozen=True, slots=True)
class AidKinds:
    """All prepared sets of a study, by model id and case."""

    seed: str
    sets: Mapping[str, Mapping[str, AidKind]]

    def kind(self, model_id: str, case_id: str) -> str:
        """Return the kind of an aid; "true" for what belongs to no prepared set."""
        own = self.sets.get(model_id, {}).get(case_id)
        return own.kind if own is not None else "true"


def load(study: Path) -> AidKinds | None:
    """Return the kinds of the prepared aids of a study, or None where nothing was prepared.

    Raises
    ------
    StudyFileError
        If the file cannot be read, or does not fit the lock of a frozen study.
    """
    path = study / FILE
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        sets = {
            model: {case: AidKind(own["kind"], own["source_case"], own["sha256"]) for case, own in cases.items()}
            for model, cases in document["sets"].items()
        }
        found = AidKinds(str(document["seed"]), sets)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyFileError([Fault(str(path), f"it cannot be read ({error!r})", "bring back the file as it was")]) from error
    lock = load_lock(study)
    for model, cases in sets.items() if lock is not None else ():
        frozen = lock.aids.get(model, {}) if lock is not None else {}
        other = sorted(case for case, own in cases.items() if case in frozen and own.sha256 != frozen[case])
        if other:
            what = f"what it says of {model}, case {other[0]}, is not about the frozen aid"
            raise StudyFileError([Fault(str(path), what, "bring back the file as it was when the study was frozen")])
    return found


def save(study: Path, kinds: AidKinds) -> Path:
    """Write the kinds; an older file is replaced."""
    sets = {
        model: {case: {"kind": own.kind, "source_case": own.source_case, "sha256": own.sha256} for case, own in cases.items()}
        for model, cases in kinds.sets.items()
    }
    text = json.dumps({"schema": SCHEMA, "seed": kinds.seed, "sets": sets}, indent=1, sort_keys=True, ensure_ascii=False)
    write_atomically(study / FILE, (text + "\n").encode("utf-8"))
    return study / FILE
