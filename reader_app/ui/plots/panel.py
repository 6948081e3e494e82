"""The charts of an analysis on the desk: chosen by name, drawn when they are looked at, saved one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PySide6.QtWidgets import QButtonGroup, QComboBox, QFileDialog, QPushButton, QWidget

from reader_app.store.disk import write_atomically
from reader_app.ui.coordinator.page import Desk
from reader_app.ui.plots import amounts, curves, flows
from reader_app.ui.plots.drawing import Drawing
from reader_app.ui.widgets import button, clear, column, label, row

Results = Mapping[str, Any]


class Kind(NamedTuple):
    """One kind of chart: its name, what can be chosen in it, how it is drawn."""

    title: str
    choices: Callable[[Results], list[str]]
    draw: Callable[[Results, Mapping[str, str], str], Drawing | None]


def _one(_results: Results) -> list[str]:
    return [""]


KINDS: tuple[Kind, ...] = (
    Kind("ROC", _one, curves.roc),
    Kind("FROC", _one, curves.froc),
    Kind("Times", _one, amounts.times),
    Kind("Agreement", amounts.kappa_conditions, amounts.agreement),
    Kind("Changes", flows.change_pairs, flows.sankey),
    Kind("Re-stratification", amounts.stratum_pairs, amounts.stratum),
)


class PlotsPanel(QWidget):
    """All charts of one analysis.

    Parameters
    ----------
    desk : Desk
        Writes the files in the background.
    results : mapping
        The document of ``analyze --json``.
    titles : mapping of str to str
        Titles of the models by id.
    folder : Path
        Where files are offered to be saved.
    """

    def __init__(self, desk: Desk, results: Results, titles: Mapping[str, str], folder: Path) -> None:
        super().__init__()
        self._desk, self._results, self._titles, self._folder = desk, results, titles, folder
        self.drawing: Drawing | None = None
        self._kind = KINDS[0]
        self._buttons: dict[Kind, QPushButton] = {}
        self.choice = QComboBox()
        self.choice.setAccessibleName("Which part of the study")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.choice.currentTextChanged.connect(self._draw)
        body = column(self, spacing=12)
        line = row()
        group = QButtonGroup(self)
        for kind in KINDS:
            own = QPushButton(kind.title)
            own.setProperty("role", "step")
            own.setCheckable(True)
            own.setObjectName(f"plot {kind.title}")
            own.clicked.connect(lambda _checked=False, k=kind: self.show_kind(k))
            group.addButton(own)
            self._buttons[kind] = own
            line.addWidget(own)
        line.addStretch(1)
        line.addWidget(self.choice)
        body.addLayout(line)
        self._place = column(spacing=8)
        body.addLayout(self._place, 1)
        self.show_kind(self._kind)

    def show_kind(self, kind: Kind) -> None:
        """Draw another kind of chart."""
        self._kind = kind
        self._buttons[kind].setChecked(True)
        choices = kind.choices(self._results)
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems(choices)
        self.choice.blockSignals(False)
        self.choice.setVisible(len(choices) > 1)
        self._draw(choices[0] if choices else "")

    def _draw(self, choice: str) -> None:
        clear(self._place)
        self.drawing = self._kind.draw(self._results, self._titles, choice)
        if self.drawing is None:
            self._place.addWidget(label("The reads hold nothing for this chart.", "dim"))
            self._place.addStretch(1)
            return
        if self._results["input"]["options"].get("interim"):
            self.drawing = self.drawing.marked("INTERIM")
        line = row()
        line.addWidget(label(self.drawing.title, "strong"))
        line.addStretch(1)
        line.addWidget(button("Save picture…", "quiet", on_click=self._save_picture))
        line.addWidget(button("Save table…", "quiet", on_click=self._save_table))
        self._place.addLayout(line)
        self._place.addWidget(self.drawing.plot, 1)

    def _save_picture(self) -> None:
        self._save("Save the chart", "Vector picture (*.svg);;Picture (*.png)", ".svg")

    def _save_table(self) -> None:
        self._save("Save the numbers of the chart", "Table (*.csv)", ".csv")

    def _save(self, heading: str, kinds: str, ending: str) -> None:
        drawing = self.drawing
        if drawing is None:
            return
        name = re.sub(r"[^A-Za-z0-9]+", "-", drawing.title).strip("-").lower()
        chosen, _ = QFileDialog.getSaveFileName(self, heading, str(self._folder / (name + ending)), kinds)
        if not chosen:
            return
        path = Path(chosen)
        makers = {".svg": drawing.svg, ".png": drawing.png, ".csv": drawing.csv}
        make = makers.get(path.suffix.lower())
        if make is None:
            self._desk.say(f"{path.name}: say .svg, .png or .csv at the end of the name.")
            return
        content = make()
        self._desk.run("save", lambda _p, _c: write_atomically(path, content), lambda _done: self._desk.say(f"Written: {path}"))
