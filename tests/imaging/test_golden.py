"""Every transfer syntax that is decoded, against a decoder of other make: not one grey level off.

Ours are imagecodecs, pylibjpeg-openjpeg and pylibjpeg-rle (`decode.DECODERS`). The others: pydicom's own code for uncompressed,
deflated and RLE pixels; SimpleITK (GDCM's own JPEG, CharLS and OpenJPEG) for JPEG, JPEG-LS and JPEG 2000; OpenJPH for HTJ2K.
"""

from __future__ import annotations

import imagecodecs
import makedicom as md
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from reader_app.imaging import decode, dicomfile

J = "1.2.840.10008.1.2.4."
PYDICOM = (md.EXPLICIT, md.IMPLICIT, md.BIG, md.DEFLATED, md.RLE)
ITK = tuple(J + tail for tail in ("50", "51", "57", "70", "80", "81", "90", "91"))
OPENJPH = tuple(J + tail for tail in ("201", "202", "203"))
LOSSY = (J + "50", J + "51", J + "81", J + "91")


def picture(bits: int, seed: int = 3, shape=(120, 88)) -> np.ndarray:
    """Edges, a ramp, noise and both ends of the range."""
    rng = np.random.default_rng(seed)
    top = 2**bits - 1
    image = np.add.outer(np.linspace(0, top * 0.5, shape[0]), np.linspace(0, top * 0.4, shape[1]))
    image[30:60, 20:50] = top
    image[70:90, 60:80] = 0
    image[:20] += rng.integers(0, max(2, top // 16), (20, shape[1]))
    return image.clip(0, top).astype(np.uint8 if bits <= 8 else np.uint16)


def encoded(image: np.ndarray, bits: int, syntax: str) -> bytes:
    """Compress with loss where the syntax has one, so that the decoders have something to disagree on."""
    tail = syntax.rsplit(".", 1)[1]
    if tail in ("50", "51"):
        return imagecodecs.jpeg8_encode(image, level=80, bitspersample=bits)
    if tail == "81":
        return imagecodecs.jpegls_encode(image, level=3)
    if tail == "91":
        return imagecodecs.jpeg2k_encode(image, level=35, codecformat="J2K", reversible=False, bitspersample=bits)
    return md.encode(image, bits, syntax)


def theirs(path, syntax: str) -> np.ndarray:
    """Decode with the other make."""
    if syntax in PYDICOM:
        return pydicom.pixels.pixel_array(pydicom.dcmread(path), decoding_plugin="pydicom" if syntax == md.RLE else "")
    if syntax in OPENJPH:
        return imagecodecs.htj2k_decode(next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1)))
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", [*PYDICOM, *ITK, *OPENJPH])
def test_no_level_off(tmp_path, syntax, bits):
    if (syntax, bits) in {(J + "50", 12), (J + "50", 16), (J + "51", 16), (J + "51", 8)}:
        pytest.skip("the syntax has no such depth")
    image = picture(bits)
    ds = md.put_pixels(md.base(md.US, "US"), image, bits, syntax if syntax not in LOSSY else md.EXPLICIT)
    if syntax in LOSSY:
        ds.PixelData = pydicom.encaps.encapsulate([encoded(image, bits, syntax)])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.file_meta.TransferSyntaxUID = syntax
    path = md.write(ds, tmp_path / "a.dcm")
    ours = decode.pixels(dicomfile.read_dataset(path, header_only=False), path.name)[0]
    other = np.asarray(theirs(path, syntax))
    assert ours.shape == other.shape and int(np.abs(ours.astype(np.int64) - other.astype(np.int64)).max()) == 0
    if syntax in LOSSY:
        assert not np.array_equal(ours, image)  # the control: something was lost, so equality says something
    else:
        assert np.array_equal(ours, image)


def test_every_syntax_is_held():
    assert {*PYDICOM, *ITK, *OPENJPH} == set(decode.DECODERS)
