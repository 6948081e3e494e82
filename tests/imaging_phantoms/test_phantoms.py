"""Phantoms: seeded, hung as promised, lesions where the truth says, classes told apart by more than one feature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reader_app.imaging import container, phantom_mg, phantom_texture, phantoms


def _small(modality: str, seed: int, malignant: bool | None = True) -> phantoms.PhantomCase:
    if modality == "mammography":
        return phantoms.mammogram_exam(seed, malignant, pixel_mm=0.6)
    if modality == "abvs":
        return phantoms.abvs_volume(seed, malignant, shape=(64, 64, 80), spacing_mm=(1.5, 0.7, 1.4), scans=("AP", "LAT"))
    return phantoms.ultrasound_case(seed, malignant, shape=(160, 180), pixel_mm=0.25)


@pytest.mark.parametrize("modality", container.MODALITIES)
def test_same_seed_same_pixels_other_seed_other_pixels(modality: str) -> None:
    a, b, c = _small(modality, 5), _small(modality, 5), _small(modality, 6)
    assert [i.id for i in a.images] == [i.id for i in b.images]
    assert all(np.array_equal(x.array, y.array) for x, y in zip(a.images, b.images, strict=True))
    assert a.lesions == b.lesions and a.clinical == b.clinical
    assert not np.array_equal(a.images[0].array, c.images[0].array)


@pytest.mark.parametrize("modality", container.MODALITIES)
def test_container_opens_and_carries_no_truth(modality: str, tmp_path: Path) -> None:
    phantom = _small(modality, 7)
    fingerprint = phantoms.write_container(phantom, tmp_path / "c1", "c1")
    case = container.open_case(tmp_path / "c1")
    assert case.fingerprint == fingerprint and case.modality == modality
    assert not container.verify(tmp_path / "c1")
    text = (tmp_path / "c1" / "container.json").read_text()
    assert "malignant" not in text and "lesion" not in text


def test_mammogram_is_hung() -> None:
    exam = phantoms.mammogram_exam(3, True, pixel_mm=0.6)
    assert [i.id for i in exam.images] == ["RCC", "LCC", "RMLO", "LMLO"]
    for image in exam.images:
        assert image.array.dtype == np.uint16 and image.array.max() <= 4095
        left, right = (image.array[:, :5] > 0).mean(), (image.array[:, -5:] > 0).mean()
        assert (right > left) == (image.laterality == "R")
        assert image.chest_wall == ("right" if image.laterality == "R" else "left")
        if image.view == "MLO":  # the pectoral muscle: bright at the top of the chest wall, not at its bottom
            wall = image.array[:, -12:] if image.laterality == "R" else image.array[:, :12]
            rows = len(wall)
            assert wall[: rows // 6].mean() > 1.4 * wall[rows // 2 : rows * 2 // 3].mean()


def test_mammographic_lesion_agrees_between_views() -> None:
    for seed in range(12):
        exam = phantoms.mammogram_exam(seed, True, pixel_mm=0.6)
        sides = {t.laterality for t in exam.lesions}
        assert len(sides) == 1 and {t.image_id[1:] for t in exam.lesions} == {"CC", "MLO"}
        cc, mlo = sorted(exam.lesions, key=lambda t: t.image_id[1:])
        assert abs(cc.centre[1] - mlo.centre[1]) < 1  # the same distance from the chest wall
        for lesion in exam.lesions:
            pixels = exam.image(lesion.image_id).array
            assert pixels[round(lesion.centre[0]), round(lesion.centre[1])] > 0
            outside = "LCC LMLO" if lesion.laterality == "R" else "RCC RMLO"
            assert lesion.image_id not in outside.split()


@pytest.mark.parametrize("modality", ["abvs", "ultrasound"])
def test_lesion_is_darker_inside_its_box(modality: str) -> None:
    darker = 0
    for seed in range(8):
        case = _small(modality, seed, seed % 2 == 0)
        lesion = case.lesions[0]
        pixels = case.image(lesion.image_id).array.astype(float)
        middle = tuple(
            slice(round(c - 0.2 * (b - a)), round(c + 0.2 * (b - a)) + 1)
            for c, a, b in zip(lesion.centre, lesion.start, lesion.stop, strict=True)
        )
        rows = slice(int(lesion.start[-2]), int(lesion.stop[-2]))
        beside = pixels[..., rows, :]
        darker += pixels[middle].mean() < np.median(beside)
    assert darker >= 7


def test_classes_overlap_in_each_latent_but_differ_together() -> None:
    rng = np.random.default_rng(0)
    looks = [phantom_texture.draw_latents(rng, bool(k % 2)) for k in range(400)]
    truth = np.array([look.malignant for look in looks])

    def auc(values: list[float]) -> float:
        v = np.array(values)
        return float((v[truth][:, None] > v[~truth][None]).mean() + 0.5 * (v[truth][:, None] == v[~truth][None]).mean())

    assert 0.45 < auc([look.radius_mm for look in looks]) < 0.55
    for name in ("aspect", "edge_mm", "shadow_db_mm"):
        assert 0.7 < auc([getattr(look, name) for look in looks]) < 0.97
    assert auc([look.suspicion for look in looks]) > 0.93
    assert {look.category for look in looks} == {"2", "3", "4A", "4B", "4C", "5"}


def test_reference_rows_name_the_place_in_millimetres() -> None:
    case = phantoms.abvs_volume(4, True, shape=(64, 64, 80), spacing_mm=(1.5, 0.7, 1.4))
    row = case.reference_rows("c4")[0]
    lesion = case.lesions[0]
    assert float(row["x_mm"]) == pytest.approx(lesion.centre[2] * 1.4, abs=0.01)
    assert float(row["y_mm"]) == pytest.approx(lesion.centre[1] * 0.7, abs=0.01)
    assert float(row["z_mm"]) == pytest.approx(-lesion.centre[0] * 1.5, abs=0.01)
    normal = next(c for c in (phantoms.mammogram_exam(s, False, 1.2, normal=1.0) for s in range(2)) if not c.lesions)
    assert normal.reference_rows("n") == [{"case_id": "n", "malignant": "0"}]


def test_outer_lesions_lie_towards_the_top_of_the_cc_view() -> None:
    breast = phantom_mg.draw_breast(1, True)
    lesion = breast.lesions[0]
    down, _ = phantom_mg.project(lesion, "CC")
    assert down == -lesion.outer_mm


def test_unknown_modality_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown modality"):
        phantoms.demo_case("mri", 1)
