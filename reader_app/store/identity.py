"""Who reads: a reader code, a PIN, and a key that signs. For attribution, not for secrecy.

A four-digit PIN is found within an hour by whoever has the file, so nothing is encrypted under it and the key lies beside its
hash, readable by this user of the computer alone. A signature therefore says "this installation, unlocked with this PIN, not
changed since"; it does not prove which person sat there. The words on the screen say so too.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from reader_app.clock import iso_utc
from reader_app.errors import EnvironmentFault, InputFaults, ReaderAppError
from reader_app.store.disk import write_atomically
from reader_app.store.signing import SigningKey

SCHEMA = 1
MIN_PIN = 4
#: After this many wrong PINs in a row each further one doubles the wait.
FREE_TRIES = 5
FIRST_WAIT_S = 30
LONGEST_WAIT_S = 3600


class PinRefused(ReaderAppError):
    """The PIN is wrong, or the next try must wait."""


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A reader who has entered the right PIN.

    Attributes
    ----------
    key : SigningKey
        Signs this reader's log.
    failures : int
        Wrong PINs since the last right one; to be noted with the run.
    """

    key: SigningKey
    failures: int


@dataclass(frozen=True, slots=True)
class _Stored:
    schema: int
    study_id: str
    reader_id: str
    created_utc: str
    public: str
    private: str
    pin_hash: str
    failures: int
    wait_until_utc: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of one reader on this workstation.

    Attributes
    ----------
    path : Path
        Its file; mode 0600.
    public : str
        The public key, 64 hexadecimal digits.
    created_utc : str
    """

    path: Path
    study_id: str
    reader_id: str
    public: str
    created_utc: str

    def unlock(self, pin: str, now_utc: str) -> Unlocked:
        """Return the reader's key.

        Parameters
        ----------
        pin : str
        now_utc : str
            Present wall time.

        Raises
        ------
        PinRefused
            If the PIN is wrong or a wait is not over; the text says how long.
        EnvironmentFault
            If the file cannot be read or written.
        """
        stored = _load(self.path)
        if now_utc < stored.wait_until_utc:
            raise PinRefused(
                f"Too many wrong PINs for {self.reader_id}; wait until {stored.wait_until_utc} (UTC), then try again."
            )
        if not _pin_fits(stored.pin_hash, pin):
            failures = stored.failures + 1
            wait = _wait_s(failures)
            until = iso_utc(_moment(now_utc) + timedelta(seconds=wait)) if wait else ""
            _store(self.path, replace(stored, failures=failures, wait_until_utc=until))
            raise PinRefused(
                f"The PIN of {self.reader_id} is wrong; " + (f"wait {wait} seconds, then try again." if wait else "try again.")
            )
        fresh = _rehashed(stored.pin_hash, pin)
        if stored.failures or fresh != stored.pin_hash:
            _store(self.path, replace(stored, failures=0, wait_until_utc="", pin_hash=fresh))
        return Unlocked(SigningKey(bytes.fromhex(stored.private)), stored.failures)

    def change_pin(self, old: str, new: str, now_utc: str) -> None:
        """Replace the PIN; the key stays.

        Raises
        ------
        PinRefused
            As :meth:`unlock`.
        InputFaults
            If the new one is too short.
        """
        self.unlock(old, now_utc)
        check_pin(new)
        _store(self.path, replace(_load(self.path), pin_hash=_hashed(new)))


def enrol(folder: Path, study_id: str, reader_id: str, pin: str, now_utc: str) -> Identity:
    """Make a reader's identity on this workstation: a fresh key and a PIN.

    Parameters
    ----------
    folder : Path
        Where identities lie (per user of the computer, not in the study folder).
    study_id, reader_id : str
    pin : str
        At least four characters.
    now_utc : str

    Raises
    ------
    InputFaults
        If the PIN is too short or the reader is enrolled here already.
    EnvironmentFault
        If the file cannot be written.
    """
    check_pin(pin)
    path = _path(folder, study_id, reader_id)
    if path.exists():
        raise InputFaults(f"Reader {reader_id} is enrolled on this workstation already; log in with the PIN.")
    key = SigningKey.new()
    stored = _Stored(SCHEMA, study_id, reader_id, now_utc, key.public, key.private.hex(), _hashed(pin), 0, "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.chmod(path.parent, 0o700)
    except OSError as error:
        raise EnvironmentFault(
            f"{path.parent}: the identity cannot be kept ({error}); give write access to the folder"
        ) from error
    _store(path, stored)
    return Identity(path, study_id, reader_id, key.public, now_utc)


def find(folder: Path, study_id: str, reader_id: str) -> Identity | None:
    """Return the identity of a reader on this workstation, or None when there is none.

    Raises
    ------
    EnvironmentFault
        If its file cannot be read.
    """
    path = _path(folder, study_id, reader_id)
    if not path.exists():
        return None
    stored = _load(path)
    return Identity(path, stored.study_id, stored.reader_id, stored.public, stored.created_utc)


def _path(folder: Path, study_id: str, reader_id: str) -> Path:
    return folder / study_id / f"{reader_id}.identity.json"


def _load(path: Path) -> _Stored:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        stored = _Stored(**document)
        if stored.schema != SCHEMA or SigningKey(bytes.fromhex(stored.private)).public != stored.public:
            raise ValueError("its key does not fit")
    except (OSError, ValueError, TypeError) as error:
        what = (
            f"{path}: the identity cannot be read ({error}); restore the file, or remove it and enrol again with the coordinator"
        )
        raise EnvironmentFault(what) from error
    return stored


def _store(path: Path, stored: _Stored) -> None:
    try:
        write_atomically(path, (json.dumps(asdict(stored), indent=1) + "\n").encode("utf-8"), private=True)
    except OSError as error:
        raise EnvironmentFault(f"{path}: the identity cannot be kept ({error}); give write access to the folder") from error


def check_pin(pin: str) -> None:
    """Refuse a PIN that is too short.

    Raises
    ------
    InputFaults
        If it is.
    """
    if len(pin) < MIN_PIN:
        raise InputFaults(f"The PIN has {len(pin)} characters; give at least {MIN_PIN}.")


def _hashed(pin: str) -> str:
    from argon2 import PasswordHasher

    return PasswordHasher().hash(pin)


def _pin_fits(stored: str, pin: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(stored, pin)
    except (VerificationError, InvalidHashError):
        return False


def _rehashed(stored: str, pin: str) -> str:
    """Return the hash as it should be stored today: a new one when its cost is no longer that of this program."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher()
    return hasher.hash(pin) if hasher.check_needs_rehash(stored) else stored


def _wait_s(failures: int) -> int:
    """Return the seconds to wait after so many wrong PINs in a row."""
    if failures < FREE_TRIES:
        return 0
    return int(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (failures - FREE_TRIES)))


def _moment(wall_utc: str) -> datetime:
    return datetime.fromisoformat(wall_utc.replace("Z", "+00:00"))
