"""How long work tells how far it is, and how it is asked to stop."""

from __future__ import annotations

from collections.abc import Callable

#: Called with (done, total, what is at hand).
Progress = Callable[[int, int, str], None]

#: Asked between two pieces of work; True means stop cleanly, the finished part stays.
Cancelled = Callable[[], bool]


def silent(done: int, total: int, text: str) -> None:
    """Report nothing."""


def never() -> bool:
    """Never stop early."""
    return False
