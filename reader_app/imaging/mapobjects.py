"""Segmentations and parametric maps made elsewhere, read frame by frame with the image each frame lies on.

Jobs of a killable worker: pixels go to a ``.npy`` file (frames, rows, columns), everything else comes back as plain JSON.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from reader_app.errors import ImageError
from reader_app.imaging import limits

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"


def identify(path: str) -> dict[str, Any]:
    """Return what tells one original file from another: its hash, its UID and the UIDs of images on the same pixels.

    Returns
    -------
    dict
        ``sha256``, ``uid``, ``class_uid``, ``side``, ``view`` and ``same_pixels``: UIDs of source images whose spatial locations
        were preserved (PS3.3 C.7.6.1.1.4: a mammogram FOR PROCESSING and what was made of it for presentation).
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, EOFError):
        return {"sha256": digest, "uid": "", "class_uid": "", "same_pixels": []}
    same = [
        str(item.get("ReferencedSOPInstanceUID", ""))
        for item in header.get("SourceImageSequence") or []
        if str(item.get("SpatialLocationsPreserved", "")) == "YES"
    ]
    uid, kind = str(header.get("SOPInstanceUID", "")), str(header.get("SOPClassUID", ""))
    return {"sha256": digest, "uid": uid, "class_uid": kind, "same_pixels": same}


def read_map(path: str, out: str) -> dict[str, Any]:
    """Decode a segmentation or parametric map.

    Parameters
    ----------
    path, out : str
        The object; the ``.npy`` file for its frames: uint8 0/1 (binary), float32 0 to 1 (fractional) or float32 (map).

    Returns
    -------
    dict
        ``kind`` ("binary", "fractional", "map"), ``frames``: dicts with ``uid``, ``frame`` (1-based in that image, None for a
        single image) and ``segment``; ``segments``: number (as text) -> label.

    Raises
    ------
    ImageError
        If the object is of another kind, too large, or a frame does not name its image.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    name = Path(path).name
    try:
        ds = pydicom.dcmread(path)
    except (InvalidDicomError, EOFError) as error:
        raise ImageError(f"{name}: is no DICOM file that can be read ({error})") from None
    kind = {SEGMENTATION: "segmentation", PARAMETRIC_MAP: "map"}.get(str(ds.get("SOPClassUID", "")))
    if kind is None:
        raise ImageError(f"{name}: is neither a segmentation nor a parametric map")
    rows, columns, count = (int(ds.get(k) or 0) for k in ("Rows", "Columns", "NumberOfFrames"))
    if min(rows, columns, count) < 1 or rows * columns * count * 4 > limits.PIXEL_BYTES:
        raise ImageError(f"{name}: {count} frames of {rows} x {columns} pixels are not a map that can be taken")
    if kind == "segmentation":
        if str(ds.get("SegmentationType", "")) not in ("BINARY", "FRACTIONAL"):
            raise ImageError(f"{name}: is a segmentation of type {ds.get('SegmentationType')}; give a binary or fractional one")
        kind = "binary" if ds.SegmentationType == "BINARY" else "fractional"
    array = np.asarray(ds.pixel_array).reshape(count, rows, columns)
    if kind == "binary":
        array = (array > 0).astype(np.uint8)
    elif kind == "fractional":
        array = array.astype(np.float32) / float(ds.get("MaximumFractionalValue", 255))
    else:
        array = array.astype(np.float32)
        for index in range(count):
            mapping = _group(ds, index, "RealWorldValueMappingSequence")
            if mapping is not None and mapping.get("RealWorldValueSlope") is not None:
                array[index] = array[index] * float(mapping.RealWorldValueSlope) + float(
                    mapping.get("RealWorldValueIntercept", 0)
                )
    if not np.isfinite(array).all():
        raise ImageError(f"{name}: holds values that are not numbers")
    frames = [_frame(ds, index, name) for index in range(count)]
    segments = {str(s.SegmentNumber): str(s.get("SegmentLabel", "")) for s in ds.get("SegmentSequence") or []}
    np.save(out, np.ascontiguousarray(array), allow_pickle=False)
    return {"kind": kind, "frames": frames, "segments": segments}


def _group(ds: Any, index: int, keyword: str) -> Any:
    """Return the first item of a functional group: the frame's own, else the shared one, else None."""
    own = ds.get("PerFrameFunctionalGroupsSequence")
    shared = ds.get("SharedFunctionalGroupsSequence")
    for groups in ((own[index],) if own and index < len(own) else (), shared or ()):
        for group in groups:
            if group.get(keyword):
                return group[keyword].value[0]
    return None


def _frame(ds: Any, index: int, name: str) -> dict[str, Any]:
    segment = _group(ds, index, "SegmentIdentificationSequence")
    number = int(segment.ReferencedSegmentNumber) if segment is not None else 1
    derivation = _group(ds, index, "DerivationImageSequence")
    sources = list(derivation.get("SourceImageSequence") or []) if derivation is not None else []
    sources = sources or list(ds.get("SourceImageSequence") or [])
    if not sources:
        sources = [
            item for series in ds.get("ReferencedSeriesSequence") or [] for item in series.get("ReferencedInstanceSequence") or []
        ]
    if len({str(s.get("ReferencedSOPInstanceUID", "")) for s in sources}) != 1:
        raise ImageError(f"{name}: frame {index + 1} does not name the one image it lies on; export it with references")
    source = sources[0]
    frame = source.get("ReferencedFrameNumber")
    if frame is not None and not isinstance(frame, (int, str)):
        frame = frame[0] if len(frame) == 1 else None
    return {"uid": str(source.ReferencedSOPInstanceUID), "frame": None if frame is None else int(frame), "segment": number}
