"""Writes DICOM files for tests: mammograms, ultrasound, volumes, in every transfer syntax."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

MG, US, US_MULTI = "1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"
EXPLICIT, IMPLICIT, BIG, DEFLATED, RLE = (
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5",
)  # fmt: skip
CODES = {"CC": ("399162004", "R-10242"), "MLO": ("399368009", "R-10226")}
HUNG = {"RCC": ("P", "L"), "LCC": ("A", "R"), "RMLO": ("P", "FL"), "LMLO": ("A", "FR")}
_OPPOSITE = dict(zip("APLRHF", "PARLFH", strict=True))


def breast(name: str, shape=(180, 130), top: int = 4000) -> np.ndarray:
    """A hung, asymmetric 12-bit breast phantom: half ellipse at the chest wall, a bar at the upper edge, a spot below it."""
    rows, columns = shape
    r, c = np.mgrid[:rows, :columns].astype(float)
    chest = columns - 1 if name[0] == "R" else 0
    inside = ((r - rows * 0.55) / (rows * 0.42)) ** 2 + ((c - chest) / (columns * 0.75)) ** 2 < 1
    image = np.where(inside, 1200 + 3 * r + 2 * c, 20)
    at = slice(columns - 40, columns - 5) if name[0] == "R" else slice(5, 40)
    image[int(rows * 0.22) : int(rows * 0.28), at] = top  # the bar: upper, near the chest wall
    spot = columns - 30 if name[0] == "R" else 30
    image[int(rows * 0.7) : int(rows * 0.7) + 5, spot : spot + 3] = 3500
    if name[1:] == "MLO":  # pectoral muscle: a bright triangle in the upper corner at the chest wall
        image[r + np.abs(c - chest) < rows * 0.18] = 3000
    return image.astype(np.uint16)


def turned(image: np.ndarray, orientation: tuple[str, str], transpose: bool, flip_columns: bool, flip_rows: bool):
    """Store a hung image the other way round and say so in PatientOrientation."""
    row, column = orientation
    if flip_rows:
        image, column = image[::-1], "".join(_OPPOSITE[x] for x in column)
    if flip_columns:
        image, row = image[:, ::-1], "".join(_OPPOSITE[x] for x in row)
    if transpose:
        image, row, column = image.T, column, row
    return np.ascontiguousarray(image), (row, column)


def base(sop: str, modality: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = sop, generate_uid(), modality
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = sop, ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientID, ds.PatientName, ds.StudyDate, ds.InstanceNumber = "", "", "20260115", 1
    return ds


def put_pixels(
    ds: Dataset, array: np.ndarray, bits: int, syntax: str = EXPLICIT, signed: bool = False, frames: bool = False
) -> Dataset:
    """Set the pixel module and encode: (rows, columns), with ``frames`` (frames, rows, columns); RGB has a last axis of 3."""
    colour = array.ndim == (4 if frames else 3)
    stack = array if frames else array[None]
    ds.Rows, ds.Columns = stack.shape[1:3]
    ds.SamplesPerPixel = 3 if colour else 1
    if "PhotometricInterpretation" not in ds:
        ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    if frames:
        ds.NumberOfFrames = len(stack)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8 * array.dtype.itemsize, bits, bits - 1, int(signed)
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax in (EXPLICIT, IMPLICIT, DEFLATED, BIG):
        raw = stack.astype(stack.dtype.newbyteorder(">" if syntax == BIG else "<")).tobytes()
        ds.PixelData = raw + b"\0" * (len(raw) % 2)
        ds["PixelData"].VR = "OB" if array.dtype.itemsize == 1 else "OW"
    else:
        ds.PixelData = encapsulate([encode(f, bits, syntax) for f in stack])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    return ds


def encode(frame: np.ndarray, bits: int, syntax: str) -> bytes:
    tail = syntax.rsplit(".", 1)[1]
    if syntax == RLE:
        from rle.utils import encode_pixel_data

        kind = {"rows": frame.shape[0], "columns": frame.shape[1], "bits_allocated": 8 * frame.dtype.itemsize}
        return encode_pixel_data(frame.tobytes(), None, "<", samples_per_pixel=frame.shape[2] if frame.ndim == 3 else 1, **kind)
    if tail in ("57", "70"):
        return imagecodecs.ljpeg_encode(frame, bitspersample=bits)
    if tail in ("80", "81"):
        return imagecodecs.jpegls_encode(frame, level=0 if tail == "80" else 2)
    if tail in ("90", "91"):
        return imagecodecs.jpeg2k_encode(frame, level=0, codecformat="J2K", reversible=True, bitspersample=bits, mct=False)
    if tail in ("201", "202", "203"):
        return imagecodecs.htj2k_encode(frame, reversible=True)
    if tail == "50":
        return imagecodecs.jpeg8_encode(frame, level=95)
    raise ValueError(syntax)


def mammogram(name: str, image: np.ndarray | None = None, orientation: tuple[str, str] | None = None, **tags: Any) -> Dataset:
    """A complete FOR PRESENTATION mammogram; tags override, None removes."""
    syntax = tags.pop("syntax", EXPLICIT)
    legacy = tags.pop("legacy", False)
    modifiers = tags.pop("modifiers", ())
    image = breast(name) if image is None else image
    ds = base(MG, "MG")
    ds.ImageLaterality, ds.ViewPosition, ds.PresentationIntentType = name[0], name[1:], "FOR PRESENTATION"
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = CODES[name[1:]][legacy], ("SCT", "SNM3")[legacy], "view"
    item.ViewModifierCodeSequence = []
    for code in modifiers:
        modifier = Dataset()
        modifier.CodeValue, modifier.CodingSchemeDesignator, modifier.CodeMeaning = code, "SCT", "modifier"
        item.ViewModifierCodeSequence.append(modifier)
    ds.ViewCodeSequence = [item]
    ds.PatientOrientation = list(orientation or HUNG[name])
    ds.ImagerPixelSpacing = [0.1, 0.08]
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = [2000, 2200], [2400, 1000], "LINEAR"
    ds.WindowCenterWidthExplanation = ["NORMAL", "HARDER"]
    ds.AcquisitionTime = "101500"
    for key, value in tags.items():
        if value is None:
            if key in ds:
                del ds[key]
        else:
            setattr(ds, key, copy.deepcopy(value))
    return put_pixels(ds, image, 12, syntax)


def write(ds: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    syntax = ds.file_meta.TransferSyntaxUID
    pydicom.dcmwrite(path, ds, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG, enforce_file_format=True)
    return path


def four_views(folder: Path, patient: str = "", date: str = "20260115", small: bool = False, **tags: Any) -> list[Path]:
    """One exam: four files of one study; ``small`` for tests that do not look at its pixels."""
    tags |= {"StudyInstanceUID": generate_uid(), "PatientID": patient, "StudyDate": date}
    pixels = {n: breast(n, (48, 40)) if small else None for n in HUNG}
    return [write(mammogram(n, pixels[n], **tags), folder / f"{n}.dcm") for n in HUNG]


def ultrasound(image: np.ndarray, frames: bool = False, regions: list[dict[str, Any]] | None = None, **tags: Any) -> Dataset:
    ds = base(US_MULTI if frames else US, "US")
    syntax = tags.pop("syntax", EXPLICIT)
    ds.SequenceOfUltrasoundRegions = []
    for values in regions or []:
        item = Dataset()
        item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, values.get("type", 1), 0
        x0, y0, x1, y1 = values["box"]
        item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = x0, y0, x1, y1
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
        item.PhysicalDeltaX, item.PhysicalDeltaY = values.get("delta", (0.01, 0.01))
        ds.SequenceOfUltrasoundRegions.append(item)
    for key, value in tags.items():
        setattr(ds, key, value)
    return put_pixels(ds, image, 8, syntax, frames=frames)
