"""The import as a whole: resumable, idempotent, without identifiers, and with a word about every file."""

from __future__ import annotations

import csv
import json
import os

import makedicom as md
import numpy as np
import pytest

from reader_app.errors import TableError
from reader_app.imaging import grouping
from reader_app.imaging.container import open_case, verify
from reader_app.imaging.importer import import_sources

IDENTITY = ["DOE^JANE", "MRN-884422", "19600704", "Dr. Strange", "St. Elsewhere", "ACC777123", "20260115"]


def _exam(folder, patient="", **tags):
    return md.four_views(folder, patient, **tags)


@pytest.fixture
def study(tmp_path, pool):
    _exam(tmp_path / "in" / "one")
    _exam(tmp_path / "in" / "two")
    (tmp_path / "in" / "readme.txt").write_text("hello")
    return tmp_path, import_sources([tmp_path / "in"], tmp_path / "study" / "images", pool=pool)


def test_every_file_has_its_word(study):
    folder, report = study
    assert len(report.files) == 9 and sum(f.accepted for f in report.files) == 8
    refused = next(f for f in report.files if not f.accepted)
    assert refused.path == "readme.txt" and "no image file" in refused.reason
    document = report.to_json()
    assert document["schema"] == 1 and {c["status"] for c in document["cases"]} == {"complete"}
    assert set(document["cases"][0]) >= {"case_id", "modality", "status", "files", "faults"}
    assert set(document["files"][0]) == {"path", "accepted", "case_id", "reason"}
    table, text = report.write(folder)
    assert json.loads(text.read_text()) == document
    with table.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 11 and {r["result"] for r in rows} == {"complete", "accepted", "refused"}


def test_a_second_run_keeps_everything(study, pool):
    folder, first = study
    images = folder / "study" / "images"
    before = {p: p.stat().st_mtime_ns for p in images.rglob("*") if p.is_file()}
    again = import_sources([folder / "in"], images, pool=pool)
    assert all(c.kept for c in again.cases) and again.case_rows == first.case_rows
    assert {p: p.stat().st_mtime_ns for p in images.rglob("*") if p.is_file()} == before
    assert [(f.path, f.accepted) for f in again.files] == [(f.path, f.accepted) for f in first.files]


def test_a_changed_source_or_a_damaged_container_is_made_anew(study, pool):
    folder, first = study
    images = folder / "study" / "images"
    md.write(
        md.mammogram("RCC", md.breast("RCC") + 3, StudyInstanceUID=_study_of(folder / "in" / "one" / "LCC.dcm")),
        folder / "in" / "one" / "RCC.dcm",
    )
    damaged = next(c.case_id for c in first.cases if _pixels_changed(images, c.case_id))
    again = import_sources([folder / "in"], images, pool=pool)
    assert [c.kept for c in again.cases].count(True) <= 1 and again.complete
    assert all(verify(images / c.case_id, deep=True) == [] for c in again.cases)
    assert not again.case(damaged).kept


def _study_of(path):
    return md.pydicom.dcmread(path).StudyInstanceUID


def _pixels_changed(images, case_id):
    path = images / case_id / "RCC.npy"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))
    return True


def test_a_stopped_import_leaves_whole_cases_and_goes_on(tmp_path, pool):
    for number in range(6):
        _exam(tmp_path / "in" / str(number))
    images = tmp_path / "images"
    seen = []
    report = import_sources(
        [tmp_path / "in"],
        images,
        pool=pool,
        progress=lambda d, t, s: seen.append(s),
        cancelled=lambda: sum("case" in s for s in seen) >= 2,
    )
    assert report.cancelled and not report.complete and 0 < len(report.case_rows) < 6
    present = list(images.iterdir())
    assert all(verify(p) == [] for p in present) and not any(p.name.startswith(".") for p in present)
    again = import_sources([tmp_path / "in"], images, pool=pool)
    assert again.complete and len(again.cases) == 6 and sum(c.kept for c in again.cases) == len(present)


def test_dry_run_writes_nothing(tmp_path, pool):
    _exam(tmp_path / "in")[0].unlink()
    report = import_sources([tmp_path / "in"], tmp_path / "study" / "images", dry_run=True, pool=pool)
    assert not (tmp_path / "study").exists()
    assert [c.files for c in report.cases] == [3] and len(report.files) == 3
    assert report.cases[0].status == "incomplete" and report.cases[0].faults == ["view RCC is missing"]


def test_nothing_of_the_person_enters_a_container(tmp_path, pool):
    tags = {
        "PatientName": IDENTITY[0],
        "PatientBirthDate": IDENTITY[2],
        "ReferringPhysicianName": IDENTITY[3],
        "InstitutionName": IDENTITY[4],
        "AccessionNumber": IDENTITY[5],
        "ImageComments": "Jane Doe",
        "StationName": "ROOM-DOE",
    }
    study = md.generate_uid()
    for name in md.HUNG:
        ds = md.mammogram(
            name, StudyInstanceUID=study, PatientID=IDENTITY[1], **{**tags, "SeriesDescription": f"{name[0]} {name[1:]} JANE"}
        )
        md.write(ds, tmp_path / "JANE_DOE" / f"DOE_{name}.dcm")
    report = import_sources([tmp_path / "JANE_DOE"], tmp_path / "images", pool=pool)
    assert report.complete
    uids = [study, *(str(md.pydicom.dcmread(p).SOPInstanceUID) for p in (tmp_path / "JANE_DOE").iterdir())]
    for path in sorted((tmp_path / "images").rglob("*")):
        content = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        for secret in [*IDENTITY, *uids, "JANE", "DOE", "Jane"]:
            assert secret.encode() not in content, (path.name, secret)
    assert "JANE" in report.to_json()["files"][0]["path"] or "DOE" in report.to_json()["files"][0]["path"]  # the control


def test_pseudonyms_differ_between_studies_and_stay_within_one(tmp_path, pool):
    _exam(tmp_path / "in", "P1")
    ids = [
        import_sources([tmp_path / "in"], tmp_path / s / "images", pool=pool, dry_run=False).cases[0].case_id
        for s in ("a", "a", "b")
    ]
    assert ids[0] == ids[1] != ids[2]
    assert (tmp_path / "a" / grouping.SALT_FILE).stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_a_table_may_name_files_as_the_report_shows_them_where_sources_are_several(tmp_path, pool):
    for name in ("north", "south"):
        _exam(tmp_path / "data" / name)
    (tmp_path / "lists").mkdir()
    table = tmp_path / "lists" / "cases.csv"
    table.write_text("case_id,file\nM1,north/*.dcm\nM2,south\\*.dcm\nM3,west/*.dcm\n")
    sources = [tmp_path / "data" / "north", tmp_path / "data" / "south"]
    report = import_sources(sources, tmp_path / "images", table=table, pool=pool, dry_run=True)
    assert [(c.case_id, c.status) for c in report.cases] == [("M1", "complete"), ("M2", "complete"), ("M3", "refused")]
    shown = {f.path for f in report.files}
    assert shown and all(path.split("/")[0] in ("north", "south") for path in shown)


def test_table_decides_about_cases_and_truth_goes_apart(tmp_path, pool):
    _exam(tmp_path / "in" / "x")
    _exam(tmp_path / "in" / "y")
    md.write(md.mammogram("RCC"), tmp_path / "in" / "stray.dcm")
    table = tmp_path / "cases.csv"
    table.write_text(
        "case_id,file,age,stratum,malignant,patient_id\nM1,in/x/*.dcm,61,hard,1,P1\nM2,in\\y\\*.dcm,44,easy,0,P2\nM3,in/z/*.dcm,,,0,\n"
    )
    report = import_sources([tmp_path / "in"], tmp_path / "images", table=table, pool=pool)
    assert [(c.case_id, c.status) for c in report.cases] == [("M1", "complete"), ("M2", "complete"), ("M3", "refused")]
    assert report.case_rows[0] == {
        **report.case_rows[0],
        "age": "61",
        "stratum": "hard",
        "breasts": "RL",
        "modality": "mammography",
    }
    assert [e["malignant"] for e in report.reference_rows] == ["1", "0", "0"] and "no file matches" in report.case("M3").faults[0]
    assert not any({"malignant", "patient_id"} & set(row) for row in report.case_rows)
    assert "malignant" not in "".join(p.read_text() for p in (tmp_path / "images").rglob("*.json"))
    assert next(f for f in report.files if f.path == "stray.dcm").reason == "is not named in the case table"


def test_table_gives_side_and_view_where_tags_lack(tmp_path, pool):
    import cv2

    lines = ["case_id,file,modality,view,laterality"]
    for number, name in enumerate(md.HUNG):
        (tmp_path / "in").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "in" / f"img{number}.png"), md.breast(name))
        lines.append(f"K1,in/img{number}.png,mammography,{name[1:]},{name[0]}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    report = import_sources([tmp_path / "in"], tmp_path / "images", table=tmp_path / "t.csv", pool=pool)
    assert report.complete, report.cases
    case = open_case(tmp_path / "images" / "K1")
    assert all(np.array_equal(case.image(n).array, md.breast(n)) for n in md.HUNG)


def test_table_against_file_name_is_refused(tmp_path, pool):
    import cv2

    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "L-CC.png"), md.breast("LCC"))
    (tmp_path / "t.csv").write_text("case_id,file,modality,view,laterality\nK1,in/L-CC.png,mammography,CC,R\n")
    report = import_sources([], tmp_path / "images", table=tmp_path / "t.csv", pool=pool)
    assert (
        report.cases[0].status == "refused"
        and "line 2" in report.cases[0].faults[0]
        and "file name says L" in report.cases[0].faults[0]
    )


def test_one_file_cannot_serve_two_cases(tmp_path, pool):
    _exam(tmp_path / "in")
    (tmp_path / "t.csv").write_text("case_id,file\nA,in/*.dcm\nB,in/RCC.dcm\n")
    report = import_sources([], tmp_path / "images", table=tmp_path / "t.csv", pool=pool)
    assert report.case("B").status == "refused" and "already given to case A" in report.case("B").faults[0]


def test_single_files_on_the_command_line(tmp_path, pool):
    paths = _exam(tmp_path / "in")
    report = import_sources(paths, tmp_path / "images", pool=pool)
    assert report.complete and {f.path for f in report.files} == {p.name for p in paths}


def test_dicomdir_is_never_followed(tmp_path, pool):
    _exam(tmp_path / "in")
    (tmp_path / "in" / "DICOMDIR").write_bytes(b"anything")
    assert import_sources([tmp_path / "in"], tmp_path / "images", pool=pool).complete


def test_unknown_kind_and_faulty_table_stop_before_anything(tmp_path, pool):
    with pytest.raises(TableError, match="no kind of examination"):
        import_sources([tmp_path], tmp_path / "images", as_="xray", pool=pool)
    (tmp_path / "t.csv").write_text("case_id\nA\n")
    with pytest.raises(TableError, match="'file' is missing"):
        import_sources([tmp_path], tmp_path / "images", table=tmp_path / "t.csv", pool=pool)
    assert not (tmp_path / "images").exists()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, pool, monkeypatch):
    from reader_app.imaging import container

    _exam(tmp_path / "in")

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(container, "_store_json", full)
    with pytest.raises(OSError, match="No space"):
        import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert list((tmp_path / "images").iterdir()) == []


def test_priors_by_the_table(tmp_path, pool):
    _exam(tmp_path / "in" / "now", date="20260110")
    _exam(tmp_path / "in" / "then", date="20250110")
    table = tmp_path / "t.csv"
    table.write_text("case_id,file,role,exam_date\nA,in/now/*.dcm,current,2026-03-01\nA,in/then/*.dcm,prior,2024-03-01\n")
    report = import_sources([], tmp_path / "images", table=table, pool=pool)
    assert report.complete, report.cases
    case = open_case(tmp_path / "images" / "A")
    assert len(case.images) == 8 and case.image("LMLO_P1").exam_days == -730 and case.image("LMLO_P1").role == "prior"
    table.write_text("case_id,file,role,exam_date\nA,in/now/*.dcm,,2026-03-01\nA,in/then/*.dcm,,2024-03-01\n")
    report = import_sources([], tmp_path / "images", table=table, pool=pool)
    assert report.cases[0].status == "incomplete" and "mark it as prior" in report.cases[0].faults[0]


def test_a_table_elsewhere_names_files_of_the_sources(tmp_path, pool):
    """A table beside nothing: its names are looked for below the sources, and among single files given by themselves."""
    md.four_views(tmp_path / "in", "P1")
    files = sorted((tmp_path / "in").rglob("*.dcm"))
    table = tmp_path / "desk" / "cases.csv"
    table.parent.mkdir()
    rows = [f"C1,{path.relative_to(tmp_path / 'in').as_posix()}" for path in files]
    table.write_text("\n".join(["case_id,file", *rows]), encoding="utf-8")
    report = import_sources([tmp_path / "in"], tmp_path / "a" / "images", table=table, pool=pool)
    assert report.complete and report.cases[0].case_id == "C1"
    table.write_text("\n".join(["case_id,file", *(f"C2,{path.name}" for path in files)]), encoding="utf-8")
    report = import_sources(files, tmp_path / "b" / "images", table=table, pool=pool)
    assert report.complete and report.cases[0].case_id == "C2"
    table.write_text("case_id,file\nC3,absent.dcm", encoding="utf-8")
    report = import_sources(files, tmp_path / "c" / "images", table=table, pool=pool)
    assert not report.complete and any("absent.dcm" in fault for case in report.cases for fault in case.faults)


def test_masks_beside_images_are_refused_as_masks(tmp_path, pool):
    import cv2

    (tmp_path / "in").mkdir()
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 30:50] = 255
    cv2.imwrite(str(tmp_path / "in" / "a_mask.png"), mask)
    cv2.imwrite(str(tmp_path / "in" / "b_mask.png"), np.zeros((60, 80, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "in" / "c.png"), np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8))
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert {f.path: f.accepted for f in report.files} == {"a_mask.png": False, "b_mask.png": False, "c.png": True}
    assert "is a mask, not an image" in next(f.reason for f in report.files if not f.accepted)
    assert [c.status for c in report.cases].count("complete") == 1


def test_a_picture_of_unstated_kind_says_what_it_was_taken_for(tmp_path, pool):
    import cv2

    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "c.png"), np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8))
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert any("taken for hand-held ultrasound" in n for n in report.cases[0].notes)
    told = import_sources([tmp_path / "in"], tmp_path / "images2", as_="ultrasound", pool=pool)
    assert not any("taken for" in n for n in told.cases[0].notes)


def test_files_of_several_folders_are_told_apart(tmp_path, pool):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes.md").write_text("x")
    report = import_sources([tmp_path / "one", tmp_path / "two"], tmp_path / "images", pool=pool)
    assert sorted(f.path for f in report.files) == ["one/notes.md", "two/notes.md"]


def test_no_container_holds_a_file_name_and_the_second_report_still_does(tmp_path, pool):
    import shutil

    md.four_views(tmp_path / "in", "P1")
    shutil.copy(tmp_path / "in" / "RCC.dcm", tmp_path / "in" / "Doe_Jane_copy.dcm")
    (tmp_path / "in" / "Doe_Jane_LMLO.dcm").write_bytes((tmp_path / "in" / "LMLO.dcm").read_bytes()[:900])
    (tmp_path / "in" / "LMLO.dcm").unlink()
    first = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    second = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    for report in (first, second):
        assert any("Doe_Jane_copy.dcm" in n or "RCC.dcm" in n for c in report.cases for n in c.notes), report.cases
    assert second.cases[0].kept and second.cases[0].notes == first.cases[0].notes
    text = "".join(p.read_text() for p in (tmp_path / "images").rglob("*.json"))
    assert "Doe_Jane" not in text and ".dcm" not in text
