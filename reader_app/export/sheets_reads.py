"""The sheets of what was read: Reads and Marks."""

from __future__ import annotations

from collections.abc import Mapping

from reader_app.export import sheets_given, words
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Column, Kind, Sheet, Table, Value, utc
from reader_app.study.assessment import CASE_UNIT, CATEGORIES, is_positive
from reader_app.study.questions import key as answer_key
from reader_app.study.readtable import Read, active_seconds, aid_seconds, idle_seconds, load_seconds, paused_seconds

READER = Column("Reader", "Pseudonym of the reader.", width=11, key="reader_id")
GROUP = Column("Reader group", "Readers of like experience.", width=12, key="group", only_if_used=True)
ROUND = Column("Round", "Number of the round.", Kind.INTEGER, 8, "round")
CONDITION = Column("Condition", "What the reader had: unaided, or which kind of aid.", width=17, key="condition")
CASE = Column("Case", "Pseudonym of the case.", width=14, key="case_id")
TRUTH = Column(
    "Reference standard", "Malignant or benign; malignant if any lesion is. Empty: no reference.", width=12, key="reference"
)


def _title(unit: str, what: str) -> str:
    return what if unit == CASE_UNIT else f"{what}, {words.unit(unit).lower()}"


def _name(unit: str, what: str) -> str:
    return what if unit == CASE_UNIT else f"{what}_{unit}"


def condition_of(labels: Mapping[tuple[str, int], str], read: Read) -> str:
    """Return the words for the condition of a read."""
    return words.condition(labels.get((read.reader_id, read.round_no), str(read.condition)))


def sign(category: str, positive_from: str) -> Value:
    """Return "positive" or "negative" for a category, empty for one that is neither."""
    positive = is_positive(category, positive_from) if category in CATEGORIES else None
    return "" if positive is None else "positive" if positive else "negative"


def _questions(content: WorkbookContent, units: tuple[str, ...]) -> list[tuple[Column, str]]:
    """Return a column for each question of the form and unit, with the key of its answer."""
    found: list[tuple[Column, str]] = []
    for question in content.study.questions:
        for unit in (CASE_UNIT,) if question.level == "case" else units:
            title = _title(unit, question.text)
            meaning = f"Answer to “{question.text}”; several answers are parted by semicolons."
            name = _name(unit, f"answer_{question.question_id}")
            found.append((Column(title, meaning, width=20, key=name), answer_key(question.question_id, unit)))
    return found


def _why_not(read: Read) -> Value:
    """Return why a read does not count, empty for one that does."""
    if read.training:
        return "training"
    if read.void:
        return f"void: {read.void}"
    return "read again, for agreement with oneself only" if read.occurrence > 1 else None


def reads_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Reads``: one row a reader x round x case, in the order of reading."""
    if content.given is not None:
        return sheets_given.reads_sheet(content)
    units, truth, rounds, groups = content.units(), content.truth(), content.rounds(), content.groups()
    labels, questions = content.labels(), _questions(content, units)
    titles = words.model_titles(content.study.models)
    limit = content.positive_from()
    answers: list[Column] = []
    initial: list[Column] = []
    for unit in units:
        note = f"{words.unit(unit)}: " if unit != CASE_UNIT else ""
        answers += [
            Column(
                _title(unit, "BI-RADS"), f"{note}validated BI-RADS category, 5th edition.", width=9, key=_name(unit, "assessment")
            ),
            Column(
                _title(unit, "Suspicion (0–100)"),
                f"{note}likelihood of malignancy that the reader gave, in percent.",
                Kind.INTEGER,
                11,
                _name(unit, "score"),
            ),
            Column(
                _title(unit, f"At {limit} or above"), f"{note}positive from BI-RADS {limit}.", width=10, key=_name(unit, "call")
            ),
        ]
        initial += [
            Column(
                _title(unit, "BI-RADS before the aid"),
                f"{note}sequential reading: the answer sealed before the aid was shown.",
                width=11,
                key=_name(unit, "initial_assessment"),
                only_if_used=True,
            ),
            Column(
                _title(unit, "Suspicion before the aid (0–100)"),
                f"{note}sequential reading: sealed before the aid was shown.",
                Kind.INTEGER,
                12,
                _name(unit, "initial_score"),
                True,
            ),
        ]
    columns = (
        *(READER, GROUP, ROUND, Column("Round title", "Title of the round in the protocol.", width=24, key="round_title")),
        *(CONDITION, Column("Position", "Place of the case in this reader's order of this round.", Kind.INTEGER, 9, "position")),
        *(CASE, Column("Modality", "What was imaged.", width=13, key="modality"), *answers, *initial),
        Column(
            "Reading time (s)",
            "From the paint of the last pane to the validation, without pauses.",
            Kind.SECONDS,
            10,
            "reading_time_s",
        ),
        Column("Paused (s)", "Time in which the images were covered.", Kind.SECONDS, 9, "paused_s"),
        Column(
            "Idle (s)", "Part of the reading time without any input before a pause for idleness.", Kind.SECONDS, 9, "idle_s", True
        ),
        Column(
            "Loading (s)", "From the case falling due to its paint; not in the reading time.", Kind.SECONDS, 9, "load_s", True
        ),
        Column("Aid on screen (s)", "Time in which the aid was painted.", Kind.SECONDS, 10, "aid_s"),
        Column(
            "Time to own answer (s)",
            "Sequential reading: reading time until the answer was sealed.",
            *(Kind.SECONDS, 10, "initial_time_s", True),
        ),
        Column(
            "Interruptions", "How often the program stopped or was closed during the read.", Kind.INTEGER, 12, "interruptions"
        ),
        Column(
            "Disturbances",
            "What happened to time during the read: the computer slept, the clock was set, the program stalled.",
            *(Kind.TEXT, 20, "disturbances", True),
        ),
        Column("Aid", "Model whose aid the read had.", width=22, key="aid", only_if_used=True),
        Column(
            "Kind of aid",
            "What was done to the aid on purpose: true (nothing), withheld, inverted or swapped. The reader was not told.",
            *(Kind.TEXT, 12, "aid_kind", True),
        ),
        Column("Reading of the case", "2 where the case came again in the round.", Kind.INTEGER, 9, "occurrence", True),
        Column(
            "Verdicts on the aid",
            "The reader's verdict on each finding of the aid, by its number: accepted or rejected.",
            *(Kind.TEXT, 24, "verdicts", True),
        ),
        Column("Marks", "Number of marks placed.", Kind.INTEGER, 8, "marks"),
        TRUTH,
        *(column for column, _ in questions),
        Column(
            "Counts", "Empty: yes. Else why not: training, declared void, or read again.", width=20, key="void", only_if_used=True
        ),
        Column(
            "Displayed (UTC)",
            "When all panes were painted; a label, times come from another clock.",
            Kind.TIME,
            19,
            "displayed_utc",
        ),
        Column("Validated (UTC)", "When the reader validated the case.", Kind.TIME, 19, "submitted_utc"),
        Column("Note", "Free text of the reader.", width=44, key="note"),
    )
    modalities = {case.case_id: words.modality(case.modality) for case in content.cases}
    again = any(read.occurrence > 1 for read in content.reads)
    rows: list[tuple[Value, ...]] = []
    for read in content.reads:
        found: list[Value] = []
        sealed: list[Value] = []
        for unit in units:
            category = read.categories.get(unit, "")
            found += [category, read.scores.get(unit), sign(category, limit)]
            first = read.initial
            sealed += [first.categories.get(unit, "") if first else None, first.scores.get(unit) if first else None]
        a_round = rounds.get(read.round_no)
        rows.append(
            (
                *(read.reader_id, groups.get(read.reader_id, ""), read.round_no, a_round.title if a_round else ""),
                *(condition_of(labels, read), read.position, read.case_id, modalities.get(read.case_id, "")),
                *found,
                *sealed,
                *(active_seconds(read), paused_seconds(read), idle_seconds(read) or None, load_seconds(read) or None),
                *(aid_seconds(read), read.initial.active_ns / 1e9 if read.initial else None, read.interrupted),
                words.disturbances(read.disturbances),
                titles.get(read.aid.model_id, read.aid.model_id) if read.aid else None,
                content.aid_kinds.get((read.aid.model_id, read.case_id), "true") if read.aid and content.aid_kinds else None,
                read.occurrence if again else None,
                "; ".join(f"{finding} {verdict}" for finding, verdict in read.verdicts.items()),
                *(len(read.marks), words.truth(truth.get(read.case_id, ""))),
                *("; ".join(read.answers.get(name, ())) for _, name in questions),
                _why_not(read),
                *(utc(read.displayed_utc), utc(read.submitted_utc), read.note),
            )
        )
    return Sheet("Reads", "One row for each reader, round and case, as validated.", (Table("reads", "", columns, rows),))


def marks_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Marks``: one row a mark."""
    if content.given is not None:
        return sheets_given.marks_sheet(content)
    columns = (
        *(READER, GROUP, ROUND, CONDITION, CASE),
        Column("Finding", "Number of the finding; marks of one finding in several images share it.", width=9, key="finding_id"),
        Column("Mark", "Number of the mark within the read.", width=8, key="mark_id"),
        Column("Image", "View or volume it lies in.", width=12, key="image_id"),
        Column("Shape", "Point, box, ellipse or outline.", width=9, key="kind"),
        Column(
            "Slice (index)", "Zero-based; the centre of the first slice is 0. Empty in a single image.", Kind.NUMBER, 10, "slice"
        ),
        Column("Row (index)", "Zero-based; the centre of the first stored row is 0.", Kind.NUMBER, 10, "row"),
        Column("Column (index)", "Zero-based; the centre of the first stored column is 0.", Kind.NUMBER, 10, "column"),
        Column("Extent (slices)", "Full size of a box or ellipse.", Kind.NUMBER, 10, "extent_slices", True),
        Column("Extent (rows)", "Full size of a box or ellipse.", Kind.NUMBER, 10, "extent_rows", True),
        Column("Extent (columns)", "Full size of a box or ellipse.", Kind.NUMBER, 10, "extent_columns", True),
        Column("Suspicion (0–100)", "The reader's suspicion for this finding, in percent.", Kind.INTEGER, 11, "rating"),
    )
    groups, labels = content.groups(), content.labels()
    rows: list[tuple[Value, ...]] = []
    for read in content.reads:
        for mark in read.marks:
            place = (*(None,) * (3 - len(mark.index)), *mark.index)
            extent = (*(None,) * (3 - len(mark.extent)), *mark.extent)
            rows.append(
                (
                    *(
                        read.reader_id,
                        groups.get(read.reader_id, ""),
                        read.round_no,
                        condition_of(labels, read),
                        read.case_id,
                    ),
                    *(mark.finding_id, mark.mark_id, mark.image_id, mark.kind, *place, *extent, mark.score),
                )
            )
    intro = "One row for each mark that stood when the case was validated."
    return Sheet("Marks", intro, (Table("marks", "", columns, rows),), absent="No mark was placed.")
