"""A bundle comes out again from the command in its manifest, bit for bit; a wrong command or changed weights are seen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the measurements stand beside the package, not in it

from benchmarks import reproduce
from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.imaging import phantoms
from reader_app.networks import checkpoint, liu2025_samples, registry

#: Of phantoms that are quickly made.
SMALL = (48, 64, 72)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle of two phantoms and one epoch."""
    monkeypatch.setattr(liu2025_samples, "SHAPE", SMALL)
    monkeypatch.setattr(phantoms, "demo_case", lambda modality, seed: phantoms.abvs_volume(seed, shape=SMALL))
    out = tmp_path / "liu2025_C"
    sizes = {"phantoms": 2, "calibrate": 1, "test": 1, "epochs": 1, "seed": 3}
    registry.train("liu2025", model="liu2025_C", out=out, backbone="small", device="cpu", **sizes)
    return out


def test_the_command_of_a_manifest_makes_the_bundle_again(made: Path, tmp_path: Path) -> None:
    rows = reproduce.again(made, tmp_path / "again")
    assert [(row.value, row.ok) for row in rows] == [(0, True), (0, True)]
    assert rows[0].more["tensors"] and rows[0].more["largest_difference"] == 0
    # the same bundle with another seed in its manifest, or with one changed weight, is not what the command makes
    manifest = dict(bundles.load(made).manifest)
    del manifest["files"], manifest["schema"]
    tensors = checkpoint.read(made / bundles.WEIGHTS)[0]
    name = next(iter(tensors))
    nudged = checkpoint.pack({**tensors, name: tensors[name] + 1e-6})
    other = bundles.write(tmp_path / "nudged", manifest, {bundles.WEIGHTS: nudged})
    again = bundles.load(tmp_path / "again" / "liu2025_C")
    assert [row.ok for row in reproduce.compared(other, again)] == [False, True]
    lied = {**manifest, "command": str(manifest["command"]).replace("--seed 3", "--seed 4")}
    same = bundles.write(tmp_path / "lied", lied, {bundles.WEIGHTS: (made / bundles.WEIGHTS).read_bytes()})
    rows = reproduce.again(same.path, tmp_path / "otherwise")
    assert not any(row.ok for row in rows) and rows[0].value > 10


def test_every_shipped_bundle_states_a_command_that_can_be_run(tmp_path: Path) -> None:
    for folder in sorted(paths.resource("bundles").iterdir()):
        bundle = bundles.load(folder)
        words = reproduce.ordered(bundle.manifest["command"], tmp_path / "out")
        assert words[:3] == ["ai", "train", bundle.system] and words[-2:] == ["--device", "cpu"]
        assert words[words.index("--out") + 1] == str(tmp_path / "out")
    with pytest.raises(ValueError, match="cannot be run"):
        reproduce.ordered("reader-app ai train zhou2023 --data FOLDER --out x", tmp_path)
