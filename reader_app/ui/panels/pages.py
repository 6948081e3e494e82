"""The pages that stand in place of the images: log-in, before a round, end of a round, end of the session, faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QSizePolicy, QWidget

from reader_app.errors import Fault
from reader_app.ui import theme
from reader_app.ui.language import LANGUAGES, current, tr
from reader_app.ui.panels.form import QuestionForm
from reader_app.ui.widgets import QuietScrollArea, button, card, clear, column, label, row, rule, section


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a reader hands to the coordinator at the end: with it nobody can cut the log's end unseen."""

    reader_id: str
    study_id: str
    events: int
    code: str
    wall_utc: str
    lines: tuple[str, ...] = ()

    def as_text(self) -> str:
        """Return the receipt as plain text."""
        head = f"{self.study_id} · {self.reader_id} · {self.wall_utc}"
        return "\n".join([head, *self.lines, tr("{n} entries in the log", n=self.events), self.code])


class Page(QWidget):
    """A column in the middle of the window.

    Signals
    -------
    chosen(str) : the name of the button pressed; "reader:R01" for a reader.
    pin_given(str) : Enter was pressed in the PIN field.
    """

    chosen = Signal(str)
    pin_given = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        outer = row(self, spacing=0)
        body = QWidget()
        line = row(body, margin=24, spacing=0)
        line.addStretch(1)
        middle = QWidget()
        middle.setMaximumWidth(theme.px(640))
        middle.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._middle = column(middle, spacing=12)
        line.addWidget(middle, 100)
        line.addStretch(1)
        self._scroll = QuietScrollArea(body)
        outer.addWidget(self._scroll)
        self._main: QWidget | None = None
        self._form: QuestionForm | None = None
        self.name = ""
        self.said: tuple[str, ...] = ()  # what stands in the way, as whole sentences; the title first

    def begin(self, name: str) -> None:
        """Start an empty page with a name (for tests and screenshots)."""
        self.name = name
        self._main = None
        self._form = None
        self.said = ()
        clear(self._middle)
        self._middle.addStretch(1)

    def finish(self) -> None:
        """Close the page: what was added stands in the middle."""
        self._middle.addStretch(2)
        self.take_focus()

    def add(self, widget: QWidget) -> QWidget:
        """Add a widget."""
        self._middle.addWidget(widget)
        return widget

    def gap(self, size: int = 8) -> None:
        """Add room."""
        self._middle.addSpacing(theme.px(size))

    def paragraph(self, text: str, role: str = "") -> None:
        """Add wrapped text."""
        if text:
            self.add(label(text, role, wrap=True))

    def buttons(self, *entries: tuple[str, str]) -> None:
        """Add a row of buttons (name, words); the first is the main one and has the focus."""
        line = row(spacing=12)
        for number, (name, words) in enumerate(entries):
            own = button(words, "main" if number == 0 else "", on_click=partial(self.chosen.emit, name), name=name)
            if number == 0:
                self._main = own
                own.setAutoDefault(True)
            line.addWidget(own)
        line.addStretch(1)
        self._middle.addSpacing(theme.px(12))
        self._middle.addLayout(line)

    def take_focus(self) -> None:
        """Give the keyboard to the main button (a hidden page could not take it)."""
        if self._form is not None and not self._form.is_complete():
            self._form.go_on()
        elif self._main is not None:
            self._main.show()  # a layout shows what it was given only later, and what is hidden takes no focus
            self._main.setFocus()

    def press_main(self) -> bool:
        """Do what Enter does: press the button that has the focus, else the main one."""
        focused = self.focusWidget()
        target = focused if isinstance(focused, QPushButton) and focused.isVisible() else self._main
        if isinstance(target, QLineEdit):
            self.pin_given.emit(target.text())
        elif isinstance(target, QPushButton) and target.isEnabled():
            target.click()
        return target is not None

    # --- the pages ----------------------------------------------------------------------------------------------------------

    def show_login(self, title: str, description: str, notice: str, readers: Sequence[tuple[str, str]]) -> None:
        """Ask who reads: pseudonym and what is known of their progress."""
        self.begin("login")
        self.add(label(title, "display", wrap=True))
        self.paragraph(description, "dim")
        self._notice(notice)
        self.gap()
        self.add(section(tr("Who is reading?")))
        for number, (reader_id, progress) in enumerate(readers):
            line = button("", "row", on_click=partial(self.chosen.emit, f"reader:{reader_id}"), name=f"reader-{reader_id}")
            line.setAutoDefault(True)
            line.setAccessibleName(reader_id)
            inside = row(line, spacing=12)
            inside.setContentsMargins(theme.px(16), theme.px(10), theme.px(16), theme.px(10))
            inside.addWidget(label(reader_id, "strong"))
            inside.addStretch(1)
            inside.addWidget(label(progress, "dim"))
            line.setMinimumHeight(theme.px(44))
            self.add(line)
            if number == 0:
                self._main = line
        self.gap()
        self.paragraph(tr("Names are pseudonyms. Research use only — not for diagnosis."), "small")
        self._languages()
        self.finish()

    def _languages(self) -> None:
        """Offer the languages, in their own words, and the settings of the workstation."""
        line = row(spacing=8)
        for code, name in LANGUAGES.items():
            own = button(name, "quiet", on_click=partial(self.chosen.emit, f"language:{code}"), name=f"language-{code}")
            own.setEnabled(code != current())
            own.setProperty("current", code == current())
            line.addWidget(own)
        line.addStretch(1)
        line.addWidget(button(tr("This workstation…"), "quiet", on_click=partial(self.chosen.emit, "settings"), name="settings"))
        self._middle.addLayout(line)

    def show_pin(self, reader_id: str, new: bool, fault: str) -> None:
        """Ask for the PIN of a reader, or have one chosen (``new``)."""
        self.begin("pin-new" if new else "pin")
        self.add(label(tr("Reader {name}", name=reader_id), "dim"))
        self.add(label(tr("Choose a PIN") if new else tr("Your PIN"), "display"))
        if new:
            self.paragraph(tr("At least four characters. Your entries on this computer are signed with it."))
        self.paragraph(tr("It says whose entries these are; it does not keep them secret."), "dim")
        field = self._pin_field("pin", tr("PIN"))
        if new:
            self._pin_field("pin-again", tr("Once more")).setPlaceholderText(tr("Once more"))
        self.paragraph(fault, "attention")
        entries = [("pin", tr("Log in  Enter"))] + ([("without-pin", tr("Without a PIN"))] if new else [])
        self.buttons(*entries, ("login", tr("Another reader")))
        self._main = field
        self.gap()
        self._languages()
        self.finish()

    def _pin_field(self, name: str, words: str) -> QLineEdit:
        field = QLineEdit()
        field.setObjectName(name)
        field.setEchoMode(QLineEdit.EchoMode.Password)
        field.setMaximumWidth(theme.px(240))
        field.setAccessibleName(words)
        self.add(field)
        return field

    def entered_pin(self) -> str:
        """Return what stands in the PIN field."""
        field = self.findChild(QLineEdit, "pin")
        return "" if field is None else field.text()

    def repeats_pin(self) -> bool:
        """Return whether a new PIN was typed a second time, in whatever way; if not yet, the keyboard goes there."""
        field = self.findChild(QLineEdit, "pin-again")
        if field is not None and not field.text():
            field.setFocus()
            return False
        return True

    def repeated_pin(self) -> str:
        """Return what was typed the second time."""
        field = self.findChild(QLineEdit, "pin-again")
        return "" if field is None else field.text()

    def show_round(
        self,
        title: str,
        chip: str,
        sentences: Sequence[str],
        notice: str,
        facts: Sequence[tuple[str, str]],
        warnings: Sequence[str] = (),
    ) -> None:
        """Say what the round is before it begins; ``warnings`` about the screen stand in amber."""
        self.begin("round")
        self.add(label(chip, "dim"))
        self.add(label(title, "display", wrap=True))
        for sentence in sentences:
            self.paragraph(sentence)
        self._notice(notice)
        for warning in warnings:
            self._notice(warning)
        self.gap()
        self._facts(facts)
        self.buttons(("start", tr("Begin  Enter")), ("display", tr("Check the display")), ("end", tr("Not now")))
        self.finish()

    def show_questionnaire(self, title: str, text: str, form: QuestionForm) -> None:
        """Ask a questionnaire; the button wakes up when nothing is missing."""
        self.begin("questionnaire")
        self.add(label(title, "display", wrap=True))
        self.paragraph(text, "dim")
        self.paragraph(tr("Digits or a click answer; Enter goes on."), "small")
        self.gap()
        self.add(form)
        self.buttons(("hand-in", tr("Done  Enter")))
        done = self._main
        self._form = form

        def wake() -> None:
            if done is not None:
                done.setEnabled(form.is_complete())
                if form.is_complete() and not form.has_active():
                    done.setFocus()

        form.changed.connect(wake)
        form.activated.connect(self._scroll.show_later)
        wake()
        self.finish()

    def show_feedback(self, facts: Sequence[tuple[str, str]], text: str) -> None:
        """Training: tell what is known of the last case, where its images are no longer on the screen."""
        self.begin("feedback")
        self.add(label(tr("Training: what is known of this case"), "display", wrap=True))
        self._facts(facts)
        self.paragraph(text)
        self.buttons(("feedback-read", tr("Next  Enter")))
        self.finish()

    def take_key(self, key: str) -> bool:
        """Take a key for a form on the page; return whether it meant something there."""
        return self._form is not None and self._form.take_key(key)

    def show_washout(self, title: str, chip: str, opens: str, facts: Sequence[tuple[str, str]]) -> None:
        """Say when the next round opens."""
        self.begin("washout")
        self.add(label(chip, "dim"))
        self.add(label(tr("Opens on {day}", day=opens), "display"))
        self.paragraph(tr("{title} cannot begin earlier: the days in between let you forget the cases.", title=title))
        self.gap()
        self._facts(facts)
        self.buttons(("end", tr("End the session  Enter")))
        self.finish()

    def show_round_finished(self, title: str, sentences: Sequence[str], facts: Sequence[tuple[str, str]], more: bool) -> None:
        """Say that every case of a round is locked."""
        self.begin("round-finished")
        self.add(label(title, "display", wrap=True))
        for sentence in sentences:
            self.paragraph(sentence)
        self.gap()
        self._facts(facts)
        entries = [("next", tr("Continue  Enter")), ("end", tr("End the session"))]
        self.buttons(*(entries if more else [("end", tr("End the session  Enter"))]))
        self.finish()

    def show_enough(self) -> None:
        """Say that the sitting has lasted long enough."""
        self.begin("enough")
        self.add(label(tr("Enough for this sitting"), "display"))
        self.paragraph(tr("The protocol ends a sitting here, so that the last cases are read as freshly as the first."))
        self.buttons(("end", tr("End the session  Enter")))
        self.finish()

    def show_break(self) -> None:
        """Propose a break; no image is on the screen while it lasts."""
        self.begin("break")
        self.add(label(tr("Time for a break"), "display"))
        self.paragraph(tr("You have read for a while without one. No clock is running here; come back when you are rested."))
        self.buttons(("go-on", tr("Go on  Enter")), ("end", tr("End the session")))
        self.finish()

    def show_receipt(self, receipt: Receipt, finished: bool, copies: Sequence[str]) -> None:
        """Show the end of the session with the receipt for the coordinator."""
        self.begin("receipt")
        title = tr("Thank you, all rounds are read.") if finished else tr("Session ended, everything is saved.")
        self.add(label(title, "display", wrap=True))
        self.paragraph(tr("Receipt for the coordinator: the code belongs to this very log, entry by entry."), "dim")
        frame, inside = card()
        for line in (f"{receipt.study_id} · {receipt.reader_id}", *receipt.lines):
            inside.addWidget(label(line, wrap=True))
        inside.addWidget(rule())
        inside.addWidget(label(tr("{n} entries in the log", n=receipt.events), "dim"))
        code = label(receipt.code, "title", name="receiptCode")
        code.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inside.addWidget(code)
        inside.addWidget(label(receipt.wall_utc.replace("T", "  ")[:17] + " UTC", "small"))
        self.add(frame)
        for sentence in copies:
            self.paragraph(sentence, "small")
        self.buttons(("close", tr("Close  Enter")), ("copy", tr("Copy the receipt")))
        self.finish()

    def show_faults(self, title: str, intro: str, faults: Sequence[Fault], retry: bool) -> None:
        """List what stands in the way, each with its remedy."""
        self.begin("faults")
        self.said = (title, *map(str, faults))
        self.add(label(title, "display", wrap=True))
        self.paragraph(intro, "dim")
        self.gap()
        for fault in faults:
            frame, inside = card()
            inside.setSpacing(theme.px(4))
            inside.addWidget(label(fault.what[:1].upper() + fault.what[1:], "bright", wrap=True))
            if fault.remedy:
                inside.addWidget(label("→ " + fault.remedy, "attention", wrap=True))
            place = label(fault.place, "small", wrap=True)
            place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            inside.addWidget(place)
            self.add(frame)
        entries = [("retry", tr("Check again  Enter"))] if retry else []
        self.buttons(*entries, ("close", tr("Close")))
        self.finish()

    def show_stop(self, title: str, sentence: str, kept: str) -> None:
        """Say that reading has stopped, why, and what is safe."""
        self.begin("stopped")
        self.said = (title, sentence)
        self.add(label(title, "display", wrap=True))
        self.paragraph(sentence)
        self.paragraph(kept, "dim")
        self.buttons(("retry", tr("Try again  Enter")), ("close", tr("Close")))
        self.finish()

    def _notice(self, notice: str) -> None:
        if notice:
            frame, inside = card()
            inside.addWidget(label(notice, "attention", wrap=True))
            self.add(frame)

    def _facts(self, facts: Sequence[tuple[str, str]]) -> None:
        if not facts:
            return
        frame, inside = card()
        for name, value in facts:
            line = row(spacing=16)
            line.addWidget(label(name, "dim"), 0, Qt.AlignmentFlag.AlignTop)
            line.addStretch(1)
            text = label(value, "bright", wrap=len(value) > 40)
            text.setAlignment(Qt.AlignmentFlag.AlignRight)
            line.addWidget(text, 4 if len(value) > 40 else 0)
            inside.addLayout(line)
        self.add(frame)
