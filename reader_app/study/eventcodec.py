"""Events as plain JSON-ready payloads and back: the form in which the log keeps them.

A payload holds every field of the event by name and ``"v"``, the version of this format. A later version may add fields with a
default without changing ``"v"``: an absent field takes its default, so old logs stay readable as they are. Unknown kinds, unknown
fields and a newer ``"v"`` are refused: the log was then written by a newer program.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass

from reader_app.errors import LogBug
from reader_app.study import events
from reader_app.study.events import Event

VERSION = 1

#: Every kind of event by its name in the log.
KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in typing.get_args(Event)}

_HINTS: dict[type, dict[str, object]] = {}


def to_payload(event: Event) -> tuple[str, dict[str, object]]:
    """Return the kind (the class name) and the payload of an event: text, numbers, lists and dicts only."""
    return type(event).__name__, {"v": VERSION, **_plain_fields(event)}


def from_payload(kind: str, payload: Mapping[str, object]) -> Event:
    """Return the event of a payload.

    Raises
    ------
    LogBug
        If the kind, a field or a value is not one that this version of the program writes.
    """
    event_type = KINDS.get(kind)
    if event_type is None:
        raise LogBug(f"The log holds an event {kind!r} that this version of the program does not know; use a newer one.")
    if payload.get("v") != VERSION:
        raise LogBug(
            f"The log holds an event {kind} of format {payload.get('v')!r}, this program reads {VERSION}; use a newer one."
        )
    return typing.cast(Event, _build(event_type, {key: own for key, own in payload.items() if key != "v"}, kind))


def _plain_fields(value: object) -> dict[str, object]:
    return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}  # type: ignore[arg-type]


def _plain(value: object) -> object:
    if is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {key: _plain(own) for key, own in value.items()}
    if isinstance(value, tuple):
        return [_plain(own) for own in value]
    return value


def _build(target: type, values: object, place: str) -> object:
    if not isinstance(values, Mapping):
        raise LogBug(f"The log holds {place} that is not an object.")
    hints = _HINTS.setdefault(target, typing.get_type_hints(target, vars(events)))
    known: dict[str, Field[object]] = {entry.name: entry for entry in fields(target)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise LogBug(f"The log holds {place} with a field {unknown[0]!r} that this version of the program does not know.")
    given: dict[str, object] = {}
    for name, entry in known.items():
        if name in values:
            given[name] = _value(hints[name], values[name], f"{place}.{name}")
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise LogBug(f"The log holds {place} without its field {name!r}.")
    return target(**given)


def _value(hint: typing.Any, value: object, place: str) -> object:
    """Return ``value`` as the annotated type; JSON knows neither tuples nor our classes."""
    if is_dataclass(hint):
        return _build(typing.cast(type, hint), value, place)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):  # only "X | None" occurs
        return None if value is None else _value(arguments[0], value, place)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(arguments[0], own, place) for own in value)
    if origin is Mapping and isinstance(value, Mapping):
        return {key: _value(arguments[1], own, place) for key, own in value.items() if isinstance(key, str)}
    if hint is float and type(value) in (int, float) and math.isfinite(typing.cast(float, value)):
        return float(typing.cast(float, value))
    if hint in (str, int, bool) and type(value) is hint:
        return value
    raise LogBug(f"The log holds {place} = {value!r}, which is not of its type.")
