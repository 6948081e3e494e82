"""Whatever happens in a worker becomes one refusal; the program and the other files are unharmed."""

from __future__ import annotations

import time

import pytest

from reader_app.errors import ImageError
from reader_app.imaging.limits import WorkerLimits
from reader_app.imaging.workers import Job, WorkerPool

LIMITS = WorkerLimits(memory_bytes=2 << 30, cpu_s=1.0, wall_s=120.0)


@pytest.fixture(scope="module")
def crew():
    with WorkerPool(2, LIMITS, ("badjobs",)) as pool:
        yield pool


@pytest.mark.parametrize(
    ("function", "word"),
    [
        ("die", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("leave", "status 3"),
        ("panic", "native code panicked"),
        ("hoard", "more memory"),
        ("spin", "processor time"),
        ("recurse", "nested too deeply"),
        ("lie", "not finite"),
    ],
)
def test_every_misfortune_is_one_refusal(crew, function, word):
    with pytest.raises(ImageError, match=word) as caught:
        crew.call(f"badjobs:{function}", "a.dcm", path="/x/a.dcm")
    assert "a.dcm" in str(caught.value) or function == "lie"
    assert crew.call("badjobs:well", "b.dcm", path="b") == "b"  # a new worker took its place


def test_a_sleeping_decoder_is_killed_in_time():
    with WorkerPool(1, WorkerLimits(2 << 30, 60.0, 3.0), ("badjobs",)) as hasty:
        with pytest.raises(ImageError, match=r"a\.dcm: took longer than 3 s"):
            hasty.call("badjobs:sleep", "a.dcm", path="a.dcm")
        assert hasty.deaths == 1


def test_good_files_among_bad_ones_all_arrive(crew):
    names = ["well", "die", "well", "panic", "well", "well", "leave", "well"]
    answers = list(crew.map(Job(i, f"badjobs:{n}", {"path": str(i)}, str(i)) for i, n in enumerate(names)))
    good = {a.key for a in answers if not a.reason}
    assert good == {i for i, n in enumerate(names) if n == "well"} and len(answers) == len(names)


def test_only_listed_modules_can_be_called(crew):
    with pytest.raises(ImageError):
        crew.call("os:getcwd")


def test_cancelling_ends_running_work_at_once(crew):
    start = time.monotonic()
    jobs = (Job(i, "badjobs:sleep", {"path": ""}, "") for i in range(10))
    assert list(crew.map(jobs, cancelled=lambda: time.monotonic() - start > 0.5)) == []
    assert time.monotonic() - start < 5


def test_a_pool_closes_its_processes():
    with WorkerPool(1, LIMITS, ("badjobs",)) as pool:
        pool.call("badjobs:well", path="x")
        process = pool._idle[0].process
    assert not process.is_alive()
