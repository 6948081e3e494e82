"""The conductor: durable before shown, one command after the other, refusals told, faults stop."""

from __future__ import annotations

import random
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
from reading.acts import conductor_for, display, read_case, read_everything
from store.studies import frozen_study

from reader_app.clock import FrozenClock, Instant
from reader_app.errors import LogBug, LogFault, LogUnavailable, ProtocolViolation
from reader_app.reading.conductor import Conductor
from reader_app.reading.tasks import InlineExecutor, InlineMainThread, one_thread
from reader_app.store import readlog
from reader_app.store.backup import SecondCopy
from reader_app.store.readlog import ReadLog
from reader_app.store.signing import SigningKey
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.audit import audit
from reader_app.study.commands import Assess, GiveScore, Interrupt, Pause, Resume, StartRound, SubmitRead
from reader_app.study.events import CaseDisplayed, Event, Logged, ReadSubmitted, SessionResumed
from reader_app.study.readtable import active_seconds, reads
from reader_app.study.session import Phase, SessionState, due_case, replay


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frozen_study(tmp_path_factory.mktemp("made") / "study", cases=3, size=16).path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> StudyFolder:
    return StudyFolder.load(Path(shutil.copytree(made, tmp_path / "study")))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


class Watched:
    """Collects what a conductor reports."""

    def __init__(self, conductor: Conductor) -> None:
        self.states: list[SessionState] = []
        self.logged: list[Logged] = []
        self.refused: list[ProtocolViolation] = []
        self.faults: list[LogFault] = []
        conductor.on_state = self._state
        conductor.on_refused = self.refused.append
        conductor.on_fault = self.faults.append

    def _state(self, state: SessionState, logged: tuple[Logged, ...]) -> None:
        self.states.append(state)
        self.logged += logged


class HeldExecutor:
    """Runs work only when told to, as a slow disk does."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[..., object], tuple[object, ...], Future[object]]] = []

    def submit(self, fn: Callable[..., object], /, *args: object, **_: object) -> Future[object]:
        future: Future[object] = Future()
        self.waiting.append((fn, args, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.waiting.clear()

    def run_one(self) -> None:
        fn, args, future = self.waiting.pop(0)
        try:
            future.set_result(fn(*args))
        except LogFault as fault:
            future.set_exception(fault)


def test_a_whole_study_is_conducted(folder: StudyFolder, clock: FrozenClock) -> None:
    conductor, log = conductor_for(folder, "R01", clock)
    watched = Watched(conductor)
    read_everything(conductor, folder, clock)
    log.close()
    assert watched.refused == [] and watched.faults == []
    contents = readlog.read(folder.log_path("R01"))
    assert contents.logged == tuple(watched.logged)
    assert audit(conductor.plan, contents.logged) == []
    assert conductor.state == replay(conductor.plan, [entry.event for entry in contents.logged])
    table = reads(conductor.plan, contents.logged)
    assert [read.round_no for read in table] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert {round(active_seconds(read), 6) for read in table} == {12.0}


def test_nothing_is_shown_before_it_is_durable(folder: StudyFolder, clock: FrozenClock) -> None:
    log = folder.open_log("R01", conductor_run(clock))
    executor = HeldExecutor()
    conductor = Conductor(folder.plan("R01"), log, clock, executor, InlineMainThread())  # type: ignore[arg-type]
    watched = Watched(conductor)
    conductor.begin()
    assert conductor.state.phase is Phase.CLOSED and watched.states == [] and conductor.is_busy
    assert log.logged() == ()
    executor.run_one()
    assert len(log.logged()) == 1 and conductor.state.phase is Phase.BETWEEN and len(watched.states) == 1
    assert not conductor.is_busy
    log.close()


def conductor_run(clock: FrozenClock):  # type: ignore[no-untyped-def]
    from reader_app.store.runinfo import describe_run

    return describe_run(clock, host="test bench")


def test_commands_wait_for_their_turn_and_keep_their_time(folder: StudyFolder, clock: FrozenClock) -> None:
    log = folder.open_log("R01", conductor_run(clock))
    executor = HeldExecutor()
    conductor = Conductor(folder.plan("R01"), log, clock, executor, InlineMainThread())  # type: ignore[arg-type]
    watched = Watched(conductor)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    executor.run_one()
    executor.run_one()
    case_id = display(conductor, folder)
    clock.advance(1)
    conductor.do(Assess(case_id, 1, "case", "3"))
    clock.advance(1)
    conductor.do(GiveScore(case_id, 1, "case", 5))
    clock.advance(1)
    conductor.do(SubmitRead(case_id, 1, clock.now().wall_utc))
    conductor.do(Assess(case_id, 1, "case", "4A"))  # too late: by its turn the case has gone
    assert len(executor.waiting) == 1
    while executor.waiting:
        executor.run_one()
    assert [entry.mono_ns for entry in log.logged()[2:]] == [0, 10**9, 2 * 10**9, 3 * 10**9]
    assert isinstance(log.logged()[-1].event, ReadSubmitted)
    assert len(watched.refused) == 1 and watched.faults == []
    log.close()


def test_a_refusal_is_told_and_changes_nothing(folder: StudyFolder, clock: FrozenClock) -> None:
    conductor, log = conductor_for(folder, "R01", clock)
    watched = Watched(conductor)
    conductor.do(StartRound(1, clock.now().wall_utc))
    assert len(watched.refused) == 1 and log.logged() == () and conductor.state.phase is Phase.CLOSED
    conductor.begin()
    conductor.do(StartRound(2, clock.now().wall_utc))
    assert len(watched.refused) == 2 and len(log.logged()) == 1
    log.close()


def test_commands_given_from_a_callback_come_after_those_that_wait(folder: StudyFolder, clock: FrozenClock) -> None:
    conductor, log = conductor_for(folder, "R01", clock)
    seen: list[str] = []

    def on_state(state: SessionState, logged: tuple[Logged, ...]) -> None:
        seen.extend(type(entry.event).__name__ for entry in logged)
        if state.phase is Phase.BETWEEN and state.round_no is None:
            conductor.do(StartRound(1, clock.now().wall_utc))
        elif state.phase is Phase.BETWEEN and not state.displayed and state.index == 0:
            display(conductor, folder)

    conductor.on_state = on_state
    conductor.begin()
    assert seen == ["SessionOpened", "RoundStarted", "CaseDisplayed"]
    log.close()


def test_a_case_that_has_only_just_appeared_is_not_validated(folder: StudyFolder, clock: FrozenClock) -> None:
    conductor, log = conductor_for(folder, "R01", clock)
    watched = Watched(conductor)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    read_case(conductor, folder, clock, seconds=0.299)
    assert "only just appeared" in str(watched.refused[0]) and conductor.state.index == 0
    clock.advance(0.001)
    conductor.do(SubmitRead(str(due_case(conductor.state)), 1, clock.now().wall_utc))
    assert conductor.state.index == 1
    log.close()


def test_a_key_pressed_before_the_paint_was_stamped_does_not_turn_time_back(folder: StudyFolder, clock: FrozenClock) -> None:
    conductor, log = conductor_for(folder, "R01", clock)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    clock.advance(5)
    case_id = display(conductor, folder)
    conductor.do(Assess(case_id, 1, "case", "3"), Instant(4_990_000_000, clock.now().wall_utc))
    times = [entry.mono_ns for entry in log.logged()]
    assert times == sorted(times) and times[-1] == 5_000_000_000
    log.close()


class FailingLog:
    """A log whose disk fails when told to."""

    def __init__(self, log: ReadLog) -> None:
        self.log = log
        self.fault: Exception | None = None

    def append(self, events: tuple[Event, ...], at: Instant) -> tuple[Logged, ...]:
        if self.fault is not None:
            raise self.fault
        return self.log.append(events, at)

    def __getattr__(self, name: str) -> object:
        return getattr(self.log, name)


def test_a_fault_of_the_log_stops_reading_until_it_is_mended(folder: StudyFolder, clock: FrozenClock) -> None:
    log = folder.open_log("R01", conductor_run(clock))
    failing = FailingLog(log)
    conductor = Conductor(folder.plan("R01"), failing, clock, InlineExecutor(), InlineMainThread())  # type: ignore[arg-type]
    watched = Watched(conductor)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    case_id = display(conductor, folder)
    failing.fault = LogUnavailable("the disk is full")
    clock.advance(3)
    conductor.do(Assess(case_id, 1, "case", "3"))
    assert conductor.fault is failing.fault and watched.faults == [failing.fault]
    assert conductor.state.draft.categories == {}
    conductor.do(GiveScore(case_id, 1, "case", 5))
    assert "cannot be written" in str(watched.refused[0])
    conductor.retry()
    assert len(watched.faults) == 2
    failing.fault = None
    clock.advance(60)
    conductor.retry()
    assert conductor.fault is None and conductor.state.draft.categories == {"case": "3"}
    assert log.logged()[-1].mono_ns == 3_000_000_000, "the answer keeps the time at which it was given"
    conductor.retry()
    assert len(log.logged()) == 4, "nothing is written twice"
    log.close()


def test_commands_that_wait_are_dropped_with_the_fault(folder: StudyFolder, clock: FrozenClock) -> None:
    log = folder.open_log("R01", conductor_run(clock))
    executor = HeldExecutor()
    failing = FailingLog(log)
    conductor = Conductor(folder.plan("R01"), failing, clock, executor, InlineMainThread())  # type: ignore[arg-type]
    failing.fault = LogUnavailable("the disk is full")
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    executor.run_one()
    assert conductor.fault is not None and not conductor.is_busy
    failing.fault = None
    conductor.retry()
    executor.run_one()
    assert conductor.state.phase is Phase.BETWEEN and conductor.state.round_no is None
    log.close()


def test_an_unexpected_error_is_a_fault_of_the_log(folder: StudyFolder, clock: FrozenClock) -> None:
    log = folder.open_log("R01", conductor_run(clock))
    failing = FailingLog(log)
    conductor = Conductor(folder.plan("R01"), failing, clock, InlineExecutor(), InlineMainThread())  # type: ignore[arg-type]
    failing.fault = RuntimeError("surprise")
    conductor.begin()
    assert isinstance(conductor.fault, LogBug) and "surprise" in str(conductor.fault)
    log.close()


def test_a_session_that_was_cut_off_goes_on_exactly(folder: StudyFolder, clock: FrozenClock) -> None:
    """Cut off after any number of events: the state is the same, and the study can be read to its end."""
    conductor, log = conductor_for(folder, "R02", clock)
    read_everything(conductor, folder, clock)
    log.close()
    whole = readlog.read(folder.log_path("R02")).logged
    plan = folder.plan("R01")
    chance = random.Random(3)
    for cut in sorted(chance.sample(range(1, 40), 8)):
        folder.log_path("R01").unlink(missing_ok=True)
        conductor, log = conductor_for(folder, "R01", clock)
        steps = 0

        class Cut(Exception):
            pass

        def count(_: SessionState, __: tuple[Logged, ...], cut: int = cut) -> None:
            nonlocal steps
            steps += 1
            if steps == cut:
                raise Cut

        conductor.on_state = count
        try:
            read_everything(conductor, folder, clock)
        except Cut:
            before = replay(plan, [entry.event for entry in log.logged()])
        log.close()
        again, log = conductor_for(folder, "R01", clock)
        assert again.state == before
        read_on(again, folder, clock)
        log.close()
        logged = readlog.read(folder.log_path("R01")).logged
        assert any(isinstance(entry.event, SessionResumed) for entry in logged) or before.phase is Phase.CLOSED
        assert audit(plan, logged) == []
        assert len(reads(plan, logged)) == len(reads(folder.plan("R02"), whole))


def read_on(conductor: Conductor, folder: StudyFolder, clock: FrozenClock) -> None:
    draft = conductor.state.draft
    read_everything(conductor, folder, clock)
    assert conductor.state.phase is Phase.CLOSED, draft


def test_an_interrupted_read_is_shown_again_with_its_draft(folder: StudyFolder, clock: FrozenClock) -> None:
    conductor, log = conductor_for(folder, "R01", clock)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    case_id = display(conductor, folder)
    conductor.do(Assess(case_id, 1, "case", "4A"))
    conductor.do(Pause(case_id, "reader"))
    conductor.do(Resume(case_id))
    conductor.do(Interrupt(case_id, "shutdown"))
    log.close()
    again, log = conductor_for(folder, "R01", clock)
    watched = Watched(again)
    again.begin()
    assert again.state.draft.categories == {"case": "4A"} and due_case(again.state) == case_id
    again.do(GiveScore(case_id, 1, "case", 3))
    assert len(watched.refused) == 1, "the case must be displayed first"
    display(again, folder)
    again.do(GiveScore(case_id, 1, "case", 3))
    assert len(watched.refused) == 2, "the revision the reader saw is an old one"
    again.do(GiveScore(case_id, again.state.revision, "case", 3))
    assert again.state.draft.scores == {"case": 3}
    log.close()


def test_rounds_and_sessions_are_signed(folder: StudyFolder, clock: FrozenClock) -> None:
    log = folder.open_log("R01", conductor_run(clock))
    key = SigningKey.new()
    conductor = Conductor(folder.plan("R01"), log, clock, InlineExecutor(), InlineMainThread(), key=key)
    read_everything(conductor, folder, clock, category="2")
    log.close()
    contents = readlog.read(folder.log_path("R01"))
    meanings = [seal.meaning for seal in contents.seals]
    assert meanings == ["round 1 finished", "round 2 finished", "round 3 finished", "session ended"]
    assert {seal.key for seal in contents.seals} == {key.public} and {seal.signer for seal in contents.seals} == {"R01"}
    assert contents.seals[-1].head == contents.head[1]


def test_a_signature_that_fails_does_not_undo_the_events(folder: StudyFolder, clock: FrozenClock) -> None:
    log = folder.open_log("R01", conductor_run(clock))
    failing = FailingLog(log)

    def refuse(*_: object) -> None:
        raise LogUnavailable("the disk is full")

    failing.seal = refuse  # type: ignore[attr-defined]
    conductor = Conductor(folder.plan("R01"), failing, clock, InlineExecutor(), InlineMainThread(), key=SigningKey.new())  # type: ignore[arg-type]
    watched = Watched(conductor)
    read_everything_until_fault(conductor, folder, clock)
    assert len(watched.faults) == 1 and conductor.state.finished.keys() == {1}
    assert isinstance(log.logged()[-1].event, Event.__args__)  # type: ignore[attr-defined]
    log.close()


def read_everything_until_fault(conductor: Conductor, folder: StudyFolder, clock: FrozenClock) -> None:
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    while conductor.fault is None:
        read_case(conductor, folder, clock)


def test_with_real_threads_everything_arrives_in_order_on_the_main_thread(folder: StudyFolder, clock: FrozenClock) -> None:
    import queue

    posts: queue.Queue[Callable[[], None]] = queue.Queue()

    class Main:
        def post(self, work: Callable[[], None]) -> None:
            posts.put(work)

    executor = one_thread("log")
    log = folder.open_log("R01", conductor_run(clock))
    conductor = Conductor(folder.plan("R01"), log, clock, executor, Main())
    watched = Watched(conductor)
    threads: set[str] = set()
    state_seen = conductor.on_state

    def on_state(state: SessionState, logged: tuple[Logged, ...]) -> None:
        threads.add(threading.current_thread().name)
        assert logged[-1].seq <= log.head()[0]
        state_seen(state, logged)

    conductor.on_state = on_state

    def settle() -> None:
        while conductor.is_busy:
            posts.get(timeout=20)()

    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    settle()
    case_id = display(conductor, folder)
    settle()
    for number in range(60):
        clock.advance(0.1)
        conductor.do(GiveScore(case_id, 1, "case", number))
    settle()
    executor.shutdown()
    assert threads == {threading.current_thread().name}
    assert [entry.seq for entry in watched.logged] == list(range(1, 64))
    assert conductor.state.draft.scores == {"case": 59} and watched.refused == []
    assert isinstance(watched.logged[2].event, CaseDisplayed)
    log.close()


def test_the_second_copy_follows_and_never_stops_reading(folder: StudyFolder, clock: FrozenClock, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    log = folder.open_log("R01", conductor_run(clock))
    copy = SecondCopy(log, stick)
    told: list[LogFault | None] = []
    inline = InlineExecutor(), InlineMainThread()
    conductor = Conductor(folder.plan("R01"), log, clock, *inline, second_copy=copy, on_copy=told.append)
    conductor.begin()
    conductor.do(StartRound(1, clock.now().wall_utc))
    read_case(conductor, folder, clock)
    assert told == [], "a read after twelve seconds waits for the next rest"
    read_case(conductor, folder, clock, seconds=300)
    assert told == [None] and readlog.read(copy.path).head == log.head()
    case_id = display(conductor, folder)
    stick.rename(tmp_path / "pulled")
    conductor.do(Pause(case_id, "reader"))
    assert isinstance(told[1], LogUnavailable) and conductor.fault is None
    conductor.do(Resume(case_id))
    (tmp_path / "pulled").rename(stick)
    read_on_from_display(conductor, case_id, clock)
    assert told[2:] == [None] and readlog.read(copy.path).head == log.head()
    log.close()


def read_on_from_display(conductor: Conductor, case_id: str, clock: FrozenClock) -> None:
    revision = conductor.state.revision
    conductor.do(Assess(case_id, revision, "case", "3"))
    conductor.do(GiveScore(case_id, revision, "case", 3))
    clock.advance(20)
    conductor.do(SubmitRead(case_id, revision, clock.now().wall_utc))
