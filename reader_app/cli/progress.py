"""Progress on standard error: a bar with counts and the time left; now and then a line where it is no terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

#: Where standard error is a file: seconds between two lines, and before the first one.
EVERY_S = 10.0


class ProgressBar:
    """A context in which ``bar(done, total, text)`` keeps one bar up to date; in a file, a line every ten seconds instead.

    Parameters
    ----------
    title : str
        Shown before the bar.
    unit : str
        What is counted.
    """

    def __init__(self, title: str, unit: str = "case") -> None:
        self._title = title
        self._unit = unit
        self._bar: Any = None
        self._said_at = time.monotonic()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int, text: str) -> None:
        """Show that ``done`` of ``total`` are finished and ``text`` is at hand."""
        if sys.stderr is None or not sys.stderr.isatty():
            self._say(f"{self._title}: {done} of {total}, {text}" if text else f"{self._title}: {done} of {total}")
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=self._title, unit=self._unit, file=sys.stderr, disable=None, leave=True)
        self._bar.total = total
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(done - self._bar.n)

    def _say(self, line: str) -> None:
        now = time.monotonic()
        if sys.stderr is not None and now - self._said_at >= EVERY_S:
            self._said_at = now
            print(line, file=sys.stderr, flush=True)
