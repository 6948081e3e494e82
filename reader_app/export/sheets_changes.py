"""The sheets of what an aid did: Changes (every answer before and after it) and Aids (what was shown)."""

from __future__ import annotations

from collections import Counter

from reader_app.export import sheets_given, words
from reader_app.export.content import Change, PredictionSummary, WorkbookContent, changes
from reader_app.export.layout import Chart, Column, Kind, Series, Sheet, Table, Value, utc
from reader_app.export.palette import CATEGORY_COLORS
from reader_app.export.sheets_reads import CASE, CONDITION, GROUP, READER, ROUND, TRUTH, condition_of, sign
from reader_app.study.assessment import CASE_UNIT, CATEGORIES
from reader_app.study.readtable import aid_seconds

#: Order of suspicion for tables of changes; 0 stands apart, first.
_ORDER = {category: place for place, category in enumerate(CATEGORIES)}


def changes_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Changes``: every answer before and after an aid, with the table and chart of categories."""
    found = changes(content)
    tables: list[Table] = [_every_change(content, found)]
    charts: list[Chart] = []
    if found:
        matrix, chart = _transitions(found)
        tables += [matrix, _directions(content, found)]
        charts.append(chart)
    return Sheet(
        "Changes",
        "Every answer before and after an aid.",
        tuple(tables),
        tuple(charts),
        "No answer was given before and after an aid.",
    )


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
        before, after = sign(item.before, limit), sign(item.after, limit)
        rows.append(
            (
                *(read.reader_id, groups.get(read.reader_id, ""), read.round_no, condition_of(labels, read), read.case_id),
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
    if content.given is not None:
        return sheets_given.aids_sheet(content)
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
    judged = verdicts(content)
    further = (judged,) if judged.rows else ()
    return Sheet(
        "Aids",
        "Which model's aid each read had, and exactly which stored prediction.",
        (shown, *further, models),
        absent="No model took part.",
    )


def verdicts(content: WorkbookContent) -> Table:
    """Return the readers' verdicts on the findings of the aid, one row a finding."""
    titles, groups, truth = words.model_titles(content.study.models), content.groups(), content.truth()
    columns = (
        *(READER, GROUP, ROUND, CASE),
        Column("Model", "Model whose aid was shown.", width=22, key="model"),
        Column("Finding", "Number of the finding of the aid.", width=9, key="finding"),
        Column("Verdict", "Accepted or rejected by the reader.", width=12, key="verdict"),
        TRUTH,
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(read.reader_id, groups.get(read.reader_id, ""), read.round_no, read.case_id),
            *(titles.get(read.aid.model_id, read.aid.model_id) if read.aid else "", finding, verdict),
            words.truth(truth.get(read.case_id, "")),
        )
        for read in content.valid()
        for finding, verdict in read.verdicts.items()
    ]
    return Table("verdicts", "Verdicts of the readers on the findings of the aid", columns, rows)
