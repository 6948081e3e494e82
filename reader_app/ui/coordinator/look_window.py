"""Files looked at outside any study: what an import makes of them, as a reader would see it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer

from reader_app.errors import ReaderAppError
from reader_app.imaging import container, hanging
from reader_app.imaging.importreport import CaseReport
from reader_app.ui import theme
from reader_app.ui.app import application, stop_watching, watch_for_faults
from reader_app.ui.viewing import ViewingDialog
from reader_app.ui.widgets import column, label


class LookWindow(ViewingDialog):
    """Shows the cases that were made, one at a time, with what was assumed of them.

    Parameters
    ----------
    images : Path
        Folder of the containers.
    cases : sequence of CaseReport
        At least one, each with a container.
    """

    def __init__(self, images: Path, cases: Sequence[CaseReport]) -> None:
        super().__init__()
        self.setWindowTitle("Looking at files — research use only, not for diagnosis")
        self.resize(1400, 900)
        self._images, self._cases, self._at = images, list(cases), 0
        self._name, self._words = label("", "strong"), label("", "dim", wrap=True)
        line = self.turning(self.move_on, len(self._cases) > 1)
        line.addWidget(self._name)
        line.addStretch(1)
        body = column(self, spacing=0)
        body.addLayout(line)
        body.addWidget(self.viewer, 1)
        self._words.setContentsMargins(theme.px(8), theme.px(4), theme.px(8), theme.px(4))
        body.addLayout(self.key_line())
        body.addWidget(self._words)
        self.move_on(0)

    def move_on(self, step: int) -> None:
        """Show the case so many places further, round the end."""
        self._at = (self._at + step) % len(self._cases)
        report = self._cases[self._at]
        self._name.setText(f"{report.modality} · {report.status} · {self._at + 1} of {len(self._cases)}")
        self._words.setText(" · ".join([*report.faults, *report.notes]))
        self.said.clear()
        try:
            case = container.open_case(self._images / report.case_id)
        except ReaderAppError as fault:
            self.viewer.clear()
            self._words.setText(str(fault))
            return
        own = hanging.as_given(hanging.standard("mammography"), case.images) if case.modality == "mammography" else None
        self.viewer.show_case(case, None, threshold=0.5, opacity=0.4, hanging=own)


def look(images: Path, cases: Sequence[CaseReport], pictures: Path | None = None) -> int:
    """Open the window until it is closed, or write one picture a case and return.

    Parameters
    ----------
    pictures : Path, optional
        Folder for ``1.png``, ``2.png`` ...; no window stays open then.
    """
    app = application()
    watch_for_faults(None)
    try:
        window = LookWindow(images, cases)
        window.show()
        if pictures is None:
            return app.exec()
        pictures.mkdir(parents=True, exist_ok=True)
        for number in range(1, len(cases) + 1):
            settled = QEventLoop()
            QTimer.singleShot(400, settled.quit)
            settled.exec()
            window.grab().save(str(pictures / f"{number}.png"))
            window.move_on(1)
        window.close()
        return 0
    finally:
        stop_watching()
