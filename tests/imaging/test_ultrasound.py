"""Hand-held ultrasound: scale from regions, colour only where there is colour, cine loops, several images a case."""

from __future__ import annotations

import makedicom as md
import numpy as np
import pytest

from reader_app.imaging import ultrasound as us
from reader_app.imaging.container import open_case
from reader_app.imaging.importer import import_sources


def _grey(seed=0, shape=(60, 80)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _rgb(doppler=False):
    image = np.repeat(_grey()[..., None], 3, axis=2)
    if doppler:
        image[20:30, 30:50] = (200, 30, 10)
    return image


def _case(tmp_path, pool, *datasets):
    study = md.generate_uid()
    for number, ds in enumerate(datasets, start=1):
        ds.StudyInstanceUID, ds.InstanceNumber = study, number
        md.write(ds, tmp_path / "in" / f"{number}.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert len(report.cases) == 1 and report.complete, report.cases
    return report.cases[0], open_case(tmp_path / "images" / report.cases[0].case_id)


def test_several_images_of_a_lesion_grey_doppler_and_cine(tmp_path, pool):
    tissue = {"box": (0, 0, 79, 59), "delta": (0.012, 0.01)}
    flow = {"box": (30, 20, 49, 29), "type": 2, "delta": (0.012, 0.01)}
    cine = np.stack([_grey(i) for i in range(5)])
    _, opened = _case(
        tmp_path, pool, md.ultrasound(_rgb(), regions=[tissue]), md.ultrasound(_rgb(True), regions=[tissue, flow]),
        md.ultrasound(cine, frames=True, regions=[tissue], FrameTime=40.0, ImageLaterality="L"),
    )  # fmt: skip
    grey, doppler, loop = (opened.image(f"US{i}") for i in (1, 2, 3))
    assert grey.channels == 1 and grey.view == "US" and np.array_equal(grey.array, _rgb()[..., 0])
    assert grey.spacing_mm == pytest.approx((0.1, 0.12)) and grey.spacing_source == "ultrasound region"
    assert doppler.channels == 3 and doppler.view == "DOPPLER" and np.array_equal(doppler.array, _rgb(True))
    assert [(r.kind, r.start, r.stop) for r in doppler.regions] == [("tissue", (0, 0), (60, 80)), ("colour", (20, 30), (30, 50))]
    assert loop.kind == "cine" and loop.frame_time_ms == 40 and loop.spacing_mm == pytest.approx((0.0, 0.1, 0.12))
    assert loop.laterality == "L" and np.array_equal(loop.array, cine)


def test_stale_boxes_of_cropped_exports_are_clipped():
    facts = {
        "regions": [
            {"format": 1, "type": 1, "x0": 36, "y0": 29, "x1": 631, "y1": 409, "unit_x": 3, "unit_y": 3, "dx": 0.01, "dy": 0.01}
        ]
    }
    found, notes = us.regions(facts, 400, 583, "a")
    assert found[0].stop == (400, 583) and "clipped" in notes[0]
    outside = {"regions": [{**facts["regions"][0], "x0": 600}]}
    assert us.regions(outside, 400, 583, "a")[0] == []


def test_negative_delta_and_dual_images():
    item = {"format": 1, "type": 1, "y0": 0, "y1": 99, "unit_x": 3, "unit_y": 3, "dx": -0.02, "dy": 0.01}
    facts = {"regions": [{**item, "x0": 0, "x1": 99}, {**item, "x0": 100, "x1": 299, "dx": 0.03}]}
    found, _ = us.regions(facts, 100, 300, "a")
    assert found[0].spacing_mm == pytest.approx((0.1, 0.2))
    scale, source = us.spacing(facts, found, "a")
    assert scale == pytest.approx((0.1, 0.3)) and "others differ" in source


def test_spacing_fallbacks():
    assert us.spacing({"PixelSpacing": [0.1, 0.1]}, [], "a") == ((0.1, 0.1), "PixelSpacing")
    assert us.spacing({}, [], "a") == (None, "not stated")
    item = {"format": 1, "type": 1, "x0": 0, "y0": 0, "x1": 9, "y1": 9, "unit_x": 3, "unit_y": 3, "dx": 0.0, "dy": 0.01}
    with pytest.raises(us.ImageError, match="PhysicalDelta"):
        us.regions({"regions": [item]}, 10, 10, "a")
    velocity = {**item, "unit_x": 4, "unit_y": 7}
    assert us.regions({"regions": [velocity]}, 10, 10, "a")[0][0].spacing_mm is None


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"FrameTime": "33.3"}, 33.3),
        ({"FrameTimeVector": ["0", "40", "60"]}, 50.0),
        ({"CineRate": "20"}, 50.0),
        ({"FrameTime": "0"}, None),
        ({"FrameTime": "nan"}, None),
        ({}, None),
    ],
)
def test_frame_times(facts, expected):
    assert us.frame_time_ms(facts) == (expected if expected is None else pytest.approx(expected))


def test_lossy_grey_stays_grey_and_one_coloured_bar_stays_colour():
    image = _rgb().astype(int) + np.random.default_rng(1).integers(-3, 4, (60, 80, 3))
    assert us.without_colour(image.clip(0, 255).astype(np.uint8)) is not None
    marked = _rgb()
    marked[5, 5] = (250, 200, 0)
    assert us.without_colour(marked) is None and not us.is_doppler({}, [], us.colour_share(marked))


def test_pictures_become_one_case_each(tmp_path, pool):
    import cv2

    (tmp_path / "in").mkdir()
    for name in ("malignant_0364-r.png", "benign_0001-l.png"):
        cv2.imwrite(str(tmp_path / "in" / name), _grey(len(name)))
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert report.complete and len(report.cases) == 2
    assert {r["breasts"] for r in report.case_rows} == {"R", "L"}
    text = "".join(p.read_text() for p in (tmp_path / "images").rglob("*.json"))
    assert "malignant" not in text and "0364" not in text and "malignant" not in str(sorted((tmp_path / "images").iterdir()))


def test_eight_bits_without_a_window_are_shown_as_they_are(tmp_path, pool):
    for number, level in enumerate((60, 120)):  # two images of different brightness stay different
        image = np.random.default_rng(number).integers(0, level, (50, 60), dtype=np.uint8)
        md.write(md.ultrasound(image, StudyInstanceUID="1.2.3", InstanceNumber=number), tmp_path / "in" / f"{number}.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    images = open_case(tmp_path / "images" / report.cases[0].case_id).images
    assert [i.grey.presets[0].name for i in images] == ["full range", "full range"]
    assert [p.name for p in images[0].grey.presets] == ["full range", "automatic"]
    assert not any("window" in n for n in report.cases[0].notes)


def test_what_holds_of_several_images_is_said_once(tmp_path, pool):
    for number in range(3):
        image = np.random.default_rng(number).integers(0, 255, (50, 60), dtype=np.uint8)
        ds = md.ultrasound(image, regions=[{"box": (0, 0, 90, 90)}], StudyInstanceUID="1.2.3", InstanceNumber=number)
        md.write(ds, tmp_path / "in" / f"{number}.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert report.cases[0].notes == ["US1, US2, US3: region 1 reaches beyond the image (a cropped export) and was clipped"]
