"""Jobs that misbehave, called in worker processes by the tests."""

from __future__ import annotations

import os
import signal
import time


class Panic(BaseException):
    """Like the panics of native extensions: not an Exception."""


def die(path: str) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def abort(path: str) -> None:
    os.abort()


def leave(path: str) -> None:
    os._exit(3)


def panic(path: str) -> None:
    raise Panic("native code panicked")


def hoard(path: str) -> int:
    return len(bytearray(1 << 34))


def sleep(path: str) -> None:
    time.sleep(60)


def spin(path: str) -> None:
    while True:
        pass


def recurse(path: str) -> None:
    recurse(path)


def lie(path: str) -> float:
    return float("nan")


def well(path: str) -> str:
    return path
