"""REDCap: a data dictionary to make the project with, and the reads to import into it.

One record a read; of plain tables, one record a row of the reads table. Every record says whether the analysis was interim. Text
that a spreadsheet might take for a formula has an apostrophe in front, as in all our CSV files; the field note says so.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from reader_app.export import words
from reader_app.export.cells import guard_csv
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Value
from reader_app.export.plain import read_table, write_table
from reader_app.study.questions import key as answer_key
from reader_app.study.readtable import Read, active_seconds, aid_seconds, paused_seconds

FORM = "read"
HEADER: tuple[str, ...] = (
    *("Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label"),
    *("Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number"),
    *("Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)", "Required Field?"),
    *("Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?", "Field Annotation"),
)
_GUARD = "A leading apostrophe marks text that a spreadsheet might take for a formula; take one away."
_NAME = re.compile(r"[a-z][a-z0-9_]{0,25}")
_VALID: Mapping[str, re.Pattern[str]] = {
    "integer": re.compile(r"-?[0-9]+"),
    "number": re.compile(r"-?[0-9]+(\.[0-9]+)?"),
    "datetime_seconds_ymd": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"),
}


def write(out: Path, study_id: str, content: WorkbookContent) -> list[Path]:
    """Write ``STUDY-redcap-dictionary.csv`` and ``STUDY-redcap-data.csv``.

    Raises
    ------
    EnvironmentFault
        If a file cannot be written.
    ValueError
        If what was written breaks a rule of REDCap (a fault of this program).
    """
    if content.given is not None:
        dictionary, records = _given(content.given.reads, content)
    else:
        dictionary, records = _dictionary(content), _records(content)
    paths = [
        write_table(out / f"{study_id}-redcap-dictionary.csv", HEADER, dictionary),
        write_table(out / f"{study_id}-redcap-data.csv", [*(row[0] for row in dictionary), f"{FORM}_complete"], records),
    ]
    check(*paths)
    return paths


def _field(
    name: str, kind: str, label: str, choices: str = "", note: str = "", valid: str = "", low: str = "", high: str = ""
) -> list[str]:
    row = dict.fromkeys(HEADER, "")
    row |= {"Variable / Field Name": name, "Form Name": FORM, "Field Type": kind, "Field Label": label}
    row |= {"Choices, Calculations, OR Slider Labels": choices, "Field Note": note}
    row |= {"Text Validation Type OR Show Slider Number": valid, "Text Validation Min": low, "Text Validation Max": high}
    return list(row.values())


def _dictionary(content: WorkbookContent) -> list[list[str]]:
    study = content.study
    rounds = " | ".join(f"{number}, {_label(a_round.title)}" for number, a_round in sorted(content.rounds().items()))
    categories = " | ".join(f"{name}, BI-RADS {name}" for name in study.assessment.categories)
    conditions = " | ".join(f"{code}, {_label(words.condition(name))}" for name, code in _conditions(content).items())
    fields = [
        _field("record_id", "text", "Reader, round and case"),
        _STATUS,
        _field("reader_id", "text", "Reader (pseudonym)", note=_GUARD),
        _field("case_id", "text", "Case (pseudonym)", note=_GUARD),
        _field("round_no", "dropdown", "Round", rounds),
        _field("condition", "dropdown", "Condition", conditions),
        _field("position", "text", "Place in the order of the round", valid="integer", low="1"),
    ]
    for unit in content.units():
        ending, words_ = ("", "") if unit == "case" else (f"_{unit.lower()}", f", {words.unit(unit).lower()}")
        fields += [
            _field(f"birads{ending}", "dropdown", f"BI-RADS category{words_}", categories),
            _field(
                f"suspicion{ending}", "text", f"Suspicion of malignancy, percent{words_}", valid="integer", low="0", high="100"
            ),
        ]
    return [
        *fields,
        _field("reading_time_s", "text", "Reading time without pauses, seconds", valid="number", low="0"),
        _field("paused_s", "text", "Paused, seconds", valid="number", low="0"),
        _field("aid_s", "text", "Aid on the screen, seconds", valid="number", low="0"),
        _field("interruptions", "text", "Interruptions", valid="integer", low="0"),
        _field("reading_of_case", "text", "2 where the case came again in the round", valid="integer", low="1"),
        _field("aid_kind", "text", "What was done to the aid on purpose"),
        _field("marks", "text", "Number of marks", valid="integer", low="0"),
        _field("displayed_utc", "text", "Displayed (UTC)", valid="datetime_seconds_ymd"),
        _field("validated_utc", "text", "Validated (UTC)", valid="datetime_seconds_ymd"),
        *(field for field, _, _ in _questions(content)),
        _field("verdicts", "notes", "Verdicts on the findings of the aid", note=_GUARD),
        _field("note", "notes", "Note of the reader", note=_GUARD),
    ]


def _questions(content: WorkbookContent) -> list[tuple[list[str], str, Mapping[str, str]]]:
    """Return for each question of the form and unit its field, the key of its answer, and the codes of its choices."""
    found: list[tuple[list[str], str, Mapping[str, str]]] = []
    for number, question in enumerate(content.study.questions, start=1):
        plain = re.sub(r"[^a-z0-9_]+", "_", question.question_id.lower())[:14]
        for unit in ("case",) if question.level == "case" else content.units():
            name = f"q{number}_{plain}" + ("" if unit == "case" else f"_{unit.lower()}")
            label = question.text + ("" if unit == "case" else f", {words.unit(unit).lower()}")
            codes: Mapping[str, str] = {}
            if question.kind == "yes_no":
                codes = {"yes": "1", "no": "0"}
                field = _field(name, "yesno", label)
            elif question.kind == "choice" and not question.many:
                codes = {choice: str(code) for code, choice in enumerate(question.choices, start=1)}
                field = _field(name, "dropdown", label, " | ".join(f"{code}, {_label(own)}" for own, code in codes.items()))
            elif question.kind == "number":
                field = _field(name, "text", label, valid="number")
            else:
                field = _field(name, "notes", label, note=_GUARD)
            found.append((field, answer_key(question.question_id, unit), codes))
    return found


#: Columns of a reads table: field type, label, validation.
_GIVEN: Mapping[str, tuple[str, str, str]] = {
    "reader_id": ("text", "Reader", ""),
    "group": ("text", "Group of the reader", ""),
    "round": ("text", "Round", ""),
    "condition": ("text", "Condition", ""),
    "case_id": ("text", "Case", ""),
    "laterality": ("text", "Side", ""),
    "lesion_id": ("text", "Lesion", ""),
    "lesion_type": ("text", "Type of lesion", ""),
    "assessment": ("dropdown", "BI-RADS category", ""),
    "score": ("text", "Score", "number"),
    "call": ("yesno", "Positive", ""),
    "recall": ("yesno", "Recall", ""),
    "reading_time_s": ("text", "Reading time, seconds", "number"),
    "position": ("text", "Place in the order of reading", "number"),
    "aid_model_id": ("text", "Aid", ""),
}


def _given(rows: Sequence[Mapping[str, Value]], content: WorkbookContent) -> tuple[list[list[str]], list[list[Value]]]:
    """Return dictionary and records of a reads table: one record a row, only the columns that hold anything."""
    names = [name for name in _GIVEN if any(row.get(name) is not None for row in rows)]
    categories = " | ".join(f"{name}, BI-RADS {name}" for name in content.study.assessment.categories)
    fields = [_field("record_id", "text", "Row of the reads table"), _STATUS]
    for name in names:
        kind, label, valid = _GIVEN[name]
        choices = categories if kind == "dropdown" else ""
        fields.append(_field(name, kind, label, choices, note=_GUARD if kind == "text" and not valid else "", valid=valid))
    records: list[list[Value]] = []
    for number, row in enumerate(rows, start=1):
        cells = [_decimal(row[name]) if _GIVEN[name][2] else row[name] for name in names]
        records.append([str(number), _status(content), *cells, 2])
    return fields, records


def _decimal(value: Value) -> Value:
    """Return a number as REDCap takes it: digits without an exponent."""
    return format(Decimal(repr(value)), "f") if isinstance(value, (int, float)) else value


def _status(content: WorkbookContent) -> str:
    return "interim" if content.interim else "final"


#: Whether the records come from an analysis before all rounds were finished.
_STATUS = _field("analysis_status", "dropdown", "Status of the analysis", "final, Final | interim, INTERIM: do not report")


def _label(text: str) -> str:
    """Return a choice's label: the characters that part choices are taken out."""
    return re.sub(r"[|\r\n]+", " ", text).strip() or "-"


def _conditions(content: WorkbookContent) -> dict[str, str]:
    names = dict.fromkeys(content.labels().values())
    return {name: str(number) for number, name in enumerate(names, start=1)}


def _records(content: WorkbookContent) -> list[list[Value]]:
    labels, codes, units = content.labels(), _conditions(content), content.units()
    asked = _questions(content)
    rows: list[list[Value]] = []
    for read in content.reads:
        answers = [value for unit in units for value in (read.categories.get(unit, ""), read.scores.get(unit))]
        rows.append(
            [
                f"{read.reader_id}-{read.round_no}-{read.case_id}" + ("" if read.occurrence == 1 else f"-{read.occurrence}"),
                _status(content),
                *(read.reader_id, read.case_id, str(read.round_no), codes[labels[read.reader_id, read.round_no]], read.position),
                *answers,
                *(f"{seconds(read):.6f}" for seconds in (active_seconds, paused_seconds, aid_seconds)),
                *(
                    read.interrupted,
                    read.occurrence,
                    _kind(read, content),
                    len(read.marks),
                    _moment(read.displayed_utc),
                    _moment(read.submitted_utc),
                ),
                *(_answer(read, key, codes) for _, key, codes in asked),
                *("; ".join(f"{finding} {verdict}" for finding, verdict in read.verdicts.items()), read.note, 2),
            ]
        )
    return rows


def _kind(read: Read, content: WorkbookContent) -> str:
    """Return what was done to the aid of a read; empty where no aids were changed."""
    return content.aid_kinds.get((read.aid.model_id, read.case_id), "true") if read.aid and content.aid_kinds else ""


def _answer(read: Read, key: str, codes: Mapping[str, str]) -> str:
    given = read.answers.get(key, ())
    return codes.get(given[0], "") if codes and given else "; ".join(given)


def _moment(text: str) -> str:
    return text[:19].replace("T", " ")


def check(dictionary: Path, data: Path) -> None:
    """Check both files by REDCap's rules for imports.

    Raises
    ------
    ValueError
        If a rule is broken; the text names the field or record.
    """
    head, *fields = read_table(dictionary)
    if tuple(head) != HEADER or fields[0][0] != "record_id":
        raise ValueError("the dictionary's header, or its first field")
    names = [field[0] for field in fields]
    if len(set(names)) != len(names) or not all(_NAME.fullmatch(name) for name in names):
        raise ValueError("a field name is not plain or comes twice")
    choices = {f[0]: {part.split(",")[0].strip() for part in f[5].split("|")} for f in fields if f[3] == "dropdown"}
    choices |= {f[0]: {"0", "1"} for f in fields if f[3] == "yesno"}
    limits = {f[0]: (f[7], f[8], f[9]) for f in fields if f[7]}
    columns, *records = read_table(data)
    if columns != [*names, f"{FORM}_complete"]:
        raise ValueError("the data's columns are not those of the dictionary")
    seen: set[str] = set()
    for record in records:
        row = dict(zip(columns, record, strict=True))
        if not row["record_id"] or row["record_id"] in seen:
            raise ValueError(f"record {row['record_id']!r} is empty or comes twice")
        seen.add(row["record_id"])
        for name, allowed in choices.items():
            if row[name] and row[name] not in allowed:
                raise ValueError(f"record {row['record_id']}: {name} {row[name]!r} is no choice")
        for name, (kind, low, high) in limits.items():
            value = row[name]
            if not value:
                continue
            below, above = low and float(value) < float(low), high and float(value) > float(high)
            if not _VALID[kind].fullmatch(value) or below or above:
                raise ValueError(f"record {row['record_id']}: {name} {value!r}")
    with data.open(encoding="utf-8-sig", newline="") as file:
        raw = next(csv.reader(file))
    if any(guard_csv(name) != name for name in raw):
        raise ValueError("a column name looks like a formula")
