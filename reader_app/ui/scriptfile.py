"""The answer script of a simulated reader, as a file; it holds answers only and tells nothing of the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reader_app.errors import Fault, InputFaults
from reader_app.study.finding import Mark


@dataclass(frozen=True, slots=True)
class ScriptedRead:
    """One answer of a script."""

    categories: Mapping[str, str]
    scores: Mapping[str, int]
    note: str
    reading_time_s: float
    marks: tuple[Mark, ...] = ()
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # "<question>:<unit>" -> values
    verdicts: tuple[str, ...] = ()  # on the findings of the aid, first to last


@dataclass(frozen=True, slots=True)
class Script:
    """All answers of one simulated reader: by round, case and which of its readings in the round; and to questionnaires."""

    reader_id: str
    reads: Mapping[tuple[int, str, int], ScriptedRead]
    questionnaires: Mapping[str, tuple[Mapping[str, tuple[str, ...]], ...]] = field(default_factory=dict)


def load_script(file: Path) -> Script:
    """Return a script.

    Raises
    ------
    InputFaults
        If the file cannot be read or is no script.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["schema"] != 1:
            raise InputFaults([Fault(str(file), f"schema {document['schema']} is not known", "use a newer program")])
        reads = {
            (int(own["round"]), str(own["case_id"]), int(own.get("occurrence", 1))): ScriptedRead(
                {str(unit): str(category) for unit, category in own["categories"].items()},
                {str(unit): int(score) for unit, score in own.get("scores", {}).items()},
                str(own.get("note", "")),
                float(own["reading_time_s"]),
                tuple(_mark(mark) for mark in own.get("marks", ())),
                {str(name): tuple(map(str, values)) for name, values in own.get("answers", {}).items()},
                tuple(map(str, own.get("verdicts", ()))),
            )
            for own in document["reads"]
        }
        asked = {
            str(name): tuple({str(key): tuple(map(str, values)) for key, values in own.items()} for own in filled)
            for name, filled in document.get("questionnaires", {}).items()
        }
        return Script(str(document["reader_id"]), reads, asked)
    except OSError as error:
        raise InputFaults([Fault(str(file), f"it cannot be read ({error})", "check the path")]) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputFaults(
            [Fault(str(file), f"it is no answer script ({error!r})", "write it with reader-app simulate")]
        ) from error


def _mark(own: Mapping[str, Any]) -> Mark:
    index = tuple(float(at) for at in own["index"])
    return Mark(str(own["mark_id"]), str(own["finding_id"]), str(own["image_id"]), index, score=int(own["score"]))
