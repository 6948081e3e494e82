"""Pictures from a folder: labels, masks, near-duplicates and patients in one group, faults listed at once."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import realdata
import torch

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.errors import TableError
from reader_app.imaging import container, phantoms
from reader_app.networks import checkpoint, classifier_train, image_samples, kim2021, registry


def _picture(path: Path, seed: int, noise: float = 0.0) -> None:
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.uniform(0, 255, (8, 8)).astype(np.float32), (120, 100), interpolation=cv2.INTER_CUBIC)
    coarse += np.random.default_rng(99).normal(0, noise, coarse.shape) if noise else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.clip(coarse, 0, 255).astype(np.uint8))


def test_two_folders_as_in_busi(tmp_path: Path) -> None:
    for k in range(4):
        _picture(tmp_path / "benign" / f"benign ({k}).png", k)
        _picture(tmp_path / "malignant" / f"malignant ({k}).png", 10 + k)
    _picture(tmp_path / "normal" / "normal (1).png", 30)
    _picture(tmp_path / "benign" / "benign (9).png", 2, noise=2.0)  # almost the picture of seed 2
    mask = np.zeros((100, 120), np.uint8)
    mask[40:60, 30:50] = 255
    mask[5:9, 5:9] = 255
    cv2.imwrite(str(tmp_path / "benign" / "benign (0)_mask.png"), mask)
    found = image_samples.load(tmp_path, 32, cropped=True)
    assert found.count == 9 and found.groups == 8 and found.samples.pixels.shape == (9, 32, 32)
    assert found.samples.malignant.sum() == 4
    names = [p.path.name for p in image_samples.listed(tmp_path)]
    group = dict(zip(names, found.samples.group, strict=True))
    assert group["benign (2).png"] == group["benign (9).png"] != group["benign (1).png"]
    whole = image_samples.load(tmp_path, 32, cropped=False)
    differs = [not np.array_equal(a, b) for a, b in zip(found.samples.pixels, whole.samples.pixels, strict=True)]
    assert differs == [n == "benign (0).png" for n in names]
    assert found.identity == whole.identity and "9 pictures" in found.describe()


def test_largest_region_with_margin() -> None:
    grey = np.arange(200 * 300, dtype=np.int64).reshape(200, 300).astype(np.uint8)
    mask = np.zeros((200, 300), np.uint8)
    mask[90:110, 140:170] = 255
    part = image_samples._largest(grey, mask)
    assert part.shape == (90, 90)  # 30 pixels wide, and 30 on each side
    assert np.array_equal(part, grey[55:145, 110:200])
    assert np.array_equal(image_samples._largest(grey, np.asarray(mask // 255 * 76, np.uint8)), part)  # classes in colours
    assert image_samples._largest(grey, np.zeros_like(mask)) is grey


def test_table_with_patients_and_faults(tmp_path: Path) -> None:
    for k in range(4):
        _picture(tmp_path / f"p{k}.png", k)
    rows = ["p0.png,benign,,A,40", "p1.png,malignant,4C,A,41", "p2.png,0,4A,B,", "p3.png,1,5,,70"]
    (tmp_path / "table.csv").write_text("file,label,birads,patient_id,age\n" + "\n".join(rows) + "\n")
    found = image_samples.load(tmp_path, 16, cropped=True).samples
    assert found.malignant.tolist() == [0, 1, 0, 1] and found.high.tolist() == [0, 1, 1, 1]
    assert found.group[0] == found.group[1] and len(set(found.group)) == 3
    assert found.age[2] == pytest.approx(np.mean([40, 41, 70]), rel=1e-4)
    (tmp_path / "table.csv").write_text("file,label,age\nnone.png,benign,1\np1.png,perhaps,1\np2.png,benign,old\n")
    with pytest.raises(TableError) as caught:
        image_samples.load(tmp_path, 16, cropped=True)
    assert [f"row {n}" in str(caught.value) for n in (2, 3, 4)] == [True] * 3
    with pytest.raises(TableError, match="neither"):
        image_samples.load(tmp_path / "nothing", 16, cropped=True)


def test_lesion_rows_and_cohorts(tmp_path: Path) -> None:
    for k in range(6):
        _picture(tmp_path / f"p{k}.png", k)
    head = "file,label,patient_id,top,left,bottom,right,cohort\n"
    rows = [
        "p0.png,benign,A,10,10,30,40,training", "p0.png,malignant,A,50,60,80,90,training", "p1.png,malignant,B,,,,,",
        "p2.png,benign,C,,,,,internal", "p3.png,malignant,D,,,,,external", "p4.png,benign,E,,,,,external",
    ]  # fmt: skip
    (tmp_path / "table.csv").write_text(head + "\n".join(rows) + "\n")
    found = image_samples.load(tmp_path, 32, cropped=True)
    assert found.count == 3 and found.groups == 2 and found.samples.malignant.tolist() == [0, 1, 1]
    assert {k: v.malignant.tolist() for k, v in found.cohorts.items()} == {"internal": [0], "external": [1, 0]}
    first, second = found.samples.pixels[:2]
    assert not np.array_equal(first, second)  # two lesions of one picture
    assert found.samples.group[0] == found.samples.group[1]
    assert np.array_equal(*image_samples.load(tmp_path, 32, cropped=False).samples.pixels[:2])
    (tmp_path / "table.csv").write_text(head + "\n".join([*rows, "p5.png,benign,B,,,,,external"]) + "\n")
    with pytest.raises(TableError, match=r"same patient.*p5\.png.*put both into one cohort"):
        image_samples.load(tmp_path, 32, cropped=True)
    _picture(tmp_path / "p5.png", 0, noise=2.0)  # nearly p0, under another patient's name
    (tmp_path / "table.csv").write_text(head + "\n".join([*rows, "p5.png,benign,F,,,,,external"]) + "\n")
    with pytest.raises(TableError, match="nearly the same picture"):
        image_samples.load(tmp_path, 32, cropped=True)
    (tmp_path / "table.csv").write_text(head + "p0.png,benign,A,30,10,20,40,\n")
    with pytest.raises(TableError, match="no sound box"):
        image_samples.load(tmp_path, 32, cropped=True)


def test_five_folds_with_transfer_judge_every_picture_and_the_external_cohort(tmp_path: Path) -> None:
    rows = ["file,label,cohort"]
    for k in range(20):
        _picture(tmp_path / "pictures" / f"p{k}.png", 50 + k)
        rows.append(f"p{k}.png,{'malignant' if k % 2 else 'benign'},{'external' if k >= 16 else ''}")
    (tmp_path / "pictures" / "table.csv").write_text("\n".join(rows) + "\n")
    shipped = paths.resource("bundles") / "DLR_BM"
    registry.train(
        "lu2025", model="DLR_LH", data=tmp_path / "pictures", out=tmp_path / "m", backbone="small", weights=shipped, epochs=1,
        folds=5, device="cpu",
    )  # fmt: skip
    test = json.loads((tmp_path / "m" / "metrics.json").read_text())["test"]
    assert test["ultrasound"]["n"] == 16 and test["external"]["n"] == 4
    begun = classifier_train._fresh(registry._recipe("lu2025", "DLR_LH"), "small", shipped).state_dict()
    given, _ = checkpoint.read(shipped / bundles.WEIGHTS)
    assert all(np.array_equal(begun[k].numpy(), given[k].numpy()) for k in given)


def test_the_two_models_of_lu2025_have_embeddings_of_their_own() -> None:
    case = phantoms.ultrasound_case(300_000_500, True, frames=1, doppler=False)
    opened = container.OpenCase(Path(), "c", "ultrasound", tuple(container.CaseImage(**vars(i)) for i in case.images), "f")
    both = []
    for name in ("DLR_LH", "DLR_BM"):
        found = registry.load(bundles.load(paths.resource("bundles") / name), torch.device("cpu"))(opened, case.clinical)
        assert found.embedding is not None and found.embedding.shape == (128,)
        both.append(found.embedding)
    assert not np.allclose(both[0], both[1], atol=1e-2)


def test_region_of_kim2021_is_min_max_scaled() -> None:
    grid = np.array([[-2.0, -1.5, -1.0], [-0.2, 0.9, 1.0]], np.float32)
    assert kim2021.region(grid).tolist() == [[False, False, True], [True, True, True]]
    assert not kim2021.region(np.zeros((3, 3), np.float32)).any()


@pytest.mark.data
def test_busi_groups_hold_near_duplicates() -> None:
    folder = realdata.folder("busi_images") / "Dataset_BUSI_with_GT"
    pictures = image_samples.listed(folder)
    assert sum(p.malignant for p in pictures) >= 200 and sum(not p.malignant for p in pictures) >= 400
    hashes = np.stack([image_samples.perceptual_hash(image_samples._read(p.path)) for p in pictures])
    groups = image_samples.groups_of(hashes, [""] * len(pictures))
    sizes = np.bincount(groups)
    assert 0.5 * len(pictures) < len(sizes) < len(pictures) and sizes.max() < 30
