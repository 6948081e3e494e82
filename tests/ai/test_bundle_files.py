"""Bundles: whole or refused. Every fault is one sentence that names the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reader_app.ai import bundle as bundles
from reader_app.errors import BundleError

MANIFEST = {
    "system": "lu2025",
    "model_id": "DLR_BM",
    "version": "1.0.0",
    "title": "t",
    "licence": "MIT",
    "intended_use": "tests",
    "training_data": "trained on phantoms",
    "input": {"modalities": {"ultrasound": {}}},
    "output": {"labels": ["benign", "malignant"]},
    "operating_points": {"ultrasound": {"threshold": 0.5}},
}


def _make(folder: Path) -> bundles.Bundle:
    return bundles.write(folder, MANIFEST, {bundles.WEIGHTS: b"weights", "metrics.json": b"{}"})


def test_round_trip_and_identity(tmp_path: Path) -> None:
    made = _make(tmp_path / "m")
    again = bundles.load(tmp_path / "m")
    assert again.sha256 == made.sha256 and again.model_id == "DLR_BM" and again.phantom_trained
    text = (tmp_path / "m" / "manifest.json").read_text()
    (tmp_path / "m" / "manifest.json").write_text(text.replace("\n", "\r\n"))
    assert bundles.load(tmp_path / "m").sha256 == made.sha256  # line ends do not change the identity
    other = bundles.write(tmp_path / "n", MANIFEST, {bundles.WEIGHTS: b"other weights"})
    assert other.sha256 != made.sha256


def test_flipped_byte_is_refused(tmp_path: Path) -> None:
    _make(tmp_path / "m")
    weights = tmp_path / "m" / bundles.WEIGHTS
    content = bytearray(weights.read_bytes())
    content[3] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(BundleError, match=r"weights\.safetensors: was changed") as caught:
        bundles.load(tmp_path / "m")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["weights.pt", "model.pkl", "code.py", "model.pt2", "model.ckpt"])
def test_files_that_could_run_code_are_refused(tmp_path: Path, name: str) -> None:
    _make(tmp_path / "m")
    (tmp_path / "m" / name).write_bytes(b"x")
    with pytest.raises(BundleError, match="refused"):
        bundles.load(tmp_path / "m")


def test_unlisted_missing_and_linked_files_are_refused(tmp_path: Path) -> None:
    _make(tmp_path / "m")
    (tmp_path / "m" / "extra.json").write_text("{}")
    with pytest.raises(BundleError, match="not listed"):
        bundles.load(tmp_path / "m")
    (tmp_path / "m" / "extra.json").unlink()
    (tmp_path / "m" / "metrics.json").unlink()
    with pytest.raises(BundleError, match="missing"):
        bundles.load(tmp_path / "m")
    (tmp_path / "m" / "metrics.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(BundleError, match="refused"):
        bundles.load(tmp_path / "m")


@pytest.mark.parametrize("key", ["licence", "training_data", "operating_points", "system", "files"])
def test_incomplete_manifest_is_refused(tmp_path: Path, key: str) -> None:
    _make(tmp_path / "m")
    path = tmp_path / "m" / "manifest.json"
    document = json.loads(path.read_text())
    del document[key]
    path.write_text(json.dumps(document))
    with pytest.raises(BundleError, match=key):
        bundles.load(tmp_path / "m")


def test_path_outside_the_folder_is_refused(tmp_path: Path) -> None:
    _make(tmp_path / "m")
    path = tmp_path / "m" / "manifest.json"
    document = json.loads(path.read_text())
    document["files"]["../secret.json"] = {"sha256": "0" * 64, "bytes": 1}
    (tmp_path / "secret.json").write_text("{}")
    path.write_text(json.dumps(document))
    with pytest.raises(BundleError, match="missing"):
        bundles.load(tmp_path / "m")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"schema": 99}', "\x00"])
def test_rubbish_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "manifest.json").write_text(content)
    with pytest.raises(BundleError) as caught:
        bundles.load(tmp_path / "m")
    assert "manifest.json" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(BundleError, match="no model bundle"):
        bundles.load(tmp_path / "nowhere")


def test_failed_write_leaves_the_old_bundle(tmp_path: Path) -> None:
    made = _make(tmp_path / "m")
    with pytest.raises(BundleError):
        bundles.write(tmp_path / "m", {**MANIFEST, "licence": ""}, {bundles.WEIGHTS: b"new"})
    assert bundles.load(tmp_path / "m").sha256 == made.sha256
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
