"""Every statistic of the analysis reaches the workbook and the report: those that stand beside the main tables too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from reader_app.analysis.options import Options
from reader_app.analysis.summary import as_text
from reader_app.desk.tablestudy import TableFiles, analyse_tables
from reader_app.export import reportcontent, reportmarks, resultrows, words, workbook
from reader_app.export.checklists import CHECKLISTS, answer
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Table

SCALE = np.array(["2", "3", "4A", "4B", "5"])


def _made(folder: Path, timed: bool = True, **options: Any) -> tuple[dict[str, Any], WorkbookContent]:
    rng = np.random.default_rng(5)
    truth = (np.arange(30) % 3 == 0).astype(int)
    rows = []
    for reader in ("R1", "R2", "R3"):
        for condition, gain in (("unaided", 1.0), ("aided", 1.7)):
            for place, case in enumerate(rng.permutation(30)):
                latent = gain * truth[case] + rng.normal()
                row: dict[str, Any] = {"reader_id": reader, "condition": condition, "case_id": f"C{case:02}"}
                row |= {"score": round(50 + 18 * latent), "assessment": SCALE[int(np.clip(np.floor(latent + 2), 0, 4))]}
                if timed:
                    seconds = float(np.exp(3.5 - 0.01 * place + 0.03 * rng.normal()))
                    row |= {"reading_time_s": round(seconds, 1), "position": place + 1}
                rows.append(row)
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "reads.csv", index=False)
    pd.DataFrame({"case_id": [f"C{n:02}" for n in range(30)], "malignant": truth}).to_csv(folder / "truth.csv", index=False)
    results, material = analyse_tables(TableFiles(folder / "reads.csv", folder / "truth.csv"), Options(**options))
    return results, material.content


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], WorkbookContent]:
    return _made(tmp_path_factory.mktemp("tables"), margin=0.05, covariance="bootstrap", bootstrap=200)


def _tables(content: WorkbookContent) -> dict[str, Table]:
    return {table.name: table for sheet in workbook.all_sheets(content) for table in sheet.tables}


def _column(table: Table, title: str) -> list[Any]:
    (place,) = [n for n, column in enumerate(table.columns) if column.title == title]
    return [row[place] for row in table.rows]


def _shown(content: WorkbookContent) -> dict[str, list[Table]]:
    parts = reportcontent.sections(content, ())
    return {part.anchor: [block.table for block in part.blocks if isinstance(block, reportcontent.Show)] for part in parts}


def test_noninferiority_stands_beside_the_differences(made: tuple[dict[str, Any], WorkbookContent]) -> None:
    results, content = made
    table = _tables(content)["mrmc_differences"]
    meant = [entry["noninferiority"]["b_to_a"] for row in results["mrmc"] for entry in row["differences"]]
    assert _column(table, "p, B not inferior to A") == ["not estimable" if one is None else one["p"] for one in meant]
    assert set(_column(table, "Non-inferiority margin")) == {0.05}
    assert "Non-inferiority" in as_text(results)
    report = next(own for own in _shown(content)["mrmc"] if own.name == "mrmc")
    assert all("margin 0.05" in cell for cell in _column(report, "First not inferior"))


def test_a_margin_belongs_to_the_endpoint_it_was_stated_for(tmp_path: Path) -> None:
    _, content = _made(tmp_path)
    assert set(_column(_tables(content)["mrmc_differences"], "Non-inferiority margin")) == {None}
    assert all(set(_column(own, "First not inferior")) <= {""} for own in _shown(content)["mrmc"] if own.name == "mrmc")


def test_components_are_in_words_with_their_symbols(made: tuple[dict[str, Any], WorkbookContent]) -> None:
    results, content = made
    table = _tables(content)["mrmc_components"]
    shown = _column(table, "Component")
    assert not [name for name in shown if "_" in name]
    assert {"variance of cases (σ²C)", "error correlation, other reader, same condition (r2)"} <= set(shown)
    assert "covariance of the mean: Aided and Unaided" in shown
    wanted = next(row for row in results["mrmc"] if row["analysis"] == "or" and row["score"] == "score")["components"]
    place = next(
        n
        for n, row in enumerate(table.rows)
        if row[0] == "Obuchowski–Rockette" and row[3] == "suspicion score" and row[-2] == words.component("cov2")
    )
    assert table.rows[place][-1] == wanted["cov2"]
    assert len(set(map(tuple, table.rows))) == len(table.rows)  # once, not for each way to generalise


def test_words_of_components_know_their_conditions() -> None:
    assert words.component("var_2", ["Aided", "Unaided"]) == "variance of the mean: Unaided"
    assert words.component("var_3", ["Aided", "Unaided"]) == "var_3"  # nothing is invented
    assert words.endpoint("lroc") == "LROC area" and words.endpoint("something") == "something"


def test_bootstrap_symmetry_learning_and_holm_are_written(made: tuple[dict[str, Any], WorkbookContent]) -> None:
    results, content = made
    tables, report = _tables(content), _shown(content)
    assert _column(tables["bootstrap"], "Difference of mean AUC") == [
        row["difference"]["estimate"] for row in results["bootstrap"]
    ]
    assert _column(tables["symmetry"], "Bowker, p") == [
        "not estimable" if row["bowker"]["p"] is None else row["bowker"]["p"] for row in results["transitions"]
    ]
    learning = [math.exp(row["slope_per_10_cases"]) - 1 for row in results["time"]["learning"]]
    assert _column(tables["learning"], "Change per 10 cases") == learning
    assert len(learning) == 6 and all(change < 0 for change in learning)  # they get one per cent faster from case to case
    for name, section in (("roc_paired", results["roc_paired"]), ("times_paired", results["time"]["paired"])):
        assert _column(tables[name], "p, Holm") == [row["p_holm"] for row in section]
    named = {table.name for own in report.values() for table in own}
    assert {"bootstrap", "symmetry", "learning", "times_model"} <= named


def test_holm_of_a_row_is_that_of_its_family(made: tuple[dict[str, Any], WorkbookContent]) -> None:
    results, _ = made
    rows = [row for row in results["time"]["paired"] if row["test"] == "paired_t" and row["reader_id"]]
    ordered = sorted(rows, key=lambda row: row["p"])
    meant = np.maximum.accumulate([min(1.0, row["p"] * (3 - place)) for place, row in enumerate(ordered)])
    assert [row["p_holm"] for row in ordered] == pytest.approx(meant.tolist())
    assert all(row["p_holm"] is None for row in results["time"]["paired"] if row["reader_id"] is None)


def test_tables_without_times_have_no_empty_model_but_one_line_that_says_why(tmp_path: Path) -> None:
    results, content = _made(tmp_path, timed=False)
    tables = _tables(content)
    assert "times_model" not in tables and "learning" not in tables
    assert "times" not in _shown(content)
    path = tmp_path / "w.xlsx"
    workbook.write_workbook(path, content)
    sheet = openpyxl.load_workbook(path)["Times"]
    assert [sheet.cell(2, 1).value, sheet.max_row] == ["No reading times were given.", 2]
    assert sheet.cell(1, 1).value == "Reader"
    assert "mixed model" not in as_text(results)


def test_wide_sheets_go_on_beside_the_page_and_repeat_what_names_a_row(
    tmp_path: Path, made: tuple[dict[str, Any], WorkbookContent]
) -> None:
    path = tmp_path / "w.xlsx"
    workbook.write_workbook(path, made[1])
    book = openpyxl.load_workbook(path)
    for sheet in book.worksheets:
        assert sheet.page_setup.orientation == "landscape"
        assert 60 <= sheet.page_setup.scale <= 100
    assert book["Accuracy"].print_title_cols.startswith("$A:$")
    assert book["Reads"].print_title_rows == "$1:$1"
    assert book["ROC"].col_breaks.brk[0].id > max(cell.column for cell in book["ROC"][1] if cell.value)


def test_tables_prove_no_design_and_the_rule_of_a_hit_is_said(made: tuple[dict[str, Any], WorkbookContent]) -> None:
    """Checklists leave to the investigator what reads collected elsewhere cannot show: washout, order, models, deviations."""
    _, content = made
    titles = {part.anchor: part.title for part in reportcontent.sections(content, ())}
    items = [item for checklist in CHECKLISTS for item in checklist.items]
    for name in ("design", "aids", "deviations"):
        assert {answer(item, titles) for item in items if item.section == name} == {""}, name
    assert answer(next(item for item in items if item.section == "accuracy"), titles) == "accuracy"
    results = resultrows.Results(content)
    assert "within whose radius" in reportmarks.rule(results)
    results.document = {"input": {"options": {"match": "iou", "overlap": 0.3}}}
    assert "intersection over union reaches 0.3" in reportmarks.rule(results)
