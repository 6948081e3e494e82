"""What comes out of a training, the same for all systems: where the bundle lies, what it learnt from, its figures in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Words for the figures of manifests; others are shown by their own names.
WORDS: Mapping[str, str] = {
    "auc": "AUC",
    "box_on_lesion": "box on the lesion in so many true positives",
    "lesion_found": "lesions found",
    "false_boxes_per_case": "false boxes a case",
    "dice": "Dice",
    "type_right": "type right",
    "place_right": "quadrant right",
    "depth_error": "depth error",
    "matching_accuracy": "matched",
    "lesion_auc": "AUC of lesions found",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What came out.

    Attributes
    ----------
    path : Path
        The bundle.
    sha256 : str
        Its identity.
    metrics : mapping
        "model_id", "cohort" (of the test cases) and "test": part of the test -> figures.
    source : str
        What it was trained on, in words.
    """

    path: Path
    sha256: str
    metrics: Mapping[str, Any]
    source: str

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.metrics['model_id']}, {self.source} (research use only); on {self.metrics['cohort']}:"]
        for part, row in self.metrics["test"].items():
            lines.append(f"  {part:12} {', '.join(figures(row))}")
        return "\n".join(lines)


def figures(row: Mapping[str, Any], before: str = "") -> list[str]:
    """Return the numbers of a row in words; what is unknown (None) is left out."""
    said = []
    for key, value in row.items():
        name = f"{before}{WORDS.get(key, key.replace('_', ' '))}"
        if isinstance(value, Mapping):
            said += figures(value, f"{name} ")
        elif isinstance(value, bool) or value is None or isinstance(value, str):
            continue
        elif isinstance(value, int):
            said.append(f"{name} {value}")
        elif isinstance(value, float):
            said.append(f"{name} {value:.3f}")
    return said
