"""DICOM structured reports of reads: TID 1500 (Comprehensive SR), one object a read, through highdicom.

An interim analysis gives preliminary reports (Preliminary Flag), and the series says so. Content: for each unit (case, right or
left breast) the BI-RADS category (CID 6027) and the reader's probability of cancer in percent; for each mark a point or outline
in the image with the finding's probability. The observer is the reader's pseudonym.

The cases of a study are de-identified containers that no longer know their DICOM identity. Images are therefore referenced by
UIDs derived from the case's fingerprint and the image's name (2.25., SHA-256): the same image has the same UID in every
report, and nothing leads to a patient. Positions are in stored pixels of the container, which has each breast hung; a pixel's
centre is at .5 as DICOM has it. Frames of a volume are its slices, counted from 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reader_app.errors import Fault, InputFaults
from reader_app.export.atomic import refuse, write_checked
from reader_app.export.content import WorkbookContent
from reader_app.export.interchange.ratings import readable_ids
from reader_app.study.finding import Mark
from reader_app.study.readtable import Read

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

#: BI-RADS categories as CID 6027 codes them (value, scheme, meaning).
CATEGORY_CODES: Mapping[str, tuple[str, str, str]] = {
    "0": ("397138000", "SCT", "0 - Incomplete"),
    "1": ("397140005", "SCT", "1 - Negative"),
    "2": ("397141009", "SCT", "2 - Benign"),
    "3": ("397143007", "SCT", "3 - Probably Benign"),
    "4": ("397144001", "SCT", "4 - Suspicious"),
    "4A": ("MA.II.A.5.4A", "BI", "4A - Low suspicion"),
    "4B": ("MA.II.A.5.4B", "BI", "4B - Intermediate suspicion"),
    "4C": ("MA.II.A.5.4C", "BI", "4C - Moderate suspicion"),
    "5": ("397145000", "SCT", "5 - Highly suggestive of malignancy"),
    "6": ("MA.II.A.5.6", "BI", "6 - Known biopsy proven malignancy"),
}
_ASSESSMENT = ("111005", "DCM", "Assessment Category")
_PROBABILITY = ("111047", "DCM", "Probability of cancer")
_PERCENT = ("%", "UCUM", "Percent")
_SCORE = ("score", "99READERAPP", "Score of the reader")  # of plain tables, whose scale nobody stated
_NO_UNIT = ("1", "UCUM", "no units")
_BREAST = ("76752008", "SCT", "Breast")
_SIDES = {"R": ("24028007", "SCT", "Right"), "L": ("7771000", "SCT", "Left")}
_FINDING = ("52988006", "SCT", "Lesion")
_PROCEDURES = {
    "mammography": ("71651007", "SCT", "Mammography"),
    "ultrasound": ("47079000", "SCT", "Ultrasonography of breast"),
    "abvs": ("47079000", "SCT", "Ultrasonography of breast"),
}
_CLASSES = {
    "mammography": ("1.2.840.10008.5.1.4.1.1.1.2", "MG"),
    "ultrasound": ("1.2.840.10008.5.1.4.1.1.6.1", "US"),
    "abvs": ("1.2.840.10008.5.1.4.1.1.3.1", "US"),
}


def write(out: Path, content: WorkbookContent) -> list[Path]:
    """Write one ``READER-rN-CASE.dcm`` for each read into ``out``, which is made when absent.

    Raises
    ------
    InputFaults
        If a category has no code.
    EnvironmentFault
        If a file cannot be written.
    """
    out.mkdir(exist_ok=True)
    modalities = {case.case_id: case.modality for case in content.cases}
    fingerprints = {case.case_id: case.fingerprint or case.case_id for case in content.cases}
    readers = readable_ids(list(dict.fromkeys(read.reader_id for read in content.reads)))
    cases = readable_ids(list(dict.fromkeys(read.case_id for read in content.reads)))
    status = "Interim" if content.interim else "Final"
    bare = next((read for read in content.reads if not read.categories and not read.scores), None)
    if bare is not None:
        what = f"the read of case {bare.case_id} by {bare.reader_id} has neither category nor score"
        raise InputFaults([Fault("reads", what, "structured reports need one of them; leave sr out")])
    written = []
    for read in content.reads:
        modality = modalities.get(read.case_id) or "ultrasound"
        percent = content.given is None
        report = build(read, modality, fingerprints.get(read.case_id, read.case_id), content.study.study_id, status, percent)
        again = "" if read.occurrence == 1 else f"-{read.occurrence}"
        path = out / f"{readers[read.reader_id]}-r{read.round_no}-{cases[read.case_id]}{again}.dcm"

        def save(target: Path, report: Any = report) -> None:
            report.save_as(target, enforce_file_format=True)

        def check(target: Path, read: Read = read) -> str:
            refuse(target, differences(target, read, status))
            return "1 read"

        written.append(write_checked(path, save, check).path)
    return written


def uid(*parts: str) -> str:
    """Return a UID that is the same whenever the parts are (2.25. and 128 bits of their SHA-256)."""
    digest = hashlib.sha256("\x1f".join(("reader-app", *parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def build(read: Read, modality: str, fingerprint: str, study_id: str, status: str = "Final", percent: bool = True) -> Any:
    """Return the structured report of one read.

    Parameters
    ----------
    status : str
        "Interim" where some rounds of the study are not finished; it stands in the report as its series description.
    percent : bool
        Whether scores are percent; those of plain tables are numbers of unknown scale.
    """
    import highdicom as hd

    def code(parts: tuple[str, str, str]) -> Any:
        return hd.sr.CodedConcept(*parts)

    whose = (read.reader_id, str(read.round_no), read.case_id, *([] if read.occurrence == 1 else [str(read.occurrence)]))
    groups: list[Any] = []
    concept, unit_of_score = (_PROBABILITY, _PERCENT) if percent else (_SCORE, _NO_UNIT)
    for unit, category, score in _units(read):
        if category and category not in CATEGORY_CODES:
            raise InputFaults([Fault(f"read of {read.case_id} by {read.reader_id}", f"category {category!r} has no DICOM code")])
        site = hd.sr.FindingSite(code(_BREAST), laterality=code(_SIDES[unit]) if unit in _SIDES else None)
        groups.append(
            hd.sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=hd.sr.TrackingIdentifier(uid("unit", *whose, unit), unit),
                finding_sites=[site],
                measurements=None if score is None else [hd.sr.Measurement(code(concept), float(score), code(unit_of_score))],
                qualitative_evaluations=[hd.sr.QualitativeEvaluation(code(_ASSESSMENT), code(CATEGORY_CODES[category]))]
                if category
                else None,
            )
        )
    for mark in read.marks:
        image = hd.sr.SourceImageForRegion(_class(modality, mark), uid("image", fingerprint, mark.image_id), _frames(mark))
        kind, points = outline(mark)
        groups.append(
            hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=hd.sr.TrackingIdentifier(
                    uid("mark", *whose, mark.mark_id), f"finding {mark.finding_id}, mark {mark.mark_id}"
                ),
                referenced_region=hd.sr.ImageRegion(graphic_type=kind, graphic_data=points, source_image=image),
                finding_type=code(_FINDING),
                measurements=None
                if mark.score is None
                else [hd.sr.Measurement(code(_PROBABILITY), float(mark.score), code(_PERCENT))],
            )
        )
    observer = hd.sr.ObserverContext(
        hd.sr.CodedConcept("121006", "DCM", "Person"),
        hd.sr.PersonObserverIdentifyingAttributes(name=f"{read.reader_id}^^^^"[:64]),
    )
    content = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_person_context=observer),
        procedure_reported=code(_PROCEDURES[modality]),
        imaging_measurements=groups,
        title=hd.sr.CodedConcept("126000", "DCM", "Imaging Measurement Report"),
    )
    made = hd.sr.ComprehensiveSR(
        evidence=_evidence(read, modality, fingerprint, study_id),
        content=content[0],
        series_instance_uid=uid("series", study_id, read.reader_id, str(read.round_no)),
        series_number=read.round_no,
        sop_instance_uid=uid("read", study_id, *whose),
        instance_number=max(read.position, 1),
        manufacturer="reader-app (research use only)",
        is_complete=True,
        is_final=status == "Final",
    )
    made.SeriesDescription = f"{status} read, research use only" + ("; do not report" if status != "Final" else "")
    return made


def _units(read: Read) -> list[tuple[str, str, float | None]]:
    """Return unit, category ("" for none) and score of everything that was judged."""
    units = dict.fromkeys([*read.categories, *read.scores])
    return [(unit, read.categories.get(unit, ""), read.scores.get(unit)) for unit in units]


def _class(modality: str, mark: Mark | None) -> str:
    """Return the SOP class of an image; a mark with a slice lies in a multi-frame image."""
    if mark is not None and len(mark.index) == 3 and modality != "mammography":
        return _CLASSES["abvs"][0]
    return _CLASSES[modality][0]


def _frames(mark: Mark) -> list[int] | None:
    return [round(mark.index[0]) + 1] if len(mark.index) == 3 else None


def outline(mark: Mark) -> tuple[str, Any]:
    """Return graphic type and points (column, row; pixel centres at .5) of a mark."""
    import numpy as np

    row, column = mark.index[-2] + 0.5, mark.index[-1] + 0.5
    if mark.outline:
        corners = [(corner[-1] + 0.5, corner[-2] + 0.5) for corner in (*mark.outline, mark.outline[0])]
        return "POLYLINE", np.array(corners)
    if mark.kind == "ellipse" and mark.extent:
        across = [(column - mark.extent[-1] / 2, row), (column + mark.extent[-1] / 2, row)]
        down = [(column, row - mark.extent[-2] / 2), (column, row + mark.extent[-2] / 2)]
        return "ELLIPSE", np.array([*across, *down] if mark.extent[-1] >= mark.extent[-2] else [*down, *across])
    if mark.kind != "box" or not mark.extent:
        return "POINT", np.array([[column, row]])
    high, wide = mark.extent[-2] / 2, mark.extent[-1] / 2
    corners = [(-wide, -high), (wide, -high), (wide, high), (-wide, high), (-wide, -high)]
    return "POLYLINE", np.array([[column + x, row + y] for x, y in corners])


def _evidence(read: Read, modality: str, fingerprint: str, study_id: str) -> list[Dataset]:
    """Return one made-up header for each image that the report refers to (or for the case)."""
    from pydicom.dataset import Dataset

    images = list(dict.fromkeys(mark.image_id for mark in read.marks)) or ["case"]
    found = []
    for image in images:
        mark = next((mark for mark in read.marks if mark.image_id == image), None)
        header = Dataset()
        header.SOPClassUID = _class(modality, mark)
        header.SOPInstanceUID = uid("image", fingerprint, image)
        header.StudyInstanceUID = uid("exam", fingerprint)
        header.SeriesInstanceUID = uid("images", fingerprint)
        header.Modality = _CLASSES[modality][1]
        header.PatientID = read.case_id[:64]
        header.PatientName = f"{read.case_id[:60]}^"
        header.PatientBirthDate = ""
        header.PatientSex = ""
        header.StudyID = study_id[:16]
        header.AccessionNumber = ""
        header.StudyDate = ""
        header.StudyTime = ""
        header.ReferringPhysicianName = ""
        found.append(header)
    return found


def differences(path: Path, read: Read, status: str = "Final") -> list[str]:
    """Read a report back with highdicom and return in words where it differs from the read."""
    import highdicom as hd
    import numpy as np

    whole: Any = hd.sr.srread(path)
    report = whole.content
    found = [] if (whole.PreliminaryFlag == "FINAL") == (status == "Final") else ["status"]
    cases = report.get_image_measurement_groups()
    meant = {(CATEGORY_CODES.get(category), None if score is None else float(score)) for _, category, score in _units(read)}
    got = set()
    for group in cases:
        stated = [item.value for item in group.get_qualitative_evaluations()]
        concept = (stated[0].value, stated[0].scheme_designator, stated[0].meaning) if stated else None
        values = [float(item.value) for item in group.get_measurements()]
        got.add((concept, values[0] if values else None))
    if len(cases) != len(_units(read)) or got != meant:
        found.append("assessment")
    regions = report.get_planar_roi_measurement_groups()
    if len(regions) != len(read.marks):
        found.append("number of marks")
    for group, mark in zip(regions, read.marks, strict=False):
        kind, points = outline(mark)
        values = [int(item.value) for item in group.get_measurements()]
        if group.roi.graphic_type.value != kind or not np.allclose(group.roi.value, points, atol=1e-3):
            found.append(f"mark {mark.mark_id}: place")
        if values != ([] if mark.score is None else [mark.score]):
            found.append(f"mark {mark.mark_id}: probability")
    return found
