"""One text for one value: the JSON form that is hashed, so that a hash never depends on spacing or order of keys."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_CHUNK = 1 << 20


def canonical_json(value: object) -> str:
    """Return the canonical JSON text of ``value``: keys sorted, no spaces, UTF-8 characters as they are, no NaN.

    Raises
    ------
    ValueError
        If a number is not finite.
    TypeError
        If something in it has no JSON form.
    """
    return _ENCODER.encode(value)


def sha256_text(text: str) -> str:
    """Return the SHA-256 of the UTF-8 bytes of ``text``, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits; read in chunks of 1 MiB.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
