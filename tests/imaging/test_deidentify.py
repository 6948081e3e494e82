"""PS3.15: identifiers seeded in many places, none left; geometry, grey-scale and references survive."""

from __future__ import annotations

import makedicom as md
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from reader_app.errors import ImageError
from reader_app.imaging import deidentify
from reader_app.imaging.deidentify import Deidentifier, clean_file, identifiers, leaks, profile

SECRET = bytes(range(32))
SEED = "ZQSEEDED"


def _seeded(**tags):
    """A mammogram with an identifier in every text attribute of the table, and in places no table knows."""
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    ds = md.mammogram("RMLO", **tags)
    places = 0
    for tag in profile():
        try:
            vr = dictionary_VR(tag)
        except KeyError:
            continue
        if tag < 0x00080000 or not keyword_for_tag(tag) or tag in (0x00080018, 0x0020000D, 0x0020000E):
            continue
        value = {"DA": "19600704", "DT": "19600704101112", "TM": "101112", "UI": "1.2.3.19600704.99", "AS": "095Y"}.get(
            vr, f"{SEED}{places}"
        )
        if vr == "SQ":
            item = Dataset()
            item.PatientName, item.ImageComments = f"{SEED}^IN", f"{SEED} in sequence"
            value = [item]
        elif vr == "CS":
            value = SEED
        elif vr in ("OB", "OW", "UN"):
            value = SEED.encode()
        elif vr not in ("LO", "SH", "PN", "ST", "LT", "UT", "UC", "AE", "UR", "DA", "DT", "TM", "UI", "AS"):
            continue
        ds.add_new(tag, vr, value)
        places += 1
    ds.SeriesDescription = f"R MLO {SEED}"
    ds.add_new(0x00200060, "CS", "R")
    ds.BodyPartExamined = SEED
    ds.ViewCodeSequence[0].CodeMeaning = f"view of {SEED}"
    ds.private_block(0x0045, "GEMS_SENO_02", create=True).add_new(0x1B, "LO", SEED)
    ds.private_block(0x0021, "U-Systems", create=True).add_new(0x40, "LO", SEED)
    ds.add_new(0x60003000, "OW", SEED.encode())
    ds.add_new(0x60004000, "LT", SEED)
    ds.add_new(0x50003000, "OW", SEED.encode())
    ds.add_new(0x00090010, "LO", SEED)
    ds.preamble = (SEED.encode() * 20)[:128]
    return ds, places + 10


def test_seeded_identifiers_are_all_gone(tmp_path):
    ds, places = _seeded()
    assert places > 300
    source = md.write(ds, tmp_path / f"{SEED}.dcm")
    assert source.read_bytes().count(SEED.encode()) > 200  # the control
    clean_file(source, tmp_path / "out" / "a.dcm", "C1", SECRET)
    data = (tmp_path / "out" / "a.dcm").read_bytes()
    for secret in (SEED, "19600704", "095Y", ds.SOPInstanceUID, ds.StudyInstanceUID, "101112"):
        assert secret.encode() not in data, secret


def test_what_a_study_needs_survives(tmp_path):
    ds = md.mammogram(
        "RMLO",
        legacy=True,
        PatientID="P1",
        PatientAge="057Y",
        PatientSex="F",
        StudyDate="20260115",
        SeriesDescription="R MLO Mrs. Doe",
    )
    clean_file(md.write(ds, tmp_path / "a.dcm"), tmp_path / "b.dcm", "C7", SECRET)
    after = pydicom.dcmread(tmp_path / "b.dcm")
    assert np.array_equal(after.pixel_array, ds.pixel_array)
    for keyword in (
        "ImagerPixelSpacing",
        "PatientOrientation",
        "WindowCenter",
        "VOILUTFunction",
        "ImageLaterality",
        "ViewPosition",
        "PatientAge",
        "PatientSex",
    ):
        assert after[keyword].value == ds[keyword].value, keyword
    assert after.ViewCodeSequence[0].CodeValue == "R-10226" and after.SeriesDescription == "R MLO"
    assert after.PatientID == after.PatientName == "C7" and after.PatientIdentityRemoved == "YES"
    assert {c.CodeValue for c in after.DeidentificationMethodCodeSequence} == {c for c, _ in deidentify.METHOD_CODES}
    assert after.SOPInstanceUID.startswith("2.25.") and after.SOPInstanceUID.is_valid
    assert (
        after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
        and after.LongitudinalTemporalInformationModified == "MODIFIED"
    )


def test_dates_keep_their_distance_and_uids_their_links():
    one, other = Deidentifier(SECRET), Deidentifier(b"x" * 32)
    dates = []
    for day in ("20240301", "20260301"):
        ds = md.mammogram("RCC", PatientID="P1", StudyDate=day, StudyInstanceUID="1.2.3")
        after = one.clean(ds, "C1")
        dates.append(pydicom.valuerep.DA(after.StudyDate))
        assert after.StudyInstanceUID == one.uid("1.2.3") != other.uid("1.2.3")
    assert (dates[1] - dates[0]).days == 730 and str(dates[0]) != "2024-03-01"
    assert one.uid("1.2.840.10008.5.1.4.1.1.1.2") == "1.2.840.10008.5.1.4.1.1.1.2"
    assert -1826 <= one.days("P1") <= -30


def test_abus_geometry_is_kept_as_numbers_only():
    ds = md.ultrasound(np.zeros((3, 4, 5), np.uint8), frames=True)
    block = ds.private_block(0x0021, "U-Systems", create=True)
    block.add_new(0x20, "FD", [12.0, 18.0])
    block.add_new(0x40, "LO", "450.0")
    block.add_new(0x63, "LO", "MRN-1")
    block.add_new(0x70, "LO", "Jane")
    after = Deidentifier(SECRET).clean(ds, "C1")
    kept = after.private_block(0x0021, "U-Systems")
    assert list(kept[0x20].value) == [12.0, 18.0] and kept[0x40].value == 450.0 and 0x63 not in kept and 0x70 not in kept


def test_age_above_89_is_blurred():
    after = Deidentifier(SECRET).clean(md.mammogram("RCC", PatientAge="094Y"), "C1")
    assert after.PatientAge == "090Y"


def test_regions_are_blacked_out_in_grey_and_colour(tmp_path):
    rgb = np.random.default_rng(0).integers(1, 255, (40, 50, 3), dtype=np.uint8)
    for image, syntax in ((rgb, "1.2.840.10008.1.2.4.90"), (rgb[..., 0], "1.2.840.10008.1.2.4.70")):
        path = md.write(md.ultrasound(np.ascontiguousarray(image), syntax=syntax), tmp_path / "a.dcm")
        clean_file(path, tmp_path / "b.dcm", "C1", SECRET, [(0, 0, 10, 50)])
        after = pydicom.dcmread(tmp_path / "b.dcm")
        assert after.pixel_array[:10].max() == image.min() * (image.ndim == 2) and np.array_equal(
            after.pixel_array[10:], image[10:]
        )
        assert after.BurnedInAnnotation == "NO" and "113101" in {c.CodeValue for c in after.DeidentificationMethodCodeSequence}


def test_a_leak_is_found_and_the_copy_removed(tmp_path, monkeypatch):
    """Negative control: with one net cut the last check still finds the name and keeps no file."""
    ds = md.mammogram("RCC", PatientName="DOE^JANE", SoftwareVersions="DOE^JANE")
    path = md.write(ds, tmp_path / "a.dcm")
    monkeypatch.setattr(Deidentifier, "_element", lambda self, element, shift: element)
    with pytest.raises(ImageError, match="still held"):
        clean_file(path, tmp_path / "b.dcm", "C1", SECRET)
    assert not (tmp_path / "b.dcm").exists()
    assert leaks(ds, ds) and "PatientName" in identifiers(ds)


def test_real_file_has_no_leak(tmp_path):
    import realdata

    source = realdata.folder("dicom_misc") / "fo_dicom" / "GH133.dcm"
    clean_file(source, tmp_path / "b.dcm", "C1", SECRET)
    before, after = pydicom.dcmread(source), pydicom.dcmread(tmp_path / "b.dcm")
    assert not [e for e in after if e.tag.is_private] and after.WindowCenter == before.WindowCenter
    assert after.PixelData == before.PixelData and len(after.VOILUTSequence) == 3
    text = (tmp_path / "b.dcm").read_bytes()
    for value in (before.StudyInstanceUID, before.SOPInstanceUID, "ANON-1234", "MAMMOSCREENING", "20150929"):
        assert str(value).encode() not in text
