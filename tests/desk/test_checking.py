"""The check before the freeze finds what would spoil a study; each fault is planted here."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk.conftest import predict_by_hand

from reader_app.desk import tables
from reader_app.desk.aids import find_bundle, import_predictions
from reader_app.desk.checking import check
from reader_app.desk.evaluating_study import evaluate
from reader_app.desk.importing import REFERENCE, import_into
from reader_app.desk.overview import overview
from reader_app.desk.verifying import verify
from reader_app.errors import BundleError, InputFaults
from reader_app.store.decisions import decide
from reader_app.store.studyfolder import StudyFolder


def words(study: Path) -> str:
    """Return everything a check says."""
    report = check(study)
    return "\n".join([*map(str, report.faults), *report.remarks])


def test_a_sound_study_has_no_faults_and_can_be_frozen(study: Path) -> None:
    report = check(study)
    assert report.faults == ()
    assert len(report.remarks) == 1 and "table of re-identification" in report.remarks[0]
    place = {"place": "safe of the registry"}
    decide(study, "custody_noted", place, "kept apart from the images", "coordinator", "2027-01-01T08:00:00Z")
    assert check(study).remarks == ()
    StudyFolder.load(study).freeze()
    assert overview(study, "2027-01-01").is_frozen
    assert [r.state for r in overview(study, "2027-01-01").progress[:3]] == ["open", "waiting", "waiting"]


def test_a_flipped_pixel_is_found(study: Path) -> None:
    array = next((study / "images" / "C1").glob("*.npy"))
    data = bytearray(array.read_bytes())
    data[-1] ^= 1
    array.write_bytes(bytes(data))
    assert array.name in words(study)


def test_missing_images_and_predictions_are_named(study: Path) -> None:
    (study / "aids" / "DLR_BM" / "C2.json").unlink()
    (study / "images" / "C3").rename(study / "elsewhere")
    said = words(study)
    assert "no prediction of model DLR_BM for C2" in said
    assert "case C3 has no images" in said


def test_a_prediction_of_other_images_is_found(study: Path) -> None:
    predict_by_hand(study, "C1", "f" * 64, 0.4)
    assert "was made on other images than case C1" in words(study)


def test_images_that_cases_csv_does_not_name_are_found(study: Path) -> None:
    rows = tables.read_rows(study / "cases.csv")
    rows[0]["fingerprint"], rows[1]["modality"] = "e" * 64, "abvs"
    tables.write_rows(study / "cases.csv", list(rows[0]), rows)
    said = words(study)
    assert "fingerprint differs" in said
    assert "cases.csv says abvs" in said


def test_truth_in_the_case_list_is_refused(study: Path) -> None:
    rows = tables.read_rows(study / "cases.csv")
    tables.write_rows(study / "cases.csv", [*rows[0], "malignant"], [{**row, "malignant": "1"} for row in rows])
    assert "malignant" in words(study)
    assert check(study).faults


def test_the_same_images_twice_are_remarked(study: Path) -> None:
    rows = tables.read_rows(study / "cases.csv")
    twin = {**rows[0], "case_id": "C9"}
    (study / "images" / "C9").symlink_to(study / "images" / "C1", target_is_directory=True)
    tables.write_rows(study / "cases.csv", list(rows[0]), [*rows, twin])
    assert "C1, C9 hold the same images" in words(study)


def test_a_missing_reference_standard_is_only_a_remark(study: Path) -> None:
    (study / REFERENCE).unlink()
    report = check(study)
    assert report.faults == ()
    assert "accuracy cannot be computed" in report.remarks[0]


def test_a_frozen_study_takes_no_more_cases_or_predictions(study: Path, tmp_path: Path) -> None:
    StudyFolder.load(study).freeze()
    with pytest.raises(InputFaults, match="frozen"):
        import_into(study, [tmp_path])
    with pytest.raises(InputFaults, match="frozen"):
        import_predictions(study, "DLR_LH", [tmp_path / "x.csv"])


def test_models_alone_are_evaluated_from_their_predictions(study: Path) -> None:
    document = evaluate("lu2025", study)
    assert [m["model_id"] for m in document["models"]] == ["DLR_LH", "DLR_BM"]
    assert {row["condition"]: row["sensitivity"]["estimate"] for row in document["accuracy"]} == {"DLR_LH": 1.0, "DLR_BM": 1.0}
    (study / REFERENCE).unlink()
    with pytest.raises(InputFaults, match="reference standard"):
        evaluate("lu2025", study)


def test_cohort_and_category_of_the_reference_standard_divide_the_tables(study: Path) -> None:
    rows = tables.read_rows(study / REFERENCE)
    for row in rows:
        row["cohort"], row["birads"] = ("external" if row["case_id"] == "C1" else ""), ("4A" if row["case_id"] != "C3" else "5")
    tables.write_rows(study / REFERENCE, list(rows[0]), rows)
    document = evaluate("lu2025", study)
    counted = {(r["variant"], r["cohort"]): r["n"] for r in document["tables"][0]["rows"]}
    assert counted["DLR_BM", "internal"] == 2 and counted["DLR_BM", "external"] == 1 and counted["DLR_BM@4A", "internal"] == 2
    advice = {r["variant"]: r["n"] for r in document["tables"][1]["rows"]}
    assert advice == {"4A:down": 2, "4A:keep": 2, "4A:up": 2}
    with pytest.raises(InputFaults, match="no prediction of zhou2023"):
        evaluate("zhou2023", study)


def test_an_unknown_bundle_is_one_sentence() -> None:
    with pytest.raises(BundleError, match="no model bundle of that name"):
        find_bundle("nothing")


def test_verify_tells_what_a_file_is(study: Path, tmp_path: Path) -> None:
    assert verify(study / "images" / "C1").kind == "case container"
    assert verify(study).kind == "study"
    assert not verify(study).faults
    (tmp_path / "x.txt").write_text("hello")
    assert "is neither" in str(verify(tmp_path / "x.txt").faults[0])
    assert "no such file" in str(verify(tmp_path / "absent").faults[0])


def test_a_broken_study_file_does_not_hide_behind_a_stack_trace(study: Path) -> None:
    (study / "study.toml").write_text("format = 1\nid = ", encoding="utf-8")
    found = overview(study, "2027-01-01")
    assert found.folder is None
    assert "study.toml" in str(found.faults[0])
