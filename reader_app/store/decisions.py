"""The coordinator's decisions about a running study: each with a reason, in order, never changed. ``decisions.jsonl``.

Nothing that was read is ever deleted. A case is withdrawn, a read voided, a round opened early, a protocol amended by adding a
decision; whoever analyses the study applies them, and both values stay. Each line is one canonical JSON array whose first element
is the hash of the line before it, so that a changed, missing or inserted line shows; the head code belongs into the report.
"""

from __future__ import annotations

import contextlib
import json
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reader_app.errors import EnvironmentFault, Fault, InputFaults, StudyFileError
from reader_app.store.canonical import canonical_json, sha256_text
from reader_app.store.chain import head_code
from reader_app.store.disk import sync_directory

FILE = "decisions.jsonl"
#: A reason has at least this many letters and digits.
MIN_REASON = 10

#: What can be decided, and about what.
KINDS: dict[str, tuple[str, ...]] = {
    "case_withdrawn": ("case_id",),
    "read_voided": ("reader_id", "round", "case_id"),
    "reader_replaced": ("reader_id", "by"),
    "round_opened_early": ("reader_id", "round"),
    "protocol_amended": ("from_study_hash", "to_study_hash"),
    "key_registered": ("reader_id", "key"),
    "custody_noted": ("place",),
    "data_locked": ("logs",),
    "data_unlocked": (),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes
    ----------
    number : int
        1, 2, 3 ...
    wall_utc : str
        When, ISO 8601 with ``Z``.
    who : str
        Who decided.
    kind : str
        One of :data:`KINDS`.
    about : mapping of str to str
        What it concerns; the keys are those of its kind.
    reason : str
        Why.
    """

    number: int
    wall_utc: str
    who: str
    kind: str
    about: Mapping[str, str]
    reason: str
    hash: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions about a study, verified."""

    path: Path
    taken: tuple[Decision, ...]

    @property
    def head(self) -> str:
        """Hash of the last one; that of the empty list if there is none."""
        return self.taken[-1].hash if self.taken else _first()

    @property
    def head_code(self) -> str:
        """Short code of the head, for the report."""
        return head_code(self.head)

    def withdrawn_cases(self) -> dict[str, str]:
        """Return the reason by withdrawn case."""
        return {own.about["case_id"]: own.reason for own in self.taken if own.kind == "case_withdrawn"}

    def voided_reads(self) -> dict[tuple[str, int, str], str]:
        """Return the reason by voided read: (reader, round, case)."""
        voided = (own for own in self.taken if own.kind == "read_voided")
        return {(own.about["reader_id"], int(own.about["round"]), own.about["case_id"]): own.reason for own in voided}

    def early_rounds(self) -> dict[tuple[str, int], str]:
        """Return the reason by round that a reader may begin before its washout is over: (reader, round)."""
        early = (own for own in self.taken if own.kind == "round_opened_early")
        return {(own.about["reader_id"], int(own.about["round"])): own.reason for own in early}

    def registered_keys(self) -> dict[str, frozenset[str]]:
        """Return the public keys that the coordinator has accepted, by reader."""
        keys: dict[str, set[str]] = {}
        for own in self.taken:
            if own.kind == "key_registered":
                keys.setdefault(own.about["reader_id"], set()).add(own.about["key"])
        return {reader_id: frozenset(own) for reader_id, own in keys.items()}

    @property
    def data_is_locked(self) -> bool:
        """Whether the data were locked and not unlocked since."""
        last = [own.kind for own in self.taken if own.kind in ("data_locked", "data_unlocked")][-1:]
        return last == ["data_locked"]


def load(study: Path) -> Decisions:
    """Return the decisions about a study, verified; none if there is no file.

    A last line without its end was cut off by a power failure before anybody was told that it is kept; it does not count.

    Raises
    ------
    StudyFileError
        If a line was changed, is missing, or is of a newer program; it names the line.
    """
    path = study / FILE
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise StudyFileError([Fault(str(path), f"it cannot be read ({error})", "bring back the last copy")]) from error
    taken: list[Decision] = []
    prev = _first()
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        decision = _decision(line)
        if decision is None or decision.number != number or line != _line(prev, decision):
            what = "this line was changed, or one before it is missing"
            raise StudyFileError([Fault(f"{path}, line {number}", what, "bring back the file as it was")])
        taken.append(decision)
        prev = decision.hash
    return Decisions(path, tuple(taken))


def decide(study: Path, kind: str, about: Mapping[str, str], reason: str, who: str, wall_utc: str) -> Decisions:
    """Add a decision; it is on the disk when this returns.

    Parameters
    ----------
    study : Path
        The study folder (the coordinator's).
    kind : str
        One of :data:`KINDS`.
    about : mapping of str to str
        Exactly the keys of that kind, none of them empty.
    reason : str
        In words.
    who : str
        Who decides.
    wall_utc : str
        When.

    Raises
    ------
    InputFaults
        If the kind is unknown, something is missing, or the reason is none.
    StudyFileError
        If the file was changed.
    EnvironmentFault
        If it cannot be written; then nothing was added.
    """
    faults = _faults(kind, about, reason, who)
    if faults:
        raise InputFaults(faults)
    known = load(study)
    plain = Decision(len(known.taken) + 1, wall_utc, who.strip(), kind, dict(about), reason.strip(), "")
    line = _line(known.head, plain)
    complete = "".join(_line(before.hash if before else _first(), own) + "\n" for before, own in _pairs(known.taken))
    try:
        with open(known.path, "ab") as file:
            file.truncate(len(complete.encode("utf-8")))  # a line that a power failure cut off
            file.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        sync_directory(study)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.truncate(known.path, len(complete.encode("utf-8")))
        raise EnvironmentFault(
            f"{known.path}: the decision could not be kept ({error}); check the disk, then decide again"
        ) from error
    return load(study)


def _pairs(taken: tuple[Decision, ...]) -> list[tuple[Decision | None, Decision]]:
    return list(zip((None, *taken), taken, strict=False))


def _first() -> str:
    return sha256_text("reader-app decisions")


def _line(prev: str, own: Decision) -> str:
    return canonical_json([prev, own.number, own.wall_utc, own.who, own.kind, dict(own.about), own.reason])


def _decision(line: str) -> Decision | None:
    """Return the decision of a line, or None if it is none."""
    try:
        _, number, wall_utc, who, kind, about, reason = json.loads(line)
        texts = all(isinstance(own, str) for own in (wall_utc, who, kind, reason, *about.values()))
        sound = texts and isinstance(number, int) and not _faults(kind, about, reason, who)
    except (ValueError, TypeError, AttributeError):
        return None
    return Decision(number, wall_utc, who, kind, about, reason, sha256_text(line)) if sound else None


def _faults(kind: str, about: Mapping[str, str], reason: str, who: str) -> list[Fault]:
    if kind not in KINDS:
        return [Fault("decision", f"there is no decision '{kind}'", f"choose one of {', '.join(KINDS)}")]
    faults = []
    if set(about) != set(KINDS[kind]) or not all(_letters(own) for own in about.values()):
        faults.append(Fault("decision", f"{kind} must say: {', '.join(KINDS[kind]) or 'nothing but the reason'}", "say it"))
    if "round" in about and not about["round"].isdecimal():
        faults.append(Fault("decision", f"{about['round']!r} is not the number of a round", "give a number"))
    if _letters(reason) < MIN_REASON:
        faults.append(Fault("decision", "the reason is missing or too short", f"say why in at least {MIN_REASON} letters"))
    if not _letters(who):
        faults.append(Fault("decision", "it does not say who decides", "give a name or code"))
    return faults


def _letters(text: str) -> int:
    """Return how many letters and digits a text has: blanks of whatever kind are no reason."""
    return sum(unicodedata.category(letter)[0] in "LN" for letter in text)
