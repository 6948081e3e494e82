"""Files on the disk: written whole or not at all; canonical text; hashes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from reader_app.store import disk
from reader_app.store.canonical import canonical_json, sha256_file, sha256_text


def test_canonical_json_is_one_text_for_one_value() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "ä\u2028"}) == '{"a":"ä\u2028","b":[1,2.5]}'
    assert canonical_json({"a": 1, "b": 2}) == canonical_json({"b": 2, "a": 1})
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            canonical_json([bad])


def test_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "f").write_bytes(data)
    assert sha256_file(tmp_path / "f") == hashlib.sha256(data).hexdigest()
    assert sha256_text("ä") == hashlib.sha256("ä".encode()).hexdigest()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock.json"
    disk.write_atomically(path, b"one")
    disk.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="No space"):
                disk.write_atomically(path, b"three")
        assert path.read_bytes() == b"two" and os.listdir(tmp_path) == ["lock.json"]
