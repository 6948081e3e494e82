"""The report: sound, self-contained, the same numbers as the analysis, and no checklist that ticks what the data cannot prove."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from export.made_up_study import make_content

from reader_app.errors import EnvironmentFault
from reader_app.export import figures, figures_change, htmlpage, report, reportparts, reportresults, sheets_features
from reader_app.export.checklists import CHECKLISTS, FILL_IN, answer
from reader_app.export.content import WorkbookContent
from reader_app.export.resultrows import Results


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, content: WorkbookContent) -> list[Path]:
    return report.write_report(tmp_path_factory.mktemp("report") / "report.html", content)


def page_text(content: WorkbookContent) -> str:
    return report.compose(content, {})


def test_everything_is_written_and_sound(written: list[Path]) -> None:
    names = [path.name for path in written]
    assert names[:2] == ["report.html", "report.pdf"]
    for figure, _, _ in report.FIGURES:
        assert {f"{figure}.svg", f"{figure}.png"} <= set(names)
    found = htmlpage.inspect(written[0].read_text(encoding="utf-8"))
    assert found.faults == []
    assert {"flow", "design", "baseline", "accuracy", "roc", "mrmc", "localisation", "agreement", "change", "times"} <= found.ids
    text = " ".join(found.text)
    assert "Research use only – not for diagnosis" in text
    assert "Simulated readers." in text
    assert written[0].read_text(encoding="utf-8").count("<figure>") == len(report.FIGURES)
    assert written[1].read_bytes().startswith(b"%PDF-")


def test_numbers_are_those_of_the_analysis(written: list[Path], content: WorkbookContent) -> None:
    text = " ".join(" ".join(htmlpage.inspect(written[0].read_text(encoding="utf-8")).text).split())
    for row in content.analysis["accuracy"]:
        assert reportresults.interval(row["specificity"], percent=True) in text
    assert "not estimable" in text  # the made-up multi-reader difference
    assert reportresults.interval({"estimate": 0.9123, "lower": 0.8511, "upper": 0.9731}) == "0.912 (0.851–0.973)"
    assert reportresults.interval({"estimate": -0.05, "lower": -0.1, "upper": 0.01}) == "-0.050 (-0.100 to 0.010)"
    assert reportresults.interval({"estimate": None}) == "not estimable"
    assert reportresults.interval(None) == ""
    assert htmlpage.p_value(0.0004) == "< 0.001"
    assert htmlpage.p_value(0.0) == "< 0.001"  # never "p = 0"


def test_hostile_text_is_escaped(hostile_content: WorkbookContent) -> None:
    evil = make_content(
        notes=["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'], versions={"<b>": "&amp;"}, interim=True
    )
    for content in (evil, hostile_content):
        page = page_text(content)
        assert htmlpage.inspect(page).faults == []
        assert "<script" not in page
        assert "INTERIM" in page
    assert "&lt;script&gt;alert(1)" in page_text(evil)


def test_negative_control_the_inspector_sees_what_loads_or_is_broken() -> None:
    for bad in (
        "<p><script>x</script></p>",
        '<img src="http://example.invalid/x.png">',
        '<a href="http://example.invalid">x</a>',
        "<p>open",
        "<p></div></p>",
        '<a href="#nowhere">x</a>',
        '<p onclick="x">y</p>',
    ):
        assert htmlpage.inspect(bad).faults, bad
    assert htmlpage.inspect('<p id="a">x<br></p><a href="#a">y</a>').faults == []


def test_checklists_point_only_to_what_is_there(content: WorkbookContent) -> None:
    sections = {item.section for checklist in CHECKLISTS for item in checklist.items if item.section}
    full = page_text(content)
    found = htmlpage.inspect(full)
    assert sections <= found.ids
    empty = make_content(reads=[], analysis=None, predictions=[], deviations={}, reference=[])
    bare = page_text(empty)
    inspected = htmlpage.inspect(bare)
    assert inspected.faults == []
    assert not {"roc", "mrmc", "accuracy", "agreement"} & inspected.ids
    assert bare.count(FILL_IN) > full.count(FILL_IN)
    assert "✓" not in full
    assert "☑" not in full
    by_hand = [item for checklist in CHECKLISTS for item in checklist.items if not item.section]
    assert all(answer(item, found.ids) == "" for item in by_hand)


def test_baseline_counts_by_hand(content: WorkbookContent) -> None:
    rows = {row[0]: row[1:] for row in reportparts.baseline(content).rows}
    malignant = sum(value == "1" for value in content.truth().values())
    assert rows["Cases"] == ("24", str(malignant), str(24 - malignant))
    assert rows["Ultrasound"][0] == "24 (100 %)"
    assert rows["Age, median (quartiles)"][0] == "52.5 (46.75–58.25)"


def test_figures_hold_what_the_reads_hold(content: WorkbookContent) -> None:
    with figures.style():
        sankey = figures_change.sankey(content)
        times = figures.times(content)
        flow = figures_change.flow(content)
    assert sankey is not None
    shown = [text.get_text() for text in sankey.axes[0].texts]
    second = [read for read in content.reads if read.round_no == 2]
    at_4a = sum(read.categories["case"] == "4A" for read in second)
    assert f"4A   {at_4a}" in shown
    assert times is not None
    assert len(times.axes[0].get_xticklabels()) == 3
    assert any(f"{len(content.reads)} reads" == text.get_text() for text in flow.axes[0].texts)


def test_svg_is_the_same_twice_and_free_of_links(content: WorkbookContent) -> None:
    def svg() -> bytes:
        with figures.style():
            drawn = figures.roc(content)
        assert drawn is not None
        return figures.picture(drawn, "svg")

    first = svg()
    assert first == svg()
    assert not re.search(rb'(?:src|href)="(?!#)', first)


@pytest.mark.parametrize("pair", [("unaided", "aided"), ("aided", "unaided")])
def test_the_forest_shows_aided_minus_unaided_whichever_way_the_tables_compare(pair: tuple[str, str]) -> None:
    estimate = 0.2 if pair[0] == "aided" else -0.2
    row = {
        "condition_a": pair[0], "condition_b": pair[1], "reader_id": "R1", "score": "score",
        "difference": {"estimate": estimate, "lower": estimate - 0.1, "upper": estimate + 0.15},
    }  # fmt: skip
    with figures.style():
        drawn = figures.forest(make_content(reads=[], analysis={"roc_paired": [row]}))
    assert drawn is not None
    axes = drawn.axes[0]
    assert axes.get_xlabel().startswith("Difference of AUC, aided minus unaided")
    least, most = (0.1, 0.35) if pair[0] == "aided" else (0.05, 0.3)
    assert [text.get_text() for text in axes.texts] == [f"+0.200 (+{least:.3f} to +{most:.3f})"]


def test_nothing_to_draw_draws_nothing() -> None:
    empty = make_content(reads=[], analysis=None)
    with figures.style():
        for make in (
            figures.roc,
            figures.accuracy,
            figures.forest,
            figures.times,
            figures_change.sankey,
            figures_change.agreement,
        ):
            assert make(empty) is None
        assert figures_change.decision(empty) is None
        assert figures_change.froc(empty) is None


def test_a_missing_folder_is_one_sentence(tmp_path: Path, content: WorkbookContent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "draw", lambda content: {})
    with pytest.raises(EnvironmentFault, match="the folder does not exist"):
        report.write_report(tmp_path / "no" / "report.html", content)


def test_primary_rows_come_first(content: WorkbookContent) -> None:
    results = Results(content)
    main, others = reportresults.mrmc_rows(results)
    assert {row["analysis"] for row in main} == {"or"}
    assert {row["analysis"] for row in others} == {"dbm", "gallas"}
    rows = [
        {"condition_from": "unaided", "condition_to": "aided_staged"},
        {"condition_from": "aided_staged", "condition_to": "unaided"},
    ]
    assert reportresults.forward(results, rows) == rows[:1]


def test_features_are_printed_with_their_groups_as_columns(content: WorkbookContent) -> None:
    pathology, birads = sheets_features.printed(content)
    assert [column.title for column in birads.columns] == ["Feature", "All", "BI-RADS 1-3", "BI-RADS 4-6", "p", "Test"]
    assert pathology.rows == [("Age", "52.50 ± 7.07", "49.10 ± 6.00", "57.25 ± 5.50", 0.0021, "Student's t")]
    assert "Features of the cases against BI-RADS of the readers" in page_text(content)
