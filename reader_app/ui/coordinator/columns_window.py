"""What the headings of a case table mean: shown with a guess and the first values, chosen by the coordinator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtWidgets import QComboBox, QDialog, QGridLayout, QScrollArea, QWidget

from reader_app.errors import ReaderAppError
from reader_app.imaging import headings
from reader_app.imaging.workers import WorkerPool
from reader_app.ui import theme
from reader_app.ui.widgets import button, column, label, row

_LEFT_OUT = "left out"
_CLINICAL = "clinical variable"


class ColumnsWindow(QDialog):
    """One line a heading: its name and what it means.

    Parameters
    ----------
    file : str
        Name of the table, for messages.
    names : sequence of str
        The headings as written.
    """

    def __init__(self, file: str, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setStyleSheet(theme.stylesheet("desk"))
        self.setWindowTitle("Columns of the case table")
        self.resize(theme.px(620), theme.px(640))
        self._file = file
        self._boxes: dict[str, QComboBox] = {}
        body = column(self, margin=16, spacing=12)
        hint = (
            "Say what each column of the table means. case_id and file are needed; the reference standard (malignant, lesion_id) "
            "is written apart and never reaches a reader; a clinical variable is shown to the readers; the rest is left out."
        )
        body.addWidget(label(hint, "dim", wrap=True))
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setColumnStretch(0, 1)
        for number, name in enumerate(names):
            box = QComboBox()
            box.addItems([_LEFT_OUT, _CLINICAL, *headings.KNOWN])
            meant = headings.guess(name)
            box.setCurrentText(_CLINICAL if meant.startswith("clinical_") else meant or _LEFT_OUT)
            box.setObjectName(f"column {name}")
            box.currentTextChanged.connect(lambda _text: self._check())
            grid.addWidget(label(name), number, 0)
            grid.addWidget(box, number, 1)
            self._boxes[name] = box
        grid.setRowStretch(len(names), 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(inside)
        body.addWidget(scroll, 1)
        self._fault = label("", "attention", wrap=True)
        body.addWidget(self._fault)
        line = row()
        self._go = button("Import", "main", on_click=self.accept)
        line.addStretch(1)
        line.addWidget(button("Cancel", on_click=self.reject))
        line.addWidget(self._go)
        body.addLayout(line)
        self._check()

    def columns(self) -> dict[str, str]:
        """Return heading -> ours; "" for what is left out."""
        chosen = {}
        for name, box in self._boxes.items():
            text = box.currentText()
            if text == _CLINICAL:
                plain = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
                chosen[name] = plain if plain.startswith("clinical_") else f"clinical_{plain}"
            else:
                chosen[name] = "" if text == _LEFT_OUT else text
        return chosen

    def _check(self) -> None:
        fault = _fault_of(self.columns(), self._file)
        self._fault.setText(fault)
        self._go.setEnabled(not fault)


def _fault_of(columns: Mapping[str, str], file: str) -> str:
    lacking = [n for n in ("case_id", "file") if n not in columns.values()]
    if lacking:
        return f"No column is said to be {' or '.join(lacking)}."
    try:
        headings.check(columns, file)
    except ReaderAppError as fault:
        return str(fault)
    return ""


def ask(table: Path, parent: QWidget | None = None) -> dict[str, str] | None:
    """Return what the headings mean; asks only where one is not ours, None when the coordinator gives up.

    Raises
    ------
    TableError
        If the file is no table.
    """

    def sheet(path: Path) -> list[list[str]]:
        with WorkerPool(1) as crew:  # a workbook from elsewhere is opened where it can do no harm
            rows: list[list[str]] = crew.call("reader_app.imaging.jobs:read_sheet", path.name, path=str(path))
            return rows

    names = headings.of_table(table, sheet)
    plain = {n: headings.guess(n) for n in names}
    ours = {*headings.KNOWN}
    if all(n.lower() in ours or n.lower().startswith("clinical_") for n in names) and {"case_id", "file"} <= {*plain.values()}:
        return {}
    window = ColumnsWindow(table.name, names, parent)
    return window.columns() if window.exec() == QDialog.DialogCode.Accepted else None
