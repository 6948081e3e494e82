"""Pixels of a DICOM file, by a decoder chosen explicitly for each transfer syntax; permissive licences only.

Runs in a worker process (`reader_app.imaging.workers`). Everything a frame claims is checked before a decoder sees it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging import limits
from reader_app.imaging.codestream import inspect_stream

NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
BIG_ENDIAN = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"

_JPEG = "1.2.840.10008.1.2.4."
#: Transfer syntax -> (name, decoder, package that must be there).
DECODERS: dict[str, tuple[str, str, str]] = {
    "1.2.840.10008.1.2": ("Implicit little endian", "own", "numpy"),
    "1.2.840.10008.1.2.1": ("Explicit little endian", "own", "numpy"),
    "1.2.840.10008.1.2.2": ("Explicit big endian", "own", "numpy"),
    "1.2.840.10008.1.2.1.99": ("Deflated", "own", "numpy"),
    RLE: ("RLE", "rle", "pylibjpeg-rle"),
    _JPEG + "50": ("JPEG baseline", "jpeg", "imagecodecs"),
    _JPEG + "51": ("JPEG extended", "jpeg", "imagecodecs"),
    _JPEG + "57": ("JPEG lossless", "jpegsof3", "imagecodecs"),
    _JPEG + "70": ("JPEG lossless, first order", "jpegsof3", "imagecodecs"),
    _JPEG + "80": ("JPEG-LS lossless", "jpegls", "imagecodecs"),
    _JPEG + "81": ("JPEG-LS near-lossless", "jpegls", "imagecodecs"),
    _JPEG + "90": ("JPEG 2000 lossless", "jpeg2k", "imagecodecs"),
    _JPEG + "91": ("JPEG 2000", "jpeg2k", "imagecodecs"),
    _JPEG + "201": ("HTJ2K lossless", "openjpeg", "pylibjpeg-openjpeg"),
    _JPEG + "202": ("HTJ2K lossless RPCL", "openjpeg", "pylibjpeg-openjpeg"),
    _JPEG + "203": ("HTJ2K", "openjpeg", "pylibjpeg-openjpeg"),
}


def available() -> dict[str, str]:
    """Return for each transfer syntax the decoder used and its version, or "not installed"."""
    result = {}
    for name, decoder, package in DECODERS.values():
        try:
            result[name] = f"{package} {importlib.metadata.version(package)} ({decoder})"
        except importlib.metadata.PackageNotFoundError:
            result[name] = "not installed"
    return result


def check_size(rows: int, columns: int, frames: int, samples: int, bits: int, encoded: int, name: str) -> None:
    """Refuse dimensions that no breast image has, before any memory is asked for."""
    if not (0 < rows <= limits.SIDE and 0 < columns <= limits.SIDE and 0 < frames <= limits.FRAMES):
        raise ImageError(
            f"{name}: states {frames} frame(s) of {rows} x {columns} pixels, beyond any breast image; it was left out"
        )
    size = rows * columns * frames * samples * (bits // 8)
    if size > limits.PIXEL_BYTES:
        raise ImageError(
            f"{name}: would need {size / limits.GIB:.1f} GB, more than {limits.PIXEL_BYTES // limits.GIB} GB; it was left out"
        )
    if size > limits.RATIO_FROM_BYTES and encoded and size / encoded > limits.RATIO:
        raise ImageError(f"{name}: {encoded} bytes claim to hold {size} bytes of pixels; it was left out as unsafe")


def pixels(ds: Any, name: str) -> NDArray[Any]:
    """Decode all frames of a data set.

    Parameters
    ----------
    ds : pydicom.Dataset
        With pixel data.
    name : str
        File name for messages.

    Returns
    -------
    ndarray, shape (frames, rows, columns) or (frames, rows, columns, 3)
        Grey: the stored values without unused bits, sign extended (uint8, uint16 or int16). Colour: uint8 RGB.

    Raises
    ------
    ImageError
        If anything about the pixels is not as stated, or is not supported.
    """
    syntax = str(ds.file_meta.TransferSyntaxUID)
    if syntax not in DECODERS:
        raise ImageError(f"{name}: transfer syntax {syntax[:64]} is not supported; export it as JPEG lossless or uncompressed")
    if "PixelData" not in ds:
        raise ImageError(f"{name}: holds no pixels")
    rows, columns = _whole(ds, "Rows", name), _whole(ds, "Columns", name)
    frames = _whole(ds, "NumberOfFrames", name) if ds.get("NumberOfFrames") else 1
    samples = _whole(ds, "SamplesPerPixel", name) if "SamplesPerPixel" in ds else 1
    allocated = _whole(ds, "BitsAllocated", name)
    stored = int(ds.get("BitsStored") or allocated)
    signed = bool(ds.get("PixelRepresentation", 0))
    photometric = str(ds.get("PhotometricInterpretation", "")).strip()
    if samples not in (1, 3) or allocated not in (8, 16) or not 1 <= stored <= allocated:
        raise ImageError(
            f"{name}: {samples} sample(s) of {stored} in {allocated} bits is no grey or colour image that can be read"
        )
    data: bytes = ds.PixelData
    check_size(rows, columns, frames, samples, allocated, len(data), name)
    if syntax in NATIVE:
        array = _native(ds, data, (frames, rows, columns, samples), allocated, syntax == BIG_ENDIAN, photometric, name)
    else:
        array = _compressed(ds, data, (frames, rows, columns, samples), allocated, syntax, photometric, name)
    if samples == 1:
        grey = _significant(array[..., 0], allocated, stored, int(ds.get("HighBit", stored - 1)), signed)
        return _palette(ds, grey, name) if photometric == "PALETTE COLOR" else grey
    if array.dtype != np.uint8:
        raise ImageError(f"{name}: colour of more than 8 bits is not supported; export it as 8-bit RGB")
    return array


def _whole(ds: Any, keyword: str, name: str) -> int:
    try:
        value = int(ds[keyword].value)
    except (KeyError, TypeError, ValueError) as error:
        raise ImageError(f"{name}: {keyword} is missing or is no number") from error
    if value < 0:
        raise ImageError(f"{name}: {keyword} is {value}")
    return value


def _native(
    ds: Any, data: bytes, shape: tuple[int, int, int, int], allocated: int, big: bool, photometric: str, name: str
) -> NDArray[Any]:
    frames, rows, columns, samples = shape
    subsampled = samples == 3 and photometric == "YBR_FULL_422"
    per_pixel = 2 if subsampled else samples
    wanted = frames * rows * columns * per_pixel * (allocated // 8)
    if len(data) < wanted:
        raise ImageError(f"{name}: its pixels are cut off ({len(data)} of {wanted} bytes); copy or export the file again")
    kind = np.dtype(np.uint8) if allocated == 8 else np.dtype(">u2" if big else "<u2")
    flat = np.frombuffer(data, kind, wanted // kind.itemsize)
    if allocated == 8 and big and ds["PixelData"].VR == "OW":
        raise ImageError(f"{name}: 8-bit pixels in big endian words are not supported; export it as little endian")
    if subsampled:
        pairs = flat.reshape(frames, rows, columns // 2, 4)
        full = np.empty((frames, rows, columns, 3), np.uint8)
        full[:, :, 0::2, 0], full[:, :, 1::2, 0] = pairs[..., 0], pairs[..., 1]
        full[..., 1] = np.repeat(pairs[..., 2], 2, axis=2)
        full[..., 2] = np.repeat(pairs[..., 3], 2, axis=2)
        array: NDArray[Any] = full
    elif samples == 3 and int(ds.get("PlanarConfiguration", 0)) == 1:
        array = np.moveaxis(flat.reshape(frames, 3, rows, columns), 1, 3)
    else:
        array = flat.reshape(shape)
    if photometric.startswith("YBR_FULL"):
        array = _rgb(array)
    elif samples == 3 and photometric != "RGB":
        raise ImageError(f"{name}: colour model {photometric!r} is not supported; export it as RGB")
    return array.astype(kind.newbyteorder("="), copy=False)


def _rgb(array: NDArray[Any]) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import convert_color_space

    return np.asarray(convert_color_space(array, "YBR_FULL", "RGB"), dtype=np.uint8)


def _compressed(
    ds: Any, data: bytes, shape: tuple[int, int, int, int], allocated: int, syntax: str, photometric: str, name: str
) -> NDArray[Any]:
    from pydicom.encaps import generate_frames

    frames, rows, columns, samples = shape
    kind = np.dtype(np.uint8 if allocated == 8 else np.uint16)
    decode = _FRAME_DECODERS[DECODERS[syntax][1]]
    result = np.empty(shape, kind)
    count = 0
    for count, piece in enumerate(generate_frames(data, number_of_frames=frames), start=1):
        if count > frames:
            break
        if syntax != RLE:
            info = inspect_stream(piece, name)
            if (info.rows, info.columns, info.components) != (rows, columns, samples):
                raise ImageError(
                    f"{name}: a frame holds {info.rows} x {info.columns} pixels of {info.components} component(s), "
                    f"the header says {rows} x {columns} of {samples}; export it again"
                )
            if info.bits > allocated:
                raise ImageError(f"{name}: a frame has {info.bits} bits, the header says {allocated}; export it again")
        try:
            frame = np.asarray(decode(piece, rows, columns, samples, kind, photometric)).reshape(rows, columns, samples)
        except (RuntimeError, ValueError, ImageError) as error:
            raise ImageError(f"{name}: its compressed pixels are broken ({error}); copy or export the file again") from error
        if frame.dtype.kind == "i":
            frame = frame.view(np.dtype(f"u{frame.dtype.itemsize}"))
        if frame.dtype.itemsize > kind.itemsize:
            raise ImageError(f"{name}: a frame decodes to {frame.dtype}, the header says {allocated} bits; export it again")
        result[count - 1] = frame
    if count < frames:
        raise ImageError(f"{name}: holds {count} of {frames} frames; copy or export the file again")
    if samples == 3 and DECODERS[syntax][1] in ("rle", "jpegls", "jpegsof3") and photometric.startswith("YBR_FULL"):
        return _rgb(result)
    return result


def _jpeg(data: bytes, rows: int, columns: int, samples: int, kind: np.dtype[Any], photometric: str) -> Any:
    import cv2
    import imagecodecs

    if kind == np.uint8:  # goes through the whole stream and reports damage on standard error, where the worker hears it
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_8)
    if samples == 1:
        return imagecodecs.jpeg8_decode(data)
    space = "RGB" if photometric == "RGB" else "YCBCR"
    return imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace="RGB")


def _jpegsof3(data: bytes, rows: int, columns: int, samples: int, kind: np.dtype[Any], photometric: str) -> Any:
    import imagecodecs

    return imagecodecs.jpegsof3_decode(data)


def _jpegls(data: bytes, rows: int, columns: int, samples: int, kind: np.dtype[Any], photometric: str) -> Any:
    import imagecodecs

    return imagecodecs.jpegls_decode(data)


def _jpeg2k(data: bytes, rows: int, columns: int, samples: int, kind: np.dtype[Any], photometric: str) -> Any:
    import imagecodecs

    return imagecodecs.jpeg2k_decode(data)


def _openjpeg(data: bytes, rows: int, columns: int, samples: int, kind: np.dtype[Any], photometric: str) -> Any:
    from openjpeg.utils import decode

    return decode(data)


def _rle(data: bytes, rows: int, columns: int, samples: int, kind: np.dtype[Any], photometric: str) -> Any:
    from rle import rle

    segments = int.from_bytes(data[:4], "little")
    if segments != samples * kind.itemsize:
        raise ImageError(f"an RLE frame has {segments} segments, expected {samples * kind.itemsize}")
    most = samples * kind.itemsize * (rows * columns + rows * (2 + columns // 128 * 2)) + 64 + 2 * segments
    if len(data) > 2 * most:  # runs never take more room than literal bytes: the rest would be unpacked for nothing
        raise ImageError("an RLE frame holds far more data than its pixels; it was left out as unsafe")
    plane = np.frombuffer(rle.decode_frame(data, rows * columns, kind.itemsize * 8, "<"), kind.newbyteorder("<"))
    return np.moveaxis(plane.reshape(samples, rows, columns), 0, 2)


_FRAME_DECODERS: dict[str, Callable[..., Any]] = {
    "jpeg": _jpeg,
    "jpegsof3": _jpegsof3,
    "jpegls": _jpegls,
    "jpeg2k": _jpeg2k,
    "openjpeg": _openjpeg,
    "rle": _rle,
}


def _significant(array: NDArray[Any], allocated: int, stored: int, high_bit: int, signed: bool) -> NDArray[Any]:
    """Return the value of the significant bits: overlays and rubbish in unused bits removed, sign extended."""
    drop = high_bit + 1 - stored
    if drop > 0:
        array = array >> drop
    if signed:
        lift = allocated - stored
        both: NDArray[Any] = np.left_shift(array, lift).view(np.int8 if allocated == 8 else np.int16)
        return np.asarray(np.right_shift(both, lift), dtype=np.int16)
    if stored < allocated:
        array = array & np.asarray(2**stored - 1, array.dtype)
    return array


def _palette(ds: Any, index: NDArray[Any], name: str) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_color_lut

    if index.dtype.kind == "i":
        index = index.view(np.uint16)
    try:
        colour = apply_color_lut(index, ds)[..., :3]
    except (ValueError, KeyError, AttributeError, IndexError) as error:
        raise ImageError(f"{name}: its colour palette is broken ({error}); export it as RGB") from error
    if colour.dtype == np.uint16:
        top = 65535 if int(colour.max()) > 255 else 255
        colour = (colour.astype(np.uint32) * 255 // top).astype(np.uint8)
    return np.asarray(colour, dtype=np.uint8)


def modality_table(ds: Any, array: NDArray[Any]) -> NDArray[Any]:
    """Apply a Modality LUT Sequence, if there is one; a plain rescale is left to the grey-scale."""
    if not ds.get("ModalityLUTSequence"):
        return array
    from pydicom.pixels.processing import apply_modality_lut

    return np.asarray(np.clip(apply_modality_lut(array, ds), 0, 65535), dtype=np.uint16)
