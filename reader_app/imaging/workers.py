"""Killable worker processes: whatever a hostile file does to a decoder, it ends as one refused file.

Each worker is a spawned interpreter with limits on memory, processor time and elapsed time. Jobs and answers travel as JSON,
never as pickles, so a decoder that was taken over cannot run code in the program. Pixels travel as ``.npy`` files in a scratch
folder. A worker that dies by a signal, by its limits or by any exception becomes a refusal in words; a new one takes its place.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import re
import signal
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from reader_app.errors import ImageError
from reader_app.imaging import jobobject
from reader_app.imaging.limits import WorkerLimits

#: Jobs are functions ``name(**arguments) -> JSON-able`` of these modules and no others.
JOB_MODULES: tuple[str, ...] = ("reader_app.imaging.jobs",)


#: What decoders say on standard error about pixels they nevertheless return.
_DAMAGE = re.compile(
    rb"Corrupt JPEG|premature end|libpng (error|warning)|invalid|extraneous bytes|bogus|incomplete", re.IGNORECASE
)


@dataclass(frozen=True)
class Job:
    """One call in a worker.

    Attributes
    ----------
    key : object
        Handed back with the answer.
    function : str
        ``module:function``, the module one of :data:`JOB_MODULES` (tests may add their own).
    arguments : mapping
        JSON-able keyword arguments.
    name : str
        The file's name, for messages.
    """

    key: Any
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True)
class Answer:
    """What became of a job: ``value`` when ``reason`` is empty, else the refusal in one sentence."""

    key: Any
    value: Any = None
    reason: str = ""


class WorkerPool:
    """A handful of killable workers.

    Parameters
    ----------
    count : int or None
        Number of processes; None takes the number of processors, at most 8.
    limits : WorkerLimits
        Per job.
    modules : tuple of str
        Modules whose functions may be called.
    """

    def __init__(
        self, count: int | None = None, limits: WorkerLimits | None = None, modules: tuple[str, ...] = JOB_MODULES
    ) -> None:
        self.limits = limits or WorkerLimits()
        self.count = max(1, min(8, os.cpu_count() or 1) if count is None else count)
        self.modules = modules
        self.deaths = 0
        self._idle: list[_Worker] = []

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        while self._idle:
            self._idle.pop().end()

    def call(self, function: str, name: str = "", **arguments: Any) -> Any:
        """Run one job and return its value; a refusal is raised as ImageError."""
        for answer in self.map([Job(0, function, arguments, name)]):
            if answer.reason:
                raise ImageError(answer.reason)
            return answer.value
        raise ImageError(f"{name}: the import was stopped")

    def map(self, jobs: Iterable[Job], cancelled: Callable[[], bool] | None = None) -> Iterator[Answer]:
        """Run jobs in parallel and yield answers as they come (not in order).

        Jobs are drawn from the iterable only when a worker is free. When ``cancelled`` turns true the running workers are
        killed and the iteration ends.
        """
        source = iter(jobs)
        more = True
        busy: dict[_Worker, tuple[Job, float]] = {}
        ready: deque[Answer] = deque()
        try:
            while True:
                while more and len(busy) < self.count and not (cancelled and cancelled()):
                    job = next(source, None)
                    if job is None:
                        more = False
                        break
                    worker = self._idle.pop() if self._idle else _Worker(self.limits, self.modules)
                    if worker.send(job):
                        busy[worker] = (job, time.monotonic() + self.limits.wall_s)
                    else:  # it died while idle
                        self.deaths += 1
                        worker.end()
                        worker = _Worker(self.limits, self.modules)
                        worker.send(job)
                        busy[worker] = (job, time.monotonic() + self.limits.wall_s)
                if cancelled and cancelled():
                    return
                if not busy:
                    return
                self._collect(busy, ready)
                while ready:
                    yield ready.popleft()
        finally:
            for worker in busy:
                worker.end()

    def _collect(self, busy: dict[_Worker, tuple[Job, float]], ready: deque[Answer]) -> None:
        soonest = min(until for _, until in busy.values())
        ends: list[Any] = [w.connection for w in busy]
        wait(ends, timeout=max(0.0, min(0.25, soonest - time.monotonic())))
        for worker, (job, until) in list(busy.items()):
            if worker.connection.poll():
                answer = worker.receive(job)
                if answer is not None:
                    ready.append(answer)
                    del busy[worker]
                    self._idle.append(worker)
                    continue
                reason = f"{job.name}: {worker.epitaph()}; the file was left out"
            elif time.monotonic() > until:
                reason = f"{job.name}: took longer than {self.limits.wall_s:g} s to read; the file was left out"
            else:
                continue
            del busy[worker]
            self.deaths += 1
            worker.end()
            ready.append(Answer(job.key, None, reason))


def _sentence(text: str) -> str:
    """Return text from a worker as one line without control characters, cut where a hostile header made it long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= 400 else line[:300] + " … " + line[-80:]


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, limits: WorkerLimits, modules: tuple[str, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection: Connection
        self.connection, theirs = context.Pipe()
        one_thread = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        os.environ.update(dict.fromkeys(one_thread, "1"))  # numeric libraries reserve address space per thread
        try:
            self.process = context.Process(
                target=_serve, args=(theirs, limits.memory_bytes, limits.cpu_s, modules), daemon=True, name="reader-app import"
            )
            self.process.start()
        finally:
            for name, value in one_thread.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
        theirs.close()
        self._cpu_s = limits.cpu_s
        try:
            self._confined = jobobject.confine(self.process.pid or 0, limits.memory_bytes)
        except OSError as error:
            self._confined = None
            self.end()
            raise ImageError(f"{error.strerror}; nothing is decoded without these limits") from error

    def send(self, job: Job) -> bool:
        try:
            if self._confined is not None:
                self._confined.grant(self._cpu_s)
            self.connection.send_bytes(json.dumps({"function": job.function, "arguments": dict(job.arguments)}).encode())
        except (BrokenPipeError, ConnectionError, EOFError, OSError):
            return False
        return True

    def receive(self, job: Job) -> Answer | None:
        """Return the answer, or None when the worker died before it could give one."""
        try:
            message = json.loads(self.connection.recv_bytes(64 * (1 << 20)))
            if message["ok"]:
                return Answer(job.key, message["value"])
            return Answer(job.key, None, _sentence(str(message["reason"])))
        except (EOFError, OSError, ValueError, KeyError, TypeError):
            return None

    def epitaph(self) -> str:
        self.process.join(2.0)
        code = self.process.exitcode
        if code is not None and code < 0:
            names = {signal.SIGXCPU: "used more processor time than allowed"} if hasattr(signal, "SIGXCPU") else {}
            return names.get(signal.Signals(-code), f"the decoder died ({signal.Signals(-code).name})")
        if code == jobobject.TIME_USED_UP:
            return "used more processor time than allowed"
        return f"the decoder ended unexpectedly (status {code})"

    def end(self) -> None:
        self.connection.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join(5.0)
        if self._confined is not None:
            self._confined.close()


def _serve(connection: Connection, memory_bytes: int, cpu_s: float, modules: tuple[str, ...]) -> None:
    """Answer jobs until the pipe closes. Runs in the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    warnings.simplefilter("ignore")  # they would show header values on the terminal
    said = _hear_native_code()
    _confine(memory_bytes)
    loaded = {name: importlib.import_module(name) for name in modules}
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return
        _grant_cpu(cpu_s)
        said.seek(0)
        said.truncate()
        answer = _answer(request, loaded)
        said.seek(0)
        if answer["ok"] and _DAMAGE.search(said.read(65536)):
            name = Path(str(request["arguments"].get("path", ""))).name
            answer = {"ok": False, "reason": f"{name}: its compressed pixels are damaged; copy or export the file again"}
        try:
            connection.send_bytes(json.dumps(answer, allow_nan=False).encode())
        except ValueError:
            connection.send_bytes(json.dumps({"ok": False, "reason": "the file holds numbers that are not finite"}).encode())
        except OSError:
            return


def _hear_native_code() -> IO[bytes]:
    """Let the worker's standard error go to a file of its own: native decoders report damage there and go on regardless."""
    said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
    os.dup2(said.fileno(), 2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 1)
    return said


def _answer(request: Mapping[str, Any], loaded: Mapping[str, Any]) -> dict[str, Any]:
    name = Path(str(request["arguments"].get("path", ""))).name
    try:
        module, _, function = str(request["function"]).partition(":")
        return {"ok": True, "value": getattr(loaded[module], function)(**request["arguments"])}
    except ImageError as error:
        return {"ok": False, "reason": str(error)}
    except MemoryError:
        return {"ok": False, "reason": f"{name}: needs more memory than a file may have; it was left out"}
    except RecursionError:
        return {"ok": False, "reason": f"{name}: its header is nested too deeply; it was left out"}
    except BaseException as error:  # noqa: BLE001 - some native decoders raise outside Exception; any of it means: this file is refused
        text = " ".join(str(error).split())[:300] or type(error).__name__
        return {"ok": False, "reason": f"{name}: cannot be read ({text}); export it again"}


def _confine(memory_bytes: int) -> None:
    if os.name == "nt":
        return  # its job object does it, see jobobject
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _grant_cpu(cpu_s: float) -> None:
    if os.name == "nt":
        return
    import resource

    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + cpu_s) + 1, resource.getrlimit(resource.RLIMIT_CPU)[1]))
