"""Small files that want to be huge: each is refused early, and the program's own memory does not grow."""

from __future__ import annotations

import gzip
import resource
import struct
import time
import zlib

import imagecodecs
import makedicom as md
import numpy as np
import pytest

from reader_app.imaging.importer import import_sources


def _png(path, side):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes((side + 1) * 64)) + b""
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def _rle(path):
    """Runs that claim 128 pixels in two bytes, for the largest frame that is let through, a thousand times over."""
    ds = md.put_pixels(md.base(md.US, "US"), np.zeros((8, 8), np.uint8), 8, md.RLE)
    segment = struct.pack("<16I", 1, 64, *([0] * 14)) + b"\x81\0" * 400_000
    ds.Rows = ds.Columns = 512
    ds.PixelData = md.encapsulate([segment])
    md.write(ds, path)


def _j2k(path):
    """The stream is far larger than the header says."""
    big = imagecodecs.jpeg2k_encode(np.zeros((8192, 8192), np.uint8), level=0, codecformat="J2K", reversible=True)
    ds = md.put_pixels(md.base(md.US, "US"), np.zeros((64, 64), np.uint8), 8, "1.2.840.10008.1.2.4.90")
    ds.PixelData = md.encapsulate([big])
    md.write(ds, path)


def _dims(path):
    ds = md.put_pixels(md.base(md.US, "US"), np.zeros((64, 64), np.uint8), 8, "1.2.840.10008.1.2.4.70")
    ds.Rows = ds.Columns = 65535
    ds.NumberOfFrames = 100
    md.write(ds, path)


def _deflate(path):
    md.write(md.put_pixels(md.base(md.US, "US"), np.zeros((12000, 12000), np.uint8), 8, md.DEFLATED), path)


def _nrrd(path):
    head = b"NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 1200 1200 1200\n"
    head += b"space directions: (0.2,0,0) (0,0.1,0) (0,0,0.5)\nencoding: gzip\n\n"
    path.write_bytes(head + gzip.compress(bytes(1 << 20)))


def _nifti(path):
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, 1200, 1200, 1200, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 2, 8)
    struct.pack_into("<8f", head, 76, 1.0, 0.2, 0.1, 0.5, 0, 0, 0, 0)
    head[344:348] = b"n+1\0"
    path.write_bytes(gzip.compress(bytes(head) + bytes(1 << 20)))


BOMBS = {
    "png.png": lambda p: _png(p, 30000), "rle.dcm": _rle, "j2k.dcm": _j2k, "dims.dcm": _dims, "deflate.dcm": _deflate,
    "nrrd.nrrd": _nrrd, "nifti.nii.gz": _nifti,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_early(tmp_path, pool, name):
    (tmp_path / "in").mkdir()
    BOMBS[name](tmp_path / "in" / name)
    assert (tmp_path / "in" / name).stat().st_size < 3 << 20
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    deaths = pool.deaths
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert [f.accepted for f in report.files] == [False] and name in report.files[0].reason, report.files
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024  # kB
    assert time.monotonic() - start < 30 and pool.deaths == deaths
    assert list((tmp_path / "images").iterdir()) == []
