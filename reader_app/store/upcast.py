"""Rows of a log as events in today's form. Rows are never rewritten: a log keeps the form in which it was written.

When the payload of an event changes in a way that defaults cannot bridge, ``study.eventcodec.VERSION`` is raised and one step is
added to :data:`STEPS`: from (kind, old version) to the next version. Steps follow each other until none is left. A log of every
released version lies in ``tests/store/corpus`` and must read to the same events for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reader_app.errors import LogBug
from reader_app.store.logcheck import EventRow, no_collection
from reader_app.study.eventcodec import from_payload
from reader_app.study.events import Logged

#: What a step is: the payload of one version in, kind and payload of the next version out.
Step = Callable[[Mapping[str, object]], tuple[str, dict[str, object]]]

#: By (kind, version as stored). Empty while every released version wrote payloads of version 1.
STEPS: dict[tuple[str, int], Step] = {}


def upcast(
    kind: str, payload: Mapping[str, object], steps: Mapping[tuple[str, int], Step] = STEPS
) -> tuple[str, Mapping[str, object]]:
    """Return kind and payload in today's form.

    Parameters
    ----------
    kind : str
        Name of the event as stored.
    payload : mapping
        As stored; its key ``"v"`` is the version.
    steps : mapping
        The steps known.

    Raises
    ------
    ValueError
        If a step does not raise the version: it would never end.
    """
    version = payload.get("v")
    while isinstance(version, int) and (kind, version) in steps:
        kind, payload = steps[kind, version](payload)
        raised = payload.get("v")
        if not isinstance(raised, int) or raised <= version:
            raise ValueError(f"the upcasting step of {kind} from version {version} does not raise the version")
        version = raised
    return kind, payload


def decoded(events: Sequence[EventRow]) -> tuple[Logged, ...]:
    """Return rows as events, in today's form.

    Raises
    ------
    LogBug
        If an event is not JSON, or of a kind or form that this program does not know.
    """
    with no_collection():
        return tuple(
            [
                Logged(seq, run_id, mono_ns, wall_utc, from_payload(*upcast(kind, _value(payload))))
                for seq, run_id, mono_ns, wall_utc, kind, payload, _ in events
            ]
        )


def _value(payload: str) -> Any:
    """Return the value of a canonical JSON text: no spaces around it, so two thirds of the time of ``json.loads`` are enough."""
    try:
        value, end = _parse(payload)
    except ValueError:
        end = -1
    if end != len(payload):
        raise LogBug(f"The log holds an event that is not JSON ({payload[:40]!r}); keep it and bring back the last copy.")
    return value


_parse = json.JSONDecoder().raw_decode
