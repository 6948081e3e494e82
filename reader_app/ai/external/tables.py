"""Scores and boxes in tables: CSV and JSON of this program, and the tables of the TDSC-ABUS challenge."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.ai.external.intake import Intake, number
from reader_app.ai.results import STATUSES
from reader_app.errors import Fault

#: Largest map that is read, in bytes.
MAP_LIMIT = 4 << 30

_ABUS_COLUMNS = {"c_x", "c_y", "c_z", "len_x", "len_y", "len_z"}


def take_csv(intake: Intake, path: str, name: str, content: bytes) -> Iterator[Fault]:
    """Take a CSV table; yield the faults of its rows.

    Raises
    ------
    ValueError
        If it is no table of predictions at all.
    """
    digest = hashlib.sha256(content).hexdigest()
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    if not rows:
        raise ValueError("holds no rows")
    columns = {str(c).strip() for c in rows[0] if c is not None}
    abus = columns >= _ABUS_COLUMNS
    if not abus and "case_id" not in columns:
        raise ValueError("has no column case_id")
    for line, row in enumerate(rows, 2):
        try:
            values = {str(k).strip(): (v or "").strip() for k, v in row.items() if k is not None and isinstance(v, str)}
            case_id = _take_abus(intake, values) if abus else _take_row(intake, values)
            intake.found(case_id).files[name] = digest
        except (ValueError, KeyError) as error:
            yield Fault(f"{path}: row {line}", str(error).strip("'\""), "correct the row")


def _take_row(intake: Intake, row: Mapping[str, str]) -> str:
    case_id = row["case_id"]
    probability = number(row["probability"], "probability") if row.get("probability") else None
    if probability is not None:
        intake.add_probability(case_id, probability)
    if row.get("start_row"):
        axes = ("slice", "row", "column") if row.get("start_slice") else ("row", "column")
        start = [number(row.get(f"start_{a}", ""), f"start_{a}") for a in axes]
        stop = [number(row.get(f"stop_{a}", ""), f"stop_{a}") for a in axes]
        score = number(row["score"], "score") if row.get("score") else probability
        intake.add_box(case_id, row.get("image_id", ""), start, stop, score, row.get("label", ""), row.get("space") or "shown")
    intake.found(case_id)
    return case_id


def _take_abus(intake: Intake, row: Mapping[str, str]) -> str:
    case_id = row.get("case_id") or row.get("id") or row.get("public_id") or ""
    volumes = [i for i in intake.case(case_id).images if i.kind == "volume"]
    if len(volumes) != 1:
        raise ValueError(f"the case {case_id} has {len(volumes)} volumes, the table names none of them")
    centre = [number(row[f"c_{a}"], f"c_{a}") for a in "zyx"]
    size = [number(row[f"len_{a}"], f"len_{a}") for a in "zyx"]
    score = number(row.get("score") or row.get("probability") or "1", "score")
    start, stop = ([c + sign * n / 2 for c, n in zip(centre, size, strict=True)] for sign in (-1, 1))
    intake.add_box(case_id, volumes[0].id, start, stop, score, "", row.get("space") or "source")
    intake.add_probability(case_id, score)
    return case_id


def take_json(intake: Intake, path: str, name: str, content: bytes) -> Iterator[Fault]:
    """Take a JSON table of schema 1; yield the faults of its entries.

    Raises
    ------
    ValueError
        If it is no table of predictions at all.
    """
    document = json.loads(content)
    if not isinstance(document, dict) or document.get("schema") != 1 or not isinstance(document.get("cases"), list):
        raise ValueError("is not a table of schema 1 with a list 'cases'")
    digest = hashlib.sha256(content).hexdigest()
    space = str(document.get("space", "shown"))
    for place, entry in enumerate(document["cases"]):
        try:
            intake.found(_take_entry(intake, entry, space, Path(path).parent)).files[name] = digest
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            yield Fault(f"{path}: cases[{place}]", f"cannot be taken ({error})", "correct the entry")


def _take_entry(intake: Intake, entry: Mapping[str, Any], space: str, folder: Path) -> str:
    """Take one case of a JSON table: ``case_id``, ``probability``, ``boxes``, ``maps``, ``status``; return its id."""
    case_id = str(entry["case_id"])
    probability = number(entry["probability"], "probability") if entry.get("probability") is not None else None
    if probability is not None:
        intake.add_probability(case_id, probability)
    for b in entry.get("boxes", []):
        score = number(b["score"], "score") if b.get("score") is not None else probability
        start, stop = [number(v, "start") for v in b["start"]], [number(v, "stop") for v in b["stop"]]
        intake.add_box(case_id, str(b["image_id"]), start, stop, score, str(b.get("label", "")), space)
    for m in entry.get("maps", []):
        intake.add_map(case_id, str(m["image_id"]), _array(folder, str(m["array"])), space)
    found = intake.found(case_id)
    status = str(entry.get("status", found.status))
    if status not in STATUSES or status == "withheld":
        raise ValueError(f"the status {status!r} is not one of {', '.join(STATUSES)}")
    if status in ("not_applicable", "failed") and not entry.get("reason"):
        raise ValueError(f"the status {status!r} needs a reason")
    found.status, found.reason = status, str(entry.get("reason", found.reason))
    return case_id


def _array(folder: Path, name: str) -> NDArray[Any]:
    """Read a map beside the table; a name that leads out of the folder is refused."""
    path = folder / name
    if Path(name).name != name or path.is_symlink() or path.suffix != ".npy":
        raise ValueError(f"{name!r} is not the name of a .npy file beside the table")
    if not path.is_file():
        raise ValueError(f"{name} is not beside the table")
    if path.stat().st_size > MAP_LIMIT:
        raise ValueError(f"{name} is larger than {MAP_LIMIT >> 20} MB")
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype.kind not in "fuib":
        raise ValueError(f"{name} holds no numbers")
    return array
