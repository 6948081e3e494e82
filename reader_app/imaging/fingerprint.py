"""The identity of a case: a hash of its pixels as they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def of_images(images: Iterable[tuple[str, str]]) -> str:
    """Return the fingerprint of a case from (image id, SHA-256 of its full-resolution array file) pairs.

    The order in which the pairs come does not matter. The array file holds the pixels as hung, so a flipped image has
    another fingerprint.
    """
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(images))
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()
