"""The step before the first read: check everything, lock it, make the packages."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog

from reader_app.desk import checking, packages, rehearsal
from reader_app.desk.overview import Overview
from reader_app.store.studyfolder import StudyFolder
from reader_app.ui.coordinator.page import Desk, Page, table
from reader_app.ui.widgets import button, label, row


class FreezePage(Page):
    """Check everything, then lock it; then a package for each workstation."""

    key, title = "freeze", "Check and freeze"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._report: checking.CheckReport | None = None

    def state(self, overview: Overview) -> tuple[str, str]:
        """Say whether the study is frozen, or how many faults the last check found."""
        if overview.is_frozen:
            return ("✓", "saved")
        if self._report is None:
            return ("to do", "dim")
        return (str(len(self._report.faults)), "attention") if self._report.faults else ("ready", "saved")

    def present(self, overview: Overview) -> None:
        """Show the last check and offer the freeze."""
        if overview.is_frozen:
            self.restart(
                "Frozen", "Protocol, case list, orders and aids are locked by hash; nothing a read depends on can change unseen."
            )
        else:
            self.restart(
                "Check and freeze", "The check finds everything that would stop or spoil the study. Freezing cannot be undone."
            )
        line = row()
        line.addWidget(button("Check everything", on_click=lambda: self._check(overview.path)))
        rehearse = button("Rehearse", on_click=lambda: self._rehearse(overview.path))
        rehearse.setToolTip("Simulated readers read a copy of the study in the real window; workbook and report come out.")
        rehearse.setEnabled(overview.folder is not None)
        line.addWidget(rehearse)
        if not overview.is_frozen:
            freeze = button("Freeze the study", "main", on_click=lambda: self._freeze(overview.path))
            freeze.setEnabled(self._report is not None and not self._report.faults)
            line.addWidget(freeze)
        else:
            line.addWidget(button("Reading packages…", "main", on_click=lambda: self._pack(overview.path)))
        line.addStretch(1)
        self.body.addLayout(line)
        if overview.is_frozen:
            hint = (
                "A package holds what one reader's workstation needs for the next round: no reference standard, no aid of a "
                "later round. Make them again when a round is finished and its logs are merged."
            )
            self.body.addWidget(label(hint, "dim", wrap=True))
        if self._report is None:
            self.body.addStretch(1)
            return
        if self._report.faults:
            rows = [[f.place, f.what, f.remedy] for f in self._report.faults]
            self.body.addWidget(table(["Where", "What is wrong", "What to do"], rows, stretch=1), 1)
        else:
            self.body.addWidget(label("No faults.", "saved"))
        for remark in self._report.remarks:
            self.body.addWidget(label(remark, "attention", wrap=True))
        self.body.addStretch(1)

    def _check(self, study: Path) -> None:
        def done(report: object) -> None:
            if isinstance(report, checking.CheckReport):
                self._report = report

        self.desk.run("check", lambda progress, _cancelled: checking.check(study, progress), done)

    def _rehearse(self, study: Path) -> None:
        names = (study.with_name(f"{study.name}-rehearsal{'' if number == 1 else f'-{number}'}") for number in count(1))
        out = next(path for path in names if not path.exists())

        def done(written: object) -> None:
            report = [path for path in written if path.suffix == ".html"] if isinstance(written, list) else []
            self.desk.say(f"Rehearsed on a copy, nothing here has changed. The results lie in {out}.")
            if report:
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(report[0])))

        self.desk.run(
            "rehearsal",
            lambda progress, cancelled: rehearsal.whole(study, out, progress=progress, cancelled=cancelled),
            done,
        )

    def _pack(self, study: Path) -> None:
        out = QFileDialog.getExistingDirectory(self, "Folder for the packages, one for each reader", str(study.parent))
        if not out:
            return

        def done(written: object) -> None:
            names = [path.name for path in written] if isinstance(written, list) else []
            self.desk.say(f"Written to {out}: {', '.join(names)}" if names else "No package was written.")

        self.desk.run(
            "packages", lambda progress, cancelled: packages.write_packages(study, Path(out), progress, cancelled), done
        )

    def _freeze(self, study: Path) -> None:
        self.desk.run("freeze", lambda _progress, _cancelled: StudyFolder.load(study).freeze())
