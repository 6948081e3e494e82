"""Sheets of an analysis of plain tables, where those of a study would speak of protocol, logs and screens that nobody knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from reader_app.export import words
from reader_app.export.content import GivenTables, WorkbookContent, unit_of
from reader_app.export.layout import Column, Kind, Sheet, Table, Value, key_value
from reader_app.study.assessment import is_positive

#: Said where the auditor's findings would stand.
NO_LOGS = "The reads came as tables: there are no logs, so deviations from a protocol cannot be found."
#: What the words of the sheets mean where the reads came as tables.
DEFINITIONS: tuple[tuple[str, str], ...] = (
    ("Read", "One reader's judgement of one case under one condition, as the reads table states it."),
    ("Reading time", "Seconds, as the reads table states them."),
    (
        "Condition",
        "As the reads table names it. Final: each reader's last read of a case, where a later round covers only some cases. "
        "Model alone: what the predictions table says without a reader.",
    ),
    ("Positive", "A BI-RADS category at or above the stated one (1 < 2 < 3 < 4A < 4B < 4C < 5 < 6; plain 4 ranks with 4A)."),
    ("Score", "The reader's score, as the reads table states it; higher is more suspicious."),
    ("Reference standard", "Malignant or benign, from the reference table; a case is malignant if any of its lesions is."),
    ("Rows “All readers”", "Pooled over readers."),
    (
        "Empty cell",
        "Does not apply, or was not given. “not estimable” means that it was asked for and cannot be computed; the reason stands "
        "among the warnings below.",
    ),
)

_TEXT, _INTEGER, _NUMBER = Kind.TEXT, Kind.INTEGER, Kind.NUMBER
_READS: Mapping[str, tuple[str, str, Kind, float]] = {
    "reader_id": ("Reader", "Reader, as the table names them.", _TEXT, 12),
    "group": ("Reader group", "Readers of like experience.", _TEXT, 12),
    "round": ("Round", "As the table names it.", _TEXT, 9),
    "condition": ("Condition", "What the reader had, as the table names it.", _TEXT, 18),
    "position": ("Position", "Place of the case in the order of reading.", _INTEGER, 9),
    "case_id": ("Case", "Case, as the table names it.", _TEXT, 14),
    "laterality": ("Side", "Breast that the row is about: R or L; empty: the case.", _TEXT, 8),
    "lesion_id": ("Lesion", "Lesion that the row is about; empty: none named.", _TEXT, 12),
    "lesion_type": ("Lesion type", "Type of lesion that the row is about; empty: all.", _TEXT, 16),
    "assessment": ("BI-RADS", "Category, 5th edition.", _TEXT, 9),
    "score": ("Score", "The reader's score; higher is more suspicious.", _NUMBER, 10),
    "call": ("Call", "1 positive, 0 negative, as the table states it.", _INTEGER, 8),
    "recall": ("Recall", "1 recalled, 0 not.", _INTEGER, 8),
    "reading_time_s": ("Reading time (s)", "As the table states it.", Kind.SECONDS, 11),
    "aid_model_id": ("Aid", "Model whose aid was shown.", _TEXT, 16),
}
_MARKS: Mapping[str, tuple[str, str, Kind, float]] = {
    **{name: _READS[name] for name in ("reader_id", "condition", "case_id", "round")},
    "image_id": ("Image", "View or volume it lies in.", _TEXT, 12),
    "finding_id": ("Finding", "Marks of one finding in several images share it.", _TEXT, 9),
    "lesion_id": ("Lesion hit", "As the table states it; empty: none.", _TEXT, 12),
    "x_mm": ("x (mm)", "Along rows to the right; in volumes patient LPS.", _NUMBER, 10),
    "y_mm": ("y (mm)", "Down; in volumes patient LPS.", _NUMBER, 10),
    "z_mm": ("z (mm)", "Volumes only, patient LPS.", _NUMBER, 10),
    "width_mm": ("Width (mm)", "Full size along x.", _NUMBER, 10),
    "height_mm": ("Height (mm)", "Full size along y.", _NUMBER, 10),
    "depth_mm": ("Depth (mm)", "Full size along z.", _NUMBER, 10),
    "rating": ("Rating", "The reader's suspicion for this mark.", _NUMBER, 10),
}
_PREDICTIONS: Mapping[str, tuple[str, str, Kind, float]] = {
    "model_id": ("Model", "As the table names it.", _TEXT, 18),
    **{name: _READS[name] for name in ("case_id", "laterality", "lesion_id", "lesion_type")},
    "image_id": ("Image", "View or volume.", _TEXT, 12),
    "probability": ("Probability", "As the table states it.", _NUMBER, 11),
    "call": ("Call", "1 positive, 0 negative; empty: from a probability of 0.5.", _INTEGER, 8),
    "cohort": ("Cohort", "Subset of the cases.", _TEXT, 14),
}


def _columns(known: Mapping[str, tuple[str, str, Kind, float]]) -> tuple[Column, ...]:
    return tuple(
        Column(title, meaning, kind, width, key, only_if_used=key not in ("reader_id", "condition", "case_id", "model_id"))
        for key, (title, meaning, kind, width) in known.items()
    )


def _shown(row: Mapping[str, Value], name: str) -> Value:
    value = row.get(name)
    if name == "condition":
        return words.condition(str(value))
    return str(value) if name == "round" and value is not None else value


def study_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Study``: the tables given, the conditions and the readers."""
    given = _given(content)
    done = Counter((read.reader_id, read.round_no) for read in content.reads)
    rounds = content.rounds()
    conditions = Table(
        "rounds",
        "Conditions",
        (
            Column("Condition", "As the reads table names it, with the round where there are several.", width=34),
            Column("Readers", "Readers with any read.", Kind.INTEGER, 10),
            Column("Reads", "Reader x case combinations.", Kind.INTEGER, 10),
        ),
        [
            (
                words.condition(own.title),
                len({reader for reader, n in done if n == number}),
                sum(count for (_, n), count in done.items() if n == number),
            )
            for number, own in rounds.items()
        ],
    )
    stated: list[tuple[str, Value]] = [
        ("Where the reads come from", content.study.description),
        ("BI-RADS categories used", ", ".join(content.study.assessment.categories)),
        ("Positive from", content.positive_from()),
        ("Unit of the analysis", content.study.assessment.level),
    ]
    stated += [(f"Table {what}", f"{name}, {rows:,} rows, SHA-256 {sha}") for what, name, rows, sha in given.files]
    readers = Table(
        "readers",
        "Readers",
        (
            Column("Reader", "As the reads table names them.", width=34),
            Column("Reader group", "Readers of like experience.", width=30, only_if_used=True),
            *(
                Column(f"Cases read, {words.condition(own.title).lower()}", "Cases with a read.", Kind.INTEGER, 16)
                for own in rounds.values()
            ),
        ),
        [(reader.reader_id, reader.group, *(done[reader.reader_id, number] for number in rounds)) for reader in content.readers],
    )
    settings = key_value("settings", "What is known of the study", stated)
    return Sheet("Study", "What was given, and how much of it.", (conditions, settings, readers))


def reads_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Reads``: the rows of the reads table, with the call that the analysis takes and the truth."""
    limit, truth = content.positive_from(), content.unit_truth()
    columns = (
        *_columns(_READS),
        Column(f"At {limit} or above", f"Positive from BI-RADS {limit}.", width=11, key="positive", only_if_used=True),
        Column("Reference standard", "Malignant or benign: of the lesion, breast or case.", width=12, key="reference"),
    )
    rows: list[tuple[Value, ...]] = []
    for row in _given(content).reads:
        category = str(row.get("assessment") or "")
        positive = is_positive(category, limit) if category else None
        known = truth.get((str(row["case_id"]), unit_of(row)), truth.get((str(row["case_id"]), "case"), ""))
        rows.append(
            (
                *(_shown(row, name) for name in _READS),
                None if positive is None else "positive" if positive else "negative",
                words.truth(known),
            )
        )
    return Sheet("Reads", "The rows of the reads table as they were given.", (Table("reads", "", columns, rows),))


def marks_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Marks``: the rows of the marks table."""
    rows = [tuple(_shown(row, name) for name in _MARKS) for row in _given(content).marks]
    return Sheet(
        "Marks",
        "The rows of the marks table as they were given.",
        (Table("marks", "", _columns(_MARKS), rows),),
        absent="No marks were given.",
    )


def aids_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Aids``: the predictions given; what a reader was shown is not known."""
    given = _given(content)
    predictions = [tuple(row.get(name) for name in _PREDICTIONS) for row in given.predictions]
    counted = Counter(str(row["model_id"]) for row in given.predictions)
    models = Table(
        "models",
        "Models",
        (
            Column("Model", "As the predictions table names it.", width=22, key="title"),
            Column("Predictions", "Rows of the table.", Kind.INTEGER, 12, "predictions"),
        ),
        list(counted.items()),
    )
    shown = Table("aids", "Predictions", _columns(_PREDICTIONS), predictions)
    return Sheet(
        "Aids",
        "What the models say of the cases, as given; what the readers were shown is not known.",
        (shown, models),
        absent="No predictions were given.",
    )


def _given(content: WorkbookContent) -> GivenTables:
    assert content.given is not None
    return content.given
