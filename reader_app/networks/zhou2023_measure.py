"""zhou2023 measured: pairs of findings for the matching trees, and every figure of the detector on exams with known lesions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reader_app.networks import training, zhou2023_matching
from reader_app.networks.detection import Detection, FourViewDetector
from reader_app.networks.training import Progress
from reader_app.networks.zhou2023 import KINDS, LOOKS, SAID_OF, Examined, described, examine, find
from reader_app.networks.zhou2023_samples import (
    DEPTH,
    FALSE_MARKS,
    KIND,
    LESION,
    MALIGNANT,
    PLACE,
    SHAPE,
    VIEW,
    Sample,
    froc,
    hit,
    on_lesion,
)
from reader_app.networks.zhou2023_views import VIEWS, FourViews

Exam = tuple[Sample, FourViews]


def pairs(
    network: FourViewDetector, exams: Iterable[Exam], count: int, where: torch.device, progress: Progress | None
) -> tuple[zhou2023_matching.Array, NDArray[np.bool_], list[Exam]]:
    """Return features of pairs of findings of CC and MLO, which of them are one lesion, and the exams.

    Findings are the detector's own and the true boxes as it judges them; true boxes of two women are never one lesion.
    """
    rows: list[zhou2023_matching.Array] = []
    same: list[bool] = []
    kept: list[Exam] = []
    true: list[tuple[int, Detection]] = []
    mm = network.size.mm
    for number, (exam, views) in enumerate(exams):
        kept.append((exam, views))
        found, _ = find(network, views, where)
        pixels = torch.from_numpy(views.pixels).to(where)
        with torch.no_grad():
            levels = network.features(pixels, torch.from_numpy(views.present).to(where))
        given = [(int(r[VIEW]), r[:4].to(where), int(r[KIND]), 0.9) for r in exam["rows"]]
        own = network.locate(pixels, network.judge(levels, given, views.pixels.shape[1:]))
        true += [(number, d) for d in own]
        both = [*found, *own]
        lesion = [lesion_of(d, exam["rows"]) for d in both]
        for a, cc in enumerate(both):
            for b, mlo in enumerate(both):
                if mlo.view == cc.view + 2:
                    rows.append(zhou2023_matching.pair_features(cc, mlo, mm))
                    same.append(lesion[a] >= 0 and lesion[a] == lesion[b])
        if progress is not None:
            progress(number + 1, count, "calibrate (mammography)")
    for number, cc in true:
        for other, mlo in true:
            if cc.view < 2 <= mlo.view and number != other:
                rows.append(zhou2023_matching.pair_features(cc, mlo, mm))
                same.append(False)
    features = np.stack(rows) if rows else np.zeros((0, len(zhou2023_matching.FEATURES)))
    return features, np.array(same, bool), kept


def lesion_of(found: Detection, rows: torch.Tensor) -> int:
    """Return the number of the lesion that a finding lies on, -1 for none."""
    k = on_lesion(found, rows)
    return int(rows[k, LESION]) if k >= 0 else -1


def measure(
    network: FourViewDetector,
    trees: Mapping[str, Any],
    exams: Iterable[Exam],
    count: int,
    probability: Callable[[float], float],
    threshold: float,
    where: torch.device,
    progress: Progress | None,
) -> dict[str, Any]:
    """Return every figure of the detector.

    Detection: the share of lesions (of one view each) with the middle of a box in theirs, at several numbers of false marks an
    image. Matching: of lesions seen in both views the share that was joined with itself, and of joined pairs the share that is
    one lesion. Place, depth and descriptors: of the best box on each lesion. Malignancy: of cases, and of the lesions found.

    Parameters
    ----------
    network, trees : FourViewDetector and mapping
        The detector and its matching trees.
    exams, count : iterable and int
        Exams with stacks, and how many.
    probability : callable
        Log odds of a case to its calibrated probability.
    threshold : float
        Operating point.
    where, progress
        Device; told (done, total, text).
    """
    scores: list[float] = []
    truth: list[bool] = []
    marks: list[tuple[float, bool]] = []
    by_kind: dict[int, list[bool]] = {}
    seen_marks: list[tuple[int, float]] = []
    placed: list[bool] = []
    depth: list[float] = []
    words: dict[str, list[bool]] = {group: [] for group in LOOKS}
    bad: list[tuple[bool, float]] = []
    kinds: list[bool] = []
    lesions = seen_twice = joined_right = joined = 0
    for done, (exam, views) in enumerate(exams):
        rows = exam["rows"]
        seen: Examined = examine(network, views, trees, where)
        if float(exam["truth"]) >= 0:
            scores.append(probability(seen.score))
            truth.append(bool(exam["truth"] > 0))
        hits, false = hit(seen.found, rows)
        marks += [(s, True) for s in hits] + [(s, False) for s in false]
        lesions += len(rows)
        best: dict[int, Detection] = {}
        for item in seen.found:  # best first
            if (k := on_lesion(item, rows)) >= 0:
                best.setdefault(k, item)
        for k, row in enumerate(rows.tolist()):
            item_of = best.get(k)
            seen_marks.append((int(row[KIND]), item_of.score if item_of else -1.0))
            if item_of is None:
                continue
            placed.append(int(np.argmax(item_of.places)) == int(row[PLACE]))
            depth.append(abs(item_of.depth - row[DEPTH]))
            kinds.append(item_of.kind == int(row[KIND]))
            if row[MALIGNANT] >= 0:
                bad.append((row[MALIGNANT] > 0, item_of.malignant))
            said = described(item_of)
            for group, word in zip(LOOKS, row[SHAPE:], strict=True):
                if word >= 0 and SAID_OF[group] == KINDS[int(row[KIND]) - 1] and group in said:
                    words[group].append(LOOKS[group].index(said[group]) == int(word))
        number = [lesion_of(d, rows) for d in seen.found]
        cc = {n for k, n in enumerate(number) if n >= 0 and seen.found[k].view < 2}
        both = cc & {n for k, n in enumerate(number) if n >= 0 and seen.found[k].view >= 2}
        couples = [(number[p[0]], number[p[1]]) for p in seen.lesions if len(p) == 2]
        seen_twice += len(both)
        joined_right += len({a for a, b in couples if a == b >= 0} & both)
        joined += len([1 for a, b in couples if a >= 0 or b >= 0])
        if progress is not None:
            progress(done + 1, count, "test (mammography)")
    limit = _score_at(marks, lesions, count * len(VIEWS))
    for kind, score in seen_marks:
        by_kind.setdefault(kind, []).append(score >= limit)
    p, y = np.array(scores), np.array(truth, bool)
    classes = len(set(truth)) == 2
    found_bad = np.array([b for b, _ in bad], bool)
    return {
        "n": count,
        "lesion_views": lesions,
        "auc": training.auc(y, p) if classes else None,
        "sensitivity": float((p[y] >= threshold).mean()) if y.any() else None,
        "specificity": float((p[~y] < threshold).mean()) if len(y) and (~y).any() else None,
        "froc": dict(zip(map(str, FALSE_MARKS), froc(marks, lesions, count * len(VIEWS)), strict=True)),
        "found_at_one_false_mark_by_type": {KINDS[k - 1]: _mean(v) for k, v in sorted(by_kind.items())},
        "type_right": _mean(kinds),
        "place_right": _mean(placed),
        "depth_error": _mean(depth),
        "lesions_seen_in_both_views": seen_twice,
        "of_these_matched": joined_right,
        "matching_accuracy": joined_right / seen_twice if seen_twice else None,
        "pairs_joined": joined,
        "pairs_right": joined_right / joined if joined else None,
        "lesion_auc": training.auc(found_bad, [s for _, s in bad]) if len(set(found_bad.tolist())) == 2 else None,
        "descriptors_right": {group: _mean(v) for group, v in words.items() if v},
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _score_at(marks: Sequence[tuple[float, bool]], lesions: int, images: int, limit: float = 1.0) -> float:
    """Return the least score at which there are at most ``limit`` false marks an image."""
    wrong = sorted((s for s, right in marks if not right), reverse=True)
    allowed = int(limit * images)
    return 0.0 if len(wrong) <= allowed else float(np.nextafter(wrong[allowed], 2.0))
