"""Own data for the detectors: imported cases with a table of lesions, whole patients in one cohort, every fault named."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from reader_app.ai import bundle as bundles
from reader_app.errors import BundleError, TableError
from reader_app.imaging import phantoms
from reader_app.imaging.container import open_case
from reader_app.networks import lesion_table, liu2025_data, registry, zhou2023_data
from reader_app.networks.liu2025_predict import working_for
from reader_app.networks.zhou2023_samples import DEPTH, MALIGNANT, PLACE, SHAPE, VIEW
from reader_app.networks.zhou2023_views import PLACES, VIEWS

SMALL = (56, 80, 72)


def _write(folder: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    names = list(dict.fromkeys(k for row in rows for k in row))
    with (folder / "lesions.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def _row(case: phantoms.PhantomCase, lesion: phantoms.LesionTruth, case_id: str, **more: object) -> dict[str, object]:
    return {
        "case_id": case_id,
        "image_id": lesion.image_id,
        "lesion_id": lesion.lesion_id,
        "malignant": int(lesion.malignant),
        "type": lesion.kind,
        "start": " ".join(str(v) for v in lesion.start),
        "stop": " ".join(str(v) for v in lesion.stop),
        "shape": lesion.shape,
        "margin": lesion.margin,
        "distribution": lesion.distribution,
        **more,
    }


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five exams of four patients (the first two are one), and one normal exam of a fifth."""
    folder = tmp_path_factory.mktemp("mammograms")
    rows: list[dict[str, object]] = []
    cohorts = ("training", "training", "training", "calibration", "test", "test")
    for number, cohort in enumerate(cohorts):
        malignant = number % 2 == 1 and number < 5
        case = phantoms.mammogram_exam(70 + number, malignant, pixel_mm=1.2, normal=1.0 if number == 5 else 0.0)
        case_id = f"M{number}"
        phantoms.write_container(case, folder / "images" / case_id, case_id)
        patient = "P0" if number < 2 else f"P{number}"
        rows.append({"case_id": case_id, "patient_id": patient, "cohort": cohort, "malignant": int(malignant)})
        rows += [_row(case, o, case_id, patient_id=patient, cohort=cohort) for o in case.lesions]
    return _write(folder, rows)


def _rows(folder: Path) -> list[dict[str, object]]:
    with (folder / "lesions.csv").open(newline="", encoding="utf-8") as stream:
        return [dict(r) for r in csv.DictReader(stream)]


def test_cases_keep_their_cohort_and_their_words(exams: Path) -> None:
    entries = {e.case_id: e for e in lesion_table.read(exams, "mammography", 1)}
    assert [entries[k].cohort for k in ("M0", "M3", "M5")] == ["training", "calibration", "test"]
    assert entries["M5"].malignant == 0 and entries["M5"].lesions == () and entries["M1"].malignant == 1
    sample, views = zhou2023_data.exam(entries["M1"], 0.6)
    assert len(sample["rows"]) == len(entries["M1"].lesions) == 2  # CC and MLO
    for row, lesion in zip(sample["rows"].tolist(), entries["M1"].lesions, strict=True):
        placed = views.placed[int(row[VIEW])]
        assert placed is not None and VIEWS[int(row[VIEW])] == lesion.image_id and row[MALIGNANT] == 1
        start, stop = placed.to_image(row[:4])
        assert np.allclose(start, lesion.start, atol=0.01) and np.allclose(stop, lesion.stop, atol=0.01)
        assert 0 <= row[DEPTH] <= 1 and PLACES[int(row[PLACE])]
        wanted = lesion_table.WORDS["shape"].index(lesion.shape) if lesion.shape else -1
        assert row[SHAPE] == wanted


def test_patients_are_drawn_whole_and_from_the_seed_alone(exams: Path, tmp_path: Path) -> None:
    entries = [lesion_table.Entry(f"C{k}", f"P{k // 3}", "", exams, 0, (), ()) for k in range(60)]
    first, again, other = (lesion_table.split(entries, seed) for seed in (1, 1, 2))
    assert [e.cohort for e in first] == [e.cohort for e in again] != [e.cohort for e in other]
    by_patient: dict[str, set[str]] = {}
    for entry in first:
        by_patient.setdefault(entry.patient, set()).add(entry.cohort)
    assert all(len(v) == 1 for v in by_patient.values())
    counts = [sum(e.cohort == c for e in first) for c in lesion_table.COHORTS]
    assert counts == [42, 9, 9]


def test_every_fault_is_named_and_leakage_is_refused(exams: Path, tmp_path: Path) -> None:
    rows = _rows(exams)

    def faults(changed: list[dict[str, object]]) -> str:
        folder = tmp_path / f"f{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "images").symlink_to(exams / "images")
        with pytest.raises(TableError) as caught:
            lesion_table.read(_write(folder, changed), "mammography", 1)
        return str(caught.value)

    lesion = next(k for k, r in enumerate(rows) if r["image_id"])
    text = faults([{**r, "cohort": "test" if r["case_id"] == "M1" else r["cohort"]} for r in rows])
    assert "the patient P0 is in test and training" in text
    both = faults(
        [
            {**rows[lesion], "stop": "9000 9000"},
            {**rows[lesion], "image_id": "XYZ"},
            {**rows[lesion], "type": "cyst"},
            {**rows[lesion], "start": "1"},
            {**rows[lesion], "malignant": "yes"},
            {**rows[lesion], "case_id": "nobody"},
            {**rows[lesion], "mask": "none.npy"},
        ]
    )
    for word in ("does not lie in", "no image 'XYZ'", "'cyst'", "2 numbers each", "'yes'", "nobody", "none.npy"):
        assert word in both
    # the same pixels under another patient's name
    copy = tmp_path / "copy"
    shutil.copytree(exams, copy)
    shutil.copytree(copy / "images" / "M0", copy / "images" / "M9")
    for own in (copy / "images" / "M9").glob("*.json"):
        own.write_text(own.read_text().replace('"M0"', '"M9"'))
    _write(copy, [*rows, {"case_id": "M9", "patient_id": "P9", "cohort": "test", "malignant": 0}])
    with pytest.raises(TableError, match="the same pixels under two patients"):
        lesion_table.read(copy, "mammography", 1)
    _write(copy, [*rows, {"case_id": "M9", "patient_id": "P0", "cohort": "training", "malignant": 0}])
    assert len(lesion_table.read(copy, "mammography", 1)) == 7  # one patient may come twice
    with pytest.raises(TableError, match="not abvs"):
        lesion_table.read(exams, "abvs", 1)


def test_zhou2023_learns_from_a_folder(exams: Path, tmp_path: Path) -> None:
    told: list[str] = []
    report = registry.train(
        "zhou2023",
        data=exams,
        out=tmp_path / "z",
        backbone="small",
        epochs=1,
        device="cpu",
        progress=lambda done, total, text: told.append(text),
    )
    bundle = bundles.load(tmp_path / "z")
    assert "6 cases of 5 patients" in bundle.training_data and "held-out patients" in str(report)
    assert not bundle.phantom_trained and "--data FOLDER" in bundle.manifest["command"]
    assert bundle.manifest["measured"]["mammography"]["n"] == 2
    found = registry.load(bundle, torch.device("cpu"))(open_case(exams / "images" / "M5"), {})
    assert found.status == "ok" and "M5" in found.case_id
    few = [r for r in _rows(exams) if r["cohort"] != "test"]
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "images").symlink_to(exams / "images")
    with pytest.raises(BundleError, match="0 test"):
        registry.train("zhou2023", data=_write(folder, few), out=tmp_path / "n", backbone="small")


def test_liu2025_learns_from_boxes_and_from_masks(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = []
    for number, cohort in enumerate(("training", "training", "training", "calibration", "test")):
        case = phantoms.abvs_volume(80 + number, bool(number % 2), shape=SMALL, spacing_mm=(1.2, 0.6, 1.2))
        case_id = f"A{number}"
        phantoms.write_container(case, tmp_path / "images" / case_id, case_id)
        row = _row(case, case.lesions[0], case_id, patient_id=case_id, cohort=cohort)
        if number == 0:
            drawn = np.zeros(SMALL, bool)
            (mask,) = case.volume_masks[case.lesions[0].image_id]
            drawn[tuple(slice(o, o + n) for o, n in zip(mask.origin, mask.mask.shape, strict=True))] = mask.mask
            np.save(tmp_path / "A0.npy", drawn)
            row |= {"start": "", "stop": "", "mask": "A0.npy"}
        rows.append(row)
    _write(tmp_path, rows)
    entries = {e.case_id: e for e in lesion_table.read(tmp_path, "abvs", 1)}
    own = liu2025_data.exam(entries["A0"]).lesions[entries["A0"].lesions[0].image_id][0]
    truth = phantoms.abvs_volume(80, False, shape=SMALL, spacing_mm=(1.2, 0.6, 1.2)).lesions[0]
    assert own.start == truth.start and own.stop == truth.stop and own.mask is not None and own.malignant == 0
    cohorts = liu2025_data.cohorts(tmp_path, tmp_path / "work", working_for("small"), 1, None)
    assert set(cohorts.samples.frame_case) == {0, 1, 2} and sorted(set(cohorts.samples.malignant)) == [0, 1]
    registry.train("liu2025", data=tmp_path, out=tmp_path / "l", backbone="small", epochs=1, device="cpu")
    bundle = bundles.load(tmp_path / "l")
    assert "5 cases of 5 patients" in bundle.training_data and not bundle.phantom_trained
    assert bundle.manifest["measured"]["abvs"]["n"] == 1
