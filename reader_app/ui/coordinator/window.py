"""The coordinator's window: steps down the left with their state, one page each, one background job at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QButtonGroup, QLabel, QMainWindow, QProgressBar, QPushButton, QScrollArea, QStackedWidget, QWidget

from reader_app.desk.overview import Overview, overview
from reader_app.ui import theme
from reader_app.ui.coordinator.freeze_page import FreezePage
from reader_app.ui.coordinator.jobs import Jobs, Work
from reader_app.ui.coordinator.page import Page
from reader_app.ui.coordinator.result_pages import AnalysisPage, DeviationsPage, ProgressPage
from reader_app.ui.coordinator.setup_pages import AidsPage, CasesPage, ProtocolPage, ReadersPage
from reader_app.ui.widgets import button, column, label, row

_PAGES: tuple[type[Page], ...] = (
    ProtocolPage, ReadersPage, CasesPage, AidsPage, FreezePage, ProgressPage, DeviationsPage, AnalysisPage,
)  # fmt: skip


class CoordinatorWindow(QMainWindow):
    """The desk of one study.

    Parameters
    ----------
    study : Path
        The study folder; it may be incomplete.
    """

    def __init__(self, study: Path) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setStyleSheet(theme.stylesheet("desk"))
        self.setWindowTitle("Study desk")
        self.setMinimumSize(1024, 640)
        self.resize(1440, 860)
        self._study = study
        self._overview = Overview(study)
        self._jobs = Jobs(self)
        self._jobs.progressed.connect(self._show_progress)
        self._jobs.busy_changed.connect(self._show_busy)
        self._pages = {kind.key: kind(self) for kind in _PAGES}
        self._stack = QStackedWidget()
        self._steps: dict[str, tuple[QPushButton, QLabel]] = {}
        self._build()
        self.go_to("protocol")
        self.refresh()

    # --- what pages may ask ---------------------------------------------------------------------------------------------------

    def run(self, title: str, work: Work, done: Callable[[object], None] | None = None) -> None:
        """Run work in the background; then tell ``done`` and look at the study again."""
        if self._jobs.busy:
            self.say("Something is still running; wait for it or stop it first.")
            return

        def finished(result: object) -> None:
            self.say("")
            if done is not None:
                done(result)
            self.refresh()

        def failed(sentence: str) -> None:
            self.say(sentence)
            self.refresh()

        self._jobs.start(title, work, finished, failed)

    def refresh(self) -> None:
        """Look at the study again, off the GUI thread."""
        today = datetime.now(UTC).date().isoformat()
        self._jobs.start("", lambda _p, _c: overview(self._study, today), self._present, self.say)

    def go_to(self, key: str) -> None:
        """Open the page of a step."""
        self._stack.setCurrentIndex(list(self._pages).index(key))
        self._steps[key][0].setChecked(True)

    def say(self, text: str) -> None:
        """Show one sentence under the bar; an empty one hides it."""
        self._message.setText(text)
        self._message.setVisible(bool(text))

    # --- building and showing -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._title = label("", "strong")
        self._chip = label("", "chip")
        self._message = label("", "attention", wrap=True)
        self._message.hide()
        self._message.setContentsMargins(theme.px(24), theme.px(12), theme.px(24), 0)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(theme.px(180))
        self._at_hand = label("", "small")
        self._cancel = button("Stop", "quiet", on_click=self._jobs.cancel)
        top = QWidget()
        top.setObjectName("topBar")
        top.setFixedHeight(theme.px(52))
        line = row(top, spacing=12)
        line.setContentsMargins(theme.px(24), 0, theme.px(16), 0)
        for words in (self._title, self._chip):
            line.addWidget(words, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addStretch(1)
        for part in (self._at_hand, self._bar, self._cancel):
            line.addWidget(part)
            part.hide()
        line.addWidget(button("Open folder", "quiet", on_click=self._open_folder))
        steps = QWidget()
        steps.setFixedWidth(theme.px(220))
        steps.setObjectName("steps")
        listing = column(steps, margin=12, spacing=4)
        group = QButtonGroup(self)
        for key, page in self._pages.items():
            own = QPushButton(page.title)
            own.setProperty("role", "step")
            own.setCheckable(True)
            own.clicked.connect(lambda _checked=False, k=key: self.go_to(k))
            inner = row(own)
            inner.addStretch(1)
            mark = label("", "dim")
            mark.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            inner.addWidget(mark)
            inner.setContentsMargins(0, 0, theme.px(12), 0)
            group.addButton(own)
            listing.addWidget(own)
            self._steps[key] = (own, mark)
            scroll = QScrollArea()
            scroll.setWidgetResizable(True)
            scroll.setWidget(page)
            self._stack.addWidget(scroll)
        listing.addStretch(1)
        listing.addWidget(label("Research use only — not for diagnosis", "small", wrap=True))
        right = QWidget()
        inside = column(right, spacing=0)
        inside.addWidget(self._message)
        inside.addWidget(self._stack, 1)
        body = QWidget()
        body.setObjectName("room")
        outer = column(body, spacing=0)
        outer.addWidget(top)
        middle = row(spacing=0)
        middle.addWidget(steps)
        middle.addWidget(right, 1)
        outer.addLayout(middle, 1)
        self.setCentralWidget(body)

    def _present(self, found: Overview) -> None:
        self._overview = found
        folder = found.folder
        name = folder.definition.title if folder else self._study.name
        self._title.setText(name)
        self.setWindowTitle(f"{name} — study desk")
        self._chip.setText("frozen" if found.is_frozen else "being set up")
        for key, page in self._pages.items():
            page.present(found)
            text, role = page.state(found)
            mark = self._steps[key][1]
            mark.setText(text)
            mark.setProperty("role", role)
            mark.style().unpolish(mark)
            mark.style().polish(mark)

    def _show_progress(self, done: int, total: int, text: str) -> None:
        self._bar.setRange(0, max(1, total))
        self._bar.setValue(done)
        self._at_hand.setText(f"{done} of {total}  {text}")

    def _show_busy(self, busy: bool, title: str) -> None:
        for part in (self._at_hand, self._bar, self._cancel):
            part.setVisible(busy)
        self._bar.setRange(0, 0 if busy else 1)
        self._at_hand.setText(title)

    def _open_folder(self) -> None:
        from PySide6.QtCore import QUrl
        from PySide6.QtGui import QDesktopServices

        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._study)))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what runs; nothing is left behind."""
        self._jobs.close()
        super().closeEvent(event)
