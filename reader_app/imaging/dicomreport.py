"""What a reader or a model found in a case, as a structured report (TID 1500): on images, cines and volumes alike.

Each place is a group of its own, on the frame of the exported image it lies in: a point as a point, boxes, ellipses and outlines
as closed lines, (column, row) with the corner of the first pixel at 0, 0. A box in a volume stands on its middle plane and names
its planes in its identifier. The reader's category of each unit (case, breast, lesion) is a group without a place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reader_app import __version__
from reader_app.imaging.caseimage import OpenCase
from reader_app.imaging.deidentify import Deidentifier
from reader_app.imaging.overlay import Box

#: BI-RADS assessment categories (CID 6027): code, scheme, meaning.
CATEGORIES: dict[str, tuple[str, str, str]] = {
    "0": ("397138000", "SCT", "0 - Need additional imaging evaluation"),
    "1": ("397140005", "SCT", "1 - Negative"),
    "2": ("397141009", "SCT", "2 - Benign finding"),
    "3": ("397143007", "SCT", "3 - Probably benign"),
    "4": ("397144001", "SCT", "4 - Suspicious abnormality"),
    "4A": ("MA.II.A.5.4A", "BI", "4A - Low suspicion"),
    "4B": ("MA.II.A.5.4B", "BI", "4B - Intermediate suspicion"),
    "4C": ("MA.II.A.5.4C", "BI", "4C - Moderate suspicion"),
    "5": ("397145000", "SCT", "5 - Highly suggestive of malignancy"),
    "6": ("MA.II.A.5.6", "BI", "6 - Known biopsy proven malignancy"),
}
_PROCEDURES = {
    "mammography": ("71651007", "SCT", "Mammography"),
    "abvs": ("47079000", "SCT", "Ultrasonography of breast"),
    "ultrasound": ("47079000", "SCT", "Ultrasonography of breast"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One place.

    Attributes
    ----------
    image_id, text : str
        Where, and what to call it.
    index : tuple of float
        (row, column) or (slice, row, column), pixel centres at integers.
    line : tuple of (row, column)
        Corners of its closed line, pixel centres at integers; empty for a point.
    per_cent : float or None
        The reader's certainty or the model's probability, 0 to 100.
    """

    image_id: str
    text: str
    index: tuple[float, ...]
    line: tuple[tuple[float, float], ...] = ()
    per_cent: float | None = None


@dataclass(frozen=True, slots=True)
class ExportMark:
    """A mark of a reader to be written: a point, a box (``extent``) or a closed line (``outline``) in index order, and a text.

    ``per_cent`` is the reader's suspicion, 0 to 100, where one was given.
    """

    image_id: str
    index: tuple[float, ...]
    text: str = ""
    extent: tuple[float, ...] = ()
    outline: tuple[tuple[float, ...], ...] = ()
    per_cent: float | None = None


def of_mark(mark: ExportMark) -> Finding:
    """Return a reader's mark as a place of a report."""
    line: tuple[tuple[float, float], ...] = ()
    if mark.outline:
        line = tuple((place[-2], place[-1]) for place in mark.outline)
    elif mark.extent:
        (row, column), (high, wide) = mark.index[-2:], mark.extent[-2:]
        line = _corners(row - high / 2, column - wide / 2, row + high / 2, column + wide / 2)
    return Finding(mark.image_id, mark.text, mark.index, line, mark.per_cent)


def of_box(box: Box) -> Finding:
    """Return a model's box as a place of a report; pixel i covers i to i + 1, so its line runs outside the outermost centres."""
    middle = tuple((a + b - 1) / 2 for a, b in zip(box.start, box.stop, strict=True))
    words = box.label
    if len(box.start) == 3:
        words = f"{words} planes {box.start[0]:.0f} to {box.stop[0] - 1:.0f}".strip()
    (top, left), (bottom, right) = box.start[-2:], box.stop[-2:]
    line = _corners(top - 0.5, left - 0.5, bottom - 0.5, right - 0.5)
    return Finding(box.image_id, words, middle, line, 100.0 * box.score)


def _corners(top: float, left: float, bottom: float, right: float) -> tuple[tuple[float, float], ...]:
    return ((top, left), (top, right), (bottom, right), (bottom, left))


def report(
    case: OpenCase,
    sources: Mapping[str, Any],
    label: str,
    findings: Sequence[Finding],
    secret: bytes,
    categories: Mapping[str, str] | None = None,
    model_version: str | None = None,
) -> Any:
    """Return the report of one read or one model.

    Parameters
    ----------
    case : OpenCase
        The case.
    sources : mapping
        Image id -> the exported data set (`dicomexport.image_to_dicom`).
    label : str
        Name of the read ("R01 round 1") or of the model.
    findings : sequence of Finding
        May be empty: nothing was marked.
    secret : bytes
        The study's secret, for UIDs that a second export gives again.
    categories : mapping, optional
        Unit -> BI-RADS category; others than BI-RADS are written as they are.
    model_version : str, optional
        Given for a model: the observer is then a device, and percentages are probabilities of cancer.

    Returns
    -------
    pydicom.Dataset
        A Comprehensive SR.
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes

    uid = Deidentifier(secret).uid
    key = f"{case.fingerprint}|report|{label}"
    groups: list[Any] = []
    for number, finding in enumerate(findings, start=1):
        groups.append(_place(hd, codes, sources[finding.image_id], finding, uid(f"{key}|{number}"), model_version is not None))
    for unit, category in (categories or {}).items():
        value, scheme, meaning = CATEGORIES.get(category, (category[:16] or "none", "99READER", f"category {category}"[:64]))
        kept = hd.sr.QualitativeEvaluation(
            name=hd.sr.CodedConcept("111005", "DCM", "Assessment Category"), value=hd.sr.CodedConcept(value, scheme, meaning)
        )
        tracking = hd.sr.TrackingIdentifier(uid=uid(f"{key}|unit {unit}"), identifier=f"assessment of {unit}"[:64])
        groups.append(hd.sr.MeasurementsAndQualitativeEvaluations(tracking, qualitative_evaluations=[kept]))
    if model_version is None:
        observer = hd.sr.ObserverContext(
            codes.DCM.Person, hd.sr.PersonObserverIdentifyingAttributes(name=label.replace(" ", "^", 1)[:64])
        )
    else:
        attributes = hd.sr.DeviceObserverIdentifyingAttributes(uid=uid(f"device|{label}|{model_version}"), name=label[:64])
        observer = hd.sr.ObserverContext(codes.DCM.Device, attributes)
    content = hd.sr.MeasurementReport(
        hd.sr.ObservationContext(observer_person_context=observer)
        if model_version is None
        else hd.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=hd.sr.CodedConcept(*_PROCEDURES[case.modality]),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=list(sources.values()),
    )
    made = hd.sr.ComprehensiveSR(
        list(sources.values()),
        content,
        series_instance_uid=uid(f"{key}|series"),
        series_number=903,
        sop_instance_uid=uid(f"{key}|sr"),
        instance_number=1,
        manufacturer="reader-app",
        is_complete=True,
    )
    made.SeriesDescription = f"{label} · {__version__}"[:64]
    made.PatientIdentityRemoved, made.DeidentificationMethod = "YES", f"reader-app {__version__}: pseudonyms only"
    for keyword in ("ContentDate", "ContentTime"):
        setattr(made, keyword, "19000101" if keyword == "ContentDate" else "000000")  # no date leaves the study
    return made


def _place(hd: Any, codes: Any, source: Any, finding: Finding, tracking_uid: str, is_model: bool) -> Any:
    edge = np.array([source.Columns, source.Rows], np.float64)
    frames = [round(finding.index[0]) + 1] if len(finding.index) == 3 else None
    places = finding.line + finding.line[:1] if finding.line else (finding.index[-2:],)
    points = np.clip(np.array([(c, r) for r, c in places], np.float64) + 0.5, 0.0, edge)
    region = hd.sr.ImageRegion(
        graphic_type="POLYLINE" if finding.line else "POINT",
        graphic_data=points,
        source_image=hd.sr.SourceImageForRegion(source.SOPClassUID, source.SOPInstanceUID, referenced_frame_numbers=frames),
    )
    measured = []
    if finding.per_cent is not None:
        name = ("111047", "DCM", "Probability of cancer") if is_model else ("111012", "DCM", "Certainty of Finding")
        measured.append(hd.sr.Measurement(name=hd.sr.CodedConcept(*name), value=float(finding.per_cent), unit=codes.UCUM.Percent))
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        hd.sr.TrackingIdentifier(uid=tracking_uid, identifier=finding.text[:64] or "finding"),
        referenced_region=region,
        finding_type=codes.SCT.Lesion,
        measurements=measured or None,
    )
