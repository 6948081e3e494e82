"""The client against fake workers: progress, cancel, death, silence, rubbish; each fault is one sentence."""

from __future__ import annotations

import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import pytest

from reader_app.ai import bundle as bundles
from reader_app.ai.client import Worker
from reader_app.errors import BundleError, WorkerError

PRELUDE = """
import json, os, signal, sys, time
def say(**m): print(json.dumps(m), flush=True)
def ask(): return json.loads(sys.stdin.readline())
"""


def _fake(tmp_path: Path, body: str) -> list[str]:
    path = tmp_path / "fake.py"
    path.write_text(PRELUDE + textwrap.dedent(body))
    return [sys.executable, str(path)]


@pytest.fixture
def bundle(tmp_path: Path) -> bundles.Bundle:
    manifest = {
        "system": "lu2025",
        "model_id": "DLR_BM",
        "version": "1",
        "title": "t",
        "licence": "MIT",
        "intended_use": "tests",
        "training_data": "trained on phantoms",
        "input": {"modalities": {}} | {"x": 1},
        "output": {"labels": []},
        "operating_points": {"ultrasound": {"threshold": 0.5}},
    }
    return bundles.write(tmp_path / "bundle", manifest, {bundles.WEIGHTS: b"w"})


CASES = [("C1", Path("c1")), ("C2", Path("c2"), {"age": "50"})]


def test_progress_results_and_end(tmp_path: Path, bundle: bundles.Bundle) -> None:
    command = _fake(
        tmp_path,
        """
        say(type="hello", version="x")
        r = ask()
        assert r["cases"][1]["clinical"] == {"age": "50"} and r["device"] == "cpu" and len(r["bundle_sha256"]) == 64
        for k, c in enumerate(r["cases"]):
            say(type="progress", id=r["id"], done=k, total=2, case_id=c["case_id"])
            status = "ok" if k else "not_applicable"
            say(type="result", id=r["id"], case_id=c["case_id"], status=status, reason="why", reused=k == 1)
        say(type="done", id=r["id"], device="CPU fake", cancelled=False)
        sys.stdin.readline()
        """,
    )
    told: list[tuple[int, int, str]] = []
    with Worker(command) as worker:
        outcome = worker.run(bundle, CASES, tmp_path / "out", device="cpu", progress=lambda *a: told.append(a))
    assert outcome.done == ("C1", "C2") and outcome.reused == ("C2",) and outcome.failed == {"C1": "why"}
    assert outcome.device == "CPU fake" and not outcome.cancelled and told[-1] == (1, 2, "C2")


def test_killed_in_the_middle_is_one_sentence(tmp_path: Path, bundle: bundles.Bundle) -> None:
    command = _fake(
        tmp_path,
        """
        say(type="hello")
        r = ask()
        say(type="progress", id=r["id"], done=0, total=2, case_id="C1")
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    with Worker(command) as worker, pytest.raises(WorkerError) as caught:
        worker.run(bundle, CASES, tmp_path / "out")
    text = str(caught.value)
    assert "SIGKILL" in text and "case C1" in text and "\n" not in text


def test_ends_by_itself_with_its_last_words(tmp_path: Path, bundle: bundles.Bundle) -> None:
    with (
        Worker(_fake(tmp_path, "sys.stderr.write('no such thing\\n'); sys.exit(5)")) as worker,
        pytest.raises(WorkerError) as caught,
    ):
        worker.run(bundle, CASES, tmp_path / "out")
    assert "status 5" in str(caught.value) and "\n" not in str(caught.value)


def test_silence_and_rubbish_end_it(tmp_path: Path, bundle: bundles.Bundle) -> None:
    quiet = Worker(_fake(tmp_path, "say(type='hello'); ask(); time.sleep(60)"), silence_s=0.5)
    with quiet, pytest.raises(WorkerError, match="no sign of life"):
        quiet.run(bundle, CASES, tmp_path / "out")
    assert quiet.pid is None
    mute = Worker(_fake(tmp_path, "time.sleep(60)"), start_s=0.5)
    with mute, pytest.raises(WorkerError, match="no sign of life"):
        mute.start()
    loud = Worker(_fake(tmp_path, "print('Segmentation fault'); time.sleep(60)"))
    with loud, pytest.raises(WorkerError, match="no message"):
        loud.start()
    with pytest.raises(WorkerError, match="cannot be started"):
        Worker([str(tmp_path / "nothing")]).start()


def test_errors_keep_their_family(tmp_path: Path, bundle: bundles.Bundle) -> None:
    command = _fake(
        tmp_path,
        "say(type='hello'); r = ask(); say(type='error', id=r['id'], kind='BundleError', message='That is wrong.'); ask()",
    )
    with Worker(command) as worker, pytest.raises(BundleError, match=r"^That is wrong\.$"):
        worker.run(bundle, CASES, tmp_path / "out")


def test_cancel_is_passed_on_and_the_worker_stays(tmp_path: Path, bundle: bundles.Bundle) -> None:
    command = _fake(
        tmp_path,
        """
        say(type="hello")
        while True:
            r = ask()
            if r["type"] == "quit": break
            if r["type"] == "run":
                say(type="progress", id=r["id"], done=0, total=2, case_id="C1")
                c = ask()
                say(type="done", id=r["id"], device="d", cancelled=c["type"] == "cancel" and c["id"] == r["id"])
        """,
    )
    started = time.monotonic()
    with Worker(command) as worker:
        for _ in range(2):
            answers = iter([False, False])
            stop = partial(next, answers, True)
            outcome = worker.run(bundle, CASES, tmp_path / "out", cancelled=stop)
            assert outcome.cancelled and outcome.done == ()
        pid = worker.pid
        assert pid is not None
    assert worker.pid is None and time.monotonic() - started < 10
