"""The steps after the first read: progress, deviations, results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QProgressBar, QVBoxLayout, QWidget

from reader_app.desk import exporting, merging
from reader_app.desk.overview import Overview
from reader_app.desk.results import analyse
from reader_app.export import words
from reader_app.store.merge import MergeReport
from reader_app.ui.coordinator.page import Desk, Page, table
from reader_app.ui.widgets import button, card, column, label, row, section


class ProgressPage(Page):
    """How far every reader is; logs are brought home here."""

    key, title = "progress", "Progress"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setAcceptDrops(True)
        self._study: Path | None = None
        self._merged: MergeReport | None = None

    def state(self, overview: Overview) -> tuple[str, str]:
        """Say how many rounds are finished."""
        if overview.log_faults:
            return (f"{len(overview.log_faults)}", "attention")
        if not overview.progress:
            return ("not frozen" if not overview.is_frozen else "–", "dim")
        finished = sum(r.state == "finished" for r in overview.progress)
        return (f"{finished} of {len(overview.progress)}", "saved" if finished == len(overview.progress) else "dim")

    def present(self, overview: Overview) -> None:
        """Show one bar per reader and round."""
        self._study = overview.path
        self.restart(
            "Progress by reader and round",
            "No answer and no accuracy is shown here. Drop .readlog files on this page to merge them.",
        )
        line = row()
        line.addWidget(button("Merge logs…", on_click=self._choose_logs))
        line.addStretch(1)
        self.body.addLayout(line)
        for fault in overview.log_faults:
            self.body.addWidget(label(str(fault), "attention", wrap=True))
        if self._merged is not None:
            self.body.addWidget(label(self._merged.as_text(), "attention" if self._merged.conflicts else "saved", wrap=True))
        if not overview.progress:
            self.body.addWidget(label("Nothing can be read before the study is frozen.", "dim"))
            self.body.addStretch(1)
            return
        self.body.addWidget(_board(overview))
        self.body.addStretch(1)

    def _choose_logs(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, "Logs of the workstations", "", "Read logs (*.readlog)")
        self._merge([Path(f) for f in files])

    def _merge(self, files: list[Path]) -> None:
        study = self._study
        if not files or study is None:
            return

        def done(report: object) -> None:
            if isinstance(report, MergeReport):
                self._merged = report

        self.desk.run("merge", lambda _p, _c: merging.merge_logs(study, files), done)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take only log files."""
        if any(url.toLocalFile().endswith(".readlog") for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Merge what was dropped."""
        self._merge([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.toLocalFile().endswith(".readlog")])


def _board(overview: Overview) -> QWidget:
    """Return the grid of readers by rounds."""
    frame, inside = card()
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(12)
    rounds = list(dict.fromkeys((r.round_no, r.title) for r in overview.progress))
    readers = list(dict.fromkeys((r.reader_id, r.group) for r in overview.progress))
    for column_no, text in enumerate(["Reader", "Group", *(f"Round {n} · {title}" for n, title in rounds)]):
        grid.addWidget(label(text, "small"), 0, column_no)
    by_key = {(r.reader_id, r.round_no): r for r in overview.progress}
    for row_no, (reader_id, group) in enumerate(readers, start=1):
        grid.addWidget(label(reader_id, "bright"), row_no, 0)
        grid.addWidget(label(group, "dim"), row_no, 1)
        for column_no, (number, _title) in enumerate(rounds, start=2):
            entry = by_key[reader_id, number]
            cell = QWidget()
            stack = column(cell, spacing=4)
            bar = QProgressBar()
            bar.setTextVisible(False)
            bar.setRange(0, max(1, entry.total or 1))
            bar.setValue(entry.done if entry.total else (1 if entry.state == "finished" else 0))
            stack.addWidget(bar)
            words = {
                "finished": f"{entry.done} · finished",
                "reading": f"{entry.done} of {entry.total}",
                "open": "open",
                "washout": f"opens {entry.opens}",
                "waiting": "waiting",
                "left": "left the study",
            }[entry.state]
            stack.addWidget(label(words, "saved" if entry.state == "finished" else "small"))
            grid.addWidget(cell, row_no, column_no)
    for column_no in range(2, 2 + len(rounds)):
        grid.setColumnStretch(column_no, 1)
    inside.addLayout(grid)
    return frame


class DeviationsPage(Page):
    """What the independent auditor found in the logs."""

    key, title = "deviations", "Deviations"

    def state(self, overview: Overview) -> tuple[str, str]:
        """Count the findings."""
        if overview.gathered is None:
            return ("–", "dim")
        count = sum(len(found) for found in overview.gathered.deviations.values())
        return (str(count), "attention") if count else ("none", "saved")

    def present(self, overview: Overview) -> None:
        """List the findings by reader."""
        self.restart(
            "Deviations", "The auditor reads the logs without the program's own rules and lists what departs from the protocol."
        )
        found = [] if overview.gathered is None else [(r, d) for r, ds in overview.gathered.deviations.items() for d in ds]
        if not found:
            self.body.addWidget(label("No deviation in any log." if overview.gathered else "Nothing has been read yet.", "dim"))
            self.body.addStretch(1)
            return
        rows = [[reader_id, str(d.seq), d.code, d.text] for reader_id, d in found]
        self.body.addWidget(table(["Reader", "Entry", "Kind", "What happened"], rows, numeric=[1]), 1)


class AnalysisPage(Page):
    """The numbers, computed on request, and the files made from them."""

    key, title = "analysis", "Analysis"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._results: dict[str, Any] | None = None
        self._charts: QWidget | None = None
        self._interim = False

    def state(self, overview: Overview) -> tuple[str, str]:
        """Say whether results would be interim."""
        if overview.gathered is None or not overview.gathered.reads:
            return ("–", "dim")
        return ("interim", "dim") if overview.gathered.unfinished() else ("ready", "saved")

    def present(self, overview: Overview) -> None:
        """Offer the analysis and show its charts and main tables."""
        if self._charts is not None:
            self.body.removeWidget(self._charts)  # it keeps what was chosen in it
            self._charts.hide()
        self.restart(
            "Analysis",
            "Reads meet the reference standard only here. Every figure names its method in the workbook and the report.",
        )
        if overview.gathered is None or not overview.gathered.reads or not overview.has_reference:
            missing = "the reference standard" if overview.gathered is not None and overview.gathered.reads else "reads"
            self.body.addWidget(label(f"Nothing to analyse yet: {missing} missing.", "dim"))
            self.body.addStretch(1)
            return
        open_rounds = len(overview.gathered.unfinished())
        interim = QCheckBox(f"Analyse although {open_rounds} round(s) are not finished; every result will say “interim”")
        interim.setVisible(bool(open_rounds))
        interim.setChecked(self._interim)
        self.body.addWidget(interim)

        def compute() -> None:
            self._interim = interim.isChecked()
            self.desk.run("analysis", lambda _p, _c: analyse(overview.path, interim=self._interim).results, self._keep)

        def write() -> None:
            self._interim = interim.isChecked()
            out = QFileDialog.getExistingDirectory(self, "Folder for workbook and report", str(overview.path))
            if out:
                self.desk.run(
                    "export",
                    lambda progress, _c: exporting.export(
                        overview.path, ["xlsx", "report"], Path(out), interim=self._interim, progress=progress
                    ),
                    lambda written: self.desk.say("Written: " + ", ".join(str(p) for p in written)),  # type: ignore[attr-defined]
                )

        line = row()
        line.addWidget(button("Compute", on_click=compute))
        line.addWidget(button("Workbook and report…", "main", on_click=write))
        line.addStretch(1)
        self.body.addLayout(line)
        if self._results is not None:
            if self._charts is None:
                self._charts = self._draw(self._results, overview)
            self.body.addWidget(self._charts, 4)
            self._charts.show()
            _show_results(self.body, self._results)
        else:
            self.body.addStretch(1)

    def _keep(self, results: object) -> None:
        if isinstance(results, dict):
            self._results = results
            if self._charts is not None:
                self._charts.deleteLater()
                self._charts = None

    def _draw(self, results: dict[str, Any], overview: Overview) -> QWidget:
        from reader_app.ui.plots.panel import PlotsPanel  # the plotting library only when there is something to plot

        models = overview.folder.definition.models if overview.folder is not None else ()
        return PlotsPanel(self.desk, results, words.model_titles(models), overview.path)


def _percent(estimate: dict[str, Any] | None) -> str:
    if not estimate or estimate.get("estimate") is None:
        return "not estimable"
    low, high = estimate.get("lower"), estimate.get("upper")
    span = f" ({100 * low:.1f}–{100 * high:.1f})" if low is not None and high is not None else ""
    return f"{100 * estimate['estimate']:.1f}{span}"


def _show_results(body: QVBoxLayout, results: dict[str, Any]) -> None:
    """Show accuracy, times and the 4A table; everything else is in the workbook."""
    rows = [
        [r["reader_id"] or "all readers", r["condition"], *(_percent(r[k]) for k in ("sensitivity", "specificity", "accuracy"))]
        for r in results["accuracy"]
        if r.get("group") is None and r.get("lesion_type") is None
    ]
    body.addWidget(section("Accuracy, per cent with 95 % interval"))
    body.addWidget(table(["Reader", "Condition", "Sensitivity", "Specificity", "Accuracy"], rows, stretch=1), 3)
    times = [
        [t["reader_id"] or "all readers", t["condition"], str(t["n"]), f"{t['median']:.1f}", f"{t['q1']:.1f}–{t['q3']:.1f}"]
        for t in results["time"]["by_reader"]
        if t.get("median") is not None
    ]
    if times:
        body.addWidget(section("Reading time, seconds a case"))
        body.addWidget(table(["Reader", "Condition", "Reads", "Median", "Quartiles"], times, stretch=1, numeric=[2, 3, 4]), 2)
    strata = [
        [
            r["reader_id"] or "all readers",
            f"{r['condition_from']} → {r['condition_to']}",
            str(r["n"]),
            *(f"{r[k]['benign']} / {r[k]['malignant']}" for k in ("down", "unchanged", "up")),
        ]
        for r in results["reclassification"]
    ]
    if strata:
        body.addWidget(section("4A after the aid, benign / malignant"))
        body.addWidget(table(["Reader", "From → to", "4A", "Down", "Unchanged", "Up"], strata, stretch=1, numeric=[2]), 2)
    for warning in results["warnings"][:3]:
        body.addWidget(label(str(warning.get("text", "")), "attention", wrap=True))
    body.setAlignment(Qt.AlignmentFlag.AlignTop)
