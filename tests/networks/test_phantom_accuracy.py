"""The measurement of liu2025 on phantoms can be stopped, shared and gone on with, and ends in the figures of one run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the measurements stand beside the package, not in it

from benchmarks import phantom_accuracy
from reader_app.ai import bundle as bundles
from reader_app.imaging import phantoms
from reader_app.networks import liu2025_measure, liu2025_predict, liu2025_samples


def _row(seed: int) -> dict[str, Any]:
    """What could have been found on a phantom: odd ones are malignant, those of 3 and up are found."""
    overlap = [30.0 * seed, 80.0 * seed, [0.75]]
    return {
        "truth": seed % 2,
        "score": seed / 10,
        "called": seed % 2 == 1,
        "drawn": True,
        "hits": [seed >= 3, False],
        "lesions": [[seed % 2, seed / 10]] if seed >= 3 else [],
        "overlaps": dict.fromkeys(("mean", "transverse", "sagittal", "coronal"), overlap),
    }


def test_shared_work_gives_the_figures_of_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []

    def of_case(model: object, exam: int) -> dict[str, Any]:
        judged.append(exam)
        return _row(exam)

    monkeypatch.setattr(liu2025_predict, "Liu2025Model", lambda bundle, where: None)
    monkeypatch.setattr(phantoms, "abvs_volume", lambda seed: seed)
    monkeypatch.setattr(liu2025_samples, "phantom_exam", lambda case: case)
    monkeypatch.setattr(liu2025_measure, "of_case", of_case)
    bundle, seeds = SimpleNamespace(sha256="a"), range(1, 6)

    def tell(done: int, total: int, text: str) -> None:
        assert 0 < done <= total

    whole = phantom_accuracy.liu2025(bundle, seeds, tell)
    assert judged == [1, 2, 3, 4, 5]
    judged.clear()
    half = phantom_accuracy.liu2025(bundle, seeds, tell, tmp_path, slice(0, None, 2))
    assert judged == [1, 3, 5] and half["n"] == 3
    with (tmp_path / "other.jsonl").open("w", encoding="utf-8") as file:  # of another bundle; and a line that a kill cut short
        file.write('{"bundle": "b", "seed": 2, "found": {}}\n{"bundle": "a", "seed": 4, "fou')
    both = phantom_accuracy.liu2025(bundle, seeds, tell, tmp_path)
    assert judged == [1, 3, 5, 2, 4] and both == whole != half
    judged.clear()
    assert phantom_accuracy.liu2025(bundle, seeds, tell, tmp_path) == whole and not judged


def test_figures_by_hand() -> None:
    found = liu2025_measure.figures([_row(seed) for seed in range(1, 6)])
    assert (found["n"], found["sensitivity"], found["specificity"]) == (5, 1.0, 1.0)
    assert found["auc"] == 0.5  # 3 above 2, 5 above 2 and 4: three of six pairs
    assert (found["lesion_found"], found["false_boxes_per_case"], found["box_on_lesion"]) == (0.6, 1.4, pytest.approx(2 / 3))
    assert (found["dice"], found["dice_mean_of_scans"], found["lesion_auc"]) == (0.75, 0.75, 0.5)
    assert liu2025_measure.figures([_row(2)])["auc"] is None


@pytest.mark.parametrize("system", ["liu2025", "zhou2023"])
def test_the_committed_figures_are_those_of_the_shipped_bundle(system: str) -> None:
    """Figures of another bundle, of fewer phantoms, or below the bars of detectors and U-Net would be noticed here."""
    root = Path(__file__).resolve().parents[2]
    document = json.loads((root / "benchmarks" / "results" / f"phantom_accuracy_{system}.json").read_text(encoding="utf-8"))
    told, bundle = document["results"][0], bundles.load(root / "resources" / "bundles" / system)
    assert told["bundle_sha256"] == bundle.sha256 and told["command"] == bundle.manifest["command"]
    assert told["phantoms"] == told["figures"]["n"] == 300
    missed = {row["name"] for row in document["results"] if not row["ok"]}
    assert missed <= {"dice mean of scans"}  # in which a lesion that was not found counts 0; the README says so


def test_only_systems_that_can_be_kept_are(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        phantom_accuracy.main(["zhou2023", "--keep", str(tmp_path)])
    assert "in one go" in capsys.readouterr().err
