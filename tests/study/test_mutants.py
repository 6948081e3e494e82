"""Planted protocol bugs: the state machine with the auditor as oracle must kill every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from study.protocol_machine import ProtocolMachine

from reader_app.errors import ProtocolViolation
from reader_app.study import commands, events, readrules, session, state
from reader_app.study.definition import Condition

Patch = Callable[[pytest.MonkeyPatch], None]


def both(patch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    """Replace a function in every module of the machine that holds it."""
    for module in (session, state, readrules):
        if hasattr(module, name):
            patch.setattr(module, name, value)


def evolving(change: Callable[[Any, Any, Any, Any], Any]) -> Patch:
    """Return a patch of ``evolve``: ``change(plan, before, event, after)`` gives the wrong state."""
    right = session.evolve

    def wrong(plan: Any, before: Any, event: Any) -> Any:
        return change(plan, before, event, right(plan, before, event))

    return lambda patch: patch.setattr(session, "evolve", wrong)


def answer_carried_over(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, draft=before.draft) if isinstance(event, events.ReadSubmitted) else after


def restart_from_first_case(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, index=0) if isinstance(event, events.SessionResumed) else after


def aid_flag_left_on(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, aid_visible=before.aid_visible) if isinstance(event, events.ReadSubmitted) else after


def aid_flag_survives_crash(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, aid_visible=before.aid_visible) if isinstance(event, events.SessionResumed) else after


def seal_lost_in_crash(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, sealed=None) if isinstance(event, events.SessionResumed) else after


def draft_lost_in_crash(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, draft=session.Draft()) if isinstance(event, events.SessionResumed) else after


def seal_kept_for_next_case(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, sealed=before.sealed) if isinstance(event, events.ReadSubmitted) else after


def resumed_as_displayed(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return before if isinstance(event, events.SessionResumed) and before.displayed else after


def washout_a_day_short(patch: pytest.MonkeyPatch) -> None:
    right = state.add_days
    patch.setattr(state, "add_days", lambda day, days: right(day, days - 1))


def aid_in_every_round(patch: pytest.MonkeyPatch) -> None:
    both(patch, "aid_due", lambda entry, now: entry.aid is not None or entry.condition is not Condition.UNAIDED)


def any_aid_accepted(patch: pytest.MonkeyPatch) -> None:
    both(patch, "check_aid", lambda plan, now, aid: None)


def stale_commands_accepted(patch: pytest.MonkeyPatch) -> None:
    right = session.decide

    def wrong(plan: Any, now: Any, command: Any) -> Any:
        return right(plan, now, replace(command, revision=now.revision) if hasattr(command, "revision") else command)

    patch.setattr(session, "decide", wrong)


def score_never_required(patch: pytest.MonkeyPatch) -> None:
    right = state._unanswered
    patch.setattr(state, "_unanswered", lambda *given: [need for need in right(*given) if not need.startswith("score")])


def derived_round_of_all_cases(patch: pytest.MonkeyPatch) -> None:
    both(patch, "round_cases", lambda plan, now, number: plan.round(number).order)


def answers_under_the_cover(patch: pytest.MonkeyPatch) -> None:
    right = state.legal_commands

    def wrong(plan: Any, now: Any) -> Any:
        extra = {commands.Assess} if now.phase is session.Phase.PAUSED else set()
        return right(plan, now) | extra

    both(patch, "legal_commands", wrong)


def aid_revealed_before_the_answer(patch: pytest.MonkeyPatch) -> None:
    right = state.legal_commands

    def wrong(plan: Any, now: Any) -> Any:
        needs = state.missing(plan, now)
        return right(plan, now) | ({commands.RevealAid} if needs and needs[-1] == "aid" and now.displayed else set())

    both(patch, "legal_commands", wrong)


def aid_hidden_everywhere(patch: pytest.MonkeyPatch) -> None:
    right = state.legal_commands
    both(patch, "legal_commands", lambda plan, now: right(plan, now) | ({commands.HideAid} if now.aid_visible else set()))


def category_outside_the_study(patch: pytest.MonkeyPatch) -> None:
    def wrong(plan: Any, now: Any, command: Any) -> Any:
        return (events.Assessed(command.case_id, command.unit, command.category),)

    patch.setitem(session._HANDLERS, commands.Assess, wrong)


def wrong_images_accepted(patch: pytest.MonkeyPatch) -> None:
    right = session._display

    def wrong(plan: Any, now: Any, command: Any) -> Any:
        expected = plan.fingerprints.get(command.case_id, command.fingerprint)
        made = right(plan, now, replace(command, fingerprint=expected))[0]
        return (replace(made, fingerprint=command.fingerprint),)

    patch.setitem(session._HANDLERS, commands.DisplayCase, wrong)


def round_left_open(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(session._HANDLERS, commands.SubmitRead, lambda plan, now, command: right(plan, now, command)[:1])
    right = session._submit


def feedback_skipped(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, feedback=None)


def feedback_lost_in_crash(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, feedback=None) if isinstance(event, events.SessionResumed) else after


def questionnaire_asked_again(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, filled=before.filled)


def repeat_not_kept(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, repeats=before.repeats)


def verdicts_kept_for_next_case(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, verdicts=before.verdicts) if isinstance(event, events.ReadSubmitted) else after


def sittings_not_counted(plan: Any, before: Any, event: Any, after: Any) -> Any:
    return replace(after, sitting=1) if isinstance(event, events.SessionOpened) else after


def questionnaire_passed_over(patch: pytest.MonkeyPatch) -> None:
    both(patch, "due_questionnaire", lambda plan, now: None)


def sitting_closed_unasked(patch: pytest.MonkeyPatch) -> None:
    both(patch, "closing_questionnaire", lambda plan, now: None)


def half_a_questionnaire_taken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session, "wrong_answers", lambda own, answers: "")


def repeat_taken_for_the_first(patch: pytest.MonkeyPatch) -> None:
    both(patch, "due_occurrence", lambda now: 1)


def findings_need_no_verdict(patch: pytest.MonkeyPatch) -> None:
    right = state.missing
    both(patch, "missing", lambda plan, now: tuple(need for need in right(plan, now) if not need.startswith("finding")))


def verdict_on_no_finding(patch: pytest.MonkeyPatch) -> None:
    def wrong(plan: Any, now: Any, command: Any) -> Any:
        return (events.AidFindingJudged(command.case_id, command.finding, "accepted"),)

    patch.setitem(session._HANDLERS, commands.JudgeAidFinding, wrong)


def aid_seen_while_hidden(patch: pytest.MonkeyPatch) -> None:
    right = state.legal_commands
    both(patch, "legal_commands", lambda plan, now: right(plan, now) | ({commands.SeeAid} if now.displayed else set()))


def scale_takes_fractions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(readrules, "wrong_answer", lambda question, values: "")


def another_model_under_the_same_prediction(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(readrules, "_identity", lambda aid: (aid.prediction_sha256, "", aid.status, aid.findings))


MUTANTS: dict[str, Patch] = {
    "feedback skipped": evolving(feedback_skipped),
    "feedback lost in a crash": evolving(feedback_lost_in_crash),
    "questionnaire asked again": evolving(questionnaire_asked_again),
    "repeat not kept": evolving(repeat_not_kept),
    "verdicts kept for the next case": evolving(verdicts_kept_for_next_case),
    "sittings not counted": evolving(sittings_not_counted),
    "questionnaire passed over": questionnaire_passed_over,
    "sitting closed unasked": sitting_closed_unasked,
    "half a questionnaire taken": half_a_questionnaire_taken,
    "repeat taken for the first": repeat_taken_for_the_first,
    "findings need no verdict": findings_need_no_verdict,
    "verdict on no finding": verdict_on_no_finding,
    "aid seen while hidden": aid_seen_while_hidden,
    "scale takes fractions": scale_takes_fractions,
    "another model under the same prediction": another_model_under_the_same_prediction,
    "answer carried into the next case": evolving(answer_carried_over),
    "restart from the first case": evolving(restart_from_first_case),
    "aid flag left on between cases": evolving(aid_flag_left_on),
    "aid flag survives a crash": evolving(aid_flag_survives_crash),
    "seal lost in a crash": evolving(seal_lost_in_crash),
    "draft lost in a crash": evolving(draft_lost_in_crash),
    "seal kept for the next case": evolving(seal_kept_for_next_case),
    "a crash needs no new display": evolving(resumed_as_displayed),
    "washout a day short": washout_a_day_short,
    "aid in every round": aid_in_every_round,
    "any aid accepted": any_aid_accepted,
    "stale commands accepted": stale_commands_accepted,
    "score never required": score_never_required,
    "derived round of all cases": derived_round_of_all_cases,
    "answers under the cover": answers_under_the_cover,
    "aid revealed before the answer": aid_revealed_before_the_answer,
    "aid hidden everywhere": aid_hidden_everywhere,
    "category outside the study": category_outside_the_study,
    "wrong images accepted": wrong_images_accepted,
    "round left open": round_left_open,
}


#: Enough for the rarest of them (a sealed answer, then a crash before it is validated); the run ends at the first discovery.
EXAMPLES = 1500


def run(examples: int) -> None:
    run_state_machine_as_test(
        ProtocolMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_bug_is_killed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    with pytest.raises((AssertionError, ProtocolViolation, IndexError, KeyError)):
        run(EXAMPLES)


def test_the_right_machine_survives_the_same_run() -> None:
    run(40)
