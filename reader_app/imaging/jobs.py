"""What worker processes do for the import: look at a file, decode it. Answers are JSON; pixels go to a ``.npy`` file."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging import burnedin, decode, deidentify, dicomfile, greyscale, limits, mammogram, sitkfile, ultrasound
from reader_app.imaging.window import GreyScale, Preset, automatic_window

_PNG, _JPEG, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"


def inspect(path: str) -> dict[str, Any]:
    """Return kind ("dicom", "picture", "volume"), header facts and the SHA-256 of a file."""
    file = Path(path)
    size = file.stat().st_size
    if size == 0:
        raise ImageError(f"{file.name}: is empty; copy or export the file again")
    with file.open("rb") as stream:
        head = stream.read(132)
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if head[128:132] == b"DICM":
        ds = dicomfile.read_dataset(file)
        dicomfile.check_nesting(ds)
        facts = dicomfile.facts(ds, file.name)
        facts["identifying"] = sorted(deidentify.identifiers(ds))[:200]  # names of elements, never their values
        return {"kind": "dicom", "facts": facts, "sha256": digest}
    if sitkfile.is_volume_name(file.name) or head.startswith(b"NRRD000") or file.name.lower().endswith(sitkfile.DETACHED):
        header = sitkfile.raw_header(file)
        return {"kind": "volume", "facts": {"sizes": list(header.sizes), "stated": header.stated}, "sha256": digest}
    if head.startswith((_PNG, _JPEG, _BMP)):
        rows, columns = _picture_size(file)
        return {"kind": "picture", "facts": {"Rows": rows, "Columns": columns}, "sha256": digest}
    if file.suffix.lower() in (".dcm", ".dicom", ".ima"):
        raise ImageError(f"{file.name}: is not a DICOM file (its mark is missing); leave it out or export it again")
    raise ImageError(f"{file.name}: is no image file that this program reads (DICOM, NRRD, NIfTI, MHA, PNG, JPEG, BMP)")


def _picture_size(file: Path) -> tuple[int, int]:
    """Read the size of a picture from its header, before any decoder, and judge it."""
    with file.open("rb") as stream:
        head = stream.read(1 << 20)
    if head.startswith(_PNG):
        columns, rows = (int.from_bytes(head[i : i + 4], "big") for i in (16, 20))
        if b"IEND" not in _tail(file):
            raise ImageError(f"{file.name}: is cut off; copy or export the file again")
    elif head.startswith(_BMP):
        columns, rows = (abs(int.from_bytes(head[i : i + 4], "little", signed=True)) for i in (18, 22))
    else:
        from reader_app.imaging.codestream import inspect_stream

        info = inspect_stream(head if len(head) < (1 << 20) else head + _tail(file), file.name)
        rows, columns = info.rows, info.columns
    decode.check_size(rows, columns, 1, 3, 16, file.stat().st_size, file.name)
    return rows, columns


def _tail(file: Path) -> bytes:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 64))
        return stream.read()


def decode_dicom(path: str, out: str) -> dict[str, Any]:
    """Decode a DICOM file, all frames, and describe its grey-scale."""
    file = Path(path)
    ds = dicomfile.read_dataset(file, header_only=False)
    return _store(ds, decode.pixels(ds, file.name), Path(out))


def decode_stack(paths: Sequence[str], out: str) -> dict[str, Any]:
    """Decode single-frame DICOM files, in the order given, to one array (frame, row, column)."""
    first: Any = None
    planes: list[NDArray[Any]] = []
    total = 0
    for text in paths:
        file = Path(text)
        ds = dicomfile.read_dataset(file, header_only=False)
        plane = decode.pixels(ds, file.name)
        if plane.shape[0] != 1 or (planes and (plane[0].shape != planes[0].shape or plane.dtype != planes[0].dtype)):
            raise ImageError(f"{file.name}: does not fit the other slices of its series (size or type differ)")
        total += plane.nbytes
        if total > limits.PIXEL_BYTES:
            raise ImageError(f"{file.name}: its series needs more than {limits.PIXEL_BYTES // limits.GIB} GB; it was left out")
        planes.append(plane[0])
        first = ds if first is None else first
    return _store(first, np.stack(planes), Path(out))


def _store(ds: Any, array: NDArray[Any], out: Path) -> dict[str, Any]:
    answer: dict[str, Any] = {"notes": []}
    if array.ndim == 4:
        grey_inside = ultrasound.without_colour(array)
        answer["colour_share"] = ultrasound.colour_share(array)
        if grey_inside is None:
            return _save(array, out, answer)
        return _save(grey_inside, out, answer, GreyScale(bits=8))
    array = decode.modality_table(ds, array)
    array, grey, padding, notes = greyscale.from_dataset(ds, array)
    answer["notes"] = notes
    answer["padding"] = None if padding is None else list(padding)
    answer["chest_side"] = mammogram.chest_wall_side(array[0], padding, grey.invert) if len(array) == 1 else ""
    return _save(array, out, answer, grey)


def _save(array: NDArray[Any], out: Path, answer: dict[str, Any], grey: GreyScale | None = None) -> dict[str, Any]:
    np.save(out, np.ascontiguousarray(array), allow_pickle=False)
    full = {"padding": None, "chest_side": "", "colour_share": 0.0, "writing": burnedin.in_frames(array), **answer}
    return {**full, "grey": None if grey is None else greyscale.to_json(grey)}


def decode_picture(path: str, out: str, background: bool = False) -> dict[str, Any]:
    """Decode a PNG, JPEG or BMP file to one frame.

    Parameters
    ----------
    background : bool
        Take exact zeros as background (padding) where they cover at least a twentieth of the image: for mammograms, whose
        exported background would shine when a reader inverts.
    """
    import cv2

    file = Path(path)
    _picture_size(file)
    array: NDArray[Any] | None = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise ImageError(f"{file.name}: its pixels cannot be read; copy or export the file again")
    answer: dict[str, Any] = {"notes": []}
    _refuse_mask(array[..., :3] if array.ndim == 3 else array, file.name)
    if array.ndim == 3:
        if array.shape[2] == 4 and int(array[..., 3].min()) < np.iinfo(array.dtype).max:
            answer["notes"].append("transparency was ignored")
        if array.dtype != np.uint8:
            array = (array >> 8).astype(np.uint8)
        array = np.ascontiguousarray(array[..., 2::-1])  # blue, green, red -> red, green, blue
        answer["colour_share"] = ultrasound.colour_share(array)
        grey_inside = ultrasound.without_colour(array)
        if grey_inside is None:
            return _save(array[None], Path(out), answer)
        array = grey_inside
    if array.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{file.name}: pixels of type {array.dtype} are not supported; save it as 8- or 16-bit grey")
    padding = (0, 0) if background and float((array == 0).mean()) > 0.05 else None
    answer["padding"] = None if padding is None else list(padding)
    answer["chest_side"] = mammogram.chest_wall_side(array, padding, False)
    bits = 8 if array.dtype == np.uint8 else max(9, int(array.max()).bit_length())
    presets = [Preset("full range", "identity")]
    if array.dtype == np.uint16:
        presets.append(Preset("automatic", "linear_exact", *automatic_window(array, padding)))
    return _save(array[None], Path(out), answer, GreyScale(bits=bits, presets=tuple(presets)))


def _refuse_mask(array: NDArray[Any], name: str) -> None:
    """Refuse what holds no more than two values: segmentations lie beside the images of public sets, under like names."""
    low, high = array.min(), array.max()
    if all(bool(((part == low) | (part == high)).all()) for part in array):
        raise ImageError(f"{name}: holds only two values, so it is a mask, not an image; it was left out")


def decode_volume(path: str, out: str) -> dict[str, Any]:
    """Decode an NRRD, NIfTI or MHA volume; adds its geometry."""
    file = Path(path)
    array, affine, header = sitkfile.read(file)
    _refuse_mask(array, file.name)
    array, slope, intercept = sitkfile.to_unsigned(array, file.name)
    bits = 8 if array.dtype == np.uint8 else max(9, int(array.max()).bit_length())
    low, high = intercept, intercept + slope * (2**bits - 1)
    presets = (Preset("full range", "linear_exact", (low + high) / 2, high - low),)
    answer = {"notes": [], "affine": affine, "stated": header.stated}
    if not all(math.isfinite(v) for row in affine for v in row):
        raise ImageError(f"{file.name}: its geometry is not finite; correct the header")
    return _save(array, Path(out), answer, GreyScale(slope, intercept, False, presets, bits))


def read_sheet(path: str) -> list[list[str]]:
    """Return the cells of the first sheet of a workbook as text."""
    from reader_app.imaging.casetable import read_workbook

    return read_workbook(Path(path))
