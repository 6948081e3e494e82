"""Which files belong to one case: by the case table, else by DICOM identifiers, else by folder and words in the names."""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from reader_app.imaging import abvs
from reader_app.imaging.casetable import CaseTable, Row
from reader_app.imaging.mammogram import GRID, VIEW_CODES
from reader_app.imaging.names import NameWords, read_name
from reader_app.imaging.pixeldecisions import Decision

SALT_FILE = "import_salt"
#: PatientIDs that say nothing; exams that share one are not of one woman.
_EMPTY_ID = re.compile(r"(?i)^(anon.*|unknown|none|null|n/?a|test|patient|0*|x+|-+)$")
_IGNORED = {"DICOMDIR", "Thumbs.db", "desktop.ini"}


@dataclass
class Source:
    """One file on offer.

    Attributes
    ----------
    path : Path
        Where it lies.
    shown : str
        Path as the report states it.
    row : Row or None
        The line of the case table that names it.
    kind, facts, sha256 : str, dict, str
        From `jobs.inspect`.
    """

    path: Path
    shown: str
    row: Row | None = None
    kind: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""

    @property
    def words(self) -> NameWords:
        """What table and file name say of side and view; the table comes first."""
        named = read_name(stem(self.path.name))
        if self.row is None:
            return named
        return NameWords(self.row.laterality or named.laterality, self.row.view or named.view, named.rest)

    def contradiction(self) -> str:
        """Return in words where the table and a clear file name (side and view together) disagree; "" when they do not."""
        named = read_name(stem(self.path.name))
        if self.row is None or not (named.laterality and named.view):
            return ""
        for ours, theirs in ((self.row.laterality, named.laterality), (self.row.view, named.view)):
            if ours and ours != theirs:
                place = f"line {self.row.line} of the case table"
                return f"{self.shown}: {place} says {ours}, the file name says {theirs}; correct one of them"
        return ""


@dataclass
class Group:
    """The files of one case; ``named`` when the case table names it, ``as_acquired`` when curved volumes stay scan lines.

    ``decided`` holds what the coordinator decided about writing in the pixels, by SHA-256 of the file; ``required`` the
    mammographic views without which the exam is incomplete.
    """

    key: str
    case_id: str
    modality: str
    named: bool = False
    sources: list[Source] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    roles: dict[int, tuple[str, int | None]] = field(default_factory=dict)  # id(source) -> role, days from the current exam
    as_acquired: bool = False
    told: bool = False  # the coordinator said what everything is taken for
    decided: dict[str, tuple[Decision, ...]] = field(default_factory=dict)
    required: tuple[str, ...] = GRID

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """The decisions about this case's files, as a container states them."""
        found = sorted(d for sha in {s.sha256 for s in self.sources} for d in self.decided.get(sha, ()))
        return [d.stated() for d in found]


def stem(name: str) -> str:
    """Return a file name without its ending (both parts of ``.nii.gz``)."""
    for ending in (".nii.gz", ".nrrd", ".nii", ".mha", ".dcm", ".png", ".jpg", ".jpeg", ".bmp"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def find(sources: Sequence[Path], table: CaseTable | None) -> tuple[list[Source], list[tuple[str, str, str]]]:
    """List the files to look at, once each, and the table rows whose file is not there.

    Returns
    -------
    files : list of Source
        Named by the table, then everything else below the sources.
    missing : list of (case_id, pattern, reason)
    """
    found: dict[Path, Source] = {}
    missing: list[tuple[str, str, str]] = []
    for row in table.rows if table else ():
        assert table is not None
        paths = _matches(table.path.parent, row.file) or _among(sources, row.file)
        if not paths:
            reason = f"line {row.line} of the case table: no file matches {row.file!r} from the table's folder or a source on"
            missing.append((row.case_id, row.file, reason))
        for path in paths:
            own = found.setdefault(path.resolve(), Source(path, _shown(path, sources), row))
            if own.row is not None and own.row.case_id != row.case_id:
                reason = f"line {row.line} of the case table: {row.file!r} is already given to case {own.row.case_id}"
                missing.append((row.case_id, row.file, reason))
    for source in sources:
        for path in _below(source):
            found.setdefault(path.resolve(), Source(path, _shown(path, sources)))
    return list(found.values()), missing


def _matches(folder: Path, pattern: str) -> list[Path]:
    text = pattern.replace("\\", "/")
    full = text if os.path.isabs(text) else str(folder / text)
    direct = Path(full)
    paths = [direct] if direct.exists() else [Path(p) for p in sorted(glob.glob(full, recursive=True))]
    return [q for p in paths for q in _below(p)]


def _among(sources: Sequence[Path], pattern: str) -> list[Path]:
    """Return what a pattern means that matches nothing below the table: files below a source, or a source of that name.

    A pattern may begin with the name of the source, as the import report writes it where there are several.
    """
    if os.path.isabs(pattern):
        return []
    lead, _, rest = pattern.replace("\\", "/").partition("/")
    folders = [source for source in sources if source.is_dir()]
    below = [path for source in folders for path in _matches(source, pattern)]
    below = below or [path for source in folders if rest and source.name == lead for path in _matches(source, rest)]
    return below or [source for source in sources if source.is_file() and fnmatch.fnmatchcase(source.name, pattern)]


def _below(source: Path) -> Iterable[Path]:
    if source.is_file():
        yield source
        return
    for folder, folders, files in os.walk(source):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name not in _IGNORED:
                yield Path(folder) / name


def _shown(path: Path, sources: Sequence[Path]) -> str:
    for source in sources:
        if path.is_relative_to(source) and path != source:
            lead = f"{source.name}/" if len(sources) > 1 else ""  # which of several folders it came from
            return lead + path.relative_to(source).as_posix()
    return path.name


def salt(images_dir: Path, create: bool) -> bytes:
    """Return the study's secret for pseudonyms; it lies beside ``images`` on the coordinator's machine and is never packaged."""
    path = images_dir.parent / SALT_FILE
    if path.is_file():
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    value = secrets.token_bytes(32)
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value.hex() + "\n", encoding="ascii")
        if os.name != "nt":
            path.chmod(0o600)
    return value


def pseudonym(key: str, secret: bytes, prefix: str = "C") -> str:
    """Return a short stable pseudonym that cannot be turned back without the secret."""
    digest = hmac.new(secret, key.encode("utf-8"), hashlib.sha256).digest()
    alphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no 0 O 1 I L U: nothing to misread
    number = int.from_bytes(digest[:8], "big")
    letters = []
    for _ in range(7):
        number, rest = divmod(number, len(alphabet))
        letters.append(alphabet[rest])
    return prefix + "".join(letters)


def modality_of(source: Source, forced: str | None) -> str:
    """Return what a file is taken for: by order, by table, by header, by name."""
    if forced:
        return forced
    if source.row is not None and source.row.modality:
        return source.row.modality
    if source.kind == "volume":
        return "abvs"
    if source.kind == "dicom":
        return _dicom_modality(source.facts)
    return "mammography" if source.words.is_mammogram else "ultrasound"


def _dicom_modality(facts: Mapping[str, Any]) -> str:
    """Only objects that show by themselves to be breast images are taken without being asked for; "" for all others."""
    kind = str(facts.get("Modality", "")).upper()
    words = read_name(" ".join(str(facts.get(k, "")) for k in ("SeriesDescription", "ProtocolName")))
    if kind == "MG" or any(v.get("code") in VIEW_CODES for v in facts.get("views", [])):
        return "mammography"
    if kind == "US" or facts.get("regions"):
        return "abvs" if abvs.looks_like_abvs(facts) else "ultrasound"
    if kind in ("CR", "DX", "CT", "OT", "SC", "") and (facts.get("ImageLaterality") or words.laterality):
        if words.is_mammogram or facts.get("ViewPosition") in ("CC", "MLO"):
            return "mammography"
        if words.is_scan:
            return "abvs"
    return ""


def group(files: Sequence[Source], table: CaseTable | None, secret: bytes, forced: str | None) -> list[Group]:
    """Put files together to cases. With a table only the files it names are grouped."""
    groups: dict[str, Group] = {}
    for source in files:
        modality = modality_of(source, forced)
        if table is not None:
            if source.row is None:
                continue
            key = case_id = source.row.case_id
        else:
            key = f"{modality}|{_key(source, modality)}"
            case_id = pseudonym(key, secret)
        own = groups.setdefault(key, Group(key, case_id, modality, table is not None))
        own.sources.append(source)
        if own.modality != modality:
            own.faults.append(
                f"{source.shown} is {modality or 'of unknown kind'}, the rest of the case {own.modality or 'of unknown kind'}"
            )
    for own in groups.values():
        own.sources.sort(key=_order)
        _exams(own)
    return sorted(groups.values(), key=lambda g: g.case_id)


def _key(source: Source, modality: str) -> str:
    facts = source.facts
    patient = str(facts.get("PatientID", "")).strip()
    study = str(facts.get("StudyInstanceUID", "")).strip()
    if source.kind == "dicom" and modality == "mammography" and patient and not _EMPTY_ID.match(patient):
        return f"patient|{patient}|{facts.get('PatientBirthDate', '')}"  # earlier exams of the same woman become priors
    if source.kind == "dicom" and study:
        return f"exam|{study}"
    folder = str(source.path.parent.resolve())
    if modality == "mammography":
        return f"name|{folder}|{source.words.rest.casefold()}"
    if modality == "abvs":
        words = source.words
        return f"name|{folder}|{(words.rest if words.is_scan else stem(source.path.name)).casefold()}"
    return f"name|{folder}|{stem(source.path.name).casefold()}"


def _order(source: Source) -> tuple[Any, ...]:
    facts = source.facts
    numbers = [facts.get("SeriesNumber"), facts.get("InstanceNumber")]
    series, instance = (float(v) if isinstance(v, (int, float)) else 0.0 for v in numbers)
    return (series, instance, _natural(source.path.name), str(source.path))


def _natural(name: str) -> tuple[Any, ...]:
    return tuple((int(p), "") if p.isdigit() else (0, p.casefold()) for p in re.split(r"(\d+)", name) if p)


def exam_date(facts: Mapping[str, Any], row: Row | None) -> date | None:
    """Return the exam's date from table or header, for ordering only."""
    if row is not None and row.exam_date is not None:
        return row.exam_date
    for keyword in ("StudyDate", "AcquisitionDate"):
        try:
            return datetime.strptime(str(facts.get(keyword, ""))[:8], "%Y%m%d").date()
        except ValueError:
            continue
    return None


def _exams(own: Group) -> None:
    """Settle for each file whether it is of the current exam or of a prior one, and how many days earlier."""
    dates = {id(s): exam_date(s.facts, s.row) for s in own.sources}
    stated = {id(s): s.row.role for s in own.sources if s.row is not None}
    current = [d for s in own.sources if (d := dates[id(s)]) is not None and stated.get(id(s), "current") == "current"]
    newest = max(current, default=None)
    priors = set()
    for source in own.sources:
        day = dates[id(source)]
        days = (day - newest).days if day is not None and newest is not None else None
        role = stated.get(id(source), "current")
        if role == "current" and source.row is None and days is not None and days < 0:
            role = "prior"
        if role == "current" and days is not None and days < 0:
            own.faults.append(
                f"{source.shown}: its exam is {-days} days older than others of the case; mark it as prior or correct exam_date"
            )
        if role == "prior":
            priors.add(days)
        own.roles[id(source)] = (role, days if role == "prior" else 0)
    if priors:
        own.notes.append(f"{len(priors)} earlier exam(s) taken as prior")
