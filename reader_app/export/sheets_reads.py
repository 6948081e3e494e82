"""The sheets of what was read: Reads, Marks, Changes, Times (by read), Aids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from reader_app.export import words
from reader_app.export.content import Change, PredictionSummary, WorkbookContent, changes
from reader_app.export.layout import Chart, Column, Kind, Series, Sheet, Table, Value, utc
from reader_app.export.palette import CATEGORY_COLORS
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
#: Order of suspicion for tables of changes; 0 stands apart, first.
_ORDER = {category: place for place, category in enumerate(CATEGORIES)}


def _title(unit: str, what: str) -> str:
    return what if unit == CASE_UNIT else f"{what}, {words.unit(unit).lower()}"


def _name(unit: str, what: str) -> str:
    return what if unit == CASE_UNIT else f"{what}_{unit}"


def _condition(labels: Mapping[tuple[str, int], str], read: Read) -> str:
    return words.condition(labels.get((read.reader_id, read.round_no), str(read.condition)))


def _sign(category: str, positive_from: str) -> Value:
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


def reads_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Reads``: one row a reader x round x case, in the order of reading."""
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
            "Verdicts on the aid",
            "The reader's verdict on each finding of the aid, by its number: accepted or rejected.",
            *(Kind.TEXT, 24, "verdicts", True),
        ),
        Column("Marks", "Number of marks placed.", Kind.INTEGER, 8, "marks"),
        TRUTH,
        *(column for column, _ in questions),
        Column("Counts", "Empty: yes. Else why not: training, or declared void.", width=20, key="void", only_if_used=True),
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
    rows: list[tuple[Value, ...]] = []
    for read in content.reads:
        found: list[Value] = []
        sealed: list[Value] = []
        for unit in units:
            category = read.categories.get(unit, "")
            found += [category, read.scores.get(unit), _sign(category, limit)]
            first = read.initial
            sealed += [first.categories.get(unit, "") if first else None, first.scores.get(unit) if first else None]
        a_round = rounds.get(read.round_no)
        rows.append(
            (
                *(read.reader_id, groups.get(read.reader_id, ""), read.round_no, a_round.title if a_round else ""),
                *(_condition(labels, read), read.position, read.case_id, modalities.get(read.case_id, "")),
                *found,
                *sealed,
                *(active_seconds(read), paused_seconds(read), idle_seconds(read) or None, load_seconds(read) or None),
                *(aid_seconds(read), read.initial.active_ns / 1e9 if read.initial else None, read.interrupted),
                words.disturbances(read.disturbances),
                titles.get(read.aid.model_id, read.aid.model_id) if read.aid else None,
                "; ".join(f"{finding} {verdict}" for finding, verdict in read.verdicts.items()),
                *(len(read.marks), words.truth(truth.get(read.case_id, ""))),
                *("; ".join(read.answers.get(name, ())) for _, name in questions),
                "training" if read.training else f"void: {read.void}" if read.void else None,
                *(utc(read.displayed_utc), utc(read.submitted_utc), read.note),
            )
        )
    return Sheet("Reads", "One row for each reader, round and case, as validated.", (Table("reads", "", columns, rows),))


def marks_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Marks``: one row a mark."""
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
                        _condition(labels, read),
                        read.case_id,
                    ),
                    *(mark.finding_id, mark.mark_id, mark.image_id, mark.kind, *place, *extent, mark.score),
                )
            )
    return Sheet("Marks", "One row for each mark that stood when the case was validated.", (Table("marks", "", columns, rows),))


def changes_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Changes``: every answer before and after an aid, with the table and chart of categories."""
    found = changes(content)
    tables: list[Table] = [_every_change(content, found)]
    charts: list[Chart] = []
    if found:
        matrix, chart = _transitions(found)
        tables += [matrix, _directions(content, found)]
        charts.append(chart)
    return Sheet("Changes", "Every answer before and after an aid.", tuple(tables), tuple(charts))


def _transitions(found: list[Change]) -> tuple[Table, Chart]:
    categories = sorted({item.before for item in found} | {item.after for item in found}, key=lambda name: _ORDER.get(name, 99))
    count = Counter((item.before, item.after) for item in found)
    columns = (
        Column("BI-RADS before", "Category before the aid.", width=16, key="before"),
        *(
            Column(f"After: {name}", f"Number of answers that were {name} after the aid.", Kind.INTEGER, 10, f"after_{name}")
            for name in categories
        ),
        Column("All", "Number of answers with this category before the aid.", Kind.INTEGER, 9, "all"),
    )
    rows: list[tuple[Value, ...]] = [
        (before, *(count[before, after] for after in categories), sum(count[before, after] for after in categories))
        for before in categories
    ]
    table = Table(
        "change_matrix",
        "BI-RADS before → after the aid, all readers and aided rounds (number of answers)",
        columns,
        rows,
        "Rows: before. Columns: after. On the diagonal: unchanged.",
        shade=(1, 1 + len(categories)),
    )
    series = tuple(
        Series(f"{name} after", 0, place, 0, len(rows), CATEGORY_COLORS.get(name, "B8BDC6"))
        for place, name in enumerate(categories, start=1)
    )
    chart = Chart(
        "stacked", "What became of each category", "change_matrix", series, "BI-RADS before the aid", "Number of answers"
    )
    return table, chart


def _directions(content: WorkbookContent, found: list[Change]) -> Table:
    truth, groups = content.unit_truth(), content.groups()
    count: Counter[tuple[str, int, str, str]] = Counter()
    for item in found:
        known = words.truth(truth.get((item.read.case_id, item.unit), "")) or "unknown"
        count[item.read.reader_id, item.read.round_no, item.direction, known] += 1
    kinds = [(direction, known) for direction in ("down", "unchanged", "up") for known in ("benign", "malignant")]
    columns = (
        *(READER, GROUP, ROUND),
        *(
            Column(f"{direction.capitalize()}, {known}", f"{known.capitalize()} cases whose category went {direction}."
                   if direction != "unchanged" else f"{known.capitalize()} cases whose category stayed.",
                   Kind.INTEGER, 12, f"{direction}_{known}")
            for direction, known in kinds
        ),
        Column("Other", "No reference standard, or a category without rank (0) before or after.", Kind.INTEGER, 9, "other"),
        Column("All", "Number of answers.", Kind.INTEGER, 9, "all"),
    )  # fmt: skip
    rows: list[tuple[Value, ...]] = []
    for reader_id, round_no in sorted({key[:2] for key in count}):
        numbers = [count[reader_id, round_no, direction, known] for direction, known in kinds]
        everything = sum(number for key, number in count.items() if key[:2] == (reader_id, round_no))
        rows.append((reader_id, groups.get(reader_id, ""), round_no, *numbers, everything - sum(numbers), everything))
    return Table("change_directions", "Direction of change by reader and round (number of answers)", columns, rows)


def _every_change(content: WorkbookContent, found: list[Change]) -> Table:
    truth, groups, predictions, labels = content.unit_truth(), content.groups(), content.prediction(), content.labels()
    titles = words.model_titles(content.study.models)
    limit = content.positive_from()
    columns = (
        *(READER, GROUP, ROUND, CONDITION, CASE),
        Column("Unit", "Case, right breast or left breast.", width=12, key="unit"),
        Column("Before from", "Where the earlier answer stands.", width=22, key="before_from"),
        Column("BI-RADS before", "Category before the aid.", width=10, key="before"),
        Column("BI-RADS after", "Category after the aid.", width=10, key="after"),
        Column("Direction", "Down, unchanged or up in suspicion.", width=11, key="direction"),
        Column("Steps", "Ranks up (+) or down (-); 3 to 4A is one.", Kind.INTEGER, 8, "steps"),
        Column("Suspicion before (0–100)", "In percent.", Kind.INTEGER, 11, "score_before"),
        Column("Suspicion after (0–100)", "In percent.", Kind.INTEGER, 11, "score_after"),
        Column(f"Call before ({limit} or above)", f"Positive from BI-RADS {limit}.", width=12, key="call_before"),
        Column(f"Call after ({limit} or above)", f"Positive from BI-RADS {limit}.", width=12, key="call_after"),
        Column("Aid", "Model whose aid was shown.", width=22, key="aid"),
        Column("Aid's call", "What the model said.", width=11, key="aid_call"),
        Column("Aid's probability", "What the model gave, 0–100 %.", Kind.PERCENT, 11, "aid_probability"),
        Column("Advice", "Followed: the call after agrees with the aid's. Overruled: it does not.", width=11, key="advice"),
        TRUTH,
    )
    rows: list[tuple[Value, ...]] = []
    for item in found:
        read = item.read
        shown = predictions.get((read.aid.model_id, read.case_id)) if read.aid else None
        before, after = _sign(item.before, limit), _sign(item.after, limit)
        rows.append(
            (
                *(read.reader_id, groups.get(read.reader_id, ""), read.round_no, _condition(labels, read), read.case_id),
                *(words.unit(item.unit), item.before_label, item.before, item.after, item.direction, item.steps),
                *(item.score_before, item.score_after, before, after),
                titles.get(read.aid.model_id, read.aid.model_id) if read.aid else "",
                *(shown.call if shown else "", shown.probability if shown else None, _advice(shown, item, str(after))),
                words.truth(truth.get((read.case_id, item.unit), "")),
            )
        )
    return Table("changes", "Every answer", columns, rows)


def _advice(shown: PredictionSummary | None, item: Change, after: str) -> str:
    """Return whether the call after the aid agrees with the aid's; only for whole cases, of which the aid speaks."""
    if shown is None or shown.positive is None or shown.status != "ok" or not after or item.unit != CASE_UNIT:
        return ""
    return "followed" if (after == "positive") == shown.positive else "overruled"


def aids_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Aids``: the models, and what each read was shown."""
    titles = words.model_titles(content.study.models)
    predictions, groups = content.prediction(), content.groups()
    models = Table(
        "models",
        "Models",
        (
            Column("Model", "Title in the protocol.", width=22, key="title"),
            Column("Model name", "Name in the study file.", width=14, key="model_id"),
            Column("Bundle", "Version and SHA-256 of the model's files.", width=26, key="bundle"),
            Column("Trained on", "As its bundle states it.", width=26, key="training_data"),
            Column("Explanation", "What the reader was told.", width=40, key="explanation"),
        ),
        [
            (
                *(model.title, model.model_id),
                "; ".join(
                    sorted({item.bundle for item in content.predictions if item.model_id == model.model_id and item.bundle})
                ),
                "; ".join(
                    sorted({p.training_data for p in content.predictions if p.model_id == model.model_id and p.training_data})
                ),
                model.explanation,
            )
            for model in content.study.models
        ],
    )
    columns = (
        *(READER, GROUP, ROUND, CASE),
        Column("Model", "Model whose aid was shown.", width=22, key="model"),
        Column(
            "Shown as", "Shown, no finding, not applicable or not available; each was told to the reader.", width=16, key="status"
        ),
        Column("Probability", "The model's, 0–100 %.", Kind.PERCENT, 11, "probability"),
        Column("Operating point", "The model's own threshold, 0–100 %.", Kind.PERCENT, 11, "operating_point"),
        Column("Call", "The model's word.", width=11, key="call"),
        Column(
            "Overlay from (share)", "Threshold of the overlay, 0–1, set by the protocol.", Kind.NUMBER, 11, "overlay_threshold"
        ),
        Column("Overlay opacity (share)", "0–1, set by the protocol.", Kind.NUMBER, 11, "overlay_opacity"),
        Column("On screen (s)", "Time in which the aid was painted.", Kind.SECONDS, 10, "aid_s"),
        Column("Case displayed (UTC)", "When the case was painted.", Kind.TIME, 19, "displayed_utc"),
        Column("Prediction SHA-256", "Of the stored prediction that was shown, from the log.", width=34, key="prediction_sha256"),
        Column("Same as stored", "Whether the stored prediction still has that SHA-256.", width=10, key="same_as_stored"),
    )
    rows: list[tuple[Value, ...]] = []
    for read in content.reads:
        if read.aid is None:
            continue
        aid, stored = read.aid, predictions.get((read.aid.model_id, read.case_id))
        rows.append(
            (
                *(read.reader_id, groups.get(read.reader_id, ""), read.round_no, read.case_id),
                *(titles.get(aid.model_id, aid.model_id), words.aid_status(aid.status)),
                *(stored.probability if stored else None, stored.threshold if stored else None, stored.call if stored else ""),
                *(aid.threshold, aid.opacity, aid_seconds(read), utc(read.displayed_utc), aid.prediction_sha256),
                ("yes" if stored.sha256 == aid.prediction_sha256 else "NO") if stored else "not at hand",
            )
        )
    shown = Table("aids", "What was shown", columns, rows)
    return Sheet("Aids", "Which model's aid each read had, and exactly which stored prediction.", (shown, models))
