"""bong2023 in use: a bundle applied to a case gives boxes, outlines, heat and the combined model's probability, in image index.

Images are judged one by one and the highest lesion stands for the case (operating points were chosen on one image a woman, as in
the paper). Masks are stored as outlines in the prediction's provenance under "lesions".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from reader_app.ai.bundle import Bundle
from reader_app.ai.results import Prediction
from reader_app.errors import BundleError
from reader_app.imaging.container import NewImage, OpenCase
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.networks import bong2023, bong2023_combine, bong2023_data, checkpoint, explain, preprocess
from reader_app.networks.bong2023 import ClinicalNetwork, Float, Found, ImageNetwork
from reader_app.networks.bong2023_data import Fit
from reader_app.networks.provenance import provenance

#: Share (0..1 of the evidence scale) that one cell must reach before a heatmap shows anything.
SHOWN = 0.35

#: Frames of a cine that are judged.
FRAMES = 8


@dataclass(frozen=True, eq=False)
class Lesion:
    """A lesion in one image.

    Attributes
    ----------
    image_id : str
        Image.
    frame : int or None
        Frame of a cine.
    start, stop : tuple of float
        Box in image index, (row, column), stop exclusive.
    mask : bool array, (rows, columns)
        The lesion's pixels in the image.
    image_score, clinical_score, probability : float
        Of the image model, the clinical model, and finally.
    upgraded : bool
        Called benign by the image model and malignant finally.
    """

    image_id: str
    frame: int | None
    start: tuple[float, float]
    stop: tuple[float, float]
    mask: NDArray[np.bool_]
    image_score: float
    clinical_score: float
    probability: float
    upgraded: bool

    def outline(self) -> list[list[list[float]]]:
        """Return the mask's outlines as lists of [row, column] in image index, to within half a pixel."""
        lines, _ = cv2.findContours(self.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        near = [cv2.approxPolyDP(line, 0.5, True)[:, 0] for line in lines]
        return [[[float(y), float(x)] for x, y in line] for line in near]


def paste(found: Found, lies: Fit, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a found mask as pixels (rows, columns) of the image."""
    out = np.zeros(shape, np.bool_)
    r0, c0 = lies.edge_to_image(found.box[0], found.box[1])
    r1, c1 = lies.edge_to_image(found.box[2], found.box[3])
    rows = np.arange(max(0, int(np.floor(r0))), min(shape[0], int(np.ceil(r1))))
    columns = np.arange(max(0, int(np.floor(c0))), min(shape[1], int(np.ceil(c1))))
    if not len(rows) or not len(columns):
        return out
    high, wide = found.mask.shape
    at_r = ((rows + 0.5 - r0) / (r1 - r0) * high - 0.5).astype(np.float32)
    at_c = ((columns + 0.5 - c0) / (c1 - c0) * wide - 0.5).astype(np.float32)
    map_c, map_r = np.meshgrid(at_c, at_r)
    value = cv2.remap(found.mask, map_c, map_r, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    out[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = value >= 0.5
    return out


def frames(image: NewImage) -> list[tuple[int | None, NDArray[np.uint8]]]:
    """Return the grey pictures of an image: itself, or up to eight frames of a cine with their numbers."""
    if image.kind != "cine":
        return [(None, _grey(image, image.array))]
    numbers = np.unique(np.linspace(0, len(image.array) - 1, FRAMES).round().astype(int))
    return [(int(k), _grey(image, image.array[k])) for k in numbers]


def _grey(image: NewImage, pixels: NDArray[Any]) -> NDArray[np.uint8]:
    plain = np.ascontiguousarray(pixels)
    grey = cv2.cvtColor(plain, cv2.COLOR_RGB2GRAY) if plain.ndim == 3 else plain
    if grey.dtype != np.uint8:
        top = float(grey.max()) or 1.0
        grey = np.clip(grey.astype(np.float32) / top * 255, 0, 255).astype(np.uint8)
    if image.grey is not None and image.grey.invert:
        grey = np.asarray(255 - grey, np.uint8)
    return np.asarray(grey, np.uint8)


class BongModel:
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
        self.image = ImageNetwork(str(manifest.get("backbone", "")))
        self.clinical = ClinicalNetwork([int(n) for n in manifest["input"].get("hidden", bong2023.HIDDEN)])
        tensors, _ = checkpoint.read(bundle.weights)
        try:
            for name, network in (("image.", self.image), ("clinical.", self.clinical)):
                network.load_state_dict({k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)})
        except RuntimeError as error:
            raise BundleError(f"{bundle.weights}: the weights do not fit the backbone named in the manifest.") from error
        self.image.eval().to(where)
        self.clinical.eval().to(where)
        self.labels: tuple[str, str] = tuple(manifest["output"]["labels"])
        self.kind = str(manifest["output"]["combine"])
        if self.kind not in bong2023_combine.KINDS:
            kinds = " or ".join(bong2023_combine.KINDS)
            raise BundleError(f"{bundle.path}: the combined model {self.kind!r} is not known; write {kinds} in the manifest.")
        self.combined: Mapping[str, Any] = manifest["output"]["models"]
        self.points: Mapping[str, Any] = manifest["operating_points"]
        self.scale: Mapping[str, Any] = manifest["output"]["evidence"]["ultrasound"]

    def judge(self, image: NewImage, clinical_score: float) -> list[tuple[Lesion, Found, Fit]]:
        """Return the lesions of an image, of a cine those of its most suspicious frame; highest probability first."""
        best: list[tuple[Lesion, Found, Fit]] = []
        for frame, grey in frames(image):
            square, lies = bong2023_data.fit(grey, self.image.size)
            here = []
            for found in self.image.find(bong2023_data.to_tensor(square, self.where)):
                start = lies.edge_to_image(found.box[0], found.box[1])
                stop = tuple(min(v, float(n)) for v, n in zip(lies.edge_to_image(*found.box[2:]), grey.shape, strict=True))
                if min(stop[0] - start[0], stop[1] - start[1]) < 1:
                    continue
                p, upgraded = self._final(found.cancer, clinical_score)
                mask = paste(found, lies, (grey.shape[0], grey.shape[1]))
                lesion = Lesion(image.id, frame, start, (stop[0], stop[1]), mask, found.cancer, clinical_score, p, upgraded)
                here.append((lesion, found, lies))
            here.sort(key=lambda item: -item[0].probability)
            if here and (not best or here[0][0].probability > best[0][0].probability):
                best = here
        return best

    def _final(self, image_score: float, clinical_score: float, kind: str = "") -> tuple[float, bool]:
        name = kind or self.kind
        image_threshold = float(self.points["image"]["threshold"])
        threshold = float(self.points[name]["threshold"])
        scores = [[image_score, clinical_score]]
        p = float(bong2023_combine.final(self.combined[name], scores, image_threshold, threshold)[0])
        return p, p >= threshold and image_score < image_threshold

    def predict(self, case: OpenCase, clinical: Mapping[str, str] | None = None) -> Prediction:
        """Return the prediction of one case; never stores it.

        Parameters
        ----------
        case : OpenCase
            The case.
        clinical : mapping, optional
            "age" in years, "family_history" (yes/no), "brca" (positive/negative/not tested), "density" (a to d).
        """
        if case.modality != "ultrasound":
            return self._without(case, "not_applicable", f"{self.bundle.model_id} was not made for {case.modality} images.")
        images = preprocess.judged_images(case)
        if not images:
            return self._without(case, "not_applicable", "The case holds no grey-scale image that the model could judge.")
        known = self.bundle.manifest["input"].get("grey", {})
        for image in images:
            grey = frames(image)[0][1]
            why = preprocess.unlike(bong2023_data.fit(grey, self.image.size)[0], (grey.shape[0], grey.shape[1]), known)
            if why:
                text = f"The images differ from all that {self.bundle.model_id} was trained on: {why}."
                return self._without(case, "not_applicable", text)
        factors, notes = bong2023.encode(clinical or {}, float(self.clinical.age_mean_std[0]))
        clinical_score = float(self.clinical.score(factors[None])[0])
        threshold = float(self.points[self.kind]["threshold"])
        lesions: list[Lesion] = []
        boxes: list[Box] = []
        heatmaps: list[Heatmap] = []
        raw: list[Float] = []
        for image in images:
            judged = self.judge(image, clinical_score)
            lesions += [lesion for lesion, _, _ in judged]
            boxes += [self._box(lesion, threshold) for lesion, _, _ in judged]
            if judged:
                heat, values = self._heat(image, judged, threshold)
                heatmaps.append(heat)
                raw.append(values)
        if not lesions:
            return self._without(case, "no_finding", "The model found no mass in these images.", threshold, self.labels[0], notes)
        first = max(lesions, key=lambda lesion: lesion.probability)
        positive = first.probability >= threshold
        finals = {kind: self._final(first.image_score, clinical_score, kind)[0] for kind in bong2023_combine.KINDS}
        every = {"image": first.image_score, **finals}
        scores = {
            "image_score": first.image_score,
            "clinical_score": clinical_score,
            "combined": self.kind,
            **finals,
            "calls": {name: p >= float(self.points[name]["threshold"]) for name, p in every.items()},
            "upgraded": first.upgraded,
            "lesions": [self._entry(lesion) for lesion in lesions],
        }
        return Prediction(
            model_id=self.bundle.model_id,
            case_id=case.case_id,
            fingerprint=case.fingerprint,
            probability=first.probability,
            threshold=threshold,
            call=self.labels[int(positive)],
            positive=positive,
            boxes=tuple(sorted(boxes, key=lambda b: -b.score)),
            heatmaps=tuple(heatmaps),
            raw=tuple(raw),
            provenance=self._provenance(notes, scores),
        )

    def _box(self, lesion: Lesion, threshold: float) -> Box:
        label = self.labels[int(lesion.probability >= threshold)]
        start: tuple[float, ...] = lesion.start
        stop: tuple[float, ...] = lesion.stop
        if lesion.frame is not None:
            start, stop = (float(lesion.frame), *start), (float(lesion.frame + 1), *stop)
        return Box(lesion.image_id, start, stop, lesion.probability, label)

    def _entry(self, lesion: Lesion) -> dict[str, Any]:
        return {
            "image_id": lesion.image_id,
            "frame": lesion.frame,
            "start": list(lesion.start),
            "stop": list(lesion.stop),
            "image_score": lesion.image_score,
            "probability": lesion.probability,
            "upgraded": lesion.upgraded,
            "outline": lesion.outline(),
        }

    def _heat(self, image: NewImage, judged: Sequence[tuple[Lesion, Found, Fit]], threshold: float) -> tuple[Heatmap, Float]:
        """Return the heat of the lesions called malignant, each explained by its own box; nothing for benign ones."""
        lesion, found, lies = judged[0]
        stride = self.image.size // found.evidence.shape[0]
        rows, columns = (-(-n // stride) for n in lies.used)
        total = np.zeros((rows, columns), np.float32)
        for one, own, _ in judged:
            if one.probability >= threshold:
                total = np.maximum(total, own.evidence[:rows, :columns])
        scale: tuple[float, ...] = (stride * lies.factor[0], stride * lies.factor[1])
        offset: tuple[float, ...] = lies.centre_to_image(0, 0)
        if lesion.frame is not None:
            total, scale, offset = total[None], (1.0, *scale), (float(lesion.frame), *offset)
        return explain.heatmap(image.id, total, scale, offset, float(self.scale["floor"]), float(self.scale["ceiling"]), SHOWN)

    def _provenance(self, notes: Sequence[str] = (), more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return provenance(self.bundle, self.where, preprocess.VERSION, notes, more)

    def _without(
        self, case: OpenCase, status: str, reason: str, threshold: float = 0.5, call: str = "", notes: Sequence[str] = ()
    ) -> Prediction:
        return Prediction(
            model_id=self.bundle.model_id,
            case_id=case.case_id,
            fingerprint=case.fingerprint,
            probability=0.0,
            threshold=threshold,
            call=call,
            positive=False,
            status=status,
            reason=reason,
            provenance=self._provenance(notes),
        )
