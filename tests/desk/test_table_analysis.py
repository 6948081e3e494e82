"""Plain tables give all that a study gives, and refuse bad tables in sentences that name row and column."""

from __future__ import annotations

import csv
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from reader_app.analysis.options import Options
from reader_app.cli import main
from reader_app.desk import exporting
from reader_app.desk.tablestudy import FORMATS, TableFiles, analyse_tables, with_lesions
from reader_app.errors import InputFaults, TableError
from reader_app.export import htmlpage, report
from reader_app.export.interchange import imrmc, ordbm, redcap, rjafroc, sr

CATEGORIES = ("1", "2", "3", "4A", "4B", "4C", "5")
CASES = 16


def rows_of_study(seed: int = 3) -> dict[str, list[dict[str, Any]]]:
    """Three readers, two conditions in two rounds, two lesion types, marks with sizes, one model with cohorts."""
    draw = random.Random(seed)
    found: dict[str, list[dict[str, Any]]] = {"reads": [], "reference": [], "marks": [], "predictions": []}
    for n in range(CASES):
        case, malignant = f"P{n:02d}", n % 2
        lesion: dict[str, Any] = {"lesion_id": "", "lesion_type": "", "x_mm": "", "y_mm": "", "radius_mm": ""}
        if malignant:
            lesion = {"lesion_id": "L1", "lesion_type": ("mass", "calcification")[n // 2 % 2], "x_mm": 50, "y_mm": 60}
            lesion["radius_mm"] = 10
        own = {"case_id": case, "malignant": malignant, "patient_id": f"Q{n // 3}", "density": "abcd"[n % 4], "age": 40 + n}
        found["reference"].append({**own, **lesion})
        found["predictions"].append(
            {"model_id": "detector", "case_id": case, "probability": 0.2 + 0.5 * malignant + 0.01 * n, "cohort": "inner"}
        )
        for place, reader in enumerate(("A", "B", "C")):
            for number, condition in enumerate(("without aid", "with aid"), start=1):
                rank = min(6, max(0, round(draw.gauss(1.5 + (2 + 0.4 * number) * malignant, 1.0))))
                head = {"reader_id": reader, "condition": condition, "case_id": case}
                found["reads"].append(
                    {
                        **head,
                        "round": number,
                        "group": ("junior", "senior")[place // 2],
                        "score": round(rank / 6 + 0.01 * draw.random(), 3),
                        "assessment": CATEGORIES[rank],
                        "reading_time_s": round(draw.lognormvariate(3, 0.4), 2),
                    }
                )
                if malignant and draw.random() < 0.7:
                    found["marks"].append({**head, "rating": 80, "x_mm": 53, "y_mm": 61, "width_mm": 20, "height_mm": 20})
                if draw.random() < 0.4:
                    found["marks"].append({**head, "rating": 20, "x_mm": 120, "y_mm": 10, "width_mm": 20, "height_mm": 20})
    return found


def write(folder: Path, tables: dict[str, list[dict[str, Any]]]) -> TableFiles:
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return TableFiles(**{name: folder / f"{name}.csv" for name in tables})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("tables")
    files = write(folder, rows_of_study())
    results, material = analyse_tables(files, Options(by="group"))
    paths = exporting.write_formats(material, FORMATS, folder / "out")
    few = replace(material, content=replace(material.content, reads=material.content.reads[:2]))
    paths += exporting.write_formats(few, ("sr",), folder / "out")
    return folder / "out", paths, results


def test_every_file_is_written_and_said_to_be(written: tuple[Path, list[Path], dict[str, Any]]) -> None:
    out, paths, _ = written
    on_disk = {path for path in out.rglob("*") if path.is_file()}
    assert on_disk == set(paths)
    names = {path.name for path in paths}
    wanted = {
        "reads.xlsx", "reads-report.html", "reads-report.pdf", "roc.svg", "roc.png", "froc.svg", "forest.png", "reads.imrmc",
        "reads-rjafroc.xlsx", "reads-froc-rjafroc.xlsx", "reads-ordbm.csv", "reads-redcap-dictionary.csv",
        "reads-redcap-data.csv", "data_dictionary.csv", "accuracy.csv",
    }  # fmt: skip
    assert wanted <= names
    assert sum(path.suffix == ".dcm" for path in paths) == 2


def test_interchange_files_keep_the_rules_of_their_programs(written: tuple[Path, list[Path], dict[str, Any]]) -> None:
    out, _, _ = written
    truth, scores = imrmc.read(out / "reads.imrmc")
    assert (len(truth), sum(truth.values()), len(scores)) == (CASES, CASES // 2, 6 * CASES)
    assert len(ordbm.read(out / "reads-ordbm.csv")) == 6 * CASES
    assert rjafroc.read(out / "reads-froc-rjafroc.xlsx")["TRUTH"][1][5] == "FROC"
    redcap.check(out / "reads-redcap-dictionary.csv", out / "reads-redcap-data.csv")
    some = next((out / "reads-sr").glob("*.dcm"))
    import pydicom

    header = pydicom.dcmread(some)
    assert header.PreliminaryFlag == "FINAL"
    assert "99READERAPP" in str(header)  # a score of unknown scale is not called a probability in percent
    assert sr.CATEGORY_CODES["4A"][0] == "MA.II.A.5.4A"


def test_workbook_and_report_speak_of_tables_not_of_a_study(written: tuple[Path, list[Path], dict[str, Any]]) -> None:
    out, _, _ = written
    book = openpyxl.load_workbook(out / "reads.xlsx")
    assert len(book.sheetnames) == 17
    header = [cell.value for cell in book["Reads"][1]]
    assert header[:5] == ["Reader", "Reader group", "Round", "Condition", "Case"]
    assert "Displayed (UTC)" not in header
    assert book["Reads"].max_row == 1 + 6 * CASES
    changes = {row[header_place(book, "Changes", "Before from")].value for row in book["Changes"].iter_rows(min_row=2)}
    assert "Without aid" in changes  # the earlier round, although "with aid" comes first in the alphabet
    page = htmlpage.inspect((out / "reads-report.html").read_text(encoding="utf-8"))
    assert page.faults == []
    text = " ".join(page.text)
    assert "deviations from a protocol cannot be found" in text
    assert {"flow", "given", "accuracy", "roc", "mrmc", "localisation", "agreement", "change", "times", "checklists"} <= page.ids


def header_place(book: Any, sheet: str, title: str) -> int:
    return [cell.value for cell in book[sheet][1]].index(title)


def test_features_cohorts_and_lesion_types_are_analysed(written: tuple[Path, list[Path], dict[str, Any]]) -> None:
    _, _, results = written
    assert {row["variable"] for row in results["association"]} == {"density", "age"}
    assert [row["cohort"] for row in results["cohorts"]] == ["inner"]
    assert {row["lesion_type"] for row in results["froc"]} == {None, "mass", "calcification"}
    assert {row["lesion_type"] for row in results["localization"]} == {None, "mass", "calcification"}
    assert {row["group"] for row in results["accuracy"]} == {None, "junior", "senior"}


def test_interim_stands_in_every_file(tmp_path: Path) -> None:
    results, material = analyse_tables(write(tmp_path, rows_of_study()), interim=True)
    assert results["input"]["options"]["interim"] is True
    out = tmp_path / "out"
    assert "INTERIM" in report.compose(material.content, {})
    for path in exporting.write_formats(material, [name for name in FORMATS if name != "report"], out):
        if path.name.endswith(("rjafroc.xlsx", ".png", ".pdf", "ordbm.csv")):
            continue  # those of fixed form have a key beside them; pictures cannot be searched
        if path.suffix == ".xlsx":
            book = openpyxl.load_workbook(path)
            assert all("INTERIM" in sheet.oddFooter.center.text for sheet in book.worksheets)
        else:
            text = path.read_text(encoding="utf-8-sig")
            assert "INTERIM" in text.upper() or (path.suffix == ".csv" and text.count("\n") == 1), path.name
    keys = [path for path in out.iterdir() if path.name.endswith("-key.csv")]
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("table", "change", "says"),
    [
        ("reads", {"drop": "case_id"}, "reads.csv, row 1: column case_id is missing"),
        ("reads", {"row": 3, "case_id": "nobody"}, "reads.csv, row 5, column case_id: case nobody has no reference"),
        ("reads", {"row": 0, "score": "high"}, "reads.csv, row 2, column score: 'high' is no number"),
        ("reads", {"row": 0, "assessment": "4D"}, "reads.csv, row 2, column assessment: '4D' is no BI-RADS category"),
        ("reads", {"double": 0}, "stands already in row 2"),
        ("reads", {"row": 1, "reading_time_s": "-3"}, "column reading_time_s: -3 is outside its range"),
        ("reference", {"row": 2, "malignant": "maybe"}, "reference.csv, row 4, column malignant"),
        ("reference", {"drop": "malignant"}, "reference.csv, row 1: column malignant is missing"),
        ("marks", {"row": 0, "rating": ""}, "marks.csv, row 2, column rating: is blank"),
        ("marks", {"row": 0, "reader_id": "Z"}, "marks.csv, row 2, column case_id: reader Z has no read"),
        ("predictions", {"drop": "probability"}, "predictions.csv, row 1: column probability is missing"),
    ],
)
def test_bad_tables_are_refused_by_row_and_column(
    tmp_path: Path, table: str, change: dict[str, Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = rows_of_study()
    rows = tables[table]
    if "drop" in change:
        tables[table] = [{k: v for k, v in row.items() if k != change["drop"]} for row in rows]
    elif "double" in change:
        rows.append(dict(rows[change["double"]]))
    else:
        rows[change.pop("row")] |= change
    write(tmp_path, tables)
    command = ["analyze", "--out", str(tmp_path / "out")]
    for name in tables:
        command += [f"--{name}", str(tmp_path / f"{name}.csv")]
    assert main.run(command) == 1
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_command_writes_and_names_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = rows_of_study()
    pd.DataFrame(tables["reads"]).to_excel(tmp_path / "reads.xlsx", index=False)
    write(tmp_path, {"reference": tables["reference"]} | {"reads": tables["reads"]})
    base = ["analyze", "--reads", str(tmp_path / "reads.xlsx"), "--reference", str(tmp_path / "reference.csv")]
    assert main.run([*base, "--out", str(tmp_path / "out"), "--to", "imrmc,ordbm"]) == 0
    said = capsys.readouterr().out
    for name in ("analysis.json", "reads.imrmc", "reads-imrmc-key.csv", "reads-ordbm.csv"):
        assert f"written: {tmp_path / 'out' / name}" in said
    assert main.run([*base, "--out", str(tmp_path / "out"), "--to", "spss"]) == 1
    assert "there is no format 'spss'" in capsys.readouterr().err


def test_a_format_that_cannot_say_the_reads_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = rows_of_study()
    tables["reads"] = [row for n, row in enumerate(tables["reads"]) if n % 5]  # nowhere crossed
    del tables["marks"], tables["predictions"]
    files = write(tmp_path, tables)
    _, material = analyse_tables(files)
    refused: list[Any] = []
    paths = exporting.write_formats(material, ("imrmc", "ordbm"), tmp_path / "out", refused=refused)
    assert {path.name for path in paths} == {"reads.imrmc", "reads-imrmc-key.csv"}
    assert "OR-DBM MRMC needs every reader to have read every case" in str(refused[0])
    with pytest.raises(InputFaults, match="OR-DBM"):
        exporting.write_formats(material, ("ordbm",), tmp_path / "out")


def test_reads_by_lesion_and_by_call_alone(tmp_path: Path) -> None:
    draw = random.Random(1)
    reference = [
        {"case_id": f"c{n}", "malignant": int(lesion == 1 and n % 2), "lesion_id": f"L{lesion}", "lesion_type": kind}
        for n in range(12)
        for lesion, kind in ((1, "mass"), (2, "calcification"))
    ]
    reads = [
        {
            "reader_id": reader,
            "condition": condition,
            "case_id": row["case_id"],
            "lesion_id": row["lesion_id"],
            "lesion_type": row["lesion_type"],
            "call": int(draw.random() < 0.2 + 0.6 * row["malignant"]),
        }
        for row in reference
        for reader in ("A", "B")
        for condition in ("x", "y")
    ]
    files = write(tmp_path, {"reads": reads, "reference": reference})
    results, material = analyse_tables(files, Options(level="lesion"))
    assert {row["lesion_type"] for row in results["accuracy"]} == {None, "mass", "calcification"}
    assert {row["lesion_type"] for row in results["agreement"]["cohen"]} == {None, "mass", "calcification"}
    refused: list[Any] = []
    formats = [name for name in exporting.FORMATS if name != "report"]
    paths = exporting.write_formats(material, formats, tmp_path / "out", refused=refused)
    truth, scores = imrmc.read(tmp_path / "out" / "reads.imrmc")
    assert (len(truth), len(scores)) == (24, 96)  # the units of the analysis, not the cases
    assert set(scores.values()) == {0.0, 1.0}
    (fault,) = refused
    assert "--to sr: reads: the read of case c0 by A has neither category nor score" in str(fault)
    book = openpyxl.load_workbook(tmp_path / "out" / "reads.xlsx")
    assert book["Reads"].max_row == 97
    assert len(paths) > 40


def test_overlap_is_a_rule_of_matching(tmp_path: Path) -> None:
    files = write(tmp_path, rows_of_study())
    near, _ = analyse_tables(files)
    loose, _ = analyse_tables(files, Options(match="iou", overlap=0.1))
    strict, _ = analyse_tables(files, Options(match="iou", overlap=0.75))

    def hits(results: dict[str, Any]) -> int:
        return sum(row["hit"] for row in results["localization"] if row["reader_id"] is None and row["lesion_type"] is None)

    # lesion 40-60 x 50-70, mark 43-63 x 51-71: 17 * 19 of 2 * 400 - 17 * 19 = 0.677
    assert hits(near) == hits(loose) > 0 == hits(strict)
    assert loose["input"]["options"]["overlap"] == 0.1
    assert near["input"]["options"]["overlap"] is None
    tables = rows_of_study()
    tables["marks"][0]["width_mm"] = ""
    with pytest.raises(TableError, match="column width_mm: the mark has no size"):
        analyse_tables(write(tmp_path, tables), Options(match="iou"))


def test_lesions_in_a_table_of_their_own(tmp_path: Path) -> None:
    tables = rows_of_study()
    whole, _ = analyse_tables(write(tmp_path, tables))
    places = ("case_id", "lesion_id", "lesion_type", "x_mm", "y_mm", "radius_mm")
    lesions = [{name: row[name] for name in places} for row in tables["reference"] if row["malignant"]]
    apart = tmp_path / "apart"
    apart.mkdir()
    bare = [{k: v for k, v in row.items() if k not in places or k == "case_id"} for row in tables["reference"]]
    files = write(apart, tables | {"reference": bare, "lesions": lesions})
    split, _ = analyse_tables(files)
    for section in ("froc", "localization", "association", "accuracy"):
        assert {str(row) for row in split[section]} == {str(row) for row in whole[section]}
    with pytest.raises(TableError, match="names lesions itself"):
        with_lesions(tmp_path / "reference.csv", apart / "lesions.csv")
    lesions[0]["case_id"] = "P00"
    with (apart / "lesions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, places)
        writer.writeheader()
        writer.writerows(lesions)
    with pytest.raises(TableError, match="a malignant lesion lies in case P00"):
        with_lesions(apart / "reference.csv", apart / "lesions.csv")
