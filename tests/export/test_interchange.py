"""Files for other programs: each read back by that program's own rules, and each rule seen to bite."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from reader_app.analysis.fromlog import from_reads
from reader_app.errors import EnvironmentFault, InputFaults
from reader_app.export import interchange
from reader_app.export.content import WorkbookContent
from reader_app.export.interchange import imrmc, ordbm, ratings, redcap, rjafroc, sr
from reader_app.export.plain import read_table
from reader_app.study import assignment
from reader_app.study.finding import Mark

READS = pd.DataFrame(
    [
        (reader, condition, case, 10 * place + (condition == "aided"), round_no)
        for reader in ("R 1", "R,2", "R10")
        for round_no, condition in enumerate(("unaided", "aided"), start=1)
        for place, case in enumerate(("c1", "c 2", "c3", "c4"))
    ],
    columns=["reader_id", "condition", "case_id", "score", "round"],
)
REFERENCE = pd.DataFrame([("c1", 0), ("c 2", 0), ("c3", 1), ("c4", 1)], columns=["case_id", "malignant"])


@pytest.fixture(scope="module")
def tables(content: WorkbookContent) -> tuple[pd.DataFrame, pd.DataFrame]:
    plans = [assignment.plan(content.study, content.cases, reader, "") for reader in content.readers]
    return from_reads(content.reads, plans, content.groups()).reads, pd.DataFrame([dict(row) for row in content.reference])


def crossed() -> ratings.Ratings:
    return ratings.from_tables(READS, REFERENCE)


def test_ratings_take_the_first_round_the_highest_unit_and_the_last_read() -> None:
    rows = [
        ("A", "unaided", "c1", "1", "R", 10),
        ("A", "unaided", "c1", "1", "L", 30),
        ("A", "unaided", "c1", "3", "R", 99),
        ("A", "unaided", "c3", "1", "R", 70),
        ("A", "aided", "c3", "2", "R", 80),
    ]
    reads = pd.DataFrame(rows, columns=["reader_id", "condition", "case_id", "round", "laterality", "score"])
    found = ratings.from_tables(reads, REFERENCE)
    assert found.score["A", "unaided", "c1"] == 30
    assert found.conditions == ("unaided", "aided", "final")
    assert found.score["A", "final", "c3"] == 80
    assert found.score["A", "final", "c1"] == 99
    assert found.crossed() == ("unaided", "final")


def test_ratings_fall_back_to_the_category() -> None:
    reads = READS.assign(score=None, assessment=["2", "3", "4A", "5"] * 6)
    found = ratings.from_tables(reads, REFERENCE)
    assert found.made_from == "assessment"
    assert found.score["R10", "unaided", "c3"] == 4
    with pytest.raises(InputFaults, match="has no rank"):
        ratings.from_tables(READS.assign(score=None, assessment="0"), REFERENCE)
    with pytest.raises(InputFaults, match="malignant and of benign"):
        ratings.from_tables(READS, REFERENCE.assign(malignant=1))
    with pytest.raises(InputFaults, match="no case that was read"):
        ratings.from_tables(READS, REFERENCE.assign(case_id="other"))


@pytest.mark.parametrize("name", ["imrmc", "rjafroc", "ordbm", "redcap"])
def test_a_whole_study_in_each_format(
    name: str, tmp_path: Path, tables: tuple[pd.DataFrame, pd.DataFrame], content: WorkbookContent
) -> None:
    written = interchange.write(name, tmp_path, "demo", *tables, content)
    assert len(written) == 2
    assert sorted(path.name for path in written) == sorted(path.name for path in tmp_path.iterdir())


def test_unknown_format(tmp_path: Path, content: WorkbookContent) -> None:
    with pytest.raises(InputFaults, match="no format 'spss'"):
        interchange.write("spss", tmp_path, "demo", READS, REFERENCE, content)


def test_imrmc_holds_every_read_under_plain_ids(tmp_path: Path, content: WorkbookContent) -> None:
    path, key = imrmc.write(tmp_path, "demo", crossed(), content)
    truth, scores = imrmc.read(path)
    names = {(kind, own): name for kind, own, name in read_table(key)[1:]}
    assert {names["case", case]: value for case, value in truth.items()} == dict(REFERENCE.itertuples(index=False))
    back = {(names["reader", r], names["case", c], names["condition", m].lower()): value for (r, c, m), value in scores.items()}
    assert back == {(r, c, m): float(value) for r, m, c, value, _ in READS.itertuples(index=False)}
    text = path.read_text()
    assert text.startswith("reader-app export")
    assert "\nBEGIN DATA:\n" in text


def test_imrmc_leaves_missing_reads_out(tmp_path: Path, content: WorkbookContent) -> None:
    path, _ = imrmc.write(tmp_path, "demo", ratings.from_tables(READS.iloc[:-3], REFERENCE), content)
    _, scores = imrmc.read(path)
    assert sum(m == "aided" for _, _, m in scores) == 9
    assert sum(m == "final" for _, _, m in scores) == 12


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("BEGIN DATA:", "begin data:"),
        lambda text: text + "\n",
        lambda text: text.rstrip("\n"),
        lambda text: "x\n" + text,
        lambda text: text.replace("truth,c1,truth,0", "-1,c1,-1,0"),
        lambda text: text.replace("R_1,c1", "R 1,c1"),
        lambda text: text.replace("N0: 2", "N0: 3"),
        lambda text: text + "R_1,c1,unaided,5\n",
    ],
)
def test_imrmc_rules_bite(tmp_path: Path, content: WorkbookContent, spoil: Callable[[str], str]) -> None:
    path, _ = imrmc.write(tmp_path, "demo", crossed(), content)
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ValueError):
        imrmc.read(path)


def test_ordbm_is_crossed_and_sorted(tmp_path: Path, content: WorkbookContent) -> None:
    path, key = ordbm.write(tmp_path, "demo", ratings.from_tables(READS.iloc[:-3], REFERENCE), content)
    rows = ordbm.read(path)
    assert len(rows) == 3 * 2 * 4
    assert {row[1] for row in rows} == {"01_unaided", "02_final"}
    assert ["condition", "left out: not every reader read every case", "Aided"] in read_table(key)
    nothing = ratings.from_tables(READS[READS.condition == "unaided"].iloc[1:], REFERENCE)
    bare = dataclasses.replace(nothing, conditions=("unaided",))
    with pytest.raises(InputFaults, match="export to imrmc"):
        ordbm.write(tmp_path, "x", bare, content)


def test_ordbm_rules_bite(tmp_path: Path, content: WorkbookContent) -> None:
    path, _ = ordbm.write(tmp_path, "demo", crossed(), content)
    text = path.read_text()
    for bad in (text.replace("rating", "score", 1), text + text.splitlines()[1] + "\n", text.replace(",1,0,", ",1,1,", 1)):
        path.write_text(bad)
        with pytest.raises(ValueError):
            ordbm.read(path)


def test_rjafroc_roc_labels_are_in_text_order(tmp_path: Path, content: WorkbookContent) -> None:
    path, key = rjafroc.write(tmp_path, "demo", crossed(), content)
    grid = rjafroc.read(path)
    assert grid["TRUTH"][1] == (1, 0, 0, "R01,R02,R03", "M01,M02", "ROC")
    assert grid["TRUTH"][2][5] == "FCTRL"
    assert ("R03", "M02", 4, 1, 31) in grid["TP"]
    assert ("R01", "M01", 1, 0) in grid["FP"]
    assert len(grid["TP"]) == len(grid["FP"]) == 1 + 3 * 2 * 2
    assert ["reader", "R03", "R10"] in read_table(key)


def test_rjafroc_froc_keeps_the_highest_mark_of_a_lesion(tmp_path: Path, content: WorkbookContent) -> None:
    marks = [
        {"reader_id": reader, "condition": condition, "case_id": case, "rating": rating, "lesion_id": lesion}
        for reader in ("R 1", "R,2", "R10")
        for condition in ("unaided", "aided")
        for case, rating, lesion in (("c3", 60, "a"), ("c3", 80, "a"), ("c3", 30, ""), ("c1", 20, ""), ("c4", 50, "b"))
    ]
    path, _ = rjafroc.write(tmp_path, "demo", crossed(), content, marks, {"c3": ["a"], "c4": ["a", "b"]})
    grid = rjafroc.read(path)
    assert grid["TRUTH"][1][5] == "FROC"
    assert [row[:2] for row in grid["TRUTH"][1:]] == [(1, 0), (2, 0), (3, 1), (4, 1), (4, 2)]
    assert ("R01", "M01", 3, 1, 80) in grid["TP"]
    assert ("R01", "M01", 4, 2, 50) in grid["TP"]
    assert ("R01", "M01", 3, 30) in grid["FP"]
    quiet = [mark for mark in marks if mark["reader_id"] != "R10" or mark["lesion_id"]]
    with pytest.raises(InputFaults, match="R10 has no false positive"):
        rjafroc.write(tmp_path, "x", crossed(), content, quiet, {"c3": ["a"], "c4": ["a", "b"]})
    with pytest.raises(InputFaults, match="has no lesion"):
        rjafroc.write(tmp_path, "x", crossed(), content, marks, {"c3": ["a"]})


def _placed(reader: str, condition: str, case: str, rating: int, x: int) -> dict[str, object]:
    number = "2" if condition == "aided" else "1"
    head = {"reader_id": reader, "condition": condition, "case_id": case, "round": number}
    return {**head, "rating": rating, "x_mm": x, "y_mm": 0}


def test_rjafroc_export_of_placed_marks_also_holds_froc(tmp_path: Path, content: WorkbookContent) -> None:
    lesions = REFERENCE.assign(lesion_id=["", "", "a", "b"], x_mm=[None, None, 10, 20], y_mm=[None, None, 0, 0], radius_mm=5)
    reads = READS.assign(round=READS["round"].astype(str))
    people = [(reader, condition) for reader in ("R 1", "R,2", "R10") for condition in ("unaided", "aided")]
    rows = [_placed(*who, "c3", 70, 12) for who in people] + [_placed(*who, "c1", 15, 90) for who in people]
    written = interchange.write("rjafroc", tmp_path, "demo", reads, lesions, content, pd.DataFrame(rows))
    names = ["demo-rjafroc.xlsx", "demo-rjafroc-key.csv", "demo-froc-rjafroc.xlsx", "demo-froc-rjafroc-key.csv"]
    assert [path.name for path in written] == names
    assert rjafroc.read(written[0])["TRUTH"][1][5] == "ROC"
    grid = rjafroc.read(written[2])
    assert grid["TRUTH"][1][5] == "FROC"
    assert {row[2:] for row in grid["TP"][1:]} == {(3, 1, 70)}
    assert {row[2:] for row in grid["FP"][1:]} == {(1, 15)}
    hits = pd.DataFrame(rows[:6])
    refused = interchange.write("rjafroc", tmp_path, "quiet", reads, lesions, content, hits)
    assert [path.name for path in refused][2:] == ["quiet-froc-rjafroc-left-out.csv"]
    assert "no false positive" in refused[2].read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("name", ["imrmc", "rjafroc", "ordbm"])
def test_an_interim_export_says_so(tmp_path: Path, content: WorkbookContent, name: str) -> None:
    interim = dataclasses.replace(content, interim=True)
    key = interchange.write(name, tmp_path, "demo", READS, REFERENCE, interim)[-1]
    assert read_table(key)[1][:2] == ["status", "INTERIM"]
    key = interchange.write(name, tmp_path, "final", READS, REFERENCE, content)[-1]
    assert "INTERIM" not in key.read_text(encoding="utf-8-sig")


def test_rjafroc_rules_bite(tmp_path: Path, content: WorkbookContent) -> None:
    path, _ = rjafroc.write(tmp_path, "demo", crossed(), content)
    for sheet, cell, value in (("TRUTH", "D2", "R02,R01,R03"), ("FP", "D3", None), ("TP", "C3", 77), ("TRUTH", "F2", "LROC")):
        book = openpyxl.load_workbook(path)
        book[sheet][cell] = value
        bad = tmp_path / "bad.xlsx"
        book.save(bad)
        with pytest.raises(ValueError):
            rjafroc.read(bad)


def test_redcap_holds_every_read(tmp_path: Path, hostile_content: WorkbookContent) -> None:
    dictionary, data = redcap.write(tmp_path, "demo", hostile_content)
    head, *records = read_table(data)
    assert len(records) == len(hostile_content.reads)
    for record, read in zip(records, hostile_content.reads, strict=True):
        row = dict(zip(head, record, strict=True))
        assert (row["reader_id"], row["case_id"], row["birads"]) == (read.reader_id, read.case_id, read.categories["case"])
        assert row["note"] == read.note
        assert row["read_complete"] == "2"
    assert len(read_table(dictionary)[0]) == 18


def test_redcap_rules_bite(tmp_path: Path, content: WorkbookContent) -> None:
    dictionary, data = redcap.write(tmp_path, "demo", content)
    text = data.read_text(encoding="utf-8-sig")
    line = text.splitlines()[1]
    category = line.split(",")[6]
    spoilt = (
        line.replace(f",{category},", ",7,"),
        f"{line}\n{line}",
        "," + line.partition(",")[2],
        line.replace(":00,", ":00 UTC,"),
    )
    for new in spoilt:
        assert new != line
        data.write_text(text.replace(line, new, 1), encoding="utf-8-sig")
        with pytest.raises(ValueError):
            redcap.check(dictionary, data)
    data.write_text(text.replace("record_id", "Record ID", 1), encoding="utf-8-sig")
    with pytest.raises(ValueError, match="columns"):
        redcap.check(dictionary, data)


def small(content: WorkbookContent, count: int = 3) -> WorkbookContent:
    with_two = [read for read in content.reads if len(read.marks) == 2]
    return dataclasses.replace(content, reads=[*content.reads[: count - 1], with_two[0]])


def test_structured_reports_come_back(tmp_path: Path, content: WorkbookContent) -> None:
    import pydicom

    few = small(content)
    written = sr.write(tmp_path / "sr", few)
    assert len(written) == 3
    for path, read in zip(written, few.reads, strict=True):
        assert sr.differences(path, read) == []
        header = pydicom.dcmread(path)
        assert header.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"
        assert header.ContentTemplateSequence[0].TemplateIdentifier == "1500"
        assert header.PatientID == read.case_id
        assert header.InstanceNumber == read.position
    # the same read gives the same identity; another image another
    assert sr.uid("image", "f", "RCC") == sr.uid("image", "f", "RCC") != sr.uid("image", "f", "LCC")
    assert len(sr.uid("image", "f", "RCC")) <= 64


def test_structured_reports_by_breast(tmp_path: Path, content: WorkbookContent) -> None:
    read = dataclasses.replace(content.reads[0], categories={"R": "4B", "L": "2"}, scores={"R": 71}, marks=(), aid=None)
    (path,) = sr.write(tmp_path / "sr", dataclasses.replace(content, reads=[read]))
    assert sr.differences(path, read) == []


def test_negative_control_a_changed_read_is_seen(tmp_path: Path, content: WorkbookContent) -> None:
    few = small(content)
    path = sr.write(tmp_path / "sr", few)[-1]
    read = few.reads[-1]
    moved = tuple(dataclasses.replace(mark, index=(*mark.index[:-1], mark.index[-1] + 1)) for mark in read.marks)
    assert sr.differences(path, dataclasses.replace(read, marks=moved))
    assert sr.differences(path, dataclasses.replace(read, categories={"case": "0"}))
    assert sr.differences(path, dataclasses.replace(read, marks=read.marks[:1]))
    assert sr.differences(path, dataclasses.replace(read, marks=(dataclasses.replace(read.marks[0], score=1), *read.marks[1:])))


def test_reports_of_an_interim_analysis_are_preliminary(tmp_path: Path, content: WorkbookContent) -> None:
    import pydicom

    few = dataclasses.replace(small(content, 2), interim=True)
    for path, read in zip(sr.write(tmp_path / "sr", few), few.reads, strict=True):
        header = pydicom.dcmread(path)
        assert (header.PreliminaryFlag, "do not report" in header.SeriesDescription) == ("PRELIMINARY", True)
        assert sr.differences(path, read, "Final") == ["status"]  # negative control


def test_ellipses_and_outlines_keep_their_shape(tmp_path: Path, content: WorkbookContent) -> None:
    marks = (
        Mark("1", "1", "US1", (10.0, 20.0), "ellipse", (4.0, 8.0), 60),
        Mark("2", "2", "US1", (30.0, 20.0), "ellipse", (8.0, 4.0), 60),
        Mark("3", "3", "US1", (12.0, 12.0), "outline", (), 40, ((10.0, 10.0), (10.0, 14.0), (15.0, 12.0))),
    )
    read = dataclasses.replace(content.reads[0], marks=marks)
    (path,) = sr.write(tmp_path / "sr", dataclasses.replace(content, reads=[read]))
    assert sr.differences(path, read) == []
    kind, points = sr.outline(marks[0])
    assert (kind, points.tolist()) == ("ELLIPSE", [[16.5, 10.5], [24.5, 10.5], [20.5, 8.5], [20.5, 12.5]])
    assert sr.outline(marks[1])[1][0].tolist() == [20.5, 26.5]  # the longer axis first
    kind, points = sr.outline(marks[2])
    assert (kind, points[0].tolist(), points[-1].tolist()) == ("POLYLINE", [10.5, 10.5], [10.5, 10.5])


def test_pixel_centres_lie_at_half() -> None:
    kind, points = sr.outline(Mark("1", "1", "RCC", (10.0, 20.0)))
    assert (kind, points.tolist()) == ("POINT", [[20.5, 10.5]])
    kind, points = sr.outline(Mark("1", "1", "RCC", (10.0, 20.0), "box", (4.0, 2.0)))
    assert kind == "POLYLINE"
    assert points.tolist() == [[19.5, 8.5], [21.5, 8.5], [21.5, 12.5], [19.5, 12.5], [19.5, 8.5]]


def test_a_missing_folder_is_one_sentence(tmp_path: Path, content: WorkbookContent) -> None:
    with pytest.raises(EnvironmentFault, match="does not exist"):
        imrmc.write(tmp_path / "no", "demo", crossed(), content)
