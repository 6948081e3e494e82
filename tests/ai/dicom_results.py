"""Makes small originals and the DICOM results another program would write for them: reports, segmentations, maps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence as Items
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MAMMOGRAM = "1.2.840.10008.5.1.4.1.1.1.2"
VOLUME_SLICE = "1.2.840.10008.5.1.4.1.1.2"


def original(path: Path, rows: int, columns: int, number: int = 1, series: str = "", volume: bool = False) -> Dataset:
    """Write one original image and return its dataset; slices of a volume share frame of reference and series."""
    ds = Dataset()
    ds.SOPClassUID = VOLUME_SLICE if volume else MAMMOGRAM
    ds.SOPInstanceUID = generate_uid(entropy_srcs=[path.name, str(number)])
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(entropy_srcs=["s"]), series or generate_uid(entropy_srcs=[path.name])
    ds.Modality = "CT" if volume else "MG"
    ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "P", "P", "", "F"
    ds.StudyID, ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "1", "20200101", "120000", "1"
    ds.ReferringPhysicianName, ds.SeriesNumber, ds.InstanceNumber = "", 1, number
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = rows, columns, 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0
    ds.PixelSpacing = [0.5, 0.5]
    if volume:
        ds.FrameOfReferenceUID = generate_uid(entropy_srcs=["f"])
        ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 2.0 * (number - 1)]
        ds.SliceThickness = 2.0
    ds.PixelData = np.zeros((rows, columns), np.uint8).tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.save_as(path, enforce_file_format=True)
    return pydicom.dcmread(path)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def segmentation(path: Path, sources: Items[Dataset], pixels: NDArray[Any], fractional: bool = False) -> Path:
    """Write a segmentation of one segment by the peer library: bool or float frames on the source images."""
    algorithm = hd.AlgorithmIdentificationSequence("net", CodedConcept("123110", "DCM", "Artificial Intelligence"), "1")
    described = hd.seg.SegmentDescription(
        1,
        "lesion",
        CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
        CodedConcept("4147007", "SCT", "Mass"),
        hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm,
    )
    kind = hd.seg.SegmentationTypeValues.FRACTIONAL if fractional else hd.seg.SegmentationTypeValues.BINARY
    extra: dict[str, Any] = {"max_fractional_value": 200} if fractional else {}
    seg = hd.seg.Segmentation(
        list(sources),
        pixels.astype(np.float32) if fractional else pixels.astype(np.uint8),
        kind,
        [described],
        generate_uid(),
        2,
        generate_uid(),
        1,
        "maker",
        "model",
        "1",
        "1",
        omit_empty_frames=False,
        **extra,
    )
    seg.save_as(path)
    return path


def parametric_map(path: Path, sources: Items[Dataset], pixels: NDArray[Any]) -> Path:
    """Write a floating-point parametric map by the peer library, (slices, rows, columns)."""
    mapping = hd.pm.RealWorldValueMapping("p", "probability", CodedConcept("1", "UCUM", "no units"), [0.0, 1.0], 1.0, 0.0)
    made = hd.pm.ParametricMap(
        list(sources),
        pixels.astype(np.float32),
        generate_uid(),
        3,
        generate_uid(),
        1,
        "maker",
        "model",
        "1",
        "1",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        window_center=0.5,
        window_width=1.0,
    )
    made.save_as(path)
    return path


def measurements(
    path: Path, image: Dataset, graphic: str, points: NDArray[Any], percent: float | None, frame: int | None = None
) -> Path:
    """Write a measurement report (TID 1500) with one region by the peer library; points are (column, row)."""
    source = hd.sr.SourceImageForRegion(str(image.SOPClassUID), str(image.SOPInstanceUID), None if frame is None else [frame])
    region = hd.sr.ImageRegion(hd.sr.GraphicTypeValues[graphic], points.astype(float), source)
    measured = []
    if percent is not None:
        measured = [
            hd.sr.Measurement(CodedConcept("111047", "DCM", "Probability of cancer"), percent, CodedConcept("%", "UCUM", "%"))
        ]
    group = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        hd.sr.TrackingIdentifier(generate_uid(), "1"),
        referenced_region=region,
        finding_type=CodedConcept("4147007", "SCT", "Mass"),
        measurements=measured,
    )
    observer = hd.sr.ObserverContext(
        CodedConcept("121007", "DCM", "Device"), hd.sr.DeviceObserverIdentifyingAttributes(generate_uid(), "net")
    )
    report = hd.sr.MeasurementReport(
        hd.sr.ObservationContext(observer),
        CodedConcept("71651007", "SCT", "Mammography"),
        imaging_measurements=[group],
    )
    sr = hd.sr.ComprehensiveSR([image], report[0], generate_uid(), 4, generate_uid(), 1, "maker")
    sr.save_as(path)
    return path


def cad_report(path: Path, image: Dataset, marks: Items[dict[str, Any]], outcome: str = "111242") -> Path:
    """Write a Mammography CAD SR (TID 4000): marks are dicts with ``outline`` or ``centre`` (column, row), ``p``, ``intent``."""

    def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
        ds = Dataset()
        ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = value, scheme, meaning
        return ds

    def item(kind: str, name: Dataset | None, children: Items[Dataset] = (), **attributes: Any) -> Dataset:
        ds = Dataset()
        ds.RelationshipType, ds.ValueType = "CONTAINS", kind
        if name is not None:
            ds.ConceptNameCodeSequence = Sequence([name])
        for key, value in attributes.items():
            setattr(ds, key, value)
        if children:
            ds.ContentSequence = Sequence(list(children))
        return ds

    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    library = item(
        "CONTAINER", code("111028", "Image Library"), [item("IMAGE", None, ReferencedSOPSequence=Sequence([reference]))]
    )
    findings = []
    for mark in marks:
        chosen = Dataset()
        chosen.RelationshipType, chosen.ReferencedContentItemIdentifier = "SELECTED FROM", [1, 1, 1]
        children = [
            item("CODE", code("111056", "Rendering Intent"), ConceptCodeSequence=Sequence([code(mark["intent"], "intent")]))
        ]
        if "p" in mark:
            value = Dataset()
            value.NumericValue, value.MeasurementUnitsCodeSequence = str(mark["p"]), Sequence([code("%", "percent", "UCUM")])
            children.append(item("NUM", code("111047", "Probability of cancer"), MeasuredValueSequence=Sequence([value])))
        for key, name, kind in (("centre", "111010", "POINT"), ("outline", "111041", "POLYLINE")):
            if key in mark:
                data = [float(v) for v in mark[key]]
                children.append(item("SCOORD", code(name, key), [chosen], GraphicType=kind, GraphicData=data))
        mass = Sequence([code("129788004", "Mass", "SCT")])
        findings.append(item("CODE", code("111059", "Single Image Finding"), children, ConceptCodeSequence=mass))
    impression = item("CONTAINER", code("111034", "Individual Impression/Recommendation"), findings)
    concept = Sequence([code(outcome, "outcome")])
    summary = item("CODE", code("111017", "CAD Processing and Findings Summary"), [impression], ConceptCodeSequence=concept)
    root = item("CONTAINER", code("111036", "Mammography CAD Report"), [library, summary])
    evidence, series = Dataset(), Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = image.SeriesInstanceUID, Sequence([reference])
    evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence = image.StudyInstanceUID, Sequence([series])
    root.CurrentRequestedProcedureEvidenceSequence = Sequence([evidence])
    root.SOPClassUID, root.SOPInstanceUID, root.Modality = "1.2.840.10008.5.1.4.1.1.88.50", generate_uid(), "SR"
    root.file_meta = FileMetaDataset()
    root.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    root.file_meta.MediaStorageSOPClassUID, root.file_meta.MediaStorageSOPInstanceUID = root.SOPClassUID, root.SOPInstanceUID
    root.save_as(path, enforce_file_format=True)
    return path
