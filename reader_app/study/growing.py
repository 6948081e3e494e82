"""A mapping that never changes, of which a longer version costs one step instead of a copy of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Growing(Mapping[K, V]):
    """An immutable mapping whose versions share one table; each sees the keys that were there when it was made.

    Folding a long log into a state adds tens of thousands of answers one by one; copies of a plain dict would make that take
    time with the square of their number.

    Parameters
    ----------
    entries : mapping
        What it begins with.
    """

    __slots__ = ("_size", "_table")

    def __init__(self, entries: Mapping[K, V] | None = None) -> None:
        self._table: dict[K, tuple[int, V]] = {key: (at, own) for at, (key, own) in enumerate((entries or {}).items())}
        self._size = len(self._table)

    def extended(self, key: K, value: V) -> Growing[K, V]:
        """Return a version in which ``key`` has this value; the present one stays as it is."""
        if len(self._table) != self._size or key in self._table:  # another version has grown already, or a value changes
            return Growing({**self, key: value})
        self._table[key] = (self._size, value)
        longer: Growing[K, V] = Growing()
        longer._table, longer._size = self._table, self._size + 1
        return longer

    def __getitem__(self, key: K) -> V:
        at, value = self._table[key]
        if at >= self._size:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[K]:
        return iter(list(islice(self._table, self._size)))

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"Growing({dict(self)!r})"
