"""The form of a reading package: a stored zip with its manifest, and the rules by which a foreign one is believed or refused."""

from __future__ import annotations

import hashlib
import json
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reader_app import __version__
from reader_app.errors import Fault, InputFaults
from reader_app.imaging.container import safe_name
from reader_app.store import orders
from reader_app.store.canonical import canonical_json
from reader_app.store.lock import FROZEN_FILES, LOCK, TRAINING_KEY

MANIFEST = "package.json"
KIND = "reading package"
SCHEMA = 1

#: Limits of what is unpacked. Entries are stored, so a package cannot grow on the way.
MAX_ENTRIES = 200_000
MAX_MANIFEST_BYTES = 64 << 20
MAX_BYTES = 2 << 40

_DATE = (1980, 1, 1, 0, 0, 0)
CHUNK = 1 << 20
_FIXED = (*FROZEN_FILES, LOCK, TRAINING_KEY, orders.FILE)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The first entry of a package.

    Attributes
    ----------
    study_id, study_hash, reader_id, plan_hash : str
        Which frozen study, which reader, which plan.
    round_no : int
        The round it was made for; aids of later rounds are not in it.
    files : mapping of str to (sha256, bytes)
        Every other entry.
    """

    study_id: str
    study_hash: str
    reader_id: str
    plan_hash: str
    round_no: int
    files: dict[str, tuple[str, int]]


def entry(name: str) -> zipfile.ZipInfo:
    """Return the header of an entry: stored, fixed date, plain file."""
    info = zipfile.ZipInfo(name, _DATE)
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as it stands in a package: canonical JSON."""
    document = {
        "schema": SCHEMA,
        "kind": KIND,
        "program": __version__,
        "study_id": manifest.study_id,
        "study_hash": manifest.study_hash,
        "reader_id": manifest.reader_id,
        "plan_hash": manifest.plan_hash,
        "round_no": manifest.round_no,
        "files": {name: {"sha256": digest, "bytes": size} for name, (digest, size) in manifest.files.items()},
    }
    return canonical_json(document).encode("utf-8")


def verify(path: Path) -> list[Fault]:
    """Return everything that is wrong with a package; nothing is unpacked."""
    try:
        with opened(path) as archive:
            manifest = read_manifest(path, archive)
            return [
                Fault(f"{path}, {name}", "its bytes are not those that the package names", "make or copy the package again")
                for name, wanted in manifest.files.items()
                if _digest(archive, name) != wanted
            ]
    except InputFaults as faults:
        return list(faults.faults)


def opened(path: Path) -> zipfile.ZipFile:
    """Open a zip.

    Raises
    ------
    InputFaults
        If it is none.
    """
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InputFaults([Fault(str(path), f"it is not a reading package ({error})", "copy the package again")]) from error


def read_manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    """Check the directory of a zip against its manifest and the allowed names.

    Raises
    ------
    InputFaults
        With every fault found.
    """
    entries = archive.infolist()
    if not entries or len(entries) > MAX_ENTRIES or entries[0].orig_filename != MANIFEST:
        raise InputFaults(
            [Fault(str(path), "it is not a reading package of this program", "choose the file from the coordinator")]
        )
    if entries[0].file_size > MAX_MANIFEST_BYTES:
        raise InputFaults([Fault(str(path), "its list of contents is too large", "ask the coordinator for a new package")])
    faults: list[Fault] = []
    for info in entries:
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 0x1:
            faults.append(Fault(f"{path}, {info.orig_filename!r}", "it is compressed or encrypted, which no package is"))
        elif info.orig_filename.endswith("/") or (info.external_attr >> 16) & 0o170000 not in (0, 0o100000):
            faults.append(Fault(f"{path}, {info.orig_filename!r}", "it is a folder, a link or a device, which no package holds"))
    if faults:
        raise InputFaults(faults)
    try:
        manifest = _parse(json.loads(_read(archive, entries[0])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.BadZipFile) as error:
        raise InputFaults([Fault(f"{path}, {MANIFEST}", f"it cannot be read ({error!r})", "copy the package again")]) from error
    names = [info.orig_filename for info in entries[1:]]
    faults = name_faults(path, names)
    if sorted(names) != sorted(manifest.files):
        odd = sorted(set(names) ^ set(manifest.files))[:5]
        faults.append(
            Fault(str(path), f"entries and list of contents differ: {', '.join(map(repr, odd)) or 'a name comes twice'}")
        )
    for info in entries[1:]:
        if info.file_size != manifest.files.get(info.orig_filename, ("", info.file_size))[1]:
            faults.append(Fault(f"{path}, {info.orig_filename!r}", "its size is not the one that the package names"))
    if sum(info.file_size for info in entries) > MAX_BYTES:
        faults.append(Fault(str(path), "it is larger than any package"))
    refuse_faults(faults)
    return manifest


def _parse(document: Any) -> Manifest:
    if document["kind"] != KIND or document["schema"] != SCHEMA:
        raise ValueError(f"kind {document['kind']!r}, schema {document['schema']!r}; update the program")
    study_id, study_hash, reader_id, plan_hash = (document[name] for name in ("study_id", "study_hash", "reader_id", "plan_hash"))
    if not all(isinstance(text, str) for text in (study_id, study_hash, reader_id, plan_hash)):
        raise TypeError("names and hashes must be text")
    files = {name: (str(own["sha256"]), int(own["bytes"])) for name, own in document["files"].items()}
    return Manifest(study_id, study_hash, reader_id, plan_hash, int(document["round_no"]), files)


def name_faults(path: Path, names: list[str]) -> list[Fault]:
    """Return a fault for every name that no package holds, or that some file system takes for another's."""
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    for name in names:
        if not _belongs(name):
            faults.append(Fault(f"{path}, {name!r}", "a package never holds such a file", "do not use this file"))
        twin = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if twin != name:
            faults.append(Fault(f"{path}, {name!r}", f"some disks take it for {twin!r}", "do not use this file"))
    return faults


def _belongs(name: str) -> bool:
    """Return whether a package may hold a name: a frozen file, ``images/CASE/FILE`` or ``aids/MODEL/CASE.json|npz``."""
    parts = name.split("/")
    if len(parts) == 1:
        return name in _FIXED
    if len(parts) == 2:
        own = {"hanging": ".toml", "lexicon": ".json"}
        return parts[0] in own and safe_name(parts[1]) and parts[1].endswith(own[parts[0]])
    if len(parts) != 3 or not all(safe_name(part) for part in parts):
        return False
    return parts[0] == "images" or (parts[0] == "aids" and parts[2].endswith((".json", ".npz")))


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        return stream.read(MAX_MANIFEST_BYTES + 1)


def _digest(archive: zipfile.ZipFile, name: str) -> tuple[str, int] | None:
    """Return SHA-256 and size of an entry; None when it cannot be read."""
    try:
        with archive.open(name) as stream:
            return copy_entry(stream, None)
    except (zipfile.BadZipFile, OSError, KeyError, EOFError, RuntimeError, NotImplementedError):
        return None


def copy_entry(source: IO[bytes], into: IO[bytes] | None) -> tuple[str, int]:
    """Copy in pieces; return SHA-256 and size of what was copied."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if into is not None:
            into.write(chunk)
    return digest.hexdigest(), size


def refuse_faults(faults: list[Fault]) -> None:
    """Raise :class:`InputFaults` if there is any fault."""
    if faults:
        raise InputFaults(faults)
