"""The auditor's rules between cases: feedback in training, and questionnaires."""

from __future__ import annotations

from reader_app.study import events as ev
from reader_app.study.audit_reads import ReadJudge, is_reply
from reader_app.study.questionnaires import Questionnaire

#: What may happen while a reference has still to be told: nothing that goes on with the reading.
_MEANWHILE = (
    ev.SessionOpened | ev.SessionResumed | ev.Disturbed | ev.DisplayChanged | ev.FeedbackSeen
    | ev.RoundUnlocked | ev.ReadVoided | ev.CaseWithdrawn | ev.PlanAmended | ev.ReaderRetired
)  # fmt: skip


class BlockJudge(ReadJudge):
    """Judges what comes between the cases."""

    def between(self, event: ev.Event) -> None:
        """Judge whether something that had to come first was passed over."""
        if self.to_tell and not isinstance(event, _MEANWHILE):
            self.say("feedback", f"{type(event).__name__} came before the reference of case {self.to_tell} was told.")
        if isinstance(event, ev.CaseDisplayed) or (isinstance(event, ev.RoundStarted) and event.cases):
            for name, number, count in self.due_blocks():
                self.say("questionnaire", f"Questionnaire {name} (round {number}, {count} cases) was passed over.")
        if isinstance(event, ev.SessionClosed):
            for name, _, _ in self.due_blocks() or self.due_at_close():
                self.say("questionnaire", f"The sitting was closed without questionnaire {name}.")

    def told(self, event: ev.FeedbackSeen) -> None:
        """Judge the telling of a reference."""
        if event.case_id != self.to_tell or self.round is None or event.round_no != self.round.number or event.shown_ms < 0:
            self.say("feedback", f"The reference of case {event.case_id} was told where none was due.")
        self.to_tell = ""

    def due_blocks(self) -> list[tuple[str, int, int]]:
        """Return the occasions on which a questionnaire must be answered before the reading goes on."""
        found = []
        for own in self.plan.questionnaires:
            if own.when == "after_cases" and self.round is not None:
                number, count = self.round.number, self.read_in_round
                timely = count > 0 and count % own.every == 0
            elif own.when == "round_end" and self.round is None:
                number, count = self.last_read_round, 0
                timely = number > 0
            else:
                continue
            if timely and self._about(own, number) and (own.questionnaire_id, number, count) not in self.filled:
                found.append((own.questionnaire_id, number, count))
        return found

    def due_at_close(self) -> list[tuple[str, int, int]]:
        """Return the occasions on which a questionnaire must be answered before the sitting ends."""
        own = [(q.questionnaire_id, 0, self.sittings) for q in self.plan.questionnaires if q.when == "session_end"]
        return [occasion for occasion in own if self.read_in_sitting and occasion not in self.filled]

    def _about(self, questionnaire: Questionnaire, number: int) -> bool:
        counting = [entry.number for entry in self.plan.rounds if number in questionnaire.rounds or not entry.training]
        return number in counting and (not questionnaire.rounds or number in questionnaire.rounds)

    def filled_in(self, event: ev.QuestionnaireAnswered) -> None:
        """Judge an answered questionnaire."""
        occasion = (event.questionnaire, event.round_no, event.count)
        known = {own.questionnaire_id: own for own in self.plan.questionnaires}
        if self.to_tell or (self.on_screen and not self.covered):
            self.say("questionnaire", f"Questionnaire {event.questionnaire} was answered at the wrong moment.")
        if occasion not in (self.due_blocks() or self.due_at_close()) or event.questionnaire not in known:
            self.say("questionnaire", f"Questionnaire {event.questionnaire} was answered where it was not due.")
        else:
            self._form_of(known[event.questionnaire], event)
        self.filled.add(occasion)

    def _form_of(self, questionnaire: Questionnaire, event: ev.QuestionnaireAnswered) -> None:
        said: dict[str, tuple[str, ...]] = {}
        for question in questionnaire.questions:
            if question.when.question and not set(said.get(question.when.question, ())) & set(question.when.answers):
                continue
            values = event.answers.get(f"{question.question_id}:case", ())
            said[question.question_id] = values
            if not is_reply(question, values) or (question.required and not values):
                self.say("questionnaire", f"Question {question.question_id} of {event.questionnaire} is not answered as it must.")
        strange = {name.rpartition(":")[0] for name in event.answers} - set(said)
        if strange or event.shown_ms < 0:
            self.say("questionnaire", f"Questionnaire {event.questionnaire} holds what was not asked.")
