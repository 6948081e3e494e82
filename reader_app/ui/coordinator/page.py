"""One step of the desk: a page that shows an overview and asks the window to run things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from reader_app.desk.overview import Overview
from reader_app.ui import theme
from reader_app.ui.coordinator.jobs import Work
from reader_app.ui.widgets import clear, column, label


class Desk(Protocol):
    """What a page may ask of the window."""

    def run(self, title: str, work: Work, done: Callable[[object], None] | None = None) -> None:
        """Run work in the background; the overview is refreshed when it is done."""
        ...

    def refresh(self) -> None:
        """Look at the study again."""
        ...

    def go_to(self, key: str) -> None:
        """Open the page of a step."""
        ...

    def say(self, text: str) -> None:
        """Show one sentence to the coordinator."""
        ...


class Page(QWidget):
    """Base of the pages.

    Class attributes
    ----------------
    key, title : str
        Identity of the step and its name in the list.
    """

    key = ""
    title = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.body: QVBoxLayout = column(self, margin=24, spacing=16)
        self.body.setAlignment(Qt.AlignmentFlag.AlignTop)

    def state(self, overview: Overview) -> tuple[str, str]:
        """Return the text beside the step and its role ("saved", "attention", "dim")."""
        raise NotImplementedError

    def present(self, overview: Overview) -> None:
        """Show the study as it stands."""
        raise NotImplementedError

    def restart(self, heading: str, hint: str = "") -> None:
        """Empty the page and write its heading."""
        clear(self.body)
        self.body.addWidget(label(heading, "title"))
        if hint:
            self.body.addWidget(label(hint, "dim", wrap=True))


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, stretch: int = -1, numeric: Sequence[int] = ()
) -> QTableWidget:
    """Return a read-only table of texts.

    Parameters
    ----------
    stretch : int
        The column that takes the spare width; the last by default.
    numeric : sequence of int
        Columns set flush right.
    """
    own = QTableWidget(len(rows), len(columns))
    own.setHorizontalHeaderLabels(list(columns))
    own.verticalHeader().setVisible(False)
    own.setShowGrid(False)
    own.setWordWrap(True)
    own.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    own.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    own.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    for i, cells in enumerate(rows):
        for j, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            side = Qt.AlignmentFlag.AlignRight if j in numeric else Qt.AlignmentFlag.AlignLeft
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            own.setItem(i, j, item)
    heading = own.horizontalHeader()
    heading.setHighlightSections(False)
    heading.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    for j in range(len(columns)):
        heading.setSectionResizeMode(j, QHeaderView.ResizeMode.ResizeToContents)
    if columns:
        heading.setSectionResizeMode(stretch % len(columns), QHeaderView.ResizeMode.Stretch)
    height = theme.px(34)
    own.verticalHeader().setDefaultSectionSize(height)
    own.setMinimumHeight(min(len(rows), 4) * height + theme.px(44))
    own.setMaximumHeight(len(rows) * height + theme.px(44))
    return own
