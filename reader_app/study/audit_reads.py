"""The auditor's rules within a read: what may be on the screen, answered, sealed and validated."""

from __future__ import annotations

from reader_app.study import events as ev
from reader_app.study.audit_ledger import Answers, Ledger, milliseconds
from reader_app.study.events import Logged
from reader_app.study.finding import Mark
from reader_app.study.questions import Question


class ReadJudge(Ledger):
    """Judges the events about one case."""

    def displayed(self, entry: Logged, event: ev.CaseDisplayed) -> None:
        """Judge what was on the screen when the clock of a read started."""
        self.turn(event.case_id)
        if self.round is None or event.round_no != self.round.number:
            self.say("round-order", f"Case {event.case_id} was shown in round {event.round_no}, which is not under way.")
        if self.on_screen:
            self.say("case-order", f"Case {event.case_id} was shown over a case that was on the screen.")
        if self.plan.fingerprints.get(event.case_id, event.fingerprint) != event.fingerprint:
            self.say("images", f"Case {event.case_id} was shown with other images than the frozen ones.")
        if not event.panes:
            self.say("images", f"Case {event.case_id} was shown in no pane.")
        for plane in ("coronal", "transverse", "sagittal"):
            shown = any(pane == plane or pane.endswith("." + plane) for pane in event.panes)
            if shown and self.round and self.round.planes and plane not in self.round.planes:
                self.say("images", f"Case {event.case_id} was shown on the {plane} plane, which the round leaves out.")
        longest = self.plan.timing.session_max_min
        now, opened = milliseconds(entry.wall_utc), milliseconds(self.opened_wall)
        if longest and now is not None and opened is not None and now - opened > longest * 60_000 and not self.answers.shown:
            self.say("session-length", f"Case {event.case_id} was begun {(now - opened) // 60_000} minutes into the sitting.")
        self.answers.shown = True
        self.on_screen, self.covered = True, False
        self.displayed_ns = entry.mono_ns
        self.aid_on = event.aid is not None
        if event.aid is None:
            if self.aid_belongs():
                self.say("aid-missing", f"Case {event.case_id} was shown without the aid of its round.")
        else:
            self.aid_look(event.aid)

    def pause(self, event: ev.ReadPaused | ev.ReadResumed) -> None:
        """Judge a pause or its end."""
        self.turn(event.case_id)
        pausing = isinstance(event, ev.ReadPaused)
        if not self.on_screen or self.covered == pausing:
            self.say("pause", f"Case {event.case_id} was {'paused' if pausing else 'continued'} at the wrong moment.")
        self.covered = pausing

    # --- aids ---

    def aid_belongs(self) -> bool:
        """Return whether the aid has to be on the screen now."""
        condition = self.round.condition.value if self.round else "unaided"
        return condition in ("aided_concurrent", "aided_staged") or (condition == "aided_sequential" and self.answers.sealed)

    def aid_look(self, aid: ev.AidShown) -> None:
        """Judge an aid as it stood on the screen."""
        if not self.aid_belongs():
            self.say("aid-unaided", f"The aid {aid.model_id} was on the screen where none is allowed.")
            return
        if self.round and aid.model_id != self.round.aid:
            self.say("aid-wrong", f"The aid was {aid.model_id}, not {self.round.aid}.")
        identity = (aid.prediction_sha256, aid.model_sha256, aid.status, aid.findings)
        if not aid.prediction_sha256 or self.answers.prediction not in (None, identity):
            self.say("aid-wrong", "The aid changed to another prediction within a read, or names none.")
        if aid.findings < 0 or (aid.status != "ok" and aid.findings > 0):
            self.say("aid-wrong", f"The aid of status {aid.status!r} marked {aid.findings} findings.")
        if aid.status not in ("ok", "no_finding", "not_applicable", "failed", "withheld"):
            self.say("aid-wrong", f"The aid had the unknown status {aid.status!r}.")
        if not self.look_allowed(aid.threshold, aid.opacity):
            self.say("aid-wrong", f"The aid was shown at threshold {aid.threshold:g} and opacity {aid.opacity:g}.")
        self.answers.prediction = identity

    def look_allowed(self, threshold: float, opacity: float) -> bool:
        """Return whether the study lets an aid look like that."""
        display = self.plan.display
        if display.reader_may_adjust_aid:
            return min(threshold, opacity) >= 0 and max(threshold, opacity) <= 1
        return threshold == display.aid_threshold and opacity == display.aid_opacity

    def aid_used(self, event: ev.AidAdjusted | ev.AidFindingJudged | ev.AidSeen) -> None:
        """Judge what the reader did with the aid."""
        if not self.aid_on:
            self.say("aid-switched", "The aid was used while it was not in view.")
        if isinstance(event, ev.AidAdjusted):
            if not self.plan.display.reader_may_adjust_aid or not self.look_allowed(event.threshold, event.opacity):
                self.say("aid-wrong", "The look of the aid was changed against the study.")
        elif isinstance(event, ev.AidSeen):
            if not event.slices or any(not 0 <= own.first <= own.index <= own.last for own in event.slices):
                self.say("aid-switched", "The slices on which the aid was seen are none.")
        else:
            self.verdict(event)

    def verdict(self, event: ev.AidFindingJudged) -> None:
        """Judge what the reader said of a finding of the aid."""
        if not self.plan.display.reader_judges_findings or event.verdict not in ("accepted", "rejected", ""):
            self.say("aid-switched", "A finding of the aid was judged where the study does not ask for it.")
        findings = self.answers.prediction[3] if self.answers.prediction else 0
        if findings and event.finding not in [str(number + 1) for number in range(findings)]:
            self.say("aid-switched", f"The aid has no finding {event.finding}.")
        self.answers.verdicts[event.finding] = event.verdict

    def aid_event(self, event: ev.AidRevealed | ev.AidHidden | ev.AidShownAgain | ev.InitialSealed) -> None:
        """Judge sealing, revealing and switching."""
        match event:
            case ev.InitialSealed():
                if self.answers.sealed or not self.round or self.round.condition.value != "aided_sequential":
                    self.say("sealed", "An answer was sealed in a round without sealing, or a second time.")
                if not self.answers.equal(event, self.counted(event.case_id)):
                    self.say("sealed", "The sealed answer is not what had been answered.")
                self.complete(event, "sealed")
                self.answers.sealed = True
            case ev.AidRevealed(aid=aid):
                if not self.answers.sealed or self.answers.revealed:
                    self.say("sealed", "The aid was revealed before the answer was sealed, or a second time.")
                self.aid_look(aid)
                self.answers.revealed = self.aid_on = True
            case _:
                hiding = isinstance(event, ev.AidHidden)
                if not self.plan.display.reader_may_hide_aid or self.aid_on != hiding:
                    self.say("aid-switched", f"The aid was switched {'off' if hiding else 'on'} against the rules.")
                if isinstance(event, ev.AidShownAgain):
                    self.aid_look(event.aid)
                self.aid_on = not hiding

    # --- answers ---

    def answered(self, event: ev.Assessed | ev.Scored | ev.Answered | ev.Noted | ev.MarkPlaced | ev.MarkRemoved) -> None:
        """Judge one answer and remember it."""
        rules, answers = self.plan.assessment, self.answers
        match event:
            case ev.Assessed(unit=unit, category=category):
                self.value(event.case_id, unit, category in rules.categories, f"category {category}")
                answers.categories[unit] = category
            case ev.Scored(unit=unit, score=score):
                self.value(event.case_id, unit, 0 <= score <= 100 and rules.score_kind != "none", f"score {score}")
                answers.scores[unit] = score
            case ev.Answered():
                self.replied(event)
            case ev.Noted(text=text):
                if not rules.note_allowed:
                    self.say("answer", "A note was written where the study allows none.")
                answers.note = text
            case ev.MarkPlaced(mark=mark):
                if not rules.marks_allowed or not (mark.score is None or 0 <= mark.score <= 100) or not _is_shape(mark):
                    self.say("answer", f"Mark {mark.mark_id} is not one that the study allows.")
                answers.marks[mark.mark_id] = mark
            case _:
                mark_id = event.mark_id
                if answers.marks.pop(mark_id, None) is None:
                    self.say("answer", f"Mark {mark_id} was taken back without having been placed.")

    def value(self, case_id: str, unit: str, allowed: bool, what: str) -> None:
        """Note an answer that the study does not allow for this unit."""
        if not allowed or unit not in self.plan.units.get(case_id, ()):
            self.say("answer", f"The {what} for {unit} of case {case_id} is not one that the study allows.")

    def complete(self, event: ev.InitialSealed | ev.ReadSubmitted, code: str) -> None:
        """Judge whether every required answer is there."""
        units = set(self.plan.units.get(event.case_id, ()))
        rules = self.plan.assessment
        asked = rules.score_required and rules.score_kind != "none"
        open_questions = [
            question
            for question, unit in self.form(event.case_id)
            if question.required and not event.answers.get(f"{question.question_id}:{unit}")
        ]
        judged = {name for name, verdict in self.answers.verdicts.items() if verdict}
        marked = self.answers.prediction[3] if self.answers.prediction and self.plan.display.findings_must_be_judged else 0
        open_findings = {str(number + 1) for number in range(marked)} - judged
        lacking = units - set(event.categories) or (asked and units - set(event.scores))
        if lacking or open_questions or open_findings:
            self.say(code, f"Case {event.case_id} was locked without every required answer.")

    # --- the form ---

    def form(self, case_id: str) -> list[tuple[Question, str]]:
        """Return the questions that apply as things stand, each with its unit."""
        given = self.answers
        applying: list[tuple[Question, str]] = []
        units = self.plan.units.get(case_id, ())
        found = [f"#{name}" for name in dict.fromkeys(mark.finding_id for mark in given.marks.values())]
        for question in self.plan.questions:
            if question.modalities and (self.plan.modalities or {}).get(case_id) not in question.modalities:
                continue
            for unit in {"unit": units, "case": ("case",), "finding": found}[question.level]:
                when = question.when
                near = [given.categories.get(unit)] if question.level == "unit" else list(given.categories.values())
                said: set[str] = set()
                for other, place in applying:
                    elsewhere = question.level == "case" or (question.level == "finding" and place[0] != "#")
                    if other.question_id == when.question and (place in (unit, "case") or elsewhere):
                        said |= set(given.replies.get((other.question_id, place), ()))
                holds = (
                    (not when.categories or any(category in when.categories for category in near))
                    and (not when.question or bool(said & set(when.answers)))
                    and (not when.marks or (when.marks == "some") == bool(given.marks))
                )
                if holds:
                    applying.append((question, unit))
        return applying

    def counted(self, case_id: str) -> dict[str, tuple[str, ...]]:
        """Return the replies to questions that apply."""
        found = {f"{question.question_id}:{unit}": (question, unit) for question, unit in self.form(case_id)}
        replies = {name: self.answers.replies.get((own.question_id, unit), ()) for name, (own, unit) in found.items()}
        return {name: values for name, values in replies.items() if values}

    def replied(self, event: ev.Answered) -> None:
        """Judge a reply to a question of the form and remember it."""
        fitting = [own for own, unit in self.form(event.case_id) if (own.question_id, unit) == (event.question, event.unit)]
        if not fitting:
            self.say("answer", f"Question {event.question} was answered for {event.unit} where it is not asked.")
        elif not is_reply(fitting[0], event.values):
            self.say("answer", f"The answer to question {event.question} is not one that the study allows.")
        self.answers.replies[event.question, event.unit] = event.values

    def submitted(self, entry: Logged, event: ev.ReadSubmitted) -> None:
        """Judge a validated read."""
        if self.round is None or event.round_no != self.round.number:
            self.say("round-order", f"Case {event.case_id} was validated in round {event.round_no}, which is not under way.")
        key = (event.round_no, event.case_id)
        times = self.read_times[key] = self.read_times.get(key, 0) + 1
        planned = self.round.order.count(event.case_id) if self.round and times > 1 else 1  # counting takes long in a long round
        if times > max(planned, 1) or event.occurrence != times:
            self.say("read-twice", f"Case {event.case_id} was validated {times} times in round {event.round_no}.")
        self.complete(event, "incomplete")
        if not self.answers.equal(event, self.counted(event.case_id)):
            self.say("altered", f"The validated answer to case {event.case_id} is not what had been answered.")
        if self.round and self.round.condition.value == "aided_sequential" and not self.answers.revealed:
            self.say("sealed", f"Case {event.case_id} was validated before its aid was revealed.")
        if entry.mono_ns - self.displayed_ns < self.plan.timing.min_display_ms * 1_000_000:
            self.say(
                "too-soon",
                f"Case {event.case_id} was validated {(entry.mono_ns - self.displayed_ns) / 1e6:.0f} ms after its display.",
            )
        self.left_at.setdefault(key, frozenset(event.categories.values()))
        self.read_in_round += 1
        self.read_in_sitting += 1
        self.to_tell = event.case_id if self.round and self.round.feedback else ""
        if event.case_id in self.waiting:
            self.waiting.remove(event.case_id)
        self.answers = Answers()
        self.on_screen = self.covered = self.aid_on = False


def is_reply(question: Question, values: tuple[str, ...]) -> bool:
    """Return whether values can answer a question."""
    allowed = set(question.choices) if question.kind == "choice" else {"yes", "no"}
    if len(values) > (len(allowed) if question.many and question.kind == "choice" else 1):
        return False
    if question.kind in ("number", "scale"):
        if question.kind == "scale" and not all(set(value) <= set("0123456789") for value in values):
            return False
        numbers = [number for value in values if (number := _number(value)) is not None]
        low, high = question.low, question.high
        return len(numbers) == len(values) and all((low is None or n >= low) and (high is None or n <= high) for n in numbers)
    return question.kind == "text" or (set(values) <= allowed and len(set(values)) == len(values))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _is_shape(mark: Mark) -> bool:
    sizes = {"point": 0, "outline": 0, "box": len(mark.index), "ellipse": len(mark.index)}
    corners = len(mark.outline) >= 3 if mark.kind == "outline" else not mark.outline
    flat = all(len(corner) == len(mark.index) for corner in mark.outline)
    return len(mark.index) in (2, 3) and sizes.get(mark.kind) == len(mark.extent) and corners and flat
