"""Events as plain JSON-ready payloads and back: the form in which the log keeps them.

A payload holds every field of the event by name and ``"v"``, the version of this format. A later version may add fields with a
default without changing ``"v"``: an absent field takes its default, so old logs stay readable as they are. Unknown kinds, unknown
fields and a newer ``"v"`` are refused: the log was then written by a newer program.

Encoders and decoders are made once per class from its annotations, because a log may hold a million events.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass

from reader_app.errors import LogBug
from reader_app.study import events
from reader_app.study.events import Event

VERSION = 1

#: Every kind of event by its name in the log.
KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in typing.get_args(Event)}

_Decoder = Callable[[object], object]


class _Misfit(ValueError):
    """A value is not of its type; the text is the path below the event, and the value."""


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
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise LogBug(f"The log holds an event {kind!r} that this version of the program does not know; use a newer one.")
    if payload.get("v") != VERSION:
        raise LogBug(
            f"The log holds an event {kind} of format {payload.get('v')!r}, this program reads {VERSION}; use a newer one."
        )
    try:
        return typing.cast(Event, decoder(payload))
    except _Misfit as wrong:
        raise LogBug(f"The log holds an event {kind} {wrong}.") from None


def _plain_fields(value: object) -> dict[str, object]:
    return {name: _plain(getattr(value, name)) for name in _NAMES[type(value)]}


def _plain(value: object) -> object:
    if type(value) in _NAMES:
        return _plain_fields(value)
    if isinstance(value, Mapping):
        return {key: _plain(own) for key, own in value.items()}
    if isinstance(value, tuple):
        return [_plain(own) for own in value]
    return value


def _decoder(hint: typing.Any) -> _Decoder:
    """Return the decoder of an annotated type; JSON knows neither tuples nor our classes."""
    if is_dataclass(hint):
        return _class_decoder(typing.cast(type, hint))
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        inner = _decoder(arguments[0])  # only "X | None" occurs
        return lambda value: None if value is None else inner(value)
    if origin is tuple:
        member = _decoder(arguments[0])

        def decode_tuple(value: object) -> object:
            if not isinstance(value, list):
                raise _Misfit(f"with {value!r} for a list")
            return tuple(map(member, value))

        return decode_tuple
    if origin is Mapping:
        own = _decoder(arguments[1])

        def decode_mapping(value: object) -> object:
            if not isinstance(value, Mapping) or not all(type(key) is str for key in value):
                raise _Misfit(f"with {value!r} for a table")
            return {key: own(member) for key, member in value.items()}

        return decode_mapping
    return _decode_float if hint is float else _plain_decoder(hint)


def _decode_float(value: object) -> object:
    if (type(value) is float or type(value) is int) and math.isfinite(value):
        return float(value)
    raise _Misfit(f"with {value!r} for a number")


def _plain_decoder(wanted: type) -> _Decoder:
    def decode(value: object) -> object:
        if type(value) is not wanted:
            raise _Misfit(f"with {value!r} for a {wanted.__name__}")
        return value

    return decode


def _class_decoder(target: type) -> _Decoder:
    hints = typing.get_type_hints(target, vars(events))
    decoders = {entry.name: _decoder(hints[entry.name]) for entry in fields(target)}
    needed = {entry.name for entry in fields(target) if entry.default is MISSING and entry.default_factory is MISSING}
    names, ordered = tuple(decoders), tuple(decoders.values())
    plain = tuple(None if hints[name] is float else hints[name] for name in names)  # a float may still not be finite
    beside = frozenset({"v"}) if target in KINDS.values() else frozenset[str]()
    whole = len(names) + len(beside)
    _NAMES[target] = names

    def decode(values: object) -> object:
        if type(values) is not dict or len(values) != whole:
            return decode_by_name(values)
        try:
            found = [values[name] for name in names]
        except KeyError:
            return decode_by_name(values)
        if tuple(map(type, found)) == plain:  # the most frequent case: every field is plain and of its type
            return target(*found)
        return target(*[own(value) for own, value in zip(ordered, found, strict=True)])

    def decode_by_name(values: object) -> object:
        if not isinstance(values, Mapping):
            raise _Misfit(f"with {values!r} for a {target.__name__}")
        values = {name: own for name, own in values.items() if name not in beside}
        unknown = values.keys() - decoders.keys()
        if unknown:
            raise _Misfit(f"with a field {min(unknown)!r} that this version of the program does not know; use a newer one")
        absent = needed - values.keys()
        if absent:
            raise _Misfit(f"without its field {min(absent)!r}")
        return target(**{name: decoders[name](own) for name, own in values.items()})

    return decode


_NAMES: dict[type, tuple[str, ...]] = {}
_DECODERS: dict[str, _Decoder] = {name: _class_decoder(kind) for name, kind in KINDS.items()}
