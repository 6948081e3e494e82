"""RJafroc's three-sheet workbook (TRUTH, TP, FP), paradigm ROC, or FROC where marks have been matched to lesions.

RJafroc takes labels from the text-sorted FP sheet but data in the order of TRUTH, without a word; so ids here are zero-padded
and their text order is the order of TRUTH, every reader and condition has a FP row, and the key says what they are. Read with
``DfReadDataFile(file, newExcelFileFormat = TRUE, sequentialNames = TRUE)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reader_app.errors import Fault, InputFaults
from reader_app.export.atomic import refuse, write_checked
from reader_app.export.cells import write_text
from reader_app.export.content import WorkbookContent
from reader_app.export.interchange.ordbm import crossed_or_refuse
from reader_app.export.interchange.ratings import Ratings, plain_ids, write_key

if TYPE_CHECKING:
    import pandas as pd

Grid = dict[str, list[tuple[str | int | float | None, ...]]]

_TRUTH = ("CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm")
_TP = ("ReaderID", "ModalityID", "CaseID", "LesionID", "TP_Rating")
_FP = ("ReaderID", "ModalityID", "CaseID", "FP_Rating")


def write(
    out: Path, study_id: str, found: Ratings, content: WorkbookContent, marks: Sequence[Mapping[str, Any]] | None = None,
    lesions: Mapping[str, Sequence[str]] | None = None,
) -> list[Path]:  # fmt: skip
    """Write ``STUDY-rjafroc.xlsx`` and its key.

    Parameters
    ----------
    marks : sequence of mapping, optional
        Marks already matched (``reader_id, condition, case_id, rating, lesion_id``, blank = no lesion): paradigm FROC.
    lesions : mapping of case to lesion ids, optional
        All lesions of the reference standard; needed with ``marks``.
    """
    kept = crossed_or_refuse(found, "RJafroc")
    readers, modalities = plain_ids(found.readers, "R"), plain_ids(kept, "M")
    cases = {case: number for number, case in enumerate(found.cases, start=1)}
    if marks is None:
        grid = _roc(found, kept, readers, modalities, cases)
    else:
        grid = _froc(found, kept, readers, modalities, cases, marks, lesions or {})
    _every_label_has_a_false_mark(grid, readers, modalities)

    def save(target: Path) -> None:
        import openpyxl

        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for name, rows in grid.items():
            sheet = book.create_sheet(name)
            for line, row in enumerate(rows, start=1):
                for place, value in enumerate(row, start=1):
                    if isinstance(value, str):
                        write_text(sheet.cell(line, place), value)
                    elif value is not None:
                        sheet.cell(line, place).value = value
        book.save(target)

    def check(target: Path) -> str:
        again = read(target)
        refuse(target, [name for name in grid if again[name] != grid[name]])
        return f"{len(grid['TP']) + len(grid['FP']) - 2:,} ratings"

    path = write_checked(out / f"{study_id}-rjafroc.xlsx", save, check).path
    left_out = {name: "left out: not every reader read every case" for name in found.conditions if name not in kept}
    parts = {
        "reader": readers,
        "condition": modalities | left_out,
        "case": {case: str(number) for case, number in cases.items()},
        "how to read": {"DfReadDataFile(file, newExcelFileFormat = TRUE, sequentialNames = TRUE)": "R"},
    }
    return [path, write_key(out / f"{study_id}-rjafroc-key.csv", parts, content.interim)]


def write_froc(
    out: Path, study_id: str, found: Ratings, content: WorkbookContent, tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
) -> list[Path]:
    """Write ``STUDY-froc-rjafroc.xlsx`` from the tables of marks, reference and reads, or a note why it cannot be written.

    The workbook of paradigm ROC stands beside it, so a study whose marks RJafroc cannot take still has its export.
    """
    from reader_app.analysis.hits import matched_marks

    try:
        options = content.options()
        marks, lesions = matched_marks(*tables, str(options.get("match") or "distance"), float(options.get("overlap") or 0.1))
        return write(out, f"{study_id}-froc", found, content, marks, lesions)
    except InputFaults as refused:
        reasons = {str(number): str(fault) for number, fault in enumerate(refused.faults, start=1)}
        parts = {"left out: FROC": {reason: number for number, reason in reasons.items()}}
        return [write_key(out / f"{study_id}-froc-rjafroc-left-out.csv", parts)]


def _truth_rows(
    found: Ratings, readers: Mapping[str, str], modalities: Mapping[str, str], cases: Mapping[str, int],
    lesions: Mapping[str, int], paradigm: str,
) -> list[tuple[str | int | float | None, ...]]:  # fmt: skip
    everyone, all_modalities = ",".join(readers.values()), ",".join(modalities.values())
    numbered = {case: range(1, lesions[case] + 1) if found.truth[case] else range(1) for case in cases}
    plain = [(number, lesion) for case, number in cases.items() for lesion in numbered[case]]
    notes = [paradigm, "FCTRL"]
    return [
        _TRUTH,
        *(
            (number, lesion, 0, everyone, all_modalities, notes[place] if place < 2 else None)
            for place, (number, lesion) in enumerate(plain)
        ),
    ]


def _roc(
    found: Ratings, kept: Sequence[str], readers: Mapping[str, str], modalities: Mapping[str, str], cases: Mapping[str, int]
) -> Grid:
    one = dict.fromkeys(cases, 1)
    grid: Grid = {"TRUTH": _truth_rows(found, readers, modalities, cases, one, "ROC"), "TP": [_TP], "FP": [_FP]}
    for name, modality in modalities.items():
        for reader, own in readers.items():
            for case, number in cases.items():
                rating = _whole(found.score[reader, name, case])
                if found.truth[case]:
                    grid["TP"].append((own, modality, number, 1, rating))
                else:
                    grid["FP"].append((own, modality, number, rating))
    return grid


def _froc(
    found: Ratings, kept: Sequence[str], readers: Mapping[str, str], modalities: Mapping[str, str], cases: Mapping[str, int],
    marks: Sequence[Mapping[str, Any]], lesions: Mapping[str, Sequence[str]],
) -> Grid:  # fmt: skip
    numbers = {case: {lesion: place for place, lesion in enumerate(lesions.get(case, ()), start=1)} for case in cases}
    bare = [case for case in cases if found.truth[case] and not numbers[case]]
    if bare:
        raise InputFaults(
            [Fault("reference", f"malignant case {bare[0]} has no lesion", "name its lesions, or export without marks")]
        )
    counts = {case: len(own) for case, own in numbers.items()}
    hits: dict[tuple[str, str, int, int], float] = {}
    false: list[tuple[str | int | float | None, ...]] = []
    for mark in marks:
        reader, name, case = str(mark["reader_id"]), str(mark["condition"]), str(mark["case_id"])
        if name not in modalities or case not in cases:
            continue
        lesion, rating = str(mark.get("lesion_id") or ""), float(mark["rating"])
        if found.truth[case] and lesion in numbers[case]:
            key = (readers[reader], modalities[name], cases[case], numbers[case][lesion])
            hits[key] = max(hits.get(key, rating), rating)  # several marks on one lesion: the highest
        else:
            false.append((readers[reader], modalities[name], cases[case], _whole(rating)))
    return {
        "TRUTH": _truth_rows(found, readers, modalities, cases, counts, "FROC"),
        "TP": [_TP, *((*key, _whole(rating)) for key, rating in hits.items())],
        "FP": [_FP, *false],
    }


def _whole(value: float) -> int | float:
    return int(value) if value == int(value) else value


def _every_label_has_a_false_mark(grid: Grid, readers: Mapping[str, str], modalities: Mapping[str, str]) -> None:
    """Refuse what makes RJafroc stop, or give the ratings of one reader to another."""
    for place, names in ((0, readers), (1, modalities)):
        missing = [name for name, own in names.items() if own not in {str(row[place]) for row in grid["FP"][1:]}]
        if missing:
            what = f"{missing[0]} has no false positive rating; RJafroc would then stop or mix up the labels"
            raise InputFaults([Fault("reads", what, "export to imrmc or ordbm instead")])


def read(path: Path) -> Grid:
    """Read such a workbook by RJafroc's rules.

    Raises
    ------
    ValueError
        If a rule is broken.
    """
    import openpyxl

    book = openpyxl.load_workbook(path)
    if book.sheetnames != ["TRUTH", "TP", "FP"]:
        raise ValueError("the sheets are not TRUTH, TP, FP")
    grid: Grid = {sheet.title: [tuple(cell.value for cell in line) for line in sheet.iter_rows()] for sheet in book.worksheets}
    for name, header in (("TRUTH", _TRUTH), ("TP", _TP), ("FP", _FP)):
        if grid[name][0] != header:
            raise ValueError(f"sheet {name}: header")
        if any(value is None for row in grid[name][1:] for value in row[:5]):
            raise ValueError(f"sheet {name}: an empty cell")
    truth = grid["TRUTH"][1:]
    if len({row[3] for row in truth}) != 1 or len({row[4] for row in truth}) != 1:
        raise ValueError("TRUTH: readers or modalities differ between rows")
    for place in (3, 4):
        labels = str(truth[0][place]).split(",")
        if labels != sorted(labels):
            raise ValueError("TRUTH: labels are not in text order")
        if sorted({str(row[place - 3]) for row in grid["FP"][1:]}) != labels:
            raise ValueError("FP: not every label occurs")
    if truth[0][5] not in ("ROC", "FROC") or truth[1][5] != "FCTRL" or any(row[5] for row in truth[2:]):
        raise ValueError("TRUTH: paradigm")
    known = {(row[0], row[1]) for row in truth}
    hits = [row[:4] for row in grid["TP"][1:]]
    if len(set(hits)) != len(hits) or any((row[2], row[3]) not in known for row in hits):
        raise ValueError("TP: a lesion is rated twice, or not in TRUTH")
    return grid
