"""Real images: complete where they are complete, hung right, and refused in words where they are not breast images."""

from __future__ import annotations

import numpy as np
import pytest
import realdata

from reader_app.imaging.container import open_case, verify
from reader_app.imaging.importer import import_sources
from reader_app.imaging.mammogram import GRID
from reader_app.imaging.window import lookup_table

pytestmark = pytest.mark.data


def _run(tmp_path, pool, *sources, **options):
    report = import_sources(list(sources), tmp_path / "images", pool=pool, **options)
    return report, {c.case_id: open_case(tmp_path / "images" / c.case_id) for c in report.cases if c.status != "refused"}


def _pectoral_on_top(image):
    """The pectoral muscle fills the upper corner at the chest wall of an oblique view: brighter there than in the lower one."""
    array = np.asarray(image.pyramid[-1]).astype(float)
    rows, columns = array.shape
    edge = slice(-columns // 8, None) if image.chest_wall == "right" else slice(0, columns // 8)
    return array[: rows // 8, edge].mean() > 1.3 * array[-rows // 8 :, edge].mean()


def test_nyu_birads_from_names(tmp_path, pool):
    report, cases = _run(tmp_path, pool, realdata.folder("nyu_birads") / "images")
    assert report.complete and len(cases) == 1
    case = next(iter(cases.values()))
    assert [i.id for i in case.images] == list(GRID) and verify(case.directory) == []
    for image in case.images:
        half = np.asarray(image.pyramid[-1]) > 0
        near, far = (half[:, -20:], half[:, :20]) if image.chest_wall == "right" else (half[:, :20], half[:, -20:])
        assert near.mean() > far.mean() + 0.3, image.id
    assert _pectoral_on_top(case.image("RMLO")) and _pectoral_on_top(case.image("LMLO"))


def test_nyu_gmic_with_a_table(tmp_path, pool):
    folder = realdata.folder("nyu_gmic") / "sample_data" / "images"
    lines = ["case_id,file,modality,laterality,view,density,malignant"]
    lines += [f"GMIC0,{folder}/0_{s}-{v}.png,mammography,{s},{v},b,0" for s in "LR" for v in ("CC", "MLO")]
    (tmp_path / "cases.csv").write_text("\n".join(lines))
    report, cases = _run(tmp_path, pool, table=tmp_path / "cases.csv")
    assert report.complete and report.case_rows[0]["density"] == "b" and report.reference_rows[0]["malignant"] == "0"
    case = cases["GMIC0"]
    assert case.image("RCC").array.dtype == np.uint16 and case.image("RCC").grey.bits == 12
    for image in case.images:  # these are cut close to the breast: at the other edge only the nipple touches
        columns = (np.asarray(image.pyramid[-1]) > 0).mean(axis=0)
        near, far = (columns[-10:], columns[:10]) if image.chest_wall == "right" else (columns[:10], columns[-10:])
        assert near.mean() > far.mean() + 0.2, image.id


def test_ge_mammogram_grey_scale_equals_pydicom(tmp_path, pool):
    """Sigmoid windows and tables of a real mammogram, pixel for pixel against pydicom's own rendering."""
    import pydicom
    import SimpleITK as sitk
    from pydicom.pixels import apply_voi, apply_windowing

    path = realdata.folder("dicom_misc") / "fo_dicom" / "GH133.dcm"
    report, cases = _run(tmp_path, pool, path)
    assert report.cases[0].status == "incomplete"  # one view of four
    image = next(iter(cases.values())).image("RMLO")
    assert image.spacing_mm == pytest.approx((0.09409, 0.09409), abs=1e-5) and image.padding == (0, 30)
    ds = pydicom.dcmread(path)
    stored = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
    assert np.array_equal(image.array, stored)
    names = [p.name for p in image.grey.presets]
    assert names == ["NORMAL (table)", "HARDER (table)", "SOFTER (table)", "NORMAL", "HARDER", "SOFTER"]
    thin = np.s_[::5, ::5]
    for number in range(3):
        table = lookup_table(image.grey, image.grey.presets[number])[image.array[thin]].astype(float)
        reference = apply_voi(stored[thin], ds, index=number)
        top = 2 ** int(ds.VOILUTSequence[number].LUTDescriptor[2]) - 1
        assert np.abs(table - reference / top * 255).max() <= 0.5 + 1e-6
        window = lookup_table(image.grey, image.grey.presets[3 + number])[image.array[thin]].astype(float)
        curve = apply_windowing(stored[thin], ds, index=number)
        assert np.abs(window - curve / 4095 * 255).max() <= 0.5 + 1e-6
    assert _pectoral_on_top(image)


def test_hand_held_ultrasound(tmp_path, pool):
    report, cases = _run(tmp_path, pool, realdata.folder("mimbcd_us") / "uta11")
    assert report.complete and sum(len(c.images) for c in cases.values()) == 30
    assert sorted(len(c.images) for c in cases.values())[-2:] == [3, 4]
    for case in cases.values():
        for image in case.images:
            assert image.spacing_mm is not None and 0.05 < image.spacing_mm[0] < 0.3
            assert all(r.stop[0] <= image.array.shape[0] and r.stop[1] <= image.array.shape[1] for r in image.regions)


def test_sweep_as_a_volume(tmp_path, pool):
    report, cases = _run(tmp_path, pool, realdata.folder("pseudo_abus"))
    assert report.complete
    image = next(iter(cases.values())).images[0]
    assert image.array.shape == (123, 335, 335) and image.spacing_mm == pytest.approx((0.3, 0.12, 0.12))
    assert np.array_equal(image.column_major[100], image.array[:, :, 100])


def test_a_mixed_folder_takes_only_breast_images(tmp_path, pool):
    folder = realdata.folder("dicom_misc")
    report, _ = _run(tmp_path, pool, folder / "fo_dicom", folder / "highdicom", dry_run=False)
    accepted = {f.path for f in report.files if f.accepted}
    assert accepted == {"fo_dicom/GH133.dcm", "fo_dicom/DIRW0007"}
    reasons = {f.path: f.reason for f in report.files if not f.accepted}
    assert "tomosynthesis" in reasons["fo_dicom/GH1376.dcm"] and "holds no image" in reasons["fo_dicom/test_SR.dcm"]
    assert "not recognised" in reasons["highdicom/ct_image.dcm"] and "no image file" in reasons["fo_dicom/abd1.zip"]
