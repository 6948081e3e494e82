"""What a mammogram is, which one fills a pane, its scale and its grey-scale, from files written here."""

from __future__ import annotations

import makedicom as md
import numpy as np
import pytest
from pydicom.dataset import Dataset

from reader_app.errors import ImageError
from reader_app.imaging import mammogram
from reader_app.imaging.container import open_case
from reader_app.imaging.importer import import_sources
from reader_app.imaging.names import NameWords, read_name
from reader_app.imaging.window import lookup_table

SILENT = NameWords()


def _import(tmp_path, pool, **options):
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool, **options)
    return report, {c.case_id: open_case(tmp_path / "images" / c.case_id) for c in report.cases if c.status != "refused"}


def _one(tmp_path, pool, **options):
    report, cases = _import(tmp_path, pool, **options)
    assert len(report.cases) == 1, [(c.case_id, c.faults) for c in report.cases]
    return report.cases[0], next(iter(cases.values()), None)


def _classify(**facts):
    return mammogram.classify(facts, SILENT, "a.dcm")


@pytest.mark.parametrize(
    ("text", "side", "view", "rest"),
    [
        ("L_CC", "L", "CC", ""),
        ("R-MLO", "R", "MLO", ""),
        ("LAP", "L", "AP", ""),
        ("RMLO", "R", "MLO", ""),
        ("0_R-CC", "R", "CC", "0"),
        ("case12_left_mlo", "L", "MLO", "case12"),
        ("MLO_R_17", "R", "MLO", "17"),
        ("right lat", "R", "LAT", ""),
        ("malignant_0364-r", "R", "", "malignant_0364"),
        ("accident", "", "", "accident"),
        ("LMLO", "L", "MLO", ""),
        ("R MLO SCREENING", "R", "MLO", "SCREENING"),
        ("lcc2", "L", "CC", "2"),
    ],
)
def test_words_in_names(text, side, view, rest):
    assert (read_name(text).laterality, read_name(text).view, read_name(text).rest) == (side, view, rest)


def test_codes_current_and_legacy_and_order_of_trust():
    sct = {"views": [{"code": "399368009", "scheme": "SCT", "modifiers": []}]}
    snm = {"views": [{"code": "R-10226", "scheme": "SNM3", "modifiers": []}]}
    for codes in (sct, snm, {"ViewPosition": "MLO"}, {"SeriesDescription": "R MLO screening"}):
        assert _classify(ImageLaterality="R", **codes).name == "RMLO"
    assert mammogram.classify({"ImageLaterality": "L"}, NameWords("", "CC"), "a").name == "LCC"
    assert mammogram.classify({}, NameWords("R", "CC"), "a").name == "RCC"


@pytest.mark.parametrize(
    ("facts", "hint", "word"),
    [
        (
            {"ImageLaterality": "R", "Laterality": "L", "ViewPosition": "CC"},
            SILENT,
            "ImageLaterality says R but Laterality says L",
        ),
        ({"ImageLaterality": "R", "ViewPosition": "CC"}, NameWords("L", "CC"), "file name says L"),
        ({"ImageLaterality": "R", "ViewPosition": "CC"}, NameWords("R", "MLO"), "ViewPosition says CC"),
        ({"ImageLaterality": "R", "ViewPosition": "MLO", "PatientOrientation": ["A", "FR"]}, SILENT, "other breast"),
        ({"ImageLaterality": "L", "ViewPosition": "MLO", "PatientOrientation": ["FL", "P"]}, SILENT, "other breast"),
        ({"ImageLaterality": "B", "ViewPosition": "CC"}, SILENT, "both breasts"),
        ({"ViewPosition": "CC"}, SILENT, "which breast"),
        ({"ImageLaterality": "R"}, SILENT, "which view"),
        ({"ImageLaterality": "R", "views": [{"code": "G-8310", "modifiers": []}]}, SILENT, "specimen"),
        ({"ImageLaterality": "R", "ViewPosition": "CC", "QualityControlImage": "YES"}, SILENT, "quality control"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"}, SILENT, "tomosynthesis"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ImageType": ["DERIVED", "PRIMARY", "TOMO"]}, SILENT, "tomosynthesis"),
        ({"Modality": "MG", "NumberOfFrames": 60, "ImageLaterality": "R", "ViewPosition": "CC"}, SILENT, "tomosynthesis"),
    ],
)
def test_contradictions_and_strangers_are_refused_in_words(facts, hint, word):
    with pytest.raises(ImageError, match=word):
        mammogram.classify(facts, hint, "a.dcm")


@pytest.mark.parametrize("code", sorted(set(mammogram.MODIFIER_CODES)))
def test_every_modifier_keeps_out_of_the_grid_unless_plain(code):
    view = _classify(ImageLaterality="R", views=[{"code": "399162004", "modifiers": [[code, "SCT"]]}])
    assert view.fits_grid == (mammogram.MODIFIER_CODES[code] in mammogram.PLAIN_MODIFIERS)
    assert mammogram.MODIFIER_CODES[code] in view.title


def test_unknown_modifier_keeps_out_of_the_grid():
    assert not _classify(ImageLaterality="R", views=[{"code": "399162004", "modifiers": [["999", "SCT"]]}]).fits_grid


IMAGER, PIXEL, FACTOR = "ImagerPixelSpacing", "PixelSpacing", "EstimatedRadiographicMagnificationFactor"


@pytest.mark.parametrize(
    ("facts", "expected", "word"),
    [
        ({IMAGER: [0.1, 0.08]}, (0.1, 0.08), "detector"),
        ({IMAGER: [0.5, 0.5], FACTOR: 1.5, PIXEL: [0.25, 0.25]}, (1 / 3, 1 / 3), "1.5"),
        ({IMAGER: [0.1, 0.1], "DistanceSourceToDetector": 660, "DistanceSourceToPatient": 600}, (0.1 / 1.1,) * 2, "1.1"),
        ({IMAGER: [0.1, 0.1], PIXEL: [0.07, 0.07], "PixelSpacingCalibrationType": "FIDUCIAL"}, (0.07, 0.07), "fiducial"),
        ({PIXEL: [0.07, 0.07]}, (0.07, 0.07), "not corrected"),
        ({}, None, "not stated"),
    ],
)
def test_scale(facts, expected, word):
    found, source = mammogram.spacing(facts, "a.dcm")
    assert found == (expected if expected is None else pytest.approx(expected)) and word in source


def test_four_views_with_presets_and_geometry(tmp_path, pool):
    md.four_views(tmp_path / "in")
    case, opened = _one(tmp_path, pool)
    assert case.status == "complete" and case.files == 4 and opened.modality == "mammography"
    image = opened.image("LMLO")
    assert [(p.name, p.center, p.width) for p in image.grey.presets] == [("NORMAL", 2000, 2400), ("HARDER", 2200, 1000)]
    assert image.view == "MLO" and image.laterality == "L" and image.grid and image.role == "current"


def test_monochrome1_looks_like_monochrome2(tmp_path, pool):
    md.four_views(tmp_path / "in" / "a", WindowCenter=2048, WindowWidth=4096, WindowCenterWidthExplanation=None)
    study = md.generate_uid()
    for name in md.HUNG:
        image = 4095 - md.breast(name)
        ds = md.mammogram(
            name, image, StudyInstanceUID=study, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"
        )
        ds.WindowCenter, ds.WindowWidth = 2048, 4096
        md.write(ds, tmp_path / "in" / "b" / f"{name}.dcm")
    _, cases = _import(tmp_path, pool)
    two, one = sorted(cases.values(), key=lambda c: c.image("RCC").grey.invert)
    for name in md.HUNG:
        painted = [lookup_table(c.image(name).grey)[c.image(name).array] for c in (two, one)]
        assert np.array_equal(*painted)
        assert painted[0].max() > 200


def test_padding_is_black_also_inverted_and_left_out_of_the_pyramid(tmp_path, pool):
    md.four_views(tmp_path / "in", PixelPaddingValue=0, PixelPaddingRangeLimit=30)
    _, opened = _one(tmp_path, pool)
    image = opened.image("RCC")
    assert image.padding == (0, 30)
    for invert in (False, True):
        table = lookup_table(image.grey, None, invert, image.padding)
        for level in (image.array, *image.pyramid):
            assert table[np.asarray(level)][:3, :3].max() == 0
    assert min(np.unique(image.pyramid[0])[1:]) > 500  # nothing between background and breast


def test_voi_table_sigmoid_and_broken_windows(tmp_path, pool):
    lut = Dataset()
    lut.LUTDescriptor, lut.LUTExplanation = [4096, 0, 12], "NORMAL"
    lut.add_new(0x00283006, "OW", (4095 * (np.arange(4096) / 4095) ** 2).astype("<u2").tobytes())
    md.four_views(tmp_path / "in", VOILUTFunction="SIGMOID", VOILUTSequence=[lut], WindowCenter=[2653, 0], WindowWidth=[900, 0])
    case, opened = _one(tmp_path, pool)
    presets = opened.image("RCC").grey.presets
    assert [(p.name, p.function) for p in presets] == [("NORMAL (table)", "lut"), ("NORMAL", "sigmoid")]
    assert any("impossible" in n for n in case.notes)
    table = lookup_table(opened.image("RCC").grey)
    assert table[2048] == round(255 * (2048 / 4095) ** 2)


def test_no_window_at_all_gets_one_and_says_so(tmp_path, pool):
    md.four_views(tmp_path / "in", WindowCenter=None, WindowWidth=None, VOILUTFunction=None)
    case, opened = _one(tmp_path, pool)
    assert opened.image("RCC").grey.presets[0].name == "automatic" and any("no window" in n for n in case.notes)


def test_missing_view_is_incomplete_and_named(tmp_path, pool):
    md.four_views(tmp_path / "in")[1].unlink()
    case, opened = _one(tmp_path, pool)
    assert case.status == "incomplete" and case.faults == ["view LCC is missing"]
    assert {i.id for i in opened.images} == {"RCC", "RMLO", "LMLO"}


def test_extra_views_go_to_the_strip(tmp_path, pool):
    paths = md.four_views(tmp_path / "in")
    study = md.pydicom.dcmread(paths[0]).StudyInstanceUID
    extras = {
        "spot": {"modifiers": ("399055006",)},
        "magnified": {"EstimatedRadiographicMagnificationFactor": 1.8},
        "implant": {"modifiers": ("399209000",)},
        "partial": {"PartialView": "YES"},
        "earlier": {"AcquisitionTime": "090000"},
        "raw": {"PresentationIntentType": "FOR PROCESSING", "AcquisitionTime": "120000"},
        "synthetic": {"ImageType": ["DERIVED", "PRIMARY", "", "GENERATED_2D"], "AcquisitionTime": "130000"},
    }
    for number, (word, tags) in enumerate(extras.items(), start=2):
        image = md.breast("RCC") + number
        md.write(
            md.mammogram("RCC", image, StudyInstanceUID=study, InstanceNumber=number, **tags), tmp_path / "in" / f"{word}.dcm"
        )
    case, opened = _one(tmp_path, pool)
    assert case.status == "complete", case.faults
    assert np.array_equal(opened.image("RCC").array, md.breast("RCC"))
    strip = [i for i in opened.images if not i.grid]
    assert {i.title for i in strip} == {
        "spot compression",
        "magnification",
        "implant displaced",
        "partial view",
        "",
        "synthetic 2-D",
    }
    assert all(i.view == "CC" and i.laterality == "R" for i in strip) and len(strip) == 6  # the raw twin is not shown
    magnified = next(i for i in strip if i.title == "magnification")
    assert magnified.spacing_mm == pytest.approx((0.1 / 1.8, 0.08 / 1.8))
    assert any("RCC" in n and "strip" in n for n in case.notes)


def test_the_choice_does_not_depend_on_names(tmp_path, pool):
    for order in ("ab", "ba"):
        paths = md.four_views(tmp_path / order / "in")
        study = md.pydicom.dcmread(paths[0]).StudyInstanceUID
        late = md.mammogram("RCC", md.breast("RCC") + 9, StudyInstanceUID=study, AcquisitionTime="235900")
        md.write(late, tmp_path / order / "in" / ("0.dcm" if order == "ab" else "z.dcm"))
        _, opened = _one(tmp_path / order, pool)
        assert np.array_equal(opened.image("RCC").array, md.breast("RCC") + 9)


def test_only_raw_images_are_never_complete(tmp_path, pool):
    md.four_views(tmp_path / "in", PresentationIntentType="FOR PROCESSING")
    case, _ = _one(tmp_path, pool)
    assert case.status == "incomplete" and all("FOR PROCESSING" in f for f in case.faults)


def test_conflicting_laterality_is_quarantined(tmp_path, pool):
    paths = md.four_views(tmp_path / "in")
    ds = md.pydicom.dcmread(paths[0])
    ds.Laterality = "L"
    md.write(ds, paths[0])
    case, opened = _one(tmp_path, pool)
    assert case.status == "incomplete" and "RCC" not in {i.id for i in opened.images}
    assert any("ImageLaterality says R but Laterality says L" in f for f in case.faults)


def test_earlier_exams_of_the_same_woman_become_priors(tmp_path, pool):
    md.four_views(tmp_path / "in" / "new", "P77", "20260301")
    md.four_views(tmp_path / "in" / "old", "P77", "20240301", WindowCenter=1800)
    md.four_views(tmp_path / "in" / "older", "P77", "20220301")
    case, opened = _one(tmp_path, pool)
    assert case.status == "complete" and len(opened.images) == 12
    prior = opened.image("RCC_P1")
    assert (prior.role, prior.exam_days, prior.grid) == ("prior", -730, True) and opened.image("RCC_P2").exam_days == -1461
    assert "2024" not in (opened.directory / "container.json").read_text()


def test_exams_without_a_telling_patient_id_are_not_mixed(tmp_path, pool):
    for word, date in (("a", "20260301"), ("b", "20240301")):
        md.four_views(tmp_path / "in" / word, "ANONYMOUS", date)
    report, cases = _import(tmp_path, pool)
    assert len(report.cases) == 2 and all(len(c.images) == 4 for c in cases.values())


def test_pictures_pair_by_folder_and_words(tmp_path, pool):
    import cv2

    for case in ("one", "two"):
        for name in md.HUNG:
            (tmp_path / "in").mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / "in" / f"{case}_{name[0]}-{name[1:]}.png"), md.breast(name) * (md.breast(name) > 20))
    report, cases = _import(tmp_path, pool)
    assert report.complete and len(cases) == 2, [c.faults for c in report.cases]
    image = next(iter(cases.values())).image("LMLO")
    assert image.spacing_mm is None and image.padding == (0, 0) and image.grey.bits == 12
    assert not any(c.startswith(("one", "two")) for c in cases)


def test_twins_count_once(tmp_path, pool):
    paths = md.four_views(tmp_path / "in")
    (tmp_path / "in" / "copy.dcm").write_bytes(paths[0].read_bytes())
    case, opened = _one(tmp_path, pool)
    assert case.status == "complete" and len(opened.images) == 4 and any("same file" in n for n in case.notes)


def test_one_picture_under_two_views_is_refused(tmp_path, pool):
    paths = md.four_views(tmp_path / "in")
    study = md.pydicom.dcmread(paths[0]).StudyInstanceUID
    for view in ("RCC", "RMLO"):
        md.write(md.mammogram(view, md.breast("RCC"), StudyInstanceUID=study), tmp_path / "in" / f"{view}.dcm")
    case, _ = _one(tmp_path, pool)
    assert case.status == "incomplete" and any("same pixels" in f for f in case.faults)
