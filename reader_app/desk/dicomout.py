"""A case of a study as DICOM again: de-identified images, the readers' marks and categories, the models' aids."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from reader_app.ai import results as predictions
from reader_app.desk.gathering import gather
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.imaging import container, dicomexport, grouping
from reader_app.imaging.dicomexport import ExportMark
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.finding import Mark

_CORNERS = 32  # of the closed line that an ellipse is written as


def write_dicom(study: Path, case_ids: Sequence[str], out: Path, with_marks: bool = True, with_aids: bool = True) -> list[Path]:
    """Write cases as DICOM, one folder a case.

    Parameters
    ----------
    case_ids : sequence of str
        Empty: every case of the study.
    with_marks : bool
        Of each read a structured report (marks and categories), and a presentation state for each single image in which
        something was marked; needs a frozen study.
    with_aids : bool
        Boxes as presentation states and structured reports, heatmaps as fractional segmentations.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputFaults
        If the study has no such case, or a folder to write to already holds something.
    """
    folder = StudyFolder.load(study)
    known = [case.case_id for case in folder.cases]
    faults = [Fault(str(study), f"there is no case {case_id}", "see cases.csv") for case_id in case_ids if case_id not in known]
    wanted = list(case_ids) or known
    for case_id in wanted:
        if (out / case_id).is_dir() and any((out / case_id).iterdir()):
            faults.append(Fault(str(out / case_id), "this folder is not empty", "choose another --out"))
    if faults:
        raise InputFaults(faults)
    marks, assessed = _reads(study) if with_marks and folder.is_frozen else ({}, {})
    secret = grouping.salt(study / "images", create=True)
    written: list[Path] = []
    for case_id in wanted:
        case = container.open_case(folder.container(case_id))
        aids = _aids(folder, case_id) if with_aids else {}
        written += dicomexport.write_case(case, out / case_id, secret, marks.get(case_id, {}), aids, assessed.get(case_id, {}))
    return written


def _reads(study: Path) -> tuple[dict[str, dict[str, list[ExportMark]]], dict[str, dict[str, dict[str, str]]]]:
    """Return by case and read ("R01 round 1") what was marked, and the category of each unit."""
    marks: dict[str, dict[str, list[ExportMark]]] = {}
    assessed: dict[str, dict[str, dict[str, str]]] = {}
    for read in gather(study).reads:
        label = f"{read.reader_id} round {read.round_no}"
        if read.marks:
            marks.setdefault(read.case_id, {})[label] = [_mark(own) for own in read.marks]
        assessed.setdefault(read.case_id, {})[label] = {unit: str(category) for unit, category in read.categories.items()}
    return marks, assessed


def _mark(mark: Mark) -> ExportMark:
    text = mark.finding_id or mark.mark_id
    if mark.score is not None:
        text += f" ({mark.score})"
    outline = mark.outline
    if mark.kind == "ellipse" and len(mark.extent) >= 2:
        (row, column), (height, width) = mark.index[-2:], mark.extent[-2:]
        angles = [2 * math.pi * step / _CORNERS for step in range(_CORNERS)]
        outline = tuple((row + math.sin(a) * height / 2, column + math.cos(a) * width / 2) for a in angles)
    per_cent = None if mark.score is None else float(mark.score)
    return ExportMark(mark.image_id, mark.index, text, mark.extent, outline, per_cent)


def _aids(folder: StudyFolder, case_id: str) -> Mapping[str, tuple[str, Sequence[Box], Sequence[Heatmap]]]:
    found = {}
    for model in folder.definition.models:
        try:
            own = predictions.load(folder.aid_dir(model.model_id), case_id)
        except (ReaderAppError, FileNotFoundError):
            continue
        version = str(own.provenance.get("bundle_version", ""))
        found[model.model_id] = (version, own.boxes, own.heatmaps)
    return found
