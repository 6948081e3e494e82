"""Starts the worker process (``reader-app worker``), asks it to run a model over cases, follows, cancels, times out.

The worker holds torch and the GPU; this process only exchanges lines of JSON with it, so a crash or a lack of memory there is one
sentence here.
"""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from reader_app.ai.bundle import Bundle, load
from reader_app.errors import BundleError, EnvironmentFault, ImageError, ReaderAppError, WorkerError
from reader_app.paths import is_frozen

Progress = Callable[[int, int, str], None]

_KINDS: Mapping[str, type[ReaderAppError]] = {
    "BundleError": BundleError,
    "EnvironmentFault": EnvironmentFault,
    "ImageError": ImageError,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    device : str
        Where it ran, in words.
    done : tuple of str
        Cases with a current prediction after the run, in the order asked.
    reused : tuple of str
        Those of them that were current already and were not computed again.
    failed : mapping of str to str
        Cases whose prediction says "failed" or "not_applicable", and why.
    cancelled : bool
        Whether the run was stopped before its end.
    """

    device: str
    done: tuple[str, ...]
    reused: tuple[str, ...]
    failed: Mapping[str, str]
    cancelled: bool


def default_command() -> list[str]:
    """Return the command that starts the worker, frozen or not."""
    return [sys.executable, "worker"] if is_frozen() else [sys.executable, "-m", "reader_app", "worker"]


class Worker:
    """The worker process; usable as a context manager, started at the first request.

    Parameters
    ----------
    command : sequence of str, optional
        Another program that speaks the same lines (tests).
    start_s, silence_s : float
        Longest wait for its greeting, and for a sign of life during a run.
    """

    def __init__(self, command: Sequence[str] | None = None, start_s: float = 120.0, silence_s: float = 900.0) -> None:
        self._command = list(command or default_command())
        self._start_s, self._silence_s = start_s, silence_s
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._tail: deque[str] = deque(maxlen=20)
        self._request = 0
        self.hello: Mapping[str, Any] = {}

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> Mapping[str, Any]:
        """Start the process and return its greeting (versions, device)."""
        if self._process is not None:
            return self.hello
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                bufsize=1,
            )
        except OSError as error:
            raise WorkerError(f"The model worker cannot be started ({error}); repair the installation.") from error
        threading.Thread(target=self._read_lines, args=(self._process, self._lines), daemon=True).start()
        threading.Thread(target=self._read_tail, args=(self._process,), daemon=True).start()
        message = self._next(self._start_s, "starting")
        if message.get("type") != "hello":
            self._raise(message)
        self.hello = message
        return message

    def run(
        self,
        bundle: Bundle | Path | str,
        cases: Iterable[tuple[str, Path] | tuple[str, Path, Mapping[str, str]]],
        out_dir: Path,
        device: str = "auto",
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
        again: bool = False,
    ) -> Outcome:
        """Predict on cases and store the predictions in ``out_dir``; current ones are not computed again.

        Parameters
        ----------
        bundle : Bundle, Path or str
            The model.
        cases : iterable of (case id, container folder[, clinical variables])
            What to predict on.
        out_dir : Path
            ``<study>/aids/<model_id>``.
        device : str
            "auto", "cpu" or "cuda".
        progress : callable, optional
            Told (cases done, cases in all, case id).
        cancelled : callable, optional
            Asked several times a second; True stops after the case at hand.
        again : bool
            Compute even where a current prediction exists.

        Raises
        ------
        WorkerError, BundleError, EnvironmentFault, ImageError
            In one sentence; predictions stored so far are kept.
        """
        model = bundle if isinstance(bundle, Bundle) else load(bundle)
        listed = [{"case_id": c[0], "container": str(c[1]), "clinical": dict(c[2]) if len(c) > 2 else {}} for c in cases]
        self.start()
        self._request += 1
        number = self._request
        self._send(
            {
                "type": "run",
                "id": number,
                "bundle": str(model.path),
                "bundle_sha256": model.sha256,
                "cases": listed,
                "out": str(out_dir),
                "device": device,
                "again": again,
            }
        )
        done: list[str] = []
        reused: list[str] = []
        failed: dict[str, str] = {}
        asked = False
        at = f"running {model.model_id}"
        while True:
            if not asked and cancelled is not None and cancelled():
                self._send({"type": "cancel", "id": number})
                asked = True
            message = self._next(self._silence_s, at, None if cancelled is None or asked else cancelled)
            if not message:
                continue
            if message.get("id") not in (number, None):
                continue
            kind = message.get("type")
            if kind == "progress":
                at = f"running {model.model_id} on case {message.get('case_id')}"
                if progress is not None:
                    progress(int(message["done"]), int(message["total"]), str(message.get("case_id", "")))
            elif kind == "result":
                case_id = str(message["case_id"])
                done.append(case_id)
                if message.get("reused"):
                    reused.append(case_id)
                if message.get("status") in ("failed", "not_applicable"):
                    failed[case_id] = str(message.get("reason", ""))
            elif kind == "done":
                return Outcome(
                    str(message.get("device", "")), tuple(done), tuple(reused), failed, bool(message.get("cancelled", False))
                )
            else:
                self._raise(message)

    def close(self) -> None:
        """Ask the process to end; end it when it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError, ValueError):
            if process.stdin is not None:
                process.stdin.write('{"type": "quit"}\n')
                process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return None if self._process is None else self._process.pid

    @staticmethod
    def _read_lines(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        if process.stdout is not None:
            with process.stdout as stream:
                for line in stream:
                    lines.put(line)
        lines.put(None)

    def _read_tail(self, process: subprocess.Popen[str]) -> None:
        if process.stderr is not None:
            with process.stderr as stream:
                for line in stream:
                    self._tail.append(line.rstrip())

    def _send(self, message: Mapping[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            raise WorkerError("The model worker is not running; start the run again.")
        try:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        except (OSError, ValueError):
            raise self._death("receiving a request") from None

    def _next(self, timeout_s: float, at: str, cancelled: Callable[[], bool] | None = None) -> Mapping[str, Any]:
        """Return the next message; {} when ``cancelled`` turned true meanwhile."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                if cancelled is not None and cancelled():
                    return {}
                if time.monotonic() > deadline:
                    self._kill()
                    raise WorkerError(
                        f"The model worker gave no sign of life for {timeout_s:.0f} s while {at} and was ended; start the run "
                        "again, finished cases are kept."
                    ) from None
                continue
            if line is None:
                raise self._death(at)
            try:
                message = json.loads(line)
                if not isinstance(message, dict):
                    raise ValueError("no object")
            except ValueError:
                self._kill()
                raise WorkerError(
                    f"The model worker answered with something that is no message while {at}; start the run again."
                ) from None
            return message

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(5)

    def _death(self, at: str) -> WorkerError:
        process, self._process = self._process, None
        code = 0
        if process is not None:
            try:
                code = process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait(5)
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = str(-code)
            how = f"was ended by the signal {name}" + (" (often a lack of memory)" if name == "SIGKILL" else "")
        else:
            last = next((line for line in reversed(self._tail) if line.strip()), "")
            how = f"ended with status {code}" + (f" ({last})" if last else "")
        return WorkerError(f"The model worker {how} while {at}; start the run again, finished cases are kept.")

    def _raise(self, message: Mapping[str, Any]) -> None:
        text = str(message.get("message") or "The model worker answered with an unknown message; update the program.")
        raise _KINDS.get(str(message.get("kind")), WorkerError)(text)
