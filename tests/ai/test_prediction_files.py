"""Stored predictions come back as they were, belong to their pixels, and are refused when touched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.errors import BundleError
from reader_app.imaging.overlay import Box, Heatmap


def _prediction() -> Prediction:
    rng = np.random.default_rng(0)
    grid = rng.integers(0, 256, (5, 7)).astype(np.uint8)
    solid = rng.integers(0, 256, (3, 4, 5)).astype(np.uint8)
    return Prediction(
        model_id="DLR_BM",
        case_id="C001",
        fingerprint="f" * 64,
        probability=0.8125,
        threshold=0.5,
        call="malignant",
        positive=True,
        boxes=(Box("RCC", (1.5, 2.0), (30.25, 40.0), 0.8, "malignant"), Box("R_AP", (0, 1, 2), (3, 4, 5), 0.2, "malignant")),
        heatmaps=(
            Heatmap("RCC", grid, (8.0, 9.5), (0.25, -0.5), 0.0, 1.0),
            Heatmap("R_AP", solid, (2.0, 8.0, 9.5), (1.0, 0.25, -0.5), 0.0, 1.0, False),
        ),
        raw=(rng.normal(size=(5, 7)).astype(np.float32), None),
        embedding=rng.normal(size=128).astype(np.float32),
        provenance={"bundle_sha256": "b" * 64, "training_data": "trained on phantoms"},
    )


def test_round_trip(tmp_path: Path) -> None:
    made = _prediction()
    sha256 = results.save(tmp_path, made)
    found = results.load(tmp_path, "C001")
    assert found.sha256 == sha256
    for name in ("model_id", "probability", "threshold", "call", "positive", "status", "boxes", "provenance"):
        assert getattr(found, name) == getattr(made, name)
    for a, b in zip(found.heatmaps, made.heatmaps, strict=True):
        assert np.array_equal(a.grid, b.grid) and (a.scale, a.offset, a.evidence) == (b.scale, b.offset, b.evidence)
        assert not a.grid.flags.writeable
    assert found.raw[1] is None and np.array_equal(found.raw[0], made.raw[0])  # type: ignore[arg-type]
    assert np.array_equal(found.embedding, made.embedding)  # type: ignore[arg-type]
    assert results.save(tmp_path / "again", made) == sha256  # the same prediction has the same identity


def test_belongs_to_its_pixels_only(tmp_path: Path) -> None:
    found = _prediction()
    assert results.matches(found, "f" * 64)
    assert not results.matches(found, "e" * 64) and not results.matches(replace(found, fingerprint=""), "")


def test_flipped_byte_in_the_arrays_is_refused(tmp_path: Path) -> None:
    results.save(tmp_path, _prediction())
    path = tmp_path / "C001.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError, match=r"C001\.npz: was changed") as caught:
        results.load(tmp_path, "C001")
    assert "\n" not in str(caught.value)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    """An object array with a matching hash is refused by numpy, not unpickled."""
    results.save(tmp_path, _prediction())
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (ran,))

    np.savez(tmp_path / "C001.npz", heatmap_0=np.array([Evil()], dtype=object))
    import hashlib

    document = json.loads((tmp_path / "C001.json").read_text())
    document["arrays"]["sha256"] = hashlib.sha256((tmp_path / "C001.npz").read_bytes()).hexdigest()
    (tmp_path / "C001.json").write_text(json.dumps(document))
    with pytest.raises(BundleError):
        results.load(tmp_path, "C001")
    assert not ran.exists()


@pytest.mark.parametrize("key", ["probability", "boxes", "heatmaps", "arrays", "provenance", "schema"])
def test_missing_entries_are_refused(tmp_path: Path, key: str) -> None:
    results.save(tmp_path, _prediction())
    document = json.loads((tmp_path / "C001.json").read_text())
    del document[key]
    (tmp_path / "C001.json").write_text(json.dumps(document))
    with pytest.raises(BundleError, match="run the model on this case again"):
        results.load(tmp_path, "C001")


def test_values_that_cannot_be_shown_are_not_stored(tmp_path: Path) -> None:
    made = _prediction()
    for bad in (
        replace(made, probability=float("nan")),
        replace(made, probability=1.5),
        replace(made, status="fine"),
        replace(made, case_id="../up"),
        replace(made, boxes=(Box("RCC", (5.0, 5.0), (5.0, 9.0), 0.5),)),
    ):
        with pytest.raises(BundleError):
            results.save(tmp_path, bad)
    assert not list(tmp_path.iterdir())


def test_another_case_under_this_name_is_refused(tmp_path: Path) -> None:
    results.save(tmp_path, _prediction())
    (tmp_path / "C002.json").write_bytes((tmp_path / "C001.json").read_bytes())
    (tmp_path / "C002.npz").write_bytes((tmp_path / "C001.npz").read_bytes())
    with pytest.raises(BundleError, match="another case"):
        results.load(tmp_path, "C002")
    with pytest.raises(BundleError, match="no prediction"):
        results.load(tmp_path, "C009")
    with pytest.raises(BundleError, match="name of a case"):
        results.load(tmp_path, "../C001")
