"""The signature over each frozen version of a study: which installation froze it, and that its lock is unchanged since.

The key belongs to this user of the coordinator's computer and is made at the first freeze; as with readers' keys
(:mod:`reader_app.store.identity`) a signature attributes and keeps nothing secret. It lies beside the kept version,
``versions/N/version.seal.json``, and never leaves the coordinator's study folder.
"""

from __future__ import annotations

import json
from pathlib import Path

from reader_app import paths
from reader_app.errors import EnvironmentFault, Fault
from reader_app.store.canonical import canonical_json
from reader_app.store.disk import write_atomically
from reader_app.store.lock import LOCK, VERSIONS, StudyLock
from reader_app.store.signing import SigningKey, signature_holds

SEAL = "version.seal.json"
KEY = "coordinator.key.json"


def seal_version(study: Path, number: int, lock: StudyLock) -> None:
    """Sign a kept version with the key of this installation, which is made where there is none.

    Parameters
    ----------
    study : Path
        The coordinator's study folder.
    number : int
        Of the version: 1 for the first freeze.
    lock : StudyLock
        The lock of that version.

    Raises
    ------
    EnvironmentFault
        If the key cannot be read or kept, or the signature cannot be written.
    """
    key = _key()
    seal = {"key": key.public, "signature": key.sign(_statement(number, lock.as_bytes()))}
    write_atomically(study / VERSIONS / str(number) / SEAL, canonical_json(seal).encode("utf-8"))


def check_seals(study: Path) -> tuple[dict[int, str], list[Fault]]:
    """Check the signatures of all kept versions.

    Returns
    -------
    keys : dict of int to str
        The public key that signed each version; empty text for a version without a signature (frozen by an earlier program).
    faults : list of Fault
        Signatures that do not hold, and versions signed by another key than the first.
    """
    keys: dict[int, str] = {}
    faults: list[Fault] = []
    remedy = "bring back the version as it was, or find out who froze it"
    for kept in sorted((study / VERSIONS).glob("[0-9]*"), key=lambda own: int(own.name) if own.name.isdigit() else 0):
        if not kept.name.isdigit():
            continue
        number, place = int(kept.name), kept / SEAL
        keys[number] = ""
        if not place.exists():
            continue
        try:
            seal = json.loads(place.read_text(encoding="utf-8"))
            key, signature = str(seal["key"]), str(seal["signature"])
            holds = signature_holds(key, signature, _statement(number, (kept / LOCK).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            faults.append(Fault(str(place), f"the signature of version {number} cannot be read ({error})", remedy))
            continue
        if not holds:
            faults.append(Fault(str(place), f"the signature of version {number} does not hold: its lock was changed", remedy))
            continue
        keys[number] = key
        first = next(own for own in keys.values() if own)
        if key != first:
            what = f"version {number} was signed by another key ({key[:12]}) than the one before it ({first[:12]})"
            faults.append(Fault(str(place), what, "confirm with whoever froze it that this is right"))
    return keys, faults


def _statement(number: int, lock: bytes) -> str:
    return canonical_json({"version": number, "lock": lock.decode("utf-8")})


def _key() -> SigningKey:
    path = paths.data_dir() / KEY
    try:
        if path.exists():
            return SigningKey(bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))["private"]))
        path.parent.mkdir(parents=True, exist_ok=True)
        key = SigningKey.new()
        write_atomically(path, canonical_json({"private": key.private.hex(), "public": key.public}).encode("utf-8"), private=True)
        return key
    except (OSError, ValueError, KeyError, TypeError, EnvironmentFault) as error:
        what = f"{path}: the key that signs frozen versions cannot be read or kept ({error}); "
        raise EnvironmentFault(what + "give write access to the folder, or put the file aside and freeze again") from error
