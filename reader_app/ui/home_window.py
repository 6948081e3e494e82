"""The first window of the bare program: recent studies, a new one, the demonstration."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QProcess, Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QProgressBar,
    QScrollArea,
    QWidget,
)

from reader_app import __version__, paths
from reader_app.errors import ReaderAppError
from reader_app.ui import recent, theme
from reader_app.ui.coordinator.jobs import Jobs
from reader_app.ui.language import tr
from reader_app.ui.recent import RecentStudy
from reader_app.ui.widgets import ElidedLabel, button, card, clear, column, label, row, section

STATES = {"frozen": "ready to read", "in preparation": "in preparation", "not found": "not found here"}


class HomeWindow(QMainWindow):
    """Recent studies with what can be done with each.

    Parameters
    ----------
    crash : str
        What the last run left when it crashed; shown once.
    """

    def __init__(self, crash: str = "") -> None:
        super().__init__()
        self.setWindowTitle("Reader App")
        self.setStyleSheet(theme.stylesheet("desk"))
        self.setMinimumSize(theme.px(760), theme.px(520))
        self.resize(theme.px(1000), theme.px(680))
        self._jobs = Jobs(self)
        self._jobs.progressed.connect(self._show_progress)
        self._desks: list[QMainWindow] = []
        central = QWidget()
        central.setObjectName("room")
        outer = column(central, margin=40, spacing=16)
        head = row(spacing=16)
        names = column(spacing=2)
        names.addWidget(label(tr("Reading studies in breast imaging"), "display"))
        names.addWidget(label(tr("Timed, in rounds, with and without model aids. Research use only — not for diagnosis."), "dim"))
        head.addLayout(names, 1)
        outer.addLayout(head)
        actions = row(spacing=12)
        self.demo_button = button(tr("Try the demonstration"), "main", on_click=self.open_demo, name="demo")
        actions.addWidget(self.demo_button)
        actions.addWidget(button(tr("Open a study…"), on_click=self.choose_study, name="open"))
        self.package_button = button(tr("Open a package…"), on_click=self.choose_package, name="package")
        actions.addWidget(self.package_button)
        actions.addWidget(button(tr("New study…"), on_click=self.new_study, name="new"))
        actions.addStretch(1)
        outer.addLayout(actions)
        self.message = label(role="attention", wrap=True)
        self.message.setVisible(False)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setVisible(False)
        outer.addWidget(self.message)
        outer.addWidget(self.progress)
        outer.addWidget(section(tr("Recent studies")))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        body = QWidget()
        self._list = column(body, spacing=8)
        scroll.setWidget(body)
        outer.addWidget(scroll, 1)
        outer.addWidget(label(tr("Version {version}", version=__version__), "small"))
        self.setCentralWidget(central)
        if crash:
            self.say(tr("The program stopped unexpectedly the last time: {what}", what=crash.splitlines()[-1]))
        self.refresh()

    # --- the list -----------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Write the list again."""
        clear(self._list)
        studies = recent.recent()
        for study in studies:
            self._list.addWidget(self._line(study))
        if not studies:
            frame, inside = card()
            inside.addWidget(label(tr("Nothing here yet."), "strong"))
            inside.addWidget(
                label(
                    tr("The demonstration makes a whole study on computer-made images in about a minute and opens it."),
                    "dim",
                    wrap=True,
                )
            )
            self._list.addWidget(frame)
        self._list.addStretch(1)

    def _line(self, study: RecentStudy) -> QFrame:
        frame = QFrame()
        frame.setProperty("role", "study")
        line = row(frame, margin=16, spacing=12)
        words = column(spacing=2)
        words.addWidget(ElidedLabel(study.title, "strong"))
        words.addWidget(ElidedLabel(f"{tr(STATES[study.state])} · {study.path}", "small"))
        line.addLayout(words, 1)
        desk = button(tr("Desk"), on_click=lambda: self.open_desk(study.path))
        read = button(tr("Read"), "main" if study.state == "frozen" else "", on_click=lambda: self.open_reading(study.path))
        desk.setEnabled(study.state != "not found")
        read.setEnabled(study.state == "frozen")
        line.addWidget(desk, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(read, 0, Qt.AlignmentFlag.AlignVCenter)
        return frame

    def say(self, text: str) -> None:
        """Show a sentence above the list; empty takes it away."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    # --- what can be done ---------------------------------------------------------------------------------------------------

    def choose_study(self) -> None:
        """Ask for a study folder and open its desk."""
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder of the study"))
        if chosen:
            self.open_desk(Path(chosen))

    def choose_package(self) -> None:
        """Ask for a reading package, on a USB stick or elsewhere."""
        chosen, _ = QFileDialog.getOpenFileName(self, tr("Reading package"), "", tr("Reading packages (*.zip)"))
        if chosen:
            self.open_package(Path(chosen))

    def open_package(self, file: Path) -> None:
        """Open a package on this computer, or bring its study up to date, and start the reading window."""
        from reader_app.desk.packages import unpack

        self.package_button.setEnabled(False)
        self.progress.setVisible(True)
        self.progress.setRange(0, 0)
        self.say(tr("Opening {file}: every file is compared with the package's list.", file=file.name))
        self._jobs.start("package", lambda _report, _cancelled: unpack(file), self._package_open, self._package_refused)

    def _package_open(self, study: object) -> None:
        self._package_refused("")
        self.open_reading(Path(str(study)))

    def _package_refused(self, sentence: str) -> None:
        self.package_button.setEnabled(True)
        self.progress.setVisible(False)
        self.say(sentence)

    def open_desk(self, study: Path) -> None:
        """Open the coordinator's desk on a study."""
        from reader_app.ui.coordinator.window import CoordinatorWindow

        if not (study / "study.toml").is_file():
            self.say(tr("{folder} is not a study folder: it has no study.toml.", folder=study))
            return
        recent.note(study)
        desk = CoordinatorWindow(study)
        self._desks.append(desk)
        desk.destroyed.connect(lambda: self._desks.remove(desk) if desk in self._desks else None)
        desk.show()
        self.refresh()

    def open_reading(self, study: Path) -> None:
        """Start the reading window as a program of its own: the one that knows the truth never shows a case to a reader."""
        from reader_app.desk.rehearsal import program

        command = program()
        started, _pid = QProcess.startDetached(command[0], [*command[1:], "read", str(study)])
        if started:
            recent.note(study)
            self.say("")
            self.refresh()
        else:
            self.say(
                tr("The reading window could not be started; try it from a terminal: reader-app read {folder}", folder=study)
            )

    def open_demo(self) -> None:
        """Make the demonstration, or take the one that is there, and open it for reading."""
        from reader_app.desk.demo import DemoSize, make_demo

        out = paths.data_dir() / "demo"
        self.demo_button.setEnabled(False)
        self.progress.setVisible(True)
        self.progress.setRange(0, 0)
        self.say(tr("Making the demonstration: computer-made images and their aids."))
        self._jobs.start(
            "demo", lambda report, _cancelled: make_demo(out, DemoSize(), report), self._demo_ready, self._demo_failed
        )

    def _demo_ready(self, study: object) -> None:
        self._demo_failed("")
        recent.note(Path(str(study)))
        self.open_reading(Path(str(study)))

    def _demo_failed(self, sentence: str) -> None:
        self.demo_button.setEnabled(True)
        self.progress.setVisible(False)
        self.say(sentence)

    def _show_progress(self, done: int, total: int, text: str) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        if text:
            self.say(tr("Making the demonstration: {what}", what=text))

    def new_study(self) -> None:
        """Make a study folder from one of the ready protocols and open its desk."""
        from reader_app.desk.newstudy import new_study

        dialog = ProtocolDialog(self)
        if dialog.exec() != QDialog.DialogCode.Accepted:
            return
        chosen, _ = QFileDialog.getSaveFileName(self, tr("Folder to be made for the study"), str(Path.home() / dialog.protocol()))
        if not chosen:
            return
        try:
            self.open_desk(new_study(Path(chosen), dialog.protocol()))
        except (ReaderAppError, OSError) as fault:
            self.say(str(fault))

    def closeEvent(self, event: QCloseEvent) -> None:
        self._jobs.close()
        super().closeEvent(event)


class ProtocolDialog(QDialog):
    """Choose one of the ready protocols."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        from reader_app.desk.newstudy import protocols

        self.setWindowTitle(tr("New study"))
        self.resize(theme.px(560), theme.px(460))
        outer = column(self, margin=24, spacing=12)
        outer.addWidget(label(tr("Which protocol?"), "title"))
        self._list = QListWidget()
        for name in protocols():
            described = recent.describe(paths.study_templates() / name)
            item = QListWidgetItem(f"{name}\n{described.title}")
            item.setData(Qt.ItemDataRole.UserRole, name)
            self._list.addItem(item)
        self._list.setCurrentRow(0)
        self._list.itemDoubleClicked.connect(lambda _item: self.accept())
        outer.addWidget(self._list, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)

    def protocol(self) -> str:
        """Return the name of the chosen protocol."""
        item = self._list.currentItem()
        return "" if item is None else str(item.data(Qt.ItemDataRole.UserRole))
