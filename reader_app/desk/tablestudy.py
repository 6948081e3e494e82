"""The analysis of plain tables, for people who collected reads with other tools: all that a study gets, without a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reader_app.analysis import reference as ref
from reader_app.analysis import tables
from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.clock import SystemClock
from reader_app.desk.exporting import Material, versions
from reader_app.errors import Fault, TableError
from reader_app.export.given import content_of

#: Formats that plain tables are written in unless others are asked for; structured reports (one file a read) only when asked for.
FORMATS: Sequence[str] = ("xlsx", "report", "csv", "imrmc", "rjafroc", "ordbm", "redcap")


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The tables of the outer interface of ``analyze``."""

    reads: Path
    reference: Path
    marks: Path | None = None
    lesions: Path | None = None
    predictions: Path | None = None


def analyse_tables(files: TableFiles, options: Options | None = None, interim: bool = False) -> tuple[dict[str, Any], Material]:
    """Check the tables, compute everything, and return the result document with what files are written from.

    Parameters
    ----------
    interim : bool
        The reads are not complete; said in everything that is written.

    Raises
    ------
    TableError
        If a table has faults; each names its row and column.
    """
    options = replace(options or Options(), interim=interim)
    reference: Any = files.reference
    if files.lesions is not None:
        reference = with_lesions(files.reference, files.lesions)
    results = analyze(files.reads, reference, marks=files.marks, predictions=files.predictions, options=options)
    checked: Mapping[str, tables.Checked | None] = {
        "reads": tables.read_reads(files.reads),
        "reference": ref.checked(ref.load(reference)),
        "marks": None if files.marks is None else tables.read_marks(files.marks),
        "predictions": None if files.predictions is None else tables.read_predictions(files.predictions),
    }
    name = files.reads.stem
    content = content_of(checked, results, name, versions(), SystemClock().now().wall_utc, interim)
    own = {what: tables.load_table(path, what).frame for what, path in (("reads", files.reads), ("marks", files.marks)) if path}
    standard = reference if files.lesions is not None else tables.load_table(files.reference, "reference").frame
    return results, Material(name, content, own["reads"], standard, own.get("marks"))


def with_lesions(reference: Path, lesions: Path) -> Any:
    """Return the reference standard with the lesions of a table of their own.

    The reference then has one row a case (``case_id, malignant``, strata); the lesions one row a lesion and view (``case_id,
    lesion_id`` and positions). A lesion without the column ``malignant`` is malignant, as lesions named for a marking task are.

    Raises
    ------
    TableError
        If the reference names lesions itself, a lesion's case is not in it, or a malignant lesion lies in a benign case.
    """
    import pandas as pd

    cases, own = tables.load_table(reference, "reference"), tables.load_table(lesions, "lesions")
    faults = []
    for table, needed in ((cases, ("case_id", "malignant")), (own, ("case_id", "lesion_id"))):
        missing = [column for column in needed if column not in table.frame.columns]
        faults += [Fault(f"{table.name}, row 1", f"column {column} is missing", "add it") for column in missing]
    if not faults and "lesion_id" in cases.frame.columns and (cases.frame["lesion_id"] != "").any():
        faults.append(Fault(cases.name, "names lesions itself", f"leave out --lesions, or column lesion_id of {cases.name}"))
    if faults:
        raise TableError(faults)
    frame = own.frame.copy()
    if "malignant" not in frame.columns:
        frame["malignant"] = "1"
    truth = dict(zip(cases.frame["case_id"], cases.frame["malignant"], strict=True))
    for row, case, malignant in zip(frame.index, frame["case_id"], frame["malignant"], strict=True):
        if case not in truth:
            faults.append(Fault(f"{own.name}, row {row}, column case_id", f"case {case} is not in {cases.name}", "add it there"))
        elif malignant == "1" and truth[case] != "1":
            what = f"a malignant lesion lies in case {case}, which {cases.name} calls benign"
            faults.append(Fault(f"{own.name}, row {row}, column malignant", what, "make them agree"))
    if faults:
        raise TableError(faults[:50])
    strata = cases.frame.set_index("case_id")
    for column in strata.columns:
        if column not in frame.columns:
            frame[column] = frame["case_id"].map(strata[column]).fillna("")
    bare = cases.frame[~cases.frame["case_id"].isin(set(frame["case_id"]))]
    place = {case: number for number, case in enumerate(truth)}
    return pd.concat([bare, frame]).fillna("").sort_values("case_id", key=lambda ids: ids.map(place), kind="stable")
