"""NRRD, NIfTI and MetaImage volumes: the raw header is judged first, then SimpleITK decodes, then both must agree.

Runs in a worker process. Never used for 2-D mammograms (SimpleITK inverts MONOCHROME1 silently). Detached headers are refused:
they can point at any file of the machine.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging import limits
from reader_app.imaging.geometry import check_spacing

SUFFIXES: tuple[str, ...] = (".nrrd", ".nii", ".nii.gz", ".mha")
DETACHED: tuple[str, ...] = (".nhdr", ".mhd", ".hdr", ".img")

_NRRD_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"), 1),
    **dict.fromkeys(("short", "short int", "signed short", "int16", "int16_t"), 2),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), 2),
    **dict.fromkeys(("int", "int32", "uint", "unsigned int", "uint32", "float"), 4),
    "double": 8,
}
_MHA_TYPES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}
_NIFTI_TYPES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4}
_NUMBER = re.compile(r"[-+0-9.eEnNaAiIfF]+")


@dataclass(frozen=True)
class RawHeader:
    """What a volume file says of itself, fastest axis first.

    Attributes
    ----------
    sizes : tuple of int
        Voxels along the three axes.
    spacing_mm : tuple of float
        Along the same axes.
    stated : bool
        False when the spacing is a placeholder (absent, or exactly 1 mm along all axes).
    bytes_per_voxel : int
        As stored.
    """

    sizes: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    stated: bool
    bytes_per_voxel: int


def is_volume_name(name: str) -> bool:
    """Return whether the file name has the ending of a volume file (attached header only)."""
    return name.lower().endswith(SUFFIXES)


def raw_header(path: Path) -> RawHeader:
    """Read and judge the header without any imaging library.

    Raises
    ------
    ImageError
        If the file is not what its name says, has not three axes, is detached, or states an impossible size or spacing.
    """
    name, lower = path.name, path.name.lower()
    if lower.endswith(DETACHED):
        raise ImageError(f"{name}: has its pixels in another file; give one file that holds both (.nrrd, .mha, .nii)")
    if path.stat().st_size == 0:
        raise ImageError(f"{name}: is empty; copy or export the file again")
    if path.stat().st_size > limits.FILE_BYTES:
        raise ImageError(f"{name}: is larger than {limits.FILE_BYTES // limits.GIB} GB; it was left out")
    if lower.endswith(".nrrd"):
        header = _nrrd(path)
    elif lower.endswith(".mha"):
        header = _mha(path)
    elif lower.endswith((".nii", ".nii.gz")):
        header = _nifti(path)
    else:
        raise ImageError(f"{name}: is no NRRD, NIfTI or MHA file")
    if any(not 1 <= n <= limits.SIDE for n in header.sizes) or min(header.sizes) < 2:
        raise ImageError(f"{name}: states {' x '.join(map(str, header.sizes))} voxels, which is no breast volume")
    size = math.prod(header.sizes) * header.bytes_per_voxel
    if size > limits.PIXEL_BYTES:
        raise ImageError(
            f"{name}: would need {size / limits.GIB:.1f} GB, more than {limits.PIXEL_BYTES // limits.GIB} GB; it was left out"
        )
    if size > limits.RATIO_FROM_BYTES and size / path.stat().st_size > limits.RATIO:
        raise ImageError(f"{name}: {path.stat().st_size} bytes claim to hold {size} bytes of pixels; it was left out as unsafe")
    return header


def _nrrd(path: Path) -> RawHeader:
    name = path.name
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    end = min((p for p in (head.find(b"\n\n"), head.find(b"\r\n\r\n")) if p >= 0), default=-1)
    if not head.startswith(b"NRRD000") or end < 0:
        raise ImageError(f"{name}: is not an NRRD file; leave it out or export it again")
    fields: dict[str, str] = {}
    for line in head[:end].decode("utf-8", "replace").splitlines()[1:]:
        if line.startswith("#") or ":" not in line:
            continue
        key, value = line.split(":", 1)
        fields[key.strip().lower()] = value.lstrip("=").strip()
    if "data file" in fields or "datafile" in fields:
        raise ImageError(f"{name}: has its pixels in another file; give one NRRD file that holds both")
    if any(_integer(fields.get(k, "0")) for k in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise ImageError(f"{name}: skips bytes before its pixels, which is not supported; save it again")
    if fields.get("dimension") != "3":
        raise ImageError(f"{name}: has {fields.get('dimension', 'no')} dimension(s), expected 3")
    width = _NRRD_TYPES.get(fields.get("type", "").lower())
    if width is None or fields.get("encoding", "").lower() not in ("raw", "gzip", "gz"):
        raise ImageError(
            f"{name}: type {fields.get('type')!r} in encoding {fields.get('encoding')!r} is not supported; save as raw or gzip"
        )
    sizes = _integers(fields.get("sizes", ""), name, "sizes")
    spacing: tuple[float, ...] | None = None
    if fields.get("space directions"):
        vectors = [_floats(v) for v in re.findall(r"\(([^)]*)\)", fields["space directions"])]
        if len(vectors) != 3 or any(len(v) != 3 for v in vectors):
            raise ImageError(f"{name}: space directions are not three vectors of three numbers; correct the header")
        spacing = check_spacing([math.sqrt(sum(c * c for c in v)) for v in vectors], "space directions", name)
    elif fields.get("spacings"):
        spacing = check_spacing(fields["spacings"].split(), "spacings", name)
    return _header(sizes, spacing, width, name)


def _mha(path: Path) -> RawHeader:
    name = path.name
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    fields: dict[str, str] = {}
    for line in head.split(b"\n"):
        if b"=" not in line:
            break
        key, value = line.decode("latin-1").split("=", 1)
        fields[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            break
    if fields.get("ObjectType") != "Image" or "ElementDataFile" not in fields:
        raise ImageError(f"{name}: is not a MetaImage file; leave it out or export it again")
    if fields["ElementDataFile"] != "LOCAL":
        raise ImageError(f"{name}: has its pixels in another file; give one MHA file that holds both")
    if fields.get("NDims") != "3" or fields.get("ElementNumberOfChannels", "1") != "1":
        raise ImageError(f"{name}: is not a grey volume of 3 dimensions")
    width = _MHA_TYPES.get(fields.get("ElementType", ""))
    if width is None:
        raise ImageError(f"{name}: voxel type {fields.get('ElementType')!r} is not supported")
    sizes = _integers(fields.get("DimSize", ""), name, "DimSize")
    stated = fields.get("ElementSpacing") or fields.get("ElementSize")
    return _header(sizes, check_spacing(stated.split(), "ElementSpacing", name) if stated else None, width, name)


def _nifti(path: Path) -> RawHeader:
    name = path.name
    try:
        with gzip.open(path) if name.lower().endswith(".gz") else path.open("rb") as stream:
            head = stream.read(352)
    except (OSError, EOFError) as error:
        raise ImageError(f"{name}: its compressed part is broken; copy or export the file again") from error
    if len(head) < 348 or head[344:348] not in (b"n+1\0", b"n+2\0"):
        kind = "has its pixels in another file" if head[344:348] == b"ni1\0" else "is not a NIfTI-1 file"
        raise ImageError(f"{name}: {kind}; export it again as one .nii file")
    order = "<" if struct.unpack("<i", head[:4])[0] == 348 else ">"
    if struct.unpack(order + "i", head[:4])[0] != 348:
        raise ImageError(f"{name}: is not a NIfTI-1 file; export it again as NIfTI-1")
    dims = struct.unpack(order + "8h", head[40:56])
    if dims[0] < 3 or any(d > 1 for d in dims[4 : dims[0] + 1]):
        raise ImageError(f"{name}: has not 3 dimensions")
    width = _NIFTI_TYPES.get(struct.unpack(order + "h", head[70:72])[0])
    if width is None:
        raise ImageError(f"{name}: its voxel type is not supported; save it as 8- or 16-bit grey")
    factor = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}.get(head[123] & 0x07, 1.0)  # unknown, metre, millimetre, micrometre
    spacing = check_spacing([s * factor for s in struct.unpack(order + "3f", head[80:92])], "pixdim", name)
    return _header(dims[1:4], spacing, width, name)


def _header(sizes: Sequence[int], spacing: Sequence[float] | None, width: int, name: str) -> RawHeader:
    if len(sizes) != 3 or (spacing is not None and len(spacing) != 3):
        raise ImageError(f"{name}: sizes and spacing are not three numbers each; correct the header")
    a, b, c = (int(v) for v in sizes)
    x, y, z = (float(v) for v in spacing) if spacing is not None else (1.0, 1.0, 1.0)
    return RawHeader((a, b, c), (x, y, z), spacing is not None and (x, y, z) != (1.0, 1.0, 1.0), width)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 1


def _integers(text: str, name: str, what: str) -> list[int]:
    try:
        return [int(t) for t in text.split()]
    except ValueError as error:
        raise ImageError(f"{name}: {what} is {text!r}, expected whole numbers; correct the header") from error


def _floats(text: str) -> list[float]:
    try:
        return [float(t) for t in _NUMBER.findall(text)]
    except ValueError:
        return [math.nan] * 3


def read(path: Path) -> tuple[NDArray[Any], list[list[float]], RawHeader]:
    """Read a volume.

    Returns
    -------
    array : ndarray, shape of the header's sizes reversed
        Axis 0 is the file's slowest axis.
    affine : list of 4 rows of 4 numbers
        (array index, 1) -> LPS mm, for this array's axes.
    header : RawHeader
        As judged.

    Raises
    ------
    ImageError
        If header or pixels cannot be trusted.
    """
    header = raw_header(path)
    import SimpleITK

    sitk: Any = SimpleITK
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:160] if str(error).strip() else "unknown reason"
        raise ImageError(f"{path.name}: its pixels cannot be read ({reason}); copy or export the file again") from error
    if tuple(image.GetSize()) != header.sizes or image.GetNumberOfComponentsPerPixel() != 1:
        raise ImageError(f"{path.name}: its pixels do not have the size its header states; export it again")
    if not np.allclose(image.GetSpacing(), header.spacing_mm, rtol=1e-4):
        raise ImageError(
            f"{path.name}: its spacing is read in two ways ({image.GetSpacing()} and {header.spacing_mm}); correct the header"
        )
    direction = np.asarray(image.GetDirection(), np.float64).reshape(3, 3)
    if not np.isfinite(direction).all() or not np.allclose(direction.T @ direction, np.eye(3), atol=1e-3):
        raise ImageError(f"{path.name}: its axes are not at right angles; resample it to a plain grid")
    matrix = np.eye(4)
    for axis in range(3):
        matrix[:3, axis] = direction[:, 2 - axis] * header.spacing_mm[2 - axis]
    matrix[:3, 3] = image.GetOrigin()
    if not np.isfinite(matrix).all():
        raise ImageError(f"{path.name}: its origin is not a number; correct the header")
    return sitk.GetArrayFromImage(image), [[float(v) for v in row] for row in matrix], header


def to_unsigned(array: NDArray[Any], name: str) -> tuple[NDArray[Any], float, float]:
    """Return the voxels as uint8 or uint16 with the slope and intercept that give the file's values back.

    Whole numbers that fit are kept as they are; others are scaled to 16 bits.
    """
    if not np.isfinite(array).all():
        raise ImageError(f"{name}: holds voxels that are not numbers; export it again")
    low, high = float(array.min()), float(array.max())
    whole = array.dtype.kind in "ui" or not np.any(array != np.rint(array))
    if whole and low >= 0 and high <= 255:
        return array.astype(np.uint8), 1.0, 0.0
    if whole and high - low <= 65535:
        shift = 0.0 if low >= 0 and high <= 65535 else low
        return (array - (int(shift) if array.dtype.kind in "ui" else shift)).astype(np.uint16), 1.0, shift
    slope = (high - low) / 65535.0 or 1.0
    return np.rint((array.astype(np.float64) - low) / slope).astype(np.uint16), slope, low
