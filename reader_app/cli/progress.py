"""The progress bar on standard error: case counts and an estimate of the time left."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


class ProgressBar:
    """A context in which ``bar(done, total, text)`` keeps one bar up to date; silent where standard error is no terminal.

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

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int, text: str) -> None:
        """Show that ``done`` of ``total`` are finished and ``text`` is at hand."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=self._title, unit=self._unit, file=sys.stderr, disable=None, leave=True)
        self._bar.total = total
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(done - self._bar.n)
