"""Hostile and broken files: each is one clear sentence, and nothing is half-written."""

from __future__ import annotations

import gzip
import random
import struct

import makedicom as md
import numpy as np
import pytest

from reader_app.errors import ImageError
from reader_app.imaging import jobs, sitkfile
from reader_app.imaging.container import open_case, verify
from reader_app.imaging.importer import import_sources


def _nrrd(
    path, sizes=(8, 9, 10), directions="(0.2,0,0) (0,0.1,0) (0,0,0.5)", extra="", kind="unsigned char", data=None, encoding="raw"
):
    body = np.arange(int(np.prod(sizes)), dtype=np.uint64).astype(np.uint8).tobytes() if data is None else data
    head = f"NRRD0004\ntype: {kind}\ndimension: 3\nspace: left-posterior-superior\nsizes: {' '.join(map(str, sizes))}\n"
    head += f"space directions: {directions}\n" if directions else ""
    head += f"encoding: {encoding}\n{extra}\n"
    path.write_bytes(head.encode() + (gzip.compress(body) if encoding == "gzip" else body))
    return path


def _nifti(path, dims=(8, 9, 10), pixdim=(0.2, 0.1, 0.5), code=2, magic=b"n+1\0"):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *dims, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, code, 8)
    struct.pack_into("<8f", head, 76, 1.0, *pixdim, 0, 0, 0, 0)
    struct.pack_into("<f", head, 108, 352.0)
    head[123] = 2
    head[344:348] = magic
    path.write_bytes(bytes(head) + bytes(int(np.prod([max(1, d) for d in dims]))))
    return path


def _mha(path, spacing="0.2 0.1 0.5", data="LOCAL", dims="8 9 10"):
    text = f"ObjectType = Image\nNDims = 3\nBinaryData = True\nElementSpacing = {spacing}\nDimSize = {dims}\n"
    text += "ElementType = MET_UCHAR\n"
    path.write_bytes((text + f"ElementDataFile = {data}\n").encode() + bytes(720))
    return path


def test_the_three_formats_are_read_alike(tmp_path):
    for path in (_nrrd(tmp_path / "a.nrrd"), _nifti(tmp_path / "a.nii"), _mha(tmp_path / "a.mha")):
        array, affine, header = sitkfile.read(path)
        assert array.shape == (10, 9, 8) and header.sizes == (8, 9, 10) and header.stated
        assert np.allclose(np.linalg.norm(np.asarray(affine)[:3, :3], axis=0), (0.5, 0.1, 0.2))


@pytest.mark.parametrize("bad", ["nan", "inf", "0", "-0.5", "1e9", "1e-9"])
def test_bad_spacing_is_refused_by_name_in_every_format(tmp_path, bad):
    files = [
        (_nrrd(tmp_path / "a.nrrd", directions=f"({bad},0,0) (0,0.1,0) (0,0,0.5)"), "space directions"),
        (_nrrd(tmp_path / "b.nrrd", directions="", extra=f"spacings: {bad} 0.1 0.5\n"), "spacings"),
        (_mha(tmp_path / "a.mha", spacing=f"{bad} 0.1 0.5"), "ElementSpacing"),
        (_nifti(tmp_path / "a.nii", pixdim=(float(bad), 0.1, 0.5)), "pixdim"),
    ]
    for path, word in files[1:] if bad == "-0.5" else files:  # a negative direction is a flip, which is legal
        with pytest.raises(ImageError, match=f"{path.name}.*{word}"):
            sitkfile.raw_header(path)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda p: _nrrd(p / "a.nrrd", extra="data file: /etc/passwd\n"), "another file"),
        (lambda p: _nrrd(p / "a.nrrd", extra="datafile: ../../secret.raw\n"), "another file"),
        (lambda p: _nrrd(p / "a.nhdr"), "another file"),
        (lambda p: _mha(p / "a.mha", data="/etc/passwd"), "another file"),
        (lambda p: _mha(p / "a.mhd"), "another file"),
        (lambda p: _nifti(p / "a.nii", magic=b"ni1\0"), "another file"),
        (lambda p: _nrrd(p / "a.nrrd", extra="byte skip: -1\n"), "skips bytes"),
        (lambda p: _nrrd(p / "a.nrrd", sizes=(70000, 9, 10), data=b"x"), "no breast volume"),
        (lambda p: _nrrd(p / "a.nrrd", sizes=(32000, 32000, 100), data=b"x"), "GB"),
        (lambda p: _nrrd(p / "a.nrrd", sizes=(2000, 2000, 100), data=b"x", encoding="gzip"), "unsafe"),
        (lambda p: _nifti(p / "a.nii", dims=(-5, 9, 10)), "no breast volume"),
        (lambda p: _nrrd(p / "a.nrrd", data=b"short"), "cannot be read"),
        (lambda p: _nrrd(p / "a.nrrd", directions="(1,1,0) (0,0.1,0) (0,0,0.5)"), "right angles"),
        (lambda p: _nrrd(p / "a.nrrd", directions="(0.2,0) (0,0.1) (0,0.5)"), "three vectors"),
        (lambda p: _nrrd(p / "a.nrrd", kind="block"), "not supported"),
        (lambda p: _write(p / "a.nrrd", b"NRRD0004"), "not an NRRD file"),
        (lambda p: _write(p / "a.nrrd", b"<html>log in</html>"), "not an NRRD file"),
        (lambda p: _write(p / "a.nii.gz", b"\x1f\x8bbroken"), "broken"),
        (lambda p: _write(p / "a.mha", b"hello"), "not a MetaImage"),
        (lambda p: _write(p / "a.nrrd", b""), "is empty"),
    ],
)
def test_hostile_volumes(tmp_path, make, word):
    with pytest.raises(ImageError, match=word) as caught:
        sitkfile.read(make(tmp_path))
    assert "a." in str(caught.value) and "\n" not in str(caught.value)


def _write(path, data):
    path.write_bytes(data)
    return path


def _deep(path, levels=5000):
    ds = md.mammogram("RCC")
    inner = md.Dataset()
    for _ in range(levels if levels < 200 else 200):
        outer = md.Dataset()
        outer.RequestAttributesSequence = [inner]
        inner = outer
    ds.RequestAttributesSequence = [inner]
    return md.write(ds, path)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda p: _write(p / "a.dcm", b""), "is empty"),
        (lambda p: _write(p / "a.dcm", b"just text, renamed"), "not a DICOM file"),
        (lambda p: _write(p / "a.dcm", b"<!DOCTYPE html><html>Please log in</html>" * 20), "not a DICOM file"),
        (lambda p: _write(p / "a.dcm", bytes(128) + b"DICM"), "transfer syntax|broken"),
        (lambda p: _write(p / "a.dcm", bytes(128) + b"DICM" + random.Random(1).randbytes(4000)), "a.dcm"),
        (lambda p: _deep(p / "a.dcm"), "nested too deeply|header is broken"),
        (
            lambda p: _write(p / "a.png", b"\x89PNG\r\n\x1a\n" + bytes(8) + struct.pack(">II", 60000, 60000) + bytes(99)),
            "beyond|cut off",
        ),
        (lambda p: _write(p / "notes.txt", b"hello"), "no image file"),
    ],
)
def test_hostile_files_one_sentence_and_nothing_written(tmp_path, pool, make, word):
    (tmp_path / "in").mkdir()
    make(tmp_path / "in")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert [f.accepted for f in report.files] == [False]
    reason = report.files[0].reason
    import re

    assert re.search(word, reason) and "\n" not in reason and len(reason) < 500
    assert not report.case_rows and list((tmp_path / "images").iterdir()) == []


@pytest.mark.parametrize("bad", [["nan", "0.1"], ["0", "0"], ["-0.1", "0.1"], ["1e9", "0.1"], ["0.1"]])
def test_a_mammogram_with_impossible_spacing_is_left_out(tmp_path, pool, bad):
    paths = md.four_views(tmp_path / "in")
    data = paths[0].read_bytes()
    text = "\\".join(bad).encode()
    text += b" " * (len(text) % 2)
    old = b"0.1\\0.08"
    assert data.count(old) == 1
    at = data.index(old)
    # explicit VR: the two bytes before the value are its length
    paths[0].write_bytes(data[: at - 2] + struct.pack("<H", len(text)) + text + data[at + len(old) :])
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert report.cases[0].status == "incomplete"
    assert any("ImagerPixelSpacing" in f for f in report.cases[0].faults)


def test_mutated_files_never_harm(tmp_path, pool):
    """Byte flips in headers and pixels: every file is either refused in a sentence or decoded to the stated shape."""
    rng = random.Random(7)
    originals = [
        md.write(md.mammogram("RCC", syntax=s), tmp_path / f"{i}.dcm").read_bytes()
        for i, s in enumerate([md.EXPLICIT, md.RLE, "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"])
    ] + [_nrrd(tmp_path / "v.nrrd").read_bytes()]
    from reader_app.imaging.workers import Job

    work = []
    for number in range(120):
        data = bytearray(originals[number % len(originals)])
        for _ in range(rng.choice((1, 4, 40))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if number % 5 == 0:
            data = data[: rng.randrange(len(data))]
        path = tmp_path / f"m{number}{'.nrrd' if number % len(originals) == 5 else '.dcm'}"
        path.write_bytes(bytes(data))
        decode = "decode_volume" if path.suffix == ".nrrd" else "decode_dicom"
        job = {"path": str(path), "out": str(tmp_path / f"o{number}.npy")}
        work += [Job(("i", number), "reader_app.imaging.jobs:inspect", {"path": str(path)}, path.name)]
        work += [Job(("d", number), f"reader_app.imaging.jobs:{decode}", job, path.name)]
    answers = list(pool.map(work))
    assert len(answers) == len(work)
    refused = [a for a in answers if a.reason]
    assert refused and len(refused) < len(answers)
    assert all("\n" not in a.reason and len(a.reason) < 600 for a in refused)


def test_changed_pixels_are_caught_by_the_manifest(tmp_path, pool):
    md.four_views(tmp_path / "in")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    folder = tmp_path / "images" / report.cases[0].case_id
    assert verify(folder) == []
    data = bytearray((folder / "LMLO.npy").read_bytes())
    data[-1] ^= 1
    (folder / "LMLO.npy").write_bytes(bytes(data))
    assert verify(folder) and open_case(folder).images


def test_picture_with_transparency_and_16_bit(tmp_path):
    import cv2

    image = np.random.default_rng(0).integers(0, 255, (40, 30, 4), dtype=np.uint8)
    image[..., 3] = 128
    cv2.imwrite(str(tmp_path / "a.png"), image)
    assert jobs.decode_picture(str(tmp_path / "a.png"), str(tmp_path / "o.npy"))["notes"] == ["transparency was ignored"]


@pytest.mark.parametrize("kind", ["dicom", "jpg", "png"])
def test_damage_inside_a_compressed_picture_is_refused(tmp_path, pool, kind):
    """Decoders of JPEG and PNG go on after damage and fill in; what they say about it makes the file refused."""
    import cv2

    image = (md.breast("RCC") >> 4).astype(np.uint8)
    path = tmp_path / {"dicom": "a.dcm", "jpg": "a.jpg", "png": "a.png"}[kind]
    if kind == "dicom":
        md.write(md.ultrasound(image, syntax="1.2.840.10008.1.2.4.50"), path)
    else:
        cv2.imwrite(str(path), image)
    job = f"reader_app.imaging.jobs:{'decode_dicom' if kind == 'dicom' else 'decode_picture'}"
    pool.call(job, path.name, path=str(path), out=str(tmp_path / "o.npy"))  # the control: whole it is read
    data = bytearray(path.read_bytes())
    at = len(data) * 2 // 3
    data[at : at + 40] = b"\xff\xd0" * 20
    path.write_bytes(bytes(data))
    with pytest.raises(ImageError, match=path.name):
        pool.call(job, path.name, path=str(path), out=str(tmp_path / "o.npy"))
