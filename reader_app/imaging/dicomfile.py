"""Reading a DICOM file safely and stating what matters of it in plain, JSON-able facts. Runs in a worker process."""

from __future__ import annotations

import math
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from reader_app.errors import ImageError
from reader_app.imaging import limits

DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT = "1.2.840.10008.1.2.1"

_TEXT = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "Manufacturer",
    "ManufacturerModelName",
    "PatientID",
    "AccessionNumber",
    "PatientName",
    "PatientBirthDate",
    "PatientAge",
    "SeriesDescription",
    "StudyDescription",
    "ProtocolName",
    "StudyDate",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentTime",
    "ImageLaterality",
    "Laterality",
    "ViewPosition",
    "PartialView",
    "PresentationIntentType",
    "PhotometricInterpretation",
    "PresentationLUTShape",
    "VOILUTFunction",
    "PixelSpacingCalibrationType",
    "BurnedInAnnotation",
    "BreastImplantPresent",
    "QualityControlImage",
    "ImageComments",
    "UltrasoundAcquisitionGeometry",
    "FrameOfReferenceUID",
    "VolumeFrameOfReferenceUID",
    "AcquisitionDeviceProcessingDescription",
    "BodyPartExamined",
)
_NUMBERS = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
    "InstanceNumber",
    "SeriesNumber",
    "UltrasoundColorDataPresent",
)
#: Taken as they stand, as text, because whether they are sound is judged later and by name.
_RAW = (
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "SpacingBetweenSlices",
    "SliceThickness",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "FrameTime",
    "FrameTimeVector",
    "CineRate",
    "RecommendedDisplayFrameRate",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PatientOrientation",
    "ImageType",
    "NumberOfFrames",
)
#: GE Invenia ABUS geometry, private group 0021.
_ABUS_CREATORS = ("U-Systems", "General Electric Company 01")
_ABUS_ELEMENTS = {
    0x20: "nipple",
    0x21: "first_element",
    0x40: "probe_radius",
    0x41: "track_radius",
    0x62: "line_density",
    0x63: "depth_cm",
}


def read_dataset(path: Path, header_only: bool = True) -> Any:
    """Read a DICOM file with limits; files without the DICM mark are refused, never forced.

    Raises
    ------
    ImageError
        With the file's name and what is wrong.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    name = path.name
    size = path.stat().st_size
    if size == 0:
        raise ImageError(f"{name}: is empty; copy or export the file again")
    if size > limits.FILE_BYTES:
        raise ImageError(f"{name}: is larger than {limits.FILE_BYTES // limits.GIB} GB; it was left out")
    try:
        information = pydicom.filereader.read_file_meta_info(path)
        syntax = str(information.get("TransferSyntaxUID", ""))
        if not syntax:
            raise ImageError(f"{name}: does not state its transfer syntax; export it again")
        source: Any = _inflated(path, name) if syntax == DEFLATED else path
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            ds = pydicom.dcmread(source, stop_before_pixels=header_only)
        if any("End of file reached" in str(w.message) for w in said):
            raise ImageError(f"{name}: is cut off; copy or export the file again")
        if syntax == DEFLATED:
            ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(EXPLICIT)
    except InvalidDicomError as error:
        raise ImageError(f"{name}: is not a DICOM file (its mark is missing); leave it out or export it again") from error
    except (EOFError, ValueError, AttributeError, KeyError, TypeError, OSError, NotImplementedError) as error:
        raise ImageError(f"{name}: its DICOM header is broken ({_short(error)}); copy or export the file again") from error
    return ds


def _inflated(path: Path, name: str) -> BytesIO:
    """Return an uncompressed twin of a deflated file, inflated no further than the limits allow."""
    import pydicom

    information = pydicom.filereader.read_file_meta_info(path)
    with path.open("rb") as stream:
        stream.seek(132 + 12 + int(information.FileMetaInformationGroupLength))  # preamble, mark, group length element, group
        packed = stream.read()
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = machine.decompress(packed, limits.INFLATED_BYTES)
    except zlib.error as error:
        raise ImageError(f"{name}: its deflated part is broken; copy or export the file again") from error
    if machine.unconsumed_tail or (len(packed) > 4096 and len(plain) > limits.RATIO * len(packed)):
        raise ImageError(f"{name}: inflates to far more than a breast image; it was left out as unsafe")
    information.TransferSyntaxUID = pydicom.uid.UID(EXPLICIT)
    twin = BytesIO()
    pydicom.filewriter.write_file_meta_info(_preambled(twin), information, enforce_standard=False)
    twin.write(plain)
    twin.seek(0)
    return twin


def _preambled(stream: BytesIO) -> Any:
    from pydicom.filebase import DicomFileLike

    stream.write(b"\0" * 128 + b"DICM")
    target = DicomFileLike(stream)
    target.is_little_endian, target.is_implicit_VR = True, False
    return target


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def check_nesting(ds: Any, depth: int = 0) -> None:
    """Raise RecursionError when sequences are nested deeper than any real header."""
    if depth > limits.NESTING:
        raise RecursionError
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                check_nesting(item, depth + 1)


def _plain(value: Any) -> Any:
    """Return a header value as text, a number or a list of these; empty values become an empty list or text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip("\0 ")
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        return [_plain(v) for v in value]
    if isinstance(value, (int, float)):
        number = float(value)
        return str(value) if not math.isfinite(number) else (int(number) if number.is_integer() else number)
    return str(value).strip("\0 ")


def facts(ds: Any, name: str) -> dict[str, Any]:
    """Return what classification, geometry and grey-scale need of a header, as JSON-able values.

    Unreadable single elements count as absent; whether a value is sound is judged where it is used, so that the refusal can
    name the tag.
    """

    def get(keyword: str, where: Any = ds) -> Any:
        try:
            return _plain(where.get(keyword)) if keyword in where else ""
        except (ValueError, TypeError, AttributeError, KeyError, NotImplementedError, OverflowError):
            return ""

    result: dict[str, Any] = {"file": name, "TransferSyntaxUID": str(ds.file_meta.get("TransferSyntaxUID", ""))}
    for keyword in (*_TEXT, *_NUMBERS, *_RAW):
        value = get(keyword)
        if value not in ("", []):
            result[keyword] = value
    groups = [ds, *_functional_groups(ds)]
    if "ImageLaterality" not in result:
        for group in groups[1:]:
            for anatomy in _items(group, "FrameAnatomySequence"):
                result.setdefault("ImageLaterality", get("FrameLaterality", anatomy))
    for group in groups[1:]:
        for measures in _items(group, "PixelMeasuresSequence"):
            for keyword in ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"):
                if keyword not in result and get(keyword, measures) != "":
                    result[keyword] = get(keyword, measures)
    result["views"] = [_code(item, get) for item in _items(ds, "ViewCodeSequence")]
    result["regions"] = [
        {
            key: get(keyword, item)
            for key, keyword in (
                ("format", "RegionSpatialFormat"),
                ("type", "RegionDataType"),
                ("x0", "RegionLocationMinX0"),
                ("y0", "RegionLocationMinY0"),
                ("x1", "RegionLocationMaxX1"),
                ("y1", "RegionLocationMaxY1"),
                ("unit_x", "PhysicalUnitsXDirection"),
                ("unit_y", "PhysicalUnitsYDirection"),
                ("dx", "PhysicalDeltaX"),
                ("dy", "PhysicalDeltaY"),
            )
        }
        for item in _items(ds, "SequenceOfUltrasoundRegions")
    ]
    abus = _abus(ds)
    if abus:
        result["abus"] = abus
    planes = _volume_planes(ds, get)
    if planes:
        result["planes"] = planes
    result["has_pixels"] = bool(result.get("Rows")) and bool(result.get("Columns"))
    return result


def _items(ds: Any, keyword: str) -> list[Any]:
    try:
        return list(ds.get(keyword) or [])
    except (ValueError, TypeError, AttributeError, NotImplementedError):
        return []


def _functional_groups(ds: Any) -> list[Any]:
    return [*_items(ds, "SharedFunctionalGroupsSequence"), *_items(ds, "PerFrameFunctionalGroupsSequence")[:1]]


def _code(item: Any, get: Any) -> dict[str, Any]:
    modifiers = [[get("CodeValue", m), get("CodingSchemeDesignator", m)] for m in _items(item, "ViewModifierCodeSequence")]
    return {
        "code": get("CodeValue", item),
        "scheme": get("CodingSchemeDesignator", item),
        "meaning": get("CodeMeaning", item),
        "modifiers": modifiers,
    }


def _abus(ds: Any) -> dict[str, Any]:
    """Return the GE Invenia geometry of private group 0021, found by its private creator."""
    found: dict[str, Any] = {}
    for creator in _ABUS_CREATORS:
        try:
            block = ds.private_block(0x0021, creator)
        except KeyError:
            continue
        for element, name in _ABUS_ELEMENTS.items():
            if element in block and name not in found:
                found[name] = private_numbers(block[element].value)
    return found


def private_numbers(value: Any) -> Any:
    """Return a private value as a number or a list of numbers, also when it comes as text; other text is cut to 64 letters."""
    value = _plain(value)
    if isinstance(value, str):
        parts = [p for p in value.replace("\\", " ").replace(",", " ").split() if p]
        try:
            numbers = [float(p) for p in parts]
        except ValueError:
            return value[:64]
        return numbers[0] if len(numbers) == 1 else numbers
    return value


def _volume_planes(ds: Any, get: Any) -> list[list[float]]:
    """Positions of the frames of an Enhanced US Volume along the volume, (x, y, z) each."""
    positions = []
    for group in _items(ds, "PerFrameFunctionalGroupsSequence"):
        for keyword, inner in (
            ("PlanePositionVolumeSequence", "ImagePositionVolume"),
            ("PlanePositionSequence", "ImagePositionPatient"),
        ):
            for item in _items(group, keyword)[:1]:
                value = get(inner, item)
                if isinstance(value, list) and len(value) == 3:
                    positions.append([float(v) for v in value])
    return positions
