"""liu2025 in use: a case of breast volume scans gives framed lesions, a probability, and heat in the volume of each scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from reader_app.ai.bundle import Bundle
from reader_app.ai.results import Prediction
from reader_app.errors import BundleError
from reader_app.imaging.container import NewImage, OpenCase
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.networks import checkpoint, explain, liu2025, liu2025_known, preprocess
from reader_app.networks import liu2025_volume as geometry
from reader_app.networks.liu2025 import Liu2025Network, PlaneFusion
from reader_app.networks.liu2025_volume import Crop, Float, Found, HeatVolume
from reader_app.networks.provenance import provenance

#: Changes whenever the same volume would give other slices or crops.
VERSION = "liu2025-3"

#: Share (0..1 of the evidence scale) that one cell must reach before a heatmap shows anything.
LEAST = 0.35


@dataclass(frozen=True, slots=True)
class Working:
    """How a volume is searched and its lesions are cut out.

    Attributes
    ----------
    mm : float
        Side of the cubes that slices are made of.
    window : int
        Pixels a side of a crop.
    threshold : float
        Mean probability of the U-Nets from which a cube is marked.
    least_mm3 : float
        Smallest lesion.
    most : int
        Most lesions of one scan.
    beside : int
        Neighbouring slices on either side that a U-Net sees with each slice.
    """

    mm: float
    window: int
    threshold: float = 0.5
    least_mm3: float = 60.0
    most: int = 5
    beside: int = 0


def working_for(backbone: str) -> Working:
    """Return the default sizes of a backbone: the paper's crops of 224 pixels, or small ones."""
    return Working(1.0, 64, beside=2) if backbone == "small" else Working(0.5, 224, beside=1)


@dataclass(frozen=True, eq=False)
class Judged:
    """A lesion and what the classifier says of it.

    Attributes
    ----------
    found : Found
        Where it lies.
    scores : float32 array, (frames,)
        Logit difference of every frame.
    embedding : float32 array
        Mean of the halved features over the frames.
    maps : list of (Crop, float32 array)
        Grad-CAM of every crop, its mean the score (less the bias) where the layers behind are linear.
    """

    found: Found
    scores: Float
    embedding: Float
    maps: list[tuple[Crop, Float]]


def judge(
    classifier: PlaneFusion,
    volume: np.ndarray[Any, Any],
    spacing: Sequence[float],
    found: Found,
    window: int,
    where: torch.device,
) -> Judged:
    """Judge a lesion's frames and explain each plane of each frame.

    Parameters
    ----------
    classifier : PlaneFusion
        The classifier.
    volume : uint8 array, (slice, row, column)
        The scan.
    spacing : sequence of float
        Millimetres, slice, row, column.
    found : Found
        The lesion.
    window : int
        Pixels a side of a crop.
    where : torch.device
        Where to run.
    """
    classifier.eval()
    cut = geometry.frames(found.start, found.stop, spacing, volume.shape, window)
    scores: list[Float] = []
    embedding: list[Float] = []
    maps: list[tuple[Crop, Float]] = []
    for first in range(0, len(cut), 8):
        part = cut[first : first + 8]
        crops = np.stack([[geometry.cut(volume, frame[plane]) for plane in classifier.planes] for frame in part])
        x = torch.from_numpy(preprocess.ultrasound_grey(crops.astype(np.float32))).to(where)
        trunks = [classifier.trunk(k) for k in range(len(classifier.planes))]
        with torch.no_grad():
            early = [trunk.early(x[:, k : k + 1]) for k, trunk in enumerate(trunks)]
        leaves = [e.detach().requires_grad_(True) for e in early]
        features = [trunk.late(leaf) for trunk, leaf in zip(trunks, leaves, strict=True)]
        score = classifier.score(features)
        gradients = torch.autograd.grad(score.sum(), leaves)
        scores.append(np.asarray(score.detach().float().cpu().numpy(), np.float32))
        with torch.no_grad():
            embedding.append(np.asarray(classifier.embed(features).float().cpu().numpy(), np.float32))
        for plane, leaf, gradient in zip(classifier.planes, leaves, gradients, strict=True):
            cells = leaf.shape[2] * leaf.shape[3]
            heat = torch.relu((gradient * leaf.detach()).sum(1) * cells).float().cpu().numpy()
            maps += [(frame[plane], explain.smooth(np.asarray(h, np.float32))) for frame, h in zip(part, heat, strict=True)]
    return Judged(found, np.concatenate(scores), np.concatenate(embedding).mean(0), maps)


def heat_volume(classifier: PlaneFusion, shape: Sequence[int], spacing: Sequence[float], judged: Sequence[Judged]) -> HeatVolume:
    """Return the maps of lesions put back into their volume, at the true centres of their cells."""
    volume = HeatVolume(shape, spacing)
    cells = classifier.trunk(0).split_cells
    for lesion in judged:
        for crop, evidence in lesion.maps:
            volume.add(crop, evidence, cells)
    return volume


@dataclass(frozen=True, eq=False)
class Searched:
    """A scan that was searched.

    Attributes
    ----------
    lesions : list of Found
        Heaviest first.
    judged : int
        Slices that the U-Nets saw.
    spacing : tuple of float
        Millimetres, slice, row, column.
    grid : float32 array
        The scan's standardised grey values on cubes.
    """

    lesions: list[Found]
    judged: int
    spacing: tuple[float, float, float]
    grid: Float


def search(network: Liu2025Network, image: NewImage, working: Working, where: torch.device) -> Searched:
    """Look for the lesions of a scan."""
    assert image.spacing_mm is not None
    grid, factor = geometry.resample(image.array, image.spacing_mm, working.mm)
    chance, judged = geometry.probability(dict(network.finders.items()), grid, network.multiple, where, network.beside)
    return marked(image, working, grid, factor, geometry.settled(chance), judged)


def marked(image: NewImage, working: Working, grid: Float, factor: geometry.Triple, chance: Float, judged: int) -> Searched:
    """Return what the U-Nets' settled mean probability says of a scan; ``factor`` is image voxels per cube."""
    spacing = image.spacing_mm
    assert spacing is not None
    found = geometry.components(chance, factor, working.mm, working.threshold, working.least_mm3, working.most)
    return Searched(found, judged, (spacing[0], spacing[1], spacing[2]), grid)


class Liu2025Model:
    """A loaded bundle, ready to predict.

    Parameters
    ----------
    bundle : Bundle
        Checked bundle.
    where : torch.device
        Device to run on.
    network : Liu2025Network, optional
        A network to use as it is instead of the bundle's weights.
    """

    def __init__(self, bundle: Bundle, where: torch.device, network: Liu2025Network | None = None) -> None:
        self.bundle, self.where = bundle, where
        manifest = bundle.manifest
        entry = dict(manifest["input"]["modalities"]["abvs"])
        self.working = Working(
            float(entry["mm"]),
            int(entry["window"]),
            float(entry["threshold"]),
            float(entry["least_mm3"]),
            int(entry["most"]),
            int(entry.get("beside", 0)),
        )
        if network is None:
            fusion = str(manifest.get("fusion", liu2025.FUSIONS[0]))
            planes = liu2025.MODELS[bundle.model_id]
            network = Liu2025Network(str(manifest.get("backbone", "")), planes, fusion, self.working.beside)
            tensors, _ = checkpoint.read(bundle.weights)
            try:
                network.load_state_dict(tensors)
            except RuntimeError as error:
                raise BundleError(f"{bundle.weights}: the weights do not fit the backbone named in the manifest.") from error
        self.network = network.eval().to(where)
        self.slope, self.intercept = (float(v) for v in manifest["calibration"]["abvs"]["platt"])
        self.threshold = float(manifest["operating_points"]["abvs"]["threshold"])
        self.ends: Mapping[str, Any] = manifest["output"]["evidence"]["abvs"]
        self.known: Mapping[str, Any] = manifest["input"].get("known", {})

    def chance(self, judged: Judged) -> float:
        """Return a lesion's probability: frames calibrated first, then averaged."""
        z = np.clip(self.slope * judged.scores + self.intercept, -30, 30)
        return float((1 / (1 + np.exp(-z))).mean())

    def predict(
        self, case: OpenCase, clinical: Mapping[str, str] | None = None, given: Mapping[str, Searched] | None = None
    ) -> Prediction:
        """Return the prediction of one case; never stores it.

        Every lesion found is framed and labelled "malignant" or "benign" with its probability; the case has its most suspicious
        lesion's. Heat shows what speaks for malignancy in the lesions called malignant, on cells of 2 mm of the scan's volume.

        Parameters
        ----------
        case : OpenCase
            The case.
        clinical : mapping, optional
            Not used: the paper's model sees images alone.
        given : mapping, optional
            Scans that were searched already, by image id.
        """
        if case.modality != "abvs":
            return self._without(case, "not_applicable", f"{self.bundle.model_id} was not made for {case.modality} images.")
        images = [i for i in preprocess.judged_images(case) if i.kind == "volume"]
        if not images:
            return self._without(case, "not_applicable", "The case holds no volume that the model could judge.")
        if any(i.spacing_mm is None or len(i.spacing_mm) != 3 for i in images):
            return self._without(case, "not_applicable", "A scan states no voxel size, which the model needs.")
        if any(i.array.dtype != np.uint8 for i in images):
            return self._without(case, "not_applicable", "A scan has not the 8 bits of grey that the model was trained on.")
        boxes: list[Box] = []
        heatmaps: list[Heatmap] = []
        raw: list[Float] = []
        best: tuple[float, Float] | None = None
        by_image: dict[str, list[float]] = {}
        slices = frames = 0
        for image in images:
            assert image.spacing_mm is not None
            shape = image.array.shape
            fault = liu2025_known.geometry_fault(shape, image.spacing_mm, self.working.mm)
            if fault:
                return self._without(case, "not_applicable", f"{image.id}: {fault}.")
            found = (given or {}).get(image.id) or search(self.network, image, self.working, self.where)
            fault = liu2025_known.grey_fault(self.known, found.grid)
            if fault:
                return self._without(case, "not_applicable", f"{image.id}: {fault}.")
            slices += found.judged
            spacing = found.spacing
            judged = [
                judge(self.network.classifier, image.array, spacing, f, self.working.window, self.where) for f in found.lesions
            ]
            chances = [self.chance(j) for j in judged]
            by_image[image.id] = chances
            for lesion, p in zip(judged, chances, strict=True):
                frames += len(lesion.scores)
                label = liu2025.LABELS[int(p >= self.threshold)]
                boxes.append(Box(image.id, lesion.found.start, lesion.found.stop, p, label))
                if best is None or p > best[0]:
                    best = (p, lesion.embedding)
            suspicious = [j for j, p in zip(judged, chances, strict=True) if p >= self.threshold]
            heat, values = self._heat(image.id, shape, spacing, suspicious)
            heatmaps.append(heat)
            raw.append(values)
        fault = "" if best is None else liu2025_known.embedding_fault(self.known, best[1])
        if fault and best is not None:
            return self._without(case, "not_applicable", f"{self.bundle.model_id} does not know such a lesion: {fault}.")
        away = 0.0 if best is None else liu2025_known.distance(self.known, best[1])
        more = {"lesion_probability": by_image, "slices": slices, "frames": frames, "embedding_distance": away}
        probability = 0.0 if best is None else best[0]
        positive = best is not None and probability >= self.threshold
        return Prediction(
            model_id=self.bundle.model_id,
            case_id=case.case_id,
            fingerprint=case.fingerprint,
            probability=probability,
            threshold=self.threshold,
            call=liu2025.LABELS[int(positive)],
            positive=positive,
            status="no_finding" if best is None else "ok",
            reason="The model found no lesion in any scan." if best is None else "",
            boxes=tuple(sorted(boxes, key=lambda b: -b.score)),
            heatmaps=tuple(heatmaps),
            raw=tuple(raw),
            embedding=None if best is None else best[1],
            provenance=self._provenance(more),
        )

    def _heat(
        self, image_id: str, shape: Sequence[int], spacing: Sequence[float], judged: Sequence[Judged]
    ) -> tuple[Heatmap, Float]:
        volume = heat_volume(self.network.classifier, shape, spacing, judged)
        floor, ceiling = float(self.ends["floor"]), float(self.ends["ceiling"])
        return explain.heatmap(image_id, volume.fused(), volume.scale, volume.offset, floor, ceiling, LEAST)

    def _provenance(self, more: Mapping[str, Any]) -> dict[str, Any]:
        return provenance(self.bundle, self.where, VERSION, more=more)

    def _without(self, case: OpenCase, status: str, reason: str) -> Prediction:
        return Prediction(
            model_id=self.bundle.model_id,
            case_id=case.case_id,
            fingerprint=case.fingerprint,
            probability=0.0,
            threshold=self.threshold,
            call="",
            positive=False,
            status=status,
            reason=reason,
            provenance=self._provenance({}),
        )
