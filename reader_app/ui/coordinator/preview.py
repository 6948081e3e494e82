"""A case as a reader will see it, in any round; for the coordinator, outside any session and never logged."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from reader_app.ai import results
from reader_app.errors import ReaderAppError
from reader_app.imaging import container, hanging
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.studykeys import PLANES
from reader_app.ui.viewing import ViewingDialog
from reader_app.ui.widgets import column, label


class CasePreview(ViewingDialog):
    """Shows one case of a study, with the aid of a chosen round or without.

    Parameters
    ----------
    folder : StudyFolder
    position : int
        Of the case in the case list.
    """

    def __init__(self, folder: StudyFolder, position: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Preview")
        self.resize(1200, 800)
        self._folder = folder
        self._position = min(position, len(folder.cases) - 1)
        self._round = QComboBox()
        for entry in folder.definition.rounds:
            self._round.addItem(f"Round {entry.number} · {entry.title}", entry.number)
        self._name = label("", "strong")
        self._words = label("", "dim", wrap=True)
        line = self.turning(self._move, len(folder.cases) > 1)
        self._round.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        line.addWidget(self._name)
        line.addStretch(1)
        line.addWidget(self._round)
        body = column(self, spacing=0)
        body.addLayout(line)
        body.addWidget(self.viewer, 1)
        body.addLayout(self.key_line())
        body.addWidget(self._words)
        self._round.currentIndexChanged.connect(lambda _index: self._show())
        self._show()

    def _move(self, step: int) -> None:
        self._position = (self._position + step) % len(self._folder.cases)
        self._show()

    def _show(self) -> None:
        case = self._folder.cases[self._position]
        self.said.clear()
        self._name.setText(f"{case.case_id} · {self._position + 1} of {len(self._folder.cases)}")
        entry = next(r for r in self._folder.definition.rounds if r.number == self._round.currentData())
        clinical = " · ".join(f"{name.replace('_', ' ')}: {value}" for name, value in case.clinical.items() if value)
        try:
            aid = results.load(self._folder.aid_dir(entry.models[0]), case.case_id) if entry.models else None
        except (ReaderAppError, FileNotFoundError):
            aid, clinical = None, f"The aid of this round has not been computed yet. {clinical}"
        try:
            images = container.open_case(self._folder.container(case.case_id))
        except (ReaderAppError, FileNotFoundError) as fault:
            self.viewer.clear()
            self._words.setText(f"The images of this case cannot be shown: {fault}")
            return
        display = self._folder.definition.display
        aid = None if aid is None else results.on_tissue(aid, images)
        self.viewer.show_case(
            images,
            aid,
            threshold=display.aid_threshold,
            opacity=display.aid_opacity,
            show_priors=display.show_priors,
            hanging=hanging.own(images.modality, self._folder.path),
            planes=entry.planes or PLANES,
        )
        self._words.setText(clinical)
