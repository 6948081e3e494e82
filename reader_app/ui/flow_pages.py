"""What the pages of a sitting say, and what their buttons do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from reader_app import paths
from reader_app.errors import Fault, LogFault
from reader_app.reading.prepare import preflight
from reader_app.store.chain import head_code
from reader_app.study.assignment import RoundPlan
from reader_app.study.definition import Condition
from reader_app.study.session import Phase, SessionState, current_round, next_round, round_cases, round_opens
from reader_app.ui.language import tr, use
from reader_app.ui.panels import wording
from reader_app.ui.panels.pages import Receipt
from reader_app.ui.screens import pixels_per_mm
from reader_app.ui.tour import tour

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


def capitalised(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _cases_read(count: int) -> str:
    return tr("1 case read") if count == 1 else tr("{n} cases read", n=count)


def _reads_in(state: SessionState, round_no: int) -> int:
    """Return how many cases were read in a round; one that came again counts again, so that no number tells of it."""
    return sum(key[0] == round_no for key in state.answers) + sum(key[0] == round_no for key in state.repeats)


class FlowPages:
    """Writes the pages for a flow.

    Parameters
    ----------
    flow : ReadingFlow
    """

    def __init__(self, flow: ReadingFlow) -> None:
        self._flow = flow
        self._retry = ""
        self._checked: set[int] = set()  # rounds found sound in this sitting
        self._checking = False
        self._begin_when_checked = False
        self._receipt: Receipt | None = None
        self._pattern_shown = False

    # --- pages --------------------------------------------------------------------------------------------------------------

    def login(self) -> None:
        """Ask who reads."""
        study = self._flow.folder.definition
        only = self._flow.folder.station_reader
        readers = [(own.reader_id, "") for own in self._flow.folder.readers if only in (None, own.reader_id)]
        self._flow.window.page.show_login(study.title, study.description, study.notice, readers)
        self._flow.window.banner.show_place(study.title, "", "")
        self._flow.window.show_page()

    def round_chip(self, entry: RoundPlan) -> str:
        """Return "Round 2 of 3 · with aid"."""
        total = 0 if self._flow.plan is None else len(self._flow.plan.rounds)
        words = entry.title or wording.condition(entry.condition)
        if entry.training and tr("training") not in words.lower():
            words = f"{tr('training')} · {words}"
        return tr("Round {n} of {total} · {condition}", n=entry.number, total=total, condition=words)

    def between(self) -> None:
        """Show what comes next when no case is on the screen: a round, a wait, or the end."""
        flow, state = self._flow, self._flow.state
        plan = flow.plan
        if plan is None or state.phase is Phase.CLOSED:
            return
        entry = current_round(plan, state) or next_round(plan, state)
        if entry is None:
            self.round_finished([])
            return
        opens = round_opens(plan, state, entry.number) if state.round_no is None else None
        today = flow.clock.now().wall_utc[:10]
        if opens is not None and today < opens:
            facts = self._facts(entry)[:1]
            flow.window.page.show_washout(tr("Round {n}", n=entry.number), self.round_chip(entry), opens, facts)
        else:
            self._show_round(entry)
            self._check(entry)
        flow.window.show_page()

    def _show_round(self, entry: RoundPlan) -> None:
        flow, state = self._flow, self._flow.state
        started = state.round_no is not None
        place = tr("Case {n} of {total}", n=state.index + 1, total=len(state.case_order))
        title = tr("Continue with {case}", case=place) if started else capitalised(entry.title or self.round_chip(entry))
        sentences = [wording.condition_sentence(entry.condition)]
        if entry.refines is not None and entry.condition is not Condition.UNAIDED:
            shown = tr("Your earlier answer is shown beside the question.") if entry.show_earlier_answer else ""
            sentences.append(shown)
        sentences.append(tr("A validated case is locked: there is no way back to it. P pauses and covers the images."))
        study = flow.folder.definition
        flow.window.page.show_round(
            title,
            self.round_chip(entry),
            [own for own in sentences if own],
            study.notice,
            self._facts(entry),
            flow.display.warnings(),
        )

    def _facts(self, entry: RoundPlan) -> list[tuple[str, str]]:
        flow, state = self._flow, self._flow.state
        plan = flow.plan
        if plan is None:
            return []
        cases = state.case_order if state.round_no == entry.number else round_cases(plan, state, entry.number)
        facts = [(tr("Cases in this round"), str(len(cases)))]
        model = next((own for own in flow.folder.definition.models if own.model_id == entry.aid), None)
        if entry.aid is not None and model is not None:
            facts.append((tr("Aid"), model.title or model.model_id))
            if model.explanation:
                facts.append((tr("What it is"), model.explanation))
        facts.append((tr("Answers"), " · ".join(plan.assessment.categories)))
        if plan.timing.idle_pause_s:
            facts.append((tr("Pauses by itself after"), tr("{n} s without input", n=plan.timing.idle_pause_s)))
        return facts

    def round_finished(self, numbers: Sequence[int]) -> None:
        """Say that one or more rounds are finished, and what follows."""
        flow, state, plan = self._flow, self._flow.state, self._flow.plan
        if plan is None:
            return
        entry = next_round(plan, state)
        sentences: list[str] = []
        if entry is not None:
            opens = round_opens(plan, state, entry.number)
            later = opens is not None and flow.clock.now().wall_utc[:10] < opens
            chip = self.round_chip(entry)
            sentences.append(tr("{round} opens on {day}.", round=chip, day=opens) if later else tr("Next: {round}.", round=chip))
        counts = [
            (self.round_chip(plan.round(number)), _cases_read(_reads_in(state, number)))
            for number in (numbers or sorted(state.finished))
        ]
        title = tr("All rounds are finished") if entry is None else tr("Round {n} is finished", n=max(numbers, default=0))
        flow.window.page.show_round_finished(title, sentences, counts, entry is not None)
        flow.window.banner.show_progress(None, 0, "")
        flow.window.allow(frozenset())
        flow.window.show_page()

    def enough(self) -> None:
        """The sitting has lasted as long as the protocol allows."""
        self._flow.window.page.show_enough()
        self._flow.window.show_page()

    def rest(self) -> None:
        """Propose a break between two cases."""
        self._flow.window.page.show_break()
        self._flow.window.show_page()

    def receipt(self) -> None:
        """Show the receipt of the closed session and keep a second copy of the log."""
        flow = self._flow
        if flow.plan is None or flow.log is None:
            return
        seq, digest = flow.log.head()
        state = flow.state
        lines = []
        for entry in flow.plan.rounds:
            read = _reads_in(state, entry.number)
            if read:
                lines.append(f"{self.round_chip(entry)}: " + _cases_read(read))
        self._receipt = Receipt(
            flow.plan.reader_id, flow.plan.study_id, seq, head_code(digest), flow.clock.now().wall_utc, tuple(lines)
        )
        finished = all(entry.number in state.finished for entry in flow.plan.rounds)
        flow.window.page.show_receipt(self._receipt, finished, (self._home_copy(), flow.log_copy.sentence()))
        flow.window.banner.show_progress(None, 0, "")
        flow.window.allow(frozenset())
        flow.window.show_page()

    def _home_copy(self) -> str:
        """Copy the log to the user's data folder; return what was done in a sentence."""
        flow = self._flow
        if flow.log is None or flow.plan is None:
            return ""
        target = paths.data_dir() / "log-copies" / flow.plan.study_id / f"{flow.plan.reader_id}.readlog"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            flow.log.copy_to(target)
        except (OSError, LogFault):
            return tr("No copy of the log could be kept on this computer.")
        return tr("A copy of the log lies in {file}", file=str(target))

    def faults(self, title: str, faults: Sequence[Fault], reader_id: str = "") -> None:
        """List what stands in the way."""
        self._retry = f"reader:{reader_id}" if reader_id else "recheck"
        intro = tr("Nothing has been read or changed. Please tell the coordinator.")
        self._flow.window.page.show_faults(title, intro, faults, True)
        self._flow.window.show_page()

    def stop(self, title: str, sentence: str, retry: str) -> None:
        """Say that reading has stopped."""
        self._retry = retry
        kept = tr("Everything marked as saved is safe. Images stay covered until this is mended.")
        self._flow.window.page.show_stop(title, sentence, kept)
        self._flow.window.show_page()

    def edit_keys(self) -> None:
        """Open the window for changing keys."""
        from reader_app.ui.keys_window import KeysWindow

        KeysWindow(self._flow.window).open()

    # --- language, settings, tour, display ------------------------------------------------------------------------------------

    def _use_language(self, code: str) -> None:
        """Change the language before log-in; what is on the screen by then is written again."""
        window = self._flow.window
        use(code)
        window.preferences.language = code
        window.preferences.save()
        window.retranslate()
        self.again()

    def again(self) -> None:
        """Write the page that is on the screen once more, as things stand now."""
        name = self._flow.window.page.name
        if name.startswith("pin"):
            self._flow.identity.again()
        elif name == "login":
            self.login()
        elif name == "round":
            self.between()

    def settings(self) -> None:
        """Open the settings of the workstation."""
        from reader_app.ui.settings_window import SettingsWindow

        window = self._flow.window
        dialog = SettingsWindow(window, window.preferences)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.kept.connect(self.again)
        dialog.finished.connect(lambda _: window.page.take_focus())
        dialog.open()

    def _check_display(self, begins: bool = False) -> None:
        """Show the test pattern; where it stands before the first case, the round begins with the answer."""
        from reader_app.ui.display_check import DisplayCheck

        window = self._flow.window
        steps = () if window.preferences.tour_seen or not begins else tour(window.keys)
        dialog = DisplayCheck(window, pixels_per_mm(window.screen(), window.preferences), steps, begins)
        dialog.measured.connect(self._screen_measured)
        dialog.finished.connect(lambda _: window.page.take_focus())  # Enter goes on, it does not open the check again
        dialog.answered.connect(partial(self._display_answered, begins))
        dialog.open()

    def _screen_measured(self, per_mm: float) -> None:
        window = self._flow.window
        window.preferences.pixels_per_mm[window.screen().name()] = round(per_mm, 4)
        window.preferences.save()
        window.measure_screen()

    def _display_answered(self, begins: bool, seen: bool) -> None:
        window = self._flow.window
        self._pattern_shown = True
        window.preferences.tour_seen = window.preferences.tour_seen or begins
        self._flow.display.answered(seen)
        if not seen:
            window.key_bar.say(tr("Please tell the coordinator before you read on this screen."))
        elif begins:
            self._begin()

    # --- the check before a round -------------------------------------------------------------------------------------------

    def _check(self, entry: RoundPlan) -> None:
        flow, number = self._flow, entry.number
        if flow.plan is None or number in self._checked or self._checking:
            return
        self._checking = True
        future = flow.loader_thread.submit(preflight, flow.folder, flow.plan.reader_id, number, log=flow.log, clock=flow.clock)
        future.add_done_callback(lambda done: flow.main_thread.post(lambda: self._found(number, done.result())))

    def _found(self, number: int, faults: Sequence[Fault]) -> None:
        self._checking = False
        if faults:
            self._begin_when_checked = False
            self._flow.exit_status = 1
            self.faults(tr("Round {n} cannot begin on this computer", n=number), faults)
            return
        self._checked.add(number)
        self._flow.exit_status = 0
        if self._begin_when_checked:
            self._begin_when_checked = False
            self._flow.begin_round()

    def is_checking(self) -> bool:
        """Return whether the check of the coming round is under way."""
        return self._checking

    # --- buttons ------------------------------------------------------------------------------------------------------------

    def choose(self, name: str) -> None:
        """A button of a page was pressed."""
        flow = self._flow
        if name in ("retry", "retry-log", "reload"):
            name = self._retry
        if name.startswith("reader:"):
            flow.log_in(name.removeprefix("reader:"))
        elif name == "login":
            self.login()
        elif name.startswith("language:"):
            self._use_language(name.removeprefix("language:"))
        elif name == "display":
            self._check_display()
        elif name == "settings":
            self.settings()
        elif name == "pin":
            flow.identity.given(flow.window.page.entered_pin())
        elif name == "without-pin":
            flow.identity.without()
        elif name == "start":
            self._begin()
        elif name == "go-on":
            flow.refresh()
        elif name == "hand-in":
            flow.questionnaires.hand_in()
        elif name == "feedback-read":
            flow.feedback.go_on()
        elif name in ("next", "recheck"):
            flow.refresh_between()
        elif name == "retry-log" and flow.conductor is not None:
            flow.conductor.retry()
        elif name == "reload" and flow.feed is not None:
            flow.stopped = False
            flow.refresh()
            flow.feed.again()
        elif name == "end":
            flow.end_session()
        elif name == "close":
            flow.window.close()
        elif name == "copy" and self._receipt is not None:
            QGuiApplication.clipboard().setText(self._receipt.as_text())

    def _begin(self) -> None:
        plan, state = self._flow.plan, self._flow.state
        entry = None if plan is None else current_round(plan, state) or next_round(plan, state)
        if entry is None:
            return
        if not self._pattern_shown and self._flow.display.is_check_due():
            self._check_display(begins=True)
        elif entry.number in self._checked:
            self._flow.begin_round()
        else:
            self._begin_when_checked = True
            self._check(entry)
