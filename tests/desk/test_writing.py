"""Writing in the pixels: found, shown, decided; the decision acts, is recorded, and a second import keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from reader_app.cli.main import run as main
from reader_app.desk import checking, tables, writing
from reader_app.desk.importing import import_into
from reader_app.desk.newstudy import new_study
from reader_app.errors import InputFaults, StudyFileError
from reader_app.imaging import container, pixeldecisions
from reader_app.store.studyfolder import StudyFolder

DAY = "2026-02-03"


def picture(seed: int, text: str) -> np.ndarray:
    """A speckled picture under a dark band with a line of writing; a drawn bar on the left tells the sides apart."""
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.rayleigh(60, (240, 400)).astype(np.float32), (0, 0), 1.2).clip(1, 255).astype(np.uint8)
    image = np.vstack([np.zeros((60, 400), np.uint8), image])
    if text:
        cv2.putText(image, text, (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1, cv2.LINE_AA)
    return image


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """One case of three ultrasound images: a name, a harmless line, nothing."""
    folder = new_study(tmp_path / "s", "demo")
    source = tmp_path / "in"
    source.mkdir()
    lines = ["case_id,file,modality"]
    for number, text in enumerate(("DOE^JANE 1960", "FREQ 12 MHZ", "")):
        cv2.imwrite(str(source / f"{number}.png"), picture(number, text))
        lines.append(f"U1,{number}.png,ultrasound")
    (source / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    import_into(folder, [source], source / "t.csv")
    return folder


def again(study: Path):
    return import_into(study, [study.parent / "in"], study.parent / "in" / "t.csv")


def of_image(study: Path, image_id: str) -> writing.Place:
    return next(p for p in writing.places(study) if p.image_id == image_id)


def test_a_study_with_undecided_writing_is_not_frozen(study: Path) -> None:
    assert {p.image_id for p in writing.undecided(study)} == {"US1", "US2"}
    assert any("nobody has decided" in f.what for f in checking.check(study).faults)
    writing.decide(study, writing.undecided(study), "keep", DAY)
    assert not any("nobody has decided" in f.what for f in checking.check(study).faults)


def test_black_out_keep_and_refuse_act_and_are_recorded(study: Path) -> None:
    before = container.open_case(study / "images" / "U1")
    fingerprint, kept = before.fingerprint, np.array(before.image("US2").array)
    shown, box = writing.picture(study, of_image(study, "US1"))
    assert box is not None and shown[box[0] : box[2], box[1] : box[3]].max() > 200
    writing.decide(study, [of_image(study, "US1")], "black_out", DAY)
    writing.decide(study, [of_image(study, "US2")], "keep", DAY)
    case = container.open_case(study / "images" / "U1")
    assert not container.verify(study / "images" / "U1", deep=True)
    assert case.image("US1").array[:60].max() == 0 and case.image("US1").array[60:].max() > 100
    assert np.array_equal(case.image("US2").array, kept) and case.fingerprint != fingerprint
    assert tables.read_rows(study / "cases.csv")[0]["fingerprint"] == case.fingerprint
    report = json.loads((study / "import_report.json").read_text(encoding="utf-8"))["cases"][0]
    assert {w["image"]: w["decision"] for w in report["blinding"]["writing"]} == {"US1": "black_out", "US2": "keep"}
    assert any("1 place(s) blacked out" in n for n in report["notes"]) and any("kept" in n for n in report["notes"])
    assert not any("look at it and decide" in n for n in report["notes"])
    assert "blacked out" in (study / "import_report.csv").read_text(encoding="utf-8-sig")
    assert DAY in (study / pixeldecisions.FILE).read_text() and DAY not in (study / "images/U1/container.json").read_text()


def test_a_second_import_decides_the_same(study: Path) -> None:
    writing.decide(study, [of_image(study, "US1")], "black_out", DAY)
    fingerprint = container.open_case(study / "images" / "U1").fingerprint
    assert again(study).cases[0].kept
    import shutil

    shutil.rmtree(study / "images" / "U1")
    fresh = again(study)
    assert not fresh.cases[0].kept and container.open_case(study / "images" / "U1").fingerprint == fingerprint
    (study / pixeldecisions.FILE).unlink()  # the control: without the decision the writing is back
    again(study)
    assert container.open_case(study / "images" / "U1").image("US1").array[:60].max() == 255


def test_a_refused_image_leaves_and_the_case_stays(study: Path) -> None:
    writing.decide(study, [of_image(study, "US1")], "refuse", DAY)
    left = container.open_case(study / "images" / "U1")
    assert [i.id for i in left.images] == ["US2", "US3"] and not container.verify(study / "images" / "U1")
    assert tables.read_rows(study / "cases.csv")[0]["fingerprint"] == left.fingerprint
    report = again(study)
    assert report.cases[0].status == "complete" and any("left it out" in n for n in report.cases[0].notes)


def test_the_last_image_refused_takes_the_case_out(study: Path) -> None:
    origins = container.open_case(study / "images" / "U1").source["origins"]
    everything = [writing.Place("U1", i, h[0], ()) for i, h in origins.items()]
    writing.decide(study, everything, "refuse", DAY)
    assert not (study / "images" / "U1").exists() and not tables.read_rows(study / "cases.csv")
    assert json.loads((study / "import_report.json").read_text(encoding="utf-8"))["cases"][0]["status"] == "refused"


def test_a_box_of_ones_own_and_a_hung_mammogram(tmp_path: Path) -> None:
    folder = new_study(tmp_path / "s", "demo")
    source = tmp_path / "in"
    source.mkdir()
    rng = np.random.default_rng(0)
    lines = ["case_id,file,modality,view,laterality"]
    for side in "RL":
        for view in ("CC", "MLO"):
            image = np.zeros((200, 160), np.uint8)
            image[20:180, :110] = rng.integers(60, 200, (160, 110))  # chest wall at the left: wrong for the right breast
            image[10:22, 130:150] = 250
            cv2.imwrite(str(source / f"{side}{view}.png"), image)
            lines.append(f"M1,{side}{view}.png,mammography,{view},{side}")
    (source / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    import_into(folder, [source], source / "t.csv")
    place = next(p for p in writing.other_images(folder, []) if p.image_id == "RCC")
    shown, _ = writing.picture(folder, place)
    rows, columns = np.nonzero(shown == 250)
    box = writing.file_box(folder, place, (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1))
    assert columns.max() < 80 and box == (10, 130, 22, 150)  # the picture was flipped, the box is the file's
    assert main(["writing", str(folder), "--case", "M1", "--image", "RCC", "--box", "10 130 22 150", "--black-out"]) == 0
    image = container.open_case(folder / "images" / "M1").image("RCC").array
    assert not (image == 250).any() and (container.open_case(folder / "images" / "M1").image("LCC").array == 250).any()
    writing.decide(folder, [place], "refuse", DAY)
    assert not tables.read_rows(folder / "cases.csv")  # a pane would stay empty


def test_the_blinding_report_counts_by_case_and_names_no_value(study: Path) -> None:
    def row() -> dict[str, str]:
        return tables.read_rows(study / "blinding_report.csv")[0]

    assert (row()["writing_undecided"], row()["writing_kept"]) == ("2", "0")
    writing.decide(study, [of_image(study, "US1")], "black_out", DAY)
    writing.decide(study, [of_image(study, "US2")], "keep", DAY)
    assert (row()["writing_undecided"], row()["writing_blacked_out"], row()["writing_kept"]) == ("0", "1", "1")


def test_the_command_lists_draws_and_decides(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["writing", str(study), "--pictures", str(tmp_path / "p")]) == 1
    said = capsys.readouterr().out
    assert "2 to be decided" in said and len(list((tmp_path / "p").glob("U1_US*.png"))) == 2
    assert main(["writing", str(study), "--image", "US1", "--black-out"]) == 0
    assert main(["writing", str(study), "--keep"]) == 0
    capsys.readouterr()
    assert main(["writing", str(study)]) == 0
    said = capsys.readouterr().out
    assert "US1" in said and "black out" in said and "keep" in said and "0 to be decided" in said


def test_bad_requests_are_refused_in_words(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputFaults, match="no image US9"):
        writing.own_place(study, "U1", "US9", "0 0 5 5")
    with pytest.raises(InputFaults, match="is no box"):
        writing.own_place(study, "U1", "US1", "5 5 0 0")
    place = writing.own_place(study, "U1", "US1", "0 0 5 5")
    with pytest.raises(InputFaults, match="not where"):
        writing.decide(study, [writing.Place("U1", "US1", place.sha256, ())], "black_out", DAY)
    writing.decide(study, writing.undecided(study), "keep", DAY)
    monkeypatch.setattr(StudyFolder, "is_frozen", True)
    with pytest.raises(StudyFileError, match="frozen"):
        writing.decide(study, [place], "black_out", DAY)
