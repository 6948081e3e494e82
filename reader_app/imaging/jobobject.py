"""Limits of a worker process on Windows: a Job object with memory, processor time, no children, and death with the program.

What ``setrlimit`` does elsewhere. The calls go through a ``kernel`` that answers as kernel32 does, so that their order, sizes and
bits are tested on any system; that Windows then enforces them is Windows' own promise.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

_BASIC_ACCOUNTING, _EXTENDED_LIMITS = 1, 9
_PROCESS_TIME, _ACTIVE_PROCESS, _PROCESS_MEMORY = 0x2, 0x8, 0x100
_DIE_ON_UNHANDLED, _KILL_ON_CLOSE = 0x400, 0x2000
_SET_QUOTA_AND_TERMINATE = 0x0101
_TICKS = 10_000_000  # of 100 ns in a second

#: Exit status of a process that Windows ended because its time was used up (ERROR_NOT_ENOUGH_QUOTA).
TIME_USED_UP = 1816


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION (144 bytes in a 64-bit process)."""

    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Accounting(ctypes.Structure):
    """JOBOBJECT_BASIC_ACCOUNTING_INFORMATION (48 bytes)."""

    _fields_ = (
        ("TotalUserTime", ctypes.c_int64),
        ("TotalKernelTime", ctypes.c_int64),
        ("ThisPeriodTotalUserTime", ctypes.c_int64),
        ("ThisPeriodTotalKernelTime", ctypes.c_int64),
        ("TotalPageFaultCount", ctypes.c_uint32),
        ("TotalProcesses", ctypes.c_uint32),
        ("ActiveProcesses", ctypes.c_uint32),
        ("TotalTerminatedProcesses", ctypes.c_uint32),
    )


def kernel32() -> Any:
    """Return the system's kernel32 with the argument types that 64-bit handles need."""
    kernel: Any = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009 - absent from other systems' stubs
    handle, text, number = ctypes.c_void_p, ctypes.c_wchar_p, ctypes.c_uint32
    kernel.CreateJobObjectW.argtypes, kernel.CreateJobObjectW.restype = (ctypes.c_void_p, text), handle
    kernel.OpenProcess.argtypes, kernel.OpenProcess.restype = (number, ctypes.c_int, number), handle
    kernel.AssignProcessToJobObject.argtypes = (handle, handle)
    kernel.SetInformationJobObject.argtypes = (handle, ctypes.c_int, ctypes.c_void_p, number)
    kernel.QueryInformationJobObject.argtypes = (handle, ctypes.c_int, ctypes.c_void_p, number, ctypes.c_void_p)
    kernel.CloseHandle.argtypes = (handle,)
    return kernel


class JobObject:
    """Confines one process.

    Parameters
    ----------
    pid : int
        A process of ours that runs already.
    memory_bytes : int
        Memory it may commit; beyond it, allocations fail and become MemoryError.
    kernel : object, optional
        Answers as kernel32; the system's own by default.

    Raises
    ------
    OSError
        If Windows refuses; the process must then not be used, for it is not confined.
    """

    def __init__(self, pid: int, memory_bytes: int, kernel: Any = None) -> None:
        self._kernel = kernel or kernel32()
        self._limits = ExtendedLimits()
        basic = self._limits.BasicLimitInformation
        basic.LimitFlags = _ACTIVE_PROCESS | _PROCESS_MEMORY | _DIE_ON_UNHANDLED | _KILL_ON_CLOSE
        basic.ActiveProcessLimit = 1
        self._limits.ProcessMemoryLimit = memory_bytes
        self._job = self._kernel.CreateJobObjectW(None, None)
        if not self._job:
            raise self._refused("make a job object")
        try:
            self._set()
            process = self._kernel.OpenProcess(_SET_QUOTA_AND_TERMINATE, 0, pid)
            if not process:
                raise self._refused("open the decoder's process")
            try:
                if not self._kernel.AssignProcessToJobObject(self._job, process):
                    raise self._refused("confine the decoder's process")
            finally:
                self._kernel.CloseHandle(process)
        except OSError:
            self.close()
            raise

    def grant(self, cpu_s: float) -> None:
        """Allow this much processor time from now on; the process is ended beyond it."""
        used = Accounting()
        if not self._kernel.QueryInformationJobObject(
            self._job, _BASIC_ACCOUNTING, ctypes.byref(used), ctypes.sizeof(used), None
        ):
            raise self._refused("read the decoder's time")
        basic = self._limits.BasicLimitInformation
        basic.LimitFlags |= _PROCESS_TIME
        basic.PerProcessUserTimeLimit = used.TotalUserTime + int(cpu_s * _TICKS)
        self._set()

    def close(self) -> None:
        """Let go of the job; the process in it is killed."""
        if self._job:
            self._kernel.CloseHandle(self._job)
            self._job = None

    def _set(self) -> None:
        size = ctypes.sizeof(self._limits)
        if not self._kernel.SetInformationJobObject(self._job, _EXTENDED_LIMITS, ctypes.byref(self._limits), size):
            raise self._refused("set the decoder's limits")

    @staticmethod
    def _refused(what: str) -> OSError:
        code = getattr(ctypes, "get_last_error", lambda: 0)()
        return OSError(code, f"Windows would not {what} (error {code})")


def confine(pid: int, memory_bytes: int) -> JobObject | None:
    """Return the job object of a new worker on Windows, None elsewhere (the worker confines itself there)."""
    return JobObject(pid, memory_bytes) if os.name == "nt" else None
