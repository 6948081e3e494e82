"""A small study made in a second: three ultrasound phantoms with predictions written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.desk import importing
from reader_app.desk.newstudy import new_study
from reader_app.imaging import phantoms


def predict_by_hand(study: Path, case_id: str, fingerprint: str, probability: float) -> None:
    """Store a prediction of both models for one case."""
    for model_id, words in (("DLR_LH", ("low", "high")), ("DLR_BM", ("benign", "malignant"))):
        positive = probability >= 0.5
        directory = study / "aids" / model_id
        directory.mkdir(parents=True, exist_ok=True)
        results.save(
            directory,
            Prediction(
                model_id, case_id, fingerprint, probability, 0.5, words[positive], positive,
                provenance={"bundle_sha256": "0" * 64, "training_data": "written by hand"},
            ),
        )  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study that can be frozen."""
    folder = new_study(tmp_path / "small", "lu2025")
    cases, truth = [], []
    for number, malignant in enumerate((False, True, False)):
        case_id = f"C{number + 1}"
        phantom = phantoms.demo_case("ultrasound", seed=40 + number, malignant=malignant)
        fingerprint = phantoms.write_container(phantom, folder / "images" / case_id, case_id)
        cases.append(
            {"case_id": case_id, "modality": "ultrasound", "breasts": "".join(phantom.breasts), "fingerprint": fingerprint}
            | dict(phantom.clinical)
        )
        truth += phantom.reference_rows(case_id)
        predict_by_hand(folder, case_id, fingerprint, 0.9 if malignant else 0.2)
    importing.enter_cases(folder, cases)
    importing.enter_reference(folder, truth)
    return folder
