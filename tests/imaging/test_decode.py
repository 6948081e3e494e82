"""Golden pixels: every transfer syntax against the original and against an independent decoder; cut files are never shown."""

from __future__ import annotations

from pathlib import Path

import makedicom as md
import numpy as np
import pydicom
import pytest
import realdata

from reader_app.errors import ImageError
from reader_app.imaging import decode, dicomfile, limits

J = "1.2.840.10008.1.2.4."
LOSSLESS = [
    md.EXPLICIT,
    md.IMPLICIT,
    md.BIG,
    md.DEFLATED,
    md.RLE,
    J + "57",
    J + "70",
    J + "80",
    J + "90",
    J + "201",
    J + "202",
    J + "203",
]


def _pixels(path: Path) -> np.ndarray:
    return decode.pixels(dicomfile.read_dataset(path, header_only=False), path.name)


def _texture(bits: int, shape=(97, 64), seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    base = np.add.outer(np.linspace(0, 2**bits * 0.6, shape[0]), np.linspace(0, 2**bits * 0.3, shape[1]))
    noisy = (base + rng.integers(0, max(2, 2**bits // 32), shape)).clip(0, 2**bits - 1)
    return noisy.astype(np.uint8 if bits <= 8 else np.uint16)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_syntaxes_give_the_original(tmp_path, syntax, bits):
    image = _texture(bits)
    path = md.write(md.put_pixels(md.base(md.US, "US"), image, bits, syntax), tmp_path / "a.dcm")
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(_pixels(path)[0], image)


@pytest.mark.parametrize("syntax", [md.EXPLICIT, md.RLE, J + "80", J + "90", J + "201"])
def test_colour_and_several_frames(tmp_path, syntax):
    stack = np.stack([np.stack([_texture(8, seed=10 * f + c) for c in range(3)], axis=-1) for f in range(3)])
    path = md.write(md.put_pixels(md.base(md.US_MULTI, "US"), stack, 8, syntax, frames=True), tmp_path / "a.dcm")
    assert np.array_equal(_pixels(path), stack)


def test_jpeg_baseline_is_close(tmp_path):
    image = _texture(8)
    path = md.write(md.put_pixels(md.base(md.US, "US"), image, 8, J + "50"), tmp_path / "a.dcm")
    assert np.abs(_pixels(path)[0].astype(int) - image).max() < 12


@pytest.mark.parametrize("syntax", [md.EXPLICIT, md.RLE, J + "90"])
def test_signed_values_and_unused_bits(tmp_path, syntax):
    values = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
    unsigned = values.view(np.uint16) & 0x0FFF
    if syntax == md.EXPLICIT:
        unsigned |= 0xA000  # an overlay plane in the unused bits
    path = md.write(md.put_pixels(md.base(md.US, "US"), unsigned, 12, syntax, signed=True), tmp_path / "a.dcm")
    assert np.array_equal(_pixels(path)[0], values)


def test_planar_colour_and_ybr(tmp_path):
    rgb = np.stack([_texture(8, seed=c) for c in range(3)], axis=-1)
    ds = md.put_pixels(md.base(md.US, "US"), rgb, 8)
    ds.PlanarConfiguration, ds.PixelData = 1, np.ascontiguousarray(np.moveaxis(rgb, 2, 0)).tobytes()
    assert np.array_equal(_pixels(md.write(ds, tmp_path / "p.dcm"))[0], rgb)
    ds.PlanarConfiguration, ds.PixelData, ds.PhotometricInterpretation = 0, rgb.tobytes(), "YBR_FULL"
    path = md.write(ds, tmp_path / "y.dcm")
    assert np.array_equal(_pixels(path)[0], pydicom.pixels.pixel_array(path))


@pytest.mark.parametrize("syntax", [*LOSSLESS, J + "50"])
@pytest.mark.parametrize("part", [0.99, 0.9, 0.5, 0.2])
def test_cut_files_are_refused_whole(tmp_path, syntax, part):
    bits = 8 if syntax == J + "50" else 12
    path = md.write(md.put_pixels(md.base(md.US, "US"), _texture(bits, (256, 256)), bits, syntax), tmp_path / "a.dcm")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ImageError, match=r"a\.dcm: .*(cut off|broken|holds)"):
        _pixels(path)


def test_cut_inside_a_whole_envelope_is_refused(tmp_path):
    """The file is complete, but the compressed frame inside it is cut: decoders that fill in grey must not get it."""
    image = _texture(8, (256, 256))
    for syntax, bits in ((J + "50", 8), (J + "70", 8), (J + "80", 8), (J + "90", 8)):
        ds = md.put_pixels(md.base(md.US, "US"), image, bits, syntax)
        piece = md.encode(image, bits, syntax)
        ds.PixelData = md.encapsulate([piece[: len(piece) // 2]])
        with pytest.raises(ImageError, match="cut off"):
            _pixels(md.write(ds, tmp_path / "a.dcm"))


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ({"Rows": 65535, "Columns": 65535}, "beyond any breast image"),
        ({"Rows": 30000, "Columns": 30000, "NumberOfFrames": 100}, "GB"),
        ({"NumberOfFrames": 2_000_000_000}, "beyond any breast image"),
        ({"Rows": 9000, "Columns": 9000}, "unsafe|cut off"),
        ({"Rows": 0}, "beyond any breast image"),
        ({"BitsAllocated": 32}, "no grey or colour image"),
        ({"SamplesPerPixel": 4}, "no grey or colour image"),
        ({"BitsStored": 13, "BitsAllocated": 8}, "no grey or colour image"),
    ],
)
def test_impossible_sizes_are_refused_before_decoding(tmp_path, tags, word):
    for syntax in (md.EXPLICIT, J + "70"):
        ds = md.put_pixels(md.base(md.US, "US"), _texture(8), 8, syntax)
        for key, value in tags.items():
            setattr(ds, key, value)
        with pytest.raises(ImageError, match=word):
            _pixels(md.write(ds, tmp_path / "a.dcm"))


@pytest.mark.parametrize("syntax", [J + "70", J + "80", J + "90", J + "201"])
def test_a_frame_of_another_size_than_the_header_is_refused(tmp_path, syntax):
    ds = md.put_pixels(md.base(md.US, "US"), _texture(8), 8, syntax)
    ds.Columns = 65
    with pytest.raises(ImageError, match="the header says"):
        _pixels(md.write(ds, tmp_path / "a.dcm"))


def test_deflate_bomb_is_stopped_early(tmp_path, monkeypatch):
    ds = md.put_pixels(md.base(md.US, "US"), np.zeros((4096, 4096), np.uint8), 8, md.DEFLATED)
    path = md.write(ds, tmp_path / "a.dcm")
    assert path.stat().st_size < 60_000
    with pytest.raises(ImageError, match="inflates to far more"):
        dicomfile.read_dataset(path)
    monkeypatch.setattr(limits, "RATIO", 10**9)  # the control: without the limit it would be read
    assert dicomfile.read_dataset(path).Rows == 4096


def test_unsupported_syntax_names_itself(tmp_path):
    ds = md.put_pixels(md.base(md.US, "US"), _texture(8), 8)
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    with pytest.raises(ImageError, match=r"4\.102 is not supported"):
        decode.pixels(ds, "a.dcm")


def test_every_decoder_is_at_hand():
    found = decode.available()
    assert len(found) == len(decode.DECODERS) and "not installed" not in found.values()


@pytest.mark.data
def test_real_files_equal_an_independent_decoder():
    """Real files of many makers: pydicom with its own decoders, or SimpleITK for JPEG lossless; no level off."""
    import SimpleITK as sitk

    folder = realdata.folder("dicom_misc")
    seen = set()
    for path in sorted(folder.glob("*/*")):
        try:
            ds = dicomfile.read_dataset(path, header_only=False)
            ours = decode.pixels(ds, path.name)
        except ImageError:
            continue
        syntax = str(ds.file_meta.TransferSyntaxUID)
        if syntax in (J + "57", J + "70"):
            theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
            if ds.PhotometricInterpretation == "MONOCHROME1":  # SimpleITK inverts within the stored bits
                theirs = 2**ds.BitsStored - 1 - theirs
            if "RescaleIntercept" in ds and (float(ds.RescaleIntercept), float(ds.RescaleSlope)) != (0.0, 1.0):
                theirs = (theirs - float(ds.RescaleIntercept)) / float(ds.RescaleSlope)
        else:
            try:
                theirs = pydicom.pixels.pixel_array(path, raw=False)
            except (RuntimeError, NotImplementedError, ValueError):
                continue
            if ds.PhotometricInterpretation == "PALETTE COLOR":
                continue
        assert np.array_equal(ours.astype(np.int64).ravel(), np.asarray(theirs).astype(np.int64).ravel()), path.name
        seen.add(syntax)
    assert len(seen) >= 7, seen
