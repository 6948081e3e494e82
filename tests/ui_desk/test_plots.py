"""The desk's charts draw the numbers of the analysis, say "interim" where it is, and are saved as they stand."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("PySide6")

import pandas as pd
import pyqtgraph as pg
from desk.test_table_analysis import rows_of_study
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from reader_app.analysis.analyze import analyze
from reader_app.ui import theme
from reader_app.ui.coordinator.result_pages import AnalysisPage
from reader_app.ui.plots import amounts, curves, flows
from reader_app.ui.plots.drawing import Drawing
from reader_app.ui.plots.panel import KINDS, PlotsPanel

TITLES = {"detector": "Second reader"}


class Desk:
    """Runs work at once and remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def run(self, _title: str, work: Callable[..., object], done: Callable[[object], None] | None = None) -> None:
        found = work(None, None)
        if done is not None:
            done(found)

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """The analysis of three readers, two conditions, marks and one model."""
    tables = {name: pd.DataFrame(rows).replace("", None) for name, rows in rows_of_study().items()}
    return analyze(**tables)


@pytest.fixture
def panel(qtbot: QtBot, results: dict[str, Any], tmp_path: Path) -> Iterator[PlotsPanel]:
    theme.load_fonts()
    own = PlotsPanel(Desk(), results, TITLES, tmp_path)
    qtbot.addWidget(own)
    own.resize(1100, 620)
    own.show()
    qtbot.waitExposed(own)
    yield own


def show(qtbot: QtBot, panel: PlotsPanel, title: str) -> Drawing:
    """Choose a kind of chart and wait until it stands in its place."""
    panel.show_kind(next(kind for kind in KINDS if kind.title == title))
    drawing = panel.drawing
    assert drawing is not None
    qtbot.waitUntil(lambda: drawing.plot.isVisible() and drawing.plot.width() > 600, timeout=5_000)
    return drawing


def everybody(rows: list[dict[str, Any]], **wanted: object) -> list[dict[str, Any]]:
    return [
        r
        for r in rows
        if r.get("group") is None and r.get("lesion_type") is None and all(r.get(k) == v for k, v in wanted.items())
    ]


def color_at(drawing: Drawing, x: float, y: float) -> QColor:
    """Return the painted colour at a place given in the numbers of the axes."""
    scene = drawing.plot.plotItem.vb.mapViewToScene(QPointF(x, y))
    place = drawing.plot.mapFromScene(scene)
    return drawing.plot.grab().toImage().pixelColor(place * drawing.plot.devicePixelRatio())


def test_every_kind_is_drawn_by_its_button(qtbot: QtBot, panel: PlotsPanel) -> None:
    titles = []
    for kind in KINDS:
        button = panel.findChild(QPushButton, f"plot {kind.title}")
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert panel.drawing is not None and panel.drawing.rows, kind.title
        qtbot.waitUntil(panel.drawing.plot.isVisible, timeout=5_000)
        titles.append(panel.drawing.title)
    assert len(set(titles)) == len(KINDS)


def test_roc_draws_the_points_of_the_analysis(qtbot: QtBot, results: dict[str, Any]) -> None:
    drawing = curves.roc(results, TITLES)
    assert drawing is not None
    qtbot.addWidget(drawing.plot)
    rows = everybody(results["roc"], score="score")
    lines = [item.getData() for item in drawing.plot.listDataItems()]
    for row in rows:
        wanted = ([p[0] for p in row["points"]], [p[1] for p in row["points"]])
        assert any(list(x) == wanted[0] and list(y) == wanted[1] for x, y in lines), (row["reader_id"], row["condition"])
    assert len(drawing.rows) == sum(len(row["points"]) for row in rows)
    named = [label.text for _, label in drawing.plot.plotItem.legend.items]
    area = next(r["auc"]["estimate"] for r in rows if r["reader_id"] is None and r["condition"] == "without aid")
    assert any("All readers, without aid" in text and f"{area:.3f}" in text for text in named)
    assert not any(text[:2] in ("A,", "B,", "C,") for text in named), "single readers are not named where their mean is"


def test_times_stand_at_their_medians(qtbot: QtBot, results: dict[str, Any]) -> None:
    drawing = amounts.times(results, TITLES)
    assert drawing is not None
    qtbot.addWidget(drawing.plot)
    medians = [row["median"] for row in everybody(results["time"]["by_reader"])]
    assert sorted(row[5] for row in drawing.rows) == sorted(medians)
    curves_drawn = [item.getData() for item in drawing.plot.listDataItems() if isinstance(item, pg.PlotDataItem)]
    lines = [data for data in curves_drawn if data[0] is not None and len(data[0]) == 2]
    drawn = [y[0] for x, y in lines if y[0] == y[1] and x[0] != x[1]]
    assert sorted(drawn) == sorted(medians)


def test_agreement_is_the_same_both_ways(qtbot: QtBot, results: dict[str, Any]) -> None:
    condition = amounts.kappa_conditions(results)[0]
    drawing = amounts.agreement(results, TITLES, condition)
    assert drawing is not None
    qtbot.addWidget(drawing.plot)
    texts = [item.toPlainText() for item in drawing.plot.plotItem.items if isinstance(item, pg.TextItem)]
    shown = [f"{row[2]:.2f}" if row[2] is not None else "not estimable" for row in drawing.rows]
    assert sorted(texts) == sorted(shown * 2)


def test_the_flow_paints_each_category_as_long_as_its_answers(qtbot: QtBot, panel: PlotsPanel, results: dict[str, Any]) -> None:
    pair = flows.change_pairs(results)[0]
    drawing = show(qtbot, panel, "Changes")
    assert panel.choice.currentText() == pair
    before, after = pair.split(" → ")
    row = next(
        r for r in everybody(results["transitions"], reader_id=None) if (r["condition_a"], r["condition_b"]) == (before, after)
    )
    counts = {(a, b): row["benign"][i][j] + row["malignant"][i][j] for i, a in enumerate(row["categories"])
              for j, b in enumerate(row["categories"])}  # fmt: skip
    assert {(a, b): n for a, b, n in drawing.rows} == {pair: n for pair, n in counts.items() if n}
    total, at = sum(counts.values()), 0.0
    for name in row["categories"]:
        size = sum(n for (a, _b), n in counts.items() if a == name)
        if size:
            wanted = QColor(f"#{flows.CATEGORY_COLORS[name]}")
            assert color_at(drawing, flows.COLUMN / 2, at + size / 2).rgb() == wanted.rgb(), name
            at += size + 0.025 * total


def test_bars_of_one_category_are_as_high_as_its_cases(qtbot: QtBot, panel: PlotsPanel, results: dict[str, Any]) -> None:
    drawing = show(qtbot, panel, "Re-stratification")
    before, after = panel.choice.currentText().split(" → ")
    rows = everybody(results["reclassification"], condition_from=before, condition_to=after)
    checked = 0
    for place, row in enumerate(sorted(rows, key=lambda own: own["reader_id"] is None)):
        for part, name in enumerate(("down", "unchanged", "up")):
            benign, malignant = row[name]["benign"], row[name]["malignant"]
            seen = {
                truth: color_at(drawing, 4 * place + part, height).rgb()
                for truth, count, height in (("benign", benign, benign / 2), ("malignant", malignant, benign + malignant / 2))
                if count
            }
            assert seen == {truth: amounts.TRUTHS[truth].rgb() for truth in seen}
            above = color_at(drawing, 4 * place + part, benign + malignant + 0.25).rgb()
            assert above not in [shade.rgb() for shade in amounts.TRUTHS.values()]
            checked += len(seen)
    assert checked >= 6


def test_interim_stands_on_screen_in_picture_and_table(qtbot: QtBot, results: dict[str, Any], tmp_path: Path) -> None:
    open_rounds = deepcopy(results)
    open_rounds["input"]["options"]["interim"] = True
    own = PlotsPanel(Desk(), open_rounds, TITLES, tmp_path)
    qtbot.addWidget(own)
    assert own.drawing is not None
    assert own.drawing.plot.plotItem.titleLabel.text == "INTERIM" and "interim" in own.drawing.title
    table = list(csv.reader(io.StringIO(own.drawing.csv().decode("utf-8-sig"))))
    assert table[0][-1] == "State" and {row[-1] for row in table[1:]} == {"INTERIM"}
    assert any("interim" in own_label.text() for own_label in own.findChildren(QLabel))


@pytest.mark.parametrize("ending", ["svg", "png", "csv"])
def test_a_chart_is_saved(panel: PlotsPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    path = tmp_path / f"chart.{ending}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    panel._save_picture()
    content = path.read_bytes()
    if ending == "svg":
        texts = "".join(ElementTree.fromstring(content).itertext())
        assert "Sensitivity" in texts
    elif ending == "png":
        assert QImage.fromData(content).width() == 2000
    else:
        assert len(list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))) == len(panel.drawing.rows) + 1  # type: ignore[union-attr]
    assert str(path) in panel._desk.said[-1]  # type: ignore[attr-defined]


def test_an_unknown_ending_is_refused_in_words(panel: PlotsPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "chart.exe"), ""))
    panel._save_picture()
    assert ".svg" in panel._desk.said[-1] and not list(tmp_path.iterdir())  # type: ignore[attr-defined]


def test_a_title_is_never_a_formula(qtbot: QtBot, results: dict[str, Any]) -> None:
    drawing = curves.roc(results, {"detector": "=1+1"})
    assert drawing is not None
    qtbot.addWidget(drawing.plot)
    cells = [row[0] for row in csv.reader(io.StringIO(drawing.csv().decode("utf-8-sig")))]
    assert "'=1+1" in cells and "=1+1" not in cells


def test_where_there_is_nothing_it_says_so(qtbot: QtBot, results: dict[str, Any], tmp_path: Path) -> None:
    bare = deepcopy(results) | {"roc": [], "froc": [], "transitions": [], "reclassification": []}
    bare["time"]["by_reader"], bare["agreement"]["cohen"] = [], []
    own = PlotsPanel(Desk(), bare, TITLES, tmp_path)
    qtbot.addWidget(own)
    for kind in KINDS:
        own.show_kind(kind)
        assert own.drawing is None and any("nothing for this chart" in text.text() for text in own.findChildren(QLabel))


def test_the_page_keeps_its_charts_until_there_are_new_results(qtbot: QtBot, results: dict[str, Any], tmp_path: Path) -> None:
    theme.load_fonts()
    gathered = SimpleNamespace(reads=[object()], unfinished=list)
    overview: Any = SimpleNamespace(gathered=gathered, has_reference=True, folder=None, path=tmp_path)
    page = AnalysisPage(Desk())
    qtbot.addWidget(page)
    page.show()
    page._keep(results)
    page.present(overview)
    charts = page.findChild(PlotsPanel)
    charts.show_kind(KINDS[2])
    page.present(overview)
    assert page.findChild(PlotsPanel) is charts and charts.isVisible() and "Reading times" in charts.drawing.title
    page.present(SimpleNamespace(gathered=None, has_reference=True, folder=None, path=tmp_path))  # type: ignore[arg-type]
    assert not charts.isVisible(), "nothing to analyse, nothing drawn"
    page._keep(results)
    page.present(overview)
    assert page._charts is not None and page._charts is not charts
