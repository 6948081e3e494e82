"""Conducts one reader's session: a command comes in, its events are made durable, then and only then the new state is shown.

``decide`` and ``evolve`` run on the window's thread (microseconds), appending on the log's thread. While an append is under way
further commands wait in a queue; each is decided on the state that the one before it has led to, so that a command for a case
that has gone is refused, not misread. A refusal is told, never raised. A fault of the log stops reading: there is no "continue
anyway".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol

from reader_app.clock import Clock, Instant
from reader_app.errors import LogBug, LogFault, ProtocolViolation
from reader_app.reading.tasks import Executor, MainThread, deliver
from reader_app.store.backup import SecondCopy
from reader_app.store.logcheck import Seal
from reader_app.store.signing import SigningKey
from reader_app.study.assignment import Plan
from reader_app.study.commands import Command, OpenSession, SubmitRead
from reader_app.study.events import CaseDisplayed, Event, Logged, ReadPaused, ReadSubmitted, RoundFinished, SessionClosed
from reader_app.study.session import SessionState, decide, evolve, replay

#: The second copy is brought up to date at every rest (pause, end of a round or session), and in between after a read when it is
#: older than this.
COPY_EVERY_NS = 300_000_000_000


class Log(Protocol):
    """What the conductor needs of a read log."""

    def append(self, events: Sequence[Event], at: Instant) -> tuple[Logged, ...]:
        """Make events durable."""
        ...

    def logged(self) -> tuple[Logged, ...]:
        """Return all events so far."""
        ...

    def seal(self, meaning: str, signer: str, key: SigningKey, wall_utc: str) -> Seal:
        """Sign everything so far."""
        ...


class Conductor:
    """One session of one reader. All its methods are called on the window's thread, and all callbacks come there.

    Parameters
    ----------
    plan : Plan
        The reader's frozen plan.
    log : Log
        The reader's open log; the state is replayed from it.
    clock : Clock
        Stamps commands that come without an instant.
    executor : Executor
        The log's thread.
    main_thread : MainThread
        Brings results back.
    on_state : callable (SessionState, tuple of Logged)
        After each durable step: the new state and the events that led to it.
    on_refused : callable (ProtocolViolation)
        A command was not legal when its turn came; nothing changed.
    on_fault : callable (LogFault)
        The log failed: cover the images and stop. :meth:`retry` may be called when the cause is removed.
    key : SigningKey, optional
        The reader's key: with it the log is signed at the end of each round and of each session.
    second_copy : SecondCopy, optional
        Kept up to date on the log's thread; it never stops reading.
    on_copy : callable (LogFault or None)
        The second copy was brought up to date (None), or why not.
    """

    def __init__(
        self,
        plan: Plan,
        log: Log,
        clock: Clock,
        executor: Executor,
        main_thread: MainThread,
        on_state: Callable[[SessionState, tuple[Logged, ...]], None] | None = None,
        on_refused: Callable[[ProtocolViolation], None] | None = None,
        on_fault: Callable[[LogFault], None] | None = None,
        key: SigningKey | None = None,
        second_copy: SecondCopy | None = None,
        on_copy: Callable[[LogFault | None], None] | None = None,
    ) -> None:
        self.plan = plan
        self.on_state = on_state or _nothing
        self.on_refused = on_refused or _nothing
        self.on_fault = on_fault or _nothing
        self.on_copy = on_copy or _nothing
        self.key = key
        self.second_copy = second_copy
        self._copied_ns = clock.now().mono_ns
        self._log = log
        self._clock = clock
        self._executor = executor
        self._main_thread = main_thread
        self._queue: deque[tuple[Command, Instant]] = deque()
        self._writing: tuple[tuple[Event, ...], Instant] | None = None
        self._under_way = False
        self._pumping = False
        self._fault: LogFault | None = None
        self.refused: Command | None = None  # what was refused last
        logged = log.logged()
        self._state = replay(plan, (entry.event for entry in logged))
        self._last_ns: int | None = None  # mono_ns of the last event of this run
        self._displayed_ns = 0

    @property
    def state(self) -> SessionState:
        """Where the session stands, as far as it is durable."""
        return self._state

    @property
    def fault(self) -> LogFault | None:
        """What stopped reading, or None."""
        return self._fault

    @property
    def is_busy(self) -> bool:
        """Whether a command is being written or waits."""
        return self._under_way or bool(self._queue)

    def do(self, command: Command, at: Instant | None = None) -> None:
        """Carry out a command as soon as those before it are durable.

        Parameters
        ----------
        command : Command
        at : Instant, optional
            When the reader did it (the time of the key or of the paint, not of its handling); now, if absent.
        """
        self._queue.append((command, at or self._clock.now()))
        self._pump()

    def begin(self) -> None:
        """Open a sitting, or take up the one that was cut off."""
        now = self._clock.now()
        self.do(OpenSession(now.wall_utc), now)

    def retry(self) -> None:
        """Write once more what could not be written; only after a fault, when its cause is removed."""
        if self._fault is None or self._writing is None or self._under_way:
            return
        self._fault = None
        self._write(*self._writing)

    def _pump(self) -> None:
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._queue and not self._under_way:
                self._take(*self._queue.popleft())
        finally:
            self._pumping = False

    def _take(self, command: Command, at: Instant) -> None:
        if self._last_ns is not None and at.mono_ns < self._last_ns:
            at = replace(at, mono_ns=self._last_ns)  # a key pressed before the last paint was stamped
        try:
            if self._fault is not None:
                raise ProtocolViolation("The log cannot be written, so nothing is taken; remove the cause, then try again.")
            self._check_dwell(command, at)
            events = decide(self.plan, self._state, command)
        except ProtocolViolation as violation:
            self.refused = command
            self.on_refused(violation)
            return
        if events:
            self._write(events, at)

    def _check_dwell(self, command: Command, at: Instant) -> None:
        shown_ms = (at.mono_ns - self._displayed_ns) / 1e6
        if isinstance(command, SubmitRead) and self._state.displayed and shown_ms < self.plan.timing.min_display_ms:
            raise ProtocolViolation("The case has only just appeared; look at it, then validate.")

    def _write(self, events: tuple[Event, ...], at: Instant) -> None:
        self._writing = (events, at)
        self._under_way = True
        future = self._executor.submit(self._append_and_seal, events, at)
        deliver(future, self._main_thread, self._written)

    def _append_and_seal(self, events: tuple[Event, ...], at: Instant) -> tuple[tuple[Logged, ...], LogFault | None]:
        """On the log's thread: make the events durable; a signature that fails afterwards does not undo them."""
        logged = self._log.append(events, at)
        if self.key is None:
            return logged, None
        try:
            for event in events:
                meaning = _meaning(event)
                if meaning:
                    self._log.seal(meaning, self.plan.reader_id, self.key, at.wall_utc)
        except LogFault as fault:
            return logged, fault
        return logged, None

    def _written(self, done: Future[tuple[tuple[Logged, ...], LogFault | None]]) -> None:
        self._under_way = False
        error = done.exception()
        if error is not None:
            self._stop(
                error if isinstance(error, LogFault) else LogBug(f"the log failed unexpectedly ({error!r}); restart the program")
            )
            return
        logged, fault = done.result()
        self._writing = None
        for entry in logged:
            self._state = evolve(self.plan, self._state, entry.event)
            self._last_ns = entry.mono_ns
            if isinstance(entry.event, CaseDisplayed):
                self._displayed_ns = entry.mono_ns
        self.on_state(self._state, logged)
        if fault is not None:
            self._stop(fault)
        self._keep_copy(logged)
        self._pump()

    def _keep_copy(self, logged: tuple[Logged, ...]) -> None:
        """Bring the second copy up to date where there is time for it."""
        if self.second_copy is None:
            return
        kinds = {type(entry.event) for entry in logged}
        rest = kinds & {ReadPaused, RoundFinished, SessionClosed}
        late = ReadSubmitted in kinds and logged[-1].mono_ns - self._copied_ns >= COPY_EVERY_NS
        if rest or late:
            self._copied_ns = logged[-1].mono_ns
            copy = self.second_copy
            deliver(self._executor.submit(copy.update), self._main_thread, lambda _: self.on_copy(copy.fault))

    def _stop(self, fault: LogFault) -> None:
        self._fault = fault
        self._queue.clear()
        self.on_fault(fault)


def _meaning(event: Event) -> str:
    """Return what a signature after this event states; empty where none is due."""
    if isinstance(event, RoundFinished):
        return f"round {event.round_no} finished"
    return "session ended" if isinstance(event, SessionClosed) else ""


def _nothing(*_: object) -> None:
    """Do nothing."""
