"""Where work runs: on a named thread of its own, or at once in tests; and how results come back to the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class MainThread(Protocol):
    """The thread of the window."""

    def post(self, work: Callable[[], None]) -> None:
        """Run ``work()`` on that thread, soon, in the order of the posts. May be called from any thread."""
        ...


class Executor(Protocol):
    """Whatever runs work elsewhere, one piece after the other."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` and return its future."""
        ...

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work."""
        ...


class InlineExecutor:
    """Runs work at once on the calling thread. For tests and for programs without a window."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``fn`` now and return its finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - it travels in the future, as with any executor
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Do nothing: no work is ever waiting."""


class InlineMainThread:
    """Runs what is posted at once. Only with :class:`InlineExecutor`, or where the caller is the main thread."""

    def post(self, work: Callable[[], None]) -> None:
        """Run ``work()`` now."""
        work()


def one_thread(name: str) -> ThreadPoolExecutor:
    """Return an executor with a single thread: its work is done in order, one piece at a time."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)


def deliver(future: Future[T], main_thread: MainThread, receive: Callable[[Future[T]], None]) -> None:
    """Call ``receive(future)`` on the main thread once the future is done.

    A future that is done already is delivered straight on: an error of ``receive`` then reaches the caller, where a callback of a
    future would swallow it.
    """
    if future.done():
        main_thread.post(lambda: receive(future))
    else:
        future.add_done_callback(lambda done: main_thread.post(lambda: receive(done)))
