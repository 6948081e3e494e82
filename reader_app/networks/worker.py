"""The worker process: ``reader-app worker``. Lines of JSON in on standard input, lines of JSON out on standard output.

In: ``run`` (bundle, cases, out, device), ``cancel``, ``quit``. Out: ``hello``, ``progress``, ``result`` (one a case), ``done``,
``error`` (one sentence and the family of the fault). Predictions are stored by this process, one by one, so that a kill loses at
most the case at hand; what is current is not computed again. The process ends when its input ends.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

import reader_app
from reader_app.ai import bundle as bundles
from reader_app.ai import results
from reader_app.ai.bundle import Bundle
from reader_app.ai.results import Prediction
from reader_app.errors import BundleError, EnvironmentFault, ReaderAppError
from reader_app.imaging.container import OpenCase, open_case

Predict = Callable[[OpenCase, Mapping[str, str]], Prediction]


class Server:
    """Answers requests one after the other; a reader thread takes in ``cancel`` meanwhile.

    Parameters
    ----------
    source, sink : TextIO
        Where requests come from and answers go.
    """

    def __init__(self, source: TextIO, sink: TextIO) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._cancelled: set[int] = set()
        self._models: dict[tuple[str, str], tuple[Predict, str]] = {}
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()

    def serve(self) -> int:
        """Greet, then answer until the input ends or ``quit`` comes; return the exit status."""
        import cv2
        import torch

        from reader_app.networks import device

        threads = os.environ.get("READER_APP_THREADS")
        if threads:
            torch.set_num_threads(int(threads))
            cv2.setNumThreads(int(threads))
        cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
        self._say(type="hello", version=reader_app.__version__, torch=str(torch.__version__), cuda=cuda, pid=os.getpid())
        while (request := self._requests.get()) is not None:
            number = request.get("id")
            try:
                if request.get("type") != "run":
                    raise BundleError(f"The request {request.get('type')!r} is not known to this worker; update the program.")
                self._run(request)
            except ReaderAppError as error:
                self._say(type="error", id=number, kind=type(error).__name__, message=str(error))
            except Exception as error:  # noqa: BLE001 - the process must answer whatever happens
                if device.lacks_memory(error):
                    gpu = isinstance(error, torch.cuda.OutOfMemoryError)
                    advice = (
                        "close other programs that use it, or choose the CPU" if gpu else "close other programs and start again"
                    )
                    fault = device.memory_fault(torch.device("cuda" if gpu else "cpu"), advice)
                    self._say(type="error", id=number, kind="EnvironmentFault", message=str(fault))
                    continue
                text = f"The model worker met a fault it does not know ({type(error).__name__}: {error}); report it."
                self._say(type="error", id=number, kind="WorkerError", message=text)
        return 0

    def _listen(self, source: TextIO) -> None:
        for line in source:
            try:
                message = json.loads(line)
            except ValueError:
                message = {"type": "unreadable"}
            if not isinstance(message, dict) or message.get("type") == "quit":
                break
            if message.get("type") == "cancel":
                self._cancelled.add(int(message.get("id", -1)))
            else:
                self._requests.put(message)
        self._requests.put(None)

    def _say(self, **message: Any) -> None:
        with self._lock:
            self._sink.write(json.dumps(message, ensure_ascii=False) + "\n")
            self._sink.flush()

    def _run(self, request: Mapping[str, Any]) -> None:
        number, cases = int(request["id"]), list(request["cases"])
        bundle = bundles.load(request["bundle"])
        if request.get("bundle_sha256") not in (None, bundle.sha256):
            raise BundleError(f"{bundle.path}: the bundle changed while the run was prepared; start it again.")
        predict, device = self._model(bundle, str(request.get("device", "auto")))
        out = Path(request["out"])
        stopped = False
        for done, entry in enumerate(cases):
            if number in self._cancelled:
                stopped = True
                break
            case_id = str(entry["case_id"])
            self._say(type="progress", id=number, done=done, total=len(cases), case_id=case_id)
            case = open_case(Path(entry["container"]))
            clinical = dict(entry.get("clinical") or {})
            kept = None if request.get("again") else current(out, case, bundle, clinical)
            prediction = kept or results.with_clinical(predict(case, clinical), clinical)
            sha256 = kept.sha256 if kept else results.save(out, prediction)
            self._say(
                type="result",
                id=number,
                case_id=case_id,
                status=prediction.status,
                reason=prediction.reason,
                sha256=sha256,
                reused=kept is not None,
            )
        if not stopped:
            self._say(type="progress", id=number, done=len(cases), total=len(cases), case_id="")
        self._say(type="done", id=number, device=device, cancelled=stopped)

    def _model(self, bundle: Bundle, wish: str) -> tuple[Predict, str]:
        key = (bundle.sha256, wish)
        if key not in self._models:
            self._models.clear()
            self._models[key] = load_model(bundle, wish)
        return self._models[key]


def load_model(bundle: Bundle, wish: str = "auto") -> tuple[Predict, str]:
    """Return a bundle's prediction function and its device in words.

    Raises
    ------
    BundleError
        If the system is not known here.
    EnvironmentFault
        If the device is not to be had.
    """
    from reader_app.networks import device, registry

    where = device.choose(wish)
    device.settle(0)
    try:
        return registry.load(bundle, where), device.describe(where)
    except MemoryError:
        raise EnvironmentFault("There is not enough memory for this model; close other programs and start again.") from None


def current(directory: Path, case: OpenCase, bundle: Bundle, clinical: Mapping[str, str] | None = None) -> Prediction | None:
    """Return the stored prediction of this model on these pixels and clinical data, or None when none is still right."""
    try:
        found = results.load(directory, case.case_id)
    except BundleError:
        return None
    same = results.matches(found, case.fingerprint) and found.provenance.get("bundle_sha256") == bundle.sha256
    same = same and found.provenance.get("code_version") == reader_app.__version__
    same = same and (clinical is None or results.same_clinical(found, clinical))
    return found if same and found.status != "failed" else None


def serve() -> int:
    """Run the worker on this process's standard streams and return its exit status.

    Whatever a library prints goes to standard error, so that only messages reach standard output.
    """
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    source = os.fdopen(os.dup(sys.stdin.fileno()), "r", encoding="utf-8", errors="replace")
    return Server(source, sink).serve()


if __name__ == "__main__":
    sys.exit(serve())
