"""The property-based machine: any sequence of commands, crashes and clock steps, with the auditor as oracle."""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from study.protocols import PROTOCOLS, Bench, plan_of

from reader_app.errors import ProtocolViolation
from reader_app.study import audit as judge
from reader_app.study import commands as asked
from reader_app.study import events as happened
from reader_app.study import readtable, session
from reader_app.study.assessment import CATEGORIES
from reader_app.study.finding import Mark
from reader_app.study.state import Phase

COMMANDS: tuple[type, ...] = typing.get_args(asked.Command)
OVERRIDES: tuple[type, ...] = typing.get_args(asked.Override)
READER_COMMANDS: tuple[type, ...] = tuple(kind for kind in COMMANDS if kind not in (*OVERRIDES, asked.ReportDisturbance))

#: A disturbance is a deviation by itself; a read may end sooner in a trial than the conductor lets it.
EXPECTED = {"too-soon", "suspend", "stall", "clock"}

#: What all machines of this process have done; the long run asks for a number of steps.
done: Counter[str] = Counter()


class ProtocolMachine(RuleBasedStateMachine):
    """Conducts one reader's study in every way that commands allow."""

    bench: Bench

    @initialize(name=strategies.sampled_from(sorted(PROTOCOLS)), count=strategies.integers(1, 8))
    def begin(self, name: str, count: int) -> None:
        self.bench = Bench(plan_of(name, count))
        self.judge = judge.Judge(self.bench.plan)
        self.judged = 0
        self.displays = 0
        self.active_ns = 0  # reading time of the reads validated so far, kept apart from readtable
        self.read_ns = 0
        self.unlogged_ns = 0  # part of it since the last event: lost in a crash

    # --- steps ---

    @rule(data=strategies.data(), seconds=strategies.integers(1, 400))
    def legal_step(self, data: strategies.DataObject, seconds: int) -> None:
        """A command of a legal type with fitting contents is accepted."""
        self.pass_time(seconds)
        possible = session.legal_commands(self.bench.plan, self.bench.state) - {asked.ReportDisturbance}
        legal = sorted(possible, key=lambda kind: kind.__name__)
        wanted = data.draw(strategies.sampled_from(legal))
        if wanted is asked.StartRound:
            self.start_round(data.draw(strategies.booleans()))
            return
        self.perform(self.fitting(wanted, data))

    @rule(data=strategies.data())
    def any_step(self, data: strategies.DataObject) -> None:
        """A nearly right command is carried out if it is accepted, and changes nothing if it is refused."""
        _, command = data.draw(strategies.sampled_from(list(self.nearby(data.draw(strategies.sampled_from(READER_COMMANDS))))))
        before = self.bench.state
        size = len(self.bench.log)
        try:
            self.perform(command)
        except ProtocolViolation:
            assert self.bench.state is before and len(self.bench.log) == size

    @rule(
        data=strategies.data(),
        seconds=strategies.integers(1, 100),
        halt=strategies.sampled_from(["", "", "", "", "displayed", "paused", "half answered", "answered", "revealed"]),
    )
    def whole_read(self, data: strategies.DataObject, seconds: int, halt: str) -> None:
        """A read from wherever the session stands to its validation, or to a halt on the way; gives depth."""
        bench = self.bench
        if bench.state.phase is Phase.CLOSED:
            bench.open()
        if bench.state.feedback is not None or session.due_questionnaire(bench.plan, bench.state) is not None:
            self.every_nearby_command()
        bench.clear_way()
        if session.next_round(bench.plan, bench.state) is not None:
            self.start_round(True)
        if session.due_case(bench.state) is None:
            return  # every case of the round has been withdrawn
        if bench.state.phase is Phase.PAUSED:
            self.perform(asked.Resume(bench.case))
        if bench.state.phase is Phase.DONE:
            return
        if not bench.state.displayed:
            self.perform(bench.display_command())
        self.pass_time(seconds)
        if halt == "paused":
            self.perform(asked.Pause(bench.case, "idle"))
        if halt in ("displayed", "paused"):
            self.every_nearby_command()
            return
        category = data.draw(strategies.sampled_from(bench.plan.assessment.categories))
        for unit in bench.plan.units[bench.case]:
            self.perform(asked.Assess(bench.case, bench.state.revision, unit, category))
            if bench.plan.assessment.score_kind != "none" and halt != "half answered":
                self.perform(asked.GiveScore(bench.case, bench.state.revision, unit, data.draw(strategies.integers(0, 100))))
        if halt != "half answered":
            while wanted := [need for need in session.missing(bench.plan, bench.state) if need.startswith("question:")]:
                _, name, unit = wanted[0].split(":", 2)
                values = data.draw(strategies.sampled_from(possible_answers(bench.plan, name)))
                self.perform(asked.AnswerQuestion(bench.case, bench.state.revision, unit, name, values))
        if halt in ("half answered", "answered"):
            self.every_nearby_command()
            return
        if session.missing(bench.plan, bench.state) == ("aid",):
            self.perform(asked.RevealAid(bench.case, bench.state.revision, bench.aid()))
        self.pass_time(seconds)
        before = len(bench.log)
        bench.judge_findings()
        if len(bench.log) > before:
            self.unlogged_ns = 0
        if halt == "revealed":
            self.every_nearby_command()
            return
        done["reads"] += 1
        self.perform(asked.SubmitRead(bench.case, bench.state.revision, bench.wall))

    @rule(category=strategies.sampled_from(["2", "4A", "5"]), seconds=strategies.integers(1, 50))
    def read_on(self, category: str, seconds: int) -> None:
        """Everything up to the end of the round, without a halt; gives depth to protocols of several rounds."""
        bench = self.bench
        if bench.state.phase in (Phase.PAUSED, Phase.READING):
            return
        if bench.state.phase is Phase.CLOSED:
            bench.open()
        bench.clear_way()
        if bench.state.phase is Phase.DONE:
            return
        if bench.state.round_no is None:
            self.start_round(True)
        known = bench.plan.assessment.categories
        while session.due_case(bench.state) is not None:
            self.perform(bench.display_command())
            self.pass_time(seconds)
            bench.answer(category if category in known else known[-1])
            bench.judge_findings()
            self.unlogged_ns = 0
            if session.missing(bench.plan, bench.state) == ("aid",):
                self.perform(asked.RevealAid(bench.case, bench.state.revision, bench.aid()))
            self.pass_time(seconds)
            done["reads"] += 1
            self.perform(asked.SubmitRead(bench.case, bench.state.revision, bench.wall))
            bench.clear_way()

    @rule()
    def leave(self) -> None:
        """The reader ends the sitting properly, with the questionnaire that comes at its end."""
        bench = self.bench
        if bench.state.phase in (Phase.CLOSED, Phase.READING):
            return
        bench.clear_way()
        if bench.state.phase is Phase.PAUSED:
            self.unlogged_ns = 0
        bench.close()
        done["sittings"] += 1

    @rule(data=strategies.data())
    def override(self, data: strategies.DataObject) -> None:
        """The coordinator steps in: opens a round early, declares a read void, withdraws a case."""
        bench, state = self.bench, self.bench.state
        kinds = session.legal_overrides(bench.plan, state) - {asked.RetireReader}
        if not kinds or not data.draw(strategies.booleans()):
            return
        kind = data.draw(strategies.sampled_from(sorted(kinds, key=lambda own: own.__name__)))
        fields: dict[str, Any] = {"coordinator": "co1", "reason": "agreed with the board", "wall_utc": bench.wall}
        if kind is asked.UnlockRound:
            following = session.next_round(bench.plan, state)
            assert following is not None
            fields["round_no"] = following.number
        if kind is asked.VoidRead:
            first = {(*key, 1) for key in set(state.answers) - state.voided}
            reads = sorted(first | (set(state.repeats) - state.voided_repeats))
            fields["round_no"], fields["case_id"], fields["occurrence"] = data.draw(strategies.sampled_from(reads))
        if kind is asked.WithdrawCase:
            fields["case_id"] = data.draw(strategies.sampled_from(sorted(set(bench.plan.units) - state.withdrawn)))
            if fields["case_id"] == session.due_case(state):
                self.read_ns = 0  # what was read of it is lost
        self.perform(kind(**fields))
        done["overrides"] += 1

    @rule(seconds=strategies.integers(0, 100_000))
    def crash(self, seconds: int) -> None:
        """The program dies; the log alone gives the state back."""
        before = self.bench.state
        self.read_ns -= self.unlogged_ns
        self.unlogged_ns = 0
        self.bench.restart(seconds)
        assert self.bench.state == before, "replay(log) is not the state"
        if before.phase is not Phase.CLOSED:
            self.perform(asked.OpenSession(self.bench.wall))
            assert self.bench.state.draft == before.draft and self.bench.state.sealed == before.sealed

    @rule()
    def every_nearby_command(self) -> None:
        """Every command that is right but for at most one field: legal and without deviation, or refused."""
        bench = self.bench
        legal = session.legal_commands(bench.plan, bench.state) | session.legal_overrides(bench.plan, bench.state)
        for kind in COMMANDS:
            for changed, command in self.nearby(kind):
                done["commands tried"] += 1
                try:
                    events = session.decide(bench.plan, bench.state, command)
                except ProtocolViolation:
                    if changed == "":
                        held_back = kind is asked.StartRound and self.too_early()
                        chosen = kind in (
                            asked.RemoveMark,
                            asked.VoidRead,
                            asked.WithdrawCase,
                        )  # legal for some other mark or case
                        assert kind not in legal or held_back or chosen, f"{command} is legal but was refused"
                    continue
                assert kind in legal and changed != "revision"
                self.judge_catches_up()
                fork = self.judge.fork()
                now = bench.clock.now()
                for number, event in enumerate(events, len(bench.log) + 1):
                    fork.take(happened.Logged(number, f"run{bench.run}", now.mono_ns, now.wall_utc, event))
                assert [deviation for deviation in fork.found if deviation.code not in EXPECTED] == [], command

    # --- what must always hold ---

    @invariant()
    def auditor_finds_nothing(self) -> None:
        done["steps"] += 1
        if not hasattr(self, "bench"):
            return
        self.judge_catches_up()
        assert self.judge.found == []

    @invariant()
    def aid_only_where_it_belongs(self) -> None:
        if not hasattr(self, "bench"):
            return
        state = self.bench.state
        entry = session.current_round(self.bench.plan, state)
        if state.aid_visible:
            assert state.displayed and state.phase in (Phase.READING, Phase.PAUSED)
            assert entry is not None and entry.condition.value != "unaided"
            assert entry.condition.value != "aided_sequential" or state.sealed is not None
        if state.phase in (Phase.BETWEEN, Phase.CLOSED, Phase.DONE):
            assert not state.displayed and not state.aid_visible

    @invariant()
    def revision_counts_displays(self) -> None:
        if hasattr(self, "bench"):
            assert self.bench.state.revision == self.displays

    def teardown(self) -> None:
        if not hasattr(self, "bench"):
            return
        bench = self.bench
        done["studies finished"] += len(bench.state.finished) == len(bench.plan.rounds)
        assert judge.audit(bench.plan, bench.log) == []
        assert session.replay(bench.plan, [entry.event for entry in bench.log]) == bench.state
        table = readtable.reads(bench.plan, bench.log, training=True, void=True)
        assert {(read.round_no, read.case_id) for read in table if read.occurrence == 1} == set(bench.state.answers)
        again = {(read.round_no, read.case_id, read.occurrence) for read in table if read.occurrence > 1}
        assert again == set(bench.state.repeats) and len(table) == len(again) + len(bench.state.answers)
        done["repeats"] += len(again)
        kinds = Counter(type(entry.event).__name__ for entry in bench.log)
        done["questionnaires"] += kinds["QuestionnaireAnswered"]
        done["feedback"] += kinds["FeedbackSeen"]
        for entry in bench.plan.rounds:
            assert far_enough(entry)
        assert sum(round(readtable.active_seconds(read) * 1e9) for read in table) == self.active_ns

    # --- help ---

    def pass_time(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)
        if self.bench.state.phase is Phase.READING:
            self.read_ns += round(seconds * 1e9)
            self.unlogged_ns += round(seconds * 1e9)

    def perform(self, command: asked.Command) -> None:
        if type(command) is asked.SubmitRead:
            self.pass_time(1)
            command = asked.SubmitRead(command.case_id, command.revision, self.bench.wall)
        self.bench.do(command)
        self.unlogged_ns = 0
        if type(command) is asked.DisplayCase:
            self.displays += 1
        if type(command) is asked.SubmitRead:
            self.active_ns += self.read_ns
            self.read_ns = 0

    def judge_catches_up(self) -> None:
        for entry in self.bench.log[self.judged :]:
            self.judge.take(entry)
        self.judged = len(self.bench.log)

    def too_early(self) -> bool:
        bench = self.bench
        entry = session.next_round(bench.plan, bench.state)
        opens = session.round_opens(bench.plan, bench.state, entry.number) if entry else None
        return opens is not None and bench.wall[:10] < opens

    def start_round(self, wait: bool) -> None:
        bench = self.bench
        entry = session.next_round(bench.plan, bench.state)
        assert entry is not None
        if wait:
            bench.start_round()
            return
        early = self.too_early()
        try:
            self.perform(asked.StartRound(entry.number, bench.wall))
        except ProtocolViolation:
            assert early
        else:
            assert not early

    def fitting(self, wanted: type, data: strategies.DataObject) -> Any:
        bench, state, draw = self.bench, self.bench.state, data.draw
        if wanted in (asked.OpenSession, asked.CloseSession):
            return wanted(bench.wall)
        if wanted is asked.DisplayCase:
            return bench.display_command()
        if wanted is asked.AcknowledgeFeedback:
            return asked.AcknowledgeFeedback(state.feedback or "", draw(strategies.integers(0, 9000)), bench.wall)
        if wanted is asked.AnswerQuestionnaire:
            return bench.questionnaire_command()
        if wanted is asked.ReportDisplay:
            return asked.ReportDisplay("left", 2048, 2560, 100, "")
        case, revision = bench.case, state.revision
        unit = draw(strategies.sampled_from(bench.plan.units[case]))
        categories = strategies.sampled_from(bench.plan.assessment.categories)
        made = {
            asked.Assess: lambda: asked.Assess(case, revision, unit, draw(categories)),
            asked.GiveScore: lambda: asked.GiveScore(case, revision, unit, draw(strategies.integers(0, 100))),
            asked.AnswerQuestion: lambda: self.some_answer(data),
            asked.WriteNote: lambda: asked.WriteNote(case, revision, draw(strategies.sampled_from(["", "=1+1", "두 개\n"]))),
            asked.PlaceMark: lambda: asked.PlaceMark(case, revision, draw(good_marks)),
            asked.RemoveMark: lambda: asked.RemoveMark(case, revision, draw(strategies.sampled_from(state.draft.marks)).mark_id),
            asked.RevealAid: lambda: asked.RevealAid(case, revision, bench.aid()),
            asked.HideAid: lambda: asked.HideAid(case, revision),
            asked.ShowAid: lambda: asked.ShowAid(case, revision, bench.aid()),
            asked.AdjustAid: lambda: asked.AdjustAid(
                case, revision, draw(strategies.floats(0, 1)), draw(strategies.floats(0, 1))
            ),
            asked.JudgeAidFinding: lambda: asked.JudgeAidFinding(
                case, revision, draw(finding_names(state)), draw(strategies.sampled_from(session.VERDICTS))
            ),
            asked.SeeAid: lambda: asked.SeeAid(case, revision, (happened.SliceSeen("L_AP", "coronal", 4, 2, 9),)),
            asked.Pause: lambda: asked.Pause(case, draw(strategies.sampled_from(session.PAUSE_REASONS))),
            asked.Resume: lambda: asked.Resume(case),
            asked.Interrupt: lambda: asked.Interrupt(case, "failure"),
            asked.SubmitRead: lambda: asked.SubmitRead(case, revision, bench.wall),
        }
        return made[wanted]()

    def some_answer(self, data: strategies.DataObject) -> asked.AnswerQuestion:
        bench = self.bench
        question, unit = data.draw(strategies.sampled_from(session.questions_asked(bench.plan, bench.state)))
        values = data.draw(strategies.sampled_from([*possible_answers(bench.plan, question.question_id), ()]))
        return asked.AnswerQuestion(bench.case, bench.state.revision, unit, question.question_id, values)

    def nearby(self, kind: type) -> Iterator[tuple[str, Any]]:
        """Yield commands of a type, right but for one field, with the name of that field ("" for the right one)."""
        bench = self.bench
        due = session.due_case(bench.state) or "c1"
        entry = session.current_round(bench.plan, bench.state)
        following = session.next_round(bench.plan, bench.state)
        aid = bench.aid() if entry is not None and entry.aid is not None else happened.AidShown("M", "x", 0.35, 0.55)
        asking = session.due_questionnaire(bench.plan, bench.state) or session.closing_questionnaire(bench.plan, bench.state)
        about = kind is asked.AnswerQuestionnaire and asking is not None
        told = bench.state.feedback or due if kind is asked.AcknowledgeFeedback else due
        right: dict[str, Any] = {
            "wall_utc": bench.wall,
            "round_no": asking.round_no if about and asking else following.number if following else 1,
            "questionnaire": asking.questionnaire.questionnaire_id if asking else "load",
            "count": asking.count if asking else 0,
            "answers": bench.questionnaire_command().answers if asking else {},
            "shown_ms": 2000,
            "slices": (happened.SliceSeen("RCC", "", 0, 0, 0),),
            "occurrence": 1,
            "screen": "left",
            "width_px": 2048,
            "height_px": 2560,
            "scale": 100,
            "checked_utc": "",
            "case_id": told,
            "revision": bench.state.revision,
            "fingerprint": bench.plan.fingerprints.get(due, "any"),
            "panes": ("RCC",),
            "unit": bench.plan.units[due][-1],
            "category": bench.plan.assessment.categories[-1],
            "score": 50,
            "text": "seen",
            "mark": GOOD_MARKS[0],
            "mark_id": "1",
            "reason": "reader" if kind in (asked.Pause, asked.Interrupt) else "agreed with the board",
            "coordinator": "co1",
            "replaced_by": "",
            "finding": "1",
            "verdict": "accepted",
            "threshold": bench.plan.display.aid_threshold,
            "opacity": bench.plan.display.aid_opacity,
            "kind": "stall",
            "mono_gap_ms": 4000,
            "wall_step_ms": 0,
            "question": "recall",
            "values": ("yes",),
            "aid": aid if kind is not asked.DisplayCase or (entry and session.aid_due(entry, bench.state)) else None,
        }
        wrong: dict[str, list[Any]] = {
            "wall_utc": [],
            "questionnaire": ["load", "tired", "leave", "?"],
            "count": [0, 1, 2],
            "answers": [
                {},
                {"tired:case": ("maybe",)},
                {"tired:case": ("yes",), "more:case": ("yes",)},
                {"mental:case": ("50",)},
                {"mental:case": ("5.5",), "changed:case": ("no",)},
                {"mental:case": ("50",), "changed:case": ("yes",)},
                {"mental:case": ("50",), "changed:case": ("no",), "how:case": ("so",)},
                {"note:case": ("x" * 2001,)},
            ],
            "shown_ms": [-1],
            "slices": [(), (happened.SliceSeen("RCC", "", 3, 0, 2),), (happened.SliceSeen("", "", 0, 0, 0),)],
            "occurrence": [2, 0],
            "screen": [],
            "width_px": [0],
            "height_px": [-1],
            "scale": [0],
            "checked_utc": [],
            "round_no": [1, 2, 3, 9],
            "case_id": ["c1", "c2", "zz"],
            "revision": [bench.state.revision - 1, bench.state.revision + 1],
            "fingerprint": ["f" * 64],
            "panes": [()],
            "unit": ["case", "R", "L", "X", "#1", "#2", "#9"],
            "category": [*CATEGORIES, "7", "4a"],
            "score": [0, 100, -1, 101, True, 5.0],
            "text": ["", "=1+1", "두 개\n", "x" * 10_001, "\ud800"],
            "mark": [*GOOD_MARKS, *BAD_MARKS],
            "mark_id": ["2", "9"],
            "reason": ["idle", "coffee", " . . . . . . . ."],
            "coordinator": ["  "],
            "replaced_by": ["r9"],
            "finding": ["", "2", "3", "box"],
            "verdict": ["maybe", ""],
            "threshold": [-0.1, 0.0, 1.1, float("nan")],
            "opacity": [-0.1, 0.0, 1.1],
            "kind": ["suspend", "clock_step", "nap"],
            "mono_gap_ms": [],
            "wall_step_ms": [],
            "question": ["shape", "composition", "recall", "forced", "why", "nothing_seen", "terms", "sure", "?"],
            "values": [
                (),
                ("no",),
                ("oval", "round"),
                ("oval", "oval"),
                ("a",),
                ("5",),
                ("11",),
                ("5.5",),
                ("nan",),
                ("x" * 2001,),
                ("\ud800",),
            ],
            "aid": [
                *([None, aid] if kind is asked.DisplayCase else []),
                replace(aid, model_id="BM" if aid.model_id != "BM" else "LH"),
                replace(aid, prediction_sha256=""),
                replace(aid, prediction_sha256="another"),
                replace(aid, threshold=0.1),
                replace(aid, opacity=1.0),
                replace(aid, status="perhaps"),
                replace(aid, status="withheld"),
                replace(aid, findings=aid.findings + 1),
                replace(aid, findings=-1),
                replace(aid, model_sha256="8" * 64),
            ],
        }
        open_questions = session.questions_asked(bench.plan, bench.state)
        if kind is asked.AnswerQuestion and open_questions:
            question, unit = open_questions[-1]
            right |= {"unit": unit, "question": question.question_id}
            right["values"] = possible_answers(bench.plan, question.question_id)[0]
        values = {name: right[name] for name in kind.__dataclass_fields__}
        yield "", kind(**values)
        for name in values:
            for other in wrong[name]:
                if other != right[name] or type(other) is not type(right[name]):
                    yield name, kind(**(values | {name: other}))


def finding_names(state: Any) -> strategies.SearchStrategy[str]:
    """Return names of findings that the aid in view has; any name where it does not say how many."""
    count = state.aid.findings if state.aid is not None else 0
    return strategies.sampled_from([str(number) for number in range(1, count + 1)] or ["box 1"])


def far_enough(entry: Any) -> bool:
    """Return whether the readings of every repeated case stand as far apart as the round asks."""
    places: dict[str, int] = {}
    for place, case_id in enumerate(entry.order):
        if case_id in places and (entry.repeat is None or place - places[case_id] < entry.repeat.min_gap):
            return False
        places.setdefault(case_id, place)
    return (len(places) < len(entry.order)) == (entry.repeat is not None)


def possible_answers(plan: Any, name: str) -> list[tuple[str, ...]]:
    """Return some right answers to a question."""
    question = next(own for own in plan.questions if own.question_id == name)
    free = {"yes_no": ("yes", "no"), "number": ("5", "0.5"), "scale": ("5", "0")}
    single = [(choice,) for choice in question.choices or free.get(question.kind, ("seen",))]
    return [*single, question.choices] if question.many else single


GOOD_MARKS = (
    Mark("1", "1", "RCC", (10.0, 20.0)),
    Mark("2", "1", "RMLO", (10.5, 20.0), "box", (4.0, 5.0), 80),
    Mark("1", "2", "L_AP", (3.0, 10.0, 20.0)),
    Mark("3", "3", "RCC", (1.0, 2.0), "ellipse", (4.0, 6.0)),
    Mark("3", "3", "RCC", (1.0, 2.0), "outline", outline=((0.0, 0.0), (0.0, 5.0), (5.0, 0.0))),
)
BAD_MARKS = (
    Mark("", "1", "RCC", (1.0, 2.0)),
    Mark("1", "1", "RCC", (1.0,)),
    Mark("1", "1", "RCC", (1.0, float("nan"))),
    Mark("1", "1", "RCC", (1.0, 2.0), "circle"),
    Mark("1", "1", "RCC", (1.0, 2.0), "box", (1.0,)),
    Mark("1", "1", "RCC", (1.0, 2.0), "point", (1.0, 1.0)),
    Mark("1", "1", "RCC", (1.0, 2.0), "point", (), 101),
)
good_marks = strategies.sampled_from(GOOD_MARKS)
