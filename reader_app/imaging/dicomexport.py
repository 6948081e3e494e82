"""A case back as DICOM: images without any identity, marks as presentation states and reports, heatmaps as segmentations.

The images are written from the container, so they cannot hold what the container does not hold. Positions in presentation states
are (column, row) with the corner of the first pixel at 0, 0: the centre of index i lies at i + 0.5.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app import __version__
from reader_app.errors import ImageError
from reader_app.imaging import dicomreport
from reader_app.imaging.caseimage import CaseImage, OpenCase
from reader_app.imaging.deidentify import Deidentifier
from reader_app.imaging.dicomreport import ExportMark
from reader_app.imaging.overlay import Box, Heatmap

__all__ = [
    "ExportMark",
    "full_grid",
    "heatmap_segmentation",
    "image_to_dicom",
    "presentation_state",
    "volume_segmentation",
    "write_case",
]

_MG, _US, _US_MULTI = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
_VIEWS = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
    "ML": ("399260004", "medio-lateral"),
    "LM": ("399352003", "latero-medial"),
}
_HUNG = {"RCC": ["P", "L"], "LCC": ["A", "R"], "R": ["P", "F"], "L": ["A", "F"], "RMLO": ["P", "FL"], "LMLO": ["A", "FR"]}
_DEVICE: dict[str, Any] = {
    "manufacturer": "reader-app",
    "manufacturer_model_name": "reader-app",
    "software_versions": __version__,
    "device_serial_number": "0",
}


def image_to_dicom(case: OpenCase, image: CaseImage, secret: bytes) -> Any:
    """Return one image, cine or volume as a DICOM data set under the case's pseudonym.

    Parameters
    ----------
    case, image : OpenCase, CaseImage
        Where the pixels come from; they are written as hung.
    secret : bytes
        The study's secret; UIDs are derived from it, so that a second export gives the same.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    uid = Deidentifier(secret).uid
    ds = Dataset()
    mammogram = case.modality == "mammography"
    frames = 1 if image.kind == "image" else image.array.shape[0]
    ds.SOPClassUID = _MG if mammogram else _US_MULTI if frames > 1 else _US
    ds.SOPInstanceUID = uid(f"{case.fingerprint}|{image.id}")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = (
        uid(f"{case.fingerprint}|study|{image.role}"),
        uid(f"{case.fingerprint}|series|{image.id}"),
    )
    ds.PatientID = ds.PatientName = case.case_id
    for keyword in [
        "PatientBirthDate",
        "PatientSex",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "StudyID",
        "ReferringPhysicianName",
    ]:
        setattr(ds, keyword, "")
    ds.PatientIdentityRemoved, ds.DeidentificationMethod = (
        "YES",
        f"reader-app {__version__}: written from a container without identity",
    )
    ds.Modality, ds.Manufacturer, ds.InstanceNumber, ds.SeriesNumber = "MG" if mammogram else "US", "reader-app", 1, 1
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.SeriesDescription = f"{image.laterality} {image.view}".strip()
    if mammogram:
        _mammogram(ds, image)
    if image.kind == "volume" and image.spacing_mm:
        ds.PixelSpacing, ds.SpacingBetweenSlices = [float(v) for v in image.spacing_mm[1:]], float(image.spacing_mm[0])
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = uid(f"{case.fingerprint}|frame|{image.id}"), ""
    elif image.spacing_mm:
        pair = [float(v) for v in image.spacing_mm[-2:]]
        setattr(ds, "ImagerPixelSpacing" if mammogram else "PixelSpacing", pair)
    _pixels(ds, image, frames)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return ds


def _mammogram(ds: Any, image: CaseImage) -> None:
    from pydicom.dataset import Dataset

    ds.ImageLaterality, ds.ViewPosition, ds.PresentationIntentType = image.laterality, image.view, "FOR PRESENTATION"
    ds.PatientOrientation = _HUNG.get(image.laterality + image.view) or _HUNG.get(image.laterality, ["", ""])
    if image.view in _VIEWS:
        item = Dataset()
        item.CodeValue, item.CodeMeaning = _VIEWS[image.view]
        item.CodingSchemeDesignator, item.ViewModifierCodeSequence = "SCT", []
        ds.ViewCodeSequence = [item]


def _pixels(ds: Any, image: CaseImage, frames: int) -> None:
    array = np.ascontiguousarray(image.array)
    colour = image.grey is None
    ds.Rows, ds.Columns = array.shape[-3:-1] if colour else array.shape[-2:]
    if frames > 1:
        ds.NumberOfFrames = frames
        if image.kind == "cine":
            ds.FrameTime = float(image.frame_time_ms or 40.0)
    ds.SamplesPerPixel, ds.BitsAllocated, ds.PixelRepresentation = 3 if colour else 1, 8 * array.dtype.itemsize, 0
    ds.BitsStored = 8 if image.grey is None else max(1, min(image.grey.bits, ds.BitsAllocated))
    ds.HighBit = ds.BitsStored - 1
    if image.grey is None:
        ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB", 0
    else:
        ds.PhotometricInterpretation = "MONOCHROME1" if image.grey.invert else "MONOCHROME2"
        ds.PresentationLUTShape = "INVERSE" if image.grey.invert else "IDENTITY"
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = float(image.grey.slope), float(image.grey.intercept), "US"
        windows = [p for p in image.grey.presets if p.function in ("linear", "linear_exact", "sigmoid")]
        if windows:
            same = [p for p in windows if p.function == windows[0].function]
            ds.VOILUTFunction = same[0].function.upper()
            ds.WindowCenter, ds.WindowWidth = [float(p.center) for p in same], [float(p.width) for p in same]
            ds.WindowCenterWidthExplanation = [p.name[:64] for p in same]
    if image.padding is not None:
        ds.add_new(0x00280120, "US", int(image.padding[0]))
        ds.add_new(0x00280121, "US", int(image.padding[1]))
    data = array.tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if array.dtype.itemsize == 1 else "OW"


def presentation_state(source: Any, marks: Sequence[ExportMark], boxes: Sequence[Box], label: str, secret: bytes) -> Any:
    """Return a Grayscale Softcopy Presentation State with marks (points as small crosses, boxes as outlines) on one 2-D image.

    Raises
    ------
    ImageError
        If there is nothing to show, or the image is a stack or in colour (presentation states of this kind are for grey images).
    """
    import highdicom as hd

    if "NumberOfFrames" in source or source.SamplesPerPixel != 1:
        raise ImageError(f"{source.PatientID}: marks as a presentation state need a single grey image")
    shapes: list[Any] = []
    texts: list[Any] = []
    edge = np.array([source.Columns, source.Rows], np.float64)  # what reaches beyond the image is cut off at its edge
    for mark in marks:
        row, column = mark.index
        half = tuple(e / 2 for e in mark.extent) if mark.extent else ()
        corners = _outline(row - half[0], column - half[1], row + half[0], column + half[1]) if half else None
        if mark.outline:
            corners = np.array([(place[-1], place[-2]) for place in (*mark.outline, mark.outline[0])], np.float64)
        if corners is not None:
            shapes.append(_line(hd, np.clip(corners + 0.5, 0.0, edge)))
        else:
            for dr, dc in ((0.0, 12.0), (12.0, 0.0)):
                ends = np.array([[column - dc, row - dr], [column + dc, row + dr]])
                shapes.append(_line(hd, np.clip(ends + 0.5, 0.0, edge)))
        texts += _text(hd, mark.text, column, row)
    for box in boxes:
        shapes.append(_line(hd, np.clip(_outline(*box.start, *box.stop), 0.0, edge)))  # box edges are corners already
        texts += _text(hd, f"{box.label} {box.score:.2f}".strip(), min(box.stop[1], edge[0] - 1), max(box.start[0], 0.0))
    if not shapes:
        raise ImageError(f"{source.PatientID}: there is no mark to write")
    layer = hd.pr.GraphicLayer(layer_name="MARKS", order=1, description="marks")
    annotation = hd.pr.GraphicAnnotation([source], layer, graphic_objects=shapes, text_objects=texts or None)
    uid = Deidentifier(secret).uid
    return hd.pr.GrayscaleSoftcopyPresentationState(
        [source],
        series_instance_uid=uid(f"{source.SOPInstanceUID}|pr series"),
        series_number=901,
        sop_instance_uid=uid(f"{source.SOPInstanceUID}|pr|{label}"),
        instance_number=1,
        content_label="".join(c if c.isalnum() else "_" for c in label.upper())[:16] or "MARKS",
        graphic_annotations=[annotation],
        graphic_layers=[layer],
        **_DEVICE,
    )


def _outline(top: float, left: float, bottom: float, right: float) -> NDArray[np.float64]:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])


def _line(hd: Any, points: NDArray[np.float64]) -> Any:
    return hd.pr.GraphicObject(graphic_type="POLYLINE", graphic_data=points, units="PIXEL")


def _text(hd: Any, text: str, column: float, row: float) -> list[Any]:
    if not text:
        return []
    anchor = (float(column) + 0.5, float(row) + 0.5)
    return [hd.pr.TextObject(text_value=text[:60], units="PIXEL", anchor_point=anchor, anchor_point_visible=False)]


def full_grid(heatmap: Heatmap, rows: int, columns: int) -> NDArray[np.float32]:
    """Return a 2-D heatmap on the image's own grid: 0 to 1 between its floor and ceiling, linear between cells."""
    r = ((np.arange(rows) - heatmap.offset[0]) / heatmap.scale[0]).astype(np.float32)
    c = ((np.arange(columns) - heatmap.offset[1]) / heatmap.scale[1]).astype(np.float32)
    level = np.maximum(heatmap.grid.astype(np.float32) - 1.0, 0.0) / 254.0
    at_column, at_row = np.meshgrid(c, r)
    return np.asarray(cv2.remap(level, at_column, at_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)


def heatmap_segmentation(source: Any, heatmap: Heatmap, model: str, version: str, secret: bytes) -> Any:
    """Return a 2-D heatmap as a fractional (probability) segmentation of its image.

    The pixel value over 255 is the place between the heatmap's floor and ceiling; both stand in the segment's description.
    """
    if heatmap.grid.ndim != 2 or "NumberOfFrames" in source:
        raise ImageError(f"{source.PatientID}: only heatmaps of single images are written on the grid of their image")
    return _segmentation(source, full_grid(heatmap, source.Rows, source.Columns), heatmap, model, version, secret)


def volume_segmentation(source: Any, image: CaseImage, heatmap: Heatmap, model: str, version: str, secret: bytes) -> Any:
    """Return the heatmap of a volume as a fractional segmentation on the heatmap's own grid.

    Parameters
    ----------
    source : Dataset
        The exported volume (`image_to_dicom`), whose frame of reference the segmentation shares.
    image : CaseImage
        The same volume in the case; its affine places the grid (LPS mm).

    Raises
    ------
    ImageError
        If the volume has no spacing, so that its heatmap has no place in space.
    """
    import highdicom as hd
    from pydicom.dataset import Dataset

    if heatmap.grid.ndim != 3 or image.affine is None or "FrameOfReferenceUID" not in source:
        raise ImageError(f"{source.PatientID}: {image.id} has no known place in space, so its heatmap cannot be written")
    to_index = np.diag([*heatmap.scale, 1.0])
    to_index[:3, 3] = heatmap.offset
    level = np.maximum(heatmap.grid.astype(np.float32) - 1.0, 0.0) / 254.0
    place = np.asarray(image.affine) @ to_index
    volume = hd.Volume(level, place, coordinate_system="PATIENT", frame_of_reference_uid=source.FrameOfReferenceUID)
    placed = Dataset()  # highdicom places a segmentation by functional groups, which a multi-frame ultrasound object has not
    placed.update({element.tag: element for element in source if element.keyword != "PixelData"})
    placed.file_meta = source.file_meta
    matrix = np.asarray(image.affine, np.float64)
    along = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = source.PixelSpacing, source.SpacingBetweenSlices
    measures.SpacingBetweenSlices = source.SpacingBetweenSlices
    orientation.ImageOrientationPatient = [float(v) for v in (*along[:, 2], *along[:, 1])]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    placed.SharedFunctionalGroupsSequence, placed.PerFrameFunctionalGroupsSequence = [shared], []
    for frame in range(int(source.NumberOfFrames)):
        group, position = Dataset(), Dataset()
        position.ImagePositionPatient = [float(v) for v in matrix[:3, 3] + frame * matrix[:3, 0]]
        group.PlanePositionSequence = [position]
        placed.PerFrameFunctionalGroupsSequence.append(group)
    return _segmentation(placed, volume, heatmap, model, version, secret)


def _segmentation(source: Any, values: Any, heatmap: Heatmap, model: str, version: str, secret: bytes) -> Any:
    import highdicom as hd
    from pydicom.sr.codedict import codes

    family: Any = codes.cid7162.ArtificialIntelligence
    algorithm = hd.AlgorithmIdentificationSequence(name=model[:64], version=version[:64] or "unknown", family=family)
    uid = Deidentifier(secret).uid
    description = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=f"{model} {heatmap.floor:.3g} to {heatmap.ceiling:.3g}"[:64],
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Lesion,
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
        tracking_uid=uid(f"{source.SOPInstanceUID}|{model}"),
        tracking_id=f"{model} heatmap"[:64],
    )
    return hd.seg.Segmentation(
        [source],
        values,
        "FRACTIONAL",
        [description],
        series_instance_uid=uid(f"{source.SOPInstanceUID}|seg series|{model}"),
        series_number=902,
        sop_instance_uid=uid(f"{source.SOPInstanceUID}|seg|{model}|{version}"),
        instance_number=1,
        max_fractional_value=255,
        omit_empty_frames=values.ndim == 2,
        **_DEVICE,
    )


def write_case(
    case: OpenCase,
    directory: Path,
    secret: bytes,
    marks: Sequence[ExportMark] | Mapping[str, Sequence[ExportMark]] = (),
    aids: Mapping[str, tuple[str, Sequence[Box], Sequence[Heatmap]]] | None = None,
    assessments: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Path]:
    """Write a case: every image; of each read and model a presentation state an image and a structured report; the heatmaps.

    Parameters
    ----------
    case : OpenCase
        The case.
    directory : Path
        Made when needed; files are named by image and kind.
    secret : bytes
        The study's secret.
    marks : sequence of ExportMark, or mapping from a read's name to one
        Of one reader and read, or of several ("R01 round 1" -> marks). Presentation states hold those on single grey images,
        the reports all of them.
    aids : mapping, optional
        Model id -> (version, boxes, heatmaps).
    assessments : mapping, optional
        Read's name -> unit -> category, for the reports.

    Returns
    -------
    list of Path
        In order of writing.
    """
    import pydicom

    warnings.filterwarnings("ignore", message=".*unlikely to represent the intended person name.*")  # pseudonyms are not names
    directory.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def keep(name: str, ds: Any) -> None:
        path = directory / f"{name}.dcm"
        pydicom.dcmwrite(path, ds, enforce_file_format=True)
        written.append(path)

    reads = marks if isinstance(marks, Mapping) else {"marks": marks}
    sources: dict[str, Any] = {}
    for image in case.images:
        ds = sources[image.id] = image_to_dicom(case, image, secret)
        keep(image.id, ds)
        single = image.kind == "image" and image.grey is not None
        for label, own in reads.items():
            here = [m for m in own if m.image_id == image.id and len(m.index) == 2]
            if here and single:
                keep(f"{image.id}.{label.replace(' ', '_')}", presentation_state(ds, here, (), label, secret))
        for model, (version, boxes, heatmaps) in (aids or {}).items():
            found = [b for b in boxes if b.image_id == image.id and len(b.start) == 2]
            if found and single:
                keep(f"{image.id}.{model}.boxes", presentation_state(ds, (), found, model, secret))
            for heatmap in (h for h in heatmaps if h.image_id == image.id and h.evidence):
                if heatmap.grid.ndim == 2 and single:
                    keep(f"{image.id}.{model}.heatmap", heatmap_segmentation(ds, heatmap, model, version, secret))
                elif heatmap.grid.ndim == 3 and image.kind == "volume" and image.affine is not None and image.spacing_mm:
                    keep(f"{image.id}.{model}.heatmap", volume_segmentation(ds, image, heatmap, model, version, secret))
    assessed = assessments or {}
    for label in dict.fromkeys([*reads, *assessed]):
        marked = [dicomreport.of_mark(m) for m in reads.get(label, ()) if m.image_id in sources]
        if marked or assessed.get(label):
            own = dicomreport.report(case, sources, label, marked, secret, assessed.get(label))
            keep(f"report.{label.replace(' ', '_')}", own)
    for model, (version, boxes, _) in (aids or {}).items():
        boxed = [dicomreport.of_box(b) for b in boxes if b.image_id in sources]
        if boxed:
            keep(f"report.{model}", dicomreport.report(case, sources, model, boxed, secret, None, version))
    return written
