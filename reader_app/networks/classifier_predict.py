"""A window classifier in use: a bundle applied to a case gives a calibrated score, boxes and heatmaps in image index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from reader_app.ai.bundle import Bundle
from reader_app.ai.results import Prediction
from reader_app.errors import BundleError
from reader_app.imaging.container import NewImage, OpenCase
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.networks import checkpoint, explain, preprocess
from reader_app.networks.classifier import Float, Judged, WindowClassifier, judge_planes, link_views, window_evidence
from reader_app.networks.preprocess import Plane, Working
from reader_app.networks.provenance import provenance

#: Largest difference of a lesion's distances from the chest wall in CC and MLO.
LINK_MM = 15.0

#: Share (0..1 of the evidence scale) that one cell must reach before a heatmap shows anything.
LEAST = 0.35


def plane_extent(kind: str, shape: Sequence[int]) -> list[int]:
    """Return (rows, columns) of one plane: of an image, of a slice of a volume, of a frame of a cine (grey or colour)."""
    first = 0 if kind == "image" else 1
    return list(shape[first : first + 2])


@dataclass(frozen=True, eq=False)
class Assessed:
    """What the network says of one image.

    Attributes
    ----------
    image : NewImage
        The image.
    score : float
        Uncalibrated logit difference; of two linked views their mean.
    best : Judged
        Its most suspicious plane.
    judged : list of Judged
        All its planes.
    """

    image: NewImage
    score: float
    best: Judged
    judged: list[Judged]


def assess_case(
    network: WindowClassifier, images: Sequence[NewImage], modality: str, working: Working, age: float, where: torch.device
) -> list[Assessed]:
    """Judge the images of a case.

    CC and MLO of one breast are judged together: their windows must lie at like distances from the chest wall, and the breast's
    score is the mean of both (a lesion shows in both views, an overlap of tissue in one).
    """
    out: list[Assessed] = []
    for image in images:
        planes: list[Plane] = list(network.planes(image, modality, working))
        if not planes:
            continue
        judged = judge_planes(network, planes, working.window, where, keep_features=modality == "mammography")
        scores = np.array([j.score for j in judged])
        if len(scores) >= 3 and image.kind == "volume":
            # a lesion spans neighbouring slices, speckle does not
            padded = np.pad(scores, 1, mode="edge")
            scores = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
        best = judged[int(np.argmax(scores))]
        out.append(Assessed(image, _final(network, best, age, where), best, judged))
    if modality == "mammography":
        out = _link_breasts(network, out, working, age, where)
    return out


def _final(network: WindowClassifier, judged: Judged, age: float, where: torch.device) -> float:
    with torch.no_grad():
        return float(network.judge(torch.from_numpy(judged.embedding)[None].to(where), torch.tensor([age], device=where))[0])


def _link_breasts(
    network: WindowClassifier, found: list[Assessed], working: Working, age: float, where: torch.device
) -> list[Assessed]:
    out = list(found)
    for side in "RL":
        pair = [[k for k, a in enumerate(found) if a.image.laterality == side and a.image.view == view] for view in ("CC", "MLO")]
        if [len(p) for p in pair] != [1, 1]:
            continue
        k, m = pair[0][0], pair[1][0]
        linked = link_views(network, found[k].best, found[m].best, LINK_MM, working.mm)
        score = float(np.mean([_final(network, j, age, where) for j in linked]))
        for place, judged in zip((k, m), linked, strict=True):
            out[place] = Assessed(found[place].image, score, judged, [judged])
    return out


#: Slices on either side of the most suspicious one that are explained.
NEAR_SLICES = 6


def evidence_map(network: WindowClassifier, found: Assessed, finer: bool, where: torch.device) -> Float:
    """Return the evidence of an image, (rows, columns) or (slices, rows, columns), on the cells of :func:`cell_axes`.

    Parameters
    ----------
    network : WindowClassifier
        The network that judged.
    found : Assessed
        The image and its planes.
    finer : bool
        True: what raised the score of the chosen window (of a volume: in the slices around the chosen one), 0 elsewhere.
        False: the class activation map of all planes.
    where : torch.device
        Where to run.
    """
    if not finer:
        maps = np.stack([explain.smooth(j.evidence) for j in found.judged])
    else:
        number = next(k for k, j in enumerate(found.judged) if j is found.best)
        best = window_evidence(network, found.best, where)
        maps = np.zeros((len(found.judged), *best.shape), np.float32)
        maps[number] = best
        for k in range(max(0, number - NEAR_SLICES), min(len(maps), number + NEAR_SLICES + 1)):
            if k != number:
                maps[k] = window_evidence(network, replace(found.judged[k], window=found.best.window), where)
    if found.image.kind != "volume":
        return np.asarray(maps[0 if not finer else number], np.float32)
    if len(maps) >= 3:
        padded = np.concatenate([maps[:1], maps, maps[-1:]])
        maps = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.asarray(maps, np.float32)


def cell_axes(plane: Plane, network: WindowClassifier, finer: bool) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (scale, offset) from cells of the map to image index, (row, column), at the true centres of cells."""
    cells = network.trunk.split_cells if finer else network.trunk.cells
    scale = (cells.stride * plane.factor[0], cells.stride * plane.factor[1])
    return scale, plane.to_image(cells.offset, cells.offset)


class ClassifierModel:
    """A loaded bundle, ready to predict.

    Parameters
    ----------
    bundle : Bundle
        Checked bundle.
    network : WindowClassifier
        Its architecture with any weights; the bundle's are loaded into it.
    where : torch.device
        Device to run on.
    """

    def __init__(self, bundle: Bundle, network: WindowClassifier, where: torch.device) -> None:
        self.bundle, self.where = bundle, where
        manifest = bundle.manifest
        self.labels: tuple[str, str] = tuple(manifest["output"]["labels"])
        self.network = network
        tensors, _ = checkpoint.read(bundle.weights)
        try:
            self.network.load_state_dict(tensors)
        except RuntimeError as error:
            raise BundleError(f"{bundle.weights}: the weights do not fit the backbone named in the manifest.") from error
        self.network.eval().to(where)
        self.network.trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.inputs: Mapping[str, Any] = manifest["input"]["modalities"]
        self.points: Mapping[str, Any] = manifest["operating_points"]
        self.calibration: Mapping[str, Any] = manifest["calibration"]
        self.scale: Mapping[str, Any] = manifest["output"]["evidence"]
        #: Whether heat is the explanation of the chosen window on a finer map, or the last layer's whole class activation map.
        self.finer = manifest["output"].get("explain") == "window"
        #: Whether a region is a share of the range of the map (kim2021) or of its height above no evidence.
        self.from_lowest = manifest["output"].get("region_from") == "lowest"
        self.region_share = float(manifest["output"].get("region_share", 0.45))
        clinical = manifest["input"].get("clinical") or []
        self.mean_age = float(clinical[0]["mean"]) if clinical else None

    def working(self, modality: str) -> Working:
        """Return how planes of a modality are made for this model."""
        entry = self.inputs[modality]
        return Working(float(entry["mm"]), int(entry["window"]), float(entry.get("slice_mm", 0.0)))

    def predict(self, case: OpenCase, clinical: Mapping[str, str] | None = None) -> Prediction:
        """Return the prediction of one case; never stores it.

        Parameters
        ----------
        case : OpenCase
            The case.
        clinical : mapping, optional
            Clinical variables; only "age" is used.
        """
        modality = case.modality
        if modality not in self.inputs:
            return self._without(case, "not_applicable", f"{self.bundle.model_id} was not made for {modality} images.")
        images = preprocess.judged_images(case)
        if not images:
            return self._without(case, "not_applicable", "The case holds no grey-scale image that the model could judge.")
        working = self.working(modality)
        notes: list[str] = []
        age = preprocess.clinical_age(clinical or {})
        if self.mean_age is None:
            age = 0.0
        elif age is None:
            age = self.mean_age
            notes.append(f"age missing: {age:.0f} years assumed")
        if working.mm and modality != "ultrasound" and any(i.spacing_mm is None for i in images):
            return self._without(case, "not_applicable", "An image states no pixel size, which the model needs.")
        if working.mm and any(i.spacing_mm is None for i in images):
            notes.append(f"pixel size missing: an image width of {preprocess.ASSUMED_WIDTH_MM:.0f} mm assumed")
        cannot = self.network.prepare(clinical or {})
        if cannot:
            return self._without(case, "not_applicable", cannot)
        slope, intercept = (float(v) for v in self.calibration[modality]["platt"])
        threshold = float(self.points[modality]["threshold"])
        probabilities: dict[str, float] = {}
        boxes: list[Box] = []
        heatmaps: list[Heatmap] = []
        raw: list[Float] = []
        best_embedding: tuple[float, Float] | None = None
        distance, head = 0.0, -np.inf
        for assessed in assess_case(self.network, images, modality, working, age, self.where):
            image, score, best, judged = assessed.image, assessed.score, assessed.best, assessed.judged
            p = float(1 / (1 + np.exp(-np.clip(slope * score + intercept, -30, 30))))
            probabilities[image.id] = p
            head = max(head, best.score)
            if best_embedding is None or p > best_embedding[0]:
                best_embedding = (p, best.embedding)
                distance = self._distance(best.embedding)
            evidence = evidence_map(self.network, assessed, self.finer, self.where)
            box, heat, values = self._explain(image, modality, best, judged, evidence, p, p >= threshold)
            boxes += box
            heatmaps.append(heat)
            raw.append(values)
        limit = float(self.bundle.manifest["input"].get("embedding_limit", np.inf))
        if distance > limit:
            away = f"distance {distance:.1f}, limit {limit:.1f}"
            reason = f"The images differ from all that {self.bundle.model_id} was trained on ({away})."
            return self._without(case, "not_applicable", reason)
        probability = max(probabilities.values())
        positive = probability >= threshold
        return Prediction(
            model_id=self.bundle.model_id,
            case_id=case.case_id,
            fingerprint=case.fingerprint,
            probability=probability,
            threshold=threshold,
            call=self.labels[int(positive)],
            positive=positive,
            boxes=tuple(sorted(boxes, key=lambda b: -b.score)),
            heatmaps=tuple(heatmaps),
            raw=tuple(raw),
            embedding=None if best_embedding is None else best_embedding[1],
            provenance=self._provenance(
                notes, {"image_probability": probabilities, "embedding_distance": distance, "head_score": float(head)}
            ),
        )

    def _explain(
        self, image: NewImage, modality: str, best: Judged, judged: Sequence[Judged], evidence: Float, p: float, positive: bool
    ) -> tuple[list[Box], Heatmap, Float]:
        scale, offset = cell_axes(best.plane, self.network, self.finer)
        ends = self.scale[modality]
        floor, ceiling = float(ends["floor"]), float(ends["ceiling"])
        number = next(k for k, j in enumerate(judged) if j is best)
        plane = evidence[number] if evidence.ndim == 3 else evidence
        at = _peak(plane, best, self.network, self.finer)
        top = float(plane[at])
        boxes: list[Box] = []
        if positive and top > floor:
            low_r, low_c, high_r, high_c = explain.region_box(
                plane - (float(plane.min()) if self.from_lowest else 0.0), at, self.region_share
            )
            start = [offset[0] + scale[0] * low_r, offset[1] + scale[1] * low_c]
            stop = [offset[0] + scale[0] * high_r + 1, offset[1] + scale[1] * high_c + 1]
            extent = plane_extent(image.kind, image.array.shape)
            if evidence.ndim == 3:
                step = _step(judged)
                column = evidence[:, at[0], at[1]]
                first = last = number
                while first > 0 and column[first - 1] >= 0.45 * top:
                    first -= 1
                while last < len(column) - 1 and column[last + 1] >= 0.45 * top:
                    last += 1
                low_s, high_s = int(judged[first].plane.slice_index or 0), int(judged[last].plane.slice_index or 0)
                start, stop = [low_s - step / 2, *start], [high_s + step / 2 + 1, *stop]
                extent = [image.array.shape[0], *extent]
            start = [max(0.0, v) for v in start]
            stop = [min(float(n), v) for v, n in zip(stop, extent, strict=True)]
            if all(b - a >= 1 for a, b in zip(start, stop, strict=True)):
                boxes.append(Box(image.id, tuple(start), tuple(stop), p, self.labels[1]))
        axes_scale, axes_offset = tuple(scale), tuple(offset)
        if evidence.ndim == 3:
            axes_scale = (float(_step(judged)), *scale)
            axes_offset = (float(judged[0].plane.slice_index or 0), *offset)
        shown = evidence if positive else np.minimum(evidence, floor)
        heat, _ = explain.heatmap(image.id, shown, axes_scale, axes_offset, floor, ceiling, LEAST)
        values = np.asarray((evidence - floor) / (ceiling - floor), np.float32)
        return boxes, heat, values

    def _distance(self, embedding: Float) -> float:
        """Return how far an embedding lies from the training set's: root mean square in its standard deviations."""
        with torch.no_grad():
            away = self.network.standardise(torch.from_numpy(embedding).to(self.where))
        return float(away.square().mean().sqrt())

    def _provenance(self, notes: Sequence[str] = (), more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return provenance(self.bundle, self.where, preprocess.VERSION, notes, more)

    def _without(self, case: OpenCase, status: str, reason: str) -> Prediction:
        return Prediction(
            model_id=self.bundle.model_id,
            case_id=case.case_id,
            fingerprint=case.fingerprint,
            probability=0.0,
            threshold=0.5,
            call="",
            positive=False,
            status=status,
            reason=reason,
            provenance=self._provenance(),
        )


def _peak(plane: Float, best: Judged, network: WindowClassifier, finer: bool) -> tuple[int, int]:
    """Return the cell of the highest evidence within the chosen window."""
    ratio = int(network.trunk.cells.stride // network.trunk.split_cells.stride) if finer else 1
    r0, c0, r1, c1 = (v * ratio for v in best.window)
    part = plane[r0:r1, c0:c1]
    row, column = np.unravel_index(int(np.argmax(part)), part.shape)
    return r0 + int(row), c0 + int(column)


def _step(judged: Sequence[Judged]) -> int:
    if len(judged) < 2:
        return 1
    return int(judged[1].plane.slice_index or 0) - int(judged[0].plane.slice_index or 0)
