"""De-identification of DICOM data sets: the PS3.15 Basic Profile, and on top of it a list of what may stay at all.

Two nets, one behind the other. First the standard's table (``resources/deidentify/ps315.csv``) with these options:
descriptors cleaned (113105), dates shifted (113107), patient characteristics kept (113108), safe private geometry kept (113111),
and pixels cleaned (113101) when regions to black out are given. Then, for what the table does not know: free text, names, dates,
unknown sequences and unknown binary values are removed unless listed here. UIDs are remapped by the study's secret, so that
references between objects still hold; dates move by the same number of days for all exams of a woman.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from reader_app import __version__, paths
from reader_app.errors import ImageError
from reader_app.imaging import dicomfile
from reader_app.imaging.mammogram import MODIFIER_CODES, VIEW_CODES
from reader_app.imaging.names import read_name

METHOD_CODES: tuple[tuple[str, str], ...] = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    ("113108", "Retain Patient Characteristics Option"),
    ("113111", "Retain Safe Private Option"),
)
_CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Sequences that may stay (their items are cleaned like everything else).
_SEQUENCES = _words(
    """ViewCodeSequence ViewModifierCodeSequence VOILUTSequence ModalityLUTSequence SequenceOfUltrasoundRegions
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence PixelMeasuresSequence PlanePositionSequence
    PlaneOrientationSequence PlanePositionVolumeSequence PlaneOrientationVolumeSequence FrameVOILUTSequence
    PixelValueTransformationSequence FrameAnatomySequence FrameContentSequence AnatomicRegionSequence PartialViewCodeSequence
    SourceImageSequence ReferencedImageSequence"""
)
#: Text that may stay as it is: no person writes into these.
_TEXT = _words(
    """Manufacturer ManufacturerModelName SoftwareVersions LUTExplanation WindowCenterWidthExplanation RescaleType
    CodingSchemeDesignator"""
)
#: Binary values that may stay.
_BINARY = _words(
    """PixelData LUTData RedPaletteColorLookupTableData GreenPaletteColorLookupTableData
    BluePaletteColorLookupTableData"""
)
#: Coded strings that may stay: their values come from the standard, not from a person.
_CODED = _words(
    """Modality PhotometricInterpretation PresentationIntentType PresentationLUTShape VOILUTFunction ImageLaterality Laterality
    FrameLaterality ViewPosition PatientOrientation PartialView BreastImplantPresent PixelIntensityRelationship BurnedInAnnotation
    LossyImageCompression LossyImageCompressionMethod ConversionType PixelSpacingCalibrationType UltrasoundAcquisitionGeometry
    QualityControlImage SpatialLocationsPreserved"""
)
_IMAGE_TYPES = _words(
    """ORIGINAL DERIVED PRIMARY SECONDARY CROPPED_IMAGE GENERATED_2D TOMO TOMO_2D TOMO_PROJ VOLUME NONE MIXED BREAST ABDOMINAL"""
)
_NUMBERS = frozenset(["US", "SS", "UL", "SL", "FL", "FD", "IS", "DS", "AT", "UV", "SV"])
_CS = re.compile(r"[A-Z0-9_ ]{0,16}")
_CODE = re.compile(r"[A-Za-z0-9.\-]{1,16}")
_MEANINGS = {**dict.fromkeys(VIEW_CODES, "view"), **MODIFIER_CODES}
_DATE = re.compile(r"\d{8}")
#: Private elements that hold geometry and nothing else: (creator, element).
_SAFE_PRIVATE = frozenset(
    (creator, element)
    for creator in ("U-Systems", "General Electric Company 01")
    for element in (0x20, 0x21, 0x40, 0x41, 0x62, 0x63)
)


@lru_cache(maxsize=1)
def profile() -> dict[int, tuple[str, str]]:
    """Return tag -> (action of the basic profile, letters of our options) from the committed table."""
    table = {}
    for line in paths.resource("deidentify/ps315.csv").read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            tag, action, options = line.split(",")
            table[int(tag, 16)] = (action, options)
    return table


class Deidentifier:
    """Cleans data sets of one study consistently.

    Parameters
    ----------
    secret : bytes
        The study's secret (`grouping.salt`); the same input gives the same UIDs and dates within a study and others outside.
    """

    def __init__(self, secret: bytes) -> None:
        self.secret = secret

    def uid(self, original: str) -> str:
        """Return the replacement of an instance UID; UIDs registered by DICOM itself (classes, syntaxes) stay."""
        if original.startswith("1.2.840.10008."):
            return original
        digest = hmac.new(self.secret, f"uid|{original}".encode(), hashlib.sha256).digest()
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"

    def days(self, patient_id: str) -> int:
        """Return by how many days all dates of one woman move: 30 days to 5 years back."""
        digest = hmac.new(self.secret, f"days|{patient_id}".encode(), hashlib.sha256).digest()
        return -(30 + int.from_bytes(digest[:4], "big") % 1796)

    def clean(self, ds: Any, case_id: str, black_out: Sequence[tuple[int, int, int, int]] = ()) -> Any:
        """Return a de-identified copy.

        Parameters
        ----------
        ds : pydicom.Dataset
            With file meta information; is not changed.
        case_id : str
            Pseudonym that becomes PatientID and PatientName.
        black_out : sequence of (row, column, row end, column end)
            Regions of the stored pixels to overwrite with the lowest value; needs pixels that can be decoded.

        Raises
        ------
        ImageError
            If pixels are to be cleaned and cannot be decoded.
        """
        from pydicom.dataset import Dataset, FileMetaDataset

        shift = self.days(str(ds.get("PatientID", "")))
        result = self._cleaned(ds, shift)
        result.PatientID = result.PatientName = case_id
        result.PatientIdentityRemoved = "YES"
        result.DeidentificationMethod = f"reader-app {__version__}: PS3.15 Basic Profile with options as coded"
        codes = [*METHOD_CODES, _CLEAN_PIXELS] if black_out else list(METHOD_CODES)
        result.DeidentificationMethodCodeSequence = []
        for value, meaning in codes:
            item = Dataset()
            item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
            result.DeidentificationMethodCodeSequence.append(item)
        result.LongitudinalTemporalInformationModified = "MODIFIED"
        for keyword in (
            "StudyDate",
            "StudyTime",
            "AccessionNumber",
            "ReferringPhysicianName",
            "StudyID",
            "PatientBirthDate",
            "PatientSex",
        ):
            if keyword not in result:
                setattr(result, keyword, "")
        result.file_meta = FileMetaDataset()
        result.file_meta.MediaStorageSOPClassUID = result.get("SOPClassUID", "")
        result.file_meta.MediaStorageSOPInstanceUID = result.get("SOPInstanceUID", "")
        result.file_meta.TransferSyntaxUID = ds.file_meta.TransferSyntaxUID
        if black_out:
            self._black_out(ds, result, black_out, case_id)
        elif ds.file_meta.TransferSyntaxUID.is_compressed and "PixelData" in result:
            result["PixelData"].is_undefined_length = True
        return result

    def _cleaned(self, ds: Any, shift: int) -> Any:
        from pydicom.dataset import Dataset

        result = Dataset()
        for element in ds:
            if element.tag.is_private:
                continue
            kept = self._element(element, shift)
            if kept is not None:
                result.add(kept)
        _keep_geometry(ds, result)
        return result

    def _element(self, element: Any, shift: int) -> Any:
        """Return the cleaned copy of one public element, or None."""
        from pydicom.dataelem import DataElement

        tag, keyword, vr = element.tag, element.keyword, str(element.VR)
        group = tag.group
        if not keyword or 0x5000 <= group <= 0x50FF or 0x6000 <= group <= 0x60FF:
            return None  # unknown tags, curves and overlays (which may be written over)
        action, options = profile().get(int(tag), ("K", ""))
        if vr == "SQ":
            items = [self._cleaned(item, shift) for item in element.value]
            return DataElement(tag, vr, items) if keyword in _SEQUENCES and "X" not in action.split("/")[:1] else None
        if vr == "UI":
            return DataElement(tag, vr, self._uids(element.value)) if keyword.endswith("UID") else None
        if "T" in options and vr in ("DA", "DT"):
            return DataElement(tag, vr, _shifted(element.value, shift))
        if "P" in options:
            return DataElement(tag, vr, _characteristic(keyword, element.value))
        if keyword in ("SeriesDescription", "ProtocolName"):
            words = read_name(str(element.value))
            return DataElement(tag, "LO", " ".join(p for p in (words.laterality, words.view) if p))
        if action in ("Z", "X/Z", "X/Z/D", "Z/D"):
            return DataElement(tag, vr, "") if vr not in _NUMBERS and vr not in ("OB", "OW") else None
        if action != "K":
            return None
        return _unlisted(element, keyword, vr)

    def _uids(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.uid(value) if value else ""
        return [self.uid(str(v)) for v in value] if value else ""

    def _black_out(self, ds: Any, result: Any, regions: Sequence[tuple[int, int, int, int]], name: str) -> None:
        import numpy as np

        from reader_app.imaging import decode

        array = decode.pixels(ds, name)
        array = array.copy()
        for row, column, row_end, column_end in regions:
            array[:, max(0, row) : row_end, max(0, column) : column_end] = array.min() if array.ndim == 3 else 0
        colour = array.ndim == 4
        result.PhotometricInterpretation = "RGB" if colour else ds.PhotometricInterpretation
        if colour:
            result.SamplesPerPixel, result.PlanarConfiguration = 3, 0
        result.BitsAllocated = 8 * array.dtype.itemsize
        result.PixelData = np.ascontiguousarray(array).tobytes()
        result["PixelData"].VR = "OB" if array.dtype.itemsize == 1 else "OW"
        result.file_meta.TransferSyntaxUID = dicomfile.EXPLICIT
        result.BurnedInAnnotation = "NO"


def _shifted(value: Any, days: int) -> str:
    text = str(value)
    if not _DATE.match(text):
        return ""
    try:
        return (datetime.strptime(text[:8], "%Y%m%d") + timedelta(days=days)).strftime("%Y%m%d")
    except (ValueError, OverflowError):
        return ""


def _characteristic(keyword: str, value: Any) -> Any:
    text = str(value or "").strip()
    if keyword == "PatientAge":
        match = re.fullmatch(r"(\d{3})([DWMY])", text)
        if match is None:
            return ""
        return "090Y" if match[2] == "Y" and int(match[1]) > 89 else text  # ages above 89 single people out
    if keyword == "PatientSex":
        return text if text in ("F", "M", "O") else ""
    try:
        return str(float(text)) if keyword in ("PatientSize", "PatientWeight") else ""
    except ValueError:
        return ""


def _unlisted(element: Any, keyword: str, vr: str) -> Any:
    """The second net: elements that the standard's table does not name stay only when they cannot hold a person's data."""
    from pydicom.dataelem import DataElement

    value = element.value
    if vr in _NUMBERS:
        return element if vr not in ("IS", "DS") or _is_number(value) else None
    if vr in ("OB", "OW", "OF", "OD", "OL", "UN"):
        return element if keyword in _BINARY else None
    if vr == "CS":
        values = [str(v or "") for v in ([value] if isinstance(value, str) or value is None else value)]
        if keyword == "ImageType":
            return DataElement(element.tag, vr, [v if v in _IMAGE_TYPES else "" for v in values])
        return element if keyword in _CODED and all(_CS.fullmatch(v) for v in values) else None
    if vr == "AS":
        return DataElement(element.tag, vr, _characteristic("PatientAge", value))
    if keyword == "CodeValue":
        return element if _CODE.fullmatch(str(value)) and str(value).upper() in _MEANINGS else None
    if keyword == "CodeMeaning":
        return DataElement(element.tag, "LO", "coded value")
    return element if keyword in _TEXT and vr in ("LO", "SH", "CS") and len(str(value)) <= 200 else None


def _is_number(value: Any) -> bool:
    try:
        return all(math.isfinite(float(v)) for v in ([value] if isinstance(value, (str, int, float)) else value or []))
    except (TypeError, ValueError):
        return False


def _keep_geometry(ds: Any, result: Any) -> None:
    """Copy the numbers of ABUS geometry (private group 0021) by their creator; everything else private is gone."""
    for creator in {c for c, _ in _SAFE_PRIVATE}:
        try:
            block = ds.private_block(0x0021, creator)
        except KeyError:
            continue
        for element in sorted(e for c, e in _SAFE_PRIVATE if c == creator):
            if element in block:
                numbers = dicomfile.private_numbers(block[element].value)
                listed = numbers if isinstance(numbers, list) else [numbers]
                if len(listed) <= 3 and all(isinstance(v, (int, float)) and abs(v) < 10_000 for v in listed):
                    result.private_block(0x0021, creator, create=True).add_new(element, "FD", numbers)


def clean_file(
    source: Path, target: Path, case_id: str, secret: bytes, black_out: Sequence[tuple[int, int, int, int]] = ()
) -> None:
    """Write a de-identified copy of one DICOM file; the preamble is zeroed.

    Raises
    ------
    ImageError
        If the source cannot be read, or the copy still holds an identifier of the source (then nothing is left at ``target``).
    """
    import pydicom

    ds = dicomfile.read_dataset(source, header_only=False)
    result = Deidentifier(secret).clean(ds, case_id, black_out)
    result.preamble = bytes(128)
    target.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(target, result, enforce_file_format=True)
    found = leaks(ds, pydicom.dcmread(target, stop_before_pixels=True))
    if found:
        target.unlink()
        raise ImageError(f"{source.name}: the cleaned copy still held {', '.join(found)}; it was not kept")


def identifiers(ds: Any) -> dict[str, str]:
    """Return the texts of a data set that identify: names, ids, dates, UIDs and free text, by tag name with its sequences."""
    found: dict[str, str] = {}

    def walk(part: Any, path: str) -> None:
        for element in part:
            name = f"{path}{element.keyword or str(element.tag)}"
            if element.VR == "SQ":
                for item in element.value:
                    walk(item, f"{name}/")
                continue
            action, _ = profile().get(int(element.tag), ("", ""))
            if action or element.tag.is_private or element.VR in ("PN", "DA", "DT", "LT", "ST", "UT"):
                text = str(element.value if element.value is not None else "").strip()
                if len(text) >= 4 and element.VR not in ("OB", "OW", "SQ") and not text.startswith("1.2.840.10008."):
                    found[name] = text

    walk(ds, "")
    return found


def leaks(before: Any, after: Any) -> list[str]:
    """Return the names of identifying elements of ``before`` whose value still occurs in the text of ``after``.

    Elements that hold nothing but numbers or words of the standard do not count as text.
    """
    kept = []

    def walk(part: Any) -> None:
        for element in part:
            if element.VR == "SQ":
                for item in element.value:
                    walk(item)
            elif element.VR not in ("OB", "OW", "OF", "OD", "OL", *_NUMBERS) and element.keyword not in _CODED | _TEXT:
                kept.append(str(element.value))

    walk(after)
    text = "\n".join(kept)
    allowed = {str(after.get(k, "")) for k in ("SeriesDescription", "ProtocolName", "ImageType")}
    spared = {"PatientAge", "PatientSex", "PatientSize", "PatientWeight", "SoftwareVersions"}
    return [n for n, value in identifiers(before).items() if n not in spared and value not in allowed and value in text]
