"""The calls to Windows' job objects: right order, sizes and bits, and no process left unconfined when one is refused."""

from __future__ import annotations

import ctypes

import pytest

from reader_app.errors import ImageError
from reader_app.imaging import jobobject, workers
from reader_app.imaging.jobobject import Accounting, ExtendedLimits, JobObject
from reader_app.imaging.limits import WorkerLimits


class Kernel:
    """Answers as kernel32 and keeps what it was asked; calls named in ``refuse`` fail."""

    def __init__(self, refuse: str = "", used_s: float = 0.0) -> None:
        self.refuse, self.used_s = refuse, used_s
        self.calls: list[tuple[str, ...]] = []
        self.limits: list[ExtendedLimits] = []
        self.open: set[int] = set()

    def _answer(self, name: str, handle: int = 0) -> int:
        self.calls.append((name,))
        if self.refuse == name:
            return 0
        if handle:
            self.open.add(handle)
        return handle or 1

    def CreateJobObjectW(self, _security, _name):
        return self._answer("CreateJobObjectW", 11)

    def OpenProcess(self, rights, inherit, pid):
        assert rights & 0x0101 == 0x0101 and not inherit and pid == 77
        return self._answer("OpenProcess", 22)

    def AssignProcessToJobObject(self, job, process):
        assert (job, process) == (11, 22)
        return self._answer("AssignProcessToJobObject")

    def SetInformationJobObject(self, job, kind, pointer, size):
        assert job == 11 and kind == 9 and size == ctypes.sizeof(ExtendedLimits)
        self.limits.append(ExtendedLimits.from_buffer_copy(ctypes.string_at(ctypes.addressof(pointer._obj), size)))
        return self._answer("SetInformationJobObject")

    def QueryInformationJobObject(self, job, kind, pointer, size, _length):
        assert job == 11 and kind == 1 and size == ctypes.sizeof(Accounting)
        pointer._obj.TotalUserTime = int(self.used_s * 10_000_000)
        return self._answer("QueryInformationJobObject")

    def CloseHandle(self, handle):
        self.open.discard(handle)
        return self._answer("CloseHandle")


def test_the_structures_have_windows_sizes():
    assert ctypes.sizeof(ctypes.c_void_p) == 8
    assert ctypes.sizeof(ExtendedLimits) == 144 and ctypes.sizeof(Accounting) == 48
    assert ExtendedLimits.ProcessMemoryLimit.offset == 112


def test_limits_are_set_before_the_process_is_taken_in():
    kernel = Kernel()
    JobObject(77, 5 << 30, kernel)
    names = [c[0] for c in kernel.calls]
    assert names == ["CreateJobObjectW", "SetInformationJobObject", "OpenProcess", "AssignProcessToJobObject", "CloseHandle"]
    limits = kernel.limits[0]
    assert limits.ProcessMemoryLimit == 5 << 30 and limits.BasicLimitInformation.ActiveProcessLimit == 1
    assert limits.BasicLimitInformation.LimitFlags == 0x100 | 0x2000 | 0x400 | 0x8
    assert kernel.open == {11}  # the handle of the process is not kept


def test_each_file_gets_its_own_processor_time():
    kernel = Kernel(used_s=12.5)
    job = JobObject(77, 1 << 30, kernel)
    job.grant(60.0)
    basic = kernel.limits[-1].BasicLimitInformation
    assert basic.PerProcessUserTimeLimit == 725_000_000 and basic.LimitFlags & 0x2
    assert kernel.limits[-1].ProcessMemoryLimit == 1 << 30  # the other limits stay


def test_letting_go_kills_and_closes_once():
    kernel = Kernel()
    job = JobObject(77, 1, kernel)
    job.close()
    job.close()
    assert not kernel.open and [c[0] for c in kernel.calls].count("CloseHandle") == 2


@pytest.mark.parametrize("call", ["CreateJobObjectW", "SetInformationJobObject", "OpenProcess", "AssignProcessToJobObject"])
def test_a_refusal_is_an_error_and_leaves_no_handle(call):
    kernel = Kernel(refuse=call)
    with pytest.raises(OSError, match="Windows would not"):
        JobObject(77, 1, kernel)
    assert not kernel.open


def test_elsewhere_there_is_no_job_object():
    assert jobobject.confine(1, 1) is None


def test_a_worker_that_cannot_be_confined_is_not_used(monkeypatch):
    ended = []

    def refused(pid, memory):
        ended.append(pid)
        raise OSError(5, "Windows would not confine the decoder's process (error 5)")

    monkeypatch.setattr(workers.jobobject, "confine", refused)
    with workers.WorkerPool(1, WorkerLimits(), ()) as pool, pytest.raises(ImageError, match="nothing is decoded without"):
        pool.call("reader_app.imaging.jobs:inspect", "a", path="a")
    import os

    with pytest.raises(ProcessLookupError):
        os.kill(ended[0], 0)  # its process is gone


def test_a_confined_worker_is_granted_time_for_each_job(monkeypatch):
    kernel = Kernel()
    kernel.OpenProcess = lambda rights, inherit, pid: kernel._answer("OpenProcess", 22)
    monkeypatch.setattr(workers.jobobject, "confine", lambda pid, memory: JobObject(pid, memory, kernel))
    with workers.WorkerPool(1, WorkerLimits(), ("badjobs",)) as pool:
        assert pool.call("badjobs:well", "a", path="a") == "a" and pool.call("badjobs:well", "b", path="b") == "b"
    assert [c[0] for c in kernel.calls].count("QueryInformationJobObject") == 2 and not kernel.open
