"""What zhou2023 learns from: exams as stacks of four views with one row a lesion and view; batches, loss and validation.

Phantom women have none to three lesions of four types in either breast. Labels that a data set lacks are -1 and teach nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from reader_app.imaging import phantoms
from reader_app.imaging.phantoms import LesionTruth
from reader_app.networks import checkpoint, training
from reader_app.networks.detection import Detection, FourViewDetector
from reader_app.networks.zhou2023 import KINDS, LOOKS
from reader_app.networks.zhou2023_views import VIEWS, FourViews, place_at, place_of, stack

#: Allowed false marks per image at which sensitivity is averaged to choose the best epoch.
FALSE_MARKS = (0.25, 0.5, 1.0, 2.0)

#: Most lesions of one phantom woman, and boxes drawn anywhere in the breast that place and depth are learnt from, an exam.
MOST, DRAWN = 3, 16

#: Columns of a row: box (0-3), view, type, malignant, place, depth, number of the lesion, shape, margin, distribution.
VIEW, KIND, MALIGNANT, PLACE, DEPTH, LESION, SHAPE = 4, 5, 6, 7, 8, 9, 10
WIDE = SHAPE + len(LOOKS)

Sample = dict[str, Tensor]


def phantom(seed: int, mm: float) -> tuple[phantoms.PhantomCase, FourViews]:
    """Return a phantom exam (malignant for odd seeds; pixels half as large as the stack's) and its stack."""
    kinds = ("mass", *KINDS)
    case = phantoms.mammogram_exam(seed, bool(seed % 2), pixel_mm=max(mm / 2, 0.15), kinds=kinds, normal=0.3, most=MOST)
    return case, stack({image.id: image for image in case.images}, mm)


def sample(lesions: Sequence[LesionTruth], truth: float, views: FourViews) -> Sample:
    """Return an exam as tensors: half-precision pixels, one row a lesion and view, and where nipple and chest wall lie.

    Parameters
    ----------
    lesions : sequence of LesionTruth
        Boxes in image index; their ``image_id`` is the name of the view. Empty words are unknown.
    truth : float
        1: the exam is malignant, 0: it is not, -1: unknown.
    views : FourViews
        The stack.
    """
    rows = []
    for lesion in lesions:
        view = VIEWS.index(lesion.image_id)
        placed = views.placed[view]
        if placed is None:
            continue
        box = placed.to_stack(lesion.start, lesion.stop)
        place, depth = place_of(views, view, (box[1] + box[3]) / 2, (box[0] + box[2]) / 2)
        said = (lesion.shape, lesion.margin, lesion.distribution)
        words = [group.index(w) if w in group else -1 for group, w in zip(LOOKS.values(), said, strict=True)]
        malignant = float(lesion.malignant)
        rows.append((*box, view, KINDS.index(lesion.kind) + 1, malignant, place, depth, float(lesion.lesion_id), *words))
    frame = [(*views.nipple, -1 if p is None else p.breast[1]) for p in views.placed]
    return {
        "pixels": torch.from_numpy(views.pixels).half(),
        "present": torch.from_numpy(views.present),
        "rows": torch.tensor(rows, dtype=torch.float32).reshape(-1, WIDE),
        "frame": torch.tensor(frame, dtype=torch.float32),
        "mm": torch.tensor(views.mm),
        "truth": torch.tensor(float(truth)),
    }


def targets(rows: Tensor) -> list[dict[str, Tensor]]:
    """Return the targets of each view."""
    out = []
    for view in range(len(VIEWS)):
        r = rows[rows[:, VIEW] == view]
        out.append({"boxes": r[:, :4], "labels": r[:, KIND].long(), "malignant": r[:, MALIGNANT], "looks": r[:, SHAPE:]})
    return out


def anywhere(exam: Sample, rng: np.random.Generator, count: int = DRAWN) -> Tensor:
    """Return rows (n, 9) of boxes drawn anywhere in the breasts of an exam, with place and depth by geometry."""
    pixels, frame, mm = exam["pixels"], exam["frame"], float(exam["mm"])
    rows: list[tuple[float, ...]] = []
    seen = np.flatnonzero(exam["present"].numpy())
    for _ in range(4 * count):
        view = int(rng.choice(seen))
        row, column = float(rng.uniform(0, pixels.shape[1])), float(rng.uniform(0, pixels.shape[2]))
        if len(rows) == count:
            break
        if float(pixels[view, int(row), int(column)]) == 0:
            continue
        half = rng.uniform(3, 16, 2) / mm
        up, back, chest = frame[view].tolist()
        place, depth = place_at(view, row, column, (up, back), chest, mm)
        rows.append((column - half[0], row - half[1], column + half[0], row + half[1], view, 0, -1, place, depth))
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 9)


class ExamTask:
    """Exams one by one as batches, loss and validation for :func:`reader_app.networks.training.fit`.

    Parameters
    ----------
    files : sequence of Path
        One stored exam each.
    where : torch.device
        Where the network runs.
    held : sequence of bool, optional
        Which exams choose the best epoch; by default every fifth, at most forty of them.
    """

    def __init__(self, files: Sequence[Path], where: torch.device, held: Sequence[bool] | None = None) -> None:
        self.where = where
        every = max(min(5, len(files)), len(files) // 40)
        chosen = [k % every == every - 1 for k in range(len(files))] if held is None else list(held)
        self.held = [f for f, h in zip(files, chosen, strict=True) if h]
        self.train = [f for f, h in zip(files, chosen, strict=True) if not h]

    def batches(self, rng: np.random.Generator) -> Iterable[Sample]:
        """Yield exams in a drawn order."""
        for k in rng.permutation(len(self.train)):
            yield checkpoint.read(self.train[int(k)])[0]

    def loss(self, network: nn.Module, batch: Sample, rng: np.random.Generator) -> Tensor:
        """Return the loss of an exam, scaled, flipped and varied in brightness at random, all views alike.

        Place and depth are learnt from the exam as it is, and from boxes drawn anywhere in it besides its lesions.
        """
        assert isinstance(network, FourViewDetector)
        plain, rows = batch["pixels"].float(), batch["rows"].clone()
        known = torch.cat([rows[:, :9], anywhere(batch, rng)]).to(self.where)
        where_loss = network.where.loss(
            plain.to(self.where), known[:, VIEW].long(), known[:, :4], known[:, PLACE], known[:, DEPTH]
        )
        old = plain.shape[1:]
        high = max(64, round(old[0] * rng.uniform(0.8, 1.2) / 32) * 32)
        wide = max(64, round(old[1] * high / old[0] / 32) * 32)
        pixels = functional.interpolate(plain[:, None], (high, wide), mode="bilinear", align_corners=False)[:, 0]
        rows[:, [0, 2]] *= wide / old[1]
        rows[:, [1, 3]] *= high / old[0]
        if rng.random() < 0.5:
            pixels = pixels.flip(2)
            rows[:, [0, 2]] = wide - rows[:, [2, 0]]
        inside = pixels != 0
        pixels = torch.where(inside, pixels * rng.uniform(0.9, 1.1) + rng.uniform(-0.08, 0.08), pixels)
        wanted = targets(rows.to(self.where))
        return network.loss(pixels.float().to(self.where), batch["present"].to(self.where), wanted) + where_loss

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Return figures of held-out exams, and their mean as "overall", which chooses the best epoch.

        "sensitivity": share of lesions found, averaged over :data:`FALSE_MARKS`; of the lesions found "type_right" and
        "malignancy", the area under the curve (0.5 where a class is missing). Sensitivity alone is at its height long before
        types and malignancy are learnt.
        """
        assert isinstance(network, FourViewDetector)
        marks: list[tuple[float, bool]] = []
        kinds: list[bool] = []
        truth: list[bool] = []
        chance: list[float] = []
        lesions = 0
        for file in self.held:
            tensors, _ = checkpoint.read(file)
            found, _ = network.detect(tensors["pixels"].float().to(self.where), tensors["present"].to(self.where))
            hits, false = hit(found, tensors["rows"])
            marks += [(s, True) for s in hits] + [(s, False) for s in false]
            lesions += len(tensors["rows"])
            best: dict[int, Detection] = {}
            for item in found:  # best first
                if (k := on_lesion(item, tensors["rows"])) >= 0:
                    best.setdefault(k, item)
            rows = {k: tensors["rows"][k].tolist() for k in best}
            kinds += [d.kind == int(rows[k][KIND]) for k, d in best.items()]
            known = [k for k in best if rows[k][MALIGNANT] >= 0]
            truth += [rows[k][MALIGNANT] > 0 for k in known]
            chance += [best[k].malignant for k in known]
        shares = froc(marks, lesions, len(self.held) * len(VIEWS))
        area = training.auc(truth, chance)
        figures = {
            "sensitivity": float(np.mean(shares)),
            "type_right": float(np.mean(kinds)) if kinds else 0.0,
            "malignancy": area if np.isfinite(area) else 0.5,
        }
        return {"overall": float(np.mean(list(figures.values()))), "at_one_false_mark": shares[FALSE_MARKS.index(1.0)], **figures}


def on_lesion(found: Detection, rows: Tensor) -> int:
    """Return which row's box the middle of a finding lies in, -1 for none; of several the one whose middle is nearest."""
    x, y = (found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2
    best, least = -1, float("inf")
    for k, r in enumerate(rows.tolist()):
        away = (x - (r[0] + r[2]) / 2) ** 2 + (y - (r[1] + r[3]) / 2) ** 2
        if r[VIEW] == found.view and r[0] <= x <= r[2] and r[1] <= y <= r[3] and away < least:
            best, least = k, away
    return best


def hit(found: Sequence[Detection], rows: Tensor) -> tuple[list[float], list[float]]:
    """Return the scores of the best finding of each lesion that was found, and of findings on no lesion.

    A lesion is found when the middle of a box lies in its box.
    """
    best: dict[int, float] = {}
    false: list[float] = []
    for item in found:
        k = on_lesion(item, rows)
        if k < 0:
            false.append(item.score)
        else:
            best[k] = max(best.get(k, 0.0), item.score)
    return list(best.values()), false


def froc(marks: Sequence[tuple[float, bool]], lesions: int, images: int) -> list[float]:
    """Return the share of lesions found at each number of :data:`FALSE_MARKS` per image (0 where there are no lesions)."""
    order = sorted(marks, key=lambda m: (-m[0], m[1]))
    right = np.cumsum([m[1] for m in order]) if order else np.zeros(0)
    wrong = np.cumsum([not m[1] for m in order]) if order else np.zeros(0)
    return [float(right[wrong <= limit * images].max(initial=0)) / max(lesions, 1) for limit in FALSE_MARKS]
