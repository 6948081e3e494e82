"""Models made elsewhere as ONNX graphs: data only, run by ONNX Runtime, described by the bundle's manifest.

The manifest says how an image becomes the graph's input (pixel size, values, normalisation, mirror) and what its outputs mean
(score, map, boxes); ``resources/schemas/bundle.schema.json`` is the contract. Input pixel i of an axis lies at image index
``(i - pad + 0.5) * factor - 0.5``, with ``factor`` image pixels per input pixel and ``pad`` the pixels added before the image.
A graph may not name files outside its own (external data) nor operators that standard ONNX does not have.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reader_app.ai.bundle import ONNX_GRAPH, Bundle
from reader_app.ai.results import Prediction
from reader_app.errors import BundleError
from reader_app.imaging.container import NewImage, OpenCase
from reader_app.imaging.overlay import Box, Heatmap, quantise
from reader_app.networks import preprocess
from reader_app.networks.onnx_input import Input, Planes, inputs_of
from reader_app.networks.provenance import provenance

Float = NDArray[np.float32]

#: Domains of operators that standard ONNX knows; a graph with another needs code that is not in the bundle.
DOMAINS: tuple[str, ...] = ("", "ai.onnx", "ai.onnx.ml")


@dataclass(frozen=True, eq=False)
class _Judged:
    """What the graph says of one input."""

    source: Input
    score: float
    evidence: Float | None
    boxes: list[tuple[tuple[float, float, float, float], float]]


class OnnxModel:
    """An ONNX bundle ready to predict.

    Parameters
    ----------
    bundle : Bundle
        With ``system`` "onnx".
    where : torch.device
        CUDA is used when ONNX Runtime was built for it, else the CPU.

    Raises
    ------
    BundleError
        If the graph is damaged, reaches outside itself, lacks an input or output that the manifest names, or fails its self-test.
    """

    def __init__(self, bundle: Bundle, where: torch.device) -> None:
        self.bundle, self.where = bundle, where
        self.input: Mapping[str, Any] = bundle.manifest["input"]
        self.output: Mapping[str, Any] = bundle.manifest["output"]
        self.labels = (str(self.output["labels"][0]), str(self.output["labels"][1]))
        self._session = _session(bundle, where)
        self._check_names()
        named = self.output.get("map", {}).get("weights")
        self._weights = None if named is None else _array(bundle, str(named)).reshape(-1)
        self._self_test()

    def predict(self, case: OpenCase, clinical: Mapping[str, str] | None = None) -> Prediction:
        """Judge a case: every current image of the views the model was made for."""
        modality = case.modality
        if modality not in self.input["modalities"]:
            return self._without(case, f"{self.bundle.model_id} was not made for {modality} images.")
        views = self.input.get("views")
        images = [i for i in preprocess.judged_images(case) if views is None or i.view in views]
        if not images:
            asked = f" of the views {', '.join(views)}" if views else ""
            return self._without(case, f"The case holds no grey-scale image{asked} that the model could judge.")
        if self.input["spacing_mm"] is not None and any(i.spacing_mm is None for i in images):
            return self._without(case, "An image states no pixel size, which the model needs.")
        threshold = float(self.bundle.manifest["operating_points"][modality]["threshold"])
        scores: dict[str, float] = {}
        boxes: list[Box] = []
        heatmaps: list[Heatmap] = []
        raw: list[Float | None] = []
        for image in images:
            planes = inputs_of(image, self.input)
            judged = [self._judge(x) for x in planes.inputs]
            scores[image.id] = self._aggregate([j.score for j in judged])
            boxes += self._boxes(image, planes, judged)
            if "map" in self.output:
                heat, values = self._heatmap(image, planes, judged)
                heatmaps.append(heat)
                raw.append(values)
        probability = self._aggregate(list(scores.values()))
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
            provenance=self._provenance({"image_probability": scores}),
        )

    # --- the graph

    def _run(self, pixels: Float) -> dict[str, Float]:
        names = [o.name for o in self._session.get_outputs()]
        try:
            values = self._session.run(names, {self.input["name"]: pixels})
        except Exception as error:  # noqa: BLE001 - ONNX Runtime raises its own kinds, all of them for the graph's sake
            raise BundleError(f"{self.bundle.path / ONNX_GRAPH}: cannot be run ({_first_line(error)}); ask its makers.") from None
        return {name: np.asarray(value, np.float32) for name, value in zip(names, values, strict=True)}

    def _judge(self, source: Input) -> _Judged:
        found = self._run(source.pixels)
        boxes: list[tuple[tuple[float, float, float, float], float]] = []
        if "boxes" in self.output:
            spec = self.output["boxes"]
            corners, values = found[spec["name"]].reshape(-1, 4), found[spec["scores"]].reshape(-1)
            order = [k for k in np.argsort(-values, kind="stable") if values[k] >= float(spec.get("least", 0.05))]
            for k in order[: int(spec.get("most", 20))]:
                left, top, right, bottom = (float(v) for v in corners[k])
                boxes.append(((top, left, bottom, right), float(values[k])))
        return _Judged(source, self._score(found), self._evidence(found), boxes)

    def _score(self, found: Mapping[str, Float]) -> float:
        if "score" not in self.output:
            values = found[self.output["boxes"]["scores"]].reshape(-1)
            return float(np.clip(values.max(initial=0.0), 0.0, 1.0))
        spec = self.output["score"]
        values = found[spec["name"]].reshape(-1).astype(np.float64)
        place = int(spec.get("positive", len(values) - 1))
        if place >= len(values) or not np.isfinite(values).all():
            raise BundleError(f"{self.bundle.path}: the output {spec['name']!r} is not what the manifest says; ask its makers.")
        values = values / float(spec.get("temperature", 1.0))
        if spec["activation"] == "softmax":
            values = np.exp(values - values.max())
            return float(values[place] / values.sum())
        value = float(values[place])
        if spec["activation"] == "sigmoid":
            value = float(1 / (1 + np.exp(-np.clip(value, -60, 60))))
        return min(1.0, max(0.0, value))

    def _evidence(self, found: Mapping[str, Float]) -> Float | None:
        if "map" not in self.output:
            return None
        spec = self.output["map"]
        values = found[spec["name"]]
        values = values.reshape(-1, *values.shape[-2:])
        if self._weights is not None:
            return np.asarray(np.tensordot(self._weights, values, axes=1), np.float32)
        return np.asarray(values[int(spec.get("channel", len(values) - 1))], np.float32)

    def _aggregate(self, scores: list[float]) -> float:
        return float(np.mean(scores)) if self.output["aggregate"] == "mean" else max(scores)

    # --- back to the image

    def _boxes(self, image: NewImage, planes: Planes, judged: list[_Judged]) -> list[Box]:
        out: list[Box] = []
        for found in judged:
            for (top, left, bottom, right), score in found.boxes:
                # corners are edges: pixel i spans i to i + 1
                one = [planes.to_image(found.source, axis, v - 0.5)[0] + 0.5 for axis, v in ((0, top), (1, left))]
                other = [planes.to_image(found.source, axis, v - 0.5)[0] + 0.5 for axis, v in ((0, bottom), (1, right))]
                low = [max(0.0, min(pair)) for pair in zip(one, other, strict=True)]
                high = [min(float(n), max(pair)) for pair, n in zip(zip(one, other, strict=True), planes.shape, strict=True)]
                if found.source.slice_index is not None:
                    half = planes.step / 2
                    low = [max(0.0, found.source.slice_index + 0.5 - half), *low]
                    high = [min(float(image.array.shape[0]), found.source.slice_index + 0.5 + half), *high]
                if all(b - a >= 1 for a, b in zip(low, high, strict=True)):
                    word = self.labels[1]
                    out.append(Box(image.id, tuple(low), tuple(high), min(1.0, max(0.0, score)), word))
        return _apart(out)

    def _heatmap(self, image: NewImage, planes: Planes, judged: list[_Judged]) -> tuple[Heatmap, Float]:
        spec = self.output["map"]
        floor, ceiling = float(spec["floor"]), float(spec["ceiling"])
        stride, offset = float(spec["stride"]), float(spec["offset"])
        first = judged[0].source
        layers = [j.evidence for j in judged if j.evidence is not None]
        # a mirrored input's cells run the other way along the columns
        layers = [layer[:, ::-1] if first.mirrored else layer for layer in layers]
        cells = np.stack(layers) if first.slice_index is not None else layers[0]
        scales, offsets = [], []
        for axis in (0, 1):
            at, factor = planes.to_image(first, axis, offset)
            last, _ = planes.to_image(first, axis, offset + stride * (layers[0].shape[axis] - 1))
            scales.append(stride * factor)
            offsets.append(min(at, last))
        if first.slice_index is not None:
            scales, offsets = [float(planes.step), *scales], [float(first.slice_index), *offsets]
        cells = np.nan_to_num(np.asarray(cells, np.float32), nan=floor, posinf=ceiling, neginf=floor)
        grid = quantise(cells, floor, ceiling)
        evidence = bool((cells > floor).any())
        if not evidence:
            grid = np.zeros_like(grid)
        return Heatmap(image.id, grid, tuple(scales), tuple(offsets), 0.0, 1.0, evidence), (cells - floor) / (ceiling - floor)

    # --- checks

    def _check_names(self) -> None:
        given = {i.name for i in self._session.get_inputs()}
        outputs = {o.name for o in self._session.get_outputs()}
        if given != {self.input["name"]}:
            known = ", ".join(sorted(given))
            raise BundleError(
                f"{self.bundle.path}: the graph takes {known}, the manifest names {self.input['name']}; correct it."
            )
        wanted = [self.output[k]["name"] for k in ("score", "map", "boxes") if k in self.output]
        wanted += [self.output["boxes"]["scores"]] if "boxes" in self.output else []
        for name in wanted:
            if name not in outputs:
                known = ", ".join(sorted(outputs))
                raise BundleError(f"{self.bundle.path}: the graph has no output {name!r}, it has {known}; correct the manifest.")

    def _self_test(self) -> None:
        test = self.bundle.manifest["self_test"]
        pixels = _array(self.bundle, str(test["input"]))
        shape = (1, int(self.input["channels"]), *(int(v) for v in self.input["size"]))
        if pixels.shape != shape:
            raise BundleError(f"{self.bundle.path}: the self-test's input has the shape {pixels.shape}, not {shape}; correct it.")
        score = self._score(self._run(pixels))
        if not abs(score - float(test["expected"])) <= float(test["atol"]):
            text = f"gives {score:.5f} where {float(test['expected']):.5f} is expected"
            raise BundleError(f"{self.bundle.path}: fails its self-test ({text}); the graph or this machine's runtime differs.")

    def _provenance(self, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        import onnxruntime

        own = {"onnxruntime": str(onnxruntime.__version__), "providers": list(self._session.get_providers())}
        return provenance(self.bundle, self.where, "manifest", (), {**own, **(more or {})})

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
            provenance=self._provenance(),
        )


def _session(bundle: Bundle, where: torch.device) -> Any:
    import onnx
    import onnxruntime

    path = bundle.path / ONNX_GRAPH
    content = path.read_bytes()
    try:
        graph = onnx.load_model_from_string(content)
    except Exception as error:  # noqa: BLE001 - protobuf raises its own kinds
        raise BundleError(f"{path}: is no ONNX graph ({_first_line(error)}); get the bundle again from its source.") from None
    for tensor in _tensors(graph.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise BundleError(f"{path}: keeps values in other files, which is refused; export it as one file.")
    strange = {o.domain for o in graph.opset_import} - set(DOMAINS)
    if strange or graph.functions:
        raise BundleError(
            f"{path}: needs operators of {', '.join(sorted(strange)) or 'its own'}, which is refused; export it plain."
        )
    options = onnxruntime.SessionOptions()
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    threads = os.environ.get("READER_APP_THREADS")
    if threads:
        options.intra_op_num_threads = int(threads)
    known = onnxruntime.get_available_providers()
    providers = ["CPUExecutionProvider"]
    if where.type == "cuda" and "CUDAExecutionProvider" in known:
        providers.insert(0, "CUDAExecutionProvider")
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # noqa: BLE001 - ONNX Runtime raises its own kinds
        raise BundleError(f"{path}: cannot be loaded ({_first_line(error)}); get the bundle again from its source.") from None


def _tensors(graph: Any) -> list[Any]:
    """Return every tensor of a graph and of the graphs in its nodes."""
    found = list(graph.initializer) + [s.values for s in graph.sparse_initializer]
    for node in graph.node:
        for attribute in node.attribute:
            found += [attribute.t] if attribute.HasField("t") else []
            found += list(attribute.tensors)
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                found += _tensors(inner)
    return found


def _array(bundle: Bundle, name: str) -> Float:
    path = bundle.path / name
    if name not in bundle.manifest["files"]:
        raise BundleError(f"{path}: is named in the manifest but not among its files; complete the manifest.")
    try:
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: is no array file ({error}); get the bundle again from its source.") from None


def _apart(boxes: list[Box]) -> list[Box]:
    """Join boxes of neighbouring slices that overlap, the better first; boxes of a flat image stay as they are."""
    out: list[Box] = []
    for box in sorted(boxes, key=lambda b: -b.score):
        same = next((k for k, o in enumerate(out) if len(box.start) == 3 and _touch(o, box)), None)
        if same is None:
            out.append(box)
            continue
        kept = out[same]
        start = tuple(min(a, b) for a, b in zip(kept.start, box.start, strict=True))
        stop = tuple(max(a, b) for a, b in zip(kept.stop, box.stop, strict=True))
        out[same] = Box(kept.image_id, start, stop, kept.score, kept.label)
    return out


def _touch(one: Box, other: Box) -> bool:
    return one.image_id == other.image_id and all(
        a <= d and c <= b for a, b, c, d in zip(one.start, one.stop, other.start, other.stop, strict=True)
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
