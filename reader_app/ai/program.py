"""A program of somebody else, run as a process of its own: a folder in, a JSON table and arrays out; nothing of it is imported.

The program is called as ``PROGRAM... IN OUT``. ``IN/request.json``::

    {"schema": 1, "model_id": "...", "cases": [{"case_id": "C1", "modality": "mammography", "clinical": {"age": "52"},
      "images": [{"id": "RCC", "array": "C1.RCC.npy", "kind": "image", "laterality": "R", "view": "CC", "shape": [..],
        "dtype": "uint16", "channels": 1, "spacing_mm": [0.1, 0.1], "slope": 1.0, "intercept": 0.0, "invert": false, "bits": 12,
        "chest_wall": "right", "padding": null}]}]}

Arrays are those of the container: hung, so that right breasts have the chest wall at the right edge. The program writes
``OUT/predictions.json``, the table of `reader_app.ai.external` (``"space": "shown"``), with one entry for every case, and ends
with status 0. What it prints is kept for the message should it fail. A hospital's own model, or one whose licence does not allow
it to be part of this program, is used this way.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from reader_app.ai import external
from reader_app.ai.results import Prediction
from reader_app.errors import EnvironmentFault, WorkerError
from reader_app.imaging.container import OpenCase, open_case

REQUEST, ANSWER = "request.json", "predictions.json"


def identity(command: Sequence[str]) -> str:
    """Return the SHA-256 of a command: its words and the content of the files among them."""
    digest = hashlib.sha256()
    for word in command:
        digest.update(b"\0" + word.encode("utf-8"))
        path = Path(shutil.which(word) or word) if word == command[0] else Path(word)
        if path.is_file():
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def run(
    command: Sequence[str],
    model_id: str,
    cases: Iterable[tuple[str, Path, Mapping[str, str]]],
    threshold: float = 0.5,
    labels: tuple[str, str] = ("benign", "malignant"),
    cancelled: Callable[[], bool] | None = None,
    limit_s: float = 24 * 3600.0,
) -> list[Prediction]:
    """Hand the cases to a program and return its predictions, one for every case.

    Parameters
    ----------
    command : sequence of str
        The program and its own arguments; run without a shell.
    model_id : str
        Id under which the predictions are to be stored.
    cases : iterable of (case id, container folder, clinical variables)
        What to predict on.
    threshold, labels
        Operating point; negative and positive call.
    cancelled : callable, optional
        Asked several times a second; True ends the program.
    limit_s : float
        Longest run.

    Raises
    ------
    EnvironmentFault
        If the program cannot be started.
    WorkerError
        If it failed, was cancelled, took too long or left a case out; one sentence with the last it said.
    InputFaults
        If what it wrote is not as agreed.
    """
    listed = list(cases)
    with tempfile.TemporaryDirectory(prefix="reader-app-program-") as scratch:
        given, taken = Path(scratch) / "in", Path(scratch) / "out"
        given.mkdir()
        taken.mkdir()
        hand_over(given, model_id, listed)
        started = time.monotonic()
        _call([*command, str(given), str(taken)], cancelled, limit_s)
        answer = taken / ANSWER
        if not answer.is_file():
            raise WorkerError(f"{command[0]}: ended without writing {ANSWER}; see its own documentation.")
        found = external.read([answer], model_id, {c: folder for c, folder, _ in listed}, threshold, labels)
    missing = sorted({c for c, _, _ in listed} - {p.case_id for p in found})
    if missing:
        text = f"{', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"
        raise WorkerError(f"{command[0]}: says nothing of {len(missing)} case(s) ({text}); every case needs an entry.")
    more = {
        "source": "made by a program outside",
        "program": list(command),
        "program_sha256": identity(command),
        "seconds": round(time.monotonic() - started, 1),
    }
    return [replace(p, provenance={**p.provenance, **more}) for p in found]


def hand_over(folder: Path, model_id: str, cases: Iterable[tuple[str, Path, Mapping[str, str]]]) -> Path:
    """Write the request and copies of the arrays into a folder; return the request's path."""
    entries = []
    for case_id, container, clinical in cases:
        case = open_case(container)
        images = [_image(folder, case, k) for k in range(len(case.images))]
        entries.append({"case_id": case_id, "modality": case.modality, "clinical": dict(clinical), "images": images})
    path = folder / REQUEST
    document = {"schema": 1, "model_id": model_id, "cases": entries}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _image(folder: Path, case: OpenCase, index: int) -> dict[str, Any]:
    image = case.images[index]
    name = f"{case.case_id}.{image.id}.npy"
    shutil.copyfile(case.directory / image.files[0], folder / name)
    grey = image.grey
    return {
        "id": image.id,
        "array": name,
        "kind": image.kind,
        "laterality": image.laterality,
        "view": image.view,
        "role": image.role,
        "shape": list(image.array.shape),
        "dtype": image.array.dtype.name,
        "channels": image.channels,
        "spacing_mm": None if image.spacing_mm is None else list(image.spacing_mm),
        "slope": None if grey is None else grey.slope,
        "intercept": None if grey is None else grey.intercept,
        "invert": None if grey is None else grey.invert,
        "bits": None if grey is None else grey.bits,
        "chest_wall": image.chest_wall,
        "padding": None if image.padding is None else list(image.padding),
    }


def _call(command: Sequence[str], cancelled: Callable[[], bool] | None, limit_s: float) -> None:
    """Run a program to its end; whatever ends it otherwise is one sentence."""
    name = command[0]
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise EnvironmentFault(f"{name}: cannot be started ({error.strerror or error}); give the whole path.") from None
    said: deque[str] = deque(maxlen=20)
    listener = threading.Thread(target=_listen, args=(process, said), daemon=True)
    listener.start()
    deadline = time.monotonic() + limit_s
    try:
        while True:
            try:
                process.wait(0.2)
                break
            except subprocess.TimeoutExpired:
                if cancelled is not None and cancelled():
                    raise WorkerError(f"{name}: was stopped before its end; no prediction was stored.") from None
                if time.monotonic() > deadline:
                    raise WorkerError(f"{name}: took longer than {limit_s:.0f} s and was ended; give it fewer cases.") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(5)
        listener.join(5)
    if process.returncode:
        last = next((line for line in reversed(said) if line.strip()), "it said nothing")
        raise WorkerError(f"{name}: ended with status {process.returncode} ({last.strip()[:300]}); no prediction was stored.")


def _listen(process: subprocess.Popen[str], said: deque[str]) -> None:
    if process.stdout is not None:
        with process.stdout as stream:
            for line in stream:
                said.append(line)
