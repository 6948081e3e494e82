"""``assignment.lock.json``: the frozen study, by hash. Made once; what it names can no longer change unseen.

It covers the protocol, the case list, the readers, the hanging, the lexicons, the training key, every container's manifest and
every stored prediction, but not the reference standard, whose very hash could tell a reader something.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reader_app.errors import Fault, StudyFileError
from reader_app.store.canonical import canonical_json, sha256_file, sha256_text
from reader_app.store.disk import write_atomically

LOCK = "assignment.lock.json"
#: Folder of the versions of a frozen study; the coordinator's only.
VERSIONS = "versions"
MANIFEST = "manifest.json"
SCHEMA = 1
#: The files of a study folder that are frozen by their bytes, beside ``hanging/*.toml``; the last one may be absent.
FROZEN_FILES: tuple[str, ...] = ("study.toml", "cases.csv", "readers.csv", "hanging.toml")
ABSENT = "absent"
#: What readers are told after training cases; frozen where a study has it.
TRAINING_KEY = "training_key.csv"
#: The study's own files that are frozen where they exist: folder and pattern.
_OWN_FILES: tuple[tuple[str, str], ...] = (("hanging", "*.toml"), ("lexicon", "*.json"), (".", TRAINING_KEY))


@dataclass(frozen=True, slots=True)
class LockedCase:
    """What is frozen of a case: SHA-256 of its manifest file, and the fingerprint of its pixels."""

    manifest: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StudyLock:
    """A frozen study.

    Attributes
    ----------
    files : mapping of str to str
        SHA-256 by name of :func:`frozen_names`, or "absent".
    cases : mapping of str to LockedCase
    aids : mapping of str to mapping of str to str
        SHA-256 of each prediction's JSON file, by model and case. Those of closed rounds are listed also where the files
        themselves have not been delivered yet.
    plans : mapping of str to str
        Plan hash by reader.
    study_hash : str
        SHA-256 over all of these but the plans, which contain it.
    amends : str
        Study hash of the version that this one amends; empty for the first.
    earlier_plans : mapping of str to tuple of str
        By reader: the plan hashes of earlier versions, oldest first. A log begun under one of them may go on.
    """

    study_id: str
    program: str
    frozen_utc: str
    files: Mapping[str, str]
    cases: Mapping[str, LockedCase]
    aids: Mapping[str, Mapping[str, str]]
    plans: Mapping[str, str]
    study_hash: str
    amends: str = ""
    earlier_plans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Return the lock as it stands in its file."""
        earlier = {reader_id: list(own) for reader_id, own in self.earlier_plans.items()}
        amendment = {"amends": self.amends, "earlier_plans": earlier} if self.amends else {}
        return {
            **amendment,
            "schema": SCHEMA,
            "study_id": self.study_id,
            "program": self.program,
            "frozen_utc": self.frozen_utc,
            "files": dict(self.files),
            "cases": {name: {"manifest": own.manifest, "fingerprint": own.fingerprint} for name, own in self.cases.items()},
            "aids": {model: dict(own) for model, own in self.aids.items()},
            "plans": dict(self.plans),
            "study_hash": self.study_hash,
        }

    def as_bytes(self) -> bytes:
        """Return the file's bytes: canonical JSON and a line end."""
        return (canonical_json(self.document()) + "\n").encode("utf-8")


def study_hash(
    study_id: str,
    files: Mapping[str, str],
    cases: Mapping[str, LockedCase],
    aids: Mapping[str, Mapping[str, str]],
    amends: str = "",
    earlier_plans: Mapping[str, tuple[str, ...]] | None = None,
) -> str:
    """Return the hash of everything that a read depends on."""
    plain = {name: [own.manifest, own.fingerprint] for name, own in cases.items()}
    whole: list[object] = [study_id, dict(files), plain, {model: dict(own) for model, own in aids.items()}]
    if amends:
        whole += [amends, {reader_id: list(own) for reader_id, own in (earlier_plans or {}).items()}]
    return sha256_text(canonical_json(whole))


def frozen_names(study: Path) -> tuple[str, ...]:
    """Return the names of the files that are frozen by their bytes: the fixed ones, the study's own hanging and lexicons."""
    own = sorted(path.relative_to(study).as_posix() for folder, pattern in _OWN_FILES for path in (study / folder).glob(pattern))
    return (*FROZEN_FILES, *own)


def file_hashes(study: Path) -> dict[str, str]:
    """Return the SHA-256 of each of :func:`frozen_names` as it is now.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    return {name: sha256_file(study / name) if (study / name).exists() else ABSENT for name in frozen_names(study)}


def load_lock(study: Path) -> StudyLock | None:
    """Return the lock of a study folder, or None when the study is not frozen.

    Raises
    ------
    StudyFileError
        If it cannot be read, is of a newer program, or does not match its own hash.
    """
    path = study / LOCK
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] > SCHEMA:
            raise StudyFileError([Fault(str(path), "a newer version of the program froze this study", "update the program")])
        lock = StudyLock(
            study_id=document["study_id"],
            program=document["program"],
            frozen_utc=document["frozen_utc"],
            files=document["files"],
            cases={name: LockedCase(own["manifest"], own["fingerprint"]) for name, own in document["cases"].items()},
            aids=document["aids"],
            plans=document["plans"],
            study_hash=document["study_hash"],
            amends=document.get("amends", ""),
            earlier_plans={reader_id: tuple(own) for reader_id, own in document.get("earlier_plans", {}).items()},
        )
        actual = study_hash(lock.study_id, lock.files, lock.cases, lock.aids, lock.amends, lock.earlier_plans)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = error.strerror if isinstance(error, OSError) else repr(error)
        raise StudyFileError([Fault(str(path), f"the lock cannot be read ({why})", "bring back the file as it was")]) from error
    if actual != lock.study_hash:
        what = f"the lock was changed: it states the study hash {lock.study_hash}, its contents have {actual}"
        raise StudyFileError([Fault(str(path), what, "bring back the file as it was")])
    return lock


def changed_files(study: Path, lock: StudyLock) -> list[Fault]:
    """Return a fault with both hashes for every frozen file that is not as it was frozen."""
    faults = []
    now = file_hashes(study)
    for name in dict.fromkeys([*now, *lock.files]):
        before, after = lock.files.get(name, ABSENT), now.get(name, ABSENT)
        if after != before:
            what = f"it was changed after the study was frozen: frozen {before}, now {after}"
            remedy = f"bring back the frozen file, or freeze the change as a new version: reader-app amend {study}"
            faults.append(Fault(str(study / name), what, remedy))
    return faults


def with_plans_of(old: StudyLock) -> dict[str, tuple[str, ...]]:
    """Return the earlier plan hashes of every reader, those of the version that is amended now included."""
    readers = {*old.plans, *old.earlier_plans}
    return {
        reader_id: (*old.earlier_plans.get(reader_id, ()), *((old.plans[reader_id],) if reader_id in old.plans else ()))
        for reader_id in sorted(readers)
    }


def keep_version(path: Path, lock: StudyLock) -> int:
    """Keep the small files of a version, so that reads made under it can be audited after an amendment; return its number."""
    number = 1 + max((len(own) for own in lock.earlier_plans.values()), default=0)
    kept = path / VERSIONS / str(number)
    shutil.rmtree(kept, ignore_errors=True)  # left by a freeze that was cut off
    kept.mkdir(parents=True)
    for name in frozen_names(path):
        if (path / name).exists():
            (kept / name).parent.mkdir(exist_ok=True)
            write_atomically(kept / name, (path / name).read_bytes())
    write_atomically(kept / LOCK, lock.as_bytes())
    return number


def changed_containers(path: Path, lock: StudyLock) -> list[Fault]:
    """Return a fault for each case whose manifest was changed; a case whose images are elsewhere is none (yet)."""
    faults = []
    for case_id, own in lock.cases.items():
        manifest = path / "images" / case_id / MANIFEST
        if manifest.is_file() and (now := sha256_file(manifest)) != own.manifest:
            what = f"the images were changed after the study was frozen: frozen {own.manifest}, now {now}"
            faults.append(Fault(str(manifest), what, "bring back the frozen container"))
    return faults
