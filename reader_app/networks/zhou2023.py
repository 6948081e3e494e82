"""zhou2023: four mammographic views go in together; lesions of four types come out, joined between CC and MLO.

Faster R-CNN with fused views (:mod:`reader_app.networks.detection`), heads for malignancy, place and depth, flips at test time,
matching of CC and MLO by boosted trees (:mod:`reader_app.networks.zhou2023_matching`), a heat map of each finding.

Where the paper is silent we chose: the suspicion of a finding is the probability that it is there times the probability that it
is malignant; a lesion seen in both views has the mean of both (in log odds), as an overlap of tissue shows in one; the case has
the highest of its lesions, calibrated on separate cases. Boxes below a share of the operating point are not shown. The heat of a
finding peaks at its calibrated probability, so that a weak finding is never stretched to full colour. Shape and margin are said
of masses, the distribution of calcifications.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from reader_app.ai.bundle import Bundle
from reader_app.ai.results import Prediction
from reader_app.errors import BundleError, ImageError
from reader_app.imaging.container import NewImage, OpenCase
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.networks import checkpoint, detection_merge, explain, preprocess, zhou2023_matching
from reader_app.networks.detection import Detection, Float, FourViewDetector
from reader_app.networks.provenance import provenance
from reader_app.networks.zhou2023_views import PLACES, VERSION, VIEWS, FourViews, stack

MODEL, TITLE = "zhou2023", "Lesions of four mammographic views read together"
CITATION = "zhou2023: deep learning on four mammographic views with view fusion"
LABELS: tuple[str, str] = ("benign", "malignant")

#: Lesion types; the detector's label k is type k - 1.
KINDS: tuple[str, ...] = ("mass", "calcification", "asymmetry", "distortion")

#: Descriptors by group (BI-RADS, 5th edition), and the type that each group is said of.
LOOKS: Mapping[str, tuple[str, ...]] = {
    "shape": ("oval", "round", "irregular"),
    "margin": ("circumscribed", "obscured", "microlobulated", "indistinct", "spiculated"),
    "distribution": ("diffuse", "regional", "grouped", "linear", "segmental"),
}
SAID_OF: Mapping[str, str] = {"shape": "mass", "margin": "mass", "distribution": "calcification"}

#: Findings that are shown have at least this share of the threshold, and there are at most so many in a view.
SHOWN, MOST = 0.5, 3

#: Suspicion of a case without any finding.
NOTHING = 1e-4


@dataclass(frozen=True, eq=False)
class Examined:
    """What the detector says of an exam.

    Attributes
    ----------
    views : FourViews
        The stack.
    found : list of Detection
        Findings in all views, best first.
    lesions : list of tuple of int
        Indices into ``found``: (CC, MLO), or one view alone.
    suspicion : list of float
        Of each lesion, log odds before calibration.
    heat : list of float32 arrays
        Of each finding, on the finest cells of its view; empty unless asked for.
    """

    views: FourViews
    found: list[Detection]
    lesions: list[tuple[int, ...]]
    suspicion: list[float]
    heat: list[Float]

    @property
    def score(self) -> float:
        """Log odds of the case: the highest of its lesions."""
        return max(self.suspicion, default=log_odds(NOTHING))

    def of_finding(self, number: int) -> float:
        """Return the log odds of the lesion that a finding belongs to."""
        return next(s for lesion, s in zip(self.lesions, self.suspicion, strict=True) if number in lesion)


def log_odds(p: float) -> float:
    """Return the log odds of a probability, kept within that of :data:`NOTHING`."""
    q = min(max(p, NOTHING), 1 - NOTHING)
    return float(np.log(q / (1 - q)))


def find(
    network: FourViewDetector, views: FourViews, where: torch.device, flips: bool = True, heat: bool = False
) -> tuple[list[Detection], list[Float]]:
    """Return the findings of a stack (with its left-right mirror image, where wanted) and their heat."""
    network.eval()
    pixels = torch.from_numpy(views.pixels).to(where)
    present = torch.from_numpy(views.present).to(where)
    first, levels = network.detect(pixels, present)
    passes = [first]
    if flips:
        mirrored, _ = network.detect(pixels.flip(2), present)
        passes.append([detection_merge.unflip(d, views.pixels.shape[2]) for d in mirrored])
    found = detection_merge.merge(passes)
    kept: list[Detection] = []
    for item in found:
        if sum(k.view == item.view for k in kept) < MOST:
            kept.append(item)
    kept = network.locate(pixels, kept)
    side = views.pixels.shape[1:]
    return kept, [network.evidence(levels, item, side) for item in kept] if heat else []


def examine(
    network: FourViewDetector, views: FourViews, trees: Mapping[str, Any], where: torch.device, heat: bool = False
) -> Examined:
    """Find, match and judge the lesions of an exam."""
    found, maps = find(network, views, where, heat=heat)
    lesions = zhou2023_matching.match(trees, found, views.mm)
    suspicion = [float(np.mean([log_odds(found[k].score * found[k].malignant) for k in lesion])) for lesion in lesions]
    return Examined(views, found, lesions, suspicion, maps)


def described(found: Detection) -> dict[str, str]:
    """Return the likeliest word of each group of descriptors that is said of the finding's type."""
    words, first = {}, 0
    for group, names in LOOKS.items():
        chances = found.looks[first : first + len(names)]
        first += len(names)
        if chances and SAID_OF[group] == KINDS[found.kind - 1]:
            words[group] = names[int(np.argmax(chances))]
    return words


def views_of(images: Sequence[NewImage]) -> dict[str, NewImage]:
    """Return the images by view name; of several of one view the first."""
    named: dict[str, NewImage] = {}
    for image in images:
        named.setdefault(f"{image.laterality}{image.view}", image)
    return {name: named[name] for name in VIEWS if name in named}


class FourViewModel:
    """A loaded bundle, ready to predict.

    Parameters
    ----------
    bundle : Bundle
        Checked bundle.
    where : torch.device
        Device to run on.
    """

    def __init__(self, bundle: Bundle, where: torch.device) -> None:
        self.bundle, self.where = bundle, where
        manifest = bundle.manifest
        self.network = FourViewDetector(str(manifest.get("backbone", "")), len(KINDS))
        tensors, _ = checkpoint.read(bundle.weights)
        try:
            self.network.load_state_dict(tensors)
        except RuntimeError as error:
            raise BundleError(f"{bundle.weights}: the weights do not fit the backbone named in the manifest.") from error
        self.network.eval().to(where)
        self.mm = float(manifest["input"]["modalities"]["mammography"]["mm"])
        self.trees: Mapping[str, Any] = manifest["output"]["matching"]
        self.slope, self.intercept = (float(v) for v in manifest["calibration"]["mammography"]["platt"])
        self.threshold = float(manifest["operating_points"]["mammography"]["threshold"])

    def probability(self, score: float) -> float:
        """Return the calibrated probability of log odds."""
        return float(1 / (1 + np.exp(-np.clip(self.slope * score + self.intercept, -30, 30))))

    def predict(self, case: OpenCase, clinical: Mapping[str, str] | None = None) -> Prediction:
        """Return the prediction of one case; never stores it.

        Parameters
        ----------
        case : OpenCase
            The case.
        clinical : mapping, optional
            Not used by this system.
        """
        if case.modality != "mammography":
            return self._without(case, f"{self.bundle.model_id} was not made for {case.modality} images.")
        images = views_of(preprocess.judged_images(case))
        if not images:
            return self._without(case, "The case holds none of the views RCC, LCC, RMLO and LMLO.")
        if any(i.spacing_mm is None for i in images.values()):
            return self._without(case, "An image states no pixel size, which the model needs.")
        try:
            views = stack(images, self.mm)
        except ImageError:
            return self._without(case, "None of the views shows a breast that can be told from the background.")
        seen = examine(self.network, views, self.trees, self.where, heat=True)
        by_finding = [self.probability(seen.of_finding(k)) for k in range(len(seen.found))]
        probability = self.probability(seen.score)
        positive = probability >= self.threshold
        shown = [k for k, p in enumerate(by_finding) if p >= SHOWN * self.threshold]
        boxes = []
        for k in shown:
            placed = views.placed[seen.found[k].view]
            if placed is None:
                continue
            start, stop = placed.to_image(seen.found[k].box)
            if all(b - a >= 1 for a, b in zip(start, stop, strict=True)):
                boxes.append(Box(placed.image_id, start, stop, by_finding[k], LABELS[int(by_finding[k] >= self.threshold)]))
        missing = [name for name in VIEWS if name not in images]
        heat = [self._heat(seen, view, by_finding) for view in range(len(VIEWS)) if views.placed[view] is not None]
        return Prediction(
            model_id=self.bundle.model_id,
            case_id=case.case_id,
            fingerprint=case.fingerprint,
            probability=probability,
            threshold=self.threshold,
            call=LABELS[int(positive)],
            positive=positive,
            boxes=tuple(sorted(boxes, key=lambda b: -b.score)),
            heatmaps=tuple(h for h, _ in heat),
            raw=tuple(v for _, v in heat),
            provenance=self._provenance(
                [f"view {name} is missing" for name in missing], {"lesions": self._lesions(seen, by_finding, shown)}
            ),
        )

    def _heat(self, seen: Examined, view: int, by_finding: list[float]) -> tuple[Heatmap, Float]:
        placed = seen.views.placed[view]
        assert placed is not None
        finest = self.network.size.finest
        cells = tuple(n // finest for n in seen.views.pixels.shape[1:])
        total = np.zeros(cells, np.float32)
        for item, values, p in zip(seen.found, seen.heat, by_finding, strict=True):
            top = float(values.max())
            if item.view == view and p >= self.threshold and top > 0:
                total = np.maximum(total, values / top * np.float32(p))
        grid, scale, offset = placed.cells(total, finest)
        return explain.heatmap(placed.image_id, grid, scale, offset, 0.0, 1.0, 1e-3)

    def _lesions(self, seen: Examined, by_finding: list[float], shown: list[int]) -> list[dict[str, Any]]:
        rows = []
        for number, lesion in enumerate(seen.lesions):
            for k in lesion:
                item, placed = seen.found[k], seen.views.placed[seen.found[k].view]
                if k in shown and placed is not None:
                    rows.append(
                        {
                            "lesion": number + 1,
                            "image_id": placed.image_id,
                            "type": KINDS[item.kind - 1],
                            "score": round(item.score, 4),
                            "malignant": round(item.malignant, 4),
                            "probability": round(by_finding[k], 4),
                            "place": PLACES[int(np.argmax(item.places))],
                            "depth": round(item.depth, 3),
                            **described(item),
                        }
                    )
        return rows

    def _provenance(self, notes: list[str], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return provenance(self.bundle, self.where, VERSION, notes, more)

    def _without(self, case: OpenCase, reason: str) -> Prediction:
        return Prediction(
            model_id=self.bundle.model_id,
            case_id=case.case_id,
            fingerprint=case.fingerprint,
            probability=0.0,
            threshold=0.5,
            call="",
            positive=False,
            status="not_applicable",
            reason=reason,
            provenance=self._provenance([]),
        )
