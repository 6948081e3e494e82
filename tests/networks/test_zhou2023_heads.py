"""zhou2023: place and depth from view and mask, descriptors, unknown labels, figures counted by hand, the shipped bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reader_app.ai import bundle as bundles
from reader_app.imaging import phantoms
from reader_app.networks import zhou2023, zhou2023_measure, zhou2023_samples
from reader_app.networks.detection import Detection, FourViewDetector
from reader_app.networks.zhou2023_samples import DEPTH, KIND, LESION, PLACE, SHAPE, VIEW, WIDE
from reader_app.networks.zhou2023_views import PLACES, FourViews, place_of, stack
from reader_app.networks.zhou2023_where import COLUMNS, ROWS, WhereNet

Exam = tuple[phantoms.PhantomCase, FourViews, zhou2023_samples.Sample]

SHIPPED = Path(__file__).resolve().parents[2] / "resources" / "bundles" / "zhou2023"


@pytest.fixture(scope="module")
def exam() -> Exam:
    case = phantoms.mammogram_exam(5, True, pixel_mm=0.6, kinds=zhou2023.KINDS, most=3)
    views = stack({i.id: i for i in case.images}, 0.6)
    return case, views, zhou2023_samples.sample(case.lesions, 1.0, views)


def test_place_and_depth_see_the_view_and_the_mask(exam: Exam) -> None:
    _, views, _ = exam
    network = WhereNet(0.6)
    pixels = torch.from_numpy(views.pixels)
    boxes = torch.tensor([[40.0, 60.0, 64.0, 84.0], [41.0, 60.0, 65.0, 84.0]])
    pictures = network.pictures(pixels, torch.tensor([0, 2]), boxes)
    assert pictures.shape == (2, 2, ROWS, COLUMNS)
    assert pictures[0, 1].sum() == pytest.approx(24 * 24 / 16) and pictures[1, 1].sum() == pytest.approx(24 * 24 / 16)
    assert pictures[0, 1, 15:21, 10:16].min() == 1  # pixels 40 to 63 are cells 10 to 15
    assert 0 < pictures[1, 1, 16, 10] < 1  # a cell that the box covers in part
    assert torch.equal(pictures[0, 0, :20, :20], torch.nn.functional.avg_pool2d(pixels[:1], 4)[0, :20, :20])
    logits, depth = network(pixels, torch.tensor([0, 2]), boxes)
    chance = torch.softmax(logits, 1)
    assert chance[0, 4:].max() == 0 and chance[1, :4].max() == 0 and ((depth > 0) & (depth < 1)).all()
    # unknown places and depths teach nothing
    none = network.loss(pixels, torch.tensor([0]), boxes[:1], torch.tensor([-1.0]), torch.tensor([-1.0]))
    assert float(none.detach()) == 0


def test_place_and_depth_are_learnt_from_boxes_anywhere(exam: Exam) -> None:
    _, views, sample = exam
    torch.manual_seed(1)
    network = WhereNet(0.6)
    pixels, rng = torch.from_numpy(views.pixels), np.random.default_rng(3)
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)

    def rows(count: int) -> torch.Tensor:
        return zhou2023_samples.anywhere(sample, rng, count)

    test = rows(150)
    for row in test[:20].tolist():  # labels are those of the geometry
        place, depth = place_of(views, int(row[VIEW]), (row[1] + row[3]) / 2, (row[0] + row[2]) / 2)
        assert place == row[PLACE] and depth == pytest.approx(row[DEPTH], abs=1e-5)
    for _ in range(100):
        r = rows(32)
        loss = network.loss(pixels, r[:, VIEW].long(), r[:, :4], r[:, PLACE], r[:, DEPTH])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        logits, depth = network(pixels, test[:, VIEW].long(), test[:, :4])
    right = float((logits.argmax(1) == test[:, PLACE]).float().mean())
    assert right > 0.7 and float((depth - test[:, DEPTH]).abs().mean()) < 0.1
    chance = float(torch.bincount(test[:, PLACE].long()).max() / len(test))
    assert right > chance + 0.2  # not the commonest place alone


def test_several_lesions_lie_apart_and_say_their_words(exam: Exam) -> None:
    seen = []
    for seed in range(12):
        breast = phantoms.phantom_mg.draw_breast(seed, True, zhou2023.KINDS, most=3)
        first = phantoms.phantom_mg.draw_breast(seed, True, zhou2023.KINDS)
        assert breast.lesions[:1] == first.lesions  # the first one is the same whatever may follow
        seen.append(len(breast.lesions))
        for a in breast.lesions:
            for b in breast.lesions:
                if a is not b and a.side == b.side:
                    for name in ("CC", "MLO"):
                        p, q = (phantoms.phantom_mg.project(v, name) for v in (a, b))
                        assert np.hypot(p[0] - q[0], p[1] - q[1]) > 1.6 * (a.latents.radius_mm + b.latents.radius_mm)
        for lesion in breast.lesions:
            said = (lesion.shape, lesion.margin, lesion.distribution)
            for (group, words), word in zip(zhou2023.LOOKS.items(), said, strict=True):
                assert (word in words) == (zhou2023.SAID_OF[group] == lesion.kind)
    assert set(seen) == {1, 2, 3}
    case, _, sample = exam
    assert len(sample["rows"]) == len(case.lesions) and sample["rows"].shape[1] == WIDE


def test_descriptors_are_said_of_their_type_alone() -> None:
    looks = [0.1, 0.2, 0.7, 0.1, 0.1, 0.1, 0.1, 0.6, 0.0, 0.1, 0.2, 0.7, 0.0]
    found = Detection(0, (0, 0, 9, 9), 1, 0.9, 0.5, tuple(looks))
    assert zhou2023.described(found) == {"shape": "irregular", "margin": "spiculated"}
    assert zhou2023.described(replace(found, kind=2)) == {"distribution": "linear"}
    assert zhou2023.described(replace(found, kind=3)) == {} and zhou2023.described(replace(found, looks=())) == {}


def test_unknown_labels_add_nothing_to_the_loss() -> None:
    torch.manual_seed(0)
    network = FourViewDetector("small")
    pooled = torch.randn(3, 128, requires_grad=True)
    nothing = network._more(pooled, torch.full((3,), -1.0), torch.full((3, 3), -1.0))
    assert float(nothing.detach()) == 0
    some = network._more(pooled, torch.tensor([-1.0, 1.0, 0.0]), torch.tensor([[-1.0] * 3, [2.0, -1.0, -1.0], [-1.0] * 3]))
    (given,) = torch.autograd.grad(some, pooled)
    assert not given[0].any() and given[1].any() and given[2].any()


def test_figures_by_hand(monkeypatch: pytest.MonkeyPatch, exam: Exam) -> None:
    """Two exams: a lesion seen in both views and joined, one seen in CC alone, one false mark."""
    _, views, sample = exam

    def row(view: int, x: float, kind: int, lesion: int) -> list[float]:
        out = [0.0] * WIDE
        out[:4] = [x - 10, 40, x + 10, 60]
        out[VIEW], out[KIND], out[LESION], out[PLACE], out[DEPTH] = view, kind, lesion, 1, 0.5
        out[SHAPE:] = [2, -1, -1]
        return out

    def found(view: int, x: float, score: float, place: int = 1, depth: float = 0.6, kind: int = 1) -> Detection:
        places = tuple(float(k == place) for k in range(len(PLACES)))
        return Detection(view, (x - 9, 41, x + 9, 59), kind, score, 0.7, (0.0, 0.2, 0.8, *[0.2] * 10), places, depth)

    first = {**sample, "rows": torch.tensor([row(0, 30, 1, 1), row(2, 30, 1, 1)]), "truth": torch.tensor(1.0)}
    second = {**sample, "rows": torch.tensor([row(1, 80, 2, 1), row(3, 80, 2, 1)]), "truth": torch.tensor(0.0)}
    answers = iter(
        [
            zhou2023.Examined(views, [found(0, 30, 0.9), found(2, 30, 0.8, place=2)], [(0, 1)], [1.0], []),
            zhou2023.Examined(views, [found(1, 80, 0.6, depth=0.5, kind=2), found(1, 130, 0.7)], [(0,), (1,)], [-1.0, -2.0], []),
        ]
    )
    monkeypatch.setattr(zhou2023_measure, "examine", lambda *a, **k: next(answers))
    network = FourViewDetector("small")
    figures = zhou2023_measure.measure(
        network, {}, [(first, views), (second, views)], 2, lambda s: 0.5 + s / 4, 0.5, torch.device("cpu"), None
    )
    assert figures["lesion_views"] == 4 and figures["auc"] == 1 and (figures["sensitivity"], figures["specificity"]) == (1, 1)
    assert figures["froc"] == {"0.25": 0.75, "0.5": 0.75, "1.0": 0.75, "2.0": 0.75}
    assert figures["found_at_one_false_mark_by_type"] == {"mass": 1.0, "calcification": 0.5}
    assert figures["place_right"] == pytest.approx(2 / 3) and figures["depth_error"] == pytest.approx(0.2 / 3)
    assert (figures["lesions_seen_in_both_views"], figures["of_these_matched"], figures["matching_accuracy"]) == (1, 1, 1.0)
    assert figures["descriptors_right"] == {"shape": 1.0}


def test_the_shipped_detector_holds_its_bars() -> None:
    bundle = bundles.load(SHIPPED)
    assert bundle.phantom_trained and bundle.weights.stat().st_size <= 3_000_000
    measured = bundle.manifest["measured"]["mammography"]
    assert measured["froc"]["1.0"] >= 0.80 and measured["matching_accuracy"] >= 0.90
    assert measured["place_right"] >= 0.90 and measured["depth_error"] <= 0.08
    command = bundle.manifest["command"]
    assert f"--test {measured['n']} " in command and "--seed 1 " in command and "--phantoms 400 " in command
    # a lesion that its own mammogram shows is found by it, in its place
    case = phantoms.mammogram_exam(901_000_001, True, pixel_mm=0.3, kinds=("mass",))
    model = zhou2023.FourViewModel(bundle, torch.device("cpu"))
    views = stack({i.id: i for i in case.images}, model.mm)
    seen = zhou2023.examine(model.network, views, model.trees, torch.device("cpu"))
    rows = zhou2023_samples.sample(case.lesions, 1.0, views)["rows"]
    hits, _ = zhou2023_samples.hit(seen.found, rows)
    assert len(hits) == len(rows) == 2
    assert any(len(lesion) == 2 for lesion in seen.lesions)  # CC and MLO joined
