"""The container: whole or absent, equal on reading back, and every change found."""

from __future__ import annotations

import json

import numpy as np
import pytest

from reader_app.errors import ImageError
from reader_app.imaging import container as c
from reader_app.imaging.geometry import affine
from reader_app.imaging.window import GreyScale, Preset


def _mammogram(identifier="RCC", seed=0, laterality="R"):
    array = np.random.default_rng(seed).integers(0, 4096, (201, 150), dtype=np.uint16)
    lut = np.linspace(0, 65535, 4096).astype(np.uint16)
    grey = GreyScale(1.0, 0.0, False, (Preset("NORMAL", "sigmoid", 2000, 900), Preset("TABLE", "lut", lut=lut, lut_first=0)), 12)
    return c.NewImage(
        identifier, array, laterality=laterality, view="CC", spacing_mm=(0.1, 0.1), spacing_source="detector", grey=grey,
        chest_wall="right" if laterality == "R" else "left", padding=(0, 30),
    )  # fmt: skip


def _volume():
    array = np.random.default_rng(3).integers(0, 256, (12, 20, 31), dtype=np.uint8)
    return c.NewImage(
        "L_AP", array, "volume", "L", "AP", spacing_mm=(0.5, 0.07, 0.2), affine=affine((0.5, 0.07, 0.2)), grey=GreyScale(),
        nipple_index=(6.0, 0.0, 15.5), probe={"radius_mm": 400.0},
    )  # fmt: skip


def _colour():
    array = np.random.default_rng(4).integers(0, 256, (40, 51, 3), dtype=np.uint8)
    region = c.Region((2, 3), (30, 40), "colour", (0.1, 0.1))
    return c.NewImage("US1", array, view="DOPPLER", grey=None, regions=(region,))


def test_round_trip(tmp_path):
    image, source = _mammogram(), {"kinds": ["DICOM"], "notes": ["spacing at the detector"]}
    identity = c.write(tmp_path / "C001", "C001", "mammography", [image, _mammogram("LCC", 5, "L")], source)
    case = c.open_case(tmp_path / "C001")
    read = case.image("RCC")
    assert case.fingerprint == identity and case.modality == "mammography" and case.source == source
    assert np.array_equal(read.array, image.array) and isinstance(read.array, np.memmap) and not read.array.flags.writeable
    assert (read.laterality, read.view, read.chest_wall, read.padding) == ("R", "CC", "right", (0, 30))
    assert read.spacing_mm == (0.1, 0.1) and read.channels == 1
    assert [p.name for p in read.grey.presets] == ["NORMAL", "TABLE"]
    assert np.array_equal(read.grey.presets[1].lut, image.grey.presets[1].lut)
    assert [level.shape for level in read.pyramid] == [(101, 75), (51, 38), (26, 19)]
    assert read.files == ("RCC.npy", "RCC.1.npy", "RCC.2.npy", "RCC.3.npy") and len(read.arrays()) == 4
    assert case.manifest["RCC.npy"]["sha256"] == c.fp.of_file(case.directory / "RCC.npy")
    assert c.verify(tmp_path / "C001", deep=True) == []
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_volume_has_all_three_orders_and_its_marks(tmp_path):
    image = _volume()
    c.write(tmp_path / "C2", "C2", "abvs", [image])
    read = c.open_case(tmp_path / "C2").image("L_AP")
    assert np.array_equal(read.column_major, np.transpose(image.array, (2, 0, 1)))
    assert read.column_major[7].flags.c_contiguous
    assert read.nipple_index == (6.0, 0.0, 15.5) and np.allclose(read.affine, image.affine) and read.probe == {"radius_mm": 400.0}


def test_colour_image_with_region(tmp_path):
    image = _colour()
    c.write(tmp_path / "U", "U", "ultrasound", [image])
    read = c.open_case(tmp_path / "U").image("US1")
    assert read.channels == 3 and read.grey is None and read.regions == image.regions
    assert np.array_equal(read.array, image.array)


def test_touch_counts_every_byte_and_can_be_cancelled(tmp_path):
    c.write(tmp_path / "C2", "C2", "abvs", [_volume()])
    case = c.open_case(tmp_path / "C2")
    assert case.touch() == case.nbytes == 2 * 12 * 20 * 31
    assert case.touch(cancelled=lambda: True) == 0


def test_no_speck_is_lost_on_the_way_down():
    """A 2 x 2 speck at every phase keeps its whole energy; reading every other pixel (the control) loses three of four."""
    for row in range(32, 40):
        for column in range(32, 40):
            array = np.full((96, 96), 1000, np.uint16)
            array[row : row + 2, column : column + 2] = 3000
            for k, level in enumerate(c.pyramid(array), start=1):
                energy = (level.astype(float) - 1000).sum() * 4**k
                assert energy == pytest.approx(8000, rel=0.02)
                assert level.max() > 1000
    kept = [np.any(np.pad(np.full((2, 2), 1), ((r, 4 - r), (s, 4 - s)))[::4, ::4]) for r in range(4) for s in range(4)]
    assert sum(kept) < len(kept)


def test_padding_does_not_bleed_into_the_reduced_border():
    array = np.full((64, 64), 2000, np.uint16)
    array[:, :33] = 0
    small = c.halve(array, (0, 30))
    assert set(np.unique(small)) == {0, 2000}
    assert set(np.unique(c.halve(array))) == {0, 1000, 2000}  # the control: without padding the border is a mixture


def test_odd_sizes_keep_the_last_row_and_column():
    array = np.zeros((5, 5), np.uint16)
    array[4, 4] = 4000
    assert c.halve(array).shape == (3, 3) and c.halve(array)[2, 2] == 4000


@pytest.fixture
def stored(tmp_path):
    c.write(tmp_path / "C001", "C001", "mammography", [_mammogram()])
    return tmp_path / "C001"


def test_a_flip_is_found(stored):
    array = np.load(stored / "RCC.npy")
    np.save(stored / "RCC.npy", np.ascontiguousarray(array[:, ::-1]))
    assert any("RCC.npy" in str(f) and "changed" in str(f) for f in c.verify(stored))


def test_a_single_bit_is_found_in_every_file(stored):
    for path in sorted(stored.iterdir()):
        data = bytearray(path.read_bytes())
        original = bytes(data)
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
        assert c.verify(stored), path.name
        path.write_bytes(original)
    assert c.verify(stored) == []


def test_missing_and_additional_files_are_found(stored):
    (stored / "RCC.1.npy").unlink()
    (stored / "notes.txt").write_text("x")
    text = " ".join(map(str, c.verify(stored)))
    assert "RCC.1.npy" in text and "missing" in text and "notes.txt" in text


def test_a_forged_manifest_is_found_by_the_fingerprint(stored, tmp_path):
    """Whoever also rewrites the manifest must keep the fingerprint right; then the study's own copy of it differs."""
    before = c.open_case(stored).fingerprint
    np.save(stored / "RCC.npy", np.ascontiguousarray(np.load(stored / "RCC.npy")[:, ::-1]))
    manifest = json.loads((stored / "manifest.json").read_text())
    manifest["files"]["RCC.npy"]["sha256"] = c.fp.of_file(stored / "RCC.npy")
    (stored / "manifest.json").write_text(json.dumps(manifest))
    assert any("fingerprint" in str(f) for f in c.verify(stored))
    manifest["fingerprint"] = c.fp.of_images([("RCC", manifest["files"]["RCC.npy"]["sha256"])])
    (stored / "manifest.json").write_text(json.dumps(manifest))
    assert c.open_case(stored).fingerprint != before
    assert any("copies of RCC" in str(f) for f in c.verify(stored, deep=True))


def test_a_path_in_the_json_cannot_leave_the_folder(stored):
    document = json.loads((stored / "container.json").read_text())
    for bad in ("../RCC.npy", "/etc/passwd", "sub/x.npy", "con.npy", ""):
        document["images"][0]["array"] = bad
        (stored / "container.json").write_text(json.dumps(document))
        with pytest.raises(ImageError):
            c.open_case(stored)


def test_pickled_arrays_are_not_opened(stored):
    np.save(stored / "RCC.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ImageError):
        c.open_case(stored)


def test_a_failed_write_leaves_the_old_container_and_nothing_else(stored, monkeypatch):
    before = c.open_case(stored).fingerprint
    monkeypatch.setattr(c.fp, "of_images", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        c.write(stored, "C001", "mammography", [_mammogram(seed=9)])
    monkeypatch.undo()
    assert [p.name for p in stored.parent.iterdir()] == ["C001"]
    assert c.open_case(stored).fingerprint == before and c.verify(stored) == []


def test_replacing_gives_the_new_pixels(stored):
    c.write(stored, "C001", "mammography", [_mammogram(seed=9)])
    assert np.array_equal(c.open_case(stored).images[0].array, _mammogram(seed=9).array)
    assert [p.name for p in stored.parent.iterdir()] == ["C001"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"laterality": "L"}, "chest wall"),
        ({"spacing_mm": (0.1, float("nan"))}, "spacing"),
        ({"spacing_mm": (0.1, 0.1, 0.1)}, "spacing"),
        ({"grey": None}, "grey"),
        ({"id": "../x"}, "plain name"),
        ({"role": "old"}, "role"),
        ({"array": np.zeros((4, 4), np.float32)}, "pixel type"),
        ({"array": np.zeros((4, 4, 4, 4), np.uint16)}, "shape"),
    ],
)
def test_unsound_images_are_refused_in_words(tmp_path, change, word):
    image = _mammogram()
    broken = c.NewImage(**{**{n: getattr(image, n) for n in c.NewImage.__dataclass_fields__}, **change})
    with pytest.raises(ImageError, match=word):
        c.write(tmp_path / "C1", "C1", "mammography", [broken])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", ["", "../a", "a/b", "CON", "nul.txt", "a.", ".hidden", "x" * 101, "a b", "é"])
def test_hostile_case_ids_are_refused(tmp_path, bad):
    with pytest.raises(ImageError):
        c.write(tmp_path / "x", bad, "mammography", [_mammogram()])
