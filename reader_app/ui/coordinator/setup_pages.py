"""The steps that make a study: protocol, readers, cases, aids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QLineEdit, QProgressBar

from reader_app.desk import aids, importing, tables, writing
from reader_app.desk.overview import Overview
from reader_app.errors import ReaderAppError
from reader_app.imaging.importer import ImportReport
from reader_app.ui.coordinator.page import Desk, Page, table
from reader_app.ui.widgets import button, card, label, row, section


class ProtocolPage(Page):
    """The study file in words."""

    key, title = "protocol", "Protocol"

    def state(self, overview: Overview) -> tuple[str, str]:
        """Say whether the study file can be read."""
        return (f"{len(overview.faults)}", "attention") if overview.faults else ("✓", "saved")

    def present(self, overview: Overview) -> None:
        """Show rounds, scale and models, or the faults of the file."""
        if overview.folder is None:
            self.restart("Protocol", "The study cannot be opened. Mend these and look again.")
            self.body.addWidget(
                table(
                    ["Where", "What is wrong", "What to do"], [[f.place, f.what, f.remedy] for f in overview.faults], stretch=1
                ),
                1,
            )
        else:
            own = overview.folder.definition
            self.restart(own.title, own.description)
            rounds = [
                [
                    str(r.number),
                    r.title,
                    ", ".join(f"{arm + ': ' if arm else ''}{c.value.replace('_', ' ')}" for arm, c in r.condition.items()),
                    ", ".join(f"{arm + ': ' if arm else ''}{model}" for arm, model in r.aid.items()) or "none",
                    _case_words(r.cases),
                    f"{r.min_washout_days} days" if r.min_washout_days else "none",
                ]
                for r in own.rounds
            ]
            self.body.addWidget(section("Rounds"))
            self.body.addWidget(table(["No.", "Title", "Condition", "Aid", "Cases", "Washout"], rows=rounds, stretch=1), 1)
            self.body.addWidget(section("Answers"))
            words = own.assessment
            asked = f"BI-RADS {', '.join(words.categories)} for each {words.level}; positive from {words.positive_from}"
            self.body.addWidget(label(asked + ("; suspicion 0-100 required" if words.score_required else ""), wrap=True))
            self.body.addWidget(label(f"Seed of the case orders: {own.seed}", "dim"))
        line = row()
        line.addWidget(button("Open study.toml", on_click=lambda: _open(overview.path / "study.toml")))
        line.addWidget(button("Look again", on_click=self.desk.refresh))
        line.addStretch(1)
        self.body.addLayout(line)
        self.body.addStretch(2)


def _case_words(rule: object) -> str:
    kind, values, of_round = rule.kind, rule.values, rule.of_round  # type: ignore[attr-defined]
    if kind == "left_at":
        return f"left at {', '.join(values)} in round {of_round}"
    return "all" if kind == "all" else f"{kind} {', '.join(values)}"


def _open(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


class ReadersPage(Page):
    """Who reads; editable until the study is frozen."""

    key, title = "readers", "Readers"

    def state(self, overview: Overview) -> tuple[str, str]:
        """Count the readers."""
        count = len(overview.folder.readers) if overview.folder else 0
        return (str(count), "saved" if count else "attention")

    def present(self, overview: Overview) -> None:
        """Show the readers and, before the freeze, a line to add one."""
        self.restart(
            "Readers", "Pseudonyms only. The group is the experience that results are told by; the arm chooses the conditions."
        )
        if overview.folder is None:
            return
        rows = [[r.reader_id, r.group, r.arm] for r in overview.folder.readers]
        own = table(["Reader", "Group", "Arm"], rows)
        self.body.addWidget(own, 1)
        if overview.is_frozen:
            self.body.addWidget(label("The study is frozen: its readers stay as they are.", "dim"))
            self.body.addStretch(2)
            return
        path = overview.path / "readers.csv"
        name, group, arm = QLineEdit(), QLineEdit(), QLineEdit()
        for field, hint in ((name, "Reader, e.g. R04"), (group, "Group, e.g. junior"), (arm, "Arm (may be empty)")):
            field.setPlaceholderText(hint)

        def add() -> None:
            new = {"reader_id": name.text().strip(), "group": group.text().strip(), "arm": arm.text().strip()}
            if not new["reader_id"]:
                self.desk.say("Give the reader a pseudonym first.")
                return
            rows = [*tables.read_rows(path), new]
            self.desk.run("readers", lambda _p, _c: tables.write_rows(path, ["reader_id", "group", "arm"], rows))

        def remove() -> None:
            chosen = own.currentRow()
            if chosen < 0:
                self.desk.say("Choose a reader in the table first.")
                return
            rows = [r for i, r in enumerate(tables.read_rows(path)) if i != chosen]
            self.desk.run("readers", lambda _p, _c: tables.write_rows(path, ["reader_id", "group", "arm"], rows))

        line = row()
        for field in (name, group, arm):
            line.addWidget(field)
        line.addWidget(button("Add reader", on_click=add))
        line.addWidget(button("Remove chosen", on_click=remove))
        self.body.addLayout(line)
        self.body.addStretch(2)


#: What the files of an import are taken for.
KINDS: tuple[tuple[str, str | None], ...] = (
    ("what they say themselves", None), ("mammograms", "mammography"), ("ABVS volumes", "abvs"),
    ("hand-held ultrasound", "ultrasound"),
)  # fmt: skip


class CasesPage(Page):
    """The case list, import and preview."""

    key, title = "cases", "Cases"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._report: ImportReport | None = None
        self._kind, self._acquired, self._dry, self._was_dry = 0, False, False, False

    def state(self, overview: Overview) -> tuple[str, str]:
        """Count the cases and say when some have no images."""
        if not overview.cases:
            return ("none", "attention")
        return (str(len(overview.cases)), "attention" if overview.without_images or overview.writing else "saved")

    def present(self, overview: Overview) -> None:
        """Show the case list and what the last import refused."""
        self.restart("Cases", "Images become verified cases; the reference standard is kept apart and never reaches a reader.")
        line = row()
        folder_button = button("Import a folder…", on_click=lambda: self._import(overview.path, with_table=False))
        table_button = button("Import with a case table…", on_click=lambda: self._import(overview.path, with_table=True))
        files_button = button("Import files…", on_click=lambda: self._import_files(overview.path))
        for own in (folder_button, files_button, table_button):
            own.setEnabled(not overview.is_frozen and overview.folder is not None)
            line.addWidget(own)
        preview = button("Preview as a reader sees it")
        line.addWidget(preview)
        dicom = button("DICOM of the cases…", on_click=lambda: self._write_dicom(overview.path))
        dicom.setEnabled(bool(overview.cases))
        line.addWidget(dicom)
        line.addStretch(1)
        self.body.addLayout(line)
        if overview.is_frozen:
            self.body.addWidget(label("The study is frozen: its cases stay as they are.", "dim"))
        else:
            self._offer_choices()
        columns = [c for c in (overview.cases[0] if overview.cases else {}) if c not in ("fingerprint",)]
        lacking = set(overview.without_images)
        rows = [
            [*(case.get(c, "") for c in columns), "missing" if case.get("case_id", "") in lacking else "verified at import"]
            for case in overview.cases
        ]
        if overview.writing:
            self._offer_writing(overview)
        listing = table([*(c.replace("_", " ") for c in columns), "images"], rows)
        self.body.addWidget(listing, 20)
        preview.setEnabled(bool(overview.cases))
        preview.clicked.connect(lambda: self._preview(overview, listing.currentRow()))
        if self._report is not None:
            self.body.addWidget(section("What would happen: nothing was written" if self._was_dry else "Last import"))
            refused = [[f["path"], f["reason"] or ""] for f in self._report.to_json()["files"] if not f["accepted"]]
            faulty = [
                [c["case_id"], c["status"] + ": " + "; ".join(c["faults"])]
                for c in self._report.to_json()["cases"]
                if c["faults"]
            ]
            if refused or faulty:
                self.body.addWidget(table(["File or case", "Why it was not taken, and what to do"], [*faulty, *refused]), 10)
            else:
                self.body.addWidget(label("Every file was taken.", "saved"))
            notes = [[c.case_id, n] for c in self._report.cases for n in c.notes] + [["", n] for n in self._report.notes]
            if notes:
                self.body.addWidget(section("What was assumed or chosen"))
                self.body.addWidget(table(["Case", "Note"], notes), 10)
        self.body.addStretch(1)

    def _offer_choices(self) -> None:
        """Show how the next import takes the files; the choices of the command ``import``."""
        kind = QComboBox()
        kind.addItems([words for words, _ in KINDS])
        kind.setCurrentIndex(self._kind)
        kind.currentIndexChanged.connect(lambda at: setattr(self, "_kind", at))
        line = row(spacing=16)
        line.addWidget(label("Files are", "dim"))
        line.addWidget(kind)
        for words, name in (("Curved ABVS volumes as acquired", "_acquired"), ("Only say what would happen", "_dry")):
            own = QCheckBox(words)
            own.setChecked(getattr(self, name))
            own.toggled.connect(partial(setattr, self, name))
            line.addWidget(own)
        line.addStretch(1)
        self.body.addLayout(line)

    def _write_dicom(self, study: Path) -> None:
        from reader_app.desk import dicomout

        out = QFileDialog.getExistingDirectory(self, "Folder for the DICOM files, one folder a case", str(study.parent))
        if out:
            self.desk.run(
                "DICOM",
                lambda _progress, _cancelled: dicomout.write_dicom(study, [], Path(out)),
                lambda written: self.desk.say(f"{len(written)} de-identified DICOM file(s) written to {out}."),  # type: ignore[arg-type]
            )

    def _offer_writing(self, overview: Overview) -> None:
        frame, inside = card()
        places = "place" if overview.writing == 1 else "places"
        inside.addWidget(
            label(f"Writing in the pixels at {overview.writing} {places}: look at it before the freeze.", "attention")
        )
        line = row()
        line.addWidget(button("Look at the writing…", on_click=lambda: self._look_at_writing(overview.path)))
        line.addStretch(1)
        inside.addLayout(line)
        self.body.addWidget(frame)

    def _look_at_writing(self, study: Path) -> None:
        from reader_app.ui.coordinator.writing_window import WritingWindow

        day = datetime.now(UTC).date().isoformat()

        def decide(places: Sequence[writing.Place], verdict: str, done: Callable[[], None]) -> None:
            self.desk.run("writing", lambda _p, _c: writing.decide(study, places, verdict, day), lambda _r: done())

        WritingWindow(study, decide, self).show()

    def _import_files(self, study: Path) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self, "Image files", str(Path.home()))
        if chosen:
            self._run_import(study, [Path(name) for name in chosen], None, None)

    def _import(self, study: Path, with_table: bool) -> None:
        list_file: Path | None = None
        columns: dict[str, str] | None = {}
        if with_table:
            chosen, _ = QFileDialog.getOpenFileName(self, "Case table", "", "Tables (*.csv *.xlsx)")
            if not chosen:
                return
            list_file = Path(chosen)
            columns = self._columns(list_file)
            if columns is None:
                return
        source = QFileDialog.getExistingDirectory(
            self, "Folder with the images", str(list_file.parent if list_file else Path.home())
        )
        if not source:
            return

        self._run_import(study, [Path(source)], list_file, columns)

    def _run_import(self, study: Path, sources: list[Path], list_file: Path | None, columns: dict[str, str] | None) -> None:
        kind, acquired, dry = self._kind, self._acquired, self._dry

        def done(report: object) -> None:
            if isinstance(report, ImportReport):
                self._report, self._was_dry = report, dry

        self.desk.run(
            "import",
            lambda progress, cancelled: importing.import_into(
                study, sources, list_file, KINDS[kind][1], dry, progress, cancelled, as_acquired=acquired, columns=columns
            ),
            done,
        )

    def _columns(self, list_file: Path) -> dict[str, str] | None:
        """Return what other headings of a table mean, asked for where any is not ours; None when the coordinator gives up."""
        from reader_app.ui.coordinator.columns_window import ask

        try:
            return ask(list_file, self)
        except ReaderAppError as fault:
            self.desk.say(str(fault))
            return None

    def _preview(self, overview: Overview, chosen: int) -> None:
        from reader_app.ui.coordinator.preview import CasePreview

        if overview.folder is None:
            return
        CasePreview(overview.folder, max(0, chosen), self).show()


class AidsPage(Page):
    """The models' predictions, made beforehand."""

    key, title = "aids", "Aids"

    def state(self, overview: Overview) -> tuple[str, str]:
        """Say how many predictions are missing."""
        if not overview.aids:
            return ("none needed", "dim")
        missing = sum(a.total - a.done for a in overview.aids)
        return ("✓", "saved") if not missing and overview.cases else (f"{missing} missing", "attention")

    def present(self, overview: Overview) -> None:
        """Show each model's progress, scores and origin."""
        self.restart(
            "Aids", "Predictions are made before the session and frozen by hash; a timed read never waits for a network."
        )
        for aid in overview.aids:
            frame, inside = card()
            inside.addWidget(label(f"{aid.model_id} · {aid.title}", "strong"))
            inside.addWidget(label(f"Shown in round {', '.join(map(str, aid.rounds)) or 'none'}", "dim"))
            bar = QProgressBar()
            bar.setRange(0, max(1, aid.total))
            bar.setValue(aid.done)
            bar.setTextVisible(False)
            inside.addWidget(bar)
            words = f"{aid.done} of {aid.total} cases predicted"
            if aid.scores:
                words += f"; scores {min(aid.scores):.2f} to {max(aid.scores):.2f}, {aid.positives} called positive"
            inside.addWidget(label(words))
            if aid.provenance:
                inside.addWidget(label(_origin(aid.provenance), "small", wrap=True))
            run = button("Run this model", on_click=partial(self._run, overview.path, aid.model_id))
            run.setEnabled(not overview.is_frozen and bool(overview.cases))
            line = row()
            line.addWidget(run)
            line.addStretch(1)
            inside.addLayout(line)
            self.body.addWidget(frame)
        if not overview.aids:
            self.body.addWidget(label("The protocol names no model.", "dim"))
        self.body.addStretch(1)

    def _run(self, study: Path, model: str) -> None:
        self.desk.run(
            f"model {model}", lambda progress, cancelled: aids.run_model(study, model, progress=progress, cancelled=cancelled)
        )


def _origin(provenance: Mapping[str, object]) -> str:
    """Return in words what a prediction was made with: training data, device, the first letters of the model's hash."""
    parts = [str(provenance[name]) for name in ("training_data", "device") if provenance.get(name)]
    if provenance.get("bundle_sha256"):
        parts.append(f"model hash {str(provenance['bundle_sha256'])[:12]}…")
    return " · ".join(part[:1].upper() + part[1:] for part in parts)
