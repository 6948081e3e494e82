"""Freezing a study: everything a read depends on goes into the lock by hash."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from reader_app import __version__
from reader_app.clock import Clock
from reader_app.errors import Fault, StudyFileError
from reader_app.store.canonical import sha256_file
from reader_app.store.disk import write_atomically
from reader_app.store.lock import (
    LOCK,
    MANIFEST,
    LockedCase,
    StudyLock,
    file_hashes,
    keep_version,
    study_hash,
    with_plans_of,
)
from reader_app.store.versionseal import seal_version
from reader_app.study import assignment

if TYPE_CHECKING:
    from reader_app.store.studyfolder import StudyFolder

_SHOWN = 5


def write_lock(folder: StudyFolder, old: StudyLock | None, faults: list[Fault], clock: Clock) -> None:
    """Write the lock (and keep the version) of a study as it stands; ``old`` is the version that it amends.

    Raises
    ------
    StudyFileError
        With ``faults`` and every reason found here why the study cannot be frozen.
    """
    cases = _cases(folder, faults)
    aids = {model_id: _aids(folder, model_id, faults) for model_id in folder.aided_models()}
    if not folder.cases:
        faults.append(Fault(str(folder.path / "cases.csv"), "it lists no case", "import images: reader-app import DIR SOURCE"))
    if not folder.readers:
        faults.append(Fault(str(folder.path / "readers.csv"), "it lists no reader", "add one row per reader"))
    if faults:
        raise StudyFileError(faults)
    files = file_hashes(folder.path)
    amends, earlier = ("", {}) if old is None else (old.study_hash, with_plans_of(old))
    whole = study_hash(folder.definition.study_id, files, cases, aids, amends, earlier)
    listed = tuple(replace(case, fingerprint=cases[case.case_id].fingerprint) for case in folder.cases)
    plans = {r.reader_id: assignment.plan(folder.definition, listed, r, whole).plan_hash for r in folder.readers}
    frozen_utc = clock.now().wall_utc
    lock = StudyLock(folder.definition.study_id, __version__, frozen_utc, files, cases, aids, plans, whole, amends, earlier)
    seal_version(folder.path, keep_version(folder.path, lock), lock)
    write_atomically(folder.path / LOCK, lock.as_bytes())


def _cases(folder: StudyFolder, faults: list[Fault]) -> dict[str, LockedCase]:
    cases: dict[str, LockedCase] = {}
    for case in folder.cases:
        path = folder.container(case.case_id) / MANIFEST
        try:
            fingerprint = str(json.loads(path.read_text(encoding="utf-8"))["fingerprint"])
        except (OSError, ValueError, KeyError, TypeError):
            faults.append(Fault(str(path), f"case {case.case_id} has no sound container", "import its images"))
            continue
        if case.fingerprint and case.fingerprint != fingerprint:
            what = f"the images are not those that cases.csv names ({fingerprint} instead of {case.fingerprint})"
            faults.append(Fault(str(path), what, "import the case again"))
        cases[case.case_id] = LockedCase(sha256_file(path), fingerprint)
    return cases


def _aids(folder: StudyFolder, model_id: str, faults: list[Fault]) -> dict[str, str]:
    directory = folder.aid_dir(model_id)
    lacking = folder.missing_aids(model_id)
    if lacking:
        named = ", ".join(lacking[:_SHOWN]) + (f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else "")
        what = f"no prediction of model {model_id} for {named}"
        is_set = any(own.of for own in folder.definition.models if own.model_id == model_id)
        command = f"ai prepare DIR --model {model_id}" if is_set else f"ai run DIR --model {model_id}"
        faults.append(Fault(str(directory), what, f"run it: reader-app {command}"))
    there = (case.case_id for case in folder.cases if case.case_id not in lacking)
    return {case_id: sha256_file(directory / f"{case_id}.json") for case_id in there}
