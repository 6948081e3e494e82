"""From plain tables to what workbook, report and interchange files are made from: a protocol with a round for each condition.

People who collected reads with another program have no study folder, no logs and no locked protocol. What those would hold is
left out or said to be unknown; nothing is made up but the numbers of the rounds (one for each condition and round of the table).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reader_app.analysis import reference as ref
from reader_app.export.content import GivenTables, PredictionSummary, WorkbookContent, unit_of
from reader_app.export.layout import Value
from reader_app.study.assessment import CATEGORIES
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import AssessmentSpec, Condition, ModelSpec, Round, StudyDefinition
from reader_app.study.readtable import Interval, Read

if TYPE_CHECKING:
    import pandas as pd

    from reader_app.analysis.tables import Checked

TITLE = "Reads collected with another program"
_DESCRIPTION = "The reads, the reference standard and all else were given as tables; there is no protocol and there are no logs."
#: Columns of a reads table that are shown; the others serve the analysis only.
READ_COLUMNS = (
    "reader_id", "group", "round", "condition", "case_id", "laterality", "lesion_id", "lesion_type", "assessment", "score",
    "call", "recall", "reading_time_s", "position", "aid_model_id",
)  # fmt: skip
MARK_COLUMNS = (
    "reader_id", "condition", "case_id", "round", "image_id", "finding_id", "lesion_id", "x_mm", "y_mm", "z_mm",
    "width_mm", "height_mm", "depth_mm", "rating",
)  # fmt: skip
PREDICTION_COLUMNS = (
    "model_id", "case_id", "laterality", "lesion_id", "lesion_type", "image_id", "probability", "call", "cohort",
)  # fmt: skip


def content_of(
    tables: Mapping[str, Checked | None],
    results: Mapping[str, Any],
    name: str,
    versions: Mapping[str, str],
    written_utc: str,
    interim: bool = False,
) -> WorkbookContent:
    """Return everything that workbook and report show of an analysis of plain tables.

    Parameters
    ----------
    tables : mapping
        The checked tables by what they are: "reads", "reference", and "marks" and "predictions" or None.
    results : mapping
        The document of the analysis.
    name : str
        Begins the names of files and stands for the study's name.
    """
    reads, reference = tables["reads"], tables["reference"]
    assert reads is not None and reference is not None
    given_tables = {what: table for what, table in tables.items() if table is not None}
    rows = {what: _rows(table.frame, columns) for what, table, columns in _wanted(given_tables)}
    order = [str(condition) for condition in results["input"]["conditions"]]
    rounds, numbers = _rounds(reads.frame, order)
    first = next(condition for (condition, _), number in numbers.items() if number == 1)
    models = tuple(dict.fromkeys(str(row["model_id"]) for row in rows.get("predictions", ())))
    options = results["input"]["options"]
    study = StudyDefinition(
        study_id=name,
        title=TITLE,
        rounds=rounds,
        seed=int(options["seed"]),
        assessment=AssessmentSpec(
            categories=_categories(reads.frame), positive_from=str(options["positive_from"]), level=str(options["level"])
        ),
        models=tuple(ModelSpec(model, model) for model in models),
        description=_DESCRIPTION,
    )
    truth = [{str(k): _cell(v) for k, v in row.items()} for row in reference.frame.to_dict("records")]
    return WorkbookContent(
        study=study,
        cases=_cases(reference.frame),
        readers=_readers(reads.frame),
        reads=_reads(reads.frame, numbers, first),
        reference=truth,
        analysis=results,
        predictions=_predictions(rows.get("predictions", ())),
        versions=versions,
        hashes={f"{what} ({table.name})": table.sha256 for what, table in given_tables.items()},
        interim=interim,
        written_utc=written_utc,
        given=GivenTables(
            files=[(what, table.name, len(table.frame), table.sha256) for what, table in given_tables.items()],
            reads=rows["reads"],
            marks=rows.get("marks", ()),
            predictions=rows.get("predictions", ()),
            conditions={number: condition for (condition, _), number in numbers.items()},
        ),
    )


def _wanted(tables: Mapping[str, Checked]) -> list[tuple[str, Checked, Sequence[str]]]:
    columns = {"reads": READ_COLUMNS, "marks": MARK_COLUMNS, "predictions": PREDICTION_COLUMNS}
    return [(what, tables[what], columns[what]) for what in columns if what in tables]


def _rows(frame: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, Value]]:
    """Return the rows of a checked table as plain values; empty text and NaN are None, whole floats stay numbers."""
    there = [column for column in columns if column in frame.columns]
    made = {column: [_value(value) for value in frame[column].tolist()] for column in there}
    return [dict(zip(there, values, strict=True)) for values in zip(*made.values(), strict=True)]


def _value(value: object) -> Value:
    if value is None or value != value or value == "":  # NaN differs from itself
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    return value if isinstance(value, (int, str)) else str(value)


def _cell(value: object) -> str:
    found = _value(value)
    return str(int(found)) if isinstance(found, bool) else "" if found is None else str(found)


def _rounds(frame: pd.DataFrame, order: Sequence[str]) -> tuple[tuple[Round, ...], dict[tuple[str, str], int]]:
    """Return a round for each condition and round of the table: by round, then unaided ones first, then as in the analysis.

    The first is the one that changes are counted from. A round counts with its mean over the readers, as half of them may have
    begun with the other condition.
    """
    pairs = frame[["condition", "round"]].drop_duplicates().itertuples(index=False, name=None)
    middle = frame.groupby("condition")["round_rank"].mean().to_dict()
    place = {condition: number for number, condition in enumerate(order)}

    def key(own: tuple[str, str]) -> tuple[float, bool, int, str]:
        unaided = own[0].casefold().startswith(("un", "without", "no "))
        return middle[own[0]], not unaided, place.get(own[0], len(place)), own[1]

    ordered = sorted(((str(condition), str(own)) for condition, own in pairs), key=key)
    often = [condition for condition, _ in ordered]
    rounds, numbers = [], {}
    for number, (condition, own) in enumerate(ordered, start=1):
        title = f"{condition}, round {own}" if often.count(condition) > 1 else condition
        kind = Condition.UNAIDED if condition == ordered[0][0] else Condition.AIDED_CONCURRENT
        rounds.append(Round(number, title, {"": kind}))
        numbers[condition, own] = number
    return tuple(rounds), numbers


def _categories(frame: pd.DataFrame) -> tuple[str, ...]:
    used = set(frame["assessment"])
    return tuple(category for category in CATEGORIES if category in used)


def _readers(frame: pd.DataFrame) -> list[Reader]:
    groups = frame.groupby("reader_id", sort=True)["group"].max()
    return [Reader(str(reader), str(group)) for reader, group in groups.items()]


def _cases(frame: pd.DataFrame) -> list[CaseEntry]:
    """Return the cases of the reference in its order; its further columns take the place of clinical variables."""
    extra = [column for column in frame.columns if column not in (*ref.COLUMNS, "interim")]
    found: dict[str, CaseEntry] = {}
    for row in frame.to_dict("records"):
        case = str(row["case_id"])
        if case not in found:
            found[case] = CaseEntry(case, "", clinical={str(name): _cell(row[name]) for name in extra})
    return list(found.values())


def _reads(frame: pd.DataFrame, numbers: Mapping[tuple[str, str], int], first: str) -> list[Read]:
    """Return one Read for each reader, round and case: its rows are its units."""
    found: list[Read] = []
    keys = ["reader_id", "condition", "round", "case_id"]
    for (reader, condition, own, case), rows in _grouped(frame, keys):
        categories: dict[str, str] = {}
        scores: dict[str, Any] = {}
        for row in rows:
            unit = unit_of(row)
            if row["assessment"] is not None:
                categories[unit] = str(row["assessment"])
            if row["score"] is not None:
                scores[unit] = row["score"]
        seconds = [float(value) for row in rows if isinstance(value := row["reading_time_s"], (int, float))]
        position = rows[0].get("position")
        found.append(
            Read(
                reader_id=str(reader),
                round_no=numbers[str(condition), str(own or "")],
                condition=Condition.UNAIDED if condition == first else Condition.AIDED_CONCURRENT,
                case_id=str(case),
                categories=categories,
                scores=scores,
                note="",
                marks=(),
                initial=None,
                intervals=(Interval("active", 0, round(max(seconds) * 1e9), ""),) if seconds else (),
                displayed_utc="",
                submitted_utc="",
                position=int(position) if isinstance(position, (int, float)) else 0,
                aid=None,
                interrupted=0,
                run_ids=(),
            )
        )
    return found


def _grouped(frame: pd.DataFrame, keys: Sequence[str]) -> list[tuple[tuple[Value, ...], list[dict[str, Value]]]]:
    groups: dict[tuple[Value, ...], list[dict[str, Value]]] = {}
    for row in _rows(frame, READ_COLUMNS):
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(groups.items())


def _predictions(rows: Sequence[Mapping[str, Value]]) -> list[PredictionSummary]:
    """Return the prediction of each model for each whole case: the highest of its rows."""
    best: dict[tuple[str, str], Mapping[str, Value]] = {}
    for row in rows:
        key = (str(row["model_id"]), str(row["case_id"]))
        if key not in best or _probability(row) > _probability(best[key]):
            best[key] = row
    return [
        PredictionSummary(
            model_id=model,
            case_id=case,
            probability=_probability(row),
            threshold=None,
            call={1: "positive", 0: "negative"}.get(int(row["call"]), "") if isinstance(row["call"], (int, float)) else "",
            positive=bool(row["call"]) if row["call"] is not None else _probability(row) >= 0.5,
            status="ok",
            sha256="",
        )
        for (model, case), row in best.items()
    ]


def _probability(row: Mapping[str, Value]) -> float:
    value = row["probability"]
    assert isinstance(value, (int, float))
    return float(value)
